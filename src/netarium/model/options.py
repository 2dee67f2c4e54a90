"""The services there are, and the options of each: declared once, for files, schema and docs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from netarium.model.wording import word

__all__ = [
    "KINDS",
    "DnsOptions",
    "FtpOptions",
    "Kind",
    "MailOptions",
    "Port",
    "SshOptions",
    "TelnetOptions",
    "WebOptions",
    "complete",
    "ports",
]

Port = Annotated[int, Meta(ge=1, le=65535, description="A TCP or UDP port number.")]
_Text = Annotated[str, Meta(min_length=1)]
_InsidePath = Annotated[
    str,
    word("an absolute path", "write it from the root, such as /srv/www", pattern="^/"),
]
_Application = Annotated[
    str,
    word(
        "a WSGI application",
        "write MODULE:CALLABLE, such as httpbin:app",
        pattern=r"^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_.]*$",
        example="httpbin:app",
    ),
]
_PagePath = Annotated[
    str,
    word("the path of a page", "begin it with /, such as /index.html", pattern="^/"),
]


class SshOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """SSH: terminals, commands, scp and sftp, port forwarding."""

    port: Annotated[Port, Meta(description="TCP port.")] = 22
    password: Annotated[
        bool, Meta(description="Let accounts log in by password; keys always do.")
    ] = True
    forwarding: Annotated[bool, Meta(description="Allow -L, -R and -D port forwarding.")] = True


class DnsOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """DNS: every name of the lab, forwards and in reverse, and the records of its zone."""

    port: Annotated[Port, Meta(description="UDP and TCP port.")] = 53
    zone: Annotated[
        _Text | None,
        Meta(description="The zone it is the authority for; the lab's domain unless given."),
    ] = None
    records: Annotated[
        tuple[_Text, ...],
        Meta(
            description="Further records of the zone, as lines of a zone file (RFC 1035, 5.1).",
            examples=[["@ MX 10 mail", "smtp CNAME mail"]],
        ),
    ] = ()


class FtpOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """FTP: anonymous and accounts, active and passive, upload and download."""

    port: Annotated[Port, Meta(description="TCP port of the control connection.")] = 21
    anonymous: Annotated[bool, Meta(description="Let anybody in, into the public area.")] = True
    root: Annotated[_InsidePath, Meta(description="The public area inside the node.")] = "/srv/ftp"
    passive_ports: Annotated[
        tuple[Port, Port] | None,
        Meta(
            description="First and last port for passive transfers; any free port unless given.",
            examples=[[40000, 40100]],
        ),
    ] = None


class TelnetOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Telnet: a login and a shell, in the clear."""

    port: Annotated[Port, Meta(description="TCP port.")] = 23


class MailOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Mail: SMTP takes it in, POP3 and IMAP hand it out."""

    smtp: Annotated[Port | None, Meta(description="SMTP port, null for none.")] = 25
    pop3: Annotated[Port | None, Meta(description="POP3 port, null for none.")] = 110
    pop3s: Annotated[Port | None, Meta(description="POP3 over TLS port, null for none.")] = 995
    imap: Annotated[Port | None, Meta(description="IMAP port, null for none.")] = 143
    imaps: Annotated[Port | None, Meta(description="IMAP over TLS port, null for none.")] = 993
    domain: Annotated[
        _Text | None,
        Meta(description="The domain it delivers for; the lab's domain unless given."),
    ] = None
    mailboxes: Annotated[
        dict[str, tuple[str, ...]],
        Meta(
            description="Messages that lie ready: account to a list of messages (RFC 5322 text).",
            examples=[{"brandon": ["From: h1\nSubject: Hello\n\nGood morning."]}],
        ),
    ] = msgspec.field(default_factory=dict)
    samples: Annotated[
        bool, Meta(description="Put three sample messages into the first user's mailbox.")
    ] = False


class WebOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Web: a directory, a few pages from the lab file, or a WSGI application."""

    port: Annotated[Port | None, Meta(description="HTTP port, null for none.")] = 80
    tls_port: Annotated[Port | None, Meta(description="HTTPS port, null for none.")] = 443
    root: Annotated[
        _InsidePath | None,
        Meta(description="Directory to serve; /srv/www unless app or pages are given."),
    ] = None
    app: Annotated[
        _Application | None,
        Meta(description="WSGI application to serve, as MODULE:CALLABLE."),
    ] = None
    pages: Annotated[
        dict[_PagePath, str],
        Meta(description="Pages to serve: path to content.", examples=[{"/": "It works!"}]),
    ] = msgspec.field(default_factory=dict)


@dataclass(frozen=True)
class Kind:
    """One kind of service.

    Attributes:
        options: the struct of its options.
        description: one line for people.
        ports: option that holds a port -> the protocols that it opens there.
    """

    options: type[msgspec.Struct]
    description: str
    ports: Mapping[str, tuple[str, ...]]

    @property
    def default_ports(self) -> tuple[str, ...]:
        """What it opens without options, such as ``("udp/53", "tcp/53")``."""
        defaults = msgspec.to_builtins(self.options())
        return tuple(f"{p}/{defaults[o]}" for o, ps in self.ports.items() for p in ps)


_TCP = ("tcp",)

#: Every kind of service by the name that lab files use.
KINDS: Mapping[str, Kind] = {
    "ssh": Kind(SshOptions, "Secure shell, file transfer and port forwarding", {"port": _TCP}),
    "dns": Kind(DnsOptions, "Name server for the lab", {"port": ("udp", "tcp")}),
    "ftp": Kind(FtpOptions, "File transfer", {"port": _TCP}),
    "telnet": Kind(TelnetOptions, "Remote login in the clear", {"port": _TCP}),
    "mail": Kind(
        MailOptions,
        "SMTP, POP3 and IMAP",
        {"smtp": _TCP, "pop3": _TCP, "pop3s": _TCP, "imap": _TCP, "imaps": _TCP},
    ),
    "web": Kind(WebOptions, "HTTP and HTTPS", {"port": _TCP, "tls_port": _TCP}),
}


def complete(kind: str, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Options with every default filled in, as ``Service.options`` holds them.

    Raises:
        KeyError: no such kind.
        msgspec.ValidationError: an option that the kind does not have or accept.
    """
    # JSON's types, so that a lab's state read back equals the lab that came up.
    known = KINDS[kind].options
    struct = msgspec.convert(dict(options or {}), known)
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(struct))
    return found


def ports(kind: str, options: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    """The (option, protocol, port) that a service of complete ``options`` opens."""
    for option, protocols in KINDS[kind].ports.items():
        number = options.get(option)
        if number is not None:
            for protocol in protocols:
                yield option, protocol, number
