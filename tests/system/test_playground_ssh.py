"""SSH in the playground, with OpenSSH's own programs, from nodes and from the host."""

from __future__ import annotations

import hashlib
import os
import random
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.terminals import Person, person_at
from tests.conftest import COMMAND
from tests.system.clients import ACCOUNT, PASSWORD, at_once
from tests.system.conftest import UpLab
from tests.system.test_playground_topology import INTERFACES

pytestmark = pytest.mark.needs("ssh")

#: No question may be asked, and an unknown host key is an error.
SSH = "ssh -oBatchMode=yes -oStrictHostKeyChecking=yes"

_SIZE = 20_000_000


# -- logging in --------------------------------------------------------------------------------


@pytest.mark.parametrize("account", ["root", ACCOUNT])
def test_every_node_gets_into_others_without_a_question(playground: UpLab, account: str) -> None:
    """By short name, full name and address, on the first contact, with host keys verified."""
    targets = {
        "isp": "isp",
        "backbone.example.com": "backbone",
        "example.com": "example",
        "10.130.1.2": "ftp",
        "smtp": "mail",
        "WWW": "www",
        "modemA": "modemA",
        "modemB.example.com": "modemB",
    }
    loop = f"for t in {' '.join(targets)}; do {SSH} {account}@$t 'echo \"$(hostname) $USER\"'; done"
    found = at_once(playground, dict.fromkeys(INTERFACES, loop), timeout=60)
    wanted = "".join(f"{node} {account}\n" for node in targets.values())
    assert {node: done.stdout for node, done in found.items()} == dict.fromkeys(INTERFACES, wanted)


def test_homes_hosts_get_into_each_other(playground: UpLab) -> None:
    assert playground.out("h1", f"{SSH} h2 hostname; {SSH} 192.168.1.13 hostname") == "h2\nh3\n"
    assert playground.out("modemB", f"{SSH} h4 hostname") == "h4\n"


def test_brandon_on_one_node_is_brandon_on_another(playground: UpLab) -> None:
    said = playground.netarium(
        *("exec", "--lab", playground.name, "--user", ACCOUNT, "h1", "--"),
        *("bash", "-c", f"{SSH} www 'id -un; pwd; umask'"),
    )
    assert said.stdout == "brandon\n/home/brandon\n0022\n"


_ASKPASS = (
    "printf '#!/bin/sh\\necho %s\\n' > /tmp/askpass; chmod 755 /tmp/askpass;"
    "SSH_ASKPASS=/tmp/askpass SSH_ASKPASS_REQUIRE=force ssh -oPubkeyAuthentication=no"
    " -oPreferredAuthentications=%s -oNumberOfPasswordPrompts=1 %s@mail 'hostname; id -un'"
)


@pytest.mark.parametrize("method", ["password", "keyboard-interactive"])
@pytest.mark.parametrize("account", ["root", ACCOUNT])
def test_password_login(playground: UpLab, account: str, method: str) -> None:
    login = _ASKPASS % (PASSWORD, method, account)
    assert playground.out("h4", login) == f"mail\n{account}\n"


@pytest.mark.parametrize("account, password", [("root", "abc124"), ("nobody", PASSWORD)])
def test_a_wrong_password_or_account_is_refused(
    playground: UpLab, account: str, password: str
) -> None:
    refused = playground.exec("h4", _ASKPASS % (password, "password", account), check=False)
    assert (refused.returncode, refused.stdout) == (255, "")
    assert "Permission denied" in refused.stderr


def test_a_strangers_key_is_refused(playground: UpLab) -> None:
    line = (
        "cd $(mktemp -d); ssh-keygen -qt ed25519 -N '' -f key;"
        "ssh -oBatchMode=yes -oIdentitiesOnly=yes -i $PWD/key -F /dev/null"
        " -oIdentityFile=none www hostname"
    )
    refused = playground.exec("h1", line, check=False)
    assert (refused.returncode, refused.stdout) == (255, "")
    assert "Permission denied" in refused.stderr


