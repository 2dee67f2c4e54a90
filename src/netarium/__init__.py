"""The Internet in miniature, behind glass: build networks on one Linux machine and use them.

    from netarium import Lab

    with Lab("two-hosts") as lab:
        a, b = lab.node("a", "10.0.0.1/24"), lab.node("b", "10.0.0.2/24")
        lab.link(a, b)
        lab.up()
        print(a.run("ping -c1 10.0.0.2").stdout)

Importing this package costs next to nothing: each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netarium.errors import LabFileError, MachineError, NetariumError, NotFoundError
    from netarium.runtime.live import Lab, Node
    from netarium.runtime.up import AlreadyRunningError, LabFailedError

_HOMES = {
    "AlreadyRunningError": "runtime.up",
    "Lab": "runtime.live",
    "LabFailedError": "runtime.up",
    "LabFileError": "errors",
    "MachineError": "errors",
    "NetariumError": "errors",
    "Node": "runtime.live",
    "NotFoundError": "errors",
}

__all__ = [
    "AlreadyRunningError",
    "Lab",
    "LabFailedError",
    "LabFileError",
    "MachineError",
    "NetariumError",
    "Node",
    "NotFoundError",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"netarium.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'netarium' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
