"""Lines of packets: tcpdump's, what they say beyond, the same at both speeds, never an escape."""

from __future__ import annotations

import random
import re
import subprocess
import sys

import pytest

from netarium.wire.batch import CHECKSUM_NOT_READY, CHECKSUM_VALID, INBOUND, OUTBOUND, Interface
from netarium.wire.checksum import Verdict
from netarium.wire.judging import judge
from netarium.wire.packet import Packet, packet_of
from netarium.wire.text.line_frames import ROOM
from netarium.wire.text.lines import Lines, lines
from tests.wire.batches import SECOND, batch_of, corpus_batch
from tests.wire.corpus import START, corpus, frame, other_links, pcap

CLOCK = "00:00:00.000000 "


def line_of(name, **columns):
    """The line of one frame of the corpus, without the time."""
    (line,) = lines(batch_of([frame(name)], **columns)).decode().splitlines()
    assert line.startswith(CLOCK)
    return line.removeprefix(CLOCK)


@pytest.fixture(scope="module")
def whole():
    """The lines of the corpus, by the interpreter."""
    return lines(corpus_batch()).decode().splitlines()


# --- beside tcpdump -----------------------------------------------------------------------

#: Where the two say different things, by the beginning of the frame's name, and why.
DIFFERENT = {
    # Told by the headers' own declarations, in their words.
    "told by Python": (
        *("rarp", "stp", "snap", "cdp", "llc", "lldp", "mpls", "unknown ethertype", "loopback"),
        *("pppoe", "ones", "zeros", "ospf", "esp", "ipv6 esp", "sctp", "udp-lite", "igmp"),
        *("llmnr", "dhcp", "bootp", "tls", "ntp", "tftp", "syslog", "telnet", "ipv4 no payload"),
        *("ipv4 unknown protocol", "vxlan, port 8472"),
    ),
    # In fewer words, or in more.
    "shorter or longer": (
        *("arp of odd sizes", "ah", "icmp timestamp reply", "icmp address mask reply"),
        *(
            "icmp router advertisement",
            "icmp unknown type",
            "vxlan",
            "gre",
            "ipv6",
            "icmpv6",
            "mld",
        ),
        *(
            "tcp accurate ecn",
            "tcp options: ",
            "ipv4 fragment",
            "ipv4 tcp fragment",
            "eighty headers",
        ),
        # Types that tcpdump 4.99.3 has no name for, or of which it tells no data.
        *("dns answer caa", "dns answer https", "dns answer naptr", "dns answer unknown type"),
        *("dns type hinfo", "dns type rp", "dns type afsdb", "dns type naptr", "dns type uri"),
        *("dns type caa", "dns type nsec3", "dns type csync", "dns type tlsa", "dns type svcb"),
        *("dns type openpgpkey", "dns type zonemd", "dns type eui48", "dns type https"),
        *("dns type type65280", "dns over tcp"),
        *("smtp mail", "pop3", "imap", "http", "ssh on an odd port", "binary"),
    ),
    # Says where it stopped and why, instead of [|tcp].
    "malformed": (
        *("ipv4 length", "ipv4 ihl", "ipv4 version", "icmp quotes", "icmp of", "tcp data offset"),
        *("tcp option", "udp length", "nothing but", "ipv4 with half", "arp cut", "vlan cut"),
        *("ipv4 option cut", "ipv4 option length zero", "neighbour option"),
        *("dns pointer", "dns question cut", "dns counts too large", "dns label too long"),
    ),
}


def is_different(name):
    return ", cut to" in name or name.startswith(tuple(p for ps in DIFFERENT.values() for p in ps))


def without_extras(line):
    """A line without what tcpdump does not say: tags, marks, fragments' places."""
    line = re.sub(r"^(vlan \d+, p \d(, DEI)?, )+", "", line)
    line = re.sub(r" \(fragment [^)]*\)", "", line)
    return re.sub(r"( \[(bad \w+ cksum|offload)\])+$", "", line)


