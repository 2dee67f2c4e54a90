"""Options of neighbour discovery (RFC 4861, section 4.6, and the RFCs that each names)."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from netarium.wire.field import REST, Bytes, Field, FieldError, IPv6Address, MACAddress, UInt
from netarium.wire.header import Header
from netarium.wire.options import Addresses, Option

__all__ = [
    "DNSSL",
    "MTU",
    "NDOption",
    "Nonce",
    "OtherNDOption",
    "PrefixInformation",
    "RDNSS",
    "RedirectedHeader",
    "RouteInformation",
    "SourceLinkLayerAddress",
    "TargetLinkLayerAddress",
]

_TYPES = {
    1: "source link-layer address",
    2: "target link-layer address",
    3: "prefix information",
    4: "redirected header",
    5: "MTU",
    14: "nonce",
    24: "route information",
    25: "recursive DNS servers",
    31: "DNS search list",
    37: "captive portal",
    38: "PREF64",
}


class NDOption(
    Option, title="neighbour discovery option", rfc="RFC 4861, section 4.6", kinds="nd_option"
):
    """An option of neighbour discovery: a type, a length in units of 8 bytes, and data."""

    kind = UInt(8, "Type", "Which option.", default=1, names=_TYPES)
    length = UInt(
        8,
        "Length",
        "Of the whole option.",
        scale=8,
        unit="bytes",
        auto=lambda c: -(-c.size // 8),
    )

    def told(self) -> int:
        return 8 * self.data[self.start + 1] if self.limit - self.start > 1 else 0


class _Filled(Bytes):
    """Bytes to the end of the option, filled up with zeros so that it is whole units long."""

    def __init__(self, before: int, label: str, meaning: str, **more: Any) -> None:
        super().__init__(REST, label, meaning, **more)
        self.before = before

    def encode(self, value: Any, header: Header) -> bytes:
        raw = super().encode(value, header)
        return raw + bytes(-(self.before + len(raw)) % 8)


class OtherNDOption(NDOption, title="option", rfc="RFC 4861, section 4.6", nd_option=-1):
    """An option that netarium does not read further."""

    value = _Filled(2, "Data", "What it says.", default=bytes(6))

    def summary(self) -> str:
        return NDOption.kind.name_of(self.kind)


class SourceLinkLayerAddress(
    NDOption, title="source link-layer address", rfc="RFC 4861, section 4.6.1", nd_option=1
):
    """The sender's card."""

    positional = ("address",)
    address = MACAddress("Link-Layer Address", "Of the sender.", default="02:00:00:00:00:01")

    def summary(self) -> str:
        return self.address


class TargetLinkLayerAddress(
    NDOption, title="target link-layer address", rfc="RFC 4861, section 4.6.1", nd_option=2
):
    """The card of the target."""

    positional = ("address",)
    address = MACAddress("Link-Layer Address", "Of the target.", default="02:00:00:00:00:01")

    def summary(self) -> str:
        return self.address


class PrefixInformation(
    NDOption, title="prefix information", rfc="RFC 4861, section 4.6.2", nd_option=3
):
    """Which addresses are on this link, and whether hosts may choose some."""

    positional = ("prefix", "prefix_length")
    prefix_length = UInt(8, "Prefix Length", "Leading bits that count.", default=64, unit="bits")
    on_link = UInt(1, "L", "Whether all these addresses are on this link.", default=1)
    autonomous = UInt(1, "A", "Whether hosts may choose their own addresses from it.", default=1)
    router_address = UInt(1, "R", "Whether the prefix is a router's whole address (RFC 6275).")
    reserved1 = UInt(5, "Reserved1", "0.")
    valid_lifetime = UInt(
        32,
        "Valid Lifetime",
        "How long such addresses work; all ones: for ever.",
        default=86400,
        unit="s",
    )
    preferred_lifetime = UInt(
        32,
        "Preferred Lifetime",
        "How long new connections should use them.",
        default=14400,
        unit="s",
    )
    reserved2 = UInt(32, "Reserved2", "0.")
    prefix = IPv6Address("Prefix", "The leading bits; the rest is 0.")

    def summary(self) -> str:
        return f"{self.prefix}/{self.prefix_length}"


class RedirectedHeader(
    NDOption, title="redirected header", rfc="RFC 4861, section 4.6.3", nd_option=4
):
    """The beginning of the packet that would have gone better by another way."""

    positional = ("packet_bytes",)
    reserved = UInt(48, "Reserved", "0.")
    packet_bytes = _Filled(8, "IP header + data", "As much of the packet as there was room for.")

    def summary(self) -> str:
        return f"{self.size - 8} bytes"


