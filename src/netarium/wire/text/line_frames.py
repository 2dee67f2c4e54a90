"""The hot loop that writes a line for each frame of a batch, and notes where Python has to add.

What it writes is final, but for those frames that it notes in ``rest``: there a few words of
`wire.text.line_rest` belong at the offset given. So a flood of ordinary packets costs no Python
object, and the rare ones may take their time.
"""

from __future__ import annotations

from typing import Any

from netarium.wire.bulk.walk import ETHERTYPE, walk
from netarium.wire.hot import hot
from netarium.wire.text.line_layers import DEEPEST, put_layers
from netarium.wire.text.line_marks import put_marks
from netarium.wire.text.line_state import (
    AT,
    CLOCK,
    CONVERSATIONS,
    EPOCH,
    FIRST_TIME,
    FRAME,
    LAST_TIME,
    LOCAL,
    NAMED,
    NEXT,
    NONE,
    OFFSET,
    QUARTER,
    RELATIVE,
    REST,
    RESTS,
    UTC,
    VERDICTS,
    WITH_LINK,
)
from netarium.wire.text.line_tcp import FLOW
from netarium.wire.text.line_writing import (
    put,
    put_clock,
    put_hex,
    put_mac,
    put_number,
    put_seconds,
    put_span,
)

__all__ = ["ROOM", "write_lines"]

#: Bytes that the longest line may take: that of a DNS message of 64 records with names of 255
#: bytes, and all that can be before it. A line is begun only where they are there.
ROOM = 1 << 15

_QUARTER = 900_000_000_000
_ETHERNET = 1  # the link type


@hot
def write_lines(
    data: Any,
    count: int,
    start: Any,
    captured: Any,
    length: Any,
    time: Any,
    interface: Any,
    flags: Any,
    segment: Any,
    links: Any,
    mtus: Any,
    names: Any,
    name_ends: Any,
    ports: Any,
    state: Any,
    flows: Any,
    place: Any,
    out: Any,
    rest: Any,
) -> bool:
    """Write lines from frame ``state[NEXT]`` on, up to the end of the batch or of the room.

    ``data`` to ``segment`` are the batch's. ``names`` has what to write for each interface, up
    to its ``name_ends``; ``ports`` for each port 1 where Python reads what UDP carries there,
    2 for TCP, 3 for both. ``rest`` gets the notes on frames that are left to Python.

    Returns:
        Whether something is wanted before it can go on: local time for the quarter of the
        hour of the next frame, or more room in ``flows``. False where ``out`` is full, too.
    """
    index = state[NEXT]
    at = state[AT]
    wanting = False
    while index < count and at + ROOM <= len(out) and REST * (state[RESTS] + 1) <= len(rest):
        now = time[index]
        wanting = (state[CLOCK] == LOCAL and now // _QUARTER != state[QUARTER]) or (
            2 * FLOW * (state[CONVERSATIONS] + DEEPEST) > len(flows)
        )
        if wanting:
            break
        if state[FIRST_TIME] < 0:
            state[FIRST_TIME] = now
            state[LAST_TIME] = now
        at = _put_clock(out, at, now, state)
        state[LAST_TIME] = now
        where = interface[index]
        if where >= len(links):
            where = 0
        if state[NAMED]:
            at = put_span(out, at, names, name_ends[where - 1] if where else 0, name_ends[where])
            direction = flags[index] & 3
            at = put(out, at, b" In  " if direction == 1 else b" Out " if direction == 2 else b" ")
        state[FRAME] = index
        state[VERDICTS] = 0
        begin = start[index]
        walk(data, begin, begin + captured[index], links[where], place)
        if state[WITH_LINK] and links[where] == _ETHERNET and captured[index] >= 14:
            at = _put_link(out, at, data, begin, place[ETHERTYPE], length[index])
        wire_end = begin + length[index]
        at = put_layers(out, at, data, wire_end, flags[index], place, ports, state, flows, rest)
        at = put_marks(out, at, data, place, state, flags[index], segment[index], mtus[where])
        out[at] = 10
        at += 1
        index += 1
    state[NEXT] = index
    state[AT] = at
    return wanting


@hot
def _put_clock(out: Any, at: int, now: int, state: Any) -> int:
    clock = state[CLOCK]
    if clock == NONE:
        return at
    if clock == LOCAL:
        at = put_clock(out, at, now + state[OFFSET])
    elif clock == UTC:
        at = put_clock(out, at, now)
    elif clock == EPOCH:
        at = put_seconds(out, at, now)
    else:
        since = state[FIRST_TIME] if clock == RELATIVE else state[LAST_TIME]
        at = put_seconds(out, at, now - since)
    out[at] = 32
    return at + 1


@hot
def _put_link(out: Any, at: int, data: Any, begin: int, ethertype: int, length: int) -> int:
    at = put_mac(out, at, data, begin + 6)
    at = put_mac(out, put(out, at, b" > "), data, begin)
    if ethertype == 0x0800:
        at = put(out, at, b", ethertype IPv4 (0x0800)")
    elif ethertype == 0x86DD:
        at = put(out, at, b", ethertype IPv6 (0x86dd)")
    elif ethertype == 0x0806:
        at = put(out, at, b", ethertype ARP (0x0806)")
    elif ethertype > 0x05DC:
        at = put_hex(out, put(out, at, b", ethertype 0x"), ethertype, 4)
    else:
        at = put(out, at, b", 802.3")
    at = put_number(out, at, b", length ", length)
    return put(out, at, b": ")
