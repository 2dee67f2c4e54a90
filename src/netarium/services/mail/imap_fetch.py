"""FETCH: what can be asked of a message (RFC 3501 sections 6.4.5 and 7.4.2), and the answers."""

from __future__ import annotations

import email.utils
import re
import time
from dataclasses import dataclass

from netarium.services.mail.imap_syntax import (
    Fault,
    Parser,
    astring,
    nstring,
    parenthesised,
    string,
)
from netarium.services.mail.imap_view import Selected, flag_list
from netarium.services.mail.maildir import Message
from netarium.services.mail.mime import Part, fields, parameters, parse

__all__ = ["Item", "answer", "envelope", "parse_items", "structure"]

_MACROS = {
    "ALL": ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"),
    "FAST": ("FLAGS", "INTERNALDATE", "RFC822.SIZE"),
    "FULL": ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"),
}
_SIMPLE = frozenset(
    {"BODY", "BODYSTRUCTURE", "ENVELOPE", "FLAGS", "INTERNALDATE", "RFC822.SIZE", "UID"}
)
#: The older names of three sections: section, and whether asking leaves \Seen alone.
_OLD = {"RFC822": ("", False), "RFC822.HEADER": ("HEADER", True), "RFC822.TEXT": ("TEXT", False)}
_NAME = re.compile(rb"[A-Za-z0-9.]+")
_SECTION_TEXT = re.compile(rb"HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME", re.IGNORECASE)
_PART = re.compile(rb"[1-9]\d{0,5}")
_PARTIAL = re.compile(rb"<(\d{1,10})\.([1-9]\d{0,9})>")
_MOST_ITEMS = 100
_DEEPEST = 30
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@dataclass(frozen=True)
class Item:
    r"""One thing asked of a message.

    Attributes:
        name: ``FLAGS``, or ``BODY[]`` for a section, or ``RFC822`` and its kin.
        path: the numbers of a section's part.
        text: what of that part: ``HEADER``, ``HEADER.FIELDS``, ``TEXT``, ``MIME`` or all of it.
        names: the fields of HEADER.FIELDS.
        peek: leaves ``\Seen`` as it is.
        partial: first octet and number of octets.
    """

    name: str
    path: tuple[int, ...] = ()
    text: str = ""
    names: tuple[bytes, ...] = ()
    peek: bool = True
    partial: tuple[int, int] | None = None

    @property
    def needs_content(self) -> bool:
        """Whether the message's file must be read."""
        return self.name not in {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "UID"}

    def label(self) -> bytes:
        """How the answer names it."""
        if self.name != "BODY[]":
            return self.name.encode()
        section = b".".join([b"%d" % number for number in self.path])
        if self.text:
            section += (b"." if section else b"") + self.text.encode()
        if self.text.startswith("HEADER.FIELDS"):
            section += b" " + parenthesised([astring(name) for name in self.names])
        origin = b"<%d>" % self.partial[0] if self.partial else b""
        return b"BODY[" + section + b"]" + origin


def parse_items(parser: Parser) -> list[Item]:
    """The items of a FETCH, a macro or a list of them. Raises Fault."""
    if not parser.skip(b"("):
        name = parser.word(_NAME, "something to fetch").upper()
        if name in _MACROS:
            return [Item(item) for item in _MACROS[name]]
        return [_item(parser, name)]
    items = [_item(parser, parser.word(_NAME, "something to fetch").upper())]
    while not parser.skip(b")"):
        parser.expect(b" ")
        if len(items) >= _MOST_ITEMS:
            raise Fault(f"at most {_MOST_ITEMS} items in one FETCH")
        items.append(_item(parser, parser.word(_NAME, "something to fetch").upper()))
    return items


def _item(parser: Parser, name: str) -> Item:
    if name in {"BODY", "BODY.PEEK"} and parser.skip(b"["):
        return _section(parser, peek=name == "BODY.PEEK")
    if name in _OLD:
        text, peek = _OLD[name]
        return Item(name, text=text, peek=peek)
    if name not in _SIMPLE:
        raise Fault(f"{name} cannot be fetched")
    return Item(name)


def _section(parser: Parser, *, peek: bool) -> Item:
    path: list[int] = []
    text = ""
    names: list[bytes] = []
    if not parser.at(b"]"):
        more = True
        while more and (number := parser.maybe(_PART)):
            path.append(int(number))
            if len(path) > _DEEPEST:
                raise Fault("no message has parts that deep")
            more = parser.skip(b".")
        if more:
            text = parser.word(_SECTION_TEXT, "a section such as HEADER or TEXT").upper()
    if text.startswith("HEADER.FIELDS"):
        parser.expect(b" ")
        parser.expect(b"(")
        names.append(parser.astring())
        while not parser.skip(b")"):
            parser.expect(b" ")
            names.append(parser.astring())
    if text == "MIME" and not path:
        raise Fault("MIME belongs to a part, as in BODY[1.MIME]")
    parser.expect(b"]")
    partial = None
    if bounds := parser.maybe(_PARTIAL):
        first, _, count = bounds[1:-1].partition(".")
        partial = int(first), int(count)
    return Item("BODY[]", tuple(path), text, tuple(names), peek, partial)


def answer(number: int, message: Message, view: Selected, items: list[Item]) -> bytes:
    """The FETCH response for one message. Raises FileNotFoundError where it is gone."""
    data = view.mailbox.read(message) if any(item.needs_content for item in items) else b""
    part: Part | None = None
    answers = []
    for item in items:
        if part is None and item.needs_content:
            part = parse(data)
        answers.append(item.label() + b" " + _value(item, message, view, data, part))
    return b"* %d FETCH %s\r\n" % (number, parenthesised(answers))


