"""Labs made and used in Python: the model's builder, with a life."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from netarium.errors import NetariumError
from netarium.model.builder import LabBuilder, NodeHandle
from netarium.model.lab import Mount
from netarium.model.mounting import with_mounts
from netarium.runtime.run import run
from netarium.runtime.state import RunningLab
from netarium.runtime.up import Progress, down, up

__all__ = ["Lab", "Node"]


class Node(NodeHandle):
    """A node of a ``Lab``: an end for links, and, once the lab is up, a machine to use."""

    lab: Lab

    def run(
        self,
        argv: str | Sequence[str],
        *,
        input: str | bytes | None = None,
        check: bool = False,
        timeout: float | None = None,
        user: str = "root",
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        text: bool = True,
    ) -> subprocess.CompletedProcess[Any]:
        """Run a program on the node, or a line in its shell; see ``netarium.runtime.run.run``.

        Raises:
            NetariumError: the lab is not up.
        """
        return run(
            self.lab.running,
            self.name,
            argv,
            input=input,
            check=check,
            timeout=timeout,
            user=user,
            env=env,
            cwd=cwd,
            text=text,
        )


class Lab(LabBuilder):
    """A lab that lives as long as the ``with`` block, or the program, that made it.

        with Lab("two-hosts") as lab:
            a, b = lab.node("a", "10.0.0.1/24"), lab.node("b", "10.0.0.2/24")
            lab.link(a, b)
            lab.up()
            print(a.run("ping -c1 10.0.0.2").stdout)

    The arguments are those of a lab file: see ``LabBuilder``.
    """

    handle: ClassVar[type[NodeHandle]] = Node

    def __init__(self, name: str = "lab", **keys: Any) -> None:
        super().__init__(name, **keys)
        self._running: RunningLab | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    @property
    def running(self) -> RunningLab:
        """The lab as it runs. Raises NetariumError where it is not up."""
        if self._running is None:
            raise NetariumError(f"lab {self.name} is not up", "call its up() first")
        return self._running

    def up(
        self,
        *,
        directory: str | Path | None = ".",
        keep: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> RunningLab:
        """Bring the lab up; returns once every service answers.

        Args:
            directory: what every node has at /lab (``/`` read-only); None for nothing.
            keep: let the lab live on when this program ends; ``netarium down`` ends it.
            progress: called as the lab comes up.

        Raises:
            LabFileError: the lab is not valid.
            LabFailedError: it could not come up; nothing is left of it.
            AlreadyRunningError: one of that name runs already.
        """
        lab = self.resolve()
        if directory is not None:
            source = str(Path(directory).resolve())
            here = Mount(source=source, target="/lab", read_only=source == "/")
            lab = with_mounts(lab, [here])
        self._running = up(lab, progress=progress, leash=not keep)
        return self._running

    def down(self) -> None:
        """End the lab, with all that runs in it. Nothing happens where it is not up."""
        running, self._running = self._running, None
        if running is not None:
            down(running)
