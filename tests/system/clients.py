"""Client programs of the system tests that run inside a node, on the machine's own Python."""

from __future__ import annotations

import inspect
import json
import subprocess
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.system.conftest import UpLab

#: The account of the playground, and its password.
ACCOUNT, PASSWORD = "brandon", "abc123"


def program(function: Callable[..., Any], *arguments: Any) -> str:
    """A program that calls the function and prints its result as JSON.

    Only the function's own text travels: it imports what it uses, and takes and
    gives what JSON can hold.
    """
    source = textwrap.dedent(inspect.getsource(function))
    call = f"{function.__name__}(*json.loads({json.dumps(arguments)!r}))"
    return f"from __future__ import annotations\nimport json\n{source}\nprint(json.dumps({call}))\n"


def run_in(
    lab: UpLab,
    node: str,
    function: Callable[..., Any],
    *arguments: Any,
    timeout: float = 60,
) -> Any:
    """Call a function inside a node, with /usr/bin/python3, and give what it returns.

    An exception in there fails the test with its traceback.
    """
    done = lab.netarium(
        *("exec", "--lab", lab.name, node, "--", "/usr/bin/python3", "-"),
        input=program(function, *arguments),
        timeout=timeout,
    )
    return json.loads(done.stdout)


def at_once(lab: UpLab, lines: dict[str, str], **options: Any) -> dict[str, Any]:
    """Run a shell line on each of several nodes at the same time; what they did, by node."""

    def one(item: tuple[str, str]) -> tuple[str, subprocess.CompletedProcess[str]]:
        return item[0], lab.exec(*item, **options)

    with ThreadPoolExecutor(6) as pool:
        return dict(pool.map(one, lines.items()))


def service_processes(lab: UpLab) -> dict[str, int]:
    """The process of every service of a lab; fails where one does not run."""
    services = lab.running.services
    assert [s for s in services if s.state != "running"] == []
    return {f"{s.node}/{s.name}": s.pid for s in services}
