"""Sizes and times as people write them: 100MB, 1.5 GiB, 60, 5m, 2h."""

from __future__ import annotations

import re

from netarium.errors import UsageError

__all__ = ["parse_seconds", "parse_size"]

_QUANTITY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", re.IGNORECASE)
_SIZES = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "t": 1000**4}
_BINARY = {"ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40}
_TIMES = {"": 1.0, "ms": 0.001, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_LONG_TIMES = {"d": 86400.0}


def parse_size(text: str) -> int:
    """Bytes. Without a unit it is bytes; MB is a million of them, MiB 1,048,576."""
    found = _QUANTITY.fullmatch(text)
    unit = found[2].lower().removesuffix("b") if found else "?"
    factor = {**_SIZES, **_BINARY}.get(unit)
    size = int(float(found[1]) * factor) if found and factor else 0
    if size <= 0:
        raise UsageError(f"{text!r} is no size", "as in: 100MB, 64KiB or 1G")
    return size


def parse_seconds(text: str) -> float:
    """Seconds. Without a unit it is seconds."""
    found = _QUANTITY.fullmatch(text)
    factor = {**_TIMES, **_LONG_TIMES}.get(found[2].lower()) if found else None
    seconds = float(found[1]) * factor if found and factor else 0.0
    if seconds <= 0:
        raise UsageError(f"{text!r} is no time", "as in: 60, 5m or 2h")
    return seconds
