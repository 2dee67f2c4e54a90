"""Names and addresses of a lab, both ways: what a name server, or /etc/hosts, says."""

from __future__ import annotations

from netarium.model.lab import Lab, Node

__all__ = ["names", "public_addresses", "reverse_names"]


def names(lab: Lab) -> dict[str, tuple[str, ...]]:
    """Every name of the lab -> the addresses by which others reach its node.

    Names are as written, canonical ones and aliases alike; compare them without
    regard to case. A node without addresses is in it too, with none.
    """
    return {name: public_addresses(node) for node in lab.nodes for name in node.names}


def public_addresses(node: Node) -> tuple[str, ...]:
    """A node's addresses for other nodes: behind NAT only the outside ones, else all."""
    if node.nat is None:
        return node.addresses
    outside = (
        address.split("/")[0]
        for interface in node.interfaces
        if interface.name in node.nat.outside
        for address in interface.addresses
    )
    return tuple(dict.fromkeys(outside)) or node.addresses


def reverse_names(lab: Lab) -> dict[str, str]:
    """Every address of the lab -> its node's canonical name.

    An address that two nodes hold, as where two homes use the same private
    network, has no name: there is no telling whose it is.
    """
    found: dict[str, str | None] = {}
    for node in lab.nodes:
        for address in node.addresses:
            found[address] = None if address in found else node.names[0]
    return {address: name for address, name in found.items() if name is not None}
