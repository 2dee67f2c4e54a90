import subprocess
import sys
import time
from itertools import pairwise

import pytest

from netarium.errors import LabFileError
from netarium.model import LabBuilder, loads, reverse_names, with_mounts
from netarium.model.lab import Mount


def interfaces(lab, node):
    return {i.name: i.addresses for i in lab.node(node).interfaces}


def routes(lab, node):
    return {
        r.destination: (r.via, r.interface) if r.kind == "unicast" else r.kind
        for r in lab.node(node).routes
    }


def fault_texts(text):
    with pytest.raises(LabFileError) as caught:
        loads(text)
    return [str(fault) for fault in caught.value.faults]


def test_the_shortest_lab_is_complete():
    lab = loads("nodes: {a: {}, b: {}}\nlinks: [[a, b]]\n")
    assert interfaces(lab, "a") == {"eth0": ("10.0.1.1/24", "fd00:0:0:1::1/64")}
    assert interfaces(lab, "b") == {"eth0": ("10.0.1.2/24", "fd00:0:0:1::2/64")}
    assert lab.links[0].name == "a-b"
    assert lab.links[0].kind == "cable"
    assert [a.name for a in lab.accounts] == ["root", "brandon"]
    assert lab.resolvers == ()
    assert lab.node("a").names == ("a",)


def test_words_that_yaml_1_1_reads_as_truth_are_node_names():
    lab = loads("nodes: {no: {}, on: {}, y: {}, true: {}}\nlinks: [[no, on, y, true]]\n")
    assert [n.name for n in lab.nodes] == ["no", "on", "y", "true"]


def test_numbers_are_taken_as_text_where_text_is_wanted():
    lab = loads(
        "description: 42\naccounts: {eve: {password: 0123}}\n"
        "nodes: {a: {environment: {N: 7, V: 1.10}, sysctls: {net.ipv4.ip_forward: 1}}}\n"
    )
    assert lab.description == "42"
    assert lab.accounts[1].password == "0123"
    assert lab.node("a").environment == {"N": "7", "V": "1.10"}
    assert lab.node("a").sysctls == {"net.ipv4.ip_forward": "1"}


class TestInterfaces:
    def test_an_end_takes_the_first_declared_interface_that_no_link_uses(self):
        lab = loads(
            "nodes:\n  r: {interfaces: {wan: 10.0.0.1/24, lan: 10.0.1.1/24}}\n  a: {}\n  b: {}\n"
            "links: [[r, a], [r, b]]\n"
        )
        assert [e.interface for link in lab.links for e in link.ends if e.node == "r"] == [
            "wan",
            "lan",
        ]
        assert interfaces(lab, "b") == {"eth0": ("10.0.1.2/24",)}

    def test_an_interface_that_is_named_later_is_not_taken_before(self):
        lab = loads("nodes: {a: {}, b: {}, c: {}}\nlinks: [[a, b], ['a:eth0', c]]\n")
        assert [e.interface for link in lab.links for e in link.ends if e.node == "a"] == [
            "eth1",
            "eth0",
        ]

    def test_a_cable_may_join_two_interfaces_of_one_node(self):
        lab = loads("nodes: {a: {}}\nlinks: [[a, a]]\n")
        assert list(interfaces(lab, "a")) == ["eth0", "eth1"]

    def test_one_address_may_be_on_two_interfaces_of_a_node(self):
        lab = loads(
            "nodes:\n  r: {interfaces: {eth0: 10.0.0.1/32, eth1: 10.0.0.1/24}}\n"
            "  a: {interfaces: {eth0: 10.9.9.9/32}}\n  b: {address: 10.0.0.2/24}\n"
            "links: [[r, a], [r, b]]\n"
        )
        assert lab.node("r").addresses == ("10.0.0.1",)

    def test_an_interface_s_mtu_goes_before_the_link_s(self):
        lab = loads(
            "nodes:\n  a: {interfaces: {eth0: {mtu: 1300, mac: '02:AB:00:00:00:01'}}}\n  b: {}\n"
            "links: [{ends: [a, b], mtu: 1400}]\n"
        )
        a, b = (lab.node(n).interfaces[0] for n in "ab")
        assert (a.mtu, b.mtu, a.mac) == (1300, 1400, "02:ab:00:00:00:01")

    def test_an_empty_list_of_addresses_means_none(self):
        lab = loads("nodes: {a: {address: []}, b: {interfaces: {eth0: []}}}\nlinks: [[a, b]]\n")
        assert interfaces(lab, "a") == interfaces(lab, "b") == {"eth0": ()}


