"""Frames of the corpus that are about applications in depth: every DNS type, whole dialogues."""

from __future__ import annotations

import struct
import warnings

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
SRC, DST = "10.0.0.1", "10.0.0.2"

_ZONE = [
    "example.com. 300 IN MX 10 mail.example.com.",
    "example.com. 300 IN SOA ns.example.com. admin.example.com. 1 7200 900 1209600 300",
    'example.com. 300 IN TXT "v=spf1 -all" "second"',
    "example.com. 300 IN DNAME example.net.",
    'example.com. 300 IN HINFO "RFC8482" ""',
    "example.com. 300 IN RP mail.example.com. txt.example.com.",
    "example.com. 300 IN AFSDB 1 afs.example.com.",
    "_sip._udp.example.com. 300 IN SRV 10 20 5060 sip.example.com.",
    'example.com. 300 IN NAPTR 100 50 "u" "E2U+sip" "!^.*$!sip:a@b.c!" .',
    'example.com. 300 IN URI 10 1 "https://www.example.com/"',
    'example.com. 300 IN CAA 0 issue "ca.example.net"',
    "example.com. 300 IN DS 60485 5 1 2bb183af5f22588179a53b0a98631fad1a292118",
    "example.com. 300 IN DNSKEY 257 3 8 AwEAAcw5QLr0IjC0wKbGoBPQv4qmeqHy9mvL5qGQTuaG",
    "example.com. 300 IN RRSIG A 5 2 300 20300322173103 20230220173103 2642 example.com. AAAA",
    "example.com. 300 IN NSEC host.example.com. A MX RRSIG NSEC TYPE1234",
    "x.example.com. 300 IN NSEC3 1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr A RRSIG",
    "example.com. 300 IN NSEC3PARAM 1 0 12 aabbccdd",
    "example.com. 300 IN CSYNC 66 3 A NS AAAA",
    "_443._tcp.example.com. 300 IN TLSA 3 1 1 " + "ab" * 32,
    "example.com. 300 IN SSHFP 4 2 " + "cd" * 32,
    "example.com. 300 IN CERT PKIX 12345 RSASHA256 AQIDBA==",
    "example.com. 300 IN OPENPGPKEY AQIDBA==",
    "example.com. 300 IN ZONEMD 1 1 1 " + "62" * 48,
    "example.com. 300 IN EUI48 00-00-5e-00-53-2a",
    'example.com. 300 IN SVCB 1 . alpn="h2,h3" port="8443" ipv4hint="192.0.2.1"',
    "example.com. 300 IN HTTPS 0 www.example.com.",
    r"example.com. 300 IN TYPE65280 \# 4 0a000001",
]


def frames():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import scapy.all as s

    made = {}
    for port, (name, (sport, dport, data)) in enumerate(_streams().items(), 41000):
        # A port of its own, so that none is taken for what was sent again.
        made[name] = _segment(s, sport or port, dport or port, 1, data)
    made["ssh banner of a client"] = _segment(s, 42500, 22, 1, b"SSH-2.0-client\r\n")
    sequence = 1
    for name, data in _ssh().items():  # one after the other in one connection
        made[name] = _segment(s, 22, 42500, sequence, data)
        sequence += len(data)
    for name, (sport, dport, data) in {**_dns(), **_other_datagrams(s)}.items():
        made[name] = (
            s.Ether(src=A, dst=B)
            / s.IP(src=SRC, dst=DST, id=0x67)
            / s.UDP(sport=sport, dport=dport)
            / data
        )
    return {name: bytes(packet) for name, packet in made.items()}


def _segment(s, sport, dport, sequence, data):
    tcp = s.TCP(sport=sport, dport=dport, flags="PA", seq=sequence, ack=1)
    if sport < 1024:  # what the server says comes from the server
        return s.Ether(src=B, dst=A) / s.IP(src=DST, dst=SRC, id=0x66) / tcp / data
    return s.Ether(src=A, dst=B) / s.IP(src=SRC, dst=DST, id=0x66) / tcp / data


