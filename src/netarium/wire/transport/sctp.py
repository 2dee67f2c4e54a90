"""The common header of the Stream Control Transmission Protocol (RFC 9260)."""

from __future__ import annotations

import functools

from netarium.wire.context import Context
from netarium.wire.field import Checksum, UInt
from netarium.wire.header import Header

__all__ = ["SCTP", "crc32c"]


@functools.cache
def _table() -> list[int]:
    """The polynomial 0x1EDC6F41, bits reflected (RFC 9260, appendix A)."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ 0x82F63B78 if byte & 1 else byte >> 1
        table.append(byte)
    return table


def crc32c(data: bytes) -> int:
    """The checksum of SCTP over a packet whose own field is zero, as the field holds it."""
    table, crc = _table(), 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return int.from_bytes((crc ^ 0xFFFFFFFF).to_bytes(4, "little"), "big")


class _CRC32c(Checksum):
    def __init__(self, label: str, meaning: str) -> None:
        super().__init__(label, meaning, _whole)
        self.bits = 32


def _whole(context: Context) -> int:
    return crc32c(context.raw + context.payload)


class SCTP(Header, title="SCTP", rfc="RFC 9260, section 3.1", short="sctp", ip_protocol=132):
    """Stream Control Transmission Protocol: messages in several streams, whole and in order."""

    sport = UInt(16, "Source Port Number", "Which program sent it.")
    dport = UInt(16, "Destination Port Number", "Which program is meant.")
    tag = UInt(32, "Verification Tag", "Shows that it belongs to the association.", shown="x")
    checksum = _CRC32c("Checksum", "CRC32c over the whole packet.")

    def summary(self) -> str:
        return f"{self.sport} > {self.dport}"
