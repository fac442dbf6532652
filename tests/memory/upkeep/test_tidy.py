"""Tidying: duplicates, clusters and expired memories, changed in one step and undone as one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import pytest
from sqlalchemy import text

from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import BadAnswer, DatabaseError, InvalidInput, ModelBusy
from memory.facts import Fact, content_hash
from memory.model import Model, PromptMessage
from memory.rows.graph import Graph
from memory.rows.history import History
from memory.rows.store import Store
from memory.upkeep.tidy import NEAR_DUPLICATE, MergedMemory, Report, Summary, Tidy
from tests.memory.test_migrations import administrator
from tests.scripted import ScriptedModel

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Desk:
    """One person's memories, written down as a test wants them."""

    def __init__(self, database: Database, embedder: BundledEmbedder, user_id: str = "alice") -> None:
        self.database, self.embedder, self.user_id = database, embedder, user_id
        self.store = Store(database, embedder.dimensions)
        self.history = History(database, self.store)

    def keep(self, words: str, **more: Any) -> str:
        row = {"data": words, "user_id": self.user_id, "hash": content_hash(words), "kind": "fact"}
        row |= {"created_at": NOW.isoformat(), "updated_at": NOW.isoformat(), **more}
        [vector] = self.embedder.embed([words])
        with self.database.as_user(self.user_id) as connection:
            [new] = self.store.insert(connection, [(row, vector)])
        return new

    def tidy(self, model: Model | None = None, now: datetime = NOW, near: float = NEAR_DUPLICATE) -> Report:
        return Tidy(self.database, self.store, self.embedder, model, near).run(self.user_id, now)

    def texts(self) -> list[str]:
        return sorted(row["metadata"]["data"] for row in self.rows())

    def rows(self) -> list[dict[str, Any]]:
        """Everything there is, to the last digit of the vectors."""
        return self.database.read_as(self.user_id, "select id, metadata, vec::text from vecs.memories order by id")

    def get(self, memory_id: str) -> Fact:
        fact = self.store.get(self.user_id, memory_id)
        assert fact is not None
        return fact

    def undo(self, run: str) -> str:
        """Take a run back as one step, which is a run itself."""
        again = f"undo of {run}"
        with self.database.as_user(self.user_id) as connection:
            events = self.history.events_of(connection, run)
            assert events
            self.store.sign(connection, "person", run=again)
            for event in events:
                self.history.take_back(connection, event, {})
        return again


@pytest.fixture
def desk(database: Database, embedder: BundledEmbedder) -> Desk:
    return Desk(database, embedder)


