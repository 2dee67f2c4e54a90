"""Frames for the router's tests, made by hand so that each byte is the test's own."""

from __future__ import annotations

import socket
import struct

from netarium.router.addresses import address, mac_bytes, mac_number
from netarium.router.packets import icmp, icmpv6, ipv4, ipv6, pseudo
from netarium.wire.checksum import internet_checksum

BROADCAST = "ff:ff:ff:ff:ff:ff"


def ether(dst: str, src: str, packet: bytes, kind: int | None = None) -> bytes:
    if kind is None:
        kind = 0x0800 if packet[0] >> 4 == 4 else 0x86DD
    return (
        mac_bytes(mac_number(dst)) + mac_bytes(mac_number(src)) + struct.pack("!H", kind) + packet
    )


def ip(text: str) -> bytes:
    return address(text)


def udp(src: str, dst: str, sport: int = 4000, dport: int = 5000, data: bytes = b"x" * 18) -> bytes:
    """A UDP datagram with its checksum."""
    bare = struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
    sum_ = internet_checksum(pseudo(ip(src), ip(dst), 17, len(bare)) + bare) or 0xFFFF
    return bare[:6] + sum_.to_bytes(2, "big") + bare[8:]


def tcp(
    src: str, dst: str, sport: int = 4000, dport: int = 80, flags: int = 2, seq: int = 1000,
    ack: int = 0, data: bytes = b"",
) -> bytes:  # fmt: skip
    bare = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 8192, 0, 0) + data
    sum_ = internet_checksum(pseudo(ip(src), ip(dst), 6, len(bare)) + bare)
    return bare[:16] + sum_.to_bytes(2, "big") + bare[18:]


def v4(src: str, dst: str, protocol: int = 17, payload: bytes | None = None, **more) -> bytes:
    if payload is None:
        payload = udp(src, dst)
    more.setdefault("identification", 0x1234)
    return ipv4(ip(src), ip(dst), protocol, payload, **more)


def v6(src: str, dst: str, protocol: int = 17, payload: bytes | None = None, **more) -> bytes:
    if payload is None:
        payload = udp(src, dst)
    return ipv6(ip(src), ip(dst), protocol, payload, **more)


def echo4(src: str, dst: str, data: bytes = b"ping" * 8, number: int = 1, **more) -> bytes:
    body = icmp(8, 0, struct.pack("!HH", 77, number), data)
    return v4(src, dst, 1, body, **more)


def echo6(src: str, dst: str, data: bytes = b"ping" * 8, number: int = 1, **more) -> bytes:
    rest = struct.pack("!HH", 77, number)
    return v6(src, dst, 58, icmpv6(ip(src), ip(dst), 128, 0, rest, data), **more)


def arp(operation: int, smac: str, sender: str, tmac: str, target: str) -> bytes:
    return (
        struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation)
        + mac_bytes(mac_number(smac))
        + socket.inet_aton(sender)
        + mac_bytes(mac_number(tmac))
        + socket.inet_aton(target)
    )


def mended(packet: bytes) -> bytes:
    """An IPv4 packet whose header checksum is made right, whatever else is wrong."""
    size = min(max(20, 4 * (packet[0] & 15)), len(packet) & ~1)
    bare = packet[:10] + b"\0\0" + packet[12:]
    return bare[:10] + internet_checksum(bare[:size]).to_bytes(2, "big") + bare[12:]


def extension(kind: int, next_header: int, data: bytes = b"") -> tuple[int, bytes]:
    """A hop-by-hop, routing or destination header: its own number, and its bytes padded."""
    body = data
    size = -(-(2 + len(body)) // 8) * 8
    missing = size - 2 - len(body)
    if missing == 1:
        body += b"\0"
    elif missing:
        body += bytes([1, missing - 2]) + bytes(missing - 2)
    return kind, bytes([next_header, size // 8 - 1]) + body
