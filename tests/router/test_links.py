"""Neighbours: found, confirmed, lost; questions answered; addresses announced and defended."""

from __future__ import annotations

import pytest

from netarium.router.addresses import mac_number
from netarium.router.core import Router
from netarium.router.interface import RouterInterface
from netarium.router.neighbours import QUEUE, State
from netarium.router.packets import icmpv6
from netarium.router.reasons import Reason
from netarium.router.routes import Route
from tests.router.making import BROADCAST, arp, ether, ip, v4, v6
from tests.router.network import MACS, interfaces, mac_of, router, unlimited

NEW, NEW6 = "10.0.1.77", "fd00:1::77"
NEW_MAC = "02:00:00:00:01:77"


def known(made: Router, who: str, link: int = 1) -> State | None:
    entry = made.neighbours.find(link, ip(who))
    return entry.state if entry else None


def sent_to(made: Router, who: str, now: float) -> list:
    make, src = (v6, "fd00:0::2") if ":" in who else (v4, "10.0.0.2")
    return made.frame(ether(MACS[0], mac_of(0, 2), make(src, who)), 0, now)


def answer(made: Router, who: str, now: float) -> list:
    if ":" in who:
        rest = 0x60000000.to_bytes(4, "big")
        option = b"\2\1" + mac_number(NEW_MAC).to_bytes(6, "big")
        message = icmpv6(ip(who), ip("fe80::1"), 136, 0, rest, ip(who) + option)
        packet = v6(who, "fe80::1", 58, message, hop_limit=255)
        return made.frame(ether(MACS[1], NEW_MAC, packet), 1, now)
    body = arp(2, NEW_MAC, who, MACS[1], "10.0.1.1")
    return made.frame(ether(MACS[1], NEW_MAC, body, 0x0806), 1, now)


def is_question(out, who: str, *, alone: bool) -> bool:
    assert out.interface == 1
    to = out.frame[:6].hex(":")
    if ":" in who:
        assert out.frame[54] == 135 and out.frame[62:78] == ip(who) and out.frame[21] == 255
        return to == (NEW_MAC if alone else "33:33:ff:00:00:77")
    assert out.frame[20:22] == b"\0\1" and out.frame[38:42] == ip(who)
    return to == (NEW_MAC if alone else BROADCAST)


@pytest.mark.parametrize("who", [NEW, NEW6])
def test_a_neighbours_life(who):
    made = router()
    (question,) = sent_to(made, who, 3.0)
    assert is_question(question, who, alone=False) and known(made, who) is State.INCOMPLETE
    assert sent_to(made, who, 3.1) == [], "the second waits, too"
    first, second = answer(made, who, 3.2)
    assert first.frame[:6].hex(":") == second.frame[:6].hex(":") == NEW_MAC
    assert known(made, who) is State.REACHABLE
    made.tick(100.0)
    assert known(made, who) is State.STALE
    (out,) = sent_to(made, who, 101.0)
    assert out.frame[:6].hex(":") == NEW_MAC, "sent at once"
    assert known(made, who) is State.DELAY
    assert made.tick(105.9) == []
    (question,) = made.tick(106.1)
    assert is_question(question, who, alone=True) and known(made, who) is State.PROBE
    assert len(sent_to(made, who, 106.5)) == 1, "while it is asked, it is sent to"
    assert answer(made, who, 106.6) == [] and known(made, who) is State.REACHABLE


@pytest.mark.parametrize("who", [NEW, NEW6])
def test_nobody_answers(who):
    made = router()
    assert len(sent_to(made, who, 3.0)) == 1
    sent_to(made, who, 3.1)
    assert len(made.tick(4.1)) == 1 and len(made.tick(5.2)) == 1
    errors = made.tick(6.3)
    assert [out.interface for out in errors] == [0, 0]
    for out in errors:
        if ":" in who:
            assert out.frame[54:56] == b"\1\3", "address unreachable"
        else:
            assert out.frame[34:36] == b"\3\1", "host unreachable"
    assert known(made, who) is State.FAILED
    counters = made.show("counters")[0]["verdicts"]
    assert counters["neighbour failed"] == 2 and counters["queued"] == 2
    (question,) = sent_to(made, who, 7.0)
    assert is_question(question, who, alone=False), "a later packet makes it try again"


def test_the_queue_is_bounded_and_keeps_the_newest():
    made = router()
    for number in range(QUEUE + 5):
        packet = v4("10.0.0.2", NEW, identification=number)
        verdict, _ = made.why(ether(MACS[0], mac_of(0, 2), packet), 0, 3.0)
        assert verdict == (Reason.QUEUED if number < QUEUE else Reason.QUEUE_FULL)
    out = answer(made, NEW, 3.1)
    assert [int.from_bytes(each.frame[18:20], "big") for each in out] == list(range(5, QUEUE + 5))


def test_a_scan_of_empty_addresses_pushes_nobody_out():
    made = router()
    for low in range(1500):
        packet = v6("fd00:0::2", f"fd00:1::dead:{low:x}")
        made.frame(ether(MACS[0], mac_of(0, 2), packet), 0, 3.0)
    assert len(made.neighbours.entries) <= 1024
    assert known(made, "fd00:1::2") is State.REACHABLE
    assert known(made, "fd00:1::dead:5db") is State.INCOMPLETE
    assert len(sent_to(made, "fd00:1::2", 3.1)) == 1


