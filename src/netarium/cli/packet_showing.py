"""What ``netarium read`` does, apart from its command line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netarium.errors import UsageError

if TYPE_CHECKING:
    from netarium.cli.packet_choice import Chosen

__all__ = ["Wish", "parse", "show"]


@dataclass(slots=True)
class Wish:
    """What to show of which file, and how; each name is that of an option."""

    file: str
    verbose: int = 0
    hex: bool = False
    json: bool = False
    packet: str = ""
    filter: str = ""
    count: int = 0
    stream: str = ""
    raw: bool = False
    wire_view: bool = False
    write: str = ""
    time: str = "local"
    absolute: bool = False
    link: bool = False
    summary: bool = False


_FLAGS = {"-x": "hex", "--hex": "hex", "--json": "json", "-S": "absolute", "-e": "link"}
_VALUES = {"-p": "packet", "--packet": "packet", "-f": "filter", "--filter": "filter"}


def parse(words: list[str]) -> Wish | None:
    """The plain forms of the command line, without loading a parser; None where unsure."""
    wish = Wish("")
    at = 0
    while at < len(words):
        word = words[at]
        if word in ("-v", "-vv"):
            wish.verbose += len(word) - 1
        elif word in _FLAGS:
            setattr(wish, _FLAGS[word], True)
        elif word in _VALUES and at + 1 < len(words):
            at += 1
            setattr(wish, _VALUES[word], words[at])
        elif word == "-c" and at + 1 < len(words) and words[at + 1].isdecimal():
            at += 1
            wish.count = int(words[at])
            if not wish.count:
                return None
        elif (word == "-" or not word.startswith("-")) and word and not wish.file:
            wish.file = word
        else:
            return None
        at += 1
    return wish if wish.file else None


def show(wish: Wish) -> None:
    """Print the packets, or write them to a file.

    Raises:
        UsageError: what is wanted does not go together.
        NotFoundError: there is no such file, stream or packet.
        BrokenCaptureError: the file breaks off; what comes before has been shown.
    """
    _check(wish)
    if wish.stream:
        from netarium.cli.packet_streams import show_stream

        show_stream(wish.file, wish.stream, wish.filter, raw=wish.raw, json=wish.json)
        return
    from netarium.cli.packet_choice import Chosen, parse_numbers

    numbers = parse_numbers(wish.packet) if wish.packet else []
    with Chosen(wish.file, wish.filter, numbers, wish.count, segments=wish.wire_view) as chosen:
        if wish.write:
            from netarium.capture.writing import write

            write(wish.write, chosen, comment=chosen.comment, lab=chosen.lab)
        else:
            from netarium.cli.packet_text import emit

            for text in _texts(chosen, wish):
                emit(text)
        if wish.summary:
            from netarium.cli.output import counted, note

            verb = f"written to {wish.write}" if wish.write else "shown"
            note(f"{counted(chosen.found, 'packet')} of {chosen.size:,} bytes {verb}")
        chosen.check()


def _texts(chosen: Chosen, wish: Wish) -> Iterator[bytes | str]:
    from netarium.cli import packet_text

    look = {"absolute": wish.absolute, "link": wish.link}
    if wish.json:
        return packet_text.json_lines(chosen)
    if wish.verbose or wish.hex:
        return packet_text.layer_texts(
            chosen, wish.time, verbose=wish.verbose, hex=wish.hex, **look
        )
    return packet_text.line_chunks(chosen, wish.time, **look)


def _check(wish: Wish) -> None:
    """Whether the options go together."""
    from netarium.wire.text.lines import CLOCKS

    if wish.time not in CLOCKS:
        raise UsageError(f"there is no clock {wish.time!r}", f"use one of: {', '.join(CLOCKS)}")
    if wish.raw and not wish.stream:
        raise UsageError("--raw goes with --stream", "as in: --stream 0 --raw")
    ways = {
        "--stream": bool(wish.stream),
        "--write": bool(wish.write),
        "--json": wish.json and not wish.stream,
        "-v or -x": bool(wish.verbose or wish.hex),
    }
    meant = [name for name, given in ways.items() if given]
    if len(meant) > 1:
        raise UsageError(f"{meant[0]} and {meant[1]} do not go together", "use one of them")
