"""FTP and Telnet in the playground: Python's ftplib, curl, and Debian's own ftp and telnet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.terminals import Person, person_at
from tests.conftest import COMMAND
from tests.system.clients import ACCOUNT, PASSWORD, run_in
from tests.system.conftest import UpLab

#: Behind a modem, and on public addresses on both sides of the company's gateway.
ANYWHERE = ["h1", "h4", "isp", "www"]


def _transfer(user: str, password: str, passive: bool, folder: str) -> dict[str, Any]:
    """Put half a megabyte, list it, get it back, and remove it where that is allowed."""
    import ftplib
    import io
    import os

    data = os.urandom(500_000)
    base = os.urandom(8).hex()
    name = f"{folder}/{base}"
    with ftplib.FTP("ftp.example.com", timeout=10) as ftp:
        welcome = ftp.login(user, password)
        ftp.set_pasv(passive)
        ftp.storbinary(f"STOR {name}", io.BytesIO(data))
        size = ftp.size(name)
        back = bytearray()
        ftp.retrbinary(f"RETR {name}", back.extend)
        listed = [line.rpartition("/")[2] for line in ftp.nlst(folder)]
        facts = dict(ftp.mlsd(folder))[base]
        try:
            removed = ftp.delete(name)
        except ftplib.error_perm as error:
            removed = str(error)
    return {
        "welcome": welcome[:3],
        "size": size,
        "same": back == data,
        "listed": base in listed,
        "type": facts["type"],
        "removed": removed[:3],
        "name": name,
    }


@pytest.fixture
def clean_incoming(playground: UpLab) -> Iterator[None]:
    yield
    playground.exec("ftp", "rm -f /srv/ftp/incoming/*")


_DONE = {"welcome": "230", "size": 500_000, "same": True, "listed": True, "type": "file"}


@pytest.mark.parametrize("node", ANYWHERE)
@pytest.mark.parametrize("user", [ACCOUNT, "root"])
def test_accounts_passive_from_anywhere(playground: UpLab, node: str, user: str) -> None:
    done = run_in(playground, node, _transfer, user, PASSWORD, True, "/tmp")
    assert done | _DONE | {"removed": "250"} == done


@pytest.mark.parametrize("node", ["isp", "www"])
def test_accounts_active_from_a_public_node(playground: UpLab, node: str) -> None:
    done = run_in(playground, node, _transfer, ACCOUNT, PASSWORD, False, "/home/brandon")
    assert done | _DONE | {"removed": "250"} == done


@pytest.mark.usefixtures("clean_incoming")
@pytest.mark.parametrize(
    "node, passive", [("h1", True), ("h4", True), ("www", True), ("www", False), ("isp", False)]
)
def test_anonymous_uploads_and_downloads(playground: UpLab, node: str, passive: bool) -> None:
    done = run_in(playground, node, _transfer, "anonymous", "me@h1", passive, "incoming")
    assert done | _DONE | {"removed": "550"} == done, "a stranger may add but not remove"


def _active_through_nat() -> str:
    import ftplib

    with ftplib.FTP("ftp.example.com", timeout=10) as ftp:
        ftp.login()
        ftp.set_pasv(False)
        try:
            ftp.retrbinary("RETR README", bytes)
        except ftplib.all_errors as error:
            return str(error)
    return "worked"


def test_active_from_behind_a_modem_is_refused_with_a_reason(playground: UpLab) -> None:
    """The server is told to come to 192.168.1.11; it neither can nor should."""
    assert run_in(playground, "h1", _active_through_nat).startswith("501 ")


def _wrong_passwords(tries: list[list[str]]) -> list[str]:
    import ftplib

    found = []
    for user, password in tries:
        with ftplib.FTP("ftp", timeout=10) as ftp:
            try:
                found.append(ftp.login(user, password)[:3])
            except ftplib.error_perm as error:
                found.append(str(error)[:3])
    return found


def test_wrong_password_or_account_is_refused(playground: UpLab) -> None:
    tries = [[ACCOUNT, "abc124"], ["nobody", PASSWORD], ["root", ""], [ACCOUNT, PASSWORD]]
    assert run_in(playground, "h2", _wrong_passwords, tries) == ["530", "530", "530", "230"]


def test_uploads_belong_to_the_account_and_its_rights_hold(playground: UpLab) -> None:
    put = "curl -sS -u brandon:abc123 -T /etc/hostname ftp://ftp/{}"
    playground.out("h1", put.format("note"))
    assert playground.out("ftp", "stat -c %U /home/brandon/note; cat /home/brandon/note") == (
        "brandon\nh1\n"
    )
    playground.out("ftp", "rm /home/brandon/note")
    refused = playground.exec("h1", put.format("%2Fetc/mine"), check=False)
    assert refused.returncode == 25, refused.stderr  # "failed to start the upload"
    assert "No such file" in playground.exec("ftp", "ls /etc/mine", check=False).stderr


@pytest.mark.needs("curl")
def test_curl_in_the_clear_and_over_tls(playground: UpLab) -> None:
    """TLS with the lab's authority: curl verifies it, for control and data."""
    readme = playground.out("ftp", "cat /srv/ftp/README")
    for node, options in ("h1", ""), ("h1", "--ssl-reqd"), ("www", "-P -"):
        assert playground.out(node, f"curl -sS {options} ftp://ftp.example.com/README") == readme


def _over_tls(passive: bool) -> list[str]:
    import ftplib
    import ssl

    lines: list[str] = []
    with ftplib.FTP_TLS("ftp.example.com", context=ssl.create_default_context(), timeout=10) as ftp:
        ftp.login("brandon", "abc123")
        ftp.prot_p()
        ftp.set_pasv(passive)
        ftp.retrlines("RETR /etc/hostname", lines.append)
    return lines