class TestAddressing:
    def test_link_n_has_the_nth_block_whatever_the_others_say(self):
        lab = loads(
            "nodes:\n  a: {interfaces: {eth0: 192.168.7.1/24}}\n  b: {}\n  c: {}\n"
            "links: [[a, b], [b, c]]\n"
        )
        assert interfaces(lab, "b") == {
            "eth0": ("192.168.7.2/24",),
            "eth1": ("10.0.2.1/24", "fd00:0:0:2::1/64"),
        }

    def test_a_block_that_the_file_uses_is_left_alone(self):
        lab = loads(
            "nodes:\n  a: {address: 10.0.2.77/24}\n  b: {}\n  c: {}\nlinks: [[a, b], [b, c]]\n"
        )
        assert interfaces(lab, "c")["eth0"] == ("10.0.3.2/24", "fd00:0:0:2::2/64")

    def test_a_block_that_a_route_leads_to_is_left_alone(self):
        lab = loads(
            "nodes:\n  a: {address: 172.16.0.1/24, routes: [10.0.2.0/23 via 172.16.0.2]}\n"
            "  b: {address: 172.16.0.2/24}\n  c: {}\n"
            "links: [[a, b], [b, c]]\n"
        )
        assert interfaces(lab, "c")["eth0"][0] == "10.0.4.2/24"

    def test_more_ends_than_a_24_holds_get_a_larger_prefix(self):
        lab = LabBuilder("crowd")
        nodes = [lab.node(f"n{i}") for i in range(300)]
        lab.link(*nodes)
        found = lab.resolve()
        assert found.node("n0").interfaces[0].addresses == ("10.0.2.1/23", "fd00:0:0:1::1/64")
        assert found.node("n299").interfaces[0].addresses[0] == "10.0.3.44/23"

    def test_link_256_begins_the_next_octet(self):
        lab = LabBuilder("long")
        for i in range(258):
            lab.node(f"n{i}")
        for i in range(257):
            lab.link(f"n{i}", f"n{i + 1}")
        found = lab.resolve()
        assert found.node("n257").interfaces[0].addresses == (
            "10.1.1.2/24",
            "fd00:0:0:101::2/64",
        )

    def test_a_link_s_prefix_feeds_ends_without_address(self):
        lab = loads(
            "nodes: {a: {}, b: {address: 10.9.0.1/30}, c: {}}\n"
            "links: [{ends: [a, b], prefix: [10.9.0.0/30, 'fd09::/64']}]\n"
        )
        assert interfaces(lab, "a") == {"eth0": ("10.9.0.2/30", "fd09::1/64")}
        assert interfaces(lab, "b") == {"eth0": ("10.9.0.1/30",)}

    def test_a_slash_31_has_two_hosts(self):
        lab = loads("nodes: {a: {}, b: {}}\nlinks: [{ends: [a, b], prefix: 10.9.0.0/31}]\n")
        assert interfaces(lab, "a")["eth0"] == ("10.9.0.0/31",)
        assert interfaces(lab, "b")["eth0"] == ("10.9.0.1/31",)

    def test_a_link_too_narrow_for_ipv6_gets_none(self):
        lab = loads("nodes: {a: {}, b: {}}\nlinks: [{ends: [a, b], mtu: 600}]\n")
        assert interfaces(lab, "a")["eth0"] == ("10.0.1.1/24",)

    def test_addresses_come_out_in_normal_form(self):
        lab = loads("nodes: {a: {address: 'FD00:0:0:0::00AB/64'}, b: {}}\nlinks: [[a, b]]\n")
        assert interfaces(lab, "a")["eth0"] == ("fd00::ab/64",)


