"""Long messages that an earlier version kept in one row are cut into passages, and nothing else changes."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from chat.chats import Chats
from chat.conversations import Conversations
from memory import Memory, Said, episode_id
from memory.__main__ import announcement
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder, SentenceEmbedder
from memory.errors import MigrationNeeded
from memory.imports.reembed import Work, reembed
from memory.learn.episodes import cut_next, next_to_cut
from memory.learn.passages import passages
from memory.rows.vectors import vector_text
from tests.chat.conftest import until
from tests.local.conftest import PROJECT
from tests.memory.imports.test_reembed import Broken
from tests.memory.learn.test_plans import KEPT, PLACES, TRUE
from tests.memory.test_migrations import MODEL, SIZE, administrator
from tests.model_answers import PATIENCE, Stall, Vectors
from tests.model_server import ModelServer

AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
FILLER = "The weather in the valley was mild, and we walked along the river until the sun went down behind the hills. "
DETAIL = "The spare key of the boathouse hangs behind the blue oar."
LONG = "\n\n".join([FILLER * 3, FILLER * 2, DETAIL, FILLER * 3, FILLER * 2])
OTHER = LONG.replace(DETAIL, "The allotment costs forty euros a year, payable in March.")
HERE, THERE = "this chat", "another chat"


class Old:
    """A database as an earlier version left it: every message in one row."""

    def __init__(self, database: Database, embedder: BundledEmbedder) -> None:
        self.database, self._embedder, self._said = database, embedder, 0

    def keep(self, user_id: str, words: str, message_id: str, run_id: str | None = HERE, **more: Any) -> str:
        self._said += 1
        said = {"data": words, "user_id": user_id, "role": "user", "message_id": message_id, "run_id": run_id, **more}
        said = {"created_at": (AT + timedelta(minutes=self._said)).isoformat(), "turn": message_id, **said}
        values = {
            "id": episode_id(user_id, message_id),
            "vec": vector_text(self._embedder.embed([words])[0]),
            "metadata": json.dumps({key: value for key, value in said.items() if value is not None}),
        }
        insert = "insert into vecs.episodes (id, vec, metadata) values (:id, cast(:vec as vector), :metadata)"
        with self.database.as_user(user_id) as connection:
            connection.execute(text(insert), values)
        return values["id"]

    def rows(self, user_id: str) -> list[dict[str, Any]]:
        rows = "select id, metadata, hidden, place, vec::text as vec from vecs.episodes order by place"
        return self.database.read_as(user_id, rows)

    def messages(self, user_id: str, run_id: str | None = HERE) -> list[tuple[str, str]]:
        """Return the messages of a chat in the order of their places, put together from their passages."""
        told: dict[str, str] = {}
        for row in self.rows(user_id):
            if row["metadata"].get("run_id") == run_id:
                name = row["metadata"]["message_id"]
                told[name] = told.get(name, "") + row["metadata"]["data"]
        return list(told.items())

    def check(self) -> None:
        """Check that the index of words fits the rows, and that no place stands twice."""
        with administrator(self.database) as connection:
            true, kept = [sorted(map(tuple, connection.execute(text(each)))) for each in (TRUE, KEPT)]
            assert [connection.scalar(text(PLACES.format(each))) for each in ("memories", "episodes")] == [0, 0]
        assert kept == true

    def uncut(self, user_id: str) -> list[str]:
        return [row["metadata"]["message_id"] for row in self.rows(user_id) if len(row["metadata"]["data"]) > 700]


class Watched:
    """The embedder, which does something before a call."""

    def __init__(self, embedder: BundledEmbedder, before: Callable[[int, Sequence[str]], object]) -> None:
        self.name, self.dimensions = embedder.name, embedder.dimensions
        self._embedder, self._before, self.calls = embedder, before, 0

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.calls += 1
        self._before(self.calls, texts)
        return self._embedder.embed(texts)


@pytest.fixture
def old(database: Database, embedder: BundledEmbedder) -> Old:
    return two_people(database, embedder)


def two_people(database: Database, embedder: BundledEmbedder) -> Old:
    """Two people with two chats each."""
    old = Old(database, embedder)
    for whose in ("alice", "bob"):
        old.keep(whose, "Shall we go to the lake?", "m1")
        old.keep(whose, LONG, "m2", actor_id="Dave", agent_id="guide")
        old.keep(whose, "Thank you, that helps.", "m3", role="assistant", turn="m2")
        old.keep(whose, OTHER, "n1", THERE)
    return old


def found_in(memory: Memory, question: str, user_id: str) -> list[tuple[str, str]]:
    found = [each for each in memory.recall(question, user_id=user_id) if each.source == "episodes"]
    return [(each.text, str(each.metadata["message_id"])) for each in found]


def test_a_detail_in_the_middle_of_an_old_long_message_is_found_with_its_message(
    old: Old, memory: Memory, embedder: BundledEmbedder
) -> None:
    moved = reembed(old.database, embedder)
    assert (moved.from_model, moved.to_model, moved.rows, moved.cut) == (MODEL, MODEL, 0, 4)
    for whose in ("alice", "bob"):
        [(words, message), *_] = found_in(memory, "Where is the spare key of the boathouse?", whose)
        assert DETAIL in words
        assert message == "m2"
        assert found_in(memory, "What does the allotment cost a year?", whose)[0][1] == "n1"
    old.check()


def test_messages_keep_their_words_their_order_and_what_is_known_about_them(
    old: Old, embedder: BundledEmbedder
) -> None:
    before = {row["metadata"]["message_id"]: row for row in old.rows("alice")}
    reembed(old.database, embedder)
    rows = [row for row in old.rows("alice") if row["metadata"]["run_id"] == HERE]
    assert old.messages("alice") == [("m1", "Shall we go to the lake?"), ("m2", LONG), ("m3", "Thank you, that helps.")]
    assert [row["place"] - rows[0]["place"] for row in rows] == list(range(len(rows)))
    cut = [row for row in rows if row["metadata"]["message_id"] == "m2"]
    assert [row["metadata"]["data"] for row in cut] == passages(LONG)
    assert [row["metadata"]["part"] for row in cut] == list(range(1, len(cut) + 1))
    assert {row["metadata"]["parts"] for row in cut} == {len(cut)}
    for key in ("actor_id", "agent_id", "created_at", "turn", "role", "user_id", "run_id"):
        assert {row["metadata"][key] for row in cut} == {before["m2"]["metadata"][key]}
    assert cut[0]["id"] == episode_id("alice", "m2")
    wanted = embedder.embed([f"Dave: {cut[1]['metadata']['data']}"])[0]
    assert json.loads(cut[1]["vec"]) == pytest.approx(wanted, abs=1e-6)
    for short in (rows[0], rows[-1]):
        known = before[short["metadata"]["message_id"]]
        assert {**short, "place": 0} == {**known, "place": 0}


def test_it_becomes_the_same_as_if_it_were_said_today(old: Old, memory: Memory, embedder: BundledEmbedder) -> None:
    said = [Said("user", LONG, AT, "x1", "x")]
    with old.database.as_user("carol") as connection:
        texts = passages(LONG)
        memory.episodes.keep(connection, "carol", said, embedder.embed(texts))
    new = [{**row, "place": 0} for row in old.rows("carol")]
    memory.episodes.erase_all("carol")
    old.keep("carol", LONG, "x1", "x", created_at=AT.isoformat())
    reembed(old.database, embedder)
    cut = [{**row, "place": 0} for row in old.rows("carol")]
    for row in (*new, *cut):
        del row["metadata"]["created_at"]
    assert cut == new


def test_running_it_twice_changes_nothing(old: Old, embedder: BundledEmbedder) -> None:
    # Longer than a passage may be, but its end is too short for a passage of its own.
    old.keep("alice", FILLER * 4 + "\n\n" + "x" * 60 + "\n\n" + "y" * 40, "m4")
    reembed(old.database, embedder)
    first = [old.rows(whose) for whose in ("alice", "bob")]
    assert reembed(old.database, embedder).cut == 0
    assert [old.rows(whose) for whose in ("alice", "bob")] == first
    assert old.uncut("alice") == []


def test_what_a_deleted_memory_or_a_deleted_chat_hides_stays_hidden_and_comes_back_with_it(
    old: Old, memory: Memory, database: Database, embedder: BundledEmbedder
) -> None:
    talks = Conversations(database)
    asked = talks.say("alice", None, "About the allotment")
    old.keep("alice", OTHER, "n2", asked.conversation_id)
    chats = Chats(database)
    chats.delete("alice", asked.conversation_id)
    [learned] = memory.add([Said("user", "I live in Lisbon.", AT, "m2", HERE)], user_id="alice")["results"]
    memory.delete(learned["id"], user_id="alice")
    assert {row["metadata"]["message_id"] for row in old.rows("alice") if row["hidden"]} == {"m2", "m3", "n2"}
    reembed(database, embedder)
    rows = old.rows("alice")
    assert {row["metadata"]["message_id"] for row in rows if row["hidden"]} == {"m2", "m3", "n2"}
    assert {row["metadata"]["message_id"] for row in rows if not row["hidden"]} == {"m1", "n1"}
    assert "m2" not in [message for _, message in found_in(memory, "Where is the boathouse key?", "alice")]
    memory.undo(memory.changes(user_id="alice", limit=1)[0]["id"], user_id="alice")
    chats.restore("alice", asked.conversation_id)
    assert not [row for row in old.rows("alice") if row["hidden"]]


def test_a_chat_that_grows_meanwhile_keeps_every_message_in_order(
    old: Old, memory: Memory, database: Database, embedder: BundledEmbedder
) -> None:
    def grow(call: int, texts: Sequence[str]) -> None:
        if call == 1:
            old.keep("alice", "And the dog came along.", "m4")
            old.keep("alice", OTHER, "m5")  # an app of an earlier version is still running
            memory.episodes.erase_all("bob", THERE)

    moved = reembed(database, Watched(embedder, grow))
    assert [message for message, _ in old.messages("alice")] == ["m1", "m2", "m3", "m4", "m5"]
    assert dict(old.messages("alice"))["m5"] == OTHER
    assert (old.uncut("alice"), old.messages("bob", THERE)) == ([], [])
    assert moved.cut == 4
    old.check()


def test_a_chat_that_is_being_erased_is_left_alone(old: Old, database: Database, embedder: BundledEmbedder) -> None:
    """The rows are locked by a transaction that has not asked for the lock of the user's writes."""
    erased = threading.Event()

    def erase(call: int, texts: Sequence[str]) -> None:
        if call == 1:
            connection.execute(text("delete from vecs.episodes"))
        elif call == 2:
            connection.commit()
            erased.set()

    with database.as_user("alice") as connection:
        reembed(database, Watched(embedder, erase))
    assert erased.is_set()
    assert old.rows("alice") == []
    assert old.uncut("bob") == []
    old.check()


