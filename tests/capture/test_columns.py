"""Packets as columns: the same as tshark's fields, at both speeds, whatever the bytes are."""

from __future__ import annotations

import random
import subprocess

import pyarrow as pa
import pytest

from netarium.capture.asking import table
from netarium.capture.columnar import ColumnError, Columns, columns_of
from netarium.capture.tables import COMMON, packet_columns
from netarium.wire.batch import CHECKSUM_NOT_READY, CHECKSUM_VALID, Interface
from netarium.wire.judging import judge
from netarium.wire.packet import packet_of
from tests.wire.batches import batch_of, corpus_batch
from tests.wire.corpus import corpus, frame, other_links, write_corpus
from tests.wire.mutating import mutate

ALL = tuple(packet_columns())
#: Our column, tshark's field, and its field of IPv6 where that is another.
_SAME = """
    length frame.len
    captured frame.cap_len
    eth_src eth.src
    eth_dst eth.dst
    vlan_id vlan.id
    vlan_priority vlan.priority
    arp_hardware arp.hw.type
    arp_operation arp.opcode
    arp_sender_mac arp.src.hw_mac
    arp_sender_ip arp.src.proto_ipv4
    arp_target_mac arp.dst.hw_mac
    arp_target_ip arp.dst.proto_ipv4
    ip_version ip.version ipv6.version
    ip_header_length ip.hdr_len
    ip_dscp ip.dsfield.dscp ipv6.tclass.dscp
    ip_ecn ip.dsfield.ecn ipv6.tclass.ecn
    ip_total_length ip.len
    ip_id ip.id
    ip_flags_number ip.flags
    ip_ttl ip.ttl ipv6.hlim
    ip_src ip.src ipv6.src
    ip_dst ip.dst ipv6.dst
    ip6_flow_label ipv6.flow
    ip6_next ipv6.nxt
    icmp_type icmp.type
    icmp_code icmp.code
    icmp6_type icmpv6.type
    icmp6_code icmpv6.code
    icmp_id icmp.ident icmpv6.echo.identifier
    icmp_seq icmp.seq icmpv6.echo.sequence_number
    tcp_sport tcp.srcport
    tcp_dport tcp.dstport
    tcp_seq tcp.seq_raw
    tcp_ack tcp.ack_raw
    tcp_data_offset tcp.hdr_len
    tcp_flags_number tcp.flags
    tcp_window tcp.window_size_value
    tcp_urgent tcp.urgent_pointer
    tcp_mss tcp.options.mss_val
    tcp_window_scale tcp.options.wscale.shift
    tcp_timestamp tcp.options.timestamp.tsval
    tcp_timestamp_echo tcp.options.timestamp.tsecr
    udp_sport udp.srcport
    udp_dport udp.dstport
    udp_length udp.length
    gre_key gre.key
    gre_protocol gre.proto
    vxlan_vni vxlan.vni
"""
SAME = {words[0]: words[1:] for line in _SAME.split("\n") if (words := line.split())}
#: Where tshark shows less, since it stops at what is wrong with the header, or at a cut
#: before its end; or something else: the last hop of a source route, lengths that it makes up.
_OTHERWISE = (
    "source route",
    "length too short",
    "length zero",
    "ihl too",
    "version 5",
    "version 7",
    "offset too small",
    "of 4 bytes",
    "of 2 bytes",
    "port 8472",
    "arp of odd sizes",
    "udp-lite",
    ", cut to",
    "jumbo that is none",
    "option cut",
)


