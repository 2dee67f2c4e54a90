"""The Internet checksum (RFC 1071), and the verdict on one that a packet carries."""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netarium.wire.context import Context

__all__ = ["Judged", "Verdict", "header_only", "internet_checksum", "ones_sum"]


class Verdict(enum.IntEnum):
    """What can be said of a checksum. The numbers are those of the verdict columns."""

    VALID = 1
    OFFLOAD = 2
    WRONG = 3
    ABSENT = 4
    UNKNOWN = 5

    @property
    def text(self) -> str:
        """As a person reads it."""
        return {1: "valid", 2: "not yet computed (offload)", 3: "wrong", 4: "absent"}.get(
            self.value, "cannot know"
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """A checksum and the verdict on it.

    Attributes:
        layer, field: whose it is: ``TCP``, ``checksum``.
        value: what the packet says; expected: what it should say, where that can be known.
        reason: why it cannot be known, where it cannot.
        at: offset of the field in the packet; size: its width; both in bytes.
    """

    layer: str
    field: str
    verdict: Verdict
    value: int
    expected: int | None = None
    reason: str = ""
    at: int = 0
    size: int = 2

    def __str__(self) -> str:
        if self.verdict is Verdict.WRONG and self.expected is not None:
            return f"wrong (should be 0x{self.expected:0{2 * self.size}x})"
        return f"{self.verdict.text} ({self.reason})" if self.reason else self.verdict.text


def ones_sum(data: bytes, start: int = 0) -> int:
    """The ones' complement sum of 16-bit words, folded, not complemented (RFC 1071, section 1)."""
    if len(data) % 2:
        data += b"\0"
    total: int = start + sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def internet_checksum(data: bytes, start: int = 0) -> int:
    """What belongs in the checksum field of ``data``, whose own field is zero."""
    return ones_sum(data, start) ^ 0xFFFF


def header_only(context: Context) -> int:
    """The checksum over the header alone, as in IPv4 (RFC 791, section 3.1)."""
    return internet_checksum(context.raw)
