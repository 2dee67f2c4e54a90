from __future__ import annotations

import struct

from netarium.runtime.nat import masquerade
from tests.runtime.netlink_attributes import attributes, one


def _expressions(rule: bytes) -> list[tuple[str, bytes]]:
    found = []
    for _, element in attributes(one(rule[4:], 4)):
        found.append((one(element, 1).rstrip(b"\0").decode(), element))
    return found


def test_all_is_one_batch_whose_edges_are_not_acknowledged() -> None:
    batch = masquerade(["eth0"])
    assert [request.kind for request in (batch[0], batch[-1])] == [0x10, 0x11]
    assert {request.acknowledged for request in (batch[0], batch[-1])} == {False}
    assert {request.acknowledged for request in batch[1:-1]} == {True}


def test_replies_come_in_before_anything_from_outside_is_dropped() -> None:
    rules = [request.body for request in masquerade(["wan0", "wan1"]) if request.kind == 0xA06]
    forward = [body for body in rules if one(body[4:], 2) == b"forward\0"]
    names = [[name for name, _ in _expressions(body)] for body in forward]
    assert names == [
        ["ct", "bitwise", "cmp", "immediate"],
        ["meta", "cmp", "immediate"],
        ["meta", "cmp", "immediate"],
    ]
    verdicts = [struct.unpack("!I", one(_expressions(b)[-1][1], 2, 2, 2, 1))[0] for b in forward]
    assert verdicts == [1, 0, 0]  # accept, drop, drop
    compared = [one(_expressions(body)[1][1], 2, 3, 1).rstrip(b"\0") for body in forward[1:]]
    assert compared == [b"wan0", b"wan1"]


def test_what_leaves_by_each_outside_interface_is_masqueraded() -> None:
    rules = [request.body for request in masquerade(["wan0", "wan1"]) if request.kind == 0xA06]
    leaving = [body for body in rules if one(body[4:], 2) == b"postrouting\0"]
    assert [[name for name, _ in _expressions(body)] for body in leaving] == [
        ["meta", "cmp", "masq"],
        ["meta", "cmp", "masq"],
    ]
    keys = [struct.unpack("!I", one(_expressions(body)[0][1], 2, 2))[0] for body in leaving]
    assert keys == [7, 7]  # NFT_META_OIFNAME


def test_chains_hook_where_packets_are_forwarded_and_leave() -> None:
    chains = [request.body for request in masquerade(["eth0"]) if request.kind == 0xA03]
    hooks = {
        one(body[4:], 3).rstrip(b"\0").decode(): struct.unpack("!I", one(body[4:], 4, 1))[0]
        for body in chains
    }
    assert hooks == {"forward": 2, "postrouting": 4}
