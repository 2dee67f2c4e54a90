"""Capturing small packets at the highest rate, beside tcpdump, dumpcap and others.

A generator sends 60-byte frames out of a packet ring across a veth; each program in turn
captures them at the other end. Both ends are in network namespaces made for it, and gone
with it. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
COMMAND = str(Path(sys.executable).parent / "netarium")
PACKETS = 10_000_000
BUFFER = 64  # MiB between kernel and program, for each of them
PATIENCE = 60  # seconds for a program to be ready, or to end

#: Columns straight from the ring: as many rows as there were frames.
COLUMNS = """
import signal, sys
from netarium.capture import columns
rows = 0
with columns(host="s1") as batches:
    signal.signal(signal.SIGINT, lambda *_: batches.stop())
    print("ready", file=sys.stderr, flush=True)
    for batch in batches:
        rows += batch.num_rows
print("rows", rows)
"""
SCAPY = """
import signal, sys
from scapy.sendrecv import AsyncSniffer
rows = 0
def count(packet):
    global rows
    rows += 1
sniffer = AsyncSniffer(iface="s1", prn=count, store=False,
                       started_callback=lambda: print("ready", file=sys.stderr, flush=True))
sniffer.start()
signal.sigwait({signal.SIGINT})
sniffer.stop()
print("rows", rows)
"""


@dataclass
class Run:
    """One capture: frames sent and kept, the rate of sending, seconds of processors."""

    sent: int
    kept: int
    rate: float
    cpu: float


@dataclass
class Case:
    """One program: how it is called, the word that says it is ready, its runs.

    Attributes:
        idle: seconds of processors for starting and ending with nothing to capture.
        file: whether it writes one; else it says how many frames it saw.
    """

    name: str
    command: list[str]
    ready: str
    file: bool = True
    runs: list[Run] = field(default_factory=list)
    idle: float = 0.0

    def median(self, what: str) -> float:
        """The median of its runs."""
        return statistics.median(getattr(run, what) for run in self.runs)


def cases(target: str) -> list[Case]:
    """The programs that are there."""
    ring = [COMMAND, "capture", "--host", "s1", "-w", target]
    kernel = str(BUFFER * 1024)
    found = [
        Case("tcpdump", ["tcpdump", "-ni", "s1", "-B", kernel, "-w", target], "listening"),
        Case("dumpcap", ["dumpcap", "-i", "s1", "-B", str(BUFFER), "-w", target], "File:"),
        Case("netarium", ring, "capturing"),
        Case("netarium, columns", [sys.executable, "-c", COLUMNS], "ready", file=False),
        Case("netarium, libpcap", [*ring, "--backend", "pcap"], "capturing"),
        Case("Scapy sniff", [sys.executable, "-c", SCAPY], "ready", file=False),
    ]
    return [case for case in found if shutil.which(case.command[0])]


class Bench:
    """A veth between two network namespaces."""

    def __init__(self) -> None:
        self.sender, self.receiver = (f"nb{os.getpid()}{end}" for end in "sr")

    def __enter__(self) -> Bench:
        ip("netns", "add", self.sender)
        ip("netns", "add", self.receiver)
        ip("-n", self.sender, "link", "add", "s0", "type", "veth", "peer", "name", "s1")
        ip("-n", self.sender, "link", "set", "s1", "netns", self.receiver)
        for space, name in ((self.sender, "s0"), (self.receiver, "s1")):
            # Silence: no address is configured, no router asked for.
            inside(space, "sysctl", "-qw", f"net.ipv6.conf.{name}.disable_ipv6=1")
            ip("-n", space, "link", "set", name, "up")
        return self

    def __exit__(self, *_: object) -> None:
        for space in (self.sender, self.receiver):
            subprocess.run(["ip", "netns", "del", space], check=False)

    def run(self, case: Case, count: int, target: Path) -> Run:
        """Start a program, send, wait for it to come to rest, end it, count."""
        target.unlink(missing_ok=True)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        program = subprocess.Popen(
            ["ip", "netns", "exec", self.receiver, *case.command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        await_word(program, case)
        sent, rate = 0, 0.0
        if count:
            flood = str(HERE / "peers" / "flood.py")
            # It is waited for after the capture's processor time was read: it is not counted.
            generator = subprocess.Popen(
                ["ip", "netns", "exec", self.sender, sys.executable, flood, "s0", str(count)],
                stdout=subprocess.PIPE,
                text=True,
            )
            assert generator.stdout is not None
            words = generator.stdout.read().split()  # ends when it has closed its output
            sent, rate = int(words[0]), float(words[1])
            time.sleep(1.0)
        program.send_signal(signal.SIGINT)
        output, complaints = program.communicate(timeout=PATIENCE)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if program.returncode not in (0, 130):
            raise SystemExit(f"{case.name} failed: {complaints.strip()}")
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        if count:
            generator.wait()
        kept = kept_in(target) if case.file and count else rows_of(output)
        return Run(sent, kept, rate, cpu)


def await_word(program: subprocess.Popen[str], case: Case) -> None:
    """Wait until a program has said that it is ready."""
    assert program.stderr is not None
    said = ""
    end = time.monotonic() + PATIENCE
    while case.ready not in said:
        readable, _, _ = select.select([program.stderr], [], [], max(0.0, end - time.monotonic()))
        piece = os.read(program.stderr.fileno(), 4096).decode() if readable else ""
        if not piece:
            program.kill()
            raise SystemExit(f"{case.name} did not start: {said.strip()}")
        said += piece


def folder_in_memory() -> str | None:
    """Where files are written to memory, so that no disk decides; None: it is not there."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def kept_in(target: Path) -> int:
    """Frames in a file."""
    from netarium.capture import batches

    return sum(batch.count for batch in batches(target)) if target.exists() else 0