def test_a_host_with_another_key_is_not_believed(playground: UpLab) -> None:
    """The lab's authority vouches for names: www is not mail, whoever answers there."""
    refused = playground.exec("h1", f"{SSH} -oHostKeyAlias=mail www hostname", check=False)
    assert refused.returncode == 255
    assert "Host key verification failed" in refused.stderr


# -- commands ----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_the_exit_code_of_a_command_comes_back(playground: UpLab, code: int) -> None:
    assert playground.exec("h1", f"{SSH} www exit {code}", check=False).returncode == code


def test_output_and_errors_stay_apart(playground: UpLab) -> None:
    done = playground.exec("h1", f"{SSH} www 'echo out; echo err >&2; echo out2'")
    assert (done.stdout, done.stderr) == ("out\nout2\n", "err\n")


def test_input_and_output_carry_every_byte(playground: UpLab) -> None:
    line = (
        "head -c 5000000 /dev/urandom > /tmp/in;"
        f"{SSH} www 'tee /dev/null' < /tmp/in | cmp - /tmp/in && rm /tmp/in"
    )
    playground.out("h1", line)


def test_a_command_sees_the_end_of_input_and_who_asked(playground: UpLab) -> None:
    assert playground.out("h1", f"printf 'a\\nb\\n' | {SSH} www wc -l") == "2\n"
    client, _, server = playground.out("h1", f"{SSH} www 'echo $SSH_CONNECTION'").split()[:3]
    assert (client, server) == ("10.25.1.65", "10.130.1.4")


def test_sudo_gives_brandon_roots_rights_without_a_password(playground: UpLab) -> None:
    if playground.exec("www", "command -v sudo", check=False).returncode:
        pytest.skip("needs the program sudo")
    assert playground.out("h1", f"{SSH} brandon@www 'id -u; sudo -n id -u'") == "1000\n0\n"
    refused = playground.exec("h1", f"{SSH} brandon@www cat /etc/shadow", check=False)
    assert refused.returncode == 1
    assert "Permission denied" in refused.stderr


# -- a person at a terminal --------------------------------------------------------------------


@pytest.fixture
def at_www(playground: UpLab) -> Iterator[Person]:
    """Somebody at h1 who typed ``ssh www``."""
    words = [str(COMMAND), "exec", "--lab", playground.name, "h1", "--", "ssh", "www"]
    with person_at(words, rows=31, columns=97) as person:
        person.wait_for(r"^root@www:~# ")
        assert "password" not in person.screen
        yield person


def test_interactive_shell(at_www: Person) -> None:
    at_www.type("echo on $(hostname) at $(tty); stty size\n")
    at_www.wait_for(r"^on www at /dev/pts/\d+\n31 97$")
    at_www.resize(50, 132)
    at_www.type("until stty size | grep '^50 132$'; do sleep 0.1; done\n")
    at_www.wait_for(r"^50 132$")
    at_www.type("echo $TERM $SSH_TTY $0\n")
    at_www.wait_for(r"^xterm /dev/pts/\d+ -bash$")
    at_www.type("exit 3\n")
    assert at_www.exit_code() == 3


def test_control_c_and_control_z_reach_the_remote_program(at_www: Person) -> None:
    # Not before the program is in front: earlier, the shell would hear the key.
    program = "sh -c 'echo ready; exec sleep 100'"
    at_www.type(f"{program}\n")
    at_www.wait_for("^ready$")
    at_www.type("\x03")
    at_www.wait_for(r"\^C\n.*root@www:~# ")
    at_www.type("echo $?\n")
    at_www.wait_for(r"^130$")
    at_www.type(f"{program}\n")
    at_www.wait_for("^ready$")
    at_www.type("\x1a")
    at_www.wait_for(r"Stopped +sh -c")
    # bash does not exit while it believes that a job is stopped.
    at_www.type("kill -KILL %1; while jobs %1 >/dev/null 2>&1; do sleep 0.1; done; exit 5\n")
    assert at_www.exit_code() == 5


