"""The corpus: packets of every protocol, whole, in fragments, with options, and cut off.

Scapy makes them, so that netarium's own headers are tested against another's hand.
``corpus()`` gives Ethernet frames, ``other_links()`` frames of other link types; the bytes
are the same at each run. ``write_corpus`` puts them into a pcap file for tshark and others.
"""

from __future__ import annotations

import functools
import gzip
import struct
from pathlib import Path

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
SRC, DST = "10.0.0.1", "10.0.0.2"
SRC6, DST6 = "2001:db8::1", "2001:db8::2"
#: 2024-01-01 00:00:00 UTC; packet ``n`` of the corpus is ``n`` milliseconds later.
START = 1_704_067_200


@functools.cache
def corpus():
    """Ethernet frames as (name, bytes that were captured, length on the wire)."""
    from tests.wire import corpus_applications, corpus_headers, corpus_messages

    made = {**corpus_headers.frames(), **corpus_applications.frames()}
    made |= corpus_messages.frames()
    whole = [(name, frame, len(frame)) for name, frame in made.items()]
    return whole + _cut(made)


def _cut(made):
    """Some of them as a capture with a small snapshot length has them."""
    cut = []
    for name in ("tcp data", "udp", "ipv6 udp", "icmp echo request", "dns answer", "vxlan", "arp"):
        for kept in (0, 1, 13, 14, 20, 33, 34, 38, 42, 50, 54, 60):
            if kept < len(made[name]):
                cut.append((f"{name}, cut to {kept}", made[name][:kept], len(made[name])))
    return cut


@functools.cache
def other_links():
    """Frames of other link types as (name, link type, bytes)."""
    from tests.wire import corpus_headers

    return corpus_headers.other_links()


def frame(name):
    """The bytes of one frame of the corpus."""
    return next(data for known, data, _ in corpus() if known == name)


def pcap(packets, link_type=1):
    """A pcap file of (bytes, length on the wire), as bytes."""
    blocks = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link_type)]
    for number, (data, length) in enumerate(packets):
        blocks.append(struct.pack("<IIII", START, 1000 * number, len(data), length) + data)
    return b"".join(blocks)


def write_corpus(path):
    """Write ``corpus()`` as a pcap file; gzipped where the name says so."""
    whole = pcap([(data, length) for _, data, length in corpus()])
    Path(path).write_bytes(gzip.compress(whole) if str(path).endswith(".gz") else whole)


def write_link(path, link_type):
    """Write the frames of one other link type as a pcap file."""
    frames = [data for _, link, data in other_links() if link == link_type]
    Path(path).write_bytes(pcap([(data, len(data)) for data in frames], link_type))
