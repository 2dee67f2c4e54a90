"""Options of TCP (RFC 9293, section 3.2, and the RFCs that each names)."""

from __future__ import annotations

from collections.abc import Iterator

from netarium.wire.field import REST, Bytes, UInt
from netarium.wire.header import Header
from netarium.wire.options import Option
from netarium.wire.parts import Parts

__all__ = [
    "EOL",
    "MPTCP",
    "MSS",
    "NOP",
    "SACK",
    "TCPMD5",
    "FastOpen",
    "OtherTCPOption",
    "SACKBlock",
    "SACKPermitted",
    "TCPAuthentication",
    "TCPOption",
    "Timestamps",
    "UserTimeout",
    "WindowScale",
]

_KINDS = {
    0: "end of option list",
    1: "no operation",
    2: "maximum segment size",
    3: "window scale",
    4: "SACK permitted",
    5: "SACK",
    8: "timestamps",
    19: "MD5 signature",
    28: "user timeout",
    29: "authentication",
    30: "multipath TCP",
    34: "fast open cookie",
    69: "encryption negotiation",
    172: "accurate ECN, order 0",
    174: "accurate ECN, order 1",
    253: "experiment",
    254: "experiment 2",
}


class TCPOption(Option, title="TCP option", rfc="RFC 9293, section 3.2", kinds="tcp_option"):
    """An option of TCP: a kind, and for most a length and data."""

    kind = UInt(8, "Kind", "Which option.", default=1, names=_KINDS)


class NOP(TCPOption, title="NOP", rfc="RFC 9293, section 3.2", tcp_option=1):
    """One byte of filling, so that the next option begins at a whole word."""

    def told(self) -> int:
        return 1


class EOL(TCPOption, title="end of options", rfc="RFC 9293, section 3.2", tcp_option=0):
    """What follows in the header is no option."""

    padding = Bytes(REST, "Padding", "Zeros to the end of the header, a whole word.")

    def told(self) -> int:
        return self.limit - self.start

    def end_of_header(self) -> int:
        return self.limit


class _Sized(TCPOption, title="option", rfc="RFC 9293, section 3.2"):
    length = UInt(8, "Length", "Of the whole option.", unit="bytes", auto=lambda c: c.size)


class OtherTCPOption(_Sized, title="option", rfc="RFC 9293, section 3.2", tcp_option=-1):
    """An option that netarium does not read further."""

    value = Bytes(REST, "Data", "What it says.")

    def summary(self) -> str:
        return f"{TCPOption.kind.name_of(self.kind)}, {self.size - 2} bytes"


class MSS(_Sized, title="MSS", rfc="RFC 9293, section 3.7.1", tcp_option=2):
    """The longest segment that its sender wants to receive."""

    positional = ("mss",)
    mss = UInt(16, "Maximum Segment Size", "Of the data in a segment.", default=536, unit="bytes")

    def summary(self) -> str:
        return str(self.mss)


class WindowScale(_Sized, title="window scale", rfc="RFC 7323, section 2", tcp_option=3):
    """By how many bits the windows that its sender tells are to be shifted."""

    positional = ("shift",)
    shift = UInt(8, "shift.cnt", "Bits to shift; at most 14.")

    def summary(self) -> str:
        return f"{self.shift} (times {1 << min(self.shift, 14)})"


class SACKPermitted(_Sized, title="SACK permitted", rfc="RFC 2018, section 2", tcp_option=4):
    """Its sender understands selective acknowledgments."""


class SACKBlock(Header, title="block", rfc="RFC 2018, section 3"):
    """Bytes that have arrived, though some before them have not."""

    positional = ("left", "right")
    left = UInt(32, "Left Edge", "Sequence number of the first of these bytes.")
    right = UInt(32, "Right Edge", "Sequence number behind the last of these bytes.")

    def summary(self) -> str:
        return f"{self.left}-{self.right}"


def _read_blocks(header: Header, start: int, end: int) -> Iterator[SACKBlock]:
    for at in range(start, end - 7, 8):
        yield SACKBlock.view(header.data, at, at + 8)


class SACK(_Sized, title="SACK", rfc="RFC 2018, section 3", tcp_option=5):
    """Selective acknowledgment: what has arrived beyond a gap. ``SACK([(100, 200)])``."""

    positional = ("blocks",)
    blocks = Parts("Blocks", _read_blocks, "At most four of them.", item=SACKBlock)

    def summary(self) -> str:
        return ", ".join(block.summary() for block in self.blocks)


class Timestamps(_Sized, title="timestamps", rfc="RFC 7323, section 3", tcp_option=8):
    """Clocks of both sides, to measure the round trip and to know old segments."""

    positional = ("value", "echo")
    value = UInt(32, "TSval", "The sender's clock, in steps of its own.")
    echo = UInt(32, "TSecr", "What the sender last heard of the other's clock.")

    def summary(self) -> str:
        return f"{self.value} {self.echo}"


class TCPMD5(_Sized, title="MD5 signature", rfc="RFC 2385", tcp_option=19):
    """Proves with a secret key who sent the segment; used between BGP routers."""

    positional = ("digest",)
    digest = Bytes(16, "MD5 Digest", "Over the segment and the key.")


class UserTimeout(_Sized, title="user timeout", rfc="RFC 5482, section 3", tcp_option=28):
    """How long its sender waits for an acknowledgment before it gives up."""

    positional = ("timeout",)
    minutes = UInt(1, "G", "The unit.", names={0: "seconds", 1: "minutes"})
    timeout = UInt(15, "User Timeout", "In that unit.")

    def summary(self) -> str:
        return f"{self.timeout} {UserTimeout.minutes.name_of(self.minutes)}"


class TCPAuthentication(_Sized, title="authentication", rfc="RFC 5925, section 2.2", tcp_option=29):
    """Proves with a secret key who sent the segment (TCP-AO)."""

    key = UInt(8, "KeyID", "Which key made it.")
    next_key = UInt(8, "RNextKeyID", "Which key the sender wants to see next.")
    mac = Bytes(REST, "MAC", "Over the segment and the key.")

    def summary(self) -> str:
        return f"key {self.key}"


_SUBTYPES = {
    0: "MP_CAPABLE",
    1: "MP_JOIN",
    2: "DSS",
    3: "ADD_ADDR",
    4: "REMOVE_ADDR",
    5: "MP_PRIO",
    6: "MP_FAIL",
    7: "MP_FASTCLOSE",
    8: "MP_TCPRST",
}


class MPTCP(_Sized, title="multipath TCP", rfc="RFC 8684, section 3", tcp_option=30):
    """One stream over several ways at once."""

    subtype = UInt(4, "Subtype", "What it is about.", names=_SUBTYPES)
    flags = UInt(4, "Flags or version", "By subtype.", shown="x")
    content = Bytes(REST, "Data", "By subtype.")

    def summary(self) -> str:
        return MPTCP.subtype.name_of(self.subtype)


class FastOpen(_Sized, title="fast open", rfc="RFC 7413, section 2", tcp_option=34):
    """A cookie from an earlier visit, so that data may travel with SYN; empty: give me one."""

    positional = ("cookie",)
    cookie = Bytes(REST, "Cookie", "What the server gave; it proves the client's address.")

    def summary(self) -> str:
        return self.cookie.hex() or "request"
