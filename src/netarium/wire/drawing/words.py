"""What is written into a field's box: label, value, flags, the verdict on a checksum."""

from __future__ import annotations

from netarium.wire.drawing.header_diagram import Box
from netarium.wire.drawing.lettering import (
    MONO,
    STRONG,
    fitted,
    shortened,
    shorter,
    width,
    wrapped,
)
from netarium.wire.drawing.scale import Area, Scale
from netarium.wire.drawing.style import ALARM, CHANGED_INK, FAINT, GOOD, INK, PAPER, Hue
from netarium.wire.drawing.svg import Canvas, Words

__all__ = ["write_box", "write_rest"]

#: From base line to base line of a text of several lines, and between value and note.
_LINE = 15
_SPACE = 10
#: The most that label and value stand apart.
_LEAD = 6


def write_box(canvas: Canvas, box: Box, area: Area, scale: Scale, hue: Hue) -> None:
    """Write into a box what it says, as much as there is room for."""
    if area.line:
        _write_line(canvas, box, area, scale)
    elif not _write_flags(canvas, box, area, scale, hue):
        _write_label_and_value(canvas, box, area, scale, hue)


def _write_line(canvas: Canvas, box: Box, area: Area, scale: Scale) -> None:
    text, size = fitted([box.text], area.wide - 12, scale.value, MONO)
    canvas.text(area.left + 8, (area.top + area.bottom) / 2 + size * 0.35, text, size, font=MONO)


def _write_flags(canvas: Canvas, box: Box, area: Area, scale: Scale, hue: Hue) -> bool:
    """Each flag in a cell of its own; False where their names do not fit."""
    size = min(scale.label[-1], 9)
    names = [flag.strip("-") for flag, _ in box.flags]
    if not box.flags or box.ghost or not area.alone:
        return False
    if any(width(name, size, STRONG) > scale.bit - 1 for name in names):
        return False
    lead = (area.high - 2 * size) / 3
    for number, (name, (_, is_set)) in enumerate(zip(names, box.flags, strict=True)):
        left = area.left + number * scale.bit
        middle = left + scale.bit / 2
        if is_set:
            canvas.rectangle(left, area.top, scale.bit, area.high, fill=hue.strong)
        if number:
            canvas.line(left, area.top, left, area.bottom, hue.strong, opacity=0.5)
        ink, faint = (PAPER, PAPER) if is_set else (hue.strong, FAINT)
        line = area.top + lead + size * 0.85
        canvas.text(middle, line, name or "-", size, font=STRONG, fill=ink, anchor="middle")
        line = area.bottom - lead - 1
        digit = "1" if is_set else "0"
        canvas.text(middle, line, digit, scale.value[1], font=MONO, fill=faint, anchor="middle")
    return True


def _write_label_and_value(canvas: Canvas, box: Box, area: Area, scale: Scale, hue: Hue) -> None:
    room = area.wide - 6
    ink = FAINT if box.ghost else hue.strong
    labels = [f"{box.group}: {box.label}"] if box.group else []
    labels += [box.label, _initials(box.label)]
    label, label_size = fitted(labels, room, scale.label)
    text, value_size = fitted(shorter("" if box.ghost else box.text), room, scale.value, MONO)
    lines = wrapped(box.text, room - 10, scale.value[0], int(area.high / _LINE) - 1, MONO)
    if len(lines) > 1 and text != box.text:
        line = area.top + (area.high - _LINE * (len(lines) + 1)) / 2 + 12
        canvas.text(area.middle, line, label, label_size, fill=ink, anchor="middle")
        for number, words in enumerate(lines, 1):
            canvas.text(area.left + 8, line + _LINE * number, words, scale.value[0], font=MONO)
    elif not text:
        line = (area.top + area.bottom) / 2 + label_size * 0.32
        canvas.text(area.middle, line, label, label_size, fill=ink, anchor="middle")
    else:
        lead = min((area.high - label_size - value_size) / 3, _LEAD)
        top = (area.top + area.bottom - label_size - value_size - lead) / 2
        line = top + label_size * 0.80
        canvas.text(area.middle, line, label, label_size, fill=ink, anchor="middle")
        line = top + label_size + lead + value_size * 0.88
        _write_value(canvas, box, text, value_size, area, line, scale)


def write_rest(canvas: Canvas, box: Box, area: Area, scale: Scale) -> None:
    """Write into a part of a box that does not touch the rest of it whose part it is."""
    size = scale.label[-1]
    candidates = [f"{box.label}, continued", box.label, ""]
    text, size = fitted(candidates, area.wide - 6, (size,))
    line = (area.top + area.bottom) / 2 + size * 0.32
    canvas.text(area.middle, line, text, size, fill=FAINT, anchor="middle")


def _write_value(
    canvas: Canvas, box: Box, text: str, size: float, area: Area, line: float, scale: Scale
) -> None:
    """A value, and behind it what is to say of it."""
    room = area.wide - 6
    note, ink = _note(box)
    wide = width(text, size, MONO)
    candidates = [note, note.partition(" (")[0], note[:1] if note[:1] in "✓✗" else ""]
    note, note_size = fitted(candidates, room - wide - _SPACE, scale.label[1:], STRONG)
    runs = [Words(shortened(text, room, size, MONO), size, MONO)]
    runs += [Words(note, note_size, STRONG, ink)]
    canvas.runs(area.middle, line, runs, gap=_SPACE, anchor="middle")


def _note(box: Box) -> tuple[str, str]:
    """The verdict on a checksum, or what the field was in the packet before; and its colour."""
    if box.verdict:
        said = str(box.verdict)
        if said.startswith("valid"):
            return f"✓ {said}", GOOD
        if said.startswith("wrong"):
            return f"✗ {said}", ALARM
        return said, FAINT
    if box.changed:
        return f"was {box.changed}", CHANGED_INK
    return ("", INK) if box.changed is None else ("new", CHANGED_INK)


def _initials(label: str) -> str:
    words = [word for word in label.replace("-", " ").split() if word[0].isalnum()]
    return "".join(word[0] for word in words).upper() if len(words) > 1 else label[:3]
