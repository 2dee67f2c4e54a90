"""Addresses and prefixes: parsed once, compared as numbers, always in normal form."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Literal, NamedTuple

__all__ = ["Address", "BadAddressError", "Prefix", "host", "interface_address", "prefix"]

Family = Literal[4, 6]
_BITS = {4: 32, 6: 128}


class BadAddressError(ValueError):
    """Text that is no address or prefix. ``problem`` and ``cure`` are for people."""

    def __init__(self, problem: str, cure: str) -> None:
        super().__init__(f"{problem}; {cure}")
        self.problem = problem
        self.cure = cure


class Prefix(NamedTuple):
    """A range of addresses: ``10.0.0.0/24``."""

    family: Family
    value: int
    length: int

    def holds(self, address: Address) -> bool:
        """Whether ``address`` lies in it."""
        shift = _BITS[self.family] - self.length
        return self.family == address.family and address.value >> shift << shift == self.value

    @property
    def size(self) -> int:
        """How many addresses it holds."""
        return 1 << (_BITS[self.family] - self.length)

    @property
    def is_host(self) -> bool:
        """Whether it is a single address (/32 or /128)."""
        return self.length == _BITS[self.family]

    def overlaps(self, other: Prefix) -> bool:
        """Whether any address is in both."""
        if self.family != other.family:
            return False
        return self.value < other.value + other.size and other.value < self.value + self.size

    def address(self, position: int) -> Address:
        """The address at ``position`` in it, with its length."""
        return Address(self.family, self.value + position, self.length)

    def __str__(self) -> str:
        return f"{_text(self.family, self.value)}/{self.length}"


class Address(NamedTuple):
    """An address and the length of its prefix: ``10.0.0.1/24``."""

    family: Family
    value: int
    length: int

    @property
    def prefix(self) -> Prefix:
        """The prefix that the address is in."""
        shift = _BITS[self.family] - self.length
        return Prefix(self.family, self.value >> shift << shift, self.length)

    @property
    def is_host(self) -> bool:
        """Whether its prefix holds itself alone (/32 or /128)."""
        return self.length == _BITS[self.family]

    @property
    def is_link_local(self) -> bool:
        """Whether it is an IPv6 link-local address (fe80::/10, RFC 4291 2.5.6)."""
        return self.family == 6 and self.value >> 118 == 0xFE80 >> 6

    @property
    def text(self) -> str:
        """The address alone: ``10.0.0.1``."""
        return _text(self.family, self.value)

    def __str__(self) -> str:
        return f"{self.text}/{self.length}"


@lru_cache(maxsize=65536)
def _text(family: Family, value: int) -> str:
    return str(ipaddress.IPv4Address(value) if family == 4 else ipaddress.IPv6Address(value))


def _parse(text: str, what: str, cure: str) -> tuple[Family, int]:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        raise BadAddressError(f"{text} is not {what}", cure) from None
    if found.version == 6 and found.scope_id:
        raise BadAddressError(f"{text} has a zone", "write it without %, and name dev")
    return found.version, int(found)


def _length(text: str, family: Family, whole: str) -> int:
    bits = _BITS[family]
    if not text.isascii() or not text.isdigit() or len(text) > 3 or int(text) > bits:
        cure = f"write a prefix length between 0 and {bits} after the /"
        raise BadAddressError(f"{whole} has a bad prefix length: {text or 'none'}", cure)
    return int(text)


@lru_cache(maxsize=65536)
def interface_address(text: str) -> Address:
    """An interface's address with its prefix length, usable by one host.

    Raises:
        BadAddressError: no such address, no length, or not one that a host can have.
    """
    alone, slash, length_text = text.partition("/")
    family, value = _parse(alone, "an address", "write one such as 10.0.0.1/24")
    if not slash:
        length = 24 if family == 4 else 64
        raise BadAddressError(f"{text} has no prefix length", f"write {text}/{length}")
    length = _length(length_text, family, text)
    if length == 0:
        raise BadAddressError(f"{text} has a prefix length of 0", "write that of the link's subnet")
    address = Address(family, value, length)
    found = ipaddress.ip_address(alone)
    if found.is_multicast or found.is_unspecified or found.is_loopback:
        kind = (
            "a multicast address"
            if found.is_multicast
            else "no address at all"
            if found.is_unspecified
            else "a loopback address"
        )
        raise BadAddressError(f"{text} is {kind}", "give the interface a unicast address")
    within = address.prefix
    if within.size > 2:
        first = within.address(1)
        if value == within.value:
            raise BadAddressError(
                f"{text} is the subnet itself, not a host in it", f"write one such as {first}"
            )
        if family == 4 and value == within.value + within.size - 1:
            raise BadAddressError(
                f"{text} is the subnet's broadcast address", f"write one such as {first}"
            )
    return address


@lru_cache(maxsize=65536)
def prefix(text: str) -> Prefix:
    """A prefix; an address without length is itself alone.

    Raises:
        BadAddressError: no such prefix, or bits beyond its length are set.
    """
    alone, slash, length_text = text.partition("/")
    family, value = _parse(alone, "a prefix", "write one such as 10.0.0.0/24")
    length = _length(length_text, family, text) if slash else _BITS[family]
    found = Address(family, value, length).prefix
    if found.value != value:
        raise BadAddressError(f"{text} has host bits set", f"write {found}")
    return found


@lru_cache(maxsize=65536)
def host(text: str) -> Address:
    """An address alone, as a next hop or a resolver.

    Raises:
        BadAddressError: it is none, or has a prefix length.
    """
    if "/" in text:
        alone = text.split("/")[0]
        raise BadAddressError(f"{text} has a prefix length", f"write {alone}")
    family, value = _parse(text, "an address", "write one such as 10.0.0.1")
    return Address(family, value, _BITS[family])
