"""netarium capture and extcap, as a person and Wireshark use them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from netarium.capture.reading import read
from netarium.cli.quantities import parse_seconds, parse_size
from netarium.errors import UsageError
from tests.cli.conftest import CliLab
from tests.conftest import COMMAND


@contextmanager
def capturing(lab: CliLab, *words, stdout=subprocess.PIPE):
    """A capture that has begun; it is over when the block is."""
    process = subprocess.Popen(
        [COMMAND, "capture", "--lab", lab.name, *map(str, words)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stderr
        process.begun = process.stderr.readline()  # type: ignore[attr-defined]
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ended(process, number=signal.SIGINT):
    """What a capture says when it is asked to end, on stdout and stderr."""
    process.send_signal(number)
    out, said = process.communicate(timeout=20)
    assert process.returncode == 0, said
    return out, said


def ping(lab, count=2):
    assert (
        lab.call("exec", "h1", "--", "ping", "-4", "-qc", str(count), "-i0.02", "h2").returncode
        == 0
    )


@pytest.mark.needs("ping")
class TestText:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_a_line_for_each_packet_until_a_signal(self, cli_lab, number):
        with capturing(cli_lab, "h1:eth0", "-f", "icmp") as process:
            assert process.begun == "netarium: capturing on 1 interface of 1 node; Ctrl-C ends\n"
            ping(cli_lab)
            out, said = ended(process, number)
        lines = out.splitlines()
        assert len(lines) == 4
        assert "ICMP echo request" in lines[0]
        assert "ICMP echo reply" in lines[1]
        assert said == "netarium: 4 packets captured, 0 dropped by the kernel\n"

    def test_a_filter_knows_nodes_by_name(self, cli_lab):
        with capturing(cli_lab, "h1", "-f", "icmp and src host h2", "-c", "2") as process:
            ping(cli_lab)
            out, _ = process.communicate(timeout=20)
        assert out.count("echo reply") == 2

    def test_lines_come_as_packets_do(self, cli_lab):
        with capturing(cli_lab, "h1", "-f", "icmp") as process:
            ping(cli_lab, 1)
            began = time.monotonic()
            assert process.stdout and "echo request" in process.stdout.readline()
            assert time.monotonic() - began < 2

    def test_several_places_are_named(self, cli_lab):
        with capturing(cli_lab, "h1:eth0", "h2", "-f", "icmp", "-c", "4") as process:
            assert "on 2 interfaces of 2 nodes" in process.begun
            ping(cli_lab)
            out, _ = process.communicate(timeout=20)
        names = [line.split()[1] for line in out.splitlines()]
        assert sorted(names) == ["h1:eth0", "h1:eth0", "h2:eth0", "h2:eth0"]

    def test_json_lines(self, cli_lab):
        with capturing(cli_lab, "h1:eth0", "-f", "icmp", "-c", "1", "--json") as process:
            ping(cli_lab)
            out, _ = process.communicate(timeout=20)
        (packet,) = map(json.loads, out.splitlines())
        assert packet["interface"] == "h1:eth0"
        assert [layer["layer"] for layer in packet["layers"]][:3] == ["Ethernet", "IPv4", "ICMP"]

    def test_a_reader_that_leaves_ends_it_quietly(self, cli_lab):
        with capturing(cli_lab, "h1", "-f", "icmp") as process:
            ping(cli_lab, 1)
            process.stdout.readline()
            process.stdout.close()
            process.stdout = None
            assert process.wait(10) == 141
            assert process.stderr.read() == ""


@pytest.mark.needs("ping", "tshark")
class TestFiles:
    def test_pcapng(self, cli_lab, tmp_path):
        file = tmp_path / "all.pcapng"
        with capturing(cli_lab, "-w", file) as process:
            assert "of 3 nodes; Ctrl-C ends" in process.begun
            ping(cli_lab)
            out, said = ended(process)
        packets = list(read(file))
        assert out == ""
        assert said == (
            f"netarium: {len(packets)} packets captured into {file}, 0 dropped by the kernel\n"
        )
        fields = ("frame.interface_name", "_ws.col.Source", "_ws.col.Destination")
        wanted = [word for field in fields for word in ("-e", field)]
        shown = subprocess.run(
            ["tshark", "-N", "n", "-r", file, "-Y", "icmp", "-T", "fields", *wanted],
            capture_output=True,
            text=True,
            check=True,
        )
        rows = [line.split("\t") for line in shown.stdout.splitlines()]
        there, back = [["h1", "h2"]] * 2, [["h2", "h1"]] * 2
        assert [row[1:] for row in rows] == [*there, *back, *there, *back]
        assert {row[0] for row in rows} == {"h1:eth0", "h2:eth0"}
        assert [line for line in shown.stderr.splitlines() if "root" not in line] == []

    def test_pcap_and_the_summary_in_json(self, cli_lab, tmp_path):
        file = tmp_path / "a.pcap"
        with capturing(
            cli_lab, "-w", file, "h1:eth0", "-f", "icmp", "-c", "3", "--json", "-s", "40"
        ) as process:
            ping(cli_lab)
            out, _ = process.communicate(timeout=20)
        summary = json.loads(out)
        assert summary.pop("seconds") > 0
        assert summary == {
            "packets": 3,
            "dropped": {"h1:eth0": 0},
            "interfaces": 1,
            "files": [str(file)],
        }
        assert file.read_bytes()[:4] == bytes.fromhex("4d3cb2a1")
        assert [(len(p.data), p.length) for p in read(file)] == [(40, 98)] * 3

    def test_a_stream(self, cli_lab):
        with capturing(cli_lab, "h1", "-f", "icmp", "-c", "2", "-w", "-") as process:
            reader = subprocess.Popen(
                ["tshark", "-r", "-"], stdin=process.stdout, stdout=subprocess.PIPE, text=True
            )
            ping(cli_lab)
            process.stdout.close()
            process.stdout = None
            out, _ = reader.communicate(timeout=30)
        assert out.count("Echo (ping)") == 2

    def test_after_a_kill_the_file_is_whole(self, cli_lab, tmp_path):
        file = tmp_path / "a.pcapng"
        with capturing(cli_lab, "h1", "-w", file) as process:
            ping(cli_lab)
            time.sleep(0.3)
            process.kill()
            process.wait()
        packets = list(read(file))
        assert sum("ICMP echo" in repr(packet) for packet in packets) == 4
        shown = subprocess.run(["tshark", "-r", file], capture_output=True, text=True, check=False)
        assert (shown.returncode, len(shown.stdout.splitlines())) == (0, len(packets))

    def test_rotation(self, cli_lab, tmp_path):
        with capturing(
            cli_lab, "h1:eth0", "-f", "icmp", "-w", tmp_path / "a.pcap", "-C", "1kB", "-W", "2"
        ) as process:
            ping(cli_lab, 20)
            _, said = ended(process)
        assert said.endswith(
            "netarium: 40 packets captured into 2 files, 0 dropped by the kernel\n"
        )
        files = sorted(path.name for path in tmp_path.iterdir())
        assert files == ["a-00004.pcap", "a-00005.pcap"]  # eight pings to a file


def test_this_machine(netarium):
    said = netarium("capture", "--host", "lo", "-f", "udp port 4995", "-t", "0.1").stderr
    assert "capturing on 1 interface; Ctrl-C ends" in said
    assert "0 packets captured" in said


def test_libpcap_does_the_same(cli_lab):
    with capturing(cli_lab, "h1", "-f", "icmp", "-c", "2", "--backend", "pcap") as process:
        ping(cli_lab)
        out, said = process.communicate(timeout=20)
    assert len(out.splitlines()) == 2
    assert said == "netarium: 2 packets captured, 0 dropped by the kernel\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["h7"], 4, "has no node 'h7'"),
        (["h1:eth7"], 4, "did you mean eth"),
        (["h1:"], 2, "as in h1 or h1:eth0"),
        (["-f", "tcp prt 80"], 2, "did you mean port?"),
        (["--host", "nothing"], 4, "this machine has no interface 'nothing'"),
        (["--backend", "bpf"], 2, "choose one of ring, pcap"),
        (["-t", "soon"], 2, "as in: 60, 5m or 2h"),
        (["-w", "a.pcap", "-C", "big"], 2, "as in: 100MB"),
        (["-C", "1MB"], 2, "name one with -w FILE"),
        (["-w", "-", "-G", "5"], 2, "only files are rotated"),
        (["-w", "a.pcap", "-W", "5"], 2, "add -C 100MB or -G 60"),
        (["-w", "/nowhere/a.pcapng"], 1, "/nowhere/a.pcapng cannot be written"),
        (["-w", "a.pcapng.gz"], 2, "gzip the file afterwards"),
        (["-c", "0"], 2, "--count"),
        (["-c", "some"], 2, "--count"),
    ],
)
def test_mistakes_are_answered(cli_lab, tmp_path, words, code, said):
    done = cli_lab.call("capture", *words, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_lab_that_goes_down_ends_the_capture(netarium, tmp_path):
    name = f"gone-{os.getpid()}"
    (tmp_path / "lab.yaml").write_text(
        f"name: {name}\nnodes: {{a: {{}}, b: {{}}}}\nlinks: [[a, b]]\n"
    )
    netarium("up", cwd=tmp_path)
    lab = CliLab(name, tmp_path, netarium)
    try:
        with capturing(lab, "-w", tmp_path / "a.pcapng") as process:
            netarium("down", name)
            _, said = process.communicate(timeout=20)
        assert process.returncode == 0
        assert f"netarium: lab {name} went down; the capture ends\n" in said
    finally:
        netarium("down", name, check=False)
    assert list(read(tmp_path / "a.pcapng")) is not None


@pytest.mark.parametrize(
    ("text", "size"),
    [("100", 100), ("100MB", 10**8), ("1.5k", 1500), ("2 GiB", 2 << 30), ("64KiB", 65536)],
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5", 5), ("1.5s", 1.5), ("250ms", 0.25), ("2m", 120), ("10 min", 600), ("1h", 3600)],
)
def test_times(text, seconds):
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-5", "5 parsecs", "five", "1e3", "nan"])
def test_what_is_no_quantity(text):
    with pytest.raises(UsageError):
        parse_seconds(text)
    with pytest.raises(UsageError):
        parse_size(text)


# --- Wireshark ----------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Somebody's home without any settings."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("SUDO_UID", raising=False)
    return tmp_path


def plug_in(*words):
    return subprocess.run(
        [sys.executable, "-I", "-m", "netarium.capture.extcap", *words],
        capture_output=True,
        text=True,
        timeout=20,
    )


def test_the_plug_in_lists_every_interface_at_once(cli_lab):
    began = time.monotonic()
    lines = plug_in("--extcap-interfaces", "--extcap-version=4.0").stdout.splitlines()
    took = time.monotonic() - began
    assert lines[0].startswith("extcap {version=")
    name = cli_lab.name
    for value, text in (
        (f"netarium-{name}", f"All of lab {name}"),
        (f"netarium-{name}-h1-eth1", f"h1:eth1 of lab {name}"),
    ):
        assert f"interface {{value={value}}}{{display={text}}}" in lines
    assert took < 1  # 40 ms where nothing else runs


def test_the_plug_in_answers_questions(cli_lab):
    named = ("--extcap-interface", f"netarium-{cli_lab.name}")
    assert plug_in(*named, "--extcap-capture-filter", "host bare").stdout == ""
    one = ("--extcap-interface", "netarium-x")
    assert plug_in(*one, "--extcap-dlts").stdout.startswith("dlt {number=1}{name=EN10MB}")
    assert "{call=--snaplen}" in plug_in(*one, "--extcap-config").stdout
    assert plug_in(*one, "--extcap-capture-filter", "tcp port 80").stdout == ""
    assert "syntax error" in plug_in(*one, "--extcap-capture-filter", "tcp prt").stdout
    gone = plug_in(*one, "--capture", "--fifo", "/dev/null")
    assert (gone.returncode, gone.stderr) == (4, "netarium-x is not running any more\n")
    assert plug_in().returncode == 2


@pytest.mark.needs("tshark", "ping")
def test_tshark_captures_live(cli_lab, home, netarium):
    assert "installed as" in netarium("extcap", "--install").stdout
    listed = subprocess.run(["tshark", "-D"], capture_output=True, text=True, check=True).stdout
    assert f"netarium-{cli_lab.name}-h2-eth0 (h2:eth0 of lab {cli_lab.name})" in listed
    process = subprocess.Popen(
        ["tshark", "-l", "-N", "n", "-i", f"netarium-{cli_lab.name}", "-f", "icmp", "-c", "4"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    for line in process.stderr:
        if "Capture started" in line:
            break
    for _ in range(20):  # it is not said when the first packet may come
        ping(cli_lab, 1)
        try:
            out, said = process.communicate(timeout=0.3)
            break
        except subprocess.TimeoutExpired:
            continue
    else:
        process.kill()
        pytest.fail("tshark got no packets")
    assert process.returncode == 0, said
    assert out.count("Echo (ping)") == 4
    assert "h1 → h2" in out
    assert "removed" in netarium("extcap", "--uninstall").stdout
    assert [path for path in home.rglob("*") if path.is_file() and "extcap" in str(path)] == []


def test_the_plug_in_goes_where_it_is_told(home, netarium, cli_lab):
    place = home / "there"
    done = netarium("extcap", "--install", "--directory", place, "--json")
    assert json.loads(done.stdout) == {"installed": str(place / "netarium")}
    program = place / "netarium"
    shown = subprocess.run([program, "--extcap-interfaces"], capture_output=True, text=True)
    assert f"netarium-{cli_lab.name}-h1-eth0" in shown.stdout
    listed = json.loads(netarium("extcap", "--directory", place, "--json").stdout)
    assert listed["installed"] == [str(program)]
    assert any(each["name"] == f"netarium-{cli_lab.name}" for each in listed["interfaces"])
    netarium("extcap", "--uninstall", "--directory", place)
    assert list(place.iterdir()) == []
    assert "not installed" in netarium("extcap", "--uninstall").stdout


def test_what_is_somebody_elses_is_left_alone(home, netarium):
    program = home / "netarium"
    program.write_text("#!/bin/sh\necho mine\n")
    done = netarium("extcap", "--install", "--directory", home, check=False)
    assert done.returncode == 1
    assert "is something else" in done.stderr
    netarium("extcap", "--uninstall", "--directory", home)
    assert "mine" in program.read_text()
    both = netarium("extcap", "--install", "--uninstall", check=False)
    assert both.returncode == 2


def test_the_list_for_people(home, netarium, cli_lab):
    done = netarium("extcap")
    assert f"netarium-{cli_lab.name}-h1-eth0" in done.stdout
    assert "extcap --install" in done.stderr
    assert Path(home).exists()


def test_what_pcap_does_not_keep_is_told(cli_lab, tmp_path):
    told = {}
    for suffix in ("pcap", "pcapng"):
        path = tmp_path / f"a.{suffix}"
        done = cli_lab.call("capture", "h1", "h2", "-t", "0.1", "-w", path)
        told[suffix] = [line for line in done.stderr.splitlines() if "keeps no" in line]
    assert told == {
        "pcap": [
            "netarium: pcap keeps no names of interfaces and no lab file; for these, write .pcapng"
        ],
        "pcapng": [],
    }
