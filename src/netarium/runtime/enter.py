"""Run one program inside a node, as if it had been started there.

``enter`` needs a process of its own with a single thread: it forks and runs on, and takes
over its signals. The command line is such a process;
``netarium.runtime.run`` starts this file as one for everybody else.

Who may touch what: the calling process stays outside and only waits, forwards signals
and moves a terminal's bytes. A *minder* joins the node's PID namespace and collects the
program. The program's process closes every descriptor but the standard ones before it joins, makes
itself unreadable for the node's processes until it executes the program, gives up
all rights beyond a node's before it opens the first file in there, and imports
nothing meanwhile: a module found inside a node would be the node's own code.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import struct
import sys

from netarium.errors import NetariumError, NotFoundError
from netarium.runtime import kernel

__all__ = ["Entry", "become_unreadable", "enter", "main", "split_failure"]

_DEFAULT_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

#: Exit codes that shells use: found but not executable, not found.
NOT_EXECUTABLE, NOT_FOUND = 126, 127

_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_BLOCKED = (*_FORWARDED, signal.SIGWINCH, signal.SIGTSTP, signal.SIGCONT, signal.SIGUSR1)
_PR_SET_DUMPABLE = 4
_NUMBER = struct.Struct("=i")
_FAILED = "failed"
_NOT_RUN = "not-run"


class Entry:
    """What to run, and where.

    Attributes:
        node: the node's name, for messages.
        pidfd: a pidfd of the node's first process.
        rootless: whether the lab lives in a user namespace, which must be joined too.
        argv: the program (looked up in the node's PATH) and its arguments.
        environment: all of it, but for HOME, USER, LOGNAME and SHELL, which come from
            the account unless they are given here.
        user: an account of the node, or a number.
        directory: where to start; None for the account's home.
        login: start the program as a login shell (argv[0] begins with a dash).
    """

    __slots__ = (
        "argv",
        "directory",
        "environment",
        "login",
        "node",
        "pidfd",
        "rootless",
        "user",
    )

    def __init__(
        self,
        node: str,
        pidfd: int,
        rootless: bool,
        argv: list[str],
        environment: dict[str, str],
        user: str = "root",
        directory: str | None = None,
        login: bool = False,
    ) -> None:
        self.node = node
        self.pidfd = pidfd
        self.rootless = rootless
        self.argv = argv
        self.environment = environment
        self.user = user
        self.directory = directory
        self.login = login


class _Account:
    """A line of the node's /etc/passwd, with the groups that list it."""

    def __init__(self, name: str, uid: int, gid: int, home: str, shell: str) -> None:
        self.name, self.uid, self.gid, self.home, self.shell = name, uid, gid, home, shell
        self.groups: list[int] = [gid]


def enter(entry: Entry, *, terminal: bool = False) -> int:
    """Run the entry's program with this process's standard streams; give its exit code.

    SIGINT, SIGTERM, SIGHUP and SIGQUIT go on to the program's process group; SIGUSR1
    kills that group. With ``terminal`` the program gets a terminal of the node's own,
    joined to this process's. The program is killed when this process dies.

    Returns:
        The program's exit code, 128 + n where signal n ended it, 127 where it was not
        found and 126 where it could not be executed (said on stderr).

    Raises:
        NotFoundError: no such user or directory in the node, or the node is gone.
        NetariumError: anything else that kept the program from starting.
    """
    report_read, report_write = os.pipe()
    news_read, news_write = os.pipe()
    joint: tuple[int, int] | None = None
    if terminal:
        from netarium.runtime import terminal as terminals  # only here: it costs its imports

        joint = terminals.joint()
    mask = {int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, _BLOCKED)}
    caller = os.getpid()
    minder = os.fork()
    if minder == 0:
        try:
            _mind(entry, caller, report_write, news_write, joint[1] if joint else None, mask)
        finally:
            os._exit(1)  # never reached: _mind exits
    os.close(report_write)
    os.close(news_write)
    master: int | None = None
    if joint:
        os.close(joint[1])
        master = terminals.receive(joint[0])
    try:
        failure = _read_all(report_read)
        if failure:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            return _explain(entry, failure)
        signals = _Signals(_number(news_read))
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if master is not None:
            terminals.proxy(master, news_read, signals.fd, signals.pass_on)
        else:
            while not _readable(news_read, signals.fd):
                signals.pass_on()
        code = os.waitstatus_to_exitcode(_number(news_read))
    finally:
        os.close(report_read)
        os.close(news_read)
        os.waitpid(minder, 0)
    return code if code >= 0 else 128 - code


