"""The graph: made from the entities that memories name, joined by their names, and deleted with the memories."""

from __future__ import annotations

import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from memory import Memory
from memory.database import Database
from memory.errors import InvalidInput
from memory.facts import content_hash
from memory.rows.graph import Graph, Relation
from memory.rows.history import History
from memory.rows.store import Store
from tests.memory.test_migrations import administrator
from tests.model_answers import PATIENCE

VECTOR = [0.1] * 256


class Book:
    """One person's memories, with the entities and relations that they name."""

    def __init__(self, database: Database, user_id: str = "alice") -> None:
        self.database, self.user_id = database, user_id
        self.store = Store(database, 256)
        self.graph, self.history = Graph(database, self.store), History(database, self.store)
        self.count = 0

    def add(self, *entities: Any, relations: Any = (), words: str | None = None) -> str:
        with self.database.as_user(self.user_id) as connection:
            [new] = self.store.insert(connection, [(self.row(list(entities), list(relations), words), VECTOR)])
        return new

    def change(self, memory_id: str, *entities: Any, relations: Any = ()) -> None:
        with self.database.as_user(self.user_id) as connection:
            self.store.replace(connection, memory_id, self.row(list(entities), list(relations)), VECTOR)

    def delete(self, memory_id: str) -> None:
        with self.database.as_user(self.user_id) as connection:
            assert self.store.delete(connection, memory_id)

    def undo(self) -> None:
        """Take the latest change back."""
        [latest, *_] = self.history.latest(self.user_id, 1)
        with self.database.as_user(self.user_id) as connection:
            self.history.take_back(connection, latest, {})

    def names(self) -> list[tuple[str, ...]]:
        return sorted(tuple(sorted(entity.names)) for entity in self.graph.entities(self.user_id))

    def relations_around(self, name: str, hops: int = 1) -> list[tuple[str, str, str]]:
        return sorted((r.subject, r.relation, r.object) for r in self.graph.around(self.user_id, name, hops))

    def row(self, entities: Any, relations: Any, words: str | None = None) -> dict[str, Any]:
        self.count += 1
        words = words or f"{self.user_id} {self.count}"
        row = {"data": words, "user_id": self.user_id, "hash": content_hash(words), "created_at": "2026-01-01"}
        return {**row, "entities": entities, "relations": relations}


@pytest.fixture
def book(database: Database) -> Book:
    return Book(database)


def _rows(database: Database) -> int:
    with administrator(database) as connection:
        return int(
            connection.scalar(
                text("select (select count(*) from app.entity_names) + (select count(*) from app.relations)")
            )
            or 0
        )


def test_a_name_comes_before_the_descriptions_that_are_used_more_often(book: Book) -> None:
    book.add(["my sister", "my old sister", "Ana"], relations=[["Ana", "lives in", "Braga"]])
    for _ in range(3):
        book.add(["my sister"])
    assert book.graph.entities("alice")[0].names == ("Ana", "my sister", "my old sister")
    assert book.relations_around("my sister") == [("Ana", "lives in", "Braga")]


def test_all_names_of_one_memory_mean_one_entity_and_later_memories_join_it(book: Book) -> None:
    first = book.add(["Ana", "my sister"])
    second = book.add(["my  SISTER"])
    third = book.add(["Ana"])
    [ana] = book.graph.entities("alice")
    assert ana.names[0] == "Ana"
    assert set(ana.names) == {"Ana", "my sister", "my  SISTER"}
    assert ana.memory_ids == tuple(sorted([first, second, third]))


def test_two_entities_become_one_when_a_memory_names_both_and_come_apart_with_it(book: Book) -> None:
    book.add(["Ana"], relations=[["me", "knows", "Ana"]])
    book.add(["my sister"], relations=[["my sister", "likes", "tea"]])
    apart = book.names()
    joining = book.add(["Ana", "my sister"])
    assert book.relations_around("Ana") == [("Ana", "likes", "tea"), ("me", "knows", "Ana")]
    book.delete(joining)
    assert book.names() == apart == [("Ana",), ("me",), ("my sister",), ("tea",)]
    assert book.relations_around("Ana") == [("me", "knows", "Ana")]
    book.undo()
    assert ("Ana", "my sister") in book.names()