def _dns():
    import dns.edns
    import dns.message
    import dns.rrset

    made = {}
    for number, line in enumerate(_ZONE):
        owner, ttl, _, kind, text = line.split(" ", 4)
        query = dns.message.make_query(owner, kind, id=number + 1)
        response = dns.message.make_response(query)
        response.answer.append(dns.rrset.from_text(owner, int(ttl), "IN", kind, text))
        response.authority.append(
            dns.rrset.from_text("example.com.", 60, "IN", "NS", "ns.example.com.")
        )
        response.additional.append(
            dns.rrset.from_text("ns.example.com.", 60, "IN", "AAAA", "2001:db8::53")
        )
        made[f"dns type {kind.lower()}"] = (53, 42000 + number, response.to_wire())
    query = dns.message.make_query("www.example.com", "A", id=1000)
    options = [
        dns.edns.ECSOption("192.0.2.0", 24),
        dns.edns.EDEOption(22, "no reachable authority"),
        dns.edns.GenericOption(10, bytes(range(8))),
    ]
    query.use_edns(0, ednsflags=0x8000, options=options)
    made["dns edns options"] = (43000, 53, query.to_wire())
    llmnr = struct.pack("!6H", 7, 0, 1, 0, 0, 0) + b"\2h1\0\0\1\0\1"
    made["llmnr"] = (43001, 5355, llmnr)
    return made


def _message(number):
    question = b"\3www\7example\3com\0\0\1\0\1"
    return struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + question


