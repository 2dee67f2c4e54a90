"""Translations that live: the flat table that the fast path reads, and Python's view of it."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Any

from netarium.router import layout
from netarium.router.arithmetic import mixed
from netarium.router.step_nat import (
    LIFE_BYTES,
    LIFE_FRAMES,
    LIFE_SIZE,
    LIFE_TIMEOUT,
    LIFE_USED,
    SESSION_ID,
    SESSION_SIZE,
    session_slot,
)
from netarium.router.tables import Tables
from netarium.wire.hot import hot, run

__all__ = ["Endpoint", "FlowKey", "Mapping", "Session", "Sessions", "expired"]

#: An IPv4 address and a port (or an ICMP query's identifier) as numbers.
Endpoint = tuple[int, int]
#: Kind (the protocol, 256 more from outside), source, destination, ports: a flow's direction.
FlowKey = tuple[int, int, int, int]


@dataclass(slots=True, eq=False)
class Mapping:
    """A port of the outside address that stands for a port inside (RFC 4787, section 4.1)."""

    protocol: int
    inside: Endpoint
    port: int
    key: tuple[int, ...]
    static: bool = False
    sessions: dict[Endpoint, Session] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Session:
    """One conversation by a mapping, or by two of them where it is hairpinned.

    Attributes:
        number: of its life in the flat table.
        places: the mappings it belongs to, with the remote end as each sees it.
        flows: its directions in the flat table.
        opened, closed: from which sides (1 inside, 2 outside) TCP's SYN and FIN came.
    """

    number: int
    protocol: int
    places: list[tuple[Mapping, Endpoint]] = field(default_factory=list)
    flows: list[FlowKey] = field(default_factory=list)
    opened: int = 0
    closed: int = 0


@hot
def expired(lives: Any, now: int, first: int, found: Any) -> int:
    """Fill ``found`` with the numbers of lives that ended; gives where to go on, -1 at the end."""
    count = 0
    for number in range(first, len(lives) // LIFE_SIZE):
        timeout = lives[number * LIFE_SIZE + LIFE_TIMEOUT]
        if timeout > 0 and now - lives[number * LIFE_SIZE + LIFE_USED] >= timeout:
            if count + 1 >= len(found):
                found[0] = count
                return number
            count += 1
            found[count] = number
    found[0] = count
    return -1


class Sessions:
    """All sessions, by the number of their lives; keeps the flat tables."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.by_number: dict[int, Session] = {}
        self._free: list[int] = []
        self._used = 0

    def new(self, protocol: int, timeout: float) -> Session:
        """A session whose life begins now."""
        lives = self._tables.lives
        if not self._free:
            count = len(lives) // LIFE_SIZE
            self._tables.lives = lives = lives + array("q", bytes(8 * LIFE_SIZE * count))
            self._free = list(range(2 * count - 1, count - 1, -1))
        session = Session(self._free.pop(), protocol)
        at = session.number * LIFE_SIZE
        lives[at : at + LIFE_SIZE] = array("q", bytes(8 * LIFE_SIZE))
        self.by_number[session.number] = session
        self.keep(session, timeout)
        return session

    def keep(self, session: Session, timeout: float) -> None:
        """Give a session another time limit, from now on."""
        at = session.number * LIFE_SIZE
        self._tables.lives[at + LIFE_TIMEOUT] = int(timeout * 1e9)
        self._tables.lives[at + LIFE_USED] = self._tables.state[layout.NOW]

    def is_alive(self, session: Session) -> bool:
        """Whether its time has not run out."""
        at, now = session.number * LIFE_SIZE, self._tables.state[layout.NOW]
        lives = self._tables.lives
        return now - lives[at + LIFE_USED] < lives[at + LIFE_TIMEOUT]

    def left(self, session: Session) -> float:
        """Seconds until it ends if nothing more passes."""
        at, now = session.number * LIFE_SIZE, self._tables.state[layout.NOW]
        lives = self._tables.lives
        return (lives[at + LIFE_TIMEOUT] - (now - lives[at + LIFE_USED])) / 1e9

    def passed(self, session: Session) -> tuple[int, int]:
        """Frames and bytes that were translated."""
        at = session.number * LIFE_SIZE
        return self._tables.lives[at + LIFE_FRAMES], self._tables.lives[at + LIFE_BYTES]

    def find(self, key: FlowKey) -> Session | None:
        """The session that a flow belongs to."""
        at = session_slot(self._tables.sessions, *key)
        return self.by_number.get(self._tables.sessions[at + SESSION_ID]) if at >= 0 else None

    def translation(self, key: FlowKey) -> tuple[int, int, int] | None:
        """What a flow becomes: source, destination, ports."""
        at = session_slot(self._tables.sessions, *key)
        if at < 0:
            return None
        source, destination, ports = self._tables.sessions[at + 5 : at + 8]
        return source, destination, ports

    def add_flow(
        self, session: Session, key: FlowKey, new: tuple[int, int, int], *, refreshes: bool
    ) -> None:
        """Let the fast path translate one direction; it may replace one that was there."""
        self.drop_flow(key)
        if 2 * (self._used + 1) * SESSION_SIZE > len(self._tables.sessions):
            self._rebuild()
        self._put(array("q", [1, *key, *new, session.number, int(refreshes)]))
        session.flows.append(key)

    def drop_flow(self, key: FlowKey) -> None:
        """Take one direction away."""
        at = session_slot(self._tables.sessions, *key)
        if at >= 0:
            self._tables.sessions[at] = -1

    def end(self, session: Session) -> None:
        """A session is over."""
        for key in session.flows:
            if self.find(key) is session:
                self.drop_flow(key)
        for mapping, remote in session.places:
            if mapping.sessions.get(remote) is session:
                del mapping.sessions[remote]
        self._tables.lives[session.number * LIFE_SIZE + LIFE_TIMEOUT] = 0
        del self.by_number[session.number]
        self._free.append(session.number)

    def over(self) -> list[Session]:
        """All sessions whose time has run out."""
        found, first = array("q", bytes(8 * 1025)), 0
        numbers: list[int] = []
        now = self._tables.state[layout.NOW]
        while first >= 0:
            lives = self._tables.lives
            first = run(expired, lives, now, first, found, fast=self._tables.fast)
            numbers += found[1 : found[0] + 1]
        return [self.by_number[number] for number in numbers if number in self.by_number]

    def _put(self, row: array[int]) -> None:
        table = self._tables.sessions
        size = len(table) // SESSION_SIZE
        hash_ = mixed(mixed(mixed(mixed(row[1], row[4]), row[2]), row[3]), 0)
        while table[(hash_ & (size - 1)) * SESSION_SIZE]:
            hash_ += 1
        at = (hash_ & (size - 1)) * SESSION_SIZE
        table[at : at + SESSION_SIZE] = row
        self._used += 1

    def _rebuild(self) -> None:
        """Make room: without those that ended, and twice as large if need be."""
        old = self._tables.sessions
        rows = [
            old[at : at + SESSION_SIZE] for at in range(0, len(old), SESSION_SIZE) if old[at] == 1
        ]
        room = len(old) // SESSION_SIZE
        if 4 * len(rows) >= room:
            room *= 2
        self._tables.sessions = array("q", bytes(8 * SESSION_SIZE * room))
        self._used = 0
        for row in rows:
            self._put(row)
