"""Handshake messages of TLS that go in the clear, and their extensions (RFC 8446, section 4)."""

from __future__ import annotations

from typing import Any

from netarium.wire.applications.tls_extensions import (
    Numbers,
    ProtocolName,
    name_of,
    read_extensions,
)
from netarium.wire.applications.tls_names import CIPHER_SUITES, HANDSHAKES, VERSIONS, is_grease
from netarium.wire.escaping import escaped
from netarium.wire.field import REST, Bytes, Malformed, UInt
from netarium.wire.header import Header, length_of
from netarium.wire.parts import Parts

__all__ = ["ClientHello", "Handshake", "ServerHello"]


class Handshake(Header, title="Handshake", rfc="RFC 8446, section 4"):
    """A message of the handshake that is not read further."""

    independent = True

    type = UInt(8, "Type", "What it is.", names=HANDSHAKES)
    length = UInt(24, "Length", "Of the rest.", unit="bytes", auto=lambda c: max(0, c.size - 4))
    body = Bytes(REST, "Body", "By type.")

    def end_of_header(self) -> int:
        return self.limit

    def summary(self) -> str:
        return HANDSHAKES.get(self.type, f"handshake type {self.type}")

    def __str__(self) -> str:
        return self.summary()


class _Hello(Header):
    """What both hellos have in common."""

    independent = True

    def end_of_header(self) -> int:
        return self.limit

    def extension(self, number: int) -> Any:
        """Its extension of this number, or None."""
        every: Any = getattr(self, "extensions")  # noqa: B009 - declared by both subclasses
        return next((each for each in every if getattr(each, "type", -1) == number), None)

    def check(self) -> None:
        if self.start + 4 + int.from_bytes(self.data[self.start + 1 : self.start + 4], "big") > (
            self.limit
        ):
            return  # the rest comes in another segment
        for field in self.declared:
            bit, bits = self.place(field)
            if bits < 0 and field.when is None:
                raise Malformed(self.limit, f"{self.title} ends before its {field.label}")
            if callable(getattr(field, "size", None)) and bits >= 0:
                wanted = field.measure(self, bit >> 3)
                if wanted > bits >> 3:
                    why = f"{field.label} of {wanted} bytes where {bits >> 3} are left"
                    raise Malformed(bit >> 3, why)
            if isinstance(field, Parts) and bits > 0:
                for _ in field.read(self, bit >> 3, (bit + bits) >> 3):
                    pass


def _has_extensions(header: Any) -> bool:
    """Before TLS 1.2 there were none; a message without ends before their length."""
    at: int = sum(header.place(header.declared[header.before_extensions])) >> 3
    return header.limit > at or not header.data


class ClientHello(_Hello, title="ClientHello", rfc="RFC 8446, section 4.1.2"):
    """What the client can do, and which server it wants."""

    before_extensions = 9

    type = UInt(8, "Type", "1: ClientHello.", names=HANDSHAKES, default=1)
    length = UInt(24, "Length", "Of the rest.", unit="bytes", auto=lambda c: max(0, c.size - 4))
    version = UInt(
        16,
        "Legacy Version",
        "The highest version, up to TLS 1.2; later ones stand in an extension.",
        names=VERSIONS,
        shown="x",
        default=0x0303,
    )
    random = Bytes(32, "Random", "Fresh bytes, so that no handshake can be replayed.")
    session_id_length = UInt(8, "Session ID Length", "", unit="bytes", auto=length_of("session_id"))
    session_id = Bytes(lambda h: h.session_id_length, "Session ID", "Of a session to resume.")
    cipher_suites_length = UInt(
        16, "Cipher Suites Length", "", unit="bytes", auto=length_of("cipher_suites")
    )
    cipher_suites = Numbers(
        "Cipher Suites",
        "The encryptions that it knows, the best first.",
        names=CIPHER_SUITES,
        size=lambda h: h.cipher_suites_length,
    )
    compression_methods_length = UInt(
        8, "Compression Methods Length", "", unit="bytes", auto=length_of("compression_methods")
    )
    compression_methods = Bytes(
        lambda h: h.compression_methods_length, "Compression Methods", "0: none.", default=b"\0"
    )
    extensions_length = UInt(
        16,
        "Extensions Length",
        "",
        unit="bytes",
        auto=length_of("extensions"),
        when=_has_extensions,
    )
    extensions = Parts(
        "Extensions", read_extensions, "What came later.", size=lambda h: h.extensions_length
    )

    @property
    def server_name(self) -> str:
        """The server that is wanted (SNI); empty if it does not say."""
        found = self.extension(0)
        return str(found.name) if found else ""

    @property
    def protocols(self) -> tuple[str, ...]:
        """The application protocols on offer (ALPN)."""
        found: Any = self.extension(16)
        every = found.protocols if found else ()
        return tuple(each.name for each in every if isinstance(each, ProtocolName))

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions on offer, by name."""
        found = self.extension(43)
        numbers = found.versions if found else (self.version,)
        return tuple(name_of(VERSIONS, each) for each in numbers if not is_grease(each))

    def summary(self) -> str:
        offers = ", ".join(self.versions)
        if self.protocols:
            offers += "; " + ", ".join(self.protocols)
        name = f" for {self.server_name}" if self.server_name else ""
        return escaped(f"ClientHello{name} ({offers})")

    def __str__(self) -> str:
        return self.summary()


#: The random of a ServerHello that is a HelloRetryRequest (RFC 8446, section 4.1.3).
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


class ServerHello(_Hello, title="ServerHello", rfc="RFC 8446, section 4.1.3"):
    """What the server has chosen."""

    before_extensions = 7

    type = UInt(8, "Type", "2: ServerHello.", names=HANDSHAKES, default=2)
    length = UInt(24, "Length", "Of the rest.", unit="bytes", auto=lambda c: max(0, c.size - 4))
    version = UInt(
        16,
        "Legacy Version",
        "The version, up to TLS 1.2; a later one stands in an extension.",
        names=VERSIONS,
        shown="x",
        default=0x0303,
    )
    random = Bytes(32, "Random", "Fresh bytes, so that no handshake can be replayed.")
    session_id_length = UInt(8, "Session ID Length", "", unit="bytes", auto=length_of("session_id"))
    session_id = Bytes(lambda h: h.session_id_length, "Session ID", "As the client sent it.")
    cipher_suite = UInt(
        16, "Cipher Suite", "The encryption for this connection.", names=CIPHER_SUITES, shown="x"
    )
    compression_method = UInt(8, "Compression Method", "0: none.")
    extensions_length = UInt(
        16,
        "Extensions Length",
        "",
        unit="bytes",
        auto=length_of("extensions"),
        when=_has_extensions,
    )
    extensions = Parts(
        "Extensions", read_extensions, "What came later.", size=lambda h: h.extensions_length
    )

    @property
    def chosen_version(self) -> str:
        """The version of this connection, by name."""
        found = self.extension(43)
        chosen = found.version if found else self.version
        return name_of(VERSIONS, chosen)

    @property
    def cipher(self) -> str:
        """The encryption of this connection, by name."""
        return name_of(CIPHER_SUITES, self.cipher_suite)

    def summary(self) -> str:
        name = "HelloRetryRequest" if self.random == _RETRY else "ServerHello"
        return f"{name} {self.chosen_version} {self.cipher}"

    def __str__(self) -> str:
        return self.summary()
