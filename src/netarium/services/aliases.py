"""Which further names a lab's DNS records give to its nodes: CNAMEs, for their certificates."""

from __future__ import annotations

from netarium.model.lab import Lab

__all__ = ["aliases"]


def aliases(lab: Lab) -> dict[str, tuple[str, ...]]:
    """The names that lead to a node by CNAME records, over several where they do, by node.

    Each is absolute without its final dot; one below the lab's domain also comes as
    nodes type it, without the domain. Records that are no CNAMEs, or cannot be read,
    are left to the name server.
    """
    targets = _targets(lab)
    if not targets:
        return {}
    domain = f".{(lab.domain or '').lower()}"
    nodes = {
        name.lower(): node.name
        for node in lab.nodes
        for name in (*node.names, node.name, node.name + domain)
    }
    found: dict[str, list[str]] = {}
    for alias in targets:
        end, seen = alias, {alias}
        while (end := targets.get(end, end)) not in seen:
            seen.add(end)
        node = nodes.get(end)
        if node is not None:
            short = alias.removesuffix(domain)
            found.setdefault(node, []).extend(dict.fromkeys((alias, short)))
    return {node: tuple(names) for node, names in found.items()}


def _targets(lab: Lab) -> dict[str, str]:
    """Owner and target of every CNAME record, in small letters (RFC 4343)."""
    found: dict[str, str] = {}
    for node in lab.nodes:
        for service in node.services:
            if service.kind != "dns":
                continue
            zone = service.options.get("zone") or lab.domain or ""
            for record in service.options.get("records") or ():
                # OWNER [TTL] [CLASS] CNAME TARGET (RFC 1035, section 5.1)
                words = str(record).lower().partition(";")[0].split()
                if len(words) > 2 and words[-2] == "cname" and record.isascii():
                    found[_absolute(words[0], str(zone))] = _absolute(words[-1], str(zone))
    return found


def _absolute(name: str, zone: str) -> str:
    origin = zone.strip(".").lower()
    if name == "@":
        return origin
    return name[:-1] if name.endswith(".") else f"{name}.{origin}".strip(".")
