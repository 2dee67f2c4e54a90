"""The first steps: receive a frame, validate its header, check its source."""

from __future__ import annotations

from typing import Any

from netarium.router import layout
from netarium.router.arithmetic import copy, sum16
from netarium.router.offload import headers_length
from netarium.router.prefixes import longest_match
from netarium.router.reasons import Reason
from netarium.wire.bulk.walk import u16, u32
from netarium.wire.hot import hot

__all__ = ["check_source", "receive", "validate"]

_AT = layout.P_AT
_END = layout.P_END
_FAMILY = layout.P_FAMILY
_FLAGS = layout.P_FLAGS
_HEADER = layout.P_HEADER
_IN = layout.P_IN
_NET = layout.P_NET
_PROTOCOL = layout.P_PROTOCOL
_SEGMENT = layout.P_SEGMENT
_SOURCE = layout.P_SOURCE
_TO_ALL = layout.P_TO_ALL
_TRANSLATED = layout.P_TRANSLATED
_UPPER = layout.P_UPPER

_IF_MAC = layout.IF_MAC
_IF_SIZE = layout.IF_SIZE
_IF_UP = layout.IF_UP
_IF_REVERSE_PATH = layout.IF_REVERSE_PATH
_BUFFER = layout.BUFFER
_FRAME_SIZE = layout.FRAME_SIZE
_HEADROOM = layout.HEADROOM
_HOP = layout.HOP
_PAGE = layout.PAGE
_SENT = layout.SENT
_SKIP = layout.SKIP
_USED = layout.USED
_UNICAST = layout.UNICAST
_LOCAL = layout.LOCAL
_BROADCAST = layout.BROADCAST
_STRICT = layout.STRICT

_BAD_CHECKSUM = int(Reason.BAD_CHECKSUM)
_BAD_HEADER = int(Reason.BAD_HEADER)
_BAD_LENGTH = int(Reason.BAD_LENGTH)
_BUFFER_FULL = int(Reason.BUFFER_FULL)
_CUT_SHORT = int(Reason.CUT_SHORT)
_INTERFACE_DOWN = int(Reason.INTERFACE_DOWN)
_MARTIAN_DESTINATION = int(Reason.MARTIAN_DESTINATION)
_MARTIAN_SOURCE = int(Reason.MARTIAN_SOURCE)
_OPTIONS = int(Reason.OPTIONS)
_OTHER_PROTOCOL = int(Reason.OTHER_PROTOCOL)
_OTHER_STATION = int(Reason.OTHER_STATION)
_ADDRESS_RESOLUTION = int(Reason.ADDRESS_RESOLUTION)
_REVERSE_PATH = int(Reason.REVERSE_PATH)


@hot
def receive(
    data: Any, at: int, size: int, flags: int, segment: int,
    state: Any, interfaces: Any, p: Any, out: Any,
) -> int:  # fmt: skip
    """Copy the frame to where it may be changed, and look at its Ethernet header.

    The destination is this interface's address, a group's, or another station's, which only a
    card that hears everything lets through. EtherTypes: RFC 894, RFC 2464, RFC 826.
    """
    place = p[_IN] * _IF_SIZE
    to = state[_USED] + _HEADROOM
    p[_AT] = to
    p[_END] = to + size
    p[_FAMILY] = 0
    p[_FLAGS] = flags
    p[_SEGMENT] = segment
    p[_TRANSLATED] = 0
    p[_UPPER] = 0
    p[_PROTOCOL] = -1
    if to + size > state[_BUFFER] or state[_SENT] >= state[_FRAME_SIZE]:
        return _BUFFER_FULL
    if interfaces[place + _IF_UP] == 0:
        return _INTERFACE_DOWN
    if size < 14:
        return _CUT_SHORT
    copy(data, at, size, out, to)
    station = u16(out, to) * 4294967296 + u32(out, to + 2)
    p[_TO_ALL] = out[to] & 1
    if station != interfaces[place + _IF_MAC] and p[_TO_ALL] == 0:
        return _OTHER_STATION
    p[_NET] = to + 14
    kind = u16(out, to + 12)
    if kind == 0x0800:
        p[_FAMILY] = 4
    elif kind == 0x86DD:
        p[_FAMILY] = 6
    elif kind == 0x0806:
        return _ADDRESS_RESOLUTION
    else:
        return _OTHER_PROTOCOL
    return 0


@hot
def validate(out: Any, p: Any, state: Any) -> int:
    """Check what must hold before any field is believed, and cut off Ethernet's padding."""
    reason = _validate4(out, p) if p[_FAMILY] == 4 else _validate6(out, p, state)
    if reason == 0 and p[_SEGMENT] > 0:
        least = p[_UPPER] + (8 if p[_PROTOCOL] == 17 else 20)
        if p[_UPPER] == 0 or least > p[_END] or headers_length(out, p) > p[_END] - p[_AT]:
            return _BAD_LENGTH  # a super-frame without the headers that its segments need
    return reason


