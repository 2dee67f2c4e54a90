"""cp and logs."""

from __future__ import annotations

import io
import json
import os
import select
import signal
import subprocess
import tarfile
import time

import pytest

from netarium.cli.files import split_place
from netarium.errors import NetariumError
from netarium.runtime.copying import extract


@pytest.mark.parametrize(
    ("word", "place"),
    [
        ("h1:/tmp/x", ("h1", "/tmp/x")),
        ("h1:", ("h1", "")),
        ("notes.txt", (None, "notes.txt")),
        ("./a:b", (None, "./a:b")),
        ("/srv/a:b", (None, "/srv/a:b")),
        ("-", (None, "-")),
    ],
)
def test_places(word, place):
    assert split_place(word) == place


@pytest.fixture
def tree(tmp_path):
    """A directory with binary, executable and empty files, and a link."""
    root = tmp_path / "tree"
    (root / "deep/er").mkdir(parents=True)
    (root / "data").write_bytes(os.urandom(300_000))
    (root / "deep/er/run").write_text("#!/bin/sh\necho ran\n")
    (root / "deep/er/run").chmod(0o755)
    (root / "a b \n ü").write_text("odd")
    (root / "link").symlink_to("data")
    (root / "empty").touch()
    return root


def test_a_directory_goes_in_and_comes_back_the_same(cli_lab, tree, tmp_path):
    assert cli_lab.call("cp", str(tree), "h1:/tmp/").returncode == 0
    assert cli_lab.call("exec", "h1", "/tmp/tree/deep/er/run").stdout == "ran\n"
    back = tmp_path / "back"
    assert cli_lab.call("cp", "h1:/tmp/tree", str(back)).returncode == 0
    assert subprocess.run(["diff", "-r", "--no-dereference", tree, back]).returncode == 0
    assert os.access(back / "deep/er/run", os.X_OK)
    assert (back / "link").readlink() == (tree / "link").readlink()


def test_a_file_takes_its_own_name_or_a_new_one(cli_lab, tree, tmp_path):
    data = (tree / "data").read_bytes()
    cli_lab.call("cp", str(tree / "data"), "h1:/tmp")
    cli_lab.call("cp", str(tree / "data"), "h1:renamed")
    done = cli_lab.call("exec", "h1", "--", "cmp", "/tmp/data", "/root/renamed")
    assert (done.returncode, done.stderr) == (0, "")
    cli_lab.call("cp", "h1:/tmp/data", str(tmp_path))
    cli_lab.call("cp", "h1:/tmp/data", str(tmp_path / "other"))
    assert (tmp_path / "data").read_bytes() == data
    assert (tmp_path / "other").read_bytes() == data


def test_what_arrives_belongs_to_the_account(cli_lab, tree):
    cli_lab.call("cp", "-u", "brandon", str(tree / "empty"), "h1:mine")
    done = cli_lab.call("exec", "h1", "stat", "-c", "%U", "/home/brandon/mine")
    assert done.stdout == "brandon\n"


def test_archives_on_standard_streams(cli_lab, tree):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(tree, "piped")
    words = cli_lab.words("cp", "-", "h2:/tmp")
    assert subprocess.run(words, input=archive.getvalue(), timeout=20).returncode == 0
    words = cli_lab.words("cp", "h2:/tmp/piped", "-")
    back = subprocess.run(words, capture_output=True, timeout=20).stdout
    with tarfile.open(fileobj=io.BytesIO(back)) as tar:
        assert tar.extractfile("piped/data").read() == (tree / "data").read_bytes()


