"""What TCP, UDP and ICMPv6 add to their checksums: the addresses that IP has, and a length."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from netarium.wire.checksum import internet_checksum
from netarium.wire.context import Context
from netarium.wire.header import Header
from netarium.wire.internet.ipv4 import IPv4
from netarium.wire.internet.ipv6 import IPv6
from netarium.wire.internet.ipv6_extensions import DestinationOptions, IPv6Extension, Routing
from netarium.wire.internet.ipv6_options import HomeAddress

__all__ = ["addresses", "pseudo_header", "transport_checksum"]


def addresses(below: Sequence[Header]) -> tuple[str, str]:
    """Source and destination as checksums mean them: where it comes from and goes in the end.

    A source route (RFC 1122, section 3.2.1.8), a routing header (RFC 8200, section 8.1) and a
    home address (RFC 6275, section 11.3.1) say that these are others than the packet has now.
    Empty where there is no IP right below.
    """
    src = dst = ""
    for layer in reversed(below):
        if isinstance(layer, IPv4):
            return src or layer.src, dst or layer.final_destination
        if isinstance(layer, IPv6):
            return src or layer.src, dst or layer.dst
        if not isinstance(layer, IPv6Extension):
            return "", ""
        if isinstance(layer, Routing):
            dst = dst or layer.final_destination
        elif isinstance(layer, DestinationOptions):
            for option in layer.options:
                if isinstance(option, HomeAddress):
                    src = option.address
    return "", ""


def pseudo_header(below: Sequence[Header], protocol: int, length: int) -> bytes:
    """The pseudo-header: addresses, protocol, length of header and payload.

    RFC 9293, section 3.1 for IPv4; RFC 8200, section 8.1 for IPv6. Empty without an IP header.
    """
    src, dst = addresses(below)
    if not src:
        return b""
    if ":" in src:
        family = socket.AF_INET6
        rest = length.to_bytes(4, "big") + protocol.to_bytes(4, "big")
    else:
        family = socket.AF_INET
        rest = protocol.to_bytes(2, "big") + (length & 0xFFFF).to_bytes(2, "big")
    return socket.inet_pton(family, src) + socket.inet_pton(family, dst) + rest


def transport_checksum(context: Context, protocol: int) -> int:
    """The checksum over pseudo-header, header and payload."""
    whole = context.raw + context.payload
    return internet_checksum(pseudo_header(context.below, protocol, len(whole)) + whole)
