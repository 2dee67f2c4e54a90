import asyncio
import os
import random
import socket
import tempfile
import time
from pathlib import Path

import pytest

from netarium.services import telnet
from netarium.services.setup import Setup

from .served import Served, account, served
from .typist import Typist

ROOT = os.geteuid() == 0


@pytest.fixture(scope="module")
def server():
    # Not below pytest's own directory: that is closed to the users whom the server acts as.
    with tempfile.TemporaryDirectory(prefix="netarium-") as name:
        yield from serving(Path(name))


def serving(directory: Path):
    directory.chmod(0o755)
    home = directory / "brandon"
    home.mkdir()
    if ROOT:
        os.chown(home, 1000, 1000)
    users = (account("brandon", home, 1000 if ROOT else None), account("root", directory))
    with served("telnet", directory, accounts=users) as running:
        yield running


def log_in(client: Typist, password: str = "abc123") -> None:
    client.expect("server login: ")
    client.type("brandon\r")
    client.expect("Password: ")
    client.type(password + "\r")


@pytest.mark.needs("telnet")
def test_a_shell_with_the_clients_window_and_terminal(server: Served) -> None:
    with Typist("telnet", "127.0.0.1", str(server.port), columns=101, rows=37) as client:
        log_in(client)
        client.expect("$ ")
        client.type("PS1=; stty size; echo $TERM-$LOGNAME-$UID; shopt login_shell; echo en''d\r")
        screen = client.expect("\nend")
        assert "37 101" in screen
        assert f"xterm-brandon-{1000 if ROOT else os.getuid()}" in screen
        assert "login_shell    \ton" in screen
        client.resize(123, 45)
        time.sleep(0.3)
        client.type("stty size\r")
        client.expect("45 123")
        client.type("sleep 60; echo not''reached\r")
        time.sleep(0.3)
        client.type("\x03")
        client.type("echo aft''er\r")
        assert "notreached" not in client.expect("after")
        client.type("exit\r")
        assert client.finish() in (0, 1)  # Debian's client ends with 1 when the server closes
    assert "logged in by password" in server.log
    assert "session ended: exit code 0" in server.log
    assert "abc123" not in server.log


@pytest.mark.needs("telnet")
def test_three_wrong_passwords_end_the_connection(server: Served) -> None:
    with Typist("telnet", "127.0.0.1", str(server.port)) as client:
        for attempt in range(3):
            log_in(client, f"wrong{attempt}")
            screen = client.expect("Login incorrect")
            assert "wrong" not in screen
        client.finish()
    assert "wrong password for 'brandon'" in server.log


def connect(port: int, family: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection((family, port), timeout=5)


def read_until(client: socket.socket, text: bytes) -> bytes:
    found = b""
    while text not in found:
        piece = client.recv(65536)
        assert piece, f"closed after {found!r}"
        found += piece
    return found


def test_the_name_can_be_edited_and_the_password_is_not_echoed(server: Served) -> None:
    with connect(server.port) as client:
        read_until(client, b"login: ")
        client.sendall(b"xx\x15brandonn\x7f\r\n")
        assert b"\b \b" in read_until(client, b"Password: ")
        client.sendall(b"abc1234\x7f\r\n")
        assert b"abc" not in read_until(client, b"$ ")


def test_a_plain_connection_without_negotiation_works(server: Served) -> None:
    with connect(server.port) as client:
        client.sendall(b"root\nabc123\necho $((6*7)) $TERM; exit\n")
        assert b"42 dumb\r\n" in read_until(client, b"42 dumb\r\n")
        while client.recv(65536):
            pass


def test_an_empty_name_is_asked_for_again(server: Served) -> None:
    with connect(server.port) as client:
        read_until(client, b"login: ")
        client.sendall(b"\r\n")
        read_until(client, b"login: ")


def test_an_unknown_name_looks_like_a_wrong_password(server: Served) -> None:
    with connect(server.port) as client:
        client.sendall(b"nobody\r\n\xc3\r\n")
        read_until(client, b"Login incorrect")
    assert "'nobody' (no such account)" in server.log


def test_much_output_arrives_whole(server: Served) -> None:
    with connect(server.port) as client:
        client.sendall(b"root\nabc123\nstty -echo; PS1=\n")
        time.sleep(0.3)
        client.sendall(b"seq 200000; echo 'e'nd\n")
        time.sleep(0.3)  # the server must wait for this reader
        found = read_until(client, b"\r\nend\r\n").replace(b"\r\0", b"\r")
        numbers = found.split(b"\r\n")
        assert [n for n in numbers if n.isdigit()] == [b"%d" % n for n in range(1, 200001)]


def test_leaving_hangs_up_on_the_shell(server: Served) -> None:
    with connect(server.port) as client:
        client.sendall(b"root\nabc123\nstty -echo; PS1=; echo p''id=$$=en''d\n")
        found = read_until(client, b"=end\r\n")
        pid = int(found.rpartition(b"pid=")[2].split(b"=")[0])
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_random_octets_never_stop_it(server: Served) -> None:
    noise = random.Random(7)
    for _ in range(50):
        with connect(server.port) as client:
            try:
                client.sendall(noise.randbytes(2000))
            except ConnectionError:
                continue
    test_a_plain_connection_without_negotiation_works(server)


def test_ipv6(server: Served) -> None:
    with connect(server.port, "::1") as client:
        read_until(client, b"login: ")


def test_a_login_that_takes_too_long_is_ended(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telnet, "_LOGIN_TIMEOUT", 0.1)
    node = server.lab.node("server")
    setup = Setup(server.lab, node, node.services[0], (), None, None, None, None, None)  # type: ignore

    async def run() -> bytes:
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(lambda: telnet._Session(setup), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname())
        said = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        await writer.wait_closed()
        listener.close()
        await listener.wait_closed()
        return said

    assert b"timed out" in asyncio.run(run())
