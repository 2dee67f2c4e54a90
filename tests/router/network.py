"""The network that the router's tests are about, the same for netarium's router and for Linux."""

from __future__ import annotations

from netarium.router.core import Router
from netarium.router.interface import RouterInterface
from netarium.router.limits import ErrorLimit
from netarium.router.routes import Route
from tests.router.making import ip

MACS = ["02:00:00:00:00:a0", "02:00:00:00:00:a1", "02:00:00:00:00:a2"]
MTUS = [1500, 1500, 1280]
REVERSE_PATH = ["off", "off", "strict"]
#: Stations that are known: interface, addresses, link-layer address.
STATIONS = [
    (link, host, f"02:00:00:00:{link:02x}:{host:02x}") for link in range(3) for host in (2, 3, 4)
]
#: Hosts on the first link of which each sends little, since Linux counts errors by host.
MANY = range(10, 250)
STATIONS += [(0, host, f"02:00:00:00:00:{host:02x}") for host in MANY]
UNKNOWN_GATEWAY = "10.0.1.99"
ROUTES = [
    Route("172.16.0.0/16", via="10.0.1.2"),
    Route("172.17.0.0/16", kind="blackhole"),
    Route("172.18.0.0/16", kind="unreachable"),
    Route("172.19.0.0/16", kind="prohibit"),
    Route("172.20.0.0/16", via="10.0.0.3"),
    Route("172.22.0.0/16", via="10.0.2.2"),
    Route("240.1.0.0/16", via="10.0.1.2"),
    Route("2001:db8:16::/48", via="fd00:1::2"),
    Route("2001:db8:17::/48", kind="blackhole"),
    Route("2001:db8:18::/48", kind="unreachable"),
    Route("2001:db8:19::/48", kind="prohibit"),
    Route("2001:db8:20::/48", via="fe80::3", interface="r0"),
    Route("2001:db8:22::/48", via="fd00:2::2"),
]


def mac_of(link: int, host: int) -> str:
    return f"02:00:00:00:{link:02x}:{host:02x}"


def interfaces() -> list[RouterInterface]:
    return [
        RouterInterface(
            f"r{link}",
            MACS[link],
            [f"10.0.{link}.1/24", f"fd00:{link}::1/64", "fe80::1/64"],
            mtu=MTUS[link],
            reverse_path=REVERSE_PATH[link],
        )
        for link in range(3)
    ]


def unlimited() -> ErrorLimit:
    return ErrorLimit(1e9, 1e9, 1e9, 1e9)


def router(**more) -> Router:
    """A router that has said hello, and knows its stations."""
    more.setdefault("limit", unlimited())
    made = Router(interfaces(), ROUTES, **more)
    made.tick(0.0)
    made.tick(2.0)
    introduce(made)
    return made


def introduce(made: Router) -> None:
    for link, host, mac in STATIONS:
        number = int(mac.replace(":", ""), 16)
        for who in (f"10.0.{link}.{host}", f"fd00:{link}::{host}", f"fe80::{host}"):
            made.neighbours.learned(link, ip(who), number, solicited=True)
