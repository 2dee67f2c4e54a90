import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netarium.services.mail.folder_names import (
    decode,
    encode,
    from_directory,
    normalise,
    to_directory,
)

LEVEL = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/"), min_size=1, max_size=9
)
NAMES = st.lists(LEVEL, min_size=1, max_size=3).map("/".join)


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # RFC 3501 section 5.1.3
        ("Q&A", "Q&-A"),
        ("Entwürfe", "Entw&APw-rfe"),
        ("😀", "&2D3eAA-"),
        ("plain name", "plain name"),
    ],
)
def test_modified_utf_7_is_that_of_the_rfc(name, wire):
    assert encode(name) == wire
    assert decode(wire) == name


@given(NAMES)
@example("&")
@example("a&b-")
def test_every_name_survives_the_wire(name):
    assert decode(encode(name)) == name
    assert encode(name).isascii()


@given(NAMES)
@example("a.b/c")
def test_every_name_has_one_directory_that_gives_it_back(name):
    directory = to_directory(name)
    assert "/" not in directory
    assert directory.startswith(".")
    assert from_directory(directory) == name


@given(st.text())
def test_any_text_is_decoded_or_refused(text):
    try:
        decode(text)
    except ValueError:
        pass


@pytest.mark.parametrize("broken", ["&", "a&b", "&AB", "&!!-", "&AAAA-"])
def test_broken_shift_is_refused(broken):
    with pytest.raises(ValueError, match="&"):
        decode(broken)


@pytest.mark.parametrize(
    "bad", ["", "/", "a//b", "/a", "a\x00b", "a\nb", "x" * 300, "ü" * 100, "/".join("a" * 17)]
)
def test_what_is_no_folder_is_refused(bad):
    with pytest.raises(ValueError, match="folder"):
        normalise(bad)


def test_inbox_is_one_whatever_its_case():
    assert normalise("iNbOx") == "INBOX"
    assert normalise("inbox/Old") == "INBOX/Old"
    assert normalise("Work/") == "Work"


@pytest.mark.parametrize("stranger", ["new", ".Entw%C3%BCrfe&", "..", ".a..b", ".&AGE-"])
def test_directory_that_is_no_folder_of_ours_is_refused(stranger):
    with pytest.raises(ValueError, match=r"folder|&"):
        from_directory(stranger)
