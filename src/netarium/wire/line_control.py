"""ARP, ICMP and ICMPv6 on a line: who asks for whom, and which packet met which fate."""

from __future__ import annotations

from typing import Any

from netarium.wire.hot import hot
from netarium.wire.line_writing import put, put_decimal, put_ipv4, put_ipv6, put_mac, put_number
from netarium.wire.walk import NETWORK_END, TRANSPORT, WHOLE_END, u16, u32

__all__ = ["put_arp", "put_icmp", "put_icmpv6"]


@hot
def put_arp(out: Any, at: int, data: Any, start: int, length: int) -> int:
    """An ARP message of 28 bytes (RFC 826); ``length``: the bytes of the frame's payload."""
    operation = u16(data, start + 6)
    known = (
        u16(data, start) == 1
        and u16(data, start + 2) == 0x0800
        and data[start + 4] == 6
        and data[start + 5] == 4
    )
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
    icmp = place[TRANSPORT]
    kind, code = int(data[icmp]), int(data[icmp + 1])
    if kind == 8 or kind == 0:
        at = put(out, at, b"echo request" if kind else b"echo reply")
        at = put_number(out, at, b", id ", u16(data, icmp + 4))
        at = put_number(out, at, b", seq ", u16(data, icmp + 6))
    elif kind == 3:
        at = _put_unreachable(out, at, data, icmp, place[NETWORK_END])
    elif kind == 11 and code < 2:
        at = put(out, at, b"ip reassembly time exceeded" if code else b"time exceeded in-transit")
    elif kind == 5 and place[NETWORK_END] - icmp >= 28:
        at = put_ipv4(out, put(out, at, b"redirect "), data, icmp + 24)
        at = put(out, at, b" to host " if code & 1 else b" to net ")
        at = put_ipv4(out, at, data, icmp + 4)
    elif kind == 4:
        at = put(out, at, b"source quench")
    elif kind == 9:
        at = put(out, at, b"router advertisement")
    elif kind == 10:
        at = put(out, at, b"router solicitation")
    elif kind == 12:
        at = put_number(out, at, b"parameter problem - octet ", int(data[icmp + 4]))
    elif kind == 13 or kind == 14:
        at = put(out, at, b"time stamp query" if kind == 13 else b"time stamp reply")
        at = put_number(out, at, b" id ", u16(data, icmp + 4))
        at = put_number(out, at, b" seq ", u16(data, icmp + 6))
    else:
        at = put_number(out, at, b"type ", kind)
        at = put_number(out, at, b", code ", code)
    return put_number(out, at, b", length ", place[WHOLE_END] - icmp)


@hot
def _put_unreachable(out: Any, at: int, data: Any, icmp: int, end: int) -> int:
    """Destination Unreachable: the quoted packet says what could not be reached."""
    code = int(data[icmp + 1])
    quoted = icmp + 8
    if end - quoted < 20:
        return put_number(out, at, b"unreachable, code ", code)
    if code == 0 or code == 6 or code == 9 or code == 11:
        at = put(out, at, b"net ")
    elif code == 1 or code == 7 or code == 10 or code >= 12:
        at = put(out, at, b"host ")
    at = put_ipv4(out, at, data, quoted + 16)
    protocol = int(data[quoted + 9])
    upper = quoted + (data[quoted] & 15) * 4
    if code == 2:
        at = put_number(out, at, b" protocol ", protocol)
    elif code == 3 and end - upper >= 4:
        if protocol == 6 or protocol == 17:
            at = put(out, at, b" tcp port " if protocol == 6 else b" udp port ")
        else:
            at = put_number(out, at, b" protocol ", protocol)
            at = put(out, at, b" port ")
        at = put_decimal(out, at, u16(data, upper + 2))
    at = put(out, at, b" unreachable")
    if code == 4:
        at = put(out, at, b" - need to frag")
        if u16(data, icmp + 6):
            at = put_number(out, at, b" (mtu ", u16(data, icmp + 6))
            at = put(out, at, b")")
    elif code == 5:
        at = put(out, at, b" - source route failed")
    elif code == 6 or code == 7:
        at = put(out, at, b" - unknown")
    elif code == 8:
        at = put(out, at, b" - source host isolated")
    elif code == 9 or code == 10:
        at = put(out, at, b" - admin prohibited")
    elif code == 11 or code == 12:
        at = put(out, at, b" - tos prohibited")
    elif code == 13:
        at = put(out, at, b" - admin prohibited filter")
    elif code == 14 or code == 15:
        at = put(
            out, at, b" - host precedence violation" if code == 14 else b" - precedence cutoff"
        )
    elif code > 15:
        at = put_number(out, at, b" - code ", code)
    return at


