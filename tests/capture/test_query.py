"""SQL over a capture: its tables, what it may not reach, and errors that say what to do."""

from __future__ import annotations

import io
import subprocess
import sys
from datetime import datetime

import pytest

from netarium.capture import exchanges, query, table, write
from netarium.capture.sql import SqlError
from netarium.capture.tables import COMMON, Column, tables
from netarium.errors import NetariumError, NotFoundError
from netarium.wire import Packet
from tests.capture import talks
from tests.wire.corpus import corpus, write_corpus


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    return talks.write(tmp_path_factory.mktemp("talk") / "talk.pcap", talks.everything())


def _rows(path, sql, **more):
    return [tuple(row.values()) for row in query(path, sql, **more).to_pylist()]


def test_packets(talk):
    count = len(talks.everything())
    assert _rows(talk, "SELECT count(*) FROM packets") == [(count,)]
    found = _rows(talk, "SELECT protocol, count(*) FROM packets GROUP BY 1 ORDER BY 2 DESC")
    assert found == [("TCP", 35), ("UDP", 5)]
    assert query(talk, "SELECT * FROM packets").column_names == list(COMMON)
    assert query(talk, "FROM packets LIMIT 1").column_names == list(COMMON)
    # What SQL names is there beside what * stands for.
    named = query(talk, "SELECT * FROM packets WHERE tcp_mss IS NULL").column_names
    assert named == [*COMMON, "tcp_mss"]


def test_only_the_columns_that_are_named_are_made(talk, monkeypatch):
    from netarium.capture import sql

    asked = []

    class Noted(sql.Columns):
        def __init__(self, names):
            asked.append(names)
            super().__init__(names)

    monkeypatch.setattr(sql, "Columns", Noted)
    query(talk, "SELECT ip_src, max(length * 8) FROM packets WHERE udp_dport = 53 GROUP BY 1")
    assert asked[0] == ["length", "ip_src", "udp_dport"]
    query(talk, "SELECT count(*) FROM packets -- ip_ttl, 'tcp_seq' \n WHERE 'tcp_ack' = '' /* * */")
    assert asked[-1] == ["number"]


def test_a_table_may_be_read_twice(talk):
    sql = """SELECT count(*) FROM packets a JOIN packets b USING (number)
             WHERE a.flow = b.flow"""
    assert _rows(talk, sql) == [(40,)]
    with talk.open("rb") as stream:  # and what can be read only once
        assert _rows(io.BytesIO(stream.read()), sql) == [(40,)]


def test_flows(talk):
    sql = "SELECT src, src_port, dst, dst_port, protocol, packets, state FROM flows ORDER BY flow"
    assert _rows(talk, sql) == [
        ("10.0.0.1", 40000, "10.0.0.2", 80, "TCP", 11, "closed"),
        ("10.0.0.1", 40001, "10.0.0.2", 81, "TCP", 2, "refused"),
        ("10.0.0.1", 5001, "10.0.0.2", 53, "UDP", 2, None),
        ("10.0.0.1", 5002, "10.0.0.2", 53, "UDP", 2, None),
        ("10.0.0.1", 5003, "10.0.0.2", 53, "UDP", 1, None),
        ("2001:db8::1", 40000, "2001:db8::2", 80, "TCP", 11, "closed"),
        # The same addresses and ports, but another SYN: another connection.
        ("10.0.0.1", 40000, "10.0.0.2", 80, "TCP", 11, "closed"),
    ]
    one = query(talk, "SELECT * FROM flows WHERE flow = 0").to_pylist()[0]
    assert (one["packets_out"], one["packets_back"]) == (6, 5)
    assert one["payload_out"] == len(talks.REQUEST)
    assert one["payload_back"] == 2 * len(talks.RESPONSE)
    assert one["largest"] == len(talks.RESPONSE)
    assert (one["resent_out"], one["resent_back"]) == (0, 1)
    assert one["handshake"] == pytest.approx(0.02)
    assert one["duration"] == pytest.approx(0.1)
    assert one["began"] == datetime(2023, 11, 14, 22, 13, 20)
    assert one["flags_out"] == "FIN SYN PSH ACK"


