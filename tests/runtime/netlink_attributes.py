"""Netlink attributes, read independently of the code that writes them (netlink(7))."""

from __future__ import annotations

import struct


def attributes(data: bytes) -> list[tuple[int, bytes]]:
    """Type (without flags) and value of each attribute; fails where one does not fit."""
    found, position = [], 0
    while position < len(data):
        length, kind = struct.unpack_from("=HH", data, position)
        assert length >= 4 and position + length <= len(data)
        found.append((kind & 0x3FFF, data[position + 4 : position + length]))
        padded = (length + 3) & ~3
        assert not any(data[position + length : position + padded])
        position += padded
    return found


def one(data: bytes, *path: int) -> bytes:
    """The value of the only attribute of each type along the path."""
    for kind in path:
        (data,) = [value for found, value in attributes(data) if found == kind]
    return data
