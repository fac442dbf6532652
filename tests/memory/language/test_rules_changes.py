"""The rules on what changes: what ends, what is corrected in a word, and sentences that tell several things at once."""

from __future__ import annotations

import pytest

from memory.facts import Fact, Proposal, Said
from memory.language import rules


def _proposed(words: str, *known: str, just_learned: bool = False) -> list[Proposal]:
    near = [Fact(str(n), {"data": text}, just_learned=just_learned) for n, text in enumerate(known, 1)]
    return rules.propose([Said("user", words)], near)


def _written(words: str, *known: str, just_learned: bool = False) -> list[tuple[str, str]]:
    return [(each.action, each.text) for each in _proposed(words, *known, just_learned=just_learned)]


@pytest.mark.parametrize(
    ("words", "known"),
    [
        ("I'm not vegetarian anymore", "I'm vegetarian."),
        ("I'm vegan now.", "The user is a vegetarian"),
        ("I don't smoke anymore", "I smoke a pack a day"),
        ("i quit smoking last year", "I smoke"),
        ("I smoke again.", "I don't smoke"),
        ("I don't eat meat any more.", "I eat meat every day"),
        ("I got divorced last year.", "I'm married"),
        ("I'm married now!", "I'm single"),
        ("I no longer have a dog.", "I have a dog named Rex"),
        ("We don't have a car.", "We have a car"),
        ("I'm no longer a nurse.", "I'm a nurse"),
        ("i dont like hiking anymore", "I love hiking"),
        ("Ich bin kein Vegetarier mehr.", "Ich bin Vegetarier"),
        ("Ich rauche nicht mehr.", "Ich rauche"),
        ("Ich habe keinen Hund mehr.", "Ich habe einen Hund"),
        ("Ich bin geschieden.", "Ich bin verheiratet"),
        ("Je ne suis plus végétarienne.", "Je suis végétarienne"),
        ("Je ne fume plus.", "Je fume"),
        ("Je n'ai plus de chien.", "J'ai un chien"),
        ("Je suis divorcée.", "Je suis mariée"),
        ("Ya no soy vegetariana.", "Soy vegetariana"),
        ("Ya no fumo.", "Yo fumo mucho"),
        ("Ya no tengo perro.", "Tengo un perro"),
        ("Estoy divorciado.", "Estoy casado"),
    ],
)
def test_what_ended_takes_the_place_of_what_was(words: str, known: str) -> None:
    [proposal] = _proposed(words, "My cat is called Miso", known)
    assert (proposal.action, proposal.target, proposal.text) == ("update", 2, words)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "hey! im dave, 34, i live in porto w/ my girlfriend lena and our dog biscuit",
            [
                "im dave, 34",
                "i live in porto w/ my girlfriend lena and our dog biscuit",
                "my girlfriend lena",
                "our dog biscuit",
            ],
        ),
        ("My name is Dave and I live in Porto.", ["My name is Dave", "I live in Porto."]),
        (
            "I love hiking and I hate running, and my sister Ana is a nurse.",
            ["I love hiking", "I hate running", "my sister Ana is a nurse."],
        ),
        ("Je m'appelle Léa et j'habite à Metz.", ["Je m'appelle Léa", "j'habite à Metz."]),
        ("Me llamo Eva y vivo en Vigo.", ["Me llamo Eva", "vivo en Vigo."]),
        # What does not stand on its own stays with the clause before it.
        ("I used to smoke but I stopped in 2020.", ["I used to smoke but I stopped in 2020."]),
        ("I play guitar and I started at 12.", ["I play guitar and I started at 12."]),
        ("Ich heiße Dave und wohne in Köln.", ["Ich heiße Dave und wohne in Köln."]),
    ],
)
def test_each_clause_that_says_something_on_its_own_is_a_memory(words: str, told: list[str]) -> None:
    assert [each.text for each in _proposed(words)] == told


