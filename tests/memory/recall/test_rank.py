"""Ranking: the best first, no repeats, nothing far below the best, within the budget; and the relatedness."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from memory.errors import InvalidInput
from memory.facts import Fact
from memory.plain_text import tokens
from memory.recall.rank import RECIPES, WEIGHTS, Candidate, Recipe, asks_when, rank, recipe_named, related

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OLD = (NOW - timedelta(days=2_000)).isoformat()
LONG = "with a great many words about all sorts of things that nobody asked about, one after the other, on and on "
ALL = replace(RECIPES["everything"], share=0.0)


def candidate(id_: str, text: str = "", source: str = "memories", metadata: Any = None, **found: Any) -> Candidate:
    """Return a candidate that no channel has found, except for the named parts."""
    values = {"data": text or f"something about {3 * id_}x", "created_at": OLD, **(metadata or {})}
    nothing: dict[str, Any] = {"meaning": 0.0, "relative": 0.0, "words": 0.0, "covered": 0.0, "dated": 0.0}
    nothing |= {"linked": 0.0, "of_words": 4.0, "strangers": 0, "held": 600}
    return Candidate(source, id_, values, **{**nothing, **found})


def said(id_: str, text: str = "", metadata: Any = None, **found: Any) -> Candidate:
    return candidate(id_, text, "episodes", {"role": "user", **(metadata or {})}, **found)


def ranked(*found: Candidate, question: str = "what?", recipe: Recipe = ALL, limit: int = 10) -> list[Fact]:
    return rank(found, question, recipe, NOW, limit)


def ids(*found: Candidate, question: str = "what?", recipe: Recipe = ALL, limit: int = 10) -> list[str]:
    return [each.id for each in ranked(*found, question=question, recipe=recipe, limit=limit)]


def part(name: str, only: Candidate, question: str = "what?") -> float:
    [fact] = ranked(replace(only, words=0.9), question=question)
    return (fact.parts or {}).get(name, 0.0)


# -- order ---------------------------------------------------------------------------------------


def test_no_candidates_give_no_results() -> None:
    assert ids() == []


@pytest.mark.parametrize("channel", ["relative", "words", "dated", "linked"])
def test_what_a_channel_finds_better_comes_first(channel: str) -> None:
    worse: dict[str, Any] = {channel: 0.2}
    better: dict[str, Any] = {channel: 0.9}
    assert ids(candidate("a", **worse), candidate("b", **better)) == ["b", "a"]


def test_the_exact_words_outweigh_a_similar_meaning() -> None:
    assert ids(candidate("alike", relative=1.0), candidate("exact", relative=0.3, words=0.8)) == ["exact", "alike"]


def test_a_custom_recipe_is_used_with_its_weights() -> None:
    meaning_only = Recipe("mine", ("memories",), weights={**WEIGHTS, "words": 0.0}, share=0.0)
    exact, alike = candidate("exact", words=1.0, relative=0.1), candidate("alike", relative=0.9)
    assert ids(exact, alike) == ["exact", "alike"]
    assert ids(exact, alike, recipe=meaning_only) == ["alike", "exact"]


@pytest.mark.parametrize("seed", range(5))
def test_ties_are_always_in_the_same_order(seed: int) -> None:
    alike = [candidate(name, words=0.5) for name in "abcdef"]
    random.Random(seed).shuffle(alike)
    assert ids(*alike) == list("abcdef")


def test_two_results_with_the_highest_score_keep_their_order() -> None:
    full: dict[str, Any] = {"relative": 1.0, "words": 1.0, "linked": 1.0}
    facts = ranked(candidate("a", **full), candidate("b", dated=1.0, **full))
    assert [each.id for each in facts] == ["b", "a"]
    assert [each.score for each in facts] == [1.0, 1.0]


def test_a_score_is_the_sum_of_its_parts_without_the_cosine() -> None:
    [fact] = ranked(candidate("a", relative=0.5, words=0.3, linked=1.0, meaning=0.4))
    assert fact.parts is not None
    assert fact.parts["cosine"] == 0.4
    assert fact.score == pytest.approx(sum(fact.parts.values()) - 0.4, abs=1e-3)


def test_a_candidate_with_a_negative_sum_is_left_out() -> None:
    assert ids(said("b", "Hm?", {"role": "assistant"})) == []


# -- how much ------------------------------------------------------------------------------------


def test_no_more_than_the_limit_is_given() -> None:
    assert ids(*[candidate(str(number), words=0.5) for number in range(9)], limit=3) == ["0", "1", "2"]


def test_a_result_far_below_the_best_is_left_out() -> None:
    best, close, far = candidate("best", words=1.0), candidate("close", words=0.6), candidate("far", words=0.05)
    assert ids(best, close, far, recipe=RECIPES["everything"]) == ["best", "close"]
    assert ids(best, close, far, recipe=replace(ALL, share=0.9)) == ["best"]
    assert ids(best, close, far, recipe=ALL) == ["best", "close", "far"]


def test_no_more_text_is_returned_than_the_budget_allows() -> None:
    found = [candidate(name, " ".join(f"{name}{number}x" for number in range(60)), words=0.5) for name in "abcdef"]
    cost = tokens(str(found[0].metadata["data"]))
    assert ids(*found, recipe=replace(ALL, budget=3 * cost)) == ["a", "b", "c"]
    assert ids(*found, recipe=replace(ALL, budget=3 * cost - 1)) == ["a", "b"]


def test_the_best_result_is_returned_however_long_it_is() -> None:
    assert ids(candidate("long", LONG * 50, words=1.0), recipe=replace(ALL, budget=10)) == ["long"]


def test_a_result_that_does_not_fit_is_skipped_for_a_shorter_one() -> None:
    found = [candidate("a", "tea", words=1.0), candidate("b", LONG * 50, words=0.9), candidate("c", "rum", words=0.8)]
    assert ids(*found, recipe=replace(ALL, budget=50)) == ["a", "c"]


# -- nothing twice -------------------------------------------------------------------------------


def test_of_results_that_say_the_same_only_the_best_is_returned() -> None:
    twice = [candidate("a", "I like green tea", words=0.5), said("b", "i like GREEN tea!", words=0.9)]
    assert ids(*twice) == ["b"]


def test_texts_that_differ_in_a_meaningful_word_are_no_repeats() -> None:
    assert len(ids(candidate("a", "I like green tea"), candidate("b", "I like black tea"))) == 2


def test_texts_without_words_are_no_repeats() -> None:
    assert len(ids(candidate("a", "🦜🦜"), candidate("b", "🌋"))) == 2


def test_a_reply_that_used_a_memory_which_is_found_itself_is_an_echo() -> None:
    memory = candidate("tea", "Likes green tea", words=0.5)
    reply = said("reply", "You told me once about your cup.", {"role": "assistant", "used": ["tea"]}, words=0.9)
    assert ids(memory, reply) == ["tea"]
    assert ids(reply) == ["reply"]


def test_a_reply_in_the_turn_a_memory_was_learned_in_is_an_echo() -> None:
    memory = candidate("tea", "Likes green tea", metadata={"message_id": "m1"}, words=0.5)
    echo = said("echo", "Noted: the cup of the morning.", {"role": "assistant", "turn": "m1"}, words=0.9)
    other = said("other", "Something else entirely here.", {"role": "assistant", "turn": "m2"}, words=0.9)
    assert ids(memory, echo, other) == ["tea", "other"]


def test_the_persons_message_is_no_echo_of_the_memory_learned_from_it() -> None:
    memory = candidate("tea", "Likes green tea", metadata={"message_id": "m1"}, words=0.5)
    assert len(ids(memory, said("turn", "In the mornings I brew a pot.", {"turn": "m1"}, words=0.4))) == 2


def test_replies_without_a_turn_are_no_echo_of_memories_without_a_message() -> None:
    reply = said("reply", "Something else entirely here.", {"role": "assistant"}, words=0.9)
    assert len(ids(candidate("tea", words=0.5), reply)) == 2


# -- small factors -------------------------------------------------------------------------------


def test_of_two_equal_results_the_newer_comes_first() -> None:
    new = candidate("new", metadata={"created_at": NOW.isoformat()}, words=0.5)
    assert ids(candidate("a", words=0.5), new) == ["new", "a"]


def test_being_recent_fades_by_half_in_three_months_and_stays_small() -> None:
    def recent(days: int) -> float:
        return part("recent", candidate("a", metadata={"created_at": (NOW - timedelta(days=days)).isoformat()}))

    assert recent(0) > recent(30) > recent(90) > recent(400)
    assert recent(90) == pytest.approx(recent(0) / 2, abs=1e-3)
    assert recent(0) < 0.05
    assert recent(-5) == recent(0)


def test_a_changed_memory_is_as_recent_as_its_change() -> None:
    assert part("recent", candidate("a", metadata={"updated_at": NOW.isoformat()})) > 0.01


@pytest.mark.parametrize("key", ["created_at", "updated_at", "confirmed_at", "message_id", "used", "turn", "actor_id"])
@pytest.mark.parametrize("written", ["", "soon", None, 5, ["2026"], {"a": 1}, "2026-01-01"], ids=str)
def test_rows_of_other_programs_can_be_ranked(key: str, written: Any) -> None:
    reply = said("b", metadata={"role": "assistant", key: written}, words=0.8)
    assert ids(candidate("a", metadata={key: written}, words=0.9), reply)[0] == "a"


def test_of_two_equal_results_the_confirmed_one_comes_first() -> None:
    again = candidate("z", metadata={"confirmed_at": NOW.isoformat()}, words=0.5)
    assert ids(candidate("a", words=0.5), again) == ["z", "a"]
    assert 0 < part("confirmed", again) < 0.05
    assert part("confirmed", candidate("a", metadata={"confirmed_at": OLD})) == 0


def test_no_small_factor_beats_the_words() -> None:
    fresh = {"created_at": NOW.isoformat(), "confirmed_at": (NOW + timedelta(1)).isoformat()}
    assert ids(candidate("fresh", metadata=fresh, words=0.3), candidate("right", words=0.6)) == ["right", "fresh"]


@pytest.mark.parametrize("question", ["What did Melanie paint?", "What is Melanie's hobby?", "melanie’s hobby"])
def test_words_of_the_speaker_whom_the_question_names_come_first(question: str) -> None:
    hers, his = [said(who, metadata={"actor_id": who}, words=0.5) for who in ("Melanie Smith", "Adam")]
    assert ids(hers, his, question=question) == ["Melanie Smith", "Adam"]


def test_a_question_for_a_time_prefers_what_tells_one() -> None:
    found = candidate("a", "Bought a car", words=0.5), candidate("b", "Sold it last year", words=0.5)
    assert ids(*found, question="When was it?") == ["b", "a"]
    assert ids(*found, question="What was it?") == ["a", "b"]


def test_of_what_was_said_an_answer_comes_before_a_question_and_a_sentence_before_a_word() -> None:
    asked, statement, word = (
        said("a", "Do I like strong tea?"),
        said("b", "I do like strong tea in the dark"),
        said("c", "Tea"),
    )
    assert part("question", asked) < 0 == part("question", statement)
    assert part("substance", statement) > part("substance", word)
    assert part("question", said("d", "お茶は好きですか？")) < 0
    assert part("question", candidate("e", "Why?")) == 0


def test_the_assistants_words_and_plain_episodes_come_after_memories() -> None:
    text = "green tea in the mornings"
    assert part("assistant", said("a", text, {"role": "assistant"})) < 0 == part("assistant", said("b", text))
    assert part("episode", said("b", text)) < 0 == part("episode", candidate("c", text))


# -- how sure ------------------------------------------------------------------------------------


def test_without_candidates_the_relatedness_is_zero() -> None:
    assert related([], 0.1) == 0


def test_a_cosine_counts_from_the_similarity_floor() -> None:
    near = [candidate("a", meaning=0.6)]
    assert related(near, 0.1) > related(near, 0.4) > related(near, 0.6) == 0
    assert related([candidate("a", meaning=1.0)], 0.5) == pytest.approx(1.0)


def test_among_more_rows_the_best_must_be_better() -> None:
    sure = [related([candidate("a", meaning=0.5, held=held)], 0.1) for held in (10, 100, 600, 5_000, 100_000)]
    assert sure == sorted(sure, reverse=True)
    assert len(set(sure)) == 5


def test_words_and_links_raise_the_relatedness_and_an_unknown_name_lowers_it() -> None:
    def sure(**found: Any) -> float:
        return related([candidate("a", meaning=0.3, **found)], 0.1)

    assert sure(covered=2.0) > sure()
    assert sure(linked=1.0) > sure()
    assert sure(strangers=1) < sure()
    assert sure(strangers=1) == sure(strangers=3)
    assert sure(covered=0.0, of_words=0.0) == sure()


# -- recipes -------------------------------------------------------------------------------------


def test_a_recipe_is_given_by_name_or_as_an_object() -> None:
    assert recipe_named("facts").sources == ("memories",)
    assert recipe_named(ALL) is ALL
    with pytest.raises(InvalidInput, match="no recipe 'best'; choose one of everything, facts, strict"):
        recipe_named("best")


def test_every_recipe_weighs_every_part() -> None:
    assert all(each.weights.keys() == WEIGHTS.keys() for each in RECIPES.values())


ASKS = """When did I go?|How long have I lived here?|What day was it?|Which year?|How many years ago?|Since when?
Wann war das?|Seit wann wohne ich hier?|Wie lange?|Quand est-ce ?|Depuis quand ?|Combien de temps ?|¿Cuándo fue?
¿Desde cuándo?|¿Cuánto tiempo?|how much time do I have"""
ASKS_NOT = """What did I buy?|How many cats do I have?|Whenever|Who is Ana?|Wo war das?|Wer ist das?|Où est-ce ?
¿Dónde fue?|How do I get there?|What times table?|"""


@pytest.mark.parametrize("question", ASKS.replace("\n", "|").split("|"))
def test_a_question_for_a_time_is_recognised(question: str) -> None:
    assert asks_when(question)


@pytest.mark.parametrize("question", ASKS_NOT.replace("\n", "|").split("|"))
def test_other_questions_are_not_taken_for_questions_for_a_time(question: str) -> None:
    assert not asks_when(question)
