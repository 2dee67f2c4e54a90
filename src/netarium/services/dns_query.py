"""Reads a DNS query strictly: header, one question, EDNS (RFC 1035 4.1, RFC 6891).

Written out instead of calling a library because every query passes here, and the
answers behind it are cached: this is what the server spends its time on.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from dns.rcode import Rcode

__all__ = ["EDNS_SIZE", "HEADER", "Malformed", "Query", "read_query"]

HEADER = struct.Struct("!6H")
#: The largest UDP reply: fits one packet on every link that carries IPv6 (DNS flag day 2020).
EDNS_SIZE = 1232

_OPT = 41
_TSIG = 250
_RECORD = struct.Struct("!HHIH")
_QUESTION = struct.Struct("!HH")


class Malformed(ValueError):  # noqa: N818 - the field's word for such a message
    """A message that has a header but is no query that can be answered; ``rcode`` says why."""

    def __init__(self, rcode: Rcode) -> None:
        super().__init__(rcode.name)
        self.rcode = rcode


class Query(NamedTuple):
    """One question. ``name`` is in wire form and lower case; ``payload`` None without EDNS."""

    id: int
    flags: int
    name: bytes
    kind: int
    rdclass: int
    payload: int | None
    version: int
    dnssec_ok: bool

    def edns(self, extended_rcode: int = 0) -> bytes:
        """The OPT record of the reply: empty for a query without one (RFC 6891 6.1.1)."""
        if self.payload is None:
            return b""
        # RFC 3225 3: the DO bit goes back as it came.
        flags = extended_rcode << 24 | self.dnssec_ok << 15
        return b"\0" + _RECORD.pack(_OPT, EDNS_SIZE, flags, 0)


def read_query(message: bytes) -> Query:
    """Read a query of at least 12 bytes.

    Raises:
        Malformed: an operation other than QUERY, or a body that does not parse.
    """
    if len(message) < HEADER.size:
        raise Malformed(Rcode.FORMERR)
    number, flags, questions, answers, authorities, additionals = HEADER.unpack_from(message)
    if flags & 0x7800:
        raise Malformed(Rcode.NOTIMP)
    if questions != 1:
        raise Malformed(Rcode.FORMERR)
    end = _skip_name(message, HEADER.size, compressed=False)
    name = message[HEADER.size : end].lower()
    if end + 4 > len(message) or len(name) > 255:
        raise Malformed(Rcode.FORMERR)
    kind, rdclass = _QUESTION.unpack_from(message, end)
    if kind == _OPT:
        raise Malformed(Rcode.FORMERR)
    offset = end + 4
    payload, version, dnssec_ok = None, 0, False
    for index in range(answers + authorities + additionals):
        start = offset
        offset = _skip_name(message, offset, compressed=True)
        if offset + _RECORD.size > len(message):
            raise Malformed(Rcode.FORMERR)
        record, size, extended, length = _RECORD.unpack_from(message, offset)
        offset += _RECORD.size + length
        if offset > len(message):
            raise Malformed(Rcode.FORMERR)
        if record == _OPT:
            # RFC 6891 6.1.1: in the additional section, once, at the root.
            if payload is not None or index < answers + authorities or message[start]:
                raise Malformed(Rcode.FORMERR)
            payload, version, dnssec_ok = size, extended >> 16 & 0xFF, bool(extended & 0x8000)
        elif record == _TSIG:
            # RFC 8945 5.2.1: no key is known here.
            raise Malformed(Rcode.NOTAUTH)
    if offset != len(message):
        raise Malformed(Rcode.FORMERR)
    return Query(number, flags, name, kind, rdclass, payload, version, dnssec_ok)


def _skip_name(message: bytes, offset: int, *, compressed: bool) -> int:
    """The offset after the name that starts at ``offset``."""
    size = len(message)
    while offset < size:
        length = message[offset]
        if length == 0:
            return offset + 1
        if length >= 0xC0 and compressed:
            return offset + 2
        if length > 63:
            break
        offset += 1 + length
    raise Malformed(Rcode.FORMERR)
