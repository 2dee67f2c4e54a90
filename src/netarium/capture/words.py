"""What packets say, in words for an arrow: flags and numbers of TCP, or the application's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from netarium.capture.sightings import innermost

if TYPE_CHECKING:
    from netarium.wire.header import Header
    from netarium.wire.packet import Packet

__all__ = ["Said", "Talk", "words"]

_AROUND = 1 << 32
_HALF = 1 << 31


@dataclass(slots=True)
class Said:
    """What one packet says.

    Attributes:
        label, detail: as of ``Arrow``. kind: of the protocol that speaks.
        flags: names of TCP's; empty for others. size: bytes of TCP's payload.
        again: a retransmission. alarm: something ends by force. note: anything else.
    """

    label: str
    detail: str = ""
    kind: str = "transport"
    flags: frozenset[str] = frozenset()
    size: int = 0
    again: bool = False
    alarm: bool = False
    note: str = ""


@dataclass(slots=True)
class Talk:
    """One TCP connection as it goes on: numbers relative to where each side began.

    Attributes:
        first: the sequence number of each side's SYN. next: what each side sends next.
        seen: the segments of each side. acked: what each side acknowledged last, and its window.
    """

    first: dict[str, int] = field(default_factory=dict)
    next: dict[str, int] = field(default_factory=dict)
    seen: dict[str, set[int]] = field(default_factory=dict)
    acked: dict[str, tuple[int, int]] = field(default_factory=dict)

    def said(self, tcp: Any, sender: str, receiver: str, size: int) -> Said:
        """What a segment says, and whether it was said before."""
        flags = frozenset(_flags(tcp))
        syn, ack = "SYN" in flags, "ACK" in flags
        length = size + syn + ("FIN" in flags)
        if sender not in self.first:
            self.first[sender] = tcp.seq if syn else (tcp.seq - 1) % _AROUND
        if ack and receiver not in self.first:
            self.first[receiver] = (tcp.ack - 1) % _AROUND
        detail = [f"seq {(tcp.seq - self.first[sender]) % _AROUND}"]
        if ack:
            detail.append(f"ack {(tcp.ack - self.first[receiver]) % _AROUND}")
        again, note = self._judge(tcp, flags, sender, size, length)
        if syn or not tcp.window:
            detail.append(f"win {tcp.window}")
        if size:
            detail.append(f"len {size}")
        if syn:
            detail += [str(option) for option in tcp.options if option.title == "MSS"]
        label = " ".join(name for name in _ORDER if name in flags) or "no flags"
        if not tcp.window and "RST" not in flags and not syn:
            note = note or "window full"
        return Said(label, ", ".join(detail), "transport", flags, size, again, "RST" in flags, note)

    def _judge(
        self, tcp: Any, flags: frozenset[str], sender: str, size: int, length: int
    ) -> tuple[bool, str]:
        """Whether a segment is a retransmission, and what else is strange about it."""
        seen = self.seen.setdefault(sender, set())
        end = (tcp.seq + length) % _AROUND
        expected = self.next.get(sender)
        behind = expected is not None and 0 < (expected - tcp.seq) % _AROUND < _HALF
        again, note = False, ""
        if length and behind and size <= 1 and not flags & {"SYN", "FIN"} and end == expected:
            note = "keep-alive"
        elif length and tcp.seq in seen:
            again, note = True, "retransmission"
        elif length and behind:
            note = "out of order"
        elif not length and "ACK" in flags and not flags & {"RST"}:
            now = (tcp.ack, tcp.window)
            if self.acked.get(sender) == now and not behind:
                note = "duplicate ACK"
        if length:
            seen.add(tcp.seq)
        if "ACK" in flags:
            self.acked[sender] = (tcp.ack, tcp.window)
        if expected is None or (end - expected) % _AROUND < _HALF:
            self.next[sender] = end
        return again, note


_ORDER = ("SYN", "FIN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")


def _flags(tcp: Any) -> list[str]:
    field = type(tcp).flags
    return [name for name in _ORDER if name in field.flags and tcp.flags & field.bit_of(name)]


def words(packet: Packet, talk: Talk | None, sender: str, receiver: str) -> Said:
    """What a packet says.

    Args:
        packet: the packet.
        talk: of the TCP connection that it belongs to, kept from packet to packet.
        sender: who sent it.
        receiver: for whom it was.
    """
    from netarium.wire.drawing.style import kind_of
    from netarium.wire.header import Padding, Payload

    layers = [
        layer for layer in packet.layers if not layer.quoted and not isinstance(layer, Padding)
    ]
    known = [layer for layer in layers if not isinstance(layer, Payload)]
    if not known:
        return Said(f"{packet.length} bytes", kind="bytes")
    tcp: Any = next((layer for layer in reversed(known) if layer.title == "TCP"), None)
    if tcp is None or talk is None or not hasattr(tcp, "flags"):
        return _other(packet, known, kind_of(known[-1]))
    size = _payload_size(packet, tcp)
    said = talk.said(tcp, sender, receiver, size)
    above = known[known.index(tcp) + 1 :]
    if above:
        said.detail = f"{said.label}, {said.detail}" if said.label != "PSH ACK" else said.detail
        said.label, said.kind = _named(above[0]), kind_of(above[0])
        if len(above) > 1:
            said.label += f" (and {len(above) - 1} more)"
    elif size and said.label in ("ACK", "PSH ACK"):
        said.label = f"{size:,} byte{'' if size == 1 else 's'}"
    return said


def _other(packet: Packet, known: list[Header], kind: str) -> Said:
    """Anything but TCP: the innermost header that was understood."""
    places = [n for n, layer in enumerate(known) if layer.title in ("UDP", "TCP", "SCTP")]
    speaking = known[min(places[-1] + 1, len(known) - 1)] if places else known[-1]
    detail = ""
    if speaking.title == "UDP":
        detail = f"{max(0, packet.length - speaking.end_of_header())} bytes"
    return Said(_named(speaking), detail, kind, alarm=speaking.quotes)


def _named(layer: Header) -> str:
    """Title and summary, but not the same word twice."""
    summary = layer.summary()
    if summary.split("/")[0].split(" ")[0] == layer.title or not summary:
        return summary or str(layer)
    return f"{layer.title} {summary}"


def _payload_size(packet: Packet, tcp: Header) -> int:
    """Bytes of TCP's payload on the wire, even if the capture cut them."""
    ip: Any = innermost(packet)
    end = packet.length
    if ip is not None and ip.title == "IPv4" and ip.total_length:
        end = ip.start + ip.total_length
    elif ip is not None and ip.title == "IPv6" and ip.payload_length:
        end = ip.start + 40 + ip.payload_length
    return max(0, end - tcp.end_of_header())
