"""The Dynamic Host Configuration Protocol (RFC 2131), and BOOTP before it (RFC 951)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netarium.wire.applications.dhcp_options import MESSAGE_TYPES, DHCPOption, read_options
from netarium.wire.escaping import escaped
from netarium.wire.field import Field, FieldError, Flags, IPv4Address, Malformed, Shown, UInt
from netarium.wire.header import Header
from netarium.wire.parts import Parts

__all__ = ["DHCP"]

_COOKIE = 0x63825363
_FIXED = 236  # bytes before the options
_SNAME, _FILE = 44, 108  # offsets of the two fields that may hold options, too


class _HardwareAddress(Field[str]):
    """A hardware address in 16 bytes, of which ``hlen`` count."""

    bits = 128

    def decode(self, header: Header, bit: int, bits: int) -> str:
        at = bit >> 3
        size = header.data[header.start + 2] if header.data else 6
        return header.data[at : at + min(size, 16)].hex(":")

    def number(self, value: Any) -> int:
        text = value.hex() if isinstance(value, (bytes, bytearray)) else str(value)
        try:
            raw = bytes.fromhex(text.replace(":", "").replace("-", ""))
        except ValueError as error:
            raise FieldError(f"{self.label} is no hardware address: {value!r}") from error
        if len(raw) > 16:
            raise FieldError(f"{self.label} has {len(raw)} bytes, the most is 16")
        return int.from_bytes(raw.ljust(16, b"\0"), "big")


class _MaybeOptions(Field[str]):
    """A text with zeros behind it; or options, where option 52 says so (RFC 2131, section 4.1).

    Args:
        size: bytes.
        overload: the bit of option 52 that says so.
    """

    def __init__(self, size: int, overload: int, label: str, meaning: str) -> None:
        super().__init__(label, meaning, default="")
        self.bits = 8 * size
        self.overload = overload

    def _holds_options(self, header: Header) -> bool:
        return bool(isinstance(header, DHCP) and header.overload & self.overload)

    def decode(self, header: Header, bit: int, bits: int) -> str:
        raw = header.data[bit >> 3 : (bit + bits) >> 3]
        return raw.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")

    def kept(self, header: Header, bit: int, bits: int) -> Any:
        # While the header is made anew, nothing else tells whether it had a cookie.
        header.__dict__["with_cookie"] = _has_cookie(header)
        return header.data[bit >> 3 : (bit + bits) >> 3]

    def number(self, value: Any) -> int:
        raw = bytes(value) if isinstance(value, (bytes, bytearray)) else str(value).encode()
        size = self.bits // 8
        if len(raw) > size:
            raise FieldError(f"{self.label} has {len(raw)} bytes, the most is {size}")
        return int.from_bytes(raw.ljust(size, b"\0"), "big")

    def text(self, value: str, header: Header) -> str:
        return "options" if self._holds_options(header) else escaped(value)

    def parts(self, header: Header, bit: int, bits: int) -> tuple[Shown, ...]:
        if not self._holds_options(header):
            return ()
        return Parts("Options", read_options).parts(header, bit, bits)


def _has_cookie(header: Any) -> bool:
    at = header.start + _FIXED
    if header.built or header.limit < at + 4:
        return bool(header.__dict__.get("with_cookie", True))
    return bool(header.data[at : at + 4] == _COOKIE.to_bytes(4, "big"))


class DHCP(Header, title="DHCP", rfc="RFC 2131, section 2", udp=(67, 68)):
    """Dynamic Host Configuration Protocol: gives a host its address and what else it needs."""

    independent = True

    op = UInt(8, "op", "Who speaks.", names={1: "BOOTREQUEST", 2: "BOOTREPLY"}, default=1)
    htype = UInt(8, "htype", "Kind of hardware address.", names={1: "Ethernet"}, default=1)
    hlen = UInt(8, "hlen", "Length of the hardware address.", unit="bytes", default=6)
    hops = UInt(8, "hops", "Relays on the way.")
    xid = UInt(32, "xid", "The client's number for this conversation.", shown="x")
    secs = UInt(16, "secs", "Since the client began.", unit="s")
    flags = Flags(
        "flags", ("BROADCAST", *("-",) * 15), "BROADCAST: the client hears nothing else yet."
    )
    ciaddr = IPv4Address("ciaddr", "The address that the client has.")
    yiaddr = IPv4Address("yiaddr", "The address that the client gets: your address.")
    siaddr = IPv4Address("siaddr", "The server to boot from.")
    giaddr = IPv4Address("giaddr", "The relay, on the client's network.")
    chaddr = _HardwareAddress("chaddr", "The client's hardware address.", default="")
    sname = _MaybeOptions(64, 2, "sname", "The server's name.")
    file = _MaybeOptions(128, 1, "file", "What to boot.")
    cookie = UInt(
        32,
        "magic cookie",
        "0x63825363: options follow.",
        shown="x",
        default=_COOKIE,
        when=_has_cookie,
    )
    options = Parts("options", read_options, "What the client asks for, or gets.")

    @property
    def overload(self) -> int:
        """Which other fields hold options: 1 file, 2 sname; from option 52."""
        known = self.__dict__.get("overloaded")
        if known is None or known[0] is not self.data:
            known = (self.data, self._overload())
            self.__dict__["overloaded"] = known
        return int(known[1])

    def _overload(self) -> int:
        try:
            for option in read_options(self, self.start + _FIXED + 4, self.limit):
                if option.data[option.start] == 52 and option.size == 3:
                    return option.data[option.start + 2]
        except Malformed:
            pass
        return 0

    def every_option(self) -> Iterator[DHCPOption]:
        """All options that can be read but paddings; those in ``file`` and ``sname``, too."""
        ranges = [(self.start + _FIXED + 4, self.limit)] if _has_cookie(self) else []
        if ranges and self.overload & 1:
            ranges.append((self.start + _FILE, self.start + _FIXED))
        if ranges and self.overload & 2:
            ranges.append((self.start + _SNAME, self.start + _FILE))
        for begin, end in ranges:
            try:
                for option in read_options(self, begin, end):
                    if isinstance(option, DHCPOption):
                        yield option
            except Malformed:
                continue

    def option(self, code: int) -> Any:
        """The value of the first option of this code; None where there is none."""
        return next((each.value for each in self.every_option() if each.code == code), None)

    @property
    def message(self) -> str:
        """``DISCOVER``, ``OFFER``, ...; empty for BOOTP."""
        kind = self.option(53)
        return MESSAGE_TYPES.get(kind, f"type {kind}") if isinstance(kind, int) else ""

    def end_of_header(self) -> int:
        return self.limit

    def check(self) -> None:
        if _has_cookie(self):
            for _ in read_options(self, self.start + _FIXED + 4, self.limit):
                pass

    def summary(self) -> str:
        kind = self.message or ("BOOTREQUEST" if self.op == 1 else "BOOTREPLY")
        words = [kind, self.chaddr]
        if self.yiaddr != "0.0.0.0":
            words.append(f"gets {self.yiaddr}")
        wanted = self.option(50)
        if self.op == 1 and isinstance(wanted, str):
            words.append(f"wants {wanted}")
        return escaped(" ".join(words))
