"""Header diagrams as text, the way RFCs print them, with the bytes at their side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from netarium.wire.drawing.header_diagram import BITS, Box, Diagram, Piece, Row
from netarium.wire.drawing.lettering import clean, shorter
from netarium.wire.drawing.moments import later
from netarium.wire.drawing.packet import about, chosen, diagrams, headline

if TYPE_CHECKING:
    from netarium.wire.packet import Packet

__all__ = ["changes_text", "packet_text"]

#: Characters of a bit, and of a row's boxes with the border behind them.
_BIT = 2
_WIDE = BITS * _BIT + 1
#: Which lines meet, from left, right, above and below, to the character for it.
_JOINTS = " ╵╷│╶└┌├╴┘┐┤─┴┬┼"


def packet_text(packet: Packet, *, title: str = "", layers: Sequence[str] = ()) -> str:
    """One packet as text of at most 80 columns; arguments as ``draw_packet`` has them."""
    wanted = chosen(packet, layers)
    lines = [clean(title or headline(packet)), clean(about(packet))]
    for place, drawing in enumerate(diagrams(packet)):
        if place in wanted:
            lines += ["", *_Grid(drawing, packet.data).lines()]
    return "\n".join(lines) + "\n"


def changes_text(packets: Sequence[Packet], *, layers: Sequence[str] = ()) -> str:
    """What of a packet differs from the one before, a line a field; nothing for the first."""
    from netarium.wire.drawing.compare import aligned

    lines: list[str] = []
    columns = aligned(packets)
    for number, (packet, drawings) in enumerate(zip(packets, columns, strict=True)):
        where = packet.interface or f"packet {packet.number}"
        since = f"  {later(packet.time - packets[0].time)}" if number and packet.time else ""
        beside = f" (packet {packet.number})" if packet.interface and packet.number else ""
        lines.append(clean(f"{where}{beside}{since}"))
        wanted = chosen(packet, layers)
        for place, drawing in enumerate(drawings):
            for box in drawing.boxes if place in wanted else ():
                if box.changed is not None:
                    now = f"{box.text}, {box.verdict}" if box.verdict else box.text
                    was = f"{box.changed} -> " if box.changed else "new: "
                    lines.append(clean(f"    {drawing.title} {box.label}: {was}{now}"))
    return "\n".join(lines) + "\n"


class _Grid:
    """One diagram, made of characters."""

    def __init__(self, drawing: Diagram, data: bytes) -> None:
        self.drawing = drawing
        self.data = data
        #: Where each field's text goes: the row with most room.
        self.main: dict[int, tuple[int, int]] = {}
        for place, row in enumerate(drawing.rows):
            for piece in row.pieces:
                size = (piece.end - piece.start) * BITS // row.columns
                if row.kind != "fold" and size > self.main.get(id(piece.box), (0, 0))[1]:
                    self.main[id(piece.box)] = (place, size)

    def lines(self) -> list[str]:
        drawing = self.drawing
        source = f"{drawing.rfc}, " if drawing.rfc else ""
        size = f"{drawing.size} byte{'' if drawing.size == 1 else 's'}"
        head = f"{drawing.title}  {clean(drawing.summary)}".rstrip()
        tail = f"{source}{size}"
        out = [f"{head}  ({tail})" if not head.endswith(size) else head]
        rows = drawing.rows
        if any(row.kind == "grid" for row in rows):
            tens = "".join(f"{bit // 10 if bit % 10 == 0 else ' '} " for bit in range(BITS))
            ones = "".join(f"{bit % 10} " for bit in range(BITS))
            out += [f"{'':14} {tens}".rstrip(), f"{'':14} {ones}".rstrip()]
        for place, row in enumerate(rows):
            above = rows[place - 1] if place else None
            if row.kind in ("title", "fold"):
                if above and above.kind not in ("title", "fold"):
                    out.append(self.border(above, None))
                mark = "… " if row.kind == "fold" else "  " * (row.depth - 1)
                where = f"{row.first:04x}" if row.kind == "fold" else ""
                out.append(f"{where:14}  {mark}{clean(row.text)}")
                continue
            out.append(self.border(above, row))
            out += self.contents(place, row)
        if rows and rows[-1].kind not in ("title", "fold"):
            out.append(self.border(rows[-1], None))
        if drawing.stop:
            out.append(f"{'':14} ✗ {clean(drawing.stop)}")
        return out

    def contents(self, place: int, row: Row) -> list[str]:
        """A row's label and value, and its bytes; one empty line where fields only pass."""
        here = [piece for piece in row.pieces if self.main[id(piece.box)][0] == place]
        if row.kind == "line" and row.depth:
            texts = [[piece.box.text for piece in row.pieces]]
        elif here:
            texts = [
                [self.label(piece) if piece in here else "" for piece in row.pieces],
                [self.value(piece) if piece in here else "" for piece in row.pieces],
            ]
        else:
            texts = [["" for _ in row.pieces]]
        out = []
        for number, words in enumerate(texts):
            line = self.beside(row) if number == len(texts) - 1 else " " * 14
            at = 0
            for piece, word in zip(row.pieces, words, strict=True):
                start, end = _span(row, piece)
                line += " " * (start - at) + "│" + _centred(word, end - start - 1)
                at = end
            line += "│"
            out.append(line.rstrip())
        return out

    def beside(self, row: Row) -> str:
        """Offset and bytes."""
        raw = self.data[row.first : row.last]
        if not raw:
            return " " * 14
        if len(raw) > 4:  # more than there is room for: the value says the rest
            return f"{row.first:04x} {raw[:3].hex()}.. "
        return f"{row.first:04x} {raw.hex():8} "

    def label(self, piece: Piece) -> str:
        box, room = piece.box, _room(piece)
        if box.flags and len(box.flags) * _BIT - 1 <= room < 4 * len(box.flags):
            return " ".join((flag.strip("-") or "-")[0] for flag, _ in box.flags)
        label = f"{box.group}: {box.label}" if box.group else box.label
        return label if len(label) <= room else box.label

    def value(self, piece: Piece) -> str:
        box, room = piece.box, _room(piece)
        if box.ghost:
            return "(missing)" if room > 8 else "?"
        if box.flags and len(box.flags) * _BIT - 1 <= room < 4 * len(box.flags):
            return " ".join("1" if is_set else "0" for _, is_set in box.flags)
        text = f"{box.text} {_verdict(box)}".rstrip()
        if box.verdict:
            brief = f"{box.text} {str(box.verdict).partition(' (')[0]}"
            return next((said for said in (text, brief) if len(said) <= room), box.text)
        return next((short for short in shorter(text) if len(short) <= room), text)

    def border(self, above: Row | None, below: Row | None) -> str:
        """The line between two rows: none where a field goes on below itself."""
        upper, lower = _cells(above), _cells(below)
        flat = [
            upper[column] is not lower[column] if upper[column] or lower[column] else False
            for column in range(BITS)
        ]
        out = ""
        for column in range(BITS + 1):
            left = column > 0 and flat[column - 1]
            right = column < BITS and flat[column]
            up, down = _wall(upper, column), _wall(lower, column)
            out += _JOINTS[left << 3 | right << 2 | down << 1 | up]
            out += "─" if right else " "
        return (" " * 14 + out).rstrip()


def _span(row: Row, piece: Piece) -> tuple[int, int]:
    unit = BITS // row.columns * _BIT
    return piece.start * unit, piece.end * unit


def _room(piece: Piece) -> int:
    columns = piece.end - piece.start
    return columns * _BIT - 1


def _cells(row: Row | None) -> list[Box | None]:
    """Which field is in each of the 32 columns."""
    cells: list[Box | None] = [None] * BITS
    if row and row.kind not in ("title", "fold"):
        for piece in row.pieces:
            unit = BITS // row.columns
            for column in range(piece.start * unit, piece.end * unit):
                cells[column] = piece.box
    return cells


def _wall(cells: list[Box | None], column: int) -> bool:
    left = cells[column - 1] if column else None
    right = cells[column] if column < BITS else None
    return left is not right


def _centred(text: str, room: int) -> str:
    text = clean(text)
    if len(text) > room:
        text = text[: room - 1] + "…" if room > 2 else text[:room]
    return text.center(room)


def _verdict(box: Box) -> str:
    return f"({box.verdict})" if box.verdict else ""