def _value(item: Item, message: Message, view: Selected, data: bytes, part: Part | None) -> bytes:
    if item.name == "FLAGS":
        return flag_list(view.flags(message))
    if item.name == "UID":
        return b"%d" % message.uid
    if item.name == "RFC822.SIZE":
        return b"%d" % message.size
    if item.name == "INTERNALDATE":
        # Not strftime: the months' names must not depend on a locale.
        moment = time.gmtime(message.received)
        clock = time.strftime("%H:%M:%S", moment)
        day = f"{moment.tm_mday:2d}-{_MONTHS[moment.tm_mon - 1]}-{moment.tm_year:04d}"
        return f'"{day} {clock} +0000"'.encode()
    assert part is not None
    if item.name == "ENVELOPE":
        return envelope(part)
    if item.name in {"BODY", "BODYSTRUCTURE"}:
        return structure(part, extended=item.name == "BODYSTRUCTURE")
    content = section(item, data, part)
    if content is not None and item.partial:
        first, count = item.partial
        content = content[first : first + count]
    # Always a literal: there are clients (curl) that look for nothing else.
    return b"NIL" if content is None else b"{%d}\r\n%s" % (len(content), content)


def section(item: Item, data: bytes, part: Part) -> bytes | None:
    """The octets of a section; None where the message has no such part."""
    target = part
    for depth, number in enumerate(item.path):
        inner = target.message if depth and target.message else target
        if inner.children:
            if number > len(inner.children):
                return None
            target = inner.children[number - 1]
        elif number == 1 and (depth == 0 or target.message):
            # The one part of what is no multipart is its body (RFC 3501 section 6.4.5).
            target = Part(
                inner.header, inner.body, inner.kind, inner.subtype, message=inner.message
            )
        else:
            return None
    if not item.text:
        return target.body if item.path else data
    if item.text == "MIME":
        return target.header
    whole = target.message if item.path else target
    if whole is None:
        return None
    if item.text == "TEXT":
        return whole.body
    if item.text == "HEADER":
        return whole.header
    wanted = {name.lower() for name in item.names}
    keep = item.text == "HEADER.FIELDS"
    chosen = (raw for name, _, raw in fields(whole.header) if (name in wanted) == keep)
    return b"".join(chosen) + b"\r\n"


def _addresses(part: Part, name: str) -> list[tuple[str, str]]:
    values = [
        value.decode("latin-1")
        for key, value, _ in fields(part.header)
        if key == name.encode() and value
    ]
    try:
        people = email.utils.getaddresses(values)
    except RecursionError:  # comments within comments within comments
        return []
    return [(shown, spec) for shown, spec in people if spec]


def _address_list(people: list[tuple[str, str]]) -> bytes:
    if not people:
        return b"NIL"
    rendered = []
    for shown, spec in people:
        local, at, domain = spec.rpartition("@")
        mailbox = local if at else spec
        words = (shown or None, None, mailbox, domain)
        rendered.append(
            parenthesised(
                [nstring(None if w is None else w.encode("latin-1", "replace")) for w in words]
            )
        )
    return b"(" + b"".join(rendered) + b")"


def envelope(part: Part) -> bytes:
    """The ENVELOPE of a message."""
    sender = _addresses(part, "from")
    lists = [
        sender,
        _addresses(part, "sender") or sender,
        _addresses(part, "reply-to") or sender,
        _addresses(part, "to"),
        _addresses(part, "cc"),
        _addresses(part, "bcc"),
    ]
    return parenthesised(
        [
            nstring(part.value("date")),
            nstring(part.value("subject")),
            *(_address_list(people) for people in lists),
            nstring(part.value("in-reply-to")),
            nstring(part.value("message-id")),
        ]
    )


def _parameter_list(pairs: list[tuple[bytes, bytes]]) -> bytes:
    if not pairs:
        return b"NIL"
    return parenthesised([string(word) for pair in pairs for word in pair])


def _disposition(part: Part) -> bytes:
    value = part.value("content-disposition")
    if not value:
        return b"NIL"
    kind = value.partition(b";")[0].strip().lower()
    return parenthesised([string(kind), _parameter_list(parameters(value))])


def _languages(part: Part) -> bytes:
    value = part.value("content-language")
    if not value:
        return b"NIL"
    return parenthesised([string(word.strip()) for word in value.split(b",")])


def structure(part: Part, *, extended: bool) -> bytes:
    """BODYSTRUCTURE of a message or part, or BODY where not ``extended``."""
    if part.children:
        children = b"".join(structure(child, extended=extended) for child in part.children)
        answers = [children, string(part.subtype)]
        if extended:
            answers.append(_parameter_list(part.parameters))
    else:
        encoding = (part.value("content-transfer-encoding") or b"7bit").strip().lower()
        pairs = part.parameters
        if part.kind == b"text" and not any(key == b"charset" for key, _ in pairs):
            pairs = [(b"charset", b"us-ascii"), *pairs]
        answers = [
            string(part.kind),
            string(part.subtype),
            _parameter_list(pairs),
            nstring(part.value("content-id")),
            nstring(part.value("content-description")),
            string(encoding),
            b"%d" % len(part.body),
        ]
        if part.message:
            answers += [envelope(part.message), structure(part.message, extended=extended)]
        if part.message or part.kind == b"text":
            answers.append(b"%d" % len(part.body.splitlines()))
        if extended:
            answers.append(nstring(part.value("content-md5")))
    if extended:
        answers += [_disposition(part), _languages(part), nstring(part.value("content-location"))]
    return parenthesised(answers)
