import re

import pytest

from netarium.services.mail.imap_fetch import envelope, structure
from netarium.services.mail.mime import parse
from netarium.services.mail.samples import picture, samples

from .mail_talk import imap, open_store

#: The message of RFC 3501's own numbering example (section 6.4.5), in small.
NESTED = b"\r\n".join(
    b"""From: Ann <ann@example.com>
To: "Doe, John" <jd@example.com>, list: a@b.example, c@d.example;
Cc: plain@example.com
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)
Message-Id: <B27397-0100000@example.com>
Content-Type: multipart/mixed; boundary="outer"

preamble
--outer
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

caf=E9
--outer
Content-Type: application/octet-stream; name=data

xyz
--outer
Content-Type: message/rfc822

Subject: inner
From: in@example.com
Content-Type: multipart/alternative; boundary=inner

--inner

first
--inner
Content-Type: text/html
Content-Language: en, de
Content-Location: http://example.com/

<p>second
--inner--

--outer--
epilogue
""".split(b"\n")
)


@pytest.fixture
def talk(tmp_path):
    store = open_store(tmp_path)
    inbox = store.folders("brandon").inbox
    inbox.deliver(NESTED, received=837596665.0)
    inbox.deliver(b"Subject: second\r\n\r\nonly text\r\n", ["\\Flagged", "$Work"])
    inbox.deliver(b"X-Empty:\r\nTo: brandon@example.com\r\n\r\n", ["\\Seen"])
    return imap(store, login="brandon", select="INBOX")


def section(talk, name, number=1):
    said = talk.say(f"a FETCH {number} BODY.PEEK[{name}]\r\n".encode())
    found = re.match(rb"\* \d FETCH \(BODY\[.*?\](?:<\d+>)? (?:NIL|\{(\d+)\}\r\n)", said, re.DOTALL)
    if found[1] is None:
        return None
    return said[found.end() : found.end() + int(found[1])]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("", NESTED),
        ("TEXT", NESTED.partition(b"\r\n\r\n")[2]),
        ("HEADER", NESTED.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"),
        ("1", b"caf=E9"),
        ("2", b"xyz"),
        ("2.MIME", b"Content-Type: application/octet-stream; name=data\r\n\r\n"),
        ("3.MIME", b"Content-Type: message/rfc822\r\n\r\n"),
        ("3.1", b"first"),
        ("3.2", b"<p>second"),
        ("3.HEADER.FIELDS (Subject)", b"Subject: inner\r\n\r\n"),
        ("HEADER.FIELDS (CC DATE)", None),
        ("HEADER.FIELDS (X-None)", b"\r\n"),
        ("3.1.MIME", b"\r\n"),
        ("4", None),
        ("1.1", None),
        ("1.HEADER", None),
        ("3.3", None),
    ],
)
def test_sections_are_octet_for_octet(talk, name, content):
    if name == "HEADER.FIELDS (CC DATE)":
        content = b"Cc: plain@example.com\r\nDate: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n\r\n"
    assert section(talk, name) == content


def test_the_one_part_of_a_plain_message_is_its_text(talk):
    assert section(talk, "1", 2) == b"only text\r\n"
    assert section(talk, "2", 2) is None


def test_embedded_message_has_header_and_text(talk):
    header = section(talk, "3.HEADER")
    assert header.startswith(b"Subject: inner\r\n")
    assert header.endswith(b"boundary=inner\r\n\r\n")
    assert section(talk, "3") == header + section(talk, "3.TEXT")


def test_header_fields_not_is_the_rest(talk):
    rest = section(talk, "HEADER.FIELDS.NOT (From To Cc Subject Message-Id Content-Type)")
    assert rest == b"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n\r\n"


@pytest.mark.parametrize(
    ("first", "count", "expected"), [(0, 5, b"only "), (5, 99, b"text\r\n"), (99, 1, b"")]
)
def test_partial_fetch(talk, first, count, expected):
    said = talk.say(f"a FETCH 2 BODY.PEEK[TEXT]<{first}.{count}>\r\n".encode())
    assert b"BODY[TEXT]<%d> {%d}\r\n%s)" % (first, len(expected), expected) in said


