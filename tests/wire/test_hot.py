"""Hot loops do the same interpreted and compiled, and are compiled once."""

from __future__ import annotations

import os
import subprocess
import sys
from array import array

import pytest

from netarium.wire import hot as loops
from netarium.wire import hot_objects
from netarium.wire.hot import hot, run


@hot
def double(value):
    return value * 2


@hot
def checksum(data, sums):
    total = 0
    for at in range(len(data)):
        total += double(int(data[at]) << 8)
        sums[at] = total
    return total


@pytest.mark.parametrize("fast", [False, True])
def test_buffers_are_shared_and_numbers_do_not_overflow(fast):
    sums = array("q", bytes(8 * 4))
    assert run(checksum, memoryview(b"\xff\xfe\x01\x00"), sums, fast=fast) == (255 + 254 + 1) * 512
    assert list(sums) == [255 * 512, 509 * 512, 510 * 512, 510 * 512]


def test_the_packets_cannot_be_written_to_by_a_compiled_loop():
    @hot
    def spoil(data):
        data[0] = 1

    with pytest.raises(Exception, match="readonly"):
        run(spoil, memoryview(bytearray(8)), fast=True)


PROGRAM = """
import sys
from array import array
from netarium.wire.bulk import walk
from netarium.wire.hot import run
place = array('q', bytes(8 * 64))
data = memoryview(bytes(12) + b'\\x08\\x00\\x45' + bytes(50))
run(walk.walk, data, 0, len(data), 1, place, fast=True)
value = run(walk.u16, data, 12, fast=True)
loaded = ['numba' in sys.modules, 'numpy' in sys.modules]
print(place[walk.ETHERTYPE], place[walk.NETWORK], value, *loaded)
"""


def test_compiled_loops_are_loaded_without_numba_the_second_time(tmp_path):
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}

    def told():
        words = [sys.executable, "-W", "error", "-c", PROGRAM]
        done = subprocess.run(words, env=environment, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    assert [told(), told()] == ["2048 14 2048 True True", "2048 14 2048 False False"]
    for kept in (tmp_path / "netarium").glob("loops-*/*.o"):
        kept.unlink()
    assert told() == "2048 14 2048 True True"  # compiled again, silently
    for kept in (tmp_path / "netarium").glob("loops-*/*.o"):
        kept.unlink()
    (folder,) = (tmp_path / "netarium").glob("loops-*")
    for name in ("netarium.wire.bulk.walk.walk", "netarium.wire.bulk.walk.u16"):
        (folder / f"{name}-0123456789abcdef.o").write_bytes(b"of another machine")
    assert told() == "2048 14 2048 True True"


@hot
def mixed(data, wide, narrow, out, number, flag):
    total = number + len(data) + len(wide) + len(narrow)
    for at in range(len(data)):
        total += data[at] * 3
        out[at] = data[at] ^ 255
    for at in range(len(wide)):
        wide[at] = wide[at] - total
    for at in range(len(narrow)):
        narrow[at] = at + 1
    return -total if flag else total


@hot
def is_even(number):
    return number % 2 == 0


@hot
def fill(out, value):
    for at in range(len(out)):
        out[at] = value


def test_machine_code_on_its_own_does_the_same(tmp_path, monkeypatch):
    """Kept as object files and loaded again in this process, beside the interpreter."""
    monkeypatch.setattr(loops, "_cache", lambda: tmp_path)

    def alone(function, *arguments):
        run(function, *arguments, fast=True)
        name = f"{__name__}.{function.__name__}"
        return hot_objects.load(tmp_path, name, hot_objects.kinds_of(arguments))

    def arguments():
        return [memoryview(b"abc"), array("q", [7, -(2**60)]), array("H", [0, 0]), bytearray(3)]

    scratch = [*arguments(), 5, True]
    twin = alone(mixed, *scratch)
    for number, flag in ((5, True), (-(2**40), False)):
        one, other = arguments(), arguments()
        assert twin(*one, number, flag) == mixed(*other, number, flag)
        assert one == other
    assert alone(is_even, 4)(3) is False
    assert alone(is_even, 4)(4) is True
    empty = alone(fill, bytearray(2), 7)
    assert empty(bytearray(), 7) is None


def test_what_is_unusual_is_left_to_numba():
    assert hot_objects.kinds_of((1, True, b"")) is None
    assert hot_objects.kinds_of((1.5,)) is None
    assert hot_objects.kinds_of((memoryview(bytes(8))[::2],)) is None
    assert hot_objects.kinds_of((memoryview(b""), array("q"), bytearray(), 1, False)) == "rBqw#?"


def test_short_work_is_left_to_the_interpreter():
    assert not loops.worth_compiling(10_000)
    assert loops.worth_compiling(10_000_000)


def test_importing_the_loops_imports_neither_numba_nor_numpy():
    program = (
        "import sys; import netarium.wire.hot, netarium.wire.packet, netarium.wire.batch; "
        "print([name for name in ('numba', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"
