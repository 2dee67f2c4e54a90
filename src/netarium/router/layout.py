"""Where things lie in the router's flat tables: numbers that both halves of the path share."""

from __future__ import annotations

__all__ = [
    "BLACKHOLE",
    "BROADCAST",
    "BUFFER",
    "CAN_CHECKSUM",
    "CAN_SEGMENT_TCP4",
    "CAN_SEGMENT_TCP6",
    "CAN_SEGMENT_UDP",
    "CHECKSUM_OFFSET",
    "CHECKSUM_START",
    "COUNTERS",
    "FRAME_SIZE",
    "HEADROOM",
    "HOP",
    "HOP_INTERFACE",
    "HOP_WORDS",
    "IF_CAN",
    "IF_FORWARD",
    "IF_MAC",
    "IF_MTU",
    "IF_QUIET_UNTIL",
    "IF_REVERSE_PATH",
    "IF_SIZE",
    "IF_UP",
    "LOCAL",
    "LOOSE",
    "NAT_OUTSIDE",
    "NAT_PROTECT",
    "NOW",
    "OFF",
    "PACKET",
    "PAGE",
    "PROHIBIT",
    "P_AT",
    "P_EGRESS",
    "P_END",
    "P_FAMILY",
    "P_FLAGS",
    "P_GATEWAY",
    "P_HEADER",
    "P_IN",
    "P_MAC",
    "P_NET",
    "P_PIECE",
    "P_PROTOCOL",
    "P_REASON",
    "P_ROUTE",
    "P_SEGMENT",
    "P_SOURCE",
    "P_TO_ALL",
    "P_TRANSLATED",
    "P_UPPER",
    "RX_BYTES",
    "RX_FRAMES",
    "SENT",
    "SENT_FLAGS",
    "SENT_FRAME",
    "SENT_INTERFACE",
    "SENT_LENGTH",
    "SENT_SEGMENT",
    "SENT_SIZE",
    "SENT_START",
    "SETTINGS",
    "SKIP",
    "STRICT",
    "TX_BYTES",
    "TX_FRAMES",
    "UNICAST",
    "UNREACHABLE",
    "USED",
    "VNET_SIZE",
]

# Settings and state of the whole router: one array of numbers.
NOW = 0  # the time that was handed in, nanoseconds
SENT = 1  # frames in the row of those to send
USED = 2  # bytes of the output buffer that are taken
SKIP = 3  # bits 1 << reason: what Python has settled for this frame, so that it passes now
NAT_OUTSIDE = 4  # the interface behind which the Internet lies; -1: no translation
BUFFER = 5  # bytes of the output buffer
FRAME_SIZE = 6  # frames that fit in the row of those to send
NAT_PROTECT = 7  # what comes from outside without a translation is not let in
SETTINGS = 8

# An interface: IF_SIZE numbers.
IF_UP = 0
IF_MAC = 1
IF_MTU = 2
IF_REVERSE_PATH = 3  # OFF, STRICT or LOOSE
IF_FORWARD = 4  # whether what comes in here may go out elsewhere
IF_CAN = 5  # which work the egress takes over: the bits below
IF_QUIET_UNTIL = 6  # no redirect before this time, nanoseconds
IF_SIZE = 8

OFF, STRICT, LOOSE = 0, 1, 2  # RFC 3704, sections 2.2 and 2.4

CAN_CHECKSUM = 1  # a partial checksum is completed behind the egress
CAN_SEGMENT_TCP4 = 2  # super-frames of TCP over IPv4 are cut there
CAN_SEGMENT_TCP6 = 4
CAN_SEGMENT_UDP = 8

# What a route does; the first number of a group of hops. Then the count of hops, then hops.
UNICAST, LOCAL, BROADCAST, BLACKHOLE, UNREACHABLE, PROHIBIT = 1, 2, 3, 4, 5, 6
HOP = 2  # where the first hop begins in its group
HOP_INTERFACE = 0
HOP_WORDS = 1  # the gateway as four words of 32 bits; all zero: the destination is on the link
PAGE = 5  # numbers in a hop

# The frame that is on its way through the steps: one array of numbers.
P_AT = 0  # where its Ethernet header lies in the output buffer
P_END = 1  # where its packet ends there
P_FAMILY = 2  # 4, 6; 0: neither
P_IN = 3  # the interface where it came in
P_FLAGS = 4  # as in wire.batch, and the two fields below
P_SEGMENT = 5  # payload in each segment of a super-frame, bytes; else 0
P_NET = 6  # its IP header
P_HEADER = 7  # bytes of the IP header (IPv6: of the fixed header)
P_UPPER = 8  # TCP, UDP, ICMP; 0 where that is not known or it is a later fragment
P_PROTOCOL = 9  # the protocol at P_UPPER; -1: not known
P_ROUTE = 10  # the group of hops of its destination
P_EGRESS = 11  # the interface where it goes out
P_GATEWAY = 12  # four words: who is asked for on that link
P_MAC = 16  # the neighbour's address
P_SOURCE = 17  # the group of hops of its source; 0: no route
P_TO_ALL = 18  # the frame was for a group or for all stations
P_TRANSLATED = 19  # NAT changed it
P_REASON = 20  # why it left the path
P_PIECE = 24  # scratch for sixteen numbers
PACKET = 40

# Two fields in the flags of a frame, above those that a capture file knows: where a partial
# checksum is to be summed from and put, as virtio has them. Zero: TCP's or UDP's own.
CHECKSUM_START = 32  # 16 bits, from the start of the frame
CHECKSUM_OFFSET = 48  # 15 bits, from there

# A frame to send: SENT_SIZE numbers.
SENT_FRAME = 0  # which frame of the batch made it; -1: none
SENT_INTERFACE = 1
SENT_START = 2  # in the output buffer; its virtio-net header lies VNET_SIZE bytes before
SENT_LENGTH = 3
SENT_FLAGS = 4
SENT_SEGMENT = 5
SENT_SIZE = 6

VNET_SIZE = 10  # struct virtio_net_hdr
HEADROOM = 16  # bytes kept before each frame for it

# Counters of an interface: COUNTERS numbers; first one for each reason, then these.
RX_FRAMES, RX_BYTES, TX_FRAMES, TX_BYTES = 60, 61, 62, 63
COUNTERS = 64
