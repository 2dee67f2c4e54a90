"""Walking a frame: where its layers begin and end, as numbers, for all bulk work."""

from __future__ import annotations

from array import array
from typing import Any

from netarium.wire.hot import hot

__all__ = [
    "CUT",
    "CUT_AT",
    "ETHERTYPE",
    "FRAGMENT",
    "LINK",
    "MORE",
    "NETWORK",
    "NETWORK_END",
    "PAYLOAD",
    "PAYLOAD_END",
    "PLACES",
    "PROTOCOL",
    "TAG",
    "TAGS",
    "TRANSPORT",
    "UPPER",
    "WHOLE_END",
    "places",
    "u16",
    "u32",
    "u8",
    "walk",
    "walk_deep",
]

# Indices of what `walk` writes. Offsets count from the start of the buffer; -1: not there.
# A header that `walk` gives an offset for lies whole (its fixed part) in the captured bytes.
LINK = 0  # the link-layer header; -1 for raw IP
TAGS = 1  # how many VLAN tags
TAG = 2  # the last VLAN tag: its control information, 2 bytes, then the EtherType
ETHERTYPE = 3  # what follows link layer and tags: 0x0800, 0x86dd, ...; -1: not known
NETWORK = 4  # the IPv4, IPv6 or ARP header
NETWORK_END = 5  # where the network layer ends by its length field, within captured bytes
WHOLE_END = 6  # the same, though the captured bytes may end earlier
UPPER = 7  # what follows the IP header and its extension headers, even if cut or a fragment
PROTOCOL = 8  # its protocol number; -1 where there is no IP or nothing follows
FRAGMENT = 9  # offset of a fragment in its datagram, bytes; 0 for whole ones and first ones
MORE = 10  # 1: more fragments follow
TRANSPORT = 11  # TCP, UDP, ICMP or another header at UPPER: whole, and not a later fragment
PAYLOAD = 12  # what TCP, UDP, SCTP and ICMP carry; for other protocols UPPER itself
PAYLOAD_END = 13  # where it ends by all length fields, within captured bytes
CUT = 14  # which header is not there whole: one of LINK, NETWORK, UPPER, TRANSPORT; -1: none
CUT_AT = 15  # where that header begins
PLACES = 16  # how many numbers `walk` writes


_IPV4 = 0x0800
_ARP = 0x0806
_IPV6 = 0x86DD
_LENGTHS = 0x05DC  # up to here an EtherType is a length, and LLC follows (IEEE 802.3)


def places() -> array[int]:
    """A buffer for `walk` to write to."""
    return array("q", bytes(8 * PLACES))


# An offset is never negative. But the compiler, told so, leaves out the code for indices that
# count from the end, and then reads all bytes at once: five times as fast.


@hot
def u8(data: Any, at: int) -> int:
    """One byte as a number that does not wrap when it is shifted or added to."""
    if at < 0:
        return 0
    value: int = data[at] + 0
    return value


@hot
def u16(data: Any, at: int) -> int:
    """Two bytes as a number; products, since a shifted uint8 could wrap when compiled."""
    if at < 0:
        return 0
    value: int = data[at] * 256 + data[at + 1]
    return value


@hot
def u32(data: Any, at: int) -> int:
    """Four bytes as a number."""
    if at < 0:
        return 0
    value: int = ((data[at] * 256 + data[at + 1]) * 256 + data[at + 2]) * 256 + data[at + 3]
    return value


@hot
def walk(data: Any, start: int, end: int, link_type: int, place: Any) -> None:
    """Find the layers of the frame at ``data[start:end]``; fill all of ``place``.

    Whatever the bytes are, offsets lie between ``start`` and ``end`` (`WHOLE_END` alone may
    lie behind it). Tunnels are not entered: walk again from `PAYLOAD` to `PAYLOAD_END`, with
    link type 101 (raw IP) or 1 (Ethernet).
    """
    for index in range(PLACES):
        place[index] = -1
    place[TAGS] = 0
    place[FRAGMENT] = 0
    place[MORE] = 0
    at = _link(data, start, end, link_type, place)
    if at < 0:
        return
    ethertype = place[ETHERTYPE]
    if ethertype == _IPV4:
        _ipv4(data, at, end, place)
    elif ethertype == _IPV6:
        _ipv6(data, at, end, place)
    elif ethertype == _ARP:
        _arp(at, end, place)


