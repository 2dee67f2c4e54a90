"""Looks for frames that Linux and the router treat otherwise: ``python -m tests.router.fuzz 7``.

The probes are changed at random, byte by byte; the number is the seed. What is printed differs
for a reason that `explained` does not know: a fault, or a line for `differences`. As root.
"""

from __future__ import annotations

import random
import sys

from tests.router.differences import DIFFERENCES
from tests.router.making import ip, mended
from tests.router.network import router
from tests.router.oracle import ask
from tests.router.probes import probes
from tests.router.test_oracle import normal, report

_FRAMES = 3000


def changed(seed: int) -> list[tuple[str, int, bytes]]:
    """Probes with one or two other bytes behind the Ethernet header, most with a right checksum."""
    chance = random.Random(seed)
    known = [p for p in probes() if not any(about.covers(p.name) for about in DIFFERENCES)]
    # What changes neighbours' states changes what all later frames meet.
    known = [p for p in known if not p.name.startswith(("arp", "nd"))]
    found = []
    for _ in range(_FRAMES):
        probe = chance.choice(known)
        body = bytearray(probe.frame)
        for _ in range(chance.randrange(1, 3)):
            if len(body) > 14:
                at = chance.randrange(14, min(len(body), 100))
                body[at] = chance.choice([0, 1, 255, chance.randrange(256)])
        if body[12:14] == b"\x08\x00" and len(body) > 40 and chance.random() < 0.85:
            body[14:] = mended(bytes(body[14:]))
        found.append((probe.name, probe.link, bytes(body)))
    return found


def counted(frame: bytes) -> bool:
    """Whether a frame is one of those that Linux counts by host: redirects, net unreachable."""
    if frame[12:14] == b"\x08\x00" and frame[23] == 1:
        at = 14 + 4 * (frame[14] & 15)
        return frame[at : at + 1] == b"\5" or frame[at : at + 2] in (b"\3\0", b"\3\1", b"\3\x0d")
    return frame[12:14] == b"\x86\xdd" and frame[20] == 58 and frame[54] == 137


def explained(frame: bytes) -> bool:
    """Whether a frame belongs to a known difference."""
    if frame[12:14] == b"\x08\x00":
        source, destination = frame[26:30], frame[30:34]
        broadcasts = [ip(f"10.0.{link}.255") for link in range(3)]
        options = frame[14] & 15 > 5 and (7 in frame[34:74] or 0x44 in frame[34:74])
        return not source[0] or not destination[0] or source in broadcasts or options
    source, destination = frame[22:38], frame[38:54]
    anycast = destination[:3] == b"\xfd\0\0" and not any(destination[6:])
    local = destination[0] == 0xFE and destination[1] & 0xC0 == 0x80
    later = frame[20] == 44 and frame[54] == 58
    return local or later or anycast or not any(destination) or not any(source[:10])


def differing(seed: int) -> list[str]:
    """A line for each frame that is treated otherwise."""
    frames = changed(seed)
    linux = ask([(link, frame) for _, link, frame in frames])
    mine, lines = router(), []
    for number, (name, link, frame) in enumerate(frames):
        verdict, sent = mine.why(frame, link, 3.0 + number / _FRAMES)
        here = [normal(out.interface, out.frame) for out in sent if not counted(out.frame)]
        there = [normal(*one) for one in linux[number] if not (report(one[1]) or counted(one[1]))]
        if here != there and not explained(frame):
            lines.append(f"{name} on {link}: {frame.hex()}\n  {verdict.name}")
            lines[-1] += f"\n  linux {there}\n  here  {here}"
    return lines


if __name__ == "__main__":
    found = differing(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    print("\n".join(found))
    print(f"{len(found)} of {_FRAMES} frames differ")
