"""Statements of a person, said to the person."""

from __future__ import annotations

import pytest

from memory.language.second_person import guess_language, to_second_person


@pytest.mark.parametrize(
    ("language", "said", "told"),
    [
        ("en", "I live in Ghent.", "you live in Ghent"),
        ("en", "I'm allergic to nuts", "you're allergic to nuts"),
        ("en", "im allergic to nuts, ive known for years", "you're allergic to nuts, you've known for years"),
        ("en", "I was born in Porto", "you were born in Porto"),
        ("en", "My sister Ana lives in Porto", "your sister Ana lives in Porto"),
        ("en", "our dog Biscuit is ours", "your dog Biscuit is yours"),
        ("en", "Ana lives in Porto", "Ana lives in Porto"),
        ("de", "Ich wohne in Gent", "Du wohnst in Gent"),
        ("de", "Ich arbeite bei Bosch", "Du arbeitest bei Bosch"),
        ("de", "Seit 2020 wohne ich in Gent", "Seit 2020 wohnst du in Gent"),
        ("de", "Ich esse kein Fleisch", "Du isst kein Fleisch"),
        ("de", "Meine Schwester Ana wohnt in Porto", "Deine Schwester Ana wohnt in Porto"),
        ("fr", "J'habite à Gand", "Tu habites à Gand"),
        ("fr", "Je m'appelle Dave", "Tu t'appelles Dave"),
        ("fr", "Je ne mange pas de viande", "Tu ne manges pas de viande"),
        ("fr", "Ma sœur Ana habite à Porto", "Ta sœur Ana habite à Porto"),
        ("es", "Vivo en Gante", "Vives en Gante"),
        ("es", "Me llamo Dave", "Te llamas Dave"),
        ("es", "No como carne", "No comes carne"),
        ("es", "Mi hermana Ana vive en Oporto", "Tu hermana Ana vive en Oporto"),
    ],
)
def test_what_a_person_says_of_themselves_is_said_to_them(language: str, said: str, told: str) -> None:
    assert to_second_person(said, language) == told
    assert guess_language(said) in (language, "en")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "We have two dogs"),
        ("en", "I told you that I like tea"),
        ("de", "Ich wohne in Gent und arbeite bei Bosch"),
        ("de", "Wir haben zwei Hunde"),
        ("es", "Soy alérgico a las nueces y vivo en Gante"),
        ("it", "Vivo a Gand"),
    ],
)
def test_where_the_rules_cannot_tell_they_turn_nothing(language: str, said: str) -> None:
    assert to_second_person(said, language) is None
