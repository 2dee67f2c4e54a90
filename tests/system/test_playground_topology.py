"""The playground's nodes, addresses and routes, who reaches whom, and what tools say about it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Netarium
from tests.system.clients import at_once
from tests.system.conftest import UpLab, shipped_copy

#: Addresses of every interface, by node.
INTERFACES = {
    "h1": {"eth0": "192.168.1.11/24"},
    "h2": {"eth0": "192.168.1.12/24"},
    "h3": {"eth0": "192.168.1.13/24"},
    "h4": {"eth0": "192.168.1.14/24"},
    "modemA": {"eth0": "10.25.1.65/16", "eth1": "192.168.1.1/24"},
    "modemB": {"eth0": "10.25.1.66/16", "eth1": "192.168.1.1/24"},
    "isp": {"eth0": "10.25.1.1/32", "eth1": "10.25.1.1/32", "eth2": "10.25.1.1/32"},
    "backbone": {"eth0": "10.1.1.1/32", "eth1": "10.1.1.1/32"},
    "example": {"eth0": "10.130.1.1/32", "eth1": "10.130.1.1/24"},
    "ftp": {"eth0": "10.130.1.2/24"},
    "mail": {"eth0": "10.130.1.3/24"},
    "www": {"eth0": "10.130.1.4/24"},
}

GATEWAYS = {
    **dict.fromkeys(("h1", "h2", "h3", "h4"), "192.168.1.1"),
    **dict.fromkeys(("modemA", "modemB"), "10.25.1.1"),
    **dict.fromkeys(("isp", "example"), "10.1.1.1"),
    **dict.fromkeys(("ftp", "mail", "www"), "10.130.1.1"),
}

ROUTERS = {"modemA", "modemB", "isp", "backbone", "example"}

#: What every node must reach.
PUBLIC = (
    "10.25.1.1",
    "10.25.1.65",
    "10.25.1.66",
    "10.1.1.1",
    "10.130.1.1",
    "10.130.1.2",
    "10.130.1.3",
    "10.130.1.4",
)

SERVICES = {
    **{node: {22} for node in INTERFACES},
    "backbone": {22, 53},
    "ftp": {21, 22, 23},
    "mail": {22, 25, 110, 143, 993, 995},
    "www": {22, 80, 443},
}


@pytest.fixture(scope="module")
def seen(playground: UpLab) -> dict[str, Any]:
    """What each node's own ip says about addresses and routes, and whether it forwards."""
    line = "ip -j address; ip -j route; ip -j -6 route; cat /proc/sys/net/ipv4/ip_forward"
    found = at_once(playground, dict.fromkeys(INTERFACES, line))
    keys = ("addresses", "routes", "routes6", "forwards")
    return {
        node: dict(zip(keys, map(json.loads, done.stdout.splitlines()), strict=True))
        for node, done in found.items()
    }


def test_the_nodes_are_these_twelve(playground: UpLab) -> None:
    assert {node.name for node in playground.running.nodes} == set(INTERFACES)
    names = at_once(playground, dict.fromkeys(INTERFACES, "hostname"))
    assert {node: done.stdout.strip() for node, done in names.items()} == {
        node: node for node in INTERFACES
    }


@pytest.mark.parametrize("node", INTERFACES)
def test_addresses_are_these_and_no_others(seen: dict[str, Any], node: str) -> None:
    found: dict[str, list[str]] = {}
    for interface in seen[node]["addresses"]:
        assert "UP" in interface["flags"], interface
        for address in interface["addr_info"]:
            if address["scope"] == "global":
                assert not address.get("dynamic"), "an address that somebody handed out"
                text = f"{address['local']}/{address['prefixlen']}"
                found.setdefault(interface["ifname"], []).append(text)
        if interface["ifname"] != "lo":
            found.setdefault(interface["ifname"], [])
    assert found == {name: [address] for name, address in INTERFACES[node].items()}


@pytest.mark.parametrize("node", INTERFACES)
def test_default_route_and_forwarding(seen: dict[str, Any], node: str) -> None:
    default = [route.get("gateway") for route in seen[node]["routes"] if route["dst"] == "default"]
    assert default == ([GATEWAYS[node]] if node in GATEWAYS else [])
    assert seen[node]["forwards"] == (node in ROUTERS)


def test_backbone_knows_the_providers_and_the_companys_networks(seen: dict[str, Any]) -> None:
    routes = {r["dst"]: (r.get("gateway"), r["dev"]) for r in seen["backbone"]["routes"]}
    assert routes["10.25.0.0/16"] == ("10.25.1.1", "eth0")
    assert routes["10.130.1.0/24"] == ("10.130.1.1", "eth1")


