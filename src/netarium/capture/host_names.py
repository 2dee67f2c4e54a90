"""Nodes' names in filters: ``host www`` means the addresses that the lab's www has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netarium.model.lab import Lab

__all__ = ["with_addresses"]

_TOKEN = re.compile(r"!=|[()!]|&&|\|\||[&|]|[^\s()!&|]+")
_BETWEEN = {"and", "or", "not", "&&", "||", "!", "(", ")"}
_DIRECTIONS = {"src", "dst"}
_IPV4, _IPV6 = {"ip", "arp", "rarp"}, {"ip6"}
#: Words before a name that leave it a host's; other qualifiers make it a port, a network ...
_OF_HOSTS = {"host", "and", "or", *_DIRECTIONS, *_IPV4, *_IPV6}
_QUALIFIERS = {
    *(_OF_HOSTS - {"and", "or"}),
    *("port", "portrange", "net", "proto", "protochain", "gateway", "mask"),
    *("ether", "tcp", "udp", "sctp", "icmp", "icmp6", "vlan", "mpls"),
}
#: What is no name, whatever nodes are called.
_KEYWORDS = {"less", "greater", "broadcast", "multicast", "len", "inbound", "outbound"}


def with_addresses(expression: str, lab: Lab) -> str:
    """A filter in tcpdump's language with addresses in place of the names of nodes.

    libpcap would ask the resolver of this machine, which does not know them. A name that
    several addresses have stands for any of them.
    """
    known = {
        name.lower(): node.addresses
        for node in lab.nodes
        for name in (*node.names, node.name)
        if name.lower() not in _KEYWORDS
    }
    words = _TOKEN.findall(expression)
    if not any(word.lower() in known for word in words):
        return expression
    result: list[str] = []
    before: list[str] = []  # the qualifiers of the last primitive; one without has the same
    at = 0
    while at < len(words):
        if words[at].lower() in _BETWEEN:
            result.append(words[at])
            at += 1
            continue
        begin = at
        while at < len(words) and _qualifies(words, at, begin):
            at += 1
        own, name = words[begin:at], ""
        if at < len(words) and words[at].lower() not in _BETWEEN:
            name = words[at]
            at += 1
            before = own or before
        addresses = _meant(known.get(name.lower(), ()), before)
        if len(addresses) == 1:
            result += [*own, addresses[0]]
        elif addresses:
            every = (" ".join([*before, address]) for address in addresses)
            result.append(f"({' or '.join(every)})")
        else:
            result += [*own, *([name] if name else [])]
    return " ".join(result)


def _qualifies(words: list[str], at: int, begin: int) -> bool:
    """Whether a word is one before a name, as are the three of ``src or dst``."""
    word = words[at].lower()
    if word in ("and", "or"):
        around = words[max(begin, at - 1) : at] + words[at + 1 : at + 2]
        return len(around) == 2 and all(each.lower() in _DIRECTIONS for each in around)
    return word in _QUALIFIERS


def _meant(addresses: tuple[str, ...], qualifiers: list[str]) -> list[str]:
    """Those of a node's addresses that a name behind these qualifiers stands for."""
    said = {word.lower() for word in qualifiers}
    if not said <= _OF_HOSTS:
        return []
    return [
        address
        for address in addresses
        if not (said & _IPV4 and ":" in address) and not (said & _IPV6 and ":" not in address)
    ]
