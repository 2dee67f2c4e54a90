"""The hot loops on pcapng: finding packet blocks in a buffer, and laying them out in one."""

from __future__ import annotations

from typing import Any

from netarium.ports.byte_order import copy, put16, put32, u16, u32
from netarium.wire.hot import hot

__all__ = [
    "AT",
    "BIG",
    "COUNT",
    "END",
    "INTERFACES",
    "ITS_CLOCK",
    "ITS_INDEX",
    "ITS_LOST",
    "ITS_MOST",
    "ITS_NUMBER",
    "ITS_OFFSET",
    "ITS_SNAPLEN",
    "ITS_SPAN",
    "ITS_WIDTH",
    "LONGEST_BLOCK",
    "LOSSES",
    "NEED",
    "NOTES",
    "NOTES_ROOM",
    "PLACES",
    "ROOM",
    "STOP",
    "STOP_BLOCK",
    "STOP_INTERFACE",
    "STOP_LENGTH",
    "STOP_LONG",
    "STOP_PACKET",
    "STOP_SHORT",
    "VALUE",
    "encode",
    "find_packets",
]

# Places in the array that a scan gets and gives back.
AT = 0  # where the next block begins
END = 1
COUNT = 2  # packets found
ROOM = 3
BIG = 4  # the byte order of the section
INTERFACES = 5  # how many the section has described
NEED = 6  # bytes from `AT` on that must be there to go on; 0: something else stopped it
NOTES = 7  # packets with a comment, so far
NOTES_ROOM = 8
STOP = 9  # why it stopped, one of those below
VALUE = 10  # the number that is wrong, or the length of the block to be looked at
LOSSES = 11  # 1: a packet told of losses
PLACES = 12

STOP_BLOCK = 1  # at a block that Python is to look at
STOP_SHORT = 2  # a block too short for what it is
STOP_LENGTH = 3  # the two lengths of a block differ
STOP_LONG = 4  # a block longer than any
STOP_INTERFACE = 5  # a packet of an interface that is not described
STOP_PACKET = 6  # a packet longer than its block, or than any

# What is kept of each interface of the section.
ITS_CLOCK = 0  # as `pcapng_blocks.Clock.kind`
ITS_NUMBER = 1
ITS_SPAN = 2  # the last tick that 64 bits of nanoseconds can hold
ITS_OFFSET = 3
ITS_SNAPLEN = 4
ITS_INDEX = 5  # its number among the interfaces of all sections
ITS_LOST = 6  # frames that packets say were lost before them; -1: none says
ITS_MOST = 7  # bytes that a frame may have
ITS_WIDTH = 8

#: Blocks have frames of 128 MiB at most, and some options.
LONGEST_BLOCK = (128 << 20) + (1 << 20)

_SECTION = 0x0A0D0D0A
_INTERFACE = 1
_PACKET = 2  # obsolete
_SIMPLE = 3
_NAMES = 4
_STATISTICS = 5
_ENHANCED = 6
_LATEST = 0x7FFFFFFFFFFFFFFF


