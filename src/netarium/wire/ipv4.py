"""The Internet Protocol, version 4 (RFC 791)."""

from __future__ import annotations

from netarium.wire.checksum import header_only
from netarium.wire.field import REST, Bytes, Checksum, Flags, IPv4Address, Malformed, UInt
from netarium.wire.header import Header

__all__ = ["IP_PROTOCOLS", "IPv4"]

IP_PROTOCOLS = {
    1: "ICMP",
    2: "IGMP",
    4: "IPv4",
    6: "TCP",
    17: "UDP",
    41: "IPv6",
    47: "GRE",
    50: "ESP",
    51: "AH",
    58: "ICMPv6",
    89: "OSPF",
    132: "SCTP",
}


class IPv4(
    Header, title="IPv4", rfc="RFC 791, section 3.1", short="ip", ethertype=0x0800, ip_protocol=4
):
    """Internet Protocol version 4: from host to host across networks."""

    version = UInt(4, "Version", "4.", default=4)
    header_length = UInt(
        4,
        "IHL",
        "Length of this header in words of 4 bytes; 5 without options.",
        scale=4,
        unit="bytes",
        auto=lambda c: c.size // 4,
    )
    dscp = UInt(6, "DSCP", "What treatment routers should give it (RFC 2474).")
    ecn = UInt(
        2,
        "ECN",
        "Whether a router met congestion (RFC 3168).",
        names={0: "Not-ECT", 1: "ECT(1)", 2: "ECT(0)", 3: "CE"},
    )
    total_length = UInt(
        16,
        "Total Length",
        "Header and payload together.",
        unit="bytes",
        auto=lambda c: min(c.size + len(c.payload), 0xFFFF),
    )
    identification = UInt(
        16, "Identification", "The same in all fragments of one datagram.", shown="x"
    )
    flags = Flags("Flags", ("-", "DF", "MF"), "Don't Fragment, More Fragments.")
    fragment_offset = UInt(
        13,
        "Fragment Offset",
        "Where this fragment belongs, in units of 8 bytes.",
        scale=8,
        unit="bytes",
    )
    ttl = UInt(8, "Time to Live", "Each router takes 1 off; at 0 it is thrown away.", default=64)
    protocol = UInt(8, "Protocol", "What is inside.", names=IP_PROTOCOLS, selects="ip_protocol")
    checksum = Checksum("Header Checksum", "Over this header alone.", header_only)
    src = IPv4Address("Source Address", "Who sent it.")
    dst = IPv4Address("Destination Address", "For whom it is.")
    options = Bytes(REST, "Options", "Rarely used; routers may be told to record their way.")

    def end_of_header(self) -> int:
        if not self.data or self.limit <= self.start:
            return self.limit
        return min(self.limit, self.start + max(20, 4 * (self.data[self.start] & 15)))

    def payload_end(self) -> int:
        # Linux leaves 0 where a super-frame is longer than the field can say.
        length = self.total_length
        return self.start + length if length else self.limit

    def check(self) -> None:
        if self.header_length < 5:
            raise Malformed(
                self.start, f"a header length of {self.header_length} words; 5 is the least"
            )

    def next_header(self) -> type[Header] | None:
        return None if self.fragment_offset else super().next_header()

    def summary(self) -> str:
        return f"{self.src} > {self.dst}"
