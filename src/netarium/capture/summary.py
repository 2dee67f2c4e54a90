"""A capture summed up in one pass: protocols, hosts, conversations, connections, throughput."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from netarium.capture.columnar import Columns
from netarium.capture.flows import Sums, connection_states
from netarium.capture.throughput import Throughput, Timeline
from netarium.wire.hot import worth_compiling

if TYPE_CHECKING:
    from netarium.capture.asking import Source
    from netarium.wire.batch import Batch, Interface

__all__ = [
    "Connections",
    "Conversation",
    "Endpoint",
    "InterfaceCount",
    "ProtocolCount",
    "Summary",
    "stats",
    "summarise",
]


@dataclass(slots=True)
class InterfaceCount:
    """What passed at one interface; ``dropped``: frames that the capture lost, None: not told."""

    name: str
    packets: int = 0
    bytes: int = 0
    dropped: int | None = None


@dataclass(slots=True)
class ProtocolCount:
    """What a protocol carried; ``path``: from the outermost, ``("IPv4", "TCP", "HTTP")``."""

    path: tuple[str, ...]
    packets: int = 0
    bytes: int = 0


@dataclass(slots=True)
class Endpoint:
    """What an address sent and received."""

    address: str
    packets_sent: int = 0
    packets_received: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0


@dataclass(slots=True)
class Conversation:
    """What passed between two addresses: from ``a`` to ``b``, and back; times in nanoseconds."""

    a: str
    b: str
    packets: int = 0
    packets_back: int = 0
    bytes: int = 0
    bytes_back: int = 0
    began: int = 0
    ended: int = 0


@dataclass(slots=True)
class Connections:
    """TCP: how many connections there were, by what became of them; segments sent again."""

    count: int = 0
    states: dict[str, int] = field(default_factory=dict)
    resent: int = 0


@dataclass(slots=True)
class Summary:
    """A capture summed up.

    A frame counts at each interface that saw it. Lists are in order of bytes, largest first;
    protocols as a tree, each before what it carries. Bytes are those of whole frames.

    Attributes:
        packets, bytes, captured: frames; their bytes on the wire, and what was kept of them.
        began, ended: times of the first frame and the last, nanoseconds since 1970 (UTC).
        trouble: where and why the file breaks off; empty where it does not.
    """

    packets: int = 0
    bytes: int = 0
    captured: int = 0
    began: int = 0
    ended: int = 0
    interfaces: list[InterfaceCount] = field(default_factory=list)
    protocols: list[ProtocolCount] = field(default_factory=list)
    endpoints: list[Endpoint] = field(default_factory=list)
    conversations: list[Conversation] = field(default_factory=list)
    connections: Connections = field(default_factory=Connections)
    throughput: Throughput = field(default_factory=Throughput)
    trouble: str = ""

    @property
    def duration(self) -> float:
        """From the first frame to the last, seconds."""
        return (self.ended - self.began) / 1e9


def stats(path: str | Path | BinaryIO, filter: str = "", interface: str = "") -> Summary:
    """Sum a capture file up.

    Args:
        path: a file, ``-`` for standard input, or a file that is open already.
        filter: in tcpdump's language; packets that do not match are left out.
        interface: only what was captured there; empty: everywhere.

    Raises:
        NotFoundError: there is no such file, or no such interface in it.
        NetariumError: it is no capture file, the filter is wrong.
    """
    from netarium.capture.asking import Source

    return summarise(Source(path, filter), interface)


_COLUMNS = (
    "time",
    "interface",
    "length",
    "captured",
    "eth_type",
    "ip_src",
    "ip_dst",
    "protocol",
    "src_port",
    "dst_port",
)
#: Groups that may wait before those that are alike become one.
_MANY = 1 << 18
_KEYS = ("interface", "eth_type", "protocol", "application", "ip_src", "ip_dst")


def summarise(source: Source, interface: str = "") -> Summary:
    """Sum a source up; see `stats`."""
    sums, seen = Sums(), [0]
    where: list[Interface] = []

    def counted() -> Iterator[Batch]:
        for batch in source.batches():
            where[:] = batch.interfaces
            seen[0] += len(batch.data)
            sums.add(batch, worth_compiling(seen[0]))
            yield batch

    summary = Summary()
    groups = _Groups()
    timeline = Timeline()
    for rows in _chosen(Columns(_COLUMNS).stream(counted()), interface):
        applications = _applications(rows)
        timeline.add(rows.column("time"), rows.column("length"), _labels(rows, applications))
        summary.captured += _total(rows.column("captured"))
        groups.add(rows, applications)
    if interface and not timeline.series and interface not in [each.name for each in where]:
        from netarium.errors import NotFoundError

        names = ", ".join(each.name for each in where if each.name) or "it names none"
        raise NotFoundError(f"the capture has no interface {interface!r}", f"there are: {names}")
    _fill(summary, groups, where)
    chosen = [place for place, each in enumerate(where) if not interface or each.name == interface]
    states, resent = connection_states(
        sums, set(chosen) | ({len(where)} if not interface else set())
    )
    summary.connections = Connections(sum(states.values()), states, resent)
    summary.throughput = timeline.throughput()
    summary.trouble = source.trouble
    return summary


def _chosen(batches: Iterable[Any], interface: str) -> Iterator[Any]:
    """The rows of one interface, or all."""
    from pyarrow import compute

    pc: Any = compute
    for rows in batches:
        if interface:
            rows = rows.filter(pc.equal(rows.column("interface"), interface))
        if rows.num_rows:
            yield rows


def _total(column: Any) -> int:
    import pyarrow.compute as pc

    return int(pc.sum(column).as_py() or 0)


def _ports() -> tuple[Any, list[str], Any]:
    """By port: the number of an application in the list, of TCP and of UDP; 0: none is known."""
    import numpy as np

    from netarium.wire import protocols  # noqa: F401 - fills the registries
    from netarium.wire.header import REGISTRIES

    names = [""]
    tables = []
    for transport in ("tcp", "udp"):
        table = np.zeros(65536, "i4")
        for port, kind in REGISTRIES.get(transport, {}).items():
            name = kind.title.removesuffix(" length")  # that before DNS over TCP
            if name not in names:
                names.append(name)
            table[port] = names.index(name)
        tables.append(table)
    return tables[0], names, tables[1]


def _applications(rows: Any) -> Any:
    """Which application each frame belongs to, by its ports: a column of text, null: none."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import compute

    pc: Any = compute
    tcp, names, udp = _ports()
    src, dst = (
        pc.fill_null(rows.column(name), 0).to_numpy(zero_copy_only=False)
        for name in ("src_port", "dst_port")
    )
    found = np.zeros(len(src), "i4")
    for protocol, table in (("TCP", tcp), ("UDP", udp)):
        mine = pc.fill_null(pc.equal(rows.column("protocol"), protocol), False)
        mask = mine.to_numpy(zero_copy_only=False)
        either = np.where(table[dst] > 0, table[dst], table[src])
        found = np.where(mask, either, found)
    indices: Any = pa.array(found, mask=found == 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(names))


