"""Flows: which frames belong to one conversation, and what passed in it each way."""

from __future__ import annotations

from typing import Any

from netarium.wire.bulk.walk import (
    ETHERTYPE,
    NETWORK,
    NETWORK_END,
    PROTOCOL,
    TRANSPORT,
    WHOLE_END,
    u16,
    u32,
    walk_deep,
)
from netarium.wire.hot import hot

__all__ = [
    "BYTES",
    "COUNTERS",
    "FIRST",
    "FIRST_WAY",
    "FLAGS",
    "FLOW",
    "INTERFACE",
    "KEY",
    "LAST",
    "MOST_SEGMENT",
    "PACKETS",
    "PAYLOAD",
    "RETRANSMITTED",
    "ROW",
    "SHOOK",
    "account",
    "number",
    "resize",
    "resize_rows",
]

# What a flow is known by: twelve numbers. The end whose address and port are the smaller
# comes first, so that both directions are one flow; what comes from it goes way 0.
KEY = 12  # 4 words of an address, 4 words of the other, both ports, protocol and IP version,
#           then of TCP the first sequence number each way (-1: none yet)
_SEQUENCE = 10
COUNTERS = 3  # flows, TCP connections, UDP flows so far

# What is counted of a flow on one interface. Of pairs, the second is the way back.
FLOW = 0
INTERFACE = 1
FIRST = 2  # time of the first and of the last frame, nanoseconds
LAST = 3
FIRST_WAY = 4  # which way the first frame went, or the first SYN
PACKETS = 5
BYTES = 7  # of whole frames, as on the wire
PAYLOAD = 9
FLAGS = 11  # all TCP flags seen
RETRANSMITTED = 13  # segments whose bytes were not new
_NEXT = 15  # the sequence number expected next; -1: none yet
_SHAKE = 17  # when the SYN came, and when its answer
SHOOK = 19  # the handshake took so long, nanoseconds; -1: not seen
MOST_SEGMENT = 20  # the largest payload
ROW = 22

_WRAP = 1 << 32


@hot
def _port_pair(data: Any, place: Any, pair: Any) -> None:
    """The ports, or what stands for them."""
    at = place[TRANSPORT]
    protocol = place[PROTOCOL]
    pair[0] = 0
    pair[1] = 0
    if protocol == 6 or protocol == 17 or protocol == 132:
        pair[0] = u16(data, at)
        pair[1] = u16(data, at + 2)
    elif protocol == 1 or protocol == 58:
        kind = data[at]
        # Pings are told apart by their identifier.
        if (protocol == 1 and (kind == 8 or kind == 0)) or kind == 128 or kind == 129:
            pair[0] = u16(data, at + 4)
            pair[1] = pair[0]


@hot
def _key_of(data: Any, place: Any, key: Any, pair: Any) -> int:
    """Fill ``key``; give the way that the frame goes, -1 where it is of no flow."""
    if place[TRANSPORT] < 0:
        return -1
    at = place[NETWORK]
    if place[ETHERTYPE] == 0x0800:
        for word in range(8):
            key[word] = 0
        key[3] = u32(data, at + 12)
        key[7] = u32(data, at + 16)
        key[9] = 4
    else:
        for word in range(8):
            key[word] = u32(data, at + 8 + 4 * word)
        key[9] = 6
    _port_pair(data, place, pair)
    way = 0
    for word in range(4):
        if key[word] != key[word + 4]:
            way = 0 if key[word] < key[word + 4] else 1
            break
    else:
        way = 0 if pair[0] <= pair[1] else 1
    if way == 1:
        for word in range(4):
            other = key[word]
            key[word] = key[word + 4]
            key[word + 4] = other
    key[8] = pair[way] * 65536 + pair[1 - way]
    key[9] += 256 * place[PROTOCOL]
    return way


@hot
def _slot_of(key: Any, keys: Any, slots: Any) -> int:
    """Where in the hash table the flow is, or would be."""
    room = len(slots)
    mixed = 0
    for word in range(10):
        mixed = (mixed ^ key[word]) * 0x9E3779B1 & 0xFFFFFFFFFFFF
        mixed ^= mixed >> 23
    slot = mixed & (room - 1)
    while True:
        known = slots[slot]
        if known == 0:
            return slot
        first = KEY * (known - 1)
        same = True
        for word in range(10):
            if keys[first + word] != key[word]:
                same = False
                break
        if same:
            return slot
        slot = (slot + 1) & (room - 1)