@pytest.mark.parametrize(
    ("source", "target", "code", "said"),
    [
        ("a", "b", 2, "neither SOURCE nor TARGET names a node"),
        ("h1:/a", "h2:/b", 2, "must be on this machine"),
        ("h1:", "b", 2, "names no file"),
        ("no-such-file", "h1:/tmp", 4, "there is no no-such-file"),
        ("h1:/no/such", ".", 4, "node h1 has no /no/such"),
        ("/etc/hostname", "h1:/no/such/", 4, "node h1 has no directory /no/such/"),
        ("/etc/hostname", "h1:/no/such/x", 4, "node h1 has no directory /no/such"),
        ("h1:/etc/hostname", "/no/such/x", 4, "there is no directory /no/such"),
        ("/etc/hostname", "h1:/proc/x", 1, "cannot write /proc/x on h1"),
        ("h9:/x", ".", 4, "no node 'h9'"),
    ],
)
def test_mistakes_are_answered(cli_lab, source, target, code, said):
    done = cli_lab.call("cp", source, target)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def _archive(*members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, kind, value in members:
            member = tarfile.TarInfo(name)
            member.type = kind
            member.mode = 0o4755
            if kind == tarfile.REGTYPE:
                member.size = len(value)
                tar.addfile(member, io.BytesIO(value))
            else:
                member.linkname = value
                tar.addfile(member)
    return tarfile.open(fileobj=io.BytesIO(out.getvalue()))


@pytest.mark.parametrize("name", ["../out", "x/../../out", "/etc/out"])
def test_a_path_that_leads_outside_is_refused(tmp_path, name):
    with (
        _archive((name, tarfile.REGTYPE, b"!")) as tar,
        pytest.raises(NetariumError, match="leads outside"),
    ):
        extract(tar, tmp_path, "x")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_through_a_link_of_the_node(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    inside = tmp_path / "inside"
    inside.mkdir()
    with (
        _archive(
            ("x/l", tarfile.SYMTYPE, str(outside)), ("x/l/file", tarfile.REGTYPE, b"!")
        ) as tar,
        pytest.raises(FileExistsError),
    ):
        extract(tar, inside, "x")
    assert list(outside.iterdir()) == []


def test_devices_are_left_out_and_set_id_bits_dropped(tmp_path):
    with _archive(("x/fifo", tarfile.FIFOTYPE, ""), ("x/f", tarfile.REGTYPE, b"!")) as tar:
        extract(tar, tmp_path, "x")
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["f"]
    assert (tmp_path / "x/f").stat().st_mode & 0o7777 == 0o755


def test_logs_show_what_a_service_wrote(cli_lab):
    cli_lab.call("exec", "h1", "--", "curl", "-s", "http://h2/logged")
    done = cli_lab.call("logs", "h2", "web")
    assert done.returncode == 0
    assert "/logged" in done.stdout
    assert "==> /var/log/web.access.log <==" in done.stdout
    last = cli_lab.call("logs", "-n", "1", "h2", "web").stdout
    assert last.count("curl/") == 1


def test_logs_follow(cli_lab):
    words = cli_lab.words("logs", "-f", "-n", "0", "h2", "web")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        time.sleep(0.5)
        cli_lab.call("exec", "h1", "--", "curl", "-s", "http://h2/followed")
        try:
            assert any("/followed" in line for line in process.stdout)
        finally:
            process.terminate()


def test_logs_for_programs(cli_lab):
    cli_lab.call("exec", "h1", "--", "curl", "-s", 'http://h2/odd"ly')
    done = cli_lab.call("logs", "--json", "h2")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(line.keys() == {"service", "line"} for line in lines)
    assert any(line["service"] == "web" and "/odd" in line["line"] for line in lines)
    assert not any(line["line"].startswith("==> ") for line in lines)
    last = cli_lab.call("logs", "--json", "-n", "1", "h2", "ssh").stdout.splitlines()
    assert [json.loads(line)["service"] for line in last] == ["ssh"] * len(last)


def test_logs_for_programs_follow_and_leave_nothing(cli_lab):
    words = cli_lab.words("logs", "-f", "-n", "0", "--json", "h2", "web")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            count = 0
            # tail may not be there yet for the first requests
            while not select.select([process.stdout], [], [], 0.5)[0]:
                count += 1
                assert count < 20
                cli_lab.call("exec", "h1", "--", "curl", "-s", "http://h2/marked")
            assert "/marked" in json.loads(process.stdout.readline())["line"]
        finally:
            process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(10) == 130
    done = cli_lab.call("exec", "h2", "--", "sh", "-c", "ps ax | grep -c '[t]ail -n'")
    assert done.stdout == "0\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [(["h2", "wbe"], "did you mean web?"), (["bare"], "node bare runs no services")],
)
def test_logs_that_are_not_there(cli_lab, words, said):
    done = cli_lab.call("logs", *words)
    assert done.returncode == 4
    assert said in done.stderr
