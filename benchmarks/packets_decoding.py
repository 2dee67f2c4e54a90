"""How fast packets of a file become columns and text, beside tshark, tcpdump and libraries.

One run reads one generated file in turns, so that the ratios hold on any machine; rates are
of the median run. The file is in the page cache. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
COMMAND = Path(sys.executable).parent / "netarium"
PACKETS = 500_000

#: What tshark prints of each packet; netarium makes the common columns, which say as much.
_FIELDS = """
    frame.number frame.time_epoch frame.len ip.src ip.dst ipv6.src ipv6.dst ip.ttl ipv6.hlim
    ip.proto tcp.srcport tcp.dstport udp.srcport udp.dstport tcp.flags tcp.seq_raw tcp.ack_raw
    tcp.len
"""
TSHARK_FIELDS = _FIELDS.split()

#: The same in Python, once for each turn; says how long it took, and how much processor time.
IN_PROCESS = """
import sys, time
from netarium.capture import table
for _ in range(int(sys.argv[2])):
    wall, cpu = time.perf_counter(), time.process_time()
    rows = table(sys.argv[1]).num_rows
    print(rows, time.perf_counter() - wall, time.process_time() - cpu, flush=True)
"""


@dataclass
class Run:
    """One reading of so many packets: seconds, and seconds of processors."""

    packets: int
    wall: float
    cpu: float


@dataclass
class Case:
    """One program, and its runs."""

    name: str
    about: str
    runs: list[Run] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Packets a second."""
        return statistics.median(run.packets / run.wall for run in self.runs)

    @property
    def cpu(self) -> float:
        """Nanoseconds of processors for each packet."""
        return statistics.median(1e9 * run.cpu / run.packets for run in self.runs)


