"""Bringing a lab up and taking it down, from the side of whoever asks."""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec

from netarium.errors import MachineError, NetariumError
from netarium.model.lab import Lab
from netarium.runtime import janitor, kernel
from netarium.runtime.state import RunningLab, find_lab, process_started, read_state, state_home

__all__ = ["AlreadyRunningError", "LabFailedError", "Progress", "down", "up"]

_PATIENCE = 10.0


@dataclass(frozen=True)
class Progress:
    """How far a lab has come up: ``done`` of ``total`` nodes, wires, services or commands."""

    phase: str
    done: int
    total: int


class LabFailedError(NetariumError):
    """A lab could not come up; nothing of it is left."""

    def __init__(self, what: str, cure: str = "", exit_code: int = 1) -> None:
        super().__init__(what, cure)
        self.exit_code = exit_code


class AlreadyRunningError(NetariumError):
    """A lab of that name runs already, or is coming up."""


def up(
    lab: Lab,
    *,
    progress: Callable[[Progress], None] | None = None,
    leash: bool = False,
) -> RunningLab:
    """Bring a lab up; returns once every service answers and every command has run.

    Args:
        lab: the model.
        progress: called as the lab comes up, in the calling thread.
        leash: tie the lab to this process: it ends when this process does.

    Raises:
        AlreadyRunningError: a lab of that name runs.
        LabFailedError: with the reason; nothing is left of the lab.
        MachineError: the state directory cannot be made.
    """
    directory, lock = _claim(lab.name)
    try:
        _bring_up(lab, directory, lock, progress, leash=leash)
    finally:
        os.close(lock)
    return find_lab(lab.name)


def _bring_up(
    lab: Lab,
    directory: Path,
    lock: int,
    progress: Callable[[Progress], None] | None,
    *,
    leash: bool,
) -> None:
    with tempfile.TemporaryFile() as complaints:
        try:
            order = {"lab": lab, "directory": str(directory), "leash": leash, "lock": lock}
            message = msgspec.json.encode(order)
            process = _launch(complaints, lock)
        except UnicodeEncodeError as error:
            janitor.clean(directory)
            raise NetariumError(
                f"the name of a directory that nodes are to see is not UTF-8: {error.object!a}",
                "rename it, or leave it out (netarium up --no-mount)",
            ) from None
        except BaseException:
            janitor.clean(directory)
            raise
        assert process.stdin is not None and process.stdout is not None
        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(len(message).to_bytes(8, "big") + message)
                process.stdin.flush()
            _follow(lab.name, process, complaints, progress)
        except BaseException:
            _stop(process)
            if _is_still(directory, lock):  # its janitor was killed
                janitor.clean(directory)
            raise
        if leash:
            if not _LEASHES:
                atexit.register(_let_go)
            _LEASHES[str(directory)] = process
        else:
            process.stdin.close()
            process.returncode = 0  # it outlives this process, which has no claim on it
        process.stdout.close()


def _launch(complaints: IO[bytes], lock: int) -> subprocess.Popen[bytes]:
    """Start an interpreter that becomes the supervisor.

    The lab's servers are forked from it, and a process may change the mode and owner of
    the program that it runs, by way of /proc/self/exe. So root has it run from a copy of
    the file system that cannot be written to. To a user without that right most
    interpreters belong to somebody else.
    """
    kept, program = [lock], sys.executable
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # before Linux 5.12, or without the right
            tree = kernel.read_only_tree()
            stack.callback(os.close, tree)
            kept.append(tree)
            program = f"/proc/self/fd/{tree}{os.path.realpath(sys.executable)}"
        return subprocess.Popen(
            [sys.executable, "-I", "-m", "netarium.runtime.supervisor"],
            executable=program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            cwd="/",
            start_new_session=True,
            env=_environment(),
            pass_fds=kept,
        )


#: Supervisors that live only as long as this process holds the pipe to them.
_LEASHES: dict[str, subprocess.Popen[bytes]] = {}


def _let_go() -> None:
    while _LEASHES:
        _end_leashed(_LEASHES.popitem()[1])