SAME = [
    ("I like tea.", "I like tea"),
    ("I really like tea.", "I like tea"),
    ("I'm a doctor", "I am a doctor."),
    ("I don't like tea", "I do not like tea."),
    ("I have the red car", "I have a red car"),
    ("I like tea", "i like  tea!"),
]
DIFFERENT = [
    ("I like tea", "I don't like tea"),
    ("I like tea", "I like tea?"),
    ("I have 2 cats", "I have 3 cats"),
    ("I have two cats", "I have three cats"),
    ("I weigh 2.5 kg", "I weigh 25 kg"),
    ("It was -5 degrees", "It was 5 degrees"),
    ("I paid $5", "I paid €5"),
    ("I moved on 2024-05-01", "I moved on 2024-05-02"),
    ("Ana likes Ben", "Ben likes Ana"),
    ("My sister Ana lives here", "My sister Bea lives here"),
    ("I like turkey", "I like Turkey"),
    ("I have hepatitis A", "I have hepatitis"),
    ("I have a few friends", "I have few friends"),
    ("I don't really like tea", "I don't like tea"),
    ("I write C", "I write C++"),
    ("I live in Lisbon", "I lived in Lisbon"),
    ("I like tea", "I like green tea"),
    ("I love tea", "I hate tea"),
    ("Ich rufe Ana an.", "Ich rufe Ana."),
    ("He is vegetarian", "I am vegetarian"),
    ("I can come", "I can't come"),
    ("I like tea 👍", "I like tea 👎"),
    ("I love cooking, my family and dogs", "I love cooking my family and dogs"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_statement_in_the_same_words_is_kept_once(desk: Desk, one: str, other: str) -> None:
    first = desk.keep(one, created_at="2026-01-01T00:00:00+00:00")
    second = desk.keep(other)
    report = desk.tidy()
    assert report.merged == (MergedMemory(first, (second,)),)
    assert desk.texts() == [one]
    assert desk.get(first).metadata["merged_from"] == [second]


def test_statements_that_differ_in_anything_are_never_merged(desk: Desk) -> None:
    for one, other in DIFFERENT:
        for words in {one, other} - set(desk.texts()):
            desk.keep(words)
    before = desk.rows()
    report = desk.tidy(near=-1.0)  # every vector is near: the wording alone must tell them apart
    assert report.merged == ()
    assert not report.changed
    assert desk.rows() == before


@pytest.mark.parametrize("key", ["happened_at", "expiration_date", "agent_id"])
def test_the_same_words_about_another_day_or_agent_are_another_memory(desk: Desk, key: str) -> None:
    desk.keep("I ran a marathon.", **{key: "2027-05-01"})
    desk.keep("I ran a marathon", **{key: "2027-05-02"})
    desk.keep("I ran a marathon!")
    assert desk.tidy().merged == ()


def test_the_same_words_with_a_vector_of_something_else_are_left_alone(desk: Desk) -> None:
    desk.keep("I like tea.")
    other = desk.keep("I like tea")
    with desk.database.as_user("alice") as connection:
        desk.store.replace(connection, other, desk.get(other).metadata, [0.1] * 256)
    assert desk.tidy().merged == ()


def test_the_better_sourced_memory_is_kept_with_all_quotes_and_the_whole_graph(desk: Desk) -> None:
    old = desk.keep("I like tea", created_at="2020-01-01T00:00:00+00:00", quote="like tea", entities=[["tea"]])
    edited = desk.keep("I like tea.", source="person", relations=[["me", "likes", "tea"]])
    imported = desk.keep("I really like tea", category="drinks", confirmed_at="2026-11-01T00:00:00+00:00")
    desk.tidy()
    [kept] = desk.rows()
    assert kept["id"] == edited
    assert kept["metadata"]["merged_from"] == [old, imported]
    assert kept["metadata"]["quotes"] == ["like tea"]
    assert "quote" not in kept["metadata"]
    assert (kept["metadata"]["category"], kept["metadata"]["source"]) == ("drinks", "person")
    assert kept["metadata"]["confirmed_at"] == "2026-11-01T00:00:00+00:00"
    assert [entity.name for entity in Graph(desk.database, desk.store).entities("alice")] == ["me", "tea"]
    later = desk.keep("I like tea!")
    desk.tidy()
    assert desk.get(edited).metadata["merged_from"] == [old, imported, later]


def test_counts_of_use_and_open_questions_move_to_the_memory_that_stays(desk: Desk) -> None:
    first = desk.keep("I like tea.", created_at="2026-01-01T00:00:00+00:00")
    second = desk.keep("I like tea")
    with desk.database.as_user("alice") as connection:
        use = "insert into app.memory_use (memory_id, recalled, confirmed) values (:id, 2, 1)"
        connection.execute(text(use), [{"id": first}, {"id": second}])
        ask = "insert into app.questions (memory_id, proposed) values (:id, '{}')"
        connection.execute(text(ask), {"id": second})
    desk.tidy()
    assert desk.database.read_as("alice", "select memory_id, recalled, confirmed from app.memory_use") == [
        {"memory_id": first, "recalled": 4, "confirmed": 2}
    ]
    assert desk.database.read_as("alice", "select memory_id from app.questions") == [{"memory_id": first}]


def test_messages_kept_as_said_are_never_changed(desk: Desk) -> None:
    for said in ("I like tea", "I like tea", "I like tea."):
        desk.keep(said, role="user", expiration_date="2020-01-01", created_at="2020-01-01T00:00:00+00:00")
    before = desk.rows()
    report = desk.tidy()
    assert not report.changed
    assert report.proposals == ()
    assert desk.rows() == before


def test_an_expired_memory_is_deleted_and_an_invalid_date_expires_nothing(desk: Desk) -> None:
    gone = desk.keep("I am on holiday", expiration_date="2026-11-19")
    for day in ("2026-11-20", "2027-01-01", "", "soon", 2020, None):
        desk.keep(f"until {day}", expiration_date=day)
    assert desk.tidy().expired == (gone,)
    assert len(desk.rows()) == 6


def test_an_old_unused_and_unconfirmed_memory_is_proposed_but_stays(desk: Desk) -> None:
    old = (NOW - timedelta(days=400)).isoformat()
    aged = {"created_at": old, "updated_at": old}
    useless = desk.keep("I bought a blue pen", **aged)
    desk.keep("I bought a red pen")
    desk.keep("I like tea", **aged, confirmed_at=NOW.isoformat())
    desk.keep("Answer in French", **aged | {"kind": "instruction"})
    desk.keep("My own words", **aged, source="person")
    desk.keep("of an unknown day", created_at="long ago", updated_at="later")
    used = [desk.keep("I live in Lisbon", **aged), desk.keep("I work at Acme", **aged)]
    with desk.database.as_user("alice") as connection:
        connection.execute(text("insert into app.memory_use (memory_id, recalled) values (:id, 1)"), {"id": used[0]})
        connection.execute(text("insert into app.memory_use (memory_id, confirmed) values (:id, 1)"), {"id": used[1]})
    before = desk.rows()
    report = desk.tidy()
    assert [(each.memory_id, each.text) for each in report.proposals] == [(useless, "I bought a blue pen")]
    assert "2025-10-16" in report.proposals[0].reason
    assert desk.rows() == before


HIKES = ("I like hiking in the Alps", "I like hiking in the Tatras", "I like hiking in the Andes")
ALL_HIKES = "I like hiking in the Alps, the Tatras and the Andes"


def _hikes(desk: Desk) -> list[str]:
    return sorted(desk.keep(words, quote=words, language="en", entities=[[words.split()[-1]]]) for words in HIKES)


def test_a_cluster_becomes_one_statement_that_names_its_parents(desk: Desk, scripted_model: ScriptedModel) -> None:
    parents = _hikes(desk)
    other = desk.keep("My bicycle is blue", language="en")
    scripted_model.enqueue(Summary(text=ALL_HIKES))
    report = desk.tidy(scripted_model)
    [done] = report.summarised
    assert done.instead_of == tuple(parents)
    made = desk.get(done.memory_id).metadata
    assert (made["summary_of"], made["source"], made["language"]) == (parents, "tidy", "en")
    assert sorted(made["quotes"]) == sorted(HIKES)
    assert {row["id"] for row in desk.rows()} == {done.memory_id, other}
    [vector] = desk.embedder.embed([ALL_HIKES])
    assert desk.store.nearest("alice", vector, 1)[0].score == pytest.approx(1)
    assert {entity.name for entity in Graph(desk.database, desk.store).entities("alice")} == {"Alps", "Tatras", "Andes"}
    [call] = scripted_model.calls
    assert all(words in call[1].content for words in HIKES)
    assert "bicycle" not in call[1].content


BAD = [
    (ALL_HIKES.replace("Andes", "Andes and Pyrenees"), "it adds something"),
    (f"{ALL_HIKES} every 7 days", "it adds something"),
    (ALL_HIKES.replace("like", "hate"), "it adds something"),
    ("I like hiking in the Alps and the Tatras", "it loses something"),
    (ALL_HIKES.replace("like", "do not like"), "it adds something"),
    (f"{ALL_HIKES} " * 10, "longer than what it sums up"),
    ("  ", "no usable answer"),
    (None, "not one thing"),
]


@pytest.mark.parametrize(("statement", "reason"), BAD)
def test_a_summary_that_says_something_else_is_not_accepted(
    desk: Desk, scripted_model: ScriptedModel, statement: str | None, reason: str
) -> None:
    _hikes(desk)
    before = desk.rows()
    scripted_model.enqueue(Summary(text=statement))
    report = desk.tidy(scripted_model)
    assert report.skipped == {reason: 1}
    assert not report.changed
    assert desk.rows() == before


def test_a_bad_answer_is_counted_and_an_unreachable_model_stops_nothing_else(
    desk: Desk, scripted_model: ScriptedModel
) -> None:
    _hikes(desk)
    scripted_model.enqueue(BadAnswer("not the form"))
    assert desk.tidy(scripted_model).skipped == {"no usable answer": 1}
    first = desk.keep("I drink tea.", created_at="2026-01-01T00:00:00+00:00")
    second = desk.keep("I drink tea")
    scripted_model.enqueue(ModelBusy("Too many requests."))
    report = desk.tidy(scripted_model)
    assert report.merged == (MergedMemory(first, (second,)),)
    assert report.summarised == ()
    assert report.problem == "Too many requests."


@pytest.mark.parametrize(
    "apart",
    [{"kind": "instruction"}, {"kind": "event"}, {"source": "person"}, {"happened_at": "2026-01-01"}],
    ids=str,
)
def test_instructions_events_and_the_persons_own_words_are_never_rewritten(
    desk: Desk, scripted_model: ScriptedModel, apart: dict[str, str]
) -> None:
    for words in HIKES:
        desk.keep(words, **apart)
    assert not desk.tidy(scripted_model).changed
    assert scripted_model.calls == []


def test_without_a_model_nothing_is_rewritten(desk: Desk) -> None:
    _hikes(desk)
    assert not desk.tidy().changed


class Busybody(ScriptedModel):
    """While it thinks, somebody changes the memories it was shown."""

    desk: Desk

    def answer(self, messages: Sequence[PromptMessage], schema: Any, usage: Any = None) -> Any:
        changed = self.desk.store.all("alice", 1)[0]
        with self.desk.database.as_user("alice") as connection:
            row = {**changed.metadata, "data": "I hike", "hash": content_hash("I hike")}
            self.desk.store.replace(connection, changed.id, row, [0.1] * 256)
        return super().answer(messages, schema, usage)


def test_a_memory_that_changed_meanwhile_is_left_alone(desk: Desk) -> None:
    _hikes(desk)
    model = Busybody()
    object.__setattr__(model, "desk", desk)
    model.enqueue(Summary(text=ALL_HIKES))
    report = desk.tidy(model)
    assert report.skipped == {"changed meanwhile": 1}
    assert len(desk.rows()) == 3
    assert "I hike" in desk.texts()


def _everything(desk: Desk, model: ScriptedModel) -> Report:
    """A run that expires, merges (into what is then summed up), and sums up."""
    _hikes(desk)
    desk.keep("I really like hiking in the Alps.", language="en", quote="hiking!", confirmed_at="2026-11-01")
    desk.keep("I am on holiday", expiration_date="2026-11-01")
    desk.keep("I drink tea")
    desk.keep("I drink tea.")
    model.enqueue(Summary(text=ALL_HIKES))
    report = desk.tidy(model)
    assert (len(report.expired), len(report.merged), len(report.summarised)) == (1, 2, 1)
    return report


def test_a_run_is_one_event_whose_undo_restores_everything_and_can_be_undone(
    desk: Desk, scripted_model: ScriptedModel
) -> None:
    seen: list[Any] = []

    class WatchedModel(ScriptedModel):
        def answer(self, messages: Sequence[PromptMessage], schema: Any, usage: Any = None) -> Any:
            seen.append((desk.rows(), Graph(desk.database, desk.store).entities("alice")))
            return super().answer(messages, schema, usage)

    report = _everything(desk, WatchedModel())
    [(before, graph_before)] = seen
    after = desk.rows()
    with desk.database.as_user("alice") as connection:
        events = desk.history.events_of(connection, report.run)
    assert {event.actor for event in events} == {"tidy"}
    assert all(event.reason for event in events)
    again = desk.undo(report.run)
    assert desk.rows() == before
    assert Graph(desk.database, desk.store).entities("alice") == graph_before
    desk.undo(again)
    assert desk.rows() == after


def test_a_second_run_finds_nothing_to_do(desk: Desk, scripted_model: ScriptedModel) -> None:
    _everything(desk, scripted_model)
    before = desk.rows()
    report = desk.tidy(scripted_model)
    assert not report.changed
    assert len(scripted_model.calls) == 1
    assert desk.rows() == before
    with desk.database.as_user("alice") as connection:
        assert desk.history.events_of(connection, report.run) == []


@contextmanager
def _failing_deletes(database: Database) -> Iterator[None]:
    with administrator(database) as connection:
        connection.execute(
            text(
                "create function public.fail() returns trigger language plpgsql as"
                " $$ begin raise exception 'no' using errcode = '40001'; end $$"
            )
        )
        connection.execute(
            text("create trigger fail before delete on vecs.memories for each row execute function public.fail()")
        )
    yield


def test_a_run_that_fails_half_way_changes_nothing(desk: Desk) -> None:
    desk.keep("I drink tea")
    desk.keep("I drink tea.")
    before = desk.rows()
    with _failing_deletes(desk.database), pytest.raises(DatabaseError):
        desk.tidy()
    assert desk.rows() == before


def test_nothing_of_another_person_is_merged_proposed_or_shown_to_the_model(
    desk: Desk, embedder: BundledEmbedder, scripted_model: ScriptedModel
) -> None:
    theirs = Desk(desk.database, embedder, "bob")
    _hikes(theirs)
    theirs.keep("I drink tea", expiration_date="2020-01-01", created_at="2020-01-01T00:00:00+00:00")
    desk.keep("I drink tea.")
    desk.keep(HIKES[0])
    before = theirs.rows()
    report = desk.tidy(scripted_model)
    assert not report.changed
    assert report.proposals == ()
    assert theirs.rows() == before


@pytest.mark.parametrize("metadata", [{"merged_from": 1, "quotes": "x"}, {"entities": {}, "quote": 5}, {"data": 7}])
def test_rows_of_other_programs_can_be_tidied(desk: Desk, metadata: dict[str, Any]) -> None:
    desk.keep("I drink tea", **metadata, created_at=None, confirmed_at=[1], language=3)
    desk.keep("I drink tea.", created_at=5, kind=["fact"])
    desk.tidy(now=NOW.replace(tzinfo=None))


def test_an_invalid_moment_is_refused(desk: Desk) -> None:
    with pytest.raises(InvalidInput):
        desk.tidy(now="today")  # type: ignore[arg-type]


FILL = """
insert into vecs.memories (id, vec, metadata)
select 'row ' || n,
       (select array_agg(random() - 0.5) from generate_series(1, 256) where n > 0)::vector,
       jsonb_build_object('data', 'I saw number ' || n, 'user_id', 'alice', 'hash', md5('row ' || n), 'kind', 'fact',
                          'created_at', '2026-11-01T00:00:00+00:00')
from generate_series(1, 2000) n
"""


def _processor_time(database: Database) -> float:
    """The seconds that this process and the database's for the app have worked, however busy the machine is."""
    ours = "select pid from pg_stat_activity where datname = current_database() and usename = 'keepsake_app'"
    with administrator(database) as connection:
        used = [psutil.Process(pid).cpu_times() for pid in connection.scalars(text(ours))]
    return time.process_time() + sum(each.user + each.system for each in used)


def test_two_thousand_memories_are_compared_in_seconds(desk: Desk, scripted_model: ScriptedModel) -> None:
    with administrator(desk.database) as connection:
        connection.execute(text("set local search_path = public, extensions"))
        connection.execute(text(FILL))
    _hikes(desk)
    scripted_model.enqueue(Summary(text=ALL_HIKES))
    begun = _processor_time(desk.database)
    report = desk.tidy(scripted_model)
    assert _processor_time(desk.database) - begun < 10
    assert len(report.summarised) == 1
