"""Real traffic of real clients in the playground, read by netarium and by tshark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from netarium.capture.reading import read
from netarium.capture.streams import streams
from netarium.wire.packet import Packet
from tests.capture.following import our_follow, tshark_follow
from tests.system.clients import ACCOUNT, PASSWORD
from tests.system.conftest import UpLab
from tests.wire import as_tshark

pytestmark = pytest.mark.needs("tshark", "tcpdump", "dig", "curl", "ssh", "openssl")

_LOGIN = f"{ACCOUNT}:{PASSWORD}"
_MAIL = f"""
import imaplib, poplib, smtplib
with smtplib.SMTP("mail.example.com") as server:
    server.ehlo("h1")
    server.docmd("RSET")
with imaplib.IMAP4("mail.example.com") as box:
    box.login({ACCOUNT!r}, {PASSWORD!r})
    box.select("INBOX", readonly=True)
    box.fetch("1", "(BODY.PEEK[HEADER])")
box = poplib.POP3("mail.example.com")
box.user({ACCOUNT!r})
box.pass_({PASSWORD!r})
box.list()
box.top(1, 0)
box.quit()
"""

#: What runs on h1 while its interface is watched.
_CLIENTS = [
    "dig www.example.com A; dig example.com MX; dig +dnssec www.example.com AAAA",
    "dig +tcp example.com SOA; dig nosuch.example.com; dig -x 10.130.1.4; dig +noedns . NS",
    "curl -s http://www.example.com/ip; curl -s -d a=b http://www.example.com/post",
    "curl -s http://www.example.com/status/404; curl -s http://www.example.com/bytes/20000",
    "curl -sk https://www.example.com/ip; curl -sk --tls-max 1.2 https://www.example.com/ip",
    "echo | openssl s_client -connect www.example.com:443 -servername other.example",
    f"curl -s ftp://{_LOGIN}@ftp.example.com/",
    "ssh -o BatchMode=yes -o StrictHostKeyChecking=no www true",
]


@pytest.fixture(scope="module")
def traffic(playground: UpLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A capture of h1's interface while its clients ran."""
    path = tmp_path_factory.mktemp("traffic") / "h1.pcap"
    (playground.directory / "mail.py").write_text(_MAIL)
    watch = "tcpdump --immediate-mode -Z root -U -i eth0 -w /tmp/h1.pcap ip 2>/tmp/watch & watch=$!"
    begun = "until grep -q listening /tmp/watch; do sleep 0.05; done"
    run = "; ".join([*_CLIENTS, "/usr/bin/python3 /lab/mail.py"])
    ended = "sleep 0.2; kill $watch; wait $watch"
    playground.exec("h1", f"{watch}; {begun}; ({run}) >/tmp/said 2>&1; {ended}")
    playground.netarium("cp", "--lab", playground.name, "h1:/tmp/h1.pcap", path)
    yield path
    (playground.directory / "mail.py").unlink()
    playground.exec("h1", "rm -f /tmp/h1.pcap /tmp/watch /tmp/said")


@pytest.fixture(scope="module")
def packets(traffic: Path) -> list[Packet]:
    return list(read(traffic))


def test_every_field_is_read_as_tshark_reads_it(traffic: Path, packets: list[Packet]) -> None:
    theirs = as_tshark.tshark(traffic)
    differ, seen = {}, set()
    for packet in packets:
        ours = as_tshark.netarium(packet)
        seen |= ours.keys()
        if ours.get("imap.response_tag") is None:  # tshark takes the end of a literal for one
            theirs[packet.number].pop("imap.response_tag", None)
        if ours != theirs[packet.number]:
            differ[packet.number] = (ours, theirs[packet.number])
    assert differ == {}
    protocols = {field.partition(".")[0] for field in seen}
    assert protocols == {"dns", "http", "tls", "ssh", "ftp", "smtp", "imap", "pop"}
    assert {"tls.handshake.extensions_server_name", "ssh.kex_algorithms"} <= seen


def test_nothing_of_it_is_malformed(packets: list[Packet]) -> None:
    assert [str(packet.stop) for packet in packets if packet.stop] == []


def test_every_connection_is_followed_as_tshark_follows_it(traffic: Path) -> None:
    found = [each for each in streams(traffic) if each.kind == "tcp"]
    assert len(found) > 10
    theirs = tshark_follow(traffic, "tcp", range(len(found)))
    for stream in found:
        assert our_follow(traffic, stream.number, "tcp") == theirs[stream.number], stream
    conversations = tshark_follow(traffic, "udp", range(3))
    for number, said in conversations.items():
        assert our_follow(traffic, number, "udp") == said


def test_what_was_fetched_is_in_its_stream(traffic: Path) -> None:
    page = next(
        b"".join(data for _, data in our_follow(traffic, each.number, "tcp"))
        for each in streams(traffic)
        if each.bytes > 20_000
    )
    assert b"Content-Length: 20000" in page
    assert len(page.partition(b"\r\n\r\nHTTP")[2].partition(b"\r\n\r\n")[2]) == 20_000
