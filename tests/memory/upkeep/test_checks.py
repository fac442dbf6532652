"""Recall checks: green while the memory is found, red with the reason if it is not."""

from __future__ import annotations

from typing import Any

import pytest

from memory import Memory
from memory.database import Database
from memory.errors import InvalidInput, ModelUnreachable, NotFound
from memory.facts import Fact
from memory.upkeep.checks import MAX_CHECKS, Check, subject

ALICE = "alice"
PORTO, WHERE = "I live in Porto by the river", "Where do I live?"


def _keep(memory: Memory, words: str, user_id: str = ALICE) -> str:
    [added] = memory.add(words, user_id=user_id)["results"]
    return str(added["id"])


def _run(memory: Memory) -> Check:
    [check] = memory.checks.run(user_id=ALICE)
    assert memory.checks.all(user_id=ALICE) == [check]  # kept as it was told
    return check


@pytest.fixture
def pinned(memory: Memory) -> Check:
    return memory.checks.pin(_keep(memory, PORTO), WHERE, user_id=ALICE)


def test_a_check_reports_the_place_of_the_memory_once_it_was_run(memory: Memory, pinned: Check) -> None:
    assert (pinned.outcome, pinned.ran_at, pinned.green) == (None, None, False)
    check = _run(memory)
    assert check.green
    assert (check.place, check.pinned_text) == (1, PORTO)
    assert check.ran_at is not None
    assert check.why["score"] > 0
    assert check.why["parts"]["meaning"] > 0


def test_running_a_check_does_not_count_as_use(memory: Memory, pinned: Check) -> None:
    _run(memory)
    assert memory.health.use(user_id=ALICE) == {}


def test_a_changed_memory_is_green_only_after_its_new_text_is_accepted(memory: Memory, pinned: Check) -> None:
    memory.update(pinned.memory_id, "I live in Lisbon", user_id=ALICE)
    check = _run(memory)
    assert (check.outcome, check.place, check.why["now"]) == ("changed", 1, "I live in Lisbon")
    accepted = memory.checks.accept(check.id, user_id=ALICE)
    assert (accepted.pinned_text, accepted.outcome) == ("I live in Lisbon", None)
    assert _run(memory).green


def test_a_deleted_memory_is_reported_and_so_is_its_return(memory: Memory, pinned: Check) -> None:
    change = memory.bulk_edit.delete([pinned.memory_id], user_id=ALICE)
    check = _run(memory)
    assert (check.outcome, check.place, dict(check.why)) == ("gone", None, {})
    with pytest.raises(NotFound):
        memory.checks.accept(check.id, user_id=ALICE)
    memory.undo(change.run, user_id=ALICE)
    assert _run(memory).green


def test_a_memory_that_replaces_the_pinned_one_counts_as_found(
    memory: Memory, pinned: Check, database: Database
) -> None:
    memory.delete(pinned.memory_id, user_id=ALICE)
    again = _keep(memory, PORTO)
    assert again != pinned.memory_id
    assert _run(memory).green
    memory.delete(again, user_id=ALICE)
    merged = _keep(memory, "I live in Porto, by the river Douro")
    with database.as_user(ALICE) as connection:
        connection.exec_driver_sql(
            "update vecs.memories set metadata = metadata || jsonb_build_object('merged_from', array[%s])"
            " where id = %s",
            (pinned.memory_id, merged),
        )
    assert _run(memory).outcome == "changed"


def test_a_missed_memory_is_reported_with_the_first_result_and_its_own_place(memory: Memory) -> None:
    bees = _keep(memory, "I keep bees in Utrecht")
    for where in "school home work church noon dawn night camp sea market".split():
        _keep(memory, f"I play the cello at {where}, and {where} is fine")
    memory.checks.pin(bees, "Where do I play the cello?", user_id=ALICE)
    check = _run(memory)
    assert (check.outcome, check.place) == ("missed", None)
    assert "cello" in check.why["best"]["text"]
    assert check.why["far"] > 8
    assert check.why["score"] < check.why["best"]["score"]


def test_a_check_that_finds_nothing_says_so(memory: Memory, pinned: Check) -> None:
    memory.checks.unpin(pinned.id, user_id=ALICE)
    memory.checks.pin(pinned.memory_id, "Who won the chess match in Reykjavik?", user_id=ALICE)
    check = _run(memory)
    assert check.outcome == "missed"
    assert "best" not in check.why
    assert check.why["far"] == 1


