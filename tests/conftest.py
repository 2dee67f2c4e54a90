"""What every test may use: the real command, and skips that say why."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

#: The command that is installed beside the Python that runs the tests.
COMMAND = Path(sys.executable).parent / "netarium"
#: The same as a word of a shell line: the checkout's folder may have a space in its name.
QUOTED_COMMAND = shlex.quote(str(COMMAND))

#: Runs ``netarium`` with the arguments given and returns what it did.
Netarium = Callable[..., subprocess.CompletedProcess[str]]


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("root") and os.geteuid() != 0:
        pytest.skip("needs root")
    for marker in item.iter_markers("needs"):
        for program in marker.args:
            if shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is None:
                pytest.skip(f"needs the program {program}")


@pytest.fixture(scope="session")
def netarium() -> Netarium:
    """The ``netarium`` command in a process of its own, as a person would run it.

    Keywords: ``check`` (default true: a failing command fails the test with all
    that it said), ``timeout`` in seconds, ``cwd``, ``input``, ``env`` (added to
    the environment).
    """

    def run(
        *words: str | Path,
        check: bool = True,
        timeout: float = 60,
        cwd: Path | None = None,
        input: str | None = None,
        env: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(COMMAND), *map(str, words)],
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=cwd,
            input=input if input is not None else "",
            env={**os.environ, **(env or {})},
            check=False,
        )
        if check and done.returncode:
            pytest.fail(
                f"netarium {' '.join(map(str, words))} ended with {done.returncode}\n"
                f"{done.stdout}{done.stderr}",
                pytrace=False,
            )
        return done

    return run
