"""Batches made of single frames, for tests."""

from __future__ import annotations

from netarium.wire.batch import Batch, Interface
from tests.wire.corpus import START, corpus

SECOND = 1_000_000_000


def batch_of(frames, link_type=1, **columns):
    """A batch of frames, each bytes or (bytes, length on the wire), a millisecond apart.

    ``columns``: values of other columns, or ``interfaces``.
    """
    frames = [frame if isinstance(frame, tuple) else (frame, len(frame)) for frame in frames]
    batch = Batch.sized(memoryview(b"".join(data for data, _ in frames)), len(frames))
    batch.interfaces = columns.pop("interfaces", [Interface(link_type=link_type)])
    batch.count = len(frames)
    at = 0
    for index, (data, length) in enumerate(frames):
        batch.start[index] = at
        batch.captured[index] = len(data)
        batch.length[index] = length
        batch.time[index] = START * SECOND + index * 1_000_000
        at += len(data)
    for name, values in columns.items():
        for index, value in enumerate(values):
            getattr(batch, name)[index] = value
    return batch


def corpus_batch():
    """The whole corpus as one batch."""
    return batch_of([(data, length) for _, data, length in corpus()])
