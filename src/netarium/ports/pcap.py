"""pcap files (draft-ietf-opsawg-pcap), and the kinds of them that vendors made."""

from __future__ import annotations

import struct
from array import array
from typing import TYPE_CHECKING, Any, BinaryIO

from netarium.errors import NetariumError
from netarium.ports.byte_order import copy, put32, total, u16, u32
from netarium.ports.file_output import write_whole
from netarium.wire.batch import Batch, Interface
from netarium.wire.hot import hot, run, worth_compiling

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["PcapScanner", "PcapWriter", "file_link_type", "most_bytes"]

_MICROSECONDS = 0xA1B2C3D4
_NANOSECONDS = 0xA1B23C4D
_MODIFIED = 0xA1B2CD34  # Alexey Kuznetsov's libpcap, about 1999
_IXIA_HARDWARE = 0x1C0001AC  # nanoseconds; the header has the file's size besides
_IXIA_SOFTWARE = 0x1C0001AB

#: Sizes of the record header that a magic number may go with; all but the first are guessed.
_RECORD_HEADERS = {
    _MICROSECONDS: (16, 24, 20),  # the norm; Kuznetsov's older patch; Nokia's
    _NANOSECONDS: (16,),
    _MODIFIED: (24, 28),  # Kuznetsov's; as SuSE 6.3 had it
    _IXIA_HARDWARE: (16,),
    _IXIA_SOFTWARE: (16,),
}

#: Interface types in the headers that AIX writes (RFC 1573), and the link types they are.
_AIX = {6: 1, 9: 6, 15: 10, 24: 0}
_FCS_KNOWN = 1 << 26
_RAW_IP = 101

_LARGEST = 262144  # what tcpdump and Wireshark take for the largest frame
_LARGEST_OF_BUSES = 128 << 20
_BUSES = frozenset({189, 220, 231, 249, 279})  # USB, D-Bus, EBHSCR: much larger messages

# Places in the array that a scan gets and gives back.
_AT = 0  # where the next record begins
_END = 1
_COUNT = 2  # records found
_ROOM = 3
_BIG = 4  # the byte order
_HEADER = 5  # bytes of a record's header
_UNIT = 6  # nanoseconds that the fraction of a time stamp counts in
_MOST = 7  # bytes that a frame may have
_SWAPPED = 8  # lengths: 0 in order, 1 the other way round, 2 where they seem so
_NEED = 9  # bytes from `_AT` on that must be there to go on
_WRONG = 10  # the length that is more than `_MOST`


def file_link_type(link_type: int) -> int:
    """The number in the tcpdump.org list; raw IP has had others."""
    return _RAW_IP if link_type in (12, 14) else link_type


def most_bytes(link_type: int) -> int:
    """The most bytes that a frame can have; more is damage, and no reader would take it."""
    return _LARGEST_OF_BUSES if link_type in _BUSES else _LARGEST


@hot
def _scan(data: Any, state: Any, start: Any, captured: Any, length: Any, time: Any) -> None:
    """Find the records that lie whole in ``data``."""
    at, end, count = state[_AT], state[_END], state[_COUNT]
    room, big, header = state[_ROOM], state[_BIG], state[_HEADER]
    unit, most, swapped = state[_UNIT], state[_MOST], state[_SWAPPED]
    state[_NEED] = 0
    while count < room:
        if at + header > end:
            state[_NEED] = header
            break
        size = u32(data, at + 8, big)
        whole = u32(data, at + 12, big)
        if swapped == 1 or (swapped == 2 and size > whole):
            size, whole = whole, size
        if size > most:
            state[_WRONG] = size
            break
        if at + header + size > end:
            state[_NEED] = header + size
            break
        start[count] = at + header
        captured[count] = size
        length[count] = whole
        time[count] = u32(data, at, big) * 1_000_000_000 + u32(data, at + 4, big) * unit
        at += header + size
        count += 1
    state[_AT] = at
    state[_COUNT] = count


