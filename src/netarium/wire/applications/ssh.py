"""The beginning of Secure Shell connections: banners and what both sides offer (RFC 4253)."""

from __future__ import annotations

import re
from typing import Any

from netarium.wire.applications.text_protocol import RestOfLine, Word
from netarium.wire.context import length_of
from netarium.wire.escaping import escaped
from netarium.wire.field import Bytes, Field, Malformed, UInt
from netarium.wire.header import Header

__all__ = ["SSH", "KeyExchangeInit", "SSHPacket"]

#: RFC 4250, section 4.1.2; RFC 5656 and RFC 8731 use 30 and 31, RFC 4419 30 to 34.
_MESSAGES = {
    1: "DISCONNECT",
    2: "IGNORE",
    3: "UNIMPLEMENTED",
    4: "DEBUG",
    5: "SERVICE_REQUEST",
    6: "SERVICE_ACCEPT",
    7: "EXT_INFO",
    20: "KEXINIT",
    21: "NEWKEYS",
    30: "KEX_ECDH_INIT",
    31: "KEX_ECDH_REPLY",
    32: "KEX_DH_GEX_INIT",
    33: "KEX_DH_GEX_REPLY",
    34: "KEX_DH_GEX_REQUEST",
}
#: What goes in the clear, before both sides have keys.
_CLEAR = frozenset({1, 2, 3, 4, 20, 21, 30, 31, 32, 33, 34})
_LONGEST = 35000  # bytes of a packet (RFC 4253, section 6.1)
_BANNER = re.compile(rb"SSH-(?:2\.0|1\.\d{1,2})-")


class SSHPacket(Header, title="SSH packet", rfc="RFC 4253, section 6", short="ssh"):
    """A packet in the clear, before both sides have keys."""

    independent = True

    length = UInt(
        32, "Packet Length", "Of the rest.", unit="bytes", auto=lambda c: max(0, c.size - 4)
    )
    padding_length = UInt(
        8, "Padding Length", "At the end.", unit="bytes", auto=length_of("padding")
    )
    message = UInt(8, "Message", "What it is.", names=_MESSAGES)
    body = Bytes(lambda header: header.length - header.padding_length - 2, "Body", "By message.")
    padding = Bytes(lambda header: header.padding_length, "Random Padding", "To a full block.")

    @classmethod
    def recognises(cls, payload: bytes) -> bool:
        """Whether a packet in the clear begins here."""
        if len(payload) < 6:
            return False
        length = int.from_bytes(payload[:4], "big")
        return (
            payload[5] in _CLEAR
            and 12 <= length <= _LONGEST
            and 4 <= payload[4] <= length - 2
            and (length + 4) % 8 == 0
        )

    @classmethod
    def kind_at(cls, data: bytes, start: int, limit: int) -> Any:
        if limit - start >= 22 and data[start + 5] == 20:
            return KeyExchangeInit
        return cls

    def end_of_header(self) -> int:
        return min(self.limit, self.start + 4 + self.length)

    def next_header(self) -> type[Header] | None:
        rest = self.data[self.end_of_header() : self.limit]
        return self.beside(SSHPacket) if SSHPacket.recognises(rest) else None

    def summary(self) -> str:
        return _MESSAGES.get(self.message, f"message {self.message}")


class _NameList(Field[tuple[str, ...]]):
    """Names with commas between, after their length (RFC 4251, section 5)."""

    def measure(self, header: Header, at: int) -> int:
        return 4 + int.from_bytes(header.data[at : min(at + 4, header.limit)], "big")

    def decode(self, header: Header, bit: int, bits: int) -> tuple[str, ...]:
        raw = header.data[(bit >> 3) + 4 : (bit + bits) >> 3]
        return tuple(raw.decode("ascii", "backslashreplace").split(",")) if raw else ()

    def encode(self, value: Any, header: Header) -> bytes:
        if isinstance(value, (bytes, bytearray)):
            return bytes(value)
        raw = ",".join(value).encode()
        return len(raw).to_bytes(4, "big") + raw

    def text(self, value: tuple[str, ...], header: Header) -> str:
        return escaped(", ".join(value)) or "none"


