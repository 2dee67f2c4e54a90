"""From SVG to the bytes of a picture: SVG, PDF or PNG, set with fonts that need no machine.

To disk goes a picture with ``netarium.capture.pictures.save``: this room does no I/O.
"""

from __future__ import annotations

import re

from netarium.errors import UsageError

__all__ = ["FORMATS", "picture_format", "render"]

#: The formats there are, which are the suffixes of their files.
FORMATS = ("svg", "pdf", "png")

#: Pixels of a PNG for each unit of the drawing: a slide and a dense screen want two; less
#: than half a pixel nobody can read. No more pixels than these from top to bottom: programs
#: that show pictures give up.
_SHARPNESS = 2.0
_LEAST_SHARPNESS = 0.5
_TALLEST = 16_000

#: A page of PDF has no more than 14,400 points (ISO 32000-1, annex C.2).
_PAGE = b"""\
#set page(width: auto, height: auto, margin: 0pt)
#set document(date: none)
#context {
  let drawing = image("drawing.svg")
  let high = measure(drawing).height
  if high > 14400pt { image("drawing.svg", height: 14400pt) } else { drawing }
}
"""

#: Behind these code points the fonts within typst have no letters; it may ask the machine's.
_COVERED = 0x0590


def picture_format(name: str) -> str:
    """The format that a file name asks for by its suffix; UsageError where it is another."""
    suffix = name.rpartition("/")[2].rpartition(".")[2].lower() if "." in name else ""
    if suffix not in FORMATS:
        raise UsageError(
            f"{name!r} is no name of a picture",
            "end it in .svg, .pdf or .png",
        )
    return suffix


def render(svg: str, format: str) -> bytes:
    """A drawing as a file's bytes. The same drawing gives the same bytes.

    Args:
        svg: the drawing.
        format: ``svg``, ``pdf`` or ``png``; a PNG has two pixels for each unit of the drawing,
            fewer if it is very high.

    Raises:
        UsageError: there is no such format, or the drawing is too high for a PNG.
    """
    if format == "svg":
        return svg.encode()
    if format not in FORMATS:
        raise UsageError(f"{format!r} is no format of a picture", f"use {', '.join(FORMATS)}")
    sharpness = _SHARPNESS
    if format == "png":
        sharpness = min(_SHARPNESS, _TALLEST / _height(svg))
        if sharpness < _LEAST_SHARPNESS:
            raise UsageError(
                "the drawing is too high for a PNG",
                "draw less, or save it as .svg or .pdf",
            )
    import typst

    fonts = typst.Fonts(include_system_fonts=_needs_more_letters(svg))
    compiler = typst.Compiler(
        {"main": _PAGE, "drawing.svg": svg.encode()},  # type: ignore[type-var]
        font_paths=fonts,
    )
    # A unit of SVG is a 96th of an inch.
    made = compiler.compile(format=format, ppi=96.0 * sharpness)  # type: ignore[arg-type]
    assert isinstance(made, bytes)  # one page
    return made


def _height(svg: str) -> float:
    """The height that a drawing says it has."""
    found = re.search(r'<svg[^>]* height="([\d.]+)', svg)
    return max(1.0, float(found[1])) if found else 1.0


def _needs_more_letters(svg: str) -> bool:
    return any(_COVERED <= ord(letter) < 0x2000 or ord(letter) >= 0x2E80 for letter in svg)
