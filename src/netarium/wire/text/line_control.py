"""ARP, ICMP and ICMPv6 on a line: who asks for whom, and which packet met which fate."""

from __future__ import annotations

from typing import Any

from netarium.wire.bulk.walk import NETWORK_END, TRANSPORT, WHOLE_END, u8, u16, u32
from netarium.wire.hot import hot
from netarium.wire.text.line_writing import (
    entries,
    put,
    put_decimal,
    put_entry,
    put_ipv4,
    put_ipv6,
    put_mac,
    put_number,
)

__all__ = ["put_arp", "put_icmp", "put_icmpv6"]

#: ICMP messages by type (RFC 792, RFC 1256, RFC 950).
_ICMP = entries(
    "echo reply",
    *["", "", "", "source quench", "", "", ""],
    "echo request",
    "router advertisement",
    "router solicitation",
    "time exceeded in-transit",
    "parameter problem - octet ",
    "time stamp query",
    "time stamp reply",
    "information request",
    "information reply",
    "address mask request",
    "address mask reply",
)
#: What of the unreachable destination is said before and behind it, by code (RFC 1812, 5.2.7.1).
_NET, _HOST = "net ", "host "
_BEFORE = entries(
    *[_NET, _HOST, "", "", "", "", _NET, _HOST, "", _NET, _HOST, _NET, _HOST, _HOST, _HOST, _HOST]
)
_BEHIND = entries(
    *["", "", "", ""],
    " - need to frag",
    " - source route failed",
    " - unknown",
    " - unknown",
    " - source host isolated",
    " - admin prohibited",
    " - admin prohibited",
    " - tos prohibited",
    " - tos prohibited",
    " - admin prohibited filter",
    " - host precedence violation",
    " - precedence cutoff",
)
#: ICMPv6 errors by type from 1 on (RFC 4443), messages by type from 128 on (RFC 4861, RFC 3810).
_ERRORS6 = entries(
    "destination unreachable, ",
    "packet too big, mtu ",
    "time exceeded ",
    "parameter problem, code ",
)
_MESSAGES6 = entries(
    "echo request",
    "echo reply",
    "multicast listener query, group ",
    "multicast listener report, group ",
    "multicast listener done, group ",
    "router solicitation",
    "router advertisement",
    "neighbor solicitation, who has ",
    "neighbor advertisement, tgt is ",
    "redirect, ",
    *["", "", "", "", ""],
    "multicast listener report v2, ",
)
_UNREACHABLE6 = entries(
    "unreachable route",
    "unreachable prohibited",
    "beyond scope",
    "unreachable address",
    "unreachable port",
    "source address failed policy",
    "reject route",
)


@hot
def put_arp(out: Any, at: int, data: Any, start: int, length: int) -> int:
    """An ARP message of 28 bytes (RFC 826); ``length``: the bytes of the frame's payload."""
    operation = u16(data, start + 6)
    known = u32(data, start) == 0x00010800 and u16(data, start + 4) == 0x0604
    if known and operation == 1:
        at = put_ipv4(out, put(out, at, b"Request who-has "), data, start + 24)
        if u32(data, start + 18) or u16(data, start + 22):
            at = put_mac(out, put(out, at, b" ("), data, start + 18)
            at = put(out, at, b")")
        at = put_ipv4(out, put(out, at, b" tell "), data, start + 14)
    elif known and operation == 2:
        at = put_ipv4(out, put(out, at, b"Reply "), data, start + 14)
        at = put_mac(out, put(out, at, b" is-at "), data, start + 8)
    else:
        at = put_number(out, at, b"operation ", operation)
        at = put_number(out, at, b", hardware ", u16(data, start))
        at = put_number(out, at, b", protocol ", u16(data, start + 2))
    return put_number(out, at, b", length ", length)


@hot
def put_icmp(out: Any, at: int, data: Any, place: Any) -> int:
    """An ICMP message (RFC 792), of which 8 bytes at least are there."""
    icmp, end = place[TRANSPORT], place[NETWORK_END]
    kind, code = u8(data, icmp), u8(data, icmp + 1)
    before = at
    if kind == 3 and end - icmp >= 28:
        at = _put_unreachable(out, at, data, icmp, end)
    elif kind == 5 and end - icmp >= 28:
        at = put_ipv4(out, put(out, at, b"redirect "), data, icmp + 24)
        at = put(out, at, b" to host " if code & 1 else b" to net ")
        at = put_ipv4(out, at, data, icmp + 4)
    elif kind == 11 and code == 1:
        at = put(out, at, b"ip reassembly time exceeded")
    else:
        at = put_entry(out, at, _ICMP, kind)
    if at == before:
        at = put_number(out, at, b"type ", kind)
        at = put_number(out, at, b", code ", code)
    elif kind == 12:
        at = put_decimal(out, at, u8(data, icmp + 4))
    elif kind == 0 or kind == 8 or kind == 13 or kind == 14:
        is_echo = kind < 9
        at = put_number(out, at, b", id " if is_echo else b" id ", u16(data, icmp + 4))
        at = put_number(out, at, b", seq " if is_echo else b" seq ", u16(data, icmp + 6))
    return put_number(out, at, b", length ", place[WHOLE_END] - icmp)


