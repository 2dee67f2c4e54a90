"""The grammar of IMAP (RFC 3501 section 9): reading arguments, and writing strings.

A command is one run of bytes in which each literal ``{n}`` is followed by its
CR LF and n octets, just as it came over the wire.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

from netarium.services.mail import folder_names

__all__ = [
    "LITERAL",
    "Fault",
    "Parser",
    "Refused",
    "Sequence",
    "astring",
    "nstring",
    "parenthesised",
    "string",
]

#: How a line ends that goes on with a literal: its size, and ``+`` where no answer is awaited.
LITERAL = re.compile(rb"\{(\d{1,10})(\+?)\}\Z")
_LITERAL_HERE = re.compile(rb"\{(\d{1,10})\+?\}\r\n")
_QUOTED = re.compile(rb'"((?:[^"\\\r\n\0]|\\["\\])*)"')
_ATOM = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\\]]+")
_ASTRING = re.compile(rb"[^\x00-\x20\x7f(){%*\"\\]+")
_PATTERN = re.compile(rb"[^\x00-\x20\x7f(){\"\\]+")
_FLAG = re.compile(rb"\\?[^\x00-\x20\x7f-\xff(){%*\"\\\]]+")
_NUMBER = re.compile(rb"\d{1,10}")
_RANGE = rb"(?:\d{1,10}|\*)(?::(?:\d{1,10}|\*))?"
_SEQUENCE = re.compile(_RANGE + rb"(?:," + _RANGE + rb")*")
_DATE = re.compile(rb'("?)(\d{1,2})-([A-Za-z]{3})-(\d{4})\1')
_DATE_TIME = re.compile(
    rb'"([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"'
)
_MONTHS = tuple(b"jan feb mar apr may jun jul aug sep oct nov dec".split())
_PLAIN = re.compile(rb"[\x20\x21\x23-\x5b\x5d-\x7e]*")
_LONGEST_QUOTED = 200


class Fault(Exception):  # noqa: N818 - the protocol's word is BAD
    """The command is not IMAP; the answer is BAD."""


class Refused(Exception):  # noqa: N818 - the protocol's word is NO
    """The command cannot be done; the answer is NO."""


@dataclass(frozen=True)
class Sequence:
    """A sequence set: ranges of message numbers or UIDs, ``None`` for ``*``."""

    ranges: tuple[tuple[int | None, int | None], ...]

    def resolve(self, last: int) -> list[tuple[int, int]]:
        """The ranges in order, without overlap, where ``*`` is ``last``."""
        whole = sorted(
            (min(a, b), max(a, b))
            for a, b in (
                (last if first is None else first, last if final is None else final)
                for first, final in self.ranges
            )
        )
        merged: list[tuple[int, int]] = []
        for low, high in whole:
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = merged[-1][0], max(high, merged[-1][1])
            else:
                merged.append((low, high))
        return merged


class Parser:
    """Reads a command's arguments from left to right; raises Fault where they are not right."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def _match(self, pattern: re.Pattern[bytes], what: str) -> re.Match[bytes]:
        found = pattern.match(self._data, self._at)
        if not found:
            raise Fault(f"{what} is wanted at octet {self._at + 1} of the arguments")
        self._at = found.end()
        return found

    def at(self, token: bytes) -> bool:
        """Whether ``token`` comes next; it stays."""
        return self._data.startswith(token, self._at)

    def skip(self, token: bytes) -> bool:
        """Whether ``token`` came next; it is consumed."""
        if self.at(token):
            self._at += len(token)
            return True
        return False

    def expect(self, token: bytes) -> None:
        """Consume ``token``, which must come next."""
        if not self.skip(token):
            shown = "a space" if token == b" " else token.decode()
            raise Fault(f"{shown} is wanted at octet {self._at + 1} of the arguments")

    def end(self) -> None:
        """Nothing may follow (spaces are forgiven)."""
        if self._data[self._at :].strip():
            raise Fault(f"nothing is wanted after octet {self._at} of the arguments")

    def finished(self) -> bool:
        """Whether everything is consumed."""
        return self._at >= len(self._data)

    def atom(self) -> str:
        """A word such as a command's name, in capitals."""
        return self._match(_ATOM, "a word")[0].decode().upper()

    def flag(self) -> str:
        """A flag, as it was written."""
        return self._match(_FLAG, "a flag")[0].decode()

    def number(self) -> int:
        """A number of 32 bits."""
        value = int(self._match(_NUMBER, "a number")[0])
        if value >= 1 << 32:
            raise Fault("a number is at most 4294967295")
        return value

    def word(self, pattern: re.Pattern[bytes], what: str) -> str:
        """What a pattern of the caller's own matches."""
        return self._match(pattern, what)[0].decode()

    def maybe(self, pattern: re.Pattern[bytes]) -> str | None:
        """What the pattern matches where it comes next, else None."""
        found = pattern.match(self._data, self._at)
        if not found:
            return None
        self._at = found.end()
        return found[0].decode()

    def string(self) -> bytes:
        """A quoted string or a literal."""
        if self.at(b'"'):
            quoted = self._match(_QUOTED, "a quoted string")[1]
            return re.sub(rb"\\(.)", rb"\1", quoted) if b"\\" in quoted else quoted
        size = int(self._match(_LITERAL_HERE, "a string")[1])
        literal = self._data[self._at : self._at + size]
        if len(literal) < size:
            raise Fault("a literal is cut short")
        self._at += size
        return literal

    def _string_or(self, pattern: re.Pattern[bytes], what: str) -> bytes:
        if self.at(b'"') or self.at(b"{"):
            return self.string()
        return self._match(pattern, what)[0]

    def astring(self) -> bytes:
        """A string, or a word that needs no quotes."""
        return self._string_or(_ASTRING, "a string")

    def text(self) -> str:
        """An astring as text."""
        return self.astring().decode("utf-8", "surrogateescape")

    def pattern(self) -> str:
        """What LIST looks for: a mailbox's name with wildcards."""
        return _folder(self._string_or(_PATTERN, "a mailbox name"))

    def mailbox(self) -> str:
        """A mailbox's name, as the store knows it."""
        name = _folder(self.astring())
        try:
            return folder_names.normalise(name)
        except ValueError as error:
            raise Refused(f"[CANNOT] {error}") from None

    def at_number(self) -> bool:
        """Whether a sequence set comes next."""
        return self._data[self._at : self._at + 1] in tuple(b"0 1 2 3 4 5 6 7 8 9 *".split())

    def sequence(self) -> Sequence:
        """A sequence set (``1:3,7,9:*``)."""
        ranges = []
        for part in self._match(_SEQUENCE, "a sequence set")[0].split(b","):
            first, _, final = part.partition(b":")
            ends = [None if end == b"*" else int(end) for end in (first, final or first)]
            if any(end == 0 or (end or 0) >= 1 << 32 for end in ends):
                raise Fault("numbers go from 1 to 4294967295")
            ranges.append((ends[0], ends[1]))
        return Sequence(tuple(ranges))

    def flags(self) -> list[str]:
        """Flags, in parentheses or (for STORE) without."""
        if not self.skip(b"("):
            found = [self.flag()]
            while self.skip(b" "):
                found.append(self.flag())
            return found
        found = []
        while not self.skip(b")"):
            if found:
                self.expect(b" ")
            found.append(self.flag())
        return found

    def date(self) -> datetime.date:
        """A day, such as ``1-Feb-1994``."""
        found = self._match(_DATE, "a date such as 1-Feb-1994")
        try:
            return datetime.date(int(found[4]), _month(found[3]), int(found[2]))
        except ValueError as error:
            raise Fault(f"that is no date: {error}") from None

    def date_time(self) -> float:
        """A moment, such as ``"17-Jul-1996 02:44:25 -0700"``, in seconds since 1970."""
        found = self._match(_DATE_TIME, 'a moment such as "17-Jul-1996 02:44:25 -0700"')
        sign = -1 if found[7] == b"-" else 1
        try:
            zone = datetime.timezone(
                sign * datetime.timedelta(hours=int(found[8]), minutes=int(found[9]))
            )
            day, year, hour, minute, second = (int(found[i]) for i in (1, 3, 4, 5, 6))
            moment = datetime.datetime(
                year, _month(found[2]), day, hour, minute, second, tzinfo=zone
            )
            return moment.timestamp()
        except (ValueError, OverflowError) as error:
            raise Fault(f"that is no moment: {error}") from None


