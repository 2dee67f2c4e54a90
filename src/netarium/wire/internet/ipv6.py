"""The Internet Protocol, version 6 (RFC 8200)."""

from __future__ import annotations

from typing import Any

from netarium.wire.context import REGISTRIES, Context
from netarium.wire.field import IPv6Address, Malformed, UInt
from netarium.wire.header import Header
from netarium.wire.internet.ip_protocols import IP_PROTOCOLS, NO_NEXT_HEADER
from netarium.wire.internet.ipv6_extensions import IPv6Extension

__all__ = ["IPv6"]


def _payload_length(context: Context) -> int:
    length = len(context.payload)
    return length if length <= 0xFFFF else 0  # then a jumbo option tells (RFC 2675)


def _usual(context: Context, name: str, otherwise: Any) -> Any:
    """What the sender of what is inside would choose; extension headers do not matter."""
    inside = (layer for layer in context.above if not isinstance(layer, IPv6Extension))
    return getattr(next(inside, None), name, otherwise)


class IPv6(
    Header,
    title="IPv6",
    rfc="RFC 8200, section 3",
    short="ip6",
    link=229,
    ethertype=0x86DD,
    ip_protocol=41,
    ip_version=6,
):
    """Internet Protocol version 6: from host to host across networks, with room for all."""

    insists = True
    version = UInt(4, "Version", "6.", default=6)
    dscp = UInt(
        6, "DSCP", "Upper part of the Traffic Class: what treatment it should get (RFC 2474)."
    )
    ecn = UInt(
        2,
        "ECN",
        "Lower part of the Traffic Class: whether a router met congestion (RFC 3168).",
        names={0: "Not-ECT", 1: "ECT(1)", 2: "ECT(0)", 3: "CE"},
    )
    flow_label = UInt(
        20, "Flow Label", "The same in all packets of one flow; 0: not used.", shown="x"
    )
    payload_length = UInt(
        16,
        "Payload Length",
        "All behind this header, extension headers too; 0 where a jumbo option tells it.",
        unit="bytes",
        auto=_payload_length,
    )
    next = UInt(
        8,
        "Next Header",
        "What is inside: an extension header, or what IPv4 calls the protocol.",
        default=NO_NEXT_HEADER,
        names=IP_PROTOCOLS,
        selects="ip_protocol",
    )
    hop_limit = UInt(
        8,
        "Hop Limit",
        "Each router takes 1 off; at 0 it is thrown away.",
        default=lambda c: _usual(c, "usual_hop_limit", 64),
    )
    src = IPv6Address("Source Address", "Who sent it.")
    dst = IPv6Address(
        "Destination Address",
        "For whom it is.",
        default=lambda c: _usual(c, "usual_group6", "::"),
    )

    def end_of_header(self) -> int:
        return self.start + 40

    def payload_end(self) -> int:
        data, start = self.data, self.start
        length = data[start + 4] << 8 | data[start + 5]
        if length:
            return start + 40 + length
        if data[start + 6] == NO_NEXT_HEADER:
            return start + 40
        return start + 40 + self.jumbo if self.jumbo else self.limit

    def upwards(self) -> bytes:
        return self.data[self.start + 8 : self.start + 40]

    @property
    def jumbo(self) -> int:
        """The length that a jumbo option tells (RFC 2675, section 2); 0 where there is none."""
        data, at = self.data, self.start + 40
        if data[self.start + 6] != 0 or self.limit - at < 8:
            return 0
        end = min(self.limit, at + 8 * (data[at + 1] + 1))
        at += 2
        while at < end - 1:
            if data[at : at + 2] == b"\xc2\x04" and at + 6 <= end:
                return int.from_bytes(data[at + 2 : at + 6], "big")
            at += data[at + 1] + 2 if data[at] else 1
        return 0

    def check(self) -> None:
        if self.data[self.start] >> 4 != 6:
            raise Malformed(
                self.start, f"a version of {self.data[self.start] >> 4} in an IPv6 header"
            )
        data, start = self.data, self.start
        may_be_jumbo = not (data[start + 4] or data[start + 5] or data[start + 6])
        if may_be_jumbo and 0 < self.jumbo <= 0xFFFF:
            raise Malformed(
                start + 40,
                f"a jumbo payload length of {self.jumbo} bytes; 65536 is the least",
                goes_on=True,
            )

    def next_header(self) -> type[Header] | None:
        return REGISTRIES["ip_protocol"].get(self.data[self.start + 6])

    def summary(self) -> str:
        return f"{self.src} > {self.dst}"
