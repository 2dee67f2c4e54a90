from __future__ import annotations

import errno
import struct

import pytest

from netarium.runtime.seccomp import filter_for

X86_64, I386, AARCH64, ARM, RISCV64 = 0xC000003E, 0x40000003, 0xC00000B7, 0x40000028, 0xC00000F3
ALLOWED = 0x7FFF0000
NEWUSER, NEWPID = 0x10000000, 0x20000000


def _run(program: bytes, audit: int, call: int, argument: int = 0) -> int:
    """What a filter answers: the few instructions of classic BPF that one needs (bpf(4))."""
    data = struct.pack("=IIQ6Q", call, audit, 0, argument, *[0] * 5)
    accumulator = at = 0
    for _ in range(1000):
        code, if_true, if_false, value = struct.unpack_from("=HBBI", program, at * 8)
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif code == 0x06:
            return int(value)
        else:
            holds = {
                0x15: accumulator == value,
                0x35: accumulator >= value,
                0x45: bool(accumulator & value),
            }[code]
            at += if_true if holds else if_false
    raise AssertionError("the filter does not end")


def _refusal(number: int) -> int:
    return 0x00050000 | number


# machine, its AUDIT_ARCH, and: unshare, clone, clone3, add_key, keyctl, syslog, getpid
CALLS = [
    ("x86_64", X86_64, 272, 56, 435, 248, 250, 103, 39),
    ("x86_64", I386, 310, 120, 435, 286, 288, 103, 20),
    ("aarch64", AARCH64, 97, 220, 435, 217, 219, 116, 172),
    ("aarch64", ARM, 337, 120, 435, 309, 311, 103, 20),
    ("armv7l", ARM, 337, 120, 435, 309, 311, 103, 20),
    ("riscv64", RISCV64, 97, 220, 435, 217, 219, 116, 172),
]


@pytest.mark.parametrize("calls", CALLS, ids=lambda calls: f"{calls[0]}-{calls[1]:x}")
def test_new_user_namespaces_keyrings_and_the_kernel_s_log_are_refused(
    calls: tuple[str, int, int, int, int, int, int, int, int],
) -> None:
    machine, audit, unshare, clone, clone3, add_key, keyctl, syslog, getpid = calls
    program = filter_for(machine)[1]
    for call in (unshare, clone):
        assert _run(program, audit, call, NEWUSER) == _refusal(errno.EPERM)
        assert _run(program, audit, call, NEWUSER | NEWPID) == _refusal(errno.EPERM)
        assert _run(program, audit, call, NEWUSER | 1 << 32) == _refusal(errno.EPERM)
        assert _run(program, audit, call, NEWPID) == ALLOWED
    for call in (clone3, add_key, add_key + 1, keyctl):
        assert _run(program, audit, call) == _refusal(errno.ENOSYS)
    assert _run(program, audit, syslog) == _refusal(errno.EPERM)
    assert _run(program, audit, getpid) == ALLOWED
    assert _run(program, audit, 0) == ALLOWED


@pytest.mark.parametrize("calls", CALLS, ids=lambda calls: f"{calls[0]}-{calls[1]:x}")
def test_changing_the_user_does_nothing_and_succeeds_where_there_is_one_only(
    calls: tuple[str, int, int, int, int, int, int, int, int],
) -> None:
    machine, audit, getpid = calls[0], calls[1], calls[-1]
    setgroups = {X86_64: 116, AARCH64: 159, RISCV64: 159}.get(audit, 206)
    assert _run(filter_for(machine)[1], audit, setgroups) == ALLOWED
    program = filter_for(machine, one_id=True)[1]
    assert _run(program, audit, setgroups) == _refusal(0)
    assert _run(program, audit, getpid) == ALLOWED


def test_the_other_numbering_of_x86_is_no_way_round() -> None:
    program = filter_for("x86_64")[1]
    assert _run(program, X86_64, 0x40000000 | 272, NEWUSER) == _refusal(errno.ENOSYS)


def test_a_machine_that_is_not_known_goes_without() -> None:
    assert filter_for("vax") == (0, b"")
