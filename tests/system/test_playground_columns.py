"""Columns and tables of a capture that tcpdump makes in the playground."""

from __future__ import annotations

import time

import pytest

from netarium.capture import query, table
from netarium.capture.summary import stats
from tests.capture.test_columns import SAME, as_ours, tshark
from tests.conftest import COMMAND

TALK = """
curl -s http://www.example.com/ip; curl -s http://www.example.com/bytes/30000 -o /dev/null
curl -sk https://www.example.com/ -o /dev/null; curl -s http://www.example.com/status/404
ping -c 2 -i 0.2 www.example.com; ping -c 1 10.25.1.1; echo | nc -w 1 www.example.com 81
true
"""
STREAMS = {
    "tcp_stream": ["tcp.stream"],
    "udp_stream": ["udp.stream"],
    "payload_length": ["tcp.len"],
}


@pytest.fixture(scope="module")
def captured(playground):
    """What h1 and modemA see: one Ethernet interface, and all of a router (cooked)."""
    import subprocess

    files = {}
    running = []
    for node, interface in (("h1", "eth0"), ("modemA", "any")):
        files[node] = playground.directory / f"{node}.pcap"
        command = [
            COMMAND,
            "exec",
            "--lab",
            playground.name,
            node,
            "--",
            "tcpdump",
            "-U",
            "--immediate-mode",
        ]
        command += ["-i", interface, "-w", f"/lab/{node}.pcap"]
        running.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
    try:
        for process in running:
            while "listening on" not in process.stderr.readline():
                pass
        playground.exec("h1", TALK)
        time.sleep(0.5)
    finally:
        for process in running:
            process.terminate()
            process.communicate()
    yield files
    for file in files.values():
        file.unlink(missing_ok=True)


@pytest.mark.needs("tcpdump", "tshark", "curl")
@pytest.mark.parametrize("node", ["h1", "modemA"])
def test_columns_agree_with_tshark(captured, node):
    same = {**SAME, **STREAMS}
    fields = list(dict.fromkeys(field for many in same.values() for field in many))
    ours = table(captured[node], list(same)).to_pylist()
    theirs = tshark(captured[node], fields)
    assert len(ours) == len(theirs) > 60
    for number, (mine, their) in enumerate(zip(ours, theirs, strict=True), 1):
        for column, names in same.items():
            told = next((their[each] for each in names if their[each]), "")
            if column == "payload_length" and not their["tcp.len"]:
                continue
            assert mine[column] == as_ours(told, mine[column]), (number, column)


@pytest.mark.needs("tcpdump", "curl")
def test_what_h1_did_is_in_the_tables(captured):
    path = captured["h1"]
    pages = query(path, "SELECT method, path, status, host FROM http ORDER BY number").to_pylist()
    assert [(page["path"], page["status"]) for page in pages] == [
        ("/ip", 200),
        ("/bytes/30000", 200),
        ("/status/404", 404),
    ]
    assert {page["host"] for page in pages} == {"www.example.com"}
    asked = "SELECT DISTINCT answers FROM dns WHERE type = 'A' AND name = 'www.example.com'"
    assert query(path, asked).to_pylist() == [{"answers": ["10.130.1.4"]}]
    states = "SELECT dst_port, state FROM flows WHERE protocol = 'TCP' ORDER BY dst_port"
    found = {tuple(row.values()) for row in query(path, states).to_pylist()}
    assert {(80, "closed"), (81, "refused")} <= found
    pings = query(path, "SELECT count(*) AS n FROM packets WHERE icmp_type = 8 AND icmp_seq = 1")
    assert pings.to_pylist() == [{"n": 2}]
    # Within one machine nobody computes checksums that no wire needs.
    verdicts = "SELECT DISTINCT tcp_checksum FROM packets WHERE tcp_checksum IS NOT NULL"
    assert {row["tcp_checksum"] for row in query(path, verdicts).to_pylist()} <= {
        "valid",
        "not yet computed (offload)",
    }


@pytest.mark.needs("tcpdump", "curl")
def test_the_summary_has_it_all(captured):
    found = stats(captured["h1"])
    assert ("IPv4", "TCP", "HTTP") in [each.path for each in found.protocols]
    assert found.endpoints[0].address == "192.168.1.11"
    assert found.connections.states["refused"] == 1
