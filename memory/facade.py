"""`Memory`, the whole library in one object: the calls of mem0, and an attribute for each further area.

    memory = Memory()
    memory.add("My name is Dave and I use Redis", user_id="dave")
    memory.search("what is in my stack?", user_id="dave")["results"]

Memories are found, added, changed, deleted and restored with methods of `Memory`; each other area is an object of its
own, such as `memory.graph`. Every call names a user, or the object is bound to one (`memory.for_user("dave")`); the
database itself refuses access to the rows of all others. Calls and results follow mem0's; `AsyncMemory` has the same
calls for asyncio. This module knows no chat and no page.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import ExitStack
from datetime import date, datetime
from functools import wraps
from typing import Any, Concatenate, Literal, NoReturn, ParamSpec, Self, TypeVar

from . import arguments
from .arguments import Messages, UserId
from .connect import FromSettings, configured, from_mem0, open_parts
from .database import Database
from .embed import Embedder
from .erase import ChatMemories, Erasure, Receipt
from .errors import InvalidInput, NotFound
from .facts import Fact, Plan, Result, Said, content_hash
from .filters import Filter
from .imports.queue import ImportQueue
from .index import configured_index
from .index.asking import NearestIds
from .index.feeder import Feeder
from .index.protocol import VectorIndex
from .learn.episodes import Episodes, episode_id
from .learn.extract import Instructions, instructions_for
from .learn.metadata import rewritten, rows_as_said
from .learn.questions import Question, Questions
from .learn.transcripts import Transcripts
from .learn.turns import Changes, Reader, Turns, plan_until_written
from .model import Model
from .recall.rank import RECIPES, Recipe
from .recall.rerank import CrossEncoderReranker, ModelReranker, Reranker
from .recall.search import Query, Recall
from .rows.bulk import Bulk
from .rows.graph import Graph
from .rows.history import Event, History
from .rows.items import Items
from .rows.people import People, Person
from .rows.store import Store
from .settings import settings
from .upkeep.bulk_edit import Always, BulkEdit
from .upkeep.checks import Checks
from .upkeep.health import HealthCheck
from .upkeep.profile import Profiles
from .upkeep.recheck import Recheck
from .upkeep.tidy import Report, Tidy

__all__ = [
    "RECIPES",
    "AsyncMemory",
    "CrossEncoderReranker",
    "Event",
    "Fact",
    "Memory",
    "Messages",
    "ModelReranker",
    "Person",
    "Plan",
    "Question",
    "Receipt",
    "Recipe",
    "Report",
    "Reranker",
    "Result",
    "Said",
    "episode_id",
]

Results = dict[str, list[Result]]
Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


class Memory:
    """Finds, adds, changes, deletes and restores what is remembered about each user."""

    def __init__(
        self,
        database: Database | str | None = None,
        embedder: Embedder | None = None,
        model: Model | FromSettings | None = "from settings",
        instructions: Instructions | None = None,
        reranker: Reranker | None = None,
        index: VectorIndex | FromSettings | None = "from settings",
    ) -> None:
        parts = open_parts(database, embedder, model)
        self._user: str | None = None  # whom the calls are about, if the object is bound to one person
        self._opened: ExitStack = parts.opened
        self._database, self._embedder, model_used = parts.database, parts.embedder, parts.model
        self._store = Store(self._database, self._embedder.dimensions)
        place = self._database, self._store, self._embedder
        self._bulk = Bulk(*place)
        self._history = History(self._database, self._store)
        nearest = self._open_index(index, given=isinstance(database, Database))
        self._recall = Recall(*place, model_used, reranker, nearest)
        told = instructions or _instructions(model)
        self._reader = Reader(self._database, self._store, model_used, told)
        self.turns = Turns(*place, model_used, told)
        self.erasure = Erasure(*place)
        self.chats = ChatMemories(*place)
        self.episodes = Episodes(self._database)
        self.people = People(self._database)
        self.questions = Questions(*place)
        self.recheck = Recheck(self._database, self._store)
        self.always = Always(self._database, self._store)
        self.bulk_edit = BulkEdit(*place)
        self.import_queue = ImportQueue(self._database, by_model=model_used is not None)
        self.graph = Graph(self._database, self._store)
        self.profile = Profiles(self._database, self._store, model_used)
        self.transcripts = Transcripts(self._database, self._store, self.turns)
        self.items = Items(*place, self._recall)
        self.tidy = Tidy(*place, model_used)
        self.health = HealthCheck(self._store)
        self.checks = Checks(self._database, self._store, self._recall)

    def _open_index(self, index: VectorIndex | FromSettings | None, *, given: bool) -> NearestIds | None:
        """Open the index; of a database that was passed in, only one that was passed in, too."""
        wanted = (None if given else configured_index(settings())) if isinstance(index, str) else index
        self.index = Feeder(self._database, self._store, wanted) if wanted else None
        if wanted is None or self.index is None:
            return None
        if wanted is not index:
            self._opened.callback(wanted.close)
        self._opened.callback(self.index.stop)
        return NearestIds(wanted)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Open a memory with mem0's configuration; `InvalidInput` says what to write for what does not map."""
        given = from_mem0(config)
        memory = cls(given.database, given.embedder, given.model, given.instructions)
        memory._opened.push(given.opened)
        return memory

    def for_user(self, user_id: UserId) -> Self:
        """Return the same memory bound to one user, whom its calls need not name; closing it closes nothing."""
        bound = copy.copy(self)
        bound._user, bound._opened = self._owner(user_id), ExitStack()
        return bound

    @property
    def user_id(self) -> str | None:
        """The user whom it is bound to; None if each call names one."""
        return self._user

    def _owner(self, user_id: UserId | None) -> str:
        return self._scoped(user_id)[0]

    def _scoped(self, user_id: UserId | None, filters: Mapping[str, Any] | None = None) -> tuple[str, Filter | None]:
        """Return whom a call is about, and its conditions; raise `InvalidInput` for anybody but whom it is bound to."""
        if self._user is not None and user_id is not None and arguments.named(user_id) != self._user:
            raise InvalidInput("This memory is bound to another user. Call memory.for_user(…) for this one.")
        return arguments.scoped(self._user if user_id is None else user_id, filters)

    # -- finding ---------------------------------------------------------------------------------

    def recall(
        self,
        query: str,
        *,
        user_id: UserId | None = None,
        limit: int = 10,
        recipe: str | Recipe = "everything",
        filters: Mapping[str, Any] | None = None,
        as_of: datetime | date | str | None = None,
        before: Sequence[Said] = (),
        without: Collection[str] = (),
        standing: int = 0,
    ) -> list[Fact]:
        """Return the user's memories that answer a question, best first; none rather than poor ones.

        `before` holds the messages before the question, `without` the ids of memories to leave out. `standing` is how
        many standing memories to add at most; they come last and have no score.
        """
        owner, conditions = self._scoped(user_id, filters)
        question = arguments.question(query)
        limit = arguments.limited(limit)
        if not question:
            return []
        moment = None if as_of is None else arguments.moment(as_of)
        arguments.check_recall(before, standing)
        return self._recall.find(
            Query(question, owner, limit, recipe, conditions, moment, before, frozenset(without), standing)
        )

    def search(
        self,
        query: str,
        *,
        user_id: UserId | None = None,
        limit: int = 10,
        filters: Mapping[str, Any] | None = None,
        top_k: int | None = None,
        recipe: str | Recipe = "everything",
        as_of: datetime | date | str | None = None,
        explain: bool = False,
        threshold: float | None = None,
        rerank: bool | None = None,
        show_expired: bool = False,
    ) -> Results:
        """Return what `recall` finds, in mem0's shape; with `explain`, each result lists the parts of its score.

        Results with a score below `threshold` are left out.
        """
        owner, _ = self._scoped(user_id, filters)
        arguments.refuse_expired(show_expired)
        least = arguments.least_score(threshold)
        if rerank and not self._recall.has_reranker:
            raise InvalidInput("There is no reranker. Set RERANKER, or pass one: Memory(reranker=…).")
        limit = arguments.limited(limit, top_k, default=10)
        rest = {key: value for key, value in (filters or {}).items() if key != "user_id"}
        facts = self.recall(query, user_id=owner, limit=limit, filters=rest, recipe=recipe, as_of=as_of)
        return {"results": [fact.result(explain=explain) for fact in facts if (fact.score or 0) >= least]}

    def get(self, memory_id: str, *, user_id: UserId | None = None) -> Result | None:
        """Return one memory, or something that was said, by the id it has in results; None if the user has no such."""
        owner = self._owner(user_id)
        fact = self._store.get(owner, memory_id) or self.episodes.get(owner, memory_id)
        return fact.result() if fact else None

    def get_all(
        self,
        *,
        user_id: UserId | None = None,
        limit: int = 100,
        filters: Mapping[str, Any] | None = None,
        top_k: int | None = None,
        as_of: datetime | date | str | None = None,
        show_expired: bool = False,
    ) -> Results:
        """Return all memories of a user, the newest first; with `as_of` as they were at that time."""
        owner, conditions = self._scoped(user_id, filters)
        arguments.refuse_expired(show_expired)
        limit = arguments.limited(limit, top_k, default=100)
        if as_of is None:
            facts = self._store.all(owner, limit, conditions)
        else:
            facts = self._history.as_of(owner, arguments.moment(as_of), limit, conditions)
        return {"results": [fact.result() for fact in facts]}

    # -- adding and changing ---------------------------------------------------------------------

    def add(
        self,
        messages: Messages,
        *,
        user_id: UserId | None = None,
        infer: bool = True,
        metadata: Mapping[str, Any] | None = None,
        at: datetime | None = None,
        expires: date | None = None,
        run_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        timestamp: datetime | date | str | float | None = None,
        expiration_date: date | str | None = None,
        memory_type: str | None = None,
        prompt: str | None = None,
    ) -> dict[str, Changes]:
        """Learn what is worth keeping from messages, or with `infer=False` keep each message as it was said.

        `timestamp` and `expiration_date` are mem0's names for `at` and `expires`.
        """
        arguments.refuse_prompts(memory_type, prompt)
        expires_on = arguments.one_of("expires", expires, "expiration_date", expiration_date)
        owner, extra = self._owner(user_id), arguments.own_metadata(metadata, expires_on)
        scope = arguments.scope(agent_id=agent_id, app_id=app_id)
        when = arguments.told_at(arguments.one_of("at", at, "timestamp", timestamp))
        said = arguments.messages(messages, when, arguments.scope(run_id=run_id).get("run_id"))
        if not said:
            return {"results": []}
        if not infer:
            kept = self._bulk.keep(rows_as_said(said, owner, extra | scope), owner, "person")
            return {"results": [{"id": new, "memory": str(row.metadata["data"]), "event": "ADD"} for new, row in kept]}

        def write(plan: Plan) -> Changes:
            return self._carry_out(plan, extra, scope)

        return {"results": plan_until_written(lambda: self.turns.plan(said, user_id=owner, scope=scope), write)[1]}

    def _carry_out(self, plan: Plan, extra: Mapping[str, Any], scope: Mapping[str, str]) -> Changes:
        with self._database.as_user(plan.user_id) as connection:
            changes = self.turns.write(connection, plan, metadata=extra, scope=scope)
            return changes + self.turns.forget(connection, plan)[1] if plan.forgets else changes

    def update(
        self,
        memory_id: str,
        data: str | None = None,
        *,
        user_id: UserId | None = None,
        text: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        expiration_date: date | str | Literal["as it is"] | None = "as it is",
    ) -> Result:
        """Change what a memory says, or its metadata, as the person; a quote proves only the old words, and is dropped.

        Whom and what the new words mention is read again; what they still name of before is kept. `text` is mem0's name
        for `data`. An `expiration_date` of None takes away the date that the memory has.
        """
        owner, written = self._owner(user_id), arguments.one_of("data", data, "text", text)
        keys = arguments.changed_metadata(metadata, expiration_date)
        if written is None and not keys:
            raise InvalidInput("Say what to change: the text, metadata or expiration_date.")
        words = None if written is None else arguments.content(written)
        vectors = [] if words is None else self._embedder.embed([words])
        read = None if words is None else self._reader.read(memory_id, words, user_id=owner)
        with self._database.as_user(owner) as connection:
            self._store.lock_writes(connection, owner)
            fact = self._store.lock(connection, memory_id)
            if fact is None:
                raise NotFound("There is no such memory.")
            if words and "role" not in fact.metadata and self._store.has_text(connection, fact.id, content_hash(words)):
                raise InvalidInput("Another memory already says this.")
            self._store.sign(connection, "person")
            row = fact.metadata if words is None or read is None else rewritten(fact, words, read)
            changed = Fact(memory_id, {key: value for key, value in {**row, **keys}.items() if value is not None})
            if vectors:
                self._store.replace(connection, memory_id, changed.metadata, vectors[0])
            else:
                self._store.rewrite_many(connection, {memory_id: changed.metadata})
        return changed.result()

    # -- history ---------------------------------------------------------------------------------

    def history(self, memory_id: str, *, user_id: UserId | None = None) -> list[dict[str, Any]]:
        """Return every version of a memory, the oldest first: what changed, when, by whom and why."""
        return [event.result() for event in self._history.of(self._owner(user_id), memory_id)]

    def changes(self, *, user_id: UserId | None = None, limit: int = 100) -> list[dict[str, Any]]:
        """Return the latest changes of a user's memories, the newest first."""
        return [event.result() for event in self._history.latest(self._owner(user_id), arguments.limited(limit))]

    def undo(self, event: int | str, *, user_id: UserId | None = None) -> list[dict[str, Any]]:
        """Undo one change by its number, or all changes of a run; an undo can be undone."""
        owner, target = self._owner(user_id), arguments.change(event)
        vectors = self._history.lost_vectors(owner, target, self._embedder.embed)
        with self._database.as_user(owner) as connection:
            self._store.lock_writes(connection, owner)
            events = self._history.undo(connection, target, vectors)
        return [each.result() for each in events]

    # -- deleting --------------------------------------------------------------------------------

    def delete(self, memory_id: str, *, user_id: UserId | None = None) -> dict[str, str]:
        """Delete one memory; `undo` brings it back."""
        owner = self._owner(user_id)
        with self._database.as_user(owner) as connection:
            self._store.lock_writes(connection, owner)
            self._store.sign(connection, "person")
            if not self._store.delete(connection, memory_id):
                raise NotFound("There is no such memory.")
        return {"message": "The memory is deleted; undo brings it back."}

    def delete_all(
        self,
        *,
        user_id: UserId | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
    ) -> Receipt:
        """Erase everything that is remembered about a user, with every version; the receipt proves it.

        Memories of one agent, app or run are not erased alone: `InvalidInput` says how to delete them.
        """
        owner = self._owner(user_id)
        if some := arguments.scope(agent_id=agent_id, app_id=app_id, run_id=run_id):
            raise InvalidInput(
                "delete_all erases everything about a user. To delete some, which can be undone: "
                "memory.bulk_edit.delete("
                f'[each["id"] for each in memory.get_all(user_id={owner!r}, filters={some})["results"]], '
                f"user_id={owner!r})."
            )
        with self._database.as_user(owner) as connection:
            erased, texts = self.erasure.erase(connection, owner)
        return self.erasure.prove(owner, erased, texts)

    def reset(self) -> NoReturn:
        """Refuse to erase the memories of all users, which no call may do."""
        raise InvalidInput(
            "A call is about one user, so nothing erases everybody's memories. Erase a user with "
            "delete_all(user_id=…); to begin again, give Keepsake an empty database."
        )

    # -- closing ---------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the database, embedder and model that this object opened itself."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _awaited(
    call: Callable[Concatenate[Memory, Arguments], Answer],
) -> Callable[Concatenate[AsyncMemory, Arguments], Coroutine[Any, Any, Answer]]:
    """Make a call of `Memory` one to await: it runs in a thread."""

    @wraps(call)
    async def awaited(memory: AsyncMemory, /, *args: Arguments.args, **named: Arguments.kwargs) -> Answer:
        return await asyncio.to_thread(call, memory.sync, *args, **named)

    return awaited


