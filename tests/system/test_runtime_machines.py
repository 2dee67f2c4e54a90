"""Labs on machines that are not laid out as usual, and shared directories where a node has its own.

Each machine is the real one with something else mounted, in a mount namespace of the test's own.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from netarium.runtime.state import state_home
from tests.conftest import QUOTED_COMMAND, Netarium
from tests.system.conftest import LabFactory

_NODES = """\
nodes:
  a: {services: [ssh]}
  b: {}
links: [[a, b]]
"""

#: Mounts with a line of shell, then runs one on node a of a lab that is up.
Machine = Callable[..., str]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    name = f"machine-{os.getpid()}"
    (tmp_path / "lab.yaml").write_text(f"name: {name}\n{_NODES}")

    def run(change: str, inside: str, *, before: str = "") -> str:
        script = (
            f"set -e\ncd {tmp_path}\n{change}\nset +e\n"
            f"{before} {QUOTED_COMMAND} up lab.yaml >/dev/null\n"
            f"{QUOTED_COMMAND} exec --lab {name} a -- sh -c {shlex.quote(inside)}\n"
            f"{QUOTED_COMMAND} down {name}\n"
        )
        words = ["unshare", "--mount", "--propagation", "private", "bash", "-c", script]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout + done.stderr

    return run


pytestmark = [pytest.mark.root, pytest.mark.needs("unshare", "mount")]


def test_the_host_s_var_on_a_file_system_of_its_own_keeps_its_secrets(machine: Machine) -> None:
    said = machine(
        "mkdir disk up work; mount -t tmpfs none disk; mkdir disk/up disk/work\n"
        "mount -t overlay none -o lowerdir=/var,upperdir=disk/up,workdir=disk/work /var\n"
        "mkdir -p /var/lib/docker /var/lib/seen; echo secret > /var/lib/docker/key",
        "cat /var/lib/docker/key; ls -d /var/lib/seen; touch /var/new && echo written",
    )
    assert "secret" not in said
    assert "/var/lib/seen" in said
    assert "written" in said


def test_etc_on_a_file_system_of_its_own(machine: Machine) -> None:
    said = machine(
        "mkdir disk; mount -t tmpfs none disk; mkdir disk/up disk/work\n"
        "mount -t overlay none -o lowerdir=/etc,upperdir=disk/up,workdir=disk/work /etc\n"
        "echo host > /etc/hostname; echo 'eve:x:1500:1500::/:/bin/sh' >> /etc/passwd",
        "cat /etc/hostname; grep -c eve /etc/passwd; getent hosts b; grep brandon /etc/passwd",
    )
    assert said.startswith("a\n0\n")
    assert "/home/brandon" in said


def test_a_resolver_file_that_leads_nowhere_and_lines_of_nis(machine: Machine) -> None:
    said = machine(
        "mkdir etc; mount -t tmpfs none etc; cp -a /etc/. etc/\n"
        "rm -f etc/resolv.conf; ln -s ../run/nowhere/resolv.conf etc/resolv.conf\n"
        "echo '+::::::' >> etc/passwd; echo '+:::' >> etc/group; mount --bind etc /etc",
        "test -f /etc/resolv.conf && ping -c1 b",
    )
    assert "1 received" in said


def test_a_machine_whose_etc_is_read_only(machine: Machine) -> None:
    said = machine("mount --bind /etc /etc; mount -o remount,ro,bind /etc", "echo x > /etc/mine")
    assert "Read-only" not in said
    assert "is down" in said


def test_run_netns_is_left_as_it_was_found(machine: Machine) -> None:
    said = machine(
        "mount -t tmpfs none /run; mkdir /run/netns; touch /run/netns/mine\n"
        "ln -s /nowhere /run/netns/theirs; trap 'ls /run /run/netns' EXIT",
        "true",
    )
    assert said.endswith("/run:\nnetns\n\n/run/netns:\nmine\ntheirs\n")


@pytest.mark.needs("chroot")
def test_a_chroot_is_refused_as_servers_would_leave_it(machine: Machine, tmp_path: Path) -> None:
    said = machine(
        "mkdir root disk; mount -t tmpfs none disk; mkdir disk/up disk/work\n"
        "mount -t overlay none -o lowerdir=/,upperdir=disk/up,workdir=disk/work root\n"
        "for each in proc sys dev run; do mount --rbind /$each root/$each; done\n"
        "mkdir -p root/tmp; cp lab.yaml root/srv/",
        "true",
        before="chroot root env -C /srv",
    )
    assert "cannot run in a chroot" in said


def test_odd_names_of_the_shared_directory(netarium: Netarium, tmp_path: Path) -> None:
    name = f"odd-{os.getpid()}"
    for odd in ("a b", "a,b", "a:b", "a\nb", "back\\slash"):
        directory = tmp_path / odd
        directory.mkdir()
        (directory / "lab.yaml").write_text(f"name: {name}\n{_NODES}")
        netarium("up", "lab.yaml", cwd=directory)
        try:
            netarium("exec", "--lab", name, "a", "--", "touch", "/lab/seen")
        finally:
            netarium("down", name)
        assert (directory / "seen").exists()


def test_a_directory_whose_name_is_no_text_is_refused_in_words(
    netarium: Netarium, tmp_path: Path
) -> None:
    directory = tmp_path / os.fsdecode(b"\xff\xfe")
    directory.mkdir()
    (tmp_path / "lab.yaml").write_text(f"name: bytes-{os.getpid()}\n{_NODES}")
    failed = netarium("up", tmp_path / "lab.yaml", cwd=directory, check=False)
    assert failed.returncode == 1
    assert "not UTF-8" in failed.stderr
    assert not (state_home() / f"bytes-{os.getpid()}").exists()


def test_sharing_a_home_writes_nothing_into_it(netarium: Netarium, tmp_path: Path) -> None:
    """A lab's keys belong to brandon and root of the node, not to the person who shares a home."""
    name, home = f"home-{os.getpid()}", tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh/id_ed25519").write_text("mine")
    (home / ".bashrc").write_text("mine")
    (tmp_path / "lab.yaml").write_text(f"name: {name}\n{_NODES}")
    netarium("up", "lab.yaml", "--mount", f"{home}:/home/brandon", cwd=tmp_path)
    try:
        seen = netarium("exec", "--lab", name, "a", "--", "cat", "/home/brandon/.bashrc").stdout
    finally:
        netarium("down", name)
    assert seen == "mine"
    assert sorted(path.name for path in home.rglob("*")) == [".bashrc", ".ssh", "id_ed25519"]
    assert (home / ".ssh/id_ed25519").read_text() == "mine"


