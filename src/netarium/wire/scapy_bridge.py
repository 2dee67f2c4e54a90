"""To Scapy and back, for those who have it: https://scapy.net."""

from __future__ import annotations

import warnings
from typing import Any

from netarium.errors import NetariumError
from netarium.wire.packet import Packet

__all__ = ["from_scapy", "to_scapy"]

#: What Scapy calls the first header of each link type, and where it keeps it.
_LAYERS = {
    0: ("l2", "Loopback"),
    1: ("l2", "Ether"),
    108: ("l2", "Loopback"),
    113: ("l2", "CookedLinux"),
    228: ("inet", "IP"),
    229: ("inet6", "IPv6"),
    276: ("l2", "CookedLinuxV2"),
}
_RAW_IP = {12, 14, 101}
_PRIVATE = 147


def to_scapy(packet: Packet) -> Any:
    """The packet as Scapy reads it, with its time, interface and length on the wire.

    Raises:
        NetariumError: Scapy is not installed.
    """
    link = packet.link_type
    if link in _RAW_IP:
        link = 229 if packet.data[:1] and packet.data[0] >> 4 == 6 else 228
    room, name = _LAYERS.get(link, ("", ""))
    made = _scapy("packet").Raw(packet.data)
    if room and packet.data:  # without bytes, Scapy would make a new one with its defaults
        try:
            made = getattr(_scapy(f"layers.{room}"), name)(packet.data)
        except Exception:
            pass
    if packet.time:
        made.time = _scapy("utils").EDecimal(packet.time) / 10**9
    made.wirelen = packet.length
    made.sniffed_on = packet.interface or None
    made.comment = packet.comment.encode() if packet.comment else None
    return made


def from_scapy(packet: Any) -> Packet:
    """A packet of Scapy's, read by netarium.

    Args:
        packet: whose first layer is Ethernet, IP, IPv6, cooked Linux or loopback; others
            become bytes that are of no protocol.

    Raises:
        NetariumError: Scapy is not installed.
    """
    link = _PRIVATE
    for number, (room, name) in _LAYERS.items():
        if type(packet) is getattr(_scapy(f"layers.{room}"), name):
            link = number
            break
    length = getattr(packet, "wirelen", None) or 0
    made = Packet.parse(bytes(packet), link, length)
    made.time = int(_scapy("utils").EDecimal(packet.time) * 10**9)
    made.interface = str(packet.sniffed_on or "")
    comment = getattr(packet, "comment", None)
    made.comment = comment.decode(errors="replace") if isinstance(comment, bytes) else ""
    return made


def _scapy(module: str) -> Any:
    from importlib import import_module

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what Scapy imports itself
            import_module("scapy.layers.all")
            return import_module(f"scapy.{module}")
    except ImportError as error:
        raise NetariumError(
            "Scapy is not installed here", "Install it with: pip install scapy"
        ) from error
