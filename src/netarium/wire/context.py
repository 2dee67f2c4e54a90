"""What headers know of each other: who announces whom, and who stands around while one is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netarium.wire.field import Field
    from netarium.wire.header import Header

__all__ = ["REGISTRIES", "UNKNOWN_KIND", "Context", "count_of", "length_of"]

#: Which header follows, by registry and number: ``REGISTRIES["ethertype"][0x0800]`` is IPv4.
#: Filled by the headers' own declarations.
REGISTRIES: dict[str, dict[int, type[Header]]] = {}

#: The number in a registry of kinds by which those are read that have no class of their own.
UNKNOWN_KIND = -1


@dataclass(slots=True)
class Context:
    """What a field that follows from the rest of the packet may look at.

    Attributes:
        header: the header that it is in.
        lower: the header around it; upper: the one within it.
        size: the header's own size in bytes.
        payload: all bytes after the header, to the end that it gives.
        raw: the header's own bytes, with the checksum zero.
        values: the values of the header's fields that do not follow from others.
        before: what those that do follow had when the header was read.
        below: all headers around it; above: all within it; outermost first.
        partial: the payload is not all of it: a fragment, or cut off by the capture.
    """

    header: Header
    lower: Header | None = None
    upper: Header | None = None
    size: int = 0
    payload: bytes = b""
    raw: bytes = b""
    values: dict[str, Any] = dataclass_field(default_factory=dict)
    before: dict[str, Any] = dataclass_field(default_factory=dict)
    below: Sequence[Header] = ()
    above: Sequence[Header] = ()
    partial: bool = False


def count_of(name: str, counter: str) -> Callable[[Context], int]:
    """For ``auto`` of the field ``counter``: how many parts the field ``name`` has."""

    def auto(context: Context) -> int:
        parts = context.values.get(name, ())
        known = isinstance(parts, (bytes, bytearray))  # as they were read
        return int(context.before.get(counter, 0)) if known else len(parts)

    return auto


def length_of(name: str) -> Callable[[Context], int]:
    """For ``auto``: the bytes that a field of varying width will take."""

    def auto(context: Context) -> int:
        field: Field[Any] = getattr(type(context.header), name)
        value = context.values[name] if name in context.values else field.initial(context)
        return len(field.encode(value, context.header))

    return auto
