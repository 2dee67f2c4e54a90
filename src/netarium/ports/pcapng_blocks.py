"""The blocks of pcapng (draft-ietf-opsawg-pcapng) that are few: all but the packets."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from netarium.ports.pcap import file_link_type
from netarium.wire.batch import Interface

__all__ = [
    "COMMENT",
    "Clock",
    "Counted",
    "Section",
    "block",
    "comment_options",
    "interface_block",
    "names_block",
    "option",
    "read_interface",
    "read_names",
    "read_options",
    "read_section",
    "read_statistics",
    "section_block",
    "statistics_block",
]

COMMENT = 1
_BYTE_ORDER = 0x1A2B3C4D
_SECTION = 0x0A0D0D0A
_INTERFACE = 1
_NAMES = 4
_STATISTICS = 5
_LONGEST = 0xFFFF  # bytes of an option's value
_LATEST = 2**63 - 1
_BILLION = 1_000_000_000

#: The comment of a section that brings the lab's file; ``1 of 1`` tells how it was split.
_LAB = "netarium lab file, part {} of {}:\n"
_LAB_FOUND = re.compile(r"netarium lab file, part (\d{1,6}) of \d{1,6}:\n(.*)", re.DOTALL)
_MTU = re.compile(r"(?:^|; )MTU (\d{1,9})$")


@dataclass(frozen=True, slots=True)
class Section:
    """What a section header says.

    Attributes:
        hardware, system, application: what captured.
        comment: of the whole section, without the lab.
        lab: the lab file that was embedded; empty where none was.
    """

    hardware: str = ""
    system: str = ""
    application: str = ""
    comment: str = ""
    lab: str = ""


@dataclass(frozen=True, slots=True)
class Clock:
    """How the time stamps of an interface count (if_tsresol, if_tsoffset).

    Attributes:
        kind: 0: ``number`` nanoseconds a tick; 1: ``number`` ticks a nanosecond; 2: two to
            the power of ``number`` ticks a second.
        offset: nanoseconds to add.
    """

    kind: int = 0
    number: int = 1000
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """What an interface statistics block counts; -1 where it does not say."""

    interface: int
    received: int = -1
    dropped: int = -1


def read_options(
    data: bytes | memoryview, at: int, end: int, order: str
) -> Iterator[tuple[int, bytes]]:
    """The options at ``at``: code and value. What does not fit before ``end`` ends them."""
    while at + 4 <= end:
        code, size = struct.unpack_from(f"{order}HH", data, at)
        at += 4
        if code == 0 or at + size > end:
            return
        yield code, bytes(data[at : at + size])
        at += (size + 3) & ~3


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode(errors="replace")


def read_section(data: bytes, order: str) -> Section:
    """Read the options of a whole section header block."""
    said: dict[int, str] = {}
    comments: list[str] = []
    lab: dict[int, str] = {}
    for code, value in read_options(data, 24, len(data) - 4, order):
        if code != COMMENT:
            said[code] = _text(value)
        elif part := _LAB_FOUND.match(_text(value)):
            lab[int(part[1])] = part[2]
        else:
            comments.append(_text(value))
    whole = "".join(lab[number] for number in sorted(lab))
    return Section(said.get(2, ""), said.get(3, ""), said.get(4, ""), "\n".join(comments), whole)


def read_interface(data: bytes, order: str) -> tuple[Interface, Clock]:
    """Read a whole interface description block."""
    link_type, snaplen = struct.unpack_from(f"{order}H2xI", data, 8)
    interface = Interface(link_type=file_link_type(link_type), snaplen=snaplen, resolution=6)
    resolution, offset = 6, 0
    for code, value in read_options(data, 16, len(data) - 4, order):
        if code == 2:
            interface.name = _text(value)
        elif code == 3:
            interface.description = _text(value)
        elif code == 9 and value:
            resolution = value[0]
        elif code == 11 and value[:1] == b"\0":  # in libpcap's language
            interface.filter = _text(value[1:])
        elif code == 13 and value:
            interface.fcs = value[0] // 8
        elif code == 14 and len(value) == 8:
            offset = struct.unpack(f"{order}q", value)[0]
    if found := _MTU.search(interface.description):
        interface.mtu = int(found[1])
        interface.description = interface.description[: found.start()]
    interface.resolution = 6 if resolution in range(7) else 9
    return interface, _clock(resolution, offset)


def _clock(resolution: int, offset: int) -> Clock:
    nanoseconds = max(-_LATEST, min(_LATEST, offset * _BILLION))
    if resolution & 0x80:
        return Clock(2, resolution & 0x7F, nanoseconds)
    if resolution <= 9:
        return Clock(0, 10 ** (9 - resolution), nanoseconds)
    return Clock(1, min(10 ** (resolution - 9), _LATEST), nanoseconds)


def read_names(data: bytes, order: str) -> Iterator[tuple[str, str]]:
    """The addresses and names of a whole name resolution block; the first name of each."""
    at, end = 8, len(data) - 4
    while at + 4 <= end:
        kind, size = struct.unpack_from(f"{order}HH", data, at)
        at += 4
        wide = {1: 4, 2: 16}.get(kind, 0)
        if kind == 0 or at + size > end:
            return
        if wide and size > wide:
            family = socket.AF_INET if wide == 4 else socket.AF_INET6
            address = socket.inet_ntop(family, data[at : at + wide])
            name = _text(data[at + wide : at + size].partition(b"\0")[0])
            if name:
                yield address, name
        at += (size + 3) & ~3


def read_statistics(data: bytes, order: str) -> Counted:
    """Read a whole interface statistics block."""
    counted = Counted(struct.unpack_from(f"{order}I", data, 8)[0])
    lost = {}
    for code, value in read_options(data, 20, len(data) - 4, order):
        if len(value) != 8:
            continue
        number = min(struct.unpack(f"{order}Q", value)[0], _LATEST)
        if code == 4:
            counted = replace(counted, received=number)
        elif code in (5, 7):  # by the capture; by the system, for want of room
            lost[code] = number
    return replace(counted, dropped=max(lost.values())) if lost else counted


# --- making them; always least significant byte first -------------------------------------


def block(kind: int, body: bytes, options: bytes = b"") -> bytes:
    """A block of its type, its fixed part, and its options."""
    if options:
        options += bytes(4)  # opt_endofopt
    size = struct.pack("<I", 12 + len(body) + len(options))
    return struct.pack("<I", kind) + size + body + options + size


def option(code: int, value: str | bytes) -> bytes:
    """An option; text that is too long for one is cut."""
    if isinstance(value, str):
        value = value.encode(errors="replace")
        if len(value) > _LONGEST:
            value = value[:_LONGEST].decode(errors="ignore").encode()
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def comment_options(lab: str) -> bytes:
    """The lab's file as comments of a section, as many as it takes."""
    if not lab:
        return b""
    encoded = lab.encode(errors="replace")
    parts: list[str] = []
    while encoded:
        # A comment must not end within a character, or in null bytes.
        part = encoded[: _LONGEST - 100].decode(errors="ignore")
        parts.append(part)
        encoded = encoded[len(part.encode()) :]
    return b"".join(
        option(COMMENT, _LAB.format(number, len(parts)) + part)
        for number, part in enumerate(parts, 1)
    )


