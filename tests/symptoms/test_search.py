"""Where a wording is looked for: near its words alone, in pieces whose number and length are bounded."""

from __future__ import annotations

import pytest

from stackfix.symptoms import search
from stackfix.symptoms.search import places, quoted
from stackfix.symptoms.text import text_of


def found(text, words, regex, most=6):
    return [match[0] for match in places(text_of(text), words, regex, most)]


def test_a_space_stands_for_a_line_break_and_for_the_bar_of_a_box():
    assert found("has no\n  │   wheels", ("wheels",), "has no wheels") == ["has no\n │ wheels"]
    assert found("has no wheels", ("wheels",), r"has\ no[ ]wheels") == ["has no wheels"]


@pytest.mark.parametrize(
    ("text", "regex"),
    [
        ("在docker中运行", r"\bdocker\b"),
        ("使用torch 2.5.1版本", r"(?<![\w-])torch [\d.]+(?!\w)"),
        ("WSL2で動かす", r"\bwsl2\b"),
    ],
)
def test_letters_that_no_name_holds_bound_a_word(text, regex):
    assert len(found(text, ("docker", "torch", "wsl2"), regex)) == 1


def test_letters_that_a_name_holds_bound_none():
    assert found("mydocker dockerd", ("docker",), r"\bdocker\b") == []
    assert found("libtorch 2.5.1", ("torch",), r"(?<![\w-])torch [\d.]+") == []


def test_without_its_words_an_expression_is_not_asked():
    assert found("abc", ("xyz",), "abc") == []


def test_matches_come_in_order_do_not_overlap_and_are_no_more_than_asked_for():
    assert found("a1 a2 a3", ("a",), r"a\d") == ["a1", "a2", "a3"]
    assert found("a1 a2 a3", ("a",), r"a\d", most=2) == ["a1", "a2"]
    assert found("a1 a1", ("1", "a"), r"a\d a\d") == ["a1 a1"]


def test_an_empty_match_ends_the_search():
    assert found("abc", ("b",), "x?") == []


@pytest.mark.parametrize("text", ["word " * 400_000, ("word" + "." * 2000) * 1000, "word" * 500_000])
def test_what_is_looked_at_is_bounded_whatever_the_text(text):
    windows = list(search._windows(text, ("word",)))
    assert len(windows) <= search._WINDOWS
    assert all(last - first <= search._AFTER for first, last in windows)


def test_the_last_place_of_a_word_that_is_everywhere_is_looked_at():
    assert found("word. " * 100_000 + "word!", ("word",), "word!") == ["word!"]


def test_a_long_match_is_quoted_by_its_ends():
    text = text_of("one\n" + "a" * 900)
    (match,) = places(text, ("aaa",), "a{500}", 1)
    assert quoted(text, match).startswith("line 2: “aaa")
    assert "…" in quoted(text, match)
    assert len(quoted(text, match)) < 220
