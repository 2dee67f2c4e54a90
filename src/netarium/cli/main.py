"""The ``netarium`` command: runs a verb, and turns every failure into one clear message.

Verbs load only when they are called, and those that people wait for many times an
hour (exec, shell, connect, up, down, read) are parsed by ``netarium.cli.quick`` where their
arguments are plain, since importing typer costs more than entering a node.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from netarium.errors import LabFileError, NetariumError, NotFoundError

__all__ = ["main"]

_QUICK = ("exec", "shell", "connect", "up", "down", "read", "capture")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; give the exit code (see ``netarium.errors``)."""
    words = list(sys.argv[1:] if argv is None else argv)
    _open_standard_streams()
    try:
        code = _dispatch(words)
        sys.stdout.flush()
        return code
    except NetariumError as error:
        _complain(_faults(error) if isinstance(error, LabFileError) else str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (head, less) has left. Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    except Exception as error:
        return _unexpected(error)


def _dispatch(words: list[str]) -> int:
    if words and words[0] in _QUICK and "_NETARIUM_COMPLETE" not in os.environ:
        from netarium.cli import quick

        code = quick.run(words)
        if code is not None:
            return code
    from netarium.cli import verbs

    return verbs.run(words)


def _faults(error: LabFileError) -> str:
    """A count, then each fault on a line that begins with FILE:LINE:, as editors expect."""
    if not error.faults:
        return str(error)
    count = len(error.faults)
    what = error.faults[0].file or "the lab"
    places = [f"{f.file}:{f.line or 1}:" if f.file else "" for f in error.faults]
    width = max(map(len, places))
    lines = [f"{what} has {count} fault{'s' if count > 1 else ''}"]
    for place, fault in zip(places, error.faults, strict=True):
        text = str(fault._replace(file=None))
        lines.append(f"{place:{width}} {text}" if place else f"  {text}")
    return "\n".join(lines)


def _complain(message: str) -> None:
    try:
        print(f"netarium: {message}", file=sys.stderr)
    except OSError:
        pass  # nobody is there to read it


def _unexpected(error: Exception) -> int:
    if os.environ.get("NETARIUM_DEBUG"):
        raise error
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        _complain(f"{where}{error.strerror}")
        return NotFoundError.exit_code if isinstance(error, FileNotFoundError) else 1
    _complain(
        f"this should not have happened: {type(error).__name__}: {error}\n"
        "  for the details to report, run it again with NETARIUM_DEBUG=1"
    )
    return 1


def _open_standard_streams() -> None:
    """Put /dev/null where a standard stream is closed: else the next file takes its place."""
    for stream in (0, 1, 2):
        try:
            os.fstat(stream)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = open(1, "w")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w")  # noqa: SIM115


if __name__ == "__main__":
    sys.exit(main())
