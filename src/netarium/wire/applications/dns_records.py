"""Resource records of the Domain Name System: what all share, and the common types (RFC 1035)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from netarium.wire.applications.dns_names import Name, compressed
from netarium.wire.applications.dns_numbers import (
    CLASSES,
    TYPES,
    class_name,
    type_name,
    type_number,
)
from netarium.wire.applications.text_protocol import Text
from netarium.wire.context import Context, length_of
from netarium.wire.escaping import escaped
from netarium.wire.field import (
    REST,
    Bytes,
    Field,
    FieldError,
    IPv4Address,
    IPv6Address,
    Malformed,
    Shown,
    UInt,
)
from netarium.wire.header import Header

__all__ = [
    "A",
    "AAAA",
    "AFSDB",
    "CNAME",
    "DNAME",
    "HINFO",
    "MX",
    "NS",
    "PTR",
    "RP",
    "SOA",
    "SPF",
    "TXT",
    "Hex",
    "InMessage",
    "Question",
    "Record",
    "RecordType",
    "quoted",
]


class RecordType(UInt):
    """A type of record, by number; by name when it is set."""

    def __init__(self, label: str, meaning: str = "", **more: Any) -> None:
        super().__init__(16, label, meaning, names=TYPES, **more)

    def number(self, value: Any) -> int:
        known = type_number(value) if isinstance(value, str) else None
        return super().number(value if known is None else known)

    def text(self, value: int, header: Header) -> str:
        return f"{value} ({type_name(value)})"


class _Class(UInt):
    """A class; multicast DNS has a use of its own for the highest bit (RFC 6762, section 18)."""

    def __init__(self, label: str, meaning: str, high: str) -> None:
        super().__init__(16, label, meaning, names=CLASSES, default=1)
        self.high = high

    def text(self, value: int, header: Header) -> str:
        if value & 0x8000 and value & 0x7FFF in CLASSES:
            return f"0x{value:04x} ({CLASSES[value & 0x7FFF]}, {self.high})"
        return super().text(value, header)


class Hex(Bytes):
    """Bytes that people write as hexadecimal digits."""

    def text(self, value: bytes, header: Header) -> str:
        return value.hex()


class InMessage(Header):
    """A question or record: its names may be shortened to pointers into its message."""

    independent = True

    def placed(self, at: int, seen: dict[tuple[bytes, ...], int] | None) -> bytes:
        """Its bytes at offset ``at`` of a message, where ``seen`` names stand; see `compressed`.

        Names that cannot be read stay as they are.
        """
        out, length_at, behind = bytearray(), -1, 0
        for field, bit, bits in self.places():
            raw: bytes = self.data[bit >> 3 : (bit + bits) >> 3]
            if isinstance(field, Name):
                try:
                    labels = field.labels(self, bit >> 3)
                except Malformed:
                    pass
                else:
                    raw = compressed(labels, at + len(out), seen if field.shortened else None)
            out += raw
            if field is Record.length:
                length_at, behind = len(out) - 2, len(out)
        if length_at >= 0 and "length" not in self.given:
            out[length_at:behind] = (len(out) - behind).to_bytes(2, "big")
        return bytes(out)

    def end_of_header(self) -> int:
        return self.limit

    def copy(self) -> Any:
        twin = super().copy()
        raw = self.placed(0, None)
        twin.__dict__.update(data=raw, limit=len(raw), message=0)
        return twin

    def check(self) -> None:
        """Raise Malformed where its data are shorter than their fields, or names are broken."""
        for field in self.declared:
            bit, bits = self.place(field)
            if bits < 0 and field.when is None:
                raise Malformed(self.limit, f"{self.title} record ends before its {field.label}")
            if isinstance(field, Name) and bits >= 0:
                field.labels(self, bit >> 3)


class Question(InMessage, title="Question", rfc="RFC 1035, section 4.1.2", short="dns"):
    """What is asked: a name, and which type of record it has."""

    name = Name("QNAME", "About which name.", shortened=True)
    type = RecordType("QTYPE", "Which records are wanted.", default=1)
    rclass = _Class("QCLASS", "IN: the Internet.", "an answer to the asker alone is wanted")
    positional = ("name", "type", "rclass")

    def summary(self) -> str:
        class_ = "" if self.rclass & 0x7FFF == 1 else f" {class_name(self.rclass)}"
        return escaped(f"{self.name}{class_} {type_name(self.type)}")

    def __str__(self) -> str:
        return self.summary()


def _own_type(context: Context) -> int:
    return type(context.header).numbers.get("dns", 0)


def _own_length(context: Context) -> int:
    return max(0, context.size - length_of("name")(context) - 10)


class Record(InMessage, title="Record", rfc="RFC 1035, section 4.1.3", short="dns"):
    """A resource record, of a type that is not read further."""

    name = Name("NAME", "To which name it belongs.", shortened=True)
    type = RecordType("TYPE", "What its data are.", auto=_own_type)
    rclass = _Class("CLASS", "IN: the Internet.", "older answers shall be forgotten")
    ttl = UInt(32, "TTL", "How long it may be kept.", unit="s")
    length = UInt(16, "RDLENGTH", "Of the data that follow.", unit="bytes", auto=_own_length)
    rest = Hex(REST, "RDATA", "Data, by type.")
    positional: ClassVar[tuple[str, ...]] = ("name",)
    #: The fields of its data.
    own: ClassVar[tuple[Field[Any], ...]] = ()

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.declared = (*(f for f in cls.declared if f.name != "rest"), Record.rest)
        cls.own = cls.declared[5:-1]
        cls.positional = ("name", *(field.name for field in cls.own))

    def rdata(self) -> str:
        """Its data as in a zone file."""
        if not self.own:
            raw = self.rest
            return f"\\# {len(raw)} {raw.hex()}".rstrip()
        there = {field: (bit, bits) for field, bit, bits in self.places()}
        words = (self.presented(field, *there[field]) for field in self.own if field in there)
        return " ".join(word for word in words if word)

    def presented(self, field: Field[Any], bit: int, bits: int) -> str:
        """One field as in a zone file."""
        value = field.decode(self, bit, bits)
        if isinstance(field, Name):
            return str(value) if value == "." else f"{value}."
        if isinstance(field, RecordType):
            return type_name(value)
        if isinstance(field, (CharacterString, _CharacterStrings)):
            raw = self.data[bit >> 3 : (bit + bits) >> 3]
            return " ".join(quoted(text) for _, text in _strings(raw, 0))
        return str(value) if isinstance(value, int) else field.text(value, self)

    def summary(self) -> str:
        return escaped(f"{self.name} {type_name(self.type)} {self.rdata()}".rstrip())

    def __str__(self) -> str:
        return self.summary()


# --- addresses and names ------------------------------------------------------------------


class A(Record, title="A", rfc="RFC 1035, section 3.4.1", short="dns", dns=1):
    """The IPv4 address of a host."""

    address = IPv4Address("ADDRESS", "Where the host is.")


class AAAA(Record, title="AAAA", rfc="RFC 3596, section 2.2", short="dns", dns=28):
    """The IPv6 address of a host."""

    address = IPv6Address("ADDRESS", "Where the host is.")


class NS(Record, title="NS", rfc="RFC 1035, section 3.3.11", short="dns", dns=2):
    """A server that knows about this domain."""

    target = Name("NSDNAME", "The name server.", shortened=True)


class CNAME(Record, title="CNAME", rfc="RFC 1035, section 3.3.1", short="dns", dns=5):
    """Another name of the same thing: ask for that one."""

    target = Name("CNAME", "The canonical name.", shortened=True)


class PTR(Record, title="PTR", rfc="RFC 1035, section 3.3.12", short="dns", dns=12):
    """The name that belongs to an address, or an instance of a service."""

    target = Name("PTRDNAME", "The name.", shortened=True)


class DNAME(Record, title="DNAME", rfc="RFC 6672, section 2.1", short="dns", dns=39):
    """Another name of the whole domain below."""

    target = Name("Target", "The domain in its place.")


class MailboxName(Record, title="Mailbox name", rfc="RFC 1035, section 3.3", dns=(3, 4, 7, 8, 9)):
    """Obsolete and experimental types of mail: MD, MF, MB, MG, MR."""

    target = Name("MADNAME", "A host or mailbox.", shortened=True)


class SOA(Record, title="SOA", rfc="RFC 1035, section 3.3.13", short="dns", dns=6):
    """The start of a zone: who answers for it, and how its copies are kept fresh."""

    mname = Name("MNAME", "The server that has the original.", shortened=True)
    rname = Name("RNAME", "The mail address of who is responsible, @ as a dot.", shortened=True)
    serial = UInt(32, "SERIAL", "Grows with each change.")
    refresh = UInt(32, "REFRESH", "How often copies are compared.", unit="s")
    retry = UInt(32, "RETRY", "How soon again where that failed.", unit="s")
    expire = UInt(32, "EXPIRE", "How long a copy is good.", unit="s")
    minimum_ttl = UInt(32, "MINIMUM", "How long a no may be kept (RFC 2308).", unit="s")


class MX(Record, title="MX", rfc="RFC 1035, section 3.3.9", short="dns", dns=15):
    """A host that takes mail for this domain."""

    preference = UInt(16, "PREFERENCE", "The lowest is tried first.")
    exchange = Name("EXCHANGE", "The host.", shortened=True)


class AFSDB(Record, title="AFSDB", rfc="RFC 1183, section 1", short="dns", dns=(18, 21, 36)):
    """A host for this domain, as MX: AFSDB, RT and KX."""

    preference = UInt(16, "SUBTYPE", "Of AFSDB the kind, of the others the preference.")
    exchange = Name("HOSTNAME", "The host.")


class RP(Record, title="RP", rfc="RFC 1183, section 2.2", short="dns", dns=(14, 17)):
    """Who is responsible: RP, and the experimental MINFO."""

    mailbox = Name("MBOX-DNAME", "A mail address, @ as a dot.", shortened=False)
    more = Name("TXT-DNAME", "Where a TXT record says more; of MINFO, a second address.")


# --- texts --------------------------------------------------------------------------------


def quoted(text: bytes) -> str:
    r"""A character string as in a zone file (RFC 1035, section 5.1): quotes and ``\DDD``."""
    out = []
    for octet in text:
        character = chr(octet)
        if character in '"\\':
            out.append("\\" + character)
        else:
            out.append(character if 32 <= octet < 127 else f"\\{octet:03d}")
    return f'"{"".join(out)}"'


def _strings(raw: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Character strings, each with where it begins."""
    end = len(raw)
    while at < end:
        yield at, raw[at + 1 : at + 1 + raw[at]]
        at += 1 + raw[at]


