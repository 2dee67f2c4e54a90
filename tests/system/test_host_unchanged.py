"""A lab leaves the machine as it found it: links, rules, mounts, processes, settings, files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import Netarium
from tests.system.conftest import shipped_copy
from tests.system.host import settled_difference, snapshot


@pytest.fixture
def playground_file(tmp_path: Path) -> Path:
    return shipped_copy("playground", f"unchanged-{os.getpid()}", tmp_path)


def test_down_leaves_the_host_as_it_was(netarium: Netarium, playground_file: Path) -> None:
    before = snapshot()
    netarium("up", playground_file, cwd=playground_file.parent)
    while_up = settled_difference(before, seconds=0)
    netarium("down", playground_file.stem)
    assert any(line.startswith("process +") for line in while_up), "the comparison sees no lab"
    assert settled_difference(before) == []


@pytest.mark.root
def test_a_lab_that_is_up_changes_no_wiring_of_the_host(
    netarium: Netarium, playground_file: Path
) -> None:
    before = snapshot()
    netarium("up", playground_file, cwd=playground_file.parent)
    try:
        changes = settled_difference(before, seconds=0)
    finally:
        netarium("down", playground_file.stem)
    ours = ("file + ", "namespace + ", "process + ")
    assert [line for line in changes if not line.startswith(ours)] == []


def test_a_lab_that_fails_to_come_up_leaves_nothing(netarium: Netarium, tmp_path: Path) -> None:
    lab = tmp_path / "doomed.yaml"
    lab.write_text(
        "nodes:\n"
        "  a: {commands: ['echo it was me >&2; exit 7']}\n"
        "  b: {services: [ssh]}\n"
        "links: [[a, b]]\n"
    )
    before = snapshot()
    done = netarium("up", lab, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert "it was me" in done.stderr
    assert "Traceback" not in done.stderr
    assert settled_difference(before) == []
