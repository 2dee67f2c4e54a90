"""Finding the packets of pcapng files (draft-ietf-opsawg-pcapng) in buffers."""

from __future__ import annotations

import struct
from array import array

from netarium.errors import NetariumError
from netarium.ports.pcap import most_bytes
from netarium.ports.pcapng_blocks import (
    COMMENT,
    Clock,
    Counted,
    Section,
    read_interface,
    read_names,
    read_options,
    read_section,
    read_statistics,
)
from netarium.ports.pcapng_loops import (
    AT,
    BIG,
    COUNT,
    END,
    INTERFACES,
    ITS_CLOCK,
    ITS_INDEX,
    ITS_LOST,
    ITS_MOST,
    ITS_NUMBER,
    ITS_OFFSET,
    ITS_SNAPLEN,
    ITS_SPAN,
    ITS_WIDTH,
    LONGEST_BLOCK,
    LOSSES,
    NEED,
    NOTES,
    NOTES_ROOM,
    PLACES,
    ROOM,
    STOP,
    STOP_BLOCK,
    STOP_INTERFACE,
    STOP_LENGTH,
    STOP_LONG,
    STOP_PACKET,
    STOP_SHORT,
    VALUE,
    find_packets,
)
from netarium.ports.super_frames import read_comment
from netarium.wire.batch import Batch, Interface
from netarium.wire.hot import run

__all__ = ["PcapngScanner"]

_SECTION = b"\x0a\x0d\x0d\x0a"
_BYTE_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_LATEST = 2**63 - 1
_NOTES = 4096  # comments that a batch may have
_MOST_INTERFACES = 1 << 16
_MOST_NAMES = 1 << 20

_TROUBLES = {
    STOP_SHORT: "a block of {} bytes is too short for what it should be",
    STOP_LENGTH: "the lengths before and behind a block of {} bytes differ",
    STOP_LONG: "a block of {} bytes cannot be",
    STOP_INTERFACE: "a packet is of interface {}, which is not described before it",
    STOP_PACKET: "a packet of {} bytes is more than its block or its interface can have",
}


