"""Changes the memories as a turn requires: plans first, then writes in one transaction.

Planning calls the model and the embedder and writes nothing; writing calls neither. If a memory that a plan is based on
was changed in between, nothing is overwritten, and a new plan is made.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar
from uuid import uuid4

from sqlalchemy import Connection

from ..arguments import own_metadata
from ..arguments import scope as named_scope
from ..database import Database, check_user_id
from ..embed import Embedder
from ..errors import InvalidInput, LimitReached, MemoryChanged, ModelError
from ..facts import Fact, Plan, Proposal, Said, Write, content_hash
from ..model import Model
from ..model.serving import serving
from ..rows.history import Event, History
from ..rows.people import People
from ..rows.store import Store
from .episodes import Episodes, may_be_kept, to_embed
from .extract import Instructions, in_parts, propose, worth_reading
from .mentions import Mentions, mentioned, mentions_of, needs_reading
from .metadata import learned_metadata, new_metadata, reworded
from .questions import Questions
from .reconcile import MAX_WRITES, Decision, bounded, reconcile

__all__ = ["Reader", "Turns", "plan_until_written"]

log = logging.getLogger("keepsake.memory")

NEAR = 10  # memories that the model is shown
MAX_PLANS = 3
ASKED_TO_FORGET = "the person asked to forget it"  # for the history
Forgotten = Literal["words", "memories", "some"]
Changes = list[dict[str, Any]]  # the changes made, in mem0's shape: id, memory and event
_Written = TypeVar("_Written")


def plan_until_written(plan: Callable[[], Plan], write: Callable[[Plan], _Written]) -> tuple[Plan, _Written]:
    """Plan and write; plan again if a memory was changed meanwhile, and raise `MemoryChanged` after the third time."""
    for _ in range(MAX_PLANS - 1):
        planned = plan()
        try:
            return planned, write(planned)
        except MemoryChanged:
            continue
    planned = plan()
    return planned, write(planned)


class Turns:
    """Learns from the turns of one user at a time."""

    def __init__(
        self,
        database: Database,
        store: Store,
        embedder: Embedder,
        model: Model | None,
        instructions: Instructions,
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._model = model
        self._instructions = instructions
        self._people = People(database)
        self._questions = Questions(database, store, embedder)
        self._episodes = Episodes(database)
        self._history = History(database, store)

    def plan(
        self, said: Sequence[Said], *, user_id: str, learn: bool = True, scope: Mapping[str, str] | None = None
    ) -> Plan:
        """Plan what to learn from these messages, or with `learn=False` which to keep as episodes; write nothing.

        With a `scope`, what other agents and apps know neither changes nor keeps a statement from being learned.
        """
        check_user_id(user_id)
        with serving(user_id):
            return self._plan_learning(said, user_id, scope or {}) if learn else self._plan_episodes(said, user_id)

    def write(
        self,
        connection: Connection,
        plan: Plan,
        used: Collection[str] = (),
        metadata: Mapping[str, Any] | None = None,
        scope: Mapping[str, str] | None = None,
    ) -> Changes:
        """Carry out a plan inside a transaction bound to its user; raise `MemoryChanged` if the plan is outdated.

        `used` are the ids of the memories that the reply was given, `metadata` the caller's own keys, `scope` the agent
        and the app that the memories belong to.
        """
        extra = {**own_metadata(metadata), **named_scope(**(scope or {}))}
        self._store.lock_writes(connection, plan.user_id)
        if plan.writes:
            # While an expired memory exists, the same words could not be learned again.
            self._store.sign(connection, "tidy", "expired")
            self._store.delete_expired(connection)
        done: Changes = []
        for write, vector in zip(plan.writes, plan.vectors, strict=True):
            self._store.sign(connection, plan.actor, write.reason, write.said.message_id)
            done += self._carry_out(connection, plan.user_id, write, vector, extra)
        if plan.episodes:
            self._episodes.keep(connection, plan.user_id, plan.episodes, plan.episode_vectors, used, extra)
        if plan.confirmed:
            self._store.count_use(connection, plan.confirmed, confirmed_at=datetime.now(UTC))
        return done

    def forget(self, connection: Connection, plan: Plan) -> tuple[Forgotten, Changes]:
        """Forget the message that a plan names, once the plan was written, which deletes what the message added.

        Memories that it changed say again what they said before. Its words are erased; where it added memories, those
        are left that deleting a memory hides, until that is undone. Return "words" if it taught nothing, "some" if
        anything of it stands, and else "memories", with the changes made.
        """
        message_id = str(plan.forgets)
        changes = self._put_back(connection, plan, message_id)
        taught = self._history.of_message(connection, message_id)
        self._episodes.erase_turn(connection, message_id, hidden_too=not taught.added)
        if not taught.anything:
            self._questions.erase(connection, [message_id], [])
            return "words", changes
        self._questions.withdraw(connection, message_id)
        return "some" if taught.stands else "memories", changes

    def count_recalled(self, connection: Connection, memory_ids: Sequence[str]) -> None:
        """Count that memories were given to a reply."""
        self._store.count_use(connection, memory_ids)

    def _plan_learning(self, said: Sequence[Said], user_id: str, scope: Mapping[str, str]) -> Plan:
        if not worth_reading(said):
            return Plan(user_id)
        # A message without an id could not be hidden when what was learned from it is deleted.
        said = [replace(each, message_id=each.message_id or str(uuid4())) for each in said]
        person = self._people.get(user_id)
        episodes = may_be_kept(said) if person.episodes else ()
        parts = [part for part in in_parts(said) if worth_reading(part)]
        vectors_of = self._embedder.embed([*map(_own_words, parts), *to_embed(episodes)])
        decision = Decision([], [], [])
        for part, vector in zip(parts, vectors_of, strict=False):
            near = self._store.known_near(user_id, vector, NEAR, said[0], scope)
            reconcile(propose(part, near, self._model, self._instructions, person), said, near, decision)
        forgets = _message_to_forget(said)
        if forgets:
            known = self._store.known_near(user_id, vectors_of[0], MAX_WRITES, said[0], scope)
            self._decide_forgetting(said, known, decision)
        texts = [write.text for write in decision.writes if write.action != "delete"]
        vectors = iter(self._embedder.embed(texts) if texts else [])
        return Plan(
            user_id,
            writes=tuple(decision.writes),
            vectors=tuple([] if write.action == "delete" else next(vectors) for write in decision.writes),
            refused=tuple(decision.refused),
            confirmed=tuple(decision.confirmed),
            actor="model" if self._model else "rules",
            # A message that deletes a memory would bring it back if it were kept as an episode.
            episodes=() if forgets or any(write.action == "delete" for write in decision.writes) else episodes,
            episode_vectors=tuple(vectors_of[len(parts) :]),
            forgets=forgets,
        )

    def _decide_forgetting(self, said: Sequence[Said], known: Sequence[Fact], decision: Decision) -> None:
        """Let a decision delete what the turn before added, and leave alone what it only changed, which is put back.

        Deleting that would take the older truth, too. What the rules delete of it is decided anew, for this reason.
        """
        changed = {fact.id for fact in known if fact.just_learned and not _was_just_added(fact)}
        decision.writes[:] = [
            write
            for write in decision.writes
            if write.fact_id not in changed and (self._model is not None or write.action != "delete")
        ]
        reconcile(_deletions_of_the_added(said, known, decision), said, known, decision)

    def _plan_episodes(self, said: Sequence[Said], user_id: str) -> Plan:
        wanted = self._people.get(user_id).episodes
        episodes = [kept for each in said if wanted for kept in may_be_kept([each])]
        vectors = self._embedder.embed(to_embed(episodes)) if episodes else []
        return Plan(user_id, actor="import", episodes=tuple(episodes), episode_vectors=tuple(vectors))

    def _put_back(self, connection: Connection, plan: Plan, message_id: str) -> Changes:
        """Let memories that a message changed say what they said before.

        A memory stays as it is if somebody gave it words since, if another was merged into it or says by now what it
        said before, or if the vector of these words was dropped with an embedding model: embedding may take long.
        """
        changes: dict[str, dict[str, Any]] = {}
        for event in self._history.rewordings(connection, message_id):
            now = self._store.lock(connection, event.memory_id)
            if now is None or _was_told_since(now, event) or not self._history.has_vector(connection, event, {}):
                continue
            self._store.sign(connection, plan.actor, ASKED_TO_FORGET)
            with suppress(InvalidInput):  # another memory says the same by now
                self._history.put_words_back(connection, event, now)
                put_back = _change("UPDATE", now.id, Fact("", event.old_metadata or {}).text)
                changes[now.id] = {"previous_memory": now.text, **changes.get(now.id, {}), **put_back}
        return list(changes.values())

    def _carry_out(
        self,
        connection: Connection,
        user_id: str,
        write: Write,
        vector: Sequence[float],
        extra: Mapping[str, Any],
    ) -> Changes:
        if write.fact_id is None:
            row = ({**new_metadata(user_id, write.text, write.said), **learned_metadata(write), **extra}, vector)
            return [_change("ADD", new, write.text) for new in self._store.insert(connection, [row])]
        fact = self._store.lock(connection, write.fact_id)
        if fact is None or fact.text != write.seen:
            raise MemoryChanged("A memory was changed while this plan was made.")
        if write.action == "ask":
            self._questions.ask(connection, fact, write)
            return [_change("ASK", fact.id, write.text)]
        if write.action == "delete" or self._store.has_text(connection, fact.id, content_hash(write.text)):
            self._store.delete(connection, fact.id)
            return [_change("DELETE", fact.id, fact.text)]
        changed = reworded(fact, write.text, write.said.at, write.said.run_id)
        named = mentioned(fact, write.text, Mentions(write.entities, write.relations))
        metadata = {**changed, **learned_metadata(write), **named, **extra}
        self._store.replace(connection, fact.id, metadata, vector)
        return [{**_change("UPDATE", fact.id, write.text), "previous_memory": fact.text}]


class Reader:
    """Reads again whom and what a memory of a user mentions, when the person changes its words. It writes nothing."""

    def __init__(self, database: Database, store: Store, model: Model | None, instructions: Instructions) -> None:
        self._store = store
        self._people = People(database)
        self._model = model
        self._instructions = instructions

    def read(self, memory_id: str, words: str, *, user_id: str) -> Mentions:
        """Read what the new words of a memory mention: with the model, if it may be others than before.

        If the model is away, the rules read them: a change by the person does not fail for that.
        """
        fact = self._store.get(user_id, memory_id)
        model = self._model if fact is not None and needs_reading(fact, words) else None
        person, said = self._people.get(user_id), [Said("user", words)]
        try:
            with serving(user_id):
                proposals = propose(said, (), model, self._instructions, person)
        except (ModelError, LimitReached) as error:
            log.warning("what a changed memory mentions is read by rules: %s", error)
            proposals = propose(said, (), None, person=person)
        return bounded(mentions_of(proposals))


def _message_to_forget(said: Sequence[Said]) -> str | None:
    """Return the person's message before this one if they ask to forget it, and say nothing else.

    Only a chat knows which message that is.
    """
    own = [each for each in said if each.role == "user"]
    if len(own) != 1 or own[0].after is None:
        return None
    from ..language.intents import forgets_last  # loads the patterns of four languages

    return own[0].after if forgets_last(own[0].content) else None


def _deletions_of_the_added(said: Sequence[Said], known: Sequence[Fact], decision: Decision) -> list[Proposal]:
    """Propose to delete what the turn before added, as far as the decision leaves it as it is."""
    changed = {write.fact_id for write in decision.writes}
    request = next(each.content.strip() for each in said if each.role == "user")
    return [
        Proposal("delete", "", quote=request, target=number, reason=ASKED_TO_FORGET)
        for number, fact in enumerate(known, 1)
        if fact.just_learned and _was_just_added(fact) and fact.id not in changed
    ]


def _was_just_added(fact: Fact) -> bool:
    """Return whether a memory of the turn before is new, and not one that the turn changed."""
    return fact.metadata.get("updated_at") in (None, fact.created_at)


def _was_told_since(now: Fact, change: Event) -> bool:
    """Return whether a memory was given words since a change, the same ones included, or was merged with another."""
    then = change.new_metadata or {}
    return any(now.metadata.get(key) != then.get(key) for key in ("data", "updated_at", "merged_from"))


def _own_words(said: Sequence[Said]) -> str:
    return "\n".join(each.content for each in said if each.role == "user")


def _change(event: str, memory_id: str, text: str) -> dict[str, Any]:
    return {"id": memory_id, "memory": text, "event": event}
