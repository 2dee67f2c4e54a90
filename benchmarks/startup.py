"""How long labs take to come up and go down, and what a node costs, beside Mininet and raw netlink.

One run measures everything in turns, so that the ratios hold on any machine;
times are medians, from starting the command (interpreter included) to the moment
when the lab is usable. Needs root. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
COMMAND = Path(sys.executable).parent / "netarium"
SYSTEM_PYTHON = "/usr/bin/python3"
PATIENCE = 300.0


@dataclass
class Run:
    """One lab, once: seconds up and down, and kilobytes of the machine's memory while up."""

    up: float
    down: float
    memory: int


@dataclass
class Case:
    """One builder at one size, and its runs."""

    what: str
    nodes: int
    builder: str
    runs: list[Run] = field(default_factory=list)

    @property
    def up(self) -> float:
        return statistics.median(run.up for run in self.runs)

    @property
    def down(self) -> float:
        return statistics.median(run.down for run in self.runs)

    @property
    def memory_per_node(self) -> float:
        """Megabytes."""
        return statistics.median(run.memory for run in self.runs) / 1000 / self.nodes


@dataclass
class Goal:
    """What netarium has promised, and what came out."""

    what: str
    limit: float
    measured: float
    unit: str

    @property
    def met(self) -> bool:
        return self.measured <= self.limit


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="of each small case (default 5)")
    parser.add_argument("--quick", action="store_true", help="leave out the 1,000 nodes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here too")
    parser.add_argument("--check", action="store_true", help="fail where a goal is missed")
    options = parser.parse_args()
    if os.geteuid() != 0:
        parser.exit(1, "The benchmark needs root: Mininet and raw netlink do.\n")

    missing = {name: why for name, why in _peers() if why}
    for name, why in missing.items():
        print(f"without {name}: {why}")
    with tempfile.TemporaryDirectory(prefix="netarium-bench-") as made:
        cases = _measure(Path(made), options.runs, options.quick, missing)
        entering = _exec_latency(Path(made))
    goals = list(_goals(cases, entering))
    _print_table(cases, entering, goals)
    if options.json:
        report = {
            "machine": _machine(),
            "cases": [asdict(case) for case in cases],
            "exec": entering,
            "goals": [{**asdict(goal), "met": goal.met} for goal in goals],
        }
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    return int(options.check and not all(goal.met for goal in goals))


def _peers() -> Iterator[tuple[str, str]]:
    probe = [SYSTEM_PYTHON, "-c", "import mininet.net"]
    have = (
        Path(SYSTEM_PYTHON).exists() and subprocess.run(probe, capture_output=True).returncode == 0
    )
    yield "Mininet", "" if have else "not installed (apt-get install mininet)"
    probe = [sys.executable, "-c", "import pyroute2"]
    have = subprocess.run(probe, capture_output=True).returncode == 0
    yield "netlink", "" if have else "pyroute2 is not installed (make bench does)"


def _measure(directory: Path, runs: int, quick: bool, missing: dict[str, str]) -> list[Case]:
    """Every case in turns, so that a slow minute of the machine meets all alike."""

    def mininet(nodes: int) -> Run:
        return _peer([SYSTEM_PYTHON, str(HERE / "peers/mininet_chain.py"), str(nodes)])

    def netlink(nodes: int) -> Run:
        return _peer([sys.executable, str(HERE / "peers/netlink_chain.py"), str(nodes)])

    def chain(nodes: int) -> Run:
        return _netarium(_chain(directory, nodes))

    playground = _playground(directory)
    plan: list[tuple[Case, Callable[[int], Run], int]] = [
        (
            Case("playground, services and all", 12, "netarium"),
            lambda _: _netarium(playground),
            runs,
        )
    ]
    sizes = [(12, runs), (100, runs)] + ([] if quick else [(1000, 1)])
    for nodes, times in sizes:
        for builder, build in (("netarium", chain), ("Mininet", mininet), ("netlink", netlink)):
            if builder not in missing:
                plan.append((Case(f"chain of {nodes:,}", nodes, builder), build, times))

    for turn in range(-1, max(times for _, _, times in plan)):
        for case, build, times in plan:
            if turn >= times or (turn < 0 and times == 1):
                continue
            _say(f"{case.what}, {case.builder}: " + (f"run {turn + 1}" if turn >= 0 else "warm-up"))
            run = build(case.nodes)
            if turn >= 0:
                case.runs.append(run)
    _say("")
    return [case for case, _, _ in plan]


@contextmanager
def _steady() -> Iterator[Callable[[], int]]:
    """Waits for the kernel to finish with the last lab; then tells how much memory went."""
    time.sleep(0.5)
    before = _available()
    yield lambda: before - _available()


