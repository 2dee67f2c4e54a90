import os
import time

import pytest

from netarium.services.mail.maildir import Mailbox
from netarium.services.mail.store import FolderError

from .mail_talk import open_store


def files(path):
    return sorted(f"{part}/{f.name}" for part in ("cur", "new") for f in (path / part).iterdir())


def test_message_comes_back_with_wire_line_ends(tmp_path):
    box = Mailbox(tmp_path / "box")
    message = box.deliver(b"Subject: x\r\n\r\none\ntwo\r\n")
    assert box.read(message) == b"Subject: x\r\n\r\none\r\ntwo\r\n"
    assert message.size == len(box.read(message))
    (file,) = (tmp_path / "box/new").iterdir()
    assert file.read_bytes() == b"Subject: x\n\none\ntwo\n"


@pytest.mark.parametrize(
    "odd", [b"a\r\r\nb", b"\r\n\r\n", b"", b"no end", b"a\rb\r\n", b"\n\r\n\r"]
)
def test_size_is_what_is_read_whatever_the_line_ends(tmp_path, odd):
    box = Mailbox(tmp_path / "box")
    message = box.deliver(odd)
    assert len(box.read(message)) == message.size
    assert Mailbox(tmp_path / "box").messages[1].size == message.size


def test_numbers_and_flags_survive_a_restart(tmp_path):
    box = Mailbox(tmp_path / "box")
    for text in (b"a", b"b", b"c"):
        box.deliver(text)
    box.set_flags(box.messages[2], {"\\Seen", "\\Flagged", "$Work"})
    box.expunge([3])
    again = Mailbox(tmp_path / "box")
    assert list(again.messages) == [1, 2]
    assert again.messages[2].flags == {"\\Seen", "\\Flagged", "$Work"}
    assert again.messages[1].flags == frozenset()
    assert again.uid_validity == box.uid_validity
    assert again.deliver(b"d").uid == 4, "the number of a removed message was given again"


def test_internal_date_survives_a_restart(tmp_path):
    Mailbox(tmp_path / "box").deliver(b"a", ["\\Seen"], 86400.0)
    assert Mailbox(tmp_path / "box").messages[1].received == 86400.0


def test_recent_goes_to_the_first_that_asks(tmp_path):
    box = Mailbox(tmp_path / "box")
    box.deliver(b"a")
    assert files(tmp_path / "box")[0].startswith("new/")
    assert box.take_recent() == {1}
    assert box.take_recent() == set()
    assert files(tmp_path / "box")[0].startswith("cur/")
    assert box.read(box.messages[1]) == b"a"


def test_what_another_program_drops_in_is_numbered(tmp_path):
    box = Mailbox(tmp_path / "box")
    box.deliver(b"a")
    (tmp_path / "box/new/123.x.host").write_bytes(b"Subject: dropped\n\n")
    box.rescan()
    assert list(box.messages) == [1, 2]
    assert box.read(box.messages[2]) == b"Subject: dropped\r\n\r\n"
    assert list(Mailbox(tmp_path / "box").messages) == [1, 2]


def test_what_another_program_flags_or_removes_is_noticed(tmp_path):
    box = Mailbox(tmp_path / "box")
    box.deliver(b"a")
    box.deliver(b"b")
    first, second = sorted((tmp_path / "box/new").iterdir(), key=lambda f: "U=2" in f.name)
    first.rename(tmp_path / "box/cur" / f"{first.name}:2,FS")
    second.unlink()
    before = box.changes
    box.rescan()
    assert list(box.messages) == [1]
    assert box.messages[1].flags == {"\\Flagged", "\\Seen"}
    assert box.changes > before
    assert box.read(box.messages[1]) == b"a"


def test_copy_made_by_another_program_gets_a_number_of_its_own(tmp_path):
    box = Mailbox(tmp_path / "box")
    box.deliver(b"a")
    (file,) = (tmp_path / "box/new").iterdir()
    (tmp_path / "box/cur" / f"{file.name}:2,S").write_bytes(b"a")
    again = Mailbox(tmp_path / "box")
    assert sorted(again.messages) == [1, 2]
    assert len({m.file for m in again.messages.values()}) == 2


