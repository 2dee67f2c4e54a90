"""How a verb's command line is parsed and explained: help in plain words, options found."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

__all__ = ["ForeignWords", "Verb"]


class Verb(TyperCommand):
    """A verb whose help names its arguments as declared, without typer's brackets and types."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The usage line's words: an argument that may be left out stands in brackets."""
        pieces = ["[OPTIONS]"]
        for argument in _arguments(self, ctx):
            named = argument.metavar or argument.name.upper()
            pieces.append(named if argument.required else f"[{named}]")
        return pieces

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the sections on arguments and options."""
        arguments = [(a.metavar, a.help or "") for a in _arguments(self, ctx)]
        options = [(_spelling(o), _meaning(o)) for o in _options(self, ctx)]
        if arguments:
            with formatter.section("Arguments"):
                formatter.write_dl(arguments)
        with formatter.section("Options"):
            formatter.write_dl(options)


class ForeignWords(Verb):
    """A verb that runs another program: from ``--`` or the program on, words are the program's.

    Before that, options may stand on either side of the first argument.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Move the options that stand after the first argument before it."""
        taking = {
            spelling
            for option in _options(self, ctx)
            if not option.is_flag
            for spelling in option.opts
        }
        before, rest = _leading_options(args, taking)
        if rest and rest[0] != "--":
            after, program = _leading_options(rest[1:], taking)
            args = [*before, *after, rest[0], *program]
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed


def _leading_options(words: list[str], taking: set[str]) -> tuple[list[str], list[str]]:
    """The options that words begin with, each with its value, and what follows them."""
    count = 0
    while count < len(words) and words[count].startswith("-") and words[count] not in ("-", "--"):
        count += 2 if words[count] in taking else 1
    return words[:count], words[count:]


def _arguments(command: Any, ctx: Any) -> list[Any]:
    return [p for p in command.get_params(ctx) if p.param_type_name == "argument"]


def _options(command: Any, ctx: Any) -> list[Any]:
    return [p for p in command.get_params(ctx) if p.param_type_name == "option"]


def _spelling(option: Any) -> str:
    names = ", ".join(sorted(option.opts, key=len))
    return names if option.is_flag or not option.metavar else f"{names} {option.metavar}"


def _meaning(option: Any) -> str:
    text: str = option.help or ""
    told = option.show_default and option.default != ""
    if told and isinstance(option.default, str | int) and not isinstance(option.default, bool):
        text += f"  [default: {option.default}]"
    return text
