"""The parts of a message, octet for octet (RFC 2045, 2046), and its header fields.

Python's ``email`` gives parts decoded and folded anew; IMAP hands out exactly
what was sent, and counts its octets. So the parts are slices of the message.
"""

from __future__ import annotations

import base64
import binascii
import email.errors
import email.header
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["Part", "decoded_words", "fields", "parameters", "parse"]

_DEEPEST = 24
_MOST_PARTS = 1000
_PARAMETER = re.compile(rb';[ \t]*([^\s=;"]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))')
_TYPE = re.compile(rb"[ \t]*([^\s/;]+)/([^\s/;]+)")


@dataclass
class Part:
    """A message or one part of it.

    ``header`` ends with the empty line. ``children`` are the parts of a
    multipart, ``message`` is what a message/rfc822 holds.
    """

    header: bytes
    body: bytes
    kind: bytes = b"text"
    subtype: bytes = b"plain"
    parameters: list[tuple[bytes, bytes]] = field(default_factory=list)
    children: list[Part] = field(default_factory=list)
    message: Part | None = None

    def value(self, name: str) -> bytes | None:
        """The first header field of that name, unfolded; None where there is none."""
        wanted = name.lower().encode()
        return next((value for key, value, _ in fields(self.header) if key == wanted), None)

    def walk(self) -> Iterator[Part]:
        """The part and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()
        if self.message:
            yield from self.message.walk()

    def text(self) -> str:
        """The body as people read it: transfer encoding and charset undone as far as possible."""
        encoding = (self.value("content-transfer-encoding") or b"").strip().lower()
        data = self.body
        if encoding == b"base64":
            letters = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
            try:
                data = base64.b64decode(letters + b"=" * (-len(letters) % 4))
            except binascii.Error:
                data = self.body
        elif encoding == b"quoted-printable":
            data = quopri.decodestring(data)
        charset = next((value for key, value in self.parameters if key == b"charset"), b"utf-8")
        return _decode(data, charset.decode("latin-1"))


def _decode(data: bytes, charset: str) -> str:
    try:
        return data.decode(charset, "replace")
    except (LookupError, ValueError):
        return data.decode("latin-1")


def fields(header: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Each field: name in lower case, value unfolded, and its lines as they are."""
    lines: list[bytes] = []
    for line in [*header.split(b"\r\n"), b""]:
        if line[:1] in (b" ", b"\t") and lines:
            lines.append(line)
            continue
        if lines:
            name, colon, value = b"".join(lines).partition(b":")
            if colon:
                raw = b"".join(part + b"\r\n" for part in lines)
                yield name.strip().lower(), value.strip(), raw
        lines = [line] if line else []


def parameters(value: bytes) -> list[tuple[bytes, bytes]]:
    """What follows a field's first word: ``; charset=utf-8``. Names are in lower case."""
    return [
        (found[1].lower(), found[3] if found[2] is None else re.sub(rb"\\(.)", rb"\1", found[2]))
        for found in _PARAMETER.finditer(value)
    ]


def decoded_words(value: bytes) -> str:
    """A header field's text with its encoded words (RFC 2047) decoded."""
    text = value.decode("utf-8", "replace")
    if "=?" not in text:
        return text
    try:
        return "".join(
            part if isinstance(part, str) else _decode(part, charset or "latin-1")
            for part, charset in email.header.decode_header(text)
        )
    except (email.errors.HeaderParseError, ValueError):
        return text


def parse(data: bytes) -> Part:
    """Take a message (lines end in CR LF) apart. Never fails: what is malformed is plain text."""
    return _parse(data, _DEEPEST, [_MOST_PARTS], b"text/plain")


def _parse(data: bytes, depth: int, budget: list[int], default: bytes) -> Part:
    if data.startswith(b"\r\n"):
        header, body = data[:2], data[2:]
    else:
        end = data.find(b"\r\n\r\n")
        header, body = (data, b"") if end < 0 else (data[: end + 4], data[end + 4 :])
    part = Part(header, body)
    kind = part.value("content-type") or default
    found = _TYPE.match(kind) or _TYPE.match(default)
    assert found
    part.kind, part.subtype = found[1].lower(), found[2].lower()
    part.parameters = parameters(kind)
    budget[0] -= 1
    if depth > 0 and budget[0] > 0:
        if part.kind == b"multipart":
            inner = b"message/rfc822" if part.subtype == b"digest" else b"text/plain"
            for piece in _pieces(body, dict(part.parameters).get(b"boundary", b"")):
                if budget[0] <= 0:
                    break
                part.children.append(_parse(piece, depth - 1, budget, inner))
        elif (part.kind, part.subtype) == (b"message", b"rfc822"):
            part.message = _parse(body, depth - 1, budget, b"text/plain")
    if part.kind == b"multipart" and not part.children:
        # A multipart has at least one part, so this is not one.
        part.kind, part.subtype, part.parameters = b"text", b"plain", []
    elif part.kind == b"message" and part.subtype == b"rfc822" and part.message is None:
        part.kind, part.subtype = b"application", b"octet-stream"
    return part


def _pieces(body: bytes, boundary: bytes) -> Iterator[bytes]:
    if not boundary:
        return
    delimiter = re.compile(
        rb"(?:\A|\r\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r\n|\Z)", re.DOTALL
    )
    start = None
    for found in delimiter.finditer(body):
        if start is not None:
            yield body[start : max(start, found.start())]
        if found[1]:
            return
        start = found.end() + 2
    if start is not None:
        yield body[start:]