def _labels(rows: Any, applications: Any) -> Any:
    """What a frame counts as over time: its application, else its protocol."""
    import pyarrow as pa
    import pyarrow.compute as pc

    plain = [column.cast(pa.string()) for column in (applications, rows.column("protocol"))]
    return pc.fill_null(pc.coalesce(*plain), "other")


class _Groups:
    """Frames and bytes by interface, protocols and pair of addresses."""

    def __init__(self) -> None:
        self._parts: list[Any] = []
        self._rows = 0

    def add(self, rows: Any, applications: Any) -> None:
        """Add the rows of a record batch."""
        import pyarrow as pa

        columns = {name: rows.column(name) for name in _KEYS if name != "application"}
        columns["application"] = applications
        times = rows.column("time").cast(pa.int64())
        columns["packets"] = pa.repeat(pa.scalar(1, pa.int64()), rows.num_rows)
        columns |= {"bytes": rows.column("length"), "first": times, "last": times}
        self._parts.append(_summed(pa.table(columns)))
        self._rows += self._parts[-1].num_rows
        if self._rows > _MANY:
            self._parts = [self._together()]
            self._rows = 0  # what is left differs: counting it again would be done at each add

    def items(self) -> Iterator[tuple[tuple[Any, ...], tuple[int, ...]]]:
        """Keys, with packets, bytes, first and last time."""
        if self._parts:
            table = self._together()
            names = [*_KEYS, "packets", "bytes", "first", "last"]
            for row in zip(*(table.column(name).to_pylist() for name in names), strict=True):
                yield row[: len(_KEYS)], row[len(_KEYS) :]

    def _together(self) -> Any:
        import pyarrow as pa

        return _summed(pa.concat_tables(self._parts).combine_chunks())


