"""What a line says beyond tcpdump's: wrong or open checksums, super-frames."""

from __future__ import annotations

from typing import Any

from netarium.wire.batch import CHECKSUM_NOT_READY, CHECKSUM_VALID, SEGMENTED_LATER
from netarium.wire.hot import hot
from netarium.wire.line_state import VERDICTS
from netarium.wire.line_writing import put, put_number
from netarium.wire.walk import (
    FRAGMENT,
    MORE,
    NETWORK,
    NETWORK_END,
    PROTOCOL,
    TRANSPORT,
    WHOLE_END,
    u16,
)

__all__ = ["judge", "put_marks"]

_HEADER_WRONG = 1
_WRONG = 2
_OPEN = 4


@hot
def _sum(data: Any, start: int, end: int, total: int) -> int:
    """The ones' complement sum of 16-bit words, folded (RFC 1071, section 1)."""
    even = (end - start) // 2 * 2 + start
    for at in range(start, even, 2):
        total += data[at] * 256 + data[at + 1]
    if even < end:
        total += data[even] * 256
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
    is_ipv4 = data[network] >> 4 == 4
    if is_ipv4:
        size = (data[network] & 15) * 4
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
    if verdicts & _HEADER_WRONG:
        at = put(out, at, b" [bad ip cksum]")
    if verdicts & _WRONG:
        protocol = place[PROTOCOL]
        if protocol == 6:
            at = put(out, at, b" [bad tcp cksum]")
        elif protocol == 17:
            at = put(out, at, b" [bad udp cksum]")
        else:
            at = put(out, at, b" [bad icmp cksum]")
    if verdicts & _OPEN or flags & CHECKSUM_NOT_READY:
        at = put(out, at, b" [cksum offload]")
    network = place[NETWORK]
    if (
        segment > 0
        or flags & SEGMENTED_LATER
        or (network >= 0 and mtu > 0 and place[WHOLE_END] - network > mtu)
    ):
        at = put(out, at, b" [super-frame")
        if segment > 0:
            at = put_number(out, at, b" of segments of ", segment)
        at = put(out, at, b"]")
    return at
