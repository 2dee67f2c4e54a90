"""The NAT: which port outside stands for which inside, and who may send to it.

Behaviours and requirements are those of RFC 4787 (UDP), RFC 5382 (TCP) and RFC 5508 (ICMP). What
is decided here for the first packet of a flow, the fast path repeats for all that follow.
"""

from __future__ import annotations

import ipaddress
from typing import Any, Protocol

from netarium.errors import NetariumError
from netarium.router import layout
from netarium.router.addresses import Address, address, text
from netarium.router.errors import UNREACHABLE4
from netarium.router.fragments import Reassembly
from netarium.router.nat_errors import translate_error
from netarium.router.nat_sessions import Endpoint, FlowKey, Mapping, Session, Sessions
from netarium.router.nat_settings import BEHAVIOURS, NATSettings
from netarium.router.packets import Arrival
from netarium.router.reasons import Reason
from netarium.router.sending import Sending
from netarium.router.step_nat import flow_key
from netarium.router.tables import Tables

__all__ = ["NAT"]

_ICMP, _TCP, _UDP = 1, 6, 17
_PROTOCOLS = {"tcp": _TCP, "udp": _UDP}
_NAMES = {_ICMP: "icmp", _TCP: "tcp", _UDP: "udp"}
_FROM_OUTSIDE = 256
_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16
_SWEEP = 1.0  # seconds between looks for translations whose time has run out
_PATIENCE = 6.0  # seconds until an unsolicited SYN is answered (RFC 5382, REQ-4)
_MOST_REFUSALS = 256  # that wait; beyond, such a SYN is only dropped
_INSIDE, _OUTSIDE = 1, 2


class _Path(Protocol):
    """The slow half of the path, which takes packets once more."""

    def again(self, arrival: Arrival, settled: Reason, frame: bytes = b"") -> Reason: ...


