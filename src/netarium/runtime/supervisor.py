"""The process that is a lab: it brings the nodes up, watches over them, and takes them with it.

Started by ``netarium.runtime.up`` as ``python -m netarium.runtime.supervisor`` with
the lab on standard input, it reports on standard output, one JSON object a line:

    {"progress": [phase, done, total]}
    {"failed": [what, cure, exit code]}
    {"up": true}

It is the first process of the lab's own PID namespace, and all that the lab is made
of are its descendants, in namespaces that nothing else holds: when this process
dies, of whatever, the kernel kills them all. Its parent, the janitor, then removes
the lab's traces from the host.

Process ids here are those of the lab's PID namespace, except in the state that is
written for others (``host_pid``).
"""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import resource
import selectors
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from netarium.errors import MachineError, NetariumError
from netarium.model.lab import Lab, Node
from netarium.runtime import kernel, rootfs
from netarium.runtime.channel import Channel, pair
from netarium.runtime.issuing import collect, issue
from netarium.runtime.janitor import clean, janitor, offer_namespaces
from netarium.runtime.namespaces import fork_first, separate
from netarium.runtime.netlink import Netlink, NetlinkError
from netarium.runtime.node import first_process
from netarium.runtime.service_host import service_host
from netarium.runtime.state import (
    RunningLab,
    RunningNode,
    ServiceState,
    host_pid,
    process_started,
)
from netarium.runtime.wiring import bridges, cables, configuration, first_index

__all__ = ["Order", "main"]

_DOCTOR = "`netarium doctor` says what this machine lacks"
_MEMORY = "is the machine out of memory?"


class Order(msgspec.Struct, kw_only=True):
    """What the supervisor is told to do.

    ``leash``: end the lab when standard input closes (labs of a Python program).
    ``lock``: the descriptor that holds the directory's lock, for this process and the
    supervisor to keep as long as either lives.
    """

    lab: Lab
    directory: str
    leash: bool = False
    lock: int


class _StopError(Exception):
    """The lab is to end: asked for by a signal, or nobody listens any more."""


class _LabError(NetariumError):
    """A part of the lab failed; ``code`` is the exit code that the command ends with."""

    def __init__(self, what: str, cure: str = "", code: int = 1) -> None:
        super().__init__(what, cure)
        self.exit_code = code


