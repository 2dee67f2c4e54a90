"""Conversations as frames, made by Scapy: a web page, a refused port, names, a lost segment."""

from __future__ import annotations

import struct

from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

START = 1_700_000_000
A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
CLIENT, SERVER = "10.0.0.1", "10.0.0.2"
REQUEST = b"GET /a?b=1 HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: test/1\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello"


def _ip(src, dst):
    return IPv6(src=src, dst=dst) if ":" in src else IP(src=src, dst=dst)


def tcp(src, dst, sport, dport, flags, seq, ack=0, load=b""):
    made = Ether(src=A, dst=B) / _ip(src, dst)
    made = made / TCP(sport=sport, dport=dport, flags=flags, seq=seq, ack=ack)
    return bytes(made / Raw(load)) if load else bytes(made)


def page(port=40000, first=1000, client=CLIENT, server=SERVER):
    """A handshake, a request, its response, the end: eleven frames, 10 ms apart."""
    s = 5000
    there = (client, server, port, 80)
    back = (server, client, 80, port)
    end = first + 1 + len(REQUEST)
    last = s + 1 + len(RESPONSE)
    return [
        tcp(*there, "S", first),
        tcp(*back, "SA", s, first + 1),
        tcp(*there, "A", first + 1, s + 1),
        tcp(*there, "PA", first + 1, s + 1, REQUEST),
        tcp(*back, "A", s + 1, end),
        tcp(*back, "PA", s + 1, end, RESPONSE),
        tcp(*back, "PA", s + 1, end, RESPONSE),  # again: its acknowledgment was lost
        tcp(*there, "A", end, last),
        tcp(*there, "FA", end, last),
        tcp(*back, "FA", last, end + 1),
        tcp(*there, "A", end + 1, last + 1),
    ]


def refused():
    """A port where nobody listens."""
    return [
        tcp(CLIENT, SERVER, 40001, 81, "S", 7),
        tcp(SERVER, CLIENT, 81, 40001, "RA", 0, 8),
    ]


def names():
    """A name that there is, one that there is not, one that nobody answers for."""

    def udp(src, dst, sport, dport, message):
        return bytes(
            Ether(src=A, dst=B) / IP(src=src, dst=dst) / UDP(sport=sport, dport=dport) / message
        )

    def ask(number, name, port):
        question = DNS(id=number, rd=1, qd=DNSQR(qname=name))
        return udp(CLIENT, SERVER, port, 53, question)

    def answer(number, name, port, **more):
        message = DNS(id=number, qr=1, qd=DNSQR(qname=name), **more)
        return udp(SERVER, CLIENT, 53, port, message)

    record = DNSRR(rrname="www.example.com", ttl=300, rdata="192.0.2.1")
    return [
        ask(1, "www.example.com", 5001),
        answer(1, "www.example.com", 5001, an=record),
        ask(2, "nosuch.example.com", 5002),
        answer(2, "nosuch.example.com", 5002, rcode=3),
        ask(3, "silent.example.com", 5003),
    ]


def everything():
    """All of them, a page over IPv6, and the first port once more for another connection."""
    six = page(client="2001:db8::1", server="2001:db8::2")
    return [*page(), *refused(), *names(), *six, *page(first=900_000)]


def write(path, frames, gap=0.01):
    """A pcap file of frames so many seconds apart."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)]
    for number, frame in enumerate(frames):
        at = round(number * gap * 1e6)
        stamp = START + at // 1_000_000, at % 1_000_000
        out.append(struct.pack("<IIII", *stamp, len(frame), len(frame)) + frame)
    path.write_bytes(b"".join(out))
    return path
