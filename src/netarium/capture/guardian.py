"""A process that makes a capture file whole when the one that writes it is killed.

A kill can end a write in the middle. Only somebody else can then cut the file back to
where its last packet ended.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
from pathlib import Path

__all__ = ["Guardian"]

_STATE = struct.Struct("=qI")  # how much of the file is whole, and how long its path is
_ROOM = 8192  # a path has 4096 bytes at most


class Guardian:
    """Forks a process that waits for this one to die. For programs of a single thread."""

    def __init__(self) -> None:
        self._state = mmap.mmap(-1, _ROOM)
        theirs, self._ours = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            try:
                os.setsid()  # what a terminal's keys kill, it survives
                os.close(self._ours)
                os.dup2(theirs, 0)
                os.closerange(1, os.sysconf("SC_OPEN_MAX"))
                self._wait()
            finally:
                os._exit(0)
        os.close(theirs)

    def _wait(self) -> None:
        if os.read(0, 1):
            return  # all is well
        whole, length = _STATE.unpack_from(self._state)
        path = Path(os.fsdecode(self._state[_STATE.size : _STATE.size + length]))
        if length and path.stat().st_size > whole:
            os.truncate(path, whole)

    def watch(self, path: str) -> None:
        """Look after another file, of which nothing is whole yet."""
        name = os.fsencode(Path(path).resolve())
        _STATE.pack_into(self._state, 0, 0, 0)
        self._state[_STATE.size : _STATE.size + len(name)] = name
        _STATE.pack_into(self._state, 0, 0, len(name))

    def note(self, whole: int) -> None:
        """So many bytes of the file are whole now."""
        struct.pack_into("=q", self._state, 0, whole)

    def close(self) -> None:
        """There is nothing to look after any more. A second time changes nothing."""
        if self._ours < 0:
            return
        with contextlib.suppress(BrokenPipeError):
            os.write(self._ours, b".")
        os.close(self._ours)
        self._ours = -1
        os.waitpid(self._process, 0)
        self._state.close()
