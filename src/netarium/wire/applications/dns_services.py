"""Resource records that lead to services: SRV, NAPTR, URI, SVCB and HTTPS (RFC 2782, RFC 9460)."""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterator
from typing import Any

from netarium.wire.applications.dns_names import Name
from netarium.wire.applications.dns_numbers import SERVICE_KEYS
from netarium.wire.applications.dns_records import CharacterString, Record, quoted
from netarium.wire.applications.text_protocol import Text
from netarium.wire.context import length_of
from netarium.wire.escaping import escaped
from netarium.wire.field import REST, Bytes, Field, Malformed, UInt
from netarium.wire.header import Header
from netarium.wire.parts import Parts

__all__ = ["EUI48", "HTTPS", "NAPTR", "SRV", "SVCB", "URI", "ServiceParameter"]


class SRV(Record, title="SRV", rfc="RFC 2782", short="dns", dns=33):
    """Where a service is: host and port."""

    priority = UInt(16, "Priority", "The lowest is tried first.")
    weight = UInt(16, "Weight", "The share among those of one priority.")
    port = UInt(16, "Port", "Where it listens.")
    target = Name("Target", "The host.")


class NAPTR(Record, title="NAPTR", rfc="RFC 3403, section 4.1", short="dns", dns=35):
    """A rule that makes one name of another: telephone numbers, SIP."""

    order = UInt(16, "ORDER", "The lowest first.")
    preference = UInt(16, "PREFERENCE", "Among those of one order.")
    flags = CharacterString("FLAGS", "What to do with the result.")
    services = CharacterString("SERVICES", "For which services.")
    regexp = CharacterString("REGEXP", "A substitution.")
    replacement = Name("REPLACEMENT", "The next name, where there is no substitution.")


class URI(Record, title="URI", rfc="RFC 7553, section 4.5", short="dns", dns=256):
    """Where a service is, as a URI."""

    priority = UInt(16, "Priority", "The lowest is tried first.")
    weight = UInt(16, "Weight", "The share among those of one priority.")
    target = Text("Target", "The URI.")

    def presented(self, field: Field[Any], bit: int, bits: int) -> str:
        if field.name == "target":
            return quoted(self.data[bit >> 3 : (bit + bits) >> 3])
        return super().presented(field, bit, bits)


class _HardwareAddress(Bytes):
    def text(self, value: bytes, header: Header) -> str:
        return value.hex("-")


class EUI48(Record, title="EUI48", rfc="RFC 7043, section 3", short="dns", dns=(108, 109)):
    """The hardware address of a host: EUI48, EUI64."""

    address = _HardwareAddress(REST, "Address", "The address.")


class ServiceParameter(Header, title="SvcParam", rfc="RFC 9460, section 2.2", short="dns"):
    """What a client may know before it connects."""

    independent = True

    key = UInt(16, "SvcParamKey", "What it is about.", names=SERVICE_KEYS)
    length = UInt(16, "Length", "Of the value.", unit="bytes", auto=length_of("value"))
    value = Bytes(lambda header: header.length, "SvcParamValue", "By key.")
    positional = ("key", "value")

    @property
    def presented(self) -> str:
        """As in a zone file: ``alpn="h2,http/1.1"``."""
        name = SERVICE_KEYS.get(self.key, f"key{self.key}")
        text = self._text()
        return f'{name}="{text}"' if text else name

    def _text(self) -> str:
        value = self.value
        if self.key == 0 and len(value) % 2 == 0:
            keys = [value[at] << 8 | value[at + 1] for at in range(0, len(value), 2)]
            return ",".join(SERVICE_KEYS.get(key, f"key{key}") for key in keys)
        if self.key == 1:
            return ",".join(quoted(name)[1:-1].replace(",", "\\\\,") for name in _strings(value))
        if self.key == 3 and len(value) == 2:
            return str(int.from_bytes(value, "big"))
        if self.key == 4 and value and len(value) % 4 == 0:
            return _addresses(value, socket.AF_INET, 4)
        if self.key == 5:
            return base64.b64encode(value).decode()
        if self.key == 6 and value and len(value) % 16 == 0:
            return _addresses(value, socket.AF_INET6, 16)
        return quoted(value)[1:-1]

    def end_of_header(self) -> int:
        return self.limit

    def summary(self) -> str:
        return escaped(self.presented)

    def __str__(self) -> str:
        return self.summary()


def _strings(raw: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(raw):
        yield raw[at + 1 : at + 1 + raw[at]]
        at += 1 + raw[at]


def _addresses(raw: bytes, family: int, size: int) -> str:
    return ",".join(
        socket.inet_ntop(family, raw[at : at + size]) for at in range(0, len(raw), size)
    )


def _read_parameters(header: Header, start: int, end: int) -> Iterator[ServiceParameter]:
    at = start
    while at < end:
        if end - at < 4:
            raise Malformed(at, f"{end - at} bytes are left, a parameter needs 4")
        size = 4 + int.from_bytes(header.data[at + 2 : at + 4], "big")
        if size > end - at:
            raise Malformed(at, f"a parameter of {size} bytes where {end - at} are left")
        yield ServiceParameter.view(header.data, at, at + size)
        at += size


class SVCB(Record, title="SVCB", rfc="RFC 9460, section 2.2", short="dns", dns=64):
    """Where a service is, and how to speak to it."""

    priority = UInt(16, "SvcPriority", "The lowest is tried first; 0: another name of it.")
    target = Name("TargetName", "The host; the root: the name itself.")
    parameters = Parts("SvcParams", _read_parameters, "What to know before connecting.")

    def presented(self, field: Field[Any], bit: int, bits: int) -> str:
        if field.name == "parameters":
            return " ".join(
                each.presented if isinstance(each, ServiceParameter) else str(each)
                for each in self.parameters
            )
        return super().presented(field, bit, bits)


class HTTPS(SVCB, title="HTTPS", rfc="RFC 9460, section 9", short="dns", dns=65):
    """Where a web site is, and whether it speaks HTTP/2 or HTTP/3."""