def test_a_hung_up_terminal_ends_what_ran_on_it(playground: UpLab) -> None:
    words = [str(COMMAND), "exec", "--lab", playground.name, "h1", "--", "ssh", "-tt", "www"]
    with person_at([*words, "sleep 7654"]):
        playground.out("www", "until pgrep -f '^sleep 7654'; do sleep 0.05; done")
    playground.out("www", "while pgrep -f '^sleep 7654'; do sleep 0.05; done", timeout=10)


# -- files -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def big(playground: UpLab) -> Iterator[str]:
    """The MD5 sum of /lab/big, a file of 20 MB that every node sees."""
    data = random.Random(20).randbytes(_SIZE)
    file = playground.directory / "big"
    file.write_bytes(data)
    yield hashlib.md5(data, usedforsecurity=False).hexdigest()
    file.unlink()


@pytest.mark.parametrize("protocol", ["", "-O"], ids=["sftp", "scp"])
def test_scp_both_ways(playground: UpLab, big: str, protocol: str) -> None:
    line = (
        f"scp -qB {protocol} /lab/big www:/tmp/there && {SSH} www md5sum /tmp/there;"
        f"scp -qBp {protocol} brandon@www:/tmp/there /tmp/back && md5sum /tmp/back;"
        f"rm -f /tmp/back; {SSH} www rm -f /tmp/there"
    )
    said = playground.out("h1", line, timeout=60)
    assert said.split() == [big, "/tmp/there", big, "/tmp/back"]


def test_scp_between_two_other_nodes_with_modes_and_directories(playground: UpLab) -> None:
    line = (
        "mkdir -p /tmp/tree/sub; echo one > /tmp/tree/sub/one; chmod 640 /tmp/tree/sub/one;"
        "touch -d 2001-02-03T04:05:06Z /tmp/tree/sub/one;"
        "scp -qBrp /tmp/tree brandon@ftp: && scp -qBrp3 brandon@ftp:tree mail:/tmp/;"
        f"{SSH} mail 'TZ=UTC stat -c \"%a %U %y\" /tmp/tree/sub/one; rm -r /tmp/tree';"
        f"{SSH} brandon@ftp 'stat -c %U tree/sub/one; rm -r tree'; rm -r /tmp/tree"
    )
    assert playground.out("h1", line) == "640 root 2001-02-03 04:05:06.000000000 +0000\nbrandon\n"


def test_sftp_session(playground: UpLab, big: str) -> None:
    batch = "\n".join(
        [
            "mkdir box",
            "cd box",
            "put /lab/big one",
            "rename one two",
            "chmod 600 two",
            "ln -s two three",
            "get three /tmp/again",
            "ls -l",
            "-rm nothing",
            "rm two",
            "rm three",
            "cd ..",
            "rmdir box",
        ]
    )
    line = "sftp -qb - brandon@ftp && md5sum /tmp/again; rm -f /tmp/again"
    said = playground.exec("h4", line, input=batch, timeout=60)
    assert f"{big}  /tmp/again" in said.stdout
    assert re.search(rf"-rw-------[ \d?]+ brandon +brandon +{_SIZE} .* two$", said.stdout, re.M)
    assert "nothing" in said.stderr.lower()
    assert playground.exec("ftp", "ls /home/brandon").stdout == ""


def test_sftp_respects_the_accounts_rights(playground: UpLab) -> None:
    refused = playground.exec(
        "h4", "echo 'put /etc/hostname /etc/mine' | sftp -qb - brandon@ftp", check=False
    )
    assert refused.returncode != 0
    assert "permission denied" in refused.stderr.lower()


# -- forwarding --------------------------------------------------------------------------------

#: Opens the forwarding in the background, uses it, and closes the connection again.
_FORWARD = (
    "d=$(mktemp -d); %s -MNfS $d/s -oExitOnForwardFailure=yes %s >/dev/null && { %s\n};"
    " code=$?; ssh -qS $d/s -O exit x; rm -r $d; exit $code"
)


