"""The playground's web site: httpbin over HTTP and HTTPS, with curl and Python's own clients."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import pytest

from tests.system.clients import at_once, run_in
from tests.system.conftest import UpLab
from tests.system.test_playground_topology import INTERFACES

pytestmark = pytest.mark.needs("curl")

SITES = ["http://www.example.com", "https://www.example.com"]


def curl(lab: UpLab, words: str, node: str = "h1") -> str:
    """What curl, which verifies certificates unless told not to, gets."""
    return lab.out(node, f"curl -sS {words}")


@pytest.mark.parametrize("site", SITES)
def test_get_tells_what_was_asked(playground: UpLab, site: str) -> None:
    said = json.loads(curl(playground, f"-H 'X-Mine: yes' '{site}/get?a=1&b=two'"))
    assert said["args"] == {"a": "1", "b": "two"}
    assert said["headers"]["X-Mine"] == "yes"
    assert said["headers"]["Host"] == "www.example.com"
    assert said["origin"] == "10.25.1.65"
    assert said["url"] == f"{site}/get?a=1&b=two"


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_bodies_arrive(playground: UpLab, site: str, method: str) -> None:
    said = curl(playground, f"-X {method} -d name=brandon -d n=1 {site}/{method.lower()}")
    assert json.loads(said)["form"] == {"name": "brandon", "n": "1"}


def test_a_large_upload_arrives_whole(playground: UpLab) -> None:
    line = (
        "head -c 3000000 /dev/zero | tr '\\0' x > /tmp/body;"
        "curl -sS -H Content-Type:text/plain --data-binary @/tmp/body https://www.example.com/post"
        " | /usr/bin/python3 -c 'import json, sys; print(len(json.load(sys.stdin)[\"data\"]))';"
        "rm /tmp/body"
    )
    assert playground.out("h1", line) == "3000000\n"


@pytest.mark.parametrize("code", [200, 204, 301, 404, 418, 500])
def test_status(playground: UpLab, code: int) -> None:
    ask = f"-o /dev/null -w '%{{http_code}}' http://www/status/{code}"
    assert curl(playground, ask) == str(code)


def test_the_teapot(playground: UpLab) -> None:
    assert "teapot" in curl(playground, "http://www/status/418")


@pytest.mark.parametrize("site", SITES)
def test_streams_redirects_cookies_and_logins(playground: UpLab, site: str) -> None:
    lines = curl(playground, f"{site}/stream/5").splitlines()
    assert [json.loads(line)["id"] for line in lines] == [0, 1, 2, 3, 4]
    end = curl(playground, f"-L -o /dev/null -w '%{{num_redirects}} %{{url}}' {site}/redirect/3")
    assert end.split()[0] == "3"
    jar = curl(playground, f"-L -b '' {site}/cookies/set/colour/blue")
    assert json.loads(jar)["cookies"] == {"colour": "blue"}
    code = "-o /dev/null -w '%{http_code}'"
    assert curl(playground, f"{code} -u me:secret {site}/basic-auth/me/secret") == "200"
    assert curl(playground, f"{code} -u me:wrong {site}/basic-auth/me/secret") == "401"
    assert curl(playground, f"{code} --digest -u me:secret {site}/digest-auth/auth/me/secret") in (
        "200"
    )


def test_pictures_compression_and_ranges(playground: UpLab) -> None:
    fetch = "-o - https://www.example.com/image/png | head -c 8 | od -An -tx1"
    assert curl(playground, fetch).split() == ["89", "50", "4e", "47", "0d", "0a", "1a", "0a"]
    assert json.loads(curl(playground, "--compressed http://www/gzip"))["gzipped"] is True
    assert len(curl(playground, "http://www/bytes/1000?seed=1 | od -An -v -tx1").split()) == 1000
    assert curl(playground, "-r 3-6 http://www/range/26") == "defg"


def test_the_front_page_and_what_it_needs(playground: UpLab) -> None:
    """The page that describes the site must be whole without any other Internet."""
    page = curl(playground, "http://www.example.com/")
    assert "httpbin" in page
    parts = [p for p in re.findall(r'(?:src|href)="([^"#]+)"', page) if not p.startswith("http")]
    needed = [part for part in parts if part.endswith((".js", ".css"))]
    assert needed
    for part in needed:
        path = part if part.startswith("/") else f"/{part}"
        ask = f"-o /dev/null -w '%{{http_code}}' http://www.example.com{path}"
        assert curl(playground, ask) == "200", part


def test_every_node_gets_a_verified_page(playground: UpLab) -> None:
    line = "curl -sS -o /dev/null -w '%{http_code} %{ssl_verify_result}' https://www.example.com/"
    found = at_once(playground, dict.fromkeys(INTERFACES, line))
    assert {node: done.stdout for node, done in found.items()} == dict.fromkeys(INTERFACES, "200 0")


def _verify(names: list[str]) -> dict[str, str]:
    """The outcome of Python's default verification of www, under each name."""
    import socket
    import ssl

    found = {}
    for name in names:
        context = ssl.create_default_context()
        if hasattr(ssl, "VERIFY_X509_STRICT"):
            context.verify_flags |= ssl.VERIFY_X509_STRICT
        with socket.create_connection(("10.130.1.4", 443), 10) as link:
            try:
                with context.wrap_socket(link, server_hostname=name) as secure:
                    certificate = secure.getpeercert() or {}
                    found[name] = f"version {certificate['version']}"
            except ssl.SSLCertVerificationError as error:
                found[name] = error.verify_message
    return found


