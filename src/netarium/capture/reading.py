"""Reading capture files: batches for bulk work, packets for a closer look; filtered if asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from netarium.ports.bpf import select_by_link
from netarium.ports.capture_file import BrokenCaptureError, CaptureReader

if TYPE_CHECKING:
    from netarium.ports.libpcap import Program
    from netarium.wire.batch import Batch
    from netarium.wire.packet import Packet

__all__ = ["batches", "filtered", "read"]


def batches(path: str | Path | BinaryIO, filter: str = "") -> Iterator[Batch]:
    """The packets of a capture file, batch by batch, in the same memory however long it is.

    Args:
        path: a file, ``-`` for standard input, or a file that is open already.
        filter: in tcpdump's language; packets that do not match are left out.

    Raises:
        NotFoundError: there is no such file.
        FilterError: the filter is wrong.
        BrokenCaptureError: after the last packet, where the file breaks off or goes wrong.
        NetariumError: it is no capture file, or cannot be read.
    """
    with CaptureReader(path) as capture:
        yield from filtered(capture, filter)
        if capture.trouble:
            raise BrokenCaptureError(
                capture.trouble, f"the {capture.count:,} packets before that are whole"
            )


def read(path: str | Path | BinaryIO, filter: str = "") -> Iterator[Packet]:
    """The packets of a capture file, one by one; arguments and errors as of `batches`."""
    from netarium.wire.packet import packet_of

    for batch in batches(path, filter):
        for index in range(batch.count):
            yield packet_of(batch, index)


def filtered(capture: CaptureReader, filter: str) -> Iterator[Batch]:
    """The batches of an open capture with the packets that match; empty ones are left out.

    Raises:
        FilterError: the filter is wrong, or makes no sense for a link type of the capture.
    """
    if not filter:
        yield from capture
        return
    from netarium.ports.libpcap import compile_filter

    programs: dict[int, Program] = {}
    # Also of a file without packets, a wrong filter is to be told.
    links = [interface.link_type for interface in capture.interfaces] or [1]
    programs[links[0]] = compile_filter(filter, links[0])
    for batch in capture:
        for link_type in batch.links():
            if link_type not in programs:
                programs[link_type] = compile_filter(filter, link_type)
        chosen = select_by_link(programs, batch, capture.fast)
        if chosen.count:
            yield chosen
