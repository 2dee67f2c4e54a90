"""Where netarium's router and Linux differ, and why: the list that docs/router.md explains."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """Probes whose names a pattern matches whole, and the reason."""

    pattern: str
    why: str

    def covers(self, name: str) -> bool:
        return re.fullmatch(self.pattern, name) is not None


DIFFERENCES = [
    Difference(
        "v4 (?!.*, ttl [01]$).* to back.*|v4 shorter way by .*",
        "Linux has counted the time to live down before it quotes the packet in a redirect; here "
        "the packet is quoted as it came (RFC 1812, 4.3.2.3).",
    ),
    Difference(
        "v4 .* to zero net.*",
        "0.0.0.0/8 is no destination (RFC 1122, 3.2.1.3; RFC 6890); Linux looks for a route.",
    ),
    Difference(
        "v4 source zero net to neighbour",
        "A source in 0.0.0.0/8 is not forwarded (RFC 1812, 5.3.7); Linux does it since 2019.",
    ),
    Difference(
        "v4 source a broadcast(, ttl 1| to neighbour| to own)",
        "A broadcast address is nobody's source (RFC 1812, 4.2.2.11 and 5.3.7); Linux minds only "
        "where it filters by the reverse path.",
    ),
    Difference(
        "v4 source another link's to own",
        "An ARP request is sent from an address of the link that it is sent on; Linux takes the "
        "source of the packet that waits (arp_announce=0).",
    ),
    Difference(
        "v6 .* to link-local.*",
        "Who is meant by a link-local address needs no router; Linux sends such packets back to "
        "the link that they came from.",
    ),
    Difference(
        "v6 (udp|protocol 200).* to anycast.*",
        "An error about a packet to an anycast address comes from an address of one node "
        "(RFC 4443, 2.2(b)); Linux sends it from the anycast address.",
    ),
    Difference(
        "v6 .* to nobody.*",
        "The unspecified address is no destination (RFC 4291, 2.5.2); Linux looks for a route.",
    ),
    Difference(
        "v6 source mapped to neighbour",
        "Mapped IPv4 addresses are not for use on a wire (RFC 4942, 2.1.9.2 and RFC 6890).",
    ),
    Difference(
        "v4 option (record route( full|, one left)?|timestamp (full|not ours|unknown flag)), "
        "no route|v4 option record route twice(, no route)?|v4 option end and rubbish, no route",
        "Linux answers an option in the error (record route, timestamp), or has already changed "
        "it in what it quotes; here errors have no options, and quote the packet as it came.",
    ),
    Difference(
        "v4 udp of length (8|20)",
        "Linux quotes no more than the UDP length says; here the packet is quoted as it came.",
    ),
    Difference(
        "v6 routing [34] left [01] to us",
        "Linux knows source routing headers of these types, which are switched off; here they are "
        "of an unknown type (RFC 8200, 4.4).",
    ),
    Difference(
        "v6 limit 1 of icmp type 137",
        "No error is sent about a redirect (RFC 4443, 2.4(e.2)); Linux sends one.",
    ),
    Difference(
        "v6 limit 1 of a later fragment of icmp",
        "A later fragment of ICMPv6 may be of an error; Linux takes it for none.",
    ),
]
