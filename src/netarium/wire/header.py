"""Headers: a class declares the fields, an object is a view of bytes that hold them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Self

from netarium.wire import building
from netarium.wire.context import REGISTRIES, UNKNOWN_KIND, Context, length_of
from netarium.wire.field import Field, FieldError, Malformed, Shown, UInt

if TYPE_CHECKING:
    from netarium.wire.packet import Packet

__all__ = [
    "REGISTRIES",
    "Context",
    "Header",
    "Incomplete",
    "Padding",
    "Payload",
    "Remainder",
    "Trailer",
    "length_of",
]

_OWN = frozenset({"data", "start", "limit", "given", "packet", "quoted", "built", "depth"})
_bare = object.__new__
_MOST_BESIDE = 40  # headers in a packet behind which further messages are left unread


class Header:
    """Base of all headers.

    A subclass is a declaration: its fields in order, its RFC, and the numbers by which
    headers around it announce it::

        class UDP(Header, title="UDP", rfc="RFC 768", ip_protocol=17):
            '''User Datagram Protocol.'''
            sport = UInt(16, "Source Port", ...)

    ``UDP(dport=53)`` makes a new one, ``UDP(...) / b"bytes"`` a packet. Fields that follow
    from the rest (lengths, next protocols, checksums) are filled in, except those given.
    Assigning to a field makes them anew in the whole packet, except those given; ``del`` of
    a field lets it follow from the rest again.

    Some headers are of several kinds, told by their first byte: messages, options. The base
    declares what they share and ``kinds="icmp_type"``, each kind its number there
    (``icmp_type=8``). Reading and ``ICMP(type=8)`` give the kind; unknown ones, the base.
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
    #: The registry of its kinds, by its first byte; empty where it has none.
    kinds: ClassVar[str] = ""
    #: Whether its bytes say which class reads them: ``kind_at``.
    several: ClassVar[bool] = False
    #: The header that it is a kind of.
    base: ClassVar[type[Header] | None] = None
    #: Fields that may be given without their names, ``MSS(1460)``.
    positional: ClassVar[tuple[str, ...]] = ()
    #: Whether it carries (the beginning of) a packet that it tells about.
    quotes: ClassVar[bool] = False
    #: Whether something must follow where a number announces it: bytes that miss are an error.
    insists: ClassVar[bool] = False
    #: Whether all of its fields have their places whatever their values.
    fixed: ClassVar[bool] = False

    data: bytes
    start: int
    limit: int
    #: What a person has set, by field; replaced as a whole, never changed in place.
    given: dict[str, Any] = {}  # noqa: RUF012
    packet: Packet | None = None
    #: Within the packet that an error message quotes: it did not come here by this packet's way.
    quoted: bool = False
    #: Made by a person, not read: what was not given has its default.
    built: bool = False

    def __init_subclass__(
        cls,
        title: str = "",
        rfc: str = "",
        short: str = "",
        kinds: str = "",
        **numbers: int | tuple[int, ...],
    ) -> None:
        super().__init_subclass__()
        cls.title = title or cls.__name__
        cls.rfc = rfc or cls.rfc
        cls.short = short or (cls.base.short if cls.base else cls.__name__.lower())
        cls.kinds = kinds
        cls.several = bool(kinds) or "kind_at" in vars(cls)
        cls.base = cls if kinds else cls.base
        cls.declared = (*cls.declared, *(f for f in vars(cls).values() if isinstance(f, Field)))
        building.lay_out(cls)
        building.announce(cls, numbers)

    def __new__(cls, *arguments: Any, **values: Any) -> Self:
        kind = cls
        if cls.kinds:
            field = cls.declared[0]
            named = values.get(field.name)
            told = named if named is not None else field.initial(Context(_bare(cls)))
            kind = cls.kind_of(field.number(told))
        return _bare(kind)

    def __init__(self, *arguments: Any, **values: Any) -> None:
        if len(arguments) > len(self.positional):
            raise FieldError(
                f"{type(self).__name__} takes {len(self.positional)} values without names, "
                f"not {len(arguments)}",
                f"Name them: {', '.join(field.name for field in self.declared)}.",
            )
        given = dict(zip(self.positional, arguments, strict=False)) | values
        for name in given:
            self._field(name)
        self.__dict__.update(data=b"", start=0, limit=0, given=given, built=True)
        building.build(self, Context(self))

    @classmethod
    def view(cls, data: bytes, start: int = 0, limit: int | None = None) -> Self:
        """The header at offset ``start`` of ``data``; ``limit`` ends what belongs to it.

        Malformed where not even its fixed part is there.
        """
        limit = len(data) if limit is None else limit
        kind: type[Any] = cls.kind_at(data, start, limit) if cls.several else cls
        if limit - start < kind.minimum:
            raise Malformed(
                limit, f"{kind.title} needs {kind.minimum} bytes, {limit - start} are there"
            )
        self: Self = _bare(kind)
        inside = self.__dict__
        inside["data"], inside["start"], inside["limit"] = data, start, limit
        return self

    @classmethod
    def kind_at(cls, data: bytes, start: int, limit: int) -> type[Header]:
        """The class that reads these bytes: the kind that the first one tells, or this class."""
        if start >= limit:
            return cls
        kind = cls.kind_of(data[start])
        return kind.kind_at(data, start, limit) if kind.several and kind is not cls else kind

    @classmethod
    def kind_of(cls, number: int) -> type[Self]:
        """The kind of this number, or this class where it is not known."""
        known = REGISTRIES.get(cls.kinds, {})
        found = known.get(number) or known.get(UNKNOWN_KIND, cls)
        return found if issubclass(found, cls) else cls

    # --- what subclasses say about themselves -----------------------------------------

    def check(self) -> None:
        """Raise Malformed where its lengths contradict themselves or the bytes there are."""

    def end_of_header(self) -> int:
        """Where its own bytes end, an offset in ``data``; from a length field, if it has one."""
        if self.fixed:
            return min(self.start + self.minimum, self.limit)
        at = 8 * self.start
        for field in self.declared:
            if field.when is None or field.when(self):
                at += field.bits or 8 * field.measure(self, at >> 3)
        return min(at >> 3, self.limit)

    def payload_end(self) -> int:
        """Where what it carries ends, an offset in ``data``."""
        return self.limit

    @property
    def is_fragment(self) -> bool:
        """Whether it says that it carries a part of a datagram only."""
        return False

    def upwards(self) -> bytes:
        """Those of its bytes on which headers within it depend: mostly addresses."""
        return b""

    def checksum_end(self) -> int:
        """Where that ends which a checksum over header and payload covers, an offset."""
        return self.payload_end()

    def trailer(self) -> type[Trailer]:
        """What lies behind the end of what it carries, where that is not the end of all."""
        return Padding

    def next_header(self) -> type[Header] | None:
        """What follows; None where it is not known or nothing: then the rest is Payload."""
        for field in self.declared:
            if isinstance(field, UInt) and field.selects:
                return REGISTRIES.get(field.selects, {}).get(getattr(self, field.name))
        return None

    def beside(self, kind: type[Header]) -> type[Header] | None:
        """``kind``, as the next message in the same segment; None behind many: payload, then."""
        return kind if self.packet is None or len(self.packet.layers) < _MOST_BESIDE else None

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

    def places(self) -> Iterator[tuple[Field[Any], int, int]]:
        """Its fields that are there, in order, each with its first bit and width."""
        at, end = 8 * self.start, 8 * self.limit
        for field in self.declared:
            if field.when is not None and not field.when(self):
                continue
            bits = field.bits or 8 * field.measure(self, at >> 3)
            if at + bits > end:
                if field.bits:
                    return
                bits = max(0, end - at)
            if bits > 0:
                yield field, at, bits
            at += bits

    def fields(self) -> Iterator[Shown]:
        """Its fields that are there, in order, as they are shown."""
        for field, bit, bits in self.places():
            value = field.decode(self, bit, bits)
            text, parts = field.text(value, self), field.parts(self, bit, bits)
            yield Shown(field.name, field.label, value, text, bit, bits, field.meaning, parts)

    def values(self) -> dict[str, Any]:
        """Its fields' values by name."""
        return {field.name: field.decode(self, bit, bits) for field, bit, bits in self.places()}

    def __bytes__(self) -> bytes:
        return self.raw

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Header) and other.raw == self.raw

    __hash__ = None  # type: ignore[assignment]  # it can be changed

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}={value!r}" for name, value in self.values().items())
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
        building.give(self, {**self.given, name: value})

    def forget(self, name: str) -> None:
        """Let a field that was set, or read, follow from the rest again; ``del header.field``."""
        field = self._field(name)
        given = {key: value for key, value in self.given.items() if key != name}
        if not self.built and not field.follows:
            given[name] = building.initial(type(self), field, Context(self))
        building.give(self, given)

    def copy(self) -> Self:
        """The same header, on its own."""
        twin: Self = _bare(type(self))
        raw = self.raw
        twin.__dict__.update(self.__dict__, data=raw, start=0, limit=len(raw), packet=None)
        return twin

    def build(self, context: Context) -> None:
        """Make its bytes anew; see ``wire.building``."""
        building.build(self, context)

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


class Remainder(Header):
    """Bytes that no declaration explains."""

    def end_of_header(self) -> int:
        return self.limit

    def summary(self) -> str:
        return f"{self.size} byte{'' if self.size == 1 else 's'}"


def _rest() -> Any:
    from netarium.wire.field import REST, Bytes

    return Bytes(REST, "Data", "Bytes as they are.")


class Payload(Remainder, title="Payload"):
    """What a protocol carries that netarium does not read further."""

    load = _rest()


class Trailer(Remainder, title="Trailer"):
    """Base of what lies behind the end that a header tells for what it carries."""

    #: The place among the layers of the header that ends before it.
    depth: int = 0


class Padding(Trailer, title="Padding"):
    """Bytes behind the end that a length field gives: to fill up a frame of 60 bytes."""

    load = _rest()


class Incomplete(Remainder, title="Incomplete"):
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
