import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.zone
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netarium.errors import NetariumError
from netarium.services.dns_zones import Zones


def playground(records=("@ MX 10 mail", "smtp CNAME mail"), zone="example.com", **more) -> Zones:
    return Zones(
        forward={
            "isp": ["10.25.1.1"],
            "modemA": ["10.25.1.65", "192.168.1.1"],
            "example.com": ["10.130.1.1"],
            "mail.example.com": ["10.130.1.3", "fd00::3"],
            "mail": ["10.130.1.3", "fd00::3"],
            "www.example.com": ["10.130.1.4"],
            "www": ["10.130.1.4"],
            **more,
        },
        reverse={"10.25.1.65": "modemA", "10.130.1.4": "www.example.com", "fd00::3": "mail"},
        server="backbone",
        zone=zone,
        records=records,
    )


def ask(zones, name, kind="A", *, stream=False, **options) -> dns.message.Message:
    query = dns.message.make_query(name, kind, **options)
    reply = zones.answer(query.to_wire(), stream=stream)
    response = dns.message.from_wire(reply.wire)
    assert query.is_response(response)
    return response


def lines(section) -> list[str]:
    """Records without their TTL, in order of text."""
    return sorted(
        f"{r.name} {dns.rdatatype.to_text(r.rdtype)} {rdata}" for r in section for rdata in r
    )


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("www.example.com", "A", ["www.example.com. A 10.130.1.4"]),
        ("www", "A", ["www. A 10.130.1.4"]),
        ("isp", "A", ["isp. A 10.25.1.1"]),
        ("example.com", "A", ["example.com. A 10.130.1.1"]),
        ("mail.example.com", "AAAA", ["mail.example.com. AAAA fd00::3"]),
        ("example.com", "MX", ["example.com. MX 10 mail.example.com."]),
        ("example.com", "NS", ["example.com. NS backbone."]),
        (".", "NS", [". NS backbone."]),
        ("4.1.130.10.in-addr.arpa", "PTR", ["4.1.130.10.in-addr.arpa. PTR www.example.com."]),
        (
            "smtp.example.com",
            "A",
            ["mail.example.com. A 10.130.1.3", "smtp.example.com. CNAME mail.example.com."],
        ),
        ("smtp.example.com", "CNAME", ["smtp.example.com. CNAME mail.example.com."]),
    ],
)
def test_answer_holds_the_records_asked_for(name, kind, expected):
    response = ask(playground(), name, kind)
    assert response.rcode() == dns.rcode.NOERROR
    assert response.flags & dns.flags.AA
    assert not response.flags & dns.flags.RA
    assert response.flags & dns.flags.RD
    assert lines(response.answer) == expected
    assert not response.authority


@pytest.mark.parametrize(
    ("name", "kind", "rcode", "apex"),
    [
        ("www.example.com", "AAAA", "NOERROR", "example.com."),
        ("www", "MX", "NOERROR", "."),
        ("com", "A", "NOERROR", "."),
        ("130.10.in-addr.arpa", "PTR", "NOERROR", "in-addr.arpa."),
        ("nobody.example.com", "A", "NXDOMAIN", "example.com."),
        ("nobody", "A", "NXDOMAIN", "."),
        ("www.debian.org", "A", "NXDOMAIN", "."),
        ("1.1.168.192.in-addr.arpa", "PTR", "NXDOMAIN", "in-addr.arpa."),
    ],
)
def test_what_is_not_there_comes_with_the_soa_of_its_zone(name, kind, rcode, apex):
    response = ask(playground(), name, kind)
    assert dns.rcode.to_text(response.rcode()) == rcode
    assert response.flags & dns.flags.AA
    assert not response.answer
    [soa] = response.authority
    assert (soa.name.to_text(), soa.rdtype) == (apex, dns.rdatatype.SOA)


def test_alias_to_nowhere_is_nxdomain_with_the_alias():
    response = ask(playground(["a CNAME b"]), "a.example.com")
    assert response.rcode() == dns.rcode.NXDOMAIN
    assert lines(response.answer) == ["a.example.com. CNAME b.example.com."]


def test_loop_of_aliases_ends():
    response = ask(playground(["a CNAME b", "b CNAME a"]), "a.example.com")
    assert response.rcode() == dns.rcode.NOERROR
    assert len(response.answer) == 2


