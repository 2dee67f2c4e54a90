"""Streams as tshark numbers and follows them, and netarium's in the same form."""

from __future__ import annotations

import subprocess
from pathlib import Path

from netarium.capture.streams import follow


def tshark_follow(path: Path, kind: str, numbers: range) -> dict[int, list[tuple[str, bytes]]]:
    """By number: who said what, turns of one side joined, gaps as tshark tells them."""
    words = [word for number in numbers for word in ("-z", f"follow,{kind},raw,{number}")]
    done = subprocess.run(
        ["tshark", "-q", "-r", str(path), *words], capture_output=True, text=True, check=True
    )
    found: dict[int, list[tuple[str, bytes]]] = {}
    for block in done.stdout.split("=" * 67):
        lines = block.strip("\n").split("\n")
        if not lines[0].startswith("Follow:"):
            continue
        number = int(lines[1].split()[-1])
        nodes = [line.split(": ")[1] for line in lines[2:4]]
        said = [(nodes[line.startswith("\t")], bytes.fromhex(line)) for line in lines[4:]]
        found[number] = _joined(said)
    return found


def _joined(said: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    joined: list[tuple[str, bytes]] = []
    for who, data in said:
        gap = data.startswith(b"[")
        if joined and joined[-1][0] == who and not gap and not joined[-1][1].startswith(b"["):
            joined[-1] = (who, joined[-1][1] + data)
        elif data:
            joined.append((who, data))
    return joined


def our_follow(path: Path, number: int, kind: str) -> list[tuple[str, bytes]]:
    said = []
    for turn in follow(path, number, kind):
        if turn.missing:  # with the zero that tshark adds
            said.append((turn.source, b"[%d bytes missing in capture file]\0" % turn.missing))
        said.append((turn.source, turn.data))
    return _joined(said)


def tshark_numbers(path: Path) -> dict[int, tuple[set[int], set[int]]]:
    """By frame: its TCP and UDP streams."""
    fields = ["-e", "frame.number", "-e", "tcp.stream", "-e", "udp.stream"]
    done = subprocess.run(
        ["tshark", "-r", str(path), "-T", "fields", *fields, "-E", "occurrence=a"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = {}
    for line in done.stdout.splitlines():
        number, tcp, udp = line.split("\t")
        found[int(number)] = tuple({int(n) for n in each.split(",") if n} for each in (tcp, udp))
    return found
