"""The Internet Control Message Protocol (RFC 792): questions to hosts, and their complaints."""

from __future__ import annotations

from collections.abc import Iterator

from netarium.wire.checksum import internet_checksum
from netarium.wire.context import REGISTRIES, Context, count_of
from netarium.wire.field import Checksum, IPv4Address, UInt
from netarium.wire.header import Header, Trailer
from netarium.wire.internet.icmp_extensions import ICMPExtensions, extensions_at
from netarium.wire.parts import Parts

__all__ = [
    "ICMP",
    "ICMPAddressMaskReply",
    "ICMPAddressMaskRequest",
    "ICMPDestinationUnreachable",
    "ICMPEchoReply",
    "ICMPEchoRequest",
    "ICMPErrorMessage",
    "ICMPExtendedEchoReply",
    "ICMPExtendedEchoRequest",
    "ICMPInformationReply",
    "ICMPInformationRequest",
    "ICMPParameterProblem",
    "ICMPQuery",
    "ICMPRedirect",
    "ICMPRouter",
    "ICMPRouterAdvertisement",
    "ICMPRouterSolicitation",
    "ICMPSourceQuench",
    "ICMPTimeExceeded",
    "ICMPTimestampReply",
    "ICMPTimestampRequest",
]

_TYPES = {
    0: "echo reply",
    3: "destination unreachable",
    4: "source quench",
    5: "redirect",
    8: "echo request",
    9: "router advertisement",
    10: "router solicitation",
    11: "time exceeded",
    12: "parameter problem",
    13: "timestamp request",
    14: "timestamp reply",
    15: "information request",
    16: "information reply",
    17: "address mask request",
    18: "address mask reply",
    30: "traceroute",
    40: "security failure",
    42: "extended echo request",
    43: "extended echo reply",
    253: "experiment",
    254: "experiment 2",
}
#: What the code says, by type (RFC 792, RFC 1122, RFC 1812, RFC 8335).
_CODES = {
    3: {
        0: "network unreachable",
        1: "host unreachable",
        2: "protocol unreachable",
        3: "port unreachable",
        4: "fragmentation needed",
        5: "source route failed",
        6: "network unknown",
        7: "host unknown",
        8: "source host isolated",
        9: "network prohibited",
        10: "host prohibited",
        11: "network unreachable for this type of service",
        12: "host unreachable for this type of service",
        13: "prohibited by a filter",
        14: "host precedence violation",
        15: "precedence cutoff",
    },
    5: {
        0: "for the network",
        1: "for the host",
        2: "for this service and network",
        3: "for this service and host",
    },
    11: {0: "on the way", 1: "while waiting for fragments"},
    12: {0: "at the pointer", 1: "an option is missing", 2: "bad length"},
    43: {
        0: "no error",
        1: "malformed query",
        2: "no such interface",
        3: "no such table entry",
        4: "several interfaces",
    },
}


class Code(UInt):
    """A number whose meaning depends on the type before it."""

    def __init__(self, codes: dict[int, dict[int, str]]) -> None:
        super().__init__(8, "Code", "Which of the reasons or variants that the type has.")
        self.codes = codes

    def text(self, value: int, header: Header) -> str:
        name = self.codes.get(header.data[header.start], {}).get(value)
        return f"{value} ({name})" if name else str(value)


class ICMP(Header, title="ICMP", rfc="RFC 792", short="icmp", ip_protocol=1, kinds="icmp_type"):
    """Internet Control Message Protocol: asks hosts, and tells why packets did not arrive.

    ``ICMP()`` is an echo request; ``ICMP(type="time exceeded")`` the kind of that type.
    """

    type = UInt(8, "Type", "What kind of message.", default=8, names=_TYPES)
    code = Code(_CODES)
    checksum = Checksum(
        "Checksum",
        "Over header and data.",
        lambda context: internet_checksum(context.raw + context.payload),
    )

    def summary(self) -> str:
        name = ICMP.type.name_of(self.type)
        code = _CODES.get(self.type, {}).get(self.code)
        return f"{name}, {code}" if code else name


