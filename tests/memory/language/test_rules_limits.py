"""What the rules leave alone: other people's facts, idioms, moments, limits, and words that only look like a value."""

from __future__ import annotations

import time

import pytest

from memory.facts import Fact, Said
from memory.language import rules


def _changes(words: str, *known: str, just_learned: bool = False) -> list[str]:
    near = [Fact(str(n), {"data": text}, just_learned=just_learned) for n, text in enumerate(known, 1)]
    return [each.text for each in rules.propose([Said("user", words)], near) if each.action != "add"]


SPOKEN_OF_THE_MOMENT = [
    ("Oh, it's Friday", "I live in Porto"),
    ("Wait, it's Christmas", "I'm called Dave"),
    ("Actually it's raining", "My favourite colour is blue"),
    ("no, he was right", "My favourite food is pizza"),
    ("Well, it's expensive", "My phone is an iPhone"),
    ("Oops, it's 12", "I'm 34 years old"),
    ("Actually it's -", "My favourite colour is blue"),
    ("Ach, es ist Montag", "Ich wohne in Köln"),
    ("Oh c'est joli", "Ma couleur préférée est le bleu"),
    ("No, es tarde", "Mi color favorito es azul"),
]


SPOKEN_OF_THE_MOMENT += [
    ("Oh it's delicious", "My favourite food is pizza"),
    ("No, it's closed", "My favourite restaurant is Luigi's"),
    ("oops, Typo!", "I live in Porto"),
    ("Oh sorry, Mum", "My name is Dave"),
    ("Actually it's English", "My name is Dave"),
    ("Ach, das ist Quatsch", "Ich wohne in Köln"),
    ("Non, c'est Madame", "J'habite à Metz"),
]


@pytest.mark.parametrize(("words", "known"), SPOKEN_OF_THE_MOMENT)
def test_what_is_said_of_the_moment_corrects_nothing(words: str, known: str) -> None:
    assert _changes(words, known, just_learned=True) == []


OTHERS = [
    ("I live in Porto", "I have a brother and he lives in Berlin"),
    ("I live in Porto", "I have a sister who is a nurse and lives in Berlin"),
    ("I live in Porto", "She lives in Berlin with her husband"),
    ("I'm divorced", "I have a sister and she is married"),
    ("I work at Bosch", "We live in Porto, she works at Siemens"),
    ("Forget that I live in Porto", "She lives in Porto"),
    ("Ich wohne in Köln", "Ich habe einen Bruder und er wohnt in Rom"),
    ("Ich heiße Anna", "Er heißt Tom"),
    ("Je m'appelle Anne", "Il s'appelle Jean"),
    ("Me llamo Ana", "Se llama Luis"),
    ("I'm Tom, not Tim", "My brother Tim is a nurse"),
    ("I'm in Rome, not Berlin", "My brother lives in Berlin"),
    ("That's Anna, not a", "I have a dog"),
]


@pytest.mark.parametrize(("words", "known"), OTHERS)
def test_what_is_true_of_others_is_not_changed(words: str, known: str) -> None:
    assert _changes(words, known) == []


NO_OTHER_VALUE = [
    *[(f"I'm {word}", "My name is Dave") for word in ("Exhausted", "Batman", "Palestinian", "male, 34", "down, 20.")],
    *[
        (words, "I live in Berlin")
        for words in (
            "We moved to Slack",
            "I moved to the marketing team",
            "I live in fear of spiders",
            "I live in a small flat",
            "I moved to Spain when I was six",
            "In 2010 I moved to Rome",
            "I moved to London in 2005 and then to Berlin",
        )
    ],
    *[(words, "I work at Siemens") for words in ("I started at the gym", "I got with Lena", "I work at a desk")],
    *[(words, "I'm a nurse") for words in ("I'm a good cook", "I'm a doctor's daughter", "I work as hard as I can")],
    ("My phone is dead", "My phone is a Pixel 7"),
    ("My name is short for Alexander", "My name is Alex"),
    ("My name is Irish", "My name is Dave"),
    ("My favourite show is cancelled", "My favourite show is Friends"),
    ("We live in strange times", "I live in Porto"),
    ("I work at dawn", "I work at Bosch"),
    ("I'm an engineer by training", "I'm a nurse"),
    ("My laptop is 5 years old", "My laptop is a Mac"),
    ("I'm 12, weeks pregnant", "I'm 34 years old"),
    ("Answer in French this time", "Always answer in German"),
    ("My birthday is tomorrow", "My birthday is 3 March"),
    ("I got married in 2010", "I'm divorced"),
    ("I'm engaged in politics", "I'm married to Lena"),
    ("I've been vegan before", "I'm vegetarian"),
    ("I'm not just a teacher", "I'm a teacher"),
    ("Ich lebe in Scheidung", "Ich wohne in Köln"),
    ("Ich bin Radfahrer", "Ich bin Lehrer"),
    ("Mein Arzt ist krank", "Mein Arzt ist Dr. Meyer"),
    ("Je vis en couple", "J'habite en France"),
    ("J'ai 35 ans d'expérience", "J'ai 34 ans"),
    ("Vivo en paz", "Vivo en Vigo"),
    ("Trabajo de lunes a viernes", "Soy maestro"),
]