class MTU(NDOption, title="MTU", rfc="RFC 4861, section 4.6.4", nd_option=5):
    """The largest packet for this link."""

    positional = ("mtu",)
    reserved = UInt(16, "Reserved", "0.")
    mtu = UInt(32, "MTU", "All hosts on the link should use it.", default=1500, unit="bytes")

    def summary(self) -> str:
        return f"{self.mtu} bytes"


class Nonce(NDOption, title="nonce", rfc="RFC 3971, section 5.3.2", nd_option=14):
    """A random number, by which a sender knows its own question."""

    positional = ("nonce",)
    nonce = _Filled(2, "Nonce", "Random.", default=bytes(6))


class RouteInformation(
    NDOption, title="route information", rfc="RFC 4191, section 2.3", nd_option=24
):
    """Another network that this router can reach."""

    positional = ("prefix", "prefix_length")
    prefix_length = UInt(8, "Prefix Length", "Leading bits that count.", default=64, unit="bits")
    reserved1 = UInt(3, "Resvd", "0.")
    preference = UInt(2, "Prf", "Against other routers.", names={0: "medium", 1: "high", 3: "low"})
    reserved2 = UInt(3, "Resvd", "0.")
    lifetime = UInt(32, "Route Lifetime", "How long it holds.", default=1800, unit="s")
    prefix = Bytes(REST, "Prefix", "0, 8 or 16 bytes of the network's address.")

    def __init__(self, *arguments: Any, **values: Any) -> None:
        if arguments and isinstance(arguments[0], str):
            arguments = (socket.inet_pton(socket.AF_INET6, arguments[0]), *arguments[1:])
        super().__init__(*arguments, **values)

    def summary(self) -> str:
        whole = self.prefix[:16].ljust(16, b"\0")
        return f"{socket.inet_ntop(socket.AF_INET6, whole)}/{self.prefix_length}"


class RDNSS(NDOption, title="recursive DNS servers", rfc="RFC 8106, section 5.1", nd_option=25):
    """Who resolves names for hosts on this link."""

    positional = ("servers",)
    reserved = UInt(16, "Reserved", "0.")
    lifetime = UInt(32, "Lifetime", "How long to use them.", default=600, unit="s")
    servers = Addresses(6, "Addresses of IPv6 Recursive DNS Servers", "In order of preference.")

    def summary(self) -> str:
        return ", ".join(self.servers)


class _Names(Field[tuple[str, ...]]):
    """Domain names without compression, filled up with zeros (RFC 8106, section 5.2)."""

    def measure(self, header: Header, at: int) -> int:
        return max(0, header.end_of_header() - at)

    def decode(self, header: Header, bit: int, bits: int) -> tuple[str, ...]:
        raw, at = header.data[bit >> 3 : (bit + bits) >> 3], 0
        names: list[str] = []
        labels: list[str] = []
        while at < len(raw):
            size = raw[at]
            if size == 0 and not labels:
                break
            if size == 0:
                names.append(".".join(labels))
                labels = []
            else:
                labels.append(raw[at + 1 : at + 1 + size].decode("ascii", "backslashreplace"))
            at += 1 + size
        return tuple([*names, ".".join(labels)] if labels else names)

    def encode(self, value: Any, header: Header) -> bytes:
        if isinstance(value, (bytes, bytearray)):
            return bytes(value)
        names: Sequence[str] = [value] if isinstance(value, str) else value
        raw = b""
        for name in names:
            for label in name.rstrip(".").encode("idna").split(b"."):
                if not 0 < len(label) < 64:
                    raise FieldError(f"{self.label} has a label of 1 to 63 bytes, not {name!r}")
                raw += bytes([len(label)]) + label
            raw += b"\0"
        return raw + bytes(-len(raw) % 8)

    def text(self, value: tuple[str, ...], header: Header) -> str:
        return ", ".join(value) or "none"


class DNSSL(NDOption, title="DNS search list", rfc="RFC 8106, section 5.2", nd_option=31):
    """The domains in which hosts on this link look for short names."""

    positional = ("domains",)
    reserved = UInt(16, "Reserved", "0.")
    lifetime = UInt(32, "Lifetime", "How long to use them.", default=600, unit="s")
    domains = _Names(
        "Domain Names of DNS Search List", "In the order in which they are tried.", default=()
    )

    def summary(self) -> str:
        return ", ".join(self.domains)
