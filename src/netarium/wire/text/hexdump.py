"""A packet's bytes in hexadecimal and ASCII, with the layer that each byte belongs to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netarium.wire.escaping import escaped

if TYPE_CHECKING:
    from netarium.wire.packet import Packet

__all__ = ["Range", "byte_rows", "hexdump", "ranges"]

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
    rows = byte_rows(packet.data, begins, lambda at, text: paint(owner[at], text))
    return "".join(f"{line}\n" for line in (*_legend(parts, width, paint), *rows))


def byte_rows(
    data: bytes,
    bars: Collection[int] = (),
    paint: Callable[[int, str], str] = lambda at, text: text,
) -> Iterator[str]:
    """Bytes in rows of 16: offset, hexadecimal, ASCII.

    Args:
        data: the bytes.
        bars: offsets of those that have a bar before them.
        paint: gives the text of the byte at an offset its colour.
    """
    for start in range(0, len(data), _ROW):
        row = list(enumerate(data[start : start + _ROW], start))
        cells = "".join(
            (" " if at - start == _ROW // 2 else "")
            + ("|" if at in bars else " ")
            + paint(at, f"{octet:02x}")
            for at, octet in row
        )
        missing = 3 * (_ROW - len(row)) + (len(row) <= _ROW // 2)
        letters = "".join(paint(at, chr(octet) if 32 <= octet < 127 else ".") for at, octet in row)
        yield f"{start:04x} {cells}{' ' * missing}   {letters}"


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