class TestRoutes:
    def test_gateways_are_default_routes_of_each_family(self):
        lab = loads(
            "nodes:\n  a: {address: [10.0.0.1/24, 'fd00::1/64'], gateway: [10.0.0.2, 'fd00::2']}\n"
            "  b: {address: [10.0.0.2/24, 'fd00::2/64']}\nlinks: [[a, b]]\n"
        )
        assert routes(lab, "a") == {
            "0.0.0.0/0": ("10.0.0.2", "eth0"),
            "::/0": ("fd00::2", "eth0"),
        }

    def test_a_default_gateway_spares_the_gateway_itself(self):
        lab = loads(
            "defaults: {gateway: 10.0.0.1}\n"
            "nodes: {r: {address: 10.0.0.1/24}, a: {}}\nlinks: [[r, a]]\n"
        )
        assert routes(lab, "r") == {}
        assert routes(lab, "a") == {"0.0.0.0/0": ("10.0.0.1", "eth0")}

    def test_device_routes_come_before_what_needs_them(self):
        lab = loads(
            "nodes:\n  a: {address: 10.1.1.1/32, gateway: 10.2.2.2,\n"
            "      routes: [10.3.0.0/16 via 10.2.2.2, 10.2.2.2 dev eth0, blackhole 10.4.0.0/16]}\n"
            "  b: {address: 10.2.2.2/32}\nlinks: [[a, b]]\n"
        )
        assert [r.destination for r in lab.node("a").routes] == [
            "10.2.2.2/32",
            "10.4.0.0/16",
            "10.3.0.0/16",
            "0.0.0.0/0",
        ]
        assert routes(lab, "a")["10.3.0.0/16"] == ("10.2.2.2", "eth0")
        assert routes(lab, "a")["10.4.0.0/16"] == "blackhole"

    def test_a_mapping_and_words_are_the_same_route(self):
        text = (
            "nodes:\n  a: {{address: 10.0.0.1/24, routes: [{}]}}\n  b: {{address: 10.0.0.2/24}}\n"
            "links: [[a, b]]\n"
        )
        words = loads(text.format("10.5.0.0/16 via 10.9.9.9 dev eth0 onlink"))
        mapping = loads(text.format("{to: 10.5.0.0/16, via: 10.9.9.9, dev: eth0, onlink: true}"))
        assert words == mapping
        assert words.node("a").routes[0].onlink


