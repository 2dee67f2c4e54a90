"""Entering a node from Python, on a node without a lab."""

from __future__ import annotations

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from netarium.errors import NetariumError, NotFoundError
from netarium.runtime.memory import node_memory, process_memory
from netarium.runtime.run import environment, exec_in, open_node, run, start
from tests.runtime.throwaway import throwaway_node


@pytest.fixture(scope="module")
def lab():
    with throwaway_node() as running:
        yield running


def _descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_line_for_the_shell_or_words(lab):
    assert run(lab, "h1", "hostname; echo $((6 * 7))").stdout == "h1\n42\n"
    assert run(lab, "h1", ["echo", "$HOME"]).stdout == "$HOME\n"


def test_both_outputs_and_the_exit_code_are_kept_apart(lab):
    done = run(lab, "h1", "echo out; echo err >&2; exit 3")
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")


def test_input_is_text_or_bytes(lab):
    assert run(lab, "h1", ["cat"], input="grüße").stdout == "grüße"
    data = os.urandom(1 << 20)
    assert run(lab, "h1", ["cat"], input=data, text=False).stdout == data
    assert run(lab, "h1", ["cat"]).stdout == ""


def test_input_that_nobody_reads_is_no_error(lab):
    assert run(lab, "h1", ["true"], input=b"x" * (1 << 20)).returncode == 0


def test_check_raises_with_what_the_program_said(lab):
    with pytest.raises(subprocess.CalledProcessError) as failed:
        run(lab, "h1", "echo because >&2; exit 4", check=True)
    assert failed.value.returncode == 4
    assert failed.value.__notes__ == ["on h1: because"]


def test_a_timeout_kills_the_whole_group(lab):
    began = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        run(lab, "h1", "sleep 4321 | cat", timeout=0.3)
    assert time.monotonic() - began < 5
    assert "4321" not in run(lab, "h1", "ps ax | grep -v grep").stdout


def test_a_program_that_is_not_there_is_127_as_in_a_shell(lab):
    done = run(lab, "h1", ["no-such-program"])
    assert (done.returncode, done.stderr) == (
        127,
        "netarium: h1: no-such-program: no such program\n",
    )


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"user": "nobodyatall"}, NotFoundError, "no account 'nobodyatall'"),
        ({"cwd": "/nowhere"}, NotFoundError, "no directory /nowhere"),
    ],
)
def test_what_keeps_a_program_from_starting_is_raised(lab, options, kind, said):
    with pytest.raises(kind, match=said):
        run(lab, "h1", ["true"], **options)


@pytest.mark.parametrize("argv", [[], ["a\0b"]])
def test_words_that_cannot_be_run(lab, argv):
    with pytest.raises(NetariumError):
        run(lab, "h1", argv)


def test_an_unknown_node_is_named(lab):
    with pytest.raises(NotFoundError, match="no node 'h2'"):
        run(lab, "h2", ["true"])


@pytest.mark.root
def test_a_user_by_name_or_number(lab):
    assert run(lab, "h1", "id -un; echo $USER", user="daemon").stdout == "daemon\ndaemon\n"
    assert run(lab, "h1", ["id", "-u"], user="12345").stdout == "12345\n"


def test_the_environment_is_made_afresh(lab, monkeypatch):
    monkeypatch.setenv("SECRET", "1")
    monkeypatch.setenv("LC_PAPER", "C")
    found = dict(
        line.split("=", 1)
        for line in run(lab, "h1", ["env"], env={"MORE": "2"}).stdout.splitlines()
    )
    assert "SECRET" not in found
    assert found["MORE"] == "2"
    assert found["LC_PAPER"] == "C"
    assert found["EDITOR"] == "nano"
    assert found["HOME"] == "/root"
    assert (found["NETARIUM_LAB"], found["NETARIUM_NODE"]) == ("throwaway", "h1")


def test_what_is_given_wins_over_the_lab_file(lab):
    assert environment(lab, "h1", {"EDITOR": "vi"})["EDITOR"] == "vi"


def test_threads_may_run_programs_at_a_time(lab):
    before = _descriptors()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: run(lab, "h1", f"echo {n}").stdout, range(40)))
    assert found == [f"{n}\n" for n in range(40)]
    assert _descriptors() == before


def test_the_caller_stays_where_it_is(lab):
    spaces = ("net", "mnt", "pid", "pid_for_children", "uts", "ipc", "user")
    before = [os.readlink(f"/proc/self/ns/{space}") for space in spaces]  # noqa: PTH115
    run(lab, "h1", ["true"])
    assert [os.readlink(f"/proc/self/ns/{space}") for space in spaces] == before  # noqa: PTH115


def test_a_started_program_ends_with_the_block(lab):
    with start(lab, "h1", ["sleep", "5432"], stdout=subprocess.DEVNULL) as process:
        while "5432" not in run(lab, "h1", "ps ax | grep -v grep").stdout:
            assert process.poll() is None
    assert "5432" not in run(lab, "h1", "ps ax | grep -v grep").stdout


def test_a_program_has_a_nodes_rights_only(lab):
    status = run(lab, "h1", ["cat", "/proc/self/status"]).stdout
    sets = {
        line.split(":")[0]: int(line.split()[1], 16)
        for line in status.splitlines()
        if "Cap" in line
    }
    assert sets["CapEff"] == sets["CapPrm"] == sets["CapBnd"]
    assert not sets["CapBnd"] & (1 << 21)  # SYS_ADMIN


def test_a_dead_node_is_refused_although_its_number_may_live_on():
    with throwaway_node() as lab:
        reused = type(lab.nodes[0])(name="h1", pid=os.getpid(), started=1)
        stale = type(lab)(
            **{**{f: getattr(lab, f) for f in lab.__struct_fields__}, "nodes": (reused,)}
        )
        with pytest.raises(NotFoundError, match="node h1 of lab throwaway is dead"):
            open_node(stale, "h1")
    with pytest.raises(NotFoundError, match="is dead"):
        run(lab, "h1", ["true"])


def test_memory_is_that_of_the_nodes_processes(lab):
    alone = node_memory(lab)["h1"]
    assert alone is not None and alone > 0
    with start(
        lab, "h1", ["python3", "-c", "x = bytearray(60 << 20); print(flush=True); input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        process.stdout.readline()
        grown = node_memory(lab)["h1"]
        process.stdin.close()
        process.stdout.close()
    assert grown - alone > 55 << 20
    assert process_memory(2**22 + 1) is None


def test_exec_in_a_child_gives_the_programs_exit_code(lab):
    child = os.fork()
    if child == 0:
        try:
            os._exit(exec_in(lab, "h1", ["sh", "-c", "exit 21"], terminal=False))
        finally:
            os._exit(99)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 21
