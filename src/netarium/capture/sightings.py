"""One packet seen at many places: told by what no router and no NAT changes."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netarium.errors import NetariumError, NotFoundError

if TYPE_CHECKING:
    from netarium.wire.header import Header
    from netarium.wire.packet import Packet

__all__ = ["hops", "identity", "innermost", "numbered", "sightings"]

#: Nanoseconds that a packet is on its way at most.
_LONGEST = 10_000_000_000
#: What NAT and routers may change in a transport header: ports, the identifier of an echo,
#: the checksum, the maximum segment size.
_CHANGING = frozenset({"sport", "dport", "checksum", "identifier", "options"})


def innermost(packet: Packet) -> Header | None:
    """The innermost IP header, in a tunnel that of the packet within; not one in a quote."""
    found = None
    for layer in packet.layers:
        if layer.title in ("IPv4", "IPv6") and not layer.quoted:
            found = layer
    return found


def identity(packet: Packet) -> Hashable:
    """What stays the same of a packet from its sender to its target, NAT on the way or not."""
    from netarium.wire.header import Padding

    ip: Any = innermost(packet)
    layers = [layer for layer in packet.layers if not isinstance(layer, Padding)]
    if ip is None:
        first = layers[1] if len(layers) > 1 else layers[0] if layers else None
        return (0, packet.data[first.start : layers[-1].end_of_header()] if first else b"")
    if ip.title == "IPv4":
        told: tuple[Any, ...] = (4, ip.protocol, ip.identification, ip.fragment_offset)
    else:
        told = (6, ip.next, ip.flow_label)
    place = layers.index(ip) + 1
    if place == len(layers):
        return told
    upper = layers[place]
    if upper.quotes:
        quoted: Any = packet.quoted
        inner: Any = quoted.layers[0] if quoted and quoted.layers else None
        about = getattr(inner, "identification", getattr(inner, "flow_label", None))
        return (*told, upper.raw[:2], about)
    stays = tuple(repr(shown.value) for shown in upper.fields() if shown.name not in _CHANGING)
    behind = packet.data[upper.end_of_header() : ip.payload_end()]
    return (*told, upper.title, stays, behind)


def sightings(packets: Iterable[Packet]) -> list[list[Packet]]:
    """Put together what is the same packet; groups and members in order of time.

    What passes a place again with the same time to live, or ten seconds later, is another one.
    """
    groups: list[list[Packet]] = []
    known: dict[Hashable, list[Packet]] = {}
    for packet in packets:
        told = identity(packet)
        group = known.get(told)
        if group is None or not _fits(packet, group):
            group = known[told] = []
            groups.append(group)
        group.append(packet)
    return groups


def _fits(packet: Packet, group: list[Packet]) -> bool:
    if packet.time - group[0].time > _LONGEST:
        return False
    here = _at(packet)
    return all(_at(other) != here for other in group)


def _at(packet: Packet) -> tuple[str, int]:
    ip: Any = innermost(packet)
    ttl = getattr(ip, "ttl", getattr(ip, "hop_limit", 0)) if ip is not None else 0
    return packet.interface, ttl


def numbered(path: str | Path, numbers: Iterable[int], filter: str = "") -> list[Packet]:
    """Packets of a file by their numbers, in the order asked for; without numbers, the first.

    Raises:
        NotFoundError: the file has no such packet, or the filter does not let it through.
        NetariumError: without numbers: there is none at all.
    """
    from netarium.capture.reading import batches
    from netarium.wire.packet import packet_of

    wanted = list(numbers)
    found: dict[int, Packet] = {}
    last = 0
    for batch in batches(path, filter):
        for index in range(batch.count):
            last = batch.number(index)
            if not wanted:
                wanted.append(last)
            if last in wanted:
                found[last] = packet_of(batch, index)
        if len(found) == len(set(wanted)):
            break
    if not wanted:
        what = "no packet that the filter lets through" if filter else "no packets"
        raise NetariumError(
            f"{str(path)!r} has {what}",
            "netarium read lists those that it has" if filter else "capture something first",
        )
    for number in wanted:
        if number not in found:
            have = f"the last is {last:,}" if last else "there are none"
            among = " that the filter lets through" if filter else ""
            raise NotFoundError(
                f"there is no packet {number:,} in {str(path)!r}{among}: {have}",
                "netarium read lists them with their numbers",
            )
    return [found[number] for number in wanted]


def hops(path: str | Path, number: int) -> list[Packet]:
    """The same packet at every place where a capture of several interfaces saw it, by time.

    Raises:
        NotFoundError: the file has no such packet.
    """
    from netarium.capture.reading import batches
    from netarium.ports.capture_file import BrokenCaptureError
    from netarium.wire.packet import packet_of

    (wanted,) = numbered(path, [number])
    told = identity(wanted)
    around: list[Packet] = []
    with contextlib.suppress(BrokenCaptureError):  # what is there will do
        for batch in batches(path):
            for index in range(batch.count):
                if abs(batch.time[index] - wanted.time) <= _LONGEST:
                    packet = packet_of(batch, index)
                    if identity(packet) == told:
                        around.append(packet)
    # The same bytes may have been sent more than once: of each place, the nearest in time.
    nearest: dict[tuple[str, int], Packet] = {}
    for packet in around:
        before = nearest.get(_at(packet))
        if before is None or abs(packet.time - wanted.time) < abs(before.time - wanted.time):
            nearest[_at(packet)] = packet
    return sorted(nearest.values(), key=lambda packet: (packet.time, packet.number))
