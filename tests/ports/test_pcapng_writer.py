"""What PcapngWriter writes, Wireshark opens without a word, and netarium reads back the same."""

from __future__ import annotations

import io
import struct
from array import array
from pathlib import Path

import pytest

from netarium.errors import NetariumError
from netarium.ports.capture_file import CaptureReader
from netarium.ports.pcapng import PcapngWriter
from netarium.wire.batch import (
    CHECKSUM_NOT_READY,
    CHECKSUM_VALID,
    OUTBOUND,
    SEGMENTED_LATER,
    Batch,
    Interface,
)
from tests.ports.captured import (
    BILLION,
    TSHARK_FIELDS,
    Seen,
    as_tshark_sees,
    frame,
    frames,
    seen,
    tshark,
    wireshark,
)

NAMES = ("h1:eth0", "r1:eth0", "docker0", "veth-ä")


def batch_of(packets: list[Seen], interfaces: list[Interface]) -> Batch:
    """Packets as a batch, their interfaces by name."""
    names = [interface.name for interface in interfaces]
    batch = Batch(memoryview(b"".join(packet.data for packet in packets)), len(packets))
    batch.interfaces = interfaces
    at = 0
    for index, packet in enumerate(packets):
        batch.start.append(at)
        at += len(packet.data)
        batch.captured.append(len(packet.data))
        batch.length.append(packet.length)
        batch.time.append(packet.time)
        batch.interface.append(names.index(packet.name))
        batch.flags.append(packet.flags)
        batch.segment.append(packet.segment)
        if packet.comment:
            batch.comments[index] = packet.comment
    return batch


def tcp_frame(payload: int, *, tagged: bool = False, version: int = 4) -> bytes:
    """Ethernet, IP and TCP headers before a payload."""
    tcp = struct.pack("!HHIIBBHHH", 1, 2, 3, 4, 0x80, 0x10, 5, 0, 0) + bytes(12)
    length = min(20 + 32 + payload, 0xFFFF)
    if version == 4:
        ip = struct.pack("!BBHHHBBH", 0x45, 0, length, 0, 0, 64, 6, 0) + b"\x0a\0\0\1\x0a\0\0\2"
        kind = b"\x08\x00"
    else:
        ip = struct.pack("!IHBB", 6 << 28, 32 + payload, 6, 64) + bytes(32)
        kind = b"\x86\xdd"
    tag = b"\x81\0\0\5" if tagged else b""
    return bytes(12) + tag + kind + ip + tcp + bytes(payload)


def vxlan_frame(payload: int) -> bytes:
    inner = b"\x08\0\0\0\0\0\5\0" + tcp_frame(payload)
    udp = struct.pack("!HHHH", 9, 4789, 8 + len(inner), 0)
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 28 + len(inner), 0, 0, 64, 17, 0) + bytes(8)
    return bytes(12) + b"\x08\0" + ip + udp + inner


def super_frame(data: bytes, segment: int) -> Seen:
    flags = OUTBOUND | CHECKSUM_NOT_READY | SEGMENTED_LATER
    return Seen(data, 5 * BILLION, len(data), "h1:eth0", flags, segment)


def everything() -> tuple[list[Seen], list[Interface]]:
    flags = (0, OUTBOUND | CHECKSUM_NOT_READY, CHECKSUM_VALID | 1, SEGMENTED_LATER, 0)
    packets = [
        packet._replace(
            name=NAMES[number % 4],
            flags=flags[number % 5],
            comment="" if number % 3 else f"comment {number}: ü",
        )
        for number, packet in enumerate(frames(20))
    ]
    interfaces = [
        Interface(name, mtu=1400 * (number % 2), description="x" * number, filter="ip" * number)
        for number, name in enumerate(NAMES)
    ]
    return packets, interfaces


