"""A lab for the tests of the command line, up once for all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import COMMAND, Netarium

_LAB = """\
description: Two homes for the tests of the command line
nodes:
  h1:
    environment: {EDITOR: nano}
    services: [ssh]
  h2:
    services: [ssh, {web: {pages: {/: "It works!"}}}]
    names: [site.test]
  bare: {}
links: [[h1, h2], [h1, bare]]
"""


class CliLab:
    """A running lab and the command. ``call`` and ``words`` name the lab for you."""

    def __init__(self, name: str, directory: Path, netarium: Netarium) -> None:
        self.name = name
        self.directory = directory
        self.netarium = netarium

    def words(self, verb: str, *words: str) -> list[str]:
        return [str(COMMAND), verb, "--lab", self.name, *words]

    def call(self, verb: str, *words: str, **options):
        """Run a verb that takes --lab; returns the completed process, whatever its exit code."""
        return self.netarium(verb, "--lab", self.name, *words, **{"check": False, **options})


@pytest.fixture(scope="session")
def cli_lab(tmp_path_factory: pytest.TempPathFactory, netarium: Netarium) -> Iterator[CliLab]:
    name = f"cli-{os.getpid()}"
    directory = tmp_path_factory.mktemp("cli-lab")
    (directory / "lab.yaml").write_text(f"name: {name}\n{_LAB}")
    netarium("up", cwd=directory)
    try:
        yield CliLab(name, directory, netarium)
    finally:
        netarium("down", name)
