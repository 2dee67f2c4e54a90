"""``netarium read`` as a person uses it: on a terminal, in pipes, with files that break off."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time

import pytest
import typer

from netarium.capture import write
from netarium.cli import packet_showing, packets
from netarium.ports.capture_file import CaptureReader
from netarium.wire import TCP, UDP, Ethernet, IPv4
from tests.cli.terminals import person_at
from tests.conftest import COMMAND
from tests.wire.batches import batch_of
from tests.wire.corpus import START, corpus, pcap, write_corpus

EVIL = "\x1b[2J\x1b]0;owned\x07"


def conversation():
    """A short exchange over TCP, with a datagram before it."""

    def segment(client, data=b"", seq=0, ack=0, flags="ACK", **more):
        ends = ("10.0.0.1", "10.0.0.2") if client else ("10.0.0.2", "10.0.0.1")
        ports = (40000, 80) if client else (80, 40000)
        header = TCP(sport=ports[0], dport=ports[1], seq=seq, ack=ack, flags=flags, **more)
        return Ethernet() / IPv4(src=ends[0], dst=ends[1]) / header / data

    ask = f"GET /{EVIL} HTTP/1.1\r\n\r\n".encode()
    answer = b"HTTP/1.1 200 OK\r\n\r\n\x9b31mred\n"
    return [
        Ethernet() / IPv4(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=9, dport=7) / b"ping",
        segment(True, seq=99, flags="SYN"),
        segment(False, seq=499, ack=100, flags="SYN ACK"),
        segment(True, seq=100, ack=500),
        segment(True, ask, seq=100, ack=500),
        segment(False, answer, seq=500, ack=100 + len(ask)),
        segment(True, seq=100 + len(ask), ack=500 + len(answer), flags="FIN ACK"),
    ]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A capture file with the conversation."""
    path = tmp_path_factory.mktemp("read") / "talk.pcapng"
    packets = conversation()
    for number, packet in enumerate(packets):
        packet.time = (START + number) * 1_000_000_000
    write(path, packets)
    return path


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    path = tmp_path_factory.mktemp("read") / "corpus.pcap"
    write_corpus(path)
    return path


def told(netarium, *words, **options):
    return netarium("read", *words, **options).stdout.splitlines()


# --- lines --------------------------------------------------------------------------------


def test_a_line_a_packet(netarium, file):
    lines = told(netarium, file, env={"TZ": "UTC"})
    assert len(lines) == 7
    assert lines[0] == "00:00:00.000000 IP 10.0.0.1.9 > 10.0.0.2.7: UDP, length 4"
    assert lines[2].startswith("00:00:02.000000 IP 10.0.0.2.80 > 10.0.0.1.40000: Flags [S.],")
    assert re.search(r"seq 1:\d+, ack 1, .*: HTTP: GET /\\x1b\[2J", lines[4])


def test_time_is_local_unless_asked_otherwise(netarium, file):
    def first(*words):
        return told(netarium, file, "-c", "2", *words, env={"TZ": "Asia/Kathmandu"})[-1].split()[0]

    assert first() == "05:45:01.000000"
    assert first("--time", "utc") == "00:00:01.000000"
    assert first("-t", "epoch") == f"{START + 1}.000000"
    assert first("-t", "relative") == first("-t", "delta") == "1.000000"
    assert first("-t", "none") == "IP"


def test_numbers_filters_and_counts(netarium, file):
    def which(*words):
        return [int(line.split()[0][6:8]) for line in told(netarium, file, "-t", "utc", *words)]

    assert which("--packet", "2") == [1]
    assert which("--packet", "6-,2-3,1") == [0, 1, 2, 5, 6]
    assert which("-f", "tcp[tcpflags] & tcp-syn != 0") == [1, 2]
    assert which("-f", "tcp", "-c", "2") == [1, 2]
    assert which("-f", "tcp", "-p", "3-4") == [2, 3]
    assert which("-f", "port 53") == []


def test_a_packet_picked_by_number_is_told_as_among_all(netarium, file):
    for clock in ("relative", "delta"):
        everything = told(netarium, file, "-t", clock)
        assert told(netarium, file, "-t", clock, "-p", "2,5-6") == everything[1:2] + everything[4:6]
    heading = netarium("read", file, "-t", "delta", "-p", "6", "-v").stdout.splitlines()[0]
    assert heading.startswith("Packet 6  1.000000000 s  ")
    assert netarium("read", file, "-t", "relative", "-p", "6", "-v").stdout.startswith(
        "Packet 6  5.000000000 s  "
    )