def tshark(path, fields):
    """What tshark reads, frame by frame, without putting fragments or streams together."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=\x1f"]
    for option in ("ip.defragment", "ipv6.defragment", "tcp.desegment_tcp_streams"):
        command += ["-o", f"{option}:FALSE"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run([*command, "-E", "occurrence=f"], capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return [dict(zip(fields, line.split("\x1f"), strict=True)) for line in done.stdout.splitlines()]


def as_ours(text, ours):
    if not text:
        return None
    return int(text, 0) if isinstance(ours, int) else text


@pytest.mark.needs("tshark")
def test_fields_agree_with_tshark_on_the_corpus(tmp_path):
    path = tmp_path / "corpus.pcap"
    write_corpus(path)
    fields = list(dict.fromkeys(field for many in SAME.values() for field in many))
    theirs = tshark(path, [*fields, "frame.protocols"])
    ours = table(path, list(SAME)).to_pylist()
    assert len(ours) == len(theirs) == len(corpus())
    wrong, compared = [], 0
    for (name, _, _), mine, their in zip(corpus(), ours, theirs, strict=True):
        protocols = their["frame.protocols"].split(":")
        # What is in a tunnel or quoted, tshark shows under the same names.
        nested = "icmp" in protocols[:-1] or "icmpv6" in protocols[:-1]
        nested |= sum(each in ("ip", "ipv6", "arp") for each in protocols) > 1
        for column, names in SAME.items():
            # Of one version of IP in the other, tshark shows both.
            told = [their[each] for each in names if their[each]] or [""]
            compared += told != [""]
            if mine[column] in [as_ours(text, mine[column]) for text in told]:
                continue
            more = mine[column] is not None and any(word in name for word in _OTHERWISE)
            # Only what is not there in the outer headers may be tshark's alone.
            less = mine[column] is None and (nested or name in ("arp of odd sizes", "udp-lite"))
            if not (more or less):
                wrong.append((name, column, mine[column], told))
    assert not wrong
    assert compared > 5000


@pytest.mark.needs("tshark")
def test_fields_agree_with_tshark_on_other_link_layers(tmp_path):
    from tests.wire.corpus import write_link

    columns = [name for name in SAME if name.split("_")[0] in ("ip", "tcp", "udp", "length")]
    compared = 0
    for link in sorted({link for _, link, _ in other_links()} & {0, 101, 108, 113, 228, 229, 276}):
        path = tmp_path / f"{link}.pcap"
        write_link(path, link)
        names = [name for name, other, _ in other_links() if other == link]
        fields = list(dict.fromkeys(field for each in columns for field in SAME[each]))
        ours = table(path, columns).to_pylist()
        for name, mine, their in zip(names, ours, tshark(path, fields), strict=True):
            for column in columns:
                told = next((their[each] for each in SAME[column] if their[each]), "")
                assert mine[column] == as_ours(told, mine[column]), (name, column)
                compared += bool(told)
    assert compared > 50


def test_both_speeds_say_the_same():
    batch = corpus_batch()
    slow, fast = (columns_of(batch, ALL, speed) for speed in (False, True))
    assert slow.schema == fast.schema
    for name in ALL:
        assert slow[name].to_pylist() == fast[name].to_pylist(), name


@pytest.mark.parametrize("flags", [0, CHECKSUM_NOT_READY, CHECKSUM_VALID])
def test_verdicts_are_those_of_judge(flags):
    verdicts = {
        "ip_checksum": ("IPv4",),
        "tcp_checksum": ("TCP",),
        "udp_checksum": ("UDP",),
        "icmp_checksum": ("ICMP", "ICMPv6"),
    }
    batch = batch_of(
        [(data, length) for _, data, length in corpus()], flags=[flags] * len(corpus())
    )
    found = columns_of(batch, list(verdicts), fast=True).to_pylist()
    told = set()
    for index, (name, _, _) in enumerate(corpus()):
        judged = judge(packet_of(batch, index))
        for column, titles in verdicts.items():
            word = found[index][column]
            if word is not None:
                expected = [each.verdict.text for each in judged if each.layer in titles]
                assert word == expected[0], (name, column)
                told.add((column, word))
    if not flags:
        assert {word for _, word in told} == {
            "valid",
            "wrong",
            "absent",
            "cannot know",
            "not yet computed (offload)",
        }


def test_spoiled_frames_are_read_the_same_at_both_speeds_and_never_raise():
    rng = random.Random(7)
    frames = [data for _, data, _ in corpus() if data]
    spoiled = [mutate(rng, rng.choice(frames), rng.choice(frames)) for _ in range(1500)]
    for link in (1, 113, 101, 0):
        batch = batch_of(spoiled[: 1500 if link == 1 else 300], link_type=link)
        slow, fast = (columns_of(batch, ALL, speed) for speed in (False, True))
        for name in ALL:
            assert slow[name].to_pylist() == fast[name].to_pylist(), (link, name)
        slow.validate(full=True)


def test_types_and_nulls():
    batch = batch_of([frame("tcp data"), frame("arp"), b""])
    found = columns_of(batch)
    assert found.schema.names == list(COMMON)
    assert found.schema.field("time").type == pa.timestamp("ns")
    assert found.schema.field("ip_src").type == pa.dictionary(pa.int32(), pa.string())
    assert [str(found.schema.field(n).type) for n in ("ip_ttl", "src_port", "tcp_seq")] == [
        "int16",
        "int32",
        "int64",
    ]
    assert found["protocol"].to_pylist() == ["TCP", "ARP", None]
    assert found["tcp_flags"].to_pylist() == ["PSH ACK", None, None]
    assert found["ip_src"].null_count == 2
    assert found["length"].null_count == 0


def test_what_the_capture_says_of_frames():
    lan, wan = Interface("h1:eth0"), Interface("")
    batch = batch_of(
        [frame("udp")] * 3,
        interfaces=[lan, wan],
        interface=[0, 1, 7],
        flags=[1, 2, 0],
        segment=[0, 1448, 0],
    )
    batch.comments[2] = "odd"
    batch.first = 11
    names = ["number", "seconds", "interface", "direction", "segment_size", "comment"]
    assert columns_of(batch, names).to_pylist() == [
        dict(zip(names, row, strict=True))
        for row in (
            (11, 0.0, "h1:eth0", "in", None, None),
            (12, 0.001, None, "out", 1448, None),
            (13, 0.002, None, None, None, "odd"),
        )
    ]


def test_frames_that_a_filter_left_keep_their_numbers():
    batch = batch_of([frame("udp")] * 2)
    batch.numbers.extend((5, 9))
    assert columns_of(batch, ["number"])["number"].to_pylist() == [5, 9]


def test_more_addresses_than_a_table_holds():
    """Each frame brings two of its own: record batches get shorter, no row is lost."""
    plain = bytearray(frame("udp"))
    frames = []
    for number in range(9000):
        plain[26:30] = (0x0A000000 + number).to_bytes(4, "big")
        plain[30:34] = (0x0B000000 + number).to_bytes(4, "big")
        frames.append(bytes(plain))
    columns = Columns(["number", "ip_src", "ip_dst"])
    parts = list(columns.stream([batch_of(frames)]))
    rows = [row for part in parts for row in part.to_pylist()]
    assert [row["number"] for row in rows] == list(range(1, 9001))
    assert rows[8999]["ip_src"] == "10.0.35.39"
    assert len({row["ip_dst"] for row in rows}) == 9000
    assert len(parts) > 1
    assert columns_of(batch_of(frames), ["ip_src"], fast=True).num_rows == 9000


def test_seconds_and_flows_go_on_from_batch_to_batch():
    columns = Columns(["seconds", "flow"])
    first, second = batch_of([frame("tcp data")]), batch_of([frame("udp"), frame("tcp data")])
    second.time[0] += 5 * 10**9
    rows = [row for part in columns.stream([first, second]) for row in part.to_pylist()]
    assert [row["flow"] for row in rows] == [0, 1, 0]
    assert rows[1]["seconds"] == 5.0


def test_tunnels_tell_who_is_inside():
    names = ["ip_src", "inner_src", "inner_dst", "vxlan_vni", "gre_key"]
    found = columns_of(batch_of([frame("vxlan"), frame("6in4"), frame("udp")]), names).to_pylist()
    assert found[0]["inner_src"] != found[0]["ip_src"]
    assert found[0]["vxlan_vni"] is not None
    assert ":" in found[1]["inner_dst"]
    assert found[2]["inner_src"] is None


def test_a_column_that_there_is_not():
    with pytest.raises(ColumnError, match="no column 'ip_sorce'") as caught:
        columns_of(corpus_batch(), ["ip_sorce"])
    assert "ip_src" in caught.value.cure


def test_an_empty_batch_and_an_empty_file(tmp_path):
    from tests.wire.corpus import pcap

    empty = batch_of([])
    assert columns_of(empty).num_rows == 0
    assert columns_of(empty, ALL, fast=True).schema == columns_of(empty, ALL).schema
    path = tmp_path / "empty.pcap"
    path.write_bytes(pcap([]))
    assert table(path).num_rows == 0


def test_every_column_has_a_meaning():
    for column in packet_columns().values():
        assert column.meaning.endswith("."), column.name
        assert column.name == column.name.lower().replace("-", "_")
