"""The verb that captures packets: into a file, into a pipe, or as text."""

from __future__ import annotations

from typing import Annotated

import typer

from netarium.cli.capturing import capture
from netarium.cli.options import Json, LabOption, complete_node, single

__all__ = ["app"]


def _complete_target(incomplete: str) -> list[str]:
    """Nodes of running labs, and behind a colon their interfaces."""
    node, colon, _ = incomplete.partition(":")
    if not colon:
        return complete_node(incomplete)
    from netarium.runtime.state import running_labs

    names = {
        f"{node}:{interface.name}"
        for lab in running_labs()
        for found in lab.lab.nodes
        if found.name == node
        for interface in found.interfaces
    }
    return sorted(name for name in names if name.startswith(incomplete))


def _complete_host(incomplete: str) -> list[str]:
    """Interfaces of this machine."""
    import socket

    names = [name for _, name in socket.if_nameindex()]
    return [name for name in (*names, "any") if name.startswith(incomplete)]


def _capture(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NODE[:INTERFACE]...",
            help="Where; without it at every interface of every node of the lab. "
            "Loopback interfaces only where they are named, as h1:lo.",
            autocompletion=_complete_target,
        ),
    ] = None,
    write: Annotated[
        str,
        typer.Option(
            "--write",
            "-w",
            metavar="FILE",
            help="Write a capture file, pcapng unless it is called .pcap; - is standard output. "
            "Without it packets are printed, a line each.",
        ),
    ] = "",
    filter: Annotated[
        str,
        typer.Option(
            "--filter",
            "-f",
            metavar="FILTER",
            help="Only packets that match, as in tcpdump; nodes by name, too: host h1.",
        ),
    ] = "",
    count: Annotated[
        int | None,
        typer.Option("--count", "-c", metavar="COUNT", min=1, help="Stop after so many packets."),
    ] = None,
    time: Annotated[
        str,
        typer.Option("--time", "-t", metavar="SECONDS", help="Stop after so long: 5, 90s, 10m."),
    ] = "",
    snaplen: Annotated[
        int,
        typer.Option(
            "--snaplen",
            "-s",
            metavar="BYTES",
            min=0,
            help="Keep so much of each packet.",
            show_default=False,
        ),
    ] = 0,
    size: Annotated[
        str,
        typer.Option(
            "--rotate-size", "-C", metavar="SIZE", help="A new file before one is larger: 100MB."
        ),
    ] = "",
    period: Annotated[
        str,
        typer.Option(
            "--rotate-time", "-G", metavar="SECONDS", help="A new file after so long: 60, 5m."
        ),
    ] = "",
    keep: Annotated[
        int | None,
        typer.Option(
            "--keep", "-W", metavar="FILES", min=1, help="Keep only so many files, the newest."
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="INTERFACE",
            help="An interface of this machine, or any of them.",
            autocompletion=_complete_host,
        ),
    ] = "",
    backend: Annotated[
        str,
        typer.Option(
            "--backend",
            metavar="ring|pcap",
            help="By packet rings, or by libpcap.",
            autocompletion=lambda: ["ring", "pcap"],
        ),
    ] = "ring",
    json: Json = False,
    lab: LabOption = None,
) -> int:
    """Capture packets until Ctrl-C: of a lab, of some nodes, or of this machine.

    With --json packets are printed as JSON, a line each; with --write the summary is.
    """
    return capture(
        targets or (),
        write=write,
        filter=filter,
        count=count,
        time=time,
        snaplen=snaplen,
        size=size,
        period=period,
        keep=keep or 0,
        host=host,
        backend=backend,
        json=json,
        lab=lab,
    )


def app(verb: str) -> typer.Typer:
    """The verb's application."""
    return single(verb, _capture)
