"""Pictures on disk: a drawing saved as SVG, PDF or PNG, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from netarium.errors import NetariumError
from netarium.wire.drawing.output import picture_format, render

__all__ = ["save"]


def save(svg: str, path: str | Path) -> None:
    """Save a drawing as what the path's suffix says: ``.svg``, ``.pdf`` or ``.png``.

    The file is there whole or as it was before. UsageError for another suffix,
    NetariumError where it cannot be written.
    """
    target = Path(path)
    picture = render(svg, picture_format(str(path)))
    try:
        if target.exists() and not target.is_file():  # /dev/stdout, a named pipe
            target.write_bytes(picture)
            return
        made, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(made, "wb") as file:
                file.write(picture)
                os.fchmod(file.fileno(), _mode(target))
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise NetariumError(
            f"cannot write {str(path)!r}: {(error.strerror or str(error)).lower()}",
            "Name a file in a folder that exists and that you may write to.",
        ) from None


def _mode(target: Path) -> int:
    """The rights of a file that is replaced, else those that the shell would give a new one."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
