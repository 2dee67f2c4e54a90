"""A capture summed up: the same as tshark counts, and over time."""

from __future__ import annotations

import json
import random
import subprocess

import pyarrow as pa
import pyarrow.compute
import pytest

from netarium.capture import table
from netarium.capture.summary import stats
from netarium.capture.throughput import Throughput, Timeline
from netarium.errors import NotFoundError
from netarium.wire import UDP, Ethernet, IPv4
from tests.capture import talks


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    return talks.write(tmp_path_factory.mktemp("talk") / "talk.pcap", talks.everything())


def test_the_whole(talk):
    frames = talks.everything()
    found = stats(talk)
    assert found.packets == len(frames)
    assert found.bytes == found.captured == sum(map(len, frames))
    assert found.duration == pytest.approx(0.39)
    assert found.began == talks.START * 10**9
    assert [(each.path, each.packets) for each in found.protocols] == [
        (("IPv4",), 29),
        (("IPv4", "TCP"), 24),
        (("IPv4", "TCP", "HTTP"), 22),
        (("IPv4", "UDP"), 5),
        (("IPv4", "UDP", "DNS"), 5),
        (("IPv6",), 11),
        (("IPv6", "TCP"), 11),
        (("IPv6", "TCP", "HTTP"), 11),
    ]
    assert found.connections.count == 4
    assert found.connections.states == {"refused": 1, "closed": 3}
    assert found.connections.resent == 3
    assert sum(sum(values) for values in found.throughput.series.values()) == found.bytes
    assert list(found.throughput.series) == ["HTTP", "DNS", "TCP"]


@pytest.mark.needs("tshark")
def test_endpoints_are_those_of_tshark(talk):
    command = ["tshark", "-n", "-r", str(talk), "-q", "-z", "endpoints,ip", "-z", "endpoints,ipv6"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    theirs = set()
    for line in done.stdout.splitlines():
        words = line.split()
        if len(words) == 7 and words[1].isdigit():
            theirs.add((words[0], *map(int, words[3:])))
    ours = {
        (e.address, e.packets_sent, e.bytes_sent, e.packets_received, e.bytes_received)
        for e in stats(talk).endpoints
    }
    assert ours == theirs
    assert len(ours) == 4


def test_conversations(talk):
    found = {(each.a, each.b): each for each in stats(talk).conversations}
    one = found["10.0.0.1", "10.0.0.2"]
    assert (one.packets, one.packets_back) == (16, 13)
    assert (one.ended - one.began) / 1e9 == pytest.approx(0.39)
    assert ("10.0.0.2", "10.0.0.1") not in found
    assert len(found) == 2


def test_a_filter_and_an_interface(talk):
    assert stats(talk, "udp").packets == 5
    with pytest.raises(NotFoundError, match="no interface 'h9:eth0'"):
        stats(talk, interface="h9:eth0")


def test_no_packets(talk):
    found = stats(talk, "host 192.0.2.77")
    assert (found.packets, found.duration, found.throughput.spans) == (0, 0, 0)


def _line(times, sizes, labels):
    return (
        pa.array(times, pa.int64()).view(pa.timestamp("ns")),
        pa.array(sizes, pa.int32()),
        pa.array(labels, pa.string()),
    )


def test_spans_grow_with_the_capture_and_no_byte_is_lost():
    rng = random.Random(1)
    timeline = Timeline()
    total = {"a": 0, "b": 0}
    start = 1_700_000_000_000_000_000
    for step in range(60):
        # Further and further on; sometimes earlier than all before, as of several interfaces.
        base = start - 5_000 if step == 30 else start + (1 << step) // 64
        sizes = [rng.randrange(60, 1500) for _ in range(50)]
        labels = [rng.choice("ab") for _ in sizes]
        timeline.add(*_line([base + rng.randrange(1000) for _ in sizes], sizes, labels))
        for size, label in zip(sizes, labels, strict=True):
            total[label] += size
    found = timeline.throughput()
    assert {name: sum(values) for name, values in found.series.items()} == total
    assert 1000 < found.spans <= 4096
    assert found.began <= start - 5_000


def test_frames_fall_into_the_span_of_their_time():
    timeline = Timeline()
    timeline.add(*_line([5_000, 5_999, 6_000, 9_999], [1, 2, 4, 8], ["a"] * 4))
    found = timeline.throughput()
    assert (found.began, found.span) == (5_000, 1_000)
    assert found.series == {"a": [3, 4, 0, 0, 8]}
    timeline.add(*_line([3_500], [16], ["a"]))
    assert timeline.throughput().series == {"a": [16, 0, 3, 4, 0, 0, 8]}


def test_coarser_spans_and_fewer_series():
    found = Throughput(0, 10, {name: [1, 2, 3, 4, 5] for name in "abcdef"}).coarser(3, 4)
    assert found.span == 20
    assert found.series == {
        **{name: [3, 7, 5] for name in "abc"},
        "other": [9, 21, 15],
    }
    assert found.rates() == [8e9 * 18 / 20, 8e9 * 42 / 20, 8e9 * 30 / 20]


def test_nulls_in_several_batches(tmp_path, netarium):
    # ARP has no addresses of IP: frames of both kinds in each of several record batches.
    arp = bytes.fromhex("ffffffffffff 020000000001 0806 0001 0800 0604 0001")
    arp += bytes.fromhex("020000000001 0a000001 000000000000 0a000002")
    frames = []
    for hour in range(4):
        for number in range(50):
            ip = IPv4(src=f"10.0.{hour}.{number}", dst=f"10.1.{hour}.1")
            frames += [arp, (Ethernet() / ip / UDP(sport=1000, dport=53)).data] * 50
    path = talks.write(tmp_path / "mixed.pcap", frames)
    done = netarium("stats", path, "--json")
    assert done.returncode == 0, done.stderr
    counts = {tuple(each["path"]): each["packets"] for each in json.loads(done.stdout)["protocols"]}
    assert counts[("ARP",)] == counts[("IPv4", "UDP", "DNS")] == 10_000
    found = table(path, ["ip_src", "ip_dst"])
    for chunk in found.column("ip_src").chunks:
        assert chunk.indices.null_count
        indices = pa.Array.from_buffers(pa.int32(), len(chunk), [None, chunk.indices.buffers()[1]])
        assert pa.compute.min(indices).as_py() >= 0
        assert pa.compute.max(indices).as_py() < len(chunk.dictionary)
