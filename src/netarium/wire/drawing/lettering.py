"""Letters in pictures: which fonts, how wide a text is, and what of it fits into a room."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "MONO",
    "SERIF",
    "STRONG",
    "Font",
    "clean",
    "fitted",
    "shortened",
    "shorter",
    "width",
    "wrapped",
]

# Advance widths of Libertinus Serif from U+0020 to U+007E, thousandths of the size.
_REGULAR = """\
250 288 336 465 465 637 705 190 298 298 369 550 220 338 220 323 465 465 465 465 465 465 465 465
465 465 236 236 550 550 550 435 895 695 588 646 701 557 485 685 730 297 322 637 528 839 699 702
541 702 587 485 597 661 652 951 660 575 604 356 287 356 518 486 392 457 493 428 506 447 310 500
538 271 272 512 264 790 542 504 519 503 372 390 316 531 497 747 490 515 424 277 205 277 449"""
_SEMIBOLD = """\
250 244 366 463 438 637 729 215 315 315 433 537 244 358 244 316 490 490 490 490 490 490 490 490
490 490 219 219 512 551 512 430 988 699 620 666 718 562 513 727 723 319 380 660 538 853 710 730
550 730 609 475 597 678 636 998 708 617 624 375 307 375 518 486 392 476 505 435 527 461 336 508
550 286 289 523 289 801 563 519 523 518 401 401 331 550 527 778 521 533 432 306 220 306 473"""
_OTHERS = {
    "·": 301, "—": 742, "…": 749, "→": 1154, "←": 1154, "✓": 833, "✗": 603, "µ": 529, "≤": 527,
    "≥": 527, "§": 473, "“": 375, "”": 375, "•": 351,
}  # fmt: skip
#: Letters that the tables do not know: as wide as a capital.
_UNKNOWN = 700


def _table(figures: str) -> dict[str, int]:
    return {chr(32 + place): int(wide) for place, wide in enumerate(figures.split())} | _OTHERS


@dataclass(frozen=True)
class Font:
    """A font: the families to try in order, weight, and the widths of its letters.

    The first family is within typst, so that PDF and PNG look the same on every machine;
    the others are as wide, for browsers that do not have it.
    """

    name: str
    families: str
    weight: int
    widths: dict[str, int]
    otherwise: int


_SERIFS = (
    "'Libertinus Serif', 'Linux Libertine O', 'Times New Roman', Tinos, 'Liberation Serif', "
    "'Nimbus Roman', FreeSerif, serif"
)
SERIF = Font("s", _SERIFS, 400, _table(_REGULAR), _UNKNOWN)
STRONG = Font("b", _SERIFS, 600, _table(_SEMIBOLD), _UNKNOWN)
MONO = Font("m", "'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace", 400, {}, 602)


def width(text: str, size: float, font: Font = SERIF) -> float:
    """How wide a line is, in the unit of ``size``; kerning aside."""
    total = 0
    for letter in text:
        if letter in font.widths:
            total += font.widths[letter]
        elif unicodedata.combining(letter):
            continue
        elif unicodedata.east_asian_width(letter) in "WF":
            total += 1000
        else:
            total += font.otherwise
    return total * size / 1000


def clean(text: str) -> str:
    """A text without what breaks a line, a drawing or the reading direction."""
    return "".join(
        letter if letter == " " or unicodedata.category(letter)[0] not in "CZ" else _shown(letter)
        for letter in text
    )


def _shown(letter: str) -> str:
    if letter in "\t\n\r\u00a0" or unicodedata.category(letter)[0] == "Z":
        return " "
    return "·"


def shortened(text: str, room: float, size: float, font: Font = SERIF) -> str:
    """As much of the text as fits, with an ellipsis where that is not all; empty if nothing."""
    if width(text, size, font) <= room:
        return text
    left = room - width("…", size, font)
    kept = 0.0
    for place, letter in enumerate(text):
        kept += width(letter, size, font)
        if kept > left:
            return text[:place].rstrip() + "…" if place > 1 else ""
    return text


def shorter(text: str) -> list[str]:
    """A value in full, its name alone, its number alone: ``6 (TCP)``, ``TCP``, ``6``."""
    if not text.endswith(")") or " (" not in text:
        return [text]
    number, _, name = text[:-1].partition(" (")
    return [text, name, number]


def fitted(
    candidates: Iterable[str], room: float, sizes: Iterable[float], font: Font = SERIF
) -> tuple[str, float]:
    """The first candidate that fits, at the largest size it does; else the last, shortened.

    Candidates are in order of preference; ``sizes`` from large to small.
    """
    steps = list(sizes)
    last = ""
    for last in candidates:
        for size in steps:
            if width(last, size, font) <= room:
                return last, size
    return shortened(last, room, steps[-1], font), steps[-1]


def wrapped(text: str, room: float, size: float, lines: int, font: Font = SERIF) -> list[str]:
    """The text on at most so many lines, broken at blanks where there are any."""
    out: list[str] = []
    rest = text
    while rest and len(out) < lines - 1:
        if width(rest, size, font) <= room:
            break
        cut, total = 0, 0.0
        for cut, letter in enumerate(rest):  # noqa: B007 - where it ended is what is wanted
            total += width(letter, size, font)
            if total > room:
                break
        blank = rest.rfind(" ", cut // 2, cut + 1)
        cut = max(1, blank if blank > 0 else cut)
        out.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    if rest:
        out.append(shortened(rest, room, size, font))
    return out