@pytest.mark.needs("tshark", "capinfos", "editcap")
@pytest.mark.parametrize("fast", [False, True])
def test_all_that_is_known_of_packets_is_kept(fast, tmp_path):
    packets, interfaces = everything()
    path = tmp_path / "all.pcapng"
    with path.open("wb", buffering=0) as file:
        writer = PcapngWriter(file, comment="über alles", lab="name: two-hosts\n")
        assert [writer.add_interface(interface) for interface in interfaces[:2]] == [0, 1]
        writer.write(batch_of(packets[:9], interfaces), fast=fast)
        assert writer.add_interface(interfaces[3]) == 3
        writer.write(batch_of(packets[9:], interfaces), fast=fast)
        writer.statistics(
            interfaces[0], received=100, dropped=7, start=BILLION, end=1_700_000_060 * BILLION
        )
        writer.close()
    reader = CaptureReader(path)
    assert seen(reader) == packets
    interfaces[0].received, interfaces[0].dropped = 100, 7
    assert reader.interfaces == interfaces
    assert (reader.lab, reader.comment, reader.trouble) == ("name: two-hosts\n", "über alles", "")
    fields = (*TSHARK_FIELDS, "frame.interface_name", "frame.packet_flags", "frame.comment")
    expected = [
        [*line, packet.name, f"0x{packet.flags:08x}" if packet.flags else "", packet.comment]
        for line, packet in zip(as_tshark_sees(packets), packets, strict=True)
    ]
    assert tshark(path, *fields) == expected
    told = wireshark("capinfos", path)
    for words in ("über alles", "netarium", "name: two-hosts", "veth-ä", "Number of packets = 5"):
        assert words in told
    wireshark("editcap", path, tmp_path / "again.pcapng")
    again = CaptureReader(tmp_path / "again.pcapng")
    assert seen(again) == packets
    assert again.lab == "name: two-hosts\n"


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("fast", [False, True])
def test_super_frames_tell_their_segments(fast, tmp_path):
    made = [
        (tcp_frame(14480), 1448, 10),
        (tcp_frame(14481, tagged=True), 1448, 11),
        (tcp_frame(2000, version=6), 1428, 2),
        (tcp_frame(70_000), 1448, 49),
        (vxlan_frame(2800), 1400, 2),
        (bytes(100), 50, 2),
    ]
    packets = [super_frame(data, segment) for data, segment, _ in made]
    packets[0] = packets[0]._replace(comment="and this")
    path = tmp_path / "super.pcapng"
    with path.open("wb") as file:
        PcapngWriter(file).write(batch_of(packets, [Interface("h1:eth0")]), fast=fast)
    assert seen(CaptureReader(path)) == packets
    comments = [line[0] for line in tshark(path, "frame.comment")]
    assert comments[0].startswith("super-frame (GSO): 10 segments of 1448 bytes,and this")
    assert comments[1:] == [
        f"super-frame (GSO): {count} segments of {segment} bytes" for _, segment, count in made[1:]
    ]


