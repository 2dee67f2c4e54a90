"""Verdicts on the checksums of many frames; those that need a closer look are left to `judge`."""

from __future__ import annotations

from typing import Any

from netarium.wire.batch import CHECKSUM_NOT_READY, CHECKSUM_VALID
from netarium.wire.bulk.walk import (
    CUT,
    ETHERTYPE,
    FRAGMENT,
    MORE,
    NETWORK,
    NETWORK_END,
    PROTOCOL,
    TRANSPORT,
    u8,
    u16,
    walk_deep,
)
from netarium.wire.hot import hot

__all__ = ["CLOSER", "ICMP_CHECKSUM", "IP_CHECKSUM", "TCP_CHECKSUM", "UDP_CHECKSUM", "verdicts"]

# On which checksum.
IP_CHECKSUM = 0
TCP_CHECKSUM = 1
UDP_CHECKSUM = 2
ICMP_CHECKSUM = 3  # of both versions

# As in `checksum.Verdict`.
_VALID = 1
_OFFLOAD = 2
_WRONG = 3
_ABSENT = 4
_UNKNOWN = 5
_TUNNELS = (4789, 8472, 6081)  # ports of VXLAN and Geneve
CLOSER = 0  # it takes a closer look: `judging.judge` has it


@hot
def _sum(data: Any, start: int, end: int) -> int:
    """The sum of 16-bit words, not folded (RFC 1071)."""
    total = 0
    if start < 0:
        return 0
    for at in range(start, end - 1, 2):
        total += data[at] * 256 + data[at + 1]
    if (end - start) % 2 == 1 and end > start:
        total += data[end - 1] * 256
    return total


@hot
def _folded(total: int) -> int:
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


@hot
def _network_verdict(data: Any, end: int, place: Any) -> int:
    """On the IPv4 header; ``end``: where the captured bytes end."""
    at = place[NETWORK]
    if at < 0:
        return CLOSER
    size = (u8(data, at) & 15) * 4
    if size < 20:
        return CLOSER
    if at + size > end:
        return _UNKNOWN
    return _VALID if _folded(_sum(data, at, at + size)) == 0xFFFF else _WRONG


@hot
def _transport_verdict(data: Any, end: int, length: int, flags: int, place: Any) -> int:
    """On TCP, UDP, ICMP or ICMPv6; ``end``: of the captured bytes, ``length``: on the wire."""
    at = place[TRANSPORT]
    protocol = place[PROTOCOL]
    network = place[NETWORK]
    if at < 0 or network < 0:
        return CLOSER
    version = 4 if place[ETHERTYPE] == 0x0800 else 6
    if at - network != (20 if version == 4 else 40):
        return CLOSER  # source routes say that other addresses are meant
    left = flags & CHECKSUM_NOT_READY != 0
    tunnel = protocol == 17 and u16(data, at + 2) in _TUNNELS
    if left and (tunnel or protocol == 1 or protocol == 58):
        return CLOSER  # it may be that of a tunnel's inner packet that was left
    checked = flags & CHECKSUM_VALID != 0
    value_at = at + 2
    if protocol == 6:
        value_at = at + 16
    elif protocol == 17:
        value_at = at + 6
    value = u16(data, value_at)
    unchecked = protocol == 17 and value == 0
    if unchecked and not left:
        return _ABSENT if version == 4 else CLOSER
    if (protocol == 6 or protocol == 17) and checked and not unchecked:
        return _VALID
    told = length
    if protocol == 17 and u16(data, at + 4) > 0:
        told = at + u16(data, at + 4)
    elif version == 4 and u16(data, network + 2) > 0:
        told = network + u16(data, network + 2)
    elif version == 6 and u16(data, network + 4) > 0:
        told = at + u16(data, network + 4)
    if place[FRAGMENT] > 0 or place[MORE] == 1 or told > end:
        return _OFFLOAD if left else _UNKNOWN
    if left:
        return _OFFLOAD
    limit = place[NETWORK_END]
    if protocol == 17:
        limit = max(at + 8, min(limit, told))
    pseudo = 0
    if protocol != 1:
        size = limit - at
        if version == 4:
            size &= 0xFFFF
            pseudo = _sum(data, network + 12, network + 20)
        else:
            pseudo = _sum(data, network + 8, network + 40) + (size >> 16)
        pseudo += protocol + (size & 0xFFFF)
    if _folded(pseudo + _sum(data, at, limit)) == 0xFFFF:
        return _VALID
    # What Linux leaves in the field for a network card: the sum of the pseudo-header.
    if (protocol == 6 or protocol == 17) and value == _folded(pseudo):
        return _OFFLOAD
    return _WRONG


@hot
def _is_there(what: int, place: Any) -> bool:
    """Whether there is such a header, whole or cut."""
    if what == IP_CHECKSUM:
        is_there = place[NETWORK] >= 0 or place[CUT] == NETWORK
        return bool(place[ETHERTYPE] == 0x0800 and is_there)
    if place[TRANSPORT] < 0 and place[CUT] != TRANSPORT:
        return False
    protocol: int = place[PROTOCOL]
    if what == ICMP_CHECKSUM:
        return protocol == 1 or protocol == 58
    return protocol == (6 if what == TCP_CHECKSUM else 17)


@hot
def verdicts(
    data: Any,
    start: Any,
    captured: Any,
    length: Any,
    interface: Any,
    flags: Any,
    links: Any,
    low: int,
    high: int,
    wanted: Any,
    out: Any,
    stride: int,
    place: Any,
) -> None:
    """Fill columns with verdicts on frames ``low`` to ``high`` of a batch; -1: no such header.

    ``wanted``: two numbers each: on which checksum, and the column of ``out`` to fill; columns
    are ``stride`` numbers apart. All but `CLOSER` is as in `checksum.Verdict`.
    """
    link_count = len(links)
    for index in range(low, high):
        begin = start[index]
        end = begin + captured[index]
        link = links[interface[index]] if interface[index] < link_count else 1
        walk_deep(data, begin, end, link, place)
        for number in range(len(wanted) // 2):
            what = wanted[2 * number]
            verdict = -1
            if _is_there(what, place):
                if what == IP_CHECKSUM:
                    verdict = _network_verdict(data, end, place)
                else:
                    wire_end = begin + length[index]
                    verdict = _transport_verdict(data, end, wire_end, flags[index], place)
            out[wanted[2 * number + 1] * stride + index - low] = verdict
