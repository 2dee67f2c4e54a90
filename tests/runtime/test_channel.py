from __future__ import annotations

import socket

import pytest

from netarium.runtime.channel import Channel, pair


def test_messages_arrive_whole_and_in_order() -> None:
    one, other = pair()
    assert one.send("built") and one.send("files", [["/etc/x", b"\0\xff", 0o600]])
    assert other.has_message()
    assert other.receive() == ("built",)
    assert other.receive() == ("files", [["/etc/x", b"\0\xff", 0o600]])
    assert not other.has_message()
    one.close()
    other.close()


def test_the_end_of_the_other_side_is_heard_and_said() -> None:
    one, other = pair()
    one.close()
    assert other.has_message()
    assert other.receive() is None
    assert other.send("x") is False
    other.close()


@pytest.mark.parametrize("junk", [b"\xc1", b"\x93\xa5ready", b"\x05", b"\x80", b"\xff" * 1000])
def test_nonsense_is_taken_for_the_end(junk: bytes) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        channel = Channel(ours)
        theirs.send(junk)
        assert channel.receive() is None
        channel.close()
