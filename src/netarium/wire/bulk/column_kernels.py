"""Columns out of frames: one pass over a batch reads all fields that were asked for.

No field has code of its own: a field is a row of numbers (which header, byte, bytes, shift,
mask) that comes from its declaration. Only what no declaration can say, such as where a
tunnel's inner packet begins, is computed here. The names of rows and codes are constants
that ``netarium.capture.columnar`` uses.
"""

from __future__ import annotations

from typing import Any

from netarium.wire.bulk.address_kernels import KEY_WORDS, number_addresses
from netarium.wire.bulk.walk import (
    CUT,
    CUT_AT,
    ETHERTYPE,
    FRAGMENT,
    LINK,
    MORE,
    NETWORK,
    NETWORK_END,
    PAYLOAD,
    PAYLOAD_END,
    PROTOCOL,
    TAG,
    TRANSPORT,
    WHOLE_END,
    u8,
    u16,
    u32,
    walk,
    walk_deep,
)
from netarium.wire.hot import hot

__all__ = [
    "ARP_ADDRESS_LAYER",
    "ARP_LAYER",
    "BLOCK_ROOM",
    "ETHERNET_LAYER",
    "FRAGMENT_OFFSET",
    "GRE_KEY",
    "GRE_LAYER",
    "ICMPV6_LAYER",
    "ICMP_IDENTIFIER",
    "ICMP_LAYER",
    "ICMP_SEQUENCE",
    "INNER_IPV4_LAYER",
    "INNER_IPV6_LAYER",
    "IPV4_LAYER",
    "IPV6_LAYER",
    "LAYERS",
    "LINK_PROTOCOL",
    "PAYLOAD_LENGTH",
    "PORTS_LAYER",
    "TAG_LAYER",
    "TCP_LAYER",
    "TCP_MSS",
    "TCP_TIMESTAMP",
    "TCP_TIMESTAMP_ECHO",
    "TCP_WINDOW_SCALE",
    "TOP_PROTOCOL",
    "UDP_LAYER",
    "VXLAN_LAYER",
    "gather",
]

# Headers that fields are read from; each has a base offset in every frame, or -1.
ETHERNET_LAYER = 0
TAG_LAYER = 1
ARP_LAYER = 2
IPV4_LAYER = 3
IPV6_LAYER = 4
ICMP_LAYER = 5
ICMPV6_LAYER = 6
TCP_LAYER = 7
UDP_LAYER = 8
PORTS_LAYER = 9  # of any protocol that begins with two ports
GRE_LAYER = 10
VXLAN_LAYER = 11
INNER_IPV4_LAYER = 12
INNER_IPV6_LAYER = 13
ARP_ADDRESS_LAYER = 14  # where ARP is of cards' and IPv4 addresses
LAYERS = 15
_END = 15  # where the captured bytes and the network layer end
_NETWORK_END = 16
_BLOCK = 256  # frames at a time
_TOUCHED = 17 * _BLOCK
BLOCK_ROOM = 17 * _BLOCK + 1

# What is computed, not read.
LINK_PROTOCOL = 0  # the EtherType behind all tags
TOP_PROTOCOL = 1  # the IP protocol; without IP 256 + the EtherType
FRAGMENT_OFFSET = 2  # in bytes; -1 for whole datagrams
PAYLOAD_LENGTH = 3  # bytes that TCP, UDP or SCTP carries, though not all may be captured
ICMP_IDENTIFIER = 4
ICMP_SEQUENCE = 5
TCP_MSS = 6
TCP_WINDOW_SCALE = 7
TCP_TIMESTAMP = 8
TCP_TIMESTAMP_ECHO = 9
GRE_KEY = 10


