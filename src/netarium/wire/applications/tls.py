"""Transport Layer Security: records, and in them what goes in the clear (RFC 8446, RFC 5246)."""

from __future__ import annotations

from collections.abc import Iterator

from netarium.wire.applications.tls_handshake import ClientHello, Handshake, ServerHello
from netarium.wire.applications.tls_names import ALERTS, CONTENT_TYPES, HANDSHAKES, VERSIONS
from netarium.wire.field import REST, Bytes, UInt
from netarium.wire.header import Header, length_of
from netarium.wire.parts import Parts

__all__ = ["TLS", "Alert", "ChangeCipherSpec", "Encrypted"]

#: The longest record: 2^14 bytes, and what encryption may add (RFC 5246, section 6.2.3).
_LONGEST = (1 << 14) + 2048
_HELLOS: dict[int, type[Header]] = {1: ClientHello, 2: ServerHello}


class ChangeCipherSpec(Header, title="ChangeCipherSpec", rfc="RFC 5246, section 7.1"):
    """From here on the sender encrypts; in TLS 1.3 it means nothing any more."""

    independent = True

    type = UInt(8, "Type", "Always 1.", default=1)


class Alert(Header, title="Alert", rfc="RFC 8446, section 6"):
    """Why the connection ends, or what is not well with it."""

    independent = True

    level = UInt(8, "Level", "2 ends the connection.", names={1: "warning", 2: "fatal"}, default=2)
    description = UInt(8, "Description", "What is wrong.", names=ALERTS)

    def summary(self) -> str:
        level = {1: "warning", 2: "fatal"}.get(self.level, f"level {self.level}")
        return f"{level} {ALERTS.get(self.description, self.description)}"


class Encrypted(Header, title="Encrypted"):
    """What only those with the keys can read."""

    content = Bytes(REST, "Data", "Bytes as they are.")
    independent = True

    def end_of_header(self) -> int:
        return self.limit

    def summary(self) -> str:
        return f"{self.size} bytes"


def _read_body(record: TLS, start: int, end: int) -> Iterator[Header]:
    data, kind = record.data, record.type
    if kind == 20 and record.length == 1 and end > start:
        yield ChangeCipherSpec.view(data, start, end)
    elif kind == 21 and record.length == 2 and end - start == 2:
        yield Alert.view(data, start, end)
    elif kind == 22 and _is_plain(data, start, end, record.start + 5 + record.length):
        at = start
        while at < end:
            size = 4 + int.from_bytes(data[at + 1 : at + 4], "big")
            message = _HELLOS.get(data[at], Handshake)
            if end - at < message.minimum:
                message = Handshake  # cut off; say at least what it is
            if end - at < message.minimum:
                yield Encrypted.view(data, at, end)
                return
            yield message.view(data, at, min(end, at + size))
            at += size
    elif end > start:
        yield Encrypted.view(data, start, end)


def _is_plain(data: bytes, start: int, end: int, record_end: int) -> bool:
    """Whether handshake messages begin here in the clear; encrypted ones look like noise."""
    at = start
    while end - at >= 4:
        behind = at + 4 + int.from_bytes(data[at + 1 : at + 4], "big")
        if data[at] not in HANDSHAKES:
            return False
        if behind > record_end:  # it goes on in the next record, if this one is full
            return record_end - start >= 1 << 14
        if behind >= end:
            return True
        at = behind
    return start < at < record_end and end < record_end  # the next one is cut off


class TLS(Header, title="TLS", rfc="RFC 8446, section 5.1", tcp=443):
    """Transport Layer Security: a record, the envelope of all that TLS sends."""

    independent = True

    type = UInt(8, "Content Type", "What is in it.", names=CONTENT_TYPES, default=22)
    version = UInt(
        16,
        "Legacy Record Version",
        "Not the version of the connection: that is in the hellos.",
        names=VERSIONS,
        shown="x",
        default=0x0303,
    )
    length = UInt(16, "Length", "Of what follows.", unit="bytes", auto=length_of("body"))
    body = Parts(
        "Body",
        _read_body,
        "Messages of the handshake, an alert, or encrypted data.",
        size=lambda h: h.length,
    )

    @classmethod
    def recognises(cls, payload: bytes) -> bool:
        """Whether a segment begins with a record."""
        return (
            len(payload) >= 5
            and 20 <= payload[0] <= 24
            and payload[1] == 3
            and payload[2] <= 4
            and payload[3] << 8 | payload[4] <= _LONGEST
            and (payload[3] | payload[4] > 0 or payload[0] == 23)
        )

    @property
    def client_hello(self) -> ClientHello | None:
        """The ClientHello in it."""
        return next((each for each in self.body if isinstance(each, ClientHello)), None)

    @property
    def server_hello(self) -> ServerHello | None:
        """The ServerHello in it."""
        return next((each for each in self.body if isinstance(each, ServerHello)), None)

    def check(self) -> None:
        for each in self.body:
            each.check()

    def next_header(self) -> _Kind:
        rest = self.data[self.end_of_header() : self.limit]
        return self.beside(TLS) if TLS.recognises(rest) else None

    def summary(self) -> str:
        there = self.limit - self.start - 5
        cut = f" ({there} of {self.length} bytes are here)" if there < self.length else ""
        if self.type == 23:
            return f"application data, {self.length} bytes{cut}"
        if self.type == 22:
            plain = [each.summary() for each in self.body if not isinstance(each, Encrypted)]
            return (", ".join(plain) or "encrypted handshake") + cut
        if self.type == 21:
            alert = next((each for each in self.body if isinstance(each, Alert)), None)
            return f"alert {alert.summary() if alert else '(encrypted)'}{cut}"
        return CONTENT_TYPES.get(self.type, "") + cut


_Kind = type[Header] | None  # where a field is called ``type``
