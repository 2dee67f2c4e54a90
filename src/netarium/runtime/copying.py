"""Files into and out of a node, as tar streams between this process and the node's own tar.

What a node sends is not trusted: only files, directories and symbolic links are
made here, below the destination and never through a link that came from the node.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from netarium.errors import NetariumError, NotFoundError
from netarium.runtime.run import run, start

if TYPE_CHECKING:
    from netarium.runtime.state import RunningLab

__all__ = ["copy_in", "copy_out", "extract", "stream_in", "stream_out"]

_KIND = 'if [ -d "$1" ]; then echo directory; elif [ -e "$1" ]; then echo file; else echo none; fi'
_FINAL_SLASH = ("/", "/.")


def copy_in(lab: RunningLab, source: Path, node: str, target: str, user: str = "root") -> None:
    """Copy a file or directory of the host to ``target`` on the node, as ``cp -r`` would.

    Into a directory that exists it goes under its own name; otherwise it gets the
    target's name. Relative targets start from the account's home. What arrives belongs to ``user``.

    Raises:
        NotFoundError: no such source, or the target's directory does not exist.
        NetariumError: the node could not write it.
    """
    if not os.path.lexists(source):
        raise NotFoundError(f"there is no {source} to copy")
    directory, name = _placing(lab, node, target, user, source.resolve().name)
    with start(lab, node, _untar(directory), user=user, **_pipes("stdin")) as process:
        assert process.stdin is not None
        try:
            with tarfile.open(fileobj=process.stdin, mode="w|", format=tarfile.PAX_FORMAT) as tar:
                tar.add(source, name, filter=_anonymous)
        except BrokenPipeError:
            pass  # tar in the node gave up; what it said comes below
        _finish(process, f"cannot write {target} on {node}")


def stream_in(lab: RunningLab, archive: IO[bytes], node: str, target: str, user: str) -> None:
    """Unpack a tar stream into a directory of the node."""
    if _kind(lab, node, target, user) != "directory":
        raise NotFoundError(f"node {node} has no directory {target}")
    with start(lab, node, _untar(target), user=user, stdin=archive, stderr=-1) as process:
        _finish(process, f"cannot unpack into {target} on {node}")


def copy_out(lab: RunningLab, node: str, source: str, target: Path, user: str = "root") -> None:
    """Copy a file or directory of the node to ``target`` on the host, as ``cp -r`` would.

    Into a directory that exists it goes under its own name; otherwise it gets the
    target's name. Device files, sockets and FIFOs are left out.

    Raises:
        NotFoundError: no such source, or the target's directory does not exist.
        NetariumError: reading failed, or the stream held what must not be made.
    """
    _require(lab, node, source, user)
    name = PurePosixPath(source).name
    into = target
    if target.is_dir():
        rename = name or node
    else:
        if not target.parent.is_dir():
            raise NotFoundError(f"there is no directory {target.parent}")
        into, rename = target.parent, target.name
        if str(target) != str(into / rename):
            raise NotFoundError(f"there is no directory {target}")
    with start(lab, node, _tar(source), user=user, **_pipes("stdout")) as process:
        assert process.stdout is not None
        with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
            extract(tar, into, rename)
        _finish(process, f"cannot read {source} on {node}")


def stream_out(lab: RunningLab, node: str, source: str, archive: IO[bytes], user: str) -> None:
    """Write a file or directory of the node to ``archive`` as a tar stream."""
    _require(lab, node, source, user)
    with start(lab, node, _tar(source), user=user, stdout=archive, stderr=-1) as process:
        _finish(process, f"cannot read {source} on {node}")


def extract(tar: tarfile.TarFile, directory: Path, name: str) -> None:
    """Make what an untrusted archive holds below ``directory``; its first level becomes ``name``.

    Symbolic links are made last, so that nothing is written through one. Owners are
    ignored and set-id bits dropped. Raises NetariumError for a path that leads outside.
    """
    root = directory / name
    links: list[tuple[Path, str]] = []
    modes: list[tuple[Path, int]] = []
    made: dict[str, Path] = {}
    for member in tar:
        path = _below(root, member.name)
        mode = member.mode & 0o777
        if member.issym():
            links.append((path, member.linkname))
            continue
        if member.isdir():
            path.mkdir(exist_ok=True, parents=True)
            modes.append((path, mode))
        elif member.isfile() or (member.islnk() and member.linkname in made):
            if path.is_symlink():
                path.unlink()  # as cp --remove-destination: the link's target is not ours to write
            path.parent.mkdir(exist_ok=True, parents=True)
            origin = made[member.linkname].open("rb") if member.islnk() else tar.extractfile(member)
            assert origin is not None
            with origin, path.open("wb") as file:
                shutil.copyfileobj(origin, file, 1 << 20)
            path.chmod(mode)
            if not member.islnk():
                os.utime(path, (member.mtime, member.mtime))
            made[member.name] = path
    for path, destination in links:
        path.parent.mkdir(exist_ok=True, parents=True)
        if path.is_symlink() or path.is_file():
            path.unlink()
        path.symlink_to(destination)
    for path, mode in reversed(modes):
        path.chmod(mode | 0o700)


def _below(root: Path, name: str) -> Path:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or name.startswith("/"):
        raise NetariumError(f"the node sent a path that leads outside: {name!r}")
    return root.joinpath(*parts[1:])


def _tar(source: str) -> list[str]:
    # From the parent, so that every member's path begins with one and the same word.
    path = PurePosixPath(source)
    if path.name in ("", ".."):
        return ["tar", "-C", source, "--transform", "s,^[.],root,", "-cf", "-", "--", "."]
    return ["tar", "-C", str(path.parent), "-cf", "-", "--", path.name]


def _untar(directory: str) -> list[str]:
    return ["tar", "-C", directory, "--no-same-owner", "-xf", "-"]


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _pipes(which: str) -> dict[str, Any]:
    return {which: subprocess.PIPE, "stderr": subprocess.PIPE}


def _kind(lab: RunningLab, node: str, path: str, user: str) -> str:
    return str(run(lab, node, ["/bin/sh", "-c", _KIND, "sh", path], user=user).stdout).strip()


def _require(lab: RunningLab, node: str, path: str, user: str) -> None:
    if _kind(lab, node, path, user) == "none":
        raise NotFoundError(f"node {node} has no {path}")


def _placing(lab: RunningLab, node: str, target: str, user: str, own: str) -> tuple[str, str]:
    """The directory of the node to unpack in, and the name that the copy gets there."""
    if _kind(lab, node, target or ".", user) == "directory":
        return target or ".", own
    path = PurePosixPath(target)
    if target.endswith(_FINAL_SLASH) or _kind(lab, node, str(path.parent), user) != "directory":
        missing = target if target.endswith(_FINAL_SLASH) else path.parent
        raise NotFoundError(f"node {node} has no directory {missing}")
    return str(path.parent), path.name


def _finish(process: subprocess.Popen[bytes], what: str) -> None:
    """Wait for the node's tar; raise what it complained about."""
    if process.stdin is not None:
        try:
            process.stdin.close()
        except BrokenPipeError:
            pass
    said = process.stderr.read().decode(errors="replace").strip() if process.stderr else ""
    if process.wait() != 0:
        last = said.splitlines()[0] if said else f"tar ended with {process.returncode}"
        raise NetariumError(f"{what}: {last.removeprefix('tar: ')}")
