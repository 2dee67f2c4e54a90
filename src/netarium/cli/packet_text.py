"""How packets go to the terminal or into a pipe: as lines, layer by layer, in hex, as JSON."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netarium.cli.packet_choice import Chosen
    from netarium.wire.batch import Batch
    from netarium.wire.text.lines import Lines

__all__ = ["Clock", "Style", "emit", "json_lines", "layer_texts", "line_chunks", "offset"]

_PAINT = {
    "heading": "1",
    "layer": "1;36",
    "quiet": "2",
    "good": "32",
    "bad": "1;31",
    "open": "33",
    "sent": "36",
    "received": "33",
}
#: The colours of layers in a hex dump, in turn.
_LAYERS = ("36", "32", "33", "35", "34", "31")
_SECOND = 1_000_000_000
_MARKS = re.compile(rb" (\[(?:bad |[^\]\n]* stops at byte )[^\n]*?\])(?= \[|\n)")


class Style:
    """Colours where the output is a terminal that wants them, else none."""

    def __init__(self) -> None:
        self.coloured = (
            sys.stdout.isatty()
            and not os.environ.get("NO_COLOR")
            and os.environ.get("TERM") != "dumb"
        )

    def paint(self, kind: str, text: str) -> str:
        """A text in the look of a kind, as `wire.text.layers.Paint` wants it."""
        return f"\x1b[{_PAINT[kind]}m{text}\x1b[0m" if self.coloured else text

    def of_layer(self, number: int, text: str) -> str:
        """A text in the colour of a layer."""
        colour = _LAYERS[number % len(_LAYERS)]
        return f"\x1b[{colour}m{text}\x1b[0m" if self.coloured else text

    def marked(self, lines: bytes) -> bytes:
        """Lines of packets with what is wrong in red."""
        return _MARKS.sub(b" \x1b[31m\\1\x1b[0m", lines) if self.coloured else lines


def emit(data: bytes | str) -> None:
    """Write to standard output at once; nothing waits in a buffer of Python's."""
    if isinstance(data, str):
        data = data.encode(sys.stdout.encoding or "utf-8", "backslashreplace")
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(1, rest) :]


def line_chunks(chosen: Chosen, clock: str, *, absolute: bool, link: bool) -> Iterator[bytes]:
    """A line for each packet, in pieces."""
    from netarium.wire.text.lines import Lines

    lines = Lines(clock=clock, offset=offset, absolute=absolute, link=link)
    style = Style()
    for batch, wanted in chosen.parts():
        if not wanted:
            _pass_by(lines, batch, fast=chosen.fast)
        elif style.coloured:
            yield style.marked(lines.of(batch, fast=chosen.fast))
        else:
            yield from lines.chunks(batch, fast=chosen.fast)


def _pass_by(lines: Lines, batch: Batch, *, fast: bool) -> None:
    """Let packets count that are not shown, so that numbers and times are as among all."""
    for _ in lines.chunks(batch, fast=fast):
        pass


def layer_texts(
    chosen: Chosen, clock: str, *, verbose: int, hex: bool, absolute: bool, link: bool
) -> Iterator[str]:
    """Each packet layer by layer or as its line, its bytes below if asked, a blank line between."""
    from netarium.cli.output import width
    from netarium.wire.packet import packet_of
    from netarium.wire.text.hexdump import hexdump
    from netarium.wire.text.layers import layered
    from netarium.wire.text.lines import Lines

    style, when = Style(), Clock(clock)
    columns = min(width(), 200)
    lines = Lines(clock=clock, offset=offset, absolute=absolute, link=link)
    first = True
    for batch, wanted in chosen.parts():
        if not wanted:
            when.pass_by(batch)
            if not verbose:
                _pass_by(lines, batch, fast=chosen.fast)
            continue
        texts = [] if verbose else lines.of(batch).decode().splitlines()
        for index in range(batch.count):
            packet = packet_of(batch, index)
            parts = [] if first else ["\n"]
            first = False
            if verbose:
                parts.append(
                    layered(
                        packet,
                        meanings=verbose > 1,
                        width=columns,
                        paint=style.paint,
                        when=when,
                    )
                )
            else:
                parts.append(texts[index] + "\n")
            if hex:
                parts.append(hexdump(packet, width=columns, paint=style.of_layer))
            yield "".join(parts)


def json_lines(chosen: Chosen) -> Iterator[bytes]:
    """A JSON object for each packet, on a line of its own."""
    import msgspec

    from netarium.wire.packet import packet_of
    from netarium.wire.text.json_view import plain_data

    encode: Callable[[Any], bytes] = msgspec.json.Encoder().encode
    for batch in chosen:
        for index in range(batch.count):
            yield encode(plain_data(packet_of(batch, index))) + b"\n"


class Clock:
    """The text of packets' times, to the nanosecond, by one of the clocks of `wire.text.lines`."""

    def __init__(self, clock: str) -> None:
        self._clock = clock
        self._first: int | None = None
        self._last = 0

    def pass_by(self, batch: Batch) -> None:
        """Let packets count that are not shown."""
        if batch.count:
            self._first = batch.time[0] if self._first is None else self._first
            self._last = batch.time[batch.count - 1]

    def __call__(self, now: int) -> str:
        """The time of the next packet."""
        from netarium.wire.text.layers import utc

        if self._first is None:
            self._first = self._last = now
        before, self._last = self._last, now
        if self._clock == "local":
            ahead = offset(now // _SECOND)
            hours, minutes = divmod(abs(ahead) // 60, 60)
            sign = "-" if ahead < 0 else "+"
            return f"{utc(now + ahead * _SECOND)} {sign}{hours:02}:{minutes:02}"
        if self._clock == "utc":
            return f"{utc(now)} UTC"
        if self._clock == "none":
            return ""
        since = {"epoch": 0, "relative": self._first, "delta": before}[self._clock]
        sign = "-" if now < since else ""
        return f"{sign}{abs(now - since) // _SECOND}.{abs(now - since) % _SECOND:09} s"


def offset(second: int) -> int:
    """Seconds by which local time is ahead of UTC at a time since 1970."""
    import time

    try:
        return time.localtime(second).tm_gmtoff
    except (OSError, OverflowError, ValueError):
        return 0  # a year that the machine's calendar does not know
