"""Hex dumps: all bytes, in their layers, for eyes with and without colours."""

from __future__ import annotations

import re

from netarium.wire.packet import Packet
from netarium.wire.text.hexdump import byte_rows, hexdump, ranges
from tests.wire.corpus import corpus, frame


def bytes_of(text):
    """The bytes that a dump shows, by reading it back."""
    rows = re.findall(r"^[0-9a-f]{4,} (.{49})   .*$", text, re.MULTILINE)
    return bytes.fromhex("".join(rows).replace("|", " "))


def test_all_bytes_of_every_packet():
    for name, data, length in corpus():
        packet = Packet.parse(data, length=length)
        text = hexdump(packet)
        assert bytes_of(text) == data, name
        assert text.isascii()
        assert text.replace("\n", "").isprintable(), name
        parts = ranges(packet)
        assert [part.start for part in parts] == [0, *(part.end for part in parts)][: len(parts)]
        assert (parts[-1].end if parts else 0) == len(data)


def test_the_legend_and_bars_say_which_layer_is_where():
    text = hexdump(Packet.parse(frame("tcp data")))
    legend, first, second, third, *_ = text.splitlines()
    assert legend == "Ethernet 0-13 | IPv4 14-33 | TCP 34-65 | Payload 66-85"
    assert first[:54] == "0000 |02 00 00 00 00 0b 02 00  00 00 00 0a 08 00|45 00"
    assert "|" not in second[:53]
    assert third.startswith("0020  00 02|")


def test_it_fits_eighty_columns():
    for name, data, _ in corpus():
        assert all(len(line) <= 80 for line in hexdump(Packet.parse(data)).splitlines()), name


def test_a_colour_a_layer():
    text = hexdump(Packet.parse(frame("udp")), paint=lambda number, text: f"{number}:{text};")
    assert "0:Ethernet 0-13;" in text
    assert "1:45;" in text
    assert "3:Payload 42-53;" in text


def test_rows_of_any_length():
    for length in range(40):
        rows = list(byte_rows(bytes(range(length))))
        assert len(rows) == -(-length // 16)
        assert bytes_of("\n".join(rows)) == bytes(range(length))
        assert "".join(row[57:] for row in rows).encode() == bytes(
            octet if octet >= 32 else 46 for octet in range(length)
        )
