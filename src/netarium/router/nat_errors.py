"""ICMP errors through a NAT: the packet that they quote is translated back (RFC 5508, 4.2)."""

from __future__ import annotations

from collections.abc import Callable

from netarium.router.addresses import Address
from netarium.router.arithmetic import patch
from netarium.router.nat_sessions import FlowKey
from netarium.router.packets import icmp, with_checksum
from netarium.router.step_nat import flow_key
from netarium.wire.bulk.walk import u16

__all__ = ["translate_error"]

_ERRORS = {3, 4, 11, 12}
_ICMP, _TCP, _UDP = 1, 6, 17


def translate_error(
    packet: bytes,
    from_outside: bool,
    external: Address,
    translation: Callable[[FlowKey], tuple[int, int, int] | None],
) -> bytes | None:
    """The error as its receiver has to see it; None where no session is concerned.

    What the error quotes is a packet that the NAT has translated. An answer to that packet
    would belong to a flow the NAT knows: the error goes where such an answer would go, and what
    it quotes becomes that answer's counterpart.

    Args:
        packet: the error.
        from_outside: where it came from.
        external: the NAT's outside address.
        translation: what becomes of a flow.
    """
    size = 4 * (packet[0] & 15)
    if len(packet) < size + 8 + 28 or packet[size] not in _ERRORS:
        return None
    inner = bytearray(packet[size + 8 :])
    inner_size, protocol = 4 * (inner[0] & 15), inner[9]
    whole = inner[0] >> 4 == 4 and inner_size >= 20 and len(inner) >= inner_size + 8
    if not whole or protocol not in (_ICMP, _TCP, _UDP) or u16(inner, 6) & 0x1FFF:
        return None
    ports = flow_key(inner, inner_size, protocol)
    if ports < 0:
        return None
    source, destination = bytes(inner[12:16]), bytes(inner[16:20])
    answer = (
        protocol + (256 if from_outside else 0),
        int.from_bytes(destination, "big"),
        int.from_bytes(source, "big"),
        (ports & 0xFFFF) << 16 | ports >> 16,
    )
    found = translation(answer)
    if found is None:
        return None
    new_destination, new_source = (end.to_bytes(4, "big") for end in found[:2])
    new_ports = (found[2] & 0xFFFF) << 16 | found[2] >> 16
    _rewrite(inner, inner_size, protocol, new_source + new_destination, new_ports)

    sender = packet[12:16]
    if sender == destination:
        sender = new_destination  # the far end itself speaks
    elif not from_outside:
        sender = external  # a router inside, whose address means nothing outside (REQ-5)
    header = with_checksum(packet[:12] + sender + new_source + packet[20:size])
    kind, code, rest = packet[size], packet[size + 1], packet[size + 4 : size + 8]
    return header + icmp(kind, code, rest, bytes(inner))


def _rewrite(inner: bytearray, at: int, protocol: int, addresses: bytes, ports: int) -> None:
    """Write addresses and ports into the quoted packet, and mend what sums of it are there."""
    before = sum(u16(inner, place) for place in range(12, 20, 2))
    after = sum(u16(addresses, place) for place in range(0, 8, 2))
    inner[12:20] = addresses
    patch(inner, 10, before, after, 0)
    if protocol == _ICMP:
        old = u16(inner, at + 4)
        identifier = ports >> 16 if inner[at] in (8, 13) else ports & 0xFFFF
        inner[at + 4 : at + 6] = identifier.to_bytes(2, "big")
        patch(inner, at + 2, old, identifier, 0)
        return
    before += u16(inner, at) + u16(inner, at + 2)
    after += (ports >> 16) + (ports & 0xFFFF)
    inner[at : at + 4] = ports.to_bytes(4, "big")
    field = at + (6 if protocol == _UDP else 16)
    if len(inner) >= field + 2 and (protocol == _TCP or u16(inner, field)):
        patch(inner, field, before, after, 0)