def test_every_node_reaches_every_public_address(playground: UpLab) -> None:
    """h1 reaches modemB's outer address, and modemA reaches modemB, in particular."""
    ping = f"for a in {' '.join(PUBLIC)}; do ping -qc1 -W3 $a >/dev/null || echo $a & done; wait"
    found = at_once(playground, dict.fromkeys(INTERFACES, ping))
    assert {node: done.stdout.split() for node, done in found.items() if done.stdout} == {}


def test_ssh_reaches_a_modem_from_the_other_home(playground: UpLab) -> None:
    """Not only ping: a connection opens, through one modem's NAT, to the other modem itself."""
    assert playground.out("h1", "ssh -oBatchMode=yes modemB hostname") == "modemB\n"
    assert playground.out("h4", "ssh -oBatchMode=yes modemA hostname") == "modemA\n"


def test_home_a_is_one_segment_and_home_b_another(playground: UpLab) -> None:
    assert "ttl=64" in playground.out("h1", "ping -c1 -W2 192.168.1.12")
    assert "ttl=64" in playground.out("h3", "ping -c1 -W2 192.168.1.12")
    assert playground.exec("h1", "ping -c1 -W1 192.168.1.14", check=False).returncode == 1
    here = playground.out("modemA", "cat /sys/class/net/eth1/address")
    there = playground.out("modemB", "cat /sys/class/net/eth1/address")
    neighbour = "ping -qc1 192.168.1.1 >/dev/null; ip -j neigh show 192.168.1.1"
    for node, address in ("h1", here), ("h4", there):
        (entry,) = json.loads(playground.out(node, neighbour))
        assert entry["lladdr"] == address.strip(), "one of two gateways with the same address"


# -- what tools print --------------------------------------------------------------------------


@pytest.mark.needs("traceroute")
@pytest.mark.parametrize("node", ["h1", "h2", "h3", "h4"])
def test_traceroute(playground: UpLab, node: str) -> None:
    first, *hops = playground.out(node, "traceroute www.example.com").splitlines()
    assert first == "traceroute to www.example.com (10.130.1.4), 30 hops max, 60 byte packets"
    assert [re.sub(r"(  [0-9.]+ ms){3}$", "", hop) for hop in hops] == [
        " 1  192.168.1.1 (192.168.1.1)",
        " 2  isp (10.25.1.1)",
        " 3  backbone (10.1.1.1)",
        " 4  example.com (10.130.1.1)",
        " 5  www.example.com (10.130.1.4)",
    ]


@pytest.mark.needs("traceroute")
def test_traceroute_the_other_way_ends_at_the_modem(playground: UpLab) -> None:
    _, *hops = playground.out("www", "traceroute modemA").splitlines()
    assert [hop.split()[:3] for hop in hops] == [
        ["1", "example.com", "(10.130.1.1)"],
        ["2", "backbone", "(10.1.1.1)"],
        ["3", "isp", "(10.25.1.1)"],
        ["4", "modemA", "(10.25.1.65)"],
    ]


@pytest.mark.needs("traceroute")
def test_traceroutes_in_a_row_lose_no_answer(playground: UpLab) -> None:
    """A kernel limits its ICMP errors to one peer: a course behind one modem is one peer."""
    assert "*" not in playground.out("h2", "for i in 1 2 3 4 5; do traceroute www; done")


@pytest.mark.needs("ping")
@pytest.mark.parametrize("node", ["h1", "h4"])
def test_ping_shows_the_four_routers_in_the_ttl(playground: UpLab, node: str) -> None:
    said = playground.out(node, "ping -c1 www.example.com")
    assert "from www.example.com (10.130.1.4): icmp_seq=1 ttl=60 " in said


@pytest.mark.needs("nmap")
def test_nmap_finds_the_mail_ports_and_no_other(playground: UpLab) -> None:
    said = playground.out("h1", "nmap mail.example.com")
    assert "Nmap scan report for mail.example.com (10.130.1.3)" in said
    assert re.findall(r"^(\d+)/tcp +(\S+)", said, re.MULTILINE) == [
        (port, "open") for port in ("22", "25", "110", "143", "993", "995")
    ]


@pytest.mark.needs("nmap")
def test_open_ports_of_all_public_nodes(playground: UpLab) -> None:
    """From a segment's neighbour and from a host behind NAT, on every address."""
    wanted = ("backbone", "example", "ftp", "mail", "www", "isp", "modemA", "modemB")
    said = playground.out("h4", f"nmap -T5 -oG - -p1-10000 {' '.join(wanted)}", timeout=60)
    found = {
        address: {int(port) for port in re.findall(r"(\d+)/open/tcp", ports)}
        for address, ports in re.findall(r"^Host: (\S+) .*Ports: (.*)$", said, re.MULTILINE)
    }
    outer = {node: next(iter(INTERFACES[node].values())).partition("/")[0] for node in wanted}
    assert found == {outer[node]: SERVICES[node] for node in wanted}


