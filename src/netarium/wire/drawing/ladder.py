"""A conversation as a sequence diagram: hosts as lines, packets as arrows, time downwards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from netarium.wire.drawing.conversation import Arrow, Conversation, Run, clock, pause
from netarium.wire.drawing.lettering import MONO, STRONG, fitted, shortened
from netarium.wire.drawing.moments import gaps, moment
from netarium.wire.drawing.style import ALARM, FAINT, INK, LINES, PALE, PAPER, hue_of
from netarium.wire.drawing.svg import Canvas, Words

__all__ = ["draw_ladder"]

_MARGIN = 32
_NUMBERS = 44  # room for the packets' numbers
_TIMES = 150  # for them and the times
_EDGE = 92  # from the outermost hosts to the sides
_PHASES = 120  # room for the phases' names
_HOST = 52  # height of a host's box
_LEAST = 1136  # width of the drawing without margins
_APART = 200  # the least between two hosts
_ROW = 34  # from arrow to arrow
_STEP = 23  # from moment to moment, where arrows fall
_RUN = 46
_PAUSE = 30


@dataclass(slots=True)
class _Moment:
    """A packet leaves or arrives."""

    time: int
    event: int
    arrives: bool


def draw_ladder(conversation: Conversation, *, title: str = "") -> str:
    """Draw a conversation as SVG.

    Times are not to scale; where nothing happened for long, the lines are broken. A packet
    that was seen at both ends is an arrow that falls.
    """
    return _Sheet(conversation, title).draw()


class _Sheet:
    def __init__(self, conversation: Conversation, title: str) -> None:
        self.conversation = conversation
        count = len(conversation.hosts)
        self.right_room = _PHASES if conversation.phases else 0
        lines = max(_LEAST - _TIMES - self.right_room, _APART * (count - 1) + 2 * _EDGE)
        self.canvas = Canvas(2 * _MARGIN + _TIMES + self.right_room + lines)
        left = _MARGIN + _TIMES
        self.apart = (lines - 2 * _EDGE) / (count - 1) if count > 1 else lines
        first = left + (_EDGE if count > 1 else lines / 2)
        self.lines = [first + place * self.apart for place in range(count)]
        self.heading = title or conversation.title or "No packets"
        self.leaves: dict[int, float] = {}
        self.arrives: dict[int, float] = {}

    def draw(self) -> str:
        conversation, canvas = self.conversation, self.canvas
        room = canvas.width - 2 * _MARGIN
        text, size = fitted([self.heading], room, (22, 20, 18), STRONG)
        canvas.text(_MARGIN, 44, text, size, font=STRONG)
        y = 44.0
        if conversation.start:
            y += 22
            canvas.text(_MARGIN, y, f"from {moment(conversation.start)}", 13.5, fill=FAINT)
        top = y + 20
        first = top + _HOST + 40
        breaks, bottom = self.place(first)
        for x in self.lines:
            canvas.line(x, top + _HOST, x, bottom, LINES, thick=1.6)
        unit, _, _ = clock(conversation)
        if conversation.events:
            line = top + _HOST + 16
            right = _MARGIN + _TIMES - 22
            canvas.text(right, line, f"time, {unit}", 11.5, fill=FAINT, anchor="end")
            canvas.text(_MARGIN + _NUMBERS, line, "packet", 11.5, fill=FAINT, anchor="end")
        for where, nanoseconds in breaks:
            self.draw_pause(where, nanoseconds)
        for number, event in enumerate(conversation.events):
            with canvas.group(_story(event), "event"):
                if isinstance(event, Run):
                    self.draw_run(event, self.leaves[number])
                else:
                    self.draw_arrow(event, self.leaves[number], self.arrives.get(number))
            self.draw_time(event, self.leaves[number])
        self.draw_phases()
        self.draw_hosts(top)
        self.draw_hosts(bottom)
        y = bottom + _HOST + 20
        if conversation.more:
            noun = "packet follows" if conversation.more == 1 else "packets follow"
            canvas.text(_MARGIN, y + 8, f"… {conversation.more:,} more {noun}.", 13, fill=FAINT)
            y += 24
        canvas.height = y + 8
        said = "; ".join(_story(event) for event in conversation.events[:200])
        return canvas.svg(self.heading, said)

    def place(self, y: float) -> tuple[list[tuple[float, int]], float]:
        """Give every moment its height; where the pauses are, and where all ends."""
        moments: list[_Moment] = []
        events = self.conversation.events
        for number, event in enumerate(events):
            moments.append(_Moment(event.time, number, False))
            if isinstance(event, Arrow) and event.arrival is not None:
                moments.append(_Moment(max(event.arrival, event.time), number, True))
        moments.sort(key=lambda each: each.time)
        long = gaps([each.time for each in moments])
        breaks: list[tuple[float, int]] = []
        for place, each in enumerate(moments):
            if place:
                last = moments[place - 1]
                y += self.step(last, each)
                if place in long:
                    breaks.append((y - 6, each.time - last.time))
                    y += _PAUSE
            (self.arrives if each.arrives else self.leaves)[each.event] = y
        return breaks, y + 36

    def step(self, last: _Moment, here: _Moment) -> float:
        """How far a moment is below the one before."""
        events = self.conversation.events
        run = isinstance(events[last.event], Run), isinstance(events[here.event], Run)
        if any(run):
            return _RUN
        falls = (last.arrives or here.arrives) or self.falls(here.event)
        return _STEP if falls else _ROW

    def falls(self, number: int) -> bool:
        event = self.conversation.events[number]
        return isinstance(event, Arrow) and event.arrival is not None

    # --- pieces -------------------------------------------------------------------------

    def draw_hosts(self, top: float) -> None:
        """The boxes at the ends of the lines."""
        wide = min(176.0, self.apart - 14)
        for x, host in zip(self.lines, self.conversation.hosts, strict=True):
            self.canvas.rectangle(
                x - wide / 2, top, wide, _HOST, fill=PALE, stroke=FAINT, thick=1.2, round=6
            )
            name, size = fitted([host.name], wide - 12, (15, 14, 13, 12, 11), STRONG)
            two = bool(host.address) and host.address != host.name
            line = top + (22 if two else 31)
            self.canvas.text(x, line, name, size, font=STRONG, anchor="middle")
            if two:
                text, size = fitted([host.address], wide - 10, (11, 10, 9, 8), MONO)
                self.canvas.text(x, top + 40, text, size, font=MONO, fill=FAINT, anchor="middle")

    def draw_time(self, event: Arrow | Run, y: float) -> None:
        _, unit, decimals = clock(self.conversation)
        since = (event.time - self.conversation.start) / unit
        right = _MARGIN + _TIMES - 22
        text = f"{since:,.{decimals}f}"
        self.canvas.text(right, y + 4, text, 11, font=MONO, fill=FAINT, anchor="end")
        self.canvas.line(right + 5, y, right + 11, y, LINES)
        if event.number:
            left = _MARGIN + _NUMBERS
            number = str(event.number)
            self.canvas.text(left, y + 4, number, 11, font=MONO, fill=FAINT, anchor="end")

    def draw_pause(self, y: float, nanoseconds: int) -> None:
        """Lines broken, and how long nothing happened."""
        for x in self.lines:
            self.canvas.rectangle(x - 3, y + 1, 6, 12, fill=PAPER)
            for end in (y + 2, y + 12):
                self.canvas.line(x - 6, end + 3, x + 6, end - 3, FAINT, thick=1.3)
        right = _MARGIN + _TIMES - 22
        text = pause(nanoseconds)
        self.canvas.text(right, y + 11, text, 11.5, fill=FAINT, anchor="end")

    def draw_arrow(self, arrow: Arrow, y0: float, arrives: float | None) -> None:
        hue = hue_of(arrow.kind)
        bad = arrow.again or arrow.lost or arrow.alarm
        ink = ALARM if bad else hue.strong
        x0, x1 = self.lines[arrow.source], self.lines[arrow.target]
        if arrow.source == arrow.target:
            self.draw_loop(arrow, x0, y0, ink)
            return
        y1 = arrives if arrives is not None else y0
        if arrow.lost and arrives is None:
            x1 = x0 + (x1 - x0) * 0.72
            y1 = y0 + _STEP * 0.72
        dashed = "6 4" if arrow.again or arrow.lost else ""
        length = math.hypot(x1 - x0, y1 - y0)
        dx, dy = (x1 - x0) / length, (y1 - y0) / length
        tip = 0 if arrow.lost and arrives is None else 9
        self.canvas.line(x0, y0, x1 - dx * tip, y1 - dy * tip, ink, thick=1.8, dashed=dashed)
        if arrow.lost:
            for way in (-5, 5):
                self.canvas.line(x1 - 5, y1 - way, x1 + 5, y1 + way, ALARM, thick=2.4)
        else:
            self.draw_head(x1, y1, dx, dy, ink)
        self.canvas.circle(x0, y0, 2.6, ink)
        self.write(arrow, x0, y0, x1, y1, ALARM if bad else INK)

    def draw_head(self, x: float, y: float, dx: float, dy: float, ink: str) -> None:
        base_x, base_y = x - 11 * dx, y - 11 * dy
        self.canvas.path(
            "M", x, y, "L", base_x - 4.5 * dy, base_y + 4.5 * dx,
            "L", base_x + 4.5 * dy, base_y - 4.5 * dx, "z", fill=ink,
        )  # fmt: skip

    def draw_loop(self, arrow: Arrow, x: float, y: float, ink: str) -> None:
        """What a host sends to itself."""
        self.canvas.path("M", x, y - 8, "h", 26, "v", 12, "h", -18, stroke=ink, thick=1.8)
        self.draw_head(x, y + 4, -1, 0, ink)
        text = shortened(f"{arrow.label}  {arrow.detail}", self.apart - 50, 12.5)
        self.canvas.text(x + 32, y + 2, text, 12.5)

    def write(self, arrow: Arrow, x0: float, y0: float, x1: float, y1: float, ink: str) -> None:
        """Label and detail above the arrow, along it, from the sender's end."""
        slope = math.degrees(math.atan2(y1 - y0, x1 - x0))
        backwards = x1 < x0
        if backwards:
            slope += 180 if slope < 0 else -180
        room = abs(x1 - x0) - 34
        if abs(arrow.source - arrow.target) > 1:
            room = min(room, self.apart * abs(arrow.source - arrow.target) - 34)
        text, size = fitted([arrow.label], room, (13, 12, 11), STRONG)
        label = Words(text, size, STRONG, ink)
        more = " · ".join(filter(None, (arrow.note, arrow.detail)))
        left = room - label.wide - 10
        rest = shortened(more, left, 11.5) if text == arrow.label else ""
        said = [label, Words(rest, 11.5, fill=FAINT)]
        if rest == more and not slope:
            # All of it fits: in the middle.
            x, anchor = (x0 + x1) / 2, "middle"
        else:
            x, anchor = (x0 - 16, "end") if backwards else (x0 + 16, "start")
        y = y0 + (x - x0) * (y1 - y0) / (x1 - x0) - 5.5
        self.canvas.runs(x, y, said, gap=10, anchor=anchor, slope=slope, halo=True)

    def draw_run(self, run: Run, y: float) -> None:
        """A broad arrow for many packets."""
        x0, x1 = sorted((self.lines[run.source], self.lines[run.target]))
        forth = self.lines[run.target] > self.lines[run.source]
        hue = hue_of("transport")
        high, tip = 13.0, 18.0
        if forth:
            steps: Sequence[str | float] = (
                "M", x0 + 4, y - high, "H", x1 - tip, "L", x1 - 3, y,
                "L", x1 - tip, y + high, "H", x0 + 4, "z",
            )  # fmt: skip
        else:
            steps = (
                "M", x1 - 4, y - high, "H", x0 + tip, "L", x0 + 3, y,
                "L", x0 + tip, y + high, "H", x1 - 4, "z",
            )  # fmt: skip
        self.canvas.path(*steps, fill=hue.first, stroke=hue.strong, thick=1.2)
        text, size = fitted([run.text], x1 - x0 - 2 * tip - 8, (13, 12, 11, 10))
        self.canvas.text((x0 + x1) / 2, y + 4.3, text, size, anchor="middle")

    def draw_phases(self) -> None:
        x = self.canvas.width - _MARGIN - _PHASES + 14
        for phase in self.conversation.phases:
            top = self.leaves[phase.first] - 14
            bottom = max(self.arrives.get(phase.last, 0.0), self.leaves[phase.last]) + 8
            self.canvas.path(
                "M", x - 5, top, "H", x, "V", bottom, "H", x - 5, stroke=FAINT, thick=1.2
            )
            text = shortened(phase.name, _PHASES - 24, 13)
            self.canvas.text(x + 8, (top + bottom) / 2 + 4, text, 13, fill=FAINT)


def _story(event: Arrow | Run) -> str:
    if isinstance(event, Run):
        return event.text
    words = [f"Packet {event.number}: {event.label}" if event.number else event.label]
    words += [event.detail, event.note]
    words += ["retransmission"] * event.again + ["lost"] * event.lost
    return ", ".join(filter(None, words))
