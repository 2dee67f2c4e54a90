"""Ways out of a node that namespaces and capabilities alone leave open, tried as its root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import QUOTED_COMMAND, Netarium
from tests.system.conftest import LabFactory, UpLab

_NODES = """\
nodes:
  a: {services: [ssh]}
  b: {services: [ssh]}
links: [[a, b]]
"""


@pytest.fixture(scope="module")
def lab(netarium: Netarium, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpLab]:
    directory = tmp_path_factory.mktemp("confinement")
    name = f"confinement-{os.getpid()}"
    (directory / "lab.yaml").write_text(f"name: {name}\n{_NODES}")
    netarium("up", directory / "lab.yaml", cwd=directory)
    try:
        yield UpLab(name, directory, netarium)
    finally:
        netarium("down", name)


def _python(lab: UpLab, node: str, program: str) -> str:
    return lab.out(node, f"/usr/bin/python3 - <<'END'\n{program}\nEND")


@pytest.mark.root
def test_the_interpreter_of_the_servers_cannot_be_changed(lab: UpLab) -> None:
    """/proc/PID/exe leads to the host's file, past the overlay."""
    told = _python(
        lab,
        "a",
        "import os\n"
        "for pid in filter(str.isdigit, os.listdir('/proc')):\n"
        "    if open(f'/proc/{pid}/comm').read() == 'sshd\\n':\n"
        "        program = f'/proc/{pid}/exe'\n"
        "        mode = os.stat(program).st_mode & 0o7777\n"
        "        for what in (lambda: os.chmod(program, mode),\n"
        "                     lambda: os.chown(program, 0, 0),\n"
        "                     lambda: os.utime(program),\n"
        "                     lambda: os.setxattr(program, 'user.x', b'x'),\n"
        "                     lambda: os.open(program, os.O_WRONLY)):\n"
        "            try:\n"
        "                what()\n"
        "                print('changed')\n"
        "            except OSError as error:\n"
        "                print('refused', error.errno)\n",
    ).splitlines()
    assert len(told) == 5
    assert all(line.startswith("refused") for line in told)


@pytest.mark.needs("unshare")
@pytest.mark.parametrize("more", ["", "m", "mC", "n", "mpf"])
def test_a_user_namespace_would_give_back_all_capabilities(lab: UpLab, more: str) -> None:
    refused = lab.exec("a", f"unshare -Ur{more} true", check=False)
    assert refused.returncode != 0
    assert "not permitted" in refused.stderr


def test_no_key_of_the_host_is_seen_or_left(lab: UpLab) -> None:
    """Keyrings belong to user ids, not to namespaces; numbers of the calls are x86-64's."""
    if os.uname().machine != "x86_64":
        pytest.skip("knows the numbers of x86-64 only")
    told = _python(
        lab,
        "a",
        "import ctypes, os\n"
        "call = ctypes.CDLL(None, use_errno=True).syscall\n"
        "for arguments in ((248, b'user', b'netarium-test', b'x', 1, -4), (250, 0, -4, 0),\n"
        "                  (249, b'user', b'netarium-test', 0, 0), (103, 3, b'', 0)):\n"
        "    print(call(*arguments), os.strerror(ctypes.get_errno()))\n",
    )
    assert told.splitlines() == ["-1 Function not implemented"] * 3 + ["-1 Operation not permitted"]


@pytest.mark.root
def test_whatever_root_could_write_in_proc_is_read_only_but_its_own_network(lab: UpLab) -> None:
    """Those that remain are about the writer itself, or refuse without a capability."""
    harmless = ("/proc/pressure/", "/proc/sys/net/")
    told = _python(
        lab,
        "a",
        "import os\n"
        "for top, names, files in os.walk('/proc'):\n"
        "    if top == '/proc':\n"
        "        names[:] = [n for n in names if not n.isdigit()]\n"
        "    for file in files:\n"
        "        path = os.path.join(top, file)\n"
        "        if os.path.islink(path) or not os.stat(path).st_mode & 0o222:\n"
        "            continue\n"
        "        if not os.statvfs(path).f_flag & os.ST_RDONLY:\n"
        "            print(path)\n",
    )
    masked = "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/latency_stats"
    open_ones = [
        line for line in told.splitlines() if not line.startswith(harmless) and line not in masked
    ]
    assert open_ones == []


def test_a_setting_that_is_the_whole_machine_s_cannot_be_changed(lab: UpLab) -> None:
    path = "/proc/sys/net/netfilter/nf_hooks_lwtunnel"
    if not Path(path).exists():
        pytest.skip("this kernel has no such setting")
    refused = lab.exec("a", f"test ! -e {path} || echo 0 > {path}", check=False)
    assert refused.returncode == 0 or "Read-only" in refused.stderr


def test_the_environment_of_a_server_says_nothing_about_the_user(lab: UpLab) -> None:
    seen = lab.out("a", "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'")
    assert "XDG_RUNTIME_DIR" not in seen
    assert not any(line.startswith("HOME=") and line != "HOME=/root" for line in seen.split("\n"))


@pytest.mark.root
def test_a_server_that_is_taken_over_harms_only_itself(lab_factory: LabFactory) -> None:
    """Root in a node can speak to the host's process in the server's name."""
    lab = lab_factory(_NODES)
    told = _python(
        lab,
        "a",
        "import ctypes, os, socket\n"
        "libc = ctypes.CDLL(None)\n"
        "for pid in filter(str.isdigit, os.listdir('/proc')):\n"
        "    if open(f'/proc/{pid}/comm').read() != 'sshd\\n':\n"
        "        continue\n"
        "    server = os.pidfd_open(int(pid))\n"
        "    for number in range(3, 30):\n"
        "        copy = libc.syscall(438, server, number, 0)\n"  # pidfd_getfd(2)
        "        try:\n"
        "            taken = socket.socket(fileno=copy) if copy >= 0 else None\n"
        "        except OSError:\n"
        "            continue\n"
        "        if taken and (taken.family, taken.type) == (1, 5):\n"
        "            for junk in (b'\\x92\\xa5ready\\x91\\xa3\\x1b[2',\n"
        "                         b'\\x93\\xa5ready\\x01\\x02',\n"
        "                         b'\\x92\\xa4dead\\xa4\\x1b[2J', b'\\xc1'):\n"
        "                taken.send(junk)\n"
        "            print('sent')\n",
    )
    assert told == "sent\n"
    assert lab.out("b", "ssh -o BatchMode=yes b hostname") == "b\n"
    assert {service.state for service in lab.running.services if service.node == "b"} == {"running"}
    said = [text for each in lab.running.services for text in (*each.ports, each.reason)]
    assert not any("\x1b" in text for text in said)


@pytest.mark.root
@pytest.mark.needs("mount")
def test_read_only_reaches_what_is_mounted_below(netarium: Netarium, tmp_path: Path) -> None:
    """In a mount namespace of the test's own, as it mounts something."""
    name = f"below-{os.getpid()}"
    (tmp_path / "lab.yaml").write_text(f"name: {name}\n{_NODES}")
    command = QUOTED_COMMAND
    script = (
        f"cd {tmp_path}; mkdir -p shared/below; mount -t tmpfs none shared/below\n"
        f"{command} up --mount {tmp_path}/shared:/srv/shared:ro lab.yaml >/dev/null\n"
        f"{command} exec --lab {name} a -- sh -c"
        " 'touch /srv/shared/x; touch /srv/shared/below/x' 2>&1\n"
        f"{command} down {name}\n"
    )
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
    said = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    assert said.count("Read-only file system") == 2, said
