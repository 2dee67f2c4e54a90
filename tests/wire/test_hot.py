"""Hot loops do the same interpreted and compiled, and are compiled once."""

from __future__ import annotations

import os
import subprocess
import sys
from array import array

import pytest

from netarium.wire import hot as loops
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


def test_a_twin_is_loaded_from_the_disk_the_second_time(tmp_path):
    program = (
        "from array import array; "
        "from netarium.wire import hot, walk; from netarium.wire.hot import run\n"
        "place = array('q', bytes(8 * 64))\n"
        "run(walk.walk, memoryview(bytes(64)), 0, 64, 1, place, fast=True)\n"
        "print(sum(hot.compiled(walk.walk).stats.cache_hits.values()))"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    hits = [
        subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for _ in range(2)
    ]
    assert hits == ["0", "1"]
    assert any((tmp_path / "netarium").glob("loops-*/**/*.nbc"))


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
