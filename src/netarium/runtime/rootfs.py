"""A node's root: an overlay over the host's files, with its own /etc, homes, /dev, /proc and /sys.

Three layers: the host's root at the bottom, read only; above it the *lab layer*,
written once, with what all nodes share (accounts, resolver, what of the host is
hidden); on top the node's own changes, in memory, gone with the lab.

``prepare`` runs once in the supervisor, ``enter`` and ``share`` in each node's first process.
"""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from netarium.errors import MachineError, NetariumError
from netarium.model.lab import Account, Lab, Node
from netarium.runtime import etc, kernel, survey
from netarium.runtime.kernel import (
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
)

__all__ = ["Foundation", "enter", "prepare", "share"]

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

#: Directories of the host's root of which a node sees nothing.
_EMPTY = frozenset(
    {"/boot", "/dev", "/home", "/lost+found", "/media", "/mnt", "/proc", "/root", "/run", "/srv"}
    | {"/sys", "/tmp"}
)

_DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9)}
_DEVICES["tty"] = (5, 0)

#: Network settings of the whole machine that the kernel lets every network namespace change.
_NOT_NAMESPACED = ("/proc/sys/net/netfilter/nf_hooks_lwtunnel",)

_VARIABLE = ("opt", "usr/local/bin", "usr/local/lib", "var/cache", "var/lib", "var/spool")

_OLD = "/.host"


@dataclass(frozen=True)
class Foundation:
    """What all nodes of a lab stand on: directories in the supervisor's private memory file system.

    ``accounts`` have the ids that are valid in this lab's user namespace;
    ``reachable`` are directories that nodes need besides their root; ``sleeper`` is
    the program that a node's first process becomes; ``mounts`` are the host's file
    systems below / that belong to the system; ``guarded`` are the parts of /proc
    through which root could change the host; ``sources`` are where the directories
    that nodes share really are, by the names that the lab has for them.
    """

    base: Path
    lab: Lab
    accounts: tuple[Account, ...]
    rootless: bool
    reachable: tuple[str, ...]
    sleeper: str
    mounts: tuple[str, ...]
    guarded: tuple[str, ...]
    sources: dict[str, str]

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
    for path in survey.hidden():
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
    mounted = survey.mounted()
    mounts = survey.system_mounts(mounted)
    return Foundation(
        base,
        lab,
        accounts,
        rootless,
        survey.reachable(_PRIVATE, {path for path, _ in mounted} - {"/", *mounts}),
        sleeper,
        mounts,
        () if rootless else survey.guarded(),
        {mount.source: os.path.realpath(mount.source) for n in lab.nodes for mount in n.mounts},
    )


