"""Mail in the playground, with Python's own clients inside h1; the mailbox is left as found."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.system.clients import ACCOUNT, PASSWORD, run_in
from tests.system.conftest import UpLab


def _waiting() -> list[dict[str, Any]]:
    """What waits in brandon's mailbox, read by IMAPS without marking it as seen."""
    import email
    import email.policy
    import imaplib
    import ssl

    found = []
    with imaplib.IMAP4_SSL("mail.example.com", ssl_context=ssl.create_default_context()) as box:
        box.login("brandon", "abc123")
        box.select("INBOX", readonly=True)
        for number in box.search(None, "ALL")[1][0].split():
            (_, raw), *_ = box.fetch(number.decode(), "(BODY.PEEK[])")[1]
            letter = email.message_from_bytes(raw, policy=email.policy.default)
            found.append(
                {
                    "subject": letter["subject"],
                    "to": letter["to"],
                    "dated": letter["date"] is not None,
                    "multipart": letter.is_multipart(),
                    "attachments": [
                        [part.get_filename(), part.get_content_type(), len(part.get_content())]
                        for part in letter.iter_attachments()
                    ],
                }
            )
    return found


def test_three_messages_wait_one_with_an_attachment(playground: UpLab) -> None:
    found = run_in(playground, "h1", _waiting)
    assert len(found) == 3
    assert all(letter["subject"] and letter["dated"] for letter in found)
    assert all("brandon" in letter["to"] for letter in found)
    (mixed,) = [letter for letter in found if letter["multipart"]]
    assert [letter for letter in found if letter["attachments"]] == [mixed]
    name, kind, size = mixed["attachments"][0]
    assert name.endswith(".png")
    assert kind == "image/png"
    assert size > 200


# -- SMTP --------------------------------------------------------------------------------------


def _secured(host: str, login: str) -> dict[str, Any]:
    """STARTTLS, verified; a login with one mechanism; what the server offers before and after."""
    import smtplib
    import ssl

    with smtplib.SMTP(host, 25, timeout=10) as smtp:
        smtp.ehlo()
        before = sorted(smtp.esmtp_features)
        smtp.starttls(context=ssl.create_default_context())
        smtp.ehlo()
        after = sorted(smtp.esmtp_features)
        mechanisms = smtp.esmtp_features.get("auth", "").split()
        smtp.user, smtp.password = "brandon", "abc123"
        method = {"PLAIN": smtp.auth_plain, "LOGIN": smtp.auth_login}[login]
        code = smtp.auth(login, method, initial_response_ok=login == "PLAIN")[0]
        version = smtp.sock.version()
    return {
        "before": before,
        "after": after,
        "mechanisms": mechanisms,
        "code": code,
        "version": version,
    }


