"""TCP on a line: flags, relative numbers, options, as tcpdump writes them."""

from __future__ import annotations

from array import array
from typing import Any

from netarium.wire.bulk.walk import ETHERTYPE, NETWORK, PAYLOAD, TRANSPORT, WHOLE_END, u8, u16, u32
from netarium.wire.hot import hot
from netarium.wire.text.line_state import ABSOLUTE, ACK_BASE, CONVERSATIONS, ODD, SEQ_BASE
from netarium.wire.text.line_writing import put, put_decimal, put_hex, put_number

__all__ = ["FLOW", "flow_table", "grown", "put_tcp"]

#: Numbers per conversation in the table: its key, then the first sequence number of the end
#: with the lower port and of the end with the higher one.
FLOW = 3
#: A table with more conversations than this (24 MB) is forgotten and begun anew.
_MOST = 1 << 20

_LETTERS = b"FSRP.UEWe"
_WORD = 0xFFFFFFFF


def flow_table(room: int = 1 << 10) -> array[int]:
    """An empty table of conversations for `put_tcp`; ``room`` is a power of two."""
    return array("q", bytes(8 * FLOW * room))


def grown(flows: array[int]) -> array[int]:
    """The same table with twice the room; an empty one where it would become too large."""
    room = 2 * len(flows) // FLOW
    if room > _MOST:
        return flow_table()
    table = flow_table(room)
    for old in range(0, len(flows), FLOW):
        if flows[old]:
            new = FLOW * (flows[old] & (room - 1))
            while table[new]:
                new = (new + FLOW) % len(table)
            table[new : new + FLOW] = flows[old : old + FLOW]
    return table


@hot
def _key(data: Any, place: Any, low: int, high: int, turned: int) -> int:
    """A number of 62 bits for the conversation, the same in both directions; never 0."""
    size = 4 if place[ETHERTYPE] == 0x0800 else 16
    source = place[NETWORK] + (12 if size == 4 else 8)
    first = low * 0x2545F491 & 0x7FFFFFFF
    second = high * 0x1B873593 & 0x7FFFFFFF
    for index in range(source, source + size, 4):
        # The address of the end that comes first, then the other's.
        one = u32(data, index + size if turned else index)
        other = u32(data, index if turned else index + size)
        first = (first ^ one) * 0x2545F491
        first = (first ^ first >> 31 ^ other) * 0x27D4EB2F
        first = (first ^ first >> 31) & 0x7FFFFFFF
        second = (second ^ one) * 0x1B873593
        second = (second ^ second >> 29 ^ other) * 0x165667B1
        second = (second ^ second >> 29) & 0x7FFFFFFF
    return (first << 31 | second) or 1


@hot
def _is_turned(data: Any, place: Any, sport: int, dport: int) -> int:
    """1 where the sender is the end that comes second: the higher port, else address."""
    if sport != dport:
        return 1 if sport > dport else 0
    size = 4 if place[ETHERTYPE] == 0x0800 else 16
    source = place[NETWORK] + (12 if size == 4 else 8)
    for index in range(source, source + size):
        if u8(data, index) != u8(data, index + size):
            return 1 if u8(data, index) > u8(data, index + size) else 0
    return 0


