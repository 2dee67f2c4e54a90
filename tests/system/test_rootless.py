"""The playground without root: as an ordinary user, with the same services."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import netarium as package
from netarium.runtime.state import process_started
from tests.conftest import COMMAND, Netarium
from tests.system.clients import run_in
from tests.system.conftest import UpLab, shipped_copy
from tests.system.test_playground_ftp import _telnet_by_hand, _transfer
from tests.system.test_playground_mail import _round_trip, _secured
from tests.system.test_playground_ssh import _ASKPASS
from tests.system.test_playground_topology import SERVICES

_UID = 1000
_ENTRY = "#!{python}\nimport sys\nfrom netarium.cli.main import main\nsys.exit(main())\n"


def _all_may_read(directory: Path) -> bool:
    """Whether everybody may enter a directory, and so most probably read what is in it."""
    return all(each.stat().st_mode & 0o001 for each in (directory, *directory.parents))


def _installation(home: Path) -> Path:
    """The command, for a user who may be unable to read this Python and this checkout.

    A virtual environment on the machine's own Python, which borrows the packages or, where
    it must, holds a copy of them.
    """
    python = Path("/usr/bin/python3")
    ask = [python, "-c", "import sys; print(*sys.version_info[:2])"]
    try:
        version = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs /usr/bin/python3, which any user may run")
    if version != [str(number) for number in sys.version_info[:2]]:
        pytest.skip(f"/usr/bin/python3 is {'.'.join(version)}: these packages are not for it")
    environment = home / "venv"
    subprocess.run([python, "-m", "venv", "--without-pip", environment], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    borrowed = []
    source = Path(package.__file__).parent.parent
    for place in dict.fromkeys((source, *(Path(p) for p in sys.path if "site-packages" in p))):
        if _all_may_read(place):
            borrowed.append(str(place))
        else:
            shutil.copytree(place, packages, dirs_exist_ok=True, symlinks=True)
    (packages / "borrowed.pth").write_text("\n".join(borrowed))
    command = environment / "bin/netarium"
    command.write_text(_ENTRY.format(python=environment / "bin/python"))
    command.chmod(0o755)
    subprocess.run(["chmod", "-R", "a+rX", environment], check=True)
    return command


class User:
    """Somebody without any privileges, at home in ``home``; ``runtime`` is for their labs."""

    def __init__(self, home: Path) -> None:
        self.home, self.runtime = home, home / "run"
        self.runtime.mkdir(mode=0o700)
        self._prefix: list[str] = []
        self._command = COMMAND
        self.uid = os.geteuid()
        if self.uid == 0:
            self._command, self.uid = _installation(home), _UID
            who = ["--reuid", str(_UID), "--regid", str(_UID), "--clear-groups"]
            self._prefix = ["setpriv", *who, "--bounding-set=-all", "--inh-caps=-all", "--"]
            for path in (home, self.runtime):
                os.chown(path, _UID, _UID)
        self._environment = {
            **{name: value for name, value in os.environ.items() if name in ("PATH", "LANG")},
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(self.runtime),
            "TERM": "dumb",
        }

    def netarium(
        self,
        *words: str | Path,
        check: bool = True,
        timeout: float = 60,
        cwd: Path | None = None,
        input: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """The command as this user; see ``tests.conftest.netarium``."""
        done = self.run(str(self._command), *map(str, words), timeout=timeout, cwd=cwd, input=input)
        if check and done.returncode:
            pytest.fail(f"{words} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def run(
        self, *words: str, timeout: float = 60, cwd: Path | None = None, input: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Any program as this user."""
        return subprocess.run(
            [*self._prefix, *words],
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=cwd or self.home,
            env=self._environment,
            input=input or "",
            check=False,
        )

    def status(self, lab: str) -> dict[str, Any]:
        """What ``status --json`` says of a lab."""
        (found,) = json.loads(self.netarium("status", lab, "--json").stdout)["labs"]
        return dict(found)

    def lab_file(self, shipped: str, name: str) -> Path:
        """A copy of a lab that ships, in a directory of the user's."""
        directory = self.home / name
        directory.mkdir()
        if os.geteuid() == 0:
            os.chown(directory, self.uid, self.uid)
        return shipped_copy(shipped, name, directory)


@pytest.fixture(scope="module")
def user() -> Iterator[User]:
    # Not below pytest's own directory, which only its owner may enter.
    with tempfile.TemporaryDirectory(prefix="netarium-rootless-") as name:
        home = Path(name)
        home.chmod(0o755)
        somebody = User(home)
        may = somebody.run("unshare", "--user", "--map-root-user", "--net", "true")
        if may.returncode:
            pytest.skip(f"this machine gives users no namespaces: {may.stderr.strip()}")
        yield somebody