def _erase_what_was_said(memory: Memory, database: Database) -> None:
    memory.episodes.erase_all("alice")


def _delete_the_account(memory: Memory, database: Database) -> None:
    with database.as_user("alice") as connection:
        connection.execute(text("select app.delete_account()"))


@pytest.mark.parametrize("erase", [_erase_what_was_said, _delete_the_account])
def test_what_is_erased_at_the_moment_of_cutting_does_not_stay(
    old: Old,
    memory: Memory,
    database: Database,
    embedder: BundledEmbedder,
    erase: Callable[[Memory, Database], None],
) -> None:
    with administrator(database) as cutting, administrator(database) as looking, ThreadPoolExecutor(1) as threads:
        cutting.exec_driver_sql("set local search_path = public, extensions")
        texts = [said for each in next_to_cut(cutting, ("alice", HERE)).values() for said in each]
        assert cut_next(cutting, ("alice", HERE), dict(zip(texts, embedder.embed(texts), strict=True))) == 1
        erasing = threads.submit(erase, memory, database)
        until(lambda: looking.exec_driver_sql("select count(*) from pg_locks where not granted").scalar(), seconds=10)
        cutting.commit()
        erasing.result(timeout=PATIENCE)
    assert old.rows("alice") == []
    old.check()


def test_the_rows_of_others_and_of_chats_without_long_messages_are_not_touched(
    old: Old, database: Database, embedder: BundledEmbedder
) -> None:
    old.keep("carol", "I keep bees.", "c1")
    old.keep("alice", "Good morning.", "s1", "a short chat")
    written = (
        "select id, xmin::text from vecs.episodes where user_id = 'carol' or metadata ->> 'run_id' = 'a short chat'"
    )
    with administrator(database) as connection:
        before = connection.execute(text(written)).all()
    reembed(database, embedder)
    with administrator(database) as connection:
        assert connection.execute(text(written)).all() == before
    assert len(before) == 2