class TestStaticRouting:
    CHAIN = (
        "routing: static\nnodes: {a: {}, r1: {}, r2: {}, b: {}}\n"
        "links: [[a, r1], [r1, r2], [r2, b]]"
    )

    def test_hosts_get_a_default_route_and_routers_each_prefix(self):
        lab = loads(self.CHAIN)
        assert routes(lab, "a") == {
            "0.0.0.0/0": ("10.0.1.2", "eth0"),
            "::/0": ("fd00:0:0:1::2", "eth0"),
        }
        assert routes(lab, "r1") == {
            "10.0.3.0/24": ("10.0.2.2", "eth1"),
            "fd00:0:0:3::/64": ("fd00:0:0:2::2", "eth1"),
        }
        assert [n.forwarding for n in lab.nodes] == [False, True, True, False]

    def test_a_host_that_says_its_own_gateway_keeps_it(self):
        lab = loads(
            "routing: static\nnodes: {a: {gateway: 10.0.1.3}, r1: {}, r2: {}, b: {}}\n"
            "links: [[a, r1, r2], [r1, b], [r2, b]]"
        )
        assert routes(lab, "a")["0.0.0.0/0"] == ("10.0.1.3", "eth0")

    def test_the_shorter_way_wins(self):
        lab = loads(
            "routing: static\nnodes: {a: {}, b: {}, c: {}, d: {}}\n"
            "links: [[a, b], [b, c], [c, d], [d, a]]"
        )
        assert routes(lab, "a")["10.0.3.0/24"] == ("10.0.4.1", "eth1")
        assert routes(lab, "a")["10.0.2.0/24"] == ("10.0.1.2", "eth0")

    def test_who_does_not_forward_is_no_way(self):
        lab = loads(
            "routing: static\nnodes: {a: {}, b: {forwarding: false}, c: {}}\n"
            "links: [[a, b], [b, c]]"
        )
        assert routes(lab, "a") == {}

    def test_nobody_routes_to_what_is_behind_nat(self):
        lab = loads(
            "routing: static\nnodes: {h: {}, m: {nat: eth1}, s: {}, t: {}}\n"
            "links: [[h, 'm:eth0'], ['m:eth1', s], [s, t]]"
        )
        assert "10.0.1.0/24" not in routes(lab, "s")
        assert routes(lab, "h")["0.0.0.0/0"] == ("10.0.1.2", "eth0")
        assert routes(lab, "m")["10.0.3.0/24"] == ("10.0.2.2", "eth1")


class TestServices:
    def test_defaults_and_own_services_add_up(self):
        lab = loads(
            "domain: lab.test\n"
            "defaults: {services: {ssh: {port: 2222, forwarding: false}, web: {port: 8080}}}\n"
            "nodes:\n  a: {}\n  b: {services: {ssh: {port: 22}, web: false, dns: }}\n"
            "  c: {services: [telnet]}\n"
        )
        assert [s.name for s in lab.node("a").services] == ["ssh", "web"]
        assert [s.name for s in lab.node("b").services] == ["ssh", "dns"]
        assert [s.name for s in lab.node("c").services] == ["ssh", "web", "telnet"]
        ssh, dns = lab.node("b").services
        assert ssh.options == {"port": 22, "password": True, "forwarding": False}
        assert dns.options["zone"] == "lab.test"

    def test_several_of_one_kind_are_numbered(self):
        lab = loads(
            "nodes:\n  a:\n    services:\n      - web\n"
            "      - web: {port: 8080, tls_port: null, pages: {/: hi}}\n"
        )
        assert [s.name for s in lab.node("a").services] == ["web", "web-2"]
        assert lab.node("a").services[1].options == {
            "port": 8080,
            "tls_port": None,
            "root": None,
            "app": None,
            "pages": {"/": "hi"},
        }
        assert lab.node("a").services[0].options["root"] == "/srv/www"


class TestNames:
    def test_the_own_name_always_resolves(self):
        lab = loads("domain: x.test\nnodes: {a: {names: [www.x.test, b.x.test]}, c: {}}\n")
        assert lab.node("a").names == ("www.x.test", "b.x.test", "a")
        assert lab.node("c").names == ("c", "c.x.test")

    def test_a_full_name_that_is_taken_is_not_given_twice(self):
        lab = loads("domain: x.test\nnodes: {a: {names: [c.x.test]}, c: {}}\n")
        assert lab.node("c").names == ("c",)

    def test_an_address_that_two_nodes_hold_has_no_name(self):
        lab = loads(
            "nodes:\n  a: {address: 10.0.0.1/24}\n  b: {address: 10.0.0.2/24}\n"
            "  c: {address: 10.0.0.1/24}\n  d: {address: 10.0.0.3/24}\nlinks: [[a, b], [c, d]]\n"
        )
        assert reverse_names(lab) == {"10.0.0.2": "b", "10.0.0.3": "d"}

    def test_resolvers_are_the_nodes_that_run_dns(self):
        lab = loads("nodes: {a: {services: [dns]}, b: {}}\nlinks: [[a, b]]\n")
        assert lab.resolvers == ("10.0.1.1",)
        lab = loads("resolver: []\nnodes: {a: {services: [dns]}, b: {}}\nlinks: [[a, b]]\n")
        assert lab.resolvers == ()
        lab = loads("resolver: [b, 'fd00:0:0:1::1']\nnodes: {a: {}, b: {}}\nlinks: [[a, b]]\n")
        assert lab.resolvers == ("10.0.1.2", "fd00:0:0:1::1")


