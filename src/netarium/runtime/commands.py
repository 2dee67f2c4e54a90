"""The shell lines that a lab file has a node run once its services answer."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NoReturn

from netarium.errors import NetariumError
from netarium.model.lab import Account, Lab, Node
from netarium.runtime import kernel
from netarium.runtime.channel import Channel, close_all_but
from netarium.runtime.enter import Entry, enter
from netarium.services.environment import environment

__all__ = ["run_commands"]

#: Into a file, not a pipe: a program left in the background would hold a pipe open.
_LOGGED = 'exec >>/var/log/commands.log 2>&1; printf "$ %s\\n" "$1"; eval "$1"'


def run_commands(
    lab: Lab, node: Node, root: Account, first_process: int, channel: Channel
) -> NoReturn:
    """Run the node's commands in order; send ``ran``, or ``failed`` with the first that failed.

    The caller was just forked. What they print is in /var/log/commands.log of the node.
    """
    try:
        kernel.die_with_parent(os.getppid())
        close_all_but(channel.fileno())
        pidfd = os.pidfd_open(first_process)

        def run(script: str, *arguments: str) -> int:
            argv = ["/bin/sh", "-c", script, "sh", *arguments]
            # A child of the supervisor is in the lab's user namespace already, if there is one.
            return enter(Entry(node.name, pidfd, False, argv, environment(lab, node, root)))

        for line in node.commands:
            if code := run(_LOGGED, line):
                what = f"node {node.name}: command {line!r} ended with exit code {code}"
                channel.send("failed", what, _last_words(run))
                break
        else:
            channel.send("ran")
    except (OSError, NetariumError) as error:
        channel.send("failed", f"node {node.name}: {error}", "")
    finally:
        os._exit(0)


def _last_words(run: Callable[[str], int]) -> str:
    memory = os.memfd_create("last words")
    os.dup2(memory, 1)
    run("tail -n 1 /var/log/commands.log")
    said = os.pread(memory, 300, 0).decode(errors="replace").strip()
    return "it said nothing" if said.startswith("$ ") else f"it said: {said}"
