import base64

import pytest

from netarium.services.mail import smtp as module

from .mail_talk import open_store, smtp


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path)


def inbox(store, name="brandon"):
    box = store.folders(name).inbox
    return [box.read(message) for message in box.messages.values()]


def envelope(talk, to="brandon@example.com"):
    talk.line("EHLO h1")
    talk.line("MAIL FROM:<a@b.example>")
    answer = talk.line(f"RCPT TO:<{to}>")
    assert answer.startswith("250 2.1.5"), answer
    return talk


def test_message_is_delivered_with_its_trace(store):
    talk = envelope(smtp(store))
    assert talk.line("DATA").startswith("354")
    answer = talk.say(b"Subject: x\r\n\r\nhello\r\n.\r\n")
    assert answer.startswith(b"250 2.0.0")
    (message,) = inbox(store)
    header, _, body = message.partition(b"\r\n\r\n")
    lines = header.split(b"\r\n")
    assert lines[0] == b"Return-Path: <a@b.example>"
    assert lines[1] == b"Received: from h1 ([192.0.2.7])"
    assert lines[2].startswith(b"\tby mail.example.com with ESMTP id ")
    assert lines[3].startswith(b"\tfor <brandon@example.com>; ")
    assert lines[4:] == [b"Subject: x"]
    assert body == b"hello\r\n"


def test_ehlo_offers_what_there_is(store):
    offers = smtp(store).line("EHLO h1")
    for offer in (
        f"SIZE {module.LARGEST}",
        "8BITMIME",
        "SMTPUTF8",
        "PIPELINING",
        "ENHANCEDSTATUSCODES",
        "STARTTLS",
        "AUTH PLAIN LOGIN",
    ):
        assert f"250-{offer}\r\n" in offers
    assert offers.endswith("250 HELP\r\n")
    assert "STARTTLS" not in smtp(store, secure=True).line("EHLO h1")


@pytest.mark.parametrize("cut", range(1, 12))
def test_end_of_message_is_found_wherever_the_bytes_are_cut(store, cut):
    talk = envelope(smtp(store))
    talk.line("DATA")
    stream = b"S: x\r\n\r\n..\r\n.b\r\nc\r\n.\r\nNOOP\r\nQUIT\r\n"
    said = b"".join(talk.say(stream[i : i + cut]) for i in range(0, len(stream), cut))
    assert [line[:3] for line in said.split(b"\r\n")] == [b"250", b"250", b"221", b""]
    assert inbox(store)[0].endswith(b"S: x\r\n\r\n.\r\nb\r\nc\r\n")


def test_empty_message_is_one(store):
    talk = envelope(smtp(store))
    talk.line("DATA")
    assert talk.say(b".\r\n").startswith(b"250")
    assert len(inbox(store)) == 1


def test_bare_line_feeds_do_not_end_a_message_of_full_line_ends(store):
    talk = envelope(smtp(store))
    talk.line("DATA")
    assert talk.say(b"S: x\r\n\r\na\n.\nMAIL FROM:<evil@b>\r\n") == b""
    assert talk.say(b".\r\n").startswith(b"250")
    assert len(inbox(store)) == 1


def test_person_with_netcat_is_understood(store):
    talk = smtp(store)
    talk.say(b"HELO me\nMAIL FROM:<>\nRCPT TO:<brandon>\nDATA\n")
    assert talk.say(b"Subject: by hand\n\nhello\n.\n").startswith(b"250")
    assert inbox(store)[0].endswith(b"Subject: by hand\r\n\r\nhello\r\n")
    assert b"with SMTP id" in inbox(store)[0]


def test_body_without_header_stays_a_body(store):
    talk = envelope(smtp(store))
    talk.line("DATA")
    talk.say(b"just text\r\n.\r\n")
    assert inbox(store)[0].endswith(b"\r\n\r\njust text\r\n")


def test_each_recipient_gets_it_once(store):
    talk = envelope(smtp(store))
    talk.line("RCPT TO:<root@[127.0.0.1]>")
    talk.line("RCPT TO:<Brandon@MAIL.example.com>")
    talk.line("DATA")
    talk.say(b"S: x\r\n\r\n.\r\n")
    assert len(inbox(store)) == 1
    assert len(inbox(store, "root")) == 1


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("brandon@example.com", "250 2.1.5"),
        ("brandon@mail.example.com", "250 2.1.5"),
        ("brandon@[127.0.0.1]", "250 2.1.5"),
        ("brandon@[IPv6:::1]", "250 2.1.5"),
        ("brandon", "250 2.1.5"),
        ('"brandon"@example.com', "250 2.1.5"),
        ("Postmaster", "250 2.1.5"),
        ("@relay.example:brandon@example.com", "250 2.1.5"),
        ("nobody@example.com", "550 5.1.1"),
        ("a@gmail.com", "550 5.7.1"),
        ("brandon@[192.0.2.1]", "550 5.7.1"),
        ("brandon@[nonsense]", "501 5.1.3"),
        ("a@@b", "553 5.1.3"),
        ("a b@example.com", "553 5.1.3"),
        ("ü@example.com", "553 5.6.7"),
        ("", "553 5.1.3"),
    ],
)
def test_recipients_are_judged(store, address, code):
    talk = smtp(store)
    talk.line("EHLO h1")
    talk.line("MAIL FROM:<>")
    assert talk.line(f"RCPT TO:<{address}>").startswith(code)