def test_a_description_of_several_people_does_not_join_them(book: Book) -> None:
    book.add(["Ben", "my friend"])
    book.add(["my friend"])
    assert book.names() == [("Ben", "my friend")]
    of_carla = book.add(["Carla", "my friend"])
    assert book.names() == [("Ben",), ("Carla",), ("my friend",)]
    book.delete(of_carla)
    assert book.names() == [("Ben", "my friend")]


def test_the_person_is_me_under_every_name(book: Book) -> None:
    book.add(["me", "Dave"])
    book.add(["David", "me"])
    assert book.names() == [("Dave", "David", "me")]


def test_the_persons_own_name_is_one_entity_with_me(book: Book) -> None:
    named = book.add(["Dave"], words="My name is Dave.")
    book.add(["Dave"], ["Ana"], relations=[["Ana", "is sister of", "me"], ["Dave", "lives in", "Porto"]])
    book.add(["Rex"], words="My dog's name is Rex.")
    person = next(each for each in book.graph.entities("alice") if each.name == "me")
    assert person.names == ("me", "Dave")
    assert named in person.memory_ids
    assert book.names() == [("Ana",), ("Dave", "me"), ("Porto",), ("Rex",)]
    assert sorted((each.subject, each.relation, each.object) for each in book.graph.relations("alice")) == [
        ("Ana", "is sister of", "me"),
        ("me", "lives in", "Porto"),
    ]
    book.delete(named)
    assert ("Dave",) in book.names()


def test_a_relation_that_tells_the_persons_name_is_no_line_of_the_graph(book: Book) -> None:
    book.add(["Dave"], relations=[["me", "is called", "Dave"], ["me", "likes", "tea"]])
    assert book.names() == [("Dave", "me"), ("tea",)]
    assert [(each.subject, each.object) for each in book.graph.relations("alice")] == [("me", "tea")]


def test_the_names_in_a_relation_are_entities(book: Book) -> None:
    memory_id = book.add(["Ana", "my sister"], relations=[["Ana", "lives in", "Lisbon"]])
    assert book.names() == [("Ana", "my sister"), ("Lisbon",)]
    assert book.graph.relations("alice") == [Relation("Ana", "lives in", "Lisbon", memory_id)]


def test_names_and_relations_go_with_their_memory_and_nothing_is_left(book: Book) -> None:
    memory_id = book.add(["Ana", "my sister"], relations=[["Ana", "lives in", "Lisbon"]])
    book.change(memory_id, ["Bea"])
    assert book.names() == [("Bea",)]
    assert book.graph.relations("alice") == []
    book.undo()
    assert book.relations_around("my sister") == [("Ana", "lives in", "Lisbon")]
    book.delete(memory_id)
    assert book.graph.entities("alice") == []
    assert _rows(book.database) == 0


def test_two_hops_lead_further_but_not_through_the_person(book: Book) -> None:
    book.add(relations=[["me", "sister", "Ana"], ["me", "likes", "tea"]])
    book.add(relations=[["Ana", "works at", "Acme"], ["Acme", "is in", "Porto"], ["Porto", "is in", "Portugal"]])
    assert book.relations_around("Ana") == [("Ana", "works at", "Acme"), ("me", "sister", "Ana")]
    two = [("Acme", "is in", "Porto"), ("Ana", "works at", "Acme"), ("me", "sister", "Ana")]
    assert book.relations_around("Ana", 2) == two
    assert book.relations_around("me") == [("me", "likes", "tea"), ("me", "sister", "Ana")]
    assert book.relations_around("me", 2) == [
        ("Ana", "works at", "Acme"),
        ("me", "likes", "tea"),
        ("me", "sister", "Ana"),
    ]


