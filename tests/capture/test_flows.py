"""Flows: numbered as Wireshark numbers streams, summed up alike at both speeds."""

from __future__ import annotations

import random
import subprocess

import pytest

from netarium.capture.asking import table
from netarium.capture.columnar import columns_of
from netarium.capture.flows import Numbering, Sums, record_batches
from netarium.wire.batch import Interface
from tests.capture import talks
from tests.wire.batches import batch_of
from tests.wire.corpus import corpus

STREAMS = ["flow", "tcp_stream", "udp_stream"]


def _mixed():
    """Many connections at once, in no order, over few ports: they come again and again."""
    rng = random.Random(3)
    waiting = [
        talks.page(port=40000 + number % 7, first=1000 + 100_000 * number) for number in range(20)
    ]
    waiting += [talks.names(), talks.refused(), talks.page(client="2001:db8::1", server="::2")]
    frames = []
    while waiting:
        # A port is used again only once the connection before has ended.
        talk = waiting[rng.randrange(min(7, len(waiting)))]
        frames.append(talk.pop(0))
        if not talk:
            waiting.remove(talk)
    return frames


@pytest.mark.needs("tshark")
def test_streams_are_numbered_as_tshark_numbers_them(tmp_path):
    path = talks.write(tmp_path / "mixed.pcap", _mixed())
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=,"]
    command += ["-e", "tcp.stream", "-e", "udp.stream"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    theirs = [tuple(line.split(",")) for line in done.stdout.splitlines()]
    ours = [
        tuple("" if value is None else str(value) for value in row.values())
        for row in table(path, STREAMS[1:]).to_pylist()
    ]
    assert ours == theirs
    assert len(set(ours)) == 25


@pytest.mark.needs("tshark")
def test_conversations_are_those_of_tshark(tmp_path):
    """Frames and bytes each way, of all TCP conversations."""
    path = talks.write(tmp_path / "talk.pcap", [*talks.page(), *talks.refused(), *talks.page(5000)])
    command = ["tshark", "-n", "-r", str(path), "-q", "-z", "conv,tcp"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    theirs = set()
    for line in done.stdout.splitlines():
        if "<->" in line:
            a, _, b, back, back_bytes, _, there, there_bytes, _, *_ = line.replace(
                " bytes", " bytes"
            ).split()
            theirs.add((a, b, int(there), int(there_bytes), int(back), int(back_bytes)))
    ours = set()
    for part in record_batches([batch_of(_frames(path))]):
        for row in part.to_pylist():
            ends = f"{row['src']}:{row['src_port']}", f"{row['dst']}:{row['dst_port']}"
            counts = (row["packets_out"], row["bytes_out"], row["packets_back"], row["bytes_back"])
            ours.add((*ends, *counts))
    assert ours == theirs
    assert len(ours) == 3


def _frames(path):
    from netarium.capture import read

    return [packet.data for packet in read(path)]


def test_both_speeds_sum_up_the_same():
    frames = _mixed() + [data for _, data, _ in corpus()]
    sums = []
    for fast in (False, True):
        one = Sums()
        for low in range(0, len(frames), 100):
            one.add(batch_of(frames[low : low + 100]), fast)
        sums.append(one)
    assert sums[0].count == sums[1].count > 60
    assert sums[0].rows == sums[1].rows


def test_each_interface_counts_for_itself():
    frames = talks.page()
    batch = batch_of(
        frames * 2,
        interfaces=[Interface("h1:eth0"), Interface("r1:eth1")],
        interface=[0] * len(frames) + [1] * len(frames),
    )
    (found,) = record_batches([batch])
    rows = found.to_pylist()
    assert [(row["flow"], row["interface"], row["packets"]) for row in rows] == [
        (0, "h1:eth0", 11),
        (0, "r1:eth1", 11),
    ]
    assert rows[0]["resent_back"] == rows[1]["resent_back"] == 1


@pytest.mark.parametrize("fast", [False, True])
def test_more_flows_than_there_is_room_for_at_first(fast):
    plain = bytearray(talks.refused()[0])
    frames = []
    for number in range(5000):
        plain[34:36] = (number % 3000 + 1000).to_bytes(2, "big")
        frames.append(bytes(plain))
    batch = batch_of(frames)
    numbering = Numbering()
    numbering.number(batch, fast)
    assert numbering.count == 3000
    assert numbering.flow[:5000].tolist() == [number % 3000 for number in range(5000)]
    (found,) = record_batches([batch])
    assert found.num_rows == 3000
    assert sum(found["packets"].to_pylist()) == 5000


def _states(*frames):
    (found,) = record_batches([batch_of(list(frames))])
    return [row["state"] for row in found.to_pylist()]


def test_states_of_connections():
    whole = talks.page()
    there, back = ("10.0.0.1", "10.0.0.2", 40000, 80), ("10.0.0.2", "10.0.0.1", 80, 40000)
    reset = talks.tcp(*back, "R", 5001)
    assert _states(*whole) == ["closed"]
    assert _states(*whole[:3]) == ["established"]
    assert _states(*whole[:1]) == ["unanswered"]
    assert _states(*whole[:9]) == ["half closed"]
    assert _states(*whole[:4], reset) == ["reset"]
    assert _states(*talks.refused()) == ["refused"]
    assert _states(*whole[3:6]) == ["midstream"]
    assert _states(talks.tcp(*there, "A", 5), talks.tcp(*back, "FA", 5)) == ["half closed"]


def test_who_began_is_the_source_even_if_the_answer_comes_first():
    whole = talks.page()
    (found,) = record_batches([batch_of([whole[1], whole[2]])])
    (row,) = found.to_pylist()
    assert (row["src"], row["dst_port"]) == ("10.0.0.1", 80)


def test_pings_are_told_apart_and_fragments_belong_to_no_flow():
    from scapy.layers.inet import ICMP, IP
    from scapy.layers.l2 import Ether

    link = Ether(src=talks.A, dst=talks.B) / IP(src="10.0.0.1", dst="10.0.0.2")
    pings = [bytes(link / ICMP(id=number)) for number in (1, 2, 1)]
    fragment = link.copy()
    fragment[IP].frag = 100
    found = columns_of(batch_of([*pings, bytes(fragment / b"rest")]), STREAMS).to_pylist()
    assert [row["flow"] for row in found] == [0, 1, 0, None]
    assert all(row["tcp_stream"] is None for row in found)


def test_sequence_numbers_that_wrap():
    there = ("10.0.0.1", "10.0.0.2", 1, 2)
    top = 2**32
    data = [talks.tcp(*there, "PA", (top - 6 + 4 * step) % top, 0, b"abcd") for step in range(4)]
    (found,) = record_batches([batch_of([*data, data[1]])])
    (row,) = found.to_pylist()
    assert row["resent_out"] == 1
