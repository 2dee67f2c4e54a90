"""Recording and reading packets: to file, to text, to columns, to SQL.

    import netarium.capture

    for packet in netarium.capture.live("h1:eth0", filter="tcp port 5000"):
        print(packet)

Each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netarium.capture.asking import query, table
    from netarium.capture.incoming import columns, live
    from netarium.capture.pictures import Picture, draw, ladder
    from netarium.capture.reading import batches, read
    from netarium.capture.writing import write

_HOMES = {
    "Picture": "pictures",
    "batches": "reading",
    "columns": "incoming",
    "draw": "pictures",
    "ladder": "pictures",
    "live": "incoming",
    "query": "asking",
    "read": "reading",
    "table": "asking",
    "write": "writing",
}

__all__ = [
    "Picture",
    "batches",
    "columns",
    "draw",
    "ladder",
    "live",
    "query",
    "read",
    "table",
    "write",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(f"netarium.capture.{_HOMES[name]}"), name)
        # Importing a module puts it here under its own name, which may be the function's.
        globals()[name] = value
        return value
    raise AttributeError(f"module 'netarium.capture' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
