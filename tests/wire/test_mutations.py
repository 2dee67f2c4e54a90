"""Whatever the bytes are, reading, judging and showing them neither raises nor hangs."""

from __future__ import annotations

import random
import time

import pytest

from netarium.wire import Packet
from tests.wire.corpus import corpus, other_links
from tests.wire.mutating import cut_into_segments, look_at_everything, make_anew, mutate

LINKS = (0, 1, 12, 101, 108, 113, 228, 229, 276, 99)


def test_the_corpus_can_be_looked_at_from_all_sides():
    rng = random.Random(1)
    for name, data, length in corpus():
        packet = Packet.parse(data, 1, length)
        _try(name, data, look_at_everything, packet)
        _try(name, data, make_anew, packet.copy())
        _try(name, data, cut_into_segments, rng, packet)
    for name, link, data in other_links():
        _try(name, data, look_at_everything, Packet.parse(data, link))


@pytest.mark.parametrize("seed", range(4))
def test_spoiled_packets(seed):
    rng = random.Random(seed)
    frames = [data for _, data, _ in corpus()]
    slowest = 0.0
    for number in range(6000):
        data = mutate(rng, rng.choice(frames), rng.choice(frames))
        link = rng.choice(LINKS) if number % 5 == 0 else 1
        length = len(data) + (rng.randrange(2000) if number % 7 == 0 else 0)
        start = time.perf_counter()
        packet = Packet.parse(data, link, length)
        assert packet.data == data
        _try(seed, data, look_at_everything, packet)
        if number % 8 == 0:
            _try(seed, data, make_anew, packet.copy())
        if number % 8 == 1:
            _try(seed, data, cut_into_segments, rng, packet)
        slowest = max(slowest, time.perf_counter() - start)
    assert slowest < 2


def _try(name, data, check, *arguments):
    try:
        check(*arguments)
    except Exception as error:
        error.add_note(f"{name}: {data.hex()}")
        raise
