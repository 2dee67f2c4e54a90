import io
import os
import sys

import msgspec
import pytest

from netarium.errors import LabFileError, NotFoundError
from netarium.model import (
    Lab,
    dump,
    find,
    load,
    load_shipped,
    loads,
    names,
    public_addresses,
    reverse_names,
    shipped,
)


def test_the_labs_that_ship_are_listed_with_what_they_show():
    found = dict(shipped())
    assert list(found) == ["playground", "two-hosts", "two-segments"]
    assert all(20 < len(text) < 100 for text in found.values())


@pytest.mark.parametrize("name", ["playground", "two-hosts", "two-segments"])
def test_the_labs_that_ship_survive_json_and_yaml(name):
    lab = load_shipped(name)
    assert lab.name == name
    assert msgspec.json.decode(msgspec.json.encode(lab), type=Lab) == lab
    assert loads(dump(lab)) == lab


def test_find_takes_names_and_paths(tmp_path):
    path = tmp_path / "my lab!.yaml"
    path.write_text("nodes: {a: {}}\n")
    assert find("playground").name == "playground"
    assert find(str(path)).name == "my-lab-"
    path.write_text("name: x\nnodes: {a: {}}\n")
    assert load(path).name == "x"


def test_standard_input_is_a_file_too(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(b"nodes: {a: {}}\n"))
    monkeypatch.setattr(sys, "stdin", stream)
    assert find("-").name == "lab"


@pytest.mark.parametrize(
    ("wanted", "cure"),
    [
        ("playgrond", "did you mean playground?"),
        ("two_hosts", "did you mean two-hosts?"),
        ("zebra", "the labs that ship are playground, two-hosts, two-segments"),
        ("./nowhere.yaml", "check the path"),
        ("a\0b", "the labs that ship"),
    ],
)
def test_what_is_not_there_is_told_with_the_nearest(wanted, cure):
    with pytest.raises(NotFoundError) as caught:
        find(wanted)
    assert cure in caught.value.cure


def test_a_misspelt_file_is_told_with_its_neighbour(tmp_path):
    (tmp_path / "office.yaml").write_text("nodes: {a: {}}\n")
    with pytest.raises(NotFoundError) as caught:
        find(str(tmp_path / "ofice.yaml"))
    assert str(tmp_path / "office.yaml") in caught.value.cure


def test_a_directory_and_an_unreadable_file_are_not_found(tmp_path):
    with pytest.raises(NotFoundError, match="Is a directory"):
        load(tmp_path)
    if os.geteuid() != 0:
        path = tmp_path / "x.yaml"
        path.touch(mode=0)
        with pytest.raises(NotFoundError, match="Permission denied"):
            load(path)


def test_a_path_in_a_message_is_the_one_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text("nodes: {a: 1}\n")
    with pytest.raises(LabFileError, match=r"^x\.yaml:1: nodes\.a: "):
        load("x.yaml")


class TestPlayground:
    lab = load_shipped("playground")

    def addresses(self):
        return {n.name: n.addresses for n in self.lab.nodes}

    def test_nodes_and_addresses_are_those_of_the_plan(self):
        assert self.addresses() == {
            "h1": ("192.168.1.11",),
            "h2": ("192.168.1.12",),
            "h3": ("192.168.1.13",),
            "h4": ("192.168.1.14",),
            "modemA": ("10.25.1.65", "192.168.1.1"),
            "modemB": ("10.25.1.66", "192.168.1.1"),
            "isp": ("10.25.1.1",),
            "backbone": ("10.1.1.1",),
            "example": ("10.130.1.1",),
            "ftp": ("10.130.1.2",),
            "mail": ("10.130.1.3",),
            "www": ("10.130.1.4",),
        }

    def test_segments_and_cables(self):
        assert {link.name: [str(e.node) for e in link.ends] for link in self.lab.links} == {
            "homeA": ["modemA", "h1", "h2", "h3"],
            "homeB": ["modemB", "h4"],
            "lineA": ["modemA", "isp"],
            "lineB": ["modemB", "isp"],
            "trunk": ["isp", "backbone"],
            "uplink": ["backbone", "example"],
            "lan": ["example", "ftp", "mail", "www"],
        }

    def test_every_node_has_ssh_and_the_servers_theirs(self):
        services = {n.name: [s.name for s in n.services] for n in self.lab.nodes}
        assert all("ssh" in some for some in services.values())
        rest = {name: some[1:] for name, some in services.items() if len(some) > 1}
        assert rest == {
            "backbone": ["dns"],
            "ftp": ["ftp", "telnet"],
            "mail": ["mail"],
            "www": ["web"],
        }

    def test_names_forwards_and_backwards(self):
        forward, reverse = names(self.lab), reverse_names(self.lab)
        assert forward["www"] == forward["www.example.com"] == ("10.130.1.4",)
        assert forward["example.com"] == ("10.130.1.1",)
        assert forward["modemA"] == ("10.25.1.65",)
        assert reverse["10.25.1.1"] == "isp"
        assert reverse["10.1.1.1"] == "backbone"
        assert reverse["10.130.1.1"] == "example.com"
        assert reverse["10.130.1.4"] == "www.example.com"
        assert reverse["192.168.1.11"] == "h1"
        assert "192.168.1.1" not in reverse
        assert self.lab.resolvers == ("10.1.1.1",)

    def test_only_outer_addresses_of_a_nat_node_are_public(self):
        assert public_addresses(self.lab.node("modemB")) == ("10.25.1.66",)
        assert self.lab.node("modemB").nat.outside == ("eth0",)
        forwarding = {n.name for n in self.lab.nodes if n.forwarding}
        assert forwarding == {"modemA", "modemB", "isp", "backbone", "example"}
