"""The step of the NAT: a flow that has a translation gets its other addresses and ports."""

from __future__ import annotations

from typing import Any

from netarium.router import layout
from netarium.router.arithmetic import mixed, patch, put16, put32
from netarium.router.reasons import Reason
from netarium.wire.batch import CHECKSUM_NOT_READY
from netarium.wire.bulk.walk import u16, u32
from netarium.wire.hot import hot

__all__ = [
    "LIFE_BYTES",
    "LIFE_FRAMES",
    "LIFE_SIZE",
    "LIFE_TIMEOUT",
    "LIFE_USED",
    "SESSION_ID",
    "SESSION_SIZE",
    "flow_key",
    "session_slot",
    "translate",
]

# One direction of a translation: SESSION_SIZE numbers.
TAKEN = 0  # 0: free; 1: taken; -1: was taken
KIND = 1  # the protocol; 256 more for what comes from outside
SOURCE, DESTINATION, PORTS = 2, 3, 4  # ports: the source's in the upper 16 bits
NEW_SOURCE, NEW_DESTINATION, NEW_PORTS = 5, 6, 7
SESSION_ID = 8  # the number of its life
REFRESHES = 9  # traffic in this direction keeps it alive
SESSION_SIZE = 10

# The life of a translation, both directions together: LIFE_SIZE numbers.
LIFE_TIMEOUT = 0  # nanoseconds; 0: it is gone
LIFE_USED = 1  # when it was last refreshed
LIFE_FRAMES = 2
LIFE_BYTES = 3
LIFE_SIZE = 4

_AT = layout.P_AT
_END = layout.P_END
_FAMILY = layout.P_FAMILY
_FLAGS = layout.P_FLAGS
_IN = layout.P_IN
_NET = layout.P_NET
_PROTOCOL = layout.P_PROTOCOL
_TRANSLATED = layout.P_TRANSLATED
_UPPER = layout.P_UPPER
_CHECKSUM_START = layout.CHECKSUM_START
_NAT_OUTSIDE = layout.NAT_OUTSIDE
_NOW = layout.NOW
_SKIP = layout.SKIP

_BAD_LENGTH = int(Reason.BAD_LENGTH)
_NAT_ERROR = int(Reason.NAT_ERROR)
_NAT_FRAGMENT = int(Reason.NAT_FRAGMENT)
_NAT_MISSING = int(Reason.NAT_MISSING)
_NAT_STATE = int(Reason.NAT_STATE)

_SYN_FIN_RST = 0x07


@hot
def flow_key(out: Any, upper: int, protocol: int) -> int:
    """Both ports in one number; an ICMP query's identifier stands for its sender's port.

    RFC 5508, section 3.1. A request is sent from its identifier, a reply to it. -1: neither.
    """
    if protocol == 6 or protocol == 17:
        return u32(out, upper)
    kind = out[upper]
    if kind == 8 or kind == 13:
        return u16(out, upper + 4) << 16
    if kind == 0 or kind == 14:
        return u16(out, upper + 4)
    return -1


@hot
def session_slot(table: Any, kind: int, source: int, destination: int, ports: int) -> int:
    """Where a flow's translation lies in the table; -1: not there. The table is never full."""
    size = len(table) // SESSION_SIZE
    hash_ = mixed(mixed(mixed(mixed(kind, ports), source), destination), 0)
    while True:
        at = (hash_ & (size - 1)) * SESSION_SIZE
        taken = table[at]
        if taken == 0:
            return -1
        if (
            taken == 1
            and table[at + PORTS] == ports
            and table[at + SOURCE] == source
            and table[at + DESTINATION] == destination
            and table[at + KIND] == kind
        ):
            return at
        hash_ += 1


@hot
def translate(out: Any, p: Any, state: Any, sessions: Any, lives: Any) -> int:
    """Look the flow up and write its other side's addresses and ports.

    Python looks at what has no ports (fragments: RFC 4787, REQ-14), at errors about flows
    (RFC 5508) and at what opens or ends a connection (RFC 5382). A flow that is not known
    goes on as it is: where it would leave to the outside, the routing step stops it.
    """
    if state[_NAT_OUTSIDE] < 0 or p[_FAMILY] != 4 or (state[_SKIP] >> _NAT_MISSING) & 1:
        return 0
    net, upper, protocol = p[_NET], p[_UPPER], p[_PROTOCOL]
    if u16(out, net + 6) & 0x3FFF:
        return _NAT_FRAGMENT
    if protocol != 6 and protocol != 17 and protocol != 1:
        return 0
    if upper + (20 if protocol == 6 else 8) > p[_END]:
        return _BAD_LENGTH
    ports = flow_key(out, upper, protocol)
    if ports < 0:
        return _NAT_ERROR
    kind = protocol
    if p[_IN] == state[_NAT_OUTSIDE]:
        kind += 256
    source, destination = u32(out, net + 12), u32(out, net + 16)
    at = session_slot(sessions, kind, source, destination, ports)
    if at < 0:
        return 0
    life = sessions[at + SESSION_ID] * LIFE_SIZE
    now = state[_NOW]
    if now - lives[life + LIFE_USED] >= lives[life + LIFE_TIMEOUT]:
        return 0
    if protocol == 6 and (out[upper + 13] & _SYN_FIN_RST) and (state[_SKIP] >> _NAT_STATE) & 1 == 0:
        return _NAT_STATE
    if sessions[at + REFRESHES]:
        lives[life + LIFE_USED] = now
    lives[life + LIFE_FRAMES] += 1
    lives[life + LIFE_BYTES] += p[_END] - net
    rewrite(
        out, p, sessions[at + NEW_SOURCE], sessions[at + NEW_DESTINATION], sessions[at + NEW_PORTS]
    )
    p[_TRANSLATED] = 1
    return 0


@hot
def rewrite(out: Any, p: Any, source: int, destination: int, ports: int) -> None:
    """Write addresses and ports, and mend the checksums that cover them (RFC 1624).

    A checksum that is still partial covers the pseudo-header alone: the ports need no mending.
    """
    net, upper, protocol = p[_NET], p[_UPPER], p[_PROTOCOL]
    before = u16(out, net + 12) + u16(out, net + 14) + u16(out, net + 16) + u16(out, net + 18)
    put32(out, net + 12, source)
    put32(out, net + 16, destination)
    after = u16(out, net + 12) + u16(out, net + 14) + u16(out, net + 16) + u16(out, net + 18)
    patch(out, net + 10, before, after, 0)
    if protocol == 1:
        place = upper + 4
        before = u16(out, place)
        kind = out[upper]
        put16(out, place, ports >> 16 if kind == 8 or kind == 13 else ports)
        patch(out, upper + 2, before, u16(out, place), 0)
        return
    partial = 0
    if p[_FLAGS] & CHECKSUM_NOT_READY:
        first = (p[_FLAGS] >> _CHECKSUM_START) & 0xFFFF
        if first == 0 or first == upper - p[_AT]:
            partial = 1
    if partial == 0:
        before += u16(out, upper) + u16(out, upper + 2)
        after += (ports >> 16) + (ports & 0xFFFF)
    put32(out, upper, ports)
    field = upper + 16
    if protocol == 17:
        field = upper + 6
        if u16(out, field) == 0 and partial == 0:
            return  # none was made (RFC 768)
    patch(out, field, before, after, partial)
    if protocol == 17 and u16(out, field) == 0 and partial == 0:
        put16(out, field, 0xFFFF)
