"""Questions that refer back are rewritten by one short call; all others need none."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from pydantic import ValidationError

from memory import Memory, Said
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import BadAnswer, ModelBusy, ModelError, ModelRefused, ModelUnreachable
from memory.recall.search import MAX_CHARACTERS_BEFORE, MAX_MESSAGES_BEFORE, StandaloneQuestion, refers_back, standalone
from tests.scripted import ScriptedModel

REFERS_BACK = """and there?|And in the evening?|why?|Why not?|what about her?|Does she like it?|When was that?
Is it expensive?|how old is he?|But why?|So what did they say?|Where did we meet them?|And then?|which one?|Really?
und dort?|Warum?|Wie alt ist er?|Wann war das?|Was kostet dieser?|Aber wieso?|Und davon?|Wo wohnt sie?
et là ?|Pourquoi ?|Et lui ?|Quel âge a-t-elle ?|Mais comment ?|C'est où ça ?
¿y allí?|¿Por qué?|¿Y ella?|¿Cuándo fue eso?|¿Pero cómo?|¿Dónde vive él?"""
STANDS_ALONE = """What is my sister's name?|Which tea do I like best?|Where do I work now?|When is my birthday?
What did Ana say about it?|Does Melanie like her new job?|Tell me about my last holiday
How many cats do I have at home?|Where did my parents first meet?|What should I cook for dinner tonight?
Wo arbeitet meine Schwester?|Welchen Tee trinke ich gerne?|Wann habe ich Geburtstag?|Wie heißt mein Hund?
Was mag Peter daran?|Comment s'appelle mon chien ?|Quel thé est mon préféré ?|Quand est mon anniversaire ?
Où travaille ma grande sœur ?|¿Cómo se llama mi perro?|¿Cuándo es mi cumpleaños?|¿Dónde trabaja mi hermana?
¿Qué comida prefiero siempre?|Please write a long letter in which you thank them for it and invite her|
"""
BEFORE = [
    Said("user", "My sister Ana lives in Lisbon."),
    Said("assistant", "Lisbon is lovely in May."),
]


def asked_of(model: ScriptedModel) -> str:
    [call] = model.calls
    assert call[0].role == "system"
    return call[-1].content


def _each(texts: str) -> list[str]:
    return [each.strip() for each in texts.strip().replace("\n", "|").split("|")]


@pytest.mark.parametrize("question", _each(REFERS_BACK))
def test_a_short_question_that_points_elsewhere_refers_back(question: str) -> None:
    assert refers_back(question)


@pytest.mark.parametrize("question", _each(STANDS_ALONE))
def test_a_question_that_says_what_it_is_about_stands_alone(question: str) -> None:
    assert not refers_back(question)


@pytest.mark.parametrize("question", ["", "   ", "?!", "…", "\u200b"])
def test_a_text_that_asks_nothing_does_not_refer_back(question: str) -> None:
    assert not refers_back(question)


# -- with a model --------------------------------------------------------------------------------


def test_a_question_that_refers_back_is_rewritten_by_one_call(scripted_model: ScriptedModel) -> None:
    scripted_model.enqueue(StandaloneQuestion(question="  Does Ana like Lisbon? "))
    assert standalone("Does she like it?", BEFORE, scripted_model) == "Does Ana like Lisbon?"
    prompt = asked_of(scripted_model)
    assert "user: My sister Ana lives in Lisbon." in prompt
    assert "assistant: Lisbon is lovely in May." in prompt
    assert prompt.endswith("Last message: Does she like it?")


@pytest.mark.parametrize("question", ["Which tea do I like best?", "", "What did Ana say about it?"])
def test_a_question_that_stands_alone_needs_no_model_call(question: str, scripted_model: ScriptedModel) -> None:
    assert standalone(question, BEFORE, scripted_model) == question
    assert scripted_model.calls == []


def test_the_first_question_of_a_chat_refers_to_nothing(scripted_model: ScriptedModel) -> None:
    assert standalone("and there?", [], scripted_model) == "and there?"
    assert scripted_model.calls == []


@pytest.mark.parametrize(
    "error",
    [BadAnswer("no", said=""), ModelUnreachable("It took too long."), ModelBusy("busy"), ModelRefused("no key")],
)
def test_if_the_model_fails_the_question_stays_as_it_is(error: ModelError, scripted_model: ScriptedModel) -> None:
    scripted_model.enqueue(error)
    assert standalone("and there?", BEFORE, scripted_model) == "and there?"
    assert len(scripted_model.calls) == 1


def test_a_blank_answer_leaves_the_question_as_it_is(scripted_model: ScriptedModel) -> None:
    scripted_model.enqueue(StandaloneQuestion(question="   "))
    assert standalone("and there?", BEFORE, scripted_model) == "and there?"
    with pytest.raises(ValidationError):
        StandaloneQuestion(question="")


def test_the_model_gets_only_the_last_messages(scripted_model: ScriptedModel) -> None:
    talk = [Said("user", f"message {number} " + "so very long " * 5_000) for number in range(50)]
    scripted_model.enqueue(StandaloneQuestion(question="word " * 5_000))
    assert len(standalone("and there?", talk, scripted_model)) <= MAX_CHARACTERS_BEFORE
    prompt = asked_of(scripted_model)
    assert len(prompt) < MAX_MESSAGES_BEFORE * (MAX_CHARACTERS_BEFORE + 20) + 100
    assert "message 45" not in prompt
    assert "message 46" in prompt


# -- without a model -----------------------------------------------------------------------------


def test_without_a_model_the_persons_last_message_is_put_before_the_question() -> None:
    assert standalone("and there?", BEFORE, None) == "My sister Ana lives in Lisbon. and there?"
    assert standalone("Where do I work now?", BEFORE, None) == "Where do I work now?"


def test_without_a_model_and_without_a_message_of_the_person_the_question_stays() -> None:
    assert standalone("and there?", [Said("assistant", "Hello!")], None) == "and there?"


def test_only_the_beginning_of_a_long_last_message_is_put_before_the_question() -> None:
    assert len(standalone("and there?", [Said("user", "word " * 5_000)], None)) <= MAX_CHARACTERS_BEFORE + len(
        " and there?"
    )


# -- within a recall -----------------------------------------------------------------------------


def found(memory: Memory, question: str, before: Sequence[Said]) -> list[str]:
    return [each.text for each in memory.recall(question, user_id="alice", before=before)]


def test_a_question_about_she_is_answered_with_the_message_before(memory: Memory) -> None:
    memory.add("My sister Ana collects lighthouse postcards.", user_id="alice", infer=False)
    memory.add("I repaired the kitchen tap with pliers.", user_id="alice", infer=False)
    talk = [Said("user", "Tell me about my sister Ana.")]
    assert found(memory, "and her postcards?", talk)[0].startswith("My sister Ana")
    assert found(memory, "what about her?", talk)[0].startswith("My sister Ana")


def test_recall_searches_for_the_rewritten_question(
    memory: Memory, database: Database, embedder: BundledEmbedder, scripted_model: ScriptedModel
) -> None:
    memory.add("My sister Ana collects lighthouse postcards.", user_id="alice", infer=False)
    asking = Memory(database, embedder, scripted_model)
    scripted_model.enqueue(StandaloneQuestion(question="What does my sister Ana collect?"), BadAnswer("no", said=""))
    assert found(asking, "and her?", BEFORE) == ["My sister Ana collects lighthouse postcards."]
    assert found(asking, "and her?", BEFORE) == []
    assert len(scripted_model.calls) == 2


def test_a_search_without_earlier_messages_needs_no_model_call(
    database: Database, embedder: BundledEmbedder, scripted_model: ScriptedModel
) -> None:
    Memory(database, embedder, scripted_model).search("and her?", user_id="alice")
    assert scripted_model.calls == []
