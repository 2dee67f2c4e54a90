"""DHCP for both versions of IP: options by kind, overload, and what is broken."""

from __future__ import annotations

import pytest

from netarium.wire.applications.dhcp import DHCP
from netarium.wire.applications.dhcp_options import OPTIONS, DHCPOption
from netarium.wire.applications.dhcpv6 import DHCPv6, DHCPv6Option
from netarium.wire.field import FieldError
from netarium.wire.packet import Packet
from netarium.wire.transport.udp import UDP

VALUES = [
    ("Subnet Mask", "255.255.255.0", bytes([255, 255, 255, 0])),
    ("Router", ("10.0.0.1", "10.0.0.2"), bytes([10, 0, 0, 1, 10, 0, 0, 2])),
    ("Host Name", "h1", b"h1"),
    ("Interface MTU", 1500, b"\x05\xdc"),
    ("IP Address Lease Time", 3600, b"\0\0\x0e\x10"),
    ("Time Offset", -3600, b"\xff\xff\xf1\xf0"),
    ("IP Forwarding", 1, b"\x01"),
    ("Parameter Request List", (1, 3, 6, 200), bytes([1, 3, 6, 200])),
    ("Domain Search", ("a.example", "b"), b"\1a\7example\0\1b\0"),
    (
        "Classless Static Route",
        ("10.0.0.0/8 via 10.1.1.1", "0.0.0.0/0 via 10.1.1.2"),
        bytes([8, 10, 10, 1, 1, 1, 0, 10, 1, 1, 2]),
    ),
]


@pytest.mark.parametrize(("name", "value", "raw"), VALUES, ids=[name for name, _, _ in VALUES])
def test_options_by_name(name: str, value: object, raw: bytes) -> None:
    option = DHCPOption(name, value)
    assert option.raw[2:] == raw
    assert option.length == len(raw)
    read = DHCPOption.view(option.raw)
    assert (read.value, OPTIONS[read.code][0]) == (value, name)
    assert str(read).startswith(name)


def test_names_of_search_lists_may_be_compressed() -> None:
    raw = b"\1a\7example\0\1b\xc0\x02"
    assert DHCPOption.view(bytes([119, len(raw)]) + raw).value == ("a.example", "b.example")


def test_message_types_by_name() -> None:
    assert DHCPOption(53, "discover").raw == b"\x35\x01\x01"
    assert str(DHCPOption("dhcp_message_type", 5)) == "DHCP Message Type 5 (ACK)"
    for bad in ((53, "nonsense"), (1, "10.0.0.300"), ("Nonsense", 1), (12, "x" * 256)):
        with pytest.raises(FieldError):
            DHCPOption(*bad)


@pytest.mark.parametrize(
    ("code", "raw"),
    [(51, b"\0\0\1"), (3, b"\1\2\3"), (121, b"\x21"), (121, b"\x18\1"), (119, b"\xc0\0")],
)
def test_values_without_the_form_of_their_kind_are_bytes(code: int, raw: bytes) -> None:
    option = DHCPOption.view(bytes([code, len(raw)]) + raw)
    assert option.value == raw
    assert raw.hex() in str(option).replace(" ", "")


def test_a_message_is_built_and_changed() -> None:
    offer = DHCP(
        op=2,
        xid=7,
        chaddr="02:00:00:00:00:01",
        yiaddr="10.0.0.5",
        flags="BROADCAST",
        sname="boot",
        options=[DHCPOption(53, "OFFER"), DHCPOption("End")],
    )
    assert offer.minimum == 236
    assert len(offer.raw) == 236 + 4 + 3 + 1
    assert (offer.message, offer.sname, offer.chaddr) == ("OFFER", "boot", "02:00:00:00:00:01")
    assert str(offer) == "DHCP OFFER 02:00:00:00:00:01 gets 10.0.0.5"
    offer.xid = 8
    assert offer.raw[4:8] == b"\0\0\0\x08"
    read = DHCP.view(offer.raw)
    read.secs = 3
    assert read.raw == offer.raw[:8] + b"\0\3" + offer.raw[10:]


