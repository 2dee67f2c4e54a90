"""The prefix table finds what a search through all prefixes finds, while they come and go."""

from __future__ import annotations

import random
import time
from array import array

import pytest

from netarium.router.prefixes import PrefixTable, longest_match
from netarium.wire.hot import run


def by_search(table: PrefixTable, address: int) -> int:
    best = (-1, 0)
    for prefix, length, value in table:
        if address >> (table.bits - length) == prefix >> (table.bits - length):
            best = max(best, (length, value))
    return best[1]


def random_prefix(chance: random.Random, bits: int) -> tuple[int, int]:
    length = chance.choice([0, 1, 7, 8, 15, 16, 17, 20, 23, 24, 25, 31, 32, bits - 1, bits, 48, 64])
    length = min(length, bits)
    # Few first bytes, so that prefixes lie within each other.
    number = chance.choice([10, 11, 192]) << (bits - 8) | chance.getrandbits(bits - 8)
    if chance.random() < 0.5:
        number &= ~(((1 << (bits - 16)) - 1) & ~0xFFFF)
    return number >> (bits - length) << (bits - length), length


@pytest.mark.parametrize("bits", [32, 128])
@pytest.mark.parametrize("seed", range(3))
def test_the_longest_prefix_wins(bits, seed):
    chance = random.Random(seed)
    table = PrefixTable(bits)
    there: list[tuple[int, int]] = []
    for step in range(1, 250):
        if there and chance.random() < 0.35:
            table.remove(*there.pop(chance.randrange(len(there))))
        else:
            prefix = random_prefix(chance, bits)
            if prefix not in there:
                there.append(prefix)
            table.add(*prefix, step)
        for _ in range(4):
            near = chance.choice(there)[0] if there else 0
            address = near ^ (chance.getrandbits(3) << chance.choice([0, 8, bits - 16]))
            raw = (address & ((1 << bits) - 1)).to_bytes(bits // 8, "big")
            assert table.lookup(raw) == by_search(table, int.from_bytes(raw, "big"))
    again = PrefixTable(bits)
    again.fill(list(table))
    for prefix, _ in there:
        raw = prefix.to_bytes(bits // 8, "big")
        assert again.lookup(raw) == table.lookup(raw) == by_search(table, prefix)


def test_both_speeds_find_the_same():
    table = PrefixTable(128)
    table.fill([(0x20010DB8 << 96, 32, 5), (0, 0, 1), (0x20010DB8 << 96 | 7, 128, 9)])
    for last in (7, 8):
        raw = bytearray((0x20010DB8 << 96 | last).to_bytes(16, "big"))
        found = run(longest_match, raw, 0, table.trie, 4, fast=True)
        assert found == table.lookup(bytes(raw)) == (9 if last == 7 else 5)


def test_a_hundred_thousand_routes_are_there_in_a_second():
    chance = random.Random(7)
    routes = {(chance.getrandbits(24) << 8, 24) for _ in range(100_000)}
    table = PrefixTable(32)
    begin = time.perf_counter()
    table.fill((prefix, length, 1 + prefix % 97) for prefix, length in routes)
    took = time.perf_counter() - begin
    assert len(table) == len(routes) > 99_000
    for prefix, _ in list(routes)[::997]:
        assert table.lookup((prefix | 5).to_bytes(4, "big")) == 1 + prefix % 97
    assert took < 10, "generous: it takes a quarter of a second"
    assert isinstance(table.trie, array)
