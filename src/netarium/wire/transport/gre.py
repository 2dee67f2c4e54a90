"""Generic Routing Encapsulation (RFC 2784, RFC 2890), and its version for PPTP (RFC 2637)."""

from __future__ import annotations

from collections.abc import Callable

from netarium.wire.checksum import internet_checksum
from netarium.wire.context import Context
from netarium.wire.field import Checksum, UInt
from netarium.wire.header import Header
from netarium.wire.link.ethernet import ETHERTYPES

__all__ = ["GRE"]

_INSIDE = ETHERTYPES | {0x880B: "PPP", 0x88BE: "ERSPAN", 0x22EB: "ERSPAN III"}


def _whole(context: Context) -> int:
    return internet_checksum(context.raw + context.payload)


def _is_given(*names: str) -> Callable[[Context], int]:
    """For ``default``: 1 where one of these fields is given."""

    def default(context: Context) -> int:
        return int(any(name in context.values for name in names))

    return default


def _has_checksum(gre: GRE) -> bool:
    return bool(gre.has_checksum or gre.has_routing)


class GRE(Header, title="GRE", rfc="RFC 2784, section 2; RFC 2890", short="gre", ip_protocol=47):
    """Generic Routing Encapsulation: any protocol through an IP network."""

    insists = True
    has_checksum = UInt(
        1, "C", "Whether there is a checksum.", default=_is_given("checksum", "offset")
    )
    has_routing = UInt(1, "R", "Whether there is a source route; no longer used.")
    has_key = UInt(1, "K", "Whether there is a key.", default=_is_given("key"))
    has_sequence = UInt(
        1, "S", "Whether there is a sequence number.", default=_is_given("sequence")
    )
    reserved = UInt(9, "Reserved0", "0.", shown="x")
    version = UInt(3, "Ver", "0; 1 in PPTP.")
    protocol = UInt(
        16, "Protocol Type", "What is inside.", names=_INSIDE, shown="x", selects="ethertype"
    )
    checksum = Checksum("Checksum", "Over header and payload.", _whole, when=_has_checksum)
    offset = UInt(16, "Reserved1", "0.", when=_has_checksum)
    key = UInt(
        32, "Key", "Tells the flows within one tunnel apart.", when=lambda gre: bool(gre.has_key)
    )
    sequence = UInt(
        32, "Sequence Number", "Counts the packets.", when=lambda gre: bool(gre.has_sequence)
    )
    acknowledgment = UInt(
        32,
        "Acknowledgment Number",
        "The last packet that came, in PPTP.",
        when=lambda gre: gre.version == 1 and bool(gre.reserved & 0x10),
    )

    def end_of_header(self) -> int:
        data, start = self.data, self.start
        first = data[start]
        size = 4 + 4 * (bool(first & 0xC0) + bool(first & 0x20) + bool(first & 0x10))
        if data[start + 1] & 0x87 == 0x81:
            size += 4
        return min(self.limit, start + size)

    def next_header(self) -> type[Header] | None:
        # Source routes (RFC 1701) lie in between; nobody sends them.
        if self.version or self.has_routing:
            return None
        return super().next_header()

    def summary(self) -> str:
        return GRE.protocol.name_of(self.protocol) + (f", key {self.key}" if self.has_key else "")
