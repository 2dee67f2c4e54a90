"""IMAP's commands on the selected mailbox's messages: FETCH, STORE, SEARCH, COPY, MOVE ..."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from netarium.services.mail.conversation import Dialogue
from netarium.services.mail.imap_fetch import Item, answer, parse_items
from netarium.services.mail.imap_folders import target
from netarium.services.mail.imap_search import Candidate, parse_question
from netarium.services.mail.imap_syntax import Fault, Parser, Refused
from netarium.services.mail.imap_view import Selected, flag_list
from netarium.services.mail.maildir import Mailbox, Message

if TYPE_CHECKING:
    from netarium.services.mail.imap import Imap

__all__ = ["check", "close", "copy", "expunge", "fetch", "move", "search", "store", "unselect"]

_TURN = 20  # messages between two chances for other clients


def _view(session: Imap) -> Selected:
    assert session.selected is not None  # the command table says so
    return session.selected


def _writable(session: Imap) -> Selected:
    view = _view(session)
    if view.read_only:
        raise Refused("[READ-ONLY] the mailbox was opened by EXAMINE")
    return view


def _present(view: Selected, picked: list[tuple[int, int]]) -> Iterator[tuple[int, Message]]:
    """Those messages that no other session has removed."""
    for number, uid in picked:
        message = view.mailbox.messages.get(uid)
        if message:
            yield number, message


def check(session: Imap, parser: Parser) -> str:
    """CHECK (RFC 3501 section 6.4.1): all is on disk; look for what other programs changed."""
    parser.end()
    _view(session).mailbox.rescan()
    return "checked"


def close(session: Imap, parser: Parser) -> str:
    """CLOSE (section 6.4.2): remove what is marked, silently, and leave the mailbox."""
    parser.end()
    view = _view(session)
    session.unselect()
    if not view.read_only:
        _expunge(view, None)
    return "closed"


def unselect(session: Imap, parser: Parser) -> str:
    """UNSELECT (RFC 3691): leave the mailbox as it is."""
    parser.end()
    session.unselect()
    return "unselected"


def _expunge(view: Selected, among: set[int] | None) -> None:
    marked = [
        message.uid
        for message in view.mailbox.messages.values()
        if "\\Deleted" in message.flags and (among is None or message.uid in among)
    ]
    view.mailbox.expunge(marked)


def expunge(session: Imap, parser: Parser, *, by_uid: bool = False) -> Dialogue[str]:
    """EXPUNGE (section 6.4.3), and UID EXPUNGE (RFC 4315)."""
    view = _writable(session)
    among = None
    if by_uid:
        among = {uid for _, uid in view.pick(parser.sequence(), by_uid=True)}
    parser.end()
    _expunge(view, among)
    yield from view.news(expunges=True)
    return "expunged"


def search(session: Imap, parser: Parser, *, by_uid: bool = False) -> Dialogue[str]:
    """SEARCH (section 6.4.4)."""
    view = _view(session)
    question = parse_question(parser, view)
    found = []
    for number, message in _present(view, list(enumerate(view.uids, 1))):
        try:
            if question(Candidate(number, message, view)):
                found.append(message.uid if by_uid else number)
        except FileNotFoundError:
            continue  # another program removed it
        if number % _TURN == 0:
            yield b""
    yield b"* SEARCH" + b"".join(b" %d" % number for number in found) + b"\r\n"
    return "searched"


def fetch(session: Imap, parser: Parser, *, by_uid: bool = False) -> Dialogue[str]:
    """FETCH (section 6.4.5)."""
    view = _view(session)
    picked = view.pick(parser.sequence(), by_uid=by_uid)
    parser.expect(b" ")
    items = parse_items(parser)
    parser.end()
    names = {item.name for item in items}
    if by_uid and "UID" not in names:
        items.insert(0, Item("UID"))
    reads = not view.read_only and any(not item.peek for item in items)
    missing = len(picked)
    for number, message in _present(view, picked):
        extra: list[Item] = []
        try:
            if reads and "\\Seen" not in message.flags:
                view.mailbox.set_flags(message, message.flags | {"\\Seen"})
                view.told(message)
                extra = [] if "FLAGS" in names else [Item("FLAGS")]
            yield answer(number, message, view, items + extra)
        except FileNotFoundError:
            continue
        missing -= 1
    if missing:
        raise Refused("[EXPUNGEISSUED] another session removed some of the messages")
    return "fetched"


def store(session: Imap, parser: Parser, *, by_uid: bool = False) -> Dialogue[str]:
    """STORE (section 6.4.6)."""
    view = _writable(session)
    picked = view.pick(parser.sequence(), by_uid=by_uid)
    parser.expect(b" ")
    sign = "+" if parser.skip(b"+") else "-" if parser.skip(b"-") else ""
    name = parser.atom()
    if name not in {"FLAGS", "FLAGS.SILENT"}:
        raise Fault("STORE changes FLAGS, +FLAGS or -FLAGS, with or without .SILENT")
    parser.expect(b" ")
    wanted = parser.flags()
    parser.end()
    flags = view.mailbox.accept_flags(wanted)
    if view.mailbox.keywords != view.told_keywords:
        yield from view.news(expunges=False)
    missing = len(picked)
    for place, (number, message) in enumerate(_present(view, picked), 1):
        old = message.flags
        new = old | flags if sign == "+" else old - flags if sign == "-" else flags
        try:
            view.mailbox.set_flags(message, new)
        except FileNotFoundError:
            continue
        missing -= 1
        view.told(message)
        if name == "FLAGS":
            uid = b"UID %d " % message.uid if by_uid else b""
            shown = flag_list(view.flags(message))
            yield b"* %d FETCH (%sFLAGS %s)\r\n" % (number, uid, shown)
        elif place % _TURN == 0:
            yield b""
    if missing:
        raise Refused("[EXPUNGEISSUED] another session removed some of the messages")
    return "stored"


def _ranges(uids: list[int]) -> str:
    """UIDs as a set in the order given, runs put together (RFC 4315 section 3)."""
    runs: list[list[int]] = []
    for uid in uids:
        if runs and uid == runs[-1][1] + 1:
            runs[-1][1] = uid
        else:
            runs.append([uid, uid])
    return ",".join(str(low) if low == high else f"{low}:{high}" for low, high in runs)


def _copy(view: Selected, picked: list[tuple[int, int]], folder: Mailbox) -> Dialogue[str]:
    """Copy messages, all or none; returns the COPYUID code, or nothing where none were copied."""
    old: list[int] = []
    new: list[int] = []
    try:
        for _, message in tuple(_present(view, picked)):
            copied = folder.deliver(view.mailbox.read(message), message.flags, message.received)
            old.append(message.uid)
            new.append(copied.uid)
            if len(new) % _TURN == 0:
                yield b""
    except FileNotFoundError:
        folder.expunge(new)
        raise Refused("[EXPUNGEISSUED] another session removed some of the messages") from None
    except OSError:
        folder.expunge(new)
        raise
    return f"[COPYUID {folder.uid_validity} {_ranges(old)} {_ranges(new)}] " if old else ""


def _destination(session: Imap, parser: Parser) -> Mailbox:
    parser.expect(b" ")
    name = parser.mailbox()
    parser.end()
    return target(session.folders, name)


def copy(session: Imap, parser: Parser, *, by_uid: bool = False) -> Dialogue[str]:
    """COPY (section 6.4.7), with COPYUID (RFC 4315)."""
    view = _view(session)
    picked = view.pick(parser.sequence(), by_uid=by_uid)
    code = yield from _copy(view, picked, _destination(session, parser))
    return f"{code}copied"


def move(session: Imap, parser: Parser, *, by_uid: bool = False) -> Dialogue[str]:
    """MOVE (RFC 6851)."""
    view = _writable(session)
    picked = view.pick(parser.sequence(), by_uid=by_uid)
    code = yield from _copy(view, picked, _destination(session, parser))
    if code:
        yield f"* OK {code}moved\r\n".encode()
        view.mailbox.expunge([uid for _, uid in picked])
        yield from view.news(expunges=True)
    return "moved"
