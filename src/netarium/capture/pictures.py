"""Pictures of packets and conversations: in a notebook, and on disk as SVG, PDF or PNG."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netarium.errors import NetariumError
from netarium.wire.drawing.output import picture_format, render

if TYPE_CHECKING:
    from netarium.wire.packet import Packet

__all__ = ["Picture", "draw", "ladder", "save"]


class Picture(str):
    """A drawing as SVG text, which notebooks show and ``save`` puts on disk."""

    __slots__ = ()

    def save(self, path: str | Path) -> None:
        """Save it as what the path's suffix says: ``.svg``, ``.pdf`` or ``.png``."""
        save(self, path)

    def _repr_svg_(self) -> str:
        return str(self)


def draw(*packets: Packet, title: str = "", layers: Sequence[str] = ()) -> Picture:
    """Draw a packet beside its headers' diagrams, or several side by side.

    Args:
        packets: one or more; of several, what differs from the packet before is marked.
        title: the heading; default: what the first packet is.
        layers: only these headers, by title or short name: ``["ip", "tcp"]``.
    """
    if len(packets) == 1:
        from netarium.wire.drawing.packet import draw_packet

        return Picture(draw_packet(packets[0], title=title, layers=layers))
    from netarium.wire.drawing.compare import draw_packets

    return Picture(draw_packets(packets, title=title, layers=layers))


def ladder(
    source: str | Path | Iterable[Packet],
    filter: str = "",
    *,
    stream: int | None = None,
    limit: int = 60,
    title: str = "",
) -> Picture:
    """Draw who said what to whom; arguments as ``conversation`` has them."""
    from netarium.capture.conversations import conversation
    from netarium.wire.drawing.ladder import draw_ladder

    found = conversation(source, filter, stream=stream, limit=limit)
    return Picture(draw_ladder(found, title=title))


def save(svg: str, path: str | Path) -> None:
    """Save a drawing as what the path's suffix says: ``.svg``, ``.pdf`` or ``.png``.

    The file is there whole or as it was before. UsageError for another suffix,
    NetariumError where it cannot be written.
    """
    target = Path(path)
    picture = render(svg, picture_format(str(path)))
    try:
        if target.exists() and not target.is_file():  # /dev/stdout, a named pipe
            target.write_bytes(picture)
            return
        made, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(made, "wb") as file:
                file.write(picture)
                os.fchmod(file.fileno(), _mode(target))
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise NetariumError(
            f"cannot write {str(path)!r}: {(error.strerror or str(error)).lower()}",
            "name a file in a folder that exists and that you may write to",
        ) from None


def _mode(target: Path) -> int:
    """The rights of a file that is replaced, else those that the shell would give a new one."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
