"""Routes: which prefixes are known, and the groups of next hops that equal-cost routes make."""

from __future__ import annotations

import socket
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from netarium.errors import NetariumError
from netarium.router import layout
from netarium.router.addresses import Address, address, packed, text, words
from netarium.router.interface import RouterInterface
from netarium.router.prefixes import PrefixTable

__all__ = ["KINDS", "Hop", "Route", "RouteTable"]

#: What a route may do with packets, by the word that Linux has for it.
KINDS = {
    "unicast": layout.UNICAST,
    "local": layout.LOCAL,
    "broadcast": layout.BROADCAST,
    "blackhole": layout.BLACKHOLE,
    "unreachable": layout.UNREACHABLE,
    "prohibit": layout.PROHIBIT,
}


@dataclass(frozen=True, slots=True)
class Route:
    """One way to a prefix. Several with the same prefix and metric share its flows.

    Attributes:
        prefix: ``10.0.0.0/8``, ``::/0``.
        interface: where it leaves, by name; may be left out where ``via`` is on a known link.
        via: the next router; empty where the prefix is on the link itself.
        kind: one of `KINDS`.
        metric: the lowest is used.
        origin: who made it: ``static``, ``connected`` (from an interface's address), ``own``.
    """

    prefix: str
    interface: str = ""
    via: str = ""
    kind: str = "unicast"
    metric: int = 0
    origin: str = "static"


@dataclass(frozen=True, slots=True)
class Hop:
    """Where a packet goes next: by which interface, to whom (empty: to the destination itself)."""

    interface: int
    gateway: Address


