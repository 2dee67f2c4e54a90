"""Extension headers of IPv6 (RFC 8200, section 4), and those of IPsec (RFC 4302, RFC 4303)."""

from __future__ import annotations

from typing import Any

from netarium.wire.context import REGISTRIES, Context
from netarium.wire.field import REST, Bytes, Malformed, UInt
from netarium.wire.header import Header
from netarium.wire.internet.ip_protocols import IP_PROTOCOLS, NO_NEXT_HEADER
from netarium.wire.internet.ipv6_options import IPv6Option, Pad1, PadN
from netarium.wire.options import Addresses, check_options, one_by_one
from netarium.wire.parts import Parts

__all__ = [
    "AH",
    "ESP",
    "DestinationOptions",
    "HopByHop",
    "IPv6Extension",
    "IPv6Fragment",
    "OtherExtension",
    "Routing",
]


def _length(context: Context) -> int:
    return max(0, context.size - 1) // 8


class IPv6Extension(Header, title="IPv6 extension", rfc="RFC 8200, section 4"):
    """Base of extension headers: each says what comes next, and most how long they are."""

    insists = True
    next = UInt(
        8,
        "Next Header",
        "What comes behind this header.",
        default=NO_NEXT_HEADER,
        names=IP_PROTOCOLS,
        selects="ip_protocol",
    )

    def told(self) -> int:
        """Its size in bytes by its own length field."""
        return 8 * (self.data[self.start + 1] + 1)

    def upwards(self) -> bytes:
        return self.raw

    def end_of_header(self) -> int:
        return min(self.limit, self.start + max(self.minimum, self.told()))

    def check(self) -> None:
        if self.start + self.told() > self.limit:
            there = self.limit - self.start
            raise Malformed(
                self.limit, f"a header of {self.told()} bytes is told, {there} bytes are there"
            )

    def next_header(self) -> type[Header] | None:
        return REGISTRIES["ip_protocol"].get(self.data[self.start])

    def summary(self) -> str:
        return f"next is {IPv6Extension.next.name_of(self.next)}"


class _Padded(Parts):
    """Options, filled up with Pad1 or PadN so that the header ends at 8 bytes."""

    def encode(self, value: Any, header: Header) -> bytes:
        raw = super().encode(value, header)
        missing = -(len(raw) + 2) % 8
        if isinstance(value, (bytes, bytearray)) or not missing:
            return raw
        return raw + bytes(Pad1() if missing == 1 else PadN(bytes(missing - 2)))


class _OptionsHeader(IPv6Extension, title="IPv6 options", rfc="RFC 8200, section 4.2"):
    length = UInt(
        8,
        "Hdr Ext Len",
        "Of this header beyond its first 8 bytes.",
        scale=8,
        unit="bytes",
        auto=_length,
    )
    options = _Padded("Options", one_by_one(IPv6Option), "What they are for is in their types.")

    def check(self) -> None:
        super().check()
        check_options(self, IPv6Option, self.start + 2, self.end_of_header())

    def summary(self) -> str:
        pads = (Pad1, PadN)
        return ", ".join(str(one) for one in self.options if not isinstance(one, pads))


class HopByHop(
    _OptionsHeader,
    title="IPv6 hop-by-hop",
    rfc="RFC 8200, section 4.3",
    short="ip6_hbh",
    ip_protocol=0,
):
    """Options that every router on the way looks at."""


class DestinationOptions(
    _OptionsHeader,
    title="IPv6 destination options",
    rfc="RFC 8200, section 4.6",
    short="ip6_dst",
    ip_protocol=60,
):
    """Options for the destination alone."""


def _has_addresses(routing: Routing) -> bool:
    return routing.type in (0, 2)


def _is_segment_routing(routing: Routing) -> bool:
    return routing.type == 4


def _segments(routing: Routing) -> int:
    return 16 * (routing.last_entry + 1)


