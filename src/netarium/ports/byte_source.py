"""Where the bytes of a capture file come from: a path, a pipe, an open file; unpacked if packed."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import select
import stat
import zlib
from pathlib import Path
from typing import Any, BinaryIO, Literal

from netarium.errors import NetariumError, NotFoundError

__all__ = ["BrokenSourceError", "ByteSource", "open_source"]

_PIPE = 1 << 20  # bytes that the kernel is asked to keep in a pipe
_PACKED = 1 << 16  # bytes that are unpacked at a time
_GZIP = b"\x1f\x8b"
_ARROW: dict[bytes, Literal["zstd", "lz4"]] = {
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}


class BrokenSourceError(Exception):
    """The bytes end before their time; the text says why. Internal to reading."""


class ByteSource:
    """Bytes as they come, read into buffers that the caller brings.

    Attributes:
        name: for messages.
        size: bytes in all, where that is known; else -1. Of packed files: of what is unpacked.
    """

    name: str = "-"
    size: int = -1

    def read_into(self, view: memoryview) -> int:
        """Read what is there, at least a byte, at most ``view`` holds; 0 at the end.

        Raises BrokenSourceError where no more can be had though there should be.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Close what was opened for it."""


def open_source(source: str | Path | BinaryIO) -> ByteSource:
    """Open a path, ``-`` for standard input, or a file that is open already.

    gzip, zstd and lz4 are known by their first bytes, and unpacked.

    Raises:
        NotFoundError: there is no such file.
        NetariumError: it cannot be read.
    """
    plain: _Plain
    if isinstance(source, (str, Path)):
        plain = _Plain(_opened(str(source)), name=str(source), ours=True)
    else:
        plain = _Plain(source, name=str(getattr(source, "name", "the file")), ours=False)
    magic = plain.peek(4)
    if magic[:2] == _GZIP:
        return _Gzip(plain)
    if magic in _ARROW:
        return _Arrow(plain, _ARROW[magic])
    return plain


def _opened(path: str) -> BinaryIO:
    if path == "-":
        return io.FileIO(0, closefd=False)
    try:
        return io.FileIO(path)
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {path}", _likely(Path(path))) from None
    except IsADirectoryError:
        raise NetariumError(f"{path} is a directory", "name a capture file in it") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise NetariumError(
            f"{path} cannot be read: {why}", f"see who may read it: ls -l {path}"
        ) from None


def _likely(path: Path) -> str:
    """What to do where there is no such file: the one that was meant, if it can be told."""
    import difflib

    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return f"there is no folder {path.parent} to read either"
    close = difflib.get_close_matches(path.name, names, 1, 0.7)
    return f"did you mean {path.with_name(close[0])}?" if close else "ls shows what is there"


class _Plain(ByteSource):
    def __init__(self, file: BinaryIO, name: str, *, ours: bool) -> None:
        self.name = name
        self._file = file
        self._ours = ours
        self._ahead = b""
        self._pipe = -1  # its descriptor, where more than one read may fill a buffer
        # A buffered file gives what one read of the system brings, where it can.
        self._readinto = getattr(file, "readinto1", None) or getattr(file, "readinto", None)
        with contextlib.suppress(OSError, AttributeError, ValueError):
            about = os.fstat(file.fileno())
            if stat.S_ISREG(about.st_mode):
                self.size = about.st_size
            elif isinstance(file, io.FileIO):
                self._pipe = file.fileno()
                with contextlib.suppress(OSError):
                    fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, _PIPE)

    def peek(self, size: int) -> bytes:
        """The first bytes, which are still to be read."""
        while len(self._ahead) < size:
            more = bytearray(size - len(self._ahead))
            try:
                got = self._read(memoryview(more))
            except BrokenSourceError as broken:
                raise NetariumError(f"{self.name} cannot be read: {broken}") from None
            if not got:
                break
            self._ahead += more[:got]
        return self._ahead

    def read_into(self, view: memoryview) -> int:
        got = len(self._ahead)
        if got:
            got = min(got, len(view))
            view[:got] = self._ahead[:got]
            self._ahead = self._ahead[got:]
            if self.size < 0:
                return got
        got += self._read(view[got:])
        while 0 < got < len(view) and self._pipe >= 0 and _has_more(self._pipe):
            more = self._read(view[got:])
            if not more:
                break
            got += more
        return got

    def _read(self, view: memoryview) -> int:
        if not view:
            return 0
        try:
            if self._readinto is not None:
                return int(self._readinto(view) or 0)
            data = self._file.read(len(view))
        except OSError as error:
            raise BrokenSourceError(error.strerror or str(error)) from None
        except EOFError as error:
            raise BrokenSourceError(str(error)) from None
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if self._ours:
            self._file.close()


def _has_more(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


class _Gzip(ByteSource):
    """gzip (RFC 1952), several members one behind another too.

    Where the packed bytes are damaged, all that can be unpacked before the damage is given.
    """

    def __init__(self, packed: ByteSource) -> None:
        self.name = packed.name
        self._packed = packed
        self._waiting = b""
        self._member = zlib.decompressobj(31)
        self._members = 0  # that are done
        self._begun = False  # whether the one at hand has had bytes
        self._careful = False  # damage is near: go on byte by byte
        self._broken = ""

    def read_into(self, view: memoryview) -> int:
        output = b""
        while not output and not self._broken:
            if not self._waiting:
                self._waiting = self._more()
                if not self._waiting and not self._begun:
                    return 0
            output = self._unpacked(len(view))
        if not output:
            raise BrokenSourceError(self._broken)
        view[: len(output)] = output
        return len(output)

    def _more(self) -> bytes:
        buffer = bytearray(_PACKED)
        got = self._packed.read_into(memoryview(buffer))
        return bytes(buffer[:got])

    def _unpacked(self, most: int) -> bytes:
        if not self._waiting:  # the end of the file within a member
            output = self._member.decompress(b"", most)
            self._broken = "" if output else "the gzip stream is cut short"
            return output
        if self._members and not self._begun and self._waiting[0] != _GZIP[0]:
            self._waiting = b""  # padding behind the last member
            return b""
        self._begun = True
        if self._careful:
            return self._up_to_the_damage(most)
        before = self._member.copy()
        try:
            output = self._member.decompress(self._waiting, most)
        except zlib.error:
            self._member = before
            self._careful = True
            return b""
        self._waiting = self._member.unconsumed_tail
        if self._member.eof:
            self._waiting = self._member.unused_data
            self._member = zlib.decompressobj(31)
            self._begun = False
            self._members += 1
        return output

    def _up_to_the_damage(self, most: int) -> bytes:
        output = bytearray()
        while self._waiting and len(output) < most:
            try:
                output += self._member.decompress(self._waiting[:1], most - len(output))
            except zlib.error as error:
                said = str(error).rpartition(": ")[2]
                self._broken = f"the gzip stream is damaged ({said})"
                break
            if not self._member.unconsumed_tail:
                self._waiting = self._waiting[1:]
        return bytes(output)

    def close(self) -> None:
        self._packed.close()


class _Arrow(ByteSource):
    """zstd and lz4, which pyarrow unpacks."""

    def __init__(self, packed: ByteSource, codec: Literal["zstd", "lz4"]) -> None:
        import pyarrow

        self.name = packed.name
        self._codec = codec
        self._packed = packed
        try:
            self._stream = pyarrow.CompressedInputStream(
                pyarrow.PythonFile(_Readable(packed), "r"), codec
            )
        except (pyarrow.ArrowException, OSError, ValueError):
            raise NetariumError(
                f"{self.name} is packed with {codec}, which this machine's pyarrow does not know",
                f"unpack it: {codec} -dc {self.name} | netarium read -",
            ) from None

    def read_into(self, view: memoryview) -> int:
        try:
            # Little by little: what is unpacked together with damage is lost.
            data: bytes = self._stream.read(min(len(view), _PACKED))
        except (OSError, ValueError) as error:
            raise BrokenSourceError(f"the {self._codec} stream is damaged ({error})") from None
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._packed.close()


class _Readable(io.RawIOBase):
    """A source as the kind of file that pyarrow reads from."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._source.read_into(memoryview(buffer))
