"""Building packets is as easy as reading them, and gives the bytes that Scapy gives."""

from __future__ import annotations

import copy
import pickle

import pytest

from netarium.errors import NetariumError
from netarium.wire import (
    ARP,
    GRE,
    ICMP,
    IGMP,
    LLC,
    MPLS,
    MSS,
    NOP,
    SACK,
    SNAP,
    STP,
    TCP,
    UDP,
    VLAN,
    VXLAN,
    Ethernet,
    FieldError,
    HopByHop,
    ICMPDestinationUnreachable,
    ICMPEchoReply,
    ICMPEchoRequest,
    ICMPTimeExceeded,
    ICMPv6,
    ICMPv6EchoRequest,
    IPv4,
    IPv6,
    IPv6RouterAlert,
    ListenerReport2,
    LooseSourceRoute,
    NeighbourSolicitation,
    Packet,
    Padding,
    Payload,
    PrefixInformation,
    RecordRoute,
    RouterAdvertisement,
    SACKPermitted,
    SourceLinkLayerAddress,
    TCPOption,
    Timestamps,
    Verdict,
    WindowScale,
    judge,
)
from netarium.wire.header import Trailer
from tests.wire.corpus import corpus, frame
from tests.wire.corpus_headers import scapy_names

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
ETHERNET = Ethernet(src=A, dst=B)
#: Their EtherTypes do not follow from what is inside, or a field is broken on purpose.
GIVEN = {
    "rarp", "arp of odd sizes", "vlan in vlan", "lldp", "loopback test", "pppoe", "ones",
    "ipv4 length zero", "udp shorter than ip", "ipv6 router alert, unknown routing",
}  # fmt: skip


def _healthy():
    """Frames of layers 2 to 4 in which all that follows from the rest does so."""
    for name, data, length in corpus():
        packet = Packet.parse(data, 1, length)
        verdicts = {judged.verdict for judged in judge(packet)} - {Verdict.VALID}
        applications = any(layer.independent for layer in packet.layers)
        if not (packet.stop or verdicts or applications or packet.quoted or length > len(data)):
            yield name, packet


def test_a_packet_made_of_the_values_that_were_read_has_the_same_bytes():
    compared, different = 0, []
    for name, packet in _healthy():
        if name in GIVEN or any(layer.is_fragment for layer in packet.layers):
            continue
        layers = []
        for layer in packet.layers:
            values = layer.values()
            kept = {k: v for k, v in values.items() if not getattr(type(layer), k).follows}
            layers.append(type(layer)(**kept))
            if isinstance(layer, Trailer):
                layers[-1].depth = layer.depth
        compared += 1
        if Packet(layers).data != packet.data:
            different.append(name)
    assert different == []
    assert compared > 130


def test_a_packet_that_was_read_is_made_anew_with_the_same_bytes():
    different = []
    for name, packet in _healthy():
        again = packet.copy()
        again.rebuild()
        if again.data != packet.data and name not in GIVEN:
            different.append(name)
    assert different == []