def test_the_last_results_stay_if_a_check_cannot_be_run(
    memory: Memory, pinned: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _run(memory)

    def fail(*_: object) -> list[Fact]:
        raise ModelUnreachable("The embedder is away.")

    monkeypatch.setattr(memory.checks._recall, "find", fail)
    with pytest.raises(ModelUnreachable):
        memory.checks.run(user_id=ALICE)
    assert memory.checks.all(user_id=ALICE) == [before]


def test_bad_questions_get_a_sentence(memory: Memory, pinned: Check) -> None:
    wrong: list[Any] = ["", "   ", "x" * 301, None, 7]
    for each in wrong:
        with pytest.raises(InvalidInput):
            memory.checks.pin(pinned.memory_id, each, user_id=ALICE)
    with pytest.raises(InvalidInput, match="already"):
        memory.checks.pin(pinned.memory_id, f" {WHERE} ", user_id=ALICE)
    for missing in ("none", "a\x00b", ""):
        with pytest.raises(NotFound):
            memory.checks.pin(missing, WHERE, user_id=ALICE)
        with pytest.raises(NotFound):
            memory.checks.unpin(missing, user_id=ALICE)
        with pytest.raises(NotFound):
            memory.checks.accept(missing, user_id=ALICE)
    odd = memory.checks.pin(pinned.memory_id, "Wo\x00 \ud800 أين؟", user_id=ALICE)
    assert odd.question == "Wo\ufffd ? أين؟"
    assert len(memory.checks.run(user_id=ALICE)) == 2


def test_there_can_be_fifty_checks_at_most(memory: Memory, pinned: Check) -> None:
    for number in range(MAX_CHECKS - 1):
        memory.checks.pin(pinned.memory_id, f"Where did I live in {1900 + number}?", user_id=ALICE)
    with pytest.raises(InvalidInput, match="50 checks"):
        memory.checks.pin(pinned.memory_id, "One more?", user_id=ALICE)
    assert len(memory.checks.run(user_id=ALICE)) == MAX_CHECKS


def test_a_user_sees_only_their_own_checks(memory: Memory, pinned: Check) -> None:
    assert memory.checks.all(user_id="bob") == []
    assert memory.checks.run(user_id="bob") == []
    with pytest.raises(NotFound):
        memory.checks.pin(pinned.memory_id, WHERE, user_id="bob")
    with pytest.raises(NotFound):
        memory.checks.unpin(pinned.id, user_id="bob")
    with pytest.raises(NotFound):
        memory.checks.accept(pinned.id, user_id="bob")
    assert _run(memory).green


def test_checks_are_erased_with_everything(memory: Memory, pinned: Check) -> None:
    assert memory.delete_all(user_id=ALICE).erased["recall_checks"] == 1
    assert memory.checks.all(user_id=ALICE) == []


@pytest.mark.parametrize(
    ("said", "about"),
    [
        ("My sister Ana lives in Porto", "sister Ana"),
        ("I live in Porto", "Porto"),
        ("I use Redis and Supabase.", "Redis"),
        ("I run a small bakery in Porto", "small bakery"),
        ("I swim", "swim"),
        ("Bees", "Bees"),
        ("!?", ""),
        ("", ""),
        ("Ich wohne in München", "München"),
        ("‮أعيش في بورتو", "‮أعيش في"),
    ],
)
def test_a_question_is_proposed_from_a_memorys_own_first_words(said: str, about: str) -> None:
    assert subject(said) == about


def test_an_episode_counts_as_the_memory_while_both_say_the_same(
    memory: Memory, pinned: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = Fact("turn", {"data": f"{PORTO}, you know", "role": "user"}, 0.5, "episodes", {"meaning": 0.5})
    monkeypatch.setattr(memory.checks._recall, "find", lambda _: [said])
    assert _run(memory).green
    memory.update(pinned.memory_id, "I live in Lisbon", user_id=ALICE)
    check = _run(memory)  # the turn still says the old words, which no longer count
    assert (check.outcome, check.why["now"]) == ("missed", "I live in Lisbon")
