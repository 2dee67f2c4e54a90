"""The steps in the middle: deliver or forward, count down, choose the route."""

from __future__ import annotations

from typing import Any

from netarium.router import layout
from netarium.router.arithmetic import mixed, patch, sum16
from netarium.router.prefixes import longest_match
from netarium.router.reasons import Reason
from netarium.wire.bulk.walk import u16, u32
from netarium.wire.hot import hot

__all__ = ["choose_route", "count_down", "deliver_or_forward", "flow_hash"]

_EGRESS = layout.P_EGRESS
_END = layout.P_END
_FAMILY = layout.P_FAMILY
_GATEWAY = layout.P_GATEWAY
_HEADER = layout.P_HEADER
_IN = layout.P_IN
_NET = layout.P_NET
_PROTOCOL = layout.P_PROTOCOL
_ROUTE = layout.P_ROUTE
_SOURCE = layout.P_SOURCE
_TO_ALL = layout.P_TO_ALL
_TRANSLATED = layout.P_TRANSLATED
_UPPER = layout.P_UPPER

_IF_FORWARD = layout.IF_FORWARD
_IF_QUIET_UNTIL = layout.IF_QUIET_UNTIL
_IF_SIZE = layout.IF_SIZE
_IF_UP = layout.IF_UP
_HOP = layout.HOP
_PAGE = layout.PAGE
_NAT_OUTSIDE = layout.NAT_OUTSIDE
_NAT_PROTECT = layout.NAT_PROTECT
_NOW = layout.NOW
_SKIP = layout.SKIP
_UNICAST = layout.UNICAST
_LOCAL = layout.LOCAL
_BROADCAST = layout.BROADCAST
_BLACKHOLE = layout.BLACKHOLE
_PROHIBIT = layout.PROHIBIT

_BEYOND_SCOPE = int(Reason.BEYOND_SCOPE)
_FOR_ME = int(Reason.FOR_ME)
_FORWARDING_OFF = int(Reason.FORWARDING_OFF)
_INTERFACE_DOWN = int(Reason.INTERFACE_DOWN)
_LINK_BROADCAST = int(Reason.LINK_BROADCAST)
_MARTIAN_SOURCE = int(Reason.MARTIAN_SOURCE)
_NAT_FILTERED = int(Reason.NAT_FILTERED)
_NAT_MISSING = int(Reason.NAT_MISSING)
_NO_ROUTE = int(Reason.NO_ROUTE)
_OPTIONS = int(Reason.OPTIONS)
_PROHIBITED = int(Reason.PROHIBITED)
_REDIRECT = int(Reason.REDIRECT)
_SWALLOWED = int(Reason.BLACKHOLE)
_TO_A_GROUP = int(Reason.TO_A_GROUP)
_TTL_EXPIRED = int(Reason.TTL_EXPIRED)
_UNREACHABLE = int(Reason.UNREACHABLE)


@hot
def deliver_or_forward(
    out: Any, p: Any, state: Any, interfaces: Any, trie4: Any, trie6: Any, hops: Any
) -> int:
    """Look the destination up (longest prefix match): it is ours, or there is a route, or none.

    Broadcasts to a network that is not the packet's own link are not let out (RFC 2644): they
    are looked up as ours. Options are looked at once it is known that a route is there.
    """
    net = p[_NET]
    if p[_FAMILY] == 4:
        destination = u32(out, net + 16)
        if (destination >> 28) == 14 or destination == 0xFFFFFFFF:
            return _TO_A_GROUP
        group = longest_match(out, net + 16, trie4, 8)
    else:
        if out[net + 24] == 0xFF:
            return _TO_A_GROUP
        group = longest_match(out, net + 24, trie6, 4)
    p[_ROUTE] = group
    kind = hops[group]
    if kind == _LOCAL:
        return _FOR_ME
    if kind == _BROADCAST:
        return _TO_A_GROUP
    if p[_FAMILY] == 6 and (u16(out, net + 24) & 0xFFC0) == 0xFE80:
        return _BEYOND_SCOPE  # another node's on this link: it needs no router
    if interfaces[p[_IN] * _IF_SIZE + _IF_FORWARD] == 0:
        return _FORWARDING_OFF
    if kind == 0:
        return _NO_ROUTE
    if kind != _UNICAST:
        if kind == _BLACKHOLE:
            return _SWALLOWED
        return _PROHIBITED if kind == _PROHIBIT else _UNREACHABLE
    if p[_TO_ALL] == 1:
        return _LINK_BROADCAST
    if p[_FAMILY] == 4 and p[_HEADER] > 20 and (state[_SKIP] >> _OPTIONS) & 1 == 0:
        return _OPTIONS
    return 0


