"""pcap files of all makes are read as Wireshark reads them, and written as it likes them."""

from __future__ import annotations

import io
import struct
from array import array

import pytest

from netarium.errors import NetariumError
from netarium.ports.capture_file import CaptureReader, read_batches
from netarium.ports.pcap import PcapWriter
from netarium.wire.batch import Batch, Interface
from tests.ports.captured import (
    BILLION,
    TSHARK_FIELDS,
    Seen,
    as_tshark_sees,
    frame,
    frames,
    pcap,
    seen,
    tshark,
    wireshark,
)

MICRO, NANO = frames(unit=1000), frames()


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("magic", "unit"), [(0xA1B2C3D4, 1000), (0xA1B23C4D, 1)], ids=["micro", "nano"]
)
def test_both_byte_orders_and_resolutions(order, magic, unit, fast):
    packets = frames(unit=unit)
    reader = CaptureReader(io.BytesIO(pcap(packets, order, magic, unit)), fast=fast)
    assert seen(reader) == packets
    assert (reader.trouble, reader.count) == ("", len(packets))
    assert reader.interfaces == [
        Interface(snaplen=65535, resolution=6 if unit == 1000 else 9, fcs=-1)
    ]


@pytest.mark.needs("editcap", "tshark")
@pytest.mark.parametrize(
    "form",
    ["pcap", "nsecpcap", "modpcap", "rh6_1pcap", "suse6_3pcap", "nokiapcap", "pcapng"],
)
def test_every_kind_that_wireshark_writes(form, tmp_path):
    made, path = tmp_path / "made.pcap", tmp_path / f"{form}.pcap"
    made.write_bytes(pcap(NANO, magic=0xA1B23C4D, unit=1))
    wireshark("editcap", "-F", form, made, path)
    packets = NANO if form in ("nsecpcap", "pcapng") else MICRO
    assert seen(read_batches(path)) == packets
    assert tshark(path, *TSHARK_FIELDS) == as_tshark_sees(packets)


EXTRA = struct.pack("<IHBB", 3, 0x0800, 4, 0)


@pytest.mark.needs("tshark")
@pytest.mark.parametrize(
    ("how", "unit"),
    [
        ({"magic": 0x1C0001AC, "unit": 1, "behind": bytes(4)}, 1),
        ({"magic": 0x1C0001AB, "behind": bytes(4)}, 1000),
        ({"magic": 0x1C0001AC, "unit": 1, "behind": bytes(4), "order": ">"}, 1),
        ({"version": (2, 2), "swapped": True}, 1000),
        ({"version": (2, 3), "swapped": True}, 1000),
        ({"version": (2, 3)}, 1000),
        ({"version": (543, 0), "swapped": True}, 1000),
        ({"version": (2, 2), "swapped": True, "network": 6, "unit": 1}, 1),
        ({"magic": 0xA1B2CD34, "extra": EXTRA}, 1000),
        ({"magic": 0xA1B2CD34, "extra": EXTRA + bytes(4)}, 1000),
        ({"extra": EXTRA}, 1000),
    ],
)
def test_oddities_of_vendors(how, unit, tmp_path):
    packets = frames(unit=unit)
    path = tmp_path / "odd.pcap"
    path.write_bytes(pcap(packets, **how))
    assert seen(read_batches(path)) == packets
    fields = slice(None)
    if how.get("magic") == 0x1C0001AC:
        fields = slice(1, None)  # before version 4.2, Wireshark took the times for microseconds
    assert [line[fields] for line in tshark(path, *TSHARK_FIELDS)] == [
        line[fields] for line in as_tshark_sees(packets)
    ]


def test_the_frame_check_sequence_is_told_of():
    reader = CaptureReader(io.BytesIO(pcap(MICRO, network=1 | 1 << 26 | 2 << 28)))
    assert (reader.interfaces[0].fcs, reader.interfaces[0].link_type) == (4, 1)
    assert seen(reader) == MICRO


@pytest.mark.parametrize("link_type", [12, 14, 101])
def test_raw_ip_has_one_number(link_type):
    reader = CaptureReader(io.BytesIO(pcap(MICRO, network=link_type)))
    assert reader.interfaces[0].link_type == 101


def test_a_file_without_packets_is_whole():
    reader = CaptureReader(io.BytesIO(pcap([])))
    assert (list(reader), reader.trouble) == ([], "")


