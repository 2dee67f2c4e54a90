"""The verb that examines the machine: doctor."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import typer

from netarium.cli.options import Json, single
from netarium.errors import MachineError

if TYPE_CHECKING:
    from netarium.runtime.probe import Check, Tool

__all__ = ["app", "examination"]


def examination() -> dict[str, Any]:
    """What ``doctor --json`` says. ``ready`` tells whether labs can run at all."""
    from netarium.runtime import probe

    checks, tools = probe.checks(), probe.tools()
    return {
        "ready": all(check.works for check in checks if check.required),
        "rootless": os.geteuid() != 0,
        "kernel": os.uname().release,
        "checks": checks,
        "tools": tools,
        "install": _install(tools),
        "limits": probe.limits(),
    }


def _install(tools: list[Tool]) -> str:
    """The line that installs what is missing; empty where nothing is."""
    packages = sorted({tool.package for tool in tools if tool.path is None})
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt install {' '.join(packages)}" if packages else ""


def _say(check: Check) -> tuple[str, str, str]:
    if check.works:
        return check.name, "yes", check.purpose
    lack = "MISSING" if check.required else "no"
    return check.name, lack, f"{check.purpose}: {check.reason}"


def _doctor(json: Json = False) -> int:
    """Say what this machine has, what it lacks, and what installs it.

    Kernel features are tried, in namespaces that vanish at once, not guessed. The
    exit code is 5 where labs cannot run here.
    """
    from netarium.cli.output import print_folded, print_json, print_table

    found = examination()
    code = 0 if found["ready"] else MachineError.exit_code
    if json:
        print_json(found)
        return code
    checks: list[Check] = found["checks"]
    tools: list[Tool] = found["tools"]
    how = "without root" if found["rootless"] else "as root"
    print_table(("KERNEL", "", ""), map(_say, checks), f"Linux {found['kernel']}, labs run {how}")
    print()
    rows = [(t.name, "yes" if t.path else "no", t.purpose) for t in tools]
    print_table(("PROGRAM", "", ""), rows)
    print()
    for cure in dict.fromkeys(check.cure for check in checks if not check.works):
        names = ", ".join(c.name for c in checks if not c.works and c.cure == cure)
        print_folded(f"{names} would need {cure}")
    for line in found["limits"]:
        print_folded(f"Without root: {line}")
    if found["install"]:
        print_folded(f"The missing programs: {found['install']}")
    print("Labs can run here." if found["ready"] else "Labs cannot run here.")
    return code


def app(verb: str) -> typer.Typer:
    """The verb's application."""
    return single(verb, _doctor)
