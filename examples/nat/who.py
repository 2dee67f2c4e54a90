"""Without a word: a server that tells each caller the address it sees. With a host: ask there."""

import socket
import sys

PORT = 7777

if len(sys.argv) > 1:
    with socket.create_connection((sys.argv[1], PORT), timeout=5) as connection:
        mine = connection.getsockname()[0]
        seen = connection.makefile().readline().strip()
        print(f"my address is {mine}, the server sees {seen}")
else:
    with socket.create_server(("", PORT)) as server:
        print(f"listening on TCP port {PORT}", flush=True)
        while True:
            connection, address = server.accept()
            with connection:
                print(f"a caller from {address[0]}", flush=True)
                connection.sendall(f"{address[0]}\n".encode())
