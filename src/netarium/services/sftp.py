"""An SFTP server (draft-ietf-secsh-filexfer-02, OpenSSH's extensions) for one user on two pipes.

It runs in a process that has become that user, so the kernel says what is
allowed. It blocks where the disk does and answers requests in their order.
"""

# Names of files are octets here, as they are on the wire; pathlib would decode them.

from __future__ import annotations

import contextlib
import errno
import functools
import os
import stat
import struct
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO, TypeVar

from netarium.services.sftp_packets import (
    Attributes,
    BadPacketError,
    Flag,
    Kind,
    Reader,
    Status,
    encode_attributes,
    frame,
    long_name,
    string,
)

__all__ = ["SftpServer", "serve_pipes"]

_VERSION = 3
#: The limits of OpenSSH's own server; a packet holds a data block and some room around it.
_MAX_PACKET = 256 * 1024
_MAX_DATA = _MAX_PACKET - 1024
_MAX_HANDLES = 512
_NAMES_AT_ONCE = 100

_EXTENSIONS = {
    b"posix-rename@openssh.com": b"1",
    b"statvfs@openssh.com": b"2",
    b"fstatvfs@openssh.com": b"2",
    b"hardlink@openssh.com": b"1",
    b"fsync@openssh.com": b"1",
    b"lsetstat@openssh.com": b"1",
    b"limits@openssh.com": b"1",
    b"expand-path@openssh.com": b"1",
    b"copy-data": b"1",
}

_Handle = TypeVar("_Handle")


class _FailedError(Exception):
    """A request that ends with this status."""

    def __init__(self, status: Status, text: str = "") -> None:
        super().__init__(text or status.name.replace("_", " ").capitalize())
        self.status = status


class _OpenFile:
    def __init__(self, descriptor: int, *, append: bool) -> None:
        self.descriptor = descriptor
        self.append = append

    def write(self, data: bytes, offset: int) -> None:
        rest = memoryview(data)
        while rest:
            if self.append:
                count = os.write(self.descriptor, rest)
            else:
                count = os.pwrite(self.descriptor, rest, offset)
            rest, offset = rest[count:], offset + count

    def close(self) -> None:
        os.close(self.descriptor)


class _OpenDirectory:
    def __init__(self, path: bytes) -> None:
        self.path = path
        self.names: Iterator[bytes] = iter((b".", b"..", *sorted(os.listdir(path))))

    def close(self) -> None:
        self.names = iter(())


