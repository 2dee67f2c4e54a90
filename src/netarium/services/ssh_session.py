"""One session channel of SSH (RFC 4254, section 6): a shell, a command or SFTP."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import asyncssh

from netarium.model.lab import Account
from netarium.services import login, sftp
from netarium.services.environment import environment
from netarium.services.program import RunningProgram
from netarium.services.setup import Setup
from netarium.services.terminal_modes import apply_modes

__all__ = ["Session"]

#: The signals that have a name in SSH (RFC 4254, section 6.10).
_SIGNALS = {
    "ABRT": signal.SIGABRT,
    "ALRM": signal.SIGALRM,
    "FPE": signal.SIGFPE,
    "HUP": signal.SIGHUP,
    "ILL": signal.SIGILL,
    "INT": signal.SIGINT,
    "KILL": signal.SIGKILL,
    "PIPE": signal.SIGPIPE,
    "QUIT": signal.SIGQUIT,
    "SEGV": signal.SIGSEGV,
    "TERM": signal.SIGTERM,
    "USR1": signal.SIGUSR1,
    "USR2": signal.SIGUSR2,
}
#: Output that the network has not taken: beyond it, the program's output waits in its pipe.
_SEND_BUFFER = 1 << 19
_CANNOT_START = 127  # what a shell says of a command that it cannot find


class Session(asyncssh.SSHServerSession[bytes]):
    """Joins a channel and a program.

    Args:
        setup, account: the node, and who has logged in.
        peer: SSH_CONNECTION's value: the client's address and port, then the server's.
        describe: called with a few words for the log when the session starts and ends.
    """

    def __init__(
        self, setup: Setup, account: Account, peer: str, describe: Callable[[str], None]
    ) -> None:
        self._setup = setup
        self._account = account
        self._peer = peer
        self._describe = describe
        self._channel: asyncssh.SSHServerChannel[bytes]
        self._terminal: login.Terminal | None = None
        self._command: str | None = None
        self._is_sftp = False
        self._running: RunningProgram | None = None

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        """The channel is open (asyncssh's callback, as are those below)."""
        self._channel = chan
        chan.set_write_buffer_limits(_SEND_BUFFER)

    def pty_requested(
        self,
        term_type: str,
        term_size: tuple[int, int, int, int],
        term_modes: Mapping[int, int],
    ) -> bool:
        """The client wants a terminal."""
        modes = dict(term_modes)
        size = _likely(term_size)
        self._terminal = login.Terminal(
            term_type, size, "SSH_TTY", lambda fd: apply_modes(fd, modes)
        )
        return True

    def shell_requested(self) -> bool:
        """The client wants a login shell."""
        return True

    def exec_requested(self, command: str) -> bool:
        """The client wants a command run."""
        self._command = command
        return True

    def subsystem_requested(self, subsystem: str) -> bool:
        """The client wants a subsystem; there is one."""
        self._is_sftp = subsystem == "sftp"
        return self._is_sftp

    def session_started(self) -> None:
        """All is known: start the program."""
        if self._channel.is_closing():
            return
        try:
            program = self._start()
        except OSError as error:
            reason = f"{error.filename or self._account.shell}: {error.strerror}"
            self._describe(f"cannot start a session: {reason}")
            self._channel.write_stderr(f"{reason}\n".encode())
            self._channel.exit(_CANNOT_START)
            return
        kind = "sftp" if self._is_sftp else "command" if self._command is not None else "shell"
        self._describe(f"session started: {kind}" + (" on a terminal" if program.terminal else ""))
        self._running = RunningProgram(
            program,
            on_output=self._send,
            on_exit=self._exited,
            on_pressure=self._press,
            on_silent=self._silent,
        )

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        """Input for the program."""
        if self._running:
            self._running.write(data)

    def eof_received(self) -> bool:
        """The client sends no more; the program may still."""
        if self._running:
            self._running.write_eof()
        return True

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        """The client's window has another size."""
        size = _likely((width, height, pixwidth, pixheight))
        if self._running:
            self._running.resize(size)

    def signal_received(self, signal: str) -> None:
        """The client sends a signal by its SSH name."""
        if self._running and signal in _SIGNALS:
            self._running.send_signal(_SIGNALS[signal])

    def break_received(self, msec: int) -> bool:
        """A break, which a pseudo-terminal takes and ignores."""
        return self._terminal is not None

    def pause_writing(self) -> None:
        """The network is slower than the program."""
        if self._running:
            self._running.pause()

    def resume_writing(self) -> None:
        """The network has caught up."""
        if self._running:
            self._running.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is gone; hang up on the program."""
        if self._running:
            self._running.close()
            self._running = None
            self._describe("session ended")

    def _start(self) -> login.Program:
        variables = self._environment()
        if self._is_sftp:
            return login.start_own(self._account, variables, sftp.serve_pipes)
        terminal = self._terminal
        return login.start(self._account, self._command, variables, terminal)

    def _environment(self) -> dict[str, str]:
        asked = {
            name: value
            for name, value in self._channel.get_environment().items()
            if name == "LANG" or name.startswith("LC_") or name == "COLORTERM"
        }
        server = self._peer.split()
        variables = environment(self._setup.lab, self._setup.node, self._account) | asked
        variables["SSH_CONNECTION"] = self._peer
        variables["SSH_CLIENT"] = " ".join((server[0], server[1], server[3]))
        agent = self._channel.get_agent_path()
        if agent is not None:
            # The socket was made by this process; only its new owner may use it.
            with contextlib.suppress(OSError):
                for path in (Path(agent), Path(agent).parent):
                    login.give(path, self._account)
            variables["SSH_AUTH_SOCK"] = agent
        return variables

    def _send(self, data: bytes, is_error: bool) -> None:
        with contextlib.suppress(OSError):  # the client closed the channel this moment
            if is_error:
                self._channel.write_stderr(data)
            else:
                self._channel.write(data)

    def _silent(self) -> None:
        with contextlib.suppress(OSError):
            self._channel.write_eof()

    def _press(self, full: bool) -> None:
        if full:
            self._channel.pause_reading()
        else:
            self._channel.resume_reading()

    def _exited(self, code: int) -> None:
        self._running = None
        if code >= 0:
            self._describe(f"session ended: exit code {code}")
            self._channel.exit(code)
            return
        try:
            name = signal.Signals(-code).name.removeprefix("SIG")
        except ValueError:  # a real-time signal between the two that have names
            name = f"RT{-code}"
        self._describe(f"session ended: killed by SIG{name}")
        # Other signals travel under a name of this system's own (RFC 4254, section 6.10).
        self._channel.exit_with_signal(name if name in _SIGNALS else f"{name}@netarium")


def _likely(size: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """A window of no size is a client that does not know: leave programs their usual 80 by 24."""
    return size if size[0] and size[1] else (80, 24, 0, 0)