def enter(foundation: Foundation, node: Node) -> None:
    """Build the node's root and make it the calling process's own.

    The caller is the first process of its PID namespace, in new mount, network,
    UTS and IPC namespaces. The host's root is still there, until ``share``. Raises
    OSError with the path concerned.
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
        _overlay(root, (f"{foundation.base}/lab", "/"), f"{own}/upper", f"{own}/work")
        for index, path in enumerate(foundation.mounts):
            layer = f"{foundation.base}/lab{path}"
            lower = (layer, path) if os.path.isdir(layer) else (path,)
            _overlay(root + path, lower, f"{own}/upper-{index}", f"{own}/work-{index}")
        if "/etc" in foundation.mounts:
            shutil.copytree(f"{own}/upper/etc", f"{root}/etc", dirs_exist_ok=True)
    os.chdir(root)
    kernel.pivot_root(".", "." + _OLD)
    os.chdir("/")
    backing = f"{_OLD}{own}/private"
    _private_directories(backing)
    for path in foundation.reachable:
        os.makedirs(path, exist_ok=True)
        _bind(_OLD + path, path, read_only=True)
    _system(foundation, backing)
    _homes(foundation.accounts)
    os.umask(0o022)


def share(foundation: Foundation, node: Node) -> None:
    """Mount the directories that the node shares with the host, and let go of the host's root.

    To be called when all of the node's own files are written: one that belongs where
    a shared directory is would be written to the host.

    Raises:
        NetariumError: a mount is not possible.
    """
    for mount in sorted(node.mounts, key=lambda mount: mount.target):  # parents first
        source = _OLD + foundation.sources[mount.source]
        words = f"mount {mount.source}:{mount.target}"
        if not os.path.exists(source):
            raise NetariumError(f"{words}: this machine has no {mount.source}", "make it first")
        if survey.is_below(os.path.realpath(mount.target), _OLD):
            raise NetariumError(f"{words}: the target leads out of the node", "choose another")
        try:
            _make_target(mount.target, directory=os.path.isdir(source))
            _bind(source, mount.target, read_only=mount.read_only)
        except OSError as error:
            raise NetariumError(
                f"{words}: {error.strerror}",
                "a directory goes over a directory, a file over a file; what is missing is"
                " made, where the node may write",
            ) from None
    for path in foundation.reachable:
        for mount in node.mounts:
            if survey.is_below(path, mount.target):
                _restore(path, mount.target)
    kernel.umount(_OLD)
    os.rmdir(_OLD)


def _make_target(path: str, *, directory: bool) -> None:
    os.makedirs(path if directory else os.path.dirname(path), exist_ok=True)
    if not directory and not os.path.exists(path):
        Path(path).touch()


def _restore(path: str, target: str) -> None:
    """Have a directory that the node needs back, where one that it shares now covers it."""
    if not os.path.isdir(path):
        raise NetariumError(
            f"a mount on {target} hides {path}, which netarium runs from",
            f"mount elsewhere, such as below /srv, or install netarium outside {target}",
        )
    _bind(_OLD + path, path, read_only=True)


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
        kernel.make_read_only(target)


def _overlay(target: str, lower: tuple[str, ...], upper: str, work: str, options: str = "") -> None:
    """An overlay of directories of which the last is the host's, at the bottom."""
    for path in (upper, work):
        os.makedirs(path, 0o755, exist_ok=True)
    if lower[-1] != "/":
        os.chmod(upper, stat.S_IMODE(os.stat(lower[-1]).st_mode))
    below = ":".join(map(_escaped, lower))
    layers = f"lowerdir={below},upperdir={_escaped(upper)},workdir={_escaped(work)}{options}"
    kernel.mount("netarium", target, "overlay", 0, layers)


def _escaped(path: str) -> str:
    """A path as overlayfs takes it among its options."""
    return path.replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")


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
    lower = (str(layer), path) if layer.is_dir() else (path,)
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


def _private_directories(backing: str) -> None:
    for path, mode in _PRIVATE.items():
        source = backing + "/" + path[1:].replace("/", "-")
        os.mkdir(source, mode)
        kernel.mount(source, path, flags=MS_BIND)
    os.mkdir(f"{backing}/shm", 0o1777)
    os.mkdir("/run/lock", 0o1777)


def _system(foundation: Foundation, backing: str) -> None:
    _bind(_OLD + str(foundation.base / "dev"), "/dev")
    kernel.make_read_only("/dev")
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
        _guard_proc(foundation.guarded)
    for path in _NOT_NAMESPACED:
        if os.path.exists(path):
            _bind(path, path, read_only=True)


def _guard_proc(guarded: tuple[str, ...]) -> None:
    """Root in a node is the host's root by number: close the files by which it could reach out."""
    for path in guarded:
        kernel.mount(path, path, flags=MS_BIND | MS_REC)
        kernel.make_read_only(path)
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


def _hide(layer: Path, path: str) -> None:
    """A whiteout (character device 0:0) makes what lies below it vanish from the overlay."""
    cover = layer / path[1:]
    _directory(cover.parent, 0o755)
    os.mknod(cover, stat.S_IFCHR, os.makedev(0, 0))


def _homes(accounts: tuple[Account, ...]) -> None:
    for account in accounts:
        home = account.home
        os.makedirs(home, 0o755, exist_ok=True)
        os.chmod(home, 0o700 if account.name == "root" else 0o755)
        for path, text in ((f"{home}/.bashrc", etc.BASHRC), (f"{home}/.profile", etc.PROFILE)):
            _put(path, text)
            os.chown(path, account.uid, account.gid)
        os.chown(home, account.uid, account.gid)
