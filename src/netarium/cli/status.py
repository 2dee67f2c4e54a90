"""The verb that shows what runs."""

from __future__ import annotations

from typing import Annotated

import typer

from netarium.cli.options import Json, LabOption, complete_running_lab, single
from netarium.cli.showing import print_lab, report

__all__ = ["app"]


def _status(
    lab: Annotated[
        str | None,
        typer.Argument(metavar="LAB", help="One lab only.", autocompletion=complete_running_lab),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Show every node of big labs, too.")] = False,
    json: Json = False,
    chosen: LabOption = None,
) -> None:
    """Show what runs: labs, nodes, addresses, services, memory.

    Memory is the proportional set size of the node's processes. A node or service
    that has died is shown as dead, with the reason where it is known. A lab of more
    than 40 nodes is summed up.
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
        print_lab(each, every=every)


def app(verb: str) -> typer.Typer:
    """The verb's application."""
    return single(verb, _status)
