"""The receiving side of SMTP (RFC 5321), with STARTTLS (RFC 3207) and AUTH (RFC 4954).

Extensions: SIZE (1870), 8BITMIME (6152), PIPELINING (2920), SMTPUTF8 (6531),
ENHANCEDSTATUSCODES (2034). It delivers to the accounts of its own domains and
passes nothing on. A client that ends its lines with a bare LF, as a person
with ``nc`` does, is understood, and may end its message that way as well.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import email.utils
import ipaddress
import itertools
import logging
import os
import re
from collections.abc import Iterable

from netarium.services.mail.conversation import (
    WAIT,
    Conversation,
    Dialogue,
    Ended,
    TooLong,
    plain_credentials,
)
from netarium.services.mail.store import Store

__all__ = ["LARGEST", "Smtp"]

#: The largest message, in octets.
LARGEST = 32 << 20
_LONGEST_LINE = 4096  # RFC 5321 section 4.5.3.1.4 wants 512, AUTH (RFC 4954) up to 12288
_LONGEST_RESPONSE = 12288
_MOST_RECIPIENTS = 1000
_MOST_BAD_COMMANDS = 20
_PATH = re.compile(
    r"(?:<(?:@[^:>\"]*:)?(?P<path>(?:\"(?:[^\"\\]|\\.)*\"|[^\">])*)>|(?P<bare>[^\s<>]+))"
    r"(?P<parameters>(?:[ \t]+\S+)*)[ \t]*"
)
_LOCAL = re.compile(r"[^\s\"(),:;<>@\[\\\]]+|\"(?:[^\"\\\r\n]|\\.)*\"")
_DOMAIN = re.compile(r"\[[^\[\]\\\s]+\]|[^\W_](?:[\w-]*[^\W_])?(?:\.[^\W_](?:[\w-]*[^\W_])?)*\.?")
_HEADER = re.compile(rb"[!-9;-~]+[ \t]*:")
_serial = itertools.count(1)


class _Refused(Exception):  # noqa: N818 - an answer, not a fault
    """The command fails; the text is the whole reply."""


class Smtp(Conversation):
    """An SMTP session. ``domains``, in lower case, are those it delivers for."""

    protocol = "SMTP"

    def __init__(
        self,
        store: Store,
        host: str,
        peer: str,
        log: logging.Logger,
        *,
        domains: Iterable[str] = (),
        secure: bool = False,
        can_secure: bool = False,
    ) -> None:
        super().__init__(store, host, peer, log, secure=secure, can_secure=can_secure)
        self.patience = 300.0  # RFC 5321 section 4.5.3.2.7
        self._domains = frozenset(domains)
        self._helo = ""
        self._extended = False
        self._bad = 0
        self._accepted = 0
        self._reset()

    def _reset(self) -> None:
        self._sender: str | None = None
        self._recipients: dict[str, str] = {}
        self._utf8 = False

    def farewell(self, reason: str) -> bytes:
        """``421`` with the reason."""
        return f"421 4.4.2 {self.host} {reason}\r\n".encode()

    def dialogue(self) -> Dialogue[None]:
        """Greeting, then commands until QUIT."""
        yield f"220 {self.host} ESMTP netarium\r\n".encode()
        ending = "without QUIT"
        try:
            while self._bad < _MOST_BAD_COMMANDS:
                line = yield from self.line(_LONGEST_LINE)
                verb, _, rest = line.decode("utf-8", "surrogateescape").partition(" ")
                verb = verb.upper().strip()
                try:
                    if verb == "QUIT":
                        ending = "with QUIT"
                        yield f"221 2.0.0 {self.host} goodbye\r\n".encode()
                        break
                    over = yield from self._command(verb, rest.strip())
                except _Refused as refusal:
                    self._bad += 1
                    yield f"{refusal}\r\n".encode("utf-8", "replace")
                    continue
                if over:
                    break
            else:
                yield self.farewell("too many errors")
        except TooLong:
            yield b"500 5.5.2 line too long\r\n"
        except Ended:
            pass
        accepted = self._accepted
        self.log.info("SMTP %s: session ends %s, %d messages accepted", self.peer, ending, accepted)

    def _command(self, verb: str, rest: str) -> Dialogue[bool]:
        if verb in {"EHLO", "HELO"}:
            yield self._greet(verb, rest)
        elif verb == "MAIL":
            yield self._mail(rest)
        elif verb == "RCPT":
            yield self._rcpt(rest)
        elif verb == "DATA":
            yield from self._data(rest)
        elif verb == "RSET":
            self._reset()
            yield b"250 2.0.0 OK\r\n"
        elif verb == "NOOP":
            yield b"250 2.0.0 OK\r\n"
        elif verb == "VRFY":
            yield self._verify(rest)
        elif verb == "HELP":
            yield b"214 2.0.0 EHLO HELO MAIL RCPT DATA RSET NOOP VRFY AUTH STARTTLS QUIT\r\n"
        elif verb == "STARTTLS":
            yield from self._start_tls(rest)
        elif verb == "AUTH":
            return (yield from self._auth(rest))
        elif verb in {"EXPN", "TURN", "SEND", "SOML", "SAML", "ETRN", "BDAT"}:
            raise _Refused(f"502 5.5.1 {verb} is not offered here")
        else:
            raise _Refused("500 5.5.2 no such command")
        return False

    def _greet(self, verb: str, name: str) -> bytes:
        if not name or any(character.isspace() for character in name):
            raise _Refused(f"501 5.5.4 {verb} needs your host name")
        self._reset()
        self._helo = name.encode("utf-8", "replace").decode()[:255]
        self._extended = verb == "EHLO"
        if not self._extended:
            return f"250 {self.host}\r\n".encode()
        offers = [f"{self.host} greets you", "PIPELINING", f"SIZE {LARGEST}", "8BITMIME"]
        offers += ["SMTPUTF8", "ENHANCEDSTATUSCODES"]
        if self.can_secure and not self.secure:
            offers.append("STARTTLS")
        if self.account is None:
            offers.append("AUTH PLAIN LOGIN")
        offers.append("HELP")
        lines = [f"250-{offer}\r\n" for offer in offers[:-1]] + [f"250 {offers[-1]}\r\n"]
        return "".join(lines).encode()

    def _start_tls(self, rest: str) -> Dialogue[None]:
        if rest:
            raise _Refused("501 5.5.4 STARTTLS takes no argument")
        if self.secure:
            raise _Refused("503 5.5.1 TLS runs already")
        if not self.can_secure:
            raise _Refused("454 4.7.0 no certificate, no TLS")
        yield b"220 2.0.0 begin TLS\r\n"
        yield from self.start_tls()
        # RFC 3207 section 4.2: what was said before TLS is forgotten.
        self._reset()
        self._helo = ""
        self.account = None

    # Login

    def _auth(self, rest: str) -> Dialogue[bool]:
        if not self._extended:
            raise _Refused("503 5.5.1 EHLO comes first")
        if self.account is not None:
            raise _Refused("503 5.5.1 logged in already")
        if self._sender is not None:
            raise _Refused("503 5.5.1 not between MAIL and DATA")
        mechanism, _, first = rest.partition(" ")
        if mechanism.upper() == "PLAIN":
            response = first.strip() or (yield from self._challenge(b""))
            credentials = plain_credentials(response.encode("utf-8", "surrogateescape"))
            if credentials is None:
                raise _Refused("501 5.5.2 that is not a PLAIN response in base64")
        elif mechanism.upper() == "LOGIN":
            name = self._decode(first.strip() or (yield from self._challenge(b"Username:")))
            credentials = name, self._decode((yield from self._challenge(b"Password:")))
        else:
            raise _Refused("504 5.5.4 AUTH knows PLAIN and LOGIN")
        outcome = self.log_in(*credentials)
        if outcome is None:
            yield self.farewell("too many failed logins")
            return True
        yield (
            b"235 2.7.0 you are logged in\r\n"
            if outcome
            else b"535 5.7.8 wrong name or password\r\n"
        )
        return False

    def _challenge(self, text: bytes) -> Dialogue[str]:
        yield b"334 " + base64.b64encode(text) + b"\r\n"
        response = (yield from self.line(_LONGEST_RESPONSE)).decode("latin-1").strip()
        if response == "*":
            raise _Refused("501 5.7.0 login cancelled")
        return response

    @staticmethod
    def _decode(response: str) -> str:
        if response == "=":
            return ""
        try:
            octets = base64.b64decode(response.encode("utf-8", "surrogateescape"), validate=True)
        except (binascii.Error, ValueError):
            raise _Refused("501 5.5.2 that is not base64") from None
        return octets.decode("utf-8", "surrogateescape")

    # The envelope

    def _parse(self, rest: str, keyword: str) -> tuple[str, dict[str, str]]:
        """Address and parameters of ``FROM:<address> KEY=VALUE``."""
        found = None
        if rest[: len(keyword)].upper() == keyword:
            found = _PATH.fullmatch(rest[len(keyword) :].strip())
        if not found:
            raise _Refused(f"501 5.5.4 syntax: {keyword}<address>")
        parameters = {}
        for word in found["parameters"].split():
            key, _, value = word.partition("=")
            parameters[key.upper()] = value
        if parameters and not self._extended:
            raise _Refused("501 5.5.4 parameters need EHLO")
        address = found["path"] if found["path"] is not None else found["bare"]
        return address, parameters

    def _check(self, address: str, utf8: bool) -> tuple[str, str]:
        """Local part and domain of an address that is well formed."""
        local, at, domain = address.rpartition("@")
        if not at:
            local, domain = address, ""
        shown = address.encode("utf-8", "replace").decode()[:320]
        well_formed = _LOCAL.fullmatch(local) and (_DOMAIN.fullmatch(domain) or not at)
        try:
            address.encode()
        except UnicodeEncodeError:
            well_formed = None
        if not well_formed or len(address) > 320:
            raise _Refused(f"553 5.1.3 <{shown}> is not an address")
        if not address.isascii() and not utf8:
            raise _Refused(f"553 5.6.7 <{shown}> needs SMTPUTF8")
        if local.startswith('"'):
            local = re.sub(r"\\(.)", r"\1", local[1:-1])
        return local, domain.lower().removesuffix(".")

    def _mail(self, rest: str) -> bytes:
        if not self._helo:
            raise _Refused("503 5.5.1 EHLO or HELO comes first")
        if self._sender is not None:
            raise _Refused("503 5.5.1 a message is under way; RSET forgets it")
        address, parameters = self._parse(rest, "FROM:")
        utf8 = parameters.pop("SMTPUTF8", None) is not None
        parameters.pop("AUTH", None)  # RFC 4954 section 5: accepted, and not trusted
        if parameters.pop("BODY", "7BIT").upper() not in {"7BIT", "8BITMIME"}:
            raise _Refused("501 5.5.4 BODY is 7BIT or 8BITMIME")
        size = parameters.pop("SIZE", "0")
        if not (size.isascii() and size.isdigit()):
            raise _Refused("501 5.5.4 SIZE is a number")
        if len(size) > 20 or int(size) > LARGEST:
            raise _Refused(f"552 5.3.4 too large: a message has at most {LARGEST} octets")
        if parameters:
            raise _Refused("555 5.5.4 no such parameter of MAIL")
        if address:
            self._check(address, utf8)
        self._sender, self._utf8 = address, utf8
        return b"250 2.1.0 sender OK\r\n"

    def _rcpt(self, rest: str) -> bytes:
        if self._sender is None:
            raise _Refused("503 5.5.1 MAIL comes first")
        address, parameters = self._parse(rest, "TO:")
        if parameters:
            raise _Refused("555 5.5.4 no such parameter of RCPT")
        if len(self._recipients) >= _MOST_RECIPIENTS:
            raise _Refused("452 4.5.3 too many recipients")
        account = self._local_account(address)
        self._recipients.setdefault(account, address)
        return b"250 2.1.5 recipient OK\r\n"

    def _local_account(self, address: str) -> str:
        local, domain = self._check(address, self._utf8)
        if domain and not self._is_ours(domain):
            self.log.warning("SMTP %s: relaying to <%s> refused", self.peer, address)
            raise _Refused(f"550 5.7.1 <{address}>: relaying denied, {domain} is not served here")
        account = self.store.known(local)
        if account is None:
            self.log.warning("SMTP %s: unknown user <%s>", self.peer, address)
            raise _Refused(f"550 5.1.1 <{address}>: no such user here")
        return account

    def _is_ours(self, domain: str) -> bool:
        if domain in self._domains:
            return True
        if not domain.startswith("["):
            return False
        literal = domain[1:-1].removeprefix("ipv6:")
        try:
            return str(ipaddress.ip_address(literal)) in self._domains
        except ValueError:
            raise _Refused(f"501 5.1.3 {domain} is not an address literal") from None

    def _verify(self, rest: str) -> bytes:
        address = rest.strip().removeprefix("<").removesuffix(">")
        if not address:
            raise _Refused("501 5.5.4 VRFY needs a name")
        account = self._local_account(address)
        return f"250 2.1.5 <{account}@{self.host}>\r\n".encode()

    # The message

    def _data(self, rest: str) -> Dialogue[None]:
        if rest:
            raise _Refused("501 5.5.4 DATA takes no argument")
        if not self._recipients:
            raise _Refused("503 5.5.1 RCPT comes first")
        end = b"\n" if self.bare else b"\r\n"
        yield b"354 go on; a line with nothing but a dot ends the message\r\n"
        message = yield from self._message(end)
        if message is None:
            self._reset()
            raise _Refused(f"552 5.3.4 too large: a message has at most {LARGEST} octets")
        identity = f"{os.getpid():x}-{next(_serial)}"
        try:
            for account, address in self._recipients.items():
                trace = self._trace(identity, address)
                # A body typed without any header must not become one.
                gap = b"" if _HEADER.match(message) or message.startswith(end) else b"\r\n"
                self.store.folders(account).inbox.deliver(trace + gap + message)
        except OSError as error:
            self._reset()
            self.log.error("SMTP %s: message not stored: %s", self.peer, error)
            raise _Refused("452 4.3.1 the message cannot be stored") from None
        self._accepted += 1
        self.log.info(
            "SMTP %s: message %s from <%s> to %s accepted, %d octets",
            self.peer,
            identity,
            self._sender,
            ", ".join(f"<{address}>" for address in self._recipients.values()),
            len(message),
        )
        self._reset()
        yield f"250 2.0.0 message {identity} delivered\r\n".encode()

    def _message(self, end: bytes) -> Dialogue[bytes | None]:
        """The message with its dots unstuffed; None where it was too large."""
        stop = end + b"." + end
        whole = bytearray(end)  # so that a dot on the first line counts as one
        searched = 0
        large = False
        while True:
            taken = len(self.received)
            whole += self.received
            self.received.clear()
            place = whole.find(stop, searched)
            if place >= 0:
                # What follows the end is the next command of a pipelining client.
                self.received += whole[place + len(stop) :]
                if large:
                    return None
                del whole[place:]
                return bytes(whole.replace(end + b".", end)[len(end) :] + end)
            if len(whole) > LARGEST:
                large = True
            if large:
                del whole[: 1 - len(stop)]
            searched = max(0, len(whole) - len(stop) + 1)
            if self.ended and not taken:
                raise Ended
            yield WAIT

    def _trace(self, identity: str, address: str) -> bytes:
        """Return-Path and Received (RFC 5321 section 4.4)."""
        protocol = "UTF8SMTP" if self._utf8 else "ESMTP" if self._extended else "SMTP"
        if self._extended:
            protocol += ("S" if self.secure else "") + ("A" if self.account else "")
        stamp = email.utils.format_datetime(datetime.datetime.now().astimezone())
        literal = f"IPv6:{self.peer}" if ":" in self.peer else self.peer
        return (
            f"Return-Path: <{self._sender}>\r\n"
            f"Received: from {self._helo} ([{literal}])\r\n"
            f"\tby {self.host} with {protocol} id {identity}\r\n"
            f"\tfor <{address}>; {stamp}\r\n"
        ).encode("utf-8", "replace")
