"""VLAN tags (IEEE 802.1Q), and tags around tags (802.1ad)."""

from __future__ import annotations

from netarium.wire.field import UInt
from netarium.wire.header import Header
from netarium.wire.link.ethernet import LONGEST_LENGTH, EtherType

__all__ = ["VLAN"]

_Kind = type[Header] | None  # where a field is called ``type``

_PRIORITIES = {
    0: "best effort",
    1: "background",
    2: "excellent effort",
    3: "critical applications",
    4: "video",
    5: "voice",
    6: "internetwork control",
    7: "network control",
}


class VLAN(
    Header,
    title="VLAN",
    rfc="IEEE 802.1Q, section 9.6",
    short="vlan",
    ethertype=(0x8100, 0x88A8, 0x9100),
):
    """A tag in a frame: to which of the virtual LANs on one wire it belongs."""

    insists = True
    priority = UInt(3, "PCP", "Which frames go first; 7 before all.", names=_PRIORITIES)
    drop_eligible = UInt(1, "DEI", "Whether it may be dropped before others.")
    id = UInt(12, "VID", "The number of the virtual LAN; 0: none, only a priority.")
    type = EtherType("EtherType", "What is inside; up to 1500: its length, and LLC is inside.")

    def payload_end(self) -> int:
        kind = self.type
        return self.limit if kind > LONGEST_LENGTH else self.start + 4 + kind

    def next_header(self) -> _Kind:
        return VLAN.type.next(self)

    def summary(self) -> str:
        return f"{self.id}" + (f", priority {self.priority}" if self.priority else "")
