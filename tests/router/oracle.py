"""Linux as the oracle: what its ip_forward does with frames, in namespaces made for the purpose.

Run as a program inside a network namespace of its own (`ask` does that): it makes a second one
that routes, wires three links between the two, sends each frame and tells what came back.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
from pathlib import Path

from tests.router.network import MACS, MTUS, REVERSE_PATH, ROUTES, STATIONS

_OUTGOING = 4
_QUIET = 0.003  # seconds without a frame after which nothing more is expected


def ask(probes: list[tuple[int, bytes]], extra: float = 0.0) -> list[list[tuple[int, bytes]]]:
    """What Linux sends for each of the probes (link, frame); ``extra``: seconds to wait at last.

    What comes in the extra time is one more entry at the end.
    """
    question = json.dumps({"probes": [(link, data.hex()) for link, data in probes], "extra": extra})
    words = ["unshare", "--net", sys.executable, "-m", "tests.router.oracle"]
    done = subprocess.run(
        words,
        input=question,
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [
        [(link, bytes.fromhex(data)) for link, data in answer] for answer in json.loads(done.stdout)
    ]


def _commands() -> list[str]:
    """Lines for ``ip -batch`` inside the routing namespace."""
    lines = ["link set lo up"]
    for link in range(3):
        lines += [
            f"link set r{link} address {MACS[link]} mtu {MTUS[link]}",
            f"link set r{link} addrgenmode none",
            f"link set r{link} up",
            f"addr add 10.0.{link}.1/24 broadcast + dev r{link}",
            f"addr add fd00:{link}::1/64 dev r{link} nodad",
            f"addr add fe80::1/64 dev r{link} nodad",
        ]
    for link, host, mac in STATIONS:
        for who in (f"10.0.{link}.{host}", f"fd00:{link}::{host}", f"fe80::{host}"):
            lines.append(f"neigh replace {who} lladdr {mac} dev r{link} nud permanent")
    for route in ROUTES:
        words = ["" if route.kind == "unicast" else route.kind, route.prefix]
        words += ["via", route.via] if route.via else []
        words += ["dev", route.interface] if route.interface else []
        lines.append(f"route add {' '.join(words)}")
    return lines


_SETTINGS = {
    "net/ipv4/ip_forward": 1,
    "net/ipv4/icmp_ratemask": 0,
    "net/ipv4/icmp_msgs_per_sec": 1000000,
    "net/ipv4/icmp_msgs_burst": 1000000,
    "net/ipv4/conf/all/rp_filter": 0,
    "net/ipv6/icmp/ratelimit": 0,
    "net/ipv6/auto_flowlabels": 0,
    "net/ipv6/conf/default/accept_dad": 0,
    "net/ipv6/conf/all/accept_dad": 0,
    "net/ipv6/conf/default/accept_ra": 0,
    "net/ipv6/conf/all/forwarding": 1,
}


def _inside() -> None:
    """What is done in the routing namespace: settings and addresses."""
    for name, value in _SETTINGS.items():
        path = Path("/proc/sys") / name
        if path.exists():
            path.write_text(str(value))
    subprocess.run(["ip", "-batch", "-"], input="\n".join(_commands()), text=True, check=True)
    for link in range(3):
        mode = {"off": 0, "strict": 1, "loose": 2}[REVERSE_PATH[link]]
        Path(f"/proc/sys/net/ipv4/conf/r{link}/rp_filter").write_text(str(mode))
        for family in ("ipv4", "ipv6"):  # one question each, that no later one falls in between
            Path(f"/proc/sys/net/{family}/neigh/r{link}/retrans_time_ms").write_text("60000")


def main() -> None:
    question = json.load(sys.stdin)
    router = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; read end"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    assert router.stdin and router.stdout
    try:
        router.stdout.readline()
        for link in range(3):
            words = f"ip link add h{link} type veth peer name r{link} netns {router.pid}"
            subprocess.run(words.split(), check=True)
            Path(f"/proc/sys/net/ipv6/conf/h{link}/disable_ipv6").write_text("1")
        inside = ["nsenter", "-t", str(router.pid), "-n", sys.executable, "-m"]
        for link in range(3):
            subprocess.run(f"ip link set h{link} mtu 9000 up".split(), check=True)
        subprocess.run([*inside, "tests.router.oracle", "inside"], check=True)
        print(json.dumps(_run(question)))
    finally:
        router.stdin.close()
        router.wait()


def _run(question) -> list[list[tuple[int, str]]]:
    sockets = []
    for link in range(3):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        sock.bind((f"h{link}", 3))
        sock.setblocking(False)
        sockets.append(sock)
    _collect(sockets, 0.5)
    answers = []
    for link, data in question["probes"]:
        frame = bytes.fromhex(data)
        sockets[link].send(frame)
        answers.append(_collect(sockets, _QUIET))
    answers.append(_collect(sockets, question["extra"]) if question["extra"] else [])
    return answers


def _collect(sockets: list[socket.socket], quiet: float) -> list[tuple[int, str]]:
    """All frames until none has come for a while; not those that we sent ourselves."""
    found = []
    while True:
        ready = select.select(sockets, [], [], quiet)[0]
        if not ready:
            return found
        for sock in ready:
            data, where = sock.recvfrom(70000)
            if where[2] != _OUTGOING:
                found.append((sockets.index(sock), data.hex()))


if __name__ == "__main__":
    _inside() if sys.argv[1:] == ["inside"] else main()
