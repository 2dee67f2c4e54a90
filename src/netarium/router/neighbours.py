"""Neighbour states: who is on the link, how sure that is, and what waits until it is known.

The states and their figures are those of RFC 4861, section 7.3, which Linux uses for IPv4's ARP
as well.
"""

from __future__ import annotations

import enum
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from netarium.router.addresses import Address, mac_text, text, words
from netarium.router.neighbour_table import NeighbourTable
from netarium.router.packets import Arrival
from netarium.router.timers import Timer, Timers

__all__ = ["Neighbour", "Neighbours", "State", "Waiting"]

REACHABLE_TIME = 30.0  # seconds, times 0.5 to 1.5 (RFC 4861, section 6.3.2)
DELAY_FIRST_PROBE_TIME = 5.0
RETRANS_TIMER = 1.0
PROBES = 3  # MAX_MULTICAST_SOLICIT and MAX_UNICAST_SOLICIT
QUEUE = 101  # packets that wait for one neighbour; RFC 1122 asks for one at least
STALE_KEPT = 60.0  # seconds until an entry that nobody used is forgotten
FAILED_KEPT = 3.0
ROOM = 1024  # entries; beyond, stale ones go


class State(enum.Enum):
    """How sure it is that a neighbour is there (RFC 4861, section 7.3.2)."""

    INCOMPLETE = "INCOMPLETE"  # asked for, no answer yet
    REACHABLE = "REACHABLE"  # it answered lately
    STALE = "STALE"  # it answered once; nobody has needed it since
    DELAY = "DELAY"  # it is needed again; perhaps it shows by itself that it lives
    PROBE = "PROBE"  # it is being asked
    FAILED = "FAILED"  # it did not answer


#: Where the table is full, the first of these goes: a scan of addresses that nobody has may not
#: push out neighbours that are there.
_WORTH = {
    State.FAILED: 0,
    State.INCOMPLETE: 1,
    State.STALE: 2,
    State.DELAY: 3,
    State.PROBE: 3,
    State.REACHABLE: 4,
}


@dataclass(slots=True)
class Waiting:
    """An IP packet that waits; ``arrival``: its frame, to be quoted if nobody answers."""

    packet: bytes
    flags: int = 0
    segment: int = 0
    arrival: Arrival | None = None


@dataclass(slots=True)
class Neighbour:
    """One entry: ``mac`` is 0 while it is not known."""

    interface: int
    address: Address
    state: State
    mac: int = 0
    probes: int = 0
    is_router: bool = False
    updated: float = 0.0
    queue: deque[Waiting] = field(default_factory=deque)
    timer: Timer | None = None


