"""The terminal modes that an SSH client sends (RFC 4254, section 8), put on a terminal here."""

from __future__ import annotations

import contextlib
import termios
from collections.abc import Mapping

__all__ = ["apply_modes"]

#: Opcode to the index of a control character.
_CHARACTERS = {
    1: termios.VINTR,
    2: termios.VQUIT,
    3: termios.VERASE,
    4: termios.VKILL,
    5: termios.VEOF,
    6: termios.VEOL,
    7: termios.VEOL2,
    8: termios.VSTART,
    9: termios.VSTOP,
    10: termios.VSUSP,
    12: termios.VREPRINT,
    13: termios.VWERASE,
    14: termios.VLNEXT,
    18: termios.VDISCARD,
}
_IUTF8 = 0x4000  # asm-generic/termbits.h; Python has no name for it

#: Opcode to the word of tcgetattr's list, and the bit in it.
_BITS = {
    30: (0, termios.IGNPAR),
    31: (0, termios.PARMRK),
    32: (0, termios.INPCK),
    33: (0, termios.ISTRIP),
    34: (0, termios.INLCR),
    35: (0, termios.IGNCR),
    36: (0, termios.ICRNL),
    38: (0, termios.IXON),
    39: (0, termios.IXANY),
    40: (0, termios.IXOFF),
    41: (0, termios.IMAXBEL),
    42: (0, _IUTF8),
    50: (3, termios.ISIG),
    51: (3, termios.ICANON),
    53: (3, termios.ECHO),
    54: (3, termios.ECHOE),
    55: (3, termios.ECHOK),
    56: (3, termios.ECHONL),
    57: (3, termios.NOFLSH),
    58: (3, termios.TOSTOP),
    59: (3, termios.IEXTEN),
    60: (3, termios.ECHOCTL),
    61: (3, termios.ECHOKE),
    70: (1, termios.OPOST),
    72: (1, termios.ONLCR),
    73: (1, termios.OCRNL),
    74: (1, termios.ONOCR),
    75: (1, termios.ONLRET),
}
_NO_CHARACTER = 255  # "a value of 255 is used to disable"


def apply_modes(terminal: int, modes: Mapping[int, int]) -> None:
    """Set what the client asked for and this system has; the rest stays as it was.

    Speeds and character sizes are left out: a pseudo-terminal has none.
    """
    with contextlib.suppress(termios.error):
        state = termios.tcgetattr(terminal)
        for opcode, value in modes.items():
            if opcode in _CHARACTERS:
                state[6][_CHARACTERS[opcode]] = bytes(
                    [0 if value == _NO_CHARACTER else value & 255]
                )
            elif opcode in _BITS:
                word, bit = _BITS[opcode]
                state[word] = state[word] | bit if value else state[word] & ~bit
        termios.tcsetattr(terminal, termios.TCSANOW, state)
