"""Capturing with libpcap, one handle for each interface."""

from __future__ import annotations

import select
import time
from array import array
from collections.abc import Iterator

from netarium.capture.merging import Merger
from netarium.capture.opening import in_namespace
from netarium.capture.source import Direct, Options, Stop, remaining
from netarium.capture.targets import ANY, Place, Targets
from netarium.capture.warming import Pace
from netarium.errors import MachineError
from netarium.ports.libpcap_live import MemoryFile, PcapCapture
from netarium.ports.pcap import PcapScanner
from netarium.wire.batch import Batch, Interface

__all__ = ["PcapSource"]

_LOOPBACK = "lo"
_TIMEOUT, _TIMEOUT_SOON = 60, 10  # milliseconds
_SLACK = 15
_SIZES = 2 << 20, 64 << 20  # bytes of a buffer: at least, at most
_FULL = 32 << 20  # bytes that wait to be put in order of time


class PcapSource:
    """Captures by way of libpcap. See ``netarium.capture.source.Source``.

    It tells neither directions nor the state of checksums.

    Raises:
        MachineError: the machine refuses, for want of rights or memory.
        NotFoundError: an interface is not there.
        FilterError: the filter is wrong.
    """

    def __init__(self, targets: Targets, options: Options) -> None:
        if targets.rootless and any(place.node for place in targets.places):
            raise MachineError(
                "the pcap backend cannot join a lab that runs without root",
                "leave --backend out: packet rings can",
            )
        self.interfaces: list[Interface] = []
        self.notes: list[str] = []
        self._options = options
        self._timeout = _TIMEOUT_SOON if options.prompt else _TIMEOUT
        self._captures: list[PcapCapture] = []
        self._scanners: list[PcapScanner] = []
        self._pace = Pace("pcap", *filter(None, (options.purpose,)))
        self._file = MemoryFile()
        self._first = 1
        self._poll = select.poll()
        self._down: set[int] = set()
        wanted = [(place, name) for place in targets.places for name in _names(place)]
        size = max(_SIZES[0], min(_SIZES[1], options.budget // max(len(wanted), 1)))
        try:
            for place, name in wanted:
                self._open(place, name, size)
        except BaseException:
            self.close()
            raise

    def _open(self, place: Place, name: str, size: int) -> None:
        options = self._options

        def opened() -> PcapCapture:
            return PcapCapture(
                name,
                expression=options.filter,
                snaplen=options.snaplen or 262144,
                timeout=self._timeout,
                size=size,
                promiscuous=place.namespace < 0 and name != ANY,
            )

        capture = in_namespace(place.namespace, opened)
        self._captures.append(capture)
        self._poll.register(capture.fd, select.POLLIN)
        scanner = PcapScanner(memoryview(capture.header()), name)
        self._scanners.append(scanner)
        self.interfaces.append(
            Interface(
                name=place.name(name),
                link_type=scanner.interfaces[0].link_type,
                snaplen=options.snaplen,
                description=place.described.get(name, ""),
                filter=options.filter,
            )
        )

    @property
    def fast(self) -> bool:
        """Whether there is enough to do for compiled loops."""
        return self._pace.fast

    def close(self) -> None:
        """End capturing and give back all memory."""
        self._pace.close()
        for capture in self._captures:
            capture.close()
        self._captures = []
        if self._file.stream:
            self._file.close()
            self._file.stream = None

    def count(self) -> dict[str, int]:
        """Bring ``received`` and ``dropped`` of the interfaces up to date; the latter by name."""
        for interface, capture in zip(self.interfaces, self._captures, strict=True):
            interface.received, interface.dropped = capture.losses()
        return {interface.name: interface.dropped for interface in self.interfaces}

    def batches(
        self, stop: Stop, deadline: float | None = None, direct: Direct | None = None
    ) -> Iterator[Batch]:
        """Frames as they come; see ``Source``."""
        merger = Merger(memoryview(b""))
        hold = (2 * self._timeout + _SLACK) * 1_000_000 if len(self._captures) > 1 else 0
        for _ in self._rounds(stop, deadline, merger):
            for number in range(len(self._captures)):
                if number not in self._down:
                    self._take(number, merger)
            data = self._file.written()
            until = time.time_ns() - hold if hold and len(data) < _FULL else None
            yield from self._flushed(merger, data, until)
        yield from self._flushed(merger, self._file.written(), None)

    def _rounds(self, stop: Stop, deadline: float | None, merger: Merger) -> Iterator[None]:
        self._poll.register(stop.fd, select.POLLIN)
        step = self._timeout / 1000
        while not stop.asked and (deadline is None or time.monotonic() < deadline):
            left = remaining(deadline, step if len(merger) else None)
            ready = self._poll.poll(None if left is None else left * 1000)
            if len(self._captures) > 1 and ready:
                time.sleep(step / 2)  # the others will follow soon: one round for all
            yield
        last = time.monotonic() + 2 * step  # what the kernel still has
        while (left := last - time.monotonic()) > 0:
            time.sleep(min(left, step))
            yield

    def _take(self, number: int, merger: Merger) -> None:
        """What has come on one interface: written to memory, and noted."""
        before = len(self._file.written())
        count = self._captures[number].dump(self._file)
        if count < 0:
            self._lose(number)
        if count <= 0:
            return
        fast = self._pace.of(count)
        data = self._file.written()
        batch = Batch.sized(data, count)
        self._scanners[number].scan(batch, before, len(data), count, fast=fast)
        batch.interface = array("q", (number,)) * batch.count
        merger.add(batch)

    def _lose(self, number: int) -> None:
        """Give up an interface that went down: libpcap does not go on with it."""
        self._down.add(number)
        self._poll.unregister(self._captures[number].fd)
        self.notes.append(f"{self.interfaces[number].name} went down; its capture ends")

    def _flushed(self, merger: Merger, data: memoryview, until: int | None) -> Iterator[Batch]:
        if not len(merger):
            return
        merger.memory = data
        batch, _ = merger.flush(until, fast=self._pace.fast)
        if batch.count:
            batch.interfaces = self.interfaces
            batch.first = self._first
            self._first += batch.count
            yield batch
        if not len(merger):
            self._file.rewind()


def _names(place: Place) -> list[str]:
    """The interfaces of a place, as libpcap is to open them."""
    if place.only:
        return list(place.only)
    if not place.node:
        return [ANY]
    return [*place.described, *([_LOOPBACK] if place.loopback else [])]
