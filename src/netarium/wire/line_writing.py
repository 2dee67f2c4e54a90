"""How hot loops write text: words, numbers, addresses and times, as ASCII into a buffer.

Each function writes at ``at`` and gives the offset behind what it wrote. None checks for
room: `wire.line_frames` sees to it that there is enough before it begins a line.
"""

from __future__ import annotations

from typing import Any

from netarium.wire.hot import hot
from netarium.wire.walk import u16

__all__ = [
    "put",
    "put_decimal",
    "put_escaped",
    "put_hex",
    "put_ipv4",
    "put_ipv6",
    "put_mac",
    "put_number",
    "put_padded",
    "put_span",
    "put_time",
]

_DIGITS = b"0123456789abcdef"
#: The text of the numbers 0 to 99, two digits each.
_PAIRS = b"".join(b"%02d" % number for number in range(100))
#: The text of the numbers 0 to 255, three bytes each, and how many of them count.
_OCTETS = b"".join(b"%-3d" % number for number in range(256))

_DAY = 86_400
_SECOND = 1_000_000_000


@hot
def put(out: Any, at: int, word: bytes) -> int:
    """A word as it is."""
    for index in range(len(word)):
        out[at + index] = word[index]
    return at + len(word)


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
    if value < 10:
        out[at] = 48 + value
        return at + 1
    size = 2
    limit = 100
    while value >= limit and size < 18:
        size += 1
        limit *= 10
    place = at + size
    while value >= 100:
        pair = (value % 100) * 2
        value //= 100
        place -= 2
        out[place] = _PAIRS[pair]
        out[place + 1] = _PAIRS[pair + 1]
    if value >= 10:
        out[place - 2] = _PAIRS[2 * value]
        out[place - 1] = _PAIRS[2 * value + 1]
    else:
        out[place - 1] = 48 + value
    return at + size


@hot
def put_number(out: Any, at: int, word: bytes, value: int) -> int:
    """A word and the number behind it."""
    return put_decimal(out, put(out, at, word), value)


@hot
def put_padded(out: Any, at: int, value: int, digits: int) -> int:
    """A number in so many digits, an even count, zeros first."""
    place = at + digits
    while place > at:
        pair = (value % 100) * 2
        value //= 100
        place -= 2
        out[place] = _PAIRS[pair]
        out[place + 1] = _PAIRS[pair + 1]
    return at + digits


@hot
def put_hex(out: Any, at: int, value: int, digits: int) -> int:
    """A number in so many hexadecimal digits, without ``0x``."""
    for index in range(digits):
        out[at + index] = _DIGITS[(value >> (4 * (digits - 1 - index))) & 15]
    return at + digits


@hot
def put_ipv4(out: Any, at: int, data: Any, start: int) -> int:
    """An IPv4 address in dotted decimal."""
    for index in range(start, start + 4):
        octet = int(data[index])
        text = 3 * octet
        out[at] = _OCTETS[text]
        out[at + 1] = _OCTETS[text + 1]
        out[at + 2] = _OCTETS[text + 2]
        at += 1 + (octet > 9) + (octet > 99)
        out[at] = 46
        at += 1
    return at - 1


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
    for index in range(start, start + 6):
        octet = int(data[index])
        out[at] = _DIGITS[octet >> 4]
        out[at + 1] = _DIGITS[octet & 15]
        out[at + 2] = 58
        at += 3
    return at - 1


@hot
def put_escaped(out: Any, at: int, data: Any, start: int, end: int) -> int:
    r"""Bytes of the wire: those of visible ASCII as they are, others as ``\x1b``."""
    for index in range(start, end):
        octet = int(data[index])
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
def put_time(out: Any, at: int, time: int, style: int) -> int:
    """A time in nanoseconds, to the microsecond.

    In style 0 it is the time of day, ``17:04:05.000001``; in style 1 it is seconds,
    ``1700000000.000001``, which may be negative.
    """
    if style == 0:
        second = (time // _SECOND) % _DAY
        at = put_padded(out, at, second // 3600, 2)
        out[at] = 58
        at = put_padded(out, at + 1, second // 60 % 60, 2)
        out[at] = 58
        at = put_padded(out, at + 1, second % 60, 2)
    else:
        if time < 0:
            out[at] = 45
            at += 1
            time = -time
        at = put_decimal(out, at, time // _SECOND)
    out[at] = 46
    return put_padded(out, at + 1, time % _SECOND // 1000, 6)
