import base64
import re

import pytest

from netarium.services.mail.imap_folders import matches

from .mail_talk import imap, open_store, smtp

PLAIN = b"From: Ann <ann@b.example>\r\nSubject: plain\r\n\r\nhi\r\n"
OFFERS = ["LITERAL+", "SASL-IR", "IDLE", "UIDPLUS", "MOVE", "UNSELECT", "NAMESPACE", "ID"]


@pytest.fixture
def store(tmp_path):
    opened = open_store(tmp_path)
    inbox = opened.folders("brandon").inbox
    for number in range(1, 4):
        inbox.deliver(PLAIN.replace(b"plain", b"plain %d" % number))
    return opened


@pytest.fixture
def talk(store):
    return imap(store, login="brandon", select="INBOX")


def flags(talk, numbers="1:*"):
    return re.findall(r"FLAGS \(([^)]*)\)", talk.line(f"f FETCH {numbers} FLAGS"))


def test_greeting_names_the_capabilities(store):
    greeting = imap(store).greeting.decode()
    assert greeting.startswith("* OK [CAPABILITY IMAP4rev1 ")
    for offer in [*OFFERS, "STARTTLS", "AUTH=PLAIN"]:
        assert f" {offer}" in greeting


def test_select_says_what_rfc_3501_demands(store):
    said = imap(store, login="brandon").line("a SELECT inbox")
    for line in (
        "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)",
        "* 3 EXISTS",
        "* 3 RECENT",
        "* OK [UNSEEN 1]",
        "* OK [UIDVALIDITY ",
        "* OK [UIDNEXT 4]",
        "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)]",
        "a OK [READ-WRITE]",
    ):
        assert line in said
    assert imap(store, login="brandon").line("a EXAMINE INBOX").count("* 0 RECENT") == 1


def test_failed_select_leaves_nothing_selected(talk):
    assert talk.line("a SELECT Nope").startswith("a NO [NONEXISTENT]")
    assert talk.line("b FETCH 1 FLAGS").startswith("b BAD")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("a LOGIN brandon abc123", "a OK"),
        ('a LOGIN "brandon" "abc123"', "a OK"),
        ("a LOGIN brandon wrong", "a NO [AUTHENTICATIONFAILED]"),
        ("a LOGIN brandon", "a BAD"),
        ("a AUTHENTICATE PLAIN AGJyYW5kb24AYWJjMTIz", "a OK"),
        ("a AUTHENTICATE CRAM-MD5", "a NO"),
        ("a AUTHENTICATE PLAIN !", "a BAD"),
        ("a LIST * *", "a BAD log in first"),
        ("a NONSENSE", "a BAD"),
        ("a UID NONSENSE", "a BAD"),
        ("a", "* BAD"),
        ("", "* BAD"),
        ("+ NOOP", "* BAD"),
        ("a NOOP x", "a BAD"),
        ("a noop", "a OK"),
    ],
)
def test_commands_before_login(store, command, said):
    assert imap(store).line(command).splitlines()[-1].startswith(said)


def test_authenticate_in_two_steps(store):
    talk = imap(store)
    assert talk.line("a AUTHENTICATE PLAIN") == "+ \r\n"
    assert talk.line(base64.b64encode(b"\0brandon\0abc123").decode()).startswith("a OK [CAPABILITY")
    assert talk.line("b LOGIN brandon abc123").startswith("b BAD")


def test_guessing_passwords_ends_the_session(store):
    talk = imap(store)
    said = [talk.line("a LOGIN brandon no") for _ in range(5)]
    assert "* BYE" in said[-1]
    assert talk.over


def test_literals_of_both_kinds(store):
    talk = imap(store)
    assert talk.say(b"a LOGIN {7}\r\n") == b"+ go on\r\n"
    assert talk.say(b"brandon {6}\r\n") == b"+ go on\r\n"
    assert talk.say(b"abc123\r\n").startswith(b"a OK")
    talk = imap(store)
    said = talk.say(b"a LOGIN {7+}\r\nbrandon {6+}\r\nabc123\r\nb NOOP\r\n")
    assert said.count(b" OK") == 2
    assert b"+ go on" not in said


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 7])
def test_commands_may_come_in_any_pieces(store, cut):
    stream = b'a LOGIN {7+}\r\nbrandon "abc123"\r\nb SELECT {5+}\r\nINBOX\r\nc LOGOUT\r\n'
    talk = imap(store)
    said = b"".join(talk.say(stream[i : i + cut]) for i in range(0, len(stream), cut))
    assert b"b OK [READ-WRITE]" in said
    assert b"* BYE" in said
    assert talk.over


def test_literal_too_large_is_refused_before_it_is_sent(store):
    talk = imap(store)
    assert talk.line("a LOGIN {100000}").startswith("a NO [TOOBIG]")
    assert talk.line("b NOOP").startswith("b OK")
    assert talk.line("c LOGIN {100000+}").startswith("* BYE")
    assert talk.over


