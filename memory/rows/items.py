"""Items: values that another program keeps about a user under a name, as memories that people see and recall finds.

An item stands in a namespace, a tuple of labels such as ("recipes", "soups"), and has a key there. Its value is a JSON
object. The row says it as text: the value's own text if it has one under `memory`, `text`, `content` or `data`, or else
its JSON. The text is the truth, so an item that the person rewords has the new words. Every other memory stands in the
namespace `LEARNED`, with its id as its key: it can be read and deleted there. This module knows no framework.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from ..arguments import MAX_CONTENT, MAX_LIMIT, content, question
from ..database import Database
from ..embed import Embedder
from ..errors import InvalidInput
from ..facts import Fact, content_hash
from ..filters import Filter, compile_filters, parsed_date
from ..plain_text import storable
from ..recall.rank import RECIPES
from ..recall.search import Query, Recall
from .store import Store

__all__ = ["LEARNED", "Items", "KeptItem", "Namespace"]

Namespace = tuple[str, ...]
LEARNED: Namespace = ("learned",)
_ITEMS = uuid.UUID("0d9c1d5e-1f0a-4c55-8a43-27b1a3b4c9e0")  # the namespace of items' ids
# The keys of an item's row beside those of every memory.
_NAMESPACE, _KEY, _TEXT, _REST = "item_namespace", "item_key", "item_text", "item_rest"
_TEXTS = ("memory", "text", "content", "data")
# All that has to do with the question: what is worth little beside the best is left out here, among those that fit.
_EVERY = replace(RECIPES["facts"], name="items", share=0.0, budget=1_000_000)
PAGE = 500
MAX_LABELS, MAX_NAME = 20, 500


@dataclass(frozen=True)
class KeptItem:
    """An item as it is kept; `score` says how well it answers the question that found it."""

    namespace: Namespace
    key: str
    value: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    score: float | None = None


class Items:
    """Keeps the items of one user at a time."""

    def __init__(self, database: Database, store: Store, embedder: Embedder, recall: Recall) -> None:
        self._database = database
        self._store = store
        self._embedder = embedder
        self._recall = recall

    def put(self, items: Sequence[tuple[Namespace, str, Mapping[str, Any] | None]], *, user_id: str) -> None:
        """Write items, all or none; a value of None deletes the item. Each can be undone."""
        names = [(_checked(namespace, key), key, value) for namespace, key, value in items]
        if any(namespace == LEARNED and value is not None for namespace, _, value in names):
            raise InvalidInput(
                f"Nothing can be put into {LEARNED}, where what was learned stands. Take another namespace."
            )
        # The last one of a name counts.
        rows = {
            _id(user_id, namespace, key): None if value is None else _row(user_id, namespace, key, value)
            for namespace, key, value in names
        }
        written = {each: str(row["data"]) for each, row in rows.items() if row is not None}
        vectors = dict(zip(written, self._embedder.embed([*written.values()]), strict=True)) if written else {}
        with self._database.as_user(user_id) as connection:
            self._store.lock_writes(connection, user_id)
            self._store.sign(connection, "person")
            for each, row in rows.items():
                if row is None:
                    self._store.delete(connection, each)
                else:
                    self._write(connection, each, row, vectors[each])

    def _write(self, connection: Connection, row_id: str, row: Mapping[str, Any], vector: Sequence[float]) -> None:
        known = self._store.lock(connection, row_id)
        if known is None:
            self._store.insert(connection, [(row, vector)], [row_id])
        else:
            self._store.replace(connection, row_id, {**row, "created_at": known.created_at}, vector)

    def get(self, namespace: Namespace, key: str, *, user_id: str) -> KeptItem | None:
        """Return an item; None if there is none."""
        namespace = _checked(namespace, key)
        fact = self._store.get(user_id, _id(user_id, namespace, key))
        item = fact and _item(fact)
        return item if item and (item.namespace, item.key) == (namespace, key) else None

    def find(
        self,
        query: str,
        namespace: Namespace = (),
        *,
        user_id: str,
        limit: int = 10,
        fits: Callable[[Mapping[str, Any]], bool] = lambda value: True,
    ) -> list[KeptItem]:
        """Return the items in and below a namespace that answer a question, best first; none rather than poor ones.

        `fits` says whether a value may be a result.
        """
        if not (words := question(query)):
            return []
        every = self._recall.find(Query(words, user_id, MAX_LIMIT, _EVERY, _below(namespace)))
        found = [item for item in map(_item, every) if fits(item.value)]
        least = (found[0].score or 0) * RECIPES["facts"].share if found else 0
        return [item for item in found if (item.score or 0) >= least][:limit]

    def all(self, namespace: Namespace = (), *, user_id: str) -> list[KeptItem]:
        """Return all items in and below a namespace, the newest first."""
        conditions = _below(namespace)
        found, total = self._store.page(user_id, 1, PAGE, conditions)
        for number in range(2, -(-total // PAGE) + 1):
            found += self._store.page(user_id, number, PAGE, conditions)[0]
        return [_item(fact) for fact in {fact.id: fact for fact in found}.values()]


def _checked(namespace: Namespace, key: str) -> Namespace:
    """Return a namespace as a tuple; raise `InvalidInput` for one, or a key, that cannot be kept."""
    labels = tuple(namespace)
    for each in (*labels, key):
        if not isinstance(each, str) or not 0 < len(each) <= MAX_NAME or storable(each) != each:
            raise InvalidInput(f"The labels of a namespace and the key are texts of at most {MAX_NAME} characters.")
    if len(labels) > MAX_LABELS or any("." in each for each in labels):
        raise InvalidInput(f"A namespace has at most {MAX_LABELS} labels, without dots.")
    return labels


def _id(user_id: str, namespace: Namespace, key: str) -> str:
    """Return the id of an item's row: always the same for the same name, so that it cannot stand twice."""
    if namespace == LEARNED:
        return key
    return str(uuid.uuid5(_ITEMS, json.dumps([user_id, namespace, key])))


