"""Addresses for the ends that have none, and whether those that have one fit their link.

The scheme (docs/addressing.md): link n gets ``10.x.y.0/24`` where n = 256 x + y,
and ``fd00:0:0:n::/64`` with n in hexadecimal; its ends count from 1. A link
whose prefix would overlap one that the file uses, or that has more than 253
ends, takes the first free block after all of these.
"""

from __future__ import annotations

from collections.abc import Iterable

from netarium.model.addresses import Address, Prefix
from netarium.model.faults import Faults, field_text
from netarium.model.wiring import Port, Wire

__all__ = ["address_links", "check_links"]

_FOUR = Prefix(4, 10 << 24, 8)
_SIX = Prefix(6, 0xFD00 << 112, 48)
_BLOCKS = 65536  # /24s in 10.0.0.0/8, and /64s in fd00::/48


class _Blocks:
    """Which of the scheme's 65,536 numbered blocks are free in one family."""

    def __init__(self, pool: Prefix, block: int, used: Iterable[Prefix], reserved: int) -> None:
        self._pool = pool
        self._shift = (32 if pool.family == 4 else 128) - block
        self._taken = bytearray(_BLOCKS)
        # Numbered blocks belong to their links, so searching starts after the last of them.
        self._search_from = min(reserved + 1, _BLOCKS)
        for prefix in used:
            if prefix.overlaps(pool):
                first = max(prefix.value - pool.value, 0) >> self._shift
                last = (prefix.value + prefix.size - 1 - pool.value) >> self._shift
                last = min(last, _BLOCKS - 1)
                self._taken[first : last + 1] = b"\1" * (last + 1 - first)

    def take(self, number: int, count: int) -> Prefix | None:
        """``count`` blocks (a power of two) for link ``number``; None where all are gone."""
        first = number
        if count > 1 or number >= _BLOCKS or self._taken[number]:
            first = -(-self._search_from // count) * count
            while first + count <= _BLOCKS and any(self._taken[first : first + count]):
                first += count
            if first + count > _BLOCKS:
                return None
        self._taken[first : first + count] = b"\1" * count
        bits = 32 if self._pool.family == 4 else 128
        length = bits - self._shift - (count.bit_length() - 1)
        return Prefix(self._pool.family, self._pool.value + (first << self._shift), length)


def address_links(wires: list[Wire], used: Iterable[Prefix], faults: Faults) -> None:
    """Give every port that says nothing of addresses one from its link's subnets."""
    wanting = [w for w in wires if any(p.addresses is None for p in w.ports)]
    if not wanting:
        return
    taken = [*used]
    for found in wires:
        taken.extend(found.prefixes)
        taken.extend(a.prefix for p in found.ports for a in p.known)
    four = _Blocks(_FOUR, 24, taken, len(wires))
    six = _Blocks(_SIX, 64, taken, len(wires))
    for found in wanting:
        subnets = list(found.prefixes) or _declared_subnets(found)
        if not subnets:
            if any(p.flawed or p.known for p in found.ports):
                _ask_for_addresses(found, faults)
                continue
            subnets = _by_scheme(found, four, six, faults)
        bare = [p for p in found.ports if p.addresses is None]
        for subnet in subnets:
            _fill(found, bare, subnet, faults)


def _declared_subnets(found: Wire) -> list[Prefix]:
    """The subnets that the addresses on a link show, the first of each family."""
    subnets: dict[int, Prefix] = {}
    for port in found.ports:
        for address in port.known:
            if not address.is_host:
                subnets.setdefault(address.family, address.prefix)
    return list(subnets.values())


def _ask_for_addresses(found: Wire, faults: Faults) -> None:
    if any(p.flawed for p in found.ports):
        return
    for port in found.ports:
        if port.addresses is None:
            faults.add(
                port.path,
                f"{port.host.name}:{port.name} has no address, and the others on {found.name} "
                "show no subnet to take one from",
                "give it an address, or the link a prefix",
            )


def _by_scheme(found: Wire, four: _Blocks, six: _Blocks, faults: Faults) -> list[Prefix]:
    # A /24 holds 254 hosts; one stays free for a guest.
    count = 1
    while count * 256 - 3 < len(found.ports):
        count *= 2
    subnets = [four.take(found.number, count)]
    # Below 1280 bytes a link cannot carry IPv6 (RFC 8200, 5).
    if all((p.mtu or found.mtu or 1500) >= 1280 for p in found.ports):
        subnets.append(six.take(found.number, 1))
    if None in subnets:
        faults.add(
            found.path,
            "no subnet is left for it in 10.0.0.0/8 and fd00::/48",
            "give the link a prefix",
        )
    return [s for s in subnets if s is not None]


def _fill(found: Wire, bare: list[Port], subnet: Prefix, faults: Faults) -> None:
    held = {a.value for p in found.ports for a in p.known if a.family == subnet.family}
    # In a /31 (RFC 3021) and a /127 (RFC 6164) both addresses are hosts'.
    value = subnet.value + (0 if subnet.size == 2 else 1)
    end = subnet.value + subnet.size - (1 if subnet.family == 4 and subnet.size > 2 else 0)
    for port in bare:
        while value in held:
            value += 1
        if value >= end:
            faults.add(
                found.path,
                f"{subnet} has no room for all its ends",
                "give the link a larger prefix",
            )
            return
        port.addresses = [*port.known, Address(subnet.family, value, subnet.length)]
        value += 1


def check_links(wires: list[Wire], faults: Faults) -> None:
    """Note addresses that two ends share or that lie outside their link, equal MACs, small MTUs."""
    for found in wires:
        _check_duplicates(found, faults)
        if found.prefixes:
            _check_inside(found, faults)
        elif not found.flawed and not any(p.flawed for p in found.ports):
            _check_strangers(found, faults)
        for port in found.ports:
            mtu = port.mtu or found.mtu
            if mtu and mtu < 1280 and any(a.family == 6 for a in port.known):
                faults.add(
                    (*port.path, "mtu") if port.mtu else (*found.path, "mtu"),
                    f"{mtu} is too small for IPv6, which {port.host.name}:{port.name} has",
                    "write 1280 or more",
                )


def _where(port: Port, position: int) -> tuple[str | int, ...]:
    return port.paths[position] if position < len(port.paths) else port.path


def _check_duplicates(found: Wire, faults: Faults) -> None:
    holders: dict[tuple[int, int], Port] = {}
    macs: dict[str, Port] = {}
    for port in found.ports:
        for position, address in enumerate(port.known):
            other = holders.setdefault((address.family, address.value), port)
            if other is not port:
                faults.add(
                    _where(port, position),
                    f"{address.text} is {other.host.name}:{other.name}'s address already, "
                    f"on the same link ({found.name})",
                    "give each end its own",
                )
        if port.mac:
            twin = macs.setdefault(port.mac, port)
            if twin is not port:
                faults.add(
                    (*port.path, "mac"),
                    f"{port.mac} is {twin.host.name}:{twin.name}'s already, on the same link",
                    "give each interface its own",
                )


def _check_inside(found: Wire, faults: Faults) -> None:
    for port in found.ports:
        for position, address in enumerate(port.known):
            subnets = [s for s in found.prefixes if s.family == address.family]
            # A /32 is unnumbered on purpose: its routes say how it is reached.
            if address.is_host or not subnets or any(s.holds(address) for s in subnets):
                continue
            names = " and ".join(map(str, subnets))
            faults.add(
                _where(port, position),
                f"{address} is outside the subnet of link {found.name}, {names}",
                f"write an address in {names}, or correct {field_text((*found.path, 'prefix'))}",
            )


def _check_strangers(found: Wire, faults: Faults) -> None:
    """An end none of whose addresses shares a subnet with another end's is a slip of the pen."""
    for family in (4, 6):
        own = [[a for a in p.known if a.family == family] for p in found.ports]
        holders: dict[Prefix, int] = {}
        for some in own:
            for subnet in {a.prefix for a in some if not a.is_host}:
                holders[subnet] = holders.get(subnet, 0) + 1
        strangers = [
            position
            for position, some in enumerate(own)
            if any(not a.is_host for a in some)
            and all(holders.get(a.prefix, 0) < 2 for a in some)
            and not _touches(some, [a for i, o in enumerate(own) if i != position for a in o])
        ]
        if len(strangers) == sum(1 for some in own if some):
            strangers = strangers[1:]  # nobody fits anybody: take the first one's word
        for position in strangers:
            port = found.ports[position]
            others = sorted({s for s in holders if s not in {a.prefix for a in own[position]}})
            if others:
                names = " and ".join(map(str, others))
                faults.add(
                    _where(port, port.known.index(own[position][0])),
                    f"{own[position][0]} is outside the subnet of link {found.name}, "
                    f"where the others have {names}",
                    f"write an address in {names}",
                )


def _touches(some: list[Address], others: list[Address]) -> bool:
    """Whether any address of one side lies in a prefix of the other's."""
    return any(
        (not a.is_host and a.prefix.holds(b)) or (not b.is_host and b.prefix.holds(a))
        for a in some
        for b in others
    )
