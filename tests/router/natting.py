"""NATs in memory: a router that translates, and a small Internet with hosts around it."""

from __future__ import annotations

import struct
from collections.abc import Callable

from netarium.router.core import Router
from netarium.router.interface import RouterInterface
from netarium.router.nat_settings import NATSettings
from netarium.router.packets import transport_valid
from netarium.router.routes import Route
from netarium.wire.checksum import internet_checksum
from tests.router.making import arp, ether, ip, udp, v4
from tests.router.network import unlimited

INSIDE_MAC, OUTSIDE_MAC = "02:00:00:00:10:00", "02:00:00:00:10:01"
HOST_MAC, GATEWAY_MAC = "02:00:00:00:20:02", "02:00:00:00:30:fe"
EXTERNAL = "203.0.113.1"


def nat_router(fast: bool = False, **settings) -> Router:
    """Inside 10.0.0.0/24 on interface 0; outside 203.0.113.0/24 on 1, with a default route."""
    made = Router(
        [
            RouterInterface("in", INSIDE_MAC, ["10.0.0.1/24"]),
            RouterInterface("out", OUTSIDE_MAC, [f"{EXTERNAL}/24"]),
        ],
        [Route("0.0.0.0/0", via="203.0.113.254")],
        NATSettings("out", **settings),
        fast=fast,
        limit=unlimited(),
    )
    made.tick(0.0)
    made.tick(2.0)
    know(made)
    return made


def know(made: Router) -> None:
    """Everybody has just been heard of, however long a test takes."""
    for host in range(2, 10):
        mac = int(HOST_MAC.replace(":", ""), 16) - 2 + host
        made.neighbours.learned(0, ip(f"10.0.0.{host}"), mac, solicited=True)
    mac = int(GATEWAY_MAC.replace(":", ""), 16)
    made.neighbours.learned(1, ip("203.0.113.254"), mac, solicited=True)


def taken(made: Router, frame: bytes, interface: int, now: float) -> list[bytes]:
    """IP packets that go to the other side."""
    made.tick(now)
    know(made)
    sent = made.frame(frame, interface, now)
    return [o.frame[14:] for o in sent if o.interface != interface and o.frame[12:14] == b"\x08\0"]


def outward(made: Router, packet: bytes, now: float = 3.0) -> list[bytes]:
    """IP packets that leave to the outside when this one comes from inside."""
    return taken(made, ether(INSIDE_MAC, HOST_MAC, packet), 0, now)


def inward(made: Router, packet: bytes, now: float = 3.0) -> list[bytes]:
    """IP packets that go inside when this one comes from the outside."""
    return taken(made, ether(OUTSIDE_MAC, GATEWAY_MAC, packet), 1, now)


def ends(packet: bytes) -> tuple[str, int, str, int]:
    """Source, its port, destination, its port; the checksums must be right."""
    size = 4 * (packet[0] & 15)
    assert internet_checksum(packet[:size]) == 0
    assert transport_valid(packet, size, packet[9])
    sport, dport = struct.unpack_from("!HH", packet, size)
    return text(packet[12:16]), sport, text(packet[16:20]), dport


def text(address: bytes) -> str:
    return ".".join(map(str, address))


class Host:
    """A host with one address that sends UDP by a gateway, or directly on its link."""

    def __init__(self, address: str, mac: str, gateway: str = "") -> None:
        self.address, self.mac = address, mac
        self.gateway = gateway  # the link-layer address of its router
        self.heard: Callable[[Host, str, int, int, bytes], None] | None = None
        self.received: list[tuple[str, int, bytes]] = []
        self.out: list[bytes] = []

    def say(self, sport: int, to: str, dport: int, data: bytes) -> None:
        packet = v4(self.address, to, 17, udp(self.address, to, sport, dport, data))
        self.out.append(ether(self.gateway or "ff:ff:ff:ff:ff:ff", self.mac, packet))

    def take(self, frame: bytes) -> None:
        if frame[12:14] == b"\x08\x06":
            if frame[20:22] == b"\0\1" and text(frame[38:42]) == self.address:
                asker = frame[22:28].hex(":")
                answer = arp(2, self.mac, self.address, asker, text(frame[28:32]))
                self.out.append(ether(asker, self.mac, answer, 0x0806))
            return
        if frame[:6].hex(":") != self.mac or frame[23] != 17:
            return
        sender, sport, _, dport = ends(frame[14:])
        self.received.append((sender, sport, frame[42:]))
        if self.heard:
            self.heard(self, sender, sport, dport, frame[42:])


class Internet:
    """One outer link; hosts on it, and routers with hosts behind them."""

    def __init__(self) -> None:
        self.now = 10.0
        self.hosts: list[tuple[Host, Router | None]] = []
        self.routers: list[Router] = []

    def join(self, host: Host, behind: Router | None = None) -> None:
        self.hosts.append((host, behind))
        if behind is not None and behind not in self.routers:
            self.routers.append(behind)

    def settle(self) -> None:
        """Carry frames until nobody has any left."""
        for _ in range(1000):
            self.now += 0.001
            moved = False
            for host, behind in self.hosts:
                frames, host.out = host.out, []
                for frame in frames:
                    moved = True
                    self._carry(frame, host, behind, None)
            if not moved:
                return
        raise AssertionError("frames without end")

    def _carry(
        self, frame: bytes, sender: Host | None, link: Router | None, router: Router | None
    ) -> None:
        """A frame on the link inside ``link`` (None: outside) reaches all others there."""
        for host, behind in self.hosts:
            if host is not sender and behind is link:
                host.take(frame)
        for each in self.routers:
            if each is not router and (link is None or each is link):
                index = 1 if link is None else 0
                for out in each.frame(frame, index, self.now):
                    self._carry(out.frame, None, each if out.interface == 0 else None, each)
