"""Packet rings on a cable in a namespace of the test's own; each loop at both speeds."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import socket
import struct
import sys
import time
from array import array
from pathlib import Path

import pytest

from netarium.errors import MachineError
from netarium.ports import packet_socket
from netarium.ports.pcap import PcapWriter
from netarium.ports.pcapng import PcapngWriter
from netarium.ports.ring import Rings, ring_size
from netarium.ports.socket_filter import socket_filter
from netarium.wire.batch import (
    CHECKSUM_NOT_READY,
    DIRECTION,
    INBOUND,
    OUTBOUND,
    SEGMENTED_LATER,
    Batch,
    Interface,
)
from tests.ports.networks import frame, network

pytestmark = [pytest.mark.root, pytest.mark.needs("ip", "unshare", "nsenter")]

SPEEDS = pytest.mark.parametrize("fast", [False, True], ids=["plain", "compiled"])


@pytest.fixture(scope="module")
def cable():
    with network() as made:
        yield made


@pytest.fixture
def listening(cable):
    """A ring in the cable's namespace: ``listening(only=["s1"], ...)``."""
    made = []

    def listen(only=(), size=1 << 20, retire=10, **filter):
        sock = cable.do(packet_socket.open_socket)
        rings = Rings([sock], size, retire)
        made.append(rings)
        for number, name in enumerate(["lo", "s0", "s1"]):
            rings.rings[0].links.extend((packet_socket.link(sock, name).index, number, 0))
        wanted = [packet_socket.link(sock, name).index for name in only]
        packet_socket.attach(sock, socket_filter(only=wanted, **filter))
        packet_socket.listen(sock)
        return rings

    yield listen
    for rings in made:
        rings.close()


def taken(rings, frames, *, fast=False, most=262144, seconds=5):
    """What has come, as a list of (interface, bytes, length, flags, segment)."""
    (ring,) = rings.rings
    batch = Batch.sized(rings.memory, 4096)
    found = []
    deadline = time.monotonic() + seconds
    while len(found) < frames and time.monotonic() < deadline:
        rings.wait(0.1)
        for block in rings.take(ring, ring.blocks):
            rings.read([block], batch, most, fast=fast)
            found += [
                (
                    batch.interface[row],
                    bytes(batch.frame(row)),
                    batch.length[row],
                    batch.flags[row],
                    batch.segment[row],
                )
                for row in range(batch.count)
            ]
            rings.release([block])
    return found


@SPEEDS
def test_frames_are_heard_at_both_ends_of_a_cable(cable, listening, fast):
    rings = listening()
    with cable.sender() as sender:
        for number in range(3):
            sender.send(frame(number))
    found = taken(rings, 6, fast=fast)
    for interface, direction in ((1, OUTBOUND), (2, INBOUND)):
        mine = [row for row in found if row[0] == interface]
        assert [row[1] for row in mine] == [frame(0), frame(1), frame(2)]
        assert [row[3] for row in mine] == [direction] * 3
    assert all(length == 60 and segment == 0 for _, _, length, _, segment in found)
    rings.rings[0].count()
    assert (rings.rings[0].received, rings.rings[0].dropped) == (6, 0)
    assert list(rings.rings[0].links[5::3]) == [0, 3, 3]


def test_times_are_those_of_the_wire(cable, listening):
    rings = listening(only=["s1"])
    batch = Batch.sized(rings.memory, 16)
    before = time.time_ns()
    with cable.sender() as sender:
        sender.send(frame(0))
    after = time.time_ns()
    rings.wait(5)
    (block,) = rings.take(rings.rings[0], 1)
    rings.read([block], batch, 262144, fast=False)
    assert before <= batch.time[0] <= after


def test_what_loopback_sends_is_heard_once(cable, listening):
    rings = listening(expression="udp port 4999")
    cable.run(_say_over_loopback(4999))
    ((interface, data, _, flags, _),) = taken(rings, 2, seconds=0.3)
    assert interface == 0
    assert data.endswith(b"hello")
    assert flags & DIRECTION == INBOUND
    assert flags & CHECKSUM_NOT_READY  # nobody computes checksums there


