"""Who sends and who receives the packets of a capture: nodes by name, others by address."""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from netarium.capture.sightings import innermost
from netarium.errors import NetariumError
from netarium.wire.batch import DIRECTION, INBOUND, OUTBOUND

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from netarium.wire.batch import Interface
    from netarium.wire.drawing.conversation import Host
    from netarium.wire.packet import Packet

__all__ = ["Parties", "ends"]


def ends(packet: Packet) -> tuple[str, str]:
    """From and to which address a packet goes, within all tunnels; MAC addresses without IP."""
    ip: Any = innermost(packet)
    if ip is not None:
        return ip.src, ip.dst
    for layer in packet.layers:
        source, target = getattr(layer, "sender_ip", ""), getattr(layer, "target_ip", "")
        if isinstance(source, str) and source:
            return source, target
    first: Any = packet.layers[0] if packet.layers else None
    return str(getattr(first, "src", "") or "?"), str(getattr(first, "dst", "") or "?")


class Parties:
    """Tells who is who, and gives each a place from left to right.

    Args:
        names: names by address, as the file has them.
        lab: the text of the lab file that came with the capture; empty: none.
        interfaces: what the capture tells of where it looked.
    """

    def __init__(
        self, names: Mapping[str, str], lab: str = "", interfaces: Iterable[Interface] = ()
    ) -> None:
        self.names = dict(names)
        self.addresses: dict[str, list[str]] = {}  # of each node
        self.owners: dict[str, list[str]] = {}  # of each address; private ones come twice
        self.order: list[str] = []
        self.seen: dict[str, str] = {}  # the address under which each was seen
        self.covered: set[str] = set()  # nodes at which the capture looked
        self.told: dict[str, list[str]] = {}  # addresses by node, as interfaces' descriptions say
        for interface in interfaces:
            node, colon, _ = interface.name.partition(":")
            if colon:
                self.told.setdefault(node, []).extend(_addresses_in(interface.description))
        if lab:
            self._learn_lab(lab)

    def _learn_lab(self, text: str) -> None:
        from netarium import model

        try:
            lab = model.loads(text)
        except NetariumError:
            return  # written by another version: addresses will do
        for node in lab.nodes:
            self.addresses[node.name] = list(node.addresses)
            for address in node.addresses:
                self.owners.setdefault(address, []).append(node.name)

    def learn(self, groups: Iterable[list[Packet]]) -> None:
        """Learn from sightings at nodes: the first one's source address is that node's."""
        for group in groups:
            for packet in group:
                self.covered.add(self.node(packet))
            first = group[0]
            node, (source, _) = self.node(first), ends(first)
            sent = first.flags & DIRECTION == OUTBOUND
            beyond = {self.node(packet) for packet in group} - {node}
            if node and (sent or (beyond and not first.flags & DIRECTION)):
                known = self.own(node)
                if known and source not in known and not _stays_on_link(source):
                    continue  # the lab knows better: it only passes here
                owners = self.owners.setdefault(source, [])
                if node not in owners:
                    owners.append(node)
        self.covered.discard("")

    def node(self, packet: Packet) -> str:
        """The node at whose interface a packet was seen; empty outside of labs."""
        node, colon, _ = packet.interface.partition(":")
        return node if colon and (not self.addresses or node in self.addresses) else ""

    def sender(self, group: list[Packet]) -> str:
        """Who sent a packet, given all sightings of it."""
        first = group[0]
        node, (source, _) = self.node(first), ends(first)
        if node and node in self.owners.get(source, ()):
            return node
        owners = self.owners.get(source, [])
        if len(owners) == 1:
            return owners[0]
        if node and first.flags & DIRECTION == OUTBOUND:
            return node
        return source

    def receiver(self, group: list[Packet]) -> str:
        """For whom a packet was, given all sightings of it."""
        last = group[-1]
        node, (_, target) = self.node(last), ends(last)
        if node and node in self.owners.get(target, ()):
            return node
        owners = self.owners.get(target, [])
        if len(owners) == 1:
            return owners[0]
        if node and last.flags & DIRECTION == INBOUND and len(group) > 1 and not _is_group(target):
            return node
        return target

    def place(self, who: str, address: str) -> int:
        """The place of a party from left to right; ``address`` is one that it was seen under.

        A node is told with an address of its own, or with none: what it was seen to send may
        only have passed there.
        """
        if who not in self.order:
            own = self.own(who)
            if own and address not in own:
                address = own[0]
            self.order.append(who)
            self.seen[who] = "" if who in self.covered and not own else address
        return self.order.index(who)

    def own(self, node: str) -> list[str]:
        """The addresses that a node has, as the lab has it, or descriptions of interfaces."""
        return self.addresses.get(node) or self.told.get(node, [])

    def ordered(self, places: Iterable[int]) -> list[int]:
        """These places from left to right: nodes as the lab has them, groups of many last."""
        nodes = list(self.addresses)

        def key(place: int) -> tuple[int, int]:
            who = self.order[place]
            if who in nodes:
                return 0, nodes.index(who)
            return (2 if _is_group(who) else 1), place

        return sorted(places, key=key)

    def hosts(self) -> list[Host]:
        """All parties in their places."""
        from netarium.wire.drawing.conversation import Host

        found = []
        for who in self.order:
            name = self.names.get(who, "")
            if not name and _is_everyone(who):
                name = "everyone"
            found.append(Host(name or who, self.seen[who]))
        return found


def _addresses_in(description: str) -> list[str]:
    """The addresses at the beginning of a description: ``10.0.0.1/24, fd00::1/64 on lan; ...``."""
    found = []
    for word in description.partition(" on ")[0].replace(",", " ").split():
        with suppress(ValueError):
            found.append(str(ipaddress.ip_interface(word).ip))
    return found


def _is_everyone(address: str) -> bool:
    return address in ("255.255.255.255", "ff:ff:ff:ff:ff:ff", "ff02::1")


def _stays_on_link(address: str) -> bool:
    """Whether no router passes packets from this address on: who sends it is right there."""
    return address.startswith(("fe8", "fe9", "fea", "feb", "169.254.")) or address in (
        "::",
        "0.0.0.0",
    )


def _is_group(address: str) -> bool:
    """Whether an address is that of many: multicast or broadcast."""
    if ":" in address and address.count(":") == 5 and len(address) == 17:
        return int(address[:2], 16) & 1 == 1
    if ":" in address:
        return address.startswith("ff")
    first = address.partition(".")[0]
    return address == "255.255.255.255" or (first.isdigit() and 224 <= int(first) < 240)
