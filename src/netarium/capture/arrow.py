"""How columns become Arrow arrays: numbers with nulls, words by number."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow

    from netarium.capture.tables import Column

__all__ = ["coded", "numbers", "schema_of", "words_of"]


def schema_of(columns: Iterable[Column]) -> pyarrow.Schema:
    """The columns for Arrow."""
    import pyarrow as pa

    return pa.schema([pa.field(column.name, column.type) for column in columns])


def numbers(values: Any, kind: Any) -> Any:
    """Numbers of 64 bits as an Arrow array of some width; below 0: null. Always a copy."""
    import numpy as np
    import pyarrow as pa

    valid: Any = None
    if len(values) and values.min() < 0:
        valid = np.packbits(values >= 0, bitorder="little")
    narrow: Any = values.astype(kind.to_pandas_dtype())
    buffers = [valid if valid is None else pa.py_buffer(valid), pa.py_buffer(narrow)]
    return pa.Array.from_buffers(kind, len(values), buffers)


def coded(values: Any, words: Any) -> Any:
    """Places in a list of words as a dictionary array; below 0: null."""
    import numpy as np
    import pyarrow as pa

    indices = numbers(values, pa.int32())
    if indices.null_count:
        # unify_dictionaries follows indices behind nulls, too: they must be places in the list.
        indices = pa.Array.from_buffers(
            pa.int32(),
            len(values),
            [indices.buffers()[0], pa.py_buffer(np.maximum(values, 0).astype("i4"))],
        )
    # They are within the list: looking again at each would take as long as all the rest.
    return pa.DictionaryArray.from_arrays(indices, words, safe=False)


def words_of(values: Any, word: Callable[[int], str | None]) -> Any:
    """Numbers below 2^17 or so as text: each that occurs is looked up once; None: null."""
    import numpy as np
    import pyarrow as pa

    there = np.zeros(max(int(values.max(initial=-1)), 0) + 2, bool)  # the last one is -1's
    there[values] = True
    there[-1] = False
    named = [(value, word(value)) for value in np.flatnonzero(there).tolist()]
    named = [(value, text) for value, text in named if text is not None]
    place = np.full(len(there), -1, "i8")
    place[[value for value, _ in named]] = np.arange(len(named))
    words = pa.array([text for _, text in named], pa.string())
    return coded(place[values], words)
