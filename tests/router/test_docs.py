"""The page about the router is about this router: its steps, reasons, differences, example."""

from __future__ import annotations

import re
from pathlib import Path

from netarium.router.reasons import EXPLANATIONS
from tests.router.differences import DIFFERENCES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/router.md").read_text()


def test_each_step_is_on_the_page_in_its_order():
    source = (ROOT / "src/netarium/router/path.py").read_text()
    steps = re.findall(r"reason = (\w+)\(", source)
    assert len(steps) == 10
    assert re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.MULTILINE)[:10] == steps


def test_each_file_is_on_the_page():
    files = {path.name for path in (ROOT / "src/netarium/router").glob("*.py")}
    shared = {"__init__.py", "addresses.py", "arithmetic.py", "interface.py", "layout.py"}
    shared |= {"packets.py", "path.py", "timers.py"}
    assert files - shared == {name for name in files - shared if f"`{name}`" in PAGE}


def test_each_verdict_is_explained_on_the_page():
    for about in EXPLANATIONS:
        assert f"| {about.name} | {about.sentence} | {about.clause} |" in PAGE


def test_each_difference_from_linux_is_on_the_page():
    for about in DIFFERENCES:
        assert f"- {about.why}" in PAGE
    listed = PAGE.split("remain, on purpose:\n\n")[1].split("\n\n")[0]
    assert len(listed.split("\n- ")) == len(DIFFERENCES)


def test_the_example_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(code, {})
    assert capsys.readouterr().out.splitlines()[-1] == "2.0"
