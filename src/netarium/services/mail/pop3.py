"""The Post Office Protocol: POP3 (RFC 1939) with CAPA (RFC 2449), STLS (RFC 2595), AUTH (RFC 5034).

A session sees INBOX as it was at login. Messages marked with DELE go at QUIT,
and only then.
"""

from __future__ import annotations

from collections.abc import Iterator

from netarium.services.mail.conversation import (
    Conversation,
    Dialogue,
    Ended,
    TooLong,
    plain_credentials,
)
from netarium.services.mail.maildir import Mailbox, Message

__all__ = ["Pop3"]

_LONGEST_LINE = 1024
_PIECE = 1 << 18  # octets handed over at once, so that a slow reader holds up nobody


class _Refused(Exception):  # noqa: N818 - an answer, not a fault
    """The command fails; the text goes after ``-ERR``."""


def stuffed(message: bytes) -> bytes:
    """The message as a multi-line response: dots doubled at line starts, ended by a dot."""
    if message.startswith(b"."):
        message = b"." + message
    end = b"" if message.endswith(b"\r\n") else b"\r\n"
    return message.replace(b"\r\n.", b"\r\n..") + end + b".\r\n"


def top(message: bytes, lines: int) -> bytes:
    """The header, the empty line, and the first lines of the body."""
    header, separator, body = message.partition(b"\r\n\r\n")
    pieces = body.split(b"\r\n", lines)
    if len(pieces) <= lines:
        return message
    return header + separator + b"".join(line + b"\r\n" for line in pieces[:lines])


