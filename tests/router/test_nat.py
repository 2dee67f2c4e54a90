"""The NAT behaves as RFC 4787, RFC 5382 and RFC 5508 have it, in each of its combinations."""

from __future__ import annotations

import struct

import pytest

from netarium.errors import NetariumError
from netarium.router.nat_settings import BEHAVIOURS, NATSettings, PortForward
from netarium.router.packets import icmp
from netarium.router.reasons import Reason
from netarium.wire.checksum import internet_checksum
from tests.router.making import echo4, ether, ip, tcp, udp, v4
from tests.router.natting import (
    EXTERNAL,
    GATEWAY_MAC,
    HOST_MAC,
    INSIDE_MAC,
    OUTSIDE_MAC,
    ends,
    inward,
    nat_router,
    outward,
    text,
)

IN, S1, S2 = "10.0.0.2", "198.51.100.1", "198.51.100.2"
MAKERS = {"udp": (17, udp), "tcp": (6, tcp)}


def packet(protocol: str, src: str, sport: int, dst: str, dport: int, **more) -> bytes:
    number, make = MAKERS[protocol]
    return v4(src, dst, number, make(src, dst, sport, dport, **more))


def port_for(made, protocol: str, dst: str, dport: int, sport: int = 4000) -> int:
    (out,) = outward(made, packet(protocol, IN, sport, dst, dport))
    source, port, destination, there = ends(out)
    assert (source, destination, there) == (EXTERNAL, dst, dport)
    return port


def comes_in(made, protocol: str, src: str, sport: int, port: int) -> bool:
    found = inward(made, packet(protocol, src, sport, EXTERNAL, port))
    for each in found:
        assert ends(each) == (src, sport, IN, 4000)
    return bool(found)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("filtering", BEHAVIOURS)
@pytest.mark.parametrize("mapping", BEHAVIOURS)
@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_mapping_and_filtering(protocol, mapping, filtering, fast):
    made = nat_router(mapping=mapping, filtering=filtering, fast=fast)
    port = port_for(made, protocol, S1, 1000)
    assert port == 4000, "a free port is kept"
    assert port_for(made, protocol, S1, 1000) == port, "the same flow, the same mapping"
    other_port, other_host = port_for(made, protocol, S1, 1001), port_for(made, protocol, S2, 1000)
    depends = BEHAVIOURS.index(mapping)
    assert (other_port == port) == (depends < 2)
    assert (other_host == port) == (depends < 1)
    strict = BEHAVIOURS.index(filtering)
    assert comes_in(made, protocol, S1, 1000, port)
    assert comes_in(made, protocol, S1, 9, port) == (strict < 2)
    assert comes_in(made, protocol, "198.51.100.99", 9, port) == (strict < 1)


def test_a_port_that_is_taken_gives_one_of_the_same_parity():
    made = nat_router()
    assert port_for(made, "udp", S1, 53, 4001) == 4001
    frame = ether(INSIDE_MAC, HOST_MAC, packet("udp", "10.0.0.3", 4001, S1, 53))
    (out,) = made.frame(frame, 0, 3.0)
    port = ends(out.frame[14:])[1]
    assert port != 4001 and port % 2 == 1 and port >= 1024
    frame = ether(INSIDE_MAC, HOST_MAC, packet("udp", "10.0.0.4", 4001, S1, 53))
    assert ends(made.frame(frame, 0, 3.0)[0].frame[14:])[1] not in (4001, port)


def test_well_known_ports_stay_among_themselves():
    made = nat_router()
    assert port_for(made, "udp", S1, 53, 500) == 500
    frame = ether(INSIDE_MAC, HOST_MAC, packet("udp", "10.0.0.3", 500, S1, 53))
    assert ends(made.frame(frame, 0, 3.0)[0].frame[14:])[1] < 1024


def test_ports_run_out():
    made = nat_router(ports=(5000, 5003), port_parity=False)
    used = set()
    for host in range(2, 9):
        src = f"10.0.0.{host}"
        verdict, out = made.why(
            ether(INSIDE_MAC, HOST_MAC, packet("udp", src, 4000, S1, 53)), 0, 3.0
        )
        if verdict == Reason.NAT_FULL:
            assert not out
            break
        used.add(ends(out[0].frame[14:])[1])
    assert used == {4000, 5000, 5001, 5002, 5003}


