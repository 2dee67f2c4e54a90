"""Names of mail folders: as people write them, as IMAP sends them, as a Maildir keeps them.

A name is a string whose levels are joined by ``/`` (``Work/Reports``). IMAP
sends it in modified UTF-7 (RFC 3501 section 5.1.3). On disk it is a directory
of Maildir++: ``.Work.Reports``, each level in modified UTF-7 with a dot inside
a level written ``&AC4-``, so that every name has exactly one directory.
"""

from __future__ import annotations

import binascii
import re

__all__ = ["SEPARATOR", "decode", "encode", "from_directory", "normalise", "to_directory"]

SEPARATOR = "/"
_LONGEST = 240  # bytes of the directory's name; file systems end at 255
_DEEPEST = 16
_SHIFTED = re.compile(r"&([^&-]*)-")
_UNSAFE = re.compile(r"[^\x20-\x7e]+")


def _shift(text: str) -> str:
    base64 = binascii.b2a_base64(text.encode("utf-16-be", "surrogatepass"), newline=False)
    return "&" + base64.decode("ascii").rstrip("=").replace("/", ",") + "-"


def encode(name: str) -> str:
    """The name in modified UTF-7: printable ASCII as it is, ``&`` as ``&-``, the rest shifted."""
    return _UNSAFE.sub(lambda found: _shift(found[0]), name.replace("&", "&-"))


def _unshift(found: re.Match[str]) -> str:
    if not found[1]:
        return "&"
    padded = found[1].replace(",", "/") + "=" * (-len(found[1]) % 4)
    try:
        return binascii.a2b_base64(padded, strict_mode=True).decode("utf-16-be")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{found[0]!r} is not modified UTF-7") from error


def decode(name: str) -> str:
    """The name that modified UTF-7 stands for.

    Characters beyond ASCII are let through as they are: clients that send
    plain UTF-8 mean just that. Raises ValueError where a shift is broken.
    """
    if "&" in _SHIFTED.sub("", name):
        raise ValueError(f"{name!r} has an '&' without its '-'")
    return _SHIFTED.sub(_unshift, name)


def normalise(name: str) -> str:
    """The name as the store knows it: INBOX in capitals, no separator at the end.

    Raises ValueError for what cannot be a folder: an empty level, a control
    character, half a surrogate pair, too many levels or too long a name.
    """
    levels = name.removesuffix(SEPARATOR).split(SEPARATOR)
    if levels[0].upper() == "INBOX":
        levels[0] = "INBOX"
    if not all(levels):
        raise ValueError("a folder's name has an empty level")
    if len(levels) > _DEEPEST:
        raise ValueError(f"a folder's name has more than {_DEEPEST} levels")
    if any(character < " " or character == "\x7f" for character in name):
        raise ValueError("a folder's name has a control character")
    whole = SEPARATOR.join(levels)
    try:
        whole.encode()
    except UnicodeEncodeError as error:
        raise ValueError("a folder's name has half a surrogate pair") from error
    if len(to_directory(whole)) > _LONGEST:
        raise ValueError("a folder's name is too long")
    return whole


def to_directory(name: str) -> str:
    """The Maildir++ directory of a folder other than INBOX, below the mailbox's own."""
    levels = (encode(level).replace(".", "&AC4-") for level in name.split(SEPARATOR))
    return "." + ".".join(levels)


def from_directory(directory: str) -> str:
    """The folder that a directory holds. Raises ValueError where it is not one of ours."""
    name = SEPARATOR.join(decode(level) for level in directory.removeprefix(".").split("."))
    if normalise(name) != name or to_directory(name) != directory:
        raise ValueError(f"{directory!r} is not a folder's directory")
    return name
