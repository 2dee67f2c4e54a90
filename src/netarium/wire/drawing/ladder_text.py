"""A conversation as text: hosts as columns, a line a packet."""

from __future__ import annotations

from netarium.wire.drawing.conversation import Arrow, Conversation, Run, clock, pause
from netarium.wire.drawing.lettering import clean
from netarium.wire.drawing.moments import gaps, moment

__all__ = ["ladder_text"]

#: Characters before the first host's line: the packet's number, the time.
_LEFT = 20
#: From host to host: of two, of few, of many.
_APART = ((2, 28), (3, 20), (7, 17))
_CLOSE = 12


def ladder_text(conversation: Conversation, *, title: str = "", columns: int = 0) -> str:
    """A conversation as text.

    Args:
        conversation: what was said.
        title: the heading; default: who talks with whom.
        columns: where a line is cut; 0: nowhere.
    """
    apart = next((wide for most, wide in _APART if len(conversation.hosts) <= most), _CLOSE)
    count = len(conversation.hosts)
    end = _LEFT + apart * max(0, count - 1) + 1
    heading = clean(title or conversation.title or "No packets")
    if conversation.start:
        heading += f", from {moment(conversation.start)}"
    lines = [heading]
    if conversation.events:
        unit, _, _ = clock(conversation)
        names = [clean(host.name) for host in conversation.hosts]
        addresses = [
            clean(host.address) if host.address != host.name else "" for host in conversation.hosts
        ]
        lines += ["", _row(f"{'packet':>6} {'time, ' + unit:>11} ", names, apart)]
        if any(addresses):
            lines.append(_row("", addresses, apart))
    long = gaps([event.time for event in conversation.events])
    for place, event in enumerate(conversation.events):
        if place in long:
            since = event.time - conversation.events[place - 1].time
            lines.append(f"{pause(since):>18}  " + ("⋮" + " " * (apart - 1)) * count)
        lines.append(_line(conversation, event, apart).ljust(end) + f"  {_words(event)}")
    if conversation.more:
        noun = "packet follows" if conversation.more == 1 else "packets follow"
        lines.append(f"{'':{_LEFT}}… {conversation.more:,} more {noun}")
    lines = [line.rstrip() for line in lines]
    if columns:
        lines = [line if len(line) <= columns else line[: columns - 1] + "…" for line in lines]
    return "\n".join(lines) + "\n"


def _row(before: str, names: list[str], apart: int) -> str:
    """Names above their lines: the first and the last reach inwards."""
    line = before.ljust(_LEFT)
    for place, name in enumerate(names):
        room = apart - 2
        name = name if len(name) <= room else name[: room - 1] + "…"
        at = _LEFT + place * apart
        last = place == len(names) - 1 and place > 0
        start = at - len(name) + 1 if last and len(names) == 2 else at
        line = line.ljust(start) + name
    return line


def _line(conversation: Conversation, event: Arrow | Run, apart: int) -> str:
    _, unit, decimals = clock(conversation)
    since = (event.time - conversation.start) / unit
    number = str(event.number) if event.number else ""
    line = list("│".ljust(apart) * len(conversation.hosts))
    first, last = sorted((event.source, event.target))
    start, end = first * apart + 1, last * apart
    forth = event.target > event.source
    stroke = "─"
    if isinstance(event, Run):
        stroke = "═"
    elif event.again or event.lost:
        stroke = "╌"
    for place in range(start, end):
        line[place] = stroke
    if first == last:
        line[start : start + 3] = "──┐" if apart > 4 else "┐"
    elif isinstance(event, Arrow) and event.lost:
        cross = start + (end - start) * (3 if forth else 1) // 4
        if event.arrival is not None:  # it came to somebody, and no further
            cross = end - 1 if forth else start
        line[cross] = "✗"
        for place in range(cross + 1, end) if forth else range(start, cross):
            line[place] = " "
    elif forth:
        line[end - 1] = ">"
    else:
        line[start] = "<"
    return f"{number:>6} {since:>11,.{decimals}f}  " + "".join(line).rstrip()


def _words(event: Arrow | Run) -> str:
    if isinstance(event, Run):
        return event.text
    words = event.label
    marks = [event.note] * bool(event.note)
    if event.detail:
        words += f"  {event.detail}"
    return clean(words + (f"  ({'; '.join(marks)})" if marks else ""))