class PcapngScanner:
    """Finds the packets of a pcapng file in buffers, and what is told of them.

    Attributes:
        format: its name for people.
        interfaces: all that were described so far, of all sections.
        names: addresses and names, as they come.
        section: what the first section says of itself; comment, lab: of all, so far.
        need: bytes from where the last scan ended that must be there to go on; 0: it was full.
        trouble: why it cannot go on; empty where it can.
    """

    format = "pcapng"
    first = 0  # offset of the first block

    def __init__(self, head: memoryview, name: str) -> None:
        """Take in how the file begins.

        Args:
            head: its first 16 bytes or more.
            name: the file's, for messages.

        Raises:
            NetariumError: it is of a version that is not known.
        """
        self.interfaces: list[Interface] = []
        self.names: dict[str, str] = {}
        self.section: Section | None = None
        self.comment = self.lab = ""
        self.need = 0
        self.trouble = ""
        self._order = _BYTE_ORDERS[bytes(head[8:12])]
        self._state = array("q", bytes(8 * PLACES))
        self._known = array("q", bytes(8 * ITS_WIDTH))
        self._notes = array("q", bytes(24 * _NOTES))
        self._counted: set[int] = set()
        if len(head) >= 16:
            major, minor = struct.unpack_from(f"{self._order}HH", head, 12)
            if major != 1:
                raise NetariumError(f"{name} is pcapng of version {major}.{minor}; known is 1")

    @staticmethod
    def knows(head: memoryview) -> bool:
        """Whether a file that begins so is pcapng."""
        return bytes(head[:4]) == _SECTION and bytes(head[8:12]) in _BYTE_ORDERS

    def scan(self, batch: Batch, at: int, end: int, room: int, *, fast: bool) -> int:
        """Add the packets at ``at`` to ``end`` of the batch's data to it, up to ``room`` in all.

        Gives where it stopped.
        """
        state = self._state
        columns = [batch.start, batch.captured, batch.length, batch.time]
        columns += [batch.interface, batch.flags]
        state[END], state[ROOM] = end, room
        state[COUNT], state[NOTES], state[NOTES_ROOM] = batch.count, 0, _NOTES
        state[LOSSES] = 0
        while True:
            state[AT] = at
            run(find_packets, batch.data, state, self._known, *columns, self._notes, fast=fast)
            at, self.need = state[AT], state[NEED]
            if state[STOP] != STOP_BLOCK:
                break
            size = self._take_in(batch.data, at, end)
            if not size:
                break
            at += size
        batch.count = state[COUNT]
        if state[STOP] in _TROUBLES and not self.trouble:
            self.trouble = _TROUBLES[state[STOP]].format(f"{state[VALUE]:,}")
        self._read_comments(batch)
        if state[LOSSES]:
            self._read_losses()
        return at

    def _take_in(self, data: memoryview, at: int, end: int) -> int:
        """Take in a block that is no packet; gives its size, 0 where it cannot go on."""
        if data[at : at + 4] == _SECTION:
            return self._new_section(data, at, end)
        size: int = self._state[VALUE]
        body = bytes(data[at : at + size])
        kind = struct.unpack_from(f"{self._order}I", body)[0]
        if size < {1: 20, 5: 24}.get(kind, 12):
            self.trouble = _TROUBLES[STOP_SHORT].format(size)
            return 0
        if kind == 1:
            return self._new_interface(body)
        if kind == 5:
            self._read_statistics(read_statistics(body, self._order))
        elif len(self.names) < _MOST_NAMES:
            self.names.update(read_names(body, self._order))
        return size

    def _new_section(self, data: memoryview, at: int, end: int) -> int:
        if end - at < 28:
            self.need = 28
            return 0
        order = _BYTE_ORDERS.get(bytes(data[at + 8 : at + 12]))
        if order is None:
            self.trouble = "a section of neither byte order begins"
            return 0
        size, major, minor = struct.unpack_from(f"{order}I4xHH", data, at + 4)
        whole: int = (size + 3) & ~3
        if major != 1:
            self.trouble = f"a section of version {major}.{minor} begins; known is 1"
        elif size < 28:
            self.trouble = _TROUBLES[STOP_SHORT].format(size)
        elif size > LONGEST_BLOCK:
            self.trouble = _TROUBLES[STOP_LONG].format(f"{size:,}")
        elif end - at < whole:
            self.need = whole
        elif struct.unpack_from(f"{order}I", data, at + whole - 4)[0] != size:
            self.trouble = _TROUBLES[STOP_LENGTH].format(f"{size:,}")
        else:
            section = read_section(bytes(data[at : at + whole]), order)
            self.section = self.section or section
            self.comment = self.comment or section.comment
            self.lab = self.lab or section.lab
            self._read_losses()
            self._order = order
            self._state[BIG] = int(order == ">")
            self._state[INTERFACES] = 0
            self._known = array("q", bytes(8 * ITS_WIDTH))
            self._counted.clear()
            return whole
        return 0

    def _new_interface(self, body: bytes) -> int:
        if len(self.interfaces) >= _MOST_INTERFACES:
            self.trouble = f"more than {_MOST_INTERFACES:,} interfaces are described"
            return 0
        interface, clock = read_interface(body, self._order)
        number = self._state[INTERFACES]
        its = number * ITS_WIDTH
        self._known.extend(bytes(ITS_WIDTH) if number else b"")
        for place, value in (
            (ITS_CLOCK, clock.kind),
            (ITS_NUMBER, clock.number),
            (ITS_SPAN, _span(clock)),
            (ITS_OFFSET, clock.offset),
            (ITS_SNAPLEN, interface.snaplen),
            (ITS_INDEX, len(self.interfaces)),
            (ITS_LOST, -1),
            (ITS_MOST, most_bytes(interface.link_type)),
        ):
            self._known[its + place] = value
        self.interfaces.append(interface)
        self._state[INTERFACES] = number + 1
        return len(body)

    def _read_statistics(self, counted: Counted) -> None:
        if counted.interface >= self._state[INTERFACES]:
            return
        its = counted.interface * ITS_WIDTH
        interface = self.interfaces[self._known[its + ITS_INDEX]]
        if counted.received >= 0:
            interface.received = counted.received
        if counted.dropped >= 0:
            interface.dropped = counted.dropped
            self._counted.add(counted.interface)

    def _read_losses(self) -> None:
        """What packets say was lost before them, for interfaces without statistics."""
        for number in range(self._state[INTERFACES]):
            its = number * ITS_WIDTH
            lost = self._known[its + ITS_LOST]
            if lost >= 0 and number not in self._counted:
                self.interfaces[self._known[its + ITS_INDEX]].dropped = lost

    def _read_comments(self, batch: Batch) -> None:
        for note in range(self._state[NOTES]):
            index, at, end = self._notes[3 * note : 3 * note + 3]
            texts = []
            for code, value in read_options(batch.data, at, end, self._order):
                if code != COMMENT:
                    continue
                text = value.rstrip(b"\0").decode(errors="replace")
                if segment := read_comment(text):
                    batch.segment[index] = segment
                else:
                    texts.append(text)
            if texts:
                batch.comments[index] = "\n".join(texts)


def _span(clock: Clock) -> int:
    return _LATEST // clock.number if clock.kind == 0 else _LATEST
