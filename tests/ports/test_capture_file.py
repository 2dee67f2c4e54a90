"""Capture files come from anywhere, packed or broken; no file hangs the reader or fills memory."""

from __future__ import annotations

import gzip
import io
import os
import random
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
import zlib
from pathlib import Path

import pytest

from netarium.errors import NetariumError, NotFoundError
from netarium.ports.capture_file import BrokenCaptureError, CaptureReader, read_batches
from tests.ports.captured import Blocks, Seen, frame, frames, pcap, seen

PACKETS = frames(40, unit=1000)
MAKE = Blocks()


def pcapng(packets: list[Seen], order: str = "<") -> bytes:
    """A file with all kinds of blocks in it."""
    make = Blocks(order)
    made = [
        make.section((1, b"comment"), (4, b"program")),
        make.interface((2, b"one"), (9, b"\x06")),
        make.interface((2, b"two"), (9, b"\x86"), (14, bytes(8)), link_type=101),
        make.names((1, b"\x01\x02\x03\x04name\0")),
    ]
    for number, packet in enumerate(packets):
        comment = (1, b"super-frame (GSO): 2 segments of 700 bytes") if number % 4 else (1, b"x")
        options = [(2, make.pack("I", number)), comment, (4, make.number(1))][: number % 4]
        if number % 7 == 6:
            made.append(make.simple(packet.data))
        elif number % 7 == 5:
            made.append(make.old_packet(packet))
        else:
            made.append(make.packet(packet, *options, interface=number % 2))
    made.append(make.statistics(0, (4, make.number(5)), (5, make.number(6))))
    return b"".join(made)


class Dribble(io.RawIOBase):
    """A file that gives a few bytes at a time, as a network does."""

    def __init__(self, data: bytes, seed: int = 1) -> None:
        self.data, self.at, self.random = data, 0, random.Random(seed)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        size = min(len(buffer), len(self.data) - self.at, self.random.choice((1, 2, 7, 100, 5000)))
        buffer[:size] = self.data[self.at : self.at + size]
        self.at += size
        return size