def test_an_entity_is_found_by_any_of_its_names(book: Book) -> None:
    book.add(["Ana", "my sister"])
    found = book.graph.entity("alice", "MY sister")
    assert found is not None
    assert set(found.names) == {"Ana", "my sister"}
    assert book.graph.entity("alice", "Zoe") is None
    assert book.relations_around("Zoe", 2) == []


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, None])
def test_an_invalid_name_is_refused(book: Book, name: Any) -> None:
    with pytest.raises(InvalidInput):
        book.graph.around("alice", name)
    with pytest.raises(InvalidInput):
        book.graph.entity("alice", name)


@pytest.mark.parametrize("hops", [0, 3, "1"])
def test_other_numbers_of_hops_are_refused(book: Book, hops: Any) -> None:
    with pytest.raises(InvalidInput, match="hops"):
        book.graph.around("alice", "Ana", hops)


def test_nothing_of_another_persons_graph_exists(book: Book) -> None:
    book.add(["Ana", "my sister"], relations=[["me", "sister", "Ana"]])
    theirs = Book(book.database, "bob")
    assert theirs.graph.entities("bob") == []
    assert theirs.graph.relations("bob") == []
    assert theirs.graph.entity("bob", "Ana") is None
    assert theirs.relations_around("Ana", 2) == []
    theirs.add(["Ana", "my boss"])
    assert theirs.names() == [("Ana", "my boss")]
    assert book.names() == [("Ana", "my sister"), ("me",)]


MALFORMED: list[Any] = [
    None, 7, "Ana", {}, {"Ana": "my sister"}, [], [[]], [None], ["Ana"], [["", "  "]], [[1, None, {}, ["Ana"]]],
    [["x" * 5_000_000]], [["\ufdfa" * 80]], [["🙂" * 80, "ß" * 80]], [[f"n{n}" for n in range(5_000)]],
    [[f"n{n}"] for n in range(5_000)], [["a", "b", "c", "d"]], [["a", "b"]], [["", "", ""]], [["a", 1, "b"]],
    [["a", "r" * 5_000, "b"]], [["🙂" * 80, "🙂" * 60, "🙃" * 80]],
]  # fmt: skip


@pytest.mark.parametrize("words", MALFORMED, ids=lambda words: repr(words)[:30])
def test_metadata_of_other_writers_never_makes_a_write_fail(book: Book, words: Any) -> None:
    with book.database.as_user("alice") as connection:
        row = {**book.row(words, words), "entities": words, "relations": words}
        [new] = book.store.insert(connection, [(row, VECTOR)])
    book.graph.entities("alice")
    book.graph.relations("alice")
    book.delete(new)
    assert _rows(book.database) == 0


@pytest.mark.parametrize("user_id", [5, None, ["alice"], {"a": 1}, "u" * 300])
def test_rows_without_an_owner_add_nothing_to_the_graph(database: Database, user_id: Any) -> None:
    with administrator(database) as connection:
        connection.execute(text("set local search_path = public, extensions"))
        row = {"data": "x", "user_id": user_id, "entities": [["Ana"]]}
        store = Store(database, 256)
        connection.execute(store.table.insert().values(id="m" * 200, vec=VECTOR, metadata=row))
        connection.execute(store.table.update().values(metadata={**row, "entities": [["Bea"]]}))
        connection.execute(store.table.delete())
    assert _rows(database) == 0


def test_concurrent_writers_without_a_lock_do_not_fail(book: Book) -> None:
    together = threading.Barrier(4)

    def write(number: int) -> None:
        own = Book(book.database)
        own.count = 1000 * number
        together.wait(PATIENCE)
        for turn in range(8):
            kept = own.add(["Ana", "my sister", f"A{number}"], relations=[["Ana", "knows", "Bea"]])
            own.change(kept, ["Bea", "Ana"], ["Ana", f"B{turn}"])
            own.delete(kept)
        own.add(["Ana", f"A{number}"])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    assert book.names() == [("A0", "A1", "A2", "A3", "Ana")]


