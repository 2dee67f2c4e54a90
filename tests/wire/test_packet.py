"""Reading packets: layers, where reading stops and why, quotes, padding, parts of packets."""

from __future__ import annotations

import subprocess
import sys

import pytest

from netarium import wire
from netarium.wire import (
    ARP,
    ICMP,
    MSS,
    TCP,
    UDP,
    VLAN,
    VXLAN,
    Ethernet,
    ICMPExtensions,
    Incomplete,
    IPv4,
    IPv6,
    Packet,
    Padding,
    Payload,
    RouterAdvertisement,
)
from tests.wire.corpus import corpus, frame, other_links, write_link

#: Where the headers of layers 2 to 4 are declared.
HEADERS = {
    "arp", "cooked", "ethernet", "gre", "icmp", "icmp_extensions", "icmpv6", "igmp", "ipv4",
    "ipv4_options", "ipv6", "ipv6_extensions", "ipv6_options", "llc", "mpls",
    "multicast_listener", "nd_options", "neighbour_discovery", "sctp", "tcp", "tcp_options",
    "udp", "vlan", "vxlan",
}  # fmt: skip


def titles(packet):
    return [layer.title for layer in packet]


def read(name):
    length = next(length for known, _, length in corpus() if known == name)
    return Packet.parse(frame(name), 1, length)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("vlan in vlan", ["Ethernet", "VLAN", "VLAN", "IPv4", "UDP", "Payload"]),
        ("stp", ["Ethernet", "LLC", "STP", "Padding"]),
        ("snap", ["Ethernet", "LLC", "SNAP", "IPv4", "UDP", "Payload"]),
        ("lldp", ["Ethernet", "Payload"]),
        ("mpls", ["Ethernet", "MPLS", "MPLS", "IPv4", "UDP", "Payload"]),
        ("arp gratuitous, padded", ["Ethernet", "ARP", "Padding"]),
        ("ipv4 trailer", ["Ethernet", "IPv4", "UDP", "Payload", "Padding"]),
        ("ipv4 fragment 1", ["Ethernet", "IPv4", "Payload"]),
        ("esp", ["Ethernet", "IPv4", "ESP", "Payload"]),
        ("ah", ["Ethernet", "IPv4", "AH", "UDP", "Payload"]),
        ("gre of ethernet", ["Ethernet", "IPv4", "GRE", "Ethernet", "IPv4", "UDP", "Payload"]),
        ("6in4", ["Ethernet", "IPv4", "IPv6", "ICMPv6", "Payload"]),
        ("ipv6 fragment 1", ["Ethernet", "IPv6", "IPv6 fragment", "Payload"]),
        ("ipv6 esp", ["Ethernet", "IPv6", "ESP", "Payload"]),
        (
            "ipv6 whole chain",
            [
                "Ethernet", "IPv6", "IPv6 hop-by-hop", "IPv6 destination options", "IPv6 routing",
                "IPv6 fragment", "IPv6 destination options", "TCP",
            ],
        ),
        (
            "icmp with mpls extension",
            ["Ethernet", "IPv4", "ICMP", "IPv4", "UDP", "DNS", "Padding", "ICMP extensions"],
        ),
    ],
)  # fmt: skip
def test_layers(name, expected):
    assert titles(read(name)) == expected


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ipv4 with half a header", "IPv4 stops at byte 20: IPv4 needs 20 bytes, 6 are there"),
        ("nothing but a header", "IPv4 stops at byte 14: IPv4 needs 20 bytes, 0 are there"),
        ("ipv4 ihl too small", "IPv4 stops at byte 14: a header length of 4 words; 5 is the least"),
        ("ipv4 version 5", "IPv4 stops at byte 14: a version of 5 in an IPv4 header"),
        ("ipv4 length too short", "a total length of 10 bytes is less than the header's 20"),
        ("ipv4 length too long", "its length says 467 bytes more than there are"),
        ("ipv4 option length zero", "option record route tells a length of 0, 3 is the least"),
        ("tcp data offset too small", "a data offset of 4 words; 5 is the least"),
        ("tcp data offset too large", "a header of 60 bytes is told, 20 bytes are there"),
        ("tcp option cut", "timestamps needs 10 bytes, 2 are there"),
        ("tcp option of odd length", "option MSS tells a length of 3, 4 is the least"),
        ("udp length too short", "a length of 7 bytes is less than the header's 8"),
        ("udp length too long", "its length says 87 bytes more than there are"),
        ("ipv6 extension cut", "a header of 48 bytes is told, 8 bytes are there"),
        ("ipv6 jumbo that is none", "a jumbo payload length of 21 bytes; 65536 is the least"),
        ("neighbour option of length 0", "tells a length of 0"),
        ("eighty headers", "64 headers within each other"),
        (
            "tcp data, cut to 38",
            "TCP needs 20 bytes, 4 are there (the capture kept 38 of 86 bytes)",
        ),
    ],
)
def test_where_reading_stops_and_why(name, words):
    packet = read(name)
    assert packet.stop is not None
    assert words in str(packet.stop)
    assert bytes(packet) == frame(name)


