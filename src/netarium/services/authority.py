"""The lab's authorities: who vouches for its TLS servers, its SSH hosts and its users.

Pure: keys and certificates come back as bytes, nothing is read or written but
the system's randomness. All keys are elliptic (P-256 for TLS, Ed25519 for SSH)
because a lab makes one of each for every node while somebody waits. The private
keys of both authorities are forgotten once all nodes have what they need.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    SSHCertificateBuilder,
    SSHCertificateType,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from netarium.model.lab import Lab, Node
from netarium.services.aliases import aliases

__all__ = ["TLS_KINDS", "Credentials", "NodeCredentials", "make", "subject_hash"]

#: Kinds of service that speak TLS; only a node with one of them gets a TLS certificate.
TLS_KINDS = frozenset({"ftp", "mail", "web"})

_LIFETIME = timedelta(days=365)
#: Certificates are valid from a day ago, so that a clock that lags does not refuse them.
_BACKDATE = timedelta(days=1)
#: OpenSSH takes no certificate with more (SSHKEY_CERT_MAX_PRINCIPALS, sshkey.h). The last
#: addresses of a node that has more are not vouched for.
_MOST_PRINCIPALS = 256


@dataclass(frozen=True)
class NodeCredentials:
    """What one node needs to prove that it is itself.

    Attributes:
        host_key: private SSH host key, OpenSSH format.
        host_key_public: its public line.
        host_certificate: its host certificate, the line of ``-cert.pub``.
        tls: PEM, certificate followed by private key; None for a node without TLS.
    """

    host_key: bytes = field(repr=False)
    host_key_public: bytes
    host_certificate: bytes
    tls: bytes | None = field(repr=False)


@dataclass(frozen=True)
class Credentials:
    """Everything that one lab's authorities have issued.

    Attributes:
        authority: PEM, the TLS authority's certificate.
        authority_file: the name under which OpenSSL finds it in ``/etc/ssl/certs``.
        user_key: private SSH key that every account of the lab accepts, OpenSSH format.
        user_key_public: its public line, as ``authorized_keys`` wants it.
        known_hosts: the ``@cert-authority`` line that vouches for every host of the lab.
        nodes: by node name.
    """

    authority: bytes
    authority_file: str
    user_key: bytes = field(repr=False)
    user_key_public: bytes
    known_hosts: bytes
    nodes: dict[str, NodeCredentials]


@dataclass(frozen=True)
class _Identities:
    """Names (canonical first) and addresses by which clients reach a node, itself included."""

    node: str
    names: tuple[str, ...]
    addresses: tuple[str, ...]

    @classmethod
    def of(cls, node: Node, aliases: tuple[str, ...]) -> _Identities:
        names = dict.fromkeys((*node.names, node.name, "localhost", *aliases))
        addresses = dict.fromkeys((*node.addresses, "127.0.0.1", "::1"))
        return cls(node.name, tuple(names), tuple(addresses))


def make(lab: Lab, now: datetime | None = None) -> Credentials:
    """Issue every key and certificate that ``lab`` needs.

    Args:
        lab: names and addresses of its nodes go into their certificates.
        now: the moment of issue (aware); the present by default.
    """
    now = now or datetime.now(UTC)
    ssh_authority = Ed25519PrivateKey.generate()
    user_key = Ed25519PrivateKey.generate()
    tls_authority = _TlsAuthority(lab.name, now)
    nodes: dict[str, NodeCredentials] = {}
    further = aliases(lab)
    for serial, node in enumerate(lab.nodes, start=1):
        known_as = _Identities.of(node, further.get(node.name, ()))
        host_key = Ed25519PrivateKey.generate()
        has_tls = any(service.kind in TLS_KINDS for service in node.services)
        nodes[node.name] = NodeCredentials(
            host_key=_private_openssh(host_key),
            host_key_public=_public_line(host_key, node.name),
            host_certificate=_host_certificate(ssh_authority, host_key, known_as, serial, now),
            tls=tls_authority.issue(known_as) if has_tls else None,
        )
    return Credentials(
        authority=tls_authority.certificate.public_bytes(Encoding.PEM),
        authority_file=f"{subject_hash(tls_authority.certificate)}.0",
        user_key=_private_openssh(user_key),
        user_key_public=_public_line(user_key, f"netarium-{lab.name}"),
        known_hosts=b"@cert-authority * " + _public_line(ssh_authority, f"netarium-{lab.name}"),
        nodes=nodes,
    )


def subject_hash(certificate: x509.Certificate) -> str:
    """The hash by which OpenSSL looks a certificate up in a directory (X509_NAME_hash).

    SHA-1 over the canonical subject: each value lower-cased, its inner spaces
    squeezed, encoded as UTF8String, and the whole without the outer SEQUENCE
    header (crypto/x509/x_name.c); the first four bytes, least significant first.
    """
    canonical = b""
    for rdn in certificate.subject.rdns:
        entries = [
            _der(0x30, _oid(attribute.oid.dotted_string) + _der(0x0C, _canonical(attribute.value)))
            for attribute in rdn
        ]
        canonical += _der(0x31, b"".join(sorted(entries)))
    digest = hashlib.sha1(canonical, usedforsecurity=False).digest()
    return f"{int.from_bytes(digest[:4], 'little'):08x}"


def _canonical(value: str | bytes) -> bytes:
    # OpenSSL folds the case of ASCII only and leaves other characters alone.
    text = value.encode() if isinstance(value, str) else value
    return b" ".join(text.split()).lower()


def _der(tag: int, content: bytes) -> bytes:
    """One DER element (X.690): tag, length, content."""
    length = len(content)
    if length < 128:
        return bytes((tag, length)) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + content


def _oid(dotted: str) -> bytes:
    first, second, *rest = (int(part) for part in dotted.split("."))
    content = b""
    for arc in (first * 40 + second, *rest):
        encoded = bytes((arc & 0x7F,))
        while arc := arc >> 7:
            encoded = bytes((0x80 | arc & 0x7F,)) + encoded
        content += encoded
    return _der(0x06, content)


class _TlsAuthority:
    """The X.509 authority: issues what RFC 5280 and Python's strict verification ask for."""

    def __init__(self, lab: str, now: datetime) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._from, self._until = now - _BACKDATE, now - _BACKDATE + _LIFETIME
        # The random part keeps the authorities of two labs (or of one lab, twice)
        # apart in a trust store.
        serial = x509.random_serial_number()
        name = f"netarium {serial & 0xFFFFFF:06x} {lab}"
        self._name = _distinguished_name(name)
        public = self._key.public_key()
        subject_key = x509.SubjectKeyIdentifier.from_public_key(public)
        self._authority_key = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
            subject_key
        )
        self.certificate = (
            self._builder(self._name, public, serial)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(authority=True), critical=True)
            .add_extension(subject_key, critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def issue(self, known_as: _Identities) -> bytes:
        """A server certificate for all names and addresses of a node, and its key, as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        public = key.public_key()
        certificate = (
            self._builder(_distinguished_name(known_as.names[0]), public)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.SubjectAlternativeName(list(_general_names(known_as))), critical=False
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(self._authority_key, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return certificate.public_bytes(Encoding.PEM) + private

    def _builder(
        self, subject: x509.Name, public: ec.EllipticCurvePublicKey, serial: int | None = None
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(serial or x509.random_serial_number())
            .not_valid_before(self._from)
            .not_valid_after(self._until)
        )


def _distinguished_name(common_name: str) -> x509.Name:
    # X.520 allows a common name 64 characters; cryptography counts bytes.
    common_name = common_name.encode()[:64].decode(errors="ignore")
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _general_names(known_as: _Identities) -> Iterator[x509.GeneralName]:
    yield from (x509.DNSName(name) for name in known_as.names)
    yield from (x509.IPAddress(ip_address(address)) for address in known_as.addresses)


def _host_certificate(
    authority: Ed25519PrivateKey,
    key: Ed25519PrivateKey,
    known_as: _Identities,
    serial: int,
    now: datetime,
) -> bytes:
    # Where OpenSSH (10.3) takes "*" for any name it vouches for the names in somebody's
    # ssh_config. Other versions compare letter by letter with the name that the user
    # typed in small letters (sshconnect.c), so that is how each must be listed.
    names = dict.fromkeys(("*", *known_as.names, *map(str.lower, known_as.names)))
    known = (*names, *known_as.addresses)
    principals = [entry.encode() for entry in known[:_MOST_PRINCIPALS]]
    certificate = (
        SSHCertificateBuilder()
        .public_key(key.public_key())
        .type(SSHCertificateType.HOST)
        .serial(serial)
        .key_id(known_as.node.encode())
        .valid_principals(principals)
        .valid_after(int((now - _BACKDATE).timestamp()))
        .valid_before(int((now - _BACKDATE + _LIFETIME).timestamp()))
        .sign(authority)
    )
    return certificate.public_bytes() + b" " + known_as.node.encode() + b"\n"


def _private_openssh(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


def _public_line(key: Ed25519PrivateKey, comment: str) -> bytes:
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return public + b" " + comment.encode() + b"\n"
