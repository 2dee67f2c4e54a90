"""A frame's layers on a line: VLAN tags, who sends to whom, fragments, tunnels."""

from __future__ import annotations

from typing import Any

from netarium.wire.bulk.walk import (
    CUT,
    ETHERTYPE,
    FRAGMENT,
    MORE,
    NETWORK,
    PAYLOAD,
    PAYLOAD_END,
    PROTOCOL,
    TAG,
    TAGS,
    TRANSPORT,
    UPPER,
    WHOLE_END,
    u8,
    u16,
    u32,
    walk,
)
from netarium.wire.hot import hot
from netarium.wire.text.line_control import put_arp, put_icmp, put_icmpv6
from netarium.wire.text.line_marks import judge
from netarium.wire.text.line_payload import leave, put_stream, put_udp
from netarium.wire.text.line_state import IN_TUNNEL, ODD, STOP, VERDICTS, WHOLE, WITHIN
from netarium.wire.text.line_tcp import put_tcp
from netarium.wire.text.line_writing import (
    put,
    put_decimal,
    put_hex,
    put_ipv4,
    put_ipv6,
    put_number,
)

__all__ = ["DEEPEST", "put_layers"]

#: Tunnels within tunnels that are written.
DEEPEST = 8
_MOST = 16  # tags, or extension headers, of one packet that are written
_ETHERNET = 1  # link types
_RAW_IP = 101


@hot
def put_layers(
    out: Any,
    at: int,
    data: Any,
    wire_end: int,
    flags: int,
    place: Any,
    ports: Any,
    state: Any,
    flows: Any,
    rest: Any,
) -> int:
    """The layers down to the innermost that is known here, through tunnels."""
    carried = -1  # where the packet begins that a tunnel carries
    for _ in range(DEEPEST):
        if place[NETWORK] < 0:
            place[UPPER] = carried
            place[PROTOCOL] = IN_TUNNEL
            leave(state, rest, at, place, WHOLE if carried < 0 else WITHIN)
            return at
        at = _put_tags(out, at, data, place)
        network = place[NETWORK]
        if place[ETHERTYPE] == 0x0806:
            return put_arp(out, put(out, at, b"ARP, "), data, network, wire_end - network)
        is_ipv4 = place[ETHERTYPE] == 0x0800
        if u16(data, network + (2 if is_ipv4 else 4)) == 0:  # more than the field can say
            place[WHOLE_END] = max(place[WHOLE_END], wire_end)
        state[VERDICTS] |= judge(data, place, flags)
        at = put(out, at, b"IP " if is_ipv4 else b"IP6 ")
        at = _put_ends(out, at, data, place, is_ipv4)
        inner = _tunnel(data, place)
        at = _put_upper(out, at, data, place, is_ipv4, inner, ports, state, flows, rest)
        plain = place[UPPER] == network + (20 if is_ipv4 else 40)
        if place[CUT] >= 0 or not plain or place[WHOLE_END] > wire_end:
            leave(state, rest, at, place, STOP)  # perhaps: Python knows all rules
        if inner < 0:
            return at
        carried = place[PAYLOAD]
        walk(data, carried, place[PAYLOAD_END], inner, place)
    return put(out, at, b"...")


@hot
def _put_tags(out: Any, at: int, data: Any, place: Any) -> int:
    tag = place[TAG] - 4 * (place[TAGS] - 1)
    for _ in range(min(place[TAGS], _MOST)):
        control = u16(data, tag)
        at = put_number(out, at, b"vlan ", control & 0xFFF)
        at = put_number(out, at, b", p ", control >> 13)
        at = put(out, at, b", DEI, " if control & 0x1000 else b", ")
        tag += 4
    return at


@hot
def _has_ports(place: Any) -> bool:
    protocol = place[PROTOCOL]
    known: bool = protocol == 6 or protocol == 17 or protocol == 132
    return known and place[TRANSPORT] >= 0


@hot
def _put_ends(out: Any, at: int, data: Any, place: Any, is_ipv4: bool) -> int:
    """Who sends to whom: addresses, and ports where there are some."""
    network, upper = place[NETWORK], place[TRANSPORT]
    ports = _has_ports(place)
    at = put_ipv4(out, at, data, network + 12) if is_ipv4 else put_ipv6(out, at, data, network + 8)
    if ports:
        at = put_number(out, at, b".", u16(data, upper))
    at = put(out, at, b" > ")
    at = put_ipv4(out, at, data, network + 16) if is_ipv4 else put_ipv6(out, at, data, network + 24)
    if ports:
        at = put_number(out, at, b".", u16(data, upper + 2))
    return _put_extensions(out, put(out, at, b": "), data, place, is_ipv4)


@hot
def _put_extensions(out: Any, at: int, data: Any, place: Any, is_ipv4: bool) -> int:
    """The names of the extension headers that lie before `UPPER` (RFC 8200, section 4)."""
    network, upper = place[NETWORK], place[UPPER]
    header = network + ((u8(data, network) & 15) * 4 if is_ipv4 else 40)
    kind = u8(data, network + (9 if is_ipv4 else 6))
    for _ in range(_MOST):
        if header + 2 > upper:
            return at
        if kind == 0 or kind == 43 or kind == 44:
            at = put(out, at, b"HBH " if kind == 0 else b"RT " if kind == 43 else b"frag ")
        elif kind == 51 or kind == 60:
            at = put(out, at, b"AH " if kind == 51 else b"DSTOPT ")
        else:
            return at
        size = 0 if kind == 44 else u8(data, header + 1) * (4 if kind == 51 else 8)
        kind = u8(data, header)
        header += 8 + size
    return at