@hot
def find_packets(
    data: Any,
    state: Any,
    interfaces: Any,
    start: Any,
    captured: Any,
    length: Any,
    time: Any,
    interface: Any,
    flags: Any,
    notes: Any,
) -> None:
    """Find the packet blocks that lie whole in ``data``, up to a block that is something else.

    ``notes`` gets, for packets that have a comment, their index and where their options
    begin and end.
    """
    at, end, count, big = state[AT], state[END], state[COUNT], state[BIG]
    room, notes_room = state[ROOM], state[NOTES_ROOM]
    state[NEED] = 0
    state[STOP] = 0
    while count < room and state[NOTES] < notes_room:
        if at + 12 > end:
            state[NEED] = 12
            break
        kind = u32(data, at, big)
        if kind == _SECTION:  # in a byte order of its own
            state[STOP] = STOP_BLOCK
            break
        told = u32(data, at + 4, big)
        size = (told + 3) & ~3  # some writers do not count the padding
        state[VALUE] = told
        if told < 12:
            state[STOP] = STOP_SHORT
        elif told > LONGEST_BLOCK:
            state[STOP] = STOP_LONG
        elif at + size > end:
            state[NEED] = size
        elif u32(data, at + size - 4, big) != told:
            state[STOP] = STOP_LENGTH
        elif kind in (_INTERFACE, _NAMES, _STATISTICS):
            state[STOP] = STOP_BLOCK
            state[VALUE] = size
        elif kind in (_ENHANCED, _PACKET, _SIMPLE):
            if kind == _SIMPLE:
                its = _simple(data, at, size, state, interfaces, count, captured, length)
                start[count] = at + 12
                time[count] = 0
                flags[count] = 0
            else:
                its = _full(data, at, size, state, interfaces, count, captured, length)
                start[count] = at + 28
                if its >= 0:
                    time[count] = _nanoseconds(
                        u32(data, at + 12, big), u32(data, at + 16, big), interfaces, its
                    )
                    options = at + 28 + ((captured[count] + 3) & ~3)
                    last = at + size - 4
                    flags[count] = 0
                    if options < last:
                        _options(data, options, last, state, interfaces, its, count, flags, notes)
            if its >= 0:
                interface[count] = interfaces[its + ITS_INDEX]
                count += 1
        if state[STOP] or state[NEED]:
            break
        at += size
    state[AT] = at
    state[COUNT] = count


@hot
def _full(
    data: Any,
    at: int,
    size: int,
    state: Any,
    interfaces: Any,
    count: int,
    captured: Any,
    length: Any,
) -> int:
    """An enhanced packet block, or an old packet block; gives the place of its interface."""
    if size < 32:
        state[STOP] = STOP_SHORT
        return -1
    big = state[BIG]
    kept = u32(data, at + 20, big)
    which = u32(data, at + 8, big)
    lost = 0xFFFF
    if u32(data, at, big) == _PACKET:
        which = u16(data, at + 8, big)
        lost = u16(data, at + 10, big)
    if which >= state[INTERFACES]:
        state[STOP] = STOP_INTERFACE
        state[VALUE] = which
        return -1
    its = which * ITS_WIDTH
    if kept > interfaces[its + ITS_MOST] or ((kept + 3) & ~3) > size - 32:
        state[STOP] = STOP_PACKET
        state[VALUE] = kept
        return -1
    if lost != 0xFFFF:
        interfaces[its + ITS_LOST] = max(interfaces[its + ITS_LOST], 0) + lost
        state[LOSSES] = 1
    captured[count] = kept
    length[count] = u32(data, at + 24, big)
    return its


@hot
def _simple(
    data: Any,
    at: int,
    size: int,
    state: Any,
    interfaces: Any,
    count: int,
    captured: Any,
    length: Any,
) -> int:
    """A simple packet block: of the first interface, as long as what that keeps."""
    if size < 16:
        state[STOP] = STOP_SHORT
        return -1
    if state[INTERFACES] < 1:
        state[STOP] = STOP_INTERFACE
        state[VALUE] = 0
        return -1
    whole = u32(data, at + 8, state[BIG])
    kept = whole
    if interfaces[ITS_SNAPLEN] > 0:
        kept = min(whole, interfaces[ITS_SNAPLEN])
    if kept > interfaces[ITS_MOST] or ((kept + 3) & ~3) > size - 16:
        state[STOP] = STOP_PACKET
        state[VALUE] = kept
        return -1
    captured[count] = kept
    length[count] = whole
    return 0


