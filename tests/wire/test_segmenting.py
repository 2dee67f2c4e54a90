"""Super-frames become the segments that a wire would carry, datagrams fragments."""

from __future__ import annotations

import pytest

from netarium.errors import NetariumError
from netarium.wire import (
    TCP,
    UDP,
    VLAN,
    VXLAN,
    Ethernet,
    HopByHop,
    IPv4,
    IPv6,
    IPv6Fragment,
    LooseSourceRoute,
    Packet,
    RecordRoute,
    Timestamps,
    Verdict,
    is_super_frame,
    judge,
    segments,
)
from netarium.wire.batch import CHECKSUM_NOT_READY, SEGMENTED_LATER
from netarium.wire.fragmenting import fragments
from tests.wire.corpus import corpus, frame
from tests.wire.corpus_headers import scapy_names

DATA = bytes(range(256)) * 20
ADDRESSES = {"src": "10.0.0.1", "dst": "10.0.0.2"}


def super_frame(**tcp):
    """TCP as Linux gives it to a card: the checksum is the pseudo-header's sum alone."""
    packet = Ethernet() / IPv4(**ADDRESSES, identification=0xFFFE) / TCP(dport=80, **tcp) / DATA
    packet[TCP].checksum = 0x1234
    read = Packet.parse(packet.data)
    read.flags = CHECKSUM_NOT_READY | SEGMENTED_LATER
    read.segment = 1448
    return read


def all_valid(packets):
    return {judged.verdict for packet in packets for judged in judge(packet)} <= {
        Verdict.VALID,
        Verdict.ABSENT,
    }


def test_tcp_is_cut_as_linux_cuts_it():
    packet = super_frame(seq=0xFFFFFF00, flags="FIN PSH ACK CWR", options=[Timestamps(1, 2)])
    made = segments(packet)
    assert [len(one.payload) for one in made] == [1448, 1448, 1448, 776]
    assert b"".join(one.payload for one in made) == DATA
    assert [one[TCP].seq for one in made] == [
        0xFFFFFF00,
        0xFFFFFF00 + 1448 - 2**32,
        0xFFFFFF00 + 2896 - 2**32,
        0xFFFFFF00 + 4344 - 2**32,
    ]
    assert [one[IPv4].identification for one in made] == [0xFFFE, 0xFFFF, 0, 1]
    assert [" ".join(TCP.flags.names_in(one[TCP].flags)) for one in made] == [
        "CWR ACK",
        "ACK",
        "ACK",
        "ACK PSH FIN",
    ]
    assert all(one[TCP].options[0] == Timestamps(1, 2) for one in made)
    assert all_valid(made)
    assert all(not one.flags & (CHECKSUM_NOT_READY | SEGMENTED_LATER) for one in made)
    assert made[0].comment == "segment 1 of 4"


def test_without_a_size_it_is_what_fits_the_link():
    packet = Packet.parse(frame("tcp super-frame"))
    assert is_super_frame(packet)
    assert {len(one) - 14 for one in segments(packet)[:-1]} == {1500}
    assert {len(one) - 14 for one in segments(packet, mtu=576)[:-1]} == {576}
    assert [len(one.payload) for one in segments(packet, 4000)] == [4000, 1120]


@pytest.mark.parametrize(
    ("mtu", "flags", "segment", "expected"),
    [
        (1500, 0, 0, False),
        (39, 0, 0, True),
        (0, 0, 0, False),
        (0, SEGMENTED_LATER, 0, True),
        (9000, 0, 1448, True),
    ],
)
def test_which_frames_are_super_frames(mtu, flags, segment, expected):
    packet = Packet.parse(frame("udp"))
    packet.flags, packet.segment = flags, segment
    assert is_super_frame(packet, mtu) is expected


def test_a_tag_does_not_make_a_frame_too_long():
    packet = Ethernet() / VLAN(id=1) / IPv4(**ADDRESSES) / TCP() / bytes(1460)
    assert len(packet) == 1518
    assert not is_super_frame(packet)


def test_what_fits_is_only_completed():
    packet = Packet.parse(frame("tcp offload"))
    assert judge(packet)[1].verdict is Verdict.OFFLOAD
    [done] = segments(packet)
    assert all_valid([done])
    assert packet.data == frame("tcp offload"), "the packet itself is not changed"
    [same] = segments(Packet.parse(frame("tcp wrong checksum")))
    assert same.data == frame("tcp wrong checksum"), "a mistake is not mended"


