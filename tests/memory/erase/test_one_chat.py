"""Forgetting what one talk taught: what goes, what is taken back, what is left, and the proof."""

from __future__ import annotations

from typing import Any

import pytest

from memory import Memory, Said
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.erase.one_chat import CHANGED, DELETED, MERGED, SAME
from tests.memory.learn.test_remember import answer, operation
from tests.scripted import ScriptedModel

HERE, ELSEWHERE = "talk here", "talk elsewhere"
PORTO, LISBON, FARO = "I live in Porto", "I live in Lisbon", "I live in Faro"


class Talks:
    """Somebody who says things in two talks, and a model that makes of them what the test wants."""

    def __init__(self, memory: Memory, model: ScriptedModel, database: Database) -> None:
        self.memory, self._model, self.database = memory, model, database
        self._count = 0

    def say(self, talk: str, words: str, action: str = "add", **more: Any) -> str:
        self._count += 1
        self._model.enqueue(answer(operation(action, words if action != "delete" else "", words, **more)))
        said = Said("user", words, message_id=f"message {self._count}", run_id=talk)
        done = self.memory.add([said], user_id="ann")["results"]
        return str(done[0]["id"]) if done else ""

    @property
    def known(self) -> list[str]:
        return sorted(each["memory"] for each in self.memory.get_all(user_id="ann")["results"])

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return self.database.read_as("ann", sql)

    def everything(self) -> str:
        """All the words there are about her, wherever they stand."""
        found = self.rows("select metadata::text as words from vecs.memories")
        found += self.rows("select metadata::text as words from vecs.episodes")
        found += self.rows("select row_to_json(h)::text as words from app.memory_history h")
        found += self.rows("select proposed::text as words from app.questions")
        found += self.rows("select lines::text as words from app.profiles")
        return "\n".join(str(each["words"]) for each in found)


@pytest.fixture
def talks(database: Database, embedder: BundledEmbedder, scripted_model: ScriptedModel) -> Talks:
    return Talks(Memory(database, embedder, scripted_model), scripted_model, database)


def test_what_a_talk_added_goes_with_every_version_and_the_words_it_came_from(talks: Talks) -> None:
    talks.say(ELSEWHERE, "I like tea")
    before = talks.everything()
    talks.say(HERE, "I keep bees in Utrecht")
    talks.memory.profile.add("ann", "mine")
    receipt = talks.memory.chats.forget(HERE, user_id="ann")
    assert talks.known == ["I like tea"]
    assert "Utrecht" not in talks.everything()
    assert "I like tea" in before
    assert receipt.erased["memories"] == receipt.erased["episodes"] == 1
    assert (receipt.looked_for, receipt.found_again, receipt.proved) == (1, 0, True)


def test_asking_what_it_would_do_changes_nothing(talks: Talks) -> None:
    talks.say(HERE, "I keep bees in Utrecht")
    before = talks.everything()
    [lesson] = talks.memory.chats.learned(HERE, user_id="ann").memories
    assert (lesson.text, lesson.outcome) == ("I keep bees in Utrecht", "erased")
    assert talks.everything() == before


def test_what_a_talk_changed_stands_again_as_it_stood(talks: Talks) -> None:
    kept = talks.say(ELSEWHERE, PORTO)
    [before] = talks.rows("select metadata, vec::text as vec from vecs.memories")
    talks.say(HERE, LISBON, "update", target=1)
    talks.say(HERE, FARO, "update", target=1)
    receipt = talks.memory.chats.forget(HERE, user_id="ann")
    [lesson] = receipt.learned.with_outcome("restored")
    assert (lesson.text, lesson.before) == (FARO, PORTO)
    assert talks.rows("select metadata, vec::text as vec from vecs.memories") == [before]
    assert [each["new_memory"] for each in talks.memory.history(kept, user_id="ann")] == [PORTO]
    assert "Lisbon" not in talks.everything()
    assert "Faro" not in talks.everything()
    assert receipt.proved


def test_what_was_changed_since_is_left_and_named(talks: Talks) -> None:
    kept = talks.say(ELSEWHERE, PORTO)
    talks.say(HERE, LISBON, "update", target=1)
    talks.memory.update(kept, FARO, user_id="ann")
    receipt = talks.memory.chats.forget(HERE, user_id="ann")
    [left] = receipt.learned.with_outcome("left")
    assert (left.text, left.reason) == (FARO, CHANGED)
    assert talks.known == [FARO]
    assert receipt.proved


