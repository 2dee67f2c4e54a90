"""Mail conversations for tests: in memory without a socket, and a real server on the loopback."""

import contextlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from netarium.model import options as declared
from netarium.model.lab import Account, Interface, Lab, Node, Service
from netarium.services import authority
from netarium.services.mail.conversation import START_TLS, WAIT, Conversation
from netarium.services.mail.imap import Imap
from netarium.services.mail.pop3 import Pop3
from netarium.services.mail.server import serve
from netarium.services.mail.smtp import Smtp
from netarium.services.mail.store import Store
from netarium.services.setup import Setup

from .served import Served, account, free_port, serving

LOG = logging.getLogger("mail under test")
LOG.addHandler(logging.NullHandler())
LOG.propagate = False
DOMAINS = frozenset({"example.com", "mail.example.com", "mail", "127.0.0.1", "::1"})


class Talk:
    """Speaks to a conversation; every answer is what it said until it waited again."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.over = False
        self.woken = False
        conversation.wake = self._wake
        self._dialogue = conversation.dialogue()
        self.greeting = self.listen()

    def _wake(self) -> None:
        self.woken = True

    def say(self, data: bytes) -> bytes:
        self.conversation.received += data
        return self.listen()

    def line(self, text: str) -> str:
        return self.say(text.encode() + b"\r\n").decode()

    def listen(self) -> bytes:
        said = b""
        for effect in self._dialogue:
            if effect is WAIT:
                return said
            if effect is not START_TLS:
                said += effect
        self.over = True
        return said

    def end(self) -> bytes:
        self.conversation.ended = True
        said = self.listen()
        self.conversation.release()
        return said


def accounts() -> tuple[Account, ...]:
    return account("root", Path("/root")), account("brandon", Path("/home/brandon"))


def open_store(base: Path) -> Store:
    return Store(base, accounts(), "mail.example.com")


def smtp(store: Store, **kwargs) -> Talk:
    arguments = (store, "mail.example.com", "192.0.2.7", LOG)
    return Talk(Smtp(*arguments, domains=DOMAINS, can_secure=True, **kwargs))


def pop3(store: Store, *, login: str = "") -> Talk:
    talk = Talk(Pop3(store, "mail.example.com", "192.0.2.7", LOG, can_secure=True))
    if login:
        talk.line(f"USER {login}")
        assert talk.line("PASS abc123").startswith("+OK")
    return talk


def imap(store: Store, *, login: str = "", select: str = "") -> Talk:
    talk = Talk(Imap(store, "mail.example.com", "192.0.2.7", LOG, can_secure=True))
    if login:
        assert talk.line(f"L LOGIN {login} abc123").startswith("L OK")
    if select:
        assert "S OK" in talk.line(f"S SELECT {select}")
    return talk


@contextlib.contextmanager
def mail_server(directory: Path, *, tls: bool = True, **options) -> Iterator[Served]:
    """The whole service in a process of its own, below ``directory``, until the block ends."""
    names = [name for name in declared.KINDS["mail"].ports if options.get(name, "") is not None]
    options.update({name: free_port() for name in names})
    node = Node(
        name="mail",
        names=("mail.example.com", "mail"),
        interfaces=(Interface(name="lo", link="l", addresses=("127.0.0.1/8", "::1/128")),),
        services=(Service(name="mail", kind="mail", options=declared.complete("mail", options)),),
    )
    lab = Lab(name="test", domain="example.com", accounts=accounts(), nodes=(node,))
    (directory / "lab.json").write_bytes(msgspec.json.encode(lab))
    if tls:
        issued = authority.make(lab)
        (directory / "authority.pem").write_bytes(issued.authority)
        (directory / "tls.pem").write_bytes(issued.nodes["mail"].tls)
    with serving(__name__, directory) as process:
        yield Served(lab, {name: options[name] for name in names}, directory, process)


def _main(directory: Path) -> None:
    lab = msgspec.json.decode((directory / "lab.json").read_bytes(), type=Lab)
    log = logging.getLogger("service")
    log.setLevel(logging.INFO)
    log.addHandler(logging.FileHandler(directory / "service.log"))
    certificate = directory / "tls.pem"
    node = lab.node("mail")
    setup = Setup(
        lab=lab,
        node=node,
        service=node.services[0],
        accounts=lab.accounts,
        tls_certificate=certificate if certificate.exists() else None,
        authority=directory / "authority.pem",
        host_key=directory / "absent",
        ready=lambda: print("ready", flush=True),
        log=log,
    )
    serve(setup, directory / "mail", ("127.0.0.1", "::1"))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
