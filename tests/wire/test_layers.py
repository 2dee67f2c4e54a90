"""Packets layer by layer: every field, verdicts in the fixed words, where it stopped."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from netarium.wire import TCP, Ethernet, IPv4
from netarium.wire.batch import CHECKSUM_NOT_READY, INBOUND
from netarium.wire.checksum import Verdict
from netarium.wire.judging import judge
from netarium.wire.packet import Packet
from netarium.wire.text.layers import heading, layered, utc
from tests.wire.corpus import START, corpus, frame


def parsed(name):
    packet = Packet.parse(frame(name))
    packet.number, packet.time = 7, START * 1_000_000_000 + 123_456_789
    return packet


def everything(shown):
    for field in shown:
        yield field
        yield from everything(field.parts)


def test_every_field_of_every_packet_is_there():
    for name, data, length in corpus():
        packet = Packet.parse(data, length=length)
        text = layered(packet, width=200)
        assert text.isascii() or text.replace("\n", "").isprintable(), name
        flat = "".join(text.split())
        for layer in packet.layers:
            assert f"\n{layer.title}" in text
            for field in everything(layer.fields()):
                assert "".join(f"{field.label}{field.text}".split()) in flat, (name, field)


def test_verdicts_stand_beside_their_checksums():
    for name, data, length in corpus():
        packet = Packet.parse(data, length=length)
        lines = layered(packet).splitlines()
        for judged in judge(packet):
            starts = {field.bit for layer in packet.layers for field in layer.fields()}
            if judged.verdict is not Verdict.ABSENT and 8 * judged.at in starts:
                told = [line for line in lines if line.endswith(f"  {judged}")]
                assert any("hecksum" in line for line in told), (name, str(judged), lines)


def test_the_words_of_verdicts():
    assert "0xdead  wrong (should be 0x" in layered(Ethernet() / IPv4(checksum=0xDEAD))
    packet = parsed("tcp data")
    packet.flags = CHECKSUM_NOT_READY
    assert "not yet computed (offload)" in layered(packet)
    assert "0x0000  absent" in layered(parsed("udp without checksum"))
    cut = Packet.parse(frame("tcp data")[:60], length=86)
    assert "cannot know (truncated)" in layered(cut)


def test_a_tunnel_has_the_verdicts_of_both_its_headers():
    inner = IPv4(src="10.0.0.1") / TCP()
    packet = Ethernet() / IPv4(checksum=1) / inner
    verdicts = re.findall(r"Header Checksum +0x\w+  (\w+)", layered(packet))
    assert verdicts == ["wrong", "valid"]


def test_the_heading():
    packet = parsed("udp")
    packet.interface, packet.flags, packet.length = "h1:eth0", INBOUND, 1514
    assert heading(packet) == (
        "Packet 7  2024-01-01 00:00:00.123456789  h1:eth0 in  1514 bytes (54 captured)"
    )


def test_where_reading_stopped_is_the_last_line():
    packet = Packet.parse(frame("tcp data")[:40], length=86)
    assert layered(packet, width=200).splitlines()[-1] == f"! {packet.stop}"


def test_meanings_only_on_request():
    packet = parsed("udp")
    assert "Which program is meant" not in layered(packet)
    assert "Which program is meant" in layered(packet, meanings=True)


@pytest.mark.parametrize("meanings", [False, True])
def test_it_fits_eighty_columns(meanings):
    long = []
    for name, data, _ in corpus():
        lines = layered(Packet.parse(data), width=80, meanings=meanings).splitlines()
        long += [(name, line) for line in lines if len(line) > 80]
    assert long == []


def test_values_of_one_packet_stand_in_one_column():
    fields = [line for line in layered(parsed("udp")).splitlines() if line.startswith("    ")]
    assert len({re.match(r" {4}\S.*?  +", line).end() for line in fields}) == 1


def test_options_stand_further_in():
    lines = layered(parsed("tcp options: syn")).splitlines()
    options = next(i for i, line in enumerate(lines) if line.startswith("    Options"))
    within = next(line for line in lines[options + 1 :] if line.split() == ["MSS", "1460"])
    assert within.startswith("        MSS")


def test_colours_are_the_painters():
    text = layered(parsed("udp"), paint=lambda kind, text: f"<{kind}>{text}</>")
    assert "<layer>IPv4</>" in text
    assert "<good>valid</>" in text


def test_hostile_text_is_escaped():
    packet = Ethernet() / IPv4() / TCP(dport=80) / "GET /\x1b[2J HTTP/1.1\r\nA: \x9b1m\r\n\r\n"
    packet.interface, packet.comment = "\x1b]0;x\x07", "\u202e"
    assert layered(packet).replace("\n", "").isprintable()


def test_dates_of_all_centuries():
    for year in (1601, 1970, 2000, 2024, 2100, 9999):
        for month, day in ((1, 1), (2, 28), (3, 1), (12, 31)):
            moment = datetime(year, month, day, 23, 59, 58, tzinfo=UTC)
            nanoseconds = int(moment.timestamp()) * 1_000_000_000 + 5
            assert utc(nanoseconds) == moment.strftime("%Y-%m-%d %H:%M:%S") + ".000000005"
    assert utc(2**63 - 1).startswith("2262-04-11 23:47:16.854775807")
