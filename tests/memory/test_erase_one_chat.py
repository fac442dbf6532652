"""Forgetting a chat: what is erased, what is restored, what is left, and the proof."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from memory import Memory, Said
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.erase import CHANGED, DELETED, MERGED, SAME
from memory.errors import ModelUnreachable
from tests.memory.learn.test_remember import answer, operation
from tests.memory.test_erase import EmbedderAway
from tests.memory.test_migrations import administrator
from tests.scripted import ScriptedModel

pytestmark = pytest.mark.every_version

HERE, ELSEWHERE = "this chat", "another chat"
PORTO, LISBON, FARO = "I live in Porto", "I live in Lisbon", "I live in Faro"


class TwoChats:
    """Ann talks in two chats, and a scripted model learns what the test wants."""

    def __init__(self, memory: Memory, model: ScriptedModel, database: Database) -> None:
        self.memory, self._model, self.database = memory, model, database
        self._count = 0

    def say(self, chat: str, words: str, action: str = "add", **more: Any) -> str:
        self._count += 1
        self._model.enqueue(answer(operation(action, words if action != "delete" else "", words, **more)))
        said = Said("user", words, message_id=f"message {self._count}", run_id=chat)
        done = self.memory.add([said], user_id="ann")["results"]
        return str(done[0]["id"]) if done else ""

    def edit(self, memory_id: str, words: str) -> None:
        self._model.enqueue(answer())  # it names nobody in the new words
        self.memory.update(memory_id, words, user_id="ann")

    @property
    def known(self) -> list[str]:
        return sorted(each["memory"] for each in self.memory.get_all(user_id="ann")["results"])

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return self.database.read_as("ann", sql)

    @property
    def vector(self) -> list[float]:
        """The vector of her only memory."""
        [row] = self.rows("select vec::text as vec from vecs.memories")
        return [float(each) for each in json.loads(row["vec"])]

    def everything(self) -> str:
        """Return all texts about her, of every table."""
        found = self.rows("select metadata::text as words from vecs.memories")
        found += self.rows("select metadata::text as words from vecs.episodes")
        found += self.rows("select row_to_json(h)::text as words from app.memory_history h")
        found += self.rows("select proposed::text as words from app.questions")
        found += self.rows("select lines::text as words from app.profiles")
        return "\n".join(str(each["words"]) for each in found)


@pytest.fixture
def chats(database: Database, embedder: BundledEmbedder, scripted_model: ScriptedModel) -> TwoChats:
    return TwoChats(Memory(database, embedder, scripted_model), scripted_model, database)


def test_what_a_chat_added_is_erased_with_every_version_and_its_episodes(chats: TwoChats) -> None:
    chats.say(ELSEWHERE, "I like tea")
    before = chats.everything()
    chats.say(HERE, "I keep bees in Utrecht")
    chats.memory.profile.add("ann", "mine")
    receipt = chats.memory.chats.forget(HERE, user_id="ann")
    assert chats.known == ["I like tea"]
    assert "Utrecht" not in chats.everything()
    assert "I like tea" in before
    assert receipt.erased["memories"] == receipt.erased["episodes"] == 1
    assert (receipt.looked_for, receipt.found_again, receipt.proved) == (1, 0, True)


def test_asking_what_was_learned_changes_nothing(chats: TwoChats) -> None:
    chats.say(HERE, "I keep bees in Utrecht")
    before = chats.everything()
    [lesson] = chats.memory.chats.learned(HERE, user_id="ann").memories
    assert (lesson.text, lesson.outcome) == ("I keep bees in Utrecht", "erased")
    assert chats.everything() == before


def test_what_a_chat_changed_is_restored(chats: TwoChats) -> None:
    kept = chats.say(ELSEWHERE, PORTO)
    [before] = chats.rows("select metadata, vec::text as vec from vecs.memories")
    chats.say(HERE, LISBON, "update", target=1)
    chats.say(HERE, FARO, "update", target=1)
    receipt = chats.memory.chats.forget(HERE, user_id="ann")
    [lesson] = receipt.learned.with_outcome("restored")
    assert (lesson.text, lesson.before) == (FARO, PORTO)
    assert chats.rows("select metadata, vec::text as vec from vecs.memories") == [before]
    assert [each["new_memory"] for each in chats.memory.history(kept, user_id="ann")] == [PORTO]
    assert "Lisbon" not in chats.everything()
    assert "Faro" not in chats.everything()
    assert receipt.proved


def test_a_memory_changed_since_is_left_and_listed(chats: TwoChats) -> None:
    kept = chats.say(ELSEWHERE, PORTO)
    chats.say(HERE, LISBON, "update", target=1)
    chats.edit(kept, FARO)
    receipt = chats.memory.chats.forget(HERE, user_id="ann")
    [left] = receipt.learned.with_outcome("left")
    assert (left.text, left.reason) == (FARO, CHANGED)
    assert chats.known == [FARO]
    assert receipt.proved


def test_a_memory_that_one_chat_added_and_another_changed_is_left(chats: TwoChats) -> None:
    chats.say(HERE, PORTO)
    chats.say(ELSEWHERE, LISBON, "update", target=1)
    receipt = chats.memory.chats.forget(HERE, user_id="ann")
    assert [each.reason for each in receipt.learned.with_outcome("left")] == [CHANGED]
    assert chats.known == [LISBON]


@pytest.mark.parametrize("undone", [True, False])
def test_a_memory_whose_later_change_was_undone_is_erased_until_that_is_undone_as_well(
    chats: TwoChats, undone: bool
) -> None:
    kept = chats.say(HERE, PORTO)
    chats.say(ELSEWHERE, LISBON, "update", target=1)
    for _ in range(1 if undone else 2):
        chats.memory.undo(chats.memory.history(kept, user_id="ann")[-1]["id"], user_id="ann")
    receipt = chats.memory.chats.forget(HERE, user_id="ann")
    assert chats.known == ([] if undone else [LISBON])
    assert receipt.proved


def test_what_a_chat_deleted_stays_deleted(chats: TwoChats) -> None:
    chats.say(ELSEWHERE, "I have a dog")
    chats.say(HERE, "Please forget what I said: I have a dog", "delete", target=1)
    assert chats.known == []
    # A message that deletes a memory is not kept as an episode: only the caller's message ids lead to this chat.
    receipt = chats.memory.chats.forget(HERE, user_id="ann", messages=["message 2"])
    assert [each.reason for each in receipt.learned.with_outcome("left")] == [DELETED]
    assert chats.known == []


def test_a_memory_that_was_learned_and_undone_leaves_no_version_behind(chats: TwoChats) -> None:
    chats.say(HERE, "I keep bees in Utrecht")
    [latest] = chats.memory.changes(user_id="ann", limit=1)
    chats.memory.undo(latest["id"], user_id="ann")
    receipt = chats.memory.chats.forget(HERE, user_id="ann")
    assert receipt.erased["memories"] == 0
    assert receipt.erased["memory_history"] == 2
    assert "Utrecht" not in chats.everything()


def test_a_memory_is_left_if_another_one_says_its_old_words_by_now(chats: TwoChats) -> None:
    chats.say(ELSEWHERE, PORTO)
    chats.say(HERE, LISBON, "update", target=1)
    chats.say(ELSEWHERE, PORTO)
    receipt = chats.memory.chats.forget(HERE, user_id="ann")
    assert [each.reason for each in receipt.learned.with_outcome("left")] == [SAME]
    assert chats.known == [LISBON, PORTO]


def test_a_question_that_the_chat_raised_is_erased_and_its_memory_stays(chats: TwoChats) -> None:
    chats.say(ELSEWHERE, PORTO)
    chats.say(HERE, LISBON, "ask", target=1)
    assert chats.memory.questions.open("ann")
    chats.memory.chats.forget(HERE, user_id="ann")
    assert chats.memory.questions.open("ann") == []
    assert chats.known == [PORTO]
    assert "Lisbon" not in chats.everything()


def test_a_merged_memory_of_several_chats_is_left(chats: TwoChats, embedder: BundledEmbedder) -> None:
    kept = chats.say(HERE, PORTO)
    other = chats.say(ELSEWHERE, "I have a dog")
    with chats.database.as_user("ann") as connection:
        connection.exec_driver_sql(
            "update vecs.memories set metadata = metadata || jsonb_build_object('merged_from', jsonb_build_array("
            "%(other)s::text)) where id = %(kept)s",
            {"other": other, "kept": kept},
        )
    receipt = chats.memory.chats.forget(HERE, user_id="ann")
    assert [each.reason for each in receipt.learned.with_outcome("left")] == [MERGED]


def test_a_summary_of_erased_memories_is_erased(chats: TwoChats) -> None:
    first, second = chats.say(HERE, PORTO), chats.say(HERE, "I have a dog")
    summary = chats.say(ELSEWHERE, "I live in Porto with a dog")
    with chats.database.as_user("ann") as connection:
        connection.exec_driver_sql(
            "update vecs.memories set metadata = metadata || jsonb_build_object('summary_of', jsonb_build_array("
            "%(first)s::text, %(second)s::text)) where id = %(summary)s",
            {"first": first, "second": second, "summary": summary},
        )
    chats.memory.chats.forget(HERE, user_id="ann")
    assert chats.known == []


def test_other_chats_and_other_users_lose_nothing(chats: TwoChats) -> None:
    chats.say(HERE, PORTO)
    for strange in ("", "%", "this chat' or '1'='1", "\x00", "👩‍🚀", "x" * 10_000):
        assert chats.memory.chats.forget(strange, user_id="ann").learned.memories == ()
    assert chats.memory.chats.forget(HERE, user_id="bob").learned.memories == ()
    assert chats.known == [PORTO]


# -- after re-embedding, which empties the vectors of the history ----------------------------------------


class WatchedEmbedder(EmbedderAway):
    """An embedder that notes what the app's connections do while it embeds."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database, self.open_transactions = database, list[str]()

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        asked = text(
            "select query from pg_stat_activity where usename = 'keepsake_app' and datname = current_database()"
            " and state <> 'idle'"
        )
        with administrator(self._database) as connection:
            self.open_transactions += connection.scalars(asked)
        return super().embed(texts)


