"""Data against the declared structs: every fault found, words instead of type names."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import msgspec
import msgspec.inspect as mi

from netarium.model.faults import Faults, Path, nearest
from netarium.model.reading import Bare

__all__ = ["check"]


class _Invalid:
    """Stands for a value that has a fault."""


INVALID = _Invalid()
_matches = cache(re.compile)


def check(data: Any, declared: type[msgspec.Struct], faults: Faults, path: Path = ()) -> Any:
    """The struct that ``data`` (as ``reading`` or Python gives it) declares.

    What has a fault is left out of it, so that the rest can be checked further;
    None where nothing of it can be used.
    """
    found = _Checker(faults).check(data, _type_info(declared), path)
    return None if found is INVALID else found


@cache
def _type_info(declared: type) -> mi.Type:
    return mi.type_info(declared)


@cache
def _fields(cls: type) -> dict[str, mi.Field]:
    info = _type_info(cls)
    assert isinstance(info, mi.StructType)
    return {field.encode_name: field for field in info.fields}


class _Checker:
    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def check(
        self, value: Any, kind: mi.Type, path: Path, words: dict[str, Any] | None = None
    ) -> Any:
        if isinstance(kind, mi.Metadata):
            return self.check(value, kind.type, path, kind.extra or words)
        if isinstance(kind, mi.UnionType):
            return self._union(value, kind, path, words)
        if isinstance(kind, mi.StructType):
            return self._struct(value, kind, path)
        if isinstance(kind, mi.VarTupleType):
            return self._list(value, kind.item_type, path)
        if isinstance(kind, mi.TupleType):
            return self._fixed(value, kind, path)
        if isinstance(kind, mi.DictType):
            return self._mapping(value, kind, path)
        if isinstance(kind, mi.NoneType):
            return None if _value(value) is None else self._wrong(value, kind, path, words)
        return self._scalar(value, kind, path, words)

    def _wrong(self, value: Any, kind: mi.Type, path: Path, words: dict[str, Any] | None) -> Any:
        wanted = _wanted(kind, words)
        cure = (words or {}).get("cure") or _cure(value, kind)
        if not path:
            cure = "write NAME: VALUE lines, first of all nodes:"
        self._faults.add(path, f"{_shown(value)} stands where {wanted} belongs", cure)
        return INVALID

    def _union(
        self, value: Any, kind: mi.UnionType, path: Path, words: dict[str, Any] | None
    ) -> Any:
        chosen = None
        for member in kind.types:
            bare = member.type if isinstance(member, mi.Metadata) else member
            if _fits(value, bare):
                chosen = member
                break
        if chosen is None:
            return self._wrong(value, kind, path, words)
        return self.check(value, chosen, path, words)

    def _struct(self, value: Any, kind: mi.StructType, path: Path) -> Any:
        if not isinstance(value, dict):
            return self._wrong(value, kind, path, None)
        fields = _fields(kind.cls)
        given: dict[str, Any] = {}
        for key, inner in value.items():
            field = fields.get(key) if isinstance(key, str) else None
            if field is None:
                self._unknown(str(key), fields, kind.cls, path)
                continue
            found = self.check(inner, field.type, (*path, key))
            if found is not INVALID:
                given[field.name] = found
        for key, field in fields.items():
            if field.required and field.name not in given:
                if key not in value:
                    self._faults.add(path, f"has no {key}", f"add {key}:")
                return INVALID
        return kind.cls(**given)

    def _unknown(self, key: str, known: dict[str, mi.Field], cls: type, path: Path) -> None:
        noun = getattr(cls, "noun", "key")
        near = nearest(key, known)
        if near:
            cure = f"did you mean {near}?"
        else:
            cure = f"one of {', '.join(known)}"
        self._faults.add((*path, key), f"no such {noun}: {key}", cure)

    def _list(self, value: Any, item: mi.Type, path: Path) -> Any:
        if not isinstance(value, (list, tuple)):
            return self._wrong(value, mi.VarTupleType(item), path, None)
        checked = [self.check(v, item, (*path, i)) for i, v in enumerate(value)]
        # A hole would move what follows to other positions, and faults to other lines.
        return INVALID if any(c is INVALID for c in checked) else tuple(checked)

    def _fixed(self, value: Any, kind: mi.TupleType, path: Path) -> Any:
        count = len(kind.item_types)
        if not isinstance(value, (list, tuple)) or len(value) != count:
            problem = f"{_shown(value)} stands where a list of {count} belongs"
            self._faults.add(path, problem, f"write [{', '.join(['...'] * count)}]")
            return INVALID
        checked = [
            self.check(v, t, (*path, i))
            for i, (v, t) in enumerate(zip(value, kind.item_types, strict=True))
        ]
        return INVALID if any(c is INVALID for c in checked) else tuple(checked)

    def _mapping(self, value: Any, kind: mi.DictType, path: Path) -> Any:
        if not isinstance(value, dict):
            return self._wrong(value, kind, path, None)
        given: dict[str, Any] = {}
        for key, inner in value.items():
            name = self.check(str(key), kind.key_type, (*path, str(key)))
            found = self.check(inner, kind.value_type, (*path, str(key)))
            if name is not INVALID and found is not INVALID:
                given[name] = found
        return given

    def _scalar(self, value: Any, kind: mi.Type, path: Path, words: dict[str, Any] | None) -> Any:
        plain = _value(value)
        if isinstance(kind, mi.StrType):
            return self._text(value, kind, path, words)
        if isinstance(kind, mi.IntType) and isinstance(plain, int) and type(plain) is not bool:
            low, high = kind.ge, kind.le
            if (low is not None and plain < low) or (high is not None and plain > high):
                cure = f"write a number between {low} and {high}"
                self._faults.add(path, f"{plain} is out of range", cure)
                return INVALID
            return plain
        if isinstance(kind, mi.BoolType) and isinstance(plain, bool):
            return plain
        if isinstance(kind, mi.AnyType):
            return plain
        if isinstance(kind, mi.LiteralType):
            text = value.text if isinstance(value, Bare) else value
            if text in kind.values:
                return text
            if isinstance(text, str) and text:
                noun = "service" if "ssh" in kind.values else "choice"
                near = nearest(text, map(str, kind.values))
                known = ", ".join(map(str, kind.values))
                cure = f"did you mean {near}?" if near else f"one of {known}"
                self._faults.add(path, f"no such {noun}: {text}", cure)
                return INVALID
        return self._wrong(value, kind, path, words)

    def _text(self, value: Any, kind: mi.StrType, path: Path, words: dict[str, Any] | None) -> Any:
        if isinstance(value, Bare):
            text = value.text
            if value.value is None:
                return self._wrong(value, kind, path, words)
        elif isinstance(value, str):
            text = value
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            text = str(value)
        else:
            return self._wrong(value, kind, path, words)
        words = words or {}
        pattern = words.get("pattern")
        if pattern and not _matches(pattern[:-1] + r"\Z" if pattern[-1] == "$" else pattern).search(
            text
        ):
            self._faults.add(path, f"{_shown(text)} is not {words['is']}", words["cure"])
            return INVALID
        if kind.min_length and len(text) < kind.min_length:
            self._faults.add(path, "is empty", f"write {words.get('is', 'some text')} there")
            return INVALID
        return text


def _value(value: Any) -> Any:
    return value.value if isinstance(value, Bare) else value


def _fits(value: Any, kind: mi.Type) -> bool:
    """Whether ``value`` is of ``kind``'s shape, so that its faults should be told in its terms."""
    plain = _value(value)
    if isinstance(kind, (mi.StructType, mi.DictType)):
        return isinstance(plain, dict)
    if isinstance(kind, (mi.VarTupleType, mi.TupleType)):
        return isinstance(plain, (list, tuple))
    if isinstance(kind, mi.NoneType):
        return plain is None
    if isinstance(kind, mi.BoolType):
        return isinstance(plain, bool)
    if isinstance(kind, mi.IntType):
        return isinstance(plain, int) and not isinstance(plain, bool)
    # Text, or a literal: any word will do but nothing at all.
    return (
        isinstance(plain, (str, int, float))
        and plain is not None
        and not (isinstance(plain, bool) and not isinstance(value, Bare))
    )


