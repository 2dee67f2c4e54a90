"""Sending from Python: which way, from which address, in which pieces, and to which station."""

from __future__ import annotations

from collections.abc import Callable

from netarium.router import layout
from netarium.router.addresses import Address, multicast_mac, solicited_node
from netarium.router.arp import EVERYBODY, REQUEST, ARPMessage, arp_frame
from netarium.router.discovery import neighbour_solicitation
from netarium.router.errors import UNREACHABLE4, UNREACHABLE6, ErrorMessages
from netarium.router.fragments import fragments4, fragments6
from netarium.router.limits import ErrorLimit
from netarium.router.neighbours import Neighbour, Neighbours, Waiting
from netarium.router.packets import Arrival, destination_of, family_of, source_of
from netarium.router.reasons import Reason
from netarium.router.routes import Hop
from netarium.router.tables import Tables
from netarium.router.timers import Timers

__all__ = ["Sending"]


class Sending:
    """What the slow half of the path needs to bring packets out.

    Attributes:
        neighbours: who is on the links.
        errors: writes error messages.
        given_up: is told of each packet that waited for somebody who did not answer.
    """

    def __init__(self, tables: Callable[[], Tables], timers: Timers, limit: ErrorLimit) -> None:
        self._tables, self.timers = tables, timers
        self.neighbours = Neighbours(timers, self._solicit, self._release, self._give_up)
        self.errors = ErrorMessages(
            self.output, self.source, self.telling, self.identification, lambda: timers.now, limit
        )
        self.given_up: Callable[[Arrival, Reason], None] = lambda arrival, reason: None
        self._identification = 0

    @property
    def tables(self) -> Tables:
        """The flat tables; others after a reload."""
        return self._tables()

    def identification(self) -> int:
        """The next identification of a packet of our own (RFC 6864: unique while it may live)."""
        self._identification = self._identification % 0xFFFF + 1
        return self._identification

    def source(self, destination: Address, interface: int) -> Address:
        """Our address towards a destination: one of the link that the way there begins with.

        RFC 1812, section 4.3.2.4; RFC 6724, section 5. ``interface`` is what remains where no
        route leads there, and the link that a link-local destination is on.
        """
        routes = self.tables.routes
        family = 4 if len(destination) == 4 else 6
        towards = destination
        if not _is_link_local(destination):
            group = routes.group(destination)
            if routes.kind(group) == layout.UNICAST:
                hop = routes.hops_of(group)[0]
                interface, towards = hop.interface, hop.gateway or destination
        chosen = self.tables.interfaces[interface]
        if family == 6 and _is_link_local(destination):
            return chosen.source(6, link_local=True)
        for own in chosen.own:
            shift = 8 * len(own.value) - own.length
            number = int.from_bytes(towards, "big")
            on_link = own.family == family and number >> shift << shift == own.network
            if on_link and not own.is_link_local:
                return own.value
        found = chosen.source(family)
        if found:
            return found
        return next((a for other in self.tables.interfaces if (a := other.source(family))), b"")

    def telling(self, destination: Address, interface: int) -> Address:
        """Our IPv6 address where a packet came in: it tells more (RFC 4443, section 2.2(d))."""
        here = self.tables.interfaces[interface].source(6, link_local=_is_link_local(destination))
        meant = here and _is_link_local(here) == _is_link_local(destination)
        return here if meant else self.source(destination, interface)

    def output(self, packet: bytes, *, interface: int = -1) -> bool:
        """Send a packet of our own; False where no way leads to its destination.

        ``interface``: the link of destinations that mean something on one link alone.
        """
        destination = destination_of(packet)
        if destination[0] == 0xFF or (destination[0] >> 4 == 14 and len(destination) == 4):
            self.tables.emit(interface, multicast_mac(destination), packet)
            return True
        if _is_link_local(destination):
            hop = Hop(interface, b"")
        else:
            routes = self.tables.routes
            group = routes.group(destination)
            if routes.kind(group) != layout.UNICAST:
                return False
            hop = routes.hops_of(group)[0]
        for piece in self.pieces(packet, hop.interface):
            self.forward(hop.interface, hop.gateway or destination, Waiting(piece))
        return True

    def pieces(self, packet: bytes, interface: int) -> list[bytes]:
        """The packet as it fits an interface's link."""
        mtu = self.tables.interfaces[interface].mtu
        if len(packet) <= mtu:
            return [packet]
        if family_of(packet) == 4:
            return fragments4(packet, mtu)
        return fragments6(packet, mtu, self.identification())

    def forward(self, interface: int, gateway: Address, waiting: Waiting) -> Reason:
        """Send a packet to the next hop, once its link-layer address is known."""
        if not self.tables.interfaces[interface].up:
            return Reason.INTERFACE_DOWN
        dropped = self.neighbours.dropped
        mac = self.neighbours.use(interface, gateway, waiting)
        if not mac:
            return Reason.QUEUED if dropped == self.neighbours.dropped else Reason.QUEUE_FULL
        self.tables.emit(interface, mac, waiting.packet, waiting.flags, waiting.segment)
        return Reason.FORWARDED

    def _release(self, neighbour: Neighbour, packets: list[Waiting]) -> None:
        for waiting in packets:
            self.tables.emit(
                neighbour.interface, neighbour.mac, waiting.packet, waiting.flags, waiting.segment
            )

    def _give_up(self, neighbour: Neighbour, packets: list[Waiting]) -> None:
        """Host unreachable (RFC 1812, 5.2.7.1), address unreachable (RFC 4443, 3.1)."""
        for waiting in packets:
            if waiting.arrival is None:
                continue
            kind, code = (UNREACHABLE4, 1) if waiting.arrival.family == 4 else (UNREACHABLE6, 3)
            self.errors.about(waiting.arrival, kind, code)
            self.given_up(waiting.arrival, Reason.NEIGHBOUR_FAILED)

    def _solicit(self, interface: int, address: Address, mac: int) -> None:
        """Ask for a neighbour's address: all stations (or the group), or it alone (``mac``)."""
        tables = self.tables
        own = tables.interfaces[interface]
        if len(address) == 4:
            source = self._source_on(interface, address)
            message = ARPMessage(REQUEST, own.mac_number, source, 0, address)
            tables.emit_frame(interface, arp_frame(message, mac or EVERYBODY, own.mac_number))
            return
        source = self._prompting(interface, address) or own.source(6, link_local=True)
        if not source:
            return
        to = address if mac else solicited_node(address)
        packet = neighbour_solicitation(source, to, address, own.mac_number)
        tables.emit(interface, mac or multicast_mac(to), packet)

    def _prompting(self, interface: int, address: Address) -> Address:
        """Our address that the waiting packet comes from (RFC 4861, 7.2.2); empty: another's."""
        entry = self.neighbours.find(interface, address)
        if entry is None or not entry.queue:
            return b""
        source = source_of(entry.queue[0].packet)
        own = self.tables.interfaces[interface].own
        return source if any(each.value == source for each in own) else b""

    def _source_on(self, interface: int, address: Address) -> Address:
        """Our IPv4 address that shares a prefix with a neighbour, else the link's first."""
        number = int.from_bytes(address, "big")
        chosen = self.tables.interfaces[interface]
        for own in chosen.own:
            shift = 32 - own.length
            if own.family == 4 and number >> shift << shift == own.network:
                return own.value
        return chosen.source(4) or bytes(4)


def _is_link_local(address: Address) -> bool:
    return len(address) == 16 and address[0] == 0xFE and address[1] & 0xC0 == 0x80
