"""Which interface meets which link: the first step from what a lab file says to a Lab."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from netarium.model.addresses import Address, BadAddressError, Prefix, interface_address, prefix
from netarium.model.declaration import (
    Defaults,
    InterfaceDeclaration,
    LabDeclaration,
    LinkDeclaration,
    NodeDeclaration,
)
from netarium.model.faults import Faults, Path, nearest

__all__ = ["Host", "Port", "Wire", "parsed", "several", "wire"]

T = TypeVar("T")


@dataclass(eq=False)
class Port:
    """An interface on its way to be settled.

    ``addresses`` is None until somebody says which; ``paths`` holds where each
    address stands in the file.
    """

    host: Host
    name: str
    path: Path
    addresses: list[Address] | None = None
    paths: list[Path] = field(default_factory=list)
    mac: str | None = None
    mtu: int | None = None
    wire: Wire | None = None
    flawed: bool = False

    @property
    def known(self) -> list[Address]:
        """Its addresses so far."""
        return self.addresses or []


@dataclass(eq=False)
class Wire:
    """A link on its way to be settled. ``number`` counts links from 1."""

    number: int
    name: str
    path: Path
    ports: list[Port] = field(default_factory=list)
    mtu: int | None = None
    prefixes: list[Prefix] = field(default_factory=list)
    flawed: bool = False


@dataclass(eq=False)
class Host:
    """A node on its way to be settled."""

    name: str
    path: Path
    declared: NodeDeclaration
    defaults: Defaults
    ports: dict[str, Port] = field(default_factory=dict)
    _next: int = 0

    def free_name(self) -> str:
        """The next ethN that the node has not."""
        while f"eth{self._next}" in self.ports:
            self._next += 1
        return f"eth{self._next}"


def several(value: Any) -> list[Any]:
    """One or a list, as a list; None is nothing."""
    if value is None:
        return []
    return list(value) if isinstance(value, (tuple, list)) else [value]


def positions(value: Any, path: Path) -> list[tuple[Any, Path]]:
    """One or a list, each with where it stands."""
    if isinstance(value, (tuple, list)):
        return [(v, (*path, i)) for i, v in enumerate(value)]
    return [] if value is None else [(value, path)]


def parsed(parse: Callable[[str], T], text: str, path: Path, faults: Faults) -> T | None:
    """``parse(text)``; None where it is bad, which is noted."""
    try:
        return parse(text)
    except BadAddressError as error:
        faults.add(path, error.problem, error.cure)
        return None


def wire(lab: LabDeclaration, faults: Faults) -> tuple[dict[str, Host], list[Wire]]:
    """Every node with its interfaces, every link with its ends."""
    defaults = lab.defaults or Defaults()
    hosts: dict[str, Host] = {}
    for name, declared in lab.nodes.items():
        host = Host(name, ("nodes", name), declared or NodeDeclaration(), defaults)
        hosts[name] = host
        _declare_ports(host, faults)
    wires = _wires(lab, hosts, faults)
    _name_wires(wires, faults)
    complete = not faults.within("links") and not any(w.flawed for w in wires)
    for host in hosts.values() if complete else ():
        for port in host.ports.values():
            if port.wire is None:
                faults.add(
                    port.path,
                    f"{port.name} is on no link",
                    f"add {host.name}:{port.name} to a link, or remove it",
                )
    return hosts, wires


def _declare_ports(host: Host, faults: Faults) -> None:
    declared = host.declared
    given: dict[str, tuple[Any, Path]] = {}
    for name, value in (declared.interfaces or {}).items():
        given[name] = (value, (*host.path, "interfaces", name))
    if declared.address is not None:
        path = (*host.path, "address")
        if "eth0" in given:
            faults.add(path, "is short for eth0, which interfaces has too", "keep one of them")
        else:
            given = {"eth0": (declared.address, path), **given}
    for name, (value, path) in given.items():
        port = host.ports[name] = Port(host, name, path)
        if isinstance(value, InterfaceDeclaration):
            port.mac = value.mac.lower() if value.mac else None
            port.mtu = value.mtu
            value, path = value.address, (*path, "address")
            if port.mac and int(port.mac[:2], 16) & 1:
                faults.add(
                    (*port.path, "mac"),
                    f"{port.mac} is a multicast address",
                    "make the first byte even, such as 02",
                )
        if value is None:
            continue
        port.addresses = []
        for text, place in positions(value, path):
            address = parsed(interface_address, text, place, faults)
            if address is None:
                port.flawed = True
            elif address in port.addresses:
                faults.add(place, f"{address} stands here twice", "remove one")
            else:
                port.addresses.append(address)
                port.paths.append(place)


def _wires(lab: LabDeclaration, hosts: dict[str, Host], faults: Faults) -> list[Wire]:
    links: list[tuple[Path, str | None, Any]]
    if isinstance(lab.links, dict):
        links = [(("links", name), name, link) for name, link in lab.links.items()]
    else:
        links = [(("links", i), None, link) for i, link in enumerate(lab.links or ())]
    wires: list[Wire] = []
    ends: list[tuple[Wire, Host, str | None, Path]] = []
    for number, (path, name, link) in enumerate(links, 1):
        found = Wire(number, name or "", path)
        texts, place = link, path
        if isinstance(link, LinkDeclaration):
            if link.name and name and link.name != name:
                faults.add((*path, "name"), f"{link.name} is not the key {name}", "remove it")
            found.name = name or link.name or ""
            found.mtu = link.mtu
            for text, where in positions(link.prefix, (*path, "prefix")):
                subnet = parsed(prefix, text, where, faults)
                if subnet is None:
                    found.flawed = True
                elif subnet.size < 2:
                    faults.add(where, f"{subnet} has room for one end only", "write a larger one")
                    found.flawed = True
                else:
                    found.prefixes.append(subnet)
            texts, place = link.ends, (*path, "ends")
        for position, text in enumerate(texts):
            node, colon, interface = text.partition(":")
            where = (*place, position)
            if node not in hosts:
                near = nearest(node, hosts)
                cure = f"did you mean {near}?" if near else f"add {node} to nodes"
                if not faults.within("nodes", node):
                    faults.add(where, f"no such node: {node}", cure)
                found.flawed = True
            elif colon and not _is_interface(interface):
                faults.add(
                    where,
                    f"{interface or 'nothing'} is not an interface's name",
                    f"write NODE:INTERFACE with up to 15 letters and digits, such as {node}:eth0",
                )
                found.flawed = True
            else:
                ends.append((found, hosts[node], interface or None, where))
        if len(texts) < 2 and not found.flawed:
            faults.add(
                place, f"has {('no end', 'one end')[len(texts)]}", "a link joins two or more"
            )
            found.flawed = True
        wires.append(found)
    _plug(ends, faults)
    return wires


def _is_interface(name: str) -> bool:
    good = 0 < len(name) <= 15 and name not in ("lo", "all", "default")
    return (
        good
        and name.isascii()
        and name[0].isalnum()
        and all(c.isalnum() or c in "_.-" for c in name)
    )


def _plug(ends: list[tuple[Wire, Host, str | None, Path]], faults: Faults) -> None:
    """Give each end its interface: first those that name one, so that nobody else takes it."""
    plugged: dict[int, Port] = {}
    for position, (on, host, name, where) in enumerate(ends):
        if name is None:
            continue
        port = host.ports.setdefault(name, Port(host, name, where))
        if port.wire is not None:
            if port.wire is on:
                problem = f"{host.name}:{name} is both ends of this link"
            else:
                problem = f"{host.name}:{name} is on another link already ({_name(port.wire)})"
            faults.add(where, problem, f"name another interface, such as {host.free_name()}")
            on.flawed = True
            continue
        port.wire = on
        plugged[position] = port
    free = {host.name: [p for p in host.ports.values() if p.wire is None] for _, host, _, _ in ends}
    for position, (on, host, name, where) in enumerate(ends):
        if name is None:
            unused = free[host.name]
            if unused:
                port = unused.pop(0)
            else:
                port = Port(host, host.free_name(), where)
                host.ports[port.name] = port
            port.wire = on
            plugged[position] = port
        if position in plugged:
            on.ports.append(plugged[position])


def _name(found: Wire) -> str:
    from netarium.model.faults import field_text

    return found.name or field_text(found.path)


def _name_wires(wires: list[Wire], faults: Faults) -> None:
    """Names for links that have none: the ends' for a cable, a number for a segment."""
    taken: dict[str, Wire] = {}
    for found in wires:
        if not found.name:
            continue
        if found.name in taken:
            faults.add(
                (*found.path, "name"),
                f"another link has the name {found.name}",
                "give each link its own",
            )
        taken[found.name] = found
    for found in wires:
        if found.name:
            continue
        if len(found.ports) == 2:
            base = f"{found.ports[0].host.name}-{found.ports[1].host.name}"
        else:
            base = f"segment-{found.number}"
        found.name, again = base, 2
        while found.name in taken:
            found.name, again = f"{base}-{again}", again + 1
        taken[found.name] = found
