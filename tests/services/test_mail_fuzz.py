import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netarium.services.mail.imap_fetch import envelope, parse_items, structure
from netarium.services.mail.imap_search import Candidate, parse_question
from netarium.services.mail.imap_syntax import Fault, Parser, Refused
from netarium.services.mail.imap_view import Selected
from netarium.services.mail.mime import parse

from .mail_talk import imap, open_store, pop3, smtp

HEADERS = st.sampled_from(
    b'From: |To: a@b, (c|"d|<|>|;|,|:|Date: |1 Jan|=?utf-8?b?|?=|message/rfc822|--b|--b--|charset='
    b"|Content-Type: multipart/mixed; boundary=b|Content-Type: |text/x|\r\n|\r\n\r\n| |\t|\xff|\0"
    b"|Content-Disposition: attachment; filename*=|Content-Transfer-Encoding: base64".split(b"|")
)
MESSAGES = st.lists(HEADERS | st.binary(max_size=8), max_size=40).map(b"".join)
WORDS = st.sampled_from(
    b'LOGIN|brandon|abc123|SELECT|INBOX|FETCH|1|1:*|(FLAGS|)|BODY[|]|{3+}|{3}|\r\n|"|\\|UID|SEARCH'
    b"|OR|NOT|STORE|+FLAGS|(\\Seen)|COPY|MOVE|CREATE|&-|&|IDLE|DONE|LIST|*|%|APPEND|EXPUNGE"
    b"|CLOSE|a |RENAME|DELETE|STATUS|MAIL FROM:<a@b>|RCPT TO:<brandon>|DATA|.|EHLO x|AUTH PLAIN"
    b"|=|USER|PASS|RETR|TOP|DELE|UIDL|QUIT|LOGOUT|AUTHENTICATE PLAIN| ".split(b"|")
)
STREAMS = st.lists(st.lists(WORDS | st.binary(max_size=6), max_size=12), max_size=8)


@pytest.fixture(scope="module")
def view():
    with tempfile.TemporaryDirectory() as directory:
        inbox = open_store(Path(directory)).folders("brandon").inbox
        inbox.deliver(b"Subject: one\r\n\r\nfirst\r\n")
        yield Selected(inbox, read_only=True)


@pytest.mark.parametrize("protocol", ["smtp", "pop3", "imap", "imap in"])
def test_no_stream_of_bytes_breaks_a_session(protocol):
    @settings(max_examples=80, deadline=None)
    @given(STREAMS, st.booleans())
    def check(chunks, spaced):
        with tempfile.TemporaryDirectory() as directory:
            store = open_store(Path(directory))
            store.folders("brandon").inbox.deliver(b"Subject: one\r\n\r\nfirst\r\n")
            if protocol == "imap in":
                talk = imap(store, login="brandon", select="INBOX")
            else:
                talk = {"smtp": smtp, "pop3": pop3, "imap": imap}[protocol](store)
            for chunk in chunks:
                said = talk.say((b" " if spaced else b"").join(chunk) + b"\r\n")
                # SASL challenges, continuations and retrieved texts apart, answers are lines.
                assert said == b"" or said.endswith(b"\r\n")
            assert len(talk.conversation.received) < 1 << 17
            talk.end()
            assert talk.over
            assert not store.folders("brandon").inbox.watchers

    check()


@settings(max_examples=200, deadline=None)
@given(MESSAGES)
def test_any_message_can_be_described(data):
    part = parse(data)
    for answer in (structure(part, extended=True), structure(part, extended=False), envelope(part)):
        assert answer.startswith(b"(")
        assert answer.endswith(b")")
    for inner in part.walk():
        inner.text()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.lists(WORDS, max_size=10).map(b" ".join))
def test_any_items_are_understood_or_refused(data):
    try:
        parse_items(Parser(data))
    except (Fault, Refused):
        pass


@settings(max_examples=200, deadline=None)
@given(MESSAGES, st.sampled_from(["FROM", "BODY", "TEXT", "SENTON 1-Jan-2020 SUBJECT"]), st.text())
def test_any_message_can_be_searched(view, data, key, wanted):
    message = view.mailbox.deliver(data)
    question = parse_question(
        Parser(f"{key} ".encode() + b"{%d+}\r\n%s" % (len(wanted.encode()), wanted.encode())), view
    )
    assert question(Candidate(1, message, view)) in (True, False)
    view.mailbox.expunge([message.uid])
