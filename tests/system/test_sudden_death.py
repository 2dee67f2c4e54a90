"""Whatever dies, nothing of a lab is left behind, and what still lives goes on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from netarium.runtime.state import process_started, running_labs, state_home
from tests.conftest import COMMAND, Netarium
from tests.system.conftest import LabFactory, shipped_copy

_NETNS = Path("/run/netns")


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _descendants(pid: int) -> list[int]:
    found = []
    for child in _children(pid):
        found += [child, *_descendants(child)]
    return found


def _session(sid: int) -> list[str]:
    """The living processes of a session, as pid and name."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            name, _, rest = stat.partition("(")[2].rpartition(")")
            fields = rest.split()
            if int(fields[3]) == sid and fields[0] not in "ZX":
                found.append(f"{entry.name} {name}")
    return found


def _traces(name: str, sid: int) -> list[str]:
    traces = _session(sid)
    if (state_home() / name).exists():
        traces.append(str(state_home() / name))
    if _NETNS.exists():
        traces += [str(link) for link in _NETNS.iterdir() if link.name.startswith(f"{name}-")]
    return traces


def _await_nothing(name: str, sid: int, seconds: float = 2) -> None:
    deadline = time.monotonic() + seconds
    while (traces := _traces(name, sid)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not traces


def _await_supervisor(command: subprocess.Popen[bytes]) -> tuple[int, int]:
    """The janitor (leader of the lab's session) and the supervisor, as soon as both exist."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        for janitor in _children(command.pid):
            for supervisor in _children(janitor):
                return janitor, supervisor
        time.sleep(0.001)
    raise AssertionError("no supervisor appeared")


@pytest.mark.parametrize("number", range(50))
def test_killing_the_supervisor_at_any_moment_leaves_nothing(number: int, tmp_path: Path) -> None:
    name = f"killed-{os.getpid()}-{number}"
    path = shipped_copy("playground", name, tmp_path)
    moment = random.Random(number).uniform(0, 0.8)
    command = subprocess.Popen(
        [COMMAND, "up", path],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        session, supervisor = _await_supervisor(command)
        time.sleep(moment)
        os.kill(supervisor, signal.SIGKILL)
        _await_nothing(name, session)
    finally:
        command.kill()
        command.wait()


def test_killing_the_command_during_up_leaves_nothing(tmp_path: Path) -> None:
    name = f"impatient-{os.getpid()}"
    path = shipped_copy("playground", name, tmp_path)
    command = subprocess.Popen([COMMAND, "up", path], cwd=tmp_path, stdout=subprocess.DEVNULL)
    session, _ = _await_supervisor(command)
    command.kill()
    command.wait()
    _await_nothing(name, session)


def test_an_interrupt_during_up_leaves_nothing(tmp_path: Path) -> None:
    name = f"interrupted-{os.getpid()}"
    path = shipped_copy("playground", name, tmp_path)
    command = subprocess.Popen(
        [COMMAND, "up", path],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    session, _ = _await_supervisor(command)
    os.killpg(command.pid, signal.SIGINT)
    _, said = command.communicate(timeout=10)
    assert command.returncode == 130
    assert b"Traceback" not in said
    assert not _traces(name, session)


def test_wiring_that_fails_half_way_leaves_nothing_and_says_why(
    netarium: Netarium, tmp_path: Path
) -> None:
    name = f"half-{os.getpid()}"
    lines = "\n".join(f"  n{i}: {{}}" for i in range(20))
    (tmp_path / "half.yaml").write_text(
        f"name: {name}\nnodes:\n{lines}\n"
        "  last: {sysctls: {net.ipv4.conf.all.no_such_thing: 1}}\n"
        "links:\n  - [n0, n1, n2, last]\n"
    )
    failed = netarium("up", tmp_path / "half.yaml", check=False)
    assert failed.returncode == 1
    assert "node last" in failed.stderr
    assert "no_such_thing" in failed.stderr
    assert not (state_home() / name).exists()
    assert name not in [lab.name for lab in running_labs()]


@pytest.mark.parametrize(
    "node, reasons",
    [
        ("{services: [{web: {app: no_such_module:app}}]}", ["web", "no_such_module"]),
        ("{commands: ['echo first', 'echo so sorry; exit 3']}", ["exit code 3", "so sorry"]),
    ],
    ids=["service", "command"],
)
def test_what_cannot_start_makes_up_fail_with_its_reason(
    netarium: Netarium, tmp_path: Path, node: str, reasons: list[str]
) -> None:
    name = f"failing-{os.getpid()}"
    text = f"name: {name}\nnodes:\n  a: {node}\n  b: {{}}\nlinks: [[a, b]]\n"
    (tmp_path / "failing.yaml").write_text(text)
    failed = netarium("up", tmp_path / "failing.yaml", check=False)
    assert failed.returncode == 1
    assert [reason for reason in reasons if reason not in failed.stderr] == []
    assert not (state_home() / name).exists()


def test_a_node_whose_first_process_is_killed_is_reported_and_the_rest_goes_on(
    lab_factory: LabFactory, netarium: Netarium
) -> None:
    lab = lab_factory("nodes: {a: {services: [ssh]}, b: {}, c: {}}\nlinks: [[a, b, c]]\n")
    victim = lab.running.node("a")
    os.kill(victim.pid, signal.SIGKILL)
    deadline = time.monotonic() + 2
    while process_started(victim.pid) == victim.started and time.monotonic() < deadline:
        time.sleep(0.01)
    status = netarium("status", "--lab", lab.name).stdout
    assert "dead" in next(line for line in status.splitlines() if " a " in f" {line} ")
    assert "1 received" in lab.out("b", "ping -c1 -W2 c")
    refused = lab.exec("a", "true", check=False)
    assert refused.returncode == 4
    assert "dead" in refused.stderr


def test_a_service_that_dies_is_reported(lab_factory: LabFactory, netarium: Netarium) -> None:
    lab = lab_factory("nodes: {a: {services: [ssh]}, b: {}}\nlinks: [[a, b]]\n")
    service = lab.running.services[0]
    os.kill(service.pid, signal.SIGKILL)
    deadline = time.monotonic() + 2
    while lab.running.services[0].state == "running" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert lab.running.services[0].reason == "killed by SIGKILL"
    assert "SIGKILL" in netarium("status", "--lab", lab.name).stdout