def test_append_takes_large_literals_only_after_login(store):
    talk = imap(store)
    assert talk.line("a APPEND INBOX {100000}").startswith("a NO [TOOBIG]")
    talk = imap(store, login="brandon")
    assert talk.line("a APPEND INBOX {100000}").startswith("+ ")
    assert talk.say(b"x" * 100000 + b"\r\n").startswith(b"a OK [APPENDUID ")
    assert talk.line("b APPEND INBOX {99999999}").startswith("b NO [TOOBIG]")


def test_endless_command_ends_the_session(store):
    talk = imap(store)
    assert b"* BYE" in talk.say(b"a LOGIN " + b"x" * 70000)
    assert talk.over


def test_append_keeps_flags_and_date(talk):
    when = '"17-Jul-1996 02:44:25 -0700"'
    said = talk.line(f"a APPEND INBOX (\\Seen $Work) {when} {{{len(PLAIN)}}}")
    assert said == "+ go on\r\n"
    assert "* 4 EXISTS" in talk.say(PLAIN + b"\r\n").decode()
    said = talk.line("b FETCH 4 (FLAGS INTERNALDATE RFC822.SIZE)")
    assert "FLAGS ($Work \\Recent \\Seen)" in said
    assert 'INTERNALDATE "17-Jul-1996 09:44:25 +0000"' in said
    assert f"RFC822.SIZE {len(PLAIN)}" in said


def test_store_adds_removes_and_replaces(talk):
    assert "FLAGS (\\Flagged \\Recent \\Seen)" in talk.line("a STORE 1 +FLAGS (\\Seen \\Flagged)")
    assert "FLAGS (\\Recent \\Seen)" in talk.line("a STORE 1 -FLAGS \\flagged")
    assert "FLAGS (\\Draft \\Recent)" in talk.line("a STORE 1 FLAGS (\\DRAFT)")
    assert talk.line("a STORE 1:3 +FLAGS.SILENT (\\Seen)") == "a OK stored\r\n"
    assert "FLAGS (\\Recent)" in talk.line("a STORE 2 FLAGS ()")
    assert flags(talk) == ["\\Draft \\Recent \\Seen", "\\Recent", "\\Recent \\Seen"]


def test_new_keyword_is_announced(talk):
    said = talk.line("a STORE 1 +FLAGS ($Work)")
    assert "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Work)" in said


def test_reading_sets_seen_and_says_so(talk):
    assert "FLAGS (\\Recent \\Seen)" in talk.line("a FETCH 1 BODY[]")
    assert "FLAGS" not in talk.line("a FETCH 2 BODY.PEEK[]")
    assert "FLAGS" not in talk.line("a FETCH 2 RFC822.HEADER")
    assert "FLAGS (\\Recent \\Seen)" in talk.line("a FETCH 3 RFC822.TEXT")
    assert flags(talk) == ["\\Recent \\Seen", "\\Recent", "\\Recent \\Seen"]


def test_examine_changes_nothing(store):
    talk = imap(store, login="brandon")
    talk.line("a EXAMINE INBOX")
    talk.line("b FETCH 1 BODY[]")
    assert "\\Seen" not in flags(talk, "1")[0]
    for command in ("STORE 1 +FLAGS \\Seen", "EXPUNGE", "UID EXPUNGE 1", "MOVE 1 INBOX"):
        assert talk.line(f"c {command}").startswith("c NO [READ-ONLY]")


def test_expunge_numbers_are_right_one_after_the_other(talk):
    talk.line("a STORE 1,3 +FLAGS.SILENT \\Deleted")
    numbers = [int(n) for n in re.findall(r"\* (\d) EXPUNGE", talk.line("b EXPUNGE"))]
    left = ["one", "two", "three"]
    for number in numbers:
        del left[number - 1]
    assert left == ["two"]
    assert talk.line("c UID SEARCH ALL").startswith("* SEARCH 2\r\n")


def test_uid_expunge_spares_what_it_does_not_name(talk):
    talk.line("a STORE 1:3 +FLAGS.SILENT \\Deleted")
    assert talk.line("b UID EXPUNGE 2:3").count("EXPUNGE") == 2
    assert talk.line("c UID SEARCH ALL").startswith("* SEARCH 1\r\n")


def test_close_removes_and_unselect_spares(store, talk):
    talk.line("a STORE 1 +FLAGS.SILENT \\Deleted")
    assert talk.line("b UNSELECT").startswith("b OK")
    assert list(store.folders("brandon").inbox.messages) == [1, 2, 3]
    talk.line("c SELECT INBOX")
    assert talk.line("d CLOSE") == "d OK closed\r\n"
    assert list(store.folders("brandon").inbox.messages) == [2, 3]
    assert talk.line("e CHECK").startswith("e BAD")


