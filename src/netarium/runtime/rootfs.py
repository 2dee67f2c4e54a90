"""A node's root: an overlay over the host's files, with its own /etc, homes, /dev, /proc and /sys.

Three layers: the host's root at the bottom, read only; above it the *lab layer*,
written once, with what all nodes share (accounts, resolver, what of the host is
hidden); on top the node's own changes, in memory, gone with the lab.

``prepare`` runs once in the supervisor, ``enter`` in each node's first process.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from netarium.errors import MachineError
from netarium.model.lab import Account, Lab, Node
from netarium.runtime import etc, kernel
from netarium.runtime.kernel import (
    MS_BIND,
    MS_NOATIME,
    MS_NODEV,
    MS_NODIRATIME,
    MS_NOEXEC,
    MS_NOSUID,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
)

__all__ = ["Foundation", "enter", "prepare"]

#: Directories that each node has to itself, empty at first, with their modes.
_PRIVATE = {
    "/home": 0o755,
    "/media": 0o755,
    "/mnt": 0o755,
    "/root": 0o700,
    "/run": 0o755,
    "/srv": 0o755,
    "/tmp": 0o1777,
    "/var/log": 0o755,
    "/var/mail": 0o2775,
    "/var/tmp": 0o1777,
}

#: What of the host no node should read: keys, and the state of engines that run there.
_HIDDEN = (
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/shadow-",
    "/etc/ssl/private",
    "/var/backups",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/lib/kubelet",
    "/var/lib/libvirt",
    "/var/lib/lxd",
    "/var/lib/machines",
    "/var/spool/cron",
)

#: Directories of the host's root of which a node sees nothing.
_EMPTY = frozenset(
    {"/boot", "/dev", "/home", "/lost+found", "/media", "/mnt", "/proc", "/root", "/run", "/srv"}
    | {"/sys", "/tmp"}
)

_DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9)}
_DEVICES["tty"] = (5, 0)

#: Host file systems mounted below / that belong to the system a node sees.
_SYSTEM_MOUNTS = ("/usr", "/opt", "/var", "/nix", "/gnu", "/etc")
_DISKS = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "overlay", "erofs"})

_VARIABLE = ("opt", "usr/local/bin", "usr/local/lib", "var/cache", "var/lib", "var/spool")

_OLD = "/.host"


@dataclass(frozen=True)
class Foundation:
    """What all nodes of a lab stand on: directories in the supervisor's private memory file system.

    ``accounts`` have the ids that are valid in this lab's user namespace;
    ``reachable`` are directories that nodes need besides their root; ``sleeper`` is
    the program that a node's first process becomes; ``mounts`` are the host's file
    systems below / that belong to the system.
    """

    base: Path
    lab: Lab
    accounts: tuple[Account, ...]
    rootless: bool
    reachable: tuple[str, ...]
    sleeper: str
    mounts: tuple[str, ...]

    def account(self, name: str) -> Account:
        """The account of that name; root exists in every lab."""
        for account in self.accounts:
            if account.name == name:
                return account
        return Account(name=name, password="", uid=0, gid=0, home="/root")


def prepare(lab: Lab, base: Path, *, rootless: bool, single_id: bool) -> Foundation:
    """Mount the lab's memory file system at ``base`` and write the layer that nodes share.

    The caller is in its own mount namespace. ``single_id``: only one user id is
    mapped, so every account gets it.
    """
    kernel.mount("netarium", str(base), "tmpfs", MS_NOSUID, "mode=0755")
    accounts = lab.accounts
    if single_id:
        accounts = tuple(_with_id(account, 0) for account in accounts)
    layer = base / "lab"
    # In a rootless lab its root may write only into directories that are here.
    for name in ("", "etc/netarium", "etc/ssh", "etc/ssl/certs", "etc/sudoers.d", *_VARIABLE):
        _directory(layer / name, 0o755)
    for path in (*_PRIVATE, "/proc", "/sys", "/dev", "/lab", _OLD):
        _directory(layer / path[1:], 0o755)
    for path in _hidden():
        _hide(layer, path)
    for name, text in etc.account_files(accounts).items():
        _write(layer / "etc" / name, text, 0o640 if name == "shadow" else 0o644)
    _write(layer / "etc/nsswitch.conf", etc.NSSWITCH)
    _write(layer / "etc/resolv.conf", etc.resolv_conf(lab))
    _write(layer / "etc/ssh/ssh_config", etc.SSH_CONFIG)
    _write(layer / "etc/sudoers.d/netarium", etc.sudoers(accounts), 0o440)
    if not lab.resolvers:
        _write(layer / "etc/hosts", etc.hosts(lab.nodes))
    _devices(base / "dev", rootless=rootless)
    sleeper = shutil.which("sleep", path="/usr/bin:/bin")
    if sleeper is None:
        raise MachineError("this machine has no /usr/bin/sleep", "apt install coreutils")
    kernel.last_capability()  # remembered for all nodes
    (base / "nodes").mkdir()
    mounts = tuple(_system_mounts())
    return Foundation(base, lab, accounts, rootless, _reachable(), sleeper, mounts)


def enter(foundation: Foundation, node: Node) -> None:
    """Build the node's root and make it the calling process's own.

    The caller is the first process of its PID namespace, in new mount, network,
    UTS and IPC namespaces. Raises OSError with the path concerned.
    """
    # Strings and plain calls: a thousand nodes come this way, each in a copy of the
    # supervisor whose every touched page costs.
    own = f"{foundation.base}/nodes/{node.name}"
    root = f"{own}/root"
    os.umask(0)
    for path in (own, root, f"{own}/private", f"{own}/upper", f"{own}/upper/etc"):
        os.mkdir(path, 0o755)
    _put(f"{own}/upper/etc/hostname", node.name + "\n")
    if foundation.lab.resolvers:
        _put(f"{own}/upper/etc/hosts", etc.hosts([node]))
    if foundation.rootless:
        _parts(root, foundation.base / "lab", own)
    else:
        _overlay(root, f"{foundation.base}/lab:/", f"{own}/upper", f"{own}/work")
        for index, path in enumerate(foundation.mounts):
            _overlay(root + path, path, f"{own}/upper-{index}", f"{own}/work-{index}")
    os.chdir(root)
    kernel.pivot_root(".", "." + _OLD)
    os.chdir("/")
    backing = f"{_OLD}{own}/private"
    _private_directories(backing)
    for path in foundation.reachable:
        Path(path).mkdir(parents=True, exist_ok=True)
        _bind(_OLD + path, path, read_only=True)
    _system(foundation, backing)
    for mount in node.mounts:
        source = _OLD + mount.source
        if Path(source).is_dir():
            Path(mount.target).mkdir(parents=True, exist_ok=True)
        elif not Path(mount.target).exists():
            Path(mount.target).parent.mkdir(parents=True, exist_ok=True)
            Path(mount.target).touch()
        _bind(source, mount.target, read_only=mount.read_only)
    kernel.umount(_OLD)
    os.rmdir(_OLD)
    _homes(foundation.accounts)
    os.umask(0o022)


def _with_id(account: Account, number: int) -> Account:
    return Account(
        name=account.name,
        password=account.password,
        uid=number,
        gid=number,
        home=account.home,
        shell=account.shell,
        admin=account.admin,
    )


def _directory(path: Path, mode: int) -> None:
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)  # whatever the umask


def _put(path: str, text: str, mode: int = 0o644) -> int:
    """Write a new file; for where ``_write`` would be slow. The umask is 0."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        return os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.write_text(text)
    path.chmod(mode)


