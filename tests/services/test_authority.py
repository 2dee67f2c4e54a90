import socket
import ssl
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_ssh_public_identity
from hypothesis import given, settings
from hypothesis import strategies as st

from netarium.model.lab import Interface, Lab, Node, Service
from netarium.services import authority


def lab_of(name: str = "small") -> Lab:
    web = Node(
        name="www",
        names=("www.example.com", "www"),
        interfaces=(
            Interface(name="eth0", link="l", addresses=("10.0.0.4/24", "fd00::4/64")),
            Interface(name="eth1", link="l", addresses=("10.0.0.4/24",)),
        ),
        services=(Service(name="web", kind="web"),),
    )
    plain = Node(name="h1", names=("h1",), services=(Service(name="ssh", kind="ssh"),))
    return Lab(name=name, nodes=(web, plain))


def verified(context: ssl.SSLContext, pem: Path, server_name: str) -> str:
    """Make a TLS connection over a socket pair; the protocol version agreed upon."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(pem)
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            server_context.wrap_socket(theirs, server_side=True).close()
        except ssl.SSLError:
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with context.wrap_socket(ours, server_hostname=server_name) as client:
            return client.version() or ""
    finally:
        ours.close()
        thread.join()


@pytest.mark.parametrize(
    "name", ["www", "www.example.com", "localhost", "10.0.0.4", "fd00::4", "127.0.0.1", "::1"]
)
def test_strict_verification_accepts_every_name_and_address(tmp_path: Path, name: str) -> None:
    credentials = authority.make(lab_of())
    pem = tmp_path / "tls.pem"
    pem.write_bytes(credentials.nodes["www"].tls or b"")
    context = ssl.create_default_context(cadata=credentials.authority.decode())
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    assert verified(context, pem, name) == "TLSv1.3"


def test_another_name_and_another_lab_are_refused(tmp_path: Path) -> None:
    credentials = authority.make(lab_of())
    pem = tmp_path / "tls.pem"
    pem.write_bytes(credentials.nodes["www"].tls or b"")
    context = ssl.create_default_context(cadata=credentials.authority.decode())
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        verified(context, pem, "mail")
    stranger = ssl.create_default_context(cadata=authority.make(lab_of()).authority.decode())
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        verified(stranger, pem, "www")


def test_only_nodes_with_a_tls_service_get_a_tls_certificate() -> None:
    credentials = authority.make(lab_of())
    assert credentials.nodes["www"].tls is not None
    assert credentials.nodes["h1"].tls is None


def test_certificates_last_a_year_from_yesterday() -> None:
    now = datetime(2030, 5, 1, tzinfo=UTC)
    certificate = x509.load_pem_x509_certificate(authority.make(lab_of(), now).authority)
    assert certificate.not_valid_before_utc == now - timedelta(days=1)
    assert certificate.not_valid_after_utc == now + timedelta(days=364)


@pytest.mark.parametrize("name", ["small", "Two  Spaces", "Grün", "x" * 90])
def test_authority_file_is_named_as_openssl_names_it(tmp_path: Path, name: str) -> None:
    credentials = authority.make(lab_of(name))
    pem = tmp_path / "ca.pem"
    pem.write_bytes(credentials.authority)
    command = ["openssl", "x509", "-noout", "-hash", "-in", str(pem)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    assert credentials.authority_file == f"{result.stdout.strip()}.0"


def test_openssl_finds_the_authority_in_a_directory(tmp_path: Path) -> None:
    credentials = authority.make(lab_of())
    (tmp_path / credentials.authority_file).write_bytes(credentials.authority)
    leaf = tmp_path / "leaf.pem"
    leaf.write_bytes(credentials.nodes["www"].tls or b"")
    command = ["openssl", "verify", "-x509_strict", "-CApath", str(tmp_path), str(leaf)]
    assert subprocess.run(command, capture_output=True).returncode == 0


def test_host_certificate_names_the_host_and_verifies() -> None:
    credentials = authority.make(lab_of())
    certificate = load_ssh_public_identity(credentials.nodes["www"].host_certificate)
    certificate.verify_cert_signature()  # type: ignore[union-attr]
    principals = certificate.valid_principals  # type: ignore[union-attr]
    assert principals[:4] == [b"*", b"www.example.com", b"www", b"localhost"]
    assert b"10.0.0.4" in principals
    assert credentials.known_hosts.startswith(b"@cert-authority * ssh-ed25519 ")


def test_private_keys_stay_out_of_the_representation() -> None:
    credentials = authority.make(lab_of())
    assert "PRIVATE" not in repr(credentials)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1), max_size=30))
def test_every_node_gets_its_own_host_key(names: list[str]) -> None:
    nodes = tuple(Node(name=name, names=(name,)) for name in dict.fromkeys(names))
    credentials = authority.make(Lab(name="l", nodes=nodes))
    assert set(credentials.nodes) == {node.name for node in nodes}
    assert len({c.host_key for c in credentials.nodes.values()}) == len(nodes)
