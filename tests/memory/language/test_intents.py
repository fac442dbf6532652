"""What a message is for where no model reads it, in four languages."""

from __future__ import annotations

import pytest

from memory.language.intents import read_intent

ASKED = {
    "greeting": "Hello! | Good morning | How are you? | Guten Morgen | Bonjour | Hola | Hey there",
    "thanks": "thanks a lot! | Danke schön | merci beaucoup | muchas gracias",
    "farewell": "bye | Tschüss | au revoir | hasta luego",
    "agreement": "ok | yes please",
    "help": "What can you do? | Was kannst du? | Que peux-tu faire ? | ¿Qué puedes hacer?",
    "overview": (
        "What do you know about me? | What do you remember about me? | Who am I? | Was weißt du über mich? | "
        "Que sais-tu de moi ? | ¿Qué sabes de mí? | show me my memories"
    ),
    "self": (
        "Where do I live? | where do i work | What is my name? | whats my name | How old am I? | Do I like tea? | "
        "Wo wohne ich? | "
        "Wie heiße ich? | Wann habe ich Geburtstag? | Où est-ce que j'habite ? | "
        "Quelle est la date de mon anniversaire ? | "
        "¿Dónde vivo? | ¿Cuándo es mi cumpleaños? | What do you know about my stack?"
    ),
    "named": (
        "Who is Ana? | who is ana | What do you know about Ana? | Tell me about Ana | Who is my sister? | "
        "whos ana | Wer ist Ana? | "
        "Was weißt du über Ana? | Qui est Ana ? | Parle-moi d'Ana | ¿Quién es Ana? | Háblame de Ana"
    ),
    "question": (
        "Capital of France? | Where does Ana live? | Who won the 2010 World Cup? | Was ist die Hauptstadt von Peru?"
    ),
    "forget": (
        "Forget my birthday | Please forget my birthday. | Can you forget where I work? | "
        "Forget that I live in Ghent | "
        "Vergiss meinen Geburtstag | Bitte vergiss, dass ich in Gent wohne | Kannst du meinen Geburtstag vergessen? | "
        "Oublie mon anniversaire | Olvida mi cumpleaños"
    ),
    "forget all": "Forget everything | Forget everything you know about me | Vergiss alles | Oublie tout | Olvida todo",
    "undo": (
        "undo | Undo that! | please undo that | bring that back | Oops, undo | Mach das rückgängig | Annule ça | "
        "Deshaz eso"
    ),
    "other": (
        "Write a haiku | Write a haiku about the sea. | I live in Ghent | quit smoking! | "
        "Ich wohne in Gent | forget it | "
        "Don't forget that I live in Ghent | What should I cook for Ana? | How do I install Docker? | "
        "Can you write me an email? | Summarize this: where do I live? | Kannst du mir eine Mail schreiben?"
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("purpose", "said"), [(purpose, each.strip()) for purpose, all_ in ASKED.items() for each in all_.split(" | ")]
)
def test_what_a_message_is_for_is_decided_by_rules(purpose: str, said: str) -> None:
    assert read_intent(said).purpose == purpose


@pytest.mark.parametrize(
    ("said", "about"),
    [
        ("Please forget my birthday", "my birthday"),
        ("Forget that I live in Ghent.", "I live in Ghent"),
        ("Bitte vergiss, dass ich in Gent wohne", "ich in Gent wohne"),
        ("Kannst du meinen Geburtstag vergessen?", "meinen Geburtstag"),
        ("Who is Ana Novak?", "Ana Novak"),
        ("Parle-moi d'Ana", "Ana"),
    ],
)
def test_what_is_asked_about_is_found(said: str, about: str) -> None:
    assert read_intent(said).about == about


def test_a_message_that_tells_and_asks_is_both() -> None:
    intent = read_intent("I live in Ghent. Where do I work?")
    assert (intent.purpose, intent.slot, intent.alone) == ("self", "employer", False)


def test_nobody_asks_for_anything_in_a_text_that_they_hand_over() -> None:
    assert read_intent("Translate this: forget my birthday").purpose == "other"
    assert read_intent('She said "forget my birthday"').purpose == "other"
