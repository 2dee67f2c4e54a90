"""pcapng is read as its draft says and as Wireshark reads it, whatever a file's byte order."""

from __future__ import annotations

import io
import socket
import struct
from fractions import Fraction

import pytest

from netarium.capture import write
from netarium.errors import NetariumError
from netarium.ports.capture_file import CaptureReader, read_batches
from tests.ports.captured import BILLION, Blocks, Seen, frame, frames, seen, tshark, wireshark

PACKETS = frames(unit=1000)
BOTH = pytest.mark.parametrize("fast", [False, True])
ORDERS = pytest.mark.parametrize("order", "<>")


def reader_of(*blocks: bytes, fast: bool = False) -> CaptureReader:
    return CaptureReader(io.BytesIO(b"".join(blocks)), fast=fast)


@BOTH
@ORDERS
def test_packets_with_all_that_is_said_of_them(order, fast):
    make = Blocks(order)
    first, second, third, fourth = PACKETS[:4]
    reader = reader_of(
        make.section((2, b"a machine"), (3, b"an OS"), (4, b"a program"), (1, b"of all")),
        make.interface(
            (2, b"h1:eth0\0\0"),
            (3, b"towards the lab; MTU 1400"),
            (11, b"\0tcp port 80"),
            (13, b"\x20"),
        ),
        make.packet(first, (2, make.pack("I", 0x602)), (1, "schön".encode())),
        make.packet(second, (1, b"one"), (2, make.pack("I", 1)), (1, b"two")),
        make.packet(third, (0x8000, b"custom"), (4, make.number(3)), (5, bytes(8))),
        make.packet(fourth, (1, b"super-frame (GSO): 45 segments of 1448 bytes"), (1, b"more")),
        fast=fast,
    )
    assert seen(reader) == [
        first._replace(name="h1:eth0", flags=0x602, comment="schön"),
        second._replace(name="h1:eth0", flags=1, comment="one\ntwo"),
        third._replace(name="h1:eth0"),
        fourth._replace(name="h1:eth0", segment=1448, comment="more"),
    ]
    (interface,) = reader.interfaces
    assert (interface.mtu, interface.description) == (1400, "towards the lab")
    assert (interface.filter, interface.fcs, interface.dropped) == ("tcp port 80", 4, 3)
    assert (reader.comment, reader.trouble, reader.format) == ("of all", "", "pcapng")


@BOTH
@ORDERS
@pytest.mark.needs("tshark")
def test_simple_and_old_packet_blocks(order, fast, tmp_path):
    make = Blocks(order)
    blocks = [
        make.section(),
        make.interface(snaplen=62),
        make.simple(PACKETS[0].data),
        make.simple(PACKETS[5].data[:62], 1514),
        make.old_packet(PACKETS[2], (2, make.pack("I", 2)), drops=5),
        make.old_packet(PACKETS[3], drops=2),
        make.old_packet(PACKETS[1]),
    ]
    reader = reader_of(*blocks, fast=fast)
    assert seen(reader) == [
        PACKETS[0]._replace(time=0),
        Seen(PACKETS[5].data[:62], 0, 1514),
        PACKETS[2]._replace(flags=2),
        PACKETS[3],
        PACKETS[1],
    ]
    assert reader.interfaces[0].dropped == 7
    if not fast:
        path = tmp_path / "old.pcapng"
        path.write_bytes(b"".join(blocks))
        lengths = [["14", "14"], ["62", "1514"], ["61", "61"], ["62", "62"], ["60", "60"]]
        assert tshark(path, "frame.cap_len", "frame.len") == lengths


