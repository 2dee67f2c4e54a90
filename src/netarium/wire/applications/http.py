"""The heads of HTTP/1 messages (RFC 9112), and HTTP/2 as far as it goes by name (RFC 9113)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from netarium.wire.applications.text_protocol import Number, RestOfLine, Word
from netarium.wire.escaping import escaped
from netarium.wire.field import Bytes, UInt
from netarium.wire.header import Header
from netarium.wire.parts import Parts

__all__ = ["HTTP2Frame", "HTTP2Preface", "HTTPField", "HTTPRequest", "HTTPResponse"]

_REQUEST = re.compile(rb"[A-Z][A-Z0-9_-]{1,19} [^\s\x00]+ HTTP/\d\.\d\r?(?:\n|$)")
#: A request line of which the end is not there.
_BEGUN = re.compile(
    rb"(?:GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH) [/*a-zA-Z0-9\[][^\s\x00]*"
    rb"(?: (?:H(?:T(?:T(?:P(?:/(?:\d\.?)?)?)?)?)?)?)?\Z"
)
_RESPONSE = re.compile(rb"HTTP/\d(?:\.\d)? [1-9]\d\d(?:[ \r\n]|$)")
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class _FieldValue(RestOfLine):
    """To the end of the field, which may be folded over several lines (RFC 9112, section 5.2)."""

    def measure(self, header: Header, at: int) -> int:
        return header.limit - at


class HTTPField(Header, title="Header field", rfc="RFC 9110, section 5"):
    """A header field: a name and its value."""

    independent = True

    name = Word("Name", "What it is about; case does not matter.", until=b":")
    value = _FieldValue("Value", "What it says.", lead=b": ")
    positional = ("name", "value")

    def end_of_header(self) -> int:
        return self.limit

    def summary(self) -> str:
        return escaped(f"{self.name}: {self.value}")

    def __str__(self) -> str:
        return self.summary()


def _read_fields(header: Header, start: int, end: int) -> Iterator[HTTPField]:
    data, at = header.data, start
    while at < end and data[at] not in b"\r\n":
        after = at
        while True:
            newline = data.find(b"\n", after, end)
            after = end if newline < 0 else newline + 1
            if after >= end or data[after] not in b" \t":
                break
        yield HTTPField.view(data, at, after)
        at = after


class _Fields(Parts):
    """Header fields and the empty line behind them; a mapping may be given, too."""

    def encode(self, value: Any, header: Header) -> bytes:
        if isinstance(value, (bytes, bytearray)):
            return bytes(value)
        if isinstance(value, dict):
            value = [HTTPField(name, text) for name, text in value.items()]
        return super().encode(value, header) + b"\r\n"


class _Message(Header):
    """What requests and responses have in common: lines up to an empty one."""

    independent = True

    def header(self, name: str) -> str:
        """The value of the first header field of this name; empty if there is none."""
        wanted = name.lower()
        fields: tuple[HTTPField, ...] = getattr(self, "headers")  # noqa: B009 - subclasses'
        return next((field.value for field in fields if field.name.lower() == wanted), "")

    def end_of_header(self) -> int:
        data, at = self.data, self.start
        ends = (data.find(b"\n\r\n", at, self.limit), data.find(b"\n\n", at, self.limit))
        sizes = [end + size for end, size in zip(ends, (3, 2), strict=True) if end >= 0]
        return min(sizes, default=self.limit)

    def next_header(self) -> type[Header] | None:
        rest = self.data[self.end_of_header() : self.payload_end()]
        if _PREFACE.startswith(rest[:24]) and len(rest) >= 6:
            return HTTP2Preface
        kind = type(self)
        return self.beside(kind) if kind.recognises(rest) else None  # the next of a pipeline

    @classmethod
    def recognises(cls, payload: bytes) -> bool:
        """Whether a segment begins with its first line."""
        raise NotImplementedError


class HTTPResponse(_Message, title="HTTP", rfc="RFC 9112, section 4", short="http"):
    """Hypertext Transfer Protocol: what a web server answers."""

    version = Word("HTTP version", "Which HTTP the server speaks.", default="HTTP/1.1")
    status = Number(
        "Status code",
        "2xx: here it is, 3xx: elsewhere, 4xx: your fault, 5xx: mine.",
        lead=b" ",
        default=200,
    )
    reason = RestOfLine("Reason phrase", "The same for people.", lead=b" ", default="OK")
    headers = _Fields("Header fields", _read_fields, "About the server and the body.")
    positional = ("status", "reason")

    @classmethod
    def recognises(cls, payload: bytes) -> bool:
        return bool(_RESPONSE.match(payload))

    def summary(self) -> str:
        return escaped(f"{self.status} {self.reason}".rstrip())


class HTTP2Preface(Header, title="HTTP/2 preface", rfc="RFC 9113, section 3.4", short="http2"):
    """What a client sends first to say that it speaks HTTP/2."""

    magic = Bytes(24, "Preface", "Always the same; servers of HTTP/1 refuse it.", default=_PREFACE)

    @classmethod
    def recognises(cls, payload: bytes) -> bool:
        """Whether a segment begins with it."""
        return payload.startswith(_PREFACE)

    def next_header(self) -> type[Header] | None:
        return HTTP2Frame


_Kind = type[Header] | None  # where a field is called ``type``
_FRAMES = {
    0: "DATA",
    1: "HEADERS",
    2: "PRIORITY",
    3: "RST_STREAM",
    4: "SETTINGS",
    5: "PUSH_PROMISE",
    6: "PING",
    7: "GOAWAY",
    8: "WINDOW_UPDATE",
    9: "CONTINUATION",
}


class HTTP2Frame(Header, title="HTTP/2 frame", rfc="RFC 9113, section 4.1", short="http2"):
    """A frame of HTTP/2; what is in it is not read further."""

    length = UInt(24, "Length", "Of the frame without these 9 bytes.", unit="bytes")
    type = UInt(8, "Type", "What is in it.", names=_FRAMES)
    flags = UInt(8, "Flags", "By type.", shown="x")
    reserved = UInt(1, "R", "Reserved.")
    stream = UInt(31, "Stream Identifier", "Of the request that it belongs to; 0: of them all.")
    body = Bytes(lambda header: header.length, "Frame payload", "By type.")

    def next_header(self) -> _Kind:
        whole = self.start + 9 + self.length < self.limit
        return self.beside(HTTP2Frame) if whole else None

    def summary(self) -> str:
        name = _FRAMES.get(self.type, f"type {self.type}")
        return f"{name} on stream {self.stream}, {self.length} bytes"


class HTTPRequest(_Message, title="HTTP", rfc="RFC 9112, section 3", short="http", tcp=(80, 8080)):
    """Hypertext Transfer Protocol: what a client asks of a web server."""

    #: What else comes over its ports.
    others = (HTTPResponse, HTTP2Preface)

    method = Word("Method", "What to do: GET, POST, ...", default="GET")
    target = Word("Request target", "With what: the path on this server.", lead=b" ", default="/")
    version = RestOfLine(
        "HTTP version", "Which HTTP the client speaks.", lead=b" ", default="HTTP/1.1"
    )
    headers = _Fields("Header fields", _read_fields, "About the client and the body.")
    positional = ("method", "target")

    @property
    def host(self) -> str:
        """Which of the server's sites is meant: the Host field."""
        return self.header("Host")

    @classmethod
    def recognises(cls, payload: bytes) -> bool:
        return bool(_REQUEST.match(payload) or _BEGUN.match(payload))

    def summary(self) -> str:
        return escaped(f"{self.method} {self.target}".rstrip())
