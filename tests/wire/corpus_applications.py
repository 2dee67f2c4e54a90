"""Frames of the corpus that are about applications: names, leases, and first lines."""

from __future__ import annotations

import struct
import warnings

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
SRC, DST = "10.0.0.1", "10.0.0.2"


def frames():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import scapy.all as s
    made = {**_dns(s), **_dhcp(s), **_streams(s)}
    return {name: bytes(packet) for name, packet in made.items()}


def _udp(s, sport, dport, **more):
    ip = s.IP(**{"src": SRC, "dst": DST, "id": 0x4321, **more})
    return s.Ether(src=A, dst=B) / ip / s.UDP(sport=sport, dport=dport)


def _name(text):
    return b"".join(bytes([len(part)]) + part.encode() for part in text.split(".")) + b"\0"


def _message(id=0x1234, flags=0x8180, question=b"", counts=(1, 0, 0, 0), rest=b""):
    return struct.pack("!HHHHHH", id, flags, *counts) + question + rest


def _record(kind, data, name=b"\xc0\x0c", ttl=300, cls=1):
    return name + struct.pack("!HHIH", kind, cls, ttl, len(data)) + data


def _dns(s):
    www = _name("www.example.com")
    a = www + struct.pack("!HH", 1, 1)
    alias = _record(5, b"\x03web\xc0\x10")
    answers = {
        "dns answer": (1, _record(1, bytes([192, 0, 2, 80]))),
        "dns answer aaaa": (28, _record(28, bytes.fromhex("20010db8" + "0" * 23 + "1"))),
        "dns answer mx": (15, _record(15, b"\x00\x0a\x04mail\xc0\x10")),
        "dns answer ns": (2, _record(2, b"\x02ns\xc0\x10")),
        "dns answer soa": (
            6,
            _record(
                6,
                b"\x02ns\xc0\x10\x05admin\xc0\x10"
                + struct.pack("!5I", 2024, 7200, 900, 86400, 300),
            ),
        ),
        "dns answer txt": (16, _record(16, b"\x0dv=spf1 a -all\x05other")),
        "dns answer ptr": (12, _record(12, www)),
        "dns answer srv": (33, _record(33, struct.pack("!HHH", 10, 20, 443) + www)),
        "dns answer caa": (257, _record(257, b"\x00\x05issueca.example")),
        "dns answer https": (
            65,
            _record(65, b"\x00\x01\x00" + bytes.fromhex("0001 0006 02 6832 02 6833")),
        ),
        "dns answer naptr": (35, _record(35, struct.pack("!HH", 1, 2) + b"\x01u\x03sip\x00" + www)),
        "dns answer ds": (43, _record(43, struct.pack("!HBB", 1234, 13, 2) + bytes(32))),
        "dns answer unknown type": (65280, _record(65280, b"private")),
    }
    made = {
        name: _udp(s, 53, 40000)
        / _message(question=www + struct.pack("!HH", kind, 1), counts=(1, 1, 0, 0), rest=rest)
        for name, (kind, rest) in answers.items()
    }
    opt = b"\0" + struct.pack("!HHIH", 41, 1232, 0x8000, 12) + struct.pack("!HH", 10, 8) + bytes(8)
    loop = b"\xc0\x0c"
    made |= {
        "dns query": _udp(s, 40000, 53) / _message(flags=0x0100, question=a),
        "dns query edns": _udp(s, 40000, 53)
        / _message(flags=0x0120, question=a, counts=(1, 0, 0, 1), rest=opt),
        "dns answer cname": _udp(s, 53, 40000)
        / _message(
            question=a,
            counts=(1, 2, 0, 0),
            rest=alias + _record(1, bytes([192, 0, 2, 81]), b"\xc0\x2d"),
        ),
        "dns nxdomain": _udp(s, 53, 40000) / _message(flags=0x8183, question=a),
        "dns truncated": _udp(s, 53, 40000) / _message(flags=0x8380, question=a),
        "dns pointer loop": _udp(s, 53, 40000) / _message(question=loop + struct.pack("!HH", 1, 1)),
        "dns pointer outside": _udp(s, 53, 40000)
        / _message(question=b"\xc3\xff" + struct.pack("!HH", 1, 1)),
        "dns question cut": _udp(s, 40000, 53) / _message(flags=0x0100, question=a[:9]),
        "dns counts too large": _udp(s, 53, 40000) / _message(question=a, counts=(1, 999, 0, 0)),
        "dns label too long": _udp(s, 40000, 53) / _message(question=b"\x80abc\0\0\1\0\1"),
        "dns root": _udp(s, 40000, 53) / _message(flags=0x0100, question=b"\0\0\2\0\1"),
        "dns update": _udp(s, 40000, 53)
        / _message(flags=0x2800, question=_name("example.com") + b"\0\6\0\1"),
        "mdns": s.Ether(src=A, dst="01:00:5e:00:00:fb")
        / s.IP(src=SRC, dst="224.0.0.251", id=1)
        / s.UDP(sport=5353, dport=5353)
        / _message(
            id=0,
            flags=0x8400,
            counts=(0, 1, 0, 0),
            rest=_record(1, bytes([10, 0, 0, 1]), _name("h1.local"), cls=0x8001),
        ),
        "dns over tcp": s.Ether(src=A, dst=B)
        / s.IP(src=SRC, dst=DST, id=2)
        / s.TCP(sport=40000, dport=53, flags="PA", seq=1, ack=1)
        / _with_length(_message(flags=0x0100, question=a)),
    }
    return made


