"""Protocols of text: HTTP, SMTP, FTP, POP3, IMAP and SSH, line by line."""

from __future__ import annotations

import pytest

from netarium.wire.applications.ftp import FTP, FTPCommand
from netarium.wire.applications.guessing import application, guess
from netarium.wire.applications.http import (
    HTTP2Frame,
    HTTP2Preface,
    HTTPField,
    HTTPRequest,
    HTTPResponse,
)
from netarium.wire.applications.imap import IMAP, IMAPCommand, IMAPResponse
from netarium.wire.applications.ntp import NTP
from netarium.wire.applications.pop3 import POP3, POP3Command, POP3Response
from netarium.wire.applications.quic import QUIC
from netarium.wire.applications.smtp import SMTP, SMTPCommand
from netarium.wire.applications.ssh import SSH, KeyExchangeInit, SSHPacket
from netarium.wire.applications.telnet import Telnet, TelnetCommand
from netarium.wire.applications.text_protocol import Reply, TextLines
from netarium.wire.applications.tls import TLS
from netarium.wire.field import FieldError
from netarium.wire.internet.ipv4 import IPv4
from netarium.wire.packet import Packet
from netarium.wire.transport.tcp import TCP


def _segment(payload: bytes, sport: int = 40000, dport: int = 12345) -> Packet:
    return Packet.parse((IPv4() / TCP(sport=sport, dport=dport) / payload).data, 101)


def _tiles(header) -> None:
    """Fields lie one behind the other without a gap, and parts within them, too."""
    at = 8 * header.start
    for shown in header.fields():
        assert shown.bit == at
        at += shown.bits
        inner = shown.bit
        for part in shown.parts:
            assert part.bit == inner
            inner += part.bits
    assert at == 8 * header.end_of_header()


# --- HTTP ---------------------------------------------------------------------------------

HEAD = b"GET /a?b=c HTTP/1.1\r\nHost: www.example.com\r\nX-Long: one\r\n two\r\nEmpty:\r\n\r\n"


def test_a_request() -> None:
    packet = _segment(HEAD + b"body")
    request = packet[HTTPRequest]
    assert (request.method, request.target, request.version) == ("GET", "/a?b=c", "HTTP/1.1")
    assert request.host == request.header("HOST") == "www.example.com"
    assert [(each.name, each.value) for each in request.headers] == [
        ("Host", "www.example.com"),
        ("X-Long", "one\r\n two"),
        ("Empty", ""),
    ]
    assert packet.payload == b"body"
    assert str(request) == "HTTP GET /a?b=c"
    _tiles(request)


def test_a_response() -> None:
    packet = _segment(b"HTTP/1.0 404 Not Found\r\nServer: x\n\nHTTP/1.1 200\r\n\r\n")
    first, second = (each for each in packet.layers if isinstance(each, HTTPResponse))
    assert (first.version, first.status, first.reason) == ("HTTP/1.0", 404, "Not Found")
    assert (second.status, second.reason, second.headers) == (200, "", ())
    _tiles(first)
    _tiles(second)


def test_requests_are_built_and_changed() -> None:
    request = HTTPRequest("POST", "/form", headers={"Host": "h", "Content-Length": "3"})
    assert request.raw == b"POST /form HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n"
    request.target = "/other"
    assert request.raw.startswith(b"POST /other HTTP/1.1\r\nHost: h\r\n")
    assert HTTPRequest().raw == b"GET / HTTP/1.1\r\n\r\n"
    assert HTTPResponse(404, "Not Found", headers=[HTTPField("A", "b")]).raw == (
        b"HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n"
    )
    packet = _segment(HEAD + b"body")
    packet[HTTPRequest].method = "PUT"
    assert packet.data.endswith(b"PUT" + HEAD[3:] + b"body")


@pytest.mark.parametrize("bad", ["a b", "a\r\nX: y"])
def test_what_would_break_a_line_is_refused(bad: str) -> None:
    with pytest.raises(FieldError):
        HTTPRequest("GET", bad)
    with pytest.raises(FieldError, match="one line"):
        HTTPField("Name", "a\nb")


def test_terminals_see_no_control_characters() -> None:
    packet = _segment(b"GET /\x1b[2J\xff HTTP/1.1\r\nA\x07: \x1b]0;x\x07\xe2\x80\xae\r\n\r\n")
    request = packet[HTTPRequest]
    texts = [str(packet), *(each.text for each in request.fields())]
    texts += [part.text for each in request.fields() for part in each.parts]
    assert all(text.isprintable() for text in texts)
    assert request.target == "/\x1b[2J\\xff"
    assert r"\x1b[2J" in str(packet)
    assert request.raw == packet.data[40:]  # what it says is kept to the byte


def test_http_2_by_name() -> None:
    frame = HTTP2Frame(type="SETTINGS", stream=0, length=6, body=bytes(6))
    packet = _segment(HTTP2Preface().raw + frame.raw + frame.raw)
    assert [layer.title for layer in packet.layers[2:]] == [
        "HTTP/2 preface",
        "HTTP/2 frame",
        "HTTP/2 frame",
    ]
    assert "SETTINGS on stream 0, 6 bytes" in str(packet)


