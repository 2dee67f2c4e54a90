import ftplib
import io
import os
import random
import socket
import ssl
import stat
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from netarium.model.lab import Mount, Node
from netarium.services.ftp import make_public_area

from .served import Served, account, served

ROOT = os.geteuid() == 0


@pytest.fixture(scope="module")
def directory():
    # Not pytest's own, which is closed to the users whom the server acts as.
    with tempfile.TemporaryDirectory(prefix="netarium-ftp-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def server(directory):
    home = directory / "brandon"
    home.mkdir()
    if ROOT:
        os.chown(home, 1000, 1000)
    (directory / "secret").write_text("not for brandon")
    (directory / "secret").chmod(0o600)
    closed = directory / "closed"
    closed.mkdir(mode=0o700)
    (closed / "hidden.txt").write_text("x")
    users = (
        account("brandon", home, 1000 if ROOT else None),
        account("root", directory),
    )
    with served(
        "ftp", directory, accounts=users, tls=True, root=str(directory / "public")
    ) as running:
        yield running


@pytest.fixture
def brandon(server: Served):
    with ftplib.FTP() as client:
        client.connect("127.0.0.1", server.port, timeout=5)
        client.login("brandon", "abc123")
        yield client


@pytest.fixture
def stranger(server: Served):
    with ftplib.FTP() as client:
        client.connect("127.0.0.1", server.port, timeout=5)
        client.login()
        yield client


def fetch(client: ftplib.FTP, path: str) -> bytes:
    found: list[bytes] = []
    client.retrbinary(f"RETR {path}", found.append)
    return b"".join(found)


def store(client: ftplib.FTP, path: str, content: bytes, verb: str = "STOR") -> None:
    client.storbinary(f"{verb} {path}", io.BytesIO(content))


@pytest.mark.parametrize("passive", [True, False])
def test_account_uploads_and_downloads(brandon, passive):
    brandon.set_pasv(passive)
    content = random.Random(1).randbytes(300_000)
    store(brandon, "data.bin", content)
    store(brandon, "data.bin", b"tail", "APPE")
    assert fetch(brandon, "data.bin") == content + b"tail"
    brandon.rename("data.bin", "other.bin")
    assert dict(brandon.mlsd())["other.bin"]["size"] == str(len(content) + 4)
    assert brandon.nlst() == ["other.bin"]
    brandon.delete("other.bin")
    assert brandon.nlst() == []


def test_account_starts_at_home_and_sees_the_node(brandon, server):
    assert brandon.pwd() == str(server.directory / "brandon")
    brandon.cwd("/etc")
    assert b"root:" in fetch(brandon, "passwd")


@pytest.mark.skipif(not ROOT, reason="only root can act as another user")
def test_account_has_its_own_rights_and_no_more(brandon, server):
    store(brandon, "mine", b"x")
    made = (server.directory / "brandon" / "mine").stat()
    assert (made.st_uid, made.st_gid, stat.S_IMODE(made.st_mode)) == (1000, 1000, 0o644)
    brandon.delete("mine")
    for attempt in (
        lambda: fetch(brandon, str(server.directory / "secret")),
        lambda: store(brandon, str(server.directory / "new"), b"x"),
        lambda: brandon.delete(str(server.directory / "secret")),
        lambda: brandon.nlst(str(server.directory / "closed")),
        lambda: brandon.dir(str(server.directory / "closed/hidden.txt"), lambda line: None),
        lambda: brandon.size(str(server.directory / "closed/hidden.txt")),
        lambda: brandon.cwd(str(server.directory / "closed")),
        lambda: brandon.sendcmd(f"SITE CHMOD 777 {server.directory}/secret"),
    ):
        with pytest.raises(ftplib.error_perm):
            attempt()
    # After all that the server itself still has its rights.
    with ftplib.FTP() as client:
        client.connect("127.0.0.1", server.port, timeout=5)
        client.login("root", "abc123")
        assert fetch(client, "secret") == b"not for brandon"


def test_stranger_reads_the_public_area_and_nothing_else(stranger, server):
    assert stranger.pwd() == "/"
    assert sorted(stranger.nlst()) == ["README", "incoming"]
    assert b"server.example.com" in fetch(stranger, "README")
    (server.directory / "public" / "out").unlink(missing_ok=True)
    (server.directory / "public" / "out").symlink_to("/etc")
    for attempt in (
        lambda: fetch(stranger, "../../etc/passwd"),
        lambda: fetch(stranger, "out/passwd"),
        lambda: store(stranger, "here", b"x"),
        lambda: stranger.delete("README"),
        lambda: stranger.rename("README", "incoming/README"),
        lambda: stranger.rmd("incoming"),
        lambda: stranger.sendcmd("SITE CHMOD 777 README"),
        lambda: stranger.mkd("sub"),
    ):
        with pytest.raises(ftplib.error_perm):
            attempt()
    (server.directory / "public" / "out").unlink()


def test_stranger_leaves_a_file_in_incoming(stranger, server):
    store(stranger, "incoming/gift", b"for you")
    assert fetch(stranger, "incoming/gift") == b"for you"
    with pytest.raises(ftplib.error_perm):
        stranger.delete("incoming/gift")
    if ROOT:
        assert (server.directory / "public/incoming/gift").stat().st_uid not in (0, 1000)


def test_wrong_password_delays_nobody_else(server):
    with ftplib.FTP() as wrong, ThreadPoolExecutor() as pool:
        wrong.connect("127.0.0.1", server.port, timeout=5)
        refused = pool.submit(wrong.login, "brandon", "wrong")
        time.sleep(0.1)
        started = time.monotonic()
        with ftplib.FTP() as client:
            client.connect("127.0.0.1", server.port, timeout=5)
            client.login("brandon", "abc123")
        assert time.monotonic() - started < 0.8
        assert not refused.done()
        with pytest.raises(ftplib.error_perm, match="530"):
            refused.result()


@pytest.mark.parametrize(("user", "password"), [("nobody", ""), ("", "x"), ("root", "")])
def test_login_needs_an_account_and_its_password(server, user, password):
    with ftplib.FTP() as client:
        client.connect("127.0.0.1", server.port, timeout=5)
        client.sendcmd(f"USER {user or 'unknown'}")
        with pytest.raises(ftplib.error_perm, match="530"):
            client.sendcmd(f"PASS {password}")


@pytest.mark.parametrize("passive", [True, False])
def test_ipv6(server, passive):
    with ftplib.FTP() as client:
        client.connect("::1", server.port, timeout=5)
        client.set_pasv(passive)
        client.login()
        assert b"Welcome" in fetch(client, "README")
        with pytest.raises(ftplib.error_perm, match="522"):
            client.sendcmd("PASV")


def test_passive_address_is_the_one_that_the_client_reached(server):
    with ftplib.FTP() as client:
        client.connect("127.0.0.5", server.port, timeout=5)
        client.login()
        assert "(127,0,0,5," in client.sendcmd("PASV")


def test_active_transfer_to_somebody_else_is_refused(stranger):
    with pytest.raises(ftplib.error_perm, match="501"):
        stranger.sendcmd("PORT 10,1,1,1,200,10")


def test_resumed_download_starts_where_it_is_told(brandon):
    store(brandon, "long", b"0123456789")
    found: list[bytes] = []
    brandon.retrbinary("RETR long", found.append, rest=6)
    assert b"".join(found) == b"6789"
    brandon.delete("long")


def test_tls_protects_control_and_data(server):
    context = ssl.create_default_context(cafile=str(server.authority))
    with ftplib.FTP_TLS(context=context) as client:
        client.connect("127.0.0.1", server.port, timeout=5)
        client.login("brandon", "abc123")
        client.prot_p()
        store(client, "sealed", b"x" * 100_000)
        assert fetch(client, "sealed") == b"x" * 100_000
        client.delete("sealed")


@pytest.mark.parametrize("options", [[], ["--disable-epsv"], ["-P", "-"], ["--ssl-reqd", "-k"]])
def test_curl(server, options):
    url = f"ftp://127.0.0.1:{server.port}/README"
    done = subprocess.run(["curl", "-sS", *options, url], capture_output=True, check=True)
    assert b"Welcome" in done.stdout


def test_crowd_of_transfers_loses_nothing(server):
    content = os.urandom(50_000)

    def transfer(number: int) -> bool:
        with ftplib.FTP() as client:
            client.connect("127.0.0.1", server.port, timeout=20)
            client.login("brandon", "abc123")
            client.set_pasv(number % 2 == 0)
            store(client, f"crowd{number}", content)
            kept = fetch(client, f"crowd{number}")
            client.delete(f"crowd{number}")
        return kept == content

    with ThreadPoolExecutor(20) as pool:
        assert all(pool.map(transfer, range(200)))


def test_random_bytes_stop_nothing(server):
    random_bytes = random.Random(7)
    for size in (1, 10, 500, 5000, 70_000):
        for lead in (b"", b"USER ", b"USER anonymous\r\nPASS x\r\nLIST ", b"AUTH TLS\r\n"):
            with socket.create_connection(("127.0.0.1", server.port), timeout=5) as raw:
                try:
                    raw.sendall(lead + random_bytes.randbytes(size) + b"\r\n")
                except (BrokenPipeError, ConnectionResetError):
                    pass
    with ftplib.FTP() as client:
        client.connect("127.0.0.1", server.port, timeout=5)
        assert client.login().startswith("230")


def test_log_tells_who_did_what(brandon, server):
    store(brandon, "noted", b"x")
    brandon.delete("noted")
    assert "USER 'brandon' logged in." in server.log
    assert "DELE" in server.log
    assert "abc123" not in server.log


def test_without_anonymous_and_within_passive_ports(tmp_path):
    users = (account("brandon", tmp_path),)
    with (
        served("ftp", tmp_path, accounts=users, anonymous=False, passive_ports=[42310, 42319]) as s,
        ftplib.FTP() as client,
    ):
        client.connect("127.0.0.1", s.port, timeout=5)
        with pytest.raises(ftplib.error_perm, match="530"):
            client.login()
        client.login("brandon", "abc123")
        _, port = ftplib.parse227(client.sendcmd("PASV"))
        assert 42310 <= port <= 42319


def test_public_area_with_files_or_from_the_host_is_left_alone(tmp_path):
    node = Node(name="n", names=("n",))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    make_public_area(tmp_path / "full", node)
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["mine"]
    (tmp_path / "mounted").mkdir()
    mount = Mount(source="/host", target=str(tmp_path / "mounted"))
    make_public_area(tmp_path / "mounted", Node(name="n", names=("n",), mounts=(mount,)))
    assert not any((tmp_path / "mounted").iterdir())
    make_public_area(tmp_path / "new", node)
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["README", "incoming"]
