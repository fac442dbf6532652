"""The sentence embedder: texts that mean the same are near, in whatever words and however they are sent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from memory.embedded.embedder import TOKENIZER, WEIGHTS, SentenceEmbedder
from memory.errors import LocalError

ODD = ["", " ", "\n\t", "\x00", "\u200b", "🧿👩‍👩‍👧", "日本語", "\ud800 half", "e\u0301", "a" * 1_000_000]


@pytest.fixture(scope="module")
def embedder() -> SentenceEmbedder:
    return SentenceEmbedder()


def likeness(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_a_statement_is_nearer_to_its_paraphrase_than_to_one_with_its_words(embedder: SentenceEmbedder) -> None:
    asked, same, words = embedder.embed(
        ["Which pet do I have?", "A tabby cat lives with us.", "Which train do I have to take?"]
    )
    assert likeness(asked, same) > likeness(asked, words)


def test_word_order_makes_a_difference(embedder: SentenceEmbedder) -> None:
    one, other = embedder.embed(["The dog bit the man.", "The man bit the dog."])
    assert likeness(one, other) < 0.999


@pytest.mark.parametrize("text", ODD, ids=repr)
def test_any_text_gets_a_vector_of_length_one(embedder: SentenceEmbedder, text: str) -> None:
    [vector] = embedder.embed([text])
    assert len(vector) == 384
    assert likeness(vector, vector) == pytest.approx(1.0)


def test_a_text_has_the_same_vector_alone_and_in_a_list(embedder: SentenceEmbedder) -> None:
    texts = ["Rye bread.", "The baker on the corner opens at six. " * 20, "", "I moved to Maribor in May."]
    for text, vector in zip(texts, embedder.embed(texts), strict=True):
        assert likeness(vector, embedder.embed([text])[0]) == pytest.approx(1.0, abs=0.01)
    assert embedder.embed([]) == []


def test_the_end_of_a_long_text_counts_too(embedder: SentenceEmbedder) -> None:
    start = "The baker on the corner opens at six in the morning. " * 40
    asked, long, cut = embedder.embed(["sailing in Croatia", start + "We sailed to Croatia. " * 40, start])
    assert likeness(asked, long) > likeness(asked, cut)


def test_many_threads_get_the_vectors_that_one_gets(embedder: SentenceEmbedder) -> None:
    texts = [f"Message number {n} is about {n % 7} apples." for n in range(40)]
    expected = [embedder.embed([text])[0] for text in texts]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda text: embedder.embed([text])[0], texts))
    assert all(likeness(one, other) > 0.999 for one, other in zip(expected, found, strict=True))


def test_files_that_are_not_the_expected_ones_are_refused() -> None:
    for wrong in (replace(TOKENIZER, sha256="0" * 64), replace(TOKENIZER, path="no/such/file")):
        with pytest.raises(LocalError, match="damaged"):
            SentenceEmbedder(tokenizer=wrong)
    with pytest.raises(LocalError, match="not installed"):
        SentenceEmbedder(weights=replace(WEIGHTS, package="no_such_package"))
