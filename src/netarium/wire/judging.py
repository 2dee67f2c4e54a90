"""Verdicts on checksums: valid, left to a network card, wrong, absent, or not to be known."""

from __future__ import annotations

from collections.abc import Sequence

from netarium.wire.batch import CHECKSUM_NOT_READY, CHECKSUM_VALID
from netarium.wire.checksum import Judged, Verdict, header_only, ones_sum
from netarium.wire.context import Context
from netarium.wire.field import Checksum
from netarium.wire.header import Header, Incomplete
from netarium.wire.internet.icmpv6 import ICMPv6
from netarium.wire.internet.ipv4 import IPv4
from netarium.wire.internet.ipv6 import IPv6
from netarium.wire.packet import Packet
from netarium.wire.pseudo_header import addresses, pseudo_header
from netarium.wire.transport.sctp import SCTP
from netarium.wire.transport.tcp import TCP
from netarium.wire.transport.udp import UDP, UDPLite
from netarium.wire.transport.vxlan import VXLAN

__all__ = ["judge", "left_to_card"]

#: Those whose checksums kernels leave to network cards, with their numbers in IP.
_LEFT_TO_CARDS: dict[type[Header], int] = {TCP: 6, UDP: 17}
_TUNNELS = {4789, 8472, 6081}  # ports of VXLAN and Geneve
_WITH_ADDRESSES = (TCP, UDP, UDPLite, ICMPv6)


def judge(packet: Packet) -> list[Judged]:
    """The verdicts on all checksums of a packet, outermost first.

    What the kernel said of it when it was captured decides first (``packet.flags``): a
    checksum that was not ready belongs to the innermost TCP, UDP or SCTP; one that the
    kernel has found right, to the outermost. Without that, a field that holds exactly the
    sum of the pseudo-header was left to a network card: that is what Linux leaves in it
    (Documentation/networking/checksum-offloads.rst).
    """
    found: list[Judged] = []
    data = packet.data
    left, checked = left_to_card(packet), _checked(packet)
    for index in range(len(packet.layers) - 1, -1, -1):
        layer = packet.layers[index]
        for field in _checksums(layer):
            judged = _judge(packet, data, index, field, layer is left, layer is checked)
            found.append(judged)
            if judged.verdict is Verdict.OFFLOAD and judged.expected is not None:
                # Outer checksums are made for what the card will put there.
                value = judged.expected.to_bytes(judged.size, "big")
                data = data[: judged.at] + value + data[judged.at + len(value) :]
    return found[::-1]


def left_to_card(packet: Packet) -> Header | None:
    """The header whose checksum the kernel says is not ready; None where it says no such thing."""
    if not packet.flags & CHECKSUM_NOT_READY:
        return None
    layers = [layer for layer in packet.layers if not layer.quoted]
    for layer in reversed(layers):
        if isinstance(layer, (TCP, UDP, SCTP)):
            return layer
    others = [layer for layer in reversed(layers) if not isinstance(layer, IPv4)]
    return next((layer for layer in others if _checksums(layer)), None)


def _checked(packet: Packet) -> Header | None:
    if not packet.flags & CHECKSUM_VALID:
        return None
    kinds = (TCP, UDP, SCTP)
    return next((layer for layer in packet.layers if isinstance(layer, kinds)), None)


def _checksums(layer: Header) -> list[Checksum]:
    kind = layer.kind if isinstance(layer, Incomplete) else type(layer)
    return [field for field in reversed(kind.declared) if isinstance(field, Checksum)]


