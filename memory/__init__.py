"""The memory layer, usable as a library on its own: what is worth keeping about a person, and finding it again.

    memory = Memory(database, embedder, model)
    memory.add("My name is Dave and I use Redis", user_id="dave")
    memory.search("what is in my stack?", user_id="dave")["results"]

Every call names a user, and nothing of another user exists for it: the database enforces that, not the
filter. Calls and results follow mem0's, whose rows are shared. It knows no chat and no page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection

from database import Database, check_user_id
from errors import InvalidInput, NotFound
from memory.embed import Embedder
from memory.extract import propose, worth_reading
from memory.facts import Fact, Plan, Result, Said, Write, content_hash
from memory.reconcile import reconcile
from memory.store import Store
from model import Model
from plaintext import storable

__all__ = ["Fact", "Memory", "Messages", "Plan", "Result", "Said"]

Messages = str | Mapping[str, Any] | Said | Sequence["Mapping[str, Any] | Said"]
NEAR = 10
MAX_LIMIT = 1_000
MAX_CONTENT = 100_000
OWN_KEYS = frozenset({"data", "user_id", "hash", "created_at", "updated_at", "role"})


class Memory:
    """Adds, finds, changes and removes what is remembered about each user."""

    def __init__(self, database: Database, embedder: Embedder, model: Model | None = None) -> None:
        self._database = database
        self._embedder = embedder
        self._model = model
        self._store = Store(database, embedder.dimensions)

    # -- finding ---------------------------------------------------------------------------------

    def recall(self, query: str, *, user_id: str, limit: int = 10) -> list[Fact]:
        """The memories nearest to a question, best first."""
        check_user_id(user_id)
        if not isinstance(query, str):
            raise InvalidInput("A question is text.")
        if not query.strip():
            return []
        [vector] = self._embedder.embed([storable(query)])
        return self._store.nearest(user_id, vector, _limited(limit))

    def search(self, query: str, *, user_id: str, limit: int = 10) -> dict[str, list[Result]]:
        """`recall` in mem0's shape."""
        return {"results": [fact.result() for fact in self.recall(query, user_id=user_id, limit=limit)]}

    def get(self, memory_id: str, *, user_id: str) -> Result | None:
        """One memory, or None if this user has no such."""
        fact = self._store.get(user_id, memory_id)
        return fact.result() if fact else None

    def get_all(self, *, user_id: str, limit: int = 100) -> dict[str, list[Result]]:
        """Everything remembered about a user, the newest first."""
        return {"results": [fact.result() for fact in self._store.all(user_id, _limited(limit))]}

    # -- keeping ---------------------------------------------------------------------------------

    def add(
        self,
        messages: Messages,
        *,
        user_id: str,
        infer: bool = True,
        metadata: Mapping[str, Any] | None = None,
        at: datetime | None = None,
        expires: date | None = None,
        run_id: str | None = None,
    ) -> dict[str, list[dict[str, Any]]]:
        """Keep what is worth keeping of these messages, or with `infer=False` each message as it was said."""
        extra = _own_metadata(metadata, expires)
        said = _said(messages, at, run_id)
        if infer:
            plan = self.plan(said, user_id=user_id)
            with self._database.as_user(user_id) as connection:
                return {"results": self.write(connection, plan, extra)}
        check_user_id(user_id)
        vectors = self._embedder.embed([each.content for each in said])
        rows = [
            ({**_base(user_id, each.content, each), **extra, "role": each.role}, v)
            for each, v in zip(said, vectors, strict=True)
        ]
        with self._database.as_user(user_id) as connection:
            self._store.sign(connection, "person")
            ids = self._store.insert(connection, rows)
        return {"results": [_event("ADD", i, each.content) for i, each in zip(ids, said, strict=True)]}

    def plan(self, said: Sequence[Said], *, user_id: str) -> Plan:
        """What these messages will change: the model call and the embedding, without any writing."""
        check_user_id(user_id)
        if not worth_reading(said):
            return Plan(user_id)
        words = "\n".join(each.content for each in said if each.role == "user")
        near = self.recall(words, user_id=user_id, limit=NEAR)
        writes, drops = reconcile(propose(said, near, self._model), said, near)
        texts = [write.text for write in writes if write.action != "delete"]
        vectors = iter(self._embedder.embed(texts) if texts else [])
        aligned = tuple([] if write.action == "delete" else next(vectors) for write in writes)
        return Plan(user_id, tuple(writes), aligned, tuple(drops), "model" if self._model else "rules")

    def write(self, connection: Connection, plan: Plan, extra: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Carry a plan out inside a transaction bound to its user. Returns what was done."""
        self._store.one_at_a_time(connection, plan.user_id)
        # An expired memory would keep the same words from being learned again.
        self._store.sign(connection, "tidy", "expired")
        self._store.remove_expired(connection)
        done = []
        for write, vector in zip(plan.writes, plan.vectors, strict=True):
            self._store.sign(connection, plan.actor, write.reason, write.said.message_id)
            event = self._carry_out(connection, plan.user_id, write, vector, extra or {})
            if event:
                done.append(event)
        return done

    def update(self, memory_id: str, data: str, *, user_id: str) -> Result:
        """Change what a memory says, as the person."""
        text = _content(data)
        [vector] = self._embedder.embed([text])
        with self._database.as_user(user_id) as connection:
            self._store.one_at_a_time(connection, user_id)
            fact = self._store.lock(connection, memory_id)
            if fact is None:
                raise NotFound("There is no such memory.")
            if "role" not in fact.metadata and self._store.holds(connection, fact.id, content_hash(text)):
                raise InvalidInput("Another memory already says this.")
            self._store.sign(connection, "person")
            # The person's edit is its own evidence; the old quote no longer proves what it says.
            said_so = {key: value for key, value in _reworded(fact, text).items() if key != "quote"}
            changed = Fact(memory_id, {**said_so, "source": "person"})
            self._store.replace(connection, memory_id, changed.metadata, vector)
        return changed.result()

    def delete(self, memory_id: str, *, user_id: str) -> None:
        """Remove one memory; its last version stays in the history."""
        with self._database.as_user(user_id) as connection:
            self._store.sign(connection, "person")
            if not self._store.remove(connection, memory_id):
                raise NotFound("There is no such memory.")

    def delete_all(self, *, user_id: str) -> int:
        """Erase everything remembered about a user, history included. Returns how many memories there were."""
        with self._database.as_user(user_id) as connection:
            return self.erase(connection, user_id)

    def erase(self, connection: Connection, user_id: str) -> int:
        """`delete_all` inside a transaction of the caller that is bound to the user."""
        self._store.one_at_a_time(connection, user_id)
        return self._store.erase(connection)

    def _carry_out(
        self,
        connection: Connection,
        user_id: str,
        write: Write,
        vector: Sequence[float],
        extra: Mapping[str, Any],
    ) -> dict[str, Any] | None:
        """Do one write; None where somebody else got there first and nothing is left to do."""
        if write.fact_id is None:
            row = ({**_base(user_id, write.text, write.said), **_learned(write), **extra}, vector)
            new = self._store.insert(connection, [row])
            return _event("ADD", new[0], write.text) if new else None
        fact = self._store.lock(connection, write.fact_id)
        if fact is None:
            return None
        if write.action == "delete" or self._store.holds(connection, fact.id, content_hash(write.text)):
            self._store.remove(connection, fact.id)
            return _event("DELETE", fact.id, fact.text)
        metadata = {**_reworded(fact, write.text), **_learned(write), **extra}
        self._store.replace(connection, fact.id, metadata, vector)
        return {**_event("UPDATE", fact.id, write.text), "previous_memory": fact.text}


def _event(name: str, fact_id: str, text: str) -> dict[str, Any]:
    return {"id": fact_id, "memory": text, "event": name}


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _base(user_id: str, text: str, said: Said) -> dict[str, Any]:
    """What every row has, in mem0's flat form."""
    row = {"data": text, "user_id": user_id, "hash": content_hash(text)}
    # In one zone, so that their order as text is their order in time.
    moment = said.at.astimezone(UTC).isoformat()
    row |= {"created_at": moment, "updated_at": moment}
    return row | ({"run_id": said.run_id} if said.run_id else {})


def _reworded(fact: Fact, text: str) -> dict[str, Any]:
    return {**fact.metadata, "data": text, "hash": content_hash(text), "updated_at": _now()}


def _learned(write: Write) -> dict[str, Any]:
    """What a memory taken from words knows about them; absent rather than null, as mem0 wants it."""
    known = {
        "kind": write.kind,
        "quote": write.quote,
        "message_id": write.said.message_id,
        "happened_at": write.happened_at,
        "confirmed_at": write.said.at.astimezone(UTC).isoformat(),
        "language": write.language,
    }
    return {key: value for key, value in known.items() if value is not None}


def _limited(limit: int) -> int:
    if not isinstance(limit, int) or not 1 <= limit <= MAX_LIMIT:
        raise InvalidInput(f"limit must be a whole number from 1 to {MAX_LIMIT}, not {limit!r}.")
    return limit


def _content(text: Any) -> str:
    if not isinstance(text, str) or not text.strip():
        raise InvalidInput("A memory needs some text.")
    if len(text) > MAX_CONTENT:
        raise InvalidInput(f"A text to remember has at most {MAX_CONTENT:,} characters; this one has {len(text):,}.")
    return storable(text.strip())


def _said(messages: Messages, at: datetime | None, run_id: str | None) -> list[Said]:
    """A string, one message or a list of them, as messages with a time."""
    if isinstance(messages, str):
        messages = {"role": "user", "content": messages}
    if isinstance(messages, Mapping | Said):
        messages = [messages]
    if not isinstance(messages, Sequence) or not messages:
        raise InvalidInput("There is no message to remember.")
    if not isinstance(at, datetime | None) or not isinstance(run_id, str | None):
        raise InvalidInput("at is a datetime, and run_id is text.")
    moment = at or datetime.now(UTC)
    return [_one_said(each, moment, run_id and storable(run_id)) for each in messages]


def _one_said(message: Any, at: datetime, run_id: str | None) -> Said:
    if isinstance(message, Mapping):
        message = Said(message.get("role", ""), message.get("content", ""), at, run_id=run_id)
    if not isinstance(message, Said) or message.role not in ("user", "assistant", "system"):
        raise InvalidInput("A message is an object with a role (user, assistant or system) and content.")
    # A time without a zone is taken for UTC: rows carry an offset.
    moment = message.at if message.at.tzinfo else message.at.replace(tzinfo=UTC)
    return replace(message, content=_content(message.content), at=moment)


def _own_metadata(metadata: Mapping[str, Any] | None, expires: date | None) -> dict[str, Any]:
    """A caller's own keys, which may not overwrite ours."""
    if not isinstance(metadata, Mapping | None) or not isinstance(expires, date | None):
        raise InvalidInput("metadata is a mapping of names to values, and expires is a date.")
    extra = dict(metadata or {})
    if any(not isinstance(key, str) or not re.fullmatch(r"\S{1,100}", key) for key in extra):
        raise InvalidInput("The keys of metadata are words of at most 100 characters.")
    taken = OWN_KEYS & extra.keys()
    if taken:
        raise InvalidInput(f"metadata may not hold {', '.join(sorted(taken))}: the memory layer sets it.")
    if expires is not None:
        extra["expiration_date"] = f"{expires:%Y-%m-%d}"
    try:
        text = json.dumps(extra, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"metadata must be JSON: {error}.") from error
    if storable(text) != text or re.search(r"(?<!\\)(?:\\\\)*\\u0000", text):
        raise InvalidInput("metadata holds characters that no database can store.")
    return extra
