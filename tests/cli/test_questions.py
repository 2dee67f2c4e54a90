"""netarium query and netarium stats: what they print, and where it goes."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import signal
import subprocess
import time
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from netarium.capture import query
from netarium.capture.tables import tables
from tests.capture import talks
from tests.conftest import COMMAND

DOCS = Path(__file__).parents[2] / "docs"
COUNTED = "SELECT protocol, count(*) AS n, avg(length) AS size FROM packets GROUP BY 1 ORDER BY 1"


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    return talks.write(tmp_path_factory.mktemp("talk") / "talk.pcap", talks.everything())


def _on_terminal(*words, columns=80):
    """What a command prints on a terminal so many columns wide."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm", "NO_COLOR": "1"}
    process = subprocess.Popen(
        [COMMAND, *map(str, words)], stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    out = b""
    try:
        while got := os.read(ours, 65536):
            out += got
    except OSError:
        pass
    finally:
        os.close(ours)
    assert process.wait(30) == 0
    return out.decode().replace("\r\n", "\n")


def _plain(line):
    """A line without what makes letters bold."""
    return re.sub(r"\x1b\[[\d;]*m", "", line)


def test_a_table(netarium, talk):
    assert netarium("query", talk, COUNTED).stdout.splitlines() == [
        "protocol   n  size",
        "TCP       35  77.6",
        "UDP        5    83",
    ]


def test_json_and_csv(netarium, talk):
    sql = "SELECT number, time, name, answers, latency, sum(id) OVER () AS s FROM dns LIMIT 1"
    (row,) = json.loads(netarium("query", talk, sql, "--json").stdout)
    assert row == {
        "number": 14,
        "time": "2023-11-14T22:13:20.130000Z",
        "name": "www.example.com",
        "answers": ["192.0.2.1"],
        "latency": pytest.approx(0.01),
        "s": 6,
    }
    rows = list(csv.reader(io.StringIO(netarium("query", talk, sql, "--csv").stdout)))
    assert rows[0] == ["number", "time", "name", "answers", "latency", "s"]
    assert rows[1][:4] == ["14", "2023-11-14T22:13:20.130000Z", "www.example.com", "192.0.2.1"]
    nothing = "SELECT number FROM packets WHERE false"
    assert json.loads(netarium("query", talk, nothing, "--json").stdout) == []


@pytest.mark.parametrize("suffix", ["csv", "json", "parquet"])
def test_files(netarium, talk, tmp_path, suffix):
    made = tmp_path / f"answer.{suffix}"
    done = netarium("query", talk, COUNTED, "-o", made)
    assert done.stdout == ""
    assert "2 rows" in done.stderr
    if suffix == "csv":
        assert made.read_text().startswith("protocol,n,size\nTCP,35,")
    elif suffix == "json":
        assert [row["n"] for row in json.loads(made.read_text())] == [35, 5]
    else:
        assert parquet.read_table(made)["n"].to_pylist() == [35, 5]
    assert list(tmp_path.iterdir()) == [made]


def test_a_file_that_cannot_be_written_leaves_nothing(netarium, talk, tmp_path):
    (tmp_path / "kept.csv").write_text("old")
    wrong = "SELECT foo FROM packets"
    assert netarium("query", talk, wrong, "-o", tmp_path / "kept.csv", check=False).returncode == 2
    assert (tmp_path / "kept.csv").read_text() == "old"
    assert list(tmp_path.iterdir()) == [tmp_path / "kept.csv"]
    done = netarium("query", talk, COUNTED, "-o", tmp_path / "no" / "x.csv", check=False)
    assert "cannot write" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_long_question_is_ended_by_ctrl_c(talk):
    sql = "SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b, packets"
    process = subprocess.Popen(
        [COMMAND, "query", talk, sql], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in error


def test_standard_input(talk):
    sql = "SELECT count(*) AS n FROM packets a JOIN packets b USING (number)"
    with talk.open("rb") as file:
        done = subprocess.run(
            [COMMAND, "query", "-", sql], stdin=file, capture_output=True, text=True, check=True
        )
    assert done.stdout.split() == ["n", "40"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "FILE or SQL is missing"),
        (("{talk}",), "SQL is missing"),
        (("{talk}", "SELECT ip_sorce FROM packets"), "did you mean ip_src?"),
        (("{talk}", "SELECT 1", "-o", "x.txt"), ".csv, .json or .parquet"),
        (("no.pcap", "SELECT 1 FROM packets"), "no.pcap"),
        (("{talk}", "SELECT 1 FROM packets", "-f", "hots"), "filter"),
    ],
)
def test_errors(netarium, talk, tmp_path, words, said):
    words = [word.format(talk=talk) for word in words]
    done = netarium("query", *words, check=False, cwd=tmp_path)
    assert done.returncode in (2, 4)
    assert said.lower() in done.stderr.lower()
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_what_came_from_the_wire_cannot_move_the_cursor(netarium, tmp_path):
    frames = talks.page()
    evil = talks.REQUEST.replace(b"/a?b=1", b"/\x1b[2J\x07")
    frames[3] = talks.tcp("10.0.0.1", "10.0.0.2", 40000, 80, "PA", 1001, 5001, evil)
    path = talks.write(tmp_path / "evil.pcap", frames)
    for options in ((), ("--json",)):
        out = netarium("query", path, "SELECT path FROM http", *options).stdout
        assert "\x1b" not in out
        assert "\x07" not in out


