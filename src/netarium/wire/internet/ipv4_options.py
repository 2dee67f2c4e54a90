"""Options of IPv4 (RFC 791, section 3.1; RFC 2113): record the way, or tell it."""

from __future__ import annotations

from collections.abc import Iterator

from netarium.wire.field import REST, Bytes, IPv4Address, UInt
from netarium.wire.header import Header
from netarium.wire.options import Addresses, Option
from netarium.wire.parts import Parts

__all__ = [
    "IPEOL",
    "IPNOP",
    "IPAddressTimestamp",
    "IPMTUProbe",
    "IPOption",
    "IPTimestamp",
    "IPTimestamps",
    "IPTraceroute",
    "LooseSourceRoute",
    "OtherIPOption",
    "RecordRoute",
    "RouterAlert",
    "SourceRoute",
    "StreamID",
    "StrictSourceRoute",
]

_KINDS = {
    0: "end of options",
    1: "no operation",
    7: "record route",
    11: "MTU probe",
    12: "MTU reply",
    68: "timestamp",
    82: "traceroute",
    130: "security",
    131: "loose source route",
    134: "commercial security",
    136: "stream identifier",
    137: "strict source route",
    148: "router alert",
}


class IPOption(Option, title="IPv4 option", rfc="RFC 791, section 3.1", kinds="ip_option"):
    """An option of IPv4: a type, and for most a length and data."""

    kind = UInt(
        8,
        "Type",
        "Which option; the highest bit: fragments have it, too.",
        default=1,
        names=_KINDS,
    )


class IPNOP(IPOption, title="no operation", rfc="RFC 791, section 3.1", ip_option=1):
    """One byte of filling, so that the next option begins at a whole word."""

    def told(self) -> int:
        return 1


class IPEOL(IPOption, title="end of options", rfc="RFC 791, section 3.1", ip_option=0):
    """What follows in the header is no option."""

    padding = Bytes(REST, "Padding", "To the end of the header, a whole word.")

    def told(self) -> int:
        return self.limit - self.start

    def end_of_header(self) -> int:
        return self.limit


class OtherIPOption(IPOption, title="option", rfc="RFC 791, section 3.1", ip_option=-1):
    """An option that netarium does not read further."""

    length = UInt(8, "Length", "Of the whole option.", unit="bytes", auto=lambda c: c.size)
    value = Bytes(REST, "Data", "What it says.")

    def summary(self) -> str:
        return IPOption.kind.name_of(self.kind)


class RecordRoute(IPOption, title="record route", rfc="RFC 791, section 3.1", ip_option=7):
    """Routers write their addresses into it, one after another."""

    positional = ("route",)
    length = UInt(8, "Length", "Of the whole option.", unit="bytes", auto=lambda c: c.size)
    pointer = UInt(8, "Pointer", "Where the next address goes, counted from 1.", default=4)
    route = Addresses(4, "Route Data", "The routers' addresses; zeros where there is room yet.")

    def summary(self) -> str:
        done = max(0, self.pointer - 4) // 4
        return f"{', '.join(self.route[:done]) or 'nothing yet'} of {len(self.route)}"


class SourceRoute(RecordRoute, title="source route", rfc="RFC 791, section 3.1"):
    """The way that a packet is to take; each router on it writes its own address there."""

    def summary(self) -> str:
        return f"{' > '.join(self.route)}, next is {max(0, self.pointer - 4) // 4 + 1}"


class LooseSourceRoute(
    SourceRoute, title="loose source route", rfc="RFC 791, section 3.1", ip_option=131
):
    """Routers that the packet must pass, by whatever ways between them."""


class StrictSourceRoute(
    SourceRoute, title="strict source route", rfc="RFC 791, section 3.1", ip_option=137
):
    """Each router that the packet must pass, and no other."""


class StreamID(IPOption, title="stream identifier", rfc="RFC 791, section 3.1", ip_option=136):
    """A stream of SATNET, long out of use."""

    positional = ("stream",)
    length = UInt(8, "Length", "Of the whole option.", unit="bytes", auto=lambda c: c.size)
    stream = UInt(16, "Stream ID", "Which stream.")

    def summary(self) -> str:
        return str(self.stream)


class RouterAlert(IPOption, title="router alert", rfc="RFC 2113, section 2.1", ip_option=148):
    """Routers on the way shall look into it, though it is not for them."""

    positional = ("value",)
    length = UInt(8, "Length", "Of the whole option.", unit="bytes", auto=lambda c: c.size)
    value = UInt(16, "Value", "0: every router shall look.", names={0: "examine the packet"})

    def summary(self) -> str:
        return RouterAlert.value.name_of(self.value)


class IPMTUProbe(IPOption, title="MTU probe", rfc="RFC 1063", ip_option=(11, 12)):
    """Routers lower it to what their next link can carry; long out of use."""

    positional = ("mtu",)
    length = UInt(8, "Length", "Of the whole option.", unit="bytes", auto=lambda c: c.size)
    mtu = UInt(16, "MTU", "The smallest so far.", unit="bytes")

    def summary(self) -> str:
        return f"{self.mtu} bytes"


class IPTraceroute(IPOption, title="traceroute", rfc="RFC 1393, section 2.2", ip_option=82):
    """Each router on the way tells the originator; long out of use."""

    length = UInt(8, "Length", "Of the whole option.", unit="bytes", auto=lambda c: c.size)
    id = UInt(16, "ID Number", "The same in the answers.")
    outbound_hops = UInt(16, "Outbound Hop Count", "Routers passed on the way there.")
    return_hops = UInt(16, "Return Hop Count", "Routers passed on the way back.", default=0xFFFF)
    originator = IPv4Address("Originator IP Address", "Whom the routers tell.")

    def summary(self) -> str:
        return f"for {self.originator}"


class IPTimestamp(Header, title="timestamp", rfc="RFC 791, section 3.1"):
    """When a router saw the packet."""

    positional = ("time",)
    time = UInt(32, "Timestamp", "Since midnight, universal time.", unit="ms")

    def summary(self) -> str:
        return f"{self.time} ms"


class IPAddressTimestamp(Header, title="timestamp", rfc="RFC 791, section 3.1"):
    """Which router saw the packet, and when."""

    positional = ("address", "time")
    address = IPv4Address("Internet Address", "The router's.")
    time = UInt(32, "Timestamp", "Since midnight, universal time.", unit="ms")

    def summary(self) -> str:
        return f"{self.address} {self.time} ms"


def _read_stamps(option: Header, start: int, end: int) -> Iterator[Header]:
    flag = option.data[option.start + 3] & 15
    kind = IPTimestamp if flag == 0 else IPAddressTimestamp
    for at in range(start, end - kind.minimum + 1, kind.minimum):
        yield kind.view(option.data, at, at + kind.minimum)


class IPTimestamps(IPOption, title="timestamp", rfc="RFC 791, section 3.1", ip_option=68):
    """Routers write into it when they saw the packet."""

    length = UInt(8, "Length", "Of the whole option.", unit="bytes", auto=lambda c: c.size)
    pointer = UInt(8, "Pointer", "Where the next time goes, counted from 1.", default=5)
    overflow = UInt(4, "Overflow", "Routers that found no room.")
    flag = UInt(
        4,
        "Flag",
        "What routers write.",
        names={0: "times", 1: "addresses and times", 3: "times at the addresses given"},
    )
    stamps = Parts("Timestamps", _read_stamps, "The times; zeros where there is room yet.")

    def summary(self) -> str:
        return f"{IPTimestamps.flag.name_of(self.flag)}, next is byte {self.pointer}"
