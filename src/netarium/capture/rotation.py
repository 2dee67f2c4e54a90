"""Capture files: made, filled batch by batch, changed for the next, and ended whole."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, cast

from netarium.capture.guardian import Guardian
from netarium.errors import NetariumError, UsageError
from netarium.ports.file_output import write_whole
from netarium.ports.pcap import PcapWriter
from netarium.ports.pcapng import PcapngWriter
from netarium.ports.ring import Block, Rings
from netarium.ports.ring_blocks import RECORD
from netarium.wire.batch import Batch, Interface
from netarium.wire.hot import hot, run

__all__ = ["FileSink", "Rotation"]

_PCAP = (".pcap", ".cap", ".dmp")
_STREAM = "-"
_PIECE = 1 << 14  # bytes of a write: the kernel has pages for as many at hand, for more it seeks
#: Bytes that a packet takes in a file beside its own: in pcap, and in pcapng at most.
_RECORD_OF_PCAP, _RECORD_OF_PCAPNG = 16, 48


@dataclass(frozen=True, slots=True)
class Rotation:
    """When to begin a new file; zeros: never.

    Attributes:
        size: bytes that a file may have. seconds: of packets that it may hold.
        keep: how many files are kept; older ones are removed. 0 keeps all.
    """

    size: int = 0
    seconds: float = 0.0
    keep: int = 0

    def __bool__(self) -> bool:
        return self.size > 0 or self.seconds > 0


@hot
def _fitting(captured: Any, row: int, end: int, room: int, extra: int) -> int:
    """The first row whose packet has no room in so many bytes after those before it."""
    while row < end:
        room -= captured[row] + extra
        if room < 0:
            break
        row += 1
    return row


@hot
def _before(time: Any, row: int, end: int, limit: int) -> int:
    """The first row whose time is ``limit`` or later."""
    while row < end and time[row] < limit:
        row += 1
    return row


class FileSink:
    """Writes what is captured to a file, or one file after another.

    A capture that finds the disk full cuts off what did not fit: its file is whole. So is
    that of one that is killed, where there is a guardian.

    Args:
        path: ``.pcap`` for that format, anything else is pcapng; ``-`` is standard output.
            What is there is overwritten. New files can be read by their owner alone, who is
            who called sudo.
        interfaces: those that there are from the start.
        lab: the lab file to embed, but in a stream. names: of addresses.
        rotation: when to begin a new file; these are called NAME-00001.pcapng and so on.
        snaplen: the most bytes that were kept of a packet.
        guardian: who makes the file whole where this process is killed.

    Attributes:
        files: the paths written and not removed. packets: written so far.
        is_pcap: whether they are pcap, which keeps neither names nor the lab.
    """

    def __init__(
        self,
        path: str,
        interfaces: Sequence[Interface],
        *,
        lab: str = "",
        names: Mapping[str, str] | None = None,
        rotation: Rotation | None = None,
        snaplen: int = 0,
        guardian: Guardian | None = None,
    ) -> None:
        self._path = path
        self._interfaces = interfaces
        self._lab = lab
        self._names = dict(names or {})
        self._rotation = rotation or Rotation()
        self._snaplen = snaplen
        self._guardian = guardian
        self.is_pcap = Path(path).suffix.lower() in _PCAP
        if self._rotation and path == _STREAM:
            raise UsageError("standard output is one file", "name a file with -w FILE")
        if path.endswith(".gz"):
            raise UsageError("captures are not compressed as they come", "gzip the file afterwards")
        self._numbers = count(1)
        self._until = 0  # nanoseconds: the first packet time that belongs to the next file
        self.files: deque[str] = deque()
        self.packets = 0
        self._out = bytearray()
        self._begin()

    # --- files ----------------------------------------------------------------------------

    def _begin(self) -> None:
        """Make the next file."""
        path = self._path
        if self._rotation:
            whole = Path(path)
            path = str(whole.with_name(f"{whole.stem}-{next(self._numbers):05}{whole.suffix}"))
        self._file = _standard_output() if path == _STREAM else _create(path)
        about = os.fstat(self._file.fileno())
        self._is_regular = stat.S_ISREG(about.st_mode) and path != _STREAM
        self._is_broken = False
        self._whole = 0
        if self._is_regular and self._guardian is not None:
            self._guardian.watch(path)
        self._started = time.time_ns()
        self.files.append(path)
        try:
            with self._tidied():
                self._writer = self._new_writer()
        except BaseException:
            self._file.close()
            raise
        while self._rotation.keep and len(self.files) > self._rotation.keep:
            Path(self.files.popleft()).unlink(missing_ok=True)

    def _new_writer(self) -> PcapWriter | PcapngWriter:
        links = {interface.link_type for interface in self._interfaces} or {1}
        self._is_uniform = len(links) == 1 or not self.is_pcap
        if self.is_pcap:
            return PcapWriter(self._file, min(links), snaplen=self._snaplen)
        # dumpcap, which Wireshark reads streams with, has no room for much of a header.
        writer = PcapngWriter(self._file, lab=self._lab if self._is_regular else "")
        for interface in self._interfaces:
            writer.add_interface(interface)
        writer.write(Batch(memoryview(b""), interfaces=list(self._interfaces), names=self._names))
        return writer

    @contextlib.contextmanager
    def _tidied(self) -> Any:
        """Note how long the file is afterwards; cut it to what it was where a write fails."""
        try:
            yield
        except (NetariumError, BrokenPipeError):
            self._is_broken = True
            if self._is_regular:
                os.ftruncate(self._file.fileno(), self._whole)
            raise
        if self._is_regular:
            self._whole = os.lseek(self._file.fileno(), 0, os.SEEK_CUR)
            if self._guardian is not None:
                self._guardian.note(self._whole)

    def _end(self) -> None:
        try:
            if isinstance(self._writer, PcapngWriter) and not self._is_broken:
                with self._tidied():
                    for interface in self._interfaces:
                        self._writer.statistics(
                            interface,
                            received=interface.received,
                            dropped=interface.dropped,
                            start=self._started,
                            end=time.time_ns(),
                        )
        finally:
            self._file.close()

    def fileno(self) -> int:
        """The descriptor of the file that is written."""
        return self._file.fileno()

    def close(self) -> None:
        """End the file, with the counts that its interfaces have by now."""
        try:
            if not self._file.closed:
                self._end()
        finally:
            if self._guardian is not None:
                self._guardian.close()

    # --- packets --------------------------------------------------------------------------

    def write(self, batch: Batch, *, fast: bool) -> None:
        """Append a batch.

        Raises:
            NetariumError: it cannot be written; the file is whole up to there.
            BrokenPipeError: the reader of a pipe has gone.
        """
        batch.names = self._names
        if not self._rotation:
            self._append(batch, fast)
            return
        row = 0
        while row < batch.count:
            row = self._part(batch, row, fast)

    def write_block(self, rings: Rings, block: Block) -> bool:
        """Append a block of a ring without a detour, where nothing stands against it."""
        if self._rotation or not self._is_uniform:
            return False
        room = block.ring.block + RECORD * block.frames
        if len(self._out) < room:
            self._out = bytearray(room)
        size = rings.records(block, self._out, pcap_unit=int(self.is_pcap))
        if size < 0:
            return False
        with self._tidied():
            write_whole(self._file, memoryview(self._out)[:size])
        self.packets += block.frames
        return True

    def _append(self, batch: Batch, fast: bool) -> None:
        with self._tidied():
            self._writer.write(batch, fast=fast)
        self.packets += batch.count

    def _part(self, batch: Batch, row: int, fast: bool) -> int:
        """Append the packets from ``row`` on that this file takes; gives the next row."""
        rule, end = self._rotation, batch.count
        span = int(rule.seconds * 1e9)
        if span and not self._until:
            self._until = batch.time[row] + span
        if span and batch.time[row] >= self._until:
            self._until += (batch.time[row] - self._until) // span * span + span
            self._change()
        if span:
            end = run(_before, batch.time, row, end, self._until, fast=fast)
        if rule.size:
            room = rule.size - self._whole
            extra = _RECORD_OF_PCAP if self.is_pcap else _RECORD_OF_PCAPNG
            end = run(_fitting, batch.captured, row, end, room, extra, fast=fast)
            if end == row and self._holds:
                self._change()
                return row
            end = max(end, row + 1)  # one packet alone is larger than a file may be
        self._append(_slice(batch, row, end), fast)
        self._holds = True
        return end

    _holds = False

    def _change(self) -> None:
        self._end()
        self._holds = False
        self._begin()


def _slice(batch: Batch, low: int, high: int) -> Batch:
    """Some rows of a batch as another batch, over the same data."""
    if low == 0 and high == batch.count:
        return batch
    part = Batch(batch.data, high - low, batch.first + low)
    for name in ("start", "captured", "length", "time", "interface", "flags", "segment"):
        setattr(part, name, getattr(batch, name)[low:high])
    part.interfaces, part.names = batch.interfaces, batch.names
    part.comments = {n - low: text for n, text in batch.comments.items() if low <= n < high}
    return part


class _Pieces(io.FileIO):
    """An unbuffered file that takes a little at a time, so that many writes make a large one."""

    def write(self, data: Any) -> int:
        return super().write(memoryview(data)[:_PIECE])


def _standard_output() -> BinaryIO:
    if os.isatty(1):
        raise UsageError(
            "a capture does not go to a terminal", "redirect the output, or use -w FILE"
        )
    return cast(BinaryIO, open(1, "wb", buffering=0, closefd=False))


def _create(path: str) -> BinaryIO:
    """Open a file for writing, for its owner alone where it is new."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    is_new = not Path(path).exists()
    try:
        file = _Pieces(path, "wb", opener=lambda name, _: os.open(name, flags, 0o600))
    except OSError as error:
        raise NetariumError(
            f"{path} cannot be written: {error.strerror}", "choose another file with -w"
        ) from None
    caller = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    if is_new and os.geteuid() == 0 and all(number.isdigit() for number in caller):
        os.fchown(file.fileno(), int(caller[0]), int(caller[1]))
    return cast(BinaryIO, file)