def test_copy_gives_the_new_numbers(store, talk):
    talk.line("a CREATE Work")
    talk.line("b STORE 2 +FLAGS.SILENT (\\Flagged)")
    said = talk.line("c COPY 1:2 Work")
    assert re.match(r"c OK \[COPYUID \d+ 1:2 1:2\]", said)
    work = store.folders("brandon").get("Work")
    assert [m.flags for m in work.messages.values()] == [frozenset(), {"\\Flagged"}]
    assert talk.line("d COPY 1 Nope").startswith("d NO [TRYCREATE]")
    assert talk.line("e UID COPY 99 Work") == "e OK copied\r\n"


def test_move_copies_and_removes(store, talk):
    talk.line("a CREATE Work")
    said = talk.line("b MOVE 1,3 Work")
    assert re.search(r"\* OK \[COPYUID \d+ 1,3 1:2\].*EXPUNGE.*EXPUNGE.*b OK", said, re.DOTALL)
    assert list(store.folders("brandon").inbox.messages) == [2]
    assert len(store.folders("brandon").get("Work").messages) == 2


def test_another_session_hears_of_changes_but_not_while_it_counts(store, talk):
    other = imap(store, login="brandon", select="INBOX")
    talk.line("a STORE 1 +FLAGS.SILENT (\\Deleted)")
    assert "* 1 FETCH (UID 1 FLAGS (\\Deleted))" in other.line("x NOOP")
    talk.line("b EXPUNGE")
    said = other.line("x FETCH 1:3 FLAGS")
    assert "EXPUNGE\r\n" not in said
    assert said.splitlines()[-1].startswith("x NO [EXPUNGEISSUED]")
    assert "* 2 FETCH" in said
    assert "EXPUNGE\r\n" not in other.line("x SEARCH ALL")
    assert "* 1 EXPUNGE\r\n" in other.line("x NOOP")
    assert "* 1 FETCH" in other.line("x FETCH 1 FLAGS")


def test_silent_store_is_silent_for_its_own_session_only(store, talk):
    other = imap(store, login="brandon", select="INBOX")
    assert talk.line("a STORE 1 +FLAGS.SILENT (\\Seen)") == "a OK stored\r\n"
    assert talk.line("b NOOP") == "b OK done\r\n"
    assert "* 1 FETCH" in other.line("x NOOP")


def test_idle_hears_of_new_mail_at_once(store, talk):
    assert talk.line("a IDLE") == "+ idling\r\n"
    sender = smtp(store)
    for line in ("HELO x", "MAIL FROM:<>", "RCPT TO:<brandon>", "DATA", "Subject: new\r\n\r\n."):
        sender.line(line)
    assert talk.woken
    assert talk.listen() == b"* 4 EXISTS\r\n* 4 RECENT\r\n"
    assert talk.line("DONE") == "a OK back to work\r\n"
    talk.woken = False
    store.folders("brandon").inbox.deliver(PLAIN)
    assert not talk.woken, "who does not idle is not disturbed"
    assert "* 5 EXISTS" in talk.line("b NOOP")


def test_idle_ends_with_done_only(talk):
    talk.line("a IDLE")
    assert talk.line("b NOOP").startswith("a BAD")
    talk.line("c IDLE")
    talk.end()
    assert talk.over


def test_session_that_is_gone_watches_nothing(store, talk):
    talk.line("a IDLE")
    assert store.folders("brandon").inbox.watchers
    talk.end()
    assert not store.folders("brandon").inbox.watchers


def test_deleted_mailbox_is_empty_for_whoever_has_it_open(talk, store):
    talk.line("a CREATE Work")
    talk.line("b APPEND Work {3+}\r\nabc")
    other = imap(store, login="brandon", select="Work")
    talk.line("c DELETE Work")
    assert "* 1 EXPUNGE" in other.line("x NOOP")
    assert other.line("x FETCH 1 FLAGS").startswith("x BAD")


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ('"" *', ["INBOX", "Archive", "Archive/2024", "Entw&APw-rfe", "two words"]),
        ('"" %', ["INBOX", "Archive", "Entw&APw-rfe", "two words"]),
        ('"" inbox', ["INBOX"]),
        ('"" Archive/%', ["Archive/2024"]),
        ("Archive/ *", ["Archive/2024"]),
        ('"" *2024', ["Archive/2024"]),
        ('"" Entw&APw-*', ["Entw&APw-rfe"]),
        ('"" "t* w%"', ["two words"]),
        ('"" nothing', []),
    ],
)
def test_list_finds_what_the_pattern_means(talk, pattern, names):
    for name in ("Archive/2024", "Entw&APw-rfe", '"two words"'):
        assert talk.line(f"a CREATE {name}").startswith("a OK")
    said = talk.line(f"b LIST {pattern}")
    assert [name.strip('"') for name in re.findall(r'\* LIST \([^)]*\) "/" (.*)\r', said)] == names


