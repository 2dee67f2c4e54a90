"""A lab as plain data, with nothing left to decide: every name, address and route is settled.

``resolve`` makes these from a lab file, ``discover`` from a live machine. They
travel as JSON (``msgspec.json``), so addresses are strings, always in normal
form: ``192.168.1.11/24`` for an interface, ``10.0.0.0/8`` for a prefix.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

__all__ = [
    "Account",
    "End",
    "Interface",
    "Lab",
    "Link",
    "Mount",
    "Nat",
    "Node",
    "Route",
    "Service",
]


class Interface(msgspec.Struct, frozen=True, kw_only=True):
    """Where a node meets a link."""

    name: str
    link: str
    addresses: tuple[str, ...] = ()
    mac: str | None = None
    mtu: int | None = None


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a node's routing table.

    ``destination`` is a prefix (the default route is ``0.0.0.0/0`` or ``::/0``).
    ``via`` is the next hop; without it the prefix is directly on ``interface``.
    ``onlink`` says that the next hop is reachable on ``interface`` although no
    prefix covers it. Routes are installed in the order given.
    """

    destination: str
    via: str | None = None
    interface: str | None = None
    onlink: bool = False
    kind: Literal["unicast", "unreachable", "blackhole"] = "unicast"


class Nat(msgspec.Struct, frozen=True, kw_only=True):
    """Masquerading towards the outside interfaces; only replies come back in."""

    outside: tuple[str, ...]


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who can log in to a node. ``admin`` may sudo without a password."""

    name: str
    password: str
    uid: int
    gid: int
    home: str
    shell: str = "/bin/bash"
    admin: bool = False


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """A directory of the host that a node sees at ``target``. Both are absolute paths."""

    source: str
    target: str
    read_only: bool = False


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A server inside a node.

    ``kind`` names the module of ``netarium.services``; ``name`` is unique on the
    node (``web``, ``web-2``); ``options`` is what ``kind``'s option struct in
    ``netarium.model.options`` accepts, complete with its defaults.
    """

    name: str
    kind: str
    options: dict[str, Any] = msgspec.field(default_factory=dict)


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A machine of the lab.

    ``names`` are its names in the DNS, the canonical one first, without a final
    dot (``www.example.com``, ``www``). ``sysctls`` are dotted (``net.ipv4.ip_forward``).
    ``commands`` are shell lines, run in order once the services answer.
    """

    name: str
    names: tuple[str, ...]
    interfaces: tuple[Interface, ...] = ()
    routes: tuple[Route, ...] = ()
    forwarding: bool = False
    nat: Nat | None = None
    services: tuple[Service, ...] = ()
    commands: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    environment: dict[str, str] = msgspec.field(default_factory=dict)
    sysctls: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address of the node, without prefix lengths, each once, in interface order."""
        found = (a.split("/")[0] for i in self.interfaces for a in i.addresses)
        return tuple(dict.fromkeys(found))


class End(msgspec.Struct, frozen=True, kw_only=True):
    """One end of a link: an interface of a node."""

    node: str
    interface: str


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """What joins interfaces: a cable between two, or a switched segment."""

    name: str
    ends: tuple[End, ...]
    mtu: int | None = None

    @property
    def kind(self) -> Literal["cable", "segment"]:
        """``cable`` for two ends, ``segment`` (a learning switch) for any other number."""
        return "cable" if len(self.ends) == 2 else "segment"


class Lab(msgspec.Struct, frozen=True, kw_only=True):
    """A whole network.

    ``resolvers`` are the addresses that nodes ask for names (empty: names come
    from each node's /etc/hosts). ``domain`` is the nodes' DNS search domain.
    """

    name: str
    description: str = ""
    domain: str | None = None
    resolvers: tuple[str, ...] = ()
    accounts: tuple[Account, ...] = ()
    nodes: tuple[Node, ...] = ()
    links: tuple[Link, ...] = ()

    def node(self, name: str) -> Node:
        """The node of that name. Raises KeyError where there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)
