"""One line of text for each packet, in the manner of ``tcpdump -nn``."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from functools import cache

from netarium.wire.batch import Batch, Interface
from netarium.wire.bulk.walk import places as walk_places
from netarium.wire.escaping import escaped
from netarium.wire.hot import run
from netarium.wire.packet import packet_of
from netarium.wire.text import line_state as places
from netarium.wire.text.line_frames import ROOM, write_lines
from netarium.wire.text.line_rest import rest_of
from netarium.wire.text.line_tcp import flow_table, grown

__all__ = ["CLOCKS", "Lines", "lines"]

#: What may stand for the time: the time of day here or in UTC, seconds since 1970, since the
#: first packet, since the packet before; nothing.
CLOCKS = {
    "local": places.LOCAL,
    "utc": places.UTC,
    "epoch": places.EPOCH,
    "relative": places.RELATIVE,
    "delta": places.DELTA,
    "none": places.NONE,
}

_QUARTER = 900  # seconds: all local times change at a full quarter of an hour
_CHUNK = 1 << 20  # bytes of text made at a time
_RESTS = 1 << 12  # frames that the loop may leave to Python at a time
_LONGEST_NAME = 64
_RAW_IP = 101  # a link type

#: Protocols over TCP whose first lines the loop writes itself.
_BY_THE_LOOP = {"FTP", "HTTP", "IMAP", "POP3", "SMTP", "SSH", "TLS"}


class Lines:
    """Writes lines for batch after batch; TCP's numbers count from the start of each conversation.

    As with tcpdump, the first packet with an ACK of a conversation shows its numbers as they
    are, and all later ones what was sent since. The state takes some bytes a conversation, and
    is forgotten where there were half a million.

    Args:
        clock: one of `CLOCKS`.
        offset: seconds by which local time is ahead of UTC, from seconds since 1970; wanted
            where the clock is ``local``.
        absolute: sequence numbers as they are in the packets.
        link: the link-layer header on every line.
    """

    def __init__(
        self,
        *,
        clock: str = "utc",
        offset: Callable[[int], int] = lambda second: 0,
        absolute: bool = False,
        link: bool = False,
    ) -> None:
        self._offset = offset
        self._state = array("q", bytes(8 * places.STATE))
        self._state[places.CLOCK] = CLOCKS[clock]
        self._state[places.ABSOLUTE] = absolute
        self._state[places.WITH_LINK] = link
        self._state[places.QUARTER] = self._state[places.FIRST_TIME] = -1
        self._flows = flow_table()
        self._place = walk_places()
        self._rest = array("q")
        self._out = bytearray()
        self._interfaces: list[Interface] = []
        self._names = memoryview(b"")
        self._name_ends = array("q", [0])

    def of(self, batch: Batch, *, fast: bool = False) -> bytes:
        """The lines of a batch; ``fast``: by the compiled loops."""
        return b"".join(self.chunks(batch, fast=fast))

    def chunks(self, batch: Batch, *, fast: bool = False) -> Iterator[bytes]:
        """The same in pieces of about a megabyte, which do not end with a line."""
        state = self._state
        self._prepare(batch)
        links = batch.links()
        mtus = array("q", [interface.mtu for interface in batch.interfaces] or [0])
        state[places.NEXT] = 0
        while state[places.NEXT] < batch.count:
            state[places.AT] = state[places.RESTS] = 0
            wanting = run(
                write_lines,
                batch.data,
                batch.count,
                batch.start,
                batch.captured,
                batch.length,
                batch.time,
                batch.interface,
                batch.flags,
                batch.segment,
                links,
                mtus,
                self._names,
                self._name_ends,
                _ports(),
                state,
                self._flows,
                self._place,
                self._out,
                self._rest,
                fast=fast,
            )
            yield from self._pieces(batch)
            if wanting:
                self._supply(batch.time[state[places.NEXT]])

    def _pieces(self, batch: Batch) -> Iterator[bytes]:
        """What the loop wrote, with what Python adds between."""
        view = memoryview(self._out)
        done = 0
        with_link = bool(self._state[places.WITH_LINK])
        for entry in range(0, places.REST * self._state[places.RESTS], places.REST):
            index, at, what, behind, length = self._rest[entry : entry + places.REST]
            yield bytes(view[done:at])
            packet = packet_of(batch, index)
            text = rest_of(
                packet,
                what,
                behind - batch.start[index],
                length,
                self._ip_line,
                with_link=with_link,
            )
            yield escaped(text).encode("utf-8", "backslashreplace")
            done = at
        yield bytes(view[done : self._state[places.AT]])

    def _ip_line(self, data: bytes) -> str:
        """The line of an IP packet that some other protocol than those of the loop carries."""
        size = array("q", [len(data)])
        zero = array("q", [0])
        batch = Batch(memoryview(data), 1, 1, zero, size, size, zero, zero, zero, zero)
        batch.interfaces = [Interface(link_type=_RAW_IP)]
        return Lines(clock="none", absolute=True).of(batch).decode("ascii", "replace").strip()

    def _supply(self, now: int) -> None:
        """Give the loop what it wants for a packet of this time."""
        state = self._state
        quarter = now // (_QUARTER * 1_000_000_000)
        if state[places.CLOCK] == places.LOCAL and state[places.QUARTER] != quarter:
            state[places.QUARTER] = quarter
            state[places.OFFSET] = 1_000_000_000 * self._offset(quarter * _QUARTER)
            return
        self._flows = grown(self._flows)
        if not any(self._flows):
            state[places.CONVERSATIONS] = 0

    def _prepare(self, batch: Batch) -> None:
        """Room for the batch's lines, and the names of its interfaces."""
        if len(self._out) < _CHUNK:
            room = min(_CHUNK, ROOM + 256 * batch.count)
            if room > len(self._out):
                self._out = bytearray(room)
                self._rest = array("q", bytes(8 * places.REST * min(_RESTS, room // 32)))
        if len(batch.interfaces) == len(self._interfaces):
            return
        self._interfaces = list(batch.interfaces)
        self._state[places.NAMED] = len(self._interfaces) > 1
        names = [
            escaped(interface.name or f"#{number}").encode("utf-8", "replace")[:_LONGEST_NAME]
            for number, interface in enumerate(self._interfaces)
        ]
        widest = max(map(len, names))
        self._names = memoryview(b"".join(name.ljust(widest) for name in names))
        self._name_ends = array("q", [widest * (number + 1) for number in range(len(names))])


def lines(batch: Batch, *, fast: bool = False, clock: str = "utc", absolute: bool = False) -> bytes:
    """The lines of one batch on its own; see `Lines`."""
    return Lines(clock=clock, absolute=absolute).of(batch, fast=fast)


@cache
def _ports() -> memoryview:
    """For each port 1 where Python reads what UDP carries there, 2: TCP, 3: both."""
    from netarium.wire import protocols  # noqa: F401 - fills the registries
    from netarium.wire.header import REGISTRIES

    ports = bytearray(65536)
    for port in REGISTRIES.get("udp", {}):
        ports[port] |= 1
    for port, kind in REGISTRIES.get("tcp", {}).items():
        ports[port] |= 0 if kind.title in _BY_THE_LOOP else 2
    return memoryview(bytes(ports))
