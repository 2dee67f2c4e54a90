"""Lab files: the user's and those that ship."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from netarium.errors import LabFileError, NotFoundError
from netarium.model.declaration import LabDeclaration
from netarium.model.faults import Faults, nearest
from netarium.model.lab import Lab

__all__ = [
    "declaration_of",
    "find",
    "load",
    "load_shipped",
    "loads",
    "locate",
    "shipped",
    "stem",
    "text_of",
]

_SHIPPED = Path(__file__).parent.parent / "labs"
_MAX_BYTES = 16 * 1024 * 1024


def load(path: str | Path) -> Lab:
    """The lab in a file; ``-`` reads standard input.

    Raises:
        LabFileError: it is not valid; the error lists every fault.
        NotFoundError: there is no such file, or it cannot be read.
    """
    if str(path) == "-":
        return loads(sys.stdin.buffer.read(_MAX_BYTES + 1), file="-")
    path = Path(path)
    return loads(text_of(path), file=str(path), name=stem(path), directory=path.parent)


def text_of(path: Path) -> bytes:
    """What a file holds, as far as a lab file may be long.

    Raises:
        NotFoundError: there is no such file, or it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise NotFoundError(
            f"cannot read the lab file {path}: {reason}",
            "give the path of a lab file, or a name from netarium labs",
        ) from None


def stem(path: Path) -> str:
    """A lab's name by its file's: what a name may not hold becomes -."""
    found = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem.removesuffix(".lab"))
    return found.lstrip("-._")[:63] or "lab"


def loads(
    text: str | bytes, *, file: str | None = None, name: str = "lab", directory: Path | None = None
) -> Lab:
    """The lab in a text. ``file`` is for messages; ``directory`` is what mounts are relative to.

    Raises:
        LabFileError: it is not valid; the error lists every fault.
    """
    from netarium.model.resolving import resolve

    faults = Faults(file)
    declared = declaration_of(text, faults)
    return resolve(declared, faults, name=name, directory=directory)


def declaration_of(text: str | bytes, faults: Faults) -> LabDeclaration:
    """What a text declares, as far as it can be understood; the rest is in ``faults``.

    Raises:
        LabFileError: nothing of it can be understood.
    """
    from netarium.model.checking import check
    from netarium.model.reading import read

    document = read(text, faults)
    if document is None:
        faults.check()
        raise LabFileError("not a lab file")
    declared: LabDeclaration | None = check(document.data, LabDeclaration, faults)
    if declared is None:
        faults.check()
        raise LabFileError("not a lab file")
    return declared


def shipped() -> list[tuple[str, str]]:
    """The labs that ship, by name: (name, description)."""
    found = []
    for path in (_SHIPPED / f"{name}.yaml" for name in _names()):
        lab = declaration_of(path.read_bytes(), Faults(str(path)))
        found.append((path.stem, lab.description or ""))
    return found


def load_shipped(name: str) -> Lab:
    """A lab that ships, by its name.

    Raises:
        NotFoundError: none has that name.
    """
    names = _names()
    if name not in names:
        raise NotFoundError(f"no lab has the name {name}", _cure(name, names))
    return load(_SHIPPED / f"{name}.yaml")


def find(name_or_path: str) -> Lab:
    """A lab that ships, by name, or the lab in a file, by path (``-``: standard input).

    Raises:
        LabFileError: the file is not valid.
        NotFoundError: there is neither; the cure names the nearest.
    """
    return load("-" if name_or_path == "-" else locate(name_or_path))


def locate(name_or_path: str) -> Path:
    """The file of a lab that ships, or the file itself. A name that ships goes before a file.

    Raises:
        NotFoundError: there is neither; the cure names the nearest.
    """
    names = _names()
    if name_or_path in names:
        return _SHIPPED / f"{name_or_path}.yaml"
    path = Path(name_or_path)
    if os.path.isfile(name_or_path):  # noqa: PTH113 - a name with a zero byte is no file
        return path
    if "/" in name_or_path or path.suffix in (".yaml", ".yml"):
        near = nearest(path.name, _lab_files(path.parent))
        cure = f"did you mean {path.parent / near}?" if near else "check the path"
        raise NotFoundError(f"there is no lab file {name_or_path}", cure)
    raise NotFoundError(f"no lab has the name {name_or_path}", _cure(name_or_path, names))


def _names() -> list[str]:
    return [path.stem for path in sorted(_SHIPPED.glob("*.yaml"))]


def _lab_files(directory: Path) -> list[str]:
    try:
        return [p.name for p in directory.iterdir() if p.suffix in (".yaml", ".yml")]
    except OSError:
        return []


def _cure(name: str, names: list[str]) -> str:
    near = nearest(name, names)
    known = f"the labs that ship are {', '.join(names)}; a file needs its path"
    return f"did you mean {near}? {known[0].upper()}{known[1:]}" if near else known
