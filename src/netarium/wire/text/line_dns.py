"""DNS on a line, in hot loops: the usual messages; `applications.dns_line` writes the others.

``4660+ A? www.example.com. (33)``, as tcpdump does. Questions and records of the common
types are written here, if their names are plain; for the rest Python is asked.
"""

from __future__ import annotations

from typing import Any

from netarium.wire.bulk.walk import u8, u16
from netarium.wire.hot import hot
from netarium.wire.text.line_writing import (
    entries,
    put,
    put_decimal,
    put_entry,
    put_ipv4,
    put_ipv6,
    put_number,
    put_span,
)

__all__ = ["is_usual_dns", "put_dns"]

_HEADER = 12
_LONGEST = 255  # bytes of a name, all lengths counted (RFC 1035, section 2.3.4)
_MOST = 64  # questions and records of a message

#: The types that are written here, by number; OPT is an option of the message itself.
_A, _NS, _CNAME, _SOA, _PTR, _MX, _AAAA, _SRV, _OPT = 1, 2, 5, 6, 12, 15, 28, 33, 41
_TYPES = entries(
    *("", "A", "NS", "", "", "CNAME", "SOA", "", "", "", "", "", "PTR", "", "", "MX", "", "", ""),
    *("", "", "", "", "", "", "", "", "", "AAAA", "", "", "", "", "SRV"),
)
_OPERATIONS = entries("", " inv_q", " stat", "", " notify", " update")
_RESPONSES = entries("", " FormErr", " ServFail", " NXDomain", " NotImp", " Refused")


@hot
def _behind_name(data: Any, at: int, end: int) -> int:
    """The offset behind a name, -1 where it does not end (RFC 1035, section 4.1.4)."""
    while at < end:
        size = u8(data, at)
        if size == 0:
            return at + 1
        if size >= 192:
            return at + 2 if at + 2 <= end else -1
        if size >= 64:
            return -1
        at += 1 + size
    return -1


@hot
def _is_name(data: Any, at: int, message: int, end: int) -> bool:
    """Whether a name is whole, its pointers lead backwards, and it needs no escapes."""
    length = 1
    earliest = at
    while at < end:
        size = u8(data, at)
        if size == 0:
            return True
        if size >= 192:
            target = message + (u16(data, at) & 0x3FFF)
            if at + 2 > end or target >= earliest or target < message + _HEADER:
                return False
            at = target
            earliest = target
            continue
        length += 1 + size
        if size >= 64 or length > _LONGEST or at + 1 + size > end:
            return False
        for place in range(at + 1, at + 1 + size):
            octet = u8(data, place)
            is_letter = (octet | 32) >= 97 and (octet | 32) <= 122
            is_digit = octet >= 48 and octet <= 57
            if not (is_letter or is_digit or octet == 45 or octet == 95):
                return False
        at += 1 + size
    return False


@hot
def is_usual_dns(data: Any, message: int, end: int, multicast: bool) -> bool:
    """Whether a message is whole and all that it says can be written by `put_dns`."""
    if end - message < _HEADER:
        return False
    flags = u16(data, message + 2)
    operation, code = flags >> 11 & 15, flags & 15
    if operation > 5 or operation == 3 or code > 5 or (flags & 0x8000 == 0 and flags & 0x06CF):
        return False
    questions, answers = u16(data, message + 4), u16(data, message + 6)
    records = answers + u16(data, message + 8) + u16(data, message + 10)
    if questions + records > _MOST:
        return False
    at = message + _HEADER
    for number in range(questions + records):
        if not _is_name(data, at, message, end):
            return False
        at = _behind_name(data, at, end) + 4
        if at > end:
            return False
        kind, sort = u16(data, at - 4), u16(data, at - 2) & (0x7FFF if multicast else 0xFFFF)
        if kind == _OPT:
            usual = number >= questions + answers
        else:
            usual = sort == 1 and _is_usual_type(kind)
        if not usual:
            return False
        if number >= questions:
            at += 6
            if at > end:
                return False
            size = u16(data, at - 2)
            if at + size > end or not _is_value(data, at, size, kind, message):
                return False
            at += size
    return at == end


@hot
def _is_usual_type(kind: int) -> bool:
    return kind in (_A, _NS, _CNAME, _SOA, _PTR, _MX, _AAAA, _SRV)


