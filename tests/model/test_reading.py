import time

import pytest

from netarium.errors import LabFileError
from netarium.model.faults import Faults
from netarium.model.reading import Bare, read


def data_of(text):
    faults = Faults("x.yaml")
    document = read(text, faults)
    faults.check()
    return document.data


def plain(value):
    """Bare words replaced by what they mean."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value.value if isinstance(value, Bare) else value


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("12", 12),
        ("-3", -3),
        ("0x1F", 31),
        ("0o17", 15),
        ("017", 17),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("02:00:00:00:00:01", "02:00:00:00:00:01"),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("2024-01-02", "2024-01-02"),
        ("10.0.0.1/24", "10.0.0.1/24"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("!!str 12", "12"),
        ("<<", "<<"),
        ("=", "="),
    ],
)
def test_words_mean_what_yaml_1_2_says(text, meaning):
    assert plain(data_of(f"[{text}]")) == [meaning]
    assert type(plain(data_of(f"[{text}]"))[0]) is type(meaning)


def test_keys_are_always_text():
    assert list(data_of("{no: a, on: b, 12: c, true: d, ~: e}")) == ["no", "on", "12", "true", "~"]


def test_a_bare_word_keeps_its_spelling():
    assert data_of("[007]")[0].text == "007"


def test_a_reference_is_followed_and_its_lines_are_where_it_was_written():
    faults = Faults()
    document = read("a: &x\n  b: 1\nc: *x\n", faults)
    assert plain(document.data) == {"a": {"b": 1}, "c": {"b": 1}}
    assert document.line(("c",)) == 3
    assert document.line(("c", "b")) == 2


def test_a_merge_key_gives_what_the_mapping_does_not_say():
    data = plain(data_of("a: &x {p: 1, q: 2}\nb: &y {r: 3}\nc: {<<: [*x, *y], q: 9}\n"))
    assert data["c"] == {"q": 9, "p": 1, "r": 3}


def test_a_quoted_merge_key_is_a_key():
    assert data_of("{'<<': a}") == {"<<": "a"}


def test_line_falls_back_to_what_encloses():
    document = read("a:\n  b:\n    - c\n", Faults())
    assert document.line(("a", "b", 0)) == 3
    assert document.line(("a", "b", 7, "x")) == 2
    assert document.line(("zzz",)) == 1


def test_an_alias_bomb_is_refused_at_once():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 60)]
    started = time.perf_counter()
    with pytest.raises(LabFileError, match="references"):
        data_of("\n".join(lines))
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_refused_at_once(opening):
    started = time.perf_counter()
    with pytest.raises(LabFileError):
        data_of(opening * 50_000)
    assert time.perf_counter() - started < 2


def test_a_huge_file_is_refused():
    with pytest.raises(LabFileError, match="16 MiB"):
        data_of(b"#" * (16 * 1024 * 1024 + 1))


def test_a_byte_order_mark_is_no_content():
    assert data_of(b"\xef\xbb\xbfa: b\n") == {"a": "b"}
