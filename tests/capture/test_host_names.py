"""Names of nodes in filters."""

from __future__ import annotations

import pytest

from netarium.capture.host_names import with_addresses
from netarium.model import loads
from netarium.ports.libpcap import compile_filter

LAB = loads(
    """
name: names
domain: test
nodes:
  h1: {address: 10.0.0.1/24}
  www: {address: 10.0.0.2/24, names: [www.site.test]}
  gate: {interfaces: {eth0: [10.0.0.3/24, "fd00::3/64"], eth1: 10.1.0.1/24}}
  less: {address: 10.1.0.2/24}
links: [[h1, www, gate:eth0], [gate:eth1, less]]
"""
)


@pytest.mark.parametrize(
    ("filter", "meaning"),
    [
        ("host h1", "host 10.0.0.1"),
        ("h1", "10.0.0.1"),
        ("HOST WWW.site.test", "HOST 10.0.0.2"),
        ("src h1 and dst host www", "src 10.0.0.1 and dst host 10.0.0.2"),
        ("src or dst host h1", "src or dst host 10.0.0.1"),
        ("tcp and (host h1 or www)", "tcp and ( host 10.0.0.1 or 10.0.0.2 )"),
        ("port www", "port www"),
        ("tcp port www or ftp", "tcp port www or ftp"),
        ("port 80 and host h1", "port 80 and host 10.0.0.1"),
        ("net h1", "net h1"),
        ("ip6 host gate", "ip6 host fd00::3"),
        ("ip host gate", "(ip host 10.0.0.3 or ip host 10.1.0.1)"),
        ("not gate", "not (10.0.0.3 or fd00::3 or 10.1.0.1)"),
        (
            "src host h1 or gate",
            "src host 10.0.0.1 or (src host 10.0.0.3 or src host fd00::3 or src host 10.1.0.1)",
        ),
        ("less 100", "less 100"),
        ("!h1", "! 10.0.0.1"),
        ("host h1&&tcp", "host 10.0.0.1 && tcp"),
        ("tcp[13] & 2 != 0 and host h1", "tcp[13] & 2 != 0 and host 10.0.0.1"),
        ("host 10.0.0.9 or nobody", "host 10.0.0.9 or nobody"),
        ("", ""),
    ],
)
def test_names(filter, meaning):
    assert with_addresses(filter, LAB) == meaning


def test_the_meaning_is_libpcaps():
    for one, other in (
        ("src host h1 or gate", "src 10.0.0.1 or src 10.0.0.3 or src fd00::3 or src 10.1.0.1"),
        ("tcp port 80 and not host www", "tcp port 80 and not host 10.0.0.2"),
    ):
        assert compile_filter(with_addresses(one, LAB)) == compile_filter(other)
