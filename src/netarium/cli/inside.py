"""The verbs that run programs inside a node: shell and exec."""

from __future__ import annotations

from typing import Annotated

import typer

from netarium.cli import running
from netarium.cli.command import ForeignWords
from netarium.cli.options import LabOption, NodeArgument, single

__all__ = ["app"]


_User = Annotated[
    str, typer.Option("--user", "-u", metavar="USER", help="Account of the node, or a number.")
]


def _exec(
    node: NodeArgument,
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="COMMAND...", help="The command and its arguments."),
    ] = None,
    user: _User = "root",
    workdir: Annotated[
        str | None,
        typer.Option(
            "--workdir", "-w", metavar="DIR", help="Where to start; default: the account's home."
        ),
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option("--env", "-e", metavar="NAME[=VALUE]", help="Set a variable; repeatable."),
    ] = None,
    lab: LabOption = None,
) -> int:
    """Run one command on a node.

    Terminal, signals, standard input and exit code all pass through. The command
    starts in the account's home; the directory you ran `netarium up` in is /lab.
    Shell syntax needs a shell: netarium exec h1 -- sh -c 'ps | wc -l'
    From COMMAND, or a -- before it, all words are the command's.
    """
    return running.command(node, command or [], lab=lab, user=user, workdir=workdir, env=env or ())


def _shell(node: NodeArgument, user: _User = "root", lab: LabOption = None) -> int:
    """Open a shell on a node.

    The directory you ran `netarium up` in is /lab there. Leave with exit or Ctrl-D.
    """
    return running.shell(node, lab=lab, user=user)


def app(verb: str) -> typer.Typer:
    """The verb's application."""
    if verb == "exec":
        return single(verb, _exec, ForeignWords, allow_interspersed_args=False)
    return single(verb, _shell)
