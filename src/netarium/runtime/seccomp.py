"""The system calls that a node's processes are refused, as a seccomp filter's bytes. Pure.

Namespaces and capabilities confine nearly everything; what is here would get round
them. A user namespace would give a node's root all capabilities inside it, enough to
mount and write the host's control groups. Keyrings and the kernel's log belong to no
namespace: a node's root would find those of the host's root. Container engines refuse
the same calls.

Where a lab has one user id only, programs that give up their rights by changing to
another user (tcpdump, daemons) would fail, as there is no other. There those calls,
and changes of a file's owner, do nothing and succeed.

The numbers are from the kernel's unistd tables, linux/audit.h and linux/bpf_common.h.
"""

from __future__ import annotations

import errno
import struct
from typing import NamedTuple

__all__ = ["filter_for"]

_CLONE_NEWUSER = 0x10000000
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_CALL, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
_X32_BIT = 0x40000000


class _Calls(NamedTuple):
    """What the filter is about, as an architecture numbers it (``audit`` is its AUDIT_ARCH)."""

    audit: int
    clone: int
    unshare: int
    clone3: int
    unseen: tuple[int, int, int]  # add_key, request_key, keyctl
    syslog: int
    seccomp: int
    owners: tuple[int, ...]  # set*uid, set*gid, setgroups, and the family of chown


_OWNERS_X86_64 = (105, 106, 113, 114, 116, 117, 119, 92, 93, 94, 260)
_OWNERS_32 = (213, 214, 203, 204, 206, 208, 210, 212, 207, 198)  # the calls with 32-bit ids
_OWNERS_GENERIC = (143, 144, 145, 146, 147, 149, 159, 54, 55)

_X86_64 = _Calls(0xC000003E, 56, 272, 435, (248, 249, 250), 103, 317, _OWNERS_X86_64)
_I386 = _Calls(0x40000003, 120, 310, 435, (286, 287, 288), 103, 354, (*_OWNERS_32, 298))
_AARCH64 = _Calls(0xC00000B7, 220, 97, 435, (217, 218, 219), 116, 277, _OWNERS_GENERIC)
_ARM = _Calls(0x40000028, 120, 337, 435, (309, 310, 311), 103, 383, (*_OWNERS_32, 325))
_RISCV64 = _Calls(0xC00000F3, 220, 97, 435, (217, 218, 219), 116, 277, _OWNERS_GENERIC)

#: A kernel runs the programs of its 32-bit predecessor, too, by that one's numbers.
_MACHINES = {
    "x86_64": (_X86_64, _I386),
    "aarch64": (_AARCH64, _ARM),
    "armv7l": (_ARM,),
    "riscv64": (_RISCV64,),
}


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _refuse(call: int, error: int) -> bytes:
    return _instruction(_JUMP_EQUAL, call, 0, 1) + _instruction(_RETURN, _ERRNO | error)


def _refuse_new_user(call: int) -> bytes:
    """Refuse the call where its first argument, of which this is the low word, asks for one."""
    return (
        _instruction(_JUMP_EQUAL, call, 0, 4)
        + _instruction(_LOAD, _FIRST_ARGUMENT)
        + _instruction(_JUMP_ANY_BIT, _CLONE_NEWUSER, 0, 1)
        + _instruction(_RETURN, _ERRNO | errno.EPERM)
        + _instruction(_RETURN, _ALLOW)
    )


def _block(calls: _Calls, *, one_id: bool) -> bytes:
    block = _instruction(_LOAD, _CALL)
    if calls is _X86_64:  # x32 programs use the same architecture, other numbers
        block += _instruction(_JUMP_AT_LEAST, _X32_BIT, 0, 1)
        block += _instruction(_RETURN, _ERRNO | errno.ENOSYS)
    block += _refuse_new_user(calls.unshare) + _refuse_new_user(calls.clone)
    # Its flags lie in memory, where a filter cannot look. The C library falls back to clone.
    block += _refuse(calls.clone3, errno.ENOSYS)
    for call in calls.unseen:
        block += _refuse(call, errno.ENOSYS)
    for call in calls.owners if one_id else ():
        block += _refuse(call, 0)  # not carried out, and no error
    return block + _refuse(calls.syslog, errno.EPERM) + _instruction(_RETURN, _ALLOW)


def filter_for(machine: str, *, one_id: bool = False) -> tuple[int, bytes]:
    """The filter for a machine as uname(2) calls it, after its number of seccomp(2).

    ``one_id``: only one user id is mapped, so there is no other to change to.
    Empty for a machine whose calls are not known.
    """
    architectures = _MACHINES.get(machine, ())
    if not architectures:
        return 0, b""
    program = _instruction(_LOAD, _ARCHITECTURE)
    for calls in architectures:
        block = _block(calls, one_id=one_id)
        program += _instruction(_JUMP_EQUAL, calls.audit, 0, len(block) // 8) + block
    return architectures[0].seccomp, program + _instruction(_RETURN, _ALLOW)