class ICMPQuery(ICMP, title="ICMP"):
    """Base of questions and answers that carry an identifier and a sequence number."""

    identifier = UInt(
        16, "Identifier", "The same in question and answer; ping's own number.", shown="x"
    )
    sequence = UInt(16, "Sequence Number", "Counts the questions.")

    def summary(self) -> str:
        return f"{super().summary()} id={self.identifier} seq={self.sequence}"


class ICMPEchoRequest(ICMPQuery, title="ICMP", rfc="RFC 792, page 14", icmp_type=8):
    """Are you there? What ``ping`` sends."""


class ICMPEchoReply(ICMPQuery, title="ICMP", rfc="RFC 792, page 14", icmp_type=0):
    """I am here: the data of the request, sent back."""


class ICMPInformationRequest(ICMPQuery, title="ICMP", rfc="RFC 792, page 19", icmp_type=15):
    """Which network is this? Long replaced by DHCP."""


class ICMPInformationReply(ICMPQuery, title="ICMP", rfc="RFC 792, page 19", icmp_type=16):
    """The answer to an information request."""


class _Timestamps(ICMPQuery, title="ICMP", rfc="RFC 792, page 16"):
    originate = UInt(
        32, "Originate Timestamp", "When the question left, since midnight UTC.", unit="ms"
    )
    receive = UInt(
        32, "Receive Timestamp", "When the question arrived, since midnight UTC.", unit="ms"
    )
    transmit = UInt(
        32, "Transmit Timestamp", "When the answer left, since midnight UTC.", unit="ms"
    )


class ICMPTimestampRequest(_Timestamps, title="ICMP", rfc="RFC 792, page 16", icmp_type=13):
    """What time is it with you?"""


class ICMPTimestampReply(_Timestamps, title="ICMP", rfc="RFC 792, page 16", icmp_type=14):
    """The answer to a timestamp request."""


class ICMPAddressMaskRequest(ICMPQuery, title="ICMP", rfc="RFC 950, appendix I", icmp_type=17):
    """Which mask has this network?"""

    mask = IPv4Address("Address Mask", "0 in the question.")


class ICMPAddressMaskReply(ICMPQuery, title="ICMP", rfc="RFC 950, appendix I", icmp_type=18):
    """The answer to an address mask request."""

    mask = IPv4Address("Address Mask", "The mask of the network.")


class ICMPExtendedEchoRequest(ICMP, title="ICMP", rfc="RFC 8335, section 2", icmp_type=42):
    """Is this other interface of yours alive?"""

    identifier = UInt(16, "Identifier", "The same in question and answer.", shown="x")
    sequence = UInt(8, "Sequence Number", "Counts the questions.")
    reserved = UInt(7, "Reserved", "0.")
    local = UInt(1, "L", "1: an interface of the one asked; 0: of its neighbour.")


class ICMPExtendedEchoReply(ICMP, title="ICMP", rfc="RFC 8335, section 3", icmp_type=43):
    """How the other interface is."""

    identifier = UInt(16, "Identifier", "The same in question and answer.", shown="x")
    sequence = UInt(8, "Sequence Number", "Counts the questions.")
    state = UInt(3, "State", "Of the neighbour.")
    reserved = UInt(2, "Res", "0.")
    active = UInt(1, "A", "Whether the interface is active.")
    ipv4 = UInt(1, "4", "Whether it has IPv4.")
    ipv6 = UInt(1, "6", "Whether it has IPv6.")


class ICMPErrorMessage(ICMP, title="ICMP"):
    """Base of complaints about a packet, the beginning of which they quote."""

    quotes = True

    def next_header(self) -> type[Header] | None:
        return REGISTRIES["ip_version"].get(4)


class _Extensible(ICMPErrorMessage, title="ICMP", rfc="RFC 4884, section 4"):
    """Complaints that may have extensions behind the quote."""

    def payload_end(self) -> int:
        words = self.data[self.start + 5]
        return extensions_at(self.data, self.start + 8, 4 * words, self.limit)

    def checksum_end(self) -> int:
        return self.limit

    def trailer(self) -> type[Trailer]:
        return ICMPExtensions


def _quoted_words(context: Context) -> int:
    """Words of 4 bytes that the quote takes; 0 where no extensions follow it."""
    return int(context.before.get("quoted_length", 0))