def test_given_accounts_take_the_place_of_brandon_but_not_of_root():
    lab = loads("accounts: {alice: {admin: true}, bob: {uid: 1000}}\nnodes: {a: {}}\n")
    assert [(a.name, a.uid, a.home, a.admin) for a in lab.accounts] == [
        ("root", 0, "/root", False),
        ("alice", 1001, "/home/alice", True),
        ("bob", 1000, "/home/bob", False),
    ]


def test_mounts_are_relative_to_the_lab_file(tmp_path):
    (tmp_path / "site").mkdir()
    lab = loads(
        "defaults: {mounts: ['.:/a', '.:/b']}\nnodes: {n: {mounts: ['site:/b/:ro']}}\n",
        directory=tmp_path,
    )
    assert lab.node("n").mounts == (
        Mount(source=str(tmp_path), target="/a"),
        Mount(source=str(tmp_path / "site"), target="/b", read_only=True),
    )
    more = with_mounts(lab, [Mount(source="/", target="/b"), Mount(source="/", target="/lab")])
    assert [m.target for m in more.node("n").mounts] == ["/a", "/b", "/lab"]
    assert more.node("n").mounts[1].read_only


def test_environment_sysctls_and_commands_of_defaults():
    lab = loads(
        "defaults: {environment: {A: x, B: y}, sysctls: {net.core.somaxconn: 9}, commands: [one]}\n"
        "nodes: {a: {environment: {B: z}, commands: []}, b: {}}\n"
    )
    assert lab.node("a").environment == {"A": "x", "B": "z"}
    assert lab.node("a").sysctls == {"net.core.somaxconn": "9"}
    assert lab.node("a").commands == ()
    assert lab.node("b").commands == ("one",)


def test_a_fault_of_one_kind_hides_none_of_another():
    texts = fault_texts(
        "nodes: {a: {adress: 10.0.0.1/24}, b: {nat: eth5}}\nlinks: [[a, b], [a, zz]]\n"
    )
    assert len(texts) == 3


def test_a_fault_brings_no_others_in_its_train():
    assert (
        len(fault_texts("nodes: {a: {interfaces: {eth0: 1.2.3/9}}, b: {}}\nlinks: [[a, b]]")) == 1
    )
    assert len(fault_texts("nodes: {'a b': {}, b: {}}\nlinks: [['a b', b]]")) == 1
    text = "nodes: {a: {address: 10.0.0.1/24, gateway: 10.0.0.2}, b: {}}\nlinks: [[a, x], [a, b]]"
    assert len(fault_texts(text)) == 1
    assert len(fault_texts("resolver: 'a b'\nnodes: {'a b': {}}")) == 1


@pytest.mark.parametrize(("nodes", "routing", "limit"), [(1000, "none", 0.3), (200, "static", 1.0)])
def test_a_long_chain_resolves_quickly(nodes, routing, limit):
    lab = LabBuilder("chain", routing=routing)
    handles = [lab.node(f"n{i}") for i in range(nodes)]
    for left, right in pairwise(handles):
        lab.link(left, right)
    best = float("inf")
    for _ in range(3):  # the best of three, as the machine may be busy
        started = time.perf_counter()
        lab.resolve()
        best = min(best, time.perf_counter() - started)
    assert best < limit


def test_importing_the_model_is_light():
    code = (
        "import sys; import netarium.model; import netarium.model.lab; "
        "heavy = ('yaml', 'ipaddress', 'netarium.model.declaration'); "
        "print([m for m in heavy if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
