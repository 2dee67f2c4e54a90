"""A person at a terminal: starts a command on a pseudo-terminal, types, and reads the screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07)")


class Person:
    """Sits at the terminal. ``screen`` is all that was shown so far, escape sequences removed."""

    def __init__(self, pid: int, master: int) -> None:
        self.pid = pid
        self._master = master
        self._raw = b""
        self._seen = 0

    @property
    def screen(self) -> str:
        return _ESCAPES.sub("", self._raw.decode(errors="replace")).replace("\r", "")

    @property
    def raw(self) -> bytes:
        """All that was shown so far, as it came."""
        return self._raw

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def modes(self) -> list[object]:
        return termios.tcgetattr(self._master)

    def wait_for(self, pattern: str, timeout: float = 10) -> re.Match[str]:
        """The next match of a regular expression, after the one found last."""
        deadline = time.monotonic() + timeout
        while True:
            found = re.compile(pattern, re.MULTILINE).search(self.screen, self._seen)
            if found:
                self._seen = found.end()
                return found
            left = deadline - time.monotonic()
            if left <= 0 or not self._read(left):
                raise AssertionError(f"no {pattern!r} on the screen:\n{self.screen}")

    def _read(self, timeout: float) -> bool:
        if not select.select([self._master], [], [], timeout)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:
            return False
        self._raw += data
        return bool(data)

    def exit_code(self, timeout: float = 10) -> int:
        """Wait until the command ends; 128 + n where signal n ended it."""
        deadline = time.monotonic() + timeout
        while True:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self.pid = 0
                while self._read(0):
                    pass
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code
            if time.monotonic() > deadline:
                raise AssertionError(f"still running; the screen:\n{self.screen}")
            self._read(0.05)

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._master)


@contextmanager
def person_at(
    argv: Sequence[str],
    env: Mapping[str, str] | None = None,
    *,
    rows: int = 24,
    columns: int = 80,
    cwd: str | None = None,
) -> Iterator[Person]:
    """Start a command on a terminal of its own."""
    master, slave = pty.openpty()
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm", **(env or {})}
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for stream in (0, 1, 2):
                os.dup2(slave, stream)
            if cwd:
                os.chdir(cwd)
            os.closerange(3, 4096)
            os.execve(argv[0], list(argv), environment)
        finally:
            os._exit(127)
    os.close(slave)
    person = Person(pid, master)
    try:
        yield person
    finally:
        person.close()