def _end_leashed(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    process.wait()


def down(running: RunningLab) -> None:
    """End a lab; returns once no trace of it is left on the host.

    Raises:
        NetariumError: it does not end within ten seconds.
    """
    directory = Path(running.directory)
    # A new lab of that name may take its place the moment it is gone.
    try:
        held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        held = -1
    try:
        _end(running)
        if held >= 0:
            _await_removal(directory, held)
    finally:
        if held >= 0:
            os.close(held)


def _end(running: RunningLab) -> None:
    try:
        supervisor = os.pidfd_open(running.supervisor)
    except ProcessLookupError:
        supervisor = -1
    if supervisor >= 0:
        try:
            if process_started(running.supervisor) == running.started:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(supervisor, signal.SIGTERM)
                _await_end(supervisor, running)
        finally:
            os.close(supervisor)
    process = _LEASHES.pop(running.directory, None)
    if process is not None:
        _end_leashed(process)


def _await_end(supervisor: int, running: RunningLab) -> None:
    poll = select.poll()
    poll.register(supervisor, select.POLLIN)
    seconds = max(_PATIENCE, len(running.nodes) / 50)
    if not poll.poll(seconds * 1000):
        raise NetariumError(
            f"lab {running.name} does not end (its supervisor is process {running.supervisor})",
            f"end it by force: kill -9 {running.supervisor}",
        )


def _await_removal(directory: Path, held: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while _is_still(directory, held) and time.monotonic() < deadline:
        time.sleep(0.002)
    if _is_still(directory, held):
        with contextlib.suppress(OSError):
            lock = janitor.lock(directory)
            janitor.clean(directory)
            os.close(lock)


def _is_still(directory: Path, descriptor: int) -> bool:
    """Whether a path leads to the directory that was opened, not to another of that name."""
    try:
        return os.path.samestat(directory.stat(), os.fstat(descriptor))
    except OSError:
        return False


def _claim(name: str) -> tuple[Path, int]:
    """Make the lab's state directory, ours alone, and lock it; the lock's descriptor, too.

    Waits for a lab of that name that is ending.
    """
    home = state_home()
    directory = home / name
    deadline = time.monotonic() + 3
    while True:
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = home.lstat()
            mine = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
            if not mine or stat.S_IMODE(status.st_mode) & 0o022:
                raise MachineError(
                    f"{home} is not this user's alone", "remove it, or set XDG_RUNTIME_DIR"
                )
            janitor.sweep(home)
            directory.mkdir(mode=0o700)
            return directory, janitor.lock(directory)
        except FileExistsError:
            if not directory.is_dir():
                raise MachineError(f"{directory} is in the way", "remove it") from None
        except FileNotFoundError:
            continue  # the last lab's janitor just removed the parent
        except OSError as error:
            raise MachineError(
                f"cannot make {directory}: {error.strerror}",
                "labs that run are kept track of there: make room, or the directory writable",
            ) from None
        running = read_state(directory)
        if running is not None:
            how = "running already" if running.state == "up" else "coming up already"
            raise AlreadyRunningError(f"lab {name} is {how}", f"see `netarium status --lab {name}`")
        if time.monotonic() > deadline:
            raise AlreadyRunningError(
                f"lab {name} is running already, but {directory}/state.json is damaged",
                f"end it with: pkill -f '^netarium: {name}$'",
            )
        time.sleep(0.01)


def _environment() -> dict[str, str]:
    # Nodes can read what the supervisor's environment was: nothing personal.
    kept = ("PATH", "LANG")
    return {name: os.environ[name] for name in kept if name in os.environ}


def _follow(
    lab: str,
    process: subprocess.Popen[bytes],
    complaints: IO[bytes],
    progress: Callable[[Progress], None] | None,
) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        message: dict[str, Any] = msgspec.json.decode(line)
        if "progress" in message and progress is not None:
            progress(Progress(*message["progress"]))
        elif "failed" in message:
            raise LabFailedError(*message["failed"])
        elif "up" in message:
            return
    code = process.wait()
    if code == 0:
        raise LabFailedError(f"lab {lab} was taken down while it came up")
    complaints.seek(0)
    said = complaints.read().decode(errors="replace").strip().splitlines()
    if said:
        what, cure = f"lab {lab}: its supervisor died: {said[-1]}", "this is a fault of netarium"
    else:
        what, cure = f"lab {lab}: its supervisor was killed", "is the machine out of memory?"
    raise LabFailedError(what, cure)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a supervisor that did not finish, whatever interrupts us meanwhile."""
    with contextlib.suppress(Exception):
        process.terminate()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