def _to_string(text: Any, label: str) -> bytes:
    raw = bytes(text) if isinstance(text, (bytes, bytearray)) else str(text).encode()
    if len(raw) > 255:
        raise FieldError(f"a string of {label} has {len(raw)} bytes", "Cut it at 255 bytes.")
    return bytes([len(raw)]) + raw


class CharacterString(Text):
    """A text after its length in one byte (RFC 1035, section 3.3)."""

    def measure(self, header: Header, at: int) -> int:
        return 1 + header.data[at] if at < header.limit else 0

    def strip(self, raw: bytes) -> bytes:
        return raw[1:]

    def encode(self, value: Any, header: Header) -> bytes:
        return _to_string(value, self.label)

    def text(self, value: str, header: Header) -> str:
        return f'"{escaped(value)}"'


class _CharacterStrings(Field[tuple[str, ...]]):
    """One or more texts, each after its length."""

    def measure(self, header: Header, at: int) -> int:
        return max(0, header.limit - at)

    def decode(self, header: Header, bit: int, bits: int) -> tuple[str, ...]:
        raw = header.data[bit >> 3 : (bit + bits) >> 3]
        return tuple(text.decode("utf-8", "backslashreplace") for _, text in _strings(raw, 0))

    def encode(self, value: Any, header: Header) -> bytes:
        many = [value] if isinstance(value, (str, bytes)) else value
        return b"".join(_to_string(each, self.label) for each in many)

    def text(self, value: tuple[str, ...], header: Header) -> str:
        return " ".join(f'"{escaped(each)}"' for each in value)

    def parts(self, header: Header, bit: int, bits: int) -> tuple[Shown, ...]:
        raw = header.data[bit >> 3 : (bit + bits) >> 3]
        return tuple(
            Shown("string", "String", each, f'"{escaped(each)}"', bit + 8 * at, 8 + 8 * len(text))
            for at, text in _strings(raw, 0)
            for each in [text.decode("utf-8", "backslashreplace")]
        )


class TXT(Record, title="TXT", rfc="RFC 1035, section 3.3.14", short="dns", dns=16):
    """Any text; much of it for programs: SPF, keys, proofs of ownership."""

    strings = _CharacterStrings("TXT-DATA", "Texts of up to 255 bytes.", default=())


class SPF(TXT, title="SPF", rfc="RFC 4408, section 3.1.1", short="dns", dns=(99, 258)):
    """As TXT; nobody asks for it any more."""


class HINFO(Record, title="HINFO", rfc="RFC 1035, section 3.3.2", short="dns", dns=13):
    """What kind of machine a host is; today the answer to ANY (RFC 8482)."""

    cpu = CharacterString("CPU", "The processor.")
    os = CharacterString("OS", "The operating system.")
