import os
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netarium.services.sftp import SftpServer
from netarium.services.sftp_packets import BadPacketError, Flag, Kind, Reader, Status, string


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    server = SftpServer()
    yield server
    server.close()


def ask(server: SftpServer, kind: Kind, *parts: bytes) -> tuple[int, Reader]:
    """Send a request; the answer's type and the rest of it."""
    answer = Reader(server.answer(bytes([kind]) + struct.pack(">I", 77) + b"".join(parts))[4:])
    found = answer.byte()
    assert answer.uint32() == 77
    return found, answer


def status(server: SftpServer, kind: Kind, *parts: bytes) -> int:
    found, answer = ask(server, kind, *parts)
    assert found == Kind.STATUS
    return answer.uint32()


def uint32(value: int) -> bytes:
    return struct.pack(">I", value)


def uint64(value: int) -> bytes:
    return struct.pack(">Q", value)


NO_ATTRIBUTES = uint32(0)


def opened(server: SftpServer, path: bytes, flags: int) -> bytes:
    found, answer = ask(server, Kind.OPEN, string(path), uint32(flags), NO_ATTRIBUTES)
    assert found == Kind.HANDLE
    return string(answer.string())


def test_the_version_comes_with_extensions(server: SftpServer) -> None:
    answer = server.answer(bytes([Kind.INIT]) + uint32(3))
    assert answer[4:9] == bytes([Kind.VERSION]) + uint32(3)
    assert b"posix-rename@openssh.com" in answer


def test_write_then_read_beyond_the_end(server: SftpServer) -> None:
    handle = opened(server, b"f", Flag.READ | Flag.WRITE | Flag.CREATE)
    assert status(server, Kind.WRITE, handle, uint64(3), string(b"abc")) == Status.OK
    found, answer = ask(server, Kind.READ, handle, uint64(0), uint32(100))
    assert (found, answer.string()) == (Kind.DATA, b"\0\0\0abc")
    assert status(server, Kind.READ, handle, uint64(6), uint32(100)) == Status.EOF
    assert status(server, Kind.CLOSE, handle) == Status.OK
    assert status(server, Kind.CLOSE, handle) == Status.FAILURE


def test_appending_ignores_the_offset(server: SftpServer, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"one")
    handle = opened(server, b"f", Flag.WRITE | Flag.APPEND)
    assert status(server, Kind.WRITE, handle, uint64(0), string(b"two")) == Status.OK
    assert (tmp_path / "f").read_bytes() == b"onetwo"


def test_exclusive_creation_refuses_an_existing_file(server: SftpServer, tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    flags = uint32(Flag.WRITE | Flag.CREATE | Flag.EXCLUSIVE)
    assert status(server, Kind.OPEN, string(b"f"), flags, NO_ATTRIBUTES) == Status.FAILURE


def test_rename_never_replaces_but_posix_rename_does(server: SftpServer, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    both = string(b"a") + string(b"b")
    assert status(server, Kind.RENAME, both) == Status.FAILURE
    assert (tmp_path / "b").read_text() == "b"
    assert status(server, Kind.EXTENDED, string(b"posix-rename@openssh.com"), both) == Status.OK
    assert (tmp_path / "b").read_text() == "a"


def test_a_directory_is_renamed(server: SftpServer, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert status(server, Kind.RENAME, string(b"a"), string(b"b")) == Status.OK
    assert (tmp_path / "b").is_dir()


def test_attributes_are_set_and_told(server: SftpServer, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"12345")
    wanted = uint32(0x1 | 0x4 | 0x8) + uint64(2) + uint32(0o604) + uint32(1000) + uint32(2000)
    assert status(server, Kind.SETSTAT, string(b"f"), wanted) == Status.OK
    found, answer = ask(server, Kind.STAT, string(b"f"))
    told = answer.attributes()
    assert found == Kind.ATTRS
    assert (told.size, told.permissions, told.times) == (2, 0o100604, (1000, 2000))


def test_a_directory_of_many_names_is_told_in_parts(server: SftpServer, tmp_path: Path) -> None:
    for number in range(250):
        (tmp_path / str(number)).touch()
    (tmp_path / os.fsdecode(b"\xff octets")).touch()
    found, answer = ask(server, Kind.OPENDIR, string(b"."))
    handle = string(answer.string())
    names = []
    while (found := ask(server, Kind.READDIR, handle))[0] == Kind.NAME:
        for _ in range(found[1].uint32()):
            names.append(found[1].string())
            assert found[1].string().endswith(names[-1])
            found[1].attributes()
    assert found[1].uint32() == Status.EOF
    assert sorted(names) == sorted([b".", b"..", b"\xff octets", *(b"%d" % n for n in range(250))])


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        (Kind.STAT, string(b"absent"), Status.NO_SUCH_FILE),
        (Kind.STAT, string(b"a\0b"), Status.BAD_MESSAGE),
        (Kind.STAT, uint32(99) + b"short", Status.BAD_MESSAGE),
        (Kind.READ, string(b"no handle") + uint64(0) + uint32(1), Status.FAILURE),
        (Kind.EXTENDED, string(b"unheard@of"), Status.OP_UNSUPPORTED),
        (Kind.DATA, b"", Status.OP_UNSUPPORTED),
        (Kind.RMDIR, string(b"/"), Status.FAILURE),
    ],
)
def test_what_cannot_be_is_answered_with_a_status(
    server: SftpServer, kind: Kind, body: bytes, expected: Status
) -> None:
    assert status(server, kind, body) == expected


def test_a_fifo_does_not_stop_the_server(server: SftpServer, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    flags = uint32(Flag.WRITE)
    assert status(server, Kind.OPEN, string(b"fifo"), flags, NO_ATTRIBUTES) == Status.FAILURE


def test_open_files_are_limited(server: SftpServer, tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    for _ in range(512):
        opened(server, b"f", Flag.READ)
    flags = uint32(Flag.READ)
    assert status(server, Kind.OPEN, string(b"f"), flags, NO_ATTRIBUTES) == Status.FAILURE


#: Requests that change nothing, whatever the rest of the packet says.
HARMLESS = [Kind.CLOSE, Kind.READ, Kind.FSTAT, Kind.READDIR, Kind.LSTAT, Kind.STAT, Kind.REALPATH]
HARMLESS += [Kind.READLINK, Kind.OPENDIR, Kind.DATA, Kind.WRITE]


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(HARMLESS), st.binary(max_size=60))
def test_any_packet_is_answered_or_refused(server: SftpServer, kind: Kind, body: bytes) -> None:
    try:
        answer = server.answer(bytes([kind]) + body)
    except BadPacketError:
        assert len(body) < 4
    else:
        assert int.from_bytes(answer[:4], "big") == len(answer) - 4
        assert answer[5:9] == body[:4]
