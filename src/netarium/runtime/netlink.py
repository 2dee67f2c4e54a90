"""Messages for the kernel's network configuration (rtnetlink), sent many at once.

The functions that build requests are pure: each gives a ``Request``, whose ``what``
says in words what it asks for, so that a refusal can be explained. ``Netlink.send``
puts a whole batch into few system calls; the kernel works through it in order.
Numbers are from linux/netlink.h, rtnetlink.h, if_link.h and veth.h.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

__all__ = [
    "Netlink",
    "NetlinkError",
    "Request",
    "VethEnd",
    "add_address",
    "add_bridge",
    "add_route",
    "add_veth",
    "attribute",
    "nested",
    "set_link",
]

NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE, NLM_F_APPEND = 1, 4, 0x200, 0x400, 0x800
NLMSG_ERROR = 2
RTM_NEWLINK, RTM_NEWADDR, RTM_NEWROUTE = 16, 20, 24
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_MASTER = 1, 3, 4, 10
IFLA_LINKINFO, IFLA_NET_NS_PID = 18, 19
IFLA_INFO_KIND, IFLA_INFO_DATA, VETH_INFO_PEER = 1, 2, 1
IFLA_BR_MCAST_SNOOPING = 23
IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST, IFA_FLAGS = 1, 2, 4, 8
IFA_F_NODAD = 0x02
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_VIA = 1, 4, 5, 18
RT_TABLE_MAIN, RTPROT_STATIC = 254, 4
RT_SCOPE_UNIVERSE, RT_SCOPE_LINK = 0, 253
RTN_UNICAST, RTN_BLACKHOLE, RTN_UNREACHABLE = 1, 6, 7
RTNH_F_ONLINK = 4
IFF_UP = 1
SOL_NETLINK, NETLINK_EXT_ACK, NETLINK_CAP_ACK = 270, 11, 10
_NLA_F_NESTED = 0x8000

_HEADER = struct.Struct("=IHHII")
_IFINFOMSG = struct.Struct("=BxHiII")

_ROUTE_KINDS = {
    "unicast": RTN_UNICAST,
    "blackhole": RTN_BLACKHOLE,
    "unreachable": RTN_UNREACHABLE,
}


class NetlinkError(OSError):
    """The kernel refused a request: ``errno``, with the request's words as ``what``."""

    def __init__(self, number: int, what: str, detail: str = "") -> None:
        super().__init__(number, detail or os.strerror(number))
        self.what = what

    def __str__(self) -> str:
        return f"{self.what}: {self.strerror}"


@dataclass(frozen=True)
class Request:
    """One message: its type and flags, its bytes after the netlink header, and its words.

    ``acknowledged`` is False for messages that only frame a batch.
    """

    kind: int
    flags: int
    body: bytes
    what: str
    acknowledged: bool = True


