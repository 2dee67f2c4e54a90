"""A parser for the verbs that must start in an instant, for their plain forms only.

It accepts what it is sure about and leaves everything else (help, mistakes, rare
spellings) to typer, which has the last word on what these verbs take.
"""

from __future__ import annotations

__all__ = ["parse", "run"]

_OPTIONS = {
    "exec": {"-u": "user", "--user": "user", "-w": "workdir", "--workdir": "workdir"},
    "shell": {"-u": "user", "--user": "user"},
    "connect": {},
}
_CAPTURE = {
    **dict.fromkeys(("-w", "--write"), "write"),
    **dict.fromkeys(("-f", "--filter"), "filter"),
    **dict.fromkeys(("-c", "--count"), "count"),
    **dict.fromkeys(("-t", "--time"), "time"),
    **dict.fromkeys(("-s", "--snaplen"), "snaplen"),
    **dict.fromkeys(("-C", "--rotate-size"), "size"),
    **dict.fromkeys(("-G", "--rotate-time"), "period"),
    **dict.fromkeys(("-W", "--keep"), "keep"),
    **dict.fromkeys(("-l", "--lab"), "lab"),
    "--host": "host",
    "--backend": "backend",
}
_LAB = {"-l": "lab", "--lab": "lab"}


def parse(words: list[str]) -> tuple[dict[str, str], list[str]] | None:
    """Options and operands of a command line ``VERB [OPTION VALUE]... NODE ...``, or None."""
    verb, rest = words[0], words[1:]
    known = {**_OPTIONS[verb], **_LAB}
    options: dict[str, str] = {}
    after = _take(rest, known, options)
    if not after or after[0] == "--":
        return None
    node, after = after[0], after[1:]
    if verb == "exec":  # up to the program, options may stand after the node, too
        words_of_program = _take(after, known, options)
        return None if words_of_program is None else (options, [node, *words_of_program])
    if any(word.startswith("-") for word in after):
        return None
    return options, [node, *after]


def _take(words: list[str], known: dict[str, str], options: dict[str, str]) -> list[str] | None:
    """Move the options that words begin with to ``options``; what follows, None where unsure."""
    while words and words[0].startswith("-") and words[0] != "--":
        name, equals, value = words[0].partition("=")
        if name not in known:
            return None
        if equals and name.startswith("--"):
            words = words[1:]
        elif not equals and len(words) > 1:
            value, words = words[1], words[2:]
        else:
            return None
        options[known[name]] = value
    return words


def run(words: list[str]) -> int | None:
    """Run the command line; None where typer must look at it."""
    if words[0] in ("up", "down"):
        return _up_or_down(words)
    if words[0] == "capture":
        return _capture(words[1:])
    if words[0] == "read":
        return _read(words[1:])
    parsed = parse(words)
    if parsed is None:
        return None
    options, operands = parsed
    lab, user = options.get("lab"), options.get("user", "root")
    from netarium.cli import running

    if words[0] == "exec" and len(operands) > 1:
        workdir = options.get("workdir")
        return running.command(operands[0], operands[1:], lab=lab, user=user, workdir=workdir)
    if words[0] == "shell" and len(operands) == 1:
        return running.shell(operands[0], lab=lab, user=user)
    if words[0] == "connect" and len(operands) == 2 and operands[1].isdigit():
        return running.connect(operands[0], int(operands[1]), lab=lab)
    return None


def _up_or_down(words: list[str]) -> int | None:
    if len(words) != 2 or words[1].startswith("-"):
        return None
    from netarium.cli import living

    if words[0] == "up":
        living.bring_up(words[1])
    else:
        living.take_down(words[1])
    return 0


def _read(words: list[str]) -> int | None:
    from netarium.cli import packet_showing

    wish = packet_showing.parse(words)
    if wish is None:
        return None
    packet_showing.show(wish)
    return 0


def _capture(words: list[str]) -> int | None:
    targets: list[str] = []
    options: dict[str, str] = {}
    rest: list[str] | None = words
    while rest:
        rest = _take(rest, _CAPTURE, options)
        if rest is None or rest[:1] == ["--"]:
            return None
        targets += rest[:1]
        rest = rest[1:]
    numbers = {name: options.pop(name, "") for name in ("count", "snaplen", "keep")}
    if any(value and not (value.isascii() and value.isdigit()) for value in numbers.values()):
        return None
    if "0" in (numbers["count"], numbers["keep"]):
        return None
    from netarium.cli.capturing import capture

    count = int(numbers["count"]) if numbers["count"] else None
    snaplen, keep = int(numbers["snaplen"] or 0), int(numbers["keep"] or 0)
    return capture(targets, count=count, snaplen=snaplen, keep=keep, json=False, **options)
