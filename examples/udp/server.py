"""A UDP server: answers each datagram with its text in capitals, and says who asked.

In the playground, started in a clone of the project:

    netarium exec www -- python3 /lab/examples/udp/server.py
    netarium exec h1 -- python3 /lab/examples/udp/client.py www "hello, world"
"""

import argparse
import contextlib
import socket

parser = argparse.ArgumentParser(description="Answer datagrams with their text in capitals.")
parser.add_argument("--port", type=int, default=9999)
parser.add_argument("--count", type=int, default=0, help="end after so many (default: never)")
options = parser.parse_args()

# An IPv6 socket on :: hears IPv4, too: those senders look like ::ffff:10.25.1.65.
# Ctrl-C is how to end it, so it ends quietly.
with (
    contextlib.suppress(KeyboardInterrupt),
    socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as server,
):
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind(("::", options.port))
    print(f"listening on UDP port {options.port}", flush=True)
    answered = 0
    while not options.count or answered < options.count:
        data, sender = server.recvfrom(65535)
        host, port = sender[0].removeprefix("::ffff:"), sender[1]
        print(f"{host} port {port}: {data.decode(errors='replace')}", flush=True)
        server.sendto(data.upper(), sender)
        answered += 1
