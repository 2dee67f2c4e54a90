"""The routes that nodes declare: read, checked to be usable, completed with their interface."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from netarium.model.addresses import Address, Prefix, host, prefix
from netarium.model.declaration import RouteDeclaration
from netarium.model.faults import Faults, Path, nearest
from netarium.model.lab import Route
from netarium.model.wiring import Host, Port, parsed, positions

__all__ = ["Hop", "declared_routes"]

Kind = Literal["unicast", "unreachable", "blackhole"]
_DEFAULT = {4: Prefix(4, 0, 0), 6: Prefix(6, 0, 0)}
_WRITE = "write [unreachable|blackhole] PREFIX [via ADDRESS] [dev INTERFACE] [onlink]"


@dataclass(frozen=True)
class Hop:
    """A route in numbers, and where it was declared."""

    destination: Prefix
    via: Address | None
    dev: str | None
    onlink: bool
    kind: Kind
    path: Path = ()

    def route(self) -> Route:
        """The same as the lab's data."""
        return Route(
            destination=str(self.destination),
            via=self.via.text if self.via else None,
            interface=self.dev,
            onlink=self.onlink,
            kind=self.kind,
        )


def declared_routes(node: Host, faults: Faults, *, check: bool = True) -> list[Hop]:
    """A node's own routes and gateways, in an order in which they can be installed.

    Routes to a device come first: they make next hops reachable. ``check`` is
    off where the links are not known well enough to tell what is reachable.
    """
    hops: list[Hop] = []
    for declared, path in positions(node.declared.routes, (*node.path, "routes")):
        hop = (
            _from_mapping(declared, path, faults)
            if isinstance(declared, RouteDeclaration)
            else _from_words(declared, path, faults)
        )
        if hop:
            hops.append(hop)
    hops.extend(_gateways(node, hops, faults))
    _check_twice(hops, faults)
    hops.sort(key=lambda hop: hop.via is not None)
    if check:
        hops = [_settle(node, hop, hops, faults) for hop in hops]
    return hops


def _gateways(node: Host, hops: list[Hop], faults: Faults) -> list[Hop]:
    own = node.declared.gateway is not None
    value = node.declared.gateway if own else node.defaults.gateway
    found: list[Hop] = []
    for text, path in positions(value, (*(node.path if own else ("defaults",)), "gateway")):
        via = parsed(host, text, path, faults)
        if via is None:
            continue
        if not own and any(via.value == a.value for p in node.ports.values() for a in p.known):
            continue  # the lab's gateway itself
        destination = _DEFAULT[via.family]
        if any(h.destination == destination for h in [*hops, *found]):
            faults.add(
                path,
                f"{via.text} would be a second default route of {node.name}",
                "keep one for IPv4 and one for IPv6",
            )
            continue
        found.append(Hop(destination, via, None, False, "unicast", path))
    return found


def _from_mapping(declared: RouteDeclaration, path: Path, faults: Faults) -> Hop | None:
    via = None
    if declared.via is not None:
        via = parsed(host, declared.via, (*path, "via"), faults)
        if via is None:
            return None
    return _hop(
        declared.to,
        via,
        declared.dev,
        bool(declared.onlink),
        declared.kind or "unicast",
        path,
        (*path, "to"),
        faults,
    )


def _from_words(text: str, path: Path, faults: Faults) -> Hop | None:
    words = text.split()
    kind: Kind = "unicast"
    if words and words[0] in ("unreachable", "blackhole", "unicast"):
        kind = words.pop(0)  # type: ignore[assignment]  # one of the three
    if not words:
        faults.add(path, "names no destination", _WRITE)
        return None
    to, *rest = words
    via: Address | None = None
    dev: str | None = None
    onlink = False
    while rest:
        word = rest.pop(0)
        if word == "onlink":
            onlink = True
        elif word in ("via", "dev") and rest:
            value = rest.pop(0)
            if word == "dev":
                dev = value
            else:
                via = parsed(host, value, path, faults)
                if via is None:
                    return None
        elif word in ("via", "dev"):
            faults.add(path, f"nothing follows {word}", _WRITE)
            return None
        else:
            near = nearest(word, ("via", "dev", "onlink"))
            cure = f"did you mean {near}?" if near else _WRITE
            faults.add(path, f"{word} is not a word of a route", cure)
            return None
    return _hop(to, via, dev, onlink, kind, path, path, faults)


