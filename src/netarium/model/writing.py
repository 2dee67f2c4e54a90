"""Labs as YAML: what is settled, written so that reading it gives the same lab again."""

from __future__ import annotations

from typing import Any

from netarium.model.lab import Interface, Lab, Node, Route

__all__ = ["dump", "yaml_text"]


def dump(lab: Lab) -> str:
    """The lab as a lab file with everything said: ``loads(dump(lab)) == lab``."""
    data: dict[str, Any] = {"name": lab.name}
    if lab.description:
        data["description"] = lab.description
    if lab.domain:
        data["domain"] = lab.domain
    data["resolver"] = list(lab.resolvers)
    data["accounts"] = {
        a.name: {
            "password": a.password,
            "uid": a.uid,
            "home": a.home,
            "shell": a.shell,
            "admin": a.admin,
        }
        for a in lab.accounts
    }
    data["nodes"] = {node.name: _node(node) for node in lab.nodes}
    data["links"] = {
        link.name: {
            "ends": [f"{end.node}:{end.interface}" for end in link.ends],
            **({"mtu": link.mtu} if link.mtu else {}),
        }
        for link in lab.links
    }
    return yaml_text(data)


def yaml_text(data: Any) -> str:
    """Plain data as YAML: in the order given, short collections on one line."""
    import yaml

    dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(
        data,
        Dumper=dumper,
        sort_keys=False,
        default_flow_style=None,
        allow_unicode=True,
        width=100,
    )
    return text


def _node(node: Node) -> dict[str, Any]:
    data: dict[str, Any] = {"names": list(node.names)}
    data["interfaces"] = {i.name: _interface(i) for i in node.interfaces}
    data["routes"] = [_route(route) for route in node.routes]
    data["forwarding"] = node.forwarding
    if node.nat:
        data["nat"] = list(node.nat.outside)
    data["services"] = [{service.kind: service.options} for service in node.services]
    data["commands"] = list(node.commands)
    data["mounts"] = [
        {"source": m.source, "target": m.target, "read_only": m.read_only} for m in node.mounts
    ]
    data["environment"] = node.environment
    data["sysctls"] = node.sysctls
    return {key: value for key, value in data.items() if value not in ([], {})}


def _interface(interface: Interface) -> dict[str, Any]:
    data: dict[str, Any] = {"address": list(interface.addresses)}
    if interface.mac:
        data["mac"] = interface.mac
    if interface.mtu:
        data["mtu"] = interface.mtu
    return data


def _route(route: Route) -> str:
    words: list[str] = [route.kind] if route.kind != "unicast" else []
    words.append(route.destination)
    words += ["via", route.via] if route.via else []
    words += ["dev", route.interface] if route.interface else []
    words += ["onlink"] if route.onlink else []
    return " ".join(words)
