"""DHCP for IPv6 (RFC 8415): messages, and options by name."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

from netarium.wire.applications.dns_names import name_size, read_name, text_of
from netarium.wire.escaping import escaped
from netarium.wire.field import Bytes, IPv6Address, Malformed, UInt
from netarium.wire.header import Header
from netarium.wire.parts import Parts

__all__ = ["DHCPv6", "DHCPv6Option"]

_MESSAGES = {
    1: "SOLICIT",
    2: "ADVERTISE",
    3: "REQUEST",
    4: "CONFIRM",
    5: "RENEW",
    6: "REBIND",
    7: "REPLY",
    8: "RELEASE",
    9: "DECLINE",
    10: "RECONFIGURE",
    11: "INFORMATION-REQUEST",
    12: "RELAY-FORW",
    13: "RELAY-REPL",
}
_OPTIONS = {
    1: "Client Identifier",
    2: "Server Identifier",
    3: "Identity Association for Non-temporary Addresses",
    4: "Identity Association for Temporary Addresses",
    5: "IA Address",
    6: "Option Request",
    7: "Preference",
    8: "Elapsed Time",
    9: "Relay Message",
    11: "Authentication",
    12: "Server Unicast",
    13: "Status Code",
    14: "Rapid Commit",
    15: "User Class",
    16: "Vendor Class",
    17: "Vendor-specific Information",
    18: "Interface-Id",
    19: "Reconfigure Message",
    20: "Reconfigure Accept",
    23: "DNS Recursive Name Server",
    24: "Domain Search List",
    25: "Identity Association for Prefix Delegation",
    26: "IA Prefix",
    31: "SNTP Servers",
    32: "Information Refresh Time",
    39: "Client FQDN",
    56: "NTP Server",
    59: "Boot File URL",
    79: "Client Link-Layer Address",
    82: "SOL_MAX_RT",
    83: "INF_MAX_RT",
}
_STATUS = {
    0: "Success",
    1: "UnspecFail",
    2: "NoAddrsAvail",
    3: "NoBinding",
    4: "NotOnLink",
    5: "UseMulticast",
    6: "NoPrefixAvail",
}
#: Where the options within an option begin, bytes into its value.
_NESTED = {3: 12, 4: 4, 5: 24, 25: 12, 26: 25}
_TOLD = 50  # options that a summary looks at
_DEEPEST = 3  # options within each other: a status in an address in an association


class DHCPv6Option(Header, title="DHCPv6 option", rfc="RFC 8415, section 21.1", short="dhcpv6"):
    """What client and server tell each other."""

    independent = True

    code = UInt(16, "option-code", "What it is about.", names=_OPTIONS)
    length = UInt(
        16, "option-len", "Of the value.", unit="bytes", auto=lambda c: max(0, c.size - 4)
    )
    value = Bytes(lambda header: header.own_size, "option-data", "By code.")
    options = Parts(
        "options", lambda h, start, end: _read_options(h, start, end), "Options within this one."
    )
    positional = ("code", "value")

    @property
    def own_size(self) -> int:
        """Bytes of the value that are no options."""
        size = max(0, self.limit - self.start - 4)
        deep = self.__dict__.get("depth", 0) >= _DEEPEST
        return size if deep else min(size, _NESTED.get(self.code, size))

    def end_of_header(self) -> int:
        return self.limit

    def summary(self) -> str:
        name = _OPTIONS.get(self.code, f"option {self.code}")
        return escaped(f"{name} {self._text()}".rstrip())

    def __str__(self) -> str:
        return self.summary()

    def _text(self) -> str:
        value, code = self.value, self.code
        if code in (5, 26) and len(value) >= 24:
            at = 0 if code == 5 else 9
            address = socket.inet_ntop(socket.AF_INET6, value[at : at + 16])
            return address if code == 5 else f"{address}/{value[8]}"
        if code == 6 and len(value) % 2 == 0:
            codes = [value[at] << 8 | value[at + 1] for at in range(0, len(value), 2)]
            return ", ".join(_OPTIONS.get(each, str(each)) for each in codes)
        if code == 13 and len(value) >= 2:
            status = value[0] << 8 | value[1]
            told = value[2:].decode("utf-8", "backslashreplace")
            return f"{status} ({_STATUS.get(status, 'unknown')}) {told}".rstrip()
        if code == 8 and len(value) == 2:
            return f"{(value[0] << 8 | value[1]) / 100:g} s"
        if code in (23, 31) and len(value) % 16 == 0:
            every = range(0, len(value), 16)
            return ", ".join(socket.inet_ntop(socket.AF_INET6, value[at : at + 16]) for at in every)
        if code == 24:
            return ", ".join(_names(value))
        return value.hex() if code not in _NESTED else ", ".join(map(str, self.options))


def _names(raw: bytes) -> list[str]:
    found, at = [], 0
    try:
        while at < len(raw):
            found.append(text_of(read_name(raw, at, 0, len(raw))))
            at += name_size(raw, at, len(raw))
    except Malformed:
        found.append("...")
    return found


def _read_options(header: Header, start: int, end: int) -> Iterator[DHCPv6Option]:
    at = start
    while at < end:
        if end - at < 4:
            raise Malformed(at, f"{end - at} bytes are left, an option needs 4")
        size = 4 + int.from_bytes(header.data[at + 2 : at + 4], "big")
        if size > end - at:
            raise Malformed(at, f"an option of {size} bytes where {end - at} are left")
        option = DHCPv6Option.view(header.data, at, at + size)
        option.__dict__["depth"] = header.__dict__.get("depth", 0) + 1
        yield option
        at += size


def _relayed(header: Any) -> bool:
    return (header.data[header.start] if header.data else header.given.get("type")) in (12, 13)


def _direct(header: Any) -> bool:
    return not _relayed(header)


class DHCPv6(Header, title="DHCPv6", rfc="RFC 8415, section 8", udp=(546, 547)):
    """DHCP for IPv6: gives a host addresses, prefixes, and what else it needs."""

    independent = True

    type = UInt(8, "msg-type", "What is wanted, or answered.", names=_MESSAGES, default=1)
    transaction = UInt(
        24, "transaction-id", "The client's number for this.", shown="x", when=_direct
    )
    hops = UInt(8, "hop-count", "Relays on the way.", when=_relayed)
    link = IPv6Address("link-address", "The client's network.", when=_relayed)
    peer = IPv6Address("peer-address", "Who sent it to the relay.", when=_relayed)
    options = Parts("options", _read_options, "What is told.")

    def end_of_header(self) -> int:
        return self.limit

    def check(self) -> None:
        needs = 34 if _relayed(self) else 4
        if self.limit - self.start < needs:
            raise Malformed(self.limit, f"DHCPv6 needs {needs} bytes")
        for _ in _read_options(self, self.start + needs, self.limit):
            pass

    def summary(self) -> str:
        inside = [each for each in self.options[:_TOLD] if isinstance(each, DHCPv6Option)]
        told = [str(each) for option in inside for each in (option, *option.options)]
        addresses = [each for each in told if each.startswith(("IA Address", "IA Prefix"))]
        return ", ".join([_MESSAGES.get(self.type, f"type {self.type}"), *addresses])