@pytest.fixture(scope="module")
def rootless(user: User) -> Iterator[UpLab]:
    file = user.lab_file("playground", f"rootless-{os.getpid()}")
    user.netarium("up", file, cwd=file.parent)
    command: Netarium = user.netarium
    try:
        yield UpLab(file.stem, file.parent, command)
    finally:
        user.netarium("down", file.stem)


def test_all_services_run_and_belong_to_the_user(rootless: UpLab, user: User) -> None:
    status = user.status(rootless.name)
    assert status["rootless"] is True
    found = {
        node["name"]: {
            int(port.partition("/")[2]) for service in node["services"] for port in service["ports"]
        }
        for node in status["nodes"]
    }
    assert found == SERVICES
    states = {service["state"] for node in status["nodes"] for service in node["services"]}
    assert states == {"running"}
    assert Path(status["directory"]).is_relative_to(user.runtime)
    for pid in [status["supervisor"], *(node["pid"] for node in status["nodes"])]:
        lines = Path(f"/proc/{pid}/status").read_text()
        assert re.search(rf"^Uid:(\t{user.uid}){{4}}$", lines, re.MULTILINE)


@pytest.mark.needs("traceroute", "ping", "netstat")
def test_the_network_is_the_same(rootless: UpLab) -> None:
    said = rootless.out("h1", "traceroute www.example.com; ping -c1 www; ping -c1 -W2 10.25.1.66")
    assert re.findall(r"^ \d  (\S+ \(\S+\))  ", said, re.MULTILINE) == [
        "192.168.1.1 (192.168.1.1)",
        "isp (10.25.1.1)",
        "backbone (10.1.1.1)",
        "example.com (10.130.1.1)",
        "www.example.com (10.130.1.4)",
    ]
    assert " ttl=60 " in said
    assert " ttl=62 " in said
    assert "10.130.1.1" in rootless.out("www", "route -n | grep ^0.0.0.0")


@pytest.mark.needs("nmap")
def test_nmap(rootless: UpLab) -> None:
    for how in "-sT", "-sS":
        said = rootless.out("h1", f"nmap {how} mail.example.com")
        ports = re.findall(r"^(\d+)/tcp +open", said, re.MULTILINE)
        assert ports == ["22", "25", "110", "143", "993", "995"]


@pytest.mark.needs("dig")
def test_dns(rootless: UpLab) -> None:
    line = "dig +short www; dig +short +tcp example.com MX; dig +short -x 10.25.1.1; dig nobody"
    said = rootless.out("h4", line)
    assert said.startswith("10.130.1.4\n10 mail.example.com.\nisp.\n")
    assert "status: NXDOMAIN" in said


@pytest.mark.needs("ssh")
@pytest.mark.parametrize("account, home", [("root", "/root"), ("brandon", "/home/brandon")])
def test_ssh_by_key_and_by_password(rootless: UpLab, account: str, home: str) -> None:
    options = "-oBatchMode=yes -oStrictHostKeyChecking=yes"
    line = f"ssh {options} {account}@www 'hostname; pwd; echo $USER; touch mine && rm mine; exit 7'"
    done = rootless.exec("h1", line, check=False)
    assert (done.stdout, done.returncode) == (f"www\n{home}\n{account}\n", 7), done.stderr
    said = rootless.out("h4", _ASKPASS % ("abc123", "password", account))
    assert said.splitlines()[0] == "mail"
    refused = rootless.exec("h4", _ASKPASS % ("wrong", "password", account), check=False)
    assert refused.returncode == 255


@pytest.mark.needs("ssh")
def test_ssh_with_a_terminal_files_and_forwarding(rootless: UpLab, user: User) -> None:
    assert "/dev/pts/" in rootless.out("h1", "ssh -tt -oBatchMode=yes www tty")
    line = (
        "head -c 3000000 /dev/urandom > /tmp/a; scp -qB /tmp/a brandon@ftp:a;"
        "scp -qBO brandon@ftp:a /tmp/b; cmp /tmp/a /tmp/b; echo rm a | sftp -qb - brandon@ftp;"
        "ssh -oBatchMode=yes -fNL 8080:www:80 -oExitOnForwardFailure=yes -MS /tmp/s isp;"
        "curl -sS http://127.0.0.1:8080/ip; ssh -qS /tmp/s -O exit x"
    )
    assert '"origin": "10.25.1.1"' in rootless.out("h1", line)
    said = user.netarium("ssh", "--lab", rootless.name, "brandon@h4", "hostname; pwd").stdout
    assert said == "h4\n/home/brandon\n"


