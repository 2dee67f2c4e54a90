"""Streams: their numbers as tshark has them, and what was said in them as tshark tells it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from netarium.capture.columnar import columns_of
from netarium.capture.reading import batches
from netarium.capture.streams import Stream, Turn, _numbered, follow, streams
from netarium.errors import NetariumError, UsageError
from netarium.ports.pcapng import PcapngWriter
from netarium.wire.batch import Interface
from netarium.wire.internet.ipv4 import IPv4
from netarium.wire.link.ethernet import Ethernet
from netarium.wire.transport.tcp import TCP
from netarium.wire.transport.udp import UDP
from tests.capture.following import our_follow, tshark_follow, tshark_numbers
from tests.wire import corpus
from tests.wire.batches import batch_of

CLIENT, SERVER = "10.0.0.1", "10.0.0.2"


def _write(path: Path, frames: list[bytes]) -> Path:
    path.write_bytes(corpus.pcap([(frame, len(frame)) for frame in frames]))
    return path


def _segment(direction: int, port: int, sequence: int, acknowledged: int, flags: str, data=b""):
    src, dst = (CLIENT, SERVER) if direction == 0 else (SERVER, CLIENT)
    sport, dport = (port, 80) if direction == 0 else (80, port)
    tcp = TCP(
        sport=sport,
        dport=dport,
        seq=sequence % 2**32,
        ack=acknowledged % 2**32 if "ACK" in flags else 0,
        flags=flags,
    )
    return (Ethernet() / IPv4(src=src, dst=dst) / tcp / data).data


def _connection(chance: random.Random, port: int, first: int) -> list[bytes]:
    """A connection over a bad wire: lost, doubled, shuffled, and partly sent again."""
    at = [first, chance.randrange(2**32)]

    def one(direction, flags, data=b"", sequence=None):
        here = at[direction] if sequence is None else sequence
        return _segment(direction, port, here, at[1 - direction], flags, data)

    frames = [one(0, "SYN")]
    at[0] += 1
    frames.append(one(1, "SYN ACK"))
    at[1] += 1
    frames.append(one(0, "ACK"))
    for _ in range(chance.randrange(1, 5)):
        for direction in (0, 1):
            burst = []
            for _ in range(chance.randrange(5)):
                data = bytes(chance.randrange(97, 123) for _ in range(chance.randrange(1, 30)))
                fate = chance.random()
                frame = one(direction, "ACK PSH", data)
                burst += [] if fate < 0.1 else [frame, frame] if fate > 0.9 else [frame]
                if 0.8 < fate < 0.9 and len(data) > 4:
                    burst.append(one(direction, "ACK", data[2:], at[direction] + 2))
                at[direction] += len(data)
            if chance.random() < 0.4:
                chance.shuffle(burst)
            if chance.random() < 0.2:
                burst.append(one(direction, "ACK", b"\0", at[direction] - 1))  # keep-alive
            frames += [*burst, one(1 - direction, "ACK")]
    frames.append(one(0, "FIN ACK"))
    at[0] += 1
    frames.append(one(1, "FIN ACK"))
    return frames


def _mixed(seed: int, count: int) -> list[bytes]:
    """Frames of several connections, one among the other."""
    chance = random.Random(seed)
    starts = [chance.choice([chance.randrange(2**32), 2**32 - 20]) for _ in range(count)]
    waiting = [_connection(chance, 1000 + n, start) for n, start in enumerate(starts)]
    frames = []
    while waiting:
        chosen = chance.choice(waiting)
        frames.append(chosen.pop(0))
        waiting = [each for each in waiting if each]
    return frames


@pytest.mark.needs("tshark")
def test_connections_over_a_bad_wire_are_told_as_tshark_tells_them(tmp_path: Path) -> None:
    path = _write(tmp_path / "bad.pcap", _mixed(11, 60))
    found = [each for each in streams(path) if each.kind == "tcp"]
    assert [each.number for each in found] == list(range(60))
    theirs = tshark_follow(path, "tcp", range(60))
    gaps = 0
    for stream in found:
        ours = our_follow(path, stream.number, "tcp")
        assert ours == theirs[stream.number], stream
        gaps += sum(data.startswith(b"[") for _, data in ours)
    assert gaps > 10


#: Frames to which tshark gives streams that netarium does not, or other ones.
_ODD = {
    "ipv4 loose source route": "tshark takes the last place of the route for the destination",
    "ipv4 strict source route": "as before",
    "ipv6 routing": "as before",
    "ipv6 segment routing": "as before",
    "ipv6 destination options": "tshark takes the home address for the source",
    "ipv6 router alert, unknown routing": "as ipv6 routing",
    "ipv6 jumbo that is none": "malformed",
    "ipv6 option cut": "malformed",
    "udp-lite": "netarium does not read it further",
    "icmpv6 redirect": "tshark reads the quote in its option",
    "vxlan, port 8472": "netarium knows Linux's old port, and looks inside",
    "tcp data, cut to 50": "the TCP header is not there whole",
}


def _our_numbers(path: Path) -> dict[int, tuple[set[int], set[int]]]:
    found: dict[int, tuple[set[int], set[int]]] = {}
    for one, number, _ in _numbered(batches(path)):
        frame = (one.time // 10**6) - corpus.START * 1000 + 1  # a millisecond apart
        found.setdefault(frame, (set(), set()))[one.protocol == 17].add(number)
    return found


@pytest.mark.needs("tshark")
def test_streams_are_numbered_as_tshark_numbers_them(tmp_path: Path) -> None:
    chosen = [(data, length) for name, data, length in corpus.corpus() if name not in _ODD]
    path = tmp_path / "corpus.pcap"
    path.write_bytes(corpus.pcap(chosen))
    ours, theirs = _our_numbers(path), tshark_numbers(path)
    nothing = (set(), set())
    differ = {
        number: (ours.get(number, nothing), theirs[number])
        for number in theirs
        if ours.get(number, nothing) != theirs[number]
    }
    assert differ == {}
    assert sum(bool(tcp) for tcp, _ in ours.values()) > 50


@pytest.mark.needs("tshark")
def test_ports_that_are_used_again(tmp_path: Path) -> None:
    def hello(sequence, back=500):
        return [
            _segment(0, 1000, sequence, 0, "SYN"),
            _segment(1, 1000, back, sequence + 1, "SYN ACK"),
            _segment(0, 1000, sequence + 1, back + 1, "ACK PSH", b"from %d" % sequence),
        ]

    frames = [
        *hello(100),
        hello(100)[0],  # again, the same SYN: no new connection
        *hello(7000, 800),
        _segment(1, 1000, 801, 7011, "RST ACK"),
        *hello(9000),
        # Seen from the middle on; then the same ports again.
        _segment(1, 2000, 50, 4000, "ACK PSH", b"middle"),
        _segment(0, 2000, 8000, 0, "SYN"),
        _segment(0, 2000, 8001, 60, "ACK PSH", b"new"),
    ]
    path = _write(tmp_path / "again.pcap", frames)
    ours = _our_numbers(path)
    assert ours == tshark_numbers(path)
    assert len([each for each in streams(path) if each.kind == "tcp"]) == 5
    (batch,) = batches(path)
    for fast in (False, True):
        columns = columns_of(batch, ["tcp_stream"], fast)
        assert columns["tcp_stream"].to_pylist() == [min(tcp) for tcp, _ in ours.values()]
    assert [turn.data for turn in follow(path, 1)] == [b"from 7000"]
    assert [turn.data for turn in follow(path, 4)] == [b"new"]


@pytest.mark.needs("tshark")
def test_udp_conversations(tmp_path: Path) -> None:
    def datagram(direction, port, data):
        src, dst = (CLIENT, SERVER) if direction == 0 else (SERVER, CLIENT)
        sport, dport = (port, 53) if direction == 0 else (53, port)
        return (Ethernet() / IPv4(src=src, dst=dst) / UDP(sport=sport, dport=dport) / data).data

    frames = [
        datagram(0, 4000, b"one"),
        datagram(0, 4001, b"other"),
        datagram(0, 4000, b"two"),
        datagram(1, 4000, b"three"),
    ]
    path = _write(tmp_path / "udp.pcap", frames)
    assert streams(path) == [
        Stream("udp", 0, "10.0.0.1:4000", "10.0.0.2:53", 3, 11, _at(0), _at(3)),
        Stream("udp", 1, "10.0.0.1:4001", "10.0.0.2:53", 1, 5, _at(1), _at(1)),
    ]
    assert list(follow(path, 0, "udp")) == [
        Turn("10.0.0.1:4000", "10.0.0.2:53", _at(0), b"onetwo"),
        Turn("10.0.0.2:53", "10.0.0.1:4000", _at(3), b"three"),
    ]
    theirs = tshark_follow(path, "udp", range(2))
    assert {number: our_follow(path, number, "udp") for number in range(2)} == theirs


def _at(milliseconds: int) -> int:
    return (corpus.START * 1000 + milliseconds) * 10**6


def test_a_filter_leaves_streams_out(tmp_path: Path) -> None:
    path = _write(tmp_path / "three.pcap", _mixed(1, 3))
    (chosen,) = streams(path, "port 1001")
    assert (chosen.number, chosen.source) == (0, "10.0.0.1:1001")
    assert list(follow(path, 0, filter="port 1001")) == list(follow(path, _number(path, 1001)))


def _number(path: Path, port: int) -> int:
    return next(each.number for each in streams(path) if each.source.endswith(f":{port}"))


def test_a_stream_that_is_not_there(tmp_path: Path) -> None:
    path = _write(tmp_path / "two.pcap", _mixed(1, 2))
    with pytest.raises(NetariumError, match=r"no TCP stream 2 in .*two.pcap") as raised:
        list(follow(path, 2))
    assert raised.value.cure == "It has 2, from 0 to 1."
    with pytest.raises(NetariumError) as raised:
        list(follow(path, 0, "udp"))
    assert raised.value.cure == "It has none."
    with pytest.raises(UsageError, match="no 'sctp' streams"):
        list(follow(path, 0, "sctp"))


def test_a_file_that_breaks_off_tells_what_it_has(tmp_path: Path) -> None:
    path = _write(tmp_path / "cut.pcap", _mixed(1, 2))
    whole = list(follow(path, 0))
    path.write_bytes(path.read_bytes()[:-10])
    found = []
    with pytest.raises(NetariumError, match=r"breaks off|ends"):
        for turn in follow(path, 0):
            found.append(turn)
    assert b"".join(each.data for each in found) == b"".join(each.data for each in whole)


def test_a_long_turn_comes_in_pieces(tmp_path: Path) -> None:
    frames = [_segment(0, 1, 0, 0, "SYN")]
    frames += [_segment(0, 1, 1 + 60_000 * n, 0, "PSH", bytes(60_000)) for n in range(50)]
    path = _write(tmp_path / "long.pcap", frames)
    turns = list(follow(path, 0))
    assert sum(len(turn.data) for turn in turns) == 3_000_000
    assert max(len(turn.data) for turn in turns) <= (1 << 20) + 60_000


@pytest.mark.needs("tshark")
def test_fragments_are_followed_as_one_datagram(tmp_path: Path) -> None:
    chosen = [
        (data, length)
        for name, data, length in corpus.corpus()
        if name not in _ODD and not name.startswith(("icmp", "vxlan")) and ", cut to" not in name
    ]  # of VXLAN, tshark gives what is inside with what is around it
    path = tmp_path / "corpus.pcap"
    path.write_bytes(corpus.pcap(chosen))
    found = [each for each in streams(path) if each.kind == "udp"]
    theirs = tshark_follow(path, "udp", range(len(found)))
    assert {each.number: our_follow(path, each.number, "udp") for each in found} == theirs
    assert {1536, 2500} <= {each.bytes for each in found}  # of two fragments each


def test_what_was_seen_at_several_interfaces_was_said_once(tmp_path: Path) -> None:
    frames, interfaces = [], []
    for direction, data in ((0, b"ask"), (1, b"answer"), (0, b"again"), (0, b"again")):
        src, dst = (CLIENT, SERVER) if direction == 0 else (SERVER, CLIENT)
        datagram = IPv4(src=src, dst=dst) / UDP(sport=7000, dport=7000) / data
        frames += [(Ethernet() / datagram).data] * 3  # on its way past three interfaces
        interfaces += [0, 1, 2] if direction == 0 else [2, 1, 0]
    batch = batch_of(frames, interface=interfaces, interfaces=[Interface(n) for n in "abc"])
    path = tmp_path / "hops.pcapng"
    with path.open("wb") as file, PcapngWriter(file) as writer:
        writer.write(batch)
    assert [turn.data for turn in follow(path, 0, "udp")] == [b"ask", b"answer", b"againagain"]
    (stream,) = streams(path)
    assert (stream.packets, stream.bytes) == (12, 3 * len(b"askansweragainagain"))
