"""From what a lab file says to a Lab in which nothing is left to decide."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Any

from netarium.model.accounts import accounts_of
from netarium.model.addresses import host as parse_host
from netarium.model.addressing import address_links, check_links
from netarium.model.declaration import LabDeclaration, NatDeclaration
from netarium.model.faults import Faults, nearest
from netarium.model.lab import Account, End, Interface, Lab, Link, Nat, Node
from netarium.model.mounting import mounts_of
from netarium.model.routing import Hop, declared_routes
from netarium.model.serving import services_of
from netarium.model.shortest import static_routes
from netarium.model.wiring import Host, Wire, parsed, positions, several, wire

__all__ = ["resolve"]


def resolve(
    declared: LabDeclaration,
    faults: Faults | None = None,
    *,
    name: str = "lab",
    directory: FilePath | None = None,
) -> Lab:
    """The lab that a declaration means.

    Args:
        declared: what was written.
        faults: those found so far; more are added.
        name: the lab's name where the declaration has none.
        directory: what mounts are relative to; the current one unless given.

    Raises:
        LabFileError: something is wrong with it; the error lists everything.
    """
    faults = faults if faults is not None else Faults()
    hosts, wires = wire(declared, faults)
    address_links(wires, _used(hosts, faults), faults)
    check_links(wires, faults)
    nats = {n: _nat(host, faults) for n, host in hosts.items()}
    forwarding = _forwarding(declared, hosts, nats, faults)
    routes = _routes(declared, hosts, wires, nats, forwarding, faults)
    names = _names(declared, hosts, faults)
    accounts = accounts_of(declared, faults)
    nodes = tuple(
        Node(
            name=host.name,
            names=names[host.name],
            interfaces=_interfaces(host),
            routes=tuple(hop.route() for hop in routes[host.name]),
            forwarding=host.name in forwarding,
            nat=nats[host.name],
            services=services_of(host, declared.domain, {a.name for a in accounts}, faults),
            commands=_default(host, "commands"),
            mounts=mounts_of(host, directory or FilePath.cwd(), faults),
            environment=_merged(host, "environment"),
            sysctls=_sysctls(host),
        )
        for host in hosts.values()
    )
    lab = Lab(
        name=declared.name or name,
        description=declared.description or "",
        domain=declared.domain,
        resolvers=_resolvers(declared, nodes, faults),
        accounts=accounts,
        nodes=nodes,
        links=tuple(_link(found) for found in wires),
    )
    _check_accounts(lab.accounts, faults)
    faults.check()
    return lab


def _used(hosts: dict[str, Host], faults: Faults) -> list[Any]:
    """The prefixes that nodes have routes to, which the addressing scheme keeps off."""
    quiet = Faults()
    return [
        hop.destination
        for host in hosts.values()
        if host.declared.routes
        for hop in declared_routes(host, quiet, check=False)
        if hop.destination.length
    ]


def _nat(host: Host, faults: Faults) -> Nat | None:
    value, path = host.declared.nat, (*host.path, "nat")
    if isinstance(value, NatDeclaration):
        value, path = value.outside, (*path, "outside")
    for name, where in positions(value, path):
        if name not in host.ports:
            near = nearest(name, host.ports) or ", ".join(host.ports)
            faults.add(
                where,
                f"{host.name} has no interface {name}",
                f"it has {near}" if near else f"put {host.name} on a link",
            )
    outside = tuple(dict.fromkeys(several(value)))
    return Nat(outside=outside) if outside else None


def _forwarding(
    declared: LabDeclaration, hosts: dict[str, Host], nats: dict[str, Nat | None], faults: Faults
) -> set[str]:
    found: set[str] = set()
    for name, host in hosts.items():
        own = host.declared.forwarding
        said = own if own is not None else host.defaults.forwarding
        if nats[name]:
            if own is False:
                faults.add(
                    (*host.path, "forwarding"), "is off, but nat needs it", "remove one of them"
                )
            said = True
        if said is None:
            said = declared.routing == "static" and len(host.ports) > 1
        if said:
            found.add(name)
    return found


def _routes(
    declared: LabDeclaration,
    hosts: dict[str, Host],
    wires: list[Wire],
    nats: dict[str, Nat | None],
    forwarding: set[str],
    faults: Faults,
) -> dict[str, list[Hop]]:
    # What is reachable can only be told where every link is as it is meant.
    settled = not faults.within("links") and not any(w.flawed for w in wires)
    routes = {
        name: declared_routes(host, faults, check=settled and not faults.within(*host.path))
        for name, host in hosts.items()
    }
    if declared.routing == "static" and not faults:
        outside = {name: frozenset(nat.outside) for name, nat in nats.items() if nat}
        for name, hops in static_routes(hosts, forwarding, outside, routes).items():
            routes[name] = sorted([*routes[name], *hops], key=lambda hop: hop.via is not None)
    return routes


def _names(
    declared: LabDeclaration, hosts: dict[str, Host], faults: Faults
) -> dict[str, tuple[str, ...]]:
    """Each node's names in the DNS, where case makes no difference (RFC 4343)."""
    found: dict[str, tuple[str, ...]] = {}
    holders: dict[str, str] = {}
    for name in hosts:
        other = holders.setdefault(name.lower(), name)
        if other != name:
            faults.add(
                ("nodes", name),
                f"{name} and {other} are the same name in the DNS",
                "tell them apart by more than capitals",
            )
    for name, host in hosts.items():
        given = positions(host.declared.names, (*host.path, "names"))
        for text, path in given:
            other = holders.setdefault(text.lower(), name)
            if other != name:
                faults.add(path, f"{text} is a name of {other} already", "give each node its own")
        if given:
            names = [text for text, _ in given]
            names += [name] if name.lower() not in (n.lower() for n in names) else []
        else:
            names = [name]
            full = f"{name}.{declared.domain}" if declared.domain else None
            if full and holders.setdefault(full.lower(), name) == name:
                names.append(full)
        found[name] = tuple(dict.fromkeys(names))
    return found


