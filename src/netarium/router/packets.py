"""Packets that the router makes itself, as bytes, and the parts of those it reads."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from netarium.router.addresses import Address
from netarium.wire.checksum import internet_checksum

__all__ = [
    "Arrival",
    "destination_of",
    "family_of",
    "icmp",
    "icmpv6",
    "ipv4",
    "ipv6",
    "pseudo",
    "source_of",
    "transport_valid",
    "with_checksum",
]


@dataclass(slots=True)
class Arrival:
    """A frame that left the fast path.

    Attributes:
        frame: as it came; packet: the IP packet in it, without Ethernet's padding.
        interface: where it came in; flags, segment: as in ``wire.batch``.
        skip: bits 1 << reason that are settled, so that the path passes over them.
        to_all: the frame was for a group or for all stations.
    """

    frame: bytes
    interface: int
    flags: int = 0
    segment: int = 0
    skip: int = 0

    @property
    def to_all(self) -> bool:
        """Whether the frame was for a group or for all stations."""
        return bool(self.frame[0] & 1)

    @property
    def family(self) -> int:
        """4, 6, or 0 for neither."""
        return {b"\x08\x00": 4, b"\x86\xdd": 6}.get(self.frame[12:14], 0)

    @property
    def packet(self) -> bytes:
        """The IP packet, without what Ethernet put behind it."""
        if self.family == 4:
            length = int.from_bytes(self.frame[16:18], "big")
        else:
            length = int.from_bytes(self.frame[18:20], "big") + 40
        return self.frame[14 : 14 + length]


def family_of(packet: bytes) -> int:
    """4 or 6."""
    return packet[0] >> 4


def source_of(packet: bytes) -> Address:
    """Who sent it."""
    return packet[12:16] if packet[0] >> 4 == 4 else packet[8:24]


def destination_of(packet: bytes) -> Address:
    """For whom it is."""
    return packet[16:20] if packet[0] >> 4 == 4 else packet[24:40]


def with_checksum(header: bytes) -> bytes:
    """An IPv4 header with its checksum made anew."""
    bare = header[:10] + b"\0\0" + header[12:]
    return bare[:10] + internet_checksum(bare).to_bytes(2, "big") + bare[12:]


def ipv4(
    source: Address,
    destination: Address,
    protocol: int,
    payload: bytes,
    *,
    ttl: int = 64,
    tos: int = 0,
    identification: int = 0,
    flags: int = 0,
    options: bytes = b"",
) -> bytes:
    """An IPv4 packet (RFC 791, section 3.1); ``flags`` with the fragment offset, as one word."""
    size = 20 + len(options)
    start = struct.pack(
        "!BBHHHBBH",
        0x40 | size // 4,
        tos,
        size + len(payload),
        identification,
        flags,
        ttl,
        protocol,
        0,
    )
    return with_checksum(start + source + destination + options) + payload


def ipv6(
    source: Address,
    destination: Address,
    protocol: int,
    payload: bytes,
    *,
    hop_limit: int = 64,
    traffic: int = 0,
) -> bytes:
    """An IPv6 packet (RFC 8200, section 3); ``traffic``: its class and flow label, 28 bits."""
    start = struct.pack("!IHBB", 6 << 28 | traffic, len(payload), protocol, hop_limit)
    return start + source + destination + payload


def pseudo(source: Address, destination: Address, protocol: int, length: int) -> bytes:
    """What transport checksums cover besides (RFC 9293, section 3.1; RFC 8200, section 8.1)."""
    if len(source) == 4:
        return source + destination + struct.pack("!HH", protocol, length)
    return source + destination + struct.pack("!II", length, protocol)


def icmp(type_: int, code: int, rest: bytes, data: bytes) -> bytes:
    """An ICMP message (RFC 792); ``rest``: the four bytes behind the checksum."""
    bare = bytes([type_, code, 0, 0]) + rest + data
    return bare[:2] + internet_checksum(bare).to_bytes(2, "big") + bare[4:]


def icmpv6(
    source: Address, destination: Address, type_: int, code: int, rest: bytes, data: bytes
) -> bytes:
    """An ICMPv6 message (RFC 4443, section 2.1); its checksum covers the pseudo-header, too."""
    bare = bytes([type_, code, 0, 0]) + rest + data
    sum_ = internet_checksum(pseudo(source, destination, 58, len(bare)) + bare)
    return bare[:2] + sum_.to_bytes(2, "big") + bare[4:]


def transport_valid(packet: bytes, at: int, protocol: int) -> bool:
    """Whether the checksum of TCP, UDP or ICMP at offset ``at`` is right."""
    body = packet[at:]
    if protocol == 1:
        return internet_checksum(body) == 0
    if protocol == 17 and family_of(packet) == 4 and body[6:8] == b"\0\0":
        return True
    covered = pseudo(source_of(packet), destination_of(packet), protocol, len(body))
    return internet_checksum(covered + body) == 0
