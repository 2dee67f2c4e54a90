"""Setting a checkout up: nothing to do the second time, and a clear line for what is missing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import Netarium

ROOT = Path(__file__).parents[1]
NEEDED = ("bash", "cat", "cksum", "dirname", "env", "find", "id")


@pytest.fixture
def prepared() -> None:
    stamp = ROOT / ".venv/.made-for-dev"
    text = (ROOT / "pyproject.toml").read_text()
    checksum = subprocess.run(["cksum"], input=text, capture_output=True, text=True, check=True)
    if not stamp.exists() or stamp.read_text() != f"{ROOT} {checksum.stdout}":
        pytest.skip("this checkout was not prepared by make test")
    subprocess.run([ROOT / "tools/setup", "--dev"], check=True, capture_output=True)


def setup(*words: str, path: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "tools/setup", *words],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.mark.usefixtures("prepared")
def test_a_prepared_checkout_takes_no_time() -> None:
    seconds = []
    for _ in range(3):
        began = time.monotonic()
        done = setup(path=os.environ["PATH"])
        seconds.append(time.monotonic() - began)
    assert min(seconds) < 0.3
    assert "Installing" not in done.stdout


@pytest.mark.usefixtures("prepared")
def test_without_apt_the_line_that_installs_is_printed(tmp_path: Path) -> None:
    for program in NEEDED:
        (tmp_path / program).symlink_to(str(shutil.which(program)))
    done = setup(path=str(tmp_path))
    line = done.stdout.splitlines()[-1]
    assert re.fullmatch(r"  (sudo )?apt-get install --no-install-recommends [\w .+-]+", line)
    assert {"curl", "nmap", "openssh-client"} <= set(line.split())


def test_setup_and_doctor_mean_the_same_programs(netarium: Netarium) -> None:
    doctor = {
        t["name"]: t["package"] for t in json.loads(netarium("doctor", "--json").stdout)["tools"]
    }
    source = (ROOT / "tools/setup").read_text()
    listed = re.findall(r"([\w-]+):([\w-]+)", re.findall(r"^tools='(.*?)'", source, re.M | re.S)[0])
    assert len(listed) > 10
    assert dict(listed).items() <= doctor.items()
    # Those come with the system, or are not ours to install.
    assert doctor.keys() - dict(listed).keys() <= {"bash", "sudo", "tar"}


def test_an_unknown_option_is_refused() -> None:
    done = subprocess.run([ROOT / "tools/setup", "--nonsense"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")


@pytest.mark.needs("shellcheck")
def test_the_scripts_are_clean() -> None:
    scripts = [ROOT / "tools/setup", ROOT / "tools/check", ROOT / ".ci/run"]
    done = subprocess.run(["shellcheck", *scripts], capture_output=True, text=True)
    assert done.stdout == ""