@hot
def _put_unreachable(out: Any, at: int, data: Any, icmp: int, end: int) -> int:
    """Destination Unreachable: the packet that is quoted says what could not be reached."""
    code = u8(data, icmp + 1)
    quoted = icmp + 8
    at = put_entry(out, at, _BEFORE, code)
    at = put_ipv4(out, at, data, quoted + 16)
    protocol = u8(data, quoted + 9)
    upper = quoted + (u8(data, quoted) & 15) * 4
    if code == 3 and end - upper >= 4:
        if protocol == 6 or protocol == 17:
            at = put(out, at, b" tcp port " if protocol == 6 else b" udp port ")
        else:
            at = put_number(out, at, b" protocol ", protocol)
            at = put(out, at, b" port ")
        at = put_decimal(out, at, u16(data, upper + 2))
    elif code == 2:
        at = put_number(out, at, b" protocol ", protocol)
    at = put(out, at, b" unreachable")
    if code > 15:
        return put_number(out, at, b" - code ", code)
    at = put_entry(out, at, _BEHIND, code)
    if code == 4 and u16(data, icmp + 6):
        at = put_number(out, at, b" (mtu ", u16(data, icmp + 6))
        at = put(out, at, b")")
    return at


@hot
def put_icmpv6(out: Any, at: int, data: Any, place: Any) -> int:
    """An ICMPv6 message, of which 8 bytes at least are there."""
    icmp, end = place[TRANSPORT], place[NETWORK_END]
    kind, code = u8(data, icmp), u8(data, icmp + 1)
    before = at
    if kind < 128:
        at = put_entry(out, at, _ERRORS6, kind - 1)
    elif (kind == 128 or kind == 129 or kind == 133 or kind == 134 or kind == 143) or (
        end - icmp >= (40 if kind == 137 else 24)
    ):
        at = put_entry(out, at, _MESSAGES6, kind - 128)
    if at == before:
        at = put_number(out, at, b"type ", kind)
        at = put_number(out, at, b", code ", code)
    elif kind == 128 or kind == 129:
        at = put_number(out, at, b", id ", u16(data, icmp + 4))
        at = put_number(out, at, b", seq ", u16(data, icmp + 6))
    elif kind == 135 or kind == 136 or (kind >= 130 and kind <= 132):
        at = put_ipv6(out, at, data, icmp + 8)
    elif kind == 143:
        at = put_decimal(out, at, u16(data, icmp + 6))
        at = put(out, at, b" group record(s)")
    elif kind == 137:
        at = put_ipv6(out, at, data, icmp + 24)
        at = put_ipv6(out, put(out, at, b" to "), data, icmp + 8)
    elif kind <= 4:
        at = _put_error6(out, at, data, icmp, end)
    return put_number(out, at, b", length ", place[WHOLE_END] - icmp)


@hot
def _put_error6(out: Any, at: int, data: Any, icmp: int, end: int) -> int:
    """What an ICMPv6 error says behind its name (RFC 4443, section 3)."""
    kind, code = u8(data, icmp), u8(data, icmp + 1)
    quoted = icmp + 8
    if kind == 2:
        return put_decimal(out, at, u32(data, icmp + 4))
    if kind == 4:
        at = put_decimal(out, at, code)
        return put_number(out, at, b" - octet ", u32(data, icmp + 4))
    if kind == 3:
        at = put(out, at, b"in reassembly" if code else b"in-transit")
    elif code > 6:
        at = put_number(out, at, b"code ", code)
    else:
        at = put_entry(out, at, _UNREACHABLE6, code)
    if end - quoted < 40:
        return at
    at = put_ipv6(out, put(out, at, b" for " if kind == 3 else b", "), data, quoted + 24)
    protocol = u8(data, quoted + 6)
    if kind == 1 and code == 4 and end - quoted >= 44 and (protocol == 6 or protocol == 17):
        at = put(out, at, b" tcp port " if protocol == 6 else b" udp port ")
        at = put_decimal(out, at, u16(data, quoted + 42))
    return at
