"""The slow half of the path: what is done, in readable Python, about a frame that left the fast.

Each reason has its treatment: an answer, an error message, a queue, fragments. What is mended
goes along the path once more.
"""

from __future__ import annotations

from collections.abc import Callable

from netarium.router import layout
from netarium.router.addresses import ANY6
from netarium.router.discovery import redirect6
from netarium.router.errors import (
    FRAGMENTATION_NEEDED,
    PARAMETER_PROBLEM4,
    REDIRECT4,
    TIME_EXCEEDED4,
    TIME_EXCEEDED6,
    TOO_BIG6,
    UNREACHABLE4,
    UNREACHABLE6,
    upper_of6,
)
from netarium.router.fragments import fragments4
from netarium.router.limits import ErrorLimit
from netarium.router.link import Link
from netarium.router.local import Local
from netarium.router.nat import NAT
from netarium.router.neighbours import Waiting
from netarium.router.options import hop_by_hop, read_options, stamped
from netarium.router.packets import Arrival
from netarium.router.reasons import Reason
from netarium.router.sending import Sending
from netarium.router.step_route import choose_route

__all__ = ["SlowPath"]

_QUIET = 20_000_000  # nanoseconds for which an interface leaves redirects to the fast path
_DONT_FRAGMENT = 0x40
_DAY = 86_400_000  # milliseconds
_NOT_FROM_MIDNIGHT = 1 << 31  # RFC 791, section 3.1, Internet Timestamp

#: Which errors tell of which reasons: (type, code) of ICMP and of ICMPv6.
_ERRORS: dict[Reason, tuple[tuple[int, int], tuple[int, int], Reason]] = {
    Reason.NO_ROUTE: ((UNREACHABLE4, 0), (UNREACHABLE6, 0), Reason.NO_ROUTE),
    Reason.UNREACHABLE: ((UNREACHABLE4, 1), (UNREACHABLE6, 0), Reason.UNREACHABLE),
    Reason.PROHIBITED: ((UNREACHABLE4, 13), (UNREACHABLE6, 1), Reason.PROHIBITED),
    Reason.TTL_EXPIRED: ((TIME_EXCEEDED4, 0), (TIME_EXCEEDED6, 0), Reason.TTL_EXPIRED),
}


