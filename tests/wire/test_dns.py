"""DNS: messages built and read, beside dnspython; names that are made to do harm."""

from __future__ import annotations

import time

import dns.flags
import dns.message
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest

from netarium.wire.applications.dns import DNS, DNSLength, Question
from netarium.wire.applications.dns_edns import OPT, EDNSOption
from netarium.wire.applications.dns_line import dns_line
from netarium.wire.applications.dns_names import name_to_bytes, read_name, text_of
from netarium.wire.applications.dns_records import (
    AAAA,
    CNAME,
    HINFO,
    MX,
    NS,
    PTR,
    SOA,
    TXT,
    A,
    Record,
)
from netarium.wire.applications.dns_security import CAA, DNSKEY, DS, NSEC, NSEC3, RRSIG, TLSA
from netarium.wire.applications.dns_services import HTTPS, NAPTR, SRV, SVCB, ServiceParameter
from netarium.wire.context import REGISTRIES
from netarium.wire.field import FieldError
from netarium.wire.internet.ipv4 import IPv4
from netarium.wire.packet import Packet
from netarium.wire.transport.tcp import TCP
from netarium.wire.transport.udp import UDP

KEY = "AwEAAcw5QLr0IjC0wKbGoBPQv4qmeqHy9mvL5qGQTuaG5TSrNqEAR6b/"

#: Data of each type, as zone files have them.
ZONE = {
    "A": ["192.0.2.1"],
    "AAAA": ["2001:db8::1", "::"],
    "NS": ["ns.example.com."],
    "CNAME": ["web.example.com.", "."],
    "DNAME": ["example.net."],
    "PTR": ["www.example.com."],
    "MX": ["10 mail.example.com.", "0 ."],
    "SOA": ["ns.example.com. admin.example.com. 2024010101 7200 900 1209600 300"],
    "TXT": ['"v=spf1 a -all" "b"', '""', r'"quote \" backslash \\ \195\169 \007"'],
    "SPF": ['"v=spf1 -all"'],
    "HINFO": ['"RFC8482" ""'],
    "RP": ["mail.example.com. txt.example.com."],
    "AFSDB": ["1 afs.example.com."],
    "RT": ["10 relay.example.com."],
    "KX": ["10 kx.example.com."],
    "SRV": ["10 20 5060 sip.example.com."],
    "NAPTR": [r'100 50 "u" "E2U+sip" "!^.*$!sip:a@b.c!" .', '1 2 "" "" "" next.example.'],
    "URI": ['10 1 "https://www.example.com/a?b=c"'],
    "CAA": ['0 issue "ca.example.net; policy=ev"', '128 iodef "mailto:a@example.com"'],
    "DS": ["60485 5 1 2bb183af5f22588179a53b0a98631fad1a292118"],
    "CDS": ["0 0 0 00"],
    "DNSKEY": [f"257 3 8 {KEY}"],
    "CDNSKEY": ["0 3 0 AA=="],
    "RRSIG": [f"A 5 3 86400 20300322173103 20030220173103 2642 example.com. {KEY}"],
    "NSEC": ["host.example.com. A MX RRSIG NSEC TYPE1234", "\\000.example.com. A CAA"],
    "NSEC3": [
        "1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr A RRSIG",
        "1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr",
    ],
    "NSEC3PARAM": ["1 0 12 aabbccdd", "1 0 0 -"],
    "CSYNC": ["66 3 A NS AAAA"],
    "TLSA": ["3 1 1 " + "ab" * 32],
    "SMIMEA": ["3 0 0 0102"],
    "SSHFP": ["4 2 " + "cd" * 32],
    "CERT": ["PKIX 12345 RSASHA256 AQIDBA==", "65280 1 8 AQID"],
    "OPENPGPKEY": ["AQIDBA=="],
    "DHCID": ["AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA="],
    "ZONEMD": ["2018031900 1 1 " + "62" * 48],
    "EUI48": ["00-00-5e-00-53-2a"],
    "EUI64": ["00-00-5e-ef-10-00-00-2a"],
    "SVCB": [
        "0 foo.example.com.",
        '1 . mandatory="alpn" alpn="h2,http/1.1" no-default-alpn port="8443"',
        '16 svc.example. ipv4hint="192.0.2.1,192.0.2.2" ipv6hint="2001:db8::1" key667="hello"',
    ],
    "HTTPS": ['1 . alpn="h3"'],
    "TYPE65280": [r"\# 4 0a000001", r"\# 0"],
}


