"""Keeping: from what was said to a plan, and from a plan to rows, in one transaction.

Planning calls the model and the embedder and writes nothing; writing calls nobody. A memory that was
changed by somebody else in between is not overwritten: the plan is made anew.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection

from ..database import Database
from ..embed import Embedder
from ..errors import InvalidInput, MemoryChanged, NotFound
from ..facts import Fact, Plan, Said, Write, content_hash, spoken
from ..model import Model
from ..rows.bulk import Bulk, Row
from ..rows.people import People
from ..rows.store import Store
from .episodes import Episodes, may_be_kept
from .extract import Instructions, propose, worth_reading
from .questions import Choice, Question, Questions
from .reconcile import reconcile

__all__ = ["Keeper", "reworded"]

NEAR = 10
MAX_PLANS = 3
Event = dict[str, Any]


class Keeper:
    """Decides what to keep of what was said, and keeps it."""

    def __init__(
        self,
        database: Database,
        store: Store,
        embedder: Embedder,
        model: Model | None,
        instructions: Instructions,
    ) -> None:
        self._database = database
        self._store = store
        self._embedder = embedder
        self._model = model
        self._instructions = instructions
        self._bulk = Bulk(database, store, embedder)
        self._people = People(database)
        self._questions = Questions(database)
        self._episodes = Episodes(database)

    def learn(self, said: Sequence[Said], user_id: str, extra: Mapping[str, Any]) -> list[Event]:
        """Plan and write; anew if somebody else changed what the plan rests on."""
        for attempt in range(MAX_PLANS):
            plan = self.plan(said, user_id)
            try:
                with self._database.as_user(user_id) as connection:
                    return self.write(connection, plan, extra)
            except MemoryChanged:
                if attempt == MAX_PLANS - 1:
                    raise
        return []

    def as_said(self, said: Sequence[Said], user_id: str, extra: Mapping[str, Any]) -> list[Event]:
        """Keep each message as it was said, with its role; those with an id of their own only once."""
        rows = [
            Row(
                {
                    **_base(user_id, each.content, each),
                    **({"message_id": each.message_id} if each.message_id else {}),
                    **extra,
                    "role": each.role,
                },
                each.message_id,
            )
            for each in said
        ]
        kept = self._bulk.keep(rows, user_id, "person")
        return [_event("ADD", new, str(row.metadata["data"])) for new, row in kept]

    def plan(self, said: Sequence[Said], user_id: str) -> Plan:
        """What these messages will change: the model call and the embeddings, without any writing."""
        if not worth_reading(said):
            return Plan(user_id)
        # Without a name of its own a message could not be hidden when what was learned from it is removed.
        said = [replace(each, message_id=each.message_id or str(uuid4())) for each in said]
        words = "\n".join(each.content for each in said if each.role == "user")
        person = self._people.get(user_id)
        told = may_be_kept(said) if person.episodes else ()
        vector, *told_vectors = self._embedder.embed([words, *(spoken(each.content, each.name) for each in told)])
        near = self._store.nearest(user_id, vector, NEAR, extracted_only=True)
        decision = reconcile(propose(said, near, self._model, self._instructions, person), said, near)
        texts = [write.text for write in decision.writes if write.action != "delete"]
        vectors = iter(self._embedder.embed(texts) if texts else [])
        return Plan(
            user_id,
            writes=tuple(decision.writes),
            vectors=tuple([] if write.action == "delete" else next(vectors) for write in decision.writes),
            drops=tuple(decision.drops),
            confirmed=tuple(decision.confirmed),
            actor="model" if self._model else "rules",
            # Words that take a memory away would bring it back if they stood as they were said.
            episodes=() if any(write.action == "delete" for write in decision.writes) else told,
            episode_vectors=tuple(told_vectors),
        )

    def plan_as_said(self, said: Sequence[Said], user_id: str) -> Plan:
        """The same where nothing is to be learned: what may stand as it was said, and nothing else."""
        wanted = self._people.get(user_id).episodes
        told = [kept for each in said if wanted for kept in may_be_kept([each])]
        vectors = self._embedder.embed([spoken(each.content, each.name) for each in told]) if told else []
        return Plan(user_id, actor="import", episodes=tuple(told), episode_vectors=tuple(vectors))

    def write(
        self, connection: Connection, plan: Plan, extra: Mapping[str, Any], used: Collection[str] = ()
    ) -> list[Event]:
        """Carry a plan out inside a transaction bound to its user. Returns what was done."""
        self._store.one_at_a_time(connection, plan.user_id)
        if plan.writes:
            # An expired memory would keep the same words from being learned again.
            self._store.sign(connection, "tidy", "expired")
            self._store.remove_expired(connection)
        done = []
        for write, vector in zip(plan.writes, plan.vectors, strict=True):
            self._store.sign(connection, plan.actor, write.reason, write.said.message_id)
            done += self._carry_out(connection, plan.user_id, write, vector, extra)
        if plan.episodes:
            self._episodes.keep(connection, plan.user_id, plan.episodes, plan.episode_vectors, used, extra)
        if plan.confirmed:
            self._store.count_use(connection, plan.confirmed, confirmed_at=datetime.now(UTC))
        return done

    def put(self, memory_id: str, words: str, user_id: str) -> Fact:
        """Let a memory say something else, as the person; their edit is its own evidence, the old quote is none."""
        [vector] = self._embedder.embed([words])
        with self._database.as_user(user_id) as connection:
            self._store.one_at_a_time(connection, user_id)
            fact = self._store.lock(connection, memory_id)
            if fact is None:
                raise NotFound("There is no such memory.")
            if "role" not in fact.metadata and self._store.holds(connection, fact.id, content_hash(words)):
                raise InvalidInput("Another memory already says this.")
            self._store.sign(connection, "person")
            changed = Fact(memory_id, {**reworded(fact, words, datetime.now(UTC)), "source": "person"})
            self._store.replace(connection, memory_id, changed.metadata, vector)
        return changed

    def settle(
        self,
        connection: Connection,
        user_id: str,
        question: Question,
        choice: Choice,
        vectors: Sequence[Sequence[float]],
    ) -> None:
        """Do what the person answered: replace the memory, keep it, add the other one, or remove both."""
        self._store.sign(connection, "person", f"answered: {choice}", question.message_id)
        fact = self._store.lock(connection, question.memory_id)
        proposed = {key: value for key, value in question.proposed.items() if key not in ("text", "said_at") and value}
        proposed |= {"message_id": question.message_id} if question.message_id else {}
        said = Said("user", question.text, datetime.fromisoformat(question.proposed["said_at"]))
        if choice == "neither" and fact is not None:
            self._store.remove(connection, fact.id)
        elif choice == "new" and fact is not None:
            if self._store.holds(connection, fact.id, content_hash(question.text)):
                self._store.remove(connection, fact.id)
            else:
                metadata = {**reworded(fact, question.text, datetime.now(UTC)), **proposed}
                self._store.replace(connection, fact.id, metadata, vectors[0])
        elif choice in ("both", "new"):
            self._store.insert(connection, [({**_base(user_id, question.text, said), **proposed}, vectors[0])])
        if choice in ("old", "both") and fact is not None:
            self._store.count_use(connection, [fact.id], confirmed_at=datetime.now(UTC))

    def _carry_out(
        self,
        connection: Connection,
        user_id: str,
        write: Write,
        vector: Sequence[float],
        extra: Mapping[str, Any],
    ) -> list[Event]:
        if write.fact_id is None:
            row = ({**_base(user_id, write.text, write.said), **_learned(write), **extra}, vector)
            return [_event("ADD", new, write.text) for new in self._store.insert(connection, [row])]
        fact = self._store.lock(connection, write.fact_id)
        if fact is None or fact.text != write.seen:
            raise MemoryChanged("A memory was changed while this was worked out.")
        if write.action == "ask":
            self._questions.ask(connection, fact, write)
            return [_event("ASK", fact.id, write.text)]
        if write.action == "delete" or self._store.holds(connection, fact.id, content_hash(write.text)):
            self._store.remove(connection, fact.id)
            return [_event("DELETE", fact.id, fact.text)]
        metadata = {**reworded(fact, write.text, write.said.at), **_learned(write), **extra}
        self._store.replace(connection, fact.id, metadata, vector)
        return [{**_event("UPDATE", fact.id, write.text), "previous_memory": fact.text}]


# What a memory's words were drawn from; new words have other sources.
_SOURCES = ("quote", "message_id", "source", "happened_at", "language", "entities", "relations", "text_lemmatized")


def reworded(fact: Fact, text: str, at: datetime) -> dict[str, Any]:
    """A memory's metadata with new words, and without what only the old ones had."""
    kept = {key: value for key, value in fact.metadata.items() if key not in _SOURCES}
    return {**kept, "data": text, "hash": content_hash(text), "updated_at": at.astimezone(UTC).isoformat()}


def _base(user_id: str, text: str, said: Said) -> dict[str, Any]:
    """What every row has, in mem0's flat form."""
    row = {"data": text, "user_id": user_id, "hash": content_hash(text)}
    # In one zone, so that their order as text is their order in time.
    moment = said.at.astimezone(UTC).isoformat()
    row |= {"created_at": moment, "updated_at": moment}
    row |= {"actor_id": said.name} if said.name else {}
    return row | ({"run_id": said.run_id} if said.run_id else {})


def _learned(write: Write) -> dict[str, Any]:
    """What a memory taken from words knows about them; absent rather than null, as mem0 wants it."""
    known: dict[str, Any] = {
        "kind": write.kind,
        "quote": write.quote,
        "message_id": write.said.message_id,
        "happened_at": write.happened_at,
        "confirmed_at": write.said.at.astimezone(UTC).isoformat(),
        "language": write.language,
        "entities": [list(names) for names in write.entities] or None,
        "relations": [list(relation) for relation in write.relations] or None,
    }
    return {key: value for key, value in known.items() if value is not None}


def _event(name: str, fact_id: str, text: str) -> Event:
    return {"id": fact_id, "memory": text, "event": name}
