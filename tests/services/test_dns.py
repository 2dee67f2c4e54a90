import random
import socket
import struct
import subprocess
import threading
import time

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.zone
import pytest

from .served import Served, served

RECORDS = ["@ MX 10 server", "smtp CNAME server", "@ A 10.130.1.1"]
BIG = [f"big TXT {'x' * 200}{n}" for n in range(20)]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with served("dns", tmp_path_factory.mktemp("dns"), records=RECORDS + BIG) as running:
        yield running


def dig(server: Served, *arguments: str, at: str = "127.0.0.1") -> list[str]:
    done = subprocess.run(
        ["dig", f"@{at}", "-p", str(server.port), "+time=2", "+tries=1", "+short", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
@pytest.mark.parametrize("at", ["127.0.0.1", "::1"])
def test_dig_finds_names_of_the_lab(server, transport, at):
    assert dig(server, transport, "h1", "A", at=at) == ["10.130.1.11"]
    assert dig(server, transport, "-x", "10.130.1.11", at=at) == ["h1."]
    assert dig(server, transport, "-x", "fd00::4", at=at) == ["server.example.com."]
    assert dig(server, transport, "example.com", "MX", at=at) == ["10 server.example.com."]
    assert "server.example.com." in dig(server, transport, "smtp.example.com", "CNAME", at=at)
    assert "10.130.1.4" in dig(server, transport, "smtp.example.com", "A", at=at)


def test_answer_comes_from_the_address_that_was_asked(server):
    query = dns.message.make_query("h1", "A")
    for asked in ("127.0.0.1", "127.0.0.2", "127.9.8.7"):
        # dns.query refuses a reply from another address.
        assert dns.query.udp(query, asked, 2, server.port).answer


def test_truncated_answer_is_whole_over_tcp(server):
    query = dns.message.make_query("big.example.com", "TXT")
    assert dns.query.udp(query, "127.0.0.1", 2, server.port).flags & dns.flags.TC
    whole, over_tcp = dns.query.udp_with_fallback(query, "127.0.0.1", 2, server.port)
    assert over_tcp
    assert len(whole.answer[0]) == 20


def test_zone_transfer(server):
    zone = dns.zone.from_xfr(dns.query.xfr("127.0.0.1", "example.com", port=server.port))
    assert {"smtp", "server", "big", "@"} <= {name.to_text() for name in zone.nodes}


def test_queries_on_one_connection_are_all_answered(server):
    queries = [dns.message.make_query(f"n{n}.example.com", "A") for n in range(500)]
    wires = [q.to_wire() for q in queries]
    stream = b"".join(struct.pack("!H", len(w)) + w for w in wires)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        # In pieces that respect no message's border.
        writer = threading.Thread(
            target=lambda: [client.sendall(stream[i : i + 777]) for i in range(0, len(stream), 777)]
        )
        writer.start()
        reader = client.makefile("rb")
        for query in queries:
            (length,) = struct.unpack("!H", reader.read(2))
            response = dns.message.from_wire(reader.read(length))
            assert query.is_response(response)
            assert response.rcode() == dns.rcode.NXDOMAIN
        writer.join()
        reader.close()


def test_random_bytes_stop_nothing(server):
    source = random.Random(5)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", server.port))
        for size in (0, 1, 11, 12, 13, 50, 512, 5000, 60_000):
            for _ in range(20):
                client.send(source.randbytes(size))
    for size in (1, 2, 100, 70_000):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
            try:
                client.sendall(source.randbytes(size))
            except (BrokenPipeError, ConnectionResetError):
                pass
    assert dig(server, "h1") == ["10.130.1.11"]
    assert "Traceback" not in server.log


def test_log_has_a_line_for_each_query(server):
    before = server.log.count("\n")
    dig(server, "+notcp", "nowhere.example.com", "AAAA")
    deadline = time.monotonic() + 2
    while server.log.count("\n") == before and time.monotonic() < deadline:
        time.sleep(0.01)
    [line] = server.log.splitlines()[before:]
    assert line.startswith("127.0.0.1#")
    assert line.endswith(" nowhere.example.com. AAAA NXDOMAIN udp")


def test_record_that_cannot_be_read_stops_the_start(tmp_path):
    with (
        pytest.raises(RuntimeError, match="the DNS record 'x CNAM y' cannot be read"),
        served("dns", tmp_path, records=["x CNAM y"]),
    ):
        pass
