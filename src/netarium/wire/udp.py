"""The User Datagram Protocol (RFC 768)."""

from __future__ import annotations

import socket

from netarium.wire.checksum import internet_checksum
from netarium.wire.field import Checksum, UInt
from netarium.wire.guessing import application
from netarium.wire.header import Context, Header

__all__ = ["UDP", "pseudo_header", "transport_checksum"]


def pseudo_header(context: Context, protocol: int, length: int) -> bytes:
    """What TCP, UDP and ICMPv6 add to their sum: addresses, protocol, length.

    RFC 9293, section 3.1 for IPv4; RFC 8200, section 8.1 for IPv6. Empty without an IP header.
    """
    lower = context.lower
    src, dst = getattr(lower, "src", ""), getattr(lower, "dst", "")
    if not src:
        return b""
    if ":" in src:
        family = socket.AF_INET6
        rest = length.to_bytes(4, "big") + protocol.to_bytes(4, "big")
    else:
        family = socket.AF_INET
        rest = protocol.to_bytes(2, "big") + length.to_bytes(2, "big")
    return socket.inet_pton(family, src) + socket.inet_pton(family, dst) + rest


def transport_checksum(context: Context, protocol: int) -> int:
    """The checksum over pseudo-header, header and payload."""
    whole = context.raw + context.payload
    return internet_checksum(pseudo_header(context, protocol, len(whole)) + whole)


class UDP(Header, title="UDP", rfc="RFC 768", ip_protocol=17):
    """User Datagram Protocol: ports, a length, a checksum, and no promises."""

    sport = UInt(16, "Source Port", "Which program sent it.")
    dport = UInt(16, "Destination Port", "Which program is meant.")
    length = UInt(
        16,
        "Length",
        "Header and payload together.",
        unit="bytes",
        auto=lambda c: min(c.size + len(c.payload), 0xFFFF),
    )
    checksum = Checksum(
        "Checksum",
        "Over pseudo-header, header and payload; 0: none was made.",
        lambda c: transport_checksum(c, 17) or 0xFFFF,
        optional=True,
    )

    def next_header(self) -> type[Header] | None:
        return application("udp", self.sport, self.dport, self.payload)

    def summary(self) -> str:
        return f"{self.sport} > {self.dport}"