class SftpServer:
    """Answers one packet after another; the answers are whole packets, ready to send."""

    def __init__(self) -> None:
        self._handles: dict[bytes, _OpenFile | _OpenDirectory] = {}
        self._next_handle = 0
        self._requests: dict[int, Callable[[Reader], bytes | None]] = {
            Kind.OPEN: self._open,
            Kind.CLOSE: self._close,
            Kind.READ: self._read,
            Kind.WRITE: self._write,
            Kind.LSTAT: lambda packet: _attrs(os.lstat(packet.path())),
            Kind.STAT: lambda packet: _attrs(os.stat(packet.path())),
            Kind.FSTAT: lambda packet: _attrs(os.fstat(self._file(packet).descriptor)),
            Kind.SETSTAT: self._setstat,
            Kind.FSETSTAT: self._fsetstat,
            Kind.OPENDIR: lambda packet: self._handle(_OpenDirectory(packet.path())),
            Kind.READDIR: self._readdir,
            Kind.REMOVE: lambda packet: os.unlink(packet.path()),
            Kind.MKDIR: self._mkdir,
            Kind.RMDIR: lambda packet: os.rmdir(packet.path()),
            Kind.REALPATH: lambda packet: _name(os.path.realpath(packet.path())),
            Kind.RENAME: self._rename,
            Kind.READLINK: lambda packet: _name(os.readlink(packet.path())),
            Kind.SYMLINK: self._symlink,
            Kind.EXTENDED: self._extended,
        }
        self._extensions: dict[bytes, Callable[[Reader], bytes | None]] = {
            b"posix-rename@openssh.com": lambda p: os.rename(p.path(), p.path()),
            b"hardlink@openssh.com": lambda p: os.link(p.path(), p.path()),
            b"statvfs@openssh.com": lambda p: _statvfs(os.statvfs(p.path())),
            b"fstatvfs@openssh.com": lambda p: _statvfs(os.fstatvfs(self._file(p).descriptor)),
            b"fsync@openssh.com": lambda p: os.fsync(self._file(p).descriptor),
            b"lsetstat@openssh.com": self._lsetstat,
            b"limits@openssh.com": lambda _: _reply(
                struct.pack(">4Q", _MAX_PACKET, _MAX_DATA, _MAX_DATA, _MAX_HANDLES)
            ),
            b"expand-path@openssh.com": self._expand,
            b"copy-data": self._copy,
        }

    def answer(self, packet: bytes) -> bytes:
        """The answer to a packet (its type and all that follows).

        Raises:
            BadPacketError: it is too short to hold the number that an answer needs.
        """
        reader = Reader(packet)
        kind = reader.byte()
        if kind == Kind.INIT:
            reader.uint32()
            pairs = (string(name) + string(value) for name, value in _EXTENSIONS.items())
            return frame(Kind.VERSION, struct.pack(">I", _VERSION), *pairs)
        number = struct.pack(">I", reader.uint32())
        try:
            if kind not in self._requests:
                raise _FailedError(Status.OP_UNSUPPORTED)
            # A request that has nothing to tell has succeeded.
            body = self._requests[kind](reader) or _status(Status.OK, "Success")
        except _FailedError as failed:
            body = _status(failed.status, str(failed))
        except BadPacketError as bad:
            body = _status(Status.BAD_MESSAGE, str(bad))
        except OSError as error:
            body = _status(_status_of(error), os.strerror(error.errno or 0))
        except (OverflowError, ValueError) as error:
            body = _status(Status.FAILURE, str(error))
        # A body starts with its type, which stands before the number on the wire.
        return struct.pack(">I", len(body) + 4) + body[:1] + number + body[1:]

    def close(self) -> None:
        """Close what the client left open."""
        for handle in self._handles.values():
            handle.close()
        self._handles.clear()

    def _handle(self, opened: _OpenFile | _OpenDirectory) -> bytes:
        if len(self._handles) >= _MAX_HANDLES:
            opened.close()
            raise _FailedError(Status.FAILURE, "Too many open files")
        self._next_handle += 1
        name = struct.pack(">I", self._next_handle)
        self._handles[name] = opened
        return bytes([Kind.HANDLE]) + string(name)

    def _get(self, packet: Reader, wanted: type[_Handle]) -> _Handle:
        handle = self._handles.get(packet.string())
        if not isinstance(handle, wanted):
            raise _FailedError(Status.FAILURE, "Invalid handle")
        return handle

    def _file(self, packet: Reader) -> _OpenFile:
        return self._get(packet, _OpenFile)

    def _open(self, packet: Reader) -> bytes:
        path, flags, wanted = packet.path(), packet.uint32(), packet.attributes()
        mode = {
            Flag.READ: os.O_RDONLY,
            Flag.WRITE: os.O_WRONLY,
            Flag.READ | Flag.WRITE: os.O_RDWR,
        }.get(flags & (Flag.READ | Flag.WRITE), os.O_RDONLY)
        for flag, bit in (
            (Flag.APPEND, os.O_APPEND),
            (Flag.CREATE, os.O_CREAT),
            (Flag.TRUNCATE, os.O_TRUNC),
            (Flag.EXCLUSIVE, os.O_EXCL),
        ):
            if flags & flag:
                mode |= bit
        permissions = 0o666 if wanted.permissions is None else wanted.permissions & 0o7777
        # A FIFO must not stop the server until somebody opens its other end.
        descriptor = os.open(path, mode | os.O_CLOEXEC | os.O_NONBLOCK, permissions)
        os.set_blocking(descriptor, True)
        return self._handle(_OpenFile(descriptor, append=bool(flags & Flag.APPEND)))

    def _close(self, packet: Reader) -> None:
        name = packet.string()
        if name not in self._handles:
            raise _FailedError(Status.FAILURE, "Invalid handle")
        self._handles.pop(name).close()

    def _read(self, packet: Reader) -> bytes:
        file, offset, length = self._file(packet), packet.uint64(), packet.uint32()
        data = os.pread(file.descriptor, min(length, _MAX_DATA), offset)
        if not data and length:
            raise _FailedError(Status.EOF)
        return bytes([Kind.DATA]) + string(data)

    def _write(self, packet: Reader) -> None:
        file, offset, data = self._file(packet), packet.uint64(), packet.string()
        file.write(data, offset)

    def _setstat(self, packet: Reader) -> None:
        path = packet.path()
        _apply(path, packet.attributes())

    def _fsetstat(self, packet: Reader) -> None:
        descriptor = self._file(packet).descriptor
        _apply(descriptor, packet.attributes())

    def _lsetstat(self, packet: Reader) -> None:
        path = packet.path()
        _apply(path, packet.attributes(), follow=False)

    def _readdir(self, packet: Reader) -> bytes:
        directory = self._get(packet, _OpenDirectory)
        entries = []
        for name in directory.names:
            with contextlib.suppress(OSError):  # removed since the directory was read
                entries.append((name, os.lstat(os.path.join(directory.path, name))))
            if len(entries) == _NAMES_AT_ONCE:
                break
        if not entries:
            raise _FailedError(Status.EOF)
        now = time.time()
        parts = [
            string(name) + string(_long_name(name, found, now)) + encode_attributes(found)
            for name, found in entries
        ]
        return bytes([Kind.NAME]) + struct.pack(">I", len(parts)) + b"".join(parts)

    def _mkdir(self, packet: Reader) -> None:
        path, wanted = packet.path(), packet.attributes()
        mode = 0o777 if wanted.permissions is None else wanted.permissions & 0o7777
        os.mkdir(path, mode)

    def _rename(self, packet: Reader) -> None:
        """Rename, but never over something that exists (section 6.5)."""
        old, new = packet.path(), packet.path()
        if not stat.S_ISDIR(os.lstat(old).st_mode):
            try:
                # link(2) and unlink(2) leave no moment in which to lose a file.
                os.link(old, new, follow_symlinks=False)
                os.unlink(old)
                return
            except OSError as error:
                if error.errno not in {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EXDEV}:
                    raise
        if os.path.lexists(new):
            raise _FailedError(Status.FAILURE, os.strerror(errno.EEXIST))
        os.rename(old, new)

    def _symlink(self, packet: Reader) -> None:
        # OpenSSH and all who follow it send the target first, unlike the draft (section 6.10).
        target, link = packet.path(), packet.path()
        os.symlink(target, link)

    def _extended(self, packet: Reader) -> bytes | None:
        name = packet.string()
        if name not in self._extensions:
            raise _FailedError(Status.OP_UNSUPPORTED)
        return self._extensions[name](packet)

    def _expand(self, packet: Reader) -> bytes:
        path = os.path.expanduser(packet.path())
        return _name(os.path.realpath(path))

    def _copy(self, packet: Reader) -> None:
        """copy-data: from one open file to another; a length of 0 is "to the end"."""
        source, offset, length = self._file(packet), packet.uint64(), packet.uint64()
        target, to = self._file(packet), packet.uint64()
        end = offset + length if length else None
        if source is target:
            raise _FailedError(Status.FAILURE, "A file cannot be copied onto itself")
        while end is None or offset < end:
            wanted = _MAX_DATA if end is None else min(_MAX_DATA, end - offset)
            data = os.pread(source.descriptor, wanted, offset)
            if not data:
                break
            target.write(data, to)
            offset, to = offset + len(data), to + len(data)