class _Supervisor:
    def __init__(self, order: Order, *, rootless: bool, single_id: bool) -> None:
        self.order = order
        self.lab = order.lab
        self.directory = Path(order.directory)
        self.rootless = rootless
        self.single_id = single_id
        self.since = time.time()
        # /proc is still the host's: what it calls this process is what others call it.
        self.host_pid = int(os.readlink("/proc/self"))
        self.selector = selectors.DefaultSelector()
        self.nodes: dict[str, Channel] = {}
        self.processes: dict[str, int] = {}
        self.records: dict[str, RunningNode] = {}
        self.hosts: dict[str, Channel] = {}
        self.host_processes: dict[int, str] = {}
        self.services: dict[tuple[str, str], ServiceState] = {}
        self.foundation: rootfs.Foundation
        self.is_up = False
        self.first = 0  # index of each node's first interface

    # Bringing up, step by step

    def bring_up(self) -> None:
        self._watch_signals()
        self._tell_progress("nodes", 0, len(self.lab.nodes))
        self._write_state()
        self._pid_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        separate()
        self.first = first_index(Netlink.interfaces())
        kernel.limit_heirs()  # once, for all nodes
        base = self.directory / "fs"
        base.mkdir()
        self.foundation = rootfs.prepare(
            self.lab, base, rootless=self.rootless, single_id=self.single_id
        )
        gc.collect()
        gc.freeze()
        kinds = dict.fromkeys(s.kind for n in self.lab.nodes for s in n.services)
        credentials = self._fork_authority() if kinds else None
        for kind in kinds:
            self._fork_host(kind)
        for started, node in enumerate(self.lab.nodes, 1):
            self._fork_node(node)
            self._tell_progress("nodes", started, len(self.lab.nodes))
        kernel.setns(self._pid_namespace, kernel.CLONE_NEWPID)
        self._wire(credentials)
        self._start_services()
        self._run_commands()
        if not self.rootless:
            pids = {name: record.pid for name, record in self.records.items()}
            offer_namespaces(self.directory, self.lab.name, pids)
        self.is_up = True
        self._write_state()
        self._tell({"up": True})

    def _watch_signals(self) -> None:
        reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        self.selector.register(reading, selectors.EVENT_READ, ("signal", ""))
        if self.order.leash:
            self.selector.register(0, selectors.EVENT_READ, ("leash", ""))

    def _fork_authority(self) -> Channel:
        ours, theirs = pair()
        if os.fork() == 0:
            issue(self.foundation, theirs)
        theirs.close()
        return ours

    def _fork_host(self, kind: str) -> None:
        ours, theirs = pair()
        pid = os.fork()
        if pid == 0:
            service_host(self.foundation, kind, theirs)
        theirs.close()
        self.hosts[kind] = ours
        self.host_processes[pid] = kind

    def _fork_node(self, node: Node) -> None:
        name = node.name
        ours, theirs = pair()
        requests = configuration(node, self.first)
        # A process may leave for a new PID namespace for its children only from its own.
        kernel.setns(self._pid_namespace, kernel.CLONE_NEWPID)
        try:
            kernel.unshare(kernel.CLONE_NEWPID)
            pid = os.fork()
        except OSError as error:
            count = len(self.processes)
            raise MachineError(
                f"this machine has room for {count} nodes only: {error.strerror}",
                "see ulimit -u, sysctl user.max_pid_namespaces and kernel.pid_max",
            ) from None
        if pid == 0:
            first_process(self.foundation, node, requests, theirs)
        theirs.close()
        self.nodes[name] = ours
        self.processes[name] = pid
        self.records[name] = _record(name, pid)
        self.selector.register(ours, selectors.EVENT_READ, ("node", name))

    def _wire(self, credentials: Channel | None) -> None:
        """Plug in each cable as soon as both its nodes stand; start a node when it has all."""
        total = len(self.lab.nodes)
        with Netlink() as netlink:
            netlink.send(bridges(self.lab))
            interfaces = netlink.interfaces()
            plans = list(cables(self.lab, self.processes, interfaces, self.first))
            missing = dict.fromkeys(self.processes, 0)
            waiting: dict[str, list[int]] = {name: [] for name in self.processes}
            for number, (nodes, _) in enumerate(plans):
                for name in set(nodes):
                    waiting[name].append(number)
                    missing[name] += 1
            lacking = [len(set(nodes)) for nodes, _ in plans]
            files = collect(credentials, self.directory) if credentials else {}
            wired = 0
            while wired < total:
                for kind, name, message in self._messages():
                    if kind == "built":
                        ready = []
                        for number in waiting[name]:
                            lacking[number] -= 1
                            if not lacking[number]:
                                ready.append(number)
                        for number in ready:
                            self._plug(netlink, plans[number][1])
                            for neighbour in set(plans[number][0]):
                                missing[neighbour] -= 1
                                if not missing[neighbour]:
                                    self._configure(neighbour, files)
                        if not waiting[name]:
                            self._configure(name, files)
                    elif kind == "wired":
                        wired += 1
                        self._release(name)
                        self._tell_progress("wires", wired, total)
                    else:
                        raise _LabError(f"unexpected message {message!r} from {name}")

    def _plug(self, netlink: Netlink, requests: list[Any]) -> None:
        try:
            netlink.send(requests)
        except NetlinkError as error:
            raise _LabError(str(error), _DOCTOR, 5) from None

    def _configure(self, name: str, files: dict[str, list[Any]]) -> None:
        """Have a node whose cables are in do the rest."""
        for some in files.get(name, ()):
            self.nodes[name].send("files", some)
        self.nodes[name].send("wire")

    def _start_services(self) -> None:
        wanted = [(n.name, s) for n in self.lab.nodes for s in n.services]
        for kind, channel in self.hosts.items():
            self.selector.register(channel, selectors.EVENT_READ, ("host", kind))
        for node, service in wanted:
            host = self.hosts[service.kind]
            host.send("start", node, self.processes[node], service.name)
        while len(self.services) < len(wanted):
            for _ in self._messages():
                self._tell_progress("services", len(self.services), len(wanted))

    def _run_commands(self) -> None:
        having = [node for node in self.lab.nodes if node.commands]
        for node in having:
            self._fork_commands(node)
        done = 0
        while done < len(having):
            for kind, name, _ in self._messages():
                if kind == "ran":
                    done += 1
                    self._release(name)
                    self._tell_progress("commands", done, len(having))

    def _fork_commands(self, node: Node) -> None:
        ours, theirs = pair()
        if os.fork() == 0:
            from netarium.runtime.commands import run_commands

            root = self.foundation.account("root")
            run_commands(self.lab, node, root, self.processes[node.name], theirs)
        theirs.close()
        self.nodes[node.name] = ours
        self.selector.register(ours, selectors.EVENT_READ, ("node", node.name))

    def _release(self, name: str) -> None:
        """Expect no more messages from a node."""
        channel = self.nodes.pop(name)
        self.selector.unregister(channel)
        channel.close()

    # Watching over it

    def watch(self) -> None:
        """Until the lab is to end: keep the record of what is alive."""
        while True:
            for _ in self._messages():
                pass

    def _messages(self) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
        """What nodes say, next; signals and services are seen to here.

        Raises _StopError, and, while the lab comes up, _LabError.
        """
        for key, _ in self.selector.select():
            source, name = key.data
            if source == "signal":
                if set(os.read(key.fd, 4096)) & {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}:
                    raise _StopError
                self._reap()
            elif source == "leash":
                if not os.read(0, 4096):
                    raise _StopError
            elif source == "host":
                self._hear_host(name)
            else:
                message = self.nodes[name].receive()
                if message is None:
                    raise _LabError(f"node {name}: its first process died", _MEMORY)
                elif message[0] == "failed":
                    raise _LabError(message[1], message[2])
                else:
                    yield message[0], name, message[1:]

    def _hear_host(self, kind: str) -> None:
        message = self.hosts[kind].receive()
        if message is None:
            self.selector.unregister(self.hosts[kind])
            if not self.is_up:
                raise _LabError(f"the process of all {kind} services died", _MEMORY)
            for service in self.services.values():  # its servers died with it
                if service.kind == kind and service.state == "running":
                    self._mark_dead(service, f"the process of all {kind} services died")
            self._write_state()
            return
        what, node, name, *rest = message
        if what == "ready":
            pid, ports = rest
            state = ServiceState(node=node, name=name, kind=kind, pid=pid, ports=tuple(ports))
            self.services[node, name] = state
        elif not self.is_up:
            where = f"service {name} on node {node}" if node else f"{kind} services"
            raise _LabError(
                f"{where}: {rest[0]}", f"netarium up needs every service of {self.lab.name}"
            )
        elif (node, name) in self.services:
            self._mark_dead(self.services[node, name], rest[0])
            self._write_state()

    def _mark_dead(self, service: ServiceState, reason: str) -> None:
        dead = msgspec.structs.replace(service, state="dead", reason=reason)
        self.services[service.node, service.name] = dead

    def _reap(self) -> None:
        """Collect dead children. Those with a channel have their say there first."""
        with contextlib.suppress(ChildProcessError):
            while (done := os.waitpid(-1, os.WNOHANG))[0]:
                names = [name for name, pid in self.processes.items() if pid == done[0]]
                if names and names[0] not in self.nodes and not self.is_up:
                    raise _LabError(f"node {names[0]}: its first process died", _MEMORY)

    # Ending

    def tear_down(self) -> None:
        """Kill whatever lives in the lab's PID namespace, and collect it.

        All at once: a node ends only when its last process is collected, which may
        be the child of a service's host.
        """
        assert os.getpid() == 1, "kill(-1) is for the first process of a PID namespace"
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)

    # Telling

    def _tell(self, message: dict[str, Any]) -> None:
        try:
            os.write(1, msgspec.json.encode(message) + b"\n")
        except OSError:
            if not self.is_up:
                raise _StopError from None  # whoever wanted the lab is gone

    def _tell_progress(self, phase: str, done: int, total: int) -> None:
        if done == total or done % max(1, total // 50) == 0:
            self._tell({"progress": [phase, done, total]})

    def _write_state(self) -> None:
        running = RunningLab(
            name=self.lab.name,
            state="up" if self.is_up else "starting",
            supervisor=self.host_pid,
            started=process_started(self.host_pid),
            since=self.since,
            directory=str(self.directory),
            rootless=self.rootless,
            lab=self.lab,
            nodes=tuple(self.records.values()),
            services=tuple(
                self.services[node.name, service.name]
                for node in self.lab.nodes
                for service in node.services
                if (node.name, service.name) in self.services
            ),
        )
        new = self.directory / "state.new"
        new.write_bytes(msgspec.json.encode(running))
        new.replace(self.directory / "state.json")


def main() -> None:
    """Be the supervisor of the lab that standard input describes."""
    length = int.from_bytes(_read_exactly(8), "big")
    order = msgspec.json.decode(_read_exactly(length), type=Order)
    os.closerange(3, order.lock)
    os.closerange(order.lock + 1, os.sysconf("SC_OPEN_MAX"))
    os.set_inheritable(order.lock, False)
    os.umask(0o022)
    kernel.set_name("netarium", f"netarium: {order.lab.name}")
    _allow_files(order.lab)
    try:
        rootless, single_id = os.geteuid() != 0, False
        if rootless:
            from netarium.runtime.user_namespace import enter_user_namespace

            single_id = enter_user_namespace()
        if child := fork_first():
            janitor(Path(order.directory), child, order.lock)
    except NetariumError as error:
        _say_failure(error.what, error.cure, error.exit_code)
        clean(Path(order.directory))
        sys.exit(error.exit_code)
    kernel.die_with_parent(0)
    supervisor = _Supervisor(order, rootless=rootless, single_id=single_id)
    code = 0
    try:
        supervisor.bring_up()
        # Whoever waited for the lab hears nothing more, and reads the end of the file.
        nothing = os.open("/dev/null", os.O_WRONLY)
        os.dup2(nothing, 1)
        supervisor.watch()
    except _StopError:
        pass
    except NetariumError as error:
        code = error.exit_code
        _say_failure(error.what, error.cure, error.exit_code)
    except OSError as error:
        code = 5
        where = f" ({error.filename})" if error.filename else ""
        few = error.errno in (errno.EMFILE, errno.ENFILE)
        cure = f"a lab of {len(order.lab.nodes)} nodes needs more: ulimit -n, sysctl fs.file-max"
        _say_failure(f"{error.strerror}{where}", cure if few else _DOCTOR, 5)
    finally:
        supervisor.tear_down()
    sys.exit(code)


def _allow_files(lab: Lab) -> None:
    """Let this process open what the lab takes; past the limit that it has where it may."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = 256 + 2 * len(lab.nodes) + 2 * sum(len(node.services) for node in lab.nodes)
    for limit in (max(hard, wanted), hard):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            return


def _record(name: str, pid: int) -> RunningNode:
    outside = host_pid(pid)
    return RunningNode(name=name, pid=outside, started=process_started(outside))


def _read_exactly(count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = os.read(0, count - len(data))
        if not piece:
            sys.exit(1)
        data += piece
    return data


def _say_failure(what: str, cure: str, code: int) -> None:
    with contextlib.suppress(OSError):
        os.write(1, msgspec.json.encode({"failed": [what, cure, code]}) + b"\n")


if __name__ == "__main__":
    main()
