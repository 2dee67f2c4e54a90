"""Super-frames in files: a comment says how many segments a network card would have made."""

from __future__ import annotations

import re
from array import array
from typing import Any

from netarium.wire.batch import Batch
from netarium.wire.bulk.walk import PAYLOAD, PAYLOAD_END, PLACES, PROTOCOL, TRANSPORT, u16, walk
from netarium.wire.hot import hot, run

__all__ = ["read_comment", "segment_comments"]

_FOUND = re.compile(r"super-frame \(GSO\): \d{1,9} segments? of (\d{1,7}) bytes?")


def read_comment(text: str) -> int:
    """The bytes in each segment, of a comment that was made here; else 0."""
    found = _FOUND.fullmatch(text)
    return int(found[1]) if found else 0


def segment_comments(batch: Batch, *, fast: bool) -> dict[int, str]:
    """A comment for each super-frame, by its index in the batch."""
    found = array("q", bytes(16 * batch.count))
    place = array("q", bytes(8 * PLACES))
    columns = (batch.start, batch.captured, batch.length, batch.segment, batch.interface)
    links = batch.links()
    many = run(
        _count, batch.data, batch.count, *columns, links, len(links), place, found, fast=fast
    )
    return {
        found[2 * index]: (
            f"super-frame (GSO): {found[2 * index + 1]} segments"
            f" of {batch.segment[found[2 * index]]} bytes"
        )
        for index in range(many)
    }


@hot
def _count(
    data: Any,
    count: int,
    start: Any,
    captured: Any,
    length: Any,
    segment: Any,
    interface: Any,
    links: Any,
    known: int,
    place: Any,
    found: Any,
) -> int:
    many = 0
    for index in range(count):
        if segment[index] > 0:
            begin = start[index]
            link = links[min(max(interface[index], 0), known - 1)]
            headers = _headers(data, begin, begin + captured[index], link, place)
            payload = max(length[index] - headers, 1)
            found[2 * many] = index
            found[2 * many + 1] = (payload + segment[index] - 1) // segment[index]
            many += 1
    return many


@hot
def _headers(data: Any, begin: int, end: int, link: int, place: Any) -> int:
    """Bytes before the payload of the innermost transport header, through tunnels."""
    at = begin
    for _ in range(4):
        walk(data, at, end, link, place)
        inner = place[PAYLOAD]
        if inner < 0:
            break
        protocol = place[PROTOCOL]
        limit = place[PAYLOAD_END]
        at = inner
        if protocol in (4, 41):
            link = 101
        elif protocol == 47 and limit - inner >= 4:  # GRE (RFC 2890): checksum, key, sequence
            bits = data[inner] * 1
            at += 4 + 4 * ((bits >> 7) + ((bits >> 5) & 1) + ((bits >> 4) & 1))
            link = 1 if u16(data, inner + 2) == 0x6558 else 101
        elif protocol == 17 and u16(data, place[TRANSPORT] + 2) == 4789 and limit - inner >= 8:
            at += 8  # VXLAN (RFC 7348)
            link = 1
        else:
            break
        if at >= limit:
            break
    return at - begin