def rows_of(output: str) -> int:
    """Frames that a program says it has seen."""
    return next((int(line.split()[1]) for line in output.splitlines() if "rows" in line), 0)


def ip(*words: str) -> None:
    """Call ip."""
    subprocess.run(["ip", *words], check=True)


def inside(space: str, *words: str) -> None:
    """Call a program in a network namespace."""
    subprocess.run(["ip", "netns", "exec", space, *words], check=True)


def measure(count: int, turns: int) -> list[Case]:
    """All programs in turns, each also with nothing to capture."""
    # netarium compiles its loops once, ever; here before the first turn.
    loops = ["ring", "pcap", "file", "columns"]
    subprocess.run([sys.executable, "-m", "netarium.capture.warming", *loops], check=True)
    with (
        tempfile.TemporaryDirectory(prefix="netarium-bench-", dir=folder_in_memory()) as folder,
        Bench() as bench,
    ):
        target = Path(folder) / "capture"
        found = cases(str(target))
        for case in found:
            bench.run(case, min(count, 200_000), target)  # warm: loops compiled, files cached
            case.idle = statistics.median(bench.run(case, 0, target).cpu for _ in range(3))
        for _ in range(turns):
            for case in found:
                print(f"{case.name} ...", end="", file=sys.stderr, flush=True)
                case.runs.append(bench.run(case, count, target))
                print(f" {case.runs[-1].kept:,} kept", file=sys.stderr)
    return found


def show(found: list[Case]) -> None:
    """Print a table of medians, and of processor time in tcpdump's."""
    base = next((case for case in found if case.name == "tcpdump"), None)
    print(f"{'':20}{'sent/s':>10}{'lost':>9}{'CPU s':>8}{'of tcpdump':>12}{'without start':>15}")
    for case in found:
        cpu, sent = case.median("cpu"), case.median("sent")
        lost = 100 * (1 - case.median("kept") / sent)
        line = f"{case.name:20}{case.median('rate'):>10,.0f}{lost:>8.2f}%{cpu:>8.2f}"
        if base:
            steady = (cpu - case.idle) / (base.median("cpu") - base.idle)
            line += f"{cpu / base.median('cpu'):>12.2f}{steady:>15.2f}"
        print(line)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packets", type=int, default=PACKETS, help="frames to send each time")
    parser.add_argument("--turns", type=int, default=3, help="captures of each program")
    parser.add_argument("--json", action="store_true", help="print all runs as JSON")
    options = parser.parse_args()
    if os.getuid():
        raise SystemExit("it makes network namespaces: run it as root")
    found = measure(options.packets, options.turns)
    if options.json:
        print(json.dumps([asdict(case) for case in found], indent=2))
    else:
        machine = f"Linux {platform.release()}, {os.cpu_count()} CPUs"
        print(f"{options.packets:,} frames of 60 bytes, {options.turns} turns; {machine}\n")
        show(found)


if __name__ == "__main__":
    main()
