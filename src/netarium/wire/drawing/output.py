"""From SVG to the bytes of a picture: SVG, PDF or PNG, set with fonts that need no machine.

To disk goes a picture with ``netarium.capture.pictures.save``: this room does no I/O.
"""

from __future__ import annotations

from netarium.errors import UsageError

__all__ = ["FORMATS", "picture_format", "render"]

#: The formats there are, which are the suffixes of their files.
FORMATS = ("svg", "pdf", "png")

#: Pixels of a PNG for each unit of the drawing: a slide and a dense screen want two.
_SHARPNESS = 2

_PAGE = b"""\
#set page(width: auto, height: auto, margin: 0pt)
#set document(date: none)
#image("drawing.svg")
"""

#: Behind these code points the fonts within typst have no letters; it may ask the machine's.
_COVERED = 0x0590


def picture_format(name: str) -> str:
    """The format that a file name asks for by its suffix; UsageError where it is another."""
    suffix = name.rpartition("/")[2].rpartition(".")[2].lower() if "." in name else ""
    if suffix not in FORMATS:
        raise UsageError(
            f"{name!r} is no name of a picture",
            "End it in .svg, .pdf or .png.",
        )
    return suffix


def render(svg: str, format: str) -> bytes:
    """A drawing as a file's bytes. The same drawing gives the same bytes.

    Args:
        svg: the drawing.
        format: ``svg``, ``pdf`` or ``png``; a PNG has two pixels for each unit of the drawing.
    """
    if format == "svg":
        return svg.encode()
    if format not in FORMATS:
        raise UsageError(f"{format!r} is no format of a picture", f"Use {', '.join(FORMATS)}.")
    import typst

    fonts = typst.Fonts(include_system_fonts=_needs_more_letters(svg))
    compiler = typst.Compiler(
        {"main": _PAGE, "drawing.svg": svg.encode()},  # type: ignore[type-var]
        font_paths=fonts,
    )
    # A unit of SVG is a 96th of an inch.
    made = compiler.compile(format=format, ppi=96.0 * _SHARPNESS)  # type: ignore[arg-type]
    assert isinstance(made, bytes)  # one page
    return made


def _needs_more_letters(svg: str) -> bool:
    return any(_COVERED <= ord(letter) < 0x2000 or ord(letter) >= 0x2E80 for letter in svg)
