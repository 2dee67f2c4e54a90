"""Multicast listener discovery for IPv6 (RFC 2710, RFC 9777): who wants which groups."""

from __future__ import annotations

from collections.abc import Iterator

from netarium.wire.context import count_of, length_of
from netarium.wire.field import REST, Bytes, IPv6Address, Malformed, UInt
from netarium.wire.header import Header
from netarium.wire.internet.icmpv6 import ICMPv6
from netarium.wire.options import Addresses
from netarium.wire.parts import Parts

__all__ = [
    "RECORD_TYPES",
    "GroupRecord6",
    "ListenerDone",
    "ListenerMessage",
    "ListenerQuery",
    "ListenerQuery2",
    "ListenerReport",
    "ListenerReport2",
]

RECORD_TYPES = {
    1: "only from these sources",
    2: "from all but these sources",
    3: "from now on only from these sources",
    4: "from now on from all but these sources",
    5: "these sources, too",
    6: "these sources no more",
}


class ListenerMessage(ICMPv6, title="ICMPv6", rfc="RFC 2710, section 3"):
    """Base of messages about one group."""

    maximum_delay = UInt(16, "Maximum Response Delay", "Until when to answer a query.", unit="ms")
    reserved = UInt(16, "Reserved", "0.")
    group = IPv6Address("Multicast Address", "Which group; :: in a query: all of them.")

    @property
    def usual_hop_limit(self) -> int:
        """It is for routers of this link alone."""
        return 1

    @property
    def usual_group6(self) -> str:
        """The group that it is about; all nodes where it is about all groups."""
        return "ff02::1" if self.group == "::" else self.group

    def summary(self) -> str:
        return f"{super().summary()}, {'all groups' if self.group == '::' else self.group}"


class ListenerQuery(ListenerMessage, title="ICMPv6", rfc="RFC 2710, section 3", icmp6_type=130):
    """Does anybody want this group?"""

    @classmethod
    def kind_at(cls, data: bytes, start: int, limit: int) -> type[Header]:
        return ListenerQuery2 if limit - start >= ListenerQuery2.minimum else cls


class ListenerQuery2(ListenerQuery, title="ICMPv6", rfc="RFC 9777, section 5.1"):
    """Does anybody want this group, and from which sources? Longer than the older query."""

    reserved2 = UInt(4, "Resv", "0.")
    suppress = UInt(1, "S", "Whether other routers shall not mind their timers.")
    robustness = UInt(3, "QRV", "How many lost messages are to do no harm.", default=2)
    interval = UInt(8, "QQIC", "Between queries, encoded.", default=125, unit="s")
    count = UInt(
        16, "Number of Sources", "In this query.", auto=lambda c: length_of("sources")(c) // 16
    )
    sources = Addresses(
        6, "Source Addresses", "Which sources are asked for.", size=lambda query: 16 * query.count
    )

    def end_of_header(self) -> int:
        return min(self.limit, self.start + 28 + 16 * self.count)


class ListenerReport(ListenerMessage, title="ICMPv6", rfc="RFC 2710, section 3", icmp6_type=131):
    """I want this group."""


class ListenerDone(ListenerMessage, title="ICMPv6", rfc="RFC 2710, section 3", icmp6_type=132):
    """I do not want this group any more."""

    @property
    def usual_group6(self) -> str:
        """All routers of the link."""
        return "ff02::2"


class GroupRecord6(Header, title="record", rfc="RFC 9777, section 5.2"):
    """What the sender wants of one group."""

    positional = ("group", "sources")
    type = UInt(8, "Record Type", "What is wanted, or changes.", default=4, names=RECORD_TYPES)
    extra_words = UInt(8, "Aux Data Len", "Of the data at the end; 0.", scale=4, unit="bytes")
    count = UInt(
        16, "Number of Sources", "In this record.", auto=lambda c: length_of("sources")(c) // 16
    )
    group = IPv6Address("Multicast Address", "Which group.")
    sources = Addresses(
        6, "Source Addresses", "Which senders.", size=lambda record: 16 * record.count
    )
    extra = Bytes(REST, "Auxiliary Data", "None is defined.")

    def end_of_header(self) -> int:
        return min(self.limit, self.start + 20 + 16 * self.count + 4 * self.extra_words)

    def summary(self) -> str:
        sources = f" ({', '.join(self.sources)})" if self.sources else ""
        return f"{self.group}: {GroupRecord6.type.name_of(self.type)}{sources}"


def _read_records(header: Header, start: int, end: int) -> Iterator[GroupRecord6]:
    at = start
    while at < end:
        record = GroupRecord6.view(header.data, at, end)
        size = 20 + 16 * record.count + 4 * record.extra_words
        if at + size > end:
            raise Malformed(at, f"a record of {size} bytes is told, {end - at} bytes are there")
        yield record
        at += size


class ListenerReport2(ICMPv6, title="ICMPv6", rfc="RFC 9777, section 5.2", icmp6_type=143):
    """Which groups I want, and from which sources."""

    reserved = UInt(16, "Reserved", "0.")
    count = UInt(
        16,
        "Nr of Mcast Address Records",
        "In this report.",
        auto=count_of("records", "count"),
    )
    records = Parts(
        "Multicast Address Records", _read_records, "One for each group.", item=GroupRecord6
    )

    usual_hop_limit = 1
    usual_group6 = "ff02::16"

    def end_of_header(self) -> int:
        return self.limit

    def summary(self) -> str:
        return f"{super().summary()}, {', '.join(part.summary() for part in self.records)}"