def _bind(source: str, target: str, *, read_only: bool = False) -> None:
    kernel.mount(source, target, flags=MS_BIND | MS_REC)
    if read_only:
        _remount_read_only(target)


def _remount_read_only(target: str) -> None:
    # A user namespace may not drop the flags that the mount came with.
    held = os.statvfs(target).f_flag
    keep = held & (MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME)
    kernel.mount("", target, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | keep)


def _overlay(target: str, lower: str, upper: str, work: str, options: str = "") -> None:
    source = lower.rpartition(":")[2]
    for path in (upper, work):
        os.makedirs(path, 0o755, exist_ok=True)
    if source != "/":
        os.chmod(upper, stat.S_IMODE(os.stat(source).st_mode))
    layers = f"lowerdir={lower},upperdir={upper},workdir={work}{options}"
    kernel.mount("netarium", target, "overlay", 0, layers)


def _parts(root: str, layer: Path, own: str) -> None:
    """The root of a rootless node: one overlay for each directory below /.

    A user namespace cannot overlay / itself, as it may not look behind the mounts
    that cover parts of it (the kernel keeps them locked, mount_namespaces(7)).
    """
    kernel.mount(root, root, flags=MS_BIND)  # pivot_root(2) takes mount points only
    for entry in sorted(os.scandir("/"), key=lambda entry: entry.name):
        target = f"{root}/{entry.name}"
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), target)
        elif entry.is_dir():
            os.mkdir(target, 0o755)
            if entry.path not in _EMPTY and os.access(entry.path, os.R_OK | os.X_OK):
                _part(target, entry.path, layer / entry.name, own)
    for name in os.listdir(layer):
        os.makedirs(f"{root}/{name}", 0o755, exist_ok=True)


def _part(target: str, path: str, layer: Path, own: str) -> None:
    lower = f"{layer}:{path}" if layer.is_dir() else path
    upper, work = f"{own}/upper{path}", f"{own}/work{path}"
    try:
        _overlay(target, lower, upper, work, ",userxattr")
    except OSError:  # a file system is mounted below it
        if path == "/etc":
            _copy_readable(path, target)
            _copy_readable(str(layer), target)
            _copy_readable(upper, target)
        else:
            _bind(path, target, read_only=True)