def test_mail_exchanger_comes_with_its_addresses():
    response = ask(playground(), "example.com", "MX")
    assert lines(response.additional) == [
        "mail.example.com. A 10.130.1.3",
        "mail.example.com. AAAA fd00::3",
    ]


def test_any_gives_every_type():
    response = ask(playground(), "example.com", "ANY")
    kinds = {r.rdtype for r in response.answer}
    assert {dns.rdatatype.A, dns.rdatatype.MX, dns.rdatatype.NS, dns.rdatatype.SOA} == kinds


def test_wildcard_covers_only_names_that_do_not_exist():
    zones = playground(["* TXT any", "deep.er TXT here"])
    assert lines(ask(zones, "x.y.example.com", "TXT").answer) == ['x.y.example.com. TXT "any"']
    assert ask(zones, "www.example.com", "TXT").answer == []
    # RFC 4592 2.2.2: er.example.com exists, being above deep.er, so nothing is made up below it.
    assert ask(zones, "er.example.com", "TXT").answer == []
    assert ask(zones, "x.er.example.com", "TXT").rcode() == dns.rcode.NXDOMAIN


def test_spelling_of_the_question_is_kept():
    query = dns.message.make_query("wWw.eXample.Com", "A")
    reply = playground().answer(query.to_wire())
    response = dns.message.from_wire(reply.wire)
    assert response.question[0].name.to_text() == "wWw.eXample.Com."
    assert response.answer[0].name.to_text() == "wWw.eXample.Com."


def test_reverse_name_keeps_its_own_spelling():
    response = ask(playground(), "65.1.25.10.in-addr.arpa", "PTR")
    assert response.answer[0][0].target.to_text() == "modemA."


def test_second_answer_equals_the_first_but_for_its_id():
    zones = playground()
    one, two = (dns.message.make_query("example.com", "MX") for _ in range(2))
    assert zones.answer(one.to_wire()).wire[2:] == zones.answer(two.to_wire()).wire[2:]


def test_edns_version_and_flags():
    with_edns = ask(playground(), "www", use_edns=0, ednsflags=dns.flags.DO)
    assert (with_edns.edns, with_edns.payload) == (0, 1232)
    assert with_edns.ednsflags & dns.flags.DO
    assert ask(playground(), "www", use_edns=False).edns == -1
    assert ask(playground(), "www", use_edns=3).rcode() == dns.rcode.BADVERS


def test_additional_records_go_before_the_answer_does():
    records = [f"@ MX 10 m{i}" for i in range(10)]
    more = {f"m{i}.example.com": [f"10.9.{j}.{i}" for j in range(4)] for i in range(10)}
    response = ask(playground(records, **more), "example.com", "MX", use_edns=False)
    assert (len(response.answer[0]), response.additional) == (10, [])
    assert not response.flags & dns.flags.TC


def test_answer_too_big_for_udp_is_truncated_and_whole_over_tcp():
    zones = playground([f"big TXT {'x' * 200}{i}" for i in range(20)])
    short = ask(zones, "big.example.com", "TXT", use_edns=0, payload=4096)
    assert short.flags & dns.flags.TC
    assert not short.answer
    whole = ask(zones, "big.example.com", "TXT", stream=True)
    assert not whole.flags & dns.flags.TC
    assert len(whole.answer[0]) == 20


def test_size_that_the_client_states_is_respected():
    zones = playground([f"big TXT {'x' * 100}{i}" for i in range(9)])
    for payload, truncated in [(512, True), (700, True), (1232, False)]:
        query = dns.message.make_query("big.example.com", "TXT", use_edns=0, payload=payload)
        wire = zones.answer(query.to_wire()).wire
        assert len(wire) <= payload
        assert bool(dns.message.from_wire(wire).flags & dns.flags.TC) is truncated


def test_transfer_carries_the_whole_zone():
    zones = playground([f"t{i} TXT {'x' * 250}" for i in range(300)])
    query = dns.message.make_query("example.com", "AXFR")
    replies = list(zones.conversation(query.to_wire()))
    assert len(replies) > 1
    records = [
        r for m in replies for r in dns.message.from_wire(m.wire, one_rr_per_rrset=True).answer
    ]
    assert records[0] == records[-1]
    assert records[0].rdtype == dns.rdatatype.SOA
    found = {r.name.to_text() for r in records}
    assert {"t0.example.com.", "t299.example.com.", "www.example.com."} <= found
    assert "isp." not in found


