"""Having the hot loops of a capture compiled before they are needed, or by another process.

Compiling them takes seconds, once for each version of netarium; frames do not wait as long.
"""

from __future__ import annotations

import io
import subprocess
import sys
import time
from array import array
from collections.abc import Callable, Sequence
from importlib import import_module

from netarium.ports import ring_blocks
from netarium.ports.pcap import PcapScanner, PcapWriter
from netarium.ports.pcapng import PcapngWriter
from netarium.wire.batch import Batch, Interface
from netarium.wire.hot import is_kept, run

__all__ = ["Pace", "main", "warm"]

#: Frames after which loading the compiled loops, which takes as long as some 10,000 frames
#: do without them, is worth it; and how many at once tell that many more will follow.
_MANY = 20_000
_RUSH = 1_000

_FRAME = bytes.fromhex("ffffffffffff020000000001080045000024000000004011000a0a0000010a000002")


def _batch() -> Batch:
    batch = Batch.sized(memoryview(_FRAME + bytes(30)), 2)
    batch.count = 2
    for row in range(2):
        batch.captured[row] = batch.length[row] = 60
        batch.time[row] = time.time_ns()
    batch.interfaces = [Interface("a"), Interface("b")]
    return batch


def _warm_ring() -> None:
    """A block without frames, as ``netarium.ports.ring`` gives it to the loops."""
    memory = memoryview(bytearray(4096))
    views = (memory, memory.cast("H"), memory.cast("I"))
    numbers = [array("q", bytes(64)) for _ in range(9)]
    run(ring_blocks.read_block, *views, 0, *numbers, 0, fast=True)
    run(ring_blocks.pcap_records, *views, 0, numbers[0], 1, bytearray(64), fast=True)
    run(ring_blocks.pcapng_records, *views, 0, numbers[0], bytearray(64), fast=True)


def _warm_pcap() -> None:
    file = io.BytesIO()
    PcapWriter(file).write(_batch(), fast=False)
    data = file.getvalue()
    scanner = PcapScanner(memoryview(data), "")
    scanner.scan(Batch.sized(memoryview(data), 4), scanner.first, len(data), 4, fast=True)


def _warm_file() -> None:
    PcapngWriter(io.BytesIO()).write(_batch(), fast=True)
    PcapWriter(io.BytesIO()).write(_batch(), fast=True)


def _warm_lines() -> None:
    from netarium.wire.text.lines import Lines

    Lines().of(_batch(), fast=True)


def _warm_columns() -> None:
    from netarium.capture.columnar import Columns

    Columns().whole(_batch(), fast=True)


#: What to do for each purpose, and a loop of it that tells whether that was done before.
_PURPOSES: dict[str, tuple[Callable[[], None], str, str]] = {
    "ring": (_warm_ring, "netarium.ports.ring_blocks", "pcapng_records"),
    "pcap": (_warm_pcap, "netarium.ports.pcap", "_scan"),
    "file": (_warm_file, "netarium.ports.pcap", "_encode"),
    "lines": (_warm_lines, "netarium.wire.text.line_frames", "write_lines"),
    "columns": (_warm_columns, "netarium.wire.bulk.column_kernels", "gather"),
}


def _is_warm(purposes: Sequence[str]) -> bool:
    """Whether the loops for these purposes were compiled before."""
    loops = (_PURPOSES[purpose][1:] for purpose in purposes)
    return all(is_kept(getattr(import_module(module), name)) for module, name in loops)


def warm(purposes: Sequence[str]) -> bool:
    """Load the loops for these purposes, if they were compiled before; whether they were."""
    if not _is_warm(purposes):
        return False
    for purpose in purposes:
        _PURPOSES[purpose][0]()
    return True


class Pace:
    """Decides whether to use compiled loops: for many frames they are worth it.

    Args:
        purposes: which loops: ``ring`` or ``pcap``, and ``file``, ``lines`` or ``columns``.

    Attributes:
        fast: whether to.
    """

    def __init__(self, *purposes: str) -> None:
        self.fast = False
        self._purposes = purposes
        self._seen = 0
        self._compiler: subprocess.Popen[bytes] | None = None

    def of(self, frames: int) -> bool:
        """Whether to take the next ``frames`` with compiled loops."""
        self._seen += frames
        if not self.fast and (self._seen > _MANY or frames > _RUSH):
            self.fast = self._is_ready()
        return self.fast

    def _is_ready(self) -> bool:
        if self._compiler is not None:
            return self._compiler.poll() == 0
        if _is_warm(self._purposes):
            return True
        self._compiler = subprocess.Popen(
            [sys.executable, "-m", "netarium.capture.warming", *self._purposes],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return False

    def close(self) -> None:
        """End the compiling, if it is still under way."""
        if self._compiler is not None and self._compiler.poll() is None:
            self._compiler.kill()
            self._compiler.wait()


def main(purposes: Sequence[str]) -> None:
    """Compile the loops for these purposes and keep them."""
    for purpose in purposes:
        _PURPOSES[purpose][0]()


if __name__ == "__main__":
    main(sys.argv[1:])
