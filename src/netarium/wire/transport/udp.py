"""The User Datagram Protocol (RFC 768), and its variant that checks less (RFC 3828)."""

from __future__ import annotations

from netarium.wire.checksum import internet_checksum
from netarium.wire.context import Context
from netarium.wire.field import Checksum, Malformed, UInt
from netarium.wire.pseudo_header import pseudo_header, transport_checksum
from netarium.wire.transport.port_numbers import WithPorts, port_of

__all__ = ["UDP", "UDPLite"]


def _length(context: Context) -> int:
    length = context.size + len(context.payload)
    return length if length <= 0xFFFF else 0  # a jumbogram (RFC 2675, section 4)


class UDP(WithPorts, title="UDP", rfc="RFC 768", short="udp", ip_protocol=17):
    """User Datagram Protocol: ports, a length, a checksum, and no promises."""

    registry = "udp"
    sport = UInt(16, "Source Port", "Which program sent it; 0: no answer is expected.")
    dport = UInt(16, "Destination Port", "Which program is meant.", default=port_of("udp"))
    length = UInt(16, "Length", "Header and payload together.", unit="bytes", auto=_length)
    checksum = Checksum(
        "Checksum",
        "Over pseudo-header, header and payload; 0: none was made.",
        lambda c: transport_checksum(c, 17) or 0xFFFF,
        optional=True,
    )

    def end_of_header(self) -> int:
        return self.start + 8

    def payload_end(self) -> int:
        data, start = self.data, self.start
        length = data[start + 4] << 8 | data[start + 5]
        return start + length if length else self.limit

    def check(self) -> None:
        data, start = self.data, self.start
        if data[start + 4] == 0 and 0 < data[start + 5] < 8:
            raise Malformed(
                start + 4, f"a length of {data[start + 5]} bytes is less than the header's 8"
            )

    def summary(self) -> str:
        return f"{self.sport} > {self.dport}"


def _partial_checksum(context: Context) -> int:
    whole = context.raw + context.payload
    covered = int.from_bytes(context.raw[4:6], "big") or len(whole)
    pseudo = pseudo_header(context.below, 136, len(whole))
    return internet_checksum(pseudo + whole[:covered]) or 0xFFFF


class UDPLite(WithPorts, title="UDP-Lite", rfc="RFC 3828, section 3.1", ip_protocol=136):
    """UDP whose checksum covers only the beginning: a broken picture is better than none."""

    registry = "udp"
    sport = UInt(16, "Source Port", "Which program sent it.")
    dport = UInt(16, "Destination Port", "Which program is meant.", default=port_of("udp"))
    coverage = UInt(
        16, "Checksum Coverage", "Bytes that the checksum covers; 0: all.", default=8, unit="bytes"
    )
    checksum = Checksum(
        "Checksum", "Over pseudo-header and the bytes that are covered.", _partial_checksum
    )

    def summary(self) -> str:
        return f"{self.sport} > {self.dport}"
