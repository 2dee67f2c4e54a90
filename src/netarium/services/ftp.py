"""The FTP server of a node (RFC 959, 2428, 3659), with TLS where there is a certificate (RFC 4217).

Accounts see the node's files from their home directory on, with their own rights.
Anybody may log in as ``anonymous``: sees the public area alone, and writes into
its ``incoming`` alone.
"""

from __future__ import annotations

# Commands run with a user's rights, who may not be able to read Python's own
# files: what those import late has to be here before.
import _strptime  # type: ignore[import-not-found]  # noqa: F401
import encodings.idna  # noqa: F401
import hmac
import logging
import os
import pwd
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from netarium.model.lab import Account, Node
from netarium.services.listening import allow_many_files, listen
from netarium.services.setup import Setup

with warnings.catch_warnings():
    # It stands on asyncore, of which Python 3.11 says that 3.12 has it no more;
    # there a package of its own (pyasyncore) takes over.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pyftpdlib.exceptions import AuthenticationFailed
    from pyftpdlib.filesystems import AbstractedFS, UnixFilesystem
    from pyftpdlib.handlers.ftp.control import FTPHandler
    from pyftpdlib.handlers.ftp.dispatchers import ActiveDTP
    from pyftpdlib.handlers.ftps.control import TLS_FTPHandler
    from pyftpdlib.ioloop import IOLoop
    from pyftpdlib.servers import FTPServer

__all__ = ["serve"]

#: Seconds before a wrong password is answered; other sessions go on meanwhile.
FAILURE_DELAY = 1.0
#: Open connections, control and data together.
MAX_CONNECTIONS = 4096

_ANONYMOUS = ("anonymous", "ftp")
_READ = "elr"
_WRITE = "adfmwMT"
# What a stranger may do below ``incoming``: store, append, make directories.
_DROP = "amw"
_WELCOME = """\
Welcome to {name}.

This is the public area. Download what you like; leave files for others in
incoming/. With an account of this lab you see your own files instead.
"""


def serve(setup: Setup) -> None:
    """Serve files until killed."""
    options = setup.service.options
    os.umask(0o022)
    allow_many_files()
    root = Path(options["root"])
    if options["anonymous"]:
        make_public_area(root, setup.node)
    sockets = listen(options["port"])
    _forward_log(setup.log)
    handler = _handler(setup, root)
    loop = IOLoop()
    for opened in sockets:
        server = FTPServer(opened, handler, ioloop=loop)  # type: ignore[abstract]
        server.max_cons = MAX_CONNECTIONS
    setup.ready()
    loop.loop()


def make_public_area(root: Path, node: Node) -> None:
    """Put a welcome and ``incoming`` into a public area that is empty or not there yet.

    An area with files of its own, or one mounted from the host, is left alone.
    """
    if any(
        root.is_relative_to(m.target) or Path(m.target).is_relative_to(root) for m in node.mounts
    ):
        return
    root.mkdir(parents=True, exist_ok=True)
    if any(root.iterdir()):
        return
    (root / "README").write_text(_WELCOME.format(name=node.names[0]))
    incoming = root / "incoming"
    incoming.mkdir()
    incoming.chmod(0o1777)


class _Authorizer:
    """Who may log in, and what each may do; pyftpdlib calls it by these names."""

    def __init__(self, accounts: tuple[Account, ...], public: Path | None) -> None:
        self._accounts = {account.name: account for account in accounts}
        self._public = public
        self._stranger = _stranger() if public else None

    def validate_authentication(self, username: str, password: str, handler: object) -> None:
        if self._is_anonymous(username):
            return
        account = self._accounts.get(username)
        known = account.password if account else ""
        if not hmac.compare_digest(known.encode(), password.encode()) or account is None:
            raise AuthenticationFailed("Login incorrect.")

    def get_home_dir(self, username: str) -> str:
        if self._public and self._is_anonymous(username):
            return str(self._public)
        home = self._accounts[username].home
        return home if Path(home).is_dir() else "/"

    def filesystem(self, home: str, session: Any) -> AbstractedFS:
        """What a session sees: a stranger its area only, an account the node."""
        kind = _Jail if self._is_anonymous(session.username) else _Everything
        return kind(home, session)

    def has_perm(self, username: str, perm: str, path: str | None = None) -> bool:
        if not self._is_anonymous(username):
            return True
        if perm in _READ:
            return True
        # The path is a real one, and "incoming" itself is not to be renamed or removed.
        return perm in _DROP and path is not None and self._below_incoming(path)

    def get_perms(self, username: str) -> str:
        return _READ if self._is_anonymous(username) else _READ + _WRITE

    def get_msg_login(self, username: str) -> str:
        return "Login successful."

    def get_msg_quit(self, username: str) -> str:
        return "Goodbye."

    def impersonate_user(self, username: str, password: str) -> None:
        """Nothing: a session takes on its user for whole commands (``acting_as``)."""

    def terminate_impersonation(self, username: str) -> None:
        """Nothing, likewise."""

    @contextmanager
    def acting_as(self, username: str) -> Iterator[None]:
        """Have that user's rights to files, and no more, for a while."""
        if self._is_anonymous(username):
            identity = self._stranger
        else:
            account = self._accounts[username]
            identity = (account.name, account.uid, account.gid)
        if identity is None or identity[1] == os.geteuid():
            yield
            return
        name, uid, gid = identity
        groups = os.getgroups()
        own = os.getegid()
        try:
            os.setgroups(os.getgrouplist(name, gid))
            os.setegid(gid)
            os.seteuid(uid)
            yield
        finally:
            os.seteuid(os.getuid())
            os.setegid(own)
            os.setgroups(groups)

    def _is_anonymous(self, username: str) -> bool:
        return self._public is not None and username in _ANONYMOUS

    def _below_incoming(self, path: str) -> bool:
        assert self._public is not None
        incoming = (self._public / "incoming").resolve()
        return incoming in Path(path).resolve().parents


