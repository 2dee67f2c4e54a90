"""Filters on frames in memory decide as libpcap's own interpreter does."""

from __future__ import annotations

import ctypes
import random
import struct
from array import array

import pytest

from netarium.errors import NetariumError
from netarium.ports.bpf import check, select, select_by_link
from netarium.ports.libpcap import compile_filter, library
from netarium.wire.batch import Batch, Interface
from netarium.wire.packet import packet_of

FILTERS = (
    "",
    "ip",
    "ip6",
    "arp",
    "tcp",
    "udp port 53",
    "tcp port 80 or tcp port 443",
    "host 10.0.0.1",
    "src host 10.0.0.1 and dst port 80",
    "net 10.0.0.0/8 and not host 10.0.0.2",
    "net 192.168.0.0 mask 255.255.0.0",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
    "tcp[13] & 2 != 0 and tcp[2:2] < 1024",
    "icmp[icmptype] == icmp-echo",
    "portrange 50-90",
    "less 100",
    "greater 1000",
    "len > 60 and len <= 64",
    "ether host 02:00:00:00:00:01",
    "ether multicast or broadcast",
    "vlan 5",
    "vlan and tcp",
    "vlan 5 and ip and udp port 53",
    "ip[8] < 10",
    "ip[0] & 0xf != 5",
    "ip6 and tcp port 80",
    "ip6 host 2001:db8::1",
    "ip protochain 6",
    "ip6 protochain 6",
    "icmp6",
    "ip[2:2] - ((ip[0] & 0xf) << 2) > 20",
    "tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420",
    "ether[0] & 1 = 0 and ip[16] >= 224",
    "ip[2:2] * 3 / 2 % 7 = 3",
    "(ip[8] | ip[9]) ^ 64 = 6",
    "ip[6:2] & 0x1fff != 0",
    "mpls",
    "pppoes",
    "llc",
    "ip multicast",
    "udp[8:4] / udp[4:2] > 3",
    "ip[8] >> ip[9] = 1",
    "1 << ip[9] > ip[2:2]",
)


def packets(count: int = 400) -> list[bytes]:
    """Frames of many protocols, some cut, some with random bytes in them."""
    chance = random.Random(7)
    made = []
    for number in range(count):
        ports = struct.pack("!HH", *chance.choices((53, 80, 443, 70, 40_000), k=2))
        flags = chance.choice((2, 16, 18, 17))
        tcp = ports + struct.pack("!IIBBHHH", 1, 2, 0x50, flags, 1000, 0, 0)
        tcp += chance.choice((b"", b"GET / HTTP/1.1\r\n", bytes(900)))
        udp = ports + struct.pack("!HH", 20, 0) + chance.randbytes(12)
        icmp = bytes([chance.choice((0, 8, 11)), 0]) + bytes(20)
        protocol, inner = chance.choice(((6, tcp), (17, udp), (1, icmp), (58, icmp), (47, tcp)))
        if chance.random() < 0.6:
            options = bytes(chance.choice((0, 0, 4, 12)))
            fragment = chance.choice((0, 0, 0x4000, 0x2000, 30))
            addresses = b"".join(
                chance.choice((b"\x0a\0\0\x01", b"\x0a\0\0\x02", b"\xc0\xa8\1\1", b"\xe0\0\0\1"))
                for _ in range(2)
            )
            head = struct.pack(
                "!BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(inner),
                number, fragment, chance.choice((1, 5, 64, 128)), protocol, 0,
            )  # fmt: skip
            kind, inner = 0x0800, head + addresses + options + inner
        else:
            address = b"\x20\x01\x0d\xb8" + bytes(11)
            head = struct.pack("!IHBB", 6 << 28, len(inner), protocol, 64)
            kind, inner = 0x86DD, head + address + b"\1" + address + b"\2" + inner
        kind = chance.choice((kind, kind, kind, kind, 0x0806, 0x8847, 0x8864, 60))
        macs = chance.choice((b"\2\0\0\0\0\1", b"\xff" * 6, b"\1\0\x5e\0\0\1")) + b"\2\0\0\0\0\2"
        tag = chance.choice((b"", b"", b"", b"\x81\0\0\5", b"\x88\xa8\0\7\x81\0\0\5"))
        whole = macs + tag + struct.pack("!H", kind) + inner
        if chance.random() < 0.2:
            whole = whole[: chance.randrange(len(whole) + 1)]
        if chance.random() < 0.1:
            whole = chance.randbytes(len(whole))
        made.append(whole)
    return made