def _mind(
    entry: Entry, caller: int, report: int, news: int, joint: int | None, mask: set[int]
) -> None:
    """Start the program, tell its process id and later its wait status, and exit.

    This process between the caller and the program is there to collect the program
    whatever the caller does: a node ends only when its last process is collected, and
    the caller may be stopped (Ctrl-Z).
    """
    joined = kernel.CLONE_NEWPID | (kernel.CLONE_NEWUSER if entry.rootless else 0)
    try:
        os.setsid()  # out of reach of the terminal's Ctrl-Z
        kernel.setns(entry.pidfd, joined)
        kernel.die_with_parent(caller)  # after setns, which may clear it
        child = os.fork()
    except OSError as error:
        gone = isinstance(error, ProcessLookupError)
        what = f"cannot enter node {entry.node}: {error.strerror}"
        if gone:
            what = f"node {entry.node} is no longer running"
        lines = (_FAILED, "not-found" if gone else "failed", what)
        os.write(report, "\n".join(lines).encode())
        os._exit(1)
    if child == 0:
        try:
            _become(entry, report, joint, mask)
        finally:
            os._exit(1)  # never reached: _become executes the program or exits
    os.write(news, _NUMBER.pack(child))
    _keep_only(news)
    os.write(news, _NUMBER.pack(os.waitpid(child, 0)[1]))
    os._exit(0)


def _number(news: int) -> int:
    """The next number that the minder tells; the status of a killed process where it is gone."""
    data = os.read(news, _NUMBER.size)
    return int(_NUMBER.unpack(data)[0]) if data else int(signal.SIGKILL)


def _read_all(fd: int) -> bytes:
    found = bytearray()
    while chunk := os.read(fd, 65536):
        found += chunk
    return bytes(found)


def _readable(fd: int, other: int) -> bool:
    """Wait until one of the two is readable; whether ``fd`` is."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    poll.register(other, select.POLLIN)
    return any(ready == fd for ready, _ in poll.poll())


class _Signals:
    """Signals of the calling process as a descriptor to wait for, so that none slips by.

    Attributes:
        fd: readable when signals have come.
    """

    def __init__(self, child: int) -> None:
        self._child = child
        self.fd, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in _BLOCKED:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup leaves SIGHUP
                signal.signal(number, lambda *_: None)

    def pass_on(self) -> bytes:
        """Send what has come on to the program's process group; the signals' numbers."""
        numbers = os.read(self.fd, 512)
        for number in numbers:
            if number == signal.SIGTSTP:
                self._send(signal.SIGSTOP)
                os.kill(os.getpid(), signal.SIGSTOP)
            elif number != signal.SIGWINCH:
                self._send(signal.SIGKILL if number == signal.SIGUSR1 else number)
        return numbers

    def _send(self, number: int) -> None:
        try:
            os.killpg(self._child, number)
        except OSError:
            pass  # it has just ended, or changed to a user that only root may signal


def split_failure(text: str) -> NetariumError:
    """Make an exception from ``kind``, what and cure, as a child writes them, a line each."""
    kind, what, cure = (*text.split("\n", 2), "", "")[:3]
    return (NotFoundError if kind == "not-found" else NetariumError)(what, cure)


def _explain(entry: Entry, failure: bytes) -> int:
    kind, _, rest = failure.decode(errors="replace").partition("\n")
    if kind == _NOT_RUN:
        code, _, why = rest.partition("\n")
        print(f"netarium: {entry.node}: {why}", file=sys.stderr)
        return int(code)
    raise split_failure(rest)


# -- the child ---------------------------------------------------------------------------------


def become_unreadable() -> None:
    """Hide memory and descriptors from ptrace and /proc until the next execve (PR_SET_DUMPABLE)."""
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _become(entry: Entry, report: int, joint: int | None, mask: set[int]) -> None:
    """Turn this freshly forked process into the entry's program; report why where it cannot."""

    def fail(*lines: str) -> None:
        os.write(report, "\n".join(lines).encode(errors="surrogateescape"))
        os._exit(1)

    try:
        become_unreadable()
        _keep_only(report, entry.pidfd, *([] if joint is None else [joint]))
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        kernel.setns(
            entry.pidfd,
            kernel.CLONE_NEWNS | kernel.CLONE_NEWNET | kernel.CLONE_NEWUTS | kernel.CLONE_NEWIPC,
        )
        os.close(entry.pidfd)
        kernel.limit_capabilities()
        os.umask(0o022)
        account = _account(entry.user)
        if account is None:
            fail(_FAILED, "not-found", f"node {entry.node} has no account {entry.user!r}")
            return
        if joint is not None:
            from_terminal = sys.modules["netarium.runtime.terminal"]
            from_terminal.adopt(joint, account.uid)
        try:
            _switch(account)
        except OSError as error:
            what = f"node {entry.node} cannot switch to account {account.name}: {error.strerror}"
            cure = "a rootless lab has no other ids than root's" if entry.rootless else ""
            fail(_FAILED, "failed", what, cure)
        # Set last: a change of user clears it (prctl(2), PR_SET_PDEATHSIG).
        kernel.die_with_parent(0)
        directory = entry.directory
        try:
            os.chdir(account.home if directory is None else directory)
        except OSError as error:
            if directory is not None:
                where = f"node {entry.node} has no directory {directory}"
                fail(_FAILED, "not-found", f"{where}: {error.strerror}")
            os.chdir("/")
        environment = {
            "HOME": account.home,
            "USER": account.name,
            "LOGNAME": account.name,
            "SHELL": account.shell,
        } | entry.environment
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        program = entry.argv[0]
        arguments = entry.argv
        if entry.login:
            program = program or account.shell
            arguments = ["-" + program.rsplit("/", 1)[-1], *entry.argv[1:]]
        code, why = _execute(program, arguments, environment)
        fail(_NOT_RUN, str(code), why)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        fail(_FAILED, "failed", f"cannot enter node {entry.node}{where}: {error.strerror}")
    except BaseException as error:
        fail(_FAILED, "failed", f"cannot enter node {entry.node}: {error!r}")


