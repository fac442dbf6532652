"""The import queue: messages are learned from once, in order and with their days, or only kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from memory import Memory, Person, Said
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import InvalidInput, LeaseLost
from memory.imports.queue import MESSAGES_PER_CALL, MESSAGES_PER_CLAIM, ImportBatch, ImportQueue
from memory.model.client import OpenAIModel
from tests.local.conftest import PROJECT
from tests.memory.imports.test_chatgpt import PORTO
from tests.model_answers import Json
from tests.model_server import ModelServer
from tests.scripted import ScriptedModel

LONG_AGO = datetime(2023, 3, 1, 12, tzinfo=UTC)
Work = Callable[..., int]


def said(*words: str, chat: str = "chatgpt:one", at: datetime = LONG_AGO) -> list[Said]:
    """Return messages of one chat, a minute apart."""
    return [
        Said("user", each, at + timedelta(minutes=n), f"chatgpt:{chat}-{n}-{each[:9]}", chat)
        for n, each in enumerate(words)
    ]


def work(memory: Memory, user_id: str | None = "ann") -> int:
    """Learn until nothing waits; return the number of claims."""
    for claims in range(1_000):
        batch = memory.import_queue.claim(user_id)
        if batch is None:
            return claims
        plan = memory.turns.plan(batch.said, user_id=batch.user_id, learn=batch.way == "learn")
        with memory.import_queue.writing(batch) as connection:
            memory.turns.write(connection, plan)
            memory.import_queue.done(connection, batch)
    raise AssertionError("it does not end")


def facts(memory: Memory, user_id: str = "ann") -> dict[str, Any]:
    return {each["memory"]: each for each in memory.get_all(user_id=user_id)["results"]}


def test_a_learned_memory_has_the_day_it_was_said_and_its_quote(memory: Memory) -> None:
    assert (
        memory.import_queue.add("ann", said("I live in Porto by the river", "I adopted a dog yesterday"), "learn") == 2
    )
    work(memory)
    kept = facts(memory)
    assert kept["I live in Porto by the river"]["created_at"].startswith("2023-03-01")
    assert kept["I live in Porto by the river"]["metadata"]["quote"]
    assert kept["I adopted a dog yesterday"]["metadata"]["happened_at"] == "2023-02-28"
    assert memory.import_queue.progress("ann").done == 2


def test_adding_the_same_messages_again_changes_nothing(memory: Memory) -> None:
    messages = said("I live in Porto by the river")
    memory.import_queue.add("ann", messages, "learn")
    work(memory)
    assert memory.import_queue.add("ann", messages * 2, "learn") == 0
    assert memory.import_queue.add("ann", messages, "keep") == 0
    assert work(memory) == 0
    assert len(facts(memory)) == 1


def test_the_queue_keeps_no_words_of_processed_messages(memory: Memory, database: Database) -> None:
    memory.import_queue.add("ann", said("I live in Porto by the river"), "learn")
    work(memory)
    assert database.read_as("ann", "select content, state from app.lessons") == [{"content": None, "state": "done"}]


def test_a_message_that_is_only_kept_is_found_and_makes_no_memory(memory: Memory) -> None:
    words = [f"I bought {n} red tulips for the garden" for n in range(2 * MESSAGES_PER_CLAIM)]
    memory.import_queue.add("ann", said(*words, "My password is hunter2!x9"), "keep")
    assert work(memory) == 3
    assert facts(memory) == {}
    found = [each["memory"] for each in memory.search("How many tulips?", user_id="ann")["results"]]
    assert any("tulips" in each for each in found)
    assert memory.episodes.count("ann") == len(words), "a password is not kept"
    assert memory.import_queue.add("ann", said(*words), "learn") == len(words), "it may be learned from later"


def test_with_episodes_switched_off_no_message_is_kept(memory: Memory) -> None:
    memory.people.set("ann", Person(episodes=False))
    memory.import_queue.add("ann", said("I bought red tulips"), "keep")
    work(memory)
    assert memory.episodes.count("ann") == 0


def test_a_memory_made_lately_is_not_overwritten_by_what_was_said_long_ago(memory: Memory) -> None:
    memory.add("I live in Lisbon", user_id="ann")
    memory.import_queue.add("ann", said("I live in Porto"), "learn")
    work(memory)
    assert "I live in Lisbon" in facts(memory)


def test_a_model_reads_several_messages_of_one_chat_in_one_call(
    database: Database, embedder: BundledEmbedder, model_server: ModelServer
) -> None:
    memory = Memory(database, embedder, OpenAIModel("scripted", "sk-test", model_server.base_url, retries=0))
    messages = said(*(f"Today I planted tree number {n}" for n in range(MESSAGES_PER_CALL + 1)))
    other = said("I keep bees in Utrecht", chat="chatgpt:two")
    assert memory.import_queue.cost([*messages, *other]) > 3 * memory.import_queue.cost(messages[:1]) * 0.9
    memory.import_queue.add("ann", [*messages, *other], "learn")
    for _ in range(3):
        model_server.enqueue(Json({"operations": []}))
    assert work(memory) == 3
    assert memory.import_queue.progress("ann").waiting == 0


def test_rules_cost_no_tokens(memory: Memory) -> None:
    assert memory.import_queue.cost(said("I live in Porto")) == 0


def claimed(memory: Memory, user_id: str | None = "ann") -> ImportBatch:
    """Claim what waits."""
    batch = memory.import_queue.claim(user_id)
    assert batch is not None
    return batch


def later(database: Database, seconds: float = 100_000) -> None:
    """Let time pass for everything that waits, and for leases."""
    with database.as_user("ann") as connection:
        connection.exec_driver_sql(
            "update app.lessons set after = after - make_interval(secs => %(s)s);"
            "update app.leases set claimed_until = claimed_until - make_interval(secs => %(s)s)",
            {"s": seconds},
        )


def test_a_message_that_fails_is_postponed_with_its_problem_and_given_up_at_last(
    memory: Memory, database: Database
) -> None:
    memory.import_queue.add("ann", said("I live in Porto"), "learn")
    tries = 0
    while memory.import_queue.progress("ann").waiting:
        memory.import_queue.postpone(claimed(memory), "The answer makes no sense.", passing=False)
        assert memory.import_queue.progress("ann").problem in ("The answer makes no sense.", None)
        assert memory.import_queue.claim("ann") is None, "the turn waits for its next attempt"
        later(database)
        tries += 1
    assert tries == 6
    assert memory.import_queue.progress("ann").given_up == 1
    assert memory.import_queue.add("ann", said("I live in Porto"), "learn") == 1, "brought again, it is tried again"


def test_messages_that_failed_together_are_tried_alone(
    database: Database, embedder: BundledEmbedder, scripted_model: ScriptedModel
) -> None:
    learning = Memory(database, embedder, scripted_model)
    learning.import_queue.add("ann", said("I live in Porto", "I adopted a dog", "I play the cello"), "learn")
    together = claimed(learning)
    assert len(together.said) == 3
    learning.import_queue.postpone(together, "The answer makes no sense.", passing=False)
    later(database)
    assert len(claimed(learning).said) == 1


def test_messages_wait_without_end_for_a_model_that_is_away_and_rest_an_hour_at_most(
    memory: Memory, database: Database
) -> None:
    memory.import_queue.add("ann", said("I live in Porto"), "learn")
    for _ in range(7 * 24):
        memory.import_queue.postpone(claimed(memory), "The model is away.", passing=True)
        later(database, 3_600)
    assert memory.import_queue.progress("ann").given_up == 0
    work(memory)
    assert list(facts(memory)) == ["I live in Porto"]


def test_messages_that_were_given_up_can_be_tried_again(memory: Memory, database: Database) -> None:
    memory.import_queue.add("ann", said("I live in Porto"), "learn")
    while memory.import_queue.progress("ann").waiting:
        memory.import_queue.postpone(claimed(memory), "No.", passing=False)
        later(database)
    assert memory.import_queue.retry("ann") == 1
    work(memory)
    assert list(facts(memory)) == ["I live in Porto"]


def test_a_message_that_ends_the_process_each_time_is_given_up(memory: Memory, database: Database) -> None:
    memory.import_queue.add("ann", said("I live in Porto"), "learn")
    for _ in range(6):
        claimed(memory, None)  # and the process ends
        later(database)
    assert memory.import_queue.claim() is None
    assert memory.import_queue.progress("ann").given_up == 1


def test_a_killed_claim_is_taken_over_when_its_lease_ends(memory: Memory, database: Database) -> None:
    memory.import_queue.add("ann", said("I live in Porto"), "learn")
    killed = claimed(memory, None)
    assert memory.import_queue.claim() is None
    later(database, 61)
    batch = claimed(memory, None)
    assert batch.said == killed.said
    with pytest.raises(LeaseLost), memory.import_queue.writing(killed):
        pass
    with memory.import_queue.writing(batch) as connection:
        memory.import_queue.done(connection, batch)
    assert memory.import_queue.progress("ann").done == 1


def test_an_import_that_is_stopped_while_it_is_read_leaves_nothing(memory: Memory) -> None:
    memory.import_queue.add("ann", said("I live in Porto"), "learn")
    batch = claimed(memory)
    memory.import_queue.stop("ann")
    with pytest.raises(LeaseLost), memory.import_queue.writing(batch):
        pass


def test_an_interrupted_claim_leaves_the_messages_waiting(memory: Memory) -> None:
    memory.import_queue.add("ann", said("I live in Porto"), "learn")
    batch = claimed(memory)

    def cut_off() -> None:
        with memory.import_queue.writing(batch) as connection:
            memory.import_queue.done(connection, batch)
            raise KeyError

    with pytest.raises(KeyError):
        cut_off()
    assert memory.import_queue.progress("ann").waiting == 1


def test_every_waiting_user_is_claimed_and_none_twice(memory: Memory) -> None:
    memory.import_queue.add("ann", said("I live in Porto"), "learn")
    memory.import_queue.add("ben", said("I live in Rome"), "learn")
    first, second = claimed(memory, None), claimed(memory, None)
    assert {first.user_id, second.user_id} == {"ann", "ben"}
    assert memory.import_queue.claim() is None
    memory.import_queue.hand_back(first)
    memory.import_queue.hand_back(second)
    work(memory, None)
    assert list(facts(memory, "ben")) == ["I live in Rome"]


def test_stopping_and_erasing_leave_nothing_in_the_queue(memory: Memory, database: Database) -> None:
    memory.import_queue.add("ann", said("I live in Porto", "I keep bees"), "learn")
    assert memory.import_queue.stop("ann") == 2
    memory.import_queue.add("ann", said("I live in Porto"), "learn")
    receipt = memory.delete_all(user_id="ann")
    assert receipt.erased["lessons"] == 1
    assert receipt.proved
    assert work(memory) == 0


@pytest.mark.parametrize("way", ["", "drop", None])
def test_an_unknown_way_is_refused(memory: Memory, way: Any) -> None:
    with pytest.raises(InvalidInput, match="The way is"):
        memory.import_queue.add("ann", said("x"), way)


def test_a_message_without_an_id_is_refused(memory: Memory) -> None:
    with pytest.raises(InvalidInput, match="an id"):
        memory.import_queue.add("ann", [Said("user", "I live in Porto")], "learn")


def test_thousands_of_messages_with_odd_characters_are_added_in_one_call(database: Database) -> None:
    queue = ImportQueue(database)
    many = said(*(f"Fact {n} 🐝 \u202e \\ \" '" for n in range(5_000)))
    assert queue.add("ann", many, "learn") == 5_000


def _command(path: Path, database: Database, *flags: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(path.parent), "PYTHONPATH": str(PROJECT), "NO_PROXY": "*"}
    environment |= {"DATABASE_URL": database.url, "EMBED_MODEL": "wordllama-256"}
    asked = [sys.executable, "-m", "memory", "import", str(path), "--user", "ann", *flags]
    return subprocess.run(asked, cwd=path.parent, env=environment, capture_output=True, text=True, timeout=60)


def test_the_command_line_first_reports_and_learns_only_with_a_flag(
    memory: Memory, database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps([PORTO]))
    assert "Found 2 messages of 1 chats. Add --learn" in _command(path, database).stdout
    assert facts(memory) == {}
    assert "Read 2 messages" in _command(path, database, "--learn").stdout
    assert "I live in Porto by the river" in facts(memory)
    assert "Read 0 messages" in _command(path, database, "--learn").stdout
