"""Resource records that sign and prove: DNSSEC, keys, certificates (RFC 4034, RFC 5155, ...)."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from netarium.wire.applications.dns_names import Name
from netarium.wire.applications.dns_numbers import (
    DIGESTS,
    SECURITY_ALGORITHMS,
    type_name,
    type_number,
)
from netarium.wire.applications.dns_records import CharacterString, Hex, Record, RecordType
from netarium.wire.applications.text_protocol import Text
from netarium.wire.context import length_of
from netarium.wire.field import REST, Bytes, Field, FieldError, Flags, UInt
from netarium.wire.header import Header

__all__ = [
    "CAA",
    "CERT",
    "CSYNC",
    "DHCID",
    "DNSKEY",
    "DS",
    "NSEC",
    "NSEC3",
    "NSEC3PARAM",
    "OPENPGPKEY",
    "RRSIG",
    "SSHFP",
    "TLSA",
    "TSIG",
    "ZONEMD",
    "Base64",
    "Types",
]


class Base64(Bytes):
    """Bytes that people write in base64."""

    def text(self, value: bytes, header: Header) -> str:
        return base64.b64encode(value).decode()


class _Moment(UInt):
    """Seconds since 1970, shown as a date and time in UTC, ``20260131235959``."""

    def __init__(self, label: str, meaning: str = "") -> None:
        super().__init__(32, label, meaning)

    def text(self, value: int, header: Header) -> str:
        return f"{datetime.fromtimestamp(value, UTC):%Y%m%d%H%M%S}"


class Types(Field[tuple[str, ...]]):
    """The types of record that a name has, as a bitmap (RFC 4034, section 4.1.2)."""

    def measure(self, header: Header, at: int) -> int:
        return max(0, header.limit - at)

    def decode(self, header: Header, bit: int, bits: int) -> tuple[str, ...]:
        raw, at, found = header.data[bit >> 3 : (bit + bits) >> 3], 0, []
        while at + 2 <= len(raw):
            window, size = raw[at], raw[at + 1]
            for index, octet in enumerate(raw[at + 2 : at + 2 + size]):
                found += [
                    type_name(window << 8 | index << 3 | place)
                    for place in range(8)
                    if octet & 0x80 >> place
                ]
            at += 2 + size
        return tuple(found)

    def encode(self, value: Any, header: Header) -> bytes:
        if isinstance(value, (bytes, bytearray)):
            return bytes(value)
        windows: dict[int, bytearray] = {}
        for each in value:
            number = type_number(each) if isinstance(each, str) else each
            if number is None or not 0 <= number < 1 << 16:
                raise FieldError(f"{each!r} is no type of record", "Use names such as A or MX.")
            bitmap = windows.setdefault(number >> 8, bytearray(32))
            bitmap[number >> 3 & 31] |= 0x80 >> (number & 7)
        out = b""
        for window, bitmap in sorted(windows.items()):
            octets = bytes(bitmap).rstrip(b"\0")
            out += bytes([window, len(octets)]) + octets
        return out

    def text(self, value: tuple[str, ...], header: Header) -> str:
        return " ".join(value)


class DS(Record, title="DS", rfc="RFC 4034, section 5.1", short="dns", dns=(43, 59, 32768, 32769)):
    """The fingerprint of a key of the domain below: DS, CDS, DLV."""

    key_tag = UInt(16, "Key Tag", "Which key it is.")
    algorithm = UInt(8, "Algorithm", "Of the key.", names=SECURITY_ALGORITHMS)
    digest_type = UInt(8, "Digest Type", "Of the fingerprint.", names=DIGESTS)
    digest = Hex(REST, "Digest", "The fingerprint.")


class DNSKEY(Record, title="DNSKEY", rfc="RFC 4034, section 2.1", short="dns", dns=(48, 60, 25)):
    """A key that signs this zone: DNSKEY, CDNSKEY, KEY."""

    flags = Flags(
        "Flags",
        ("", "", "", "", "", "", "", "ZONE", "REVOKE", "", "", "", "", "", "", "SEP"),
        "SEP: the key that signs the keys.",
        default=256,
    )
    protocol = UInt(8, "Protocol", "Always 3.", default=3)
    algorithm = UInt(8, "Algorithm", "Of the signatures.", names=SECURITY_ALGORITHMS)
    key = Base64(REST, "Public Key", "By algorithm.")


class RRSIG(Record, title="RRSIG", rfc="RFC 4034, section 3.1", short="dns", dns=(46, 24)):
    """A signature over all records of one name and type: RRSIG, SIG."""

    covered = RecordType("Type Covered", "Which records it signs.")
    algorithm = UInt(8, "Algorithm", "How.", names=SECURITY_ALGORITHMS)
    labels = UInt(8, "Labels", "Of the name; fewer where a wildcard matched.")
    original_ttl = UInt(32, "Original TTL", "As signed.", unit="s")
    expiration = _Moment("Signature Expiration", "Good until.")
    inception = _Moment("Signature Inception", "Good from.")
    key_tag = UInt(16, "Key Tag", "With which key.")
    signer = Name("Signer's Name", "Of which zone.")
    signature = Base64(REST, "Signature", "By algorithm.")

    def presented(self, field: Field[Any], bit: int, bits: int) -> str:
        if isinstance(field, _Moment):
            return field.text(field.decode(self, bit, bits), self)
        return super().presented(field, bit, bits)


class NSEC(Record, title="NSEC", rfc="RFC 4034, section 4.1", short="dns", dns=47):
    """Proof that there is nothing between this name and the next."""

    next_name = Name("Next Domain Name", "The next name of the zone.")
    types = Types("Type Bit Maps", "Which records this name has.", default=())


def _base32hex(raw: bytes) -> str:
    return base64.b32hexencode(raw).decode().rstrip("=").lower()


class _Hash(Bytes):
    """A hash of a name, in base 32 with the extended hex alphabet (RFC 4648, section 7)."""

    def text(self, value: bytes, header: Header) -> str:
        return _base32hex(value)


class _Salt(Hex):
    def text(self, value: bytes, header: Header) -> str:
        return value.hex() or "-"


class _Hashed(Record):
    """What NSEC3 and NSEC3PARAM have in common."""

    hash_algorithm = UInt(8, "Hash Algorithm", "How names are hashed.", names={1: "SHA-1"})
    flags = Flags(
        "Flags", ("", "", "", "", "", "", "", "OPT-OUT"), "Unsigned names may be left out."
    )
    iterations = UInt(16, "Iterations", "How often more.")
    salt_length = UInt(8, "Salt Length", "", unit="bytes", auto=length_of("salt"))
    salt = _Salt(lambda header: header.salt_length, "Salt", "Hashed with the name.")

    def presented(self, field: Field[Any], bit: int, bits: int) -> str:
        hidden = field.label in ("Salt Length", "Hash Length")
        return "" if hidden else super().presented(field, bit, bits)

    def rdata(self) -> str:
        # An empty salt takes no place, and is written as a hyphen.
        words = super().rdata().split(" ")
        return " ".join(words if self.salt_length else [*words[:3], "-", *words[3:]])


class NSEC3(_Hashed, title="NSEC3", rfc="RFC 5155, section 3.2", short="dns", dns=50):
    """Proof that there is nothing between two hashes of names."""

    hash_length = UInt(8, "Hash Length", "", unit="bytes", auto=length_of("next_hash"))
    next_hash = _Hash(lambda header: header.hash_length, "Next Hashed Owner Name", "The next.")
    types = Types("Type Bit Maps", "Which records this name has.", default=())


class NSEC3PARAM(_Hashed, title="NSEC3PARAM", rfc="RFC 5155, section 4.2", short="dns", dns=51):
    """How the zone hashes its names."""


class CSYNC(Record, title="CSYNC", rfc="RFC 7477, section 2.1", short="dns", dns=62):
    """What the domain above shall copy."""

    serial = UInt(32, "SOA Serial", "From which version on.")
    flags = UInt(16, "Flags", "1: at once, 2: not older than the serial.")
    types = Types("Type Bit Map", "Which records.", default=())


class TLSA(Record, title="TLSA", rfc="RFC 6698, section 2.1", short="dns", dns=(52, 53)):
    """Which certificate a server has to show: TLSA; a person's: SMIMEA."""

    usage = UInt(8, "Certificate Usage", "Whose: 0 an authority's, 3 the server's own, ...")
    selector = UInt(8, "Selector", "0: all of it, 1: its key.")
    matching_type = UInt(8, "Matching Type", "0: as it is, 1: SHA-256, 2: SHA-512.")
    certificate = Hex(REST, "Certificate Association Data", "It, or its hash.")


