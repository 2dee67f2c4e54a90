"""What the router does as a host: it answers ping, and says so where nothing listens."""

from __future__ import annotations

import struct

from netarium.router.addresses import ANY6, Address, solicited_node
from netarium.router.discovery import ALL_NODES, ALL_ROUTERS
from netarium.router.errors import (
    PARAMETER_PROBLEM4,
    PARAMETER_PROBLEM6,
    TIME_EXCEEDED4,
    TIME_EXCEEDED6,
    UNREACHABLE4,
    UNREACHABLE6,
    upper_of6,
)
from netarium.router.fragments import Reassembly
from netarium.router.layout import LOCAL
from netarium.router.link import Link
from netarium.router.options import hop_by_hop, read_options
from netarium.router.packets import (
    Arrival,
    destination_of,
    icmp,
    icmpv6,
    ipv4,
    ipv6,
    pseudo,
    source_of,
    transport_valid,
)
from netarium.router.reasons import Reason
from netarium.router.sending import Sending
from netarium.wire.batch import CHECKSUM_NOT_READY
from netarium.wire.checksum import internet_checksum

__all__ = ["Local"]

_ICMP, _IGMP, _TCP, _UDP, _ICMP6 = 1, 2, 6, 17, 58
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _NO_NEXT, _DESTINATION = 0, 43, 44, 59, 60
_RST, _ACK, _SYN, _FIN = 4, 16, 2, 1


