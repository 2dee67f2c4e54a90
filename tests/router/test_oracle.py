"""The router does what Linux does, frame for frame; what differs is known and explained."""

from __future__ import annotations

import pytest

from netarium.router.packets import pseudo, with_checksum
from netarium.wire.checksum import internet_checksum
from tests.router.differences import DIFFERENCES
from tests.router.making import ip
from tests.router.network import router
from tests.router.oracle import ask
from tests.router.probes import probes

_OWN = {ip(f"fd00:{link}::1") for link in range(3)} | {ip("fe80::1")}


def normal(link: int, frame: bytes) -> tuple[int, str]:
    """A frame without what may differ.

    That is the identification of packets that the router made, and the checksum of IPv6 TCP
    resets, which Linux leaves to the network card.
    """
    own = frame[26:28] == bytes([10, 0]) and frame[28] < 3 and frame[29] == 1
    if frame[12:14] == b"\x08\x00" and own:
        size = 4 * (frame[14] & 15)
        header = frame[14:18] + b"\0\0" + frame[20 : 14 + size]
        frame = frame[:14] + with_checksum(header) + frame[14 + size :]
    if frame[12:14] == b"\x86\xdd" and frame[20] == 6 and frame[22:38] in _OWN:
        bare = frame[:70] + b"\0\0" + frame[72:]
        covered = pseudo(frame[22:38], frame[38:54], 6, len(frame) - 54) + bare[54:]
        frame = frame[:70] + internet_checksum(covered).to_bytes(2, "big") + frame[72:]
    return link, frame.hex()


def report(frame: bytes) -> bool:
    """Whether Linux tells multicast routers of its own groups, as it does once in a while."""
    return frame[:6] == bytes.fromhex("333300000016")


def compared() -> dict[str, tuple[list[tuple[int, str]], list[tuple[int, str]]]]:
    """What Linux and the router send for each probe."""
    asked = probes()
    linux = ask([(probe.link, probe.frame) for probe in asked])
    mine = router()
    found = {}
    for number, probe in enumerate(asked):
        now = 3.0 + number / 1000
        sent = [(out.interface, out.frame) for out in mine.frame(probe.frame, probe.link, now)]
        found[probe.name] = (
            [normal(*answer) for answer in linux[number] if not report(answer[1])],
            [normal(*answer) for answer in sent],
        )
    return found


@pytest.mark.root
@pytest.mark.needs("ip", "unshare", "nsenter")
def test_linux_is_the_oracle():
    both = compared()
    assert len(both) >= 300
    differing = {name for name, (linux, mine) in both.items() if linux != mine}
    known = {name for name in both if any(about.covers(name) for about in DIFFERENCES)}
    told = [
        f"{name}\n  linux {both[name][0]}\n  here  {both[name][1]}"
        for name in sorted(differing - known)
    ]
    assert not told, "\n".join(told)
    assert known - differing == set(), "these no longer differ"


def test_every_probe_is_another():
    asked = probes()
    assert len({(probe.link, probe.frame) for probe in asked}) >= 0.97 * len(asked) > 300
