"""Throughput over time as text: columns of block elements, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from netarium.wire.drawing.plot import rate, span_text, ticks

__all__ = ["plot_text"]

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_PLAIN = "  ...::##"


def plot_text(
    rates: Sequence[float], seconds: float, wide: int = 78, high: int = 8, plain: bool = False
) -> str:
    """Draw rates as lines of text.

    Args:
        rates: bits a second, in spans of equal length.
        seconds: how long they last together.
        wide: columns there are, with the axis.
        high: lines of the areas.
        plain: in ASCII only.
    """
    scale = ticks(max(rates, default=0.0), 2)
    # A rate stands beside the line whose upper edge it is.
    labels = {round(high - high * value / scale[-1]): rate(value) for value in scale[1:]}
    labels[high] = "0"
    margin = max(map(len, labels.values()))
    room = max(8, wide - margin - 2)
    spread = [rates[place * len(rates) // room] for place in range(room)] if rates else []
    heights = [round(8 * high * value / scale[-1]) for value in spread]
    blocks, bar, tick, corner, across = (_PLAIN, *"|++-") if plain else (_EIGHTHS, *"│┤└─")
    lines = []
    for line in range(high):
        below = 8 * (high - 1 - line)
        cells = "".join(blocks[min(8, max(0, height - below))] for height in heights)
        label = labels.get(line, "")
        lines.append(f"{label:>{margin}} {tick if label else bar}{cells}".rstrip())
    lines.append(f"{labels[high]:>{margin}} {corner}{across * len(heights)}")
    lines.append(" " * (margin + 2) + _below(seconds, len(heights)))
    return "\n".join(lines)


def _below(seconds: float, wide: int) -> str:
    """Times below the columns, where they are."""
    line = ""
    for value in ticks(seconds, max(1, wide // 14)):
        at = round(wide * value / seconds) if seconds else 0
        text = span_text(value)
        if at >= len(line) + (1 if line else 0) and at + len(text) <= wide + 4:
            line = line.ljust(at) + text
    return line
