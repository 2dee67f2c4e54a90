"""``routing: static``: shortest paths to every prefix of the lab, for both families.

One breadth-first search for each prefix, from the nodes that are on it outwards.
What crosses a router on the way must be let through: the router forwards, and
where it does NAT, nothing unasked comes from outside to the inside.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

from netarium.model.addresses import Address, Prefix
from netarium.model.routing import Hop
from netarium.model.wiring import Host, Port

__all__ = ["static_routes"]


@dataclass(frozen=True)
class _Step:
    """From ``port`` one link further is a neighbour's ``via``."""

    port: Port
    neighbour: Port
    via: Address
    onlink: bool


def static_routes(
    hosts: dict[str, Host],
    forwarding: Collection[str],
    outside: dict[str, frozenset[str]],
    own: dict[str, list[Hop]],
) -> dict[str, list[Hop]]:
    """Routes that take every node to every prefix, beside the ``own`` ones, which win.

    Args:
        hosts: the nodes, with settled interfaces.
        forwarding: names of the nodes that forward.
        outside: NAT nodes' outside interfaces.
        own: the routes that nodes declare.
    """
    found: dict[str, list[Hop]] = {name: [] for name in hosts}
    for family in (4, 6):
        on: dict[Prefix, list[Port]] = {}
        for node in hosts.values():
            for port in node.ports.values():
                for address in port.known:
                    if address.family == family:
                        on.setdefault(address.prefix, []).append(port)
        steps = _steps(hosts, family, forwarding)
        single = _single_exits(hosts, family, forwarding, steps)
        for destination, ports in on.items():
            _search(destination, ports, steps, single, outside, found)
    for name, hops in found.items():
        taken = {hop.destination for hop in own[name]}
        found[name] = [hop for hop in hops if hop.destination not in taken]
    return found


def _steps(
    hosts: dict[str, Host], family: int, forwarding: Collection[str]
) -> dict[str, list[_Step]]:
    """For each forwarding node, the steps that lead to it: one for each neighbour and link."""
    steps: dict[str, list[_Step]] = {name: [] for name in forwarding}
    held = {
        name: {a for p in node.ports.values() for a in _alone(p, family)}
        for name, node in hosts.items()
    }
    for name in hosts:
        if name not in steps:
            continue
        for port in hosts[name].ports.values():
            mine = [a for a in port.known if a.family == family]
            if not mine or port.wire is None:
                continue
            for neighbour in port.wire.ports:
                theirs = [a for a in neighbour.known if a.family == family]
                # Where links share a prefix, a neighbour may hold the router's address itself.
                usable = [a for a in mine if a.value not in held[neighbour.host.name]]
                if neighbour.host is port.host or not theirs or not usable:
                    continue
                via = next((a for a in usable if any(t.prefix.holds(a) for t in theirs)), None)
                steps[name].append(_Step(neighbour, port, via or usable[0], via is None))
    return steps


def _alone(port: Port, family: int) -> list[int]:
    return [a.value for a in port.known if a.family == family]


def _single_exits(
    hosts: dict[str, Host],
    family: int,
    forwarding: Collection[str],
    steps: dict[str, list[_Step]],
) -> dict[str, _Step]:
    """The hosts that have one way out: a default route says it all."""
    exits: dict[str, list[_Step]] = {}
    for leading in steps.values():
        for step in leading:
            exits.setdefault(step.port.host.name, []).append(step)
    return {
        name: ways[0] for name, ways in exits.items() if len(ways) == 1 and name not in forwarding
    }


def _search(
    destination: Prefix,
    ports: list[Port],
    steps: dict[str, list[_Step]],
    single: dict[str, _Step],
    outside: dict[str, frozenset[str]],
    found: dict[str, list[Hop]],
) -> None:
    leaving: dict[str, Port] = {}  # by which port a node goes to the destination
    for port in ports:
        leaving.setdefault(port.host.name, port)
    # Who is on the same link without an address in the prefix reaches it there all the same.
    for port in ports:
        for neighbour in port.wire.ports if port.wire else ():
            name = neighbour.host.name
            if name not in leaving and any(a.family == destination.family for a in neighbour.known):
                leaving[name] = neighbour
                found[name].append(Hop(destination, None, neighbour.name, False, "unicast"))
    queue = deque(leaving)
    default = Prefix(destination.family, 0, 0)
    while queue:
        name = queue.popleft()
        exit_port = leaving[name]
        walls = outside.get(name)
        guarded = walls is not None and exit_port.name not in walls
        for step in steps.get(name, ()):
            if guarded and walls is not None and step.neighbour.name in walls:
                continue
            # Back out by the port it came in: the neighbour is on that link itself.
            before = step.port.host.name
            if before in leaving:
                continue
            leaving[before] = step.port
            queue.append(before)
            to = default if single.get(before) is step else destination
            hops = found[before]
            if to is default and any(h.destination == default for h in hops):
                continue
            hops.append(Hop(to, step.via, step.port.name, step.onlink, "unicast"))
