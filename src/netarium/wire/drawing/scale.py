"""How large header diagrams are drawn: one that fills a slide, and several side by side."""

from __future__ import annotations

from dataclasses import dataclass

from netarium.wire.drawing.header_diagram import BITS

__all__ = ["FULL", "SMALL", "Area", "Scale"]


@dataclass(frozen=True, slots=True)
class Scale:
    """Lengths of a diagram, in the canvas's unit.

    Attributes:
        bit: the width of a bit.
        row: the height of a row with a field of its own; low: of one that a field only
            passes through.
        label, value: sizes of letters, largest first.
        title: size of a header's title; about: of what stands behind it.
        bytes: the width of the bytes beside; 0: they are not drawn.
        gap: between bytes and boxes. offsets: room for the offsets before the bytes.
    """

    bit: float
    row: float
    low: float
    label: tuple[float, ...]
    value: tuple[float, ...]
    title: float
    about: float
    bytes: float = 0
    gap: float = 0
    offsets: float = 0

    @property
    def wide(self) -> float:
        """Width of the boxes."""
        return BITS * self.bit

    @property
    def whole(self) -> float:
        """Width of all."""
        return self.offsets + self.bytes + self.gap + self.wide


@dataclass(frozen=True, slots=True)
class Area:
    """Where the words of a field go: the largest rectangle of its box.

    Attributes:
        left, top, right, bottom: its sides.
        alone: all of the field lies in it.
        line: a low row for one line of text.
    """

    left: float
    top: float
    right: float
    bottom: float
    alone: bool = False
    line: bool = False

    @property
    def wide(self) -> float:
        """Its width."""
        return self.right - self.left

    @property
    def high(self) -> float:
        """Its height."""
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        """Halfway between left and right."""
        return (self.left + self.right) / 2


FULL = Scale(26.5, 40, 21, (13, 12, 11, 10), (12.5, 11.5, 10.5, 9.5), 18, 13.5, 184, 30, 44)
SMALL = Scale(11.25, 32, 12, (10.5, 9.5, 8.5), (10, 9, 8), 14, 10.5)
