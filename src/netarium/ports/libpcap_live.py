"""Live capture through libpcap: what it captures is laid into memory as it writes files."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from netarium.errors import MachineError
from netarium.ports.libpcap import compiled_by, library, set_filter

__all__ = ["MemoryFile", "PcapCapture"]

_ERROR_SIZE = 256
_NANOSECONDS = 1
_DENIED, _PROMISCUOUS_DENIED = -8, -11
_libc = ctypes.CDLL(None, use_errno=True)
_libc.open_memstream.restype = ctypes.c_void_p
_libc.fflush.argtypes = _libc.fclose.argtypes = (ctypes.c_void_p,)
_libc.fseek.argtypes = (ctypes.c_void_p, ctypes.c_long, ctypes.c_int)


class _Statistics(ctypes.Structure):
    _fields_ = (
        ("received", ctypes.c_uint),
        ("dropped", ctypes.c_uint),
        ("dropped_by_interface", ctypes.c_uint),
    )


class MemoryFile:
    """A C stream in memory, for C to write and Python to read."""

    def __init__(self) -> None:
        self._address = ctypes.c_void_p()
        self._size = ctypes.c_size_t()
        self.stream = _libc.open_memstream(ctypes.byref(self._address), ctypes.byref(self._size))
        if not self.stream:
            raise MemoryError

    def written(self) -> memoryview:
        """What was written since ``rewind``; good until more is."""
        _libc.fflush(self.stream)
        if not self._size.value:
            return memoryview(b"")
        kind = ctypes.c_ubyte * self._size.value
        return memoryview(kind.from_address(self._address.value or 0)).cast("B")

    def rewind(self) -> None:
        """Write over what was written from now on."""
        _libc.fseek(self.stream, 0, 0)

    def close(self) -> None:
        """Give the memory back; views of it must not be used any more."""
        _libc.fclose(self.stream)
        _libc.free(self._address)


@cache
def _library() -> Any:
    pcap = library()
    pcap.pcap_create.restype = ctypes.c_void_p
    pcap.pcap_create.argtypes = (ctypes.c_char_p, ctypes.c_char_p)
    for name in ("snaplen", "promisc", "timeout", "buffer_size", "tstamp_precision"):
        function = getattr(pcap, f"pcap_set_{name}")
        function.argtypes = (ctypes.c_void_p, ctypes.c_int)
    pcap.pcap_statustostr.restype = ctypes.c_char_p
    for name in ("activate", "get_selectable_fd", "snapshot"):
        getattr(pcap, f"pcap_{name}").argtypes = (ctypes.c_void_p,)
    pcap.pcap_setnonblock.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p)
    pcap.pcap_setfilter.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
    pcap.pcap_dump_fopen.restype = ctypes.c_void_p
    pcap.pcap_dump_fopen.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
    pcap.pcap_dispatch.argtypes = (
        ctypes.c_void_p,
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_void_p,
    )
    pcap.pcap_stats.argtypes = (ctypes.c_void_p, ctypes.POINTER(_Statistics))
    return pcap


class PcapCapture:
    """A capture on one interface, in the network namespace that this is made in.

    Args:
        interface: its name.
        expression: filter in tcpdump's language; empty takes everything.
        snaplen: bytes to keep of each frame.
        timeout: milliseconds that frames may wait to be read with others.
        size: bytes of memory that the kernel may fill.
        promiscuous: have a network card take frames for others, too.

    Attributes:
        fd: readable when frames have come. nanoseconds: whether times have that unit.

    Raises:
        MachineError: the machine refuses.
        FilterError: the filter is wrong.
    """

    def __init__(
        self,
        interface: str,
        *,
        expression: str = "",
        snaplen: int = 262144,
        timeout: int = 60,
        size: int = 64 << 20,
        promiscuous: bool = False,
    ) -> None:
        self._pcap = pcap = _library()
        said = ctypes.create_string_buffer(_ERROR_SIZE)
        self._handle: int = pcap.pcap_create(interface.encode(), said)
        if not self._handle:
            raise MachineError(f"libpcap cannot capture on {interface}: {_text(said.value)}")
        try:
            for name, value in (
                ("snaplen", snaplen),
                ("promisc", promiscuous),
                ("timeout", timeout),
                ("buffer_size", min(size, 0x7FFFFFFF)),
                ("tstamp_precision", _NANOSECONDS),
            ):
                getattr(pcap, f"pcap_set_{name}")(self._handle, int(value))
            self._activate(interface)
            if expression:
                program = compiled_by(self._handle, expression)
                if set_filter(self._handle, program):
                    raise MachineError(f"libpcap takes no filter there: {self._said()}")
            pcap.pcap_setnonblock(self._handle, 1, said)
        except BaseException:
            pcap.pcap_close(self._handle)
            raise
        self.fd: int = pcap.pcap_get_selectable_fd(self._handle)
        self._dump = ctypes.cast(pcap.pcap_dump, ctypes.c_void_p)

    def _activate(self, interface: str) -> None:
        answer = self._pcap.pcap_activate(self._handle)
        if answer >= 0:  # above 0 it is a warning
            return
        what = self._said() or _text(self._pcap.pcap_statustostr(answer))
        if answer in (_DENIED, _PROMISCUOUS_DENIED):
            raise MachineError(
                f"capturing needs root, or the capability NET_RAW: {what}", "run it with sudo"
            )
        raise MachineError(f"libpcap cannot capture on {interface}: {what}")

    def _said(self) -> str:
        return _text(self._pcap.pcap_geterr(self._handle))

    def header(self) -> bytes:
        """The header of a pcap file for what ``dump`` writes."""
        file = MemoryFile()
        try:
            if not self._pcap.pcap_dump_fopen(self._handle, file.stream):
                raise MachineError(f"libpcap: {self._said()}")
            return bytes(file.written())
        finally:
            file.close()

    def dump(self, file: MemoryFile) -> int:
        """Write what has come, as records of a pcap file; how many frames that were.

        Gives -1 where the interface is down or gone.
        """
        count = 0
        while True:
            got = self._pcap.pcap_dispatch(self._handle, -1, self._dump, file.stream)
            if got <= 0:
                return count if got == 0 or count else -1
            count += got

    def losses(self) -> tuple[int, int]:
        """Frames that passed the filter, and those of them that were lost, so far."""
        found = _Statistics()
        if self._pcap.pcap_stats(self._handle, ctypes.byref(found)):
            return 0, 0
        return found.received, found.dropped

    def close(self) -> None:
        """End capturing."""
        self._pcap.pcap_close(self._handle)


def _text(said: bytes | None) -> str:
    return (said or b"").decode(errors="replace")
