"""The Address Resolution Protocol (RFC 826), with announcements and defence (RFC 5227)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from netarium.router.addresses import ANY4, Address, mac_bytes

__all__ = ["EVERYBODY", "REPLY", "REQUEST", "ARPMessage", "arp_frame", "read_arp"]

EVERYBODY = (1 << 48) - 1
REQUEST, REPLY = 1, 2
_ETHERNET_IPV4 = (b"\0\1\x08\0\6\4", b"\0\6\x08\0\6\4")  # 6: IEEE 802 networks


@dataclass(frozen=True, slots=True)
class ARPMessage:
    """An ARP packet for IPv4 over Ethernet.

    Attributes:
        operation: `REQUEST` or `REPLY`.
        sender_mac, sender: who speaks; target_mac, target: whom it is about.
    """

    operation: int
    sender_mac: int
    sender: Address
    target_mac: int
    target: Address

    @property
    def is_announcement(self) -> bool:
        """Tells of the sender alone, nobody asked: gratuitous ARP (RFC 5227, section 3)."""
        return self.sender == self.target

    @property
    def is_probe(self) -> bool:
        """Asks whether an address is free, by somebody without one (RFC 5227, section 2.1.1)."""
        return self.operation == REQUEST and self.sender == ANY4


def read_arp(data: bytes) -> ARPMessage | None:
    """An ARP message from the bytes behind the Ethernet header; None: not one that we speak."""
    if len(data) < 28 or data[:6] not in _ETHERNET_IPV4:
        return None
    operation = int.from_bytes(data[6:8], "big")
    sender_mac = int.from_bytes(data[8:14], "big")
    if operation not in (REQUEST, REPLY) or sender_mac >> 40 & 1:
        return None
    return ARPMessage(
        operation, sender_mac, data[14:18], int.from_bytes(data[18:24], "big"), data[24:28]
    )


def arp_frame(message: ARPMessage, to: int, source: int) -> bytes:
    """The frame with an ARP message, to a station or to `EVERYBODY`."""
    start = struct.pack("!HHBBH", 1, 0x0800, 6, 4, message.operation)
    return (
        mac_bytes(to)
        + mac_bytes(source)
        + b"\x08\x06"
        + start
        + mac_bytes(message.sender_mac)
        + message.sender
        + mac_bytes(message.target_mac)
        + message.target
    )
