"""Packets: headers one within another, read from bytes or built with ``/``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from netarium.wire.field import Malformed
from netarium.wire.header import REGISTRIES, Context, Header, Incomplete, Padding, Payload

if TYPE_CHECKING:
    from netarium.wire.batch import Batch

__all__ = ["Packet", "Stop", "packet_of"]

H = TypeVar("H", bound=Header)

#: Headers in headers in headers: no honest packet has as many.
_DEEPEST = 64


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
        self.link_type = 1
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
        self.data = bytes(data)
        self.length = max(length, len(self.data))
        self.time = self.number = self.flags = self.segment = 0
        self.interface = self.comment = ""
        self.link_type = link_type
        self.layers, self.stop = _dissect(self.data, link_type, self.length)
        for layer in self.layers:
            layer.packet = self
        return self

    # --- looking at it ------------------------------------------------------------------

    @overload
    def __getitem__(self, kind: type[H]) -> H: ...
    @overload
    def __getitem__(self, kind: int) -> Header: ...
    def __getitem__(self, kind: type[H] | int) -> H | Header:
        if isinstance(kind, int):
            return self.layers[kind]
        found = self.get(kind)
        if found is None:
            raise KeyError(f"{kind.title} is not in {self!r}")
        return found

    def get(self, kind: type[H]) -> H | None:
        """The outermost header of this kind, or None."""
        return next((layer for layer in self.layers if isinstance(layer, kind)), None)

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

    @property
    def payload(self) -> bytes:
        """What the innermost header that was understood carries."""
        last = self.layers[-1] if self.layers else None
        return last.raw if isinstance(last, Payload) else b""

    # --- making it ----------------------------------------------------------------------

    def __truediv__(self, upper: Header | Packet | bytes | str) -> Packet:
        if isinstance(upper, str):
            upper = upper.encode()
        if isinstance(upper, (bytes, bytearray)):
            more: list[Header] = [Payload(load=bytes(upper))]
        else:
            more = [upper] if isinstance(upper, Header) else upper.layers
        return type(self)([*self.layers, *more])

    def copy(self) -> Packet:
        """The same packet, with headers of its own."""
        twin = type(self).parse(self.data, self.link_type, self.length)
        for mine, theirs in zip(self.layers, twin.layers, strict=False):
            theirs.given.update(mine.given)
        for name in ("time", "interface", "number", "flags", "segment", "comment"):
            setattr(twin, name, getattr(self, name))
        return twin

    def rebuild(self) -> None:
        """Make all bytes anew from the layers, innermost first."""
        inner = b""
        for index in range(len(self.layers) - 1, -1, -1):
            layer = self.layers[index]
            layer.packet = None
            if isinstance(layer, Padding):
                continue
            upper = self.layers[index + 1] if index + 1 < len(self.layers) else None
            lower = self.layers[index - 1] if index else None
            layer.build(Context(layer, lower, upper, payload=inner))
            inner = layer.data + inner
        padding = b"".join(layer.raw for layer in self.layers if isinstance(layer, Padding))
        self.data = inner + padding
        self.length = len(self.data)
        self.stop = None
        at = 0
        for layer in self.layers:
            size = len(layer.data) if not isinstance(layer, Padding) else layer.size
            layer.data, layer.start, layer.packet = self.data, at, self
            layer.limit = len(self.data) if isinstance(layer, Padding) else len(inner)
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


def _dissect(data: bytes, link_type: int, length: int) -> tuple[list[Header], Stop | None]:
    from netarium.wire import protocols  # noqa: F401 - fills the registries

    layers: list[Header] = []
    stop: Stop | None = None
    at, end = 0, len(data)
    kind = REGISTRIES["link"].get(link_type)
    while kind is not None and (at < end or not kind.minimum):
        if len(layers) >= _DEEPEST:
            stop = Stop(kind.title, at, f"more than {_DEEPEST} headers within each other")
            break
        try:
            layer: Header = kind.view(data, at, end)
        except Malformed as malformed:
            why = malformed.why
            if length > len(data) and end == len(data):
                why += f" (the capture kept {len(data)} of {length} bytes)"
            stop = Stop(kind.title, malformed.at, why)
            layer = Incomplete.view(data, at, end)
            layer.__dict__["kind"] = kind
            layers.append(layer)
            at = end
            break
        layers.append(layer)
        try:
            layer.check()
            behind, inner_end = layer.end_of_header(), layer.payload_end()
        except Malformed as malformed:
            stop = Stop(kind.title, malformed.at, malformed.why)
            at = max(at + kind.minimum, min(layer.end_of_header(), end))
            break
        at, end = behind, max(behind, min(end, inner_end))
        kind = layer.next_header() if at < end else None
    if at < end:
        layers.append(Payload.view(data, at, end))
    if max(at, end) < len(data):
        layers.append(Padding.view(data, max(at, end), len(data)))
    return layers, stop


def fields_of(packet: Packet) -> dict[str, Any]:
    """All fields by layer and name, for JSON; layers outermost first."""
    return {"layers": [{"layer": layer.title} | layer.values() for layer in packet.layers]}