def _wire(kind: str, text: str) -> tuple[bytes, str]:
    """A response with this record, made by dnspython, and the text that it has for its data."""
    number = dns.rdatatype.from_text(kind)
    data = dns.rdata.from_text(dns.rdataclass.IN, number, text)
    message = dns.message.make_response(dns.message.make_query("www.example.com", kind))
    message.answer.append(dns.rrset.from_rdata("www.example.com.", 300, data))
    return message.to_wire(), data.to_text()


def _plain(text: str) -> str:
    """Without the spaces that only fold long lines."""
    return "".join(text.split())


@pytest.mark.parametrize("kind", ZONE)
def test_data_are_read_as_dnspython_reads_them(kind: str) -> None:
    for text in ZONE[kind]:
        raw, expected = _wire(kind, text)
        message = DNS.view(raw)
        message.check()
        (record,) = message.answers
        assert type(record) is REGISTRIES["dns"].get(record.type, Record), kind
        assert _plain(record.rdata()) == _plain(expected)
        assert (record.name, record.ttl, record.rclass) == ("www.example.com", 300, 1)


def test_every_type_that_is_declared_is_tested() -> None:
    declared = {kind.title for kind in REGISTRIES["dns"].values() if issubclass(kind, Record)}
    assert declared - set(ZONE) == {"Mailbox name", "TSIG"}


#: A record of each form, built here, and what dnspython shall read.
BUILT = [
    (A("a.example", "192.0.2.1", ttl=60), "192.0.2.1"),
    (AAAA("a.example", address="2001:db8::1"), "2001:db8::1"),
    (CNAME("a.example", "b.example"), "b.example."),
    (NS("a.example", "ns.a.example"), "ns.a.example."),
    (PTR("a.example", "b.example"), "b.example."),
    (MX("a.example", 10, "mail.a.example"), "10 mail.a.example."),
    (SOA("a.example", "ns.a.example", "x.a.example", 1, 2, 3, 4, 5), None),
    (TXT("a.example", ["one", "two"]), '"one" "two"'),
    (HINFO("a.example", "cpu", "os"), '"cpu" "os"'),
    (SRV("a.example", 1, 2, 3, "b.example"), "1 2 3 b.example."),
    (NAPTR("a.example", 1, 2, "u", "sip", "!a!b!", "."), '1 2 "u" "sip" "!a!b!" .'),
    (CAA("a.example", 0, "issue", "ca.example"), '0 issue "ca.example"'),
    (DS("a.example", 1, 8, 2, bytes(32)), "1 8 2 " + "00" * 32),
    (DNSKEY("a.example", "ZONE SEP", 3, 8, b"key"), "257 3 8 a2V5"),
    (RRSIG("a.example", "A", 8, 2, 60, 2_000_000_000, 0, 7, "a.example", b"x"), None),
    (NSEC("a.example", "b.a.example", ["A", "MX", 1234]), "b.a.example. A MX TYPE1234"),
    (
        NSEC3("a.example", 1, 0, 5, salt=b"\xab", next_hash=bytes(20), types=["A"]),
        "1 0 5 ab " + "0" * 32 + " A",
    ),
    (TLSA("a.example", 3, 1, 1, bytes(32)), "3 1 1 " + "00" * 32),
    (
        HTTPS(
            "a.example",
            1,
            ".",
            [ServiceParameter(1, b"\x02h2"), ServiceParameter("port", b"\1\xbb")],
        ),
        '1 . alpn="h2" port="443"',
    ),
    (SVCB("a.example", 0, "b.example"), "0 b.example."),
    (Record("a.example", type=65280, rest=b"\x01\x02"), r"\# 2 0102"),
]


