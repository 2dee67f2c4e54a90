"""Telnet (RFC 854): commands and options between the text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from netarium.wire.applications.text_protocol import TextLines
from netarium.wire.escaping import escaped
from netarium.wire.field import REST, Bytes, Malformed, UInt
from netarium.wire.header import Header
from netarium.wire.parts import Parts

__all__ = ["Telnet", "TelnetCommand", "TelnetSubnegotiation"]

_IAC, _SB, _SE = 255, 250, 240

_COMMANDS = {
    236: "EOF",
    237: "SUSP",
    238: "ABORT",
    239: "EOR",
    240: "SE",
    241: "NOP",
    242: "DM",
    243: "BRK",
    244: "IP",
    245: "AO",
    246: "AYT",
    247: "EC",
    248: "EL",
    249: "GA",
    250: "SB",
    251: "WILL",
    252: "WON'T",
    253: "DO",
    254: "DON'T",
}
_OPTIONS = {
    0: "Binary Transmission",
    1: "Echo",
    3: "Suppress Go Ahead",
    5: "Status",
    6: "Timing Mark",
    24: "Terminal Type",
    25: "End of Record",
    31: "Negotiate About Window Size",
    32: "Terminal Speed",
    33: "Remote Flow Control",
    34: "Linemode",
    35: "X Display Location",
    36: "Environment",
    37: "Authentication",
    38: "Encryption",
    39: "New Environment",
    42: "Charset",
}


def _has_option(header: Any) -> bool:
    return bool(header.data[header.start + 1] > _SB) if header.minimum <= len(header.data) else True


class TelnetCommand(Header, title="Telnet command", rfc="RFC 854", short="telnet"):
    """What one side will do, or asks the other to do."""

    independent = True

    iac = UInt(8, "IAC", "255: a command follows.", default=_IAC)
    command = UInt(8, "Command", "Which one.", names=_COMMANDS, default=241)
    option = UInt(8, "Option", "About what.", names=_OPTIONS, when=_has_option)
    positional = ("command", "option")

    def summary(self) -> str:
        name = _COMMANDS.get(self.command, f"command {self.command}")
        if not _has_option(self):
            return name
        return f"{name} {_OPTIONS.get(self.option, f'option {self.option}')}"

    def __str__(self) -> str:
        return self.summary()


class TelnetSubnegotiation(Header, title="Telnet subnegotiation", rfc="RFC 855", short="telnet"):
    """The value of an option, or the question for it."""

    independent = True

    iac = UInt(8, "IAC", "255: a command follows.", default=_IAC)
    command = UInt(8, "Command", "SB: a value begins.", names=_COMMANDS, default=_SB)
    option = UInt(8, "Option", "Of what.", names=_OPTIONS)
    value = Bytes(REST, "Value", "By option; to IAC SE.")

    def end_of_header(self) -> int:
        return self.limit

    def summary(self) -> str:
        value = self.value.removesuffix(bytes([_IAC, _SE]))
        name = _OPTIONS.get(self.option, f"option {self.option}")
        if self.option == 31 and len(value) == 4:
            told = f"{value[0] << 8 | value[1]} columns, {value[2] << 8 | value[3]} rows"
        elif value[:1] in (b"\0", b"\1") and value[1:].isascii():
            told = f"{'is' if value[0] == 0 else 'send'} {value[1:].decode()}"
        else:
            told = value.hex()
        return escaped(f"{name} {told}".rstrip())

    def __str__(self) -> str:
        return self.summary()


def _read(header: Header, start: int, end: int) -> Iterator[Header]:
    data, at = header.data, start
    while at < end:
        mark = data.find(_IAC, at, end)
        while 0 <= mark < end - 1 and data[mark + 1] == _IAC:  # the character 255 itself
            mark = data.find(_IAC, mark + 2, end)
        text_end = end if mark < 0 else mark
        if text_end > at:
            yield TextLines.view(data, at, text_end)
        at = text_end
        if at < end:
            behind = _command_end(data, at, end)
            kind = TelnetSubnegotiation if data[at + 1] == _SB else TelnetCommand
            yield kind.view(data, at, behind)
            at = behind


def _command_end(data: bytes, at: int, end: int) -> int:
    if end - at < 2:
        raise Malformed(at, "a command that is cut off")
    command = data[at + 1]
    if command == _SB:
        close = data.find(bytes([_IAC, _SE]), at + 2, end)
        behind = end if close < 0 else close + 2
    else:
        behind = at + (3 if command > _SB else 2)
    if behind > end or (command == _SB and behind - at < 3):
        raise Malformed(at, f"the command {_COMMANDS.get(command, command)} is cut off")
    return behind


class Telnet(Header, title="Telnet", rfc="RFC 854", tcp=23):
    """Telnet: a terminal on another machine, in the clear."""

    independent = True

    parts = Parts("Data", _read, "Text, and commands between it.")

    def end_of_header(self) -> int:
        return self.limit

    def summary(self) -> str:
        first = []
        try:
            for part in islice(_read(self, self.start, self.limit), 8):
                first.append(part.summary())
        except Malformed:
            pass
        return ", ".join(first)
