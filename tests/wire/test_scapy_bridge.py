"""Packets go to Scapy and come back."""

from __future__ import annotations

import sys

import pytest

from netarium.errors import NetariumError
from netarium.wire import TCP, Ethernet, IPv4, Packet
from tests.wire.corpus import corpus, frame, other_links


def test_bytes_time_and_place_go_along():
    packet = Packet.parse(frame("tcp data")[:60], 1, 86)
    packet.time, packet.interface, packet.comment = 1704067200123456789, "h1:eth0", "odd"
    theirs = packet.scapy()
    assert theirs["IP"].src == packet[IPv4].src
    assert (theirs.wirelen, theirs.sniffed_on) == (86, "h1:eth0")
    back = Packet.from_scapy(theirs)
    assert back == packet
    assert (back.time, back.interface, back.comment) == (packet.time, "h1:eth0", "odd")
    assert back.length == 86


def test_what_is_changed_with_scapy_comes_back_changed():
    theirs = Packet.parse(frame("udp")).scapy()
    theirs["IP"].ttl = 3
    del theirs["IP"].chksum
    ours = Packet.from_scapy(theirs)
    assert ours[IPv4].ttl == 3


def test_a_packet_that_was_built_goes_to_scapy():
    theirs = (Ethernet() / IPv4(dst="10.0.0.2") / TCP(dport=80)).scapy()
    assert theirs["TCP"].dport == 80
    assert theirs["IP"].dst == "10.0.0.2"


def test_the_corpus_goes_there_and_back():
    # Scapy makes IGMP anew in its own way.
    different = [
        name
        for name, data, length in corpus()
        if Packet.from_scapy(Packet.parse(data, 1, length).scapy()).data != data
    ]
    assert [name for name in different if not name.startswith("igmp")] == []


@pytest.mark.parametrize(("name", "link", "data"), other_links(), ids=lambda one: str(one)[:30])
def test_other_links(name, link, data):
    packet = Packet.parse(data, link)
    back = Packet.from_scapy(packet.scapy())
    assert back.data == data
    if "neither" not in name and "cut" not in name:
        assert repr(back) == repr(packet)


def test_without_scapy_it_says_how_to_get_it(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "scapy"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "scapy", None)
    with pytest.raises(NetariumError) as caught:
        Packet.parse(frame("udp")).scapy()
    assert "pip install scapy" in str(caught.value)
