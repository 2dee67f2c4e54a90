"""The fuzzer: a short run of it, and that it finds what it is for."""

from __future__ import annotations

import importlib.util
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from netarium.wire.packet import Packet

TOOL = Path(__file__).parents[2] / "tools" / "fuzz.py"


@pytest.fixture(scope="module")
def fuzz():
    spec = importlib.util.spec_from_file_location("fuzz_tool", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(TOOL), *words], capture_output=True, text=True, check=False
    )


def test_a_short_run() -> None:
    done = _run("24000", "--interpreted", "--seed", "20240101")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "24,000 packets, seed 20240101" in done.stdout
    assert "All went well" in done.stdout


def test_blocks_are_the_same_for_the_same_seed(fuzz) -> None:
    corpus = [(bytes(range(100)), 1), (bytes(60), 101)]
    first, again, other = (fuzz.spoiled(random.Random(seed), corpus) for seed in (1, 1, 2))
    assert first == again != other
    assert len(first) == fuzz.BLOCK
    assert len({data for data, _, _ in first}) > fuzz.BLOCK // 2


def test_a_packet_that_raises_is_told_in_full(fuzz, monkeypatch) -> None:
    def broken(self) -> str:
        raise KeyError("not so")

    monkeypatch.setattr(Packet, "__repr__", broken)
    with pytest.raises(fuzz.Failure) as raised:
        fuzz.try_packets(random.Random(1), [(b"\x01\x02\x03", 1, 77)])
    said = str(raised.value)
    assert "KeyError: 'not so'" in said
    assert "link type 1, 77 bytes on the wire, captured:\n010203" in said


def test_a_packet_that_hangs_is_found(fuzz, monkeypatch) -> None:
    def endless(self) -> str:
        while True:
            pass

    monkeypatch.setattr(Packet, "__repr__", endless)
    monkeypatch.setattr(fuzz, "_A_PACKET", 0.2)
    began = time.monotonic()
    with pytest.raises(fuzz.Failure, match="Hang: took more than"):
        fuzz.try_packets(random.Random(1), [(bytes(60), 1, 60)])
    assert time.monotonic() - began < 5


def test_the_packet_of_a_block_that_raises_is_found(fuzz, monkeypatch) -> None:
    def lines(batch, fast=False) -> bytes:
        if b"bad one" in bytes(batch.data):
            raise IndexError("out of range")
        return b"line\n" * batch.count

    monkeypatch.setattr("netarium.wire.text.lines.lines", lines)
    frames = [(bytes(60), 1, 60)] * 20 + [(b"the bad one", 1, 60)] + [(bytes(60), 1, 60)] * 5
    with pytest.raises(fuzz.Failure) as raised:
        fuzz.try_block(random.Random(1), frames, fast=False)
    assert str(raised.value).startswith("_lines, one packet")
    assert b"the bad one".hex() in str(raised.value)
