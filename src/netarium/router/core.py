"""The router: frames and a time in, frames and timers out. No socket, no clock, no thread."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from netarium.errors import NetariumError
from netarium.router import layout
from netarium.router.interface import RouterInterface
from netarium.router.limits import ErrorLimit
from netarium.router.link import Link
from netarium.router.local import Local
from netarium.router.nat import NAT
from netarium.router.nat_settings import NATSettings
from netarium.router.packets import Arrival
from netarium.router.reasons import EXPLANATIONS, Reason
from netarium.router.routes import Route, RouteTable
from netarium.router.sending import Sending
from netarium.router.slow_path import SlowPath
from netarium.router.tables import Out, Sent, Tables
from netarium.router.timers import Timers

if TYPE_CHECKING:
    from netarium.wire.batch import Batch

__all__ = ["Router"]

#: What ends without anybody being told, and needs no look at the frame.
_SILENT = frozenset(
    {
        Reason.OTHER_STATION,
        Reason.CUT_SHORT,
        Reason.OTHER_PROTOCOL,
        Reason.BAD_HEADER,
        Reason.BAD_CHECKSUM,
        Reason.BAD_LENGTH,
        Reason.MARTIAN_SOURCE,
        Reason.MARTIAN_DESTINATION,
        Reason.BLACKHOLE,
        Reason.REVERSE_PATH,
        Reason.FORWARDING_OFF,
        Reason.LINK_BROADCAST,
        Reason.INTERFACE_DOWN,
        Reason.NAT_FILTERED,
    }
)


class Router:
    """An IPv4 and IPv6 router.

    Whoever runs it hands it each frame that comes in, calls `tick` when `next_timer` says so,
    and sends what it gives back. Times are seconds of any clock that does not go backwards.

    Args:
        interfaces: where frames come and go; their order gives their indices.
        routes: beside those that follow from the interfaces' addresses.
        nat: translate towards one interface; None: do not.
        fast: compile the path. Without, it is interpreted: the same, at 15 us a frame.
        answers: whether it answers ARP, ping and the like for its addresses; False where the
            kernel beside it does.
        limit: how many error messages it sends; None: as many as Linux.

    Raises:
        NetariumError: an address, a route or the NAT contradicts the rest.
    """

    def __init__(
        self,
        interfaces: Sequence[RouterInterface],
        routes: Iterable[Route] = (),
        nat: NATSettings | None = None,
        *,
        fast: bool = False,
        answers: bool = True,
        limit: ErrorLimit | None = None,
    ) -> None:
        self.interfaces = list(interfaces)
        self.names = [interface.name for interface in self.interfaces]
        twice = {name for name in self.names if self.names.count(name) > 1}
        if twice:
            raise NetariumError(
                f"Two interfaces are called {', '.join(sorted(twice))}", "Give each its own name."
            )
        self.timers = Timers()
        self._sending = Sending(lambda: self.tables, self.timers, limit or ErrorLimit())
        self.neighbours = self._sending.neighbours
        table = RouteTable(self.interfaces, routes)
        self.tables = Tables(self.interfaces, table, self.neighbours.table, fast=fast)
        self.nat = NAT(nat, self._sending, self.tables) if nat else None
        self.link = Link(self._sending, answers=answers)
        self._local = Local(self._sending, self.link, answers=answers)
        self._slow = SlowPath(self._sending, self.link, self._local, self.nat)
        self._sending.given_up = self._given_up
        for index in range(len(self.interfaces)):
            self._greet(index)

    # --- frames and time --------------------------------------------------------------------

    def frames(self, batch: Batch, now: float) -> Sent:
        """Take a batch of frames; ``batch.interface`` holds indices of the router's interfaces.

        Gives what is to be sent, in order, from a buffer that the next call reuses. Frames of
        timers that were due are among them.
        """
        self._begin(now)
        tables, first = self.tables, 0
        while first < batch.count:
            first = tables.take(batch, first)
            if first == batch.count:
                break
            reason = Reason(tables.p[layout.P_REASON])
            interface, length = batch.interface[first], batch.captured[first]
            if reason not in _SILENT:
                tables.number = first
                reason = self._slow.treat(
                    reason,
                    Arrival(
                        bytes(batch.frame(first)),
                        interface,
                        batch.flags[first],
                        batch.segment[first],
                    ),
                )
                tables.note(first, reason)
            if reason:
                tables.count(interface, reason, length)
            first += 1
        tables.number = -1
        return tables.finish()

    def frame(
        self, data: bytes, interface: int, now: float, *, flags: int = 0, segment: int = 0
    ) -> list[Out]:
        """Take one frame; gives what is to be sent."""
        return list(self.frames(_batch(data, interface, flags, segment), now))

    def why(
        self, data: bytes, interface: int, now: float, *, flags: int = 0, segment: int = 0
    ) -> tuple[Reason, list[Out]]:
        """Take one frame; gives what became of it, and what is to be sent."""
        sent = self.frames(_batch(data, interface, flags, segment), now)
        return Reason(sent.verdicts[0]), list(sent)

    def tick(self, now: float) -> list[Out]:
        """Do what is due by now; gives what is to be sent."""
        self._begin(now)
        return list(self.tables.finish())

    def next_timer(self) -> float | None:
        """When `tick` is to be called next; None: nothing waits for a time."""
        return self.timers.next()

    # --- changes while packets pass ---------------------------------------------------------

    def set_routes(self, routes: Iterable[Route] | RouteTable) -> None:
        """Replace all routes at once. No packet is lost: the old ones serve until the new do.

        A table of very many may be made beforehand, in another thread:
        ``RouteTable(router.interfaces, routes)``.
        """
        table = routes if isinstance(routes, RouteTable) else RouteTable(self.interfaces, routes)
        self.tables.routes = table

    def add_route(self, route: Route) -> None:
        """Add one route."""
        self.tables.routes.add(route)

    def remove_route(self, route: Route) -> None:
        """Take one route away; NetariumError where there is none like it."""
        self.tables.routes.remove(route)

    def set_up(self, interface: int, up: bool) -> None:
        """An interface went up or down: its routes and neighbours come and go with it."""
        self.interfaces[interface].up = up
        self._refresh(interface)
        self.tables.routes = RouteTable(self.interfaces, self.tables.routes.static)
        if up:
            self._greet(interface)
        else:
            self.neighbours.forget_all(interface)

    def set_mtu(self, interface: int, mtu: int) -> None:
        """The longest packet that a link takes has changed."""
        self.interfaces[interface].mtu = mtu
        self._refresh(interface)

    # --- looking at it ----------------------------------------------------------------------

    def show(self, what: str) -> list[dict[str, Any]]:
        """Its state as data: ``routes``, ``neighbours``, ``counters``, ``nat``, ``interfaces``."""
        views = {
            "routes": self.tables.routes.show,
            "neighbours": lambda: self.neighbours.show(self.names),
            "counters": self._counters,
            "nat": lambda: self.nat.show() if self.nat else [],
            "interfaces": self._interfaces,
        }
        if what not in views:
            raise NetariumError(
                f"A router has no {what!r} to show", f"Use one of: {', '.join(views)}."
            )
        return views[what]()

    def _counters(self) -> list[dict[str, Any]]:
        rows = []
        for index, name in enumerate(self.names):
            at = index * layout.COUNTERS
            counters = self.tables.counters[at : at + layout.COUNTERS]
            rows.append(
                {
                    "interface": name,
                    "rx_frames": counters[layout.RX_FRAMES],
                    "rx_bytes": counters[layout.RX_BYTES],
                    "tx_frames": counters[layout.TX_FRAMES],
                    "tx_bytes": counters[layout.TX_BYTES],
                    "verdicts": {
                        explanation.name: counters[explanation.reason]
                        for explanation in EXPLANATIONS
                        if counters[explanation.reason]
                    },
                }
            )
        return rows

    def _interfaces(self) -> list[dict[str, Any]]:
        return [
            {
                "interface": each.name,
                "mac": each.mac,
                "addresses": each.addresses,
                "mtu": each.mtu,
                "up": each.up,
                "reverse_path": each.reverse_path,
                "forwarding": each.forwarding,
                "checksum_offload": each.can_checksum,
                "segmentation_offload": {
                    "tcp4": each.can_segment_tcp4,
                    "tcp6": each.can_segment_tcp6,
                    "udp": each.can_segment_udp,
                },
            }
            for each in self.interfaces
        ]

    # --- inside -----------------------------------------------------------------------------

    def _begin(self, now: float) -> None:
        self.timers.now = max(now, self.timers.now)
        self.tables.begin(self.timers.now)
        self.timers.run()

    def _greet(self, index: int) -> None:
        self.timers.after(0, lambda: self.link.announce(index))
        self.timers.after(0, lambda: self.link.advertise(index))

    def _refresh(self, index: int) -> None:
        row = array("q", self.interfaces[index].row())
        at = index * layout.IF_SIZE
        self.tables.flat[at : at + layout.IF_SIZE] = row

    def _given_up(self, arrival: Arrival, reason: Reason) -> None:
        self.tables.counters[arrival.interface * layout.COUNTERS + reason] += 1


def _batch(data: bytes, interface: int, flags: int, segment: int) -> Batch:
    from netarium.wire.batch import Batch

    batch = Batch.sized(memoryview(data), 1)
    batch.count = 1
    batch.captured[0] = batch.length[0] = len(data)
    batch.interface[0], batch.flags[0], batch.segment[0] = interface, flags, segment
    return batch
