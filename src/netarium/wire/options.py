"""Options: small parts of a header, each with its own type and length; and lists of addresses."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

from netarium.wire.context import Context
from netarium.wire.field import REST, Field, FieldError, Malformed
from netarium.wire.header import Header

__all__ = ["Addresses", "Option", "check_options", "header_words", "one_by_one"]


class Option(Header):
    """Base of options: the length that they tell must hold them and lie within what is there.

    A subclass without a length of its own, one byte of padding, has no field ``length``.
    """

    def told(self) -> int:
        """Its size by its own length field, bytes; as most have it: all of it, second byte."""
        return self.data[self.start + 1] if self.limit - self.start > 1 else 0

    def end_of_header(self) -> int:
        return min(self.start + max(self.told(), 1), self.limit)

    def check(self) -> None:
        told = self.told()
        if told < self.minimum:
            raise Malformed(
                self.start,
                f"option {self.title} tells a length of {told}, {self.minimum} is the least",
                goes_on=True,
            )
        if self.start + told > self.limit:
            raise Malformed(
                self.start,
                f"option {self.title} tells a length of {told}, "
                f"{self.limit - self.start} bytes are there",
                goes_on=True,
            )

    def __str__(self) -> str:
        return f"{self.title} {self.summary()}".rstrip()


def one_by_one(base: type[Header]) -> Callable[[Header, int, int], Iterator[Header]]:
    """A reader for ``Parts``: headers of this base, one behind the other, to the end.

    It raises Malformed where one breaks the format; those before it have been given by then.
    """

    def read(header: Header, start: int, end: int) -> Iterator[Header]:
        at = start
        while at < end:
            part = base.view(header.data, at, end)
            part.check()
            yield part
            at = max(part.end_of_header(), at + 1)

    return read


def check_options(header: Header, base: type[Header], start: int, end: int) -> None:
    """Raise Malformed (that goes on) where options of a header break their format."""
    try:
        for _ in one_by_one(base)(header, start, end):
            pass
    except Malformed as malformed:
        malformed.goes_on = True
        raise


def header_words(context: Context) -> int:
    """For ``auto`` of a length in words of 4 bytes that has 4 bits, as IPv4 and TCP have one."""
    if context.size > 60:
        raise FieldError(
            f"{context.header.title} has room for 40 bytes of options, not {context.size - 20}",
            "Leave some out; or give the header length yourself, wrong as it will be.",
        )
    return context.size // 4


class Addresses(Field[tuple[str, ...]]):
    """Addresses, one behind the other.

    Args:
        version: 4 or 6.
        size: bytes they take, a function of the header; REST: all to its end.
    """

    def __init__(
        self,
        version: int,
        label: str,
        meaning: str = "",
        *,
        size: Callable[[Any], int] | int = REST,
        **more: Any,
    ) -> None:
        more.setdefault("default", ())
        super().__init__(label, meaning, **more)
        self.family = socket.AF_INET if version == 4 else socket.AF_INET6
        self.each = 4 if version == 4 else 16
        self.size = size

    def measure(self, header: Header, at: int) -> int:
        room = max(0, header.end_of_header() - at)
        return min(room, max(0, self.size(header))) if callable(self.size) else room

    def decode(self, header: Header, bit: int, bits: int) -> tuple[str, ...]:
        raw = header.data[bit >> 3 : (bit + bits) >> 3]
        return tuple(
            socket.inet_ntop(self.family, raw[at : at + self.each])
            for at in range(0, len(raw) - self.each + 1, self.each)
        )

    def encode(self, value: Any, header: Header) -> bytes:
        if isinstance(value, (bytes, bytearray)):
            return bytes(value)
        try:
            return b"".join(socket.inet_pton(self.family, str(address)) for address in value)
        except OSError as error:
            kind = "IPv4" if self.each == 4 else "IPv6"
            raise FieldError(f"{self.label} must be {kind} addresses, not {value!r}") from error

    def text(self, value: tuple[str, ...], header: Header) -> str:
        return ", ".join(value) or "none"
