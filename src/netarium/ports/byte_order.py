"""Numbers of either byte order in flat buffers: the smallest parts of the hot loops on files."""

from __future__ import annotations

from typing import Any

from netarium.wire.hot import compiled_from, hot

__all__ = ["copy", "put16", "put32", "total", "u16", "u32"]

_B1, _B2, _B3 = 1 << 8, 1 << 16, 1 << 24  # factors: a byte that is shifted could overflow

# The checks for offsets below 0 never come true. They tell the compiler that Python's way of
# counting them from the end is not wanted: bytes are then moved words at a time.


@hot
def u16(data: Any, at: int, big: int) -> int:
    """The 16-bit number at ``at``; ``big``: its most significant byte comes first."""
    if at < 0:
        return 0
    value: int = data[at] * 256 + data[at + 1] if big else data[at] + data[at + 1] * 256
    return value


@hot
def u32(data: Any, at: int, big: int) -> int:
    """The 32-bit number at ``at``; ``big``: its most significant byte comes first."""
    if at < 0:
        return 0
    value: int
    if big:
        value = data[at] * _B3 + data[at + 1] * _B2 + data[at + 2] * _B1 + data[at + 3]
    else:
        value = data[at] + data[at + 1] * _B1 + data[at + 2] * _B2 + data[at + 3] * _B3
    return value


@hot
def put16(out: Any, at: int, value: int) -> None:
    """Write a 16-bit number, least significant byte first."""
    if at < 0:
        return
    out[at] = value & 255
    out[at + 1] = (value >> 8) & 255


@hot
def put32(out: Any, at: int, value: int) -> None:
    """Write the lower 32 bits of a number, least significant byte first."""
    if at < 0:
        return
    out[at] = value & 255
    out[at + 1] = (value >> 8) & 255
    out[at + 2] = (value >> 16) & 255
    out[at + 3] = (value >> 24) & 255


@hot
def copy(out: Any, to: int, data: Any, at: int, size: int) -> None:
    """Copy ``size`` bytes of ``data`` to ``out``."""
    if to < 0 or at < 0:
        return
    out[to : to + size] = data[at : at + size]


@compiled_from(copy)
def _copy(out: Any, to: int, data: Any, at: int, size: int) -> None:
    """The same as a loop: compiled, it is memcpy, as no slice would be."""
    if to < 0 or at < 0:
        return
    for index in range(size):
        out[to + index] = data[at + index]


@hot
def total(column: Any, count: int) -> int:
    """The sum of the first ``count`` numbers of a column."""
    size = 0
    for index in range(count):
        size += column[index]
    return size
