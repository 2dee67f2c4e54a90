"""The Telnet service: asks for a name and a password in the clear, then gives a shell."""

from __future__ import annotations

import asyncio
import re
import socket

from netarium.model.lab import Account
from netarium.model.options import TelnetOptions
from netarium.services import login
from netarium.services.environment import environment
from netarium.services.listening import allow_many_files, listen
from netarium.services.program import RunningProgram
from netarium.services.setup import Setup
from netarium.services.telnet_protocol import (
    Command,
    Connection,
    Data,
    Event,
    TerminalType,
    WindowSize,
)

__all__ = ["serve"]

_LOGIN_TIMEOUT = 60  # seconds for the whole login, as login(1)
_MAX_FAILURES = 3
_LONGEST_LINE = 256
_TERMINAL_NAME = re.compile(r"[a-z0-9][a-z0-9._+-]{0,63}")
_INTERRUPT, _END, _KILL_LINE, _BACKSPACES = 0x03, 0x04, 0x15, (0x08, 0x7F)

#: The key on a terminal that does what a command of the protocol asks.
_KEYS = {
    Command.END_OF_FILE: b"\x04",
    Command.SUSPEND: b"\x1a",
    Command.ABORT: b"\x1c",
    Command.BREAK: b"\x03",
    Command.INTERRUPT: b"\x03",
    Command.ERASE_CHARACTER: b"\x7f",
    Command.ERASE_LINE: b"\x15",
}


def serve(setup: Setup) -> None:
    """Serve Telnet on every address of the node."""
    asyncio.run(_serve(setup))


async def _serve(setup: Setup) -> None:
    allow_many_files()
    options = TelnetOptions(**setup.service.options)
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(lambda: _Session(setup), sock=socket, backlog=1024)
        for socket in listen(options.port)
    ]
    setup.ready()
    await asyncio.gather(*(server.serve_forever() for server in servers))


class _Session(asyncio.Protocol):
    """One connection, from the prompt for a name to the end of the shell."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._telnet = Connection()
        self._transport: asyncio.Transport
        self._timer: asyncio.TimerHandle | None = None
        self._line = bytearray()
        self._name: str | None = None
        self._failures = 0
        self._kind = "dumb"
        self._size = (80, 24, 0, 0)
        self._account: Account | None = None
        self._running: RunningProgram | None = None
        self._origin = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        client = transport.get_extra_info("peername") or ("unknown", 0)
        self._origin = f"{client[0]} port {client[1]}"
        # A client marks its Synch as urgent (RFC 854); out of line, that octet would be missing.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_LOGIN_TIMEOUT, self._too_late)
        transport.write(self._telnet.opening())
        self._prompt()

    def data_received(self, data: bytes) -> None:
        for event in self._telnet.receive(data):
            self._take(event)
        self._transport.write(self._telnet.answers())

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer:
            self._timer.cancel()
        if self._running:
            self._running.close()
            self._running = None
            self._say("session ended: the client left")

    def pause_writing(self) -> None:
        if self._running:
            self._running.pause()

    def resume_writing(self) -> None:
        if self._running:
            self._running.resume()

    def _take(self, event: Event) -> None:
        if isinstance(event, WindowSize):
            if event.columns and event.rows:
                self._size = (event.columns, event.rows, 0, 0)
                if self._running:
                    self._running.resize(self._size)
        elif isinstance(event, TerminalType):
            if _TERMINAL_NAME.fullmatch(event.name):
                self._kind = event.name
        else:
            typed = event.data if isinstance(event, Data) else _KEYS[event]
            if self._running:
                self._running.write(typed)
            else:
                self._type(typed)

    def _type(self, typed: bytes) -> None:
        """Edit the line of a prompt, as a terminal would; the rest of ``typed`` is the shell's."""
        for position, key in enumerate(typed):
            if self._transport.is_closing():
                return
            if key in b"\r\n":
                self._write(b"\r\n")
                self._enter(self._line.decode(errors="replace"))
                if self._running:
                    self._running.write(typed[position + 1 :])
                    return
            elif key in _BACKSPACES:
                self._erase(1)
            elif key == _KILL_LINE:
                self._erase(len(self._line))
            elif key in (_INTERRUPT, _END):
                self._transport.close()
            elif key >= 0x20 and len(self._line) < _LONGEST_LINE:
                self._line.append(key)
                if self._name is None:
                    self._write(bytes((key,)))

    def _erase(self, count: int) -> None:
        count = min(count, len(self._line))
        del self._line[len(self._line) - count :]
        if self._name is None:
            self._write(b"\b \b" * count)

    def _enter(self, line: str) -> None:
        self._line.clear()
        if self._name is None:
            self._name = line.strip() or None
            self._prompt()
            return
        name, self._name = self._name, None
        account = login.check_password(self._setup.accounts, name, line)
        if account is not None:
            self._account = account
            self._start(account)
            return
        known = login.account_named(self._setup.accounts, name)
        self._setup.log.warning(
            "wrong password for %r%s from %s",
            name,
            "" if known else " (no such account)",
            self._origin,
        )
        self._write(b"\r\nLogin incorrect\r\n")
        self._failures += 1
        if self._failures >= _MAX_FAILURES:
            self._transport.close()
        else:
            self._prompt()

    def _prompt(self) -> None:
        if self._name is None:
            self._write(f"{self._setup.node.name} login: ".encode())
        else:
            self._write(b"Password: ")

    def _start(self, account: Account) -> None:
        if self._timer:
            self._timer.cancel()
        self._say("logged in by password")
        variables = environment(self._setup.lab, self._setup.node, account)
        terminal = login.Terminal(self._kind, self._size)
        try:
            program = login.start(account, None, variables, terminal)
        except OSError as error:
            reason = f"{error.filename or account.shell}: {error.strerror}"
            self._say(f"cannot start a session: {reason}")
            self._write(f"{reason}\r\n".encode())
            self._transport.close()
            return
        self._running = RunningProgram(
            program,
            on_output=lambda data, _: self._write(data),
            on_exit=self._exited,
            on_pressure=self._press,
        )

    def _exited(self, code: int) -> None:
        self._running = None
        self._say(f"session ended: exit code {code}")
        self._transport.close()

    def _press(self, full: bool) -> None:
        if full:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _too_late(self) -> None:
        self._write(f"\r\nLogin timed out after {_LOGIN_TIMEOUT} seconds.\r\n".encode())
        self._transport.close()

    def _write(self, data: bytes) -> None:
        self._transport.write(self._telnet.send(data))

    def _say(self, what: str) -> None:
        assert self._account is not None
        self._setup.log.info("%s from %s: %s", self._account.name, self._origin, what)
