"""A batch as the wire would carry it: super-frames cut, checksums complete; quick for TCP and UDP.

It comes to what `netarium.wire.segmenting` does, by patching bytes where headers are plain.
"""

from __future__ import annotations

from array import array

from netarium.wire.batch import CHECKSUM_NOT_READY, SEGMENTED_LATER, Batch
from netarium.wire.bulk.walk import (
    ETHERTYPE,
    FRAGMENT,
    MORE,
    NETWORK,
    NETWORK_END,
    PAYLOAD,
    PROTOCOL,
    TRANSPORT,
    UPPER,
    WHOLE_END,
    places,
    walk,
)
from netarium.wire.packet import packet_of
from netarium.wire.segmenting import LEAST_SEGMENT, segments

__all__ = ["wire_view"]

_USUAL_MTU = 1500  # of Ethernet, where the capture does not tell
_ALL = 0xFFFF
_LEFT = CHECKSUM_NOT_READY | SEGMENTED_LATER
_FIN_PSH, _CWR = 0x09, 0x80
_TUNNELS = frozenset({4789, 8472, 6081})
#: Protocols that have nothing within them that a card completes: ICMP, IGMP, OSPF, ICMPv6.
_PLAIN = frozenset({1, 2, 58, 89})


def wire_view(batch: Batch) -> Batch:
    """Its frames as a wire would carry them. Segments keep the number of their frame."""
    view = _View(batch)
    for index in range(batch.count):
        view.take(index)
    return view.done()


def _sum(data: bytes | bytearray, more: int = 0) -> int:
    """The ones' complement sum of 16-bit words: what is left of a division by 65535."""
    value = int.from_bytes(data, "big") << (8 * (len(data) & 1))
    return (value + more) % _ALL or _ALL