def _month(name: bytes) -> int:
    if name.lower() not in _MONTHS:
        raise ValueError(f"no month {name.decode()}")
    return _MONTHS.index(name.lower()) + 1


def _folder(raw: bytes) -> str:
    try:
        return folder_names.decode(raw.decode())
    except ValueError as error:
        raise Refused(f"[CANNOT] not a mailbox name: {error}") from None


def string(value: bytes) -> bytes:
    """A string in quotes where it can be, else as a literal."""
    if len(value) <= _LONGEST_QUOTED:
        if _PLAIN.fullmatch(value):
            return b'"' + value + b'"'
        if not re.search(rb"[\0\r\n\x80-\xff]", value):
            return b'"' + re.sub(rb'(["\\])', rb"\\\1", value) + b'"'
    return b"{%d}\r\n%s" % (len(value), value)


def nstring(value: bytes | None) -> bytes:
    """A string, or NIL where there is none."""
    return b"NIL" if value is None else string(value)


def astring(value: bytes) -> bytes:
    """A word without quotes where it can be, else a string."""
    found = _ATOM.fullmatch(value)
    return value if found and value.upper() != b"NIL" else string(value)


def parenthesised(parts: list[bytes]) -> bytes:
    """A list in parentheses."""
    return b"(" + b" ".join(parts) + b")"
