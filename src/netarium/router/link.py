"""What the router says on its links about itself: ARP and discovery answers, announcements."""

from __future__ import annotations

from netarium.router.addresses import ANY4, ANY6, multicast_mac
from netarium.router.arp import EVERYBODY, REPLY, REQUEST, ARPMessage, arp_frame, read_arp
from netarium.router.discovery import (
    ALL_NODES,
    NEIGHBOUR_ADVERTISEMENT,
    NEIGHBOUR_SOLICITATION,
    ROUTER_SOLICITATION,
    neighbour_advertisement,
    read_neighbour_message,
    router_advertisement,
)
from netarium.router.interface import OwnAddress, RouterInterface
from netarium.router.layout import LOCAL
from netarium.router.packets import Arrival
from netarium.router.reasons import Reason
from netarium.router.sending import Sending

__all__ = ["Link"]

_ANNOUNCEMENTS, _ANNOUNCE_INTERVAL = 2, 2.0  # RFC 5227, section 1.1
_DEFEND_INTERVAL = 10.0
_FIRST_ADVERTISEMENTS, _FIRST_INTERVAL = 3, 16.0  # RFC 4861, section 10
_ADVERTISE_INTERVAL = 400.0  # between 200 and 600 s (RFC 4861, section 6.2.1)
_LEAST_BETWEEN = 3.0  # MIN_DELAY_BETWEEN_RAS


