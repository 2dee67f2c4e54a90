"""Addresses as the flat tables have them: four words of 32 bits; IPv4 as RFC 4291 maps it."""

from __future__ import annotations

import ipaddress
import socket
import struct

__all__ = [
    "ANY4",
    "ANY6",
    "Address",
    "Words",
    "address",
    "mac_bytes",
    "mac_number",
    "mac_text",
    "multicast_mac",
    "packed",
    "solicited_node",
    "text",
    "words",
]

#: An address as the slow path has it: 4 or 16 bytes, as they lie in a packet.
Address = bytes
Words = tuple[int, int, int, int]

_MAPPED = 0xFFFF
ANY4, ANY6 = bytes(4), bytes(16)


def words(value: Address) -> Words:
    """The words of an address; IPv4 becomes ::ffff:a.b.c.d (RFC 4291, section 2.5.5.2)."""
    if len(value) == 4:
        return (0, 0, _MAPPED, int.from_bytes(value, "big"))
    first, second, third, fourth = struct.unpack("!4I", value)
    return (first, second, third, fourth)


def packed(value: Words) -> Address:
    """The bytes of an address from its words."""
    if value[:3] == (0, 0, _MAPPED):
        return value[3].to_bytes(4, "big")
    return struct.pack("!4I", *value)


def address(value: str) -> Address:
    """The bytes of an address from its text."""
    return ipaddress.ip_address(value).packed


def text(value: Address) -> str:
    """An address as people write it."""
    return socket.inet_ntop(socket.AF_INET if len(value) == 4 else socket.AF_INET6, value)


def mac_number(value: str) -> int:
    """A link-layer address as a number of 48 bits."""
    return int(value.replace(":", ""), 16)


def mac_bytes(value: int) -> bytes:
    """A link-layer address as it lies in a frame."""
    return value.to_bytes(6, "big")


def mac_text(value: int) -> str:
    """A link-layer address as people write it."""
    return mac_bytes(value).hex(":")


def multicast_mac(group: Address) -> int:
    """Where a group's packets go on Ethernet (RFC 1112, section 6.4; RFC 2464, section 7)."""
    if len(group) == 4:
        return 0x01005E000000 | (int.from_bytes(group, "big") & 0x7FFFFF)
    return 0x333300000000 | int.from_bytes(group[12:], "big")


def solicited_node(value: Address) -> Address:
    """The group in which a node listens for questions about its address (RFC 4291, 2.7.1)."""
    return bytes.fromhex("ff0200000000000000000001ff") + value[13:]
