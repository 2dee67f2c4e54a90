"""The verb that shows what runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netarium.cli.options import Json, LabOption, complete_running_lab, single

if TYPE_CHECKING:
    from netarium.runtime.state import RunningLab, RunningNode, ServiceState

__all__ = ["app", "print_lab", "report"]


def report(lab: RunningLab) -> dict[str, Any]:
    """What ``status --json`` says of a lab. Memory is in bytes, ``since`` is Unix time."""
    from netarium.runtime.memory import node_memory, process_memory

    memory = node_memory(lab)
    own = process_memory(lab.supervisor)
    return {
        "name": lab.name,
        "description": lab.lab.description,
        "state": lab.state,
        "since": lab.since,
        "supervisor": lab.supervisor,
        "rootless": lab.rootless,
        "directory": lab.directory,
        "memory": (own or 0) + sum(taken or 0 for taken in memory.values()),
        "nodes": [_node(lab, node, memory[node.name]) for node in lab.nodes],
    }


def _node(lab: RunningLab, node: RunningNode, memory: int | None) -> dict[str, Any]:
    declared = lab.lab.node(node.name)
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
        "services": [_service(s, alive) for s in lab.services if s.node == node.name],
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


def print_lab(lab: RunningLab) -> None:
    """Print a lab's nodes, addresses and services for a person."""
    from netarium.cli.output import print_table, size

    found = report(lab)
    age = _age(time.time() - lab.since)
    rootless = ", rootless" if lab.rootless else ""
    title = f"{lab.name}: {len(lab.nodes)} nodes, {found['state']} for {age}"
    title += f", {size(found['memory'])}{rootless}"
    rows = []
    for node in found["nodes"]:
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


def _status(
    lab: Annotated[
        str | None,
        typer.Argument(metavar="LAB", help="One lab only.", autocompletion=complete_running_lab),
    ] = None,
    json: Json = False,
    chosen: LabOption = None,
) -> None:
    """Show what runs: labs, nodes, addresses, services, memory.

    Memory is the proportional set size of the node's processes. A node or service
    that has died is shown as dead, with the reason where it is known.
    """
    from netarium.cli.output import print_json
    from netarium.runtime.state import find_lab, running_labs

    named = lab or chosen  # --lab, too, since all verbs for one node have it
    labs = running_labs() if named is None else [find_lab(named)]
    if json:
        print_json({"labs": [report(each) for each in labs]})
        return
    if not labs:
        print("no lab is running; start one with: netarium up playground")
    for number, each in enumerate(labs):
        if number:
            print()
        print_lab(each)


def app(verb: str) -> typer.Typer:
    """The verb's application."""
    return single(verb, _status)
