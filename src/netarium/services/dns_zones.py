"""What a lab's name server knows, and the answer to each query: bytes in, bytes out, no I/O.

The server is the only one of its world, so it has authority over every name:
the root (where the bare names ``www.`` and ``h1.`` live), the lab's own zone, and
the reverse zones. It answers from data alone and asks nobody (RFC 1034 4.3.1,
without recursion).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.reversename
import dns.rrset
import dns.zonefile
from dns.name import Name
from dns.rcode import Rcode
from dns.rdatatype import RdataType
from dns.rrset import RRset

from netarium.errors import NetariumError
from netarium.services.dns_query import EDNS_SIZE, HEADER, Malformed, Query, read_query

__all__ = ["Reply", "Zones"]

#: Seconds that a client may keep an answer. Short, because a student changes names and looks again.
TTL = 300

_IN = dns.rdataclass.IN
_CHAOS = dns.rdataclass.CH
_ROOT = dns.name.root
_REVERSE = (dns.name.from_text("in-addr.arpa."), dns.name.from_text("ip6.arpa."))
_ADDRESSES = (RdataType.A, RdataType.AAAA)
_TRANSFERS = (RdataType.AXFR, RdataType.IXFR)
_QR, _AA, _TC, _RD = 0x8000, 0x0400, 0x0200, 0x0100
_CACHED_ANSWERS = 8192
# Bytes of records in one message of a transfer, about.
_TRANSFER_SIZE = 16384


class Reply(NamedTuple):
    """An answer as it goes out, and what the log says of it (``www.example.com. A NOERROR``)."""

    wire: bytes
    text: str


class _Answer(NamedTuple):
    """An answer without what differs from query to query.

    ``tail`` is all that follows the question; its compression pointers reach at
    most into the question, whose length the key of the cache fixes. ``core`` is
    the length of ``tail`` without the additional section.
    """

    flags: int
    counts: tuple[int, int, int]
    tail: bytes
    core: int
    text: str


class Zones:
    """Every name of a lab, ready to be asked for.

    Args:
        forward: name -> addresses. Names of one label are names of the root.
        reverse: address -> the name that it has.
        server: name of this server: the NS of every zone, and the answer to ``id.server``.
        zone: the domain that ``records`` are relative to; None is the root.
        records: zone-file lines (RFC 1035 5.1), each complete in itself.

    Raises:
        NetariumError: a record that cannot be read, or that contradicts another.
    """

    def __init__(
        self,
        *,
        forward: Mapping[str, Iterable[str]],
        reverse: Mapping[str, str],
        server: str,
        zone: str | None = None,
        records: Sequence[str] = (),
    ) -> None:
        self._names: dict[Name, dict[RdataType, RRset]] = {}
        self._cache: dict[tuple[bytes, int, int], _Answer] = {}
        self._server = server.rstrip(".")
        self.zone = _name(zone) if zone else _ROOT
        self._apexes = {_ROOT, self.zone, *_REVERSE}
        for name, addresses in forward.items():
            for address in addresses:
                kind = "A" if ipaddress.ip_address(address).version == 4 else "AAAA"
                self._add(dns.rrset.from_text(_name(name), TTL, "IN", kind, address), name)
        for address, name in reverse.items():
            pointer = dns.reversename.from_address(address)
            self._add(dns.rrset.from_text(pointer, TTL, "IN", "PTR", _name(name).to_text()), name)
        for line in records:
            self._add_line(line)
        for apex in self._apexes:
            self._complete(apex)
        for owner in list(self._names):
            # RFC 4592 2.2.2: a name above an existing one exists, though it is empty.
            while owner != _ROOT:
                owner = owner.parent()
                self._names.setdefault(owner, {})

    def _add_line(self, line: str) -> None:
        try:
            found = dns.zonefile.read_rrsets(
                line, rdclass=None, origin=self.zone, default_ttl=TTL, relativize=False
            )
        except dns.exception.DNSException as error:
            reason = str(error).removeprefix("<input>:").partition(":")[2].strip() or str(error)
            raise NetariumError(
                f"the DNS record {line!r} cannot be read: {reason}",
                'Write it as in a zone file, relative to the zone: "smtp CNAME mail", '
                '"@ MX 10 mail".',
            ) from error
        if not found and line.split(";")[0].strip():
            # The parser drops what lies outside the origin without a word.
            raise NetariumError(
                f"the DNS record {line!r} lies outside the zone {self.zone}",
                "Write names of this zone only; a name without a final dot is relative to it.",
            )
        for rrset in found:
            self._add(rrset, line)

    def _add(self, rrset: RRset, origin: str) -> None:
        kinds = self._names.setdefault(rrset.name, {})
        if kinds and (rrset.rdtype == RdataType.CNAME) != (RdataType.CNAME in kinds):
            raise NetariumError(
                f"the DNS record {origin!r} contradicts another: a name with a CNAME "
                f"has no other record, and {rrset.name} has both",
                "Give the alias a name of its own.",
            )
        if rrset.rdtype in (RdataType.CNAME, RdataType.SOA) and rrset.rdtype in kinds:
            kind = dns.rdatatype.to_text(rrset.rdtype)
            raise NetariumError(
                f"the DNS record {origin!r} gives {rrset.name} a second {kind}",
                "Keep one of them.",
            )
        known = kinds.setdefault(rrset.rdtype, RRset(rrset.name, _IN, rrset.rdtype))
        for rdata in rrset:
            known.add(rdata, rrset.ttl)

    def _complete(self, apex: Name) -> None:
        """Give a zone the SOA and NS that it must have (RFC 1035 5.2), unless records do."""
        kinds = self._names.setdefault(apex, {})
        server = _name(self._server)
        mailbox = Name((b"hostmaster", *(self.zone if apex in _REVERSE else apex).labels))
        if RdataType.NS not in kinds:
            kinds[RdataType.NS] = dns.rrset.from_rdata(
                apex, TTL, dns.rdata.from_text("IN", "NS", server.to_text())
            )
        if RdataType.SOA not in kinds:
            text = f"{server} {mailbox} 1 3600 600 604800 {TTL}"
            kinds[RdataType.SOA] = dns.rrset.from_rdata(
                apex, TTL, dns.rdata.from_text("IN", "SOA", text)
            )

    def answer(self, query: bytes, *, stream: bool = False) -> Reply | None:
        """The reply to one query.

        Args:
            query: a DNS message as it arrived, possibly nonsense.
            stream: it came over TCP, so that a reply may have up to 65,535 bytes.

        Returns:
            None where silence is right: less than a header, or itself a response.
        """
        if len(query) < HEADER.size or query[2] & 0x80:
            return None
        try:
            asked = read_query(query)
        except Malformed as fault:
            return Reply(_header_only(query, fault.rcode), f"- - {fault.rcode.name}")
        limit = 65535 if stream else min(max(512, asked.payload or 512), EDNS_SIZE)
        if asked.version:
            answer = _Answer(0, (0, 0, 0), b"", 0, "- OPT BADVERS")
            return _assemble(query, asked, answer, limit, Rcode.BADVERS)
        if asked.kind == RdataType.AXFR and not stream:
            # RFC 5936 4.2: AXFR is defined for TCP alone.
            return Reply(_header_only(query, Rcode.FORMERR), "- AXFR FORMERR")
        key = (asked.name, asked.kind, asked.rdclass)
        known = self._cache.get(key)
        if known is None:
            if len(self._cache) >= _CACHED_ANSWERS:
                self._cache.clear()
            known = self._cache[key] = self._find(asked)
        return _assemble(query, asked, known, limit)

    def conversation(self, query: bytes) -> Iterator[Reply]:
        """Every reply to one query over TCP: one, or the many of a zone transfer (RFC 5936)."""
        try:
            asked = read_query(query)
            apex = _decode(asked.name)
            transfer = asked.kind in _TRANSFERS and asked.rdclass == _IN and not asked.version
        except Malformed:
            transfer = False
        if not transfer or apex not in self._apexes:
            reply = self.answer(query, stream=True)
            if reply:
                yield reply
            return
        kind = RdataType.make(asked.kind).name
        for batch in self._transfer(apex):
            message = _response(asked, _AA)
            message.answer = batch
            wire = message.to_wire(max_size=65535)[12 + len(asked.name) + 4 :]
            count = sum(map(len, batch))
            answer = _Answer(_AA, (count, 0, 0), wire, len(wire), f"{apex} {kind} NOERROR")
            yield _assemble(query, asked, answer, 65535)

    def _transfer(self, apex: Name) -> Iterator[list[RRset]]:
        """A zone's records between two copies of its SOA, in batches."""
        soa = self._names[apex][RdataType.SOA]
        batch, size = [soa], 0
        for name in sorted(n for n in self._names if self._apex(n) == apex):
            for rrset in self._names[name].values():
                if rrset is soa:
                    continue
                grown = sum(len(name.to_text()) + 12 + len(r.to_digestable()) for r in rrset)
                if size + grown > _TRANSFER_SIZE:
                    yield batch
                    batch, size = [], 0
                batch.append(rrset)
                size += grown
        yield [*batch, _renamed(soa, apex)]

    def _find(self, asked: Query) -> _Answer:
        """Look a question up (RFC 1034 4.3.2) and encode what is found."""
        name = _decode(asked.name)
        kind = RdataType.make(asked.kind)
        if asked.rdclass == _CHAOS:
            return self._about_server(asked, name, kind)
        if asked.rdclass not in (_IN, dns.rdataclass.ANY):
            return _encode(asked, name, Rcode.REFUSED, 0)
        if kind in _TRANSFERS:
            # Over UDP a transfer is answered by the SOA (RFC 1995 2); elsewhere there is none.
            if name not in self._apexes:
                return _encode(asked, name, Rcode.NOTAUTH, 0)
            kind = RdataType.SOA
        elif 128 <= kind < 255:
            return _encode(asked, name, Rcode.NOTIMP, 0)
        answer: list[RRset] = []
        seen: set[Name] = set()
        while True:
            kinds = self._at(name)
            alias = (kinds or {}).get(RdataType.CNAME)
            if alias is None or kind in (RdataType.CNAME, RdataType.ANY) or name in seen:
                break
            # A loop of aliases ends where it closes: what was found so far is the answer.
            seen.add(name)
            answer.append(alias)
            name = alias[0].target
        # RFC 6604 3: the code is that of the last name of the chain.
        rcode = Rcode.NXDOMAIN if kinds is None else Rcode.NOERROR
        found = [r for t, r in (kinds or {}).items() if kind in (t, RdataType.ANY)]
        authority = []
        if name not in seen:
            answer += found
            if not found:
                authority = [self._names[self._apex(name)][RdataType.SOA]]
        additional = self._addresses_for(answer)
        return _encode(asked, _decode(asked.name), rcode, _AA, answer, authority, additional)

    def _at(self, name: Name) -> dict[RdataType, RRset] | None:
        """The records of a name, made from a wildcard if need be; None if it does not exist."""
        found = self._names.get(name)
        if found is not None:
            return found
        encloser = name
        while encloser not in self._names:
            encloser = encloser.parent()
        wild = self._names.get(Name((b"*", *encloser.labels)))
        if wild is None:
            return None
        return {kind: _renamed(rrset, name) for kind, rrset in wild.items()}

    def _apex(self, name: Name) -> Name:
        """The top of the zone that a name belongs to."""
        while name not in self._apexes:
            name = name.parent()
        return name

    def _addresses_for(self, answer: Sequence[RRset]) -> list[RRset]:
        """What the asker will want next: addresses of mail, name and other servers."""
        targets: dict[Name, None] = {}
        for rrset in answer:
            for rdata in rrset:
                target = getattr(rdata, "exchange", None) or getattr(rdata, "target", None)
                if rrset.rdtype in (RdataType.MX, RdataType.NS, RdataType.SRV) and target:
                    targets[target] = None
        given = {(r.name, r.rdtype) for r in answer}
        found = (self._names.get(t, {}).get(k) for t in targets for k in _ADDRESSES)
        return [r for r in found if r is not None and (r.name, r.rdtype) not in given]

    def _about_server(self, asked: Query, name: Name, kind: RdataType) -> _Answer:
        """Who answers (RFC 4892): ``id.server`` and ``version.bind``, class CHAOS, type TXT."""
        values = {
            b"id.server": self._server,
            b"hostname.bind": self._server,
            b"version.bind": "netarium",
            b"version.server": "netarium",
        }
        value = values.get(b".".join(name.labels[:-1]).lower())
        if value is None or kind not in (RdataType.TXT, RdataType.ANY):
            return _encode(asked, name, Rcode.REFUSED, 0)
        return _encode(
            asked, name, Rcode.NOERROR, _AA, [dns.rrset.from_text(name, 0, "CH", "TXT", value)]
        )


