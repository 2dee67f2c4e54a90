"""How hot loops write text: words, numbers, addresses and times, as ASCII into a buffer.

Each function writes at ``at`` and gives the offset behind what it wrote. None checks for
room: `wire.text.line_frames` sees to it that there is enough before it begins a line. That ``at``
is never negative is for the compiler, which then writes whole words at once.
"""

from __future__ import annotations

from typing import Any

from netarium.wire.bulk.walk import u8, u16
from netarium.wire.hot import hot

__all__ = [
    "entries",
    "put",
    "put_clock",
    "put_decimal",
    "put_entry",
    "put_escaped",
    "put_hex",
    "put_ipv4",
    "put_ipv6",
    "put_mac",
    "put_number",
    "put_seconds",
    "put_span",
]

_DIGITS = b"0123456789abcdef"
#: The text of the numbers 0 to 99, two digits each.
_PAIRS = b"".join(b"%02d" % number for number in range(100))
#: The text of the numbers 0 to 255 with a full stop, four bytes each.
_OCTETS = b"".join(b"%d." % number + bytes(3 - len(str(number))) for number in range(256))

_DAY = 86_400
_SECOND = 1_000_000_000


@hot
def put(out: Any, at: int, word: bytes) -> int:
    """A word as it is."""
    if at < 0:
        return at
    for index in range(len(word)):
        out[at + index] = word[index]
    return at + len(word)


def entries(*words: str) -> bytes:
    """A table of words for `put_entry`: their common width, then each filled up with zeros."""
    width = max(map(len, words)) + 1
    return bytes([width]) + b"".join(word.encode().ljust(width, b"\0") for word in words)


@hot
def put_entry(out: Any, at: int, table: bytes, entry: int) -> int:
    """The word with this number in a table that `entries` made; nothing where it has none."""
    place = 1 + table[0] * entry
    if at < 0 or entry < 0 or place >= len(table):
        return at
    while table[place] != 0:
        out[at] = table[place]
        at += 1
        place += 1
    return at


@hot
def put_span(out: Any, at: int, text: Any, start: int, end: int) -> int:
    """Bytes of another buffer as they are."""
    for index in range(start, end):
        out[at] = text[index]
        at += 1
    return at


@hot
def put_decimal(out: Any, at: int, value: int) -> int:
    """A number of 0 or more."""
    if at < 0 or value < 0:
        return at
    if value < 10:
        out[at] = 48 + value
        return at + 1
    size = 2
    if value < 100_000:
        size += (value > 99) + (value > 999) + (value > 9999)
    else:
        size = 6
        limit = 1_000_000
        while value >= limit and size < 18:
            size += 1
            limit *= 10
    place = at + size
    while value >= 100:
        place -= 2
        _put_pair(out, place, value % 100)
        value //= 100
    if value >= 10:
        _put_pair(out, at, value)
    else:
        out[at] = 48 + value
    return at + size


@hot
def _put_pair(out: Any, at: int, value: int) -> None:
    """Two digits."""
    if at >= 0 and value >= 0:
        out[at] = _PAIRS[2 * value]
        out[at + 1] = _PAIRS[2 * value + 1]


@hot
def put_number(out: Any, at: int, word: bytes, value: int) -> int:
    """A word and the number behind it."""
    return put_decimal(out, put(out, at, word), value)


@hot
def put_hex(out: Any, at: int, value: int, digits: int) -> int:
    """A number in so many hexadecimal digits, without ``0x``."""
    if at < 0:
        return at
    for index in range(digits):
        out[at + index] = _DIGITS[(value >> (4 * (digits - 1 - index))) & 15]
    return at + digits


@hot
def put_ipv4(out: Any, at: int, data: Any, start: int) -> int:
    """An IPv4 address in dotted decimal."""
    at = _put_octet(out, at, u8(data, start))
    at = _put_octet(out, at, u8(data, start + 1))
    at = _put_octet(out, at, u8(data, start + 2))
    return _put_octet(out, at, u8(data, start + 3)) - 1


@hot
def _put_octet(out: Any, at: int, octet: int) -> int:
    """A number up to 255 and a full stop."""
    if at < 0 or octet < 0:
        return at
    for index in range(4):
        out[at + index] = _OCTETS[4 * octet + index]
    return at + 2 + (octet > 9) + (octet > 99)


@hot
def put_ipv6(out: Any, at: int, data: Any, start: int) -> int:
    """An IPv6 address as RFC 5952 wants it: the longest run of zeros, two at least, as ``::``."""
    longest = 1
    gap = -1  # the first group of the longest run of zeros
    run = 0
    for group in range(8):
        run = run + 1 if u16(data, start + 2 * group) == 0 else 0
        if run > longest:
            longest = run
            gap = group - run + 1
    group = 0
    while group < 8:
        if group == gap:
            at = put(out, at, b"::")
            group += longest
            continue
        if group == 6 and gap == 0 and (longest == 6 or _is_mapped(data, start, longest)):
            return put_ipv4(out, at, data, start + 12)
        value = u16(data, start + 2 * group)
        at = put_hex(out, at, value, 1 + (value > 15) + (value > 255) + (value > 4095))
        group += 1
        if group < 8 and group != gap:
            out[at] = 58
            at += 1
    return at


@hot
def _is_mapped(data: Any, start: int, zeros: int) -> bool:
    """Whether it is an IPv4 address within IPv6, ``::ffff:192.0.2.1`` (RFC 4291, 2.5.5.2)."""
    return zeros == 5 and u16(data, start + 10) == 0xFFFF


@hot
def put_mac(out: Any, at: int, data: Any, start: int) -> int:
    """A MAC address."""
    if at < 0:
        return at
    for index in range(start, start + 6):
        octet = u8(data, index)
        out[at] = _DIGITS[octet >> 4]
        out[at + 1] = _DIGITS[octet & 15]
        out[at + 2] = 58
        at += 3
    return at - 1


@hot
def put_escaped(out: Any, at: int, data: Any, start: int, end: int) -> int:
    r"""Bytes of the wire: those of visible ASCII as they are, others as ``\x1b``."""
    if at < 0:
        return at
    for index in range(start, end):
        octet = u8(data, index)
        if 32 <= octet < 127:
            out[at] = octet
            at += 1
        else:
            out[at] = 92
            out[at + 1] = 120
            out[at + 2] = _DIGITS[octet >> 4]
            out[at + 3] = _DIGITS[octet & 15]
            at += 4
    return at


@hot
def put_clock(out: Any, at: int, time: int) -> int:
    """The time of day of a time in nanoseconds, to the microsecond: ``17:04:05.000001``."""
    second = time // _SECOND % _DAY
    _put_pair(out, at, second // 3600)
    _put_pair(out, at + 3, second // 60 % 60)
    _put_pair(out, at + 6, second % 60)
    out[at + 2] = 58
    out[at + 5] = 58
    return _put_micros(out, at + 8, time % _SECOND)


@hot
def put_seconds(out: Any, at: int, time: int) -> int:
    """Nanoseconds as seconds to the microsecond: ``1700000000.000001``; may be negative."""
    if time < 0:
        out[at] = 45
        at += 1
        time = -time
    at = put_decimal(out, at, time // _SECOND)
    return _put_micros(out, at, time % _SECOND)


@hot
def _put_micros(out: Any, at: int, nanos: int) -> int:
    micros = nanos // 1000
    out[at] = 46
    _put_pair(out, at + 1, micros // 10_000)
    _put_pair(out, at + 3, micros // 100 % 100)
    _put_pair(out, at + 5, micros % 100)
    return at + 7
