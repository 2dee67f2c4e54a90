"""A node's root: an overlay over the host's files, with its own /etc, homes, /dev, /proc and /sys.

Three layers: the host's root at the bottom, read only; above it the *lab layer*,
written once, with what all nodes share (accounts, resolver, what of the host is
hidden); on top the node's own changes, in memory, gone with the lab.

``prepare`` runs once in the supervisor, ``enter`` in each node's first process.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import stat
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from netarium.errors import MachineError
from netarium.model.lab import Account, Lab, Node
from netarium.runtime import kernel
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

_PROFILE = """\
# What a login shell of a lab node starts with.
[ -n "$BASH_VERSION" ] && [ -f ~/.bashrc ] && . ~/.bashrc
"""

_BASHRC = """\
case $- in *i*) ;; *) return ;; esac
PS1='\\u@\\h:\\w\\$ '
[ "$(id -u)" = 0 ] && [ "$USER" = root ] && PS1='root@\\h:\\w# '
alias ls='ls --color=auto' ll='ls -l' grep='grep --color=auto'
HISTCONTROL=ignoreboth
[ -f /usr/share/bash-completion/bash_completion ] && . /usr/share/bash-completion/bash_completion
"""

_NSSWITCH = """\
passwd: files
group: files
shadow: files
hosts: files dns
networks: files
protocols: files
services: files
ethers: files
"""

_SSH_CONFIG = """\
# Hosts of the lab are known through the lab's certificate authority (/etc/ssh/ssh_known_hosts).
Host *
    SendEnv LANG LC_*
    HashKnownHosts no
    GSSAPIAuthentication no
