"""Which packets of a capture file a command is about: filtered, numbered, counted."""

from __future__ import annotations

import bisect
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from netarium.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from netarium.wire.batch import Batch

__all__ = ["Chosen", "parse_numbers"]

_COLUMNS = ("start", "captured", "length", "time", "interface", "flags", "segment")
_ENDLESS = 1 << 62


def parse_numbers(text: str) -> list[tuple[int, int]]:
    """Packet numbers as ranges, lowest first: ``3``, ``3-7``, ``100-``, ``1,4,7-9``.

    Raises:
        UsageError: it is none of these.
    """
    ranges = []
    for word in text.split(","):
        low, dash, high = word.strip().partition("-")
        known = (
            low.isascii() and low.isdigit() and (not high or (high.isascii() and high.isdigit()))
        )
        first = int(low) if known else 0
        last = first if not dash else int(high) if known and high else _ENDLESS
        if not 0 < first <= last:
            raise UsageError(
                f"{text!r} are no packet numbers", "as in: --packet 3, --packet 3-7 or --packet 1,4"
            )
        ranges.append((first, last))
    return sorted(ranges)


class Chosen:
    """The packets of a capture file that were asked for, batch by batch.

    Args:
        source: a file, or ``-`` for standard input.
        filter: in tcpdump's language; empty: all.
        numbers: what `parse_numbers` gave; empty: all.
        count: so many of them at the most; 0: all.
        segments: super-frames as the segments that the wire would carry.

    Attributes:
        found: how many there were; size: their bytes on the wire.
    """

    def __init__(
        self,
        source: str,
        filter: str = "",
        numbers: Iterable[tuple[int, int]] = (),
        count: int = 0,
        *,
        segments: bool = False,
    ) -> None:
        from netarium.ports.capture_file import CaptureReader

        self.source = source
        self._filter = filter
        self._numbers = list(numbers)
        self._left = count or _ENDLESS
        self._segments = segments
        _tell_of_compiling(source)
        self._capture = CaptureReader(source)
        self.found = 0
        self.size = 0

    def __enter__(self) -> Self:
        self._capture.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._capture.__exit__(kind, error, trace)

    @property
    def comment(self) -> str:
        """What the file says of the whole capture."""
        return self._capture.comment

    @property
    def lab(self) -> str:
        """The lab file that is embedded; empty where none is."""
        return self._capture.lab

    @property
    def fast(self) -> bool:
        """Whether there is so much that compiled loops are worth it."""
        return self._capture.fast

    def __iter__(self) -> Iterator[Batch]:
        for batch, wanted in self.parts():
            if wanted:
                yield batch

    def parts(self) -> Iterator[tuple[Batch, bool]]:
        """Those that were asked for, and those between them, with whether they were."""
        if self._segments:
            from netarium.wire.wire_view import wire_view
        for batch, wanted in self._all():
            if wanted:
                if batch.count > self._left:
                    batch = _part(batch, 0, self._left)
                self.found += batch.count
                self.size += sum(batch.length[: batch.count])
                self._left -= batch.count
            yield (wire_view(batch) if self._segments else batch), wanted
            if self._left <= 0:
                return

    def _all(self) -> Iterator[tuple[Batch, bool]]:
        from netarium.capture.reading import filtered

        last = self._numbers[-1][1] if self._numbers else _ENDLESS
        for batch in filtered(self._capture, self._filter):
            if not self._numbers:
                yield batch, True
                continue
            yield from _numbered(batch, self._numbers)
            if batch.count and batch.number(batch.count - 1) >= last:
                return

    def check(self) -> None:
        """Tell where the file went wrong, or that it has no packet of the numbers wanted.

        Raises:
            BrokenCaptureError: it broke off, or went wrong, before its end.
            NotFoundError: it has fewer packets.
        """
        from netarium.ports.capture_file import BrokenCaptureError

        if self._capture.trouble:
            raise BrokenCaptureError(
                self._capture.trouble, f"the {self._capture.count:,} packets before that are whole"
            )
        if self._numbers and not self.found and not self._filter:
            raise NotFoundError(
                f"there is no packet {self._numbers[0][0]} in {self.source}",
                f"it has {self._capture.count:,}",
            )


def _tell_of_compiling(source: str) -> None:
    """Say why the first large file of all takes longer, to a person who waits for it."""
    from netarium.wire import hot

    try:
        is_large = hot.worth_compiling(Path(source).stat().st_size)
    except OSError:
        return  # standard input, or no such file
    if is_large and sys.stderr.isatty() and not hot.is_cached():
        from netarium.cli.output import note

        note("compiling the loops for large files; this is done once, and takes some seconds")


def _numbered(batch: Batch, ranges: list[tuple[int, int]]) -> Iterator[tuple[Batch, bool]]:
    """A batch in pieces: frames whose numbers lie in one of the ranges, and those between."""
    done = 0
    for low, high in ranges:
        first = max(done, _place(batch, low))
        behind = _place(batch, high + 1)
        if first < behind:
            if done < first:
                yield _part(batch, done, first), False
            yield _part(batch, first, behind), True
            done = behind
    if done < batch.count:
        yield _part(batch, done, batch.count), False


def _place(batch: Batch, number: int) -> int:
    """The index of the first frame that has this number or a higher one."""
    if batch.numbers:
        return bisect.bisect_left(batch.numbers, number, 0, batch.count)
    return min(max(number - batch.first, 0), batch.count)


def _part(batch: Batch, first: int, behind: int) -> Batch:
    """Some frames of a batch, one after another; the bytes are not copied."""
    columns = {name: getattr(batch, name)[first:behind] for name in _COLUMNS}
    return replace(
        batch,
        count=behind - first,
        first=batch.first + first,
        numbers=batch.numbers[first:behind],
        comments={
            index - first: text for index, text in batch.comments.items() if first <= index < behind
        },
        **columns,
    )
