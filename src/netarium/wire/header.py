"""Headers: a class declares the fields, an object is a view of bytes that hold them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from netarium.wire.field import Checksum, Field, FieldError, Malformed, Shown, UInt

if TYPE_CHECKING:
    from netarium.wire.packet import Packet

__all__ = [
    "REGISTRIES",
    "Context",
    "Header",
    "Incomplete",
    "Padding",
    "Parts",
    "Payload",
    "length_of",
]

#: Which header follows, by registry and number: ``REGISTRIES["ethertype"][0x0800]`` is IPv4.
#: Filled by the headers' own declarations.
REGISTRIES: dict[str, dict[int, type[Header]]] = {}

_OWN = frozenset({"data", "start", "limit", "given", "packet"})


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
    """

    header: Header
    lower: Header | None = None
    upper: Header | None = None
    size: int = 0
    payload: bytes = b""
    raw: bytes = b""
    values: dict[str, Any] = dataclass_field(default_factory=dict)


def length_of(name: str) -> Callable[[Context], int]:
    """For ``auto``: the bytes that a field of varying width will take."""

    def auto(context: Context) -> int:
        field: Field[Any] = getattr(type(context.header), name)
        return len(field.encode(context.values.get(name, field.default), context.header))

    return auto


class Header:
    """Base of all headers.

    A subclass is a declaration: its fields in order, its RFC, and the numbers by which
    headers around it announce it::

        class UDP(Header, title="UDP", rfc="RFC 768", ip_protocol=17):
            '''User Datagram Protocol.'''
            sport = UInt(16, "Source Port", ...)

    ``UDP(dport=53)`` makes a new one, ``UDP(...) / b"bytes"`` a packet. Fields that follow
    from the rest (lengths, next protocols, checksums) are filled in, except those given.
    Assigning to a field makes them anew in the whole packet, except those given.
    """

    title: ClassVar[str] = ""
    rfc: ClassVar[str] = ""
    #: Its short name in column names: ``ip`` in ``ip_ttl``.
    short: ClassVar[str] = ""
    declared: ClassVar[tuple[Field[Any], ...]] = ()
    #: Bytes that must be there for it to be read at all: the fields at fixed places.
    minimum: ClassVar[int] = 0
    #: Whether its bytes follow from its own fields alone, as an application's do. One that was
    #: read then stays as it is, mistakes included, until one of its own fields is set.
    independent: ClassVar[bool] = False
    #: By registry: its number there.
    numbers: ClassVar[dict[str, int]] = {}

    data: bytes
    start: int
    limit: int
    given: dict[str, Any]
    packet: Packet | None

    def __init_subclass__(
        cls, title: str = "", rfc: str = "", short: str = "", **numbers: int | tuple[int, ...]
    ) -> None:
        super().__init_subclass__()
        cls.title = title or cls.__name__
        cls.rfc = rfc or cls.rfc
        cls.short = short or cls.__name__.lower()
        cls.declared = (*cls.declared, *(f for f in vars(cls).values() if isinstance(f, Field)))
        at = 0
        for field in cls.declared:
            if field.bits <= 0 or field.when is not None:
                break
            field.bit_offset = at
            at += field.bits
        cls.minimum = at // 8
        cls.numbers = {}
        for registry, many in numbers.items():
            for number in many if isinstance(many, tuple) else (many,):
                REGISTRIES.setdefault(registry, {})[number] = cls
                cls.numbers.setdefault(registry, number)

    def __init__(self, **values: Any) -> None:
        self.packet = None
        self.given = {}
        for name, value in values.items():
            self._field(name)
            self.given[name] = value
        self.data, self.start, self.limit = b"", 0, 0
        self.build(Context(self))

    @classmethod
    def view(cls, data: bytes, start: int = 0, limit: int | None = None) -> Self:
        """The header at offset ``start`` of ``data``; ``limit`` ends what belongs to it.

        Malformed where not even its fixed part is there.
        """
        limit = len(data) if limit is None else limit
        if limit - start < cls.minimum:
            raise Malformed(
                limit, f"{cls.title} needs {cls.minimum} bytes, {limit - start} are there"
            )
        self = cls.__new__(cls)
        self.__dict__.update(data=data, start=start, limit=limit, given={}, packet=None)
        return self

    # --- what subclasses say about themselves -----------------------------------------

    def check(self) -> None:
        """Raise Malformed where its lengths contradict themselves or the bytes there are."""

    def end_of_header(self) -> int:
        """Where its own bytes end, an offset in ``data``; from a length field, if it has one."""
        at = 8 * self.start
        for field in self.declared:
            if field.when is None or field.when(self):
                at += field.bits or 8 * field.measure(self, at >> 3)
        return min(at >> 3, self.limit)

    def payload_end(self) -> int:
        """Where what it carries ends, an offset in ``data``."""
        return self.limit

    def next_header(self) -> type[Header] | None:
        """What follows; None where it is not known or nothing: then the rest is Payload."""
        for field in self.declared:
            if isinstance(field, UInt) and field.selects:
                return REGISTRIES.get(field.selects, {}).get(getattr(self, field.name))
        return None

    def summary(self) -> str:
        """One line of what matters, without the title."""
        return ""

    # --- reading ------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Its own bytes, without what it carries."""
        return self.end_of_header() - self.start

    @property
    def raw(self) -> bytes:
        """Its own bytes."""
        return bytes(self.data[self.start : self.end_of_header()])

    @property
    def payload(self) -> bytes:
        """All bytes that it carries."""
        return bytes(self.data[self.end_of_header() : self.payload_end()])

    def place(self, field: Field[Any]) -> tuple[int, int]:
        """First bit (from the start of ``data``) and width of a field; width -1: not there."""
        if field.bit_offset >= 0:
            return 8 * self.start + field.bit_offset, field.bits
        at = 8 * self.start
        for other in self.declared:
            if other.when is not None and not other.when(self):
                if other is field:
                    return at, -1
                continue
            bits = other.bits or 8 * other.measure(self, at >> 3)
            if other is field:
                room = 8 * self.limit - at
                if bits > room:
                    return at, (room if not other.bits and room >= 0 else -1)
                return at, bits
            at += bits
        raise AttributeError(field.name)

    def fields(self) -> Iterator[Shown]:
        """Its fields that are there, in order."""
        for field in self.declared:
            bit, bits = self.place(field)
            if bits < 0 or (bits == 0 and field.bits == 0):
                continue
            value = field.decode(self, bit, bits)
            text, parts = field.text(value, self), field.parts(self, bit, bits)
            yield Shown(field.name, field.label, value, text, bit, bits, field.meaning, parts)

    def values(self) -> dict[str, Any]:
        """Its fields' values by name."""
        return {shown.name: shown.value for shown in self.fields()}

    def __bytes__(self) -> bytes:
        return self.raw

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Header) and other.raw == self.raw

    __hash__ = None  # type: ignore[assignment]  # it can be changed

    def __repr__(self) -> str:
        inner = ", ".join(f"{shown.name}={shown.value!r}" for shown in self.fields())
        return f"{type(self).__name__}({inner})"

    def __str__(self) -> str:
        return f"{self.title} {self.summary()}".rstrip()

    # --- making -------------------------------------------------------------------------

    def __truediv__(self, upper: Header | Packet | bytes | str) -> Packet:
        from netarium.wire.packet import Packet

        return Packet([self]) / upper

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _OWN:
            self._field(name)
        super().__setattr__(name, value)

    def change(self, name: str, value: Any) -> None:
        """Set a field, and make anew whatever follows from it."""
        before = dict(self.given)
        self.given[name] = value
        try:
            self.packet.rebuild() if self.packet else self.build(Context(self))
        except FieldError:
            self.given = before
            raise

    def copy(self) -> Self:
        """The same header, on its own."""
        twin = type(self).view(self.raw) if self.minimum <= self.size else type(self)()
        twin.given.update(self.given)
        return twin

    def build(self, context: Context) -> None:
        """Make its bytes: given values, then those that follow from ``context``, then the old.

        Lengths depend on each other, so it goes round until nothing changes.
        """
        if self.independent and self.data and not self.given:
            self.data, self.start = self.raw, 0
            self.limit = context.size = len(self.data)
            return
        values = self._values_to_keep(context)
        data = b""
        self.data, self.start, self.limit = bytes(self.minimum), 0, self.minimum
        for _ in range(4):
            before, data = data, self._encode(values, context)
            self.data, self.limit = data, len(data)
            context.size = len(data)
            if data == before:
                break
        for field in self.declared:
            bit, bits = self.place(field)
            if isinstance(field, Checksum) and field.name not in values and bits > 0:
                context.raw = data
                value = field.expected(context)
                data = data[: bit >> 3] + value.to_bytes(2, "big") + data[(bit >> 3) + 2 :]
                self.data = data

    def _values_to_keep(self, context: Context) -> dict[str, Any]:
        """What does not follow from the rest of the packet."""
        kept = {}
        known = context.upper.numbers if context.upper else {}
        if self.data:
            for field in self.declared:
                follows = field.auto or isinstance(field, Checksum)
                announces = isinstance(field, UInt) and field.selects in known
                bit, bits = self.place(field)
                if follows or announces or bits < 0:
                    continue
                # As bytes where the width varies: those that break its format are kept, too.
                raw = self.data[bit >> 3 : (bit + bits) >> 3]
                kept[field.name] = getattr(self, field.name) if field.bits else raw
        return kept | self.given

    def _encode(self, values: dict[str, Any], context: Context) -> bytes:
        context.values = values
        whole, width = 0, 0  # a growing number, and how many bits of it count
        for field in self.declared:
            if field.when is not None and not field.when(self):
                continue
            if field.name in values:
                value = values[field.name]
            elif field.auto:
                value = field.auto(context)
            elif isinstance(field, UInt) and context.upper:
                value = context.upper.numbers.get(field.selects, field.default)
            else:
                value = field.default
            if field.bits:
                whole, width = whole << field.bits | field.number(value), width + field.bits
            else:
                raw = field.encode(value, self)
                whole, width = (
                    whole << 8 * len(raw) | int.from_bytes(raw, "big"),
                    width + 8 * len(raw),
                )
        return whole.to_bytes(width // 8, "big")

    @classmethod
    def _field(cls, name: str) -> Field[Any]:
        field = getattr(cls, name, None)
        if not isinstance(field, Field):
            names = [field.name for field in cls.declared]
            near = difflib.get_close_matches(name, names, 1)
            raise FieldError(
                f"{cls.title} has no field {name!r}",
                f"Did you mean {near[0]!r}?" if near else f"It has: {', '.join(names)}.",
            )
        return field


class Parts(Field[tuple[Header, ...]]):
    """Headers within a header, one after another: options, records, extensions.

    Args:
        read: from (header, offset of the first, offset behind the last) to views of them;
            may raise Malformed.
        size: bytes they take together; None: all to the end of the header.
    """

    def __init__(
        self,
        label: str,
        read: Callable[[Any, int, int], Iterable[Header]],
        meaning: str = "",
        *,
        size: Callable[[Any], int] | None = None,
        pad: int = 1,
        **more: Any,
    ) -> None:
        more.setdefault("default", ())
        super().__init__(label, meaning, **more)
        self.read = read
        self.size = size
        self.pad = pad

    def measure(self, header: Header, at: int) -> int:
        return max(0, self.size(header) if self.size else header.end_of_header() - at)

    def decode(self, header: Header, bit: int, bits: int) -> tuple[Header, ...]:
        found = []
        try:
            for part in self.read(header, bit >> 3, (bit + bits) >> 3):
                found.append(part)
        except Malformed:
            pass  # check() of the header has said so; what could be read is given
        return tuple(found)

    def encode(self, value: Any, header: Header) -> bytes:
        if isinstance(value, (bytes, bytearray)):
            raw = bytes(value)
        else:
            raw = b"".join(bytes(part) for part in value)
        return raw + bytes(-len(raw) % self.pad)

    def text(self, value: tuple[Header, ...], header: Header) -> str:
        return ", ".join(str(part) for part in value) or "none"

    def parts(self, header: Header, bit: int, bits: int) -> tuple[Shown, ...]:
        return tuple(
            Shown(
                type(part).__name__,
                part.title,
                part,
                part.summary(),
                8 * part.start,
                8 * part.size,
                (type(part).__doc__ or "").split("\n")[0],
                tuple(part.fields()),
            )
            for part in self.decode(header, bit, bits)
        )


class _Remainder(Header):
    """Bytes that no declaration explains."""

    def end_of_header(self) -> int:
        return self.limit

    def summary(self) -> str:
        return f"{self.size} byte{'' if self.size == 1 else 's'}"


def _rest() -> Any:
    from netarium.wire.field import REST, Bytes

    return Bytes(REST, "Data", "Bytes as they are.")


class Payload(_Remainder, title="Payload"):
    """What a protocol carries that netarium does not read further."""

    load = _rest()


class Padding(_Remainder, title="Padding"):
    """Bytes behind the end that a length field gives: to fill up a frame of 60 bytes."""

    load = _rest()


class Incomplete(_Remainder, title="Incomplete"):
    """A header that is not there whole: ``kind`` says which it would have been."""

    load = _rest()

    @property
    def kind(self) -> type[Header]:
        """Which header it would have been."""
        kind: type[Header] = self.__dict__["kind"]
        return kind

    def __str__(self) -> str:
        return f"{self.kind.title} (incomplete) {self.summary()}"

    def fields(self) -> Iterator[Shown]:
        """Those fields of it that are there."""
        padded = bytes(self.data[self.start : self.limit]).ljust(self.kind.minimum, b"\0")
        whole = self.kind.view(padded)
        for field in self.kind.declared:
            end = field.bit_offset + field.bits
            if field.bit_offset < 0 or end > 8 * (self.limit - self.start):
                break
            value = getattr(whole, field.name)
            text = field.text(value, whole)
            bit = 8 * self.start + field.bit_offset
            yield Shown(field.name, field.label, value, text, bit, field.bits, field.meaning)