@pytest.mark.parametrize(
    ("name", "kind", "stream", "rcode"),
    [
        ("www.example.com", "AXFR", True, "NOTAUTH"),
        ("example.com", "AXFR", False, "FORMERR"),
        ("example.com", "TKEY", False, "NOTIMP"),
        ("example.com", "MAILB", False, "NOTIMP"),
    ],
)
def test_meta_types_are_refused(name, kind, stream, rcode):
    query = dns.message.make_query(name, kind).to_wire()
    zones = playground()
    reply = next(zones.conversation(query)) if stream else zones.answer(query)
    assert dns.rcode.to_text(dns.message.from_wire(reply.wire).rcode()) == rcode


def test_other_classes_and_operations():
    zones = playground()
    assert ask(zones, "www", rdclass="HS").rcode() == dns.rcode.REFUSED
    who = ask(zones, "id.server", "TXT", rdclass="CH")
    assert lines(who.answer) == ['id.server. TXT "backbone"']
    update = dns.message.make_query("www", "A")
    update.set_opcode(dns.opcode.UPDATE)
    reply = dns.message.from_wire(zones.answer(update.to_wire()).wire)
    assert (reply.rcode(), reply.opcode()) == (dns.rcode.NOTIMP, dns.opcode.UPDATE)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda q: q[:4] + b"\0\0" + q[6:],
        lambda q: q[:4] + b"\0\2" + q[6:],
        lambda q: q[:12] + b"\xc0\x0c" + q[12:],
        lambda q: q[:-3],
        lambda q: q + b"x",
        lambda q: q[:10] + b"\0\1" + q[12:],
    ],
)
def test_garbage_behind_a_header_is_a_format_error(spoil):
    query = spoil(dns.message.make_query("www", "A").to_wire())
    wire = playground().answer(query).wire
    assert wire[:2] == query[:2]
    assert wire[3] & 15 == dns.rcode.FORMERR


def test_silence_towards_responses_and_fragments():
    zones = playground()
    response = zones.answer(dns.message.make_query("www", "A").to_wire()).wire
    assert zones.answer(response) is None
    assert zones.answer(b"short") is None
    assert list(zones.conversation(b"")) == []


ZONES = playground()


@given(st.binary(max_size=300))
def test_any_bytes_get_silence_or_a_message(query):
    for reply in [ZONES.answer(query), *ZONES.conversation(query)]:
        if reply is not None:
            assert reply.wire[:2] == query[:2]
            assert reply.wire[2] & 0x80


@given(st.binary(max_size=40), st.integers(0, 65535), st.integers(0, 65535))
def test_any_question_gets_a_message_that_parses(label, kind, rdclass):
    name = bytes([len(label)]) + label + b"\0" if label else b"\0"
    query = b"\x12\x34\x01\0\0\1\0\0\0\0\0\0" + name
    query += kind.to_bytes(2) + rdclass.to_bytes(2)
    reply = ZONES.answer(query)
    assert dns.message.from_wire(reply.wire).id == 0x1234


@pytest.mark.parametrize(
    ("records", "words"),
    [
        (["smtp CNAM mail"], ["smtp CNAM mail", "CNAM", "zone file"]),
        (["@ MX mail"], ["@ MX mail", "integer"]),
        (["www CNAME mail"], ["www CNAME mail", "CNAME", "www.example.com"]),
        (["a CNAME b", "a CNAME c"], ["second CNAME"]),
        (["x.org. A 10.0.0.1"], ["outside the zone example.com."]),
    ],
)
def test_record_that_cannot_be_is_named(records, words):
    with pytest.raises(NetariumError) as caught:
        playground(records)
    for word in words:
        assert word in str(caught.value)


def test_records_may_state_ttl_class_soa_and_ns():
    zones = playground(
        ["@ 60 IN MX 5 mail", "@ NS ns1", "@ SOA ns1 root 7 1 2 3 4", "_sip._udp SRV 0 0 5060 mail"]
    )
    assert ask(zones, "example.com", "MX").answer[0].ttl == 60
    assert lines(ask(zones, "example.com", "NS").answer) == ["example.com. NS ns1.example.com."]
    assert ask(zones, "example.com", "SOA").answer[0][0].serial == 7
    assert ask(zones, "_sip._udp.example.com", "SRV").additional


def test_lab_without_a_domain_has_its_records_at_the_root():
    zones = playground(["alias CNAME www"], zone=None)
    assert lines(ask(zones, "alias").answer) == ["alias. CNAME www.", "www. A 10.130.1.4"]
