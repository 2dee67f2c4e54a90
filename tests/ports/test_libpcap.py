from __future__ import annotations

import subprocess

import pytest

from netarium.errors import MachineError
from netarium.ports import libpcap
from netarium.ports.libpcap import FilterError, compile_filter


@pytest.mark.needs("tcpdump")
@pytest.mark.parametrize("expression", ["tcp port 80", "udp[4:2] > 100", "ip6 and not icmp6", ""])
@pytest.mark.parametrize("snaplen", [96, 262144])
def test_a_program_is_what_tcpdump_makes_of_it(expression, snaplen):
    words = ["tcpdump", "-y", "EN10MB", "-s", str(snaplen), "-ddd", expression]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    expected = tuple(tuple(map(int, line.split())) for line in lines[1:])
    assert compile_filter(expression, 1, snaplen) == expected


def test_a_snap_length_of_nothing_keeps_whole_frames():
    assert compile_filter("", 1, 0) == ((6, 0, 0, 262144),)


@pytest.mark.parametrize(
    ("expression", "word", "cure"),
    [
        ("tcp prt 80", "prt", "port"),
        ("ip hots 1.1.1.1 and tcp", "hots", "host"),
        ("not (tcp or (udp and prt 53))", "prt", "port"),
        ("tcp[tcpflgs] == 2", "tcpflgs", "tcpflags"),
        ("tcp port 80 an host 1.1.1.1", "an", "and"),
        ("tcp port 80)", ")", "tcpdump"),
        ("tcp port fishery", "fishery", "tcpdump"),
        ("tcp and port 99999999", "99999999", "tcpdump"),
        ("tcp port", "", "tcpdump"),
    ],
)
def test_an_error_points_at_the_word(expression, word, cure):
    with pytest.raises(FilterError) as caught:
        compile_filter(expression)
    _, shown, pointer, *_ = str(caught.value).splitlines()
    assert shown[len(pointer) - 1 :].startswith(word)
    assert expression[caught.value.at :].startswith(word)
    assert cure in caught.value.cure


def test_an_error_without_a_place_says_what_is_wrong():
    with pytest.raises(FilterError, match="no packet can match"):
        compile_filter("tcp and udp")
    with pytest.raises(FilterError, match="null character"):
        compile_filter("tcp\0")


def test_without_libpcap_the_cure_is_named(monkeypatch):
    monkeypatch.setattr(libpcap, "_NAMES", ("libnothing.so",))
    libpcap.library.cache_clear()
    try:
        with pytest.raises(MachineError, match="libpcap") as caught:
            compile_filter("tcp")
        assert "libpcap0.8" in caught.value.cure
    finally:
        libpcap.library.cache_clear()
