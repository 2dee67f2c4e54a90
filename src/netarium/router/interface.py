"""An interface of the router: its addresses, its MTU, what its link takes off our hands."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from netarium.errors import NetariumError
from netarium.router import layout
from netarium.router.addresses import Address, mac_number

__all__ = ["OwnAddress", "RouterInterface"]

_REVERSE_PATH = {"off": layout.OFF, "strict": layout.STRICT, "loose": layout.LOOSE}


@dataclass(frozen=True, slots=True)
class OwnAddress:
    """An address of an interface, with the length of the prefix that is on its link."""

    value: Address
    length: int

    @classmethod
    def parse(cls, text: str) -> OwnAddress:
        """From ``10.0.1.1/24``; NetariumError where that is no address with its prefix."""
        try:
            found = ipaddress.ip_interface(text)
        except ValueError as problem:
            raise NetariumError(
                f"{text!r} is not an address of an interface: {problem}",
                "Write the address and the length of its prefix, as in 10.0.1.1/24.",
            ) from None
        return cls(found.packed, found.network.prefixlen)

    @property
    def family(self) -> int:
        """4 or 6."""
        return 4 if len(self.value) == 4 else 6

    @property
    def network(self) -> int:
        """The prefix as a number."""
        shift = 8 * len(self.value) - self.length
        return int.from_bytes(self.value, "big") >> shift << shift

    @property
    def broadcast(self) -> Address:
        """The address of all hosts on the link (IPv4); empty where the link has none."""
        if self.family == 6 or self.length > 30:
            return b""
        return (self.network | ((1 << (32 - self.length)) - 1)).to_bytes(4, "big")

    @property
    def is_link_local(self) -> bool:
        """Whether it means something on its link alone (RFC 4291, section 2.5.6)."""
        return self.family == 6 and self.value[0] == 0xFE and self.value[1] & 0xC0 == 0x80


@dataclass(slots=True)
class RouterInterface:
    """Where frames come in and go out.

    Attributes:
        name: as a person types it: ``eth0``.
        mac: its link-layer address, ``02:00:00:00:00:01``.
        addresses: its own, as ``10.0.1.1/24``; the first of each family is what it sends from.
        mtu: the longest packet that its link takes, bytes.
        can_checksum: its link completes partial checksums, or needs none.
        can_segment_tcp4, can_segment_tcp6, can_segment_udp: it takes super-frames of these.
        reverse_path: ``off``, ``strict`` or ``loose`` (RFC 3704).
        forwarding: whether packets that come in here may go out elsewhere.
        redirects: whether hosts are told a shorter way.
        advertise: sends IPv6 router advertisements, from which hosts make their addresses.
        up: whether it takes part.
    """

    name: str
    mac: str
    addresses: list[str] = field(default_factory=list)
    mtu: int = 1500
    can_checksum: bool = False
    can_segment_tcp4: bool = False
    can_segment_tcp6: bool = False
    can_segment_udp: bool = False
    reverse_path: str = "off"
    forwarding: bool = True
    redirects: bool = True
    advertise: bool = False
    up: bool = True

    @property
    def own(self) -> list[OwnAddress]:
        """Its addresses, read."""
        return [OwnAddress.parse(text) for text in self.addresses]

    @property
    def mac_number(self) -> int:
        """Its link-layer address as a number of 48 bits."""
        return mac_number(self.mac)

    def source(self, family: int, *, link_local: bool = False) -> Address:
        """What it sends from; of IPv6 a global address unless ``link_local``. Empty: none."""
        fallback = b""
        for own in self.own:
            if own.family == family:
                if own.is_link_local == (link_local and family == 6):
                    return own.value
                fallback = fallback or own.value
        return fallback

    def row(self) -> list[int]:
        """What the fast path has to know of it."""
        if self.reverse_path not in _REVERSE_PATH:
            raise NetariumError(
                f"{self.name}: the reverse path filter cannot be {self.reverse_path!r}",
                "Use off, strict or loose.",
            )
        row = [0] * layout.IF_SIZE
        row[layout.IF_UP] = int(self.up)
        row[layout.IF_MAC] = self.mac_number
        row[layout.IF_MTU] = self.mtu
        row[layout.IF_REVERSE_PATH] = _REVERSE_PATH[self.reverse_path]
        row[layout.IF_FORWARD] = int(self.forwarding)
        row[layout.IF_QUIET_UNTIL] = 0 if self.redirects else (1 << 63) - 1
        row[layout.IF_CAN] = (
            layout.CAN_CHECKSUM * self.can_checksum
            | layout.CAN_SEGMENT_TCP4 * self.can_segment_tcp4
            | layout.CAN_SEGMENT_TCP6 * self.can_segment_tcp6
            | layout.CAN_SEGMENT_UDP * self.can_segment_udp
        )
        return row
