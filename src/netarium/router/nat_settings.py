"""How a NAT behaves, in the words of RFC 4787: mapping, filtering, hairpinning, time limits."""

from __future__ import annotations

from dataclasses import dataclass, field

from netarium.errors import NetariumError

__all__ = ["BEHAVIOURS", "NATSettings", "PortForward"]

#: What a mapping or a filter depends on, from the most open to the strictest (RFC 4787, 4.1, 5).
BEHAVIOURS = ("endpoint-independent", "address-dependent", "address-and-port-dependent")


@dataclass(frozen=True, slots=True)
class PortForward:
    """A port of the outside address that always leads to a host inside.

    Attributes:
        protocol: ``tcp`` or ``udp``.
        port: on the outside address.
        address, inside_port: where it leads; 0: the same port.
    """

    protocol: str
    port: int
    address: str
    inside_port: int = 0


@dataclass(slots=True)
class NATSettings:
    """The behaviour of a NAT. The defaults are what RFC 4787 and RFC 5382 ask for.

    Attributes:
        outside: the interface behind which the Internet lies; its first IPv4 address is what
            all others are translated to.
        mapping: whether one port inside has one port outside (``endpoint-independent``), or one
            for each address, or each address and port, that it sends to: one of `BEHAVIOURS`.
        filtering: who may send back to such a port: anybody, addresses that were sent to, or
            addresses and ports that were sent to: one of `BEHAVIOURS`.
        hairpinning: whether hosts inside reach each other by the outside address (REQ-9).
        port_parity: an even port stays even, an odd one odd (REQ-4).
        inside: the prefixes that are translated; empty: all that leaves to the outside.
        protect: what comes from outside to an inside address, without a translation, is dropped.
        inbound_refresh: packets from outside keep a translation alive, too (REQ-6).
        udp_timeout, icmp_timeout: seconds (RFC 4787, REQ-5; RFC 5508, REQ-2).
        tcp_established, tcp_transitory: seconds (RFC 5382, REQ-5).
        forwards: ports that are open to the outside.
        ports: the lowest and the highest that are given out where the wanted one is taken.
        most: translations at one time.
    """

    outside: str
    mapping: str = BEHAVIOURS[0]
    filtering: str = BEHAVIOURS[1]
    hairpinning: bool = True
    port_parity: bool = True
    inside: list[str] = field(default_factory=list)
    protect: bool = True
    inbound_refresh: bool = True
    udp_timeout: float = 300.0
    icmp_timeout: float = 60.0
    tcp_established: float = 7440.0
    tcp_transitory: float = 240.0
    forwards: list[PortForward] = field(default_factory=list)
    ports: tuple[int, int] = (1024, 65535)
    most: int = 65536

    def __post_init__(self) -> None:
        for name in ("mapping", "filtering"):
            value = getattr(self, name)
            if value not in BEHAVIOURS:
                raise NetariumError(
                    f"A NAT's {name} cannot be {value!r}", f"Use one of: {', '.join(BEHAVIOURS)}."
                )