@pytest.fixture(scope="module")
def beside_tcpdump(tmp_path_factory, whole):
    """Name, tcpdump's line and ours for each frame of the corpus that is not empty."""
    file = tmp_path_factory.mktemp("lines") / "corpus.pcap"
    there = [(name, data, length) for name, data, length in corpus() if data]
    file.write_bytes(pcap([(data, length) for _, data, length in there]))
    done = subprocess.run(
        ["tcpdump", "-nn", "-r", file],
        capture_output=True,
        text=True,
        check=True,
        env={"TZ": "UTC", "PATH": "/usr/bin:/usr/sbin:/bin"},
    )
    theirs = []
    for line in done.stdout.splitlines():
        if re.match(r"\d\d:\d\d:\d\d\.", line):
            theirs.append(line[len(CLOCK) :])
        elif not line.startswith("\t"):
            theirs[-1] += f": {line.strip()}"
    ours = [line[len(CLOCK) :] for line, (_, data, _) in zip(whole, corpus(), strict=True) if data]
    assert len(theirs) == len(ours) == len(there)
    return list(zip([name for name, _, _ in there], theirs, ours, strict=True))


@pytest.mark.needs("tcpdump")
def test_the_corpus_reads_as_tcpdump_tells_it(beside_tcpdump):
    compared = [each for each in beside_tcpdump if not is_different(each[0])]
    assert len(compared) > 100
    wrong = [each for each in compared if without_extras(each[2]) != each[1]]
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.needs("tcpdump")
def test_wherever_both_tell_of_an_exchange_it_is_the_same(beside_tcpdump):
    """Addresses, ports, flags and numbers, in the frames that are told differently, too."""
    essential = re.compile(r"^IP6? \S+ > \S+:|Flags \[.*?\]|(?:seq|ack|win|urg) [\d:]+")
    wrong = []
    words = ("snap", "ah", "icmp timestamp reply", "tcp accurate ecn")  # tcpdump 4.99.3 does not
    for name, theirs, ours in beside_tcpdump:
        if name in words:
            continue
        told = essential.findall(theirs)
        if told and "[|" not in theirs and "bad" not in theirs and "." in told[0]:
            wrong += (
                [(name, theirs, ours)] if essential.findall(without_extras(ours)) != told else []
            )
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.needs("tcpdump")
def test_every_exception_is_one(beside_tcpdump):
    """A list of differences that has grown too long hides faults."""
    differing = {name for name, theirs, ours in beside_tcpdump if without_extras(ours) != theirs}
    for reason, beginnings in DIFFERENT.items():
        for beginning in beginnings:
            assert any(name.startswith(beginning) for name in differing), (reason, beginning)


# --- at both speeds -----------------------------------------------------------------------


def test_compiled_and_interpreted_loops_write_the_same(whole):
    assert lines(corpus_batch(), fast=True).decode().splitlines() == whole


@pytest.mark.parametrize("fast", [False, True])
def test_other_link_types(fast):
    for name, link_type, data in other_links():
        batch = batch_of([data], link_type)
        text = lines(batch, fast=fast).decode()
        assert text.count("\n") == 1, name
        if any(layer.title in ("IPv4", "IPv6") for layer in packet_of(batch, 0).layers):
            assert " IP" in text, name


def test_a_batch_in_many_pieces_reads_as_in_one(whole, monkeypatch):
    """Little room for text, for conversations and for what Python adds changes nothing."""
    monkeypatch.setattr("netarium.wire.text.lines._CHUNK", ROOM + 1000)
    monkeypatch.setattr("netarium.wire.text.lines._RESTS", 3)
    monkeypatch.setattr(
        "netarium.wire.text.lines.flow_table",
        lambda: __import__("array").array("q", bytes(8 * 3 * 16)),
    )
    pieces = list(Lines().chunks(corpus_batch()))
    assert len(pieces) > 20
    assert b"".join(pieces).decode().splitlines() == whole


def mutations(count, seed):
    dice = random.Random(seed)
    frames = [data for _, data, _ in corpus() if data]
    for _ in range(count):
        data = bytearray(dice.choice(frames))
        for _ in range(dice.randrange(1, 6)):
            data[dice.randrange(len(data))] = dice.choice(
                (0, 1, 4, 5, 0x45, 255, dice.randrange(256))
            )
        if dice.random() < 0.3:
            del data[dice.randrange(1, len(data) + 1) :]
        yield bytes(data)


def test_mutated_packets_never_raise_and_never_leave_their_buffer():
    """One a buffer: reading beyond a frame's end is an IndexError of the interpreter."""
    writer = Lines()
    for data in mutations(3000, 1):
        text = writer.of(batch_of([data]))
        assert text.endswith(b"\n") and text.count(b"\n") == 1 and text[:-1].isascii()
        assert text[:-1].decode().isprintable()