class AsyncMemory:
    """`Memory` for asyncio: the same calls, awaited. `sync` is the `Memory`, for what is not a call of its own.

    memory = AsyncMemory()
    await memory.add("I live in Ghent.", user_id="dave")
    await asyncio.to_thread(memory.sync.graph.whole, user_id="dave")
    """

    def __init__(
        self,
        database: Database | str | None = None,
        embedder: Embedder | None = None,
        model: Model | FromSettings | None = "from settings",
        instructions: Instructions | None = None,
        reranker: Reranker | None = None,
        index: VectorIndex | FromSettings | None = "from settings",
    ) -> None:
        self.sync = Memory(database, embedder, model, instructions, reranker, index)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Open a memory with mem0's configuration."""
        return cls._around(Memory.from_config(config))

    @classmethod
    def _around(cls, memory: Memory) -> Self:
        around = cls.__new__(cls)
        around.sync = memory
        return around

    def for_user(self, user_id: UserId) -> Self:
        """Return the same memory bound to one user, whom its calls need not name."""
        return self._around(self.sync.for_user(user_id))

    recall, search = _awaited(Memory.recall), _awaited(Memory.search)
    get, get_all = _awaited(Memory.get), _awaited(Memory.get_all)
    add, update = _awaited(Memory.add), _awaited(Memory.update)
    history, changes, undo = _awaited(Memory.history), _awaited(Memory.changes), _awaited(Memory.undo)
    delete, delete_all, reset = _awaited(Memory.delete), _awaited(Memory.delete_all), _awaited(Memory.reset)
    close = _awaited(Memory.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _instructions(model: Model | FromSettings | None) -> Instructions:
    """Return the instructions in the settings; the default ones if the caller passed in a model."""
    return instructions_for(configured()) if isinstance(model, str) else Instructions()
