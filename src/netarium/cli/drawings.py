"""The verbs that draw: packets beside their headers' diagrams, conversations as ladders."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netarium.cli.options import Json, single
from netarium.cli.output import note, print_json, width
from netarium.errors import NetariumError, UsageError

if TYPE_CHECKING:
    from netarium.wire.packet import Packet

__all__ = ["app"]

_FileArgument = Annotated[
    str, typer.Argument(metavar="FILE", help="A capture file, pcap or pcapng; - is standard input.")
]
_OutputOption = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="PICTURE",
        help="Where to: a name in .svg, .pdf or .png; - prints SVG. Default: text.",
    ),
]
_FilterOption = Annotated[
    str,
    typer.Option(
        "--filter", "-f", metavar="FILTER", help="Only packets that match, as in tcpdump."
    ),
]
#: Packets that one picture shows.
_MOST = 32
_TitleOption = Annotated[str, typer.Option("--title", metavar="TEXT", help="The heading.")]


def _draw(
    file: _FileArgument,
    packet: Annotated[
        list[str] | None,
        typer.Option(
            "--packet",
            "-p",
            metavar="N",
            help="Which packet, as in: 3 or 3-7 or 1,4; several stand side by side. "
            "Default: the first.",
        ),
    ] = None,
    output: _OutputOption = None,
    hops: Annotated[
        bool,
        typer.Option("--hops", help="The packet at every interface that saw it, changes marked."),
    ] = False,
    layers: Annotated[
        str,
        typer.Option("--layers", metavar="NAMES", help="Only these headers, as in: ip,tcp"),
    ] = "",
    title: _TitleOption = "",
    filter: _FilterOption = "",
) -> None:
    """Draw packets: their bytes beside the headers they are.

    Several packets stand side by side, and what differs from the packet before is marked.
    """
    from netarium.capture.sightings import hops as hops_of
    from netarium.capture.sightings import numbered

    _check(output)
    numbers = _numbers(packet or [])
    if hops and len(numbers) != 1:
        raise UsageError("--hops follows one packet", "name it, as in: --packet 5 --hops")
    if hops and file == "-":
        raise UsageError("--hops reads the file twice, and cannot do so from -", "name a file")
    found = hops_of(file, numbers[0]) if hops else numbered(file, numbers, filter)
    if hops and len(found) == 1:
        note(f"packet {numbers[0]} was seen at one place only")
    names = [name.strip() for name in layers.split(",") if name.strip()]
    if output is None:
        _print_packets(found, names, title, hops)
        return
    if len(found) == 1:
        from netarium.wire.drawing.packet import draw_packet

        _put(draw_packet(found[0], title=title, layers=names), output)
    else:
        from netarium.wire.drawing.compare import draw_packets

        _put(draw_packets(found, title=title, layers=names, fold=hops), output)


def _numbers(words: list[str]) -> list[int]:
    """The packets that are named, in the order in which they are; none twice in a row."""
    from netarium.cli.packet_choice import parse_numbers

    found: list[int] = []
    for word in ",".join(words).split(",") if words else []:
        ((first, last),) = parse_numbers(word)
        if last - first >= _MOST:
            raise UsageError(
                f"{word!r} are too many packets for one picture",
                f"name {_MOST} at the most, as in: --packet 3-7",
            )
        found += range(first, last + 1)
    if len(found) > _MOST:
        raise UsageError(
            f"{len(found)} packets are too many for one picture", f"name {_MOST} at the most"
        )
    return found


def _print_packets(found: list[Packet], layers: list[str], title: str, hops: bool) -> None:
    """Diagrams as text; of several packets, then what differs."""
    from netarium.wire.drawing.text import changes_text, packet_text

    shown = found[:1] if hops else found
    texts = [packet_text(each, title=title, layers=layers) for each in shown]
    if len(found) > 1:
        texts.append(changes_text(found, layers=layers))
    sys.stdout.write("\n".join(texts))


def _ladder(
    file: _FileArgument,
    output: _OutputOption = None,
    filter: _FilterOption = "",
    stream: Annotated[
        int | None,
        typer.Option(
            "--stream",
            metavar="N",
            min=0,
            help="Only this TCP connection, numbered from 0 as Wireshark does.",
        ),
    ] = None,
    limit: Annotated[
        int,
        typer.Option("--limit", "-n", metavar="N", min=0, help="The most arrows; 0: all."),
    ] = 60,
    whole: Annotated[
        bool, typer.Option("--whole", help="An arrow for every packet: fold none together.")
    ] = False,
    hops: Annotated[
        bool, typer.Option("--hops", help="From node to node, where a lab's were captured.")
    ] = False,
    title: _TitleOption = "",
    json: Json = False,
) -> None:
    """Draw who said what to whom, as a sequence diagram.

    Where a capture watched both ends, an arrow tells when its packet arrived, and whether.
    """
    from netarium.capture.conversations import conversation

    _check(output)
    found = conversation(file, filter, stream=stream, limit=limit, fold=not whole, hops=hops)
    if not found.events and found.trouble:
        raise NetariumError(found.trouble, "there is nothing before that to draw")
    if not found.events:
        what = "no packet that the filter lets through" if filter else "no packets"
        raise NetariumError(
            f"{_named(file)} has {what}",
            "netarium read lists those that it has" if filter else "capture something first",
        )
    if found.trouble:
        note(f"{found.trouble}; what comes before is drawn")
    if json:
        print_json(found)
    elif output is None:
        from netarium.wire.drawing.ladder_text import ladder_text

        columns = width() if sys.stdout.isatty() else 0
        sys.stdout.write(ladder_text(found, title=title, columns=columns))
    else:
        from netarium.wire.drawing.ladder import draw_ladder

        _put(draw_ladder(found, title=title), output)


def _named(file: str) -> str:
    return "standard input" if file == "-" else repr(file)


def _check(output: str | None) -> None:
    """Complain of a wrong name before the work is done."""
    if output is None or output == "-":
        return
    from netarium.wire.drawing.output import picture_format

    picture_format(output)


def _put(svg: str, output: str) -> None:
    if output == "-":
        sys.stdout.write(svg)
        return
    from netarium.capture.pictures import save

    save(svg, Path(output))


def app(verb: str) -> typer.Typer:
    """The verb's application."""
    return single(verb, _draw if verb == "draw" else _ladder)
