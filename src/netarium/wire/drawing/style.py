"""Colours of drawings: light paper, dark ink, a hue a layer that survives grey printing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netarium.wire.header import Header

__all__ = [
    "ALARM",
    "CHANGED",
    "CHANGED_INK",
    "FAINT",
    "GOOD",
    "INK",
    "LINES",
    "PALE",
    "PAPER",
    "Hue",
    "hues",
]

PAPER = "#ffffff"
INK = "#17202a"
#: Text of less weight; still 4.5:1 on paper.
FAINT = "#5c6773"
#: Lines of less weight.
LINES = "#c3cad2"
PALE = "#eef1f4"
#: What is wrong: vermilion, which those who do not see red see as dark.
ALARM = "#b3261e"
GOOD = "#1c6e4a"
#: What differs from the packet before.
CHANGED = "#ffe98a"
CHANGED_INK = "#6b4e00"


@dataclass(frozen=True, slots=True)
class Hue:
    """The colours of one layer.

    Attributes:
        strong: of titles and borders: dark enough for text.
        first, second: pale fills that take turns from field to field.
        name: what it is called.
    """

    strong: str
    first: str
    second: str
    name: str = ""


# Hues after Okabe and Ito, which people see apart whatever their colour vision; the strong
# ones differ in lightness too.
_LINK = (Hue("#1f4e8c", "#dbe7f6", "#eef4fc", "blue"), Hue("#20698c", "#d5edf7", "#ebf7fc", "sky"))
_NETWORK = (
    Hue("#0f6b52", "#d3eee4", "#ebf8f3", "green"),
    Hue("#4f6b12", "#e5eecb", "#f3f8e6", "olive"),
)
_TRANSPORT = (
    Hue("#9a4a00", "#fbe3c8", "#fdf2e4", "orange"),
    Hue("#8a3324", "#f7d9d1", "#fcece8", "brick"),
)
_APPLICATION = (
    Hue("#6f2f7f", "#eedcf3", "#f7eefa", "purple"),
    Hue("#a12a63", "#f8d9e6", "#fceef4", "magenta"),
)
_BYTES = (Hue("#4a5561", "#e6e9ed", "#f2f4f6", "grey"),)
_FAMILIES = {
    "link": _LINK,
    "network": _NETWORK,
    "transport": _TRANSPORT,
    "application": _APPLICATION,
}


def hues(layers: list[Header]) -> list[Hue]:
    """The hue of each layer: by what it does, and another where it comes again (a tunnel)."""
    seen: dict[tuple[Hue, ...], int] = {}
    found = []
    for layer in layers:
        family = _family(layer)
        turn = seen.get(family, 0)
        seen[family] = turn + 1
        found.append(family[turn % len(family)])
    return found


def hue_of(kind: str) -> Hue:
    """The first hue of a kind of layer: ``link``, ``network``, ``transport``, ``application``."""
    return _FAMILIES.get(kind, _APPLICATION)[0]


def kind_of(layer: Header) -> str:
    """Which kind of layer it is, as ``hue_of`` takes it; ``bytes`` for what is not read."""
    family = _family(layer)
    return next((kind for kind, hues in _FAMILIES.items() if hues is family), "bytes")


def _family(layer: Header) -> tuple[Hue, ...]:
    from netarium.wire.header import Incomplete, Padding, Payload

    if isinstance(layer, (Payload, Padding)):
        return _BYTES
    kind = layer.kind if isinstance(layer, Incomplete) else type(layer)
    numbers = kind.numbers
    if "ip_version" in numbers:
        return _NETWORK
    if "ip_protocol" in numbers:
        return _TRANSPORT
    if "link" in numbers or any(
        getattr(field, "selects", "") == "ethertype" for field in kind.declared
    ):
        return _LINK
    return _NETWORK if "ethertype" in numbers else _APPLICATION