@pytest.mark.parametrize("fast", [False, True])
def test_each_beginning_gives_the_packets_that_are_whole(fast):
    packets = frames(5, unit=1000)
    whole = pcap(packets)
    ends = [24]
    for packet in packets:
        ends.append(ends[-1] + 16 + len(packet.data))
    for size in range(24, len(whole) + 1, 1 if not fast else 37):
        reader = CaptureReader(io.BytesIO(whole[:size]), fast=fast)
        count = sum(end <= size for end in ends) - 1
        assert seen(reader) == packets[:count]
        if size in ends:
            assert reader.trouble == ""
        else:
            assert f"breaks off at byte {ends[count]:,}: the file ends in the middle" in (
                reader.trouble
            )


def test_a_header_that_is_cut_short_is_no_capture():
    with pytest.raises(NetariumError, match="cut short: 23 bytes are there"):
        CaptureReader(io.BytesIO(pcap([])[:23]))


def test_an_old_version_is_told():
    with pytest.raises(NetariumError, match=r"pcap of version 1\.9; known is 2"):
        CaptureReader(io.BytesIO(pcap([], version=(1, 9))))


@pytest.mark.parametrize("fast", [False, True])
def test_a_length_that_cannot_be_stops_with_words(fast):
    packets = frames(3, unit=1000)
    broken = pcap(packets) + struct.pack("<IIII", 0, 0, 0x7FFFFFFF, 60) + bytes(100)
    reader = CaptureReader(io.BytesIO(broken), fast=fast)
    assert seen(reader) == packets
    assert "a packet of 2,147,483,647 bytes cannot be: 262,144 is the most" in reader.trouble


def test_frames_larger_than_most_are_read_where_the_file_says_so():
    packets = [Seen(frame(1, 300_000), 0, 300_000)]
    assert seen(read_batches(io.BytesIO(pcap(packets, snaplen=400_000)))) == packets


# --- writing ------------------------------------------------------------------------------


def batch_of(packets: list[Seen]) -> Batch:
    return next(iter(CaptureReader(io.BytesIO(pcap(packets, magic=0xA1B23C4D, unit=1)))))


@pytest.mark.needs("tshark", "capinfos", "tcpdump")
@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("nanoseconds", [False, True])
def test_what_is_written_opens(nanoseconds, fast, tmp_path):
    path = tmp_path / "written.pcap"
    with path.open("wb", buffering=0) as file, PcapWriter(file, nanoseconds=nanoseconds) as writer:
        writer.write(batch_of(NANO[:7]), fast=fast)
        writer.write(batch_of(NANO[7:]), fast=fast)
    packets = NANO if nanoseconds else MICRO
    assert seen(read_batches(path)) == packets
    assert tshark(path, *TSHARK_FIELDS) == as_tshark_sees(packets)
    assert ("nanosecond" in wireshark("capinfos", "-t", path)) == nanoseconds
    assert wireshark("tcpdump", "-nr", path).count(" ethertype ") == len(packets)
    made = pcap(
        packets,
        magic=0xA1B23C4D if nanoseconds else 0xA1B2C3D4,
        unit=1 if nanoseconds else 1000,
        snaplen=262144,
    )
    assert path.read_bytes() == made


def test_frame_check_sequences_are_kept():
    file = io.BytesIO()
    PcapWriter(file, fcs=4).write(batch_of(NANO))
    assert CaptureReader(io.BytesIO(file.getvalue())).interfaces[0].fcs == 4


def test_a_frame_that_nobody_could_read_is_cut():
    file = io.BytesIO()
    batch = Batch(
        memoryview(bytes(300_000)),
        1,
        interfaces=[Interface()],
        **{
            name: array_of(value)
            for name, value in {
                "start": 0,
                "captured": 300_000,
                "length": 300_000,
                "time": 5,
                "interface": 0,
            }.items()
        },
    )
    PcapWriter(file).write(batch)
    assert seen(read_batches(io.BytesIO(file.getvalue()))) == [Seen(bytes(262_144), 5, 300_000)]


def array_of(*values: int) -> array[int]:
    return array("q", values)


def test_a_second_link_type_has_no_place():
    batch = batch_of(NANO)
    batch.interfaces.append(Interface(link_type=101))
    PcapWriter(io.BytesIO()).write(batch)  # described, but nothing came from it
    batch.interface[3] = 1
    with pytest.raises(NetariumError, match="one link type, here 1; packets of 101 came"):
        PcapWriter(io.BytesIO()).write(batch)


def test_times_before_1970_become_its_first_moment():
    batch = batch_of(NANO[:1])
    batch.time[0] = -5 * BILLION
    file = io.BytesIO()
    PcapWriter(file).write(batch)
    assert seen(read_batches(io.BytesIO(file.getvalue())))[0].time == 0
