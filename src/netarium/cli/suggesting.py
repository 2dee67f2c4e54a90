"""What to try first in a lab that has just come up: four commands, made for that lab."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netarium.model.lab import Lab, Node

__all__ = ["fit", "own_name", "suggestions"]

_SYSTEM_PATHS = "/usr/sbin:/sbin:/usr/bin:/bin"


def own_name() -> str:
    """How this shell calls netarium: by its name where PATH leads here, else as it was called."""
    called = Path(sys.argv[0])
    if called.name != "netarium" or not called.exists():  # such as python -m
        return "netarium"
    found = shutil.which("netarium")
    if found is not None and Path(found).exists() and called.samefile(found):
        return "netarium"
    return shlex.quote(sys.argv[0])


def suggestions(lab: Lab, *, name: str = "netarium", alone: bool = True) -> list[tuple[str, str]]:
    """Four pairs of a command and what it does; none for a lab without nodes.

    Args:
        lab: the lab that runs.
        name: what to call netarium.
        alone: whether it is the only lab; beside others each command says which is meant.
    """
    if not lab.nodes:
        return []
    which = "" if alone else f" --lab {shlex.quote(lab.name)}"
    web = next(((n, url) for n in lab.nodes if (url := _address(n))), None)
    goal = web[0] if web else lab.nodes[-1]
    start = next((node for node in lab.nodes if node is not goal), goal)
    inside = f"{name} exec{which} {start.name} --"
    if start is goal:
        tries = [(f"{inside} ip address", "its interfaces")]
    elif shutil.which("traceroute", path=_SYSTEM_PATHS):
        tries = [(f"{inside} traceroute {_called(goal)}", "the way there")]
    else:
        tries = [(f"{inside} ping -c3 {_called(goal)}", "is it there?")]
    if web:
        tries.append((f"{inside} curl -s {web[1]}", "a client"))
    elif any(service.kind == "ssh" for service in goal.services):
        tries.append((f"{name} ssh{which} {goal.name}", "log in with this machine's own ssh"))
    else:
        tries.append((f"{inside} ping -c3 {_called(goal)}", "one command"))
    has_lab = any(mount.target == "/lab" for mount in start.mounts)
    meaning = f"a shell on {start.name}" + ("; this directory is /lab there" if has_lab else "")
    tries.append((f"{name} shell{which} {start.name}", meaning))
    tries.append((f"{name} down {shlex.quote(lab.name)}", "take it all down again"))
    return tries


def _called(node: Node) -> str:
    return node.names[0] if node.names else node.name


def _address(node: Node) -> str | None:
    """The URL of a page of the node's that is short enough to read in a terminal."""
    for service in node.services:
        port = service.options.get("port")
        if service.kind == "web" and port is not None:
            page = "ip" if service.options.get("app") == "httpbin:app" else ""
            return f"http://{_called(node)}{'' if port == 80 else f':{port}'}/{page}"
    return None


def fit(tries: Sequence[tuple[str, str]], columns: int) -> list[str]:
    """Commands and their meanings as lines; without meanings where a line would be too long.

    A command that is too long by itself goes on in the next line, as a shell reads it.
    """
    width = max((len(command) for command, _ in tries), default=0)
    lines = [f"  {command:{width}}  # {meaning}" for command, meaning in tries]
    if all(len(line) <= columns for line in lines):
        return lines
    return [_broken(command, columns) for command, _ in tries]


def _broken(command: str, columns: int) -> str:
    text, column = "", 0
    for word in command.split(" "):
        if not text:
            text, column = f"  {word}", 2 + len(word)
        elif column + len(word) + 3 > columns:  # a blank before it, a blank and \ behind it
            text, column = f"{text} \\\n      {word}", 6 + len(word)
        else:
            text, column = f"{text} {word}", column + 1 + len(word)
    return text
