"""What is suggested in a lab that has just come up."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from netarium.cli.suggesting import fit, own_name, suggestions
from netarium.model import load_shipped, loads
from tests.cli.terminals import person_at
from tests.conftest import COMMAND


def _commands(lab, **options):
    return [command for command, _ in suggestions(lab, **options)]


@pytest.mark.needs("traceroute")
def test_the_playground():
    assert _commands(load_shipped("playground")) == [
        "netarium exec h1 -- traceroute www.example.com",
        "netarium exec h1 -- curl -s http://www.example.com/ip",
        "netarium shell h1",
        "netarium down playground",
    ]


def test_beside_another_lab_each_command_names_its_own():
    *inside, last = _commands(load_shipped("playground"), alone=False)
    assert all("--lab playground h1" in command for command in inside)
    assert last == "netarium down playground"


@pytest.mark.parametrize("text", ["nodes: {a: {}}", "nodes: {a: {services: [ssh, web]}}"])
def test_a_lab_of_one_node(text):
    commands = _commands(loads(text, name="one"))
    assert commands[0] == "netarium exec a -- ip address"
    assert len(commands) == 4


def test_a_web_server_elsewhere_has_its_port_in_the_address():
    lab = loads("nodes: {a: {services: [{web: {port: 8080}}]}, b: {}}\nlinks: [[a, b]]")
    assert _commands(lab)[1] == "netarium exec b -- curl -s http://a:8080/"


def test_no_nodes_no_suggestions():
    assert suggestions(loads("nodes: {}")) == [] == fit([], 80)


@pytest.mark.parametrize("columns", [30, 40, 60, 80, 100, 1000])
@pytest.mark.parametrize("name", ["netarium", "/home/somebody/src/netarium/.venv/bin/netarium"])
def test_no_word_is_broken(columns, name):
    tries = suggestions(load_shipped("playground"), name=name, alone=False)
    found = fit(tries, columns)
    assert len(found) == 4
    for line, (command, _) in zip(found, tries, strict=True):
        told = line.split("#")[0].replace("\\\n", " ")
        assert told.split() == command.split()
        longest = max(map(len, command.split())) + 8
        assert max(map(len, line.splitlines())) <= max(columns, longest)
    assert ("#" in found[0]) is (columns == 1000 or (columns >= 100 and name == "netarium"))


def test_the_command_is_called_as_it_was(monkeypatch, tmp_path):
    other = tmp_path / "netarium"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "argv", ["./netarium"])
    assert own_name() == "./netarium"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert own_name() == "netarium"
    monkeypatch.setattr(sys, "argv", ["/usr/lib/python3/netarium/__main__.py"])
    assert own_name() == "netarium"


def test_doctors_lines_break_between_words():
    if shutil.which("stty") is None:
        pytest.skip("needs stty")
    with person_at([str(COMMAND), "doctor"], columns=60) as person:
        person.exit_code(30)
        shown = person.screen
    assert max(map(len, shown.splitlines())) <= 60
    whole = subprocess.run([COMMAND, "doctor"], capture_output=True, text=True, timeout=30).stdout
    assert shown.split() == whole.split()
