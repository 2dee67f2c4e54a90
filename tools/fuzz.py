"""Spoils packets of every protocol by the million, and asks netarium all it can tell of them.

    tools/fuzz.py                       ten million packets, on all cores
    tools/fuzz.py 100000 --seed 7       fewer, the same each time
    tools/fuzz.py --seed 7 --block 93   one block of a thousand again, after a failure

Each packet is parsed, shown in all ways, judged, made anew and cut into segments; blocks of
them go through lines, columns, flows, filters, streams and capture files, which are spoiled
as well. Nothing may raise, hang, or keep memory. A failure tells the packet and the seed.
"""

from __future__ import annotations

import argparse
import gc
import io
import multiprocessing
import os
import random
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from netarium.wire.batch import Batch

BLOCK = 1000  # packets that are tried together
LINKS = (0, 1, 12, 99, 101, 108, 113, 228, 229, 276)
_A_PACKET = 5  # seconds of computing after which one hangs; honest ones take a thousandth
_A_BLOCK = 120  # the same for a block in compiled loops, which no signal stops
_GROWTH = 96 << 20  # bytes by which a process may grow behind its first blocks
_SETTLED = 40  # blocks after which all that is loaded late has been loaded
_MEMORY = 16 << 30  # bytes of address space: compiled code takes much, and uses little
#: Nothing known; inbound; outbound; not yet computed, also of a super-frame; valid.
_FLAGS = (0, 0, 0, 1, 2, 1 << 9, 1 << 9 | 1 << 11, 1 << 10)
_FILTERS = ("tcp port 80 or ip6", "vlan and udp", "icmp[icmptype] = icmp-unreach or arp")


class Hang(Exception):  # noqa: N818
    """Something took longer than it may."""


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    # The process's own time: a machine with more to do lets it wait.
    def stop(*_: Any) -> None:
        raise Hang(f"took more than {seconds} seconds")

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


class Failure(Exception):  # noqa: N818
    """What went wrong, with which packet."""

    def __init__(self, where: str, error: BaseException, frame: tuple[bytes, int, int]) -> None:
        data, link, length = frame
        told = "".join(traceback.format_exception(error, limit=-6))
        packet = f"link type {link}, {length} bytes on the wire, captured:\n{data.hex()}"
        super().__init__(f"{where}\n{told}{packet}")


# --- one block ----------------------------------------------------------------------------


def spoiled(rng: random.Random, corpus: list[tuple[bytes, int]]) -> list[tuple[bytes, int, int]]:
    """A block of packets: bytes, link type, length on the wire."""
    from tests.wire.mutating import mutate

    frames = []
    for number in range(BLOCK):
        data, link = rng.choice(corpus)
        data = mutate(rng, data, rng.choice(corpus)[0])
        if number % 8 == 0:
            link = rng.choice(LINKS)
        frames.append((data, link, len(data) + (rng.randrange(2000) if number % 7 == 0 else 0)))
    return frames


def try_packets(rng: random.Random, frames: list[tuple[bytes, int, int]]) -> float:
    """Look at each packet from all sides; gives the seconds that the slowest took."""
    slowest = 0.0
    for number, frame in enumerate(frames):
        began = time.perf_counter()
        try:
            with _limit(_A_PACKET):
                _try_packet(rng, number, *frame)
        except Exception as error:
            raise Failure("a packet by itself", error, frame) from error
        slowest = max(slowest, time.perf_counter() - began)
    return slowest


def _try_packet(rng: random.Random, number: int, data: bytes, link: int, length: int) -> None:
    from tests.wire.mutating import cut_into_segments, look_at_everything, make_anew

    from netarium.wire.drawing.packet import draw_packet
    from netarium.wire.drawing.text import packet_text
    from netarium.wire.packet import Packet
    from netarium.wire.text.hexdump import hexdump
    from netarium.wire.text.json_view import plain_data
    from netarium.wire.text.layers import layered

    packet = Packet.parse(data, link, length)
    assert packet.data == data
    look_at_everything(packet)
    turn = number % 16
    if turn == 0:
        text = layered(packet, meanings=True)
        assert text.replace("\n", "").isprintable(), "control characters in the layers"
    elif turn == 1:
        assert hexdump(packet).replace("\n", "").isprintable()
    elif turn == 2:
        plain_data(packet)
    elif turn in (3, 4):
        make_anew(packet.copy())
    elif turn in (5, 6):
        cut_into_segments(rng, packet)
    elif turn == 7:
        _set_a_field(rng, packet)
    elif number == 8:
        draw_packet(packet)
    elif number == 9:
        packet_text(packet)


