"""Two labs with equal node names and addresses, up at once, that know nothing of each other."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import COMMAND, Netarium
from tests.system.conftest import UpLab

_LAB = """\
name: {name}
domain: twins.test
nodes:
  a: {{address: 10.0.0.1/24, services: [ssh]}}
  b:
    address: 10.0.0.2/24
    services: [ssh, dns, {{web: {{pages: {{/: "page of {name}"}}}}}}]
  only-{which}: {{address: 10.0.0.{last}/24}}
links: [[a, b, only-{which}]]
"""

_TWINS = {"first": 3, "second": 4}


@pytest.fixture(scope="module")
def twins(
    netarium: Netarium, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, UpLab]]:
    """Both labs, brought up at the same moment."""
    labs: dict[str, UpLab] = {}
    commands = []
    for which, last in _TWINS.items():
        directory = tmp_path_factory.mktemp(which)
        name = f"{which}-{os.getpid()}"
        file = directory / "lab.yaml"
        file.write_text(_LAB.format(name=name, which=which, last=last))
        labs[which] = UpLab(name, directory, netarium)
        commands.append(subprocess.Popen([COMMAND, "up", file], cwd=directory, stdout=-3))
    try:
        assert [command.wait(30) for command in commands] == [0, 0]
        yield labs
    finally:
        for lab in labs.values():
            netarium("down", lab.name)


@pytest.mark.parametrize("which", _TWINS)
def test_each_reaches_its_own_nodes(twins: dict[str, UpLab], which: str) -> None:
    lab = twins[which]
    assert lab.out("a", "curl -sS http://b/") == f"page of {lab.name}"
    assert lab.out("a", "curl -sS https://b.twins.test/") == f"page of {lab.name}"
    assert lab.out("a", "ssh -oBatchMode=yes b 'hostname; echo $NETARIUM_LAB'") == (
        f"b\n{lab.name}\n"
    )


@pytest.mark.parametrize("which, there, absent", [("first", 3, 4), ("second", 4, 3)])
def test_neither_reaches_the_others(
    twins: dict[str, UpLab], which: str, there: int, absent: int
) -> None:
    ping = f"ping -qc1 -W1 10.0.0.{there} >/dev/null && echo there; ping -qc1 -W1 10.0.0.{absent}"
    done = twins[which].exec("a", ping, check=False)
    assert done.returncode != 0
    assert done.stdout.startswith("there\n")
    other = {"first": "second", "second": "first"}[which]
    assert twins[which].exec("a", f"getent hosts only-{other}", check=False).returncode == 2


def test_keys_authorities_and_processes_differ(twins: dict[str, UpLab]) -> None:
    for file in ("/root/.ssh/id_ed25519.pub", "/etc/ssh/ssh_known_hosts", "/etc/netarium/*.pem"):
        first, second = (lab.out("a", f"cat {file}") for lab in twins.values())
        assert first != second
    spaces = {
        lab.out("a", "readlink /proc/self/ns/net /proc/self/ns/pid /proc/self/ns/uts")
        for lab in twins.values()
    }
    assert len(spaces) == 2


def test_a_key_of_one_does_not_open_the_other(twins: dict[str, UpLab]) -> None:
    """Not even to somebody who carries it there."""
    key = twins["first"].out("a", "cat /root/.ssh/id_ed25519")
    (twins["second"].directory / "stolen").write_text(key)
    line = (
        "install -m 600 /lab/stolen /tmp/stolen;"
        "ssh -F /dev/null -oBatchMode=yes -oIdentitiesOnly=yes -i /tmp/stolen b hostname"
    )
    assert "Permission denied" in twins["second"].exec("a", line, check=False).stderr


@pytest.mark.parametrize("verb", ["exec", "ssh", "logs", "cp", "shell", "proxy", "forward"])
def test_without_lab_each_verb_asks_which(
    twins: dict[str, UpLab], netarium: Netarium, verb: str
) -> None:
    words = {
        "exec": ["b", "--", "true"],
        "ssh": ["b", "true"],
        "logs": ["b", "web"],
        "cp": ["b:/etc/hostname", "-"],
        "shell": ["b"],
        "proxy": ["b", "--port", "0"],
        "forward": ["0:b:80"],
    }[verb]
    refused = netarium(verb, *words, check=False)
    assert refused.returncode == 4
    assert "--lab" in refused.stderr
    assert all(lab.name in refused.stderr for lab in twins.values())


def test_with_lab_each_verb_picks_that_one(
    twins: dict[str, UpLab], netarium: Netarium, tmp_path: Path
) -> None:
    for lab in twins.values():
        of = ("--lab", lab.name)
        said = netarium("ssh", *of, "b", "echo $NETARIUM_LAB").stdout
        said += netarium("exec", *of, "b", "--", "printenv", "NETARIUM_LAB").stdout
        assert said == f"{lab.name}\n" * 2
        lab.out("b", f"echo {lab.name} > /tmp/mine")
        netarium("cp", *of, "b:/tmp/mine", tmp_path / lab.name)
        assert (tmp_path / lab.name).read_text() == f"{lab.name}\n"
        assert "web" in netarium("status", *of).stdout


def test_a_node_that_one_lab_only_has_needs_no_lab(
    twins: dict[str, UpLab], netarium: Netarium
) -> None:
    for which, lab in twins.items():
        said = netarium("exec", f"only-{which}", "--", "printenv", "NETARIUM_LAB").stdout
        assert said == f"{lab.name}\n"


def test_one_goes_down_and_the_other_goes_on(
    twins: dict[str, UpLab], netarium: Netarium, tmp_path: Path
) -> None:
    """Shown with a third, so that the pair remains for other tests."""
    name = f"third-{os.getpid()}"
    (tmp_path / "lab.yaml").write_text(_LAB.format(name=name, which="third", last=5))
    netarium("up", tmp_path / "lab.yaml", cwd=tmp_path)
    try:
        again = netarium("up", tmp_path / "lab.yaml", cwd=tmp_path, check=False)
        assert "already" in again.stdout + again.stderr
    finally:
        netarium("down", name)
    for lab in twins.values():
        assert lab.out("a", "curl -sS http://b/") == f"page of {lab.name}"