def test_on_a_terminal_a_table_fits(talk):
    names = "number, time, ip_src, ip_dst, src_port, dst_port, tcp_flags"
    out = _on_terminal("query", talk, f"SELECT {names} FROM packets LIMIT 3", columns=100)
    assert max(len(_plain(line)) for line in out.splitlines()) <= 100
    assert len(out.splitlines()) == 4


def test_on_a_terminal_rows_that_are_too_wide_come_one_by_one(talk):
    out = _on_terminal("query", talk, "SELECT * FROM packets WHERE number IN (1, 14)")
    one, other = out.split("\n\n")
    assert "tcp_flags       SYN\n" in one
    assert "interface" not in one  # the file names none
    assert "time (UTC)      2023-11-14 22:13:20.130\n" in other
    assert "tcp_flags" not in other


def test_on_a_terminal_a_long_table_ends_with_how_much_more_there_is(talk):
    sql = "SELECT number FROM packets, range(100)"
    out = _on_terminal("query", talk, sql)
    assert len(out.splitlines()) == 1002
    assert "3000 more rows" in out.splitlines()[-1]


def test_the_lists_of_tables_and_columns(netarium):
    listed, short = (netarium("query", option).stdout for option in ("--columns", "--tables"))
    for name, known in tables().items():
        assert f"\n{name} " in short
        for column in known.columns.values():
            assert f"{column.name} " in listed
            assert column.meaning in listed
    told = json.loads(netarium("query", "--columns", "--json").stdout)
    assert told["packets"]["columns"]["ip_src"]["type"] == "text"


def test_the_page_on_tables_has_all_columns():
    """docs/questions.md says of each column what the program says of it."""
    page = (DOCS / "questions.md").read_text()
    for name, known in tables().items():
        assert f"## {name}\n" in page
        section = page.split(f"## {name}\n")[1].split("\n## ")[0]
        assert known.meaning in section
        listed = [line for line in section.splitlines() if line.startswith("| `")]
        assert listed == [
            f"| `{column.name}` | {column.type_name} | {column.meaning} |"
            for column in known.columns.values()
        ]


def test_the_questions_on_the_page_can_be_asked(talk):
    asked = re.findall(r"```sql\n(.*?)```", (DOCS / "questions.md").read_text(), re.DOTALL)
    assert len(asked) > 5
    for sql in asked:
        query(talk, sql)


def test_stats(netarium, talk):
    out = netarium("stats", talk, "--top", "1").stdout
    assert out.startswith("talk.pcap: 40 packets, 3.13 kB, 390 ms\nfrom 2023-11-14 22:13:20 UTC")
    assert "    HTTP" in out
    assert "TCP: 4 connections (1 refused, 3 closed); 3 segments sent again" in out
    assert "host (1 of 4)" in out
    assert "█" in out
    assert max(map(len, out.splitlines())) <= 100


def test_stats_as_json(netarium, talk):
    told = json.loads(netarium("stats", talk, "--json").stdout)
    assert told["packets"] == 40
    assert told["began"] == "2023-11-14T22:13:20.000000000Z"
    assert told["protocols"][0] == {"path": ["IPv4"], "packets": 29, "bytes": 2115}
    assert sum(map(sum, told["throughput"]["bytes"].values())) == told["bytes"]
    assert told["endpoints"][0]["address"] == "10.0.0.1"


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png"])
def test_stats_as_a_picture(netarium, talk, tmp_path, suffix):
    made = tmp_path / f"plot.{suffix}"
    netarium("stats", talk, "-o", made)
    assert made.read_bytes()[:4] in (b"<svg", b"%PDF", b"\x89PNG")
    done = netarium("stats", talk, "-o", tmp_path / "plot.gif", check=False)
    assert done.returncode == 2
    assert ".svg, .pdf or .png" in done.stderr


def test_stats_of_what_is_no_capture(netarium, tmp_path):
    done = netarium("stats", tmp_path / "no.pcap", check=False)
    assert done.returncode == 4
    assert "no.pcap" in done.stderr
    empty = talks.write(tmp_path / "empty.pcap", [])
    assert netarium("stats", empty).stdout == "empty.pcap: no packets\n"


@pytest.mark.parametrize("words", [("stats",), ("query", COUNTED)])
def test_no_color_is_no_bold_either(words, talk):
    assert "\x1b" not in _on_terminal(words[0], talk, *words[1:])
