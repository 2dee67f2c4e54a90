"""What can be asked of a capture: tables, and columns that come from the headers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netarium.wire.bulk import column_kernels as kernels
from netarium.wire.bulk import verdict_kernels
from netarium.wire.checksum import Verdict
from netarium.wire.field import Checksum, Field, Flags, UInt, _Address

if TYPE_CHECKING:
    import pyarrow

    from netarium.wire.header import Header

__all__ = ["COMMON", "Column", "Table", "packet_columns", "tables"]

#: The columns that ``SELECT *`` and ``table()`` give: those that a first look needs.
COMMON = (
    "number",
    "time",
    "interface",
    "length",
    "ip_src",
    "ip_dst",
    "ip_ttl",
    "protocol",
    "src_port",
    "dst_port",
    "tcp_flags",
    "tcp_seq",
    "tcp_ack",
    "payload_length",
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: as SQL names it; meaning: one sentence, for people.
        kind: ``number``, ``time``, ``seconds``, or one of three kinds of text: ``text`` where
            few differ, ``address``, ``string``; ``texts``: a list of them.
        bits: of a number: how wide it may be.
        field: where it comes from: ``IPv4 Time to Live``.
        fields: of a number or a text: rows for the kernel: layer, byte, bytes, shift, mask,
            scale. Of an address: layer, byte, bytes.
        derived: what a kernel computes for it; -1: nothing.
        words: of a text: what each number means; None: not made of numbers.
        judged: of a verdict: the titles of the headers whose checksum it is on.
    """

    name: str
    meaning: str
    kind: str = "number"
    bits: int = 16
    field: str = ""
    fields: tuple[tuple[int, ...], ...] = ()
    derived: int = -1
    words: Callable[[int], str] | None = None
    judged: tuple[str, ...] = ()

    @property
    def type(self) -> pyarrow.DataType:
        """Its type in Arrow. Numbers are signed, so that differences may be negative."""
        import pyarrow as pa

        if self.kind == "number":
            return pa.int16() if self.bits < 16 else pa.int32() if self.bits < 32 else pa.int64()
        if self.kind in ("text", "address"):
            return pa.dictionary(pa.int32(), pa.string())
        if self.kind == "time":
            return pa.timestamp("ns")
        if self.kind == "seconds":
            return pa.float64()
        return pa.list_(pa.string()) if self.kind == "texts" else pa.string()

    @property
    def type_name(self) -> str:
        """Its type in SQL, for people."""
        if self.kind == "number":
            return "integer"
        return {"time": "timestamp", "seconds": "double", "texts": "list"}.get(self.kind, "text")


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its name, what a row is, its columns by name."""

    name: str
    meaning: str
    columns: Mapping[str, Column]


def tables() -> dict[str, Table]:
    """All tables by name."""
    from netarium.capture import dns_table, flows, http_table

    found = [Table("packets", "A row for each frame of the capture.", packet_columns())]
    for name, module in (("flows", flows), ("dns", dns_table), ("http", http_table)):
        columns = {column.name: column for column in module.COLUMNS}
        found.append(Table(name, module.MEANING, columns))
    return {table.name: table for table in found}


_DIRECTIONS = {1: "in", 2: "out"}


@functools.cache
def packet_columns() -> dict[str, Column]:
    """All columns of the table ``packets`` by name, in the order in which they are listed."""
    found: dict[str, Column] = {}
    for column in (*_of_the_frame(), *_of_headers(), *_computed()):
        known = found.get(column.name)
        if known is None:
            found[column.name] = column
        else:  # the same thing in another header: one column for both
            found[column.name] = Column(
                column.name,
                known.meaning,
                known.kind,
                max(known.bits, column.bits),
                f"{known.field}, {column.field}",
                known.fields + column.fields,
                known.derived,
                known.words,
            )
    return found


def _of_the_frame() -> Iterator[Column]:
    """What the capture itself says of each frame."""
    yield Column("number", "The frame's number in the file, from 1.", bits=64)
    yield Column("time", "When it was captured; UTC, to the nanosecond.", "time")
    yield Column("seconds", "Time since the first frame of the file, in seconds.", "seconds")
    yield Column("interface", "Where it was captured.", "text")
    yield Column(
        "direction",
        "Whether it came in or went out, where the capture says so.",
        "text",
        words=lambda value: _DIRECTIONS.get(value, "other"),
    )
    yield Column("length", "Bytes that it had on the wire.", bits=31)
    yield Column("captured", "Bytes of it that the capture kept.", bits=31)
    yield Column("segment_size", "Of a super-frame: bytes of payload in each segment.", bits=31)
    yield Column("comment", "What the file says of this frame.", "string")


#: Headers whose fields become columns: registry, number there, the kernel's layer.
_HEADERS = (
    ("link", 1, kernels.ETHERNET_LAYER),
    ("ethertype", 0x8100, kernels.TAG_LAYER),
    ("ethertype", 0x0806, kernels.ARP_LAYER),
    ("ethertype", 0x0800, kernels.IPV4_LAYER),
    ("ethertype", 0x86DD, kernels.IPV6_LAYER),
    ("ip_protocol", 1, kernels.ICMP_LAYER),
    ("ip_protocol", 58, kernels.ICMPV6_LAYER),
    ("ip_protocol", 6, kernels.TCP_LAYER),
    ("ip_protocol", 17, kernels.UDP_LAYER),
    ("ip_protocol", 47, kernels.GRE_LAYER),
    ("udp", 4789, kernels.VXLAN_LAYER),
)

#: Fields that are in both versions of IP, by their names in IPv6: one column for both.
_OF_IPV6 = {
    "version": "ip_version",
    "dscp": "ip_dscp",
    "ecn": "ip_ecn",
    "hop_limit": "ip_ttl",
    "src": "ip_src",
    "dst": "ip_dst",
    "next_header": "",
    "payload_length": "",
}
#: Fields that another column tells better.
_HIDDEN = {"eth_type", "vlan_type", "ip_fragment_offset", "ip_protocol"}
#: Names and meanings that say in fewer words, or in bytes, what the column has.
_NAMES = {"ip_identification": "ip_id"}
_MEANINGS = {
    "ip_version": "4 or 6.",
    "ip_header_length": "Length of the IPv4 header with its options, in bytes.",
    "tcp_data_offset": "Length of the TCP header with its options, in bytes.",
}


def _of_headers() -> Iterator[Column]:
    """A column for each field that stands at a fixed place."""
    from netarium.wire import protocols  # noqa: F401 - fills the registries
    from netarium.wire.header import REGISTRIES

    for registry, number, layer in _HEADERS:
        header = REGISTRIES.get(registry, {}).get(number)
        if header is None:
            continue
        for field in header.declared:
            if field.bit_offset < 0:
                break
            yield from _of_field(header, field, layer)


def _of_field(header: type[Header], field: Field[Any], layer: int) -> Iterator[Column]:
    name = field.column or f"{header.short}_{field.name}"
    if layer == kernels.IPV6_LAYER and not field.column:
        name = _OF_IPV6.get(field.name, name)
    name = _NAMES.get(name, name)
    if not name or name in _HIDDEN or isinstance(field, Checksum) or "reserved" in field.name:
        return
    source = f"{header.title} {field.label}"
    if isinstance(field, _Address):
        if layer == kernels.ARP_LAYER:
            layer = kernels.ARP_ADDRESS_LAYER
        place = (layer, field.byte, field.bits // 8)
        yield Column(name, field.meaning, "address", field=source, fields=(place,))
        return
    if not isinstance(field, UInt) or field.bits > 32:
        return
    row = (layer, field.byte, field.bytes, field.shift, field.mask, field.scale)
    bits = field.bits + field.scale.bit_length() - 1
    if isinstance(field, Flags):
        yield Column(
            name,
            f"{field.meaning} Names of the bits that are set, with a blank between them.",
            "text",
            field.bits,
            source,
            (row,),
            words=functools.partial(_flags, field),
        )
        yield Column(f"{name}_number", f"{name} as a number.", "number", bits, source, (row,))
        return
    meaning = _MEANINGS.get(name, field.meaning)
    if name in _MEANINGS:
        pass
    elif field.names and len(field.names) <= 8:
        named = ", ".join(f"{value} {what}" for value, what in field.names.items())
        meaning += f" {named}."
    elif field.unit and field.unit not in meaning:
        meaning += f" In {field.unit}."
    yield Column(name, meaning, "number", bits, source, (row,))


def _flags(field: Flags, value: int) -> str:
    """The names of the bits that are set; as people say them, ``SYN ACK``: lowest bit first."""
    return " ".join(
        name
        for place, name in enumerate(reversed(field.flags))
        if name.strip("-") and value >> place & 1
    )


def _protocol(value: int) -> str:
    from netarium.wire.internet.ipv4 import IPv4

    if value < 256:
        return IPv4.protocol.names.get(value, f"IP {value}")
    return _ethertype(value - 256) if value - 256 > 0x05DC else "LLC"  # there it is a length


def _ethertype(value: int) -> str:
    from netarium.wire.link.ethernet import Ethernet

    return Ethernet.type.names.get(value, f"0x{value:04x}")


def _computed() -> Iterator[Column]:
    """What is not one field at one place."""
    yield Column(
        "eth_type",
        "What the link layer carries, behind all VLAN tags.",
        "text",
        derived=kernels.LINK_PROTOCOL,
        words=_ethertype,
    )
    yield Column(
        "protocol",
        "TCP, UDP, ICMP and so on; behind all extension headers; ARP and others without IP.",
        "text",
        derived=kernels.TOP_PROTOCOL,
        words=_protocol,
    )
    for name, byte, whose in (("src_port", 0, "The sender's"), ("dst_port", 2, "The other's")):
        yield Column(
            name,
            f"{whose} port, of TCP, UDP or SCTP.",
            bits=16,
            fields=((kernels.PORTS_LAYER, byte, 2, 0, 0xFFFF, 1),),
        )
    yield Column(
        "payload_length",
        "Bytes that TCP, UDP or SCTP carries in it, though the capture may have kept fewer.",
        bits=31,
        derived=kernels.PAYLOAD_LENGTH,
    )
    yield Column(
        "ip_fragment",
        "Of a fragment: where in its datagram it begins, in bytes; null for whole datagrams.",
        bits=31,
        derived=kernels.FRAGMENT_OFFSET,
    )
    for name, code, meaning in (
        ("icmp_id", kernels.ICMP_IDENTIFIER, "Of an ICMP or ICMPv6 echo: which ping it is."),
        ("icmp_seq", kernels.ICMP_SEQUENCE, "Of an ICMP or ICMPv6 echo: its number."),
        ("tcp_mss", kernels.TCP_MSS, "TCP option: the largest segment that the sender takes."),
        ("tcp_window_scale", kernels.TCP_WINDOW_SCALE, "TCP option: shift of the window."),
        ("tcp_timestamp", kernels.TCP_TIMESTAMP, "TCP option: the sender's clock."),
        ("tcp_timestamp_echo", kernels.TCP_TIMESTAMP_ECHO, "TCP option: the clock sent back."),
        ("gre_key", kernels.GRE_KEY, "Which of the tunnels between two hosts (RFC 2890)."),
    ):
        yield Column(
            name, meaning, bits=32 if code > kernels.TCP_WINDOW_SCALE else 16, derived=code
        )
    for name, byte4, byte6, who in (
        ("inner_src", 12, 8, "sent"),
        ("inner_dst", 16, 24, "is to get"),
    ):
        yield Column(
            name,
            f"Who {who} the packet within the tunnel (GRE, VXLAN, IP in IP).",
            "address",
            fields=(
                (kernels.INNER_IPV4_LAYER, byte4, 4),
                (kernels.INNER_IPV6_LAYER, byte6, 16),
            ),
        )
    for name, code, titles in (
        ("ip_checksum", verdict_kernels.IP_CHECKSUM, ("IPv4",)),
        ("tcp_checksum", verdict_kernels.TCP_CHECKSUM, ("TCP",)),
        ("udp_checksum", verdict_kernels.UDP_CHECKSUM, ("UDP",)),
        ("icmp_checksum", verdict_kernels.ICMP_CHECKSUM, ("ICMP", "ICMPv6")),
    ):
        yield Column(
            name,
            f"The verdict on the checksum of {' or '.join(titles)}: {_VERDICTS}.",
            "text",
            derived=code,
            words=lambda value: Verdict(value).text,
            judged=titles,
        )
    yield from _streams()


_VERDICTS = ", ".join(verdict.text for verdict in Verdict)


def _streams() -> Iterable[Column]:
    return (
        Column(
            "flow",
            "Number of the flow, from 0: addresses, ports and protocol, both directions alike.",
            bits=63,
        ),
        Column("tcp_stream", "Number of the TCP connection, from 0, as Wireshark's.", bits=63),
        Column("udp_stream", "Number of the UDP flow, from 0, as Wireshark's.", bits=63),
    )