@pytest.fixture
def watched(database: Database) -> WatchedEmbedder:
    return WatchedEmbedder(database)


@pytest.fixture
def moved(database: Database, watched: WatchedEmbedder, scripted_model: ScriptedModel) -> TwoChats:
    """Ann's home, which another chat told and this one changed twice; then the embedding model was changed."""
    chats = TwoChats(Memory(database, watched, scripted_model), scripted_model, database)
    chats.say(ELSEWHERE, PORTO)
    chats.say(HERE, LISBON, "update", target=1)
    chats.say(HERE, FARO, "update", target=1)
    with administrator(database) as connection:
        connection.execute(text("select app.empty_history_vectors(0, 1000)"))
    return chats


def test_no_transaction_is_open_while_an_undo_embeds_the_text_that_it_restores(
    moved: TwoChats, watched: WatchedEmbedder
) -> None:
    [latest] = moved.memory.changes(user_id="ann", limit=1)
    moved.memory.undo(latest["id"], user_id="ann")
    assert moved.known == [LISBON]
    assert moved.vector == pytest.approx(watched.embed([LISBON])[0], abs=1e-4)
    assert watched.open_transactions == []


def test_an_undo_while_the_embedder_is_away_changes_nothing_and_can_be_tried_again(
    moved: TwoChats, watched: WatchedEmbedder
) -> None:
    [latest] = moved.memory.changes(user_id="ann", limit=1)
    watched.away = True
    with pytest.raises(ModelUnreachable):
        moved.memory.undo(latest["id"], user_id="ann")
    assert moved.known == [FARO]
    watched.away = False
    moved.memory.undo(latest["id"], user_id="ann")
    assert moved.known == [LISBON]


