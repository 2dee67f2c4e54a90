"""What a lab leaves on the host while it runs, and the process that takes it away afterwards.

A lab's traces on the host are its state directory and, as root, names for
``ip netns`` below /run/netns. The janitor, parent of the supervisor, waits for its
end, however it ends, and removes both.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import time
from pathlib import Path
from typing import NoReturn

from netarium.runtime import kernel
from netarium.runtime.channel import close_all_but

__all__ = ["clean", "janitor", "lock", "offer_namespaces", "sweep"]

_NETNS = Path("/run/netns")


def lock(directory: Path) -> int:
    """Lock a lab's state directory; it stays locked as long as a copy of the descriptor is open.

    Raises BlockingIOError where somebody else holds the lock.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def sweep(home: Path) -> None:
    """Remove the traces of labs whose supervisor and janitor were both killed.

    Nobody holds the locks of their directories.
    """
    with contextlib.suppress(OSError):
        for directory in list(home.iterdir()):
            with contextlib.suppress(OSError):
                if time.time() - directory.stat().st_mtime < 1:
                    continue  # whoever made it may be about to lock it
                descriptor = lock(directory)
                try:
                    clean(directory)
                finally:
                    os.close(descriptor)


def janitor(directory: Path, supervisor: int, held: int) -> NoReturn:
    """Wait for the supervisor, a child, to end; clean up; end with its exit code.

    Signals go on to the supervisor, which is the one to decide. The descriptor ``held``,
    the directory's lock, stays open until all is clean, so that no new lab of that name
    starts before.
    """
    code = 1
    try:
        kernel.set_name("janitor", f"netarium: janitor of {directory.name}")
        close_all_but(held)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, _: os.kill(supervisor, number))
        os.chdir("/")
        _, status = os.waitpid(supervisor, 0)
        code = os.waitstatus_to_exitcode(status) & 0xFF
        clean(directory)
    finally:
        os._exit(code)


def clean(directory: Path) -> None:
    """Remove a lab's traces: names in /run/netns, the state directory, and empty parents."""
    with contextlib.suppress(OSError):
        for link in _NETNS.iterdir():
            if link.is_symlink() and os.readlink(link).startswith(f"{directory}/"):
                link.unlink()
    shutil.rmtree(directory, ignore_errors=True)
    home = directory.parent
    mark = home / ".made-netns"
    if mark.exists():
        with contextlib.suppress(OSError):
            _NETNS.rmdir()
            mark.unlink()
    with contextlib.suppress(OSError):
        home.rmdir()


def offer_namespaces(directory: Path, lab: str, processes: dict[str, int]) -> None:
    """Name each node's network namespace LAB-NODE for ``ip netns exec`` and its like.

    The names are symbolic links by way of the state directory: they pin nothing,
    and tell the janitor that they are the lab's own.
    """
    own = directory / "netns"
    own.mkdir()
    if not _NETNS.exists():
        (directory.parent / ".made-netns").touch()
        _NETNS.mkdir(mode=0o755, exist_ok=True)
    for node, pid in processes.items():
        (own / node).symlink_to(f"/proc/{pid}/ns/net")
        with contextlib.suppress(FileExistsError):
            (_NETNS / f"{lab}-{node}").symlink_to(own / node)
