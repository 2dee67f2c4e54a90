"""QUIC, as far as it goes in the clear: its long headers (RFC 8999, RFC 9000)."""

from __future__ import annotations

from netarium.wire.applications.dns_records import Hex
from netarium.wire.context import length_of
from netarium.wire.field import UInt
from netarium.wire.header import Header

__all__ = ["QUIC"]

_VERSIONS = {0: "version negotiation", 1: "1", 0x6B3343CF: "2"}
_TYPES = {0: "Initial", 1: "0-RTT", 2: "Handshake", 3: "Retry"}


class QUIC(Header, title="QUIC", rfc="RFC 9000, section 17.2", short="quic"):
    """QUIC: what HTTP/3 goes over; all but the beginning of its first packets is encrypted."""

    independent = True

    form = UInt(1, "Header Form", "1: a long header.", default=1)
    fixed_bit = UInt(1, "Fixed Bit", "1.", default=1)
    type = UInt(2, "Long Packet Type", "What it is, in version 1.", names=_TYPES)
    specific = UInt(4, "Type-Specific Bits", "Protected.", shown="x")
    version = UInt(32, "Version", "Of QUIC.", names=_VERSIONS, shown="x", default=1)
    destination_length = UInt(
        8, "Destination Connection ID Length", "", unit="bytes", auto=length_of("destination")
    )
    destination = Hex(
        lambda header: header.destination_length, "Destination Connection ID", "Whom it is for."
    )
    source_length = UInt(
        8, "Source Connection ID Length", "", unit="bytes", auto=length_of("source")
    )
    source = Hex(lambda header: header.source_length, "Source Connection ID", "Who sent it.")

    @classmethod
    def recognises(cls, payload: bytes) -> bool:
        """Whether a datagram begins with a long header of a version that is known."""
        if len(payload) < 7 or payload[0] & 0x80 == 0 or payload[5] > 20:
            return False
        version = int.from_bytes(payload[1:5], "big")
        return version in (1, 0x6B3343CF) and payload[0] & 0x40 != 0 and len(payload) > 20

    def summary(self) -> str:
        version = _VERSIONS.get(self.version, f"0x{self.version:08x}")
        # In version 2 the types are turned by one (RFC 9369, section 3.2).
        kind = self.type if self.version != 0x6B3343CF else (self.type - 1) % 4
        return f"version {version}, {_TYPES[kind]}"