def test_absolute_numbers_and_the_link_layer(netarium, file):
    line = told(netarium, file, "-S", "-e", "-p", "5")[0]
    assert re.search(r" (\w\w:){5}\w\w > (\w\w:){5}\w\w, ethertype IPv4 \(0x0800\), length ", line)
    assert "seq 100:" in line


def test_the_plain_and_the_full_parser_agree(netarium, file):
    quick = netarium("read", file, "-vx", "-p", "2", check=False)
    for words in (("-v", "-x", "-p", "2"), ("--verbose", "--hex", "--packet", "2")):
        assert netarium("read", file, *words).stdout == quick.stdout != ""


# --- other shapes -------------------------------------------------------------------------


def test_layer_by_layer(netarium, file):
    text = netarium("read", file, "-v", "-p", "2").stdout
    assert "\nTCP  RFC 9293, section 3.1 " in text
    assert re.search(r"Checksum +0x\w{4}  valid\n", text)
    assert "Which program is meant" not in text
    assert "Which program is meant" in netarium("read", file, "-vv", "-p", "2").stdout


def test_bytes_below_the_line_or_the_layers(netarium, file):
    text = netarium("read", file, "-x", "-p", "1").stdout
    assert "UDP, length 4\nEthernet 0-13 | IPv4 14-33 | UDP 34-41 | Payload 42-45\n" in text
    assert re.search(r"^0020  00 02\|.*\|70 69 6e 67 +\.\..*ping$", text, re.MULTILINE)
    both = netarium("read", file, "-vx", "-p", "1").stdout
    assert both.index("Payload  ") < both.index("0020 ")


def test_json_is_an_object_a_line(netarium, everything):
    records = [json.loads(line) for line in told(netarium, everything, "--json")]
    assert [record["number"] for record in records] == list(range(1, len(corpus()) + 1))
    assert records[0]["layers"][1]["layer"] == "ARP"


def test_writing_what_was_chosen(netarium, file, tmp_path):
    out = tmp_path / "part.pcapng"
    done = netarium("read", file, "-f", "tcp", "-c", "3", "-w", out, "--summary")
    assert done.stdout == ""
    assert "3 packets of 162 bytes written to" in done.stderr
    assert told(netarium, out) == told(netarium, file, "-f", "tcp", "-c", "3")


def test_a_file_written_anew_keeps_the_lab(netarium, tmp_path):
    whole, part = tmp_path / "whole.pcapng", tmp_path / "part.pcapng"
    write(whole, conversation(), comment="for all to see", lab="name: x\n")
    netarium("read", whole, "-c", "1", "-w", part)
    with CaptureReader(part) as capture:
        assert sum(batch.count for batch in capture) == 1
    assert (capture.lab, capture.comment) == ("name: x\n", "for all to see")


def test_the_wire_view_cuts_super_frames(netarium, tmp_path):
    header = TCP(sport=1, dport=2, seq=1000, flags="PSH ACK")
    packet = Ethernet() / IPv4(src="10.0.0.1", dst="10.0.0.2") / header / bytes(3000)
    packet.segment = 1448
    path = tmp_path / "big.pcapng"
    write(path, [packet])
    assert "length 3000 [super-frame of segments of 1448]" in told(netarium, path)[0]
    cut = told(netarium, path, "--wire-view", "-S")
    assert [re.findall(r"\[.*?\]|seq [\d:]+", line) for line in cut] == [
        *(["[.]", "seq 1000:2448"], ["[.]", "seq 2448:3896"], ["[P.]", "seq 3896:4000"])
    ]


# --- streams ------------------------------------------------------------------------------


def test_following_a_connection(netarium, file):
    lines = told(netarium, file, "--stream", "0")
    assert lines[0].startswith("--- 10.0.0.1:40000 > 10.0.0.2:80, ")
    assert lines[1] == r"> GET /\x1b[2J\x1b]0;owned\x07 HTTP/1.1"
    assert lines[-2:] == ["< ", r"< \x9b31mred"]


