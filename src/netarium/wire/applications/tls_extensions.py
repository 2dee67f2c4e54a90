"""Extensions of TLS's hellos (RFC 8446, section 4.2): server name, versions, protocols, keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from netarium.wire.applications.text_protocol import Text
from netarium.wire.applications.tls_names import EXTENSIONS, GROUPS, SIGNATURES, VERSIONS, is_grease
from netarium.wire.escaping import escaped
from netarium.wire.field import REST, Bytes, Field, FieldError, Malformed, Shown, UInt
from netarium.wire.header import REGISTRIES, Context, Header, length_of
from netarium.wire.parts import Parts

__all__ = [
    "ALPN",
    "Extension",
    "KeyShare",
    "KeyShareEntry",
    "Numbers",
    "ProtocolName",
    "ServerName",
    "SupportedVersions",
    "name_of",
    "read_extensions",
]


def name_of(names: Mapping[int, str], number: int, digits: int = 4) -> str:
    """What a number is called; GREASE where it is one without a meaning."""
    if number in names:
        return names[number]
    return "GREASE" if is_grease(number) else f"0x{number:0{digits}x}"


class Numbers(Field[tuple[int, ...]]):
    """A list of numbers that each have a name.

    Args:
        width: bytes of each.
        size: bytes of all together, asked of the header; REST: all to its end.
    """

    def __init__(
        self,
        label: str,
        meaning: str = "",
        *,
        width: int = 2,
        names: Mapping[int, str],
        size: int | Callable[[Any], int] = REST,
        **more: Any,
    ) -> None:
        super().__init__(label, meaning, default=(), **more)
        self.width = width
        self.names = names
        self.size = size

    def measure(self, header: Header, at: int) -> int:
        if callable(self.size):
            return max(0, self.size(header))
        return max(0, header.end_of_header() - at)

    def decode(self, header: Header, bit: int, bits: int) -> tuple[int, ...]:
        raw, width = header.data[bit >> 3 : (bit + bits) >> 3], self.width
        return tuple(
            int.from_bytes(raw[at : at + width], "big")
            for at in range(0, len(raw) - width + 1, width)
        )

    def encode(self, value: Any, header: Header) -> bytes:
        if isinstance(value, (bytes, bytearray)):
            return bytes(value)
        by_name = {name.lower(): number for number, name in self.names.items()}
        raw = b""
        for each in value:
            number = by_name.get(each.lower()) if isinstance(each, str) else each
            if number is None or not 0 <= number < 1 << 8 * self.width:
                raise FieldError(f"{self.label} knows no {each!r}")
            raw += number.to_bytes(self.width, "big")
        return raw

    def text(self, value: tuple[int, ...], header: Header) -> str:
        return ", ".join(name_of(self.names, each, 2 * self.width) for each in value) or "none"

    def parts(self, header: Header, bit: int, bits: int) -> tuple[Shown, ...]:
        wide = 8 * self.width
        return tuple(
            Shown("number", self.label, each, name_of(self.names, each), bit + wide * n, wide)
            for n, each in enumerate(self.decode(header, bit, bits))
        )


def read_extensions(header: Header, start: int, end: int) -> Iterator[Extension]:
    """Views of the extensions of a hello; Malformed where one is longer than what is left."""
    data, at, known = header.data, start, REGISTRIES["tls_extension"]
    while at < end:
        if end - at < 4:
            raise Malformed(at, f"{end - at} bytes are left, an extension needs 4")
        size = 4 + int.from_bytes(data[at + 2 : at + 4], "big")
        if size > end - at:
            raise Malformed(at, f"an extension of {size} bytes where {end - at} are left")
        kind: Any = known.get(int.from_bytes(data[at : at + 2], "big"), Extension)
        extension: Extension = kind.view(data, at, at + size)
        extension.__dict__["server"] = data[header.start] == 2
        yield extension
        at += size


def _type(context: Context) -> int:
    return type(context.header).numbers.get("tls_extension", 0)


class Extension(Header, title="Extension", rfc="RFC 8446, section 4.2"):
    """An extension of a hello that is not read further."""

    independent = True

    type = UInt(16, "Type", "What it is about.", names=EXTENSIONS, auto=_type)
    length = UInt(16, "Length", "Of the rest.", unit="bytes", auto=lambda c: max(0, c.size - 4))
    rest = Bytes(REST, "Data", "By type.")

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.declared = (*(f for f in cls.declared if f.name != "rest"), Extension.rest)

    def end_of_header(self) -> int:
        return self.limit

    def summary(self) -> str:
        return name_of(EXTENSIONS, self.type)

    def __str__(self) -> str:
        return self.summary()


def _by_client(header: Any) -> bool:
    return not header.__dict__.get("server", False)


def _by_server(header: Any) -> bool:
    return not _by_client(header)


def _there(header: Any) -> bool:
    """A server says only that it has taken the name in."""
    return header.limit > header.start + 4 or not header.data


class ServerName(
    Extension, title="server_name", rfc="RFC 6066, section 3", short="tls", tls_extension=0
):
    """Which of the server's names is wanted (SNI), in the clear."""

    list_length = UInt(
        16, "List Length", "", unit="bytes", auto=lambda c: length_of("name")(c) + 3, when=_there
    )
    name_type = UInt(8, "Name Type", "", names={0: "host_name"}, when=_there)
    name_length = UInt(16, "Name Length", "", unit="bytes", auto=length_of("name"), when=_there)
    name = Text("Host Name", "The server's name.", size=lambda h: h.name_length)

    def summary(self) -> str:
        return escaped(f"server_name {self.name}".rstrip())