def test_forgetting_a_chat_afterwards_erases_everything_of_it(
    old: Old, memory: Memory, database: Database, embedder: BundledEmbedder
) -> None:
    memory.add([Said("user", "I live in Lisbon.", AT, "m2", HERE)], user_id="alice")
    reembed(database, embedder)
    receipt = memory.chats.forget(HERE, user_id="alice")
    assert receipt.proved
    assert receipt.learned.kept == 3
    assert [row["metadata"]["run_id"] for row in old.rows("alice") if row["metadata"]["run_id"] == HERE] == []
    with administrator(database) as connection:
        words = connection.scalar(
            text("select count(*) from app.postings where user_id = 'alice' and lexeme = 'boathous'")
        )
    assert words == 0
    assert old.messages("bob")[1] == ("m2", LONG)


def test_messages_outside_of_any_chat_are_cut_too(old: Old, memory: Memory, embedder: BundledEmbedder) -> None:
    old.keep("carol", LONG, "c1", None)
    reembed(old.database, embedder)
    assert DETAIL in found_in(memory, "Where is the spare key of the boathouse?", "carol")[0][0]


def test_the_work_is_told_before_it_and_counted_while_it_is_done(old: Old, embedder: BundledEmbedder) -> None:
    told: list[Work] = []
    done: list[int] = []

    def start(work: Work) -> Callable[[int], None]:
        told.append(work)
        return done.append

    reembed(old.database, embedder, start)
    [work] = told
    assert (work.messages, work.texts) == (4, sum(done))
    assert work.texts == 4 * len(passages(LONG))
    assert work.seconds > 0


