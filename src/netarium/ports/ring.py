"""Receive rings (TPACKET_V3): frames that the kernel leaves in shared memory, in blocks.

Each frame comes with its virtio-net header, so that what the sender left to a network
card, checksums and the cutting into segments, is known and not guessed.
"""

from __future__ import annotations

import errno
import select
import socket
import struct
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from netarium.errors import MachineError
from netarium.ports import packet_socket
from netarium.ports.mapping import Mapping
from netarium.ports.ring_blocks import (
    FRAMES,
    STATUS,
    USER,
    pcap_records,
    pcapng_records,
    put_tags,
    read_block,
)
from netarium.wire.batch import Batch
from netarium.wire.hot import run

__all__ = ["Block", "Ring", "Rings", "ring_size"]

_Each = TypeVar("_Each")
_Result = TypeVar("_Result")

_PACKET_RX_RING, _PACKET_VERSION, _PACKET_VNET_HDR = 5, 10, 15
_TPACKET_V3 = 2
_REQUEST = struct.Struct("7I")
_MANY, _AT_ONCE = 4, 64
_FRAME = 2048  # the kernel wants one said; with this version of rings it has no meaning
_LARGEST_BLOCK, _SMALLEST_BLOCK = 1 << 20, 1 << 17  # a super-frame of 64 KiB fits into either


def ring_size(budget: int, count: int) -> int:
    """Bytes for each of ``count`` rings that share a budget; 1 MiB or more."""
    size = _LARGEST_BLOCK
    while size * 2 * count <= budget:
        size *= 2
    return size


@dataclass(slots=True)
class Ring:
    """The receive ring of one packet socket. Made by ``Rings``.

    Attributes:
        at, size, block: where it lies in the rings' memory, and how long it and a block are.
        links: what ``read_block`` wants to know of its interfaces.
        received, dropped: frames that it has heard and lost so far; ``count`` brings both
            up to date.
        turn: the block that the kernel finishes next; held: those not yet given back.
    """

    sock: socket.socket
    at: int
    size: int
    block: int
    links: array[int] = field(default_factory=lambda: array("q", (0, 0, 0)))
    received: int = 0
    dropped: int = 0
    turn: int = 0
    held: int = 0

    @property
    def blocks(self) -> int:
        """How many blocks it has."""
        return self.size // self.block

    def count(self) -> None:
        """Ask the kernel what it has received and dropped since it was asked last."""
        received, dropped = packet_socket.losses(self.sock)
        self.received += received
        self.dropped += dropped


@dataclass(frozen=True, slots=True)
class Block:
    """Frames that the kernel has finished with: ``frames`` of them at offset ``at``."""

    ring: Ring
    at: int
    frames: int


