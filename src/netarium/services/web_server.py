"""The HTTP server around a WSGI application: sockets, threads, TLS, access log.

Cheroot speaks HTTP. Four things are done here in its stead: one pool of threads
serves all sockets and grows only as needed; TLS is negotiated in that pool, so
that a silent client holds up nobody; a HEAD request never gets a body; and each
request becomes a line in Combined Log Format.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cheroot.connections import ConnectionManager
from cheroot.errors import FatalSSLAlert
from cheroot.makefile import MakeFile
from cheroot.server import HTTPConnection, HTTPRequest
from cheroot.ssl import Adapter
from cheroot.wsgi import Server as CherootServer

__all__ = ["AccessLog", "Pool", "Server", "tls_context"]

#: Threads at most: so many requests may be slow at the same time.
THREADS = 128
#: Seconds that a client may be silent, between requests and within one.
TIMEOUT = 30
# Seconds that it may take to negotiate TLS, which holds a thread.
_HANDSHAKE_TIMEOUT = 10

# Bytes of a body that nobody wanted to read past before the connection is given up.
_DRAIN = 1 << 20
# The same where the header says how long it is: the client may yet be about to read.
_DRAIN_SIZED = 1 << 26
_CLEAR_TEXT = b"This port speaks HTTPS; ask for https:// instead.\n"


class AccessLog:
    """A file with a line for each request, in Apache's Combined Log Format."""

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o644)

    def add(self, request: _Request) -> None:
        """Note a request that was answered."""
        line = request.request_line.decode("latin-1")
        words = [
            request.conn.remote_addr or "-",
            "-",
            "-",
            time.strftime("[%d/%b/%Y:%H:%M:%S %z]"),
            f'"{_printable(line)}"',
            request.status[:3].decode("latin-1"),
            str(request.bytes_sent or "-"),
            *(f'"{_printable(_header(request, name))}"' for name in (b"Referer", b"User-Agent")),
        ]
        # One write to a file opened for appending: lines of several threads never mix.
        os.write(self._file, (" ".join(words) + "\n").encode())


def _header(request: _Request, name: bytes) -> str:
    value: bytes = request.inheaders.get(name, b"")
    return value.decode("latin-1") or "-"


def _printable(text: str) -> str:
    """Text within quotes: a client must not be able to forge a line."""
    return "".join(
        c if c.isprintable() and c not in '"\\' else f"\\x{ord(c):02x}" for c in text[:2000]
    )


class Pool:
    """Threads that serve connections, made when all others are busy."""

    def __init__(self, limit: int = THREADS) -> None:
        self._waiting: queue.SimpleQueue[_Connection] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._limit = limit
        self._threads = 0
        self._unclaimed = 0

    def put(self, connection: _Connection) -> None:
        """Have a connection served that has something to say."""
        with self._lock:
            # Negative: so many threads wait for work; positive: so much work waits for threads.
            self._unclaimed += 1
            grow = self._unclaimed > 0 and self._threads < self._limit
            self._threads += grow
        self._waiting.put(connection)
        if grow:
            threading.Thread(target=self._work, daemon=True).start()

    def start(self) -> None:
        """Nothing: threads come with work."""

    def _work(self) -> None:
        while True:
            with self._lock:
                self._unclaimed -= 1
            self._waiting.get().serve()


class _Request(HTTPRequest):
    """One request and its response."""

    bytes_sent = 0
    request_line = b""
    status: Any = b"-"
    method = b""

    def read_request_line(self) -> bool:
        # Kept for the log as it came, before it is taken to pieces.
        self.rfile = _Remembering(self.rfile, self)
        try:
            return bool(super().read_request_line())  # type: ignore[no-untyped-call]
        finally:
            self.rfile = self.rfile.inner

    def respond(self) -> None:
        try:
            super().respond()
            if self.chunked_read and not self.close_connection:
                # What the application left of the body is not the next request.
                self.close_connection = len(self.rfile.read(_DRAIN)) == _DRAIN
        finally:
            self.server.access_log.add(self)

    def send_headers(self) -> None:
        # cheroot would read the rest of the body into memory, however much its header claims.
        remaining = getattr(self.rfile, "remaining", 0)
        self.close_connection = self.close_connection or remaining > _DRAIN_SIZED
        while remaining and not self.close_connection and self.rfile.remaining > 0:
            self.close_connection = not self.rfile.read(min(self.rfile.remaining, _DRAIN))
        super().send_headers()

    def simple_response(self, status: Any, msg: Any = "") -> None:
        self.status = str(status).encode("latin-1")
        self.bytes_sent += len(msg)
        super().simple_response(status, msg)
        if not self.ready:
            self.server.access_log.add(self)

    def write(self, chunk: bytes) -> None:
        if self.method == b"HEAD":
            return
        self.bytes_sent += len(chunk)
        super().write(chunk)


class _Remembering:
    """A request's input that keeps its first line with content for the log."""

    def __init__(self, inner: Any, request: _Request) -> None:
        self.inner = inner
        self._request = request

    def readline(self, *arguments: Any) -> bytes:
        line: bytes = self.inner.readline(*arguments)
        self._request.request_line = line.rstrip(b"\r\n")
        return line


