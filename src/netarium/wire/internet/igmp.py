"""The Internet Group Management Protocol (RFC 1112, RFC 2236, RFC 9776): who wants which groups."""

from __future__ import annotations

from collections.abc import Iterator

from netarium.wire.checksum import internet_checksum
from netarium.wire.context import count_of, length_of
from netarium.wire.field import REST, Bytes, Checksum, IPv4Address, Malformed, UInt
from netarium.wire.header import Header
from netarium.wire.internet.multicast_listener import RECORD_TYPES
from netarium.wire.options import Addresses
from netarium.wire.parts import Parts

__all__ = [
    "IGMP",
    "GroupRecord",
    "IGMPLeave",
    "IGMPQuery",
    "IGMPQuery3",
    "IGMPReport",
    "IGMPReport3",
]

_TYPES = {
    0x11: "query",
    0x12: "report, version 1",
    0x13: "DVMRP",
    0x14: "PIM",
    0x16: "report",
    0x17: "leave",
    0x22: "report, version 3",
    0x30: "multicast router advertisement",
    0x31: "multicast router solicitation",
    0x32: "multicast router termination",
}


class IGMP(
    Header,
    title="IGMP",
    rfc="RFC 2236, section 2",
    short="igmp",
    ip_protocol=2,
    kinds="igmp_type",
):
    """Internet Group Management Protocol: hosts tell routers which multicast groups they want."""

    type = UInt(8, "Type", "What kind of message.", default=0x16, names=_TYPES, shown="x")
    maximum_delay = UInt(8, "Max Resp Time", "Until when to answer a query, in tenths of a second.")
    checksum = Checksum(
        "Checksum",
        "Over the whole message.",
        lambda context: internet_checksum(context.raw + context.payload),
    )

    usual_hop_limit = 1

    def summary(self) -> str:
        return IGMP.type.name_of(self.type)


class _About(IGMP, title="IGMP"):
    group = IPv4Address("Group Address", "Which group; 0.0.0.0 in a query: all of them.")

    @property
    def usual_group(self) -> str:
        """The group that it is about; all hosts where it is about all groups."""
        return "224.0.0.1" if self.group == "0.0.0.0" else self.group

    def summary(self) -> str:
        group = self.group
        return f"{super().summary()}, {'all groups' if group == '0.0.0.0' else group}"


class IGMPQuery(_About, title="IGMP", rfc="RFC 2236, section 2", igmp_type=0x11):
    """Does anybody want this group?"""

    @classmethod
    def kind_at(cls, data: bytes, start: int, limit: int) -> type[Header]:
        return IGMPQuery3 if limit - start >= IGMPQuery3.minimum else cls


class IGMPQuery3(IGMPQuery, title="IGMP", rfc="RFC 9776, section 4.1"):
    """Does anybody want this group, and from which sources? Longer than the older query."""

    reserved = UInt(4, "Resv", "0.")
    suppress = UInt(1, "S", "Whether other routers shall not mind their timers.")
    robustness = UInt(3, "QRV", "How many lost messages are to do no harm.", default=2)
    interval = UInt(8, "QQIC", "Between queries, encoded.", default=125, unit="s")
    count = UInt(
        16, "Number of Sources", "In this query.", auto=lambda c: length_of("sources")(c) // 4
    )
    sources = Addresses(
        4, "Source Address", "Which sources are asked for.", size=lambda query: 4 * query.count
    )

    def end_of_header(self) -> int:
        return min(self.limit, self.start + 12 + 4 * self.count)


class IGMPReport(_About, title="IGMP", rfc="RFC 2236, section 2", igmp_type=(0x16, 0x12)):
    """I want this group."""


class IGMPLeave(_About, title="IGMP", rfc="RFC 2236, section 2", igmp_type=0x17):
    """I do not want this group any more."""

    @property
    def usual_group(self) -> str:
        """All routers of the link."""
        return "224.0.0.2"


class GroupRecord(Header, title="record", rfc="RFC 9776, section 4.2.4"):
    """What the sender wants of one group."""

    positional = ("group", "sources")
    type = UInt(8, "Record Type", "What is wanted, or changes.", default=4, names=RECORD_TYPES)
    extra_words = UInt(8, "Aux Data Len", "Of the data at the end; 0.", scale=4, unit="bytes")
    count = UInt(
        16, "Number of Sources", "In this record.", auto=lambda c: length_of("sources")(c) // 4
    )
    group = IPv4Address("Multicast Address", "Which group.")
    sources = Addresses(4, "Source Address", "Which senders.", size=lambda record: 4 * record.count)
    extra = Bytes(REST, "Auxiliary Data", "None is defined.")

    def end_of_header(self) -> int:
        return min(self.limit, self.start + 8 + 4 * self.count + 4 * self.extra_words)

    def summary(self) -> str:
        sources = f" ({', '.join(self.sources)})" if self.sources else ""
        return f"{self.group}: {GroupRecord.type.name_of(self.type)}{sources}"


def _read_records(header: Header, start: int, end: int) -> Iterator[GroupRecord]:
    at = start
    while at < end:
        record = GroupRecord.view(header.data, at, end)
        size = 8 + 4 * record.count + 4 * record.extra_words
        if at + size > end:
            raise Malformed(at, f"a record of {size} bytes is told, {end - at} bytes are there")
        yield record
        at += size


class IGMPReport3(IGMP, title="IGMP", rfc="RFC 9776, section 4.2", igmp_type=0x22):
    """Which groups I want, and from which sources."""

    reserved = UInt(16, "Reserved", "0.")
    count = UInt(
        16,
        "Number of Group Records",
        "In this report.",
        auto=count_of("records", "count"),
    )
    records = Parts("Group Records", _read_records, "One for each group.", item=GroupRecord)

    usual_group = "224.0.0.22"

    def end_of_header(self) -> int:
        return self.limit

    def summary(self) -> str:
        return f"{super().summary()}, {', '.join(part.summary() for part in self.records)}"
