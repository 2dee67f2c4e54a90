"""The verb that puts the interfaces of labs into Wireshark's list."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from netarium.cli.options import Json, single
from netarium.cli.output import note, print_json, print_table
from netarium.errors import NetariumError, UsageError

__all__ = ["app"]

_NAME = "netarium"
_MARK = "netarium.capture.extcap"
_SCRIPT = """\
#!/bin/sh
# Puts the interfaces of running netarium labs into Wireshark's list.
exec {python} -I -m {module} "$@"
"""


def _extcap(
    install: Annotated[
        bool, typer.Option("--install", help="Have Wireshark and tshark list labs, for this user.")
    ] = False,
    uninstall: Annotated[bool, typer.Option("--uninstall", help="Undo that.")] = False,
    directory: Annotated[
        Path | None,
        typer.Option(
            "--directory",
            metavar="DIR",
            help="Wireshark's folder for such programs; default: its personal one.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Put every interface of every running lab into Wireshark's list, live.

    Without an option: what Wireshark would list now, and whether it is told to.
    """
    if install and uninstall:
        raise UsageError("--install and --uninstall do not go together", "use one of them")
    if install:
        _install((directory or _personal()) / _NAME, json=json)
    elif uninstall:
        found = [directory / _NAME] if directory else _installed()
        _uninstall(found, json=json)
    else:
        _show([directory / _NAME] if directory else _installed(), json=json)


def _places() -> Iterator[Path]:
    """Where Wireshark looks: from version 4.2 on, and before."""
    yield Path("~/.local/lib/wireshark/extcap").expanduser()
    configuration = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    yield Path(configuration).expanduser() / "wireshark/extcap"


def _personal() -> Path:
    """Where the Wireshark of this machine looks; the newest's place where there is none."""
    new, old = _places()
    for program in ("tshark", "wireshark"):
        if not (found := shutil.which(program)):
            continue
        told = subprocess.run(
            [found, "-G", "folders"], capture_output=True, text=True, check=False
        ).stdout
        if named := re.search(r"^Personal Extcap path:\s*(\S.*)$", told, re.MULTILINE):
            return Path(named[1])
        version = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
        numbers = re.search(r"(\d+)\.(\d+)\.\d+", version.stdout)
        return old if numbers and (int(numbers[1]), int(numbers[2])) < (4, 1) else new
    return new


def _is_ours(path: Path) -> bool:
    try:
        return _MARK in path.read_text()
    except (OSError, ValueError):
        return False


def _installed() -> list[Path]:
    return [place / _NAME for place in _places() if _is_ours(place / _NAME)]


def _install(path: Path, *, json: bool) -> None:
    if path.exists() and not _is_ours(path):
        raise NetariumError(f"{path} is something else", "remove it, or use --directory")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_SCRIPT.format(python=shlex.quote(sys.executable), module=_MARK))
        path.chmod(0o755)
    except OSError as error:
        raise NetariumError(f"{path} cannot be written: {error.strerror}") from None
    if json:
        print_json({"installed": str(path)})
    else:
        print(f"installed as {path}\n  see it with: tshark -D, or Wireshark's list of interfaces")
    if os.environ.get("SUDO_UID"):
        note("this is for root's Wireshark; for yours, run it without sudo")


def _uninstall(paths: list[Path], *, json: bool) -> None:
    gone = []
    for path in paths:
        if not _is_ours(path):
            continue
        try:
            path.unlink()
        except OSError as error:
            raise NetariumError(f"{path} cannot be removed: {error.strerror}") from None
        gone.append(str(path))
    if json:
        print_json({"removed": gone})
    else:
        print(f"removed {', '.join(gone)}" if gone else "it was not installed")


def _show(paths: list[Path], *, json: bool) -> None:
    from netarium.capture.extcap import interfaces
    from netarium.runtime.state import running_labs

    found = [(name, text) for name, text, _, _ in interfaces(running_labs())]
    installed = [str(path) for path in paths if _is_ours(path)]
    if json:
        listed = [{"name": name, "display": text} for name, text in found]
        print_json({"installed": installed, "interfaces": listed})
        return
    if found:
        print_table(("INTERFACE", "WHAT"), found)
    else:
        print("no lab is running")
    if not installed:
        note("Wireshark does not know of them yet: netarium extcap --install")


def app(verb: str) -> typer.Typer:
    """The verb's application."""
    return single(verb, _extcap)