def test_local_forwarding(playground: UpLab) -> None:
    """-L: www sees isp, which asked on h1's behalf; the name is looked up there."""
    line = _FORWARD % (SSH, "-L 8081:www.example.com:80 isp", "curl -sS http://127.0.0.1:8081/ip")
    assert '"origin": "10.25.1.1"' in playground.out("h1", line)


def test_remote_forwarding_leads_to_a_host_behind_a_modem(playground: UpLab) -> None:
    """-R: www gets into h1, which nothing else outside can."""
    inside = "ssh -oBatchMode=yes www ssh -oBatchMode=yes -oHostKeyAlias=h1 -p 2222 localhost"
    line = _FORWARD % (SSH, "-R 2222:localhost:22 www", f"{inside} hostname")
    assert playground.out("h1", line) == "h1\n"
    again = playground.exec("www", "echo > /dev/tcp/127.0.0.1/2222", check=False)
    assert again.returncode != 0, "the port outlives its connection"


def test_dynamic_forwarding(playground: UpLab) -> None:
    """-D: a SOCKS proxy whose other end is on ftp."""
    use = "curl -sS --socks5-hostname 127.0.0.1:1081 https://www.example.com/ip"
    line = _FORWARD % (SSH, "-D 1081 brandon@ftp", use)
    assert '"origin": "10.130.1.2"' in playground.out("h4", line)


def test_forwarding_to_a_closed_port_is_refused(playground: UpLab) -> None:
    line = _FORWARD % (SSH, "-L 8082:www:81 isp", "curl -sS http://127.0.0.1:8082/")
    assert playground.exec("h1", line, check=False).returncode in (
        52,
        56,
    )  # an empty reply, a reset


def test_a_jump_over_a_modem(playground: UpLab) -> None:
    """-J: from www, through modemB, to h4 in the home behind it."""
    assert playground.out("www", f"{SSH} -J modemB 192.168.1.14 hostname") == "h4\n"


# -- from the host -----------------------------------------------------------------------------


def test_from_the_host_with_netarium_ssh(playground: UpLab) -> None:
    done = playground.netarium(
        *("ssh", "--lab", playground.name, "brandon@h4", "hostname; id -un; echo oops >&2; exit 5"),
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (5, "h4\nbrandon\n", "oops\n")


def test_from_the_host_with_plain_ssh_and_scp(playground: UpLab, tmp_path: Path) -> None:
    """ssh-config's block is all that the host's own programs need."""
    config = tmp_path / "config"
    config.write_text(playground.netarium("ssh-config", "--lab", playground.name).stdout)
    node = f"h1.{playground.name}"
    options = ["-F", str(config), "-oBatchMode=yes"]
    done = subprocess.run(["ssh", *options, node, "hostname"], capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("h1\n", "", 0)
    (tmp_path / "note").write_text("from the host")
    subprocess.run(["scp", "-q", *options, tmp_path / "note", f"{node}:/tmp/note"], check=True)
    assert playground.out("h1", "cat /tmp/note; rm /tmp/note") == "from the host"


def test_installed_configuration_comes_and_goes(playground: UpLab, tmp_path: Path) -> None:
    """--install in a home with a configuration of its own, which --uninstall leaves as it was."""
    (tmp_path / ".ssh").mkdir(mode=0o700)
    own = tmp_path / ".ssh/config"
    own.write_text("Host elsewhere\n    User me\n")
    home = {"HOME": str(tmp_path)}
    playground.netarium("ssh-config", "--install", env=home)
    try:
        node = f"www.{playground.name}"
        # ssh finds the home in /etc/passwd, not in HOME: it is told of the file.
        command = ["ssh", "-F", str(own), "-oBatchMode=yes", node, "hostname"]
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, **home}, check=False
        )
        assert (done.stdout, done.returncode) == ("www\n", 0), done.stderr
    finally:
        playground.netarium("ssh-config", "--uninstall", env=home)
    assert own.read_text() == "Host elsewhere\n    User me\n"
