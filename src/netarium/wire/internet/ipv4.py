"""The Internet Protocol, version 4 (RFC 791)."""

from __future__ import annotations

from netarium.wire.checksum import header_only
from netarium.wire.context import REGISTRIES, Context
from netarium.wire.field import Checksum, Flags, IPv4Address, Malformed, UInt
from netarium.wire.header import Header
from netarium.wire.internet.ip_protocols import EXPERIMENT, IP_PROTOCOLS
from netarium.wire.internet.ipv4_options import IPOption, SourceRoute
from netarium.wire.options import check_options, header_words, one_by_one
from netarium.wire.parts import Parts

__all__ = ["IPv4"]

#: Extension headers of IPv6, which mean nothing in IPv4.
_IPV6_ONLY = frozenset({0, 43, 44, 60})


def _total_length(context: Context) -> int:
    length = context.size + len(context.payload)
    return length if length <= 0xFFFF else 0  # as Linux leaves it in frames that long


class IPv4(
    Header,
    title="IPv4",
    rfc="RFC 791, section 3.1",
    short="ip",
    link=228,
    ethertype=0x0800,
    ip_protocol=4,
    ip_version=4,
):
    """Internet Protocol version 4: from host to host across networks."""

    insists = True
    version = UInt(4, "Version", "4.", default=4)
    header_length = UInt(
        4,
        "IHL",
        "Length of this header in words of 4 bytes; 5 without options.",
        scale=4,
        unit="bytes",
        auto=header_words,
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
        "Header and payload together; 0 in super-frames that are longer than it can tell.",
        unit="bytes",
        auto=_total_length,
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
    ttl = UInt(
        8,
        "Time to Live",
        "Each router takes 1 off; at 0 it is thrown away.",
        default=lambda c: getattr(c.upper, "usual_hop_limit", 64),
    )
    protocol = UInt(
        8,
        "Protocol",
        "What is inside.",
        default=EXPERIMENT,
        names=IP_PROTOCOLS,
        selects="ip_protocol",
    )
    checksum = Checksum("Header Checksum", "Over this header alone.", header_only)
    src = IPv4Address("Source Address", "Who sent it.")
    dst = IPv4Address(
        "Destination Address",
        "For whom it is.",
        default=lambda c: getattr(c.upper, "usual_group", "0.0.0.0"),
    )
    options = Parts(
        "Options",
        one_by_one(IPOption),
        "Rarely used: routers may be told to record the way, or which way to take.",
        pad=4,
    )

    def end_of_header(self) -> int:
        if self.limit <= self.start:
            return self.limit
        return min(self.limit, self.start + max(20, 4 * (self.data[self.start] & 15)))

    def payload_end(self) -> int:
        data, start = self.data, self.start
        length = data[start + 2] << 8 | data[start + 3]
        # Linux leaves 0 where a super-frame is longer than the field can say.
        return start + length if length else self.limit

    def check(self) -> None:
        data, start = self.data, self.start
        first = data[start]
        length = data[start + 2] << 8 | data[start + 3]
        if first == 0x45 and length >= 20:
            return
        if first >> 4 != 4:
            raise Malformed(start, f"a version of {first >> 4} in an IPv4 header")
        size = 4 * (first & 15)
        if size < 20:
            raise Malformed(start, f"a header length of {size // 4} words; 5 is the least")
        if 0 < length < size:
            raise Malformed(
                start + 2, f"a total length of {length} bytes is less than the header's {size}"
            )
        if start + size > self.limit:
            raise Malformed(
                self.limit,
                f"a header of {size} bytes is told, {self.limit - start} bytes are there",
            )
        check_options(self, IPOption, start + 20, start + size)

    def upwards(self) -> bytes:
        return self.data[self.start + 12 : self.end_of_header()]

    @property
    def is_fragment(self) -> bool:
        data, start = self.data, self.start
        return bool((data[start + 6] & 0x3F) | data[start + 7])

    @property
    def final_destination(self) -> str:
        """Where it goes in the end: behind all hops of a source route, if it has one.

        That is the address in the checksums of TCP and UDP (RFC 1122, section 3.2.1.8).
        """
        if self.data[self.start] & 15 > 5:
            for option in self.options:
                if isinstance(option, SourceRoute) and option.route:
                    ahead = option.pointer <= option.size
                    return option.route[-1] if ahead else self.dst
        return self.dst

    def next_header(self) -> type[Header] | None:
        data, start = self.data, self.start
        if data[start + 6] & 0x1F or data[start + 7]:
            return None
        protocol = data[start + 9]
        return None if protocol in _IPV6_ONLY else REGISTRIES["ip_protocol"].get(protocol)

    def summary(self) -> str:
        return f"{self.src} > {self.dst}"
