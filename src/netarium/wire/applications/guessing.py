"""Which application a segment or datagram belongs to: by its port, and by its first bytes."""

from __future__ import annotations

import re
from typing import Any

from netarium.wire.applications.ftp import FTP
from netarium.wire.applications.http import HTTP2Preface, HTTPRequest, HTTPResponse
from netarium.wire.applications.imap import IMAP
from netarium.wire.applications.pop3 import POP3
from netarium.wire.applications.quic import QUIC
from netarium.wire.applications.smtp import SMTP
from netarium.wire.applications.ssh import SSH
from netarium.wire.applications.tls import TLS
from netarium.wire.context import REGISTRIES
from netarium.wire.header import Header

__all__ = ["application", "guess"]


def application(transport: str, sport: int, dport: int, payload: bytes) -> type[Header] | None:
    """The header that a payload begins with; None where it is not known.

    The class that is registered for a port, and the ``others`` that it names, are asked
    whether they ``recognise`` the payload, where they can tell. Where they do not, or no port
    is known, the first bytes decide: web pages are found on any port, and encrypted mail is
    not taken for text.

    Args:
        transport: the registry of ports, ``"tcp"`` or ``"udp"``.
        sport: the port it came from.
        dport: the port it goes to.
        payload: what the transport header carries.
    """
    ports = REGISTRIES.get(transport, {})
    known = ports.get(dport) or ports.get(sport)
    if known is not None and not hasattr(known, "recognises"):
        return known if payload else None
    sure = guess(payload, transport)
    if sure is not None or known is None or not payload:
        return sure
    kind: Any
    for kind in (known, *getattr(known, "others", ())):
        if kind.recognises(payload):
            found: type[Header] = kind
            return found
    return None


def guess(payload: bytes, transport: str) -> type[Header] | None:
    """The application whose messages begin as this payload does; None where no guess is sure.

    Args:
        payload: what the transport header carries.
        transport: ``"tcp"`` or ``"udp"``.
    """
    if len(payload) < 4:
        return None
    if transport != "tcp":
        return QUIC if QUIC.recognises(payload) else None
    kind: Any
    for kind in _BY_FIRST.get(payload[0], ()):
        if kind.recognises(payload):
            found: type[Header] = kind
            return found
    line = _LINES.match(payload)
    return _BY_LINE[line.lastindex or 0] if line else None


#: Those that can tell by their first bytes that it is they.
_BY_FIRST: dict[int, tuple[type[Header], ...]] = {
    **dict.fromkeys(range(20, 25), (TLS,)),
    **dict.fromkeys(range(0x41, 0x5B), (HTTPRequest,)),
    ord("H"): (HTTPResponse, HTTPRequest),
    ord("P"): (HTTP2Preface, HTTPRequest),
    ord("S"): (SSH, HTTPRequest),
}
#: First lines of those that share their form with others.
_LINES = re.compile(
    rb"((?:EHLO|HELO|LHLO) \S|MAIL FROM:|RCPT TO:|220[ -][^\r\n]*SMTP)"
    rb"|(220[ -][^\r\n]*FTP)"
    rb"|(\+OK )"
    rb"|(\* (?:OK|PREAUTH|BYE) )",
    re.IGNORECASE,
)
_BY_LINE: tuple[type[Header] | None, ...] = (None, SMTP, FTP, POP3, IMAP)
