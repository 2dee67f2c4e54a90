"""What exec, shell and connect do, apart from how their arguments are parsed."""

from __future__ import annotations

import os
from collections.abc import Sequence

from netarium.errors import UsageError

__all__ = ["command", "connect", "shell", "variables"]


def command(
    node: str,
    words: Sequence[str],
    *,
    lab: str | None = None,
    user: str = "root",
    workdir: str | None = None,
    env: Sequence[str] = (),
) -> int:
    """Run a command on a node with this process's streams; give its exit code."""
    from netarium.runtime.run import exec_in
    from netarium.runtime.state import find_node

    program = list(words[1:] if list(words[:1]) == ["--"] else words)
    example = f"for example: netarium exec {node} -- ip address"
    if not program:
        raise UsageError("exec needs a command", example)
    running, _ = find_node(node, lab)
    return exec_in(running, node, program, user=user, cwd=workdir, env=variables(env))


def shell(node: str, *, lab: str | None = None, user: str = "root") -> int:
    """Open a login shell on a node; give its exit code."""
    from netarium.runtime.run import exec_in
    from netarium.runtime.state import find_node

    running, _ = find_node(node, lab)
    return exec_in(running, node, [""], user=user, login=True)


def variables(assignments: Sequence[str]) -> dict[str, str]:
    """``NAME=VALUE`` words as a mapping; a NAME alone takes the caller's value."""
    found: dict[str, str] = {}
    for word in assignments:
        name, equals, value = word.partition("=")
        if not name:
            raise UsageError(f"--env {word!r} has no name", "write --env NAME=VALUE")
        if equals:
            found[name] = value
        elif name in os.environ:
            found[name] = os.environ[name]
    return found


def connect(node: str, port: int, *, lab: str | None = None) -> int:
    """Join standard input and output with a TCP port of a node; give the exit code."""
    from netarium.runtime.dial import relay
    from netarium.runtime.state import find_node

    if not 0 < port < 65536:
        raise UsageError(f"{port} is not a TCP port", "ports are 1 to 65535")
    running, _ = find_node(node, lab)
    return relay(running, node, port)
