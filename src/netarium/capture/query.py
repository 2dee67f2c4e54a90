"""Questions to a capture: its packets as an Arrow table, and SQL over all its tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from netarium.capture.columns import Columns
from netarium.capture.reading import batches

if TYPE_CHECKING:
    import pyarrow

__all__ = ["table"]


def table(
    path: str | Path | BinaryIO, columns: Sequence[str] | None = None, filter: str = ""
) -> pyarrow.Table:
    """The packets of a capture file as an Arrow table.

    Args:
        path: a file, ``-`` for standard input, or a file that is open already.
        columns: which; None: those that a first look needs. ``netarium query --columns``
            lists them.
        filter: in tcpdump's language; packets that do not match are left out.

    Raises:
        ColumnError: there is no such column. Also all that `netarium.capture.batches` raises.
    """
    import pyarrow as pa

    made = Columns(columns)
    parts = list(made.stream(batches(path, filter)))
    return pa.Table.from_batches(parts, made.schema).unify_dictionaries()