class _View:
    """The batch that comes of another."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.links = batch.links()
        self.mtus = [interface.mtu or _USUAL_MTU for interface in batch.interfaces] or [_USUAL_MTU]
        self.place = places()
        self.made = Batch(memoryview(b""), interfaces=batch.interfaces, names=batch.names)
        self.pieces: list[bytes] = []
        self.at = 0

    def put(self, index: int, data: bytes, length: int, comment: str, *, ready: bool) -> None:
        """Append a frame that comes of the one at ``index``."""
        made, batch = self.made, self.batch
        if comment:
            made.comments[len(self.pieces)] = comment
        self.pieces.append(data)
        made.start.append(self.at)
        made.captured.append(len(data))
        made.length.append(length)
        made.time.append(batch.time[index])
        made.interface.append(batch.interface[index])
        made.flags.append(batch.flags[index] & ~(_LEFT if ready else SEGMENTED_LATER))
        made.numbers.append(batch.number(index))
        self.at += len(data)

    def done(self) -> Batch:
        """The whole."""
        made = self.made
        made.data, made.count = memoryview(b"".join(self.pieces)), len(self.pieces)
        made.segment = array("q", bytes(8 * made.count))
        return made

    def take(self, index: int) -> None:
        """Append what comes of a frame."""
        batch, place = self.batch, self.place
        where = batch.interface[index]
        mtu = self.mtus[where] if where < len(self.mtus) else _USUAL_MTU
        frame = bytes(batch.frame(index))
        walk(frame, 0, len(frame), self.links[where] if where < len(self.links) else 1, place)
        network, upper = place[NETWORK], place[TRANSPORT]
        is_long = bool(batch.segment[index] or batch.flags[index] & SEGMENTED_LATER)
        is_long |= network >= 0 and batch.length[index] - network > mtu
        is_whole = len(frame) == batch.length[index] and place[NETWORK_END] == place[WHOLE_END]
        if is_whole and self._is_plain(frame):
            if place[PROTOCOL] == 6:
                size = max(batch.segment[index], LEAST_SEGMENT) if batch.segment[index] else 0
                size = size or mtu - (place[PAYLOAD] - network)
                data = place[NETWORK_END] - place[PAYLOAD]
                if not is_long or data <= size:
                    self._complete(index, frame, upper + 16)
                    return
                if size > 0 and place[NETWORK_END] == len(frame):
                    self._cut(index, frame, size)
                    return
            elif not is_long:
                self._complete(index, frame, upper + 6)
                return
        is_flagged = batch.flags[index] & CHECKSUM_NOT_READY
        is_simple = network < 0 or (place[PROTOCOL] in _PLAIN and upper >= 0)
        if is_simple and not is_flagged and not is_long:
            self.put(index, frame, batch.length[index], batch.comments.get(index, ""), ready=True)
            return
        for packet in segments(packet_of(batch, index), mtu=mtu):
            ready = len(packet.data) == packet.length
            self.put(index, packet.data, packet.length, packet.comment, ready=ready)

    def _is_plain(self, frame: bytes) -> bool:
        """Whether it is TCP or UDP right behind an IP header without options."""
        place = self.place
        network, upper = place[NETWORK], place[TRANSPORT]
        if upper < 0 or place[MORE] or place[FRAGMENT] or upper != place[UPPER]:
            return False
        if upper - network != {0x0800: 20, 0x86DD: 40}.get(place[ETHERTYPE]):
            return False
        if place[PROTOCOL] == 17:
            ports = {int.from_bytes(frame[at : at + 2], "big") for at in (upper, upper + 2)}
            told = int.from_bytes(frame[upper + 4 : upper + 6], "big")
            return told == place[NETWORK_END] - upper and not ports & _TUNNELS
        return place[PROTOCOL] == 6 and upper + 20 <= place[PAYLOAD] <= place[NETWORK_END]

    def _pseudo(self, frame: bytes | bytearray, length: int) -> int:
        """The sum of the pseudo-header."""
        place = self.place
        network, upper = place[NETWORK], place[TRANSPORT]
        addresses = network + (12 if place[ETHERTYPE] == 0x0800 else 8)
        return _sum(frame[addresses:upper], place[PROTOCOL] + length)

    def _complete(self, index: int, frame: bytes, field: int) -> None:
        """Append a frame that fits, with the checksum that was left to a card."""
        upper, end = self.place[TRANSPORT], self.place[NETWORK_END]
        value = int.from_bytes(frame[field : field + 2], "big")
        pseudo = self._pseudo(frame, end - upper)
        is_absent = self.place[PROTOCOL] == 17 and not value
        left = self.batch.flags[index] & CHECKSUM_NOT_READY
        if left or (value == pseudo and not is_absent):
            total = _sum(frame[upper:field] + b"\0\0" + frame[field + 2 : end], pseudo)
            value = _ALL - total
            if self.place[PROTOCOL] == 17:
                value = value or _ALL
            frame = frame[:field] + value.to_bytes(2, "big") + frame[field + 2 :]
        comment = self.batch.comments.get(index, "")
        self.put(index, frame, len(frame), comment, ready=True)

    def _cut(self, index: int, frame: bytes, size: int) -> None:
        """Append the segments of a frame of TCP."""
        place = self.place
        network, upper, payload = place[NETWORK], place[TRANSPORT], place[PAYLOAD]
        is_ipv4 = place[ETHERTYPE] == 0x0800
        head = bytearray(frame[:payload])
        seq = int.from_bytes(head[upper + 4 : upper + 8], "big")
        number = int.from_bytes(head[network + 4 : network + 6], "big")
        flags = head[upper + 13]
        count = -(-(len(frame) - payload) // size)
        for at in range(count):
            piece = frame[payload + at * size : payload + (at + 1) * size]
            whole = payload - upper + len(piece)
            if is_ipv4:
                head[network + 2 : network + 4] = (whole + 20).to_bytes(2, "big")
                head[network + 4 : network + 6] = (number + at & _ALL).to_bytes(2, "big")
                head[network + 10 : network + 12] = b"\0\0"
                checksum = _ALL - _sum(head[network:upper])
                head[network + 10 : network + 12] = checksum.to_bytes(2, "big")
            else:
                head[network + 4 : network + 6] = whole.to_bytes(2, "big")
            head[upper + 4 : upper + 8] = (seq + at * size & 0xFFFFFFFF).to_bytes(4, "big")
            kept = flags if at == count - 1 else flags & ~_FIN_PSH
            head[upper + 13] = kept & ~_CWR if at else kept
            head[upper + 16 : upper + 18] = b"\0\0"
            total = _sum(head[upper:] + piece, self._pseudo(head, whole))
            head[upper + 16 : upper + 18] = (_ALL - total).to_bytes(2, "big")
            data = bytes(head) + piece
            self.put(index, data, len(data), f"segment {at + 1} of {count}", ready=True)