class SSHFP(Record, title="SSHFP", rfc="RFC 4255, section 3.1", short="dns", dns=44):
    """The fingerprint of a host's SSH key."""

    algorithm = UInt(
        8, "Algorithm", "Of the key.", names={1: "RSA", 2: "DSA", 3: "ECDSA", 4: "Ed25519"}
    )
    fingerprint_type = UInt(8, "Fingerprint Type", "How.", names={1: "SHA-1", 2: "SHA-256"})
    fingerprint = Hex(REST, "Fingerprint", "The hash of the key.")


class CERT(Record, title="CERT", rfc="RFC 4398, section 2", short="dns", dns=37):
    """A certificate."""

    certificate_type = UInt(16, "Type", "", names={1: "PKIX", 2: "SPKI", 3: "PGP"})
    key_tag = UInt(16, "Key Tag", "Which key it is about.")
    algorithm = UInt(8, "Algorithm", "Of the key.", names=SECURITY_ALGORITHMS)
    certificate = Base64(REST, "Certificate or CRL", "By type.")

    def presented(self, field: Field[Any], bit: int, bits: int) -> str:
        value: Any = field.decode(self, bit, bits)
        if isinstance(field, UInt) and field.names and value in field.names:
            return field.names[value]
        return super().presented(field, bit, bits)


