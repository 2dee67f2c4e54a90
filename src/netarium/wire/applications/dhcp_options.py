"""Options of DHCP (RFC 2132 and later): their names, and values by kind."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

from netarium.wire.applications.dns_names import (
    compressed,
    name_size,
    name_to_bytes,
    read_name,
    text_of,
)
from netarium.wire.context import Context
from netarium.wire.escaping import escaped
from netarium.wire.field import REST, Bytes, Field, FieldError, Malformed, UInt
from netarium.wire.header import Header

__all__ = ["MESSAGE_TYPES", "OPTIONS", "DHCPOption", "DHCPPadding", "read_options"]

#: RFC 2132, section 9.6; RFC 3203, RFC 4388, RFC 6926, RFC 7724.
MESSAGE_TYPES = {
    1: "DISCOVER",
    2: "OFFER",
    3: "REQUEST",
    4: "DECLINE",
    5: "ACK",
    6: "NAK",
    7: "RELEASE",
    8: "INFORM",
    9: "FORCERENEW",
    10: "LEASEQUERY",
    11: "LEASEUNASSIGNED",
    12: "LEASEUNKNOWN",
    13: "LEASEACTIVE",
}

_OVERLOADS = {1: "file", 2: "sname", 3: "file and sname"}

#: By code: name and kind of value.
OPTIONS: dict[int, tuple[str, str]] = {
    0: ("Pad", "none"),
    1: ("Subnet Mask", "address"),
    2: ("Time Offset", "signed"),
    3: ("Router", "addresses"),
    4: ("Time Server", "addresses"),
    5: ("Name Server", "addresses"),
    6: ("Domain Name Server", "addresses"),
    7: ("Log Server", "addresses"),
    9: ("LPR Server", "addresses"),
    12: ("Host Name", "text"),
    13: ("Boot File Size", "number"),
    14: ("Merit Dump File", "text"),
    15: ("Domain Name", "text"),
    16: ("Swap Server", "address"),
    17: ("Root Path", "text"),
    18: ("Extensions Path", "text"),
    19: ("IP Forwarding", "flag"),
    20: ("Non-Local Source Routing", "flag"),
    22: ("Maximum Datagram Reassembly Size", "number"),
    23: ("Default IP TTL", "number"),
    26: ("Interface MTU", "number"),
    27: ("All Subnets are Local", "flag"),
    28: ("Broadcast Address", "address"),
    29: ("Perform Mask Discovery", "flag"),
    31: ("Perform Router Discovery", "flag"),
    32: ("Router Solicitation Address", "address"),
    33: ("Static Route", "addresses"),
    35: ("ARP Cache Timeout", "number"),
    36: ("Ethernet Encapsulation", "flag"),
    37: ("TCP Default TTL", "number"),
    38: ("TCP Keepalive Interval", "number"),
    40: ("NIS Domain", "text"),
    41: ("NIS Servers", "addresses"),
    42: ("NTP Servers", "addresses"),
    43: ("Vendor Specific Information", "bytes"),
    44: ("NetBIOS Name Server", "addresses"),
    46: ("NetBIOS Node Type", "number"),
    47: ("NetBIOS Scope", "text"),
    48: ("X Window Font Server", "addresses"),
    50: ("Requested IP Address", "address"),
    51: ("IP Address Lease Time", "seconds"),
    52: ("Option Overload", "overload"),
    53: ("DHCP Message Type", "message"),
    54: ("Server Identifier", "address"),
    55: ("Parameter Request List", "codes"),
    56: ("Message", "text"),
    57: ("Maximum DHCP Message Size", "number"),
    58: ("Renewal (T1) Time", "seconds"),
    59: ("Rebinding (T2) Time", "seconds"),
    60: ("Vendor Class Identifier", "text"),
    61: ("Client Identifier", "identifier"),
    66: ("TFTP Server Name", "text"),
    67: ("Bootfile Name", "text"),
    69: ("SMTP Server", "addresses"),
    70: ("POP3 Server", "addresses"),
    72: ("WWW Server", "addresses"),
    77: ("User Class", "bytes"),
    80: ("Rapid Commit", "none"),
    81: ("Client FQDN", "bytes"),
    82: ("Relay Agent Information", "bytes"),
    93: ("Client System Architecture", "number"),
    94: ("Client Network Interface", "bytes"),
    97: ("Client UUID", "bytes"),
    100: ("Timezone (POSIX)", "text"),
    101: ("Timezone (TZ database)", "text"),
    108: ("IPv6-Only Preferred", "seconds"),
    114: ("Captive Portal", "text"),
    116: ("Auto-Configuration", "flag"),
    118: ("Subnet Selection", "address"),
    119: ("Domain Search", "names"),
    120: ("SIP Servers", "bytes"),
    121: ("Classless Static Route", "routes"),
    125: ("Vendor-Identifying Vendor Options", "bytes"),
    150: ("TFTP Server Address", "addresses"),
    249: ("Classless Static Route (Microsoft)", "routes"),
    252: ("Web Proxy Auto-Discovery", "text"),
    255: ("End", "none"),
}

#: How many bytes a value of a kind has, where that is fixed; else any number.
_SIZES = {"address": 4, "flag": 1, "message": 1, "overload": 1, "seconds": 4, "signed": 4}
_WORDS = {
    name.lower().replace(" ", "_").replace("-", "_"): code for code, (name, _) in OPTIONS.items()
}


def _kind(header: Header) -> str:
    """What the value is; bytes where it has not the length that its kind has."""
    code = header.data[header.start] if header.data else 0
    return OPTIONS.get(code, ("", "bytes"))[1]


def _read(kind: str, raw: bytes) -> Any:
    """A value; bytes where they do not have the form of its kind."""
    if len(raw) != _SIZES.get(kind, len(raw)):
        return raw
    if kind in ("number", "seconds", "flag", "message", "overload"):
        return int.from_bytes(raw, "big") if 0 < len(raw) <= 8 else raw
    if kind == "signed":
        return int.from_bytes(raw, "big", signed=True)
    if kind == "address":
        return socket.inet_ntoa(raw)
    if kind == "addresses" and raw and len(raw) % 4 == 0:
        return tuple(socket.inet_ntoa(raw[at : at + 4]) for at in range(0, len(raw), 4))
    if kind == "text":
        return raw.rstrip(b"\0").decode("utf-8", "backslashreplace")
    if kind == "codes":
        return tuple(raw)
    reader = {"names": _names, "routes": _routes}.get(kind)
    try:
        return tuple(reader(raw)) if reader else raw
    except (Malformed, OSError):
        return raw


def _names(raw: bytes) -> Iterator[str]:
    """Domain names, compressed among themselves (RFC 3397, section 2)."""
    at = 0
    while at < len(raw):
        yield text_of(read_name(raw, at, 0, len(raw)))
        at += name_size(raw, at, len(raw))


def _routes(raw: bytes) -> Iterator[str]:
    """Routes as ``10.0.0.0/8 via 192.0.2.1`` (RFC 3442)."""
    at = 0
    while at < len(raw):
        width = raw[at]
        size = (width + 7) // 8
        if width > 32 or at + 5 + size > len(raw):
            raise Malformed(at, "a route that ends early")
        network = socket.inet_ntoa(raw[at + 1 : at + 1 + size].ljust(4, b"\0"))
        router = socket.inet_ntoa(raw[at + 1 + size : at + 5 + size])
        yield f"{network}/{width} via {router}"
        at += 5 + size


def _write(kind: str, code: int, value: Any) -> bytes:
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if kind in ("address", "addresses"):
        many = [value] if isinstance(value, str) else value
        return b"".join(socket.inet_aton(each) for each in many)
    if kind == "message" and isinstance(value, str):
        value = next(n for n, name in MESSAGE_TYPES.items() if name == value.upper())
    if kind in ("message", "flag", "overload"):
        return int(value).to_bytes(1, "big")
    if kind == "seconds" or kind == "signed":
        return int(value).to_bytes(4, "big", signed=kind == "signed")
    if kind == "number":
        return int(value).to_bytes({13: 2, 22: 2, 26: 2, 57: 2, 93: 2, 35: 4, 38: 4}.get(code, 1))
    if kind == "codes":
        return bytes(_code(each) for each in value)
    if kind == "names":
        many = [value] if isinstance(value, str) else value
        return b"".join(compressed(name_to_bytes(each), 0, None) for each in many)
    if kind == "routes":
        return b"".join(_route(each) for each in ([value] if isinstance(value, str) else value))
    return str(value).encode()


def _route(text: str) -> bytes:
    network, _, router = text.partition(" via ")
    address, _, width = network.partition("/")
    size = (int(width) + 7) // 8
    return bytes([int(width)]) + socket.inet_aton(address)[:size] + socket.inet_aton(router)


def _code(name: Any) -> int:
    if isinstance(name, int):
        return name
    word = str(name).lower().replace(" ", "_").replace("-", "_")
    if word not in _WORDS:
        raise FieldError(f"there is no DHCP option {name!r}", "Use its number.")
    return _WORDS[word]


def _code_name(code: int) -> str:
    return OPTIONS.get(code, (f"option {code}", ""))[0]


class _Code(UInt):
    """The number of an option; by name when it is set."""

    def number(self, value: Any) -> int:
        return super().number(_code(value))

    def text(self, value: int, header: Header) -> str:
        return f"{value} ({_code_name(value)})" if value in OPTIONS else str(value)


class _Value(Field[Any]):
    """What an option says: by its kind an address, a number, a text, ..."""

    def measure(self, header: Header, at: int) -> int:
        return max(0, header.end_of_header() - at)

    def decode(self, header: Header, bit: int, bits: int) -> Any:
        return _read(_kind(header), header.data[bit >> 3 : (bit + bits) >> 3])

    def encode(self, value: Any, header: Header) -> bytes:
        code = _code(header.given.get("code", header.data[header.start] if header.data else 0))
        kind = OPTIONS.get(code, ("", "bytes"))[1]
        try:
            raw = b"" if value is None else _write(kind, code, value)
        except (ValueError, TypeError, OSError, StopIteration, OverflowError) as error:
            what = _code_name(code)
            raise FieldError(f"{what} cannot be {value!r}", f"It takes: {kind}.") from error
        if len(raw) > 255:
            raise FieldError(f"{_code_name(code)} has {len(raw)} bytes, the most is 255")
        return raw

    def text(self, value: Any, header: Header) -> str:
        kind = _kind(header)
        if isinstance(value, bytes):
            if kind == "identifier" and len(value) == 7 and value[0] == 1:
                return value[1:].hex(":")
            return value.hex(" ", -4)
        if kind == "message":
            return f"{value} ({MESSAGE_TYPES.get(value, 'unknown')})"
        if kind == "overload":
            return f"{value} ({_OVERLOADS.get(value, 'unknown')})"
        if kind == "seconds":
            return f"{value} s"
        if kind == "codes":
            return ", ".join(_code_name(code) for code in value)
        return escaped(", ".join(map(str, value)) if isinstance(value, tuple) else str(value))


def _has_length(header: Any) -> bool:
    first = header.data[header.start] if header.data else header.given.get("code", 1)
    return first not in (0, 255, "pad", "end")


def _length(context: Context) -> int:
    return max(0, context.size - 2)


class DHCPOption(Header, title="DHCP option", rfc="RFC 2132, section 2", short="dhcp"):
    """An option: ``DHCPOption("router", "192.0.2.1")``, ``DHCPOption(53, "DISCOVER")``."""

    independent = True

    code = _Code(8, "Code", "What it is about.")
    length = UInt(8, "Length", "Of the value.", unit="bytes", auto=_length, when=_has_length)
    value = _Value("Value", "By code.", when=_has_length)
    positional = ("code", "value")

    def end_of_header(self) -> int:
        if not self.data or self.data[self.start] in (0, 255):
            return min(self.limit, self.start + 1)
        if self.limit - self.start < 2:
            return self.limit
        return min(self.limit, self.start + 2 + self.data[self.start + 1])

    def summary(self) -> str:
        field: Any = type(self).value
        told = field.text(self.value, self) if _has_length(self) else ""
        return f"{_code_name(self.code)} {told}".rstrip()

    def __str__(self) -> str:
        return self.summary()


class DHCPPadding(Header, title="Padding", rfc="RFC 2132, section 3.1", short="dhcp"):
    """Pad options, one byte each, to an even place or a full length."""

    independent = True

    zeros = Bytes(REST, "Zeros", "They say nothing.")

    def end_of_header(self) -> int:
        return self.limit

    def summary(self) -> str:
        return f"Pad, {self.size} byte{'' if self.size == 1 else 's'}"

    def __str__(self) -> str:
        return self.summary()


def read_options(header: Header, start: int, end: int) -> Iterator[DHCPOption | DHCPPadding]:
    """Views of options up to the End option, paddings as one.

    Malformed where an option is longer than what is left.
    """
    data, at = header.data, start
    while at < end:
        if data[at] == 0:
            behind = end - len(data[at:end].lstrip(b"\0"))
            yield DHCPPadding.view(data, at, behind)
            at = behind
            continue
        if data[at] != 255:
            if end - at < 2:
                raise Malformed(at, f"the option {_code_name(data[at])} has no length")
            if 2 + data[at + 1] > end - at:
                why = f"of {data[at + 1]} bytes where {end - at - 2} are left"
                raise Malformed(at, f"the option {_code_name(data[at])} {why}")
        option = DHCPOption.view(data, at, end)
        yield option
        if data[at] == 255:
            return
        at = option.end_of_header()