# --- lines --------------------------------------------------------------------------------


def test_commands_and_replies_of_smtp() -> None:
    said = b"250-mail.example.com\r\n250 SIZE 1\r\nMAIL FROM:<a@b>\r\nQuit\r\n"
    packet = _segment(said, dport=25)
    smtp = packet[SMTP]
    assert [type(line) for line in smtp.lines] == [Reply, Reply, SMTPCommand, SMTPCommand]
    first, _, mail, leave = smtp.lines
    assert (first.code, first.mark, first.text) == (250, "-", "mail.example.com")
    assert (mail.verb, mail.argument) == ("MAIL", "FROM:<a@b>")
    assert (leave.verb, leave.argument) == ("Quit", "")
    assert str(smtp) == "SMTP 250-mail.example.com (+3)"
    _tiles(smtp)
    for line in smtp.lines:
        _tiles(line)
    lines = [Reply(250, "mail.example.com", mark="-"), Reply(250, "SIZE 1")]
    lines += [SMTPCommand("MAIL", "FROM:<a@b>"), SMTPCommand("Quit")]
    assert SMTP(lines=lines).raw == said


def test_what_is_no_command_is_text_in_one_piece() -> None:
    packet = _segment(b"Subject: x\r\n\r\nhello\r\n.\r\nQUIT\r\n", dport=25)
    assert [type(line) for line in packet[SMTP].lines] == [TextLines, SMTPCommand]
    assert packet[SMTP].lines[0].summary() == "Subject: x (and 3 more lines)"
    assert SMTP not in _segment(bytes(range(100)), dport=25)


def test_ftp() -> None:
    packet = _segment(b"USER anonymous\r\nPASV\r\n", dport=21)
    assert [(line.verb, line.argument) for line in packet[FTP].lines] == [
        ("USER", "anonymous"),
        ("PASV", ""),
    ]
    features = _segment(b"211-Features:\r\n EPRT\r\n SIZE\r\n211 End\r\n", sport=21)
    assert [type(line) for line in features[FTP].lines] == [Reply, TextLines, Reply]
    assert FTP(lines=[FTPCommand("RETR", "a b")]).raw == b"RETR a b\r\n"


def test_pop3() -> None:
    packet = _segment(b"+OK 2 messages\r\nfrom: x\r\n.\r\n", sport=110)
    response, text = packet[POP3].lines
    assert (response.indicator, response.text) == ("+OK", "2 messages")
    assert text.summary() == "from: x"
    assert POP3(lines=[POP3Command("USER", "x"), POP3Response(text="done")]).raw == (
        b"USER x\r\n+OK done\r\n"
    )
    assert POP3Response("-ERR").raw == b"-ERR\r\n"


def test_imap_with_a_literal() -> None:
    letter = b"a2 OK this is no response\r\n"
    said = b"* 1 FETCH (BODY[] {%d}\r\n%s)\r\na1 OK done\r\n" % (len(letter), letter)
    packet = _segment(said + b"a2 UID FETCH 1 (FLAGS)\r\n+ go on\r\n", dport=143)
    lines = packet[IMAP].lines
    assert [type(line) for line in lines] == [
        IMAPResponse,
        TextLines,
        TextLines,
        IMAPResponse,
        IMAPCommand,
        IMAPResponse,
    ]
    assert lines[1].raw == letter
    assert (lines[3].tag, lines[3].status) == ("a1", "OK")
    assert (lines[4].tag, lines[4].verb, lines[4].argument) == ("a2", "UID", "FETCH 1 (FLAGS)")
    assert (lines[5].tag, lines[5].text) == ("+", "go on")
    _tiles(packet[IMAP])
    assert IMAP(lines=[IMAPCommand("a1", "NOOP"), IMAPResponse(text="BYE")]).raw == (
        b"a1 NOOP\r\n* BYE\r\n"
    )


@pytest.mark.parametrize("size", ["99", "9999999999"])
def test_a_literal_that_goes_on_in_the_next_segment(size: str) -> None:
    packet = _segment(b"* 1 FETCH {%s}\r\nabc" % size.encode(), sport=143)
    assert [line.raw for line in packet[IMAP].lines][1] == b"abc"


# --- SSH and others -----------------------------------------------------------------------


def _offers() -> KeyExchangeInit:
    return KeyExchangeInit(
        key_exchanges=["curve25519-sha256"],
        host_keys=["ssh-ed25519"],
        encryption_to_server=["aes128-ctr", "none"],
        padding=bytes(4 + 7),
    )