class Rings:
    """The rings of several packet sockets, in one stretch of memory.

    The sockets hear nothing before ``listen`` of ``packet_socket``; so no frame is missed
    that comes after, and none slips in that came before.

    Args:
        sockets: from ``packet_socket.open_socket``; they belong to the rings from now on.
        size: of each ring in bytes, a power of two; smaller where memory is short.
        retire: milliseconds after which a block that is not full is handed over.
    """

    def __init__(self, sockets: Sequence[socket.socket], size: int, retire: int = 60) -> None:
        self.retire = retire
        self.rings: list[Ring] = []
        at = 0
        made = _at_once(lambda sock: _make(sock, size, retire), sockets)
        for sock, size in zip(sockets, made, strict=True):
            self.rings.append(Ring(sock, at, size, _block_of(size)))
            at += size
        self._mapping = Mapping(at)
        for ring in self.rings:
            self._mapping.place(ring.sock, ring.at, ring.size)
        self.memory = self._mapping.memory
        self._words = self.memory.cast("I")
        #: The memory as numbers of 8, 16 and 32 bits.
        self.views = self.memory, self.memory.cast("H"), self._words
        self._tags = array("q", (0, 0))
        self._poll = select.epoll()
        for ring in self.rings:
            self._poll.register(ring.sock, select.EPOLLIN | select.EPOLLERR)
        self._by_descriptor = {ring.sock.fileno(): ring for ring in self.rings}

    def close(self) -> None:
        """Close the sockets and give their memory back; frames read zeros afterwards.

        A second time changes nothing.
        """
        if self._poll.closed:
            return
        self._poll.close()
        _at_once(self._end, self.rings)

    def _end(self, ring: Ring) -> None:
        ring.sock.close()
        self._mapping.clear(ring.at, ring.size)

    def wait(self, seconds: float | None) -> tuple[list[Ring], list[Ring]]:
        """Rings that have blocks, and rings whose interface went down; None: wait for ever."""
        ready, down = [], []
        for descriptor, events in self._poll.poll(seconds):
            ring = self._by_descriptor.get(descriptor)
            if ring is None:
                continue
            if events & select.EPOLLERR:
                ring.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                down.append(ring)
            if events & select.EPOLLIN:
                ready.append(ring)
        return ready, down

    def take(self, ring: Ring, most: int) -> list[Block]:
        """Up to ``most`` blocks that the kernel has finished with, in its order."""
        found: list[Block] = []
        words = self._words
        while len(found) < most and ring.held < ring.blocks:
            at = ring.at + ring.turn * ring.block
            if not words[(at >> 2) + STATUS] & USER:
                break
            found.append(Block(ring, at, words[(at >> 2) + FRAMES]))
            ring.turn = (ring.turn + 1) % ring.blocks
            ring.held += 1
        return found

    def release(self, blocks: Sequence[Block]) -> None:
        """Give blocks back to the kernel, in the order in which they were taken."""
        for block in blocks:
            self._words[(block.at >> 2) + STATUS] = 0
            block.ring.held -= 1

    def watch(self, descriptor: int) -> None:
        """Have ``wait`` return when that descriptor can be read, too."""
        self._poll.register(descriptor, select.EPOLLIN)

    def records(self, block: Block, out: bytearray, *, pcap_unit: int = 0) -> int:
        """Write the frames of a block as records of a capture file, with compiled loops.

        Args:
            block: what to write.
            out: where to, with room for ``RECORD`` bytes a frame besides the block.
            pcap_unit: nanoseconds of a pcap file's unit of time; 0: in pcapng.

        Gives the bytes written; -1 where that would take more thought, and ``read`` must do.
        """
        links = block.ring.links
        counts = links[:]
        if pcap_unit:
            size = run(pcap_records, *self.views, block.at, links, pcap_unit, out, fast=True)
        else:
            size = run(pcapng_records, *self.views, block.at, links, out, fast=True)
        if size < 0:
            links[:] = counts
        return int(size)

    def read(self, blocks: Sequence[Block], batch: Batch, most: int, *, fast: bool) -> bool:
        """Fill a batch, whose columns are long enough, with the frames of blocks of one ring.

        Its rows' interfaces are the numbers given by ``links``, or minus an interface's
        index that is not among them; whether there are such. ``most`` bytes of a frame are
        kept at most.
        """
        frames = sum(block.frames for block in blocks)
        if len(self._tags) < 2 * frames:
            self._tags = array("q", bytes(16 * frames))
        columns = (batch.start, batch.captured, batch.length, batch.time)
        more = (batch.interface, batch.flags, batch.segment)
        links = blocks[0].ring.links
        links[1] = links[2] = row = 0
        for block in blocks:
            where = (*self.views, block.at, links, self._tags)
            row = run(read_block, *where, *columns, *more, row, fast=fast)
        batch.count = row
        if links[1]:
            octets: Any = self.memory
            if fast:
                import numpy

                octets = numpy.frombuffer(octets, "u1")  # hot.run has other buffers read-only
            run(put_tags, octets, self._tags, links[1], most, *columns[:3], fast=fast)
        return links[2] > 0


def _at_once(action: Callable[[_Each], _Result], items: Sequence[_Each]) -> list[_Result]:
    """Do something with each, in threads where they are many.

    To make a ring and to close it, the kernel waits some 10 ms each, for all at once.
    """
    if len(items) < _MANY:
        return [action(item) for item in items]
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(action, items))


def _block_of(size: int) -> int:
    return max(_SMALLEST_BLOCK, min(_LARGEST_BLOCK, size // 8))


def _make(sock: socket.socket, size: int, retire: int) -> int:
    """Give a socket its ring, of ``size`` bytes or as many as there is memory for; how many."""
    packet_socket.set_option(sock, _PACKET_VERSION, _TPACKET_V3)
    packet_socket.set_option(sock, _PACKET_VNET_HDR, 1)
    while True:
        block = _block_of(size)
        frames = size // _FRAME
        request = _REQUEST.pack(block, size // block, _FRAME, frames, retire, 0, 0)
        try:
            packet_socket.set_option(sock, _PACKET_RX_RING, request)
        except OSError as error:
            if error.errno != errno.ENOMEM or size <= 2 * _SMALLEST_BLOCK:
                raise MachineError(
                    f"this kernel makes no ring of {size >> 10} KiB: {error.strerror}",
                    "capture at fewer nodes, or with --backend pcap",
                ) from None
            size //= 2
        else:
            return size