@pytest.mark.parametrize("length", [0, 1, 10, 65_400, 65_500, 300_000])
@pytest.mark.needs("tshark")
def test_a_lab_file_of_any_length_comes_back(length, tmp_path):
    lab = ("name: ä€😀\n" * (length // 10 + 1))[:length]
    path = tmp_path / "lab.pcapng"
    with path.open("wb") as file:
        writer = PcapngWriter(file, lab=lab)
        writer.write(batch_of(frames(1)[:1], [Interface()]))
    with CaptureReader(path) as reader:  # all before the first packet is known at once
        assert (reader.lab, reader.comment) == (lab, "")
    assert tshark(path, "frame.len") == [["14"]]


class Writes(io.RawIOBase):
    """Remembers each write."""

    def __init__(self, most: int = 1 << 60) -> None:
        self.most = most
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self.pieces.append(bytes(data[: self.most]))
        return len(self.pieces[-1])


def test_the_file_is_whole_after_each_write():
    packets, interfaces = everything()
    file = Writes()
    writer = PcapngWriter(file)
    for packet in packets:
        writer.write(batch_of([packet], interfaces))
    writer.statistics(interfaces[0], received=1)
    assert len(file.pieces) == 1 + len(packets) + 1
    for count in range(1, len(file.pieces) + 1):
        reader = CaptureReader(io.BytesIO(b"".join(file.pieces[:count])))
        assert seen(reader) == packets[: count - 1]
        assert reader.trouble == ""


def test_a_write_that_takes_less_is_continued():
    packets, interfaces = everything()
    file, whole = Writes(most=100), Writes()
    for target in (file, whole):
        PcapngWriter(target).write(batch_of(packets, interfaces))
    assert b"".join(file.pieces) == b"".join(whole.pieces)


def test_a_full_disk_is_told():
    said = pytest.raises(NetariumError, match="/dev/full cannot be written: No space left")
    with Path("/dev/full").open("wb", buffering=0) as file, said:
        PcapngWriter(file)


def test_counts_that_interfaces_have_are_told_at_the_end_and_only_once():
    packets, interfaces = everything()
    interfaces[1].received, interfaces[1].dropped = 50, 3
    interfaces[2].dropped = 0
    interfaces[3].received = 9
    file = io.BytesIO()
    with PcapngWriter(file) as writer:
        writer.write(batch_of(packets, interfaces))
        writer.statistics(interfaces[3], received=10, dropped=1)
    reader = CaptureReader(io.BytesIO(file.getvalue()))
    list(reader)
    counts = [(interface.received, interface.dropped) for interface in reader.interfaces]
    assert counts == [(-1, -1), (50, 3), (-1, 0), (10, 1)]
    assert file.getvalue().count(struct.pack("<I", 5)) >= 3


def test_the_resolution_of_an_interface_is_kept():
    packets = [packet._replace(name="a") for packet in frames(3, unit=1000)]
    file = io.BytesIO()
    PcapngWriter(file).write(batch_of(packets, [Interface("a", resolution=6)]))
    reader = CaptureReader(io.BytesIO(file.getvalue()))
    assert seen(reader) == packets
    assert reader.interfaces[0].resolution == 6


def test_names_are_told_once():
    packets, interfaces = everything()
    file = io.BytesIO()
    writer = PcapngWriter(file)
    batch = batch_of(packets, interfaces)
    batch.names = {"10.0.0.1": "h1", "fd00::1": "h2"}
    writer.write(batch)
    batch.names = {**batch.names, "10.0.0.3": "h3"}
    writer.write(batch)
    reader = CaptureReader(io.BytesIO(file.getvalue()))
    list(reader)
    assert reader.names == batch.names
    assert file.getvalue().count(b"h1\0") == 1


def test_batches_of_several_sources_keep_their_interfaces_apart():
    one, two = [Interface("eth0")], [Interface("eth0"), Interface("eth1")]
    packets = [packet._replace(name="eth0") for packet in frames(4)]
    file = io.BytesIO()
    writer = PcapngWriter(file)
    for interfaces in (one, two, one):
        writer.write(batch_of(packets, interfaces))
    two.append(Interface("eth2"))
    writer.write(batch_of([packets[0]._replace(name="eth2")], two))
    batches = list(CaptureReader(io.BytesIO(file.getvalue())))
    where = [batch.interface[index] for batch in batches for index in range(batch.count)]
    assert where == [0] * 4 + [1] * 4 + [0] * 4 + [3]


def test_odd_values_do_no_harm():
    interfaces = [Interface("n" * 70_000, description="ü" * 40_000, filter="f" * 70_000)]
    packets = [Seen(frame(1, 60), -1, 10, interfaces[0].name, 0, 0, "c" * 70_000)]
    file = io.BytesIO()
    batch = batch_of(packets, interfaces)
    batch.interface[0] = 7
    PcapngWriter(file).write(batch)
    reader = CaptureReader(io.BytesIO(file.getvalue()))
    (packet,) = seen(reader)
    assert (packet.time, packet.length, packet.data) == (0, 60, packets[0].data)
    assert packet.comment == "c" * 65_535
    assert reader.interfaces[0].name == "n" * 65_535


def test_frames_that_nobody_could_read_are_cut(tmp_path):
    large = bytes(300_000)
    batch = batch_of([Seen(large, 0, 300_000)], [Interface()])
    path = tmp_path / "large.pcapng"
    with path.open("wb") as file:
        PcapngWriter(file).write(batch)
    assert tshark(path, "frame.cap_len", "frame.len") == [["262144", "300000"]]


def test_an_empty_batch_describes_its_interfaces():
    file = io.BytesIO()
    PcapngWriter(file).write(Batch(memoryview(b""), interfaces=[Interface("a"), Interface("b")]))
    reader = CaptureReader(io.BytesIO(file.getvalue()))
    assert (list(reader), [interface.name for interface in reader.interfaces]) == ([], ["a", "b"])


def test_a_batch_of_unknown_interfaces_has_one():
    batch = batch_of([Seen(frame(1, 60))], [Interface()])
    batch.interfaces = []
    batch.interface = array("q", [0])
    file = io.BytesIO()
    writer = PcapngWriter(file)
    writer.write(batch)
    writer.write(batch)
    reader = CaptureReader(io.BytesIO(file.getvalue()))
    assert len(seen(reader)) == 2
    assert len(reader.interfaces) == 1


def test_names_alone_need_no_interface():
    file = io.BytesIO()
    writer = PcapngWriter(file)
    writer.write(Batch(memoryview(b""), names={"10.0.0.1": "h1"}))
    writer.add_interface(Interface("h1:eth0"))
    with CaptureReader(io.BytesIO(file.getvalue())) as reader:
        assert list(reader) == []
    assert [interface.name for interface in reader.interfaces] == ["h1:eth0"]
    assert reader.names == {"10.0.0.1": "h1"}
