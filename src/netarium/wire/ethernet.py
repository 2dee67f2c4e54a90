"""Ethernet (IEEE 802.3, DIX framing)."""

from __future__ import annotations

from netarium.wire.field import MACAddress, UInt
from netarium.wire.header import Header

__all__ = ["ETHERTYPES", "Ethernet"]

ETHERTYPES = {
    0x0800: "IPv4",
    0x0806: "ARP",
    0x86DD: "IPv6",
    0x8100: "802.1Q",
    0x88A8: "802.1ad",
    0x8847: "MPLS",
    0x88CC: "LLDP",
}


class Ethernet(Header, title="Ethernet", rfc="IEEE 802.3", short="eth", link=1):
    """Frames on a LAN: who is meant, who sends, what is inside."""

    dst = MACAddress("Destination", "The card that is meant; ff:ff:ff:ff:ff:ff is all of them.")
    src = MACAddress("Source", "The card that sent it.")
    type = UInt(
        16, "EtherType", "What is inside.", names=ETHERTYPES, shown="x", selects="ethertype"
    )

    def summary(self) -> str:
        return f"{self.src} > {self.dst}"
