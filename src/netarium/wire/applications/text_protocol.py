"""Protocols of text: words and lines as fields, and the base of those that speak in lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from netarium.wire.escaping import escaped
from netarium.wire.field import REST, Field, FieldError
from netarium.wire.header import Header
from netarium.wire.parts import Parts

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Command", "LineProtocol", "Number", "Reply", "RestOfLine", "Text", "TextLines", "Word"]


class Text(Field[str]):
    r"""Characters in UTF-8; bytes that are none become escapes, ``\xff``.

    Bytes may be assigned, too, and go out exactly as they are.

    Args:
        size: bytes it takes, a function of the header; REST: all to the end of the header.
    """

    def __init__(
        self,
        label: str,
        meaning: str = "",
        *,
        size: int | Callable[[Any], int] = REST,
        default: str = "",
        **more: Any,
    ) -> None:
        super().__init__(label, meaning, default=default, **more)
        self.size = size

    def measure(self, header: Header, at: int) -> int:
        if callable(self.size):
            return max(0, self.size(header))
        return max(0, header.end_of_header() - at) if self.size == REST else self.size

    def decode(self, header: Header, bit: int, bits: int) -> str:
        return self.strip(header.data[bit >> 3 : (bit + bits) >> 3]).decode(
            "utf-8", "backslashreplace"
        )

    def strip(self, raw: bytes) -> bytes:
        """The characters among the bytes of the field, without what only separates."""
        return raw

    def encode(self, value: Any, header: Header) -> bytes:
        return bytes(value) if isinstance(value, (bytes, bytearray)) else str(value).encode()

    def text(self, value: str, header: Header) -> str:
        return escaped(value)


class Word(Text):
    """Characters up to a separator, which belongs to the next field, or to the line's end.

    Args:
        until: the separator, one byte.
        lead: what separates it from the field before.
    """

    def __init__(
        self, label: str, meaning: str = "", *, until: bytes = b" ", lead: bytes = b"", **more: Any
    ) -> None:
        super().__init__(label, meaning, **more)
        self.until = until
        self.lead = lead

    def measure(self, header: Header, at: int) -> int:
        data, end = header.data, _line_end(header, at)[0]
        begin = at + len(self.lead) if data.startswith(self.lead, at, end) else at
        found = data.find(self.until, begin, end)
        return (found if found >= 0 else end) - at

    def strip(self, raw: bytes) -> bytes:
        return raw[len(self.lead) :] if raw.startswith(self.lead) else raw

    def encode(self, value: Any, header: Header) -> bytes:
        if isinstance(value, (bytes, bytearray)):
            return bytes(value)
        raw = str(value).encode()
        if self.until in raw or b"\n" in raw:
            raise FieldError(f"{self.label} is one word on one line, not {value!r}")
        return self.lead + raw if raw else b""


class RestOfLine(Text):
    """Characters to the end of the line, which ends with CR LF (or with LF alone).

    Args:
        lead: what separates it from the field before; spaces around the value count as that.
    """

    def __init__(self, label: str, meaning: str = "", *, lead: bytes = b"", **more: Any) -> None:
        super().__init__(label, meaning, **more)
        self.lead = lead

    def measure(self, header: Header, at: int) -> int:
        return _line_end(header, at)[1] - at

    def strip(self, raw: bytes) -> bytes:
        raw = raw.rstrip(b"\r\n")
        mark = self.lead.strip()
        if mark and raw.startswith(mark):
            raw = raw[len(mark) :]
        return raw.strip(b" \t") if self.lead else raw

    def encode(self, value: Any, header: Header) -> bytes:
        if isinstance(value, (bytes, bytearray)):
            return bytes(value)
        raw = str(value).encode()
        if b"\n" in raw:
            raise FieldError(f"{self.label} is one line, not {value!r}")
        return (self.lead + raw if raw else self.lead.strip()) + b"\r\n"


class Number(Field[int]):
    """A number in decimal digits; 0 where there are none.

    Args:
        digits: the most there may be.
        lead: what separates it from the field before.
    """

    def __init__(
        self, label: str, meaning: str = "", *, digits: int = 9, lead: bytes = b"", **more: Any
    ) -> None:
        super().__init__(label, meaning, **{"default": 0, **more})
        self.digits = digits
        self.lead = lead

    def measure(self, header: Header, at: int) -> int:
        data = header.data
        end = at + len(self.lead) if data.startswith(self.lead, at, header.limit) else at
        last = min(header.limit, end + self.digits)
        while end < last and 48 <= data[end] < 58:
            end += 1
        return end - at

    def decode(self, header: Header, bit: int, bits: int) -> int:
        raw = header.data[bit >> 3 : (bit + bits) >> 3]
        digits = raw[len(self.lead) :] if raw.startswith(self.lead) else raw
        return int(digits) if digits.isdigit() else 0

    def encode(self, value: Any, header: Header) -> bytes:
        if isinstance(value, (bytes, bytearray)):
            return bytes(value)
        digits = str(value)
        if not digits.isdecimal() or len(digits) > self.digits:
            raise FieldError(
                f"{self.label} is a number of up to {self.digits} digits, not {value!r}"
            )
        return self.lead + digits.encode()


def _line_end(header: Header, at: int) -> tuple[int, int]:
    """Where the line ends: its characters, and the CR LF behind them."""
    data, limit = header.data, header.limit
    newline = data.find(b"\n", at, limit)
    if newline < 0:
        return limit, limit
    return (newline - 1 if newline > at and data[newline - 1] == 13 else newline), newline + 1


class _Line(Header):
    """A line, or several."""

    independent = True

    def end_of_header(self) -> int:
        return self.limit


class Command(_Line, title="Command"):
    """A command and its argument, as a client sends it."""

    verb = Word("Command", "What is asked for.")
    argument = RestOfLine("Argument", "With what.", lead=b" ")
    positional = ("verb", "argument")

    def summary(self) -> str:
        return escaped(f"{self.verb} {self.argument}".rstrip())

    def __str__(self) -> str:
        return self.summary()


def _has_mark(header: Header) -> int:
    at = header.start + 3
    return int(at < header.limit and header.data[at] in b" -")


class Reply(_Line, title="Reply", rfc="RFC 5321, section 4.2; RFC 959, section 4.2"):
    """A line of a server's answer, as in SMTP and FTP."""

    code = Number("Code", "2xx: done, 3xx: go on, 4xx: not now, 5xx: no.", digits=3)
    mark = Text("Mark", "A hyphen: more lines of this reply follow.", size=_has_mark, default=" ")
    text = RestOfLine("Text", "The same for people.")
    positional = ("code", "text")

    def summary(self) -> str:
        return escaped(f"{self.code}{self.mark}{self.text}")

    def __str__(self) -> str:
        return self.summary()


