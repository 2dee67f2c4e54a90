"""The environment that every program in a node starts with, whoever starts it."""

from __future__ import annotations

from netarium.model.lab import Account, Lab, Node

__all__ = ["environment"]

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


def environment(lab: Lab, node: Node, account: Account) -> dict[str, str]:
    """A fresh environment for a program of ``account``; nothing of the host's leaks into it.

    OpenSSL and Python's ``requests`` are pointed at the lab's authority. What the
    lab file sets for the node wins.
    """
    return {
        "PATH": _PATH,
        "HOME": account.home,
        "USER": account.name,
        "LOGNAME": account.name,
        "SHELL": account.shell,
        "LANG": "C.UTF-8",
        "SSL_CERT_FILE": _AUTHORITIES,
        "REQUESTS_CA_BUNDLE": _AUTHORITIES,
        "NETARIUM_LAB": lab.name,
        "NETARIUM_NODE": node.name,
        **node.environment,
    }