def _say_over_loopback(port):
    program = (
        "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"
        f".sendto(b'hello', ('127.0.0.1', {port}))"
    )
    return f'{sys.executable} -c "{program}"'


def test_loopback_can_be_left_out(cable, listening):
    rings = listening(loopback=False)
    cable.run(_say_over_loopback(4998))
    assert rings.wait(0.1) == ([], [])


@SPEEDS
def test_vlan_tags_are_put_back(cable, listening, fast):
    rings = listening(only=["s1"])
    tag = b"\x81\x00\x60\x07"
    with cable.sender() as sender:
        sender.send(frame(1))
        sender.send(frame(2, tag=tag))
        sender.send(frame(3, tag=b"\x88\xa8\x00\x09"))
    found = taken(rings, 3, fast=fast)
    assert [row[1] for row in found] == [
        frame(1),
        frame(2, tag=tag),
        frame(3, tag=b"\x88\xa8\x00\x09"),
    ]
    assert [row[2] for row in found] == [60, 60, 60]


@SPEEDS
def test_a_snap_length_cuts_and_says_so(cable, listening, fast):
    rings = listening(only=["s1"], snaplen=40)
    with cable.sender() as sender:
        sender.send(frame(1, 1000))
        sender.send(frame(2, 1000, tag=b"\x81\x00\x00\x07"))
    plain, tagged = taken(rings, 2, fast=fast, most=40)
    assert (plain[1], plain[2]) == (frame(1, 1000)[:40], 1000)
    assert (tagged[1], tagged[2]) == (frame(2, 1000, tag=b"\x81\x00\x00\x07")[:40], 1000)


def test_the_kernel_filters(cable, listening):
    rings = listening(only=["s1"], expression="ether proto 0x88b5 and ether[17] = 7")
    with cable.sender() as sender:
        for number in range(10):
            sender.send(frame(number))
    assert [row[1] for row in taken(rings, 1)] == [frame(7)]
    rings.rings[0].count()
    assert rings.rings[0].received == 1


def _tunnel():
    """A tunnel t0 into nowhere: frames of it have no link layer."""
    tunnel = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tunnel, 0x400454CA, struct.pack("16sH22x", b"t0", 0x1001))  # TUNSETIFF
    return tunnel


@pytest.mark.skipif(not Path("/dev/net/tun").exists(), reason="needs /dev/net/tun")
def test_a_filter_takes_interfaces_without_a_link_layer_for_what_they_are(cable, listening):
    tunnel = cable.do(_tunnel)
    try:
        cable.run("ip addr add 10.9.9.1/24 dev t0 && ip link set t0 up")
        rings = listening(expression="udp port 4997")
        cable.run(_say_over_loopback(4997))
        cable.run(_say_over_loopback(4997).replace("127.0.0.1", "10.9.9.2"))
        cable.run(_say_over_loopback(4996).replace("127.0.0.1", "10.9.9.2"))
        loopback, tunnelled = taken(rings, 3, seconds=0.3)
        assert loopback[1][:14] == bytes(12) + b"\x08\x00"
        assert tunnelled[1][0] == 0x45
        assert tunnelled[1].endswith(b"hello")
        assert packet_socket.link_type(packet_socket.link(rings.rings[0].sock, "t0").kind) == 101
    finally:
        os.close(tunnel)


@SPEEDS
def test_unknown_interfaces_are_told_by_their_index(cable, listening, fast):
    rings = listening()
    (ring,) = rings.rings
    ring.links = array("q", (0, 0, 0))
    with cable.sender() as sender:
        sender.send(frame(1))
    batch = Batch.sized(rings.memory, 16)
    rings.wait(5)
    (block,) = rings.take(ring, 1)
    assert rings.read([block], batch, 262144, fast=fast)
    indices = {packet_socket.link(ring.sock, name).index for name in ("s0", "s1")}
    assert {-number for number in batch.interface[: batch.count]} == indices