def test_ssh() -> None:
    offers = _offers()
    offers.padding = bytes(4 + -(len(offers.raw) - 11 + 4) % 8)
    packet = _segment(SSH("netarium_1.0", "in a lab").raw + offers.raw, dport=22)
    assert packet.stop is None
    banner = packet[SSH]
    assert (banner.version, banner.software, banner.comments) == ("2.0", "netarium_1.0", "in a lab")
    read = packet[KeyExchangeInit]
    assert read.host_keys == ("ssh-ed25519",)
    assert read.encryption_to_server == ("aes128-ctr", "none")
    assert str(packet).endswith("SSH key exchange offers curve25519-sha256, ...")
    _tiles(banner)
    _tiles(read)
    later = SSHPacket(message="NEWKEYS", padding=bytes(10))
    assert str(_segment(later.raw, sport=22)).endswith("SSH packet NEWKEYS")
    assert SSHPacket not in _segment(b"\1" + bytes(43), sport=22)


def test_telnet() -> None:
    said = bytes.fromhex("fffd18 fffb01 fffa18 00 7874657267 fff0 fffa1f 0050 0018 fff0 fff6")
    packet = _segment(said + b"login: \xff\xff\x1b[2J\r\n", sport=23)
    assert [part.summary() for part in packet[Telnet].parts] == [
        "DO Terminal Type",
        "WILL Echo",
        "Terminal Type is xterg",
        "Negotiate About Window Size 80 columns, 24 rows",
        "AYT",
        "login: \\xff\\xff\\x1b[2J",
    ]
    _tiles(packet[Telnet])
    for part in packet[Telnet].parts:
        _tiles(part)
    built = Telnet(parts=[TelnetCommand("DO", 1), TelnetCommand("NOP"), TextLines("hi")])
    assert built.raw == b"\xff\xfd\x01\xff\xf1hi"
    for size in range(1, len(said)):
        cut = _segment(said[:size], sport=23)
        assert b"".join(part.raw for part in cut[Telnet].parts) == said[:size]
        assert str(cut).isprintable()


def test_ntp_and_quic() -> None:
    time = (3_913_056_000 << 32) + (1 << 31)  # 2024-01-01, half a second past midnight
    message = NTP(mode="server", stratum=1, reference_id=b"GPS\0", transmit=time, poll=6)
    shown = {each.name: each.text for each in message.fields()}
    assert shown["transmit"] == "2024-01-01 00:00:00.500000 UTC"
    assert shown["reference_id"] == "GPS"
    assert shown["poll"] == "6 (64 s)"
    assert str(message) == "NTP version 4, server, stratum 1"
    # In 2036 the seconds begin at 0 again.
    (*_, late) = NTP(transmit=1 << 32).fields()
    assert late.text == "2036-02-07 06:28:17.000000 UTC"
    initial = QUIC(destination=bytes(8), source=b"\1").raw + bytes(1200)
    assert guess(initial, "udp") is QUIC
    assert str(QUIC.view(initial)) == "QUIC version 1, Initial"


GUESSES = [
    (b"GET / HTTP/1.1\r\n", HTTPRequest),
    (b"OPTIONS * HTTP/1.1\r\n", HTTPRequest),
    (b"GET /a-very-long-one", HTTPRequest),
    (b"HTTP/1.1 200 OK\r\n", HTTPResponse),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HTTP2Preface),
    (b"SSH-2.0-x\r\n", SSH),
    (b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", TLS),
    (b"220 mail ESMTP\r\n", SMTP),
    (b"EHLO me\r\n", SMTP),
    (b"220 ready FTP\r\n", FTP),
    (b"+OK ready\r\n", POP3),
    (b"* OK ready\r\n", IMAP),
    (b"220 who knows\r\n", None),
    (b"USER x\r\n", None),
    (b"GETTING there\r\n", None),
    (b"HTTP is nice", None),
    (b"\x16\x03\x09\x00\x05abcde", None),
    (b"\x17\x03\x03\xff\xff", None),
    (b"\x00" * 50, None),
    (b"abc", None),
    (b"", None),
]


@pytest.mark.parametrize(("payload", "kind"), GUESSES, ids=[repr(raw[:20]) for raw, _ in GUESSES])
def test_first_bytes_tell(payload: bytes, kind: type | None) -> None:
    assert guess(payload, "tcp") is kind
    assert application("tcp", 40000, 41000, payload) is kind
    assert guess(payload, "udp") is None


def test_ports_tell_what_bytes_cannot() -> None:
    assert application("tcp", 40000, 21, b"USER x\r\n") is FTP
    assert application("tcp", 110, 40000, b"USER x\r\n") is POP3
    assert application("tcp", 40000, 25, b"220 who knows\r\n") is SMTP
    # What the bytes say for certain counts more, and encrypted text is no text.
    assert application("tcp", 40000, 25, b"GET / HTTP/1.1\r\n") is HTTPRequest
    assert application("tcp", 40000, 143, b"\x17\x03\x03\x00\x10" + bytes(16)) is TLS
    assert application("tcp", 40000, 80, b"the middle of a page") is None
    assert application("tcp", 40000, 443, b"the middle of a record") is None
    assert application("udp", 123, 123, bytes(12)) is None
