"""What is shown cannot move a cursor, ring a bell, or turn the direction of writing."""

from __future__ import annotations

import pytest

from netarium.wire.escaping import escaped, escaped_lines


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain text, äöü 漢字", "plain text, äöü 漢字"),
        ("\x1b[2J", r"\x1b[2J"),
        ("a\r\nb\tc\0", r"a\r\nb\tc\x00"),
        ("\x9b31m \x85 \xad", r"\x9b31m \x85 \xad"),
        ("safe\u202eexe.txt \u2028 \u200b", r"safe\u202eexe.txt \u2028 \u200b"),
        ("\U000e0041", r"\U000e0041"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_is_not_visible_is_written_out(raw, shown):
    assert escaped(raw) == shown
    assert escaped(raw).isprintable()


def test_every_byte_of_a_conversation_is_harmless():
    text = escaped_lines(bytes(range(256)))
    assert text.replace("\n", "").replace("\t", "").isprintable()


def test_lines_stay_lines():
    assert escaped_lines(b"GET / HTTP/1.1\r\nHost: x\r\n\r\na\tb\n") == (
        "GET / HTTP/1.1\nHost: x\n\na\tb\n"
    )
    assert escaped_lines(b"alone\rreturn \xff \x1b[1m") == r"alone\rreturn \xff \x1b[1m"
    assert escaped_lines("größe".encode()) == "größe"