def test_relaying_is_refused_to_those_logged_in_too(store):
    talk = smtp(store)
    talk.line("EHLO h1")
    secret = base64.b64encode(b"\0brandon\0abc123").decode()
    assert talk.line(f"AUTH PLAIN {secret}").startswith("235 2.7.0")
    talk.line("MAIL FROM:<brandon@example.com>")
    assert talk.line("RCPT TO:<a@gmail.com>").startswith("550 5.7.1")


def test_login_in_two_steps(store):
    talk = smtp(store)
    talk.line("EHLO h1")
    assert talk.line("auth login") == "334 VXNlcm5hbWU6\r\n"
    assert talk.line(base64.b64encode(b"brandon").decode()) == "334 UGFzc3dvcmQ6\r\n"
    assert talk.line(base64.b64encode(b"abc123").decode()).startswith("235")
    assert talk.line("AUTH LOGIN").startswith("503")


@pytest.mark.parametrize(
    ("response", "code"),
    [("*", "501"), ("!", "501"), ("", "501"), ("AA==", "501"), ("AGEAYg==", "535 5.7.8")],
)
def test_bad_logins_are_answered(store, response, code):
    talk = smtp(store)
    talk.line("EHLO h1")
    assert talk.line("AUTH PLAIN") == "334 \r\n"
    assert talk.line(response).startswith(code)
    assert talk.line("NOOP").startswith("250")


def test_guessing_passwords_ends_the_session(store):
    talk = smtp(store)
    talk.line("EHLO h1")
    answers = [talk.line("AUTH PLAIN AGEAYg==") for _ in range(5)]
    assert [answer[:3] for answer in answers] == ["535"] * 4 + ["421"]
    assert talk.over


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("EHLO", "501"),
        ("EHLO a b", "501"),
        ("MAIL FROM:<a@b>", "503"),
        ("RCPT TO:<a@b>", "503"),
        ("DATA", "503"),
        ("VRFY brandon", "250"),
        ("VRFY nobody", "550"),
        ("EXPN list", "502"),
        ("HELP", "214"),
        ("NOOP x", "250"),
        ("RSET", "250"),
        ("BOGUS", "500"),
        ("\udcff\udcfe", "500"),
        ("", "500"),
        ("AUTH PLAIN", "503"),
        ("STARTTLS x", "501"),
    ],
)
def test_every_command_has_its_answer_at_any_time(store, line, code):
    talk = smtp(store)
    answer = talk.say(line.encode("utf-8", "surrogateescape") + b"\r\n").decode()
    assert answer.startswith(code)
    assert answer.endswith("\r\n")


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ("SIZE=100 BODY=8BITMIME SMTPUTF8 AUTH=<>", "250"),
        (f"SIZE={module.LARGEST + 1}", "552"),
        ("SIZE=" + "9" * 30, "552"),
        ("SIZE=x", "501"),
        ("BODY=BINARYMIME", "501"),
        ("WHAT=EVER", "555"),
    ],
)
def test_parameters_of_mail_are_judged(store, parameters, code):
    talk = smtp(store)
    talk.line("EHLO h1")
    assert talk.line(f"MAIL FROM:<a@b> {parameters}").startswith(code)


def test_smtputf8_lets_other_letters_through(store):
    talk = smtp(store)
    talk.line("EHLO h1")
    assert talk.line("MAIL FROM:<ü@bücher.example> SMTPUTF8").startswith("250")
    assert talk.line("RCPT TO:<brandon@example.com>").startswith("250")
    talk.line("DATA")
    talk.say("Subject: Grüße\r\n\r\n.\r\n".encode())
    assert "Return-Path: <ü@bücher.example>".encode() in inbox(store)[0]
    assert b"with UTF8SMTP id" in inbox(store)[0]


def test_message_too_large_is_refused_and_not_kept_in_memory(store, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 10_000)
    talk = envelope(smtp(store))
    talk.line("DATA")
    for _ in range(100):
        assert talk.say(b"x" * 1000 + b"\r\n") == b""
    assert talk.say(b".\r\nNOOP\r\n").split(b" ")[:2] == [b"552", b"5.3.4"]
    assert inbox(store) == []
    assert envelope(talk)


def test_full_disk_is_a_passing_failure(store, monkeypatch):
    talk = envelope(smtp(store))
    talk.line("DATA")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.rename", full)
    assert talk.say(b"S: x\r\n\r\n.\r\n").startswith(b"452 4.3.1")


def test_what_came_before_tls_is_forgotten(store):
    talk = smtp(store)
    talk.line("EHLO h1")
    talk.say(b"STARTTLS\r\nMAIL FROM:<evil@b>\r\n")
    assert talk.line("MAIL FROM:<a@b>").startswith("503")
    assert "STARTTLS" not in talk.line("EHLO h1")


def test_endless_line_ends_the_session(store):
    talk = smtp(store)
    assert talk.say(b"x" * 5000).startswith(b"500 5.5.2")
    assert talk.over


def test_nonsense_ends_the_session(store):
    talk = smtp(store)
    said = talk.say(b"nonsense\r\n" * 30)
    assert said.count(b"500 ") == 20
    assert b"421 " in said
    assert talk.over
