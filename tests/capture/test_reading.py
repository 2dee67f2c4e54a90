"""Capture files are read as packets and batches, filtered as tcpdump would."""

from __future__ import annotations

import io
import subprocess

import pytest

from netarium.capture import batches, read
from netarium.errors import NetariumError
from netarium.ports.capture_file import BrokenCaptureError
from netarium.ports.libpcap import FilterError
from netarium.wire import Packet
from tests.ports.captured import Blocks, Seen, frames, pcap, seen


def udp(number: int, port: int) -> Seen:
    """A datagram over IPv4 and Ethernet."""
    payload = bytes([number]) * number
    head = port.to_bytes(2, "big") * 2 + (8 + number).to_bytes(2, "big") + bytes(2)
    ip = bytes([0x45, 0]) + (28 + number).to_bytes(2, "big") + bytes(4) + b"\x40\x11\0\0"
    ip += b"\x0a\0\0\1\x0a\0\0\2"
    data = bytes(12) + b"\x08\0" + ip + head + payload
    return Seen(data, 1_000_000_000 * number, len(data))


PACKETS = [udp(number, 53 if number % 3 else 99) for number in range(1, 30)]


def test_packets_come_with_what_is_known_of_them(tmp_path):
    path = tmp_path / "some.pcap"
    path.write_bytes(pcap(PACKETS))
    packets = list(read(path))
    assert all(isinstance(packet, Packet) for packet in packets)
    assert [packet.data for packet in packets] == [packet.data for packet in PACKETS]
    assert [packet.number for packet in packets] == list(range(1, 30))
    assert [packet.time for packet in packets] == [packet.time for packet in PACKETS]


@pytest.mark.needs("tcpdump")
@pytest.mark.parametrize("expression", ["port 53", "udp and len > 60", "not ip", "host 10.0.0.2"])
def test_a_filter_leaves_what_tcpdump_leaves(expression, tmp_path):
    path, left = tmp_path / "some.pcap", tmp_path / "left.pcap"
    path.write_bytes(pcap(PACKETS + frames(5, unit=1000)))
    command = ["tcpdump", "-r", path, "-w", left, expression]
    subprocess.run(command, check=True, capture_output=True)
    assert seen(batches(path, filter=expression)) == seen(batches(left))
    numbers = [packet.number for packet in read(path, filter=expression)]
    whole = [packet.data for packet in read(path)]
    assert [whole[number - 1] for number in numbers] == [packet.data for packet in read(left)]


def test_a_filter_on_interfaces_of_several_link_types():
    make = Blocks()
    data = b"".join(
        [
            make.section(),
            make.interface((2, b"ethernet")),
            make.packet(PACKETS[0]),
            make.interface((2, b"raw"), link_type=101),
            make.packet(PACKETS[1]._replace(data=PACKETS[1].data[14:]), interface=1),
            make.packet(PACKETS[2]._replace(data=PACKETS[2].data[14:]), interface=1),
        ]
    )
    found = [(packet.interface, packet.number) for packet in read(io.BytesIO(data), "port 53")]
    assert found == [("ethernet", 1), ("raw", 2)]


def test_a_wrong_filter_is_told_even_of_a_file_without_packets():
    with pytest.raises(FilterError, match="tpc"):
        list(read(io.BytesIO(pcap([])), filter="tpc port 80"))


def test_a_broken_file_gives_what_is_whole_and_then_tells():
    given = []
    with pytest.raises(BrokenCaptureError, match="breaks off at byte"):
        for packet in read(io.BytesIO(pcap(PACKETS)[:-1]), filter="udp"):
            given.append(packet.data)
    assert given == [packet.data for packet in PACKETS[:-1]]


def test_what_is_no_capture():
    with pytest.raises(NetariumError, match="is not a capture file"):
        list(read(io.BytesIO(b"hello, world")))
