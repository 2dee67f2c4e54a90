"""Neighbour discovery messages (RFC 4861): solicitations, advertisements, redirects."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from netarium.router.addresses import ANY6, Address, mac_bytes
from netarium.router.packets import icmpv6, ipv6

__all__ = [
    "ALL_NODES",
    "ALL_ROUTERS",
    "NEIGHBOUR_ADVERTISEMENT",
    "NEIGHBOUR_SOLICITATION",
    "ROUTER_ADVERTISEMENT",
    "ROUTER_SOLICITATION",
    "NeighbourMessage",
    "neighbour_advertisement",
    "neighbour_solicitation",
    "read_neighbour_message",
    "redirect6",
    "router_advertisement",
]

ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT = 133, 134
NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT, REDIRECT = 135, 136, 137

ALL_NODES = bytes.fromhex("ff020000000000000000000000000001")
ALL_ROUTERS = bytes.fromhex("ff020000000000000000000000000002")

_SOURCE_LINK, _TARGET_LINK, _PREFIX, _REDIRECTED, _MTU = 1, 2, 3, 4, 5
_ROUTER, _SOLICITED, _OVERRIDE = 0x80000000, 0x40000000, 0x20000000
_ROUTER_LIFETIME = 1800  # seconds (RFC 4861, section 6.2.1)
_VALID, _PREFERRED = 86400, 14400  # seconds, as radvd has them
_LEAST_MTU = 1280


@dataclass(frozen=True, slots=True)
class NeighbourMessage:
    """A discovery message that was valid.

    Attributes:
        type: its ICMPv6 type. target: whom it is about; empty where it has none.
        mac: the link-layer address that it tells, -1 where it tells none.
        is_router, solicited, override: the flags of an advertisement.
    """

    type: int
    target: Address = b""
    mac: int = -1
    is_router: bool = False
    solicited: bool = False
    override: bool = False


def read_neighbour_message(packet: bytes, at: int) -> NeighbourMessage | None:
    """Read a message; None where RFC 4861, sections 6.1 and 7.1 say not to believe it.

    The hop limit tells that no router has passed it: it comes from this link.
    """
    source, destination = packet[8:24], packet[24:40]
    type_, code = packet[at], packet[at + 1]
    sizes = {ROUTER_SOLICITATION: 8, NEIGHBOUR_SOLICITATION: 24, NEIGHBOUR_ADVERTISEMENT: 24}
    size = sizes.get(type_)
    if packet[7] != 255 or code or size is None or len(packet) < at + size:
        return None
    options = _options(packet[at + size :])
    if options is None:
        return None
    wanted = _TARGET_LINK if type_ == NEIGHBOUR_ADVERTISEMENT else _SOURCE_LINK
    mac = next((int.from_bytes(data[:6], "big") for kind, data in options if kind == wanted), -1)
    if type_ == ROUTER_SOLICITATION:
        return None if source == ANY6 and mac >= 0 else NeighbourMessage(type_, mac=mac)
    target = packet[at + 8 : at + 24]
    if target[0] == 0xFF:
        return None
    flags = int.from_bytes(packet[at + 4 : at + 8], "big")
    if type_ == NEIGHBOUR_SOLICITATION:
        group = destination[:13] == bytes.fromhex("ff0200000000000000000001ff")
        if source == ANY6 and (not group or mac >= 0):
            return None
        return NeighbourMessage(type_, target, mac)
    if destination[0] == 0xFF and flags & _SOLICITED:
        return None
    return NeighbourMessage(
        type_,
        target,
        mac,
        bool(flags & _ROUTER),
        bool(flags & _SOLICITED),
        bool(flags & _OVERRIDE),
    )


def _options(data: bytes) -> list[tuple[int, bytes]] | None:
    """Kind and value of each option; None where one has no length (RFC 4861, section 4.6)."""
    found = []
    while data:
        if len(data) < 2 or not data[1] or len(data) < 8 * data[1]:
            return None
        found.append((data[0], data[2 : 8 * data[1]]))
        data = data[8 * data[1] :]
    return found


def _link_option(kind: int, mac: int) -> bytes:
    return bytes([kind, 1]) + mac_bytes(mac)


def neighbour_solicitation(source: Address, to: Address, target: Address, mac: int) -> bytes:
    """Who has ``target``? ``mac``: our own, so that the answer needs no question back."""
    data = target + _link_option(_SOURCE_LINK, mac)
    message = icmpv6(source, to, NEIGHBOUR_SOLICITATION, 0, bytes(4), data)
    return ipv6(source, to, 58, message, hop_limit=255)


def neighbour_advertisement(
    source: Address, to: Address, target: Address, mac: int, *, solicited: bool, known: bool = False
) -> bytes:
    """``target`` is at ``mac``, and is a router (RFC 4861, section 7.2.4).

    ``known``: whoever asked us alone has our link-layer address; it is left out.
    """
    flags = _ROUTER | (0 if known else _OVERRIDE) | (_SOLICITED if solicited else 0)
    data = target if known else target + _link_option(_TARGET_LINK, mac)
    rest = flags.to_bytes(4, "big")
    message = icmpv6(source, to, NEIGHBOUR_ADVERTISEMENT, 0, rest, data)
    return ipv6(source, to, 58, message, hop_limit=255)


def router_advertisement(
    source: Address, to: Address, mac: int, mtu: int, prefixes: Iterable[tuple[Address, int]]
) -> bytes:
    """Here is a router; make your addresses from these prefixes (RFC 4861, 4.2; RFC 4862)."""
    data = struct.pack("!II", 0, 0) + _link_option(_SOURCE_LINK, mac)
    if mtu >= _LEAST_MTU:
        data += struct.pack("!BBHI", _MTU, 1, 0, mtu)
    for prefix, length in prefixes:
        flags = 0xC0 if length == 64 else 0x80  # on this link; addresses need 64 bits
        data += struct.pack("!BBBBIII", _PREFIX, 4, length, flags, _VALID, _PREFERRED, 0) + prefix
    rest = struct.pack("!BBH", 64, 0, _ROUTER_LIFETIME)
    message = icmpv6(source, to, ROUTER_ADVERTISEMENT, 0, rest, data)
    return ipv6(source, to, 58, message, hop_limit=255)


def redirect6(
    source: Address, to: Address, target: Address, destination: Address, mac: int, quoted: bytes
) -> bytes:
    """For ``destination``, go to ``target`` at once (RFC 4861, section 4.5); ``mac`` 0: unknown."""
    data = target + destination
    if mac:
        data += _link_option(_TARGET_LINK, mac)
    room = 1280 - 40 - 8 - len(data) - 8
    quoted = quoted[: min(room, len(quoted)) & ~7]
    data += bytes([_REDIRECTED, len(quoted) // 8 + 1]) + bytes(6) + quoted
    return ipv6(source, to, 58, icmpv6(source, to, REDIRECT, 0, bytes(4), data), hop_limit=255)
