"""Who said what to whom: a capture as a conversation, ready to be drawn."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netarium.capture.parties import Parties, ends
from netarium.capture.sightings import innermost, sightings
from netarium.capture.words import Said, Talk, words
from netarium.errors import NotFoundError
from netarium.wire.drawing.conversation import Arrow, Conversation, Phase, Run

if TYPE_CHECKING:
    from netarium.ports.capture_file import CaptureReader
    from netarium.wire.packet import Packet

__all__ = ["conversation"]

#: Packets that are looked at; nobody reads a ladder of more.
_MOST = 20_000
#: Packets of one connection that say nothing new and are drawn as one.
_FEWEST = 5
#: Nanoseconds before the end of a capture in which a packet may still be on its way.
_ON_ITS_WAY = 50_000_000
_TCP = 6
_HANDSHAKE = 3  # segments


@dataclass(slots=True)
class _Stream:
    """One TCP connection, under all addresses that NAT gave it."""

    talk: Talk = field(default_factory=Talk)
    parties: list[str] = field(default_factory=list)
    packets: int = 0
    said: dict[str, str] = field(default_factory=dict)  # the last words of each side
    opened: bool = False  # its SYN was seen
    translated: bool = False  # NAT was told of


@dataclass(slots=True)
class _Event:
    """An arrow, and what folding and phases have to know of it."""

    arrow: Arrow
    said: Said
    stream: _Stream | None
    plain: bool


def conversation(
    source: str | Path | Iterable[Packet],
    filter: str = "",
    *,
    stream: int | None = None,
    limit: int = 60,
    fold: bool = True,
    hops: bool = False,
) -> Conversation:
    """What was said in a capture.

    Packets that were seen at several places are told once, with the time at which the other
    end saw them; what left and never came, though the capture looked there, is lost.

    Args:
        source: a file, ``-`` for standard input; or packets.
        filter: in tcpdump's language; only with a file, as ``stream``.
        stream: only this TCP connection, numbered from 0 as Wireshark does; with it, where
            NAT is on the way, the same connection under other addresses.
        limit: the most events; 0: all.
        fold: draw packets of one connection that say nothing new as one.
        hops: an arrow from each node to the next that a packet came by; else from the first
            to the last.

    Raises:
        NotFoundError: there is no such file, or no such connection.
        NetariumError: as ``netarium.capture.read``.
    """
    wanted: set[int] | None = None
    more, trouble, complete = 0, "", True
    if isinstance(source, (str, Path)):
        from netarium.ports.capture_file import CaptureReader

        with CaptureReader(source) as capture:
            packets, wanted, more = _collect(capture, filter, stream)
            complete = not any(interface.dropped > 0 for interface in capture.interfaces)
            parties = Parties(capture.names, capture.lab, capture.interfaces)
            trouble = capture.trouble
    else:
        packets, parties = list(source), Parties({})
    several = len({packet.interface for packet in packets}) > 1
    groups = sightings(packets) if several else [[packet] for packet in packets]
    parties.learn(groups)
    builder = _Builder(parties, wanted, packets[-1].time if packets and complete else 0, hops)
    events = [event for group in groups for event in builder.told(group)]
    if stream is not None and not events:
        raise NotFoundError(
            f"there is no TCP connection {stream} in {str(source)!r}",
            "they are numbered from 0, in the order in which they begin",
        )
    drawn = list(_folded(events)) if fold else [[event] for event in events]
    if limit and len(drawn) > limit:
        more += sum(len(each) for each in drawn[limit:])
        drawn = drawn[:limit]
    done = _finished(drawn, parties, more)
    done.phases = [] if hops else list(_phases(drawn))
    done.trouble = trouble
    return done


def _collect(
    capture: CaptureReader, filter: str, stream: int | None
) -> tuple[list[Packet], set[int] | None, int]:
    """Packets, the numbers of those of the wanted connection, and how many were left out."""
    from netarium.capture.flows import Numbering
    from netarium.capture.reading import filtered
    from netarium.wire.bulk.flow_kernels import KEY
    from netarium.wire.packet import packet_of

    numbering = Numbering()
    packets: list[Packet] = []
    wanted: set[int] | None = None if stream is None else set()
    more = 0
    for batch in filtered(capture, filter):
        belongs: list[bool] = []
        if wanted is not None:
            numbering.number(batch, capture.fast)
            belongs = [
                numbering.stream[i] == stream and numbering.keys[KEY * flow + 9] >> 8 == _TCP
                for i, flow in enumerate(numbering.flow[: batch.count])
            ]
            wanted.update(batch.number(i) for i in range(batch.count) if belongs[i])
        # Where several interfaces were captured, NAT may hide that it is the same connection.
        alone = wanted is not None and len(batch.interfaces) < 2
        for index in range(batch.count):
            if alone and not belongs[index]:
                continue
            if len(packets) < _MOST:
                packets.append(packet_of(batch, index))
            else:
                more += 1
    return packets, wanted, 0 if stream is not None else more


class _Builder:
    """Turns sightings into events, one after another."""

    def __init__(
        self, parties: Parties, wanted: set[int] | None, end: int, hops: bool = False
    ) -> None:
        self.hops = hops
        self.parties = parties
        self.wanted = wanted
        self.end = end
        self.streams: dict[tuple[Any, ...], _Stream] = {}

    def told(self, group: list[Packet]) -> Iterator[_Event]:
        """The event that a packet is; none if it is not wanted."""
        stream = self.stream_of(group)
        if self.wanted is not None and stream is not None:
            if any(packet.number in self.wanted for packet in group):
                self.wanted.update(packet.number for packet in group)
                stream.said.setdefault("", "wanted")
            if "" not in stream.said:
                return
        elif self.wanted is not None:
            return
        parties = self.parties
        sender, receiver = parties.sender(group), parties.receiver(group)
        if stream is not None:
            for party in (sender, receiver):
                if party not in stream.parties and len(stream.parties) < 2:
                    stream.parties.append(party)
            if sender in stream.parties and len(stream.parties) == 2:
                receiver = stream.parties[1 - stream.parties.index(sender)]
        first, last = group[0], group[-1]
        said = words(first, stream.talk if stream else None, sender, receiver)
        source = parties.place(sender, ends(first)[0])
        target = parties.place(receiver, ends(last)[1])
        arrow = Arrow(first.number, first.time, source, target, said.label, said.detail, said.kind)
        arrow.again, arrow.alarm, arrow.note = said.again, said.alarm, said.note
        self.follow(arrow, group, sender, receiver)
        self.tell_nat(arrow, group, stream)
        plain = stream is not None and self.is_plain(said, stream, sender)
        if stream is not None:
            stream.packets += 1
            stream.opened = stream.opened or "SYN" in said.flags
            stream.said[sender] = said.label
        if self.hops and len({parties.node(packet) for packet in group}) > 1:
            for hop in self.hopping(arrow, group):
                yield _Event(hop, said, stream, False)
        else:
            yield _Event(arrow, said, stream, plain and not arrow.lost)

    def hopping(self, whole: Arrow, group: list[Packet]) -> Iterator[Arrow]:
        """An arrow for each hop; the first says what all do."""
        stays: list[list[Packet]] = []  # what was seen at one node before the next
        for packet in group:
            if stays and self.parties.node(stays[-1][-1]) == self.parties.node(packet):
                stays[-1].append(packet)
            else:
                stays.append([packet])
        for number, (here, there) in enumerate(itertools.pairwise(stays)):
            leaving, coming = here[-1], there[0]
            source, target = (
                self.parties.place(self.parties.node(each), ends(each)[way])
                for each, way in ((leaving, 0), (coming, 1))
            )
            hop = Arrow(leaving.number, leaving.time, source, target, "", "", whole.kind)
            hop.arrival, hop.again, hop.alarm = coming.time, whole.again, whole.alarm
            if not number:
                hop.label, hop.detail = whole.label, whole.detail
            hop.note = _translated(here[0], leaving)
            if number == len(stays) - 2:
                hop.lost = whole.lost
            yield hop

    def follow(self, arrow: Arrow, group: list[Packet], sender: str, receiver: str) -> None:
        """Whether it arrived, and when; where not, how far it came."""
        nodes = [self.parties.node(packet) for packet in group]
        if sender not in nodes or sender == receiver or receiver not in self.parties.covered:
            return
        if receiver in nodes:
            arrow.arrival = group[nodes.index(receiver)].time
            return
        last = group[-1]
        arrow.lost = bool(self.end) and last.time < self.end - _ON_ITS_WAY
        if nodes[-1] != sender:
            arrow.target = self.parties.place(nodes[-1], ends(last)[1])
            arrow.arrival = last.time
        told = f"lost at {nodes[-1]}" if nodes[-1] != sender else "lost"
        if not arrow.lost:
            told = f"for {receiver}" if nodes[-1] != sender else ""
        arrow.note = ", ".join(filter(None, (arrow.note, told)))

    def tell_nat(self, arrow: Arrow, group: list[Packet], stream: _Stream | None) -> None:
        """Addresses that changed on the way; of a connection, once."""
        told = _translated(group[0], group[-1])
        if not told or (stream is not None and stream.translated):
            return
        if stream is not None:
            stream.translated = True
        arrow.note = ", ".join(filter(None, (arrow.note, told)))

    def stream_of(self, group: list[Packet]) -> _Stream | None:
        """The TCP connection of a packet, under whichever of its addresses it is known."""
        keys = []
        for packet in group:
            tcp: Any = _tcp(packet)
            if tcp is None:
                return None
            source, target = _socket(packet)
            keys.append(tuple(sorted((source, target))))
        first: Any = _tcp(group[0])
        known = next((self.streams[key] for key in keys if key in self.streams), None)
        syn, ack = (type(first).flags.bit_of(flag) for flag in ("SYN", "ACK"))
        opens = first.flags & (syn | ack) == syn
        if known and opens and known.packets > 2 and first.seq not in known.talk.first.values():
            known = None  # the same ports, another connection
        if known is None:
            known = _Stream()
        for key in keys:
            self.streams[key] = known
        return known

    @staticmethod
    def is_plain(said: Said, stream: _Stream, sender: str) -> bool:
        """Whether a segment says nothing new: data that goes on, or that it came."""
        if said.again or said.alarm or said.note or not said.flags <= {"ACK", "PSH"}:
            return False
        if stream.packets < _HANDSHAKE and stream.opened:
            return False
        return said.kind == "transport" or stream.said.get(sender) == said.label


def _tcp(packet: Packet) -> Any:
    for layer in reversed(packet.layers):
        if layer.title == "TCP" and not layer.quoted and hasattr(layer, "seq"):
            return layer
    return None


def _socket(packet: Packet) -> tuple[str, str]:
    """Address and port of both ends, as text."""
    source, target = ends(packet)
    ip = innermost(packet)
    if ip is None:
        return source, target
    upper: Any = packet.layers[packet.layers.index(ip) + 1 :]
    ports = next(((u.sport, u.dport) for u in upper if hasattr(u, "sport") and not u.quoted), None)
    if ports is None:
        return source, target
    return _joined(source, ports[0]), _joined(target, ports[1])


def _translated(first: Packet, last: Packet) -> str:
    """How NAT changed the addresses between two sightings; empty if it did not."""
    ways = zip(("from", "to"), _socket(first), _socket(last), strict=True)
    return ", ".join(f"NAT: {way} {new}" for way, old, new in ways if old != new)


def _joined(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _folded(events: list[_Event]) -> Iterator[list[_Event]]:
    """Events alone, or many that are drawn as one."""
    run: list[_Event] = []
    for event in events:
        if event.plain and (not run or run[-1].stream is event.stream):
            run.append(event)
            continue
        yield from _of_run(run)
        run = [event] if event.plain else []
        if not event.plain:
            yield [event]
    yield from _of_run(run)


def _of_run(run: list[_Event]) -> Iterator[list[_Event]]:
    if len(run) >= _FEWEST:
        yield run
    else:
        for event in run:
            yield [event]


def _finished(drawn: list[list[_Event]], parties: Parties, more: int) -> Conversation:
    done = Conversation(more=more)
    for each in drawn:
        done.events.append(_run(each) if len(each) > 1 else each[0].arrow)
    used = parties.ordered({at for event in done.events for at in (event.source, event.target)})
    hosts = parties.hosts()
    done.hosts = [hosts[place] for place in used]
    for event in done.events:
        event.source, event.target = used.index(event.source), used.index(event.target)
    return done


def _run(events: list[_Event]) -> Run:
    """Many segments as one: where most bytes went is where it goes."""
    bytes_by: dict[tuple[int, int], int] = {}
    counts: dict[tuple[int, int], int] = {}
    acks: dict[tuple[int, int], int] = {}
    for event in events:
        way = (event.arrow.source, event.arrow.target)
        bytes_by[way] = bytes_by.get(way, 0) + event.said.size
        (counts if event.said.size else acks)[way] = (counts if event.said.size else acks).get(
            way, 0
        ) + 1
    forth = max(bytes_by, key=lambda way: bytes_by[way])
    back = (forth[1], forth[0])
    told = []
    if counts.get(forth):
        told.append(f"{_counted(counts[forth], 'segment')}, {_counted(bytes_by[forth], 'byte')}")
    if counts.get(back):
        told.append(f"back {_counted(counts[back], 'segment')}, {_counted(bytes_by[back], 'byte')}")
    total = sum(acks.values())
    if total:
        told.append(_counted(total, "acknowledgement"))
    last = max(event.arrow.arrival or event.arrow.time for event in events)
    first = events[0].arrow
    return Run(first.number, first.time, last, *forth, "; ".join(told))


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _phases(drawn: list[list[_Event]]) -> Iterator[Phase]:
    """Handshake, data and close of those connections that no other packet interrupts."""
    at: dict[int, list[int]] = {}
    for place, events in enumerate(drawn):
        if events[0].stream is not None:
            at.setdefault(id(events[0].stream), []).append(place)
    for places in at.values():
        if places[-1] - places[0] + 1 != len(places) or len(places) < 3:
            continue
        flags = [frozenset().union(*(event.said.flags for event in drawn[p])) for p in places]
        begun = [n for n, found in enumerate(flags) if "SYN" in found]
        ends = [n for n, found in enumerate(flags) if found & {"FIN", "RST"}]
        data = 0
        if begun and begun[0] == 0:
            data = begun[-1] + 1
            if data < len(places) and len(begun) > 1 and not drawn[places[data]][0].said.size:
                data += 1  # the third of the handshake
            yield Phase("handshake", places[0], places[data - 1])
        close = ends[0] if ends else len(places)
        if data < close:
            yield Phase("data", places[data], places[close - 1])
        if ends and close >= data:
            yield Phase("close", places[close], places[-1])