class ProtocolName(Header, title="Protocol Name", rfc="RFC 7301, section 3.1"):
    """An application protocol, by name."""

    independent = True

    length = UInt(8, "Length", "Of the name.", unit="bytes", auto=length_of("name"))
    name = Text("Name", "h2 is HTTP/2.", size=lambda h: h.length)
    positional = ("name",)

    def summary(self) -> str:
        return escaped(self.name)

    def __str__(self) -> str:
        return self.summary()


def _read_names(header: Header, start: int, end: int) -> Iterator[ProtocolName]:
    at = start
    while at < end:
        size = 1 + header.data[at]
        if size > end - at:
            raise Malformed(
                at, f"a protocol name of {size - 1} bytes where {end - at - 1} are left"
            )
        yield ProtocolName.view(header.data, at, at + size)
        at += size


class ALPN(
    Extension,
    title="application_layer_protocol_negotiation",
    rfc="RFC 7301, section 3.1",
    short="tls",
    tls_extension=16,
):
    """What is to be spoken within: the client's offers, or the server's choice."""

    list_length = UInt(16, "List Length", "", unit="bytes", auto=length_of("protocols"))
    protocols = Parts("Protocols", _read_names, "The best first.", size=lambda h: h.list_length)

    def summary(self) -> str:
        return f"ALPN {', '.join(each.summary() for each in self.protocols)}"


class SupportedVersions(
    Extension,
    title="supported_versions",
    rfc="RFC 8446, section 4.2.1",
    short="tls",
    tls_extension=43,
):
    """The versions that the client knows, or the one that the server has chosen."""

    list_length = UInt(
        8, "List Length", "", unit="bytes", auto=length_of("versions"), when=_by_client
    )
    versions = Numbers(
        "Versions",
        "The best first.",
        names=VERSIONS,
        size=lambda h: h.list_length,
        when=_by_client,
    )
    version = UInt(
        16, "Version", "The server's choice.", names=VERSIONS, shown="x", when=_by_server
    )

    def summary(self) -> str:
        numbers = self.versions if _by_client(self) else (self.version,)
        return f"supported_versions {', '.join(name_of(VERSIONS, each) for each in numbers)}"


