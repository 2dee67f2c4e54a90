"""The table ``http``: a row for each request, with its response and how long that took."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from netarium.capture.exchanges import Message, Rows, messages
from netarium.capture.tables import Column
from netarium.wire.bulk.picking import HTTP_FRAMES

if TYPE_CHECKING:
    import pyarrow

    from netarium.wire.applications.http import HTTPRequest, HTTPResponse
    from netarium.wire.batch import Batch

__all__ = ["COLUMNS", "MEANING", "record_batches"]

MEANING = "A row for each HTTP/1 request and its response; what TLS hides is not there."
COLUMNS = (
    Column(
        "number",
        "Number of the frame with the request; of the response where none was seen.",
        bits=63,
    ),
    Column("time", "When the request was sent.", "time"),
    Column("interface", "Where it was captured.", "text"),
    Column("client", "Who asked.", "text"),
    Column("server", "Who was asked.", "text"),
    Column("server_port", "The server's port.", bits=16),
    Column("method", "GET, POST, ...", "text"),
    Column("host", "Which site of the server is meant.", "text"),
    Column("path", "What is wanted, with what stands behind a question mark.", "string"),
    Column("status", "200: here it is, 404: there is none, ...; null: no response was seen."),
    Column("content_type", "What kind of thing the response carries.", "text"),
    Column("request_length", "Bytes that the request says it carries.", bits=63),
    Column("response_length", "Bytes that the response says it carries.", bits=63),
    Column("user_agent", "Which program the client is.", "text"),
    Column("latency", "From request to the beginning of the response, in seconds.", "seconds"),
)

#: Connections that are followed at a time.
_MOST = 1 << 14

_Key = tuple[str | None, str, int, str, int]


@dataclass(slots=True)
class _Asked:
    """A request, and the message that it came in."""

    message: Message
    request: HTTPRequest | None


@dataclass(slots=True)
class _Talk:
    """A connection.

    Attributes:
        waiting: requests without a response; a client may send more before the first is answered.
        asked, answered: sequence numbers of the last request and response: what comes again
            does not count.
    """

    waiting: deque[_Asked] = field(default_factory=deque)
    asked: int = -1
    answered: int = -1


def record_batches(batches: Iterable[Batch]) -> Iterator[pyarrow.RecordBatch]:
    """The table, of the frames of a capture."""
    rows = Rows(COLUMNS)
    talks: dict[_Key, _Talk] = {}
    pending: dict[int, None] = {}  # numbers of frames whose request waits, the oldest first
    for message in messages(batches, HTTP_FRAMES):
        request, response = _read(message)
        if request is None and response is None:
            continue
        there = (message.interface, message.src, message.sport, message.dst, message.dport)
        back = (message.interface, message.dst, message.dport, message.src, message.sport)
        talk = talks.setdefault(there if request is not None else back, _Talk())
        if request is not None and message.sequence != talk.asked:
            talk.asked = message.sequence
            talk.waiting.append(_Asked(message, request))
            pending[message.number] = None
        elif response is not None and message.sequence != talk.answered:
            talk.answered = message.sequence
            if response.status >= 200 or response.status == 101:  # 100: go on, the rest follows
                asked = talk.waiting.popleft() if talk.waiting else _Asked(message, None)
                _row(rows, asked, response, message)
                pending.pop(asked.message.number, None)
        if len(talks) > _MOST:
            for asked in _end(rows, talks.pop(next(iter(talks)))):
                pending.pop(asked.message.number, None)
        yield from rows.ready(next(iter(pending), message.number))
    for talk in talks.values():
        _end(rows, talk)
    yield from rows.rest()


def _end(rows: Rows, talk: _Talk) -> Iterable[_Asked]:
    """Add the requests that had no response; gives them."""
    for asked in talk.waiting:
        _row(rows, asked, None, asked.message)
    return talk.waiting


def _read(message: Message) -> tuple[HTTPRequest | None, HTTPResponse | None]:
    """The request or response at the beginning of a segment."""
    from netarium.wire.applications.http import HTTPRequest, HTTPResponse
    from netarium.wire.field import Malformed

    try:
        if HTTPResponse.recognises(message.payload):
            return None, HTTPResponse.view(message.payload)
        if HTTPRequest.recognises(message.payload):
            return HTTPRequest.view(message.payload), None
    except Malformed:
        pass
    return None, None


def _row(rows: Rows, asked: _Asked, response: HTTPResponse | None, message: Message) -> None:
    about, request = asked.message, asked.request
    client, server, port = about.src, about.dst, about.dport
    if request is None:
        client, server, port = about.dst, about.src, about.sport
    seen = request is not None and response is not None
    rows.add(
        *(about.number, about.time, about.interface, client, server, port),
        request.method if request else None,
        request.header("host") or None if request else None,
        request.target if request else None,
        response.status if response else None,
        response.header("content-type") or None if response else None,
        _length(request.header("content-length")) if request else None,
        _length(response.header("content-length")) if response else None,
        request.header("user-agent") or None if request else None,
        (message.time - about.time) / 1e9 if seen else None,
    )


def _length(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None
