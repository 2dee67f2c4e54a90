"""A terminal inside a node, joined to the terminal that the user sits at.

The pseudo-terminal belongs to the node's own devpts, so that ``tty``, job control
and sudo work there; only its master side crosses to the host's process, which
copies bytes, passes changes of size on, and puts the user's terminal back.
"""

from __future__ import annotations

import array
import errno
import fcntl
import os
import select
import signal
import socket
import stat
import struct
import termios
import tty
from collections.abc import Callable

__all__ = ["adopt", "joint", "proxy", "receive"]

_TIOCSPTLCK = getattr(termios, "TIOCSPTLCK", 0x40045431)
_TIOCGPTPEER = 0x5441
_BUFFER = 65536
_TERMINAL_DRIVER_MAJOR = 5  # Documentation/admin-guide/devices.txt: 5:2 is /dev/ptmx


def joint() -> tuple[int, int]:
    """Two connected sockets over which the node's side hands the terminal's master out."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    return ours.detach(), theirs.detach()


def adopt(fd: int, owner: int) -> None:
    """Inside the node: open a terminal, make it this session's, and send its master over ``fd``.

    It takes the size and modes of the terminal on the standard input, and replaces
    those standard streams that are terminals.
    """
    # The user's own terminal is at hand until it is replaced below.
    modes = termios.tcgetattr(0)
    size = fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8))
    master = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    fcntl.ioctl(master, _TIOCSPTLCK, struct.pack("i", 0))
    slave = fcntl.ioctl(master, _TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        os.fchown(slave, owner, -1)
    except OSError:
        pass  # rootless: the one uid owns it already
    termios.tcsetattr(slave, termios.TCSANOW, modes)
    fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for stream in (0, 1, 2):
        if os.isatty(stream):
            os.dup2(slave, stream, inheritable=True)
    os.close(slave)
    with socket.socket(fileno=fd) as channel:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [master]))]
        channel.sendmsg([b"."], rights)
    os.close(master)


def receive(fd: int) -> int | None:
    """The master that ``adopt`` sent; None where the other side failed before it could."""
    with socket.socket(fileno=fd) as channel:
        _, fds, _, _ = socket.recv_fds(channel, 1, 1)
    if not fds:
        return None
    status = os.fstat(fds[0])
    # What comes out of a node is a claim: anything but a terminal's master is refused.
    if not stat.S_ISCHR(status.st_mode) or os.major(status.st_rdev) != _TERMINAL_DRIVER_MAJOR:
        os.close(fds[0])
        return None
    return fds[0]


def proxy(master: int, until: int, wake: int, pass_on: Callable[[], bytes]) -> None:
    """Join this process's terminal with ``master`` until there is something to read on ``until``.

    ``pass_on`` is called when ``wake`` is readable, to deal with signals; it gives their
    numbers. The terminal is put back however this ends. ``master`` is taken over and closed.
    """
    os.set_blocking(master, False)
    before = termios.tcgetattr(0)
    try:
        tty.setraw(0, termios.TCSADRAIN)
        _resize(master)  # it may have changed since the terminal was made
        _copy(master, until, wake, pass_on)
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        os.close(master)


def _resize(master: int) -> None:
    try:
        fcntl.ioctl(master, termios.TIOCSWINSZ, fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8)))
    except OSError:
        pass  # the user's terminal has gone away


def _copy(master: int, until: int, wake: int, pass_on: Callable[[], bytes]) -> None:
    """Copy bytes both ways until ``until`` is readable, and then what is left to show."""
    pending = bytearray()  # typed, and not yet taken by the program
    reading = True
    output_open = True
    while True:
        poll = select.poll()
        poll.register(until, select.POLLIN)
        poll.register(wake, select.POLLIN)
        if reading and len(pending) < _BUFFER:
            poll.register(0, select.POLLIN)
        if output_open:
            poll.register(master, select.POLLIN | (select.POLLOUT if pending else 0))
        ready = dict(poll.poll())
        if ready.get(0):
            typed = _read(0)
            reading = bool(typed)
            pending += typed or b""
        if pending and ready.get(master, 0) & select.POLLOUT:
            try:
                del pending[: os.write(master, pending)]
            except BlockingIOError:
                pass
            except OSError:
                pending.clear()
        if ready.get(master, 0) & ~select.POLLOUT:
            shown = _read(master)
            if shown:
                _write(1, shown)
            output_open = shown != b""  # at EIO no program has the terminal open any longer
        if ready.get(wake) and signal.SIGWINCH in pass_on():
            _resize(master)
        if ready.get(until):
            while output_open and (shown := _read(master)):
                _write(1, shown)
            return


def _read(fd: int) -> bytes | None:
    """Some bytes; empty at the end; None where there is nothing yet."""
    try:
        return os.read(fd, _BUFFER)
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return b""


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            select.select([], [fd], [])
