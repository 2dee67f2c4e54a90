"""What the loops that write lines keep from frame to frame, as places in an array of numbers."""

from __future__ import annotations

__all__ = [
    "ABSOLUTE",
    "ACK_BASE",
    "AT",
    "CLOCK",
    "CONVERSATIONS",
    "DELTA",
    "EPOCH",
    "FIRST_TIME",
    "FRAME",
    "IN_TUNNEL",
    "LAST_TIME",
    "LOCAL",
    "NAMED",
    "NEXT",
    "NONE",
    "ODD",
    "OFFSET",
    "QUARTER",
    "RELATIVE",
    "REST",
    "RESTS",
    "SEQ_BASE",
    "STATE",
    "STOP",
    "UTC",
    "VERDICTS",
    "WHOLE",
    "WITHIN",
    "WITH_LINK",
]

# What was asked for.
CLOCK = 0  # one of those below
ABSOLUTE = 1  # 1: TCP's numbers as they are in the packet
NAMED = 2  # 1: the interface and the direction on every line
WITH_LINK = 3  # 1: the link-layer header on every line
# Where the work stands.
NEXT = 4  # the frame to go on with
AT = 5  # how much of the output is written
RESTS = 6  # how many notes for Python there are
QUARTER = 7  # the quarter of an hour since 1970 for which OFFSET holds
OFFSET = 8  # local time less UTC, nanoseconds
FIRST_TIME = 9  # of the first frame; -1 before it
LAST_TIME = 10
CONVERSATIONS = 11  # how many the table of TCP holds
# Within one frame.
FRAME = 12  # its index in the batch
VERDICTS = 13  # what `line_marks.judge` found, bits
SEQ_BASE = 14  # what to subtract from TCP's numbers
ACK_BASE = 15
ODD = 16  # 1: an option that Python should look at
STATE = 17  # how many numbers that is

# Clocks: local time of day, UTC, seconds since 1970, since the first frame, since the one before.
LOCAL, UTC, EPOCH, RELATIVE, DELTA, NONE = range(6)

# What Python is to add to a line, where a note does not give an IP protocol.
WHOLE = -1  # all from the link layer on
STOP = -2  # where and why reading stopped
WITHIN = -3  # what the IP protocol carries: a note then gives that, or
IN_TUNNEL = 256  # a frame in a tunnel
REST = 5  # numbers in a note: the frame, where in the output, what, from where on, how long
