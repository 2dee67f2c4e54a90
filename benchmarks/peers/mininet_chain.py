"""A chain of N bare Mininet hosts, cabled without switches.

Says "up" on stdout, and goes down at a line on stdin.
Runs with the system's Python, which is where Debian's mininet package lives.
"""

from __future__ import annotations

import itertools
import resource
import sys

import mininet.net
from mininet.log import setLogLevel

# Mininet raises settings of the whole machine (net.core.wmem_max, ...) and leaves
# them so. A benchmark must not; of what it sets, the chain needs the open files.
_HARD = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
mininet.net.fixLimits = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (_HARD, _HARD))


def main(count: int) -> None:
    setLogLevel("error")
    net = mininet.net.Mininet(controller=None)
    try:
        hosts = [net.addHost(f"n{number}") for number in range(count)]
        for left, right in itertools.pairwise(hosts):
            net.addLink(left, right)
        net.start()
        print("up", flush=True)
        sys.stdin.readline()
    finally:
        net.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]))