@hot
def count_down(out: Any, p: Any) -> int:
    """Take one off the time to live or hop limit; mend the checksum without summing it anew."""
    net = p[_NET]
    if p[_FAMILY] == 6:
        if out[net + 7] <= 1:
            return _TTL_EXPIRED
        out[net + 7] -= 1
        return 0
    if out[net + 8] <= 1:
        return _TTL_EXPIRED
    before = u16(out, net + 8)
    out[net + 8] -= 1
    patch(out, net + 10, before, before - 256, 0)
    return 0


@hot
def flow_hash(out: Any, p: Any) -> int:
    """The same for all packets of one flow: addresses, protocol, ports (RFC 2992, section 2)."""
    net = p[_NET]
    protocol = p[_PROTOCOL]
    hash_ = protocol + 2
    first, last = net + 12, net + 20
    if p[_FAMILY] == 6:
        first, last = net + 8, net + 40
    for at in range(first, last, 4):
        hash_ = mixed(hash_, u32(out, at))
    upper = p[_UPPER]
    whole = p[_FAMILY] == 6 or (u16(out, net + 6) & 0x2000) == 0
    if whole and upper > 0 and upper + 4 <= p[_END] and (protocol == 6 or protocol == 17):
        hash_ = mixed(hash_, u32(out, upper))  # fragments go together: without ports
    return mixed(hash_, 0)


@hot
def choose_route(out: Any, p: Any, state: Any, interfaces: Any, hops: Any) -> int:
    """Deal the flow to one of the equal-cost hops, and see whether the way makes sense.

    Out where it came in, from a host on that link: the sender could go there directly
    (RFC 1812, 5.2.7.2; RFC 4861, 8.2). A source that is valid on its link alone may not leave
    it (RFC 4291, 2.5.6). What leaves to the NAT's outside has been translated.
    """
    group = p[_ROUTE]
    number = 0
    if hops[group + 1] > 1:
        number = flow_hash(out, p) % hops[group + 1]
    hop = group + _HOP + number * _PAGE
    egress = hops[hop]
    p[_EGRESS] = egress
    for word in range(4):
        p[_GATEWAY + word] = hops[hop + 1 + word]
    net = p[_NET]
    came_in = p[_IN]
    if interfaces[egress * _IF_SIZE + _IF_UP] == 0:
        return _INTERFACE_DOWN
    if p[_FAMILY] == 6:
        first = u16(out, net + 8)
        if (first & 0xFFC0) == 0xFE80 and egress != came_in:
            return _BEYOND_SCOPE
        if first == 0 and sum16(out, net + 8, net + 24, 0) == 0:
            return _MARTIAN_SOURCE  # nobody's address does not leave its link, either
    elif egress != came_in and p[_TRANSLATED] == 0 and (state[_SKIP] >> _NAT_MISSING) & 1 == 0:
        if egress == state[_NAT_OUTSIDE]:
            return _NAT_MISSING
        if came_in == state[_NAT_OUTSIDE] and state[_NAT_PROTECT] == 1:
            return _NAT_FILTERED
    if egress == came_in and p[_TRANSLATED] == 0 and (state[_SKIP] >> _REDIRECT) & 1 == 0:
        quiet_until = interfaces[came_in * _IF_SIZE + _IF_QUIET_UNTIL]
        return _REDIRECT if state[_NOW] >= quiet_until else 0
    return 0
