"""The host's own OpenSSH as a client of nodes: its arguments, and a block for its configuration.

ssh reaches a node through ``netarium connect`` as its ProxyCommand, so no address
of a lab needs to be reachable from the host, and labs may share addresses.
"""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netarium.errors import NetariumError, NotFoundError

if TYPE_CHECKING:
    from netarium.runtime.state import RunningLab

__all__ = ["arguments", "block", "install", "refresh", "taken_names", "uninstall"]

_WITH_VALUE = frozenset("BbcDEeFIiJLlmOopQRSWw")  # ssh(1), SYNOPSIS
_HEADER = "# Nodes of running labs, written by `netarium ssh-config`; changes here are lost.\n"
_MARK = "# Nodes of netarium labs; `netarium ssh-config --uninstall` removes these two lines."
_OWN_FILE = "netarium.conf"


def _port(lab: RunningLab, node: str) -> int | None:
    """The port of a node's first SSH service; None without one."""
    for service in lab.lab.node(node).services:
        if service.kind == "ssh":
            port: Any = service.options.get("port", 22)
            return int(port)
    return None


def _proxy_command(lab: RunningLab, node: str, port: str) -> str:
    words = [sys.executable, "-I", "-m", "netarium.cli.main", "connect", "--lab", lab.name]
    # ssh expands % in the line itself.
    return f"{shlex.join(words).replace('%', '%%')} {node} {port}"


def _settings(lab: RunningLab) -> dict[str, str]:
    """What every node of a lab has in common."""
    return {
        "User": "root",
        "IdentityFile": f'"{lab.directory}/id_ed25519"',
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": f'"{lab.directory}/known_hosts"',
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        # A shared connection is found by host name: another lab may have the same.
        "ControlPath": "none",
    }


def arguments(lab: RunningLab, node: str, words: Sequence[str]) -> list[str]:
    """The command line of ssh that runs ``ssh [OPTION]... NODE [COMMAND]`` for a node.

    ``words`` are ssh's own options and the remote command. Options given there win.
    Raises NotFoundError where the node has no SSH service.
    """
    port = _port(lab, node)
    if port is None:
        raise NotFoundError(
            f"node {node} runs no ssh service",
            f"use: netarium shell {node} (or give the node the service ssh in its lab file)",
        )
    own = _settings(lab) | {
        "HostKeyAlias": node,
        "ProxyCommand": _proxy_command(lab, node, str(port)),
    }
    options, command = _split(words)
    defaults = [word for name, value in own.items() for word in ("-o", f"{name}={value}")]
    return ["ssh", *options, *defaults, "--", node, *command]


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Divide ssh's words where its options end (getopt(3), without ``--``)."""
    index = 0
    while index < len(words) and words[index].startswith("-") and words[index] != "-":
        if words[index] == "--":
            return list(words[:index]), list(words[index + 1 :])
        flags = words[index][1:]
        valued = next((i for i, flag in enumerate(flags) if flag in _WITH_VALUE), None)
        index += 2 if valued == len(flags) - 1 else 1
    return list(words[:index]), list(words[index:])


def block(labs: Iterable[RunningLab], avoid: Collection[str] = ()) -> str:
    """Configuration by which ``ssh NODE.LAB`` reaches any node of the labs.

    Plain ``ssh NODE`` works too where one lab only has such a node, unless the
    name is in ``avoid``.
    """
    labs = list(labs)
    reachable = {lab.name: [n.name for n in lab.nodes if _port(lab, n.name)] for lab in labs}
    every = [name for names in reachable.values() for name in names]
    text = [_HEADER]
    for lab in labs:
        patterns: list[str] = []
        for name in reachable[lab.name]:
            own = [f"{name}.{lab.name}"]
            if every.count(name) == 1 and name not in avoid:
                own.append(name)
            patterns += own
            text.append(f"\nHost {' '.join(own)}\n    HostName {name}\n")
            if _port(lab, name) != 22:
                text.append(f"    Port {_port(lab, name)}\n")
        if patterns:
            settings = _settings(lab) | {"ProxyCommand": _proxy_command(lab, "%h", "%p")}
            text.append(f"\nHost {' '.join(patterns)}\n")
            text += [f"    {name} {value}\n" for name, value in settings.items()]
    return "".join(text)


def taken_names(home: Path) -> set[str]:
    """Names that the user's own configuration gives a meaning to: its literal Host patterns."""
    found: set[str] = set()
    for line in _read(home / ".ssh/config").splitlines():
        words = line.strip().replace("=", " ", 1).split()
        if words and words[0].lower() == "host":
            found |= {word.strip('"') for word in words[1:] if not set(word) & set("*?!")}
    return found


def install(labs: Iterable[RunningLab], home: Path) -> Path:
    """Write the block to a file of its own and have ~/.ssh/config include it; returns the file.

    Doing it again brings the file up to date. The rest of ~/.ssh/config stays as it
    is, byte for byte, and keeps its mode.
    """
    own = home / ".ssh" / _OWN_FILE
    config = home / ".ssh/config"
    try:
        own.parent.mkdir(mode=0o700, exist_ok=True)
        _write(own, block(labs, taken_names(home)))
        text = _read(config)
        # First, since ssh takes the first value it finds, and below a Host line an Include
        # would count for that host only.
        if _MARK not in text:
            _write(config, f'{_MARK}\nInclude "{own}"\n{text}')
    except OSError as error:
        raise NetariumError(f"cannot write {error.filename}: {error.strerror}") from error
    return own


def refresh(labs: Iterable[RunningLab], home: Path) -> None:
    """Bring the file up to date where it is installed; labs come and go."""
    try:
        own = home / ".ssh" / _OWN_FILE
        if own.is_file():
            _write(own, block(labs, taken_names(home)))
    except OSError:
        pass  # a convenience: it must not make `up` or `down` fail


def uninstall(home: Path) -> bool:
    """Undo ``install``; False where there was nothing to undo."""
    own = home / ".ssh" / _OWN_FILE
    config = home / ".ssh/config"
    text = _read(config)
    lines = text.splitlines(keepends=True)
    found = own.exists() or _MARK in text
    try:
        for number, line in enumerate(lines):
            if line.rstrip("\n") == _MARK:
                del lines[number : number + 2]
                if lines:
                    _write(config, "".join(lines))
                else:
                    config.unlink()
                break
        own.unlink(missing_ok=True)
    except OSError as error:
        raise NetariumError(f"cannot change {error.filename}: {error.strerror}") from error
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="surrogateescape")
    except FileNotFoundError:
        return ""


def _write(path: Path, text: str) -> None:
    """Replace a file in one step, keeping its mode and, where it is a link, the link."""
    path = path.resolve()
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with open(descriptor, "w", errors="surrogateescape") as file:
            file.write(text)
            os.fchmod(descriptor, mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise
