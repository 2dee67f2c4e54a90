"""Network address translation in the kernel: the nf_tables messages of a masquerading node.

Built here rather than by the ``nft`` command, which a bare machine lacks; inside
the node ``nft list ruleset`` shows the result. Numbers are from
linux/netfilter/nf_tables.h; the rules are those that home routers run (RFC 2663
NAPT outwards, RFC 6092 simple security inwards).
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence

from netarium.runtime.netlink import (
    NLM_F_APPEND,
    NLM_F_CREATE,
    Netlink,
    Request,
    attribute,
    nested,
)

__all__ = ["apply", "masquerade"]

_NETLINK_NETFILTER = 12
_NFTABLES = 10 << 8
_NEWTABLE, _NEWCHAIN, _NEWRULE = _NFTABLES | 0, _NFTABLES | 3, _NFTABLES | 6
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_NFPROTO_INET = 1
_TABLE = "home"
_FORWARD, _POSTROUTING = 2, 4
_ESTABLISHED_OR_RELATED = 2 | 4
_IIFNAME, _OIFNAME = 6, 7
_DROP, _ACCEPT = 0, 1


def _message(kind: int, flags: int, body: bytes, what: str) -> Request:
    return Request(kind, flags, struct.pack("=BBH", _NFPROTO_INET, 0, 0) + body, what)


def _edge(kind: int) -> Request:
    body = struct.pack("=BB", socket.AF_UNSPEC, 0) + struct.pack("!H", 10)
    return Request(kind, 0, body, "nf_tables batch", acknowledged=False)


def _text(kind: int, value: str) -> bytes:
    return attribute(kind, value.encode() + b"\0")


def _number(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("!I", value))


def _expression(name: str, *attributes: bytes) -> bytes:
    return nested(1, _text(1, name), nested(2, *attributes))


def _value(kind: int, value: bytes) -> bytes:
    return nested(kind, attribute(1, value))


def _interface_is(key: int, name: str) -> tuple[bytes, bytes]:
    padded = name.encode().ljust(16, b"\0")
    return (
        _expression("meta", _number(1, 1), _number(2, key)),
        _expression("cmp", _number(1, 1), _number(2, 0), _value(3, padded)),
    )


def _verdict(code: int) -> bytes:
    return _expression("immediate", _number(1, 0), nested(2, nested(2, _number(1, code))))


def _established() -> tuple[bytes, bytes, bytes]:
    mask = struct.pack("=I", _ESTABLISHED_OR_RELATED)
    zero = bytes(4)
    return (
        _expression("ct", _number(1, 1), _number(2, 0)),
        _expression(
            "bitwise", _number(1, 1), _number(2, 1), _number(3, 4), _value(4, mask), _value(5, zero)
        ),
        _expression("cmp", _number(1, 1), _number(2, 1), _value(3, zero)),
    )


def _chain(name: str, kind: str, hook: int, priority: int) -> Request:
    place = nested(4, _number(1, hook), attribute(2, struct.pack("!i", priority)))
    body = _text(1, _TABLE) + _text(3, name) + place + _text(7, kind)
    return _message(_NEWCHAIN, NLM_F_CREATE, body, f"nf_tables chain {name}")


def _rule(chain: str, *expressions: bytes) -> Request:
    body = _text(1, _TABLE) + _text(2, chain) + nested(4, *expressions)
    return _message(_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, body, f"nf_tables rule in {chain}")


def masquerade(outside: Sequence[str]) -> list[Request]:
    """The batch that makes a node a home router towards its outside interfaces.

    What leaves through them carries the router's address; what comes in from
    them is forwarded only as part of a conversation that began inside.
    """
    batch = [
        _edge(_BATCH_BEGIN),
        _message(_NEWTABLE, NLM_F_CREATE, _text(1, _TABLE), "nf_tables"),
        _chain("forward", "filter", _FORWARD, 0),
        _chain("postrouting", "nat", _POSTROUTING, 100),
        _rule("forward", *_established(), _verdict(_ACCEPT)),
    ]
    for name in outside:
        batch.append(_rule("forward", *_interface_is(_IIFNAME, name), _verdict(_DROP)))
        batch.append(_rule("postrouting", *_interface_is(_OIFNAME, name), _expression("masq")))
    return [*batch, _edge(_BATCH_END)]


def apply(outside: Sequence[str]) -> None:
    """Masquerade in the calling process's network namespace.

    Raises:
        NetlinkError: the kernel has no nf_tables NAT, or refused a rule.
    """
    with Netlink(_NETLINK_NETFILTER) as netlink:
        netlink.transact(masquerade(outside))
