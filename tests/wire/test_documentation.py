"""The programs of docs/wire.md print what the page says, and it names every header."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from netarium import wire

PAGE = Path(__file__).parents[2] / "docs/wire.md"
PROGRAMS = re.findall(
    r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", PAGE.read_text(), re.MULTILINE | re.DOTALL
)


@pytest.mark.parametrize(("program", "printed"), PROGRAMS)
def test_a_program_prints_what_the_page_says(program, printed):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(program, str(PAGE), "exec"), {})
    assert said.getvalue() == printed


def test_the_page_names_every_header():
    table = PAGE.read_text().partition("## All headers")[2]
    bases = {
        "Header", "ICMPErrorMessage", "ICMPQuery", "ICMPv6Echo", "ICMPv6ErrorMessage",
        "IPOption", "IPv6Extension", "IPv6Option", "ListenerMessage", "NDMessage", "NDOption",
        "SourceRoute", "TCPOption",
    }  # fmt: skip
    headers = {
        name
        for name in wire.__all__
        if isinstance(getattr(wire, name), type) and issubclass(getattr(wire, name), wire.Header)
    }
    assert headers - set(re.findall(r"`(\w+)`", table)) == bases
