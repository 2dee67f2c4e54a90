"""What TCP and UDP carry through a capture, in order: tunnels opened, fragments joined."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netarium.wire.bulk import carried_kernels as kernels
from netarium.wire.bulk.walk import places
from netarium.wire.hot import run, worth_compiling
from netarium.wire.reassembly import Datagrams

if TYPE_CHECKING:
    from netarium.wire.batch import Batch
    from netarium.wire.header import Header

__all__ = ["Carried", "carried"]


@dataclass(slots=True)
class Carried:
    """A TCP segment or UDP datagram.

    Attributes:
        protocol: 6 or 17.
        source, destination: address and port, as bytes on the wire.
        time: nanoseconds since 1970-01-01 00:00 UTC; interface: index in the capture.
        header: the bytes of its header, as far as they are there.
        data: what it carries; length: how much that was on the wire.
        quoted: only the beginning of it, told of by an ICMP message.
    """

    protocol: int
    source: bytes
    destination: bytes
    time: int
    interface: int
    header: bytes
    data: bytes
    length: int
    quoted: bool = False

    @property
    def flags(self) -> int:
        """The low byte of TCP's flags."""
        return self.header[13]

    @property
    def sequence(self) -> int:
        """TCP's sequence number."""
        return int.from_bytes(self.header[4:8], "big")

    @property
    def acknowledged(self) -> int:
        """TCP's acknowledgment number."""
        return int.from_bytes(self.header[8:12], "big")


def carried(batches: Iterable[Batch]) -> Iterator[Carried]:
    """All segments and datagrams of a capture, as Wireshark numbers them: outermost first.

    Fragments come as the whole that they make, with the last one of them.
    """
    closer = _Closer()
    seen = 0
    for batch in batches:
        seen += len(batch.data)
        rows = array("q", bytes(8 * kernels.ROW * batch.count))
        run(
            kernels.find,
            *(batch.data, batch.start, batch.captured, batch.length, batch.interface),
            *(batch.links(), batch.count, rows, places()),
            fast=worth_compiling(seen),
        )
        yield from _from_rows(batch, rows, closer)


def _from_rows(batch: Batch, rows: array[int], closer: _Closer) -> Iterator[Carried]:
    data = batch.data
    for index in range(batch.count):
        row = kernels.ROW * index
        kind, addresses, width, ports, begin, end, length = rows[row : row + kernels.ROW]
        if kind == kernels.NOTHING:
            continue
        if kind == kernels.CLOSER:
            yield from closer.frame(batch, index)
            continue
        both = bytes(data[addresses : addresses + 2 * width])
        header = bytes(data[ports : max(begin, ports + 8)])
        yield Carried(
            kind,
            both[:width] + header[:2],
            both[width:] + header[2:4],
            batch.time[index],
            batch.interface[index],
            bytes(data[ports : ports + 20]) if kind == 6 else header,
            bytes(data[begin:end]),
            length,
        )


class _Closer:
    """Reads frames layer by layer, and keeps fragments until they are whole."""

    def __init__(self) -> None:
        self.datagrams = Datagrams()

    def frame(self, batch: Batch, index: int) -> Iterator[Carried]:
        """What a frame carries."""
        from netarium.wire.packet import packet_of

        packet = packet_of(batch, index)
        where = (batch.time[index], batch.interface[index])
        yield from self._layers(packet.layers, where, packet.length - len(packet.data))

    def _layers(
        self, layers: list[Header], where: tuple[int, int], missing: int
    ) -> Iterator[Carried]:
        from netarium.wire.internet.ipv4 import IPv4
        from netarium.wire.internet.ipv6 import IPv6
        from netarium.wire.transport.tcp import TCP
        from netarium.wire.transport.udp import UDP

        addresses: IPv4 | IPv6 | None = None
        for layer in layers:
            if isinstance(layer, (IPv4, IPv6)):
                addresses = layer
            if addresses is None:
                continue
            # One that the capture has cut cannot be joined; its beginning tells something.
            if layer.is_fragment and not missing:
                if not layer.quoted:
                    yield from self._fragment(addresses, layer, where)
                return
            if isinstance(layer, TCP) or (isinstance(layer, UDP) and not 0 < layer.length < 8):
                yield _carried(addresses, layer, where, missing)

    def _fragment(self, ip: Any, layer: Any, where: tuple[int, int]) -> Iterator[Carried]:
        """Take a fragment; read the datagram when it is whole."""
        from netarium.wire.packet import Packet

        four = layer is ip
        following = layer.protocol if four else layer.next
        addresses = ip.data[ip.start + (12 if four else 8) : ip.start + (20 if four else 40)]
        identity = layer.identification
        whole = self.datagrams.add(
            (where[1], addresses, identity, following if four else -1),
            layer.fragment_offset * 8,
            layer.payload,
            more=bool(layer.flags & 1 if four else layer.more),
            time=where[0],
        )
        if whole is None:
            return
        if four:
            size = (20 + len(whole)) & 0xFFFF if len(whole) < 0xFFEC else 0
            head = b"\x45\0" + size.to_bytes(2, "big") + bytes(4) + b"\x40" + bytes([following])
            head += bytes(2) + addresses
        else:
            size = len(whole) if len(whole) <= 0xFFFF else 0
            head = b"\x60\0\0\0" + size.to_bytes(2, "big") + bytes([following, 64]) + addresses
        yield from self._layers(Packet.parse(head + whole, 101).layers, where, 0)


def _carried(ip: Any, layer: Header, where: tuple[int, int], missing: int) -> Carried:
    from netarium.wire.transport.tcp import TCP

    data, at = layer.data, layer.start
    four = ip.title == "IPv4"
    addresses = ip.start + (12 if four else 8)
    width = 4 if four else 16
    payload = layer.payload
    kind = 6 if isinstance(layer, TCP) else 17
    return Carried(
        kind,
        data[addresses : addresses + width] + data[at : at + 2],
        data[addresses + width : addresses + 2 * width] + data[at + 2 : at + 4],
        where[0],
        where[1],
        data[at : at + (20 if kind == 6 else 8)],
        payload,
        len(payload) + (missing if layer.payload_end() == len(data) else 0),
        layer.quoted,
    )