def _with_length(message):
    return struct.pack("!H", len(message)) + message


def _dhcp(s):
    def dhcp(kind, *options, op=1, **more):
        broadcast = op == 1
        return (
            s.Ether(src=A, dst="ff:ff:ff:ff:ff:ff" if broadcast else A)
            / s.IP(
                src="0.0.0.0" if broadcast else DST,
                dst="255.255.255.255" if broadcast else SRC,
                id=3,
            )
            / s.UDP(sport=68 if broadcast else 67, dport=67 if broadcast else 68)
            / s.BOOTP(
                op=op, chaddr=bytes.fromhex(A.replace(":", "")) + bytes(10), xid=0x1234, **more
            )
            / s.DHCP(options=[("message-type", kind), *options, "end"])
        )

    lease = [
        ("server_id", DST),
        ("lease_time", 3600),
        ("renewal_time", 1800),
        ("rebinding_time", 3150),
        ("subnet_mask", "255.255.255.0"),
        ("router", DST),
        ("name_server", DST, "192.0.2.53"),
        ("domain", b"example.org"),
    ]
    wanted = [("param_req_list", [1, 3, 6, 15, 51]), ("hostname", b"h1")]
    made = {
        "dhcp discover": dhcp(
            "discover", *wanted, ("client_id", b"\x01" + bytes.fromhex(A.replace(":", "")))
        ),
        "dhcp offer": dhcp("offer", *lease, op=2, yiaddr=SRC, siaddr=DST),
        "dhcp request": dhcp("request", ("requested_addr", SRC), ("server_id", DST), *wanted),
        "dhcp ack": dhcp(
            "ack", *lease, op=2, yiaddr=SRC, siaddr=DST, sname=b"boot", file=b"pxelinux.0"
        ),
        "dhcp nak": dhcp("nak", ("server_id", DST), op=2),
        "dhcp release": dhcp("release", ("server_id", DST), ciaddr=SRC),
        "dhcp padded": dhcp("inform", "pad", "pad", ciaddr=SRC, flags=0x8000),
    }
    whole = bytes(made["dhcp offer"])
    made["dhcp option cut"] = (
        s.Ether(src=A, dst=B)
        / s.IP(src=DST, dst=SRC, id=3)
        / s.UDP(sport=67, dport=68)
        / (whole[42 : 42 + 240] + bytes([53, 1, 2, 6, 40, 1]))
    )
    made["bootp"] = _udp(s, 68, 67) / (whole[42 : 42 + 236] + bytes(64))
    return made


#: A ClientHello for www.example.com with SNI, ALPN, supported versions, groups and one key.
def _client_hello():
    def extension(kind, data):
        return struct.pack("!HH", kind, len(data)) + data

    name = b"www.example.com"
    extensions = b"".join(
        [
            extension(0, struct.pack("!HBH", len(name) + 3, 0, len(name)) + name),
            extension(16, b"\x00\x0c\x02h2\x08http/1.1"),
            extension(43, b"\x04\x03\x04\x03\x03"),
            extension(10, b"\x00\x04\x00\x1d\x00\x17"),
            extension(13, b"\x00\x04\x04\x03\x08\x04"),
            extension(51, struct.pack("!HHH", 36, 29, 32) + bytes(range(32))),
        ]
    )
    suites = struct.pack("!HHHH", 6, 0x1301, 0x1302, 0xC02F)
    body = b"\x03\x03" + bytes(range(32)) + b"\x20" + bytes(32) + suites + b"\x01\x00"
    body += struct.pack("!H", len(extensions)) + extensions
    return _tls(22, _handshake(1, body), 0x0301)


