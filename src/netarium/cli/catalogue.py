"""The verbs that tell what lab files there are and may say: labs and schema."""

from __future__ import annotations

import sys

import typer

from netarium.cli.options import Json, single

__all__ = ["app"]


def _labs(json: Json = False) -> None:
    """List the labs that ship with netarium. Bring one up with: netarium up LAB"""
    from netarium.cli.output import print_json, print_table
    from netarium.model import shipped

    found = shipped()
    if json:
        print_json({"labs": [{"name": name, "description": text} for name, text in found]})
    else:
        print_table(("LAB", "DESCRIPTION"), found)


def _schema(json: Json = False) -> None:
    """Print the JSON Schema of lab files.

    Editors check and complete lab files with it. The output is JSON with and without --json.
    """
    import msgspec

    from netarium.model.json_schema import schema

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode() + "\n")


def app(verb: str) -> typer.Typer:
    """The verb's application."""
    return single(verb, _labs if verb == "labs" else _schema)