def test_mutated_packets_read_the_same_at_both_speeds():
    batch = batch_of(list(mutations(3000, 2)))
    assert lines(batch, fast=True) == lines(batch)


def test_dns_in_the_loop_is_dns_as_python_writes_it():
    """Of spoiled messages, too: those that the loop takes for usual are whole."""
    from netarium.wire.applications.dns import DNS
    from netarium.wire.applications.dns_line import dns_line

    dice = random.Random(5)
    messages = [data for name, data, _ in corpus() if name.startswith(("dns", "mdns"))]
    messages = [data for data in messages if len(data) > 60]
    spoiled = list(messages)
    for _ in range(3000):
        data = bytearray(dice.choice(messages))
        for _ in range(dice.randrange(3)):
            data[dice.randrange(42, len(data))] = dice.choice(
                (0, 1, 5, 12, 192, dice.randrange(256))
            )
        spoiled.append(bytes(data))
    batch = batch_of(spoiled)
    told = lines(batch, fast=True).decode().splitlines()
    usual = 0
    for index, line in enumerate(told):
        packet = packet_of(batch, index)
        message = packet.get(DNS)
        if message is None:
            continue
        usual += packet.stop is None
        assert dns_line(message) in line, (spoiled[index].hex(), line, dns_line(message))
        assert packet.stop is None or f"[{packet.stop}]" in line, (line, packet.stop)
    assert usual > 500