def _available() -> int:
    """Kilobytes that new programs could have (MemAvailable of proc_meminfo(5))."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1])
    raise RuntimeError("/proc/meminfo has no MemAvailable")


def _netarium(lab: Path) -> Run:
    with _steady() as taken:
        began = time.monotonic()
        _call("up", str(lab))
        up = time.monotonic()
        memory = taken()
        try:
            _answers(lab)
        finally:
            asked = time.monotonic()
            _call("down", lab.stem)
            gone = time.monotonic()
    return Run(up - began, gone - asked, memory)


def _call(*words: str) -> str:
    done = subprocess.run(
        [str(COMMAND), *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode:
        sys.exit(f"\nnetarium {' '.join(words)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def _answers(lab: Path) -> None:
    """``up`` must not return early: the far end of the lab answers at once, or this fails."""
    name = lab.stem
    if name.startswith("bench-playground"):
        ports = {
            "backbone": [53],
            "ftp": [21, 23],
            "mail": [25, 110, 143, 993, 995],
            "www": [80, 443],
        }
        connects = [f"exec 3<>/dev/tcp/{node}/{port}" for node in ports for port in ports[node]]
        connects += [f"exec 3<>/dev/tcp/{node}/22" for node in ("h3", *ports)]
        _call("exec", "--lab", name, "h1", "--", "bash", "-ec", "\n".join(connects))
    else:
        _call("exec", "--lab", name, "n0", "--", "ping", "-c1", "-W2", "n1")


def _peer(command: list[str]) -> Run:
    """A builder that says "up", goes down at a line, and has a network namespace of its own."""
    with _steady() as taken:
        began = time.monotonic()
        process = subprocess.Popen(
            ["unshare", "--net", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin
        assert process.stdout
        try:
            word = process.stdout.readline()
            up = time.monotonic()
            if word != "up\n":
                sys.exit(f"\n{' '.join(command)} did not come up")
            memory = taken()
            asked = time.monotonic()
            process.stdin.close()
            process.wait(PATIENCE)
            gone = time.monotonic()
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
    return Run(up - began, gone - asked, memory)


def _chain(directory: Path, nodes: int) -> Path:
    """A lab file: N nodes on N - 1 cables, no services."""
    lab = directory / f"bench-chain-{nodes}-{os.getpid()}.yaml"
    if not lab.exists():
        lines = ["nodes:", *(f"  n{number}: {{}}" for number in range(nodes))]
        lines += ["links:", *(f"  - [n{number}, n{number + 1}]" for number in range(nodes - 1))]
        lab.write_text("\n".join([f"name: {lab.stem}", *lines, ""]))
    return lab


def _playground(directory: Path) -> Path:
    """The playground under another name: one that a person runs here is left in peace."""
    import netarium

    shipped = Path(netarium.__file__).parent / "labs" / "playground.yaml"
    lines = [line for line in shipped.read_text().splitlines() if not line.startswith("name:")]
    lab = directory / f"bench-playground-{os.getpid()}.yaml"
    lab.write_text("\n".join([f"name: {lab.stem}", *lines, ""]))
    return lab


def _exec_latency(directory: Path, times: int = 20) -> dict[str, float]:
    """Median seconds of ``netarium exec``, beside ``nsenter`` into the same node."""
    from netarium.runtime.state import find_lab

    lab = _chain(directory, 12)
    _say("exec")
    _call("up", str(lab))
    try:
        pid = find_lab(lab.stem).node("n0").pid
        commands = {
            "netarium exec": [str(COMMAND), "exec", "--lab", lab.stem, "n0", "--", "true"],
            "nsenter": ["nsenter", "--all", "--target", str(pid), "true"],
            "python -c pass": [sys.executable, "-c", "pass"],
        }
        seconds = defaultdict(list)
        for _ in range(times):
            for name, command in commands.items():
                began = time.monotonic()
                subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
                seconds[name].append(time.monotonic() - began)
    finally:
        _call("down", lab.stem)
    _say("")
    return {name: statistics.median(found) for name, found in seconds.items()}


def _find(cases: list[Case], nodes: int, builder: str, what: str = "chain") -> Case | None:
    for case in cases:
        if (case.nodes, case.builder) == (nodes, builder) and case.what.startswith(what):
            return case
    return None


def _goals(cases: list[Case], entering: dict[str, float]) -> Iterator[Goal]:
    playground = _find(cases, 12, "netarium", "playground")
    assert playground
    yield Goal("playground up", 1.5, playground.up, "s")
    if peer := _find(cases, 12, "Mininet"):
        yield Goal("playground up, of Mininet's bare 12", 2.5, playground.up / peer.up, "x")
    hundred, peer = _find(cases, 100, "netarium"), _find(cases, 100, "Mininet")
    if hundred and peer:
        yield Goal("chain of 100 up, of Mininet's", 0.5, hundred.up / peer.up, "x")
    if thousand := _find(cases, 1000, "netarium"):
        yield Goal("chain of 1,000 up", 12, thousand.up, "s")
        yield Goal("chain of 1,000 down", 3, thousand.down, "s")
        yield Goal("memory of a node without services", 3, thousand.memory_per_node, "MB")
    yield Goal("netarium exec", 0.120, entering["netarium exec"], "s")


def _machine() -> dict[str, str | int | None]:
    return {
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
    }


def _print_table(cases: list[Case], entering: dict[str, float], goals: list[Goal]) -> None:
    about = _machine()
    cpus = f"{about['machine']}, {about['cpus']} CPUs"
    print(f"Linux {about['kernel']}, {cpus}, Python {about['python']}")
    print()
    heading = ("", "builder", "up s", "ratio", "down s", "ratio", "MB a node", "runs")
    print("{:<30}{:<10}{:>8}{:>8}{:>8}{:>8}{:>11}{:>6}".format(*heading))
    for case in cases:
        ours = _find(cases, case.nodes, "netarium") or case
        print(
            f"{case.what:<30}{case.builder:<10}{case.up:>8.2f}{case.up / ours.up:>8.2f}"
            f"{case.down:>8.2f}{case.down / ours.down:>8.2f}"
            f"{case.memory_per_node:>11.2f}{len(case.runs):>6}"
        )
    print("\nratio: of netarium's chain of the same size\n")
    for name, seconds in entering.items():
        print(f"{name:<30}{seconds * 1000:>18.0f} ms")
    print()
    for goal in goals:
        word = "met" if goal.met else "MISSED"
        print(
            f"{goal.what:<40}{goal.measured:>8.2f} {goal.unit:<3} goal {goal.limit:>6.2f}  {word}"
        )


def _say(line: str) -> None:
    """What is being done now, on a terminal only, on one line."""
    if sys.stderr.isatty():
        room = shutil.get_terminal_size().columns - 1
        print(f"\r\033[K{line[:room]}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
