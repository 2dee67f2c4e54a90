"""Capturing in namespaces of the test's own, with both backends."""

from __future__ import annotations

import os
import threading
import time

import pytest

from netarium.capture import incoming
from netarium.capture.recorder import limited, open_source, record
from netarium.capture.source import Options, Stop
from netarium.capture.targets import Place, Targets, known_names, lab_text, resolve
from netarium.capture.warming import Pace
from netarium.errors import MachineError, NotFoundError, UsageError
from netarium.model import loads
from netarium.model.lab import Lab
from netarium.ports.libpcap import FilterError
from netarium.runtime import state
from netarium.runtime.state import RunningLab, RunningNode
from netarium.wire.batch import Batch
from tests.ports.networks import frame, network

BACKENDS = pytest.mark.parametrize("backend", ["ring", "pcap"])


class Kept:
    """A sink that keeps what it gets."""

    def __init__(self):
        self.frames = []
        self.times = []
        self.is_closed = False

    def write(self, batch, *, fast):
        for row in range(batch.count):
            name = batch.interfaces[batch.interface[row]].name
            self.frames.append((name, bytes(batch.frame(row))))
            self.times.append(batch.time[row])

    def close(self):
        self.is_closed = True


@pytest.fixture(scope="module")
def cables():
    with network() as one, network() as two:
        yield one, two


def place(node, cable, **how):
    return Place(node, os.dup(cable.pidfd), described={"s0": "", "s1": ""}, **how)


@pytest.fixture
def capture():
    """Capture in places while an action runs; the summary and what the sink kept."""

    def capture(places, action, backend="ring", tell=lambda note: None, **how):
        options = Options(how.pop("filter", ""), how.pop("snaplen", 0), prompt=True)
        with Targets(list(places)) as targets:
            source = open_source(targets, options, backend)
        stop, sink = Stop(), Kept()
        action()
        try:
            summary = record(source, sink, stop, tell=tell, **how)
        finally:
            stop.close()
        assert sink.is_closed
        return summary, sink, source

    return capture


def sends(cable, *frames, interface="s0"):
    def send():
        with cable.sender(interface) as sender:
            for data in frames:
                sender.send(data)

    return send