class Plain:
    """A file that can read and nothing else."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def read(self, size: int) -> bytes:
        data, self.rest = self.rest[:size], self.rest[size:]
        return data


FILES = {"pcap": pcap(PACKETS), "pcapng": pcapng(PACKETS), "big": pcapng(PACKETS, ">")}


@pytest.mark.parametrize("kind", FILES)
def test_the_bytes_may_come_in_any_pieces(kind):
    data = FILES[kind]
    whole = seen(CaptureReader(io.BytesIO(data)))
    assert len(whole) == len(PACKETS)
    for size in (1, 50, 100, 1000, 5000):
        assert seen(CaptureReader(io.BytesIO(data), size=size)) == whole
    for seed in range(5):
        assert seen(CaptureReader(Dribble(data, seed))) == whole
    assert seen(CaptureReader(Plain(data))) == whole
    assert seen(CaptureReader(io.BufferedReader(Dribble(data)))) == whole


def test_batches_keep_their_packets_and_numbers():
    batches = list(read_batches(io.BytesIO(FILES["pcapng"]), size=2000))
    assert len(batches) > 5
    assert [batch.number(n) for batch in batches for n in range(batch.count)] == list(range(1, 41))
    assert [packet.data for packet in seen(batches)] == [packet.data for packet in PACKETS]


def test_many_small_packets_fill_several_batches():
    packets = [Seen(b"", 0, 0)] * 70_000
    batches = list(read_batches(io.BytesIO(pcap(packets)), fast=True))
    assert sum(batch.count for batch in batches) == 70_000
    assert len(batches) > 2


def test_a_file_that_others_write_to_gives_what_is_there(tmp_path):
    path = tmp_path / "live.pcap"
    whole = pcap(PACKETS)
    path.write_bytes(whole[:-5])
    reader = CaptureReader(str(path))
    assert len(seen(reader)) == 39
    assert reader.trouble.startswith(f"{path} breaks off at byte ")


def test_a_live_pipe_gives_each_packet_as_it_comes():
    source, sink = os.pipe()
    with io.FileIO(source) as file:
        os.write(sink, pcap(PACKETS[:1]))
        reader = CaptureReader(file)
        for number in range(1, 4):
            assert [packet.data for packet in seen([next(reader)])] == [PACKETS[number - 1].data]
            os.write(sink, pcap(PACKETS[number : number + 1])[24:])
        assert len(seen([next(reader)])) == 1
        os.write(sink, b"cut")
        os.close(sink)
        assert list(reader) == []
        assert "3 of at least 16 bytes" in reader.trouble


def test_standard_input(tmp_path):
    program = (
        "from netarium.ports.capture_file import read_batches\n"
        "print(sum(batch.count for batch in read_batches('-')))"
    )
    for words in (["cat"], ["gzip", "-c"]):
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as packer:
            threading.Thread(
                target=lambda: (packer.stdin.write(FILES["pcapng"]), packer.stdin.close())
            ).start()
            done = subprocess.run(
                [sys.executable, "-c", program], stdin=packer.stdout, capture_output=True, text=True
            )
        assert (done.stdout, done.stderr) == ("40\n", "")


# --- packed files -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FILES)
def test_gzip_also_in_several_members(kind):
    data = FILES[kind]
    members = gzip.compress(data[:777]) + gzip.compress(b"") + gzip.compress(data[777:])
    for packed in (gzip.compress(data), members, members + bytes(512)):
        for reader in (CaptureReader(io.BytesIO(packed)), CaptureReader(Dribble(packed))):
            assert len(seen(reader)) == len(PACKETS)
            assert reader.trouble == ""


def test_gzip_of_much_from_little():
    packets = [Seen(bytes(60_000), 0, 60_000)] * 100
    reader = CaptureReader(io.BytesIO(gzip.compress(pcap(packets))), size=100_000)
    assert len(seen(reader)) == 100
    assert reader.trouble == ""


def test_damaged_gzip_gives_all_before_the_damage():
    data = pcap([Seen(frame(n, 200), 0, 200) for n in range(2000)])
    packed = gzip.compress(data)
    clean = zlib.decompressobj(31)
    half = len(packed) // 2
    plain = len(clean.decompress(packed[:half]))
    cut = CaptureReader(io.BytesIO(packed[:half]))
    assert len(seen(cut)) == (plain - 24) // 216
    assert "the gzip stream is cut short" in cut.trouble
    damaged = bytearray(packed)
    damaged[half : half + 64] = b"\xff" * 64
    broken = CaptureReader(io.BytesIO(damaged))
    assert len(seen(broken)) >= (plain - 24) // 216
    assert broken.trouble
    wrong_sum = packed[:-8] + bytes(4) + packed[-4:]
    checked = CaptureReader(io.BytesIO(wrong_sum))
    assert len(seen(checked)) == 2000
    assert "incorrect data check" in checked.trouble


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_zstd_and_lz4(codec, tmp_path):
    import pyarrow

    path = tmp_path / "packed"
    with pyarrow.output_stream(path, compression=codec) as stream:
        stream.write(pcap([Seen(frame(n, 1000), 0, 1000) for n in range(1000)]))
    packets = seen(CaptureReader(path))
    assert packets == [Seen(frame(n, 1000), 0, 1000) for n in range(1000)]
    path.write_bytes(path.read_bytes()[:-20])
    cut = CaptureReader(path)
    assert packets[:500] == seen(cut)[:500]
    assert f"the {codec} stream is damaged" in cut.trouble
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(NetariumError, match=f"packed cannot be read: the {codec} stream"):
        CaptureReader(path)


# --- what is no capture, or cannot be had -------------------------------------------------


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\xd4", "begins with d4"),
        (b"hello, this is a text", "begins with 68 65 6c 6c 6f"),
        (b"\x0a\x0d\x0d\x0a" + bytes(40), "begins with 0a 0d 0d 0a"),
        (b"BZh91AY", "packed with bzip2"),
        (b"snoop\0\0\0" + bytes(8), "a snoop file"),
        (gzip.compress(b"hello"), "begins with 68 65"),
        (gzip.compress(FILES["pcap"])[:12], "the gzip stream is cut short"),
        (MAKE.section(major=3), "pcapng of version 3.0; known is 1"),
    ],
)
def test_what_is_no_capture_is_told_with_its_name(data, said, tmp_path):
    path = tmp_path / "thing"
    path.write_bytes(data)
    with pytest.raises(NetariumError, match=f"^{path} .*{said}"):
        CaptureReader(path)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(NotFoundError, match=r"no file .*nothing\.pcap"):
        CaptureReader(tmp_path / "nothing.pcap")
    (tmp_path / "hello.pcap").touch()
    with pytest.raises(NotFoundError, match=r"no file .*\n  did you mean .*hello\.pcap\?"):
        CaptureReader(tmp_path / "helo.pcap")
    with pytest.raises(NetariumError, match="is a directory"):
        CaptureReader(tmp_path)
    with pytest.raises(NetariumError, match=r"cannot be read: .*null"):
        CaptureReader("a\0b")

    class Broken(io.RawIOBase):
        name = "disk"

        def readinto(self, buffer):
            raise OSError(5, "Input/output error")

    with pytest.raises(NetariumError, match="disk cannot be read: Input/output error"):
        CaptureReader(Broken())


def test_a_disk_that_fails_later():
    class Failing(Dribble):
        def readinto(self, buffer):
            if self.at > 3000:
                raise OSError(5, "Input/output error")
            return super().readinto(buffer)

    reader = CaptureReader(Failing(FILES["pcap"]))
    assert 1 < len(seen(reader)) < 40
    assert reader.trouble.endswith(": Input/output error")


def test_the_plain_function_raises_at_the_end():
    given = []
    with pytest.raises(BrokenCaptureError, match="breaks off") as caught:
        for batch in read_batches(io.BytesIO(FILES["pcap"][:-1])):
            given.append(batch)
    assert len(seen(given)) == 39
    assert caught.value.cure == "the 39 packets before that are whole"


def test_a_file_is_closed_when_it_was_opened_here(tmp_path):
    path = tmp_path / "x.pcap"
    path.write_bytes(FILES["pcap"])
    opened = Path("/proc/self/fd")
    before = len(list(opened.iterdir()))
    for _ in range(3):
        list(CaptureReader(path))
        for _ in read_batches(path):
            break
        with CaptureReader(path):
            pass
        with pytest.raises(NetariumError):
            CaptureReader(Path(__file__))
    assert len(list(opened.iterdir())) == before
    file = io.BytesIO(FILES["pcap"])
    list(CaptureReader(file))
    assert not file.closed


# --- hostile files ------------------------------------------------------------------------


def outcome(data: bytes, *, fast: bool) -> tuple[object, ...]:
    """All that reading a file gives; NetariumError alone may come out."""
    try:
        reader = CaptureReader(io.BytesIO(data), fast=fast, size=6000)
        packets = seen(reader)
    except NetariumError as error:
        return (str(error),)
    return packets, reader.trouble, reader.interfaces, reader.names, reader.comment, reader.lab


def mutated(data: bytes, chance: random.Random) -> bytes:
    bytes_ = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(bytes_))
        how = chance.randrange(6)
        if how == 0:
            bytes_[at] = chance.randrange(256)
        elif how == 1:
            bytes_[at] ^= 1 << chance.randrange(8)
        elif how == 2:
            number = chance.choice((0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 12, 100_000_000))
            bytes_[at : at + 4] = struct.pack(chance.choice("<>") + "I", number)
        elif how == 3:
            del bytes_[at : at + chance.randrange(1, 50)]
        elif how == 4:
            bytes_[at:at] = bytes_[chance.randrange(len(bytes_)) :][: chance.randrange(1, 90)]
        else:
            del bytes_[at:]
        bytes_ = bytes_ or bytearray(1)
    return bytes(bytes_)


@pytest.mark.parametrize("kind", FILES)
def test_mutated_files_raise_nothing_else_and_read_the_same_at_both_speeds(kind):
    chance = random.Random(kind)
    small = {"pcap": pcap(PACKETS[:9]), "pcapng": pcapng(PACKETS[:9])}
    data = small.get(kind) or pcapng(PACKETS[:9], ">")
    begun = time.monotonic()
    broken = 0
    for _ in range(1500):
        file = mutated(data, chance)
        slow = outcome(file, fast=False)
        assert slow == outcome(file, fast=True)
        broken += len(slow) == 1 or bool(slow[1])
    assert 300 < broken < 1500
    assert time.monotonic() - begun < 60


def test_mutated_gzip_raises_nothing_else():
    chance = random.Random(3)
    data = gzip.compress(FILES["pcap"])
    for _ in range(500):
        outcome(mutated(data, chance), fast=False)


@pytest.mark.parametrize(
    "data",
    [
        pcap([], snaplen=0x7FFFFFFF) + struct.pack("<IIII", 0, 0, 130_000_000, 130_000_000) + b"x",
        MAKE.section() + struct.pack("<II", 99, 130_000_000) + bytes(100),
        MAKE.section()[:4] + struct.pack("<IIHHq", 130_000_000, 0x1A2B3C4D, 1, 0, -1) + bytes(9),
    ],
)
def test_a_length_in_a_file_is_not_believed_before_the_bytes_are_there(data):
    tracemalloc.start()
    try:
        reader = CaptureReader(io.BytesIO(data))
        assert seen(reader) == []
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()
    assert "in the middle of a packet" in reader.trouble


def test_a_packet_much_larger_than_the_buffer():
    large = bytes(range(256)) * 20_000
    packets = [Seen(b"before", 0, 6), Seen(large, 0, len(large)), Seen(b"after", 0, 5)]
    data = pcap(packets, snaplen=10_000_000)
    assert seen(CaptureReader(io.BytesIO(data), size=4096)) == packets
    assert seen(CaptureReader(Dribble(data), size=100_000)) == packets


READER = """
import resource
from netarium.ports.capture_file import CaptureReader
def most():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
reader = CaptureReader("-")
early = 0
for batch in reader:
    if not early and reader.count > 50_000:
        early = most()
