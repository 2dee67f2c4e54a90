"""Crowds and noise: many clients at a time lose nothing, and random bytes stop no service."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.system.clients import run_in, service_processes
from tests.system.conftest import UpLab

#: Half of the clients are on each, so that they come through both modems.
HOMES = ("h1", "h4")

#: Clients on each of the two nodes at the same time: 20 together.
WORKERS = 10


def _both(lab: UpLab, function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """Call a function on h1 and h4 at the same time. Services keep their processes."""
    before = service_processes(lab)
    with ThreadPoolExecutor(len(HOMES)) as pool:
        calls = [pool.submit(run_in, lab, node, function, *arguments) for node in HOMES]
        found = [call.result() for call in calls]
    assert service_processes(lab) == before
    return found


def _log_in(count: int, workers: int) -> list[str]:
    import subprocess
    from concurrent.futures import ThreadPoolExecutor

    def once(number: int) -> str:
        command = f"read line; echo got $line; exit {number % 50 + 1}"
        done = subprocess.run(
            ["ssh", "-oBatchMode=yes", "brandon@www", command],
            input=f"{number}\n",
            capture_output=True,
            text=True,
        )
        right = (done.stdout, done.returncode) == (f"got {number}\n", number % 50 + 1)
        return "" if right else f"{number}: {done.returncode} {done.stdout} {done.stderr}"

    with ThreadPoolExecutor(workers) as pool:
        return [fault for fault in pool.map(once, range(count)) if fault]


@pytest.mark.needs("ssh")
def test_200_ssh_logins(playground: UpLab) -> None:
    assert _both(playground, _log_in, 100, WORKERS) == [[], []]


def _transfer(count: int, workers: int) -> list[str]:
    """Half go up and are fetched back, half come down; half as an account, half as a stranger."""
    import ftplib
    import io
    import os
    from concurrent.futures import ThreadPoolExecutor

    readme = bytearray()
    with ftplib.FTP("ftp", timeout=60) as ftp:
        ftp.login()
        ftp.retrbinary("RETR README", readme.extend)

    def once(number: int) -> str:
        try:
            back = bytearray()
            with ftplib.FTP("ftp", timeout=60) as ftp:
                if number % 2:
                    ftp.login("brandon", "abc123")
                    data, name = os.urandom(100_000), f"load-{os.urandom(8).hex()}"
                    ftp.storbinary(f"STOR {name}", io.BytesIO(data))
                    ftp.retrbinary(f"RETR {name}", back.extend)
                    ftp.delete(name)
                else:
                    ftp.login()
                    data = bytes(readme)
                    ftp.retrbinary("RETR README", back.extend)
            return "" if back == data else f"{number}: {len(back)} of {len(data)} bytes"
        except (OSError, EOFError, ftplib.Error) as error:
            return f"{number}: {error!r}"

    with ThreadPoolExecutor(workers) as pool:
        return [fault for fault in pool.map(once, range(count)) if fault]


def test_200_ftp_transfers(playground: UpLab) -> None:
    assert _both(playground, _transfer, 100, WORKERS) == [[], []]
    assert playground.out("ftp", "ls /home/brandon") == ""


def _request(count: int, workers: int) -> list[str]:
    """Half over TLS; each on a connection of its own."""
    import json
    import urllib.request
    from concurrent.futures import ThreadPoolExecutor

    def once(number: int) -> str:
        scheme = ("http", "https")[number % 2]
        url = f"{scheme}://www.example.com/anything/{number}?n={number}"
        request = urllib.request.Request(url, data=b"x" * number, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                said = json.load(answer)
        except (OSError, ValueError) as error:
            return f"{number}: {error!r}"
        form = said["data"] or "".join(said["form"])
        right = (said["args"], said["url"], len(form)) == ({"n": str(number)}, url, number)
        return "" if right else f"{number}: {said}"

    with ThreadPoolExecutor(workers) as pool:
        return [fault for fault in pool.map(once, range(count)) if fault]


def test_1000_http_requests(playground: UpLab) -> None:
    assert _both(playground, _request, 500, WORKERS) == [[], []]


def _send(mark: str, count: int, workers: int) -> list[str]:
    import os
    import smtplib
    from concurrent.futures import ThreadPoolExecutor

    host = os.uname().nodename

    def once(number: int) -> str:
        letter = f"Subject: {mark} {host} {number}\n\n" + f"line {number}\n" * 20
        try:
            with smtplib.SMTP("mail.example.com", timeout=60) as smtp:
                smtp.sendmail(f"{host}@example.com", ["brandon@example.com"], letter)
        except (OSError, smtplib.SMTPException) as error:
            return f"{number}: {error!r}"
        return ""

    with ThreadPoolExecutor(workers) as pool:
        return [fault for fault in pool.map(once, range(count)) if fault]


def _collect(mark: str) -> dict[str, Any]:
    """The subjects of the letters with the mark, and whether each is whole; removes them."""
    import imaplib

    with imaplib.IMAP4("mail.example.com", timeout=60) as box:
        box.login("brandon", "abc123")
        box.select("INBOX")
        numbers = box.search(None, "SUBJECT", mark)[1][0].decode().split()
        subjects, broken = [], []
        if numbers:
            chosen = ",".join(numbers)
            for item in box.fetch(chosen, "(BODY.PEEK[])")[1]:
                if isinstance(item, tuple):
                    head, _, body = item[1].decode().partition("\r\n\r\n")
                    (line,) = (w for w in head.splitlines() if w.startswith("Subject: "))
                    subjects.append(line[len("Subject: ") + len(mark) + 1 :])
                    if body.rstrip() != "\r\n".join([f"line {line.split()[-1]}"] * 20):
                        broken.append(line)
            box.store(chosen, "+FLAGS.SILENT", r"(\Deleted)")
            box.expunge()
        left = int(box.select("INBOX", readonly=True)[1][0])
    return {"subjects": subjects, "broken": broken, "left": left}


def test_1000_mails(playground: UpLab) -> None:
    mark = secrets.token_hex(6)
    assert _both(playground, _send, mark, 500, WORKERS) == [[], []]
    found = run_in(playground, "h1", _collect, mark)
    assert sorted(found["subjects"]) == sorted(f"{n} {i}" for n in HOMES for i in range(500))
    assert found["broken"] == []
    assert found["left"] == 3


# -- noise -------------------------------------------------------------------------------------


def _make_noise(address: str, ports: list[int], seed: int) -> int:
    """Random bytes to TCP and UDP, bare and after beginnings that get further than noise does.

    Gives the number of connections made.
    """
    import contextlib
    import random
    import socket
    import struct

    chance = random.Random(seed)
    beginnings = [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n" + struct.pack(">IBB", 0x7FFFFFFF, 4, 20),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x16\x03\x01\xff\xff",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
        b"POST /post HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"EHLO x\r\nAUTH PLAIN ",
        b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<brandon@example.com>\r\nDATA\r\n",
        b"a LOGIN {999999999}\r\n",
        b"a AUTHENTICATE PLAIN\r\n",
        b"USER brandon\r\nPASS ",
        b"STLS\r\n",
        b"\xff\xfb\x1f\xff\xfa\x1f",
        b"\xff\xff",
        b"\0\x1d\x12\x34\1\0\0\1\0\0\0\0\0\0",
    ]
    made = 0
    for port in ports:
        for beginning in beginnings * 2:
            data = beginning + chance.randbytes(chance.choice((0, 1, 40, 3000)))
            with contextlib.suppress(OSError), socket.create_connection((address, port), 5) as tcp:
                made += 1
                tcp.sendall(data)
                ending = chance.randrange(4)
                if ending == 0:
                    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                elif ending == 1:
                    tcp.shutdown(socket.SHUT_WR)
                elif ending == 2:
                    tcp.settimeout(0.05)
                    tcp.recv(4096)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            for beginning in beginnings * 4:
                with contextlib.suppress(OSError):
                    data = beginning + chance.randbytes(chance.choice((0, 1, 11, 12, 40, 1400)))
                    udp.sendto(data, (address, port))
    return made


def _answers(address: str, services: dict[str, list[int]]) -> dict[str, str]:
    """What each service of a node says to an honest client, by kind and port."""
    import socket
    import ssl

    greetings = {"ssh": b"SSH-2.0", "ftp": b"220", "telnet": b"\xff", "web": b"HTTP/1.1 200"}
    mail = {25: b"220", 110: b"+OK", 995: b"+OK", 143: b"* OK", 993: b"* OK"}
    question = bytes.fromhex("1234 0100 0001 0000 0000 0000 03777777 00 0001 0001")
    found = {}
    for kind, ports in services.items():
        for port in ports:
            with socket.create_connection((address, port), 10) as tcp:
                link = tcp
                if port in (443, 993, 995):
                    link = ssl.create_default_context().wrap_socket(tcp, server_hostname=address)
                if kind == "web":
                    link.sendall(b"GET /get HTTP/1.1\r\nHost: www\r\nConnection: close\r\n\r\n")
                if kind == "dns":
                    link.sendall(len(question).to_bytes(2, "big") + question)
                said = link.recv(4096)
            if kind == "dns":
                right = b"\x12\x34" in said and said.endswith(bytes((10, 130, 1, 4)))
            else:
                right = said.startswith(mail[port] if kind == "mail" else greetings[kind])
            found[f"{kind} {port}"] = "" if right else repr(said)
    return found


def test_random_bytes_stop_no_service(playground: UpLab) -> None:
    """Every port of every service of every node, each from its own node."""
    lab = playground.running.lab
    before = service_processes(playground)
    services: dict[str, dict[str, list[int]]] = {node.name: {} for node in lab.nodes}
    for service in playground.running.services:
        tcp = [int(port[4:]) for port in service.ports if port.startswith("tcp/")]
        services[service.node][service.kind] = tcp
    assert sum(len(ports) for kinds in services.values() for ports in kinds.values()) == 22

    def one(item: tuple[int, str]) -> tuple[int, dict[str, str]]:
        seed, node = item
        address, ports = (
            lab.node(node).addresses[0],
            [p for kind in services[node].values() for p in kind],
        )
        made = run_in(playground, node, _make_noise, address, ports, seed)
        return made, run_in(playground, node, _answers, address, services[node])

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(one, enumerate(services)))
    assert sum(made for made, _ in found) > 22 * 20, "the noise was not heard"
    assert [answer for _, said in found for answer in said.values() if answer] == []
    assert service_processes(playground) == before
    for node in services:
        assert playground.exec(node, "grep -l Traceback /var/log/*", check=False).stdout == "", node
