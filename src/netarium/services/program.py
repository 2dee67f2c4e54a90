"""A user's program in the event loop: its output arrives in calls, its input may push back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import termios
from collections.abc import Callable

from netarium.services.login import Program, resize

__all__ = ["RunningProgram"]

_READ_SIZE = 1 << 18
#: Input that the program has not taken: above the first, ask for no more; below the second, do.
_HIGH_WATER = 1 << 18
_LOW_WATER = 1 << 16


class RunningProgram:
    """Moves bytes between a program and whoever serves it, until both sides have ended.

    Args:
        program: just started; this object closes its descriptors and reaps it.
        on_output: called with each piece of output, and whether it came from the
            error stream.
        on_exit: called once, with the exit code, when the program has exited and
            all that it (or a child that kept its output open) wrote has been handed over.
        on_pressure: called with True when no more input should come, False when it may.
        on_silent: called when the program has closed its output, at the latest before on_exit.
    """

    def __init__(
        self,
        program: Program,
        *,
        on_output: Callable[[bytes, bool], None],
        on_exit: Callable[[int], None],
        on_pressure: Callable[[bool], None],
        on_silent: Callable[[], None] = lambda: None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._program = program
        self._on_output = on_output
        self._on_exit = on_exit
        self._on_pressure = on_pressure
        self._on_silent = on_silent
        self._code: int | None = None
        self._backlog = bytearray()
        self._input_ends = False
        self._pressed = False
        self._paused = False
        self._input: int | None = program.input
        self._outputs = {program.output: False}
        if program.errors is not None:
            self._outputs[program.errors] = True
        for descriptor in self._outputs:
            self._loop.add_reader(descriptor, self._read, descriptor)
        self._pidfd = os.pidfd_open(program.pid)
        self._loop.add_reader(self._pidfd, self._reap)

    @property
    def is_terminal(self) -> bool:
        """Whether the program sits at a terminal."""
        return self._program.terminal is not None

    def write(self, data: bytes) -> None:
        """Give the program input. What it does not take yet waits here."""
        if self._input is None or self._input_ends:
            return
        waiting = bool(self._backlog)
        self._backlog += data
        if waiting:
            self._press()
        else:
            self._write()

    def write_eof(self) -> None:
        """No more input will come."""
        if self._input_ends or self._input is None:
            return
        if self.is_terminal:
            # A terminal has no end; what a person would type there says the same.
            with contextlib.suppress(termios.error):
                mode, characters = termios.tcgetattr(self._input)[3::3]
                if mode & termios.ICANON:
                    self.write(characters[termios.VEOF])
        self._input_ends = True
        if not self._backlog and not self.is_terminal:
            self._close_input()

    def pause(self) -> None:
        """Read no more output for now."""
        if not self._paused:
            self._paused = True
            for descriptor in self._outputs:
                self._loop.remove_reader(descriptor)

    def resume(self) -> None:
        """Read output again."""
        if self._paused:
            self._paused = False
            for descriptor in self._outputs:
                self._loop.add_reader(descriptor, self._read, descriptor)

    def resize(self, size: tuple[int, int, int, int]) -> None:
        """The user's window is (columns, rows, width, height) now."""
        if self.is_terminal and self._input is not None:
            resize(self._program.output, size)

    def send_signal(self, number: int) -> None:
        """Signal the program, unless it has exited."""
        if self._code is None:
            self._program.send_signal(number)

    def close(self) -> None:
        """Hang up: nobody reads or writes any more. A terminal's program hears SIGHUP."""
        self._on_exit = lambda _: None
        self._on_silent = lambda: None
        self._on_pressure = lambda _: None
        self._backlog.clear()
        for descriptor in list(self._outputs):
            self._close_output(descriptor)
        self._close_input()

    def _read(self, descriptor: int) -> None:
        try:
            data = os.read(descriptor, _READ_SIZE)
        except BlockingIOError:
            return
        except OSError:  # EIO: the last program on the terminal has closed it
            data = b""
        if data:
            self._on_output(data, self._outputs[descriptor])
        else:
            self._close_output(descriptor)

    def _close_output(self, descriptor: int) -> None:
        del self._outputs[descriptor]
        self._loop.remove_reader(descriptor)
        # A terminal stays until its program has exited: hanging up now would kill
        # one that has closed its files and is about to return its exit code.
        if not self.is_terminal:
            os.close(descriptor)
        if not self._outputs:
            self._on_silent()
            self._finish()

    def _close_input(self) -> None:
        descriptor, self._input = self._input, None
        if descriptor is None:
            return
        self._loop.remove_writer(descriptor)
        os.close(descriptor)
        if self._pressed:
            self._pressed = False
            self._on_pressure(False)

    def _write(self) -> None:
        if self._input is None:
            return
        try:
            while self._backlog:
                count = os.write(self._input, self._backlog[:_READ_SIZE])
                del self._backlog[:count]
        except BlockingIOError:
            pass
        except OSError:  # the program has closed its input: the rest is for nobody
            self._backlog.clear()
            self._input_ends = self._input_ends or not self.is_terminal
        if self._backlog:
            self._loop.add_writer(self._input, self._write)
        elif self._input_ends and not self.is_terminal:
            self._close_input()
        else:
            self._loop.remove_writer(self._input)
        # Last, as it may bring more input, or its end, at once.
        self._press()

    def _press(self) -> None:
        if not self._pressed and len(self._backlog) > _HIGH_WATER:
            self._pressed = True
            self._on_pressure(True)
        elif self._pressed and len(self._backlog) < _LOW_WATER:
            self._pressed = False
            self._on_pressure(False)

    def _reap(self) -> None:
        code = self._program.reap()
        if code is not None:
            self._code = code
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._finish()

    def _finish(self) -> None:
        if self._code is not None and not self._outputs:
            self._close_input()
            self._on_exit(self._code)
