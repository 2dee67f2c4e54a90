"""All headers there are: importing this fills the registries by which headers find each other."""

from __future__ import annotations

from netarium.wire.dns import DNS, DNSLength
from netarium.wire.ethernet import Ethernet
from netarium.wire.ftp import FTP
from netarium.wire.http import HTTP2Frame, HTTP2Preface, HTTPRequest, HTTPResponse
from netarium.wire.imap import IMAP
from netarium.wire.ipv4 import IPv4
from netarium.wire.ntp import NTP
from netarium.wire.pop3 import POP3
from netarium.wire.smtp import SMTP
from netarium.wire.ssh import SSH, KeyExchangeInit, SSHPacket
from netarium.wire.tls import TLS
from netarium.wire.udp import UDP

__all__ = [
    "DNS",
    "FTP",
    "IMAP",
    "NTP",
    "POP3",
    "SMTP",
    "SSH",
    "TLS",
    "UDP",
    "DNSLength",
    "Ethernet",
    "HTTP2Frame",
    "HTTP2Preface",
    "HTTPRequest",
    "HTTPResponse",
    "IPv4",
    "KeyExchangeInit",
    "SSHPacket",
]
