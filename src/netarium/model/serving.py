"""Which services a node runs, each with complete options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from netarium.model.faults import Faults, Path
from netarium.model.lab import Service
from netarium.model.options import KINDS, MailOptions, WebOptions, complete, ports
from netarium.model.wiring import Host

__all__ = ["services_of"]


@dataclass(frozen=True)
class _Entry:
    """A service as it was written. ``options`` is None for the defaults, False for none."""

    kind: str
    options: msgspec.Struct | bool | None
    path: Path


def services_of(
    host: Host, domain: str | None, accounts: set[str], faults: Faults
) -> tuple[Service, ...]:
    """A node's services: the lab's defaults, then its own, which win where the kind is the same."""
    defaults = _entries(host.defaults.services, ("defaults", "services"))
    own = _entries(host.declared.services, (*host.path, "services"))
    said = {entry.kind for entry in own}
    base = {entry.kind: entry for entry in defaults}
    entries = [e for e in defaults if e.kind not in said] + own
    found: list[Service] = []
    opened: dict[tuple[str, int], str] = {}
    counts: dict[str, int] = {}
    for entry in entries:
        if entry.options is False:
            continue
        options = _options(entry, base.get(entry.kind) if entry.path[0] == "nodes" else None)
        if entry.kind == "dns" and options["zone"] is None:
            options["zone"] = domain
        if entry.kind == "mail" and options["domain"] is None:
            options["domain"] = domain
        _check(entry, options, accounts, faults)
        if entry.kind == "web" and not (options["root"] or options["app"] or options["pages"]):
            options["root"] = "/srv/www"
        counts[entry.kind] = counts.get(entry.kind, 0) + 1
        number = counts[entry.kind]
        name = entry.kind if number == 1 else f"{entry.kind}-{number}"
        for option, protocol, port in ports(entry.kind, options):
            other = opened.setdefault((protocol, port), name)
            if other != name:
                faults.add(
                    entry.path,
                    f"{name} opens {protocol} port {port} of {host.name}, which {other} has",
                    f"give one of them another {option}",
                )
            elif _twice(entry.kind, options, protocol, port):
                faults.add(
                    entry.path, f"{name} opens {protocol} port {port} twice", "choose another port"
                )
        found.append(Service(name=name, kind=entry.kind, options=options))
    return tuple(found)


def _twice(kind: str, options: dict[str, Any], protocol: str, port: int) -> bool:
    return sum((pr, n) == (protocol, port) for _, pr, n in ports(kind, options)) > 1


def _entries(services: Any, path: Path) -> list[_Entry]:
    found: list[_Entry] = []
    if services is None:
        return found
    items = services if isinstance(services, tuple) else (services,)
    for position, item in enumerate(items):
        where = (*path, position) if isinstance(services, tuple) else path
        if isinstance(item, str):
            found.append(_Entry(item, None, where))
            continue
        for kind in KINDS:
            options = getattr(item, kind)
            if options is not msgspec.UNSET:
                found.append(_Entry(kind, options, (*where, kind)))
    return found


def _options(entry: _Entry, base: _Entry | None) -> dict[str, Any]:
    """Complete options: the kind's defaults, then the lab's, then the node's."""
    given: dict[str, Any] = {}
    for one in (base, entry):
        if one is not None and isinstance(one.options, msgspec.Struct):
            given.update(msgspec.to_builtins(one.options))
    return complete(entry.kind, given)


def _check(entry: _Entry, options: dict[str, Any], accounts: set[str], faults: Faults) -> None:
    """What one option means for another."""
    path = entry.path
    if entry.kind == "web":
        web = msgspec.convert(options, WebOptions)
        said = [key for key in ("root", "app", "pages") if options[key]]
        if len(said) > 1:
            faults.add(path, f"has {' and '.join(said)}", "keep one of them")
        if web.port is None and web.tls_port is None:
            faults.add(path, "opens no port", "give it a port or a tls_port")
    elif entry.kind == "mail":
        mail = msgspec.convert(options, MailOptions)
        for account in mail.mailboxes:
            if account not in accounts:
                faults.add(
                    (*path, "mailboxes", account),
                    f"no such account: {account}",
                    f"one of {', '.join(sorted(accounts))}, or add it to accounts",
                )
    elif entry.kind == "dns":
        _check_aliases(entry, options, faults)
    elif entry.kind == "ftp" and options["passive_ports"]:
        first, last = options["passive_ports"]
        if first > last:
            faults.add(
                (*path, "passive_ports"),
                f"begins with {first}, after its end {last}",
                f"write [{last}, {first}]",
            )


def _check_aliases(entry: _Entry, options: dict[str, Any], faults: Faults) -> None:
    """CNAME records must lead somewhere: RFC 1034, 3.6.2 asks that loops be an error."""
    zone = (options["zone"] or "").lower().strip(".")
    aliases: dict[str, str] = {}
    for record in options["records"]:
        words = [word.lower() for word in record.split()]
        if "cname" in words[1:-1] and words.index("cname", 1) == len(words) - 2:
            aliases[_full(words[0], zone)] = _full(words[-1], zone)
    for name in aliases:
        way = [name]
        while (name := aliases.get(name, "")) and name not in way:
            way.append(name)
        if name == way[0]:
            faults.add(
                (*entry.path, "records"),
                f"a loop of references: {' -> '.join([*way, name])}",
                "let one of them lead to a name with an address",
            )
            return


def _full(name: str, zone: str) -> str:
    """A name of a zone file in full, without the final dot (RFC 1035, 5.1)."""
    if name.endswith("."):
        return name[:-1]
    if name == "@":
        return zone
    return f"{name}.{zone}" if zone else name
