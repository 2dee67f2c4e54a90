"""How a followed stream is shown: as text with directions, as raw bytes, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netarium.cli.output import counted, note
from netarium.cli.packet_text import Style, emit
from netarium.errors import UsageError
from netarium.wire.escaping import escaped_lines
from netarium.wire.text.hexdump import byte_rows

if TYPE_CHECKING:
    from netarium.capture.streams import Turn

__all__ = ["show_stream"]


def show_stream(file: str, wanted: str, filter: str = "", *, raw: bool, json: bool) -> None:
    """Print what was said in a stream.

    Args:
        file: a capture file, or ``-``.
        wanted: its number, ``udp:`` before it for UDP; numbers are Wireshark's.
        filter: in tcpdump's language.
        raw: the bytes of both sides, nothing else.
        json: an object for each turn, a line each.

    Raises:
        UsageError: ``wanted`` names no stream.
        NetariumError: there is none of this number, or the file cannot be read.
    """
    from netarium.capture.streams import follow

    kind, colon, number = wanted.rpartition(":")
    if kind not in ("", "tcp", "udp") or bool(colon) != bool(kind) or not _is_number(number):
        raise UsageError(f"{wanted!r} names no stream", "as in: --stream 0 or --stream udp:3")
    style = Style()
    first = ""
    turn = None
    for turn in follow(file, int(number), kind or "tcp", filter):
        first = first or turn.source
        if raw:
            emit(turn.data)
        elif json:
            emit(_encoded(turn))
        else:
            emit(_told(turn, style, "sent" if turn.source == first else "received"))
    if turn is None and not (raw or json):
        note(f"nothing was said in {(kind or 'tcp').upper()} stream {number}")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


def _told(turn: Turn, style: Style, kind: str) -> str:
    """A heading with who speaks; below it what was said, each line marked as curl -v does."""
    size = counted(len(turn.data), "byte")
    lines = [style.paint("heading", f"--- {turn.source} > {turn.destination}, {size}")]
    if turn.missing:
        gap = f"[{counted(turn.missing, 'byte')} missing in the capture]"
        lines.append(style.paint("bad", gap))
    mark = "> " if kind == "sent" else "< "
    lines += (style.paint(kind, mark + line) for line in _lines(turn.data))
    return "\n".join(lines) + "\n"


def _lines(data: bytes) -> list[str]:
    """Bytes as lines of text, or in hexadecimal where most of them are none."""
    text = escaped_lines(data)
    if len(text) > 2 * len(data):
        return [line.rstrip() for line in byte_rows(data)]
    return text.removesuffix("\n").split("\n") if text else []


def _encoded(turn: Turn) -> bytes:
    import msgspec

    from netarium.wire.text.layers import utc

    told: dict[str, Any] = {
        "time": utc(turn.time).replace(" ", "T") + "Z",
        "source": turn.source,
        "destination": turn.destination,
        "missing": turn.missing,
        "text": escaped_lines(turn.data),
        "hex": turn.data.hex(),
    }
    return msgspec.json.encode(told) + b"\n"
