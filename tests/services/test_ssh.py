import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from .served import Served, account, free_port, served
from .typist import Typist

ROOT = os.geteuid() == 0
UID = 1000 if ROOT else os.geteuid()

pytestmark = pytest.mark.needs("ssh", "scp", "sftp")


@dataclass
class Client:
    """OpenSSH's client, which knows the server's authority and has the lab's key."""

    served: Served
    config: Path

    @property
    def home(self) -> Path:
        return self.served.directory / "brandon"

    def command(self, *words: str, program: str = "ssh") -> list[str]:
        return [program, "-F", str(self.config), *words]

    def run(
        self, *words: str, input: bytes | None = None, env=None, program: str = "ssh"
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            self.command(*words, program=program),
            input=input if input is not None else b"",
            capture_output=True,
            timeout=30,
            env={**os.environ, **(env or {})},
        )


CONFIG = """Host *
    Port {port}
    HostName 127.0.0.1
    User brandon
    UserKnownHostsFile {directory}/known_hosts
    GlobalKnownHostsFile /dev/null
    IdentityFile {directory}/id_ed25519
    IdentitiesOnly yes
    IdentityAgent none
    StrictHostKeyChecking yes
    LogLevel ERROR
    HashKnownHosts no
"""


@pytest.fixture(scope="module")
def client():
    # Not below pytest's own directory: that is closed to the users whom the server acts as.
    with tempfile.TemporaryDirectory(prefix="netarium-") as name:
        yield from serving(Path(name))


def serving(directory: Path):
    directory.chmod(0o755)
    for name, uid in (("root", os.geteuid()), ("brandon", UID)):
        (directory / name / ".ssh").mkdir(parents=True)
        os.chown(directory / name, uid, uid)
    (directory / "root").chmod(0o700)
    users = (account("root", directory / "root"), account("brandon", directory / "brandon", UID))
    with served("ssh", directory, accounts=users) as running:
        for name in ("root", "brandon"):
            keys = b"# a comment\nnot a key\n\n" + (directory / "id_ed25519.pub").read_bytes()
            (directory / name / ".ssh/authorized_keys").write_bytes(keys)
        config = directory / "config"
        config.write_text(CONFIG.format(port=running.port, directory=directory))
        yield Client(running, config)
        # Every session has been cleaned up: no child left, and few descriptors.
        children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children")
        deadline = time.monotonic() + 5
        descriptors = Path(f"/proc/{running.process.pid}/fd")
        while time.monotonic() < deadline:
            left = children.read_text(), len(list(descriptors.iterdir()))
            if not left[0] and left[1] < 20:
                break
            time.sleep(0.05)
        assert not left[0]
        assert left[1] < 20


def ask_pass(directory: Path, answer: str) -> dict[str, str]:
    program = directory / "askpass"
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    return {"SSH_ASKPASS": str(program), "SSH_ASKPASS_REQUIRE": "force"}


def test_exit_code_output_and_errors_come_back(client: Client) -> None:
    done = client.run("h", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"out\n", b"err\n")


def test_a_program_killed_by_a_signal(client: Client) -> None:
    done = client.run("-v", "h", "kill -TERM $$")
    assert done.returncode == 255
    assert "killed by SIGTERM" in client.served.log


def test_input_reaches_the_program_and_so_does_its_end(client: Client) -> None:
    assert client.run("h", "cat; echo end", input=b"line\n").stdout == b"line\nend\n"


def test_a_shell_without_terminal_reads_commands(client: Client) -> None:
    done = client.run("-T", "h", input=b"shopt -q login_shell && echo login; tty; exit 3")
    assert (done.returncode, done.stdout) == (3, b"login\nnot a tty\n")


def test_the_environment_is_the_nodes_and_the_users(client: Client) -> None:
    done = client.run("-o", "SendEnv=LC_* EVIL", "h", "env", env={"LC_X": "1", "EVIL": "1"})
    found = dict(line.split("=", 1) for line in done.stdout.decode().splitlines())
    assert found["HOME"] == found["PWD"] == str(client.home)
    assert found["USER"] == "brandon"
    assert found["NETARIUM_NODE"] == "server"
    assert found["LC_X"] == "1"
    assert "EVIL" not in found
    assert "TERM" not in found
    assert re.fullmatch(rf"127.0.0.1 \d+ 127.0.0.1 {client.served.port}", found["SSH_CONNECTION"])


