"""The hot loops on blocks of receive rings (TPACKET_V3): frames noted in columns, or written out.

Writing the records of a capture file straight from the ring, without columns between, takes
half the time.
"""

from __future__ import annotations

from typing import Any

from netarium.ports.byte_order import copy, put16, put32
from netarium.wire.batch import (
    CHECKSUM_NOT_READY,
    CHECKSUM_VALID,
    INBOUND,
    OUTBOUND,
    SEGMENTED_LATER,
)
from netarium.wire.hot import hot

__all__ = [
    "FRAMES",
    "RECORD",
    "STATUS",
    "USER",
    "pcap_records",
    "pcapng_records",
    "put_tags",
    "read_block",
]

#: Bytes that a frame takes in a file beside its own, at most.
RECORD = 52

#: In a block's header (struct tpacket_block_desc), in words of four bytes.
STATUS, FRAMES, _FIRST = 2, 3, 4
USER = 1  # the status of a block that the kernel has finished with

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
_ENHANCED = 6  # a kind of block of pcapng

# What no status of a frame is.
_NEVER = 0xFFFFFFFF
_AHEAD = 256  # words


@hot
def _fetch(words: Any, word: int, last: int) -> bool:
    """Look at memory ahead of ``word``, so that it is there when its turn comes; as good as false.

    Where a frame begins is known only when the header before it has come from memory, so
    processors do not fetch far ahead by themselves. This takes a third off the time.
    """
    soon = min(word + _AHEAD, last - 16)
    return bool(int(words[soon]) & int(words[soon + 16]) == _NEVER)


