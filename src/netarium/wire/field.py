"""Fields: what a header is declared of. A field knows its place, its bytes and its text."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from netarium.errors import NetariumError

if TYPE_CHECKING:
    from netarium.wire.context import Context
    from netarium.wire.header import Header

__all__ = [
    "REST",
    "Bytes",
    "Checksum",
    "Field",
    "FieldError",
    "Flags",
    "IPv4Address",
    "IPv6Address",
    "MACAddress",
    "Malformed",
    "Shown",
    "UInt",
]

T = TypeVar("T")

#: The size of a field that takes all that is left of its header.
REST = -1


class FieldError(NetariumError):
    """A value that a header's field cannot hold."""


class Malformed(Exception):  # noqa: N818 - never leaves the reader: it becomes Packet.stop
    """The bytes break the format: ``at`` (offset in the packet) and why. Internal to reading.

    ``goes_on``: what follows can be read all the same, as behind an option that is broken.
    """

    def __init__(self, at: int, why: str, *, goes_on: bool = False) -> None:
        super().__init__(why)
        self.at = at
        self.why = why
        self.goes_on = goes_on


@dataclass(frozen=True, slots=True)
class Shown:
    """One field of one packet, for people and programs that show it.

    Attributes:
        name: the field's name in Python; label: its name in the RFC.
        value: as Python has it; text: as a person reads it.
        bit, bits: its place, from the first bit of the packet, and its width.
        meaning: what the field is for, one sentence.
        parts: fields within it: an option's, a record's.
    """

    name: str
    label: str
    value: Any
    text: str
    bit: int
    bits: int
    meaning: str = ""
    parts: tuple[Shown, ...] = ()


class Field(Generic[T]):
    """Base of all fields: a descriptor that reads its value out of its header's bytes.

    Args:
        label: its name in the RFC.
        meaning: what it is for, in one sentence.
        default: what a new header has, or a function that gives it from the packet around.
        auto: gives the value from the finished packet (a length, the next protocol) unless
            a person has set one.
        when: whether the field is there, asked of the header; None: always.
        column: its name as a column of ``netarium query``; empty: none of its own.
    """

    bits = 0  # width; 0: it varies, ``measure`` tells
    bit_offset = -1  # from the header's first bit; -1: after something that varies
    name = ""

    def __init__(
        self,
        label: str,
        meaning: str = "",
        *,
        default: Any = None,
        auto: Callable[[Context], Any] | None = None,
        when: Callable[[Any], bool] | None = None,
        column: str = "",
    ) -> None:
        self.label = label
        self.meaning = meaning
        self.default = default
        self.auto = auto
        self.when = when
        self.column = column

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, header: None, owner: type) -> Self: ...
    @overload
    def __get__(self, header: Header, owner: type) -> T: ...
    def __get__(self, header: Header | None, owner: type) -> T | Self:
        if header is None:
            return self
        bit, bits = header.place(self)
        value: T = self.decode(header, bit, bits) if bits >= 0 else self.absent()
        return value

    def __set__(self, header: Header, value: T) -> None:
        header.change(self.name, value)

    def __delete__(self, header: Header) -> None:
        header.forget(self.name)

    @property
    def follows(self) -> bool:
        """Whether its value follows from the rest of the packet, unless a person sets it."""
        return self.auto is not None

    def initial(self, context: Context) -> Any:
        """What a new header has."""
        return self.default(context) if callable(self.default) else self.default

    def absent(self) -> Any:
        """The value of a field that is not there."""
        return None if callable(self.default) else self.default

    def measure(self, header: Header, at: int) -> int:
        """Bytes it takes in this header, from offset ``at`` of the packet on."""
        raise NotImplementedError

    def decode(self, header: Header, bit: int, bits: int) -> T:
        """Its value; ``bit`` counts from the first bit of ``header.data``."""
        raise NotImplementedError

    def kept(self, header: Header, bit: int, bits: int) -> Any:
        """What of it stays when a header that was read is made anew.

        Bytes, where the width varies: those that break its format are kept, too.
        """
        raw = header.data[bit >> 3 : (bit + bits) >> 3]
        return self.decode(header, bit, bits) if self.bits else raw

    def encode(self, value: Any, header: Header) -> bytes:
        """The bytes of a field that varies in width."""
        raise NotImplementedError

    def number(self, value: Any) -> int:
        """The unsigned number of a field of fixed width; FieldError where it does not fit."""
        raise NotImplementedError

    def text(self, value: T, header: Header) -> str:
        """The value as a person reads it."""
        return str(value)

    def parts(self, header: Header, bit: int, bits: int) -> tuple[Shown, ...]:
        """Fields within this one."""
        return ()


