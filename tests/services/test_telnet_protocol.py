import pytest
from hypothesis import given
from hypothesis import strategies as st

from netarium.services.telnet_protocol import (
    Command,
    Connection,
    Data,
    TerminalType,
    WindowSize,
)

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
BINARY, ECHO, SGA, TTYPE, NAWS, LINEMODE = 0, 1, 3, 24, 31, 34


def opened() -> Connection:
    connection = Connection()
    connection.opening()
    return connection


def typed(events: list) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, Data))


def test_opening_offers_echo_and_asks_for_size_and_type() -> None:
    assert Connection().opening() == bytes(
        [IAC, WILL, ECHO, IAC, WILL, SGA, IAC, DO, SGA, IAC, DO, TTYPE, IAC, DO, NAWS]
    )


def test_agreement_to_an_offer_is_not_answered() -> None:
    connection = opened()
    assert connection.receive(bytes([IAC, DO, ECHO, IAC, DO, SGA, IAC, WILL, NAWS])) == []
    assert connection.answers() == b""


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ((WILL, LINEMODE), (DONT, LINEMODE)),
        ((DO, LINEMODE), (WONT, LINEMODE)),
        ((DO, 6), (WONT, 6)),
        ((WONT, LINEMODE), None),
        ((DONT, 200), None),
        ((WILL, BINARY), (DO, BINARY)),
        ((DO, BINARY), (WILL, BINARY)),
        ((WONT, NAWS), None),
    ],
)
def test_each_request_gets_its_answer_once(said, answer) -> None:
    connection = opened()
    connection.receive(bytes([IAC, *said]))
    assert connection.answers() == (bytes([IAC, *answer]) if answer else b"")


def test_a_repeated_agreement_is_not_answered_again() -> None:
    connection = opened()
    connection.receive(bytes([IAC, DO, BINARY] * 2))
    assert connection.answers() == bytes([IAC, WILL, BINARY])


def test_withdrawal_is_acknowledged() -> None:
    connection = opened()
    connection.receive(bytes([IAC, DO, ECHO, IAC, DONT, ECHO]))
    assert connection.answers() == bytes([IAC, WONT, ECHO])


def test_terminal_type_is_asked_for_and_read() -> None:
    connection = opened()
    connection.receive(bytes([IAC, WILL, TTYPE]))
    assert connection.answers() == bytes([IAC, SB, TTYPE, 1, IAC, SE])
    events = connection.receive(bytes([IAC, SB, TTYPE, 0]) + b"XTERM" + bytes([IAC, SE]))
    assert events == [TerminalType("xterm")]


def test_window_size_with_an_octet_of_255() -> None:
    events = opened().receive(bytes([IAC, SB, NAWS, 0, IAC, IAC, 0, 50, IAC, SE]))
    assert events == [WindowSize(255, 50)]


@pytest.mark.parametrize(
    ("wire", "meaning"),
    [
        (b"ls\r\n", b"ls\r"),
        (b"ls\r\0", b"ls\r"),
        (b"ls\r\r\n", b"ls\r\r"),
        (b"\r\0\0", b"\r\0"),
        (b"a\xff\xffb", b"a\xffb"),
        (b"nc\n", b"nc\n"),
    ],
)
def test_what_is_typed(wire: bytes, meaning: bytes) -> None:
    assert typed(opened().receive(wire)) == meaning


def test_a_command_between_keys_keeps_its_place() -> None:
    events = opened().receive(b"a" + bytes([IAC, 244]) + b"b")
    assert events == [Data(b"a"), Command.INTERRUPT, Data(b"b")]


def test_are_you_there() -> None:
    connection = opened()
    connection.receive(bytes([IAC, 246]))
    assert connection.answers() == b"\r\n[yes]\r\n"


def test_binary_leaves_returns_alone() -> None:
    connection = opened()
    connection.receive(bytes([IAC, WILL, BINARY, IAC, DO, BINARY]))
    assert typed(connection.receive(b"\r\n\r\0")) == b"\r\n\r\0"
    assert connection.send(b"\rx\r") == b"\rx\r"


@given(st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"x", b"\r"))))
def test_output_arrives_as_it_was_in_any_pieces(pieces: list[bytes]) -> None:
    connection = Connection()
    wire = b"".join(map(connection.send, pieces))
    # What RFC 854 has a client do: 255 doubled is one, a return followed by NUL is a return.
    meant = wire.replace(b"\xff\xff", b"\xff").replace(b"\r\0", b"\r")
    sent = b"".join(pieces)
    # A return and a NUL of the program's own arrive as the same return.
    assert meant.replace(b"\r\0", b"\r") == sent.replace(b"\r\0", b"\r")
    for at in range(len(wire) - 1):
        assert wire[at] != 13 or wire[at + 1] in (0, 10)


@given(st.binary(), st.data())
def test_any_octets_in_any_pieces_mean_the_same(wire: bytes, data: st.DataObject) -> None:
    whole, pieces = opened(), opened()
    expected = whole.receive(wire)
    cut = data.draw(st.integers(0, len(wire)))
    found = pieces.receive(wire[:cut]) + pieces.receive(wire[cut:])
    assert typed(found) == typed(expected)
    others = [event for event in expected if not isinstance(event, Data)]
    assert [event for event in found if not isinstance(event, Data)] == others
    assert pieces.answers() == whole.answers()


@given(st.lists(st.integers(1, 12), max_size=30))
def test_two_connections_that_both_open_come_to_rest(pieces: list[int]) -> None:
    """However their octets are cut and interleaved: the trap that RFC 1143 is about."""
    sides = [Connection(), Connection()]
    wires = [bytearray(sides[1].opening()), bytearray(sides[0].opening())]
    for turn, size in enumerate([*pieces, *[1000] * 20]):
        side, wire = sides[turn % 2], wires[turn % 2]
        side.receive(bytes(wire[:size]))
        del wire[:size]
        wires[1 - turn % 2] += side.answers()
    assert wires == [b"", b""]


def test_an_endless_subnegotiation_is_not_kept() -> None:
    connection = opened()
    connection.receive(bytes([IAC, SB, TTYPE, 0]) + b"x" * 100_000)
    (event,) = connection.receive(bytes([IAC, SE]))
    assert isinstance(event, TerminalType)
    assert len(event.name) < 1000
