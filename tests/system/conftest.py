"""Labs that are up while a test runs, brought up and down by the real command."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

import netarium as package
from netarium.runtime.state import RunningLab, find_lab
from tests.conftest import Netarium

_numbers = count(1)


@dataclass(frozen=True)
class UpLab:
    """A lab that is up. ``directory`` is /lab in its nodes."""

    name: str
    directory: Path
    netarium: Netarium

    def exec(
        self,
        node: str,
        command: str,
        *,
        check: bool = True,
        timeout: float = 30,
        input: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell line on a node through ``netarium exec``."""
        return self.netarium(
            *("exec", "--lab", self.name, node, "--", "bash", "-c", command),
            check=check,
            timeout=timeout,
            input=input,
        )

    def out(self, node: str, command: str, **options: float) -> str:
        """What a shell line prints on a node, which must succeed."""
        return self.exec(node, command, **options).stdout  # type: ignore[arg-type]

    @property
    def running(self) -> RunningLab:
        """Its state as the runtime knows it."""
        return find_lab(self.name)


#: Writes a lab file, brings the lab up, and takes it down after the test.
LabFactory = Callable[[str], UpLab]


@pytest.fixture(scope="session", autouse=True)
def _namespaces() -> None:
    """Every test here makes labs: where the kernel forbids it, there is nothing to test."""
    words = ["unshare", "--net", "--mount", "--pid", "--fork"]
    if os.geteuid() != 0:
        words += ["--user", "--map-root-user"]
    done = subprocess.run([*words, "true"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this machine makes no namespaces: {done.stderr.strip()}")


def shipped_copy(lab: str, name: str, directory: Path) -> Path:
    """A lab that ships, under another name: one that a person runs here is left in peace."""
    shipped = Path(package.__file__).parent / "labs" / f"{lab}.yaml"
    lines = [line for line in shipped.read_text().splitlines() if not line.startswith("name:")]
    copy = directory / f"{name}.yaml"
    copy.write_text("\n".join([f"name: {name}", *lines, ""]))
    return copy


@pytest.fixture(scope="session")
def playground(netarium: Netarium, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpLab]:
    """The playground, one for all tests: leave it as you found it."""
    name, directory = f"playground-{os.getpid()}", tmp_path_factory.mktemp("playground")
    netarium("up", shipped_copy("playground", name, directory), cwd=directory)
    try:
        yield UpLab(name, directory, netarium)
    finally:
        netarium("down", name)


@pytest.fixture
def lab_factory(netarium: Netarium, tmp_path: Path) -> Iterator[LabFactory]:
    """Labs of a test's own, from the text of a lab file (its ``name`` is added here)."""
    made: list[str] = []

    def make(text: str) -> UpLab:
        name = f"test-{os.getpid()}-{next(_numbers)}"
        path = tmp_path / f"{name}.yaml"
        path.write_text(f"name: {name}\n{text}")
        made.append(name)
        netarium("up", path, cwd=tmp_path)
        return UpLab(name, tmp_path, netarium)

    yield make
    failures = [
        f"{name}: {done.stderr}"
        for name in reversed(made)
        if (done := netarium("down", name, check=False)).returncode
    ]
    assert not failures, shlex.join(failures)