def test_options_in_other_fields() -> None:
    message = DHCP(
        sname=bytes(DHCPOption("Host Name", "h1")) + b"\xff",
        file=bytes(DHCPOption("Router", "10.0.0.1")) + b"\xff",
        options=[DHCPOption(53, "ACK"), DHCPOption(52, 3), DHCPOption("End")],
    )
    assert message.overload == 3
    assert [each.code for each in message.every_option()] == [53, 52, 255, 3, 255, 12, 255]
    assert message.option(3) == ("10.0.0.1",)
    shown = {each.name: each for each in message.fields()}
    assert [part.text for part in shown["file"].parts] == ["Router 10.0.0.1", "End"]
    assert shown["file"].parts[0].bit == shown["file"].bit
    bootp = bytearray(DHCP(op=2).raw[:236] + bytes(64))
    old = DHCP.view(bytes(bootp))
    old.check()
    old.secs = 1
    bootp[9] = 1
    assert old.raw == bootp
    assert str(old) == "DHCP BOOTREPLY 00:00:00:00:00:00"
    plain = DHCP(file="pxelinux.0", options=[DHCPOption(53, "ACK")])
    assert {each.name: each.parts for each in plain.fields()}["file"] == ()


def test_what_is_cut_off_is_told() -> None:
    raw = DHCP(options=[DHCPOption(53, "ACK")]).raw + bytes([6, 8, 10, 0, 0, 1])
    packet = (UDP(sport=67, dport=68) / DHCP.view(raw)).copy()
    again = Packet.parse(b"\x45\0\0\0" + bytes(5) + b"\x11" + bytes(10) + packet.data, 101)
    assert again[DHCP].message == "ACK"
    assert "Domain Name Server of 8 bytes where 4 are left" in str(again.stop)


def test_dhcpv6() -> None:
    address = bytes.fromhex("20010db8" + "0" * 23 + "5")
    inner = DHCPv6Option(5, address + (60).to_bytes(4, "big") * 2)
    status = DHCPv6Option(13, b"\0\2none left")
    association = DHCPv6Option(3, bytes(12), options=[inner, status])
    reply = DHCPv6(
        type="REPLY", transaction=0x123456, options=[DHCPv6Option(1, b"\0\3"), association]
    )
    read = DHCPv6.view(reply.raw)
    read.check()
    assert str(read) == "DHCPv6 REPLY, IA Address 2001:db8::5"
    (_, ia) = read.options
    assert [each.summary() for each in ia.options] == [
        "IA Address 2001:db8::5",
        "Status Code 2 (NoAddrsAvail) none left",
    ]
    relayed = DHCPv6(
        type=12, hops=1, link="2001:db8::1", peer="fe80::2", options=[DHCPv6Option(9, reply.raw)]
    )
    assert len(relayed.raw) == 34 + 4 + len(reply.raw)
    assert (DHCPv6.view(relayed.raw).peer, relayed.hops) == ("fe80::2", 1)


def test_options_in_options_in_options_are_bounded() -> None:
    raw = b"\1\0\0\0" + b"".join(
        b"\0\4" + (8 * left - 4).to_bytes(2, "big") + bytes(4) for left in range(8000, 0, -1)
    )
    message = DHCPv6.view(raw)
    message.check()
    str(message)
    (shown,) = (each for each in message.fields() if each.name == "options")
    depth = 0
    while shown.parts:
        shown = shown.parts[-1]
        depth += 1
    assert depth < 10


def test_paddings_are_one_part() -> None:
    options = bytes(50_000) + bytes(DHCPOption(53, "ACK")) + bytes(10) + b"\xff" + bytes(100)
    message = DHCP(options=options)
    assert [str(each) for each in message.options] == [
        "Pad, 50000 bytes",
        "DHCP Message Type 5 (ACK)",
        "Pad, 10 bytes",
        "End",
    ]
    assert message.message == "ACK"
