"""The router as a whole: batches, both speeds, offload, fragments, routes, limits, views."""

from __future__ import annotations

import random
import struct
import time
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as some

from netarium.errors import NetariumError
from netarium.router.arithmetic import patch, sum16
from netarium.router.core import Router
from netarium.router.interface import RouterInterface
from netarium.router.limits import ErrorLimit
from netarium.router.packets import transport_valid
from netarium.router.reasons import EXPLANATIONS, Reason, explain
from netarium.router.routes import Route, RouteTable
from netarium.wire.batch import CHECKSUM_NOT_READY, SEGMENTED_LATER, Batch
from netarium.wire.checksum import internet_checksum, ones_sum
from netarium.wire.packet import Packet
from tests.router.making import echo4, ether, ip, tcp, udp, v4, v6
from tests.router.network import MACS, ROUTES, interfaces, introduce, mac_of, router, unlimited
from tests.router.probes import probes

A, B, C = "10.0.0.2", "10.0.1.2", "10.0.2.2"
A6, B6 = "fd00:0::2", "fd00:1::2"


def batch_of(frames: list[tuple[int, bytes]], flags: int = 0, segment: int = 0) -> Batch:
    data = b"".join(frame for _, frame in frames)
    batch = Batch.sized(memoryview(data), len(frames))
    batch.count = len(frames)
    at = 0
    for index, (link, frame) in enumerate(frames):
        batch.start[index], batch.captured[index] = at, len(frame)
        batch.length[index], batch.interface[index] = len(frame), link
        batch.flags[index], batch.segment[index] = flags, segment
        at += len(frame)
    return batch


def enter(packet: bytes) -> bytes:
    return ether(MACS[0], mac_of(0, 2), packet)


def test_one_batch_gives_what_single_frames_give_at_both_speeds():
    frames = [(probe.link, probe.frame) for probe in probes()]
    single = router()
    one_by_one = [single.why(frame, link, 3.0) for link, frame in frames]
    for fast in (False, True):
        made = router(fast=fast)
        sent = made.frames(batch_of(frames), 3.0)
        assert [Reason(v) for v in sent.verdicts[: len(frames)]] == [v for v, _ in one_by_one]
        together = [(out.interface, out.frame) for out in sent]
        assert together == [(o.interface, o.frame) for _, found in one_by_one for o in found]
        numbers = [out.number for out in sent]
        assert numbers == sorted(numbers), "in the order in which they came"
        assert made.show("counters") == single.show("counters")


def test_every_frame_is_counted_once():
    made = router()
    frames = [(probe.link, probe.frame) for probe in probes()]
    sent = made.frames(batch_of(frames), 3.0)
    rows = made.show("counters")
    assert sum(row["rx_frames"] for row in rows) == len(frames)
    assert sum(sum(row["verdicts"].values()) for row in rows) == len(frames)
    announced = 2 * (3 + 6)
    assert sum(row["tx_frames"] for row in rows) == len(sent) + announced


def test_nothing_that_comes_in_breaks_it():
    chance = random.Random(5)
    good = [(probe.link, probe.frame) for probe in probes()]
    frames = []
    for _ in range(4000):
        link, frame = chance.choice(good)
        body = bytearray(frame)
        for _ in range(chance.randrange(1, 4)):
            if body:
                body[chance.randrange(len(body))] = chance.randrange(256)
        if chance.random() < 0.2:
            del body[chance.randrange(len(body) + 1) :]
        frames.append((link, bytes(body)))
    found = []
    for fast in (False, True):
        made = router(fast=fast)
        sent = made.frames(batch_of(frames), 3.0)
        found.append([(out.interface, out.frame, out.number) for out in sent])
        for out in sent:
            if out.frame[12:14] == b"\x08\x00":
                size = 4 * (out.frame[14] & 15)
                assert internet_checksum(out.frame[14 : 14 + size]) == 0
    assert found[0] == found[1]


