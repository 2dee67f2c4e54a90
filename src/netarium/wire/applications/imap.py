"""The Internet Message Access Protocol (RFC 9051, RFC 3501): commands, responses, literals."""

from __future__ import annotations

import re

from netarium.wire.applications.text_protocol import LineProtocol, RestOfLine, Word
from netarium.wire.escaping import escaped
from netarium.wire.header import Header

__all__ = ["IMAP", "IMAPCommand", "IMAPResponse"]

#: RFC 9051, section 6, and the commonest extensions.
_VERBS = frozenset(
    b"CAPABILITY NOOP LOGOUT STARTTLS AUTHENTICATE LOGIN ENABLE SELECT EXAMINE CREATE DELETE "
    b"RENAME SUBSCRIBE UNSUBSCRIBE LIST LSUB NAMESPACE STATUS APPEND IDLE CHECK CLOSE "
    b"UNSELECT EXPUNGE SEARCH FETCH STORE COPY MOVE UID SORT THREAD ID GETQUOTA GETQUOTAROOT "
    b"SETQUOTA GETACL SETACL DELETEACL LISTRIGHTS MYRIGHTS COMPRESS NOTIFY "
    b"GETMETADATA SETMETADATA XLIST".split()
)
_RESPONSE = re.compile(
    rb"(?:\*|[^\s(){%*\"\\+]+ (?:OK|NO|BAD|PREAUTH|BYE)) |\+(?: |$)", re.IGNORECASE
)
_LITERAL = re.compile(rb"\{(\d{1,10})[+-]?\}\r?\n")


class IMAPCommand(Header, title="IMAP command", rfc="RFC 9051, section 2.2.1", short="imap"):
    """What the client asks of the server."""

    independent = True

    tag = Word("Tag", "Of the client's choice; comes back with the answer.")
    verb = Word("Command", "What is asked for.", lead=b" ")
    argument = RestOfLine("Arguments", "With what.", lead=b" ")
    positional = ("tag", "verb", "argument")

    def end_of_header(self) -> int:
        return self.limit

    def summary(self) -> str:
        return escaped(f"{self.tag} {self.verb} {self.argument}".rstrip())

    def __str__(self) -> str:
        return self.summary()


class IMAPResponse(Header, title="IMAP response", rfc="RFC 9051, section 2.2.2", short="imap"):
    """What the server says: ``*`` of itself, ``+`` go on, with a tag the answer to that command."""

    independent = True

    tag = Word("Tag", "Whose answer it is; * nobody's, + the server waits for more.", default="*")
    text = RestOfLine("Response", "The status or the data.", lead=b" ")
    positional = ("tag", "text")

    @property
    def status(self) -> str:
        """``OK``, ``NO``, ``BAD``, ``PREAUTH``, ``BYE``; empty where the response is data."""
        word = self.text.partition(" ")[0].upper()
        return word if word in ("OK", "NO", "BAD", "PREAUTH", "BYE") else ""

    def end_of_header(self) -> int:
        return self.limit

    def summary(self) -> str:
        return escaped(f"{self.tag} {self.text}".rstrip())

    def __str__(self) -> str:
        return self.summary()


class IMAP(LineProtocol, title="IMAP", rfc="RFC 9051", tcp=143):
    """Internet Message Access Protocol: works with mail that stays on the server."""

    @classmethod
    def line_kind(cls, line: bytes) -> type[Header] | None:
        if _RESPONSE.match(line):
            return IMAPResponse
        words = line.split(b" ", 2)
        return IMAPCommand if len(words) > 1 and words[1].upper() in _VERBS else None

    def after_line(self, start: int, after: int, end: int) -> int:
        # A literal: so many bytes follow the line, whatever they are (RFC 9051, section 4.3).
        found = _LITERAL.search(self.data, max(start, after - 16), after)
        return min(end, after + int(found[1])) if found else after