@pytest.mark.parametrize("fast", [False, True])
def test_udp_mappings_end_after_their_time(fast):
    made = nat_router(fast=fast)
    port_for(made, "udp", S1, 1000)
    arriving = packet("udp", S1, 1000, EXTERNAL, 4000)
    assert inward(made, arriving, 302.9), "within 300 s"
    assert inward(made, arriving, 602.8), "what comes in keeps it alive"
    assert not inward(made, arriving, 902.9)
    made.tick(made.next_timer() or 0)
    assert made.show("nat") == []


def test_without_inbound_refresh_only_the_inside_keeps_it_alive():
    made = nat_router(inbound_refresh=False)
    port_for(made, "udp", S1, 1000)
    arriving = packet("udp", S1, 1000, EXTERNAL, 4000)
    assert inward(made, arriving, 300.0)
    assert not inward(made, arriving, 304.0)


def test_tcp_lives_long_once_established_and_short_once_closed():
    made = nat_router(filtering=BEHAVIOURS[2])
    there, back = (IN, 4000, S1, 80), (S1, 80, EXTERNAL, 4000)

    def out(flags: int, now: float) -> bool:
        return bool(outward(made, packet("tcp", *there, flags=flags), now))

    def into(flags: int, now: float) -> bool:
        return bool(inward(made, packet("tcp", *back, flags=flags), now))

    assert out(2, 3.0) and into(18, 3.1) and out(16, 3.2)
    assert into(16, 7000.0), "established: two hours and four minutes"
    assert out(17, 7001.0) and into(17, 7001.1) and out(16, 7001.2)
    assert into(16, 7200.0)
    assert not into(16, 7500.0), "closed: four minutes"
    assert out(2, 8000.0)
    assert not into(16, 8241.0), "never answered: four minutes"


def test_a_reset_ends_the_long_life():
    made = nat_router()
    outward(made, packet("tcp", IN, 4000, S1, 80, flags=2), 3.0)
    inward(made, packet("tcp", S1, 80, EXTERNAL, 4000, flags=18), 3.0)
    inward(made, packet("tcp", S1, 80, EXTERNAL, 4000, flags=4), 3.0)
    assert not inward(made, packet("tcp", S1, 80, EXTERNAL, 4000, flags=16), 244.0)


def test_an_unsolicited_syn_is_answered_late_or_never():
    made = nat_router()
    syn = ether(OUTSIDE_MAC, GATEWAY_MAC, packet("tcp", S1, 80, EXTERNAL, 4000))
    assert made.frame(syn, 1, 3.0) == []
    assert made.tick(8.9) == []
    (out,) = made.tick(9.1)
    assert out.frame[34:36] == b"\3\3", "port unreachable"
    assert made.frame(syn, 1, 20.0) == []
    outward(made, packet("tcp", IN, 4000, S1, 80), 21.0)
    assert [each for each in made.tick(27.0) if each.interface == 1] == [], "it was on its way"


@pytest.mark.parametrize("fast", [False, True])
def test_ping_through(fast):
    made = nat_router(fast=fast)
    (out,) = outward(made, echo4(IN, S1))
    assert text(out[12:16]) == EXTERNAL and internet_checksum(out[20:]) == 0
    identifier = out[24:26]
    answer = v4(S1, EXTERNAL, 1, icmp(0, 0, identifier + b"\0\1", b"ping" * 8))
    for _ in range(2):
        (back,) = inward(made, answer)
        assert text(back[16:20]) == IN and back[24:26] == struct.pack("!H", 77)
        assert internet_checksum(back[20:]) == 0
    assert not inward(made, v4(S2, EXTERNAL, 1, icmp(0, 0, identifier + b"\0\1", b"")))


def test_two_hosts_that_ping_with_one_identifier_are_told_apart():
    made = nat_router()
    first = outward(made, echo4(IN, S1))[0][24:26]
    second = outward(made, echo4("10.0.0.3", S1))[0][24:26]
    assert first != second
    (back,) = inward(made, v4(S1, EXTERNAL, 1, icmp(0, 0, second + b"\0\1", b"")))
    assert text(back[16:20]) == "10.0.0.3"