def test_dns(talk):
    sql = "SELECT client, server, id, name, type, rcode, answers, latency FROM dns ORDER BY id"
    first, second, third = _rows(talk, sql)
    assert first[:7] == (
        *("10.0.0.1", "10.0.0.2", 1, "www.example.com", "A", "NOERROR"),
        ["192.0.2.1"],
    )
    assert first[7] == pytest.approx(0.01)
    assert second[3:7] == ("nosuch.example.com", "A", "NXDOMAIN", [])
    assert third[3:] == ("silent.example.com", "A", None, None, None)


def test_http(talk):
    found = query(talk, "SELECT * FROM http ORDER BY number").to_pylist()
    assert len(found) == 3
    one = found[0]
    expected = {
        "client": "10.0.0.1",
        "server": "10.0.0.2",
        "server_port": 80,
        "method": "GET",
        "host": "www.example.com",
        "path": "/a?b=1",
        "status": 200,
        "content_type": "text/html",
        "request_length": None,
        "response_length": 5,
        "user_agent": "test/1",
    }
    assert {name: one[name] for name in expected} == expected
    assert one["latency"] == pytest.approx(0.02)
    assert found[1]["client"] == "2001:db8::1"


def test_tables_can_be_joined(talk):
    sql = """SELECT h.path, f.packets FROM http h
             JOIN packets p USING (number) JOIN flows f USING (flow) ORDER BY h.number"""
    assert _rows(talk, sql) == [("/a?b=1", 11)] * 3


def test_functions_on_addresses(talk):
    sql = """SELECT DISTINCT ip_src, in_prefix(ip_src, '10.0.0.0/8'), subnet(ip_src, 24),
             is_private(ip_src) FROM packets WHERE ip_src LIKE '%1' ORDER BY 1"""
    assert _rows(talk, sql) == [
        ("10.0.0.1", True, "10.0.0.0/24", True),
        ("2001:db8::1", False, "2001:d00::/24", True),
    ]
    with pytest.raises(SqlError, match="'10/8/8' is no prefix"):
        query(talk, "SELECT in_prefix(ip_src, '10/8/8') FROM packets")


def test_a_filter_goes_first(talk):
    assert _rows(talk, "SELECT count(*) FROM packets", filter="udp port 53") == [(5,)]


def test_verdicts_on_checksums(tmp_path):
    path = tmp_path / "corpus.pcap"
    write_corpus(path)
    sql = "SELECT count(*) FROM packets WHERE udp_checksum = 'wrong' OR tcp_checksum = 'wrong'"
    assert _rows(path, sql)[0][0] > 0
    assert table(path, ["ip_checksum"]).num_rows == len(corpus())


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "COPY packets TO '{made}'",
        "ATTACH '{made}'",
        "INSTALL inet",
        "LOAD inet",
        "SELECT host('10.0.0.1'::INET)",
        "SET enable_external_access = true",
        "SET temp_directory = '{made}'",
        "CREATE TABLE x AS SELECT 1; COPY x TO '{made}'",
        "EXPORT DATABASE '{made}'",
        "SELECT talk FROM talk",
    ],
)
def test_sql_reaches_nothing_but_the_capture(talk, tmp_path, sql):
    made = tmp_path / "made"
    with pytest.raises(NetariumError):
        query(talk, sql.format(made=made))
    assert not made.exists()


@pytest.mark.parametrize(
    ("sql", "what", "cure"),
    [
        ("SELECT ip_sorce FROM packets", "packets has no column 'ip_sorce'", "mean ip_src?"),
        ("SELECT nam FROM dns", "dns has no column 'nam'", "mean name?"),
        ("SELECT p.ip_sr FROM packets p", "has no column 'ip_sr'", "mean ip_src?"),
        ("SELECT * FROM packet", "there is no table 'packet'", "mean packets?"),
        ("SELEC 1", "syntax error", ""),
        ("", "there is no SQL", "SELECT"),
        ("SELECT 1; SELECT 2", "2 statements", "SELECT"),
        ("SELECT foo(number) FROM packets", "foo does not exist", ""),
        ("SELECT in_prefix(ip_src) FROM packets", "No function matches", "in_prefix"),
        ("SELECT ip_src::INTEGER FROM packets", "convert", ""),
    ],
)
def test_errors_say_what_is_wrong(talk, sql, what, cure):
    with pytest.raises(SqlError) as caught:
        query(talk, sql)
    assert what.lower() in caught.value.what.lower()
    assert cure in caught.value.cure
    assert "duckdb" not in str(caught.value).lower()


