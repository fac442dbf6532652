"""Forgetting what one talk taught: what it would take away, doing it in one transaction, and a receipt that asks again.

What the talk added is erased for good, with every version. What it changed goes back to what stood before, unless
somebody changed it since. What it removed stays removed: forgetting more brings nothing back. It knows no chat: a talk
is a `run_id`, and the ids of its messages where the caller knows them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import Connection, text

from ..database import Database
from ..embed import Embedder
from ..errors import InvalidInput
from ..learn.episodes import Episodes
from ..learn.questions import Questions
from ..plain_text import storable
from ..rows.history import Event, History
from ..rows.store import Store
from ..upkeep.profile import Profiles

__all__ = ["Learned", "Talks", "Taught", "Unlearned"]

Fate = Literal["erased", "restored", "left"]
MAX_ASKED_AGAIN = 200
# Why something is left as it is.
CHANGED, MERGED, REMOVED, SAME = "changed since", "merged", "removed", "said elsewhere"


@dataclass(frozen=True)
class Learned:
    """One memory that a talk added or changed, and what becomes of it."""

    memory_id: str
    text: str
    fate: Fate
    before: str | None = None  # what it says once it is taken back
    reason: str = ""  # why it is left
    events: tuple[Event, ...] = field(default=(), repr=False)  # the talk's own, at the end of its history
    texts: tuple[str, ...] = ()  # all that the talk made it say


@dataclass(frozen=True)
class Taught:
    """Everything that one talk taught."""

    run_id: str
    lessons: tuple[Learned, ...] = ()
    episodes: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()

    def with_fate(self, fate: Fate) -> list[Learned]:
        """Those that are erased, taken back, or left."""
        return [each for each in self.lessons if each.fate == fate]

    @property
    def ids(self) -> list[str]:
        """What must not be quoted any more: erased memories, and what was said."""
        return [*(each.memory_id for each in self.with_fate("erased")), *self.episodes]

    @property
    def texts(self) -> list[str]:
        """The words that must not be quoted any more."""
        gone = [*self.with_fate("erased"), *self.with_fate("restored")]
        return sorted({words for each in gone for words in each.texts})


@dataclass(frozen=True)
class Unlearned:
    """The receipt: what went, what was taken back, what was left and why, and what was found when asked again."""

    taught: Taught
    removed: dict[str, int]
    done_at: datetime
    asked_again: int = 0
    found_again: int = 0
    rows_left: int = 0

    @property
    def proved(self) -> bool:
        """Whether nothing of it is left but what is said to be left."""
        return self.found_again == 0 and self.rows_left == 0


class Talks:
    """One user's talks, and what each of them taught."""

    def __init__(self, database: Database, store: Store, embedder: Embedder) -> None:
        self._database = database
        self._store = store
        self._embedder = embedder
        self._history = History(database)
        self._episodes = Episodes(database)
        self._questions = Questions(database)
        self._profiles = Profiles(database, store)

    def taught(self, run_id: str, *, user_id: str, messages: Collection[str] = ()) -> Taught:
        """What forgetting would do; nothing is changed."""
        with self._database.as_user(user_id) as connection:
            return self._taught(connection, run_id, messages)

    def forget(self, run_id: str, *, user_id: str, messages: Collection[str] = ()) -> Unlearned:
        """Forget what a talk taught, for good."""
        with self._database.as_user(user_id) as connection:
            taught, removed = self.unlearn(connection, run_id, user_id, messages)
        return self.prove(user_id, taught, removed)

    def unlearn(
        self, connection: Connection, run_id: str, user_id: str, messages: Collection[str] = ()
    ) -> tuple[Taught, dict[str, int]]:
        """The first half of `forget`, inside a transaction of the caller that is bound to the user."""
        self._store.one_at_a_time(connection, user_id)
        planned = self._taught(connection, run_id, messages)
        lessons = tuple(self._taken_back(connection, each) for each in planned.lessons)
        done = Taught(run_id, lessons, planned.episodes, planned.messages)
        gone = [each.memory_id for each in done.with_fate("erased")]
        self._store.sign(connection, "person", "forgot what a talk taught")
        removed = {"memories": sum(self._store.remove(connection, each) for each in gone)}
        removed["memory_history"] = self._history.erase(connection, gone)
        removed["episodes"] = self._episodes.erase(connection, done.episodes)
        removed["questions"] = self._questions.erase(connection, done.messages, gone)
        touched = [*gone, *(each.memory_id for each in done.with_fate("restored"))]
        removed["profiles"] = self._profiles.forget(connection, user_id, touched) if touched else 0
        return done, removed

    def prove(self, user_id: str, taught: Taught, removed: dict[str, int]) -> Unlearned:
        """The second half: ask for what went, by its words and by its ids, once the transaction has ended."""
        words = taught.texts[:MAX_ASKED_AGAIN]
        vectors = self._embedder.embed(words) if words else []
        gone = {each.memory_id for each in taught.with_fate("erased")}
        found = 0
        for word, vector in zip(words, vectors, strict=True):
            near = self._store.nearest(user_id, vector, 3)
            found += any(each.id in gone or (each.text == word and each.id in _ids(taught)) for each in near)
        with self._database.as_user(user_id) as connection:
            left = self._taught(connection, taught.run_id, taught.messages)
        kept = {each.memory_id for each in taught.with_fate("left")}
        rows = len(left.episodes) + sum(each.memory_id not in kept for each in left.lessons)
        return Unlearned(taught, removed, datetime.now(UTC), len(words), found, rows)

    def _taught(self, connection: Connection, run_id: str, messages: Collection[str]) -> Taught:
        run_id, given = storable(run_id), {storable(each) for each in messages}
        said, episodes = self._episodes.of_talk(connection, run_id, given)
        asked = sorted({*given, *said})
        by_memory = self._history.of_talk(connection, run_id, asked)
        lessons = [_lesson(events, asked, run_id) for events in by_memory.values()]
        gone = {each.memory_id for each in lessons if each.fate == "erased"}
        made = connection.execute(text(_MADE_OF), {"ids": sorted(gone)}) if gone else ()
        lessons += [_merged(row.id, row.text, row.summary_of, gone) for row in made if row.id not in by_memory]
        return Taught(run_id, tuple(lessons), tuple(episodes), tuple(asked))

    def _taken_back(self, connection: Connection, lesson: Learned) -> Learned:
        """Put one memory back as it stood, vector and all, and take the talk's versions out of its history."""
        if lesson.fate != "restored":
            return lesson
        self._store.sign(connection, "person", "forgot what a talk taught")
        try:
            with connection.begin_nested():
                for each in reversed(lesson.events):
                    self._history.take_back(connection, each, self._embedder.embed)
        except InvalidInput:  # another memory says by now what this one said before
            return Learned(lesson.memory_id, lesson.text, "left", reason=SAME)
        self._history.erase_since(connection, lesson.memory_id, lesson.events[0].event)
        return lesson