print(reader.count, most() - early, reader.trouble)
"""


@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
def test_memory_stays_flat_on_a_gigabyte(kind):
    """Also with names, statistics, comments and new sections all the time."""
    packets = [Seen(frame(n, 1000), 0, 1000) for n in range(1000)]
    if kind == "pcap":
        head, body = pcap([]), pcap(packets)[24:]
    else:
        head = MAKE.section() + MAKE.interface()
        body = b"".join(MAKE.packet(packet) for packet in packets[:-1])
        body += MAKE.packet(packets[-1], (1, b"hello")) + MAKE.names((1, bytes(4) + b"zero\0"))
        body += MAKE.statistics(0, (5, MAKE.number(1)))
    command = [sys.executable, "-c", READER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as reader:
        reader.stdin.write(head)
        for _ in range(1000):
            rest = memoryview(body)
            while rest:
                rest = rest[reader.stdin.write(rest) :]
        reader.stdin.close()
        count, growth, *trouble = reader.stdout.read().decode().split()
    assert (int(count), trouble) == (1_000_000, [])
    assert int(growth) < 40_000  # KiB


def test_a_small_file_is_read_without_loading_the_compiler(tmp_path):
    path = tmp_path / "small.pcapng"
    path.write_bytes(FILES["pcapng"])
    program = (
        "import sys; from netarium.ports.capture_file import read_batches\n"
        f"print(sum(batch.count for batch in read_batches({str(path)!r})),"
        " [name for name in ('numpy', 'numba', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("40 []\n", "")
