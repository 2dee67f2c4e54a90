"""Times in drawings: moments as dates, and the pauses worth showing."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Sequence

__all__ = ["gaps", "later", "moment"]

#: A pause is long that lasts so many times what the short ones do, and so many nanoseconds.
_MANY = 8
_LONG = 200_000_000


def moment(time: int) -> str:
    """Nanoseconds since 1970 as UTC, to the microsecond."""
    start = datetime.datetime(1970, 1, 1)
    try:
        when = start + datetime.timedelta(microseconds=time // 1000)
    except OverflowError:
        return f"{time} ns"
    return f"{when:%Y-%m-%d %H:%M:%S.%f} UTC"


def later(nanoseconds: int) -> str:
    """A difference of times: ``+21 µs``."""
    sign = "-" if nanoseconds < 0 else "+"
    size = abs(nanoseconds)
    if size >= 10**9:
        return f"{sign}{size / 10**9:,.3f} s"
    return f"{sign}{size / 10**6:.3f} ms" if size >= 10**5 else f"{sign}{size / 10**3:.0f} µs"


def gaps(times: Sequence[int]) -> set[int]:
    """Before which of these moments, in order of time, nothing happened for long."""
    between = [after - before for before, after in itertools.pairwise(times)]
    if not between:
        return set()
    short = sorted(between)[len(between) // 4]
    return {
        place for place, pause in enumerate(between, 1) if pause >= _LONG and pause > _MANY * short
    }