class OPENPGPKEY(Record, title="OPENPGPKEY", rfc="RFC 7929, section 2.1", short="dns", dns=61):
    """A person's key for mail."""

    key = Base64(REST, "Public Key", "As OpenPGP has it.")


class DHCID(Record, title="DHCID", rfc="RFC 4701, section 3.1", short="dns", dns=49):
    """Which DHCP client a name was given to."""

    digest = Base64(REST, "Digest", "Of what identifies the client.")


class ZONEMD(Record, title="ZONEMD", rfc="RFC 8976, section 2.2", short="dns", dns=63):
    """A digest of the whole zone."""

    serial = UInt(32, "Serial", "Of the zone.")
    scheme = UInt(8, "Scheme", "1: all of it at once.")
    hash_algorithm = UInt(8, "Hash Algorithm", "1: SHA-384, 2: SHA-512.")
    digest = Hex(REST, "Digest", "The hash.")


class CAA(Record, title="CAA", rfc="RFC 8659, section 4.1", short="dns", dns=257):
    """Which authority may issue certificates for this domain."""

    flags = UInt(8, "Flags", "128: those who do not know the tag must not issue.")
    tag = CharacterString("Tag", "issue, issuewild, iodef, ...", default="issue")
    value = Text("Value", "By tag.")

    def presented(self, field: Field[Any], bit: int, bits: int) -> str:
        from netarium.wire.applications.dns_records import quoted

        raw = self.data[bit >> 3 : (bit + bits) >> 3]
        if field.name == "tag":
            return raw[1:].decode("ascii", "backslashreplace")
        return quoted(raw) if field.name == "value" else super().presented(field, bit, bits)


class TSIG(Record, title="TSIG", rfc="RFC 8945, section 4.2", short="dns", dns=250):
    """Who sent this message, signed with a shared secret."""

    algorithm = Name("Algorithm Name", "hmac-sha256 or another.")
    signed = UInt(48, "Time Signed", "Seconds since 1970.", unit="s")
    fudge = UInt(16, "Fudge", "By how much clocks may differ.", unit="s", default=300)
    mac_size = UInt(16, "MAC Size", "", unit="bytes", auto=length_of("mac"))
    mac = Base64(lambda header: header.mac_size, "MAC", "The signature.")
    original_id = UInt(16, "Original ID", "Of the message.")
    error = UInt(16, "Error", "What is wrong with it.", names={16: "BADSIG", 17: "BADKEY"})
    other_length = UInt(16, "Other Len", "", unit="bytes", auto=length_of("other"))
    other = Hex(lambda header: header.other_length, "Other Data", "The server's time.")
