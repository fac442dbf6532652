"""The graph of one person: who and what their memories speak of, and how these are related.

A memory's metadata says what it adds to the graph: `entities`, a list of lists, each holding all the names
that the memory gives to one entity, and `relations`, a list of [subject, relation, object] in which "me" is
the person. A trigger draws it and takes it away with the memory. Which names mean the same entity is found
when reading (`app.same_entity`): it rests on nothing but the memories that are there. This module only
reads; it decides nothing about what a memory says, and finds no entities in texts.
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

__all__ = ["Entity", "Graph", "Relation"]

MAX_NAME = 80  # as in app.draw_graph: a longer name is not drawn


@dataclass(frozen=True)
class Entity:
    """Somebody or something, by all its names, the most used first.

    `id` is one of its keys. It holds as long as the names do, so nothing keeps it.
    """

    id: str
    names: tuple[str, ...]
    memory_ids: tuple[str, ...]

    @property
    def name(self) -> str:
        """What it is called most."""
        return self.names[0]


@dataclass(frozen=True)
class Relation:
    """What one memory says of two entities, each by its most used name."""

    subject: str
    relation: str
    object: str
    memory_id: str


# What is drawn, in one statement and so at one moment: which keys are one entity, the names, the relations.
_DRAWN = """
with told as materialized ({relations}),
asked as materialized ({keys}),
same as materialized (select of_key, key from app.same_entity(array(select key from asked)))
select
  (select coalesce(jsonb_agg(jsonb_build_array(of_key, key)), '[]') from same) as same,
  (select coalesce(jsonb_agg(jsonb_build_array(key, name, memory_id)), '[]') from app.entity_names
   where user_id = app.asking() and key in (select key from same)) as names,
  (select coalesce(jsonb_agg(jsonb_build_array(subject_key, relation, object_key, memory_id)
     order by hop, memory_id, subject_key, relation, object_key), '[]') from told) as relations
"""
_ALL = _DRAWN.format(
    relations="select *, 1 as hop from app.relations where user_id = app.asking()",
    keys="select distinct key from app.entity_names where user_id = app.asking()",
)
_AROUND = _DRAWN.format(
    relations="select * from app.around(array[app.name_key(%(name)s)], %(hops)s)",
    keys="select subject_key as key from told union select object_key from told",
)
_NAMED = _DRAWN.format(
    relations="select *, 1 as hop from app.relations where false",
    keys="select app.name_key(%(name)s) as key",
)


class Graph:
    """Reads one user's graph."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def entities(self, user_id: str) -> list[Entity]:
        """Everybody and everything, whoever is spoken of most first."""
        return self._read(user_id, _ALL).entities()

    def entity(self, user_id: str, name: str) -> Entity | None:
        """Whoever goes by this name."""
        found = self._read(user_id, _NAMED, {"name": _name(name)}).entities()
        return found[0] if found else None

    def relations(self, user_id: str) -> list[Relation]:
        """All relations."""
        return self._read(user_id, _ALL).relations()

    def whole(self, user_id: str) -> tuple[list[Entity], list[Relation]]:
        """Everybody and everything with all relations, as they are at one moment."""
        drawn = self._read(user_id, _ALL)
        return drawn.entities(), drawn.relations()

    def mentions(self, user_id: str, memory_ids: Sequence[str], most: int = 20) -> list[Fact]:
        """The memories behind an entity or a relation, the newest first."""
        rows = self._database.read_as(
            user_id,
            "select id, metadata from vecs.memories where user_id = %(user_id)s and id = any(%(ids)s)"
            " order by metadata ->> 'created_at' desc, id limit %(most)s",
            {"user_id": user_id, "ids": list(memory_ids), "most": most},
        )
        return [Fact(row["id"], row["metadata"]) for row in rows]

    def around(self, user_id: str, name: str, hops: int = 1) -> list[Relation]:
        """The relations of whoever goes by this name, and with two hops those of whom they lead to.

        No path leads through the person ("me"), who is related to everything.
        """
        if hops not in (1, 2):
            raise InvalidInput(f"hops is 1 or 2, not {hops!r}.")
        return self._read(user_id, _AROUND, {"name": _name(name), "hops": hops}).relations()

    def _read(self, user_id: str, sql: str, values: Mapping[str, Any] | None = None) -> _Drawn:
        [row] = self._database.read_as(user_id, sql, values)
        return _Drawn(row["same"], row["names"], row["relations"])


@dataclass(frozen=True)
class _Drawn:
    """A part of the graph as the database gives it."""

    same: Sequence[tuple[str, str]]
    names: Sequence[tuple[str, str, str]]
    told: Sequence[tuple[str, str, str, str]]

    def entities(self) -> list[Entity]:
        spoken, memories = self._spoken()
        found = [Entity(each, _by_use(names), tuple(sorted(memories[each]))) for each, names in spoken.items()]
        return sorted(found, key=lambda entity: (-len(entity.memory_ids), entity.id))

    def relations(self) -> list[Relation]:
        entity_of = self._entity_of()
        called = {each: _by_use(names)[0] for each, names in self._spoken()[0].items()}
        return [
            Relation(called[entity_of[subject]], relation, called[entity_of[object_]], memory_id)
            for subject, relation, object_, memory_id in self.told
        ]

    def _entity_of(self) -> dict[str, str]:
        """Each key's entity, told by the first of all its keys."""
        first: dict[str, str] = {}
        for of_key, key in self.same:
            first[of_key] = min(first.get(of_key, key), key)
        return {key: first[of_key] for of_key, key in self.same}

    def _spoken(self) -> tuple[dict[str, Counter[str]], dict[str, set[str]]]:
        """For each entity, how often each name is used, and in which memories."""
        entity_of = self._entity_of()
        spoken: dict[str, Counter[str]] = defaultdict(Counter)
        memories: dict[str, set[str]] = defaultdict(set)
        for key, name, memory_id in self.names:
            spoken[entity_of[key]][name] += 1
            memories[entity_of[key]].add(memory_id)
        return spoken, memories


def _by_use(names: Counter[str]) -> tuple[str, ...]:
    return tuple(sorted(names, key=lambda name: (-names[name], name)))


def _name(name: object) -> str:
    if not isinstance(name, str) or not name.strip():
        raise InvalidInput("A name is missing: whom or what do you mean?")
    if len(name) > MAX_NAME:
        raise InvalidInput(f"A name has at most {MAX_NAME} characters; this one has {len(name)}.")
    return storable(name)
