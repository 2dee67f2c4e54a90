"""The library libpcap: filters in tcpdump's language, compiled to classic BPF programs."""

from __future__ import annotations

import ctypes
import difflib
import re
from functools import cache
from typing import Any

from netarium.errors import MachineError, NetariumError

__all__ = ["FilterError", "Program", "compile_filter", "compiled_by", "library", "set_filter"]

#: A classic BPF program: code, jump if true, jump if false, operand of each instruction.
Program = tuple[tuple[int, int, int, int], ...]

_NAMES = ("libpcap.so.0.8", "libpcap.so.1", "libpcap.so")  # Debian's, everybody's, developers'
_NO_NETMASK = 0xFFFFFFFF
_MOST = 262144  # tcpdump's snap length
#: Link types whose number in files is not the one that libpcap's functions take on Linux.
_OWN_NUMBERS = {100: 11, 101: 12, 102: 15, 103: 16, 106: 19}
_TOKEN = re.compile(r"[^\s()\[\]]+|[()\[\]]")

#: What may complete a filter that is right so far: a word is wrong when none of these helps.
_ENDINGS = (
    "",
    " 1",
    " 1.2.3.4",
    " tcp",
    " host 1.2.3.4",
    " 0:0:0:0:0:0",
    " = 1",
    "] = 1",
    "0] = 1",
)

#: The language's words, for who mistypes one.
_WORDS = (
    *("and", "or", "not", "host", "net", "port", "portrange", "src", "dst", "proto", "ether"),
    *("ip", "ip6", "arp", "tcp", "udp", "icmp", "icmp6", "vlan", "mpls", "less", "greater"),
    *("broadcast", "multicast", "gateway", "mask", "inbound", "outbound", "protochain"),
    *("tcpflags", "tcp-syn", "tcp-ack", "tcp-fin", "tcp-rst", "tcp-push", "icmptype"),
)


class FilterError(NetariumError):
    """A filter that is not in tcpdump's language, or can match nothing.

    Attributes:
        expression: the filter.
        at: offset of the first character that is wrong; -1 where no place is.
    """

    exit_code = 2

    def __init__(self, expression: str, said: str, at: int = -1) -> None:
        what = f"the filter {expression!r} cannot be used: {said}"
        cure = "the language is tcpdump's, as in: tcp port 80 and host 10.0.0.1"
        expression = " ".join(expression.splitlines())
        if at >= 0:
            what = f"the filter cannot be used: {said}\n  {expression}\n  {' ' * at}^"
            word = _TOKEN.match(expression, at)
            if word and (close := difflib.get_close_matches(word[0], _WORDS, 1, 0.7)):
                cure = f"did you mean {close[0]}?" if close[0] != word[0] else cure
        super().__init__(what, cure)
        self.expression = expression
        self.at = at


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("true", ctypes.c_ubyte),
        ("false", ctypes.c_ubyte),
        ("operand", ctypes.c_uint),
    )


class _Program(ctypes.Structure):
    _fields_ = (("count", ctypes.c_uint), ("first", ctypes.POINTER(_Instruction)))


@cache
def library() -> Any:
    """The library itself. Raises MachineError where it is not installed."""
    for name in _NAMES:
        try:
            found = ctypes.CDLL(name)
        except OSError:
            continue
        found.pcap_open_dead.restype = ctypes.c_void_p
        found.pcap_open_dead.argtypes = (ctypes.c_int, ctypes.c_int)
        found.pcap_close.argtypes = (ctypes.c_void_p,)
        found.pcap_close.restype = None
        found.pcap_geterr.restype = ctypes.c_char_p
        found.pcap_geterr.argtypes = (ctypes.c_void_p,)
        found.pcap_compile.argtypes = (
            ctypes.c_void_p,
            ctypes.POINTER(_Program),
            ctypes.c_char_p,
            ctypes.c_int,
            ctypes.c_uint,
        )
        found.pcap_freecode.argtypes = (ctypes.POINTER(_Program),)
        found.pcap_freecode.restype = None
        return found
    raise MachineError("libpcap, which filters need, is missing", "apt-get install libpcap0.8")


def compile_filter(expression: str, link_type: int = 1, snaplen: int = _MOST) -> Program:
    """Compile a filter in tcpdump's language (pcap-filter(7)).

    Args:
        expression: the filter; empty matches everything.
        link_type: what the first header of the frames is, as in the tcpdump.org list.
        snaplen: what the program returns for a frame that matches: bytes to keep; 0 is all.

    Raises:
        FilterError: libpcap refuses it; the text says why, and points at the word.
        MachineError: libpcap is not installed.
    """
    pcap = library()
    link_type = _OWN_NUMBERS.get(link_type, link_type)
    handle = pcap.pcap_open_dead(link_type, snaplen or _MOST)
    if not handle:
        raise MachineError("libpcap has no memory")
    try:
        return compiled_by(handle, expression)
    finally:
        pcap.pcap_close(handle)


def compiled_by(handle: int, expression: str) -> Program:
    """Compile for an open capture, whose link type, snap length and kernel's abilities count."""
    if "\0" in expression:
        raise FilterError(expression.replace("\0", "?"), "a null character", expression.find("\0"))
    program = _Program()
    said = _compile(handle, program, expression)
    if said:
        raise FilterError(expression, _in_words(said), _place(handle, expression, said))
    try:
        return tuple(
            (step.code, step.true, step.false, step.operand)
            for step in program.first[: program.count]
        )
    finally:
        library().pcap_freecode(ctypes.byref(program))


def set_filter(handle: int, program: Program) -> int:
    """Give an open capture a filter; libpcap's answer, which is 0 where it took it."""
    steps = (_Instruction * len(program))(*(_Instruction(*step) for step in program))
    given = _Program(len(program), steps)
    answer: int = library().pcap_setfilter(ctypes.c_void_p(handle), ctypes.byref(given))
    return answer


def _compile(handle: int, program: _Program, expression: str) -> str:
    """What libpcap says against it; empty where it compiles, and the program is to be freed."""
    pcap = library()
    text = expression.encode()
    if pcap.pcap_compile(handle, ctypes.byref(program), text, 1, _NO_NETMASK) == 0:
        return ""
    return pcap.pcap_geterr(handle).decode(errors="replace") or "it cannot be compiled"


def _in_words(said: str) -> str:
    if "syntax error" in said:
        return "syntax error"
    return {"expression rejects all packets": "no packet can match it"}.get(said, said)


def _place(handle: int, expression: str, said: str) -> int:
    """Where the word begins that libpcap means: the one it names, or where grammar ends."""
    if "syntax error" not in said:
        named = re.search(r"""['"]([^'"]+)['"]|\b(\d+)\b""", said)
        return expression.find(named[1] or named[2]) if named else -1
    for word in _TOKEN.finditer(expression):
        beginning = expression[: word.end()]
        if not any(_is_grammatical(handle, beginning + more) for more in _ENDINGS):
            return word.start()
    return len(expression)  # it ends too early


def _is_grammatical(handle: int, beginning: str) -> bool:
    opened = beginning.count("(") - beginning.count(")")
    program = _Program()
    said = _compile(handle, program, beginning + ")" * opened)
    if not said:
        library().pcap_freecode(ctypes.byref(program))
    return "syntax error" not in said
