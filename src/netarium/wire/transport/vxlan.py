"""Ethernet within UDP: VXLAN (RFC 7348)."""

from __future__ import annotations

from netarium.wire.field import Flags, UInt
from netarium.wire.header import Header
from netarium.wire.link.ethernet import Ethernet

__all__ = ["VXLAN"]


class VXLAN(Header, title="VXLAN", rfc="RFC 7348, section 5", short="vxlan", udp=(4789, 8472)):
    """Virtual eXtensible LAN: a whole Ethernet frame travels through an IP network."""

    insists = True
    flags = Flags(
        "Flags",
        ("-", "-", "-", "-", "I", "-", "-", "-"),
        "I: the network identifier is valid, as it must be.",
        default="I",
    )
    reserved = UInt(24, "Reserved", "0.")
    vni = UInt(24, "VXLAN Network Identifier", "Which of the virtual networks.")
    reserved2 = UInt(8, "Reserved", "0.")

    def next_header(self) -> type[Header] | None:
        return Ethernet

    def summary(self) -> str:
        return f"network {self.vni}"
