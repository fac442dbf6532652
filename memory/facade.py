"""The memory layer, usable as a library on its own: what is worth keeping about a person, and finding it again.

    memory = Memory()
    memory.add("My name is Dave and I use Redis", user_id="dave")
    memory.search("what is in my stack?", user_id="dave")["results"]

Every call names a user, and nothing of another user exists for it: the database enforces that, not the
filter. Calls and results follow mem0's, whose rows are shared. It knows no chat and no page.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from datetime import date, datetime
from typing import Any, Self

from sqlalchemy import Connection

from . import arguments
from .arguments import Messages
from .connect import FROM_SETTINGS, FromSettings, configured, parts
from .database import Database, check_user_id
from .embed import Embedder
from .errors import NotFound
from .facts import Fact, Plan, Result, Said
from .forget.erase import Eraser, Receipt
from .forget.unlearn import Talks
from .imports.queue import ImportQueue
from .learn.episodes import Episodes, episode_id
from .learn.extract import Instructions, instructions_for
from .learn.keeper import Keeper
from .learn.questions import Choice, Question, Questions
from .model import Model
from .recall.rank import RECIPES, Recipe
from .recall.rerank import CrossEncoderReranker, ModelReranker, Reranker
from .recall.search import Query, Recall
from .rows.graph import Graph
from .rows.history import Event, History
from .rows.people import People, Person
from .rows.store import Store
from .upkeep.bulk_edit import BulkEdit
from .upkeep.checks import Checks
from .upkeep.health import HealthCheck
from .upkeep.profile import Profile, Profiles
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
    """Adds, finds, changes, takes back and erases what is remembered about each user."""

    def __init__(
        self,
        database: Database | str | None = None,
        embedder: Embedder | None = None,
        model: Model | FromSettings | None = FROM_SETTINGS,
        instructions: Instructions | None = None,
        reranker: Reranker | None = None,
    ) -> None:
        standing = parts(database, embedder, model)
        self._opened: ExitStack = standing.opened
        self._database = standing.database
        self._embedder = standing.embedder
        self._store = Store(standing.database, standing.embedder.dimensions)
        told = instructions or _instructions(model)
        self._keeper = Keeper(standing.database, self._store, standing.embedder, standing.model, told)
        self._recall = Recall(standing.database, self._store, standing.embedder, standing.model, reranker)
        self._history = History(standing.database)
        self._eraser = Eraser(standing.database, self._store, standing.embedder)
        self._tidy = Tidy(standing.database, self._store, standing.embedder, standing.model)
        self.questions = Questions(standing.database)
        self.people = People(standing.database)
        self.episodes = Episodes(standing.database)
        self.profiles = Profiles(standing.database, self._store, standing.model)
        self.graph = Graph(standing.database)
        self.import_queue = ImportQueue(standing.database, by_model=standing.model is not None)
        self.shelf = BulkEdit(standing.database, self._store, standing.embedder)
        self.talks = Talks(standing.database, self._store, standing.embedder)
        self.health = HealthCheck(standing.database, self._tidy)
        self.checks = Checks(standing.database, self._store, self._recall)
        self.confirming = Recheck(standing.database, self._store)

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
        """What is remembered about a question, best first; nothing rather than noise.

        `before` is what was said before it, `without` the ids of memories to do without; `standing` asks for so
        many of what holds whatever is asked, which come last and without a score.
        """
        whose, conditions = arguments.scoped(user_id, filters)
        asked, most = arguments.question(query), arguments.limited(limit)
        if not asked:
            return []
        then = None if as_of is None else arguments.moment(as_of)
        return self._recall.find(
            Query(asked, whose, most, recipe, conditions, then, before, frozenset(without), standing)
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
        """`recall` in mem0's shape; with `explain` each result says what its score is made of."""
        whose, _ = arguments.scoped(user_id, filters)
        most = arguments.limited(limit, top_k, default=10)
        rest = {key: value for key, value in (filters or {}).items() if key != "user_id"}
        facts = self.recall(query, user_id=whose, limit=most, filters=rest, recipe=recipe, as_of=as_of)
        return {"results": [fact.result(explain=explain) for fact in facts]}

    def get(self, memory_id: str, *, user_id: str) -> Result | None:
        """One memory, or None if this user has no such."""
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
        """Everything remembered about a user, now or as of a moment, the newest first."""
        whose, conditions = arguments.scoped(user_id, filters)
        most = arguments.limited(limit, top_k, default=100)
        if as_of is None:
            facts = self._store.all(whose, most, conditions)
        else:
            facts = self._history.as_of(whose, arguments.moment(as_of), most, conditions)
        return {"results": [fact.result() for fact in facts]}

    def use(self, *, user_id: str) -> dict[str, dict[str, Any]]:
        """How often each memory was recalled and confirmed, and when last."""
        return self._store.use(user_id)

    # -- keeping ---------------------------------------------------------------------------------

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
    ) -> dict[str, list[dict[str, Any]]]:
        """Keep what is worth keeping of these messages, or with `infer=False` each message as it was said."""
        whose, extra = arguments.asking(user_id), arguments.own_metadata(metadata, expires)
        said = arguments.messages(messages, at, run_id)
        keep = self._keeper.learn if infer else self._keeper.as_said
        return {"results": keep(said, whose, extra)}

    def plan(self, said: Sequence[Said], *, user_id: str, learn: bool = True) -> Plan:
        """What these messages will change, or with `learn=False` only that they were said; nothing is written."""
        check_user_id(user_id)
        return self._keeper.plan(said, user_id) if learn else self._keeper.plan_as_said(said, user_id)

    def write(self, connection: Connection, plan: Plan, used: Collection[str] = ()) -> list[dict[str, Any]]:
        """Carry a plan out inside a transaction bound to its user; `MemoryChanged` if it is outdated.

        `used` are the memories that the reply among these messages was given.
        """
        return self._keeper.write(connection, plan, {}, used)

    def count_recalled(self, connection: Connection, ids: Sequence[str]) -> None:
        """Note that memories were given to a reply."""
        self._store.count_use(connection, ids)

    def update(self, memory_id: str, data: str, *, user_id: str) -> Result:
        """Change what a memory says, as the person."""
        return self._keeper.put(memory_id, arguments.content(data), user_id).result()

    def confirm(self, memory_id: str, *, user_id: str) -> None:
        """Note that a memory still holds, as the person; a version in its history like any other."""
        if not self.confirming.confirm([memory_id], user_id=user_id).count:
            raise NotFound("There is no such memory.")

    def tidy(self, *, user_id: str) -> Report:
        """Merge, summarise, expire, and propose what might go; `undo(report.run)` takes all of it back."""
        return self._tidy.run(user_id)

    def profile(self, *, user_id: str) -> Profile:
        """The page about the person, brought up to date where memories changed; their own lines stand."""
        return self.profiles.refresh(user_id)

    def answer(self, question_id: str, choice: Choice, *, user_id: str) -> Question:
        """What the person says about a contradiction: the new holds, the old, both, or neither."""
        asked = next((each for each in self.questions.open(user_id) if each.id == question_id), None)
        vectors = self._embedder.embed([asked.text]) if asked and choice in ("new", "both") else []
        with self._database.as_user(user_id) as connection:
            self._store.one_at_a_time(connection, user_id)
            question = self.questions.take(connection, question_id, choice)
            self._keeper.settle(connection, user_id, question, choice, vectors)
        return question

    # -- taking back -----------------------------------------------------------------------------

    def history(self, memory_id: str, *, user_id: str) -> list[dict[str, Any]]:
        """Every version of a memory, the oldest first: what, when, by whom and why."""
        return [event.result() for event in self._history.of(user_id, memory_id)]

    def changes(self, *, user_id: str, limit: int = 100) -> list[dict[str, Any]]:
        """The latest changes of a user's memories, the newest first."""
        return [event.result() for event in self._history.latest(user_id, arguments.limited(limit))]

    def undo(self, event: int | str, *, user_id: str) -> list[dict[str, Any]]:
        """Take back one change by its number, or all changes of a run; an undo can be undone."""
        with self._database.as_user(user_id) as connection:
            self._store.one_at_a_time(connection, user_id)
            events = self._history.undo(connection, arguments.change(event), self._store, self._embedder.embed)
        return [each.result() for each in events]

    def delete(self, memory_id: str, *, user_id: str) -> None:
        """Remove one memory; it can be brought back with `undo`."""
        with self._database.as_user(user_id) as connection:
            self._store.one_at_a_time(connection, user_id)
            self._store.sign(connection, "person")
            if not self._store.remove(connection, memory_id):
                raise NotFound("There is no such memory.")

    # -- erasing ---------------------------------------------------------------------------------

    def delete_all(self, *, user_id: str) -> Receipt:
        """Erase everything remembered about a user, every version included; for good, with a receipt."""
        with self._database.as_user(user_id) as connection:
            removed, texts = self.erase(connection, user_id)
        return self.prove_erased(user_id, removed, texts)

    def erase(self, connection: Connection, user_id: str) -> tuple[dict[str, int], list[str]]:
        """The first half of `delete_all`, inside a transaction of the caller that is bound to the user."""
        return self._eraser.erase(connection, user_id)

    def prove_erased(self, user_id: str, removed: dict[str, int], texts: Sequence[str]) -> Receipt:
        """The second half: look for what was removed, after the transaction."""
        return self._eraser.prove(user_id, removed, texts)

    # -- opening and closing ---------------------------------------------------------------------

    def close(self) -> None:
        """Close what this object opened by itself."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _instructions(model: Model | FromSettings | None) -> Instructions:
    """The deployer's own, where the model is the deployer's too."""
    return instructions_for(configured()) if isinstance(model, FromSettings) else Instructions()
