"""Spoiling packets: flipped bits, cuts, splices and plain noise, the same for the same seed."""

from __future__ import annotations

import random

from netarium.wire.batch import CHECKSUM_NOT_READY, CHECKSUM_VALID, SEGMENTED_LATER
from netarium.wire.checksum import Verdict
from netarium.wire.header import Header
from netarium.wire.judging import judge
from netarium.wire.packet import Packet
from netarium.wire.segmenting import is_super_frame, segments

_TELLING = (0, 1, 2, 3, 4, 5, 6, 8, 15, 16, 20, 40, 60, 64, 127, 128, 192, 254, 255)


def mutate(rng: random.Random, data: bytes, other: bytes = b"") -> bytes:
    """Bytes made from ``data``; ``other`` is what splices take their end from."""
    raw = bytearray(data[:4000])
    way = rng.randrange(8)
    if way == 0:
        return bytes(raw[: rng.randrange(len(raw) + 1)])
    if way == 1:
        return rng.randbytes(rng.randrange(120))
    if way == 2 and other:
        tail = other[:4000]
        return bytes(raw[: rng.randrange(len(raw) + 1)]) + tail[rng.randrange(len(tail) + 1) :]
    for _ in range(rng.choice((1, 1, 2, 3, 8, 30))):
        if not raw:
            break
        # Headers are where it matters.
        at = rng.randrange(min(len(raw), 90) if rng.random() < 0.8 else len(raw))
        kind = rng.randrange(4)
        if kind == 0:
            raw[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            raw[at] = rng.choice(_TELLING)
        elif kind == 2:
            raw[at] = rng.randrange(256)
        elif rng.random() < 0.5:
            del raw[at : at + rng.randrange(1, 9)]
        else:
            raw[at:at] = rng.randbytes(rng.randrange(1, 9))
    return bytes(raw)


def look_at_everything(packet: Packet) -> None:
    """Use all that can be asked of a packet; fails where an answer makes no sense."""
    repr(packet)
    end = 8 * len(packet.data)
    at = 0
    for layer in packet.layers:
        str(layer)
        repr(layer)
        assert layer.start == at, f"{layer.title} begins at {layer.start}, not at {at}"
        at = layer.end_of_header()
        assert layer.start <= at <= layer.limit <= len(packet.data)
        _look_at_fields(layer, end)
    if packet.layers:
        assert at == len(packet.data), "bytes that are in no layer"
    if packet.stop:
        assert 0 <= packet.stop.at <= len(packet.data)
        str(packet.stop)
    for judged in judge(packet):
        str(judged)
        assert judged.verdict in Verdict
    is_super_frame(packet)
    if packet.quoted:
        repr(packet.quoted)


def _look_at_fields(layer: Header, end: int) -> None:
    for shown in layer.fields():
        waiting = [shown]
        while waiting:
            one = waiting.pop()
            assert 0 <= one.bit <= one.bit + one.bits <= end
            assert isinstance(one.text, str)
            waiting.extend(one.parts)
    layer.values()
    layer.summary()


def cut_into_segments(rng: random.Random, packet: Packet) -> None:
    """Ask for segments as if the kernel had said that there are some."""
    packet.segment = rng.choice((0, 0, 1, 100, 1448))
    packet.flags = rng.choice((0, CHECKSUM_NOT_READY, CHECKSUM_VALID, SEGMENTED_LATER))
    for segment in segments(packet, mtu=rng.choice((0, 576, 1500))):
        assert len(segment.data) <= max(len(packet.data), segment.length)


def make_anew(packet: Packet) -> None:
    """Made anew from its values, a packet can be read again."""
    packet.rebuild()
    Packet.parse(packet.data, packet.link_type, packet.length)
