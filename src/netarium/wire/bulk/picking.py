"""Picking out the few frames of a batch that an application table is made of."""

from __future__ import annotations

from typing import Any

from netarium.wire.bulk.walk import (
    NETWORK,
    PAYLOAD,
    PAYLOAD_END,
    PROTOCOL,
    TRANSPORT,
    u8,
    u16,
    walk_deep,
)
from netarium.wire.hot import hot

__all__ = ["DNS_FRAMES", "HTTP_FRAMES", "PICKED", "pick"]

DNS_FRAMES = 1  # UDP and TCP of ports 53, 5353 (mDNS) and 5355 (LLMNR)
HTTP_FRAMES = 2  # TCP segments that begin like a request or a response of HTTP/1

#: Numbers of each picked frame: which it is in the batch, where its network header, transport
#: header and payload begin, where the payload ends, the protocol.
PICKED = 6


@hot
def _is_dns(data: Any, protocol: int, transport: int, size: int) -> bool:
    if protocol != 17 and protocol != 6:
        return False
    least = 12 if protocol == 17 else 14  # over TCP a length stands before the message
    if size < least:
        return False
    source = u16(data, transport)
    target = u16(data, transport + 2)
    return (
        source == 53
        or target == 53
        or (protocol == 17 and (source in (5353, 5355) or target in (5353, 5355)))
    )


@hot
def _is_http(data: Any, protocol: int, at: int, end: int) -> bool:
    """``HTTP/1`` or a word in capitals, a blank, and ``/``, ``*`` or a letter of a URL."""
    if protocol != 6 or end - at < 12:
        return False
    if u8(data, at) == 72 and u8(data, at + 1) == 84 and u8(data, at + 4) == 47:
        return u8(data, at + 2) == 84 and u8(data, at + 3) == 80 and u8(data, at + 5) == 49
    letters = 0
    while letters < 12 and u8(data, at + letters) >= 65 and u8(data, at + letters) <= 90:
        letters += 1
    if letters < 3 or letters > 10 or u8(data, at + letters) != 32:
        return False
    begin = u8(data, at + letters + 1)
    # CONNECT names a host; to a proxy, others name a whole URL.
    return begin == 47 or begin == 42 or (begin >= 97 and begin <= 122)


@hot
def pick(
    data: Any,
    start: Any,
    captured: Any,
    interface: Any,
    links: Any,
    count: int,
    wanted: int,
    picked: Any,
    place: Any,
) -> int:
    """Write `PICKED` numbers for each frame that is wanted; gives how many frames."""
    found = 0
    link_count = len(links)
    for index in range(count):
        begin = start[index]
        link = links[interface[index]] if interface[index] < link_count else 1
        walk_deep(data, begin, begin + captured[index], link, place)
        if place[TRANSPORT] < 0 or place[PAYLOAD] < 0:
            continue
        at = place[PAYLOAD]
        end = place[PAYLOAD_END]
        if wanted == DNS_FRAMES:
            if not _is_dns(data, place[PROTOCOL], place[TRANSPORT], end - at):
                continue
        elif not _is_http(data, place[PROTOCOL], at, end):
            continue
        picked[PICKED * found] = index
        picked[PICKED * found + 1] = place[NETWORK]
        picked[PICKED * found + 2] = place[TRANSPORT]
        picked[PICKED * found + 3] = at
        picked[PICKED * found + 4] = end
        picked[PICKED * found + 5] = place[PROTOCOL]
        found += 1
    return found
