"""What a line says beyond tcpdump's: wrong or open checksums, super-frames."""

from __future__ import annotations

from typing import Any

from netarium.wire.batch import CHECKSUM_NOT_READY, CHECKSUM_VALID, SEGMENTED_LATER
from netarium.wire.hot import hot
from netarium.wire.line_state import VERDICTS
from netarium.wire.line_writing import entries, put, put_entry, put_number
from netarium.wire.walk import (
    ETHERTYPE,
    FRAGMENT,
    MORE,
    NETWORK,
    NETWORK_END,
    PROTOCOL,
    TRANSPORT,
    WHOLE_END,
    u8,
    u16,
    u32,
)

__all__ = ["judge", "put_marks"]

_HEADER_WRONG = 1
_WRONG = 2
_OPEN = 4
_WRONG_ONES = entries(" [bad tcp cksum]", " [bad udp cksum]", " [bad icmp cksum]")


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

    Returns:
        Bits: 1: IPv4's is wrong, 2: that of TCP, UDP or ICMP is, 4: it is yet to be computed:
        it has only the sum of the pseudo-header, as a network card is given it.
    """
    network = place[NETWORK]
    verdicts = 0
    is_ipv4 = place[ETHERTYPE] == 0x0800
    if is_ipv4:
        size = (u8(data, network) & 15) * 4
        if (
            20 <= size <= place[NETWORK_END] - network
            and _sum(data, network, network + size, 0) != 0xFFFF
        ):
            verdicts = _HEADER_WRONG
    upper, end = place[TRANSPORT], place[NETWORK_END]
    if upper < 0 or flags & (CHECKSUM_NOT_READY | CHECKSUM_VALID):
        return verdicts
    if end != place[WHOLE_END] or place[FRAGMENT] != 0 or place[MORE] != 0:
        return verdicts
    protocol = place[PROTOCOL]
    if protocol == 6:
        field = upper + 16
    elif protocol == 17:
        field = upper + 6
        length = u16(data, upper + 4)
        if u16(data, field) == 0 or length < 8 or length > end - upper:
            return verdicts
        end = upper + length
    elif protocol == 1 and is_ipv4:
        return verdicts if _sum(data, upper, end, 0) == 0xFFFF else verdicts | _WRONG
    elif protocol == 58 and not is_ipv4:
        field = upper + 2
    else:
        return verdicts
    addresses = network + 12 if is_ipv4 else network + 8
    pseudo = _sum(
        data, addresses, network + 20 if is_ipv4 else network + 40, protocol + end - upper
    )
    if _sum(data, upper, end, pseudo) == 0xFFFF:
        return verdicts
    return verdicts | (_OPEN if u16(data, field) == pseudo and protocol != 58 else _WRONG)


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
    if verdicts & _HEADER_WRONG:
        at = put(out, at, b" [bad ip cksum]")
    if verdicts & _WRONG:
        protocol = place[PROTOCOL]
        at = put_entry(out, at, _WRONG_ONES, 0 if protocol == 6 else 1 if protocol == 17 else 2)
    if verdicts & _OPEN or flags & CHECKSUM_NOT_READY:
        at = put(out, at, b" [cksum offload]")
    if segment > 0 or flags & SEGMENTED_LATER or is_longer:
        at = put(out, at, b" [super-frame")
        if segment > 0:
            at = put_number(out, at, b" of segments of ", segment)
        at = put(out, at, b"]")
    return at
