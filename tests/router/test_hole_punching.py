"""Two hosts behind two NATs meet through a rendezvous: with which behaviours that succeeds."""

from __future__ import annotations

import pytest

from netarium.router.core import Router
from netarium.router.interface import RouterInterface
from netarium.router.nat_settings import BEHAVIOURS, NATSettings
from netarium.router.routes import Route
from tests.router.natting import Host, Internet
from tests.router.network import unlimited

RENDEZVOUS = "203.0.113.10"
OPEN, ADDRESS, STRICT = BEHAVIOURS


def home(number: int, mapping: str, filtering: str) -> Router:
    made = Router(
        [
            RouterInterface("in", f"02:00:00:00:4{number}:00", [f"10.{number}.0.1/24"]),
            RouterInterface("out", f"02:00:00:00:4{number}:01", [f"203.0.113.{number}/24"]),
        ],
        [Route("0.0.0.0/0", via=RENDEZVOUS)],
        NATSettings("out", mapping=mapping, filtering=filtering),
        limit=unlimited(),
    )
    made.tick(0.0)
    made.tick(2.0)
    return made


def meet(first: tuple[str, str], second: tuple[str, str]) -> bool:
    """Whether both hear each other: each sends to where the rendezvous saw the other, and
    answers to wherever it hears from."""
    net = Internet()
    server = Host(RENDEZVOUS, "02:00:00:00:50:10")
    seen: dict[bytes, tuple[str, int]] = {}
    server.heard = lambda host, sender, port, to, data: seen.update({data: (sender, port)})
    net.join(server)
    peers = []
    for number, behaviour in ((1, first), (2, second)):
        router = home(number, *behaviour)
        peer = Host(f"10.{number}.0.2", f"02:00:00:00:5{number}:02", f"02:00:00:00:4{number}:00")
        net.join(peer, router)
        peers.append(peer)

    def answer(host: Host, sender: str, port: int, to: int, data: bytes) -> None:
        if data == b"hello":
            host.say(4000, sender, port, b"heard you")

    for peer, name in zip(peers, (b"A", b"B"), strict=True):
        peer.heard = answer
        peer.say(4000, RENDEZVOUS, 3478, name)
    net.settle()
    for _ in range(3):
        peers[0].say(4000, *seen[b"B"], b"hello")
        peers[1].say(4000, *seen[b"A"], b"hello")
        net.settle()
    return any(any(data == b"heard you" for _, _, data in peer.received) for peer in peers)


def expected(first: tuple[str, str], second: tuple[str, str]) -> bool:
    """By reasoning; the first sends before the second does.

    The second's NAT lets anybody in; or the second's port is the one that the rendezvous saw, and
    its filter knows the first's; or the second sends from a port that nobody saw before, and the
    first's filter does not mind.
    """
    (maps, filters), (their_maps, their_filters) = first, second
    if their_filters == OPEN:
        return True
    if their_maps == OPEN:
        return their_filters == ADDRESS or maps == OPEN
    return filters == OPEN or (maps == OPEN and filters == ADDRESS)


KINDS = [(mapping, filtering) for mapping in BEHAVIOURS for filtering in BEHAVIOURS]


@pytest.mark.parametrize("first", KINDS, ids="/".join)
def test_who_meets_whom(first):
    found = {second: meet(first, second) for second in KINDS}
    assert found == {second: expected(first, second) for second in KINDS}


def test_the_cases_that_everybody_knows():
    assert meet((OPEN, STRICT), (OPEN, STRICT)), "port-restricted cones meet"
    assert not meet((STRICT, STRICT), (OPEN, STRICT)), "symmetric and port-restricted do not"
    assert meet((STRICT, STRICT), (OPEN, ADDRESS)), "symmetric and restricted do"
    assert not meet((STRICT, STRICT), (STRICT, STRICT)), "two symmetric ones do not"
