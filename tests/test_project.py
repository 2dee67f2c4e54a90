"""What the project says about itself is true: commands, links, names, imports, versions."""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import netarium
from tests.conftest import Netarium

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")})
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(netarium.__path__, "netarium.")
    if not module.name.rpartition(".")[2].startswith("_")
)
TEXTS = sorted(
    path
    for pattern in (
        "*",
        ".ci/*",
        "tools/*",
        "src/**/*",
        "docs/**/*",
        "benchmarks/**/*",
        "examples/**/*",
    )
    for path in ROOT.glob(pattern)
    if path.suffix in {"", ".md", ".py", ".toml", ".yaml", ".svg"} and path.is_file()
)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def without_code(text: str) -> str:
    return re.sub(r"```.*?```|^    .*?$|`[^`\n]*`", "", text, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_every_link_of_a_document_leads_somewhere(document: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(document.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (document.parent / path) if path else document
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(target)
    assert broken == []


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", document.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_document_can_be_found_from_the_index() -> None:
    index = ROOT / "docs/README.md"
    found, waiting = set(), [index, ROOT / "README.md"]
    while waiting:
        document = waiting.pop()
        if document in found or document.suffix != ".md" or not document.exists():
            continue
        found.add(document)
        for target in re.findall(r"\]\(([^)#\s]+)", document.read_text()):
            waiting.append((document.parent / target).resolve())
    missed = [relative(path) for path in DOCUMENTS if path.is_relative_to(ROOT / "docs")]
    assert [path for path in missed if ROOT / path not in found] == []


def commands_in_documents() -> Iterator[tuple[str, str]]:
    command = re.compile(r"(?:^\s*|[$|&] |sudo |bin/)netarium ([a-z][a-z-]*)\b", flags=re.MULTILINE)
    for document in DOCUMENTS:
        for verb in command.findall(code(document.read_text())):
            yield verb, relative(document)


def code(text: str) -> str:
    """Only what is set as code, with the comments behind commands left out."""
    blocks = re.findall(r"```\w*\n(.*?)```|^ {4}(.*)$|`([^`\n]+)`", text, flags=re.DOTALL | re.M)
    return "\n".join(re.sub(r"\s#.*", "", "".join(block)) for block in blocks)


def test_every_verb_in_the_documents_exists(netarium: Netarium) -> None:
    used = dict(commands_in_documents())
    assert {"up", "down", "shell", "exec"} <= used.keys(), "the documents' commands are not found"
    known = set(re.findall(r"^  ([a-z-]+) ", netarium("--help").stdout, flags=re.MULTILINE))
    assert {verb: document for verb, document in used.items() if verb not in known} == {}


def test_every_make_target_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for document in DOCUMENTS:
        used = set(re.findall(r"(?:^|\W)make ([a-z]+)", code(document.read_text())))
        assert used <= targets, document


def test_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.findall(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)[0].split()
    shown = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [target for target in phony if f"make {target} " not in shown] == []


@pytest.mark.parametrize("name", MODULES)
def test_a_module_says_what_is_public_in_order(name: str) -> None:
    module = importlib.import_module(name)
    source = Path(module.__file__ or "")
    if source.name == "__init__.py" and not source.read_text():
        return  # a room without a door of its own
    assert module.__doc__, "a sentence says what the file is for"
    public = list(getattr(module, "__all__", ()))
    assert public in (sorted(public), sorted(public, key=by_kind))
    assert [name for name in public if not hasattr(module, name)] == []


def by_kind(name: str) -> tuple[int, str]:
    """Constants before classes before functions, as ruff's RUF022 sorts."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


HEAVY = {
    "OpenSSL", "aiosmtpd", "asyncio", "asyncssh", "cheroot", "cryptography", "dns", "flask",
    "httpbin", "pyftpdlib", "rich", "twisted", "typer", "yaml",
}  # fmt: skip


@pytest.mark.parametrize("module", ["netarium", "netarium.cli.main", "netarium.runtime.state"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    script = f"import {module}, sys; print('\\n'.join(sys.modules))"
    words = [sys.executable, "-c", script]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded & HEAVY == set()


def test_the_changelog_describes_the_version(netarium: Netarium) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert re.search(rf"^## \[?{re.escape(version)}\b", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert netarium("--version").stdout == f"netarium {version}\n"


#: Where this checkout and its Python happen to be.
PLACES = {str(ROOT), sys.prefix, sys.base_prefix} - {"/usr", "/usr/local"}
FORBIDDEN = re.compile(
    "|".join(
        [*map(re.escape, sorted(PLACES)), r"(?<![\w/])issue #?\d", r"\b(TO|FIX|XX)(DO|ME|X)\b"]
    )
)


@pytest.mark.parametrize("path", TEXTS, ids=relative)
def test_a_file_speaks_of_the_project_alone(path: Path) -> None:
    assert FORBIDDEN.findall(path.read_text()) == []


def test_files_stay_small() -> None:
    long = {
        relative(path): lines
        for path in [*ROOT.glob("src/**/*.py"), *ROOT.glob("benchmarks/**/*.py")]
        if (lines := len(path.read_text().splitlines())) >= 500
    }
    assert long == {}
