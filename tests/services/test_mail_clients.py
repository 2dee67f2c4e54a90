import contextlib
import imaplib
import poplib
import random
import shutil
import smtplib
import socket
import ssl
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from netarium.model.lab import Lab, Node, Service
from netarium.services.mail import serve
from netarium.services.setup import Setup

from .mail_talk import LOG, accounts, mail_server

pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with mail_server(tmp_path_factory.mktemp("mail"), samples=True) as running:
        yield running


def trust(server):
    return ssl.create_default_context(cafile=server.authority)


def send(server, subject, to="brandon@example.com", host="127.0.0.1"):
    with smtplib.SMTP(host, server.ports["smtp"], timeout=10) as client:
        return client.sendmail("h1@example.com", to, f"Subject: {subject}\n\nhello\n")


@contextlib.contextmanager
def mailbox(server, name="brandon", select="INBOX"):
    with imaplib.IMAP4("127.0.0.1", server.ports["imap"], timeout=10) as client:
        client.login(name, "abc123")
        client.select(select)
        yield client


def subjects(server, name="brandon"):
    with mailbox(server, name) as client:
        _, answers = client.fetch("1:*", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]")
        return [answer[1].decode()[9:].strip() for answer in answers if isinstance(answer, tuple)]


def test_samples_wait_for_brandon_and_nobody_else(server):
    assert subjects(server)[:3] == [
        "Welcome to your mailbox",
        "How to send a letter by hand",
        "A letter with a picture attached",
    ]


def test_what_is_sent_by_smtp_is_read_by_pop3_and_imap(server):
    send(server, "everywhere")
    assert subjects(server)[-1] == "everywhere"
    client = poplib.POP3("127.0.0.1", server.ports["pop3"], timeout=10)
    client.user("brandon")
    client.pass_("abc123")
    count, _ = client.stat()
    assert b"Subject: everywhere" in client.retr(count)[1]
    client.quit()


def test_starttls_and_login_by_smtp(server):
    with smtplib.SMTP("localhost", server.ports["smtp"], timeout=10) as client:
        client.starttls(context=trust(server))
        assert client.login("brandon", "abc123")[0] == 235
        for mechanism, answer in (("PLAIN", client.auth_plain), ("LOGIN", client.auth_login)):
            with smtplib.SMTP("localhost", server.ports["smtp"], timeout=10) as other:
                other.user, other.password = "brandon", "abc123"
                answer = getattr(other, f"auth_{mechanism.lower()}")
                other.ehlo()
                assert other.auth(mechanism, answer)[0] == 235
        client.sendmail("a@b", "root@mail.example.com", "Subject: protected\n\nhi")
    with mailbox(server, "root") as client:
        raw = client.fetch("*", "RFC822")[1][0][1]
    assert b"with ESMTPSA id" in raw


def test_wrong_password_is_refused_everywhere(server):
    client = smtplib.SMTP("127.0.0.1", server.ports["smtp"], timeout=10)
    with client, pytest.raises(smtplib.SMTPAuthenticationError, match="535"):
        client.login("brandon", "wrong-secret")
    client = poplib.POP3("127.0.0.1", server.ports["pop3"], timeout=10)
    client.user("brandon")
    with pytest.raises(poplib.error_proto, match="AUTH"):
        client.pass_("wrong-secret")
    client.close()
    client = imaplib.IMAP4("127.0.0.1", server.ports["imap"], timeout=10)
    with client, pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        client.login("brandon", "wrong-secret")
    assert "failed" in server.log
    assert "wrong-secret" not in server.log
    assert "abc123" not in server.log


def test_relaying_is_refused(server):
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        send(server, "spam", "somebody@gmail.com")
    assert caught.value.recipients["somebody@gmail.com"][0] == 550


def test_pop3_over_tls_both_ways(server):
    client = poplib.POP3("localhost", server.ports["pop3"], timeout=10)
    client.stls(context=trust(server))
    client.user("root")
    assert client.pass_("abc123").startswith(b"+OK")
    client.quit()
    client = poplib.POP3_SSL("localhost", server.ports["pop3s"], context=trust(server), timeout=10)
    client.user("root")
    assert client.pass_("abc123").startswith(b"+OK")
    client.quit()


def test_imap_over_tls_both_ways(server):
    with imaplib.IMAP4("localhost", server.ports["imap"], timeout=10) as client:
        client.starttls(trust(server))
        assert client.login("brandon", "abc123")[0] == "OK"
    context = trust(server)
    with imaplib.IMAP4_SSL(
        "localhost", server.ports["imaps"], ssl_context=context, timeout=10
    ) as client:
        assert client.authenticate("PLAIN", lambda _: b"\0brandon\0abc123")[0] == "OK"
        assert client.select()[0] == "OK"


