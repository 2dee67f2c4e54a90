"""DNS in the playground: dig as a client, and the nodes' own resolvers."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass

import pytest

from tests.system.clients import at_once, run_in
from tests.system.conftest import UpLab
from tests.system.test_playground_topology import INTERFACES

pytestmark = pytest.mark.needs("dig")

ADDRESSES = {
    "h1": "192.168.1.11",
    "h2": "192.168.1.12",
    "h3": "192.168.1.13",
    "h4": "192.168.1.14",
    "modemA": "10.25.1.65",
    "modemB": "10.25.1.66",
    "isp": "10.25.1.1",
    "backbone": "10.1.1.1",
    "ftp": "10.130.1.2",
    "mail": "10.130.1.3",
    "www": "10.130.1.4",
}
REVERSE = {
    **{address: f"{node}." for node, address in ADDRESSES.items()},
    "10.130.1.1": "example.com.",
    **{ADDRESSES[node]: f"{node}.example.com." for node in ("ftp", "mail", "www")},
}
TRANSPORTS = {"udp": "+notcp", "tcp": "+tcp"}


@dataclass(frozen=True)
class Answer:
    """What dig shows of a reply: RCODE, flags, and the records of two sections, each as words."""

    status: str
    flags: set[str]
    records: list[list[str]]
    authority: list[list[str]]
    text: str


def dig(lab: UpLab, words: str, node: str = "h1") -> Answer:
    text = lab.out(node, f"dig +tries=1 +time=3 {words}")
    status = re.search(r"status: (\w+)", text)
    flags = re.search(r"^;; flags: ([^;]*);", text, re.MULTILINE)
    assert status and flags, text
    sections: dict[str, list[list[str]]] = {}
    for part in re.split(r"^;; ", text, flags=re.MULTILINE):
        title, _, body = part.partition(" SECTION:\n")
        if title.isupper():
            lines = (line.split() for line in body.splitlines())
            sections[title] = [line for line in lines if line and not line[0].startswith(";")]
    return Answer(
        status[1],
        set(flags[1].split()),
        sections.get("ANSWER", []),
        sections.get("AUTHORITY", []),
        text,
    )


def data(answer: Answer) -> list[str]:
    """The records of the answer as type and data."""
    return [" ".join(record[3:]) for record in answer.records]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_short_and_full_names_of_every_node(playground: UpLab, transport: str) -> None:
    names = {name: at for node, at in ADDRESSES.items() for name in (node, f"{node}.example.com")}
    names |= {"example": "10.130.1.1", "example.com": "10.130.1.1"}
    line = f"dig +noall +answer +nosearch {TRANSPORTS[transport]} {' '.join(names)}"
    found = [record.split() for record in playground.out("h1", line).splitlines()]
    assert [(r[0], r[3], r[4]) for r in found] == [(f"{n}.", "A", at) for n, at in names.items()]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_reverse_names_of_every_address(playground: UpLab, transport: str) -> None:
    queries = " ".join(f"-x {address}" for address in REVERSE)
    line = f"dig +noall +answer {TRANSPORTS[transport]} {queries}"
    found = [record.split() for record in playground.out("h4", line).splitlines()]
    assert [(r[3], r[4]) for r in found] == [("PTR", name) for name in REVERSE.values()]


def test_the_address_that_both_modems_have_has_no_name(playground: UpLab) -> None:
    answer = dig(playground, "-x 192.168.1.1")
    assert (answer.status, answer.records) == ("NXDOMAIN", [])


@pytest.mark.parametrize(
    "question, wanted",
    [
        ("example.com SOA", r"SOA backbone\. hostmaster\.example\.com\. \d+ \d+ \d+ \d+ \d+"),
        ("example.com NS", r"NS backbone\."),
        ("example.com MX", r"MX 10 mail\.example\.com\."),
        ("smtp.example.com CNAME", r"CNAME mail\.example\.com\."),
    ],
)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_records_of_the_zone(playground: UpLab, question: str, wanted: str, transport: str) -> None:
    answer = dig(playground, f"{TRANSPORTS[transport]} {question}")
    assert answer.status == "NOERROR"
    assert {"qr", "aa"} <= answer.flags
    assert len(answer.records) == 1
    assert re.fullmatch(wanted, data(answer)[0])


def test_an_alias_is_followed(playground: UpLab) -> None:
    found = data(dig(playground, "smtp.example.com"))
    assert found == ["CNAME mail.example.com.", "A 10.130.1.3"]


@pytest.mark.parametrize("kind", ["AAAA", "MX", "TXT", "SOA", "NS", "CNAME", "SRV"])
@pytest.mark.parametrize("name", ["www.example.com", "h1"])
def test_a_name_without_that_type_gives_an_empty_answer(
    playground: UpLab, name: str, kind: str
) -> None:
    answer = dig(playground, f"{name} {kind}")
    assert (answer.status, answer.records) == ("NOERROR", [])
    assert [record[3] for record in answer.authority] == ["SOA"]


@pytest.mark.parametrize("name", ["nobody.example.com", "nobody", "www.example.org", "a.www"])
@pytest.mark.parametrize("kind", ["A", "AAAA", "MX"])
def test_an_unknown_name_does_not_exist(playground: UpLab, name: str, kind: str) -> None:
    answer = dig(playground, f"{name} {kind}")
    assert (answer.status, answer.records) == ("NXDOMAIN", [])
    assert [record[3] for record in answer.authority] == ["SOA"]


def test_case_does_not_matter_and_comes_back_as_asked(playground: UpLab) -> None:
    answer = dig(playground, "wWw.ExAmPlE.cOm")
    assert data(answer) == ["A 10.130.1.4"]
    assert "wWw.ExAmPlE.cOm." in answer.text
    assert data(dig(playground, "MODEMB")) == data(dig(playground, "modemb")) == ["A 10.25.1.66"]


def test_edns(playground: UpLab) -> None:
    assert re.search(r"^; EDNS: version: 0", dig(playground, "+edns=0 www").text, re.MULTILINE)
    assert "EDNS" not in dig(playground, "+noedns www").text
    bad = dig(playground, "+edns=1 +noednsnegotiation www")
    assert bad.status == "BADVERS"


def test_a_server_on_many_addresses_answers_from_the_one_asked(playground: UpLab) -> None:
    """Every node can ask, whichever side of backbone it is on; dig refuses a stranger's reply."""
    found = at_once(playground, dict.fromkeys(INTERFACES, "dig +short @10.1.1.1 www"))
    assert {node: done.stdout for node, done in found.items()} == dict.fromkeys(
        INTERFACES, "10.130.1.4\n"
    )


