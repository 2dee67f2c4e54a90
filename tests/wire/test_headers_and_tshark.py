"""Headers of layers 2 to 4 read as tshark reads them, over the whole corpus."""

from __future__ import annotations

import subprocess

import pytest

from netarium import wire
from netarium.wire import Packet, Verdict, judge
from tests.wire.corpus import corpus, pcap

pytestmark = pytest.mark.needs("tshark")

#: tshark's name of a field: whose it is with us, and its name.
FIELDS = {
    "eth.dst": (wire.Ethernet, "dst"),
    "eth.src": (wire.Ethernet, "src"),
    "vlan.priority": (wire.VLAN, "priority"),
    "vlan.dei": (wire.VLAN, "drop_eligible"),
    "vlan.id": (wire.VLAN, "id"),
    "vlan.etype": (wire.VLAN, "type"),
    "arp.hw.type": (wire.ARP, "hardware"),
    "arp.proto.type": (wire.ARP, "protocol"),
    "arp.opcode": (wire.ARP, "operation"),
    "arp.src.hw_mac": (wire.ARP, "sender_mac"),
    "arp.src.proto_ipv4": (wire.ARP, "sender_ip"),
    "arp.dst.hw_mac": (wire.ARP, "target_mac"),
    "arp.dst.proto_ipv4": (wire.ARP, "target_ip"),
    "llc.dsap": (wire.LLC, "dsap"),
    "llc.oui": (wire.SNAP, "oui"),
    "stp.version": (wire.STP, "version"),
    "stp.type": (wire.STP, "type"),
    "stp.root.hw": (wire.STP, "root_mac"),
    "stp.port": (wire.STP, "port"),
    "ip.dsfield.dscp": (wire.IPv4, "dscp"),
    "ip.dsfield.ecn": (wire.IPv4, "ecn"),
    "ip.len": (wire.IPv4, "total_length"),
    "ip.id": (wire.IPv4, "identification"),
    "ip.flags": (wire.IPv4, "flags"),
    "ip.ttl": (wire.IPv4, "ttl"),
    "ip.proto": (wire.IPv4, "protocol"),
    "ip.checksum": (wire.IPv4, "checksum"),
    "ip.src": (wire.IPv4, "src"),
    "ip.opt.type": (wire.IPOption, "kind"),
    "ip.opt.ptr": (wire.IPOption, "pointer"),
    "ip.opt.ra": (wire.RouterAlert, "value"),
    "ip.opt.sid": (wire.StreamID, "stream"),
    "ip.opt.mtu": (wire.IPMTUProbe, "mtu"),
    "ipv6.tclass.dscp": (wire.IPv6, "dscp"),
    "ipv6.tclass.ecn": (wire.IPv6, "ecn"),
    "ipv6.flow": (wire.IPv6, "flow_label"),
    "ipv6.plen": (wire.IPv6, "payload_length"),
    "ipv6.nxt": (wire.IPv6, "next"),
    "ipv6.hlim": (wire.IPv6, "hop_limit"),
    "ipv6.fraghdr.nxt": (wire.IPv6Fragment, "next"),
    "ipv6.fraghdr.more": (wire.IPv6Fragment, "more"),
    "ipv6.fraghdr.ident": (wire.IPv6Fragment, "identification"),
    "ipv6.hopopts.nxt": (wire.HopByHop, "next"),
    "ipv6.hopopts.len": (wire.HopByHop, "length"),
    "ipv6.dstopts.nxt": (wire.DestinationOptions, "next"),
    "ipv6.routing.type": (wire.Routing, "type"),
    "ipv6.routing.segleft": (wire.Routing, "segments_left"),
    "ah.spi": (wire.AH, "spi"),
    "ah.sequence": (wire.AH, "sequence"),
    "esp.spi": (wire.ESP, "spi"),
    "esp.sequence": (wire.ESP, "sequence"),
    "icmp.type": (wire.ICMP, "type"),
    "icmp.code": (wire.ICMP, "code"),
    "icmp.checksum": (wire.ICMP, "checksum"),
    "icmp.mtu": (wire.ICMPDestinationUnreachable, "next_hop_mtu"),
    "icmp.redir_gw": (wire.ICMPRedirect, "gateway"),
    "icmp.originate_timestamp": (wire.ICMPQuery, "originate"),
    "icmp.ext.checksum": (wire.ICMPExtensions, "checksum"),
    "icmpv6.type": (wire.ICMPv6, "type"),
    "icmpv6.code": (wire.ICMPv6, "code"),
    "icmpv6.checksum": (wire.ICMPv6, "checksum"),
    "icmpv6.echo.identifier": (wire.ICMPv6Echo, "identifier"),
    "icmpv6.echo.sequence_number": (wire.ICMPv6Echo, "sequence"),
    "icmpv6.mtu": (wire.ICMPv6PacketTooBig, "mtu"),
    "icmpv6.pointer": (wire.ICMPv6ParameterProblem, "pointer"),
    "icmpv6.nd.ns.target_address": (wire.NeighbourSolicitation, "target"),
    "icmpv6.nd.na.target_address": (wire.NeighbourAdvertisement, "target"),
    "icmpv6.nd.na.flag.s": (wire.NeighbourAdvertisement, "solicited"),
    "icmpv6.nd.ra.router_lifetime": (wire.RouterAdvertisement, "lifetime"),
    "icmpv6.nd.ra.reachable_time": (wire.RouterAdvertisement, "reachable_time"),
    "icmpv6.nd.ra.flag": (wire.RouterAdvertisement, "flags"),
    "icmpv6.nd.rd.target_address": (wire.ICMPv6Redirect, "target"),
    "icmpv6.rd.na.destination_address": (wire.ICMPv6Redirect, "destination"),
    "icmpv6.mld.multicast_address": (wire.ListenerMessage, "group"),
    "icmpv6.opt.type": (wire.NDOption, "kind"),
    "icmpv6.opt.length": (wire.NDOption, "length"),
    "icmpv6.opt.mtu": (wire.MTU, "mtu"),
    "icmpv6.opt.src_linkaddr": (wire.SourceLinkLayerAddress, "address"),
    "icmpv6.opt.prefix.valid_lifetime": (wire.PrefixInformation, "valid_lifetime"),
    "icmpv6.opt.prefix.flag.a": (wire.PrefixInformation, "autonomous"),
    "icmpv6.opt.rdnss": (wire.RDNSS, "servers"),
    "icmpv6.opt.dnssl": (wire.DNSSL, "domains"),
    "igmp.type": (wire.IGMP, "type"),
    "igmp.checksum": (wire.IGMP, "checksum"),
    "tcp.srcport": (wire.TCP, "sport"),
    "tcp.dstport": (wire.TCP, "dport"),
    "tcp.seq_raw": (wire.TCP, "seq"),
    "tcp.ack_raw": (wire.TCP, "ack"),
    "tcp.flags": (wire.TCP, "flags"),
    "tcp.window_size_value": (wire.TCP, "window"),
    "tcp.checksum": (wire.TCP, "checksum"),
    "tcp.urgent_pointer": (wire.TCP, "urgent"),
    "tcp.options.mss_val": (wire.MSS, "mss"),
    "tcp.options.wscale.shift": (wire.WindowScale, "shift"),
    "tcp.options.timestamp.tsval": (wire.Timestamps, "value"),
    "tcp.options.timestamp.tsecr": (wire.Timestamps, "echo"),
    "tcp.options.sack_le": (wire.SACKBlock, "left"),
    "tcp.options.sack_re": (wire.SACKBlock, "right"),
    "udp.srcport": (wire.UDP, "sport"),
    "udp.dstport": (wire.UDP, "dport"),
    "udp.length": (wire.UDP, "length"),
    "udp.checksum": (wire.UDP, "checksum"),
    "sctp.srcport": (wire.SCTP, "sport"),
    "sctp.verification_tag": (wire.SCTP, "tag"),
    "vxlan.vni": (wire.VXLAN, "vni"),
    "gre.proto": (wire.GRE, "protocol"),
    "gre.key": (wire.GRE, "key"),
    "gre.sequence_number": (wire.GRE, "sequence"),
    "mpls.label": (wire.MPLS, "label"),
    "mpls.exp": (wire.MPLS, "traffic_class"),
    "mpls.bottom": (wire.MPLS, "bottom"),
    "mpls.ttl": (wire.MPLS, "ttl"),
}
#: What tshark calls checksums, and whose they are.
CHECKSUMS = {
    "ip.checksum.status": "IPv4",
    "tcp.checksum.status": "TCP",
    "udp.checksum.status": "UDP",
    "icmp.checksum.status": "ICMP",
    "icmpv6.checksum.status": "ICMPv6",
    "igmp.checksum.status": "IGMP",
    "sctp.checksum.status": "SCTP",
    "gre.checksum.status": "GRE",
}
#: tshark's numbers: bad, good, unverified, not present. It does not know of offload.
_STATUS = {
    Verdict.VALID: "1",
    Verdict.OFFLOAD: "0",
    Verdict.WRONG: "0",
    Verdict.ABSENT: "3",
    Verdict.UNKNOWN: "2",
}
#: It judges within the option; it takes UDP-Lite for UDP; it knows no RFC 6935.
NOT_JUDGED = {"icmpv6 redirect", "udp-lite", "vxlan over ipv6"}
PREFERENCES = (
    "ip.defragment:FALSE",
    "ipv6.defragment:FALSE",
    "tcp.analyze_sequence_numbers:FALSE",
    "ip.check_checksum:TRUE",
    "tcp.check_checksum:TRUE",
    "udp.check_checksum:TRUE",
    "sctp.checksum:CRC 32c",
    "vxlan.udp.port:4789,8472",
)
#: Where tshark has other names, reads on, or says something else than the bytes.
OTHERWISE = {
    "arp of odd sizes": "arp.",
    "vlan in vlan": "vlan.",  # the outer tag is ieee8021ad.*
    "udp-lite": "udp.",
    "ipv4 length zero": "ip.len",  # it gives what was captured
    "icmpv6 redirect": "ipv6.|udp.",  # it reads the quote within the option
    "eighty headers": "ip.",
    "gre version 1": "gre.key",  # two fields in one, for PPTP
    "icmp quotes half an ip header": "ip.",  # it reads more of it
    "icmp time exceeded": "tcp.seq_raw",  # of quotes it gives tcp.seq
    "icmp reassembly time exceeded": "tcp.seq_raw",
    "ipv4 unknown": "ip.opt.type",
}
#: It calls these malformed for what is in protocols that we do not read.
NOT_OURS = {"gre version 1", "llc information"}


