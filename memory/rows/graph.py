"""The graph of one person: the entities that their memories mention, and the relations between these.

A memory's metadata says what it adds to the graph: `entities`, a list of lists, each with all the names that the
memory uses for one entity, and `relations`, a list of [subject, relation, object] in which "me" is the person. A
trigger writes `app.entity_names` and `app.relations` when a memory is written, and deletes them with it. Which names
mean the same entity is worked out when reading (`app.same_entity`). This module only reads; it does not find entities
in texts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..database import Database
from ..errors import InvalidInput
from ..facts import Fact
from ..plain_text import storable
from .store import Store

__all__ = ["Entity", "Graph", "Relation"]

MAX_NAME = 80  # as in app.draw_graph, which leaves out longer names


@dataclass(frozen=True)
class Entity:
    """A person or thing with all its names, the most used first.

    `id` is one of its keys. It changes with the names, so do not store it.
    """

    id: str
    names: tuple[str, ...]
    memory_ids: tuple[str, ...]

    @property
    def name(self) -> str:
        """The most used name."""
        return self.names[0]


@dataclass(frozen=True)
class Relation:
    """What one memory says about two entities, each given by its most used name."""

    subject: str
    relation: str
    object: str
    memory_id: str


# One statement reads all parts at the same moment: which keys are one entity, the names, and the relations.
_GRAPH = """
with related as materialized ({relations}),
asked as materialized ({keys}),
same as materialized (select of_key, key from app.same_entity(array(select key from asked)))
select
  (select coalesce(jsonb_agg(jsonb_build_array(of_key, key)), '[]') from same) as same,
  (select coalesce(jsonb_agg(jsonb_build_array(key, name, memory_id)), '[]') from app.entity_names
   where user_id = app.asking() and key in (select key from same)) as names,
  (select coalesce(jsonb_agg(jsonb_build_array(subject_key, relation, object_key, memory_id)
     order by hop, memory_id, subject_key, relation, object_key), '[]') from related) as relations
"""
_ALL = _GRAPH.format(
    relations="select *, 1 as hop from app.relations where user_id = app.asking()",
    keys="select distinct key from app.entity_names where user_id = app.asking()",
)
_AROUND = _GRAPH.format(
    relations="select * from app.around(array[app.name_key(%(name)s)], %(hops)s)",
    keys="select subject_key as key from related union select object_key from related",
)
_NAMED = _GRAPH.format(
    relations="select *, 1 as hop from app.relations where false",
    keys="select app.name_key(%(name)s) as key",
)


class Graph:
    """Reads one user's graph."""

    def __init__(self, database: Database, store: Store) -> None:
        self._database = database
        self._store = store

    def entities(self, user_id: str) -> list[Entity]:
        """Return all entities, the most mentioned first."""
        return self._read(user_id, _ALL).entities()

    def entity(self, user_id: str, name: str) -> Entity | None:
        """Return the entity with this name, or None."""
        entities = self._read(user_id, _NAMED, {"name": _checked_name(name)}).entities()
        return entities[0] if entities else None

    def relations(self, user_id: str) -> list[Relation]:
        """Return all relations."""
        return self._read(user_id, _ALL).relations()

    def whole(self, user_id: str) -> tuple[list[Entity], list[Relation]]:
        """Return all entities and all relations as they are at one moment."""
        rows = self._read(user_id, _ALL)
        return rows.entities(), rows.relations()

    def mentions(self, user_id: str, memory_ids: Sequence[str], most: int = 20) -> list[Fact]:
        """Return the memories behind an entity or a relation, the newest first."""
        return self._store.get_many(user_id, memory_ids, most)

    def around(self, user_id: str, name: str, hops: int = 1) -> list[Relation]:
        """Return the relations of the entity with this name; with two hops, also those of its neighbours.

        No path leads through the person ("me"), who is related to everything.
        """
        if hops not in (1, 2):
            raise InvalidInput(f"hops must be 1 or 2, not {hops!r}.")
        return self._read(user_id, _AROUND, {"name": _checked_name(name), "hops": hops}).relations()

    def _read(self, user_id: str, sql: str, values: Mapping[str, Any] | None = None) -> _GraphRows:
        [row] = self._database.read_as(user_id, sql, values)
        return _GraphRows(row["same"], row["names"], row["relations"])


@dataclass(frozen=True)
class _GraphRows:
    """A part of the graph as the database returns it."""

    same: Sequence[tuple[str, str]]
    names: Sequence[tuple[str, str, str]]
    related: Sequence[tuple[str, str, str, str]]

    def entities(self) -> list[Entity]:
        used, memories = self._used_names()
        entities = [Entity(each, _by_use(names), tuple(sorted(memories[each]))) for each, names in used.items()]
        return sorted(entities, key=lambda entity: (-len(entity.memory_ids), entity.id))

    def relations(self) -> list[Relation]:
        entity_of = self._entity_of()
        best_name = {each: _by_use(names)[0] for each, names in self._used_names()[0].items()}
        return [
            Relation(best_name[entity_of[subject]], relation, best_name[entity_of[object_]], memory_id)
            for subject, relation, object_, memory_id in self.related
        ]

    def _entity_of(self) -> dict[str, str]:
        """Map each key to its entity, which is named by the first of all its keys."""
        first: dict[str, str] = {}
        for of_key, key in self.same:
            first[of_key] = min(first.get(of_key, key), key)
        return {key: first[of_key] for of_key, key in self.same}

    def _used_names(self) -> tuple[dict[str, Counter[str]], dict[str, set[str]]]:
        """Return how often each name of each entity is used, and in which memories."""
        entity_of = self._entity_of()
        used: dict[str, Counter[str]] = defaultdict(Counter)
        memories: dict[str, set[str]] = defaultdict(set)
        for key, name, memory_id in self.names:
            used[entity_of[key]][name] += 1
            memories[entity_of[key]].add(memory_id)
        return used, memories


def _by_use(names: Counter[str]) -> tuple[str, ...]:
    return tuple(sorted(names, key=lambda name: (-names[name], name)))


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not name.strip():
        raise InvalidInput("Enter the name of a person or thing.")
    if len(name) > MAX_NAME:
        raise InvalidInput(f"A name has at most {MAX_NAME} characters; this one has {len(name)}.")
    return storable(name)
