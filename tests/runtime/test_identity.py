from __future__ import annotations

import os
from pathlib import Path

from netarium.model.lab import Account
from netarium.runtime.identity import IdentityFile, lab_files, node_files, write
from netarium.services.authority import Credentials, NodeCredentials


def _credentials() -> Credentials:
    node = NodeCredentials(tls=None, host_key=b"k", host_key_public=b"p", host_certificate=b"c")
    return Credentials(
        authority=b"ca",
        authority_file="0.0",
        known_hosts=b"@cert-authority * ca",
        user_key=b"secret",
        user_key_public=b"public",
        nodes={"a": node},
    )


def test_private_keys_are_their_owner_s_alone() -> None:
    account = Account(name="kim", password="", uid=1001, gid=1002, home="/home/kim")
    files = {file.path: file for file in node_files(_credentials(), "a", (account,))}
    for path, owner in {
        "/etc/ssh/ssh_host_ed25519_key": (0, 0),
        "/home/kim/.ssh/id_ed25519": (1001, 1002),
        "/home/kim/.ssh/authorized_keys": (1001, 1002),
    }.items():
        assert files[path].mode == 0o600
        assert (files[path].uid, files[path].gid) == owner
    assert "/etc/netarium/tls.pem" not in files
    assert {file.path for file in lab_files(_credentials()) if file.mode == 0o600} == {"id_ed25519"}


def test_files_get_their_modes_whatever_the_umask(tmp_path: Path) -> None:
    me = (os.getuid(), os.getgid())
    before = os.umask(0o077)
    try:
        write(
            [
                IdentityFile("home/.ssh/id", b"secret", 0o600, *me),
                IdentityFile("home/.ssh/id.pub", b"public", 0o644, *me),
            ],
            str(tmp_path),
        )
    finally:
        os.umask(before)
    home = tmp_path / "home/.ssh"
    assert home.stat().st_mode & 0o777 == 0o700
    assert (home / "id").stat().st_mode & 0o777 == 0o600
    assert (home / "id.pub").stat().st_mode & 0o777 == 0o644


def test_a_link_in_the_way_is_replaced_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("precious")
    (tmp_path / "authority.pem").symlink_to(outside)
    me = (os.getuid(), os.getgid())
    write([IdentityFile("authority.pem", b"new", 0o644, *me)], str(tmp_path))
    assert outside.read_text() == "precious"
    assert (tmp_path / "authority.pem").read_bytes() == b"new"
    assert not (tmp_path / "authority.pem").is_symlink()
