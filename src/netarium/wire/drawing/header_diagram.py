"""A header as the RFCs draw it: rows of 32 bits in which each field has its box.

It follows from the header's declaration alone, and knows no pixel: pictures and text are
both made from it.

Fields of fixed width lie in the grid where their bits are, and go on in the next row. What
varies in width has rows of its own, as ``/ NAME /`` has in RFC 1035, and the grid begins
anew behind it; of words of text, a line is a row. Options that are padded to whole words
stay in the grid; records of any length (DNS) begin a row each, below their title.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from netarium.wire.checksum import Judged
from netarium.wire.field import Field, Flags, Shown
from netarium.wire.header import Header, Incomplete, Padding, Payload
from netarium.wire.parts import Parts

__all__ = ["BITS", "BYTES", "Box", "Diagram", "Group", "Piece", "Row", "diagram"]

#: Bits in a row of the grid.
BITS = 32
#: Bytes in a row of what varies in width.
BYTES = 8

#: A field of more bits than this does not lie in the grid if its width varies.
_IN_GRID = 128
#: Rows of one field that are drawn; of more, so many are, and how many bytes are not.
_ROWS, _ROWS_SHOWN = 5, 3
#: Columns that a word of text has at least.
_WORD = 3
#: Records of one kind that are drawn.
_RECORDS = 12


@dataclass(slots=True, eq=False)
class Box:
    """One field: what it says, and where.

    Attributes:
        name: from the header on: ``options.1.length``; label: in the RFC; text: its value.
        meaning: one sentence. bit, bits: place in the packet.
        group: title of the option or record that begins with it, else empty.
        flags: where each bit has a name: the names, and whether it is set.
        verdict: of a checksum.
        shade: 0 or 1, taking turns.
        ghost: it should be there, but the packet ends before.
        changed: what it was in the packet before, where that differs.
    """

    name: str
    label: str
    text: str
    meaning: str
    bit: int
    bits: int
    group: str = ""
    flags: tuple[tuple[str, bool], ...] = ()
    verdict: Judged | None = None
    shade: int = 0
    ghost: bool = False
    changed: str | None = None


@dataclass(slots=True)
class Piece:
    """The part of a field that lies in one row: from column ``start`` to before ``end``."""

    box: Box
    start: int
    end: int


@dataclass(slots=True)
class Row:
    """One row.

    Attributes:
        kind: ``grid`` (32 columns of a bit), ``bytes`` (8 of a byte), ``line`` (words of
            text, columns as they need), ``title`` (of a record: ``text``) or ``fold``
            (``text`` says how much is left out).
        first, last: the bytes of the packet in it, ``last`` being behind them.
        pieces: its fields, from left to right.
        depth: how deep a record lies in records, from 1 on; 0: in the header itself.
    """

    kind: str
    first: int
    last: int
    pieces: list[Piece] = field(default_factory=list)
    text: str = ""
    depth: int = 0

    @property
    def columns(self) -> int:
        """How many columns it has."""
        return BYTES if self.kind == "bytes" else BITS


@dataclass(slots=True)
class Group:
    """An option in the grid: its title, and the fields from ``first`` to before ``last``."""

    title: str
    first: int
    last: int


@dataclass(slots=True)
class Diagram:
    """A header, ready to be drawn.

    Attributes:
        title, summary, rfc: what it is and says. start, size: bytes, from the packet's first.
        boxes: its fields in order; rows: where they lie; groups: options within the grid.
        stop: why reading ended in it; empty where it did not.
    """

    title: str
    summary: str
    rfc: str
    start: int
    size: int
    boxes: list[Box] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    stop: str = ""


def diagram(layer: Header, verdicts: dict[tuple[int, str], Judged] | None = None) -> Diagram:
    """Lay a header out in rows.

    Args:
        layer: the header.
        verdicts: on checksums, by the byte at which one is, and the field's name.
    """
    return _Layout(layer, verdicts or {}).result


class _Layout:
    """Puts one field behind the other."""

    def __init__(self, layer: Header, verdicts: dict[tuple[int, str], Judged]) -> None:
        self.layer = layer
        self.verdicts = verdicts
        incomplete = isinstance(layer, Incomplete)
        kind = layer.kind if isinstance(layer, Incomplete) else type(layer)
        summary = "not all of it is there" if incomplete else layer.summary()
        if layer.quoted:
            first = f"its first {layer.size} bytes" if incomplete else summary
            summary = f"in the quote: {first}"
        self.result = Diagram(kind.title, summary, kind.rfc, layer.start, layer.size)
        self.row: Row | None = None
        self.column = 0
        self.at = 8 * layer.start  # the first bit that is in no box yet
        self.depth = 0
        self.in_option = False
        self.is_raw = isinstance(layer, (Payload, Padding))
        self.add_all(list(layer.fields()), layer, "")
        if isinstance(layer, Incomplete) and not layer.quoted:
            self.add_ghosts(layer)
        else:
            self.fill_up_to(8 * layer.end_of_header())
        for place, box in enumerate(self.result.boxes):
            box.shade = place % 2

    def add_all(self, fields: Sequence[Shown], owner: Header | None, prefix: str) -> None:
        """Fields that follow each other; words of text share a row."""
        line: list[Box] = []
        for shown in fields:
            declared = _declared(owner, shown)
            loose = (declared is None or not declared.bits) and not shown.parts
            if loose and not self.in_option and shown.bits and shown.bit >= self.at:
                if not line:
                    self.fill_up_to(shown.bit)
                line.append(self.box(shown, declared, prefix + shown.name))
                self.at = shown.bit + shown.bits
                continue
            self.put_line(line)
            line = []
            self.add(shown, declared, prefix + shown.name)
        self.put_line(line)

    def add(self, shown: Shown, declared: Field[object] | None, name: str) -> None:
        """A field, with all that is in it."""
        end = shown.bit + shown.bits
        if shown.bit < self.at or not shown.bits:
            return  # it lies in what was drawn already: a name that points back
        self.fill_up_to(shown.bit)
        if not shown.parts:
            self.put(self.box(shown, declared, name), loose=declared is None or not declared.bits)
            return
        if not isinstance(shown.parts[0].value, Header):
            self.add_all(shown.parts, None, f"{name}.")
            self.fill_up_to(end)
            return
        padded = isinstance(declared, Parts) and declared.pad > 1
        for place, part in enumerate(shown.parts):
            if part.bit < self.at or part.bit + part.bits > end:
                continue
            if padded:
                self.add_option(part, f"{name}.{place}")
            elif place < _RECORDS:
                self.add_record(part, f"{name}.{place}")
            else:
                self.fold(end, f"{len(shown.parts) - place} more of {shown.label.lower()}")
                return
        self.fill_up_to(end)

    def add_option(self, part: Shown, name: str) -> None:
        """An option that lies in the grid."""
        self.fill_up_to(part.bit)
        first, outer = len(self.result.boxes), self.in_option
        self.in_option = True
        self.add_parts(part, name)
        self.in_option = outer
        boxes = self.result.boxes
        if len(boxes) > first:
            boxes[first].group = part.label
            self.result.groups.append(Group(part.label, first, len(boxes)))

    def add_record(self, part: Shown, name: str) -> None:
        """A record, which begins a row of its own below its title; words need no title."""
        self.fill_up_to(part.bit)
        self.end_row()
        self.depth += 1
        if any(_is_fixed(part.value, inner) for inner in part.parts):
            named = not part.text or part.text.startswith(part.label)
            text = (part.text or part.label) if named else f"{part.label}: {part.text}"
            where = part.bit >> 3
            self.result.rows.append(Row("title", where, where, text=text, depth=self.depth))
        self.add_parts(part, name)
        self.end_row()
        self.depth -= 1

    def add_parts(self, part: Shown, name: str) -> None:
        if part.parts:
            self.add_all(part.parts, part.value, f"{name}.")
        elif part.bits:
            self.put(self.box(part, None, name), loose=True)
        self.fill_up_to(part.bit + part.bits)

    def box(self, shown: Shown, declared: Field[object] | None, name: str) -> Box:
        flags: tuple[tuple[str, bool], ...] = ()
        if isinstance(declared, Flags):
            bits = f"{shown.value:0{declared.bits}b}"
            flags = tuple(
                (flag, bit == "1") for flag, bit in zip(declared.flags, bits, strict=True)
            )
        text = shown.text
        if isinstance(self.layer, Payload) and shown.value and not _readable(shown.value):
            text = ""  # its bytes stand beside it
        verdict = self.verdicts.get((shown.bit >> 3, shown.name))
        return Box(
            name, shown.label, text, shown.meaning, shown.bit, shown.bits, "", flags, verdict
        )

    def put_line(self, boxes: list[Box]) -> None:
        """Words of text into one row, each as wide as it is; one alone has rows of its own."""
        if not boxes:
            return
        self.at = boxes[0].bit
        if len(boxes) == 1:
            self.put(boxes[0], loose=True)
            return
        self.end_row()
        row = Row("line", boxes[0].bit >> 3, (boxes[-1].bit + boxes[-1].bits) >> 3)
        row.depth = self.depth
        column = 0
        for place, box in enumerate(boxes):
            left = len(boxes) - 1 - place
            room = BITS - column - _WORD * left
            wide = room if not left else max(_WORD, min(room, -(-2 * len(box.text) // 7) + 1))
            row.pieces.append(Piece(box, column, column + wide))
            column += wide
            self.result.boxes.append(box)
        self.result.rows.append(row)
        self.at = boxes[-1].bit + boxes[-1].bits

    def put(self, box: Box, *, loose: bool) -> None:
        """A box into the grid, or into rows of its own if ``loose`` and it must."""
        self.result.boxes.append(box)
        self.at = box.bit + box.bits
        if self.column:
            fits = box.bits <= BITS - self.column  # beside what is in the row already
        else:
            fits = box.bits % BITS == 0 and box.bits <= _IN_GRID and not self.is_raw
        if loose and not self.in_option and not fits:
            self.put_bytes(box)
        else:
            self.put_bits(box)

    def put_bits(self, box: Box) -> None:
        bit, end, full = box.bit, box.bit + box.bits, 0
        fits = box.bits <= BITS - self.column
        if self.depth and not self.in_option and not fits and self.starts_row(box):
            self.end_row()
        while bit < end:
            if self.row is None:
                left = (end - bit) // BITS
                if full == _ROWS_SHOWN and left > _ROWS - _ROWS_SHOWN:
                    more = left * BITS // 8
                    self.add_fold(bit // 8, bit // 8 + more, f"{more:,} more bytes", box)
                    bit += left * BITS
                    continue
                self.row = Row("grid", bit >> 3, bit >> 3, depth=self.depth)
                self.result.rows.append(self.row)
            take = min(BITS - self.column, end - bit)
            full += take == BITS
            self.row.pieces.append(Piece(box, self.column, self.column + take))
            bit += take
            self.row.last = (bit + 7) >> 3
            self.column += take
            if self.column == BITS:
                self.end_row()

    @staticmethod
    def starts_row(box: Box) -> bool:
        """In a record of any length columns mean nothing: better whole than in two rows."""
        return box.bits < BITS or box.bits % BITS == 0

    def put_bytes(self, box: Box) -> None:
        self.end_row()
        first, end = box.bit >> 3, (box.bit + box.bits + 7) >> 3
        rows = -(-(end - first) // BYTES)
        shown = rows if rows <= _ROWS else _ROWS_SHOWN
        for place in range(shown):
            start = first + place * BYTES
            last = min(start + BYTES, end)
            self.result.rows.append(
                Row("bytes", start, last, [Piece(box, 0, BYTES)], depth=self.depth)
            )
        if shown < rows:
            start = first + shown * BYTES
            self.add_fold(start, end, f"{end - start:,} more bytes", box)

    def fill_up_to(self, bit: int) -> None:
        """A box for bits that no field claims."""
        if bit <= self.at:
            return
        raw = self.layer.data[self.at >> 3 : bit >> 3]
        label = "Padding" if not any(raw) else "Not read"
        if raw in (b"\r\n", b"\n"):
            label = "End of line"
        box = Box("", label, "", "Bits that no field of the header claims.", self.at, bit - self.at)
        self.put(box, loose=bit - self.at > BITS or self.at % 8 != 0)

    def fold(self, end: int, text: str) -> None:
        """Leave out all that follows, to bit ``end``."""
        self.end_row()
        self.add_fold(self.at >> 3, end >> 3, text, None)
        self.at = end

    def add_fold(self, first: int, last: int, text: str, box: Box | None) -> None:
        pieces = [Piece(box, 0, BITS)] if box else []
        self.result.rows.append(Row("fold", first, last, pieces, text, self.depth))

    def end_row(self) -> None:
        self.row, self.column = None, 0

    def add_ghosts(self, layer: Incomplete) -> None:
        """The fields that the packet ends before."""
        there = {box.name for box in self.result.boxes}
        for declared in layer.kind.declared:
            if declared.bit_offset < 0 or declared.name in there:
                continue
            bit = 8 * layer.start + declared.bit_offset
            name, label, why = declared.name, declared.label, declared.meaning
            box = Box(name, label, "", why, bit, declared.bits, ghost=True)
            self.result.boxes.append(box)
            self.put_bits(box)


def _is_fixed(owner: Header, shown: Shown) -> bool:
    declared = _declared(owner, shown)
    return bool(shown.parts) or (declared is not None and declared.bits > 0)


def _declared(owner: Header | None, shown: Shown) -> Field[object] | None:
    kind = owner.kind if isinstance(owner, Incomplete) else type(owner)
    found = getattr(kind, shown.name, None)
    return found if isinstance(found, Field) else None


def _readable(raw: bytes) -> bool:
    return isinstance(raw, bytes) and all(
        32 <= byte < 127 or byte in b"\r\n\t" for byte in raw[:64]
    )
