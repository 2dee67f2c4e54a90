import re
from pathlib import Path

import pytest

from netarium.errors import LabFileError
from netarium.model import LabBuilder, loads

DOCS = Path(__file__).parents[2] / "docs"


def blocks(name, language):
    text = (DOCS / name).read_text()
    found = re.findall(r"^```(\w*)\n(.*?)^```\n", text, re.M | re.S)
    return [block for kind, block in found if kind == language]


LABS = [
    (name, block)
    for name in ("lab-file.md", "addressing.md")
    for block in blocks(name, "yaml")
    if "nodes:" in block
]


@pytest.mark.parametrize(("name", "block"), LABS)
def test_labs_in_the_docs_are_valid(name, block):
    assert loads(block).nodes


def test_the_addresses_that_the_docs_tell_are_given():
    lab = loads(blocks("addressing.md", "yaml")[0])
    assert lab.node("a").addresses == ("10.0.1.1", "fd00:0:0:1::1")
    assert lab.node("r").addresses[::2] == ("10.0.1.2", "10.0.2.1")
    assert lab.node("b").addresses[0] == "10.0.2.2"


def test_the_messages_that_the_docs_show_are_those_given():
    office = next(block for name, block in LABS if "name: office" in block)
    bad = office.replace("    gateway:", "    gatway:").replace("router:lan]", "ruoter:lan]")
    with pytest.raises(LabFileError) as caught:
        loads(bad, file="office.yaml")
    shown = next(b for b in blocks("lab-file.md", "") if "did you mean" in b)
    assert shown.strip() == str(caught.value)


def test_the_python_in_the_docs_makes_a_lab():
    code = blocks("lab-file.md", "python")[0].replace("from netarium import Lab", "")
    scope = {"Lab": LabBuilder}
    exec(code, scope)
    lab = scope["lab"].resolve()
    assert lab.node("shop").addresses == ("203.0.113.2",)
