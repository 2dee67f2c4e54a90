"""What TCP and UDP have in common: ports, by which the application within is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from netarium.wire.context import REGISTRIES, Context
from netarium.wire.header import Header, Payload

__all__ = ["WithPorts", "port_of"]

_Application = Callable[[str, int, int, bytes], type[Header] | None]
_loaded: list[_Application] = []


class WithPorts(Header):
    """Base of headers that begin with a source and a destination port."""

    #: The registry of well-known ports.
    registry: ClassVar[str] = ""

    def next_header(self) -> type[Header] | None:
        data, at = self.data, self.start
        sport, dport = data[at] << 8 | data[at + 1], data[at + 2] << 8 | data[at + 3]
        payload = data[self.end_of_header() : self.payload_end()]
        application = _loaded[0] if _loaded else _load()
        return application(self.registry, sport, dport, payload)


def _load() -> _Application:
    from netarium.wire.applications.guessing import application

    _loaded.append(application)
    return application


def port_of(registry: str) -> Callable[[Context], int]:
    """For ``default``: the port of what is inside, unless the source port is one of its own."""

    def default(context: Context) -> int:
        upper, known = context.upper, REGISTRIES.get(registry, {})
        sport = context.values.get("sport", -1)
        if upper is None or isinstance(upper, known.get(sport, Payload)):
            return 0
        return upper.numbers.get(registry, 0)

    return default