def _streams():
    one, two = (struct.pack("!H", len(each)) + each for each in map(_message, (1, 2)))
    letter = b"Subject: x\r\n\r\nhello\r\n"
    return {
        "dns over tcp, two": (None, 53, one + two),
        "dns over tcp, cut": (None, 53, one[:20]),
        "dns over tcp, one and a half": (None, 53, one + two[:30]),
        "http pipeline": (
            None,
            80,
            b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
        "http folded": (None, 80, b"GET / HTTP/1.1\r\nX-A: one\r\n\ttwo\r\nHost: a\r\n\r\n"),
        "http escapes": (None, 80, b"GET /\x1b[2J\xff%20 HTTP/1.1\r\nA: \x07\xc3\xa9\r\n\r\n"),
        "http 2": (
            None,
            80,
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000 04 00 00000000"),
        ),
        "http without a reason": (80, None, b"HTTP/1.1 204\r\n\r\n"),
        "smtp dialogue": (None, 25, b"RCPT TO:<a@b>\r\nDATA\r\n"),
        "smtp letter": (None, 25, letter + b".\r\nQUIT\r\n"),
        "ftp login": (None, 21, b"USER brandon\r\n"),
        "ftp logged in": (21, None, b"230 Welcome\r\n"),
        "ftp features": (21, None, b"211-Features:\r\n EPRT\r\n SIZE\r\n211 End\r\n"),
        "ftp extended passive": (21, None, b"229 Entering Extended Passive Mode (|||5001|)\r\n"),
        "pop3 list": (110, None, b"+OK 2 messages\r\n1 120\r\n2 200\r\n.\r\n"),
        "pop3 error": (110, None, b"-ERR no such message\r\n"),
        "imap literal": (
            143,
            None,
            b"* 1 FETCH (BODY[] {%d}\r\n%s)\r\na1 OK done\r\n" % (len(letter), letter),
        ),
        "imap no": (143, None, b"a2 NO [AUTHENTICATIONFAILED] go away\r\n"),
        "imap idle": (None, 143, b"a3 IDLE\r\n"),
        "tls 1.2 flight": (443, None, _flight()),
        "tls record cut": (443, None, _flight()[:90]),
        "tls old": (
            None,
            443,
            b"\x16\x03\x00\x00\x31\x01\x00\x00\x2d\x03\x00"
            + bytes(range(32))
            + b"\0\0\x06\0\x0a\0\x2f\0\x35\x01\0",
        ),
    }


def _record(kind, body):
    return struct.pack("!BHH", kind, 0x0303, len(body)) + body


def _flight():
    """What a server of TLS 1.2 answers, and then encrypts."""
    hello = (
        b"\x03\x03" + bytes(range(32)) + b"\0" + b"\xc0\x2f\0" + bytes.fromhex("0005 ff01000100")
    )
    certificate = bytes(3) + bytes(range(200))
    messages = b"".join(
        bytes([kind]) + len(body).to_bytes(3, "big") + body
        for kind, body in ((2, hello), (11, certificate), (14, b""))
    )
    finished = bytes.fromhex(
        "d1f27a90b3c45e6f8091a2b3c4d5e6f7a8b9cadbecfd0e1f2a3b4c5d6e7f8091a2b3c4d5e6f7a8b9"
    )
    return _record(22, messages) + _record(20, b"\1") + _record(22, finished)


def _ssh():
    lists = [
        b"curve25519-sha256,diffie-hellman-group14-sha256",
        b"ssh-ed25519,rsa-sha2-512",
        b"chacha20-poly1305@openssh.com,aes128-ctr",
        b"aes256-gcm@openssh.com",
        b"hmac-sha2-256",
        b"hmac-sha2-512",
        b"none,zlib@openssh.com",
        b"none",
        b"",
        b"",
    ]
    body = b"\x14" + bytes(range(16))
    body += b"".join(struct.pack("!I", len(each)) + each for each in lists) + bytes(5)
    padding = 4 + -(len(body) + 5 + 4) % 8
    offers = struct.pack("!IB", len(body) + padding + 1, padding) + body + bytes(padding)
    new_keys = struct.pack("!IBB", 12, 10, 21) + bytes(10)
    return {
        "ssh banner with comments": b"SSH-2.0-netarium_1.0 in a lab\r\n",
        "ssh offers": offers,
        "ssh new keys": new_keys,
        "ssh encrypted": bytes.fromhex("9a3b5c7d8e9f0a1b2c3d4e5f60718293a4b5c6d7"),
        "ssh banner and more": b"SSH-2.0-netarium_1.0\r\n" + offers + new_keys,
    }


def _other_datagrams(s):
    overload = s.BOOTP(
        op=2, xid=9, sname=bytes([12, 2]) + b"h1\xff", file=bytes([3, 4, 10, 0, 0, 1, 255])
    )
    options = [("message-type", "ack"), (52, b"\3"), "end"]
    address = bytes.fromhex("20010db8" + "0" * 23 + "5")
    inner = struct.pack("!HH", 5, 24) + address + struct.pack("!II", 60, 120)
    association = struct.pack("!HH", 3, 12 + len(inner)) + bytes(12) + inner
    reply = (
        b"\x07\x12\x34\x56"
        + struct.pack("!HH", 1, 10)
        + bytes.fromhex("00030001 02000000000a")
        + association
    )
    relay = b"\x0d\x01" + bytes(32) + struct.pack("!HH", 9, len(reply)) + reply
    routes = bytes([8, 10, 10, 0, 0, 1, 0, 10, 0, 0, 2])
    initial = b"\xc3\0\0\0\1\x08" + bytes(range(8)) + b"\0\0\x44\xd0" + bytes(1200)
    return {
        "dhcp overload": (67, 68, overload / s.DHCP(options=options)),
        "dhcp routes": (
            67,
            68,
            s.BOOTP(op=2, xid=10)
            / s.DHCP(
                options=[
                    ("message-type", "offer"),
                    (121, routes),
                    (119, b"\1a\7example\0\1b\xc0\2"),
                    "end",
                ]
            ),
        ),
        "dhcpv6 reply": (547, 546, reply),
        "dhcpv6 relayed": (547, 547, relay),
        "quic initial": (44000, 443, initial),
        "ntp server": (
            123,
            44001,
            bytes.fromhex("240106ec")
            + bytes(8)
            + b"GPS\0"
            + struct.pack("!8I", *[3_913_056_000, 0] * 4),
        ),
    }
