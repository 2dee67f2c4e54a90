"""A directory as a web site: files, ranges, revalidation, listings (RFC 9110). A WSGI application.

Nothing outside the directory is ever served: a path with ``..`` is not found,
and neither is a symbolic link that leads out.
"""

from __future__ import annotations

import html
import mimetypes
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

__all__ = ["Files", "StartResponse", "content_type", "status_page"]

StartResponse = Callable[[str, list[tuple[str, str]]], object]

_INDEX = ("index.html", "index.htm")
_BLOCK = 1 << 16
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})$")


class Files:
    """Serves the files below ``root``, which need not exist yet."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __call__(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return status_page(start, "405 Method Not Allowed", [("Allow", "GET, HEAD")])
        # WSGI hands over the bytes of the path as Latin-1 (PEP 3333).
        path = os.fsdecode(environ["PATH_INFO"].encode("latin-1"))
        parts = [part for part in path.split("/") if part and part != "."]
        if ".." in parts or "\0" in path:
            return status_page(start, "404 Not Found")
        try:
            opened = self._open(parts)
        except PermissionError:
            return status_page(start, "403 Forbidden")
        except OSError:
            return status_page(start, "404 Not Found")
        kind = os.fstat(opened).st_mode
        if stat.S_ISREG(kind):
            if path.endswith("/"):
                os.close(opened)
                return status_page(start, "404 Not Found")
            return _send(opened, parts[-1], environ, start)
        try:
            if not stat.S_ISDIR(kind):
                return status_page(start, "403 Forbidden")
            if not path.endswith("/"):
                # Relative links on the page need it. One leading slash only: two name a host.
                place = "/" + "/".join(map(_quoted, parts)) + "/"
                return status_page(start, "301 Moved Permanently", [("Location", place)])
            for name in _INDEX:
                try:
                    index = self._open([*parts, name])
                except OSError:
                    continue
                return _send(index, name, environ, start)
            return _send_listing(opened, parts, start)
        finally:
            os.close(opened)

    def _open(self, parts: list[str]) -> int:
        """Open a file or directory for reading.

        What was opened is looked at, not the path, so that nobody can swap a
        link in between; not blocking, because it may be a named pipe.
        """
        root = self._root.resolve()
        opened = os.open(root.joinpath(*parts), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        real = Path(f"/proc/self/fd/{opened}").readlink()
        if not real.is_relative_to(root):
            os.close(opened)
            raise FileNotFoundError(real)
        return opened


def _send(opened: int, name: str, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
    """Send an open file, or the part of it that is asked for; closes it."""
    state = os.fstat(opened)
    if not stat.S_ISREG(state.st_mode):
        os.close(opened)
        return status_page(start, "403 Forbidden")
    tag = f'"{state.st_mtime_ns:x}-{state.st_size:x}"'
    headers = [
        ("ETag", tag),
        ("Last-Modified", formatdate(state.st_mtime, usegmt=True)),
        ("Accept-Ranges", "bytes"),
    ]
    if _is_fresh(environ, tag, int(state.st_mtime)):
        os.close(opened)
        start("304 Not Modified", headers)
        return []
    size, first, status = state.st_size, 0, "200 OK"
    length = size
    asked = _RANGE.match(environ.get("HTTP_RANGE", ""))
    if asked and asked.group() != "bytes=-" and _range_is_current(environ, tag, headers[1][1]):
        first, length = _part(asked.group(1), asked.group(2), size)
        if length <= 0:
            os.close(opened)
            unsatisfied = [("Content-Range", f"bytes */{size}")]
            return status_page(start, "416 Range Not Satisfiable", unsatisfied)
        status = "206 Partial Content"
        headers.append(("Content-Range", f"bytes {first}-{first + length - 1}/{size}"))
    headers.append(("Content-Type", content_type(name, os.pread(opened, 1024, 0))))
    headers.append(("Content-Length", str(length)))
    start(status, headers)
    if environ["REQUEST_METHOD"] == "HEAD":
        os.close(opened)
        return []
    return _Blocks(opened, first, length)


class _Blocks:
    """The bytes of an open file, block by block; the server closes it in the end (PEP 3333)."""

    def __init__(self, opened: int, first: int, length: int) -> None:
        self._file = os.fdopen(opened, "rb", buffering=0)
        self._file.seek(first)
        self._left = length

    def __iter__(self) -> Iterator[bytes]:
        while self._left > 0:
            block = self._file.read(min(_BLOCK, self._left))
            if not block:
                # The length is promised: all that can be done is to break the connection.
                raise ConnectionAbortedError(f"{self._left} bytes of the file are gone")
            self._left -= len(block)
            yield block

    def close(self) -> None:
        self._file.close()


def _is_fresh(environ: dict[str, Any], tag: str, changed: int) -> bool:
    """Whether the client has this very file already (RFC 9110 13.2.2)."""
    tags = environ.get("HTTP_IF_NONE_MATCH")
    if tags is not None:
        known = {t.strip().removeprefix("W/") for t in tags.split(",")}
        return tag in known or "*" in known
    try:
        since = parsedate_to_datetime(environ.get("HTTP_IF_MODIFIED_SINCE", ""))
    except (ValueError, TypeError, IndexError):
        return False
    return changed <= since.timestamp()


def _range_is_current(environ: dict[str, Any], tag: str, modified: str) -> bool:
    """Whether a range may be sent, not the whole (RFC 9110 13.1.5)."""
    return environ.get("HTTP_IF_RANGE", tag) in (tag, modified)


def _part(first: str, last: str, size: int) -> tuple[int, int]:
    """Offset and length of one byte range (RFC 9110 14.1.2)."""
    if not first:
        length = min(int(last), size)
        return size - length, length
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    return start, end - start + 1


def _send_listing(opened: int, parts: list[str], start: StartResponse) -> Iterable[bytes]:
    with os.scandir(opened) as entries:
        rows = sorted((not e.is_dir(), e.name, e.stat(follow_symlinks=False)) for e in entries)
    title = html.escape(_readable("/" + "".join(f"{part}/" for part in parts)))
    lines = ['<tr><td><a href="../">../</a></td></tr>'] if parts else []
    for is_file, name, state in rows:
        slash = "" if is_file else "/"
        size = f"{state.st_size:,}" if is_file else ""
        # "./" so that a name with a colon in it is not taken for a scheme.
        lines.append(
            f'<tr><td><a href="./{_quoted(name)}{slash}">{html.escape(_readable(name))}{slash}</a>'
            f"</td><td>{formatdate(state.st_mtime, usegmt=True)}</td><td>{size}</td></tr>"
        )
    page = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        "<style>body{font-family:sans-serif;margin:2em}td{padding:.1em 1.5em .1em 0}"
        "td:last-child{text-align:right}</style></head>\n"
        f"<body><h1>{title}</h1>\n<table>\n" + "\n".join(lines) + "\n</table></body></html>\n"
    ).encode()
    start(
        "200 OK",
        [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(page)))],
    )
    return [page]


def content_type(name: str, beginning: bytes) -> str:
    """The media type of a file, by its name, else by whether it begins like text."""
    kind, encoding = mimetypes.guess_type(name)
    if encoding:
        # "site.tar.gz" is a compressed file to keep, not a page that happens to be compressed.
        return f"application/{encoding}"
    if kind is None:
        kind = "application/octet-stream" if b"\0" in beginning else "text/plain"
    if kind.startswith("text/") or kind in ("application/javascript", "application/json"):
        return f"{kind}; charset=utf-8"
    return kind


def status_page(
    start: StartResponse, status: str, headers: list[tuple[str, str]] | None = None
) -> list[bytes]:
    """Answer with nothing but a status line and the same in words."""
    page = f"{status}\n".encode()
    start(
        status,
        [
            *(headers or []),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(page))),
        ],
    )
    return [page]


def _quoted(name: str) -> str:
    return quote(os.fsencode(name))


def _readable(name: str) -> str:
    return os.fsencode(name).decode(errors="replace")