def test_behind_a_broken_option_reading_goes_on():
    packet = read("tcp option length zero")
    assert packet.stop.layer == "TCP"
    assert packet[TCP].ack == 2
    assert "timestamps needs 10 bytes, 4 are there" in str(packet[TCP].options[-1])
    packet = read("ipv4 option cut")
    assert packet[UDP].dport == 2000


def test_a_cut_capture_is_no_mistake_of_the_packet():
    whole = frame("tcp data")
    packet = Packet.parse(whole[:70], 1, len(whole))
    assert packet.stop is None
    assert (len(packet), packet.length) == (70, 86)
    shorter = Packet.parse(whole[:60], 1, len(whole))
    assert str(shorter.stop).endswith("26 bytes are there (the capture kept 60 of 86 bytes)")


def test_fragments_may_promise_more_than_they_have():
    assert read("ipv4 fragment 0").stop is None
    assert read("ipv6 fragment 0").stop is None


def test_an_incomplete_header_shows_what_is_there():
    packet = read("tcp data, cut to 42")
    cut = packet[Incomplete]
    assert cut.kind is TCP
    assert {shown.name: shown.value for shown in cut.fields()} == {
        "sport": 40000, "dport": 5001, "seq": 0x1000,
    }  # fmt: skip
    assert TCP not in packet


def test_what_an_error_quotes_is_not_the_packet_s_own():
    packet = read("icmp time exceeded")
    assert packet[IPv4].src == "10.0.0.1"
    assert [layer.quoted for layer in packet] == [False, False, False, True, True]
    assert packet.quoted[IPv4].dst == "192.0.2.9"
    assert not packet.quoted[IPv4].quoted
    assert UDP not in read("icmp whole quote")
    assert read("icmp whole quote").quoted[UDP].dport == 53
    assert read("icmp echo request").quoted is None
    assert packet.stop is None, "quotes are cut off by their nature"


def test_labels_behind_a_quote():
    packet = read("icmp with mpls extension")
    assert packet[ICMPExtensions].objects[0].labels == [100]
    assert len(packet.quoted) == 128


def test_a_part_of_a_packet_is_a_packet():
    packet = read("vxlan")
    inner = packet[VXLAN:][1:]
    assert titles(inner) == ["Ethernet", "IPv4", "UDP", "Payload"]
    assert inner.data == frame("vxlan")[50:]
    inner[IPv4].ttl = 1
    assert packet.data == frame("vxlan"), "it has headers of its own"
    assert packet[IPv4:].link_type == 228
    assert packet[:UDP].data == frame("vxlan")[:34] or titles(packet[:UDP]) == ["Ethernet", "IPv4"]


def test_asking_for_headers():
    packet = read("ip in ip")
    assert packet[IPv4] is packet.layers[1]
    assert packet.get(IPv6) is None
    assert IPv6 not in packet
    with pytest.raises(KeyError, match="IPv6 is not in"):
        packet[IPv6]
    assert packet[-1].load == b"inside"
    assert packet.payload == b"inside"


def test_values_are_read_from_where_they_are():
    packet = read("router advertisement")
    assert packet[RouterAdvertisement].preference == "high"
    for layer in packet:
        for shown in layer.fields():
            raw = int.from_bytes(packet.data, "big") >> (8 * len(packet) - shown.bit - shown.bits)
            if isinstance(shown.value, int):
                assert shown.value == raw & ((1 << shown.bits) - 1), shown.name


