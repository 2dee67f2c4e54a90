"""A UDP client: sends a text, prints the answer and how long it took.

UDP promises nothing: a datagram or its answer may be lost. So it asks again,
waiting twice as long each time, before it gives up.
"""

import argparse
import socket
import sys
import time

parser = argparse.ArgumentParser(description="Send a text to a UDP server, print the answer.")
parser.add_argument("host")
parser.add_argument("text")
parser.add_argument("--port", type=int, default=9999)
parser.add_argument("--tries", type=int, default=4)
options = parser.parse_args()

try:
    found = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_DGRAM)
except socket.gaierror as error:
    sys.exit(f"{options.host}: {error.strerror}")
family, kind, protocol, _, address = found[0]

with socket.socket(family, kind, protocol) as client:
    client.connect(address)  # sends nothing; from now on only that server's datagrams get in
    for attempt in range(options.tries):
        client.settimeout(0.5 * 2**attempt)
        began = time.perf_counter()
        try:
            client.send(options.text.encode())
            answer = client.recv(65535)
        except TimeoutError:
            print("no answer yet", file=sys.stderr)
        except ConnectionRefusedError:
            sys.exit(f"{options.host}: nobody listens on UDP port {options.port}")
        else:
            took = (time.perf_counter() - began) * 1000
            print(f"{answer.decode(errors='replace')} (after {took:.2f} ms)")
            sys.exit(0)
sys.exit(f"{options.host} did not answer {options.tries} times")