@hot
def _tunnel(data: Any, place: Any) -> int:
    """The link type of the packet that this one carries whole, -1 where it carries none.

    `PAYLOAD` is then moved to where that packet begins.
    """
    protocol, payload = place[PROTOCOL], place[PAYLOAD]
    if place[TRANSPORT] < 0 or payload < 0:
        return -1
    room = place[PAYLOAD_END] - payload
    if (protocol == 4 or protocol == 41) and room > 0:
        return _RAW_IP
    if (
        protocol == 17
        and u16(data, place[TRANSPORT] + 2) == 4789
        and room > 8
        and u8(data, payload) & 8
    ):
        place[PAYLOAD] += 8
        return _ETHERNET
    if protocol == 47 and u8(data, payload + 1) & 7 == 0:
        flags = u8(data, payload)  # checksum, routing, key, sequence number (RFC 2890)
        size = 4 + 4 * ((flags >> 7) + (flags >> 5 & 1) + (flags >> 4 & 1))
        kind = u16(data, payload + 2)
        known = kind == 0x0800 or kind == 0x86DD or kind == 0x6558
        if known and flags & 0x40 == 0 and room > size:
            place[PAYLOAD] += size
            return _ETHERNET if kind == 0x6558 else _RAW_IP
    return -1


@hot
def _put_upper(
    out: Any,
    at: int,
    data: Any,
    place: Any,
    is_ipv4: bool,
    inner: int,
    ports: Any,
    state: Any,
    flows: Any,
    rest: Any,
) -> int:
    """What an IP packet carries, up to a tunnel's end or the first words of the payload."""
    upper, protocol = place[TRANSPORT], place[PROTOCOL]
    length = place[WHOLE_END] - place[UPPER]
    if upper < 0:
        if place[FRAGMENT] > 0 or place[UPPER] >= 0:
            at = _put_protocol(out, at, protocol)
            if place[CUT] < 0:
                at = put_number(out, at, b", length ", length)
            at = _put_fragment(out, at, data, place, is_ipv4)
        return at
    if protocol == 6:
        at = put_tcp(out, at, data, place, flows, state)
        if place[PAYLOAD] < 0 or place[PAYLOAD] > place[WHOLE_END] or state[ODD]:
            leave(state, rest, at, place, STOP)
        elif place[PAYLOAD_END] > place[PAYLOAD]:
            at = put_stream(out, at, data, place, ports, state, rest)
    elif protocol == 17:
        at = put_udp(out, at, data, place, inner, ports, state, rest)
    elif protocol == 1 and is_ipv4:
        at = put_icmp(out, put(out, at, b"ICMP "), data, place)
    elif protocol == 58 and not is_ipv4:
        at = put_icmpv6(out, put(out, at, b"ICMP6, "), data, place)
        kind = u8(data, upper)
        if kind >= 133 and kind <= 137:  # neighbour discovery has options
            leave(state, rest, at, place, STOP)
    elif protocol == 47:
        at = put(out, at, b"GREv")
        at = put_decimal(out, at, u8(data, upper + 1) & 7)
        field = upper + (8 if u8(data, upper) & 0x80 else 4)
        if u8(data, upper) & 0x20 and inner >= 0:
            at = put_hex(out, put(out, at, b", key=0x"), u32(data, field), 8)
            field += 4
        if u8(data, upper) & 0x10 and inner >= 0:
            at = put_number(out, at, b", seq ", u32(data, field))
        at = put_number(out, at, b", length ", length)
        if inner >= 0:
            at = put(out, at, b": ")
        else:
            at = put_hex(out, put(out, at, b", protocol 0x"), u16(data, upper + 2), 4)
    elif inner < 0:
        leave(state, rest, at, place, WITHIN)
    if place[MORE]:
        at = _put_fragment(out, at, data, place, is_ipv4)
    return at


@hot
def _put_protocol(out: Any, at: int, protocol: int) -> int:
    if protocol == 6 or protocol == 17:
        return put(out, at, b"TCP" if protocol == 6 else b"UDP")
    if protocol == 1 or protocol == 58:
        return put(out, at, b"ICMP" if protocol == 1 else b"ICMP6")
    if protocol == 59:
        return put(out, at, b"no next header")
    return put_number(out, at, b"ip-proto-", protocol)


@hot
def _put_fragment(out: Any, at: int, data: Any, place: Any, is_ipv4: bool) -> int:
    if place[FRAGMENT] == 0 and place[MORE] == 0:
        return at
    if is_ipv4:
        at = put_number(out, at, b" (fragment of id ", u16(data, place[NETWORK] + 4))
        at = put(out, at, b",")
    else:
        at = put(out, at, b" (fragment")
    at = put_number(out, at, b" at ", place[FRAGMENT])
    return put(out, at, b", more to come)" if place[MORE] else b", the last)")
