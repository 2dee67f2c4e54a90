"""Finding what TCP and UDP carry, frame by frame, and which frames need a closer look."""

from __future__ import annotations

from typing import Any

from netarium.wire.bulk.walk import (
    CUT,
    ETHERTYPE,
    FRAGMENT,
    MORE,
    NETWORK,
    PAYLOAD,
    PAYLOAD_END,
    PROTOCOL,
    TRANSPORT,
    UPPER,
    WHOLE_END,
    u16,
    walk,
)
from netarium.wire.hot import hot

__all__ = [
    "ADDRESSES",
    "BEGIN",
    "CLOSER",
    "END",
    "KIND",
    "LENGTH",
    "NOTHING",
    "PORTS",
    "ROW",
    "WIDTH",
    "find",
]

# What `find` writes for each frame.
KIND = 0  # 6: TCP, 17: UDP, or one of the next two
NOTHING = 0  # neither
CLOSER = -1  # a tunnel, a fragment, a message that quotes: to be read layer by layer
ADDRESSES = 1  # offset of both addresses, each of WIDTH bytes
WIDTH = 2
PORTS = 3  # offset of the TCP or UDP header, and so of both ports
BEGIN = 4  # what it carries, as far as it was captured; END: behind it
END = 5
LENGTH = 6  # how much it carried on the wire
ROW = 7


@hot
def find(
    data: Any,
    start: Any,
    captured: Any,
    length: Any,
    interface: Any,
    links: Any,
    count: int,
    rows: Any,
    place: Any,
) -> None:
    """Fill ``ROW`` numbers for each of the first ``count`` frames."""
    link_count = len(links)
    for index in range(count):
        begin = start[index]
        link = links[interface[index]] if interface[index] < link_count else 1
        walk(data, begin, begin + captured[index], link, place)
        row = ROW * index
        rows[row + KIND] = _kind(data, place, link)
        if rows[row + KIND] <= 0:
            continue
        at = place[TRANSPORT]
        rows[row + WIDTH] = 4 if place[ETHERTYPE] == 0x0800 else 16
        rows[row + ADDRESSES] = place[NETWORK] + (12 if place[ETHERTYPE] == 0x0800 else 8)
        rows[row + PORTS] = at
        end = min(place[WHOLE_END], begin + length[index])
        if place[PROTOCOL] == 17:
            told = u16(data, at + 4)
            if told >= 8:
                end = min(end, at + told)
        if place[PAYLOAD] < 0:  # a header that contradicts itself, or is cut off
            rows[row + BEGIN] = at
            rows[row + END] = at
            size = max(20, (data[at + 12] >> 4) * 4) if place[PROTOCOL] == 6 else 8
            rows[row + LENGTH] = max(0, end - at - size)
        else:
            rows[row + BEGIN] = place[PAYLOAD]
            rows[row + END] = place[PAYLOAD_END]
            rows[row + LENGTH] = max(0, end - place[PAYLOAD])


@hot
def _kind(data: Any, place: Any, link: int) -> int:
    """What a frame is: KIND of its row."""
    ethertype = place[ETHERTYPE]
    if place[NETWORK] < 0:
        # MPLS, PPPoE and LLC may have IP within; links that `walk` does not know, too.
        inside = ethertype == 0x8847 or ethertype == 0x8848 or ethertype == 0x8864
        inside = inside or 0 <= ethertype <= 0x05DC
        return CLOSER if inside or (ethertype < 0 and place[CUT] < 0 and link != 1) else NOTHING
    if place[FRAGMENT] > 0 or place[MORE] > 0:
        return CLOSER if place[UPPER] >= 0 else NOTHING
    protocol, at = place[PROTOCOL], place[TRANSPORT]
    if protocol == 4 or protocol == 41 or protocol == 47 or protocol == 137:
        return CLOSER
    if at < 0:
        return NOTHING
    if protocol == 6:
        return 6
    if protocol == 17:
        told = u16(data, at + 4)
        if 0 < told < 8:  # less than its own header: not what it says it is
            return NOTHING
        port = u16(data, at + 2)
        return CLOSER if port == 4789 or port == 8472 or port == 6081 else 17
    if protocol == 1:
        message = data[at]
        errors = message == 3 or message == 4 or message == 5 or message == 11 or message == 12
        return CLOSER if errors else NOTHING
    if protocol == 58:
        return CLOSER if data[at] < 128 else NOTHING
    return NOTHING