def test_big_tcp_loses_its_jumbo_header():
    packet = Packet.parse(frame("ipv6 jumbo"))
    made = segments(packet)
    assert sum(len(one.payload) for one in made) == 66000
    assert all(HopByHop not in one and one.stop is None for one in made)
    assert all(len(one) <= 1514 for one in made)
    assert all_valid(made)


def test_a_super_frame_in_a_tunnel():
    inner = Ethernet() / IPv4(src="1.1.1.1", dst="2.2.2.2") / TCP(dport=80, flags="PSH ACK") / DATA
    packet = Ethernet() / IPv4(**ADDRESSES) / UDP(sport=9) / VXLAN(vni=1) / inner
    made = segments(packet, 1000)
    assert len(made) == 6
    assert all_valid(made)
    assert [one[UDP].length for one in made[:2]] == [8 + 8 + 14 + 40 + 1000] * 2
    assert b"".join(one.payload for one in made) == DATA


def test_udp_is_cut_into_datagrams_where_the_kernel_said_so():
    packet = Ethernet() / IPv6(src="fd00::1", dst="fd00::2") / UDP(dport=9) / DATA
    packet.segment = 1200
    made = segments(packet)
    assert [one[UDP].length for one in made] == [1208] * 4 + [328]
    assert all_valid(made)
    none = Ethernet() / IPv4(**ADDRESSES) / UDP(dport=9, checksum=0) / DATA
    assert {one[UDP].checksum for one in segments(none, 1000)} == {0}


def test_udp_is_cut_into_fragments_otherwise():
    packet = Ethernet() / IPv4(**ADDRESSES) / UDP(dport=9) / DATA
    made = segments(packet)
    assert [one[IPv4].fragment_offset * 8 for one in made] == [0, 1480, 2960, 4440]
    assert [bool(one[IPv4].flags & 1) for one in made] == [True, True, True, False]


def test_what_the_capture_did_not_keep_stays_away():
    whole = frame("tcp super-frame")
    packet = Packet.parse(whole[:2000], 1, len(whole))
    made = segments(packet)
    assert [(len(one), one.length) for one in made] == [
        (1514, 1514),
        (54 + 2000 - 1514, 1514),
        (54, 1514),
        (54, 794),
    ]
    assert judge(made[0])[1].verdict is Verdict.VALID
    assert judge(made[1])[1].verdict is Verdict.UNKNOWN


def test_fragments_hold_the_datagram():
    options = [RecordRoute(["0.0.0.0"]), LooseSourceRoute(["10.9.9.9"])]
    packet = Ethernet() / IPv4(**ADDRESSES, options=options, ttl=3) / UDP(dport=9) / DATA
    made = fragments(packet, 600)
    datagram = packet.data[packet[UDP].start :]
    assert b"".join(one[IPv4].payload for one in made) == datagram
    assert all(len(one) <= 614 and one[IPv4].ttl == 3 for one in made)
    assert [len(one[IPv4].options) for one in made][:2] == [3, 2], "each says whether it is copied"
    assert all(judge(one)[0].verdict is Verdict.VALID for one in made)


def test_fragments_of_ipv6_are_those_of_scapy():
    packet = (
        IPv6(src="fd00::1", dst="fd00::2", hop_limit=9)
        / HopByHop()
        / UDP(sport=1, dport=2)
        / bytes(3000)
    )
    made = fragments(packet, 1280)
    assert b"".join(one[IPv6Fragment].payload for one in made) == packet.data[48:]
    assert [one[IPv6Fragment].more for one in made] == [1, 1, 0]
    s = scapy_names()
    theirs = s.fragment6(
        s.IPv6(src="fd00::1", dst="fd00::2", hlim=9)
        / s.IPv6ExtHdrHopByHop()
        / s.IPv6ExtHdrFragment(id=made[0][IPv6Fragment].identification)
        / s.UDP(sport=1, dport=2)
        / bytes(3000),
        1280,
    )
    assert [bytes(one) for one in made] == [bytes(one) for one in theirs]


def test_a_fragment_needs_room():
    with pytest.raises(NetariumError, match="leaves no room"):
        fragments(Packet.parse(frame("udp")), 27)


def test_the_whole_corpus_can_be_cut():
    for name, data, length in corpus():
        packet = Packet.parse(data, 1, length)
        for size in (None, 7 if len(data) < 500 else 400):
            made = segments(packet, size)
            assert made, name
            assert all(len(one) <= max(len(data), 1514) for one in made), name
