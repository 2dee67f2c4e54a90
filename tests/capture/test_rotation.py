"""Capture files: rotated, limited, cut where a disk is full, and read back by tshark."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from array import array
from pathlib import Path

import pytest

from netarium.capture.reading import read
from netarium.capture.rotation import FileSink, Rotation
from netarium.errors import NetariumError, UsageError
from netarium.wire.batch import Batch, Interface

SPEEDS = pytest.mark.parametrize("fast", [False, True], ids=["plain", "compiled"])
INTERFACES = [Interface("h1:eth0", received=5, dropped=2), Interface("h1:eth1")]
SECOND = 1_000_000_000


def batch_of(count, *, size=100, first=1, step=SECOND // 10):
    batch = Batch.sized(memoryview(bytes(range(256)) * 8), count)
    batch.count, batch.first, batch.interfaces = count, first, INTERFACES
    for row in range(count):
        batch.captured[row] = batch.length[row] = size
        batch.time[row] = 1_700_000_000 * SECOND + (first + row) * step
        batch.interface[row] = row % 2
        batch.flags[row] = 1
    return batch


def packets_in(paths):
    return [packet for path in paths for packet in read(path)]


@SPEEDS
@pytest.mark.parametrize("suffix", ["pcap", "pcapng"])
def test_a_new_file_begins_before_one_is_too_large(tmp_path, fast, suffix):
    sink = FileSink(str(tmp_path / f"a.{suffix}"), INTERFACES, rotation=Rotation(size=10_000))
    for number in range(5):
        sink.write(batch_of(100, first=1 + 100 * number), fast=fast)
    sink.close()
    files = sorted(tmp_path.iterdir())
    assert [path.name for path in files] == [f"a-{n:05}.{suffix}" for n in range(1, len(files) + 1)]
    assert list(sink.files) == [str(path) for path in files]
    assert len(files) > 5
    assert all(path.stat().st_size <= 10_000 + 500 for path in files)  # statistics come at the end
    assert all(path.stat().st_size > 8_000 for path in files[:-1])
    times = [packet.time for packet in packets_in(files)]
    assert len(times) == 500
    assert times == sorted(times)


@SPEEDS
def test_a_new_file_begins_when_time_is_up(tmp_path, fast):
    sink = FileSink(str(tmp_path / "a.pcapng"), INTERFACES, rotation=Rotation(seconds=1))
    sink.write(batch_of(25), fast=fast)
    sink.write(batch_of(1, first=202), fast=fast)  # after a long silence
    sink.write(batch_of(1, first=205), fast=fast)
    sink.close()
    assert [len(packets_in([path])) for path in sorted(tmp_path.iterdir())] == [10, 10, 5, 2]


def test_only_the_newest_files_are_kept(tmp_path):
    sink = FileSink(str(tmp_path / "a.pcap"), INTERFACES, rotation=Rotation(seconds=1, keep=2))
    sink.write(batch_of(45), fast=False)
    sink.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-00004.pcap", "a-00005.pcap"]
    assert [Path(file).name for file in sink.files] == ["a-00004.pcap", "a-00005.pcap"]


def test_a_packet_larger_than_a_file_may_be_has_one_of_its_own(tmp_path):
    sink = FileSink(str(tmp_path / "a.pcap"), INTERFACES, rotation=Rotation(size=200))
    sink.write(batch_of(3, size=1000), fast=False)
    sink.close()
    assert [len(packets_in([path])) for path in sorted(tmp_path.iterdir())] == [1, 1, 1]


def test_a_file_has_names_interfaces_and_counts(tmp_path):
    path = tmp_path / "a.pcapng"
    sink = FileSink(str(path), INTERFACES, lab="name: x\n", names={"10.0.0.1": "h1"})
    sink.close()
    from netarium.ports.capture_file import CaptureReader

    with CaptureReader(path) as reader:
        assert list(reader) == []
        assert [interface.name for interface in reader.interfaces] == ["h1:eth0", "h1:eth1"]
        assert reader.interfaces[0].dropped == 2
        assert reader.names == {"10.0.0.1": "h1"}
        assert reader.lab == "name: x\n"


def test_a_new_file_is_its_owners_alone(tmp_path, monkeypatch):
    path = tmp_path / "a.pcapng"
    if os.geteuid() == 0:
        monkeypatch.setenv("SUDO_UID", "12345")
        monkeypatch.setenv("SUDO_GID", "23456")
    FileSink(str(path), INTERFACES).close()
    about = path.stat()
    assert stat.S_IMODE(about.st_mode) == 0o600
    if os.geteuid() == 0:
        assert (about.st_uid, about.st_gid) == (12345, 23456)


def test_a_file_that_is_there_is_overwritten_and_stays_whose_it_is(tmp_path, monkeypatch):
    path = tmp_path / "a.pcapng"
    path.write_bytes(b"x" * 100_000)
    path.chmod(0o644)
    monkeypatch.setenv("SUDO_UID", "12345")
    monkeypatch.setenv("SUDO_GID", "23456")
    FileSink(str(path), INTERFACES).close()
    assert path.stat().st_size < 10_000
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert path.stat().st_uid == os.geteuid()


_FULL = """
import resource, sys
sys.path.insert(0, sys.argv[2])
from netarium.capture.rotation import FileSink
from netarium.errors import NetariumError
from tests.capture.test_rotation import INTERFACES, batch_of
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
sink = FileSink(sys.argv[1], INTERFACES)
try:
    for number in range(100):
        sink.write(batch_of(50), fast=False)