@pytest.mark.root
@pytest.mark.needs("ip", "unshare", "nsenter")
class TestOnCables:
    @BACKENDS
    def test_what_comes_right_after_opening_is_not_missed(self, cables, capture, backend):
        summary, sink, source = capture(
            [place("n", cables[0], only=("s1",))],
            sends(cables[0], frame(1), frame(2)),
            backend,
            seconds=0.2,
        )
        assert sink.frames == [("n:s1", frame(1)), ("n:s1", frame(2))]
        assert (summary.packets, summary.lost, summary.interfaces) == (2, 0, 1)
        assert summary.dropped == {"n:s1": 0}
        assert source.interfaces[0].received == 2
        assert source.interfaces[0].link_type == 1

    @BACKENDS
    def test_a_count_is_exact(self, cables, capture, backend):
        frames = [frame(number) for number in range(10)]
        summary, sink, _ = capture(
            [place("n", cables[0], only=("s1",))], sends(cables[0], *frames), backend, count=4
        )
        assert [data for _, data in sink.frames] == frames[:4]
        assert summary.packets == 4

    @BACKENDS
    def test_a_filter_and_a_snap_length_hold(self, cables, capture, backend):
        frames = [frame(number, 500) for number in range(10)]
        _, sink, _ = capture(
            [place("n", cables[0], only=("s1",))],
            sends(cables[0], *frames),
            backend,
            filter="ether[17] = 7 or ether[17] = 9",
            snaplen=32,
            seconds=0.2,
        )
        assert [data for _, data in sink.frames] == [frames[7][:32], frames[9][:32]]

    @BACKENDS
    def test_a_filter_for_tags_sees_them(self, cables, capture, backend):
        tagged = frame(2, tag=b"\x81\x00\x00\x07")
        _, sink, _ = capture(
            [place("n", cables[0], only=("s1",))],
            sends(cables[0], frame(1), tagged, frame(3, tag=b"\x81\x00\x00\x08")),
            backend,
            filter="vlan 7",
            seconds=0.2,
        )
        assert [data for _, data in sink.frames] == [tagged]

    @BACKENDS
    def test_several_namespaces_come_in_order_of_time(self, cables, capture, backend):
        def send():
            with cables[0].sender() as one, cables[1].sender() as two:
                for number in range(40):
                    (one, two)[number % 2].send(frame(number))
                    time.sleep(0.002)

        places = [place("a", cables[0]), place("b", cables[1])]
        summary, sink, _ = capture(places, send, backend, seconds=0.2)
        assert sink.times == sorted(sink.times)
        inbound = [data for name, data in sink.frames if name in ("a:s1", "b:s1")]
        assert inbound == [frame(number) for number in range(40)]
        assert {name for name, _ in sink.frames} == {"a:s0", "a:s1", "b:s0", "b:s1"}
        assert summary.packets == 80

    @BACKENDS
    def test_it_ends_when_asked(self, cables, backend):
        with Targets([place("n", cables[0], only=("s1",))]) as targets:
            source = open_source(targets, Options(prompt=True), backend)
        stop = Stop()
        threading.Timer(0.15, lambda: [sends(cables[0], frame(1))(), stop.set()]).start()
        began = time.monotonic()
        sink = Kept()
        record(source, sink, stop)
        stop.close()
        assert time.monotonic() - began < 2
        assert [data for _, data in sink.frames] == [frame(1)]  # though it came last

    @BACKENDS
    def test_an_interface_that_is_not_there(self, cables, backend):
        with (
            Targets([place("n", cables[0], only=("s7",))]) as targets,
            pytest.raises((NotFoundError, MachineError), match="s7"),
        ):
            open_source(targets, Options(), backend)

    @BACKENDS
    def test_a_filter_that_is_wrong(self, cables, backend):
        with Targets([place("n", cables[0])]) as targets, pytest.raises(FilterError):
            open_source(targets, Options("tcp prt 1"), backend)

    def test_the_loopback_interface_only_where_it_is_meant(self, cables, capture):
        ping = "ping -qc1 127.0.0.1 >/dev/null"
        for how, expected in (({}, 0), ({"loopback": True}, 2), ({"only": ("lo",)}, 2)):
            _, sink, _ = capture(
                [place("n", cables[0], **how)], lambda: cables[0].run(ping), seconds=0.1
            )
            assert [name for name, _ in sink.frames] == ["n:lo"] * expected

    def test_an_interface_that_appears_is_captured_and_told(self, cables, capture):
        def appear():
            cables[0].run("ip link add t0 type veth peer name t1; ip link set t0 up")
            cables[0].run("ip link set t1 up")
            sends(cables[0], frame(1), interface="t0")()

        told = []
        try:
            _, sink, source = capture(
                [place("n", cables[0])], appear, tell=told.append, seconds=1.0
            )
        finally:
            cables[0].run("ip link del t0")
        assert ("n:t1", frame(1)) in sink.frames
        assert "n:t1 has appeared; it is captured too" in told
        names = [interface.name for interface in source.interfaces]
        assert names == ["n:s0", "n:s1", *names[2:]]
        counts = {interface.name: interface.received for interface in source.interfaces}
        assert counts["n:t1"] == sum(name == "n:t1" for name, _ in sink.frames)

    def test_an_interface_that_went_down_is_told(self, cables, capture):
        def flap():
            cables[0].run("ip link set s1 down; ip link set s1 up")
            sends(cables[0], frame(3))()

        told = []
        _, sink, _ = capture(
            [place("n", cables[0], only=("s1",))], flap, tell=told.append, seconds=0.3
        )
        assert [data for _, data in sink.frames] == [frame(3)]
        assert told == ["n:s1 went down; what comes once it is up again is captured too"]


def test_a_backend_that_there_is_not():
    with pytest.raises(UsageError, match="ring, pcap"):
        open_source(Targets([]), Options(), "bpf")


def test_limits_are_exact():
    def batches():
        for size in (3, 4, 5):
            yield Batch(memoryview(b""), size)
        pytest.fail("asked for more than was wanted")

    assert [batch.count for batch in limited(batches(), 8)] == [3, 4, 1]
    endless = limited(iter([Batch(memoryview(b""), 3)] * 2), None)
    assert [batch.count for batch in endless] == [3, 3]


def test_a_sink_that_fails_leaves_nothing_open():
    class Source:
        interfaces, notes, fast, is_open = [], [], False, True

        def batches(self, *_):
            yield Batch(memoryview(b""), 1)

        def count(self):
            return {}

        def close(self):
            self.is_open = False

    class Full(Kept):
        def write(self, batch, *, fast):
            raise BrokenPipeError

    source, sink, stop = Source(), Full(), Stop()
    assert record(source, sink, stop).reader_left
    stop.close()
    assert sink.is_closed
    assert not source.is_open


def test_a_stop_tells_what_made_it():
    read_end, write_end = os.pipe()
    stop = Stop()
    stop.watch(read_end, "the lab went down")
    assert not stop.asked
    os.close(write_end)
    assert stop.asked
    assert (stop.why, stop.reader_left) == ("the lab went down", False)
    stop.close()
    read_end, write_end = os.pipe()
    stop = Stop()
    stop.watch_reader(write_end)
    assert not stop.asked
    os.close(read_end)
    assert stop.asked
    assert stop.reader_left
    stop.close()
    os.close(write_end)


