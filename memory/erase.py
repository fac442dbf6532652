"""Erases permanently, with receipts: everything about a user, or what was learned from one chat.

A receipt is made after the transaction, by searching for what was erased. This module does not delete single memories,
and it does not erase messages, which belong to the app. It knows a chat by its `run_id`, and by the ids of its messages
if the caller has them. Memories that the chat added are erased with every version. Memories that it changed get their
old text back, unless somebody changed them since; if the embedder is away and the old text needs it, they are deleted.
Memories that the chat deleted stay deleted.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import Connection, text

from .database import Database
from .embed import Embedder
from .errors import InvalidInput, ModelError
from .facts import Fact
from .learn.episodes import Episodes
from .learn.questions import Questions
from .leases import Leases
from .plain_text import storable
from .rows.history import Event, History, Vectors, standing_changes
from .rows.store import Store
from .upkeep.profile import Profiles

__all__ = ["ChatMemories", "Erasure", "ForgetReceipt", "LearnedFromChat", "LearnedMemory", "Receipt"]

# The words, which are erased first, in one go: else each row would look for its own.
WORDS = "postings"
# The tables of a user besides memories and episodes, which are erased before them, with their graph.
TABLES = (
    *(WORDS, "memory_history", "memory_use", "questions", "profiles", "relations", "entity_names"),
    *("lessons", "recall_checks", "confirmations", "transcripts"),
)
MEM0_ENTITIES = "memories_entities"  # mem0's own table of names, if mem0 writes here too
MAX_LOOKED_FOR = 200


@dataclass(frozen=True)
class Receipt:
    """The number of erased rows by table, and the result of the search for them afterwards.

    `searched` is false if the embedder was away: then the rows were counted, and not searched by their words.
    `index_waits` is how many memories still wait to be removed from an index of vectors outside of this database.
    """

    user_id: str
    erased: dict[str, int]
    erased_at: datetime
    looked_for: int = 0
    found_again: int = 0
    rows_left: dict[str, int] = field(default_factory=dict)
    searched: bool = True
    index_waits: int = 0

    @property
    def proved(self) -> bool:
        """True if nothing is left in this database."""
        return self.found_again == 0 and not any(self.rows_left.values())


class Erasure:
    """Erases everything about one user, and searches for it afterwards."""

    def __init__(self, database: Database, store: Store, embedder: Embedder) -> None:
        self._database = database
        self._store = store
        self._embedder = embedder
        self._episodes = Episodes(database)
        self._leases = Leases(database)

    def erase(self, connection: Connection, user_id: str) -> tuple[dict[str, int], list[str]]:
        """Erase inside the caller's transaction, bound to the user; return the counts and some of the texts."""
        # This order is that of whoever learns: first the lease, then the rows of the import queue, then the lock.
        self._leases.take_away(connection)
        queued = _erase_own(connection, "app.lessons")
        self._store.lock_writes(connection, user_id)
        texts = list(connection.scalars(text(_TEXTS), {"limit": MAX_LOOKED_FOR}))
        counted = {table: _count(connection, table) for table in TABLES}
        _erase_own(connection, f"app.{WORDS}")
        erased = {"memories": _erase_own(connection, "vecs.memories")}
        erased |= {"episodes": self._episodes.erase(connection)}
        for table in TABLES:
            _erase_own(connection, f"app.{table}")
        erased |= {MEM0_ENTITIES: connection.scalar(text("select app.erase_mem0_entities()")) or 0}
        return erased | counted | {"lessons": queued}, texts

    def prove(self, user_id: str, erased: dict[str, int], texts: Sequence[str]) -> Receipt:
        """Make the receipt after the transaction: search for the erased words, and count the rows that are left."""
        vectors = _vectors(self._embedder, texts)
        found = sum(bool(self._store.nearest(user_id, vector, 1)) for vector in vectors or ())
        with self._database.as_user(user_id) as connection:
            left = {table: _count(connection, table) for table in TABLES}
            left |= {table: _count(connection, table, "vecs") for table in ("memories", "episodes")}
            names, waits = connection.execute(text(f"select app.count_mem0_entities(), ({_INDEX_WAITS})")).one()
        left |= {MEM0_ENTITIES: names or 0}
        looked_for, searched = len(vectors or ()), vectors is not None
        return Receipt(user_id, erased, datetime.now(UTC), looked_for, found, left, searched, waits)