@hot
def read_block(
    octets: Any,
    halves: Any,
    words: Any,
    base: int,
    links: Any,
    tags: Any,
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

    Gives the first row that is free.

    ``links`` holds, for each interface, its index, its number in the batch and a count of
    its frames, which goes up. The first stands for all that are not among them: minus their
    index takes the number's place. ``tags`` gets the rows of frames whose _VLAN tag the kernel
    has taken out, with the tag, and ``links[1]``, how many these are, goes up.
    """
    count = int(words[(base >> 2) + FRAMES])
    place = base + int(words[(base >> 2) + _FIRST])
    last = len(words) - 1
    known, number, link = 0, 0, 0
    tagged = links[1]
    for row in range(at, at + count):
        word = place >> 2
        mac = place + int(halves[(place + _MAC) >> 1])
        if place < 0 or mac < _VIRTIO or tagged < 0:  # never: see ``netarium.ports.byte_order``
            return at
        status = int(words[word + (_STATE >> 2)])
        if _fetch(words, word, last) and status == _NEVER:
            return at
        index = int(words[word + (_IFINDEX >> 2)])
        if index != known:
            known, link = index, _link_of(links, index)
            number = int(links[link + 1]) if link else 0 - index  # which is unsigned
        links[link + 2] += 1
        said = _flags_of(int(octets[place + _PACKET_TYPE]), status)
        cut = 0
        kind = int(octets[mac - _VIRTIO + 1]) & 0x7F
        if kind:
            cut = int(halves[(mac - _VIRTIO + 4) >> 1])
            if kind in (_SEGMENT_TCP4, _SEGMENT_TCP6):
                said |= SEGMENTED_LATER
        tag = int(words[word + (_VLAN >> 2)])
        if tag or status & _VLAN_VALID:
            layer = int(halves[(place + _LINK_LAYER) >> 1])
            if layer in (_ETHERNET, _LOOPBACK):
                protocol = _TAG
                if status & _VLAN_KIND_VALID:
                    protocol = int(halves[(place + _VLAN_KIND) >> 1])
                tags[2 * tagged] = row
                tags[2 * tagged + 1] = protocol << 16 | (tag & 0xFFFF)
                tagged += 1
        start[row] = mac
        captured[row] = int(words[word + (_KEPT >> 2)])
        length[row] = int(words[word + (_LENGTH >> 2)])
        seconds = int(words[word + (_SECONDS >> 2)])
        time[row] = seconds * 1000000000 + int(words[word + (_NANOSECONDS >> 2)])
        interface[row] = number
        flags[row] = said
        segment[row] = cut
        place += int(words[word])
    links[1] = tagged
    return at + count


@hot
def _flags_of(packet_type: int, status: int) -> int:
    """The flags of a frame, as in a batch, but for super-frames."""
    said = OUTBOUND if packet_type == _OUTGOING else INBOUND
    if status & _CHECKSUM_LATER:
        said |= CHECKSUM_NOT_READY
    elif status & _CHECKED:
        said |= CHECKSUM_VALID
    return said


@hot
def put_tags(
    octets: Any, tags: Any, count: int, most: int, start: Any, captured: Any, length: Any
) -> None:
    """Put _VLAN tags back in place: the addresses move into the space of the virtio-net header."""
    for each in range(count):
        row, tag = tags[2 * each], tags[2 * each + 1]
        if captured[row] < 12:
            continue
        at = start[row] - 4
        for byte in range(12):
            octets[at + byte] = octets[at + 4 + byte]
        for byte in range(4):
            octets[at + 12 + byte] = (tag >> (24 - 8 * byte)) & 0xFF
        start[row] = at
        captured[row] = min(captured[row] + 4, most)
        length[row] += 4


@hot
def _is_plain(octets: Any, words: Any, word: int, mac: int, status: int) -> bool:
    """Whether a frame is no super-frame and has no tag to be put back."""
    return (
        int(octets[mac - _VIRTIO + 1]) == 0
        and int(words[word + (_VLAN >> 2)]) == 0
        and status & _VLAN_VALID == 0
    )


@hot
def pcap_records(
    octets: Any, halves: Any, words: Any, base: int, links: Any, unit: int, out: Any
) -> int:
    """Write the frames of the block at offset ``base`` as records of a pcap file.

    Gives the bytes written, or -1 where a frame is not plain or its interface not among
    ``links``, whose counts are wrong then. ``unit``: nanoseconds of what the file counts.
    """
    count = int(words[(base >> 2) + FRAMES])
    place = base + int(words[(base >> 2) + _FIRST])
    last = len(words) - 1
    known, counter, at = 0, 2, 0
    for _ in range(count):
        word = place >> 2
        mac = place + int(halves[(place + _MAC) >> 1])
        if place < 0 or mac < _VIRTIO or at < 0:  # never: see ``netarium.ports.byte_order``
            return -1
        status = int(words[word + (_STATE >> 2)])
        if _fetch(words, word, last) and status == _NEVER:
            return -1
        index = int(words[word + (_IFINDEX >> 2)])
        if index != known:
            known, counter = index, _link_of(links, index) + 2
        if counter == 2 or not _is_plain(octets, words, word, mac, status):
            return -1
        links[counter] += 1
        kept = int(words[word + (_KEPT >> 2)])
        put32(out, at, int(words[word + (_SECONDS >> 2)]))
        put32(out, at + 4, int(words[word + (_NANOSECONDS >> 2)]) // unit)
        put32(out, at + 8, kept)
        put32(out, at + 12, int(words[word + (_LENGTH >> 2)]))
        copy(out, at + 16, octets, mac, kept)
        at += 16 + kept
        place += int(words[word])
    return at


@hot
def pcapng_records(octets: Any, halves: Any, words: Any, base: int, links: Any, out: Any) -> int:
    """Write the frames of the block at offset ``base`` as enhanced packet blocks of pcapng.

    The numbers of interfaces in ``links`` are those of the file, their times in nanoseconds.
    Gives the bytes written, or -1 as ``pcap_records`` does.
    """
    count = int(words[(base >> 2) + FRAMES])
    place = base + int(words[(base >> 2) + _FIRST])
    last = len(words) - 1
    known, link, at = 0, 0, 0
    for _ in range(count):
        word = place >> 2
        mac = place + int(halves[(place + _MAC) >> 1])
        if place < 0 or mac < _VIRTIO or at < 0:  # never: see ``netarium.ports.byte_order``
            return -1
        status = int(words[word + (_STATE >> 2)])
        if _fetch(words, word, last) and status == _NEVER:
            return -1
        index = int(words[word + (_IFINDEX >> 2)])
        if index != known:
            known, link = index, _link_of(links, index)
        if link == 0 or not _is_plain(octets, words, word, mac, status):
            return -1
        links[link + 2] += 1
        kept = int(words[word + (_KEPT >> 2)])
        padded = (kept + 3) & ~3
        whole = 44 + padded
        seconds = int(words[word + (_SECONDS >> 2)])
        time = seconds * 1000000000 + int(words[word + (_NANOSECONDS >> 2)])
        put32(out, at, _ENHANCED)
        put32(out, at + 4, whole)
        put32(out, at + 8, links[link + 1])
        put32(out, at + 12, time >> 32)
        put32(out, at + 16, time)
        put32(out, at + 20, kept)
        put32(out, at + 24 + padded, 0)  # what fills up the last word of the frame
        put32(out, at + 24, int(words[word + (_LENGTH >> 2)]))
        copy(out, at + 28, octets, mac, kept)
        at += 28 + padded
        put16(out, at, 2)
        put16(out, at + 2, 4)
        put32(out, at + 4, _flags_of(int(octets[place + _PACKET_TYPE]), status))
        put32(out, at + 8, 0)
        put32(out, at + 12, whole)
        at += 16
        place += int(words[word])
    return at


@hot
def _link_of(links: Any, index: int) -> int:
    """Where an interface is in ``links``; 0 where it is not."""
    for link in range(3, len(links), 3):
        if int(links[link]) == index:
            return link
    return 0