def batch_of(frames: list[bytes], cut: int = 0) -> Batch:
    batch = Batch(memoryview(b"".join(frames) or b"\0"), len(frames), first=101)
    at = 0
    for number, frame in enumerate(frames):
        batch.start.append(at)
        batch.captured.append(len(frame) - (cut if number % 3 == 0 and len(frame) > cut else 0))
        batch.length.append(len(frame))
        batch.time.append(number)
        batch.interface.append(number % 2)
        batch.flags.append(number % 3)
        batch.segment.append(number)
        at += len(frame)
    batch.interfaces = [Interface("one"), Interface("two")]
    batch.comments = {number: str(number) for number in range(0, len(frames), 5)}
    return batch


class Header(ctypes.Structure):
    _fields_ = (
        ("seconds", ctypes.c_long),
        ("microseconds", ctypes.c_long),
        ("captured", ctypes.c_uint32),
        ("length", ctypes.c_uint32),
    )


class Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("true", ctypes.c_ubyte),
        ("false", ctypes.c_ubyte),
        ("operand", ctypes.c_uint32),
    )


class Machine(ctypes.Structure):
    _fields_ = (("count", ctypes.c_uint), ("first", ctypes.POINTER(Instruction)))


def by_libpcap(program, batch: Batch) -> list[int]:
    """Which frames libpcap's interpreter accepts."""
    instructions = (Instruction * len(program))(*(Instruction(*step) for step in program))
    machine = Machine(len(program), instructions)
    accepts = library().pcap_offline_filter
    accepts.restype = ctypes.c_int
    accepts.argtypes = (ctypes.POINTER(Machine), ctypes.POINTER(Header), ctypes.c_char_p)
    return [
        index
        for index in range(batch.count)
        if accepts(machine, Header(0, 0, batch.captured[index], batch.length[index]),
                   bytes(batch.frame(index)))
    ]  # fmt: skip


FRAMES = packets()


@pytest.mark.parametrize("expression", FILTERS)
def test_the_same_frames_match_as_in_libpcap(expression):
    program = compile_filter(expression)
    for batch in (batch_of(FRAMES), batch_of(FRAMES, cut=30)):
        expected = by_libpcap(program, batch)
        for fast in (False, True):
            chosen = select(program, batch, fast)
            found = [chosen.number(index) - 101 for index in range(chosen.count)]
            assert found == expected


def test_the_filters_tell_the_frames_apart():
    batch = batch_of(FRAMES)
    counts = [len(by_libpcap(compile_filter(expression), batch)) for expression in FILTERS]
    assert sum(0 < count < len(FRAMES) for count in counts) > 35