_INDEX_WAITS = "select count(*) from app.index_outbox where owner = app.asking() and fed_at is null"
_TEXTS = "select metadata ->> 'data' from vecs.memories where metadata ->> 'data' <> '' order by id limit :limit"


def _erase_own(connection: Connection, table: str) -> int:
    """Erase the bound user's rows. The policies say whose they are, too, but are not all that this rests on."""
    return connection.execute(text(f"delete from {table} where user_id = (select app.asking())")).rowcount


def _count(connection: Connection, table: str, schema: str = "app") -> int:
    return connection.scalar(text(f"select count(*) from {schema}.{table}")) or 0


def _vectors(embedder: Embedder, texts: Sequence[str]) -> list[list[float]] | None:
    """Return the vectors of what was erased; None if the embedder is away, since the erasing is done all the same."""
    try:
        return embedder.embed(list(texts)) if texts else []
    except ModelError:
        return None


Outcome = Literal["erased", "restored", "left", "deleted"]
# The reasons for which a memory is left unchanged.
CHANGED, MERGED, DELETED, SAME = "changed since", "merged", "deleted", "said elsewhere"
REASON = "the chat was forgotten"  # for the history


@dataclass(frozen=True)
class LearnedMemory:
    """A memory that a chat added or changed, and its outcome when the chat is forgotten."""

    memory_id: str
    text: str
    outcome: Outcome
    before: str | None = None  # the text of a restored memory
    reason: str = ""  # for the outcome `left`
    # For the outcome `deleted`: the embedder was away. Undoing this change restores the text from before.
    deletion: int | None = None
    events: tuple[Event, ...] = field(
        default=(), repr=False
    )  # the chat's changes, if they are the last ones in the memory's history
    texts: tuple[str, ...] = ()  # all texts that the memory had because of the chat


@dataclass(frozen=True)
class LearnedFromChat:
    """Everything that was learned from one chat."""

    run_id: str
    memories: tuple[LearnedMemory, ...] = ()
    episodes: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    kept: int = 0  # messages that are kept as episodes, of which a long one has several

    def with_outcome(self, outcome: Outcome) -> list[LearnedMemory]:
        """Return the memories that are erased, restored, left or deleted."""
        return [each for each in self.memories if each.outcome == outcome]

    @property
    def erased_ids(self) -> list[str]:
        """The ids of the erased memories and episodes, which nothing may quote from now on."""
        return [*(each.memory_id for each in self.with_outcome("erased")), *self.episodes]

    @property
    def erased_texts(self) -> list[str]:
        """The erased texts, which nothing may quote from now on."""
        return sorted({words for each in self.memories if each.outcome != "left" for words in each.texts})

    @property
    def changed_ids(self) -> set[str]:
        """The ids of the memories that are not left as they are."""
        return {each.memory_id for each in self.memories if each.outcome != "left"}


@dataclass(frozen=True)
class ForgetReceipt:
    """The memories that were erased, restored and left, and the result of the search for them afterwards."""

    learned: LearnedFromChat
    erased: dict[str, int]
    erased_at: datetime
    looked_for: int = 0
    found_again: int = 0
    rows_left: int = 0
    searched: bool = True
    index_waits: int = 0  # memories that still wait to be removed from an index of vectors outside of this database

    @property
    def proved(self) -> bool:
        """True if nothing is left except what the receipt lists as left."""
        return self.found_again == 0 and self.rows_left == 0