@hot
def gather(
    data: Any,
    start: Any,
    captured: Any,
    length: Any,
    interface: Any,
    links: Any,
    low: int,
    high: int,
    fields: Any,
    addresses: Any,
    derived: Any,
    layers: Any,
    out: Any,
    stride: int,
    slots: Any,
    keys: Any,
    counts: Any,
    place: Any,
    inner: Any,
    base: Any,
    block: Any,
) -> int:
    """Fill the columns of frames ``low`` to ``high`` of a batch; give where it stopped.

    It stops before ``high`` where a table of addresses is full: whoever calls goes on from
    there with empty ones.

    ``data`` and the next four are the batch's; ``links``: the link type of each interface.
    ``fields``: seven numbers each: layer, byte, bytes, shift, mask, scale, the column to fill;
    of several fields for one column the last that is there counts. ``addresses``: five numbers
    each: layer, byte, bytes (4, 6 or 16), the column to fill, the table to number them by.
    ``derived``: two numbers each: what is computed, and the column to fill. ``layers``: those
    that fields and addresses are read from.
    ``out``: the columns, each ``stride`` numbers behind the last; -1: not there.
    ``slots``, ``keys``, ``counts``: the tables of addresses: a power of two of slots in each,
    keys for fewer addresses than that, how many there are; what they held is forgotten.
    ``place``, ``inner``, ``base``: room for two walks and the bases of `LAYERS`; ``block``:
    `BLOCK_ROOM` numbers.
    """
    tables = len(counts)
    room = len(slots) // max(1, tables)
    key_room = len(keys) // max(1, tables)
    most = key_room // KEY_WORDS - _BLOCK
    link_count = len(links)
    last = len(data) - 1
    for column in range(len(out) // stride):
        for row in range(high - low):
            out[column * stride + row] = -1
    for index in range(len(slots)):
        slots[index] = 0
    for table in range(tables):
        counts[table] = 0
    # Some frames at a time, so that one field after another can be read in a tight loop
    # while they are in the cache.
    for first in range(low, high, _BLOCK):
        for table in range(tables):
            if counts[table] > most:
                return first
        size = min(_BLOCK, high - first)
        row = first - low
        # Touched in a loop of nothing else, they come from memory at the same time, not one
        # after another.
        touched = 0
        for index in range(size if last >= 0 else 0):
            begin = start[first + index]
            touched += data[min(begin, last)] + data[min(begin + 54, last)]
        block[_TOUCHED] = touched
        for index in range(size):
            frame = first + index
            begin = start[frame]
            end = begin + captured[frame]
            link = links[interface[frame]] if interface[frame] < link_count else 1
            walk(data, begin, end, link, place)
            carried = place[ETHERTYPE]
            if place[NETWORK] < 0:
                carried = walk_deep(data, begin, end, link, place)
            _bases(data, link, end, place, inner, base)
            for number in range(len(layers)):
                block[layers[number] * _BLOCK + index] = base[layers[number]]
            block[_END * _BLOCK + index] = end
            block[_NETWORK_END * _BLOCK + index] = place[NETWORK_END]
            for number in range(len(derived) // 2):
                out[derived[2 * number + 1] * stride + row + index] = _derive(
                    data,
                    derived[2 * number],
                    carried,
                    begin + length[frame],
                    place,
                    base,
                )
        for number in range(len(fields) // 7):
            _field(data, fields, 7 * number, block, size, out, stride, row)
        for number in range(len(addresses) // 5):
            layer = addresses[5 * number]
            table = addresses[5 * number + 4]
            counts[table] = number_addresses(
                data,
                block,
                layer * _BLOCK,
                _BLOCK * (_NETWORK_END if _is_above(layer) else _END),
                size,
                addresses[5 * number + 1],
                addresses[5 * number + 2],
                out,
                addresses[5 * number + 3] * stride + row,
                slots,
                table * room,
                room,
                keys,
                table * key_room,
                counts[table],
            )
    return high


@hot
def _is_above(layer: int) -> bool:
    """Whether a layer is within the network layer, and ends with it."""
    return layer > IPV6_LAYER and layer < ARP_ADDRESS_LAYER


@hot
def _field(
    data: Any, fields: Any, field: int, block: Any, size: int, out: Any, stride: int, row: int
) -> None:
    """One field of the frames of a block."""
    layer = fields[field] * _BLOCK
    byte = fields[field + 1]
    width = fields[field + 2]
    shift = fields[field + 3]
    mask = fields[field + 4]
    scale = fields[field + 5]
    column = fields[field + 6] * stride + row
    limit = _BLOCK * (_NETWORK_END if _is_above(fields[field]) else _END)
    for index in range(size):
        at = block[layer + index]
        if at < 0 or at + byte + width > block[limit + index]:
            continue
        at += byte
        if width == 1:
            value = u8(data, at)
        elif width == 2:
            value = u16(data, at)
        elif width == 4:
            value = u32(data, at)
        else:
            value = 0
            for part in range(width):
                value = value * 256 + data[at + part]
        out[column + index] = (value >> shift & mask) * scale


@hot
def _bases(data: Any, link: int, end: int, place: Any, inner: Any, base: Any) -> None:
    """Where each header that fields are read from begins."""
    for layer in range(LAYERS):
        base[layer] = -1
    if link == 1:
        base[ETHERNET_LAYER] = place[LINK] if place[LINK] >= 0 else place[CUT_AT]
    base[TAG_LAYER] = place[TAG]
    network = place[NETWORK]
    if network < 0:
        if place[CUT] != NETWORK:
            return
        network = place[CUT_AT]
    ethertype = place[ETHERTYPE]
    if ethertype == 0x0800:
        base[IPV4_LAYER] = network
    elif ethertype == 0x86DD:
        base[IPV6_LAYER] = network
    elif ethertype == 0x0806 or ethertype == 0x8035:
        base[ARP_LAYER] = network
        # Addresses of other sizes stand elsewhere.
        if network + 6 <= end and u16(data, network + 4) == 0x0604:
            base[ARP_ADDRESS_LAYER] = network
    transport = place[TRANSPORT]
    if transport < 0:
        if place[CUT] != TRANSPORT:
            return
        transport = place[CUT_AT]
    protocol = place[PROTOCOL]
    # TCP, UDP, DCCP, SCTP, UDP-Lite
    if protocol in (6, 17, 33, 132, 136):
        base[PORTS_LAYER] = transport
    at = transport
    within = place[NETWORK_END]
    tunnel = -1  # the link type of what is in a tunnel
    if protocol == 6:
        base[TCP_LAYER] = transport
    elif protocol == 17:
        base[UDP_LAYER] = transport
        if place[PAYLOAD] >= 0 and u16(data, transport + 2) in (4789, 8472):
            base[VXLAN_LAYER] = place[PAYLOAD]
            at = place[PAYLOAD] + 8
            within = place[PAYLOAD_END]
            tunnel = 1
    elif protocol == 1:
        base[ICMP_LAYER] = transport
    elif protocol == 58:
        base[ICMPV6_LAYER] = transport
    elif protocol == 4 or protocol == 41:
        tunnel = 101
    elif protocol == 47:
        base[GRE_LAYER] = transport
        if transport + 4 <= within:
            # Checksum, key and sequence number are there if their bits say so (RFC 2890).
            flags = u16(data, transport)
            at += 4 + 4 * ((flags >> 15) + (flags >> 13 & 1) + (flags >> 12 & 1))
            carried = u16(data, transport + 2)
            if carried == 0x6558:
                tunnel = 1
            elif carried == 0x0800 or carried == 0x86DD:
                tunnel = 101
    if tunnel >= 0 and at < within:
        walk(data, at, within, tunnel, inner)
        if inner[ETHERTYPE] == 0x0800:
            base[INNER_IPV4_LAYER] = inner[NETWORK]
        elif inner[ETHERTYPE] == 0x86DD:
            base[INNER_IPV6_LAYER] = inner[NETWORK]


@hot
def _derive(
    data: Any,
    what: int,
    carried: int,
    wire_end: int,
    place: Any,
    base: Any,
) -> int:
    """One of what is computed.

    ``carried``: what the link layer carries; ``wire_end``: where the frame ended on the wire.
    """
    value: int = -1
    if what == LINK_PROTOCOL:
        value = carried if carried > 0x05DC else -1
    elif what == TOP_PROTOCOL:
        if place[PROTOCOL] >= 0:
            value = place[PROTOCOL]
        elif carried >= 0:
            value = 256 + carried
    elif what == FRAGMENT_OFFSET:
        if place[FRAGMENT] > 0 or place[MORE] == 1:
            value = place[FRAGMENT]
    elif what == PAYLOAD_LENGTH:
        value = _payload_length(data, min(place[WHOLE_END], wire_end), place, base)
    elif what in (ICMP_IDENTIFIER, ICMP_SEQUENCE):
        at = _echo(data, place, base)
        if at >= 0:
            value = u16(data, at + 4 if what == ICMP_IDENTIFIER else at + 6)
    elif what == GRE_KEY:
        at = base[GRE_LAYER]
        if at >= 0 and at + 4 <= place[NETWORK_END] and u16(data, at) & 0x2007 == 0x2000:
            at += 8 if u16(data, at) & 0x8000 else 4
            if at + 4 <= place[NETWORK_END]:
                value = u32(data, at)
    elif base[TCP_LAYER] >= 0:
        value = _tcp_option(data, what, base[TCP_LAYER], place[NETWORK_END])
    return value


@hot
def _payload_length(data: Any, end: int, place: Any, base: Any) -> int:
    """Bytes behind the transport header, up to ``end`` and by its own length."""
    limit = place[NETWORK_END]
    size = -1
    if base[TCP_LAYER] >= 0:
        at = base[TCP_LAYER]
        if at + 13 <= limit and data[at + 12] >= 0x50:
            size = end - at - (data[at + 12] >> 4) * 4
    elif base[UDP_LAYER] >= 0:
        at = base[UDP_LAYER]
        size = end - at - 8
        if at + 6 <= limit and u16(data, at + 4) >= 8:
            size = min(size, u16(data, at + 4) - 8)
    elif base[PORTS_LAYER] >= 0:
        size = end - base[PORTS_LAYER] - (12 if place[PROTOCOL] == 132 else 8)
    return max(-1, size)


@hot
def _echo(data: Any, place: Any, base: Any) -> int:
    """Where an ICMP message with identifier and sequence number begins, or -1."""
    at: int = base[ICMP_LAYER]
    if at >= 0 and at + 8 <= place[NETWORK_END]:
        kind = data[at]
        if kind == 8 or kind == 0 or (kind >= 13 and kind <= 18):
            return at
    at = base[ICMPV6_LAYER]
    if at >= 0 and at + 8 <= place[NETWORK_END] and (data[at] == 128 or data[at] == 129):
        return at
    return -1


@hot
def _tcp_option(data: Any, what: int, tcp: int, limit: int) -> int:
    """A number out of the TCP options (RFC 9293, section 3.1; RFC 7323), or -1."""
    if tcp + 20 > limit:
        return -1
    end = min(limit, tcp + (data[tcp + 12] >> 4) * 4)
    at = tcp + 20
    while at + 1 < end:
        kind = data[at]
        if kind == 0:
            return -1
        if kind == 1:
            at += 1
            continue
        size = int(data[at + 1])
        if size < 2 or at + size > end:
            return -1
        if kind == 2 and size == 4 and what == TCP_MSS:
            return u16(data, at + 2)
        if kind == 3 and size == 3 and what == TCP_WINDOW_SCALE:
            return int(data[at + 2])
        if kind == 8 and size == 10 and what == TCP_TIMESTAMP:
            return u32(data, at + 2)
        if kind == 8 and size == 10 and what == TCP_TIMESTAMP_ECHO:
            return u32(data, at + 6)
        at += size
    return -1
