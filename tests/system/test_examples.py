"""The programs in examples/ and in the documents do what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Netarium
from tests.system.conftest import UpLab

ROOT = Path(__file__).parents[2]
BLOCKS = [
    pytest.param(text, id=f"{document.name}-{number}")
    for document in (ROOT / "README.md", ROOT / "docs/python.md")
    for number, text in enumerate(
        re.findall(r"```python\n(.*?)```", document.read_text(), flags=re.DOTALL), start=1
    )
]


def python(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, cwd=cwd, timeout=60, check=False
    )


@pytest.mark.parametrize("text", BLOCKS)
def test_a_program_in_the_documents_runs(text: str, tmp_path: Path) -> None:
    # Its lab gets a name of its own: one that runs here under that name stays.
    text = re.sub(r'Lab\("([a-z-]+)"', rf'Lab("\1-{os.getpid()}"', text)
    program = tmp_path / "test_document.py"
    program.write_text(text)
    is_test = "import pytest" in text
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider"] if is_test else []
    done = python(*words, program, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert done.stdout


def test_two_hosts(tmp_path: Path) -> None:
    done = python(ROOT / "examples/two_hosts.py", cwd=tmp_path)
    assert "1 packets transmitted, 1 received" in done.stdout, done.stderr


@pytest.fixture
def nat(netarium: Netarium) -> Iterator[UpLab]:
    name = f"nat-{os.getpid()}"
    netarium("up", ROOT / "examples/nat/lab.yaml", "--name", name, cwd=ROOT / "examples/nat")
    yield UpLab(name, ROOT / "examples/nat", netarium)
    netarium("down", name)


def test_nat(nat: UpLab) -> None:
    nat.exec("server", "nohup python3 /lab/who.py >/tmp/who 2>&1 & sleep 0.5")
    laptop = nat.out("laptop", "python3 /lab/who.py server")
    phone = nat.out("phone", "python3 /lab/who.py server")
    assert laptop == "my address is 192.168.1.10, the server sees 203.0.113.2\n"
    assert phone == "my address is 192.168.1.11, the server sees 203.0.113.2\n"
    assert nat.exec("server", "ping -c1 -W1 192.168.1.10", check=False).returncode != 0


def test_udp(netarium: Netarium, tmp_path: Path) -> None:
    lab = tmp_path / f"udp-{os.getpid()}.yaml"
    lab.write_text("nodes: {a: {}, b: {}}\nlinks: [[a, b]]\n")
    netarium("up", lab, cwd=ROOT)
    try:
        up = UpLab(lab.stem, ROOT, netarium)
        server = "python3 /lab/examples/udp/server.py --count 2"
        up.exec("b", f"nohup {server} >/tmp/out 2>&1 & sleep 0.5")
        client = "python3 /lab/examples/udp/client.py"
        assert up.out("a", f"{client} b 'hello, world'").startswith("HELLO, WORLD (after ")
        assert up.out("a", f"{client} b again").startswith("AGAIN (after ")
        refused = up.exec("a", f"{client} b nobody", check=False)
        assert refused.returncode == 1
        assert "nobody listens on UDP port 9999" in refused.stderr
        assert ": hello, world\n" in up.out("b", "cat /tmp/out")
    finally:
        netarium("down", lab.stem)
