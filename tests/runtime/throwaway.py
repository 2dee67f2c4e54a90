"""A node without a lab: a process in namespaces of its own, for tests of what enters them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from netarium.model.lab import Lab, Node
from netarium.runtime.state import RunningLab, RunningNode, process_started

_FIRST = """
import os, signal, sys
from netarium.runtime import kernel as k
flags = k.CLONE_NEWNET | k.CLONE_NEWNS | k.CLONE_NEWUTS | k.CLONE_NEWIPC | k.CLONE_NEWPID
if os.geteuid():
    uid, gid = os.geteuid(), os.getegid()
    k.unshare(flags | k.CLONE_NEWUSER)
    for name, text in ("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1"):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
else:
    k.unshare(flags)
child = os.fork()
if child:
    print(child, flush=True)
    os.waitpid(child, 0)
    sys.exit()
k.die_with_parent(0)
k.set_hostname("h1")
k.mount("", "/", None, k.MS_REC | k.MS_PRIVATE)
k.mount("proc", "/proc", "proc")
k.mount("dev", "/dev", "tmpfs")
for name, number in ("null", (1, 3)), ("zero", (1, 5)), ("tty", (5, 0)):
    os.mknod("/dev/" + name, 0o20666, os.makedev(*number))
    os.chmod("/dev/" + name, 0o666)
os.mkdir("/dev/pts")
k.mount("pts", "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=620")
os.symlink("pts/ptmx", "/dev/ptmx")
k.mount("tmp", "/tmp", "tmpfs")
import fcntl, socket, struct
with socket.socket() as s:  # the loopback interface comes up: SIOCSIFFLAGS
    fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 1 | 0x40))
print("ready", flush=True)
while True:
    try:
        os.waitpid(-1, 0)
    except ChildProcessError:
        signal.sigtimedwait([signal.SIGCHLD], 0.2)
"""


@contextmanager
def throwaway_node() -> Iterator[RunningLab]:
    """A running "lab" named throwaway, whose one node h1 has nothing but a loopback interface."""
    with subprocess.Popen(
        [sys.executable, "-c", _FIRST], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert process.stdout.readline() == "ready\n"
        node = RunningNode(name="h1", pid=pid, started=process_started(pid))
        declared = Node(name="h1", names=("h1",), environment={"EDITOR": "nano"})
        try:
            yield RunningLab(
                name="throwaway",
                state="up",
                supervisor=process.pid,
                started=process_started(process.pid),
                since=time.time(),
                directory="/nonexistent",
                rootless=os.geteuid() != 0,
                lab=Lab(name="throwaway", nodes=(declared,)),
                nodes=(node,),
            )
        finally:
            os.kill(pid, signal.SIGKILL)