def serve_pipes() -> None:
    """Serve a client on descriptors 0 and 1 until it leaves."""
    server = SftpServer()
    with open(0, "rb", buffering=_MAX_PACKET, closefd=False) as source:
        while (packet := _next_packet(source)) is not None:
            try:
                answer = memoryview(server.answer(packet))
                while answer:
                    answer = answer[os.write(1, answer) :]
            except (BadPacketError, BrokenPipeError):
                break
    server.close()


def _next_packet(source: BinaryIO) -> bytes | None:
    head = source.read(4)
    length = int.from_bytes(head, "big")
    if len(head) < 4 or not 0 < length <= _MAX_PACKET:
        return None
    packet = source.read(length)
    return packet if len(packet) == length else None


def _apply(target: bytes | int, wanted: Attributes, *, follow: bool = True) -> None:
    if wanted.size is not None:
        os.truncate(target, wanted.size)
    if wanted.owner is not None:
        if isinstance(target, int):
            os.chown(target, *wanted.owner)
        else:
            os.chown(target, *wanted.owner, follow_symlinks=follow)
    if wanted.permissions is not None and (follow or not _is_link(target)):
        os.chmod(target, wanted.permissions & 0o7777)
    if wanted.times is not None:
        if isinstance(target, int):
            os.utime(target, wanted.times)
        else:
            os.utime(target, wanted.times, follow_symlinks=follow)


