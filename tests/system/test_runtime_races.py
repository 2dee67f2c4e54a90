"""Commands at the same time, and processes of a lab killed one by one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from netarium.runtime.state import find_lab, running_labs, state_home
from tests.conftest import COMMAND, Netarium
from tests.system.conftest import LabFactory

_NODES = """\
nodes:
  a: {services: [ssh]}
  b: {}
links: [[a, b]]
"""


@pytest.fixture
def lab_file(tmp_path: Path) -> Path:
    path = tmp_path / f"race-{os.getpid()}.yaml"
    path.write_text(_NODES)
    return path


def _start(*words: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def _until(holds: Callable[[], bool], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert holds()


def _parent(pid: int) -> int:
    found = re.search(r"^PPid:\s+(\d+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


@pytest.mark.parametrize("number", range(5))
def test_of_two_ups_at_once_one_brings_the_lab_up(
    netarium: Netarium, lab_file: Path, number: int
) -> None:
    commands = [_start("up", lab_file), _start("up", lab_file)]
    try:
        said = [command.communicate(timeout=30)[0] for command in commands]
    finally:
        netarium("down", lab_file.stem)
    assert sum("2 nodes, up for" in text for text in said) == 1
    # The other came too early to be told what runs, or late enough.
    assert sum("already" in text for text in said) == 1, said


def test_down_and_up_again_and_again(netarium: Netarium, lab_file: Path) -> None:
    for _ in range(5):
        netarium("up", lab_file)
        ending = _start("down", lab_file.stem)
        again = netarium("up", lab_file)  # before the last one ends, or while it does
        _, stderr = ending.communicate(timeout=30)
        assert ending.returncode == 0, stderr
        if "already" not in again.stdout:
            netarium("down", lab_file.stem)
    assert lab_file.stem not in [lab.name for lab in running_labs()]


def test_down_while_the_lab_comes_up_is_what_up_says(netarium: Netarium, tmp_path: Path) -> None:
    path = tmp_path / f"slow-{os.getpid()}.yaml"
    path.write_text("nodes: {a: {commands: [sleep 20]}, b: {}}\nlinks: [[a, b]]\n")
    coming = _start("up", path)
    _until(lambda: path.stem in [lab.name for lab in running_labs()])
    netarium("down", path.stem)
    said, _ = coming.communicate(timeout=10)
    assert coming.returncode == 1
    assert "was taken down while it came up" in said
    assert not (state_home() / path.stem).exists()


@pytest.mark.parametrize("both", [False, True])
def test_what_a_killed_janitor_leaves_is_no_obstacle(
    netarium: Netarium, lab_file: Path, both: bool
) -> None:
    netarium("up", lab_file)
    running = find_lab(lab_file.stem)
    janitor = _parent(running.supervisor)
    assert "janitor" in Path(f"/proc/{janitor}/cmdline").read_text()
    os.kill(janitor, signal.SIGKILL)
    if both:
        os.kill(running.supervisor, signal.SIGKILL)
    _until(lambda: not any(node.alive for node in running.nodes))
    assert netarium("status", "--lab", lab_file.stem, check=False).returncode == 4
    netarium("up", lab_file)
    netarium("down", lab_file.stem)
    assert not (state_home() / lab_file.stem).exists()
    assert not [link for link in _links() if lab_file.stem in link]


def _links() -> list[str]:
    directory = Path("/run/netns")
    return [link.name for link in directory.iterdir()] if directory.exists() else []


def test_servers_that_died_with_their_host_are_reported(
    lab_factory: LabFactory, netarium: Netarium
) -> None:
    lab = lab_factory("nodes: {a: {services: [ssh]}, b: {services: [ssh]}}\nlinks: [[a, b]]\n")
    host = _parent(lab.running.services[0].pid)
    assert Path(f"/proc/{host}/comm").read_text() == "ssh host\n"
    os.kill(host, signal.SIGKILL)
    _until(lambda: all(service.state == "dead" for service in lab.running.services))
    assert {each.reason for each in lab.running.services} == {
        "the process of all ssh services died"
    }
    assert "dead" in netarium("status", "--lab", lab.name).stdout


def test_a_supervisor_that_hangs_can_be_ended_as_down_says(
    netarium: Netarium, lab_file: Path
) -> None:
    netarium("up", lab_file)
    running = find_lab(lab_file.stem)
    os.kill(running.supervisor, signal.SIGSTOP)
    try:
        failed = netarium("down", lab_file.stem, check=False)
        assert failed.returncode == 1
        assert f"kill -9 {running.supervisor}" in failed.stderr
    finally:
        os.kill(running.supervisor, signal.SIGKILL)
    _until(lambda: not (state_home() / lab_file.stem).exists())


def test_a_damaged_state_names_the_way_out(netarium: Netarium, lab_file: Path) -> None:
    netarium("up", lab_file)
    running = find_lab(lab_file.stem)
    (Path(running.directory) / "state.json").write_text("{")
    try:
        failed = netarium("up", lab_file, check=False)
        assert failed.returncode == 1
        assert "state.json is damaged" in failed.stderr
        pattern = re.search(r"pkill -f '(.*)'", failed.stderr)
        assert pattern
        title = Path(f"/proc/{running.supervisor}/cmdline").read_bytes().rstrip(b"\0").decode()
        assert re.search(pattern[1], title)
    finally:
        os.kill(running.supervisor, signal.SIGTERM)
    _until(lambda: not (state_home() / lab_file.stem).exists())
