"""How the summary of a capture is shown: text for people, JSON for programs, a picture."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from netarium.cli.answers import duration, numbers_right
from netarium.cli.output import counted, print_folded, print_table
from netarium.wire.drawing.plot import amount, draw_throughput, rate, span_text
from netarium.wire.drawing.plot_text import plot_text

if TYPE_CHECKING:
    from netarium.capture.summary import Summary

__all__ = ["as_json", "picture", "show"]

_PIPE = 80  # columns of a plot where there is no terminal
_WIDEST = 160


def as_json(summary: Summary) -> dict[str, Any]:
    """The summary for programs; times in ISO 8601, UTC, and times of spans in nanoseconds."""
    told = dataclasses.asdict(summary)
    told["duration"] = summary.duration
    for each in (told, *told["conversations"], told["throughput"]):
        for name in ("began", "ended"):
            if name in each:
                each[name] = _iso(each[name])
    told["throughput"] = _json_throughput(summary)
    for protocol in told["protocols"]:
        protocol["path"] = list(protocol["path"])
    return told


def _json_throughput(summary: Summary) -> dict[str, Any]:
    found = summary.throughput
    return {"began": _iso(found.began), "span_ns": found.span, "bytes": found.series}


def _iso(time: int) -> str:
    return f"{datetime.fromtimestamp(time // 10**9, UTC):%Y-%m-%dT%H:%M:%S}.{time % 10**9:09}Z"


def picture(summary: Summary, name: str) -> str:
    """Throughput over time as SVG."""
    found = summary.throughput.coarser(_spans(summary, 240))
    most, span = rate(max(found.rates(), default=0)), span_text(found.span / 1e9)
    about = f"{_volume(summary)}; at most {most}, over {span}"
    title = f"Throughput of {name}"
    return draw_throughput(found.series, found.span, found.began, title, about)


def _spans(summary: Summary, most: int) -> int:
    """Few packets in many spans would be a comb."""
    return max(24, min(most, summary.packets // 4))


def _volume(summary: Summary) -> str:
    return (
        f"{summary.packets:,} packet{'' if summary.packets == 1 else 's'},"
        f" {amount(summary.bytes)}, {duration(summary.duration)}"
    )


def show(summary: Summary, name: str, top: int) -> None:
    """Print the summary; only the ``top`` largest of long lists."""
    if not summary.packets:
        print(f"{name}: no packets")
        return
    print_folded(f"{name}: {_volume(summary)}")
    began = datetime.fromtimestamp(summary.began // 10**9, UTC)
    facts = [f"from {began:%Y-%m-%d %H:%M:%S} UTC"]
    if summary.duration > 0:
        facts.append(f"{summary.packets / summary.duration:,.0f} packets/s")
        facts.append(rate(8 * summary.bytes / summary.duration))
    facts.append(f"{summary.bytes / summary.packets:.0f} bytes a packet")
    if summary.captured < summary.bytes:
        facts.append(f"{amount(summary.captured)} of it kept")
    print_folded(", ".join(facts))
    _show_plot(summary)
    _show_interfaces(summary)
    _show_protocols(summary)
    _show_connections(summary)
    _show_hosts(summary, top)


def _show_plot(summary: Summary) -> None:
    if summary.duration <= 0:
        return
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else _PIPE
    wide = min(columns - 1, _WIDEST)
    found = summary.throughput.coarser(_spans(summary, wide - 14))
    plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    seconds = found.span * found.spans / 1e9
    print()
    print(plot_text(found.rates(), seconds, wide, plain=plain))


def _table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], left: int = 1) -> None:
    """A table whose columns are numbers but for the first ones."""
    print()
    titles, cells = numbers_right(columns, rows, [place >= left for place in range(len(columns))])
    print_table(titles, cells)


def _show_interfaces(summary: Summary) -> None:
    if len(summary.interfaces) < 2 and not any(each.dropped for each in summary.interfaces):
        return
    told = any(each.dropped is not None for each in summary.interfaces)
    rows = [
        (each.name or "-", f"{each.packets:,}", amount(each.bytes))
        + ((f"{each.dropped:,}" if each.dropped is not None else "-",) if told else ())
        for each in summary.interfaces
    ]
    _table(("interface", "packets", "bytes", *(("dropped",) if told else ())), rows)
    if len(rows) > 1:
        print_folded("A frame counts at each interface that saw it; --interface NAME: at one.")


def _show_protocols(summary: Summary) -> None:
    rows = [
        (
            "  " * (len(each.path) - 1) + each.path[-1],
            f"{each.packets:,}",
            f"{each.packets / summary.packets:.1%}",
            amount(each.bytes),
            f"{each.bytes / summary.bytes:.1%}" if summary.bytes else "-",
        )
        for each in summary.protocols
    ]
    if rows:
        _table(("protocol", "packets", "", "bytes", ""), rows)


def _show_connections(summary: Summary) -> None:
    found = summary.connections
    if not found.count:
        return
    states = ", ".join(f"{count:,} {state}" for state, count in found.states.items())
    print()
    print_folded(
        f"TCP: {counted(found.count, 'connection')} ({states});"
        f" {counted(found.resent, 'segment')} sent again"
    )


def _show_hosts(summary: Summary, top: int) -> None:
    hosts = [
        (
            each.address,
            f"{each.packets_sent + each.packets_received:,}",
            amount(each.bytes_sent + each.bytes_received),
            amount(each.bytes_sent),
            amount(each.bytes_received),
        )
        for each in summary.endpoints[:top]
    ]
    if hosts:
        _table((_of("host", top, len(summary.endpoints)), "packets", "bytes", "sent", "got"), hosts)
    talks = [
        (
            each.a,
            each.b,
            f"{each.packets + each.packets_back:,}",
            amount(each.bytes + each.bytes_back),
            amount(each.bytes),
            amount(each.bytes_back),
            duration((each.ended - each.began) / 1e9),
        )
        for each in summary.conversations[:top]
    ]
    if talks:
        title = _of("between", top, len(summary.conversations))
        _table((title, "and", "packets", "bytes", "there", "back", "time"), talks, left=2)


def _of(title: str, shown: int, count: int) -> str:
    return f"{title} ({shown} of {count:,})" if count > shown else title
