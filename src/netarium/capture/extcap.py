"""The plug-in by which Wireshark captures in labs (extcap(4)); ``python -m`` runs it.

Wireshark asks it for its interfaces at every start, so it loads little.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import netarium
from netarium.errors import NetariumError, NotFoundError

if TYPE_CHECKING:
    from netarium.runtime.state import RunningLab

__all__ = ["interfaces", "main"]

_PREFIX = "netarium"
_ETHERNET = "dlt {number=1}{name=EN10MB}{display=Ethernet}"
_CONFIGURATION = (
    "arg {number=0}{call=--snaplen}{display=Bytes kept of each packet}"
    "{tooltip=0 keeps all}{type=integer}{range=0,262144}{default=0}{group=Capture}",
    "arg {number=1}{call=--loopback}{display=Loopback interfaces too}"
    "{tooltip=Where the whole lab is captured}{type=boolflag}{default=false}{group=Capture}",
)


def interfaces(labs: Sequence[RunningLab]) -> Iterator[tuple[str, str, RunningLab, list[str]]]:
    """What Wireshark lists: a name, a text, the lab, and where to capture, none for all of it."""
    for lab in labs:
        yield f"{_PREFIX}-{lab.name}", f"All of lab {lab.name}", lab, []
    for lab in labs:
        for node in lab.lab.nodes:
            for interface in node.interfaces:
                place = f"{node.name}:{interface.name}"
                name = f"{_PREFIX}-{lab.name}-{node.name}-{interface.name}"
                yield name, f"{place} of lab {lab.name}", lab, [place]


def main(words: Sequence[str] | None = None) -> int:
    """Answer Wireshark; give the exit code. What goes wrong is said on stderr."""
    asked, _ = _parser().parse_known_args(words)  # later versions may ask for more
    try:
        if asked.extcap_interfaces:
            _list()
        elif asked.extcap_dlts:
            print(_ETHERNET)
        elif asked.extcap_config:
            print("\n".join(_CONFIGURATION))
        elif asked.capture:
            return _capture(asked)
        elif asked.extcap_capture_filter is not None:
            _check(asked.extcap_capture_filter, asked.extcap_interface)
        else:
            print("Wireshark runs this; netarium extcap --install has it do so.", file=sys.stderr)
            return 2
    except NetariumError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="netarium-extcap", add_help=False, allow_abbrev=False)
    for flag in ("--extcap-interfaces", "--extcap-dlts", "--extcap-config", "--capture"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--loopback", action="store_true")
    for option in ("--extcap-interface", "--fifo", "--extcap-capture-filter"):
        parser.add_argument(option)
    parser.add_argument("--snaplen", type=int, default=0)
    return parser


def _list() -> None:
    from netarium.runtime.state import running_labs

    print(f"extcap {{version={netarium.__version__}}}{{display=netarium}}")
    for name, text, _, _ in interfaces(running_labs()):
        print(f"interface {{value={name}}}{{display={text}}}")


def _check(expression: str, interface: str | None) -> None:
    """Say what is wrong with a filter; Wireshark takes silence for consent."""
    from netarium.capture.host_names import with_addresses
    from netarium.ports.libpcap import FilterError, compile_filter
    from netarium.runtime.state import running_labs

    labs = (lab.lab for name, _, lab, _ in interfaces(running_labs()) if name == interface)
    try:
        compile_filter(with_addresses(expression, lab) if (lab := next(labs, None)) else expression)
    except FilterError as error:
        print(error.what.splitlines()[0])


def _capture(asked: argparse.Namespace) -> int:
    from netarium.capture.recorder import open_source, record
    from netarium.capture.rotation import FileSink
    from netarium.capture.source import Options, Stop
    from netarium.capture.targets import known_names, lab_text, resolve
    from netarium.runtime.state import running_labs

    listed = {name: (lab, words) for name, _, lab, words in interfaces(running_labs())}
    if asked.extcap_interface not in listed:
        raise NotFoundError(f"{asked.extcap_interface} is not running any more")
    lab, words = listed[asked.extcap_interface]
    if not words and asked.loopback:
        words = [f"{node.name}{lo}" for node in lab.lab.nodes for lo in ("", ":lo")]
    stop = Stop()
    with resolve(words, lab=lab.name) as targets:
        targets.watched_by(stop)
        options = Options(
            asked.extcap_capture_filter or "", asked.snaplen, prompt=True, purpose="file"
        )
        source = open_source(targets, options)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        sink = FileSink(
            asked.fifo, source.interfaces, lab=lab_text(lab.lab), names=known_names(lab.lab)
        )
    except BaseException:
        source.close()
        raise
    stop.watch_reader(sink.fileno())
    record(source, sink, stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