@hot
def _find_bases(data: Any, place: Any, flows: Any, state: Any) -> None:
    """Find what to subtract from the numbers: 0 in the packet that begins the conversation.

    A SYN ACK, or else the first packet with an ACK, begins one; a packet without ACK is of
    none. So does tcpdump.
    """
    tcp = place[TRANSPORT]
    if not u8(data, tcp + 13) & 16:
        return
    sport, dport = u16(data, tcp), u16(data, tcp + 2)
    turned = _is_turned(data, place, sport, dport)
    key = _key(data, place, min(sport, dport), max(sport, dport), turned)
    room = len(flows)
    at = FLOW * (key & (room // FLOW - 1))
    while flows[at] != 0 and flows[at] != key:
        at += FLOW
        if at == room:
            at = 0
    if flows[at] == 0 or u8(data, tcp + 13) & 2:
        state[CONVERSATIONS] += 1 if flows[at] == 0 else 0
        flows[at] = key
        flows[at + 1 + turned] = u32(data, tcp + 4)
        flows[at + 2 - turned] = (u32(data, tcp + 8) - 1) & _WORD
    else:
        state[SEQ_BASE] = flows[at + 1 + turned]
        state[ACK_BASE] = flows[at + 2 - turned]


@hot
def put_tcp(out: Any, at: int, data: Any, place: Any, flows: Any, state: Any) -> int:
    """All that there is to say of the TCP header at ``place[TRANSPORT]``.

    ``flows`` is the table of conversations, which must not be full. ``state[ODD]`` becomes 1
    where an option is not one of the usual, or breaks its format.
    """
    tcp = place[TRANSPORT]
    state[ODD] = 0
    state[SEQ_BASE] = 0
    state[ACK_BASE] = 0
    if not state[ABSOLUTE]:
        _find_bases(data, place, flows, state)
    flags = u16(data, tcp + 12) & 0x1FF
    size = (u8(data, tcp + 12) >> 4) * 4
    length = place[WHOLE_END] - tcp - size
    at = put(out, at, b"Flags [")
    for index in range(9):
        if flags >> index & 1:
            out[at] = _LETTERS[index]
            at += 1
    if flags == 0:
        at = put(out, at, b"none")
    at = put(out, at, b"]")
    if length > 0 or flags & 7:
        sequence = (u32(data, tcp + 4) - state[SEQ_BASE]) & _WORD
        at = put_number(out, at, b", seq ", sequence)
        if length > 0:
            at = put_number(out, at, b":", (sequence + length) & _WORD)
    if flags & 16:
        at = put_number(out, at, b", ack ", (u32(data, tcp + 8) - state[ACK_BASE]) & _WORD)
    at = put_number(out, at, b", win ", u16(data, tcp + 14))
    if flags & 32:
        at = put_number(out, at, b", urg ", u16(data, tcp + 18))
    if size < 20:
        return put_number(out, at, b", header length ", size)
    if place[PAYLOAD] >= 0 and size > 20:
        at = put(out, at, b", options [")
        at = _put_options(out, at, data, tcp + 20, tcp + size, state)
        at = put(out, at, b"]")
    if length < 0:
        return at
    return put_number(out, at, b", length ", length)


@hot
def _put_options(out: Any, at: int, data: Any, start: int, end: int, state: Any) -> int:
    if end - start == 12 and u32(data, start) == 0x0101080A:  # as nearly all segments have
        at = put_number(out, at, b"nop,nop,TS val ", u32(data, start + 4))
        return put_number(out, at, b" ecr ", u32(data, start + 8))
    first = start
    while start < end:
        if start > first:
            out[at] = 44
            at += 1
        kind = u8(data, start)
        if kind == 0:
            return put(out, at, b"eol")
        if kind == 1:
            at = put(out, at, b"nop")
            start += 1
            continue
        size = u8(data, start + 1) if start + 1 < end else 0
        if size < 2 or start + size > end:
            state[ODD] = 1
            return put_number(out, at, b"malformed option ", kind)
        at = _put_option(out, at, data, start, kind, size, state)
        start += size
    return at


@hot
def _put_option(out: Any, at: int, data: Any, start: int, kind: int, size: int, state: Any) -> int:
    if kind == 2 and size == 4:
        return put_number(out, at, b"mss ", u16(data, start + 2))
    if kind == 3 and size == 3:
        return put_number(out, at, b"wscale ", u8(data, start + 2))
    if kind == 4 and size == 2:
        return put(out, at, b"sackOK")
    if kind == 5 and size > 2 and (size - 2) % 8 == 0:
        at = put_number(out, at, b"sack ", (size - 2) // 8)
        out[at] = 32
        at += 1
        for block in range(start + 2, start + size, 8):
            out[at] = 123
            # What is acknowledged here counts as the other end's sequence numbers do.
            at = put_decimal(out, at + 1, (u32(data, block) - state[ACK_BASE]) & _WORD)
            out[at] = 58
            at = put_decimal(out, at + 1, (u32(data, block + 4) - state[ACK_BASE]) & _WORD)
            out[at] = 125
            at += 1
        return at
    if kind == 8 and size == 10:
        at = put_number(out, at, b"TS val ", u32(data, start + 2))
        return put_number(out, at, b" ecr ", u32(data, start + 6))
    state[ODD] = 1
    if kind == 34 and size == 2:
        return put(out, at, b"tfo cookie request")
    if kind == 34:
        at = put(out, at, b"tfo cookie")
    else:
        at = put_number(out, at, b"unknown-", kind)
    if size > 2:
        at = put(out, at, b" 0x")
    for index in range(start + 2, start + size):
        at = put_hex(out, at, u8(data, index), 2)
    return at
