"""Throughput over time as a picture: areas one upon another, one for each protocol."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from netarium.wire.drawing.lettering import STRONG, shortened
from netarium.wire.drawing.style import FAINT, INK, LINES
from netarium.wire.drawing.svg import Canvas, Words

__all__ = ["amount", "draw_throughput", "rate", "span_text", "ticks"]

#: After Okabe and Ito, which people see apart whatever their colour vision; grey is the rest.
_COLOURS = ("#3b74b9", "#e8a33d", "#2b9473", "#b8689c", "#79bde8", "#c65b3c")
_REST = "#a3abb5"

_WIDE, _HIGH = 960.0, 430.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 96.0, 936.0, 104.0, 366.0
_LABEL, _SMALL, _TITLE = 15.0, 13.5, 22.0


def amount(count: float) -> str:
    """Bytes as a person writes them: ``12.3 MB``, a million bytes each."""
    return _scaled(count, "B", ("", "k", "M", "G", "T", "P"))


def rate(bits: float) -> str:
    """Bits a second as a person writes them: ``3.4 Mbit/s``."""
    return _scaled(bits, "bit/s", ("", "k", "M", "G", "T", "P"))


def span_text(seconds: float) -> str:
    """A span of time on an axis: ``250 ms``, ``1.5 s``, ``2:30 min``, ``1:15 h``."""
    if seconds == 0:
        return "0 s"
    if seconds >= 3600:
        return f"{round(seconds) // 3600}:{round(seconds) // 60 % 60:02} h"
    if seconds >= 120:
        return f"{round(seconds) // 60}:{round(seconds) % 60:02} min"
    for unit, factor in (("s", 1), ("ms", 1e3), ("µs", 1e6), ("ns", 1e9)):
        if seconds * factor >= 0.9995 or unit == "ns":
            return f"{seconds * factor:.4g} {unit}"
    return ""


def ticks(most: float, count: int) -> list[float]:
    """About so many round numbers from 0 on, the last no less than ``most``."""
    if most <= 0:
        return [0.0, 1.0]
    rough = most / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * each for each in (1, 2, 2.5, 5, 10) if power * each >= rough * 0.999)
    return [step * place for place in range(math.ceil(most / step - 1e-9) + 1)]


def draw_throughput(
    series: Mapping[str, Sequence[int]], span: int, began: int, title: str = "", about: str = ""
) -> str:
    """Draw throughput over time as SVG.

    Args:
        series: by name, largest first: bytes in each span; all of one length.
        span: how long each is, nanoseconds.
        began: where the first begins, nanoseconds since 1970 (UTC).
        title: the heading.
        about: the line below it.
    """
    canvas = Canvas(_WIDE, _HIGH)
    canvas.text(_LEFT - 72, 38, title or "Throughput", _TITLE, font=STRONG)
    columns = list(zip(*series.values(), strict=True)) or [(0,)]
    seconds = span / 1e9 or 1.0
    most = 8 * max(map(sum, columns)) / seconds
    if about:
        canvas.text(_LEFT - 72, 62, about, _LABEL, fill=FAINT)
    scale = ticks(most, 5)
    lasts = len(columns) * seconds
    _axes(canvas, scale, lasts, began)
    base = [0.0] * len(columns)
    for place, name in enumerate(series):
        above = [
            low + 8 * column[place] / seconds for low, column in zip(base, columns, strict=True)
        ]
        with canvas.group(f"{name}: {amount(sum(series[name]))}", "field"):
            canvas.path(*_outline(base, above, scale[-1]), fill=_colour(place, name), opacity=0.92)
        base = above
    canvas.line(_LEFT, _BOTTOM, _RIGHT, _BOTTOM, INK)
    _legend(canvas, series)
    described = f"Bits a second over {span_text(lasts)}; the highest is {rate(most)}."
    return canvas.svg(title or "Throughput", described)


def _axes(canvas: Canvas, scale: list[float], lasts: float, began: int) -> None:
    for value in scale:
        y = _y(value, scale[-1])
        canvas.line(_LEFT, y, _RIGHT, y, LINES)
        canvas.text(_LEFT - 10, y + 4.5, rate(value) if value else "0", _SMALL, anchor="end")
    marks = [tick for tick in ticks(lasts, 8) if tick <= lasts * 1.0001]
    for tick in marks:
        x = _LEFT + (_RIGHT - _LEFT) * tick / lasts
        canvas.line(x, _BOTTOM, x, _BOTTOM + 6, INK)
        canvas.text(x, _BOTTOM + 22, span_text(tick), _SMALL, anchor="middle")
    start = datetime.fromtimestamp(began // 10**9, UTC)
    when = f"from {start:%Y-%m-%d %H:%M:%S}.{began % 10**9 // 10**6:03} UTC"
    canvas.text(_RIGHT, _BOTTOM + 46, when, _SMALL, fill=FAINT, anchor="end")


def _y(value: float, most: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * value / most


def _outline(base: list[float], above: list[float], most: float) -> list[str | float]:
    """Steps along the top and back along the bottom: a span has one rate, no slope."""
    wide = (_RIGHT - _LEFT) / len(above)
    steps: list[str | float] = ["M", _LEFT, _y(base[0], most)]
    for place, value in enumerate(above):
        steps += ["L", _LEFT + wide * place, _y(value, most)]
        steps += ["L", _LEFT + wide * (place + 1), _y(value, most)]
    for place in range(len(base) - 1, -1, -1):
        steps += ["L", _LEFT + wide * (place + 1), _y(base[place], most)]
        steps += ["L", _LEFT + wide * place, _y(base[place], most)]
    return [*steps, "Z"]


def _legend(canvas: Canvas, series: Mapping[str, Sequence[int]]) -> None:
    """Squares with names and amounts, in one line above the areas."""
    x = _LEFT
    for place, name in enumerate(series):
        size = amount(sum(series[name]))
        words = Words(shortened(name, 120, _SMALL), _SMALL), Words(size, _SMALL, fill=FAINT)
        wide = sum(each.wide for each in words) + 6
        if x + wide + 20 > _RIGHT:
            break
        canvas.rectangle(x, _TOP - 27, 11, 11, fill=_colour(place, name), round=2)
        canvas.runs(x + 17, _TOP - 17, words, gap=6)
        x += wide + 42


def _colour(place: int, name: str) -> str:
    return _REST if name == "other" else _COLOURS[place % len(_COLOURS)]


def _scaled(value: float, unit: str, prefixes: tuple[str, ...]) -> str:
    for prefix in prefixes:
        if abs(value) < 999.5 or prefix == prefixes[-1]:
            text = f"{value:.3g}" if value < 99.95 else f"{value:.0f}"
            return f"{text} {prefix}{unit}"
        value /= 1000
    return ""
