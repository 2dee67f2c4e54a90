"""SFTP version 3 on the wire (draft-ietf-secsh-filexfer-02): packets, attributes, names."""

from __future__ import annotations

import os
import stat
import struct
import time
from dataclasses import dataclass
from enum import IntEnum

__all__ = [
    "Attributes",
    "BadPacketError",
    "Flag",
    "Kind",
    "Reader",
    "Status",
    "encode_attributes",
    "frame",
    "long_name",
    "string",
]

_SIZE, _IDS, _PERMISSIONS, _TIMES, _EXTENDED = 0x1, 0x2, 0x4, 0x8, 0x80000000


class Kind(IntEnum):
    """Packet types (section 3)."""

    INIT = 1
    VERSION = 2
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    LSTAT = 7
    FSTAT = 8
    SETSTAT = 9
    FSETSTAT = 10
    OPENDIR = 11
    READDIR = 12
    REMOVE = 13
    MKDIR = 14
    RMDIR = 15
    REALPATH = 16
    STAT = 17
    RENAME = 18
    READLINK = 19
    SYMLINK = 20
    STATUS = 101
    HANDLE = 102
    DATA = 103
    NAME = 104
    ATTRS = 105
    EXTENDED = 200
    EXTENDED_REPLY = 201


class Status(IntEnum):
    """How a request ended (section 7)."""

    OK = 0
    EOF = 1
    NO_SUCH_FILE = 2
    PERMISSION_DENIED = 3
    FAILURE = 4
    BAD_MESSAGE = 5
    OP_UNSUPPORTED = 8


class Flag(IntEnum):
    """How a file is opened (section 6.3)."""

    READ = 0x01
    WRITE = 0x02
    APPEND = 0x04
    CREATE = 0x08
    TRUNCATE = 0x10
    EXCLUSIVE = 0x20


class BadPacketError(Exception):
    """A packet that ends too early."""


@dataclass(frozen=True)
class Attributes:
    """What a client wants a file to have (section 5); None is "leave it"."""

    size: int | None = None
    owner: tuple[int, int] | None = None
    permissions: int | None = None
    times: tuple[int, int] | None = None


class Reader:
    """Takes a packet apart, from left to right. Every method raises BadPacketError at its end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def byte(self) -> int:
        """An octet."""
        return self._take(1)[0]

    def uint32(self) -> int:
        """Four octets, as every count and flag word."""
        return int.from_bytes(self._take(4), "big")

    def uint64(self) -> int:
        """Eight octets, as every offset and size."""
        return int.from_bytes(self._take(8), "big")

    def string(self) -> bytes:
        """A length and so many octets."""
        return self._take(self.uint32())

    def path(self) -> bytes:
        """A file's name; a NUL, which no file name can hold, makes the packet bad."""
        path = self.string()
        if b"\0" in path:
            raise BadPacketError("a path with a NUL in it")
        return path or b"."

    def attributes(self) -> Attributes:
        """File attributes."""
        flags = self.uint32()
        size = self.uint64() if flags & _SIZE else None
        owner = (self.uint32(), self.uint32()) if flags & _IDS else None
        permissions = self.uint32() if flags & _PERMISSIONS else None
        times = (self.uint32(), self.uint32()) if flags & _TIMES else None
        if flags & _EXTENDED:
            for _ in range(self.uint32()):
                self.string(), self.string()
        return Attributes(size, owner, permissions, times)

    def _take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise BadPacketError(f"{count} octets wanted, {len(self._data) - self._at} left")
        taken = self._data[self._at : end]
        self._at = end
        return taken


def string(data: bytes) -> bytes:
    """A length and the octets."""
    return struct.pack(">I", len(data)) + data


def frame(kind: Kind, *parts: bytes) -> bytes:
    """A whole packet as it goes over the wire."""
    return struct.pack(">IB", sum(map(len, parts)) + 1, kind) + b"".join(parts)


def encode_attributes(found: os.stat_result) -> bytes:
    """What stat(2) told; version 3 has 32 bits for times and ids."""
    return struct.pack(
        ">IQIIIII",
        _SIZE | _IDS | _PERMISSIONS | _TIMES,
        found.st_size,
        found.st_uid & 0xFFFFFFFF,
        found.st_gid & 0xFFFFFFFF,
        found.st_mode,
        max(0, int(found.st_atime)) & 0xFFFFFFFF,
        max(0, int(found.st_mtime)) & 0xFFFFFFFF,
    )


def long_name(name: bytes, found: os.stat_result, user: str, group: str, now: float) -> bytes:
    """The line that ``ls -l`` would print (section 7 recommends its form)."""
    # As ls does, a date of another half-year shows its year instead of the hour.
    recent = abs(now - found.st_mtime) < 182 * 86400
    date = time.strftime("%b %e %H:%M" if recent else "%b %e  %Y", time.localtime(found.st_mtime))
    text = (
        f"{stat.filemode(found.st_mode)} {found.st_nlink:>4} {user:<8} {group:<8}"
        f" {found.st_size:>8} {date} "
    )
    return text.encode() + name