class SlowPath:
    """Treats frames that left the fast path.

    Args:
        sending: brings packets out.
        link: ARP and neighbour discovery.
        local: the router as a host.
        nat: its translator, or None.
    """

    def __init__(self, sending: Sending, link: Link, local: Local, nat: NAT | None) -> None:
        self._sending, self._link, self._local = sending, link, local
        self.nat = nat
        self._redirects = ErrorLimit(rate=1.0, burst=2)
        self._treatments: dict[Reason, Callable[[Arrival], Reason]] = {
            Reason.ADDRESS_RESOLUTION: self._arp,
            Reason.BEYOND_SCOPE: self._beyond_scope,
            Reason.FOR_ME: self._for_me,
            Reason.NAT_ERROR: self._nat_error,
            Reason.NAT_FRAGMENT: self._nat_fragment,
            Reason.NAT_MISSING: self._nat_missing,
            Reason.NAT_STATE: self._nat_state,
            Reason.NEIGHBOUR: self._neighbour,
            Reason.OPTIONS: self._options,
            Reason.REDIRECT: self._redirect,
            Reason.TOO_BIG: self._too_big,
            Reason.TO_A_GROUP: self._to_a_group,
        }

    def treat(self, reason: Reason, arrival: Arrival) -> Reason:
        """Do what is to be done about a frame; gives what became of it in the end."""
        if reason in _ERRORS:
            error4, error6, then = _ERRORS[reason]
            kind, code = error4 if arrival.family == 4 else error6
            return self._refused(arrival) or self._tell(arrival, kind, code, then)
        treatment = self._treatments.get(reason)
        return treatment(arrival) if treatment else reason

    def again(self, arrival: Arrival, settled: Reason, frame: bytes = b"") -> Reason:
        """Along the path once more, past what is settled now; ``frame``: as it was changed."""
        arrival.skip |= 1 << settled
        reason = self._sending.tables.again(arrival, frame)
        return self.treat(reason, arrival) if reason else reason

    def _tell(
        self, arrival: Arrival, kind: int, code: int, then: Reason, rest: bytes = bytes(4)
    ) -> Reason:
        return self._sending.errors.about(arrival, kind, code, rest) or then

    # --- on the link, and for ourselves -----------------------------------------------------

    def _arp(self, arrival: Arrival) -> Reason:
        return self._link.arp(arrival)

    def _for_me(self, arrival: Arrival) -> Reason:
        if self.nat is not None and arrival.family == 4:
            reason = self.nat.arrived(arrival, self)
            if reason is not None:
                return reason
        return self._local.deliver(arrival)

    def _to_a_group(self, arrival: Arrival) -> Reason:
        """IPv4's groups are not for us, except all systems, where nothing is to be answered."""
        if arrival.family == 6 and self._local.in_group(arrival.interface, arrival.packet[24:40]):
            return self._local.deliver(arrival)
        return Reason.TO_A_GROUP

    # --- on the way through -----------------------------------------------------------------

    def _beyond_scope(self, arrival: Arrival) -> Reason:
        if arrival.packet[24] == 0xFE:  # for another node on the link
            return Reason.BEYOND_SCOPE
        return self._tell(arrival, UNREACHABLE6, 2, Reason.BEYOND_SCOPE)

    def _options(self, arrival: Arrival) -> Reason:
        """RFC 1812, section 5.2.4; RFC 8200, section 4.3; source routes: RFC 7126."""
        packet = arrival.packet
        if arrival.family == 6:
            verdict = hop_by_hop(packet)
            if not verdict.drop:
                return self.again(arrival, Reason.OPTIONS)
            told = packet[24] != 0xFF or verdict.to_groups
            at = verdict.problem if told else -1
            return self._local.option_problem(arrival, at, verdict.code)
        refused = self._refused(arrival)
        if refused is not None:
            return refused
        options = read_options(packet[: 4 * (packet[0] & 15)])
        if not options.record_route and not options.timestamp and not options.end:
            return self.again(arrival, Reason.OPTIONS)
        tables = self._sending.tables
        choose_route(tables.out, tables.p, tables.state, tables.flat, tables.routes.hops)
        egress = tables.interfaces[tables.p[layout.P_EGRESS]]
        own = {a.value for interface in tables.interfaces for a in interface.own}
        time = int(self._sending.timers.now * 1000) % _DAY | _NOT_FROM_MIDNIGHT
        leaves_by = egress.source(4) or bytes(4)
        fresh = stamped(packet, options, leaves_by, own, time)
        return self.again(arrival, Reason.OPTIONS, arrival.frame[:14] + fresh)

    def _refused(self, arrival: Arrival) -> Reason | None:
        """Whether IPv4 options keep a packet from going on (RFC 1812, 4.2.2.1 and 5.2.4.1)."""
        packet = arrival.packet
        if arrival.family != 4 or packet[0] & 15 == 5:
            return None
        options = read_options(packet[: 4 * (packet[0] & 15)])
        if options.problem >= 0:
            rest = bytes([options.problem, 0, 0, 0])
            return self._tell(arrival, PARAMETER_PROBLEM4, 0, Reason.BAD_OPTION, rest)
        return Reason.SOURCE_ROUTE if options.source_route else None

    def _redirect(self, arrival: Arrival) -> Reason:
        """Tell the shorter way (RFC 1812, 5.2.7.2; RFC 4861, 8.2), and send it on all the same."""
        sending, index = self._sending, arrival.interface
        tables, packet, now = sending.tables, arrival.packet, sending.timers.now
        departure = tables.departure()
        source = packet[12:16] if arrival.family == 4 else packet[8:24]
        routed = arrival.family == 4 and 4 * (packet[0] & 15) > 20
        due = tables.routes.on_link(index, source) and not routed
        if due and self._redirects.allows(source, now):
            if arrival.family == 4:
                sending.errors.about(arrival, REDIRECT4, 1, departure.gateway)
            else:
                self._redirect6(arrival, departure.gateway)
        else:
            place = index * layout.IF_SIZE + layout.IF_QUIET_UNTIL
            tables.flat[place] = tables.state[layout.NOW] + _QUIET
        return self.again(arrival, Reason.REDIRECT)

    def _redirect6(self, arrival: Arrival, gateway: bytes) -> None:
        """From our link-local address, to a router's link-local address or the node itself."""
        packet, index = arrival.packet, arrival.interface
        own = self._sending.tables.interfaces[index].source(6, link_local=True)
        destination = packet[24:40]
        if own[:1] != b"\xfe" or (gateway != destination and gateway[0] != 0xFE):
            return
        if packet[8:24] == ANY6 or upper_of6(packet)[1] < 0:
            return
        known = self._sending.neighbours.find(index, gateway)
        message = redirect6(
            own, packet[8:24], gateway, destination, known.mac if known else 0, packet
        )
        self._sending.output(message, interface=index)

    def _too_big(self, arrival: Arrival) -> Reason:
        """Tell the MTU, or cut IPv4 where its sender allows it (RFC 1191; RFC 8201; RFC 791)."""
        tables, packet = self._sending.tables, arrival.packet
        mtu = tables.interfaces[tables.p[layout.P_EGRESS]].mtu
        if arrival.family == 6:
            rest = mtu.to_bytes(4, "big")
            return self._tell(arrival, TOO_BIG6, 0, Reason.FRAGMENTATION_NEEDED, rest)
        if packet[6] & _DONT_FRAGMENT:
            rest = mtu.to_bytes(4, "big")
            code, then = FRAGMENTATION_NEEDED, Reason.FRAGMENTATION_NEEDED
            return self._tell(arrival, UNREACHABLE4, code, then, rest)
        reason = Reason.FRAGMENTED
        for departure in tables.plain_departures():
            for piece in fragments4(departure.packet, mtu):
                waiting = Waiting(piece, arrival=arrival)
                if self._sending.forward(departure.egress, departure.gateway, waiting):
                    reason = Reason.QUEUED
        return reason

    def _neighbour(self, arrival: Arrival) -> Reason:
        departure = self._sending.tables.departure()
        waiting = Waiting(departure.packet, departure.flags, departure.segment, arrival)
        return self._sending.forward(departure.egress, departure.gateway, waiting)

    # --- translation ------------------------------------------------------------------------

    def _nat_missing(self, arrival: Arrival) -> Reason:
        assert self.nat is not None
        return self.nat.leaves(arrival, self)

    def _nat_state(self, arrival: Arrival) -> Reason:
        assert self.nat is not None
        return self.nat.changes(arrival, self)

    def _nat_error(self, arrival: Arrival) -> Reason:
        assert self.nat is not None
        return self.nat.error(arrival, self)

    def _nat_fragment(self, arrival: Arrival) -> Reason:
        assert self.nat is not None
        return self.nat.fragment(arrival, self)
