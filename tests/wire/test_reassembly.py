"""TCP streams out of segments in any order, and datagrams out of fragments."""

from __future__ import annotations

import random

import pytest

from netarium.wire.reassembly import Chunk, Datagrams, TCPStream

SYN, ACK, FIN = 2, 16, 1


def _text(chunks: list[Chunk]) -> list[tuple[int, bytes | int]]:
    """Chunks with those of one direction joined; gaps as numbers."""
    joined: list[tuple[int, bytes | int]] = []
    for chunk in chunks:
        if chunk.missing:
            joined.append((chunk.direction, chunk.missing))
        if chunk.data:
            last = joined[-1] if joined else None
            if last and last[0] == chunk.direction and isinstance(last[1], bytes):
                joined[-1] = (chunk.direction, last[1] + chunk.data)
            else:
                joined.append((chunk.direction, chunk.data))
    return joined


def _run(*segments: tuple, finish: bool = True) -> list[tuple[int, bytes | int]]:
    stream, found = TCPStream(), []
    for direction, sequence, data, *more in segments:
        flags, acknowledged = (*more, 0, 0)[:2]
        found += stream.segment(
            direction, sequence % 2**32, data, flags=flags, acknowledged=acknowledged % 2**32
        )
    return _text(found + (stream.finish() if finish else []))


@pytest.mark.parametrize("start", [0, 1000, 2**32 - 1, 2**32 - 4, 2**31])
def test_in_order_over_the_wrap(start: int) -> None:
    assert _run(
        (0, start, b"", SYN),
        (1, 77, b"", SYN | ACK, start + 1),
        (0, start + 1, b"abc", ACK, 78),
        (0, start + 4, b"defgh", ACK, 78),
        (1, 78, b"xyz", ACK, start + 9),
        (0, start + 9, b"", FIN | ACK, 81),
    ) == [(0, b"abcdefgh"), (1, b"xyz")]


def test_out_of_order_twice_and_overlapping() -> None:
    assert _run(
        (0, 10, b"", SYN),
        (0, 17, b"ghi"),
        (0, 11, b"abc"),
        (0, 11, b"abc"),
        (0, 12, b"BCDE"),  # of what overlaps, what was in order first counts
        (0, 14, b"DEFGH"),
        (0, 20, b"jkl"),
    ) == [(0, b"abcDEFGHijkl")]


def test_every_order_of_segments_gives_the_same() -> None:
    chance = random.Random(7)
    text = bytes(chance.randrange(97, 123) for _ in range(400))
    for _ in range(200):
        start = chance.choice([5, 2**32 - 150])
        pieces, at = [], 0
        while at < len(text):
            size = chance.randrange(1, 40)
            pieces.append((at, text[at : at + size]))
            if chance.random() < 0.3:  # sent again, with more or less
                again = max(0, at - chance.randrange(20))
                pieces.append((again, text[again : at + chance.randrange(1, 60)]))
            at += size
        chance.shuffle(pieces)
        found = _run((0, start, b"", SYN), *((0, start + 1 + at, data) for at, data in pieces))
        assert found == [(0, text)]


def test_a_gap_is_given_up_when_the_other_side_acknowledges_it() -> None:
    lost = [(0, 10, b"", SYN), (0, 11, b"abc"), (0, 20, b"xyz", ACK, 1)]
    assert _run(*lost, finish=False) == [(0, b"abc")]
    assert _run(*lost, (1, 50, b"ok", ACK, 20), finish=False) == [(0, b"abc"), (1, b"ok")]
    given_up = [(0, b"abc"), (0, 6), (0, b"xyz"), (1, b"ok")]
    assert _run(*lost, (1, 50, b"ok", ACK, 23), finish=False) == given_up
    assert _run(*lost) == [(0, b"abc"), (0, 6), (0, b"xyz")]


def test_a_capture_that_begins_in_the_middle() -> None:
    assert _run((0, 500, b"abc", ACK, 9), (1, 9, b"x", ACK, 503)) == [(0, b"abc"), (1, b"x")]


def test_keep_alives_say_nothing() -> None:
    assert _run(
        (0, 10, b"", SYN),
        (0, 11, b"abc"),
        (0, 13, b"\0"),
        (0, 13, b""),
        (0, 14, b"d"),
    ) == [(0, b"abcd")]


