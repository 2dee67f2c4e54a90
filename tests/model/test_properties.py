"""What holds for every lab, tried on random ones."""

import ipaddress

import msgspec
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netarium.errors import LabFileError
from netarium.model import Lab, LabBuilder, dump, loads, reverse_names

SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=150)


@st.composite
def topologies(draw, shared=True):
    """A random lab of up to 8 nodes and 10 links, some of which may share a prefix."""
    count = draw(st.integers(1, 8))
    lab = LabBuilder("random", routing=draw(st.sampled_from(["none", "static"])))
    names = [f"n{i}" for i in range(count)]
    for name in names:
        keys = {}
        if draw(st.integers(0, 4)) == 0:
            keys["forwarding"] = draw(st.booleans())
        lab.node(name, **keys)
    prefixes = [None, None, None, "10.0.3.0/24", "172.16.0.0/29", "fd00:0:0:2::/64"]
    for _ in range(draw(st.integers(0, 10))):
        ends = draw(st.lists(st.sampled_from(names), min_size=2, max_size=4))
        prefix = draw(st.sampled_from(prefixes))
        if prefix and not shared:
            prefixes.remove(prefix)
        lab.link(*ends, prefix=prefix)
    return lab


def resolved(lab):
    """The lab, or None where the random choices do not make one."""
    try:
        return lab.resolve()
    except LabFileError as error:
        assert error.faults
        assert all(f.field and f.problem and f.cure for f in error.faults)
        return None


@given(topologies())
@SLOW
def test_addresses_are_unique_on_each_link_and_fit_it(lab):
    lab = resolved(lab)
    if lab is None:
        return
    for link in lab.links:
        held = []
        networks = set()
        for end in link.ends:
            interface = next(i for i in lab.node(end.node).interfaces if i.name == end.interface)
            assert interface.link == link.name
            assert interface.addresses
            held += [ipaddress.ip_interface(a) for a in interface.addresses]
        networks = {(h.version, h.network) for h in held}
        assert len({h.ip for h in held}) == len(held)
        assert len(networks) == len({version for version, _ in networks})


@given(topologies())
@SLOW
def test_every_interface_is_on_one_link_and_links_have_names_of_their_own(lab):
    lab = resolved(lab)
    if lab is None:
        return
    ends = [(e.node, e.interface) for link in lab.links for e in link.ends]
    assert len(ends) == len(set(ends))
    assert set(ends) == {(n.name, i.name) for n in lab.nodes for i in n.interfaces}
    assert len({link.name for link in lab.links}) == len(lab.links)


@given(topologies())
@SLOW
def test_a_lab_is_the_same_after_yaml_and_json(lab):
    found = resolved(lab)
    if found is not None:
        assert loads(dump(found)) == found
        assert loads(lab.to_yaml()) == found
        assert msgspec.json.decode(msgspec.json.encode(found), type=Lab) == found


class Network:
    """Forwards as Linux does: the longest prefix wins, next hops are found on their link."""

    def __init__(self, lab):
        self.lab = lab
        self.nodes = {n.name: n for n in lab.nodes}
        self.on_link = {}
        self.held = {}
        self.tables = {}
        for node in lab.nodes:
            table = []
            for interface in node.interfaces:
                for text in interface.addresses:
                    address = ipaddress.ip_interface(text)
                    self.on_link[interface.link, address.ip] = node.name
                    self.held.setdefault(node.name, set()).add(address.ip)
                    table.append((address.network, None, interface.link))
            links = {i.name: i.link for i in node.interfaces}
            for route in node.routes:
                via = ipaddress.ip_address(route.via) if route.via else None
                table.append((ipaddress.ip_network(route.destination), via, links[route.interface]))
            self.tables[node.name] = sorted(table, key=lambda r: -r[0].prefixlen)

    def arrives(self, start, target):
        """Whether a packet from ``start`` gets to who holds ``target``."""
        here = start
        for _ in range(30):
            if target in self.held.get(here, ()):
                return True
            if here != start and not self.nodes[here].forwarding:
                return False
            matching = (r for r in self.tables[here] if target in r[0])
            _, via, link = next(matching, (None, None, None))
            if link is None:
                return False
            here = self.on_link.get((link, via or target))
            if here is None:
                return False
        return False


@given(topologies(shared=False))
@SLOW
def test_static_routes_lead_everywhere_without_loops(lab):
    lab._keys["routing"] = "static"
    lab = resolved(lab)
    if lab is None:
        return
    network = Network(lab)
    for start in lab.nodes:
        for version in (4, 6):
            for address in within_reach(lab, start, version):
                assert network.arrives(start.name, address.ip), (start.name, address)


