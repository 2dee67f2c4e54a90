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
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from netarium.errors import MachineError
from netarium.ports import packet_socket
from netarium.ports.mapping import Mapping
from netarium.wire.batch import (
    CHECKSUM_NOT_READY,
    CHECKSUM_VALID,
    INBOUND,
    OUTBOUND,
    SEGMENTED_LATER,
    Batch,
)
from netarium.wire.hot import hot, run

__all__ = ["Block", "Ring", "Rings", "ring_size"]

_PACKET_RX_RING, _PACKET_VERSION, _PACKET_VNET_HDR = 5, 10, 15
_TPACKET_V3 = 2
_REQUEST = struct.Struct("7I")
_FRAME = 2048  # the kernel wants one said; with this version of rings it has no meaning
_LARGEST_BLOCK, _SMALLEST_BLOCK = 1 << 20, 1 << 17  # a super-frame of 64 KiB fits into either

# In a block's header (struct tpacket_block_desc), in words of four bytes.
_STATUS, _FRAMES, _FIRST = 2, 3, 4
_USER = 1

# Of a frame's header (struct tpacket3_hdr) and the struct sockaddr_ll behind it, in bytes.
_SECONDS, _NANOSECONDS, _KEPT, _LENGTH, _STATE, _MAC = 4, 8, 12, 16, 20, 24
_VLAN, _VLAN_KIND = 32, 36
_IFINDEX, _LINK_LAYER, _PACKET_TYPE = 52, 56, 58
_OUTGOING = 4

_CHECKSUM_LATER, _VLAN_VALID, _VLAN_KIND_VALID, _CHECKED = 8, 16, 64, 128
_VIRTIO = 10  # struct virtio_net_hdr lies before the frame
_SEGMENT_TCP4, _SEGMENT_TCP6 = 1, 4
_ETHERNET, _LOOPBACK = 1, 772
_TAG = 0x8100


@hot
def read_block(
    octets: Any,
    halves: Any,
    words: Any,
    base: int,
    most: int,
    links: Any,
    start: Any,
    captured: Any,
    length: Any,
    time: Any,
    interface: Any,
    flags: Any,
    segment: Any,
    at: int,
) -> int:
    """Note the frames of the block at offset ``base`` from row ``at`` of the columns on.

    ``links`` holds, for each interface, its index, its number in the batch and a count of
    its frames, which goes up. The first stands for all that are not among them: minus their
    index takes the number's place. VLAN tags, which the kernel has taken out, are put back.
    Gives the first row that is free.
    """
    count = int(words[(base >> 2) + _FRAMES])
    place = base + int(words[(base >> 2) + _FIRST])
    known, number, counter = 0, 0, 2
    for row in range(at, at + count):
        word = place >> 2
        status = int(words[word + (_STATE >> 2)])
        mac = place + int(halves[(place + _MAC) >> 1])
        kept = int(words[word + (_KEPT >> 2)])
        size = int(words[word + (_LENGTH >> 2)])
        index = int(words[word + (_IFINDEX >> 2)])
        if index != known:
            known, number, counter = index, -index, 2
            for link in range(3, len(links), 3):
                if int(links[link]) == index:
                    number, counter = int(links[link + 1]), link + 2
                    break
        links[counter] += 1
        said = INBOUND
        if int(octets[place + _PACKET_TYPE]) == _OUTGOING:
            said = OUTBOUND
        if status & _CHECKSUM_LATER:
            said |= CHECKSUM_NOT_READY
        elif status & _CHECKED:
            said |= CHECKSUM_VALID
        cut = 0
        kind = int(octets[mac - _VIRTIO + 1]) & 0x7F
        if kind:
            cut = int(halves[(mac - _VIRTIO + 4) >> 1])
            if kind in (_SEGMENT_TCP4, _SEGMENT_TCP6):
                said |= SEGMENTED_LATER
        tag = int(words[word + (_VLAN >> 2)])
        if (tag or status & _VLAN_VALID) and kept >= 12:
            layer = int(halves[(place + _LINK_LAYER) >> 1])
            if layer in (_ETHERNET, _LOOPBACK):
                protocol = _TAG
                if status & _VLAN_KIND_VALID:
                    protocol = int(halves[(place + _VLAN_KIND) >> 1])
                for byte in range(12):
                    octets[mac - 4 + byte] = octets[mac + byte]
                octets[mac + 8] = protocol >> 8
                octets[mac + 9] = protocol & 0xFF
                octets[mac + 10] = (tag >> 8) & 0xFF
                octets[mac + 11] = tag & 0xFF
                mac -= 4
                size += 4
                kept = min(kept + 4, most)
        start[row] = mac
        captured[row] = kept
        length[row] = size
        seconds = int(words[word + (_SECONDS >> 2)])
        time[row] = seconds * 1000000000 + int(words[word + (_NANOSECONDS >> 2)])
        interface[row] = number
        flags[row] = said
        segment[row] = cut
        place += int(words[word])
    return at + count


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
        self.rings = []
        at = 0
        for sock in sockets:
            size = _make(sock, size, retire)
            self.rings.append(Ring(sock, at, size, _block_of(size)))
            at += size
        self._mapping = Mapping(at)
        for ring in self.rings:
            self._mapping.place(ring.sock, ring.at, ring.size)
        self.memory = self._mapping.memory
        self._halves = self.memory.cast("H")
        self._words = self.memory.cast("I")
        self._views: tuple[Any, ...] = ()
        self._poll = select.epoll()
        for ring in self.rings:
            self._poll.register(ring.sock, select.EPOLLIN | select.EPOLLERR)
        self._by_descriptor = {ring.sock.fileno(): ring for ring in self.rings}

    def close(self) -> None:
        """Close the sockets and give their memory back; frames read zeros afterwards."""
        self._poll.close()
        for ring in self.rings:
            ring.sock.close()
        self._mapping.clear()

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
            if not words[(at >> 2) + _STATUS] & _USER:
                break
            found.append(Block(ring, at, words[(at >> 2) + _FRAMES]))
            ring.turn = (ring.turn + 1) % ring.blocks
            ring.held += 1
        return found

    def release(self, blocks: Sequence[Block]) -> None:
        """Give blocks back to the kernel, in the order in which they were taken."""
        for block in blocks:
            self._words[(block.at >> 2) + _STATUS] = 0
            block.ring.held -= 1

    def watch(self, descriptor: int) -> None:
        """Have ``wait`` return when that descriptor can be read, too."""
        self._poll.register(descriptor, select.EPOLLIN)

    def read(self, block: Block, batch: Batch, most: int, *, fast: bool) -> bool:
        """Fill a batch, whose columns are long enough, with the frames of a block.

        Its rows' interfaces are the numbers given by ``links``, or minus an interface's
        index that is not among them; whether there are such.
        """
        if fast and not self._views:
            import numpy

            # Not by way of hot.run, which would make them read-only: tags are put back.
            kinds = ((self.memory, "u1"), (self._halves, "u2"), (self._words, "u4"))
            self._views = tuple(numpy.frombuffer(view, kind) for view, kind in kinds)
        views = self._views if fast else (self.memory, self._halves, self._words)
        columns = (batch.start, batch.captured, batch.length, batch.time)
        more = (batch.interface, batch.flags, batch.segment)
        links = block.ring.links
        links[2] = 0
        batch.count = run(read_block, *views, block.at, most, links, *columns, *more, 0, fast=fast)
        return links[2] > 0


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
