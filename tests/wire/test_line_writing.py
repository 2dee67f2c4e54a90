"""Numbers, addresses and times come out of the hot loops as Python itself writes them."""

from __future__ import annotations

import random
import socket
from datetime import UTC, datetime

import pytest

from netarium.wire.hot import run
from netarium.wire.text import line_writing as writing


@pytest.fixture(params=[False, True], ids=["interpreted", "compiled"])
def written(request):
    """Runs a function of `line_writing` and gives what it wrote."""

    def call(function, *arguments):
        out = bytearray(b"#" * 100)
        end = run(function, out, 3, *arguments, fast=request.param)
        assert out[:3] == b"###"
        return out[3:end].decode()

    return call


def test_decimal_numbers_of_every_length(written):
    for digits in range(19):
        for number in (10**digits - 1, 10**digits, 10**digits + 1, 7 * 10**digits // 3):
            if number < 10**18:
                assert written(writing.put_decimal, number) == str(number)


def test_hexadecimal_numbers(written):
    for number in (0, 9, 0xAB, 0xFFFF):
        assert written(writing.put_hex, number, 4) == f"{number:04x}"


def test_addresses_as_the_c_library_writes_them(written):
    dice = random.Random(4)
    for case in range(1500):
        raw = bytes(dice.choice((0, 0, 0, 1, 16, 255, dice.randrange(256))) for _ in range(16))
        if case % 5 == 0:
            raw = bytes(10) + b"\xff\xff" + raw[:4]
        elif case % 5 == 1:
            raw = bytes(12) + raw[:4]
        assert written(writing.put_ipv6, memoryview(raw), 0) == socket.inet_ntop(
            socket.AF_INET6, raw
        )
        assert written(writing.put_ipv4, memoryview(raw), 5) == socket.inet_ntop(
            socket.AF_INET, raw[5:9]
        )
        assert written(writing.put_mac, memoryview(raw), 2) == raw[2:8].hex(":")


def test_the_time_of_day(written):
    for text in ("1970-01-01T00:00:00.000000", "2024-02-29T23:59:59.999999", "1969-12-31T12:00:01"):
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
        nanoseconds = int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1000 + 999
        assert written(writing.put_clock, nanoseconds) == moment.strftime("%H:%M:%S.%f")


def test_seconds_and_their_sign(written):
    assert written(writing.put_seconds, 0) == "0.000000"
    assert written(writing.put_seconds, 1_700_000_000_123_456_789) == "1700000000.123456"
    assert written(writing.put_seconds, -1_500_000_000) == "-1.500000"


def test_bytes_of_the_wire_are_escaped(written):
    raw = memoryview(b"a\x1b[2J\x00\x7f\xc3\xa9~")
    assert written(writing.put_escaped, raw, 0, len(raw)) == r"a\x1b[2J\x00\x7f\xc3\xa9~"


def test_words_out_of_a_table(written):
    table = writing.entries("none", "", "much longer")
    assert [written(writing.put_entry, table, entry) for entry in range(-1, 4)] == [
        *("", "none", "", "much longer", "")
    ]
