"""Sums that the steps share: checksums kept right while a packet changes, and flow hashes."""

from __future__ import annotations

from typing import Any

from netarium.wire.bulk.walk import u16
from netarium.wire.hot import compiled_from, hot

__all__ = ["copy", "fold", "mixed", "patch", "put16", "put32", "put48", "sum16"]


@hot
def fold(total: int) -> int:
    """A ones' complement sum as 16 bits (RFC 1071, section 2)."""
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


@hot
def sum16(data: Any, at: int, end: int, total: int) -> int:
    """The ones' complement sum of ``data[at:end]``, folded; odd ends count as if zero followed."""
    while at + 1 < end:
        total += data[at] * 256 + data[at + 1]
        at += 2
    if at < end:
        total += data[at] * 256
    return fold(total)


@hot
def copy(source: Any, at: int, size: int, target: Any, to: int) -> None:
    """Copy bytes. Within one buffer the two places lie apart."""
    target[to : to + size] = source[at : at + size]


@compiled_from(copy)
def _copy(source: Any, at: int, size: int, target: Any, to: int) -> None:
    """The same as a loop that the compiler makes memcpy of: over views, nothing can wrap."""
    from_, to_ = source[at : at + size], target[to : to + size]
    for index in range(len(to_)):
        to_[index] = from_[index]


@hot
def patch(data: Any, at: int, old: int, new: int, partial: int) -> None:
    """Mend the checksum at ``data[at]`` after words that summed to ``old`` became ``new``.

    RFC 1624, equation 3: HC' = ~(~HC + ~m + m'). A partial checksum is a sum that was never
    complemented, so its equation is C' = C + ~m + m'.
    """
    value = u16(data, at)
    if not partial:
        value ^= 0xFFFF
    value = fold(value + (fold(old) ^ 0xFFFF) + fold(new))
    if not partial:
        value ^= 0xFFFF
    data[at] = value >> 8
    data[at + 1] = value & 255


@hot
def put16(data: Any, at: int, value: int) -> None:
    """Write two bytes."""
    data[at] = (value >> 8) & 255
    data[at + 1] = value & 255


@hot
def put32(data: Any, at: int, value: int) -> None:
    """Write four bytes."""
    put16(data, at, value >> 16)
    put16(data, at + 2, value)


@hot
def put48(data: Any, at: int, value: int) -> None:
    """Write six bytes: a link-layer address."""
    put16(data, at, value >> 32)
    put32(data, at + 2, value)


@hot
def mixed(hash_: int, word: int) -> int:
    """A hash with one more word of 32 bits in it; 0 to 2**32 - 1.

    The products stay below 2**63, so that both speeds give the same number.
    """
    hash_ = ((hash_ ^ word) * 0x5BD1E995) & 0xFFFFFFFF
    hash_ ^= hash_ >> 15
    return hash_
