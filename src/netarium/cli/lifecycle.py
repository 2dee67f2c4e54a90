"""The verbs that bring labs up and take them down."""

from __future__ import annotations

from typing import Annotated

import typer

from netarium.cli.living import bring_up, take_down
from netarium.cli.options import Json, LabOption, complete_lab, complete_running_lab, single
from netarium.errors import UsageError

__all__ = ["app"]


def _up(
    lab: Annotated[
        str | None,
        typer.Argument(
            metavar="LAB|FILE",
            help="A lab that ships (netarium labs), or a lab file. "
            "Without it: ./lab.yaml or ./netarium.yaml.",
            autocompletion=complete_lab,
        ),
    ] = None,
    mount: Annotated[
        list[str] | None,
        typer.Option(
            "--mount", metavar="DIR:/PATH[:ro]", help="A directory all nodes see; repeatable."
        ),
    ] = None,
    no_mount: Annotated[
        bool, typer.Option("--no-mount", help="Do not show the current directory as /lab.")
    ] = False,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Another name for the lab.")
    ] = None,
    json: Json = False,
) -> None:
    """Bring a lab up.

    Returns when every service answers. The current directory is /lab in every node.
    A lab that runs already is left as it is. Ctrl-C leaves nothing behind.
    """
    bring_up(lab, mount=mount, no_mount=no_mount, name=name, json=json)


def _down(
    lab: Annotated[
        str | None,
        typer.Argument(
            metavar="LAB",
            help="The lab; not needed where one runs.",
            autocompletion=complete_running_lab,
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Take all your labs down.")] = False,
    json: Json = False,
    chosen: LabOption = None,
) -> None:
    """Take a lab down. No process, interface, mount or file of it remains."""
    if lab and chosen and lab != chosen:
        raise UsageError(f"down takes one lab, not {lab} and {chosen}")
    # --lab, too, since all verbs for one node have it
    take_down(lab or chosen, every=every, json=json)


def app(verb: str) -> typer.Typer:
    """The verb's application."""
    return single(verb, _up if verb == "up" else _down)