def test_neither_numpy_nor_numba_is_loaded_for_little():
    program = (
        "import sys; from tests.wire.batches import batch_of\n"
        "from netarium.wire.text.lines import lines\n"
        "assert lines(batch_of([bytes(60)])); print({'numba', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


# --- numbers of TCP -----------------------------------------------------------------------


def tcp(client=True, *, seq=0, ack=0, flags="ACK", size=0, ports=(40000, 80), base=(7000, 9000)):
    """A segment; numbers count from the connection's start."""
    from netarium.wire import TCP, Ethernet, IPv4

    mine, other = base if client else base[::-1]
    ends, sides = (
        (ports, ("10.0.0.1", "10.0.0.2")) if client else (ports[::-1], ("10.0.0.2", "10.0.0.1"))
    )
    header = TCP(
        sport=ends[0],
        dport=ends[1],
        seq=(mine + seq) % 2**32,
        ack=(other + ack) % 2**32 if "ACK" in flags else 0,
        flags=flags,
    )
    return bytes(Ethernet() / IPv4(src=sides[0], dst=sides[1]) / header / bytes(size))


HANDSHAKE = [tcp(flags="SYN"), tcp(False, ack=1, flags="SYN ACK"), tcp(seq=1, ack=1)]


def numbers(frames, **options):
    text = Lines(**options).of(batch_of(frames)).decode()
    return [" ".join(re.findall(r"(?:seq|ack) [\d:]+", line)) for line in text.splitlines()]


@pytest.mark.parametrize("base", [(7000, 9000), (2**32 - 3, 2**32 - 2)])
def test_numbers_count_from_the_start_of_the_connection(base):
    frames = [
        *(tcp(flags="SYN", base=base), tcp(False, ack=1, flags="SYN ACK", base=base)),
        tcp(seq=1, ack=1, base=base),
        tcp(seq=1, ack=1, size=100, base=base),
        tcp(False, seq=1, ack=101, size=10, base=base),
        tcp(seq=101, ack=11, flags="FIN ACK", base=base),
    ]
    assert numbers(frames) == [
        f"seq {base[0]}",
        f"seq {base[1]} ack {(base[0] + 1) % 2**32}",
        *("ack 1", "seq 1:101 ack 1", "seq 1:11 ack 101", "seq 101 ack 11"),
    ]


def test_absolute_numbers():
    frames = [*HANDSHAKE, tcp(seq=1, ack=1, size=100)]
    assert numbers(frames, absolute=True)[-1] == "seq 7001:7101 ack 9001"


def test_numbers_go_on_in_the_next_batch_and_a_new_connection_begins_anew():
    writer = Lines()
    writer.of(batch_of(HANDSHAKE))
    assert b"seq 1:6, ack 1," in writer.of(batch_of([tcp(seq=1, ack=1, size=5)]))
    again = [
        tcp(False, ack=1, flags="SYN ACK", base=(50, 60)),
        tcp(seq=1, ack=1, size=5, base=(50, 60)),
    ]
    assert b"seq 1:6, ack 1," in writer.of(batch_of(again))


def test_more_connections_than_the_table_had_room_for():
    writer = Lines()
    many = range(1000, 4000)
    first = [tcp(seq=1, ack=1, size=1, ports=(port, 80)) for port in many]
    second = [tcp(seq=2, ack=1, size=1, ports=(port, 80)) for port in many]
    writer.of(batch_of(first), fast=True)
    told = writer.of(batch_of(second), fast=True).decode().splitlines()
    assert len(told) == len(many)
    assert all("seq 1:2, ack 1," in line for line in told)


def test_both_ends_of_one_port_and_address_are_told_apart():
    ports = (5000, 5000)
    frames = [
        tcp(False, ack=1, flags="SYN ACK", ports=ports),
        tcp(seq=1, ack=1, size=3, ports=ports),
        tcp(False, seq=1, ack=4, size=2, ports=ports),
    ]
    assert numbers(frames)[1:] == ["seq 1:4 ack 1", "seq 1:3 ack 4"]


# --- beyond tcpdump -----------------------------------------------------------------------


def test_marks_agree_with_the_verdicts_of_a_closer_look(whole):
    batch = corpus_batch()
    names = {"IPv4": "ip", "ICMPv6": "icmp"}
    wrong = []
    for index, (name, _, _) in enumerate(corpus()):
        packet = packet_of(batch, index)
        verdicts = judge(packet)
        expected = {
            names.get(judged.layer, judged.layer.lower())
            for judged in verdicts
            if judged.verdict is Verdict.WRONG
        }
        marked = set(re.findall(r"\[bad (\S+) cksum\]", whole[index]))
        left = any(judged.verdict is Verdict.OFFLOAD for judged in verdicts)
        if packet.stop and not marked:
            continue  # what is malformed is not summed up
        if marked != expected or left != ("[offload]" in whole[index]):
            wrong.append(name)
    assert wrong == ["ipv6 router alert, unknown routing"]  # a sum along a route is not made


def test_flags_of_the_capture_decide():
    wrong = "tcp wrong checksum"
    assert line_of(wrong).endswith("[bad tcp cksum]")
    assert line_of(wrong, flags=[CHECKSUM_VALID]).endswith("length 4")
    assert line_of("udp", flags=[CHECKSUM_NOT_READY]).endswith("[offload]")


def test_super_frames():
    told = line_of("tcp super-frame", segment=[1448])
    assert told.endswith("length 5120 [super-frame of segments of 1448]")
    limited = [Interface("h1:eth0", mtu=1500)]
    assert line_of("tcp super-frame", interfaces=limited).endswith("length 5120 [super-frame]")
    assert line_of("tcp data", interfaces=limited).endswith("length 20")


def test_a_malformed_packet_says_where_it_stopped(whole):
    by_name = {name: line for (name, _, _), line in zip(corpus(), whole, strict=True)}
    batch = corpus_batch()
    silent = []
    for index, (name, _, _) in enumerate(corpus()):
        stop = packet_of(batch, index).stop
        if stop and f"[{stop}]" not in by_name[name]:
            silent.append(name)
    assert silent == ["eighty headers"]  # a line ends after eight


def test_tags_and_fragments_are_told():
    assert line_of("vlan in vlan").startswith("vlan 100, p 0, vlan 200, p 0, IP 10.0.0.1.1000 > ")
    assert line_of("ipv4 fragment 1").endswith(
        "UDP, length 600 (fragment of id 119, at 600, more to come)"
    )
    assert line_of("ipv6 fragment 2").endswith("UDP, length 44 (fragment at 2464, the last)")


def test_several_interfaces_are_named_with_the_direction():
    interfaces = [Interface("h1:eth0"), Interface("router:eth10")]
    batch = batch_of(
        [frame("udp")] * 3, interfaces=interfaces, interface=[0, 1, 0], flags=[OUTBOUND, INBOUND, 0]
    )
    told = [line.removeprefix("00:00:00.")[7:] for line in lines(batch).decode().splitlines()]
    assert [line.partition("IP")[0] for line in told] == [
        *("h1:eth0      Out ", "router:eth10 In  ", "h1:eth0      ")
    ]


def test_the_link_layer_on_request():
    text = Lines(link=True).of(batch_of([frame("udp"), frame("lldp")])).decode()
    first, second = text.splitlines()
    assert "02:00:00:00:00:0a > 02:00:00:00:00:0b, ethertype IPv4 (0x0800), length 54: IP " in first
    assert second.count("02:00:00:00:00:0a") == 1 or "ethertype 0x88cc" in second


# --- time ---------------------------------------------------------------------------------


def test_clocks():
    batch = batch_of([frame("udp")] * 3)
    for index, later in enumerate((0, 1_500_000_000, 1_000_000_000)):
        batch.time[index] = START * SECOND + later
    told = {
        clock: [line.split(" ")[0] for line in Lines(clock=clock).of(batch).decode().splitlines()]
        for clock in ("utc", "epoch", "relative", "delta", "none")
    }
    assert told == {
        "utc": ["00:00:00.000000", "00:00:01.500000", "00:00:01.000000"],
        "epoch": [f"{START}.000000", f"{START + 1}.500000", f"{START + 1}.000000"],
        "relative": ["0.000000", "1.500000", "1.000000"],
        "delta": ["0.000000", "1.500000", "-0.500000"],
        "none": ["IP", "IP", "IP"],
    }


def test_local_time_jumps_where_summer_begins():
    asked = []

    def offset(second):
        asked.append(second)
        return 3600 if second < START + 900 else 7200

    batch = batch_of([frame("udp")] * 4)
    for index, later in enumerate((0, 899, 900, 1000)):
        batch.time[index] = (START + later) * SECOND
    told = Lines(clock="local", offset=offset).of(batch).decode().splitlines()
    assert [line[:8] for line in told] == ["01:00:00", "01:14:59", "02:15:00", "02:16:40"]
    assert len(asked) == 2  # not once a packet


# --- hostile packets ----------------------------------------------------------------------


def test_nothing_from_the_wire_reaches_the_terminal_as_it_is():
    from netarium.wire import DNS, TCP, UDP, Ethernet, IPv4
    from netarium.wire.applications.dns import Question

    evil = "\x1b[2J\x1b]0;owned\x07\r\n"
    request = Ethernet() / IPv4() / TCP(dport=80) / f"GET /{evil} HTTP/1.1\r\n\r\n"
    query = bytes(DNS(id=1, questions=[Question(name="x" * 9)])).replace(
        b"x" * 9, b"\x1b[31mred\x9b"
    )
    asked = Ethernet() / IPv4() / UDP(dport=53) / query
    batch = batch_of(
        [bytes(request), bytes(asked)], interfaces=[Interface(evil + "\u202e"), Interface("b")]
    )
    text = lines(batch).decode()
    assert text.count("\n") == 2
    assert text.replace("\n", "").isprintable()
    assert r"GET /\x1b[2J\x1b]0;owned\x07" in text
    assert r"A? \027[31mred\155" in text  # as RFC 1035 writes such names


def test_hostile_frames_cannot_outgrow_the_room_of_a_line():
    """Thousands of tags, of extension headers, of tunnels within tunnels."""
    options = bytes.fromhex("3c00 0104 0000 0000".replace(" ", ""))  # of a destination, 8 bytes
    chain = options * 4000 + b"\x3b\x00\x01\x04" + bytes(4)
    six = b"\x60" + bytes(3) + len(chain).to_bytes(2, "big") + b"\x3c\x40" + bytes(32) + chain
    inner = frame("tcp options: sack")[14:]
    for _ in range(20):
        header = bytearray(Packet.parse(frame("ipv4 no payload"))[1].raw)
        header[2:4] = (len(inner) + 20).to_bytes(2, "big")
        header[9] = 4
        inner = bytes(header) + inner
    tags = bytes(12) + b"\x81\x00\xff\xff" * 3000
    batch = batch_of([tags + b"\x86\xdd" + six, tags + b"\x08\x00" + inner])
    told = lines(batch)
    assert b"vlan 4095, p 7, DEI, " in told
    assert b"DSTOPT " in told
    assert max(map(len, told.splitlines())) < 2000
    assert lines(batch, fast=True) == told
