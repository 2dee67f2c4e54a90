"""netarium draw and netarium ladder as commands: pictures, text, errors, and the docs' pictures."""

from __future__ import annotations

import gzip
import itertools
import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from netarium.capture import read, write
from tests.cli.terminals import person_at
from tests.conftest import COMMAND
from tests.wire.pictures import parsed, troubles

DOCS = Path(__file__).parents[2] / "docs"
WEB, LOSSY = DOCS / "images" / "web.pcapng.gz", DOCS / "images" / "lossy.pcapng.gz"
_MADE_BY = re.compile(r"^    netarium (.* -o images/(\S+\.svg))$", re.MULTILINE)


def made_by():
    page = (DOCS / "drawings.md").read_text()
    return [pytest.param(words, name, id=name) for words, name in _MADE_BY.findall(page)]


@pytest.mark.parametrize(("words", "name"), made_by())
def test_the_pictures_of_the_docs_are_what_their_commands_make(words, name, tmp_path, netarium):
    (tmp_path / "images").mkdir()
    for capture in (WEB, LOSSY):
        (tmp_path / "images" / capture.name).symlink_to(capture)
    netarium(*shlex.split(words), cwd=tmp_path)
    made = (tmp_path / "images" / name).read_text()
    assert made == (DOCS / "images" / name).read_text(), "make it again by its command"
    assert troubles(made) == []


def test_every_picture_of_the_page_has_its_command():
    page = (DOCS / "drawings.md").read_text()
    shown = re.findall(r"\]\(images/(\S+\.svg)\)", page)
    assert shown == [name for _, name in _MADE_BY.findall(page)]
    assert len(shown) >= 6


