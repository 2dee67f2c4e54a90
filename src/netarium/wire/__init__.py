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
    from netarium.wire.applications.dhcp import DHCP
    from netarium.wire.applications.dhcp_options import DHCPOption
    from netarium.wire.applications.dhcpv6 import DHCPv6, DHCPv6Option
    from netarium.wire.applications.dns import DNS, DNSLength, Question
    from netarium.wire.applications.dns_edns import OPT, EDNSOption
    from netarium.wire.applications.ftp import FTP, FTPCommand
    from netarium.wire.applications.http import (
        HTTP2Frame,
        HTTP2Preface,
        HTTPField,
        HTTPRequest,
        HTTPResponse,
    )
    from netarium.wire.applications.imap import IMAP, IMAPCommand, IMAPResponse
    from netarium.wire.applications.ntp import NTP
    from netarium.wire.applications.pop3 import POP3, POP3Command, POP3Response
    from netarium.wire.applications.quic import QUIC
    from netarium.wire.applications.smtp import SMTP, SMTPCommand
    from netarium.wire.applications.ssh import SSH, KeyExchangeInit, SSHPacket
    from netarium.wire.applications.telnet import Telnet, TelnetCommand, TelnetSubnegotiation
    from netarium.wire.applications.text_protocol import Reply
    from netarium.wire.applications.tls import TLS
    from netarium.wire.applications.tls_handshake import ClientHello, ServerHello
    from netarium.wire.checksum import Judged, Verdict
    from netarium.wire.field import FieldError
    from netarium.wire.fragmenting import fragments
    from netarium.wire.header import Header, Incomplete, Padding, Payload
    from netarium.wire.internet.icmp import (
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
    from netarium.wire.internet.icmp_extensions import ICMPExtension, ICMPExtensions
    from netarium.wire.internet.icmpv6 import (
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
    from netarium.wire.internet.igmp import (
        IGMP,
        GroupRecord,
        IGMPLeave,
        IGMPQuery,
        IGMPQuery3,
        IGMPReport,
        IGMPReport3,
    )
    from netarium.wire.internet.ipv4 import IPv4
    from netarium.wire.internet.ipv4_options import (
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
    from netarium.wire.internet.ipv6 import IPv6
    from netarium.wire.internet.ipv6_extensions import (
        AH,
        ESP,
        DestinationOptions,
        HopByHop,
        IPv6Extension,
        IPv6Fragment,
        OtherExtension,
        Routing,
    )
    from netarium.wire.internet.ipv6_options import (
        HomeAddress,
        IPv6Option,
        IPv6RouterAlert,
        JumboPayload,
        OtherIPv6Option,
        Pad1,
        PadN,
        TunnelEncapsulationLimit,
    )
    from netarium.wire.internet.multicast_listener import (
        GroupRecord6,
        ListenerDone,
        ListenerMessage,
        ListenerQuery,
        ListenerQuery2,
        ListenerReport,
        ListenerReport2,
    )
    from netarium.wire.internet.nd_options import (
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
    from netarium.wire.internet.neighbour_discovery import (
        ICMPv6Redirect,
        NDMessage,
        NeighbourAdvertisement,
        NeighbourSolicitation,
        RouterAdvertisement,
        RouterSolicitation,
    )
    from netarium.wire.judging import judge
    from netarium.wire.link.arp import ARP, OtherARP
    from netarium.wire.link.cooked import CookedLinux, CookedLinux2, Loopback, OpenBSDLoopback
    from netarium.wire.link.ethernet import Ethernet
    from netarium.wire.link.llc import LLC, SNAP, STP
    from netarium.wire.link.mpls import MPLS
    from netarium.wire.link.vlan import VLAN
    from netarium.wire.packet import Packet, Stop, packet_of
    from netarium.wire.segmenting import is_super_frame, segments
    from netarium.wire.transport.gre import GRE
    from netarium.wire.transport.sctp import SCTP
    from netarium.wire.transport.tcp import TCP
    from netarium.wire.transport.tcp_options import (
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
    from netarium.wire.transport.udp import UDP, UDPLite
    from netarium.wire.transport.vxlan import VXLAN

_NAMES = {
    "link.arp": "ARP OtherARP",
    "checksum": "Judged Verdict",
    "link.cooked": "CookedLinux CookedLinux2 Loopback OpenBSDLoopback",
    "applications.dhcp": "DHCP",
    "applications.dhcp_options": "DHCPOption",
    "applications.dhcpv6": "DHCPv6 DHCPv6Option",
    "applications.dns": "DNS DNSLength Question",
    "applications.dns_edns": "OPT EDNSOption",
    "link.ethernet": "Ethernet",
    "field": "FieldError",
    "fragmenting": "fragments",
    "applications.ftp": "FTP FTPCommand",
    "transport.gre": "GRE",
    "header": "Header Incomplete Padding Payload",
    "applications.http": "HTTP2Frame HTTP2Preface HTTPField HTTPRequest HTTPResponse",
    "internet.icmp": (
        "ICMP ICMPAddressMaskReply ICMPAddressMaskRequest ICMPDestinationUnreachable "
        "ICMPEchoReply ICMPEchoRequest ICMPErrorMessage ICMPExtendedEchoReply "
        "ICMPExtendedEchoRequest ICMPInformationReply ICMPInformationRequest "
        "ICMPParameterProblem ICMPQuery ICMPRedirect ICMPRouter ICMPRouterAdvertisement "
        "ICMPRouterSolicitation ICMPSourceQuench ICMPTimeExceeded ICMPTimestampReply "
        "ICMPTimestampRequest"
    ),
    "internet.icmp_extensions": "ICMPExtension ICMPExtensions",
    "internet.icmpv6": (
        "ICMPv6 ICMPv6DestinationUnreachable ICMPv6Echo ICMPv6EchoReply ICMPv6EchoRequest "
        "ICMPv6ErrorMessage ICMPv6PacketTooBig ICMPv6ParameterProblem ICMPv6TimeExceeded"
    ),
    "internet.igmp": "GroupRecord IGMP IGMPLeave IGMPQuery IGMPQuery3 IGMPReport IGMPReport3",
    "applications.imap": "IMAP IMAPCommand IMAPResponse",
    "internet.ipv4": "IPv4",
    "internet.ipv4_options": (
        "IPAddressTimestamp IPEOL IPMTUProbe IPNOP IPOption IPTimestamp IPTimestamps "
        "IPTraceroute LooseSourceRoute OtherIPOption RecordRoute RouterAlert SourceRoute "
        "StreamID StrictSourceRoute"
    ),
    "internet.ipv6": "IPv6",
    "internet.ipv6_extensions": (
        "AH DestinationOptions ESP HopByHop IPv6Extension IPv6Fragment OtherExtension Routing"
    ),
    "internet.ipv6_options": (
        "HomeAddress IPv6Option IPv6RouterAlert JumboPayload OtherIPv6Option Pad1 PadN "
        "TunnelEncapsulationLimit"
    ),
    "judging": "judge",
    "link.llc": "LLC SNAP STP",
    "link.mpls": "MPLS",
    "internet.multicast_listener": (
        "GroupRecord6 ListenerDone ListenerMessage ListenerQuery ListenerQuery2 ListenerReport "
        "ListenerReport2"
    ),
    "internet.nd_options": (
        "DNSSL MTU NDOption Nonce OtherNDOption PrefixInformation RDNSS RedirectedHeader "
        "RouteInformation SourceLinkLayerAddress TargetLinkLayerAddress"
    ),
    "internet.neighbour_discovery": (
        "ICMPv6Redirect NDMessage NeighbourAdvertisement NeighbourSolicitation "
        "RouterAdvertisement RouterSolicitation"
    ),
    "applications.ntp": "NTP",
    "packet": "Packet Stop packet_of",
    "applications.pop3": "POP3 POP3Command POP3Response",
    "applications.quic": "QUIC",
    "transport.sctp": "SCTP",
    "segmenting": "is_super_frame segments",
    "applications.smtp": "SMTP SMTPCommand",
    "applications.ssh": "SSH KeyExchangeInit SSHPacket",
    "transport.tcp": "TCP",
    "transport.tcp_options": (
        "EOL FastOpen MPTCP MSS NOP OtherTCPOption SACK SACKBlock SACKPermitted "
        "TCPAuthentication TCPMD5 TCPOption Timestamps UserTimeout WindowScale"
    ),
    "applications.telnet": "Telnet TelnetCommand TelnetSubnegotiation",
    "applications.text_protocol": "Reply",
    "applications.tls": "TLS",
    "applications.tls_handshake": "ClientHello ServerHello",
    "transport.udp": "UDP UDPLite",
    "link.vlan": "VLAN",
    "transport.vxlan": "VXLAN",
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
    "Telnet",
    "TelnetCommand",
    "TelnetSubnegotiation",
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