def test_envelope_has_everybody():
    assert envelope(parse(NESTED)) == (
        b'("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "=?utf-8?q?Gr=C3=BC=C3=9Fe?="'
        b' (("Ann" NIL "ann" "example.com")) (("Ann" NIL "ann" "example.com"))'
        b' (("Ann" NIL "ann" "example.com"))'
        b' (("Doe, John" NIL "jd" "example.com")(NIL NIL "a" "b.example")(NIL NIL "c" "d.example"))'
        b' ((NIL NIL "plain" "example.com")) NIL NIL "<B27397-0100000@example.com>")'
    )


def test_envelope_of_nothing_is_nil():
    assert envelope(parse(b"")) == b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"


def test_bodystructure_of_nested_parts():
    assert structure(parse(NESTED), extended=True) == (
        b'(("text" "plain" ("charset" "iso-8859-1") NIL NIL "quoted-printable" 6 1 NIL NIL NIL NIL)'
        b'("application" "octet-stream" ("name" "data") NIL NIL "7bit" 3 NIL NIL NIL NIL)'
        b'("message" "rfc822" NIL NIL NIL "7bit" %d '
        b'(NIL "inner" ((NIL NIL "in" "example.com")) ((NIL NIL "in" "example.com"))'
        b' ((NIL NIL "in" "example.com")) NIL NIL NIL NIL NIL) '
        b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 5 1 NIL NIL NIL NIL)'
        b'("text" "html" ("charset" "us-ascii") NIL NIL "7bit" 9 1 NIL NIL ("en" "de")'
        b' "http://example.com/") "alternative" ("boundary" "inner") NIL NIL NIL)'
        b' %d NIL NIL NIL NIL) "mixed" ("boundary" "outer") NIL NIL NIL)'
    ) % (len(parse(NESTED).children[2].body), 14)


@pytest.mark.parametrize(
    "hostile",
    [
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\nnone of it",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x--\r\n",
        b"Content-Type: nonsense\r\n\r\n",
        b"Content-Type: message/rfc822\r\n\r\n" * 200,
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n" * 5000,
        b"\r\n",
        b"\x00\xff" * 100,
        b"From: " + b"<" * 5000 + b"\r\n\r\n",
        b"To: " + b"(" * 5000 + b"\r\n\r\n",
        b"Content-Type: a/b; " + b'x="' * 5000,
    ],
)
def test_malformed_message_is_still_shown(hostile):
    part = parse(hostile)
    shown = structure(part, extended=True)
    assert shown.count(b"(") >= 1
    assert envelope(part).startswith(b"(")


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ("ALL", [1, 2, 3]),
        ("FLAGGED", [2]),
        ("UNFLAGGED", [1, 3]),
        ("SEEN", [3]),
        ("UNSEEN", [1, 2]),
        ("NEW", [1, 2]),
        ("OLD", []),
        ("RECENT", [1, 2, 3]),
        ("ANSWERED", []),
        ("UNANSWERED UNDELETED UNDRAFT", [1, 2, 3]),
        ("DELETED", []),
        ("DRAFT", []),
        ("KEYWORD $work", [2]),
        ("UNKEYWORD $Work", [1, 3]),
        ("FROM ann", [1]),
        ("TO brandon", [3]),
        ("CC plain", [1]),
        ("BCC x", []),
        ('SUBJECT "Gr\u00fc\u00dfe"', [1]),
        ("SUBJECT {7+}\r\nGr\u00fc\u00dfe", [1]),
        ("CHARSET UTF-8 SUBJECT {7+}\r\nGR\u00dc\u00dfE", [1]),
        ("BODY caf\u00e9", [1]),
        ("BODY second", [1]),
        ("BODY ONLY", [2]),
        ("TEXT second", [1, 2]),
        ('HEADER X-Empty ""', [3]),
        ("HEADER Message-Id B27397", [1]),
        ("BEFORE 1-Jan-2000", [1]),
        ("ON 17-Jul-1996", [1]),
        ('SINCE "1-Jan-2000"', [2, 3]),
        ("SENTBEFORE 18-Jul-1996", [1]),
        ("SENTON 17-Jul-1996", [1]),
        ("SENTSINCE 17-Jul-1996", [1]),
        ("LARGER 100", [1]),
        ("SMALLER 100", [2, 3]),
        ("2:*", [2, 3]),
        ("UID 1,3", [1, 3]),
        ("NOT 2", [1, 3]),
        ("OR 1 3", [1, 3]),
        ("OR (FLAGGED UNSEEN) NOT (UNSEEN)", [2, 3]),
        ("(1:2 (2))", [2]),
    ],
)
def test_search_keys(talk, keys, found):
    said = talk.line(f"a SEARCH {keys}")
    assert said.splitlines()[0] == " ".join(["* SEARCH", *map(str, found)]), said
    assert said.splitlines()[1].startswith("a OK")


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        ("", "BAD"),
        ("NONSENSE", "BAD"),
        ("NONSENSE x", "BAD"),
        ("OR 1", "BAD"),
        ("(1", "BAD"),
        ("(" * 200 + "1" + ")" * 200, "BAD"),
        ("NOT " * 2000 + "1", "BAD"),
        ("BEFORE 31-Feb-2020", "BAD"),
        ("ON 1-Xyz-2020", "BAD"),
        ("LARGER x", "BAD"),
        ("7", "BAD"),
        ("CHARSET KOI8-R ALL", "NO [BADCHARSET (US-ASCII UTF-8)]"),
    ],
)
def test_searches_that_are_none(talk, keys, answer):
    assert talk.line(f"a SEARCH {keys}").startswith(f"a {answer}")


