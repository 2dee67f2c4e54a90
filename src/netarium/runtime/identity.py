"""The files by which a node and its people prove who they are, from what the authorities issued."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from netarium.model.lab import Account

if TYPE_CHECKING:  # nodes write these files without the libraries that made them
    from netarium.services.authority import Credentials

__all__ = ["IdentityFile", "lab_files", "node_files", "write"]


class IdentityFile(msgspec.Struct, array_like=True):
    """A file inside a node: absolute path, content, permission bits, owner's uid and gid."""

    path: str
    content: bytes
    mode: int = 0o644
    uid: int = 0
    gid: int = 0


def node_files(
    credentials: Credentials, name: str, accounts: tuple[Account, ...]
) -> list[IdentityFile]:
    """What the node of that name holds, its accounts' keys included."""
    own = credentials.nodes[name]
    key = "/etc/ssh/ssh_host_ed25519_key"
    files = [
        # There is no other Internet in a lab: its authority is the only one to trust.
        IdentityFile("/etc/ssl/certs/ca-certificates.crt", credentials.authority),
        IdentityFile(f"/etc/ssl/certs/{credentials.authority_file}", credentials.authority),
        IdentityFile("/etc/netarium/authority.pem", credentials.authority),
        IdentityFile("/etc/ssh/ssh_known_hosts", credentials.known_hosts),
        IdentityFile(key, own.host_key, 0o600),
        IdentityFile(f"{key}.pub", own.host_key_public),
        IdentityFile(f"{key}-cert.pub", own.host_certificate),
    ]
    if own.tls is not None:
        files.append(IdentityFile("/etc/netarium/tls.pem", own.tls, 0o600))
    for account in accounts:
        keys = f"{account.home}/.ssh"
        owner = (account.uid, account.gid)
        files += [
            IdentityFile(f"{keys}/id_ed25519", credentials.user_key, 0o600, *owner),
            IdentityFile(f"{keys}/id_ed25519.pub", credentials.user_key_public, 0o644, *owner),
            IdentityFile(f"{keys}/authorized_keys", credentials.user_key_public, 0o600, *owner),
        ]
    return files


def lab_files(credentials: Credentials) -> list[IdentityFile]:
    """What the host's user holds, by name below the lab's state directory."""
    return [
        IdentityFile("id_ed25519", credentials.user_key, 0o600),
        IdentityFile("id_ed25519.pub", credentials.user_key_public),
        IdentityFile("known_hosts", credentials.known_hosts),
        IdentityFile("authority.pem", credentials.authority),
    ]


def write(files: list[IdentityFile], below: str = "/") -> None:
    """Write the files, making their directories (0700 for ``.ssh``) as needed."""
    for file in files:
        path = Path(below, file.path)
        if not path.parent.is_dir():
            path.parent.mkdir(mode=0o700 if path.parent.name == ".ssh" else 0o755, parents=True)
            os.chown(path.parent, file.uid, file.gid)
        # Never into a file that the host has there: it may be a link, or somebody else's.
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as out:
            out.write(file.content)
            os.fchmod(descriptor, file.mode)
            os.fchown(descriptor, file.uid, file.gid)
