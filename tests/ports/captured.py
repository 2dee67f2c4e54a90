"""Packets and files of them for the tests, laid out by hand; and what Wireshark makes of files."""

from __future__ import annotations

import random
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from netarium.wire.batch import Batch

BILLION = 1_000_000_000


class Seen(NamedTuple):
    """A packet as it should be read."""

    data: bytes
    time: int = 0
    length: int = 0
    name: str = ""
    flags: int = 0
    segment: int = 0
    comment: str = ""


def frame(number: int, size: int) -> bytes:
    """An Ethernet frame of no protocol, with its number in its source address."""
    head = bytes(6) + b"\x02\x00" + number.to_bytes(4, "big") + b"\x88\xb5"
    return (head + random.Random(number).randbytes(max(size - 14, 0)))[:size]


def frames(count: int = 12, unit: int = 1) -> list[Seen]:
    """Packets of all lengths modulo 4, some cut; times in multiples of ``unit`` nanoseconds."""
    made = []
    for number in range(count):
        data = frame(number, (14, 60, 61, 62, 63, 1514, 15)[number % 7])
        time = (1_700_000_000 + 3 * number) * BILLION + (123_456_789 * number % BILLION)
        length = len(data) + (100 if number % 5 == 4 else 0)
        made.append(Seen(data, time // unit * unit, length))
    return made


def pcap(
    packets: Iterable[Seen],
    order: str = "<",
    magic: int = 0xA1B2C3D4,
    unit: int = 1000,
    version: tuple[int, int] = (2, 4),
    snaplen: int = 65535,
    network: int = 1,
    behind: bytes = b"",
    extra: bytes = b"",
    swapped: bool = False,
) -> bytes:
    """A pcap file; ``extra`` goes to the end of each record header, ``behind`` of the file's."""
    made = [struct.pack(f"{order}IHHIIII", magic, *version, 0, 0, snaplen, network), behind]
    for packet in packets:
        lengths = [len(packet.data), packet.length]
        seconds, rest = divmod(packet.time, BILLION)
        lengths = lengths[::-1] if swapped else lengths
        made.append(struct.pack(f"{order}IIII", seconds, rest // unit, *lengths))
        made += (extra, packet.data)
    return b"".join(made)


class Blocks:
    """Blocks of pcapng in a byte order."""

    def __init__(self, order: str = "<") -> None:
        self.order = order

    def pack(self, form: str, *values: int) -> bytes:
        return struct.pack(self.order + form, *values)

    def block(self, kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        size = self.pack("I", len(body) + 12)
        return self.pack("I", kind) + size + body + size

    def options(self, *options: tuple[int, bytes], end: bool = True) -> bytes:
        made = b""
        for code, value in options:
            made += self.pack("HH", code, len(value)) + value + bytes(-len(value) % 4)
        return made + (bytes(4) if made and end else b"")

    def section(self, *options: tuple[int, bytes], length: int = -1, major: int = 1) -> bytes:
        body = self.pack("IHHq", 0x1A2B3C4D, major, 0, length)
        return self.block(0x0A0D0D0A, body + self.options(*options))

    def interface(self, *options: tuple[int, bytes], link_type: int = 1, snaplen: int = 0) -> bytes:
        return self.block(1, self.pack("HHI", link_type, 0, snaplen) + self.options(*options))

    def packet(
        self,
        packet: Seen,
        *options: tuple[int, bytes],
        ticks: int | None = None,
        interface: int = 0,
    ) -> bytes:
        """An enhanced packet block; microseconds unless ``ticks`` says else."""
        ticks = packet.time // 1000 if ticks is None else ticks
        lengths = (len(packet.data), packet.length)
        body = self.pack("IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, *lengths)
        body += packet.data + bytes(-len(packet.data) % 4)
        return self.block(6, body + self.options(*options))

    def old_packet(self, packet: Seen, *options: tuple[int, bytes], drops: int = 0xFFFF) -> bytes:
        ticks = packet.time // 1000
        lengths = (len(packet.data), packet.length)
        body = self.pack("HHIIII", 0, drops, ticks >> 32, ticks & 0xFFFFFFFF, *lengths)
        body += packet.data + bytes(-len(packet.data) % 4)
        return self.block(2, body + self.options(*options))

    def simple(self, data: bytes, length: int = 0) -> bytes:
        return self.block(3, self.pack("I", length or len(data)) + data)

    def names(self, *records: tuple[int, bytes]) -> bytes:
        made = b""
        for kind, value in records:
            made += self.pack("HH", kind, len(value)) + value + bytes(-len(value) % 4)
        return self.block(4, made + bytes(4))

    def statistics(self, interface: int, *options: tuple[int, bytes]) -> bytes:
        return self.block(5, self.pack("III", interface, 0, 0) + self.options(*options))

    def number(self, value: int) -> bytes:
        return self.pack("Q", value)


def seen(batches: Iterable[Batch]) -> list[Seen]:
    """All packets of batches."""
    return [
        Seen(
            bytes(batch.frame(index)),
            batch.time[index],
            batch.length[index],
            batch.interfaces[batch.interface[index]].name,
            batch.flags[index],
            batch.segment[index],
            batch.comments.get(index, ""),
        )
        for batch in batches
        for index in range(batch.count)
    ]


def wireshark(program: str, *words: str | Path) -> str:
    """What one of Wireshark's programs prints; it must not complain."""
    done = subprocess.run(
        [program, *map(str, words)], capture_output=True, text=True, check=False, timeout=60
    )
    said = [
        line
        for line in done.stderr.splitlines()
        if line.strip("-") and not line.startswith(("Running as user", "reading from"))
    ]
    assert (done.returncode, said) == (0, [])
    return done.stdout


def tshark(path: Path, *fields: str) -> list[list[str]]:
    """These fields of each packet, as tshark prints them."""
    words = [word for field in fields for word in ("-e", field)]
    printed = wireshark("tshark", "-n", "-r", path, "-T", "fields", *words)
    return [line.split("\t") for line in printed.splitlines()]


def as_tshark_sees(packets: Iterable[Seen]) -> list[list[str]]:
    """The fields of TSHARK_FIELDS as they should be."""
    return [
        [
            f"{packet.time // BILLION}.{packet.time % BILLION:09}",
            str(len(packet.data)),
            str(packet.length),
            packet.data[6:12].hex(":"),
        ]
        for packet in packets
    ]


TSHARK_FIELDS = ("frame.time_epoch", "frame.cap_len", "frame.len", "eth.src")
