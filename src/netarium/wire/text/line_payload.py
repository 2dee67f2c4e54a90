"""What TCP and UDP carry, on a line: first words where they are text, else left to Python."""

from __future__ import annotations

from typing import Any

from netarium.wire.bulk.walk import (
    FRAGMENT,
    MORE,
    PAYLOAD,
    PAYLOAD_END,
    PROTOCOL,
    TRANSPORT,
    UPPER,
    WHOLE_END,
    u8,
    u16,
    u32,
)
from netarium.wire.hot import hot
from netarium.wire.text.line_dns import is_usual_dns, put_dns
from netarium.wire.text.line_state import FRAME, REST, RESTS, STOP, WITHIN
from netarium.wire.text.line_writing import (
    entries,
    put,
    put_decimal,
    put_entry,
    put_escaped,
    put_number,
)

__all__ = ["leave", "put_stream", "put_udp"]

_NAMES = entries(": HTTP: ", ": SSH: ", ": FTP: ", ": SMTP: ", ": POP3: ", ": IMAP: ")
_LONGEST = 80  # bytes shown of a line of HTTP, SMTP, ...


@hot
def leave(state: Any, rest: Any, at: int, place: Any, what: int) -> None:
    """Note that Python has to add something here; the first note of a frame counts.

    ``what`` is WHOLE, STOP, or WITHIN for what the innermost IP layer's protocol carries.
    """
    entry = REST * state[RESTS]
    if entry == 0 or rest[entry - REST] != state[FRAME]:
        protocol = place[PROTOCOL]
        behind = place[PAYLOAD] if protocol == 6 or protocol == 17 else place[UPPER]
        rest[entry] = state[FRAME]
        rest[entry + 1] = at
        rest[entry + 2] = protocol if what == WITHIN else what
        rest[entry + 3] = behind
        rest[entry + 4] = place[WHOLE_END] - behind
        state[RESTS] += 1


@hot
def put_udp(
    out: Any, at: int, data: Any, place: Any, inner: int, ports: Any, state: Any, rest: Any
) -> int:
    """A UDP header (RFC 768) that is there whole; ``inner``: 0 or more where it is VXLAN."""
    udp = place[TRANSPORT]
    length = u16(data, udp + 4)
    if length == 0:  # more than the field can say (RFC 2675, section 4)
        length = place[WHOLE_END] - udp
    if inner >= 0:
        at = put(out, at, b"VXLAN, vni ")
        at = put_decimal(out, at, u32(data, place[PAYLOAD] - 4) >> 8)
        return put(out, at, b": ")
    is_part = place[FRAGMENT] != 0 or place[MORE] != 0
    if length < 8 or (udp + length > place[WHOLE_END] and not is_part):
        at = put_number(out, at, b"UDP, header length ", length)
        leave(state, rest, at, place, STOP)
        return at
    known = (ports[u16(data, udp)] | ports[u16(data, udp + 2)]) & 1
    if known and length > 8 and not is_part:
        place[WHOLE_END] = udp + length
        start, end = place[PAYLOAD], place[PAYLOAD_END]
        multicast = u16(data, udp) == 5353 or u16(data, udp + 2) == 5353
        if (
            end == udp + length
            and _is_dns_port(data, udp)
            and is_usual_dns(data, start, end, multicast)
        ):
            return put_dns(out, at, data, start, end, multicast)
        leave(state, rest, at, place, WITHIN)
        return at
    return put_number(out, at, b"UDP, length ", length - 8)


@hot
def put_stream(out: Any, at: int, data: Any, place: Any, ports: Any, state: Any, rest: Any) -> int:
    """What a TCP segment begins with, where it is a message's first line or left to Python."""
    tcp, start, end = place[TRANSPORT], place[PAYLOAD], place[PAYLOAD_END]
    octet = u8(data, start)
    is_handshake = octet == 22 and end - start > 5 and u8(data, start + 1) == 3
    if is_handshake and (u8(data, start + 5) == 1 or u8(data, start + 5) == 2):
        leave(state, rest, at, place, WITHIN)  # ClientHello, ServerHello
        return at
    low, high = u16(data, tcp), u16(data, tcp + 2)
    if low > high:
        low, high = high, low
    whole = end == place[WHOLE_END] and end - start > 2 and u16(data, start) == end - start - 2
    if whole and _is_dns_port(data, tcp) and is_usual_dns(data, start + 2, end, low == 5353):
        return put_dns(out, put(out, at, b": "), data, start + 2, end, low == 5353)
    if (ports[low] | ports[high]) & 2:
        leave(state, rest, at, place, WITHIN)
        return at
    if octet < 32 or octet > 126 or end - start < 4:
        return at
    if _is_http(u32(data, start)):
        name = 0
    elif u32(data, start) == 0x5353482D:  # "SSH-"
        name = 1
    else:
        name = 2 if low == 21 else 3 if low == 25 or low == 587 else 4 if low == 110 else 5
        if name == 5 and low != 143:
            return at
    at = put_entry(out, at, _NAMES, name)
    stop = start
    while stop < end and stop < start + _LONGEST and not _is_end(u8(data, stop)):
        stop += 1
    at = put_escaped(out, at, data, start, stop)
    if stop == start + _LONGEST and stop < end:
        at = put(out, at, b"...")
    return at


@hot
def _is_dns_port(data: Any, header: int) -> bool:
    """Whether a port is that of DNS, mDNS or LLMNR."""
    source, destination = u16(data, header), u16(data, header + 2)
    return (source == 53 or source == 5353 or source == 5355) or (
        destination == 53 or destination == 5353 or destination == 5355
    )


@hot
def _is_end(octet: int) -> bool:
    """Whether a line ends here."""
    return octet == 10 or octet == 13


@hot
def _is_http(word: int) -> bool:
    """Whether four bytes begin a request or a response of HTTP/1 (RFC 9112)."""
    return (
        word == 0x47455420  # "GET "
        or word == 0x48545450  # "HTTP"
        or word == 0x504F5354  # "POST"
        or word == 0x48454144  # "HEAD"
        or word == 0x50555420  # "PUT "
        or word == 0x44454C45  # "DELE"
        or word == 0x4F505449  # "OPTI"
        or word == 0x50415443  # "PATC"
        or word == 0x434F4E4E  # "CONN"
    )