def test_ipv6_is_served(server):
    assert send(server, "six", "root@[IPv6:::1]", host="::1") == {}


def test_idle_announces_new_mail_at_once(server):
    with mailbox(server, "root") as client:
        client.send(b"x IDLE\r\n")
        assert client.readline().startswith(b"+")
        start = time.perf_counter()
        send(server, "now", "root@example.com")
        assert b"EXISTS" in client.readline()
        assert time.perf_counter() - start < 1.0
        assert b"RECENT" in client.readline()
        client.send(b"DONE\r\n")
        assert client.readline().startswith(b"x OK")


def test_half_closed_connection_still_gets_its_answers(server):
    with socket.create_connection(("127.0.0.1", server.ports["imap"]), timeout=10) as client:
        client.sendall(
            b"a LOGIN brandon abc123\r\nb SELECT INBOX\r\nc FETCH 1:3 RFC822\r\nd LOGOUT\r\n"
        )
        client.shutdown(socket.SHUT_WR)
        said = client.makefile("rb").read()
    assert said.count(b" FETCH (") == 3
    assert said.endswith(b"d OK logged out\r\n")


def test_large_message_there_and_back(server):
    body = "".join(f"{number:070d}\r\n" for number in range(100_000))
    with smtplib.SMTP("127.0.0.1", server.ports["smtp"], timeout=20) as client:
        client.sendmail("a@b", "root@example.com", f"Subject: large\r\n\r\n{body}")
    with mailbox(server, "root") as client:
        raw = client.fetch("*", "BODY[TEXT]")[1][0][1]
        client.store("*", "+FLAGS", "\\Deleted")
        client.expunge()
    assert raw == body.encode()


def test_reader_that_stops_reading_holds_up_nobody(server):
    with socket.create_connection(("127.0.0.1", server.ports["imap"]), timeout=10) as lazy:
        lazy.sendall(b"a LOGIN brandon abc123\r\nb SELECT INBOX\r\n")
        lazy.sendall(b"c FETCH 1:* RFC822\r\n" * 2000)
        start = time.perf_counter()
        send(server, "meanwhile", "root@example.com")
        assert time.perf_counter() - start < 2.0


@pytest.mark.parametrize("name", ["smtp", "pop3", "pop3s", "imap", "imaps"])
def test_random_bytes_never_stop_a_port(server, name):
    source = random.Random(name)
    for length in (1, 10, 1000, 100_000):
        client = socket.create_connection(("127.0.0.1", server.ports[name]), timeout=10)
        # The server may hang up half-way, but not stay silent: a timeout is an error.
        with client, contextlib.suppress(ConnectionError, BrokenPipeError):
            client.sendall(source.randbytes(length))
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_WR)
            while client.recv(65536):
                pass
    test_wrong_password_is_refused_everywhere(server)
    assert "this connection failed" not in server.log


def test_bytes_before_tls_are_never_taken_for_protected_ones(server):
    with socket.create_connection(("127.0.0.1", server.ports["imap"]), timeout=10) as client:
        client.sendall(b"a STARTTLS\r\nb LOGIN brandon abc123\r\nc SELECT INBOX\r\n")
        client.shutdown(socket.SHUT_WR)
        said = client.makefile("rb").read()
    assert b"a OK" in said
    assert b"b OK" not in said


def test_a_thousand_mails_twenty_at_a_time_lose_nothing(server):
    with mailbox(server, "root") as client:
        before = int(client.status("INBOX", "(MESSAGES)")[1][0].split()[-1].rstrip(b")"))
    with ThreadPoolExecutor(20) as crowd:
        list(crowd.map(lambda n: send(server, f"n{n}", "root@example.com"), range(1000)))
    found = subjects(server, "root")
    assert len(found) == before + 1000
    assert {f"n{n}" for n in range(1000)} <= set(found)


def test_three_hundred_connections_at_once(server):
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            for port in [server.ports["imap"], server.ports["smtp"], server.ports["pop3"]] * 100
        ]
        for client in clients:
            assert client.recv(4) in (b"* OK", b"220 ", b"+OK ")