def _server_hello():
    extensions = bytes.fromhex("002b00020304 00330024 001d0020") + bytes(range(32))
    body = b"\x03\x03" + bytes(range(32)) + b"\x20" + bytes(32) + b"\x13\x01\x00"
    body += struct.pack("!H", len(extensions)) + extensions
    return _tls(22, _handshake(2, body))


def _handshake(kind, body):
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def _tls(kind, body, version=0x0303):
    return struct.pack("!BHH", kind, version, len(body)) + body


def _streams(s):
    page = b"<!doctype html><title>hello</title>"
    said = {
        "http request": (
            40000,
            80,
            b"GET /index.html HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: curl/8.0\r\n"
            b"Accept: */*\r\n\r\n",
        ),
        "http response": (
            80,
            40000,
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(page)
            + page,
        ),
        "http post": (
            40000,
            8080,
            b"POST /form HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\na=1&b=2",
        ),
        "http not found": (80, 40000, b"HTTP/1.0 404 Not Found\r\nServer: netarium\r\n\r\n"),
        "http on an odd port": (40000, 12345, b"GET / HTTP/1.1\r\nHost: www\r\n\r\n"),
        "http header cut": (40000, 80, b"GET /long HTTP/1.1\r\nHost: www.exam"),
        "http malformed": (40000, 80, b"GET\r\n: \r\n\x00\xff\r\n\r\n"),
        "tls client hello": (40000, 443, _client_hello()),
        "tls client hello, cut": (40000, 443, _client_hello()[:100]),
        "tls on an odd port": (40000, 12345, _client_hello()),
        "tls server hello": (443, 40000, _server_hello() + _tls(20, b"\x01") + _tls(23, bytes(40))),
        "tls application data": (443, 40000, _tls(23, bytes(range(64)))),
        "tls alert": (443, 40000, _tls(21, b"\x02\x28")),
        "tls client hello malformed": (40000, 443, _client_hello()[:80] + b"\xff" * 100),
        "smtp banner": (25, 40000, b"220 mail.example.com ESMTP ready\r\n"),
        "smtp ehlo": (40000, 25, b"EHLO h1.example.com\r\n"),
        "smtp answer": (25, 40000, b"250-mail.example.com\r\n250-STARTTLS\r\n250 SIZE 1000000\r\n"),
        "smtp mail": (
            40000,
            587,
            b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n",
        ),
        "pop3 banner": (110, 40000, b"+OK POP3 ready\r\n"),
        "pop3 user": (40000, 110, b"USER brandon\r\nPASS secret\r\n"),
        "imap banner": (143, 40000, b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n"),
        "imap login": (40000, 143, b"a1 LOGIN brandon secret\r\na2 SELECT INBOX\r\n"),
        "ftp banner": (21, 40000, b"220 netarium FTP ready\r\n"),
        "ftp commands": (40000, 21, b"USER anonymous\r\nPASV\r\n"),
        "ftp passive": (21, 40000, b"227 Entering Passive Mode (10,0,0,2,195,80).\r\n"),
        "ssh banner": (22, 40000, b"SSH-2.0-AsyncSSH_2.18.0\r\n"),
        "ssh on an odd port": (2222, 40000, b"SSH-2.0-OpenSSH_9.6\r\n"),
        "ssh key exchange": (22, 40000, struct.pack("!IBB", 300, 10, 20) + bytes(range(256))),
        "telnet": (23, 40000, bytes.fromhex("fffd18 fffd20 fffb03") + b"login: "),
        "binary on the web's port": (40000, 80, bytes(range(256))),
    }
    made = {
        name: s.Ether(src=A, dst=B)
        / s.IP(src=SRC, dst=DST, id=0x55)
        / s.TCP(sport=sport, dport=dport, flags="PA", seq=1000, ack=2000)
        / data
        for name, (sport, dport, data) in said.items()
    }
    made["ntp"] = _udp(s, 123, 123) / (bytes.fromhex("230206ec") + bytes(44))
    made["tftp"] = _udp(s, 40000, 69) / b"\0\1pxelinux.0\0octet\0"
    made["syslog"] = _udp(s, 514, 514) / b"<34>Oct 11 22:14:15 h1 su: failed"
    return made
