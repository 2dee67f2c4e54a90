"""Neighbours by address and link: a flat hash table that the fast path asks for each frame."""

from __future__ import annotations

from array import array
from typing import Any

from netarium.router.addresses import Words
from netarium.router.arithmetic import mixed
from netarium.wire.hot import hot

__all__ = ["MAC", "NEIGHBOUR_SIZE", "USABLE", "NeighbourTable", "neighbour_slot"]

# A neighbour: NEIGHBOUR_SIZE numbers.
TAKEN = 0  # 0: free; 1: taken; -1: was taken
INTERFACE = 1
WORDS = 2
MAC = 6
USABLE = 7  # the fast path may send to it without asking
NEIGHBOUR_SIZE = 8


@hot
def neighbour_slot(table: Any, interface: int, w0: int, w1: int, w2: int, w3: int) -> int:
    """Where a neighbour lies in the table; -1: not there. The table is never full."""
    size = len(table) // NEIGHBOUR_SIZE
    hash_ = mixed(mixed(mixed(mixed(mixed(interface + 1, w3), w2), w1), w0), 0)
    while True:
        at = (hash_ & (size - 1)) * NEIGHBOUR_SIZE
        taken = table[at]
        if taken == 0:
            return -1
        if (
            taken == 1
            and table[at + 5] == w3
            and table[at + 4] == w2
            and table[at + 3] == w1
            and table[at + 2] == w0
            and table[at + 1] == interface
        ):
            return at
        hash_ += 1


class NeighbourTable:
    """The flat table; open addressing, at most half full."""

    def __init__(self, room: int = 256) -> None:
        self.flat = array("q", bytes(8 * NEIGHBOUR_SIZE * room))
        self._used = 0

    def put(self, interface: int, who: Words, mac: int, usable: bool) -> None:
        """Add a neighbour, or change what is known of it."""
        at = neighbour_slot(self.flat, interface, *who)
        if at < 0:
            if 2 * (self._used + 1) * NEIGHBOUR_SIZE > len(self.flat):
                self._rebuild()
            at = self._free(interface, who)
        self.flat[at + MAC], self.flat[at + USABLE] = mac, int(usable)

    def remove(self, interface: int, who: Words) -> None:
        """Forget a neighbour."""
        at = neighbour_slot(self.flat, interface, *who)
        if at >= 0:
            self.flat[at] = -1

    def _free(self, interface: int, who: Words) -> int:
        size = len(self.flat) // NEIGHBOUR_SIZE
        hash_ = mixed(interface + 1, who[3])
        for word in (who[2], who[1], who[0], 0):
            hash_ = mixed(hash_, word)
        while True:
            at = (hash_ & (size - 1)) * NEIGHBOUR_SIZE
            if self.flat[at] == 0:
                self._used += 1
                break
            hash_ += 1
        self.flat[at : at + NEIGHBOUR_SIZE] = array("q", [1, interface, *who, 0, 0])
        return at

    def _rebuild(self) -> None:
        """Make room: without those that were removed, and twice as large if need be."""
        old = self.flat
        taken = [at for at in range(0, len(old), NEIGHBOUR_SIZE) if old[at] == 1]
        room = len(old) // NEIGHBOUR_SIZE
        if 4 * len(taken) >= room:
            room *= 2
        self.flat = array("q", bytes(8 * NEIGHBOUR_SIZE * room))
        self._used = 0
        for at in taken:
            w0, w1, w2, w3 = old[at + WORDS : at + MAC]
            place = self._free(old[at + INTERFACE], (w0, w1, w2, w3))
            self.flat[place + MAC], self.flat[place + USABLE] = old[at + MAC], old[at + USABLE]
