"""Many frames in one buffer, as rings and files hold them: what all bulk work is done on."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

__all__ = [
    "CHECKSUM_NOT_READY",
    "CHECKSUM_VALID",
    "DIRECTION",
    "INBOUND",
    "OUTBOUND",
    "SEGMENTED_LATER",
    "Batch",
    "Interface",
]

# The flags word of a packet, as pcapng's epb_flags lays it out (section 4.3).
DIRECTION = 0x3
INBOUND = 0x1
OUTBOUND = 0x2
CHECKSUM_NOT_READY = 1 << 9  # the sender left it to a network card that never came
CHECKSUM_VALID = 1 << 10  # the receiving side of the kernel has checked it
SEGMENTED_LATER = 1 << 11  # a super-frame: TCP that a network card was to cut into segments


@dataclass(slots=True)
class Interface:
    """Where frames were captured.

    Attributes:
        name: as a person would type it: ``h1:eth0``, ``docker0``.
        link_type: what the first header is, as in the tcpdump.org list: 1 is Ethernet.
        snaplen: the most bytes kept of a frame; 0 is all.
        mtu: the largest network-layer packet in bytes; 0 where it is not known.
        description: anything else worth telling.
        resolution: time stamps' unit, as the digits after the second: 6 or 9.
        filter: the filter that was in force, in tcpdump's language.
        dropped: frames that the capture lost here, -1 where nobody counted.
        received: frames that the capture saw here, -1 where nobody counted.
        fcs: bytes of frame check sequence at the end of each frame, -1 where it is not known.
    """

    name: str = ""
    link_type: int = 1
    snaplen: int = 0
    mtu: int = 0
    description: str = ""
    resolution: int = 9
    filter: str = ""
    dropped: int = -1
    received: int = -1
    fcs: int = -1


def _column() -> array[int]:
    return array("q")


@dataclass(slots=True)
class Batch:
    """Frames that lie in one buffer, with a column of 64-bit integers for each thing known.

    Attributes:
        data: the buffer, format ``B``; frame ``i`` is at ``start[i]``, ``captured[i]`` long.
        count: frames in the batch; the columns may be longer.
        first: the number of its first frame in the file or capture, from 1.
        start: offsets in ``data``, bytes.
        captured: bytes that are there.
        length: bytes that were on the wire.
        time: nanoseconds since 1970-01-01 00:00 UTC.
        interface: index into ``interfaces``.
        flags: as ``epb_flags``: direction, state of the checksum; 0 where nothing is known.
        segment: bytes of payload in each segment of a super-frame (gso_size); else 0.
        interfaces: all that were seen so far; grows, is never reordered.
        comments: what the file says of single frames, by index.
        names: addresses and their names that the file brought (name resolution blocks).
        numbers: the frames' numbers where a filter took some out; else empty: `number` tells.
    """

    data: memoryview
    count: int = 0
    first: int = 1
    start: array[int] = field(default_factory=_column)
    captured: array[int] = field(default_factory=_column)
    length: array[int] = field(default_factory=_column)
    time: array[int] = field(default_factory=_column)
    interface: array[int] = field(default_factory=_column)
    flags: array[int] = field(default_factory=_column)
    segment: array[int] = field(default_factory=_column)
    interfaces: list[Interface] = field(default_factory=list)
    comments: dict[int, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    numbers: array[int] = field(default_factory=_column)

    @classmethod
    def sized(cls, data: memoryview, room: int) -> Batch:
        """An empty batch with columns for up to ``room`` frames."""
        batch = cls(data)
        zero = array("q", [0])  # many times as quick as an array of so many bytes
        for name in ("start", "captured", "length", "time", "interface", "flags", "segment"):
            setattr(batch, name, zero * room)
        return batch

    def frame(self, index: int) -> memoryview:
        """The bytes of one frame; a view of the buffer, gone when the buffer is reused."""
        start = self.start[index]
        return self.data[start : start + self.captured[index]]

    def number(self, index: int) -> int:
        """The number of a frame in its file or capture, whatever a filter took out before."""
        return self.numbers[index] if self.numbers else self.first + index

    def links(self) -> array[int]:
        """The link type of each interface, for hot loops; never empty."""
        return array("q", [interface.link_type for interface in self.interfaces] or [1])
