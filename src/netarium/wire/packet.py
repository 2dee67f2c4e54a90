"""Packets: headers one within another, read from bytes or built with ``/``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from netarium.wire.batch import CHECKSUM_NOT_READY, CHECKSUM_VALID
from netarium.wire.context import REGISTRIES, Context
from netarium.wire.field import FieldError, Malformed
from netarium.wire.header import Header, Incomplete, Padding, Payload, Trailer

if TYPE_CHECKING:
    from netarium.wire.batch import Batch

__all__ = ["Packet", "Stop", "packet_of"]

H = TypeVar("H", bound=Header)
_bare = object.__new__

#: Headers in headers in headers: no honest packet has as many.
_DEEPEST = 64
#: Link types whose first header is IP, of the version that its first bits say.
_RAW_IP = frozenset({12, 14, 101})
#: For packets whose first header is none that files know: "reserved for private use".
_PRIVATE = 147


@dataclass(frozen=True, slots=True)
class Stop:
    """Where and why reading ended before the packet did.

    Attributes:
        layer: title of the header that could not be read, or contradicts itself.
        at: offset in the packet, bytes.
        why: the reason, as a sentence without its full stop.
    """

    layer: str
    at: int
    why: str

    def __str__(self) -> str:
        return f"{self.layer} stops at byte {self.at}: {self.why}"


class Packet:
    """One frame: its bytes, its headers (``layers``), and when and where it was seen.

    Attributes:
        data: the bytes that are there.
        layers: its headers, outermost first; what is not understood is a Payload, Padding or
            Incomplete. Reading never fails: ``stop`` says where it ended early, else None.
        time: nanoseconds since 1970-01-01 00:00 UTC; interface: its name; number: from 1.
        length: bytes on the wire; more than ``len(data)`` where the capture cut it.
        flags, segment: as in ``wire.batch.Batch``. comment: what the file says of it.
    """

    def __init__(self, layers: Iterable[Header] = ()) -> None:
        self.layers: list[Header] = [layer.copy() for layer in layers]
        self.data = b""
        self.stop: Stop | None = None
        self.time = 0
        self.interface = ""
        self.number = 0
        self.flags = 0
        self.segment = 0
        self.comment = ""
        self.length = 0
        first = self.layers[0].numbers if self.layers else {"link": 1}
        self.link_type = first.get("link", _PRIVATE)
        self.rebuild()

    @classmethod
    def parse(
        cls, data: bytes | bytearray | memoryview, link_type: int = 1, length: int = 0
    ) -> Self:
        """Read a frame. Whatever the bytes are, this gives a packet.

        Args:
            data: the bytes that were captured.
            link_type: what the first header is (1: Ethernet), as in the tcpdump.org list.
            length: bytes on the wire, where that is more.
        """
        self = cls.__new__(cls)
        self.data = data = bytes(data)
        self.length = max(length, len(data))
        self.time = self.number = self.flags = self.segment = 0
        self.interface = self.comment = ""
        self.link_type = link_type
        self.stop = None
        self.layers = []
        _dissect(self, data)
        return self

    # --- looking at it ------------------------------------------------------------------

    @overload
    def __getitem__(self, kind: type[H]) -> H: ...
    @overload
    def __getitem__(self, kind: int) -> Header: ...
    @overload
    def __getitem__(self, kind: slice) -> Packet: ...
    def __getitem__(self, kind: type[H] | int | slice) -> H | Header | Packet:
        """A header by its class or place, or a packet of those between: ``packet[IPv4:]``."""
        if isinstance(kind, slice):
            return self._part(kind)
        if isinstance(kind, int):
            return self.layers[kind]
        found = self.get(kind)
        if found is None:
            raise KeyError(f"{kind.title} is not in {self!r}")
        return found

    def _part(self, wanted: slice) -> Packet:
        ends: list[int | None] = []
        for end in (wanted.start, wanted.stop):
            ends.append(self.layers.index(self[end]) if isinstance(end, type) else end)
        part = type(self).__new__(type(self))
        part.__dict__.update(self.__dict__)
        chosen = slice(*ends)
        layers = self.layers[chosen]
        first = chosen.indices(len(self.layers))[0]
        start = layers[0].start if layers else 0
        end = layers[-1].limit if layers else 0
        part.data = self.data[start:end]
        part.length = end - start
        part.link_type = layers[0].numbers.get("link", _PRIVATE) if layers else 1
        part.layers = []
        for layer in layers:
            twin = layer.copy()
            twin.__dict__.update(
                data=part.data,
                start=layer.start - start,
                limit=min(layer.limit, end) - start,
                packet=part,
                quoted=layer.quoted and not layers[0].quoted,
            )
            if isinstance(twin, Trailer):
                twin.__dict__["depth"] = max(0, twin.depth - first)
            part.layers.append(twin)
        if self.stop and self.stop.at >= start:
            part.stop = Stop(self.stop.layer, self.stop.at - start, self.stop.why)
        return part

    def get(self, kind: type[H]) -> H | None:
        """The outermost header of this kind, or None; see ``quoted`` for those in a quote."""
        for layer in self.layers:
            if isinstance(layer, kind) and not layer.quoted:
                return layer
        return None

    @property
    def quoted(self) -> Packet | None:
        """The packet that an ICMP error tells about: its beginning, as far as it is quoted."""
        quoted = [index for index, layer in enumerate(self.layers) if layer.quoted]
        return self[quoted[0] : quoted[-1] + 1] if quoted else None

    def __contains__(self, kind: type[Header]) -> bool:
        return self.get(kind) is not None

    def __iter__(self) -> Iterator[Header]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.data)

    def __bytes__(self) -> bytes:
        return self.data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Packet) and self.data == other.data

    __hash__ = None  # type: ignore[assignment]  # it can be changed

    def __repr__(self) -> str:
        return " / ".join(str(layer) for layer in self.layers) or "Packet()"

    def _repr_svg_(self) -> str:
        """What a notebook shows of it: its bytes beside its headers' diagrams."""
        from netarium.wire.drawing.packet import draw_packet

        return draw_packet(self)

    @property
    def payload(self) -> bytes:
        """What the innermost header that was understood carries."""
        last = self.layers[-1] if self.layers else None
        return last.raw if isinstance(last, Payload) else b""

    # --- Scapy ------------------------------------------------------------------------------

    def scapy(self) -> Any:
        """The same as a packet of Scapy's; NetariumError where Scapy is not installed."""
        from netarium.wire.scapy_bridge import to_scapy

        return to_scapy(self)

    @classmethod
    def from_scapy(cls, packet: Any) -> Packet:
        """A packet of Scapy's as one of netarium's."""
        from netarium.wire.scapy_bridge import from_scapy

        return from_scapy(packet)

    # --- making it ----------------------------------------------------------------------

    def __truediv__(self, upper: Header | Packet | bytes | str) -> Packet:
        if isinstance(upper, str):
            upper = upper.encode()
        if isinstance(upper, (bytes, bytearray)):
            more: list[Header] = [Payload(load=bytes(upper))]
        else:
            if not isinstance(upper, (Header, Packet)):
                before = self.layers[-1].title if self.layers else "a packet"
                raise FieldError(
                    f"{before} cannot carry {upper!r}",
                    "after / stands a header, a packet, bytes or text: IPv4() / UDP() / b'hi'",
                )
            more = [upper] if isinstance(upper, Header) else upper.layers
        return type(self)([*self.layers, *more])

    def copy(self) -> Packet:
        """The same packet, with headers of its own."""
        return self[:]

    def rebuild(self) -> None:
        """Make all bytes anew from the layers; a FieldError leaves all as it was."""
        states = [dict(layer.__dict__) for layer in self.layers]
        try:
            self._rebuild()
        except FieldError:
            for layer, state in zip(self.layers, states, strict=True):
                layer.__dict__.update(state)
            raise

    def _rebuild(self) -> None:
        layers = [layer for layer in self.layers if not isinstance(layer, Trailer)]
        trailers: dict[int, bytes] = {}
        for layer in self.layers:
            if isinstance(layer, Trailer):
                depth = max(0, min(layer.depth, len(layers) - 1))
                trailers[depth] = trailers.get(depth, b"") + layer.raw
        missing = max(0, self.length - len(self.data))
        fragment = next((i for i, layer in enumerate(layers) if layer.is_fragment), len(layers))
        quoted = False
        for layer in layers:
            if layer.quoted != quoted:
                layer.__dict__["quoted"] = quoted
            quoted = quoted or layer.quotes
        # Headers are made from the inside; those that depend on what then changes, again.
        for _ in range(3):
            before = [layer.upwards() for layer in layers]
            whole = b"" if layers else trailers.get(0, b"")
            for index in range(len(layers) - 1, -1, -1):
                layer = layers[index]
                upper = layers[index + 1] if index + 1 < len(layers) else None
                lower = layers[index - 1] if index else None
                context = Context(layer, lower, upper, payload=whole)
                context.below, context.above = layers[:index], layers[index + 1 :]
                context.partial = bool(missing) or index > fragment
                layer.build(context)
                whole = layer.data + whole + trailers.get(index, b"")
            if before == [layer.upwards() for layer in layers]:
                break
        self.data = whole
        self.length = len(whole) + missing
        self.stop = None
        self.flags &= ~(CHECKSUM_NOT_READY | CHECKSUM_VALID)
        at, end = 0, len(whole)
        for index, layer in enumerate(layers):
            size = len(layer.data)
            end -= len(trailers.get(index, b""))
            layer.__dict__.update(data=whole, start=at, limit=end, packet=self)
            at += size
        for layer in self.layers:
            if isinstance(layer, Trailer):
                size = layer.size
                layer.__dict__.update(data=whole, start=at, limit=at + size, packet=self)
                at += size


