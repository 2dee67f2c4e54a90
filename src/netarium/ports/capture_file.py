"""Reading capture files as batches: pcap, pcapng, packed or not, from anywhere, of any size."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from netarium.errors import NetariumError
from netarium.ports.byte_source import BrokenSourceError, open_source
from netarium.ports.pcap import PcapScanner
from netarium.ports.pcapng_scanner import PcapngScanner
from netarium.wire.batch import Batch, Interface
from netarium.wire.hot import worth_compiling

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["BrokenCaptureError", "CaptureReader", "read_batches"]

_SIZE = 2 << 20  # bytes of a buffer
_SMALL = 1 << 16  # the first of a stream of unknown length
_ROWS = 1 << 15  # packets of a batch
_ROW = 64  # bytes that most packets have at least; no more columns are made than that
_HEAD = 28  # bytes that tell what kind of file it is

_OTHERS = {
    b"snoop\0\0\0": "a snoop file",
    b"GMBU": "a Microsoft Network Monitor file",
    b"RTSS": "a Microsoft Network Monitor file",
    b"TRSN": "a Sniffer file",
    b"BZh": "packed with bzip2",
    b"\xfd7zXZ\0": "packed with xz",
    b"PK\x03\x04": "a zip archive",
}


class BrokenCaptureError(NetariumError):
    """A capture file breaks off, or goes wrong; the packets before that have been given."""


class CaptureReader:
    """The packets of a capture file, batch by batch.

    Memory stays the same however long the file is. Each batch has a buffer of its own, so
    that batches may be kept. A file that breaks off or goes wrong gives all packets before
    that, and says so in ``trouble``::

        with CaptureReader("all.pcapng") as capture:
            for batch in capture:
                ...
        if capture.trouble:
            print(capture.trouble)

    Attributes:
        name: the file's, for messages.
        format: ``pcap``, ``pcapng``, ...
        count: packets given so far.
        trouble: where and why reading ended before the file did; empty where it did not.
        fast: whether the loops are compiled: it is so for large files, and becomes so.
    """

    def __init__(
        self, source: str | Path | BinaryIO, *, fast: bool | None = None, size: int = _SIZE
    ) -> None:
        """Open a capture file and read its beginning.

        Args:
            source: a path, ``-`` for standard input, or a file that is open already.
            fast: compiled loops, or interpreted ones; None: whichever is done first.
            size: bytes that are read at once, and about what a batch has.

        Raises:
            NotFoundError: there is no such file.
            NetariumError: it is no capture file, or cannot be read.
        """
        self._source = open_source(source)
        self._wanted = fast
        self._size = max(size, _HEAD)
        self.name = self._source.name
        self.count = 0
        self.trouble = ""
        self._done = False
        self._at = self._end = 0  # what is still to be looked at in the buffer
        self._base = 0  # offset of the buffer in the file
        first = self._source.size if self._source.size >= 0 else _SMALL
        self._buffer: bytearray | memoryview = bytearray(max(_HEAD, min(first + 1, self._size)))
        self._shared = False  # whether a batch lies in the buffer
        self._row = _ROW  # bytes that a packet has, for how much room columns need
        try:
            self._scanner = self._recognised()
            self._at = self._scanner.first
            self._first: Batch | None = self._scan()
        except BaseException:
            self.close()
            raise
        self.format = self._scanner.format

    @property
    def interfaces(self) -> list[Interface]:
        """All that were described so far; it grows."""
        return self._scanner.interfaces

    @property
    def names(self) -> dict[str, str]:
        """Addresses and names that the file has told so far."""
        return self._scanner.names

    @property
    def comment(self) -> str:
        """What the file says of the whole capture."""
        return self._scanner.comment

    @property
    def lab(self) -> str:
        """The lab file that was embedded; empty where none was."""
        return self._scanner.lab

    @property
    def fast(self) -> bool:
        """Whether loops over what was read last are worth compiling."""
        if self._wanted is not None:
            return self._wanted
        return worth_compiling(max(self._source.size, self._base + self._end))

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        batch, self._first = self._first, None
        while batch is None or not batch.count:
            while not self._done and self._scanner.need > self._end - self._at:
                self._fill()
            if self._done:
                self.close()
                raise StopIteration
            batch = self._scan()
        self.count += batch.count
        return batch

    def close(self) -> None:
        """Close the file, if it was opened here."""
        self._done = True
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _recognised(self) -> PcapScanner | PcapngScanner:
        view = memoryview(self._buffer)
        broken = ""
        try:
            while self._end < _HEAD and (got := self._source.read_into(view[self._end :])):
                self._end += got
        except BrokenSourceError as error:
            broken = str(error)
        head = view[: self._end]
        if PcapngScanner.knows(head):
            return PcapngScanner(head, self.name)
        if PcapScanner.knows(head):
            return PcapScanner(head, self.name)
        if broken:
            raise NetariumError(f"{self.name} cannot be read: {broken}")
        if not head:
            raise NetariumError(f"{self.name} is empty", "no capture was written to it")
        kind = next((what for magic, what in _OTHERS.items() if head[: len(magic)] == magic), "")
        what = f": it is {kind}" if kind else f": it begins with {bytes(head[:8]).hex(' ')}"
        raise NetariumError(
            f"{self.name} is not a capture file{what}",
            "pcap and pcapng are read; unpack it, or convert it: editcap IN OUT.pcapng",
        )

    def _scan(self) -> Batch:
        """A batch of what lies in the buffer; empty where no packet lies whole in it."""
        begin = self._at
        room = min(_ROWS, (self._end - begin) // self._row + 16)
        batch = Batch.sized(memoryview(self._buffer)[: self._end], room)
        batch.first = self.count + 1
        batch.interfaces = self._scanner.interfaces
        batch.names = self._scanner.names
        self._at = self._scanner.scan(batch, begin, self._end, room, fast=self.fast)
        if batch.count:  # the next ones may be smaller, but hardly by much
            self._row = max(_ROW, (self._at - begin) // batch.count * 3 // 4)
        self._shared = self._shared or batch.count > 0
        if self._scanner.trouble:
            self._stop(self._scanner.trouble)
        return batch

    def _fill(self) -> None:
        """Read more: behind what is there, or in a new buffer after what is left of the old."""
        left = self._end - self._at
        if self._shared or self._end == len(self._buffer):
            # Room for what comes: as much as came before where it was full, or little.
            last = self._end if self._end < len(self._buffer) else 4 * self._end
            room = min(self._size, max(_SMALL, last))
            # A length in the file may be a lie: twice what is there is believed at most.
            buffer = _buffer(max(room, min(self._scanner.need, 2 * left), left + _HEAD))
            buffer[:left] = memoryview(self._buffer)[self._at : self._end]
            self._base += self._at
            self._buffer, self._at, self._end, self._shared = buffer, 0, left, False
        try:
            got = self._source.read_into(memoryview(self._buffer)[self._end :])
        except BrokenSourceError as broken:
            self._stop(str(broken))
            return
        self._end += got
        if not got:
            self._done = True
            if left:
                self._stop(
                    f"the file ends in the middle of a packet:"
                    f" {left:,} of at least {self._scanner.need:,} bytes are there"
                )

    def _stop(self, why: str) -> None:
        self._done = True
        self.trouble = f"{self.name} breaks off at byte {self._base + self._at:,}: {why}"


def _buffer(size: int) -> bytearray | memoryview:
    """Room for so many bytes; where NumPy is there already, without writing zeros to it first."""
    numpy = sys.modules.get("numpy")
    return memoryview(numpy.empty(size, "u1")) if numpy else bytearray(size)


def read_batches(
    source: str | Path | BinaryIO, *, fast: bool | None = None, size: int = _SIZE
) -> Iterator[Batch]:
    """The packets of a capture file, batch by batch; arguments as of `CaptureReader`.

    Raises:
        NotFoundError: there is no such file.
        BrokenCaptureError: after the last packet, where the file breaks off or goes wrong.
        NetariumError: it is no capture file, or cannot be read.
    """
    with CaptureReader(source, fast=fast, size=size) as capture:
        yield from capture
        if capture.trouble:
            raise BrokenCaptureError(
                capture.trouble, f"the {capture.count:,} packets before that are whole"
            )
