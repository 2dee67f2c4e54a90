"""Options of IPv6, in its hop-by-hop and destination headers (RFC 8200, section 4.2)."""

from __future__ import annotations

from netarium.wire.field import REST, Bytes, IPv6Address, UInt
from netarium.wire.options import Option

__all__ = [
    "HomeAddress",
    "IPv6Option",
    "IPv6RouterAlert",
    "JumboPayload",
    "OtherIPv6Option",
    "Pad1",
    "PadN",
    "TunnelEncapsulationLimit",
]

_KINDS = {
    0x00: "Pad1",
    0x01: "PadN",
    0x04: "tunnel encapsulation limit",
    0x05: "router alert",
    0x07: "CALIPSO",
    0x08: "SMF_DPD",
    0x26: "quick start",
    0x30: "minimum path MTU",
    0x31: "IOAM",
    0x63: "RPL",
    0x6D: "MPL",
    0x8A: "endpoint identification",
    0xC2: "jumbo payload",
    0xC9: "home address",
    0xEE: "depth-first forwarding",
}


class IPv6Option(Option, title="IPv6 option", rfc="RFC 8200, section 4.2", kinds="ip6_option"):
    """An option of IPv6: a type, a length of its data, and data."""

    kind = UInt(
        8,
        "Option Type",
        "Which option; its two highest bits: what to do where it is not known, skip or drop.",
        default=1,
        names=_KINDS,
        shown="x",
    )

    def told(self) -> int:
        return self.data[self.start + 1] + 2 if self.limit - self.start > 1 else 0


class Pad1(IPv6Option, title="Pad1", rfc="RFC 8200, section 4.2", ip6_option=0):
    """One byte of filling."""

    def told(self) -> int:
        return 1


class _Sized(IPv6Option, title="option", rfc="RFC 8200, section 4.2"):
    length = UInt(
        8, "Opt Data Len", "Of the data of this option.", unit="bytes", auto=lambda c: c.size - 2
    )


class OtherIPv6Option(_Sized, title="option", rfc="RFC 8200, section 4.2", ip6_option=-1):
    """An option that netarium does not read further."""

    value = Bytes(REST, "Option Data", "What it says.")

    def summary(self) -> str:
        return IPv6Option.kind.name_of(self.kind)


class PadN(_Sized, title="PadN", rfc="RFC 8200, section 4.2", ip6_option=1):
    """Two or more bytes of filling."""

    positional = ("padding",)
    padding = Bytes(REST, "Option Data", "Zeros.")

    def summary(self) -> str:
        return f"{self.size} bytes"


class TunnelEncapsulationLimit(
    _Sized, title="tunnel encapsulation limit", rfc="RFC 2473, section 4.1.1", ip6_option=4
):
    """How many more tunnels may be put around this one."""

    positional = ("limit_left",)
    limit_left = UInt(8, "Tun Encap Lim", "Tunnels that may still be added.", default=4)

    def summary(self) -> str:
        return str(self.limit_left)


class IPv6RouterAlert(_Sized, title="router alert", rfc="RFC 2711, section 2.1", ip6_option=5):
    """Routers on the way shall look into it, though it is not for them."""

    positional = ("value",)
    value = UInt(
        16, "Value", "Why.", names={0: "multicast listener discovery", 1: "RSVP", 2: "active nets"}
    )

    def summary(self) -> str:
        return IPv6RouterAlert.value.name_of(self.value)


class JumboPayload(_Sized, title="jumbo payload", rfc="RFC 2675, section 2", ip6_option=0xC2):
    """The payload's length, where it is more than 65535 bytes."""

    positional = ("payload_length",)
    payload_length = UInt(
        32, "Jumbo Payload Length", "All behind the IPv6 header, this included.", unit="bytes"
    )

    def summary(self) -> str:
        return f"{self.payload_length} bytes"


class HomeAddress(_Sized, title="home address", rfc="RFC 6275, section 6.3", ip6_option=0xC9):
    """Where the sender, a mobile node, is at home; it stands for the source address."""

    positional = ("address",)
    address = IPv6Address("Home Address", "The sender's lasting address.")

    def summary(self) -> str:
        return self.address