class Routing(
    IPv6Extension,
    title="IPv6 routing",
    rfc="RFC 8200, section 4.4",
    short="ip6_route",
    ip_protocol=43,
):
    """Places that the packet passes on its way."""

    length = UInt(
        8,
        "Hdr Ext Len",
        "Of this header beyond its first 8 bytes.",
        scale=8,
        unit="bytes",
        auto=_length,
    )
    type = UInt(
        8,
        "Routing Type",
        "What kind of way.",
        names={0: "source route, forbidden", 2: "mobility", 3: "RPL", 4: "segment routing"},
    )
    segments_left = UInt(8, "Segments Left", "Places that are still to be passed.")
    reserved = UInt(32, "Reserved", "0.", when=_has_addresses)
    route = Addresses(6, "Addresses", "The places to pass, in order.", when=_has_addresses)
    last_entry = UInt(
        8, "Last Entry", "Place of the last segment in the list.", when=_is_segment_routing
    )
    flags = UInt(8, "Flags", "None are in use.", shown="x", when=_is_segment_routing)
    tag = UInt(16, "Tag", "Marks packets of one group.", when=_is_segment_routing)
    segments = Addresses(
        6,
        "Segment List",
        "The places to pass, the last one first.",
        size=_segments,
        when=_is_segment_routing,
    )
    data_of_type = Bytes(
        REST,
        "Type-specific data",
        "What the routing type says.",
        when=lambda routing: not _has_addresses(routing),
    )

    @property
    def final_destination(self) -> str:
        """Where the packet goes in the end; empty: to the address in its IPv6 header."""
        if not self.segments_left:
            return ""
        if _is_segment_routing(self):
            return self.segments[0] if self.segments else ""
        return self.route[-1] if _has_addresses(self) and self.route else ""

    def summary(self) -> str:
        return f"{Routing.type.name_of(self.type)}, {self.segments_left} segments left"


class IPv6Fragment(
    IPv6Extension,
    title="IPv6 fragment",
    rfc="RFC 8200, section 4.5",
    short="ip6_frag",
    ip_protocol=44,
):
    """A part of a packet that was too long for a link on the way."""

    reserved = UInt(8, "Reserved", "0.")
    fragment_offset = UInt(
        13,
        "Fragment Offset",
        "Where this fragment belongs, in units of 8 bytes.",
        scale=8,
        unit="bytes",
    )
    reserved2 = UInt(2, "Res", "0.")
    more = UInt(1, "M flag", "Whether more fragments follow.", names={0: "last", 1: "more"})
    identification = UInt(
        32, "Identification", "The same in all fragments of one packet.", shown="x"
    )

    def told(self) -> int:
        return 8

    @property
    def is_fragment(self) -> bool:
        return bool(self.fragment_offset or self.more)

    def next_header(self) -> type[Header] | None:
        return None if self.fragment_offset else super().next_header()

    def summary(self) -> str:
        more = ", more follow" if self.more else ""
        return f"0x{self.identification:08x} at {8 * self.fragment_offset}{more}"


class AH(IPv6Extension, title="AH", rfc="RFC 4302, section 2", short="ah", ip_protocol=51):
    """Authentication Header of IPsec: proves that nothing was changed on the way."""

    payload_length = UInt(
        8,
        "Payload Len",
        "Of this header in words of 4 bytes, minus 2.",
        auto=lambda c: max(0, c.size // 4 - 2),
    )
    reserved = UInt(16, "RESERVED", "0.")
    spi = UInt(32, "Security Parameters Index", "Which keys; agreed upon before.", shown="x")
    sequence = UInt(32, "Sequence Number", "Counts up; a repeated packet is thrown away.")
    icv = Bytes(REST, "Integrity Check Value", "Over the packet and a secret key.")

    def told(self) -> int:
        return 4 * (self.data[self.start + 1] + 2)

    def check(self) -> None:
        if self.told() < 12:
            raise Malformed(self.start + 1, f"a header of {self.told()} bytes; 12 is the least")
        super().check()

    def summary(self) -> str:
        return f"SPI 0x{self.spi:08x}, sequence {self.sequence}"


class ESP(Header, title="ESP", rfc="RFC 4303, section 2", short="esp", ip_protocol=50):
    """Encapsulating Security Payload of IPsec: what follows is encrypted."""

    insists = True
    spi = UInt(32, "Security Parameters Index", "Which keys; agreed upon before.", shown="x")
    sequence = UInt(32, "Sequence Number", "Counts up; a repeated packet is thrown away.")

    def summary(self) -> str:
        return f"SPI 0x{self.spi:08x}, sequence {self.sequence}"


class OtherExtension(
    IPv6Extension,
    title="IPv6 extension",
    rfc="RFC 6564, section 4",
    short="ip6_ext",
    ip_protocol=(135, 139, 140),
):
    """Mobility (RFC 6275), host identity (RFC 7401) and shim6 (RFC 5533), read by length alone."""

    length = UInt(
        8,
        "Hdr Ext Len",
        "Of this header beyond its first 8 bytes.",
        scale=8,
        unit="bytes",
        auto=_length,
    )
    content = Bytes(REST, "Data", "What it says.", default=bytes(6))
