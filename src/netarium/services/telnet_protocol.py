"""The Telnet protocol of a server (RFC 854, 855): octets in, events out, answers ready to send.

Pure. Options are settled as RFC 1143 teaches, so that no pair of implementations
can answer each other for ever: echo (RFC 857), suppress go ahead (858), binary
(856), terminal type (1091), window size (1073). All others are refused, LINEMODE
too: then the client sends each key as it is pressed, and the terminal does the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

__all__ = ["Command", "Connection", "Data", "Event", "TerminalType", "WindowSize"]

_IAC, _DONT, _DO, _WONT, _WILL, _SB, _SE = 255, 254, 253, 252, 251, 250, 240
_BINARY, _ECHO, _SGA, _TTYPE, _NAWS = 0, 1, 3, 24, 31
_TTYPE_IS, _TTYPE_SEND = 0, 1
_ARE_YOU_THERE = 246
_CR, _LF, _NUL = 13, 10, 0

#: What this side is willing to do, what it wants the client to do, and what it offers unasked.
_OURS = frozenset({_BINARY, _ECHO, _SGA})
_THEIRS = frozenset({_BINARY, _SGA, _TTYPE, _NAWS})
_OPENING = ((_WILL, _ECHO), (_WILL, _SGA), (_DO, _SGA), (_DO, _TTYPE), (_DO, _NAWS))
_LONE_RETURN = re.compile(rb"\r(?!\n|\Z)")
#: The longest subnegotiation that is kept; more of it is read and forgotten.
_LONGEST = 512


class Command(Enum):
    """A function that a client asks for by a command of its own (RFC 854, 1184)."""

    END_OF_FILE = 236
    SUSPEND = 237
    ABORT = 238
    BREAK = 243
    INTERRUPT = 244
    ERASE_CHARACTER = 247
    ERASE_LINE = 248


_COMMANDS = {command.value: command for command in Command}


@dataclass(frozen=True)
class Data:
    """What the user typed. The end of a line is a carriage return, as from a terminal."""

    data: bytes


@dataclass(frozen=True)
class WindowSize:
    """The client's window; 0 is unknown."""

    columns: int
    rows: int


@dataclass(frozen=True)
class TerminalType:
    """What the client calls its terminal, in lower case."""

    name: str


Event = Data | WindowSize | TerminalType | Command


class _In(Enum):
    """What the next octet is."""

    DATA = auto()
    COMMAND = auto()
    OPTION = auto()
    SUBNEGOTIATION = auto()
    SUBNEGOTIATION_COMMAND = auto()


class _Agreement(Enum):
    """The state of one option on one side (RFC 1143, without switching off, which we never ask)."""

    NO = auto()
    ASKED = auto()
    YES = auto()