def _judge(
    packet: Packet, data: bytes, index: int, field: Checksum, left: bool, checked: bool
) -> Judged:
    layer = packet.layers[index]
    if isinstance(layer, Incomplete):
        return _of_incomplete(layer, field)
    bit, bits = layer.place(field)
    at, size = bit >> 3, bits // 8
    title, name, value = layer.title, field.name, 0

    def verdict(which: Verdict, expected: int | None = None, reason: str = "") -> Judged:
        return Judged(title, name, which, value, expected, reason, at, size)

    if bits < 0:
        return verdict(Verdict.ABSENT)
    value = int.from_bytes(data[at : at + size], "big")
    below = packet.layers[:index]
    if layer.quoted:
        return verdict(Verdict.UNKNOWN, reason="quoted")
    unchecked = field.optional and value == 0
    if unchecked and not left and _may_be_absent(packet, index):
        return verdict(Verdict.ABSENT)
    if checked and not unchecked:
        return verdict(Verdict.VALID, value)
    reason = _why_unknown(layer, below, field, packet)
    if reason:
        return verdict(Verdict.OFFLOAD) if left else verdict(Verdict.UNKNOWN, reason=reason)
    end = min(layer.checksum_end(), layer.limit)
    raw = data[layer.start : at] + bytes(size) + data[at + size : layer.end_of_header()]
    payload = data[layer.end_of_header() : end]
    upper = packet.layers[index + 1] if index + 1 < len(packet.layers) else None
    lower = below[-1] if below else None
    context = Context(layer, lower, upper, len(raw), payload, raw, below=below)
    expected = field.expected(context)
    if left:
        return verdict(Verdict.OFFLOAD, expected)
    # In ones' complement, zero has two forms; a sum does not tell them apart.
    if value == expected or (size == 2 and {value, expected} == {0, 0xFFFF} and not unchecked):
        return verdict(Verdict.VALID, expected)
    protocol = _LEFT_TO_CARDS.get(type(layer))
    if protocol and value == ones_sum(pseudo_header(below, protocol, len(raw) + len(payload))):
        return verdict(Verdict.OFFLOAD, expected)
    return verdict(Verdict.WRONG, expected)


def _of_incomplete(layer: Incomplete, field: Checksum) -> Judged:
    for shown in layer.fields():
        if shown.name == field.name:
            reason = "quoted" if layer.quoted else "truncated"
            value, at = int(shown.value), shown.bit >> 3
            return Judged(layer.kind.title, field.name, Verdict.UNKNOWN, value, None, reason, at)
    reason, at = "truncated", layer.limit
    return Judged(layer.kind.title, field.name, Verdict.UNKNOWN, 0, None, reason, at)


def _may_be_absent(packet: Packet, index: int) -> bool:
    """IPv6 wants a checksum of UDP (RFC 8200, section 8.1), except in tunnels (RFC 6935)."""
    layer = packet.layers[index]
    if not isinstance(layer, UDP) or ":" not in addresses(packet.layers[:index])[0]:
        return True
    ports = {layer.sport, layer.dport}
    return bool(ports & _TUNNELS) or isinstance(
        packet.layers[index + 1] if index + 1 < len(packet.layers) else None, VXLAN
    )


def _why_unknown(layer: Header, below: Sequence[Header], field: Checksum, packet: Packet) -> str:
    """Why a checksum cannot be known; empty where it can."""
    there = len(packet.data)
    if field.expected is header_only:
        told = 4 * (packet.data[layer.start] & 15) if isinstance(layer, IPv4) else layer.size
        return "truncated" if layer.start + told > there else ""
    if any(other.is_fragment for other in below):
        return "fragment"
    if isinstance(layer, _WITH_ADDRESSES) and not addresses(below)[0]:
        return "no addresses"
    if _told_end(layer, below, packet) > there:
        return "truncated"
    return ""


def _told_end(layer: Header, below: Sequence[Header], packet: Packet) -> int:
    """Where a payload ends as the innermost length field tells it, there or not."""
    for other in (layer, *reversed(below)):
        if isinstance(other, IPv4) and other.total_length:
            return other.start + other.total_length
        if isinstance(other, UDP) and other.length:
            return other.start + other.length
        if isinstance(other, IPv6) and (other.payload_length or other.jumbo):
            return other.payload_end()
    return packet.length
