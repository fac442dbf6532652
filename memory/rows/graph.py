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
from ..language.slots import slots_of
from ..plain_text import storable
from .store import Store

__all__ = ["Entity", "Graph", "Relation"]

ME = "me"  # the person, in relations
# Relations of the person to a name of theirs.
_CALLED = frozenset(
    ("is called", "is named", "has name", "has the name", "has first name", "name is", "goes by", "is known as")
)
MAX_NAME = 80  # as in app.draw_graph, which leaves out longer names


@dataclass(frozen=True)
class Entity:
    """A person or thing with all its names: names before descriptions such as "my sister", then the most used first.

    The user is the entity "me", whose other names are those that memories say are the user's own.

    `id` is one of its keys. It changes with the names, so do not store it.
    """

    id: str
    names: tuple[str, ...]
    memory_ids: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name that comes first."""
        return self.names[0]


@dataclass(frozen=True)
class Relation:
    """What one memory says about two entities, each given by the name that comes first."""

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
     order by hop, memory_id, subject_key, relation, object_key), '[]') from related) as relations,
  -- Short memories that say little beside a name: one of them may be "My name is Dave".
  (select coalesce(jsonb_agg(jsonb_build_array(short.key, short.told)), '[]') from (
     select named.key, kept.metadata ->> 'data' as told
     from app.entity_names named join vecs.memories kept on kept.id = named.memory_id
     where named.user_id = app.asking() and named.proper and named.key in (select key from same)
       and length(kept.metadata ->> 'data') - length(named.name) <= 25
     order by named.memory_id, named.key limit 100) short) as short
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
        return _GraphRows(row["same"], row["names"], row["relations"], row["short"])


@dataclass(frozen=True)
class _GraphRows:
    """A part of the graph as the database returns it."""

    same: Sequence[tuple[str, str]]
    names: Sequence[tuple[str, str, str]]
    related: Sequence[tuple[str, str, str, str]]
    short: Sequence[tuple[str, str]]

    def entities(self) -> list[Entity]:
        used, memories = self._used_names()
        entities = [Entity(each, _by_use(names, each), tuple(sorted(memories[each]))) for each, names in used.items()]
        return sorted(entities, key=lambda entity: (-len(entity.memory_ids), entity.id))

    def relations(self) -> list[Relation]:
        entity_of = self._entity_of()
        best_name = {each: _by_use(names, each)[0] for each, names in self._used_names()[0].items()}
        return [
            Relation(best_name[entity_of[subject]], relation, best_name[entity_of[object_]], memory_id)
            for subject, relation, object_, memory_id in self.related
            if not (subject == ME and entity_of[object_] == ME and _names_person(relation))
        ]

    def _entity_of(self) -> dict[str, str]:
        """Map each key to its entity, which is named by the first of all its keys; the person is "me"."""
        first: dict[str, str] = {}
        for of_key, key in self.same:
            first[of_key] = min(first.get(of_key, key), key)
        entity_of = {key: first[of_key] for of_key, key in self.same}
        person = {entity_of[key] for key in self._keys_of_the_person() if key in entity_of}
        return {key: ME if entity in person else entity for key, entity in entity_of.items()}

    def _keys_of_the_person(self) -> set[str]:
        """Return the keys that mean the person: "me", and the names that memories say are theirs."""
        related = {other for subject, relation, other, _ in self.related if subject == ME and _names_person(relation)}
        return {ME, *related, *(key for key, told in self.short if "name" in slots_of(told))}

    def _used_names(self) -> tuple[dict[str, Counter[str]], dict[str, set[str]]]:
        """Return how often each name of each entity is used, and in which memories."""
        entity_of = self._entity_of()
        used: dict[str, Counter[str]] = defaultdict(Counter)
        memories: dict[str, set[str]] = defaultdict(set)
        for key, name, memory_id in self.names:
            used[entity_of[key]][name] += 1
            memories[entity_of[key]].add(memory_id)
        return used, memories


def _by_use(names: Counter[str], entity: str) -> tuple[str, ...]:
    """Return the names of an entity in their order; the person is "me" first, also if no memory uses the word."""
    in_order = sorted(names, key=lambda name: (_describes(name), -names[name], name))
    return (ME, *(name for name in in_order if name.lower() != ME)) if entity == ME else tuple(in_order)


def _names_person(relation: str) -> bool:
    """Return whether a relation of the person says what they are called; relations are in English."""
    return " ".join(relation.lower().replace("_", " ").split()) in _CALLED


def _describes(name: str) -> bool:
    """Return whether a name is a description such as "my sister" or "My old friend": none of its words is a name."""
    first, *others = name.split() or [name]
    if name.lower() == name.upper():  # a script without capitals
        return False
    return not first[:1].isupper() or (bool(others) and not any(each[:1].isupper() for each in others))


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not name.strip():
        raise InvalidInput("Enter the name of a person or thing.")
    if len(name) > MAX_NAME:
        raise InvalidInput(f"A name has at most {MAX_NAME} characters; this one has {len(name)}.")
    return storable(name)
