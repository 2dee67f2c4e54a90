"""Walking frames: the offsets, on any bytes whatever, and the same compiled."""

import random
from array import array

import pytest

from netarium.wire.bulk import walk as places
from netarium.wire.bulk.walk import PLACES, walk
from netarium.wire.hot import hot, run

OFFSETS = ("LINK", "TAG", "NETWORK", "NETWORK_END", "UPPER", "TRANSPORT", "PAYLOAD", "PAYLOAD_END")


@hot
def walk_all(data, starts, count, links, out, place):
    for index in range(count):
        walk(data, starts[index], starts[index + 1], links[index], place)
        for column in range(16):
            out[index * 16 + column] = place[column]


def walked(frame: str | bytes, link_type: int = 1, before: int = 3) -> dict[str, int]:
    raw = bytes.fromhex(frame) if isinstance(frame, str) else frame
    place = places.places()
    data = memoryview(bytes(before) + raw + b"\xff" * 7)
    walk(data, before, before + len(raw), link_type, place)
    found = {}
    for name in places.__all__:
        if name.isupper() and name != "PLACES":
            value = place[getattr(places, name)]
            offset = name in OFFSETS or name in ("WHOLE_END", "CUT_AT")
            found[name] = value - before if offset and value >= 0 else value
    return found


ETHERNET = "ffffffffffff020000000001"
IP_TCP = "45000030000140004006 0000 0a000001 0a000002".replace(" ", "")
TCP = "c35001bb 00000001 00000000 60020400 00000000 020405b4".replace(" ", "")


def test_ethernet_ipv4_tcp():
    found = walked(ETHERNET + "0800" + IP_TCP + TCP + "68656c6c" + "0000")
    assert (found["NETWORK"], found["TRANSPORT"], found["PAYLOAD"]) == (14, 34, 58)
    assert found["PAYLOAD_END"] == 62  # the two bytes behind it are padding
    assert (found["ETHERTYPE"], found["PROTOCOL"], found["CUT"]) == (0x800, 6, -1)


def test_two_tags_and_ipv6_extension_headers():
    hop_by_hop, destination = "3c00010400000000", "1101" + "00" * 14
    udp = "0035d431000a0000" + "6869"
    frame = ETHERNET + "88a8 0064 8100 0065 86dd".replace(" ", "")
    frame += "600000000022003f".replace("003f", "0040") + "00" * 32
    found = walked(frame + hop_by_hop + destination + udp)
    assert (found["TAGS"], found["TAG"], found["NETWORK"]) == (2, 18, 22)
    assert (found["UPPER"], found["PROTOCOL"]) == (62 + 8 + 16, 17)
    assert (found["PAYLOAD"], found["PAYLOAD_END"]) == (94, 96)


def test_fragments():
    later = "4500001c00012003 4011 0000 0a000001 0a000002 6162636465666768".replace(" ", "")
    found = walked(later, link_type=101)
    assert (found["FRAGMENT"], found["MORE"]) == (24, 1)
    assert (found["UPPER"], found["PROTOCOL"], found["TRANSPORT"]) == (20, 17, -1)


@pytest.mark.parametrize(
    ("link_type", "header"),
    [
        (113, "0000000100060200000000010000 0800"),
        (276, "0800 0000 00000002 0001 00 06 020000000001 0000"),
        (0, "02000000"),
        (0, "00000002"),
        (101, ""),
    ],
)
def test_other_link_layers(link_type, header):
    header = header.replace(" ", "")
    found = walked(header + IP_TCP + TCP, link_type)
    assert found["NETWORK"] == len(header) // 2
    assert found["PROTOCOL"] == 6


def test_a_cut_header_is_named():
    whole = bytes.fromhex(ETHERNET + "0800" + IP_TCP + TCP)
    assert walked(whole[:10])["CUT"] == places.LINK
    assert (walked(whole[:20])["CUT"], walked(whole[:20])["CUT_AT"]) == (places.NETWORK, 14)
    cut = walked(whole[:40])
    assert (cut["CUT"], cut["CUT_AT"], cut["TRANSPORT"]) == (places.TRANSPORT, 34, -1)
    assert (cut["NETWORK_END"], cut["WHOLE_END"]) == (40, 62)


def test_any_bytes_stay_in_bounds_and_both_speeds_agree():
    seed = random.Random(5)
    good = [
        bytes.fromhex(ETHERNET + "0800" + IP_TCP + TCP),
        bytes.fromhex(
            ETHERNET + "8100000586dd" + "6000000000100040" + "00" * 32 + "2c" + "00" * 31
        ),
    ]
    frames, links = [], array("q")
    for _ in range(3000):
        frame = bytearray(seed.choice(good))
        for _ in range(seed.randrange(6)):
            frame[seed.randrange(len(frame))] = seed.choice((0, 1, 44, 51, 60, 255))
        frames.append(bytes(frame[: seed.randrange(len(frame) + 1)]))
        links.append(seed.choice((1, 1, 1, 113, 276, 0, 101, 7)))
    data, starts = memoryview(b"".join(frames)), array("q", [0])
    for frame in frames:
        starts.append(starts[-1] + len(frame))
    slow, fast = (array("q", bytes(8 * PLACES * len(frames))) for _ in range(2))
    for out, speed in ((slow, False), (fast, True)):
        run(walk_all, data, starts, len(frames), links, out, places.places(), fast=speed)
    assert slow == fast
    for index in range(len(frames)):
        row = slow[PLACES * index : PLACES * (index + 1)]
        for name in OFFSETS:
            value = row[getattr(places, name)]
            assert value == -1 or starts[index] <= value <= starts[index + 1], (name, index)
