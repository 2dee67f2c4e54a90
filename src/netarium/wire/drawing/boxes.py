"""A header diagram put on a canvas: boxes in rows, their bytes beside them."""

from __future__ import annotations

from collections.abc import Iterator

from netarium.wire.drawing.header_diagram import BITS, BYTES, Box, Diagram, Piece, Row
from netarium.wire.drawing.lettering import MONO, STRONG, shortened, wrapped
from netarium.wire.drawing.scale import Area, Scale
from netarium.wire.drawing.style import (
    ALARM,
    CHANGED,
    CHANGED_INK,
    FAINT,
    LINES,
    PALE,
    PAPER,
    Hue,
)
from netarium.wire.drawing.svg import Canvas, Words
from netarium.wire.drawing.words import write_box, write_rest

__all__ = ["draw_diagram"]


_HEAD = 30
_RULER = 14
_TITLE_ROW = 25
_FOLD_ROW = 19
_LINE_ROW = 23


def draw_diagram(
    canvas: Canvas, drawing: Diagram, data: bytes, x: float, y: float, scale: Scale, hue: Hue
) -> float:
    """Draw one header; gives its height."""
    return _Sheet(canvas, drawing, data, x, y, scale, hue).draw()


class _Sheet:
    """One diagram on its way onto the canvas."""

    def __init__(
        self,
        canvas: Canvas,
        drawing: Diagram,
        data: bytes,
        x: float,
        y: float,
        scale: Scale,
        hue: Hue,
    ) -> None:
        self.canvas = canvas
        self.drawing = drawing
        self.data = data
        self.scale = scale
        self.hue = hue
        self.x = x
        self.y = y
        self.left = x + scale.whole - scale.wide  # of the boxes
        self.right = self.left + scale.wide
        self.tops: list[float] = []  # of the rows, and behind them the bottom of the last

    def draw(self) -> float:
        self.draw_head()
        y = self.y + _HEAD
        if any(row.kind == "grid" for row in self.drawing.rows):
            self.draw_ruler(y)
            y += _RULER
        for place in range(len(self.drawing.rows)):
            self.tops.append(y)
            y += self.height_of(place)
        self.tops.append(y)
        for place, row in enumerate(self.drawing.rows):
            self.draw_row_furniture(place, row)
        placed: dict[int, list[tuple[int, Piece]]] = {}
        for place, row in enumerate(self.drawing.rows):
            for piece in row.pieces:
                placed.setdefault(id(piece.box), []).append((place, piece))
        for box in self.drawing.boxes:
            if id(box) in placed:
                self.draw_box(box, placed[id(box)])
        self.draw_groups(placed)
        if self.scale.bytes:
            for place, row in enumerate(self.drawing.rows):
                self.draw_digits(place, row)
        bottom = self.tops[-1]
        if self.drawing.stop:
            bottom += self.draw_stop(bottom)
        bar = self.x if self.scale.bytes else self.x - 9
        self.canvas.rectangle(
            bar, self.y + 4, 5, bottom - self.y - 4, fill=self.hue.strong, round=2
        )
        return bottom - self.y

    # --- what stands around the boxes ---------------------------------------------------

    def draw_head(self) -> None:
        """Title, summary and source, on one line."""
        small = not self.scale.bytes
        size = self.scale.title
        line = self.y + 20
        title = Words(self.drawing.title, size, STRONG, self.hue.strong)
        room = self.scale.wide - title.wide - 10
        about = f"{self.drawing.size:,} byte{'' if self.drawing.size == 1 else 's'}"
        if self.drawing.rfc and not small:
            about = f"{self.drawing.rfc} · {about}"
        if about == self.drawing.summary:
            about = self.drawing.rfc
        source = Words(about, self.scale.about - (0.5 if small else 2), fill=FAINT)
        if room > source.wide + 14:
            self.canvas.runs(self.right, line, [source], anchor="end")
            room -= source.wide + 14
        summary = shortened(self.drawing.summary, room, self.scale.about)
        self.canvas.runs(self.left, line, [title, Words(summary, self.scale.about)], gap=10)

    def draw_ruler(self, y: float) -> None:
        """The numbers of the bits."""
        every = range(BITS) if self.scale.bit > 15 else (0, 8, 16, 24, 31)
        for bit in every:
            x = self.left + (bit + 0.5) * self.scale.bit
            self.canvas.text(x, y + _RULER - 4.5, str(bit), 8.5, fill=FAINT, anchor="middle")
        for bit in range(0, BITS + 1, 8):
            x = self.left + bit * self.scale.bit
            self.canvas.line(x, y + _RULER - 4, x, y + _RULER, LINES)

    def height_of(self, place: int) -> float:
        """A row is low where fields only pass through it."""
        row = self.drawing.rows[place]
        if row.kind == "title":
            return _TITLE_ROW
        if row.kind == "fold":
            return _FOLD_ROW
        if row.kind == "line" and row.depth:
            return _LINE_ROW
        if all(self.passes(place, piece) for piece in row.pieces):
            return self.scale.low
        return self.scale.row

    def passes(self, place: int, piece: Piece) -> bool:
        """Whether the field has enough room for its text without this row's full height."""
        box = piece.box
        rows = self.drawing.rows
        around = [
            (other, found)
            for other in range(max(0, place - 5), min(len(rows), place + 6))
            for found in rows[other].pieces
            if found.box is box and rows[other].kind != "fold"
        ]
        if len(around) == 1:
            return False
        whole = [o for o, found in around if found.end - found.start == rows[o].columns]
        if piece.end - piece.start == rows[place].columns:
            # Low rows together are as high as one, or the first of them is not low.
            enough = len(whole) * self.scale.low >= self.scale.row
            return len(whole) > 1 and (enough or place != whole[0])
        if whole:
            return True
        widest = max(found.end - found.start for _, found in around)
        return place != next(o for o, found in around if found.end - found.start == widest)

    def draw_row_furniture(self, place: int, row: Row) -> None:
        """Offset, bytes and the line to the boxes; titles and folds."""
        top, bottom = self.tops[place], self.tops[place + 1]
        middle = (top + bottom) / 2
        if row.kind == "title":
            inset = 14 * (row.depth - 1)
            self.canvas.text(
                self.left + 2 + inset,
                bottom - 7,
                shortened(row.text, self.scale.wide - inset, 12.5, STRONG),
                12.5 if self.scale.bytes else 10.5,
                font=STRONG,
                fill=self.hue.strong,
            )
            return
        if self.scale.bytes and row.first < len(self.data):
            self.canvas.text(
                self.x + self.scale.offsets - 6,
                middle + 3.5,
                f"{row.first:04x}",
                9.5,
                font=MONO,
                fill=FAINT,
                anchor="end",
            )
        if row.kind == "fold":
            left = self.x + self.scale.offsets if self.scale.bytes else self.left
            self.canvas.rectangle(left, top, self.right - left, bottom - top, fill=PALE)
            for y in (top, bottom):
                self.canvas.line(left, y, self.right, y, LINES, dashed="4 3")
            self.canvas.text(
                (self.left + self.right) / 2,
                middle + 4,
                f"… {row.text}",
                11,
                fill=FAINT,
                anchor="middle",
            )
        elif self.scale.gap and row.first < len(self.data):
            start = self.x + self.scale.offsets + self.byte_width(row) * self.bytes_in(row)
            self.canvas.line(start + 4, middle, self.left - 5, middle, self.hue.strong, opacity=0.4)
            for x in (start + 4, self.left - 5):
                self.canvas.circle(x, middle, 1.7, self.hue.strong)

    def byte_width(self, row: Row) -> float:
        return self.scale.bytes / (4 if row.kind == "grid" else BYTES)

    def bytes_in(self, row: Row) -> int:
        there = max(0, min(row.last, len(self.data)) - row.first)
        return min(there, BYTES)  # of a line of text, only its beginning is shown

    # --- the boxes ----------------------------------------------------------------------

    def draw_box(self, box: Box, placed: list[tuple[int, Piece]]) -> None:
        fill = self.hue.second if box.shade else self.hue.first
        if box.ghost:
            fill = PAPER
        if box.changed is not None:
            fill = CHANGED
        lines = [f"{box.label}: {box.text}" if box.text else box.label]
        if box.verdict:
            lines.append(f"{box.verdict}")
        if box.meaning:
            lines.append(box.meaning)
        with self.canvas.group(". ".join(lines), "field"):
            for place, piece in placed:
                row = self.drawing.rows[place]
                if row.kind == "fold":
                    continue
                if self.scale.bytes:
                    self.draw_bytes(place, row, piece, fill)
                x0, x1 = self.span(row, piece)
                top, bottom = self.tops[place], self.tops[place + 1]
                self.canvas.rectangle(x0, top, x1 - x0, bottom - top, fill=fill)
            self.draw_borders(box, placed)
            write_box(self.canvas, box, self.area(placed), self.scale, self.hue)
            for rest in self.rests(placed):
                write_rest(self.canvas, box, rest, self.scale)

    def span(self, row: Row, piece: Piece) -> tuple[float, float]:
        unit = self.scale.wide / row.columns
        return self.left + piece.start * unit, self.left + piece.end * unit

    def draw_bytes(self, place: int, row: Row, piece: Piece, fill: str) -> None:
        """The ground of a piece's bytes, in proportion to its bits."""
        wide = self.byte_width(row)
        left = self.x + self.scale.offsets
        top, bottom = self.tops[place] + 1.5, self.tops[place + 1] - 1.5
        x0, x1 = left, left + wide * self.bytes_in(row)
        if row.kind == "grid":
            x0, x1 = left + piece.start * wide / 8, min(x1, left + piece.end * wide / 8)
        elif row.kind == "line":
            first = (piece.box.bit >> 3) - row.first
            x0, x1 = left + first * wide, min(x1, left + (first + piece.box.bits // 8) * wide)
        if x1 <= x0:
            return
        self.canvas.rectangle(x0, top, x1 - x0, bottom - top, fill=fill)
        if x0 > left and (
            row.kind != "grid" or piece.start % 4 == 0
        ):  # else it would run through a digit
            self.canvas.line(x0, top, x0, bottom, self.hue.strong, opacity=0.35)

    def draw_digits(self, place: int, row: Row) -> None:
        """The bytes of a row, in hexadecimal."""
        if row.kind in ("title", "fold"):
            return
        wide = self.byte_width(row)
        left = self.x + self.scale.offsets
        y = (self.tops[place] + self.tops[place + 1]) / 2 + 4.6
        size = 13.5 if row.kind == "grid" else 12.5
        for at in range(self.bytes_in(row)):
            digits = f"{self.data[row.first + at]:02x}"
            if at == BYTES - 1 and row.last > row.first + BYTES:
                digits = "…"
            x = left + (at + 0.5) * wide
            self.canvas.text(x, y, digits, size, font=MONO, anchor="middle")

    def draw_borders(self, box: Box, placed: list[tuple[int, Piece]]) -> None:
        """Lines around the whole field; where it goes on in the next row the side is open."""
        stroke, thick = self.hue.strong, 1.0
        wrong = box.verdict is not None and box.verdict.verdict.text == "wrong"
        if wrong:
            stroke, thick = ALARM, 2.2
        elif box.changed is not None:
            stroke, thick = CHANGED_INK, 1.8
        dashed = "4 3" if box.ghost else ""
        steps: list[str | float] = []
        shapes = [
            (place, *self.span(self.drawing.rows[place], piece), piece) for place, piece in placed
        ]
        for number, (place, x0, x1, piece) in enumerate(shapes):
            if self.drawing.rows[place].kind == "fold":
                continue
            top, bottom = self.tops[place], self.tops[place + 1]
            before = shapes[number - 1] if number else None
            after = shapes[number + 1] if number + 1 < len(shapes) else None
            # A side is open where the field goes on, and touches itself in a corner at most.
            whole = self.drawing.rows[place].columns
            if not (before and piece.start == 0 and not self.joined(before, shapes[number])):
                steps += ["M", x0, top, "L", x0, bottom]
            if not (after and piece.end == whole and not self.joined(shapes[number], after)):
                steps += ["M", x1, top, "L", x1, bottom]
            steps += self.level(top, x0, x1, before)
            steps += self.level(bottom, x0, x1, after)
        self.canvas.path(*steps, stroke=stroke, thick=thick, dashed=dashed)

    @staticmethod
    def joined(
        upper: tuple[int, float, float, Piece], lower: tuple[int, float, float, Piece]
    ) -> bool:
        """Whether two pieces in rows above each other touch along more than a corner."""
        return min(upper[2], lower[2]) - max(upper[1], lower[1]) > 0.5

    @staticmethod
    def level(
        y: float, x0: float, x1: float, other: tuple[int, float, float, Piece] | None
    ) -> list[str | float]:
        """The part of a horizontal border that the field itself does not lie behind."""
        spans = [(x0, x1)]
        if other:
            o0, o1 = max(x0, other[1]), min(x1, other[2])
            spans = [(x0, o0), (o1, x1)] if o1 > o0 else spans
        steps: list[str | float] = []
        for start, end in spans:
            if end - start > 0.01:
                steps += ["M", start, y, "L", end, y]
        return steps

    def area(self, placed: list[tuple[int, Piece]]) -> Area:
        """The largest rectangle of a field: rows of the same width lie together."""
        best = Area(0, 0, 0, 0)
        run: Area | None = None
        for place, piece in placed:
            row = self.drawing.rows[place]
            if row.kind == "fold":
                continue
            left, right = self.span(row, piece)
            top, bottom = self.tops[place], self.tops[place + 1]
            line = row.kind == "line" and row.depth > 0
            alone = len(placed) == 1
            if run and run.left == left and run.right == right and run.bottom == top:
                top = run.top
            run = Area(left, top, right, bottom, alone, line)
            # Width counts more: texts are long, not high.
            if run.wide**2 * run.high > best.wide**2 * best.high:
                best = run
        return best

    def rests(self, placed: list[tuple[int, Piece]]) -> Iterator[Area]:
        """Pieces in corners, which touch neither the words' area nor what touches it."""
        shapes = [
            (place, *self.span(self.drawing.rows[place], piece), piece) for place, piece in placed
        ]
        words = self.area(placed)
        main = next(
            n
            for n, shape in enumerate(shapes)
            if self.tops[shape[0]] >= words.top - 0.1
            and shape[1] == words.left
            and shape[2] == words.right
        )
        for steps in (range(main, 0, -1), range(main, len(shapes) - 1)):
            apart = False
            for number in steps:
                other = number - 1 if steps.step < 0 else number + 1
                pair = sorted((shapes[number], shapes[other]), key=lambda shape: shape[0])
                apart = apart or not self.joined(pair[0], pair[1])
                place, left, right, _ = shapes[other]
                if apart and self.drawing.rows[place].kind == "grid":
                    yield Area(left, self.tops[place], right, self.tops[place + 1])

    def draw_groups(self, placed: dict[int, list[tuple[int, Piece]]]) -> None:
        """A strong line at the beginning and end of each option in the grid."""
        for group in self.drawing.groups:
            members = self.drawing.boxes[group.first : group.last]
            pieces = [piece for box in members for piece in placed.get(id(box), [])]
            for place, piece in pieces[:1]:
                x0, _ = self.span(self.drawing.rows[place], piece)
                top, bottom = self.tops[place], self.tops[place + 1]
                self.canvas.line(x0, top, x0, bottom, self.hue.strong, thick=2.4)
            for place, piece in pieces[-1:]:
                _, x1 = self.span(self.drawing.rows[place], piece)
                top, bottom = self.tops[place], self.tops[place + 1]
                self.canvas.line(x1, top, x1, bottom, self.hue.strong, thick=2.4)

    def draw_stop(self, y: float) -> float:
        """Why reading ended here."""
        room = self.scale.wide - 22
        lines = wrapped(f"✗ {self.drawing.stop}", room, self.scale.label[0], 3, STRONG)
        high = 10 + 16 * len(lines)
        self.canvas.rectangle(
            self.left, y + 5, self.scale.wide, high, fill="#fdf0ee", stroke=ALARM, round=3
        )
        for number, line in enumerate(lines):
            self.canvas.text(
                self.left + 10,
                y + 21 + 16 * number,
                line,
                self.scale.label[0],
                font=STRONG,
                fill=ALARM,
            )
        return high + 8