class VethEnd(NamedTuple):
    """One end of a cable that is to be.

    ``process`` is one whose network namespace takes the end, None the caller's own;
    ``ifindex`` the interface index it is to have there, 0 any.
    """

    name: str
    process: int | None = None
    mac: str | None = None
    ifindex: int = 0


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute: length, type, value, padded to four bytes (netlink(7))."""
    return struct.pack("=HH", len(value) + 4, kind) + value + bytes(-len(value) % 4)


def nested(kind: int, *attributes: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attribute(kind | _NLA_F_NESTED, b"".join(attributes))


def _text(value: str) -> bytes:
    return value.encode() + b"\0"


def _u32(value: int) -> bytes:
    return struct.pack("=I", value)


def _link_end(name: str, pid: int | None, mac: str | None, mtu: int | None) -> bytes:
    body = attribute(IFLA_IFNAME, _text(name))
    if pid is not None:
        body += attribute(IFLA_NET_NS_PID, _u32(pid))
    if mac:
        body += attribute(IFLA_ADDRESS, bytes.fromhex(mac.replace(":", "")))
    if mtu:
        body += attribute(IFLA_MTU, _u32(mtu))
    return body


def add_veth(
    near: VethEnd,
    far: VethEnd,
    *,
    mtu: int | None = None,
    bridge: int | None = None,
) -> Request:
    """A cable between two namespaces.

    With ``bridge``, the near end is put up as a port of the bridge with that index.
    """
    flags = IFF_UP if bridge is not None else 0
    body = _IFINFOMSG.pack(socket.AF_UNSPEC, 0, near.ifindex, flags, flags)
    body += _link_end(near.name, near.process, near.mac, mtu)
    if bridge is not None:
        body += attribute(IFLA_MASTER, _u32(bridge))
    peer = _IFINFOMSG.pack(socket.AF_UNSPEC, 0, far.ifindex, 0, 0)
    peer += _link_end(far.name, far.process, far.mac, mtu)
    body += nested(
        IFLA_LINKINFO,
        attribute(IFLA_INFO_KIND, b"veth"),
        nested(IFLA_INFO_DATA, attribute(VETH_INFO_PEER | _NLA_F_NESTED, peer)),
    )
    flags = NLM_F_CREATE | NLM_F_EXCL
    return Request(RTM_NEWLINK, flags, body, f"cable {near.name} - {far.name}")


def add_bridge(name: str, mtu: int | None = None, *, index: int = 0) -> Request:
    """A learning switch in the caller's namespace, up, that floods multicast.

    ``index`` is the interface index it is to have, 0 any.
    """
    body = _IFINFOMSG.pack(socket.AF_UNSPEC, 0, index, IFF_UP, IFF_UP) + _link_end(
        name, None, None, mtu
    )
    body += nested(
        IFLA_LINKINFO,
        attribute(IFLA_INFO_KIND, b"bridge"),
        nested(IFLA_INFO_DATA, attribute(IFLA_BR_MCAST_SNOOPING, b"\0")),
    )
    return Request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, body, f"bridge {name}")


def set_link(index: int, name: str, *, mtu: int | None = None) -> Request:
    """Put an interface of the caller's namespace up. ``name`` is for the words."""
    body = _IFINFOMSG.pack(socket.AF_UNSPEC, 0, index, IFF_UP, IFF_UP)
    if mtu:
        body += attribute(IFLA_MTU, _u32(mtu))
    return Request(RTM_NEWLINK, 0, body, f"interface {name} up")


def add_address(index: int, name: str, address: str) -> Request:
    """Give an interface an address such as ``10.0.0.1/24``, usable at once (no DAD)."""
    interface = ipaddress.ip_interface(address)
    packed = interface.ip.packed
    family = socket.AF_INET if interface.version == 4 else socket.AF_INET6
    length = interface.network.prefixlen
    body = struct.pack("=BBBBi", family, length, IFA_F_NODAD, RT_SCOPE_UNIVERSE, index)
    body += attribute(IFA_LOCAL, packed) + attribute(IFA_ADDRESS, packed)
    if interface.version == 4 and length < 31:
        body += attribute(IFA_BROADCAST, interface.network.broadcast_address.packed)
    what = f"address {address} on {name}"
    return Request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body, what)


def add_route(
    destination: str,
    *,
    via: str | None = None,
    index: int | None = None,
    onlink: bool = False,
    kind: str = "unicast",
) -> Request:
    """A route to a prefix, in the main table (rtnetlink(7), RTM_NEWROUTE)."""
    prefix = ipaddress.ip_network(destination)
    hop = ipaddress.ip_address(via) if via else None
    family = socket.AF_INET if prefix.version == 4 else socket.AF_INET6
    scope = RT_SCOPE_UNIVERSE if hop or kind != "unicast" or prefix.version == 6 else RT_SCOPE_LINK
    flags = RTNH_F_ONLINK if onlink else 0
    body = struct.pack(
        "=BBBBBBBBI",
        family,
        prefix.prefixlen,
        0,
        0,
        RT_TABLE_MAIN,
        RTPROT_STATIC,
        scope,
        _ROUTE_KINDS[kind],
        flags,
    )
    if prefix.prefixlen:
        body += attribute(RTA_DST, prefix.network_address.packed)
    if hop is not None:
        if hop.version == prefix.version:
            body += attribute(RTA_GATEWAY, hop.packed)
        else:  # IPv4 over an IPv6 next hop, RFC 8950
            body += attribute(RTA_VIA, struct.pack("=H", socket.AF_INET6) + hop.packed)
    if index is not None:
        body += attribute(RTA_OIF, _u32(index))
    words = "" if kind == "unicast" else f"{kind} "
    words += "default" if not prefix.prefixlen else str(prefix)
    words += f" via {via}" if via else ""
    create = NLM_F_CREATE | (NLM_F_EXCL if prefix.version == 4 else NLM_F_APPEND)
    return Request(RTM_NEWROUTE, create, body, f"route {words}")