class RouteTable:
    """All routes of a router, in the flat form that the fast path reads.

    Attributes:
        v4, v6: the prefixes, each with the place of its group in ``hops``.
        hops: the groups: kind, count, then `layout.PAGE` numbers for each hop.
    """

    def __init__(self, interfaces: Sequence[RouterInterface], routes: Iterable[Route] = ()) -> None:
        self.v4, self.v6 = PrefixTable(32), PrefixTable(128)
        self.hops = array("q", [0])
        self._interfaces = interfaces
        self._index = {interface.name: at for at, interface in enumerate(interfaces)}
        self._groups: dict[tuple[int, ...], int] = {}
        self._read: dict[tuple[int, str, str, str], list[int]] = {}
        self._known: dict[tuple[int, int, int], list[Route]] = {}
        for route in self._connected():
            self._insert(route)
        self.static: list[Route] = []
        for route in routes:
            self._insert(route)
            self.static.append(route)
        for bits, table in ((32, self.v4), (128, self.v6)):
            table.fill(
                (prefix, length, self._group(found))
                for (width, prefix, length), found in self._known.items()
                if width == bits
            )

    def add(self, route: Route) -> None:
        """Add one route while packets pass."""
        key = self._insert(route)
        self.static.append(route)
        self._table(key).add(key[1], key[2], self._group(self._known[key]))

    def remove(self, route: Route) -> None:
        """Take one route away while packets pass; NetariumError where there is no such route."""
        key = self._key(route)
        if route not in self.static or route not in self._known.get(key, []):
            raise NetariumError(
                f"There is no route to {route.prefix}", "See what routes there are."
            )
        self.static.remove(route)
        rest = self._known[key]
        rest.remove(route)
        if rest:
            self._table(key).add(key[1], key[2], self._group(rest))
        else:
            del self._known[key]
            self._table(key).remove(key[1], key[2])

    def group(self, destination: Address) -> int:
        """The place in ``hops`` of the group that leads to an address; 0: no route."""
        return (self.v4 if len(destination) == 4 else self.v6).lookup(destination)

    def kind(self, group: int) -> int:
        """What a group does with packets; 0 for no route."""
        return self.hops[group]

    def hops_of(self, group: int) -> list[Hop]:
        """The hops of a group, in the order in which flows are dealt to them."""
        found = []
        for number in range(self.hops[group + 1] if group else 0):
            at = group + layout.HOP + number * layout.PAGE
            first, second, third, fourth = self.hops[at + 1 : at + layout.PAGE]
            gateway = packed((first, second, third, fourth)) if fourth or first else b""
            found.append(Hop(self.hops[at], gateway))
        return found

    def on_link(self, interface: int, value: Address) -> bool:
        """Whether an address is a neighbour's on this interface's link."""
        group = self.group(value)
        if self.kind(group) != layout.UNICAST:
            return False
        return Hop(interface, b"") in self.hops_of(group)

    def show(self) -> list[dict[str, Any]]:
        """Every route as data, in the order of prefixes; ``used``: has the lowest metric."""
        rows = []
        for key in sorted(self._known):
            best = min(route.metric for route in self._known[key])
            for route in self._known[key]:
                rows.append(
                    {
                        "prefix": route.prefix,
                        "kind": route.kind,
                        "interface": route.interface,
                        "via": route.via,
                        "metric": route.metric,
                        "origin": route.origin,
                        "used": route.metric == best,
                    }
                )
        return rows

    def _table(self, key: tuple[int, int, int]) -> PrefixTable:
        return self.v4 if key[0] == 32 else self.v6

    def _connected(self) -> Iterable[Route]:
        """What follows from the interfaces' addresses: their links, and the addresses as our own.

        Each link has fe80::/10 as well, though which link is meant has to be said beside it.
        """
        for interface in self._interfaces:
            for own in interface.own:
                bits = 8 * len(own.value)
                host = f"{text(own.value)}/{bits}"
                yield Route(host, interface.name, kind="local", origin="own", metric=-1)
                if not interface.up:
                    continue
                if own.broadcast:
                    everybody = f"{text(own.broadcast)}/32"
                    name = interface.name
                    yield Route(everybody, name, kind="broadcast", origin="own", metric=-1)
                if own.length < bits:
                    network = text(own.network.to_bytes(len(own.value), "big"))
                    yield Route(f"{network}/{own.length}", interface.name, origin="connected")
                if own.family == 6 and own.length < 127 and not own.is_link_local:
                    # The subnet-router anycast address (RFC 4291, section 2.6.1).
                    yield Route(
                        f"{network}/128", interface.name, kind="local", origin="own", metric=-1
                    )

    def _key(self, route: Route) -> tuple[int, int, int]:
        return _prefix(route.prefix)

    def _insert(self, route: Route) -> tuple[int, int, int]:
        key = self._key(route)
        self._hop(route, key[0])  # says so if the route contradicts itself
        known = self._known.setdefault(key, [])
        if route not in known:
            known.append(route)
        return key

    def _hop(self, route: Route, bits: int) -> list[int]:
        """The numbers of a route's hop; NetariumError where the route contradicts itself."""
        about = (bits, route.interface, route.via, route.kind)
        if about not in self._read or not (route.interface or route.via):
            self._read[about] = self._read_hop(route, bits)
        return self._read[about]

    def _read_hop(self, route: Route, bits: int) -> list[int]:
        if route.kind not in KINDS:
            raise NetariumError(
                f"A route cannot be {route.kind!r}", f"Use one of: {', '.join(KINDS)}."
            )
        if KINDS[route.kind] > layout.BROADCAST:
            return []
        gateway = (0, 0, 0, 0)
        if route.via:
            try:
                via = address(route.via)
            except ValueError:
                raise NetariumError(
                    f"{route.via!r} is not the address of a router", "Write it as in 10.0.1.254."
                ) from None
            if 8 * len(via) != bits:
                raise NetariumError(
                    f"{route.prefix} and its router {route.via} are of different families",
                    "Name a router that has an address of the prefix's family.",
                )
            gateway = words(via)
        name = route.interface or self._link_of(route)
        if name not in self._index:
            raise NetariumError(
                f"{route.prefix}: there is no interface {name!r}",
                f"Use one of: {', '.join(self._index)}.",
            )
        return [self._index[name], *gateway]

    def _link_of(self, route: Route) -> str:
        if route.via:
            value = address(route.via)
            number, bits = int.from_bytes(value, "big"), 8 * len(value)
            for interface in self._interfaces:
                for own in interface.own:
                    shift = bits - own.length
                    if len(own.value) == len(value) and number >> shift << shift == own.network:
                        return interface.name
        raise NetariumError(
            f"{route.prefix}: no interface's link has {route.via or 'it'}",
            "Name the interface, or a router that is on the link of one.",
        )

    def _group(self, routes: list[Route]) -> int:
        """The place of the group that these routes make together; the same one for the same."""
        best = min(route.metric for route in routes)
        used = [route for route in routes if route.metric == best]
        kind = KINDS[used[0].kind]
        hops = [
            self._hop(route, self._key(route)[0]) for route in used if KINDS[route.kind] == kind
        ]
        alive = [hop for hop in hops if hop and self._interfaces[hop[0]].up]
        if kind == layout.UNICAST:
            hops = alive or hops
        numbers = (kind, len(hops) if hops[0] else 0, *(n for hop in hops for n in hop))
        if numbers not in self._groups:
            self._groups[numbers] = len(self.hops)
            self.hops.extend(numbers)
        return self._groups[numbers]


def _prefix(written: str) -> tuple[int, int, int]:
    """The bits of an address of its family, the prefix as a number, its length."""
    start, slash, length = written.partition("/")
    try:
        packed_address = socket.inet_pton(
            socket.AF_INET6 if ":" in start else socket.AF_INET, start
        )
        bits = 8 * len(packed_address)
        width = int(length) if slash else bits
        number = int.from_bytes(packed_address, "big")
        if not 0 <= width <= bits or number & ((1 << (bits - width)) - 1):
            raise ValueError
    except (OSError, ValueError):
        raise NetariumError(
            f"{written!r} is not a prefix",
            "Write an address whose bits behind the prefix are zero, and the length: 10.0.0.0/8.",
        ) from None
    return bits, number, width
