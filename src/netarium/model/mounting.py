"""Directories of the host that nodes see."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path as FilePath

import msgspec

from netarium.model.declaration import MountDeclaration
from netarium.model.faults import Faults, Path
from netarium.model.lab import Lab, Mount
from netarium.model.wiring import Host, positions

__all__ = ["mounts_of", "with_mounts"]

# The runtime makes these itself; a mount over them would break the node.
_KEPT = ("/", "/dev", "/proc", "/sys", "/etc", "/run")


def mounts_of(host: Host, directory: FilePath, faults: Faults) -> tuple[Mount, ...]:
    """A node's mounts, those of the lab's defaults first; a node's own wins its target."""
    found: dict[str, Mount] = {}
    for value, path in positions(host.defaults.mounts, ("defaults", "mounts")):
        mount = _mount(value, path, directory, faults)
        if mount:
            found[mount.target] = mount
    own: set[str] = set()
    for value, path in positions(host.declared.mounts, (*host.path, "mounts")):
        mount = _mount(value, path, directory, faults)
        if mount is None:
            continue
        if mount.target in own:
            faults.add(path, f"something is mounted on {mount.target} already", "keep one of them")
        own.add(mount.target)
        found[mount.target] = mount
    return tuple(found.values())


def _mount(
    value: str | MountDeclaration, path: Path, directory: FilePath, faults: Faults
) -> Mount | None:
    if isinstance(value, MountDeclaration):
        source, target, read_only = value.source, value.target, bool(value.read_only)
    else:
        parts = value.split(":")
        mode = parts[2] if len(parts) == 3 else "rw"
        if len(parts) not in (2, 3) or not parts[0] or mode not in ("ro", "rw"):
            faults.add(path, f"{value} is not a mount", "write SOURCE:TARGET or SOURCE:TARGET:ro")
            return None
        source, target, read_only = parts[0], parts[1], mode == "ro"
    if not target.startswith("/"):
        cure = "write where the node sees it, such as /srv/site"
        faults.add(path, f"{target or 'nothing'} is not an absolute path", cure)
        return None
    target = os.path.normpath(target).replace("//", "/")
    if target in _KEPT or target.startswith(("/dev/", "/proc/", "/sys/")):
        faults.add(path, f"{target} is the node's own", "mount elsewhere, such as /srv")
        return None
    if "\0" in source:
        faults.add(path, "has a zero byte", "remove it")
        return None
    # Not resolve(): what a symbolic link leads to may change while the lab file stays right.
    try:
        resolved = os.path.normpath(directory.absolute() / FilePath(source).expanduser())
    except RuntimeError:  # ~somebody whom the host does not know
        faults.add(path, f"{source} begins with nobody's home", "write the whole path")
        return None
    if not FilePath(resolved).exists():
        faults.add(path, f"{resolved} does not exist", "make it, or correct the path")
        return None
    return Mount(source=resolved, target=target, read_only=read_only)


def with_mounts(lab: Lab, mounts: Iterable[Mount]) -> Lab:
    """The lab with ``mounts`` added to every node; a node's own mount wins its target."""
    added = tuple(mounts)
    nodes = []
    for node in lab.nodes:
        own = {mount.target for mount in node.mounts}
        more = tuple(mount for mount in added if mount.target not in own)
        nodes.append(msgspec.structs.replace(node, mounts=(*node.mounts, *more)))
    return msgspec.structs.replace(lab, nodes=tuple(nodes))
