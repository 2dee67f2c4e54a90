"""What ``up`` and ``down`` do, once their arguments are known."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from netarium.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from netarium.model.lab import Lab, Mount
    from netarium.runtime.state import RunningLab
    from netarium.runtime.up import Progress

__all__ = ["bring_up", "host_mounts", "parse_mount", "take_down"]

#: Lab files that `up` takes without being told.
_DEFAULT_FILES = ("lab.yaml", "netarium.yaml")
#: Where nodes see the directory in which `up` was run.
_HERE = "/lab"
#: What the runtime makes in every node: a mount over it would break the node.
_KEPT = ("/", "//", "/dev", "/proc", "/sys", "/etc", "/run")


def bring_up(
    lab: str | None,
    *,
    mount: list[str] | None = None,
    no_mount: bool = False,
    name: str | None = None,
    json: bool = False,
) -> None:
    """Bring a lab up and show it; one that runs already is left as it is."""
    from netarium.cli.showing import print_lab, report
    from netarium.model import with_mounts
    from netarium.runtime import openssh
    from netarium.runtime.state import find_lab, running_labs
    from netarium.runtime.up import up

    wanted = _load(lab, name)
    if any(running.name == wanted.name for running in running_labs()):
        if json:
            from netarium.cli.output import print_json

            print_json(report(find_lab(wanted.name)))
        else:
            print(_runs_already(find_lab(wanted.name)))
        return
    wanted = with_mounts(wanted, host_mounts(mount or [], here=not no_mount))
    show = _Line(wanted.name)
    try:
        running = up(wanted, progress=show if sys.stderr.isatty() and not json else None)
        # From here on the lab is up: an interrupt must not make it look otherwise.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    finally:
        show.clear()
    openssh.refresh(running_labs(), Path.home())
    if json:
        from netarium.cli.output import print_json

        print_json(report(running))
        return
    print_lab(running)
    _suggest(wanted, alone=len(running_labs()) < 2)


def _runs_already(lab: RunningLab) -> str:
    """That it does, since when, and of which directory it has the files."""
    began, now = time.localtime(lab.since), time.localtime()
    form = "%H:%M" if began[:3] == now[:3] else "%Y-%m-%d %H:%M"
    does = "runs" if lab.state == "up" else "comes up"
    mounts = (m.source for n in lab.lab.nodes for m in n.mounts if m.target == _HERE)
    source = next(mounts, None)
    files = f"{_HERE} in it is {source}" if source else f"it has no {_HERE}"
    return (
        f"lab {lab.name} {does} already, since {time.strftime(form, began)}; {files}\n"
        f"  see: netarium status {lab.name}"
    )


class _Line:
    """Progress as one line of a terminal, rewritten in place."""

    def __init__(self, lab: str) -> None:
        self._lab = lab
        self._shown = False

    def __call__(self, progress: Progress) -> None:
        count = f" {progress.done}/{progress.total}" if progress.total else ""
        columns = os.get_terminal_size(2).columns
        text = f"{self._lab}: {progress.phase}{count}"[: max(columns - 1, 1)]
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
        self._shown = True

    def clear(self) -> None:
        """Remove the line."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _load(given: str | None, name: str | None) -> Lab:
    import msgspec

    from netarium.model import find, load, shipped

    if given is not None:
        if given not in dict(shipped()) and Path(given).is_dir():
            raise UsageError(
                f"{given} is a directory",
                f"name the lab file in it, as in {Path(given, 'lab.yaml')}",
            )
        lab = find(given)
    elif found := [file for file in _DEFAULT_FILES if Path(file).is_file()]:
        lab = load(found[0])
    else:
        raise UsageError(
            f"which lab? There is no {' or '.join(_DEFAULT_FILES)} here",
            f"name a lab file, or one of: {', '.join(name for name, _ in shipped())}",
        )
    return msgspec.structs.replace(lab, name=_checked_name(name)) if name else lab


def _checked_name(name: str) -> str:
    import re

    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", name):
        raise UsageError(
            f"{name!r} cannot name a lab", "use letters, digits, '-', '_' and '.'; 63 at most"
        )
    return name


def parse_mount(word: str) -> Mount:
    """A mount from ``DIR:/PATH[:ro]``. Raises UsageError, and NotFoundError for no such DIR."""
    from netarium.model.lab import Mount

    source, _, target = word.partition(":")
    read_only = target.endswith(":ro")
    target = target.removesuffix(":ro").removesuffix(":rw")
    if not source or not target.startswith("/") or ":" in target:
        raise UsageError(f"--mount {word!r} is not DIR:/PATH[:ro]", "as in --mount ./site:/srv/www")
    directory = Path(source).expanduser()
    if not directory.exists():
        raise NotFoundError(f"--mount {word!r}: there is no {directory}")
    target = os.path.normpath(target)
    if target in _KEPT or target.startswith(("/dev/", "/proc/", "/sys/")):
        raise UsageError(
            f"--mount {word!r}: {target} is the node's own", "mount elsewhere, such as /srv/www"
        )
    return Mount(source=str(directory.resolve()), target=target, read_only=read_only)


def host_mounts(words: list[str], *, here: bool) -> list[Mount]:
    """The mounts that ``up`` adds to every node; ``here`` shows the current directory as /lab."""
    from netarium.model.lab import Mount

    mounts = {mount.target: mount for mount in map(parse_mount, words)}
    if here and _HERE not in mounts:
        directory = os.getcwd()  # noqa: PTH109
        if directory == "/":
            from netarium.cli.output import note

            note("the current directory is /, so nodes see it read-only at /lab")
        mounts[_HERE] = Mount(source=directory, target=_HERE, read_only=directory == "/")
    return list(mounts.values())


def _suggest(lab: Lab, *, alone: bool) -> None:
    from netarium.cli.output import width
    from netarium.cli.suggesting import fit, own_name, suggestions

    tries = suggestions(lab, name=own_name(), alone=alone)
    if tries:
        print("\nTry next:")
        print("\n".join(fit(tries, width())))


def take_down(lab: str | None, *, every: bool = False, json: bool = False) -> None:
    """Take one lab down, or with ``every`` all of this user's."""
    from netarium.runtime import openssh
    from netarium.runtime.state import find_lab, running_labs
    from netarium.runtime.up import down

    if every and lab:
        raise UsageError("down takes a lab or --all, not both")
    going = running_labs() if every else [find_lab(lab)]
    for running in going:
        down(running)
        if not json:
            print(f"lab {running.name} is down")
    openssh.refresh(running_labs(), Path.home())
    if json:
        from netarium.cli.output import print_json

        print_json({"down": [running.name for running in going]})
    elif not going:
        print("no lab is running")