@pytest.mark.skipif(not shutil.which("curl"), reason="needs the program curl")
def test_curl_speaks_all_three(server, tmp_path):
    def curl(*words):
        command = ["curl", "-sS", "-m", "10", "--cacert", server.authority, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    letter = tmp_path / "letter"
    letter.write_text("Subject: by curl\n\nhello\n")
    user = ("-u", "brandon:abc123")
    ends = ("--mail-from", "brandon@example.com", "--mail-rcpt", "brandon@example.com")
    curl(f"smtp://localhost:{server.ports['smtp']}", "--ssl-reqd", *user, *ends, "-T", letter)
    imap = f"imap://localhost:{server.ports['imap']}"
    imaps = f"imaps://localhost:{server.ports['imaps']}"
    assert '"/" INBOX' in curl(imap, *user)
    number = curl(f"{imap}/INBOX", "-X", "SEARCH SUBJECT curl", *user).split()[-1]
    assert "hello" in curl(f"{imaps}/INBOX;MAILINDEX={number};SECTION=TEXT", *user)
    assert "hello" in curl(f"pop3://localhost:{server.ports['pop3']}/{number}", *user)
    assert curl(f"pop3s://localhost:{server.ports['pop3s']}/", *user).count("\n") >= int(number)
    curl(f"{imap}/INBOX", "-T", letter, *user)
    assert subjects(server)[-1] == "by curl"


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs the program openssl")
@pytest.mark.parametrize(
    ("name", "starttls", "said", "answer"),
    [
        ("smtp", ("-starttls", "smtp"), "QUIT\r\n", "221 "),
        ("pop3", ("-starttls", "pop3"), "QUIT\r\n", "+OK goodbye"),
        ("imap", ("-starttls", "imap"), "a LOGOUT\r\n", "a OK"),
        ("pop3s", (), "QUIT\r\n", "+OK goodbye"),
        ("imaps", (), "a LOGOUT\r\n", "a OK"),
    ],
)
def test_openssl_verifies_the_certificate(server, name, starttls, said, answer):
    command = ["openssl", "s_client", "-quiet", "-verify_return_error", *starttls]
    command += ["-CAfile", server.authority, "-verify_hostname", "mail.example.com"]
    command += ["-connect", f"127.0.0.1:{server.ports[name]}"]
    done = subprocess.run(command, input=said, capture_output=True, text=True, timeout=10)
    assert answer in done.stdout


def test_log_tells_what_happened(server):
    send(server, "logged")
    test_wrong_password_is_refused_everywhere(server)
    assert "from <h1@example.com> to <brandon@example.com> accepted, " in server.log
    assert "SMTP 127.0.0.1: session ends with QUIT, 1 messages accepted" in server.log
    assert "IMAP 127.0.0.1: login brandon ok (no TLS)" in server.log
    assert "IMAP 127.0.0.1: login brandon ok (TLS)" in server.log


def test_ports_that_are_null_stay_closed(tmp_path):
    with mail_server(tmp_path, tls=False, pop3=None, pop3s=None, imaps=None) as server:
        assert set(server.ports) == {"smtp", "imap"}
        with smtplib.SMTP("127.0.0.1", server.ports["smtp"], timeout=10) as client:
            client.ehlo()
            assert not client.has_extn("starttls")


def test_mailboxes_of_the_lab_file_are_filled_once(tmp_path):
    letter = "From: h1@example.com\nSubject: Hello\n\nGood morning.\n"
    for _ in range(2):
        with mail_server(tmp_path, mailboxes={"root": [letter]}) as server:
            assert subjects(server, "root") == ["Hello"]


def test_domain_may_be_another(tmp_path):
    with mail_server(tmp_path, domain="Other.example") as server:
        send(server, "x", "brandon@other.EXAMPLE")
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send(server, "x", "brandon@example.com")


def one_setup(ports, **options):
    node = Node(name="mail", names=("mail",))
    service = Service(name="mail", kind="mail", options={**ports, **options})
    lab = Lab(name="t", accounts=accounts(), nodes=(node,))
    return Setup(
        lab=lab,
        node=node,
        service=service,
        accounts=accounts(),
        tls_certificate=None,
        authority=None,
        host_key=None,
        ready=lambda: None,
        log=LOG,
    )


def test_port_in_use_is_told(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ports = {"smtp": port, "pop3": None, "pop3s": None, "imap": None, "imaps": None}
        with pytest.raises(Exception, match=rf"mail cannot listen on port {port}.*in use"):
            serve(one_setup(ports), tmp_path, ("127.0.0.1",))


def test_mailbox_of_nobody_is_told(tmp_path):
    ports = dict.fromkeys(("smtp", "pop3", "pop3s", "imap", "imaps"))
    with pytest.raises(Exception, match=r"mailbox bob .* belongs to no account"):
        serve(one_setup(ports, mailboxes={"bob": []}), tmp_path, ("127.0.0.1",))
