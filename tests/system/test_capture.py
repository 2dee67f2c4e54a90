"""Capturing in the playground while its nodes work: what tshark makes of the files."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import netarium.capture
from netarium.capture.reading import read
from netarium.model import loads
from netarium.ports.capture_file import CaptureReader
from netarium.wire.batch import CHECKSUM_NOT_READY, DIRECTION
from tests.conftest import COMMAND
from tests.system.conftest import LabFactory, UpLab

ROOT = Path(__file__).parents[2]
HOPS = ["h1:eth0", "modemA:eth1", "modemA:eth0", "isp:eth0", "isp:eth2", "backbone:eth0"]
HOPS += ["backbone:eth1", "example:eth0", "example:eth1", "www:eth0"]
BEHIND_NAT = {"h1:eth0", "modemA:eth1"}


@contextmanager
def capturing(lab: UpLab, *words: str | Path) -> Iterator[subprocess.Popen[str]]:
    """A capture that has begun, and that is asked to end with the block."""
    process = subprocess.Popen(
        [COMMAND, "capture", "--lab", lab.name, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr
        assert "capturing on" in process.stderr.readline()
        yield process
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            time.sleep(0.05)
        assert process.wait(20) == 0, process.stderr.read()
    finally:
        process.kill()
        process.communicate()


def tshark(file: Path, filter: str, *fields: str) -> list[list[str]]:
    """What tshark says of a file, without a complaint."""
    wanted = [word for field in fields for word in ("-e", field)]
    done = subprocess.run(
        [
            "tshark",
            "-N",
            "n",
            "-r",
            file,
            "-Y",
            filter,
            "-T",
            "fields",
            "-E",
            "separator=,",
            *wanted,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    complaints = [line for line in done.stderr.splitlines() if "root" not in line]
    assert complaints == []
    return list(csv.reader(done.stdout.splitlines()))


@pytest.mark.needs("tshark", "curl")
def test_an_exchange_is_seen_at_every_hop_before_and_after_nat(
    playground: UpLab, tmp_path: Path
) -> None:
    file = tmp_path / "all.pcapng"
    process = subprocess.Popen(
        [COMMAND, "capture", "--lab", playground.name, "-w", file, "-t", "3"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    assert process.stderr.readline() == (
        "netarium: capturing on 18 interfaces of 12 nodes; Ctrl-C ends\n"
    )
    assert playground.out("h1", "curl -s -o /dev/null -w %{http_code} https://www.example.com/ip")
    assert "0 dropped by the kernel" in process.communicate(timeout=20)[1]
    assert process.returncode == 0

    hello = "tls.handshake.extensions_server_name == www.example.com"
    stream = {port for (port,) in tshark(file, hello, "tcp.srcport")}
    assert len(stream) == 1  # NAT keeps the port where it is free
    (port,) = stream
    syn = tshark(
        file,
        f"tcp.flags.syn == 1 and tcp.flags.ack == 0 and tcp.srcport == {port}",
        *("frame.interface_name", "ip.src", "_ws.col.Source", "_ws.col.Destination", "tcp.seq_raw"),
    )
    assert [row[0] for row in syn] == HOPS  # in order of time
    for interface, address, source, destination, _ in syn:
        home = interface in BEHIND_NAT
        assert address == ("192.168.1.11" if home else "10.25.1.65")
        assert (source, destination) == ("h1" if home else "modemA", "www")
    assert len({row[-1] for row in syn}) == 1
    payloads = [
        {
            tuple(row)
            for row in tshark(
                file,
                f'frame.interface_name == "{hop}" and tcp.port == {port} and tcp.len > 0',
                *("tcp.seq_raw", "tcp.payload"),
            )
        }
        for hop in HOPS
    ]
    assert payloads[0]
    assert all(payload == payloads[0] for payload in payloads)

    with CaptureReader(file) as reader:
        assert all(batch.count for batch in reader)
        assert {interface.name for interface in reader.interfaces} >= set(HOPS)
        assert all(interface.dropped == 0 for interface in reader.interfaces)
        assert reader.interfaces[0].description.startswith("192.168.1.11/24 on homeA")
        assert reader.names["10.130.1.4"] == "www"
        assert [node.name for node in loads(reader.lab).nodes][:3] == ["h1", "h2", "h3"]


@pytest.mark.needs("tshark", "curl")
def test_checksums_left_to_a_card_are_told_from_wrong_ones(
    playground: UpLab, tmp_path: Path
) -> None:
    file = tmp_path / "a.pcapng"
    with capturing(playground, "h1:eth0", "www:eth0", "-f", "tcp port 80", "-w", file):
        playground.out("h1", "curl -s -o /dev/null http://www.example.com/bytes/100000")
        time.sleep(0.2)
    packets = list(read(file))
    assert len(packets) > 10
    assert all(packet.flags & CHECKSUM_NOT_READY for packet in packets)
    assert {packet.flags & DIRECTION for packet in packets} == {1, 2}
    large = [packet for packet in packets if packet.segment]
    assert large
    assert all(packet.length > 1514 for packet in large)
    shown = playground.netarium("read", file).stdout
    assert "[offload]" in shown
    assert "[bad" not in shown


@pytest.mark.needs("tshark")
def test_a_capture_killed_at_its_busiest_leaves_a_whole_file(
    playground: UpLab, tmp_path: Path
) -> None:
    flood = playground.directory / "flood.py"
    flood.write_text(
        "import socket, time\n"
        "sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "end = time.monotonic() + 20\n"
        "while time.monotonic() < end:\n"
        "    for _ in range(500): sock.sendto(b'.' * 1000, ('192.168.1.1', 4990))\n"
    )
    sender = subprocess.Popen(
        [COMMAND, "exec", "--lab", playground.name, "h1", "--", "python3", "/lab/flood.py"]
    )
    try:
        for attempt in range(2):
            file = tmp_path / f"{attempt}.pcapng"
            process = subprocess.Popen(
                [COMMAND, "capture", "--lab", playground.name, "h1", "-w", file, "-f", "udp"],
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            assert process.stderr
            process.stderr.readline()
            time.sleep(0.3 + random.random() / 5)
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            time.sleep(0.1)
            packets = sum(1 for _ in read(file))
            assert packets > 1000
            done = subprocess.run(["tshark", "-r", file], capture_output=True, text=True)
            assert (done.returncode, len(done.stdout.splitlines())) == (0, packets)
    finally:
        sender.terminate()
        sender.wait()
        flood.unlink()


@pytest.mark.needs("ping")
def test_packets_reach_a_python_program_live(playground: UpLab) -> None:
    how = {"lab": playground.name, "filter": "icmp", "seconds": 10}
    with netarium.capture.live("h1:eth0", "www", count=4, **how) as packets:
        playground.out("h1", "ping -qc1 www")
        found = list(packets)
        assert packets.drops == 0
    assert sorted(packet.interface for packet in found) == ["h1:eth0"] * 2 + ["www:eth0"] * 2
    assert [packet.time for packet in found] == sorted(packet.time for packet in found)
    assert [packet.number for packet in found] == [1, 2, 3, 4]
    assert {packet[netarium.wire.IPv4].src for packet in found} == {
        "192.168.1.11",
        "10.25.1.65",
        "10.130.1.4",
    }
    assert list(packets) == []
    assert packets.drops == 0


@pytest.mark.needs("ping")
def test_columns_come_live(playground: UpLab) -> None:
    names = ["interface", "length", "ip_ttl"]
    how = {"lab": playground.name, "filter": "icmp", "count": 4, "seconds": 10}
    with netarium.capture.columns("h1:eth0", "www", names=names, **how) as batches:
        playground.out("h1", "ping -qc1 www")
        rows = [row for batch in batches for row in batch.to_pylist()]
    assert [row["length"] for row in rows] == [98] * 4
    assert [row["ip_ttl"] for row in rows] == [64, 60, 64, 60]


def test_a_program_can_end_its_capture(playground: UpLab) -> None:
    packets = netarium.capture.live("h1", lab=playground.name, filter="udp port 4991")
    threading.Timer(0.1, packets.stop).start()
    began = time.monotonic()
    assert list(packets) == []
    assert time.monotonic() - began < 5
    packets.close()


@pytest.mark.needs("curl")
def test_webcapture(playground: UpLab, tmp_path: Path) -> None:
    program = (ROOT / "examples/webcapture.py").read_text()
    assert 'live("h1:eth0", ' in program
    program = program.replace('live("h1:eth0", ', f'live("h1:eth0", lab="{playground.name}", ')
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    while process.poll() is None:
        playground.exec("h1", "curl -s -o /dev/null http://www.example.com/", check=False)
        time.sleep(0.1)
    assert process.stdout
    lines = process.stdout.read().splitlines()
    process.stdout.close()
    assert [line.split()[0] for line in lines] == [str(n) for n in range(1, 13)]
    assert len(list(read(tmp_path / "hello.pcap"))) == 12


def test_nothing_stays_behind(lab_factory: LabFactory, tmp_path: Path) -> None:
    lab = lab_factory("nodes: {a: {}, b: {}}\nlinks: [[a, b]]\n")
    with capturing(lab, "-w", tmp_path / "a.pcapng") as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 1  # the guardian
    time.sleep(0.1)
    assert not Path(f"/proc/{children[0]}").exists()
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".pcapng"] == ["a.pcapng"]
