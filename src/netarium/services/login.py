"""Starting what a user asked for at login: a shell, a command or a server of ours, as that user."""

from __future__ import annotations

import contextlib
import fcntl
import hmac
import os
import signal
import struct
import subprocess
import termios
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netarium.model.lab import Account

__all__ = [
    "Program",
    "Terminal",
    "account_named",
    "check_password",
    "give",
    "resize",
    "start",
    "start_own",
]

#: Larger than the kernel's 64 KiB, so that a big file goes through in few system calls.
_PIPE_SIZE = 1 << 18
# asyncssh computes key exchanges in threads. The children here touch nothing that those hold:
# from Python 3.12 on, fork warns of it.
warnings.filterwarnings("ignore", r".*multi-threaded, use of f", DeprecationWarning)

_NOBODY_PASSWORD = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Terminal:
    """The terminal that the user sits at.

    Attributes:
        kind: what TERM is to be.
        size: (columns, rows, width, height), the last two in pixels; 0 where unknown.
        variable: the environment variable that is to tell its path; none for "".
        prepare: called with the terminal's descriptor before the program starts.
    """

    kind: str
    size: tuple[int, int, int, int] = (80, 24, 0, 0)
    variable: str = ""
    prepare: Callable[[int], None] | None = None


@dataclass
class Program:
    """A program that has been started; whoever holds it closes the descriptors and reaps it.

    Attributes:
        pid: its process, the leader of its own session and process group.
        input, output, errors: our ends, non-blocking. On a terminal the first two
            are the same descriptor (the master side) and there are no errors.
        terminal: the path of its terminal, None where it has pipes.
    """

    pid: int
    input: int
    output: int
    errors: int | None
    terminal: str | None
    popen: subprocess.Popen[bytes] | None = None

    def reap(self) -> int | None:
        """Its exit code once it has exited (minus the signal's number where one killed it)."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            return None
        code = os.waitstatus_to_exitcode(status)
        if self.popen is not None:
            self.popen.returncode = code  # or Popen would look for the process again
        return code

    def send_signal(self, number: int) -> None:
        """Signal its process group; on a terminal the one in the foreground."""
        group = self.pid
        if self.terminal is not None:
            with contextlib.suppress(OSError):
                group = os.tcgetpgrp(self.output) or self.pid
        with contextlib.suppress(OSError):
            os.killpg(group, number)


def account_named(accounts: Iterable[Account], name: str) -> Account | None:
    """The account of that name, None where there is none."""
    return next((account for account in accounts if account.name == name), None)


def check_password(accounts: Iterable[Account], name: str, password: str) -> Account | None:
    """The account that this name and password open, in time that tells nothing about either."""
    account = account_named(accounts, name)
    expected = account.password if account else _NOBODY_PASSWORD
    matches = hmac.compare_digest(expected.encode(), password.encode(errors="surrogateescape"))
    return account if matches and account else None


def start(
    account: Account,
    command: str | None,
    environment: Mapping[str, str],
    terminal: Terminal | None = None,
) -> Program:
    """Run ``command`` with the account's shell, or the shell itself as a login shell.

    Raises:
        OSError: the shell cannot be started; ``filename`` says which.
    """
    name = Path(account.shell).name
    argv = [f"-{name}"] if command is None else [name, "-c", command]
    options: dict[str, Any] = {
        "executable": account.shell,
        "cwd": _home(account),
        "start_new_session": True,
        "umask": 0o022,
        **_identity(account),
    }
    if terminal is None:
        popen = subprocess.Popen(
            argv,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            pipesize=_PIPE_SIZE,
            **options,
        )
        assert popen.stdin and popen.stdout and popen.stderr
        # The descriptors outlive Popen's file objects, which would close them when collected.
        ends = [os.dup(end.fileno()) for end in (popen.stdin, popen.stdout, popen.stderr)]
        for end in (popen.stdin, popen.stdout, popen.stderr):
            end.close()
        for descriptor in ends:
            os.set_blocking(descriptor, False)
        return Program(popen.pid, ends[0], ends[1], ends[2], None, popen)
    return _start_on_terminal(argv, account, environment, terminal, options)


def _start_on_terminal(
    argv: list[str],
    account: Account,
    environment: Mapping[str, str],
    terminal: Terminal,
    options: Mapping[str, Any],
) -> Program:
    master, slave = os.openpty()
    try:
        path = os.ttyname(slave)
        if account.uid != os.geteuid():
            os.chown(path, account.uid, -1)
        resize(master, terminal.size)
        if terminal.prepare is not None:
            terminal.prepare(slave)
        variables = {"TERM": terminal.kind, **environment}
        if terminal.variable:
            variables[terminal.variable] = path
        popen = subprocess.Popen(
            argv,
            env=variables,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            # Runs after setsid(2): only then can the terminal become the session's own.
            preexec_fn=_take_terminal,
            **options,
        )
    except BaseException:
        os.close(master)
        raise
    finally:
        os.close(slave)
    os.set_blocking(master, False)
    return Program(popen.pid, master, master, None, path, popen)


def start_own(
    account: Account, environment: Mapping[str, str], run: Callable[[], object]
) -> Program:
    """Fork, become the account for good, and call ``run`` with pipes as descriptors 0 and 1.

    For servers of ours that act with a user's rights. The child has changed its
    user without an exec, so the kernel makes it non-dumpable: the user cannot
    read the host key out of its memory with ptrace(2) (prctl(2), PR_SET_DUMPABLE).
    """
    # Looked up before the fork: another thread may be in the C library's name service,
    # whose locks would stay held in the child.
    identity, home = _identity(account), _home(account)
    input_read, input_write = os.pipe()
    output_read, output_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            # Other users' connections must not stay open because this child has them too.
            os.dup2(input_read, 0)
            os.dup2(output_write, 1)
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))
            os.setsid()
            os.umask(0o022)
            if identity:
                os.setgroups(identity["extra_groups"])
                os.setgid(identity["group"])
                os.setuid(identity["user"])
            try:
                os.chdir(home)
            except OSError:
                os.chdir("/")
            os.environ.clear()
            os.environ.update(environment)
            run()
            code = 0
        finally:
            os._exit(code)
    os.close(input_read)
    os.close(output_write)
    for descriptor in (input_write, output_read):
        os.set_blocking(descriptor, False)
        with contextlib.suppress(OSError):  # a user's sum of pipe sizes is limited
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
    return Program(pid, input_write, output_read, None, None)


def give(path: Path, account: Account) -> None:
    """Make the account the owner of a file that this process made for it."""
    if account.uid != os.geteuid():
        os.chown(path, account.uid, account.gid)


def resize(terminal: int, size: tuple[int, int, int, int]) -> None:
    """Tell a terminal its (columns, rows, width, height); its foreground group hears SIGWINCH."""
    columns, rows, width, height = (min(max(value, 0), 0xFFFF) for value in size)
    window = struct.pack("=4H", rows, columns, width, height)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, window)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _home(account: Account) -> str:
    return account.home if Path(account.home).is_dir() else "/"


def _identity(account: Account) -> dict[str, Any]:
    """Popen's arguments that make a child the account; none where this process is it already."""
    if account.uid == os.geteuid():
        return {}
    try:
        groups = os.getgrouplist(account.name, account.gid)
    except OSError:
        groups = [account.gid]
    return {"user": account.uid, "group": account.gid, "extra_groups": groups}
