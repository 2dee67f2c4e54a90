"""Being root without being root: the user namespace of a rootless lab."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from netarium.errors import MachineError
from netarium.runtime import kernel

__all__ = ["enter_user_namespace", "subordinate_ids"]

_RANGE = 65535


def subordinate_ids(path: str) -> tuple[int, int] | None:
    """The user's first range of 65,535 or more further ids in /etc/subuid or /etc/subgid."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        owner, _, rest = line.partition(":")
        first, _, count = rest.partition(":")
        whole = first.isdigit() and count.isdigit() and int(count) >= _RANGE
        if whole and owner in (name, str(uid)):
            return int(first), int(count)
    return None


def enter_user_namespace() -> bool:
    """Become root of a new user namespace; True where only one id is mapped.

    With newuidmap(1) and ranges in /etc/subuid and /etc/subgid all of 0..65535 are
    mapped, else root alone, which is then everybody.

    Raises:
        MachineError: this kernel does not let the user have one.
    """
    uid, gid = os.geteuid(), os.getegid()
    mapper = _mapper(uid, gid)
    try:
        kernel.unshare(kernel.CLONE_NEWUSER)
        if mapper is not None and mapper():
            os.setgid(0)
            os.setuid(0)
            return False
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    except OSError as error:
        raise MachineError(
            f"this kernel refuses user namespaces to ordinary users: {error.strerror}",
            "run netarium as root, or allow them: sysctl"
            " kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu,"
            " kernel.unprivileged_userns_clone=1 on older Debian",
        ) from None
    return True


def _mapper(uid: int, gid: int) -> Callable[[], bool] | None:
    """A child that stays outside; the function has it map all ids, and tells whether it could."""
    uids, gids = subordinate_ids("/etc/subuid"), subordinate_ids("/etc/subgid")
    map_uids, map_gids = shutil.which("newuidmap"), shutil.which("newgidmap")
    if not (uids and gids and map_uids and map_gids):
        return None
    parent = os.getpid()
    ready_read, ready_write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(ready_write)
            os.read(ready_read, 1)
            for tool, own, first in ((map_uids, uid, uids[0]), (map_gids, gid, gids[0])):
                words = [tool, str(parent), "0", str(own), "1", "1", str(first), str(_RANGE)]
                subprocess.run(words, check=True, capture_output=True)
            code = 0
        finally:
            os._exit(code)
    os.close(ready_read)

    def finish() -> bool:
        os.close(ready_write)
        return os.waitpid(child, 0)[1] == 0

    return finish
