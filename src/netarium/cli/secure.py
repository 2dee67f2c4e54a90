"""The verbs that bring the host's own OpenSSH to the nodes: ssh and ssh-config."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from netarium.cli.options import Json, LabOption, single
from netarium.cli.options import complete_node as _complete_node
from netarium.errors import MachineError, UsageError

__all__ = ["app"]


def _ssh(
    node: Annotated[
        str,
        typer.Argument(
            metavar="[USER@]NODE", help="A node of a running lab.", autocompletion=_complete_node
        ),
    ],
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORD...", help="ssh's own options, a command."),
    ] = None,
    lab: LabOption = None,
) -> None:
    """Log in to a node with the host's own ssh.

    As root, unless you name another account; the lab's key opens every node, without
    a password. ssh's own options follow the node: netarium ssh h1 -L 8080:www:80
    """
    from netarium.runtime import openssh
    from netarium.runtime.state import find_node

    account, at, name = node.rpartition("@")
    if at and not account:
        raise UsageError(f"{node!r} names no account before the @")
    running, _ = find_node(name, lab)
    given = [*(["-l", account] if account else []), *(words or [])]
    arguments = openssh.arguments(running, name, given)
    program = shutil.which("ssh")
    if program is None:
        raise MachineError(
            "this machine has no ssh client",
            f"apt install openssh-client; or, without it: netarium shell {name}",
        )
    sys.stdout.flush()
    os.execv(program, arguments)


def _ssh_config(
    install: Annotated[
        bool, typer.Option("--install", help="Have ~/.ssh/config include it.")
    ] = False,
    uninstall: Annotated[bool, typer.Option("--uninstall", help="Undo --install.")] = False,
    json: Json = False,
    lab: LabOption = None,
) -> None:
    """Make plain ssh, scp and sftp reach the nodes by name.

    Prints a block for ~/.ssh/config. With --install it is kept in a file of its own,
    which ~/.ssh/config includes and `netarium up` and `down` keep up to date. Nodes are
    NODE.LAB, and plain NODE where one lab only has such a node.
    """
    from netarium.cli.output import print_json
    from netarium.runtime import openssh
    from netarium.runtime.state import find_lab, running_labs

    if install and uninstall:
        raise UsageError("ssh-config takes --install or --uninstall, not both")
    home = Path.home()
    if uninstall:
        found = openssh.uninstall(home)
        if json:
            print_json({"removed": found})
        else:
            print("removed from ~/.ssh/config" if found else "nothing was installed")
        return
    labs = [find_lab(lab)] if lab else running_labs()
    if not labs:
        find_lab(lab)  # says that none runs, and how to start one
    if install:
        path = openssh.install(labs, home)
        if json:
            print_json({"installed": str(path), "labs": [each.name for each in labs]})
        else:
            first = labs[0]
            print(f"{path} is included by ~/.ssh/config; try: ssh {first.nodes[0].name}")
            for name in sorted(openssh.taken_names(home) & {n.name for n in first.nodes}):
                print(f"  {name} is yours in ~/.ssh/config; the node is {name}.{first.name}")
        return
    text = openssh.block(labs)
    if json:
        print_json({"labs": [each.name for each in labs], "config": text})
    else:
        sys.stdout.write(text)


def app(verb: str) -> typer.Typer:
    """The verb's application."""
    if verb == "ssh":
        return single(verb, _ssh, allow_interspersed_args=False, ignore_unknown_options=False)
    return single(verb, _ssh_config)