def _summed(table: Any) -> Any:
    """One row for each group; its keys as plain text."""
    import pyarrow as pa

    ways = {"packets": "sum", "bytes": "sum", "first": "min", "last": "max"}
    found = table.group_by(list(_KEYS)).aggregate(list(ways.items()))
    # Behind the nulls of a grouped dictionary stand any numbers, and unify_dictionaries would
    # follow them out of the dictionary: so the few rows that are left are spelt out.
    columns = {name: found.column(name).cast(pa.string()) for name in _KEYS}
    return pa.table(columns | {name: found.column(f"{name}_{way}") for name, way in ways.items()})


def _fill(summary: Summary, groups: _Groups, where: list[Interface]) -> None:
    """The summary's lists, out of the groups."""
    interfaces: dict[str, InterfaceCount] = {}
    protocols: dict[tuple[str, ...], ProtocolCount] = {}
    endpoints: dict[str, Endpoint] = {}
    pairs: dict[tuple[str, str], Conversation] = {}
    # In order of time, so that who spoke first comes first.
    for key, (count, size, first, last) in sorted(groups.items(), key=lambda item: item[1][2]):
        interface, link, protocol, application, src, dst = key
        summary.began = min(summary.began, first) if summary.packets else first
        summary.ended = max(summary.ended, last) if summary.packets else last
        summary.packets += count
        summary.bytes += size
        at = interfaces.setdefault(interface or "", InterfaceCount(interface or ""))
        at.packets += count
        at.bytes += size
        path = [each for each in (link, protocol, application) if each]
        path = [each for place, each in enumerate(path) if each not in path[:place]]
        for depth in range(1, len(path) + 1):
            known = protocols.setdefault(tuple(path[:depth]), ProtocolCount(tuple(path[:depth])))
            known.packets += count
            known.bytes += size
        if src is None or dst is None:
            continue
        sender, receiver = (endpoints.setdefault(each, Endpoint(each)) for each in (src, dst))
        sender.packets_sent += count
        sender.bytes_sent += size
        receiver.packets_received += count
        receiver.bytes_received += size
        talk = pairs.get((dst, src))
        if talk is not None:
            talk.packets_back += count
            talk.bytes_back += size
        else:
            talk = pairs.setdefault((src, dst), Conversation(src, dst, began=first, ended=last))
            talk.packets += count
            talk.bytes += size
        talk.began, talk.ended = min(talk.began, first), max(talk.ended, last)
    for each in where:
        if each.name in interfaces and each.dropped >= 0:
            known_drops = interfaces[each.name].dropped or 0
            interfaces[each.name].dropped = known_drops + each.dropped
    summary.interfaces = sorted(interfaces.values(), key=lambda each: -each.bytes)
    summary.protocols = _as_tree(protocols)
    summary.endpoints = sorted(
        endpoints.values(), key=lambda each: (-each.bytes_sent - each.bytes_received, each.address)
    )
    summary.conversations = sorted(
        pairs.values(), key=lambda each: (-each.bytes - each.bytes_back, each.a, each.b)
    )


def _as_tree(protocols: dict[tuple[str, ...], ProtocolCount]) -> list[ProtocolCount]:
    """Each protocol before what it carries; among those beside it the largest first."""

    def place(one: ProtocolCount) -> list[tuple[int, str]]:
        above = [one.path[:depth] for depth in range(1, len(one.path) + 1)]
        return [(-protocols[path].bytes, path[-1]) for path in above]

    return sorted(protocols.values(), key=place)
