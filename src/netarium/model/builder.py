"""Labs made in Python, with the keys of a lab file and the same validation."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from netarium.errors import LabFileError, NotFoundError
from netarium.model.declaration import Defaults, LabDeclaration, NodeDeclaration
from netarium.model.faults import Fault, Faults, nearest
from netarium.model.lab import Lab

__all__ = ["End", "LabBuilder", "NodeHandle"]


class End(str):
    """An end of a link as lab files write it: ``NODE:INTERFACE``."""

    __slots__ = ()


class NodeHandle:
    """A node of a lab that is being made. ``handle["eth1"]`` is one end of a link."""

    def __init__(self, lab: LabBuilder, name: str) -> None:
        self.lab = lab
        self.name = name

    def __getitem__(self, interface: str) -> End:
        return End(f"{self.name}:{interface}")

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} of {self.lab.name}>"


class LabBuilder:
    """A lab in the making.

        lab = LabBuilder("two-hosts")
        a, b = lab.node("a", "10.0.0.1/24"), lab.node("b", "10.0.0.2/24")
        lab.link(a, b)
        lab.resolve()

    Args:
        name: the lab's name.
        keys: the other keys of a lab file, such as ``domain`` and ``routing``.
    """

    #: What ``node`` returns; a subclass may return a handle that does more.
    handle: ClassVar[type[NodeHandle]] = NodeHandle

    def __init__(self, name: str = "lab", **keys: Any) -> None:
        self.name = name
        self.directory: Path | None = None
        self._nodes: dict[str, Any] = _given(keys.pop("nodes", None), "nodes", dict)
        self._links: list[Any] = _listed(keys.pop("links", None))
        self._keys = keys

    @classmethod
    def load(cls, path: str | Path) -> LabBuilder:
        """A builder that holds what a lab file, or a lab that ships, declares.

        Raises:
            LabFileError: it is not valid.
            NotFoundError: there is no such file.
        """
        import msgspec

        from netarium.model import files
        from netarium.model.resolving import resolve

        found = files.locate(str(path))
        faults = Faults(str(found))
        declared = files.declaration_of(files.text_of(found), faults)
        # Faults are told now, while their lines are known.
        lab = resolve(declared, faults, name=files.stem(found), directory=found.parent)
        keys: dict[str, Any] = msgspec.to_builtins(declared)
        builder = cls(**{**keys, "name": lab.name})
        builder.directory = found.parent
        return builder

    def node(self, name: str, *addresses: str, **keys: Any) -> Any:
        """Add a node.

        Args:
            name: its name.
            addresses: the addresses of its first interface, eth0.
            keys: the keys that a node has in a lab file, such as ``gateway``.

        Raises:
            LabFileError: there is a node of that name already, or a key or a value is
                not valid.
        """
        from netarium.model.checking import check

        if name in self._nodes:
            fault = Fault(None, None, f"nodes.{name}", "is a node already", "choose another name")
            raise LabFileError(str(fault), faults=(fault,))
        if addresses:
            given = keys.get("address")
            more = [given] if isinstance(given, str) else list(given or ())
            keys["address"] = [*addresses, *more]
        faults = Faults()
        check(keys, NodeDeclaration, faults, ("nodes", name))
        faults.check()  # now, where the caller's own line is in the traceback
        self._nodes[name] = keys
        return self.handle(self, name)

    def link(
        self,
        *ends: NodeHandle | str,
        name: str | None = None,
        mtu: int | None = None,
        prefix: str | list[str] | None = None,
    ) -> None:
        """Join ends: a cable between two, a switched segment between more.

        Args:
            ends: handles, names, ``"name:eth1"`` or ``handle["eth1"]``.
            name: the link's name.
            mtu: its largest packet in bytes.
            prefix: the subnet from which ends without address get one.
        """
        link: dict[str, Any] = {"ends": [str(end) for end in ends]}
        for key, value in (("name", name), ("mtu", mtu), ("prefix", prefix)):
            if value is not None:
                link[key] = value
        self._links.append(link)

    def __getitem__(self, name: str) -> Any:
        """The handle of a node that the lab has.

        Raises:
            NotFoundError: no node has that name.
        """
        if name not in self._nodes:
            near = nearest(name, self._nodes)
            known = ", ".join(self._nodes)
            raise NotFoundError(
                f"the lab {self.name} has no node {name}",
                f"did you mean {near}?" if near else f"it has {known}" if known else "add it",
            )
        return self.handle(self, name)

    def declaration(self) -> LabDeclaration:
        """What has been said so far, checked key by key.

        Raises:
            LabFileError: a key or a value is not valid.
        """
        faults = Faults()
        declared = self._declare(faults)
        faults.check()
        assert declared is not None
        return declared

    def resolve(self) -> Lab:
        """The lab that has been said, with nothing left to decide.

        Raises:
            LabFileError: something is wrong with it; the error lists everything.
        """
        from netarium.model.resolving import resolve

        faults = Faults()
        declared = self._declare(faults)
        if declared is None:
            faults.check()
            raise LabFileError("not a lab")
        return resolve(declared, faults, name=self.name, directory=self.directory)

    def to_yaml(self) -> str:
        """The lab as a lab file.

        Raises:
            LabFileError: a key or a value is not valid.
        """
        import msgspec

        from netarium.model.writing import yaml_text

        data = msgspec.to_builtins(self.declaration())
        shared = Defaults.__struct_fields__
        for name, node in data["nodes"].items():
            # Who it is and where it is come before what it does.
            keys = sorted(node or (), key=lambda key: key in shared)
            data["nodes"][name] = {key: node[key] for key in keys}
        return yaml_text(data)

    def _declare(self, faults: Faults) -> LabDeclaration | None:
        from netarium.model.checking import check

        data = {"name": self.name, **self._keys, "nodes": self._nodes, "links": self._links}
        found: LabDeclaration | None = check(data, LabDeclaration, faults)
        return found


def _given(value: Any, key: str, kind: type[Any]) -> Any:
    """A copy of what was given for a key; empty where nothing was."""
    if value is None:
        return kind()
    if not isinstance(value, (dict, list, tuple) if kind is list else dict):
        wanted = "a mapping" if kind is dict else "a list"
        fault = Fault(None, None, key, f"{value!r} is not {wanted}", f"give {wanted} of {key}")
        raise LabFileError(str(fault), faults=(fault,))
    return kind(value)


def _listed(links: Any) -> list[Any]:
    """Links as a list, also where they were given by name."""
    if not isinstance(links, dict):
        found: list[Any] = _given(links, "links", list)
        return found
    return [
        {"name": name, **(link if isinstance(link, dict) else {"ends": link})}
        for name, link in links.items()
    ]