class _NumbersExtension(Extension):
    """A list of numbers with names, after its length."""

    def summary(self) -> str:
        field: Any = type(self).declared[3]
        return f"{self.title} {field.text(getattr(self, field.name), self)}"


class SupportedGroups(
    _NumbersExtension,
    title="supported_groups",
    rfc="RFC 8446, section 4.2.7",
    short="tls",
    tls_extension=10,
):
    """The ways of agreeing on a key that the client knows."""

    list_length = UInt(16, "List Length", "", unit="bytes", auto=length_of("groups"))
    groups = Numbers("Groups", "The best first.", names=GROUPS, size=lambda h: h.list_length)


class ECPointFormats(
    _NumbersExtension,
    title="ec_point_formats",
    rfc="RFC 8422, section 5.1.2",
    short="tls",
    tls_extension=11,
):
    """How points on a curve are written."""

    list_length = UInt(8, "List Length", "", unit="bytes", auto=length_of("formats"))
    formats = Numbers(
        "Formats", "", width=1, names={0: "uncompressed"}, size=lambda h: h.list_length
    )


class SignatureAlgorithms(
    _NumbersExtension,
    title="signature_algorithms",
    rfc="RFC 8446, section 4.2.3",
    short="tls",
    tls_extension=(13, 50),
):
    """The signatures that the client can check."""

    list_length = UInt(16, "List Length", "", unit="bytes", auto=length_of("algorithms"))
    algorithms = Numbers(
        "Algorithms", "The best first.", names=SIGNATURES, size=lambda h: h.list_length
    )


class PSKModes(
    _NumbersExtension,
    title="psk_key_exchange_modes",
    rfc="RFC 8446, section 4.2.9",
    short="tls",
    tls_extension=45,
):
    """How a session may be resumed."""

    list_length = UInt(8, "List Length", "", unit="bytes", auto=length_of("modes"))
    modes = Numbers(
        "Modes", "", width=1, names={0: "psk_ke", 1: "psk_dhe_ke"}, size=lambda h: h.list_length
    )


class KeyShareEntry(Header, title="Key Share", rfc="RFC 8446, section 4.2.8"):
    """A public key."""

    independent = True

    group = UInt(16, "Group", "Of which kind.", names=GROUPS, shown="x")
    length = UInt(16, "Length", "Of the key.", unit="bytes", auto=length_of("key"))
    key = Bytes(lambda h: h.length, "Key Exchange", "The public key.")

    def summary(self) -> str:
        return name_of(GROUPS, self.group)

    def __str__(self) -> str:
        return self.summary()


def _read_shares(header: Header, start: int, end: int) -> Iterator[KeyShareEntry]:
    at = start
    while at < end:
        if end - at < 4:
            raise Malformed(at, f"{end - at} bytes are left, a key share needs 4")
        size = 4 + int.from_bytes(header.data[at + 2 : at + 4], "big")
        if size > end - at:
            raise Malformed(at, f"a key share of {size} bytes where {end - at} are left")
        yield KeyShareEntry.view(header.data, at, at + size)
        at += size


def _is_retry(header: Any) -> bool:
    """A HelloRetryRequest names the group that it wants, with no key."""
    return _by_server(header) and bool(header.limit == header.start + 6)


class KeyShare(
    Extension, title="key_share", rfc="RFC 8446, section 4.2.8", short="tls", tls_extension=51
):
    """Public keys to agree on a secret with."""

    list_length = UInt(
        16, "List Length", "", unit="bytes", auto=length_of("shares"), when=_by_client
    )
    group = UInt(16, "Selected Group", "", names=GROUPS, shown="x", when=_is_retry)
    shares = Parts(
        "Key Shares",
        _read_shares,
        "The best first.",
        size=lambda h: (
            h.list_length if _by_client(h) else 0 if _is_retry(h) else h.limit - h.start - 4
        ),
    )

    def summary(self) -> str:
        if _is_retry(self):
            return f"key_share {name_of(GROUPS, self.group)}"
        return f"key_share {', '.join(each.summary() for each in self.shares)}"