def section_block(section: Section) -> bytes:
    """A section header block, of a length that is not told: it goes on as it comes.

    The lab file goes into comments of the section, since this is what every reader of pcapng
    keeps and shows (Wireshark under Statistics, Capture File Properties) and none complains of.
    A custom block would need an enterprise number, and Wireshark counts it as a packet.
    """
    options = b"".join(
        option(code, text)
        for code, text in (
            (2, section.hardware),
            (3, section.system),
            (4, section.application),
            (COMMENT, section.comment),
        )
        if text
    )
    body = struct.pack("<IHHq", _BYTE_ORDER, 1, 0, -1)
    return block(_SECTION, body, options + comment_options(section.lab))


def interface_block(interface: Interface) -> bytes:
    """An interface description block."""
    description = interface.description
    if interface.mtu:
        description += f"{'; ' if description else ''}MTU {interface.mtu}"
    options = option(9, bytes([interface.resolution]))
    if interface.name:
        options += option(2, interface.name)
    if description:
        options += option(3, description)
    if interface.filter:
        options += option(11, b"\0" + interface.filter.encode(errors="replace")[: _LONGEST - 1])
    if interface.fcs >= 0:
        options += option(13, bytes([interface.fcs * 8 & 0xFF]))
    return block(
        _INTERFACE, struct.pack("<HHI", interface.link_type, 0, interface.snaplen), options
    )


def names_block(names: dict[str, str]) -> bytes:
    """A name resolution block."""
    records = b""
    for address, name in names.items():
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        value = socket.inet_pton(family, address) + name.encode(errors="replace")[:1000] + b"\0"
        records += struct.pack("<HH", 2 if ":" in address else 1, len(value))
        records += value + bytes(-len(value) % 4)
    return block(_NAMES, records + bytes(4))


def statistics_block(counted: Counted, when: int, start: int, end: int, unit: int) -> bytes:
    """An interface statistics block; times in nanoseconds, ``unit`` of them to the tick."""

    def stamp(time: int) -> bytes:
        ticks = max(time, 0) // unit
        return struct.pack("<II", ticks >> 32, ticks & 0xFFFFFFFF)

    options = b""
    if start:
        options += option(2, stamp(start))
    if end:
        options += option(3, stamp(end))
    if counted.received >= 0:
        options += option(4, struct.pack("<Q", counted.received))
    if counted.dropped >= 0:
        options += option(5, struct.pack("<Q", counted.dropped))
    return block(_STATISTICS, struct.pack("<I", counted.interface) + stamp(when), options)
