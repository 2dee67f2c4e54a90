"""Cutting datagrams into fragments that fit a link (RFC 791, section 3.2; RFC 8200, 4.5)."""

from __future__ import annotations

from typing import Any

from netarium.errors import NetariumError
from netarium.wire.header import Payload
from netarium.wire.internet.ipv4 import IPv4
from netarium.wire.internet.ipv6 import IPv6
from netarium.wire.internet.ipv6_extensions import HopByHop, IPv6Fragment, Routing
from netarium.wire.packet import Packet

__all__ = ["fragments"]

_COPIED = 0x80  # the bit of an IPv4 option's type that says: fragments have it, too


def fragments(packet: Packet, mtu: int = 1500) -> list[Packet]:
    """The fragments of its outermost IP datagram; the packet alone where it fits.

    Args:
        packet: the packet; it is not changed.
        mtu: the largest network-layer packet of the link, bytes.

    Raises:
        NetariumError: the headers leave no room for 8 bytes of data.
    """
    read = Packet.parse(packet.data, packet.link_type, packet.length)
    index = next((i for i, one in enumerate(read.layers) if isinstance(one, (IPv4, IPv6))), -1)
    layer = read.layers[index] if index >= 0 else None
    end = min(layer.payload_end(), layer.limit) if layer else 0
    if layer is None or end - layer.start <= mtu:
        return [packet.copy()]
    if isinstance(layer, IPv4):
        made = _of_ipv4(read, index, layer, end, mtu)
    else:
        made = _of_ipv6(read, index, end, mtu)
    found = []
    for fragment in made:
        found.append(Packet.parse(fragment.data, packet.link_type))
        for name in ("time", "interface", "number"):
            setattr(found[-1], name, getattr(packet, name))
    return found


def _room(mtu: int, headers: int) -> int:
    room = (mtu - headers) // 8 * 8
    if room < 8:
        raise NetariumError(
            f"an MTU of {mtu} bytes leaves no room for data behind {headers} bytes of headers",
            "Fragments carry 8 bytes at least.",
        )
    return room


def _of_ipv4(packet: Packet, index: int, layer: IPv4, end: int, mtu: int) -> list[Packet]:
    data = packet.data[layer.end_of_header() : end]
    room = _room(mtu, layer.size)
    more = IPv4.flags.bit_of("MF")
    made = []
    for at in range(0, len(data), room):
        last = at + room >= len(data)
        header = layer.copy()
        given: dict[str, Any] = {
            "fragment_offset": layer.fragment_offset + at // 8,
            "flags": layer.flags if last else layer.flags | more,
            "protocol": layer.protocol,
        }
        if at:
            copied = [bytes(one) for one in layer.options if bytes(one)[0] & _COPIED]
            raw = b"".join(copied)
            given["options"] = raw + bytes(-len(raw) % 4)
        header.__dict__["given"] = header.given | given
        made.append(Packet([*packet.layers[:index], header, Payload(load=data[at : at + room])]))
    return made


def _of_ipv6(packet: Packet, index: int, end: int, mtu: int) -> list[Packet]:
    """Headers that routers look at stay in all fragments; the rest is cut."""
    kept = index + 1
    for place in range(index + 1, len(packet.layers)):
        if isinstance(packet.layers[place], (HopByHop, Routing)):
            kept = place + 1
    headers = packet.layers[:kept]
    last_kept = headers[-1]
    start = last_kept.end_of_header()
    inside = getattr(last_kept, "next")  # noqa: B009
    data = packet.data[start:end]
    room = _room(mtu, start - packet.layers[index].start + 8)
    # Any number does that the two hosts do not use for another packet at the same time.
    number = int.from_bytes(data[:4].ljust(4, b"\0"), "big")
    made = []
    for at in range(0, len(data), room):
        piece = IPv6Fragment(
            next=inside,
            fragment_offset=at // 8,
            more=int(at + room < len(data)),
            identification=number,
        )
        copies = [layer.copy() for layer in headers]
        for copy, follows in zip(copies[index:], [*copies[index + 1 :], piece], strict=True):
            copy.__dict__["given"] = copy.given | {"next": follows.numbers["ip_protocol"]}
        made.append(Packet([*copies, piece, Payload(load=data[at : at + room])]))
    return made
