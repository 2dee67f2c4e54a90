"""The declarations as JSON Schema, for editors, and as tables, for the docs."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

__all__ = ["reference", "schema"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

#: The parts of a lab file in the order in which the docs tell of them.
_PARTS = (
    ("LabDeclaration", "The lab"),
    ("NodeDeclaration", "A node"),
    ("InterfaceDeclaration", "An interface"),
    ("RouteDeclaration", "A route as a mapping"),
    ("NatDeclaration", "NAT as a mapping"),
    ("MountDeclaration", "A mount as a mapping"),
    ("LinkDeclaration", "A link as a mapping"),
    ("AccountDeclaration", "An account"),
)


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a lab file."""
    import msgspec

    from netarium.model.declaration import LabDeclaration

    found = msgspec.json.schema(LabDeclaration)
    definitions: dict[str, Any] = found["$defs"]
    for name, definition in definitions.items():
        definition["title"] = name.removesuffix("Declaration")
    return {"$schema": _DIALECT, "title": "netarium lab", **found}


def reference() -> str:
    """Every key of a lab file and every option of a service, as Markdown tables."""
    from netarium.model.options import KINDS

    definitions = schema()["$defs"]
    parts = [f"### {title}\n\n{_table(definitions[name])}" for name, title in _PARTS]
    for name, kind in KINDS.items():
        definition = definitions[kind.options.__name__]
        parts.append(
            f"### Service `{name}`\n\n{definition.get('description', '')}\n\n{_table(definition)}"
        )
    return "\n\n".join(parts) + "\n"


def _table(definition: dict[str, Any]) -> str:
    lines = ["| key | value | meaning |", "|---|---|---|"]
    required = definition.get("required", ())
    for key in _ordered(definition["properties"]):
        value = definition["properties"][key]
        meaning = _description(value).replace("|", "\\|")
        if key in required:
            meaning += " Required."
        default = value.get("default")
        if default not in (None, [], {}):
            import json

            meaning += f" Default: `{json.dumps(default)}`."
        lines.append(f"| `{key}` | {_kind(value)} | {meaning.strip()} |")
    return "\n".join(lines)


def _ordered(keys: Collection[str]) -> list[str]:
    """A node's own keys before those that it shares with the defaults."""
    from netarium.model.declaration import Defaults

    shared = Defaults.__struct_fields__
    return sorted(keys, key=lambda key: "names" in keys and key in shared)


def _description(value: dict[str, Any]) -> str:
    if "description" in value:
        return str(value["description"])
    return next((d for v in value.get("anyOf", ()) if (d := _description(v))), "")


def _kind(value: dict[str, Any]) -> str:
    """What a value may be, in a word or two."""
    if "$ref" in value:
        return str(value["$ref"]).rpartition("/")[2].removesuffix("Declaration").lower()
    if "enum" in value:
        return ", ".join(f"`{v}`" for v in value["enum"] if v is not None)
    if "anyOf" in value:
        kinds = dict.fromkeys(_kind(v) for v in value["anyOf"] if v.get("type") != "null")
        return " or ".join(kinds)
    if value.get("type") == "array":
        inner = value.get("items")
        return f"list of {_kind(inner)}" if isinstance(inner, dict) else "list"
    if value.get("type") == "object":
        inner = value.get("additionalProperties")
        return f"mapping to {_kind(inner)}" if isinstance(inner, dict) else "mapping"
    words = {"string": "text", "integer": "number", "boolean": "true or false", "null": "nothing"}
    return words.get(str(value.get("type")), "anything")
