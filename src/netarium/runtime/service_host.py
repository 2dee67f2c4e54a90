"""One process for each kind of service: it imports the library once, then forks the servers.

The servers are its children, so it hears when one dies; but they are born into
the PID namespace of their node and join the node's other namespaces, so that
inside they are the node's own. It talks with the supervisor over a channel:

    start, node, its first process, service   <-
    ready, node, service, process id, ports   ->
    dead, node, service, reason               ->  before or after it was ready

A server tells its host: ``ready, ports`` and ``dead, reason``.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import logging
import os
import re
import select
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from netarium.model.lab import Service
from netarium.runtime import kernel
from netarium.runtime.channel import Channel, close_all_but, pair
from netarium.runtime.node import NAMESPACES
from netarium.runtime.rootfs import Foundation
from netarium.runtime.state import host_pid
from netarium.services.setup import Setup

__all__ = ["service_host"]

#: What ``ps`` and ``ss -p`` in a node call the server of each kind.
_PROCESS_NAMES = {
    "dns": "named",
    "ftp": "ftpd",
    "mail": "maild",
    "ssh": "sshd",
    "telnet": "telnetd",
    "web": "httpd",
}


_PORT = re.compile(r"(tcp|udp)/[0-9]{1,5}")
_LONGEST = 500  # characters of a reason


@dataclass
class _Server:
    """A forked server: which service of which node it is, and where it reports from."""

    pid: int
    node: str
    service: Service
    channel: Channel
    reason: str = ""


def service_host(foundation: Foundation, kind: str, channel: Channel) -> NoReturn:
    """Host all servers of one kind until the lab ends. The caller was just forked."""
    code = 1
    try:
        kernel.die_with_parent(os.getppid())
        close_all_but(channel.fileno())
        kernel.set_name(f"{kind} host", f"netarium: {kind} of {foundation.lab.name}")
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _Host(foundation, kind, channel).run()
        code = 0
    except Exception as error:
        channel.send("dead", "", kind, f"{type(error).__name__}: {error}")
    finally:
        os._exit(code)


class _Host:
    def __init__(self, foundation: Foundation, kind: str, channel: Channel) -> None:
        self._foundation = foundation
        self._kind = kind
        self._channel = channel
        self._servers: dict[int, _Server] = {}
        self._by_descriptor: dict[int, _Server] = {}
        self._poll = select.poll()

    def run(self) -> None:
        module = importlib.import_module(f"netarium.services.{self._kind}")
        prepare: Callable[..., None] | None = getattr(module, "prepare", None)
        if prepare is not None:
            prepare(self._foundation.lab)
        serve: Callable[[Setup], None] = module.serve
        gc.collect()
        gc.freeze()
        reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._poll.register(reading, select.POLLIN)
        self._poll.register(self._channel.fileno(), select.POLLIN)
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor == reading:
                    os.read(reading, 4096)
                    self._reap()
                elif descriptor == self._channel.fileno():
                    message = self._channel.receive()
                    if message is None:
                        return
                    self._start(serve, *message[1:])
                elif descriptor in self._by_descriptor:
                    self._hear(self._by_descriptor[descriptor])

    def _start(
        self, serve: Callable[[Setup], None], node: str, first_process: int, name: str
    ) -> None:
        service = next(s for s in self._foundation.lab.node(node).services if s.name == name)
        ours, theirs = pair()
        try:
            namespaces = os.pidfd_open(first_process)
            # Only children are born into it; this process stays where it is.
            kernel.setns(namespaces, kernel.CLONE_NEWPID)
        except OSError as error:
            reason = f"the node is gone ({error.strerror})"
            self._channel.send("dead", node, name, reason)
            return
        pid = os.fork()
        if pid == 0:
            self._be_server(serve, node, service, namespaces, theirs)
        os.close(namespaces)
        theirs.close()
        server = _Server(pid, node, service, ours)
        self._servers[pid] = self._by_descriptor[ours.fileno()] = server
        self._poll.register(ours.fileno(), select.POLLIN)

    def _be_server(
        self,
        serve: Callable[[Setup], None],
        node: str,
        service: Service,
        namespaces: int,
        channel: Channel,
    ) -> NoReturn:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            close_all_but(channel.fileno(), namespaces)
            kernel.setns(namespaces, NAMESPACES)
            os.close(namespaces)
            os.chdir("/")
            kernel.limit_capabilities()
            kernel.die_with_parent(0)
            name = _PROCESS_NAMES.get(service.kind, service.kind)
            kernel.set_name(name, f"{name}: {service.name}@{node}")
            log = _log_to(f"/var/log/{service.name}.log")
            serve(self._setup(node, service, channel, log))
            channel.send("dead", "it returned")
        except BaseException as error:
            said = str(error) or type(error).__name__
            if isinstance(error, OSError) and error.strerror:
                said = error.strerror + (f": {error.filename}" if error.filename else "")
            with contextlib.suppress(Exception):
                logging.getLogger(service.name).exception("the server failed")
            channel.send("dead", said)
        finally:
            os._exit(code)

    def _setup(self, node: str, service: Service, channel: Channel, log: logging.Logger) -> Setup:
        certificate = Path("/etc/netarium/tls.pem")
        return Setup(
            lab=self._foundation.lab,
            node=self._foundation.lab.node(node),
            service=service,
            accounts=self._foundation.accounts,
            tls_certificate=certificate if certificate.exists() else None,
            authority=Path("/etc/netarium/authority.pem"),
            host_key=Path("/etc/ssh/ssh_host_ed25519_key"),
            ready=lambda: _report_ready(channel),
            log=log,
        )

    def _hear(self, server: _Server) -> None:
        """Take one message of a server; at their end, its channel is closed.

        The node's root has all power over the server: whatever comes here is possible.
        """
        match server.channel.receive():
            case None:
                descriptor = server.channel.fileno()
                self._poll.unregister(descriptor)
                del self._by_descriptor[descriptor]
                server.channel.close()
            case ("ready", [*ports]) if all(_PORT.fullmatch(str(port)) for port in ports):
                with contextlib.suppress(ProcessLookupError):  # dead already: _reap will say so
                    outside = host_pid(server.pid)
                    name = server.service.name
                    self._channel.send("ready", server.node, name, outside, ports)
            case ("dead", str(reason)):
                server.reason = "".join(c if c.isprintable() else " " for c in reason)[:_LONGEST]

    def _reap(self) -> None:
        while self._servers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            server = self._servers.pop(pid, None)
            if server is None:
                continue
            # A forked session of the server may hold its end of the channel open.
            while server.channel.fileno() >= 0 and server.channel.has_message():
                self._hear(server)
            if server.channel.fileno() >= 0:
                self._poll.unregister(server.channel.fileno())
                del self._by_descriptor[server.channel.fileno()]
                server.channel.close()
            reason = server.reason or _words(status)
            self._channel.send("dead", server.node, server.service.name, reason)


def _report_ready(channel: Channel) -> None:
    channel.send("ready", _listening())


def _words(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _log_to(path: str) -> logging.Logger:
    """Everything that this process says goes to one file inside the node."""
    out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    nothing = os.open("/dev/null", os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.close(nothing)
    os.close(out)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    log = logging.getLogger("netarium.service")
    log.setLevel(logging.INFO)
    return log


def _listening() -> tuple[str, ...]:
    """The ports that this process listens on, such as ``tcp/22``, from the kernel's own tables."""
    own = set()
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            own.add(os.readlink(f"/proc/self/fd/{descriptor}"))
    found = set()
    for table, states in (("tcp", {"0A"}), ("udp", {"07"})):
        for suffix in ("", "6"):
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/self/net/{table}{suffix}").read_text().splitlines()[1:]:
                    fields = line.split()
                    if fields[3] in states and f"socket:[{fields[9]}]" in own:
                        found.add((int(fields[1].rpartition(":")[2], 16), table))
    return tuple(f"{table}/{port}" for port, table in sorted(found))
