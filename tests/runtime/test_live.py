"""Labs as Python objects: their life, their nodes, their errors."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from itertools import count
from pathlib import Path

import pytest

from netarium import AlreadyRunningError, Lab, LabFailedError, LabFileError, NetariumError
from netarium.runtime.state import running_labs

_numbers = count(1)


@pytest.fixture
def name() -> str:
    return f"live-{os.getpid()}-{next(_numbers)}"


def _running(name: str) -> bool:
    return name in [lab.name for lab in running_labs()]


def test_a_lab_lives_as_long_as_its_block(name: str) -> None:
    with Lab(name) as lab:
        a, b = lab.node("a", "10.0.0.1/24"), lab.node("b", "10.0.0.2/24")
        lab.link(a, b)
        lab.up()
        assert _running(name)
        assert "1 received" in a.run("ping -c1 10.0.0.2").stdout
    assert not _running(name)


def test_the_directory_is_at_lab(name: str, tmp_path: Path) -> None:
    (tmp_path / "note").write_text("mine")
    with Lab(name, nodes={"a": {}}) as lab:
        lab.up(directory=tmp_path)
        assert lab["a"].run("cat /lab/note").stdout == "mine"


def test_no_directory_is_at_lab_when_none_is_wanted(name: str) -> None:
    with Lab(name, nodes={"a": {}}) as lab:
        lab.up(directory=None)
        assert lab["a"].run("ls -A /lab").stdout == ""


def test_the_name_of_a_running_lab_is_taken(name: str) -> None:
    with Lab(name, nodes={"a": {}}) as lab, Lab(name, nodes={"b": {}}) as twin:
        lab.up()
        with pytest.raises(AlreadyRunningError, match=name):
            twin.up()
    assert not _running(name)


def test_a_lab_that_fails_leaves_nothing(name: str) -> None:
    with Lab(name, nodes={"a": {"commands": ["exit 3"]}}) as lab:
        with pytest.raises(LabFailedError, match="exit code 3"):
            lab.up()
        assert not _running(name)
        with pytest.raises(NetariumError, match="not up"):
            lab["a"].run("true")


def test_a_lab_ends_with_its_program(name: str) -> None:
    program = f"""
        import os, signal
        from netarium import Lab
        lab = Lab({name!r}, nodes={{"a": {{}}}})
        lab.up()
        os.kill(os.getpid(), signal.SIGKILL)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=False)
    for _ in range(200):
        if not _running(name):
            break
        subprocess.run(["sleep", "0.01"], check=True)
    assert not _running(name)


def test_a_lab_can_be_kept(name: str) -> None:
    program = f"""
        from netarium import Lab
        Lab({name!r}, nodes={{"a": {{}}}}).up(keep=True)
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        assert (done.returncode, done.stderr) == (0, "")
        assert _running(name)
    finally:
        subprocess.run([Path(sys.executable).parent / "netarium", "down", name], check=True)


def test_faults_are_told_before_anything_is_made(name: str) -> None:
    lab = Lab(name)
    lab.link("a", "b")
    with pytest.raises(LabFileError):
        lab.up()
    assert not _running(name)
