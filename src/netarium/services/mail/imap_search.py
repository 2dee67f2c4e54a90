"""SEARCH: every key of RFC 3501 section 6.4.4, read into a question that a message answers."""

from __future__ import annotations

import datetime
import email.utils
import re
from collections.abc import Callable
from functools import cached_property

from netarium.services.mail.imap_syntax import Fault, Parser, Refused
from netarium.services.mail.imap_view import Selected
from netarium.services.mail.maildir import Message
from netarium.services.mail.mime import Part, decoded_words, fields, parse

__all__ = ["Candidate", "Question", "parse_question"]

_DEEPEST = 50
_FLAGS = {
    "ANSWERED": "\\Answered",
    "DELETED": "\\Deleted",
    "DRAFT": "\\Draft",
    "FLAGGED": "\\Flagged",
    "SEEN": "\\Seen",
    "RECENT": "\\Recent",
}
_CHARSET = re.compile(rb"CHARSET ", re.IGNORECASE)
_HEADERS = {"BCC", "CC", "FROM", "SUBJECT", "TO"}


class Candidate:
    """A message under examination; its content is read only where a key looks at it."""

    def __init__(self, number: int, message: Message, view: Selected) -> None:
        self.number = number
        self.message = message
        self.flags = view.flags(message)
        self._view = view

    @cached_property
    def content(self) -> Part:
        """The message, taken apart. Raises FileNotFoundError where it is gone."""
        return parse(self._view.mailbox.read(self.message))

    @cached_property
    def arrived(self) -> datetime.date:
        """The internal date's day."""
        return datetime.datetime.fromtimestamp(self.message.received, datetime.UTC).date()

    @cached_property
    def sent(self) -> datetime.date | None:
        """The day of the Date field, whatever its zone; None where there is none."""
        value = self.content.value("date")
        parsed = email.utils.parsedate(value.decode("latin-1")) if value else None
        try:
            return datetime.date(*parsed[:3]) if parsed else None
        except ValueError:
            return None

    @cached_property
    def header_text(self) -> str:
        """The header with encoded words decoded, in lower case."""
        lines = (decoded_words(raw) for _, _, raw in fields(self.content.header))
        return "\n".join(lines).lower()

    @cached_property
    def body_text(self) -> str:
        """The text of all parts, decoded, in lower case."""
        parts = (part for part in self.content.walk() if part.kind == b"text")
        return "\n".join(part.text() for part in parts).lower()

    def header(self, name: str, wanted: str) -> bool:
        """Whether a field of that name has the text in it (any text for none)."""
        key = name.lower().encode("utf-8", "surrogateescape")
        found = (value for field, value, _ in fields(self.content.header) if field == key)
        return any(wanted in decoded_words(value).lower() for value in found)


Question = Callable[[Candidate], bool]


def parse_question(parser: Parser, view: Selected) -> Question:
    """What SEARCH asks, CHARSET included. Raises Fault, or Refused for a charset unknown."""
    if parser.maybe(_CHARSET):
        charset = parser.text().upper()
        if charset not in {"US-ASCII", "UTF-8"}:
            raise Refused("[BADCHARSET (US-ASCII UTF-8)] another charset, please")
        parser.expect(b" ")
    questions = [_key(parser, view, 0)]
    while not parser.finished():
        parser.expect(b" ")
        if parser.finished():
            break
        questions.append(_key(parser, view, 0))
    return _all(questions)


def _all(questions: list[Question]) -> Question:
    return lambda candidate: all(question(candidate) for question in questions)


def _key(parser: Parser, view: Selected, depth: int) -> Question:
    if depth > _DEEPEST:
        raise Fault("the search is nested too deeply")
    if parser.skip(b"("):
        questions = [_key(parser, view, depth + 1)]
        while not parser.skip(b")"):
            parser.expect(b" ")
            questions.append(_key(parser, view, depth + 1))
        return _all(questions)
    if parser.at_number():
        return _among(parser, view, by_uid=False)
    name = parser.atom()
    if name in _FLAGS:
        return _flag(_FLAGS[name])
    if name.startswith("UN") and name[2:] in _FLAGS and name != "UNRECENT":
        return _not(_flag(_FLAGS[name[2:]]))
    if name == "ALL":
        return lambda candidate: True
    if name == "NEW":
        return lambda candidate: "\\Recent" in candidate.flags and "\\Seen" not in candidate.flags
    if name == "OLD":
        return _not(_flag("\\Recent"))
    parser.expect(b" ")
    if name == "UID":
        return _among(parser, view, by_uid=True)
    if name == "NOT":
        return _not(_key(parser, view, depth + 1))
    if name == "OR":
        first = _key(parser, view, depth + 1)
        parser.expect(b" ")
        second = _key(parser, view, depth + 1)
        return lambda candidate: first(candidate) or second(candidate)
    if name in {"KEYWORD", "UNKEYWORD"}:
        question = _flag(parser.flag())
        return question if name == "KEYWORD" else _not(question)
    if name in {"LARGER", "SMALLER"}:
        return _size(name, parser.number())
    if name in {"BEFORE", "ON", "SINCE", "SENTBEFORE", "SENTON", "SENTSINCE"}:
        return _date(name, parser.date())
    return _text(parser, name)


def _among(parser: Parser, view: Selected, *, by_uid: bool) -> Question:
    picked = view.pick(parser.sequence(), by_uid=by_uid)
    numbers = {number for number, _ in picked}
    return lambda candidate: candidate.number in numbers


def _flag(flag: str) -> Question:
    wanted = flag.lower()
    return lambda candidate: any(flag.lower() == wanted for flag in candidate.flags)


def _not(question: Question) -> Question:
    return lambda candidate: not question(candidate)


def _size(name: str, bound: int) -> Question:
    if name == "LARGER":
        return lambda candidate: candidate.message.size > bound
    return lambda candidate: candidate.message.size < bound


def _date(name: str, day: datetime.date) -> Question:
    order = name.removeprefix("SENT")

    def question(candidate: Candidate) -> bool:
        actual = candidate.sent if name.startswith("SENT") else candidate.arrived
        if actual is None:
            return False
        if order == "BEFORE":
            return actual < day
        return actual == day if order == "ON" else actual >= day

    return question


def _text(parser: Parser, name: str) -> Question:
    header = name.title()
    if name == "HEADER":
        header = parser.text()
        parser.expect(b" ")
    elif name not in _HEADERS and name not in {"BODY", "TEXT"}:
        raise Fault(f"{name} is no search key")
    wanted = parser.text().lower()
    if name == "BODY":
        return lambda candidate: wanted in candidate.body_text
    if name == "TEXT":
        return lambda candidate: wanted in candidate.header_text or wanted in candidate.body_text
    return lambda candidate: candidate.header(header, wanted)
