"""Throughput over time: bytes in spans of time, whose length grows with the capture's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Throughput", "Timeline"]

_SPANS = 4096  # at most; then two and two become one
_SHORTEST = 1_000  # nanoseconds


@dataclass(slots=True)
class Throughput:
    """Bytes in spans of time.

    Attributes:
        began: where the first span begins, nanoseconds since 1970 (UTC).
        span: how long each is, nanoseconds.
        series: by what the frames carry: bytes in each span; largest first.
    """

    began: int = 0
    span: int = 0
    series: dict[str, list[int]] = field(default_factory=dict)

    @property
    def spans(self) -> int:
        """How many spans there are."""
        return max((len(values) for values in self.series.values()), default=0)

    def coarser(self, spans: int, most: int = 6) -> Throughput:
        """The same in about so many spans, and no more than ``most`` series: the rest as other."""
        every = max(1, -(-self.spans // max(1, spans)))
        series: dict[str, list[int]] = {}
        for place, (name, values) in enumerate(self.series.items()):
            if place >= most - 1 and len(self.series) > most:
                name = "other"
            sums = [sum(values[at : at + every]) for at in range(0, len(values), every)]
            known = series.get(name, [0] * len(sums))
            series[name] = [a + b for a, b in zip(known, sums, strict=True)]
        if "other" in series:
            series["other"] = series.pop("other")  # the last one
        return Throughput(self.began, self.span * every, series)

    def rates(self) -> list[float]:
        """Bits a second in each span, of all series together."""
        return [
            8e9 * sum(values) / self.span if self.span else 0.0
            for values in zip(*self.series.values(), strict=True)
        ]


class Timeline:
    """Adds frames up over time, in one pass, without knowing how long it will be.

    Attributes:
        series: by label: bytes in each span, as arrays of NumPy.
    """

    def __init__(self) -> None:
        self._began: int | None = None
        self._span = _SHORTEST
        self.series: dict[str, Any] = {}
        self._last = 0

    def add(self, times: Any, lengths: Any, labels: Any) -> None:
        """Add frames: Arrow columns of times, lengths and what each counts as."""
        import numpy as np
        import pyarrow as pa

        when = times.cast(pa.int64()).to_numpy(zero_copy_only=False)
        sizes = lengths.to_numpy(zero_copy_only=False)
        first = int(when.min())
        if self._began is None:
            self._began = first
        if first < self._began:
            self._shift(first)
        self._last = max(self._last, int(when.max()))
        while (self._last - self._began) // self._span >= _SPANS:
            self._double()
        place = (when - self._began) // self._span
        coded = labels.dictionary_encode()
        codes = coded.indices.to_numpy(zero_copy_only=False)
        for code, name in enumerate(coded.dictionary.to_pylist()):
            mine = codes == code
            sums = np.bincount(place[mine], sizes[mine], _SPANS).astype("i8")
            self.series[name] = self.series.get(name, 0) + sums

    def throughput(self) -> Throughput:
        """What was added, as far as it goes in time."""
        if self._began is None:
            return Throughput()
        spans = (self._last - self._began) // self._span + 1
        ordered = sorted(self.series.items(), key=lambda item: (-int(item[1].sum()), item[0]))
        series = {name: values[:spans].tolist() for name, values in ordered}
        return Throughput(self._began, self._span, series)

    def _double(self) -> None:
        import numpy as np

        self._span *= 2
        for name, values in self.series.items():
            halved = np.zeros(_SPANS, "i8")
            halved[: _SPANS // 2] = values.reshape(-1, 2).sum(axis=1)
            self.series[name] = halved

    def _shift(self, first: int) -> None:
        """A frame is earlier than the first one: files of several interfaces have such."""
        import numpy as np

        assert self._began is not None
        while (max(self._last, self._began) - first) // self._span >= _SPANS:
            self._double()
        by = -(-(self._began - first) // self._span)
        for name, values in self.series.items():
            moved = np.zeros(_SPANS, "i8")
            moved[by:] = values[: _SPANS - by]
            self.series[name] = moved
        self._began -= by * self._span