class NAT:
    """Translates between one outside address and any number of hosts inside."""

    def __init__(self, settings: NATSettings, sending: Sending, tables: Tables) -> None:
        self.settings = settings
        self._sending, self._tables = sending, tables
        names = [interface.name for interface in tables.interfaces]
        if settings.outside not in names:
            raise NetariumError(
                f"The NAT's outside {settings.outside!r} is no interface of this router",
                f"Use one of: {', '.join(names)}.",
            )
        self._outside = names.index(settings.outside)
        self.external: Address = tables.interfaces[self._outside].source(4)
        if not self.external:
            raise NetariumError(
                f"The NAT's outside {settings.outside} has no IPv4 address",
                "Give it one, as in 203.0.113.2/24.",
            )
        self._address = int.from_bytes(self.external, "big")
        self._inside = [ipaddress.IPv4Network(prefix) for prefix in settings.inside]
        self.sessions = Sessions(tables)
        self._by_key: dict[tuple[int, ...], Mapping] = {}
        self._by_port: dict[tuple[int, int], Mapping] = {}
        self._reassembly = Reassembly(sending.timers, lambda arrival: None)
        self._sweeping = False
        self._refusals = 0
        tables.state[layout.NAT_OUTSIDE] = self._outside
        tables.state[layout.NAT_PROTECT] = int(settings.protect)
        for forward in settings.forwards:
            self._open(forward.protocol, forward.port, forward.address, forward.inside_port)

    # --- what the slow path asks ------------------------------------------------------------

    def leaves(self, arrival: Arrival, path: _Path) -> Reason:
        """A packet is to leave to the outside and has no translation."""
        flow = self._flow(arrival)
        if not self._translates(arrival.packet[12:16]):
            return path.again(arrival, Reason.NAT_MISSING)
        if flow is None:
            return Reason.CANNOT_TRANSLATE
        protocol, inside, remote = flow
        mapping = self._mapping(protocol, inside, remote)
        if mapping is None:
            return Reason.NAT_FULL
        session = self._session(mapping, remote)
        self._tcp(session, arrival, _INSIDE)
        return path.again(arrival, Reason.NAT_STATE)

    def arrived(self, arrival: Arrival, path: _Path) -> Reason | None:
        """A packet is for one of our addresses; None where that is no matter of the NAT's."""
        if arrival.packet[16:20] != self.external:
            return None
        flow = self._flow(arrival)
        if flow is None:
            return None
        protocol, remote, (_, port) = flow
        if protocol == _ICMP and arrival.packet[4 * (arrival.packet[0] & 15)] in (8, 13):
            return None  # a ping of the router itself
        mapping = self._alive(self._by_port.get((protocol, port)))
        if arrival.interface != self._outside:
            return self._hairpin(arrival, path, protocol, remote, mapping)
        if mapping is None:
            return self._unsolicited(arrival, protocol, port)
        if not self._lets_in(mapping, remote):
            return Reason.NAT_FILTERED
        session = self._session(mapping, remote)
        self._tcp(session, arrival, _OUTSIDE)
        return path.again(arrival, Reason.NAT_STATE)

    def changes(self, arrival: Arrival, path: _Path) -> Reason:
        """A packet with SYN, FIN or RST passes by a session."""
        flow = self._flow(arrival)
        if flow is not None:
            kind = flow[0] + (_FROM_OUTSIDE if arrival.interface == self._outside else 0)
            session = self.sessions.find(_key(kind, flow[1], flow[2]))
            if session is not None:
                caller = session.places[0][0].inside == flow[1]
                self._tcp(session, arrival, _INSIDE if caller else _OUTSIDE)
        return path.again(arrival, Reason.NAT_STATE)

    def fragment(self, arrival: Arrival, path: _Path) -> Reason:
        """Join fragments, then take the whole (RFC 4787, REQ-14: in whatever order they come)."""
        failed = self._reassembly.failed
        whole = self._reassembly.add4(arrival, arrival.packet)
        if whole is None:
            lost = failed != self._reassembly.failed
            return Reason.REASSEMBLY_FAILED if lost else Reason.REASSEMBLING
        joined = Arrival(arrival.frame[:14] + whole, arrival.interface)
        return path.again(joined, Reason.NAT_FRAGMENT)

    def error(self, arrival: Arrival, path: _Path) -> Reason:
        """Translate an ICMP error and the packet inside it (RFC 5508, section 4)."""
        packet = arrival.packet
        from_outside = arrival.interface == self._outside
        changed = translate_error(packet, from_outside, self.external, self.sessions.translation)
        if changed is not None:
            arrival.skip |= 1 << Reason.MARTIAN_SOURCE  # it may come from our address now
            return path.again(arrival, Reason.NAT_MISSING, arrival.frame[:14] + changed)
        if from_outside or not self._translates(packet[12:16]):
            return path.again(arrival, Reason.NAT_MISSING)
        tables = self._tables
        group = tables.routes.group(packet[16:20])
        hops = tables.routes.hops_of(group)
        if any(hop.interface == self._outside for hop in hops):
            return Reason.CANNOT_TRANSLATE
        return path.again(arrival, Reason.NAT_MISSING)

    def show(self) -> list[dict[str, Any]]:
        """Every mapping and its sessions as data."""
        return [
            {
                "protocol": _NAMES[mapping.protocol],
                "inside": _written(mapping.inside),
                "outside": f"{text(self.external)}:{mapping.port}",
                "forward": mapping.static,
                "sessions": [
                    {
                        "remote": _written(remote),
                        "seconds_left": round(self.sessions.left(session), 1),
                        "frames": self.sessions.passed(session)[0],
                        "bytes": self.sessions.passed(session)[1],
                    }
                    for remote, session in mapping.sessions.items()
                ],
            }
            for mapping in self._by_port.values()
        ]

    # --- mappings ---------------------------------------------------------------------------

    def _flow(self, arrival: Arrival) -> tuple[int, Endpoint, Endpoint] | None:
        """Protocol, source and destination of a packet that can be translated."""
        packet = arrival.packet
        at, protocol = 4 * (packet[0] & 15), packet[9]
        if protocol not in _NAMES or len(packet) < at + 8:
            return None
        ports = flow_key(packet, at, protocol)
        if ports < 0:
            return None
        source = int.from_bytes(packet[12:16], "big")
        destination = int.from_bytes(packet[16:20], "big")
        return protocol, (source, ports >> 16), (destination, ports & 0xFFFF)

    def _translates(self, source: Address) -> bool:
        number = ipaddress.IPv4Address(source)
        return not self._inside or any(number in prefix for prefix in self._inside)

    def _mapping(self, protocol: int, inside: Endpoint, remote: Endpoint) -> Mapping | None:
        """The mapping for a packet to a remote end; a new one where there is none that fits."""
        key: tuple[int, ...] = (protocol, *inside)
        static = self._by_key.get(key)
        if static is not None and static.static:
            return static
        if self.settings.mapping == BEHAVIOURS[1]:
            key += (remote[0],)
        elif self.settings.mapping == BEHAVIOURS[2]:
            key += remote
        known = self._alive(self._by_key.get(key))
        if known is not None:
            return known
        port = self._choose_port(protocol, inside[1])
        if port is None or len(self.sessions.by_number) >= self.settings.most:
            return None
        mapping = Mapping(protocol, inside, port, key)
        self._by_key[key] = self._by_port[protocol, port] = mapping
        return mapping

    def _open(self, protocol: str, port: int, host: str, inside_port: int) -> None:
        if protocol not in _PROTOCOLS:
            raise NetariumError(f"Ports of {protocol!r} cannot be forwarded", "Use tcp or udp.")
        number = _PROTOCOLS[protocol]
        inside = (int.from_bytes(address(host), "big"), inside_port or port)
        mapping = Mapping(number, inside, port, (number, *inside), static=True)
        self._by_key[mapping.key] = self._by_port[number, port] = mapping

    def _choose_port(self, protocol: int, wanted: int) -> int | None:
        """The same port where it is free; else one of the same parity (RFC 4787, REQ-3, REQ-4)."""
        if wanted and self._is_free(protocol, wanted):
            return wanted
        low, high = self.settings.ports
        if 0 < wanted < 1024 and protocol != _ICMP:
            low, high = 1, 1023  # well-known ports stay among themselves (REQ-3a)
        step = 2 if self.settings.port_parity and protocol != _ICMP else 1
        count = (high - low + 1) // step
        offset = wanted % step
        for number in range(count):
            # Spread by a fixed step, so that the next port is not the neighbour of the last.
            port = low + (wanted + number * 7919) % count * step
            port += (offset - port) % step
            if port <= high and self._is_free(protocol, port):
                return port
        return None

    def _is_free(self, protocol: int, port: int) -> bool:
        return self._alive(self._by_port.get((protocol, port))) is None

    def _alive(self, mapping: Mapping | None) -> Mapping | None:
        """The mapping, if one of its sessions lives; else it is forgotten."""
        if mapping is None or mapping.static:
            return mapping
        if any(self.sessions.is_alive(session) for session in mapping.sessions.values()):
            return mapping
        for session in list(mapping.sessions.values()):
            self.sessions.end(session)
        self._by_key.pop(mapping.key, None)
        if self._by_port.get((mapping.protocol, mapping.port)) is mapping:
            del self._by_port[mapping.protocol, mapping.port]
        return None

    # --- sessions ---------------------------------------------------------------------------

    def _session(self, mapping: Mapping, remote: Endpoint) -> Session:
        """The session of a mapping with a remote end outside, both directions translated."""
        known = mapping.sessions.get(remote)
        if known is not None:
            if self.sessions.is_alive(known):
                return known
            self.sessions.end(known)
        session = self._new(mapping.protocol)
        self._belongs(session, mapping, remote)
        protocol, (host, port) = mapping.protocol, mapping.inside
        outer = (self._address, mapping.port)
        out = _key(protocol, (host, port), remote)
        back = _key(protocol + _FROM_OUTSIDE, remote, outer)
        before = self.sessions.find(out)
        if before is None or not self.sessions.is_alive(before):
            # Else the host has sent there by another mapping, and goes on to (RFC 4787, 4.1).
            self.sessions.add_flow(session, out, _ends(outer, remote), refreshes=True)
        inbound = self.settings.inbound_refresh
        self.sessions.add_flow(session, back, _ends(remote, (host, port)), refreshes=inbound)
        return session

    def _new(self, protocol: int) -> Session:
        settings = self.settings
        timeout = {_UDP: settings.udp_timeout, _TCP: settings.tcp_transitory}.get(
            protocol, settings.icmp_timeout
        )
        if not self._sweeping:
            self._sweeping = True
            self._sending.timers.after(_SWEEP, self._sweep)
        return self.sessions.new(protocol, timeout)

    def _belongs(self, session: Session, mapping: Mapping, remote: Endpoint) -> None:
        session.places.append((mapping, remote))
        mapping.sessions[remote] = session

    def _lets_in(self, mapping: Mapping, remote: Endpoint) -> bool:
        """Filtering (RFC 4787, section 5): who may send to a mapping."""
        if mapping.static or self.settings.filtering == BEHAVIOURS[0]:
            return True
        exact = self.settings.filtering == BEHAVIOURS[2]
        return any(
            (known == remote if exact else known[0] == remote[0])
            and self.sessions.is_alive(session)
            for known, session in mapping.sessions.items()
        )

    def _hairpin(
        self,
        arrival: Arrival,
        path: _Path,
        protocol: int,
        inside: Endpoint,
        target: Mapping | None,
    ) -> Reason | None:
        """From inside to a mapping of the outside address (RFC 4787, REQ-9).

        The receiver sees the sender's outside address and port. That the sender has sent counts
        for its own filter, even where the receiver's filter lets nothing in.
        """
        if target is None or not self.settings.hairpinning:
            return None if target is None else Reason.NAT_FILTERED
        called = (self._address, target.port)
        mapping = self._mapping(protocol, inside, called)
        if mapping is None:
            return Reason.NAT_FULL
        caller = (self._address, mapping.port)
        allowed = self._lets_in(target, caller)
        known = mapping.sessions.get(called)
        if known is not None and (not self.sessions.is_alive(known) or not known.flows):
            self.sessions.end(known)
            known = None
        if known is None:
            known = self._new(protocol)
            self._belongs(known, mapping, called)
        if not allowed:
            return Reason.NAT_FILTERED
        if not known.flows:
            before = target.sessions.get(caller)
            if before is not None:
                self.sessions.end(before)
            self._belongs(known, target, caller)
            out = _key(protocol, inside, called)
            back = _key(protocol, target.inside, caller)
            self.sessions.add_flow(known, out, _ends(caller, target.inside), refreshes=True)
            self.sessions.add_flow(known, back, _ends(called, inside), refreshes=True)
        self._tcp(known, arrival, _INSIDE)
        return path.again(arrival, Reason.NAT_STATE)

    def _tcp(self, session: Session, arrival: Arrival, side: int) -> None:
        """Follow a connection's state as far as its time limit depends on it (RFC 5382, 5)."""
        if session.protocol != _TCP:
            return
        packet = arrival.packet
        flags = packet[4 * (packet[0] & 15) + 13]
        if flags & _SYN:
            session.opened |= side
            session.closed = 0
        if flags & _FIN:
            session.closed |= side
        if flags & _RST:
            session.closed = _INSIDE | _OUTSIDE
        established = session.opened == _INSIDE | _OUTSIDE != session.closed
        settings = self.settings
        timeout = settings.tcp_established if established else settings.tcp_transitory
        self.sessions.keep(session, timeout)

    def _unsolicited(self, arrival: Arrival, protocol: int, port: int) -> Reason | None:
        """A SYN to a port without mapping is answered late: its counterpart may be on the way."""
        packet = arrival.packet
        flags = packet[4 * (packet[0] & 15) + 13] if protocol == _TCP else 0
        if not flags & _SYN or flags & _ACK:
            return None
        if self._refusals >= _MOST_REFUSALS:
            return Reason.NAT_FILTERED
        self._refusals += 1
        errors, own = self._sending.errors, self.external

        def refuse() -> None:
            self._refusals -= 1
            if self._alive(self._by_port.get((protocol, port))) is None:
                errors.about(arrival, UNREACHABLE4, 3, own=own)

        self._sending.timers.after(_PATIENCE, refuse)
        return Reason.NAT_FILTERED

    def _sweep(self) -> None:
        """Forget what has run out, so that its ports are free again."""
        for session in self.sessions.over():
            mappings = [mapping for mapping, _ in session.places]
            if session.number in self.sessions.by_number:
                self.sessions.end(session)
            for mapping in mappings:
                self._alive(mapping)
        self._sweeping = bool(self.sessions.by_number)
        if self._sweeping:
            self._sending.timers.after(_SWEEP, self._sweep)


def _key(kind: int, source: Endpoint, destination: Endpoint) -> FlowKey:
    return kind, source[0], destination[0], source[1] << 16 | destination[1]


def _ends(source: Endpoint, destination: Endpoint) -> tuple[int, int, int]:
    return source[0], destination[0], source[1] << 16 | destination[1]


def _written(end: Endpoint) -> str:
    return f"{text(end[0].to_bytes(4, 'big'))}:{end[1]}"
