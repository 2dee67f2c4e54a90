"""A running lab as people and programs are shown it: a table, or data for JSON."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netarium.model.lab import Node
    from netarium.runtime.state import RunningLab, RunningNode, ServiceState

#: A lab of more nodes than that is summed up; so many of its nodes are shown then.
_MANY, _FEW = 40, 8

__all__ = ["print_lab", "report"]


def report(lab: RunningLab) -> dict[str, Any]:
    """What ``status --json`` says of a lab. Memory is in bytes, ``since`` is Unix time."""
    from netarium.runtime.memory import node_memory, process_memory

    memory = node_memory(lab)
    own = process_memory(lab.supervisor)
    declared = {node.name: node for node in lab.lab.nodes}
    services: dict[str, list[ServiceState]] = {node.name: [] for node in lab.nodes}
    for service in lab.services:
        services[service.node].append(service)
    return {
        "name": lab.name,
        "description": lab.lab.description,
        "state": lab.state,
        "since": lab.since,
        "supervisor": lab.supervisor,
        "rootless": lab.rootless,
        "directory": lab.directory,
        "memory": (own or 0) + sum(taken or 0 for taken in memory.values()),
        "nodes": [
            _node(declared[node.name], node, services[node.name], memory[node.name])
            for node in lab.nodes
        ],
    }


def _node(
    declared: Node, node: RunningNode, services: list[ServiceState], memory: int | None
) -> dict[str, Any]:
    alive = node.alive
    return {
        "name": node.name,
        "state": "running" if alive else "dead",
        "pid": node.pid,
        "names": declared.names,
        "interfaces": [
            {"name": i.name, "link": i.link, "addresses": i.addresses} for i in declared.interfaces
        ],
        "memory": memory,
        "services": [_service(service, alive) for service in services],
    }


def _service(service: ServiceState, node_alive: bool) -> dict[str, Any]:
    alive = node_alive and service.state == "running"
    return {
        "name": service.name,
        "kind": service.kind,
        "state": "running" if alive else "dead",
        "ports": service.ports,
        "reason": "" if alive else service.reason or ("" if node_alive else "its node is dead"),
    }


def print_lab(lab: RunningLab, *, every: bool = False) -> None:
    """Print a lab's nodes, addresses and services for a person.

    Of a big lab a summary, unless ``every`` node is wanted; what is dead is always shown.
    """
    from netarium.cli.output import counted, print_folded, print_table, size

    age = _age(time.time() - lab.since)
    if lab.state == "starting":
        print(f"{lab.name}: {counted(len(lab.lab.nodes), 'node')}, starting for {age}")
        return
    found = report(lab)
    rootless = ", rootless" if lab.rootless else ""
    title = f"{lab.name}: {counted(len(lab.nodes), 'node')}, {found['state']} for {age}"
    title += f", {size(found['memory'])}{rootless}"
    rows = []
    shown = found["nodes"] if every else _worth_showing(found["nodes"])
    for node in shown:
        addresses = [f"{a}" for i in node["interfaces"] for a in i["addresses"]]
        distinct = list(dict.fromkeys(addresses))
        name = node["name"]
        services = [_say(service) for service in node["services"]]
        if node["state"] == "dead":
            services = ["dead: its first process has ended"]
        rows.append(
            (name, "\n".join(distinct), "\n".join(_together(services)), size(node["memory"]))
        )
    print_table(("NODE", "ADDRESSES", "SERVICES", "MEMORY"), rows, title)
    if len(shown) < len(found["nodes"]):
        print(f"... {len(found['nodes']) - len(shown)} more: netarium status {lab.name} --all")
        print_folded(_count(lab, found["nodes"]))


def _worth_showing(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All nodes of a lab; of a big one those that are first, and those where something died."""
    if len(nodes) <= _MANY:
        return nodes
    dead = [node for node in nodes[_FEW:] if "dead" in _states(node)]
    return nodes[:_FEW] + dead[: _MANY - _FEW]


def _states(node: dict[str, Any]) -> list[str]:
    return [node["state"], *(service["state"] for service in node["services"])]


def _count(lab: RunningLab, nodes: list[dict[str, Any]]) -> str:
    """One line on what a big lab has, by kind."""
    from netarium.cli.output import counted

    cables = sum(link.kind == "cable" for link in lab.lab.links)
    kinds = Counter(service["kind"] for node in nodes for service in node["services"])
    services = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    dead = sum(node["state"] == "dead" for node in nodes)
    lost = sum(_states(node)[1:].count("dead") for node in nodes)
    segments = counted(len(lab.lab.links) - cables, "segment")
    text = f"in all {counted(len(nodes), 'node')}, {counted(cables, 'cable')}, {segments}"
    text += f"; services: {services or 'none'}"
    return text + (
        f"; dead: {counted(dead, 'node')}, {counted(lost, 'service')}" if dead or lost else ""
    )


def _say(service: dict[str, Any]) -> str:
    if service["state"] == "dead":
        reason = f": {service['reason']}" if service["reason"] else ""
        return f"dead {service['name']}{reason}"
    numbers = []
    for port in service["ports"]:
        number = port.rpartition("/")[2]
        if number not in numbers:
            numbers.append(number)
    return f"{service['name']} {','.join(numbers)}".strip()


def _together(services: list[str]) -> list[str]:
    """Services that run share a line; each dead one has its own."""
    running = [service for service in services if not service.startswith("dead")]
    dead = [service for service in services if service.startswith("dead")]
    return [*dead, *(["  ".join(running)] if running else [])]


def _age(seconds: float) -> str:
    if seconds < 120:
        return f"{max(seconds, 0):.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"
