"""IPv4 options and IPv6 hop-by-hop options, as a router has to look at them."""

from __future__ import annotations

from dataclasses import dataclass

from netarium.router.addresses import Address
from netarium.router.packets import with_checksum

__all__ = ["HopByHop", "Options", "hop_by_hop", "read_options", "stamped"]

_MOST_PADDING = 7
_END, _NOP, _RECORD_ROUTE, _TIMESTAMP = 0, 1, 7, 68
_LOOSE_ROUTE, _STRICT_ROUTE, _ROUTER_ALERT = 131, 137, 148


@dataclass(frozen=True, slots=True)
class Options:
    """What the options of an IPv4 header ask for.

    Attributes:
        problem: offset in the header of what breaks the format; -1: nothing does.
        source_route: the sender wants to choose the way.
        record_route, timestamp: offsets in the header of these options; 0: not there.
        end: where the list ends before the header does; what lies behind is wiped out.
    """

    problem: int = -1
    source_route: bool = False
    record_route: int = 0
    timestamp: int = 0
    end: int = 0


def read_options(header: bytes) -> Options:
    """Check the options of an IPv4 header (RFC 791, section 3.1; RFC 1812, section 5.2.4)."""
    at, record, stamp = 20, 0, 0
    routed, end = False, 0
    while at < len(header):
        kind = header[at]
        if kind == _END:
            end = at
            break
        if kind == _NOP:
            at += 1
            continue
        if at + 1 >= len(header):
            return Options(problem=at)
        size = header[at + 1]
        if size < 2 or at + size > len(header):
            return Options(problem=at)
        if kind in (_LOOSE_ROUTE, _STRICT_ROUTE):
            if size < 3:
                return Options(problem=at + 1)
            if header[at + 2] < 4:
                return Options(problem=at + 2)
            if routed:
                return Options(problem=at)
            routed = True
        elif kind == _RECORD_ROUTE:
            if record:
                return Options(problem=at)
            if size < 3:
                return Options(problem=at + 1)
            pointer = header[at + 2]
            if pointer < 4 or (pointer <= size and pointer + 3 > size):
                return Options(problem=at + 2)
            record = at
        elif kind == _TIMESTAMP:
            if stamp:
                return Options(problem=at)
            problem = _timestamp_problem(header, at, size)
            if problem >= 0:
                return Options(problem=problem)
            stamp = at
        elif kind == _ROUTER_ALERT and size < 4:
            return Options(problem=at + 1)
        at += size
    return Options(source_route=routed, record_route=record, timestamp=stamp, end=end)


def _timestamp_problem(header: bytes, at: int, size: int) -> int:
    """Where a timestamp option breaks its format; -1: nowhere."""
    if size < 4:
        return at + 1
    pointer, flag = header[at + 2], header[at + 3] & 15
    if pointer < 5:
        return at + 2
    if pointer <= size:
        room = {0: 4, 1: 8, 3: 8}.get(flag, 4)
        if pointer + room - 1 > size:
            return at + 2
    elif header[at + 3] >> 4 == 15:
        return at + 3  # more routers had no room than can be counted
    return -1


def stamped(
    packet: bytes, options: Options, leaves_by: Address, own: set[Address], milliseconds: int
) -> bytes:
    """The packet as it goes on: our address recorded, our time stamped, where they asked for it.

    Args:
        packet: as it came.
        options: what was read of it.
        leaves_by: our address on the link where it goes out.
        own: all our addresses: one of them may be asked to stamp (flag 3).
        milliseconds: since midnight UTC; bit 31 set where it is counted from elsewhere.
    """
    size = 4 * (packet[0] & 15)
    header = bytearray(packet[:size])
    if options.end:
        header[options.end :] = bytes(size - options.end)
    at = options.record_route
    if at and header[at + 2] + 3 <= header[at + 1]:
        place = at + header[at + 2] - 1
        header[place : place + 4] = leaves_by
        header[at + 2] += 4
    at = options.timestamp
    if at:
        length, pointer, flag = header[at + 1], header[at + 2], header[at + 3] & 15
        place, time = at + pointer - 1, milliseconds.to_bytes(4, "big")
        if pointer > length:
            header[at + 3] += 0x10
        elif flag == 0:
            header[place : place + 4] = time
            header[at + 2] += 4
        elif flag == 1:
            header[place : place + 8] = leaves_by + time
            header[at + 2] += 8
        elif flag == 3 and bytes(header[place : place + 4]) in own:
            header[place + 4 : place + 8] = time
            header[at + 2] += 8
    return with_checksum(bytes(header)) + packet[size:]


@dataclass(frozen=True, slots=True)
class HopByHop:
    """What is to be done with a packet for its options' sake.

    Attributes:
        drop: throw it away.
        problem: offset in the packet to tell the sender of; -1: tell nothing.
        code: of the parameter problem. to_groups: tell though it was for a group.
    """

    drop: bool = False
    problem: int = -1
    code: int = 2
    to_groups: bool = False


def hop_by_hop(packet: bytes, at: int = 40, announced: int = 0) -> HopByHop:
    """Check the options in a hop-by-hop or destination options header (RFC 8200, section 4.2).

    The two upper bits of an option that is not known say what to do: 00 go on, 01 drop it,
    10 tell the sender, 11 tell the sender unless it was for a group. Padding: RFC 4942, 2.1.9.5.
    ``announced``: 0 for hop-by-hop, 60 for destination options.
    """
    if len(packet) < at + 8 or len(packet) < at + 8 * packet[at + 1] + 8:
        return HopByHop(drop=True)
    end = at + 8 * packet[at + 1] + 8
    place, padding = at + 2, 0
    while place < end:
        kind = packet[place]
        if kind == 0:  # Pad1
            place, padding = place + 1, padding + 1
            if padding > _MOST_PADDING:
                return HopByHop(drop=True)
            continue
        if place + 2 > end or place + 2 + packet[place + 1] > end:
            return HopByHop(drop=True)
        size = packet[place + 1]
        if kind == 1:  # PadN; it hides nothing, and nobody needs more than aligns 8 bytes
            padding += size + 2
            if padding > _MOST_PADDING or any(packet[place + 2 : place + 2 + size]):
                return HopByHop(drop=True)
        else:
            padding = 0
        if kind == 0xC2 and announced == 0:  # jumbo payload (RFC 2675): no link here takes one
            if size != 4 or place & 3 != 2:
                return HopByHop(drop=True)
            long = packet[place + 2 : place + 4] != b"\0\0"
            return HopByHop(drop=True, problem=place if long else place + 2, code=0)
        if kind != 1 and (kind != 5 or announced):  # neither PadN nor router alert
            action = kind >> 6
            if action == 1:
                return HopByHop(drop=True)
            if action >= 2:
                return HopByHop(drop=True, problem=place, to_groups=action == 2)
        place += 2 + size
    return HopByHop()