class PcapScanner:
    """Finds the packets of a pcap file in buffers.

    Attributes:
        format: its name for people.
        interfaces: the one there is.
        need: bytes from where the last scan ended that must be there to go on; 0: it was full.
        trouble: why it cannot go on; empty where it can.
    """

    def __init__(self, head: memoryview, name: str) -> None:
        """Read the file header.

        Args:
            head: how the file begins; the first records should be there too.
            name: the file's, for messages.

        Raises:
            NetariumError: it is cut short, or of a version that is not known.
        """
        self.need = 0
        self.trouble = ""
        self.comment = self.lab = ""
        self.names: dict[str, str] = {}
        order = _order(head)
        #: Offset of the first record.
        self.first = 28 if _magic(head, order) in (_IXIA_HARDWARE, _IXIA_SOFTWARE) else 24
        if len(head) < self.first:
            raise NetariumError(
                f"{name} is cut short: {len(head)} bytes are there,"
                f" the header of a pcap file has {self.first}"
            )
        magic, major, minor, snaplen, network = struct.unpack_from(f"{order}IHH8xII", head)
        if major < 2:
            raise NetariumError(f"{name} is pcap of version {major}.{minor}; known is 2")
        fcs = (network >> 28) * 2 if network & _FCS_KNOWN else -1
        link_type = file_link_type(network & 0xFFFF)
        unit, swapped = 1000, 0
        headers = _RECORD_HEADERS[magic]
        if magic in (_NANOSECONDS, _IXIA_HARDWARE):
            unit = 1
        if (major, minor) == (2, 2) and magic == _MICROSECONDS and network in _AIX:
            unit, link_type = 1, _AIX[network]
        if (major, minor) != (2, 4):
            headers = headers[:1]
        if (major == 2 and minor < 3) or major == 543:
            swapped = 1  # before 2.3 the lengths came the other way round; DG/UX kept to that
        elif (major, minor) == (2, 3):
            swapped = 2
        header = _likeliest(head, order, self.first, headers, snaplen or most_bytes(link_type))
        self.format = "pcap" if unit == 1000 else "pcap (nanoseconds)"
        self.interfaces = [
            Interface(
                link_type=link_type, snaplen=snaplen, resolution=6 if unit == 1000 else 9, fcs=fcs
            )
        ]
        most = max(most_bytes(link_type), min(snaplen, _LARGEST_OF_BUSES))
        self._state = array("q", bytes(8 * 11))
        for place, value in (
            (_BIG, int(order == ">")),
            (_HEADER, header),
            (_UNIT, unit),
            (_MOST, most),
            (_SWAPPED, swapped),
        ):
            self._state[place] = value

    @staticmethod
    def knows(head: memoryview) -> bool:
        """Whether a file that begins so is one of these."""
        return len(head) >= 4 and _order(head) != ""

    def scan(self, batch: Batch, at: int, end: int, room: int, *, fast: bool) -> int:
        """Add the packets at ``at`` to ``end`` of the batch's data to it, up to ``room`` in all.

        Gives where it stopped.
        """
        state = self._state
        state[_AT], state[_END], state[_COUNT], state[_ROOM] = at, end, batch.count, room
        state[_WRONG] = 0
        columns = (batch.start, batch.captured, batch.length, batch.time)
        run(_scan, batch.data, state, *columns, fast=fast)
        batch.count = state[_COUNT]
        self.need = state[_NEED]
        if state[_WRONG]:
            self.trouble = (
                f"a packet of {state[_WRONG]:,} bytes cannot be: {state[_MOST]:,} is the most"
            )
        return state[_AT]


def _order(head: memoryview) -> str:
    """The byte order as ``struct`` has it; empty where the magic number is not known."""
    return next((order for order in "<>" if _magic(head, order) in _RECORD_HEADERS), "")


def _magic(head: memoryview, order: str) -> int:
    magic: int = struct.unpack_from(f"{order}I", head)[0]
    return magic


def _likeliest(
    head: memoryview, order: str, first: int, headers: tuple[int, ...], most: int
) -> int:
    """Which size of record header makes most sense of the first records; the first of equals."""
    big = int(order == ">")
    return min(headers, key=lambda header: _oddities(head, big, first, header, most))


