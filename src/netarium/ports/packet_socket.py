"""Packet sockets (packet(7)): opened silent, told what to hear, and asked what they lost."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import socket
import struct
from dataclasses import dataclass

from netarium.errors import MachineError
from netarium.ports.libpcap import Program

__all__ = [
    "ETHERNET",
    "LOOPBACK",
    "Link",
    "attach",
    "link",
    "link_type",
    "listen",
    "losses",
    "open_socket",
    "promiscuous",
    "set_block_filter",
    "set_option",
]

SOL_PACKET = 263
_PACKET_ADD_MEMBERSHIP, _PACKET_STATISTICS = 1, 6
_PACKET_MR_PROMISC = 1
_SO_ATTACH_FILTER = 26
_ETH_P_ALL = 3

# ioctls on a socket's own network namespace (netdevice(7)).
_SIOCGIFNAME, _SIOCGIFMTU, _SIOCGIFHWADDR, _SIOCGIFINDEX = 0x8910, 0x8921, 0x8927, 0x8933
_REQUEST = struct.Struct("16s24x")

#: Kinds of link layer (if_arp.h) whose frames begin with an Ethernet header.
ETHERNET, LOOPBACK = 1, 772
_LINK_TYPES = {ETHERNET: 1, LOOPBACK: 1}
_RAW_IP = 101

_libc = ctypes.CDLL(None, use_errno=True)

#: A program that takes no frame.
_NOTHING: Program = ((6, 0, 0, 0),)


@dataclass(frozen=True, slots=True)
class Link:
    """A network interface. ``kind`` is its link layer (if_arp.h), ``mtu`` is in bytes."""

    index: int
    name: str
    kind: int
    mtu: int


def link_type(kind: int) -> int:
    """What the first header of frames of that link layer is, as in the tcpdump.org list.

    Tunnels and other interfaces without a link layer give IP packets.
    """
    return _LINK_TYPES.get(kind, _RAW_IP)


def open_socket() -> socket.socket:
    """A packet socket in the caller's network namespace that hears nothing yet.

    Raises:
        MachineError: the caller may not capture there.
    """
    try:
        return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except PermissionError:
        raise MachineError(
            "capturing needs root, or the capability NET_RAW", "run it with sudo"
        ) from None
    except OSError as error:
        raise MachineError(
            f"this kernel has no packet sockets: {error.strerror}", "it needs CONFIG_PACKET"
        ) from None


def set_option(sock: socket.socket, option: int, value: int | bytes) -> None:
    """Set an option of the packet level; other threads go on meanwhile."""
    data = struct.pack("i", value) if isinstance(value, int) else value
    if _libc.setsockopt(sock.fileno(), SOL_PACKET, option, data, len(data)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def attach(sock: socket.socket, program: Program) -> None:
    """Have the kernel run a filter over what the socket would hear."""
    steps = b"".join(struct.pack("=HBBI", *step) for step in program)
    buffer = ctypes.create_string_buffer(steps, len(steps))
    address = ctypes.addressof(buffer)
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(program), address))


def set_block_filter(sock: socket.socket) -> None:
    """Have the socket hear nothing more."""
    attach(sock, _NOTHING)


def listen(sock: socket.socket, index: int = 0) -> None:
    """Begin to hear one interface, or all of the namespace's, present and future.

    What was to be set, such as a filter, must be by then.
    """
    # Python's own bind wants the name of one interface.
    protocol = socket.htons(_ETH_P_ALL)
    address = struct.pack("HHiHBB8s", socket.AF_PACKET, protocol, index, 0, 0, 0, b"")
    if _libc.bind(sock.fileno(), address, len(address)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def promiscuous(sock: socket.socket, index: int) -> None:
    """Have a network card take frames for others too, as long as the socket is open."""
    set_option(
        sock, _PACKET_ADD_MEMBERSHIP, struct.pack("iHH8s", index, _PACKET_MR_PROMISC, 0, b"")
    )


def losses(sock: socket.socket) -> tuple[int, int]:
    """Frames that passed the filter, and those of them that were lost, since the last call."""
    received, dropped, _ = struct.unpack("III", sock.getsockopt(SOL_PACKET, _PACKET_STATISTICS, 12))
    return received, dropped


def link(sock: socket.socket, which: int | str) -> Link:
    """An interface of the socket's namespace, by index or name. Raises OSError (ENODEV)."""
    if isinstance(which, str):
        name = which
        if len(os.fsencode(name)) > 15:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV), name)
        index = _asked(sock, _SIOCGIFINDEX, name)
    else:
        index = which
        request = struct.pack("16si20x", b"", index)
        answer = fcntl.ioctl(sock, _SIOCGIFNAME, request)
        name = os.fsdecode(answer[:16].partition(b"\0")[0])
    kind = _asked(sock, _SIOCGIFHWADDR, name) & 0xFFFF
    return Link(index, name, kind, _asked(sock, _SIOCGIFMTU, name))


def _asked(sock: socket.socket, request: int, name: str) -> int:
    answer = fcntl.ioctl(sock, request, _REQUEST.pack(os.fsencode(name)))
    # The address family of a hardware address is 16 bits wide, the others are 32.
    if request == _SIOCGIFHWADDR:
        return int(struct.unpack_from("H", answer, 16)[0])
    return int(struct.unpack_from("i", answer, 16)[0])
