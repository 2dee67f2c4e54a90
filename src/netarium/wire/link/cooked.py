"""Links that are not Ethernet: Linux's cooked capture, and BSD's loopback."""

from __future__ import annotations

from netarium.wire.context import REGISTRIES, Context
from netarium.wire.field import Bytes, UInt
from netarium.wire.header import Header
from netarium.wire.link.ethernet import ETHERTYPES

__all__ = ["CookedLinux", "CookedLinux2", "Loopback", "OpenBSDLoopback"]

_TYPES = {
    0: "to us",
    1: "broadcast",
    2: "multicast",
    3: "to somebody else",
    4: "from us",
}
_HARDWARE = {
    1: "Ethernet",
    512: "PPP",
    768: "IP in IP",
    769: "IPv6 in IPv6",
    772: "loopback",
    776: "IPv6 in IPv4",
    778: "GRE",
    65534: "none",
}
_PROTOCOLS = ETHERTYPES | {1: "802.3 without LLC", 4: "802.2 LLC"}


def _next(protocol: int) -> type[Header] | None:
    return REGISTRIES["llc_frame"][0] if protocol == 4 else REGISTRIES["ethertype"].get(protocol)


class CookedLinux(
    Header, title="Linux cooked", rfc="tcpdump.org, LINKTYPE_LINUX_SLL", short="sll", link=113
):
    """What tcpdump writes for the interface "any": the link's header is not there."""

    insists = True
    type = UInt(16, "Packet type", "Whose it is.", names=_TYPES)
    hardware = UInt(16, "ARPHRD_ type", "What kind of interface.", default=1, names=_HARDWARE)
    address_size = UInt(16, "Address length", "Of the sender's address.", default=6, unit="bytes")
    address = Bytes(8, "Address", "The card that sent it, filled up with zeros.")
    protocol = UInt(
        16, "Protocol type", "What is inside.", names=_PROTOCOLS, shown="x", selects="ethertype"
    )

    def next_header(self) -> type[Header] | None:  # type: ignore[valid-type]
        return _next(self.protocol)

    def summary(self) -> str:
        return CookedLinux.type.name_of(self.type)


class CookedLinux2(
    Header, title="Linux cooked 2", rfc="tcpdump.org, LINKTYPE_LINUX_SLL2", short="sll", link=276
):
    """What newer tcpdumps write for the interface "any"; it says which interface it was."""

    insists = True
    protocol = UInt(
        16, "Protocol type", "What is inside.", names=_PROTOCOLS, shown="x", selects="ethertype"
    )
    reserved = UInt(16, "Reserved", "0.")
    interface = UInt(32, "Interface index", "Where it was seen, as ip link numbers them.")
    hardware = UInt(16, "ARPHRD_ type", "What kind of interface.", default=1, names=_HARDWARE)
    type = UInt(8, "Packet type", "Whose it is.", names=_TYPES)
    address_size = UInt(8, "Address length", "Of the sender's address.", default=6, unit="bytes")
    address = Bytes(8, "Address", "The card that sent it, filled up with zeros.")

    def next_header(self) -> type[Header] | None:  # type: ignore[valid-type]
        return _next(self.protocol)

    def summary(self) -> str:
        return CookedLinux2.type.name_of(self.type)


#: Address families as the BSDs and macOS number them; the kernels do not agree on IPv6.
_FAMILIES = {2: "IPv4", 24: "IPv6", 28: "IPv6", 30: "IPv6", 10: "IPv6"}


class Loopback(Header, title="Loopback", rfc="tcpdump.org, LINKTYPE_NULL", short="null", link=0):
    """What BSD and macOS write for loopback: the address family, in the capturer's byte order."""

    insists = True
    family = UInt(
        32,
        "Address family",
        "What is inside; its bytes are in the order of the machine that captured.",
        default=lambda context: _family(context),
        shown="x",
    )

    @property
    def native(self) -> int:
        """The address family, whichever the byte order."""
        value = self.family
        return value if value < 1 << 16 else int.from_bytes(value.to_bytes(4, "big"), "little")

    def next_header(self) -> type[Header] | None:
        version = {"IPv4": 4, "IPv6": 6}.get(_FAMILIES.get(self.native, ""), 0)
        return REGISTRIES["ip_version"].get(version)

    def summary(self) -> str:
        return _FAMILIES.get(self.native, f"family {self.native}")


class OpenBSDLoopback(
    Loopback, title="Loopback", rfc="tcpdump.org, LINKTYPE_LOOP", short="loop", link=108
):
    """What OpenBSD writes for loopback: the address family, in network byte order."""


def _family(context: Context) -> int:
    upper = context.upper
    number = 30 if upper is not None and upper.numbers.get("ip_version") == 6 else 2
    return number if isinstance(context.header, OpenBSDLoopback) else number << 24