@hot
def _arp(at: int, end: int, place: Any) -> None:
    """ARP for IPv4 on Ethernet (RFC 826)."""
    if end - at < 28:
        place[CUT] = NETWORK
        place[CUT_AT] = at
    else:
        place[NETWORK] = at
        place[NETWORK_END] = at + 28
        place[WHOLE_END] = at + 28


@hot
def _link(data: Any, start: int, end: int, link_type: int, place: Any) -> int:
    """Find the EtherType; gives where the network layer begins, -1 where none can be told."""
    if link_type == 1:  # Ethernet
        size = 14
    elif link_type == 113:  # Linux cooked
        size = 16
    elif link_type == 276:  # Linux cooked, version 2
        size = 20
    elif link_type == 0 or link_type == 108:  # BSD loopback
        size = 4
    elif link_type == 101 or link_type == 12 or link_type == 228 or link_type == 229:  # raw IP
        size = 0
    else:
        return -1
    at = start + size
    if at > end or (size == 0 and at == end):
        place[CUT] = LINK
        place[CUT_AT] = start
        return -1
    if size == 0:
        version = data[at] >> 4
        if version == 4:
            place[ETHERTYPE] = _IPV4
        elif version == 6:
            place[ETHERTYPE] = _IPV6
        return at
    place[LINK] = start
    if size == 4:
        # The address family, in the byte order of the machine that captured.
        family = data[start] + data[start + 3] if u16(data, start + 1) == 0 else 0
        if family == 2:
            place[ETHERTYPE] = _IPV4
        elif family == 24 or family == 28 or family == 30 or family == 10:
            place[ETHERTYPE] = _IPV6
        return at
    ethertype = u16(data, start) if size == 20 else u16(data, at - 2)
    while ethertype == 0x8100 or ethertype == 0x88A8 or ethertype == 0x9100:
        if at + 4 > end:
            place[ETHERTYPE] = ethertype
            place[CUT] = LINK
            place[CUT_AT] = at
            return -1
        place[TAGS] += 1
        place[TAG] = at
        ethertype = u16(data, at + 2)
        at += 4
    place[ETHERTYPE] = ethertype
    return -1 if ethertype <= _LENGTHS else at


@hot
def _ipv4(data: Any, at: int, end: int, place: Any) -> None:
    """IPv4 (RFC 791, section 3.1)."""
    if end - at < 20:
        place[CUT] = NETWORK
        place[CUT_AT] = at
        return
    place[NETWORK] = at
    size = (data[at] & 15) * 4
    length = u16(data, at + 2)
    if length == 0:  # Linux leaves 0 where a super-frame is longer than the field can say
        length = end - at
    place[WHOLE_END] = at + length
    place[NETWORK_END] = min(end, at + length)
    if size < 20 or length < size or data[at] >> 4 != 4:
        place[WHOLE_END] = max(place[WHOLE_END], at + 20)
        place[NETWORK_END] = max(place[NETWORK_END], at + 20)
        return
    fragment = u16(data, at + 6)
    place[FRAGMENT] = (fragment & 0x1FFF) * 8
    place[MORE] = (fragment >> 13) & 1
    if at + size > end:
        place[CUT] = UPPER
        place[CUT_AT] = at + 20
        return
    protocol = int(data[at + 9])
    upper = at + size
    if protocol == 51:
        _extensions(data, upper, protocol, place)
    else:
        place[UPPER] = upper
        place[PROTOCOL] = protocol
        _transport(data, place)


@hot
def _ipv6(data: Any, at: int, end: int, place: Any) -> None:
    """IPv6 (RFC 8200, section 3)."""
    if end - at < 40:
        place[CUT] = NETWORK
        place[CUT_AT] = at
        return
    place[NETWORK] = at
    length = u16(data, at + 4)
    if length == 0 and data[at + 6] != 59:  # a jumbogram (RFC 2675) or a super-frame
        length = end - at - 40
    place[WHOLE_END] = at + 40 + length
    place[NETWORK_END] = min(end, at + 40 + length)
    if data[at] >> 4 == 6:
        _extensions(data, at + 40, int(data[at + 6]), place)


