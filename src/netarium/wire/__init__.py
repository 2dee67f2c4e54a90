"""What travels: headers, packets, checksums, and their text and drawings. Pure functions.

    from netarium.wire import TCP, Ethernet, IPv4, Packet

    packet = Ethernet() / IPv4(src="10.0.0.1", dst="10.0.0.2") / TCP(dport=80)
    print(Packet.parse(bytes(packet))[IPv4].dst)

Each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netarium.wire.arp import ARP, OtherARP
    from netarium.wire.checksum import Judged, Verdict
    from netarium.wire.cooked import CookedLinux, CookedLinux2, Loopback, OpenBSDLoopback
    from netarium.wire.dhcp import DHCP
    from netarium.wire.dhcpv6 import DHCPv6
    from netarium.wire.dns import DNS
    from netarium.wire.ethernet import Ethernet
    from netarium.wire.field import FieldError
    from netarium.wire.fragmenting import fragments
    from netarium.wire.ftp import FTP
    from netarium.wire.gre import GRE
    from netarium.wire.header import Header, Incomplete, Padding, Payload
    from netarium.wire.http import HTTPRequest, HTTPResponse
    from netarium.wire.icmp import (
        ICMP,
        ICMPAddressMaskReply,
        ICMPAddressMaskRequest,
        ICMPDestinationUnreachable,
        ICMPEchoReply,
        ICMPEchoRequest,
        ICMPErrorMessage,
        ICMPExtendedEchoReply,
        ICMPExtendedEchoRequest,
        ICMPInformationReply,
        ICMPInformationRequest,
        ICMPParameterProblem,
        ICMPQuery,
        ICMPRedirect,
        ICMPRouter,
        ICMPRouterAdvertisement,
        ICMPRouterSolicitation,
        ICMPSourceQuench,
        ICMPTimeExceeded,
        ICMPTimestampReply,
        ICMPTimestampRequest,
    )
    from netarium.wire.icmp_extensions import ICMPExtension, ICMPExtensions
    from netarium.wire.icmpv6 import (
        ICMPv6,
        ICMPv6DestinationUnreachable,
        ICMPv6Echo,
        ICMPv6EchoReply,
        ICMPv6EchoRequest,
        ICMPv6ErrorMessage,
        ICMPv6PacketTooBig,
        ICMPv6ParameterProblem,
        ICMPv6TimeExceeded,
    )
    from netarium.wire.igmp import (
        IGMP,
        GroupRecord,
        IGMPLeave,
        IGMPQuery,
        IGMPQuery3,
        IGMPReport,
        IGMPReport3,
    )
    from netarium.wire.imap import IMAP
    from netarium.wire.ipv4 import IPv4
    from netarium.wire.ipv4_options import (
        IPEOL,
        IPNOP,
        IPAddressTimestamp,
        IPMTUProbe,
        IPOption,
        IPTimestamp,
        IPTimestamps,
        IPTraceroute,
        LooseSourceRoute,
        OtherIPOption,
        RecordRoute,
        RouterAlert,
        SourceRoute,
        StreamID,
        StrictSourceRoute,
    )
    from netarium.wire.ipv6 import IPv6
    from netarium.wire.ipv6_extensions import (
        AH,
        ESP,
        DestinationOptions,
        HopByHop,
        IPv6Extension,
        IPv6Fragment,
        OtherExtension,
        Routing,
    )
    from netarium.wire.ipv6_options import (
        HomeAddress,
        IPv6Option,
        IPv6RouterAlert,
        JumboPayload,
        OtherIPv6Option,
        Pad1,
        PadN,
        TunnelEncapsulationLimit,
    )
    from netarium.wire.judging import judge
    from netarium.wire.llc import LLC, SNAP, STP
    from netarium.wire.mpls import MPLS
    from netarium.wire.multicast_listener import (
        GroupRecord6,
        ListenerDone,
        ListenerMessage,
        ListenerQuery,
        ListenerQuery2,
        ListenerReport,
        ListenerReport2,
    )
    from netarium.wire.nd_options import (
        DNSSL,
        MTU,
        RDNSS,
        NDOption,
        Nonce,
        OtherNDOption,
        PrefixInformation,
        RedirectedHeader,
        RouteInformation,
        SourceLinkLayerAddress,
        TargetLinkLayerAddress,
    )
    from netarium.wire.neighbour_discovery import (
        ICMPv6Redirect,
        NDMessage,
        NeighbourAdvertisement,
        NeighbourSolicitation,
        RouterAdvertisement,
        RouterSolicitation,
    )
    from netarium.wire.ntp import NTP
    from netarium.wire.packet import Packet, Stop, packet_of
    from netarium.wire.pop3 import POP3
    from netarium.wire.quic import QUIC
    from netarium.wire.sctp import SCTP
    from netarium.wire.segmenting import is_super_frame, segments
    from netarium.wire.smtp import SMTP
    from netarium.wire.ssh import SSH
    from netarium.wire.tcp import TCP
    from netarium.wire.tcp_options import (
        EOL,
        MPTCP,
        MSS,
        NOP,
        SACK,
        TCPMD5,
        FastOpen,
        OtherTCPOption,
        SACKBlock,
        SACKPermitted,
        TCPAuthentication,
        TCPOption,
        Timestamps,
        UserTimeout,
        WindowScale,
    )
    from netarium.wire.tls import TLS
    from netarium.wire.udp import UDP, UDPLite
    from netarium.wire.vlan import VLAN
    from netarium.wire.vxlan import VXLAN

_NAMES = {
    "arp": "ARP OtherARP",
    "checksum": "Judged Verdict",
    "cooked": "CookedLinux CookedLinux2 Loopback OpenBSDLoopback",
    "dhcp": "DHCP",
    "dhcpv6": "DHCPv6",
    "dns": "DNS",
    "ethernet": "Ethernet",
    "field": "FieldError",
    "fragmenting": "fragments",
    "ftp": "FTP",
    "gre": "GRE",
    "header": "Header Incomplete Padding Payload",
    "http": "HTTPRequest HTTPResponse",
    "icmp": (
        "ICMP ICMPAddressMaskReply ICMPAddressMaskRequest ICMPDestinationUnreachable "
        "ICMPEchoReply ICMPEchoRequest ICMPErrorMessage ICMPExtendedEchoReply "
        "ICMPExtendedEchoRequest ICMPInformationReply ICMPInformationRequest "
        "ICMPParameterProblem ICMPQuery ICMPRedirect ICMPRouter ICMPRouterAdvertisement "
        "ICMPRouterSolicitation ICMPSourceQuench ICMPTimeExceeded ICMPTimestampReply "
        "ICMPTimestampRequest"
    ),
    "icmp_extensions": "ICMPExtension ICMPExtensions",
    "icmpv6": (
        "ICMPv6 ICMPv6DestinationUnreachable ICMPv6Echo ICMPv6EchoReply ICMPv6EchoRequest "
        "ICMPv6ErrorMessage ICMPv6PacketTooBig ICMPv6ParameterProblem ICMPv6TimeExceeded"
    ),
    "igmp": "GroupRecord IGMP IGMPLeave IGMPQuery IGMPQuery3 IGMPReport IGMPReport3",
    "imap": "IMAP",
    "ipv4": "IPv4",
    "ipv4_options": (
        "IPAddressTimestamp IPEOL IPMTUProbe IPNOP IPOption IPTimestamp IPTimestamps "
        "IPTraceroute LooseSourceRoute OtherIPOption RecordRoute RouterAlert SourceRoute "
        "StreamID StrictSourceRoute"
    ),
    "ipv6": "IPv6",
    "ipv6_extensions": (
        "AH DestinationOptions ESP HopByHop IPv6Extension IPv6Fragment OtherExtension Routing"
    ),
    "ipv6_options": (
        "HomeAddress IPv6Option IPv6RouterAlert JumboPayload OtherIPv6Option Pad1 PadN "
        "TunnelEncapsulationLimit"
    ),
    "judging": "judge",
    "llc": "LLC SNAP STP",
    "mpls": "MPLS",
    "multicast_listener": (
        "GroupRecord6 ListenerDone ListenerMessage ListenerQuery ListenerQuery2 ListenerReport "
        "ListenerReport2"
    ),
    "nd_options": (
        "DNSSL MTU NDOption Nonce OtherNDOption PrefixInformation RDNSS RedirectedHeader "
        "RouteInformation SourceLinkLayerAddress TargetLinkLayerAddress"
    ),
    "neighbour_discovery": (
        "ICMPv6Redirect NDMessage NeighbourAdvertisement NeighbourSolicitation "
        "RouterAdvertisement RouterSolicitation"
    ),
    "ntp": "NTP",
    "packet": "Packet Stop packet_of",
    "pop3": "POP3",
    "quic": "QUIC",
    "sctp": "SCTP",
    "segmenting": "is_super_frame segments",
    "smtp": "SMTP",
    "ssh": "SSH",
    "tcp": "TCP",
    "tcp_options": (
        "EOL FastOpen MPTCP MSS NOP OtherTCPOption SACK SACKBlock SACKPermitted "
        "TCPAuthentication TCPMD5 TCPOption Timestamps UserTimeout WindowScale"
    ),
    "tls": "TLS",
    "udp": "UDP UDPLite",
    "vlan": "VLAN",
    "vxlan": "VXLAN",
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = [
    "AH",
    "ARP",
    "CookedLinux",
    "CookedLinux2",
    "DHCP",
    "DHCPv6",
    "DNS",
    "DNSSL",
    "DestinationOptions",
    "EOL",
    "ESP",
    "Ethernet",
    "FTP",
    "FastOpen",
    "FieldError",
    "GRE",
    "GroupRecord",
    "GroupRecord6",
    "HTTPRequest",
    "HTTPResponse",
    "Header",
    "HomeAddress",
    "HopByHop",
    "ICMP",
    "ICMPAddressMaskReply",
    "ICMPAddressMaskRequest",
    "ICMPDestinationUnreachable",
    "ICMPEchoReply",
    "ICMPEchoRequest",
    "ICMPErrorMessage",
    "ICMPExtendedEchoReply",
    "ICMPExtendedEchoRequest",
    "ICMPExtension",
    "ICMPExtensions",
    "ICMPInformationReply",
    "ICMPInformationRequest",
    "ICMPParameterProblem",
    "ICMPQuery",
    "ICMPRedirect",
    "ICMPRouter",
    "ICMPRouterAdvertisement",
    "ICMPRouterSolicitation",
    "ICMPSourceQuench",
    "ICMPTimeExceeded",
    "ICMPTimestampReply",
    "ICMPTimestampRequest",
    "ICMPv6",
    "ICMPv6DestinationUnreachable",
    "ICMPv6Echo",
    "ICMPv6EchoReply",
    "ICMPv6EchoRequest",
    "ICMPv6ErrorMessage",
    "ICMPv6PacketTooBig",
    "ICMPv6ParameterProblem",
    "ICMPv6Redirect",
    "ICMPv6TimeExceeded",
    "IGMP",
    "IGMPLeave",
    "IGMPQuery",
    "IGMPQuery3",
    "IGMPReport",
    "IGMPReport3",
    "IMAP",
    "IPAddressTimestamp",
    "IPEOL",
    "IPMTUProbe",
    "IPNOP",
    "IPOption",
    "IPTimestamp",
    "IPTimestamps",
    "IPTraceroute",
    "IPv4",
    "IPv6",
    "IPv6Extension",
    "IPv6Fragment",
    "IPv6Option",
    "IPv6RouterAlert",
    "Incomplete",
    "Judged",
    "JumboPayload",
    "LLC",
    "ListenerDone",
    "ListenerMessage",
    "ListenerQuery",
    "ListenerQuery2",
    "ListenerReport",
    "ListenerReport2",
    "Loopback",
    "LooseSourceRoute",
    "MPLS",
    "MPTCP",
    "MSS",
    "MTU",
    "NDMessage",
    "NDOption",
    "NOP",
    "NTP",
    "NeighbourAdvertisement",
    "NeighbourSolicitation",
    "Nonce",
    "OpenBSDLoopback",
    "OtherARP",
    "OtherExtension",
    "OtherIPOption",
    "OtherIPv6Option",
    "OtherNDOption",
    "OtherTCPOption",
    "POP3",
    "Packet",
    "Pad1",
    "PadN",
    "Padding",
    "Payload",
    "PrefixInformation",
    "QUIC",
    "RDNSS",
    "RecordRoute",
    "RedirectedHeader",
    "RouteInformation",
    "RouterAdvertisement",
    "RouterAlert",
    "RouterSolicitation",
    "Routing",
    "SACK",
    "SACKBlock",
    "SACKPermitted",
    "SCTP",
    "SMTP",
    "SNAP",
    "SSH",
    "STP",
    "SourceLinkLayerAddress",
    "SourceRoute",
    "Stop",
    "StreamID",
    "StrictSourceRoute",
    "TCP",
    "TCPAuthentication",
    "TCPMD5",
    "TCPOption",
    "TLS",
    "TargetLinkLayerAddress",
    "Timestamps",
    "TunnelEncapsulationLimit",
    "UDP",
    "UDPLite",
    "UserTimeout",
    "VLAN",
    "VXLAN",
    "Verdict",
    "WindowScale",
    "fragments",
    "is_super_frame",
    "judge",
    "packet_of",
    "segments",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"netarium.wire.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'netarium.wire' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
