"""Ethernet (IEEE 802.3): frames with an EtherType, and those with a length and LLC inside."""

from __future__ import annotations

import socket

from netarium.wire.context import REGISTRIES, Context
from netarium.wire.field import MACAddress, UInt
from netarium.wire.header import Header

__all__ = [
    "ETHERTYPES",
    "LONGEST_LENGTH",
    "EtherType",
    "Ethernet",
]

ETHERTYPES = {
    0x0800: "IPv4",
    0x0806: "ARP",
    0x0842: "Wake-on-LAN",
    0x6558: "Ethernet",
    0x8035: "RARP",
    0x8100: "802.1Q",
    0x86DD: "IPv6",
    0x8808: "flow control",
    0x8809: "slow protocols",
    0x8847: "MPLS",
    0x8848: "MPLS, upstream label",
    0x8863: "PPPoE discovery",
    0x8864: "PPPoE session",
    0x888E: "802.1X",
    0x88A8: "802.1ad",
    0x88B5: "local experiment",
    0x88B6: "local experiment 2",
    0x88CC: "LLDP",
    0x88E5: "MACsec",
    0x88F7: "PTP",
    0x9000: "loopback test",
    0x9100: "802.1Q in 802.1Q, old",
}
#: Up to here an EtherType is the length of what follows (IEEE 802.3, section 3.2.6).
LONGEST_LENGTH = 1500
_EXPERIMENT = 0x88B5

_Kind = type[Header] | None  # where a field is called ``type``


def _follows(context: Context) -> int:
    """The EtherType of what is inside; its length where that is LLC."""
    upper, before = context.upper, context.before.get("type", _EXPERIMENT)
    if upper is None:
        return int(before)
    if "llc_frame" in upper.numbers:
        return min(len(context.payload), LONGEST_LENGTH)
    if isinstance(upper, REGISTRIES["ethertype"].get(before, type(None))):
        return int(before)
    return int(upper.numbers.get("ethertype", before))


class EtherType(UInt):
    """Two bytes that say what is inside; or, up to 1500, how long it is: then LLC is inside."""

    def __init__(self, label: str, meaning: str) -> None:
        super().__init__(
            16, label, meaning, names=ETHERTYPES, shown="x", selects="ethertype", auto=_follows
        )

    def text(self, value: int, header: Header) -> str:
        if value <= LONGEST_LENGTH:
            return f"{value} bytes (802.3 length)"
        return super().text(value, header)

    def next(self, header: Header) -> type[Header] | None:
        """What it announces."""
        number = int.from_bytes(header.data[header.start + self.byte :][:2], "big")
        if number <= LONGEST_LENGTH:
            return REGISTRIES["llc_frame"][0]
        return REGISTRIES["ethertype"].get(number)


def _destination(context: Context) -> str:
    """Where the sender of what is inside would send it, as far as that can be known.

    Groups have addresses that follow from theirs (RFC 1112, section 6.4; RFC 2464, section 7).
    """
    version = context.upper.numbers.get("ip_version") if context.upper else None
    if version == 6:
        raw = socket.inet_pton(socket.AF_INET6, getattr(context.upper, "dst"))  # noqa: B009
        if raw[0] == 0xFF:
            return (b"\x33\x33" + raw[12:]).hex(":")
    elif version == 4:
        raw = socket.inet_pton(socket.AF_INET, getattr(context.upper, "dst"))  # noqa: B009
        if raw[0] & 0xF0 == 0xE0:
            return bytes((1, 0, 0x5E, raw[1] & 0x7F, raw[2], raw[3])).hex(":")
    return getattr(context.upper, "usual_destination", "ff:ff:ff:ff:ff:ff")


class Ethernet(Header, title="Ethernet", rfc="IEEE 802.3", short="eth", link=1, ethertype=0x6558):
    """Frames on a LAN: who is meant, who sends, what is inside."""

    insists = True
    dst = MACAddress(
        "Destination",
        "The card that is meant; ff:ff:ff:ff:ff:ff is all of them.",
        default=_destination,
    )
    src = MACAddress("Source", "The card that sent it.", default="02:00:00:00:00:01")
    type = EtherType("EtherType", "What is inside; up to 1500: its length, and LLC is inside.")

    def payload_end(self) -> int:
        at = self.start + 12
        number = self.data[at] << 8 | self.data[at + 1]
        return self.limit if number > LONGEST_LENGTH else at + 2 + number

    def upwards(self) -> bytes:
        return self.data[self.start : self.start + 12]

    def end_of_header(self) -> int:
        return self.start + 14

    def next_header(self) -> _Kind:
        at = self.start + 12
        number = self.data[at] << 8 | self.data[at + 1]
        if number <= LONGEST_LENGTH:
            return REGISTRIES["llc_frame"][0]
        return REGISTRIES["ethertype"].get(number)

    def summary(self) -> str:
        return f"{self.src} > {self.dst}"
