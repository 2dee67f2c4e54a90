"""Error messages: what a sender is told about its packet, from whom, how much of it, how often."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from netarium.router.addresses import ANY6, Address
from netarium.router.limits import ErrorLimit
from netarium.router.packets import Arrival, icmp, icmpv6, ipv4, ipv6
from netarium.router.reasons import Reason

__all__ = [
    "FRAGMENTATION_NEEDED",
    "PARAMETER_PROBLEM4",
    "PARAMETER_PROBLEM6",
    "REDIRECT4",
    "TIME_EXCEEDED4",
    "TIME_EXCEEDED6",
    "TOO_BIG6",
    "UNREACHABLE4",
    "UNREACHABLE6",
    "ErrorMessages",
    "is_error4",
    "is_error6",
    "upper_of6",
]

# ICMP types and codes (RFC 792, RFC 1812).
UNREACHABLE4, REDIRECT4, TIME_EXCEEDED4, PARAMETER_PROBLEM4 = 3, 5, 11, 12
FRAGMENTATION_NEEDED = 4
# ICMPv6 (RFC 4443).
UNREACHABLE6, TOO_BIG6, TIME_EXCEEDED6, PARAMETER_PROBLEM6 = 1, 2, 3, 4

_QUOTE4 = 576  # the longest error message (RFC 1812, section 4.3.2.3)
_QUOTE6 = 1280  # RFC 4443, section 2.4(c)
_EXTENSIONS = {0, 43, 44, 60}
_INTERNETWORK_CONTROL = 0xC0  # RFC 1812, section 4.3.2.5
_ERRORS4 = {1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12}  # with those never assigned, as in Linux
_HIGHEST4 = 18  # of the ICMP types that can be told to be no errors


class _Output(Protocol):
    def __call__(self, packet: bytes, *, interface: int = -1) -> bool: ...


def is_error4(packet: bytes) -> bool:
    """Whether a packet is an ICMP error, or may be one: about those no error is sent."""
    size = 4 * (packet[0] & 15)
    if packet[9] != 1:
        return False
    return len(packet) <= size or packet[size] in _ERRORS4 or packet[size] > _HIGHEST4


def upper_of6(packet: bytes) -> tuple[int, int]:
    """Protocol and offset behind the extension headers; offset -1: a later fragment, or cut."""
    kind, at = packet[6], 40
    while kind in _EXTENSIONS:
        if at + 8 > len(packet):
            return kind, -1
        if kind == 44:
            if int.from_bytes(packet[at + 2 : at + 4], "big") & 0xFFF8:
                return packet[at], -1
            kind, at = packet[at], at + 8
        else:
            kind, at = packet[at], at + 8 * packet[at + 1] + 8
    return kind, at


def is_error6(packet: bytes) -> bool:
    """Whether a packet is an ICMPv6 error or a redirect, or may be one (RFC 4443, 2.4(e))."""
    kind, at = upper_of6(packet)
    if kind != 58:
        return False
    return at < 0 or at >= len(packet) or packet[at] < 128 or packet[at] == 137


class ErrorMessages:
    """Writes ICMP and ICMPv6 errors and hands them to ``output``.

    Args:
        output: sends a packet of our own: (packet, interface for link-local destinations).
        source: our address towards a destination: (destination, interface it came in by).
        telling: our address where a packet came in, which tells more about its way.
        identification: gives the next IPv4 identification.
        now: the time that was handed in last.
    """

    def __init__(
        self,
        output: _Output,
        source: Callable[[Address, int], Address],
        telling: Callable[[Address, int], Address],
        identification: Callable[[], int],
        now: Callable[[], float],
        limit: ErrorLimit | None = None,
    ) -> None:
        self.limit = limit or ErrorLimit()
        self._output, self._source, self._telling = output, source, telling
        self._identification, self._now = identification, now

    def about(
        self, arrival: Arrival, kind: int, code: int, rest: bytes = bytes(4), own: Address = b""
    ) -> Reason | None:
        """Tell the sender of a packet; gives None once told, else the reason why it is not.

        Args:
            arrival: the packet as it came: what the sender sent, the sender gets to see.
            kind: type of the message.
            code: its code.
            rest: its second word.
            own: our address that the packet was for; empty: it was for others.
        """
        if arrival.family == 4:
            return self._about4(arrival, kind, code, rest, own)
        return self._about6(arrival, kind, code, rest, own)

    def _about4(
        self, arrival: Arrival, kind: int, code: int, rest: bytes, own: Address
    ) -> Reason | None:
        """RFC 1812, section 4.3.2."""
        packet = arrival.packet
        sender, destination = packet[12:16], packet[16:20]
        later = int.from_bytes(packet[6:8], "big") & 0x1FFF
        group = destination[0] >> 4 == 14 or destination == b"\xff\xff\xff\xff"
        nobody = sender == bytes(4) or sender[0] >> 4 >= 14 or sender[0] in (0, 127)
        if later or group or nobody or arrival.to_all or is_error4(packet):
            return Reason.NO_ERROR_ABOUT
        limited = not (kind == UNREACHABLE4 and code == FRAGMENTATION_NEEDED)
        if kind != REDIRECT4 and not self.limit.allows(sender, self._now(), each=limited):
            return Reason.ERROR_LIMITED
        source = own or self._source(sender, arrival.interface)
        if not source:
            return Reason.NO_ERROR_ABOUT
        message = icmp(kind, code, rest, packet[: _QUOTE4 - 28])
        tos = _INTERNETWORK_CONTROL | (packet[1] & 0x1E)
        self._output(
            ipv4(source, sender, 1, message, tos=tos, identification=self._identification()),
            interface=arrival.interface,
        )
        return None

    def _about6(
        self, arrival: Arrival, kind: int, code: int, rest: bytes, own: Address
    ) -> Reason | None:
        """RFC 4443, section 2.4(e)."""
        packet = arrival.packet
        sender = packet[8:24]
        group = packet[24] == 0xFF or arrival.to_all
        told_anyway = kind == TOO_BIG6 or (kind == PARAMETER_PROBLEM6 and code == 2)
        if (group and not told_anyway) or is_error6(packet):
            return Reason.NO_ERROR_ABOUT
        if sender == ANY6 or sender[0] == 0xFF:
            return Reason.NO_ERROR_ABOUT
        limited = kind != TOO_BIG6
        if not self.limit.allows(sender, self._now(), each=limited):
            return Reason.ERROR_LIMITED
        source = own or self._telling(sender, arrival.interface)
        if not source:
            return Reason.NO_ERROR_ABOUT
        message = icmpv6(source, sender, kind, code, rest, packet[: _QUOTE6 - 48])
        self._output(ipv6(source, sender, 58, message), interface=arrival.interface)
        return None
