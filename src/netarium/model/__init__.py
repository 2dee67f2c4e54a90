"""What a network is: Lab, Node, Interface, Link, Service as data; lab files; validation.

Importing this room costs next to nothing: each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netarium.model.builder import LabBuilder, NodeHandle
    from netarium.model.files import find, load, load_shipped, loads, shipped
    from netarium.model.json_schema import reference, schema
    from netarium.model.lab import (
        Account,
        End,
        Interface,
        Lab,
        Link,
        Mount,
        Nat,
        Node,
        Route,
        Service,
    )
    from netarium.model.mounting import with_mounts
    from netarium.model.naming import names, public_addresses, reverse_names
    from netarium.model.resolving import resolve
    from netarium.model.writing import dump

_HOMES = {
    "Account": "lab",
    "End": "lab",
    "Interface": "lab",
    "Lab": "lab",
    "LabBuilder": "builder",
    "Link": "lab",
    "Mount": "lab",
    "Nat": "lab",
    "Node": "lab",
    "NodeHandle": "builder",
    "Route": "lab",
    "Service": "lab",
    "dump": "writing",
    "find": "files",
    "load": "files",
    "load_shipped": "files",
    "loads": "files",
    "names": "naming",
    "public_addresses": "naming",
    "reference": "json_schema",
    "resolve": "resolving",
    "reverse_names": "naming",
    "schema": "json_schema",
    "shipped": "files",
    "with_mounts": "mounting",
}

__all__ = [
    "Account",
    "End",
    "Interface",
    "Lab",
    "LabBuilder",
    "Link",
    "Mount",
    "Nat",
    "Node",
    "NodeHandle",
    "Route",
    "Service",
    "dump",
    "find",
    "load",
    "load_shipped",
    "loads",
    "names",
    "public_addresses",
    "reference",
    "resolve",
    "reverse_names",
    "schema",
    "shipped",
    "with_mounts",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
