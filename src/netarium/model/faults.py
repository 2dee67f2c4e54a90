"""What is wrong with a lab: each fault with its place and cure, all gathered before raising."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from netarium.errors import LabFileError

__all__ = ["Fault", "Faults", "Marks", "Path", "field_text", "nearest"]

#: Where a value stands in a lab: keys and list positions from the top.
Path = tuple[str | int, ...]


class Fault(NamedTuple):
    """One thing that is wrong.

    ``file`` and ``line`` (from 1) are None for a lab made in Python; ``field`` is
    empty where the fault is the file's as a whole.
    """

    file: str | None
    line: int | None
    field: str
    problem: str
    cure: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.file and self.line else ""
        if self.file and not self.line:
            place = f"{self.file}: "
        field = f"{self.field}: " if self.field else ""
        cure = f"; {self.cure}" if self.cure else ""
        return f"{place}{field}{self.problem}{cure}"


class Marks(Protocol):
    """Knows the line on which each value of a file stands."""

    def line(self, path: Path) -> int | None:
        """The line (from 1) of the value at ``path``, or of what encloses it."""


class Faults:
    """Gathers the faults of one lab; ``check`` raises them all together."""

    def __init__(self, file: str | None = None, marks: Marks | None = None) -> None:
        self.file = file
        self.marks = marks
        self._found: list[tuple[Path, Fault]] = []
        self._seen: set[tuple[str, str]] = set()

    def add(self, path: Path, problem: str, cure: str = "", *, line: int | None = None) -> None:
        """Note a fault at ``path``. The same fault at the same place is noted once."""
        field = field_text(path)
        if (field, problem) in self._seen:
            return
        self._seen.add((field, problem))
        if line is None and self.marks is not None:
            line = self.marks.line(path)
        self._found.append((path, Fault(self.file, line, field, problem, cure)))

    def within(self, *path: str | int) -> bool:
        """Whether a fault was found at ``path`` or below it."""
        return any(found[: len(path)] == path for found, _ in self._found)

    def __bool__(self) -> bool:
        return bool(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def check(self) -> None:
        """Raise LabFileError with every fault, in the file's order, or do nothing."""
        if not self._found:
            return
        faults = tuple(sorted((f for _, f in self._found), key=lambda f: f.line if f.line else 0))
        raise LabFileError("\n".join(map(str, faults)), faults=faults)


def field_text(path: Path) -> str:
    """A path as people write it: ``nodes.h1.routes[0]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that ``word`` is most likely a misspelling of; None where none is near."""
    from difflib import SequenceMatcher

    matcher = SequenceMatcher(b=word.lower())
    best, best_score = None, 0.6
    for candidate in known:
        lower = candidate.lower()
        matcher.set_seq1(lower)
        score = matcher.ratio()
        if score < 0.6:
            continue
        # Two letters swapped is the commonest slip, and first letters are seldom wrong.
        score += 0.1 * (sorted(lower) == sorted(word.lower())) + 0.1 * (
            lower[:1] == word[:1].lower()
        )
        if score > best_score:
            best, best_score = candidate, score
    return best
