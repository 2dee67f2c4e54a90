"""One stretch of memory in which the rings of many packet sockets lie side by side."""

from __future__ import annotations

import ctypes
import mmap
import os
import socket
import weakref

__all__ = ["Mapping"]

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = (
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_long,
)
_libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_MAP_FIXED = 0x10
_FAILED = ctypes.c_void_p(-1).value
_USABLE = mmap.PROT_READ | mmap.PROT_WRITE
_NOTHING = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS


class Mapping:
    """Addresses reserved for rings, so that frames of all of them have offsets in one buffer.

    Attributes:
        memory: all of it, as bytes that can be written. Views stay good after ``clear``:
            they read zeros then.
    """

    def __init__(self, size: int) -> None:
        address = _map(0, size, 0, _NOTHING, -1)
        buffer = (ctypes.c_ubyte * size).from_address(address)
        # Not before the last view of it has gone, whoever holds that.
        weakref.finalize(buffer, _libc.munmap, address, size).atexit = False
        self._address = address
        self.memory = memoryview(buffer).cast("B")

    def place(self, sock: socket.socket, at: int, size: int) -> None:
        """Put the ring of a socket, which is ``size`` bytes long, at an offset."""
        _map(self._address + at, size, _USABLE, mmap.MAP_SHARED | _MAP_FIXED, sock.fileno())

    def clear(self, at: int, size: int) -> None:
        """Take a ring away again."""
        _map(self._address + at, size, mmap.PROT_READ, _NOTHING | _MAP_FIXED, -1)


def _map(address: int, size: int, protection: int, flags: int, descriptor: int) -> int:
    found = _libc.mmap(address or None, size, protection, flags, descriptor, 0)
    if found == _FAILED:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(found)
