"""What routers add behind the packet that an ICMP error quotes (RFC 4884): MPLS labels."""

from __future__ import annotations

from collections.abc import Iterator

from netarium.wire.checksum import internet_checksum
from netarium.wire.context import Context
from netarium.wire.field import REST, Bytes, Checksum, Malformed, UInt
from netarium.wire.header import Header, Trailer
from netarium.wire.parts import Parts

__all__ = ["ICMPExtension", "ICMPExtensions", "extensions_at"]

#: Bytes of quote behind which routers that do not tell its length put extensions.
_OLD_QUOTE = 128
_CLASSES = {1: "MPLS label stack", 2: "interface", 3: "interface identification"}


def extensions_at(data: bytes, start: int, told: int, limit: int) -> int:
    """Where the quote that begins at ``start`` ends; ``limit`` where nothing follows it.

    ``told`` is its length in bytes; 0: old routers put extensions behind 128 bytes, and then
    only a right checksum tells them from more of the quote (RFC 4884, section 5.5).
    """
    end = start + (told or _OLD_QUOTE)
    if end + 4 > limit or data[end] >> 4 != 2:
        return limit
    if not told and internet_checksum(data[end:limit]):
        return limit
    return end


class ICMPExtension(Header, title="ICMP extension", rfc="RFC 4884, section 8"):
    """One thing that the router adds."""

    length = UInt(16, "Length", "Of this object.", unit="bytes", auto=lambda c: c.size)
    number = UInt(8, "Class-Num", "What kind of thing.", names=_CLASSES)
    kind = UInt(8, "C-Type", "Which variant of it.")
    content = Bytes(REST, "Object payload", "What it says.")

    def end_of_header(self) -> int:
        told = int.from_bytes(self.data[self.start : self.start + 2], "big")
        return min(self.limit, self.start + max(4, told))

    @property
    def labels(self) -> list[int]:
        """The MPLS labels that the packet had (RFC 4950, section 3)."""
        raw = self.content if self.number == 1 else b""
        return [int.from_bytes(raw[at : at + 3], "big") >> 4 for at in range(0, len(raw) - 3, 4)]

    def summary(self) -> str:
        name = _CLASSES.get(self.number, f"class {self.number}")
        return f"{name} {' '.join(map(str, self.labels))}".rstrip()


def _read(header: Header, start: int, end: int) -> Iterator[ICMPExtension]:
    at = start
    while at < end:
        part = ICMPExtension.view(header.data, at, end)
        if part.length < 4 or at + part.length > end:
            raise Malformed(at, f"a length of {part.length}, {end - at} bytes are there")
        yield part
        at += part.length


def _whole(context: Context) -> int:
    return internet_checksum(context.raw + context.payload)


class ICMPExtensions(Trailer, title="ICMP extensions", rfc="RFC 4884, section 7"):
    """What the router adds behind the quote, such as the MPLS labels the packet came with."""

    version = UInt(4, "Version", "2.", default=2)
    reserved = UInt(12, "Reserved", "0.")
    checksum = Checksum("Checksum", "Over the extensions alone.", _whole, optional=True)
    objects = Parts("Objects", _read, "What the router adds.")

    def summary(self) -> str:
        return ", ".join(part.summary() for part in self.objects)