except NetariumError as error:
    print(error)
    sink.close()
    print(sink.packets)
"""


@pytest.mark.needs("tshark")
def test_a_file_is_whole_up_to_where_the_disk_was_full(tmp_path):
    path = tmp_path / "a.pcapng"
    words = [sys.executable, "-c", _FULL, str(path), str(Path(__file__).parents[2])]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    said, packets = done.stdout.splitlines()
    assert said == f"{path} cannot be written: File too large"
    assert int(packets) % 50 == 0
    assert len(packets_in([path])) == int(packets) > 0
    shown = subprocess.run(["tshark", "-r", path], capture_output=True, text=True, check=True)
    assert len(shown.stdout.splitlines()) == int(packets)
    assert "cut short" not in shown.stderr


def test_what_cannot_be_is_refused(tmp_path):
    with pytest.raises(UsageError, match="one file"):
        FileSink("-", INTERFACES, rotation=Rotation(size=1000))
    with pytest.raises(UsageError, match="compressed"):
        FileSink(str(tmp_path / "a.pcapng.gz"), INTERFACES)
    with pytest.raises(NetariumError, match="No such file or directory"):
        FileSink(str(tmp_path / "no" / "a.pcapng"), INTERFACES)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_any_room_is_told():
    with pytest.raises(NetariumError, match="No space left"):
        FileSink("/dev/full", INTERFACES)


def test_the_guardian_cuts_what_a_kill_left_over(tmp_path):
    path = tmp_path / "a.pcapng"
    program = (
        "import os, sys\n"
        "from netarium.capture.guardian import Guardian\n"
        "guardian = Guardian()\n"
        "guardian.watch(sys.argv[1])\n"
        "open(sys.argv[1], 'wb').write(b'whole, half')\n"
        "guardian.note(5)\n"
        "if sys.argv[2] == 'close': guardian.close(); guardian.close()\n"
        "os.kill(os.getpid(), 9)\n"
    )
    for end, left in (("close", b"whole, half"), ("die", b"whole")):
        read_end, write_end = os.pipe()
        process = subprocess.Popen([sys.executable, "-c", program, path, end], stdout=write_end)
        os.close(write_end)
        process.wait()
        os.read(read_end, 1)  # until the guardian has gone, too
        os.close(read_end)
        deadline = 100
        while path.read_bytes() != left and deadline:
            deadline -= 1
            subprocess.run(["sleep", "0.02"], check=True)
        assert path.read_bytes() == left


def test_columns_of_a_batch_are_left_alone(tmp_path):
    batch = batch_of(10)
    before = array("q", batch.time)
    sink = FileSink(str(tmp_path / "a.pcapng"), INTERFACES, rotation=Rotation(size=500))
    sink.write(batch, fast=False)
    sink.close()
    assert (batch.count, batch.time) == (10, before)
