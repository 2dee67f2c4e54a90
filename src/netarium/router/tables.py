"""The state that both halves of the path share, and the calls from Python into the fast half."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netarium.router import layout
from netarium.router.addresses import Address, mac_bytes, packed
from netarium.router.interface import RouterInterface
from netarium.router.neighbour_table import NeighbourTable
from netarium.router.offload import complete_checksum, headers_length, segment_frame
from netarium.router.packets import Arrival
from netarium.router.path import path
from netarium.router.reasons import Reason
from netarium.router.routes import RouteTable
from netarium.router.step_departure import send
from netarium.router.step_nat import LIFE_SIZE, SESSION_SIZE
from netarium.wire.hot import run

if TYPE_CHECKING:
    from netarium.wire.batch import Batch

__all__ = ["Departure", "Out", "Sent", "Tables"]

_ROOM = 1 << 20
_FRAMES = 4096


@dataclass(frozen=True, slots=True)
class Out:
    """A frame to send: by which interface (its index), its bytes; the rest as in ``wire.batch``."""

    interface: int
    frame: bytes
    flags: int = 0
    segment: int = 0
    header: bytes = bytes(layout.VNET_SIZE)  # its virtio-net header
    number: int = -1  # which frame of the batch made it; -1: a timer did


@dataclass(slots=True)
class Sent:
    """All frames to send, in order; good until the router is handed more.

    Attributes:
        data: the buffer; before each frame lie ten bytes of virtio-net header.
        rows: `layout.SENT_SIZE` numbers for each: see ``layout.SENT_FRAME`` and the following.
        count: frames to send.
        verdicts: what became of each frame that came in: numbers of `Reason`.
    """

    data: bytearray
    rows: array[int]
    count: int
    verdicts: array[int]

    def __iter__(self) -> Iterator[Out]:
        for row in range(0, self.count * layout.SENT_SIZE, layout.SENT_SIZE):
            number, interface, start, length, flags, segment = self.rows[
                row : row + layout.SENT_SIZE
            ]
            header = bytes(self.data[start - layout.VNET_SIZE : start])
            frame = bytes(self.data[start : start + length])
            yield Out(interface, frame, flags, segment, header, number)

    def __len__(self) -> int:
        return self.count


@dataclass(frozen=True, slots=True)
class Departure:
    """An IP packet that the fast path had made ready when it stopped, and where it was to go.

    ``gateway`` is the next router; where there is none, the destination itself.
    """

    packet: bytes
    egress: int
    gateway: Address
    flags: int
    segment: int


class Tables:
    """Flat arrays, and the loop over them.

    Args:
        interfaces: in the order of their indices.
        routes: where to go.
        neighbours: who is there.
        fast: whether to compile the path; its first use then takes seconds, once a machine.
    """

    def __init__(
        self,
        interfaces: Sequence[RouterInterface],
        routes: RouteTable,
        neighbours: NeighbourTable,
        *,
        fast: bool,
    ) -> None:
        self.fast = fast
        self.interfaces = interfaces
        self.routes = routes
        self.neighbours = neighbours
        self.flat = array("q", [n for interface in interfaces for n in interface.row()])
        self.state = array("q", bytes(8 * layout.SETTINGS))
        self.state[layout.NAT_OUTSIDE] = -1
        self.sessions = array("q", bytes(8 * SESSION_SIZE * 64))
        self.lives = array("q", bytes(8 * LIFE_SIZE))
        self.p = array("q", bytes(8 * layout.PACKET))
        self.counters = array("q", bytes(8 * layout.COUNTERS * max(1, len(interfaces))))
        self.number = -1  # the frame of the batch that is at work
        self._verdicts = array("q", bytes(8))
        self._one = [array("q", bytes(8)) for _ in range(6)]
        self.out = bytearray()
        self.sent = array("q")
        self._size(_ROOM, _FRAMES)

    def begin(self, now: float) -> None:
        """Take the time, and make the row of frames to send empty."""
        self.state[layout.NOW] = int(now * 1e9)
        self.state[layout.SENT] = self.state[layout.USED] = 0
        self.state[layout.SKIP] = 0
        self.number = -1

    def finish(self) -> Sent:
        """What there is to send."""
        return Sent(self.out, self.sent, self.state[layout.SENT], self._verdicts)

    def take(self, batch: Batch, first: int) -> int:
        """Send a batch along the path from frame ``first`` on; gives where it stopped."""
        if len(self._verdicts) < batch.count:
            self._verdicts = array("q", bytes(8 * batch.count))
        self.state[layout.SKIP] = 0
        while True:
            first = self._run(
                batch.data,
                batch.start,
                batch.captured,
                batch.interface,
                batch.flags,
                batch.segment,
                first,
                batch.count,
                self._verdicts,
            )
            if first == batch.count or self.p[layout.P_REASON] != Reason.BUFFER_FULL:
                return first
            self._grow()

    def note(self, index: int, reason: int) -> None:
        """Say what became of a frame of the batch in the end."""
        self._verdicts[index] = reason

    def again(self, arrival: Arrival, frame: bytes = b"") -> Reason:
        """Send one frame along the path once more, past what ``arrival.skip`` has settled."""
        frame = frame or arrival.frame
        start, captured, interface, flags, segment, verdict = self._one
        start[0], captured[0], interface[0] = 0, len(frame), arrival.interface
        flags[0], segment[0] = arrival.flags, arrival.segment
        self.state[layout.SKIP] = arrival.skip
        before = self.state[layout.SENT]
        while True:
            view = memoryview(frame)
            self._run(view, start, captured, interface, flags, segment, 0, 1, verdict)
            if verdict[0] != Reason.BUFFER_FULL:
                break
            self._grow()
        self.state[layout.SKIP] = 0
        self._number_from(before)
        return Reason(verdict[0])

    def _run(
        self,
        data: memoryview,
        start: array[int],
        captured: array[int],
        interface: array[int],
        flags: array[int],
        segment: array[int],
        first: int,
        count: int,
        verdicts: array[int],
    ) -> int:
        routes = self.routes
        stopped: int = run(
            path, data, start, captured, interface, flags, segment, first, count,
            self.state, self.flat, routes.v4.trie, routes.v6.trie, routes.hops,
            self.neighbours.flat, self.sessions, self.lives,
            self.p, self.out, self.sent, verdicts, self.counters,
            fast=self.fast,
        )  # fmt: skip
        return stopped

    def departure(self) -> Departure:
        """The packet that the path had made ready when it stopped, and its next hop."""
        p = self.p
        packet = bytes(self.out[p[layout.P_NET] : p[layout.P_END]])
        at = layout.P_GATEWAY
        gateway = packed((p[at], p[at + 1], p[at + 2], p[at + 3]))
        if not any(p[at : at + 4]):
            gateway = packet[16:20] if packet[0] >> 4 == 4 else packet[24:40]
        return Departure(
            packet, p[layout.P_EGRESS], gateway, p[layout.P_FLAGS], p[layout.P_SEGMENT]
        )

    def plain_departures(self) -> list[Departure]:
        """The same as packets without unfinished work: summed, and cut into segments."""
        p = self.p
        if not p[layout.P_SEGMENT]:
            if p[layout.P_FLAGS]:
                complete_checksum(self.out, p)
            return [self.departure()]
        whole = self.departure()
        headers = headers_length(self.out, p)
        size = p[layout.P_SEGMENT]
        payload = p[layout.P_END] - p[layout.P_AT] - headers
        count = -(-payload // size)
        while p[layout.P_END] + headers + size > len(self.out):
            self._grow()
        found = []
        for number in range(count):
            to = p[layout.P_END]
            length = segment_frame(self.out, p, headers, number, count, to)
            packet = bytes(self.out[to + 14 : to + length])
            found.append(Departure(packet, whole.egress, whole.gateway, 0, 0))
        return found

    def emit(
        self, interface: int, mac: int, packet: bytes, flags: int = 0, segment: int = 0
    ) -> None:
        """Put an IP packet into an Ethernet frame and in the row of those to send."""
        at = self._room(14 + len(packet))
        p, family = self.p, packet[0] >> 4
        kind = b"\x08\x00" if family == 4 else b"\x86\xdd"
        self.out[at : at + 14 + len(packet)] = bytes(12) + kind + packet
        p[layout.P_AT], p[layout.P_END], p[layout.P_NET] = at, at + 14 + len(packet), at + 14
        p[layout.P_FAMILY], p[layout.P_FLAGS], p[layout.P_SEGMENT] = family, flags, segment
        p[layout.P_EGRESS], p[layout.P_MAC] = interface, mac
        p[layout.P_HEADER] = 4 * (packet[0] & 15) if family == 4 else 40
        p[layout.P_UPPER], p[layout.P_PROTOCOL] = 0, -1
        if flags or segment:
            p[layout.P_UPPER], p[layout.P_PROTOCOL] = self._upper(packet, at + 14)
        while True:
            if not send(
                self.out, p, self.number, self.state, self.flat, self.sent, self.counters
            ):  # fmt: skip
                return
            self._grow()

    def emit_frame(self, interface: int, frame: bytes) -> None:
        """Put a finished frame in the row of those to send."""
        at = self._room(len(frame))
        self.out[at - layout.VNET_SIZE : at + len(frame)] = bytes(layout.VNET_SIZE) + frame
        row = self.state[layout.SENT] * layout.SENT_SIZE
        self.sent[row : row + layout.SENT_SIZE] = array(
            "q", [self.number, interface, at, len(frame), 0, 0]
        )
        self.state[layout.SENT] += 1
        self.state[layout.USED] = at + len(frame)
        place = interface * layout.COUNTERS
        self.counters[place + layout.TX_FRAMES] += 1
        self.counters[place + layout.TX_BYTES] += len(frame)

    def count(self, interface: int, reason: int, length: int) -> None:
        """Count a frame whose way ended in Python."""
        place = interface * layout.COUNTERS
        self.counters[place + reason] += 1
        self.counters[place + layout.RX_FRAMES] += 1
        self.counters[place + layout.RX_BYTES] += length

    def mac(self, interface: int) -> bytes:
        """An interface's link-layer address, as it lies in a frame."""
        return mac_bytes(self.flat[interface * layout.IF_SIZE + layout.IF_MAC])

    def _upper(self, packet: bytes, net: int) -> tuple[int, int]:
        if packet[0] >> 4 == 4:
            return net + 4 * (packet[0] & 15), packet[9]
        kind, at = packet[6], 40
        while kind in (0, 43, 60) and at + 8 <= len(packet):
            kind, at = packet[at], at + 8 * packet[at + 1] + 8
        return net + at, kind

    def _room(self, length: int) -> int:
        """Where the next frame goes."""
        at = self.state[layout.USED] + layout.HEADROOM
        full = self.state[layout.SENT] >= self.state[layout.FRAME_SIZE]
        while full or at + length > self.state[layout.BUFFER]:
            self._grow()
            full = False
        return at

    def _number_from(self, before: int) -> None:
        for row in range(before, self.state[layout.SENT]):
            self.sent[row * layout.SENT_SIZE + layout.SENT_FRAME] = self.number

    def _grow(self) -> None:
        """Double the output; what is in it stays where it is."""
        self._size(2 * self.state[layout.BUFFER], 2 * self.state[layout.FRAME_SIZE])

    def _size(self, room: int, frames: int) -> None:
        out = bytearray(room + 256)
        out[: len(self.out)] = self.out
        self.out = out
        self.sent.extend(array("q", bytes(8 * layout.SENT_SIZE * frames))[len(self.sent) :])
        self.state[layout.BUFFER], self.state[layout.FRAME_SIZE] = room, frames