@hot
def number(
    data: Any,
    start: Any,
    captured: Any,
    interface: Any,
    links: Any,
    low: int,
    high: int,
    slots: Any,
    keys: Any,
    streams: Any,
    counters: Any,
    flow: Any,
    way: Any,
    stream: Any,
    place: Any,
    key: Any,
    pair: Any,
) -> int:
    """Number the flows of frames ``low`` to ``high``; give where it stopped: the tables are full.

    ``slots``, ``keys``, ``streams`` and ``counters`` are kept from batch to batch: the hash
    table (a power of two), what flows are known by, their numbers among TCP or UDP alone, and
    how many there are. ``flow``, ``way`` and ``stream`` get a number for each frame, -1: none.

    A SYN with another sequence number than the first begins a new flow, as in Wireshark.
    """
    link_count = len(links)
    most = min(len(slots) // 2, len(keys) // KEY)
    for index in range(low, high):
        if counters[0] == most:
            return index
        begin = start[index]
        link = links[interface[index]] if interface[index] < link_count else 1
        walk_deep(data, begin, begin + captured[index], link, place)
        direction = _key_of(data, place, key, pair)
        flow[index] = -1
        way[index] = direction
        stream[index] = -1
        if direction < 0:
            continue
        slot = _slot_of(key, keys, slots)
        known = slots[slot] - 1
        protocol = place[PROTOCOL]
        sequence = -1
        opens = False
        if protocol == 6:
            sequence = u32(data, place[TRANSPORT] + 4)
            opens = data[place[TRANSPORT] + 13] & 0x12 == 0x02
        if known >= 0 and opens:
            first = keys[KEY * known + _SEQUENCE + direction]
            if first >= 0 and first != sequence:
                known = -1
        if known < 0:
            known = counters[0]
            counters[0] += 1
            slots[slot] = known + 1
            for word in range(10):
                keys[KEY * known + word] = key[word]
            keys[KEY * known + _SEQUENCE] = -1
            keys[KEY * known + _SEQUENCE + 1] = -1
            streams[known] = -1
            if protocol == 6:
                streams[known] = counters[1]
                counters[1] += 1
            elif protocol == 17:
                streams[known] = counters[2]
                counters[2] += 1
        if sequence >= 0 and keys[KEY * known + _SEQUENCE + direction] < 0:
            # As Wireshark has it: one less, where the SYN itself was not seen.
            if data[place[TRANSPORT] + 13] & 0x02 == 0:
                sequence = (sequence - 1) & 0xFFFFFFFF
            keys[KEY * known + _SEQUENCE + direction] = sequence
        # Where the other side was not seen, what this one acknowledges tells of it.
        acknowledges = sequence >= 0 and data[place[TRANSPORT] + 13] & 0x10 != 0
        if acknowledges and keys[KEY * known + _SEQUENCE + 1 - direction] < 0:
            other = (u32(data, place[TRANSPORT] + 8) - 1) & 0xFFFFFFFF
            keys[KEY * known + _SEQUENCE + 1 - direction] = other
        flow[index] = known
        stream[index] = streams[known]
    return high


@hot
def resize(keys: Any, count: int, slots: Any, key: Any) -> None:
    """Fill a new, empty hash table; of flows alike the last one counts."""
    for flow in range(count):
        for word in range(10):
            key[word] = keys[KEY * flow + word]
        slots[_slot_of(key, keys, slots)] = flow + 1


@hot
def _row_slot(flow: int, interface: int, rows: Any, slots: Any) -> int:
    """Where a flow on an interface is in the hash table of rows, or would be."""
    room = len(slots)
    slot = (flow * 0x9E3779B1 + interface * 0x85EBCA77) & (room - 1)
    while True:
        known = slots[slot]
        if known == 0:
            return slot
        first = ROW * (known - 1)
        if rows[first + FLOW] == flow and rows[first + INTERFACE] == interface:
            return slot
        slot = (slot + 1) & (room - 1)


@hot
def resize_rows(rows: Any, count: int, slots: Any) -> None:
    """Fill a new, empty hash table of rows."""
    for row in range(count):
        first = ROW * row
        slots[_row_slot(rows[first + FLOW], rows[first + INTERFACE], rows, slots)] = row + 1


@hot
def account(
    data: Any,
    start: Any,
    captured: Any,
    length: Any,
    time: Any,
    interface: Any,
    links: Any,
    low: int,
    high: int,
    flow: Any,
    way: Any,
    slots: Any,
    rows: Any,
    count: Any,
    place: Any,
) -> int:
    """Add frames ``low`` to ``high`` to the rows of their flows; give where it stopped.

    ``flow`` and ``way`` are from `number`; ``slots`` and ``rows`` are kept from batch to
    batch; ``count[0]``: how many rows there are. Each interface counts for itself, since a
    frame passes many on its way.
    """
    link_count = len(links)
    most = min(len(slots) // 2, len(rows) // ROW)
    for index in range(low, high):
        if count[0] == most:
            return index
        if flow[index] < 0:
            continue
        slot = _row_slot(flow[index], interface[index], rows, slots)
        if slots[slot] == 0:
            slots[slot] = count[0] + 1
            row = ROW * count[0]
            count[0] += 1
            for column in range(ROW):
                rows[row + column] = 0
            rows[row + FLOW] = flow[index]
            rows[row + INTERFACE] = interface[index]
            rows[row + FIRST] = time[index]
            rows[row + FIRST_WAY] = way[index]
            rows[row + _NEXT] = -1
            rows[row + _NEXT + 1] = -1
            rows[row + _SHAKE] = -1
            rows[row + _SHAKE + 1] = -1
            rows[row + SHOOK] = -1
        row = ROW * (slots[slot] - 1)
        direction = way[index]
        rows[row + LAST] = max(rows[row + LAST], time[index])
        rows[row + PACKETS + direction] += 1
        rows[row + BYTES + direction] += length[index]
        begin = start[index]
        link = links[interface[index]] if interface[index] < link_count else 1
        walk_deep(data, begin, begin + captured[index], link, place)
        end = min(place[WHOLE_END], begin + length[index])
        at = place[TRANSPORT]
        payload = 0
        if place[PROTOCOL] == 6:
            payload = max(0, end - at - (data[at + 12] >> 4) * 4)
            _tcp(data, at, payload, time[index], direction, row, rows)
        elif place[PROTOCOL] == 17:
            payload = max(0, min(end - at, u16(data, at + 4)) - 8)
        elif at < place[NETWORK_END]:
            payload = max(0, end - at - 8)
        rows[row + PAYLOAD + direction] += payload
        rows[row + MOST_SEGMENT] = max(rows[row + MOST_SEGMENT], payload)
    return high


@hot
def _tcp(data: Any, at: int, payload: int, time: int, way: int, row: int, rows: Any) -> None:
    """What only TCP has: flags, the handshake, and segments sent again."""
    flags = data[at + 13] + (data[at + 12] & 1) * 256
    rows[row + FLAGS + way] |= flags
    sequence = u32(data, at + 4)
    syn = (flags >> 1) & 1
    if syn == 1 and flags & 0x10 == 0:
        rows[row + FIRST_WAY] = way
        rows[row + _SHAKE] = time
    elif syn == 1:
        rows[row + FIRST_WAY] = 1 - way
        rows[row + _SHAKE + 1] = time
    elif (
        rows[row + SHOOK] < 0
        and rows[row + _SHAKE] >= 0
        and rows[row + _SHAKE + 1] >= 0
        and way == rows[row + FIRST_WAY]
    ):
        rows[row + SHOOK] = time - rows[row + _SHAKE]
    size = payload + syn + (flags & 1)
    ends = (sequence + size) % _WRAP
    expected = rows[row + _NEXT + way]
    if expected < 0:
        rows[row + _NEXT + way] = ends
        return
    if size == 0:
        return
    # Sequence numbers wrap: what is less than half the circle ahead is new.
    if (ends - expected) % _WRAP < _WRAP // 2 and ends != expected:
        rows[row + _NEXT + way] = ends
    elif not (payload == 1 and (sequence + 1) % _WRAP == expected):  # a keep-alive
        rows[row + RETRANSMITTED + way] += 1
