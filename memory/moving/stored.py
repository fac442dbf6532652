"""What another program's store holds, and the memory that it becomes here.

mem0 keeps a text under `data`, with its user, agent, run, times and own keys beside it. LangChain keeps a text as
`page_content`, with metadata of the caller's making. A memory's metadata gives some keys a meaning here (what was said
in which message, what kind it is); another program's values under these names are kept under `imported_…`, so that they
claim nothing. This module opens no store and writes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from .. import arguments
from ..database import check_user_id
from ..errors import InvalidInput
from ..facts import ALWAYS
from ..imports import files
from ..rows.bulk import Row

__all__ = ["Collection", "Owners", "Program", "StoredText", "from_payload"]

Program = Literal["mem0", "LangChain"]
# What mem0 writes for its own search; it is made again here, or not needed.
NOT_NEEDED = ("data", "hash", "text_lemmatized")
TIMES = ("created_at", "updated_at")
# Keys that the memory layer writes into a memory's metadata, and reads there.
WITH_A_MEANING = frozenset(
    {ALWAYS, "confirmed_at", "entities", "happened_at", "kind", "language", "merged_from", "message_id", "part"}
    | {"parts", "quote", "relations", "source", "summary_of", "told_at", "turn", "used"}
)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_OF_AN_APPLICATION = "application:"


@dataclass(frozen=True)
class StoredText:
    """One text in a store: its id there, its words, and what stands beside it."""

    id: str
    words: Any
    metadata: Mapping[str, Any]
    program: Program

    def row(self, owner: str | None, user_key: str, now: datetime) -> Row:
        """Return the memory that it becomes; raise `InvalidInput` if it cannot be one."""
        beside = {name: each for name, each in self.metadata.items() if each is not None}
        beside.pop(user_key, None)
        entry = {name: beside.pop(name) for name in (*arguments.SCOPES, *TIMES) if name in beside}
        entry |= {name: _time(entry[name]) for name in TIMES if name in entry}
        if self.program == "mem0":
            entry |= {"role": beside.pop("role")} if "role" in beside else {}
            beside = {name: each for name, each in beside.items() if name not in NOT_NEEDED}
        entry |= {"id": self.id, "memory": self.words, "metadata": _renamed(beside)}
        metadata, key = files.row(entry, owner or "", now)
        if owner is None:
            del metadata["user_id"]
        return Row(metadata, key)


@dataclass(frozen=True)
class Collection:
    """A collection of a store. Its texts are read one by one, as they are asked for."""

    name: str
    store: str
    size: int
    texts: Iterator[StoredText]


@dataclass(frozen=True)
class Owners:
    """Says whose memories the texts become.

    Anybody who could call the other program could choose the names in its store. So a name that could be the id of a
    person who signs in here counts only where whoever deploys says so: by `named`, for single ids, or by `same_ids`.
    """

    named: Mapping[str, str] = field(default_factory=dict)  # the id there, and the user here
    same_ids: bool = False
    otherwise: str | None = None  # whose memories texts become that name no person
    key: str = "user_id"

    def __post_init__(self) -> None:
        for each in [*self.named.values(), *([self.otherwise] if self.otherwise is not None else [])]:
            check_user_id(each)
            if each.startswith(_OF_AN_APPLICATION):
                raise InvalidInput("Memories of an application's users are added with its key, through the API.")

    def owner(self, stored: StoredText) -> str | None:
        """Return the user, or None if a text names an agent or a run and no person; else raise `InvalidInput`."""
        theirs = arguments.named(stored.metadata.get(self.key))
        if theirs is None or theirs == "":
            if self.otherwise is None and not any(stored.metadata.get(each) for each in ("agent_id", "run_id")):
                raise InvalidInput("It names no person, no agent and no run: give them to one with --user ID.")
            return self.otherwise
        if isinstance(theirs, str) and theirs in self.named:
            return self.named[theirs]
        if not isinstance(theirs, str):
            raise InvalidInput("Its user's id is neither text nor a number.")
        check_user_id(theirs)
        if theirs.startswith(_OF_AN_APPLICATION):
            raise InvalidInput("Its user's id is the form of an application's users: name them with --people FILE.")
        if _UUID.fullmatch(theirs) and not self.same_ids:
            raise InvalidInput(
                "Its user's id could be that of a person who signs in here: say whose they are with --people FILE, "
                "or that the ids are the same here with --same-ids."
            )
        return theirs


def from_payload(text_id: str, payload: Mapping[str, Any]) -> StoredText:
    """Return the text in a payload, of mem0 or of LangChain."""
    beside = payload.get("metadata")
    if "page_content" in payload and isinstance(beside, Mapping | None):
        return StoredText(text_id, payload["page_content"], beside or {}, "LangChain")
    return StoredText(text_id, payload.get("data"), payload, "mem0")


def _renamed(beside: Mapping[str, Any]) -> dict[str, Any]:
    taken = WITH_A_MEANING | arguments.OWN_KEYS
    renamed = {f"imported_{name}" if name in taken else name: each for name, each in beside.items()}
    if "expiration_date" in renamed and not _is_day(renamed["expiration_date"]):
        renamed["imported_expiration_date"] = renamed.pop("expiration_date")
    return renamed


def _is_day(value: object) -> bool:
    try:
        return isinstance(value, str) and arguments.last_day(value) is not None
    except InvalidInput:
        return False


def _time(value: Any) -> str:
    """Return a time as ISO text; stores hold it as text, or as seconds since 1970."""
    try:
        told = arguments.told_at(value)
    except InvalidInput as error:
        raise InvalidInput("Its created_at or updated_at is no time.") from error
    if told is None:
        raise InvalidInput("Its created_at or updated_at is no time.")
    return told.isoformat()
