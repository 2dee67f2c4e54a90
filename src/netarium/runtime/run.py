"""Run programs in a running lab's nodes: as a Python call, or in place of this process.

Joining a PID namespace changes a process for good and must not happen beside other
threads, so ``run`` starts an interpreter of its own for it (without ``site``: 15 ms),
which makes it safe from any thread of any program.
"""

from __future__ import annotations

import marshal
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import netarium
from netarium.errors import NetariumError, NotFoundError
from netarium.model.lab import Account
from netarium.runtime.enter import Entry, enter, split_failure
from netarium.runtime.state import RunningLab
from netarium.services import environment as services

__all__ = ["environment", "exec_in", "open_node", "run", "start"]

_ACCOUNT = Account(name="", password="", uid=0, gid=0, home="")
_LAUNCH = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from netarium.runtime.enter import main; sys.exit(main(int(sys.argv[2])))"
)


def environment(
    lab: RunningLab, node: str, extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """What a program in that node finds in its environment, but for the account's variables.

    Of the caller's own environment only TERM, LANG and LC_* get in. ``extra`` wins
    over the lab file's ``environment``, and that over everything else.
    """
    ours = {
        name: value
        for name, value in os.environ.items()
        if name in ("TERM", "LANG") or name.startswith("LC_")
    }
    declared = lab.lab.node(node)
    fresh = services.environment(lab.lab, declared, _ACCOUNT)
    for name in ("HOME", "USER", "LOGNAME", "SHELL"):
        if name not in declared.environment:
            del fresh[name]  # the node's own /etc/passwd says
    return {**fresh, **ours, **declared.environment, **(extra or {})}


def open_node(lab: RunningLab, node: str) -> int:
    """A pidfd of the node's first process, which the caller closes.

    Raises:
        NotFoundError: no such node, or its first process has ended.
    """
    running = lab.node(node)
    try:
        pidfd = os.pidfd_open(running.pid)
    except ProcessLookupError:
        pidfd = -1
    if pidfd >= 0 and running.alive:  # checked once the pidfd pins whatever has that id
        return pidfd
    if pidfd >= 0:
        os.close(pidfd)
    raise NotFoundError(
        f"node {node} of lab {lab.name} is dead: its first process has ended",
        f"start the lab anew: netarium down {lab.name}, then netarium up",
    )


def _arguments(
    lab: RunningLab,
    node: str,
    argv: Sequence[str],
    user: str,
    env: Mapping[str, str] | None,
    cwd: str | None,
) -> dict[str, Any]:
    for word in argv:
        if "\0" in word:
            raise NetariumError(f"an argument contains a zero byte: {word!r}")
    return {
        "node": node,
        "pidfd": open_node(lab, node),
        "rootless": lab.rootless,
        "argv": list(argv),
        "environment": environment(lab, node, env),
        "user": user,
        "directory": cwd,
    }


def exec_in(
    lab: RunningLab,
    node: str,
    argv: Sequence[str],
    *,
    user: str = "root",
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    login: bool = False,
    terminal: bool | None = None,
) -> int:
    """Run a program with this process's streams, terminal and signals; give its exit code.

    For a process with one thread that does nothing else afterwards, as the command
    line. ``terminal`` None asks whether standard input and output are terminals.
    An empty ``argv[0]`` with ``login`` stands for the account's shell.
    """
    if terminal is None:
        terminal = os.isatty(0) and os.isatty(1)
    arguments = _arguments(lab, node, argv, user, env, cwd)
    code = enter(Entry(**arguments, login=login), terminal=terminal)
    if code == 128 + signal.SIGKILL and (why := _gone(lab, node, arguments["pidfd"])):
        # The terminal's cursor stands where the program was.
        print("\n" * terminal + f"netarium: {why}", file=sys.stderr)
    return code


def _gone(lab: RunningLab, node: str, pidfd: int) -> str:
    """What has ended that took a killed program with it; empty where the node still runs."""
    # A node's programs are collected before it, and nodes before their supervisor.
    if not select.select([pidfd], [], [], 0.2)[0]:
        return ""
    for _ in range(20):
        if not lab.alive:
            return "the lab went down"
        time.sleep(0.02)
    return f"node {node} has ended"


@contextmanager
def _launched(arguments: dict[str, Any], **streams: Any) -> Iterator[subprocess.Popen[Any]]:
    """Start the interpreter that enters; raise what kept the program from starting.

    Left with the process still running, this kills the program with its whole group.
    """
    pidfd: int = arguments["pidfd"]
    specification = os.memfd_create("netarium-entry", os.MFD_CLOEXEC)
    try:
        os.pwrite(specification, marshal.dumps(arguments), 0)
        home = str(Path(netarium.__file__).parent.parent)
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _LAUNCH, home, str(specification)],
            pass_fds=(specification, pidfd),
            **streams,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGUSR1)
                try:
                    process.wait(1)
                except subprocess.TimeoutExpired:  # it had not set its handlers yet
                    process.kill()
            process.wait()
        failure = os.pread(specification, 65536, 0)
        if process.returncode and failure.startswith((b"failed\n", b"not-found\n")):
            raise split_failure(failure.decode(errors="replace"))
    finally:
        os.close(specification)
        os.close(pidfd)