@dataclass
class Goal:
    """What netarium has promised, and what came out."""

    what: str
    least: float
    measured: float
    unit: str

    @property
    def met(self) -> bool:
        return self.measured >= self.least


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="of each program (default 5)")
    parser.add_argument("--packets", type=int, default=PACKETS, help="in the file")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here too")
    parser.add_argument("--check", action="store_true", help="fail where a goal is missed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="netarium-bench-") as made:
        capture = Path(made) / "mixture.pcap"
        say("writing the file")
        generate(capture, options.packets)
        compiling = first_time(capture)
        cases = measure(capture, options.packets, options.runs)
    goals = list(goals_of(cases))
    show(cases, goals, compiling)
    if options.json:
        report = {
            "machine": machine(),
            "packets": options.packets,
            "first_time": compiling,
            "cases": [{**asdict(each), "rate": each.rate, "cpu_ns": each.cpu} for each in cases],
            "goals": [{**asdict(goal), "met": goal.met} for goal in goals],
        }
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    return int(options.check and not all(goal.met for goal in goals))


def generate(path: Path, count: int) -> None:
    """A pcap file of Ethernet frames of 60 to 1514 bytes: TCP and UDP, IPv4 and IPv6.

    Of twelve packets seven are short, four of middling size and one as long as can be, as in
    the mixtures that routers are measured with. There are two thousand connections, at ports
    of no known protocol; checksums are right.
    """
    rng = random.Random(1)
    filler = rng.randbytes(1514)
    flows = [_Connection(rng, number, filler) for number in range(2000)]
    sizes = [60] * 7 + [590] * 4 + [1514]
    with path.open("wb", buffering=1 << 20) as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for number in range(count):
            frame = flows[rng.randrange(len(flows))].frame(rng.choice(sizes), number)
            stamp = 1_700_000_000 + number // 100_000, number % 100_000 * 10
            file.write(struct.pack("<IIII", *stamp, len(frame), len(frame)) + frame)


def _sum(data: bytes) -> int:
    """The sum of 16-bit words (RFC 1071), not folded."""
    return sum(struct.unpack(f">{len(data) // 2}H", data[: len(data) & ~1])) + (
        data[-1] << 8 if len(data) % 2 else 0
    )


def _checksum(total: int) -> int:
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


class _Connection:
    """Makes the packets of one connection, in one direction."""

    def __init__(self, rng: random.Random, number: int, filler: bytes) -> None:
        host, server = rng.randrange(1, 250), rng.randrange(1, 30)
        self.filler = filler
        self.ports = struct.pack(">HH", 32768 + number, (5001, 5201, 9100, 27015)[number % 4])
        self.tcp = number % 10 < 8
        self.six = number % 8 == 0
        six = bytes.fromhex("20010db8" + "00" * 10)
        if self.six:
            self.addresses = six + struct.pack(">H", host) + six + struct.pack(">H", 1000 + server)
        else:
            self.addresses = bytes([10, 0, host % 4, host, 10, 1, 0, server])
        self.head = 14 + (40 if self.six else 20)
        self.sums: dict[int, int] = {}  # of so many bytes of payload

    def frame(self, size: int, number: int) -> bytes:
        """A frame of this size, or a little more where its headers need it."""
        size = max(size, self.head + (20 if self.tcp else 8))
        inner = size - self.head
        protocol = 6 if self.tcp else 17
        if self.tcp:
            upper = self.ports + struct.pack(">IIBBHHH", number, number * 7, 0x50, 0x18, 501, 0, 0)
        else:
            upper = self.ports + struct.pack(">HH", inner, 0)
        left = inner - len(upper)
        if left not in self.sums:
            self.sums[left] = _sum(self.filler[:left])
        total = _sum(self.addresses) + protocol + inner + _sum(upper) + self.sums[left]
        right = struct.pack(">H", _checksum(total) or 0xFFFF)
        upper = upper[:16] + right + upper[18:] if self.tcp else upper[:6] + right
        if self.six:
            network = struct.pack(">IHBB", 6 << 28, inner, protocol, 64) + self.addresses
            ethertype = b"\x86\xdd"
        else:
            parts = [0x45, 0, size - 14, number & 0xFFFF, 0, 64, protocol, 0]
            parts[-1] = _checksum(_sum(struct.pack(">BBHHHBBH", *parts) + self.addresses))
            network = struct.pack(">BBHHHBBH", *parts) + self.addresses
            ethertype = b"\x08\x00"
        link = bytes.fromhex("02000000000b02000000000a") + ethertype
        return link + network + upper + self.filler[:left]


def first_time(capture: Path) -> dict[str, float]:
    """Seconds of the very first time, when loops are compiled, and of the next whole command."""
    say("the first time, with compiling")
    took = {}
    with tempfile.TemporaryDirectory(prefix="netarium-bench-") as cache:
        environment = {**os.environ, "XDG_CACHE_HOME": cache}
        command = [sys.executable, "-c", IN_PROCESS, str(capture), "1"]
        for name in ("first", "second"):
            began = time.perf_counter()
            subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
            took[name] = time.perf_counter() - began
    return took


def measure(capture: Path, packets: int, runs: int) -> list[Case]:
    """All programs in turns, so that a slow minute of the machine meets all alike."""
    plan: list[tuple[Case, Callable[[], Run]]] = []

    def add(name: str, about: str, run: Callable[[], Run]) -> None:
        plan.append((Case(name, about), run))

    def whole(*command: str | Path) -> Callable[[], Run]:
        return lambda: _whole(packets, [str(word) for word in command])

    columns = Case("netarium columns", "table(file): 14 columns, in Python")
    server = _InProcess(capture)
    plan.append((columns, server.run))
    answer = capture.with_suffix(".parquet")
    add(
        "netarium query",
        "whole command: the same columns to Parquet",
        whole(COMMAND, "query", capture, "SELECT * FROM packets", "-o", answer),
    )
    add("netarium read", "whole command: a line a packet", whole(COMMAND, "read", capture))
    if shutil.which("tshark"):
        words = [word for name in TSHARK_FIELDS for word in ("-e", name)]
        about = f"whole command: {len(TSHARK_FIELDS)} fields"
        add("tshark -T fields", about, whole("tshark", "-n", "-r", capture, "-T", "fields", *words))
    if tcpdump := shutil.which("tcpdump", path=os.environ.get("PATH", "") + ":/usr/sbin"):
        add("tcpdump -nn", "whole command: a line a packet", whole(tcpdump, "-nn", "-r", capture))
    for name, share in (("scapy", 25), ("dpkt", 5), ("pypacker", 5)):
        some = packets // share
        add(name, f"in Python: 10 fields of {some:,} packets", _library(name, capture, some))

    for turn in range(-1, runs):
        for case, run in plan:
            slow = case.name.startswith("tshark")
            if slow and (turn < 0 or turn >= max(1, runs - 2)):
                continue
            say(f"{case.name}: " + (f"run {turn + 1}" if turn >= 0 else "warm-up"))
            try:
                found = run()
            except subprocess.CalledProcessError as error:
                say("")
                sys.exit(f"{case.name} failed:\n{error.stderr or ''}")
            if turn >= 0:
                case.runs.append(found)
    server.close()
    say("")
    return [case for case, _ in plan]


class _InProcess:
    """A Python process that reads the file each time it is asked."""

    def __init__(self, capture: Path) -> None:
        program = IN_PROCESS.replace("range(int(sys.argv[2]))", "sys.stdin")
        self._process = subprocess.Popen(
            [sys.executable, "-c", program, str(capture)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self) -> Run:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        rows, wall, cpu = self._process.stdout.readline().split()
        return Run(int(rows), float(wall), float(cpu))

    def close(self) -> None:
        self._process.communicate()


def _whole(packets: int, command: list[str]) -> Run:
    """A whole command, from its start to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Run(packets, wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _library(name: str, capture: Path, some: int) -> Callable[[], Run]:
    """A library in a process of its own: the first ``some`` packets, without its start."""
    command = [sys.executable, str(HERE / "peers" / "decoding.py"), name, str(capture), str(some)]

    def run() -> Run:
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        count, wall, cpu = done.stdout.split()
        return Run(int(count), float(wall), float(cpu))

    return run


def goals_of(cases: list[Case]) -> Iterator[Goal]:
    known = {case.name: case for case in cases}
    columns = known["netarium columns"]
    yield Goal("columns", 5, columns.rate / 1e6, "M packets/s")
    if peer := known.get("tshark -T fields"):
        yield Goal("columns, of tshark's fields", 100, columns.rate / peer.rate, "x")
    if peer := known.get("tcpdump -nn"):
        yield Goal("text, of tcpdump's", 1, known["netarium read"].rate / peer.rate, "x")


def machine() -> dict[str, str | int | None]:
    return {
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
    }


def show(cases: list[Case], goals: list[Goal], compiling: dict[str, float]) -> None:
    about = machine()
    cpus = f"{about['machine']}, {about['cpus']} CPUs"
    print(f"Linux {about['kernel']}, {cpus}, Python {about['python']}")
    print()
    columns = cases[0]
    print(f"{'':<20}{'packets/s':>12}{'columns is':>12}{'CPU ns':>9}  runs  what")
    for case in cases:
        times = f"{columns.rate / case.rate:,.1f} x"
        print(
            f"{case.name:<20}{case.rate:>12,.0f}{times:>12}{case.cpu:>9,.0f}"
            f"{len(case.runs):>6}  {case.about}"
        )
    print("\nCPU ns: time of all processors for each packet")
    print(
        f"the very first command, with compiling: {compiling['first']:.1f} s;"
        f" the next: {compiling['second']:.1f} s\n"
    )
    for goal in goals:
        word = "met" if goal.met else "MISSED"
        print(
            f"{goal.what:<32}{goal.measured:>8.1f} {goal.unit:<12} goal {goal.least:>5.0f}  {word}"
        )


def say(line: str) -> None:
    """What is being done now, on a terminal only, on one line."""
    if sys.stderr.isatty():
        room = shutil.get_terminal_size().columns - 1
        print(f"\r\033[K{line[:room]}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
