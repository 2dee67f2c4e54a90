"""The verbs that carry connections between the host and a node: connect, proxy, forward."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netarium.cli import running as actions
from netarium.cli.options import Json, LabOption, NodeArgument, complete_forward, single
from netarium.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from netarium.runtime.socks import Forward
    from netarium.runtime.state import RunningLab

__all__ = ["app", "parse_forward"]


def _connect(
    node: NodeArgument,
    port: Annotated[int, typer.Argument(metavar="PORT", help="A TCP port of the node.")],
    lab: LabOption = None,
) -> int:
    """Join standard input and output with a TCP port of a node.

    Made for ssh's ProxyCommand; it does for any protocol what nc does.
    """
    return actions.connect(node, port, lab=lab)


def _proxy(
    node: NodeArgument,
    port: Annotated[
        int,
        typer.Option(
            "--port", "-p", metavar="PORT", min=0, max=65535, help="Port on 127.0.0.1; 0 takes any."
        ),
    ] = 1080,
    json: Json = False,
    lab: LabOption = None,
) -> None:
    """Offer a SOCKS5 proxy on loopback, until Ctrl-C: connections go out from the node.

    Names are resolved by the node, so a browser of this machine that uses the proxy
    sees the lab's Internet. With curl: --proxy socks5h://127.0.0.1:1080
    """
    from netarium.runtime.state import find_node

    running, _ = find_node(node, lab)
    asyncio.run(_run_proxy(running, node, port, json))


async def _run_proxy(lab: RunningLab, node: str, port: int, json: bool) -> None:
    from netarium.runtime import socks

    async with socks.proxy(lab, node, port) as chosen:
        url = f"socks5h://127.0.0.1:{chosen}"
        say = f"SOCKS5 proxy on 127.0.0.1 port {chosen}, out from {node} of lab {lab.name}\n"
        say += f"  curl --proxy {url} http://NAME/\n  Ctrl-C ends it"
        _announce(json, {"node": node, "lab": lab.name, "url": url, "port": chosen}, say)
        await _until_over(lab, node)


def parse_forward(word: str) -> Forward:
    """``PORT:NODE:PORT``, or ``NODE:PORT`` for the same port on both sides."""
    from netarium.runtime.socks import Forward

    parts = word.split(":")
    if len(parts) == 2:
        parts = [parts[1], *parts]
    numbers = [parts[0], parts[-1]]
    if len(parts) != 3 or not all(n.isdigit() and int(n) < 65536 for n in numbers) or not parts[1]:
        raise UsageError(f"{word!r} is not PORT:NODE:PORT", "as in: netarium forward 8080:www:80")
    if int(parts[2]) == 0:
        raise UsageError(f"{word!r}: the node's port cannot be 0")
    return Forward(int(parts[0]), parts[1], int(parts[2]))


def _forward(
    forwards: Annotated[
        list[str],
        typer.Argument(
            metavar="PORT:NODE:PORT...",
            shell_complete=complete_forward,
            help="Loopback port, node, the node's port; NODE:PORT for the same port.",
        ),
    ],
    json: Json = False,
    lab: LabOption = None,
) -> None:
    """Offer ports of nodes on 127.0.0.1, until Ctrl-C."""
    from netarium.runtime.state import find_node

    wanted = [parse_forward(word) for word in forwards]
    labs = {running.name: running for running, _ in (find_node(f.node, lab) for f in wanted)}
    if len(labs) != 1:
        raise UsageError("the nodes are in different labs", "run one forward for each lab")
    asyncio.run(_run_forward(labs.popitem()[1], wanted, json))


async def _run_forward(lab: RunningLab, wanted: list[Forward], json: bool) -> None:
    from netarium.runtime import socks

    async with socks.forward(lab, wanted) as ports:
        pairs = list(zip(ports, wanted, strict=True))
        lines = [f"127.0.0.1 port {port} leads to {f.node} port {f.target}" for port, f in pairs]
        found = [{"port": port, "node": f.node, "target": f.target} for port, f in pairs]
        _announce(json, {"lab": lab.name, "forwards": found}, "\n".join([*lines, "Ctrl-C ends it"]))
        await _until_over(lab, wanted[0].node)


def _announce(json: bool, found: dict[str, Any], text: str) -> None:
    if json:
        import msgspec

        text = msgspec.json.encode(found).decode()  # one line, for a program that reads on
    print(text, flush=True)


async def _until_over(lab: RunningLab, node: str) -> None:
    """Wait for Ctrl-C or SIGTERM. Raises NotFoundError when the node ends first."""
    from netarium.runtime.socks import gone

    async with _stopped() as stop:
        ended = asyncio.create_task(gone(lab, node))
        asked = asyncio.create_task(stop.wait())
        await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
        over = ended.done()
        for task in (ended, asked):
            task.cancel()
        await asyncio.gather(ended, asked, return_exceptions=True)
    if over:
        raise NotFoundError(f"node {node} of lab {lab.name} has ended")


@contextlib.asynccontextmanager
async def _stopped() -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "connect": _connect,
    "proxy": _proxy,
    "forward": _forward,
}


def app(verb: str) -> typer.Typer:
    """The verb's application."""
    return single(verb, _FUNCTIONS[verb])
