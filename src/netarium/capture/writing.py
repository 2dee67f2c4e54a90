"""Writing capture files from packets of any origin, whole or not at all."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import secrets
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from netarium.errors import NetariumError, NotFoundError, UsageError
from netarium.ports.pcap import PcapWriter
from netarium.ports.pcapng import PcapngWriter
from netarium.wire.batch import Batch, Interface
from netarium.wire.packet import Packet

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    Packets = Iterable[Packet | Batch | bytes]

__all__ = ["write"]

_MANY = 8192  # packets that are gathered before they are written
_LARGE = 1 << 20  # or bytes
_PCAP = frozenset({".pcap", ".cap", ".dmp"})
_PCAPNG = frozenset({".pcapng", ".ntar"})


def write(
    path: str | Path, packets: Packets | Packet | Batch | bytes, *, comment: str = "", lab: str = ""
) -> int:
    """Write packets to a capture file; gives how many.

    The end of its name says what it becomes: ``.pcapng`` keeps all that is known of the
    packets, ``.pcap`` their times and bytes; ``.gz`` behind either packs it. ``-`` is
    standard output, in pcapng. A file that is there already is replaced when the new one is
    whole; when something fails, it stays as it was.

    Args:
        path: the file.
        packets: packets, frames of Ethernet as bytes, or batches, as they come.
        comment: of the whole file, in pcapng.
        lab: the text of a lab file to embed, in pcapng.

    Raises:
        UsageError: the name does not say what to write.
        NotFoundError: there is no such folder.
        NetariumError: it cannot be written, or pcap cannot hold it.
    """
    if isinstance(packets, (Packet, Batch, bytes)):
        packets = [packets]
    as_pcap, packed = _format(str(path))
    count = 0
    with _opened(str(path)) as raw, _packing(raw, packed) as file:
        pcapng = None if as_pcap else PcapngWriter(file, comment=comment, lab=lab)
        pcap: PcapWriter | None = None
        for batch in _batches(packets):
            count += batch.count
            if pcapng is not None:
                pcapng.write(batch)
            elif batch.count:
                pcap = pcap or _pcap_for(file, batch)
                pcap.write(batch)
        if pcapng is not None:
            pcapng.close()
        elif pcap is None:
            PcapWriter(file)
    return count


def _format(path: str) -> tuple[bool, bool]:
    """Whether to write pcap, and whether to pack it."""
    if path == "-":
        return False, False
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    packed = suffixes[-1:] == [".gz"]
    last = (suffixes[:-1] if packed else suffixes)[-1:]
    if last and last[0] in _PCAP | _PCAPNG:
        return last[0] in _PCAP, packed
    if not Path(path).is_file() and Path(path).exists():
        return False, False  # a pipe or a device
    raise UsageError(
        f"the name {path} does not say what to write",
        "end it in .pcapng or .pcap, and .gz behind that to pack it",
    )


def _pcap_for(file: BinaryIO, batch: Batch) -> PcapWriter:
    """A writer for packets like the first ones."""
    interfaces = batch.interfaces or [Interface()]
    where = batch.interface[0]
    first = interfaces[where if where < len(interfaces) else 0]
    return PcapWriter(
        file,
        first.link_type,
        nanoseconds=any(interface.resolution > 6 for interface in interfaces),
        snaplen=first.snaplen,
        fcs=first.fcs,
    )


@contextlib.contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    """The file to write to, unbuffered; what is not a stream gets its name when it is whole."""
    if path == "-":
        if os.isatty(1):
            raise UsageError(
                "a capture is nothing for a terminal", "send it on: ... | wireshark -k -i -"
            )
        with io.FileIO(1, "w", closefd=False) as file:
            yield file
        return
    target = Path(path).resolve()
    try:
        if target.exists() and not target.is_file():
            with target.open("wb", buffering=0) as file:
                yield file
            return
        part = target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}")
        file = part.open("xb", buffering=0)
    except FileNotFoundError:
        raise NotFoundError(
            f"{path} cannot be written: there is no folder {target.parent}",
            f"mkdir -p {target.parent}",
        ) from None
    except OSError as error:
        raise NetariumError(f"{path} cannot be written: {error.strerror or error}") from None
    try:
        with file:
            yield file
        if target.exists():
            part.chmod(target.stat().st_mode & 0o7777)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _packing(file: BinaryIO, packed: bool) -> AbstractContextManager[BinaryIO]:
    if packed:
        # No name and no time in it: the same packets give the same file.
        return gzip.GzipFile("", "wb", 6, file, mtime=0)  # type: ignore[return-value]
    return contextlib.nullcontext(file)


def _batches(packets: Packets) -> Iterator[Batch]:
    """All as batches; single packets are gathered."""
    gathered = _Gathered()
    for item in packets:
        if isinstance(item, Batch):
            yield from gathered.taken()
            yield item
            continue
        if isinstance(item, Packet):
            gathered.add(item)
        elif isinstance(item, (bytes, bytearray, memoryview)):
            gathered.add(Packet.parse(item))
        else:
            raise TypeError(f"packets, batches or bytes can be written, not {type(item).__name__}")
        if gathered.full():
            yield from gathered.taken()
    yield from gathered.taken()


class _Gathered:
    """Single packets on their way into a batch."""

    def __init__(self) -> None:
        self._interfaces: list[Interface] = []
        self._known: dict[tuple[str, int], int] = {}
        self._packets: list[Packet] = []
        self._size = 0

    def add(self, packet: Packet) -> None:
        self._packets.append(packet)
        self._size += len(packet.data)

    def full(self) -> bool:
        return len(self._packets) >= _MANY or self._size >= _LARGE

    def taken(self) -> Iterator[Batch]:
        """What was gathered, if anything; it begins anew."""
        if not self._packets:
            return
        batch = Batch(
            memoryview(b"".join(packet.data for packet in self._packets)),
            len(self._packets),
            captured=array("q", [len(packet.data) for packet in self._packets]),
            length=array("q", [packet.length for packet in self._packets]),
            time=array("q", [packet.time for packet in self._packets]),
            flags=array("q", [packet.flags for packet in self._packets]),
            segment=array("q", [packet.segment for packet in self._packets]),
            interfaces=self._interfaces,
        )
        at = 0
        for index, packet in enumerate(self._packets):
            batch.start.append(at)
            at += len(packet.data)
            batch.interface.append(self._interface(packet.interface, packet.link_type))
            if packet.comment:
                batch.comments[index] = packet.comment
        self._packets = []
        self._size = 0
        yield batch

    def _interface(self, name: str, link_type: int) -> int:
        number = self._known.get((name, link_type))
        if number is None:
            number = self._known[name, link_type] = len(self._interfaces)
            self._interfaces.append(Interface(name=name, link_type=link_type))
        return number