def _stranger() -> tuple[str, int, int] | None:
    """As whom anonymous sessions act; None where only one user id exists (a rootless lab)."""
    if os.geteuid() != 0 or _only_one_uid():
        return None
    for name in ("ftp", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return name, entry.pw_uid, entry.pw_gid
    return "nobody", 65534, 65534


def _only_one_uid() -> bool:
    # "inside outside count" a line (user_namespaces(7)).
    lines = Path("/proc/self/uid_map").read_text().splitlines()
    return sum(int(line.split()[2]) for line in lines) <= 1


class _Eager(AbstractedFS):
    """Lists directories at once, while the session still has its user's rights."""

    def format_list(self, *arguments: Any, **named: Any) -> Iterator[bytes]:
        return iter(list(super().format_list(*arguments, **named)))  # type: ignore[no-untyped-call]

    def format_mlsx(self, *arguments: Any, **named: Any) -> Iterator[bytes]:
        return iter(list(super().format_mlsx(*arguments, **named)))  # type: ignore[no-untyped-call]


class _Jail(_Eager):
    """A directory seen as the root; links that lead out of it lead nowhere."""


class _Everything(_Eager, UnixFilesystem):
    """The node's files under their own names."""


class _ActiveTransfer(ActiveDTP):
    """Connects to a client that asked for an active transfer."""

    def del_channel(self, map: object = None) -> None:
        # Closed once more after its socket was handed over and closed there, it
        # would unregister whichever connection has that file descriptor by now,
        # which then hangs.
        if self.ioloop.socket_map.get(self._fileno) is self:
            super().del_channel()  # type: ignore[no-untyped-call]


class _Session:
    """One control connection. ``_handler`` joins it with pyftpdlib's plain or TLS handler."""

    def process_command(self: Any, cmd: str, *arguments: Any, **named: Any) -> None:
        # The library takes on the user for some of its calls to the file system only.
        if self.authenticated and self.proto_cmds[cmd]["perm"]:
            with self.authorizer.acting_as(self.username):
                super().process_command(cmd, *arguments, **named)  # type: ignore[misc]
        else:
            super().process_command(cmd, *arguments, **named)  # type: ignore[misc]

    def ftp_PASV(self: Any, line: str) -> None:  # noqa: N802 - the library's name
        # A 227 reply has room for an IPv4 address only (RFC 2428 3).
        if ":" in self.remote_ip:
            self.respond("522 Network protocol not supported, use EPSV.")
        else:
            super().ftp_PASV(line)  # type: ignore[misc]


def _handler(setup: Setup, root: Path) -> type[FTPHandler]:
    options = setup.service.options
    authorizer = _Authorizer(setup.accounts, root if options["anonymous"] else None)
    first_last = options.get("passive_ports")
    base = TLS_FTPHandler if setup.tls_certificate else FTPHandler
    attributes: dict[str, Any] = {
        "active_dtp": _ActiveTransfer,
        "authorizer": authorizer,
        "abstracted_fs": staticmethod(authorizer.filesystem),
        "auth_failed_timeout": FAILURE_DELAY,
        "banner": f"{setup.node.names[0]} FTP server ready.",
        "passive_ports": range(first_last[0], first_last[1] + 1) if first_last else None,
    }
    if setup.tls_certificate:
        attributes["certfile"] = str(setup.tls_certificate)
    return type("Session", (_Session, base), attributes)


class _Forward(logging.Handler):
    """Hands the library's log records on to the service's own log."""

    def __init__(self, log: logging.Logger) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.handle(record)


def _forward_log(log: logging.Logger) -> None:
    library = logging.getLogger("pyftpdlib")
    library.handlers = [_Forward(log)]
    library.propagate = False
    library.setLevel(logging.INFO)
