"""The comparison of two snapshots finds what it is there to find."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.system.host import difference, left_over, listeners, settled_difference, snapshot


def test_nothing_done_is_no_difference() -> None:
    # Somebody else may do something: not every time.
    assert [] in [settled_difference(snapshot(), seconds=0.5) for _ in range(3)]


def test_a_file_left_in_tmp_is_found(tmp_path: Path) -> None:
    left = Path("/tmp") / f"left-by-test-{os.getpid()}"
    before = snapshot()
    left.touch()
    try:
        assert f"file + {left}" in difference(before, snapshot())
    finally:
        left.unlink()


def test_an_orphan_is_found_and_a_child_is_not() -> None:
    before = snapshot()
    marker = "86399.5"
    child = subprocess.Popen(["sleep", "86398.5"])
    shell = subprocess.run(
        ["sh", "-c", f"sleep {marker} >/dev/null & echo $!"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    orphan = int(shell.stdout)
    try:
        found = [line for line in difference(before, snapshot()) if line.startswith("process +")]
        assert any(f"{orphan} " in line and marker in line for line in found)
        assert not any("86398.5" in line for line in found)
    finally:
        os.kill(orphan, signal.SIGKILL)
        child.kill()
        child.wait()


@pytest.mark.root
def test_a_link_rule_and_setting_are_found() -> None:
    """Played in a network namespace of the test's own: the machine's is not touched."""
    script = """
from pathlib import Path
import subprocess
from tests.system.host import difference, snapshot
subprocess.run(["mount", "-t", "sysfs", "sysfs", "/sys"], check=True)
before = snapshot()
subprocess.run("ip link add v0 type veth peer name v1; ip link set lo up", shell=True, check=True)
Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
print("\\n".join(difference(before, snapshot())))
"""
    done = subprocess.run(
        ["unshare", "--net", "--mount", sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert "setting net.ipv4.ip_forward: '0' became '1'" in done.stdout
    assert "link + " in done.stdout
    assert "v0@v1" in done.stdout
    assert "address + " in done.stdout


def test_an_orphan_that_listens_is_found() -> None:
    before = snapshot()
    script = "import socket, time; s = socket.create_server(('127.0.0.1', 0)); time.sleep(99)"
    shell = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -c "{script}" >/dev/null & echo $!'],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    orphan = int(shell.stdout)
    try:
        deadline = time.monotonic() + 5
        while not (found := listeners(left_over(before, snapshot()))):
            assert time.monotonic() < deadline
        assert [script in line for line in found] == [True]
        assert found[0].startswith("tcp 0100007F:")
    finally:
        os.kill(orphan, signal.SIGKILL)


def test_a_snapshot_is_quick() -> None:
    began = time.monotonic()
    snapshot()
    assert time.monotonic() - began < 3
