"""The last steps: does it fit the link, which station is next, and out it goes."""

from __future__ import annotations

from typing import Any

from netarium.router import layout
from netarium.router.arithmetic import put16, put48
from netarium.router.neighbour_table import MAC, USABLE, neighbour_slot
from netarium.router.offload import complete_checksum, headers_length, segment_frame
from netarium.router.reasons import Reason
from netarium.wire.batch import CHECKSUM_NOT_READY, SEGMENTED_LATER
from netarium.wire.bulk.walk import u32
from netarium.wire.hot import hot

__all__ = ["find_neighbour", "fit", "put_header", "send"]

_AT = layout.P_AT
_EGRESS = layout.P_EGRESS
_END = layout.P_END
_FAMILY = layout.P_FAMILY
_FLAGS = layout.P_FLAGS
_GATEWAY = layout.P_GATEWAY
_MAC = layout.P_MAC
_NET = layout.P_NET
_PROTOCOL = layout.P_PROTOCOL
_SEGMENT = layout.P_SEGMENT
_UPPER = layout.P_UPPER

_BUFFER = layout.BUFFER
_CAN_CHECKSUM = layout.CAN_CHECKSUM
_CAN_SEGMENT_TCP4 = layout.CAN_SEGMENT_TCP4
_CAN_SEGMENT_TCP6 = layout.CAN_SEGMENT_TCP6
_CAN_SEGMENT_UDP = layout.CAN_SEGMENT_UDP
_CHECKSUM_OFFSET = layout.CHECKSUM_OFFSET
_CHECKSUM_START = layout.CHECKSUM_START
_COUNTERS = layout.COUNTERS
_FRAME_SIZE = layout.FRAME_SIZE
_HEADROOM = layout.HEADROOM
_IF_CAN = layout.IF_CAN
_IF_MAC = layout.IF_MAC
_IF_MTU = layout.IF_MTU
_IF_SIZE = layout.IF_SIZE
_SENT = layout.SENT
_SENT_SIZE = layout.SENT_SIZE
_TX_BYTES = layout.TX_BYTES
_TX_FRAMES = layout.TX_FRAMES
_USED = layout.USED
_VNET_SIZE = layout.VNET_SIZE

_BUFFER_FULL = int(Reason.BUFFER_FULL)
_NEIGHBOUR = int(Reason.NEIGHBOUR)
_TOO_BIG = int(Reason.TOO_BIG)

# struct virtio_net_hdr (virtio 1.2, section 5.1.6).
_NEEDS_CHECKSUM = 1
_GSO_TCP4 = 1
_GSO_TCP6 = 4
_GSO_UDP = 5
_GSO_ECN = 0x80


@hot
def fit(out: Any, p: Any, interfaces: Any) -> int:
    """Compare the packet with the MTU of the link; of a super-frame, one segment with headers."""
    length = p[_END] - p[_NET]
    if p[_SEGMENT] > 0:
        length = headers_length(out, p) - (p[_NET] - p[_AT]) + p[_SEGMENT]
    if length > interfaces[p[_EGRESS] * _IF_SIZE + _IF_MTU]:
        return _TOO_BIG
    return 0


@hot
def find_neighbour(out: Any, p: Any, neighbours: Any) -> int:
    """Find the link-layer address of the next hop: the route's router, else the destination."""
    net = p[_NET]
    gateway = _GATEWAY
    if p[gateway] == 0 and p[gateway + 3] == 0:
        if p[_FAMILY] == 4:
            p[gateway + 2] = 0xFFFF
            p[gateway + 3] = u32(out, net + 16)
        else:
            for word in range(4):
                p[gateway + word] = u32(out, net + 24 + 4 * word)
    slot = neighbour_slot(
        neighbours, p[_EGRESS], p[gateway], p[gateway + 1], p[gateway + 2], p[gateway + 3]
    )
    if slot < 0 or neighbours[slot + USABLE] == 0:
        return _NEIGHBOUR
    p[_MAC] = neighbours[slot + MAC]
    return 0


