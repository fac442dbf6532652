"""`Memory`, the whole library in one object: the calls of mem0, and an attribute for each further area.

    memory = Memory()
    memory.add("My name is Dave and I use Redis", user_id="dave")
    memory.search("what is in my stack?", user_id="dave")["results"]

Memories are found, added, changed, deleted and restored with methods of `Memory`; each other area is an object of its
own, such as `memory.graph`. Every call names a user, and the database itself refuses access to the rows of all others.
Calls and results follow mem0's. This module knows no chat and no page.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime
from typing import Any, Self

from . import arguments
from .arguments import Messages
from .connect import FromSettings, configured, open_parts
from .database import Database
from .embed import Embedder
from .erase import ChatMemories, Erasure, Receipt
from .errors import InvalidInput, NotFound
from .facts import Fact, Plan, Result, Said, content_hash
from .imports.queue import ImportQueue
from .learn.episodes import Episodes, episode_id
from .learn.extract import Instructions, instructions_for
from .learn.metadata import reworded, rows_as_said
from .learn.questions import Question, Questions
from .learn.turns import Changes, Turns, plan_until_written
from .model import Model
from .recall.rank import RECIPES, Recipe
from .recall.rerank import CrossEncoderReranker, ModelReranker, Reranker
from .recall.search import Query, Recall
from .rows.bulk import Bulk
from .rows.graph import Graph
from .rows.history import Event, History
from .rows.people import People, Person
from .rows.store import Store
from .upkeep.bulk_edit import BulkEdit
from .upkeep.checks import Checks
from .upkeep.health import HealthCheck
from .upkeep.profile import Profiles
from .upkeep.recheck import Recheck
from .upkeep.tidy import Report, Tidy

__all__ = [
    "RECIPES",
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


class Memory:
    """Finds, adds, changes, deletes and restores what is remembered about each user."""

    def __init__(
        self,
        database: Database | str | None = None,
        embedder: Embedder | None = None,
        model: Model | FromSettings | None = "from settings",
        instructions: Instructions | None = None,
        reranker: Reranker | None = None,
    ) -> None:
        parts = open_parts(database, embedder, model)
        self._opened: ExitStack = parts.opened
        self._database, self._embedder, model_used = parts.database, parts.embedder, parts.model
        self._store = Store(self._database, self._embedder.dimensions)
        place = self._database, self._store, self._embedder
        self._bulk = Bulk(*place)
        self._history = History(self._database, self._store)
        self._recall = Recall(*place, model_used, reranker)
        self.turns = Turns(*place, model_used, instructions or _instructions(model))
        self.erasure = Erasure(*place)
        self.chats = ChatMemories(*place)
        self.episodes = Episodes(self._database)
        self.people = People(self._database)
        self.questions = Questions(*place)
        self.recheck = Recheck(self._database, self._store)
        self.bulk_edit = BulkEdit(*place)
        self.import_queue = ImportQueue(self._database, by_model=model_used is not None)
        self.graph = Graph(self._database, self._store)
        self.profile = Profiles(self._database, self._store, model_used)
        self.tidy = Tidy(*place, model_used)
        self.health = HealthCheck(self._store)
        self.checks = Checks(self._database, self._store, self._recall)

    # -- finding ---------------------------------------------------------------------------------

    def recall(
        self,
        query: str,
        *,
        user_id: str,
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
        owner, conditions = arguments.scoped(user_id, filters)
        question = arguments.question(query)
        limit = arguments.limited(limit)
        if not question:
            return []
        moment = None if as_of is None else arguments.moment(as_of)
        return self._recall.find(
            Query(question, owner, limit, recipe, conditions, moment, before, frozenset(without), standing)
        )

    def search(
        self,
        query: str,
        *,
        user_id: str | None = None,
        limit: int = 10,
        filters: Mapping[str, Any] | None = None,
        top_k: int | None = None,
        recipe: str | Recipe = "everything",
        as_of: datetime | date | str | None = None,
        explain: bool = False,
    ) -> Results:
        """Return what `recall` finds, in mem0's shape; with `explain`, each result lists the parts of its score."""
        owner, _ = arguments.scoped(user_id, filters)
        limit = arguments.limited(limit, top_k, default=10)
        rest = {key: value for key, value in (filters or {}).items() if key != "user_id"}
        facts = self.recall(query, user_id=owner, limit=limit, filters=rest, recipe=recipe, as_of=as_of)
        return {"results": [fact.result(explain=explain) for fact in facts]}

    def get(self, memory_id: str, *, user_id: str) -> Result | None:
        """Return one memory, or None if this user has no such memory."""
        return fact.result() if (fact := self._store.get(user_id, memory_id)) else None

    def get_all(
        self,
        *,
        user_id: str | None = None,
        limit: int = 100,
        filters: Mapping[str, Any] | None = None,
        top_k: int | None = None,
        as_of: datetime | date | str | None = None,
    ) -> Results:
        """Return all memories of a user, the newest first; with `as_of` as they were at that time."""
        owner, conditions = arguments.scoped(user_id, filters)
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
        user_id: str | None = None,
        infer: bool = True,
        metadata: Mapping[str, Any] | None = None,
        at: datetime | None = None,
        expires: date | None = None,
        run_id: str | None = None,
    ) -> dict[str, Changes]:
        """Learn what is worth keeping from messages, or with `infer=False` keep each message as it was said."""
        owner, extra = arguments.asking(user_id), arguments.own_metadata(metadata, expires)
        said = arguments.messages(messages, at, run_id)
        if not infer:
            kept = self._bulk.keep(rows_as_said(said, owner, extra), owner, "person")
            return {"results": [{"id": new, "memory": str(row.metadata["data"]), "event": "ADD"} for new, row in kept]}

        def write(plan: Plan) -> Changes:
            with self._database.as_user(owner) as connection:
                return self.turns.write(connection, plan, metadata=extra)

        return {"results": plan_until_written(lambda: self.turns.plan(said, user_id=owner), write)[1]}

    def update(self, memory_id: str, data: str, *, user_id: str) -> Result:
        """Change what a memory says, as the person; the old quote, which proves only the old text, is dropped."""
        words = arguments.content(data)
        [vector] = self._embedder.embed([words])
        with self._database.as_user(user_id) as connection:
            self._store.lock_writes(connection, user_id)
            fact = self._store.lock(connection, memory_id)
            if fact is None:
                raise NotFound("There is no such memory.")
            if "role" not in fact.metadata and self._store.has_text(connection, fact.id, content_hash(words)):
                raise InvalidInput("Another memory already says this.")
            self._store.sign(connection, "person")
            changed = Fact(memory_id, {**reworded(fact, words, datetime.now(UTC)), "source": "person"})
            self._store.replace(connection, memory_id, changed.metadata, vector)
        return changed.result()

    # -- history ---------------------------------------------------------------------------------

    def history(self, memory_id: str, *, user_id: str) -> list[dict[str, Any]]:
        """Return every version of a memory, the oldest first: what changed, when, by whom and why."""
        return [event.result() for event in self._history.of(user_id, memory_id)]

    def changes(self, *, user_id: str, limit: int = 100) -> list[dict[str, Any]]:
        """Return the latest changes of a user's memories, the newest first."""
        return [event.result() for event in self._history.latest(user_id, arguments.limited(limit))]

    def undo(self, event: int | str, *, user_id: str) -> list[dict[str, Any]]:
        """Undo one change by its number, or all changes of a run; an undo can be undone."""
        with self._database.as_user(user_id) as connection:
            self._store.lock_writes(connection, user_id)
            events = self._history.undo(connection, arguments.change(event), self._embedder.embed)
        return [each.result() for each in events]

    # -- deleting --------------------------------------------------------------------------------

    def delete(self, memory_id: str, *, user_id: str) -> None:
        """Delete one memory; `undo` brings it back."""
        with self._database.as_user(user_id) as connection:
            self._store.lock_writes(connection, user_id)
            self._store.sign(connection, "person")
            if not self._store.delete(connection, memory_id):
                raise NotFound("There is no such memory.")

    def delete_all(self, *, user_id: str) -> Receipt:
        """Erase everything that is remembered about a user, with every version; the receipt proves it."""
        with self._database.as_user(user_id) as connection:
            erased, texts = self.erasure.erase(connection, user_id)
        return self.erasure.prove(user_id, erased, texts)

    # -- closing ---------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the database, embedder and model that this object opened itself."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _instructions(model: Model | FromSettings | None) -> Instructions:
    """Return the instructions in the settings; the default ones if the caller passed in a model."""
    return instructions_for(configured()) if isinstance(model, str) else Instructions()
