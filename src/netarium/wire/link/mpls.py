"""Labels of MPLS (RFC 3032)."""

from __future__ import annotations

from netarium.wire.context import REGISTRIES
from netarium.wire.field import UInt
from netarium.wire.header import Header

__all__ = ["MPLS"]

_LABELS = {0: "IPv4 explicit null", 1: "router alert", 2: "IPv6 explicit null", 3: "implicit null"}


class MPLS(
    Header,
    title="MPLS",
    rfc="RFC 3032, section 2.1",
    short="mpls",
    ethertype=(0x8847, 0x8848),
    ip_protocol=137,
):
    """Multiprotocol Label Switching: routers follow labels, not addresses."""

    insists = True
    label = UInt(20, "Label", "Which way; each router may change it.", names=_LABELS)
    traffic_class = UInt(3, "TC", "What treatment it should get (RFC 5462).")
    bottom = UInt(
        1,
        "S",
        "Whether this is the last label.",
        default=lambda c: int(not isinstance(c.upper, MPLS)),
    )
    ttl = UInt(8, "TTL", "Each router takes 1 off; at 0 it is thrown away.", default=64)

    def next_header(self) -> type[Header] | None:
        if not self.bottom:
            return MPLS
        at = self.start + 4
        version = self.data[at] >> 4 if at < self.limit else 0
        return REGISTRIES["ip_version"].get(version)

    def summary(self) -> str:
        return f"label {self.label}"