@hot
def _is_value(data: Any, at: int, size: int, kind: int, message: int) -> bool:
    """Whether what a record of a usual type says is in the form of its type."""
    end = at + size
    if kind in (_A, _AAAA):
        return size == (4 if kind == _A else 16)
    if kind == _OPT:
        return size == 0
    at += 2 if kind == _MX else 6 if kind == _SRV else 0
    if not _is_name(data, at, message, end):
        return False
    at = _behind_name(data, at, end)
    if kind == _SOA:
        if not _is_name(data, at, message, end):
            return False
        at = _behind_name(data, at, end) + 20
    return at == end


@hot
def put_dns(out: Any, at: int, data: Any, message: int, end: int, multicast: bool) -> int:
    """A message that `is_usual_dns`."""
    flags = u16(data, message + 2)
    questions = u16(data, message + 4)
    at = put_decimal(out, at, u16(data, message))
    at = put_entry(out, at, _OPERATIONS, flags >> 11 & 15)
    if flags & 0x8000:
        at = _put_response(out, at, data, message, end, multicast)
        return put(out, put_number(out, at, b" (", end - message), b")")
    at = put(out, at, b"+" if flags & 0x100 else b"")
    at = put(out, at, b"%" if flags & 0x10 else b"")
    at = _put_count(out, at, u16(data, message + 6), b"a]")
    if questions != 1:
        at = put(out, put_number(out, at, b" [", questions), b"q]")
    at = _put_count(out, at, u16(data, message + 8), b"n]")
    at = _put_count(out, at, u16(data, message + 10), b"au]")
    place = message + _HEADER
    for _ in range(questions):
        behind = _behind_name(data, place, end)
        at = put_entry(out, put(out, at, b" "), _TYPES, u16(data, behind))
        if multicast:
            at = put(out, at, b" (QU)" if u16(data, behind + 2) & 0x8000 else b" (QM)")
        at = _put_name(out, put(out, at, b"? "), data, place, message)
        place = behind + 4
    return put(out, put_number(out, at, b" (", end - message), b")")


@hot
def _put_count(out: Any, at: int, count: int, what: bytes) -> int:
    return put(out, put_number(out, at, b" [", count), what) if count else at


@hot
def _put_response(out: Any, at: int, data: Any, message: int, end: int, multicast: bool) -> int:
    flags = u16(data, message + 2)
    questions, answers = u16(data, message + 4), u16(data, message + 6)
    at = put_entry(out, at, _RESPONSES, flags & 15)
    at = put(out, at, b"*" if flags & 0x400 else b"")
    at = put(out, at, b"" if flags & 0x80 else b"-")
    at = put(out, at, b"|" if flags & 0x200 else b"")
    at = put(out, at, b"$" if flags & 0x20 else b"")
    if questions != 1:
        at = put(out, put_number(out, at, b" [", questions), b"q]")
    at = put_number(out, at, b" ", answers)
    at = put_number(out, at, b"/", u16(data, message + 8))
    at = put_number(out, at, b"/", u16(data, message + 10))
    place = message + _HEADER
    for _ in range(questions):
        place = _behind_name(data, place, end) + 4
    for number in range(answers):
        at = put(out, at, b", " if number else b" ")
        place = _behind_name(data, place, end) + 10
        if multicast and u16(data, place - 8) & 0x8000:  # RFC 6762, section 10.2
            at = put(out, at, b"(Cache flush) ")
        at = _put_record(out, at, data, place, message)
        place += u16(data, place - 2)
    return at


@hot
def _put_record(out: Any, at: int, data: Any, place: int, message: int) -> int:
    """A record whose value begins at ``place``."""
    kind = u16(data, place - 10)
    at = put_entry(out, at, _TYPES, kind)
    if kind == _SOA:
        return at
    at = put(out, at, b" ")
    if kind == _A:
        return put_ipv4(out, at, data, place)
    if kind == _AAAA:
        return put_ipv6(out, at, data, place)
    value = place + (2 if kind == _MX else 6 if kind == _SRV else 0)
    at = _put_name(out, at, data, value, message)
    if kind == _SRV:
        at = put_number(out, at, b":", u16(data, place + 4))
    if kind in (_MX, _SRV):
        at = put_number(out, at, b" ", u16(data, place))
    if kind == _SRV:
        at = put_number(out, at, b" ", u16(data, place + 2))
    return at


@hot
def _put_name(out: Any, at: int, data: Any, place: int, message: int) -> int:
    """A name, with the full stop of the root at its end."""
    if u8(data, place) == 0:
        return put(out, at, b".")
    size = u8(data, place)
    while size != 0:
        if size >= 192:
            place = message + (u16(data, place) & 0x3FFF)
        else:
            at = put_span(out, at, data, place + 1, place + 1 + size)
            at = put(out, at, b".")
            place += 1 + size
        size = u8(data, place)
    return at