def test_every_node_resolves_through_backbone(playground: UpLab) -> None:
    line = "cat /etc/resolv.conf; getent hosts mail; getent ahostsv4 smtp | head -1"
    found = at_once(playground, dict.fromkeys(INTERFACES, line))
    for node, done in found.items():
        lines = done.stdout.splitlines()
        assert lines[:2] == ["search example.com", "nameserver 10.1.1.1"], node
        if node != "mail":  # it finds its own name in its /etc/hosts
            assert lines[2].split()[:2] == ["10.130.1.3", "mail.example.com"], node
        assert lines[3].split() == ["10.130.1.3", "STREAM", "mail.example.com"], node


def _resolve(names: list[str]) -> list[str]:
    import socket

    found = []
    for name in names:
        try:
            found.append(socket.getaddrinfo(name, 80, socket.AF_INET)[0][4][0])
        except socket.gaierror as error:
            found.append({socket.EAI_NONAME: "no such name"}.get(error.errno, str(error)))
    return [*found, socket.gethostbyaddr("10.25.1.1")[0], socket.getfqdn("10.130.1.4")]


def test_programs_resolve_names_as_the_c_library_does(playground: UpLab) -> None:
    names = ["www", "www.example.com", "WWW.Example.Com.", "nobody", "nobody.example.org"]
    assert run_in(playground, "h1", _resolve, names) == [
        *["10.130.1.4"] * 3,
        *["no such name"] * 2,
        "isp",
        "www.example.com",
    ]


def test_the_search_domain_completes_names(playground: UpLab) -> None:
    """smtp is in no table of nodes: only smtp.example.com exists."""
    assert dig(playground, "+nosearch smtp").status == "NXDOMAIN"
    assert data(dig(playground, "+search smtp"))[-1] == "A 10.130.1.3"
    assert "1 received" in playground.out("h1", "ping -c1 smtp")


def _ask_badly(seed: int) -> str:
    """Nonsense by UDP and TCP, and then an honest question."""
    import random
    import socket

    chance = random.Random(seed)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for _ in range(500):
            udp.sendto(chance.randbytes(chance.randrange(1, 600)), ("10.1.1.1", 53))
    for _ in range(30):
        with socket.create_connection(("10.1.1.1", 53), 5) as tcp:
            tcp.sendall(chance.randbytes(chance.randrange(1, 3000)))
    return socket.gethostbyname("www.example.com")


def test_nonsense_does_not_stop_it(playground: UpLab) -> None:
    seed = random.Random(2).randrange(1 << 30)
    assert run_in(playground, "h4", _ask_badly, seed) == "10.130.1.4"


def test_status_lists_the_name_server(playground: UpLab) -> None:
    status = json.loads(playground.netarium("status", playground.name, "--json").stdout)
    (backbone,) = (n for n in status["labs"][0]["nodes"] if n["name"] == "backbone")
    ports = {service["kind"]: service["ports"] for service in backbone["services"]}
    assert ports == {"dns": ["tcp/53", "udp/53"], "ssh": ["tcp/22"]}