def _set_a_field(rng: random.Random, packet: Any) -> None:
    """Set a field of a layer to what it is, or let it follow: the rest is made anew."""
    from netarium.wire.field import FieldError

    layer = rng.choice(packet.layers) if packet.layers else None
    fields = list(layer.values().items()) if layer else []
    if not layer or not fields:
        return
    name, value = rng.choice(fields)
    try:
        if rng.random() < 0.5:
            setattr(layer, name, value)
        else:
            delattr(layer, name)
    except FieldError:
        pass  # a value that was read in what is broken, and cannot be written
    repr(packet)


def try_block(rng: random.Random, frames: list[tuple[bytes, int, int]], *, fast: bool) -> None:
    """All that works on many packets at once."""
    for what in (_lines, _columns, _filters, _streams, _files):
        state = rng.getstate()
        try:
            what(rng, _batch(frames), fast)
        except Exception as error:
            # Which packet was it? The same with each alone tells, unless they need each other.
            for frame in frames:
                rng.setstate(state)
                try:
                    what(rng, _batch([frame]), fast)
                except Exception as single:
                    raise Failure(f"{what.__name__}, one packet", single, frame) from single
            raise Failure(f"{what.__name__}, the whole block", error, frames[0]) from error


def _batch(frames: list[tuple[bytes, int, int]]) -> Batch:
    from netarium.wire.batch import Batch, Interface

    batch = Batch.sized(memoryview(b"".join(data for data, _, _ in frames)), len(frames))
    links = sorted({link for _, link, _ in frames})
    batch.interfaces = [Interface(name=f"i{link}", link_type=link) for link in links]
    at = 0
    for index, (data, link, length) in enumerate(frames):
        batch.start[index], batch.captured[index], batch.length[index] = at, len(data), length
        batch.time[index] = 1_700_000_000_000_000_000 + index * 1_000_000
        batch.interface[index] = links.index(link)
        batch.flags[index] = _FLAGS[index % len(_FLAGS)]
        batch.segment[index] = 1448 if index % 5 == 0 else 0
        at += len(data)
    batch.count = len(frames)
    return batch


def _lines(rng: random.Random, batch: Batch, fast: bool) -> None:
    from netarium.wire.text.lines import lines

    text = lines(batch, fast=fast)
    if fast and rng.random() < 0.02:
        assert text == lines(batch), "other lines out of compiled loops"
    assert text.count(b"\n") == batch.count, "as many lines as packets"
    assert text.decode().replace("\n", "").isprintable(), "control characters in the lines"


def _columns(rng: random.Random, batch: Batch, fast: bool) -> None:
    from netarium.capture.columnar import columns_of
    from netarium.capture.tables import packet_columns

    names = list(packet_columns())
    table = columns_of(batch, names, fast)
    assert table.num_rows == batch.count
    if fast and rng.random() < 0.02:
        assert table.equals(columns_of(batch, names, False)), "other columns out of compiled loops"


def _filters(rng: random.Random, batch: Batch, fast: bool) -> None:
    from netarium.errors import NetariumError
    from netarium.ports.bpf import select_by_link
    from netarium.ports.libpcap import compile_filter

    programs = {}
    for link in batch.links():
        try:
            programs[link] = compile_filter(rng.choice(_FILTERS), link)
        except NetariumError:
            pass  # a filter that makes no sense for this link
    assert select_by_link(programs, batch, fast).count <= batch.count


def _streams(rng: random.Random, batch: Batch, fast: bool) -> None:
    from netarium.capture.streams import _numbered
    from netarium.wire.reassembly import TCPStream

    streams: dict[int, TCPStream] = {}
    for one, number, direction in _numbered([batch]):
        if one.protocol == 6:
            streams.setdefault(number % 4, TCPStream(1 << 16)).segment(
                direction,
                one.sequence,
                one.data,
                flags=one.flags,
                acknowledged=one.acknowledged,
                length=one.length,
            )
    for stream in streams.values():
        stream.finish()


def _files(rng: random.Random, batch: Batch, fast: bool) -> None:
    from tests.wire.mutating import mutate

    from netarium.errors import NetariumError
    from netarium.ports.capture_file import CaptureReader
    from netarium.ports.pcapng import PcapngWriter

    written = io.BytesIO()
    writer = PcapngWriter(written)
    writer.write(batch, fast=fast)
    writer.close()
    raw = written.getvalue()
    assert sum(each.count for each in CaptureReader(io.BytesIO(raw), fast=fast)) == batch.count
    head = raw[:4000]
    broken = mutate(rng, head, head) + raw[len(head) :]
    try:
        for each in CaptureReader(io.BytesIO(broken), fast=fast):
            assert each.count
    except NetariumError:
        pass  # it is no capture file any more, and that is said


# --- a process ----------------------------------------------------------------------------


def _corpus() -> list[tuple[bytes, int]]:
    from tests.wire.corpus import corpus, other_links

    frames = [(data, 1) for _, data, _ in corpus() if data]
    return frames + [(data, link) for _, link, data in other_links() if data]


