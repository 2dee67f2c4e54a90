"""Machine code of hot loops on disk, loaded without numba: in 50 ms instead of 400.

numba's own cache needs numba, and NumPy with it, to be imported. What a loop was compiled to
needs neither: it is kept as an object file, which llvmlite links and ctypes calls. Whatever
is unusual, here means no: numba then does the work as ever.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import secrets
import warnings
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["is_refused", "keep", "kinds_of", "load"]

#: What a return value is: its name in numba, how many bytes are written, what Python sees.
_RETURNS: dict[str, Callable[[int], Any]] = {
    "int64": lambda value: value - (1 << 64) if value >> 63 else value,
    "bool": bool,
    "none": lambda value: None,
}
#: Functions of the C library that optimized code may call.
_LIBRARY = frozenset({"memcpy", "memmove", "memset"})
#: Engines own the code that they have loaded.
_engines: list[Any] = []


def kinds_of(arguments: tuple[Any, ...]) -> str | None:
    """What kinds of arguments these are, a letter or two each; None where one is unusual."""
    kinds = []
    for argument in arguments:
        kind = type(argument)
        if kind is int:
            kinds.append("#")
        elif kind is bool:
            kinds.append("?")
        elif kind is array:
            kinds.append(argument.typecode)
        elif kind is bytearray:
            kinds.append("w")
        elif kind is memoryview and argument.contiguous and argument.ndim == 1:
            kinds.append("r" + argument.format)
        else:
            return None
    return "".join(kinds)


def keep(folder: Path, name: str, kinds: str, overload: Any) -> None:
    """Write what numba has just compiled to a folder, if it can stand alone.

    Args:
        folder: where to; it belongs to one state of the sources.
        name: the loop's, as a file's.
        kinds: what `kinds_of` says of the arguments it was compiled for.
        overload: what numba's dispatcher has of it for these.
    """
    import llvmlite.binding as llvm  # type: ignore[import-untyped]

    returned = str(overload.signature.return_type)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that what comes out of its cache has no source
        code = overload.library.get_llvm_str()
    native = overload.fndesc.llvm_func_name
    if returned not in _RETURNS or native not in code:
        return
    machine = _machine(llvm, optimize=3)
    module = llvm.parse_assembly(code)
    for function in module.functions:
        if not function.is_declaration and function.name != native:
            function.linkage = "internal"
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(0)))
    wanted = [f.name for f in module.functions if f.is_declaration]
    wanted += [g.name for g in module.global_variables if g.is_declaration]
    if any(not each.startswith("llvm.") and each not in _LIBRARY for each in wanted):
        _write(folder / _refusal(name, kinds), b"")
        return
    whole = f"{native}\n{returned}\n".encode() + machine.emit_object(module)
    _write(folder / _file_name(llvm, name, kinds), whole)


def is_refused(folder: Path, name: str, kinds: str) -> bool:
    """Whether a loop was found to need numba when it runs: numba's own cache then has it."""
    return (folder / _refusal(name, kinds)).exists()


def _refusal(name: str, kinds: str) -> str:
    return f"{name}-{hashlib.sha256(kinds.encode()).hexdigest()[:16]}.refused"


def _write(target: Path, whole: bytes) -> None:
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}")
    try:
        part.write_bytes(whole)
        part.replace(target)
    except OSError:
        part.unlink(missing_ok=True)


def load(folder: Path, name: str, kinds: str) -> Callable[..., Any] | None:
    """The loop as a function of the same arguments, where it was kept; else None."""
    if not any(folder.glob(f"{name}-*.o")):
        return None
    import llvmlite.binding as llvm

    try:
        native, returned, code = (
            (folder / _file_name(llvm, name, kinds)).read_bytes().split(b"\n", 2)
        )
    except (OSError, ValueError):
        return None
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine(llvm))
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    address = engine.get_function_address(native.decode())
    if not address:
        return None
    _engines.append(engine)
    return _callable(address, kinds, _RETURNS[returned.decode()])


def _machine(llvm: Any, optimize: int = 0) -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=optimize,
        codemodel="jitdefault",
        jit=True,
    )


def _file_name(llvm: Any, name: str, kinds: str) -> str:
    """Different for each processor, as a home may be shared by many machines."""
    state = f"{kinds} {llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"
    state += f" {llvm.llvm_version_info} {os.uname().machine} {_numba_version()}"
    return f"{name}-{hashlib.sha256(state.encode()).hexdigest()[:16]}.o"


def _numba_version() -> str:
    """Which numba is installed, without importing it: how arguments are passed is its matter."""
    found = importlib.util.find_spec("numba")
    if found is None or found.origin is None:
        return ""
    about = Path(found.origin).with_name("_version.py").stat()
    return f"{about.st_size}:{about.st_mtime_ns}"


class _Buffer(ctypes.Structure):
    """CPython's Py_buffer."""

    _fields_ = (
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.py_object),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    )


def _callable(address: int, kinds: str, returned: Callable[[int], Any]) -> Callable[..., Any]:
    """A Python function for machine code that takes arguments as numba passes them.

    An array is seven words: two that count references (not here), items, their size, where
    they are, how many, and the way from one to the next. What is returned goes to the
    address that comes first; the second would receive an exception.
    """
    words = sum(7 if kind not in "#?" else 1 for kind in kinds.replace("r", ""))
    prototype = ctypes.CFUNCTYPE(
        ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * words
    )
    native = prototype(address)
    get, release = ctypes.pythonapi.PyObject_GetBuffer, ctypes.pythonapi.PyBuffer_Release

    def call(*arguments: Any) -> Any:
        result, error = ctypes.c_uint64(0), ctypes.c_void_p(None)
        flat: list[int] = []
        held: list[_Buffer] = []
        try:
            for argument in arguments:
                kind = type(argument)
                if kind is int or kind is bool:
                    flat.append(argument)
                    continue
                if kind is array:
                    at, items = argument.buffer_info()
                    size = argument.itemsize
                else:
                    buffer = _Buffer()
                    get(ctypes.py_object(argument), ctypes.byref(buffer), 0)
                    held.append(buffer)
                    at, size = buffer.buf or 0, 1
                    if kind is memoryview:
                        size = argument.itemsize
                    items = buffer.len // size
                flat += (0, 0, items, size, at, items, size)
            status = native(ctypes.addressof(result), ctypes.addressof(error), *flat)
        finally:
            for buffer in held:
                release(ctypes.byref(buffer))
        if status:
            raise RuntimeError(f"a hot loop failed with status {status}")
        return returned(result.value)

    return call
