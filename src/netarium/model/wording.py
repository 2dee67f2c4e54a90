"""How a declared text is checked and spoken of."""

from __future__ import annotations

from msgspec import Meta

__all__ = ["word"]


def word(
    what: str, cure: str = "", *, pattern: str | None = None, example: str | None = None
) -> Meta:
    """Metadata for a text in a declaration: what it is, how to write it, and its pattern.

    The pattern goes to the JSON Schema and to our own check, not to msgspec's
    ``pattern``: msgspec (0.19 to 0.22 at least) frees a pattern twice where the
    text stands in a union with a tuple or a list, which ends the interpreter.
    """
    schema: dict[str, object] = {}
    if pattern is not None:
        schema["pattern"] = pattern
    if example is not None:
        schema["examples"] = [example]
    return Meta(
        extra_json_schema=schema or None, extra={"is": what, "cure": cure, "pattern": pattern}
    )
