"""What stands where in an SVG, measured from the file itself, for tests of drawings."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Text:
    """A text and the corners of its box, as complex numbers, clockwise."""

    text: str
    corners: tuple[complex, ...]


@dataclass(frozen=True)
class Picture:
    """A drawing, parsed."""

    root: ElementTree.Element
    width: float
    height: float
    texts: list[Text]
    titles: list[str]

    def said(self):
        """All texts in one string."""
        return "\n".join(text.text for text in self.texts)


def parsed(svg):
    """Parse a drawing; fails where it is not well-formed XML."""
    root = ElementTree.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    return Picture(
        root,
        float(root.get("width")),
        float(root.get("height")),
        [_text(element) for element in root.iter(f"{SVG}text")],
        [element.text or "" for element in root.iter(f"{SVG}title")],
    )


def _text(element):
    place = complex(float(element.get("x")), float(element.get("y")))
    sizes = [float(each.get("font-size", 0)) for each in element.iter()]
    size = max(sizes)
    wide = float(element.get("textLength", size * 0.6))
    left = {"start": 0, "middle": -wide / 2, "end": -wide}[element.get("text-anchor", "start")]
    slope = re.match(r"rotate\((-?[\d.]+) ", element.get("transform", ""))
    angle = math.radians(float(slope[1])) if slope else 0
    turn = complex(math.cos(angle), math.sin(angle))
    top, bottom = -0.70 * size, 0.18 * size
    corners = ((left, top), (left + wide, top), (left + wide, bottom), (left, bottom))
    return Text(
        "".join(element.itertext()), tuple(place + complex(*corner) * turn for corner in corners)
    )


def troubles(svg):
    """Texts that lie on each other, or that reach beyond the paper."""
    picture = parsed(svg)
    found = []
    texts = sorted(picture.texts, key=lambda text: _span(text)[0])
    for number, one in enumerate(texts):
        for corner in one.corners:
            if not (0 <= corner.real <= picture.width and 0 <= corner.imag <= picture.height):
                found.append((one.text, "beyond the paper"))
                break
        for other in texts[number + 1 :]:
            if _span(other)[0] > _span(one)[1]:
                break
            if overlap(one, other):
                found.append((one.text, other.text))
    return found


def _span(text):
    """From which height to which it reaches."""
    heights = [corner.imag for corner in text.corners]
    return min(heights), max(heights)


def overlap(one, other):
    """Whether two boxes have more than half a unit in common in every direction."""
    for corners in (one.corners, other.corners):
        for place in range(4):
            edge = corners[(place + 1) % 4] - corners[place]
            across = complex(-edge.imag, edge.real) / abs(edge)
            mine = [(corner * across.conjugate()).real for corner in one.corners]
            yours = [(corner * across.conjugate()).real for corner in other.corners]
            if max(mine) <= min(yours) + 0.5 or max(yours) <= min(mine) + 0.5:
                return False
    return True