def _name(text: str) -> Name:
    try:
        return dns.name.from_text(text)
    except dns.exception.DNSException as error:
        raise NetariumError(
            f"{text!r} is not a name that the DNS can hold: {error}",
            "Use labels of 1 to 63 characters, joined by dots, 255 in all.",
        ) from error


def _renamed(rrset: RRset, name: Name) -> RRset:
    return dns.rrset.from_rdata_list(name, rrset.ttl, list(rrset))


def _decode(wire: bytes) -> Name:
    return dns.name.from_wire(wire, 0)[0]


def _response(asked: Query, flags: int) -> dns.message.Message:
    message = dns.message.Message(id=0)
    message.flags = dns.flags.Flag(flags | _QR)
    message.question = [
        RRset(
            _decode(asked.name),
            dns.rdataclass.RdataClass.make(asked.rdclass),
            RdataType.make(asked.kind),
        )
    ]
    return message


def _encode(
    asked: Query,
    name: Name,
    rcode: Rcode,
    flags: int,
    answer: Sequence[RRset] = (),
    authority: Sequence[RRset] = (),
    additional: Sequence[RRset] = (),
) -> _Answer:
    message = _response(asked, flags)
    message.answer, message.authority = list(answer), list(authority)
    text = f"{name} {dns.rdatatype.to_text(RdataType.make(asked.kind))} {rcode.name}"
    start = HEADER.size + len(asked.name) + 4
    counts = [sum(map(len, section)) for section in (answer, authority, additional)]
    try:
        core = len(message.to_wire(max_size=65535)) - start
        message.additional = list(additional)
        tail = message.to_wire(max_size=65535)[start:]
    except dns.exception.TooBig:
        # More than even TCP can carry. SERVFAIL is all that is left to say.
        return _Answer(Rcode.SERVFAIL, (0, 0, 0), b"", 0, text.replace(rcode.name, "SERVFAIL"))
    return _Answer(flags | rcode, (counts[0], counts[1], counts[2]), tail, core, text)


def _assemble(
    query: bytes, asked: Query, answer: _Answer, limit: int, rcode: Rcode | None = None
) -> Reply:
    """Join header, the question as it was spelt, and the answer, within ``limit`` bytes."""
    end = HEADER.size + len(asked.name) + 4
    edns = asked.edns(int(rcode or 0) >> 4)
    flags = _QR | (asked.flags & _RD) | answer.flags
    counts, tail = answer.counts, answer.tail
    if end + len(tail) + len(edns) > limit:
        # RFC 2181 9: additional records may go without a word, others may not.
        tail, counts = tail[: answer.core], (*counts[:2], 0)
        if end + len(tail) + len(edns) > limit:
            tail, counts, flags = b"", (0, 0, 0), flags | _TC
    header = HEADER.pack(asked.id, flags, 1, counts[0], counts[1], counts[2] + bool(edns))
    return Reply(header + query[HEADER.size : end] + tail + edns, answer.text)


def _header_only(query: bytes, rcode: Rcode) -> bytes:
    flags = _QR | (int.from_bytes(query[2:4]) & (0x7800 | _RD)) | rcode
    return HEADER.pack(int.from_bytes(query[:2]), flags, 0, 0, 0, 0)
