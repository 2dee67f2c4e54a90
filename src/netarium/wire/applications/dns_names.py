"""Domain names on the wire: labels, pointers that compress them, and their text (RFC 1035)."""

from __future__ import annotations

from typing import Any

from netarium.wire.field import Field, FieldError, Malformed
from netarium.wire.header import Header

__all__ = ["Name", "compressed", "name_size", "name_to_bytes", "read_name", "text_of"]

_LONGEST = 255  # bytes of a name, all lengths counted (RFC 1035, section 2.3.4)
_LABEL = 63
_MOST_POINTERS = 127  # as many as a name can have labels: a chain of more says nothing


def name_size(data: bytes, at: int, limit: int) -> int:
    """Bytes that a name takes where it stands: to its end, or to its first pointer.

    Malformed where it does not end before ``limit``, or is longer than names may be.
    """
    begin = at
    while at < limit:
        length = data[at]
        if length == 0:
            return at + 1 - begin
        if length >= 0xC0:
            if at + 2 > limit:
                break
            return at + 2 - begin
        if length > _LABEL:
            raise Malformed(at, f"a label of type {length >> 6}, which does not exist")
        at += 1 + length
        if at - begin > _LONGEST:
            raise Malformed(at, f"a name of more than {_LONGEST} bytes")
    raise Malformed(limit, "a name that does not end")


def read_name(data: bytes, at: int, message: int, limit: int) -> list[bytes]:
    """The labels of the name at ``at``, its pointers followed.

    A pointer counts from ``message`` on and must lead back, as it was made for (RFC 1035,
    section 4.1.4: "a prior occurrence"); so no loop can be. Malformed otherwise.
    """
    labels: list[bytes] = []
    size, pointers, earliest = 1, 0, at
    while at < limit:
        length = data[at]
        if length == 0:
            return labels
        if length >= 0xC0:
            if at + 2 > limit:
                break
            target = message + ((length & 0x3F) << 8 | data[at + 1])
            if target >= earliest:
                raise Malformed(at, f"a pointer to {target - message}, which is not before it")
            pointers += 1
            if pointers > _MOST_POINTERS:
                raise Malformed(at, f"a chain of more than {_MOST_POINTERS} pointers")
            at = earliest = target
            continue
        if length > _LABEL:
            raise Malformed(at, f"a label of type {length >> 6}, which does not exist")
        size += 1 + length
        if size > _LONGEST:
            raise Malformed(at, f"a name of more than {_LONGEST} bytes")
        if at + 1 + length > limit:
            break
        labels.append(data[at + 1 : at + 1 + length])
        at += 1 + length
    raise Malformed(limit, "a name that does not end")


def text_of(labels: list[bytes]) -> str:
    r"""As zone files have it (RFC 1035, section 5.1): ``a\.b.example``, ``\255``; no final dot.

    Names of multicast DNS are UTF-8 (RFC 6762, section 16) and shown as such.
    """
    if not labels:
        return "."
    readable = labels[-1].lower() == b"local"
    return ".".join(_label_text(label, readable) for label in labels)


def _label_text(label: bytes, readable: bool) -> str:
    if label.isalnum():
        return label.decode("ascii")
    if readable and not label.isascii():
        try:
            text = label.decode()
        except UnicodeDecodeError:
            pass
        else:
            if text.replace(" ", "").isprintable():
                return "".join("\\" + c if c in '.\\;"@$()' else c for c in text)
    return "".join(_octet_text(octet) for octet in label)


def _octet_text(octet: int) -> str:
    character = chr(octet)
    if character in '.\\;"@$()':
        return "\\" + character
    return character if 32 < octet < 127 else f"\\{octet:03d}"


def name_to_bytes(text: str) -> list[bytes]:
    """The labels that a text is; FieldError where they cannot be a name.

    Letters beyond ASCII are written as Punycode (IDNA), in names below ``local`` as UTF-8.
    """
    if text in (".", ""):
        return []
    labels, label, size, at, octets = [], bytearray(), 1, 0, False
    stripped = text[:-1] if text.endswith(".") and not text.endswith("\\.") else text
    local = stripped.lower().endswith(".local")
    while at <= len(stripped):
        character = stripped[at] if at < len(stripped) else "."
        if character == "\\" and at + 1 < len(stripped):
            octet = stripped[at + 1 : at + 4]
            if octet.isdecimal() and len(octet) == 3 and int(octet) < 256:
                label.append(int(octet))
                octets = octets or int(octet) > 127
                at += 4
            else:
                label += stripped[at + 1].encode()
                at += 2
            continue
        at += 1
        if character != ".":
            label += character.encode()
            continue
        labels.append(_wire_label(bytes(label), text, as_it_is=local or octets))
        size += 1 + len(labels[-1])
        label.clear()
        octets = False
    if size > _LONGEST:
        raise FieldError(
            f"the name {text[:40]}... has {size} bytes", f"A name has {_LONGEST} at the most."
        )
    return labels


def _wire_label(label: bytes, name: str, *, as_it_is: bool) -> bytes:
    if not label:
        raise FieldError(f"the name {name!r} has an empty label", "Labels have one dot between.")
    if not label.isascii() and not as_it_is:
        try:
            label = label.decode().encode("idna")
        except UnicodeError as error:
            raise FieldError(f"the label {label.decode()!r} cannot be Punycode: {error}") from error
    if len(label) > _LABEL:
        raise FieldError(
            f"the label {label[:20].decode('ascii', 'replace')}... has {len(label)} bytes",
            f"A label has {_LABEL} at the most.",
        )
    return label


def compressed(labels: list[bytes], at: int, seen: dict[tuple[bytes, ...], int] | None) -> bytes:
    """The bytes of a name that will stand at offset ``at`` of a message.

    ``seen`` holds where names and their ends stand already; it grows. Without it, nothing is
    shortened (RFC 3597, section 4: names in the data of newer types).
    """
    out = bytearray()
    for index in range(len(labels)):
        rest = tuple(labels[index:])
        if seen is not None:
            if rest in seen:
                return bytes(out) + (0xC000 | seen[rest]).to_bytes(2, "big")
            if at + len(out) < 0x4000:
                seen[rest] = at + len(out)
        out.append(len(labels[index]))
        out += labels[index]
    return bytes(out) + b"\0"


class Name(Field[str]):
    r"""A domain name, ``www.example.com`` without a dot at its end; the root is ``.``.

    Dots within a label and octets that are no plain characters are escaped as in zone files.
    A name that cannot be read is empty.

    Args:
        shortened: whether it may be compressed in its place (RFC 3597, section 4).
    """

    def __init__(
        self, label: str, meaning: str = "", *, shortened: bool = False, **more: Any
    ) -> None:
        super().__init__(label, meaning, **{"default": ".", **more})
        self.shortened = shortened

    def measure(self, header: Header, at: int) -> int:
        try:
            return name_size(header.data, at, header.limit)
        except Malformed:
            return max(0, header.limit - at)

    def labels(self, header: Header, at: int) -> list[bytes]:
        """Its labels; Malformed where it has none."""
        message: int = header.__dict__.get("message", 0)
        return read_name(header.data, at, message, header.limit)

    def decode(self, header: Header, bit: int, bits: int) -> str:
        try:
            return text_of(self.labels(header, bit >> 3))
        except Malformed:
            return ""

    def encode(self, value: Any, header: Header) -> bytes:
        if isinstance(value, (bytes, bytearray)):
            return bytes(value)
        return compressed(name_to_bytes(str(value)), 0, None)
