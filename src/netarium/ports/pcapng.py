"""Writing pcapng files (draft-ietf-opsawg-pcapng)."""

from __future__ import annotations

import os
import platform
from array import array
from importlib import import_module
from typing import TYPE_CHECKING, BinaryIO

from netarium.ports.byte_order import total
from netarium.ports.file_output import write_whole
from netarium.ports.pcap import most_bytes
from netarium.ports.pcapng_blocks import (
    COMMENT,
    Counted,
    Section,
    interface_block,
    names_block,
    option,
    section_block,
    statistics_block,
)
from netarium.ports.pcapng_loops import encode
from netarium.ports.super_frames import segment_comments
from netarium.wire.batch import Batch, Interface
from netarium.wire.hot import run, worth_compiling

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["PcapngWriter"]


class PcapngWriter:
    """Writes a pcapng file of one section, batch by batch, each with one write.

    Whatever ends the program, the file is whole up to the last write. Interfaces are known
    by their objects: those of a batch that were not there before are described before it.

    Args:
        file: where to, best unbuffered; stays open. The section header is written at once.
        application: what wrote it; netarium itself, if not given.
        comment: of the whole file.
        lab: the lab file to embed; ``CaptureReader.lab`` gives it back.
    """

    def __init__(
        self, file: BinaryIO, *, application: str = "", comment: str = "", lab: str = ""
    ) -> None:
        self._file = file
        self._interfaces: list[Interface] = []
        self._ids: dict[int, int] = {}
        self._numbers = array("q")
        self._numbered: list[Interface] = []  # the list that these numbers are of
        self._default = [Interface()]  # of packets that have none
        self._names: dict[str, str] = {}
        self._told: set[int] = set()
        self._last = 0
        self._out = bytearray()
        application = application or f"netarium {import_module('netarium').__version__}"
        system = f"{platform.system()} {platform.release()}"
        section = Section(os.uname().machine, system, application, comment, lab)
        write_whole(file, section_block(section))

    def add_interface(self, interface: Interface) -> int:
        """Describe an interface; gives its number in the file. A second time changes nothing."""
        number, described = self._number(interface)
        if described:
            write_whole(self._file, described)
        return number

    def _number(self, interface: Interface) -> tuple[int, bytes]:
        """Its number, and its description where it has not been written."""
        known = self._ids.get(id(interface))
        if known is not None:
            return known, b""
        number = len(self._interfaces)
        self._interfaces.append(interface)  # kept, so that no other object gets its id
        self._ids[id(interface)] = number
        return number, interface_block(interface)

    def write(self, batch: Batch, *, fast: bool | None = None) -> None:
        """Append all packets of a batch, with what the batch says of them.

        Frames longer than 256 KiB are cut there: readers take more for damage.
        """
        head = self._described(batch) + self._named(batch)
        if not batch.count:
            if head:
                write_whole(self._file, head)
            return
        fast = worth_compiling(len(batch.data)) if fast is None else fast
        notes, texts = self._noted(batch, fast=fast)
        room = run(total, batch.captured, batch.count, fast=fast)
        room += 48 * batch.count + len(texts) + len(head)
        if len(self._out) < room:
            self._out = bytearray(room)
        self._out[: len(head)] = head
        columns = [batch.start, batch.captured, batch.length, batch.time]
        columns += [batch.interface, batch.flags, self._numbers]
        known = len(self._numbers) // 3
        rest = (known, notes, len(notes) // 3, memoryview(texts), self._out, len(head))
        end = run(encode, batch.data, batch.count, *columns, *rest, fast=fast)
        write_whole(self._file, memoryview(self._out)[:end])
        self._last = max(self._last, batch.time[batch.count - 1])

    def _described(self, batch: Batch) -> bytes:
        """The blocks of interfaces that are new; the numbers of all."""
        if not batch.count and not batch.interfaces:
            return b""  # names alone need no interface
        interfaces = batch.interfaces or self._default
        if interfaces is self._numbered and len(interfaces) * 3 == len(self._numbers):
            return b""
        head = b""
        self._numbers = array("q")
        for interface in interfaces:
            number, described = self._number(interface)
            head += described
            unit = 10 ** (9 - min(max(interface.resolution, 0), 9))
            self._numbers.extend((number, unit, most_bytes(interface.link_type)))
        self._numbered = interfaces
        return head

    def _named(self, batch: Batch) -> bytes:
        if len(batch.names) <= len(self._names):
            return b""
        new = {address: name for address, name in batch.names.items() if address not in self._names}
        self._names.update(new)
        return names_block(new) if new else b""

    def _noted(self, batch: Batch, *, fast: bool) -> tuple[array[int], bytes]:
        """Which packets have comments, where these are among the options, and the options."""
        comments: dict[int, list[str]] = {}
        if run(total, batch.segment, batch.count, fast=fast):
            for index, comment in segment_comments(batch, fast=fast).items():
                comments[index] = [comment]
        for index, comment in batch.comments.items():
            comments.setdefault(index, []).append(comment)
        notes, texts = array("q"), bytearray()
        for index in sorted(comments):
            begin = len(texts)
            for comment in comments[index]:
                texts += option(COMMENT, comment)
            notes.extend((index, begin, len(texts) - begin))
        return notes or array("q", [0]), bytes(texts) or b"\0"

    def statistics(
        self,
        interface: Interface,
        *,
        received: int = -1,
        dropped: int = -1,
        start: int = 0,
        end: int = 0,
    ) -> None:
        """Tell what an interface counted, at the end or in between.

        Args:
            interface: the one that counted.
            received: frames that it saw; -1 where nobody counted.
            dropped: frames that were lost here; -1 where nobody counted.
            start: of the capture, nanoseconds since 1970; 0: not known.
            end: of the capture, likewise.
        """
        number, described = self._number(interface)
        unit = 10 ** (9 - min(max(interface.resolution, 0), 9))
        counted = Counted(number, received, dropped)
        told = statistics_block(counted, end or self._last, start, end, unit)
        write_whole(self._file, described + told)
        self._told.add(number)

    def close(self) -> None:
        """Tell the counts that interfaces have and that were not told; the file stays open."""
        for number, interface in enumerate(self._interfaces):
            counts = interface.received >= 0 or interface.dropped >= 0
            if counts and number not in self._told:
                self.statistics(interface, received=interface.received, dropped=interface.dropped)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
