"""Runs one service for a test, in a process of its own, on free ports of the loopback."""

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import msgspec

from netarium.model import options as declared
from netarium.model.lab import Account, Interface, Lab, Node, Service
from netarium.services import authority
from netarium.services.setup import Setup


@dataclass
class Served:
    """A running service: where it answers, and where its files are."""

    lab: Lab
    ports: dict[str, int]
    directory: Path
    process: subprocess.Popen

    @property
    def port(self) -> int:
        return self.ports["port"]

    @property
    def authority(self) -> Path:
        return self.directory / "authority.pem"

    @property
    def log(self) -> str:
        return (self.directory / "service.log").read_text()


def account(name: str, home: Path, uid: int | None = None) -> Account:
    uid = os.geteuid() if uid is None else uid
    return Account(name=name, password="abc123", uid=uid, gid=uid, home=str(home))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def served(
    kind: str, directory: Path, *, accounts: tuple[Account, ...] = (), tls: bool = False, **options
) -> Iterator[Served]:
    """Run a service of that kind until the end of the block; its ports are chosen here."""
    names = [n for n in declared.KINDS[kind].ports if options.get(n, "") is not None]
    options.update({name: free_port() for name in names})
    service = Service(name=kind, kind=kind, options=declared.complete(kind, options))
    nodes = (
        Node(
            name="server",
            names=("server.example.com", "server"),
            interfaces=(
                Interface(name="lo", link="l", addresses=("127.0.0.1/8", "::1/128")),
                Interface(name="eth0", link="l", addresses=("10.130.1.4/24", "fd00::4/64")),
            ),
            services=(service,),
        ),
        Node(
            name="h1",
            names=("h1",),
            interfaces=(Interface(name="eth0", link="l", addresses=("10.130.1.11/24",)),),
        ),
    )
    lab = Lab(name="test", domain="example.com", accounts=accounts, nodes=nodes)
    (directory / "lab.json").write_bytes(msgspec.json.encode(lab))
    if tls:
        issued = authority.make(lab)
        (directory / "authority.pem").write_bytes(issued.authority)
        (directory / "tls.pem").write_bytes(issued.nodes["server"].tls)
    if kind == "ssh":
        issued = authority.make(lab)
        host_key = directory / "ssh_host_ed25519_key"
        host_key.write_bytes(issued.nodes["server"].host_key)
        (directory / "ssh_host_ed25519_key.pub").write_bytes(issued.nodes["server"].host_key_public)
        (directory / "ssh_host_ed25519_key-cert.pub").write_bytes(
            issued.nodes["server"].host_certificate
        )
        (directory / "known_hosts").write_bytes(issued.known_hosts)
        (directory / "id_ed25519").write_bytes(issued.user_key)
        (directory / "id_ed25519").chmod(0o600)
        (directory / "id_ed25519.pub").write_bytes(issued.user_key_public)
    with serving("tests.services.served", directory) as process:
        yield Served(lab, {n: options[n] for n in names}, directory, process)


@contextlib.contextmanager
def serving(module: str, directory: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that runs ``module`` on ``directory`` and has said that it is ready.

    It must live until the block ends, and write nothing to standard error.
    """
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", module, str(directory)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        if line != "ready\n":
            raise RuntimeError(f"not ready: {process.stderr.read()}")
        yield process
        assert process.poll() is None, process.stderr.read()
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=5)
    assert not errors, errors


def _main(directory: Path) -> None:
    lab = msgspec.json.decode((directory / "lab.json").read_bytes(), type=Lab)
    node = lab.node("server")
    log = logging.getLogger("service")
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(logging.FileHandler(directory / "service.log"))
    certificate = directory / "tls.pem"
    module = import_module(f"netarium.services.{node.services[0].kind}")
    if hasattr(module, "prepare"):
        module.prepare(lab)
    module.serve(
        Setup(
            lab=lab,
            node=node,
            service=node.services[0],
            accounts=lab.accounts,
            tls_certificate=certificate if certificate.exists() else None,
            authority=directory / "authority.pem",
            host_key=directory / "ssh_host_ed25519_key",
            ready=lambda: print("ready", flush=True),
            log=log,
        )
    )


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
