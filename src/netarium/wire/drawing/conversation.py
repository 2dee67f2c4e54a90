"""A conversation between hosts, as plain data: who, when, which words; drawn by ``ladder``."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Arrow", "Conversation", "Host", "Phase", "Run", "clock", "pause"]


@dataclass(slots=True)
class Host:
    """Somebody who takes part: a line from top to bottom."""

    name: str
    address: str = ""


@dataclass(slots=True)
class Arrow:
    """One packet on its way.

    Attributes:
        number: of the packet, from 1. time: when it was sent, nanoseconds.
        source, target: places in ``Conversation.hosts``.
        label: what it says; detail: numbers that go with it.
        kind: title of the protocol that speaks, which gives the colour: ``link``,
            ``network``, ``transport`` or ``application``.
        arrival: when the other end saw it; None where nobody watched there.
        lost: it never came to whom it was for; ``arrival`` is then where it ended, if known.
        again: a retransmission.
        alarm: it ends something by force: RST, an ICMP error.
        note: anything else, ``NAT: from 10.0.0.1``.
    """

    number: int
    time: int
    source: int
    target: int
    label: str
    detail: str = ""
    kind: str = "transport"
    arrival: int | None = None
    lost: bool = False
    again: bool = False
    alarm: bool = False
    note: str = ""


@dataclass(slots=True)
class Run:
    """Many packets of one stream that say nothing new, drawn as one.

    Attributes:
        time, end: of its first and last packet. source, target: where most bytes went.
        text: how many packets and bytes. number: of its first packet.
    """

    number: int
    time: int
    end: int
    source: int
    target: int
    text: str


@dataclass(slots=True)
class Phase:
    """A part of the conversation with a name: from event ``first`` to event ``last``."""

    name: str
    first: int
    last: int


@dataclass(slots=True)
class Conversation:
    """All that is drawn.

    Attributes:
        hosts: from left to right. events: by time of sending.
        phases: handshake, data, close, where one connection stands alone.
        more: packets that are left out at the end.
        trouble: why the capture ends before it should; empty where it does not.
    """

    hosts: list[Host] = field(default_factory=list)
    events: list[Arrow | Run] = field(default_factory=list)
    phases: list[Phase] = field(default_factory=list)
    more: int = 0
    trouble: str = ""

    @property
    def start(self) -> int:
        """Time of the first event, nanoseconds since 1970."""
        return self.events[0].time if self.events else 0

    @property
    def title(self) -> str:
        """Who talks with whom."""
        names = [host.name for host in self.hosts]
        if len(names) > 4:
            names = [*names[:3], f"{len(names) - 3} others"]
        return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


def clock(conversation: Conversation) -> tuple[str, float, int]:
    """The unit of its times, nanoseconds in it, and how many decimals tell them apart."""
    last = max((event.time for event in conversation.events), default=0)
    if last - conversation.start < 1_000_000_000:
        return "ms", 1e6, 3
    return "s", 1e9, 6


def pause(nanoseconds: int) -> str:
    """A time in which nothing happened, as a person says it."""
    seconds = nanoseconds / 1e9
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms later"
    if seconds < 120:
        return f"{seconds:.1f} s later"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min later"
    return f"{seconds / 3600:.1f} h later"