@pytest.mark.parametrize(("record", "text"), BUILT, ids=[str(each.type) for each, _ in BUILT])
def test_dnspython_reads_what_is_built(record: Record, text: str | None) -> None:
    built = DNS(response=1, questions=[Question("a.example")], answers=[record])
    theirs = dns.message.from_wire(built.raw)
    (rrset,) = theirs.answer
    assert rrset[0].to_text() == (text or rrset[0].to_text())
    assert (rrset.ttl, rrset.name.to_text()) == (record.ttl, "a.example.")
    (read,) = DNS.view(built.raw).answers
    assert _plain(read.rdata()) == _plain(rrset[0].to_text())
    assert read.raw[:2] == b"\xc0\x0c"  # the name stands in the question already


def test_a_query_is_built_as_dnspython_builds_it() -> None:
    query = DNS(id=7, questions=[Question("www.example.com", "A")])
    theirs = dns.message.make_query("www.example.com", "A", id=7, flags=dns.flags.RD)
    assert query.raw == theirs.to_wire()
    signed = DNS(id=7, questions=[Question("www.example.com")], additionals=[OPT(flags="DO")])
    theirs.use_edns(0, ednsflags=dns.flags.DO, payload=1232)
    assert signed.raw == theirs.to_wire()


def test_names_are_compressed_as_dnspython_compresses_them() -> None:
    theirs = dns.message.from_text(
        "id 1\nopcode QUERY\nrcode NOERROR\nflags QR RD\n;QUESTION\nwww.example.com. IN A\n"
        ";ANSWER\nwww.example.com. 60 IN CNAME web.example.com.\n"
        "web.example.com. 60 IN A 192.0.2.1\n"
        ";AUTHORITY\nexample.com. 60 IN NS ns.example.com.\ncom. 60 IN NS ns.com.\n"
    )
    mine = DNS(
        id=1,
        response=1,
        questions=[Question("www.example.com")],
        answers=[
            CNAME("www.example.com", "web.example.com", ttl=60),
            A("web.example.com", "192.0.2.1", ttl=60),
        ],
        authorities=[
            NS("example.com", "ns.example.com", ttl=60),
            NS("com", "ns.com", ttl=60),
        ],
    )
    assert mine.raw == theirs.to_wire()


def test_names_beyond_the_reach_of_pointers_are_written_out() -> None:
    long = [TXT("example.com", ["x" * 255] * 65)]
    late = DNS(response=1, answers=[*long, CNAME("far.example.org", "a.far.example.org")])
    far = late.answers[1]
    assert late.walked.entries[1][1][1] > 0x4000
    assert (far.name, far.target) == ("far.example.org", "a.far.example.org")
    assert len(dns.message.from_wire(late.raw).answer) == 2


def test_parts_stand_at_their_bits() -> None:
    message = DNS.view(_wire("MX", "10 mail.example.com.")[0])
    shown = {each.name: each for each in message.fields()}
    assert (shown["rcode"].bit, shown["rcode"].bits) == (28, 4)
    (question,) = shown["questions"].parts
    (answer,) = shown["answers"].parts
    assert question.bit == 96
    assert answer.bit == question.bit + question.bits
    fields = {each.name: each for each in answer.parts}
    assert sum(each.bits for each in answer.parts) == answer.bits
    assert fields["name"].bits == 16  # a pointer
    assert fields["exchange"].bits == 8 * (1 + len("mail") + 2)
    assert fields["preference"].value == 10


def test_other_fields_may_change_and_sections_stay_byte_for_byte() -> None:
    # As another would not have built it: the pointer could have been to an earlier place.
    raw = bytes.fromhex("00018180 0001 0002 0000 0000") + b"\1a\2bc\0\0\1\0\1"
    record = b"\0\1\0\1\0\0\0\1\0\4\1\2\3\4"
    raw += b"\1a\2bc\0" + record + b"\xc0\x16" + record + b"tail"
    message = DNS.view(raw)
    message.id = 9
    assert message.raw == b"\0\x09" + raw[2:]
    message.answers = message.answers[1:]
    assert message.raw[:12] == bytes.fromhex("00098180 0001 0001 0000 0000")
    assert message.answers[0].name == "a.bc"
    assert message.trailing == b"tail"


