"""The verbs that copy files and show logs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netarium.cli.options import LabOption, NodeArgument, complete_service, single
from netarium.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from netarium.runtime.state import RunningLab

__all__ = ["app", "split_place"]

#: Run on the node, where the logs' names are found: $0 is tail's options, then services.
_TAIL = """\
for name do
    shift
    for file in "/var/log/$name.log" "/var/log/$name".*.log; do
        [ -e "$file" ] && set -- "$@" "$file"
    done
done
exec tail $0 -- "$@"
"""

#: The same with each line's service before it. The shell's children would outlive Ctrl-C.
_MARKED_TAIL = """\
trap 'trap - TERM; kill 0' INT TERM HUP
for name do
    for file in "/var/log/$name.log" "/var/log/$name".*.log; do
        [ -e "$file" ] || continue
        tail $0 -- "$file" | sed -u "s/^/$name /" &
        case $0 in *-F*) ;; *) wait ;; esac
    done
done
wait
"""


def split_place(word: str) -> tuple[str | None, str]:
    """``NODE:PATH`` as node and path; a path of the host has no node.

    A colon counts only before the first slash, so ``./a:b`` is a file of the host.
    """
    node, colon, path = word.partition(":")
    if not colon or "/" in node or node in (".", ".."):
        return None, word
    return node, path


def _cp(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="PATH, NODE:PATH or -")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="PATH, NODE:PATH or -")],
    user: Annotated[
        str, typer.Option("--user", "-u", metavar="USER", help="Account to read or write as.")
    ] = "root",
    lab: LabOption = None,
) -> None:
    """Copy files into or out of a node.

    A directory is copied with all that it holds. Into a directory that exists the
    copy goes under its own name. - stands for a tar archive on standard input or output.
    """
    from netarium.runtime import copying
    from netarium.runtime.state import find_node

    from_node, from_path = split_place(source)
    to_node, to_path = split_place(target)
    example = "as in: netarium cp notes.txt h1:/tmp/"
    if from_node is None and to_node is None:
        raise UsageError("neither SOURCE nor TARGET names a node", example)
    if from_node is not None and to_node is not None:
        raise UsageError("one of SOURCE and TARGET must be on this machine", example)
    if from_node is not None:
        running, _ = find_node(from_node, lab)
        if not from_path:
            raise UsageError(f"{source!r} names no file", f"as in {from_node}:/var/log/ssh.log")
        if to_path == "-":
            if sys.stdout.isatty():
                raise UsageError("a tar archive does not go to a terminal", "redirect the output")
            copying.stream_out(running, from_node, from_path, sys.stdout.buffer, user)
        else:
            copying.copy_out(running, from_node, from_path, Path(to_path), user)
        return
    assert to_node is not None
    running, _ = find_node(to_node, lab)
    if from_path == "-":
        copying.stream_in(running, sys.stdin.buffer, to_node, to_path or ".", user)
    else:
        copying.copy_in(running, Path(from_path), to_node, to_path, user)


def _logs(
    node: NodeArgument,
    service: Annotated[
        str | None,
        typer.Argument(
            metavar="SERVICE", help="One service; default: all.", autocompletion=complete_service
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")
    ] = False,
    lines: Annotated[
        int | None, typer.Option("--lines", "-n", metavar="N", min=0, help="Only the last N lines.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object a line, for programs.")
    ] = False,
    lab: LabOption = None,
) -> int:
    """Show what a node's services have logged, a line an event.

    The files are /var/log/SERVICE.log on the node, and SERVICE.*.log where a service
    keeps more than one, as web does with web.access.log.
    """
    from netarium.runtime.run import exec_in
    from netarium.runtime.state import find_node

    running, _ = find_node(node, lab)
    options = ["-n", "+1" if lines is None else str(lines), *(["-F"] if follow else [])]
    names = _services(running, node, service)
    if json:
        return _print_marked(running, node, [_MARKED_TAIL, " ".join(options), *names])
    words = ["/bin/sh", "-c", _TAIL, " ".join(options), *names]
    return exec_in(running, node, words, terminal=False)


def _print_marked(lab: RunningLab, node: str, script: list[str]) -> int:
    import subprocess

    import msgspec

    from netarium.runtime.run import start

    with start(lab, node, ["/bin/sh", "-c", *script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                service, _, text = line.decode(errors="replace").rstrip("\n").partition(" ")
                sys.stdout.write(msgspec.json.encode({"service": service, "line": text}).decode())
                sys.stdout.write("\n")
                sys.stdout.flush()
        return process.wait()


def _services(lab: RunningLab, node: str, service: str | None) -> list[str]:
    from netarium.runtime.state import nearest

    names = [each.name for each in lab.lab.node(node).services]
    if service is None:
        if not names:
            raise NotFoundError(f"node {node} runs no services, so nothing is logged")
        return names
    if service not in names:
        raise NotFoundError(f"node {node} has no service {service!r}", nearest(service, names))
    return [service]


def app(verb: str) -> typer.Typer:
    """The verb's application."""
    return single(verb, _cp if verb == "cp" else _logs)
