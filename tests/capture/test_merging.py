"""Frames of several rings come out in order of time, and blocks are kept until they are."""

from __future__ import annotations

from array import array

import pytest

from netarium.capture.merging import COLUMNS, Merger
from netarium.ports.ring import Block, Ring
from netarium.wire.batch import Batch

SPEEDS = pytest.mark.parametrize("fast", [False, True], ids=["plain", "compiled"])
MEMORY = memoryview(bytes(1000))


def batch_of(times):
    batch = Batch(MEMORY, len(times))
    for number, name in enumerate(COLUMNS):
        setattr(batch, name, array("q", [time * 10 + number for time in times]))
    batch.time = array("q", times)
    return batch


def block(at):
    return Block(Ring(None, 0, 1 << 20, 1 << 17), at, 0)


@SPEEDS
def test_times_are_in_order_whatever_ring_they_came_from(fast):
    merger = Merger(MEMORY)
    merger.add(batch_of([10, 30, 50]), block(0))
    merger.add(batch_of([20, 40, 60]), block(1))
    batch, _ = merger.flush(None, fast=fast)
    assert list(batch.time) == [10, 20, 30, 40, 50, 60]
    assert list(batch.start) == [time * 10 + 1 for time in batch.time]
    assert list(batch.segment) == [time * 10 + 6 for time in batch.time]
    assert batch.count == 6
    assert batch.data is MEMORY
    assert len(merger) == 0


@SPEEDS
def test_what_is_too_young_is_held_back_with_its_block(fast):
    merger = Merger(MEMORY)
    old, mixed, young = block(0), block(1), block(2)
    merger.add(batch_of([10, 20]), old)
    merger.add(batch_of([15, 40]), mixed)
    merger.add(batch_of([50]), young)
    batch, done = merger.flush(30, fast=fast)
    assert (list(batch.time), done) == ([10, 15, 20], [old])
    merger.add(batch_of([35]))
    batch, done = merger.flush(40, fast=fast)
    assert (list(batch.time), done) == ([35, 40], [mixed])
    batch, done = merger.flush(None, fast=fast)
    assert (list(batch.time), done) == ([50], [young])


@SPEEDS
def test_equal_times_keep_the_order_in_which_they_came(fast):
    merger = Merger(MEMORY)
    for number in range(3):
        batch = batch_of([7])
        batch.interface = array("q", [number])
        merger.add(batch, block(number))
    batch, _ = merger.flush(7, fast=fast)
    assert list(batch.interface) == [0, 1, 2]


@SPEEDS
def test_nothing_is_nothing(fast):
    merger = Merger(MEMORY)
    empty = block(0)
    merger.add(batch_of([]), empty)  # its frames were not wanted
    batch, done = merger.flush(5, fast=fast)
    assert (batch.count, done) == (0, [empty])
