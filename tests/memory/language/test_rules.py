"""Rules in place of a model: which sentences of a person they take, which not, and what needs no model call."""

from __future__ import annotations

import time

import pytest

from memory.facts import Said
from memory.learn.extract import propose, worth_reading
from memory.learn.reconcile import reconcile
from tests.memory.learn.test_remember import answer, operation
from tests.scripted import ScriptedModel


def _taken(words: str, role: str = "user") -> list[str]:
    return [proposal.text for proposal in propose([Said(role, words)], [], None)]


@pytest.mark.parametrize(
    "statement",
    [
        *(
            "I like tea.",
            "I'm a nurse in Porto.",
            "I’ve lived in Japan.",
            "My sister is called Ana",
            "I don't eat meat.",
        ),
        *("We have two dogs", "Call me Ishmael, please", "I use Redis 7.2 at work.", "I never drink coffee!"),
        *("i am allergic to nuts", "I really love node.js and C#.", "I can’t stand cilantro."),
    ],
)
def test_a_statement_about_oneself_is_taken_word_for_word(statement: str) -> None:
    assert _taken(statement) == [statement]


@pytest.mark.parametrize(
    "words",
    [
        *("Do I like tea?", "What is my name?", "I need you to write a poem.", "I want to know more.", "I am sorry."),
        *("What if I like tea", "Suppose I am a chef.", "Let's say I live in Rome.", "I have a question about Rome."),
        *(
            "I don't understand this.",
            "I'm not sure about that.",
            "My bad, go on",
            "The sky is blue.",
            "She likes tea.",
        ),
        *("Thanks a lot!", "", "   ", "???", "I am", "My god", "x" * 500, "I like " + "very " * 100 + "long tea."),
    ],
)
def test_questions_requests_suppositions_and_others_are_left_alone(words: str) -> None:
    assert _taken(words) == []


def test_each_statement_of_a_message_stands_alone() -> None:
    words = "Hi! I'm Dave. What is Redis? I use Redis 7.2 at work.\nAlso, my cat is called Miso… Thanks!"
    assert _taken(words) == ["I'm Dave.", "I use Redis 7.2 at work.", "my cat is called Miso…"]


def test_what_the_assistant_says_is_never_taken() -> None:
    assert _taken("I like tea. My name is Clara.", "assistant") == []


@pytest.mark.parametrize(
    ("words", "kind"),
    [("I love tea.", "preference"), ("I want to learn Welsh.", "goal"), ("I live in Rome.", "fact")],
)
def test_likes_and_aims_are_told_apart(words: str, kind: str) -> None:
    assert [each.kind for each in propose([Said("user", words)], [], None)] == [kind]


@pytest.mark.parametrize(
    "unit", ["I like a.a.", "....", "i really ", "I am my, ", "hi hi oh ", "4111 ", "A1 ", "\n \t"]
)
def test_a_long_message_takes_no_long_time(unit: str) -> None:
    words = (unit * 100_000)[:100_000]
    began = time.process_time()
    _taken(words)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("words", "worth"),
    [
        *[
            (each, True)
            for each in ("I like tea", "Ich mag Tee", "お茶が好き", "나는 차를 좋아해", "Люблю чай", "my wife Ana")
        ],
        *[
            (each, False)
            for each in ("thanks", "Hello!", "ok thank you so much", "👍👍", "", "42", "ja danke", "merci bonjour")
        ],
    ],
)
def test_a_message_is_worth_reading_if_it_says_more_than_thanks(words: str, worth: bool) -> None:
    assert worth_reading([Said("user", words)]) is worth


def test_only_the_persons_words_are_worth_reading() -> None:
    assert not worth_reading([Said("assistant", "I like tea very much")])


def test_a_model_that_proposes_none_changes_nothing(scripted_model: ScriptedModel) -> None:
    scripted_model.enqueue(answer(operation("none", "x", "y"), operation("add", "Rows", "I row")))
    said = [Said("user", "I row")]
    decided = reconcile(propose(said, [], scripted_model), said, [])
    assert [each.text for each in decided.writes] == ["Rows"]
    assert decided.refused == []
