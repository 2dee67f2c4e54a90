"""The table ``dns``: a row for each question, with its answer and how long that took."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netarium.capture.exchanges import Message, Rows, messages
from netarium.capture.tables import Column
from netarium.wire.bulk.picking import DNS_FRAMES

if TYPE_CHECKING:
    import pyarrow

    from netarium.wire.applications.dns import DNS
    from netarium.wire.batch import Batch

__all__ = ["COLUMNS", "MEANING", "record_batches"]

MEANING = "A row for each DNS question and its answer, over UDP and TCP; mDNS and LLMNR too."
COLUMNS = (
    Column(
        "number",
        "Number of the frame with the question; of the answer where none was seen.",
        bits=63,
    ),
    Column("time", "When it was asked.", "time"),
    Column("interface", "Where it was captured.", "text"),
    Column("client", "Who asked.", "text"),
    Column("server", "Who was asked.", "text"),
    Column("transport", "UDP or TCP.", "text"),
    Column("id", "The number that comes back with the answer.", bits=16),
    Column("name", "The name that was asked for.", "string"),
    Column("type", "Which records were asked for: A, AAAA, MX, ...", "text"),
    Column("rcode", "How it went: NOERROR, NXDOMAIN, ...; null: no answer was seen.", "text"),
    Column("answers", "The data of the answer's records, as a list.", "texts"),
    Column(
        "ttl", "How long the answer may be kept: the least of its records, in seconds.", bits=32
    ),
    Column("latency", "From question to answer, in seconds.", "seconds"),
)
#: After so long without an answer a question counts as unanswered, in nanoseconds.
_PATIENCE = 60 * 10**9

_Key = tuple[str | None, str, str, int, int, str, str]


@dataclass(slots=True)
class _Asked:
    """A question that waits for its answer."""

    message: Message
    id: int
    name: str
    type: str


def record_batches(batches: Iterable[Batch]) -> Iterator[pyarrow.RecordBatch]:
    """The table, of the frames of a capture."""
    rows = Rows(COLUMNS)
    waiting: dict[_Key, _Asked] = {}
    for message in messages(batches, DNS_FRAMES):
        found = _read(message)
        if found is None:
            continue
        asked, dns = found
        if not dns.response:
            key = _key(asked, message.src, message.dst, message.sport)
            if key in waiting:  # asked again: the first one had no answer
                _row(rows, waiting.pop(key), None, message)
            waiting[key] = asked
        else:
            key = _key(asked, message.dst, message.src, message.dport)
            _row(rows, waiting.pop(key, asked), dns, message)
        while waiting and message.time - next(iter(waiting.values())).message.time > _PATIENCE:
            _row(rows, waiting.pop(next(iter(waiting))), None, message)
        oldest = next(iter(waiting.values())).message if waiting else message
        yield from rows.ready(oldest.number)
    for asked in waiting.values():
        _row(rows, asked, None, asked.message)
    yield from rows.rest()


def _read(message: Message) -> tuple[_Asked, DNS] | None:
    """The message and its first question; None where it is none after all."""
    from netarium.wire.applications.dns import DNS
    from netarium.wire.applications.dns_numbers import type_name
    from netarium.wire.field import Malformed

    try:
        dns = DNS.view(message.payload, 2 if message.stream else 0)
        question: Any = next(iter(dns.questions), None)
        name = str(question.name) if question else ""
        kind = type_name(question.type) if question else ""
        return _Asked(message, dns.id, name, kind), dns
    except Malformed:
        return None


def _key(asked: _Asked, client: str, server: str, port: int) -> _Key:
    # An answer seen elsewhere on its way would tell a wrong latency.
    where = asked.message.interface
    return where, client, server, port, asked.id, asked.name.lower(), asked.type


def _row(rows: Rows, asked: _Asked, dns: DNS | None, message: Message) -> None:
    """A row of a question, and of its answer if there is one."""
    from netarium.wire.applications.dns_numbers import RCODES

    about = asked.message
    client, server = about.src, about.dst
    alone = dns is not None and message is about  # an answer whose question was not seen
    if alone:
        client, server = server, client
    code, answers, ttl, latency = None, None, None, None
    if dns is not None:
        code = RCODES.get(dns.response_code, str(dns.response_code))
        records: Any = dns.answers
        answers = [record.rdata() for record in records]
        ttl = min((record.ttl for record in records), default=None)
        latency = None if alone else (message.time - about.time) / 1e9
    rows.add(
        *(about.number, about.time, about.interface, client, server),
        *("TCP" if about.stream else "UDP", asked.id, asked.name, asked.type or None),
        *(code, answers, ttl, latency),
    )
