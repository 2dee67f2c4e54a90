"""Loopback listeners on the host that continue from a node: a SOCKS5 proxy, and plain ports."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from netarium.errors import NetariumError
from netarium.runtime.dial import Dialer, DialError, own_addresses
from netarium.runtime.run import open_node

if TYPE_CHECKING:
    from netarium.runtime.state import RunningLab

__all__ = ["Forward", "forward", "gone", "proxy"]

_LOOPBACK = "127.0.0.1"
_CHUNK = 65536

# RFC 1928, sections 3 to 6.
_VERSION, _NO_AUTHENTICATION, _NO_METHOD, _CONNECT = 5, 0, 0xFF, 1
_IPV4, _NAME, _IPV6 = 1, 3, 4
_SUCCEEDED, _FAILED, _NET_UNREACHABLE, _HOST_UNREACHABLE = 0, 1, 3, 4
_REFUSED, _TTL_EXPIRED, _BAD_COMMAND, _BAD_ADDRESS = 5, 6, 7, 8
_REPLIES = {
    0: _HOST_UNREACHABLE,
    errno.ENETUNREACH: _NET_UNREACHABLE,
    errno.EHOSTUNREACH: _HOST_UNREACHABLE,
    errno.ECONNREFUSED: _REFUSED,
    errno.ETIMEDOUT: _TTL_EXPIRED,
}

_Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


class Forward:
    """A loopback port of the host that leads to a port of a node. ``port`` 0 takes a free one."""

    __slots__ = ("node", "port", "target")

    def __init__(self, port: int, node: str, target: int) -> None:
        self.port = port
        self.node = node
        self.target = target


@contextlib.asynccontextmanager
async def proxy(lab: RunningLab, node: str, port: int = 0) -> AsyncIterator[int]:
    """Offer SOCKS5 on 127.0.0.1: connections go out from the node, which resolves the names.

    The value of the block is the port. CONNECT is served, to names, IPv4 and IPv6.
    Raises NetariumError where the port is taken.
    """
    with Dialer(lab, node) as dialer:

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(asyncio.IncompleteReadError):
                await _serve_socks(dialer, reader, writer)

        async with _listening(port, serve) as chosen:
            yield chosen


@contextlib.asynccontextmanager
async def forward(lab: RunningLab, forwards: Sequence[Forward]) -> AsyncIterator[list[int]]:
    """Offer ports of nodes on 127.0.0.1; the value of the block is the host's ports, in order."""
    async with contextlib.AsyncExitStack() as stack:
        dialers: dict[str, Dialer] = {}
        ports = []
        for each in forwards:
            if each.node not in dialers:
                dialers[each.node] = stack.enter_context(Dialer(lab, each.node))
            handler = _to_node(dialers[each.node], own_addresses(lab, each.node), each.target)
            ports.append(await stack.enter_async_context(_listening(each.port, handler)))
        yield ports


async def gone(lab: RunningLab, node: str) -> None:
    """Return when the node's first process has ended."""
    pidfd = open_node(lab, node)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(pidfd, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)


@contextlib.asynccontextmanager
async def _listening(port: int, handler: _Handler) -> AsyncIterator[int]:
    tasks: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await handler(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # a peer that goes away ends its connection, nothing else
        finally:
            tasks.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    try:
        server = await asyncio.start_server(one, _LOOPBACK, port)
    except OSError as error:
        raise NetariumError(
            f"cannot listen on {_LOOPBACK} port {port}: {os.strerror(error.errno or 0)}",
            "choose another port",
        ) from error
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _to_node(dialer: Dialer, addresses: Sequence[str], port: int) -> _Handler:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far = await asyncio.wrap_future(dialer.request(addresses, port))
        except DialError:
            _reset(writer)
            return
        await _join(reader, writer, far)

    return serve


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a reset, as near to "connection refused" as an accepted connection comes."""
    own: socket.socket = writer.get_extra_info("socket")
    own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def _serve_socks(
    dialer: Dialer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    version, count = await reader.readexactly(2)
    if version != _VERSION:
        return
    methods = await reader.readexactly(count)
    if _NO_AUTHENTICATION not in methods:
        writer.write(bytes((_VERSION, _NO_METHOD)))
        await writer.drain()
        return
    writer.write(bytes((_VERSION, _NO_AUTHENTICATION)))
    _, command, _, kind = await reader.readexactly(4)
    host = await _read_host(reader, kind)
    (port,) = struct.unpack("!H", await reader.readexactly(2)) if host else (0,)
    if host is None or command != _CONNECT:
        await _reply(writer, _BAD_ADDRESS if host is None else _BAD_COMMAND)
        return
    try:
        far = await asyncio.wrap_future(dialer.request([host], port))
    except DialError as error:
        await _reply(writer, _REPLIES.get(error.number, _FAILED))
        return
    await _reply(writer, _SUCCEEDED)
    await _join(reader, writer, far)


async def _read_host(reader: asyncio.StreamReader, kind: int) -> str | None:
    if kind == _IPV4:
        return socket.inet_ntop(socket.AF_INET, await reader.readexactly(4))
    if kind == _IPV6:
        return socket.inet_ntop(socket.AF_INET6, await reader.readexactly(16))
    if kind == _NAME:
        (length,) = await reader.readexactly(1)
        return (await reader.readexactly(length)).decode("ascii", "replace")
    return None


async def _reply(writer: asyncio.StreamWriter, code: int) -> None:
    writer.write(bytes((_VERSION, code, 0, _IPV4)) + bytes(6))
    await writer.drain()


async def _join(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, far: socket.socket
) -> None:
    """Copy both ways until both sides have finished; one side's end is passed on by itself."""
    far_reader, far_writer = await asyncio.open_connection(sock=far)
    try:
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
    finally:
        far_writer.close()
        with contextlib.suppress(OSError):
            await far_writer.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
