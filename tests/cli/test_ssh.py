"""ssh and ssh-config: the host's own OpenSSH reaches the nodes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from netarium.errors import NotFoundError
from netarium.runtime import openssh
from netarium.runtime.state import find_lab

pytestmark = pytest.mark.needs("ssh", "scp")


@pytest.fixture(scope="module")
def running(cli_lab):
    return find_lab(cli_lab.name)


def test_ssh_runs_a_command_and_gives_its_exit_code(cli_lab):
    done = cli_lab.call("ssh", "h1", "hostname; exit 9")
    assert (done.stdout, done.returncode) == ("h1\n", 9), done.stderr


def test_ssh_takes_an_account_and_options(cli_lab):
    assert cli_lab.call("ssh", "brandon@h1", "whoami").stdout == "brandon\n"
    assert cli_lab.call("ssh", "h1", "-l", "brandon", "whoami").stdout == "brandon\n"
    assert cli_lab.call("ssh", "h1", "-T", "-o", "User=brandon", "whoami").stdout == "brandon\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["bare"], 4, "node bare runs no ssh service\n  use: netarium shell bare"),
        (["h7"], 4, "there are: bare, h1, h2"),
        (["@h1"], 2, "names no account"),
    ],
)
def test_mistakes_are_answered(cli_lab, words, code, said):
    done = cli_lab.call("ssh", *words)
    assert done.returncode == code
    assert said in done.stderr


def test_without_an_ssh_client_it_says_what_to_install(cli_lab):
    done = cli_lab.call("ssh", "h1", env={"PATH": "/nonexistent"})
    assert done.returncode == 5
    assert "apt install openssh-client" in done.stderr


def test_options_end_where_the_command_begins(running):
    given = ["-v", "-L", "8080:www:80", "-p22", "-qo", "X=y", "ls", "-l"]
    words = openssh.arguments(running, "h1", given)
    assert words[:7] == ["ssh", *given[:6]]
    assert words[-4:] == ["--", "h1", "ls", "-l"]


def test_a_node_without_ssh_is_refused(running):
    with pytest.raises(NotFoundError, match="bare runs no ssh service"):
        openssh.arguments(running, "bare", [])


@pytest.fixture
def home(tmp_path):
    """A home with a configuration of the user's own, whose mode is unusual."""
    home = tmp_path / "home of a user"
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    config = home / ".ssh/config"
    config.write_bytes(b"# mine \xff\nHost h2 other\n    User me\n")
    config.chmod(0o640)
    return home


def test_install_is_idempotent_and_uninstall_leaves_no_trace(cli_lab, home):
    config = home / ".ssh/config"
    before = config.read_bytes()
    env = {"HOME": str(home)}
    for _ in range(2):
        assert cli_lab.call("ssh-config", "--install", env=env).returncode == 0
        text = config.read_bytes()
        assert text.endswith(before)
        assert text.count(b"Include") == 1
        assert config.stat().st_mode & 0o777 == 0o640
    assert (home / ".ssh/netarium.conf").stat().st_mode & 0o777 == 0o600
    assert cli_lab.call("ssh-config", "--uninstall", env=env).returncode == 0
    assert config.read_bytes() == before
    assert sorted(path.name for path in config.parent.iterdir()) == ["config"]
    again = cli_lab.call("ssh-config", "--uninstall", env=env)
    assert again.stdout == "nothing was installed\n"


def test_install_makes_what_is_not_there_and_removes_it_again(cli_lab, tmp_path):
    env = {"HOME": str(tmp_path)}
    cli_lab.call("ssh-config", "--install", env=env)
    assert (tmp_path / ".ssh").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / ".ssh/config").stat().st_mode & 0o777 == 0o600
    cli_lab.call("ssh-config", "--uninstall", env=env)
    assert list((tmp_path / ".ssh").iterdir()) == []


def test_a_configuration_that_is_a_link_stays_one(cli_lab, tmp_path):
    (tmp_path / "dotfiles").write_text("Host x\n")
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/config").symlink_to("../dotfiles")
    cli_lab.call("ssh-config", "--install", env={"HOME": str(tmp_path)})
    assert (tmp_path / ".ssh/config").is_symlink()
    assert "Include" in (tmp_path / "dotfiles").read_text()


def test_afterwards_plain_ssh_and_scp_work(cli_lab, home, tmp_path):
    cli_lab.call("ssh-config", "--install", env={"HOME": str(home)})
    # OpenSSH looks for its configuration in the home that /etc/passwd names.
    config = ("-F", str(home / ".ssh/config"))

    def call(*words):
        return subprocess.run(words, capture_output=True, text=True, timeout=30)

    done = call("ssh", *config, "h1", "hostname")
    assert done.stdout == "h1\n", done.stderr
    done = call("ssh", *config, f"brandon@h2.{cli_lab.name}", "hostname; whoami")
    assert done.stdout == "h2\nbrandon\n", done.stderr
    (tmp_path / "file").write_text("carried")
    assert call("scp", *config, str(tmp_path / "file"), "h1:/tmp/carried").returncode == 0
    assert call("scp", *config, "h1:/tmp/carried", str(tmp_path / "back")).returncode == 0
    assert (tmp_path / "back").read_text() == "carried"
    # h2 is a name of the user's own: it stays theirs.
    shown = call("ssh", *config, "-G", "h2").stdout
    assert "user me\n" in shown and "proxycommand" not in shown


def test_equal_names_in_two_labs_do_not_clash(running):
    other = type(running)(
        **{
            **{name: getattr(running, name) for name in running.__struct_fields__},
            "name": "other",
        }
    )
    text = openssh.block([running, other])
    assert f"Host h1.{running.name}\n" in text
    assert "Host h1.other\n" in text
    assert " h1\n" not in [line[4:] for line in text.splitlines(True) if line.startswith("Host")]
    assert " h1 " not in text


def test_an_installed_block_follows_the_labs(cli_lab, netarium, tmp_path):
    env = {"HOME": str(tmp_path)}
    cli_lab.call("ssh-config", "--install", env=env)
    own = tmp_path / ".ssh/netarium.conf"
    name = f"follow-{os.getpid()}"
    lab = tmp_path / "lab.yaml"
    lab.write_text(f"name: {name}\nnodes: {{later: {{services: [ssh]}}}}\n")
    netarium("up", "--no-mount", lab, env=env)
    try:
        assert f"later.{name}" in own.read_text()
    finally:
        netarium("down", name, env=env)
    assert "later" not in own.read_text()
    assert f"h1.{cli_lab.name}" in own.read_text()


def test_literal_host_patterns_are_the_users(tmp_path):
    (tmp_path / ".ssh").mkdir()
    Path(tmp_path / ".ssh/config").write_text('Host a "b" *.c !d\nhost=e\nMatch host f\n')
    assert openssh.taken_names(tmp_path) == {"a", "b", "e"}