class Pop3(Conversation):
    """A POP3 session."""

    protocol = "POP3"

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._name = ""
        self._inbox: Mailbox | None = None
        self._messages: list[Message] = []
        self._deleted: set[int] = set()

    def farewell(self, reason: str) -> bytes:
        """``-ERR`` with the reason."""
        return f"-ERR {reason}\r\n".encode()

    def dialogue(self) -> Dialogue[None]:
        """Authorisation, transaction and update states, one after the other."""
        yield f"+OK {self.host} POP3 server ready\r\n".encode()
        try:
            while True:
                text = (yield from self.line(_LONGEST_LINE)).decode("utf-8", "surrogateescape")
                verb, _, rest = text.strip().partition(" ")
                verb = verb.upper()
                try:
                    if verb == "QUIT":
                        yield self._quit()
                        return
                    over = yield from self._command(verb, rest.strip())
                except _Refused as refusal:
                    yield self.farewell(str(refusal))
                    continue
                except FileNotFoundError:
                    yield self.farewell("the message is gone: another session removed it")
                    continue
                if over:
                    return
        except TooLong:
            yield self.farewell("[SYS/PERM] line too long")
        except Ended:
            self.log.info("%s %s: session ends without QUIT", self.protocol, self.peer)

    def _quit(self) -> bytes:
        removed = 0
        if self._inbox and self._deleted:
            uids = [self._messages[index - 1].uid for index in self._deleted]
            removed = len(self._inbox.expunge(uids))
        who = self.account or "nobody"
        self.log.info(
            "%s %s: session of %s ends, %d removed", self.protocol, self.peer, who, removed
        )
        return b"+OK goodbye\r\n"

    def _command(self, verb: str, rest: str) -> Dialogue[bool]:
        if verb == "CAPA":
            yield self._capabilities()
        elif self._inbox is None:
            return (yield from self._authorise(verb, rest))
        else:
            yield from self._transact(verb, rest)
        return False

    def _capabilities(self) -> bytes:
        lines = [
            "TOP",
            "UIDL",
            "PIPELINING",
            "RESP-CODES",
            "AUTH-RESP-CODE",
            "UTF8",
            "EXPIRE NEVER",
        ]
        if self._inbox is None:
            lines += ["USER", "SASL PLAIN"]
            if self.can_secure and not self.secure:
                lines.append("STLS")
        text = "+OK capabilities\r\n" + "".join(f"{line}\r\n" for line in lines)
        return text.encode() + b"IMPLEMENTATION netarium\r\n.\r\n"

    # Before login

    def _authorise(self, verb: str, rest: str) -> Dialogue[bool]:
        if verb == "USER":
            if not rest:
                raise _Refused("USER needs a name")
            self._name = rest
            yield b"+OK now PASS\r\n"
        elif verb == "PASS":
            if not self._name:
                raise _Refused("USER comes first")
            name, self._name = self._name, ""
            return (yield from self._log_in(name, rest))
        elif verb == "AUTH":
            mechanism, _, response = rest.partition(" ")
            if mechanism.upper() != "PLAIN":
                raise _Refused("AUTH knows PLAIN only")
            if not response:
                yield b"+ \r\n"
                response = (yield from self.line(_LONGEST_LINE)).decode("latin-1")
                if response == "*":
                    raise _Refused("login cancelled")
            credentials = plain_credentials(response.encode("utf-8", "surrogateescape"))
            if credentials is None:
                raise _Refused("that is not a PLAIN response in base64")
            return (yield from self._log_in(*credentials))
        elif verb == "STLS":
            if self.secure or not self.can_secure:
                raise _Refused("TLS runs already" if self.secure else "no certificate, no TLS")
            yield b"+OK begin TLS\r\n"
            yield from self.start_tls()
        elif verb == "UTF8":
            yield b"+OK UTF-8 it is\r\n"
        elif verb in _TRANSACTIONS:
            raise _Refused("log in first")
        else:
            raise _Refused("no such command")
        return False

    def _log_in(self, name: str, password: str) -> Dialogue[bool]:
        outcome = self.log_in(name, password)
        if not outcome:
            yield b"-ERR [AUTH] wrong name or password\r\n"
            return outcome is None
        assert self.account is not None
        self._inbox = self.store.folders(self.account).inbox
        self._inbox.rescan()
        self._messages = list(self._inbox.messages.values())
        self.patience = 600.0  # RFC 1939 section 3: at least 10 minutes
        yield f"+OK {len(self._messages)} messages\r\n".encode()
        return False

    # After login

    def _kept(self) -> Iterator[tuple[int, Message]]:
        for number, message in enumerate(self._messages, 1):
            if number not in self._deleted:
                yield number, message

    def _message(self, argument: str) -> tuple[int, Message]:
        if not (argument.isascii() and argument.isdigit() and len(argument) < 10):
            raise _Refused("a message number is wanted")
        number = int(argument)
        if not 1 <= number <= len(self._messages):
            raise _Refused(f"no message {number}, only {len(self._messages)} here")
        if number in self._deleted:
            raise _Refused(f"message {number} is marked as deleted")
        return number, self._messages[number - 1]

    def _transact(self, verb: str, rest: str) -> Dialogue[None]:
        inbox = self._inbox
        assert inbox is not None
        words = rest.split()
        if verb == "STAT":
            kept = [message.size for _, message in self._kept()]
            yield f"+OK {len(kept)} {sum(kept)}\r\n".encode()
        elif verb == "NOOP":
            yield b"+OK\r\n"
        elif verb == "RSET":
            self._deleted.clear()
            yield f"+OK {len(self._messages)} messages\r\n".encode()
        elif verb in {"LIST", "UIDL"}:
            yield self._listing(verb, words)
        elif verb == "DELE" and len(words) == 1:
            number, _ = self._message(words[0])
            self._deleted.add(number)
            yield f"+OK message {number} goes at QUIT\r\n".encode()
        elif verb == "RETR" and len(words) == 1:
            _, message = self._message(words[0])
            data = inbox.read(message)
            yield f"+OK {len(data)} octets\r\n".encode()
            yield from _pieces(stuffed(data))
            if "\\Seen" not in message.flags and message.uid in inbox.messages:
                inbox.set_flags(message, message.flags | {"\\Seen"})
        elif verb == "TOP" and len(words) == 2:
            _, message = self._message(words[0])
            if not (words[1].isascii() and words[1].isdigit() and len(words[1]) < 10):
                raise _Refused("TOP needs a number of lines")
            data = top(inbox.read(message), int(words[1]))
            yield b"+OK\r\n"
            yield from _pieces(stuffed(data))
        elif verb in _TRANSACTIONS:
            raise _Refused(f"wrong arguments for {verb}")
        elif verb in {"USER", "PASS", "AUTH", "STLS", "UTF8"}:
            raise _Refused("logged in already")
        else:
            raise _Refused("no such command")

    def _listing(self, verb: str, words: list[str]) -> bytes:
        inbox = self._inbox
        assert inbox is not None

        def entry(number: int, message: Message) -> str:
            unique = f"{inbox.uid_validity}.{message.uid}"
            return f"{number} {message.size if verb == 'LIST' else unique}\r\n"

        if words:
            return f"+OK {entry(*self._message(words[0]))}".encode()
        entries = "".join(entry(number, message) for number, message in self._kept())
        return f"+OK\r\n{entries}.\r\n".encode()


_TRANSACTIONS = {"STAT", "LIST", "RETR", "DELE", "NOOP", "RSET", "TOP", "UIDL"}


def _pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _PIECE):
        yield data[start : start + _PIECE]