def within_reach(lab, start, version):
    """Every address on a link to which nodes that forward, and speak the family, lead."""
    seen, queue, found = {start.name}, [start.name], set()
    ends = {link.name: [lab.node(e.node) for e in link.ends] for link in lab.links}
    while queue:
        node = lab.node(queue.pop())
        if node is not start and not node.forwarding:
            continue
        for interface in node.interfaces:
            if not any(ipaddress.ip_interface(a).version == version for a in interface.addresses):
                continue
            for other in ends[interface.link]:
                found |= {
                    address
                    for i in other.interfaces
                    if i.link == interface.link
                    for address in map(ipaddress.ip_interface, i.addresses)
                    if address.version == version
                }
                if other.name not in seen:
                    seen.add(other.name)
                    queue.append(other.name)
    return found


@given(topologies())
@SLOW
def test_a_reverse_name_is_that_of_the_one_holder(lab):
    lab = resolved(lab)
    if lab is None:
        return
    holders = {}
    for node in lab.nodes:
        for address in node.addresses:
            holders.setdefault(address, set()).add(node.names[0])
    assert reverse_names(lab) == {a: next(iter(n)) for a, n in holders.items() if len(n) == 1}


WORDS = st.sampled_from(
    ["a", "b", "a:eth0", "eth0", "lan", "10.0.0.1/24", "10.0.0.2/24", "10.0.0.1", "fd00::1/64",
     "0.0.0.0/0", "default via 10.0.0.1", "10.1.0.0/16 via 10.0.0.2 dev eth0", "unreachable",
     "ssh", "web", "static", "none", "true", "no", "", "~", "1500", "-1", "x" * 70, ".:/srv", "é"]
)  # fmt: skip
KEYS = st.sampled_from(
    ["name", "nodes", "links", "defaults", "accounts", "routing", "domain", "resolver", "a", "b",
     "eth0", "interfaces", "address", "gateway", "routes", "to", "via", "dev", "nat", "outside",
     "services", "ssh", "web", "dns", "mail", "records", "pages", "port", "ends", "prefix", "mtu",
     "mac", "mounts", "environment", "sysctls", "net.ipv4.ip_forward", "forwarding", "names",
     "commands", "password", "uid", "mailboxes", "passive_ports", "zz"]
)  # fmt: skip
SCALARS = WORDS | st.integers(-(2**70), 2**70) | st.booleans() | st.none() | st.floats()
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)
NODES = st.dictionaries(st.sampled_from(["a", "b", "c"]), TREES, min_size=1, max_size=3)


def either_a_lab_or_a_fault(text):
    try:
        assert isinstance(loads(text), Lab)
    except LabFileError as error:
        assert error.faults
        assert str(error)


@given(
    st.fixed_dictionaries(
        {"nodes": NODES},
        optional={
            "links": TREES,
            "defaults": TREES,
            "accounts": TREES,
            "resolver": TREES,
            "domain": WORDS,
        },
    )
)
@settings(SLOW, max_examples=400)
def test_nonsense_in_place_gives_a_lab_or_faults(data):
    either_a_lab_or_a_fault(yaml.safe_dump(data))
    try:
        LabBuilder(**data).resolve()
    except LabFileError as error:
        assert error.faults


ENDS = st.sampled_from(["a", "b", "c", "a:eth0", "b:eth1"])
NODE_KEYS = st.fixed_dictionaries(
    {},
    optional={
        "address": WORDS | st.lists(WORDS, max_size=3),
        "interfaces": st.dictionaries(st.sampled_from(["eth0", "eth1"]), WORDS, max_size=2),
        "gateway": WORDS,
        "routes": st.lists(WORDS, max_size=3),
        "nat": st.sampled_from(["eth0", "eth1", "eth9"]),
        "services": st.lists(st.sampled_from(["ssh", "web", "dns", "mail"]), max_size=3),
    },
)


@given(
    st.dictionaries(st.sampled_from(["a", "b", "c"]), NODE_KEYS, min_size=1),
    st.lists(st.lists(ENDS, max_size=4), max_size=4),
)
@settings(SLOW, max_examples=300)
def test_labs_nearly_right_give_a_lab_or_faults(nodes, links):
    either_a_lab_or_a_fault(yaml.safe_dump({"nodes": nodes, "links": links}))


@given(st.binary(max_size=200) | st.text(max_size=200))
@SLOW
def test_random_bytes_and_text_give_a_lab_or_faults(data):
    either_a_lab_or_a_fault(data)


PIECES = st.sampled_from(
    ["nodes:", " ", "\n", "  ", "a", ": ", "- ", "{", "}", "[", "]", ",", "&x ", "*x", "<<: ",
     "#", "!!int ", "!x ", "|", ">", "'", '"', "? ", "---", "...", "%YAML 1.1", "\t", "links:",
     "\\", "~", "\x00", "\ufeff", "\u2028", "=", "@"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=60).map("".join))
@settings(SLOW, max_examples=500)
def test_scraps_of_yaml_give_a_lab_or_faults(text):
    either_a_lab_or_a_fault(text)
