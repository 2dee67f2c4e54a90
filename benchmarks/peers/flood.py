"""Send 60-byte frames as fast as a packet ring takes them: flood.py INTERFACE COUNT.

Prints how many were sent and how many a second, and ends.
"""

from __future__ import annotations

import mmap
import socket
import struct
import sys
import time

import numpy

# linux/if_packet.h
SOL_PACKET = 263
PACKET_VERSION = 10
PACKET_TX_RING = 13
PACKET_QDISC_BYPASS = 20
TPACKET_V2 = 1
SEND_REQUEST = 1
DATA = 32  # TPACKET2_HDRLEN - sizeof(struct sockaddr_ll)

SLOT = 128
SLOTS = 4096


def frame() -> bytes:
    """UDP to nobody: a unicast address that no card has."""
    ethernet = bytes.fromhex("020000000002020000000001") + b"\x08\x00"
    ip = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 46, 0, 0, 64, 17, 0, b"\x0a\x63\0\x01", b"\x0a\x63\0\x02"
    )
    return ethernet + ip + struct.pack("!HHHH", 40000, 9, 26, 0) + bytes(18)


def main() -> None:
    """Send."""
    interface, count = sys.argv[1], int(sys.argv[2])
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sender.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
    sender.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
    request = struct.pack("4I", SLOT * 512, SLOTS // 512, SLOT, SLOTS)
    sender.setsockopt(SOL_PACKET, PACKET_TX_RING, request)
    sender.bind((interface, 0x0800))
    ring = mmap.mmap(sender.fileno(), SLOT * SLOTS)
    what = frame()
    for slot in range(SLOTS):
        at = slot * SLOT
        struct.pack_into("=II", ring, at + 4, len(what), 0)
        ring[at + DATA : at + DATA + len(what)] = what
    status = numpy.frombuffer(ring, "u4").reshape(SLOTS, SLOT // 4)[:, 0]
    began, sent = time.monotonic(), 0
    while sent < count:
        status[:] = SEND_REQUEST
        sender.send(b"")
        sent += SLOTS
    print(sent, sent / (time.monotonic() - began))


if __name__ == "__main__":
    main()
