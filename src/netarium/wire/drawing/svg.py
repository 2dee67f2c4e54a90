"""A canvas: shapes and letters put down in order, written as SVG that is the same every time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from html import escape

from netarium.wire.drawing.lettering import MONO, SERIF, STRONG, Font, clean, width
from netarium.wire.drawing.style import INK, PAPER

__all__ = ["Canvas", "Words"]


@dataclass(frozen=True, slots=True)
class Words:
    """A text and how it looks."""

    text: str
    size: float
    font: Font = SERIF
    fill: str = INK

    @property
    def wide(self) -> float:
        """How wide it is."""
        return width(self.text, self.size, self.font)


class Canvas:
    """Where a drawing is made; y grows downwards, as in SVG.

    Attributes:
        width, height: its size; may be set until ``svg`` is called.
    """

    def __init__(self, width: float, height: float = 0) -> None:
        self.width = width
        self.height = height
        self._lines: list[str] = []

    def rectangle(
        self,
        x: float,
        y: float,
        wide: float,
        high: float,
        *,
        fill: str = "none",
        stroke: str = "",
        thick: float = 1,
        round: float = 0,
        dashed: str = "",
        opacity: float = 1,
    ) -> None:
        """Put a rectangle down."""
        words = f'x="{_n(x)}" y="{_n(y)}" width="{_n(wide)}" height="{_n(high)}"'
        if round:
            words += f' rx="{_n(round)}"'
        self._shape("rect", words, fill, stroke, thick, dashed, opacity)

    def path(
        self,
        *steps: str | float,
        fill: str = "none",
        stroke: str = "",
        thick: float = 1,
        dashed: str = "",
        opacity: float = 1,
    ) -> None:
        """Put a path down: letters and numbers as in SVG's ``d``."""
        way = " ".join(step if isinstance(step, str) else _n(step) for step in steps)
        self._shape("path", f'd="{way}"', fill, stroke, thick, dashed, opacity)

    def line(
        self,
        x0: float,
        y0: float,
        x1: float,
        y1: float,
        stroke: str,
        *,
        thick: float = 1,
        dashed: str = "",
        opacity: float = 1,
    ) -> None:
        """Put a straight line down."""
        self.path(
            "M", x0, y0, "L", x1, y1, stroke=stroke, thick=thick, dashed=dashed, opacity=opacity
        )

    def circle(self, x: float, y: float, radius: float, fill: str) -> None:
        """Put a filled circle down."""
        self._shape("circle", f'cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}"', fill, "", 1, "", 1)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        *,
        font: Font = SERIF,
        fill: str = INK,
        anchor: str = "start",
        slope: float = 0,
        halo: bool = False,
    ) -> None:
        """Put a line of text down; ``y`` is its base line, ``x`` what ``anchor`` says.

        Its length is written down too, so that a machine without the font keeps to the room.

        Args:
            x: where its start, middle or end is.
            y: its base line.
            text: any text; what a line cannot hold is replaced.
            size: of the letters.
            font: which letters.
            fill: their colour.
            anchor: ``start``, ``middle`` or ``end``.
            slope: degrees by which it falls to the right.
            halo: with paper around it, where it may lie on lines.
        """
        self.runs(x, y, [Words(text, size, font, fill)], anchor=anchor, slope=slope, halo=halo)

    def runs(
        self,
        x: float,
        y: float,
        runs: Sequence[Words],
        *,
        gap: float = 0,
        anchor: str = "start",
        slope: float = 0,
        halo: bool = False,
    ) -> None:
        """Put words of several kinds down, one behind the other, ``gap`` apart.

        They stay so whatever fonts a viewer has. Arguments as ``text`` has them.
        """
        said = [replace(words, text=clean(words.text)) for words in runs if words.text.strip()]
        if not said:
            return
        wide = sum(words.wide for words in said) + gap * (len(said) - 1)
        shared = f'x="{_n(x)}" y="{_n(y)}"'
        if anchor != "start":
            shared += f' text-anchor="{anchor}"'
        if len(said) > 1 or len(said[0].text) > 1:
            shared += f' textLength="{_n(wide)}" lengthAdjust="spacingAndGlyphs"'
        if halo:
            shared += f' stroke="{PAPER}" stroke-width="3.5" paint-order="stroke"'
        if slope:
            shared += f' transform="rotate({_n(slope)} {_n(x)} {_n(y)})"'
        if len(said) == 1:
            self._lines.append(f"<text {_look(said[0])} {shared}>{_escaped(said[0].text)}</text>")
            return
        spans = ""
        for words in said:
            apart = f' dx="{_n(gap)}"' if spans and gap else ""
            spans += f"<tspan {_look(words)}{apart}>{_escaped(words.text)}</tspan>"
        self._lines.append(f"<text {shared}>{spans}</text>")

    @contextmanager
    def group(self, title: str = "", name: str = "") -> Iterator[None]:
        """What is put down within belongs together; the title is what a mouse is told."""
        self._lines.append(f'<g class="{escape(name)}">' if name else "<g>")
        if title:
            self._lines.append(f"<title>{_escaped(clean(title))}</title>")
        yield
        self._lines.append("</g>")

    def svg(self, title: str, description: str = "") -> str:
        """The whole drawing; title and description are for those who cannot see it."""
        fonts = "".join(
            f".{font.name}{{font-family:{font.families};font-weight:{font.weight}}}"
            for font in (SERIF, STRONG, MONO)
        )
        wide, high = _n(self.width), _n(self.height)
        head = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}"'
            f' viewBox="0 0 {wide} {high}" role="img">',
            f"<title>{_escaped(clean(title))}</title>",
        ]
        if description:
            head.append(f"<desc>{_escaped(clean(description))}</desc>")
        head.append(f"<style>{fonts}text{{white-space:pre}}{_HOVER}</style>")
        head.append(f'<rect width="{wide}" height="{high}" fill="{PAPER}"/>')
        return "\n".join([*head, *self._lines, "</svg>", ""])

    def _shape(
        self,
        kind: str,
        words: str,
        fill: str,
        stroke: str,
        thick: float,
        dashed: str,
        opacity: float,
    ) -> None:
        words += f' fill="{fill}"'
        if stroke:
            words += f' stroke="{stroke}"'
            if thick != 1:
                words += f' stroke-width="{_n(thick)}"'
            if dashed:
                words += f' stroke-dasharray="{dashed}"'
        if opacity != 1:
            words += f' opacity="{_n(opacity)}"'
        self._lines.append(f"<{kind} {words}/>")


#: A field's bytes and its box light up together under the mouse.
_HOVER = ".field:hover rect,.field:hover path{filter:brightness(.86)}"


def _look(words: Words) -> str:
    fill = f' fill="{words.fill}"' if words.fill != INK else ""
    return f'class="{words.font.name}" font-size="{_n(words.size)}"{fill}'


def _escaped(text: str) -> str:
    return escape(text, quote=False)


def _n(number: float) -> str:
    """A number as short as it can be, the same on every machine."""
    out = f"{number:.2f}".rstrip("0").rstrip(".")
    return "0" if out in ("", "-0") else out
