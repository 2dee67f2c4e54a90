"""From the links of a lab to the cables and switches that the kernel is asked for. Pure.

Cables are veth pairs placed straight into two nodes. A segment is a bridge in the
supervisor's own network namespace with one veth pair to each end: the host never
sees it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netarium.model.lab import End, Lab, Link
from netarium.runtime.netlink import Request, add_bridge, add_veth

__all__ = ["bridge_name", "bridges", "cables", "mac_address"]


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
            yield add_bridge(bridge_name(index), link.mtu)


def cables(
    lab: Lab, processes: Mapping[str, int], interfaces: Mapping[str, int]
) -> Iterator[tuple[tuple[str, ...], list[Request]]]:
    """For each link, the nodes that it needs and the requests that plug it in.

    Args:
        lab: the model.
        processes: each node's first process, by node name.
        interfaces: index of each interface in the supervisor's namespace, by name.
    """
    macs = {(n.name, i.name): i.mac for n in lab.nodes for i in n.interfaces if i.mac}
    for index, link in enumerate(lab.links):
        nodes = tuple(end.node for end in link.ends)
        if link.kind == "cable":
            near, far = (
                _plug(end, processes, macs, index, number) for number, end in enumerate(link.ends)
            )
            yield nodes, [add_veth(near, far, mtu=link.mtu)]
        else:
            bridge = interfaces[bridge_name(index)]
            yield nodes, list(_ports(link, index, bridge, processes, macs))


def _ports(
    link: Link,
    index: int,
    bridge: int,
    processes: Mapping[str, int],
    macs: Mapping[tuple[str, str], str],
) -> Iterator[Request]:
    for number, end in enumerate(link.ends):
        port = (f"p{index}.{number}", None, None)
        far = _plug(end, processes, macs, index, number)
        yield add_veth(port, far, mtu=link.mtu, bridge=bridge)


def _plug(
    end: End,
    processes: Mapping[str, int],
    macs: Mapping[tuple[str, str], str],
    link: int,
    number: int,
) -> tuple[str, int, str]:
    mac = macs.get((end.node, end.interface)) or mac_address(link, number)
    return end.interface, processes[end.node], mac
