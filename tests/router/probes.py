"""Probes: frames made systematically so that each meets one question that a router has."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle

from netarium.router.packets import icmp, icmpv6
from tests.router.making import (
    BROADCAST,
    arp,
    echo4,
    echo6,
    ether,
    extension,
    ip,
    mended,
    tcp,
    udp,
    v4,
    v6,
)
from tests.router.network import MACS, MANY, mac_of


@dataclass(frozen=True)
class Probe:
    """A frame that comes in on a link; ``name`` says what it asks."""

    name: str
    link: int
    frame: bytes


_hosts = cycle(MANY)
A, B, C = "10.0.0.2", "10.0.1.2", "10.0.2.2"
A6, B6, C6 = "fd00:0::2", "fd00:1::2", "fd00:2::2"

TARGETS4 = {
    "neighbour": B, "routed": "172.16.5.5", "no route": "198.51.100.1", "blackhole": "172.17.1.1",
    "unreachable": "172.18.1.1", "prohibited": "172.19.1.1", "own": "10.0.0.1",
    "own elsewhere": "10.0.1.1", "own broadcast": "10.0.0.255", "their broadcast": "10.0.1.255",
    "their network": "10.0.1.0", "all": "255.255.255.255", "all systems": "224.0.0.1",
    "group": "239.1.2.3", "zeros": "0.0.0.0", "loopback": "127.0.0.1", "class E": "240.1.2.3",
    "smaller link": C, "back": "10.0.0.3", "zero net": "0.1.2.3",
}  # fmt: skip
TARGETS6 = {
    "neighbour": B6, "routed": "2001:db8:16::5", "no route": "2001:db8::1",
    "blackhole": "2001:db8:17::1", "unreachable": "2001:db8:18::1", "prohibited": "2001:db8:19::1",
    "own": "fd00:0::1", "own elsewhere": "fd00:1::1", "own link-local": "fe80::1",
    "link-local": "fe80::2", "anycast": "fd00:1::", "all nodes": "ff02::1",
    "all routers": "ff02::2", "wide group": "ff05::1234", "interface group": "ff01::1",
    "reserved group": "ff00::1", "loopback": "::1", "nobody": "::", "smaller link": C6,
    "back": "fd00:0::3", "mapped": "::ffff:10.0.1.2",
}  # fmt: skip


def probes() -> list[Probe]:
    """All of them; names are unique."""
    found: dict[str, Probe] = {}
    for make in (
        _targets, _sources, _headers4, _sizes4, _options4, _local4, _errors4, _frames, _arps,
        _headers6, _sizes6, _extensions6, _local6, _errors6, _discovery, _redirects,
    ):  # fmt: skip
        for name, link, frame in make():
            assert name not in found, name
            found[name] = Probe(name, link, frame)
    return list(found.values())


_Made = Iterator[tuple[str, int, bytes]]


def _in(packet: bytes, link: int = 0, host: int = 2, to: str = "") -> bytes:
    return ether(to or MACS[link], mac_of(link, host), packet)


def _fresh4() -> str:
    """An address on the first link that has not sent much before."""
    return f"10.0.0.{next(_hosts)}"


def _fresh6() -> str:
    return f"fd00:0::{next(_hosts)}"


def _targets() -> _Made:
    """Every kind of destination, with lives left and without, by each protocol."""
    for what, dst in TARGETS4.items():
        for ttl in (0, 1, 2, 64, 255):
            yield f"v4 udp to {what}, ttl {ttl}", 0, _in(v4(_fresh4(), dst, ttl=ttl))
        yield f"v4 echo to {what}", 0, _in(echo4(_fresh4(), dst))
        src = _fresh4()
        yield f"v4 tcp to {what}", 0, _in(v4(src, dst, 6, tcp(src, dst)))
        yield f"v4 protocol 200 to {what}", 0, _in(v4(_fresh4(), dst, 200, b"\0" * 24))
    for what, dst in TARGETS6.items():
        for limit in (0, 1, 2, 64):
            yield f"v6 udp to {what}, limit {limit}", 0, _in(v6(_fresh6(), dst, hop_limit=limit))
        yield f"v6 echo to {what}", 0, _in(echo6(_fresh6(), dst))
        src = _fresh6()
        yield f"v6 tcp to {what}", 0, _in(v6(src, dst, 6, tcp(src, dst)))
        yield f"v6 protocol 200 to {what}", 0, _in(v6(_fresh6(), dst, 200, b"\0" * 24))


def _sources() -> _Made:
    """Who may have sent it."""
    sources = {
        "zeros": "0.0.0.0", "loopback": "127.0.0.1", "group": "224.0.0.1", "all": "255.255.255.255",
        "class E": "240.0.0.1", "ours": "10.0.0.1", "ours elsewhere": "10.0.1.1",
        "zero net": "0.0.0.9", "another link's": "10.0.1.77", "nobody's": "198.51.100.7",
        "routed elsewhere": "172.16.1.1", "unreachable's": "172.18.1.1",
        "a broadcast": "10.0.0.255",
    }  # fmt: skip
    for what, src in sources.items():
        for target, dst in (("neighbour", B), ("own", "10.0.0.1"), ("all", "255.255.255.255")):
            yield f"v4 source {what} to {target}", 0, _in(v4(src, dst))
        yield f"v4 source {what} with strict filter", 2, _in(v4(src, B), 2)
        yield f"v4 source {what}, ttl 1", 0, _in(v4(src, B, ttl=1))
    yield "v4 right source with strict filter", 2, _in(v4(C, B), 2)
    yield "v4 routed source with strict filter", 2, _in(v4("172.22.0.1", B), 2)
    sources6 = {
        "nobody": "::", "loopback": "::1", "group": "ff02::1", "ours": "fd00:0::1",
        "link-local": "fe80::2", "mapped": "::ffff:10.0.0.2", "another link's": "fd00:1::77",
        "no route's": "2001:db8:99::1",
    }  # fmt: skip
    for what, src in sources6.items():
        for target, dst in (("neighbour", B6), ("own", "fd00:0::1"), ("all nodes", "ff02::1")):
            yield f"v6 source {what} to {target}", 0, _in(v6(src, dst))
        yield f"v6 source {what}, limit 1", 0, _in(v6(src, B6, hop_limit=1))


def _headers4() -> _Made:
    """Headers that contradict themselves."""
    good = v4(A, B)
    for version in (0, 5, 6, 15):
        packet = mended(bytes([version << 4 | 5]) + good[1:])
        yield f"v4 version {version}", 0, _in_as4(packet)
    for words in (0, 1, 4, 6, 11, 12, 15):
        packet = bytes([0x40 | words]) + good[1:]
        yield f"v4 header length {words}", 0, _in_as4(mended(packet))
    size = len(good)
    for length in (0, 1, 19, 20, 21, 27, 28, size - 1, size + 1, 1500, 65535):
        packet = mended(good[:2] + struct.pack("!H", length) + good[4:])
        yield f"v4 total length {length}", 0, _in_as4(packet)
    yield "v4 padded", 0, _in(good + b"\xaa" * 20)
    for checksum in (0, 0xFFFF, 0x1234):
        packet = good[:10] + struct.pack("!H", checksum) + good[12:]
        yield f"v4 checksum {checksum:#x}", 0, _in_as4(packet)
    for cut in (0, 1, 10, 19, 20, 24, 30):
        yield f"v4 cut to {cut}", 0, _in_as4(good[:cut])
    for tos in (0x10, 0x03, 0xB8, 0xFF):
        yield f"v4 tos {tos:#x}", 0, _in(v4(A, B, tos=tos))
        yield f"v4 tos {tos:#x}, ttl 1", 0, _in(v4(A, B, tos=tos, ttl=1))
        yield f"v4 echo with tos {tos:#x}", 0, _in(echo4(A, "10.0.0.1", tos=tos))
    # Checksums around the carry of the incremental update.
    for identification in (0, 1, 0x7FFF, 0xFFFE, 0xFFFF, 0xA7B3, 0xA6B3):
        yield f"v4 id {identification:#x}", 0, _in(v4(A, B, identification=identification))


def _in_as4(packet: bytes) -> bytes:
    return ether(MACS[0], mac_of(0, 2), packet, 0x0800)


def _in_as6(packet: bytes) -> bytes:
    return ether(MACS[0], mac_of(0, 2), packet, 0x86DD)


def _sizes4() -> _Made:
    """Fragments made and met, and the MTU of the way."""
    flags = {"": 0, " DF": 0x4000, " MF": 0x2000, " offset": 0x0010, " MF offset": 0x2010,
             " DF MF": 0x6000, " reserved": 0x8000, " far offset": 0x1F00}  # fmt: skip
    for size in (100, 1279, 1280, 1281, 1400, 1499, 1500):
        for name, word in flags.items():
            packet = v4(
                A, C, payload=udp(A, C, data=bytes(range(256)) * 6)[: size - 20], flags=word
            )
            yield f"v4 of {size}{name} to a smaller link", 0, _in(packet)
    for name, word in flags.items():
        yield f"v4{name} of ttl 1", 0, _in(v4(A, C, ttl=1, flags=word))
        yield f"v4{name} with no route", 0, _in(v4(_fresh4(), "198.51.100.1", flags=word))
    for options in (b"\1\1\1\1", b"\x07\x07\x04\0\0\0\0\1", b"\x94\x04\0\0", b"\x1e\x04\1\2"):
        packet = v4(A, C, payload=bytes(1400), options=options)
        yield f"v4 of 1420 with options {options.hex()}", 0, _in(packet)


def _options4() -> _Made:
    """Options, right and wrong."""
    cases = {
        "nops": b"\1\1\1\1", "end": b"\0\0\0\0", "end and rubbish": b"\0\xff\xff\xff",
        "record route": b"\x07\x0b\x04" + bytes(8) + b"\0",
        "record route, one left": b"\x07\x07\x04\0\0\0\0\1",
        "record route full": b"\x07\x07\x08\1\2\3\4\1",
        "record route beyond": b"\x07\x07\x06\1\2\3\4\1",
        "record route pointer 0": b"\x07\x07\x00\1\2\3\4\1",
        "record route pointer 3": b"\x07\x07\x03\1\2\3\4\1",
        "record route of 2": b"\x07\x02\1\1",
        "record route twice": b"\x07\x07\x04\0\0\0\0\x07\x07\x04\0\0\0\0\1\1",
        "option too long": b"\x07\x27\x04\0",
        "option of length 0": b"\x82\x00\0\0",
        "option of length 1": b"\x82\x01\0\0",
        "option cut": b"\1\1\1\x07",
        "unknown": b"\x1e\x04\1\2", "unknown copied": b"\x9e\x04\1\2",
        "loose source route": b"\x83\x07\x04" + bytes([10, 0, 1, 2]) + b"\0",
        "strict source route": b"\x89\x07\x04" + bytes([10, 0, 1, 2]) + b"\0",
        "source route done": b"\x83\x07\x08" + bytes([10, 0, 1, 2]) + b"\0",
        "source route of 2": b"\x83\x02\1\1", "source route pointer 3": b"\x83\x07\x03" + bytes(5),
        "router alert": b"\x94\x04\0\0", "router alert of 3": b"\x94\x03\0\0",
        "timestamp full": b"\x44\x08\x09\x00" + bytes(4),
        "timestamp overflow": b"\x44\x08\x09\xf0" + bytes(4),
        "timestamp pointer 4": b"\x44\x08\x04\x00" + bytes(4),
        "timestamp of 3": b"\x44\x03\x05\1",
        "timestamp not ours": b"\x44\x0c\x05\x03" + bytes([10, 9, 9, 9]) + bytes(4),
        "timestamp unknown flag": b"\x44\x0c\x05\x07" + bytes(8),
        "timestamp room": b"\x44\x08\x06\x00" + bytes(4),
        "security": b"\x82\x0b" + bytes(9) + b"\0", "stream id": b"\x88\x04\0\1",
    }  # fmt: skip
    for name, options in cases.items():
        yield f"v4 option {name}", 0, _in(v4(A, B, options=options))
        yield f"v4 option {name}, no route", 0, _in(v4(_fresh4(), "198.51.100.1", options=options))
    for name in ("option of length 0", "record route pointer 0", "loose source route"):
        yield f"v4 option {name}, for us", 0, _in(v4(A, "10.0.0.1", options=cases[name]))
    for name in ("nops", "unknown"):
        yield f"v4 option {name}, ttl 1", 0, _in(v4(A, B, options=cases[name], ttl=1))


def _local4() -> _Made:
    """What the router does as a host."""
    own = "10.0.0.1"
    for size in (0, 1, 7, 8, 100, 1472):
        yield f"v4 echo of {size}", 0, _in(echo4(A, own, bytes(range(256)) * 6)[: 28 + size])
        yield f"v4 echo with {size} bytes", 0, _in(echo4(A, own, (bytes(range(256)) * 6)[:size]))
    yield "v4 echo, wrong sum", 0, _in(v4(A, own, 1, b"\x08\0\0\0\0\1\0\1data"))
    for code in (1, 200):
        yield f"v4 echo, code {code}", 0, _in(v4(A, own, 1, icmp(8, code, b"\0\1\0\1", b"data")))
    for kind in (0, 3, 4, 5, 9, 10, 11, 12, 15, 17, 30, 255):
        message = icmp(kind, 0, bytes(4), v4(own, A)[:28])
        yield f"v4 icmp type {kind} for us", 0, _in(v4(A, own, 1, message))
    for name, flags in {"syn": 2, "ack": 16, "syn ack": 18, "rst": 4, "fin": 1, "null": 0,
                        "fin ack": 17, "all": 63}.items():  # fmt: skip
        segment = tcp(A, own, flags=flags, seq=0xFFFFFFFF, ack=77, data=b"hello")
        yield f"v4 tcp {name} for us", 0, _in(v4(A, own, 6, segment))
    yield "v4 tcp with a wrong sum", 0, _in(v4(A, own, 6, tcp(A, own)[:-4] + b"\xff\xff\0\0"))
    yield "v4 tcp with a class", 0, _in(v4(A, own, 6, tcp(A, own), tos=0xFF))
    yield "v4 tcp cut", 0, _in(v4(A, own, 6, tcp(A, own)[:16]))
    datagram = udp(A, own)
    yield "v4 udp with a wrong sum", 0, _in(v4(A, own, 17, datagram[:6] + b"\0\1" + datagram[8:]))
    yield "v4 udp without a sum", 0, _in(v4(A, own, 17, datagram[:6] + b"\0\0" + datagram[8:]))
    for length in (0, 7, 8, 20, 27, 255):
        bare = datagram[:4] + struct.pack("!H", length) + b"\0\0" + datagram[8:]
        yield f"v4 udp of length {length}", 0, _in(v4(A, own, 17, bare))
    yield "v4 udp cut", 0, _in(v4(A, own, 17, datagram[:6]))
    for protocol in (0, 2, 4, 41, 47, 50, 51, 89, 132, 253, 255):
        yield f"v4 protocol {protocol} for us", 0, _in(v4(A, own, protocol, bytes(40)))
    whole = echo4(A, own, bytes(range(200)) * 4)
    body = whole[20:]
    for order in ((0, 1), (1, 0)):
        number = 70 + order[0]
        parts = [
            v4(A, own, 1, body[:400], flags=0x2000, identification=number),
            v4(A, own, 1, body[400:], flags=50, identification=number),
        ]
        for place in order:
            yield f"v4 fragment {place} of echo, order {order}", 0, _in(parts[place])
    far = echo4("10.0.2.2", "10.0.2.1", bytes(range(250)) * 5, number=3)
    yield "v4 echo that is answered in one piece of 1278", 2, _in(far, 2)


def _errors4() -> _Made:
    """About which packets an error is sent."""
    for kind in (*range(20), 30, 40, 42, 255):
        message = icmp(kind, 0, bytes(4), v4(B, A)[:28])
        yield f"v4 ttl 1 of icmp type {kind}", 0, _in(v4(A, B, 1, message, ttl=1))
    yield "v4 ttl 1 of icmp cut", 0, _in(v4(A, B, 1, b"", ttl=1))
    for size in (0, 1, 8, 500, 547, 548, 549, 1400):
        payload = bytes(range(256)) * 6
        yield f"v4 error about {size}", 0, _in(v4(A, B, 17, payload[:size], ttl=1))
    for what, src in {"routed": "172.16.1.1", "nobody": "198.51.100.9"}.items():
        yield f"v4 error towards {what}", 1, _in(v4(src, "172.18.1.1"), 1)
    for code in range(6):
        message = icmp(5, code, ip("10.0.0.9"), v4("10.0.0.1", B)[:28])
        yield f"v4 redirect {code} to us", 0, _in(v4("10.0.0.3", "10.0.0.1", 1, message))


def _frames() -> _Made:
    """What the Ethernet header says."""
    for what, to in {"another": "02:00:00:00:00:77", "all": BROADCAST,
                     "group": "01:00:5e:00:00:01"}.items():  # fmt: skip
        for target, dst in (("B", B), ("us", "10.0.0.1"), ("no route", "198.51.100.1")):
            yield f"frame for {what}, packet for {target}", 0, _in(v4(_fresh4(), dst), to=to)
            yield f"frame for {what}, echo for {target}", 0, _in(echo4(_fresh4(), dst), to=to)
        yield f"frame for {what}, ttl 1", 0, _in(v4(A, B, ttl=1), to=to)
        yield f"frame for {what}, v6", 0, _in(v6(A6, B6), to=to)
        yield f"frame for {what}, v6 for us", 0, _in(v6(A6, "fd00:0::1"), to=to)
    for kind in (0x0000, 0x0100, 0x1234, 0x8100, 0x88CC, 0xFFFF):
        yield f"ethertype {kind:#06x}", 0, ether(MACS[0], mac_of(0, 2), v4(A, B), kind)
    yield "v4 called v6", 0, _in_as6(v4(A, B))
    yield "v6 called v4", 0, _in_as4(v6(A6, B6))


def _arps() -> _Made:
    mac, zero = mac_of(0, 2), "00:00:00:00:00:00"

    def one(name: str, body: bytes, to: str = BROADCAST) -> tuple[str, int, bytes]:
        return f"arp {name}", 0, ether(to, mac, body, 0x0806)

    yield one("asks for us", arp(1, mac, A, zero, "10.0.0.1"))
    yield one("asks us alone", arp(1, mac, A, zero, "10.0.0.1"), MACS[0])
    yield one("asks for our other address", arp(1, mac, A, zero, "10.0.1.1"))
    yield one("asks for another", arp(1, mac, A, zero, "10.0.0.3"))
    yield one("asks for one behind", arp(1, mac, A, zero, B))
    yield one("probes our address", arp(1, mac, "0.0.0.0", zero, "10.0.0.1"))
    yield one("probes another", arp(1, mac, "0.0.0.0", zero, "10.0.0.9"))
    yield one("announces", arp(1, mac, A, zero, A))
    yield one("announces by reply", arp(2, mac, A, mac, A))
    yield one("replies unasked", arp(2, "02:00:00:00:00:55", "10.0.0.55", MACS[0], "10.0.0.1"))
    yield one("asks for a group", arp(1, mac, A, zero, "224.0.0.1"))
    yield one("asks for all", arp(1, mac, A, zero, "255.255.255.255"))
    yield one("asks for loopback", arp(1, mac, A, zero, "127.0.0.1"))
    yield one("operation 3", arp(3, mac, A, zero, "10.0.0.1"))
    yield one("cut", arp(1, mac, A, zero, "10.0.0.1")[:20])
    yield one("of other hardware", b"\0\6" + arp(1, mac, A, zero, "10.0.0.1")[2:])
    yield one("of another protocol", arp(1, mac, A, zero, "10.0.0.1")[:2] + b"\x86\xdd"
              + arp(1, mac, A, zero, "10.0.0.1")[4:])  # fmt: skip


def _headers6() -> _Made:
    good = v6(A6, B6)
    for version in (0, 4, 5, 7, 15):
        yield f"v6 version {version}", 0, _in_as6(bytes([version << 4]) + good[1:])
    size = len(good) - 40
    for length in (0, 1, 8, size - 1, size + 1, 1500, 65535):
        yield f"v6 length {length}", 0, _in_as6(good[:4] + struct.pack("!H", length) + good[6:])
    yield "v6 padded", 0, _in(good + b"\xaa" * 20)
    for cut in (0, 1, 39, 40, 41, 50):
        yield f"v6 cut to {cut}", 0, _in_as6(good[:cut])
    for traffic in (0x0FF00000, 0x000ABCDE, 0x0FFFFFFF, 0x00300000):
        yield f"v6 traffic {traffic:#x}", 0, _in(v6(A6, B6, traffic=traffic))


def _sizes6() -> _Made:
    for size in (100, 1279, 1280, 1281, 1400, 1500):
        payload = (bytes(range(256)) * 6)[: size - 40]
        yield f"v6 of {size} to a smaller link", 0, _in(v6(A6, C6, 17, payload))
        yield f"v6 of {size}, limit 1", 0, _in(v6(A6, C6, 17, payload, hop_limit=1))
        fragment = v6(A6, C6, 44, b"\x11\0\0\1\0\0\0\1" + payload[8:])
        yield f"v6 fragment of {size} to a smaller link", 0, _in(fragment)


def _extensions6() -> _Made:
    """Extension headers, towards others and towards us."""
    options = {
        "pad1": b"\0" * 6, "padn": b"\1\4\0\0\0\0", "padn not zero": b"\1\4\1\2\3\4",
        "router alert": b"\5\2\0\0\0\0", "skip": b"\x1e\4\0\0\0\0", "drop": b"\x5e\4\0\0\0\0",
        "tell": b"\x9e\4\0\0\0\0", "tell one": b"\xde\4\0\0\0\0", "beyond": b"\x1e\xc8\0\0\0\0",
        "jumbo": b"\xc2\4\0\1\0\0", "short jumbo": b"\xc2\4\0\0\1\0",
        "bad jumbo": b"\xc2\0\0\0\0\0", "long pad": b"\1\x0c" + bytes(12),
    }  # fmt: skip
    for name, data in options.items():
        kind, header = extension(0, 17, data)
        for target, dst in (("B", B6), ("us", "fd00:0::1"), ("a group", "ff02::1"),
                            ("no route", "2001:db8::1")):  # fmt: skip
            packet = v6(A6, dst, kind, header + udp(A6, dst))
            yield f"v6 hop-by-hop {name} to {target}", 0, _in(packet)
        kind, header = extension(60, 17, data)
        for target, dst in (("B", B6), ("us", "fd00:0::1")):
            packet = v6(A6, dst, kind, header + udp(A6, dst))
            yield f"v6 destination option {name} to {target}", 0, _in(packet)
    for route in (0, 1, 2, 3, 4, 250):
        for left in (0, 1):
            kind, header = extension(43, 17, bytes([route, left]) + bytes(20))
            for target, dst in (("B", B6), ("us", "fd00:0::1")):
                packet = v6(A6, dst, kind, header + udp(A6, dst))
                yield f"v6 routing {route} left {left} to {target}", 0, _in(packet)
    for next_header in (59, 200, 255, 50, 51, 135, 139, 140, 43, 60, 0):
        for target, dst in (("B", B6), ("us", "fd00:0::1")):
            packet = v6(A6, dst, next_header, bytes(8))
            yield f"v6 next header {next_header} to {target}", 0, _in(packet)
            kind, header = extension(60, next_header, b"\0" * 6)
            packet = v6(A6, dst, kind, header + bytes(8))
            yield f"v6 next header {next_header} behind another, to {target}", 0, _in(packet)
    kind, header = extension(0, 17, b"\0" * 6)
    for cut in (2, 7, 8, 12):
        packet = v6(A6, B6, kind, (header + udp(A6, B6))[:cut])
        yield f"v6 hop-by-hop cut to {cut}", 0, _in(packet)
    second = extension(60, 0, b"\0" * 6)[1] + extension(0, 17, b"\0" * 6)[1]
    yield (
        "v6 hop-by-hop later, for us",
        0,
        _in(v6(A6, "fd00:0::1", 60, second + udp(A6, "fd00:0::1"))),
    )


def _local6() -> _Made:
    own = "fd00:0::1"
    for size in (0, 1, 8, 100, 1400):
        yield f"v6 echo with {size} bytes", 0, _in(echo6(A6, own, (bytes(range(256)) * 6)[:size]))
    yield "v6 echo, wrong sum", 0, _in(v6(A6, own, 58, b"\x80\0\0\0\0\1\0\1data"))
    yield "v6 echo with a label", 0, _in(echo6(A6, own, traffic=0x000ABCDE))
    yield "v6 echo with a class", 0, _in(echo6(A6, own, traffic=0x0B800000))
    for kind in (0, 1, 2, 3, 4, 100, 127, 129, 130, 131, 132, 138, 139, 141, 143, 144, 200, 255):
        message = icmpv6(ip(A6), ip(own), kind, 0, bytes(4), v6(own, A6)[:48])
        yield f"v6 icmp type {kind} for us", 0, _in(v6(A6, own, 58, message))
    for name, flags in {"syn": 2, "ack": 16, "rst": 4, "fin ack": 17}.items():
        segment = tcp(A6, own, flags=flags, seq=5, ack=77, data=b"hello")
        yield f"v6 tcp {name} for us", 0, _in(v6(A6, own, 6, segment))
    yield "v6 tcp with a class", 0, _in(v6(A6, own, 6, tcp(A6, own), traffic=0x0FF12345))
    datagram = udp(A6, own)
    yield "v6 udp with a wrong sum", 0, _in(v6(A6, own, 17, datagram[:6] + b"\0\1" + datagram[8:]))
    yield "v6 udp without a sum", 0, _in(v6(A6, own, 17, datagram[:6] + b"\0\0" + datagram[8:]))
    body = echo6(A6, own, bytes(range(200)) * 4)[40:]
    for place, at, more in ((0, 0, 1), (1, 400, 0)):
        header = struct.pack("!BBHI", 58, 0, at | more, 99)
        piece = body[at : at + 400] if more else body[at:]
        yield f"v6 fragment {place} of echo", 0, _in(v6(A6, own, 44, header + piece))
    header = struct.pack("!BBHI", 58, 0, 1, 98)
    yield "v6 fragment of odd length", 0, _in(v6(A6, own, 44, header + bytes(15)))
    header = struct.pack("!BBHI", 17, 0, 0, 97)
    yield "v6 atomic fragment", 0, _in(v6(A6, own, 44, header + udp(A6, own)))


def _errors6() -> _Made:
    for kind in (0, 1, 2, 3, 4, 5, 100, 127, 128, 129, 133, 135, 137, 200, 255):
        message = icmpv6(ip(A6), ip(B6), kind, 0, bytes(4), v6(B6, A6)[:48])
        yield f"v6 limit 1 of icmp type {kind}", 0, _in(v6(A6, B6, 58, message, hop_limit=1))
    for size in (0, 1, 1231, 1232, 1233, 1400):
        packet = v6(A6, B6, 17, (bytes(range(256)) * 6)[:size], hop_limit=1)
        yield f"v6 error about {size}", 0, _in(packet)
    late = struct.pack("!BBHI", 58, 0, 400, 99) + bytes(20)
    yield "v6 limit 1 of a later fragment of icmp", 0, _in(v6(A6, B6, 44, late, hop_limit=1))
    late = struct.pack("!BBHI", 17, 0, 400, 99) + bytes(20)
    yield "v6 limit 1 of a later fragment of udp", 0, _in(v6(A6, B6, 44, late, hop_limit=1))


def _discovery() -> _Made:
    mac = bytes.fromhex(mac_of(0, 2).replace(":", ""))
    link = b"\1\1" + mac

    def solicit(src: str, dst: str, target: str, options: bytes, limit: int = 255) -> bytes:
        message = icmpv6(ip(src), ip(dst), 135, 0, bytes(4), ip(target) + options)
        return _in(v6(src, dst, 58, message, hop_limit=limit))

    node = "ff02::1:ff00:1"
    yield "nd asks for us", 0, solicit(A6, node, "fd00:0::1", link)
    yield "nd asks for our link-local", 0, solicit("fe80::2", node, "fe80::1", link)
    yield "nd asks us alone", 0, solicit(A6, "fd00:0::1", "fd00:0::1", link)
    yield "nd asks us alone, no option", 0, solicit(A6, "fd00:0::1", "fd00:0::1", b"")
    yield "nd asks for another", 0, solicit(A6, node, "fd00:0::3", link)
    yield "nd asks for our other address", 0, solicit(A6, node, "fd00:1::1", link)
    yield "nd probes our address", 0, solicit("::", node, "fd00:0::1", b"")
    yield "nd probes with option", 0, solicit("::", node, "fd00:0::1", link)
    yield "nd probes to one", 0, solicit("::", "fd00:0::1", "fd00:0::1", b"")
    yield "nd from afar", 0, solicit(A6, node, "fd00:0::1", link, limit=254)
    yield "nd with an option of no length", 0, solicit(A6, node, "fd00:0::1", b"\1\0" + mac)
    yield "nd about a group", 0, solicit(A6, node, "ff02::1", link)
    message = icmpv6(ip(A6), ip(node), 135, 1, bytes(4), ip("fd00:0::1") + link)
    yield "nd with code 1", 0, _in(v6(A6, node, 58, message, hop_limit=255))
    message = icmpv6(ip("fe80::2"), ip("ff02::2"), 133, 0, bytes(4), link)
    yield "nd asks for routers", 0, _in(v6("fe80::2", "ff02::2", 58, message, hop_limit=255))


def _redirects() -> _Made:
    """Out where it came in; each source once, as Linux counts them."""
    for what, dst in {"a router": "172.20.1.1", "a neighbour": "10.0.0.4"}.items():
        yield f"v4 shorter way by {what}", 0, _in(v4(_fresh4(), dst))
    yield "v6 shorter way by a router", 0, _in(v6(_fresh6(), "2001:db8:20::1"))
    yield "v6 shorter way by a neighbour", 0, _in(v6(_fresh6(), "fd00:0::4"))
    yield "v4 shorter way, from elsewhere", 0, _in(v4("198.51.100.5", "172.20.1.1"))
