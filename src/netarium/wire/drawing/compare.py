"""Packets side by side, or one packet at several places, with what differs marked."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from netarium.wire.drawing.boxes import draw_diagram
from netarium.wire.drawing.header_diagram import Diagram
from netarium.wire.drawing.lettering import STRONG, fitted, shortened
from netarium.wire.drawing.moments import later, moment
from netarium.wire.drawing.packet import about, chosen, diagrams, headline
from netarium.wire.drawing.scale import SMALL
from netarium.wire.drawing.style import CHANGED, CHANGED_INK, FAINT, INK, Hue, hues
from netarium.wire.drawing.svg import Canvas, Words

if TYPE_CHECKING:
    from netarium.wire.packet import Packet

__all__ = ["aligned", "draw_packets"]

_MARGIN = 32
_BETWEEN = 26  # columns
_APART = 12  # headers
#: Columns beside each other; more go below.
_COLUMNS = 3
_STRIP = 22
_HEAD = 46


@dataclass(slots=True)
class _Column:
    """One packet: its diagrams by slot; the same slot in all columns is the same header.

    ``also`` are places where it was seen with the same bytes, at the other end of a wire.
    """

    packet: Packet
    drawings: list[Diagram]
    colours: list[Hue]
    slots: list[int] = field(default_factory=list)
    also: list[Packet] = field(default_factory=list)


def draw_packets(
    packets: Sequence[Packet], *, title: str = "", layers: Sequence[str] = (), fold: bool = False
) -> str:
    """Draw packets side by side as SVG; marked is what differs from the packet before.

    Args:
        packets: at least one.
        title: the heading; default: what the first packet is.
        layers: only these headers, by title or short name; default: all.
        fold: the packets are one at several places: draw it once for each wire, and of
            headers in which nothing differs a line only.
    """
    columns = _columns(packets, fold)
    wanted = {slot for column in columns for slot in _wanted(column, layers)}
    beside = min(_COLUMNS, len(columns))
    canvas = Canvas(max(beside, 2) * (SMALL.wide + _BETWEEN) - _BETWEEN + 2 * _MARGIN)
    heading = title or headline(packets[0])
    room = canvas.width - 2 * _MARGIN
    text, size = fitted([heading], room, (22, 20, 18, 16), STRONG)
    canvas.text(_MARGIN, 44, text, size, font=STRONG)
    y = 62.0
    for first in range(0, len(columns), beside):
        band = columns[first : first + beside]
        same = {slot for slot in wanted if fold and _is_same(band, slot)}
        y = _draw_band(canvas, columns, band, first, y, sorted(wanted), same) + 14
    marked = any(
        box.changed is not None for each in columns for one in each.drawings for box in one.boxes
    )
    if len(columns) > 1 and not marked:
        canvas.text(_MARGIN, y + 9, "No field differs.", 12.5, fill=FAINT)
        y += 24
    elif marked:
        canvas.rectangle(_MARGIN, y - 2, 22, 13, fill=CHANGED, stroke=CHANGED_INK, thick=1.8)
        canvas.text(_MARGIN + 30, y + 9, "differs from the packet before", 12.5, fill=FAINT)
        y += 24
    canvas.height = y + 8
    return canvas.svg(heading, "; ".join(f"{about(each)}: {each!r}" for each in packets))


def aligned(packets: Sequence[Packet]) -> list[list[Diagram]]:
    """The diagrams of each packet, with ``changed`` set where one differs from that before."""
    return [column.drawings for column in _columns(packets)]


def _columns(packets: Sequence[Packet], join: bool = False) -> list[_Column]:
    """A column a packet; if ``join``, one for those that follow each other with the same bytes."""
    columns: list[_Column] = []
    for packet in packets:
        if join and columns and columns[-1].packet.data == packet.data:
            columns[-1].also.append(packet)
        else:
            columns.append(_Column(packet, diagrams(packet), hues(packet.layers)))
    _align(columns)
    for before, after in itertools.pairwise(columns):
        _mark_changes(before, after)
    return columns


def _draw_band(
    canvas: Canvas,
    columns: list[_Column],
    band: list[_Column],
    first: int,
    y: float,
    wanted: list[int],
    same: set[int],
) -> float:
    """Columns beside each other, the same headers at the same height; gives where they end."""
    steps = [_MARGIN + number * (SMALL.wide + _BETWEEN) for number in range(len(band))]
    for number, column in enumerate(band):
        _draw_place(canvas, column, columns[0].packet, steps[number], y)
    y += _HEAD
    for slot in wanted:
        high = 0.0
        for x, column in zip(steps, band, strict=True):
            place = next((n for n, found in enumerate(column.slots) if found == slot), None)
            if place is None:
                continue
            drawing, hue = column.drawings[place], column.colours[place]
            if slot in same:
                _draw_strip(canvas, drawing, x, y, hue)
                high = max(high, _STRIP)
            else:
                data = column.packet.data
                high = max(high, draw_diagram(canvas, drawing, data, x, y, SMALL, hue))
        y += high + _APART if high else 0
    return y


def _draw_place(canvas: Canvas, column: _Column, first: Packet, x: float, y: float) -> None:
    """Where a packet was seen, and how much later than the first."""
    packet = column.packet
    if packet is not first:
        middle = y + 17
        canvas.line(x - _BETWEEN + 2, middle, x - 10, middle, INK, thick=1.6)
        canvas.path("M", x - 6, middle, "l", -7, -4, "l", 0, 8, "z", fill=INK)
    seen = [packet, *column.also]
    names = [each.interface for each in seen if each.interface]
    name = " → ".join([names[0], names[-1]] if names[1:] else names)
    if not name and packet.number:
        name = f"Packet {packet.number}"
    name, size = fitted([name], SMALL.wide, (16, 14, 12), STRONG)
    canvas.text(x, y + 22, name, size, font=STRONG)
    numbers = [f"{each.number}" for each in seen if each.number and each.interface]
    words = [f"packet{'s' if numbers[1:] else ''} {', '.join(numbers)}"] if numbers else []
    if packet.time:
        words.append(moment(packet.time) if packet is first else later(packet.time - first.time))
    words.append(f"{packet.length:,} bytes")
    text = shortened(" · ".join(words), SMALL.wide - 4, 11.5)
    canvas.text(x, y + 38, text, 11.5, fill=FAINT)


def _draw_strip(canvas: Canvas, drawing: Diagram, x: float, y: float, hue: Hue) -> None:
    """A header that is the same in all packets, as a line."""
    canvas.rectangle(x, y, SMALL.wide, _STRIP, fill=hue.first, round=3)
    canvas.rectangle(x - 9, y, 5, _STRIP, fill=hue.strong, round=2)
    title = Words(drawing.title, 12, STRONG, hue.strong)
    same = Words("the same", 10.5, fill=FAINT)
    canvas.runs(x + SMALL.wide - 8, y + 15, [same], anchor="end")
    room = SMALL.wide - title.wide - same.wide - 30
    summary = Words(shortened(drawing.summary, room, 10.5), 10.5)
    canvas.runs(x + 6, y + 15, [title, summary], gap=8)


def _align(columns: list[_Column]) -> None:
    """Give each header a slot, the same for headers that follow each other.

    A tunnel that only some of the packets are in has slots of its own.
    """
    titles: list[str] = []
    for column in columns:
        own = [drawing.title for drawing in column.drawings]
        merged: list[str] = []
        mine: list[int] = []
        moved: dict[int, int] = {}
        matcher = difflib.SequenceMatcher(None, titles, own, autojunk=False)
        for kind, a0, a1, b0, b1 in matcher.get_opcodes():
            for old in range(a0, a1):
                moved[old] = len(merged)
                merged.append(titles[old])
            if kind == "equal":
                mine += [moved[old] for old in range(a0, a1)]
            else:
                mine += range(len(merged), len(merged) + b1 - b0)
                merged += own[b0:b1]
        for earlier in columns:
            if earlier is column:
                break
            earlier.slots = [moved[slot] for slot in earlier.slots]
        titles = merged
        column.slots = mine


def _mark_changes(before: _Column, after: _Column) -> None:
    """Mark the fields that differ from those of the same header before."""
    old = dict(zip(before.slots, before.drawings, strict=True))
    for slot, drawing in zip(after.slots, after.drawings, strict=True):
        if slot not in old:
            continue
        texts = {box.name: box.text for box in old[slot].boxes}
        for box in drawing.boxes:
            was = texts.get(box.name, "")
            if box.text != was or box.name not in texts:
                box.changed = was


def _is_same(band: list[_Column], slot: int) -> bool:
    """Whether a header is in all of these columns, and nothing in it differs from before."""
    drawn = [
        drawing
        for column in band
        for drawing, found in zip(column.drawings, column.slots, strict=True)
        if found == slot
    ]
    same = all(box.changed is None for drawing in drawn for box in drawing.boxes)
    return same and len(drawn) == len(band)


def _wanted(column: _Column, layers: Sequence[str]) -> set[int]:
    places = chosen(column.packet, layers)
    return {slot for place, slot in enumerate(column.slots) if place in places}
