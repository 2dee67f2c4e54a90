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
    from netarium.wire.dhcp_options import DHCPOption
    from netarium.wire.dhcpv6 import DHCPv6, DHCPv6Option
    from netarium.wire.dns import DNS, DNSLength, Question
    from netarium.wire.dns_edns import OPT, EDNSOption
    from netarium.wire.ethernet import Ethernet
    from netarium.wire.field import FieldError
    from netarium.wire.fragmenting import fragments
    from netarium.wire.ftp import FTP, FTPCommand
    from netarium.wire.gre import GRE
    from netarium.wire.header import Header, Incomplete, Padding, Payload
    from netarium.wire.http import HTTP2Frame, HTTP2Preface, HTTPField, HTTPRequest, HTTPResponse
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
    from netarium.wire.imap import IMAP, IMAPCommand, IMAPResponse
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
    from netarium.wire.pop3 import POP3, POP3Command, POP3Response
    from netarium.wire.quic import QUIC
    from netarium.wire.sctp import SCTP
    from netarium.wire.segmenting import is_super_frame, segments
    from netarium.wire.smtp import SMTP, SMTPCommand
    from netarium.wire.ssh import SSH, KeyExchangeInit, SSHPacket
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
    from netarium.wire.text_protocol import Reply
    from netarium.wire.tls import TLS
    from netarium.wire.tls_handshake import ClientHello, ServerHello
    from netarium.wire.udp import UDP, UDPLite
    from netarium.wire.vlan import VLAN
    from netarium.wire.vxlan import VXLAN

_NAMES = {
    "arp": "ARP OtherARP",
    "checksum": "Judged Verdict",
    "cooked": "CookedLinux CookedLinux2 Loopback OpenBSDLoopback",
    "dhcp": "DHCP",
    "dhcp_options": "DHCPOption",
    "dhcpv6": "DHCPv6 DHCPv6Option",
    "dns": "DNS DNSLength Question",
    "dns_edns": "OPT EDNSOption",
    "ethernet": "Ethernet",
    "field": "FieldError",
    "fragmenting": "fragments",
    "ftp": "FTP FTPCommand",
    "gre": "GRE",
    "header": "Header Incomplete Padding Payload",
    "http": "HTTP2Frame HTTP2Preface HTTPField HTTPRequest HTTPResponse",
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
    "imap": "IMAP IMAPCommand IMAPResponse",
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
    "pop3": "POP3 POP3Command POP3Response",
    "quic": "QUIC",
    "sctp": "SCTP",
    "segmenting": "is_super_frame segments",
    "smtp": "SMTP SMTPCommand",
    "ssh": "SSH KeyExchangeInit SSHPacket",
    "tcp": "TCP",
    "tcp_options": (
        "EOL FastOpen MPTCP MSS NOP OtherTCPOption SACK SACKBlock SACKPermitted "
        "TCPAuthentication TCPMD5 TCPOption Timestamps UserTimeout WindowScale"
    ),
    "text_protocol": "Reply",
    "tls": "TLS",
    "tls_handshake": "ClientHello ServerHello",
    "udp": "UDP UDPLite",
    "vlan": "VLAN",
    "vxlan": "VXLAN",
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = [
    "AH",
    "ARP",
    "DHCP",
    "DNS",
    "DNSSL",
    "EOL",
    "ESP",
    "FTP",
    "GRE",
    "ICMP",
    "IGMP",
    "IMAP",
    "IPEOL",
    "IPNOP",
    "LLC",
    "MPLS",
    "MPTCP",
    "MSS",
    "MTU",
    "NOP",
    "NTP",
    "OPT",
    "POP3",
    "QUIC",
    "RDNSS",
    "SACK",
    "SCTP",
    "SMTP",
    "SNAP",
    "SSH",
    "STP",
    "TCP",
    "TCPMD5",
    "TLS",
    "UDP",
    "VLAN",
    "VXLAN",
    "ClientHello",
    "CookedLinux",
    "CookedLinux2",
    "DHCPOption",
    "DHCPv6",
    "DHCPv6Option",
    "DNSLength",
    "DestinationOptions",
    "EDNSOption",
    "Ethernet",
    "FTPCommand",
    "FastOpen",
    "FieldError",
    "GroupRecord",
    "GroupRecord6",
    "HTTP2Frame",
    "HTTP2Preface",
    "HTTPField",
    "HTTPRequest",
    "HTTPResponse",
    "Header",
    "HomeAddress",
    "HopByHop",
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
    "IGMPLeave",
    "IGMPQuery",
    "IGMPQuery3",
    "IGMPReport",
    "IGMPReport3",
    "IMAPCommand",
    "IMAPResponse",
    "IPAddressTimestamp",
    "IPMTUProbe",
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
    "KeyExchangeInit",
    "ListenerDone",
    "ListenerMessage",
    "ListenerQuery",
    "ListenerQuery2",
    "ListenerReport",
    "ListenerReport2",
    "Loopback",
    "LooseSourceRoute",
    "NDMessage",
    "NDOption",
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
    "POP3Command",
    "POP3Response",
    "Packet",
    "Pad1",
    "PadN",
    "Padding",
    "Payload",
    "PrefixInformation",
    "Question",
    "RecordRoute",
    "RedirectedHeader",
    "Reply",
    "RouteInformation",
    "RouterAdvertisement",
    "RouterAlert",
    "RouterSolicitation",
    "Routing",
    "SACKBlock",
    "SACKPermitted",
    "SMTPCommand",
    "SSHPacket",
    "ServerHello",
    "SourceLinkLayerAddress",
    "SourceRoute",
    "Stop",
    "StreamID",
    "StrictSourceRoute",
    "TCPAuthentication",
    "TCPOption",
    "TargetLinkLayerAddress",
    "Timestamps",
    "TunnelEncapsulationLimit",
    "UDPLite",
    "UserTimeout",
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
