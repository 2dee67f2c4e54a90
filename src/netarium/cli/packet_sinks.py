"""Where captured packets go that are not written to a file: lines and JSON on standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netarium.cli.packet_text import Style, emit, offset

if TYPE_CHECKING:
    from netarium.wire.batch import Batch

__all__ = ["JsonSink", "LineSink"]


class LineSink:
    """Prints a line for each packet."""

    def __init__(self) -> None:
        from netarium.wire.text.lines import Lines

        self._lines = Lines(clock="local", offset=offset)
        self._style = Style()

    def write(self, batch: Batch, *, fast: bool) -> None:
        """Print the lines of a batch."""
        if self._style.coloured:
            emit(self._style.marked(self._lines.of(batch, fast=fast)))
            return
        for chunk in self._lines.chunks(batch, fast=fast):
            emit(chunk)

    def close(self) -> None:
        """There is no more."""


class JsonSink:
    """Prints a JSON object for each packet."""

    def __init__(self) -> None:
        import msgspec

        self._encode = msgspec.json.Encoder().encode

    def write(self, batch: Batch, *, fast: bool) -> None:
        """Print the packets of a batch."""
        from netarium.wire.packet import packet_of
        from netarium.wire.text.json_view import plain_data

        packets = (plain_data(packet_of(batch, row)) for row in range(batch.count))
        emit(b"".join(self._encode(packet) + b"\n" for packet in packets))

    def close(self) -> None:
        """There is no more."""
