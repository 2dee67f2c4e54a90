"""The examples of docs/commands run as they stand, against the playground.

A ``console`` block below the line ``<!-- example -->`` is a session of bash in a directory
that is empty but for those captures of docs/images that the page speaks of. ``$ `` begins a
command, ``...`` stands for any text, ``<BLANKLINE>`` for an empty line. Commands that act on
the playground are led to a copy under a name of its own, so that one that runs already is
left in peace.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from netarium.cli.verbs import VERBS
from tests.conftest import QUOTED_COMMAND

PAGES = Path(__file__).parents[2] / "docs" / "commands"
_EXAMPLE = re.compile(r"^<!-- example -->\n```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_END = "-- end of command --"

#: Leads verbs to the copy, and gives labs that examples bring up a name of the test's own.
_LEAD = """\
netarium() {{
    local verb=$1; shift
    case $verb in
    exec|shell|ssh|cp|logs|connect|proxy|forward|ssh-config|capture)
        local lab={lab}
        [[ $* = *brooklyn* ]] && lab=two-hosts{mark}
        set -- --lab $lab "$@" ;;
    up) set -- --name "$1{mark}" "$@" ;;
    status) set -- {lab} "${{@:2}}" ;;
    down) set -- "$1{mark}" ;;
    esac
    command {command} "$verb" "$@" 2>&1
}}
"""


def _sessions():
    for page in sorted(PAGES.glob("*.md")):
        for number, found in enumerate(_EXAMPLE.finditer(page.read_text())):
            yield pytest.param(found[1], id=f"{page.stem}-{number}")


def _steps(session):
    """Pairs of a command and what the page says that it prints."""
    steps = []
    for line in session.splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], []))
        else:
            steps[-1][1].append("" if line == "<BLANKLINE>" else line)
    return [(command, "\n".join(lines)) for command, lines in steps]


def _matches(expected, shown):
    pattern = ".*?".join(re.escape(part) for part in expected.split("..."))
    # A name may be longer than on the page, and a table's columns wider then.
    pattern = re.sub(r"(\\ ){2,}", " +", pattern)
    return re.fullmatch(pattern, shown, re.DOTALL) is not None


@pytest.fixture(scope="module")
def copy(netarium, tmp_path_factory):
    """The playground under a name of the test's own."""
    name = f"docs-{os.getpid()}"
    netarium("up", "playground", "--name", name, cwd=tmp_path_factory.mktemp("docs"))
    yield name
    netarium("down", name)


@pytest.mark.needs("ssh", "curl", "tar", "ping")
@pytest.mark.parametrize("session", list(_sessions()))
def test_the_page_says_what_happens(session, copy, tmp_path, request, netarium):
    mark = f"-{os.getpid()}"
    for lab in ("two-hosts", "two-segments"):  # should a session end before its `down`
        request.addfinalizer(lambda lab=lab: netarium("down", lab + mark, check=False))
    for capture in (PAGES.parent / "images").glob("*.pcapng.gz"):
        if capture.name in session:
            shutil.copy(capture, tmp_path)
    steps = _steps(session)
    script = _LEAD.format(lab=copy, mark=mark, command=QUOTED_COMMAND)
    script += "".join(f"{command}\necho '{_END}'\n" for command, _ in steps)
    done = subprocess.run(
        ["bash", "-m", "-c", script],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        timeout=60,
    )
    outputs = done.stdout.replace(copy, "playground").replace(mark, "").split(f"{_END}\n")
    for (command, expected), shown in zip(steps, outputs, strict=False):
        assert _matches(expected, shown.rstrip("\n")), (
            f"$ {command}\n{shown}\nexpected:\n{expected}"
        )
    assert len(outputs) == len(steps) + 1


def test_every_verb_has_a_page_with_an_example():
    for verb in VERBS:
        text = (PAGES / f"{verb}.md").read_text()
        assert _EXAMPLE.search(text), verb
        assert f"netarium {verb}" in text
        assert f"[{verb}]({verb}.md)" in (PAGES / "README.md").read_text()


def test_the_matcher_can_tell_a_difference():
    assert _matches("a ... c", "a b c")
    assert not _matches("a ... c", "a b d")
    assert not _matches("a", "a b")
