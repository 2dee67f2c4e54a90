"""Filters for packet sockets: which interfaces, each frame once, and a person's filter."""

from __future__ import annotations

from collections.abc import Collection

from netarium.ports.libpcap import FilterError, Program, compile_filter
from netarium.ports.packet_socket import ETHERNET, LOOPBACK, link_type

__all__ = ["MOST_INTERFACES", "WHOLE", "needs_tags", "socket_filter"]

#: Bytes kept of a frame where nobody asked for fewer; no frame is as long.
WHOLE = 262144
#: How many interfaces a filter can tell apart: a jump reaches 255 instructions far.
MOST_INTERFACES = 250

# Classic BPF (linux/filter.h), and what the kernel knows of a frame beside its bytes.
_LOAD, _JUMP, _EQUAL, _RETURN = 0x20, 0x05, 0x15, 0x06
_ABOUT = 0xFFFFF000
_PACKET_TYPE, _INDEX, _LINK_LAYER = _ABOUT + 4, _ABOUT + 8, _ABOUT + 28
_OUTGOING = 4
_LOOPBACK_INDEX = 1  # in every network namespace
_REFUSE = (_RETURN, 0, 0, 0)


def needs_tags(expression: str) -> bool:
    """Whether a filter asks for VLAN tags, which the kernel has put aside when it filters."""
    return "vlan" in expression


def socket_filter(
    expression: str = "",
    *,
    snaplen: int = WHOLE,
    only: Collection[int] = (),
    loopback: bool = True,
    kind: int | None = None,
) -> Program:
    """The program for a packet socket.

    A frame sent on the loopback interface would be heard twice; it is taken as it arrives.

    Args:
        expression: the filter in tcpdump's language; empty takes everything.
        snaplen: bytes to keep of each frame.
        only: indices of the interfaces to hear; empty: all of them.
        loopback: whether to hear the loopback interface.
        kind: the link layer of all that the socket hears; None: frames of any may come.

    Raises:
        FilterError: the filter is wrong.
    """
    program: list[tuple[int, int, int, int]] = []
    if only:
        program.append((_LOAD, 0, 0, _INDEX))
        left = len(only)
        for index in only:
            program.append((_EQUAL, left, 0, index))
            left -= 1
        program.append(_REFUSE)
    if loopback:
        program += [(_LOAD, 0, 0, _INDEX), (_EQUAL, 0, 3, _LOOPBACK_INDEX)]
        program += [(_LOAD, 0, 0, _PACKET_TYPE), (_EQUAL, 0, 1, _OUTGOING), _REFUSE]
    else:
        program += [(_LOAD, 0, 0, _INDEX), (_EQUAL, 0, 1, _LOOPBACK_INDEX), _REFUSE]
    if not expression.strip() or needs_tags(expression):
        compile_filter(expression)  # to say now what is wrong with it
        return (*program, (_RETURN, 0, 0, snaplen))
    if kind is not None:
        return (*program, *compile_filter(expression, link_type(kind), snaplen))
    ethernet = compile_filter(expression, 1, snaplen)
    try:
        other = compile_filter(expression, link_type(-1), snaplen)
    except FilterError:  # it asks for what only Ethernet has
        other = (_REFUSE,)
    program += [(_LOAD, 0, 0, _LINK_LAYER), (_EQUAL, 2, 0, ETHERNET), (_EQUAL, 1, 0, LOOPBACK)]
    return (*program, (_JUMP, 0, 0, len(ethernet)), *ethernet, *other)