def test_super_frames_say_what_a_card_was_to_do(cable, listening):
    rings = listening(only=["s0"], expression="tcp", size=4 << 20)
    cable.run("ip addr replace 10.7.7.1/24 dev s0")
    with network() as other:  # a second namespace, so that frames must take the cable
        cable.run(f"ip link set s1 name s9 && ip link set s9 netns {other.pid}")
        other.run("ip link set s9 up && ip addr add 10.7.7.2/24 dev s9")
        server = other.do(lambda: socket.create_server(("10.7.7.2", 4996)))
        client = cable.do(lambda: socket.create_connection(("10.7.7.2", 4996)))
        accepted, _ = server.accept()
        client.sendall(bytes(60_000))
        received = 0
        while received < 60_000:
            received += len(accepted.recv(1 << 16))
        for sock in (client, accepted, server):
            sock.close()
        found = taken(rings, 10)
        other.run(f"ip link set s9 netns {cable.pid}")
    cable.run("ip link set s9 name s1 && ip link set s1 up && ip addr flush dev s0")
    large = [row for row in found if row[4]]
    assert large
    for _, data, length, flags, segment in large:
        assert length == len(data) > 1514
        assert 1000 < segment <= 1448
        assert flags & SEGMENTED_LATER
        assert flags & CHECKSUM_NOT_READY


def _block(cable, rings, frames):
    """A block with these frames, from s1."""
    with cable.sender() as sender:
        for data in frames:
            sender.send(data)
    rings.wait(5)
    return rings.take(rings.rings[0], 1)[0]


@pytest.mark.parametrize("pcap", [True, False])
def test_records_are_what_the_writers_write(cable, listening, pcap):
    rings = listening(only=["s1"])
    sizes = [60, 61, 62, 63, 64, 1514]
    block = _block(cable, rings, [frame(n, size) for n, size in enumerate(sizes)])
    batch = Batch.sized(rings.memory, 16)
    batch.interfaces = [Interface("lo"), Interface("s0"), Interface("s1")]
    file = io.BytesIO()
    writer = PcapWriter(file) if pcap else PcapngWriter(file)
    if not pcap:
        for interface in batch.interfaces:
            writer.add_interface(interface)
    begin = file.tell()
    rings.read([block], batch, 262144, fast=False)
    writer.write(batch, fast=False)
    counts = list(rings.rings[0].links[5::3])
    out = bytearray(1 << 16)
    size = rings.records(block, out, pcap_unit=int(pcap))
    assert batch.count == 6
    assert bytes(out[:size]) == file.getvalue()[begin:]
    assert list(rings.rings[0].links[5::3]) == [2 * count for count in counts]


def test_records_leave_what_takes_thought(cable, listening):
    rings = listening(only=["s1"])
    block = _block(cable, rings, [frame(1), frame(2, tag=b"\x81\x00\x00\x07")])
    out = bytearray(4096)
    before = list(rings.rings[0].links)
    assert rings.records(block, out) == -1
    assert rings.records(block, out, pcap_unit=1) == -1
    assert list(rings.rings[0].links) == before
    rings.release([block])
    block = _block(cable, rings, [frame(1)])
    rings.rings[0].links = array("q", (0, 0, 0))
    assert rings.records(block, out) == -1


def test_a_full_ring_counts_what_it_drops(cable, listening):
    rings = listening(only=["s1"], size=1 << 20)
    with cable.sender() as sender:
        for number in range(1000):
            sender.send(frame(number, 1500))
    (ring,) = rings.rings
    deadline = time.monotonic() + 5
    while ring.dropped == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
        ring.count()
    found = taken(rings, 1000 - ring.dropped)
    assert ring.dropped > 0
    assert len(found) + ring.dropped == ring.received == 1000
    assert [row[1] for row in found] == [frame(n, 1500) for n in range(len(found))]


