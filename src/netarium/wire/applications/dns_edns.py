"""Extension mechanisms for DNS (RFC 6891): the OPT record and its options."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from netarium.wire.applications.dns_names import Name
from netarium.wire.applications.dns_numbers import EDNS_OPTIONS, EXTENDED_ERRORS
from netarium.wire.applications.dns_records import InMessage, RecordType
from netarium.wire.context import length_of
from netarium.wire.escaping import escaped
from netarium.wire.field import Bytes, Flags, Malformed, UInt
from netarium.wire.header import Header
from netarium.wire.parts import Parts

__all__ = ["OPT", "EDNSOption"]


class EDNSOption(Header, title="EDNS option", rfc="RFC 6891, section 6.1.2", short="dns"):
    """What asker and answerer tell each other besides."""

    independent = True

    code = UInt(16, "OPTION-CODE", "What it is about.", names=EDNS_OPTIONS)
    length = UInt(16, "OPTION-LENGTH", "Of the value.", unit="bytes", auto=length_of("value"))
    value = Bytes(lambda header: header.length, "OPTION-DATA", "By code.")
    positional = ("code", "value")

    def end_of_header(self) -> int:
        return self.limit

    def summary(self) -> str:
        name = EDNS_OPTIONS.get(self.code, f"option {self.code}")
        return escaped(f"{name} {self._text()}".rstrip())

    def __str__(self) -> str:
        return self.summary()

    def _text(self) -> str:
        value, code = self.value, self.code
        if code == 8 and len(value) >= 4:
            return _subnet(value)
        if code == 15 and len(value) >= 2:
            number = value[0] << 8 | value[1]
            error = f"{number} ({EXTENDED_ERRORS.get(number, 'unknown')})"
            return f"{error} {value[2:].decode('utf-8', 'backslashreplace')}".rstrip()
        if code == 11 and len(value) == 2:
            return f"{(value[0] << 8 | value[1]) / 10:g} s"
        if code == 12:
            return f"{len(value)} bytes"
        if code == 3 and value and value.isascii():
            return value.decode()
        return value.hex()


def _subnet(value: bytes) -> str:
    """The network of the person who asks (RFC 7871, section 6)."""
    family, source, scope = value[0] << 8 | value[1], value[2], value[3]
    kind, size = (socket.AF_INET, 4) if family == 1 else (socket.AF_INET6, 16)
    if family not in (1, 2) or len(value) - 4 > size:
        return value.hex()
    return f"{socket.inet_ntop(kind, value[4:].ljust(size, bytes(1)))}/{source}/{scope}"


def _read_options(header: Header, start: int, end: int) -> Iterator[EDNSOption]:
    at = start
    while at < end:
        if end - at < 4:
            raise Malformed(at, f"{end - at} bytes are left, an option needs 4")
        size = 4 + int.from_bytes(header.data[at + 2 : at + 4], "big")
        if size > end - at:
            raise Malformed(at, f"an option of {size} bytes where {end - at} are left")
        yield EDNSOption.view(header.data, at, at + size)
        at += size


class OPT(InMessage, title="OPT", rfc="RFC 6891, section 6.1.2", short="dns", dns=41):
    """What the sender can do beyond RFC 1035; a record only by its form."""

    name = Name("NAME", "The root.")
    type = RecordType("TYPE", "41.", default=41)
    udp_size = UInt(
        16, "CLASS", "The longest answer that may come over UDP.", unit="bytes", default=1232
    )
    extended_rcode = UInt(8, "EXTENDED-RCODE", "The high bits of the response code.")
    version = UInt(8, "VERSION", "Of EDNS.")
    flags = Flags("Flags", ("DO", *("-",) * 15), "DO: signatures are wanted (RFC 3225).")
    length = UInt(16, "RDLENGTH", "Of the options.", unit="bytes", auto=length_of("options"))
    options = Parts(
        "Options", _read_options, "What there is besides.", size=lambda header: header.length
    )

    def rdata(self) -> str:
        """Its options."""
        return ", ".join(each.summary() for each in self.options)

    def summary(self) -> str:
        signed = " DO" if self.flags & 0x8000 else ""
        options = self.rdata()
        return f"OPT version {self.version}{signed}, {self.udp_size} bytes" + (
            f", {options}" if options else ""
        )

    def __str__(self) -> str:
        return self.summary()
