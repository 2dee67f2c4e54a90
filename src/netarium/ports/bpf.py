"""Filters on frames that are in memory: classic BPF programs (bpf(4)), run over batches."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from netarium.errors import NetariumError
from netarium.wire.batch import Batch
from netarium.wire.hot import hot, run

if TYPE_CHECKING:
    from netarium.ports.libpcap import Program

__all__ = ["check", "select", "select_by_link"]

_COLUMNS = ("start", "captured", "length", "time", "interface", "flags", "segment")
_CELLS = 16  # of scratch memory
_LONGEST = 1 << 16  # instructions

# The class of an instruction: its lowest three bits.
_LD = 0
_LDX = 1
_ST = 2
_STX = 3
_ALU = 4
_JMP = 5
_RET = 6
_MISC = 7

# Where a load takes its value from.
_IMMEDIATE = 0x00
_ABSOLUTE = 0x20
_INDIRECT = 0x40
_MEMORY = 0x60
_LENGTH = 0x80
_HEADER_LENGTH = 0xA0  # 4 times the lower half of a byte: the length of an IPv4 header

_X = 0x08  # the operand of a calculation or jump is X, not the constant

#: Loads from here on are Linux' own: what the kernel knows of a frame besides its bytes.
_ANCILLARY = 0xFFFFF000
_PROTOCOL = _ANCILLARY
_PACKET_TYPE = _ANCILLARY + 4
_ANCILLARY_END = _ANCILLARY + 64

_WORD = 0xFFFFFFFF
_BACKWARDS = 0x80000000  # the sign of an unconditional jump: ``protochain`` makes loops of them
_ROUNDS = 10_000  # of such loops; a frame that takes more is not accepted


def check(program: Program) -> None:
    """Make sure that a program ends, and stays within itself and its memory.

    Raises:
        NetariumError: it does not; the text names the instruction, from 0.
    """
    if not 0 < len(program) <= _LONGEST:
        raise NetariumError(f"a filter program has 1 to {_LONGEST:,} instructions")
    for index, (code, true, false, operand) in enumerate(program):
        left = len(program) - index - 1
        if why := _flaw(index, code, operand, max(true, false), left):
            raise NetariumError(f"instruction {index} of the filter program {why}")
    if program[-1][0] & 7 != _RET:
        raise NetariumError("the filter program does not end with a return")


def _flaw(index: int, code: int, operand: int, jump: int, left: int) -> str:
    """What is wrong with an instruction that ``left`` others follow; empty where nothing is."""
    kind = code & 7
    memory = kind in (_ST, _STX) or (kind in (_LD, _LDX) and code & 0xE0 == _MEMORY)
    if code not in _CODES:
        return f"has the unknown code 0x{code:02x}"
    if memory and operand >= _CELLS:
        return f"uses memory cell {operand} of {_CELLS}"
    if code in (_ALU | 0x30, _ALU | 0x90) and operand == 0:
        return "divides by zero"
    if code == _JMP:
        jump = operand - ((operand & _BACKWARDS) << 1)
    if kind == _JMP and jump >= left:
        return "jumps behind the end"
    if kind == _JMP and jump < -index - 1:
        return "jumps before the beginning"
    return ""


_CODES = frozenset(
    {_LD | size | mode for size in (0, 8, 16) for mode in (_ABSOLUTE, _INDIRECT)}
    | {_LD | mode for mode in (_IMMEDIATE, _MEMORY, _LENGTH)}
    | {_LDX | mode for mode in (_IMMEDIATE, _MEMORY, _LENGTH)}
    | {_LDX | 16 | _HEADER_LENGTH, _ST, _STX, _RET, _RET | 0x10, _MISC, _MISC | 0x80, _JMP}
    | {_ALU | operation << 4 | source for operation in range(11) for source in (0, _X)}
    - {_ALU | 0x80 | _X}
    | {_JMP | test << 4 | source for test in range(1, 5) for source in (0, _X)}
)


def select(program: Program, batch: Batch, fast: bool) -> Batch:
    """The frames of a batch that a program accepts; they keep their numbers.

    The bytes are not copied. Where all are accepted, it is the batch itself.

    Raises:
        NetariumError: the program is not valid.
    """
    return select_by_link(dict.fromkeys(batch.links(), program), batch, fast)


def select_by_link(programs: Mapping[int, Program], batch: Batch, fast: bool) -> Batch:
    """The same with a program for each link type; frames of others are left out."""
    code = array("q")
    begins: dict[int, int] = {}
    for link_type, program in programs.items():
        check(program)
        begins[link_type] = len(code)
        for instruction in program:
            code.extend(instruction)
    begin = array("q", [begins.get(link_type, -1) for link_type in batch.links()])
    chosen = array("q", bytes(8 * (batch.count + 1)))
    memory = array("q", bytes(8 * _CELLS))
    columns = (batch.start, batch.captured, batch.length, batch.interface, batch.flags)
    rest = (begin, len(begin), code, memory, chosen)
    count = run(_matching, batch.data, batch.count, *columns, *rest, fast=fast)
    return batch if count == batch.count else _chosen(batch, chosen, count, fast)


def _chosen(batch: Batch, chosen: array[int], count: int, fast: bool) -> Batch:
    columns: dict[str, Any] = {}
    for name in (*_COLUMNS, "numbers"):
        columns[name] = array("q", bytes(8 * count))
        if getattr(batch, name):
            run(_gather, getattr(batch, name), chosen, count, columns[name], fast=fast)
    if not batch.numbers:
        run(_shift, chosen, batch.first, count, columns["numbers"], fast=fast)
    comments = {}
    if batch.comments:
        comments = {
            index: batch.comments[chosen[index]]
            for index in range(count)
            if chosen[index] in batch.comments
        }
    return replace(batch, count=count, comments=comments, **columns)


@hot
def _gather(column: Any, chosen: Any, count: int, out: Any) -> None:
    for index in range(count):
        out[index] = column[chosen[index]]


@hot
def _shift(chosen: Any, by: int, count: int, out: Any) -> None:
    for index in range(count):
        out[index] = chosen[index] + by


@hot
def _matching(
    data: Any,
    count: int,
    start: Any,
    captured: Any,
    length: Any,
    interface: Any,
    flags: Any,
    begin: Any,
    known: int,
    code: Any,
    memory: Any,
    chosen: Any,
) -> int:
    """Write the indexes of frames that the program of their interface accepts to ``chosen``."""
    found = 0
    for index in range(count):
        first = begin[min(max(interface[index], 0), known - 1)]
        if first >= 0:
            accepted = _accepts(
                data,
                start[index],
                captured[index],
                length[index],
                flags[index],
                code,
                first,
                memory,
            )
            if accepted:
                chosen[found] = index
                found += 1
    return found


@hot
def _accepts(
    data: Any,
    start: int,
    size: int,
    length: int,
    flags: int,
    code: Any,
    at: int,
    memory: Any,
) -> int:
    """Run a program on a frame; gives the bytes to keep, 0: none. A load from behind it is 0."""
    a = 0
    x = 0
    rounds = 0
    for cell in range(_CELLS):
        memory[cell] = 0
    while True:
        operation = code[at]
        operand = code[at + 3]
        kind = operation & 7
        if kind == _JMP:
            test = operation & 0xF0
            other = x if operation & _X else operand
            if test == 0x00:
                if operand & _BACKWARDS:
                    operand -= _BACKWARDS * 2
                    rounds += 1
                    if rounds > _ROUNDS:
                        return 0
                at += 4 * operand
            else:
                if test == 0x10:
                    holds = a == other
                elif test == 0x20:
                    holds = a > other
                elif test == 0x30:
                    holds = a >= other
                else:
                    holds = a & other != 0
                at += 4 * (code[at + 1] if holds else code[at + 2])
        elif kind == _LD:
            mode = operation & 0xE0
            if mode in (_ABSOLUTE, _INDIRECT):
                place = operand if mode == _ABSOLUTE else operand + x
                wide = 4 >> ((operation & 0x18) >> 3)
                if place + wide <= size:
                    place += start
                    a = 0
                    for _ in range(wide):
                        a = a * 256 + data[place]
                        place += 1
                elif mode == _ABSOLUTE and _ANCILLARY <= place < _ANCILLARY_END:
                    a = _known_besides(data, start, size, flags, place)
                else:
                    return 0
            elif mode == _LENGTH:
                a = length
            elif mode == _MEMORY:
                a = memory[operand]
            else:
                a = operand
        elif kind == _RET:
            return a if operation & 0x10 else operand
        elif kind == _LDX:
            mode = operation & 0xE0
            if mode == _HEADER_LENGTH:
                if operand >= size:
                    return 0
                x = (data[start + operand] & 15) * 4
            elif mode == _LENGTH:
                x = length
            elif mode == _MEMORY:
                x = memory[operand]
            else:
                x = operand
        elif kind == _ALU:
            test = operation & 0xF0
            other = x if operation & _X else operand
            if other == 0 and (test == 0x30 or test == 0x90):
                return 0
            a = _calculated(test, a, other)
        elif kind == _ST:
            memory[operand] = a
        elif kind == _STX:
            memory[operand] = x
        elif operation & 0x80:
            a = x
        else:
            x = a
        at += 4


@hot
def _calculated(operation: int, a: int, other: int) -> int:
    """Calculate with unsigned numbers of 32 bits."""
    if operation == 0x00:
        a += other
    elif operation == 0x10:
        a -= other
    elif operation == 0x20:
        a *= other
    elif operation == 0x30:
        a //= other
    elif operation == 0x40:
        a |= other
    elif operation == 0x50:
        a &= other
    elif operation == 0x60:
        a = a << other if other < 32 else 0
    elif operation == 0x70:
        a = a >> other if other < 32 else 0
    elif operation == 0x80:
        a = -a
    elif operation == 0x90:
        a %= other
    else:
        a ^= other
    return a & _WORD


@hot
def _known_besides(data: Any, start: int, size: int, flags: int, place: int) -> int:
    """What the kernel knows besides the bytes, as far as files tell (linux/filter.h).

    VLAN tags are always among the bytes here, so that no other is present.
    """
    if place == _PROTOCOL and size >= 14:
        return int(data[start + 12] * 256 + data[start + 13])
    if place == _PACKET_TYPE:
        if flags & 3 == 2:
            return 4  # outgoing
        reception = (flags >> 2) & 7
        if reception == 3:
            return 1  # broadcast
        if reception == 2:
            return 2  # multicast
        if reception == 4:
            return 3  # for another host
    return 0