def test_data_that_the_capture_cut_are_missing() -> None:
    stream = TCPStream()
    chunks = stream.segment(0, 1, b"abc", length=10)
    chunks += stream.segment(0, 11, b"def")
    assert _text(chunks) == [(0, b"abc"), (0, 7), (0, b"def")]


def test_a_syn_with_data() -> None:
    assert _run((0, 10, b"early", SYN), (0, 16, b"late")) == [(0, b"earlylate")]


def test_memory_is_bounded() -> None:
    stream, found = TCPStream(most=10_000), []
    found += stream.segment(0, 0, b"a")
    for number in range(1000):  # each behind another gap
        found += stream.segment(0, 10 + 20 * number, b"x" * 10)
        assert stream._sides[0].held <= 10_000
    assert len(found) > 900
    for number in range(20_000):  # of nothing but headers
        stream.segment(0, 10**6 + 2 * number, b"", length=1)
    assert stream._sides[0].held <= 10_000


def test_noise_never_raises_and_nothing_comes_twice() -> None:
    chance = random.Random(3)
    for _ in range(300):
        stream, given = TCPStream(most=2000), 0
        for _ in range(60):
            sequence = chance.choice([chance.randrange(300), chance.randrange(2**32)])
            data = bytes(chance.randrange(30))
            length = chance.choice([None, chance.randrange(3000)])
            chunks = stream.segment(
                chance.randrange(2),
                sequence,
                data,
                flags=chance.randrange(256),
                acknowledged=chance.randrange(400),
                length=length,
            )
            assert all(chunk.missing >= 0 for chunk in chunks)
            given += sum(len(chunk.data) for chunk in chunks)
        given += sum(len(chunk.data) for chunk in stream.finish())
        assert given <= 60 * 30


# --- fragments ----------------------------------------------------------------------------


def _fragments(data: bytes, size: int) -> list[tuple[int, bytes, bool]]:
    return [(at, data[at : at + size], at + size < len(data)) for at in range(0, len(data), size)]


def _join(fragments: list[tuple[int, bytes, bool]], datagrams: Datagrams | None = None) -> list:
    joiner = datagrams or Datagrams()
    return [
        whole
        for offset, data, more in fragments
        if (whole := joiner.add("key", offset, data, more=more)) is not None
    ]


def test_fragments_in_any_order() -> None:
    data = random.Random(1).randbytes(1000)
    fragments = _fragments(data, 104)
    for seed in range(50):
        shuffled = fragments * 1
        random.Random(seed).shuffle(shuffled)
        assert _join(shuffled) == [data]
    # One that comes twice, by another way, changes nothing.
    assert _join([*fragments[:3], fragments[1], *fragments[3:]]) == [data]


def test_fragments_that_overlap_or_contradict_throw_the_datagram_away() -> None:
    first, second, last = _fragments(bytes(24), 8)
    wrong = [
        [first, (4 * 2, b"evilevil", True), (8, bytes(8), True), last],  # the same place
        [first, (0, bytes(16), True), last],  # over two
        [first, last, (16, bytes(16), False)],  # behind the end
        [first, (8, bytes(7), True), last],  # only the last may have any length
        [first, (65528, bytes(16), False)],  # longer than a datagram can be
        [last, (32, bytes(8), True), first, second],
    ]
    for fragments in wrong:
        assert _join(fragments) == []


def test_only_so_many_datagrams_are_kept() -> None:
    joiner = Datagrams(most_datagrams=10, most_bytes=1000, patience=100)
    for key in range(50):
        joiner.add(key, 0, bytes(8), more=True)
        assert len(joiner) <= 10
    joiner = Datagrams(most_bytes=1000, patience=100)
    for key in range(50):
        joiner.add(key, 0, bytes(400), more=True)
        assert len(joiner) == min(key + 1, 2)
    joiner.add("late", 0, bytes(8), more=True, time=0)
    assert joiner.add("late", 8, bytes(8), more=False, time=101) is None
    assert joiner.add("late", 0, bytes(8), more=True, time=102) == bytes(16)