def run_block(seed: int, number: int, corpus: list[tuple[bytes, int]], *, fast: bool) -> float:
    """Try one block; the same seed and number give the same one."""
    rng = random.Random(f"{seed}.{number}")
    frames = spoiled(rng, corpus)
    slowest = try_packets(rng, frames)
    with _limit(_A_BLOCK):
        try_block(rng, frames, fast=fast)
    return slowest


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def _work(seed: int, first: int, step: int, blocks: int, fast: bool, done: Any, told: Any) -> None:
    """Try every ``step``-th block from ``first`` on, and tell how it went."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    number, settled, slowest = first, 0, 0.0
    try:
        corpus = _corpus()
        for turn, number in enumerate(range(first, blocks, step)):
            slowest = max(slowest, run_block(seed, number, corpus, fast=fast))
            done[first] += 1
            if turn == _SETTLED:
                gc.collect()
                settled = _resident()
            elif turn > _SETTLED and turn % 50 == 0 and _resident() > settled + _GROWTH:
                gc.collect()
                grown = _resident() - settled
                assert grown <= _GROWTH, f"grew by {grown >> 20} MiB in {turn} blocks"
        grown = max(0, _resident() - settled) if settled else 0
        told.put((number, "", slowest, grown))
    except BaseException as error:
        what = str(error) if isinstance(error, Failure) else traceback.format_exc(limit=-6)
        told.put((number, what, slowest, 0))


# --- all of them --------------------------------------------------------------------------


def fuzz(count: int, seed: int, processes: int, *, fast: bool, say: Callable[[str], None]) -> int:
    """Try ``count`` packets on so many processes; 0 where all went well."""
    blocks = -(-count // BLOCK)
    say(f"{blocks * BLOCK:,} packets, seed {seed}, {processes} processes")
    if fast:  # compiled once, for all processes
        run_block(seed, 0, _corpus(), fast=True)
    context = multiprocessing.get_context("spawn")
    done, told = context.Array("q", processes), context.Queue()
    workers = [
        context.Process(
            target=_work, args=(seed, first, processes, blocks, fast, done, told), daemon=True
        )
        for first in range(processes)
    ]
    began = time.monotonic()
    for worker in workers:
        worker.start()
    try:
        return _watch(workers, done, told, blocks, seed, began, say)
    finally:
        for worker in workers:
            worker.kill()
            worker.join()


def _watch(
    workers: list[Any],
    done: Any,
    told: Any,
    blocks: int,
    seed: int,
    began: float,
    say: Callable[[str], None],
) -> int:
    left, slowest, grown = len(workers), 0.0, 0
    # Counted in looks, a second each: a machine that sleeps, or stops this, is no hang.
    last, still = [0] * len(workers), [0] * len(workers)
    next_word = began + 10
    while left:
        try:
            number, what, slow, more = told.get(timeout=1)
        except Empty:
            number, what = -1, ""
        else:
            left -= 1
            slowest, grown = max(slowest, slow), max(grown, more)
        now = time.monotonic()
        for index, worker in enumerate(workers):
            moving = done[index] != last[index] or not worker.is_alive()
            last[index], still[index] = done[index], 0 if moving else still[index] + 1
            if still[index] > 5 * _A_BLOCK:
                number = index + len(workers) * last[index]
                what = f"hangs: nothing in {still[index]} seconds"
            if worker.exitcode:
                number, what = index + len(workers) * last[index], f"died ({worker.exitcode})"
        if what:
            say(f"FAILED in block {number}: {what}")
            say(f"Again: tools/fuzz.py --seed {seed} --block {number}")
            return 1
        if now > next_word or not left:
            tried = sum(done) * BLOCK
            rate = tried / (now - began)
            rest = (blocks * BLOCK - tried) / rate / 60 if rate else 0
            say(f"{tried:>12,} packets, {rate:,.0f} a second, {rest:.0f} minutes more")
            next_word = now + 60
    say(
        f"All went well in {time.monotonic() - began:.0f} seconds; the slowest packet took "
        f"{1000 * slowest:.0f} ms, no process grew by more than {grown >> 20} MiB."
    )
    return 0


def main() -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("count", nargs="?", type=int, default=10_000_000, help="packets")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--block", type=int, help="try this block of 1,000 alone")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--interpreted", action="store_true", help="compile no loops")
    options = parser.parse_args()
    fast = not options.interpreted
    if options.block is not None:
        run_block(options.seed, options.block, _corpus(), fast=fast)
        print("Nothing is wrong with it.")
        return 0
    try:
        return fuzz(
            options.count,
            options.seed,
            options.processes,
            fast=fast,
            say=lambda text: print(text, flush=True),
        )
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
