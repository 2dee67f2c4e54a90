from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import msgspec
import pytest

from netarium.errors import NotFoundError
from netarium.model.lab import Lab
from netarium.runtime import state
from netarium.runtime.janitor import clean, lock, sweep
from netarium.runtime.state import (
    RunningLab,
    RunningNode,
    find_lab,
    find_node,
    process_started,
    running_labs,
    state_home,
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of running labs of this test's own."""
    home = tmp_path / "netarium"
    home.mkdir(mode=0o700)
    monkeypatch.setattr(state, "state_home", lambda: home)
    return home


def _run(home: Path, name: str, *nodes: str, supervisor: int | None = None) -> Path:
    """Write the state of a lab whose processes are all this one."""
    pid = os.getpid() if supervisor is None else supervisor
    started = process_started(os.getpid())
    directory = home / name
    directory.mkdir()
    running = RunningLab(
        name=name,
        state="up",
        supervisor=pid,
        started=started,
        since=0.0,
        directory=str(directory),
        rootless=False,
        lab=Lab(name=name),
        nodes=tuple(RunningNode(name=n, pid=pid, started=started) for n in nodes),
    )
    (directory / "state.json").write_bytes(msgspec.json.encode(running))
    return directory


def _age(directory: Path, seconds: float = 10) -> None:
    then = time.time() - seconds
    os.utime(directory, (then, then))


def test_a_process_that_is_gone_never_started() -> None:
    done = subprocess.Popen(["true"])
    assert process_started(done.pid) >= 0
    time.sleep(0.05)
    assert process_started(done.pid) == 0  # a zombie
    done.wait()
    assert process_started(done.pid) == 0
    assert process_started(os.getpid()) > 0


def test_a_process_id_that_somebody_else_has_now_is_not_the_lab(home: Path) -> None:
    directory = _run(home, "one")
    text = (directory / "state.json").read_text()
    started = process_started(os.getpid())
    (directory / "state.json").write_text(text.replace(str(started), str(started - 1)))
    assert running_labs() == []


@pytest.mark.parametrize("content", [b"", b"{", b'{"name": 3}', b"\xff\xfe", b"[]"])
def test_a_damaged_state_is_no_lab_and_stops_nobody(home: Path, content: bytes) -> None:
    _run(home, "good")
    (_run(home, "bad") / "state.json").write_bytes(content)
    assert [lab.name for lab in running_labs()] == ["good"]


def test_what_a_killed_lab_left_goes_with_the_next_look(home: Path) -> None:
    directory = _run(home, "gone", supervisor=2**22 + 1)
    _age(directory)
    assert running_labs() == []
    assert not directory.exists()


def test_a_directory_that_is_locked_or_new_stays(home: Path) -> None:
    starting, new = home / "starting", home / "new"
    starting.mkdir()
    new.mkdir()
    held = lock(starting)
    _age(starting)
    try:
        sweep(home)
        assert starting.exists() and new.exists()
        with pytest.raises(BlockingIOError):
            lock(starting)
    finally:
        os.close(held)
    _age(starting)
    sweep(home)
    assert not starting.exists() and new.exists()


def test_cleaning_removes_an_empty_home_only(home: Path) -> None:
    one, other = home / "one", home / "other"
    one.mkdir()
    other.mkdir()
    clean(one)
    assert home.exists()
    clean(other)
    assert not home.exists()


def test_a_lab_is_found_by_name_or_by_being_the_only_one(home: Path) -> None:
    with pytest.raises(NotFoundError, match="no lab is running"):
        find_lab()
    _run(home, "one")
    assert find_lab().name == "one"
    _run(home, "two")
    assert find_lab("two").name == "two"
    with pytest.raises(NotFoundError, match="one, two"):
        find_lab()
    with pytest.raises(NotFoundError) as failed:
        find_lab("tow")
    assert failed.value.cure == "did you mean two?"


def test_a_node_is_found_in_the_only_lab_that_has_it(home: Path) -> None:
    _run(home, "one", "a", "b")
    _run(home, "two", "b", "c")
    assert find_node("c")[0].name == "two"
    assert find_node("b", "one")[0].name == "one"
    with pytest.raises(NotFoundError, match="several labs: one, two"):
        find_node("b")
    with pytest.raises(NotFoundError) as failed:
        find_node("cc", "two")
    assert failed.value.cure == "did you mean c?"


def test_where_labs_of_an_ordinary_user_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert state_home() == tmp_path / "netarium"
    for missing in ("", str(tmp_path / "missing")):
        monkeypatch.setenv("XDG_RUNTIME_DIR", missing)
        assert state_home() == Path("/tmp/netarium-4711")
