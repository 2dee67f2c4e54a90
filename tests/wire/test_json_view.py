"""Packets as plain data: everything is there, and it is JSON."""

from __future__ import annotations

import json

from netarium.wire.batch import OUTBOUND
from netarium.wire.packet import Packet
from netarium.wire.text.json_view import plain_data
from tests.wire.corpus import START, corpus, frame


def test_every_packet_of_the_corpus_goes_through_json_and_back():
    for name, data, length in corpus():
        packet = Packet.parse(data, length=length)
        told = plain_data(packet)
        assert json.loads(json.dumps(told)) == told, name
        assert [layer["layer"] for layer in told["layers"]] == [
            layer.title for layer in packet.layers
        ]
        for layer, original in zip(told["layers"], packet.layers, strict=True):
            assert list(layer["fields"]) == [shown.name for shown in original.fields()], name
            assert (layer["offset"], layer["size"]) == (original.start, original.size)
        assert bool(told["stop"]) == bool(packet.stop)


def test_what_is_known_of_the_packet():
    packet = Packet.parse(frame("udp"), length=1000)
    packet.number, packet.interface, packet.flags = 12, "h1:eth0", OUTBOUND
    packet.time, packet.comment = START * 1_000_000_000 + 5, "note"
    told = plain_data(packet)
    assert {name: told[name] for name in told if name not in ("layers", "checksums", "stop")} == {
        "number": 12,
        "time": "2024-01-01T00:00:00.000000005Z",
        "interface": "h1:eth0",
        "direction": "out",
        "length": 1000,
        "captured": 54,
        "link_type": 1,
        "comment": "note",
    }


def test_verdicts_and_stops():
    told = plain_data(Packet.parse(frame("tcp wrong checksum")))
    tcp = next(each for each in told["checksums"] if each["layer"] == "TCP")
    assert tcp["verdict"] == "wrong"
    assert tcp["expected"] != tcp["value"]
    cut = plain_data(Packet.parse(frame("tcp data")[:40], length=86))
    assert cut["stop"]["layer"] == "TCP"
    assert cut["stop"]["offset"] == 40


def test_options_are_lists_of_parts():
    told = plain_data(Packet.parse(frame("tcp options: syn")))
    options = told["layers"][2]["fields"]["options"]
    assert [option["part"] for option in options][:2] == ["MSS", "SACKPermitted"]
    assert options[0]["fields"]["mss"] == 1460