def run(
    lab: RunningLab,
    node: str,
    argv: str | Sequence[str],
    *,
    input: str | bytes | None = None,
    check: bool = False,
    timeout: float | None = None,
    user: str = "root",
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    text: bool = True,
) -> subprocess.CompletedProcess[Any]:
    """Run a program in a node and collect its output; safe from any thread.

    Args:
        lab: the running lab.
        node: the node's name.
        argv: the program and its arguments, or a line for the node's /bin/sh.
        input: what the program reads; without it, standard input is empty.
        check: raise CalledProcessError for an exit code other than 0; its notes hold stderr.
        timeout: seconds, after which the program's process group is killed.
        user: an account of the node, or a number.
        env: variables to set besides the node's own.
        cwd: where to start; the account's home without it.
        text: output as str (UTF-8, bad bytes replaced) rather than bytes.

    Raises:
        NotFoundError: no such node, account or directory, or the node is dead.
        subprocess.TimeoutExpired, subprocess.CalledProcessError: as subprocess.run does.
    """
    words = ["/bin/sh", "-c", argv] if isinstance(argv, str) else list(argv)
    if not words:
        raise NetariumError("no program to run")
    if isinstance(input, str):
        input = input.encode()
    streams: dict[str, Any] = {
        "stdin": subprocess.DEVNULL if input is None else subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
    }
    with _launched(_arguments(lab, node, words, user, env, cwd), **streams) as process:
        try:
            out, err = process.communicate(input, timeout=timeout)
        except subprocess.TimeoutExpired as error:
            error.cmd = argv
            raise
        finally:
            for stream in (process.stdin, process.stdout, process.stderr):
                _close(stream)
    stdout: str | bytes = out.decode(errors="replace") if text else out
    stderr: str | bytes = err.decode(errors="replace") if text else err
    result = subprocess.CompletedProcess(argv, process.returncode, stdout, stderr)
    if check and result.returncode:
        failed = subprocess.CalledProcessError(result.returncode, argv, stdout, stderr)
        said = err.decode(errors="replace").strip()
        failed.add_note(f"on {node}: {said[-2000:] or 'it wrote nothing to stderr'}")
        raise failed
    return result


@contextmanager
def start(
    lab: RunningLab,
    node: str,
    argv: Sequence[str],
    *,
    user: str = "root",
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    **streams: Any,
) -> Iterator[subprocess.Popen[Any]]:
    """Start a program in a node beside this one; leaving the block ends it and its group.

    ``streams`` (stdin, stdout, stderr) go to ``subprocess.Popen``. The process seen is the
    one that entered: SIGINT, SIGTERM, SIGHUP and SIGQUIT sent to it reach the program.
    """
    with _launched(_arguments(lab, node, argv, user, env, cwd), **streams) as process:
        yield process


def _close(stream: IO[bytes] | None) -> None:
    if stream is not None:
        try:
            stream.close()
        except BrokenPipeError:
            pass  # the program never read its input
