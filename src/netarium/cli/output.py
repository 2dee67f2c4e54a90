"""How the command line prints: tables that fit the terminal, plain text for pipes, and JSON."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "console",
    "counted",
    "note",
    "print_folded",
    "print_json",
    "print_table",
    "size",
    "width",
]

#: How wide a pipe is.
_ENDLESS = 1000


def width() -> int:
    """How many columns a line may take: the terminal's, or no limit in a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else _ENDLESS


def console() -> Console:
    """Where tables go on a terminal: its width; NO_COLOR forbids colour, and bold with it."""
    from rich.console import Console

    plain = bool(os.environ.get("NO_COLOR"))
    return Console(
        highlight=False,
        soft_wrap=False,
        emoji=False,
        markup=False,
        no_color=plain,
        color_system=None if plain else "auto",
    )


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str = "") -> None:
    """Print rows below headings; a cell too long for the terminal is folded, never cut.

    In a pipe the columns are padded with blanks and nothing is folded.
    """
    if not sys.stdout.isatty():
        sys.stdout.write("".join(line + "\n" for line in _padded(columns, rows, title)))
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, style="red" if cell.startswith("dead") else "") for cell in row))
    out = console()
    # rich itself would end the program where the reader of a pipe has left.
    with out.capture() as capture:
        if title:
            out.print(title, style="bold")
        out.print(table)
    # rich fills lines up with blanks, which would wrap where somebody narrows the window.
    sys.stdout.write("".join(line.rstrip() + "\n" for line in capture.get().splitlines()))


def _padded(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str) -> Iterator[str]:
    """The lines of a table for a pipe. A cell may have several."""
    if title:
        yield title
    cells = [[cell.split("\n") for cell in row] for row in (columns, *rows)]
    widths = [max(len(line) for row in cells for line in row[i]) for i in range(len(columns))]
    for row in cells:
        for number in range(max(map(len, row))):
            texts = [lines[number] if number < len(lines) else "" for lines in row]
            padded = (text.ljust(wide) for text, wide in zip(texts, widths, strict=True))
            yield "  ".join(padded).rstrip()


def print_folded(text: str) -> None:
    """Print a paragraph, folded between words where the terminal ends."""
    fold = textwrap.TextWrapper(
        width(), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    print(fold.fill(text))


def print_json(value: Any) -> None:
    """Print a value (msgspec structs too) as indented JSON."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """Tell the person something beside the output proper: on stderr."""
    print(f"netarium: {text}", file=sys.stderr)


def counted(number: int, noun: str) -> str:
    """A number and its noun, which takes an s in the plural."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def size(count: int | None) -> str:
    """Bytes as a person reads them (binary units); a dash for None."""
    if count is None:
        return "-"
    if count < 1 << 20:
        return f"{count / 1024:.0f} kB"
    if count < 10 << 20:
        return f"{count / (1 << 20):.1f} MB"
    return f"{count / (1 << 20):.0f} MB"
