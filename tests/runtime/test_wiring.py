from __future__ import annotations

from netarium.model.lab import End, Interface, Lab, Link, Node, Route
from netarium.runtime.wiring import (
    bridge_name,
    bridges,
    cables,
    configuration,
    first_index,
    mac_address,
)


def _node(name: str, *interfaces: str) -> Node:
    made = tuple(Interface(name=each, link="", addresses=()) for each in interfaces)
    return Node(name=name, names=(name,), interfaces=made)


def _link(name: str, *ends: str) -> Link:
    pairs = [end.split(":") for end in ends]
    return Link(name=name, ends=tuple(End(node=n, interface=i) for n, i in pairs))


LAB = Lab(
    name="x",
    nodes=(_node("a", "eth0", "eth1"), _node("b", "eth0"), _node("c", "eth0", "eth1")),
    links=(
        _link("s", "a:eth0", "b:eth0", "c:eth0"),
        _link("l", "a:eth1", "c:eth1"),
    ),
)


def test_addresses_are_local_unicast_and_differ() -> None:
    found = {mac_address(link, end) for link in range(300) for end in range(300)}
    assert len(found) == 300 * 300
    assert all(int(address[:2], 16) & 3 == 2 for address in found)
    assert mac_address(1, 2) == "02:00:00:01:00:02"


def test_only_segments_get_a_bridge() -> None:
    assert [request.what for request in bridges(LAB)] == ["bridge segment0"]


def test_each_link_waits_for_its_nodes_and_is_one_request_a_cable() -> None:
    processes = {"a": 1, "b": 2, "c": 3}
    plans = list(cables(LAB, processes, {"lo": 1, bridge_name(0): 77}, 2))
    assert [nodes for nodes, _ in plans] == [("a", "b", "c"), ("a", "c")]
    assert [len(requests) for _, requests in plans] == [3, 1]
    assert plans[1][1][0].what == "cable eth1 - eth1"


def test_a_node_may_be_linked_to_itself() -> None:
    lab = Lab(name="x", nodes=(_node("a", "x0", "x1"),), links=(_link("l", "a:x0", "a:x1"),))
    ((nodes, requests),) = cables(lab, {"a": 9}, {"lo": 1}, 2)
    assert nodes == ("a", "a")
    assert requests[0].what == "cable x0 - x1"


def test_indexes_begin_after_what_a_new_namespace_has() -> None:
    assert first_index({"lo": 1}) == 2
    first = first_index({"lo": 1, "tunl0": 2, "sit0": 3})
    node = Node(
        name="a",
        names=("a",),
        interfaces=(Interface(name="eth0", link="", addresses=("10.0.0.1/24",), mtu=1400),),
        routes=(Route(destination="0.0.0.0/0", via="10.0.0.2", interface="eth0"),),
    )
    requests = configuration(node, first)
    assert [request.what for request in requests] == [
        "interface lo up",
        "interface eth0 up",
        "address 10.0.0.1/24 on eth0",
        "route default via 10.0.0.2",
    ]
    assert requests[1].body[4:8] == (4).to_bytes(4, "little")
    assert requests[3].body[-4:] == (4).to_bytes(4, "little")