@BOTH
@pytest.mark.parametrize("offset", [0, 1_000_000_000, -1_000])
@pytest.mark.parametrize(
    "resolution", [0, 3, 6, 7, 9, 12, 18, 27, 127, 0x80, 0x80 | 9, 0x80 | 20, 0x80 | 32, 0x80 | 62]
)
def test_every_resolution_of_time(resolution, offset, fast):
    make = Blocks()
    base = 2 if resolution & 0x80 else 10
    unit = Fraction(1, base ** (resolution & 0x7F))
    times = [Fraction(0), Fraction(1), Fraction(1_700_000_000) + Fraction(123456789, BILLION)]
    ticks = [int(time / unit) for time in times]
    ticks = [tick for tick in ticks if tick < 2**63]
    reader = reader_of(
        make.section(),
        make.interface((9, bytes([resolution])), (14, make.pack("q", offset))),
        *(make.packet(PACKETS[0], ticks=tick) for tick in ticks),
        fast=fast,
    )
    read = [packet.time for packet in seen(reader)]
    assert read == [int(tick * unit * BILLION // 1) + offset * BILLION for tick in ticks]


@BOTH
@pytest.mark.parametrize("resolution", [0, 6, 9, 10, 127, 0x80, 0x80 | 9, 0x80 | 64, 0xFF])
@pytest.mark.parametrize("offset", [0, 2**63 - 1, -(2**63)])
def test_times_that_cannot_be_held(resolution, offset, fast):
    make = Blocks()
    ticks = [2**64 - 1, 2**63 - 1, 2**63, 0]
    reader = reader_of(
        make.section(),
        make.interface((9, bytes([resolution])), (14, make.pack("q", offset))),
        *(make.packet(PACKETS[0], ticks=tick) for tick in ticks),
        fast=fast,
    )
    times = [packet.time for packet in seen(reader)]
    assert len(times) == 4
    assert all(-(2**63) < time < 2**63 for time in times)
    assert times == [
        packet.time
        for packet in seen(
            reader_of(
                make.section(),
                make.interface((9, bytes([resolution])), (14, make.pack("q", offset))),
                *(make.packet(PACKETS[0], ticks=tick) for tick in ticks),
                fast=not fast,
            )
        )
    ]


@BOTH
@pytest.mark.needs("tshark")
def test_sections_of_both_byte_orders_with_interfaces_of_their_own(fast, tmp_path):
    little, big = Blocks("<"), Blocks(">")
    blocks = [
        little.section((1, b"first")),
        little.interface((2, b"a")),
        little.interface((2, b"b"), (9, b"\x09"), link_type=101),
        little.packet(PACKETS[0], interface=0),
        little.packet(PACKETS[1], interface=1, ticks=PACKETS[1].time),
        little.statistics(1, (5, little.number(7))),
        big.section((1, b"second")),
        big.interface((2, b"c")),
        big.packet(PACKETS[2]),
        little.section(),
        little.interface((2, b"d")),
        little.packet(PACKETS[3]),
        little.interface((2, b"e")),
        little.packet(PACKETS[4], interface=1),
    ]
    reader = reader_of(*blocks, fast=fast)
    packets = [packet._replace(name=name) for packet, name in zip(PACKETS, "abcde", strict=False)]
    assert seen(reader) == packets
    assert [interface.name for interface in reader.interfaces] == list("abcde")
    assert [interface.dropped for interface in reader.interfaces] == [-1, 7, -1, -1, -1]
    assert [interface.link_type for interface in reader.interfaces] == [1, 101, 1, 1, 1]
    assert reader.comment == "first"
    path = tmp_path / "sections.pcapng"
    path.write_bytes(b"".join(blocks))
    stamps = [f"{p.time // BILLION}.{p.time % BILLION:09}" for p in packets]
    assert tshark(path, "frame.time_epoch") == [[stamp] for stamp in stamps]


@ORDERS
def test_names_of_addresses(order):
    make = Blocks(order)
    four, six = socket.inet_aton("10.0.0.7"), socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    reader = reader_of(
        make.section(),
        make.names(
            (1, four + b"h1.lab\0h1\0"), (9, b"something"), (2, six + b"h2.lab\0"), (1, b"\x01\x02")
        ),
        make.names((2, six), (1, four + b"later\0")),
        make.interface(),
        make.packet(PACKETS[0]),
    )
    (batch,) = reader
    assert batch.names == {"10.0.0.7": "later", "2001:db8::1": "h2.lab"}
    assert reader.names is batch.names


@BOTH
@ORDERS
def test_counts_of_interfaces(order, fast):
    make = Blocks(order)
    reader = reader_of(
        make.section(),
        make.interface(),
        make.interface(),
        make.interface(),
        make.packet(PACKETS[0], (4, make.number(1))),
        make.statistics(0, (4, make.number(10)), (5, make.number(2)), (7, make.number(3))),
        make.statistics(0, (4, make.number(20)), (5, make.number(4))),
        make.statistics(1, (6, make.number(5)), (5, b"short")),
        make.statistics(9, (5, make.number(5))),
        make.packet(PACKETS[1], (4, make.number(1)), interface=2),
        make.packet(PACKETS[1], (4, make.number(2)), interface=2),
        fast=fast,
    )
    assert len(seen(reader)) == 3
    assert [(i.received, i.dropped) for i in reader.interfaces] == [(20, 4), (-1, -1), (-1, 3)]


@BOTH
def test_blocks_that_are_nothing_to_it_are_stepped_over(fast):
    make = Blocks()
    other = [
        make.block(kind, bytes(size))
        for kind, size in (
            (0xBAD, 20),
            (0x40000BAD, 0),
            (10, 33),
            (7, 0),
            (0x80000001, 5000),
            (0, 4),
        )
    ]
    reader = reader_of(
        make.section(),
        *other,
        make.interface(),
        make.packet(PACKETS[0]),
        *other,
        make.packet(PACKETS[1]),
        *other,
        fast=fast,
    )
    assert seen(reader) == PACKETS[:2]
    assert reader.trouble == ""


def test_a_length_that_does_not_count_the_padding_is_understood():
    make = Blocks()
    body = make.pack("IIIII", 0, 0, 0, 15, 15) + frame(1, 15)
    size = make.pack("I", len(body) + 12)
    block = make.pack("I", 6) + size + body + bytes(1) + size
    assert seen(reader_of(make.section(), make.interface(), block, make.packet(PACKETS[0]))) == [
        Seen(frame(1, 15), 0, 15),
        PACKETS[0],
    ]


MAKE = Blocks()
FLAWS = {
    "a block of 8 bytes is too short": struct.pack("<III", 99, 8, 8),
    "a block of 20 bytes is too short": MAKE.block(6, bytes(8)),
    "a block of 12 bytes is too short": MAKE.block(3, b""),
    "a block of 16 bytes is too short": MAKE.block(1, bytes(4)),
    "lengths before and behind a block of 12": struct.pack("<III", 99, 12, 13),
    "a block of 4,294,967,292 bytes cannot be": struct.pack("<III", 99, 0xFFFFFFFC, 0),
    "a packet is of interface 5": MAKE.packet(PACKETS[0], interface=5),
    "a packet of 99 bytes is more": MAKE.block(6, struct.pack("<5I", 0, 0, 0, 99, 99) + bytes(9)),
    "a packet of 4,294,967,295 bytes is more": MAKE.block(
        6, struct.pack("<5I", 0, 0, 0, 0xFFFFFFFF, 99) + bytes(9)
    ),
    "a packet of 100 bytes is more": MAKE.block(3, struct.pack("<I", 100) + bytes(90)),
    "a section of neither byte order": MAKE.block(0x0A0D0D0A, bytes(16)),
    r"a section of version 2\.0 begins": MAKE.section(major=2),
    "in the middle of a packet: 11 of at least 12": bytes(11),
    "the middle of a packet: 13 of at least 100": struct.pack("<II", 6, 100) + bytes(5),
    "the middle of a packet: 8 of at least 12 bytes": MAKE.section()[:8],
    "the middle of a packet: 13 of at least 28 bytes": MAKE.section()[:13],
}


@BOTH
@pytest.mark.parametrize("said", FLAWS)
def test_what_is_wrong_is_said_after_all_packets_before_it(said, fast):
    before = [MAKE.section(), MAKE.interface(), MAKE.packet(PACKETS[0])]
    reader = reader_of(*before, FLAWS[said], fast=fast)
    assert seen(reader) == PACKETS[:1]
    assert f"breaks off at byte {sum(map(len, before)):,}: " in reader.trouble
    with pytest.raises(NetariumError, match=said):
        list(read_batches(io.BytesIO(b"".join([*before, FLAWS[said]])), fast=fast))


def test_a_simple_packet_without_an_interface():
    reader = reader_of(MAKE.section(), MAKE.simple(PACKETS[0].data))
    assert seen(reader) == []
    assert "interface 0, which is not described before it" in reader.trouble


def test_more_interfaces_than_any_machine_has():
    reader = reader_of(MAKE.section(), MAKE.interface() * 65_537, MAKE.packet(PACKETS[0]))
    assert seen(reader) == []
    assert "more than 65,536 interfaces" in reader.trouble


@BOTH
def test_each_beginning_gives_the_packets_that_are_whole(fast):
    blocks = [MAKE.section((1, b"x")), MAKE.interface((2, b"if"))]
    blocks += [MAKE.packet(packet, (2, MAKE.pack("I", 1))) for packet in PACKETS[:4]]
    whole = b"".join(blocks)
    ends = [sum(map(len, blocks[: count + 1])) for count in range(len(blocks))]
    for size in range(28, len(whole) + 1, 29 if fast else 1):
        reader = CaptureReader(io.BytesIO(whole[:size]), fast=fast)
        count = max(sum(end <= size for end in ends) - 2, 0)
        assert len(seen(reader)) == count
        assert bool(reader.trouble) == (size not in ends)


@pytest.mark.needs("tshark", "editcap", "mergecap", "text2pcap")
def test_files_of_wiresharks_programs(tmp_path):
    text, one, two = tmp_path / "hex.txt", tmp_path / "one.pcapng", tmp_path / "two.pcapng"
    text.write_text(
        "".join(f"{'IO'[n % 2]} 0000 {p.data.hex(' ')}\n" for n, p in enumerate(PACKETS))
    )
    wireshark("text2pcap", "-q", "-D", "-N", "eth7", text, one)
    assert [(p.data, p.name, p.flags) for p in seen(read_batches(one))] == [
        (p.data, "eth7", 1 + n % 2) for n, p in enumerate(PACKETS)
    ]
    wireshark("editcap", "-a", "3:a comment", "--capture-comment", "of the file", one, two)
    reader = CaptureReader(two)
    assert [p.comment for p in seen(reader)][2:4] == ["a comment", ""]
    assert reader.comment.splitlines()[1:] == ["of the file"]
    merged = tmp_path / "merged.pcapng"
    wireshark("mergecap", "-I", "none", "-w", merged, one, two)
    fields = ("frame.cap_len", "frame.interface_id", "frame.interface_name", "frame.time_epoch")
    batches = list(read_batches(merged))
    found = [
        [
            str(batch.captured[n]),
            str(batch.interface[n]),
            packet.name,
            f"{packet.time // BILLION}.{packet.time % BILLION:09}",
        ]
        for batch in batches
        for n, packet in enumerate(seen([batch]))
    ]
    assert found == tshark(merged, *fields)
    assert {line[1] for line in found} == {"0", "1"}


def test_files_of_scapy(tmp_path):
    from scapy.layers.l2 import Ether
    from scapy.utils import PcapNgReader, PcapNgWriter, PcapReader, PcapWriter

    made = [Ether(packet.data) for packet in PACKETS]
    for packet, scapy in zip(PACKETS, made, strict=True):
        scapy.time = Fraction(packet.time, BILLION)
    for path, writer in (
        (tmp_path / "big.pcap", PcapWriter(str(tmp_path / "big.pcap"), endianness=">", nano=True)),
        (tmp_path / "gz.pcap", PcapWriter(str(tmp_path / "gz.pcap"), gz=True)),
        (tmp_path / "new.pcapng", PcapNgWriter(str(tmp_path / "new.pcapng"))),
    ):
        with writer:
            writer.write(made)
        found = seen(read_batches(path))
        assert [packet.data for packet in found] == [packet.data for packet in PACKETS]
        assert all(abs(one.time - two.time) < 2000 for one, two in zip(found, PACKETS, strict=True))
    ours = tmp_path / "ours.pcapng"
    write(ours, read_batches(tmp_path / "new.pcapng"))
    write(tmp_path / "ours.pcap", read_batches(tmp_path / "big.pcap"))
    for reader in (PcapNgReader(str(ours)), PcapReader(str(tmp_path / "ours.pcap"))):
        with reader:
            assert [bytes(packet) for packet in reader] == [packet.data for packet in PACKETS]