def packet_of(batch: Batch, index: int) -> Packet:
    """One frame of a batch as a packet of its own."""
    where = batch.interface[index]
    known = where < len(batch.interfaces)
    link = batch.interfaces[where].link_type if known else 1
    packet = Packet.parse(batch.frame(index), link, batch.length[index])
    packet.time = batch.time[index]
    packet.interface = batch.interfaces[where].name if known else ""
    packet.number = batch.number(index)
    packet.flags = batch.flags[index]
    packet.segment = batch.segment[index]
    packet.comment = batch.comments.get(index, "")
    return packet


#: True once the registries are filled; a look-up of a name is cheaper than an import.
_ready: list[bool] = []


def _fill_registries() -> None:
    from netarium.wire import protocols  # noqa: F401

    _ready.append(True)


def _dissect(packet: Packet, data: bytes) -> None:
    """Find its layers, and where reading stops early. Written for speed."""
    if not _ready:
        _fill_registries()
    layers = packet.layers
    trailers: list[Trailer] = []
    quoted = False
    at, end = 0, len(data)
    kind = REGISTRIES["link"].get(packet.link_type)
    if packet.link_type in _RAW_IP and data:
        kind = REGISTRIES["ip_version"].get(data[0] >> 4)
    while kind is not None:
        if kind.several:
            kind = kind.kind_at(data, at, end)
        if end - at < kind.minimum:
            if at < end:
                beginning = Incomplete.view(data, at, end)
                beginning.__dict__.update(kind=kind, packet=packet, quoted=quoted)
                layers.append(beginning)
            if not quoted:  # quotes are cut off by their nature
                missing = f"{kind.title} needs {kind.minimum} bytes, {end - at} are there"
                _stop(packet, Stop(kind.title, end, missing + _kept(packet)))
            at = end
            break
        layer = _bare(kind)
        inside = layer.__dict__
        inside["data"], inside["start"], inside["limit"] = data, at, end
        inside["packet"] = packet
        if quoted:
            inside["quoted"] = True
        if kind.quotes:
            quoted = True
        layers.append(layer)
        try:
            layer.check()
        except Malformed as malformed:
            if not quoted:
                cut = _kept(packet) if malformed.at == len(data) else ""
                _stop(packet, Stop(kind.title, malformed.at, malformed.why + cut))
            if not malformed.goes_on:
                at = max(at, min(layer.end_of_header(), end))
                break
        behind, inner_end = layer.end_of_header(), layer.payload_end()
        if inner_end != end:
            if inner_end > end:
                _check_length(packet, layers, inner_end - end)
            else:
                inner_end = max(inner_end, behind)
                if inner_end < end:
                    trailers.append(_trailer(packet, layer, inner_end, end))
                    end = inner_end
        if behind == at or len(layers) >= _DEEPEST:
            if behind != at:
                _stop(packet, Stop(kind.title, behind, f"{_DEEPEST} headers within each other"))
            at = behind
            break
        at = behind
        kind = layer.next_header() if at < end or kind.insists else None
    if at < end:
        rest = _bare(Payload)
        rest.__dict__.update(data=data, start=at, limit=end, packet=packet, quoted=quoted)
        layers.append(rest)
    layers.extend(reversed(trailers))


