"""IMAP's commands on mailboxes: LIST, CREATE, RENAME, SELECT, STATUS, APPEND ..."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from netarium.services.mail import folder_names
from netarium.services.mail.conversation import Dialogue
from netarium.services.mail.folder_names import SEPARATOR
from netarium.services.mail.imap_syntax import Fault, Parser, Refused, astring
from netarium.services.mail.imap_view import Selected
from netarium.services.mail.maildir import Mailbox
from netarium.services.mail.store import FolderError, Folders

if TYPE_CHECKING:
    from netarium.services.mail.imap import Imap

__all__ = [
    "append",
    "create",
    "delete",
    "examine",
    "list_",
    "lsub",
    "matches",
    "rename",
    "select",
    "status",
    "subscribe",
    "target",
    "unsubscribe",
]

_STATUS = ("MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN")
_LONGEST_PATTERN = 1000
_WILDCARDS = re.compile(r"[*%]{2,}")


def matches(pattern: str, name: str) -> bool:
    """Whether a name fits a LIST pattern: ``*`` is anything, ``%`` anything on one level.

    Walks both once, keeping every place of the pattern that is possible, so
    that no pattern, however many wildcards it has, takes long.
    """
    pattern = _WILDCARDS.sub(lambda run: "*" if "*" in run[0] else "%", pattern)
    if name == "INBOX":
        pattern = pattern.upper() if pattern.upper().strip("*%") == "INBOX" else pattern

    def skip_wildcards(places: Iterable[int]) -> set[int]:
        reached = set()
        for place in places:
            reached.add(place)
            if pattern[place : place + 1] in ("*", "%"):
                reached.add(place + 1)
        return reached

    places = skip_wildcards({0})
    for character in name:
        following = set()
        for place in places:
            if place == len(pattern):
                continue
            wanted = pattern[place]
            if wanted == "*" or (wanted == "%" and character != SEPARATOR):
                following.add(place)
            elif wanted == character:
                following.add(place + 1)
        places = skip_wildcards(following)
    return len(pattern) in places


def _with_parents(names: Iterable[str]) -> set[str]:
    """The names and every level above them."""
    found = set()
    for name in names:
        levels = name.split(SEPARATOR)
        found |= {SEPARATOR.join(levels[:depth]) for depth in range(1, len(levels) + 1)}
    return found


def _wire_name(name: str) -> bytes:
    return astring(folder_names.encode(name).encode())


def _list_line(verb: str, attributes: str, name: str) -> bytes:
    return f'* {verb} ({attributes}) "{SEPARATOR}" '.encode() + _wire_name(name) + b"\r\n"


def _reference(parser: Parser) -> str:
    """Reference and pattern put together."""
    reference = parser.pattern()
    parser.expect(b" ")
    pattern = parser.pattern()
    parser.end()
    if len(reference) + len(pattern) > _LONGEST_PATTERN:
        raise Refused("[LIMIT] the pattern is too long")
    return reference + pattern if pattern else ""


def list_(session: Imap, parser: Parser) -> Dialogue[str]:
    """LIST (RFC 3501 section 6.3.8), saying which have children (RFC 3348)."""
    pattern = _reference(parser)
    if not pattern:
        yield b'* LIST (\\Noselect) "/" ""\r\n'
        return "that is the separator"
    real = set(session.folders.names())
    names = _with_parents(real)
    parents = {name.rpartition(SEPARATOR)[0] for name in names}
    for name in sorted(names, key=lambda name: (name != "INBOX", name)):
        if matches(pattern, name):
            attributes = "\\HasChildren" if name in parents else "\\HasNoChildren"
            yield _list_line(
                "LIST", attributes if name in real else f"\\Noselect {attributes}", name
            )
    return "those are the mailboxes"


def lsub(session: Imap, parser: Parser) -> Dialogue[str]:
    """LSUB (section 6.3.9): subscriptions, and levels above them that ``%`` stops at."""
    pattern = _reference(parser)
    if not pattern:
        yield b'* LSUB (\\Noselect) "/" ""\r\n'
        return "that is the separator"
    subscribed = set(session.folders.subscriptions())
    names = _with_parents(subscribed) if pattern.endswith("%") else subscribed
    for name in sorted(names):
        if matches(pattern, name):
            yield _list_line("LSUB", "" if name in subscribed else "\\Noselect", name)
    return "those are the subscriptions"


def _only_mailbox(parser: Parser) -> str:
    name = parser.mailbox()
    parser.end()
    return name


def create(session: Imap, parser: Parser) -> str:
    """CREATE (section 6.3.3)."""
    session.folders.create(_only_mailbox(parser))
    return "created"


def delete(session: Imap, parser: Parser) -> str:
    """DELETE (section 6.3.4)."""
    session.folders.delete(_only_mailbox(parser))
    return "deleted"


def rename(session: Imap, parser: Parser) -> str:
    """RENAME (section 6.3.5)."""
    old = parser.mailbox()
    parser.expect(b" ")
    session.folders.rename(old, _only_mailbox(parser))
    return "renamed"


def subscribe(session: Imap, parser: Parser) -> str:
    """SUBSCRIBE (section 6.3.6)."""
    session.folders.subscribe(_only_mailbox(parser))
    return "subscribed"


def unsubscribe(session: Imap, parser: Parser) -> str:
    """UNSUBSCRIBE (section 6.3.7)."""
    session.folders.subscribe(_only_mailbox(parser), wanted=False)
    return "unsubscribed"


def _open(session: Imap, parser: Parser, *, read_only: bool) -> Dialogue[str]:
    name = _only_mailbox(parser)
    session.unselect()
    view = Selected(session.folders.get(name), read_only=read_only)
    session.selected = view
    mailbox = view.mailbox
    mailbox.watchers.add(session.notice)
    yield view.flag_responses()
    yield b"* %d EXISTS\r\n* %d RECENT\r\n" % (len(view.uids), len(view.recent))
    unseen = next(
        (n for n, m in enumerate(mailbox.messages.values(), 1) if "\\Seen" not in m.flags), None
    )
    if unseen:
        yield b"* OK [UNSEEN %d] is the first unseen\r\n" % unseen
    yield b"* OK [UIDVALIDITY %d] UIDs are valid\r\n" % mailbox.uid_validity
    yield b"* OK [UIDNEXT %d] comes next\r\n" % mailbox.uid_next
    return "[READ-ONLY] examined" if read_only else "[READ-WRITE] selected"


def select(session: Imap, parser: Parser) -> Dialogue[str]:
    """SELECT (section 6.3.1)."""
    return (yield from _open(session, parser, read_only=False))


def examine(session: Imap, parser: Parser) -> Dialogue[str]:
    """EXAMINE (section 6.3.2)."""
    return (yield from _open(session, parser, read_only=True))


def status(session: Imap, parser: Parser) -> Dialogue[str]:
    """STATUS (section 6.3.10)."""
    name = parser.mailbox()
    parser.expect(b" ")
    parser.expect(b"(")
    items = [parser.atom()]
    while not parser.skip(b")"):
        parser.expect(b" ")
        items.append(parser.atom())
    parser.end()
    if unknown := set(items) - set(_STATUS):
        raise Fault(f"STATUS knows {', '.join(_STATUS)}, not {', '.join(sorted(unknown))}")
    mailbox = session.folders.get(name)
    mailbox.rescan()
    messages = mailbox.messages.values()
    values = {
        "MESSAGES": len(messages),
        "RECENT": len(mailbox.recent),
        "UIDNEXT": mailbox.uid_next,
        "UIDVALIDITY": mailbox.uid_validity,
        "UNSEEN": sum("\\Seen" not in message.flags for message in messages),
    }
    answers = " ".join(f"{item} {values[item]}" for item in dict.fromkeys(items))
    yield b"* STATUS " + _wire_name(name) + f" ({answers})\r\n".encode()
    return "that is the status"


def target(folders: Folders, name: str) -> Mailbox:
    """Where messages go. Refused with TRYCREATE where there is no such mailbox."""
    try:
        return folders.get(name)
    except FolderError as error:
        raise Refused(f"[TRYCREATE] {error}") from None


def append(session: Imap, parser: Parser) -> str:
    """APPEND (section 6.3.11), with APPENDUID (RFC 4315)."""
    name = parser.mailbox()
    parser.expect(b" ")
    flags: list[str] = []
    received: float | None = None
    if parser.at(b"("):
        flags = parser.flags()
        parser.expect(b" ")
    if parser.at(b'"'):
        received = parser.date_time()
        parser.expect(b" ")
    message = parser.string()
    parser.end()
    mailbox = target(session.folders, name)
    added = mailbox.deliver(message, flags, received)
    return f"[APPENDUID {mailbox.uid_validity} {added.uid}] appended"
