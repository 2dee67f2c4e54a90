"""Packets of any origin become files, whole or not at all."""

from __future__ import annotations

import gzip
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from netarium.capture import batches, read, write
from netarium.errors import NetariumError, NotFoundError, UsageError
from netarium.ports.capture_file import CaptureReader
from netarium.wire import UDP, Ethernet, IPv4, Packet
from tests.ports.captured import BILLION, Blocks, Seen, frame, frames, pcap, seen, tshark

MAKE = Blocks()
PACKETS = [
    packet._replace(
        name=("a", "b")[number % 2], flags=number % 3, comment="x" * (number == 4),
        segment=700 * (number == 5),
    )
    for number, packet in enumerate(frames(9, unit=1000))
]  # fmt: skip


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.pcapng"
    made = [MAKE.section(), MAKE.interface((2, b"a")), MAKE.interface((2, b"b"))]
    for number, packet in enumerate(PACKETS):
        options = [(2, MAKE.pack("I", packet.flags))]
        if packet.comment:
            options.append((1, b"x"))
        if packet.segment:
            options.append((1, b"super-frame (GSO): 3 segments of 700 bytes"))
        made.append(MAKE.packet(packet, *options, interface=number % 2))
    path.write_bytes(b"".join([*made, MAKE.statistics(1, (5, MAKE.number(8)))]))
    return path


@pytest.mark.parametrize("name", ["x.pcapng", "x.PCAPNG", "x.pcapng.gz", "x.1.pcapng"])
@pytest.mark.parametrize("how", [read, batches])
def test_what_was_read_is_written_the_same(how, name, source, tmp_path):
    path = tmp_path / name
    assert write(path, how(source)) == 9
    assert (path.read_bytes()[:2] == b"\x1f\x8b") == name.endswith("gz")
    reader = CaptureReader(path)
    assert seen(reader) == PACKETS
    assert [interface.name for interface in reader.interfaces] == ["a", "b"]
    if how is batches:
        assert reader.interfaces[1].dropped == 8


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("name", ["x.pcap", "x.cap.gz"])
@pytest.mark.parametrize("how", [read, batches])
def test_pcap_keeps_times_and_bytes(how, name, source, tmp_path):
    path = tmp_path / name
    assert write(path, how(source)) == 9
    expected = [Seen(packet.data, packet.time, packet.length) for packet in PACKETS]
    assert seen(batches(path)) == expected
    assert len(tshark(path, "frame.len")) == 9


@pytest.mark.needs("tshark")
def test_packets_that_were_built(tmp_path):
    path = tmp_path / "built.pcapng"
    built = Ethernet() / IPv4(dst="10.0.0.9") / UDP(dport=53) / b"hello"
    built.time, built.interface = 7 * BILLION + 1, "lo"
    assert write(path, [built, bytes(built), bytearray(built.data)], comment="two") == 3
    fields = ("ip.dst", "udp.dstport", "frame.time_epoch", "frame.interface_name")
    assert tshark(path, *fields) == [
        ["10.0.0.9", "53", "7.000000001", "lo"],
        ["10.0.0.9", "53", "0.000000000", "unknown"],
        ["10.0.0.9", "53", "0.000000000", "unknown"],
    ]
    assert write(path, built) == 1
    assert write(path, bytes(built)) == 1
    assert [packet.data for packet in read(path)] == [built.data]


def test_many_packets_are_not_all_held(tmp_path):
    def many():
        for number in range(20_000):
            yield Packet.parse(frame(number, 60))

    path = tmp_path / "many.pcapng"
    assert write(path, many()) == 20_000
    assert sum(batch.count for batch in batches(path)) == 20_000


def test_no_packets_make_an_empty_file(tmp_path):
    for name in ("none.pcap", "none.pcapng", "none.pcapng.gz"):
        assert write(tmp_path / name, []) == 0
        assert list(read(tmp_path / name)) == []


def test_the_lab_goes_along(tmp_path):
    path = tmp_path / "lab.pcapng"
    write(path, [bytes(60)], lab="name: x\n", comment="hello")
    with CaptureReader(path) as reader:
        assert (reader.lab, reader.comment) == ("name: x\n", "hello")


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "kept.pcapng"
    write(path, [bytes(60)])
    path.chmod(0o640)
    before = path.read_bytes()

    def failing():
        yield bytes(60)
        raise NetariumError("the source failed")

    with pytest.raises(NetariumError, match="the source failed"):
        write(path, failing())
    with pytest.raises(TypeError, match="not int"):
        write(path, [7])
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["kept.pcapng"]  # noqa: PTH208
    write(path, read(path))  # onto itself
    assert len(list(read(path))) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_is_followed(tmp_path):
    link, path = tmp_path / "link.pcap", tmp_path / "real.pcap"
    link.symlink_to(path)
    write(link, [bytes(60)])
    assert link.is_symlink()
    assert len(list(read(path))) == 1


def test_the_rights_are_those_of_any_new_file(tmp_path):
    before = os.umask(0o027)
    try:
        write(tmp_path / "x.pcap", [])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x.pcap").stat().st_mode) == 0o640


def test_pipes_are_written_to_as_they_are(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write(pipe, [bytes(60)])
    reader.join()
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert got[0][:4] == b"\x0a\x0d\x0d\x0a"


def test_standard_output():
    program = "from netarium.capture import write; write('-', [bytes(60), bytes(61)])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    program = "from netarium.capture import read; print([len(packet) for packet in read('-')])"
    again = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, input=done.stdout
    )
    assert again.stdout == b"[60, 61]\n"


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("x", UsageError, "does not say what to write"),
        ("x.txt", UsageError, r"end it in \.pcapng or \.pcap"),
        ("x.gz", UsageError, "does not say what to write"),
        ("nowhere/x.pcap", NotFoundError, "there is no folder"),
        ("/proc/x.pcap", NetariumError, "/proc"),
    ],
)
def test_names_that_will_not_do(name, kind, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=said):
        write(name, [])
    assert list(tmp_path.iterdir()) == []


def test_pcap_holds_one_link_type(tmp_path):
    packets = [Packet.parse(bytes(60)), Packet.parse(bytes(60), 101)]
    with pytest.raises(NetariumError, match=r"name the file \.pcapng"):
        write(tmp_path / "two.pcap", packets)
    assert list(tmp_path.iterdir()) == []
    assert write(tmp_path / "raw.pcap", packets[1:]) == 1
    assert next(read(tmp_path / "raw.pcap")).link_type == 101


def test_a_packed_file_is_the_same_each_time(tmp_path):
    for name in ("one.pcap.gz", "two.pcap.gz"):
        write(tmp_path / name, [bytes(60)])
    assert (tmp_path / "one.pcap.gz").read_bytes() == (tmp_path / "two.pcap.gz").read_bytes()
    assert gzip.decompress((tmp_path / "one.pcap.gz").read_bytes()) == pcap(
        [Seen(bytes(60), 0, 60)], magic=0xA1B23C4D, snaplen=262144
    )
