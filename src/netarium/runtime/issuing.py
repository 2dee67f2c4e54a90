"""The process that makes a lab's keys and certificates, beside the building of the nodes.

It alone loads the cryptography, and it alone ever holds the authorities' private
keys. It sends the supervisor:

    lab, identity files            for the host's user
    node, name, identity files     for each node
    failed, what, cure             instead
"""

from __future__ import annotations

import os
from typing import NoReturn

from netarium.runtime import kernel
from netarium.runtime.channel import Channel, close_all_but
from netarium.runtime.identity import lab_files, node_files
from netarium.runtime.rootfs import Foundation

__all__ = ["issue"]


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
            channel.send("node", node.name, files)
    except Exception as error:
        channel.send("failed", f"cannot issue certificates: {error}", "")
    finally:
        os._exit(0)
