"""All headers there are: importing this fills the registries by which headers find each other."""

from __future__ import annotations

from netarium.wire.applications import (
    dhcp,
    dhcpv6,
    dns,
    ftp,
    http,
    imap,
    ntp,
    pop3,
    quic,
    smtp,
    ssh,
    telnet,
    tls,
)
from netarium.wire.internet import (
    icmp,
    icmpv6,
    igmp,
    ipv4,
    ipv6,
    ipv6_extensions,
    multicast_listener,
    neighbour_discovery,
)
from netarium.wire.link import arp, cooked, ethernet, llc, mpls, vlan
from netarium.wire.transport import gre, sctp, tcp, udp, vxlan

__all__ = [
    "arp",
    "cooked",
    "dhcp",
    "dhcpv6",
    "dns",
    "ethernet",
    "ftp",
    "gre",
    "http",
    "icmp",
    "icmpv6",
    "igmp",
    "imap",
    "ipv4",
    "ipv6",
    "ipv6_extensions",
    "llc",
    "mpls",
    "multicast_listener",
    "neighbour_discovery",
    "ntp",
    "pop3",
    "quic",
    "sctp",
    "smtp",
    "ssh",
    "tcp",
    "telnet",
    "tls",
    "udp",
    "vlan",
    "vxlan",
]