def _keep_only(*kept: int) -> None:
    low = 3
    for fd in sorted(kept):
        if fd >= low:
            os.closerange(low, fd)
            low = fd + 1
    os.closerange(low, 0x7FFFFFFF)
    for fd in kept:
        os.set_inheritable(fd, False)


def _lines(path: str) -> list[list[str]]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return []
    try:
        text = os.read(fd, 1 << 20).decode(errors="replace")
    finally:
        os.close(fd)
    return [line.split(":") for line in text.splitlines()]


def _account(user: str) -> _Account | None:
    """Look an account up by hand: the C library would load the node's own NSS modules."""
    wanted = _lines("/etc/passwd")
    found: _Account | None = None
    for line in wanted:
        if len(line) == 7 and user in (line[0], line[2]) and line[2].isdigit():
            shell = line[6] or "/bin/sh"
            found = _Account(line[0], int(line[2]), int(line[3]), line[5] or "/", shell)
            break
    if found is None:
        if not user.isdigit():
            return None
        return _Account(user, int(user), int(user), "/", "/bin/sh")
    for line in _lines("/etc/group"):
        if len(line) == 4 and line[2].isdigit() and found.name in line[3].split(","):
            found.groups.append(int(line[2]))
    return found


def _switch(account: _Account) -> None:
    try:
        os.setgroups(account.groups)
    except PermissionError:
        # Where one id is mapped the kernel refuses setgroups altogether (user_namespaces(7)).
        if _lines("/proc/self/setgroups") != [["deny"]]:
            raise
    os.setresgid(account.gid, account.gid, account.gid)
    os.setresuid(account.uid, account.uid, account.uid)
    become_unreadable()  # a change of user makes a process readable again


def _execute(program: str, argv: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Execute the program as a shell would find it; give the exit code and why where it cannot."""
    if "/" in program:
        candidates = [program]
    else:
        path = environment.get("PATH", _DEFAULT_PATH)
        candidates = [f"{directory or '.'}/{program}" for directory in path.split(":")]
    refused = ""
    for candidate in candidates:
        try:
            os.execve(candidate, argv, environment)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            if _is_directory(candidate):
                if "/" in program:
                    return NOT_EXECUTABLE, f"{candidate}: is a directory"
                continue
            refused = refused or f"{candidate}: {error.strerror}"
    if refused:
        return NOT_EXECUTABLE, refused
    return NOT_FOUND, f"{program}: no such program"


def _is_directory(path: str) -> bool:
    try:
        return os.stat(path).st_mode & 0o170000 == 0o040000
    except OSError:
        return False


# -- a process of its own ----------------------------------------------------------------------


def main(specification: int) -> int:
    """Enter as a marshalled mapping of ``Entry``'s arguments, in that descriptor, says.

    marshal, since both ends are the same interpreter and json would cost milliseconds. A
    failure before the program ran is written back to the descriptor, for the caller to raise.
    """
    import marshal

    size = os.fstat(specification).st_size
    entry = Entry(**marshal.loads(os.pread(specification, size, 0)))
    try:
        return enter(entry)
    except NetariumError as error:
        kind = "not-found" if isinstance(error, NotFoundError) else "failed"
        os.ftruncate(specification, 0)
        os.pwrite(specification, f"{kind}\n{error.what}\n{error.cure}".encode(), 0)
        return error.exit_code