def test_options_are_headers_with_places_of_their_own():
    options = read("tcp options: syn")[TCP].options
    assert [type(option).__name__ for option in options] == [
        "MSS", "SACKPermitted", "Timestamps", "NOP", "WindowScale",
    ]  # fmt: skip
    assert options[0] == MSS(1460)
    assert [(option.start, option.size) for option in options][:2] == [(54, 4), (58, 2)]


def test_every_field_says_what_it_is_for():
    from netarium.wire import protocols
    from netarium.wire.header import Header

    assert protocols.tcp
    waiting, silent = [Header], []
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if kind.__module__.partition("wire.")[2] not in HEADERS or kind.__name__[0] == "_":
            continue
        silent += [f"{kind.__name__}.{f.name}" for f in kind.declared if not f.label]
        silent += [f"{kind.__name__}.{f.name}" for f in kind.declared if not f.meaning]
        if not (kind.__doc__ or "").strip():
            silent.append(kind.__name__)
    assert silent == []


def test_all_names_of_the_room_are_there():
    for name in wire.__all__:
        assert getattr(wire, name).__name__ == name
    with pytest.raises(AttributeError):
        wire.nothing  # noqa: B018


def test_importing_a_header_imports_nothing_heavy():
    program = (
        "import sys; from netarium.wire import Packet, IPv4, judge; Packet.parse(bytes(60));"
        "print({'numpy', 'numba', 'scapy', 'pyarrow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert done.stdout == b"set()\n"


# --- other links ---------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "link", "data"), other_links(), ids=lambda one: str(one)[:30])
def test_other_links(name, link, data):
    packet = Packet.parse(data, link)
    assert b"".join(layer.raw for layer in packet) == data
    if "ipv4" in name or name.endswith(("12", "vlan")):
        assert packet[IPv4].dst == "10.0.0.2"
        assert ICMP in packet
    if "ipv6" in name or name.endswith("14"):
        assert packet[IPv6].dst == "2001:db8::2"
    if "arp" in name:
        assert packet[ARP].target_ip == "10.0.0.2"
    if "vlan" in name:
        assert packet[VLAN].id == 42


@pytest.mark.needs("tshark")
def test_other_links_as_tshark_reads_them(tmp_path):
    compared = 0
    for link in sorted({link for _, link, _ in other_links()} - {147, 14}):
        path = tmp_path / f"{link}.pcap"
        write_link(path, link)
        words = ["tshark", "-n", "-r", str(path), "-T", "fields", "-e", "ip.dst", "-e", "ipv6.dst"]
        words += ["-e", "arp.dst.proto_ipv4"]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        theirs = ["".join(line.split()) for line in done.stdout.splitlines()]
        ours = []
        for _, number, data in other_links():
            if number != link:
                continue
            packet = Packet.parse(data, number)
            found = [layer for layer in packet if isinstance(layer, (IPv4, IPv6))]
            ours.append(found[0].dst if found else "")
            if ARP in packet:
                ours[-1] = packet[ARP].target_ip
        assert ours == theirs, link
        compared += len(ours)
    assert compared > 15


def test_a_frame_of_nothing():
    packet = Packet.parse(b"")
    assert (packet.layers, packet.data) == ([], b"")
    assert "Ethernet needs 14 bytes" in packet.stop.why
    assert Packet.parse(b"abc", 147).payload == b"abc"


def test_a_packet_equals_one_with_the_same_bytes():
    assert read("udp") == Packet.parse(frame("udp"))
    assert read("udp") != read("udp odd")
    assert read("udp")[UDP] == read("udp")[UDP]
    assert read("udp")[UDP] != read("udp")[Payload]
    assert Padding(load=b"x") != Payload(load=b"x")


def test_reading_is_fast_enough_to_look_at_many():
    import timeit

    data = frame("tcp data")
    best = min(timeit.repeat(lambda: Packet.parse(data), number=2000, repeat=5)) / 2000
    assert best < 100e-6, f"{best * 1e6:.0f} microseconds"
    assert Packet.parse(data)[Ethernet].type == 0x0800
