"""What a line says beyond tcpdump's: wrong or open checksums, super-frames."""

from __future__ import annotations

from typing import Any

from netarium.wire.batch import CHECKSUM_NOT_READY, CHECKSUM_VALID, SEGMENTED_LATER
from netarium.wire.bulk.walk import (
    ETHERTYPE,
    MORE,
    NETWORK,
    NETWORK_END,
    PROTOCOL,
    TRANSPORT,
    UPPER,
    WHOLE_END,
    u8,
    u16,
    u32,
)
from netarium.wire.hot import hot
from netarium.wire.text.line_state import VERDICTS
from netarium.wire.text.line_writing import entries, put, put_entry, put_number

__all__ = ["judge", "put_marks"]

_WRONG_IP = 1
_WRONG_TCP = 2
_WRONG_UDP = 4
_WRONG_ICMP = 8
_WRONG = 15  # any of them
_OPEN = 16
_NAMES = entries(" [bad ip cksum]", " [bad tcp cksum]", " [bad udp cksum]", " [bad icmp cksum]")
_ALL = 0xFFFF  # what a sum with the checksum in it comes to


@hot
def _sum(data: Any, start: int, end: int, total: int) -> int:
    """The ones' complement sum of 16-bit words, folded (RFC 1071, section 1)."""
    while start + 4 <= end:  # two words at once: the sum is the same, folded
        total += u32(data, start)
        start += 4
    if start + 2 <= end:
        total += u16(data, start)
        start += 2
    if start < end:
        total += u8(data, start) << 8
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


@hot
def judge(data: Any, place: Any, flags: int) -> int:
    """Judge the checksums of the IP layer at ``place`` and of what it carries.

    It comes to the verdicts of `wire.judging`, but does not judge where that takes more than
    a sum: of packets that are routed by their source, and of rarer protocols.

    Returns:
        Bits: what is wrong, or yet to be computed (it then has only the sum of the
        pseudo-header, as a network card is given it).
    """
    network, upper, end = place[NETWORK], place[TRANSPORT], place[NETWORK_END]
    is_ipv4 = place[ETHERTYPE] == 0x0800
    verdicts = 0
    if is_ipv4:
        size = (u8(data, network) & 15) * 4
        if size >= 20 and size <= end - network and _sum(data, network, network + size, 0) != _ALL:
            verdicts = _WRONG_IP
    known = flags & (CHECKSUM_NOT_READY | CHECKSUM_VALID) == 0 and end == place[WHOLE_END]
    if upper < 0 or not known or place[MORE] or _is_source_routed(data, place):
        return verdicts
    protocol = place[PROTOCOL]
    if protocol == 1 and is_ipv4:
        return verdicts | (0 if _sum(data, upper, end, 0) == _ALL else _WRONG_ICMP)
    if protocol == 17:
        field = upper + 6
        length = u16(data, upper + 4)
        if length < 8 or length > end - upper:
            return verdicts
        end = upper + length
        port = u16(data, upper + 2)
        if u16(data, field) == 0:  # absent: wrong over IPv6, but for tunnels (RFC 6935)
            is_tunnel = _is_tunnel(port) or _is_tunnel(u16(data, upper))
            return verdicts | (0 if is_ipv4 or is_tunnel else _WRONG_UDP)
    elif protocol == 6 or (protocol == 58 and not is_ipv4):
        field = upper + (16 if protocol == 6 else 2)
    else:
        return verdicts
    addresses = network + (12 if is_ipv4 else 8)
    behind = network + (20 if is_ipv4 else 40)
    pseudo = _sum(data, addresses, behind, protocol + end - upper)
    if _sum(data, upper, end, pseudo) == _ALL:
        return verdicts
    if u16(data, field) == pseudo and protocol != 58:
        return verdicts | _OPEN
    return verdicts | (
        _WRONG_TCP if protocol == 6 else _WRONG_UDP if protocol == 17 else _WRONG_ICMP
    )


@hot
def _is_tunnel(port: int) -> bool:
    """Whether it is a port of VXLAN or Geneve."""
    return port == 4789 or port == 8472 or port == 6081


@hot
def _is_source_routed(data: Any, place: Any) -> bool:
    """Whether the sum may take other addresses than the header has: of a route, or a home."""
    network, upper = place[NETWORK], place[UPPER]
    if place[ETHERTYPE] == 0x0800:
        at = network + 20
        while at + 1 < upper:
            kind = u8(data, at)
            if kind == 131 or kind == 137:
                return True
            if kind == 0:
                return False
            at += 1 if kind == 1 else max(2, u8(data, at + 1))
        return False
    at = network + 40
    kind = u8(data, network + 6)
    while at + 1 < upper:
        if kind == 43 or kind == 60:  # routing; destination options (RFC 6275, section 6.3)
            return True
        size = 8 if kind == 44 else 8 + 8 * u8(data, at + 1)
        if kind == 51:
            size = 8 + 4 * u8(data, at + 1)
        kind = u8(data, at)
        at += size
    return False


@hot
def put_marks(
    out: Any, at: int, data: Any, place: Any, state: Any, flags: int, segment: int, mtu: int
) -> int:
    """The marks that stand at the end of a line, each in brackets."""
    verdicts = state[VERDICTS]
    network = place[NETWORK]
    is_longer = network >= 0 and mtu > 0 and place[WHOLE_END] - network > mtu
    if not (verdicts | flags | segment | is_longer):
        return at
    if verdicts & _WRONG:
        for wrong in range(4):
            if verdicts >> wrong & 1:
                at = put_entry(out, at, _NAMES, wrong)
    if verdicts & _OPEN or flags & CHECKSUM_NOT_READY:
        at = put(out, at, b" [offload]")
    if segment > 0 or flags & SEGMENTED_LATER or is_longer:
        at = put(out, at, b" [super-frame")
        if segment > 0:
            at = put_number(out, at, b" of segments of ", segment)
        at = put(out, at, b"]")
    return at