# What tidying made of memories, among which are some of these.
_MADE_OF = """
select id, metadata ->> 'data' as text, metadata -> 'summary_of' as summary_of from vecs.memories
where metadata -> 'user_id' = to_jsonb(app.asking())
  and (jsonb_exists_any(metadata -> 'summary_of', :ids) or jsonb_exists_any(metadata -> 'merged_from', :ids))
"""


def _ids(taught: Taught) -> set[str]:
    return {each.memory_id for each in taught.lessons if each.fate != "left"}


def _lesson(events: Sequence[Event], messages: Sequence[str], run_id: str) -> Learned:
    """What becomes of one memory, by its whole history, the oldest first."""
    own = _own(events, set(messages), run_id)
    latest = events[-1]
    memory_id, gone = latest.memory_id, latest.action == "delete"
    says = _data(latest.old_metadata if gone else latest.new_metadata)
    texts = tuple(sorted({_data(each.new_metadata) for each in events if each.event in own and each.new_metadata}))
    later = [each for each in events if each.event not in own and _changes_words(each)]
    if events[0].event in own:
        if later:
            return Learned(memory_id, says, "left", reason=CHANGED)
        if not gone and (latest.new_metadata or {}).get("merged_from"):  # it stands for what others taught as well
            return Learned(memory_id, says, "left", reason=MERGED)
        return Learned(memory_id, says, "erased", texts=texts)
    if gone:
        return Learned(memory_id, says, "left", reason=REMOVED)
    tail = _tail(events, own)
    if not tail:
        return Learned(memory_id, says, "left", reason=CHANGED)
    before = _data(tail[0].old_metadata)
    return Learned(memory_id, says, "restored", before, events=tuple(tail), texts=tuple(set(texts) - {before}))


def _own(events: Sequence[Event], messages: set[str], run_id: str) -> set[int]:
    """The numbers of the changes that a talk made, and of those that took one of them back."""
    own: set[int] = set()
    for each in events:
        added_here = each.action == "add" and (each.new_metadata or {}).get("run_id") == run_id and each.undoes is None
        if each.message_id in messages or added_here or each.undoes in own:
            own.add(each.event)
    return own


def _tail(events: Sequence[Event], own: set[int]) -> list[Event]:
    """The talk's changes at the end of a history."""
    tail: list[Event] = []
    for each in reversed(events):
        if each.event not in own:
            break
        tail.insert(0, each)
    return tail


def _changes_words(event: Event) -> bool:
    return event.new_metadata is not None and _data(event.new_metadata) != _data(event.old_metadata)


def _data(metadata: object) -> str:
    return str(metadata.get("data", "")) if isinstance(metadata, dict) else ""


def _merged(memory_id: str, says: str, parents: object, gone: set[str]) -> Learned:
    """A memory that tidying made of others: it goes where all of them go."""
    if isinstance(parents, list) and parents and gone.issuperset(map(str, parents)):
        return Learned(memory_id, says, "erased", texts=(says,))
    return Learned(memory_id, says, "left", reason=MERGED)
