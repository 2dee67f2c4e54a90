"""The edge of the mail service: sockets, TLS and time around the conversations."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import resource
import socket
import ssl
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from netarium.errors import NetariumError
from netarium.services.mail.conversation import START_TLS, WAIT, Conversation, Dialogue
from netarium.services.mail.imap import Imap
from netarium.services.mail.pop3 import Pop3
from netarium.services.mail.samples import samples
from netarium.services.mail.smtp import Smtp
from netarium.services.mail.store import Store
from netarium.services.setup import Setup

__all__ = ["serve"]

_MOST_CONNECTIONS = 2000
_BACKLOG = 1024
_SLICE = 32  # effects that one client gets before it is another's turn
_UNREAD = 1 << 18  # octets that a conversation has not asked for before reading pauses
_MAKERS = Callable[..., Conversation]


class _Connection(asyncio.Protocol):
    """Performs the effects of one conversation, and never lets its faults out."""

    def __init__(
        self,
        make: Callable[[str], Conversation],
        open_connections: set[_Connection],
        tls: ssl.SSLContext | None,
        log: logging.Logger,
    ) -> None:
        self._make = make
        self._all = open_connections
        self._tls = tls
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._conversation: Conversation | None = None
        self._dialogue: Dialogue[None] | None = None
        self._waiting = False
        self._blocked = False
        self._running = False
        self._handshake: asyncio.Task[None] | None = None
        self._resume: asyncio.Handle | None = None
        self._active = 0.0
        self._clock: asyncio.TimerHandle | None = None

    # What asyncio says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peername = transport.get_extra_info("peername")
        peer = str(peername[0]).removeprefix("::ffff:") if peername else "unknown"
        self._conversation = self._make(peer)
        self._all.add(self)
        if len(self._all) > _MOST_CONNECTIONS:
            self._hang_up("too many connections, come back later")
            return
        self._conversation.wake = self._wake
        self._dialogue = self._conversation.dialogue()
        self._active = self._loop.time()
        self._watch()
        self._run()

    def data_received(self, data: bytes) -> None:
        if self._conversation is None:
            return
        self._active = self._loop.time()
        self._conversation.received += data
        self._run()
        if len(self._conversation.received) > _UNREAD and not self._waiting and self._transport:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        if self._conversation is None:
            return False
        self._conversation.ended = True
        self._run()
        # Whoever half-closes still reads what is under way; TLS has no half.
        return not self._conversation.secure and self._handshake is None

    def pause_writing(self) -> None:
        self._blocked = True

    def resume_writing(self) -> None:
        self._blocked = False
        self._active = self._loop.time()
        self._run()

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.discard(self)
        self._transport = None
        if self._clock:
            self._clock.cancel()
        if self._resume:
            self._resume.cancel()
        conversation, self._conversation = self._conversation, None
        if conversation:
            conversation.ended = True
            with contextlib.suppress(Exception):
                conversation.release()
            # A last turn, so that the dialogue notices the end and logs it.
            with contextlib.suppress(Exception):
                if self._dialogue:
                    for _ in zip(self._dialogue, range(_SLICE), strict=False):
                        pass
                    self._dialogue.close()

    # What the conversation wants

    def _wake(self) -> None:
        # Never at once: whoever wakes is in the middle of a change of its own.
        if self._resume is None and self._transport:
            self._resume = self._loop.call_soon(self._again)

    def _again(self) -> None:
        self._resume = None
        self._run()

    def _run(self) -> None:
        if self._running or self._handshake or self._blocked or self._conversation is None:
            return
        transport, dialogue = self._transport, self._dialogue
        if transport is None or dialogue is None or transport.is_closing():
            return
        self._running = True
        self._waiting = False
        try:
            for _ in range(_SLICE):
                effect = next(dialogue, None)
                if effect is None:
                    transport.close()
                    return
                if isinstance(effect, bytes):
                    transport.write(effect)
                    if self._blocked or transport.is_closing():
                        return
                elif effect is WAIT:
                    self._waiting = True
                    transport.resume_reading()
                    return
                elif effect is START_TLS:
                    self._start_tls(transport)
                    return
        except Exception:
            self._log.exception(
                "%s %s: this connection failed",
                self._conversation.protocol,
                self._conversation.peer,
            )
            self._hang_up("internal error")
            return
        finally:
            self._running = False
        self._wake()

    def _start_tls(self, transport: asyncio.Transport) -> None:
        transport.pause_reading()
        self._handshake = self._loop.create_task(self._upgrade(transport))

    async def _upgrade(self, transport: asyncio.Transport) -> None:
        assert self._tls is not None and self._conversation is not None
        peer = self._conversation.peer
        try:
            secured = await self._loop.start_tls(
                transport, self, self._tls, server_side=True, ssl_handshake_timeout=30
            )
        except Exception as error:
            self._log.warning("%s: TLS handshake failed: %s", peer, error)
            transport.abort()
            return
        finally:
            self._handshake = None
        if secured is not None and self._conversation is not None:
            self._transport = secured
            self._run()

    def _watch(self) -> None:
        """Hang up on whoever is silent for longer than the protocol's patience."""
        if self._conversation is None:
            return
        left = self._active + self._conversation.patience - self._loop.time()
        if left <= 0:
            self._hang_up("silent for too long")
            return
        self._clock = self._loop.call_later(min(left, 60.0) + 0.01, self._watch)

    def _hang_up(self, reason: str) -> None:
        if self._transport and self._conversation and not self._transport.is_closing():
            self._transport.write(self._conversation.farewell(reason))
            self._transport.close()
            # A peer that reads nothing does not keep the connection.
            self._loop.call_later(5.0, self._abort)

    def _abort(self) -> None:
        if self._transport:
            self._transport.abort()