def _names(label: str, meaning: str) -> _NameList:
    return _NameList(label, meaning, default=())


class KeyExchangeInit(Header, title="SSH key exchange", rfc="RFC 4253, section 7.1", short="ssh"):
    """What one side can do, the best first: the connection uses what both know."""

    independent = True

    length = UInt(
        32, "Packet Length", "Of the rest.", unit="bytes", auto=lambda c: max(0, c.size - 4)
    )
    padding_length = UInt(
        8, "Padding Length", "At the end.", unit="bytes", auto=length_of("padding")
    )
    message = UInt(8, "Message", "20: KEXINIT.", names=_MESSAGES, default=20)
    cookie = Bytes(16, "Cookie", "Fresh bytes, so that no exchange can be replayed.")
    key_exchanges = _names("kex_algorithms", "Ways of agreeing on a key.")
    host_keys = _names("server_host_key_algorithms", "Keys that prove who the server is.")
    encryption_to_server = _names("encryption_algorithms_client_to_server", "Ciphers.")
    encryption_to_client = _names("encryption_algorithms_server_to_client", "Ciphers.")
    mac_to_server = _names("mac_algorithms_client_to_server", "Protection from changes.")
    mac_to_client = _names("mac_algorithms_server_to_client", "Protection from changes.")
    compression_to_server = _names("compression_algorithms_client_to_server", "Compression.")
    compression_to_client = _names("compression_algorithms_server_to_client", "Compression.")
    languages_to_server = _names("languages_client_to_server", "Unused.")
    languages_to_client = _names("languages_server_to_client", "Unused.")
    guess_follows = UInt(8, "first_kex_packet_follows", "Whether a guessed packet follows at once.")
    reserved = UInt(32, "Reserved", "0.")
    padding = Bytes(lambda header: header.padding_length, "Random Padding", "To a full block.")

    def check(self) -> None:
        if self.start + 4 + self.length > self.limit:
            return  # the rest comes in another segment
        for field in self.declared:
            bit, bits = self.place(field)
            end = bits if field.bits or bits < 0 else 8 * field.measure(self, bit >> 3)
            if bits < 0 or bit + end > 8 * self.end_of_header():
                raise Malformed(self.end_of_header(), f"the packet ends before its {field.label}")

    def end_of_header(self) -> int:
        return max(self.start + 22, min(self.limit, self.start + 4 + self.length))

    def next_header(self) -> type[Header] | None:
        rest = self.data[self.end_of_header() : self.limit]
        return self.beside(SSHPacket) if SSHPacket.recognises(rest) else None

    def summary(self) -> str:
        return escaped(f"offers {', '.join(self.key_exchanges[:3])}, ...")


class SSH(Header, title="SSH", rfc="RFC 4253, section 4.2", tcp=22):
    """Secure Shell: each side first says which version and program it is."""

    independent = True
    #: What else comes over its port.
    others = (SSHPacket,)

    protocol = Word("Protocol", "SSH-2.0 or 1.99.", until=b"-")
    version = Word("Protocol version", "2.0; 1.99 knows 1 and 2.", lead=b"-", until=b"-")
    software = Word("Software version", "The program.", lead=b"-", until=b" ")
    comments = RestOfLine("Comments", "More about it.", lead=b" ")

    def __init__(self, software: str = "netarium", comments: str = "", **values: Any) -> None:
        given = {"protocol": "SSH", "version": "2.0", **values}
        super().__init__(software=software, comments=comments, **given)

    @classmethod
    def recognises(cls, payload: bytes) -> bool:
        """Whether a segment begins with a banner."""
        return bool(_BANNER.match(payload))

    def next_header(self) -> type[Header] | None:
        rest = self.data[self.end_of_header() : self.limit]
        return self.beside(SSHPacket) if SSHPacket.recognises(rest) else None

    def summary(self) -> str:
        return escaped(f"{self.version} {self.software} {self.comments}".rstrip())