@hot
def _options(
    data: Any,
    at: int,
    end: int,
    state: Any,
    interfaces: Any,
    its: int,
    count: int,
    flags: Any,
    notes: Any,
) -> None:
    """The options of a packet: its flags, losses before it, and whether it has a comment."""
    big = state[BIG]
    begin = at
    commented = 0
    while at + 4 <= end:
        code = u16(data, at, big)
        wide = u16(data, at + 2, big)
        if code == 0 or at + 4 + wide > end:
            break
        if code == 2 and wide == 4:
            flags[count] = u32(data, at + 4, big)
        elif code == 1:
            commented = 1
        elif code == 4 and wide == 8:  # 64 bits, of which an honest number needs the lower
            lost = u32(data, at + 8, big) if big else u32(data, at + 4, big)
            interfaces[its + ITS_LOST] = max(interfaces[its + ITS_LOST], 0) + lost
            state[LOSSES] = 1
        at += 4 + ((wide + 3) & ~3)
    if commented:
        noted = state[NOTES]
        notes[3 * noted] = count
        notes[3 * noted + 1] = begin
        notes[3 * noted + 2] = end
        state[NOTES] = noted + 1


@hot
def _nanoseconds(high: int, low: int, interfaces: Any, its: int) -> int:
    """A time stamp in nanoseconds since 1970; those that 64 bits cannot hold are the last."""
    if high >= 0x80000000:
        return _LATEST
    ticks = high * 4294967296 + low
    clock, number = interfaces[its + ITS_CLOCK], interfaces[its + ITS_NUMBER]
    offset = interfaces[its + ITS_OFFSET]
    if clock == 0:
        if ticks > interfaces[its + ITS_SPAN]:
            return _LATEST
        time = ticks * number
    elif clock == 1:
        time = ticks // number
    else:
        seconds = 0
        part = ticks
        if number < 63:
            seconds = ticks >> number
            part = ticks - (seconds << number)
        if seconds > 9_000_000_000:
            return _LATEST
        if number > 42:  # what is below a thousandth of a nanosecond is left out
            part >>= min(number - 42, 63)
            number = 42
        if number > 9:  # a billion is 1953125 times 2 to the power of 9: so it stays in 64 bits
            time = seconds * 1_000_000_000 + ((part * 1953125) >> (number - 9))
        else:
            time = seconds * 1_000_000_000 + ((part * 1_000_000_000) >> number)
    if offset > 0 and time > _LATEST - offset:
        return _LATEST
    time += offset
    return int(time)


@hot
def encode(
    data: Any,
    count: int,
    start: Any,
    captured: Any,
    length: Any,
    time: Any,
    interface: Any,
    flags: Any,
    numbers: Any,
    known: int,
    notes: Any,
    noted: int,
    texts: Any,
    out: Any,
    at: int,
) -> int:
    """Lay packets out as enhanced packet blocks from ``at`` on; gives where they end.

    ``numbers`` has, for each of the ``known`` interfaces: its number in the section,
    nanoseconds of a tick, the most bytes of a frame. ``notes`` has, for each packet with a
    comment, in order: its index, where its options are in ``texts``, and their bytes.
    """
    note = 0
    for index in range(count):
        its = min(max(interface[index], 0), known - 1) * 3
        size = min(captured[index], numbers[its + 2])
        block = at
        ticks = max(time[index], 0)
        if numbers[its + 1] == 1000:  # dividing by what is not known takes longer than the rest
            ticks //= 1000
        elif numbers[its + 1] > 1:
            ticks //= numbers[its + 1]
        put32(out, at, _ENHANCED)
        put32(out, at + 8, numbers[its])
        put32(out, at + 12, ticks >> 32)
        put32(out, at + 16, ticks)
        put32(out, at + 20, size)
        put32(out, at + 24, max(length[index], size))
        at += 28
        copy(out, at, data, start[index], size)
        at += size
        while at & 3:
            out[at] = 0
            at += 1
        more = note < noted and notes[3 * note] == index
        if flags[index] or more:
            if flags[index]:
                put16(out, at, 2)
                put16(out, at + 2, 4)
                put32(out, at + 4, flags[index])
                at += 8
            if more:
                wide = notes[3 * note + 2]
                copy(out, at, texts, notes[3 * note + 1], wide)
                at += wide
                note += 1
            put32(out, at, 0)
            at += 4
        put32(out, at, at + 4 - block)
        put32(out, block + 4, at + 4 - block)
        at += 4
    return at