def _copy_readable(source: str, target: str) -> None:
    def is_hidden(directory: str, names: list[str]) -> list[str]:
        paths = [Path(directory, name) for name in names]
        return [
            path.name
            for path in paths
            if not (path.is_symlink() or os.access(path, os.R_OK)) or path.is_char_device()
        ]

    shutil.copytree(source, target, symlinks=True, ignore=is_hidden, dirs_exist_ok=True)


def _system_mounts() -> list[str]:
    """Host file systems below / that an overlay of / would leave out: it does not cross mounts."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        path = left.split()[4]
        covered = any(path == top or path.startswith(top + "/") for top in _SYSTEM_MOUNTS)
        if covered and right.split()[0] in _DISKS and "\\" not in path and Path(path).is_dir():
            found.append(path)
    return sorted(set(found))


def _private_directories(backing: str) -> None:
    for path, mode in _PRIVATE.items():
        source = backing + "/" + path[1:].replace("/", "-")
        os.mkdir(source, mode)
        kernel.mount(source, path, flags=MS_BIND)
    os.mkdir(f"{backing}/shm", 0o1777)
    os.mkdir("/run/lock", 0o1777)


def _system(foundation: Foundation, backing: str) -> None:
    _bind(_OLD + str(foundation.base / "dev"), "/dev")
    _remount_read_only("/dev")
    group = "" if foundation.rootless else ",gid=5"
    flags = MS_NOSUID | MS_NOEXEC
    options = f"newinstance,ptmxmode=0666,mode=0620{group}"
    kernel.mount("devpts", "/dev/pts", "devpts", flags, options)
    kernel.mount(f"{backing}/shm", "/dev/shm", flags=MS_BIND)
    kernel.mount("proc", "/proc", "proc", flags | MS_NODEV)
    try:
        kernel.mount("sysfs", "/sys", "sysfs", flags | MS_NODEV | MS_RDONLY)
    except PermissionError:
        pass  # some containers cover parts of /sys: a user namespace may not uncover them
    if not foundation.rootless:
        _guard_proc()


def _guard_proc() -> None:
    """Root in a node is the host's root by number: close the files by which it could reach out."""
    for path in ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs"):
        if os.path.exists(path):
            kernel.mount(path, path, flags=MS_BIND | MS_REC)
            _remount_read_only(path)
    kernel.mount("/proc/sys/net", "/proc/sys/net", flags=MS_BIND)
    kernel.mount("", "/proc/sys/net", flags=MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | MS_NOEXEC)
    for path in ("/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/latency_stats"):
        if os.path.exists(path):
            kernel.mount("/dev/null", path, flags=MS_BIND)


def _devices(directory: Path, *, rootless: bool) -> None:
    _directory(directory, 0o755)
    for name, (major, minor) in _DEVICES.items():
        path = directory / name
        if rootless:
            path.touch()
            kernel.mount(f"/dev/{name}", str(path), flags=MS_BIND)
        else:
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(major, minor))
            path.chmod(0o666)
    for name in ("pts", "shm", "net"):
        _directory(directory / name, 0o755)
    if Path("/dev/net/tun").exists():
        (directory / "net/tun").touch()
        kernel.mount("/dev/net/tun", str(directory / "net/tun"), flags=MS_BIND)
    for name, target in {
        "ptmx": "pts/ptmx",
        "fd": "/proc/self/fd",
        "stdin": "/proc/self/fd/0",
        "stdout": "/proc/self/fd/1",
        "stderr": "/proc/self/fd/2",
    }.items():
        (directory / name).symlink_to(target)


def _hidden() -> list[str]:
    keys = [str(path) for path in Path("/etc/ssh").glob("ssh_host_*")]
    return [path for path in (*_HIDDEN, *keys) if os.path.lexists(path)]


def _hide(layer: Path, path: str) -> None:
    """A whiteout (character device 0:0) makes what lies below it vanish from the overlay."""
    cover = layer / path[1:]
    _directory(cover.parent, 0o755)
    os.mknod(cover, stat.S_IFCHR, os.makedev(0, 0))


def _reachable() -> tuple[str, ...]:
    """Where Python and netarium live, as far as a node's private directories would cover it."""
    here = Path(__file__).resolve().parents[2]
    wanted = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.exec_prefix), here}
    wanted |= {Path(sys.executable).resolve().parents[1]}
    covered = [
        str(path)
        for path in sorted(wanted)
        if path.is_dir() and any(str(path).startswith(top + "/") for top in _PRIVATE)
    ]
    return tuple(p for p in covered if not any(p.startswith(q + "/") for q in covered))


def _homes(accounts: tuple[Account, ...]) -> None:
    for account in accounts:
        home = account.home
        os.makedirs(home, 0o755, exist_ok=True)
        os.chmod(home, 0o700 if account.name == "root" else 0o755)
        for path, text in ((f"{home}/.bashrc", etc.BASHRC), (f"{home}/.profile", etc.PROFILE)):
            _put(path, text)
            os.chown(path, account.uid, account.gid)
        os.chown(home, account.uid, account.gid)