def test_the_router_itself_answers_ping_from_outside():
    made = nat_router()
    (out,) = made.frame(ether(OUTSIDE_MAC, GATEWAY_MAC, echo4(S1, EXTERNAL)), 1, 3.0)
    assert out.interface == 1 and out.frame[34] == 0


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_an_error_from_outside_is_translated_with_what_it_quotes(protocol):
    made = nat_router()
    original = packet(protocol, IN, 4001, S1, 80)
    outward(made, packet(protocol, "10.0.0.3", 4001, S1, 80))  # so that 4001 is taken
    (out,) = outward(made, original)
    assert ends(out)[1] != 4001
    error = v4("192.0.2.9", EXTERNAL, 1, icmp(11, 0, bytes(4), out))
    (found,) = inward(made, error)
    assert (text(found[12:16]), text(found[16:20])) == ("192.0.2.9", IN)
    assert internet_checksum(found[20:]) == 0
    inner = found[28:]
    assert ends(inner) == (IN, 4001, S1, 80), "as its sender sent it, with right checksums"


def test_an_error_from_inside_speaks_of_outside_addresses():
    made = nat_router(forwards=[PortForward("udp", 53, IN)])
    (delivered,) = inward(made, packet("udp", S1, 999, EXTERNAL, 53))
    assert ends(delivered) == (S1, 999, IN, 53)
    error = v4(IN, S1, 1, icmp(3, 3, bytes(4), delivered))
    (found,) = outward(made, error)
    assert (text(found[12:16]), text(found[16:20])) == (EXTERNAL, S1)
    assert internet_checksum(found[20:]) == 0
    assert ends(found[28:]) == (S1, 999, EXTERNAL, 53)


def test_a_ping_error_has_its_identifier_back():
    made = nat_router()
    outward(made, echo4("10.0.0.3", S1))
    (out,) = outward(made, echo4(IN, S1))
    (found,) = inward(made, v4("192.0.2.9", EXTERNAL, 1, icmp(11, 0, bytes(4), out)))
    assert found[28:][24:26] == struct.pack("!H", 77)
    assert text(found[28:][12:16]) == IN and internet_checksum(found[28:][20:]) == 0


def test_an_error_about_nothing_known_stays_outside():
    made = nat_router()
    strange = v4(EXTERNAL, S1, 17, udp(EXTERNAL, S1, 7777, 80))
    assert inward(made, v4(S1, EXTERNAL, 1, icmp(3, 3, bytes(4), strange))) == []


def test_a_port_forward_lets_anybody_in():
    made = nat_router(filtering=BEHAVIOURS[2], forwards=[PortForward("tcp", 8080, "10.0.0.3", 80)])
    (found,) = inward(made, packet("tcp", S1, 999, EXTERNAL, 8080))
    assert ends(found) == (S1, 999, "10.0.0.3", 80)
    (back,) = outward(made, packet("tcp", "10.0.0.3", 80, S1, 999, flags=18))
    assert ends(back) == (EXTERNAL, 8080, S1, 999)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_hairpinning(protocol, fast):
    made = nat_router(filtering=BEHAVIOURS[0], fast=fast)
    port_for(made, protocol, S1, 1000)
    calls = ether(INSIDE_MAC, HOST_MAC, packet(protocol, "10.0.0.3", 6000, EXTERNAL, 4000))
    for _ in range(2):
        (out,) = made.frame(calls, 0, 3.0)
        assert out.interface == 0
        assert ends(out.frame[14:]) == (EXTERNAL, 6000, IN, 4000), "outside address (REQ-9a)"
    answers = ether(INSIDE_MAC, HOST_MAC, packet(protocol, IN, 4000, EXTERNAL, 6000))
    (out,) = made.frame(answers, 0, 3.0)
    assert ends(out.frame[14:]) == (EXTERNAL, 4000, "10.0.0.3", 6000)


