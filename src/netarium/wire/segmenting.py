"""What the wire would carry of a frame that was to be finished by a network card.

Linux gives cards super-frames, up to 64 KiB and more, to cut into segments (GSO), and
checksums to complete. Between namespaces no card ever does. This does what the kernel would:
net/ipv4/tcp_offload.c (tcp_gso_segment), net/ipv4/udp_offload.c (__udp_gso_segment),
net/ipv4/af_inet.c (inet_gso_segment) and net/ipv6/ip6_offload.c.
"""

from __future__ import annotations

from netarium.wire.batch import CHECKSUM_NOT_READY, SEGMENTED_LATER
from netarium.wire.checksum import Verdict
from netarium.wire.fragmenting import fragments
from netarium.wire.header import Header, Payload
from netarium.wire.internet.ipv4 import IPv4
from netarium.wire.internet.ipv6 import IPv6
from netarium.wire.internet.ipv6_extensions import HopByHop
from netarium.wire.internet.ipv6_options import JumboPayload
from netarium.wire.judging import judge
from netarium.wire.packet import Packet
from netarium.wire.transport.tcp import TCP
from netarium.wire.transport.udp import UDP

__all__ = ["LEAST_SEGMENT", "is_super_frame", "segments"]

#: Linux makes no smaller segments of TCP (TCP_MIN_SND_MSS).
LEAST_SEGMENT = 48


def is_super_frame(packet: Packet, mtu: int = 1500) -> bool:
    """Whether a network card was to cut it: the kernel said so, or it does not fit the link.

    Args:
        packet: the packet.
        mtu: the largest network-layer packet of the link, bytes; 0: not known.
    """
    if packet.segment or packet.flags & SEGMENTED_LATER:
        return True
    network = _network(packet)
    return bool(mtu) and network is not None and packet.length - network.start > mtu


def segments(packet: Packet, segment_size: int | None = None, mtu: int = 1500) -> list[Packet]:
    """The frames that a wire would carry instead, with all checksums complete.

    TCP is cut into segments of ``segment_size`` bytes of data: sequence numbers and IP
    identifications count on, FIN and PSH stay on the last alone, CWR on the first. UDP is cut
    likewise where a segment size is known, else into IP fragments. A frame that fits is given
    alone. What a capture did not keep stays away from the segments, too.

    Args:
        packet: the packet; it is not changed.
        segment_size: bytes of data in each; None: what the kernel said (``packet.segment``),
            else what fits ``mtu``.
        mtu: the largest network-layer packet of the link, bytes.
    """
    index = _transport(packet)
    if index is None or not (segment_size or is_super_frame(packet, mtu)):
        return [_completed(packet)]
    transport = packet.layers[index]
    size = segment_size or max(packet.segment, LEAST_SEGMENT if packet.segment else 0)
    if not size and isinstance(transport, UDP):
        return fragments(_completed(packet), mtu) if mtu else [_completed(packet)]
    network = _network(packet)
    around = transport.end_of_header() - (network.start if network else 0)
    size = size or mtu - around
    data = _data(packet, transport)
    if size <= 0 or data is None or len(data) <= size:
        return [_completed(packet)]
    return _cut(packet, index, data, size)


def _transport(packet: Packet) -> int | None:
    """The place of the innermost TCP or UDP header that is the packet's own."""
    found = None
    for index, layer in enumerate(packet.layers):
        if layer.quoted or layer.is_fragment:
            return None
        if isinstance(layer, (TCP, UDP)):
            found = index
    return found


def _network(packet: Packet) -> Header | None:
    return next((layer for layer in packet.layers if isinstance(layer, (IPv4, IPv6))), None)


def _data(packet: Packet, transport: Header) -> bytes | None:
    """What the transport header carries; zeros for what the capture did not keep."""
    start = transport.end_of_header()
    kept = packet.data[start : min(transport.payload_end(), transport.limit)]
    if packet.length <= len(packet.data):
        return kept
    network = next(layer for layer in reversed(packet.layers) if isinstance(layer, (IPv4, IPv6)))
    end = network.payload_end() if network.payload_end() != network.limit else packet.length
    if transport.end_of_header() > len(packet.data) or end < start:
        return None
    return kept.ljust(min(end, packet.length) - start, b"\0")


def _cut(packet: Packet, index: int, data: bytes, size: int) -> list[Packet]:
    read = Packet.parse(packet.data, packet.link_type, packet.length)
    layers = [layer for layer in read.layers[: index + 1] if not _is_jumbo(layer)]
    kept = len(packet.data) - packet.layers[index].end_of_header()
    made = []
    count = -(-len(data) // size)
    for number in range(count):
        piece = data[number * size : (number + 1) * size]
        segment = Packet([*layers, Payload(load=piece)])
        last = number == count - 1
        for layer in segment.layers:
            if isinstance(layer, IPv4):
                layer.__dict__["given"] = layer.given | {
                    "identification": (layer.identification + number) & 0xFFFF
                }
        transport = segment.layers[len(layers) - 1]
        if isinstance(transport, TCP):
            flags = transport.flags
            if not last:
                flags &= ~(TCP.flags.bit_of("FIN") | TCP.flags.bit_of("PSH"))
            if number:
                flags &= ~TCP.flags.bit_of("CWR")
            seq = (transport.seq + number * size) & 0xFFFFFFFF
            transport.__dict__["given"] = transport.given | {"seq": seq, "flags": flags}
        segment.rebuild()
        there = max(0, min(len(piece), kept - number * size))
        captured = segment.data[: len(segment.data) - len(piece) + there]
        made.append(Packet.parse(captured, packet.link_type, len(segment.data)))
        _describe(made[-1], packet, f"segment {number + 1} of {count}")
    return made


def _is_jumbo(layer: Header) -> bool:
    """A hop-by-hop header that is there for its jumbo option alone, as in Linux's BIG TCP."""
    if not isinstance(layer, HopByHop) or layer.size != 8:
        return False
    return any(isinstance(option, JumboPayload) for option in layer.options)


def _describe(segment: Packet, packet: Packet, comment: str) -> None:
    for name in ("time", "interface", "number"):
        setattr(segment, name, getattr(packet, name))
    segment.flags = packet.flags & ~(CHECKSUM_NOT_READY | SEGMENTED_LATER)
    segment.comment = comment


def _completed(packet: Packet) -> Packet:
    """The packet with those checksums put in that were left to a card."""
    data = packet.data
    for judged in judge(packet):
        if judged.verdict is Verdict.OFFLOAD and judged.expected is not None:
            value = judged.expected.to_bytes(judged.size, "big")
            data = data[: judged.at] + value + data[judged.at + judged.size :]
    if data == packet.data:
        same = packet.copy()
        same.length = packet.length
        return same
    done = Packet.parse(data, packet.link_type, packet.length)
    _describe(done, packet, packet.comment)
    return done
