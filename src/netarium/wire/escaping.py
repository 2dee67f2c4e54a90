"""What came from the wire made safe to show: nothing in it can move a terminal's cursor."""

from __future__ import annotations

__all__ = ["escaped", "escaped_lines"]


def escaped(text: str) -> str:
    r"""Text with every character not plainly visible written as ``\x1b`` or ``\u202e``.

    That takes in control characters, line ends, and those that turn the direction of writing.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _named(each) for each in text)


def escaped_lines(data: bytes) -> str:
    r"""Bytes of a conversation as lines of text: line ends and tabs stay, the rest is escaped.

    What is not UTF-8 is written as ``\xff``. A carriage return before a line feed is dropped.
    """
    text = data.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(each if each.isprintable() or each in "\n\t" else _named(each) for each in text)


def _named(character: str) -> str:
    return character.encode("unicode_escape").decode()
