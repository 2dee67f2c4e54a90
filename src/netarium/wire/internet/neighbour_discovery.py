"""Neighbour discovery for IPv6 (RFC 4861): routers and neighbours on a link find each other."""

from __future__ import annotations

import socket

from netarium.wire.field import Flags, IPv6Address, UInt
from netarium.wire.internet.icmpv6 import ICMPv6
from netarium.wire.internet.nd_options import NDOption
from netarium.wire.options import check_options, one_by_one
from netarium.wire.parts import Parts

__all__ = [
    "ICMPv6Redirect",
    "NDMessage",
    "NeighbourAdvertisement",
    "NeighbourSolicitation",
    "RouterAdvertisement",
    "RouterSolicitation",
]


class NDMessage(ICMPv6, title="ICMPv6", rfc="RFC 4861, section 4"):
    """Base of neighbour discovery: it never passes a router, so its hop limit must be 255."""

    @property
    def usual_hop_limit(self) -> int:
        """What receivers insist on (RFC 4861, section 6.1)."""
        return 255

    def options_at(self) -> int:
        """Where its options begin: an offset in ``data``."""
        return self.start + self.minimum

    def end_of_header(self) -> int:
        return self.limit

    def check(self) -> None:
        check_options(self, NDOption, self.options_at(), self.limit)


def _options() -> Parts:
    return Parts("Options", one_by_one(NDOption), "Link-layer addresses, prefixes and more.")


class RouterSolicitation(NDMessage, title="ICMPv6", rfc="RFC 4861, section 4.1", icmp6_type=133):
    """Routers, announce yourselves!"""

    reserved = UInt(32, "Reserved", "0.")
    options = _options()

    @property
    def usual_group6(self) -> str:
        """All routers of the link."""
        return "ff02::2"


class RouterAdvertisement(NDMessage, title="ICMPv6", rfc="RFC 4861, section 4.2", icmp6_type=134):
    """I am a router; and this is what hosts need to know of the link."""

    hop_limit = UInt(8, "Cur Hop Limit", "What hosts should use; 0: their choice.", default=64)
    flags = Flags(
        "Flags",
        ("M", "O", "H", "-", "-", "P", "-", "-"),
        "M: addresses by DHCPv6; O: other settings by DHCPv6; H: home agent; P: proxy. "
        "Between H and P: the router's preference.",
    )
    lifetime = UInt(
        16,
        "Router Lifetime",
        "How long it is a default router; 0: it is none.",
        default=1800,
        unit="s",
    )
    reachable_time = UInt(
        32,
        "Reachable Time",
        "How long a neighbour that answered is believed; 0: not told.",
        unit="ms",
    )
    retransmit_timer = UInt(
        32, "Retrans Timer", "Between questions to a neighbour; 0: not told.", unit="ms"
    )
    options = _options()

    @property
    def usual_group6(self) -> str:
        """All nodes of the link."""
        return "ff02::1"

    @property
    def preference(self) -> str:
        """Against other routers (RFC 4191, section 2.2): high, medium or low."""
        return {0: "medium", 1: "high", 3: "low"}.get(self.flags >> 3 & 3, "reserved")


class NeighbourSolicitation(NDMessage, title="ICMPv6", rfc="RFC 4861, section 4.3", icmp6_type=135):
    """Who has this address, and with which card?"""

    reserved = UInt(32, "Reserved", "0.")
    target = IPv6Address("Target Address", "The address looked for.")
    options = _options()

    @property
    def usual_group6(self) -> str:
        """The group of those whose addresses end as the target does (RFC 4291, section 2.7.1)."""
        raw = socket.inet_pton(socket.AF_INET6, self.target)
        group = bytes.fromhex("ff0200000000000000000001ff") + raw[13:]
        return socket.inet_ntop(socket.AF_INET6, group)

    def summary(self) -> str:
        return f"{super().summary()}, who has {self.target}?"


class NeighbourAdvertisement(
    NDMessage, title="ICMPv6", rfc="RFC 4861, section 4.4", icmp6_type=136
):
    """I have this address, and this is my card."""

    router = UInt(1, "R", "Whether the sender is a router.")
    solicited = UInt(1, "S", "Whether it answers a solicitation.")
    override = UInt(1, "O", "Whether it replaces what was known.")
    reserved = UInt(29, "Reserved", "0.")
    target = IPv6Address("Target Address", "The address that the sender has.")
    options = _options()

    @property
    def usual_group6(self) -> str:
        """All nodes of the link."""
        return "ff02::1"

    def summary(self) -> str:
        return f"{super().summary()}, {self.target}"


class ICMPv6Redirect(NDMessage, title="ICMPv6", rfc="RFC 4861, section 4.5", icmp6_type=137):
    """There is a better first hop for this destination."""

    reserved = UInt(32, "Reserved", "0.")
    target = IPv6Address("Target Address", "The better first hop.")
    destination = IPv6Address("Destination Address", "What it is better for.")
    options = _options()

    def summary(self) -> str:
        return f"{super().summary()}, {self.destination} by {self.target}"