def test_following_datagrams(netarium, file):
    assert told(netarium, file, "--stream", "udp:0")[1:] == ["> ping"]


def test_the_raw_bytes_of_a_stream(file):
    done = subprocess.run(
        [COMMAND, "read", file, "--stream", "0", "--raw"], capture_output=True, check=True
    )
    assert done.stdout.startswith(f"GET /{EVIL} HTTP/1.1\r\n".encode())
    assert done.stdout.endswith(b"\x9b31mred\n")


def test_a_stream_as_json(netarium, file):
    turns = [json.loads(line) for line in told(netarium, file, "--stream", "0", "--json")]
    assert [turn["source"] for turn in turns] == ["10.0.0.1:40000", "10.0.0.2:80"]
    assert bytes.fromhex(turns[1]["hex"]).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--stream", "5"], 1, "no TCP stream 5"),
        (["--stream", "x"], 2, "names no stream"),
        (["--stream", "sctp:1"], 2, "names no stream"),
        (["--raw"], 2, "--raw goes with --stream"),
        (["--stream", "0", "-v"], 2, "do not go together"),
        (["--json", "-w", "x.pcap"], 2, "do not go together"),
        (["--packet", "0"], 2, "no packet numbers"),
        (["--packet", "5-2"], 2, "no packet numbers"),
        (["--packet", "100"], 4, "no packet 100"),
        (["--time", "noon"], 2, "no clock 'noon'"),
        (["-c", "0"], 2, "--count"),
        (["-f", "prot 80"], 2, "did you mean proto?"),
        (["-w", "out.txt"], 2, "does not say what to write"),
    ],
)
def test_mistakes_are_told_in_one_breath(netarium, file, tmp_path, words, code, says):
    done = netarium("read", file, *words, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_no_file_no_capture(netarium, tmp_path):
    assert netarium("read", "nowhere.pcap", check=False, cwd=tmp_path).returncode == 4
    (tmp_path / "text").write_text("no capture at all, only text")
    done = netarium("read", "text", check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("netarium: ")


# --- pipes and broken files ---------------------------------------------------------------


def test_standard_input(file):
    done = subprocess.run(
        [COMMAND, "read", "-", "-c", "1"], input=file.read_bytes(), capture_output=True, check=True
    )
    assert done.stdout.endswith(b"UDP, length 4\n")


def test_a_broken_file_shows_all_that_there_is(netarium, tmp_path):
    whole = pcap([(data, length) for _, data, length in corpus()[:10]])
    (tmp_path / "cut.pcap").write_bytes(whole[:-5])
    done = netarium("read", "cut.pcap", check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 9
    assert len(done.stderr.strip().splitlines()) <= 2
    assert "cut.pcap" in done.stderr
    done = netarium("read", "cut.pcap", "-w", "saved.pcap", check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert len(told(netarium, tmp_path / "saved.pcap")) == 9


def test_a_reader_that_leaves_is_no_error(everything):
    script = f"'{COMMAND}' read '{everything}' -v | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] in ("0", "141")
    assert done.stdout.startswith("Packet 1 ")
    assert done.stderr == ""


def test_lines_come_while_the_capture_goes_on_and_ctrl_c_is_quiet(file):
    reading = subprocess.Popen(
        [COMMAND, "read", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert reading.stdin
        assert reading.stdout
        reading.stdin.write(pcap([(data, length) for _, data, length in corpus()[:3]]))
        reading.stdin.flush()
        assert b"ARP, Request who-has" in reading.stdout.readline()
        time.sleep(0.1)
        reading.send_signal(signal.SIGINT)
        _, complaints = reading.communicate(timeout=10)
        assert (reading.returncode, complaints) == (130, b"")
    finally:
        reading.kill()
        reading.wait()


# --- terminals ----------------------------------------------------------------------------


def screen(file, *words, env=None):
    with person_at([str(COMMAND), "read", str(file), *words], env=env, columns=80) as person:
        assert person.exit_code() == 0
        return person


def test_colours_on_a_terminal_only_where_they_are_wanted(file):
    assert b"\x1b[1;36mTCP\x1b[0m" in screen(file, "-v", "-p", "2").raw
    plain = screen(file, "-vx", "-p", "2", env={"NO_COLOR": "1"})
    assert b"\x1b" not in plain.raw
    assert b"\x1b" not in screen(file, "-v", "-p", "2", env={"TERM": "dumb"}).raw


def test_eighty_columns_are_enough_for_layers_and_bytes(everything):
    person = screen(everything, "-vx", "--packet", "1-120", env={"NO_COLOR": "1"})
    assert max(map(len, person.screen.splitlines())) <= 80


@pytest.mark.parametrize("words", [[], ["-v"], ["-x"], ["--stream", "0"], ["--json"]])
def test_a_hostile_packet_cannot_speak_to_the_terminal(file, words):
    raw = screen(file, *words, env={"NO_COLOR": "1"}).raw
    assert b"\x1b" not in raw
    assert b"\x07" not in raw
    assert b"\x9b" not in raw


def test_what_is_wrong_is_red(tmp_path):
    path = tmp_path / "wrong.pcap"
    write(path, [Ethernet() / IPv4(checksum=1) / UDP()])
    assert b"\x1b[31m[bad ip cksum]\x1b[0m" in screen(path).raw


# --- speed --------------------------------------------------------------------------------


def test_a_small_file_is_there_in_an_instant(file):
    """150 ms on a quiet machine; a generous limit, and no numba, in the tests."""
    best = 9.0
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run([COMMAND, "read", file], capture_output=True, check=True)
        best = min(best, time.perf_counter() - began)
    assert best < 0.75
    program = (
        "import sys; from netarium.cli.main import main\n"
        f"main(['read', {str(file)!r}])\n"
        "print({'numba', 'numpy', 'typer', 'rich', 'msgspec'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "set()"


@pytest.mark.needs("tcpdump")
def test_a_large_file_takes_no_longer_than_with_tcpdump(tmp_path):
    """Text of many packets, as whole commands; twice tcpdump's time is let pass in a test."""
    usual = ("tcp flags", "tcp data", "ipv6 udp", "icmp echo", "http request", "arp")
    frames = [data for name, data, _ in corpus() if name in usual or name.startswith(usual[0])]
    path = tmp_path / "large.pcap"
    path.write_bytes(pcap([(data, len(data)) for data in frames * (300_000 // len(frames))]))
    environment = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"}

    def seconds(*words):
        nowhere = subprocess.DEVNULL
        began = time.perf_counter()
        subprocess.run(words, stdout=nowhere, stderr=nowhere, check=True, env=environment)
        return time.perf_counter() - began

    seconds(COMMAND, "read", path)  # the loops are compiled once
    ours = min(seconds(COMMAND, "read", path) for _ in range(3))
    theirs = min(seconds("tcpdump", "-nn", "-r", path) for _ in range(3))
    assert ours < 2 * theirs + 0.5


def test_memory_stays_flat(tmp_path):
    frame = next(data for name, data, _ in corpus() if name == "tcp data")
    path = tmp_path / "long.pcap"
    with path.open("wb") as long:
        part = pcap([(frame, len(frame))] * 10_000)
        long.write(part)
        for _ in range(39):
            long.write(part[24:])
    script = (
        "import resource, subprocess, sys\n"
        f"subprocess.run([{str(COMMAND)!r}, 'read', {str(path)!r}], stdout=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 300  # megabytes: those of numba; the file has 40
    assert batch_of([frame]).count == 1


@pytest.mark.parametrize(
    "line",
    [
        *("f", "-v f", "f -vv", "f -v -v -x", "-x --json f", "f -S -e", "f -c 7", "-p 3-4 f"),
        *("f --packet 1 --filter tcp", "f -f 'tcp or udp' -c 1", "-", "f --hex"),
    ],
)
def test_the_quick_parser_understands_what_the_full_one_does(monkeypatch, line):
    seen = []
    monkeypatch.setattr(packet_showing, "show", seen.append)
    words = shlex.split(line)
    typer.main.get_command(packets.app("read"))(words, standalone_mode=False)
    assert seen == [packet_showing.parse(words)]


@pytest.mark.parametrize(
    "line", ["", "-c f", "f -c x", "f -c 0", "f g", "--help", "f --nonsense", "-vvv f", "f -p"]
)
def test_the_quick_parser_leaves_what_it_is_not_sure_about(line):
    assert packet_showing.parse(shlex.split(line)) is None