def test_a_record_leaves_its_message_with_whole_names() -> None:
    record = DNS.view(_wire("MX", "10 mail.example.com.")[0]).answers[0].copy()
    assert record.raw.startswith(b"\3www\7example\3com\0")
    assert (record.name, record.exchange) == ("www.example.com", "mail.example.com")
    moved = DNS(response=1, answers=[record])
    assert dns.message.from_wire(moved.raw).answer[0][0].to_text() == "10 mail.example.com."


# --- names --------------------------------------------------------------------------------


def _labels(*octets: bytes) -> bytes:
    return b"".join(bytes([len(each)]) + each for each in octets) + b"\0"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (_labels(), "."),
        (_labels(b"a", b"b"), "a.b"),
        (_labels(b"a.b", b"c\\d"), r"a\.b.c\\d"),
        (_labels(b"\x00\xff ", b"example"), r"\000\255\032.example"),
        (_labels(b"\x1b[31m", b"x"), r"\027[31m.x"),
        (_labels("Büro".encode(), b"local"), "Büro.local"),
        (_labels(b"Mein Drucker", b"_ipp", b"_tcp", b"local"), r"Mein\032Drucker._ipp._tcp.local"),
        (_labels("Büro".encode(), b"example"), r"B\195\188ro.example"),
    ],
)
def test_names_as_text_and_back(raw: bytes, text: str) -> None:
    assert text_of(read_name(raw, 0, 0, len(raw))) == text
    assert _labels(*name_to_bytes(text)) == raw
    assert text.isprintable()


def test_letters_beyond_ascii_become_punycode() -> None:
    assert name_to_bytes("bücher.example") == [b"xn--bcher-kva", b"example"]


@pytest.mark.parametrize("bad", ["a..b", ".a", "x" * 64 + ".example", ".".join(["x" * 60] * 5)])
def test_names_that_cannot_be_are_refused(bad: str) -> None:
    with pytest.raises(FieldError):
        Question(bad)


HOSTILE = {
    "a loop of one": b"\xc0\x0c",
    "a loop of two": b"\xc0\x0e\xc0\x0c",
    "a pointer forward": b"\xc0\x14" + bytes(8),
    "a pointer outside": b"\xff\xff",
    "a pointer cut off": b"\xc0",
    "a label cut off": b"\x05ab",
    "a label of an unknown type": b"\x80ab\0",
    "a name without an end": b"\1a" * 200,
}


@pytest.mark.parametrize("how", HOSTILE)
def test_hostile_names_are_told_and_bounded(how: str) -> None:
    raw = bytes.fromhex("00018180 0001 0000 0000 0000") + HOSTILE[how] + b"\0\1\0\1"
    packet = Packet.parse((IPv4() / UDP(dport=53) / raw).data, 101)
    assert packet.stop is not None
    assert packet.stop.layer == "DNS"
    for layer in packet.layers:
        str(layer)
        tuple(layer.fields())


def test_many_pointers_to_pointers_cost_little() -> None:
    pointers = [0xC00C + 3 + 2 * n for n in range(8000)]
    chain = b"\1a\0" + b"\xc0\x0c" + b"".join(each.to_bytes(2, "big") for each in pointers)
    raw = bytes.fromhex("00018180 0000 0fa0 0000 0000") + chain
    began = time.perf_counter()
    message = DNS.view(raw)
    for record in message.answers:
        record.summary()
    assert time.perf_counter() - began < 2


