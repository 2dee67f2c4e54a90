import pytest

from netarium.errors import LabFileError, NotFoundError
from netarium.model import LabBuilder, NodeHandle, load_shipped, loads


def two_hosts():
    lab = LabBuilder("two-hosts")
    a, b = lab.node("a", "10.0.0.1/24"), lab.node("b", "10.0.0.2/24")
    lab.link(a, b)
    return lab


def test_a_lab_made_in_python_equals_the_same_in_a_file():
    text = (
        "name: two-hosts\nnodes: {a: {address: 10.0.0.1/24}, b: {address: 10.0.0.2/24}}\n"
        "links: [[a, b]]\n"
    )
    assert two_hosts().resolve() == loads(text)


def test_ends_are_handles_names_and_interfaces():
    lab = LabBuilder(routing="static")
    a = lab.node("a")
    lab.node("b", gateway="10.0.1.1")
    lab.link(a["eth1"], "b:eth2", name="wire", mtu=1400)
    lab.link(a, "b", prefix=["10.5.0.0/24"])
    found = lab.resolve()
    assert [i.name for i in found.node("a").interfaces] == ["eth1", "eth0"]
    assert found.links[0].name == "wire" and found.links[0].mtu == 1400
    assert found.node("b").interfaces[1].addresses == ("10.5.0.2/24",)


def test_addresses_and_the_key_add_up():
    lab = LabBuilder()
    lab.node("a", "10.0.0.1/24", address="fd00::1/64")
    lab.node("b")
    lab.link("a", "b")
    assert lab.resolve().node("a").addresses == ("10.0.0.1", "fd00::1")


def test_a_node_s_name_is_given_once():
    lab = two_hosts()
    with pytest.raises(LabFileError, match=r"nodes\.a: is a node already") as caught:
        lab.node("a")
    assert caught.value.faults[0].field == "nodes.a"


def test_faults_of_a_node_are_told_where_it_is_made():
    lab = two_hosts()
    with pytest.raises(LabFileError) as caught:
        lab.node("c", gatway="10.0.0.1", forwarding="perhaps")
    assert [f.field for f in caught.value.faults] == ["nodes.c.gatway", "nodes.c.forwarding"]
    assert all(f.file is None and f.line is None for f in caught.value.faults)
    assert "did you mean gateway?" in str(caught.value)
    lab.node("c")  # the name is still free


def test_faults_between_nodes_are_told_when_the_lab_is_resolved():
    lab = two_hosts()
    lab.link("a", "d")
    with pytest.raises(LabFileError) as caught:
        lab.resolve()
    assert [fault.field for fault in caught.value.faults] == ["links[1].ends[1]"]


def test_declaration_checks_keys_only():
    lab = LabBuilder("x", nodes={"a": {}})
    lab.link("a", "nobody")
    assert list(lab.declaration().nodes) == ["a"]
    with pytest.raises(LabFileError, match="nonsense"):
        LabBuilder("x", nodes={"b": {"nonsense": 1}}).declaration()


def test_python_values_of_every_odd_kind_are_faults_not_crashes():
    for odd in (object(), {1, 2}, b"x", 1.5, float("nan"), lambda: None, {1: object()}):
        with pytest.raises(LabFileError):
            LabBuilder("x", nodes={"a": {"gateway": odd, "mounts": odd}}).resolve()


def test_a_subclass_chooses_its_handles():
    class Handle(NodeHandle):
        pass

    class Better(LabBuilder):
        handle = Handle

    lab = Better("x")
    assert type(lab.node("a")) is Handle
    assert type(lab["a"]) is Handle
    assert str(lab["a"]["eth0"]) == "a:eth0"
    with pytest.raises(NotFoundError, match="no node b"):
        lab["b"]


@pytest.mark.parametrize("name", ["playground", "two-hosts", "two-segments"])
def test_a_loaded_lab_is_written_and_read_as_the_same(name):
    builder = LabBuilder.load(name)
    assert builder.resolve() == load_shipped(name)
    assert loads(builder.to_yaml()) == load_shipped(name)


def test_a_loaded_lab_can_be_extended(tmp_path):
    path = tmp_path / "base.yaml"
    (tmp_path / "site").mkdir()
    path.write_text("nodes: {a: {mounts: ['site:/srv']}, b: {}}\nlinks: {x: [a, b]}\n")
    lab = LabBuilder.load(path)
    lab.node("c")
    lab.link("c", "a")
    found = lab.resolve()
    assert found.name == "base"
    assert [link.name for link in found.links] == ["x", "c-a"]
    assert found.node("a").mounts[0].source == str(tmp_path / "site")


def test_a_bad_file_is_told_with_its_lines(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("nodes:\n  a: {nat: eth0}\n")
    with pytest.raises(LabFileError, match=r"bad\.yaml:2: nodes\.a\.nat"):
        LabBuilder.load(path)
