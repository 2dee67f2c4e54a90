"""What a lab file may say: each key declared once, for validation, JSON Schema and docs.

These structs are what was written; ``resolve`` makes of them what is meant. Keys
that were not given are None. ``Meta.extra`` holds the words for people: ``is``
names what is expected, ``cure`` says how to write it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import UNSET, Meta, UnsetType

from netarium.model.options import KINDS, Kind
from netarium.model.wording import word

__all__ = [
    "AccountDeclaration",
    "Defaults",
    "InterfaceDeclaration",
    "LabDeclaration",
    "LinkDeclaration",
    "MountDeclaration",
    "NatDeclaration",
    "NodeDeclaration",
    "RouteDeclaration",
]

LabName = Annotated[
    str,
    word(
        "a lab's name",
        "use up to 63 letters, digits, -, _ and .",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
    ),
]
# It is a host name too: text that inet_aton(3) takes for an address ("10", "0x1") would be one.
NodeName = Annotated[
    str,
    word(
        "a node's name",
        "use up to 63 letters, digits, - and _, with a letter among them, "
        "and no - or _ at the ends",
        pattern=r"^(?!0[xX][0-9A-Fa-f]+$)(?=.*[A-Za-z])(?!localhost$)"
        r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$",
    ),
]
InterfaceName = Annotated[
    str,
    word(
        "an interface's name",
        "use up to 15 letters, digits, -, _ and . (not lo, all or default), such as eth0",
        pattern=r"^(?!(?:lo|all|default)$)[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$",
        example="eth0",
    ),
]
LinkName = Annotated[
    str,
    word(
        "a link's name",
        "use letters, digits, -, _ and .",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,129}$",
    ),
]
DnsName = Annotated[
    str,
    word(
        "a DNS name",
        "write labels of letters, digits and - with dots between, such as www.example.com",
        pattern=r"^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
        r"(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$",
        example="www.example.com",
    ),
]
AccountName = Annotated[
    str,
    word(
        "an account's name",
        "use up to 32 small letters, digits, - and _, beginning with a letter",
        pattern=r"^[a-z_][a-z0-9_-]{0,31}$",
    ),
]
# Whether it is an address that can be used here is checked when the lab is resolved.
Address = Annotated[
    str,
    word(
        "an address with its prefix length", "write one such as 10.0.0.1/24", example="10.0.0.1/24"
    ),
]
Host = Annotated[str, word("an address", "write one such as 10.0.0.1", example="10.0.0.1")]
Prefix = Annotated[
    str,
    word("a prefix", "write one such as 10.0.0.0/24", example="10.0.0.0/24"),
]
Mtu = Annotated[
    int,
    Meta(
        ge=68,
        le=65535,
        description="Largest packet in bytes, the IP header included (1500 unless given).",
    ),
]
Command = Annotated[str, Meta(min_length=1, extra={"is": "a shell command"})]
Password = Annotated[
    str,
    word("a password", "leave out colons and line ends", pattern=r"^[^\n:\x00]*$"),
]
HostPath = Annotated[
    str,
    word("an absolute path", "write it from the root, such as /srv/site", pattern="^/[^:\n\x00]*$"),
]
EnvironmentName = Annotated[
    str,
    word(
        "an environment variable's name",
        "use letters, digits and _, not beginning with a digit",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
    ),
]
EnvironmentValue = Annotated[str, word("text", pattern=r"^[^\x00]*$")]
SysctlName = Annotated[
    str,
    word(
        "a sysctl that a node has for itself",
        "only net.* can be set per node, such as net.ipv4.conf.all.proxy_arp",
        pattern=r"^net\.[A-Za-z0-9_.:/-]*[A-Za-z0-9_]$",
        example="net.ipv4.ip_forward",
    ),
]
SysctlValue = Annotated[
    str | int,
    word("a number or text", "write 1 for on, 0 for off"),
]


def _options(kind: Kind) -> type[msgspec.Struct]:
    """A kind's options with nothing filled in, so that what was said can be told from what was not.

    (The lab's defaults apply only to what a node leaves unsaid.)
    """
    hints = get_type_hints(kind.options, include_extras=True)
    usual = msgspec.json.decode(msgspec.json.encode(kind.options()))
    fields: list[tuple[str, Any, Any]] = [
        (
            name,
            Annotated[hint | UnsetType, Meta(extra_json_schema={"default": usual[name]})],
            UNSET,
        )
        for name, hint in hints.items()
    ]
    return msgspec.defstruct(
        kind.options.__name__,
        fields,
        module=__name__,
        namespace={"__doc__": kind.options.__doc__, "noun": "option"},
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )


if TYPE_CHECKING:
    ServiceKind = str
    Services = dict[str, Any]
else:
    ServiceKind = Literal[tuple(KINDS)]
    Services = msgspec.defstruct(
        "Services",
        [
            (
                name,
                Annotated[
                    _options(kind) | bool | UnsetType | None,
                    Meta(
                        description=f"{kind.description}. Options, or nothing for the defaults; "
                        "false takes away what the lab's defaults gave."
                    ),
                ],
                UNSET,
            )
            for name, kind in KINDS.items()
        ],
        module=__name__,
        namespace={"__doc__": "Services by kind.", "noun": "service"},
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )


class _Declaration(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What all declarations share: unknown keys are faults."""


class AccountDeclaration(_Declaration, frozen=True, kw_only=True):
    """Somebody who can log in."""

    password: Annotated[
        Password | None, Meta(description="Password for logins; abc123 unless given.")
    ] = None
    uid: Annotated[
        Annotated[int, Meta(ge=0, le=60000)] | None,
        Meta(description="User number, the group's too; the next from 1000 unless given."),
    ] = None
    home: Annotated[HostPath | None, Meta(description="Home; /home/NAME unless given.")] = None
    shell: Annotated[HostPath | None, Meta(description="Shell; /bin/bash unless given.")] = None
    admin: Annotated[bool | None, Meta(description="May sudo without a password.")] = None


class InterfaceDeclaration(_Declaration, frozen=True, kw_only=True):
    """One interface of a node."""

    address: Annotated[
        Address | tuple[Address, ...] | None,
        Meta(description="Address or addresses; [] for none. By the link's subnet unless given."),
    ] = None
    mac: Annotated[
        Annotated[
            str,
            word(
                "a MAC address",
                "write six bytes: 02:00:00:00:00:01",
                pattern=r"^[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}$",
                example="02:00:00:00:00:01",
            ),
        ]
        | None,
        Meta(description="Hardware address; random unless given."),
    ] = None
    mtu: Mtu | None = None


class RouteDeclaration(_Declaration, frozen=True, kw_only=True):
    """One route, as a mapping instead of ip-route words."""

    to: Annotated[
        str,
        Meta(
            description="Prefix, address or `default`.",
            extra={"is": "a prefix", "cure": "write one such as 10.0.0.0/24, or default"},
        ),
    ]
    via: Annotated[Host | None, Meta(description="Next hop.")] = None
    dev: Annotated[
        InterfaceName | None, Meta(description="Interface; found from `via` unless given.")
    ] = None
    onlink: Annotated[
        bool | None,
        Meta(description="The next hop is on `dev`'s link although no prefix covers it."),
    ] = None
    kind: Annotated[
        Literal["unicast", "unreachable", "blackhole"] | None,
        Meta(description="`unreachable` refuses packets, `blackhole` drops them silently."),
    ] = None


class NatDeclaration(_Declaration, frozen=True, kw_only=True):
    """Network address translation."""

    outside: Annotated[
        InterfaceName | tuple[InterfaceName, ...],
        Meta(description="Interface(s) that packets leave by under the node's own address."),
    ]


class MountDeclaration(_Declaration, frozen=True, kw_only=True):
    """A directory of the host, seen inside the node."""

    source: Annotated[
        Annotated[str, Meta(min_length=1)],
        Meta(description="Directory or file on the host, relative to the lab file."),
    ]
    target: Annotated[HostPath, Meta(description="Where the node sees it.")]
    read_only: Annotated[bool | None, Meta(description="The node cannot write to it.")] = None


class Defaults(_Declaration, frozen=True, kw_only=True):
    """What every node gets unless it says otherwise."""

    gateway: Annotated[
        Host | tuple[Host, ...] | None,
        Meta(description="Next hop of the default route, one for each of IPv4 and IPv6."),
    ] = None
    forwarding: Annotated[
        bool | None,
        Meta(
            description="Forward packets between interfaces. Unless given: on with `nat`, and "
            "under `routing: static` with two or more interfaces; else off."
        ),
    ] = None
    services: Annotated[
        tuple[ServiceKind | Services, ...] | Services | None,
        Meta(
            description="What answers on the node: a list of kinds, or kinds with options.",
            examples=[["ssh", {"web": {"port": 8080}}]],
        ),
    ] = None
    commands: Annotated[
        tuple[Command, ...] | None,
        Meta(
            description="Shell lines to run in the node once the lab's services answer; "
            "one that fails makes `up` fail.",
            examples=[["touch /root/ready"]],
        ),
    ] = None
    mounts: Annotated[
        tuple[str | MountDeclaration, ...] | None,
        Meta(
            description="Directories of the host to see inside, as SOURCE:TARGET or "
            "SOURCE:TARGET:ro; SOURCE is relative to the lab file.",
            examples=[["./site:/srv/www:ro"]],
        ),
    ] = None
    environment: Annotated[
        dict[EnvironmentName, EnvironmentValue] | None,
        Meta(description="Environment variables of what runs inside."),
    ] = None
    sysctls: Annotated[
        dict[SysctlName, SysctlValue] | None,
        Meta(
            description="Kernel settings of the node's network (net.* only).",
            examples=[{"net.ipv4.conf.all.proxy_arp": 1}],
        ),
    ] = None


class NodeDeclaration(Defaults, frozen=True, kw_only=True):
    """A machine of the lab; everything is optional."""

    names: Annotated[
        DnsName | tuple[DnsName, ...] | None,
        Meta(
            description="Names in the DNS, the canonical one first; the node's own name always "
            "resolves too. Unless given: its own name, alone and with the lab's domain.",
            examples=[["www.example.com"]],
        ),
    ] = None
    address: Annotated[
        Address | tuple[Address, ...] | None,
        Meta(description="Address(es) of eth0: short for `interfaces: {eth0: ...}`."),
    ] = None
    interfaces: Annotated[
        dict[InterfaceName, Address | tuple[Address, ...] | InterfaceDeclaration | None] | None,
        Meta(
            description="Interfaces by name: an address, a list of them, or a mapping.",
            examples=[{"eth0": "192.168.1.1/24"}],
        ),
    ] = None
    routes: Annotated[
        tuple[str | RouteDeclaration, ...] | None,
        Meta(
            description="Routes in ip-route's words: "
            "[unreachable|blackhole] PREFIX [via ADDRESS] [dev INTERFACE] [onlink].",
            examples=[["10.1.0.0/16 via 10.0.0.1"]],
        ),
    ] = None
    nat: Annotated[
        InterfaceName | tuple[InterfaceName, ...] | NatDeclaration | None,
        Meta(
            description="Outside interface(s): what leaves there is masqueraded, and only "
            "replies come back in.",
            examples=["eth0"],
        ),
    ] = None


LinkEnd = Annotated[
    str,
    Meta(
        min_length=1,
        examples=["a", "a:eth1"],
        extra={"is": "an end of a link", "cure": "write NODE or NODE:INTERFACE"},
    ),
]


class LinkDeclaration(_Declaration, frozen=True, kw_only=True):
    """A link: a cable between two ends, a switched segment between more."""

    ends: Annotated[
        tuple[LinkEnd, ...],
        Meta(
            description="What it joins: NODE, or NODE:INTERFACE. A node without interface "
            "takes its first declared one that is on no link, else the next free ethN."
        ),
    ]
    name: Annotated[LinkName | None, Meta(description="Its name.")] = None
    mtu: Mtu | None = None
    prefix: Annotated[
        Prefix | tuple[Prefix, ...] | None,
        Meta(description="Subnet(s) from which ends without address get one."),
    ] = None


SomeLink = Annotated[
    tuple[LinkEnd, ...] | LinkDeclaration,
    word("a link, itself a list of ends,", "write it as [a, b]"),
]


class LabDeclaration(_Declaration, frozen=True, kw_only=True):
    """A netarium lab: a network of Linux nodes on one machine."""

    name: Annotated[
        LabName | None, Meta(description="The lab's name; the file's name unless given.")
    ] = None
    description: Annotated[str | None, Meta(description="What the lab shows, in a line.")] = None
    domain: Annotated[
        DnsName | None, Meta(description="DNS search domain of all nodes.", examples=["lab.test"])
    ] = None
    resolver: Annotated[
        str | tuple[str, ...] | None,
        Meta(
            description="Node(s) or address(es) that all nodes ask for names. Unless given: the "
            "nodes that run dns, and where none does, each node's /etc/hosts.",
            extra={"is": "a node or an address"},
        ),
    ] = None
    routing: Annotated[
        Literal["none", "static"] | None,
        Meta(
            description="`static` gives every node the shortest paths to every prefix of the "
            "lab; `none` (the default) only what the nodes declare."
        ),
    ] = None
    accounts: Annotated[
        dict[AccountName, AccountDeclaration | None] | None,
        Meta(
            description="Who can log in to every node. root is always there; unless accounts "
            "are given, brandon (an admin) is too. The password is abc123 unless given.",
            examples=[{"alice": {"password": "secret", "admin": True}}],
        ),
    ] = None
    defaults: Annotated[
        Defaults | None,
        Meta(
            description="What every node gets. Its own keys win; services, environment and "
            "sysctls are merged."
        ),
    ] = None
    nodes: Annotated[
        dict[NodeName, NodeDeclaration | None],
        Meta(description="The machines by name.", examples=[{"a": {}, "b": {}}]),
    ]
    links: Annotated[
        tuple[SomeLink, ...] | dict[LinkName, SomeLink] | None,
        Meta(
            description="What joins them: a list of links, or links by name. A link is a list "
            "of its ends, or a mapping.",
            examples=[[["a", "b"]]],
        ),
    ] = None
