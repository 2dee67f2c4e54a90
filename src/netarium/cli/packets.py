"""The verb that shows the packets of a capture file as text."""

from __future__ import annotations

from typing import Annotated

import typer

from netarium.cli.options import Json, single

__all__ = ["app"]


def _read(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="A capture file, pcap or pcapng; - is standard input."),
    ],
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose",
            "-v",
            count=True,
            help="Layer by layer with every field; -vv also tells what each field is for.",
            show_default=False,
        ),
    ] = 0,
    hex: Annotated[
        bool, typer.Option("--hex", "-x", help="The bytes in hex and ASCII, layers marked.")
    ] = False,
    json: Json = False,
    packet: Annotated[
        str,
        typer.Option(
            "--packet", "-p", metavar="N", help="Only these numbers, as in: 3 or 3-7 or 1,4,9-"
        ),
    ] = "",
    filter: Annotated[
        str,
        typer.Option(
            "--filter", "-f", metavar="FILTER", help="Only packets that match, as in tcpdump."
        ),
    ] = "",
    count: Annotated[
        int | None,
        typer.Option("--count", "-c", metavar="COUNT", min=1, help="Stop after so many packets."),
    ] = None,
    stream: Annotated[
        str,
        typer.Option(
            "--stream",
            metavar="N",
            help="What was said in TCP connection N, from 0; udp:N for UDP.",
        ),
    ] = "",
    raw: Annotated[
        bool, typer.Option("--raw", help="With --stream: the bytes as they are, for pipes.")
    ] = False,
    wire_view: Annotated[
        bool,
        typer.Option("--wire-view", help="Super-frames as the segments the wire would carry."),
    ] = False,
    write: Annotated[
        str,
        typer.Option(
            "--write", "-w", metavar="TO", help="Print nothing; write the packets to a file."
        ),
    ] = "",
    time: Annotated[
        str,
        typer.Option(
            "--time",
            "-t",
            metavar="CLOCK",
            help="local, utc, epoch, relative (to the first packet), delta (to the one before), "
            "none.",
        ),
    ] = "local",
    absolute: Annotated[
        bool,
        typer.Option(
            "--absolute", "-S", help="TCP numbers as they are, not from the connection's start."
        ),
    ] = False,
    link: Annotated[
        bool, typer.Option("--link", "-e", help="The link-layer header on each line, too.")
    ] = False,
    summary: Annotated[
        bool, typer.Option("--summary", help="Say at the end how much that was, on stderr.")
    ] = False,
) -> None:
    """Show the packets of a capture file: a line for each, as tcpdump does.

    A line ends with what is wrong, in brackets: a checksum, a header that does not add up.
    """
    from netarium.cli.packet_showing import Wish, show

    show(
        Wish(
            file=file,
            verbose=verbose,
            hex=hex,
            json=json,
            packet=packet,
            filter=filter,
            count=count or 0,
            stream=stream,
            raw=raw,
            wire_view=wire_view,
            write=write,
            time=time,
            absolute=absolute,
            link=link,
            summary=summary,
        )
    )


def app(verb: str) -> typer.Typer:
    """The verb's application."""
    return single(verb, _read)
