"""The Network Time Protocol (RFC 5905): its header."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from netarium.wire.escaping import escaped
from netarium.wire.field import Bytes, UInt
from netarium.wire.header import Header

__all__ = ["NTP"]

_MODES = {
    0: "reserved",
    1: "symmetric active",
    2: "symmetric passive",
    3: "client",
    4: "server",
    5: "broadcast",
    6: "control",
    7: "private",
}
_ERA = datetime(1900, 1, 1, tzinfo=UTC)


class _Short(UInt):
    """Seconds in 16 bits, and parts of a second in 16 bits."""

    def text(self, value: int, header: Header) -> str:
        return f"{value / 65536:.6f} s"


class _Time(UInt):
    """Seconds since 1900 in 32 bits, and parts of a second in 32 bits; from 2036 on again."""

    def text(self, value: int, header: Header) -> str:
        if not value:
            return "not set"
        seconds = value >> 32 if value >> 63 else (value >> 32) + (1 << 32)
        moment = _ERA + timedelta(seconds=seconds, microseconds=(value & 0xFFFFFFFF) * 10**6 >> 32)
        return f"{moment:%Y-%m-%d %H:%M:%S.%f} UTC"


class _Power(UInt):
    """An exponent of 2, signed: seconds."""

    def text(self, value: int, header: Header) -> str:
        power = value - 256 if value & 0x80 else value
        return f"{power} ({2.0**power:g} s)"


class _Reference(Bytes):
    """Who the time comes from: a name of four letters, or an address."""

    def text(self, value: bytes, header: Header) -> str:
        if isinstance(header, NTP) and header.stratum <= 1:
            return escaped(value.rstrip(b"\0").decode("ascii", "backslashreplace"))
        return ".".join(map(str, value))


class NTP(Header, title="NTP", rfc="RFC 5905, section 7.3", udp=123):
    """Network Time Protocol: what time it is, and how sure that is."""

    leap = UInt(
        2,
        "LI",
        "Whether this day has a second more or less.",
        names={1: "61 seconds", 2: "59 seconds", 3: "not synchronised"},
    )
    version = UInt(3, "VN", "Version of the protocol.", default=4)
    mode = UInt(3, "Mode", "Who speaks.", names=_MODES, default=3)
    stratum = UInt(
        8, "Stratum", "Steps from a clock; 1 has one.", names={0: "unspecified", 16: "none"}
    )
    poll = _Power(8, "Poll", "Time between questions.")
    precision = _Power(8, "Precision", "Of the sender's clock.")
    root_delay = _Short(32, "Root Delay", "To the clock and back.")
    root_dispersion = _Short(32, "Root Dispersion", "How unsure the time is.")
    reference_id = _Reference(4, "Reference ID", "Where the time comes from.")
    reference = _Time(64, "Reference Timestamp", "When the clock was last set.")
    origin = _Time(64, "Origin Timestamp", "When the client asked, by its clock.")
    receive = _Time(64, "Receive Timestamp", "When the question came, by the server's clock.")
    transmit = _Time(64, "Transmit Timestamp", "When this was sent.")

    @classmethod
    def recognises(cls, payload: bytes) -> bool:
        """Whether it is long enough: modes 6 and 7 have other forms."""
        return len(payload) >= 48 and 1 <= payload[0] & 7 <= 5

    def summary(self) -> str:
        stratum = f", stratum {self.stratum}" if self.stratum else ""
        return f"version {self.version}, {_MODES[self.mode]}{stratum}"
