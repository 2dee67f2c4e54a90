"""All headers there are: importing this fills the registries by which headers find each other."""

from __future__ import annotations

from netarium.wire.ethernet import Ethernet
from netarium.wire.ipv4 import IPv4
from netarium.wire.udp import UDP

__all__ = ["UDP", "Ethernet", "IPv4"]
