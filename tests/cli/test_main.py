"""The command line without a lab: help, mistakes, exit codes, output for programs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from netarium.cli import main as entry
from netarium.cli import quick
from netarium.cli.verbs import SECTIONS, VERBS
from netarium.errors import LabFileError, NetariumError
from tests.conftest import COMMAND, QUOTED_COMMAND


def test_help_lists_every_verb_and_the_exit_codes(netarium):
    text = netarium("--help").stdout
    for section, verbs in SECTIONS.items():
        assert f"{section}:" in text
        for name in verbs:
            assert f"\n  {name} " in text
    assert "Exit codes: 0 done" in text


def test_help_is_quick():
    """The budget is 100 ms on an idle machine; the best of some runs stands for that."""
    times = []
    for _ in range(8):
        began = time.perf_counter()
        subprocess.run([COMMAND, "--help"], check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.100


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_that_fits_and_ends_well(netarium, verb):
    done = netarium(verb, "--help", env={"COLUMNS": "80"})
    assert done.stdout.startswith(f"Usage: netarium {verb}")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert netarium(verb, "-h", env={"COLUMNS": "80"}).stdout == done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_help_reads_as_a_person_writes(netarium, verb):
    text = netarium(verb, "--help").stdout
    assert not re.search(r"[{}<>]|\[\[|range", text)


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        (["exec", "nosuchnode", "ls"], {"typer", "rich", "asyncio", "yaml"}),
        (["shell", "nosuchnode"], {"typer", "rich", "asyncio", "yaml"}),
        (["connect", "nosuchnode", "22"], {"typer", "rich", "asyncio", "yaml"}),
        (["--help"], {"rich", "asyncio", "yaml", "msgspec"}),
    ],
)
def test_what_must_be_quick_imports_nothing_heavy(words, heavy):
    code = "import sys; from netarium.cli.main import main; main(%r); print(); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code % words], capture_output=True, text=True, timeout=20
    )
    assert not heavy & set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["exce"], 2, "there is no verb 'exce'\n  did you mean exec?"),
        (["staus"], 2, "did you mean status?"),
        (["stop"], 2, "did you mean down?"),
        (["ps"], 2, "did you mean status?"),
        (["lgos"], 2, "did you mean logs?"),
        (["frobnicate"], 2, "netarium --help lists the verbs"),
        (["play"], 2, "netarium --help lists the verbs"),
        (["help", "xyzzy"], 2, "there is no verb 'xyzzy'"),
        (["xyzzy"], 2, "netarium --help lists the verbs"),
        (["--wrong"], 2, "No such option: --wrong"),
        (["down", "--al"], 2, "--al"),
        (["shell"], 2, "Missing argument 'NODE'.\n  usage: netarium shell"),
        (["down", "a", "--all"], 2, "not both"),
        (["down", "-l", "a", "--all"], 2, "not both"),
        (["down", "-l", "a", "b"], 2, "one lab"),
        (["down", "--lab", "no-such-lab-anywhere"], 4, "no lab 'no-such-lab-anywhere' is running"),
        (["down", "no-such-lab-anywhere"], 4, "no lab 'no-such-lab-anywhere' is running"),
        (["status", "no-such-lab-anywhere"], 4, "no lab 'no-such-lab-anywhere' is running"),
        (["exec", "--lab", "no-such-lab-anywhere", "h1", "ls"], 4, "is running"),
        (["up", "playgruond"], 4, "did you mean playground?"),
        (["up", "./no-such.yaml"], 4, "no lab file ./no-such.yaml"),
        (["up", "two-hosts", "--name", "a/b"], 2, "cannot name a lab"),
        (["up", "two-hosts", "--mount", "x"], 2, "is not DIR:/PATH[:ro]"),
        (["up", "two-hosts", "--mount", "/no/such:/x"], 4, "there is no /no/such"),
        (["up", "two-hosts", "--mount", "/tmp:/etc"], 2, "/etc is the node's own"),
        (["proxy", "h1", "--port", "70000"], 2, "65535"),
        (["connect", "h1", "0"], 2, "0 is not a TCP port"),
        (["ssh-config", "--install", "--uninstall"], 2, "not both"),
    ],
)
def test_mistakes_are_answered(netarium, tmp_path, words, code, said):
    done = netarium(*words, check=False, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("netarium: ")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_without_a_verb_it_helps(netarium):
    done = netarium(check=False)
    assert done.returncode == 2
    assert done.stdout.startswith("Usage: netarium")


def test_help_is_a_verb_too(netarium):
    assert netarium("help").stdout == netarium("--help").stdout
    assert netarium("help", "exec").stdout == netarium("exec", "--help").stdout


def test_up_without_a_lab_lists_those_that_ship(netarium, tmp_path):
    done = netarium("up", check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert "which lab? There is no lab.yaml or netarium.yaml here" in done.stderr
    assert "playground, two-hosts" in done.stderr


def test_a_lab_file_with_a_fault_is_refused(netarium, tmp_path):
    (tmp_path / "lab.yaml").write_text("nodes: {a: {addres: 10.0.0.1/24}}\n")
    done = netarium("up", check=False, cwd=tmp_path)
    assert done.returncode == LabFileError.exit_code
    first, second = done.stderr.splitlines()
    assert first == "netarium: lab.yaml has 1 fault"
    assert second.startswith("lab.yaml:1: nodes.a.addres: ")


def test_each_fault_has_a_line_that_editors_understand(netarium, tmp_path):
    text = "nodes:\n  a: {addres: 10.0.0.1/24}\n  b: {forwarding: 7}\n" + "\n" * 7
    (tmp_path / "bad.yaml").write_text(text + "links: [[a, nowhere]]\n")
    done = netarium("up", "bad.yaml", check=False, cwd=tmp_path)
    assert done.returncode == LabFileError.exit_code
    first, *faults = done.stderr.splitlines()
    assert first == f"netarium: bad.yaml has {len(faults)} faults"
    found = [re.match(r"bad\.yaml:(\d+): +(\S+): ", line) for line in faults]
    assert [int(match[1]) for match in found] == [2, 3, 11]
    assert len({match.start(2) for match in found}) == 1


def test_faults_of_a_lab_without_a_file(dispatching, capsys):
    from netarium.model.faults import Fault

    fault = Fault(None, None, "links[0]", "has one end", "add another")
    dispatching(LabFileError("x", faults=(fault,)))
    assert entry.main([]) == 3
    said = capsys.readouterr().err
    assert said == "netarium: the lab has 1 fault\n  links[0]: has one end; add another\n"


def test_version(netarium):
    from netarium import __version__

    assert netarium("--version").stdout == f"netarium {__version__}\n"


def test_labs_for_people_and_for_programs(netarium):
    assert "two-hosts " in netarium("labs").stdout
    found = json.loads(netarium("labs", "--json").stdout)["labs"]
    assert {"playground", "two-hosts", "two-segments"} <= {lab["name"] for lab in found}


def test_schema_is_json_schema(netarium):
    schema = json.loads(netarium("schema").stdout)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert "playground" not in schema


def test_doctor_for_people_and_for_programs(netarium):
    done = netarium("doctor", "--json", check=False)
    found = json.loads(done.stdout)
    assert done.returncode == (0 if found["ready"] else 5)
    assert {"namespaces", "overlayfs", "veth", "netem"} <= {c["name"] for c in found["checks"]}
    for check in found["checks"]:
        assert check["works"] or (check["reason"] and check["cure"])
    shown = netarium("doctor", check=False, env={"COLUMNS": "80"}).stdout
    assert "overlayfs" in shown and "Labs can" in shown


def test_doctor_is_true_about_labs_with_one_user_id(monkeypatch):
    from netarium.runtime import probe

    monkeypatch.setattr(probe, "_one_id", lambda: False)
    assert "brandon becomes root" in {tool.purpose for tool in probe.tools()}
    monkeypatch.setattr(probe, "_one_id", lambda: True)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (sudo,) = (tool for tool in probe.tools() if tool.name == "sudo")
    assert sudo.purpose.startswith("not in your labs")
    assert "sudo fails" in probe.limits()[0]


def test_doctor_leaves_no_interface_behind(netarium):
    before = sorted(Path("/sys/class/net").iterdir())
    netarium("doctor", check=False)
    assert sorted(Path("/sys/class/net").iterdir()) == before


@pytest.mark.parametrize(
    ("words", "parsed"),
    [
        (["exec", "h1", "--", "ls"], ({}, ["h1", "--", "ls"])),
        (["exec", "-u", "x", "h1", "a", "-l"], ({"user": "x"}, ["h1", "a", "-l"])),
        (["exec", "--lab=l", "h1", "a"], ({"lab": "l"}, ["h1", "a"])),
        (["exec", "--workdir", "/", "h1", "ls"], ({"workdir": "/"}, ["h1", "ls"])),
        (["exec", "h1", "-l", "l", "--", "ls"], ({"lab": "l"}, ["h1", "--", "ls"])),
        (["exec", "h1", "-e", "A=1", "ls"], None),
        (["exec", "h1", "--help"], None),
        (["exec", "--help"], None),
        (["exec", "-e", "A=1", "h1", "ls"], None),
        (["exec", "-ux", "h1", "ls"], None),
        (["exec", "--user"], None),
        (["exec"], None),
        (["shell", "h1"], ({}, ["h1"])),
        (["shell", "h1", "--user", "x"], None),
        (["connect", "-l", "l", "h1", "22"], ({"lab": "l"}, ["h1", "22"])),
    ],
)  # fmt: skip
def test_the_quick_parser_takes_plain_forms_only(words, parsed):
    assert quick.parse(words) == parsed


@pytest.fixture
def dispatching(monkeypatch):
    def make(error):
        def fail(words):
            raise error

        monkeypatch.setattr(entry, "_dispatch", fail)

    return make


def test_a_failure_is_one_message_with_its_cure(dispatching, capsys):
    dispatching(NetariumError("it failed", "do that"))
    assert entry.main([]) == 1
    assert capsys.readouterr().err == "netarium: it failed\n  do that\n"


def test_an_interrupt_is_silent(dispatching, capsys):
    dispatching(KeyboardInterrupt())
    assert entry.main([]) == 130
    assert capsys.readouterr().err == ""


def test_the_unexpected_names_the_switch_for_details(dispatching, capsys, monkeypatch):
    dispatching(ValueError("odd"))
    assert entry.main([]) == 1
    said = capsys.readouterr().err
    assert "ValueError: odd" in said and "NETARIUM_DEBUG=1" in said
    monkeypatch.setenv("NETARIUM_DEBUG", "1")
    with pytest.raises(ValueError):
        entry.main([])


@pytest.mark.parametrize("verb", ["schema", "labs", "status", "--help"])
def test_a_closed_pipe_is_silent(verb):
    with subprocess.Popen(
        [COMMAND, verb], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(20) == 141


def test_closed_standard_streams_do_no_harm():
    done = subprocess.run(
        ["/bin/sh", "-c", f"{QUOTED_COMMAND} labs <&- 2>&-"], capture_output=True, timeout=20
    )
    assert b"playground" in done.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [("netarium st", "status"), ("netarium up two-h", "two-hosts"), ("netarium down --a", "--all")],
)
def test_completion_in_bash(words, expected):
    env = {
        **os.environ,
        "_NETARIUM_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    done = subprocess.run([COMMAND], env=env, capture_output=True, text=True, timeout=20)
    assert expected in done.stdout.split()


def _completed(words, cwd=None, shell="bash"):
    env = {**os.environ, "_NETARIUM_COMPLETE": f"complete_{shell}"}
    if shell == "bash":
        env |= {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
    else:
        env |= {"_TYPER_COMPLETE_ARGS": " ".join(words), "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    done = subprocess.run([COMMAND], env=env, capture_output=True, text=True, timeout=20, cwd=cwd)
    return done.stdout.split()


def test_completion_of_names_in_a_running_lab(cli_lab):
    lab = ["--lab", cli_lab.name]
    assert _completed(["netarium", "logs", *lab, "h2", "w"]) == ["web"]
    assert _completed(["netarium", "logs", *lab, "h2", "x"]) == []
    # bash splits words at colons, the others do not
    assert "bare" in _completed(["netarium", "forward", "8080", ":", "ba"])
    assert "bare" in _completed(["netarium", "forward", "8080", ":"])
    assert "8080:bare" in _completed(["netarium", "forward", "8080:ba"], shell="fish")


def test_completion_of_lab_files(tmp_path):
    for name in ("playing.yaml", "player.yml", "play.txt"):
        (tmp_path / name).touch()
    (tmp_path / "place").mkdir()
    (tmp_path / "place/a.yaml").touch()
    found = _completed(["netarium", "up", "pla"], tmp_path)
    assert sorted(found) == ["place/", "player.yml", "playground", "playing.yaml"]
    assert _completed(["netarium", "up", "./place/"], tmp_path) == ["./place/a.yaml"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(netarium, shell):
    env = {
        **os.environ,
        "_NETARIUM_COMPLETE": f"source_{shell}",
    }
    done = subprocess.run([COMMAND], env=env, capture_output=True, text=True, timeout=20)
    assert "_NETARIUM_COMPLETE" in done.stdout


def test_json_is_what_msgspec_reads(netarium):
    assert msgspec.json.decode(netarium("status", "--json").stdout.encode())["labs"] is not None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("capture", "h1", "-c", "0"), "--count must be 1 or more, not 0"),
        (("capture", "h1", "-s", "-5"), "--snaplen must be 0 or more, not -5"),
        (("stats", "file", "--top", "x"), "--top must be a whole number, not x"),
        (("proxy", "h1", "-p", "99999"), "--port must be 65535 or less, not 99999"),
    ],
)
def test_a_wrong_number_is_told_in_plain_words(words, said, netarium):
    done = netarium(*words, check=False)
    assert done.returncode == 2
    assert done.stderr == f"netarium: {said}\n  netarium {words[0]} --help tells more\n"
