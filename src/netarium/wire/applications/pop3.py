"""The Post Office Protocol, version 3 (RFC 1939): commands, responses, and fetched messages."""

from __future__ import annotations

import re

from netarium.wire.applications.text_protocol import Command, LineProtocol, RestOfLine, Word
from netarium.wire.escaping import escaped
from netarium.wire.header import Header

__all__ = ["POP3", "POP3Command", "POP3Response"]

#: RFC 1939, sections 5 to 7; CAPA of RFC 2449, STLS of RFC 2595, AUTH of RFC 5034, UTF8 of 6856.
_VERBS = frozenset(
    b"USER PASS APOP QUIT STAT LIST RETR DELE NOOP RSET TOP UIDL CAPA STLS AUTH UTF8 LANG".split()
)
_RESPONSE = re.compile(rb"(?:\+OK|-ERR|\+)(?: |$)")


class POP3Command(Command, title="POP3 command", rfc="RFC 1939, section 3", short="pop"):
    """What the client asks of the server."""


class POP3Response(Header, title="POP3 response", rfc="RFC 1939, section 3", short="pop"):
    """Whether it worked."""

    independent = True

    indicator = Word("Status", "+OK: it worked, -ERR: it did not.", default="+OK")
    text = RestOfLine("Text", "More of it, mostly for people.", lead=b" ")
    positional = ("indicator", "text")

    def end_of_header(self) -> int:
        return self.limit

    def summary(self) -> str:
        return escaped(f"{self.indicator} {self.text}".rstrip())

    def __str__(self) -> str:
        return self.summary()


class POP3(LineProtocol, title="POP3", rfc="RFC 1939", tcp=110):
    """Post Office Protocol: fetches mail from a server's mailbox."""

    @classmethod
    def line_kind(cls, line: bytes) -> type[Header] | None:
        if _RESPONSE.match(line):
            return POP3Response
        return POP3Command if line.partition(b" ")[0].upper() in _VERBS else None