def test_an_address_moves_to_another_station():
    made = router()
    mac = "02:00:00:00:01:99"
    body = arp(1, mac, "10.0.1.2", "00:00:00:00:00:00", "10.0.1.2")
    made.frame(ether(BROADCAST, mac, body, 0x0806), 1, 3.0)
    (out,) = sent_to(made, "10.0.1.2", 3.1)
    assert out.frame[:6].hex(":") == mac, "gratuitous ARP updates what is known"


def test_gratuitous_arp_makes_no_new_entry():
    made = router()
    body = arp(1, NEW_MAC, NEW, "00:00:00:00:00:00", NEW)
    made.frame(ether(BROADCAST, NEW_MAC, body, 0x0806), 1, 3.0)
    assert known(made, NEW) is None


def test_who_asks_is_remembered():
    made = router()
    body = arp(1, NEW_MAC, NEW, "00:00:00:00:00:00", "10.0.1.1")
    (out,) = made.frame(ether(BROADCAST, NEW_MAC, body, 0x0806), 1, 3.0)
    assert out.frame[20:22] == b"\0\2" and out.frame[22:28].hex(":") == MACS[1]
    assert known(made, NEW) is State.STALE
    assert len(sent_to(made, NEW, 3.1)) == 1


def test_addresses_are_announced_twice():
    made = Router(interfaces(), limit=unlimited())
    assert made.next_timer() == 0.0
    first, second = made.tick(0.0), made.tick(2.0)
    assert [out.frame for out in first] == [out.frame for out in second]
    announced = [out.frame[28:32] for out in first if out.frame[12:14] == b"\x08\x06"]
    assert announced == [ip(f"10.0.{link}.1") for link in range(3)]
    assert sum(out.frame[12:14] == b"\x86\xdd" for out in first) == 6
    assert made.next_timer() is None


def test_an_address_is_defended_though_not_for_ever():
    made = router()
    claim = arp(1, NEW_MAC, "10.0.1.1", "00:00:00:00:00:00", "10.0.1.1")
    frame = ether(BROADCAST, NEW_MAC, claim, 0x0806)
    (out,) = made.frame(frame, 1, 3.0)
    assert out.frame[:6] == b"\xff" * 6 and out.frame[28:32] == ip("10.0.1.1")
    assert made.frame(frame, 1, 4.0) == []
    assert len(made.frame(frame, 1, 14.0)) == 1
    assert made.link.conflicts == 3


def test_router_advertisements():
    made = Router(
        [RouterInterface("lan", MACS[0], ["fe80::1/64", "2001:db8:1::1/64"], advertise=True)],
        limit=unlimited(),
    )

    def advertised(frames: list) -> list[bytes]:
        return [
            out.frame for out in frames if out.frame[12:14] == b"\x86\xdd" and out.frame[54] == 134
        ]

    (first,) = advertised(made.tick(0.0))
    assert first[:6].hex(":") == "33:33:00:00:00:01" and first[22:38] == ip("fe80::1")
    assert first[21] == 255 and int.from_bytes(first[60:62], "big") == 1800
    assert ip("2001:db8:1::") in first and bytes([3, 4, 64, 0xC0]) in first
    assert len(advertised(made.tick(16.0))) == 1
    message = icmpv6(ip("fe80::9"), ip("ff02::2"), 133, 0, bytes(4), b"")
    asks = ether("33:33:00:00:00:02", NEW_MAC, v6("fe80::9", "ff02::2", 58, message, hop_limit=255))
    assert len(advertised(made.frame(asks, 0, 17.0))) == 0, "not twice in three seconds"
    assert len(advertised(made.frame(asks, 0, 20.0))) == 1


def test_where_the_kernel_answers_the_router_learns_and_is_silent():
    made = Router(interfaces(), [Route("0.0.0.0/0", via=NEW)], answers=False, limit=unlimited())
    assert made.tick(0.0) == []
    question = arp(1, NEW_MAC, NEW, "00:00:00:00:00:00", "10.0.1.1")
    assert made.frame(ether(BROADCAST, NEW_MAC, question, 0x0806), 1, 1.0) == []
    (out,) = sent_to(made, "192.0.2.1", 1.1)
    assert out.frame[:6].hex(":") == NEW_MAC, "it learned from the question"
    ping = ether(MACS[0], mac_of(0, 2), v4("10.0.0.2", "10.0.0.1"))
    assert made.why(ping, 0, 1.2) == (Reason.FOR_ME, [])
    assert len(made.frame(ether(MACS[0], mac_of(0, 2), v4("10.0.0.2", "10.0.1.9", ttl=1)), 0, 1.3))


def test_an_interface_that_goes_down_takes_its_neighbours_along():
    made = router()
    made.set_up(1, False)
    assert known(made, "10.0.1.2") is None
    (out,) = sent_to(made, "10.0.1.2", 3.0)
    assert out.frame[34:36] == b"\3\0", "no route"
    made.set_up(1, True)
    assert any(out.frame[20:22] == b"\0\1" for out in sent_to(made, "10.0.1.2", 4.0))