def random_program(chance: random.Random) -> tuple[tuple[int, int, int, int], ...]:
    """A valid program of random instructions."""
    codes = (
        *(size | mode for size in (0, 8, 16) for mode in (0x20, 0x40)), 0x00, 0x80, 0x01, 0x81,
        0xB1, 0x02, 0x03, 0x07, 0x87, 0x06, 0x16, 0x05,
        *(4 | operation << 4 | source for operation in (*range(8), 9, 10) for source in (0, 8)),
        0x84,
        *(5 | test << 4 | source for test in range(1, 5) for source in (0, 8)),
    )  # fmt: skip
    numbers = (0, 1, 2, 12, 14, 20, 31, 32, 33, 60, 255, 0x0800, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
    size = chance.randrange(2, 24)
    steps = [(0x02, 0, 0, cell) for cell in range(16)] + [(0x03, 0, 0, 3)]  # no cell is undefined
    for _ in range(size):
        code, operand = chance.choice(codes), chance.choice(numbers)
        if code & 7 in (2, 3):
            operand = chance.randrange(16)
        elif code in (0x34, 0x94):
            operand = operand or 1
        elif code in (0x64, 0x74):
            operand &= 31  # more is left open in C
        elif code & 0xE7 == 0x20 and operand >= 0xFFFFF000:
            operand = 7  # what only the kernel knows is another test's
        steps.append((code, 0, 0, operand))
        if chance.random() < 0.1:
            steps.append((0x60 | chance.randrange(2), 0, 0, chance.randrange(16)))
    steps += random_end(chance)
    for index, (code, _, _, operand) in enumerate(steps):
        left = len(steps) - index - 1
        if code == 5:
            steps[index] = (5, 0, 0, chance.randrange(min(left, 3)))
        elif code & 7 == 5:
            near = min(left, 4)
            steps[index] = (code, chance.randrange(near), chance.randrange(near), operand)
    return tuple(steps)


def random_end(chance: random.Random) -> tuple[tuple[int, int, int, int], ...]:
    return ((0x54, 0, 0, 1), (0x16, 0, 0, 0)) if chance.random() < 0.8 else ((0x06, 0, 0, 1),)


def test_random_programs_do_the_same_as_in_libpcap():
    chance = random.Random(5)
    batch = batch_of(FRAMES[:25])
    kinds = set()
    for number in range(1500):
        program = random_program(chance)
        check(program)
        expected = by_libpcap(program, batch)
        kinds.add(len(expected))
        for fast in (False, True) if number % 10 == 0 else (True,):
            chosen = select(program, batch, fast)
            found = [chosen.number(index) - 101 for index in range(chosen.count)]
            assert found == expected, program
    assert len(kinds) > 5


def test_what_is_chosen_keeps_all_that_is_known_of_it():
    batch = batch_of(FRAMES)
    chosen = select(compile_filter("udp port 53"), batch, False)
    assert 0 < chosen.count < batch.count
    for index in range(chosen.count):
        here, there = packet_of(chosen, index), packet_of(batch, chosen.number(index) - 101)
        for name in (
            "data",
            "length",
            "time",
            "interface",
            "number",
            "flags",
            "segment",
            "comment",
        ):
            assert getattr(here, name) == getattr(there, name)
    assert chosen.data is batch.data
    again = select(compile_filter("ip"), chosen, True)
    assert {again.number(index) for index in range(again.count)} <= {
        chosen.number(index) for index in range(chosen.count)
    }
    assert select(compile_filter(""), batch, False) is batch
    assert select(((6, 0, 0, 0),), batch, False).count == 0


def test_each_link_type_has_its_program():
    frames = [FRAMES[0], b"\x45" + bytes(39), b"\x60" + bytes(60)] * 2
    batch = batch_of(frames)
    batch.interfaces = [Interface(), Interface(link_type=101), Interface(link_type=147)]
    batch.interface[:] = array("q", [0, 1, 1, 2, 1, 1])
    programs = {link: compile_filter("ip", link) for link in (1, 101)}
    for fast in (False, True):
        chosen = select_by_link(programs, batch, fast)
        numbers = [chosen.number(index) - 101 for index in range(chosen.count)]
        assert numbers == ([0] if FRAMES[0][12:14] == b"\x08\0" else []) + [1, 4]


@pytest.mark.parametrize(
    ("place", "operand", "flags", "expected"),
    [
        (0, 0x0800, 0, [True, False]),  # the EtherType
        (4, 4, 2, [True, True]),  # the packet type: outgoing
        (4, 0, 1, [True, True]),
        (4, 1, 1 | 3 << 2, [True, True]),
        (4, 2, 2 << 2, [True, True]),
        (4, 3, 4 << 2, [True, True]),
        (48, 0, 0, [True, True]),  # a VLAN tag beside the frame: never
    ],
)
def test_what_the_kernel_would_know(place, operand, flags, expected):
    batch = batch_of([bytes(12) + b"\x08\0" + bytes(50), bytes(12) + b"\x86\xdd" + bytes(50)])
    batch.flags[:] = array("q", [flags] * 2)
    program = (
        (0x28, 0, 0, 0xFFFFF000 + place),
        (0x15, 0, 1, operand),
        (6, 0, 0, 1),
        (6, 0, 0, 0),
    )
    for fast in (False, True):
        chosen = select(program, batch, fast)
        numbers = {chosen.number(index) - 101 for index in range(chosen.count)}
        assert [index in numbers for index in range(2)] == expected


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ((), "1 to 65,536 instructions"),
        (((0x20, 0, 0, 1),), "does not end with a return"),
        (((0x15, 0, 1, 1), (6, 0, 0, 1)), "instruction 0 .* jumps behind the end"),
        (((5, 0, 0, 1), (6, 0, 0, 1)), "jumps behind the end"),
        (((5, 0, 0, 0xFFFFFFFE), (6, 0, 0, 1)), "jumps before the beginning"),
        (((0x34, 0, 0, 0), (6, 0, 0, 1)), "divides by zero"),
        (((0x60, 0, 0, 16), (6, 0, 0, 1)), "uses memory cell 16 of 16"),
        (((3, 0, 0, 99), (6, 0, 0, 1)), "uses memory cell 99 of 16"),
        (((0xFFFF, 0, 0, 1), (6, 0, 0, 1)), "unknown code 0xffff"),
    ],
)
def test_programs_that_are_not_valid(program, said):
    with pytest.raises(NetariumError, match=said):
        select(program, batch_of(FRAMES[:3]), False)


def test_a_program_that_would_never_end_accepts_nothing():
    program = ((5, 0, 0, 0xFFFFFFFF), (6, 0, 0, 1))
    for fast in (False, True):
        assert select(program, batch_of(FRAMES[:2]), fast).count == 0