def test_a_role_that_policies_bind_is_told_the_command(old: Old, embedder: BundledEmbedder) -> None:
    with closing(Database(old.database.url)) as app_only, pytest.raises(MigrationNeeded, match="DATABASE_ADMIN_URL"):
        reembed(app_only, embedder)


def test_an_embedder_that_goes_away_leaves_whole_chats(old: Old, database: Database, embedder: BundledEmbedder) -> None:
    def fail(call: int, texts: Sequence[str]) -> None:
        if call == 2:
            raise Broken

    with pytest.raises(Broken):
        reembed(database, Watched(embedder, fail))
    assert len([*old.uncut("alice"), *old.uncut("bob")]) == 3
    assert reembed(database, embedder).cut == 3


# -- the command -----------------------------------------------------------------------------------


def _command(database: Database, folder: Path, **settings: str) -> tuple[list[str], dict[str, str]]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": str(PROJECT), "NO_PROXY": "127.0.0.1"}
    environment |= {"DATABASE_URL": database.url, "DATABASE_ADMIN_URL": database.admin_url, **settings}
    return [sys.executable, "-m", "memory", "reembed"], environment


def _killed_at(request: int, *answers: Vectors, database: Database, folder: Path, name: str, dimensions: int) -> str:
    """Run the command until the embedder gets this request, kill it, and run it again; return what it says then."""
    with ModelServer(dimensions=dimensions) as server:
        embedder = {"EMBED_MODEL": name, "EMBED_BASE_URL": server.base_url, "EMBED_DIMENSIONS": str(dimensions)}
        command, environment = _command(database, folder, **embedder)
        server.enqueue_vectors(*answers, Stall())
        with subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL) as process:
            try:
                until(lambda: len(server.requests) == request, seconds=30)
            finally:
                process.kill()
        until(lambda: not _running(database))
        ended = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def test_a_run_that_is_killed_between_two_chats_goes_on_with_the_next_one(
    old: Old, database: Database, tmp_path: Path
) -> None:
    with administrator(database) as connection:
        connection.execute(text("update app.collections set embed_model = 'e'"))

    two = Vectors(SIZE), Vectors(SIZE)
    said = _killed_at(3, *two, database=database, folder=tmp_path, name="e", dimensions=SIZE)
    assert "All vectors come from e already. Long messages cut into passages: 2." in said
    assert [*old.uncut("alice"), *old.uncut("bob")] == []
    old.check()


def test_a_move_to_another_model_that_is_killed_leaves_whole_messages_and_goes_on(
    old: Old, memory: Memory, database: Database, tmp_path: Path
) -> None:
    said = _killed_at(1, database=database, folder=tmp_path, name="e", dimensions=64)
    rows = len(old.rows("alice")) + len(old.rows("bob"))
    assert f"Moved {rows} memories from {MODEL} to e." in said
    assert [*old.uncut("alice"), *old.uncut("bob")] == []
    assert old.messages("alice")[1] == ("m2", LONG)
    old.check()


def _running(database: Database) -> bool:
    with administrator(database) as connection:
        return bool(connection.scalar(text("select count(*) from pg_locks where locktype = 'advisory'")))


def test_one_command_moves_a_database_of_wordllama_to_sentences_and_cuts_its_messages(
    old: Old, database: Database, memory: Memory, tmp_path: Path
) -> None:
    memory.add("I like green tea.", user_id="alice")
    command, environment = _command(database, tmp_path, EMBED_MODEL=SentenceEmbedder.name)
    ended = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
    first, last = ended.stdout.splitlines()
    rows = 6 + 4 * len(passages(LONG))
    name = SentenceEmbedder.name
    assert first == f"Memories and messages to embed with {name}: {rows}. This takes about a minute or less."
    assert last == (
        f"Moved {rows} memories from wordllama-256 to {name}. Long messages cut into passages: 4. "
        f"Start the app again with EMBED_MODEL={name}."
    )
    with closing(Database(database.url)) as fresh:
        moved = Memory(fresh, SentenceEmbedder(), None)
        assert DETAIL in found_in(moved, "Where do we hide the key for the boats?", "alice")[0][0]
        assert moved.search("tea", user_id="alice", limit=1)["results"][0]["memory"] == "I like green tea."


def test_a_longer_run_says_how_many_minutes_it_takes() -> None:
    assert announcement(Work(4_000, 754.0, 1_234), "e") == (
        "Long messages to cut into passages: 1,234. This takes about 13 minutes."
    )
