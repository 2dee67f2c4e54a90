"""YAML text to plain data that remembers its lines.

Built on the parser's events, not on its constructors: so nothing in a file can
make Python objects, references cannot loop or explode, and words mean what YAML
1.2's core schema says (``no`` and ``on`` are text, ``02:00`` is not a number).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from netarium.model.faults import Faults, Path

__all__ = ["Bare", "Document", "read"]

_MAX_DEPTH = 32
_MAX_BYTES = 16 * 1024 * 1024
_MAX_EXPANDED = 500_000

_NULL = re.compile(r"(?:~|null|Null|NULL|)\Z")
_BOOL = re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")
_INT = re.compile(r"(?:[-+]?[0-9]{1,18}|0o[0-7]{1,18}|0x[0-9a-fA-F]{1,15})\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")


class Bare:
    """An unquoted word that is not text by itself: a number, a truth value or nothing.

    ``text`` is what the file says, for places where text is wanted (``0123`` stays
    ``0123``); ``value`` is what it means.
    """

    __slots__ = ("text", "value")

    def __init__(self, text: str, value: Any) -> None:
        self.text = text
        self.value = value

    def __repr__(self) -> str:
        return f"Bare({self.text!r}, {self.value!r})"


class _Mark:
    """Lines of a value and of what it holds."""

    __slots__ = ("at", "children")

    def __init__(self, at: int) -> None:
        self.at = at
        self.children: dict[str | int, _Mark] = {}


class Document:
    """What a file says: ``data`` of dict, list, str and Bare, and where it says so."""

    def __init__(self, data: Any, mark: _Mark) -> None:
        self.data = data
        self._mark = mark

    def line(self, path: Path) -> int | None:
        """The line (from 1) of the value at ``path``, or of the nearest that encloses it."""
        mark = self._mark
        for part in path:
            child = mark.children.get(part)
            if child is None:
                break
            mark = child
        return mark.at


class _UnreadableError(Exception):
    """The text is no document at all; the fault has been noted."""


def read(text: str | bytes, faults: Faults) -> Document | None:
    """Read one YAML document; None where ``faults`` tells why there is none."""
    if len(text) > _MAX_BYTES:
        faults.add((), "is larger than 16 MiB", "split the lab or write it more shortly")
        return None
    import yaml

    # Bound to a name of its own: PyYAML built without libyaml has no C loader.
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig")
        document = _Composer(yaml.parse(text, Loader=loader), faults).document()
    except _UnreadableError:
        return None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        faults.add((), "is not UTF-8 text", "save it as UTF-8", line=line)
        return None
    except yaml.YAMLError as error:
        _note_syntax(error, faults)
        return None
    except ValueError as error:  # surrogates and the like, from the parser's reader
        faults.add((), f"cannot be read as YAML: {error}", "remove the odd characters")
        return None
    faults.marks = document
    return document


def _note_syntax(error: Any, faults: Faults) -> None:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not readable"
    context = getattr(error, "context", None)
    text = f"is not valid YAML: {context + ', ' if context else ''}{problem}"
    if "\\t" in problem or "token" in problem:
        cure = "check the indentation (spaces only), the colons and the quotes there"
    else:
        cure = "check the line and the one before it"
    faults.add((), text, cure, line=mark.line + 1 if mark else None)


class _Anchor:
    __slots__ = ("line", "mark", "open", "size", "value")

    def __init__(self, line: int) -> None:
        self.line = line
        self.open = True
        self.size = 0
        self.value: Any = None
        self.mark = _Mark(line)


class _Composer:
    """Puts the parser's events together; recursion is bounded by _MAX_DEPTH."""

    def __init__(self, events: Iterator[Any], faults: Faults) -> None:
        self._events = events
        self._faults = faults
        self._anchors: dict[str, _Anchor] = {}
        self._size = 0

    def document(self) -> Document:
        kind = ""
        event = None
        while kind not in ("DocumentStartEvent", "StreamEndEvent"):
            event = next(self._events)
            kind = type(event).__name__
        if kind == "StreamEndEvent":
            self._stop((), "is empty", "a lab needs at least nodes: {a: {}}", 1)
        data, mark = self._value(next(self._events), (), 0)
        for event in self._events:
            if type(event).__name__ == "DocumentStartEvent":
                self._stop(
                    (),
                    "holds a second document (after ---)",
                    "keep one lab in a file",
                    event.start_mark.line + 1,
                )
        return Document(data, mark)

    def _stop(self, path: Path, problem: str, cure: str, line: int) -> None:
        self._faults.add(path, problem, cure, line=line)
        raise _UnreadableError

    def _grow(self, by: int, path: Path, line: int) -> None:
        self._size += by
        if self._size > _MAX_EXPANDED:
            self._stop(
                path,
                f"comes to more than {_MAX_EXPANDED} values once references are followed",
                "use fewer references (*name) to long parts",
                line,
            )

    def _value(self, event: Any, path: Path, depth: int) -> tuple[Any, _Mark]:
        line = event.start_mark.line + 1
        if depth > _MAX_DEPTH:
            self._stop(path[:4], f"is nested more than {_MAX_DEPTH} deep", "write it flatter", line)
        kind = type(event).__name__
        if kind == "AliasEvent":
            return self._alias(event.anchor, path, line)
        self._grow(1, path, line)
        anchor = None
        if event.anchor:
            anchor = self._anchors[event.anchor] = _Anchor(line)
        before = self._size
        mark = _Mark(line)
        value: Any
        if kind == "ScalarEvent":
            value = self._scalar(event, path, line)
        elif kind == "SequenceStartEvent":
            self._tag(event, path, line, "tag:yaml.org,2002:seq")
            value = self._sequence(mark, path, depth)
        else:
            self._tag(event, path, line, "tag:yaml.org,2002:map")
            value = self._mapping(mark, path, depth)
        if anchor:
            anchor.open = False
            anchor.size = self._size - before + 1
            anchor.value = value
            anchor.mark = mark
        return value, mark

    def _alias(self, name: str, path: Path, line: int) -> tuple[Any, _Mark]:
        anchor = self._anchors.get(name)
        if anchor is None:
            self._stop(
                path,
                f"*{name} refers to nothing",
                f"mark what is meant with &{name}, further up",
                line,
            )
            raise AssertionError
        if anchor.open:
            self._stop(
                path,
                f"a loop of references: *{name} stands inside &{name} (line {anchor.line}) itself",
                "write the value out here",
                line,
            )
        self._grow(anchor.size, path, line)
        return anchor.value, anchor.mark

    def _tag(self, event: Any, path: Path, line: int, *known: str) -> None:
        if event.tag and event.tag != "!" and event.tag not in known:
            self._faults.add(
                path, f"has the tag {event.tag}, which lab files do not use", "remove it", line=line
            )

    def _scalar(self, event: Any, path: Path, line: int) -> str | Bare:
        self._tag(event, path, line, "tag:yaml.org,2002:str")
        text: str = event.value
        # implicit[0]: written plainly, without tag and without quotes.
        return _word(text) if event.implicit[0] and not event.tag else text

    def _sequence(self, mark: _Mark, path: Path, depth: int) -> list[Any]:
        values: list[Any] = []
        for event in self._events:
            if type(event).__name__ == "SequenceEndEvent":
                break
            position = len(values)
            value, child = self._value(event, (*path, position), depth + 1)
            values.append(value)
            mark.children[position] = child
        return values

    def _mapping(self, mark: _Mark, path: Path, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        lines: dict[str, int] = {}
        merged: list[tuple[Any, _Mark, int]] = []
        for event in self._events:
            kind = type(event).__name__
            if kind == "MappingEndEvent":
                break
            line = event.start_mark.line + 1
            if kind != "ScalarEvent":
                self._stop(path, "has a key that is not a word", "write it as NAME: value", line)
            self._grow(1, path, line)
            key: str = event.value
            if event.anchor:
                self._stop(path, f"has an anchor on the key {key}", "anchor its value", line)
            plain = event.implicit[0]
            value, child = self._value(next(self._events), (*path, key), depth + 1)
            if key == "<<" and plain:
                merged.append((value, child, line))
                continue
            if key in lines:
                self._faults.add(
                    (*path, key),
                    f"stands here twice (first on line {lines[key]})",
                    "keep one of them",
                    line=line,
                )
                continue
            lines[key] = line
            values[key] = value
            child_mark = _Mark(line)
            child_mark.children = child.children
            mark.children[key] = child_mark
        for value, child, line in merged:
            self._merge(values, mark, value, child, (*path, "<<"), line)
        return values

    def _merge(
        self, into: dict[str, Any], mark: _Mark, value: Any, child: _Mark, path: Path, line: int
    ) -> None:
        """``<<: *name``: what the mapping does not say itself, it takes from there."""
        parts = value if isinstance(value, list) else [value]
        for position, part in enumerate(parts):
            if not isinstance(part, dict):
                self._faults.add(path, "can only take over a mapping", "write <<: *NAME", line=line)
                continue
            marks = child.children[position] if isinstance(value, list) else child
            for key, inner in part.items():
                if key not in into:
                    into[key] = inner
                    mark.children[key] = marks.children[key]


def _word(text: str) -> str | Bare:
    """An unquoted word by YAML 1.2's core schema (10.3.2)."""
    first = text[:1]
    if first and first not in "~nNtTfF+-.0123456789":
        return text
    if _NULL.match(text):
        return Bare(text, None)
    if _BOOL.match(text):
        return Bare(text, text[0] in "tT")
    if _INT.match(text):
        # Decimal may have leading zeros, which int(…, 0) refuses.
        return Bare(text, int(text, 0) if text[:2] in ("0x", "0o") else int(text))
    if _FLOAT.match(text):
        return Bare(text, float(text))
    return text
