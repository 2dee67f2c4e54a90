"""The Domain Name System: messages with their sections, over UDP and TCP (RFC 1035)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from netarium.wire.applications import dns_services  # noqa: F401 - their records register
from netarium.wire.applications.dns_edns import OPT
from netarium.wire.applications.dns_names import name_size
from netarium.wire.applications.dns_numbers import OPCODES, RCODES
from netarium.wire.applications.dns_records import InMessage, Question, Record
from netarium.wire.context import REGISTRIES, Context
from netarium.wire.field import REST, Bytes, Malformed, UInt
from netarium.wire.header import Header
from netarium.wire.parts import Parts

__all__ = ["DNS", "DNSLength", "Question"]

_SECTIONS = ("questions", "answers", "authorities", "additionals")
_COUNTS = ("question_count", "answer_count", "authority_count", "additional_count")


@dataclass(slots=True)
class _Walked:
    """Where the entries of a message are.

    Attributes:
        entries: by section: class, beginning and end of each.
        begins: where each section begins; the last: where all end.
        stop: why reading ended early, or None.
    """

    entries: list[list[tuple[type[InMessage], int, int]]]
    begins: list[int]
    stop: Malformed | None


def _walk(data: bytes, start: int, limit: int) -> _Walked:
    """Step over all entries, without reading them."""
    known: dict[int, Any] = REGISTRIES["dns"]
    walked = _Walked([[], [], [], []], [], None)
    at = start + 12
    for section, found in enumerate(walked.entries):
        walked.begins.append(at)
        count = int.from_bytes(data[start + 4 + 2 * section : start + 6 + 2 * section], "big")
        for index in range(count if walked.stop is None else 0):
            try:
                if at >= limit:
                    raise Malformed(at, "the message ends")
                behind = at + name_size(data, at, limit)
                if section == 0:
                    kind, end = Question, behind + 4
                else:
                    number = int.from_bytes(data[behind : behind + 2], "big")
                    kind = known.get(number, Record)
                    end = behind + 10 + int.from_bytes(data[behind + 8 : behind + 10], "big")
                if end > limit or (section and behind + 10 > limit):
                    what = "a question" if section == 0 else "a record"
                    raise Malformed(limit, f"{what} of which {limit - at} bytes are there")
            except Malformed as malformed:
                where = f"{_SECTIONS[section]}, {index + 1} of {count}"
                walked.stop = Malformed(malformed.at, f"{malformed.why} ({where})")
                break
            found.append((kind, at, end))
            at = end
    walked.begins.append(at)
    return walked


class _Kept(bytes):
    """A section as it was read, with how many entries its header counted in it."""

    counted: int
    items: tuple[Header, ...]


class _Section(Parts):
    """A section of a message: where its entries are follows from the four counts."""

    def __init__(self, label: str, meaning: str) -> None:
        super().__init__(label, self._entries, meaning)

    @property
    def index(self) -> int:
        """Which of the four it is."""
        return _SECTIONS.index(self.name)

    def _entries(self, header: DNS, start: int, end: int) -> Iterator[InMessage]:
        for kind, at, behind in header.walked.entries[self.index]:
            entry = kind.view(header.data, at, behind)
            entry.__dict__["message"] = header.start
            yield entry

    def measure(self, header: Header, at: int) -> int:
        begins = header.walked.begins if isinstance(header, DNS) else [0] * 5
        return begins[self.index + 1] - begins[self.index]

    def kept(self, header: Header, bit: int, bits: int) -> Any:
        raw = _Kept(header.data[bit >> 3 : (bit + bits) >> 3])
        raw.items = self.decode(header, bit, bits)
        raw.counted = getattr(header, _COUNTS[self.index])
        return raw

    def encode(self, value: Any, header: Header) -> bytes:
        if self.index == 0:
            header.__dict__["placing"] = [12, {}]  # offset, names that stand before it
        at, seen = header.__dict__["placing"]
        raw = b""
        if isinstance(value, _Kept):
            # Shortened names point to what comes before: that must not have changed.
            if header.given.keys() & set(_SECTIONS):
                value = value.items
            else:
                raw = bytes(value)
        elif isinstance(value, (bytes, bytearray)):
            raw = bytes(value)
        if not raw and not isinstance(value, (bytes, bytearray)):
            for entry in value:
                placed = entry.placed(at + len(raw), seen) if isinstance(entry, InMessage) else None
                raw += bytes(entry) if placed is None else placed
        header.__dict__["placing"][0] += len(raw)
        return raw


def _count(name: str) -> Any:
    def auto(context: Context) -> int:
        value = context.values.get(name, ())
        if isinstance(value, _Kept):
            given = context.header.given.keys() & set(_SECTIONS)
            return len(value.items) if given else value.counted
        return 0 if isinstance(value, (bytes, bytearray)) else len(value)

    return auto


def _flag(label: str, meaning: str, default: int = 0) -> UInt:
    return UInt(1, label, meaning, default=default)


class DNS(Header, title="DNS", rfc="RFC 1035, section 4.1", udp=(53, 5353, 5355)):
    """Domain Name System: questions about names, and answers; mDNS and LLMNR too.

    ``DNS(questions=[Question("www.example.com", "A")])`` is a query; its names are shortened
    to pointers as it is built.
    """

    independent = True

    id = UInt(16, "ID", "The asker's; comes back with the answer.")
    response = UInt(1, "QR", "0: a query, 1: a response.", names={0: "query", 1: "response"})
    opcode = UInt(4, "Opcode", "What is wanted.", names=OPCODES)
    authoritative = _flag("AA", "The answer comes from who is responsible.")
    truncated = _flag("TC", "The answer is longer: ask again over TCP.")
    recursion_desired = _flag("RD", "The server shall ask others, too.", 1)
    recursion_available = _flag("RA", "The server does ask others.")
    reserved = _flag("Z", "Reserved.")
    authentic_data = _flag("AD", "The signatures are good (RFC 4035).")
    checking_disabled = _flag("CD", "The asker checks signatures itself (RFC 4035).")
    rcode = UInt(4, "RCODE", "How it went.", names=RCODES)
    question_count = UInt(16, "QDCOUNT", "Questions.", auto=_count("questions"))
    answer_count = UInt(16, "ANCOUNT", "Answers.", auto=_count("answers"))
    authority_count = UInt(16, "NSCOUNT", "Authority records.", auto=_count("authorities"))
    additional_count = UInt(16, "ARCOUNT", "Additional records.", auto=_count("additionals"))
    questions = _Section("Question", "What is asked.")
    answers = _Section("Answer", "What the answer is.")
    authorities = _Section("Authority", "Who knows, or why there is no answer.")
    additionals = _Section("Additional", "What will be asked next; EDNS.")
    trailing = Bytes(REST, "Trailing", "Behind the last record; there should be nothing.")

    @property
    def walked(self) -> _Walked:
        """Where the entries are; looked up once for the same bytes."""
        known = self.__dict__.get("walk")
        now = (self.start, self.message_end)
        if known is None or known[0] is not self.data or known[1] != now:
            known = (self.data, now, _walk(self.data, *now))
            self.__dict__["walk"] = known
        walked: _Walked = known[2]
        return walked

    @property
    def message_end(self) -> int:
        """Where the message ends, an offset in ``data``."""
        return self.limit

    @property
    def edns(self) -> OPT | None:
        """Its OPT record, if it has one."""
        return next((each for each in self.additionals if isinstance(each, OPT)), None)

    @property
    def response_code(self) -> int:
        """How it went, with the bits that EDNS adds."""
        edns = self.edns
        return self.rcode | (edns.extended_rcode << 4 if edns else 0)

    def end_of_header(self) -> int:
        walked = self.walked
        return self.message_end if walked.stop is None else walked.begins[4]

    def check(self) -> None:
        stop = self.walked.stop
        if stop is not None:
            if self.packet and any(layer.is_fragment for layer in self.packet.layers):
                return  # the rest is in other fragments
            raise stop
        for name in _SECTIONS:
            for entry in getattr(self, name):
                entry.check()
        trailing = self.message_end - self.walked.begins[4]
        if trailing:
            raise Malformed(self.walked.begins[4], f"{trailing} bytes behind the last record")

    def summary(self) -> str:
        asked = ", ".join(str(question) for question in self.questions)
        if not self.response:
            told = OPCODES.get(self.opcode, f"opcode {self.opcode}") if self.opcode else "query"
            return f"{told} {asked}".rstrip()
        code = self.response_code
        if code:
            return f"response {RCODES.get(code, f'rcode {code}')} {asked}".rstrip()
        answers = ", ".join(str(record) for record in self.answers) or "no answer"
        return f"response {asked}: {answers}" if asked else f"response {answers}"


class DNSLength(Header, title="DNS length", rfc="RFC 1035, section 4.2.2", short="dns", tcp=53):
    """The length of a DNS message, before it wherever it goes over TCP."""

    length = UInt(
        16,
        "Length",
        "Of the message that follows.",
        unit="bytes",
        auto=lambda context: len(context.upper.raw) if context.upper else len(context.payload),
    )

    def next_header(self) -> type[Header] | None:
        return _DNSInStream

    @classmethod
    def recognises(cls, payload: bytes) -> bool:
        """Whether a message begins here; a segment may begin in the middle of one, too."""
        length = int.from_bytes(payload[:2], "big")
        if len(payload) < 2 or length < 12:
            return False
        if len(payload) < 14:
            return True
        operation, reserved = payload[4] >> 3 & 15, payload[5] >> 6 & 1
        counts = [int.from_bytes(payload[at : at + 2], "big") for at in (6, 8, 10, 12)]
        least = 12 + 5 * counts[0] + 11 * sum(counts[1:])
        return operation in OPCODES and not reserved and least <= length

    def summary(self) -> str:
        here = self.limit - self.start - 2
        cut = f" ({here} are here)" if here < self.length else ""
        return f"{self.length} bytes{cut}"


class _DNSInStream(DNS, title="DNS", rfc="RFC 1035, section 4.1", short="dns"):
    """A message over TCP: its length stands before it, and another may follow."""

    @property
    def message_end(self) -> int:
        length = int.from_bytes(self.data[self.start - 2 : self.start], "big")
        return min(self.limit, self.start + max(length, 12)) if self.start >= 2 else self.limit

    @property
    def _is_cut(self) -> bool:
        """Whether the message goes on in the next segment."""
        told = int.from_bytes(self.data[self.start - 2 : self.start], "big")
        return self.start >= 2 and self.start + told > self.limit

    def check(self) -> None:
        if not self._is_cut:
            super().check()

    def next_header(self) -> type[Header] | None:
        return None if self._is_cut else self.beside(DNSLength)
