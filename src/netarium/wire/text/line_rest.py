"""What Python adds to the lines of rare packets: what they carry, and where reading stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from netarium.wire.header import Header, Incomplete, Payload, Trailer
from netarium.wire.internet.ip_protocols import IP_PROTOCOLS
from netarium.wire.text.line_state import IN_TUNNEL, STOP, WHOLE

if TYPE_CHECKING:
    from netarium.wire.packet import Packet

__all__ = ["rest_of"]

_UNREAD = (Payload, Trailer, Incomplete)
_IP = {"IPv4", "IPv6"}
#: Whose checksums the loop has judged.
_JUDGED = {"IPv4", "ICMP", "ICMPv6", "TCP", "UDP"}


def rest_of(
    packet: Packet,
    what: int,
    behind: int,
    length: int,
    ip_line: Callable[[bytes], str],
    *,
    with_link: bool = False,
) -> str:
    """What belongs where the loop left a gap.

    Args:
        packet: the frame.
        what: an IP protocol, or WHOLE, STOP or IN_TUNNEL of `wire.text.line_state`.
        behind: offset in the frame from which on nothing has been written.
        length: how many bytes the protocol carries.
        ip_line: the line of an IP packet, from its bytes.
        with_link: the link-layer header has been written.
    """
    text = ""
    if what == WHOLE:
        text = _whole(packet, ip_line, with_link=with_link)
    elif what != STOP:
        text = _within(packet, what, behind, length, ip_line)
    return f"{text} [{packet.stop}]" if packet.stop else text


def _whole(packet: Packet, ip_line: Callable[[bytes], str], *, with_link: bool) -> str:
    """A frame whose network layer is not known, or not there."""
    if not packet.layers:
        return "an empty frame"
    first, inner = packet.layers[0], _read(packet.layers[1:])
    if isinstance(first, Payload):
        return f"link type {packet.link_type}, length {packet.length}"
    if first.title in _IP:
        inner = [first]
    if inner:
        return _told(packet, inner, ip_line)
    if isinstance(first, Incomplete) or with_link:
        return str(first)
    kind = [shown.text for shown in first.fields() if shown.name == "type"]
    words = [first.summary(), *(f"type {text}" for text in kind), f"length {packet.length}"]
    return f"{first.title} {', '.join(filter(None, words))}"


def _within(
    packet: Packet, protocol: int, behind: int, length: int, ip_line: Callable[[bytes], str]
) -> str:
    """What a TCP segment, UDP datagram or IP packet carries."""
    found = [layer for layer in packet.layers if layer.start >= behind]
    inner = _read(found)
    if protocol == 6:
        return f": {_told(packet, inner, ip_line)}" if inner else ""
    if inner:
        return _told(packet, inner, ip_line) + ("" if protocol == 17 else _wrong(packet, behind))
    if protocol == IN_TUNNEL:
        return str(found[0]) if found else "nothing"
    return f"{IP_PROTOCOLS.get(protocol, f'ip-proto-{protocol}')}, length {length}"


def _wrong(packet: Packet, behind: int) -> str:
    """Marks for checksums that the loop leaves to Python."""
    from netarium.wire.checksum import Verdict
    from netarium.wire.judging import judge

    wrong = [
        judged.layer
        for judged in judge(packet)
        if judged.verdict is Verdict.WRONG and judged.at >= behind and judged.layer not in _JUDGED
    ]
    return "".join(f" [bad {layer.lower()} cksum]" for layer in wrong)


def _read(layers: list[Header]) -> list[Header]:
    """The layers that were understood."""
    return [layer for layer in layers if not isinstance(layer, _UNREAD)]


def _told(packet: Packet, layers: list[Header], ip_line: Callable[[bytes], str]) -> str:
    """Layers one after another, each with what matters of it; an IP packet as its line."""
    from netarium.wire.applications.dns import DNS, DNSLength
    from netarium.wire.applications.dns_line import dns_line

    words = []
    for layer in layers:
        if isinstance(layer, DNS):
            words.append(dns_line(layer))
            continue
        if isinstance(layer, DNSLength) and layer is not layers[-1]:
            continue  # the message behind it tells
        if layer.title in _IP:
            words.append(ip_line(packet.data[layer.start : layer.limit]))
            break
        words.append(str(layer))
    return ": ".join(words)
