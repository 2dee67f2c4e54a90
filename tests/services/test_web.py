import http.client
import json
import random
import re
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from netarium.errors import NetariumError
from netarium.model.lab import Lab, Node, Service
from netarium.services import web

from .served import Served, served

NODE = Node(name="www", names=("www",))


@pytest.fixture(scope="module")
def httpbin(tmp_path_factory):
    directory = tmp_path_factory.mktemp("web")
    with served("web", directory, tls=True, app="httpbin:app") as running:
        yield running


def connect(server: Served) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)


def get(server: Served, path: str, headers: dict[str, str] | None = None):
    client = connect(server)
    client.request("GET", path, headers=headers or {})
    response = client.getresponse()
    body = response.read()
    client.close()
    return response, body


def access_lines(server: Served) -> list[str]:
    return (server.directory / "web.access.log").read_text().splitlines()


def test_httpbin_shows_its_own_page(httpbin):
    response, body = get(httpbin, "/")
    assert response.status == 200
    assert b"<title>httpbin.org</title>" in body
    assert b"swagger-ui" in body
    assert json.loads(get(httpbin, "/spec.json")[1])["paths"]["/get"]


def test_connection_is_kept_for_many_requests(httpbin):
    client = connect(httpbin)
    client.connect()
    local = client.sock.getsockname()
    for number in range(5):
        client.request("GET", f"/get?n={number}")
        assert json.loads(client.getresponse().read())["args"] == {"n": str(number)}
    assert client.sock.getsockname() == local
    client.close()


def test_streams_arrive_in_chunks_while_they_are_made(httpbin):
    client = connect(httpbin)
    started = time.monotonic()
    client.request("GET", "/drip?duration=1&numbytes=4&delay=0")
    response = client.getresponse()
    assert response.read(1) == b"*"
    assert time.monotonic() - started < 0.6
    assert response.read() == b"***"
    client.request("GET", "/stream/3")
    response = client.getresponse()
    assert response.headers["Transfer-Encoding"] == "chunked"
    assert len(response.read().splitlines()) == 3
    client.close()


def test_head_has_the_headers_and_no_body(httpbin):
    client = connect(httpbin)
    for path in ("/get", "/stream/2"):
        client.request("HEAD", path)
        response = client.getresponse()
        assert (response.status, response.read()) == (200, b"")
    client.close()


def test_chunked_body_is_read_and_its_rest_is_not_a_request(httpbin):
    client = connect(httpbin)
    body = [b"x" * 10, b"y\n" * 5000]
    for path, status in (("/post", 200), ("/status/204", 204), ("/post", 200)):
        headers = {"Transfer-Encoding": "chunked", "Content-Type": "text/plain"}
        client.request("POST", path, iter(body), headers, encode_chunked=True)
        response = client.getresponse()
        content = response.read()
        assert response.status == status
    assert json.loads(content)["data"] == b"".join(body).decode()
    client.close()


def test_https_verifies_with_the_labs_authority(httpbin):
    context = ssl.create_default_context(cafile=str(httpbin.authority))
    client = http.client.HTTPSConnection("localhost", httpbin.ports["tls_port"], context=context)
    for _ in range(2):
        client.request("GET", "/get")
        assert json.loads(client.getresponse().read())["url"].startswith("https://localhost")
    client.close()
    url = f"https://localhost:{httpbin.ports['tls_port']}/stream/1"
    curl = ["curl", "-sS", "--http1.0", "--cacert", str(httpbin.authority), url]
    # HTTP/1.0 ends with the connection, which TLS wants said goodbye to.
    assert subprocess.run(curl, capture_output=True, check=True, text=True).stderr == ""


def test_silent_clients_hold_up_nobody(httpbin):
    port = httpbin.ports["tls_port"]
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(300)]
    half = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    for client in half:
        client.send(b"\x16\x03\x01")
    context = ssl.create_default_context(cafile=str(httpbin.authority))
    client = http.client.HTTPSConnection("localhost", port, context=context, timeout=3)
    client.request("GET", "/get")
    assert client.getresponse().status == 200
    client.close()
    for one in silent + half:
        one.close()


def test_plain_http_on_the_https_port_is_told_so(httpbin):
    with socket.create_connection(("127.0.0.1", httpbin.ports["tls_port"])) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = client.recv(4096)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"https://" in answer


def test_slow_requests_do_not_hold_up_quick_ones(httpbin):
    with ThreadPoolExecutor(30) as pool:
        slow = [pool.submit(get, httpbin, "/delay/2") for _ in range(29)]
        time.sleep(0.3)
        started = time.monotonic()
        assert get(httpbin, "/get")[0].status == 200
        assert time.monotonic() - started < 1
        assert all(f.result()[0].status == 200 for f in slow)


