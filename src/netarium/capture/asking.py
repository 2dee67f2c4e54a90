"""Questions to a capture: its packets as an Arrow table, and SQL over all its tables."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from netarium.capture.columnar import Columns
from netarium.capture.reading import filtered
from netarium.ports.capture_file import CaptureReader

if TYPE_CHECKING:
    import pyarrow

    from netarium.wire.batch import Batch

__all__ = ["Source", "ask", "query", "table"]

_SIZE = 8 << 20  # bytes of a batch: enough that what is done for each batch does not count


class Source:
    """A capture that is read as often as a question needs.

    Attributes:
        trouble: where and why reading ended before the file did; empty where it did not.
    """

    def __init__(self, path: str | Path | BinaryIO, filter: str = "", again: bool = False) -> None:
        """Take a capture to read.

        Args:
            path: a file, ``-`` for standard input, or a file that is open already.
            filter: in tcpdump's language; packets that do not match are left out.
            again: it will be read more than once: what cannot be is copied to a file first.
        """
        self._path = path
        self._filter = filter
        self._copy: BinaryIO | None = None
        self.trouble = ""
        stream = sys.stdin.buffer if path == "-" else path
        if again and not isinstance(stream, (str, Path)):
            self._copy = tempfile.TemporaryFile(prefix="netarium-")  # noqa: SIM115 - close() does
            shutil.copyfileobj(stream, self._copy)
            self._copy.flush()

    def batches(self) -> Iterator[Batch]:
        """The frames, from the beginning."""
        path = self._path
        if self._copy is not None:
            # By this name each reader has a place of its own in it; two may read at once.
            path = f"/proc/self/fd/{self._copy.fileno()}"
        with CaptureReader(path, size=_SIZE) as capture:
            yield from filtered(capture, self._filter)
            self.trouble = capture.trouble

    def close(self) -> None:
        """Remove the copy, if there is one."""
        if self._copy is not None:
            self._copy.close()


def table(
    path: str | Path | BinaryIO, columns: Sequence[str] | None = None, filter: str = ""
) -> pyarrow.Table:
    """The packets of a capture file as an Arrow table.

    Args:
        path: a file, ``-`` for standard input, or a file that is open already.
        columns: which, as in ``["number", "flow", "tcp_checksum"]``; None: those that a first
            look needs; ``"all"``: all that there are, verdicts on checksums and flows too.
            ``netarium query --columns`` lists them.
        filter: in tcpdump's language; packets that do not match are left out.

    Times have nanoseconds, which Python's own datetime has not: without pandas ``to_pylist``
    wants a query whose times have microseconds: ``SELECT * REPLACE (time::TIMESTAMP AS time)``.

    Of a file that breaks off there are all packets before that.

    Raises:
        ColumnError: there is no such column.
        NotFoundError: there is no such file.
        NetariumError: it is no capture file, the filter is wrong.
    """
    import pyarrow as pa

    made = Columns(columns)
    parts = list(made.stream(Source(path, filter).batches()))
    return pa.Table.from_batches(parts, made.schema).unify_dictionaries()


@contextlib.contextmanager
def ask(source: Source, sql: str) -> Iterator[Any]:
    """The answer of a capture to SQL, as record batches that come as they are found.

    It has the attribute ``schema``. Arguments and errors as of `query`.
    """
    from netarium.capture.sql import answer

    with answer(sql, source.batches) as found:
        yield found


def query(path: str | Path | BinaryIO, sql: str, filter: str = "") -> pyarrow.Table:
    """Ask a capture file a question in SQL.

    Args:
        path: a file, ``-`` for standard input, or a file that is open already.
        sql: a SELECT of DuckDB's SQL; tables and columns are listed by
            ``netarium query --columns``. It sees nothing but the capture.
        filter: in tcpdump's language; packets that do not match are left out.

    Raises:
        SqlError: the SQL is wrong. Also all that `table` raises.
    """
    import pyarrow as pa

    from netarium.capture.sql import scans

    source = Source(path, filter, again=scans(sql) > 1)
    try:
        with ask(source, sql) as found:
            return pa.Table.from_batches(list(found), found.schema)
    finally:
        source.close()