class TextLines(_Line, title="Text"):
    """Lines that are no command and no reply: what is sent, a message, say."""

    text = Text("Text", "As it is.")
    positional = ("text",)

    def summary(self) -> str:
        count = self.raw.count(b"\n") or 1
        first = self.raw.split(b"\n", 1)[0].decode("utf-8", "backslashreplace").rstrip("\r")
        first = first if len(first) <= 60 else first[:57] + "..."
        return escaped(first) + (f" (and {count - 1} more lines)" if count > 2 else "")

    def __str__(self) -> str:
        return self.summary()


class LineProtocol(Header):
    """Base of protocols of commands and replies, each a line, several of them in a segment."""

    independent = True

    #: What is sent and no command or reply.
    other: ClassVar[type[Header]] = TextLines

    lines = Parts(
        "Lines",
        lambda header, start, end: header.read_lines(start, end),
        "Commands and replies, one on a line.",
    )

    @classmethod
    def line_kind(cls, line: bytes) -> type[Header] | None:
        """What a line is, without its end; None: no command and no reply."""
        raise NotImplementedError

    @classmethod
    def recognises(cls, payload: bytes) -> bool:
        """Whether a segment at its port is its text, and not encrypted, say."""
        return payload[:200].translate(None, _TEXT) == b""

    def read_lines(self, start: int, end: int) -> Iterator[Header]:
        """Views of the lines; consecutive ones that are neither command nor reply are one."""
        data, at, other = self.data, start, -1
        while at < end:
            newline = data.find(b"\n", at, end)
            after = end if newline < 0 else newline + 1
            kind = self.line_kind(data[at:after].rstrip(b"\r\n"))
            if kind is None:
                other = at if other < 0 else other
            else:
                if other >= 0:
                    yield self.other.view(data, other, at)
                    other = -1
                yield kind.view(data, at, after)
                after = self.after_line(at, after, end)
                if after > newline + 1 > 0:
                    yield self.other.view(data, newline + 1, after)
            at = after
        if other >= 0:
            yield self.other.view(data, other, end)

    def after_line(self, start: int, after: int, end: int) -> int:
        """Where the next line begins, behind the line at ``start`` and data that it announces."""
        return after

    def end_of_header(self) -> int:
        return self.limit

    def summary(self) -> str:
        lines = self.lines
        if not lines:
            return ""
        more = f" (+{len(lines) - 1})" if len(lines) > 1 else ""
        return lines[0].summary() + more


#: Bytes of text: printable ASCII, white space, and what UTF-8 and older encodings use.
_TEXT = bytes([7, 8, 9, 10, 11, 12, 13, 27, *range(32, 127), *range(128, 256)])