class _Connection(HTTPConnection):
    """One client. TLS is negotiated here, when the client first says something."""

    RequestHandlerClass = _Request
    _negotiated = False

    def serve(self) -> None:
        """Answer one request; then wait for another, or hang up."""
        keep = False
        try:
            keep = self._negotiate() and self.communicate()  # type: ignore[no-untyped-call]
        except OSError as error:
            self.server.error_log(f"{self.remote_addr}: {error}", logging.INFO)
        except BaseException:
            # Whatever an application raises, the thread has others to serve.
            self.server.error_log(f"{self.remote_addr}", logging.ERROR, traceback=True)
        try:
            if keep:
                self.server.put_conn(self)
            else:
                self.close()
        except Exception:
            self.server.error_log(f"{self.remote_addr}", logging.WARNING, traceback=True)

    def _negotiate(self) -> bool:
        if self._negotiated or not isinstance(self.socket, ssl.SSLSocket):
            return True
        try:
            self.socket.settimeout(_HANDSHAKE_TIMEOUT)
            self.socket.do_handshake()
            self.socket.settimeout(TIMEOUT)
        except OSError as error:
            if getattr(error, "reason", None) == "HTTP_REQUEST":
                _answer_clear_text(self.socket)
            self.server.error_log(f"{self.remote_addr}: no TLS: {error}", logging.INFO)
            return False
        self._negotiated = True
        cipher = self.socket.cipher()
        if cipher:
            self.ssl_env |= {"SSL_PROTOCOL": cipher[1], "SSL_CIPHER": cipher[0]}
        return True

    def close(self) -> None:
        if self._negotiated and not self.linger:
            # RFC 8446 6.1: say goodbye, or the client takes the end for a cut. Not
            # waiting for its own goodbye.
            with contextlib.suppress(OSError, ValueError):
                self.socket.settimeout(0)
                self.socket.unwrap()
        super().close()


def _answer_clear_text(stream: ssl.SSLSocket) -> None:
    head = f"HTTP/1.1 400 Bad Request\r\nContent-Length: {len(_CLEAR_TEXT)}\r\n"
    plain = socket.socket(fileno=os.dup(stream.fileno()))
    with plain, contextlib.suppress(OSError):
        plain.send(head.encode() + b"Connection: close\r\n\r\n" + _CLEAR_TEXT)


class _Tls(Adapter):
    """Marks a socket as one that will speak TLS."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context

    def bind(self, sock: socket.socket) -> socket.socket:
        return sock

    def wrap(self, sock: socket.socket) -> tuple[ssl.SSLSocket, dict[str, str]]:
        try:
            stream = self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        except OSError as error:  # the client sent something and was gone before we looked
            sock.close()
            raise FatalSSLAlert(str(error)) from error
        return stream, self.get_environ()

    def get_environ(self) -> dict[str, str]:
        return {"wsgi.url_scheme": "https", "HTTPS": "on"}

    def makefile(self, sock: Any, mode: str = "r", bufsize: int = -1) -> Any:
        return MakeFile(sock, mode, bufsize)


def tls_context(certificate: Path) -> ssl.SSLContext:
    """A context for a PEM file that holds a certificate and its key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(["http/1.1"])
    return context


class Server(CherootServer):
    """Serves a WSGI application on one listening socket.

    Args:
        listening: the socket.
        application: the WSGI application.
        name: host name of the server, for ``SERVER_NAME``.
        pool: threads, shared with other servers.
        access_log: where requests are noted.
        log: where errors are noted.
        context: speak TLS with it.
    """

    ConnectionClass = _Connection
    # More connections that wait for their next request than any crowd of a lab makes.
    keep_alive_conn_limit = 10_000
    # Seconds between looks for connections that waited too long.
    expiration_interval = 5
    max_request_header_size = 1 << 17

    def __init__(
        self,
        listening: socket.socket,
        application: Callable[..., Iterable[bytes]],
        *,
        name: str,
        pool: Pool,
        access_log: AccessLog,
        log: logging.Logger,
        context: ssl.SSLContext | None = None,
    ) -> None:
        errors = _Errors(log)

        def with_environment(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
            environ["SERVER_NAME"] = name
            environ["wsgi.errors"] = errors
            # As a stream of Python's own: cheroot's readline spins for ever on chunked input,
            # and its read makes room at once for all that the header claims.
            environ["wsgi.input"] = io.BufferedReader(_Body(environ["wsgi.input"]))
            if environ["wsgi.input_terminated"]:
                # The header is gone with the coding (RFC 9112 6.1); httpbin refuses a body
                # that has it.
                environ.pop("HTTP_TRANSFER_ENCODING", None)
            return application(environ, start)

        super().__init__(listening.getsockname()[:2], with_environment, server_name="netarium")
        self.software = "netarium"
        self.timeout = TIMEOUT
        self.requests = pool
        self.access_log = access_log
        self._log = log
        self.socket = listening
        if context is not None:
            self.ssl_adapter = _Tls(context)

    def prepare(self) -> None:
        """Begin to take connections; ``serve`` follows."""
        self.socket.settimeout(1)
        self._connections = ConnectionManager(self)
        self.ready = True
        self._start_time = time.time()

    def process_conn(self, conn: _Connection) -> None:
        """Have a connection served; a new one only once its client says something."""
        if conn.last_used is None:
            self._connections.put(conn)
        else:
            self.requests.put(conn)

    def put_conn(self, conn: _Connection) -> None:
        """Wait for a connection's next request, unless TLS holds some of it already."""
        pending = getattr(conn.socket, "pending", None)
        if pending is not None and pending():
            self.requests.put(conn)
        else:
            super().put_conn(conn)

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """Write into the service's log."""
        self._log.log(level, "%s", msg, exc_info=traceback)


class _Body(io.RawIOBase):
    """A request body as a raw stream."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._body.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Errors(io.TextIOBase):
    """What an application writes to ``wsgi.errors`` goes into the service's log."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log

    def write(self, text: str) -> int:
        if text.strip():
            self._log.error("%s", text.rstrip())
        return len(text)