@pytest.mark.parametrize(
    "items",
    [
        "",
        "()",
        "(FLAGS",
        "NONSENSE",
        "BODY[",
        "BODY[x]",
        "BODY[MIME]",
        "BODY[1.]",
        "BODY[0]",
        "BODY[]<1>",
        "BODY[]<1.0>",
        "BODY[HEADER.FIELDS]",
        "BODY[HEADER.FIELDS ()]",
        "FLAGS UID",
        "(ALL)",
        f"BODY[{'1.' * 100}1]",
    ],
)
def test_items_that_are_none_are_bad(talk, items):
    said = talk.line(f"a FETCH 1 {items}")
    assert said.splitlines()[-1].startswith("a BAD"), said


@pytest.mark.parametrize(
    ("macro", "items"),
    [
        ("ALL", ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"]),
        ("FAST", ["FLAGS", "INTERNALDATE", "RFC822.SIZE"]),
        ("FULL", ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"]),
    ],
)
def test_macros(talk, macro, items):
    said = talk.line(f"a FETCH 1 {macro}").splitlines()[0]
    places = [said.index(f"{item} ") for item in items]
    assert places == sorted(places)
    assert ("BODY" in said) == ("BODY" in items)


def test_sample_letters_are_sound():
    import email
    import email.policy

    letters = samples("brandon", "mail.example.com", "example.com")
    parsed = [email.message_from_bytes(letter, policy=email.policy.default) for letter in letters]
    assert len(parsed) == 3
    for letter, message in zip(letters, parsed, strict=True):
        assert not message.defects
        assert letter.isascii()
        assert max(map(len, letter.split(b"\r\n"))) <= 98
        assert message["date"].datetime
        assert message["from"].addresses[0].addr_spec == "postmaster@example.com"
    text, image, note = parsed[2].iter_parts()
    assert text.get_content().startswith("Dear brandon")
    assert image.get_content() == picture()
    assert image.get_filename() == "network.png"
    assert note.get_filename() == "note.txt"
    assert picture().startswith(b"\x89PNG\r\n")