@given(some.binary(min_size=2, max_size=40), some.integers(0, 0xFFFF), some.data())
def test_a_mended_checksum_is_the_one_made_anew(data, word, draw):
    body = bytearray(data[: len(data) & ~1])
    at = draw.draw(some.integers(0, len(body) // 2 - 1)) * 2
    whole = bytearray(internet_checksum(bytes(body)).to_bytes(2, "big")) + body
    old = int.from_bytes(body[at : at + 2], "big")
    whole[2 + at : 4 + at] = word.to_bytes(2, "big")
    patch(whole, 0, old, word, 0)
    assert sum16(whole, 0, len(whole), 0) in (0xFFFF, 0 if not any(whole) else 0xFFFF)
    assert sum16(body, 0, len(body), 0) == ones_sum(bytes(body))


# --- offload --------------------------------------------------------------------------------


def offloading(can: bool, **more) -> Router:
    links = interfaces()
    links[1].can_checksum = links[1].can_segment_tcp4 = links[1].can_segment_tcp6 = can
    links[1].can_segment_udp = can
    made = Router(links, ROUTES, limit=unlimited(), **more)
    made.tick(0.0)
    made.tick(2.0)
    introduce(made)
    return made


def partial(packet: bytes, at: int, field: int, protocol: int) -> bytes:
    """The packet as a sender leaves it to its card: the field holds the pseudo-header's sum."""
    length = len(packet) - at
    size = 4 if packet[0] >> 4 == 4 else 16
    first = 12 if size == 4 else 8
    sum_ = ones_sum(packet[first : first + 2 * size] + struct.pack("!II", length, protocol))
    return packet[: at + field] + sum_.to_bytes(2, "big") + packet[at + field + 2 :]


def big(family: int, protocol: str, size: int = 5000) -> tuple[bytes, int]:
    data = (bytes(range(251)) * 30)[:size]
    src, dst = (A, B) if family == 4 else (A6, B6)
    make = v4 if family == 4 else v6
    upper = 20 if family == 4 else 40
    if protocol == "tcp":
        segment = tcp(src, dst, flags=0x80 | 0x18 | 1, data=data)
        return partial(make(src, dst, 6, segment), upper, 16, 6), upper + 20
    datagram = udp(src, dst, data=data)
    return partial(make(src, dst, 17, datagram), upper, 6, 17), upper + 8


FLAGS = CHECKSUM_NOT_READY | SEGMENTED_LATER


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize("family", [4, 6])
def test_a_super_frame_passes_whole_where_the_exit_takes_it(family, protocol, fast):
    made = offloading(True, fast=fast)
    packet, headers = big(family, protocol)
    (out,) = made.frame(enter(packet), 0, 3.0, flags=FLAGS, segment=1000)
    assert len(out.frame) == len(packet) + 14 and out.segment == 1000
    kinds = {(4, "tcp"): 0x81, (6, "tcp"): 0x84}
    flags, kind, length, gso, first, offset = struct.unpack("<BBHHHH", out.header)
    assert (flags, kind) == (1, kinds.get((family, protocol), 5))
    assert (length, gso) == (14 + headers, 1000)
    assert first == 14 + (20 if family == 4 else 40) and offset == (16 if protocol == "tcp" else 6)
    upper = first
    assert out.frame[upper + offset :][:2] == packet[upper + offset - 14 :][:2], "still partial"


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize("family", [4, 6])
def test_a_super_frame_is_cut_where_the_exit_does_not(family, protocol, fast):
    made = offloading(False, fast=fast)
    packet, headers = big(family, protocol)
    sent = made.frame(enter(packet), 0, 3.0, flags=FLAGS, segment=1000)
    assert [len(out.frame) - 14 - headers for out in sent] == [1000] * 5
    upper = 20 if family == 4 else 40
    joined = b""
    for number, out in enumerate(sent):
        segment = out.frame[14:]
        assert out.header == bytes(10) and not out.flags & FLAGS and not out.segment
        assert transport_valid(segment, upper, 6 if protocol == "tcp" else 17)
        if family == 4:
            assert internet_checksum(segment[:20]) == 0
            assert int.from_bytes(segment[4:6], "big") == 0x1234 + number
        if protocol == "tcp":
            assert int.from_bytes(segment[upper + 4 : upper + 8], "big") == 1000 + 1000 * number
            assert bool(segment[upper + 13] & 0x80) == (number == 0), "CWR: the first"
            assert bool(segment[upper + 13] & 0x09) == (number == 4), "FIN, PSH: the last"
        joined += segment[headers:]
    assert joined == packet[headers:]
    assert Packet.parse(sent[0].frame).stop is None


def test_the_mtu_counts_for_a_segment_not_for_the_super_frame():
    made = offloading(True)
    packet, _ = big(4, "tcp")
    packet = packet[:6] + b"\x40" + packet[7:]
    packet = packet[:10] + b"\0\0" + packet[12:]
    packet = packet[:10] + internet_checksum(packet[:20]).to_bytes(2, "big") + packet[12:]
    assert made.why(enter(packet), 0, 3.0, flags=FLAGS, segment=1460)[0] == Reason.FORWARDED
    verdict, (error,) = made.why(enter(packet), 0, 3.0, flags=FLAGS, segment=1461)
    assert verdict == Reason.FRAGMENTATION_NEEDED and error.frame[34:36] == b"\3\4"


def test_a_super_frame_that_may_be_fragmented_is_cut_twice():
    made = offloading(True)
    packet, _ = big(4, "tcp")
    sent = made.frame(enter(packet), 0, 3.0, flags=FLAGS, segment=2000)
    assert len(sent) == 5, "three segments, two of them in two fragments"
    assert all(len(out.frame) <= 1514 and not out.flags for out in sent)


@pytest.mark.parametrize("can", [False, True])
def test_a_partial_checksum_is_completed_only_where_it_has_to_be(can):
    made = offloading(can)
    packet = partial(v4(A, B, 6, tcp(A, B, data=b"abc")), 20, 16, 6)
    (out,) = made.frame(enter(packet), 0, 3.0, flags=CHECKSUM_NOT_READY)
    assert (out.header[0] == 1) == can
    assert transport_valid(out.frame[14:], 20, 6) == (not can)
    assert out.frame[50:52] == packet[36:38] if can else out.frame[50:52] != packet[36:38]


def test_offload_ignored_is_the_old_puzzle():
    """Whoever drops the flags sends the partial sum out as if it were a checksum."""
    made = offloading(True)
    packet = partial(v4(A, B, 6, tcp(A, B, data=b"abc")), 20, 16, 6)
    (out,) = made.frame(enter(packet), 0, 3.0)
    assert not transport_valid(out.frame[14:], 20, 6) and out.header[0] == 0


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_nat_patches_a_partial_checksum_by_the_addresses_alone(protocol):
    from tests.router.natting import EXTERNAL, HOST_MAC, INSIDE_MAC, nat_router

    made = nat_router()
    make, number, field = (tcp, 6, 16) if protocol == "tcp" else (udp, 17, 6)
    packet = partial(v4(A, "198.51.100.1", number, make(A, "198.51.100.1")), 20, field, number)
    made.interfaces[1].can_checksum = True
    made._refresh(1)
    for _ in range(2):
        frame = ether(INSIDE_MAC, HOST_MAC, packet)
        (out,) = [o for o in made.frame(frame, 0, 3.0, flags=CHECKSUM_NOT_READY) if o.interface]
        there = out.frame[14:]
        assert there[12:16] == ip(EXTERNAL) and out.header[0] == 1
        assert partial(there, 20, field, number) == there, "the sum of the new pseudo-header"


# --- fragments ------------------------------------------------------------------------------


def test_fragments_are_joined_and_given_up():
    made = router()
    body = echo4(A, "10.0.0.1", bytes(900))[20:]
    first = enter(v4(A, "10.0.0.1", 1, body[:400], flags=0x2000, identification=9))
    last = enter(v4(A, "10.0.0.1", 1, body[400:], flags=50, identification=9))
    assert made.why(last, 0, 3.0) == (Reason.REASSEMBLING, [])
    verdict, (out,) = made.why(first, 0, 4.0)
    assert verdict == Reason.DELIVERED and out.frame[34] == 0 and len(out.frame) == 34 + len(body)
    made.frame(first, 0, 5.0)
    assert made.tick(34.0) == []
    (out,) = [out for out in made.tick(35.1) if out.frame[12:14] == b"\x08\x00"]
    assert out.frame[34:36] == b"\x0b\1", "reassembly time exceeded"
    made.frame(first, 0, 40.0)
    overlapping = enter(v4(A, "10.0.0.1", 1, body[392:], flags=49, identification=9))
    assert made.why(overlapping, 0, 40.0)[0] == Reason.REASSEMBLY_FAILED


# --- routes ---------------------------------------------------------------------------------


def test_equal_cost_paths_share_the_flows():
    made = router()
    for via in (B, "10.0.1.3", "10.0.1.4"):
        made.add_route(Route("203.0.113.0/24", via=via))
    hops: dict[bytes, int] = {}
    for port in range(300):
        packet = enter(v4(A, "203.0.113.9", 17, udp(A, "203.0.113.9", 1000 + port)))
        (out,), (again,) = made.frame(packet, 0, 3.0), made.frame(packet, 0, 3.0)
        assert out.frame == again.frame, "a flow keeps its way"
        hops[out.frame[:6]] = hops.get(out.frame[:6], 0) + 1
    assert len(hops) == 3 and min(hops.values()) > 60
    made.remove_route(Route("203.0.113.0/24", via=B))
    packet = enter(v4(A, "203.0.113.9"))
    assert made.frame(packet, 0, 3.0)[0].frame[:6].hex(":") != mac_of(1, 2)


def test_metrics_and_replaced_routes():
    made = router()
    made.add_route(Route("203.0.113.0/24", via="10.0.1.3", metric=10))
    packet = enter(v4(A, "203.0.113.9"))
    assert made.frame(packet, 0, 3.0)[0].frame[:6].hex(":") == mac_of(1, 3)
    made.add_route(Route("203.0.113.0/24", via="10.0.1.4", metric=5))
    assert made.frame(packet, 0, 3.0)[0].frame[:6].hex(":") == mac_of(1, 4)
    made.set_routes(RouteTable(made.interfaces, [Route("203.0.113.0/24", via="10.0.1.2")]))
    assert made.frame(packet, 0, 3.0)[0].frame[:6].hex(":") == mac_of(1, 2)
    made.set_routes([Route("203.0.113.0/24", via="10.0.2.2")])
    assert made.frame(packet, 0, 3.0)[0].interface == 2
    shown = [row for row in made.show("routes") if row["origin"] == "static"]
    assert [row["prefix"] for row in shown] == ["203.0.113.0/24"]
    with pytest.raises(NetariumError, match="no route to 192"):
        made.remove_route(Route("192.0.2.0/24", via=B))


@pytest.mark.parametrize(
    ("route", "says"),
    [
        (Route("10.0.0.1/8", via=B), "not a prefix"),
        (Route("10.0.0.0/40", via=B), "not a prefix"),
        (Route("192.0.2.0/24", via="10.9.9.9"), "no interface's link has 10.9.9.9"),
        (Route("192.0.2.0/24", via="fd00:1::2"), "different families"),
        (Route("192.0.2.0/24", via="nobody"), "not the address of a router"),
        (Route("192.0.2.0/24", interface="eth7"), "there is no interface 'eth7'"),
        (Route("192.0.2.0/24", kind="wormhole"), "cannot be 'wormhole'"),
    ],
)
def test_routes_that_contradict_themselves_are_told(route, says):
    with pytest.raises(NetariumError, match=says):
        Router(interfaces(), [route])


@pytest.mark.parametrize("mode", ["strict", "loose"])
def test_the_reverse_path_filter(mode):
    links = interfaces()
    links[0].reverse_path = mode
    made = Router(links, ROUTES, limit=unlimited())
    made.tick(0.0)
    introduce(made)
    elsewhere = made.why(enter(v4("10.0.2.7", B)), 0, 1.0)[0]
    assert elsewhere == (Reason.REVERSE_PATH if mode == "strict" else Reason.FORWARDED)
    assert made.why(enter(v4("198.51.100.1", B)), 0, 1.0)[0] == Reason.REVERSE_PATH
    assert made.why(enter(v4(A, B)), 0, 1.0)[0] == Reason.FORWARDED
    assert made.why(enter(v6("2001:db8:99::1", B6)), 0, 1.0)[0] == Reason.REVERSE_PATH


def test_wrong_interfaces_are_told():
    with pytest.raises(NetariumError, match="not an address of an interface"):
        Router([RouterInterface("a", MACS[0], ["10.0.0.300/24"])])
    with pytest.raises(NetariumError, match="cannot be 'lax'"):
        Router([RouterInterface("a", MACS[0], reverse_path="lax")])
    with pytest.raises(NetariumError, match="Two interfaces are called a"):
        Router([RouterInterface("a", MACS[0]), RouterInterface("a", MACS[1])])
    with pytest.raises(NetariumError, match="no 'weather'"):
        router().show("weather")


def test_an_mtu_that_changes_counts_at_once():
    made = router()
    packet = enter(v4(A, B, payload=bytes(1200), flags=0x4000))
    assert made.why(packet, 0, 3.0)[0] == Reason.FORWARDED
    made.set_mtu(1, 1000)
    verdict, (error,) = made.why(packet, 0, 3.0)
    assert verdict == Reason.FRAGMENTATION_NEEDED and error.frame[40:42] == b"\x03\xe8"
    fragmented = enter(v4(A, B, payload=bytes(1200)))
    assert [len(out.frame) - 14 for out in made.frame(fragmented, 0, 3.0)] == [996, 244]


# --- limits, timers, words ------------------------------------------------------------------


def test_errors_are_limited_for_each_host():
    made = router(limit=ErrorLimit())
    dying = enter(v4(A, B, ttl=1))
    told = [made.why(dying, 0, 3.0)[0] for _ in range(10)]
    assert told == [Reason.TTL_EXPIRED] * 6 + [Reason.ERROR_LIMITED] * 4
    assert made.why(enter(v4("10.0.0.3", B, ttl=1)), 0, 3.0)[0] == Reason.TTL_EXPIRED
    assert made.why(dying, 0, 4.1)[0] == Reason.TTL_EXPIRED
    big_packet = enter(v4(A, C, payload=bytes(1400), flags=0x4000))
    for _ in range(20):
        assert made.why(big_packet, 0, 4.1)[0] == Reason.FRAGMENTATION_NEEDED, "never kept back"


def test_every_reason_is_explained():
    assert [explanation.reason for explanation in EXPLANATIONS] == list(Reason)
    for explanation in EXPLANATIONS:
        assert explanation.sentence.endswith(".") and explanation.clause
    assert str(explain(Reason.TTL_EXPIRED)).startswith("ttl expired: This was the last hop")


def test_time_does_not_run_backwards():
    made = router()
    made.frame(enter(v4(A, B)), 0, 10.0)
    made.frame(enter(v4(A, B)), 0, 5.0)
    assert made.timers.now == 10.0


def test_the_output_grows_as_far_as_it_is_needed():
    made = router()
    frames = [(0, enter(v4(A, B, payload=bytes(1400))))] * 2000
    sent = made.frames(batch_of(frames), 3.0)
    assert len(sent) == 2000 and len({out.frame for out in sent}) == 1
    assert len(sent.data) > 2_800_000


def test_a_million_small_frames_a_second():
    """Generous: it is five million a second where nothing else runs."""
    routes = [
        Route(f"{20 + number % 100}.{number // 100 % 256}.{number // 25600}.0/24", via=B)
        for number in range(100_000)
    ]
    made = Router(interfaces(), routes, fast=True, limit=unlimited())
    made.tick(0.0)
    introduce(made)
    chance = random.Random(1)
    frames = []
    for _ in range(4096):
        dst = chance.choice(routes).prefix.replace(".0/24", ".7")
        frames.append((0, enter(v4(A, dst, 17, udp(A, dst, data=bytes(22))))))
    batch = batch_of(frames)
    assert len(frames[0][1]) == 64
    made.frames(batch, 3.0)
    best = 1.0
    for _ in range(20):
        begin = time.perf_counter()
        sent = made.frames(batch, 3.0)
        best = min(best, time.perf_counter() - begin)
        assert len(sent) == len(frames)
    assert len(frames) / best > 1_000_000
    assert isinstance(sent.rows, array)