class Link:
    """Speaks ARP and neighbour discovery on all links.

    Args:
        sending: brings messages out.
        answers: False where something beside the router answers for its addresses.

    Attributes:
        conflicts: how often somebody else claimed an address of ours.
    """

    def __init__(self, sending: Sending, *, answers: bool = True) -> None:
        self._sending, self._timers, self._answers = sending, sending.timers, answers
        self.conflicts = 0
        self._defended: dict[bytes, float] = {}
        self._advertised: dict[int, float] = {}
        self._sent: dict[int, int] = {}

    # --- announcing ---------------------------------------------------------------------

    def announce(self, index: int, times: int = _ANNOUNCEMENTS) -> None:
        """Tell an interface's addresses to its link, so that stale entries there are mended.

        Gratuitous ARP (RFC 5227, 2.3), unsolicited neighbour advertisements (RFC 4861, 7.2.6).
        """
        interface = self._interface(index)
        if not interface.up or not times or not self._answers:
            return
        for own in interface.own:
            self._announce_one(index, own)
        if times > 1:
            self._timers.after(_ANNOUNCE_INTERVAL, lambda: self.announce(index, times - 1))

    def _announce_one(self, index: int, own: OwnAddress) -> None:
        mac = self._interface(index).mac_number
        if own.family == 4:
            message = ARPMessage(REQUEST, mac, own.value, 0, own.value)
            self._sending.tables.emit_frame(index, arp_frame(message, EVERYBODY, mac))
        else:
            packet = neighbour_advertisement(own.value, ALL_NODES, own.value, mac, solicited=False)
            self._sending.tables.emit(index, multicast_mac(ALL_NODES), packet)

    def advertise(self, index: int) -> None:
        """Send a router advertisement to all nodes, and set the time of the next."""
        interface = self._interface(index)
        if not interface.advertise:
            return
        self._advertise_now(index)
        sent = self._sent[index] = self._sent.get(index, 0) + 1
        first = sent < _FIRST_ADVERTISEMENTS
        wait = _FIRST_INTERVAL if first else _ADVERTISE_INTERVAL
        self._timers.after(wait, lambda: self.advertise(index))

    def _advertise_now(self, index: int) -> None:
        interface = self._interface(index)
        source = interface.source(6, link_local=True)
        if not interface.up or not source or source[0] != 0xFE:
            return  # an advertisement comes from a link-local address (RFC 4861, 4.2)
        prefixes = [
            (own.network.to_bytes(16, "big"), own.length)
            for own in interface.own
            if own.family == 6 and not own.is_link_local and own.length < 127
        ]
        mac = interface.mac_number
        packet = router_advertisement(source, ALL_NODES, mac, interface.mtu, prefixes)
        self._sending.tables.emit(index, multicast_mac(ALL_NODES), packet)
        self._advertised[index] = self._timers.now

    # --- answering ----------------------------------------------------------------------

    def arp(self, arrival: Arrival) -> Reason:
        """Read an ARP message: learn, answer, defend (RFC 826; RFC 5227, section 2.4)."""
        message = read_arp(arrival.frame[14:])
        if message is None:
            return Reason.OTHER_PROTOCOL
        index, interface = arrival.interface, self._interface(arrival.interface)
        if message.sender_mac == interface.mac_number:
            return Reason.DELIVERED  # our own, come back
        if any(own.value == message.sender for own in interface.own):
            self._conflict(index, message)
            return Reason.DELIVERED
        tables = self._sending.tables
        for_me = tables.routes.kind(tables.routes.group(message.target)) == LOCAL
        asked = for_me and message.operation == REQUEST
        answers = asked and self._answers
        if message.sender != ANY4 and message.sender[0] >> 4 != 14:
            self._sending.neighbours.learned(
                index,
                message.sender,
                message.sender_mac,
                solicited=message.operation == REPLY and not arrival.to_all,
                create=asked and tables.routes.on_link(index, message.sender),
            )
        if answers:
            mac = interface.mac_number
            answer = ARPMessage(REPLY, mac, message.target, message.sender_mac, message.sender)
            tables.emit_frame(index, arp_frame(answer, message.sender_mac, mac))
        return Reason.DELIVERED

    def _conflict(self, index: int, message: ARPMessage) -> None:
        """Somebody else has our address: claim it, though not for ever in a circle."""
        self.conflicts += 1
        last = self._defended.get(message.sender)
        if not self._answers:
            return
        if last is not None and self._timers.now - last < _DEFEND_INTERVAL:
            return
        self._defended[message.sender] = self._timers.now
        own = next(a for a in self._interface(index).own if a.value == message.sender)
        self._announce_one(index, own)

    def discovery(self, arrival: Arrival, packet: bytes, at: int) -> Reason:
        """Read a neighbour discovery message (RFC 4861, sections 6.2.6 and 7.2)."""
        message = read_neighbour_message(packet, at)
        if message is None:
            return Reason.NOT_LISTENING
        index, source = arrival.interface, packet[8:24]
        neighbours = self._sending.neighbours
        if message.type == NEIGHBOUR_SOLICITATION:
            return self._solicited(index, packet, message.target, message.mac)
        if message.type == NEIGHBOUR_ADVERTISEMENT:
            known = neighbours.find(index, message.target)
            if known is not None:
                mac = message.mac if message.mac >= 0 else known.mac
                if mac:
                    neighbours.learned(
                        index,
                        message.target,
                        mac,
                        solicited=message.solicited,
                        override=message.override,
                        create=False,
                    )
                neighbours.set_router(index, message.target, message.is_router)
        elif message.type == ROUTER_SOLICITATION:
            if message.mac >= 0 and source != ANY6:
                neighbours.learned(index, source, message.mac)
            last = self._advertised.get(index, -_LEAST_BETWEEN)
            if self._interface(index).advertise and self._timers.now - last >= _LEAST_BETWEEN:
                self._advertise_now(index)
        return Reason.DELIVERED

    def _solicited(self, index: int, packet: bytes, target: bytes, mac: int) -> Reason:
        """Somebody asks for an address (RFC 4861, 7.2.3), or whether it is free (RFC 4862, 5.4)."""
        interface, source = self._interface(index), packet[8:24]
        if not any(own.value == target for own in interface.own):
            return Reason.NOT_LISTENING
        tables, ours = self._sending.tables, interface.mac_number
        if source != ANY6 and mac >= 0:
            self._sending.neighbours.learned(index, source, mac)
        if not self._answers:
            return Reason.DELIVERED
        if source == ANY6:
            answer = neighbour_advertisement(target, ALL_NODES, target, ours, solicited=False)
            tables.emit(index, multicast_mac(ALL_NODES), answer)
        else:
            alone = packet[24] != 0xFF
            answer = neighbour_advertisement(
                target, source, target, ours, solicited=True, known=alone
            )
            self._sending.output(answer, interface=index)
        return Reason.DELIVERED

    def _interface(self, index: int) -> RouterInterface:
        return self._sending.tables.interfaces[index]