@hot
def send(
    out: Any, p: Any, index: int, state: Any, interfaces: Any, sent: Any, counters: Any
) -> int:
    """Write the Ethernet header, and do what the link cannot: sum, or cut into segments."""
    place = p[_EGRESS] * _IF_SIZE
    at = p[_AT]
    put48(out, at, p[_MAC])
    put48(out, at + 6, interfaces[place + _IF_MAC])
    can = interfaces[place + _IF_CAN]
    if p[_SEGMENT] > 0:
        needs = _CAN_SEGMENT_TCP4
        if p[_PROTOCOL] == 17:
            needs = _CAN_SEGMENT_UDP
        elif p[_FAMILY] == 6:
            needs = _CAN_SEGMENT_TCP6
        if (can & needs) == 0:
            return _send_segments(out, p, index, state, sent, counters)
    if (p[_FLAGS] & CHECKSUM_NOT_READY) and (can & _CAN_CHECKSUM) == 0:
        complete_checksum(out, p)
    put_header(out, p)
    _enqueue(p, index, at, p[_END] - at, state, sent, counters)
    return 0


@hot
def _enqueue(
    p: Any, index: int, at: int, length: int, state: Any, sent: Any, counters: Any
) -> None:
    """Put a finished frame at the end of those to send."""
    row = state[_SENT] * _SENT_SIZE
    sent[row] = index
    sent[row + 1] = p[_EGRESS]
    sent[row + 2] = at
    sent[row + 3] = length
    sent[row + 4] = p[_FLAGS]
    sent[row + 5] = p[_SEGMENT]
    state[_SENT] += 1
    state[_USED] = at + length
    counters[p[_EGRESS] * _COUNTERS + _TX_FRAMES] += 1
    counters[p[_EGRESS] * _COUNTERS + _TX_BYTES] += length


@hot
def _send_segments(out: Any, p: Any, index: int, state: Any, sent: Any, counters: Any) -> int:
    """Cut a super-frame as a network card would; the segments lie behind it in the buffer."""
    headers = headers_length(out, p)
    payload = p[_END] - p[_AT] - headers
    size = p[_SEGMENT]
    count = (payload + size - 1) // size
    to = p[_END] + _HEADROOM
    room = count * (headers + size + _HEADROOM)
    if to + room > state[_BUFFER] or state[_SENT] + count > state[_FRAME_SIZE]:
        return _BUFFER_FULL
    flags = p[_FLAGS]
    for number in range(count):
        length = segment_frame(out, p, headers, number, count, to)
        p[_FLAGS] = flags & ~(CHECKSUM_NOT_READY | SEGMENTED_LATER)
        p[_SEGMENT] = 0
        for byte in range(_VNET_SIZE):
            out[to - _VNET_SIZE + byte] = 0
        _enqueue(p, index, to, length, state, sent, counters)
        p[_SEGMENT] = size
        to += length + _HEADROOM
    return 0


@hot
def put_header(out: Any, p: Any) -> None:
    """Write the virtio-net header before the frame: what its link still has to do for it.

    Numbers are little-endian, as all machines have them on which this runs.
    """
    at = p[_AT]
    header = at - _VNET_SIZE
    flags = p[_FLAGS]
    for byte in range(_VNET_SIZE):
        out[header + byte] = 0
    upper = p[_UPPER]
    if flags & CHECKSUM_NOT_READY:
        first = (flags >> _CHECKSUM_START) & 0xFFFF
        offset = (flags >> _CHECKSUM_OFFSET) & 0x7FFF
        if first == 0 and upper > 0:
            first = upper - at
            offset = 6 if p[_PROTOCOL] == 17 else 16
        if first > 0:
            out[header] = _NEEDS_CHECKSUM
            _put_little(out, header + 6, first)
            _put_little(out, header + 8, offset)
    if p[_SEGMENT] > 0:
        kind = _GSO_TCP4
        if p[_PROTOCOL] == 17:
            kind = _GSO_UDP
        else:
            if p[_FAMILY] == 6:
                kind = _GSO_TCP6
            if out[upper + 13] & 0x80:
                kind |= _GSO_ECN
        out[header + 1] = kind
        _put_little(out, header + 2, headers_length(out, p))
        _put_little(out, header + 4, p[_SEGMENT])


@hot
def _put_little(out: Any, at: int, value: int) -> None:
    put16(out, at, ((value & 255) << 8) | (value >> 8))
