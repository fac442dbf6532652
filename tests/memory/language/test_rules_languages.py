"""The rules in four languages: which sentences they take, which not, and which memories these replace."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.facts import Fact, Proposal, Said
from memory.language import rules
from memory.language.own_words import MAX_TYPED

AT = datetime(2026, 3, 18, 10, tzinfo=UTC)


def _proposed(words: str, *known: str) -> list[Proposal]:
    near = [Fact(str(number), {"data": text}) for number, text in enumerate(known, 1)]
    return rules.propose([Said("user", words, AT)], near)


def _taken(words: str, *known: str) -> list[str]:
    return [each.text for each in _proposed(words, *known)]


def _done(words: str, *known: str) -> list[tuple[str, int | None]]:
    return [(each.action, each.target) for each in _proposed(words, *known)]


@pytest.mark.parametrize(
    ("statement", "kind", "language"),
    [
        ("I work at Airbus.", "fact", "en"),
        ("I'd like to learn Welsh.", "goal", "en"),
        ("My favourite film is Alien.", "preference", "en"),
        ("Always answer in French.", "instruction", "en"),
        ("Call me Sam.", "instruction", "en"),
        ("Please keep answers short from now on.", "instruction", "en"),
        ("Ich wohne in Köln.", "fact", "de"),
        ("Ich mag keinen Fisch.", "preference", "de"),
        ("Ich möchte Klavier lernen.", "goal", "de"),
        ("Antworte mir immer auf Deutsch.", "instruction", "de"),
        ("J'habite à Metz.", "fact", "fr"),
        ("Je n'aime pas le poisson.", "preference", "fr"),
        ("J'aimerais apprendre le piano.", "goal", "fr"),
        ("Réponds toujours en français.", "instruction", "fr"),
        ("Vivo en Cádiz.", "fact", "es"),
        ("No me gusta el pescado.", "preference", "es"),
        ("Quiero aprender a nadar.", "goal", "es"),
        ("Responde siempre en español.", "instruction", "es"),
    ],
)
def test_a_statement_is_taken_with_its_kind_and_language(statement: str, kind: str, language: str) -> None:
    [proposal] = _proposed(statement)
    assert (proposal.text, proposal.quote, proposal.kind, proposal.language) == (statement, statement, kind, language)


@pytest.mark.parametrize(
    "words",
    [
        *("Do I live in Rome?", "Wohne ich in Rom?", "Est-ce que je vis à Rome ?", "¿Vivo en Roma?"),
        *("If I lived in Paris, I would eat more cheese.", "I live here only in the game.", "I wish I lived in Rome."),
        *("Wenn ich in Rom wohnen würde", "Si j'habitais à Rome", "Si viviera en Roma"),
        *(
            "Imagine I am a pirate. I live on a ship.",
            "Angenommen, ich wohne in Rom. Ich mag Tee.",
            "Imagine que j'aime Rome.",
        ),
        *("Supongamos que vivo en Roma.", "Let's say I live in Rome. I work at NASA."),
        *(
            "He said 'I love cars'.",
            'He said "I love cars. I live in Rome. I hate tea."',
            "> I live in Rome.\n> I love tea.",
        ),
        *("Er sagte: „Ich mag Autos.“", "Il a dit « j'aime les autos ».", "Ella dijo: «Vivo en Roma»."),
        *("```\nI live in Rome.\n```", "`I love tea` is the string.", "Write a mail: I am allergic to nuts."),
        *("Traduis : j'habite à Rome.", "Übersetze: Ich wohne in Rom.", "Traduce: vivo en Roma."),
        *("I live in Narnia, just kidding!", "Ich wohne auf dem Mond, kleiner Scherz.", "Vivo en Marte, es broma."),
        *("Let's role-play. I am a nurse.", "In my novel: I live in Rome.", "Du bist ein Ritter. Ich wohne in Rom."),
        *("Which song goes like this? I love the rain.", "Dear Sir or Madam, I live in Rome. Kind regards, J."),
        *(
            "I live in Rome. Don't remember this.",
            "Merk dir das nicht: Ich wohne in Rom.",
            "No recuerdes esto. Vivo en Roma.",
        ),
        *("Ne retiens pas ça. J'habite à Rome.", "My friend says I am lazy.", "I like it.", "I love your answer."),
        *(
            "I prefer the second version.",
            "Me gusta la segunda opción.",
            "Ich mag die zweite Version.",
            "I work at night.",
        ),
        *("I want to know more.", "Ich möchte, dass du singst.", "Je voudrais que tu chantes.", "Quiero que cantes."),
        *("Answer in one sentence.", "Forget it.", "Remember when it rained?", "I have an error in my code."),
    ],
)
def test_a_sentence_that_is_no_statement_about_oneself_gives_nothing(words: str) -> None:
    assert _taken(words) == []


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("Please remember that the key is under the mat.", "the key is under the mat."),
        ("Merk dir bitte, dass der Schlüssel unter der Matte liegt.", "der Schlüssel unter der Matte liegt."),
        ("Souviens-toi que la clé est sous le tapis.", "la clé est sous le tapis."),
        ("Recuerda que la llave está debajo del felpudo.", "la llave está debajo del felpudo."),
        ("Well, I live in Rome, so please suggest a café.", "I live in Rome"),
        ("I live in Rome, can I keep a goat?", "I live in Rome"),
        ("My sister Ana is vegetarian.", "My sister Ana is vegetarian."),
    ],
)
def test_a_statement_is_kept_in_the_persons_words_without_greeting_and_request(words: str, text: str) -> None:
    assert _taken(words) == [text]


def test_a_relative_is_an_entity_with_both_names() -> None:
    assert _proposed("My sister Ana is vegetarian.")[0].entities == (("Ana", "My sister"),)


@pytest.mark.parametrize(
    ("words", "known"),
    [
        ("I live in Hamburg now.", "I live in Berlin"),
        ("We moved to Ulm.", "Lives in Berlin"),
        ("I work at Bosch.", "The user works at Siemens"),
        ("My name is Eve.", "User's name is Eva"),
        ("I don't like tea any more.", "I love tea"),
        ("Ich wohne jetzt in Bonn.", "Ich wohne in Köln"),
        ("Ich mag keinen Tee mehr.", "Ich mag Tee"),
        ("J'ai déménagé à Brest.", "J'habite à Metz"),
        ("Je n'aime plus le thé.", "J'aime le thé"),
        ("Ahora vivo en Lugo.", "Vivo en Vigo"),
        ("Ya no me gusta el té.", "Me gusta el té"),
        ("Always answer in English.", "Always answer in German"),
    ],
)
def test_a_new_value_of_a_slot_replaces_the_old_one(words: str, known: str) -> None:
    assert _done(words, "My cat is called Miso", known) == [("update", 2)]


@pytest.mark.parametrize(
    ("words", "known"),
    [
        ("I live in Milan.", "My sister lives in Rome"),
        ("I like coffee.", "I like tea"),
        ("I also work at a cinema.", "I work at Lidl"),
        ("My parents live in Cork.", "I live in Dublin"),
        ("I have a horse called Luna.", "I have a dog called Rex"),
        ("I don't drink.", "I drink coffee"),
        ("I don't play golf.", "I play tennis"),
        ("I live in Milan.", "My sister Ana is a nurse and lives in Rome"),
        ("My mum's birthday is 4 May.", "My birthday is 5 June"),
        ("I'm single now.", "I got divorced last year"),
    ],
)
def test_a_statement_that_contradicts_nothing_is_added(words: str, known: str) -> None:
    assert _done(words, known) == [("add", None)]


def test_if_two_memories_could_be_meant_none_is_replaced() -> None:
    assert _done("I live in Milan.", "I live in Rome", "I live in Turin") == [("add", None)]


def test_what_is_known_in_other_words_is_proposed_as_that_memory() -> None:
    assert _taken("I'm based in Rome.", "Lives in Rome") == ["Lives in Rome"]


@pytest.mark.parametrize(
    ("words", "known", "text"),
    [
        ("Actually it's Munich, not Berlin.", "I live in Berlin with Ana", "I live in Munich with Ana"),
        ("Nein, München, nicht Berlin.", "Ich wohne in Berlin", "Ich wohne in München"),
        ("En fait c'est Brest, pas Metz.", "J'habite à Metz", "J'habite à Brest"),
        ("En realidad es Lugo, no Vigo.", "Vivo en Vigo", "Vivo en Lugo"),
    ],
)
def test_a_correction_changes_one_word_and_quotes_the_person(words: str, known: str, text: str) -> None:
    [proposal] = _proposed(words, "I like tea", known)
    assert (proposal.action, proposal.target, proposal.text, proposal.quote) == ("update", 2, text, words)


@pytest.mark.parametrize(
    ("words", "known"),
    [
        ("No, I meant Lisbon.", ("I live in Porto",)),
        ("No, rice, not pasta.", ("I like pasta",)),
        ("No, Rome, not Berlin.", ("I live in Berlin", "My sister lives in Berlin")),
    ],
)
def test_a_correction_of_something_else_changes_nothing(words: str, known: tuple[str, ...]) -> None:
    assert _proposed(words, *known) == []


def test_a_correction_replaces_what_was_just_said() -> None:
    said = [Said("user", "I live in Porto."), Said("assistant", "Lovely!"), Said("user", "No, I meant Lisbon.")]
    assert [(each.text, each.quote) for each in rules.propose(said)] == [("I live in Lisbon.", "No, I meant Lisbon.")]


@pytest.mark.parametrize(
    ("words", "known"),
    [
        ("Please forget that I love opera.", "I love opera"),
        ("Vergiss bitte, dass ich Tennis spiele.", "Ich spiele Tennis"),
        ("Oublie que j'aime la pêche.", "J'aime la pêche"),
        ("Olvida que me gusta el fútbol.", "Me gusta el fútbol"),
    ],
)
def test_a_memory_named_word_for_word_is_deleted(words: str, known: str) -> None:
    assert _done(words, "I like tea", known) == [("delete", 2)]


@pytest.mark.parametrize(
    ("words", "known"),
    [
        ("Forget that I love opera.", ("I hate opera",)),
        ("Forget that I love opera.", ("I love opera", "I love opera.")),
        ("Forget that I love opera.", ("My sister and I love opera",)),
        ("Forget that I have pets.", ("I have a dog", "I have a cat")),
        ("Don't forget that I love opera.", ("I love opera",)),
        ("Forget everything.", ("I love opera",)),
        ("Olvídalo.", ("Me gusta la ópera",)),
    ],
)
def test_nothing_is_deleted_if_it_is_not_named_clearly(words: str, known: tuple[str, ...]) -> None:
    assert "delete" not in [action for action, _ in _done(words, *known)]


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("I got married on 12 May 2019.", "2019-05-12"),
        ("I was born on March 3, 1991.", "1991-03-03"),
        ("I adopted a dog yesterday.", "2026-03-17"),
        ("Ich habe am 4. Juli 2022 geheiratet.", "2022-07-04"),
        ("Gestern habe ich meine Prüfung bestanden.", "2026-03-17"),
        ("Je suis née le 14 juillet 1988.", "1988-07-14"),
        ("Nací el 9 de octubre de 1979.", "1979-10-09"),
        ("I moved to Rome in May.", None),
        ("I was born on 31 February 1990.", None),
        ("I have an appointment today or tomorrow.", None),
    ],
)
def test_a_sentence_has_a_day_only_if_it_names_exactly_one(words: str, day: str | None) -> None:
    assert [each.happened_at for each in _proposed(words)] == [day]


def test_yesterday_is_counted_in_the_persons_timezone() -> None:
    said = [Said("user", "I adopted a dog yesterday.", datetime(2026, 3, 18, 23, 30, tzinfo=UTC))]
    assert [each.happened_at for each in rules.propose(said)] == ["2026-03-17"]
    assert [each.happened_at for each in rules.propose(said, zone=ZoneInfo("Asia/Tokyo"))] == ["2026-03-18"]


STARTS = [
    "I live in ",
    "My name is ",
    "Ich mag ",
    "J'aime ",
    "Vivo en ",
    "Forget that I ",
    "Remember that ",
    '"',
    "> ",
    ": ",
]
MESSAGES = st.lists(st.one_of(st.sampled_from(STARTS), st.text(max_size=30)), max_size=8).map("".join)


@given(MESSAGES, st.lists(MESSAGES, max_size=3))
def test_every_quote_stands_in_the_message_whatever_is_said(words: str, known: list[str]) -> None:
    for proposal in _proposed(words, *known):
        assert proposal.quote in words
        assert proposal.text in (proposal.quote, "", *known) or proposal.action == "update"
        assert proposal.target is None or 1 <= proposal.target <= len(known)


def test_a_very_long_message_is_taken_for_pasted_and_not_read() -> None:
    unit = "I live in Rome. "
    assert len(_taken(unit)) == 1
    assert _taken(unit * (MAX_TYPED // len(unit) + 1)) == []
    assert _taken(unit * 65_536) == []


FORGET_THE_LAST = [
    "Forget what I just said.",
    "Please forget everything I just told you!",
    "Vergiss bitte, was ich gerade gesagt habe.",
    "Vergiss alles, was ich dir eben erzählt habe",
    "Oublie ce que je viens de dire.",
    "Olvida lo que acabo de decir.",
    "Por favor, olvida todo lo que te acabo de contar.",
]


@pytest.mark.parametrize("words", FORGET_THE_LAST)
def test_forget_what_i_just_said_deletes_what_the_turn_before_taught_and_nothing_else(words: str) -> None:
    said = [Said("user", words, AT)]
    known = [Fact("1", {"data": "I have a dog"}, just_learned=True), Fact("2", {"data": "I live in Porto"})]
    assert [(each.action, each.target) for each in rules.propose(said, known)] == [("delete", 1)]
    assert rules.propose(said, known[1:]) == []


@pytest.mark.parametrize(
    "words",
    [
        "I hate this printer.",
        "I love these.",
        "Ich hasse diesen Drucker, echt.",
        "Je déteste cette imprimante.",
        "Odio esta impresora.",
        "Kannst du das korrigieren? Ich lebe seit zehn Jahre in Bremen. Ich arbeite als Koch.",
    ],
)
def test_what_is_said_of_a_thing_at_hand_or_handed_over_teaches_nothing(words: str) -> None:
    assert _proposed(words) == []


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("As I said, I live in Ghent.", "I live in Ghent"),
        ("Wie gesagt, ich wohne in Köln.", "ich wohne in Köln"),
        ("Comme je l'ai dit, j'habite à Metz.", "j'habite à Metz"),
        ("Como ya dije, vivo en Cádiz.", "vivo en Cádiz"),
    ],
)
def test_as_i_said_is_no_part_of_a_statement(words: str, kept: str) -> None:
    assert [each.rstrip(".") for each in _taken(words)] == [kept]
    assert _done(words, kept) == [("add", None)]