def test_errors_of_the_capture_are_told_as_they_are(tmp_path, talk):
    with pytest.raises(NotFoundError, match=r"no\.pcap"):
        query(tmp_path / "no.pcap", "SELECT count(*) FROM packets")
    (tmp_path / "text.pcap").write_text("no capture at all, but long enough to look at")
    with pytest.raises(NetariumError, match="not a capture file"):
        query(tmp_path / "text.pcap", "SELECT count(*) FROM packets")
    with pytest.raises(NetariumError, match="filter"):
        query(talk, "SELECT count(*) FROM packets", filter="hots 10.0.0.1")


def test_a_file_that_breaks_off_gives_what_there_is(tmp_path, talk):
    broken = tmp_path / "broken.pcap"
    broken.write_bytes(talk.read_bytes()[:-10])
    assert _rows(broken, "SELECT count(*) FROM packets") == [(len(talks.everything()) - 1,)]


def test_every_table_and_column_can_be_asked_for(talk):
    for name, known in tables().items():
        chosen = ", ".join(f'"{column}"' for column in known.columns)
        assert query(talk, f"SELECT {chosen} FROM {name}").column_names == list(known.columns)
        assert query(talk, f"SELECT {', '.join(known.columns)} FROM {name}").num_rows > 0


_MEMORY = """
import resource, sys
from netarium.capture import query
sql = "SELECT ip_src, count(*), sum(length), avg(ip_ttl) FROM packets GROUP BY 1"
query(sys.argv[1], sql)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_stays_the_same_however_long_the_file_is(tmp_path):
    """Ten times the file is not ten times the memory."""
    frames = [frame + bytes(900) for frame in talks.everything()]
    taken = []
    for times in (500, 5000):
        path = talks.write(tmp_path / f"{times}.pcap", frames * 10, gap=1e-6)
        whole = path.read_bytes()
        with path.open("ab") as file:
            for _ in range(times // 10 - 1):
                file.write(whole[24:])
        command = [sys.executable, "-c", _MEMORY, str(path)]
        taken.append(int(subprocess.run(command, capture_output=True, check=True).stdout))
        size = path.stat().st_size // 1024
        path.unlink()
    assert size > 170_000
    assert taken[1] < taken[0] + 50_000, taken


def test_all_columns(talk):
    every = table(talk, "all")
    assert every.column_names == list(tables()["packets"].columns)
    assert {"flow", "tcp_checksum"} <= set(every.column_names)


def test_rows_as_dicts_without_pandas(tmp_path):
    path = tmp_path / "one.pcapng"
    packet = Packet.parse(talks.page()[0])
    packet.time = 1_700_000_000_123_456_389
    write(path, [packet])
    sql = "SELECT * REPLACE (time::TIMESTAMP AS time) FROM packets"
    (row,) = query(path, sql).to_pylist()
    assert row["time"] == datetime(2023, 11, 14, 22, 13, 20, 123456)
    assert list(row) == list(COMMON)
    assert table(path, ["number", "seconds"]).to_pylist() == [{"number": 1, "seconds": 0.0}]


def test_exchanges_come_in_the_order_of_the_file(tmp_path):
    # The first question and the first request are answered last, or never.
    asks = talks.names()
    slow = talks.page(41000)
    frames = [asks[-1], *slow[:4], *asks[:-1], *talks.page(41001), *talks.page(41002), slow[5]]
    path = talks.write(tmp_path / "late.pcap", frames)
    for name, count in (("dns", 3), ("http", 3)):
        numbers = [number for (number,) in _rows(path, f"SELECT number FROM {name}")]
        assert numbers == sorted(numbers)
        assert len(numbers) == count


def test_rows_wait_for_earlier_ones(monkeypatch):
    monkeypatch.setattr(exchanges, "_CHUNK", 2)
    monkeypatch.setattr(exchanges, "_MOST_WAITING", 3)
    rows = exchanges.Rows([Column("number", "")])
    for number in (5, 4, 3):
        rows.add(number)
    assert list(rows.ready(3)) == []
    (batch,) = rows.ready(5)
    assert batch.column("number").to_pylist() == [3, 4]
    for number in (9, 8, 7, 6):
        rows.add(number)
    (batch,) = rows.ready(1)  # more than may wait
    assert batch.column("number").to_pylist() == [5, 6]
    (batch,) = rows.rest()
    assert batch.column("number").to_pylist() == [7, 8, 9]
