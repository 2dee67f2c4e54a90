"""Arguments and options that several verbs share, and the shell's completion of names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from netarium.cli.command import Verb

__all__ = ["Json", "LabOption", "NodeArgument", "complete_node", "complete_running_lab", "single"]


def complete_running_lab(incomplete: str) -> list[str]:
    """Names of running labs that begin so."""
    from netarium.runtime.state import running_labs

    return [lab.name for lab in running_labs() if lab.name.startswith(incomplete)]


def complete_node(incomplete: str) -> list[str]:
    """Names of nodes of running labs that begin so."""
    from netarium.runtime.state import running_labs

    names = {node.name for lab in running_labs() for node in lab.nodes}
    return sorted(name for name in names if name.startswith(incomplete))


LabOption = Annotated[
    str | None,
    typer.Option(
        "--lab",
        "-l",
        metavar="LAB",
        help="The lab that is meant, where several run.",
        autocompletion=complete_running_lab,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
NodeArgument = Annotated[
    str,
    typer.Argument(metavar="NODE", help="A node of a running lab.", autocompletion=complete_node),
]


def single(
    name: str, function: Callable[..., Any], kind: type[Verb] = Verb, **settings: Any
) -> typer.Typer:
    """An application of one verb, as ``netarium.cli.verbs`` loads them.

    ``settings`` are click's context settings.
    """
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    context = {"help_option_names": ["-h", "--help"], "max_content_width": 100, **settings}
    app.command(name, cls=kind, context_settings=context)(function)
    return app
