"""How packets go to the terminal or into a pipe: as lines, layer by layer, in hex, as JSON."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netarium.cli.packet_choice import Chosen

__all__ = ["Style", "clock_text", "emit", "json_lines", "layer_texts", "line_chunks", "offset"]

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
        """A text in the look of a kind, as `wire.layers.Paint` wants it."""
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
    from netarium.wire.lines import Lines

    lines = Lines(clock=clock, offset=offset, absolute=absolute, link=link)
    style = Style()
    for batch in chosen:
        if style.coloured:
            yield style.marked(lines.of(batch, fast=chosen.fast))
        else:
            yield from lines.chunks(batch, fast=chosen.fast)


def layer_texts(
    chosen: Chosen, clock: str, *, verbose: int, hex: bool, absolute: bool, link: bool
) -> Iterator[str]:
    """Each packet layer by layer or as its line, its bytes below if asked, a blank line between."""
    from netarium.cli.output import width
    from netarium.wire.hexdump import hexdump
    from netarium.wire.layers import layered
    from netarium.wire.lines import Lines
    from netarium.wire.packet import packet_of

    style, when = Style(), clock_text(clock)
    columns = min(width(), 200)
    lines = Lines(clock=clock, offset=offset, absolute=absolute, link=link)
    first = True
    for batch in chosen:
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

    from netarium.wire.json_view import plain_data
    from netarium.wire.packet import packet_of

    encode: Callable[[Any], bytes] = msgspec.json.Encoder().encode
    for batch in chosen:
        for index in range(batch.count):
            yield encode(plain_data(packet_of(batch, index))) + b"\n"


def clock_text(clock: str) -> Callable[[int], str]:
    """The text of a packet's time, to the nanosecond, by one of the clocks of `wire.lines`."""
    from netarium.wire.layers import utc

    seen: list[int] = []

    def told(nanoseconds: int) -> str:
        seen.append(nanoseconds)
        del seen[1:-2]  # the first, the one before, this one
        if clock == "local":
            ahead = offset(nanoseconds // 1_000_000_000)
            hours, minutes = divmod(abs(ahead) // 60, 60)
            sign = "-" if ahead < 0 else "+"
            return f"{utc(nanoseconds + ahead * 1_000_000_000)} {sign}{hours:02}:{minutes:02}"
        if clock == "utc":
            return f"{utc(nanoseconds)} UTC"
        if clock == "none":
            return ""
        since = {"epoch": 0, "relative": seen[0], "delta": seen[max(0, len(seen) - 2)]}[clock]
        ahead = nanoseconds - since
        sign = "-" if ahead < 0 else ""
        return f"{sign}{abs(ahead) // 1_000_000_000}.{abs(ahead) % 1_000_000_000:09} s"

    return told


def offset(second: int) -> int:
    """Seconds by which local time is ahead of UTC at a time since 1970."""
    import time

    try:
        return time.localtime(second).tm_gmtoff
    except (OSError, OverflowError, ValueError):
        return 0  # a year that the machine's calendar does not know
