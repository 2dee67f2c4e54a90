"""connect, proxy, forward: connections between the host and a node."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from netarium.errors import NotFoundError
from netarium.runtime.dial import Dialer, DialError
from netarium.runtime.state import find_lab


@contextmanager
def background(cli_lab, verb, *words):
    """The verb with --json, running; the value is what it announced."""
    argv = cli_lab.words(verb, "--json", *words)
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        line = process.stdout.readline()
        try:
            assert line, process.stderr.read()
            yield json.loads(line)
        finally:
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
        assert (process.returncode, out, err) == (0, "", "")


def curl(*words):
    return subprocess.run(
        ["curl", "-sS", "--max-time", "10", *words], capture_output=True, text=True, timeout=20
    )


def test_the_proxy_goes_out_as_the_node_and_resolves_there(cli_lab):
    with background(cli_lab, "proxy", "h1", "--port", "0") as announced:
        url = announced["url"]
        assert url.startswith("socks5h://127.0.0.1:")
        by_name = curl("--proxy", url, "http://site.test/")
        assert "It works!" in by_name.stdout, by_name.stderr
        short = curl("--proxy", url, "http://h2/")
        assert "It works!" in short.stdout, short.stderr


def test_the_proxy_says_why_it_cannot_connect(cli_lab):
    with background(cli_lab, "proxy", "h1", "--port", "0") as announced:
        url = announced["url"]
        refused = curl("--proxy", url, "http://h2:9/")
        assert refused.returncode == 97
        assert "(5)" in refused.stderr or "refused" in refused.stderr.lower()
        unknown = curl("--proxy", url, "http://no-such-host.test/")
        assert unknown.returncode == 97
        unreachable = curl("--proxy", url, "http://203.0.113.1/")
        assert unreachable.returncode == 97


def test_the_proxy_serves_many_at_a_time(cli_lab):
    with background(cli_lab, "proxy", "h1", "--port", "0") as announced:
        fetch = lambda _: curl("--proxy", announced["url"], "http://h2/").stdout  # noqa: E731
        with ThreadPoolExecutor(10) as pool:
            pages = list(pool.map(fetch, range(60)))
    assert all("It works!" in page for page in pages)


def test_noise_does_not_stop_the_proxy(cli_lab):
    with background(cli_lab, "proxy", "h1", "--port", "0") as announced:
        for noise in (b"", b"\5", b"GET / HTTP/1.1\r\n\r\n", b"\5\1\0\5\1\0\7", os.urandom(2000)):
            with socket.create_connection(("127.0.0.1", announced["port"])) as client:
                client.sendall(noise)
        page = curl("--proxy", announced["url"], "http://h2/")
        assert "It works!" in page.stdout


def test_the_proxys_port_may_be_taken(cli_lab):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = cli_lab.call("proxy", "h1", "--port", str(port))
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use" in done.stderr


def test_forward_leads_to_the_nodes_ports(cli_lab):
    with background(cli_lab, "forward", "0:h2:80", "0:h1:22") as announced:
        web, ssh = (each["port"] for each in announced["forwards"])
        assert "It works!" in curl(f"http://127.0.0.1:{web}/").stdout
        with socket.create_connection(("127.0.0.1", ssh), timeout=10) as client:
            assert client.recv(8).startswith(b"SSH-2.0-")


def test_forward_to_a_closed_port_resets(cli_lab):
    with background(cli_lab, "forward", "0:h1:9") as announced:
        port = announced["forwards"][0]["port"]
        assert curl(f"http://127.0.0.1:{port}/").returncode == 56


def test_forward_listens_on_loopback_only(cli_lab):
    with background(cli_lab, "forward", "0:h2:80") as announced:
        port = announced["forwards"][0]["port"]
        listening = subprocess.run(
            ["ss", "-Hltn", f"sport = :{port}"], capture_output=True, text=True, timeout=10
        ).stdout
    assert [line.split()[3] for line in listening.splitlines()] == [f"127.0.0.1:{port}"]


@pytest.mark.parametrize("word", ["80", "a:h1:80", "80:h1:0", "80:h1:65536", "80::80", "1:h1:2:3"])
def test_a_forward_that_is_none_is_a_usage_error(cli_lab, word):
    done = cli_lab.call("forward", word)
    assert done.returncode == 2
    assert "netarium: " in done.stderr and "Traceback" not in done.stderr


def test_connect_joins_standard_streams_with_a_port(cli_lab):
    request = "GET / HTTP/1.0\r\nHost: h2\r\n\r\n"
    done = cli_lab.call("connect", "h2", "80", input=request)
    assert done.returncode == 0
    assert "It works!" in done.stdout


def test_connect_to_a_closed_port_says_so(cli_lab):
    done = cli_lab.call("connect", "h1", "9")
    assert done.returncode == 1
    assert "nothing listens on TCP port 9 of node h1" in done.stderr


def test_a_dialer_is_shared_by_threads(cli_lab):
    with Dialer(find_lab(cli_lab.name), "h1") as dialer, ThreadPoolExecutor(8) as pool:

        def banner(_):
            with dialer.dial(["h2"], 80) as connected:
                connected.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return connected.recv(4)

        assert list(pool.map(banner, range(40))) == [b"HTTP"] * 40


def test_a_dialer_takes_the_first_address_that_answers(cli_lab):
    with Dialer(find_lab(cli_lab.name), "h1") as dialer:
        dialer.dial(["no-such-host.test", "127.0.0.3", "h2"], 80).close()
        with pytest.raises(DialError, match="h2 port 9: Connection refused") as refused:
            dialer.dial(["h2"], 9)
        assert refused.value.number == 111


def test_no_dialer_for_an_unknown_node(cli_lab):
    with pytest.raises(NotFoundError, match="no node 'h9'"):
        Dialer(find_lab(cli_lab.name), "h9")


def test_the_proxy_ends_when_the_lab_does(netarium, tmp_path):
    name = f"ending-{os.getpid()}"
    (tmp_path / "lab.yaml").write_text(f"name: {name}\nnodes: {{a: {{}}}}\n")
    netarium("up", cwd=tmp_path)
    from tests.conftest import COMMAND

    argv = [str(COMMAND), "proxy", "--lab", name, "a", "--port", "0", "--json"]
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        netarium("down", name)
        _, err = process.communicate(timeout=10)
    assert process.returncode == 4
    assert f"node a of lab {name} has ended" in err
