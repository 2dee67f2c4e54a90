"""Packets as pictures and as text: all fields, nothing on top of another, nothing hostile."""

from __future__ import annotations

import itertools
import json
import re
import struct
import zlib

import pytest

from netarium.errors import NotFoundError, UsageError
from netarium.wire.drawing.compare import draw_packets
from netarium.wire.drawing.header_diagram import diagram
from netarium.wire.drawing.lettering import MONO, SERIF, fitted, shortened, width, wrapped
from netarium.wire.drawing.output import picture_format, render
from netarium.wire.drawing.packet import diagrams, draw_packet
from netarium.wire.drawing.style import CHANGED, hues
from netarium.wire.drawing.svg import Canvas
from netarium.wire.drawing.text import changes_text, packet_text
from netarium.wire.field import Bytes, Flags, UInt
from netarium.wire.header import Header, Incomplete, Padding, Payload
from netarium.wire.packet import Packet
from tests.wire.corpus import corpus, frame
from tests.wire.pictures import SVG, Text, overlap, parsed, troubles

CORPUS = [(name, Packet.parse(data, 1, length)) for name, data, length in corpus()]
#: Not every packet of the corpus, where each costs much.
SOME = CORPUS[::5]


def packet_named(name):
    return next(packet for known, packet in CORPUS if known == name)


def test_no_text_lies_on_another_whatever_the_packet():
    assert {name: troubles(draw_packet(packet)) for name, packet in CORPUS} == {
        name: [] for name, _ in CORPUS
    }


def test_no_text_lies_on_another_side_by_side():
    for (name, one), (_, other) in itertools.pairwise(SOME):
        assert troubles(draw_packets([one, other, one])) == [], name


def test_the_measure_sees_texts_on_each_other_and_beyond_the_paper():
    canvas = Canvas(100, 50)
    canvas.text(10, 20, "one text", 12)
    canvas.text(30, 22, "another", 12)
    assert troubles(canvas.svg("")) == [("one text", "another")]
    canvas = Canvas(100, 50)
    canvas.text(90, 20, "beyond", 12)
    assert troubles(canvas.svg("")) == [("beyond", "beyond the paper")]
    slanted = Text("", (0j, 10 + 10j, 9 + 11j, -1 + 1j))
    assert overlap(slanted, Text("", (4 + 4j, 6 + 4j, 6 + 6j, 4 + 6j)))
    assert not overlap(slanted, Text("", (8 + 1j, 10 + 1j, 10 + 3j, 8 + 3j)))


def leaves(fields):
    for shown in fields:
        if shown.parts:
            yield from leaves(shown.parts)
        elif shown.bits:
            yield shown


def test_every_field_is_drawn_with_all_of_its_bits():
    for name, packet in CORPUS:
        check_fields(name, packet)


def check_fields(name, packet):
    for layer, drawn in zip(packet.layers, diagrams(packet), strict=True):
        expected = {(s.bit, s.bits): s for s in leaves(layer.fields())}
        boxes = {(box.bit, box.bits): box for box in drawn.boxes if not box.ghost}
        folded = any(row.kind == "fold" and not row.pieces for row in drawn.rows)
        for place, shown in expected.items():
            inside = any(bit <= place[0] < bit + bits for bit, bits in boxes)
            assert place in boxes or inside or folded, (name, layer.title, shown.label)
            if place in boxes and boxes[place].label == shown.label:
                assert boxes[place].text in (shown.text, "")
        places = sorted(boxes)
        for (bit, bits), (after, _) in itertools.pairwise(places):
            assert bit + bits <= after, (name, layer.title, "a bit is in two boxes")
        if not folded and not isinstance(layer, Incomplete):
            assert sum(bits for _, bits in places) == 8 * layer.size, (name, layer.title)


def test_rows_hold_the_bytes_in_order_and_their_pieces_fill_them():
    for name, packet in CORPUS:
        check_rows(name, packet)


def check_rows(name, packet):
    for layer, drawn in zip(packet.layers, diagrams(packet), strict=True):
        rows = [row for row in drawn.rows if row.kind != "title"]
        for row, after in itertools.pairwise(rows):
            assert row.first <= row.last <= after.first + 1, (name, layer.title)
        for row in rows:
            end = 0
            for piece in row.pieces:
                assert end == piece.start < piece.end <= row.columns, (name, layer.title)
                end = piece.end


def test_labels_values_and_bytes_stand_in_the_picture():
    packet = packet_named("tcp options: syn")
    picture = parsed(draw_packet(packet))
    said = picture.said()
    for words in ("Sequence Number", "4096", "MSS: Kind", "1460 bytes", "10.0.0.1", "SYN"):
        assert words in said
    digits = [
        text.text
        for text in picture.root.iter(f"{SVG}text")
        if text.get("class") == "m" and text.get("font-size") == "13.5"
    ]
    assert bytes.fromhex("".join(digits)) == packet.data
    assert "Time to Live: 64. Each router takes 1 off; at 0 it is thrown away." in picture.titles