def test_blocks_go_back_to_the_kernel(cable, listening):
    rings = listening(only=["s1"], size=1 << 20, retire=2)
    for number in range(40):  # five times as many blocks as there are
        with cable.sender() as sender:
            sender.send(frame(number))
        ((_, data, *_),) = taken(rings, 1)
        assert data == frame(number)


def test_an_interface_that_goes_down_is_told(cable):
    sock = cable.do(packet_socket.open_socket)
    rings = Rings([sock], 1 << 20, 10)
    index = packet_socket.link(sock, "s1").index
    packet_socket.listen(sock, index)
    cable.run("ip link set s1 down")
    try:
        assert rings.wait(5) == ([], [rings.rings[0]])
        cable.run("ip link set s1 up")
        with cable.sender() as sender:
            sender.send(frame(5))
        assert rings.wait(5)[0] == [rings.rings[0]]
    finally:
        cable.run("ip link set s1 up")
        rings.close()


def test_frames_read_zeros_once_it_is_closed(cable, listening):
    rings = listening(only=["s1"])
    block = _block(cable, rings, [frame(1)])
    batch = Batch.sized(rings.memory, 4)
    rings.read([block], batch, 262144, fast=False)
    view = batch.frame(0)
    assert bytes(view) == frame(1)
    rings.close()
    assert bytes(view) == bytes(60)


def test_an_interface_that_is_not_there(cable):
    with cable.do(packet_socket.open_socket) as sock:
        assert packet_socket.link(sock, "s1").kind == packet_socket.ETHERNET
        assert packet_socket.link(sock, "lo").kind == packet_socket.LOOPBACK
        for missing in ("s9", "a-name-longer-than-any", 99999):
            with pytest.raises(OSError, match="No such device"):
                packet_socket.link(sock, missing)


def test_memory_that_is_not_there_is_done_without(cable, monkeypatch):
    real = packet_socket.set_option

    def short_of_memory(sock, option, value):
        if isinstance(value, bytes) and len(value) == 28:
            block, blocks = struct.unpack_from("II", value)
            if block * blocks > 2 << 20:
                raise OSError(errno.ENOMEM, "Cannot allocate memory")
        real(sock, option, value)

    monkeypatch.setattr(packet_socket, "set_option", short_of_memory)
    rings = Rings([cable.do(packet_socket.open_socket)], 64 << 20)
    assert rings.rings[0].size == 2 << 20
    rings.close()


@pytest.mark.parametrize(
    ("budget", "count", "size"),
    [(64 << 20, 1, 64 << 20), (256 << 20, 12, 16 << 20), (256 << 20, 1000, 1 << 20)],
)
def test_rings_share_a_budget(budget, count, size):
    assert ring_size(budget, count) == size


def test_without_the_right_the_cure_is_named(monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(MachineError, match="root") as caught:
        packet_socket.open_socket()
    assert "sudo" in caught.value.cure


def test_many_rings_lie_in_one_stretch_of_memory(cable):
    sockets = [cable.do(packet_socket.open_socket) for _ in range(6)]
    rings = Rings(sockets, 1 << 20, 10)
    for sock in sockets:
        packet_socket.listen(sock, packet_socket.link(sock, "s1").index)
    with cable.sender() as sender:
        sender.send(frame(9))
    batch = Batch.sized(rings.memory, 4)
    seen, deadline = [], time.monotonic() + 5
    while len(seen) < 6 and time.monotonic() < deadline:
        for ring in rings.wait(0.1)[0]:
            for block in rings.take(ring, 1):
                rings.read([block], batch, 262144, fast=False)
                seen.append((batch.start[0] // (1 << 20), bytes(batch.frame(0))))
                rings.release([block])
    assert sorted(seen) == [(number, frame(9)) for number in range(6)]
    views = [rings.memory[ring.at : ring.at + 8] for ring in rings.rings]
    rings.close()
    assert [sock.fileno() for sock in sockets] == [-1] * 6
    assert [bytes(view) for view in views] == [bytes(8)] * 6