class ChatMemories:
    """Shows what was learned from one chat, and forgets it."""

    def __init__(self, database: Database, store: Store, embedder: Embedder) -> None:
        self._database = database
        self._store = store
        self._embedder = embedder
        self._history = History(database, store)
        self._episodes = Episodes(database)
        self._questions = Questions(database, store, embedder)
        self._profiles = Profiles(database, store)

    def learned(self, run_id: str, *, user_id: str, messages: Collection[str] = ()) -> LearnedFromChat:
        """Return what was learned from a chat, with the outcome that forgetting it would have; change nothing."""
        with self._database.as_user(user_id) as connection:
            return self._learned(connection, run_id, messages)

    def forget(self, run_id: str, *, user_id: str, messages: Collection[str] = ()) -> ForgetReceipt:
        """Erase what was learned from a chat, permanently."""
        vectors = self.lost_vectors(run_id, user_id=user_id, messages=messages)
        with self._database.as_user(user_id) as connection:
            learned, erased = self.erase(connection, run_id, user_id, messages, vectors)
        return self.prove(user_id, learned, erased)

    def lost_vectors(self, run_id: str, *, user_id: str, messages: Collection[str] = ()) -> Vectors:
        """Embed, before the transaction, what `erase` restores and the history has no vector of.

        Return nothing if the embedder is away: what was learned from the chat is erased all the same.
        """
        restored = self.learned(run_id, user_id=user_id, messages=messages).with_outcome("restored")
        try:
            return self._history.lost_vectors(
                user_id, [each.events[0].event for each in restored], self._embedder.embed
            )
        except ModelError:
            return {}

    def erase(
        self,
        connection: Connection,
        run_id: str,
        user_id: str,
        messages: Collection[str] = (),
        vectors: Vectors | None = None,
    ) -> tuple[LearnedFromChat, dict[str, int]]:
        """Do the first half of `forget`, inside the caller's transaction, which is bound to the user.

        `vectors` are those of `lost_vectors`.
        """
        self._store.lock_writes(connection, user_id)
        planned = self._learned(connection, run_id, messages)
        memories = tuple(self._restored(connection, each, vectors or {}) for each in planned.memories)
        done = replace(planned, memories=memories)
        ids = [each.memory_id for each in done.with_outcome("erased")]
        self._store.sign(connection, "person", REASON)
        erased = {"memories": sum(self._store.delete(connection, each) for each in ids)}
        erased["memory_history"] = self._history.erase(connection, ids)
        erased["episodes"] = self._episodes.erase(connection, done.episodes)
        erased["questions"] = self._questions.erase(connection, done.messages, ids)
        connection.execute(text("select app.unlink_mem0_entities(:ids)"), {"ids": ids})
        changed = sorted(done.changed_ids)
        erased["profiles"] = self._profiles.erase_lines(connection, user_id, changed) if changed else 0
        return done, erased

    def prove(self, user_id: str, learned: LearnedFromChat, erased: dict[str, int]) -> ForgetReceipt:
        """Do the second half of `forget`, after the transaction: search for what was erased by its words and ids."""
        texts = learned.erased_texts[:MAX_LOOKED_FOR]
        vectors = _vectors(self._embedder, texts)
        ids = {each.memory_id for each in learned.with_outcome("erased")}
        found = 0
        # Without vectors, the rows that are left are counted all the same.
        for words, vector in zip(texts, vectors, strict=True) if vectors else ():
            near = self._store.nearest(user_id, vector, 3)
            found += any(each.id in ids or (each.text == words and each.id in learned.changed_ids) for each in near)
        with self._database.as_user(user_id) as connection:
            again = self._learned(connection, learned.run_id, learned.messages)
            erased_ids = {"ids": sorted(ids)}
            waits = connection.scalar(text(f"{_INDEX_WAITS} and id = any(:ids)"), erased_ids) if ids else 0
        left = {each.memory_id for each in learned.with_outcome("left")}
        rows = len(again.episodes) + sum(each.memory_id not in left for each in again.memories)
        looked_for, searched = len(vectors or ()), vectors is not None
        return ForgetReceipt(learned, erased, datetime.now(UTC), looked_for, found, rows, searched, waits or 0)

    def _learned(self, connection: Connection, run_id: str, messages: Collection[str]) -> LearnedFromChat:
        run_id, named = storable(run_id), {storable(each) for each in messages}
        episodes = self._episodes.of_chat(connection, run_id, named)
        message_ids = sorted({*named, *(message for _, message in episodes if message)})
        histories = self._history.of_chat(connection, run_id, message_ids)
        memories = [_learned_memory(events, message_ids, run_id) for events in histories.values()]
        erased = {each.memory_id for each in memories if each.outcome == "erased"}
        merged = self._store.made_of(connection, sorted(erased)) if erased else []
        memories += [_merged(fact, erased) for fact in merged if fact.id not in histories]
        kept = len({message or episode for episode, message in episodes})
        return LearnedFromChat(run_id, tuple(memories), tuple(each for each, _ in episodes), tuple(message_ids), kept)

    def _restored(self, connection: Connection, memory: LearnedMemory, vectors: Vectors) -> LearnedMemory:
        """Restore a memory with its vector, and erase the chat's versions from its history.

        Without a vector for the text from before, delete the memory, so that nothing of the chat stays.
        """
        if memory.outcome != "restored":
            return memory
        self._store.sign(connection, "person", REASON)
        first, last = memory.events[0], memory.events[-1]
        # All that the chat changed is taken back as one change, so what it wrote in between needs no vector.
        change = replace(first, action="update", new_metadata=last.new_metadata)
        if not self._history.has_vector(connection, first, vectors):
            self._store.delete(connection, memory.memory_id)
            return replace(memory, outcome="deleted", deletion=self._history.delete_instead(connection, first))
        try:
            with connection.begin_nested():
                self._history.take_back(connection, change, vectors)
        except InvalidInput:  # another memory now has the old text
            return LearnedMemory(memory.memory_id, memory.text, "left", reason=SAME)
        self._history.erase_since(connection, memory.memory_id, first.event)
        return memory


