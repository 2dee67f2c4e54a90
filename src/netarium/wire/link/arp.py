"""The Address Resolution Protocol (RFC 826), and its reverse (RFC 903)."""

from __future__ import annotations

from netarium.wire.context import Context
from netarium.wire.field import Bytes, IPv4Address, MACAddress, UInt
from netarium.wire.header import Header
from netarium.wire.link.ethernet import ETHERTYPES

__all__ = ["ARP", "OtherARP"]

_OPERATIONS = {
    1: "request",
    2: "reply",
    3: "reverse request",
    4: "reverse reply",
    8: "inverse request",
    9: "inverse reply",
}
_HARDWARE = {1: "Ethernet", 6: "IEEE 802", 15: "frame relay", 24: "FireWire", 32: "InfiniBand"}


def _source(context: Context) -> str:
    return getattr(context.lower, "src", "02:00:00:00:00:01")


class ARP(Header, title="ARP", rfc="RFC 826", short="arp", ethertype=(0x0806, 0x8035)):
    """Address Resolution Protocol: who on this LAN has an IPv4 address, and with which card."""

    hardware = UInt(16, "Hardware Type", "What kind of LAN.", default=1, names=_HARDWARE)
    protocol = UInt(
        16,
        "Protocol Type",
        "Whose addresses are looked for.",
        default=0x0800,
        names=ETHERTYPES,
        shown="x",
    )
    hardware_size = UInt(
        8, "Hardware Address Length", "Of a card's address.", default=6, unit="bytes"
    )
    protocol_size = UInt(
        8, "Protocol Address Length", "Of the address looked for.", default=4, unit="bytes"
    )
    operation = UInt(16, "Operation", "A question or its answer.", default=1, names=_OPERATIONS)
    sender_mac = MACAddress("Sender Hardware Address", "The card of who speaks.", default=_source)
    sender_ip = IPv4Address("Sender Protocol Address", "The address of who speaks.")
    target_mac = MACAddress("Target Hardware Address", "The card looked for; 0 in a question.")
    target_ip = IPv4Address("Target Protocol Address", "The address looked for.")

    @classmethod
    def kind_at(cls, data: bytes, start: int, limit: int) -> type[Header]:
        return cls if data[start + 4 : min(start + 6, limit)] in (b"\6\4", b"\6", b"") else OtherARP

    def payload_end(self) -> int:
        return self.end_of_header()  # what follows fills the frame up to 60 bytes

    def summary(self) -> str:
        if self.operation == 1:
            if self.sender_ip == self.target_ip:
                return f"{self.sender_ip} is at {self.sender_mac} (announcement)"
            return f"who has {self.target_ip}? tell {self.sender_ip}"
        if self.operation == 2:
            return f"{self.sender_ip} is at {self.sender_mac}"
        if self.operation == 3:
            return f"who is {self.target_mac}? tell {self.sender_mac}"
        return ARP.operation.name_of(self.operation)


class OtherARP(Header, title="ARP", rfc="RFC 826", short="arp"):
    """Address Resolution Protocol between addresses that are not Ethernet's and IPv4's."""

    hardware = UInt(16, "Hardware Type", "What kind of LAN.", names=_HARDWARE)
    protocol = UInt(
        16, "Protocol Type", "Whose addresses are looked for.", names=ETHERTYPES, shown="x"
    )
    hardware_size = UInt(8, "Hardware Address Length", "Of a card's address.", unit="bytes")
    protocol_size = UInt(8, "Protocol Address Length", "Of the address looked for.", unit="bytes")
    operation = UInt(16, "Operation", "A question or its answer.", names=_OPERATIONS)
    sender_mac = Bytes(
        lambda arp: arp.hardware_size, "Sender Hardware Address", "The card of who speaks."
    )
    sender_ip = Bytes(
        lambda arp: arp.protocol_size, "Sender Protocol Address", "The address of who speaks."
    )
    target_mac = Bytes(
        lambda arp: arp.hardware_size, "Target Hardware Address", "The card looked for."
    )
    target_ip = Bytes(
        lambda arp: arp.protocol_size, "Target Protocol Address", "The address looked for."
    )

    def payload_end(self) -> int:
        return self.end_of_header()  # what follows fills the frame up to 60 bytes

    def summary(self) -> str:
        return ARP.operation.name_of(self.operation)
