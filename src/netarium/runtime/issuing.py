"""The process that makes a lab's keys and certificates, beside the building of the nodes.

It alone loads the cryptography, and it alone ever holds the authorities' private
keys. It sends the supervisor:

    lab, identity files            for the host's user
    node, name, identity files     for each node, some at a time: a message has its limits
    issued                         at the end
    failed, what, cure             instead
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from netarium.errors import NetariumError
from netarium.runtime import kernel
from netarium.runtime.channel import Channel, close_all_but
from netarium.runtime.identity import IdentityFile, lab_files, node_files, write
from netarium.runtime.rootfs import Foundation

__all__ = ["collect", "issue"]

_AT_A_TIME = 64  # files of less than a kilobyte


def issue(foundation: Foundation, channel: Channel) -> NoReturn:
    """Issue everything and end. The caller was just forked."""
    try:
        kernel.die_with_parent(os.getppid())
        close_all_but(channel.fileno())
        from netarium.services import authority

        credentials = authority.make(foundation.lab)
        channel.send("lab", lab_files(credentials))
        for node in foundation.lab.nodes:
            files = node_files(credentials, node.name, foundation.accounts)
            for start in range(0, len(files), _AT_A_TIME):
                channel.send("node", node.name, files[start : start + _AT_A_TIME])
        channel.send("issued")
    except Exception as error:
        channel.send("failed", f"cannot issue certificates: {error}", "")
    finally:
        os._exit(0)


def collect(channel: Channel, directory: Path) -> dict[str, list[Any]]:
    """What the process issued: by node, lists of files in the messages' form.

    The lab's own files go to ``directory``.

    Raises:
        NetariumError: it failed.
    """
    files: dict[str, list[Any]] = {}
    while True:
        match channel.receive():
            case ("issued",):
                return files
            case ("node", str(name), some):
                files.setdefault(name, []).append(some)
            case ("lab", own):
                write(msgspec.convert(own, list[IdentityFile]), str(directory))
            case ("failed", str(what), str(cure)):
                raise NetariumError(what, cure)
            case _:
                raise NetariumError(
                    "cannot issue certificates: the process that does died",
                    "is the machine out of memory?",
                )
