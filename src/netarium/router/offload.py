"""What a network card does with packets that were left unfinished for it: sums and segments."""

from __future__ import annotations

from typing import Any

from netarium.router import layout
from netarium.router.arithmetic import copy, put16, put32, sum16
from netarium.wire.batch import CHECKSUM_NOT_READY
from netarium.wire.bulk.walk import u16, u32
from netarium.wire.hot import hot

__all__ = ["complete_checksum", "headers_length", "segment_frame", "transport_sum"]

_AT = layout.P_AT
_END = layout.P_END
_FAMILY = layout.P_FAMILY
_FLAGS = layout.P_FLAGS
_NET = layout.P_NET
_HEADER = layout.P_HEADER
_PROTOCOL = layout.P_PROTOCOL
_SEGMENT = layout.P_SEGMENT
_UPPER = layout.P_UPPER
_CHECKSUM_OFFSET = layout.CHECKSUM_OFFSET
_CHECKSUM_START = layout.CHECKSUM_START

_FIN_PSH = 0x09
_CWR = 0x80


@hot
def headers_length(out: Any, p: Any) -> int:
    """Bytes from the start of the frame to the payload of TCP or UDP, which are cut up."""
    upper = p[_UPPER]
    header = 8
    if p[_PROTOCOL] != 17:
        header = (out[upper + 12] >> 4) * 4
    length: int = upper - p[_AT] + header
    return length


@hot
def complete_checksum(out: Any, p: Any) -> None:
    """Sum what the sender left to its card; the field holds the pseudo-header's sum already."""
    flags = p[_FLAGS]
    first = p[_AT] + ((flags >> _CHECKSUM_START) & 0xFFFF)
    place = first + ((flags >> _CHECKSUM_OFFSET) & 0x7FFF)
    if first == p[_AT]:
        first = p[_UPPER]
        place = first + (6 if p[_PROTOCOL] == 17 else 16)
    p[_FLAGS] = flags & ~CHECKSUM_NOT_READY
    if first <= p[_AT] or place + 2 > p[_END]:
        return
    value = sum16(out, first, p[_END], 0) ^ 0xFFFF
    put16(out, place, value if value else 0xFFFF)


@hot
def transport_sum(out: Any, net: int, family: int, upper: int, end: int, protocol: int) -> int:
    """The checksum over pseudo-header, header and payload; what the field should hold."""
    first, last = net + 12, net + 20
    if family == 6:
        first, last = net + 8, net + 40
    total = sum16(out, first, last, end - upper + protocol)
    return sum16(out, upper, end, total) ^ 0xFFFF


@hot
def segment_frame(out: Any, p: Any, headers: int, number: int, count: int, to: int) -> int:
    """Write segment ``number`` of a super-frame at ``out[to]``; gives its length.

    TCP: sequence numbers go on, FIN and PSH belong to the last, CWR to the first (RFC 3168,
    6.1.2). UDP: each segment is a datagram. IPv4: identifications go on.
    """
    at, size = p[_AT], p[_SEGMENT]
    begin = at + headers + number * size
    piece = size if begin + size < p[_END] else p[_END] - begin
    copy(out, at, headers, out, to)
    copy(out, begin, piece, out, to + headers)
    length: int = headers + piece
    net = to + p[_NET] - at
    upper = to + p[_UPPER] - at
    if p[_FAMILY] == 4:
        put16(out, net + 2, to + length - net)
        put16(out, net + 4, u16(out, net + 4) + number)
        put16(out, net + 10, 0)
        put16(out, net + 10, sum16(out, net, net + p[_HEADER], 0) ^ 0xFFFF)
    else:
        put16(out, net + 4, to + length - net - 40)
    if p[_PROTOCOL] == 17:
        field = upper + 6
        put16(out, upper + 4, to + length - upper)
    else:
        field = upper + 16
        put32(out, upper + 4, u32(out, upper + 4) + number * size)
        if number + 1 < count:
            out[upper + 13] = out[upper + 13] & ~_FIN_PSH & 255
        if number > 0:
            out[upper + 13] = out[upper + 13] & ~_CWR & 255
    put16(out, field, 0)
    value = transport_sum(out, net, p[_FAMILY], upper, to + length, p[_PROTOCOL])
    put16(out, field, value if value else 0xFFFF)
    return length
