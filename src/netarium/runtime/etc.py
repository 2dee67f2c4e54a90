"""The texts that make a node's /etc and homes its own: accounts, names, shells. Mostly pure."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from pathlib import Path

from netarium.model.lab import Account, Lab, Node

__all__ = [
    "BASHRC",
    "NSSWITCH",
    "PROFILE",
    "SSH_CONFIG",
    "account_files",
    "hosts",
    "resolv_conf",
    "sudoers",
]

PROFILE = """\
# What a login shell of a lab node starts with.
[ -n "$BASH_VERSION" ] && [ -f ~/.bashrc ] && . ~/.bashrc
"""

BASHRC = """\
case $- in *i*) ;; *) return ;; esac
PS1='${USER:-\\u}@\\h:\\w\\$ '
alias ls='ls --color=auto' ll='ls -l' grep='grep --color=auto'
HISTCONTROL=ignoreboth
[ -f /usr/share/bash-completion/bash_completion ] && . /usr/share/bash-completion/bash_completion
"""

NSSWITCH = """\
passwd: files
group: files
shadow: files
hosts: files dns
networks: files
protocols: files
services: files
ethers: files
"""

SSH_CONFIG = """\
# Hosts of the lab are known through the lab's certificate authority (/etc/ssh/ssh_known_hosts).
Host *
    SendEnv LANG LC_*
    HashKnownHosts no
    GSSAPIAuthentication no
"""

_SUDOERS = 'Defaults env_keep += "NETARIUM_LAB NETARIUM_NODE SSL_CERT_FILE REQUESTS_CA_BUNDLE"\n'


def resolv_conf(lab: Lab) -> str:
    """resolv.conf(5): the lab's search domain and resolvers."""
    lines = [f"search {lab.domain}"] if lab.domain else []
    return "\n".join([*lines, *(f"nameserver {a}" for a in lab.resolvers), ""])


def hosts(nodes: Iterable[Node]) -> str:
    """hosts(5): localhost, and every name of the nodes given."""
    lines = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"]
    for node in nodes:
        names = " ".join(dict.fromkeys((*node.names, node.name)))
        addresses = node.addresses or ("127.0.1.1",)
        lines += [f"{address}\t{names}" for address in addresses]
    return "\n".join([*lines, ""])


def sudoers(accounts: Iterable[Account]) -> str:
    """sudoers(5): the lab's admins may do anything without a password."""
    admins = [f"{a.name} ALL=(ALL:ALL) NOPASSWD: ALL\n" for a in accounts if a.admin]
    return _SUDOERS + "".join(admins)


def account_files(accounts: tuple[Account, ...]) -> dict[str, str]:
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
        free = len(fields) == 4 and fields[0] not in names and _is_system(fields[2])
        if free and int(fields[2]) not in gids:
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
    return number.isascii() and number.isdigit() and (int(number) < 1000 or int(number) == 65534)


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
