"""A lab leaves the machine as it found it: links, rules, mounts, processes, settings, files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Netarium
from tests.system.conftest import shipped_copy
from tests.system.host import (
    difference,
    left_over,
    listeners,
    settled_difference,
    snapshot,
)


@pytest.fixture
def playground_file(tmp_path: Path) -> Path:
    return shipped_copy("playground", f"unchanged-{os.getpid()}", tmp_path)


def leaves_nothing(act: Callable[[], None], name: str) -> None:
    """Fails where a difference remains.

    Somebody else may leave a file in /tmp meanwhile, but hardly three times running;
    what bears the name of the lab counts at once.
    """
    for _ in range(3):
        before = snapshot()
        act()
        found = settled_difference(before)
        assert [line for line in found if name in line] == []
        if not found:
            return
    assert found == []


def test_down_leaves_the_host_as_it_was(netarium: Netarium, playground_file: Path) -> None:
    def act() -> None:
        before = snapshot()
        netarium("up", playground_file, cwd=playground_file.parent)
        while_up = difference(before, snapshot())
        netarium("down", playground_file.stem)
        assert any(line.startswith("process +") for line in while_up), "the comparison sees no lab"

    leaves_nothing(act, playground_file.stem)


@pytest.mark.root
def test_a_lab_that_is_up_opens_and_changes_nothing_of_the_host(
    netarium: Netarium, playground_file: Path
) -> None:
    before = snapshot()
    netarium("up", playground_file, cwd=playground_file.parent)
    try:
        after = snapshot()
        open_ports = listeners(left_over(before, after))
        changes = difference(before, after)
    finally:
        netarium("down", playground_file.stem)
    ours = ("file + ", "namespace + ", "process + ")
    assert [line for line in changes if not line.startswith(ours)] == []
    assert open_ports == []


def test_a_lab_that_fails_to_come_up_leaves_nothing(netarium: Netarium, tmp_path: Path) -> None:
    lab = tmp_path / "doomed.yaml"
    lab.write_text(
        "nodes:\n"
        "  a: {commands: ['echo it was me >&2; exit 7']}\n"
        "  b: {services: [ssh]}\n"
        "links: [[a, b]]\n"
    )

    def act() -> None:
        done = netarium("up", lab, check=False, cwd=tmp_path)
        assert done.returncode == 1
        assert "it was me" in done.stderr
        assert "Traceback" not in done.stderr

    leaves_nothing(act, lab.stem)