def _listeners(hosts: Iterable[str], port: int) -> list[socket.socket]:
    """Sockets that accept on the port, one an address; families that are missing are left out."""
    sockets: list[socket.socket] = []
    for host in hosts:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            # With the protocol spelt out, for asyncio turns Nagle's algorithm off only then.
            opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        except OSError as error:
            if error.errno == errno.EAFNOSUPPORT:
                continue
            raise
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.bind((host, port))
            opened.listen(_BACKLOG)
        except OSError as error:
            opened.close()
            if error.errno == errno.EADDRNOTAVAIL and sockets:
                continue
            for other in sockets:
                other.close()
            raise NetariumError(
                f"mail cannot listen on port {port} of {host}: {error.strerror}",
                "Give another port in the service's options, or null for none.",
            ) from error
        sockets.append(opened)
    return sockets


def _fill(store: Store, setup: Setup, options: dict[str, Any], domain: str) -> None:
    """Open every account's mailbox, and put into new ones what the lab file says."""
    letters: dict[str, list[bytes]] = {account.name: [] for account in setup.accounts}
    if options.get("samples") and letters:
        # The first account that is not the administrator's own: the one people log in with.
        person = next((a.name for a in setup.accounts if a.name != "root"), setup.accounts[0].name)
        letters[person] += samples(person, setup.node.names[0], domain)
    for name, texts in options.get("mailboxes", {}).items():
        if name not in letters:
            raise NetariumError(
                f"the mailbox {name} of service {setup.service.name} on {setup.node.name}"
                " belongs to no account of the lab",
                f"Write {name} under accounts, or use one of: {', '.join(letters)}.",
            )
        letters[name] += [text.encode() for text in texts]
    for name, messages in letters.items():
        folders = store.folders(name)
        if folders.fresh:
            for message in messages:
                folders.inbox.deliver(message)


def _allow_many_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _serve(setup: Setup, base: Path, hosts: tuple[str, ...]) -> None:
    options = setup.service.options
    names = {name.lower().removesuffix(".") for name in (*setup.node.names, setup.node.name)}
    domain = options.get("domain") or setup.lab.domain or setup.node.names[0]
    host = setup.node.names[0]
    store = Store(base, setup.accounts, host)
    _fill(store, setup, options, domain)
    domains = {domain.lower(), "localhost", "127.0.0.1", "::1", *names, *setup.node.addresses}
    tls: ssl.SSLContext | None = None
    if setup.tls_certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(setup.tls_certificate)
    smtp = partial(Smtp, domains=frozenset(domains))
    plans: tuple[tuple[str, int, _MAKERS, bool], ...] = (
        ("smtp", 25, smtp, False),
        ("pop3", 110, Pop3, False),
        ("pop3s", 995, Pop3, True),
        ("imap", 143, Imap, False),
        ("imaps", 993, Imap, True),
    )
    connections: set[_Connection] = set()
    loop = asyncio.get_running_loop()
    for key, default, maker, secure in plans:
        port = options.get(key, default)
        if port is None:
            continue
        if secure and tls is None:
            setup.log.warning("%s: no certificate, so port %d stays closed", key, port)
            continue

        def make(peer: str, maker: _MAKERS = maker, secure: bool = secure) -> Conversation:
            return maker(store, host, peer, setup.log, secure=secure, can_secure=tls is not None)

        factory = partial(_Connection, make, connections, tls, setup.log)
        for opened in _listeners(hosts, port):
            await loop.create_server(
                factory, sock=opened, backlog=_BACKLOG, ssl=tls if secure else None
            )
    setup.ready()
    await loop.create_future()


def serve(
    setup: Setup, base: Path = Path("/var/mail"), hosts: tuple[str, ...] = ("0.0.0.0", "::")
) -> None:
    """Serve SMTP, POP3, POP3S, IMAP and IMAPS until the process is killed.

    Args:
        setup: the service's world.
        base: the directory that holds a Maildir for each account.
        hosts: the addresses to listen on; IPv6 is left out where the node has none.

    Raises:
        NetariumError: a port cannot be opened, or a mailbox belongs to no account.
    """
    _allow_many_files()
    asyncio.run(_serve(setup, base, hosts))