def tshark(path, names):
    words = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=a"]
    words += ["-E", "aggregator=|", *(word for each in PREFERENCES for word in ("-o", each))]
    words += [word for name in names for word in ("-e", name)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    return [
        {
            name: [_number(one) for one in cell.split("|") if one]
            for name, cell in zip(names, row, strict=False)
        }
        for row in rows
    ]


def _number(value):
    if isinstance(value, int):
        return str(value)
    value = {"True": "1", "False": "0"}.get(str(value), str(value))
    try:
        return str(int(value, 0))
    except ValueError:
        return value


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Each frame of the corpus: its name, our packet, and what tshark reads."""
    path = tmp_path_factory.mktemp("corpus") / "all.pcap"
    path.write_bytes(pcap([(data, length) for _, data, length in corpus()]))
    rows = tshark(path, [*FIELDS, *CHECKSUMS, "_ws.malformed", "icmp.code"])
    assert len(rows) == len(corpus())
    return [
        (name, Packet.parse(data, 1, length), row)
        for (name, data, length), row in zip(corpus(), rows, strict=True)
    ]


def _values(packet, kind, name):
    """The values of one field in all headers and options of a kind, as tshark writes them."""
    waiting = list(reversed(packet.layers))
    while waiting:
        layer = waiting.pop()
        known = layer.kind if isinstance(layer, wire.Incomplete) else type(layer)
        for shown in layer.fields():
            if issubclass(known, kind) and shown.name == name:
                many = shown.value if isinstance(shown.value, tuple) else (shown.value,)
                yield from map(_number, many)
            if isinstance(shown.value, tuple):
                parts = [part for part in shown.value if isinstance(part, wire.Header)]
                waiting.extend(reversed(parts))


@pytest.mark.parametrize("field", FIELDS)
def test_fields_are_those_that_tshark_reads(field, both):
    kind, ours = FIELDS[field]
    compared, different = 0, {}
    for name, packet, row in both:
        if packet.stop or field.startswith(tuple(OTHERWISE.get(name, "-").split("|"))):
            continue
        mine = list(_values(packet, kind, ours))
        if field == "icmp.mtu" and row["icmp.code"][:1] != ["4"]:
            mine = []  # then it says that the field is not used
        compared += len(mine)
        if mine != row[field]:
            different[name] = (mine, row[field])
    assert different == {}
    assert compared, "no packet of the corpus has it"


def test_what_tshark_calls_malformed_stops_us_too(both):
    unnoticed = [name for name, packet, row in both if row["_ws.malformed"] and not packet.stop]
    assert set(unnoticed) == NOT_OURS


@pytest.mark.parametrize("status", CHECKSUMS)
def test_verdicts_on_checksums_are_those_of_tshark(status, both):
    compared, different = 0, {}
    for name, packet, row in both:
        if packet.stop or packet.quoted or name in NOT_JUDGED:
            continue
        ours = [one for one in judge(packet) if one.layer == CHECKSUMS[status]]
        mine = [_STATUS[one.verdict] for one in ours]
        theirs = [{"4": "0"}.get(one, one) for one in row[status]]  # "illegal" is bad
        if status == "gre.checksum.status":
            mine = [one for one in mine if one != "3"]  # it does not mention what is absent
        compared += len(mine)
        if mine != theirs:
            different[name] = (list(map(str, ours)), row[status])
    assert different == {}
    assert compared, "no packet of the corpus has it"