@hot
def put_icmpv6(out: Any, at: int, data: Any, place: Any) -> int:
    """An ICMPv6 message (RFC 4443, RFC 4861, RFC 3810), of which 8 bytes at least are there."""
    icmp, end = place[TRANSPORT], place[NETWORK_END]
    kind, code = int(data[icmp]), int(data[icmp + 1])
    if kind == 128 or kind == 129:
        at = put(out, at, b"echo request" if kind == 128 else b"echo reply")
        at = put_number(out, at, b", id ", u16(data, icmp + 4))
        at = put_number(out, at, b", seq ", u16(data, icmp + 6))
    elif (kind == 135 or kind == 136) and end - icmp >= 24:
        word = (
            b"neighbor solicitation, who has "
            if kind == 135
            else b"neighbor advertisement, tgt is "
        )
        at = put_ipv6(out, put(out, at, word), data, icmp + 8)
    elif kind == 133 or kind == 134:
        at = put(out, at, b"router solicitation" if kind == 133 else b"router advertisement")
    elif kind == 1:
        at = _put_unreachable6(out, at, data, icmp, end)
    elif kind == 2:
        at = put_number(out, at, b"packet too big, mtu ", u32(data, icmp + 4))
    elif kind == 3:
        word = b"time exceeded in reassembly" if code else b"time exceeded in-transit"
        at = _put_quoted(out, put(out, at, word), b" for ", data, icmp + 8, end)
    elif kind == 4:
        at = put_number(out, at, b"parameter problem, code ", code)
        at = put_number(out, at, b" - octet ", u32(data, icmp + 4))
    elif kind == 137 and end - icmp >= 40:
        at = put_ipv6(out, put(out, at, b"redirect, "), data, icmp + 24)
        at = put_ipv6(out, put(out, at, b" to "), data, icmp + 8)
    elif kind == 143:
        at = put_number(out, at, b"multicast listener report v2, ", u16(data, icmp + 6))
        at = put(out, at, b" group record(s)")
    elif kind >= 130 and kind <= 132 and end - icmp >= 24:
        if kind == 130:
            at = put(out, at, b"multicast listener query, group ")
        else:
            at = put(
                out,
                at,
                b"multicast listener report, group "
                if kind == 131
                else b"multicast listener done, group ",
            )
        at = put_ipv6(out, at, data, icmp + 8)
    else:
        at = put_number(out, at, b"type ", kind)
        at = put_number(out, at, b", code ", code)
    return put_number(out, at, b", length ", place[WHOLE_END] - icmp)


@hot
def _put_unreachable6(out: Any, at: int, data: Any, icmp: int, end: int) -> int:
    code = int(data[icmp + 1])
    at = put(out, at, b"destination unreachable, ")
    if code == 0:
        at = put(out, at, b"unreachable route")
    elif code == 1:
        at = put(out, at, b"unreachable prohibited")
    elif code == 2:
        at = put(out, at, b"beyond scope")
    elif code == 3:
        at = put(out, at, b"unreachable address")
    elif code == 4:
        at = put(out, at, b"unreachable port")
    elif code == 5 or code == 6:
        at = put(out, at, b"source address failed policy" if code == 5 else b"reject route")
    else:
        at = put_number(out, at, b"code ", code)
    quoted = icmp + 8
    at = _put_quoted(out, at, b", ", data, quoted, end)
    if code == 4 and end - quoted >= 44:
        following = int(data[quoted + 6])
        if following == 6 or following == 17:
            at = put(out, at, b" tcp port " if following == 6 else b" udp port ")
            at = put_decimal(out, at, u16(data, quoted + 42))
    return at


@hot
def _put_quoted(out: Any, at: int, word: bytes, data: Any, quoted: int, end: int) -> int:
    """A word and the destination of the quoted packet, if it is there."""
    if end - quoted < 40:
        return at
    return put_ipv6(out, put(out, at, word), data, quoted + 24)
