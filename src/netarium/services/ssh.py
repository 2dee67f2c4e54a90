"""The SSH service: logins by key and password, sessions, SFTP, and port forwarding (asyncssh)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path

import asyncssh

from netarium.model.lab import Account
from netarium.model.options import SshOptions
from netarium.services import login
from netarium.services.listening import allow_many_files, listen
from netarium.services.setup import Setup
from netarium.services.ssh_session import Session

__all__ = ["serve"]

_LOGIN_TIMEOUT = 60  # seconds from connecting to being logged in
_MAX_FAILURES = 6  # wrong passwords on one connection, as sshd's MaxAuthTries
#: A client that answers nothing for half an hour is gone; links of a lab come and go before that.
_KEEPALIVE_INTERVAL, _KEEPALIVE_COUNT = 120, 15
_FIRST_UNPRIVILEGED_PORT = 1024
#: Every client prefers ChaCha20 where it is offered; AES goes twice as fast through Python,
#: and every client has it.
_CIPHERS = "aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr"


def serve(setup: Setup) -> None:
    """Serve SSH on every address of the node."""
    asyncio.run(_serve(setup))


async def _serve(setup: Setup) -> None:
    options = SshOptions(**setup.service.options)
    asyncssh.set_log_level(logging.CRITICAL)  # this service's own log says it in its own words
    allow_many_files()
    host_keys = asyncssh.load_keypairs(str(setup.host_key))
    acceptors = [
        await asyncssh.listen(
            sock=socket,
            server_factory=lambda: _Server(setup, options),
            server_host_keys=host_keys,
            config=None,
            encryption_algs=_CIPHERS,
            compression_algs="none,zlib@openssh.com",
            encoding=None,
            line_editor=False,
            login_timeout=_LOGIN_TIMEOUT,
            keepalive_interval=_KEEPALIVE_INTERVAL,
            keepalive_count_max=_KEEPALIVE_COUNT,
            agent_forwarding=options.forwarding,
            host_based_auth=False,
            gss_host=None,
        )
        for socket in listen(options.port)
    ]
    setup.ready()
    await asyncio.gather(*(acceptor.wait_closed() for acceptor in acceptors))


class _Server(asyncssh.SSHServer):
    """One connection: who it is, what it may."""

    def __init__(self, setup: Setup, options: SshOptions) -> None:
        self._setup = setup
        self._options = options
        self._connection: asyncssh.SSHServerConnection
        self._account: Account | None = None
        self._method = "key"
        self._failures = 0
        self._origin = self._peer = ""

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        client = conn.get_extra_info("peername") or ("unknown", 0)
        own = conn.get_extra_info("sockname") or ("unknown", 0)
        self._origin = f"{client[0]} port {client[1]}"
        self._peer = f"{client[0]} {client[1]} {own[0]} {own[1]}"

    def begin_auth(self, username: str) -> bool:
        self._account = login.account_named(self._setup.accounts, username)
        if self._account is not None:
            home = Path(self._account.home)
            self._connection.set_authorized_keys(_authorized_keys(home / ".ssh/authorized_keys"))
        return True

    def auth_completed(self) -> None:
        assert self._account is not None
        self._say(f"logged in by {self._method}")

    def public_key_auth_supported(self) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return self._options.password

    def validate_password(self, username: str, password: str) -> bool:
        if login.check_password(self._setup.accounts, username, password):
            self._method = "password"
            return True
        self._failures += 1
        known = "" if self._account else " (no such account)"
        self._setup.log.warning("wrong password for %r%s from %s", username, known, self._origin)
        if self._failures >= _MAX_FAILURES:
            raise asyncssh.DisconnectError(
                asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE, "Too many authentication failures"
            )
        return False

    def session_requested(self) -> Session:
        assert self._account is not None
        return Session(self._setup, self._account, self._peer, self._say)

    def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
    ) -> bool:
        """-L and -D: connect from here. A refusal looks like sshd's."""
        if not self._options.forwarding:
            raise asyncssh.ChannelOpenError(
                asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "port forwarding is switched off"
            )
        return True

    def server_requested(self, listen_host: str, listen_port: int) -> bool:
        """-R: listen here. Low ports are root's, as they are for the account's own programs."""
        assert self._account is not None
        privileged = 0 < listen_port < _FIRST_UNPRIVILEGED_PORT
        return self._options.forwarding and not (privileged and self._account.uid != 0)

    def _say(self, what: str) -> None:
        assert self._account is not None
        self._setup.log.info("%s from %s: %s", self._account.name, self._origin, what)


def _authorized_keys(path: Path) -> asyncssh.SSHAuthorizedKeys:
    """The keys in an authorized_keys file; lines that make no sense are passed over, as by sshd."""
    lines = []
    with contextlib.suppress(OSError):
        for line in path.read_text(errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                asyncssh.import_authorized_keys(line + "\n")
                lines.append(line)
    return asyncssh.import_authorized_keys("\n".join(lines))
