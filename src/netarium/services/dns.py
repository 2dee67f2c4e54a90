"""The name server of a lab: UDP and TCP around ``dns_zones`` (RFC 1035 4.2, RFC 7766)."""

from __future__ import annotations

import asyncio
import socket
import struct
from logging import Logger
from typing import Any

from netarium.model.naming import names, reverse_names
from netarium.services.dns_zones import Zones
from netarium.services.listening import allow_many_files, listen, open_datagram
from netarium.services.setup import Setup

__all__ = ["serve"]

#: Seconds that a TCP connection may be silent (RFC 7766 6.2.3 asks for "a few seconds" at least).
IDLE = 20.0

# Datagrams read before the loop looks at other sockets again.
_BURST = 64
_IP_PKTINFO = 8
_IN_PKTINFO = struct.Struct("=i4s4s")
_IN6_PKTINFO = struct.Struct("=16si")
_LINK_LOCAL = (b"\xfe\x80", b"\xff\x02")
_SPACE = socket.CMSG_SPACE(_IN6_PKTINFO.size) + socket.CMSG_SPACE(_IN_PKTINFO.size)


def serve(setup: Setup) -> None:
    """Answer for the lab's names until killed."""
    zones = zones_of(setup)
    allow_many_files()
    port = setup.service.options["port"]
    asyncio.run(_serve(zones, open_datagram(port), listen(port), setup))


def zones_of(setup: Setup) -> Zones:
    """What this server knows: the lab's names, and the records that its options add."""
    return Zones(
        forward=names(setup.lab),
        reverse=reverse_names(setup.lab),
        server=setup.node.names[0],
        zone=setup.service.options.get("zone") or setup.lab.domain,
        records=setup.service.options.get("records") or (),
    )


async def _serve(
    zones: Zones, datagrams: list[socket.socket], streams: list[socket.socket], setup: Setup
) -> None:
    loop = asyncio.get_running_loop()
    for datagram in datagrams:
        loop.add_reader(datagram, _answer_datagrams, datagram, zones, setup.log)
    for stream in streams:
        await loop.create_server(lambda: _Stream(zones, setup.log), sock=stream)
    setup.ready()
    await loop.create_future()


def _answer_datagrams(opened: socket.socket, zones: Zones, log: Logger) -> None:
    """Answer what has arrived, each from the very address that was asked (RFC 2181 4.1).

    One socket for all addresses, so that one added later is served too; the
    packet information says which was asked, and goes back as the source.
    """
    ipv4 = opened.family == socket.AF_INET
    for _ in range(_BURST):
        try:
            query, ancillary, _flags, client = opened.recvmsg(65535, _SPACE)
        except OSError:
            return
        try:
            reply = zones.answer(query)
        except Exception:
            log.exception("no answer to %s for %s", query.hex(), client[0])
            continue
        if reply is None:
            continue
        source = _source4(ancillary) if ipv4 else _source6(ancillary)
        try:
            opened.sendmsg([reply.wire], source, 0, client)
        except OSError as error:
            log.warning("%s#%d %s: %s", client[0], client[1], reply.text, error.strerror)
            continue
        log.info("%s#%d %s udp", client[0], client[1], reply.text)


def _source4(ancillary: list[tuple[int, int, bytes]]) -> list[tuple[int, int, bytes]]:
    for level, kind, data in ancillary:
        if level == socket.IPPROTO_IP and kind == _IP_PKTINFO:
            _interface, local, _destination = _IN_PKTINFO.unpack(data)
            # No interface: the routes decide, as the way back may be another one.
            return [(socket.IPPROTO_IP, _IP_PKTINFO, _IN_PKTINFO.pack(0, local, bytes(4)))]
    return []


def _source6(ancillary: list[tuple[int, int, bytes]]) -> list[tuple[int, int, bytes]]:
    for level, kind, data in ancillary:
        if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
            asked, interface = _IN6_PKTINFO.unpack(data)
            if not asked.startswith(_LINK_LOCAL):
                interface = 0
            return [(level, kind, _IN6_PKTINFO.pack(asked, interface))]
    return []


class _Stream(asyncio.Protocol):
    """One TCP connection: queries behind a length each, as many as the client likes."""

    def __init__(self, zones: Zones, log: Logger) -> None:
        self._zones = zones
        self._log = log
        self._buffer = bytearray()
        self._client = "-"

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.Transport = transport
        peer = transport.get_extra_info("peername")
        if peer:
            self._client = f"{peer[0]}#{peer[1]}"
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self._timer = self._loop.call_later(IDLE, self._look_idle)

    def connection_lost(self, error: Exception | None) -> None:
        self._timer.cancel()

    def pause_writing(self) -> None:
        # A client that asks and does not read gets no more until it reads.
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        self._buffer += data
        try:
            start = 0
            while len(self._buffer) >= start + 2 and not self._transport.is_closing():
                end = start + 2 + int.from_bytes(self._buffer[start : start + 2])
                if len(self._buffer) < end:
                    break
                self._answer(bytes(self._buffer[start + 2 : end]))
                start = end
            del self._buffer[:start]
        except Exception:
            self._log.exception("no answer for %s", self._client)
            self._transport.close()

    def _answer(self, query: bytes) -> None:
        text = ""
        for reply in self._zones.conversation(query):
            self._transport.writelines((len(reply.wire).to_bytes(2), reply.wire))
            text = reply.text
        if text:
            self._log.info("%s %s tcp", self._client, text)
        else:
            # Not a query: nothing to wait for on this connection.
            self._transport.close()

    def _look_idle(self) -> None:
        left = self._heard + IDLE - self._loop.time()
        if left <= 0:
            self._transport.close()
        else:
            self._timer = self._loop.call_later(left, self._look_idle)
