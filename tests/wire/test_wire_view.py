"""A batch as the wire would carry it: the same as packets cut one by one, and good to tshark."""

from __future__ import annotations

import subprocess
import time

import pytest

from netarium.capture import write
from netarium.wire import TCP, UDP, Ethernet, IPv4, IPv6, Packet
from netarium.wire.batch import CHECKSUM_NOT_READY, SEGMENTED_LATER
from netarium.wire.packet import packet_of
from netarium.wire.segmenting import segments
from netarium.wire.wire_view import wire_view
from tests.wire.batches import batch_of, corpus_batch

LEFT = CHECKSUM_NOT_READY | SEGMENTED_LATER
BELOW = {
    4: IPv4(src="10.0.0.1", dst="10.0.0.2", identification=0xFFFE),
    6: IPv6(src="fd00::1", dst="fd00::2"),
}


def offloaded(version, size, transport=TCP, **more):
    """A frame whose checksum is as Linux leaves it: the sum of the pseudo-header."""
    header = transport(sport=7, dport=80, **more)
    packet = Ethernet() / BELOW[version] / header / bytes(i * 7 & 255 for i in range(size))
    read = Packet.parse(packet.data)
    read[transport].checksum = 0x1234
    return read.data


def frames():
    flags = {"seq": 0xFFFFFF00, "flags": "FIN PSH ACK CWR"}
    return [offloaded(version, size, **flags) for version in BELOW for size in (9, 1000, 20001)] + [
        offloaded(version, size, UDP) for version in BELOW for size in (0, 9, 1000)
    ]


def frames_batch():
    made = frames()
    sizes = [1448 if len(data) > 1514 else 0 for data in made]
    return batch_of(made, flags=[LEFT] * len(made), segment=sizes)


@pytest.mark.parametrize("make", [frames_batch, corpus_batch], ids=["made", "corpus"])
def test_it_is_what_comes_of_packets_one_by_one(make):
    batch = make()
    view = wire_view(batch)
    wanted = []
    for index in range(batch.count):
        for packet in segments(packet_of(batch, index)):
            if packet.data:
                wanted.append((batch.number(index), packet.data, packet.length, packet.comment))
    told = [packet_of(view, index) for index in range(view.count) if view.captured[index]]
    assert [(one.number, one.data, one.length, one.comment) for one in told] == wanted
    assert not any(one.segment or one.flags & SEGMENTED_LATER for one in told)


@pytest.mark.needs("tshark")
def test_tshark_finds_all_checksums_good(tmp_path):
    path = tmp_path / "wire.pcapng"
    view = wire_view(frames_batch())
    assert view.count == 2 * (1 + 1 + 14) + 6
    assert not any(view.flags[: view.count])
    write(path, view)
    words = ["tshark", "-r", path, "-T", "fields", "-e", "tcp.checksum.status"]
    words += ["-e", "udp.checksum.status", "-e", "ip.checksum.status"]
    for name in ("tcp.check_checksum", "udp.check_checksum", "ip.check_checksum"):
        words += ["-o", f"{name}:TRUE"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    lines = done.stdout.splitlines()
    assert len(lines) == view.count
    assert {status for line in lines for status in line.split()} == {"1"}
    assert all(line.split() for line in lines)


def test_it_takes_far_less_time_than_packets_do():
    data = offloaded(4, 60000)
    batch = batch_of([data] * 5, flags=[LEFT] * 5, segment=[1448] * 5)
    began = time.process_time()
    view = wire_view(batch)
    quick = time.process_time() - began
    began = time.process_time()
    cut = segments(packet_of(batch, 0))
    assert view.count == 5 * len(cut)
    assert quick / 5 < (time.process_time() - began) / 5
