"""Somebody at a terminal: runs a client on a pseudo-terminal, types, and reads what it shows."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time


class Typist:
    """A context manager; ``expect`` fails the test after a while without the text."""

    def __init__(self, *command: str, columns: int = 80, rows: int = 24) -> None:
        self._command = command
        self._size = (columns, rows)
        self.screen = ""
        self.code: int | None = None

    def __enter__(self) -> "Typist":
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.environ["TERM"] = "xterm"
            time.sleep(0.05)  # until the window has its size
            os.execvp(self._command[0], self._command)
        self.resize(*self._size)
        return self

    def __exit__(self, *_: object) -> None:
        if self.code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._terminal)

    def type(self, text: str) -> None:
        """Press these keys, after forgetting what the screen showed so far."""
        self.screen = ""
        os.write(self._terminal, text.encode())

    def resize(self, columns: int, rows: int) -> None:
        size = struct.pack("=4H", rows, columns, 0, 0)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, size)

    def expect(self, text: str, seconds: float = 10) -> str:
        """Wait until the screen shows the text; all that it shows then."""
        end = time.monotonic() + seconds
        while text not in self.screen:
            left = end - time.monotonic()
            assert left > 0 and self._read(left), f"no {text!r} in {self.screen!r}"
        return self.screen

    def finish(self, seconds: float = 10) -> int:
        """Wait for the client to end by itself; its exit code."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and self._read(left):
            pass
        assert left > 0, f"still running: {self.screen!r}"
        _, status = os.waitpid(self._pid, 0)
        self.code = os.waitstatus_to_exitcode(status)
        return self.code

    def _read(self, seconds: float) -> bool:
        if not select.select([self._terminal], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self._terminal, 65536)
        except OSError:
            return False
        self.screen += data.decode(errors="replace")
        return bool(data)
