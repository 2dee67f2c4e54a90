"""Hot loops: plain Python that numba compiles where there is enough work to pay for it.

A function marked ``@hot`` keeps to what both understand: integers, loops, and indexing
into flat buffers. ``run`` calls it as it stands, with memoryviews and arrays, or its
compiled twin, with NumPy views of the same memory. A short file is so read without
importing numba, and there is one source for both speeds. What was compiled once is loaded
without numba, too: see ``wire.hot_objects``.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import sys
import tempfile
import time
import types
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["compiled", "compiled_from", "hot", "is_cached", "is_kept", "run", "worth_compiling"]

_Function = TypeVar("_Function", bound="Callable[..., Any]")

#: Bytes of packets above which loading the compiled twins (half a second) is paid back.
_ENOUGH = 1 << 20
_STALE = 30 * 86400  # seconds after which the compiled code of another version is removed

_marked: dict[Callable[..., Any], Callable[..., Any] | None] = {}
_fresh: dict[Callable[..., Any], Callable[..., Any]] = {}
_written_apart: dict[Callable[..., Any], Callable[..., Any]] = {}
#: Twins that were loaded without numba, by the kinds of their arguments; those kept for it.
_objects: dict[tuple[Callable[..., Any], str | None], Callable[..., Any]] = {}
_kept: set[tuple[Callable[..., Any], str]] = set()
_TYPES = {"b": "i1", "B": "u1", "h": "i2", "H": "u2", "i": "i4", "I": "u4", "q": "i8", "Q": "u8"}


def hot(function: _Function) -> _Function:
    """Mark a function as a hot loop; it stays an ordinary function."""
    _marked[function] = None
    return function


def compiled_from(function: Callable[..., Any]) -> Callable[[_Function], _Function]:
    """Mark what is compiled in a hot function's place, where one source is slow in one of them.

    For copying alone, so far: Python copies slices, the compiler loops over views.
    """

    def mark(source: _Function) -> _Function:
        _written_apart[function] = source
        return source

    return mark


def worth_compiling(size: int) -> bool:
    """Whether ``size`` bytes of packets are worth the compiled loops."""
    return size >= _ENOUGH


def run(function: Callable[..., Any], *arguments: Any, fast: bool) -> Any:
    """Call a hot function, compiled if ``fast``; buffers among the arguments are shared."""
    if not fast:
        return function(*arguments)
    from netarium.wire import hot_objects

    kinds = hot_objects.kinds_of(arguments)
    ready = _objects.get((function, kinds)) or _object(function, kinds)
    if ready is not None:
        return ready(*arguments)
    views = tuple(map(_view, arguments))
    if kinds is None or hot_objects.is_refused(_cache(), _name(function), kinds):
        return compiled(function)(*views)
    # Compiled from the source, and so are its callees: what numba's own cache gives back
    # cannot be kept, and the loop would need numba for ever.
    twin: Any = _twin(function, _fresh, cache=False)
    result = twin(*views)
    if (function, kinds) not in _kept:
        _kept.add((function, kinds))
        _keep(function, kinds, twin, views)
    return result


def _object(function: Callable[..., Any], kinds: str | None) -> Callable[..., Any] | None:
    """The twin as machine code without numba, where it was kept before."""
    from netarium.wire import hot_objects

    if kinds is None or function in _fresh:
        return None
    ready = hot_objects.load(_cache(), _name(function), kinds)
    if ready is not None:
        _objects[function, kinds] = ready
    return ready


def _keep(function: Callable[..., Any], kinds: str, twin: Any, views: tuple[Any, ...]) -> None:
    import numba

    from netarium.wire import hot_objects

    overload = twin.overloads.get(tuple(map(numba.typeof, views)))
    if overload is not None:
        hot_objects.keep(_cache(), _name(function), kinds, overload)


def _name(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}".replace("<", "").replace(">", "")


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The compiled twin of a hot function, from the cache on disk where it is there.

    Those hot functions that it calls are compiled with it. A twin takes NumPy arrays;
    it holds no lock while it runs, so that threads can share the work.
    """
    twin: Callable[..., Any] = _twin(function, _marked, cache=True)
    return twin


def _twin(function: Callable[..., Any], twins: dict[Any, Any], *, cache: bool) -> Any:
    ready = twins.get(function)
    if ready is None:
        import numba

        numba.config.CACHE_DIR = str(_cache())  # type: ignore[attr-defined]
        source = _written_apart.get(function, function)
        scope = dict(source.__globals__)
        for name in source.__code__.co_names:
            callee = scope.get(name)
            if isinstance(callee, types.FunctionType) and callee in _marked:
                scope[name] = _twin(callee, twins, cache=cache)
        clone = types.FunctionType(source.__code__, scope, source.__name__, source.__defaults__)
        clone.__qualname__ = source.__qualname__
        clone.__module__ = source.__module__
        # Without _nrt every call counts references to its arrays, with atomic operations:
        # loops that call small functions would take six times as long.
        options: Any = {"cache": cache, "nogil": True, "error_model": "numpy", "_nrt": False}
        ready = numba.njit(**options)(clone)
        twins[function] = ready
    return ready


def is_cached() -> bool:
    """Whether loops were compiled before; the first time takes seconds, a person is told."""
    return any(_cache().rglob("*.nbc")) or any(_cache().glob("*.o"))


def is_kept(function: Callable[..., Any]) -> bool:
    """Whether this loop was compiled before and kept as machine code: it loads in an instant."""
    return _marked[function] is not None or any(_cache().glob(f"{_name(function)}-*.o"))


def _view(argument: Any) -> Any:
    if isinstance(argument, memoryview):
        import numpy

        view = numpy.frombuffer(argument, _TYPES[argument.format])
        view.flags.writeable = False  # files and rings then are of one type: compiled once
        return view
    if isinstance(argument, array):
        import numpy

        return numpy.frombuffer(argument, _TYPES[argument.typecode])
    if isinstance(argument, bytearray):
        import numpy

        return numpy.frombuffer(argument, "u1")
    return argument


@functools.cache
def _cache() -> Path:
    """Where compiled code of exactly these sources lives; another source, another folder.

    numba compares the one file that a function is in; a changed callee in another file
    would go unseen.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    kept = home / "netarium"
    try:
        kept.mkdir(parents=True, exist_ok=True)
        if not os.access(kept, os.W_OK):
            raise PermissionError
    except OSError:
        kept = Path(tempfile.gettempdir()) / f"netarium-{os.getuid()}"
        kept.mkdir(mode=0o700, exist_ok=True)
        if kept.stat().st_uid != os.getuid():  # somebody else's: their code would run as us
            kept = Path(tempfile.mkdtemp(prefix="netarium-"))
    state = hashlib.sha256(repr(sys.version_info).encode())
    root = Path(__file__).parents[1]
    for room in ("wire", "ports", "capture", "router"):
        for file in sorted((root / room).rglob("*.py")):
            about = file.stat()
            state.update(f"{file}:{about.st_size}:{about.st_mtime_ns}\n".encode())
    folder = kept / f"loops-{state.hexdigest()[:16]}"
    if not folder.exists():
        _remove_stale(kept)
        folder.mkdir(exist_ok=True)
    return folder


def _remove_stale(kept: Path) -> None:
    for old in kept.glob("loops-*"):
        if old.stat().st_mtime < time.time() - _STALE:
            shutil.rmtree(old, ignore_errors=True)