@hot
def _extensions(data: Any, at: int, protocol: int, place: Any) -> None:
    """Step over the extension headers that begin at ``at`` (RFC 8200, section 4)."""
    end = place[NETWORK_END]
    while (
        protocol == 0  # hop-by-hop options
        or protocol == 43  # routing
        or protocol == 44  # fragment
        or protocol == 51  # authentication (RFC 4302)
        or protocol == 60  # destination options
        or protocol == 135  # mobility
        or protocol == 139  # host identity
        or protocol == 140  # shim6
    ) and place[FRAGMENT] == 0:
        if end - at < 8:
            place[UPPER] = at
            place[PROTOCOL] = protocol
            place[CUT] = UPPER
            place[CUT_AT] = at
            return
        if protocol == 44:
            size = 8
            place[FRAGMENT] = u16(data, at + 2) & 0xFFF8
            place[MORE] = data[at + 3] & 1
        elif protocol == 51:
            size = (data[at + 1] + 2) * 4
        else:
            size = (data[at + 1] + 1) * 8
        if size > end - at:
            place[UPPER] = at
            place[PROTOCOL] = protocol
            place[CUT] = UPPER
            place[CUT_AT] = at
            return
        protocol = int(data[at])
        at += size
    place[UPPER] = at
    place[PROTOCOL] = protocol
    _transport(data, place)


@hot
def _transport(data: Any, place: Any) -> None:
    """Find the transport header at `UPPER`, and what it carries."""
    at, end, protocol = place[UPPER], place[NETWORK_END], place[PROTOCOL]
    if protocol == 59:  # nothing follows (RFC 8200, section 4.7)
        return
    if place[FRAGMENT] > 0:
        place[PAYLOAD] = at
        place[PAYLOAD_END] = end
        return
    if protocol == 6:
        size = 20
    elif protocol == 132:
        size = 12
    elif protocol == 17 or protocol == 136 or protocol == 1 or protocol == 58:
        size = 8
    elif protocol == 47:
        size = 4
    else:
        size = 0
    if end - at < size:
        place[CUT] = TRANSPORT
        place[CUT_AT] = at
        return
    place[TRANSPORT] = at
    if protocol == 6:
        size = (data[at + 12] >> 4) * 4
        if size < 20:
            return  # a data offset of less than the header itself
    elif protocol == 17:
        length = u16(data, at + 4)
        if length >= 8:
            end = min(end, at + length)
    elif protocol == 47:
        size = 0
    if at + size <= end:
        place[PAYLOAD] = at + size
        place[PAYLOAD_END] = end


@hot
def walk_deep(data: Any, start: int, end: int, link_type: int, place: Any) -> int:
    """Like `walk`, through MPLS (RFC 3032), PPPoE (RFC 2516), SNAP, and reverse ARP as well.

    `ETHERTYPE` then is that of the network layer; this gives the one behind all tags, -1 where
    it is not known.
    """
    walk(data, start, end, link_type, place)
    ethertype: int = place[ETHERTYPE]
    if place[NETWORK] >= 0 or place[CUT] >= 0 or place[LINK] < 0 or ethertype < 0:
        return ethertype
    at = place[TAG] + 4
    if place[TAGS] == 0:
        at = start + (14 if link_type == 1 else 16 if link_type == 113 else 20)
    if ethertype == 0x8035:
        _arp(at, end, place)
        return ethertype
    inside = 0
    if ethertype <= _LENGTHS:
        # Both access points 0xaa, unnumbered information, an EtherType of its own.
        if at + 8 <= end and u32(data, at) == 0xAAAA0300 and u16(data, at + 4) == 0:
            inside = u16(data, at + 6)
            at += 8
    elif ethertype == 0x8847 or ethertype == 0x8848:
        while at + 4 <= end and data[at + 2] & 1 == 0:
            at += 4
        at += 4
        if at < end:
            version = data[at] >> 4
            inside = _IPV4 if version == 4 else _IPV6 if version == 6 else 0
    elif ethertype == 0x8864 and at + 8 <= end and data[at + 1] == 0:
        protocol = u16(data, at + 6)
        inside = _IPV4 if protocol == 0x0021 else _IPV6 if protocol == 0x0057 else 0
        at += 8
    if inside == _IPV4:
        place[ETHERTYPE] = _IPV4
        _ipv4(data, at, end, place)
    elif inside == _IPV6:
        place[ETHERTYPE] = _IPV6
        _ipv6(data, at, end, place)
    elif inside == _ARP:
        place[ETHERTYPE] = _ARP
        _arp(at, end, place)
    return ethertype