def test_counts_that_lie_yield_what_is_there() -> None:
    raw = bytes.fromhex("00018180 0001 ffff ffff ffff") + _labels(b"a") + b"\0\1\0\1"
    raw += b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\1\2\3\4"
    message = DNS.view(raw)
    assert [each.address for each in message.answers] == ["1.2.3.4"]
    assert message.walked.stop is not None
    assert "answers, 2 of 65535" in message.walked.stop.why


def test_short_data_are_told() -> None:
    raw = bytes.fromhex("00018180 0000 0001 0000 0000") + b"\0\0\1\0\1\0\0\0\1\0\2\1\2"
    packet = Packet.parse((IPv4() / UDP(sport=53) / raw).data, 101)
    assert "A record ends before its ADDRESS" in str(packet.stop)


# --- transports ---------------------------------------------------------------------------


def _over_tcp(payload: bytes) -> Packet:
    return Packet.parse((IPv4() / TCP(dport=53) / payload).data, 101)


def test_several_messages_in_a_segment_and_a_part_of_one() -> None:
    query = DNS(questions=[Question("a.b")]).raw
    whole = len(query).to_bytes(2, "big") + query
    packet = _over_tcp(whole + whole + whole[:20])
    messages = [layer for layer in packet.layers if isinstance(layer, DNS)]
    assert [len(each.questions) for each in messages] == [1, 1, 0]
    assert [each.length for each in packet.layers if isinstance(each, DNSLength)] == [21] * 3
    assert packet.stop is None  # the rest is in the next segment
    assert packet.layers[-1].title == "Payload"


def test_a_segment_that_begins_in_the_middle_of_a_message_is_left_alone() -> None:
    answers = [TXT("example.com", ["x" * 200]) for _ in range(20)]
    whole = DNS(response=1, questions=[Question("example.com", "TXT")], answers=answers).raw
    stream = len(whole).to_bytes(2, "big") + whole
    first = _over_tcp(stream[:1400])
    assert len(first[DNS].answers) == 6
    assert first.stop is None
    for at in (200, 1400, 2001, len(stream) - 30):
        assert DNS not in _over_tcp(stream[at:]), at
    assert DNSLength in _over_tcp(stream[:2])


def test_the_first_fragment_of_a_message_is_no_mistake() -> None:
    raw = DNS(response=1, answers=[TXT("a", ["x" * 200]) for _ in range(10)]).raw
    first = IPv4(flags="MF") / UDP(sport=53, length=8 + len(raw)) / raw[:1000]
    packet = Packet.parse(first.data, 101)
    assert len(packet[DNS].answers) == 4
    assert packet.stop is None


def test_the_length_is_made() -> None:
    packet = TCP(dport=53) / DNSLength() / DNS(questions=[Question("a.b")])
    assert packet[DNSLength].length == len(packet[DNS].raw) == 21


def test_multicast_dns_and_edns_are_told_in_words() -> None:
    answer = DNS(response=1, answers=[A("h.local", "10.0.0.1", rclass=0x8001)])
    (record,) = (each for each in answer.fields() if each.name == "answers")
    assert "older answers shall be forgotten" in str(record.parts[0].parts[2].text)
    question = DNS(questions=[Question("h.local", "A", 0x8001)])
    packet = IPv4() / UDP(sport=5353, dport=5353) / question
    assert dns_line(packet[DNS]) == "0+ A (QU)? h.local. (25)"
    options = [
        EDNSOption("COOKIE", bytes(8)),
        EDNSOption("ECS", bytes.fromhex("0001 18 00 c00002")),
        EDNSOption("EDE", b"\0\x16unreachable"),
        EDNSOption("KEEPALIVE", b"\0\x64"),
    ]
    edns = OPT(flags="DO", options=options)
    assert edns.summary() == (
        "OPT version 0 DO, 1232 bytes, COOKIE 0000000000000000, ECS 192.0.2.0/24/0, "
        "EDE 22 (No Reachable Authority) unreachable, KEEPALIVE 10 s"
    )
    bad = DNS(response=1, rcode=7, additionals=[OPT(extended_rcode=1)])
    assert bad.response_code == 23
    assert "BADCOOKIE" in bad.summary()
