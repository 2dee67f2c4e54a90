"""Logical link control (IEEE 802.2), SNAP, and the spanning tree that travels in it."""

from __future__ import annotations

from netarium.wire.context import REGISTRIES
from netarium.wire.field import Flags, MACAddress, UInt
from netarium.wire.header import Header
from netarium.wire.link.ethernet import ETHERTYPES

__all__ = ["LLC", "SNAP", "STP"]

_SAPS = {
    0x00: "null",
    0x06: "IP",
    0x42: "spanning tree",
    0xAA: "SNAP",
    0xE0: "NetWare",
    0xF0: "NetBIOS",
    0xFE: "ISO network layer",
    0xFF: "global",
}
_CONTROLS = {0x03: "UI", 0xAF: "XID", 0xBF: "XID", 0xE3: "TEST", 0xF3: "TEST", 0x7F: "SABME"}


class LLC(Header, title="LLC", rfc="IEEE 802.2, section 3.2", short="llc", llc_frame=0):
    """Logical Link Control: what is inside a frame that has a length and no EtherType."""

    dsap = UInt(
        8, "DSAP", "Which protocol is meant.", default=0xAA, names=_SAPS, shown="x", selects="llc"
    )
    ssap = UInt(
        8,
        "SSAP",
        "Which protocol sends.",
        default=lambda context: context.upper.numbers.get("llc", 0xAA) if context.upper else 0xAA,
        names=_SAPS,
        shown="x",
    )
    control = UInt(
        8,
        "Control",
        "What kind of frame; 3: unnumbered information, as nearly always.",
        default=3,
        names=_CONTROLS,
        shown="x",
    )
    control_more = UInt(
        8,
        "Control, second byte",
        "The sequence number received, in numbered frames.",
        shown="x",
        when=lambda llc: llc.control & 3 != 3,
    )

    @property
    def usual_destination(self) -> str:
        """Where such frames go if nobody says otherwise: to all bridges."""
        return "01:80:c2:00:00:00"

    def next_header(self) -> type[Header] | None:
        return REGISTRIES["llc"].get(self.dsap) if self.control == 3 else None

    def summary(self) -> str:
        return LLC.dsap.name_of(self.dsap)


class SNAP(Header, title="SNAP", rfc="IEEE 802, section 9", short="snap", llc=0xAA):
    """Subnetwork Access Protocol: an EtherType, or another organisation's number, within LLC."""

    oui = UInt(24, "OUI", "Whose numbers: 0 is EtherType's.", names={0: "EtherType"}, shown="x")
    protocol = UInt(
        16, "Protocol", "What is inside.", names=ETHERTYPES, shown="x", selects="ethertype"
    )

    def next_header(self) -> type[Header] | None:
        return None if self.oui else REGISTRIES["ethertype"].get(self.protocol)

    def summary(self) -> str:
        return SNAP.protocol.name_of(self.protocol) if not self.oui else f"of 0x{self.oui:06x}"


_BPDUS = {0: "configuration", 2: "rapid or multiple spanning tree", 0x80: "topology change"}


def _is_configuration(bpdu: STP) -> bool:
    return bpdu.type != 0x80


class STP(Header, title="STP", rfc="IEEE 802.1D, section 9.3", short="stp", llc=0x42):
    """Spanning Tree Protocol: bridges agree which links to use, so that no frame goes round."""

    protocol = UInt(16, "Protocol Identifier", "0.")
    version = UInt(8, "Version", "Which spanning tree.", names={0: "STP", 2: "RSTP", 3: "MSTP"})
    type = UInt(8, "BPDU Type", "What kind of message.", names=_BPDUS, shown="x")
    flags = Flags(
        "Flags",
        ("TC ack", "agreement", "forwarding", "learning", "role 2", "role 1", "proposal", "TC"),
        "Whether the topology changes, and in what state the port is.",
        when=_is_configuration,
    )
    root_priority = UInt(
        16,
        "Root Priority",
        "Of the bridge at the root of the tree; the lowest wins.",
        default=0x8000,
        when=_is_configuration,
    )
    root_mac = MACAddress("Root Address", "The bridge at the root.", when=_is_configuration)
    cost = UInt(32, "Root Path Cost", "From the sender to the root.", when=_is_configuration)
    bridge_priority = UInt(
        16, "Bridge Priority", "Of the bridge that sends.", default=0x8000, when=_is_configuration
    )
    bridge_mac = MACAddress("Bridge Address", "The bridge that sends.", when=_is_configuration)
    port = UInt(
        16,
        "Port Identifier",
        "Where it was sent.",
        default=0x8001,
        shown="x",
        when=_is_configuration,
    )
    age = UInt(16, "Message Age", "In 256ths of a second.", when=_is_configuration)
    maximum_age = UInt(
        16,
        "Max Age",
        "When to forget it; in 256ths of a second.",
        default=20 * 256,
        when=_is_configuration,
    )
    hello_time = UInt(
        16,
        "Hello Time",
        "Between two messages; in 256ths of a second.",
        default=2 * 256,
        when=_is_configuration,
    )
    forward_delay = UInt(
        16,
        "Forward Delay",
        "Before a port forwards; in 256ths of a second.",
        default=15 * 256,
        when=_is_configuration,
    )

    def payload_end(self) -> int:
        return self.end_of_header()  # what follows fills the frame up to 60 bytes

    def summary(self) -> str:
        if not _is_configuration(self):
            return "topology change"
        return f"root {self.root_priority}/{self.root_mac}, cost {self.cost}"
