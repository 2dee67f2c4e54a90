"""What a service is handed when it starts inside its node, and what it owes in return.

A service is a module of this package, named by its kind, that has

    def serve(setup: Setup) -> None

``serve`` opens its ports, calls ``setup.ready()`` once all of them accept, and
serves until the process is killed. An exception before ``ready()`` makes the
whole lab fail to come up, with the exception's text as the reason; so let
errors such as "port 25 is in use" out. Importing the module must import the
libraries that it needs: that happens once for a lab, before the fork.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from logging import Logger
from pathlib import Path

from netarium.model.lab import Account, Lab, Node, Service

__all__ = ["Setup"]


@dataclass(frozen=True)
class Setup:
    """A service's world: it runs as root in its node's namespaces, in a process of its own.

    Attributes:
        lab, node, service: the model. ``service.options`` is complete.
        accounts: who can log in. In a rootless lab with one uid every account has
            uid 0; switch users only where ``account.uid != os.geteuid()``.
        tls_certificate: PEM file, the certificate of this node (its names, its
            addresses and localhost as SAN) followed by its key; None where no service of the node
            asked for one.
        authority: PEM file, the lab's certificate authority.
        host_key: private SSH host key of this node (OpenSSH format), its host
            certificate beside it as ``<host_key>-cert.pub``.
        ready: call once, when every port accepts.
        log: written to /var/log/<service name>.log in the node, a line an event.
    """

    lab: Lab
    node: Node
    service: Service
    accounts: tuple[Account, ...]
    tls_certificate: Path | None
    authority: Path
    host_key: Path
    ready: Callable[[], None]
    log: Logger
