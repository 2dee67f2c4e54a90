"""Where to capture: the words of a command line, resolved against labs that run."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from netarium.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from types import TracebackType

    from netarium.capture.source import Stop
    from netarium.model.lab import Lab
    from netarium.runtime.state import RunningLab

__all__ = ["ANY", "Place", "Targets", "known_names", "lab_text", "resolve"]

#: The name that stands for all interfaces of this machine.
ANY = "any"
_LOOPBACK = "lo"


@dataclass(frozen=True, slots=True)
class Place:
    """A network namespace to capture in.

    Attributes:
        node: whose it is; empty for this machine.
        namespace: a pidfd of a process in it; -1 for the caller's own.
        only: names of the interfaces that are meant; empty: all, present and future.
        loopback: whether those count the loopback interface in.
        described: what is worth telling of interfaces, by name.
    """

    node: str = ""
    namespace: int = -1
    only: tuple[str, ...] = ()
    loopback: bool = False
    described: dict[str, str] = field(default_factory=dict)

    def name(self, interface: str) -> str:
        """What a person calls one of its interfaces."""
        return f"{self.node}:{interface}" if self.node else interface

    def missing(self, interface: str, there: Iterable[str]) -> NotFoundError:
        """The complaint that it has no interface of that name."""
        from netarium.runtime.state import nearest

        who = f"node {self.node}" if self.node else "this machine"
        return NotFoundError(f"{who} has no interface {interface!r}", nearest(interface, there))


@dataclass(slots=True)
class Targets:
    """Where to capture; closed when capturing has begun, or by ``with``.

    Attributes:
        places: where, nodes in the lab's order.
        lab: the lab they are of; None for this machine alone.
    """

    places: list[Place]
    lab: RunningLab | None = None

    @property
    def rootless(self) -> bool:
        """Whether the nodes live in a user namespace of their lab's own."""
        return self.lab is not None and self.lab.rootless

    def meant(self, expression: str) -> str:
        """A filter with addresses in place of names of the lab's nodes."""
        if self.lab is None or not expression:
            return expression
        from netarium.capture.host_names import with_addresses

        return with_addresses(expression, self.lab.lab)

    def watched_by(self, stop: Stop) -> None:
        """Have a capture end with the lab: its sockets would keep the lab's networks alive."""
        if self.lab is not None:
            why = f"lab {self.lab.name} went down"
            try:
                stop.watch(os.pidfd_open(self.lab.supervisor), why)
            except ProcessLookupError:
                raise NotFoundError(why) from None

    def close(self) -> None:
        """Let go of the nodes' processes."""
        for place in self.places:
            if place.namespace >= 0:
                os.close(place.namespace)
        self.places = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def resolve(words: Sequence[str] = (), *, lab: str | None = None, host: str = "") -> Targets:
    """Find what is meant.

    Args:
        words: ``NODE`` or ``NODE:INTERFACE``; none: every node of the lab, unless ``host``.
        lab: its name, where several run.
        host: an interface of this machine besides, or ``any`` of them.

    Raises:
        NotFoundError: no such lab, node or interface (with the nearest spelling).
        UsageError: a word is neither.
    """
    places: list[Place] = []
    running: RunningLab | None = None
    if words or not host:
        running, chosen = _nodes(words, lab)
        places = _open(running, chosen)
    if host:
        only = () if host == ANY else (host,)
        place = Place(only=only)
        there = [name for _, name in socket.if_nameindex()]
        if only and host not in there:
            for opened in places:
                os.close(opened.namespace)
            raise place.missing(host, there)
        places.append(place)
    return Targets(places, running)


def _nodes(words: Sequence[str], lab: str | None) -> tuple[RunningLab, dict[str, list[str]]]:
    """The lab, and the interfaces that are meant of each node; an empty name: all."""
    from netarium.runtime.state import find_lab, find_node

    if not words:
        running = find_lab(lab)
        return running, {node.name: [""] for node in running.nodes}
    labs: dict[str, RunningLab] = {}
    chosen: dict[str, list[str]] = {}
    for word in words:
        node, colon, interface = word.partition(":")
        if not node or (colon and not interface):
            raise UsageError(f"{word!r} is not NODE or NODE:INTERFACE", "as in h1 or h1:eth0")
        running, _ = find_node(node, lab)
        labs[running.name] = running
        interfaces = chosen.setdefault(node, [])
        if interface not in interfaces:
            interfaces.append(interface)
    if len(labs) > 1:
        raise UsageError(
            f"the nodes are in different labs: {', '.join(sorted(labs))}",
            "run one capture for each lab",
        )
    return labs.popitem()[1], chosen


def _open(running: RunningLab, chosen: dict[str, list[str]]) -> list[Place]:
    from netarium.runtime.run import open_node
    from netarium.services.listening import allow_many_files

    allow_many_files()
    places: list[Place] = []
    try:
        for node in running.nodes:
            if node.name in chosen:
                interfaces = chosen[node.name]
                namespace = open_node(running, node.name)
                only = () if "" in interfaces else tuple(interfaces)
                described = _described(running.lab, node.name)
                has_loopback = _LOOPBACK in interfaces
                places.append(Place(node.name, namespace, only, has_loopback, described))
    except BaseException:
        for place in places:
            os.close(place.namespace)
        raise
    return places


def _described(lab: Lab, node: str) -> dict[str, str]:
    """The link and addresses of each interface, as one line."""
    return {
        each.name: f"{', '.join(each.addresses)} on {each.link}".lstrip(" ")
        for each in lab.node(node).interfaces
    }


def lab_text(lab: Lab) -> str:
    """The lab file that a capture carries: the network, without accounts and what is mounted."""
    import msgspec

    from netarium.model.writing import dump

    nodes = tuple(msgspec.structs.replace(node, mounts=()) for node in lab.nodes)
    return dump(msgspec.structs.replace(lab, accounts=(), nodes=nodes))


def known_names(lab: Lab) -> dict[str, str]:
    """The node that has each address; several where several have it, as in homes behind NAT."""
    owners: dict[str, list[str]] = {}
    for node in lab.nodes:
        for address in node.addresses:
            owners.setdefault(address, []).append(node.name)
    return {address: "-or-".join(names) for address, names in owners.items()}
