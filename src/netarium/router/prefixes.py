"""Longest prefix match: a multibit trie in one flat array, for 100,000 routes and more."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import Any

from netarium.router.addresses import Address
from netarium.wire.bulk.walk import u16
from netarium.wire.hot import hot

__all__ = ["PrefixTable", "longest_match"]

_ROOT = 1 << 16


@hot
def longest_match(data: Any, at: int, trie: Any, stride: int) -> int:
    """The value of the longest prefix that the address at ``data[at]`` begins with; 0: none.

    The first 16 bits choose an entry of the root, each ``stride`` bits after them (8 or 4) one
    of a smaller node. An entry below zero is the node to go on in, from the other end: -node.
    """
    entry = trie[u16(data, at)]
    bit = 16
    while entry < 0:
        index = data[at + (bit >> 3)] + 0
        if stride == 4:
            index = (index >> (4 - (bit & 4))) & 15
        entry = trie[index - entry]
        bit += stride
    value: int = entry
    return value


class PrefixTable:
    """Prefixes of one family of addresses, each with a number above zero.

    Leaf-pushed: each entry has the value of the longest prefix that covers it, so that a look-up
    never goes back. Beside each entry its prefix's length is kept; a prefix can so be added or
    removed by painting over its own range alone.

    Args:
        bits: of an address: 32 or 128.
    """

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.stride = 8 if bits == 32 else 4
        self.trie = array("q", bytes(8 * _ROOT))
        self._lengths = bytearray(_ROOT)  # the length plus one of the prefix painted there
        self._values: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """All (prefix, length, value), in the order of addresses."""
        return ((prefix, length, self._values[prefix, length]) for prefix, length in self._sorted())

    def _sorted(self) -> list[tuple[int, int]]:
        return sorted(self._values)

    def get(self, prefix: int, length: int) -> int:
        """The value of exactly this prefix; 0: it is not there."""
        return self._values.get((prefix, length), 0)

    def add(self, prefix: int, length: int, value: int) -> None:
        """Add a prefix, or give it another value."""
        self._values[prefix, length] = value
        self._paint(prefix, length, length + 1, value, length + 1)

    def remove(self, prefix: int, length: int) -> None:
        """Take a prefix out; the next shorter one covers its range again."""
        del self._values[prefix, length]
        value, marked = 0, 0
        for shorter in range(length - 1, -1, -1):
            shift = self.bits - shorter
            found = self._values.get((prefix >> shift << shift, shorter))
            if found is not None:
                value, marked = found, shorter + 1
                break
        self._paint(prefix, length, length + 1, value, marked)

    def fill(self, entries: Iterable[tuple[int, int, int]]) -> None:
        """Replace all prefixes; shortest first, none has to look at what lies there already."""
        self.trie = array("q", bytes(8 * _ROOT))
        self._lengths = bytearray(_ROOT)
        self._values = {(prefix, length): value for prefix, length, value in entries}
        for prefix, length in sorted(self._values, key=lambda entry: entry[1]):
            first, count = self._range(prefix, length)
            value = self._values[prefix, length]
            self.trie[first : first + count] = array("q", [value]) * count
            self._lengths[first : first + count] = bytes([length + 1]) * count

    def lookup(self, address: Address) -> int:
        """The value for an address; 0: no prefix covers it."""
        return longest_match(address, 0, self.trie, self.stride)

    def _range(self, prefix: int, length: int) -> tuple[int, int]:
        """The entries that a prefix covers in the node it ends in, which is made if need be."""
        index, bit = prefix >> (self.bits - 16), 16
        while length > bit:
            entry = self.trie[index]
            node = -entry if entry < 0 else self._split(index)
            bit += self.stride
            index = node + (prefix >> (self.bits - bit) & ((1 << self.stride) - 1))
        return index, 1 << (bit - length)

    def _split(self, index: int) -> int:
        """Give an entry a node of its own, all of whose entries say what it said."""
        node, size = len(self.trie), 1 << self.stride
        self.trie.extend(array("q", [self.trie[index]]) * size)
        self._lengths.extend(self._lengths[index : index + 1] * size)
        self.trie[index] = -node
        return node

    def _paint(self, prefix: int, length: int, limit: int, value: int, marked: int) -> None:
        first, count = self._range(prefix, length)
        self._cover(first, count, limit, value, marked)

    def _cover(self, first: int, count: int, limit: int, value: int, marked: int) -> None:
        """Paint entries whose prefix is no longer than ``limit - 1``, in inner nodes, too."""
        for index in range(first, first + count):
            entry = self.trie[index]
            if entry < 0:
                self._cover(-entry, 1 << self.stride, limit, value, marked)
            elif self._lengths[index] <= limit:
                self.trie[index] = value
                self._lengths[index] = marked