@pytest.mark.parametrize(
    "target, why",
    [
        ("/etc/passwd", "a directory goes over a directory"),
        ("/usr", "hid"),
        ("/lab/out/new", "leads out of the node"),
    ],
)
def test_a_mount_that_cannot_be_says_which_and_why(
    netarium: Netarium, tmp_path: Path, target: str, why: str
) -> None:
    (tmp_path / "lab.yaml").write_text(f"name: mount-{os.getpid()}\n{_NODES}")
    shared = tmp_path / "shared"
    shared.mkdir()
    (tmp_path / "out").symlink_to(f"/.host{tmp_path}")
    failed = netarium("up", "lab.yaml", "--mount", f"{shared}:{target}", cwd=tmp_path, check=False)
    assert failed.returncode == 1
    assert why in failed.stderr
    assert not (tmp_path / "new").exists()


def test_a_source_behind_a_link_is_what_the_host_means_by_it(
    netarium: Netarium, tmp_path: Path
) -> None:
    """An absolute link would lead to the node's own directory of that name."""
    name = f"link-{os.getpid()}"
    real = tmp_path / "real"
    real.mkdir()
    (real / "file").write_text("host's")
    (tmp_path / "link").symlink_to(real)
    (tmp_path / "lab.yaml").write_text(f"name: {name}\n{_NODES}")
    netarium("up", "lab.yaml", "--mount", f"{tmp_path}/link:/srv/x:ro", cwd=tmp_path)
    try:
        assert netarium("exec", "--lab", name, "a", "--", "cat", "/srv/x/file").stdout == "host's"
    finally:
        netarium("down", name)


def test_more_people_and_addresses_than_a_message_holds(lab_factory: LabFactory) -> None:
    people = ", ".join(f"s{i}: {{password: x, uid: {2000 + i}}}" for i in range(500))
    addresses = ", ".join(f"10.0.{i // 250}.{i % 250 + 1}/16" for i in range(400))
    lab = lab_factory(
        f"accounts: {{{people}}}\nnodes:\n"
        f"  a: {{interfaces: {{eth0: {{address: [{addresses}]}}}}, services: [ssh]}}\n"
        "  b: {interfaces: {eth0: 10.0.200.1/16}}\nlinks: [[a, b]]\n"
    )
    assert lab.out("a", "ls /home | wc -l; stat -c %U /home/s499/.ssh/id_ed25519") == "500\ns499\n"
    assert lab.out("b", "ssh -o BatchMode=yes a hostname") == "a\n"