def test_watchers_hear_of_every_change(tmp_path):
    box = Mailbox(tmp_path / "box")
    heard = []
    box.watchers.add(lambda: heard.append(box.changes))
    message = box.deliver(b"a")
    box.set_flags(message, {"\\Seen"})
    box.set_flags(message, {"\\Seen"})
    box.expunge([1, 2])
    assert len(heard) == 3


def test_only_26_keywords_are_kept(tmp_path):
    box = Mailbox(tmp_path / "box")
    names = [f"k{n}" for n in range(30)]
    message = box.deliver(b"a", names)
    assert message.flags == set(names[:26])
    assert Mailbox(tmp_path / "box").messages[1].flags == set(names[:26])


def test_undeliverable_message_leaves_nothing(tmp_path, monkeypatch):
    box = Mailbox(tmp_path / "box")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(OSError, match="No space"):
        box.deliver(b"a")
    assert list((tmp_path / "box/tmp").iterdir()) == []
    assert box.messages == {}


def test_folders_are_made_renamed_and_removed(tmp_path):
    folders = open_store(tmp_path).folders("brandon")
    folders.create("Work/Reports/2024")
    folders.get("Work/Reports").deliver(b"a")
    assert folders.names() == ["INBOX", "Work", "Work/Reports", "Work/Reports/2024"]
    held = folders.get("Work/Reports")
    folders.rename("Work", "Play.v2")
    assert folders.names() == ["INBOX", "Play.v2", "Play.v2/Reports", "Play.v2/Reports/2024"]
    assert folders.get("Play.v2/Reports") is held
    assert held.read(held.messages[1]) == b"a"
    folders.delete("Play.v2/Reports")
    assert held.messages == {}
    assert folders.names() == ["INBOX", "Play.v2", "Play.v2/Reports/2024"]


def test_new_folder_of_an_old_name_has_another_validity(tmp_path):
    folders = open_store(tmp_path).folders("brandon")
    folders.create("A")
    old = folders.get("A").uid_validity
    folders.delete("A")
    folders.create("A")
    assert folders.get("A").uid_validity > old


def test_renaming_inbox_moves_its_messages(tmp_path):
    folders = open_store(tmp_path).folders("brandon")
    folders.inbox.deliver(b"a", ["\\Seen"], 5.0)
    folders.rename("INBOX", "Old")
    assert folders.inbox.messages == {}
    (moved,) = folders.get("Old").messages.values()
    assert (moved.flags, moved.received) == ({"\\Seen"}, 5.0)


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda f: f.get("Nope"), "NONEXISTENT"),
        (lambda f: f.create("INBOX"), "ALREADYEXISTS"),
        (lambda f: f.create("A"), "ALREADYEXISTS"),
        (lambda f: f.delete("INBOX"), "CANNOT"),
        (lambda f: f.delete("Nope"), "NONEXISTENT"),
        (lambda f: f.rename("A", "A/B"), "CANNOT"),
        (lambda f: f.rename("A", "INBOX"), "ALREADYEXISTS"),
        (lambda f: f.rename("Nope", "B"), "NONEXISTENT"),
    ],
)
def test_what_cannot_be_done_to_a_folder_has_its_code(tmp_path, act, code):
    folders = open_store(tmp_path).folders("brandon")
    folders.create("A")
    with pytest.raises(FolderError) as caught:
        act(folders)
    assert caught.value.code == code


def test_mbox_in_the_way_is_put_aside(tmp_path):
    (tmp_path / "brandon").write_text("From x\n")
    assert open_store(tmp_path).folders("brandon").inbox.messages == {}
    assert (tmp_path / "brandon.mbox").read_text() == "From x\n"


def test_local_parts_find_their_account(tmp_path):
    store = open_store(tmp_path)
    assert store.known("Brandon") == "brandon"
    assert store.known("brandon+lists") == "brandon"
    assert store.known("postmaster") == "root"
    assert store.known("nobody") is None
    assert store.check("brandon", "abc123") == "brandon"
    assert store.check("brandon", "ABC123") is None
    assert store.check("brandon", "\udcff") is None
    assert store.check("nobody", "abc123") is None


def test_a_thousand_deliveries_are_quick(tmp_path):
    box = Mailbox(tmp_path / "box")
    start = time.perf_counter()
    for _ in range(1000):
        box.deliver(b"Subject: x\r\n\r\nhello\r\n" * 20)
    assert time.perf_counter() - start < 2.0
    assert len({message.file for message in box.messages.values()}) == 1000
