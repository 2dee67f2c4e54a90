"""The numbers of what IP carries (IANA's protocol numbers), for IPv4 and IPv6 alike."""

from __future__ import annotations

__all__ = ["EXPERIMENT", "IP_PROTOCOLS", "NO_NEXT_HEADER"]

#: What IPv6 announces where nothing follows (RFC 8200, section 4.7).
NO_NEXT_HEADER = 59
#: For experiments and tests (RFC 3692): what carries bytes that are of no protocol.
EXPERIMENT = 253

IP_PROTOCOLS = {
    0: "hop-by-hop options",
    1: "ICMP",
    2: "IGMP",
    4: "IPv4",
    6: "TCP",
    8: "EGP",
    17: "UDP",
    27: "RDP",
    33: "DCCP",
    41: "IPv6",
    43: "routing",
    44: "fragment",
    46: "RSVP",
    47: "GRE",
    50: "ESP",
    51: "AH",
    58: "ICMPv6",
    59: "no next header",
    60: "destination options",
    88: "EIGRP",
    89: "OSPF",
    94: "IP in IP",
    97: "Ethernet in IP",
    103: "PIM",
    112: "VRRP",
    115: "L2TP",
    132: "SCTP",
    135: "mobility",
    136: "UDP-Lite",
    137: "MPLS in IP",
    139: "HIP",
    140: "shim6",
    143: "Ethernet",
    253: "experiment",
    254: "experiment 2",
}