def test_listening_sockets_are_the_services_and_nothing_else(playground: UpLab) -> None:
    found = at_once(playground, dict.fromkeys(INTERFACES, "ss -Hltn; ss -Hlun"))
    for node, done in found.items():
        ports = {int(line.split()[3].rpartition(":")[2]) for line in done.stdout.splitlines()}
        assert ports == SERVICES[node], node


@pytest.mark.needs("netstat")
def test_route_n(playground: UpLab) -> None:
    lines = [line.split() for line in playground.out("www", "route -n").splitlines()]
    assert ["0.0.0.0", "10.130.1.1", "0.0.0.0", "UG", "0", "0", "0", "eth0"] in lines
    assert ["10.130.1.0", "0.0.0.0", "255.255.255.0", "U", "0", "0", "0", "eth0"] in lines
    assert len(lines) == 4


# -- NAT ---------------------------------------------------------------------------------------


def test_the_web_server_sees_the_modems_address(playground: UpLab) -> None:
    for node, seen_as in {"h1": "10.25.1.65", "h4": "10.25.1.66", "isp": "10.25.1.1"}.items():
        said = json.loads(playground.out(node, "curl -sS http://www.example.com/ip"))
        assert said == {"origin": seen_as}


@pytest.fixture(scope="module")
def leaky(netarium: Netarium, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpLab]:
    """A playground whose routers know a way to the homes, as a burglar would wish."""
    directory = tmp_path_factory.mktemp("leaky")
    file: Path = shipped_copy("playground", f"leaky-{os.getpid()}", directory)
    netarium("up", file, cwd=directory)
    lab = UpLab(file.stem, directory, netarium)
    try:
        lab.out("isp", "ip route add 192.168.1.0/24 via 10.25.1.65 dev eth0 onlink")
        lab.out("backbone", "ip route add 192.168.1.0/24 via 10.25.1.1 dev eth0")
        yield lab
    finally:
        netarium("down", file.stem)


_KNOCK = """
ping -qc2 -W1 -i0.2 192.168.1.11 >/dev/null && echo ping
timeout 1 bash -c '>/dev/tcp/192.168.1.11/22' 2>/dev/null && echo tcp
for port in 22 53 33434; do echo hello >/dev/udp/192.168.1.11/$port; done
/usr/bin/python3 - <<END
import socket
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
acknowledges = bytes.fromhex("c350 0016 00000001 00000001 5010 ffff 0000 0000")  # of nothing
raw.sendto(acknowledges, ("192.168.1.11", 0))
END
true
"""

_RECEIVED = "awk '/^Ip: [0-9]/ {print $4}' /proc/net/snmp"


def test_nothing_from_outside_reaches_a_host_behind_a_modem(leaky: UpLab) -> None:
    """Routers that know the way get nothing through: no ping, TCP, UDP, or lone ACK."""
    before = leaky.out("h1", _RECEIVED)
    heard = at_once(leaky, dict.fromkeys(("isp", "backbone", "modemB"), _KNOCK))
    assert {burglar: done.stdout for burglar, done in heard.items() if done.stdout} == {}
    assert leaky.out("h1", _RECEIVED) == before, "packets came in"
    # With the modem's rules gone, the same knocks are heard: the rules kept them out before.
    leaky.out("modemA", "nft flush ruleset")
    assert leaky.out("isp", _KNOCK) == "ping\ntcp\n"


def test_what_goes_out_of_a_modem_has_no_private_address(playground: UpLab) -> None:
    """Nor does anything come back for one: h1's own address is nowhere beyond the modem."""
    server = (
        "import socket\n"
        "with socket.create_server(('', 7777)) as s:\n"
        "    s.settimeout(20)\n"
        "    for _ in range(2):\n"
        "        c, peer = s.accept()\n"
        "        c.sendall(peer[0].encode())\n"
        "        c.close()\n"
    )
    found = at_once(
        playground,
        {
            "isp": f'/usr/bin/python3 -c "{server}"',
            "h1": "until exec 3<>/dev/tcp/10.25.1.1/7777; do sleep .05; done 2>/dev/null; cat <&3",
            "h4": "until exec 3<>/dev/tcp/10.25.1.1/7777; do sleep .05; done 2>/dev/null; cat <&3",
        },
    )
    assert (found["h1"].stdout, found["h4"].stdout) == ("10.25.1.65", "10.25.1.66")
