"""Who said what to whom: what is lost, sent again, folded, translated; against tshark."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from netarium.capture import read, write
from netarium.capture.conversations import conversation
from netarium.capture.pictures import Picture, draw, ladder, save
from netarium.capture.sightings import hops, identity, numbered, sightings
from netarium.errors import NetariumError, NotFoundError, UsageError
from netarium.wire.batch import INBOUND, OUTBOUND, Interface
from netarium.wire.drawing.conversation import Arrow, Run
from netarium.wire.drawing.ladder import draw_ladder
from netarium.wire.drawing.ladder_text import ladder_text
from netarium.wire.internet.ipv4 import IPv4
from netarium.wire.link.arp import ARP
from netarium.wire.link.ethernet import Ethernet
from netarium.wire.transport.tcp import TCP
from netarium.wire.transport.udp import UDP
from tests.wire.batches import batch_of
from tests.wire.pictures import parsed, troubles

IMAGES = Path(__file__).parents[2] / "docs" / "images"
WEB, LOSSY = IMAGES / "web.pcapng.gz", IMAGES / "lossy.pcapng.gz"
MS = 1_000_000


class Talk:
    """A TCP connection between 10.0.0.1 and 10.0.0.2, made up segment by segment."""

    def __init__(self, sport=40000):
        self.packets = []
        self.sport = sport
        self.identification = 0

    def say(self, who, flags, seq, ack=0, data=b"", window=1000, at=None):
        """A segment of ``c`` (the client) or ``s`` (the server)."""
        self.identification += 1
        client = who == "c"
        ends = ("10.0.0.1", "10.0.0.2") if client else ("10.0.0.2", "10.0.0.1")
        ports = (self.sport, 5000) if client else (5000, self.sport)
        macs = ("02:00:00:00:00:01", "02:00:00:00:00:02")
        packet = (
            Ethernet(src=macs[not client], dst=macs[client])
            / IPv4(src=ends[0], dst=ends[1], identification=self.identification)
            / TCP(sport=ports[0], dport=ports[1], flags=flags, seq=seq, ack=ack, window=window)
        )
        packet = packet / data if data else packet
        packet.number = len(self.packets) + 1
        packet.time = 10**18 + (packet.number if at is None else at) * MS
        self.packets.append(packet)
        return packet

    def open(self):
        self.say("c", "SYN", 100)
        self.say("s", "SYN ACK", 500, 101)
        self.say("c", "ACK", 101, 501)
        return self

    def arrows(self, **options):
        return conversation(self.packets, **options).events


def test_an_exchange_is_told_with_relative_numbers():
    talk = Talk().open()
    talk.say("c", "PSH ACK", 101, 501, b"x" * 20)
    talk.say("s", "ACK", 501, 121)
    talk.say("c", "FIN ACK", 121, 501)
    told = conversation(talk.packets)
    assert [host.name for host in told.hosts] == ["10.0.0.1", "10.0.0.2"]
    assert [(a.source, a.target, a.label, a.detail) for a in told.events] == [
        (0, 1, "SYN", "seq 0, win 1000"),
        (1, 0, "SYN ACK", "seq 0, ack 1, win 1000"),
        (0, 1, "ACK", "seq 1, ack 1"),
        (0, 1, "20 bytes", "seq 1, ack 1, len 20"),
        (1, 0, "ACK", "seq 1, ack 21"),
        (0, 1, "FIN ACK", "seq 21, ack 1"),
    ]
    assert [(p.name, p.first, p.last) for p in told.phases] == [
        ("handshake", 0, 2),
        ("data", 3, 4),
        ("close", 5, 5),
    ]


def strange_talk():
    """Everything that TCP does when a network is bad."""
    talk = Talk().open()
    talk.say("c", "PSH ACK", 101, 501, b"a" * 10)  # 4
    talk.say("s", "ACK", 501, 111)
    talk.say("c", "PSH ACK", 121, 501, b"c" * 10)  # 6: the one before got lost
    talk.say("s", "ACK", 501, 111)  # 7: duplicate
    talk.say("s", "ACK", 501, 111)  # 8: duplicate
    talk.say("c", "PSH ACK", 121, 501, b"c" * 10, at=400)  # 9: again
    talk.say("s", "ACK", 501, 111, at=401, window=0)  # 10: full
    talk.say("s", "ACK", 501, 111, at=700)  # 11: a window again
    talk.say("c", "PSH ACK", 131, 501, b"d", at=701)
    talk.say("s", "ACK", 501, 132, at=702)
    talk.say("c", "ACK", 131, 501, b"d", at=9000)  # 14: keep-alive
    talk.say("c", "RST ACK", 132, 501, at=9001)
    return talk


def test_what_is_strange_is_said():
    notes = {a.number: (a.again, a.alarm, a.note) for a in strange_talk().arrows(fold=False)}
    assert {number: note for number, note in notes.items() if note != (False, False, "")} == {
        7: (False, False, "duplicate ACK"),
        8: (False, False, "duplicate ACK"),
        9: (True, False, "retransmission"),
        10: (False, False, "window full"),
        14: (False, False, "keep-alive"),
        15: (False, True, ""),
    }


def analysed(path, name):
    """Numbers of the packets in which tshark finds something."""
    words = ["tshark", "-r", path, "-Y", f"tcp.analysis.{name}", "-T", "fields", "-e"]
    done = subprocess.run(
        [*words, "frame.number"], capture_output=True, text=True, check=True, timeout=60
    )
    return {int(number) for number in done.stdout.split()}


@pytest.mark.needs("tshark")
def test_tshark_finds_the_same_retransmissions(tmp_path):
    captures = {"made": strange_talk().packets}
    for place in ("h1:eth0", "www:eth0", "isp:eth0"):
        captures[place] = [packet for packet in read(LOSSY) if packet.interface == place]
    found = 0
    for name, packets in captures.items():
        path = tmp_path / f"{name.partition(':')[0]}.pcapng"
        write(path, packets)
        arrows = conversation(path, fold=False, limit=0).events
        assert {a.number for a in arrows if a.again} == analysed(path, "retransmission"), name
        for word, ours in (("duplicate_ack", "duplicate ACK"), ("keep_alive", "keep-alive")):
            assert {a.number for a in arrows if a.note == ours} == analysed(path, word), name
        found += sum(a.again for a in arrows)
    assert found >= 7


def test_many_segments_that_say_nothing_new_are_one_arrow():
    talk = Talk().open()
    for number in range(50):
        talk.say("s", "ACK", 501 + 1000 * number, 101, bytes(1000))
        if number % 2:
            talk.say("c", "ACK", 101, 501 + 1000 * (number + 1))
    talk.say("s", "FIN ACK", 50501, 101)
    events = talk.arrows()
    assert len(events) == 5
    (run,) = [event for event in events if isinstance(event, Run)]
    assert (run.source, run.target) == (1, 0)
    assert run.text == "50 segments, 50,000 bytes; 25 acknowledgements"
    assert len(talk.arrows(fold=False, limit=0)) == 79
    limited = conversation(talk.packets, fold=False, limit=10)
    assert (len(limited.events), limited.more) == (10, 69)
    assert conversation(talk.packets, limit=3).more == 76


def test_a_new_connection_on_the_same_ports_begins_anew():
    talk = Talk().open()
    talk.say("c", "RST", 101)
    talk.say("c", "SYN", 9000)
    talk.say("s", "SYN ACK", 7000, 9001)
    events = talk.arrows()
    assert [(a.label, a.detail, a.again) for a in events][-2:] == [
        ("SYN", "seq 0, win 1000", False),
        ("SYN ACK", "seq 0, ack 1, win 1000", False),
    ]


def test_what_is_not_tcp_is_told_in_its_own_words():
    arp = Ethernet() / ARP(sender_ip="10.0.0.1", target_ip="10.0.0.2")
    udp = Ethernet() / IPv4(src="10.0.0.1", dst="255.255.255.255") / UDP(sport=9, dport=9) / b"abc"
    told = conversation([arp, udp])
    assert [(a.label, a.kind) for a in told.events] == [
        ("ARP who has 10.0.0.2? tell 10.0.0.1", "network"),
        ("UDP 9 > 9", "transport"),
    ]
    assert [host.name for host in told.hosts] == ["10.0.0.1", "10.0.0.2", "everyone"]


def test_no_packets_make_an_empty_ladder():
    told = conversation([])
    assert ladder_text(told) == "No packets\n"
    assert parsed(draw_ladder(told)).said() == "No packets"


# --- a whole lab, captured at every interface -----------------------------------------------


def test_a_packet_seen_everywhere_is_one_arrow_that_falls():
    told = conversation(WEB)
    assert [host.name for host in told.hosts] == ["h1", "backbone", "www"]
    assert [host.address for host in told.hosts] == ["192.168.1.11", "10.1.1.1", "10.130.1.4"]
    assert len(told.events) == 16
    times = {packet.number: packet.time for packet in read(WEB)}
    for arrow in told.events:
        last = arrow.number + (9 if {arrow.source, arrow.target} == {0, 2} else 5)
        assert (arrow.time, arrow.arrival) == (times[arrow.number], times[last])
    assert [phase.name for phase in told.phases] == ["handshake", "data", "close"]
    assert told.events[4].note == "NAT: from 10.25.1.65:52100"


def test_packets_that_never_came_are_lost_where_they_were_seen_last():
    told = conversation(LOSSY)
    lost = {a.number: told.hosts[a.target].name for a in told.events if a.lost}
    assert lost == {11: "isp", 38: "isp", 83: "isp", 117: "isp"}
    assert all("lost at isp" in a.note for a in told.events if a.lost)


def test_either_number_of_a_translated_connection_names_it():
    inside, outside = conversation(WEB, stream=0), conversation(WEB, stream=1)
    assert inside == outside
    assert [a.number for a in inside.events][:3] == [25, 35, 45]
    with pytest.raises(NotFoundError, match="no TCP connection 2"):
        conversation(WEB, stream=2)


@pytest.mark.needs("tshark")
def test_connections_have_the_numbers_that_tshark_gives():
    words = ["tshark", "-r", WEB, "-T", "fields", "-e", "frame.number", "-e", "tcp.stream"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    pairs = [line.split("\t") for line in done.stdout.splitlines()]
    assert {stream for _, stream in pairs} == {"", "0", "1"}
    for stream in ("0", "1"):
        first = next(int(number) for number, found in pairs if found == stream)
        (seen,) = [
            group
            for group in sightings(read(WEB))
            if any(packet.number == first for packet in group)
        ]
        told = conversation(WEB, stream=int(stream)).events[0]
        assert told.number == seen[0].number


def test_hop_by_hop_each_router_has_its_arrow():
    told = conversation(WEB, stream=0, hops=True, limit=0)
    names = [host.name for host in told.hosts]
    assert names == ["h1", "modemA", "isp", "backbone", "example", "www"]
    steps = [(a.source, a.target) for a in told.events[:10]]
    assert steps == [(n, n + 1) for n in range(5)] + [(n, n - 1) for n in range(5, 0, -1)]
    assert [a.note for a in told.events[:2]] == ["", "NAT: from 10.25.1.65:52100"]
    assert told.events[9].note == "NAT: to 192.168.1.11:52100"
    assert len(told.events) == 12 * 5


def test_the_same_packet_is_found_at_every_hop():
    expected = list(range(25, 35))
    for number in (25, 29, 34):
        assert [packet.number for packet in hops(WEB, number)] == expected
    places = [packet.interface.partition(":")[0] for packet in hops(WEB, 25)]
    path = ["h1", "modemA", "isp", "backbone", "example", "www"]
    assert list(dict.fromkeys(places)) == path
    assert sorted(len(group) for group in sightings(read(WEB))) == [6] * 4 + [10] * 12


def test_what_was_sent_twice_is_two_packets():
    first = Talk().say("c", "SYN", 100)
    again = Talk()
    again.identification = 7
    assert identity(first) != identity(again.say("c", "SYN", 100))
    same = [Talk().say("c", "SYN", 100), Talk().say("c", "SYN", 100)]
    same[1].time += 20_000 * MS
    assert len(sightings(same)) == 2


def test_a_packet_that_is_not_there():
    with pytest.raises(NotFoundError, match=r"no packet 145 in .*: the last is 144"):
        numbered(WEB, [145])
    with pytest.raises(NotFoundError, match="that the filter lets through"):
        numbered(WEB, [25], "udp")
    with pytest.raises(NetariumError, match="no packet that the filter lets through"):
        numbered(WEB, [], "icmp")
    assert numbered(WEB, [], "tcp")[0].number == 25
    assert [packet.number for packet in numbered(WEB, [3, 1, 3])] == [3, 1, 3]


def test_a_capture_that_breaks_off_is_drawn_as_far_as_it_goes(tmp_path):
    import gzip

    whole = gzip.decompress(WEB.read_bytes())
    path = tmp_path / "cut.pcapng"
    path.write_bytes(whole[: len(whole) * 2 // 3])
    told = conversation(path)
    assert told.trouble
    assert 5 < len(told.events) < 16


# --- pictures -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [WEB, LOSSY], ids=["web", "lossy"])
@pytest.mark.parametrize("hops", [False, True], ids=["ends", "hops"])
def test_a_ladder_is_well_drawn(path, hops):
    told = conversation(path, limit=0, hops=hops)
    svg = draw_ladder(told)
    assert svg == draw_ladder(conversation(path, limit=0, hops=hops))
    said = parsed(svg).said()
    for host in told.hosts:
        assert said.count(host.name) >= 2
    assert troubles(svg) == []
    text = ladder_text(told).splitlines()
    assert len([line for line in text if line[:6].strip().isdigit()]) == len(told.events)


def test_everything_strange_is_well_drawn():
    talk = strange_talk()
    for options in ({}, {"fold": False}):
        told = conversation(talk.packets, **options)
        assert troubles(draw_ladder(told)) == []
        assert "392 ms later" in ladder_text(told)
    assert "8.3 s later" in parsed(draw_ladder(told)).said()


def test_hostile_names_do_nothing():
    packet = Talk().say("c", "SYN", 1)
    packet.interface = "<script>\x1b[0m:eth0"
    told = conversation([packet])
    told.hosts[0].name = "<script>alert(1)</script>\x00"
    told.events[0] = Arrow(1, 10**18, 0, 1, "</text><script>", "\x1b[31m", note="&")
    parsed(draw_ladder(told))
    assert "\x1b" not in ladder_text(told)
    assert "\x00" not in ladder_text(told)


def test_pictures_in_python(tmp_path):
    packets = list(read(WEB))
    picture = draw(packets[24])
    assert isinstance(picture, Picture)
    assert picture._repr_svg_() == str(picture)
    picture.save(tmp_path / "syn.svg")
    assert (tmp_path / "syn.svg").read_text() == picture
    parsed(draw(packets[24], packets[26], title="NAT"))
    drawn = ladder(packets, title="A page")
    drawn.save(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    assert "A page" in parsed(ladder(WEB, "tcp", stream=0, title="A page")).said()


def test_a_picture_is_saved_whole_or_not_at_all(tmp_path):
    svg = str(draw(Talk().say("c", "SYN", 1)))
    path = tmp_path / "a.svg"
    path.write_text("before")
    path.chmod(0o640)
    with pytest.raises(UsageError):
        save(svg, tmp_path / "a.bmp")
    with pytest.raises(NetariumError, match="cannot write"):
        save(svg, tmp_path / "nowhere" / "a.svg")
    save(svg, path)
    assert path.read_text() == svg
    assert path.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["a.svg"]


@pytest.mark.parametrize("described", [True, False])
def test_no_node_is_told_with_an_address_that_it_does_not_have(tmp_path, described):
    """Without the lab file, descriptions of interfaces have the addresses, or nothing has."""
    packet = Ethernet() / IPv4(src="10.0.1.1", dst="10.0.2.1", ttl=63) / UDP(dport=9) / b"hello"
    words = {
        "isp:eth0": "10.0.1.9/24, fd00::9/64 on line; MTU 1500",
        "modem:eth0": "10.0.3.1/24 on line; MTU 1500",
    }
    interfaces = [Interface(name, description=words[name] * described) for name in words]
    flags = [OUTBOUND, INBOUND]
    batch = batch_of([packet.data] * 2, interface=[0, 1], flags=flags, interfaces=interfaces)
    path = tmp_path / "two.pcapng"
    write(path, batch)
    told = conversation(path, hops=True)
    wanted = {"isp": "10.0.1.9", "modem": "10.0.3.1"} if described else {"isp": "", "modem": ""}
    assert {host.name: host.address for host in told.hosts if host.name in wanted} == wanted
