"""Capturing with packet rings, one for each network namespace."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

from netarium.capture.merging import Merger
from netarium.capture.opening import open_sockets
from netarium.capture.source import Direct, Options, Stop, remaining
from netarium.capture.targets import Place, Targets
from netarium.capture.warming import Pace
from netarium.ports import packet_socket
from netarium.ports.libpcap import Program, compile_filter
from netarium.ports.ring import Block, Ring, Rings, ring_size
from netarium.ports.socket_filter import WHOLE, needs_tags, socket_filter
from netarium.wire.batch import Batch, Interface

__all__ = ["RingSource"]

_LOOPBACK = "lo"
_LARGEST = 64 << 20  # bytes of one ring: a second of the smallest frames
_RETIRE, _RETIRE_SOON, _RETIRE_MANY = 60, 10, 30  # milliseconds until a block is handed over
_TOGETHER = 2  # blocks that make a batch, where as many are ready
_FASTEST = 3e9  # bytes a second: more than any stream of frames has
_SLACK = 15  # milliseconds that timers and wakening may take besides


class RingSource:
    """Captures by way of ``netarium.ports.ring``. See ``netarium.capture.source.Source``.

    Args:
        targets: where. They may be closed afterwards.
        options: how.

    Raises:
        MachineError: the machine refuses, for want of rights or memory.
        NotFoundError: an interface is not there.
        FilterError: the filter is wrong.
    """

    def __init__(self, targets: Targets, options: Options) -> None:
        self.interfaces: list[Interface] = []
        self.notes: list[str] = []
        self._options = options
        self._most = min(options.snaplen or WHOLE, WHOLE)
        self._late: Program | None = None
        if options.filter:
            program = compile_filter(options.filter, 1, self._most)
            self._late = program if needs_tags(options.filter) else None
        places = targets.places
        alone = len(places) == 1
        retire = _RETIRE_SOON if options.prompt else _RETIRE if alone else _RETIRE_MANY
        size = ring_size(min(options.budget, _LARGEST * len(places)), len(places))
        sockets = self._open(targets)
        try:
            self._rings = Rings(sockets, size, retire)
        except BaseException:
            for sock in sockets:
                sock.close()
            raise
        self._places = {
            ring.at: place for ring, place in zip(self._rings.rings, places, strict=True)
        }
        self._pace = Pace("ring", *filter(None, (options.purpose,)))
        self._batch = Batch.sized(self._rings.memory, 0)
        self._room = 0
        self._first = 1
        self._is_holding = False
        try:
            for ring in self._rings.rings:
                self._listen(ring)
        except BaseException:
            self._rings.close()
            raise

    @property
    def fast(self) -> bool:
        """Whether there is enough to do for compiled loops."""
        return self._pace.fast

    @staticmethod
    def _open(targets: Targets) -> list[socket.socket]:
        inside = [place.namespace for place in targets.places if place.namespace >= 0]
        opened = iter(open_sockets(inside, user=targets.rootless))
        return [
            next(opened) if place.namespace >= 0 else packet_socket.open_socket()
            for place in targets.places
        ]

    def _listen(self, ring: Ring) -> None:
        """Begin to capture; from here on nothing is missed."""
        place, sock = self._places[ring.at], ring.sock
        links = [self._find(ring, name) for name in place.only]
        for found in links or self._present(ring, place):
            self._number(ring, found)
        bound = links[0] if len(links) == 1 else None
        program = socket_filter(
            self._options.filter,
            snaplen=self._most,
            only=[found.index for found in links],
            loopback=_LOOPBACK in place.only or place.loopback,
            kind=bound.kind if bound else None,
        )
        packet_socket.attach(sock, program)
        packet_socket.listen(sock, bound.index if bound else 0)
        if bound and place.namespace < 0:
            packet_socket.promiscuous(sock, bound.index)

    def _present(self, ring: Ring, place: Place) -> list[packet_socket.Link]:
        """The interfaces that are there now, as far as they are known by name."""
        if place.namespace >= 0:
            names = [*place.described, *([_LOOPBACK] if place.loopback else [])]
        else:
            names = [name for _, name in socket.if_nameindex() if name != _LOOPBACK]
        found = (self._look(ring, name) for name in names)
        return [link for link in found if link]

    @staticmethod
    def _look(ring: Ring, which: str | int) -> packet_socket.Link | None:
        try:
            return packet_socket.link(ring.sock, which)
        except OSError:
            return None

    def _find(self, ring: Ring, name: str) -> packet_socket.Link:
        found = self._look(ring, name)
        if found is None:
            place = self._places[ring.at]
            raise place.missing(name, [*place.described, _LOOPBACK])
        return found

    def _number(self, ring: Ring, link: packet_socket.Link) -> int:
        """Give an interface its number."""
        place = self._places[ring.at]
        self.interfaces.append(
            Interface(
                name=place.name(link.name),
                link_type=packet_socket.link_type(link.kind),
                snaplen=self._options.snaplen,
                mtu=link.mtu,
                description=place.described.get(link.name, ""),
                filter=self._options.filter,
            )
        )
        ring.links.extend((link.index, len(self.interfaces) - 1, 0))
        return len(self.interfaces) - 1

    def close(self) -> None:
        """End capturing and give back all memory."""
        self._pace.close()
        self._rings.close()

    def count(self) -> dict[str, int]:
        """Bring the interfaces' counts up to date; frames dropped so far, by node.

        The interfaces of a node share a ring: what that has dropped is told of the busiest.
        """
        dropped: dict[str, int] = {}
        for ring in self._rings.rings:
            place = self._places[ring.at]
            ring.count()
            name = place.name(place.only[0]) if len(place.only) == 1 else place.node
            dropped[name or "this machine"] = ring.dropped
            busiest = 0
            for link in range(3, len(ring.links), 3):
                interface = self.interfaces[ring.links[link + 1]]
                interface.received, interface.dropped = ring.links[link + 2], 0
                if ring.links[link + 2] >= ring.links[busiest + 2] or not busiest:
                    busiest = link
            if busiest:
                self.interfaces[ring.links[busiest + 1]].dropped = ring.dropped
        return dropped

    # --- frames ---------------------------------------------------------------------------

    def batches(
        self, stop: Stop, deadline: float | None = None, direct: Direct | None = None
    ) -> Iterator[Batch]:
        """Frames as they come; see ``Source``."""
        self._rings.watch(stop.fd)
        if len(self._rings.rings) > 1:
            yield from self._merged(stop, deadline)
        else:
            yield from self._straight(stop, deadline, None if self._late else direct)

    def _straight(
        self, stop: Stop, deadline: float | None, direct: Direct | None
    ) -> Iterator[Batch]:
        """One ring: its blocks are in order by themselves."""
        (ring,) = self._rings.rings
        for _ in self._rounds(stop, deadline):
            while blocks := self._rings.take(ring, 1 if direct else _TOGETHER):
                frames = sum(block.frames for block in blocks)
                if direct and self._pace.of(frames) and direct(self._rings, blocks[0]):
                    self._first += frames
                else:
                    batch = self._read(blocks)
                    if batch.count:
                        yield self._numbered(batch)
                self._rings.release(blocks)

    def _merged(self, stop: Stop, deadline: float | None) -> Iterator[Batch]:
        """Several rings: what is old enough that nothing older can come."""
        rings = self._rings
        merger = Merger(rings.memory)
        hold = (2 * rings.retire + _SLACK) * 1_000_000
        for ready in self._rounds(stop, deadline):
            until: int | None = time.time_ns() - hold
            for ring in ready:
                while blocks := rings.take(ring, 1):
                    merger.add(self._read(blocks), blocks[0])
                if ring.held > ring.blocks // 2:
                    until = None  # rather out of order by a little than lost
            yield from self._flushed(merger, until)
            self._is_holding = len(merger) > 0
        yield from self._flushed(merger, None)

    def _flushed(self, merger: Merger, until: int | None) -> Iterator[Batch]:
        batch, done = merger.flush(until, fast=self._pace.fast)
        if batch.count:
            yield self._numbered(batch)
        self._rings.release(done)

    def _rounds(self, stop: Stop, deadline: float | None) -> Iterator[list[Ring]]:
        """Rings to look at, again and again until the end, and then for what is left."""
        rings = self._rings
        several = len(rings.rings) > 1
        step = rings.retire / 1000
        while not stop.asked and (deadline is None or time.monotonic() < deadline):
            ready, down = rings.wait(remaining(deadline, step if self._is_holding else None))
            if several and ready:  # the others will follow soon: one round for all
                time.sleep(step / 2)
                ready, more = rings.wait(0)
                down += more
            elif self._pace.fast:  # waking up for each block would cost time
                time.sleep(rings.rings[0].size / _FASTEST)
            for ring in down:
                self._note_down(ring)
            yield ready
        for ring in rings.rings:
            packet_socket.set_block_filter(ring.sock)
        last = time.monotonic() + 2 * step + _SLACK / 1000
        while (left := last - time.monotonic()) > 0:
            time.sleep(min(left, step))
            yield rings.rings

    def _read(self, blocks: list[Block]) -> Batch:
        """The frames of blocks as a batch that is good until the next is read."""
        frames = sum(block.frames for block in blocks)
        if frames > self._room:
            self._room = max(frames, 2 * self._room)
            self._batch = Batch.sized(self._rings.memory, self._room)
        batch, fast = self._batch, self._pace.of(frames)
        if self._rings.read(blocks, batch, self._most, fast=fast):
            self._name_strangers(blocks[0].ring, batch)
        if self._late is not None:
            from netarium.ports.bpf import select

            batch.interfaces = self.interfaces
            batch = select(self._late, batch, fast=fast)
        return batch

    def _numbered(self, batch: Batch) -> Batch:
        batch.interfaces = self.interfaces
        batch.first = self._first
        self._first += batch.count
        return batch

    def _name_strangers(self, ring: Ring, batch: Batch) -> None:
        """Number interfaces that frames came from without being known: they are new."""
        place = self._places[ring.at]
        numbers: dict[int, tuple[int, int]] = {}  # in the batch, and where frames are counted
        for row in range(batch.count):
            index = -batch.interface[row]
            if index <= 0:
                continue
            if index not in numbers:
                link = self._look(ring, index)  # None: it has gone again
                link = link or packet_socket.Link(index, f"if{index}", packet_socket.ETHERNET, 0)
                numbers[index] = self._number(ring, link), len(ring.links) - 1
                name = place.name(link.name)
                self.notes.append(f"{name} has appeared; it is captured too")
            batch.interface[row], counter = numbers[index]
            ring.links[counter] += 1

    def _note_down(self, ring: Ring) -> None:
        place = self._places[ring.at]
        name = place.name(place.only[0]) if place.only else place.node
        self.notes.append(f"{name} went down; what comes once it is up again is captured too")
