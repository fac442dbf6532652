"""When two wordings are one statement, and what a rewording adds or loses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.language.words import invented, lost, new_words, wording

PARENTS = ["My sister Ana has 2 cats.", "Ana lives in Lisbon", "She moved on 2024-05-01"]
WHOLE = "My sister Ana has 2 cats, lives in Lisbon and moved on 2024-05-01"


def test_a_faithful_rewording_adds_and_loses_nothing() -> None:
    assert invented(WHOLE, PARENTS) == set()
    assert lost(WHOLE, PARENTS) == set()
    assert new_words(WHOLE, PARENTS) == set()


@pytest.mark.parametrize(
    ("old", "new", "mark"),
    [
        ("Ana", "Bea", "bea"),
        ("Lisbon", "Porto", "porto"),
        ("2 cats", "3 cats", "3"),
        ("2 cats", "three cats", "three"),
        ("05-01", "05-02", "2024-05-02"),
        ("My sister Ana", "Bea's sister Ana", "bea's"),
    ],
)
def test_another_name_number_or_date_is_invented(old: str, new: str, mark: str) -> None:
    assert mark in invented(WHOLE.replace(old, new), PARENTS)


@pytest.mark.parametrize(
    ("gone", "mark"), [("Ana ", "ana"), (" in Lisbon", "lisbon"), ("2 ", "2"), (" on 2024-05-01", "2024-05-01")]
)
def test_a_missing_name_number_or_date_is_lost(gone: str, mark: str) -> None:
    assert mark in lost(WHOLE.replace(gone, ""), PARENTS)


@pytest.mark.parametrize(
    ("statement", "parents"),
    [
        ("I like tea", ["I don't like tea"]),
        ("I never drink tea", ["I drink tea"]),
        ("I don't like tea or cake", ["I don't like tea", "I like cake"]),
        ("Ich mag Tee", ["Ich mag keinen Tee"]),
    ],
)
def test_a_denial_may_be_neither_added_nor_lost(statement: str, parents: list[str]) -> None:
    assert "not" in lost(statement, parents)


@pytest.mark.parametrize("word", ["hates", "never", "former", "dogs"])
def test_a_word_that_no_parent_has_is_new(word: str) -> None:
    assert new_words(f"{WHOLE} {word}", PARENTS) == {word}


@pytest.mark.parametrize(("one", "other"), [("like", "likes"), ("live", "living"), ("work", "worked")])
def test_a_word_with_another_ending_is_not_new(one: str, other: str) -> None:
    assert new_words(f"I {other} here", [f"I {one} here"]) == set()


@given(st.text())
def test_a_statement_is_itself_and_any_text_can_be_read(text: str) -> None:
    assert wording(text) == wording(f" {text}\n")
    assert invented(text, [text]) == set()
    assert lost(text, [text]) == set()
    assert new_words(text, [text]) == set()
    assert wording(text, "de") == wording(text, "de-AT")


@pytest.mark.parametrize(
    ("statement", "names"),
    [("Likes tea", set()), ("Bob likes tea", {"bob"}), ("Anais likes tea", {"anais"}), ("“Bob” likes tea", {"bob"})],
)
def test_what_opens_a_sentence_is_a_name_unless_the_parents_have_the_word(statement: str, names: set[str]) -> None:
    assert invented(statement, ["I like tea, as Ana does"]) == names