@pytest.mark.parametrize(("words", "known"), NO_OTHER_VALUE)
def test_what_only_looks_like_another_value_replaces_nothing(words: str, known: str) -> None:
    assert _changes(words, known) == []


MORE_IS_TOLD = [
    ("I'm a pilot now", "I'm a nurse, 34, and live in Porto"),
    ("I'm divorced", "I'm married with two kids"),
    ("I live in Rome", "I live in Porto, where I work as a nurse"),
    ("Ich bin vegan", "Ich bin Vegetarier und Sportler"),
    ("J'habite à Lyon", "J'habite à Metz et travaille chez Renault"),
    ("No fumo", "Fumo y bebo"),
    ("I quit smoking", "I smoke and live in Porto"),
    ("I don't have a dog", "My wife and I have a dog"),
    ("Forget what I just said about dinner", "I live in Porto"),
    ("It's Java not Python", "I use Python at work"),
]


@pytest.mark.parametrize(("words", "known"), MORE_IS_TOLD)
def test_a_memory_that_tells_more_than_what_ended_is_left(words: str, known: str) -> None:
    assert _changes(words, known) == []


LIMITED = [
    ("I live in Rome until June", "I live in Porto"),
    ("I live in Berlin on weekdays and in Porto on weekends", "I live in Porto"),
    ("I hate pizza", "I love pizza with anchovies"),
    ("I have a toy car in Spain", "I don't have a car"),
    ("I'm not a nurse yet", "I'm a nursing student"),
    ("I don't smoke at home", "I smoke"),
    ("I don't play football on Sundays", "I play football"),
    ("I hate cooking for one", "I love cooking"),
    ("I don't have a car key", "I have a car"),
    ("I don't have a dog", "I have a dog allergy"),
    ("I have a baby shower on Sunday", "I don't have a baby"),
    ("I don't like tea", "I like tea, coffee and cake"),
    ("I no longer have a cat", "I have a cat and two dogs"),
    ("I hate cats", "I love big cats"),
    ("I don't like fish", "I love fishing"),
    ("Ich habe kein Auto dabei", "Ich habe ein Auto"),
    ("Ich mag Tee nicht so heiß", "Ich mag Tee"),
]


@pytest.mark.parametrize(("words", "known"), LIMITED)
def test_a_denial_with_a_limit_ends_nothing(words: str, known: str) -> None:
    assert _changes(words, known) == []


@pytest.mark.parametrize(
    ("words", "known", "becomes"),
    [
        (
            "I no longer work at Siemens",
            "I live in Porto and work at Siemens",
            "I live in Porto and I no longer work at Siemens",
        ),
        (
            "I moved to Lisbon",
            "I live in Porto with Ana and our dog but I work in Braga",
            "I moved to Lisbon but I work in Braga",
        ),
    ],
)
def test_a_denial_takes_the_place_of_its_part_alone(words: str, known: str, becomes: str) -> None:
    assert _changes(words, known) == [becomes]


def test_a_part_on_which_another_rests_is_not_replaced() -> None:
    assert _changes("I moved to Lisbon", "I live in Porto and I love it there") == []


@pytest.mark.parametrize(
    "words",
    [
        "My dream is that I live in Porto and I have a dog",
        "My sister never knew that I smoke and I drink",
        "I love cooking and my wife hates it",
    ],
)
def test_a_clause_that_rests_on_another_is_not_cut_off(words: str) -> None:
    assert [each.text for each in rules.propose([Said("user", words)])] == [words]


@pytest.mark.parametrize("words", ["I live in Porto, I think", "I live in Porto, not", "I'm Gay.", "I'm Team Edward"])
def test_what_is_doubtful_is_not_learned(words: str) -> None:
    assert rules.propose([Said("user", words)]) == []


def test_two_who_moved_stay_together() -> None:
    assert _changes("My brother and I moved to Lisbon", "My brother and I live in Porto") == [
        "My brother and I moved to Lisbon"
    ]


@pytest.mark.parametrize("unit", ["I have a ;;;;", "I live in a, y y y ", "i,i,i,", "and i and i "])
def test_a_long_message_with_known_memories_takes_no_long_time(unit: str) -> None:
    began = time.process_time()
    _changes((unit * 1_000)[:9_900], *["I live in Porto and work at Bosch"] * 3)
    assert time.process_time() - began < 2
