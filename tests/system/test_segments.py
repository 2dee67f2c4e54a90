"""The segments that netarium cuts of a super-frame are those that the kernel cuts of it."""

from __future__ import annotations

import os
import threading

import pytest

from netarium import Lab
from netarium.wire import TCP, UDP, Ethernet, IPv4, Packet, Verdict, is_super_frame, judge, segments

#: Prints the frames that arrive at an interface as hex, until its time is over.
CAPTURE = """
import select, socket, sys, time
capture = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
capture.bind((sys.argv[1], 0))
capture.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
capture.setsockopt(263, 23, 1)  # PACKET_IGNORE_OUTGOING
end = time.time() + 20
while time.time() < end:
    if select.select([capture], [], [], 0.1)[0]:
        frame = capture.recv(1 << 17)
        print(frame.hex())
        if b"that is all" in frame:
            break
"""
#: Makes the kernel cut and sum on an interface as if its card could not.
NO_OFFLOAD = """
import array, fcntl, socket, struct, sys
control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for command in (0x1F, 0x24, 0x17):  # ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_STXCSUM
    word = array.array("B", struct.pack("II", command, 0))
    request = struct.pack("16sQ16x", sys.argv[1].encode(), word.buffer_info()[0])
    fcntl.ioctl(control, 0x8946, request)  # SIOCETHTOOL
"""
SERVER = """
import socket
with socket.create_server(("", 5000)) as server:
    stream, _ = server.accept()
    while stream.recv(1 << 20):
        pass
"""
CLIENT = """
import socket, time
for _ in range(50):
    try:
        stream = socket.create_connection(("10.0.2.2", 5000))
        break
    except OSError:
        time.sleep(0.1)
stream.sendall(bytes(number % 251 for number in range(100_000)))
stream.close()
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.setsockopt(17, 103, 1000)  # UDP_SEGMENT
datagrams.sendto(bytes(4500), ("10.0.2.2", 6000))
time.sleep(0.3)
datagrams.setsockopt(17, 103, 0)
datagrams.sendto(b"that is all", ("10.0.2.2", 6000))
"""


@pytest.fixture(scope="module")
def seen():
    """Frames of a stream and of datagrams, before and after the kernel has cut them."""
    with Lab(f"segments-{os.getpid()}") as lab:
        a = lab.node("a", "10.0.1.2/24", gateway="10.0.1.1")
        router = lab.node(
            "router", interfaces={"eth0": "10.0.1.1/24", "eth1": "10.0.2.1/24"}, forwarding=True
        )
        b = lab.node("b", "10.0.2.2/24", gateway="10.0.2.1")
        lab.link(a, router["eth0"])
        lab.link(router["eth1"], b)
        lab.up()
        router.run(["python3", "-c", NO_OFFLOAD, "eth1"], check=True)
        found: dict[str, str] = {}

        def capture(name, node, interface):
            found[name] = node.run(["python3", "-c", CAPTURE, interface], check=True).stdout

        threads = [
            threading.Thread(target=capture, args=("before", router, "eth0")),
            threading.Thread(target=capture, args=("after", b, "eth0")),
            threading.Thread(target=b.run, args=(["python3", "-c", SERVER],)),
        ]
        for thread in threads:
            thread.start()
        b.run("for i in $(seq 50); do ss -ltn | grep -q :5000 && break; sleep 0.1; done")
        b.run("sleep 0.3")
        a.run(["python3", "-c", CLIENT], check=True)
        for thread in threads:
            thread.join()
    return [
        [
            packet
            for packet in map(Packet.parse, map(bytes.fromhex, found[name].split()))
            if packet.get(IPv4) and packet[IPv4].src == "10.0.1.2"
        ]
        for name in ("before", "after")
    ]


def test_the_kernel_cuts_the_same(seen):
    before, after = seen
    assert max(map(len, before)) > 10_000
    assert max(map(len, after)) == 1514
    ours = []
    for packet in before:
        if UDP in packet and len(packet) > 1514:
            packet.segment = 1000  # as the kernel would say; of TCP, the link's MTU tells
        ours += segments(packet)
    assert len(ours) == len(after)
    for mine, theirs in zip(ours, after, strict=True):
        mine[IPv4].ttl -= 1  # there is a router between
        mine[Ethernet].src, mine[Ethernet].dst = theirs[Ethernet].src, theirs[Ethernet].dst
        assert mine.data.hex() == theirs.data.hex()


def test_the_checksums_before_are_left_to_a_card(seen):
    before, after = seen
    large = [packet for packet in before if is_super_frame(packet)]
    assert large
    assert {judge(packet)[1].verdict for packet in large} == {Verdict.OFFLOAD}
    assert {judged.verdict for packet in after for judged in judge(packet)} == {Verdict.VALID}
    assert TCP in large[0]
