"""The one family of exceptions, and the exit code that each gives the command line.

NetariumError          1   something failed; the message says what and what to do
├── UsageError         2   the command line was wrong
├── LabFileError       3   a lab file (or a lab made in Python) is not valid
├── NotFoundError      4   no such lab, node, service or file
└── MachineError       5   this machine cannot do it: a missing tool, kernel feature or right
"""

from __future__ import annotations

from typing import Any

__all__ = ["LabFileError", "MachineError", "NetariumError", "NotFoundError", "UsageError"]


class NetariumError(Exception):
    """Something that a person can act on: what failed, and the cure.

    Args:
        what: one sentence that says what is wrong, where, and why.
        cure: what would put it right, as an instruction; empty where there is none.
    """

    exit_code = 1

    def __init__(self, what: str, cure: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.what}\n  {self.cure}" if self.cure else self.what


class UsageError(NetariumError):
    """The command line was wrong."""

    exit_code = 2


class LabFileError(NetariumError):
    """A lab file, or a lab made in Python, is not valid.

    Args:
        faults: everything that is wrong with it, as ``netarium.model.faults.Fault``:
            (file, line, field, problem, cure). The text lists them, one a line.
    """

    exit_code = 3

    def __init__(self, what: str, cure: str = "", faults: tuple[Any, ...] = ()) -> None:
        super().__init__(what, cure)
        self.faults = faults


class NotFoundError(NetariumError):
    """No such lab, node, service or file."""

    exit_code = 4


class MachineError(NetariumError):
    """The machine cannot do it: a missing tool, kernel feature or right."""

    exit_code = 5
