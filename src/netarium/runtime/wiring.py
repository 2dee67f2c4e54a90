"""From a lab to the cables, switches, addresses and routes that the kernel is asked for. Pure.

Cables are veth pairs placed straight into two nodes. A segment is a bridge in the
supervisor's own network namespace with one veth pair to each end: the host never
sees it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count

from netarium.model.lab import End, Lab, Link, Node
from netarium.runtime.netlink import (
    Request,
    VethEnd,
    add_address,
    add_bridge,
    add_route,
    add_veth,
    set_link,
)

__all__ = ["bridge_name", "bridges", "cables", "configuration", "first_index", "mac_address"]

#: Indexes in the supervisor's own namespace begin far above any node's: the kernel refuses
#: an index asked for in a node that the caller's namespace has, too (rtnl_newlink).
_FIRST_OWN = 1 << 20


def bridge_name(index: int) -> str:
    """The name of the bridge of the lab's link number ``index``."""
    return f"segment{index}"


def mac_address(link: int, end: int) -> str:
    """A locally administered address that is the same at every start (RFC 9542, section 2.1)."""
    number = ((link & 0xFFFFFF) << 16) | (end & 0xFFFF)
    return "02:" + number.to_bytes(5, "big").hex(":")


def bridges(lab: Lab) -> Iterator[Request]:
    """One bridge for each segment."""
    for index, link in enumerate(lab.links):
        if link.kind == "segment":
            yield add_bridge(bridge_name(index), link.mtu, index=_FIRST_OWN + index)


def first_index(interfaces: Mapping[str, int]) -> int:
    """The index of a node's first interface: the one after those that a new namespace has.

    That is lo alone, but for kernels with the modules of old tunnels (sit, ipip, gre), which
    put one of each into every namespace. So indexes are the same at every start.
    """
    return max(interfaces.values()) + 1


def configuration(node: Node, first: int) -> list[Request]:
    """Interfaces up, addresses and routes of a node, in that order, asked for inside it.

    Its interfaces have the indexes from ``first`` on.
    """
    index = {interface.name: first + i for i, interface in enumerate(node.interfaces)}
    requests = [set_link(1, "lo")]
    requests += [set_link(index[i.name], i.name, mtu=i.mtu) for i in node.interfaces]
    for interface in node.interfaces:
        for address in interface.addresses:
            requests.append(add_address(index[interface.name], interface.name, address))
    for route in node.routes:
        requests.append(
            add_route(
                route.destination,
                via=route.via,
                index=index[route.interface] if route.interface else None,
                onlink=route.onlink,
                kind=route.kind,
            )
        )
    return requests


def cables(
    lab: Lab, processes: Mapping[str, int], interfaces: Mapping[str, int], first: int
) -> Iterator[tuple[tuple[str, ...], list[Request]]]:
    """For each link, the nodes that it needs and the requests that plug it in.

    Args:
        lab: the model.
        processes: each node's first process, by node name.
        interfaces: index of each interface in the supervisor's namespace, by name.
        first: index of each node's first interface.
    """
    places = {
        (node.name, interface.name): (interface.mac, first + position)
        for node in lab.nodes
        for position, interface in enumerate(node.interfaces)
    }
    own = count(_FIRST_OWN + len(lab.links))
    for index, link in enumerate(lab.links):
        nodes = tuple(end.node for end in link.ends)
        if link.kind == "cable":
            near, far = (
                _plug(end, processes, places, index, number) for number, end in enumerate(link.ends)
            )
            yield nodes, [add_veth(near, far, mtu=link.mtu)]
        else:
            bridge = interfaces[bridge_name(index)]
            yield nodes, list(_ports(link, index, bridge, processes, places, own))


def _ports(
    link: Link,
    index: int,
    bridge: int,
    processes: Mapping[str, int],
    places: Mapping[tuple[str, str], tuple[str | None, int]],
    own: Iterator[int],
) -> Iterator[Request]:
    for number, end in enumerate(link.ends):
        port = VethEnd(f"p{index}.{number}", ifindex=next(own))
        far = _plug(end, processes, places, index, number)
        yield add_veth(port, far, mtu=link.mtu, bridge=bridge)


def _plug(
    end: End,
    processes: Mapping[str, int],
    places: Mapping[tuple[str, str], tuple[str | None, int]],
    link: int,
    number: int,
) -> VethEnd:
    mac, position = places[end.node, end.interface]
    return VethEnd(end.interface, processes[end.node], mac or mac_address(link, number), position)