class ICMPDestinationUnreachable(
    _Extensible, title="ICMP", rfc="RFC 792, page 4; RFC 1191, section 4", icmp_type=3
):
    """The packet cannot get to where it was to go."""

    unused = UInt(8, "Unused", "0.")
    quoted_length = UInt(
        8,
        "Length",
        "Of the quoted packet, where extensions follow it; else 0.",
        scale=4,
        unit="bytes",
        auto=_quoted_words,
    )
    next_hop_mtu = UInt(
        16,
        "Next-Hop MTU",
        "The largest packet that fits the next link, if fragmentation was needed.",
        unit="bytes",
    )

    def summary(self) -> str:
        if self.code == 4:
            return f"{super().summary()}, at most {self.next_hop_mtu} bytes"
        return super().summary()


class ICMPSourceQuench(
    ICMPErrorMessage, title="ICMP", rfc="RFC 792, page 10; RFC 6633", icmp_type=4
):
    """Send more slowly; no longer to be used."""

    unused = UInt(32, "Unused", "0.")


class ICMPRedirect(ICMPErrorMessage, title="ICMP", rfc="RFC 792, page 12", icmp_type=5):
    """There is a better router for this destination."""

    gateway = IPv4Address("Gateway Internet Address", "The better router.")

    def summary(self) -> str:
        return f"{super().summary()}, use {self.gateway}"


class ICMPTimeExceeded(
    _Extensible, title="ICMP", rfc="RFC 792, page 6; RFC 4884, section 4.2", icmp_type=11
):
    """The packet passed too many routers, or its fragments did not come in time."""

    unused = UInt(8, "Unused", "0.")
    quoted_length = UInt(
        8,
        "Length",
        "Of the quoted packet, where extensions follow it; else 0.",
        scale=4,
        unit="bytes",
        auto=_quoted_words,
    )
    unused2 = UInt(16, "Unused", "0.")


class ICMPParameterProblem(
    _Extensible, title="ICMP", rfc="RFC 792, page 8; RFC 4884, section 4.3", icmp_type=12
):
    """Something in the packet's header is wrong."""

    pointer = UInt(8, "Pointer", "Which byte of the quoted packet is wrong.")
    quoted_length = UInt(
        8,
        "Length",
        "Of the quoted packet, where extensions follow it; else 0.",
        scale=4,
        unit="bytes",
        auto=_quoted_words,
    )
    unused = UInt(16, "Unused", "0.")

    def summary(self) -> str:
        return f"{super().summary()}, byte {self.pointer}"


class ICMPRouter(Header, title="router", rfc="RFC 1256, section 3"):
    """A router, and how much it wants to be used."""

    positional = ("address", "preference")
    address = IPv4Address("Router Address", "The router's address on this link.")
    preference = UInt(32, "Preference Level", "The highest is used first; two's complement.")

    def summary(self) -> str:
        return self.address


def _read_routers(header: Header, start: int, end: int) -> Iterator[ICMPRouter]:
    size = 4 * max(2, header.data[header.start + 5])
    for at in range(start, end - 7, size):
        yield ICMPRouter.view(header.data, at, min(end, at + size))


class ICMPRouterAdvertisement(ICMP, title="ICMP", rfc="RFC 1256, section 3", icmp_type=9):
    """Routers on this link, as they announce themselves."""

    count = UInt(8, "Num Addrs", "How many routers.", auto=count_of("routers", "count"))
    entry_size = UInt(8, "Addr Entry Size", "In words of 4 bytes.", default=2)
    lifetime = UInt(16, "Lifetime", "How long to believe it.", default=1800, unit="s")
    routers = Parts("Routers", _read_routers, "Addresses and preferences.", item=ICMPRouter)

    def end_of_header(self) -> int:
        size = self.data[self.start + 4] * 4 * self.data[self.start + 5]
        return min(self.limit, self.start + 8 + size)


class ICMPRouterSolicitation(ICMP, title="ICMP", rfc="RFC 1256, section 3", icmp_type=10):
    """Routers, announce yourselves!"""

    reserved = UInt(32, "Reserved", "0.")