@pytest.mark.parametrize(
    ("words", "known", "becomes"),
    [
        ("I live in Milan.", "I live in Rome and work at Fiat", "I live in Milan and work at Fiat"),
        ("I moved to Lisbon.", "My name is Dave and I live in Porto.", "My name is Dave and I moved to Lisbon."),
        ("I moved to Lisbon.", "I live in Porto and I have two cats.", "I moved to Lisbon and I have two cats."),
        ("I'm 35 years old.", "I'm Dave, 34", "I'm Dave, 35"),
        ("Ich wohne jetzt in Bonn.", "Ich heiße Dave und wohne in Köln", "Ich heiße Dave und ich wohne jetzt in Bonn."),
    ],
)
def test_only_the_clause_that_changed_is_replaced(words: str, known: str, becomes: str) -> None:
    assert _written(words, known) == [("update", becomes)]


def test_a_first_introduction_and_a_move_leave_one_home() -> None:
    told = [each.text for each in _proposed("hey! im dave, 34, i live in porto w/ my girlfriend lena")]
    [moved] = _proposed("actually i moved to Lisbon last month", *told)
    assert (moved.action, moved.target) == ("update", told.index("i live in porto w/ my girlfriend lena") + 1)


@pytest.mark.parametrize(
    "words",
    [
        "im allergic to nuts",
        "i cant stand coriander",
        "I dont eat pork",
        "ive got two cats",
        "I'm Dave",
        "My mum's birthday is 4 May.",
        "Ana is my sister.",
        "my sister ana is getting married in June",
        "My phone is a Pixel 6.",
        "allergic to peanuts, like badly",
    ],
)
def test_what_is_typed_in_a_hurry_is_taken_as_well(words: str) -> None:
    assert _written(words) == [("add", words)]
    assert _written(f"Hi! {words}") == _written(f"oops, {words}") == _written(f"🎉 {words}") == [("add", words)]


@pytest.mark.parametrize(
    "words",
    ["I'm German.", "Hi, I'm tired", "I'm OK", "I'm Virgo.", "I'm Dave's neighbour.", "im tired, 34 mails left"],
)
def test_not_every_word_with_a_capital_letter_is_a_name(words: str) -> None:
    assert _written(words) == []


@pytest.mark.parametrize(
    ("words", "known", "becomes"),
    [
        ("Actually it's green.", "My favourite colour is blue.", "My favourite colour is green."),
        ("no, blue was right", "My favourite colour is green.", "My favourite colour is blue."),
        ("No, it's Lisbon.", "I live in Porto", "I live in Lisbon"),
        ("no wait, Lisbon was right", "I moved to Setubal", "I moved to Lisbon"),
        ("Nein, es ist Grün.", "Meine Lieblingsfarbe ist Blau", "Meine Lieblingsfarbe ist Grün"),
        ("Non, c'est Brest.", "J'habite à Metz", "J'habite à Brest"),
        ("No, es Lugo.", "Vivo en Vigo", "Vivo en Lugo"),
    ],
)
def test_another_value_for_what_was_just_said_is_put_in_its_place(words: str, known: str, becomes: str) -> None:
    assert _written(words, known, just_learned=True) == [("update", becomes)]
    assert _written(words, known) == []  # it is not said of what was told long ago


@pytest.mark.parametrize(
    "words", ["Actually it's fine.", "No, it's the other one.", "no, you were right", "it's raining", "No, it's green?"]
)
def test_no_other_value_is_read_where_none_is_named(words: str) -> None:
    assert _written(words, "My favourite colour is blue", "I live in Porto", just_learned=True) == []


def test_a_place_that_is_denied_beside_the_right_one_is_left_out() -> None:
    assert _written("I moved to Setubal, not Lisbon.", "I live in Lisbon") == [("update", "I moved to Setubal")]


def test_another_birthday_is_asked_about_unless_the_person_corrects_it() -> None:
    assert _written("My birthday is 5 May.", "My birthday is 4 May") == [("ask", "My birthday is 5 May.")]
    assert _written("Oops, my birthday is 5 May.", "My birthday is 4 May") == [("update", "my birthday is 5 May.")]
    assert _written("My birthday is May 4th 1990.", "My birthday is 4 May") == [("add", "My birthday is May 4th 1990.")]


def test_two_sentences_about_one_memory_are_both_kept() -> None:
    assert _written("My name is David. I live in Lisbon.", "My name is Dave and I live in Porto") == [
        ("update", "My name is David and I live in Porto"),
        ("add", "I live in Lisbon."),
    ]