@pytest.mark.root
def test_the_program_has_the_users_rights_and_no_more(client: Client) -> None:
    done = client.run("h", "id -u; id -g; id -G; grep CapEff /proc/self/status; umask")
    assert done.stdout.split() == [b"1000", b"1000", b"1000", b"CapEff:", b"0" * 16, b"0022"]


@pytest.mark.parametrize("method", ["password", "keyboard-interactive"])
def test_login_by_password(client: Client, tmp_path: Path, method: str) -> None:
    env = ask_pass(tmp_path, "abc123")
    done = client.run("-o", f"PreferredAuthentications={method}", "root@h", "echo $USER", env=env)
    assert done.stdout == b"root\n", done.stderr
    assert re.search(r"root from 127.0.0.1 port \d+: logged in by password", client.served.log)
    assert "abc123" not in client.served.log


def test_six_wrong_passwords_end_the_connection(client: Client, tmp_path: Path) -> None:
    prefer = ("-o", "PreferredAuthentications=password", "-o", "NumberOfPasswordPrompts=20")
    done = client.run("-v", *prefer, "h", "true", env=ask_pass(tmp_path, "wrong"))
    assert done.returncode == 255
    assert b"Too many authentication failures" in done.stderr
    assert client.served.log.count("wrong password for 'brandon'") == 6


def test_an_unknown_account_is_refused(client: Client, tmp_path: Path) -> None:
    done = client.run("-o", "NumberOfPasswordPrompts=1", "x@h", env=ask_pass(tmp_path, "abc123"))
    assert done.returncode == 255
    assert b"Permission denied" in done.stderr


def test_passwords_can_be_switched_off(tmp_path: Path) -> None:
    users = (account("root", tmp_path),)
    with served("ssh", tmp_path, accounts=users, password=False) as running:
        plain = ["-p", str(running.port), "-F", "none", "-o", "BatchMode=yes"]
        known = ["-o", f"UserKnownHostsFile={tmp_path}/known_hosts"]
        done = subprocess.run(
            ["ssh", *plain, *known, "root@127.0.0.1"], capture_output=True, text=True
        )
    assert "Permission denied (publickey)." in done.stderr


def test_the_host_is_vouched_for_under_any_name(client: Client) -> None:
    assert client.run("smtp.example.com", "true").returncode == 0
    stranger = "-oUserKnownHostsFile=/dev/null"
    refused = client.run(stranger, "h", "true")
    assert b"Host key verification failed" in refused.stderr


@pytest.mark.parametrize("cipher", ["", "aes128-gcm@openssh.com", "aes256-ctr"])
def test_big_transfers_arrive_whole_both_ways(client: Client, cipher: str) -> None:
    data = random.Random(1).randbytes(8_000_000)
    options = ("-c", cipher) if cipher else ()
    assert client.run(*options, "h", "cat", input=data).stdout == data


def test_a_slow_reader_slows_the_program_down(client: Client) -> None:
    with subprocess.Popen(
        client.command("h", "cat /dev/zero"), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    ) as endless:
        time.sleep(1)
        status = Path(f"/proc/{client.served.process.pid}/status").read_text()
        endless.kill()
    resident = re.search(r"VmRSS:\s+(\d+)", status)
    assert resident is not None
    assert int(resident[1]) < 120_000  # kibibytes


def test_a_slow_program_slows_the_sender_down(client: Client) -> None:
    with subprocess.Popen(
        client.command("h", "exec sleep 3"), stdin=subprocess.PIPE, bufsize=0
    ) as stuck:
        os.set_blocking(stuck.stdin.fileno(), False)
        sent, end = 0, time.monotonic() + 2
        while time.monotonic() < end:
            # None where the pipe is full
            sent += stuck.stdin.write(bytes(1 << 16)) or 0
            time.sleep(0.001)
        stuck.kill()
    assert sent < 16_000_000


def test_a_background_program_without_our_output_does_not_hold_the_session(client: Client) -> None:
    started = time.monotonic()
    done = client.run("h", "sleep 20 >/dev/null 2>&1 </dev/null & echo $!")
    assert time.monotonic() - started < 10
    client.run("h", f"kill {int(done.stdout)}")


def test_a_terminal_with_its_size_modes_and_signals(client: Client) -> None:
    with Typist(*client.command("h"), columns=101, rows=37) as typist:
        typist.expect("$ ")
        typist.type("PS1=; stty size; echo $TERM $SSH_TTY; stat -c %u $SSH_TTY; echo en''d\r")
        screen = typist.expect("\nend")
        assert "37 101" in screen
        assert "xterm /dev/pts/" in screen
        assert f"\n{UID}\r" in screen
        typist.resize(123, 45)
        time.sleep(0.3)
        typist.type("stty size\r")
        typist.expect("45 123")
        typist.type("sleep 60; echo not''reached\r")
        time.sleep(0.3)
        typist.type("\x03")
        typist.type("echo aft''er\r")
        assert "notreached" not in typist.expect("after")
        typist.type("exit 9\r")
        assert typist.finish() == 9