class Netlink:
    """A netlink socket of the network namespace in which it was opened.

    Args:
        protocol: 0 for rtnetlink, 12 for netfilter.
    """

    def __init__(self, protocol: int = 0) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        self._socket.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        self._sequence = 0

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def __enter__(self) -> Netlink:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, requests: Iterable[Request]) -> None:
        """Have the kernel carry out the requests in order.

        Raises:
            NetlinkError: the first request that was refused. Those before it are done.
        """
        # Acknowledgements queue on this socket while the kernel works: batches stay
        # small enough that they fit the receive buffer.
        batch: list[Request] = []
        size = 0
        for request in requests:
            if batch and (size + len(request.body) > 24_000 or len(batch) == 64):
                self._exchange(batch)
                batch, size = [], 0
            batch.append(request)
            size += len(request.body) + 16
        if batch:
            self._exchange(batch)

    def transact(self, requests: Sequence[Request]) -> None:
        """Send requests that must travel in one message, such as an nf_tables batch."""
        self._exchange(requests)

    def _exchange(self, batch: Sequence[Request]) -> None:
        out = bytearray()
        waiting: dict[int, str] = {}
        for request in batch:
            self._sequence += 1
            flags = NLM_F_REQUEST | request.flags | (NLM_F_ACK if request.acknowledged else 0)
            length = len(request.body) + 16
            out += _HEADER.pack(length, request.kind, flags, self._sequence, 0)
            out += request.body + bytes(-length % 4)
            waiting[self._sequence] = request.what
        self._socket.send(out)
        failure: NetlinkError | None = None
        expected = sum(request.acknowledged for request in batch)
        while expected:
            data = self._socket.recv(1 << 16)
            position = 0
            while position < len(data):
                length, kind, flags, sequence, _ = _HEADER.unpack_from(data, position)
                if kind == NLMSG_ERROR and sequence in waiting:
                    number = -struct.unpack_from("=i", data, position + 16)[0]
                    what = waiting.pop(sequence)
                    expected -= 1
                    if number and failure is None:
                        detail = _detail(data[position : position + length], flags)
                        failure = NetlinkError(number, what, detail)
                        if number == errno.EPERM or not batch[0].acknowledged:
                            expected = 0  # a refused batch is not acknowledged one by one
                position += (length + 3) & ~3
        if failure is not None:
            raise failure

    @staticmethod
    def interfaces() -> dict[str, int]:
        """Name and index of each interface of the calling process's namespace."""
        return {name: index for index, name in socket.if_nameindex()}


def _detail(message: bytes, flags: int) -> str:
    """The kernel's own sentence in an extended acknowledgement, or an empty string."""
    if not flags & 0x200:  # NLM_F_ACK_TLVS
        return ""
    position = 16 + 4 + 16  # header, error, the header of the request (capped)
    while position + 4 <= len(message):
        length, kind = struct.unpack_from("=HH", message, position)
        if length < 4:
            break
        if kind & 0x3FFF == 1:  # NLMSGERR_ATTR_MSG
            return message[position + 4 : position + length].rstrip(b"\0").decode(errors="replace")
        position += (length + 3) & ~3
    return ""