# curl 7.87 and 7.88 forget TLS on active data connections (mended in 8.0), ftplib does not.
@pytest.mark.parametrize("passive", [True, False])
def test_python_over_tls(playground: UpLab, passive: bool) -> None:
    assert run_in(playground, "www", _over_tls, passive) == ["ftp"]


@pytest.mark.needs("ftp")
@pytest.mark.parametrize(
    "node, first, said", [("h1", "", "Extended Passive"), ("www", "passive off\n", "EPRT")]
)
def test_the_ftp_program(playground: UpLab, node: str, first: str, said: str) -> None:
    """tnftp with a script: a directory, an upload, a listing, a download, a deletion."""
    script = (
        f"user {ACCOUNT} {PASSWORD}\n{first}mkdir box\ncd box\nput /etc/hostname one\nls\n"
        "get one /tmp/one\ndelete one\ncd ..\nrmdir box\nquit\n"
    )
    done = playground.exec(node, "ftp -nv ftp && cat /tmp/one; rm -f /tmp/one", input=script)
    assert f"\n{node}\n" in done.stdout[-20:], done.stdout
    assert re.search(r"^-rw-r--r-- .* brandon .* one", done.stdout, re.MULTILINE)
    codes = re.findall(r"^(\d{3}) ", done.stdout, re.MULTILINE)
    assert codes.count("226") == 3
    assert not [code for code in codes if code > "400"], done.stdout
    assert ("229" in codes) == (node == "h1"), said
    assert playground.out("ftp", "ls /home/brandon") == ""


# -- Telnet ------------------------------------------------------------------------------------


@pytest.fixture
def at_telnet(playground: UpLab) -> Iterator[Person]:
    """Somebody at h1 who typed ``telnet ftp``."""
    words = [str(COMMAND), "exec", "--lab", playground.name, "h1", "--", "telnet", "ftp"]
    with person_at(words, rows=31, columns=97) as person:
        person.wait_for(r"^Connected to ftp")
        person.wait_for(r"login: $")
        yield person


@pytest.mark.needs("telnet")
@pytest.mark.parametrize("account, prompt", [("root", "#"), (ACCOUNT, r"\$")])
def test_telnet_login_and_shell(at_telnet: Person, account: str, prompt: str) -> None:
    at_telnet.type(f"{account}\n")
    at_telnet.wait_for(r"[Pp]assword: $")
    at_telnet.type(f"{PASSWORD}\n")
    at_telnet.wait_for(rf"^{account}@ftp:~{prompt} ")
    assert PASSWORD not in at_telnet.screen, "the password is shown"
    at_telnet.type("echo on $(hostname) as $(id -un); stty size; echo $TERM\n")
    at_telnet.wait_for(rf"^on ftp as {account}\n31 97\nxterm$")
    at_telnet.resize(50, 132)
    at_telnet.type("until stty size | grep '^50 132$'; do sleep 0.1; done\n")
    at_telnet.wait_for(r"^50 132$")
    at_telnet.type("sh -c 'echo ready; exec sleep 100'\n")
    at_telnet.wait_for(r"^ready$")
    at_telnet.type("\x03")
    at_telnet.wait_for(rf"@ftp:~{prompt} ")
    at_telnet.type("exit\n")
    at_telnet.wait_for(r"Connection closed by foreign host")
    assert at_telnet.exit_code() in (0, 1)  # telnet's own, whichever end closes


@pytest.mark.needs("telnet")
def test_telnet_refuses_a_wrong_password_and_asks_again(at_telnet: Person) -> None:
    at_telnet.type("brandon\n")
    at_telnet.wait_for(r"[Pp]assword: $")
    at_telnet.type("wrong\n")
    at_telnet.wait_for(r"(?i)login incorrect")
    at_telnet.wait_for(r"login: $")
    at_telnet.type("brandon\n")
    at_telnet.wait_for(r"[Pp]assword: $")
    at_telnet.type(f"{PASSWORD}\n")
    at_telnet.wait_for(r"brandon@ftp:~\$ ")


def _telnet_by_hand() -> dict[str, Any]:
    """A client that refuses every option must still get a login and a shell (RFC 854)."""
    import re
    import socket

    iac, dont, do, wont, will, sb, se = 255, 254, 253, 252, 251, 250, 240
    with socket.create_connection(("ftp", 23), 10) as link:
        text, options = b"", set()

        def read_until(pattern: bytes) -> None:
            nonlocal text
            while not re.search(pattern, text):
                data = link.recv(4096)
                if not data:
                    raise EOFError(text)
                place = 0
                while place < len(data):
                    if data[place] != iac:
                        text += data[place : place + 1]
                        place += 1
                    elif data[place + 1] in (do, will, dont, wont):
                        verb, option = data[place + 1 : place + 3]
                        if verb in (do, will):
                            options.add(option)
                            link.sendall(bytes((iac, wont if verb == do else dont, option)))
                        place += 3
                    elif data[place + 1] == sb:
                        place = data.index(bytes((iac, se)), place) + 2
                    else:
                        place += 2

        read_until(b"login: ")
        link.sendall(b"brandon\r\n")
        read_until(b"assword: ")
        link.sendall(b"abc123\r\n")
        read_until(rb"@ftp:~[$#] ")
        link.sendall(b"echo $((6*7))\r\n")
        read_until(rb"\n42\r\n")
        link.sendall(b"exit\r\n")
        try:
            read_until(b"never")
        except EOFError:
            pass
    return {"options": sorted(options)}


def test_telnet_with_a_client_that_refuses_all_options(playground: UpLab) -> None:
    offered = run_in(playground, "h4", _telnet_by_hand)["options"]
    assert 1 in offered, "the server does not offer to echo, so a password would be shown"