def test_list_tells_parents_and_ghosts(talk):
    talk.line("a CREATE A/B")
    talk.line("b DELETE A")
    said = talk.line('c LIST "" *')
    assert '* LIST (\\Noselect \\HasChildren) "/" A\r\n' in said
    assert '* LIST (\\HasNoChildren) "/" A/B\r\n' in said
    assert talk.line('d LIST "" ""').startswith('* LIST (\\Noselect) "/" ""\r\n')
    assert talk.line("e SELECT A").startswith("e NO")


def test_subscriptions_are_kept(store, talk):
    talk.line("a SUBSCRIBE Work/Deep")
    talk.line("a SUBSCRIBE INBOX")
    assert '* LSUB () "/" Work/Deep' in imap(store, login="brandon").line('b LSUB "" *')
    assert '* LSUB (\\Noselect) "/" Work\r\n' in talk.line('c LSUB "" %')
    talk.line("d UNSUBSCRIBE Work/Deep")
    assert "Work" not in talk.line('e LSUB "" *')


def test_status_counts(talk):
    talk.line("a STORE 1 +FLAGS.SILENT \\Seen")
    said = talk.line("b STATUS INBOX (MESSAGES UNSEEN UIDNEXT RECENT UIDVALIDITY)")
    assert re.match(
        r"\* STATUS INBOX \(MESSAGES 3 UNSEEN 2 UIDNEXT 4 RECENT 0 UIDVALIDITY \d+\)", said
    )
    assert talk.line("c STATUS INBOX (NONSENSE)").startswith("c BAD")
    assert talk.line("d STATUS Nope (MESSAGES)").startswith("d NO [NONEXISTENT]")


@pytest.mark.parametrize("bad", ["", '""', "a//b", "&", "a&b", '"a\x01b"', "{1+}\r\n\x00"])
def test_names_that_are_none_are_refused(talk, bad):
    said = talk.line(f"a CREATE {bad}")
    assert said.startswith(("a NO [CANNOT]", "a BAD"))


@pytest.mark.parametrize("numbers", ["0", "4", "1:4", "x", "1,,2", "1:", "99999999999"])
def test_numbers_that_are_none_are_bad(talk, numbers):
    assert talk.line(f"a FETCH {numbers} FLAGS").startswith("a BAD")


@pytest.mark.parametrize(
    ("numbers", "uids"),
    [("*", [3]), ("1:*", [1, 2, 3]), ("3:1", [1, 2, 3]), ("2,1:2", [1, 2]), ("*:2", [2, 3])],
)
def test_number_sets_mean_what_they_say(talk, numbers, uids):
    said = talk.line(f"a FETCH {numbers} UID")
    assert [int(uid) for uid in re.findall(r"UID (\d)", said)] == uids


def test_uids_may_be_any_and_star_is_the_last(talk):
    assert talk.line("a UID FETCH 50:60 FLAGS") == "a OK fetched\r\n"
    assert "* 3 FETCH (UID 3 FLAGS" in talk.line("b UID FETCH 50:* FLAGS")
    assert "* 2 FETCH (UID 2 FLAGS" in talk.line("c UID STORE 2 +FLAGS \\Seen")


def test_empty_mailbox_has_no_messages_to_fetch(store):
    talk = imap(store, login="root", select="INBOX")
    assert talk.line("a FETCH 1:* FLAGS") == "a OK fetched\r\n"
    assert talk.line("b SEARCH ALL") == "* SEARCH\r\nb OK searched\r\n"
    assert talk.line("c UID FETCH * FLAGS") == "c OK fetched\r\n"


def test_a_thousand_ranges_take_no_time(talk):
    ranges = ",".join(["1:*"] * 10000)
    assert talk.line(f"a UID FETCH {ranges} UID").count("FETCH (") == 3


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [("*" * 900 + "x", "a" * 200, False), ("*a" * 400, "a" * 200, False), ("%*%", "a/b", True)],
)
def test_hostile_patterns_take_no_time(pattern, name, fits):
    assert matches(pattern, name) is fits


def test_id_and_namespace(talk):
    assert talk.line('a ID ("name" "test")').startswith('* ID ("name" "netarium")')
    assert talk.line("b NAMESPACE").startswith('* NAMESPACE (("" "/")) NIL NIL')


def test_fifty_faults_end_the_session(store):
    talk = imap(store)
    for _ in range(49):
        assert talk.line("a NONSENSE").startswith("a BAD")
    assert talk.line("a NONSENSE").startswith("* BYE")
    assert talk.over