def _interfaces(host: Host) -> tuple[Interface, ...]:
    return tuple(
        Interface(
            name=port.name,
            link=port.wire.name if port.wire else "",
            addresses=tuple(map(str, port.known)),
            mac=port.mac,
            mtu=port.mtu or (port.wire.mtu if port.wire else None),
        )
        for port in host.ports.values()
    )


def _link(found: Wire) -> Link:
    ends = tuple(End(node=p.host.name, interface=p.name) for p in found.ports)
    return Link(name=found.name, ends=ends, mtu=found.mtu)


def _default(host: Host, key: str) -> tuple[Any, ...]:
    own = getattr(host.declared, key)
    return tuple((own if own is not None else getattr(host.defaults, key)) or ())


def _merged(host: Host, key: str) -> dict[str, Any]:
    return {**(getattr(host.defaults, key) or {}), **(getattr(host.declared, key) or {})}


def _sysctls(host: Host) -> dict[str, str]:
    # sysctl(8) takes / for . too; the dots of an interface's name are then written as /.
    return {key: str(value) for key, value in _merged(host, "sysctls").items()}


def _resolvers(
    declared: LabDeclaration, nodes: tuple[Node, ...], faults: Faults
) -> tuple[str, ...]:
    by_name = {node.name: node for node in nodes}
    if declared.resolver is None:
        asked = [node for node in nodes if any(s.kind == "dns" for s in node.services)]
        return tuple(a for node in asked if (a := _first_address(node)) is not None)
    found: list[str] = []
    held = {address for node in nodes for address in node.addresses}
    for text, path in positions(declared.resolver, ("resolver",)):
        if text in by_name:
            address = _first_address(by_name[text])
            if address is not None:
                found.append(address)
            else:
                faults.add(path, f"{text} has no address to ask", "put it on a link")
        elif "." not in text and ":" not in text:
            if not faults.within("nodes", text):
                near = nearest(text, by_name)
                cure = f"did you mean {near}?" if near else "write a node's name or an address"
                faults.add(path, f"no such node: {text}", cure)
        elif (parsed_address := parsed(parse_host, text, path, faults)) is not None:
            if parsed_address.text not in held and not faults:
                faults.add(
                    path,
                    f"no node has the address {parsed_address.text}",
                    "write the name or address of a node that runs dns",
                )
            found.append(parsed_address.text)
    return tuple(dict.fromkeys(found))


def _first_address(node: Node) -> str | None:
    """The address by which others reach it: of a NAT node, an outside one."""
    if node.nat:
        for interface in node.interfaces:
            if interface.name in node.nat.outside and interface.addresses:
                return interface.addresses[0].split("/")[0]
    return node.addresses[0] if node.addresses else None


def _check_accounts(accounts: tuple[Account, ...], faults: Faults) -> None:
    holders: dict[int, str] = {}
    for account in accounts:
        other = holders.setdefault(account.uid, account.name)
        if other != account.name:
            faults.add(
                ("accounts", account.name, "uid"),
                f"{account.uid} is {other}'s uid already",
                "give each account its own",
            )