def _learned_memory(events: Sequence[Event], messages: Sequence[str], run_id: str) -> LearnedMemory:
    """Decide the outcome for one memory from its whole history, the oldest change first."""
    own = _own_events(events, set(messages), run_id)
    latest = events[-1]
    memory_id, deleted = latest.memory_id, latest.action == "delete"
    current = _data(latest.old_metadata if deleted else latest.new_metadata)
    texts = tuple(sorted({_data(each.new_metadata) for each in events if each.event in own and each.new_metadata}))
    standing = standing_changes([(each.event, each.undoes) for each in events])
    later = [each for each in events if each.event in standing - own and _changes_words(each)]
    if events[0].event in own:
        if later:
            return LearnedMemory(memory_id, current, "left", reason=CHANGED)
        if not deleted and (latest.new_metadata or {}).get(
            "merged_from"
        ):  # it also replaces memories that other chats added
            return LearnedMemory(memory_id, current, "left", reason=MERGED)
        return LearnedMemory(memory_id, current, "erased", texts=texts)
    if deleted:
        return LearnedMemory(memory_id, current, "left", reason=DELETED)
    last = _own_events_at_the_end(events, own)
    if not last:
        return LearnedMemory(memory_id, current, "left", reason=CHANGED)
    before = _data(last[0].old_metadata)
    return LearnedMemory(memory_id, current, "restored", before, events=tuple(last), texts=tuple(set(texts) - {before}))


def _own_events(events: Sequence[Event], messages: set[str], run_id: str) -> set[int]:
    """Return the numbers of the changes that a chat made, and of those that undid one of them."""
    own: set[int] = set()
    for event in events:
        added = event.action == "add" and (event.new_metadata or {}).get("run_id") == run_id and event.undoes is None
        if event.message_id in messages or added or event.undoes in own:
            own.add(event.event)
    return own


def _own_events_at_the_end(events: Sequence[Event], own: set[int]) -> list[Event]:
    """Return the changes of a chat that are the last ones, with what else was changed between them but the words."""
    first = len(events)
    for place in reversed(range(len(events))):
        if events[place].event in own:
            first = place
        elif first == len(events) or _changes_words(events[place]):
            break
    return list(events[first:])


def _changes_words(event: Event) -> bool:
    return event.new_metadata is not None and _data(event.new_metadata) != _data(event.old_metadata)


def _data(metadata: object) -> str:
    return str(metadata.get("data", "")) if isinstance(metadata, dict) else ""


def _merged(fact: Fact, erased: set[str]) -> LearnedMemory:
    """Decide the outcome for a memory that tidying made of others: it is erased if all of them are."""
    parents = fact.metadata.get("summary_of")
    if isinstance(parents, list) and parents and erased.issuperset(map(str, parents)):
        return LearnedMemory(fact.id, fact.text, "erased", texts=(fact.text,))
    return LearnedMemory(fact.id, fact.text, "left", reason=MERGED)
