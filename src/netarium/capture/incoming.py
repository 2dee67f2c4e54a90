"""Packets as they come, for Python programs: one by one, or as columns."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from netarium.capture.recorder import limited, open_source
from netarium.capture.source import Options, Stop
from netarium.capture.targets import resolve
from netarium.errors import NotFoundError

if TYPE_CHECKING:
    from types import TracebackType

    import pyarrow

    from netarium.wire.batch import Batch
    from netarium.wire.packet import Packet

__all__ = ["Live", "columns", "live"]

T = TypeVar("T")


class Live(Generic[T]):
    """A capture under way: iterate over it; close it, or use ``with``.

    It has begun when this is made: what comes meanwhile waits, as far as there is room.

    Attributes:
        interfaces: where it captures, as ``netarium.wire.batch.Interface``.
    """

    _purpose = ""
    _source: Any = None

    def __init__(
        self,
        targets: Sequence[str],
        *,
        filter: str = "",
        lab: str | None = None,
        host: str = "",
        count: int | None = None,
        seconds: float | None = None,
        snaplen: int = 0,
        backend: str = "ring",
    ) -> None:
        self._stop = Stop()
        try:
            with resolve(targets, lab=lab, host=host) as chosen:
                chosen.watched_by(self._stop)
                options = Options(chosen.meant(filter), snaplen, prompt=True, purpose=self._purpose)
                self._source = open_source(chosen, options, backend)
        except BaseException as error:
            self._stop.close()
            if isinstance(error, NotFoundError) and "--lab NAME" in error.cure:
                cure = error.cure.replace("--lab NAME", 'lab="NAME"')
                raise NotFoundError(error.what, cure) from None
            raise
        self.interfaces = self._source.interfaces
        self._dropped = 0
        deadline = None if seconds is None else time.monotonic() + seconds
        batches = limited(self._source.batches(self._stop, deadline), count)
        self._items = self._unpacked(batches)

    def _unpacked(self, batches: Iterator[Batch]) -> Iterator[T]:
        raise NotImplementedError

    @property
    def drops(self) -> int:
        """Frames that the kernel dropped so far since nobody took them in time."""
        if self._source is not None:
            self._dropped = sum(self._source.count().values())
        return self._dropped

    @property
    def fast(self) -> bool:
        """Whether there is enough to do for compiled loops."""
        return self._source is not None and self._source.fast

    def stop(self) -> None:
        """End it from another thread: what has come is still handed out."""
        self._stop.set()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        try:
            return next(self._items)
        except StopIteration:
            self.close()
            raise

    def close(self) -> None:
        """End it now. A second time changes nothing."""
        if self._source is not None:
            _ = self.drops  # the last that there is to know
            source, self._source = self._source, None
            source.close()
            self._stop.close()
            self._items = iter(())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


class _Packets(Live["Packet"]):
    def _unpacked(self, batches: Iterator[Batch]) -> Iterator[Packet]:
        from netarium.wire.packet import packet_of

        for batch in batches:
            for row in range(batch.count):
                yield packet_of(batch, row)


class _Columns(Live["pyarrow.RecordBatch"]):
    _purpose = "columns"

    def __init__(self, targets: Sequence[str], names: Sequence[str] | None, **how: Any) -> None:
        from netarium.capture.columnar import Columns

        self._columns = Columns(names)
        super().__init__(targets, **how)

    def _unpacked(self, batches: Iterator[Batch]) -> Iterator[pyarrow.RecordBatch]:
        for batch in batches:
            yield self._columns.whole(batch, self.fast)


def live(
    *targets: str,
    filter: str = "",
    lab: str | None = None,
    host: str = "",
    count: int | None = None,
    seconds: float | None = None,
    snaplen: int = 0,
    backend: str = "ring",
) -> Live[Packet]:
    """Packets as they come.

        for packet in live("h1:eth0", filter="tcp port 5000", count=10):
            print(packet)

    Args:
        targets: ``NODE`` or ``NODE:INTERFACE``; none: every node of the lab.
        filter: in tcpdump's language, applied in the kernel.
        lab: its name, where several run.
        host: an interface of this machine, or ``any`` of them.
        count: end after so many packets.
        seconds: end after so long.
        snaplen: bytes to keep of each; 0: all.
        backend: ``ring`` or ``pcap``.

    Raises:
        NotFoundError: no such lab, node or interface.
        FilterError: the filter is wrong.
        MachineError: the machine refuses.
    """
    return _Packets(
        targets,
        filter=filter,
        lab=lab,
        host=host,
        count=count,
        seconds=seconds,
        snaplen=snaplen,
        backend=backend,
    )


def columns(
    *targets: str,
    names: Sequence[str] | None = None,
    filter: str = "",
    lab: str | None = None,
    host: str = "",
    count: int | None = None,
    seconds: float | None = None,
    snaplen: int = 0,
    backend: str = "ring",
) -> Live[pyarrow.RecordBatch]:
    """Packets as they come, as Arrow record batches of a few thousand and fewer.

    Args and errors as of ``live``, and

        names: which columns, as in ``netarium query``; None: the common ones; ``"all"``: all.
    """
    return _Columns(
        targets,
        names,
        filter=filter,
        lab=lab,
        host=host,
        count=count,
        seconds=seconds,
        snaplen=snaplen,
        backend=backend,
    )
