"""IMAP4rev1 (RFC 3501): a session's states, its commands, and how they are framed.

With LITERAL+ (7888), SASL-IR (4959), IDLE (2177), UIDPLUS (4315), MOVE (6851),
UNSELECT (3691), NAMESPACE (2342), ID (2971) and CHILDREN (3348).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from netarium.services.mail import imap_folders, imap_messages
from netarium.services.mail.conversation import (
    WAIT,
    Conversation,
    Dialogue,
    Ended,
    TooLong,
    plain_credentials,
)
from netarium.services.mail.imap_syntax import LITERAL, Fault, Parser, Refused
from netarium.services.mail.imap_view import Selected
from netarium.services.mail.smtp import LARGEST
from netarium.services.mail.store import FolderError, Folders, Store

__all__ = ["Imap"]

_LONGEST_COMMAND = 1 << 16  # without the message of an APPEND
_MOST_FAULTS = 50
_TAG = re.compile(rb"([^\x00-\x20\x7f-\xff(){%*\"\\+]{1,100}) (?=\S)")
_APPEND = re.compile(rb"\S+ APPEND ", re.IGNORECASE)
_OFFERS = "IMAP4rev1 LITERAL+ SASL-IR IDLE UIDPLUS MOVE UNSELECT NAMESPACE ID CHILDREN"


#: The text after OK, at once or at the end of untagged responses; empty where all is said.
Answer = str | Dialogue[str]


class _Command(NamedTuple):
    """Where a command is allowed, and what runs it.

    ``states``: ``o`` not logged in, ``i`` logged in, ``s`` selected. ``counts``
    says that its messages are meant by number, so none may be renumbered
    before its answer is complete.
    """

    states: str
    run: Callable[[Imap, Parser], Answer]
    counts: bool = False


class Imap(Conversation):
    """An IMAP session."""

    protocol = "IMAP"

    def __init__(
        self,
        store: Store,
        host: str,
        peer: str,
        log: logging.Logger,
        *,
        secure: bool = False,
        can_secure: bool = False,
    ) -> None:
        super().__init__(store, host, peer, log, secure=secure, can_secure=can_secure)
        self.selected: Selected | None = None
        self._folders: Folders | None = None
        self._tag = b"*"
        self._over = False
        self._idle = False
        self._faults = 0

    @property
    def folders(self) -> Folders:
        """The mailboxes of whoever has logged in."""
        assert self._folders is not None  # the command table says so
        return self._folders

    def farewell(self, reason: str) -> bytes:
        """``BYE`` with the reason."""
        return f"* BYE {reason}\r\n".encode()

    def release(self) -> None:
        """Stop watching the mailbox."""
        self.unselect()

    def unselect(self) -> None:
        """Leave the selected mailbox, if there is one."""
        if self.selected:
            self.selected.mailbox.watchers.discard(self.notice)
            self.selected = None

    def notice(self) -> None:
        """The mailbox has changed: who idles hears it now, others with their next answer."""
        if self._idle:
            self.wake()

    # Framing

    def dialogue(self) -> Dialogue[None]:
        """Greeting, then commands until LOGOUT."""
        yield f"* OK [CAPABILITY {self._offers()}] {self.host} IMAP4rev1 server ready\r\n".encode()
        try:
            while not self._over:
                self._tag = b"*"
                command = yield from self._read_command()
                if command is not None:
                    yield from self._answer(command)
        except TooLong:
            yield self.farewell("the command is too long")
        except Ended:
            pass
        self.unselect()
        self.log.info("IMAP %s: session of %s ends", self.peer, self.account or "nobody")

    def _read_command(self) -> Dialogue[bytes | None]:
        """One command with its literals; None where it was refused half-way."""
        whole = bytearray()
        small = 0  # octets so far, without an APPEND's message
        while True:
            line = yield from self.line(_LONGEST_COMMAND - small)
            whole += line
            small += len(line)
            literal = LITERAL.search(line)
            if not literal:
                return bytes(whole)
            size, eager = int(literal[1]), bool(literal[2])
            append = self.account and _APPEND.match(whole) and small == len(whole)
            if size > (LARGEST if append else _LONGEST_COMMAND - small):
                if eager:  # it is on its way already
                    raise TooLong
                tag = _TAG.match(whole)
                yield (tag[1] if tag else b"*") + b" NO [TOOBIG] that is too large\r\n"
                return None
            if not eager:
                yield b"+ go on\r\n"
            whole += b"\r\n"
            whole += yield from self.exactly(size)
            small += 2 + (0 if append and size > _LONGEST_COMMAND // 2 else size)

    def _answer(self, command: bytes) -> Dialogue[None]:
        status, numbered = "OK", False
        try:
            parser, known = self._recognise(command)
            numbered = known.counts
            outcome = known.run(self, parser)
            text = outcome if isinstance(outcome, str) else (yield from outcome)
        except Fault as fault:
            status, text = "BAD", str(fault)
            self._faults += 1
            if self._faults >= _MOST_FAULTS:
                yield self.farewell("too many errors")
                self._over = True
                return
        except Refused as refused:
            status, text = "NO", str(refused)
        except FolderError as error:
            status, text = "NO", f"[{error.code}] {error}"
        except OSError as error:
            self.log.error("IMAP %s: %s", self.peer, error)
            status, text = "NO", f"[SERVERBUG] {error.strerror}"
        if not text:
            return
        if self.selected:
            yield from self.selected.news(expunges=not numbered)
        yield self._tag + f" {status} {text}\r\n".encode("utf-8", "replace")

    def _recognise(self, command: bytes) -> tuple[Parser, _Command]:
        found = _TAG.match(command)
        if not found:
            raise Fault("a tag and a command are wanted, such as: a1 NOOP")
        self._tag = found[1]
        parser = Parser(command[found.end() :])
        name = parser.atom()
        if name == "UID":
            parser.expect(b" ")
            name = f"UID {parser.atom()}"
        known = _COMMANDS.get(name)
        if known is None:
            raise Fault(f"there is no command {name[:40]}")
        state = "s" if self.selected else "i" if self.account else "o"
        if state not in known.states:
            if state == "o":
                raise Fault("log in first")
            raise Fault("select a mailbox first" if "s" in known.states else "logged in already")
        if not parser.finished():
            parser.expect(b" ")
        return parser, known

    def _offers(self) -> str:
        offers = _OFFERS
        if self.account is None:
            offers += " AUTH=PLAIN"
            if self.can_secure and not self.secure:
                offers += " STARTTLS"
        return offers

    # Any state

    def _capability(self, parser: Parser) -> Dialogue[str]:
        parser.end()
        yield f"* CAPABILITY {self._offers()}\r\n".encode()
        return "that is what can be done"

    def _noop(self, parser: Parser) -> str:
        parser.end()
        if self.selected:
            self.selected.mailbox.rescan()
        return "done"

    def _logout(self, parser: Parser) -> Dialogue[str]:
        parser.end()
        self._over = True
        self.unselect()
        yield b"* BYE goodbye\r\n"
        return "logged out"

    def _id(self, parser: Parser) -> Dialogue[str]:
        yield b'* ID ("name" "netarium")\r\n'
        return "pleased to meet you"

    # Not logged in

    def _starttls(self, parser: Parser) -> Dialogue[str]:
        parser.end()
        if self.secure:
            raise Fault("TLS runs already")
        if not self.can_secure:
            raise Refused("no certificate, no TLS")
        yield self._tag + b" OK begin TLS\r\n"
        yield from self.start_tls()
        return ""

    def _login(self, parser: Parser) -> Dialogue[str]:
        name = parser.text()
        parser.expect(b" ")
        password = parser.text()
        parser.end()
        return (yield from self._enter(name, password))

    def _authenticate(self, parser: Parser) -> Dialogue[str]:
        mechanism = parser.atom()
        if mechanism != "PLAIN":
            raise Refused("[CANNOT] AUTHENTICATE knows PLAIN only")
        if parser.finished():
            yield b"+ \r\n"
            response = yield from self.line(_LONGEST_COMMAND)
        else:
            parser.expect(b" ")
            response = parser.astring()
            parser.end()
        if response == b"*":
            raise Fault("login cancelled")
        credentials = plain_credentials(response)
        if credentials is None:
            raise Fault("that is not a PLAIN response in base64")
        return (yield from self._enter(*credentials))

    def _enter(self, name: str, password: str) -> Dialogue[str]:
        outcome = self.log_in(name, password)
        if not outcome:
            if outcome is None:
                yield self.farewell("too many failed logins")
                self._over = True
            raise Refused("[AUTHENTICATIONFAILED] wrong name or password")
        assert self.account is not None
        self._folders = self.store.folders(self.account)
        self.patience = 1860.0  # RFC 3501 section 5.4: at least 30 minutes
        return f"[CAPABILITY {self._offers()}] you are logged in"

    # Logged in

    def _namespace(self, parser: Parser) -> Dialogue[str]:
        parser.end()
        yield b'* NAMESPACE (("" "/")) NIL NIL\r\n'
        return "that is the namespace"

    def _idle_(self, parser: Parser) -> Dialogue[str]:
        """IDLE: say what is new as it happens, until DONE."""
        parser.end()
        yield b"+ idling\r\n"
        self._idle = True
        try:
            while b"\n" not in self.received:
                if self.selected:
                    yield from self.selected.news(expunges=True)
                if self.ended or len(self.received) > _LONGEST_COMMAND:
                    break
                yield WAIT
        finally:
            self._idle = False
        if (yield from self.line(_LONGEST_COMMAND)).strip().upper() != b"DONE":
            raise Fault("DONE ends IDLE, nothing else does")
        return "back to work"


_MESSAGES = {
    "FETCH": imap_messages.fetch,
    "STORE": imap_messages.store,
    "SEARCH": imap_messages.search,
    "COPY": imap_messages.copy,
    "MOVE": imap_messages.move,
}
_COMMANDS: dict[str, _Command] = {
    "CAPABILITY": _Command("ois", Imap._capability),
    "NOOP": _Command("ois", Imap._noop),
    "LOGOUT": _Command("ois", Imap._logout),
    "ID": _Command("ois", Imap._id),
    "STARTTLS": _Command("o", Imap._starttls),
    "LOGIN": _Command("o", Imap._login),
    "AUTHENTICATE": _Command("o", Imap._authenticate),
    "NAMESPACE": _Command("is", Imap._namespace),
    "IDLE": _Command("is", Imap._idle_),
    "LIST": _Command("is", imap_folders.list_),
    "LSUB": _Command("is", imap_folders.lsub),
    "CREATE": _Command("is", imap_folders.create),
    "DELETE": _Command("is", imap_folders.delete),
    "RENAME": _Command("is", imap_folders.rename),
    "SUBSCRIBE": _Command("is", imap_folders.subscribe),
    "UNSUBSCRIBE": _Command("is", imap_folders.unsubscribe),
    "SELECT": _Command("is", imap_folders.select),
    "EXAMINE": _Command("is", imap_folders.examine),
    "STATUS": _Command("is", imap_folders.status),
    "APPEND": _Command("is", imap_folders.append),
    "CHECK": _Command("s", imap_messages.check),
    "CLOSE": _Command("s", imap_messages.close),
    "UNSELECT": _Command("s", imap_messages.unselect),
    "EXPUNGE": _Command("s", imap_messages.expunge),
    "UID EXPUNGE": _Command("s", partial(imap_messages.expunge, by_uid=True)),
    **{
        name: _Command("s", run, counts=name in {"FETCH", "STORE", "SEARCH"})
        for name, run in _MESSAGES.items()
    },
    **{f"UID {name}": _Command("s", partial(run, by_uid=True)) for name, run in _MESSAGES.items()},
}
