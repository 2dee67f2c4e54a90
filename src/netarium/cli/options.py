"""Arguments and options that several verbs share, and the shell's completion of names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from netarium.cli.command import Verb
from netarium.errors import NotFoundError

__all__ = [
    "Json",
    "LabOption",
    "NodeArgument",
    "complete_forward",
    "complete_lab",
    "complete_node",
    "complete_running_lab",
    "complete_service",
    "single",
]


def complete_lab(incomplete: str) -> list[str]:
    """Labs that ship, lab files, and directories on the way to lab files, that begin so."""
    import glob

    from netarium.model import shipped

    names = [name for name, _ in shipped() if name.startswith(incomplete)]
    beginning = glob.escape(incomplete)
    # Not Path.glob, which would lose a leading ./ that has been typed.
    files = glob.glob(f"{beginning}*.yaml") + glob.glob(f"{beginning}*.yml")  # noqa: PTH207
    return names + sorted(files) + sorted(glob.glob(f"{beginning}*/"))  # noqa: PTH207


def complete_running_lab(incomplete: str) -> list[str]:
    """Names of running labs that begin so."""
    from netarium.runtime.state import running_labs

    return [lab.name for lab in running_labs() if lab.name.startswith(incomplete)]


def complete_node(incomplete: str) -> list[str]:
    """Names of nodes of running labs that begin so."""
    from netarium.runtime.state import running_labs

    names = {node.name for lab in running_labs() for node in lab.nodes}
    return sorted(name for name in names if name.startswith(incomplete))


def complete_service(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of services of the node that the command line names, that begin so."""
    from netarium.runtime.state import find_node

    try:
        running, node = find_node(ctx.params.get("node") or "", ctx.params.get("lab"))
    except NotFoundError:
        return []
    names = [service.name for service in running.lab.node(node.name).services]
    return [name for name in names if name.startswith(incomplete)]


def complete_forward(ctx: Any, param: Any, incomplete: str) -> list[str]:
    """The node in ``PORT:NODE:PORT`` or ``NODE:PORT``, as click's shell_complete.

    bash takes a colon for the end of a word, or for a word: it wants what follows alone.
    """
    if incomplete == ":":
        return complete_node("")
    before, colon, name = incomplete.rpartition(":")
    return [f"{before}{colon}{node}" for node in complete_node(name)]


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