def test_crowd_of_requests_loses_nothing(httpbin):
    def ask(number: int) -> bool:
        return json.loads(get(httpbin, f"/get?n={number}")[1])["args"] == {"n": str(number)}

    with ThreadPoolExecutor(20) as pool:
        assert all(pool.map(ask, range(1000)))


def test_random_bytes_stop_nothing(httpbin):
    source = random.Random(11)
    for port in httpbin.ports.values():
        for size in (1, 100, 5000, 200_000):
            for lead in (b"", b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x02\x00"):
                with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
                    try:
                        raw.sendall(lead + source.randbytes(size) + b"\r\n\r\n")
                    except (BrokenPipeError, ConnectionResetError):
                        pass
    assert get(httpbin, "/get")[0].status == 200


def test_access_log_is_in_combined_format(httpbin):
    before = len(access_lines(httpbin))  # earlier requests may still be added to them
    get(httpbin, "/status/404?x=1", {"User-Agent": 'me "quoted"', "Referer": "http://a/"})
    pattern = (
        r"127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "
        r'"GET /status/404\?x=1 HTTP/1\.1" 404 - "http://a/" "me \\x22quoted\\x22"'
    )
    time.sleep(0.05)
    lines = access_lines(httpbin)[before:]
    assert [bool(re.fullmatch(pattern, line)) for line in lines].count(True) == 1


def test_ipv6(httpbin):
    with urllib.request.urlopen(f"http://[::1]:{httpbin.port}/ip") as response:
        assert json.load(response) == {"origin": "::1"}


def test_pages_have_the_type_that_they_look_like(tmp_path):
    pages = {
        "/": "It works!",
        "/page": "<h1>Hello</h1>",
        "/data": '{"a": [1]}',
        "/style.css": "body {}",
    }
    with served("web", tmp_path, tls_port=None, pages=pages) as server:
        found = {path: get(server, path) for path in pages}
        types = {path: r.headers["Content-Type"].split(";")[0] for path, (r, _) in found.items()}
        assert types == {
            "/": "text/plain",
            "/page": "text/html",
            "/data": "application/json",
            "/style.css": "text/css",
        }
        assert found["/"][1] == b"It works!"
        assert get(server, "/absent")[0].status == 404
        with pytest.raises(urllib.error.HTTPError, match="405"):
            urllib.request.urlopen(f"http://127.0.0.1:{server.port}/", data=b"x")


def test_application_of_the_users_own(tmp_path, monkeypatch):
    (tmp_path / "shop_for_test.py").write_text(
        "class site:\n"
        "    def app(environ, start):\n"
        "        environ['wsgi.errors'].write('noted')\n"
        "        start('200 OK', [])\n"
        "        return [environ['SERVER_NAME'].encode()]\n"
        "text = 'x'\n"
    )
    (tmp_path / "broken_for_test.py").write_text("import absent_for_test\n")
    monkeypatch.setattr(web, "USER_PROGRAMS", str(tmp_path))
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert callable(web.load("shop_for_test:site.app"))
    for name, words in (
        ("shop_for_test:nothing", "has no nothing"),
        ("shop_for_test:text", "cannot be called"),
        ("nowhere_for_test:app", "no module nowhere_for_test"),
        ("broken_for_test:app", "needs the module absent_for_test"),
    ):
        with pytest.raises(NetariumError, match=words):
            web.load(name)


def test_only_installed_applications_are_prepared(tmp_path, monkeypatch):
    (tmp_path / "mine_for_test.py").write_text("raise SystemExit('imported on the host')")
    monkeypatch.syspath_prepend(tmp_path)
    options = (
        {"app": "mine_for_test:app"},
        {"app": "absent_for_test.x:app"},
        {"app": "itsdangerous:Signer"},
    )
    services = tuple(Service(name=f"web-{n}", kind="web", options=o) for n, o in enumerate(options))
    monkeypatch.delitem(sys.modules, "itsdangerous", raising=False)
    web.prepare(Lab(name="l", nodes=(Node(name="n", names=("n",), services=services),)))
    assert "itsdangerous" in sys.modules
    assert "mine_for_test" not in sys.modules


def test_directory_that_is_not_there_gets_a_welcome_page_once(tmp_path):
    root = tmp_path / "www"
    with served("web", tmp_path, tls_port=None, root=str(root)) as server:
        assert b"It works!" in get(server, "/")[1]
    (root / "index.html").unlink()
    web.make_root(root, NODE)
    assert list(root.iterdir()) == []


def test_port_in_use_and_no_port_at_all_say_so(tmp_path):
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(NetariumError, match=f"TCP port {port} is in use"):
            web.listen(port)
    with (
        pytest.raises(RuntimeError, match="neither an HTTP nor an HTTPS port"),
        served("web", tmp_path, port=None, tls_port=None, root=str(tmp_path)),
    ):
        pass