class UInt(Field[int]):
    """An unsigned number of ``bits`` bits, most significant first.

    Args:
        names: what its values are called, ``{6: "TCP"}``.
        shown: how to print it: ``"d"``, ``"x"`` (hexadecimal) or ``"b"`` (binary).
        unit: what it counts; ``scale``: units per step, as in the IPv4 header length (4 bytes).
        selects: the registry in which the value chooses the next header: ``"ethertype"``.
            The value of a new packet then follows from its next header.
    """

    def __init__(
        self,
        bits: int,
        label: str,
        meaning: str = "",
        *,
        default: int | str | Callable[[Context], Any] = 0,
        names: Mapping[int, str] | None = None,
        shown: str = "d",
        unit: str = "",
        scale: int = 1,
        selects: str = "",
        auto: Callable[[Context], int] | None = None,
        when: Callable[[Any], bool] | None = None,
        column: str = "",
    ) -> None:
        super().__init__(label, meaning, default=default, auto=auto, when=when, column=column)
        self.bits = bits
        self.names = names or {}
        self.shown = shown
        self.unit = unit
        self.scale = scale
        self.selects = selects

    def name_of(self, value: int) -> str:
        """What a value is called; the number itself where it has no name."""
        return self.names.get(value) or self.text(value, None)  # type: ignore[arg-type]

    @property
    def byte(self) -> int:
        """Offset of its first byte in the header; for fields at a fixed place."""
        return self.bit_offset // 8

    @property
    def bytes(self) -> int:
        """Bytes that it touches; for fields at a fixed place."""
        return (self.bit_offset + self.bits + 7) // 8 - self.byte

    @property
    def shift(self) -> int:
        """Bits to shift right after reading ``bytes`` bytes at ``byte``."""
        return -(self.bit_offset + self.bits) % 8

    @property
    def mask(self) -> int:
        """What to keep after the shift."""
        return (1 << self.bits) - 1

    def decode(self, header: Header, bit: int, bits: int) -> int:
        first, last = bit >> 3, (bit + bits + 7) >> 3
        return (int.from_bytes(header.data[first:last], "big") >> (-(bit + bits) & 7)) & (
            (1 << bits) - 1
        )

    def number(self, value: Any) -> int:
        if not isinstance(value, int):
            by_name = {name.lower(): key for key, name in self.names.items()}
            if str(value).lower() not in by_name:
                raise FieldError(
                    f"{self.label} is a number of {self.bits} bits, not {value!r}",
                    f"Use 0 to {(1 << self.bits) - 1}"
                    + (f", or one of: {', '.join(by_name)}." if by_name else "."),
                )
            return by_name[str(value).lower()]
        if not 0 <= value < 1 << self.bits:
            raise FieldError(
                f"{self.label} has {self.bits} bits and cannot hold {value}",
                f"Use 0 to {(1 << self.bits) - 1}.",
            )
        return int(value)

    def text(self, value: int, header: Header) -> str:
        digits = -(-self.bits // 4)
        number = {"d": f"{value}", "x": f"0x{value:0{digits}x}", "b": f"{value:0{self.bits}b}"}
        out = number[self.shown]
        if value in self.names:
            return f"{out} ({self.names[value]})"
        if self.scale != 1:
            return f"{out} ({value * self.scale}{' ' + self.unit if self.unit else ''})"
        single = value == 1 and len(self.unit) > 1
        unit = self.unit.removesuffix("s") if single else self.unit
        return f"{out} {unit}" if unit else out


class Flags(UInt):
    """Bits that each have a name, most significant first; ``""`` or ``"-"`` where one has none.

    A value may be given as a number or as names: ``TCP(flags="SYN ACK")``.
    """

    def __init__(self, label: str, flags: tuple[str, ...], meaning: str = "", **more: Any) -> None:
        super().__init__(len(flags), label, meaning, **more)
        self.flags = flags

    def bit_of(self, flag: str) -> int:
        """The mask of one flag."""
        return 1 << (len(self.flags) - 1 - self.flags.index(flag))

    def names_in(self, value: int) -> list[str]:
        """The names of the flags that are set, most significant first."""
        last = len(self.flags) - 1
        return [
            name
            for place, name in enumerate(self.flags)
            if value >> (last - place) & 1 and name.strip("-")
        ]

    def number(self, value: Any) -> int:
        if isinstance(value, str):
            known = {name.lower(): name for name in self.flags if name.strip("-")}
            total = 0
            for word in value.replace(",", " ").replace("|", " ").split():
                if word.lower() not in known:
                    raise FieldError(
                        f"{self.label} has no flag {word!r}", f"Use: {' '.join(known.values())}."
                    )
                total |= self.bit_of(known[word.lower()])
            return total
        return super().number(value)

    def text(self, value: int, header: Header) -> str:
        digits = -(-self.bits // 4)
        return f"0x{value:0{digits}x} ({' '.join(self.names_in(value)) or 'none'})"


class Checksum(UInt):
    """The 16-bit Internet checksum (RFC 1071), and what it covers.

    Args:
        expected: from (header, its bytes with the checksum zero and all after them that it
            covers, or None where they are not all there) to the right value; it adds the
            pseudo-header where there is one. See ``wire.checksum``.
        optional: zero means that the sender made none (UDP over IPv4).
    """

    def __init__(
        self,
        label: str,
        meaning: str,
        expected: Callable[[Context], int],
        *,
        optional: bool = False,
        when: Callable[[Any], bool] | None = None,
        column: str = "",
    ) -> None:
        super().__init__(16, label, meaning, shown="x", when=when, column=column)
        self.expected = expected
        self.optional = optional

    @property
    def follows(self) -> bool:
        return True


class _Address(Field[str]):
    """An address: text in Python, bytes on the wire."""

    def to_bytes(self, value: Any) -> bytes:
        raise NotImplementedError

    def decode(self, header: Header, bit: int, bits: int) -> str:
        return self.from_bytes(bytes(header.data[bit >> 3 : (bit + bits) >> 3]))

    def from_bytes(self, raw: bytes) -> str:
        """The address that these bytes are."""
        raise NotImplementedError

    @property
    def byte(self) -> int:
        """Offset of its first byte in the header."""
        return self.bit_offset // 8

    def number(self, value: Any) -> int:
        if isinstance(value, (bytes, bytearray)) and len(value) * 8 == self.bits:
            return int.from_bytes(value, "big")
        try:
            return int.from_bytes(self.to_bytes(str(value)), "big")
        except (OSError, ValueError) as error:
            kind = type(self).__name__.removesuffix("Address")
            raise FieldError(f"{self.label} is no {kind} address: {value!r}") from error


class MACAddress(_Address):
    """An EUI-48 address, ``02:00:00:00:00:01``."""

    bits = 48

    def __init__(
        self,
        label: str,
        meaning: str = "",
        *,
        default: str | Callable[[Context], str] = "00:00:00:00:00:00",
        **more: Any,
    ) -> None:
        super().__init__(label, meaning, default=default, **more)

    def to_bytes(self, value: str) -> bytes:
        raw = bytes.fromhex(value.replace(":", "").replace("-", "").replace(".", ""))
        if len(raw) != 6:
            raise ValueError(value)
        return raw

    def from_bytes(self, raw: bytes) -> str:
        return raw.hex(":")


class IPv4Address(_Address):
    """An IPv4 address in dotted decimal."""

    bits = 32

    def __init__(
        self,
        label: str,
        meaning: str = "",
        *,
        default: str | Callable[[Context], str] = "0.0.0.0",
        **more: Any,
    ) -> None:
        super().__init__(label, meaning, default=default, **more)

    def to_bytes(self, value: str) -> bytes:
        return socket.inet_pton(socket.AF_INET, value)

    def from_bytes(self, raw: bytes) -> str:
        return socket.inet_ntop(socket.AF_INET, raw)


class IPv6Address(_Address):
    """An IPv6 address in its canonical text (RFC 5952)."""

    bits = 128

    def __init__(
        self,
        label: str,
        meaning: str = "",
        *,
        default: str | Callable[[Context], str] = "::",
        **more: Any,
    ) -> None:
        super().__init__(label, meaning, default=default, **more)

    def to_bytes(self, value: str) -> bytes:
        return socket.inet_pton(socket.AF_INET6, value)

    def from_bytes(self, raw: bytes) -> str:
        return socket.inet_ntop(socket.AF_INET6, raw)


class Bytes(Field[bytes]):
    """Bytes as they are.

    Args:
        size: how many; a function of the header where it varies; REST: all to the end of the
            header (which then must say where it ends).
    """

    def __init__(
        self, size: int | Callable[[Any], int], label: str, meaning: str = "", **more: Any
    ) -> None:
        more.setdefault("default", b"")
        super().__init__(label, meaning, **more)
        self.size = size
        if isinstance(size, int) and size > 0:
            self.bits = 8 * size

    def measure(self, header: Header, at: int) -> int:
        if callable(self.size):
            return max(0, self.size(header))
        return max(0, header.end_of_header() - at) if self.size == REST else self.size

    def decode(self, header: Header, bit: int, bits: int) -> bytes:
        return bytes(header.data[bit >> 3 : (bit + bits) >> 3])

    def encode(self, value: Any, header: Header) -> bytes:
        if isinstance(value, str):
            return value.encode()
        if isinstance(value, (bytes, bytearray, memoryview)):
            return bytes(value)
        raise FieldError(f"{self.label} is bytes, not {value!r}")

    def number(self, value: Any) -> int:
        raw = Bytes.encode(self, value, None)  # type: ignore[arg-type]
        if len(raw) > self.bits // 8:
            raise FieldError(f"{self.label} has {self.bits // 8} bytes, not {len(raw)}")
        return int.from_bytes(raw.ljust(self.bits // 8, b"\0"), "big")

    def text(self, value: bytes, header: Header) -> str:
        if (
            value
            and all(32 <= byte < 127 for byte in value.rstrip(b"\r\n\0"))
            and value.strip(b"\0")
        ):
            return repr(value)[1:]
        return value.hex(" ", -4) if len(value) <= 32 else f"{value[:32].hex(' ', -4)} ..."
