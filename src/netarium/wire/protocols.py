"""All headers there are: importing this fills the registries by which headers find each other."""

from __future__ import annotations

from netarium.wire.dhcp import DHCP
from netarium.wire.dhcpv6 import DHCPv6
from netarium.wire.dns import DNS, DNSLength
from netarium.wire.ethernet import Ethernet
from netarium.wire.ftp import FTP
from netarium.wire.http import HTTP2Frame, HTTP2Preface, HTTPRequest, HTTPResponse
from netarium.wire.imap import IMAP
from netarium.wire.ipv4 import IPv4
from netarium.wire.ntp import NTP
from netarium.wire.pop3 import POP3
from netarium.wire.quic import QUIC
from netarium.wire.smtp import SMTP
from netarium.wire.ssh import SSH, KeyExchangeInit, SSHPacket
from netarium.wire.tls import TLS
from netarium.wire.udp import UDP

__all__ = [
    "DHCP",
    "DNS",
    "FTP",
    "IMAP",
    "NTP",
    "POP3",
    "QUIC",
    "SMTP",
    "SSH",
    "TLS",
    "UDP",
    "DHCPv6",
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