def _trailer(packet: Packet, layer: Header, start: int, end: int) -> Trailer:
    kind: type[Trailer] = layer.trailer()
    if end - start < kind.minimum:
        kind = Padding
    trailer = kind.view(packet.data, start, end)
    # What a checksum over the payload covers, too, belongs to what it carries.
    covered = layer.checksum_end() >= end
    depth = next(i for i, other in enumerate(packet.layers) if other is layer) + covered
    trailer.__dict__.update(packet=packet, depth=depth, quoted=layer.quoted)
    return trailer


def _stop(packet: Packet, stop: Stop) -> None:
    if packet.stop is None:
        packet.stop = stop


def _kept(packet: Packet) -> str:
    kept = len(packet.data)
    return f" (the capture kept {kept} of {packet.length} bytes)" if kept < packet.length else ""


def _check_length(packet: Packet, layers: list[Header], missing: int) -> None:
    """A length field speaks of more bytes than there are: say so, unless that is as it should."""
    layer = layers[-1]
    if layer.quoted or packet.length > len(packet.data):
        return
    if any(below.is_fragment for below in layers):
        return
    more = f"its length says {missing} byte{'' if missing == 1 else 's'} more than there are"
    _stop(packet, Stop(layer.title, layer.limit, more))


def fields_of(packet: Packet) -> dict[str, Any]:
    """All fields by layer and name, for JSON; layers outermost first."""
    return {"layers": [{"layer": layer.title} | layer.values() for layer in packet.layers]}
