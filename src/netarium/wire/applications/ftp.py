"""The File Transfer Protocol (RFC 959): the commands and replies of its control connection."""

from __future__ import annotations

import re

from netarium.wire.applications.text_protocol import Command, LineProtocol, Reply
from netarium.wire.header import Header

__all__ = ["FTP", "FTPCommand"]

#: RFC 959, section 4.1; RFC 2228 (AUTH, PBSZ, PROT, ...), 2389, 2428, 2640, 3659, 7151.
_VERBS = frozenset(
    b"USER PASS ACCT CWD CDUP SMNT QUIT REIN PORT PASV TYPE STRU MODE RETR STOR STOU APPE ALLO "
    b"REST RNFR RNTO ABOR DELE RMD MKD PWD LIST NLST SITE SYST STAT HELP NOOP AUTH ADAT PROT PBSZ "
    b"CCC MIC CONF ENC FEAT OPTS EPRT EPSV LANG MDTM MFMT MLST MLSD SIZE CLNT HOST XCUP XCWD XMKD "
    b"XPWD XRMD AVBL CSID DSIZ HASH".split()
)
_REPLY = re.compile(rb"[1-6]\d\d(?:[ -]|$)")


class FTPCommand(Command, title="FTP command", rfc="RFC 959, section 4.1", short="ftp"):
    """What the client asks of the server."""


class FTP(LineProtocol, title="FTP", rfc="RFC 959", tcp=21):
    """File Transfer Protocol: talks about files; they go over other connections."""

    @classmethod
    def line_kind(cls, line: bytes) -> type[Header] | None:
        if _REPLY.match(line):
            return Reply
        return FTPCommand if line.partition(b" ")[0].upper() in _VERBS else None
