"""LangGraph: a `BaseStore` in which a graph keeps what it knows about people, with their memories in it.

    store = KeepsakeStore(memory)
    graph = builder.compile(store=store)

**Whose memories.** The first label of a namespace is the user: `("dave", "recipes")` belongs to Dave, and the database
shows nobody else's. A store that is made with a bound memory, `KeepsakeStore(memory.for_user("dave"))`, belongs to Dave
whatever the namespaces say, and all their labels are names of his. So a namespace comes from the program, after it has
checked who asks, never from a model. Nothing searches or lists all users.

**Scope.** The labels after the user are the place of an item; they are no agent, app or run. `("dave", "learned")` has
what was learned or added elsewhere, by id: it can be searched, read and deleted there, and nothing can be put into it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import InvalidInput
from ..facade import AsyncMemory, Memory
from ..rows.items import KeptItem, Namespace
from . import bound, missing

try:
    from langgraph.store.base import (
        BaseStore,
        GetOp,
        Item,
        ListNamespacesOp,
        MatchCondition,
        Op,
        PutOp,
        Result,
        SearchItem,
        SearchOp,
        validate_op_namespace,
    )
except ModuleNotFoundError as error:
    raise missing("langgraph", "langgraph", error) from error

__all__ = ["KeepsakeStore"]

_NO_USER = "The first label of a namespace says whose it is, so that a search needs at least one."


class KeepsakeStore(BaseStore):
    """Items as memories: people see and correct them, every change can be undone, and search finds them.

    A value is a JSON object. With a `query`, search returns what answers it and nothing rather than what does not fit,
    without a `query` the newest first. All of a value is searched; `index=False` and lists of fields change nothing.
    """

    def __init__(self, memory: Memory | AsyncMemory, *, user_id: str | None = None) -> None:
        plain = memory.sync if isinstance(memory, AsyncMemory) else memory
        self._user: str | None = None
        self._memory = plain
        if user_id is not None or plain.user_id is not None:
            self._memory, self._user = bound(memory, user_id)

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Carry out reads and writes: the reads first, then the writes of each user together."""
        several = list(ops)
        for op in several:
            validate_op_namespace(op)
        puts: dict[str, list[tuple[Namespace, str, Mapping[str, Any] | None]]] = {}
        for op in several:
            if isinstance(op, PutOp):
                user, namespace = self._place(op.namespace)
                puts.setdefault(user, []).append((namespace, op.key, op.value))
        results = [None if isinstance(op, PutOp) else self._read(op) for op in several]
        for user, items in puts.items():
            self._memory.items.put(items, user_id=user)
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Do what `batch` does, in a thread."""
        return await asyncio.to_thread(self.batch, list(ops))

    def _read(self, op: GetOp | SearchOp | ListNamespacesOp) -> Result:
        if isinstance(op, GetOp):
            user, namespace = self._place(op.namespace)
            found = self._memory.items.get(namespace, op.key, user_id=user)
            return Item(**self._shown(user, found)) if found else None
        return self._search(op) if isinstance(op, SearchOp) else self._namespaces(op)

    def _search(self, op: SearchOp) -> list[SearchItem]:
        user, namespace = self._place(op.namespace_prefix)
        end = op.offset + op.limit

        def fits(value: Mapping[str, Any]) -> bool:
            return all(_fits(value.get(name), wanted) for name, wanted in (op.filter or {}).items())

        if op.query:
            found = self._memory.items.find(op.query, namespace, user_id=user, limit=max(end, 1), fits=fits)
        else:
            found = [each for each in self._memory.items.all(namespace, user_id=user) if fits(each.value)]
        return [SearchItem(**self._shown(user, each), score=each.score) for each in found[op.offset : end]]

    def _namespaces(self, op: ListNamespacesOp) -> list[Namespace]:
        conditions = op.match_conditions or ()
        user = self._user or next(
            (each.path[0] for each in conditions if each.match_type == "prefix" and each.path), "*"
        )
        if user == "*":
            raise InvalidInput(_NO_USER)
        kept = {self._full(str(user), each.namespace) for each in self._memory.items.all(user_id=str(user))}
        fitting = [each for each in kept if all(_matches(condition, each) for condition in conditions)]
        return sorted({each[: op.max_depth] for each in fitting})[op.offset : op.offset + op.limit]

    def _place(self, namespace: Namespace) -> tuple[str, Namespace]:
        """Return whose a namespace is, and which of theirs."""
        if self._user is not None:
            return self._user, tuple(namespace)
        if not namespace:
            raise InvalidInput(_NO_USER)
        return namespace[0], tuple(namespace[1:])

    def _full(self, user: str, namespace: Namespace) -> Namespace:
        return namespace if self._user is not None else (user, *namespace)

    def _shown(self, user: str, item: KeptItem) -> dict[str, Any]:
        return {
            "namespace": self._full(user, item.namespace),
            "key": item.key,
            "value": item.value,
            "created_at": item.created_at,
            "updated_at": item.updated_at,
        }


def _matches(condition: MatchCondition, namespace: Namespace) -> bool:
    path = tuple(condition.path)
    if len(path) > len(namespace):
        return False
    part = namespace[: len(path)] if condition.match_type == "prefix" else namespace[len(namespace) - len(path) :]
    return all(wanted in ("*", label) for wanted, label in zip(path, part, strict=True))


def _fits(value: Any, wanted: Any) -> bool:
    """Compare a value as LangGraph's own stores do: with a value, an object's parts, or operators."""
    if not isinstance(wanted, Mapping):
        return bool(value == (list(wanted) if isinstance(wanted, tuple) else wanted))
    if any(str(name).startswith("$") for name in wanted):
        return all(_compare(value, str(name), other) for name, other in wanted.items())
    return isinstance(value, Mapping) and all(_fits(value.get(name), test) for name, test in wanted.items())


def _compare(value: Any, operator: str, other: Any) -> bool:
    if operator in ("$eq", "$ne"):
        return bool(value == other) is (operator == "$eq")
    if operator not in ("$gt", "$gte", "$lt", "$lte"):
        raise InvalidInput(f"{operator} is no operator; there are $eq, $ne, $gt, $gte, $lt and $lte.")
    if not all(isinstance(each, int | float) for each in (value, other)):
        return False
    return bool({"$gt": value > other, "$gte": value >= other, "$lt": value < other, "$lte": value <= other}[operator])