def test_hairpinning_is_filtered_too_until_both_have_sent():
    made = nat_router(filtering=BEHAVIOURS[2])
    port_for(made, "udp", S1, 1000)
    calls = ether(INSIDE_MAC, HOST_MAC, packet("udp", "10.0.0.3", 6000, EXTERNAL, 4000))
    assert made.why(calls, 0, 3.0)[0] == Reason.NAT_FILTERED
    answers = ether(INSIDE_MAC, HOST_MAC, packet("udp", IN, 4000, EXTERNAL, 6000))
    (out,) = made.frame(answers, 0, 3.0)
    assert ends(out.frame[14:]) == (EXTERNAL, 4000, "10.0.0.3", 6000)
    (out,) = made.frame(calls, 0, 3.0)
    assert ends(out.frame[14:]) == (EXTERNAL, 6000, IN, 4000)


def test_fragments_are_translated_in_any_order():
    data = bytes(range(256)) * 8
    body = udp(IN, S1, 4000, 53, data)
    parts = [
        v4(IN, S1, 17, body[:800], flags=0x2000),
        v4(IN, S1, 17, body[800:1600], flags=0x2000 | 100),
        v4(IN, S1, 17, body[1600:], flags=200),
    ]
    for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
        made = nat_router()
        out = [each for place in order for each in outward(made, parts[place])]
        assert len(out) == 2, "cut again to the MTU"
        whole = b"".join(each[20:] for each in out)
        assert len(whole) == len(body)
        head = v4(EXTERNAL, S1, 17, whole)
        assert ends(head) == (EXTERNAL, 4000, S1, 53)


def test_a_checksum_that_is_not_there_stays_away():
    made = nat_router()
    bare = udp(IN, S1)
    none = v4(IN, S1, 17, bare[:6] + b"\0\0" + bare[8:])
    for _ in range(2):
        (out,) = outward(made, none)
        assert out[26:28] == b"\0\0"


def test_private_addresses_are_not_reached_from_outside():
    made = nat_router()
    verdict, out = made.why(ether(OUTSIDE_MAC, GATEWAY_MAC, packet("udp", S1, 1, IN, 4000)), 1, 3.0)
    assert (verdict, out) == (Reason.NAT_FILTERED, [])
    open_to_all = nat_router(protect=False)
    assert inward(open_to_all, packet("udp", S1, 1, IN, 4000))


def test_what_is_not_inside_is_routed_as_it_is():
    made = nat_router(inside=["10.0.0.0/29"])
    (out,) = outward(made, packet("udp", "10.0.0.9", 4000, S1, 53))
    assert ends(out)[0] == "10.0.0.9"
    (out,) = outward(made, packet("udp", IN, 4000, S1, 53))
    assert ends(out)[0] == EXTERNAL


def test_protocols_without_ports_do_not_leave():
    made = nat_router()
    frame = ether(INSIDE_MAC, HOST_MAC, v4(IN, S1, 47, bytes(20)))
    assert made.why(frame, 0, 3.0) == (Reason.CANNOT_TRANSLATE, [])


def test_thousands_of_flows_come_and_go():
    made = nat_router()
    for flow in range(3000):
        src = f"10.0.0.{2 + flow % 8}"
        (out,) = outward(made, packet("udp", src, 2000 + flow // 8, S1, 53), 3.0)
        assert ends(out)[0] == EXTERNAL
    assert len(made.show("nat")) == 3000
    made.tick(400.0)
    while made.show("nat"):
        made.tick(made.next_timer())
    assert sum(made.tables.sessions[at] == 1 for at in range(0, len(made.tables.sessions), 10)) == 0
    assert port_for(made, "udp", S1, 53) == 4000


def test_wrong_settings_are_told():
    with pytest.raises(NetariumError, match="mapping cannot be 'cone'"):
        NATSettings("out", mapping="cone")
    with pytest.raises(NetariumError, match="no interface"):
        nat = nat_router()
        type(nat)(nat.interfaces, nat=NATSettings("eth9"))


def test_show_tells_each_mapping():
    made = nat_router()
    port_for(made, "udp", S1, 53)
    (row,) = made.show("nat")
    assert row["inside"] == f"{IN}:4000" and row["outside"] == f"{EXTERNAL}:4000"
    assert row["sessions"][0]["remote"] == f"{S1}:53" and row["sessions"][0]["frames"] == 1
    assert ip(S1)
