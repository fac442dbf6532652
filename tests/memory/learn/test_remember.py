"""What a model may and may not write: it proposes, and the person's words decide."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from memory import Memory, Said
from memory.database import Database
from memory.errors import BadAnswer, MemoryChanged, ModelBusy, ModelUnreachable
from memory.learn.extract import Operation, Operations
from tests.scripted import ScriptedModel

WHEN = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)


def operation(action: Any, text: str = "", quote: str = "", **more: Any) -> Operation:
    details: dict[str, Any] = {
        "target": None,
        "kind": "fact",
        "happened_at": None,
        "language": "en",
        "reason": "they said so",
    }
    details |= {"entities": [], "relations": []}
    return Operation(action=action, text=text, quote=quote, **{**details, **more})


def answer(*operations: Operation) -> Operations:
    return Operations(operations=list(operations))


def texts(memory: Memory) -> list[str]:
    return sorted(each["memory"] for each in memory.get_all(user_id="alice")["results"])


def _tell(memory: Memory, model: ScriptedModel, words: str, *operations: Operation) -> list[dict[str, Any]]:
    model.enqueue(answer(*operations))
    return memory.add(words, user_id="alice")["results"]


def _know(memory: Memory, model: ScriptedModel, *facts: str) -> None:
    _tell(memory, model, " ".join(facts), *(operation("add", fact, fact) for fact in facts))
    model.calls.clear()


def test_what_the_model_adds_is_kept_with_all_it_knows(learning: Memory, scripted_model: ScriptedModel) -> None:
    added = operation("add", "Ana lives in Lisbon", "i moved to lisbon", kind="event", happened_at="2026-02-01T10:00")
    scripted_model.enqueue(answer(added))
    learning.add([Said("user", "Yes, I moved to Lisbon!", WHEN, "message 1", "chat 1")], user_id="alice")
    [found] = learning.get_all(user_id="alice")["results"]
    assert (found["memory"], found["created_at"]) == ("Ana lives in Lisbon", "2026-03-04T05:06:00+00:00")
    assert found["metadata"] == {
        "kind": "event",
        "quote": "i moved to lisbon",
        "message_id": "message 1",
        "run_id": "chat 1",
        "happened_at": "2026-02-01",
        "confirmed_at": "2026-03-04T05:06:00+00:00",
        "language": "en",
    }


def test_an_update_replaces_the_memory_of_that_number(
    learning: Memory, scripted_model: ScriptedModel, database: Database
) -> None:
    _know(learning, scripted_model, "I live in Porto")
    changed = operation("update", "I live in Lisbon", "moved to Lisbon", target=1)
    [event] = _tell(learning, scripted_model, "I moved to Lisbon", changed)
    assert (event["event"], event["previous_memory"]) == ("UPDATE", "I live in Porto")
    assert texts(learning) == ["I live in Lisbon"]
    kept = database.read_as(
        "alice", "select old_metadata ->> 'data' as was from app.memory_history where action = 'update'"
    )
    assert kept == [{"was": "I live in Porto"}]


def test_a_delete_removes_the_memory_of_that_number(learning: Memory, scripted_model: ScriptedModel) -> None:
    _know(learning, scripted_model, "I live in Porto", "I have a dog")
    scripted_model.enqueue(answer())
    learning.add("Please forget what I said about my dog", user_id="alice")
    shown = scripted_model.calls[-1][-1].content
    number = 1 if "[1] I have a dog" in shown else 2
    gone = operation("delete", quote="forget what I said about my dog", target=number)
    [event] = _tell(learning, scripted_model, "Please forget what I said about my dog", gone)
    assert (event["event"], event["memory"]) == ("DELETE", "I have a dog")
    assert texts(learning) == ["I live in Porto"]


def test_an_update_into_what_another_memory_says_leaves_one_of_them(
    learning: Memory, scripted_model: ScriptedModel
) -> None:
    _know(learning, scripted_model, "I live in Porto", "I live in Lisbon")
    plan_words = [Said("user", "I moved to Lisbon")]
    scripted_model.enqueue(answer())
    learning.turns.plan(plan_words, user_id="alice")
    number = 1 if "[1] I live in Porto" in scripted_model.calls[-1][-1].content else 2
    _tell(
        learning, scripted_model, "I moved to Lisbon", operation("update", "I live in Lisbon", "Lisbon", target=number)
    )
    assert texts(learning) == ["I live in Lisbon"]


NOT_BELIEVED = [
    (operation("add", "Alice is a pilot", "I am a pilot"), "you didn't say this in that message"),
    (operation("add", "Alice is a pilot", ""), "you didn't say this in that message"),
    (operation("add", "Alice eats meat", "steak is great"), "you didn't say this in that message"),
    (operation("update", "Alice knows", "I am vegetarian", target=7), "refers to an unknown memory"),
    (operation("update", "Alice knows", "I am vegetarian", target=0), "refers to an unknown memory"),
    (operation("update", "Alice knows", "I am vegetarian"), "refers to an unknown memory"),
    (operation("delete", quote="I am vegetarian", target=-1), "refers to an unknown memory"),
    (operation("add", " ", "I am vegetarian"), "it says nothing"),
    (operation("add", "x" * 1001, "I am vegetarian"), "too long"),
    (operation("add", "Alice's password is hunter2", "I am vegetarian"), "contains a secret"),
    (operation("add", "Alice pays", "4111 1111 1111 1111"), "contains a secret"),
    (operation("add", "i am  VEGETARIAN", "I am vegetarian"), "already known"),
]


@pytest.mark.parametrize(("proposed", "reason"), NOT_BELIEVED)
def test_a_refused_proposal_is_recorded_with_its_reason_and_not_stored(
    learning: Memory, scripted_model: ScriptedModel, proposed: Operation, reason: str
) -> None:
    _know(learning, scripted_model, "I am vegetarian")
    said = [
        Said("user", "I am vegetarian, and I pay with 4111 1111 1111 1111 as always"),
        Said("assistant", "Good! By the way, steak is great."),
    ]
    scripted_model.enqueue(answer(proposed))
    plan = learning.turns.plan(said, user_id="alice")
    assert [each.reason for each in plan.refused] == [reason]
    assert plan.writes == ()
    scripted_model.enqueue(answer(proposed))
    assert learning.add(said, user_id="alice") == {"results": []}
    assert texts(learning) == ["I am vegetarian"]


def test_a_refused_secret_is_not_recorded(learning: Memory, scripted_model: ScriptedModel) -> None:
    scripted_model.enqueue(answer(operation("add", "Their password is hunter2", "my password is hunter2")))
    plan = learning.turns.plan([Said("user", "By the way my password is hunter2")], user_id="alice")
    assert "hunter2" not in repr(plan.refused)


def test_one_bad_proposal_does_not_take_the_good_ones_with_it(learning: Memory, scripted_model: ScriptedModel) -> None:
    good, bad = operation("add", "Alice rows", "I row"), operation("add", "Alice flies", "I fly")
    _tell(learning, scripted_model, "I row every day", bad, good, good)
    assert texts(learning) == ["Alice rows"]


def test_details_a_database_could_not_keep_do_not_harm(learning: Memory, scripted_model: ScriptedModel) -> None:
    odd = operation("add", "Rows\x00 \ud800", "I row", language="en\x00", happened_at="last spring", reason="\x00")
    _tell(learning, scripted_model, "I row every day", odd)
    [found] = learning.get_all(user_id="alice")["results"]
    assert found["memory"] == "Rows\ufffd ?"
    assert not {"language", "happened_at"} & found["metadata"].keys()


@pytest.mark.parametrize(
    "words", ["thanks!", "Hello", "ok great, thank you so much", "👍", "???", "yes please", "12 34"]
)
def test_small_talk_costs_no_call(learning: Memory, scripted_model: ScriptedModel, words: str) -> None:
    assert learning.add(words, user_id="alice") == {"results": []}
    assert scripted_model.calls == []


def test_what_only_the_assistant_said_costs_no_call(learning: Memory, scripted_model: ScriptedModel) -> None:
    learning.add([{"role": "assistant", "content": "You are a chef in Paris"}], user_id="alice")
    assert scripted_model.calls == []


def test_a_turn_costs_one_call_that_shows_the_turn_and_the_near_memories(
    learning: Memory, scripted_model: ScriptedModel
) -> None:
    _know(learning, scripted_model, "I live in Porto")
    scripted_model.enqueue(answer())
    said = [Said("user", "I live alone", WHEN), Said("assistant", "I see", WHEN)]
    learning.add(said, user_id="alice")
    [[instructions, turn]] = scripted_model.calls
    assert instructions.role == "system"
    assert "[1] I live in Porto" in turn.content
    assert "PERSON (2026-03-04 05:06, Wednesday): I live alone" in turn.content
    assert "ASSISTANT (2026-03-04 05:06): I see" in turn.content


def test_another_users_memories_are_never_shown_to_the_model(learning: Memory, scripted_model: ScriptedModel) -> None:
    scripted_model.enqueue(answer(operation("add", "Bob lives in Oslo", "I live in Oslo")), answer())
    learning.add("I live in Oslo", user_id="bob")
    learning.add("Where does one live in Oslo?", user_id="alice")
    assert "Bob" not in scripted_model.calls[-1][-1].content


@pytest.mark.parametrize("error", [BadAnswer("Not the form."), ModelUnreachable("Gone.")])
def test_a_failed_call_never_counts_as_nothing_to_remember(
    learning: Memory, scripted_model: ScriptedModel, error: Exception
) -> None:
    scripted_model.enqueue(error, error)  # an answer that does not do is asked for once more
    with pytest.raises(type(error)):
        learning.add("I live in Porto", user_id="alice")
    assert texts(learning) == []


def test_after_an_unusable_answer_the_model_is_asked_again_and_told_why(
    learning: Memory, scripted_model: ScriptedModel
) -> None:
    bad = BadAnswer("It was cut off.", '{"operations": [')
    scripted_model.enqueue(bad, answer(operation("add", "I live in Porto", "I live in Porto")))
    learning.add("I live in Porto", user_id="alice")
    assert texts(learning) == ["I live in Porto"]
    first, second = scripted_model.calls
    assert second[: len(first)] == first
    assert second[-2].content == '{"operations": ['
    assert "It was cut off." in second[-1].content


def test_a_busy_model_is_not_asked_again_at_once(learning: Memory, scripted_model: ScriptedModel) -> None:
    scripted_model.enqueue(ModelBusy("Busy.", 3))
    with pytest.raises(ModelBusy):
        learning.add("I live in Porto", user_id="alice")
    assert len(scripted_model.calls) == 1


def test_planning_writes_nothing(learning: Memory, scripted_model: ScriptedModel, database: Database) -> None:
    scripted_model.enqueue(answer(operation("add", "Alice rows", "I row")))
    plan = learning.turns.plan([Said("user", "I row every day")], user_id="alice")
    assert len(plan.writes) == 1
    assert texts(learning) == []
    with database.as_user("alice") as connection:
        assert learning.turns.write(connection, plan)[0]["event"] == "ADD"
    assert texts(learning) == ["Alice rows"]


def test_a_plan_for_a_memory_that_is_gone_by_then_is_not_carried_out(
    learning: Memory, scripted_model: ScriptedModel, database: Database
) -> None:
    _know(learning, scripted_model, "I live in Porto")
    scripted_model.enqueue(answer(operation("update", "I live in Lisbon", "moved to Lisbon", target=1)))
    plan = learning.turns.plan([Said("user", "I moved to Lisbon")], user_id="alice")
    learning.delete_all(user_id="alice")
    with pytest.raises(MemoryChanged), database.as_user("alice") as connection:
        learning.turns.write(connection, plan)
    assert texts(learning) == []


def test_what_the_person_edits_during_the_call_is_not_overwritten(
    learning: Memory, memory: Memory, scripted_model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    _know(learning, scripted_model, "I live in Porto")
    [known] = learning.get_all(user_id="alice")["results"]
    think = ScriptedModel.answer

    def edited_meanwhile(self: ScriptedModel, *given: Any) -> Any:
        if len(self.calls) == 0:
            memory.update(known["id"], "I live in Faro", user_id="alice")
        return think(self, *given)

    monkeypatch.setattr(ScriptedModel, "answer", edited_meanwhile)
    moved = answer(operation("update", "I live in Lisbon", "moved to Lisbon", target=1))
    scripted_model.enqueue(moved, moved)
    learning.add("I moved to Lisbon", user_id="alice")
    # The edit is newer than the words, so the plan is made anew and what it would overwrite stands.
    assert len(scripted_model.calls) == 2
    assert texts(learning) == ["I live in Faro"]


def test_the_history_says_that_the_model_wrote_it(
    learning: Memory, scripted_model: ScriptedModel, database: Database
) -> None:
    _know(learning, scripted_model, "I live in Porto")
    written = database.read_as("alice", "select actor, reason from app.memory_history")
    assert written == [{"actor": "model", "reason": "they said so"}]