def test_loops_are_not_compiled_while_frames_wait(monkeypatch):
    from netarium.capture import warming

    started = []

    class Compiler:
        code = None

        def __init__(self, words, **_):
            started.append(words[-2:])

        def poll(self):
            return Compiler.code

        def kill(self):
            started.append("killed")

        def wait(self):
            pass

    monkeypatch.setattr(warming, "_is_warm", lambda purposes: False)
    monkeypatch.setattr(warming.subprocess, "Popen", Compiler)
    pace = Pace("ring", "file")
    assert not pace.of(10)
    assert started == []
    assert not pace.of(5000)
    assert not pace.of(5000)
    assert started == [["ring", "file"]]
    Compiler.code = 1  # it failed: there is no hurry then
    assert not pace.of(5000)
    Compiler.code = 0
    assert pace.of(5000)
    assert pace.of(1)
    pace.close()
    Compiler.code = None
    pace.close()
    assert started[-1] == "killed"


LAB = loads(
    """
name: caplab
accounts: {ann: {password: secret}}
nodes:
  a: {address: 10.0.0.1/24}
  b: {interfaces: {eth0: 10.0.0.2/24, eth1: 192.168.1.1/24}}
  c: {address: 192.168.1.1/24}
  e: {address: 192.168.1.2/24}
  f: {address: 192.168.1.3/24}
links: [[a, b:eth0], [b:eth1, e], [c, f]]
"""
)


def test_a_capture_carries_the_network_and_no_secrets():
    text = lab_text(LAB)
    assert "secret" not in text
    again = loads(text)
    assert isinstance(again, Lab)
    assert [node.name for node in again.nodes] == ["a", "b", "c", "e", "f"]
    assert again.links == LAB.links


def test_an_address_of_several_nodes_has_all_their_names():
    assert known_names(LAB) == {
        "10.0.0.1": "a",
        "10.0.0.2": "b",
        "192.168.1.1": "b-or-c",
        "192.168.1.2": "e",
        "192.168.1.3": "f",
    }


@pytest.fixture
def running(monkeypatch):
    """The lab, as if it ran: its nodes are this process."""
    me = os.getpid()
    nodes = [RunningNode(name=n.name, pid=me, started=state.process_started(me)) for n in LAB.nodes]
    lab = RunningLab(
        name="caplab",
        state="up",
        supervisor=me,
        started=state.process_started(me),
        since=0.0,
        directory="/nonexistent",
        rootless=False,
        lab=LAB,
        nodes=tuple(nodes),
    )
    monkeypatch.setattr(state, "running_labs", lambda: [lab])


def targets_of(*words, **how):
    with resolve(words, **how) as targets:
        return [(place.node, place.only, place.loopback) for place in targets.places]


def test_targets(running):
    every = [(node, (), False) for node in "abcef"]
    assert targets_of() == targets_of(lab="caplab") == every
    assert targets_of("b") == [("b", (), False)]
    assert targets_of("b:eth1", "b:eth0", "b:eth1") == [("b", ("eth1", "eth0"), False)]
    assert targets_of("b", "b:eth0") == [("b", (), False)]
    assert targets_of("b:lo", "b") == [("b", (), True)]
    assert targets_of("c", "a:lo") == [("a", ("lo",), True), ("c", (), False)]
    assert targets_of(host="lo") == [("", ("lo",), False)]
    assert targets_of(host="any") == [("", (), False)]
    assert targets_of("a", host="lo") == [("a", (), False), ("", ("lo",), False)]


@pytest.mark.parametrize(
    ("words", "how", "kind", "said"),
    [
        (["d"], {}, NotFoundError, "no node 'd'"),
        ([":eth0"], {}, UsageError, "NODE:INTERFACE"),
        (["a:"], {}, UsageError, "NODE:INTERFACE"),
        ([], {"lab": "caplap"}, NotFoundError, "did you mean caplab"),
        ([], {"host": "lp"}, NotFoundError, "no interface 'lp'"),
    ],
)
def test_mistakes(running, words, how, kind, said):
    with pytest.raises(kind) as caught:
        targets_of(*words, **how)
    assert said in str(caught.value)


def test_several_labs_are_told_in_terms_of_python(monkeypatch):
    def several(*targets, **how):
        raise NotFoundError("several labs are running: a, b", "choose one with --lab NAME")

    monkeypatch.setattr(incoming, "resolve", several)
    with pytest.raises(NotFoundError, match='choose one with lab="NAME"'):
        incoming.live("h1")


def test_every_purpose_has_loops_to_warm():
    from netarium.capture import warming

    warming.main(("ring", "pcap", "file"))
    assert warming.warm(("ring", "pcap", "file"))
    warming.warm(("lines", "columns"))  # nothing is compiled here, but the names must be there