def test_a_checksum_has_its_verdict():
    assert "✗ wrong (should be 0x" in parsed(draw_packet(packet_named("tcp wrong checksum"))).said()
    said = parsed(draw_packet(packet_named("udp"))).said()
    assert said.count("✓ valid") == 2
    said = parsed(draw_packet(packet_named("udp without checksum"))).said()
    assert "absent" in said
    said = parsed(draw_packet(packet_named("tcp offload"))).said()
    assert "not yet computed (offload)" in said
    said = parsed(draw_packet(packet_named("udp, cut to 42"))).said()
    assert "cannot know (truncated)" in said


def test_what_is_cut_off_is_dashed_and_says_why():
    svg = draw_packet(packet_named("tcp data, cut to 42"))
    picture = parsed(svg)
    assert "Acknowledgment Number" in picture.said()
    assert "Reading stops at byte 42: TCP needs 20 bytes, 8 are there" in picture.said()
    assert "42 of 86 bytes captured" in picture.said()
    dashed = [p for p in picture.root.iter(f"{SVG}path") if p.get("stroke-dasharray")]
    assert len(dashed) == 7  # the fields from the acknowledgment number on


def test_a_long_payload_is_folded():
    packet = Packet.parse(frame("udp")[:42] + bytes(range(256)) * 5)
    packet = Packet([*packet.layers[:3], Payload(load=bytes(range(256)) * 5)])
    said = parsed(draw_packet(packet)).said()
    assert "… 1,256 more bytes" in said
    assert "1,256 more bytes" in packet_text(packet)


class Odd(Header, title="Odd header", rfc="RFC 0", link=0xF0F0):
    """A header that nobody has drawn before."""

    three = UInt(3, "Three")
    switches = Flags("Switches", ("ON", "OFF", "-", "-", "-"), "Which are set.")
    long = UInt(40, "Forty bits", "They go on in the next row.", shown="x")
    size = UInt(8, "Size", unit="bytes")
    name = Bytes(lambda odd: odd.size, "Name")
    last = UInt(16, "Last")

    def summary(self):
        return "drawn from its declaration"


def test_a_new_header_is_drawn_from_its_declaration_alone():
    data = bytes([0b101_10000]) + bytes.fromhex("0102030405") + b"\x0bhello world\xbe\xef"
    packet = Packet.parse(data, 0xF0F0)
    drawn = diagram(packet.layers[0])
    shape = [(row.kind, [(p.box.label, p.start, p.end) for p in row.pieces]) for row in drawn.rows]
    assert shape == [
        ("grid", [("Three", 0, 3), ("Switches", 3, 8), ("Forty bits", 8, 32)]),
        ("grid", [("Forty bits", 0, 16), ("Size", 16, 24)]),
        ("bytes", [("Name", 0, 8)]),
        ("bytes", [("Name", 0, 8)]),
        ("grid", [("Last", 0, 16)]),
    ]
    svg = draw_packet(packet)
    assert troubles(svg) == []
    for words in ("Odd header", "Three", "0x0102030405", "hello world", "48879", "RFC 0"):
        assert words in parsed(svg).said()


def test_options_lie_in_the_grid_and_records_below_each_other():
    tcp = diagrams(packet_named("tcp options: syn"))[2]
    assert [group.title for group in tcp.groups][:2] == ["MSS", "SACK permitted"]
    assert all(row.kind == "grid" for row in tcp.rows)
    dns = diagrams(packet_named("dns answer mx"))[3]
    titles = [row.text for row in dns.rows if row.kind == "title"]
    assert titles == ["Question: www.example.com MX", "MX: www.example.com MX 10 mail.example.com."]
    texts = [(b.label, b.text) for b in dns.boxes]
    assert ("EXCHANGE", "mail.example.com") in [(a, t.rstrip(".")) for a, t in texts]


def test_layers_may_be_chosen_by_title_and_short_name():
    packet = packet_named("vxlan, tcp inside")
    assert "VXLAN Network Identifier" not in draw_packet(packet, layers=["TCP"])
    assert parsed(draw_packet(packet, layers=["eth"])).said().count("EtherType") == 2
    with pytest.raises(NotFoundError, match="no layer 'icmp'") as caught:
        draw_packet(packet, layers=["icmp"])
    assert "it has: eth, ip, udp, vxlan, tcp" in str(caught.value)


HOSTILE = "</title><script>alert(1)</script>\x00\x1b[31m\u202egnp.exe\ud800\ufffe & \"'"


