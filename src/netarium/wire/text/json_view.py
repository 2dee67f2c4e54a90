"""A packet as plain data for programs: dictionaries, lists, numbers and text, ready for JSON.

One object a packet::

    {"number": 1, "time": "2024-01-01T00:00:00.000000000Z", "interface": "h1:eth0",
     "direction": "in", "length": 74, "captured": 74, "link_type": 1,
     "layers": [{"layer": "Ethernet", "offset": 0, "size": 14, "fields": {"dst": ...}}, ...],
     "checksums": [{"layer": "IPv4", "field": "checksum", "verdict": "valid", ...}],
     "stop": null}

Fields have their names in Python. Bytes are hexadecimal text. Options and records are lists
of objects such as ``{"part": "MSS", "fields": {...}}``. ``direction``, ``comment`` and
``segment`` are there only where they are known; ``stop`` says where and why reading ended
early: ``{"layer": ..., "offset": ..., "why": ...}``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netarium.wire.batch import DIRECTION, INBOUND, OUTBOUND
from netarium.wire.text.layers import utc

if TYPE_CHECKING:
    from netarium.wire.field import Shown
    from netarium.wire.packet import Packet

__all__ = ["plain_data"]


def plain_data(packet: Packet) -> dict[str, Any]:
    """All that is known of a packet; see the module for the shape."""
    data: dict[str, Any] = {
        "number": packet.number,
        "time": utc(packet.time).replace(" ", "T") + "Z",
        "interface": packet.interface,
        "length": packet.length,
        "captured": len(packet.data),
        "link_type": packet.link_type,
    }
    direction = {INBOUND: "in", OUTBOUND: "out"}.get(packet.flags & DIRECTION)
    if direction:
        data["direction"] = direction
    if packet.segment:
        data["segment"] = packet.segment
    if packet.comment:
        data["comment"] = packet.comment
    data["layers"] = [
        {
            "layer": layer.title,
            "offset": layer.start,
            "size": layer.size,
            "fields": _fields(layer.fields()),
        }
        for layer in packet.layers
    ]
    data["checksums"] = _checksums(packet)
    stop = packet.stop
    data["stop"] = stop and {"layer": stop.layer, "offset": stop.at, "why": stop.why}
    return data


def _fields(shown: Any) -> dict[str, Any]:
    return {field.name: _value(field) for field in shown}


def _value(field: Shown) -> Any:
    if field.parts:
        return [{"part": part.name, "fields": _fields(part.parts)} for part in field.parts]
    value = field.value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, (tuple, list)):
        return [each if isinstance(each, (int, str)) else str(each) for each in value]
    return value if isinstance(value, (int, float, str)) or value is None else str(value)


def _checksums(packet: Packet) -> list[dict[str, Any]]:
    from netarium.wire.judging import judge

    found = []
    for judged in judge(packet):
        told: dict[str, Any] = {
            "layer": judged.layer,
            "field": judged.field,
            "verdict": judged.verdict.text,
            "value": judged.value,
        }
        if judged.expected is not None:
            told["expected"] = judged.expected
        if judged.reason:
            told["reason"] = judged.reason
        found.append(told)
    return found
