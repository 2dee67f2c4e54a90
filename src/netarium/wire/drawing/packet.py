"""A packet as a picture: its bytes beside the diagrams of the headers that they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from netarium.errors import NotFoundError
from netarium.wire.drawing.boxes import draw_diagram
from netarium.wire.drawing.header_diagram import Diagram, diagram
from netarium.wire.drawing.lettering import STRONG, fitted, shortened
from netarium.wire.drawing.moments import moment
from netarium.wire.drawing.scale import FULL
from netarium.wire.drawing.style import ALARM, FAINT, hues
from netarium.wire.drawing.svg import Canvas
from netarium.wire.header import Header, Incomplete

if TYPE_CHECKING:
    from netarium.wire.packet import Packet

__all__ = ["about", "chosen", "diagrams", "draw_packet", "headline"]

_MARGIN = 32
_BETWEEN = 16


def draw_packet(packet: Packet, *, title: str = "", layers: Sequence[str] = ()) -> str:
    """Draw one packet as SVG.

    Args:
        packet: the packet; a malformed one is drawn as far as it could be read.
        title: the heading; default: what the packet is.
        layers: only these headers, by title or short name (``ip``, ``TCP``); default: all.
            NotFoundError where the packet has none of a name.
    """
    wanted = chosen(packet, layers)
    canvas = Canvas(FULL.whole + 2 * _MARGIN)
    heading = title or headline(packet)
    room = canvas.width - 2 * _MARGIN
    text, size = fitted([heading], room, (22, 20, 18), STRONG)
    y = 44.0
    canvas.text(_MARGIN, y, text, size, font=STRONG)
    under = about(packet)
    if under:
        y += 22
        canvas.text(_MARGIN, y, shortened(under, room, 13.5), 13.5, fill=FAINT)
    y += 20
    colours = hues(packet.layers)
    for place, drawing in enumerate(diagrams(packet)):
        if place not in wanted:
            continue
        y += _BETWEEN + draw_diagram(canvas, drawing, packet.data, _MARGIN, y, FULL, colours[place])
    missing = packet.length - len(packet.data)
    if missing > 0 and not packet.stop:
        line = (
            f"The capture kept {len(packet.data):,} of {packet.length:,} bytes; "
            f"{missing:,} more were on the wire."
        )
        canvas.text(_MARGIN + FULL.whole - FULL.wide, y + 4, line, 13, fill=ALARM)
        y += 20
    canvas.height = y + 12
    return canvas.svg(heading, f"{under}. {packet!r}")


def headline(packet: Packet) -> str:
    """What a packet is, in its innermost words, after its number."""
    known = [
        layer
        for layer in packet.layers
        if (layer.rfc or isinstance(layer, Incomplete)) and not layer.quoted
    ]
    inner = str(known[-1]) if known else repr(packet)
    return f"Packet {packet.number}: {inner}" if packet.number else inner


def about(packet: Packet) -> str:
    """Where and when it was seen, and its length."""
    words = [packet.interface] if packet.interface else []
    if packet.time:
        words.append(moment(packet.time))
    size = f"{packet.length:,} byte{'' if packet.length == 1 else 's'}"
    cut = len(packet.data) < packet.length
    words.append(f"{len(packet.data):,} of {size} captured" if cut else size)
    if packet.segment:
        words.append(f"super-frame (GSO), segments of {packet.segment:,} bytes")
    if packet.comment:
        words.append(packet.comment)
    return " · ".join(words)


def diagrams(packet: Packet) -> list[Diagram]:
    """The diagram of each of its layers, with the verdicts on their checksums."""
    from netarium.wire.judging import judge

    verdicts = {(judged.at, judged.field): judged for judged in judge(packet)}
    found = [diagram(layer, verdicts) for layer in packet.layers]
    if packet.stop:
        place = next(
            (
                number
                for number in range(len(found) - 1, -1, -1)
                if found[number].title == packet.stop.layer
            ),
            len(found) - 1,
        )
        if found:
            found[place].stop = f"Reading stops at byte {packet.stop.at}: {packet.stop.why}."
    return found


def chosen(packet: Packet, layers: Sequence[str]) -> set[int]:
    """The places of the layers that are meant; all if none is named."""
    if not layers:
        return set(range(len(packet.layers)))
    found: set[int] = set()
    for name in layers:
        places = {
            place for place, layer in enumerate(packet.layers) if name.lower() in _names(layer)
        }
        if not places:
            there = ", ".join(dict.fromkeys(layer.short for layer in packet.layers))
            raise NotFoundError(f"the packet has no layer {name!r}", f"it has: {there}")
        found |= places
    return found


def _names(layer: Header) -> set[str]:
    kind = layer.kind if isinstance(layer, Incomplete) else type(layer)
    return {kind.title.lower(), kind.short.lower(), kind.__name__.lower()}
