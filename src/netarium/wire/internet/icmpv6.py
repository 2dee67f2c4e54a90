"""The Internet Control Message Protocol for IPv6 (RFC 4443)."""

from __future__ import annotations

from netarium.wire.context import REGISTRIES
from netarium.wire.field import Checksum, UInt
from netarium.wire.header import Header, Trailer
from netarium.wire.internet.icmp import Code
from netarium.wire.internet.icmp_extensions import ICMPExtensions, extensions_at
from netarium.wire.pseudo_header import transport_checksum

__all__ = [
    "ICMPv6",
    "ICMPv6DestinationUnreachable",
    "ICMPv6Echo",
    "ICMPv6EchoReply",
    "ICMPv6EchoRequest",
    "ICMPv6ErrorMessage",
    "ICMPv6PacketTooBig",
    "ICMPv6ParameterProblem",
    "ICMPv6TimeExceeded",
]

_TYPES = {
    1: "destination unreachable",
    2: "packet too big",
    3: "time exceeded",
    4: "parameter problem",
    100: "experiment",
    101: "experiment 2",
    128: "echo request",
    129: "echo reply",
    130: "multicast listener query",
    131: "multicast listener report",
    132: "multicast listener done",
    133: "router solicitation",
    134: "router advertisement",
    135: "neighbour solicitation",
    136: "neighbour advertisement",
    137: "redirect",
    138: "router renumbering",
    139: "node information query",
    140: "node information reply",
    141: "inverse neighbour solicitation",
    142: "inverse neighbour advertisement",
    143: "multicast listener report 2",
    144: "home agent request",
    145: "home agent reply",
    146: "mobile prefix solicitation",
    147: "mobile prefix advertisement",
    151: "multicast router advertisement",
    152: "multicast router solicitation",
    153: "multicast router termination",
    155: "RPL",
    160: "extended echo request",
    161: "extended echo reply",
    200: "experiment 3",
    201: "experiment 4",
}
_CODES = {
    1: {
        0: "no route",
        1: "prohibited",
        2: "beyond the scope of the source",
        3: "address unreachable",
        4: "port unreachable",
        5: "source address refused",
        6: "route rejected",
        7: "error in source routing header",
    },
    3: {0: "on the way", 1: "while waiting for fragments"},
    4: {
        0: "wrong field",
        1: "unknown next header",
        2: "unknown option",
        3: "first fragment without the whole chain",
    },
}


class ICMPv6(
    Header,
    title="ICMPv6",
    rfc="RFC 4443, section 2.1",
    short="icmp6",
    ip_protocol=58,
    kinds="icmp6_type",
):
    """Internet Control Message Protocol for IPv6: errors, ping, and finding neighbours.

    ``ICMPv6()`` is an echo request; ``ICMPv6(type="time exceeded")`` the kind of that type.
    """

    type = UInt(8, "Type", "What kind of message; below 128: an error.", default=128, names=_TYPES)
    code = Code(_CODES)
    checksum = Checksum(
        "Checksum", "Over pseudo-header, header and data.", lambda c: transport_checksum(c, 58)
    )

    def summary(self) -> str:
        name = ICMPv6.type.name_of(self.type)
        code = _CODES.get(self.type, {}).get(self.code)
        return f"{name}, {code}" if code else name


class ICMPv6Echo(ICMPv6, title="ICMPv6"):
    """Base of echo request and reply."""

    identifier = UInt(
        16, "Identifier", "The same in question and answer; ping's own number.", shown="x"
    )
    sequence = UInt(16, "Sequence Number", "Counts the questions.")

    def summary(self) -> str:
        return f"{super().summary()} id={self.identifier} seq={self.sequence}"


class ICMPv6EchoRequest(ICMPv6Echo, title="ICMPv6", rfc="RFC 4443, section 4.1", icmp6_type=128):
    """Are you there? What ``ping`` sends."""


class ICMPv6EchoReply(ICMPv6Echo, title="ICMPv6", rfc="RFC 4443, section 4.2", icmp6_type=129):
    """I am here: the data of the request, sent back."""


class ICMPv6ErrorMessage(ICMPv6, title="ICMPv6"):
    """Base of complaints about a packet, the beginning of which they quote."""

    quotes = True

    def next_header(self) -> type[Header] | None:
        return REGISTRIES["ip_version"].get(6)


class _Extensible(ICMPv6ErrorMessage, title="ICMPv6", rfc="RFC 4884, section 4"):
    """Complaints that may have extensions behind the quote."""

    quoted_length = UInt(
        8,
        "Length",
        "Of the quoted packet, where extensions follow it; else 0.",
        scale=8,
        unit="bytes",
    )
    unused = UInt(24, "Unused", "0.")

    def payload_end(self) -> int:
        words = self.data[self.start + 4]
        return extensions_at(self.data, self.start + 8, 8 * words, self.limit)

    def checksum_end(self) -> int:
        return self.limit

    def trailer(self) -> type[Trailer]:
        return ICMPExtensions


class ICMPv6DestinationUnreachable(
    _Extensible, title="ICMPv6", rfc="RFC 4443, section 3.1", icmp6_type=1
):
    """The packet cannot get to where it was to go."""


class ICMPv6PacketTooBig(
    ICMPv6ErrorMessage, title="ICMPv6", rfc="RFC 4443, section 3.2", icmp6_type=2
):
    """The packet does not fit the next link; routers of IPv6 never cut one."""

    mtu = UInt(32, "MTU", "The largest packet that fits.", default=1280, unit="bytes")

    def summary(self) -> str:
        return f"{super().summary()}, at most {self.mtu} bytes"


class ICMPv6TimeExceeded(_Extensible, title="ICMPv6", rfc="RFC 4443, section 3.3", icmp6_type=3):
    """The packet passed too many routers, or its fragments did not come in time."""


class ICMPv6ParameterProblem(
    ICMPv6ErrorMessage, title="ICMPv6", rfc="RFC 4443, section 3.4", icmp6_type=4
):
    """Something in the packet's headers is wrong, or not known."""

    pointer = UInt(32, "Pointer", "Which byte of the quoted packet is wrong.")

    def summary(self) -> str:
        return f"{super().summary()}, byte {self.pointer}"