@hot
def _validate4(out: Any, p: Any) -> int:
    """The five tests of RFC 1812, section 5.2.2, and addresses of section 5.3.7."""
    net = p[_NET]
    there = p[_END] - net
    if there < 20:
        return _CUT_SHORT
    header = (out[net] & 15) * 4
    if (out[net] >> 4) != 4 or header < 20:
        return _BAD_HEADER
    if header > there:
        return _CUT_SHORT
    if sum16(out, net, net + header, 0) != 0xFFFF:
        return _BAD_CHECKSUM
    length = u16(out, net + 2)
    if length < header or length > there:
        return _BAD_LENGTH
    p[_END] = net + length
    p[_HEADER] = header
    source, destination = u32(out, net + 12), u32(out, net + 16)
    if (source >> 28) == 14 or source == 0xFFFFFFFF or (source >> 24) == 127:
        return _MARTIAN_SOURCE
    if (source >> 24) == 0 and (source != 0 or destination != 0xFFFFFFFF):
        return _MARTIAN_SOURCE  # "this network" (RFC 1122, 3.2.1.3): a host that asks DHCP may
    if (destination >> 24) == 127 or (destination >> 24) == 0:
        return _MARTIAN_DESTINATION
    if (u16(out, net + 6) & 0x1FFF) == 0:
        p[_UPPER] = net + header
        p[_PROTOCOL] = out[net + 9]
    return 0


@hot
def _validate6(out: Any, p: Any, state: Any) -> int:
    """Version and length (RFC 8200, section 3), addresses (RFC 4291, sections 2.5 and 2.7)."""
    net = p[_NET]
    there = p[_END] - net
    if there < 40:
        return _CUT_SHORT
    if (out[net] >> 4) != 6:
        return _BAD_HEADER
    length = u16(out, net + 4) + 40
    if length > there:
        return _BAD_LENGTH
    p[_END] = net + length
    p[_HEADER] = 40
    source, destination = net + 8, net + 24
    if out[source] == 0xFF:
        return _MARTIAN_SOURCE
    if _is_low(out, source):
        last = u32(out, source + 12)
        if u32(out, source + 8) == 0xFFFF or (u32(out, source + 8) == 0 and last == 1):
            return _MARTIAN_SOURCE  # a mapped IPv4 address; loopback
    low = _is_low(out, destination) and u32(out, destination + 8) == 0
    if low and u32(out, destination + 12) < 2:
        return _MARTIAN_DESTINATION  # nobody's address; loopback
    if out[destination] == 0xFF and (out[destination + 1] & 15) < 2:
        return _MARTIAN_DESTINATION  # a group's scope is reserved, or this node (RFC 4291, 2.7)
    if out[net + 6] == 0 and (state[_SKIP] >> _OPTIONS) & 1 == 0:
        return _OPTIONS  # hop-by-hop options: the one header that routers read (RFC 8200, 4.3)
    _find_upper(out, p)
    return 0


@hot
def _is_low(out: Any, at: int) -> bool:
    """Whether the first 64 bits of an address are zero."""
    return u32(out, at) == 0 and u32(out, at + 4) == 0


@hot
def _find_upper(out: Any, p: Any) -> None:
    """Walk over IPv6 extension headers to TCP or UDP (RFC 8200, section 4)."""
    at = p[_NET] + 40
    end = p[_END]
    kind = out[p[_NET] + 6] + 0
    while (kind == 0 or kind == 43 or kind == 60) and at + 8 <= end:
        kind = out[at] + 0
        at += out[at + 1] * 8 + 8
    if kind != 44 and at <= end:
        p[_UPPER] = at
        p[_PROTOCOL] = kind


@hot
def check_source(
    out: Any, p: Any, state: Any, interfaces: Any, trie4: Any, trie6: Any, hops: Any
) -> int:
    """Whether the source may have sent this from where it came.

    Nobody else sends from our addresses. Where the filter is on, the way back to the source has
    to lead out of this interface (strict) or of any (loose): RFC 3704.
    """
    net = p[_NET]
    mode = interfaces[p[_IN] * _IF_SIZE + _IF_REVERSE_PATH]
    if p[_FAMILY] == 4:
        if u32(out, net + 12) == 0 or (state[_SKIP] >> _MARTIAN_SOURCE) & 1:
            p[_SOURCE] = 0
            return 0
        group = longest_match(out, net + 12, trie4, 8)
        if hops[group] == _LOCAL or hops[group] == _BROADCAST:
            return _MARTIAN_SOURCE
    else:
        p[_SOURCE] = 0
        first = u16(out, net + 8)
        if (first & 0xFFC0) == 0xFE80 or first == 0:
            return 0  # its own link's, or nobody's while it looks for an address
        group = longest_match(out, net + 8, trie6, 4)
    p[_SOURCE] = group
    if mode == 0:
        return 0
    if hops[group] != _UNICAST:
        return _REVERSE_PATH
    if mode == _STRICT:
        for number in range(hops[group + 1]):
            if hops[group + _HOP + number * _PAGE] == p[_IN]:
                return 0
        return _REVERSE_PATH
    return 0