def test_hostile_words_do_nothing():
    packet = packet_named("http request")
    packet = Packet.parse(packet.data)
    packet.interface, packet.comment = HOSTILE, HOSTILE
    for svg in (
        draw_packet(packet, title=HOSTILE),
        draw_packets([packet, packet], title=HOSTILE),
        draw_packet(Packet([*packet.layers[:3], Payload(load=HOSTILE.encode("utf-8", "replace"))])),
    ):
        picture = parsed(svg)
        assert list(picture.root.iter(f"{SVG}script")) == []
        assert not re.search("[\x00-\x09\x0b-\x1f\u202e\ud800-\udfff\ufffe]", svg)
        assert render(svg, "pdf").startswith(b"%PDF-")
    text = packet_text(packet, title=HOSTILE)
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e\ud800-\udfff]", text)
    assert len(text.splitlines()[0]) == len(HOSTILE)


def test_letters_that_typst_has_not_do_no_harm():
    packet = packet_named("udp")
    svg = draw_packet(packet, title="パケット — пакет — حزمة")
    assert "パケット" in parsed(svg).said()
    assert render(svg, "png").startswith(b"\x89PNG")


# --- several packets ------------------------------------------------------------------------


def forwarded():
    """A packet, and the same behind a router that is a NAT, too."""
    first = Packet.parse(packet_named("udp").data)
    second = Packet.parse(first.data)
    for packet, place in ((first, "h1:eth0"), (second, "modem:eth0")):
        packet.interface = place
    ip = second.layers[1]
    ip.ttl, ip.src = 63, "203.0.113.7"
    return first, second


def marked(svg):
    """Titles of the fields that are marked as changed."""
    found = []
    for group in parsed(svg).root.iter(f"{SVG}g"):
        title = group.find(f"{SVG}title")
        if title is not None and any(r.get("fill") == CHANGED for r in group.iter(f"{SVG}rect")):
            found.append(title.text.partition(":")[0])
    return found


def test_exactly_the_fields_that_differ_are_marked():
    svg = draw_packets(forwarded())
    assert marked(svg) == ["Time to Live", "Header Checksum", "Source Address", "Checksum"]
    said = parsed(svg).said()
    assert "was 64" in said
    assert "was 10.0.0.1" in said
    assert "h1:eth0" in said
    first, _ = forwarded()
    assert "No field differs." in parsed(draw_packets([first, first])).said()


def test_folded_headers_are_those_in_which_nothing_differs():
    first, second = forwarded()
    drawn = draw_packets([first, first, second], fold=True)
    said = parsed(drawn).said()
    assert said.count("the same") == 4  # Ethernet and payload, on two wires
    assert said.count("Time to Live") == 2


def test_a_tunnel_does_not_shift_what_is_compared():
    inner = packet_named("vxlan, tcp inside")
    bare = inner[4:]
    svg = draw_packets([bare, inner])
    assert marked(svg) == []
    assert troubles(svg) == []


def test_changes_as_text():
    first, second = forwarded()
    assert changes_text([first, second]).splitlines() == [
        "h1:eth0",
        "modem:eth0",
        "    IPv4 Time to Live: 64 -> 63",
        f"    IPv4 Header Checksum: 0x{first[1].checksum:04x} -> 0x{second[1].checksum:04x}, valid",
        "    IPv4 Source Address: 10.0.0.1 -> 203.0.113.7",
        f"    UDP Checksum: 0x{first[2].checksum:04x} -> 0x{second[2].checksum:04x}, valid",
    ]


# --- text -----------------------------------------------------------------------------------


def test_text_keeps_to_eighty_columns_but_for_headings():
    for name, packet in CORPUS:
        for line in packet_text(packet).splitlines():
            boxed = line[14:15] in "┌├└│"
            assert not boxed or len(line) <= 80, (name, line)


def test_lines_of_text_meet():
    """Where a line ends, another begins: every corner has its partners."""
    right, left, down, up = "─┌├└┬┴┼╶", "─┐┤┘┬┴┼╴", "│┌┐├┤┬┼╷", "│└┘├┤┴┼╵"
    for name, packet in SOME:
        lines = packet_text(packet).splitlines()
        for number, line in enumerate(lines):
            if line[14:15] not in tuple("┌├└"):
                continue
            for column in range(14, len(line)):
                letter = line[column]
                after = line[column + 1 : column + 2]
                below = lines[number + 1][column : column + 1] if number + 1 < len(lines) else ""
                above = lines[number - 1][column : column + 1]
                assert (letter in right) == (after in left and after != ""), (name, line)
                assert letter not in down or below in up, (name, number, column)
                assert letter not in up or above in down, (name, number, column)


def test_text_says_what_the_picture_says():
    text = packet_text(packet_named("tcp options: syn"))
    for words in ("Sequence Number", "10.0.0.1", "0x5486 (valid)", "1460 bytes", "C E U A P R S F"):
        assert words in text
    assert "(missing)" in packet_text(packet_named("tcp data, cut to 42"))


