"""The Transmission Control Protocol (RFC 9293)."""

from __future__ import annotations

from netarium.wire.field import Checksum, Flags, Malformed, UInt
from netarium.wire.options import check_options, header_words, one_by_one
from netarium.wire.parts import Parts
from netarium.wire.pseudo_header import transport_checksum
from netarium.wire.transport.port_numbers import WithPorts, port_of
from netarium.wire.transport.tcp_options import TCPOption

__all__ = ["TCP"]

#: The options of most segments: two NOPs and timestamps. They need no look.
_USUAL_OPTIONS = b"\x01\x01\x08\x0a"


class TCP(WithPorts, title="TCP", rfc="RFC 9293, section 3.1", short="tcp", ip_protocol=6):
    """Transmission Control Protocol: a stream of bytes between programs, whole and in order."""

    registry = "tcp"
    sport = UInt(16, "Source Port", "Which program sent it.")
    dport = UInt(16, "Destination Port", "Which program is meant.", default=port_of("tcp"))
    seq = UInt(
        32, "Sequence Number", "Place of the first byte of data in the stream; or of SYN itself."
    )
    ack = UInt(
        32, "Acknowledgment Number", "The next byte that the sender waits for, if ACK is set."
    )
    data_offset = UInt(
        4,
        "Data Offset",
        "Length of this header in words of 4 bytes; 5 without options.",
        scale=4,
        unit="bytes",
        auto=header_words,
    )
    reserved = UInt(3, "Rsrvd", "0.")
    flags = Flags(
        "Control bits",
        ("AE", "CWR", "ECE", "URG", "ACK", "PSH", "RST", "SYN", "FIN"),
        "SYN opens, FIN closes, RST breaks off, ACK acknowledges, PSH hurries; "
        "AE, CWR and ECE tell of congestion.",
        default="SYN",
    )
    window = UInt(
        16,
        "Window",
        "Bytes that the sender of this can take; the window scale option multiplies it.",
        default=65535,
    )
    checksum = Checksum(
        "Checksum", "Over pseudo-header, header and data.", lambda c: transport_checksum(c, 6)
    )
    urgent = UInt(16, "Urgent Pointer", "Where urgent data ends, if URG is set.")
    options = Parts(
        "Options",
        one_by_one(TCPOption),
        "What both sides can do, told with SYN; later mostly timestamps and SACK.",
        pad=4,
    )

    def end_of_header(self) -> int:
        end = self.start + max(20, (self.data[self.start + 12] >> 4) * 4)
        return end if end < self.limit else self.limit

    def check(self) -> None:
        start = self.start
        size = (self.data[start + 12] >> 4) * 4
        if size == 20:
            return
        if size < 20:
            raise Malformed(start + 12, f"a data offset of {size // 4} words; 5 is the least")
        if start + size > self.limit:
            there = self.limit - start
            raise Malformed(
                self.limit, f"a header of {size} bytes is told, {there} bytes are there"
            )
        if size != 32 or self.data[start + 20 : start + 24] != _USUAL_OPTIONS:
            check_options(self, TCPOption, start + 20, start + size)

    @property
    def has_syn(self) -> bool:
        """Whether it opens a connection."""
        return bool(self.data[self.start + 13] & 2)

    def summary(self) -> str:
        names = TCP.flags.names_in(self.flags)
        return f"{self.sport} > {self.dport} [{' '.join(names) or 'none'}] seq={self.seq}" + (
            f" ack={self.ack}" if "ACK" in names else ""
        )