def test_what_a_talk_added_and_another_changed_is_left(talks: Talks) -> None:
    talks.say(HERE, PORTO)
    talks.say(ELSEWHERE, LISBON, "update", target=1)
    receipt = talks.memory.chats.forget(HERE, user_id="ann")
    assert [each.reason for each in receipt.learned.with_outcome("left")] == [CHANGED]
    assert talks.known == [LISBON]


def test_what_a_talk_removed_does_not_come_back(talks: Talks) -> None:
    talks.say(ELSEWHERE, "I have a dog")
    talks.say(HERE, "Please forget what I said: I have a dog", "delete", target=1)
    assert talks.known == []
    # Words that take a memory away are kept nowhere: only whoever has the messages knows that it was this talk.
    receipt = talks.memory.chats.forget(HERE, user_id="ann", messages=["message 2"])
    assert [each.reason for each in receipt.learned.with_outcome("left")] == [DELETED]
    assert talks.known == []


def test_what_was_learned_and_taken_back_by_the_person_leaves_no_version_behind(talks: Talks) -> None:
    talks.say(HERE, "I keep bees in Utrecht")
    [latest] = talks.memory.changes(user_id="ann", limit=1)
    talks.memory.undo(latest["id"], user_id="ann")
    receipt = talks.memory.chats.forget(HERE, user_id="ann")
    assert receipt.erased["memories"] == 0
    assert receipt.erased["memory_history"] == 2
    assert "Utrecht" not in talks.everything()


def test_where_another_memory_says_by_now_what_stood_before_it_is_left(talks: Talks) -> None:
    talks.say(ELSEWHERE, PORTO)
    talks.say(HERE, LISBON, "update", target=1)
    talks.say(ELSEWHERE, PORTO)
    receipt = talks.memory.chats.forget(HERE, user_id="ann")
    assert [each.reason for each in receipt.learned.with_outcome("left")] == [SAME]
    assert talks.known == [LISBON, PORTO]


def test_a_question_the_talk_raised_goes_and_the_memory_it_is_about_stays(talks: Talks) -> None:
    talks.say(ELSEWHERE, PORTO)
    talks.say(HERE, LISBON, "ask", target=1)
    assert talks.memory.questions.open("ann")
    talks.memory.chats.forget(HERE, user_id="ann")
    assert talks.memory.questions.open("ann") == []
    assert talks.known == [PORTO]
    assert "Lisbon" not in talks.everything()


def test_a_memory_that_stands_for_several_talks_is_left(talks: Talks, embedder: BundledEmbedder) -> None:
    kept = talks.say(HERE, PORTO)
    other = talks.say(ELSEWHERE, "I have a dog")
    with talks.database.as_user("ann") as connection:
        connection.exec_driver_sql(
            "update vecs.memories set metadata = metadata || jsonb_build_object('merged_from', jsonb_build_array("
            "%(other)s::text)) where id = %(kept)s",
            {"other": other, "kept": kept},
        )
    receipt = talks.memory.chats.forget(HERE, user_id="ann")
    assert [each.reason for each in receipt.learned.with_outcome("left")] == [MERGED]


def test_a_summary_of_what_goes_goes_too(talks: Talks) -> None:
    first, second = talks.say(HERE, PORTO), talks.say(HERE, "I have a dog")
    summary = talks.say(ELSEWHERE, "I live in Porto with a dog")
    with talks.database.as_user("ann") as connection:
        connection.exec_driver_sql(
            "update vecs.memories set metadata = metadata || jsonb_build_object('summary_of', jsonb_build_array("
            "%(first)s::text, %(second)s::text)) where id = %(summary)s",
            {"first": first, "second": second, "summary": summary},
        )
    talks.memory.chats.forget(HERE, user_id="ann")
    assert talks.known == []


def test_another_talk_with_a_strange_name_and_another_person_lose_nothing(talks: Talks) -> None:
    talks.say(HERE, PORTO)
    for strange in ("", "%", "talk here' or '1'='1", "\x00", "👩‍🚀", "x" * 10_000):
        assert talks.memory.chats.forget(strange, user_id="ann").learned.memories == ()
    assert talks.memory.chats.forget(HERE, user_id="bob").learned.memories == ()
    assert talks.known == [PORTO]