def test_no_transaction_is_open_while_forgetting_a_chat_embeds_what_it_restores(
    moved: TwoChats, watched: WatchedEmbedder
) -> None:
    receipt = moved.memory.chats.forget(HERE, user_id="ann")
    assert [each.before for each in receipt.learned.with_outcome("restored")] == [PORTO]
    assert moved.known == [PORTO]
    assert "Lisbon" not in moved.everything()
    assert watched.open_transactions == []


def test_a_chat_is_forgotten_while_the_embedder_is_away_and_what_it_could_not_restore_can_be_undone(
    moved: TwoChats, watched: WatchedEmbedder
) -> None:
    watched.away = True
    receipt = moved.memory.chats.forget(HERE, user_id="ann")
    [deleted] = receipt.learned.with_outcome("deleted")
    assert (deleted.text, deleted.before) == (FARO, PORTO)
    assert moved.known == []
    assert "Lisbon" not in moved.everything()
    assert "Faro" not in moved.everything()
    assert receipt.proved
    assert deleted.deletion is not None
    with pytest.raises(ModelUnreachable):
        moved.memory.undo(deleted.deletion, user_id="ann")
    watched.away = False
    moved.memory.undo(deleted.deletion, user_id="ann")
    assert moved.known == [PORTO]
    assert moved.vector == pytest.approx(watched.embed([PORTO])[0], abs=1e-4)
