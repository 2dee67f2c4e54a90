"""What a process inside a node, even root, must not be able to do to its host."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Netarium
from tests.system.conftest import UpLab

_LAB = """\
nodes:
  a: {}
  b: {}
links: [[a, b]]
"""


@pytest.fixture(scope="module")
def lab(netarium: Netarium, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpLab]:
    directory = tmp_path_factory.mktemp("isolation")
    name = f"isolation-{os.getpid()}"
    (directory / "lab.yaml").write_text(f"name: {name}\n{_LAB}")
    netarium("up", directory / "lab.yaml", cwd=directory)
    try:
        yield UpLab(name, directory, netarium)
    finally:
        netarium("down", name)


@pytest.mark.parametrize("where", ["/", "/etc", "/usr/bin", "/usr/lib", "/var/lib", "/opt"])
def test_what_a_node_writes_stays_inside(lab: UpLab, where: str) -> None:
    name = f".netarium-test-{secrets.token_hex(4)}"
    lab.exec("a", f"echo mine > {where}/{name} && cat {where}/{name}")
    assert not Path(where, name).exists()
    assert lab.exec("b", f"cat {where}/{name}", check=False).returncode != 0


def test_changed_and_removed_files_stay_as_they_were_on_the_host(lab: UpLab) -> None:
    before = Path("/etc/os-release").read_bytes(), Path("/usr/bin/env").stat().st_size
    lab.exec("a", "echo broken > /etc/os-release; rm -f /usr/bin/env; test ! -e /usr/bin/env")
    assert (Path("/etc/os-release").read_bytes(), Path("/usr/bin/env").stat().st_size) == before


def test_the_directory_of_the_user_is_shared_at_lab(lab: UpLab) -> None:
    lab.exec("a", "echo hello > /lab/from-a")
    assert (lab.directory / "from-a").read_text() == "hello\n"


def test_a_node_sees_its_own_processes_only(lab: UpLab) -> None:
    seen = lab.out("a", "ls /proc | grep -c '^[0-9]'")
    assert int(seen) < 10
    assert lab.out("a", "cat /proc/1/comm") == "sleep\n"


def test_a_node_cannot_signal_the_host(lab: UpLab) -> None:
    assert lab.exec("a", f"kill -0 {os.getpid()}", check=False).returncode != 0


def test_no_way_back_to_the_host_s_root(lab: UpLab) -> None:
    """Neither through the first process's root nor through the old root of pivot_root."""
    name = f"outside-{secrets.token_hex(4)}"
    witness = Path("/run" if os.access("/run", os.W_OK) else "/tmp", name)
    witness.write_text("host")
    try:
        found = lab.exec(
            "a", f"ls /.host /proc/1/root{witness} /proc/*/root{witness} {witness}", check=False
        )
        assert found.stdout.strip() == ""
    finally:
        witness.unlink()


@pytest.mark.parametrize("kind, major, minor", [("b", 8, 0), ("b", 254, 0), ("c", 1, 1)])
def test_device_nodes_cannot_be_made(lab: UpLab, kind: str, major: int, minor: int) -> None:
    refused = lab.exec("a", f"mknod /tmp/device {kind} {major} {minor}", check=False)
    assert refused.returncode != 0
    assert "not permitted" in refused.stderr


def test_no_block_device_of_the_host_is_in_dev(lab: UpLab) -> None:
    assert lab.out("a", "find /dev -type b | wc -l") == "0\n"
    assert lab.exec("a", "touch /dev/mine", check=False).returncode != 0


def test_modules_cannot_be_loaded(lab: UpLab) -> None:
    attempt = (
        "import ctypes, os\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "result = libc.syscall(313, 0, b'', 0)\n"  # finit_module(2) on x86-64
        "print(result, os.strerror(ctypes.get_errno()))\n"
    )
    refused = lab.out("a", f'/usr/bin/python3 -c "{attempt}"')
    # A kernel without loadable modules has no such call at all.
    assert refused in ("-1 Operation not permitted\n", "-1 Function not implemented\n")


@pytest.mark.parametrize(
    "path",
    ["/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches"],
)
def test_the_host_s_kernel_cannot_be_configured(lab: UpLab, path: str) -> None:
    before = Path(path).read_bytes() if path.endswith("core_pattern") else b""
    assert lab.exec("a", f"echo h > {path}", check=False).returncode != 0
    assert not before or Path(path).read_bytes() == before


def test_sysfs_is_read_only(lab: UpLab) -> None:
    attempt = (
        "for f in /sys/kernel/uevent_helper /sys/class/net/eth0/mtu; do echo 1 > $f && exit 9; done"
    )
    assert lab.exec("a", attempt, check=False).returncode != 9


@pytest.mark.parametrize("what", ["mount -t tmpfs x /mnt", "umount /proc/sys", "umount -l /proc"])
def test_mounts_cannot_be_changed(lab: UpLab, what: str) -> None:
    assert lab.exec("a", what, check=False).returncode != 0


def test_the_host_s_network_is_out_of_reach(lab: UpLab) -> None:
    assert lab.out("a", "ls /sys/class/net | sort | tr '\\n' ' '") == "eth0 lo "
    assert lab.exec("a", "ip route get 192.0.2.1", check=False).returncode != 0
    # Neither a Unix socket of the host by path nor one by abstract name.
    assert lab.out("a", "wc -l < /proc/net/unix") == "1\n"


def test_keys_and_homes_of_the_host_are_hidden(lab: UpLab) -> None:
    seen = lab.exec("a", "ls /etc/ssh/ssh_host_* /etc/ssl/private /etc/shadow- /home", check=False)
    assert seen.stdout.split() == ["/home:", "brandon"]
    assert "$y$" not in lab.out("a", "cat /etc/shadow")


def test_no_capability_beyond_the_granted(lab: UpLab) -> None:
    lines = lab.out("a", "grep ^Cap /proc/self/status /proc/1/status").split()
    values = {int(line, 16) for line in lines if not line.endswith(":")}
    forbidden = (16, 17, 19, 21, 22, 27, 38, 39)  # MODULE RAWIO PTRACE ADMIN BOOT MKNOD PERFMON BPF
    assert all(not value >> number & 1 for value in values for number in forbidden)


def test_one_node_does_not_see_another_s_files_or_processes(lab: UpLab) -> None:
    lab.exec("a", "echo secret > /tmp/note; echo secret > /dev/shm/note; echo x > /run/note")
    assert lab.out("b", "ls /tmp /dev/shm | grep -c note || true") == "0\n"
    assert lab.exec("b", "cat /run/note", check=False).returncode != 0
