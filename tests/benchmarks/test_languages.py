"""The chats in other languages: each fact is told once, and asked in its own language and in English."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.recall import BenchmarkChat, read

TALKS = read(Path(__file__).parents[2] / "benchmarks" / "languages.json")
every_talk = pytest.mark.parametrize("talk", TALKS, ids=lambda talk: talk.name)


def test_there_are_three_languages_with_twenty_facts_each() -> None:
    kinds = Counter(question.kind for talk in TALKS for question in talk.questions)
    languages = ("de", "fr", "es")
    assert kinds == {name: 20 for each in languages for name in (each, f"{each} asked in English")}


@every_talk
def test_each_fact_is_told_once_by_the_person_among_other_messages(talk: BenchmarkChat) -> None:
    said = {turn["dia_id"]: turn["message"] for turn in talk.turns}
    assert len(said) == len(talk.turns) > 60
    for question in talk.questions:
        [evidence] = question.evidence
        assert said[evidence]["content"] == question.answer
        assert said[evidence]["role"] == "user"
    assert Counter(each.answer for each in talk.questions) == dict.fromkeys({q.answer for q in talk.questions}, 2)


@every_talk
def test_no_question_is_asked_twice(talk: BenchmarkChat) -> None:
    asked = [question.text for question in talk.questions]
    assert len(set(asked)) == len(asked)
