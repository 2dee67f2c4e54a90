"""How rows of an Arrow answer are shown: tables for people, CSV, JSON and files for programs."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from netarium.cli.output import counted, note, print_table, width
from netarium.errors import NetariumError, UsageError
from netarium.wire.escaping import escaped

if TYPE_CHECKING:
    import pyarrow

__all__ = [
    "FORMATS",
    "duration",
    "format_of",
    "numbers_right",
    "print_csv",
    "print_rows",
    "save",
    "write_json",
]

#: Suffixes of the files that an answer can be written to.
FORMATS = ("csv", "json", "parquet")

_MEASURED = 1000  # rows whose widths the columns of a table have
_FOLDED = 26  # so wide a column is at least, where it is folded: a time stands on one line
_UNITS = {"s": 1, "ms": 1000, "us": 1000**2, "ns": 1000**3}


def format_of(path: str) -> str:
    """The format that a file name asks for by its suffix; UsageError where it is another."""
    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        raise UsageError(f"{path!r} does not say which format", "end it in .csv, .json or .parquet")
    return suffix


def duration(seconds: float) -> str:
    """A time span as a person writes it: ``1.25 ms``, ``3.2 s``, ``1:02:03``."""
    size = abs(seconds)
    if size >= 3600:
        whole = round(size)
        return f"{'-' if seconds < 0 else ''}{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
    for unit, factor in (("s", 1), ("ms", 1e3)):
        if size * factor >= 1 or not size:
            return f"{seconds * factor:.3g} {unit}" if size < 100 else f"{seconds:.1f} s"
    return f"{seconds * 1e6:.3g} µs"


def print_rows(schema: pyarrow.Schema, batches: Iterable[pyarrow.RecordBatch]) -> None:
    """Print a table. On a terminal only so many rows as a person may read."""
    titles = [_title(field) for field in schema]
    right = [_is_number(field.type) for field in schema]
    rows: list[tuple[str, ...]] = []
    coming = _rows(schema, batches, _texts)
    for row in coming:
        rows.append(tuple(escaped(cell) for cell in row))
        if len(rows) == _MEASURED:
            break
    titles, cells = numbers_right(titles, rows, right)
    widths = [max([len(title), *(len(row[i]) for row in cells)]) for i, title in enumerate(titles)]
    # What is wider is folded; more of that than of this, and nobody could read it.
    if sum(min(wide, _FOLDED) + 2 for wide in widths) - 2 > width():
        _print_one_by_one([_title(field) for field in schema], rows)
    else:
        print_table(titles, cells)
    if sys.stdout.isatty():
        more = sum(1 for _ in coming)
        if more:
            note(f"{counted(more, 'more row')}: -o FILE, or a pipe, gives all")
        return
    for row in coming:
        places = zip(row, widths, right, strict=True)
        line = "  ".join(
            escaped(cell).rjust(wide) if number else escaped(cell).ljust(wide)
            for cell, wide, number in places
        )
        sys.stdout.write(line.rstrip() + "\n")


def _print_one_by_one(titles: list[str], rows: list[tuple[str, ...]]) -> None:
    """Print a block of lines for each row, a column a line, without those that are empty."""
    wide = max(map(len, titles))
    for number, row in enumerate(rows):
        if number:
            print()
        for title, cell in zip(titles, row, strict=True):
            if cell:
                print(f"{title:<{wide}}  {cell}")


def numbers_right(
    titles: Sequence[str], rows: Sequence[tuple[str, ...]], right: Sequence[bool]
) -> tuple[list[str], Sequence[tuple[str, ...]]]:
    """The cells of a table with those columns that are numbers filled up on the left."""
    made = list(titles)
    for place, number in enumerate(right):
        if number:
            wide = max([len(made[place]), *(len(row[place]) for row in rows)])
            made[place] = made[place].rjust(wide)
            rows = [(*row[:place], row[place].rjust(wide), *row[place + 1 :]) for row in rows]
    return made, rows


def print_csv(
    schema: pyarrow.Schema, batches: Iterable[pyarrow.RecordBatch], file: TextIO | None = None
) -> None:
    """Write comma-separated values with a line of names (RFC 4180); times in ISO 8601, UTC."""
    writer = csv.writer(file or sys.stdout, lineterminator="\n")
    writer.writerow(schema.names)
    for row in _rows(schema, batches, _values):
        writer.writerow(
            "" if cell is None else " ".join(map(str, cell)) if isinstance(cell, list) else cell
            for cell in row
        )


def write_json(
    schema: pyarrow.Schema, batches: Iterable[pyarrow.RecordBatch], file: TextIO | None = None
) -> None:
    """Write a JSON list of objects, one a line; times in ISO 8601, UTC."""
    import msgspec

    out = file or sys.stdout
    encode = msgspec.json.Encoder().encode
    before = "["
    for row in _rows(schema, batches, _values):
        named = dict(zip(schema.names, row, strict=True))
        out.write(f"{before}\n{encode(named).decode()}")
        before = ","
    out.write("\n]\n" if before == "," else "[]\n")


def save(schema: pyarrow.Schema, batches: Iterable[pyarrow.RecordBatch], path: str) -> int:
    """Write the rows to a file, in the format of its suffix; gives how many rows.

    The file is there whole, or as it was before.
    """
    kind = format_of(path)
    target = Path(path)
    count = 0

    def counting() -> Iterator[pyarrow.RecordBatch]:
        nonlocal count
        for batch in batches:
            count += batch.num_rows
            yield batch

    made = target.with_name(f".{target.name}.part")
    try:
        if kind == "parquet":
            _write_parquet(schema, counting(), made)
        else:
            with made.open("w", encoding="utf-8", newline="") as file:
                (print_csv if kind == "csv" else write_json)(schema, counting(), file)
        made.replace(target)
    except OSError as error:
        raise NetariumError(
            f"cannot write {path!r}: {(error.strerror or str(error)).lower()}",
            "name a file in a folder that exists and that you may write to",
        ) from None
    finally:
        made.unlink(missing_ok=True)
    return count


def _write_parquet(
    schema: pyarrow.Schema, batches: Iterable[pyarrow.RecordBatch], path: Path
) -> None:
    from pyarrow import parquet

    with parquet.ParquetWriter(path, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _title(field: pyarrow.Field[Any]) -> str:
    import pyarrow as pa

    return f"{field.name} (UTC)" if pa.types.is_timestamp(field.type) else field.name


def _is_number(kind: pyarrow.DataType) -> bool:
    import pyarrow as pa

    return (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_interval(kind)
        or pa.types.is_duration(kind)
    )


def _rows(
    schema: pyarrow.Schema,
    batches: Iterable[pyarrow.RecordBatch],
    convert: Callable[[Any], list[Any]],
) -> Iterator[tuple[Any, ...]]:
    for batch in batches:
        columns = [convert(batch.column(place)) for place in range(len(schema))]
        yield from zip(*columns, strict=True)


def _values(column: Any) -> list[Any]:
    """A column for programs."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_timestamp(kind):
        return [text and f"{text.replace(' ', 'T')}Z" for text in _times(column, (6, 9))]
    if pa.types.is_decimal(kind):
        whole = kind.scale == 0
        return [
            value if value is None else int(value) if whole else float(value)
            for value in column.to_pylist()
        ]
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return [value if value is None else value.hex() for value in column.to_pylist()]
    if pa.types.is_interval(kind):
        return [value if value is None else _seconds(value) for value in column.to_pylist()]
    if pa.types.is_nested(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return list(column.to_pylist())
    if pa.types.is_boolean(kind):
        return list(column.to_pylist())
    return [value if value is None else str(value) for value in column.to_pylist()]


def _texts(column: Any) -> list[str]:
    """A column for people."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_timestamp(kind):
        return [text or "" for text in _times(column)]
    if pa.types.is_floating(kind):
        return ["" if value is None else _float(value) for value in column.to_pylist()]
    if pa.types.is_interval(kind):
        values = column.to_pylist()
        return ["" if value is None else duration(_seconds(value)) for value in values]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return ["" if value is None else ", ".join(map(str, value)) for value in column.to_pylist()]
    if pa.types.is_boolean(kind):
        return ["" if value is None else "yes" if value else "no" for value in column.to_pylist()]
    return ["" if value is None else str(value) for value in _values(column)]


def _float(value: float) -> str:
    if value and abs(value) < 1e-4:
        return f"{value:.3g}"
    return f"{value:.6f}".rstrip("0").rstrip(".") if abs(value) < 1e15 else f"{value:g}"


def _seconds(value: Any) -> float:
    """Of an interval of DuckDB: months count 30 days, as they do there."""
    return float((value[0] * 30 + value[1]) * 86400 + value[2] / 1e9)


def _times(column: Any, fractions: tuple[int, ...] = (0, 3, 6, 9)) -> list[str | None]:
    """Times in UTC with as many digits as the column needs, of these numbers of digits."""
    import pyarrow as pa

    factor = _UNITS[column.type.unit]
    counts = column.cast(pa.timestamp(column.type.unit)).cast(pa.int64()).to_pylist()
    known = [count for count in counts if count is not None]
    digits = next(d for d in fractions if d == 9 or all(c * 10**d % factor == 0 for c in known))
    return [None if count is None else _time(count, factor, digits) for count in counts]


def _time(count: int, factor: int, digits: int) -> str:
    try:
        text = f"{datetime.fromtimestamp(count // factor, UTC):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return str(count)
    return (
        f"{text}.{count % factor * 10**9 // factor:09}"[: len(text) + 1 + digits]
        if digits
        else text
    )