@pytest.mark.needs("curl")
def test_web(rootless: UpLab) -> None:
    said = json.loads(rootless.out("h1", "curl -sS https://www.example.com/get?a=1"))
    assert (said["args"], said["origin"]) == ({"a": "1"}, "10.25.1.65")


def test_mail(rootless: UpLab) -> None:
    assert run_in(rootless, "h1", _secured, "mail.example.com", "PLAIN")["code"] == 235
    assert run_in(rootless, "h1", _round_trip, "mail.example.com") == {
        **dict.fromkeys(("IMAP4", "IMAP4_SSL", "POP3", "POP3_SSL", "identified"), True),
        "left": 3,
    }


@pytest.mark.parametrize("node, passive", [("h1", True), ("www", True), ("www", False)])
@pytest.mark.parametrize(
    "account, folder", [("brandon", "/home/brandon"), ("anonymous", "incoming")]
)
def test_ftp(rootless: UpLab, node: str, passive: bool, account: str, folder: str) -> None:
    done = run_in(rootless, node, _transfer, account, "abc123", passive, folder)
    assert (done["same"], done["listed"], done["size"]) == (True, True, 500_000)


@pytest.mark.needs("tcpdump")
def test_tcpdump_although_it_wants_to_become_somebody_else(rootless: UpLab) -> None:
    line = "timeout 5 tcpdump -c1 -ni eth0 icmp & sleep 0.5; ping -c2 www >/dev/null; wait"
    assert "ICMP echo" in rootless.out("h1", line)


def test_telnet(rootless: UpLab) -> None:
    assert 1 in run_in(rootless, "h4", _telnet_by_hand)["options"]


def test_files_at_lab_belong_to_the_user(rootless: UpLab, user: User) -> None:
    rootless.out("h1", "echo inside > /lab/note")
    note = rootless.directory / "note"
    assert (note.read_text(), note.stat().st_uid) == ("inside\n", user.uid)


def test_a_node_cannot_reach_what_the_user_cannot(rootless: UpLab) -> None:
    """Root in there has the user's rights on the machine, and no more."""
    assert rootless.exec("h1", "cat /proc/1/environ /etc/shadow-", check=False).returncode != 0
    assert rootless.exec("h1", "echo 1 > /proc/sys/vm/drop_caches", check=False).returncode != 0


# -- the end -----------------------------------------------------------------------------------


def _descendants(pid: int) -> dict[int, int]:
    """The processes below one, with their start times."""
    try:
        words = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return {}
    found = {int(word): process_started(int(word)) for word in words}
    for child in list(found):
        found |= _descendants(child)
    return found


def _left(user: User, processes: dict[int, int]) -> list[str]:
    left = [f"process {pid}" for pid, start in processes.items() if process_started(pid) == start]
    return left + [str(path) for path in user.runtime.glob("netarium/ending-*")]


@pytest.mark.parametrize("how", ["down", "kill -9"])
def test_nothing_is_left(user: User, how: str) -> None:
    file = user.lab_file("playground", f"ending-{os.getpid()}-{how.split()[0]}")
    user.netarium("up", file, cwd=file.parent)
    try:
        supervisor = user.status(file.stem)["supervisor"]
        processes = {supervisor: process_started(supervisor), **_descendants(supervisor)}
        assert len(processes) > 24
        assert len(_left(user, processes)) > 24
        if how == "down":
            user.netarium("down", file.stem)
        else:
            os.kill(supervisor, signal.SIGKILL)
            deadline = time.monotonic() + 2
            while _left(user, processes) and time.monotonic() < deadline:
                time.sleep(0.02)
        assert _left(user, processes) == []
    finally:
        user.netarium("down", file.stem, check=False)


def test_packets_are_captured_without_root(rootless: UpLab, user: User) -> None:
    file = rootless.directory / "a.pcapng"
    ping = "sleep 1; ping -4 -qc1 www.example.com"
    sender = threading.Thread(target=rootless.exec, args=("h1", ping))
    sender.start()
    words = ("h1:eth0", "www", "-f", "icmp", "-c", "4", "-t", "20", "-w", file)
    done = user.netarium("capture", "--lab", rootless.name, *words)
    sender.join()
    assert f"4 packets captured into {file}, 0 dropped by the kernel" in done.stderr
    assert file.stat().st_uid == user.uid
    refused = user.netarium("capture", "--host", "lo", check=False)
    assert refused.returncode == 5
    assert "capturing needs root" in refused.stderr
