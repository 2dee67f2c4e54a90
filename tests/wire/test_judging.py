"""Verdicts on checksums: computed, told by the kernel, left to a card, or not to be known."""

from __future__ import annotations

import pytest

from netarium.wire import (
    GRE,
    ICMP,
    TCP,
    UDP,
    VXLAN,
    Ethernet,
    IPv4,
    IPv6,
    Packet,
    Verdict,
    judge,
)
from netarium.wire.batch import CHECKSUM_NOT_READY, CHECKSUM_VALID
from netarium.wire.checksum import internet_checksum, ones_sum
from netarium.wire.text.lines import lines
from netarium.wire.transport.sctp import crc32c
from tests.wire.batches import batch_of
from tests.wire.corpus import corpus, frame

OUTER = {"src": "10.0.0.1", "dst": "10.0.0.2"}


def verdicts(packet):
    return [f"{judged.layer} {judged}" for judged in judge(packet)]


def of(name, flags=0, kept=None):
    whole = frame(name)
    packet = Packet.parse(whole[:kept], 1, len(whole))
    packet.flags = flags
    return verdicts(packet)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("udp", ["IPv4 valid", "UDP valid"]),
        ("udp odd", ["IPv4 valid", "UDP valid"]),
        ("udp without checksum", ["IPv4 valid", "UDP absent"]),
        ("udp wrong checksum", ["IPv4 valid", "UDP wrong (should be 0x9c47)"]),
        ("udp offload", ["IPv4 valid", "UDP not yet computed (offload)"]),
        ("tcp offload", ["IPv4 valid", "TCP not yet computed (offload)"]),
        ("tcp wrong checksum", ["IPv4 valid", "TCP wrong (should be 0xe34f)"]),
        ("ipv4 wrong checksum", ["IPv4 wrong (should be 0x5496)", "UDP valid"]),
        ("icmp wrong checksum", ["IPv4 valid", "ICMP wrong (should be 0x3aab)"]),
        ("icmpv6 wrong checksum", ["ICMPv6 wrong (should be 0x2445)"]),
        ("ipv4 fragment 0", ["IPv4 valid", "UDP cannot know (fragment)"]),
        ("ipv4 fragment 1", ["IPv4 valid"]),
        ("ipv6 fragment 0", ["UDP cannot know (fragment)"]),
        ("ipv6 atomic fragment", ["UDP valid"]),
        ("ipv6 udp without checksum", ["UDP wrong (should be 0x608a)"]),
        ("vxlan over ipv6", ["UDP absent", "IPv4 valid", "UDP valid"]),
        ("gre", ["IPv4 valid", "GRE absent", "IPv4 valid", "UDP valid"]),
        ("gre checksum", ["IPv4 valid", "GRE valid", "IPv4 valid", "UDP valid"]),
        ("sctp init", ["IPv4 valid", "SCTP valid"]),
        ("igmp query", ["IPv4 valid", "IGMP valid"]),
        ("arp", []),
        ("ipv6 segment routing", ["UDP valid"]),
        ("ipv6 routing", ["UDP valid"]),
        ("ipv6 destination options", ["UDP valid"]),
        ("ipv4 loose source route", ["IPv4 valid", "UDP valid"]),
        ("ipv4 source route, done", ["IPv4 valid", "UDP valid"]),
        (
            "icmp whole quote",
            [
                "IPv4 valid", "ICMP valid", "IPv4 cannot know (quoted)",
                "UDP cannot know (quoted)",
            ],
        ),
        (
            "icmp with mpls extension",
            [
                "IPv4 valid", "ICMP valid", "IPv4 cannot know (quoted)",
                "UDP cannot know (quoted)", "ICMP extensions valid",
            ],
        ),
    ],
)  # fmt: skip
def test_verdicts(name, expected):
    assert of(name) == expected


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        (86, ["IPv4 valid", "TCP valid"]),
        (85, ["IPv4 valid", "TCP cannot know (truncated)"]),
        (54, ["IPv4 valid", "TCP cannot know (truncated)"]),
        (38, ["IPv4 valid", "TCP cannot know (truncated)"]),
        (33, ["IPv4 cannot know (truncated)"]),
        (13, []),
    ],
)
def test_what_the_capture_cut_off_cannot_be_known(kept, expected):
    assert of("tcp data", kept=kept) == expected


def test_padding_that_the_capture_cut_off_does_not_matter():
    whole = frame("ipv4 padded")
    assert of("ipv4 padded", kept=len(whole) - 10) == ["IPv4 valid", "UDP valid"]