def _shown(value: Any) -> str:
    """A value as a message shows it."""
    if isinstance(value, Bare):
        value = value.text or None
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    text = str(value)
    text = text if len(text) <= 60 else text[:57] + "..."
    return text if text.isprintable() and text.strip() == text and text else repr(text)


_MEANT = {"yes": "true", "on": "true", "no": "false", "off": "false", "1": "true", "0": "false"}


def _cure(value: Any, kind: mi.Type) -> str:
    """How to write what a declared type wants, as near as possible to what was written."""
    members = kind.types if isinstance(kind, mi.UnionType) else (kind,)
    plain = _value(value)
    text = value.text if isinstance(value, Bare) else str(value)
    is_word = isinstance(plain, (str, int, float)) and len(text) < 60
    for member in members:
        if isinstance(member, mi.Metadata):
            return str((member.extra or {}).get("cure") or _cure(value, member.type))
        if isinstance(member, mi.BoolType):
            return f"write {_MEANT.get(text.lower(), 'true or false')}"
        if isinstance(member, (mi.VarTupleType, mi.TupleType)):
            return f"write [{_quoted(text)}]" if is_word else "write a list: [..., ...]"
        if isinstance(member, (mi.StructType, mi.DictType)):
            return "write KEY: VALUE"
        if isinstance(member, mi.IntType):
            return "write a number"
        if isinstance(member, mi.StrType):
            return f"write {json.dumps(text)}" if is_word else "write some text"
    return ""


def _quoted(text: str) -> str:
    """A text as YAML has it inside brackets."""
    return text if re.fullmatch(r"[A-Za-z0-9][\w ./-]*", text) else json.dumps(text)


def _wanted(kind: mi.Type, words: dict[str, Any] | None = None) -> str:
    """A declared type in words."""
    if words and words.get("is"):
        return str(words["is"])
    if isinstance(kind, mi.Metadata):
        return _wanted(kind.type, kind.extra)
    if isinstance(kind, mi.UnionType):
        parts = dict.fromkeys(_wanted(t) for t in kind.types if not isinstance(t, mi.NoneType))
        return " or ".join(parts)
    if isinstance(kind, (mi.VarTupleType, mi.TupleType)):
        return "a list"
    simple = {mi.StrType: "text", mi.IntType: "a number", mi.BoolType: "true or false"}
    if isinstance(kind, mi.LiteralType):
        return "one of " + ", ".join(map(str, kind.values))
    return simple.get(type(kind), "a mapping")