@pytest.mark.parametrize("login", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("host", ["mail.example.com", "smtp.example.com", "mail", "10.130.1.3"])
def test_starttls_verifies_and_both_logins_work(playground: UpLab, host: str, login: str) -> None:
    """Under every name of the server, its alias included: Python checks the certificate's."""
    done = run_in(playground, "h1", _secured, host, login)
    assert "starttls" in done["before"]
    assert "starttls" not in done["after"]
    assert {"PLAIN", "LOGIN"} <= set(done["mechanisms"])
    assert done["code"] == 235
    assert done["version"] in ("TLSv1.2", "TLSv1.3")


def _refusals() -> dict[str, Any]:
    import smtplib
    import ssl

    found: dict[str, Any] = {}
    for who in "anybody", "brandon":
        with smtplib.SMTP("mail.example.com", timeout=10) as smtp:
            smtp.starttls(context=ssl.create_default_context())
            smtp.ehlo()
            if who == "anybody":
                try:
                    smtp.login("brandon", "wrong")
                except smtplib.SMTPAuthenticationError as error:
                    found["password"] = error.smtp_code
            else:
                smtp.login("brandon", "abc123")
            smtp.mail("alice@example.com")
            found[f"{who} relays"] = smtp.rcpt("somebody@elsewhere.org")[0]
            found[f"{who} stranger"] = smtp.rcpt("nobody-here@example.com")[0]
            found[f"{who} brandon"] = smtp.rcpt("brandon@example.com")[0]
            smtp.rset()
    return found


def test_relaying_unknown_users_and_wrong_passwords_are_refused(playground: UpLab) -> None:
    assert run_in(playground, "h1", _refusals) == {
        "password": 535,
        "anybody relays": 550,
        "anybody stranger": 550,
        "anybody brandon": 250,
        "brandon relays": 550,
        "brandon stranger": 550,
        "brandon brandon": 250,
    }


# -- from SMTP to POP3 and IMAP ----------------------------------------------------------------


def _round_trip(host: str) -> dict[str, Any]:
    """Send a letter with all that is awkward in it; read it by all four ways; remove it."""
    import email
    import email.policy
    import imaplib
    import os
    import poplib
    import smtplib
    import ssl
    from email.message import EmailMessage

    context = ssl.create_default_context()
    token = os.urandom(8).hex()
    picture = os.urandom(70_000)
    letter = EmailMessage()
    letter["From"], letter["To"] = "alice@example.com", "brandon@example.com"
    letter["Subject"] = f"Grüße {token}"
    text = ".\n..dots\nFrom here\n\nünï\n" + "x" * 900 + "\n.\n"
    letter.set_content(text)
    letter.add_attachment(picture, maintype="image", subtype="png", filename="p.png")
    with smtplib.SMTP(host, timeout=10) as smtp:
        smtp.starttls(context=context)
        smtp.login("brandon", "abc123")
        # As bytes: send_message would write the line "From here" as ">From here".
        raw = letter.as_bytes(policy=email.policy.SMTP)
        smtp.sendmail("alice@example.com", ["brandon@example.com"], raw)

    def same(raw: bytes) -> bool:
        got = email.message_from_bytes(raw, policy=email.policy.default)
        body = got.get_body()
        (attached,) = got.iter_attachments()
        return (
            got["subject"] == letter["subject"]
            and body.get_content().replace("\r\n", "\n") == text
            and attached.get_content() == picture
            and got["received"] is not None
        )

    found: dict[str, Any] = {}

    def by_imap(box: imaplib.IMAP4) -> None:
        with box:
            box.login("brandon", "abc123")
            box.select("INBOX", readonly=True)
            (number,) = box.search(None, "SUBJECT", f'"{token}"')[1][0].split()
            found[type(box).__name__] = same(box.fetch(number, "(RFC822)")[1][0][1])

    def by_pop(box: poplib.POP3, remove: bool = False) -> None:
        box.user("brandon")
        box.pass_("abc123")
        count, _ = box.stat()
        raw = b"\r\n".join(box.retr(count)[1]) + b"\r\n"
        found[type(box).__name__] = same(raw)
        found["identified"] = len({line.split()[1] for line in box.uidl()[1]}) == count
        if remove:
            box.dele(count)
        box.quit()

    by_imap(imaplib.IMAP4(host))
    by_imap(imaplib.IMAP4_SSL(host, ssl_context=context))
    secured = imaplib.IMAP4(host)
    secured.starttls(ssl_context=context)
    by_imap(secured)
    by_pop(poplib.POP3(host, timeout=10))
    secure = poplib.POP3(host, timeout=10)
    secure.stls(context=context)
    by_pop(secure)
    by_pop(poplib.POP3_SSL(host, timeout=10, context=context), remove=True)
    last = poplib.POP3(host, timeout=10)
    last.user("brandon")
    last.pass_("abc123")
    found["left"] = last.stat()[0]
    last.quit()
    return found


@pytest.mark.parametrize("node", ["h1", "h4", "www"])
def test_what_smtp_sent_is_read_by_pop_and_imap(playground: UpLab, node: str) -> None:
    done = run_in(playground, node, _round_trip, "mail.example.com")
    assert done == {
        "IMAP4": True,
        "IMAP4_SSL": True,
        "POP3": True,
        "POP3_SSL": True,
        "identified": True,
        "left": 3,
    }


def _unauthorised() -> list[str]:
    import imaplib
    import poplib

    found = []
    for user, password in (("brandon", "wrong"), ("nobody-here", "abc123")):
        pop = poplib.POP3("mail", timeout=10)
        try:
            pop.user(user)
            pop.pass_(password)
        except poplib.error_proto as error:
            found.append(str(error)[2:6])
        pop.close()
        with imaplib.IMAP4("mail", timeout=10) as imap:
            try:
                imap.login(user, password)
            except imaplib.IMAP4.error as error:
                found.append("refused" if "AUTH" in str(error).upper() else str(error))
    return found


def test_a_wrong_password_reads_nothing(playground: UpLab) -> None:
    assert run_in(playground, "h1", _unauthorised) == ["-ERR", "refused"] * 2


# -- IMAP --------------------------------------------------------------------------------------


def _folders() -> dict[str, Any]:
    """Create, subscribe, copy, rename, delete: with a name that needs encoding and a child."""
    import imaplib

    found: dict[str, Any] = {}
    with imaplib.IMAP4_SSL("mail.example.com") as box:
        box.login("brandon", "abc123")

        def names() -> list[str]:
            return sorted(line.decode().rpartition(" ")[2] for line in box.list()[1] if line)

        found["before"] = names()
        box.create("Play")
        box.create('"Play/W&APY-rter"')
        found["created"] = names()
        box.select("INBOX", readonly=True)
        found["copied"] = box.copy("1:3", "Play")[0]
        found["counted"] = box.status("Play", "(MESSAGES UNSEEN)")[1][0].decode()
        box.rename("Play", "Games")
        found["renamed"] = names()
        box.select("Games")
        box.store("1", "+FLAGS", r"(\Deleted)")
        found["expunged"] = [number.decode() for number in box.expunge()[1]]
        box.close()
        box.delete('"Games/W&APY-rter"')
        box.delete("Games")
        found["after"] = names()
        found["inbox"] = box.select("INBOX", readonly=True)[1][0].decode()
    return found


def test_imap_folders(playground: UpLab) -> None:
    done = run_in(playground, "h1", _folders)
    plain = [name.strip('"') for name in done["created"]]
    assert {"INBOX", "Play"} <= set(plain)
    assert any("Play/W&APY-rter" in name for name in plain)
    assert done["copied"] == "OK"
    assert "MESSAGES 3" in done["counted"]
    assert any(name.strip('"') == "Games" for name in done["renamed"])
    assert any("Games/W&APY-rter" in name for name in done["renamed"])
    assert done["expunged"] == ["1"]
    assert done["after"] == done["before"]
    assert done["inbox"] == "3"


def _flags_search_fetch() -> dict[str, Any]:
    """On copies in a folder of their own, which goes again."""
    import imaplib

    found: dict[str, Any] = {}
    with imaplib.IMAP4_SSL("mail.example.com") as box:
        box.login("brandon", "abc123")
        box.create("Work")
        box.select("INBOX", readonly=True)
        box.copy("1:3", "Work")
        box.select("Work")
        structures = [str(line) for line in box.fetch("1:3", "(BODYSTRUCTURE)")[1]]
        mixed = str(1 + ["IMAGE" in line.upper() for line in structures].index(True))

        def search(*words: str) -> str:
            return box.search(None, *words)[1][0].decode()

        box.store("1:3", "FLAGS", "()")
        found["unseen"] = search("UNSEEN")
        box.store("2", "+FLAGS", r"(\Flagged \Answered)")
        box.store("3", "FLAGS", r"(\Seen $Later)")
        found["flagged"] = search("FLAGGED")
        found["not flagged"] = search("NOT", "FLAGGED")
        found["or"] = search("OR", "FLAGGED", "SEEN")
        found["keyword"] = search("KEYWORD", "$Later")
        found["to"] = search("TO", "brandon")
        found["nothing"] = search("SUBJECT", "no-such-subject")
        found["since"] = search("SINCE", "1-Jan-2020")
        found["larger"] = search("LARGER", "1000000")
        box.store("2", "-FLAGS", r"(\Flagged)")
        found["flags of 2"] = box.fetch("2", "(FLAGS)")[1][0].decode()

        part = box.fetch(mixed, "(BODY.PEEK[2.MIME] BODY.PEEK[1] BODY.PEEK[2]<0.8>)")[1]
        pieces = [piece for piece in part if isinstance(piece, tuple)]
        found["mime"] = pieces[0][1].decode()
        found["text"] = len(pieces[1][1])
        found["start"] = pieces[2][1].decode()
        found["peeked"] = box.fetch(mixed, "(FLAGS)")[1][0].decode()
        header = box.fetch("1", "(ENVELOPE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
        found["header"] = header[0][1].decode()
        box.fetch("1", "(BODY[TEXT])")
        found["read"] = box.fetch("1", "(FLAGS)")[1][0].decode()
        found["by uid"] = box.uid("SEARCH", "UID", "1:*")[0]
        box.close()
        box.delete("Work")
        box.select("INBOX", readonly=True)
        found["inbox unseen"] = search("SEEN")
    return found


def test_imap_flags_search_and_parts(playground: UpLab) -> None:
    done = run_in(playground, "h1", _flags_search_fetch)
    assert done["unseen"] == "1 2 3"
    assert done["flagged"] == "2"
    assert done["not flagged"] == "1 3"
    assert done["or"] == "2 3"
    assert done["keyword"] == "3"
    assert done["to"] == done["since"] == "1 2 3"
    assert done["nothing"] == done["larger"] == ""
    assert r"\Answered" in done["flags of 2"]
    assert r"\Flagged" not in done["flags of 2"]
    assert re.search(r"^Content-Type: image/png", done["mime"], re.MULTILINE | re.IGNORECASE)
    assert done["text"] > 20
    assert done["start"] == "iVBORw0K", "eight characters of a PNG in Base64"
    assert r"\Seen" in done["read"]
    assert done["header"].lower().startswith("subject: ")
    assert done["by uid"] == "OK"
    assert done["inbox unseen"] == "", "a read-only look marked something as seen"


def _idle() -> dict[str, Any]:
    """One connection waits in IDLE (RFC 2177) while others deliver and remove a letter."""
    import imaplib
    import poplib
    import smtplib
    import time

    waiting = imaplib.IMAP4("mail.example.com", timeout=10)
    waiting.login("brandon", "abc123")
    count = int(waiting.select("INBOX")[1][0])
    waiting.send(b"A1 IDLE\r\n")
    plus = waiting.readline()
    with smtplib.SMTP("mail.example.com", timeout=10) as smtp:
        began = time.monotonic()
        smtp.sendmail("a@example.com", ["brandon@example.com"], "Subject: wake up\n\nnow\n")
    pushed = []
    while not pushed or b"EXISTS" not in pushed[-1]:
        pushed.append(waiting.readline())
    after = time.monotonic() - began
    pop = poplib.POP3("mail.example.com", timeout=10)
    pop.user("brandon")
    pop.pass_("abc123")
    pop.dele(count + 1)
    pop.quit()
    while b"EXPUNGE" not in pushed[-1]:
        pushed.append(waiting.readline())
    waiting.send(b"DONE\r\n")
    while b"A1 OK" not in pushed[-1]:
        pushed.append(waiting.readline())
    waiting.logout()
    return {
        "plus": plus[:1].decode(),
        "pushed": [line.decode().strip() for line in pushed],
        "after": after,
        "count": count,
    }


def test_imap_idle_pushes_what_others_do(playground: UpLab) -> None:
    done = run_in(playground, "h1", _idle)
    assert done["plus"] == "+"
    assert "* 4 EXISTS" in done["pushed"]
    assert "* 4 EXPUNGE" in done["pushed"]
    assert done["after"] < 2
    assert done["count"] == 3


def _capabilities() -> list[str]:
    import imaplib

    with imaplib.IMAP4("mail") as box:
        box.login("root", "abc123")
        return [*box.capability()[1][0].decode().split(), box.select("INBOX")[0]]


def test_imap_says_what_it_can_and_root_has_mail_too(playground: UpLab) -> None:
    found = run_in(playground, "h1", _capabilities)
    assert {"IMAP4REV1", "IDLE", "OK"} <= {word.upper() for word in found}


# -- other programs ----------------------------------------------------------------------------


@pytest.mark.needs("curl")
def test_curl_sends_reads_and_removes(playground: UpLab) -> None:
    login = f"-sS -u {ACCOUNT}:{PASSWORD}"
    line = (
        "printf 'Subject: by curl\\n\\nhello\\n' > /tmp/letter;"
        f"curl {login} --ssl-reqd smtp://smtp.example.com -T /tmp/letter"
        " --mail-from brandon@example.com --mail-rcpt brandon@example.com; rm /tmp/letter;"
        f"curl {login} pop3s://mail.example.com/4;"
        f"curl {login} 'imaps://mail.example.com/INBOX;MAILINDEX=4;SECTION=TEXT';"
        f"curl {login} -l -X DELE pop3s://mail.example.com/4;"
        f"curl {login} pop3://mail.example.com/"
    )
    said = playground.out("h1", line).replace("\r", "")
    assert said.count("Subject: by curl\n") == 1
    assert said.count("hello\n") == 2
    assert [line.split()[0] for line in said.splitlines()[-3:]] == ["1", "2", "3"]


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("options", ["-starttls smtp", "-starttls imap", "-starttls pop3"])
def test_openssl_verifies_the_certificate(playground: UpLab, options: str) -> None:
    port = {"smtp": 25, "imap": 143, "pop3": 110}[options.split()[1]]
    line = (
        f"openssl s_client -brief {options} -connect mail.example.com:{port} -verify_return_error"
        " -verify_hostname mail.example.com -x509_strict </dev/null"
    )
    assert "Verification: OK" in playground.exec("h1", line).stderr