"""

_SUDOERS = 'Defaults env_keep += "NETARIUM_LAB NETARIUM_NODE SSL_CERT_FILE REQUESTS_CA_BUNDLE"\n'


@dataclass(frozen=True)
class Foundation:
    """What all nodes of a lab stand on: directories in the supervisor's private memory file system.

    ``accounts`` have the ids that are valid in this lab's user namespace;
    ``reachable`` are directories that nodes need besides their root; ``sleeper`` is
    the program that a node's first process becomes.
    """

    base: Path
    lab: Lab
    accounts: tuple[Account, ...]
    rootless: bool
    reachable: tuple[str, ...]
    sleeper: str

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
    for name, text in _accounts_files(accounts).items():
        _write(layer / "etc" / name, text, 0o640 if name == "shadow" else 0o644)
    _write(layer / "etc/nsswitch.conf", _NSSWITCH)
    _write(layer / "etc/resolv.conf", _resolv_conf(lab))
    _write(layer / "etc/ssh/ssh_config", _SSH_CONFIG)
    admins = [f"{a.name} ALL=(ALL:ALL) NOPASSWD: ALL\n" for a in accounts if a.admin]
    _write(layer / "etc/sudoers.d/netarium", _SUDOERS + "".join(admins), 0o440)
    if not lab.resolvers:
        _write(layer / "etc/hosts", _hosts(lab.nodes))
    _devices(base / "dev", rootless=rootless)
    sleeper = shutil.which("sleep", path="/usr/bin:/bin")
    if sleeper is None:
        raise MachineError("this machine has no /usr/bin/sleep", "apt install coreutils")
    return Foundation(base, lab, accounts, rootless, _reachable(), sleeper)


def enter(foundation: Foundation, node: Node) -> None:
    """Build the node's root and make it the calling process's own.

    The caller is the first process of its PID namespace, in new mount, network,
    UTS and IPC namespaces. Raises OSError with the path concerned.
    """
    own = foundation.base / "nodes" / node.name
    for name in ("upper", "root", "private"):
        _directory(own / name, 0o755)
    _directory(own / "upper/etc", 0o755)
    _write(own / "upper/etc/hostname", node.name + "\n")
    if foundation.lab.resolvers:
        _write(own / "upper/etc/hosts", _hosts([node]))
    root = str(own / "root")
    if foundation.rootless:
        _parts(root, foundation.base / "lab", own)
    else:
        _overlay(root, f"{foundation.base}/lab:/", own / "upper", own / "work")
        for index, path in enumerate(_system_mounts()):
            _overlay(root + path, path, own / f"upper-{index}", own / f"work-{index}")
    os.chdir(root)
    kernel.pivot_root(".", "." + _OLD)
    os.chdir("/")
    backing = _OLD + str(own / "private")
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
    Path(_OLD).rmdir()
    _homes(foundation.accounts)


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


def _overlay(target: str, lower: str, upper: Path, work: Path, options: str = "") -> None:
    source = lower.rpartition(":")[2]
    for path in (upper, work):
        path.mkdir(parents=True, exist_ok=True)
    if source != "/":
        upper.chmod(stat.S_IMODE(os.stat(source).st_mode))
    layers = f"lowerdir={lower},upperdir={upper},workdir={work}{options}"
    kernel.mount("netarium", target, "overlay", 0, layers)


def _parts(root: str, layer: Path, own: Path) -> None:
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


def _part(target: str, path: str, layer: Path, own: Path) -> None:
    lower = f"{layer}:{path}" if layer.is_dir() else path
    upper, work = own / "upper" / path[1:], own / "work" / path[1:]
    try:
        _overlay(target, lower, upper, work, ",userxattr")
    except OSError:  # a file system is mounted below it
        if path == "/etc":
            _copy_readable(path, target)
            _copy_readable(str(layer), target)
            _copy_readable(str(upper), target)
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
        _directory(Path(source), mode)
        kernel.mount(source, path, flags=MS_BIND)
    _directory(Path(backing, "shm"), 0o1777)
    Path("/run/lock").mkdir()
    Path("/run/lock").chmod(0o1777)


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
        if Path(path).exists():
            kernel.mount(path, path, flags=MS_BIND | MS_REC)
            _remount_read_only(path)
    kernel.mount("/proc/sys/net", "/proc/sys/net", flags=MS_BIND)
    kernel.mount("", "/proc/sys/net", flags=MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | MS_NOEXEC)
    for path in ("/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/latency_stats"):
        if Path(path).exists():
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


def _resolv_conf(lab: Lab) -> str:
    lines = [f"search {lab.domain}"] if lab.domain else []
    return "\n".join([*lines, *(f"nameserver {a}" for a in lab.resolvers), ""])


def _hosts(nodes: Iterable[Node]) -> str:
    lines = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"]
    for node in nodes:
        names = " ".join(dict.fromkeys((*node.names, node.name)))
        addresses = node.addresses or ("127.0.1.1",)
        lines += [f"{address}\t{names}" for address in addresses]
    return "\n".join([*lines, ""])


def _accounts_files(accounts: tuple[Account, ...]) -> dict[str, str]:
    """passwd, shadow and group: the host's system accounts with the lab's people."""
    names = {account.name for account in accounts} | {"root"}
    gids = {account.gid for account in accounts}
    passwd, group = [], []
    for line in Path("/etc/passwd").read_text(errors="replace").splitlines():
        fields = line.split(":")
        if len(fields) == 7 and fields[0] not in names and _is_system(fields[2]):
            passwd.append(line)
    for line in Path("/etc/group").read_text(errors="replace").splitlines():
        fields = line.split(":")
        taken = len(fields) != 4 or fields[0] in names or int(fields[2]) in gids
        if not taken and _is_system(fields[2]):
            group.append(":".join([*fields[:3], ""]))
    shadow = [f"{line.split(':')[0]}:*:19000:0:99999:7:::" for line in passwd]
    own = [f"{a.name}:x:{a.uid}:{a.gid}:{a.name}:{a.home}:{a.shell}" for a in accounts]
    secrets = [f"{a.name}:{_hashed(a.password)}:19000:0:99999:7:::" for a in accounts]
    groups = {a.gid: f"{a.name}:x:{a.gid}:" for a in reversed(accounts)}
    return {
        "passwd": "\n".join([*own, *passwd, ""]),
        "shadow": "\n".join([*secrets, *shadow, ""]),
        "group": "\n".join([*groups.values(), *group, ""]),
    }


def _is_system(number: str) -> bool:
    return number.isdigit() and (int(number) < 1000 or int(number) == 65534)


def _hashed(password: str) -> str:
    """A SHA-512 crypt(3) hash for ``su`` and ``sudo``; ``*`` (no password) without libcrypt."""
    try:
        library = ctypes.CDLL("libcrypt.so.1")
    except OSError:
        return "*"
    library.crypt.restype = ctypes.c_char_p
    # Everybody knows a lab's passwords; few rounds keep `up` quick.
    result = library.crypt(password.encode(), b"$6$rounds=1000$netarium$")
    return bytes(result).decode() if result else "*"


def _homes(accounts: tuple[Account, ...]) -> None:
    for account in accounts:
        home = Path(account.home)
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o700 if account.name == "root" else 0o755)
        for name, text in ((".bashrc", _BASHRC), (".profile", _PROFILE)):
            (home / name).write_text(text)
            os.chown(home / name, account.uid, account.gid)
        os.chown(home, account.uid, account.gid)
