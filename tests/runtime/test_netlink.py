from __future__ import annotations

import errno
import socket
import struct

import pytest

from netarium.runtime.netlink import (
    Netlink,
    NetlinkError,
    VethEnd,
    add_address,
    add_bridge,
    add_route,
    add_veth,
    attribute,
    set_link,
)
from tests.runtime.netlink_attributes import attributes, one


def test_an_attribute_is_padded_but_counts_its_own_length_only() -> None:
    assert attribute(3, b"abcde") == b"\x09\x00\x03\x00abcde\0\0\0"
    assert attribute(3, b"") == b"\x04\x00\x03\x00"


def test_a_cable_names_both_ends_their_places_and_addresses() -> None:
    near = VethEnd("eth0", 11, "02:00:00:00:00:01", 2)
    far = VethEnd("wan.100", 12, None, 7)
    body = add_veth(near, far, mtu=9000).body
    assert struct.unpack_from("=BxHiII", body) == (0, 0, 2, 0, 0)
    assert one(body[16:], 3) == b"eth0\0"
    assert one(body[16:], 1) == bytes.fromhex("020000000001")
    assert struct.unpack("=I", one(body[16:], 19)) == (11,)
    assert struct.unpack("=I", one(body[16:], 4)) == (9000,)
    assert one(body[16:], 18, 1) == b"veth"
    peer = one(body[16:], 18, 2, 1)
    assert struct.unpack_from("=BxHiII", peer) == (0, 0, 7, 0, 0)
    assert one(peer[16:], 3) == b"wan.100\0"
    assert struct.unpack("=I", one(peer[16:], 19)) == (12,)
    assert 1 not in dict(attributes(peer[16:]))


def test_a_port_of_a_bridge_comes_up_with_it() -> None:
    body = add_veth(VethEnd("p0.0"), VethEnd("eth0", 12), bridge=99).body
    assert struct.unpack_from("=BxHiII", body)[3:] == (1, 1)  # IFF_UP and that it is meant
    assert struct.unpack("=I", one(body[16:], 10)) == (99,)


def test_a_bridge_floods_multicast() -> None:
    assert one(add_bridge("segment0").body[16:], 18, 2, 23) == b"\0"


def test_putting_an_interface_up_leaves_its_mtu_alone_unless_told() -> None:
    assert attributes(set_link(2, "eth0").body[16:]) == []
    assert attributes(set_link(2, "eth0", mtu=1400).body[16:]) == [(4, struct.pack("=I", 1400))]


@pytest.mark.parametrize(
    "address, family, length, broadcast",
    [
        ("10.1.2.3/24", socket.AF_INET, 24, "10.1.2.255"),
        ("10.0.0.0/31", socket.AF_INET, 31, None),
        ("10.0.0.1/32", socket.AF_INET, 32, None),
        ("fd00::1/64", socket.AF_INET6, 64, None),
    ],
)
def test_an_address_has_its_prefix_and_a_broadcast_where_there_is_room(
    address: str, family: int, length: int, broadcast: str | None
) -> None:
    body = add_address(5, "eth0", address).body
    assert struct.unpack_from("=BBBBi", body) == (family, length, 2, 0, 5)  # IFA_F_NODAD
    found = dict(attributes(body[8:]))
    assert socket.inet_ntop(family, found[2]) == address.split("/")[0]
    assert found.get(4) == (socket.inet_aton(broadcast) if broadcast else None)


def test_a_default_route_has_no_destination() -> None:
    body = add_route("0.0.0.0/0", via="10.0.0.1").body
    assert body[1] == 0
    assert attributes(body[12:]) == [(5, socket.inet_aton("10.0.0.1"))]


@pytest.mark.parametrize("kind, number", [("blackhole", 6), ("unreachable", 7), ("unicast", 1)])
def test_kinds_of_routes(kind: str, number: int) -> None:
    assert add_route("10.0.0.0/8", kind=kind).body[7] == number


def test_a_route_on_an_interface_has_the_link_s_scope_and_onlink_is_a_flag() -> None:
    assert add_route("10.0.0.0/8", index=3).body[6] == 253
    body = add_route("10.0.0.0/8", via="10.9.0.1", index=3, onlink=True).body
    assert struct.unpack_from("=I", body, 8) == (4,)
    assert body[6] == 0


def test_ipv4_goes_by_way_of_an_ipv6_hop() -> None:
    body = add_route("10.0.0.0/8", via="fe80::1", index=3).body
    via = dict(attributes(body[12:]))[18]
    assert via == struct.pack("=H", socket.AF_INET6) + socket.inet_pton(socket.AF_INET6, "fe80::1")


def test_a_refusal_says_what_was_asked_for_and_why() -> None:
    with Netlink() as netlink, pytest.raises(NetlinkError) as refused:
        netlink.send([set_link(2**31 - 1, "eth99")])
    assert refused.value.errno in (errno.ENODEV, errno.EPERM)
    assert str(refused.value).startswith("interface eth99 up: ")