SAME = {
    "echo request": (
        lambda: ETHERNET / IPv4(dst="10.0.0.2") / ICMP(),
        lambda s: s.Ether(src=A, dst=B) / s.IP(src="0.0.0.0", dst="10.0.0.2", id=0) / s.ICMP(),
    ),
    "connection request": (
        lambda: IPv4(src="10.0.0.1", dst="10.0.0.2", identification=7, flags="DF")
        / TCP(
            sport=1024,
            dport=80,
            seq=99,
            window=64240,
            options=[MSS(1460), SACKPermitted(), Timestamps(1, 0), NOP(), WindowScale(7)],
        ),
        lambda s: s.IP(src="10.0.0.1", dst="10.0.0.2", id=7, flags="DF")
        / s.TCP(
            sport=1024,
            dport=80,
            seq=99,
            flags="S",
            window=64240,
            options=[
                ("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1, 0)), ("NOP", None),
                ("WScale", 7),
            ],
        ),
    ),
    "selective acknowledgment": (
        lambda: IPv4(src="10.0.0.1", dst="10.0.0.2")
        / TCP(sport=1, dport=2, flags="ACK", options=[SACK([(10, 20), (30, 40)])]),
        lambda s: s.IP(src="10.0.0.1", dst="10.0.0.2", id=0)
        / s.TCP(sport=1, dport=2, flags="A", window=65535, options=[("SAck", (10, 20, 30, 40))]),
    ),
    "odd UDP over IPv6": (
        lambda: IPv6(src="fd00::1", dst="fd00::2") / UDP(sport=1, dport=2) / "odd",
        lambda s: s.IPv6(src="fd00::1", dst="fd00::2") / s.UDP(sport=1, dport=2) / b"odd",
    ),
    "tags in tags": (
        lambda: ETHERNET / VLAN(id=1, priority=2) / VLAN(id=3) / IPv4() / UDP(dport=9),
        lambda s: s.Ether(src=A, dst=B)
        / s.Dot1Q(vlan=1, prio=2)
        / s.Dot1Q(vlan=3)
        / s.IP(src="0.0.0.0", dst="0.0.0.0", id=0)
        / s.UDP(sport=0, dport=9),
    ),
    "ARP": (
        lambda: Ethernet(src=A) / ARP(sender_ip="10.0.0.1", target_ip="10.0.0.2"),
        lambda s: s.Ether(src=A, dst="ff:ff:ff:ff:ff:ff")
        / s.ARP(hwsrc=A, psrc="10.0.0.1", pdst="10.0.0.2", hwdst="00:00:00:00:00:00"),
    ),
    "VXLAN": (
        lambda: IPv4(src="10.0.0.1", dst="10.0.0.2")
        / UDP(sport=5)
        / VXLAN(vni=7)
        / ETHERNET
        / IPv4(src="1.1.1.1", dst="2.2.2.2")
        / UDP(sport=1, dport=2),
        lambda s: s.IP(src="10.0.0.1", dst="10.0.0.2", id=0)
        / s.UDP(sport=5, dport=4789)
        / s.VXLAN(vni=7, flags=8)
        / s.Ether(src=A, dst=B)
        / s.IP(src="1.1.1.1", dst="2.2.2.2", id=0)
        / s.UDP(sport=1, dport=2),
    ),
    "GRE with all": (
        lambda: IPv4(src="10.0.0.1", dst="10.0.0.2")
        / GRE(has_checksum=1, key=5, sequence=6)
        / IPv6(src="fd00::1", dst="fd00::2")
        / ICMPv6EchoRequest(identifier=1),
        lambda s: s.IP(src="10.0.0.1", dst="10.0.0.2", id=0)
        / s.GRE(chksum_present=1, key_present=1, key=5, seqnum_present=1, sequence_number=6)
        / s.IPv6(src="fd00::1", dst="fd00::2")
        / s.ICMPv6EchoRequest(id=1),
    ),
    "record route": (
        lambda: IPv4(src="10.0.0.1", dst="10.0.0.2", options=[RecordRoute(["0.0.0.0"] * 2)])
        / ICMP(identifier=1),
        lambda s: s.IP(
            src="10.0.0.1", dst="10.0.0.2", id=0, options=[s.IPOption_RR(routers=["0.0.0.0"] * 2)]
        )
        / s.ICMP(id=1),
    ),
    "source route": (
        lambda: IPv4(src="10.0.0.1", dst="10.0.0.2", options=[LooseSourceRoute(["1.1.1.1"])])
        / UDP(sport=1, dport=2),
        lambda s: s.IP(
            src="10.0.0.1", dst="10.0.0.2", id=0, options=[s.IPOption_LSRR(routers=["1.1.1.1"])]
        )
        / s.UDP(sport=1, dport=2),
    ),
    "neighbour solicitation": (
        lambda: Ethernet(src=A)
        / IPv6(src="fe80::1")
        / NeighbourSolicitation(target="fe80::2:3", options=[SourceLinkLayerAddress(A)]),
        lambda s: s.Ether(src=A, dst="33:33:ff:02:00:03")
        / s.IPv6(src="fe80::1", dst="ff02::1:ff02:3", hlim=255)
        / s.ICMPv6ND_NS(tgt="fe80::2:3")
        / s.ICMPv6NDOptSrcLLAddr(lladdr=A),
    ),
    "router advertisement": (
        lambda: IPv6(src="fe80::1")
        / RouterAdvertisement(flags="M O", options=[PrefixInformation("2001:db8::", 64)]),
        lambda s: s.IPv6(src="fe80::1", dst="ff02::1", hlim=255)
        / s.ICMPv6ND_RA(chlim=64, M=1, O=1, prf=0, routerlifetime=1800)
        / s.ICMPv6NDOptPrefixInfo(
            prefix="2001:db8::", validlifetime=86400, preferredlifetime=14400
        ),
    ),
    "listener report": (
        lambda: IPv6(src="fe80::1")
        / HopByHop(options=[IPv6RouterAlert()])
        / ListenerReport2(records=[("ff02::fb",)]),
        lambda s: s.IPv6(src="fe80::1", dst="ff02::16", hlim=1)
        / s.IPv6ExtHdrHopByHop(options=[s.RouterAlert()])
        / s.ICMPv6MLReport2(records=[s.ICMPv6MLDMultAddrRec(rtype=4, dst="ff02::fb")]),
    ),
    "group report": (
        lambda: Ethernet(src=A) / IPv4(src="10.0.0.1") / IGMP(group="239.1.2.3"),
        lambda s: s.Ether(src=A, dst="01:00:5e:01:02:03")
        / s.IP(src="10.0.0.1", dst="239.1.2.3", ttl=1, id=0, proto=2)
        / bytes(s.igmp.IGMP(type=0x16, gaddr="239.1.2.3")),
    ),
    "spanning tree": (
        lambda: Ethernet(src=A) / LLC() / STP(root_mac=A, bridge_mac=B),
        lambda s: s.Dot3(src=A, dst="01:80:c2:00:00:00")
        / s.LLC(dsap=0x42, ssap=0x42, ctrl=3)
        / s.STP(
            rootid=0x8000, rootmac=A, bridgeid=0x8000, bridgemac=B, portid=0x8001, age=0,
            maxage=20, hellotime=2, fwddelay=15,
        ),
    ),
    "SNAP": (
        lambda: ETHERNET / LLC() / SNAP() / IPv4() / UDP(dport=1),
        lambda s: s.Dot3(src=A, dst=B)
        / s.LLC(dsap=0xAA, ssap=0xAA, ctrl=3)
        / s.SNAP(OUI=0, code=0x800)
        / s.IP(src="0.0.0.0", dst="0.0.0.0", id=0)
        / s.UDP(sport=0, dport=1),
    ),
    "labels": (
        lambda: ETHERNET / MPLS(label=5) / MPLS(label=6) / IPv4() / UDP(dport=1),
        lambda s: s.Ether(src=A, dst=B)
        / s.MPLS(label=5, s=0, ttl=64)
        / s.MPLS(label=6, s=1, ttl=64)
        / s.IP(src="0.0.0.0", dst="0.0.0.0", id=0)
        / s.UDP(sport=0, dport=1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_scapy_builds_the_same_bytes(name):
    ours, theirs = SAME[name]
    packet = ours()
    assert packet.data.hex() == bytes(theirs(scapy_names())).hex()
    assert repr(Packet.parse(packet.data, packet.link_type)) == repr(packet)


# --- what follows from the rest, and what a person sets ------------------------------------


def test_lengths_protocols_and_checksums_are_filled_in():
    packet = Ethernet() / IPv4(src="10.0.0.1", dst="10.0.0.2") / UDP(dport=9) / b"12345"
    assert packet[Ethernet].type == 0x0800
    assert packet[IPv4].total_length == 33
    assert packet[IPv4].protocol == 17
    assert packet[UDP].length == 13
    assert [judged.verdict for judged in judge(packet)] == [Verdict.VALID, Verdict.VALID]


def test_values_that_are_given_stay_even_if_they_are_wrong():
    packet = Ethernet() / IPv4(checksum=0xDEAD, total_length=5, version=7) / UDP(length=3)
    ip = packet[IPv4]
    assert (ip.checksum, ip.total_length, ip.version, packet[UDP].length) == (0xDEAD, 5, 7, 3)
    packet[UDP].dport = 99
    assert (ip.checksum, ip.total_length) == (0xDEAD, 5)


def test_a_change_is_followed_by_all_that_depends_on_it():
    packet = Packet.parse(frame("udp"))
    before = packet[UDP].checksum, packet[IPv4].checksum
    packet[IPv4].src = "192.0.2.1"
    assert packet[UDP].checksum != before[0]
    assert packet[IPv4].checksum != before[1]
    assert all(judged.verdict is Verdict.VALID for judged in judge(packet))
    assert Packet.parse(bytes(packet))[IPv4].src == "192.0.2.1"


def test_a_deleted_value_follows_again():
    packet = Packet.parse(frame("tcp wrong checksum"))
    assert judge(packet)[1].verdict is Verdict.WRONG
    del packet[TCP].checksum
    assert judge(packet)[1].verdict is Verdict.VALID
    made = IPv4(ttl=3, checksum=1) / UDP()
    del made[IPv4].checksum
    assert judge(made)[0].verdict is Verdict.VALID
    assert made[IPv4].ttl == 3


def test_a_udp_datagram_without_checksum_stays_without():
    packet = Packet.parse(frame("udp without checksum"))
    packet[IPv4].ttl = 1
    assert packet[UDP].checksum == 0


def test_a_change_leaves_fragments_and_cut_packets_as_they_were():
    first = Packet.parse(frame("ipv4 fragment 0"))
    length, checksum = first[UDP].length, first[UDP].checksum
    first[IPv4].ttl = 9
    assert (first[UDP].length, first[UDP].checksum) == (length, checksum)
    whole = frame("udp")
    cut = Packet.parse(whole[:46], 1, len(whole))
    cut[IPv4].ttl = 9
    assert (cut[IPv4].total_length, cut.length) == (40, len(whole))
    assert judge(cut)[0].verdict is Verdict.VALID


def test_padding_is_in_no_length_and_stays_where_it_was():
    packet = Packet.parse(frame("vxlan, inner frame padded"))
    outer, inner = (layer.total_length for layer in packet if isinstance(layer, IPv4))
    packet[Ethernet].src = B
    assert [layer.total_length for layer in packet if isinstance(layer, IPv4)] == [outer, inner]
    assert packet.data[-12:] == bytes(12)
    made = Ethernet() / IPv4() / UDP() / Padding(load=bytes(18))
    assert (made[IPv4].total_length, len(made)) == (28, 60)


def test_names_serve_as_values():
    assert IPv4(protocol="tcp").protocol == 6
    assert TCP(flags="SYN ACK").flags == 0x12
    assert TCP(flags="syn,ack").flags == 0x12
    assert isinstance(ICMP(type="time exceeded"), ICMPTimeExceeded)
    assert ICMPv6(type="neighbour solicitation", target="fe80::1").target == "fe80::1"


def test_kinds_are_what_their_type_says():
    assert isinstance(ICMP(), ICMPEchoRequest)
    assert ICMPEchoReply().type == 0
    assert ICMP(type=253).type == 253
    assert type(ICMP(type=253)) is ICMP
    assert TCPOption(kind=2, mss=9) == MSS(9)
    assert TCPOption(kind=77, value=b"xy").raw == bytes([77, 4]) + b"xy"


def test_another_type_makes_it_another_kind():
    packet = Packet.parse(frame("icmp echo request"))
    packet[ICMP].type = "echo reply"
    assert type(packet[ICMP]) is ICMPEchoReply
    assert (packet[ICMP].identifier, packet[ICMP].sequence) == (0x1234, 1)
    assert packet.data == frame("icmp echo reply")
    with pytest.raises(FieldError):
        packet[ICMP].type = "no such type"
    assert type(packet[ICMP]) is ICMPEchoReply


def test_what_a_message_quotes_stays_as_it_went():
    packet = Packet.parse(frame("icmp fragmentation needed"))
    packet[IPv4].src = "192.0.2.1"
    assert packet.quoted.data == frame("icmp fragmentation needed")[42:]
    assert judge(packet)[1].verdict is Verdict.VALID


def test_a_message_can_quote_a_packet_that_was_read():
    sent = Packet.parse(frame("udp wrong checksum"))
    told = IPv4(src="10.0.0.9", dst="10.0.0.1") / ICMPDestinationUnreachable(code=3) / sent[IPv4:]
    assert told.quoted == sent[IPv4:]
    assert UDP not in told
    assert told.quoted[UDP].checksum == 0x1234


def test_the_destination_follows_for_groups_and_is_broadcast_otherwise():
    assert (Ethernet() / IPv4(dst="239.255.1.2"))[Ethernet].dst == "01:00:5e:7f:01:02"
    assert (Ethernet() / IPv6(dst="ff02::1:2"))[Ethernet].dst == "33:33:00:01:00:02"
    assert (Ethernet() / IPv4(dst="10.0.0.2"))[Ethernet].dst == "ff:ff:ff:ff:ff:ff"
    read = Packet.parse(bytes(Ethernet(dst=B) / IPv4(dst="10.0.0.2") / UDP()))
    read[IPv4].dst = "239.255.1.2"
    assert read[Ethernet].dst == B, "what was read is not guessed anew"


def test_a_very_long_packet_has_no_length():
    packet = IPv4() / TCP() / bytes(70000)
    assert packet[IPv4].total_length == 0
    assert len(Packet.parse(packet.data, 228).payload) == 70000
    assert (IPv6() / TCP() / bytes(70000))[IPv6].payload_length == 0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: IPv4(ttl=256), "Time to Live has 8 bits and cannot hold 256"),
        (lambda: IPv4(dst="10.0.0"), "Destination Address is no IPv4 address: '10.0.0'"),
        (lambda: IPv4(tll=1), "Did you mean 'ttl'"),
        (lambda: TCP(flags="SYM"), "no flag 'SYM'"),
        (lambda: ICMP(type="pong"), "Type is a number of 8 bits, not 'pong'"),
        (lambda: ICMP(gateway="1.1.1.1"), "ICMP has no field 'gateway'"),
        (lambda: Ethernet(src="02:00"), "Source is no MAC address"),
        (lambda: MSS(1, 2), "MSS takes 1 values without names, not 2"),
        (lambda: RecordRoute(["x"]), "must be IPv4 addresses"),
        (lambda: TCP(options=[MSS()] * 11), "TCP has room for 40 bytes of options, not 44"),
        (lambda: TCP(options=[1460]), "Options are headers such as they are read, not 1460"),
        (lambda: Payload(load=5), "Data is bytes, not 5"),
        (lambda: setattr(IPv4(), "nothing", 1), "IPv4 has no field 'nothing'"),
    ],
)
def test_mistakes_are_told_with_their_cure(make, words):
    with pytest.raises(NetariumError) as caught:
        make()
    assert words in str(caught.value)


def test_a_copy_is_a_packet_of_its_own():
    made = Ethernet() / IPv4(ttl=9) / UDP() / "text"
    read = Packet.parse(frame("icmp time exceeded"))
    for packet in (made, read):
        for twin in (packet.copy(), copy.deepcopy(packet), pickle.loads(pickle.dumps(packet))):
            assert (twin.data, repr(twin)) == (packet.data, repr(packet))
            before = packet.data
            twin[IPv4].ttl = 1
            assert twin.data != before == packet.data
    assert made.copy()[IPv4].given == {"ttl": 9}


def test_one_option_is_as_good_as_a_list():
    assert TCP(options=MSS(9)) == TCP(options=[MSS(9)])


def test_a_change_that_fails_changes_nothing():
    packet = Packet.parse(frame("udp"))
    before = [(layer.start, layer.limit, layer.raw) for layer in packet]
    with pytest.raises(FieldError):
        packet[IPv4].ttl = -1
    assert packet.data == frame("udp")
    assert [(layer.start, layer.limit, layer.raw) for layer in packet] == before
    packet[IPv4].ttl = 63
    assert packet[IPv4].ttl == 63


@pytest.mark.parametrize("upper", [3, None, ["a"], 1.5])
def test_what_a_header_cannot_carry(upper):
    with pytest.raises(FieldError, match="after / stands a header, a packet, bytes or text"):
        IPv4() / upper
    with pytest.raises(FieldError, match="UDP cannot carry"):
        Ethernet() / IPv4() / UDP() / upper