@pytest.mark.parametrize("verb", ["draw", "ladder"])
@pytest.mark.parametrize("kind", ["svg", "pdf", "png"])
def test_pictures_by_suffix(verb, kind, tmp_path, netarium):
    done = netarium(verb, WEB, "-o", f"picture.{kind}", cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("", "")
    begins = {"svg": b"<svg ", "pdf": b"%PDF-", "png": b"\x89PNG\r\n"}[kind]
    assert (tmp_path / f"picture.{kind}").read_bytes().startswith(begins)


@pytest.mark.parametrize("verb", ["draw", "ladder"])
def test_a_dash_reads_standard_input_and_writes_svg(verb, tmp_path):
    with WEB.open("rb") as capture:
        words = [COMMAND, verb, "-", "-o", "-"]
        done = subprocess.run(words, stdin=capture, capture_output=True, check=True, timeout=60)
    assert parsed(done.stdout.decode()).said()
    assert list(tmp_path.iterdir()) == []


def test_several_packets_stand_side_by_side(netarium):
    drawn = parsed(netarium("draw", WEB, "-p", "25", "-p", "27", "-o", "-").stdout)
    assert "was 64" in drawn.said()
    text = netarium("draw", WEB, "-p", "25", "-p", "27", "--layers", "ip").stdout
    assert "IPv4 Time to Live: 64 -> 63" in text
    assert "Ethernet" not in text
    assert text.count("Identification") == 2


def test_hops_follow_a_packet(netarium):
    picture = parsed(netarium("draw", WEB, "-p", "25", "--hops", "-o", "-").stdout)
    assert "modemA:eth0 → isp:eth0" in picture.said()
    text = netarium("draw", WEB, "-p", "27", "--hops", "--layers", "ip").stdout
    assert "modemA:eth0 (packet 27)  +32 µs\n    IPv4 Time to Live: 64 -> 63\n" in text


def test_one_sighting_is_said(tmp_path, netarium):
    write(tmp_path / "one.pcapng", itertools.islice(read(WEB), 1))
    done = netarium("draw", tmp_path / "one.pcapng", "-p", "1", "--hops")
    assert done.stderr == "netarium: packet 1 was seen at one place only\n"
    assert "DNS" in done.stdout


def test_a_filter_chooses_the_first_packet(netarium):
    assert netarium("draw", WEB, "-f", "tcp").stdout.startswith("Packet 25: TCP 52100 > 80 [SYN]")


def test_title_and_layers(netarium):
    said = parsed(netarium("draw", WEB, "--title", "A query", "--layers", "DNS", "-o", "-").stdout)
    assert "A query" in said.said()
    assert "QNAME" in said.said()
    assert "Time to Live" not in said.said()


def test_a_ladder_as_json(netarium):
    told = json.loads(netarium("ladder", WEB, "--stream", "0", "--json").stdout)
    assert [host["name"] for host in told["hosts"]] == ["h1", "www"]
    assert [event["label"] for event in told["events"]][:3] == ["SYN", "SYN ACK", "ACK"]
    assert told["more"] == 0


def test_a_ladder_keeps_to_the_terminal(netarium):
    with person_at([str(COMMAND), "ladder", str(WEB)], columns=70) as person:
        assert person.exit_code() == 0
        lines = person.screen.splitlines()
    assert max(map(len, lines)) == 70
    assert any(line.endswith("…") for line in lines)
    assert max(map(len, netarium("ladder", WEB).stdout.splitlines())) > 100


def test_what_is_left_out_is_said(netarium):
    assert netarium("ladder", WEB, "-n", "3").stdout.endswith("… 13 more packets follow\n")
    assert "more" not in netarium("ladder", WEB, "-n", "0").stdout


def test_a_broken_capture_is_drawn_and_said(tmp_path, netarium):
    whole = gzip.decompress(WEB.read_bytes())
    (tmp_path / "cut.pcapng").write_bytes(whole[: len(whole) * 2 // 3])
    done = netarium("ladder", "cut.pcapng", cwd=tmp_path)
    assert "what comes before is drawn" in done.stderr
    assert "SYN ACK" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "what", "cure"),
    [
        (["draw", WEB, "-p", "145"], 4, "no packet 145 in", "netarium read lists them"),
        (["draw", WEB, "-p", "0"], 2, "'0' are no packet numbers", "--packet 3-7"),
        (["draw", WEB, "-o", "a.gif"], 2, "'a.gif' is no name of a picture", "end it in .svg"),
        (["ladder", WEB, "-o", "picture"], 2, "'picture' is no name of a picture", ".png"),
        (["draw", WEB, "-o", "no/where.svg"], 1, "cannot write 'no/where.svg'", "folder"),
        (["draw", WEB, "--layers", "tpc"], 4, "no layer 'tpc'", "it has: eth, ip, udp, dns"),
        (["draw", "nothing.pcap"], 4, "nothing.pcap", ""),
        (["ladder", "nothing.pcap"], 4, "nothing.pcap", ""),
        (["draw", __file__], 1, "is not a capture file", ""),
        (["draw", WEB, "-f", "tcp and and"], 2, "filter", "tcpdump"),
        (["draw", WEB, "-f", "icmp"], 1, "no packet that the filter lets through", "lists those"),
        (["draw", WEB, "--hops"], 2, "--hops follows one packet", "--packet 5"),
        (["draw", "-", "-p", "1", "--hops"], 2, "--hops reads the file twice", "name a file"),
        (["ladder", WEB, "--stream", "7"], 4, "no TCP connection 7", "from 0"),
    ],
)
def test_errors_say_what_and_what_to_do(words, code, what, cure, tmp_path, netarium):
    done = netarium(*words, cwd=tmp_path, check=False)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("netarium: ")
    assert what in done.stderr
    assert cure in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_the_reader_of_a_pipe_may_leave(tmp_path):
    done = subprocess.run(
        f"{shlex.quote(str(COMMAND))} draw {shlex.quote(str(WEB))} | head -n 1",
        shell=True, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.startswith("Packet 1: DNS query")
    assert done.stderr == ""


def test_packets_in_lists_and_ranges(netarium):
    both = netarium("draw", WEB, "-p", "25,27", "--layers", "ip").stdout
    assert both == netarium("draw", WEB, "-p", "25", "-p", "27", "--layers", "ip").stdout
    assert netarium("draw", WEB, "-p", "25-27").stdout.count("\nPacket 26: ") == 1
    assert netarium("draw", WEB, "-p", "27,25").stdout.startswith("Packet 27: ")
    for wrong, said in (("0", "no packet numbers"), ("7-3", "no packet"), ("3-", "too many")):
        done = netarium("draw", WEB, "-p", wrong, check=False)
        assert done.returncode == 2
        assert said in done.stderr


@pytest.mark.parametrize("verb", ["draw", "ladder"])
def test_nothing_to_draw(verb, tmp_path, netarium):
    words = ["-f", "udp port 9", "-o", "none.svg"]
    done = netarium(verb, WEB, *words, cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert "has no packet that the filter lets through\n  netarium read lists" in done.stderr
    assert list(tmp_path.iterdir()) == []
