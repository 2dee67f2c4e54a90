import io
import os
from email.utils import formatdate
from pathlib import Path
from wsgiref.util import setup_testing_defaults

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netarium.services.web_files import Files

TEXT = b"0123456789"


@pytest.fixture
def root(tmp_path) -> Path:
    (tmp_path / "secret").write_bytes(b"secret")
    site = tmp_path / "site"
    (site / "sub dir").mkdir(parents=True)
    (site / "digits.txt").write_bytes(TEXT)
    (site / "sub dir" / "a&b.html").write_text("<p>")
    (site / "indexed").mkdir()
    (site / "indexed" / "index.html").write_text("<h1>home")
    (site / "out").symlink_to(tmp_path / "secret")
    (site / "up").symlink_to(tmp_path)
    (site / "in").symlink_to("digits.txt")
    os.mkfifo(site / "pipe")
    return site


def ask(root: Path, path: str, method: str = "GET", **headers: str):
    environ: dict = {}
    setup_testing_defaults(environ)
    environ |= {"PATH_INFO": path, "REQUEST_METHOD": method, "wsgi.errors": io.StringIO()}
    environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    seen: list = []
    answer = Files(root)(environ, lambda status, fields: seen.extend((status, dict(fields))))
    body = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    status, fields = seen
    assert int(fields.get("Content-Length", len(body))) == len(body) or method == "HEAD"
    return int(status[:3]), fields, body


def test_file_with_its_type_and_validators(root):
    status, headers, body = ask(root, "/digits.txt")
    assert (status, body) == (200, TEXT)
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["Accept-Ranges"] == "bytes"
    assert {"ETag", "Last-Modified"} <= headers.keys()


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.html", b"", "text/html; charset=utf-8"),
        ("a.json", b"", "application/json; charset=utf-8"),
        ("a.png", b"", "image/png"),
        ("a.tar.gz", b"", "application/gzip"),
        ("README", b"words", "text/plain; charset=utf-8"),
        ("blob", b"a\0b", "application/octet-stream"),
    ],
)
def test_media_types(root, name, content, kind):
    (root / name).write_bytes(content)
    assert ask(root, f"/{name}")[1]["Content-Type"] == kind


@pytest.mark.parametrize(
    ("asked", "status", "body", "part"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=-99", 206, TEXT, "bytes 0-9/10"),
        ("bytes=0-99", 206, TEXT, "bytes 0-9/10"),
        ("bytes=10-", 416, None, "bytes */10"),
        ("bytes=-0", 416, None, "bytes */10"),
        ("bytes=4-2", 416, None, "bytes */10"),
        ("bytes=-", 200, TEXT, None),
        ("bytes=0-1,3-4", 200, TEXT, None),
        ("lines=1-2", 200, TEXT, None),
        ("bytes=" + "9" * 5000 + "-", 200, TEXT, None),
    ],
)
def test_ranges(root, asked, status, body, part):
    found, headers, content = ask(root, "/digits.txt", range=asked)
    assert (found, headers.get("Content-Range")) == (status, part)
    assert body is None or content == body


def test_revalidation(root):
    _, headers, _ = ask(root, "/digits.txt")
    tag, modified = headers["ETag"], headers["Last-Modified"]
    older = formatdate((root / "digits.txt").stat().st_mtime - 60, usegmt=True)
    for fresh in (
        {"if_none_match": tag},
        {"if_none_match": f'"other", W/{tag}'},
        {"if_none_match": "*"},
        {"if_modified_since": modified},
    ):
        status, _, body = ask(root, "/digits.txt", **fresh)
        assert (status, body) == (304, b"")
    for stale in (
        {"if_none_match": '"other"', "if_modified_since": modified},
        {"if_modified_since": older},
        {"if_modified_since": "yesterday"},
    ):
        assert ask(root, "/digits.txt", **stale)[0] == 200
    assert ask(root, "/digits.txt", range="bytes=0-0", if_range=tag)[0] == 206
    assert ask(root, "/digits.txt", range="bytes=0-0", if_range='"other"')[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/../secret",
        "/sub dir/../../secret",
        "/out",
        "/up/secret",
        "/up/",
        "/absent",
        "/digits.txt/",
        "/digits.txt/x",
        "/a\0b",
        "//etc/passwd",
        "/" + "x" * 5000,
    ],
)
def test_what_is_not_in_the_directory_is_not_found(root, path):
    assert ask(root, path)[0] == 404


def test_link_within_the_directory_is_followed(root):
    assert ask(root, "/in")[2] == TEXT


def test_pipe_is_refused_at_once(root):
    assert ask(root, "/pipe")[0] == 403


def test_directory_is_its_index_or_a_listing(root):
    assert ask(root, "/indexed/")[2] == b"<h1>home"
    status, headers, _ = ask(root, "/sub dir")
    assert (status, headers["Location"]) == (301, "/sub%20dir/")
    assert ask(root, "//sub dir")[1]["Location"] == "/sub%20dir/"
    listing = ask(root, "/sub dir/")[2].decode()
    assert 'href="./a%26b.html">a&amp;b.html<' in listing
    assert "../" in listing
    assert "../" not in ask(root, "/")[2].decode()


def test_head_and_other_methods(root):
    status, headers, body = ask(root, "/digits.txt", "HEAD")
    assert (status, headers["Content-Length"], body) == (200, "10", b"")
    status, headers, _ = ask(root, "/digits.txt", "POST")
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_names_that_are_not_ascii(root):
    (root / "grün.txt").write_bytes(b"ok")
    assert ask(root, "/grün.txt".encode().decode("latin-1"))[2] == b"ok"
    assert b"gr%C3%BCn.txt" in ask(root, "/")[2]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(max_codepoint=255)))
def test_any_path_gets_an_answer_without_the_secret(root, path):
    status, _, body = ask(root, path)
    assert status in (200, 301, 403, 404)
    assert b"secret" not in body


def test_no_descriptor_is_left_open(root):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in ("/digits.txt", "/sub dir/", "/indexed/", "/out", "/absent", "/pipe", "/sub dir"):
        for options in ({}, {"range": "bytes=99-"}, {"if_none_match": "*"}):
            ask(root, path, **options)
            ask(root, path, "HEAD", **options)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
