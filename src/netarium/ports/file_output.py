"""Writing whole pieces to a file, however little of them one write takes."""

from __future__ import annotations

import select
from typing import BinaryIO

from netarium.errors import NetariumError

__all__ = ["write_whole"]


def write_whole(file: BinaryIO, data: bytes | bytearray | memoryview) -> None:
    """Write all of ``data``, in one write where the file takes it.

    Raises:
        BrokenPipeError: the reader of a pipe has gone.
        NetariumError: the disk is full, or the file cannot be written to.
    """
    rest = memoryview(data)
    while rest:
        try:
            taken = file.write(rest)
        except BrokenPipeError:
            raise
        except OSError as error:
            name = getattr(file, "name", "the file")
            why = error.strerror or str(error)
            raise NetariumError(f"{name} cannot be written: {why}") from None
        if taken is None:  # a pipe that is full, and not to be waited for
            select.select((), (file,), ())
        else:  # less than all where a signal comes, or a disk fills up
            rest = rest[taken:]
