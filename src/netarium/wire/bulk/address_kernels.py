"""Addresses of many frames: each that differs gets a number, and its text once."""

from __future__ import annotations

from typing import Any

from netarium.wire.bulk.walk import u16, u32
from netarium.wire.hot import hot
from netarium.wire.text.line_writing import put_ipv4, put_ipv6, put_mac

__all__ = ["ADDRESS_TEXT", "KEY_WORDS", "number_addresses", "spell"]

# Of a key in an address table: four words of 32 bits, its bytes, where it was seen first.
KEY_WORDS = 6
ADDRESS_TEXT = 48  # bytes that the text of an address takes at most, and some


@hot
def number_addresses(
    data: Any,
    places: Any,
    first: int,
    ends: int,
    size: int,
    byte: int,
    width: int,
    out: Any,
    column: int,
    slots: Any,
    first_slot: int,
    room: int,
    keys: Any,
    first_key: int,
    count: int,
) -> int:
    """Number the addresses of a block of headers; gives how many there are in the table now.

    ``places[first]`` and those behind say where the ``size`` headers begin, ``places[ends]``
    and behind where what they lie in ends; the address of ``width`` bytes is at ``byte`` of each
    header. Numbers go to ``out[column]`` and behind. The table has ``room`` slots from
    ``first_slot`` on, its keys begin at ``first_key``, and ``count`` addresses are in it.
    """
    a = 0
    b = 0
    c = 0
    for index in range(size):
        at = places[first + index]
        if at < 0 or at + byte + width > places[ends + index]:
            continue
        at += byte
        if width == 4:
            d = u32(data, at)
        elif width == 6:
            c = u16(data, at)
            d = u32(data, at + 2)
        else:
            a = u32(data, at)
            b = u32(data, at + 4)
            c = u32(data, at + 8)
            d = u32(data, at + 12)
        mixed = d * 0x9E3779B1 + c * 0x85EBCA77 + b * 0xC2B2AE3D + a * 0x27D4EB2F + width
        mixed ^= mixed >> 29
        slot = mixed & (room - 1)
        known = slots[first_slot + slot]
        while known > 0:
            key = first_key + KEY_WORDS * (known - 1)
            if (
                keys[key + 3] == d
                and keys[key + 4] == width
                and keys[key + 2] == c
                and keys[key + 1] == b
                and keys[key] == a
            ):
                break
            slot = (slot + 1) & (room - 1)
            known = slots[first_slot + slot]
        if known == 0:
            key = first_key + KEY_WORDS * count
            keys[key] = a
            keys[key + 1] = b
            keys[key + 2] = c
            keys[key + 3] = d
            keys[key + 4] = width
            keys[key + 5] = at
            count += 1
            known = count
            slots[first_slot + slot] = count
        out[column + index] = known - 1
    return count


@hot
def spell(data: Any, keys: Any, first: int, count: int, text: Any, ends: Any) -> int:
    """The text of the addresses in a table, one behind another; gives how many bytes.

    ``ends`` gets ``count + 1`` offsets, as Arrow has them.
    """
    ends[0] = 0
    end = 0 * count  # a plain 0 would have callees compiled once more, for that constant
    for index in range(count):
        key = first + KEY_WORDS * index
        at = keys[key + 5]
        if keys[key + 4] == 4:
            end = put_ipv4(text, end, data, at)
        elif keys[key + 4] == 6:
            end = put_mac(text, end, data, at)
        else:
            end = put_ipv6(text, end, data, at)
        ends[index + 1] = end
    return end
