"""up, down and status."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import time

import pytest

from netarium.cli import living, showing
from netarium.errors import UsageError
from netarium.model.lab import Lab, Node, Service
from netarium.runtime.state import (
    RunningLab,
    RunningNode,
    ServiceState,
    process_started,
    running_labs,
    state_home,
)
from tests.cli.terminals import person_at
from tests.conftest import COMMAND, QUOTED_COMMAND

_PAIR = "nodes: {a: {}, b: {}}\nlinks: [[a, b]]\n"


@pytest.fixture
def pair(tmp_path, netarium):
    """A lab file; the lab is taken down after the test, should it be up."""
    name = f"pair-{os.getpid()}"
    (tmp_path / "lab.yaml").write_text(f"name: {name}\n{_PAIR}")
    yield name
    if any(lab.name == name for lab in running_labs()):
        netarium("down", name)


def test_up_ends_with_a_table_and_four_lines(netarium, pair, tmp_path):
    shown = netarium("up", cwd=tmp_path)
    assert shown.stderr == ""
    table, _, rest = shown.stdout.partition("\nTry next:\n")
    assert re.search(r"^a +10\.", table, re.MULTILINE)
    lines = rest.splitlines()
    assert len(lines) == 4
    commands = [shlex.split(line, comments=True) for line in lines]
    assert [words[1] for words in commands] == ["exec", "exec", "shell", "down"]
    assert commands[0][-2:] == ["traceroute", "b"] or commands[0][-3:] == ["ping", "-c3", "b"]
    # PATH need not lead to the command under test: then it is called as it was.
    assert commands[-1] in ([name, "down", pair] for name in ("netarium", str(COMMAND)))


def test_the_current_directory_is_lab_in_every_node(netarium, pair, tmp_path):
    netarium("up", cwd=tmp_path)
    done = netarium("exec", "--lab", pair, "b", "--", "sh", "-c", "echo x > /lab/made; ls /lab")
    assert done.stdout.split() == ["lab.yaml", "made"]
    assert (tmp_path / "made").read_text() == "x\n"


def test_no_mount_and_mounts_of_ones_own(netarium, pair, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site/page").touch()
    netarium("up", "--no-mount", "--mount", "site:/srv/site:ro", cwd=tmp_path)
    script = "ls /lab; ls /srv/site; touch /srv/site/new || echo refused"
    done = netarium("exec", "--lab", pair, "a", "--", "sh", "-c", script, check=False)
    assert done.stdout.split() == ["page", "refused"]


def test_from_the_root_directory_lab_is_read_only(capsys, monkeypatch):
    monkeypatch.chdir("/")
    (mount,) = living.host_mounts([], here=True)
    assert (mount.source, mount.target, mount.read_only) == ("/", "/lab", True)
    assert "read-only" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["x", ":/x", "x:y", "/tmp:/a:b", "/tmp:/proc/x", "/tmp:/"])
def test_a_mount_that_is_none(word):
    with pytest.raises(UsageError):
        living.parse_mount(word)


def test_up_again_says_that_it_runs(netarium, pair, tmp_path):
    netarium("up", cwd=tmp_path)
    before = json.loads(netarium("status", pair, "--json").stdout)["labs"][0]["supervisor"]
    again = netarium("up", cwd=tmp_path)
    since = time.strftime("%H:", time.localtime(time.time() - 5))
    first, second = again.stdout.splitlines()
    assert first.startswith(f"lab {pair} runs already, since {since}")
    assert first.endswith(f"; /lab in it is {tmp_path}")
    assert second == f"  see: netarium status {pair}"
    after = json.loads(netarium("status", pair, "--json").stdout)["labs"][0]["supervisor"]
    assert before == after


def test_another_name(netarium, pair, tmp_path):
    done = netarium("up", "--name", f"{pair}-x", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["name"] == f"{pair}-x"
    assert netarium("down", f"{pair}-x").stdout == f"lab {pair}-x is down\n"


def test_progress_shows_on_a_terminal_and_goes_away(netarium, pair, tmp_path):
    with person_at([str(COMMAND), "up"], cwd=str(tmp_path)) as person:
        assert person.exit_code(30) == 0
        assert f"{pair}: " in person.screen
        raw = person.raw
    # The line of progress is rewritten in place and wiped before the table.
    assert b"\r\x1b[K" in raw
    wiped = raw.rindex(b"\r\x1b[K")
    assert b"NODE" in raw[wiped:]


@pytest.mark.parametrize("delay", [0.1, 0.15, 0.2, 0.25, 0.3])
def test_control_c_during_up_leaves_nothing(pair, tmp_path, delay):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([COMMAND, "up"], cwd=tmp_path, **pipes) as process:
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert b"Traceback" not in err
    if b"Try next" in out:
        pytest.skip("it was up before the signal came")
    assert process.returncode in (130, -signal.SIGINT)
    deadline = time.monotonic() + 2
    while (state_home() / pair).exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not any(lab.name == pair for lab in running_labs())


def test_status_for_programs(netarium, pair, tmp_path):
    netarium("up", cwd=tmp_path)
    (lab,) = json.loads(netarium("status", pair, "--json").stdout)["labs"]
    assert lab["name"] == pair and lab["state"] == "up"
    os.kill(lab["supervisor"], 0)
    assert [node["name"] for node in lab["nodes"]] == ["a", "b"]
    for node in lab["nodes"]:
        assert node["state"] == "running"
        assert node["interfaces"][0]["addresses"]
        assert 0 < node["memory"] < 50 << 20


def test_status_fits_eighty_columns_and_is_plain_in_a_pipe(netarium, cli_lab):
    plain = netarium("status", cli_lab.name).stdout
    assert "\x1b" not in plain
    assert not any(line.endswith(" ") for line in plain.splitlines())
    with person_at([str(COMMAND), "status", cli_lab.name]) as person:
        assert person.exit_code() == 0
        assert max(map(len, person.screen.splitlines())) <= 80
        assert b"\x1b[" in person.raw
    with person_at([str(COMMAND), "status", cli_lab.name], {"NO_COLOR": "1"}) as person:
        assert person.exit_code() == 0
        assert b"\x1b[3" not in person.raw


def test_down_takes_the_lab_as_an_option_too(netarium, pair, tmp_path):
    netarium("up", cwd=tmp_path)
    assert netarium("down", "--lab", pair).stdout == f"lab {pair} is down\n"


def test_a_directory_is_no_lab_file(netarium, tmp_path):
    done = netarium("up", tmp_path, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"netarium: {tmp_path} is a directory\n")


def test_status_whose_reader_leaves_is_quiet(cli_lab):
    script = f"set -o pipefail; {QUOTED_COMMAND} status {cli_lab.name} | true"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=20)
    assert done.stderr == ""
    assert done.returncode in (0, 141)


def _running(count, **fields):
    """A lab of so many nodes whose processes are all this one, the last node but one dead."""
    pid, started = os.getpid(), process_started(os.getpid())
    ssh = Service(name="ssh", kind="ssh")
    names = [f"n{number}" for number in range(count)]
    return RunningLab(
        **{"name": "big", "state": "up", "since": time.time(), "directory": "/", **fields},
        supervisor=pid,
        started=started,
        rootless=False,
        lab=Lab(name="big", nodes=tuple(Node(name=n, names=(n,), services=(ssh,)) for n in names)),
        nodes=tuple(
            RunningNode(name=n, pid=pid, started=started - (n == names[-2])) for n in names
        ),
        services=tuple(ServiceState(node=n, name="ssh", kind="ssh", pid=pid) for n in names),
    )


def test_a_big_lab_is_summed_up(capsys):
    lab = _running(500)
    showing.print_lab(lab)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("big: 500 nodes, up for ")
    assert [line.split()[0] for line in lines[2:11]] == [*(f"n{n}" for n in range(8)), "n498"]
    assert "dead" in lines[10]
    assert lines[11] == "... 491 more: netarium status big --all"
    assert "services: 500 ssh; dead: 1 node, 1 service" in lines[12]
    assert len(lines) == 13
    showing.print_lab(lab, every=True)
    assert len(capsys.readouterr().out.splitlines()) == 502
    assert len(showing.report(lab)["nodes"]) == 500


def test_a_lab_of_forty_nodes_is_shown_whole(capsys):
    showing.print_lab(_running(40))
    assert len(capsys.readouterr().out.splitlines()) == 42


def test_a_lab_that_starts_has_no_table(capsys):
    showing.print_lab(_running(3, state="starting"))
    assert capsys.readouterr().out == "big: 3 nodes, starting for 0 s\n"


def test_down_all_is_every_lab_of_the_user(monkeypatch, capsys):
    class Running:
        def __init__(self, name):
            self.name = name

    ended = []
    from netarium.runtime import openssh, state, up

    monkeypatch.setattr(state, "running_labs", lambda: [Running("x"), Running("y")])
    monkeypatch.setattr(up, "down", lambda lab: ended.append(lab.name))
    monkeypatch.setattr(openssh, "refresh", lambda *_: None)
    from netarium.cli import verbs

    assert verbs.run(["down", "--all"]) == 0
    assert ended == ["x", "y"]
    assert capsys.readouterr().out == "lab x is down\nlab y is down\n"