def _hop(
    to: str,
    via: Address | None,
    dev: str | None,
    onlink: bool,
    kind: Kind,
    path: Path,
    to_path: Path,
    faults: Faults,
) -> Hop | None:
    if to == "default":
        destination: Prefix | None = _DEFAULT[via.family if via else 4]
    else:
        destination = parsed(prefix, to, to_path, faults)
    if destination is None:
        return None
    if via and via.family != destination.family:
        faults.add(
            path,
            f"the next hop {via.text} is IPv{via.family}, the destination IPv{destination.family}",
            "give both of one family",
        )
        return None
    if kind == "unicast" and via is None and dev is None:
        faults.add(path, "says neither via nor dev", "add via ADDRESS or dev INTERFACE")
        return None
    if kind != "unicast" and (via or dev or onlink):
        faults.add(path, f"is {kind}, so it goes nowhere", "remove via, dev and onlink")
        return None
    if onlink and (via is None or dev is None):
        faults.add(path, "onlink needs both via and dev", "add what is missing")
        return None
    return Hop(destination, via, dev, onlink, kind, path)


def _check_twice(hops: list[Hop], faults: Faults) -> None:
    seen: set[Prefix] = set()
    for hop in hops:
        if hop.destination in seen:
            faults.add(hop.path, f"a second route to {hop.destination}", "keep one of them")
        seen.add(hop.destination)


def _settle(node: Host, hop: Hop, hops: list[Hop], faults: Faults) -> Hop:
    """Check that the node can use a route, and find its interface."""
    if hop.dev is not None and hop.dev not in node.ports:
        near = nearest(hop.dev, node.ports) or ", ".join(node.ports)
        cure = f"{node.name} has {near}" if node.ports else f"{node.name} has no interface"
        faults.add(hop.path, f"{node.name} has no interface {hop.dev}", cure)
        return hop
    if hop.via is None:
        return hop
    if any(
        a.family == hop.via.family and a.value == hop.via.value
        for p in node.ports.values()
        for a in p.known
    ):
        faults.add(
            hop.path,
            f"the next hop {hop.via.text} is {node.name}'s own address",
            "write the address of its neighbour",
        )
        return hop
    if hop.onlink:
        return hop
    if hop.via.is_link_local:
        if hop.dev is None:
            faults.add(
                hop.path, f"{hop.via.text} is on every link", "add dev INTERFACE to say which"
            )
        return hop
    dev = _interface_to(
        hop.via, [p for p in node.ports.values() if hop.dev in (None, p.name)], hops
    )
    if dev is None:
        if any(p.flawed for p in node.ports.values()):
            return hop
        near = _subnets(node, hop.via.family)
        where = f"{hop.dev} of {node.name}" if hop.dev else f"interface of {node.name}"
        faults.add(
            hop.path,
            f"no {where} reaches the next hop {hop.via.text}"
            if not hop.dev
            else f"{where} does not reach the next hop {hop.via.text}",
            f"write one in {near}, or add dev INTERFACE onlink"
            if near
            else "give the node an address there, or add dev INTERFACE onlink",
        )
        return hop
    return replace(hop, dev=dev)


def _subnets(node: Host, family: int) -> str:
    found = dict.fromkeys(
        str(a.prefix)
        for p in node.ports.values()
        for a in p.known
        if a.family == family and not a.is_host
    )
    return " or ".join(found)


def _interface_to(via: Address, ports: list[Port], hops: list[Hop]) -> str | None:
    """The interface by which ``via`` is reached: the longest prefix that covers it wins."""
    best: tuple[int, str] | None = None
    names = {p.name for p in ports}
    for port in ports:
        for address in port.known:
            if address.prefix.holds(via) and (best is None or address.length > best[0]):
                best = (address.length, port.name)
    for hop in hops:
        if hop.via is None and hop.dev in names and hop.destination.holds(via):
            assert hop.dev is not None
            if best is None or hop.destination.length > best[0]:
                best = (hop.destination.length, hop.dev)
    return best[1] if best else None
