"""TLS: records and hellos, against what Python's own ssl says; parts of them; and noise."""

from __future__ import annotations

import random
import ssl

import pytest

from netarium.wire.applications.tls import TLS, Alert, ChangeCipherSpec, Encrypted
from netarium.wire.applications.tls_extensions import (
    ALPN,
    KeyShare,
    KeyShareEntry,
    ProtocolName,
    ServerName,
    SupportedGroups,
    SupportedVersions,
)
from netarium.wire.applications.tls_handshake import ClientHello, Handshake, ServerHello
from netarium.wire.internet.ipv4 import IPv4
from netarium.wire.packet import Packet
from netarium.wire.transport.tcp import TCP


def _context(low: ssl.TLSVersion, high: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version, context.maximum_version = low, high
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def _hello(context: ssl.SSLContext, name: str) -> bytes:
    """The first flight of a client of Python's."""
    sent = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return sent.read()


def _segment(payload: bytes) -> Packet:
    return Packet.parse((IPv4() / TCP(sport=40000, dport=8443) / payload).data, 101)


def test_a_real_client_hello() -> None:
    context = _context(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    packet = _segment(_hello(context, "www.example.com"))
    assert packet.stop is None
    hello = packet[TLS].client_hello
    assert hello is not None
    assert hello.server_name == "www.example.com"
    assert hello.versions == ("TLS 1.3", "TLS 1.2")
    assert hello.protocols == ("h2", "http/1.1")
    # OpenSSL leaves out those that its security level forbids, and adds a signal at the end.
    allowed = [cipher["id"] & 0xFFFF for cipher in context.get_ciphers()]
    offered = [suite for suite in hello.cipher_suites if suite in allowed]
    assert len(offered) >= len(hello.cipher_suites) - 1 > 10
    assert offered == [suite for suite in allowed if suite in offered]
    assert not any(part.title == "Unreadable" for part in hello.extensions)
    assert "for www.example.com (TLS 1.3, TLS 1.2; h2, http/1.1)" in str(packet)


def test_one_without_extensions_for_versions() -> None:
    packet = _segment(_hello(_context(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2), "a.example"))
    assert packet[TLS].client_hello.versions == ("TLS 1.2",)


def test_a_hello_over_two_segments_is_read_as_far_as_it_goes() -> None:
    whole = _hello(_context(ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_3), "www.example.com")
    names = set()
    for size in range(1, len(whole)):
        packet = _segment(whole[:size])
        assert packet.stop is None, size
        for layer in packet.layers:
            str(layer), tuple(layer.fields())
        tls = packet.get(TLS)
        if tls is not None:
            assert f"({size - 5} of {len(whole) - 5} bytes are here)" in str(tls)
            if tls.client_hello:
                names.add(tls.client_hello.server_name)
    assert "www.example.com" in names
    rest = _segment(whole[200:])
    assert TLS not in rest


def test_hellos_are_built() -> None:
    hello = ClientHello(
        random=bytes(range(32)),
        session_id=bytes(32),
        cipher_suites=["TLS_AES_128_GCM_SHA256", 0xC02F],
        extensions=[
            ServerName(name="a.example"),
            ALPN(protocols=[ProtocolName("h2")]),
            SupportedVersions(versions=["TLS 1.3", "TLS 1.2"]),
            SupportedGroups(groups=["x25519"]),
            KeyShare(shares=[KeyShareEntry(group="x25519", key=bytes(32))]),
        ],
    )
    record = TLS(body=[hello])
    assert record.length == len(hello.raw)
    assert hello.length == len(hello.raw) - 4
    read = TLS.view(record.raw)
    read.check()
    assert read.client_hello == hello
    assert read.client_hello.server_name == "a.example"
    # A real server takes it, and answers a client that is none with an alert or a hello.
    answer, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server = context.wrap_bio(answer, sent, server_side=True)
    answer.write(record.raw)
    with pytest.raises(ssl.SSLError, match=r"NO_SHARED_CIPHER|NO_SUITABLE"):
        server.do_handshake()
    alert = TLS.view(sent.read())
    assert str(alert) == "TLS alert fatal handshake_failure"


def test_a_server_hello_and_what_follows_it() -> None:
    hello = ServerHello(
        cipher_suite="TLS_AES_256_GCM_SHA384",
        extensions=[SupportedVersions(type=43, version=0x0304)],
    )
    # Built alone, an extension has the client's form: its raw bytes are the server's.
    hello.extensions = b"\x00\x2b\x00\x02\x03\x04"
    flight = TLS(body=[hello]).raw
    flight += TLS(type=20, body=[ChangeCipherSpec()]).raw
    flight += TLS(type=23, body=[Encrypted(content=bytes(40))]).raw
    packet = _segment(flight)
    records = [layer for layer in packet.layers if isinstance(layer, TLS)]
    assert [str(each) for each in records] == [
        "TLS ServerHello TLS 1.3 TLS_AES_256_GCM_SHA384",
        "TLS change_cipher_spec",
        "TLS application data, 40 bytes",
    ]
    assert records[0].server_hello.chosen_version == "TLS 1.3"
    assert packet.stop is None


def test_several_messages_in_a_record_and_one_over_several() -> None:
    done = bytes([14, 0, 0, 0])
    certificate = bytes([11, 0, 0x02, 0]) + bytes(0x200)
    record = TLS.view(TLS(body=certificate + done).raw)
    assert [part.summary() for part in record.body] == ["Certificate", "ServerHelloDone"]
    long = bytes([11, 1, 0, 0]) + bytes((1 << 14) - 4)
    assert [type(part) for part in TLS.view(TLS(body=long).raw).body] == [Handshake]
    noise = random.Random(1).randbytes(40)
    assert str(TLS.view(TLS(body=noise).raw)) == "TLS encrypted handshake"
    assert str(TLS.view(TLS(type=21, body=noise).raw)) == "TLS alert (encrypted)"
    assert str(TLS.view(TLS(type=21, body=[Alert(description="bad_certificate")]).raw)).endswith(
        "fatal bad_certificate"
    )


def test_a_record_of_many_empty_messages_is_read() -> None:
    record = TLS(body=bytes([14, 0, 0, 0]) * 4096)
    assert len(TLS.view(record.raw).body) == 4096


@pytest.mark.parametrize(
    ("at", "value", "why"),
    [
        (43, 255, "Session ID of 255 bytes"),
        (77, 255, "Cipher Suites of"),
        (-1, 0, ""),
    ],
)
def test_lengths_that_contradict_are_told(at: int, value: int, why: str) -> None:
    hello = ClientHello(
        session_id=bytes(32), cipher_suites=[0x1301], extensions=[ServerName(name="a")]
    )
    raw = bytearray(TLS(body=[hello]).raw)
    raw[at] = value
    packet = _segment(bytes(raw))
    assert why in str(packet.stop or "")
    assert bool(packet.stop) == bool(why)


def test_extensions_longer_than_what_is_left_are_told() -> None:
    hello = ClientHello(cipher_suites=[0x1301], extensions=b"\x00\x00\xff\xff\x00")
    packet = _segment(TLS(body=[hello]).raw)
    assert "an extension of 65539 bytes where 5 are left" in str(packet.stop)
