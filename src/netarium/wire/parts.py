"""Headers within headers, one after another: options, records, extensions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from netarium.wire.field import REST, Bytes, Field, FieldError, Malformed, Shown
from netarium.wire.header import Header, Remainder

__all__ = ["Parts", "Unreadable"]


class Parts(Field[tuple[Header, ...]]):
    """Headers within a header, one after another: options, records, extensions.

    Args:
        read: from (header, offset of the first, offset behind the last) to views of them;
            may raise Malformed.
        size: bytes they take together; None: all to the end of the header.
        pad: they are filled up with zeros to a multiple of this.
        item: the class that makes a part of values that are none yet.
    """

    def __init__(
        self,
        label: str,
        read: Callable[[Any, int, int], Iterable[Header]],
        meaning: str = "",
        *,
        size: Callable[[Any], int] | None = None,
        pad: int = 1,
        item: type[Header] | None = None,
        **more: Any,
    ) -> None:
        more.setdefault("default", ())
        super().__init__(label, meaning, **more)
        self.read = read
        self.size = size
        self.pad = pad
        self.item = item

    def measure(self, header: Header, at: int) -> int:
        return max(0, self.size(header) if self.size else header.end_of_header() - at)

    def decode(self, header: Header, bit: int, bits: int) -> tuple[Header, ...]:
        found: list[Header] = []
        at, end = bit >> 3, (bit + bits) >> 3
        try:
            for part in self.read(header, at, end):
                found.append(part)
                at = part.end_of_header()
        except Malformed as malformed:
            rest = Unreadable.view(header.data, min(at, end), end)
            rest.__dict__["why"] = malformed.why
            found.append(rest)
        return tuple(found)

    def encode(self, value: Any, header: Header) -> bytes:
        if isinstance(value, (bytes, bytearray)):
            raw = bytes(value)
        else:
            many = (value,) if isinstance(value, Header) else value
            raw = b"".join(bytes(self._made(part)) for part in many)
        return raw + bytes(-len(raw) % self.pad)

    def _made(self, part: Any) -> Any:
        if isinstance(part, (Header, bytes, bytearray)):
            return part
        if self.item is None:
            raise FieldError(f"{self.label} are headers such as they are read, not {part!r}")
        return self.item(*part) if isinstance(part, tuple) else self.item(part)

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


class Unreadable(Remainder, title="Unreadable"):
    """Options or records that break their format, from the first such one on."""

    load = Bytes(REST, "Data", "Bytes as they are.")

    @property
    def why(self) -> str:
        """How they break it."""
        return str(self.__dict__.get("why", ""))

    def summary(self) -> str:
        return f"{super().summary()}: {self.why}" if self.why else super().summary()