class Connection:
    """One client. ``opening`` first, then ``receive`` and ``send`` as octets and output come."""

    def __init__(self) -> None:
        self._in = _In.DATA
        self._verb = 0
        self._subnegotiation = bytearray()
        self._after_return = False
        self._sent_return = False
        self._ours = dict.fromkeys(_OURS, _Agreement.NO)
        self._theirs = dict.fromkeys(_THEIRS, _Agreement.NO)
        self._answers = bytearray()

    def opening(self) -> bytes:
        """What the server says first: how it would like to talk."""
        for verb, option in _OPENING:
            (self._ours if verb == _WILL else self._theirs)[option] = _Agreement.ASKED
            self._say(verb, option)
        return self.answers()

    def answers(self) -> bytes:
        """What is to be sent in answer to all that was received so far."""
        answers = bytes(self._answers)
        self._answers.clear()
        return answers

    def send(self, data: bytes) -> bytes:
        """Output as it goes over the wire: 255 doubled, a carriage return never alone (RFC 854)."""
        encoded = data.replace(b"\xff", b"\xff\xff")
        if self._ours[_BINARY] is _Agreement.YES or not data:
            return encoded
        prefix = b""
        if self._sent_return and data[:1] != b"\n":
            prefix = b"\0"
        # A return at the very end waits for its fellow: the next piece may start with it.
        self._sent_return = data.endswith(b"\r")
        return prefix + _LONE_RETURN.sub(b"\r\0", encoded)

    def receive(self, data: bytes) -> list[Event]:
        """What the client meant by these octets. Ask for ``answers`` afterwards."""
        events: list[Event] = []
        typed = bytearray()
        for octet in data:
            if self._in is _In.DATA:
                self._receive_data(octet, typed)
                continue
            event = self._receive_other(octet, typed)
            if event is not None:
                if typed:
                    events.append(Data(bytes(typed)))
                    typed.clear()
                events.append(event)
        if typed:
            events.append(Data(bytes(typed)))
        return events

    def _receive_data(self, octet: int, typed: bytearray) -> None:
        if octet == _IAC:
            self._in = _In.COMMAND
            return
        binary = self._theirs[_BINARY] is _Agreement.YES
        if not (self._after_return and octet in (_LF, _NUL)):
            typed.append(octet)
        self._after_return = octet == _CR and not binary

    def _receive_other(self, octet: int, typed: bytearray) -> Event | None:
        if self._in is _In.COMMAND:
            return self._receive_command(octet, typed)
        if self._in is _In.OPTION:
            self._in = _In.DATA
            self._negotiate(self._verb, octet)
        elif self._in is _In.SUBNEGOTIATION:
            if octet == _IAC:
                self._in = _In.SUBNEGOTIATION_COMMAND
            else:
                self._collect(octet)
        elif octet == _SE:
            self._in = _In.DATA
            return self._subnegotiated(bytes(self._subnegotiation))
        elif octet == _IAC:
            self._in = _In.SUBNEGOTIATION
            self._collect(_IAC)
        else:  # a command where none belongs: the end of this subnegotiation was lost
            self._in = _In.COMMAND
            return self._receive_command(octet, typed)
        return None

    def _receive_command(self, octet: int, typed: bytearray) -> Event | None:
        self._in = _In.DATA
        if octet == _IAC:
            typed.append(_IAC)
            self._after_return = False
        elif octet in (_DO, _DONT, _WILL, _WONT):
            self._in, self._verb = _In.OPTION, octet
        elif octet == _SB:
            self._in = _In.SUBNEGOTIATION
            self._subnegotiation.clear()
        elif octet == _ARE_YOU_THERE:
            self._answers += b"\r\n[yes]\r\n"
        return _COMMANDS.get(octet)

    def _collect(self, octet: int) -> None:
        if len(self._subnegotiation) < _LONGEST:
            self._subnegotiation.append(octet)

    def _subnegotiated(self, content: bytes) -> Event | None:
        if len(content) == 5 and content[0] == _NAWS:
            columns, rows = (int.from_bytes(content[at : at + 2], "big") for at in (1, 3))
            return WindowSize(columns, rows)
        if content[:2] == bytes((_TTYPE, _TTYPE_IS)):
            # Names are not case-sensitive (RFC 1091); terminfo's are in lower case.
            return TerminalType(content[2:].decode("ascii", "replace").lower())
        return None

    def _negotiate(self, verb: int, option: int) -> None:
        ours = verb in (_DO, _DONT)
        side, yes, no = (self._ours, _WILL, _WONT) if ours else (self._theirs, _DO, _DONT)
        wanted = verb in (_DO, _WILL)
        if option not in side:
            if wanted:
                self._say(no, option)
            return
        was = side[option]
        side[option] = _Agreement.YES if wanted else _Agreement.NO
        if wanted and was is _Agreement.NO:
            self._say(yes, option)
        elif not wanted and was is _Agreement.YES:
            self._say(no, option)
        if wanted and was is not _Agreement.YES and option == _TTYPE:
            self._answers += bytes((_IAC, _SB, _TTYPE, _TTYPE_SEND, _IAC, _SE))

    def _say(self, verb: int, option: int) -> None:
        self._answers += bytes((_IAC, verb, option))