def test_what_the_kernel_says_decides_first():
    assert of("tcp data", CHECKSUM_NOT_READY)[1] == "TCP not yet computed (offload)"
    assert of("tcp wrong checksum", CHECKSUM_NOT_READY)[1] == "TCP not yet computed (offload)"
    assert of("tcp data", CHECKSUM_VALID, 60)[1] == "TCP valid"
    assert of("tcp data", CHECKSUM_VALID)[1] == "TCP valid"
    assert of("udp without checksum", CHECKSUM_VALID)[1] == "UDP absent"


def test_the_innermost_checksum_is_the_one_that_is_not_ready():
    assert of("vxlan, tcp inside", CHECKSUM_NOT_READY) == [
        "IPv4 valid",
        "UDP absent",
        "IPv4 valid",
        "TCP not yet computed (offload)",
    ]


def test_an_outer_checksum_is_made_for_what_the_card_will_put_inside():
    """As Linux does it (local checksum offload): the outer one is final already."""
    done = (
        IPv4(**OUTER)
        / UDP(sport=9)
        / VXLAN(vni=1)
        / Ethernet()
        / IPv4(src="1.1.1.1", dst="2.2.2.2")
        / TCP(dport=80)
        / b"data"
    )
    tcp = done[TCP]
    pseudo = bytes([1, 1, 1, 1, 2, 2, 2, 2, 0, 6, 0, 24])
    left = bytearray(done.data)
    left[tcp.start + 16 : tcp.start + 18] = ones_sum(pseudo).to_bytes(2, "big")
    packet = Packet.parse(bytes(left), 228)
    assert verdicts(packet) == [
        "IPv4 valid",
        "UDP valid",
        "IPv4 valid",
        "TCP not yet computed (offload)",
    ]
    assert judge(packet)[-1].expected == tcp.checksum


def test_a_checksum_of_zero_has_two_forms():
    made = IPv4(**OUTER, identification=IPv4(**OUTER).checksum)
    assert made.checksum == 0
    other = bytearray(made.raw)
    other[10:12] = b"\xff\xff"
    assert verdicts(Packet.parse(made.raw, 228)) == ["IPv4 valid"]
    assert verdicts(Packet.parse(bytes(other), 228)) == ["IPv4 valid"]


def test_a_udp_checksum_of_zero_goes_out_as_all_ones():
    missing = (IPv4(**OUTER) / UDP(dport=1))[UDP].checksum
    packet = IPv4(**OUTER) / UDP(sport=missing, dport=1)
    assert packet[UDP].checksum == 0xFFFF
    assert verdicts(packet) == ["IPv4 valid", "UDP valid"]


def test_a_segment_without_ip_cannot_be_judged():
    assert verdicts(Packet([TCP()])) == ["TCP cannot know (no addresses)"]


def test_every_packet_that_is_made_is_valid():
    for packet in (
        IPv4(**OUTER) / TCP() / b"odd",
        IPv6(src="fd00::1", dst="fd00::2") / TCP() / b"odd",
        IPv4(**OUTER) / ICMP() / b"odd",
        IPv4(**OUTER) / GRE(has_checksum=1) / IPv4(**OUTER) / UDP() / b"odd",
    ):
        assert {judged.verdict for judged in judge(packet)} == {Verdict.VALID}


def test_every_checksum_of_the_corpus_gets_one_verdict_in_order():
    for name, data, length in corpus():
        found = judge(Packet.parse(data, 1, length))
        places = [judged.at for judged in found]
        assert places == sorted(places), name
        assert len(set(places)) == len(places) or "absent" in " ".join(map(str, found)), name
        for judged in found:
            if judged.verdict is Verdict.WRONG:
                assert judged.expected != judged.value, name


def test_the_sums_themselves():
    # RFC 1071, section 3.
    assert ones_sum(bytes.fromhex("0001f203f4f5f6f7")) == 0xDDF2
    assert internet_checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D
    assert ones_sum(b"\xab") == 0xAB00
    # RFC 3720, appendix B.4: 32 zeros.
    assert crc32c(bytes(32)) == 0xAA36918A


def test_which_datagrams_over_ipv6_may_leave_out_the_checksum():
    """Tunnels (RFC 6935), whichever end has the port; the same as `judge` finds."""
    ports = [(5, 4789), (5, 8472), (5, 6081), (6081, 5), (5, 4790), (5, 53)]
    packets = [
        Ethernet()
        / IPv6(src="fd00::1", dst="fd00::2")
        / UDP(sport=sport, dport=dport, checksum=0)
        / bytes(16)
        for sport, dport in ports
    ]
    told = lines(batch_of([packet.data for packet in packets]), fast=False).decode().splitlines()
    found = ["bad udp cksum" in line for line in told]
    assert found == [False] * 4 + [True] * 2
    assert found == [judge(packet)[0].verdict is Verdict.WRONG for packet in packets]