def _is_link(target: bytes | int) -> bool:
    return not isinstance(target, int) and stat.S_ISLNK(os.lstat(target).st_mode)


def _status_of(error: OSError) -> Status:
    if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
        return Status.NO_SUCH_FILE
    if error.errno in {errno.EACCES, errno.EPERM}:
        return Status.PERMISSION_DENIED
    return Status.FAILURE


def _status(status: Status, text: str) -> bytes:
    return bytes([Kind.STATUS]) + struct.pack(">I", status) + string(text.encode()) + string(b"en")


def _attrs(found: os.stat_result) -> bytes:
    return bytes([Kind.ATTRS]) + encode_attributes(found)


def _name(path: bytes) -> bytes:
    # Real paths come with no attributes: a flag word of 0 (section 6.11).
    return bytes([Kind.NAME]) + struct.pack(">I", 1) + string(path) * 2 + bytes(4)


def _reply(body: bytes) -> bytes:
    return bytes([Kind.EXTENDED_REPLY]) + body


def _statvfs(found: os.statvfs_result) -> bytes:
    # The mount flags have bits of their own here: read-only 1, no set-user-id 2 (PROTOCOL, 4.4).
    flags = found.f_flag & (os.ST_RDONLY | os.ST_NOSUID)
    return _reply(
        struct.pack(
            ">11Q",
            found.f_bsize,
            found.f_frsize,
            found.f_blocks,
            found.f_bfree,
            found.f_bavail,
            found.f_files,
            found.f_ffree,
            found.f_favail,
            found.f_fsid & 0xFFFFFFFFFFFFFFFF,
            flags,
            found.f_namemax,
        )
    )


def _long_name(name: bytes, found: os.stat_result, now: float) -> bytes:
    user = _names("/etc/passwd").get(found.st_uid, str(found.st_uid))
    group = _names("/etc/group").get(found.st_gid, str(found.st_gid))
    return long_name(name, found, user, group, now)


@functools.cache
def _names(database: str) -> dict[int, str]:
    """Numbers and names in /etc/passwd or /etc/group: both have the name first, the number third.

    Not by way of the C library, whose name service is not safe in a forked child.
    """
    found: dict[int, str] = {}
    with contextlib.suppress(OSError), open(database, errors="replace") as file:
        for fields in (line.split(":") for line in file):
            if len(fields) > 2 and fields[2].isdecimal():
                found.setdefault(int(fields[2]), fields[0])
    return found
