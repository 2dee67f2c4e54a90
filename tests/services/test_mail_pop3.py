import base64

import pytest

from netarium.services.mail.pop3 import stuffed, top

from .mail_talk import open_store, pop3


@pytest.fixture
def store(tmp_path):
    opened = open_store(tmp_path)
    inbox = opened.folders("brandon").inbox
    inbox.deliver(b"Subject: one\r\n\r\nfirst\r\n.hidden\r\n")
    inbox.deliver(b"Subject: two\r\n\r\nsecond\r\n")
    return opened


def test_session_from_login_to_quit(store):
    talk = pop3(store)
    assert talk.greeting.startswith(b"+OK")
    assert talk.line("USER brandon").startswith("+OK")
    assert talk.line("PASS abc123") == "+OK 2 messages\r\n"
    assert talk.line("STAT") == "+OK 2 56\r\n"
    assert talk.line("LIST") == "+OK\r\n1 32\r\n2 24\r\n.\r\n"
    assert talk.line("LIST 2") == "+OK 2 24\r\n"
    retrieved = talk.line("RETR 1")
    assert retrieved == "+OK 32 octets\r\nSubject: one\r\n\r\nfirst\r\n..hidden\r\n.\r\n"
    assert talk.line("TOP 1 1") == "+OK\r\nSubject: one\r\n\r\nfirst\r\n.\r\n"
    assert talk.line("QUIT").startswith("+OK")
    assert talk.over
    assert "\\Seen" in store.folders("brandon").inbox.messages[1].flags


def test_deletion_happens_at_quit_and_only_then(store):
    talk = pop3(store, login="brandon")
    assert talk.line("DELE 1").startswith("+OK")
    assert talk.line("DELE 1").startswith("-ERR")
    assert talk.line("STAT") == "+OK 1 24\r\n"
    assert talk.line("UIDL 1").startswith("-ERR")
    assert talk.line("RSET").startswith("+OK")
    talk.line("DELE 2")
    talk.end()
    assert list(store.folders("brandon").inbox.messages) == [1, 2]
    talk = pop3(store, login="brandon")
    talk.line("DELE 2")
    talk.line("QUIT")
    assert list(store.folders("brandon").inbox.messages) == [1]


def test_unique_ids_stay_the_same(store):
    first = pop3(store, login="brandon").line("UIDL")
    store.folders("brandon").inbox.expunge([1])
    second = pop3(store, login="brandon").line("UIDL")
    assert first.splitlines()[2].split()[1] == second.splitlines()[1].split()[1]


def test_message_that_another_session_removed_is_an_error(store):
    talk = pop3(store, login="brandon")
    store.folders("brandon").inbox.expunge([1])
    assert talk.line("RETR 1").startswith("-ERR")
    assert talk.line("RETR 2").startswith("+OK")


def test_capabilities_follow_the_state(store):
    talk = pop3(store)
    before = talk.line("CAPA").splitlines()
    assert {"STLS", "USER", "SASL PLAIN", "TOP", "UIDL", "PIPELINING"} <= set(before)
    assert before[-1] == "."
    assert talk.line("STLS").startswith("+OK")
    assert "STLS" not in talk.line("CAPA")
    assert talk.line("STLS").startswith("-ERR")


def test_login_by_sasl_plain(store):
    secret = base64.b64encode(b"\0brandon\0abc123").decode()
    assert pop3(store).line(f"AUTH PLAIN {secret}") == "+OK 2 messages\r\n"
    talk = pop3(store)
    assert talk.line("AUTH PLAIN") == "+ \r\n"
    assert talk.line(secret) == "+OK 2 messages\r\n"


@pytest.mark.parametrize(
    "line", ["STAT", "RETR 1", "PASS x", "USER", "AUTH CRAM-MD5", "AUTH PLAIN !", "BOGUS", ""]
)
def test_before_login_nothing_is_given_away(store, line):
    assert pop3(store).line(line).startswith("-ERR")


@pytest.mark.parametrize(
    "line",
    [
        "RETR",
        "RETR 0",
        "RETR 3",
        "RETR x",
        "RETR ²",
        "TOP 1",
        "TOP 1 -1",
        "DELE 1 2",
        "UIDL x",
        "USER a",
    ],
)
def test_wrong_arguments_are_errors(store, line):
    talk = pop3(store, login="brandon")
    assert talk.line(line).startswith("-ERR")
    assert talk.line("NOOP") == "+OK\r\n"


def test_guessing_passwords_ends_the_session(store):
    talk = pop3(store)
    for _ in range(5):
        talk.line("USER brandon")
        assert talk.line("PASS no").startswith("-ERR [AUTH]")
    assert talk.over


def test_pipelined_commands_are_answered_in_order(store):
    said = pop3(store).say(b"USER brandon\r\nPASS abc123\r\nSTAT\r\nNOOP\r\nQUIT\r\n")
    assert [line[:3] for line in said.splitlines()] == [b"+OK"] * 5


def test_empty_mailbox_lists_nothing(store):
    talk = pop3(store, login="root")
    assert talk.line("LIST") == "+OK\r\n.\r\n"
    assert talk.line("STAT") == "+OK 0 0\r\n"


def test_endless_line_ends_the_session(store):
    talk = pop3(store)
    assert talk.say(b"x" * 3000).startswith(b"-ERR")
    assert talk.over


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        (b"", b"\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"a\r\n..b", b"a\r\n...b\r\n.\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
    ],
)
def test_dots_are_stuffed(message, sent):
    assert stuffed(message) == sent


def test_top_gives_whole_lines():
    message = b"A: b\r\n\r\n1\r\n2\r\n3\r\n"
    assert top(message, 0) == b"A: b\r\n\r\n"
    assert top(message, 2) == b"A: b\r\n\r\n1\r\n2\r\n"
    assert top(message, 99) == message