class Neighbours:
    """All neighbours; the flat table beside says to the fast path who can be sent to at once.

    Args:
        solicit: asks on a link for an address: (interface, address, whom to ask; 0: all).
        release: sends what waited: (neighbour, packets).
        give_up: nobody answered: (neighbour, packets).
        seed: of the random part of the reachable time, so that a run repeats.
    """

    def __init__(
        self,
        timers: Timers,
        solicit: Callable[[int, Address, int], None],
        release: Callable[[Neighbour, list[Waiting]], None],
        give_up: Callable[[Neighbour, list[Waiting]], None],
        seed: int = 0,
    ) -> None:
        self.table = NeighbourTable()
        self.entries: dict[tuple[int, Address], Neighbour] = {}
        self.dropped = 0
        self._timers = timers
        self._solicit, self._release, self._give_up = solicit, release, give_up
        self._random = random.Random(seed)

    def find(self, interface: int, address: Address) -> Neighbour | None:
        """What is known of a neighbour."""
        return self.entries.get((interface, address))

    def use(self, interface: int, address: Address, waiting: Waiting) -> int:
        """The link-layer address to send to now; 0: the packet waits, and the link is asked."""
        entry = self.entries.get((interface, address))
        if entry is None or entry.state is State.FAILED:
            if entry is None:
                entry = self._new(interface, address)
            entry.queue.append(waiting)
            entry.probes = 0
            self._change(entry, State.INCOMPLETE)
            self._probe(entry)
            return 0
        if entry.state is State.INCOMPLETE:
            entry.queue.append(waiting)
            if len(entry.queue) > QUEUE:
                entry.queue.popleft()
                self.dropped += 1
            return 0
        if entry.state is State.STALE:
            self._change(entry, State.DELAY)
            self._set(entry, DELAY_FIRST_PROBE_TIME, self._begin_probing)
        return entry.mac

    def learned(
        self,
        interface: int,
        address: Address,
        mac: int,
        *,
        solicited: bool = False,
        override: bool = True,
        create: bool = True,
    ) -> None:
        """Somebody said where an address is (RFC 826; RFC 4861, sections 7.2.3 and 7.2.5).

        ``solicited``: an answer to our question, which confirms that we reach it.
        ``override``: it may replace what was known.
        ``create``: worth remembering though nobody asked.
        """
        entry = self.entries.get((interface, address))
        if entry is None:
            if not create:
                return
            entry = self._new(interface, address)
        known = (
            entry.mac and entry.state is not State.INCOMPLETE and entry.state is not State.FAILED
        )
        if known and entry.mac != mac and not override:
            if entry.state is State.REACHABLE:
                self._stale(entry)
            return
        changed = entry.mac != mac
        entry.mac, entry.updated = mac, self._timers.now
        if solicited:
            self._reachable(entry)
        elif changed or not known:
            self._stale(entry)
        queue = list(entry.queue)
        if queue:
            entry.queue.clear()
            if entry.state is State.STALE:
                self._change(entry, State.DELAY)
                self._set(entry, DELAY_FIRST_PROBE_TIME, self._begin_probing)
            self._release(entry, queue)

    def set_router(self, interface: int, address: Address, is_router: bool) -> None:
        """Note whether a neighbour says that it is a router."""
        entry = self.entries.get((interface, address))
        if entry is not None:
            entry.is_router = is_router

    def forget_all(self, interface: int) -> None:
        """An interface went down: nothing that was known of its link holds any more."""
        for entry in [entry for entry in self.entries.values() if entry.interface == interface]:
            self._forget(entry)

    def show(self, names: list[str]) -> list[dict[str, Any]]:
        """Every neighbour as data."""
        return [
            {
                "interface": names[entry.interface],
                "address": text(entry.address),
                "mac": mac_text(entry.mac) if entry.mac else None,
                "state": entry.state.value,
                "waiting": len(entry.queue),
                "router": entry.is_router,
            }
            for entry in self.entries.values()
        ]

    def _new(self, interface: int, address: Address) -> Neighbour:
        if len(self.entries) >= ROOM:
            self._forget(min(self.entries.values(), key=lambda entry: _WORTH[entry.state]))
        entry = Neighbour(interface, address, State.INCOMPLETE)
        self.entries[interface, address] = entry
        return entry

    def _change(self, entry: Neighbour, state: State) -> None:
        entry.state = state
        usable = state in (State.REACHABLE, State.DELAY, State.PROBE)
        self.table.put(entry.interface, words(entry.address), entry.mac, usable)

    def _set(self, entry: Neighbour, seconds: float, call: Callable[[Neighbour], None]) -> None:
        if entry.timer:
            entry.timer.cancel()
        entry.timer = self._timers.after(seconds, lambda: call(entry))

    def _reachable(self, entry: Neighbour) -> None:
        self._change(entry, State.REACHABLE)
        self._set(entry, REACHABLE_TIME * self._random.uniform(0.5, 1.5), self._stale)

    def _stale(self, entry: Neighbour) -> None:
        self._change(entry, State.STALE)
        self._set(entry, STALE_KEPT, self._forget)

    def _begin_probing(self, entry: Neighbour) -> None:
        entry.probes = 0
        self._change(entry, State.PROBE)
        self._probe(entry)

    def _probe(self, entry: Neighbour) -> None:
        """Ask, or give up where nobody has answered often enough."""
        if entry.probes < PROBES:
            entry.probes += 1
            self._set(entry, RETRANS_TIMER, self._probe)
            whom = entry.mac if entry.state is State.PROBE else 0
            self._solicit(entry.interface, entry.address, whom)
            return
        entry.mac = 0
        self._change(entry, State.FAILED)
        self._set(entry, FAILED_KEPT, self._forget)
        queue = list(entry.queue)
        entry.queue.clear()
        self._give_up(entry, queue)

    def _forget(self, entry: Neighbour) -> None:
        if entry.timer:
            entry.timer.cancel()
        self.table.remove(entry.interface, words(entry.address))
        self.entries.pop((entry.interface, entry.address), None)