def _row(user_id: str, namespace: Namespace, key: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of an item's row. Its role says that it is kept as it was written."""
    moment = datetime.now(UTC).isoformat()
    data, rest = _said(value)
    row = {"data": data, "user_id": user_id, "hash": content_hash(data), "created_at": moment, "updated_at": moment}
    # Each namespace that it is below, so that a filter finds it; the last one is its own.
    above = [".".join(namespace[: depth + 1]) for depth in range(len(namespace))]
    return {**row, "role": "user", _NAMESPACE: above, _KEY: key, **rest}


def _said(value: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Return what an item says, and what else is needed to return its value: the rest of it, as exact JSON."""
    try:
        exact = json.dumps(dict(value))
        readable = json.dumps(dict(value), ensure_ascii=False)
        texts = [name for name in _TEXTS if isinstance(value.get(name), str) and _fits(value[name])]
        rest = json.dumps({name: each for name, each in value.items() if name not in texts})
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise InvalidInput(f"The value of an item is a JSON object: {error}.") from error
    if len(texts) == 1:
        return value[texts[0]], {_TEXT: texts[0], _REST: rest}
    return content(readable if _fits(readable) else exact), {}


def _fits(text: str) -> bool:
    return bool(text) and text.strip() == text and storable(text) == text and len(text) <= MAX_CONTENT


def _item(fact: Fact) -> KeptItem:
    known = fact.metadata
    times = _time(fact.created_at), _time(known.get("updated_at") or fact.created_at)
    above, key = known.get(_NAMESPACE), str(known.get(_KEY))
    namespace = tuple(str(above[-1]).split(".")) if isinstance(above, list) and above else LEARNED
    # Only an item has the id that follows from its name: metadata of callers cannot make another memory one.
    if namespace == LEARNED or fact.id != _id(str(known.get("user_id")), namespace, key):
        return KeptItem(LEARNED, fact.id, {"memory": fact.text, "kind": fact.kind}, *times, fact.score)
    return KeptItem(namespace, key, _value(fact), *times, fact.score)


def _time(written: str | None) -> datetime:
    """Return a time of a row; other programs may have written it."""
    found = parsed_date(str(written))
    moment = found if isinstance(found, datetime) else datetime.fromtimestamp(0, UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _value(fact: Fact) -> dict[str, Any]:
    """Return the value of an item; whatever the person made of its words."""
    if _TEXT in fact.metadata:
        return {fact.metadata[_TEXT]: fact.text, **json.loads(fact.metadata[_REST])}
    try:
        value = json.loads(fact.text)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"text": fact.text}


def _below(namespace: Namespace) -> Filter | None:
    if not namespace:
        return None
    if namespace == LEARNED:
        return compile_filters({_NAMESPACE: {"$exists": False}})
    return compile_filters({_NAMESPACE: {"$contains": ".".join(_checked(namespace, "-"))}})
