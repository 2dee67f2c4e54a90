"""The path of a packet: every step that a router takes, in order, on one page.

Each step looks at the frame in its turn. It answers 0, and the next step follows, or the reason
(`netarium.router.reasons`) why this frame leaves the fast path. The loop then stops: Python
mends what is to be mended (asks for a neighbour's address, makes a translation, writes an error
message), and the loop goes on behind that frame. So no frame overtakes another, and what the
first packet of a flow taught is known to the second.

This file and the steps' files are plain Python, which numba compiles for speed; what they read
are flat arrays, which `netarium.router.layout` describes.
"""

from __future__ import annotations

from typing import Any

from netarium.router import layout
from netarium.router.step_arrival import check_source, receive, validate
from netarium.router.step_departure import find_neighbour, fit, send
from netarium.router.step_nat import translate
from netarium.router.step_route import choose_route, count_down, deliver_or_forward
from netarium.wire.hot import hot

__all__ = ["path"]

_IN = layout.P_IN
_REASON = layout.P_REASON
_COUNTERS = layout.COUNTERS
_RX_FRAMES = layout.RX_FRAMES
_RX_BYTES = layout.RX_BYTES


@hot
def path(
    data: Any,
    start: Any,
    captured: Any,
    interface: Any,
    flags: Any,
    segment: Any,
    first: int,
    count: int,
    state: Any,
    interfaces: Any,
    trie4: Any,
    trie6: Any,
    hops: Any,
    neighbours: Any,
    sessions: Any,
    lives: Any,
    p: Any,
    out: Any,
    sent: Any,
    verdicts: Any,
    counters: Any,
) -> int:
    """Take frames ``first`` to ``count`` of a batch along the path.

    Gives the number of the first frame that left it, whose reason is in ``p``; ``count`` where
    all were forwarded. Frames to send are in ``out``, their places in ``sent``, in order.
    """
    for index in range(first, count):
        p[_IN] = interface[index]
        at, size = start[index], captured[index]

        # Is the frame for us, and of a kind we know? (RFC 1812, 5.2.1; RFC 1122, 2.3.1)
        reason = receive(data, at, size, flags[index], segment[index], state, interfaces, p, out)
        if reason == 0:
            # Is the header whole and consistent? (RFC 1812, 5.2.2; RFC 8200, 3)
            reason = validate(out, p, state)
        if reason == 0:
            # Could this source have sent from there? (RFC 1812, 5.3.7 and 5.3.8; RFC 3704)
            reason = check_source(out, p, state, interfaces, trie4, trie6, hops)
        if reason == 0:
            # Does the NAT know the flow? It then gets its other addresses. (RFC 4787; RFC 5382)
            reason = translate(out, p, state, sessions, lives)
        if reason == 0:
            # For us, or for whom else? Longest prefix match. (RFC 1812, 5.2.3 and 5.2.4.3)
            reason = deliver_or_forward(out, p, state, interfaces, trie4, trie6, hops)
        if reason == 0:
            # Time to live, hop limit. (RFC 1812, 5.3.1; RFC 8200, 3; RFC 1624)
            reason = count_down(out, p)
        if reason == 0:
            # By which of the equal ways? Is there a shorter one? (RFC 1812, 5.2.4 and 5.2.7.2)
            reason = choose_route(out, p, state, interfaces, hops)
        if reason == 0:
            # Does it fit the link? (RFC 1812, 5.2.6; RFC 1191; RFC 8200, 5)
            reason = fit(out, p, interfaces)
        if reason == 0:
            # Which station is that? (RFC 826; RFC 4861, 7.2)
            reason = find_neighbour(out, p, neighbours)
        if reason == 0:
            # Out, with what its link still has to do for it. (RFC 894; RFC 2464)
            reason = send(out, p, index, state, interfaces, sent, counters)

        verdicts[index] = reason
        if reason != 0:
            p[_REASON] = reason
            return index
        place = interface[index] * _COUNTERS
        counters[place] += 1
        counters[place + _RX_FRAMES] += 1
        counters[place + _RX_BYTES] += size
    return count
