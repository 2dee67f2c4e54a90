"""What Python adds to the lines of rare packets: what they carry, and where reading stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netarium.wire.header import Header, Incomplete, Padding, Payload
from netarium.wire.ipv4 import IP_PROTOCOLS
from netarium.wire.line_state import STOP, WHOLE

if TYPE_CHECKING:
    from netarium.wire.packet import Packet

__all__ = ["rest_of"]

_UNREAD = (Payload, Padding, Incomplete)


def rest_of(packet: Packet, what: int, behind: int, length: int, *, with_link: bool = False) -> str:
    """What belongs where the loop left a gap.

    Args:
        packet: the frame.
        what: an IP protocol, or WHOLE or STOP of `wire.line_state`.
        behind: offset in the frame from which on nothing has been written.
        length: how many bytes the protocol carries.
        with_link: the link-layer header has been written.
    """
    text = ""
    if what == WHOLE:
        text = _whole(packet, with_link=with_link)
    elif what != STOP:
        text = _within(packet, what, behind, length)
    return f"{text} [{packet.stop}]" if packet.stop else text


def _whole(packet: Packet, *, with_link: bool) -> str:
    """A frame whose network layer is not known, or not there."""
    if not packet.layers:
        return "an empty frame"
    first, inner = packet.layers[0], _read(packet.layers[1:])
    if isinstance(first, Payload):
        return f"link type {packet.link_type}, length {packet.length}"
    if inner:
        return _told(inner)
    if isinstance(first, Incomplete) or with_link:
        return str(first)
    words = [first.summary()]
    words += [f"{shown.label} {shown.text}" for shown in first.fields() if shown.name == "type"]
    return f"{first.title} {', '.join(filter(None, words))}, length {packet.length}"


def _within(packet: Packet, protocol: int, behind: int, length: int) -> str:
    """What a TCP segment, UDP datagram or IP packet carries."""
    inner = _read([layer for layer in packet.layers if layer.start >= behind])
    if protocol == 6:
        return f": {_told(inner)}" if inner else ""
    if inner:
        return _told(inner)
    return f"{IP_PROTOCOLS.get(protocol, f'ip-proto-{protocol}')}, length {length}"


def _read(layers: list[Header]) -> list[Header]:
    """The layers that were understood."""
    return [layer for layer in layers if not isinstance(layer, _UNREAD)]


def _told(layers: list[Header]) -> str:
    """Layers one after another, each with what matters of it."""
    return ": ".join(str(layer) for layer in layers)
