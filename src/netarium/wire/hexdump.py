"""A packet's bytes in hexadecimal and ASCII, with the layer that each byte belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netarium.wire.escaping import escaped

if TYPE_CHECKING:
    from netarium.wire.packet import Packet

__all__ = ["Range", "hexdump", "ranges"]

_ROW = 16


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes of one layer: its name, where they begin and where they end, offsets."""

    name: str
    start: int
    end: int


def ranges(packet: Packet) -> list[Range]:
    """Which layer each byte is of, in the order of the bytes; empty layers are left out."""
    found: list[Range] = []
    at = 0
    for layer in packet.layers:
        start, end = max(layer.start, at), min(layer.end_of_header(), len(packet.data))
        if end > start:
            if start > at:
                found.append(Range("?", at, start))
            found.append(Range(layer.title, start, end))
            at = end
    if at < len(packet.data):
        found.append(Range("?", at, len(packet.data)))
    return found


def hexdump(
    packet: Packet,
    *,
    width: int = 80,
    paint: Callable[[int, str], str] = lambda number, text: text,
) -> str:
    """The bytes in rows of 16, below a legend that says which layer is where.

    A bar before a byte marks where a layer begins.

    Args:
        packet: the packet.
        width: columns for the legend.
        paint: gives a text the colour of the layer with this number, in the legend's order.
    """
    parts = ranges(packet)
    owner = [number for number, part in enumerate(parts) for _ in range(part.end - part.start)]
    begins = {part.start for part in parts}
    lines = list(_legend(parts, width, paint))
    for at in range(0, len(packet.data), _ROW):
        row = packet.data[at : at + _ROW]
        cells = "".join(
            (" " if place == 8 else "")
            + ("|" if at + place in begins else " ")
            + paint(owner[at + place], f"{octet:02x}")
            for place, octet in enumerate(row)
        )
        missing = 3 * (_ROW - len(row)) + (len(row) <= _ROW // 2)
        letters = "".join(
            paint(owner[at + place], chr(octet) if 32 <= octet < 127 else ".")
            for place, octet in enumerate(row)
        )
        lines.append(f"{at:04x} {cells}{' ' * missing}   {letters}")
    return "".join(f"{line}\n" for line in lines)


def _legend(parts: list[Range], width: int, paint: Callable[[int, str], str]) -> Iterator[str]:
    """``Ethernet 0-13 | IPv4 14-33 | ...``, in as many lines as it takes."""
    line, size = "", 0
    for number, part in enumerate(parts):
        last = f"-{part.end - 1}" if part.end - part.start > 1 else ""
        text = f"{escaped(part.name)} {part.start}{last}"
        if line and size + 3 + len(text) > width:
            yield line
            line, size = "", 0
        if line:
            line, size = f"{line} | ", size + 3
        line, size = line + paint(number, text), size + len(text)
    if line:
        yield line
