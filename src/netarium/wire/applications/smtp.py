"""The Simple Mail Transfer Protocol (RFC 5321): commands, replies, and the message between them."""

from __future__ import annotations

import re

from netarium.wire.applications.text_protocol import Command, LineProtocol, Reply
from netarium.wire.header import Header

__all__ = ["SMTP", "SMTPCommand"]

#: RFC 5321, section 4.1.1; AUTH of RFC 4954, STARTTLS of RFC 3207, BDAT of RFC 3030, and others.
_VERBS = frozenset(
    b"EHLO HELO LHLO MAIL RCPT DATA BDAT RSET VRFY EXPN HELP NOOP QUIT AUTH STARTTLS ETRN TURN "
    b"ATRN SEND SOML SAML BURL XCLIENT XFORWARD".split()
)
_REPLY = re.compile(rb"[2-5]\d\d(?:[ -]|$)")


class SMTPCommand(Command, title="SMTP command", rfc="RFC 5321, section 4.1", short="smtp"):
    """What the client asks of the server."""


class SMTP(LineProtocol, title="SMTP", rfc="RFC 5321", tcp=(25, 587, 2525)):
    """Simple Mail Transfer Protocol: how mail reaches a server."""

    @classmethod
    def line_kind(cls, line: bytes) -> type[Header] | None:
        if _REPLY.match(line):
            return Reply
        return SMTPCommand if line.partition(b" ")[0].upper() in _VERBS else None
