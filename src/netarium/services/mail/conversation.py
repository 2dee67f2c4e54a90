"""One client's conversation with a mail server, without a socket: bytes in, effects out.

A protocol is written as a generator that reads like the dialogue itself: it
asks for a line with ``yield from self.line()`` and answers by yielding bytes.
What it yields is an Effect: bytes to send, START_TLS, or WAIT where it cannot
go on before something happens (bytes arrive, the peer ends, mail comes in).
The edge performs the effects; a test can as well.
"""

from __future__ import annotations

import base64
import binascii
import enum
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from typing import Final, Literal, TypeVar

from netarium.services.mail.store import Store

__all__ = [
    "START_TLS",
    "WAIT",
    "Conversation",
    "Dialogue",
    "Effect",
    "Ended",
    "TooLong",
    "plain_credentials",
]


class _Signal(enum.Enum):
    WAIT = "wait"
    START_TLS = "start tls"


WAIT: Final = _Signal.WAIT
START_TLS: Final = _Signal.START_TLS
Effect = bytes | Literal[_Signal.WAIT, _Signal.START_TLS]
T = TypeVar("T")
Dialogue = Generator[Effect, None, T]

_MOST_FAILURES = 5


class Ended(Exception):  # noqa: N818 - it is how a conversation ends, not a fault
    """The peer has closed, nothing more will come."""


class TooLong(Exception):  # noqa: N818
    """The peer sent a line longer than the protocol allows."""


class Conversation(ABC):
    """What all line-based mail protocols share.

    Attributes:
        protocol: its name in the log, ``POP3``.
        received: bytes that the protocol has not consumed yet; the edge appends.
        ended: the peer will send no more; the edge sets it.
        bare: the last line ended with LF alone.
        secure: TLS protects the connection.
        can_secure: there is a certificate, so TLS can start.
        patience: seconds of silence after which the edge hangs up.
        account: who has logged in.
        wake: the edge's callback that runs the dialogue on, for mail that comes in.
    """

    protocol = ""

    def __init__(
        self,
        store: Store,
        host: str,
        peer: str,
        log: logging.Logger,
        *,
        secure: bool = False,
        can_secure: bool = False,
    ) -> None:
        self.store = store
        self.host = host
        self.peer = peer
        self.log = log
        self.secure = secure
        self.can_secure = can_secure
        self.received = bytearray()
        self.ended = False
        self.bare = False
        self.patience = 60.0
        self.account: str | None = None
        self.wake: Callable[[], None] = lambda: None
        self._failures = 0

    @abstractmethod
    def dialogue(self) -> Dialogue[None]:
        """The whole conversation, from greeting to goodbye."""

    @abstractmethod
    def farewell(self, reason: str) -> bytes:
        """What to say where the server hangs up of its own accord."""

    def release(self) -> None:  # noqa: B027 - most hold nothing
        """The connection is gone: let go of what the conversation holds."""

    def line(self, limit: int) -> Dialogue[bytes]:
        """The next line without its end (CR LF, or a bare LF).

        Raises TooLong past ``limit`` octets, and Ended.
        """
        searched = 0
        while (end := self.received.find(b"\n", searched, limit + 2)) < 0:
            if len(self.received) > limit + 1:
                raise TooLong
            if self.ended:
                raise Ended
            searched = len(self.received)
            yield WAIT
        line = bytes(self.received[:end])
        del self.received[: end + 1]
        self.bare = not line.endswith(b"\r")
        return line.removesuffix(b"\r")

    def exactly(self, count: int) -> Dialogue[bytes]:
        """The next ``count`` octets. Raises Ended."""
        while len(self.received) < count:
            if self.ended:
                raise Ended
            yield WAIT
        octets = bytes(self.received[:count])
        del self.received[:count]
        return octets

    def start_tls(self) -> Dialogue[None]:
        """Go on under TLS.

        What came before the handshake was not protected, so it is forgotten
        (the command injection of CVE-2011-0411); the edge reads no more until
        the handshake, and what comes with its end is the client's next command.
        """
        self.received.clear()
        yield START_TLS
        self.secure = True

    def log_in(self, name: str, password: str) -> bool | None:
        """Check a password: True, False, or None where it was one failure too many."""
        account = self.store.check(name, password)
        if account:
            self.account = account
            how = "TLS" if self.secure else "no TLS"
            self.log.info("%s %s: login %s ok (%s)", self.protocol, self.peer, account, how)
            return True
        self.log.warning("%s %s: login %r failed", self.protocol, self.peer, name[:64])
        self._failures += 1
        return None if self._failures >= _MOST_FAILURES else False


def plain_credentials(response: bytes) -> tuple[str, str] | None:
    """Name and password of a SASL PLAIN response (RFC 4616), still in base64.

    None where it is malformed, or asks to act as somebody else.
    """
    try:
        identity, name, password = base64.b64decode(response, validate=True).split(b"\0")
    except (binascii.Error, ValueError):
        return None
    if identity not in (b"", name):
        return None
    return name.decode(errors="surrogateescape"), password.decode(errors="surrogateescape")