def _oddities(head: memoryview, big: int, at: int, header: int, most: int) -> int:
    """How often the first three records say what no record would."""
    odd = 0
    for _ in range(3):
        if at + header > len(head):
            break
        size, whole = u32(head, at + 8, big), u32(head, at + 12, big)
        odd += u32(head, at + 4, big) >= 1_000_000
        odd += (size > whole) + (size > most) + (whole > _LARGEST_OF_BUSES)
        if header >= 24:  # the interface's index, the EtherType, how the packet came
            kind = u16(head, at + 20, big)
            odd += u32(head, at + 16, big) > 10_000
            odd += 0x17 < kind < 0x600 and kind not in (0x60, 0x200, 0x400)
            odd += head[at + 22] > 4
        elif header == 20:  # a number whose meaning is not known: 9fbfd601, bfbfb902, 0
            number = u32(head, at + 16, big)
            odd += number != 0 and number & 0x0FFF00F0 != 0x0FBF0000
        if size > most:
            break
        at += header + size
    return odd


@hot
def _encode(
    data: Any,
    count: int,
    start: Any,
    captured: Any,
    length: Any,
    time: Any,
    unit: int,
    most: int,
    out: Any,
) -> int:
    """Lay packets out as records; gives the bytes written."""
    at = 0
    for index in range(count):
        size = min(captured[index], most)
        stamp = max(time[index], 0)
        seconds = stamp // 1_000_000_000
        put32(out, at, seconds)
        put32(out, at + 4, (stamp - seconds * 1_000_000_000) // unit)
        put32(out, at + 8, size)
        put32(out, at + 12, max(length[index], size))
        copy(out, at + 16, data, start[index], size)
        at += 16 + size
    return at


class PcapWriter:
    """Writes a pcap file, packet by packet or batch by batch.

    It keeps times, bytes and lengths. Names of interfaces, flags and comments need pcapng.

    Args:
        file: where to; stays open. The file header is written at once.
        link_type: of all packets.
        nanoseconds: of the time stamps; else microseconds.
        snaplen: the most bytes that were kept of a packet; 0: all.
        fcs: bytes of frame check sequence at the end of each frame; -1: not known.
    """

    def __init__(
        self,
        file: BinaryIO,
        link_type: int = 1,
        *,
        nanoseconds: bool = True,
        snaplen: int = 0,
        fcs: int = -1,
    ) -> None:
        self._file = file
        self._unit = 1 if nanoseconds else 1000
        self._link_type = link_type
        self._most = most_bytes(link_type)
        self._out = bytearray()
        magic = _NANOSECONDS if nanoseconds else _MICROSECONDS
        network = link_type | (_FCS_KNOWN | (fcs // 2) << 28 if fcs >= 0 else 0)
        header = struct.pack("<IHHIIII", magic, 2, 4, 0, 0, snaplen or self._most, network)
        write_whole(file, header)

    def write(self, batch: Batch, *, fast: bool | None = None) -> None:
        """Append all packets of a batch, with one write.

        Raises:
            NetariumError: a packet is of another link type; pcap has but one.
        """
        if not batch.count:
            return
        strange = {interface.link_type for interface in batch.interfaces} - {self._link_type}
        if strange:
            links = batch.links()
            used = {links[where] for where in set(batch.interface[: batch.count])}
            if used - {self._link_type}:
                raise NetariumError(
                    f"a pcap file holds one link type, here {self._link_type};"
                    f" packets of {', '.join(map(str, sorted(used - {self._link_type})))} came",
                    "write pcapng, which holds any: name the file .pcapng",
                )
        fast = worth_compiling(len(batch.data)) if fast is None else fast
        room = run(total, batch.captured, batch.count, fast=fast) + 16 * batch.count
        if len(self._out) < room:
            self._out = bytearray(room)
        columns = (batch.start, batch.captured, batch.length, batch.time)
        rest = (self._unit, self._most, self._out)
        size = run(_encode, batch.data, batch.count, *columns, *rest, fast=fast)
        write_whole(self._file, memoryview(self._out)[:size])

    def close(self) -> None:
        """End the file; there is nothing left to write, and it is not closed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
