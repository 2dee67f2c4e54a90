"""Messages that are made to cost: thousands of parts, chains, nests. They cost in proportion."""

from __future__ import annotations

import time

import pytest

from netarium.wire import TCP, UDP, IPv4, Packet
from netarium.wire.text.layers import layered
from netarium.wire.text.lines import lines
from tests.wire.batches import batch_of
from tests.wire.mutating import look_at_everything

SIZE = 8000
_DNS = bytes.fromhex("00018180 0000 ffff 0000 0000")
_ROOT = b"\0\0\1\0\1\0\0\0\0\0\0"
_BOOTP = b"\1\1\6\0" + bytes(232) + bytes.fromhex("63825363")
_HELLO = b"\x16\3\3\x40\0\x01\0\x3f\xfc\3\3" + bytes(32) + b"\0"


def _answer(kind: int, data: bytes) -> bytes:
    head = bytes.fromhex("00018180 0000 0001 0000 0000") + b"\0" + kind.to_bytes(2, "big")
    return head + b"\0\1\0\0\0\0" + len(data).to_bytes(2, "big") + data


def _pointers(count: int) -> bytes:
    """Records whose names are pointers to the name before."""
    return b"".join(
        (0xC000 | 12 + 12 * n).to_bytes(2, "big") + b"\0\1\0\1\0\0\0\0\0\0" for n in range(count)
    )


SHAPES = {
    "dns records": (UDP, 53, _DNS + _ROOT * (SIZE // 11)),
    "dns questions": (UDP, 53, _DNS[:4] + b"\xff\xff" + bytes(6) + b"\0\0\1\0\1" * (SIZE // 5)),
    "dns pointers to pointers": (UDP, 53, _DNS + _ROOT + _pointers(1300)),
    "dns long names": (UDP, 53, _DNS + (b"\x3f" + b"a" * 63) * 3 + _ROOT + _pointers(1300)),
    "dns parameters": (UDP, 53, _answer(64, b"\0\1\0" + b"\0\x63\0\0" * (SIZE // 4))),
    "dns options": (UDP, 53, _answer(41, b"\0\x63\0\0" * (SIZE // 4))),
    "dns texts": (UDP, 53, _answer(16, bytes(SIZE))),
    "smtp": (TCP, 25, b"NOOP\r\n" * (SIZE // 6)),
    "smtp text": (TCP, 25, b"a\n" * (SIZE // 2)),
    "ftp": (TCP, 21, b"200 x\r\n" * (SIZE // 7)),
    "imap": (TCP, 143, b"a NOOP\r\n" * (SIZE // 8)),
    "imap literals": (TCP, 143, b"* {1}\r\nx" * (SIZE // 8)),
    "http fields": (TCP, 80, b"GET / HTTP/1.1\r\n" + b"a:\n" * (SIZE // 3)),
    "http requests": (TCP, 80, b"GET / HTTP/1.1\r\n\r\n" * (SIZE // 18)),
    "http frames": (TCP, 80, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(SIZE)),
    "tls messages": (TCP, 443, b"\x16\3\3\x40\0" + b"\x0e\0\0\0" * 4096),
    "tls records": (TCP, 443, b"\x17\3\3\0\1a" * (SIZE // 6)),
    "tls ciphers": (TCP, 443, _HELLO + b"\x3f\0" + bytes(0x3F00) + b"\1\0"),
    "tls extensions": (TCP, 443, _HELLO + b"\0\2\x13\1\1\0\x3f\xcf" + b"\0\x99\0\0" * 4083),
    "dhcp paddings": (UDP, 67, _BOOTP + bytes(SIZE)),
    "dhcp options": (UDP, 67, _BOOTP + b"\x0c\0" * (SIZE // 2)),
    "dhcp names": (UDP, 67, _BOOTP + (b"\x77\xff\1a\0" + b"\xc0\0" * 126) * 70),
    "dhcpv6": (UDP, 546, b"\1\0\0\0" + b"\0\x63\0\0" * (SIZE // 4)),
    "telnet": (TCP, 23, b"\xff\xf1" * (SIZE // 2)),
    "ssh": (TCP, 22, b"SSH-2.0-x\r\n" + (b"\0\0\0\x0c\x0a\x15" + bytes(10)) * 1000),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_made_to_cost_is_read_in_a_moment(shape: str) -> None:
    transport, port, payload = SHAPES[shape]
    packet = IPv4() / transport(sport=port, dport=port) / payload
    began = time.perf_counter()
    read = Packet.parse(packet.data, 101)
    assert len(read.layers) > 2
    assert read.layers[2].title != "Payload"
    look_at_everything(read)
    layered(read)
    (line,) = lines(batch_of([packet.data], link_type=101)).splitlines()
    assert len(line) < 3000
    assert time.perf_counter() - began < 4
