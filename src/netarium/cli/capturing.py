"""What ``netarium capture`` does, once its command line is read."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from netarium.cli.output import counted, note, print_json
from netarium.cli.quantities import parse_seconds, parse_size
from netarium.errors import UsageError

if TYPE_CHECKING:
    from netarium.capture.guardian import Guardian
    from netarium.capture.recorder import Sink, Summary
    from netarium.capture.rotation import Rotation
    from netarium.capture.source import Source, Stop
    from netarium.capture.targets import Targets

__all__ = ["capture"]

_STREAM = "-"
_READER_LEFT = 141


def capture(
    targets: Sequence[str],
    *,
    write: str = "",
    filter: str = "",
    count: int | None = None,
    time: str = "",
    snaplen: int = 0,
    size: str = "",
    period: str = "",
    keep: int = 0,
    host: str = "",
    backend: str = "ring",
    json: bool = False,
    lab: str | None = None,
) -> int:
    """Capture until enough, or until a signal; give the exit code. Arguments as of the verb."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # nothing here multiplies matrices
    rotation = _rotation(size, period, keep)
    if rotation and write in ("", _STREAM):
        raise UsageError("only files are rotated", "name one with -w FILE")
    from netarium.capture.guardian import Guardian
    from netarium.capture.recorder import open_source, record
    from netarium.capture.rotation import FileSink
    from netarium.capture.source import Options, Stop
    from netarium.capture.targets import resolve
    from netarium.capture.warming import warm

    seconds = parse_seconds(time) if time else None
    purpose = "file" if write else "" if json else "lines"
    is_prompt = write in ("", _STREAM)
    with contextlib.ExitStack() as kept:
        guardian = None
        if write not in ("", _STREAM):
            guardian = kept.enter_context(contextlib.closing(Guardian()))  # before any threads
        stop = kept.enter_context(contextlib.closing(Stop()))
        with resolve(targets, lab=lab, host=host) as chosen:
            chosen.watched_by(stop)
            options = Options(chosen.meant(filter), snaplen, prompt=is_prompt, purpose=purpose)
            source = kept.enter_context(contextlib.closing(open_source(chosen, options, backend)))
            sink = _sink(write, source, chosen, rotation, snaplen, guardian, json=json)
            nodes = sum(1 for place in chosen.places if place.node)
        if write:
            warm((backend, "file"))  # frames that come meanwhile wait
        stop.watch_reader(sink.fileno() if isinstance(sink, FileSink) else 1)
        with _ended_by_signals(stop):
            _announce(len(source.interfaces), nodes)
            summary = record(source, sink, stop, count=count, seconds=seconds, tell=note)
    if summary.reader_left:
        return _READER_LEFT
    if stop.why:
        note(f"{stop.why}; the capture ends")
    files = sink.files if isinstance(sink, FileSink) else []
    _conclude(summary, [file for file in files if file != _STREAM], json=json and bool(write))
    return 0


def _rotation(size: str, period: str, keep: int) -> Rotation:
    from netarium.capture.rotation import Rotation

    rotation = Rotation(
        parse_size(size) if size else 0, parse_seconds(period) if period else 0.0, keep
    )
    if keep and not rotation:
        raise UsageError(
            "--keep says how many files, but nothing when to begin a new one",
            "add -C 100MB or -G 60",
        )
    return rotation


def _sink(
    write: str,
    source: Source,
    chosen: Targets,
    rotation: Rotation,
    snaplen: int,
    guardian: Guardian | None,
    *,
    json: bool,
) -> Sink:
    if not write:
        from netarium.cli.packet_sinks import JsonSink, LineSink

        return JsonSink() if json else LineSink()
    from netarium.capture.rotation import FileSink
    from netarium.capture.targets import known_names, lab_text

    lab = chosen.lab.lab if chosen.lab else None
    sink = FileSink(
        write,
        source.interfaces,
        lab=lab_text(lab) if lab else "",
        names=known_names(lab) if lab else {},
        rotation=rotation,
        snaplen=snaplen,
        guardian=guardian,
    )
    if sink.is_pcap and (lab or len(source.interfaces) > 1):
        note("pcap keeps no names of interfaces and no lab file; for these, write .pcapng")
    return sink


@contextlib.contextmanager
def _ended_by_signals(stop: Stop) -> Iterator[None]:
    """Have Ctrl-C and kill end the capture cleanly; a second Ctrl-C does not wait for that."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}

    def end(number: int, frame: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    for number in numbers:
        # nohup has SIGHUP ignored, which is meant; shells so start SIGINT for jobs, which is not.
        if number != signal.SIGHUP or before[number] is not signal.SIG_IGN:
            signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _announce(interfaces: int, nodes: int) -> None:
    of = f" of {counted(nodes, 'node')}" if nodes else ""
    note(f"capturing on {counted(interfaces, 'interface')}{of}; Ctrl-C ends")


def _conclude(summary: Summary, files: Sequence[str], *, json: bool) -> None:
    """Say what came of it; with JSON on standard output."""
    if json:
        print_json(
            {
                "packets": summary.packets,
                "dropped": summary.dropped,
                "interfaces": summary.interfaces,
                "seconds": round(summary.seconds, 3),
                "files": list(files),
            }
        )
    packets = f"{summary.packets:,} packet{'' if summary.packets == 1 else 's'}"
    into = f" into {files[-1]}" if len(files) == 1 else f" into {len(files)} files" if files else ""
    text = f"{packets} captured{into}, {summary.lost:,} dropped by the kernel"
    lost = [f"{count:,} at {where}" for where, count in summary.dropped.items() if count]
    if lost:
        text += f" ({', '.join(lost)})\n  a filter (-f), or fewer bytes of each (-s 96), helps"
    note(text)