PEOPLE = count(1)
NAMES = st.sampled_from(["me", "Ana", "ana", "Bea", "my sister", "my friend", "tea"])
ENTITIES = st.lists(st.lists(NAMES, min_size=1, max_size=3), max_size=2)
RELATIONS = st.lists(st.tuples(NAMES, st.sampled_from(["knows", "likes"]), NAMES).map(list), max_size=2)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), ENTITIES, RELATIONS),
        st.tuples(st.just("change"), st.integers(0, 20), ENTITIES, RELATIONS),
        st.tuples(st.just("delete"), st.integers(0, 20)),
        st.tuples(st.just("undo")),
    ),
    min_size=1,
    max_size=10,
)


def _take(book: Book, step: Any) -> None:
    there = sorted(fact.id for fact in book.store.all(book.user_id, 100))
    match step:
        case ("add", entities, relations):
            book.add(*entities, relations=relations)
        case ("change", number, entities, relations) if there:
            book.change(there[number % len(there)], *entities, relations=relations)
        case ("delete", number) if there:
            book.delete(there[number % len(there)])
        case ("undo",) if book.history.latest(book.user_id, 1):
            book.undo()


def _expected_entities(facts: list[Any]) -> list[tuple[str, ...]]:
    """Return the entities, by their keys, that these memories name: the same rule, written a second time."""
    named = [list(group) for fact in facts for group in fact.metadata["entities"]]
    named += [[name] for fact in facts for subject, _, other in fact.metadata["relations"] for name in (subject, other)]
    beside_others = [group for group in named if len({name.lower() for name in group}) > 1]
    return _joined([[name.lower() for name in group] for group in named], set().union(*beside_others))


def _joined(groups: list[list[str]], spelled: set[str]) -> list[tuple[str, ...]]:
    beside: dict[str, set[str]] = defaultdict(set)
    for group in groups:
        for key in group:
            beside[key] |= set(group) - {key}
    proper = {key for key in beside if key == "me" or key.capitalize() in spelled}
    several = {key for key in beside.keys() - proper if len(beside[key] & proper) > 1}
    found: list[set[str]] = []
    for group in groups:
        parts = [{key} for key in group if key in several] + [set(group) - several]
        for part in filter(None, parts):
            touching = [each for each in found if each & part]
            found = [each for each in found if not each & part] + [part.union(*touching)]
    return sorted(tuple(sorted(each)) for each in found)


@pytest.fixture(scope="module")
def shared_database(databases: Any) -> Any:
    """One database for all random sequences of changes; each sequence has a person of its own."""
    with databases.migrated() as fresh:
        yield fresh


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=STEPS)
def test_after_any_changes_the_graph_equals_one_made_from_the_remaining_memories(
    shared_database: Database, steps: list[Any]
) -> None:
    book = Book(shared_database, f"person {next(PEOPLE)}")
    for step in steps:
        _take(book, step)
    facts = book.store.all(book.user_id, 100)
    keys = sorted(tuple(sorted({name.lower() for name in e.names})) for e in book.graph.entities(book.user_id))
    assert keys == _expected_entities(facts)
    named = {(s.lower(), r, o.lower(), fact.id) for fact in facts for s, r, o in fact.metadata["relations"]}
    assert len(book.graph.relations(book.user_id)) == len(named)
    assert {(each.relation, each.memory_id) for each in book.graph.relations(book.user_id)} == {t[1::2] for t in named}


def test_the_whole_graph_is_read_at_once_and_every_relation_has_its_entities(memory: Memory) -> None:
    metadata = {"entities": [["Ana", "my sister"], ["Braga"]], "relations": [["Ana", "lives in", "Braga"]]}
    [kept] = memory.add("My sister Ana lives in Braga", user_id="ann", infer=False, metadata=metadata)["results"]
    entities, relations = memory.graph.whole("ann")
    assert {each.name for each in entities} == {"Ana", "Braga"} | {each.name for each in entities if each.name == "me"}
    assert [(each.subject, each.relation, each.object) for each in relations] == [("Ana", "lives in", "Braga")]
    ana = next(each for each in entities if each.name == "Ana")
    assert [each.id for each in memory.graph.mentions("ann", ana.memory_ids)] == [kept["id"]]
    assert memory.graph.mentions("ben", ana.memory_ids) == []
    assert memory.graph.mentions("ann", []) == []
