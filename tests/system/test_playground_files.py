"""The user's own files inside the playground: /lab, and directories that --mount adds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Netarium
from tests.system.clients import at_once
from tests.system.conftest import UpLab, shipped_copy
from tests.system.test_playground_topology import INTERFACES


def test_every_node_has_the_directory_of_up_at_lab(playground: UpLab) -> None:
    """A program edited on the host runs inside at once; what it writes is seen on the host."""
    program = playground.directory / "hello.py"
    program.write_text(
        "import pathlib, socket\n"
        "name = socket.gethostname()\n"
        "pathlib.Path('/lab', f'from-{name}').write_text(f'{name} was here')\n"
    )
    try:
        at_once(playground, dict.fromkeys(INTERFACES, "/usr/bin/python3 /lab/hello.py"))
        found = {file.name: file.read_text() for file in playground.directory.glob("from-*")}
        assert found == {f"from-{node}": f"{node} was here" for node in INTERFACES}
        program.write_text("print('second edition')\n")
        assert playground.out("h1", "/usr/bin/python3 /lab/hello.py") == "second edition\n"
    finally:
        for file in (program, *playground.directory.glob("from-*")):
            file.unlink()


def test_lab_is_that_directory_and_not_its_parent(playground: UpLab) -> None:
    outside = playground.directory.parent
    assert playground.exec("h1", f"ls {outside}", check=False).returncode != 0
    assert playground.out("h1", "cd /lab/.. && pwd -P") == "/\n"


@pytest.fixture(scope="module")
def mounted(netarium: Netarium, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpLab]:
    """two-hosts, with a directory to write, one only to read, and one named relative to here."""
    directory = tmp_path_factory.mktemp("mounted")
    for name in ("to write", "to-read", "near"):
        (directory / name).mkdir()
        (directory / name / "file").write_text(name)
    (directory / "to-read" / "below").mkdir()
    (directory / "start").mkdir()
    file = shipped_copy("two-hosts", f"mounted-{os.getpid()}", directory)
    netarium(
        *("up", file),
        *("--mount", f"{directory}/to write:/srv/data"),
        *("--mount", f"{directory}/to-read:/opt/deep/docs:ro"),
        *("--mount", "../near:/near"),
        cwd=directory / "start",
    )
    try:
        yield UpLab(file.stem, directory, netarium)
    finally:
        netarium("down", file.stem)


@pytest.mark.parametrize("node", ["brooklyn", "midwood"])
def test_mounts_show_the_hosts_files_on_every_node(mounted: UpLab, node: str) -> None:
    assert mounted.out(node, "cat /srv/data/file /opt/deep/docs/file /near/file") == (
        "to writeto-readnear"
    )


def test_what_is_written_to_a_mount_is_on_the_host_and_on_the_other_node(mounted: UpLab) -> None:
    mounted.out("brooklyn", "echo new > /srv/data/new; echo near > /near/new")
    assert (mounted.directory / "to write/new").read_text() == "new\n"
    assert (mounted.directory / "near/new").read_text() == "near\n"
    assert mounted.out("midwood", "cat /srv/data/new") == "new\n"


@pytest.mark.parametrize("where", ["", "below/"])
@pytest.mark.parametrize("account", ["root", "brandon"])
def test_a_read_only_mount_is_read_only(mounted: UpLab, where: str, account: str) -> None:
    refused = mounted.netarium(
        *("exec", "--lab", mounted.name, "--user", account, "midwood", "--"),
        *("bash", "-c", f"echo x > /opt/deep/docs/{where}mine"),
        check=False,
    )
    assert "Read-only file system" in refused.stderr
    assert not (mounted.directory / "to-read" / where / "mine").exists()
    remount = mounted.exec("midwood", "mount -o remount,rw,bind /opt/deep/docs", check=False)
    assert remount.returncode != 0


def test_lab_is_there_besides_the_mounts(mounted: UpLab) -> None:
    assert mounted.out("brooklyn", "ls -A /lab; echo hi > /lab/note") == ""
    assert Path(mounted.directory, "start/note").read_text() == "hi\n"


@pytest.mark.parametrize(
    "mount, said",
    [
        ("/no/such/directory:/data", "/no/such/directory"),
        ("data", "DIR:/PATH"),
        (".:relative", "relative"),
        (".:/data:sideways", "sideways"),
    ],
)
def test_a_mount_that_cannot_be_is_explained(
    netarium: Netarium, tmp_path: Path, mount: str, said: str
) -> None:
    file = shipped_copy("two-hosts", f"unmountable-{os.getpid()}", tmp_path)
    refused = netarium("up", file, "--mount", mount, check=False, cwd=tmp_path)
    assert refused.returncode in (2, 3, 4)
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
