"""Plots of throughput: round numbers on the axes, and nothing outside of the picture."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from netarium.wire.drawing.output import render
from netarium.wire.drawing.plot import amount, draw_throughput, rate, span_text, ticks
from netarium.wire.drawing.plot_text import plot_text


@pytest.mark.parametrize(
    ("most", "marks"),
    [
        (0, [0, 1]),
        (10, [0, 2, 4, 6, 8, 10]),
        (0.37, [0, 0.1, 0.2, 0.3, 0.4]),
        (7.1e6, [0, 2e6, 4e6, 6e6, 8e6]),
    ],
)
def test_ticks_are_round_and_reach_the_top(most, marks):
    assert ticks(most, 5) == pytest.approx(marks)


def test_amounts():
    assert [amount(count) for count in (0, 999, 1234, 99_960, 12_345_678)] == [
        "0 B",
        "999 B",
        "1.23 kB",
        "100 kB",
        "12.3 MB",
    ]
    assert rate(2_270_000) == "2.27 Mbit/s"
    assert [span_text(s) for s in (0, 0.25, 1.5, 150, 4500, 2e-6)] == [
        "0 s",
        "250 ms",
        "1.5 s",
        "2:30 min",
        "1:15 h",
        "2 µs",
    ]


def _picture(series, span=10**9):
    return draw_throughput(series, span, 1_700_000_000_000_000_000, "Throughput of <x>", "about")


def test_the_picture_holds_what_it_shows():
    svg = _picture({"HTTP": [100, 0, 300], "DNS & co": [1, 2, 3]})
    root = ElementTree.fromstring(svg)
    wide, high = float(root.get("width")), float(root.get("height"))
    texts = ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "Throughput of <x>" in texts
    assert any("HTTP" in text for text in texts)
    assert any("2023-11-14 22:13:20" in text for text in texts)
    for path in root.iter("{http://www.w3.org/2000/svg}path"):
        numbers = [float(each) for each in re.findall(r"-?\d+\.?\d*", path.get("d"))]
        assert all(0 <= x <= wide for x in numbers[::2])
        assert all(0 <= y <= high for y in numbers[1::2])
    assert svg == _picture({"HTTP": [100, 0, 300], "DNS & co": [1, 2, 3]})


def test_areas_lie_one_upon_another():
    svg = _picture({"a": [100], "b": [300]})
    lower, upper = re.findall(r'<title>[ab]: .*?</title>\n<path d="([^"]*)"', svg)
    tops = [[float(y) for y in re.findall(r"L [\d.]+ ([\d.]+)", area)] for area in (lower, upper)]
    assert tops[0][0] == tops[1][-1]  # where a ends, b begins
    assert (tops[1][-1] - tops[1][0]) / (tops[0][-1] - tops[0][0]) == pytest.approx(3, rel=0.01)


@pytest.mark.parametrize("series", [{}, {"a": []}, {"a": [0, 0]}, {"a": [5]}])
def test_little_or_nothing(series):
    assert render(_picture(series), "svg")
    assert plot_text([8.0 * sum(v) for v in series.values()], 1.0)


def test_text():
    drawn = plot_text([0, 50, 100], 3, wide=44, high=4)
    lines = drawn.splitlines()
    assert lines == [
        "100 bit/s ┤                      ███████████",
        "          │                      ███████████",
        " 50 bit/s ┤           ██████████████████████",
        "          │           ██████████████████████",
        "        0 └─────────────────────────────────",
        "           0 s                   2 s",
    ]
    assert all(len(line) <= 44 for line in lines)
    assert plot_text([0, 50, 100], 3, wide=44, high=4, plain=True).isascii()
