"""A packet as text, layer by layer, with every field, what it is for, and checksum verdicts."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from netarium.wire.batch import DIRECTION, INBOUND, OUTBOUND
from netarium.wire.checksum import Verdict
from netarium.wire.escaping import escaped

if TYPE_CHECKING:
    from netarium.wire.checksum import Judged
    from netarium.wire.field import Shown
    from netarium.wire.header import Header
    from netarium.wire.packet import Packet

__all__ = ["Paint", "heading", "layered", "plain", "utc"]

#: Gives a text the look of a kind: ``heading``, ``layer``, ``quiet``, ``good``, ``bad``, ``open``.
Paint = Callable[[str, str], str]

_WIDEST_LABEL = 26
_STEP = 4  # blanks by which a layer's fields, and an option's, stand further right
_NARROWEST = 20  # columns that a value gets at the least


def plain(kind: str, text: str) -> str:
    """A `Paint` without colours."""
    return text


def utc(nanoseconds: int) -> str:
    """A time since 1970 as date and time of day in UTC, all nine digits of the second."""
    days, rest = divmod(nanoseconds, 86_400_000_000_000)
    seconds, nanos = divmod(rest, 1_000_000_000)
    return (
        f"{_date(days)} {seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{nanos:09}"
    )


def _date(days: int) -> str:
    """The date so many days after 1970-01-01, beyond the year 9999, too (Hinnant's way)."""
    days += 719_468
    era, day = divmod(days, 146_097)
    year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    date = day - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    return f"{year + 400 * era + (month <= 2):04}-{month:02}-{date:02}"


def layered(
    packet: Packet,
    *,
    meanings: bool = False,
    width: int = 80,
    paint: Paint = plain,
    when: Callable[[int], str] = utc,
) -> str:
    """All that can be told of a packet, in lines.

    Args:
        packet: any packet, malformed ones too.
        meanings: also what each field is for.
        width: columns there are; longer values go on in the next line.
        paint: how parts of it look.
        when: the text of its time.
    """
    return "".join(f"{line}\n" for line in _lines(packet, meanings, width, paint, when))


def heading(packet: Packet, *, paint: Paint = plain, when: Callable[[int], str] = utc) -> str:
    """One line: which packet it is, when and where it was seen, how long it is."""
    direction = {INBOUND: " in", OUTBOUND: " out"}.get(packet.flags & DIRECTION, "")
    where = escaped(packet.interface) + direction
    length = f"{packet.length} bytes"
    if len(packet.data) < packet.length:
        length += f" ({len(packet.data)} captured)"
    if packet.segment:
        length += f", super-frame of segments of {packet.segment} bytes"
    words = [f"Packet {packet.number}", when(packet.time), where.strip(), length]
    return paint("heading", "  ".join(word for word in words if word))


def _lines(
    packet: Packet, meanings: bool, width: int, paint: Paint, when: Callable[[int], str]
) -> Iterator[str]:
    from netarium.wire.judging import judge

    yield heading(packet, paint=paint, when=when)
    if packet.comment:
        yield from _folded("Comment: ", escaped(packet.comment), width)
    verdicts = {8 * judged.at: judged for judged in judge(packet)}
    layers = [(layer, list(layer.fields())) for layer in packet.layers]
    labels = [len(field.label) for _, fields in layers for field in fields]
    wide = min(_WIDEST_LABEL, max(labels, default=0))
    for layer, fields in layers:
        yield _title(layer, width, paint)
        yield from _fields(fields, _STEP, wide, verdicts, meanings, width, paint)
    if packet.stop:
        yield from (paint("bad", line) for line in _folded("! ", escaped(str(packet.stop)), width))


def _title(layer: Header, width: int, paint: Paint) -> str:
    """The layer's name and source, and which bytes it is at the right."""
    name = layer.title
    source = f"  {layer.rfc}" if layer.rfc else ""
    end = layer.end_of_header()
    size = end - layer.start
    place = f"bytes {layer.start}-{end - 1}" if size > 1 else f"byte {layer.start}"
    gap = min(width, 80) - len(name) - len(source) - len(place)
    return paint("layer", name) + paint("quiet", f"{source}{' ' * max(2, gap)}{place}")


def _fields(
    shown: Iterable[Shown],
    indent: int,
    wide: int,
    verdicts: dict[int, Judged],
    meanings: bool,
    width: int,
    paint: Paint,
) -> Iterator[str]:
    """Fields with their values in one column, ``wide`` behind the labels' beginning."""
    for field in shown:
        lead = f"{' ' * indent}{escaped(field.label):{wide}}  "
        text = escaped(field.text)
        judged = verdicts.get(field.bit) if isinstance(field.value, int) else None
        if judged is not None and judged.field == field.name:
            yield f"{lead}{text}  {paint(_look(judged.verdict), str(judged))}"
        else:
            yield from _folded(lead, text, width)
        if meanings and field.meaning:
            room = max(width - len(lead), _NARROWEST)
            for line in textwrap.wrap(field.meaning, room):
                yield paint("quiet", " " * len(lead) + line)
        inner = max(wide - _STEP, max((len(part.label) for part in field.parts), default=0))
        deeper = min(inner, _WIDEST_LABEL)
        yield from _fields(field.parts, indent + _STEP, deeper, verdicts, meanings, width, paint)


def _look(verdict: Verdict) -> str:
    return {Verdict.VALID: "good", Verdict.WRONG: "bad"}.get(verdict, "open")


def _folded(lead: str, text: str, width: int) -> Iterator[str]:
    """A text behind a lead, in as many lines as it takes."""
    room = max(width - len(lead), _NARROWEST)
    if len(text) <= room:
        yield f"{lead}{text}".rstrip()
        return
    lines = textwrap.wrap(text, room, break_on_hyphens=False) or [""]
    for number, line in enumerate(lines):
        yield f"{lead if number == 0 else ' ' * len(lead)}{line}"