def test_the_clients_erase_key_is_the_terminals(client: Client) -> None:
    with Typist(*client.command("-t", "h", "stty -a; cat")) as typist:
        assert "erase = ^?" in typist.expect("erase")
        typist.type("abx\x7fc\r")
        typist.expect("\nabc")
        typist.type("\x04")
        assert typist.finish() == 0


def test_the_end_of_input_ends_a_program_on_a_terminal(client: Client) -> None:
    done = client.run("-tt", "h", "cat; echo en''d", input=b"line\n")
    assert b"end" in done.stdout


def test_hanging_up_ends_the_shell(client: Client) -> None:
    with subprocess.Popen(
        client.command("-tt", "h", "echo $$; exec sleep 60"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as gone:
        pid = int(gone.stdout.readline())
        gone.kill()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_several_sessions_share_a_connection(client: Client, tmp_path: Path) -> None:
    control = ("-S", str(tmp_path / "c"))
    with subprocess.Popen(client.command(*control, "-MN", "h"), stdin=subprocess.DEVNULL) as master:
        try:
            while not (tmp_path / "c").exists():
                assert master.poll() is None
                time.sleep(0.02)
            with ThreadPoolExecutor(8) as crowd:
                jobs = [crowd.submit(client.run, *control, "h", f"echo {n}") for n in range(8)]
            assert [job.result().stdout for job in jobs] == [b"%d\n" % n for n in range(8)]
        finally:
            master.kill()


def test_scp_both_ways_in_both_protocols(client: Client, tmp_path: Path) -> None:
    data = random.Random(2).randbytes(3_000_000)
    (tmp_path / "here").write_bytes(data)
    for number, legacy in enumerate(((), ("-O",))):
        there = f"there{number}"
        sent = client.run(*legacy, "-p", str(tmp_path / "here"), f"h:{there}", program="scp")
        assert sent.returncode == 0, sent.stderr
        assert (client.home / there).read_bytes() == data
        assert (client.home / there).stat().st_uid == UID
        client.run(*legacy, f"h:{there}", str(tmp_path / "back"), program="scp")
        assert (tmp_path / "back").read_bytes() == data
        (tmp_path / "back").unlink()


def sftp(client: Client, tmp_path: Path, *commands: str) -> subprocess.CompletedProcess[bytes]:
    batch = tmp_path / "batch"
    batch.write_text("\n".join(commands))
    return client.run("-b", str(batch), "h", program="sftp")


def test_sftp_does_all_that_openssh_asks_of_it(client: Client, tmp_path: Path) -> None:
    (tmp_path / "here").write_text("content")
    done = sftp(
        client,
        tmp_path,
        "pwd",
        f"put {tmp_path}/here 'with space'",
        "mkdir dir",
        "rename 'with space' dir/moved",
        "symlink moved dir/link",
        "ln dir/moved dir/hard",
        "chmod 640 dir/moved",
        "ls -l dir",
        f"get -p dir/link {tmp_path}/back",
        "cp dir/moved dir/copy",
        "df -h .",
        "rm dir/link",
        "rm dir/hard",
        "rm dir/copy",
        "rm dir/moved",
        "rmdir dir",
        "cd /",
        "pwd",
    )
    assert done.returncode == 0, done.stderr
    listing = done.stdout.decode()
    assert f"Remote working directory: {client.home}" in listing
    assert re.search(r"-rw-r----- +2 .* 7 .* moved", listing)
    assert re.search(r"lrwxrwxrwx .* link", listing)
    assert (tmp_path / "back").read_text() == "content"
    assert not (client.home / "dir").exists()


@pytest.mark.root
def test_sftp_has_the_users_rights_and_no_more(client: Client, tmp_path: Path) -> None:
    secret = client.served.directory / "root" / "secret"
    secret.write_text("secret")
    (tmp_path / "x").write_text("x")
    for command in (f"get {secret}", f"put {tmp_path}/x /etc/netarium-test", "get /etc/shadow"):
        done = sftp(client, tmp_path, f"lcd {tmp_path}", command)
        assert done.returncode == 1
        assert b"ermission denied" in done.stderr or b"not found" in done.stderr
    assert not Path("/etc/netarium-test").exists()


@pytest.fixture
def page(tmp_path: Path):
    """A web server that only the server's side of the connection is asked to reach."""
    (tmp_path / "page").write_text("a page")
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-m", "http.server", "-b", "127.0.0.1", "-d", str(tmp_path), str(port)],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    ) as web:
        wait_for(port)
        yield port
        web.terminate()


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.02)
    raise AssertionError(f"nothing answers on port {port}")


@pytest.mark.needs("curl")
def test_ports_are_forwarded_all_three_ways(client: Client, page: int) -> None:
    local, socks, remote = free_port(), free_port(), free_port()
    with subprocess.Popen(
        client.command(
            *("-N", "-L", f"{local}:localhost:{page}", "-D", str(socks)),
            *("-R", f"{remote}:localhost:{page}", "h"),
        ),
        stdin=subprocess.DEVNULL,
    ) as forwarding:
        for port in (local, socks, remote):
            wait_for(port)
        proxy = f"socks5h://127.0.0.1:{socks}"
        for url in (
            [f"http://127.0.0.1:{local}/page"],
            [f"http://127.0.0.1:{remote}/page"],
            ["-x", proxy, f"http://localhost:{page}/page"],
        ):
            done = subprocess.run(["curl", "-sS", *url], capture_output=True, timeout=20)
            assert done.stdout == b"a page", done.stderr
        forwarding.terminate()


def test_a_jump_through_the_server(client: Client) -> None:
    assert client.run("-J", "j", "h", "echo $USER").stdout == b"brandon\n"


@pytest.mark.root
def test_low_ports_are_not_forwarded_for_an_ordinary_user(client: Client) -> None:
    done = client.run("-o", "ExitOnForwardFailure=yes", "-R", "99:localhost:1", "h", "true")
    assert done.returncode == 255
    assert b"forwarding failed" in done.stderr


def test_forwarding_can_be_switched_off(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    with served("ssh", tmp_path, accounts=(account("root", home),), forwarding=False) as running:
        (home / ".ssh/authorized_keys").write_bytes((tmp_path / "id_ed25519.pub").read_bytes())
        config = tmp_path / "config"
        config.write_text(CONFIG.format(port=running.port, directory=tmp_path))
        client = Client(running, config)
        done = client.run("-v", "-W", f"127.0.0.1:{running.port}", "root@h")
        assert b"administratively prohibited" in done.stderr
        done = client.run("-o", "ExitOnForwardFailure=yes", "-R", "0:localhost:1", "root@h", "true")
        assert done.returncode == 255


@pytest.mark.needs("ssh-agent", "ssh-add")
def test_the_agent_is_forwarded_to_its_owner_alone(client: Client, tmp_path: Path) -> None:
    agent = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(agent)], stdout=subprocess.DEVNULL) as own:
        while not agent.exists():
            time.sleep(0.02)
        env = {"SSH_AUTH_SOCK": str(agent)}
        key = client.served.directory / "id_ed25519"
        subprocess.run(["ssh-add", "-q", str(key)], env={**os.environ, **env}, check=True)
        remote = "stat -c '%u %a' $SSH_AUTH_SOCK $(dirname $SSH_AUTH_SOCK); ssh-add -l"
        done = client.run("-A", "-o", "IdentityAgent=SSH_AUTH_SOCK", "h", remote, env=env)
        own.terminate()
    socket_owner, directory, keys = done.stdout.decode().splitlines()
    assert socket_owner.split()[0] == str(UID)
    assert directory == f"{UID} 700"
    assert "(ED25519)" in keys


def test_a_crowd_of_logins_loses_nothing(client: Client) -> None:
    with ThreadPoolExecutor(20) as crowd:
        found = list(crowd.map(lambda n: client.run("h", f"echo {n}").stdout, range(100)))
    assert found == [b"%d\n" % n for n in range(100)]


def test_random_octets_and_silent_connections_never_stop_it(client: Client) -> None:
    noise = random.Random(3)
    silent = [socket.create_connection(("::1", client.served.port)) for _ in range(50)]
    for number in range(60):
        with socket.create_connection(("127.0.0.1", client.served.port)) as stranger:
            start = b"SSH-2.0-noise\r\n" if number % 2 else b""
            try:
                stranger.sendall(start + noise.randbytes(3000))
            except ConnectionError:
                continue
    assert client.run("h", "echo still").stdout == b"still\n"
    for stranger in silent:
        stranger.close()
