"""Fragments: IPv4 packets cut to a link's MTU, IPv6's as their sender makes them, and joined."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from netarium.router.packets import Arrival, family_of, with_checksum
from netarium.router.timers import Timer, Timers

__all__ = ["Reassembly", "fragments4", "fragments6"]

_DONT_FRAGMENT, _MORE = 0x4000, 0x2000
_ROOM = 1024  # datagrams that may wait
_PIECES = 256  # fragments of one; honest ones of the longest datagram are some 50
_Key = tuple[bytes, ...]
_COPIED = 0x80  # an option that each fragment carries (RFC 791, section 3.1)


def fragments4(packet: bytes, mtu: int) -> list[bytes]:
    """Cut an IPv4 packet into pieces that fit (RFC 791, section 3.2; RFC 1812, 4.2.2.7).

    A fragment is cut further in the same way; options without the copied flag stay with the
    first alone.
    """
    header_size = 4 * (packet[0] & 15)
    word = int.from_bytes(packet[6:8], "big")
    first, more = word & 0x1FFF, word & _MORE
    header, body = packet[:header_size], packet[header_size:]
    size = (mtu - header_size) & ~7
    pieces = []
    for at in range(0, len(body), size):
        piece = body[at : at + size]
        last = at + size >= len(body)
        flags = (first + at // 8) | (more if last else _MORE)
        length = (header_size + len(piece)).to_bytes(2, "big")
        fresh = header[:2] + length + header[4:6] + flags.to_bytes(2, "big") + header[8:]
        pieces.append(with_checksum(fresh) + piece)
        if at == 0:
            header = header[:20] + _copied(header[20:])
    return pieces


def _copied(options: bytes) -> bytes:
    """The options as later fragments have them: those not copied are blanked, as Linux does."""
    out = bytearray(options)
    at = 0
    while at < len(out) and out[at]:
        if out[at] == 1:
            at += 1
            continue
        size = out[at + 1] if at + 1 < len(out) else 0
        if size < 2:
            break
        if not out[at] & _COPIED:
            out[at : at + size] = b"\1" * size
        at += size
    return bytes(out)


def fragments6(packet: bytes, mtu: int, identification: int) -> list[bytes]:
    """Cut a packet of our own into fragments (RFC 8200, section 4.5); routers cut no others'."""
    body = packet[40:]
    size = (mtu - 48) & ~7
    pieces = []
    for at in range(0, len(body), size):
        piece = body[at : at + size]
        more = at + size < len(body)
        extension = struct.pack("!BBHI", packet[6], 0, at | more, identification)
        start = packet[:4] + struct.pack("!HB", 8 + len(piece), 44) + packet[7:40]
        pieces.append(start + extension + piece)
    return pieces


@dataclass(slots=True)
class _Pile:
    """The fragments of one datagram that are there."""

    pieces: dict[int, bytes] = field(default_factory=dict)
    end: int = -1
    head: bytes = b""  # what goes before the joined payload
    first: Arrival | None = None
    largest: int = 0
    timer: Timer | None = None


class Reassembly:
    """Joins fragments of datagrams (RFC 791, section 3.2; RFC 8200, section 4.5).

    Overlaps end the whole datagram, as RFC 5722 asks of IPv6 and Linux does for both; an exact
    duplicate is ignored.

    Args:
        expired: told of the first fragment of a datagram whose others did not come.
    """

    def __init__(
        self, timers: Timers, expired: Callable[[Arrival], None], seconds4: float = 30.0
    ) -> None:
        self._timers, self._expired = timers, expired
        self._seconds = {4: seconds4, 6: 60.0}
        self._piles: dict[_Key, _Pile] = {}
        self.failed = 0
        self.largest = 0  # of the fragments that the last whole datagram came in, bytes

    def add4(self, arrival: Arrival, packet: bytes) -> bytes | None:
        """Add an IPv4 fragment; gives the whole datagram once all are there, else None."""
        size = 4 * (packet[0] & 15)
        word = int.from_bytes(packet[6:8], "big")
        key = (packet[12:20], packet[9:10], packet[4:6])
        at, more = (word & 0x1FFF) * 8, bool(word & _MORE)
        whole = self._add(key, arrival, packet[:size], at, more, packet[size:])
        if whole is None:
            return None
        head, body = whole
        length = len(head) + len(body)
        if length > 0xFFFF:
            return None
        # The flag not to be fragmented has lost its sense: the sender's packet was fragmented.
        kept = head[:2] + struct.pack("!H", length) + head[4:6] + b"\0\0" + head[8:]
        return with_checksum(kept) + body

    def add6(self, arrival: Arrival, packet: bytes, at: int, field_at: int) -> bytes | None:
        """Add an IPv6 fragment whose fragment header is at ``at``; ``field_at`` announced it."""
        kind, _, word, identification = struct.unpack_from("!BBHI", packet, at)
        key = (packet[8:40], identification.to_bytes(4, "big"))
        head = bytearray(packet[:at])
        head[field_at] = kind
        offset, more = word & 0xFFF8, bool(word & 1)
        whole = self._add(key, arrival, bytes(head), offset, more, packet[at + 8 :])
        if whole is None:
            return None
        joined, body = whole
        length = len(joined) + len(body) - 40
        if length > 0xFFFF:
            return None
        return joined[:4] + length.to_bytes(2, "big") + joined[6:] + body

    def _add(
        self,
        key: _Key,
        arrival: Arrival,
        head: bytes,
        at: int,
        more: bool,
        body: bytes,
    ) -> tuple[bytes, bytes] | None:
        pile = self._piles.get(key)
        if pile is None:
            if len(self._piles) >= _ROOM:
                self._drop(next(iter(self._piles)))
            pile = self._piles[key] = _Pile()
            seconds = self._seconds[family_of(head)]
            pile.timer = self._timers.after(seconds, lambda: self._expire(key))
        if pile.pieces.get(at) == body:
            return None
        end = at + len(body)
        ends = [(other, other + len(there)) for other, there in pile.pieces.items()]
        overlaps = any(at < last and first < end for first, last in ends)
        wrong_end = pile.end >= 0 and (end > pile.end or (not more and end != pile.end))
        wrong_end = wrong_end or (not more and any(last > end for _, last in ends))
        if overlaps or wrong_end or (more and len(body) % 8) or not body or len(ends) >= _PIECES:
            self._drop(key)
            return None
        pile.pieces[at] = body
        pile.largest = max(pile.largest, len(head) + len(body))
        if not more:
            pile.end = end
        if at == 0:
            pile.head, pile.first = head, arrival
        if pile.end < 0 or sum(map(len, pile.pieces.values())) != pile.end:
            return None
        self._remove(key)
        self.largest = pile.largest
        return pile.head, b"".join(pile.pieces[place] for place in sorted(pile.pieces))

    def _remove(self, key: _Key) -> _Pile:
        pile = self._piles.pop(key)
        if pile.timer:
            pile.timer.cancel()
        return pile

    def _drop(self, key: _Key) -> None:
        self._remove(key)
        self.failed += 1

    def _expire(self, key: _Key) -> None:
        pile = self._remove(key)
        self.failed += 1
        if pile.first is not None:
            self._expired(pile.first)