def test_python_verifies_the_certificate_and_the_name(playground: UpLab) -> None:
    good = ["www.example.com", "www", "10.130.1.4"]
    bad = ["mail.example.com", "example.com", "10.130.1.3"]
    found = run_in(playground, "h1", _verify, good + bad)
    assert {name: found[name] for name in good} == dict.fromkeys(good, "version 3")
    assert all("mismatch" in found[name] for name in bad), found


def test_curl_refuses_a_wrong_name_and_a_missing_authority(playground: UpLab) -> None:
    """curl's 60: the peer's certificate cannot be authenticated."""
    wrong = (
        "curl -sS --connect-to mail.example.com:443:www.example.com:443 https://mail.example.com"
    )
    assert playground.exec("h1", wrong, check=False).returncode == 60
    alone = "curl -sS --cacert /dev/null --capath /nowhere https://www.example.com"
    assert playground.exec("h1", alone, check=False).returncode in (60, 77)


def test_a_stranger_s_certificate_is_not_trusted_inside(playground: UpLab) -> None:
    """Inside, the lab's authority is the only one: the host's list of authorities is not there."""
    authority = playground.out("h1", "cat /etc/netarium/authority.pem")
    for node in "h1", "isp", "www":
        trusted = playground.out(node, "cat /etc/ssl/certs/ca-certificates.crt")
        digests = {hashlib.sha256(text.strip().encode()).digest() for text in (authority, trusted)}
        assert len(digests) == 1, node


def _crowd() -> dict[str, Any]:
    import http.client
    import urllib.request

    link = http.client.HTTPConnection("www", timeout=10)
    ports = set()
    for number in range(20):
        link.request("GET", f"/get?n={number}")
        answer = link.getresponse()
        body = json.loads(answer.read())
        assert body["args"] == {"n": str(number)}
        assert link.sock is not None, "the server closed the connection"
        ports.add(link.sock.getsockname()[1])
    link.close()
    with urllib.request.urlopen("https://www.example.com/headers", timeout=10) as page:
        agent = json.load(page)["headers"]["User-Agent"]
    return {"connections": len(ports), "agent": agent[:13]}


def test_python_clients_and_a_kept_connection(playground: UpLab) -> None:
    assert run_in(playground, "h4", _crowd) == {"connections": 1, "agent": "Python-urllib"}


def test_the_access_log_has_a_line_for_each_request(playground: UpLab) -> None:
    """On the node, and from the host; with the address that the server saw."""
    mark = hashlib.sha256(playground.name.encode()).hexdigest()[:12]
    curl(playground, f"-A tester/{mark} -e http://h1/ 'https://www.example.com/get?{mark}'", "h4")
    line = playground.out("www", f"grep {mark} /var/log/web.access.log")
    wanted = (
        r"10\.25\.1\.66 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "
        rf'"GET /get\?{mark} HTTP/1\.1" 200 \d+ "http://h1/" "tester/{mark}"\n'
    )
    assert re.fullmatch(wanted, line), line
    assert mark in playground.netarium("logs", "--lab", playground.name, "www", "web").stdout
