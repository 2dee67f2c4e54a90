"""What classes of headers are laid out by, and how their bytes are made of values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netarium.wire.checksum import header_only
from netarium.wire.context import REGISTRIES, UNKNOWN_KIND, Context
from netarium.wire.field import Checksum, FieldError, UInt

if TYPE_CHECKING:
    from netarium.wire.field import Field
    from netarium.wire.header import Header

__all__ = ["announce", "build", "give", "initial", "lay_out"]


def lay_out(kind: type[Header]) -> None:
    """Find the places of a class's fields, as far as they do not depend on values."""
    at = 0
    for field in kind.declared:
        if field.bits <= 0 or field.when is not None:
            break
        field.bit_offset = at
        at += field.bits
    kind.minimum = at // 8
    kind.fixed = all(field.bit_offset >= 0 for field in kind.declared)


def announce(kind: type[Header], numbers: dict[str, int | tuple[int, ...]]) -> None:
    """Enter a class into the registries, under all its numbers; its own is the first."""
    own: dict[str, int] = {}
    for registry, many in numbers.items():
        for number in many if isinstance(many, tuple) else (many,):
            REGISTRIES.setdefault(registry, {})[number] = kind
            own.setdefault(registry, number)
    kind.numbers = kind.numbers | own


def give(header: Header, given: dict[str, Any]) -> None:
    """Let these be the values that a person has set, and make the whole packet anew.

    Another type makes it a header of another kind. A FieldError leaves all as it was.
    """
    before, kind = header.given, type(header)
    try:
        first = header.declared[0].name if header.declared else ""
        if header.base is not None and first in given:
            now = header.base.kind_of(header.base.declared[0].number(given[first]))
            object.__setattr__(header, "__class__", now)
        known = type(header)
        header.__dict__["given"] = {k: v for k, v in given.items() if hasattr(known, k)}
        if header.packet:
            header.packet.rebuild()
        else:
            build(header, Context(header))
    except FieldError:
        object.__setattr__(header, "__class__", kind)
        header.__dict__["given"] = before
        raise


def build(header: Header, context: Context) -> None:
    """Make its bytes: given values, then those that follow from ``context``, then the old.

    Lengths depend on each other, so it goes round until nothing changes.
    """
    inside = header.__dict__
    if header.independent and header.data and not header.given:
        data = header.raw
        inside.update(data=data, start=0, limit=len(data))
        context.size = len(data)
        return
    context.values = values = header.given if header.built else _kept(header, context)
    inside.update(data=bytes(header.minimum), start=0, limit=header.minimum)
    context.size, data = header.minimum, b""
    for _ in range(4):
        before, data = data, _encode(header, values, context)
        inside["data"], inside["limit"] = data, len(data)
        context.size = len(data)
        if data == before or header.fixed:
            break
    for field in header.declared:
        if isinstance(field, Checksum) and field.name not in values:
            bit, bits = header.place(field)
            if bits > 0:
                context.raw = data
                value = field.expected(context).to_bytes(bits // 8, "big")
                data = data[: bit >> 3] + value + data[(bit + bits) >> 3 :]
                inside["data"] = data


def initial(header: type[Header], field: Field[Any], context: Context) -> Any:
    """What a field of a new header has."""
    base = header.base
    if base is not None and field is header.declared[0]:
        number = header.numbers.get(base.kinds, UNKNOWN_KIND)
        if number != UNKNOWN_KIND:
            return number
    return field.initial(context)


def _kept(header: Header, context: Context) -> dict[str, Any]:
    """Of a header that was read: what does not follow from the rest of the packet."""
    kept = {}
    announced = context.upper.numbers if context.upper else {}
    for field, bit, bits in header.places():
        value = field.kept(header, bit, bits)
        if not header.quoted:  # what is quoted went as it went
            if isinstance(field, Checksum):
                known = field.expected is header_only or not context.partial
                if known and (value or not field.optional):
                    continue
            if field.auto and not context.partial:
                context.before[field.name] = value
                continue
            if isinstance(field, UInt) and field.selects in announced:
                announces = REGISTRIES.get(field.selects, {}).get(int(value))
                if announces is None or not isinstance(context.upper, announces):
                    continue
        kept[field.name] = value
    return kept | header.given


def _encode(header: Header, values: dict[str, Any], context: Context) -> bytes:
    whole, width = 0, 0  # a growing number, and how many bits of it count
    announced = context.upper.numbers if context.upper else {}
    for field in header.declared:
        if field.when is not None and not field.when(header):
            continue
        if field.name in values:
            value = values[field.name]
        elif field.auto:
            value = field.auto(context)
        elif isinstance(field, UInt) and field.selects in announced:
            value = announced[field.selects]
        else:
            value = initial(type(header), field, context)
        if field.bits:
            whole, width = whole << field.bits | field.number(value), width + field.bits
        else:
            raw = field.encode(value, header)
            whole = whole << 8 * len(raw) | int.from_bytes(raw, "big")
            width += 8 * len(raw)
    return whole.to_bytes(width // 8, "big")