class Local:
    """Takes packets that are for the router itself.

    Args:
        sending: brings answers out.
        link: reads neighbour discovery.
        answers: False where something beside the router (the kernel) answers for its addresses:
            it then reads discovery messages alone, to learn who is there.
    """

    def __init__(self, sending: Sending, link: Link, *, answers: bool = True) -> None:
        self._sending, self._link, self._answers = sending, link, answers
        self.reassembly = Reassembly(sending.timers, self._reassembly_expired)

    def deliver(self, arrival: Arrival) -> Reason:
        """Take a packet for one of our addresses, or for a group of ours."""
        if not self._answers:
            kind, at = upper_of6(arrival.packet) if arrival.family == 6 else (0, -1)
            if kind != _ICMP6 or at < 0 or not 133 <= arrival.packet[at] <= 137:
                return Reason.FOR_ME
        if arrival.family == 4:
            return self._deliver4(arrival, arrival.packet)
        return self._deliver6(arrival, arrival.packet)

    def in_group(self, interface: int, group: Address) -> bool:
        """Whether we listen to an IPv6 group on a link (RFC 4291, section 2.8)."""
        if group in (ALL_NODES, ALL_ROUTERS):
            return True
        own = self._sending.tables.interfaces[interface].own
        return any(a.family == 6 and solicited_node(a.value) == group for a in own)

    def _deliver4(self, arrival: Arrival, packet: bytes) -> Reason:
        """RFC 1122, section 3.2; RFC 1812, section 4.2.2."""
        size = 4 * (packet[0] & 15)
        own = packet[16:20]
        options = read_options(packet[:size])
        if options.problem >= 0:
            rest = bytes([options.problem, 0, 0, 0])
            return self._tell(arrival, PARAMETER_PROBLEM4, 0, rest, own, Reason.BAD_OPTION)
        if options.source_route:
            return Reason.SOURCE_ROUTE
        if int.from_bytes(packet[6:8], "big") & 0x3FFF:
            failed = self.reassembly.failed
            whole = self.reassembly.add4(arrival, packet)
            if whole is None:
                lost = failed != self.reassembly.failed
                return Reason.REASSEMBLY_FAILED if lost else Reason.REASSEMBLING
            frame = arrival.frame[:14] + whole
            return self._deliver4(Arrival(frame, arrival.interface, 0), whole)
        protocol = packet[9]
        if protocol == _ICMP:
            return self._icmp(arrival, packet, size)
        if protocol in (_UDP, _TCP):
            return self._transport(arrival, packet, size, protocol)
        if protocol == _IGMP:
            return Reason.DELIVERED  # we are in no group that is to be reported
        return self._tell(arrival, UNREACHABLE4, 2, bytes(4), own, Reason.NOT_LISTENING)

    def _icmp(self, arrival: Arrival, packet: bytes, at: int) -> Reason:
        """Echo (RFC 1122, section 3.2.2.6); all other messages are read by nobody here."""
        if len(packet) < at + 8 or not transport_valid(packet, at, _ICMP):
            return Reason.BAD_CHECKSUM
        if packet[at] == 8:
            message = icmp(0, packet[at + 1], packet[at + 4 : at + 8], packet[at + 8 :])
            reply = ipv4(
                packet[16:20],
                packet[12:16],
                _ICMP,
                message,
                tos=packet[1],
                identification=self._sending.identification(),
            )
            self._sending.output(reply, interface=arrival.interface)
        return Reason.DELIVERED

    def _transport(self, arrival: Arrival, packet: bytes, at: int, protocol: int) -> Reason:
        """Nothing listens: port unreachable (RFC 1122, 4.1.3.1), reset (RFC 9293, 3.5.2)."""
        least = 8 if protocol == _UDP else 20
        if len(packet) < at + least:
            return Reason.BAD_LENGTH
        if protocol == _UDP:
            length = int.from_bytes(packet[at + 4 : at + 6], "big")
            if length < 8 or length > len(packet) - at:
                return Reason.BAD_LENGTH
            covered = packet[: at + length]
        else:
            covered = packet
        none = protocol == _UDP and packet[at + 6 : at + 8] == b"\0\0"
        if not arrival.flags & CHECKSUM_NOT_READY:
            if none and packet[0] >> 4 == 6:
                return Reason.BAD_CHECKSUM  # IPv6's own header has none (RFC 8200, 8.1)
            if not transport_valid(covered, at, protocol):
                return Reason.BAD_CHECKSUM
        if protocol == _TCP and not self._is_own(destination_of(packet)):
            return Reason.NOT_LISTENING
        if protocol == _TCP:
            return self._reset(arrival, packet, at)
        own = destination_of(packet)
        kind, code = (UNREACHABLE4, 3) if len(own) == 4 else (UNREACHABLE6, 4)
        return self._tell(arrival, kind, code, bytes(4), own, Reason.NOT_LISTENING)

    def _reset(self, arrival: Arrival, packet: bytes, at: int) -> Reason:
        header = 4 * (packet[at + 12] >> 4)
        flags = packet[at + 13]
        if header < 20 or len(packet) < at + header:
            return Reason.BAD_LENGTH
        if flags & _RST or arrival.to_all:
            return Reason.NOT_LISTENING
        source, own = source_of(packet), destination_of(packet)
        ports = packet[at + 2 : at + 4] + packet[at : at + 2]
        sequence, acknowledged = struct.unpack_from("!II", packet, at + 4)
        if flags & _ACK:
            numbers, answer = struct.pack("!II", acknowledged, 0), _RST
        else:
            taken = len(packet) - at - header + bool(flags & _SYN) + bool(flags & _FIN)
            numbers = struct.pack("!II", 0, (sequence + taken) & 0xFFFFFFFF)
            answer = _RST | _ACK
        bare = ports + numbers + bytes([0x50, answer, 0, 0, 0, 0, 0, 0])
        sum_ = internet_checksum(pseudo(own, source, _TCP, 20) + bare)
        segment = bare[:16] + sum_.to_bytes(2, "big") + bare[18:]
        if len(own) == 4:
            reply = ipv4(own, source, _TCP, segment, flags=0x4000, tos=packet[1] & 0xFC)
        else:
            class_ = int.from_bytes(packet[:4], "big") & 0x0FC00000
            reply = ipv6(own, source, _TCP, segment, traffic=class_)
        self._sending.output(reply, interface=arrival.interface)
        return Reason.NOT_LISTENING

    def _deliver6(self, arrival: Arrival, packet: bytes) -> Reason:
        """Follow the chain of headers (RFC 8200, section 4)."""
        own = packet[24:40]
        kind, announced, at = packet[6], 6, 40
        while True:
            if kind in (_HOP_BY_HOP, _DESTINATION) and (kind or at == 40):
                verdict = hop_by_hop(packet, at, kind)
                if verdict.drop and own[0] == 0xFF and not verdict.to_groups:
                    return Reason.BAD_OPTION
                if verdict.drop:
                    return self.option_problem(arrival, verdict.problem, verdict.code, own)
            elif kind == _ROUTING:
                if at + 8 > len(packet) or at + 8 * packet[at + 1] + 8 > len(packet):
                    return Reason.BAD_LENGTH
                if packet[at + 3]:  # segments left, of a kind that we do not follow
                    return self.option_problem(arrival, at + 2, 0, own)
            elif kind == _FRAGMENT and len(packet) >= at + 8 and not _in_pieces(packet, at):
                announced, kind, at = at, packet[at], at + 8  # an atomic fragment (RFC 6946)
                continue
            elif kind == _FRAGMENT:
                return self._fragment6(arrival, packet, at, announced)
            else:
                break
            announced, kind = at, packet[at]
            at += 8 * packet[at + 1] + 8
            if at > len(packet):
                return Reason.BAD_LENGTH
        if kind == _ICMP6:
            return self._icmp6(arrival, packet, at)
        if own[0] == 0xFF:
            return Reason.NOT_LISTENING
        if kind in (_TCP, _UDP):
            return self._transport(arrival, packet, at, kind)
        if kind == _NO_NEXT:
            return Reason.DELIVERED
        return self.option_problem(arrival, announced, 1, own)

    def option_problem(self, arrival: Arrival, at: int, code: int, own: Address = b"") -> Reason:
        """Parameter problem at an offset of an IPv6 packet (RFC 4443, 3.4); -1: say nothing."""
        if at < 0:
            return Reason.BAD_OPTION
        rest = at.to_bytes(4, "big")
        return self._tell(arrival, PARAMETER_PROBLEM6, code, rest, own, Reason.BAD_OPTION)

    def _fragment6(self, arrival: Arrival, packet: bytes, at: int, announced: int) -> Reason:
        if at + 8 > len(packet):
            return Reason.BAD_LENGTH
        more = packet[at + 3] & 1
        if more and (len(packet) - at - 8) % 8:
            # RFC 8200, section 4.5: the payload length is at fault.
            return self.option_problem(arrival, 4, 0, packet[24:40])
        failed = self.reassembly.failed
        whole = self.reassembly.add6(arrival, packet, at, announced)
        if whole is None:
            lost = failed != self.reassembly.failed
            return Reason.REASSEMBLY_FAILED if lost else Reason.REASSEMBLING
        again = Arrival(arrival.frame[:14] + whole, arrival.interface, 0)
        return self._deliver6(again, whole)

    def _icmp6(self, arrival: Arrival, packet: bytes, at: int) -> Reason:
        if len(packet) < at + 8 or not transport_valid(packet, at, _ICMP6):
            return Reason.BAD_CHECKSUM
        kind = packet[at]
        if 133 <= kind <= 137:
            return self._link.discovery(arrival, packet, at)
        if kind == 128:  # echo request (RFC 4443, section 4.1)
            source, own = packet[8:24], packet[24:40]
            if not self._is_own(own):
                own = self._sending.source(source, arrival.interface)
            if own and source != ANY6:
                message = icmpv6(own, source, 129, 0, packet[at + 4 : at + 8], packet[at + 8 :])
                class_ = int.from_bytes(packet[:4], "big") & 0x0FF00000  # its label is its own
                reply = ipv6(own, source, _ICMP6, message, traffic=class_)
                self._sending.output(reply, interface=arrival.interface)
        return Reason.DELIVERED

    def _tell(
        self, arrival: Arrival, kind: int, code: int, rest: bytes, own: Address, then: Reason
    ) -> Reason:
        own = own if self._is_own(own) else b""
        return self._sending.errors.about(arrival, kind, code, rest, own) or then

    def _is_own(self, address: Address) -> bool:
        """Whether we may send from an address: groups and anycast are only sent to."""
        interfaces = self._sending.tables.interfaces
        return any(own.value == address for interface in interfaces for own in interface.own)

    def _reassembly_expired(self, arrival: Arrival) -> None:
        """Fragment reassembly time exceeded (RFC 792; RFC 4443, section 3.3)."""
        kind = TIME_EXCEEDED4 if arrival.family == 4 else TIME_EXCEEDED6
        own = destination_of(arrival.packet)
        if self._sending.tables.routes.kind(self._sending.tables.routes.group(own)) == LOCAL:
            self._sending.errors.about(arrival, kind, 1, bytes(4), own)


def _in_pieces(packet: bytes, at: int) -> bool:
    """Whether an IPv6 fragment header says that there are other fragments."""
    return bool(int.from_bytes(packet[at + 2 : at + 4], "big") & 0xFFF9)
