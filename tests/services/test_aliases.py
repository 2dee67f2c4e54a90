"""Aliases of nodes, read from DNS records, and their way into certificates."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_ssh_public_identity

from netarium.model.lab import Lab, Node, Service
from netarium.services import authority
from netarium.services.aliases import aliases


def lab_with(*records: str, zone: str | None = None, domain: str | None = "example.com") -> Lab:
    options = {"zone": zone, "records": list(records)}
    dns = Node(
        name="ns", names=("ns",), services=(Service(name="dns", kind="dns", options=options),)
    )
    mail = Node(
        name="mail",
        names=("mail.example.com",),
        services=(Service(name="mail", kind="mail"),),
    )
    modem = Node(name="modemB", names=("modemB",))
    return Lab(name="l", domain=domain, nodes=(dns, mail, modem))


def test_an_alias_is_known_with_and_without_the_domain() -> None:
    found = aliases(lab_with("smtp CNAME mail", "@ MX 10 mail"))
    assert found == {"mail": ("smtp.example.com", "smtp")}


def test_aliases_of_aliases_ttl_class_case_and_absolute_names() -> None:
    found = aliases(
        lab_with(
            "SMTP 300 IN cname post ; the old name",
            "post CNAME mail.example.com.",
            "door.other.org. CNAME MODEMB.example.com.",
        )
    )
    assert found == {
        "mail": ("smtp.example.com", "smtp", "post.example.com", "post"),
        "modemB": ("door.other.org",),
    }


def test_circles_and_strangers_lead_nowhere() -> None:
    assert aliases(lab_with("a CNAME b", "b CNAME a", "c CNAME www.elsewhere.org.")) == {}
    assert aliases(lab_with("nonsense", "", "x CNAME")) == {}


def test_another_zone_and_no_domain() -> None:
    assert aliases(lab_with("x CNAME mail.example.com.", zone="z.org")) == {"mail": ("x.z.org",)}
    assert aliases(lab_with("x CNAME mail", domain=None)) == {"mail": ("x",)}


def test_certificates_hold_the_aliases() -> None:
    mail = authority.make(lab_with("smtp CNAME mail")).nodes["mail"]
    ssh = load_ssh_public_identity(mail.host_certificate)
    assert {b"smtp", b"smtp.example.com"} <= set(ssh.valid_principals)  # type: ignore[union-attr]
    tls = x509.load_pem_x509_certificate(mail.tls or b"")
    names = tls.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"smtp", "smtp.example.com"} <= set(names.get_values_for_type(x509.DNSName))


def test_host_certificate_lists_names_as_openssh_compares_them() -> None:
    """OpenSSH folds what its user typed to small letters, and then compares exactly."""
    modem = authority.make(lab_with()).nodes["modemB"]
    ssh = load_ssh_public_identity(modem.host_certificate)
    assert {b"modemB", b"modemb"} <= set(ssh.valid_principals)  # type: ignore[union-attr]