# --- output ---------------------------------------------------------------------------------


def test_the_same_drawing_gives_the_same_bytes():
    svg = draw_packet(packet_named("udp"))
    assert svg == draw_packet(Packet.parse(frame("udp")))
    for kind in ("svg", "pdf", "png"):
        assert render(svg, kind) == render(svg, kind)


def test_pdf_and_png_are_whole():
    svg = draw_packet(packet_named("udp"))
    picture = parsed(svg)
    pdf = render(svg, "pdf")
    assert pdf.startswith(b"%PDF-")
    assert pdf.rstrip().endswith(b"%%EOF")
    assert b"Libertinus" in pdf
    png = render(svg, "png")
    wide, high = struct.unpack(">II", png[16:24])
    assert (wide, high) == (round(2 * picture.width), round(2 * picture.height))
    at, pixels = 8, b""
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        assert (
            zlib.crc32(png[at + 4 : at + 8 + size])
            == struct.unpack_from(">I", png, at + 8 + size)[0]
        )
        pixels += png[at + 8 : at + 8 + size] if kind == b"IDAT" else b""
        at += size + 12
    assert len(zlib.decompress(pixels)) > wide * high * 3


def test_a_high_drawing_becomes_a_png_that_viewers_take():
    canvas = Canvas(100, 20_000)
    canvas.text(10, 19_990, "the end", 12)
    assert struct.unpack(">I", render(canvas.svg(""), "png")[20:24])[0] == pytest.approx(16_000, 1)
    canvas.height = 50_000
    with pytest.raises(UsageError, match="too high for a PNG"):
        render(canvas.svg(""), "png")
    assert render(canvas.svg(""), "pdf").startswith(b"%PDF-")


@pytest.mark.parametrize("name", ["a.gif", "svg", "a.svg/b", "", "a.svg.gz", "a.txt"])
def test_other_suffixes_are_refused(name):
    with pytest.raises(UsageError, match="no name of a picture"):
        picture_format(name)


def test_suffixes_in_capitals_are_known():
    assert picture_format("/tmp/A.PNG") == "png"


# --- letters and colours --------------------------------------------------------------------


def test_widths_are_those_that_typst_measures():
    import typst

    texts = ["Fragment Offset", "Header Checksum", "0x1234 (IPv4)", "192.168.1.2 > 10.0.0.1"]
    page = "#context [#metadata({}) <widths>]"
    measures = [
        f'measure(text(font: "{font}", size: 100pt, kerning: false, "{text}")).width.pt()'
        for font in ("Libertinus Serif", "DejaVu Sans Mono")
        for text in texts
    ]
    source = page.format("(" + ", ".join(measures) + ")").encode()
    compiler = typst.Compiler(source, font_paths=typst.Fonts(include_system_fonts=False))
    measured = json.loads(compiler.query("<widths>", "value", one=True))
    ours = [width(text, 100, font) for font in (SERIF, MONO) for text in texts]
    assert measured == pytest.approx(ours, rel=0.02)


def test_fitting_prefers_words_over_size_and_cuts_last():
    assert fitted(["6 (TCP)", "TCP"], 100, (12, 10), MONO) == ("6 (TCP)", 12)
    assert fitted(["6 (TCP)", "TCP"], 46, (12, 10), MONO) == ("6 (TCP)", 10)
    assert fitted(["6 (TCP)", "TCP"], 30, (12, 10), MONO) == ("TCP", 12)
    assert fitted(["abcdefghij"], 40, (10,), MONO) == ("abcde…", 10)
    assert shortened("abc", 5, 10, MONO) == ""
    assert wrapped("one two three four", 61, 10, 3, MONO) == ["one two", "three four"]
    assert all(width(line, 10, MONO) <= 61 for line in wrapped("x" * 99, 61, 10, 3, MONO))


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colours_can_be_read():
    """Letters on their fills have the contrast that WCAG asks of text (4.5:1)."""
    seen = {hue for _, packet in SOME for hue in hues(packet.layers)}
    assert len(seen) == 9
    for hue in seen:
        for fill in (hue.first, hue.second, "#ffffff"):
            lighter, darker = luminance(fill), luminance(hue.strong)
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5, hue.name


def test_neighbours_differ_in_colour():
    for name, packet in CORPUS:
        found = hues(packet.layers)
        for one, other, layer in zip(found, found[1:], packet.layers[1:], strict=False):
            if not isinstance(layer, (Payload, Padding)):
                assert one != other or len(packet.layers) > 8, name


def test_a_notebook_shows_a_packet():
    packet = packet_named("udp")
    assert packet._repr_svg_() == draw_packet(packet)
