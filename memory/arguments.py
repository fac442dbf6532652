"""Checks the arguments of the library's calls. A wrong argument raises `InvalidInput` with one sentence.

Both of mem0's ways to call are accepted: `user_id=…, limit=…` and `filters={"user_id": …}, top_k=…`. This module calls
neither the database nor a model, and does not decide what is worth keeping.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any, Literal
from uuid import UUID

from .database import check_user_id
from .errors import InvalidInput, NotFound
from .facts import ALWAYS, Said
from .filters import Filter, compile_filters, parsed_date, shown
from .plain_text import storable

__all__ = [
    "MAX_CONTENT",
    "MAX_LIMIT",
    "OWN_KEYS",
    "SCOPES",
    "Messages",
    "UserId",
    "asking",
    "change",
    "changed_metadata",
    "check_recall",
    "content",
    "could_be_id",
    "last_day",
    "least_score",
    "limited",
    "messages",
    "moment",
    "named",
    "one_of",
    "own_metadata",
    "question",
    "refuse_expired",
    "refuse_prompts",
    "row_uuid",
    "scope",
    "scoped",
    "told_at",
]

UserId = str | int
Messages = str | Mapping[str, Any] | Said | Sequence["Mapping[str, Any] | Said"]
MAX_LIMIT = 1_000
MAX_CONTENT = 100_000
MAX_ID = 1_000
MAX_NAME = 80
# A row is one flat object, as in mem0, so a caller's key must not replace one of these.
OWN_KEYS = frozenset({"data", "user_id", "hash", "created_at", "updated_at", "role", ALWAYS})
ROLES = ("user", "assistant", "system")
UNREAD = ("tool", "function", "developer")  # roles of messages that tell nothing about a person: they are left out
# Whom a memory belongs to beside its user. Each has an argument of its own, so metadata cannot claim one.
SCOPES = ("agent_id", "app_id", "run_id")


def asking(user_id: UserId | None = None, filters: Mapping[str, Any] | None = None) -> str:
    """Return the user named by `user_id` or in the filters."""
    return scoped(user_id, filters)[0]


def named(identifier: object) -> Any:
    """Return an id as text; ids may be whole numbers, as keys of a table often are. Spaces are part of an id."""
    return str(identifier) if isinstance(identifier, int) and not isinstance(identifier, bool) else identifier


def scoped(user_id: UserId | None = None, filters: Mapping[str, Any] | None = None) -> tuple[str, Filter | None]:
    """Return the user named by `user_id` or in the filters, and the compiled rest of the filters."""
    if not isinstance(filters, Mapping | None):
        raise InvalidInput('filters is a mapping, such as {"user_id": "dave"}.')
    wanted = dict(filters or {})
    owners = [named(each) for each in (user_id, wanted.pop("user_id", None)) if each is not None]
    if not owners:
        only = [each for each in SCOPES if each in wanted]
        reason = f": {' and '.join(only)} alone does not say whose memories" if only else ""
        raise InvalidInput(f'A user id is missing{reason}. Give user_id="dave", or filters={{"user_id": "dave"}}.')
    for name in owners:
        check_user_id(name)
    if len(set(owners)) > 1:
        raise InvalidInput("user_id and filters name two different users: a call is about one.")
    wanted |= {name: named(wanted[name]) for name in SCOPES if name in wanted}
    return str(owners[0]), compile_filters(wanted) if wanted else None


def limited(limit: int, top_k: int | None = None, *, default: int | None = None) -> int:
    """Return the largest number of results to return; `default` is what `limit` is if the caller leaves it out."""
    for name, value in (("limit", limit), ("top_k", limit if top_k is None else top_k)):
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_LIMIT:
            raise InvalidInput(f"{name} must be a whole number from 1 to {MAX_LIMIT}, not {shown(value)}.")
    if top_k is None:
        return limit
    if limit not in (default, top_k) and default is not None:
        raise InvalidInput("limit and top_k mean the same: give one of them.")
    return top_k


def check_recall(before: Sequence[Said], standing: int) -> None:
    """Raise `InvalidInput` unless these are the messages before a question, and a number of standing memories."""
    if not all(isinstance(each, Said) for each in before):
        raise InvalidInput("before holds the messages before the question, each a Said(role, content).")
    if not isinstance(standing, int) or isinstance(standing, bool) or not 0 <= standing <= MAX_LIMIT:
        raise InvalidInput(f"standing must be a whole number from 0 to {MAX_LIMIT}, not {shown(standing)}.")


def question(query: str) -> str:
    """Return the question without surrounding space."""
    if not isinstance(query, str):
        raise InvalidInput("A question is text.")
    return storable(query.strip())[:MAX_CONTENT]


def could_be_id(memory_id: object) -> bool:
    """Return whether this can be the id of a memory; Postgres would refuse anything else."""
    return isinstance(memory_id, str) and 0 < len(memory_id) <= MAX_ID and storable(memory_id) == memory_id


def row_uuid(value: str, missing: str) -> str:
    """Return the id of a row whose ids are UUIDs; raise `NotFound` with the sentence `missing` for any other."""
    try:
        return str(UUID(value))
    except (ValueError, AttributeError, TypeError) as error:
        raise NotFound(missing) from error


def change(event: int | str) -> int | str:
    """Return the number of a change, or the id of a run of changes."""
    if isinstance(event, bool) or not (isinstance(event, int) or could_be_id(event)):
        raise InvalidInput("A change is named by its number in the history, or by its run.")
    return event


def content(text: Any) -> str:
    """Return a text that can be stored."""
    if not isinstance(text, str) or not text.strip():
        raise InvalidInput("A memory needs some text.")
    if len(text) > MAX_CONTENT:
        raise InvalidInput(f"A text to remember has at most {MAX_CONTENT:,} characters; this one has {len(text):,}.")
    return storable(text.strip())


def messages(value: Messages, at: datetime | None = None, run_id: str | None = None) -> list[Said]:
    """Make messages with a time from a string, one message or a list of messages.

    What no person and no assistant said is left out: messages of tools and developers, and those without any text.
    """
    if isinstance(value, str):
        value = {"role": "user", "content": value}
    if isinstance(value, Mapping | Said):
        value = [value]
    if not isinstance(value, Sequence) or not value:
        raise InvalidInput("There is no message to remember.")
    if not isinstance(at, datetime | None) or not isinstance(run_id, str | None):
        raise InvalidInput("at is a datetime, and run_id is text.")
    now = at or datetime.now(UTC)
    return [_checked_message(each, now, run_id and storable(run_id)) for each in value if _is_said(each)]


def _is_said(message: Any) -> bool:
    """Return whether a message may hold words; assistants that call a tool send messages without any."""
    if not isinstance(message, Mapping):
        return True
    return message.get("role") not in UNREAD and _words(message.get("content", "")) is not None


def _words(written: Any) -> Any:
    """Return the text of a content, which may be in parts; None if there is none, as with a picture alone."""
    if not isinstance(written, list):
        return written
    texts = [each.get("text") if isinstance(each, Mapping) else each for each in written]
    return "\n".join(each for each in texts if isinstance(each, str)) or None


def one_of(name: str, value: Any, other_name: str, other: Any) -> Any:
    """Return the value of an argument that has two names; giving both is an error."""
    if value is not None and other is not None:
        raise InvalidInput(f"{name} and {other_name} mean the same: give one of them.")
    return other if value is None else value


def told_at(at: Any) -> datetime | None:
    """Return when something was said, of a datetime, a day, ISO text, or seconds since 1970, which mem0 uses."""
    if isinstance(at, datetime | None):
        return at
    try:
        if isinstance(at, int | float) and not isinstance(at, bool):
            return datetime.fromtimestamp(at, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise InvalidInput("at (or timestamp) is a time in seconds since 1970.") from error
    value = parsed_date(at) if isinstance(at, str) else at
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time.min, UTC)
    if not isinstance(value, datetime):
        raise InvalidInput(f"at (or timestamp) is a datetime, a date, ISO text or seconds since 1970, not {shown(at)}.")
    return _in_utc(value)


def last_day(expires: Any) -> date | None:
    """Return the last day on which a memory holds: a date, or its ISO text."""
    if isinstance(expires, date | None):
        return expires
    try:
        return date.fromisoformat(expires)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"expires (or expiration_date) is a day such as 2027-01-31, not {shown(expires)}."
        ) from error


def own_metadata(metadata: Mapping[str, Any] | None = None, expires: date | str | None = None) -> dict[str, Any]:
    """Return the caller's own keys for a memory; they may not replace the library's keys."""
    if not isinstance(metadata, Mapping | None):
        raise InvalidInput("metadata is a mapping of names to values.")
    expires = last_day(expires)
    extra = dict(metadata or {})
    if any(not isinstance(key, str) or not re.fullmatch(r"\S(.{0,98}\S)?", key) for key in extra):
        raise InvalidInput("The keys of metadata are names of at most 100 characters, without spaces around them.")
    taken = OWN_KEYS & extra.keys()
    if taken:
        raise InvalidInput(f"metadata may not hold {', '.join(sorted(taken))}: the memory layer sets it.")
    if claimed := [each for each in SCOPES if each in extra]:
        raise InvalidInput(f"metadata may not hold {', '.join(claimed)}: give it beside metadata, as {claimed[0]}=….")
    if expires is not None:
        # `strftime` would write years before 1000 without leading zeros.
        extra["expiration_date"] = date(expires.year, expires.month, expires.day).isoformat()
    return _as_json(extra)


def changed_metadata(
    metadata: Mapping[str, Any] | None, expires: date | str | Literal["as it is"] | None
) -> dict[str, Any]:
    """Return the keys of a memory to set; None for one to take away."""
    taken_away = {"expiration_date": None} if expires is None else {}
    return own_metadata(metadata, None if expires == "as it is" else expires) | taken_away


def least_score(threshold: float | None) -> float:
    """Return the score that a result must have at least."""
    if threshold is None:
        return 0.0
    if not isinstance(threshold, int | float) or isinstance(threshold, bool) or not 0 <= threshold <= 1:
        raise InvalidInput(f"threshold is a number from 0 to 1, not {shown(threshold)}.")
    return float(threshold)


def refuse_expired(show_expired: object) -> None:
    """Raise `InvalidInput` if memories whose day is over are asked for."""
    if show_expired:
        raise InvalidInput("Expired memories are not listed; as_of lists what was known on an earlier day.")


def refuse_prompts(memory_type: object, prompt: object) -> None:
    """Raise `InvalidInput` if a call wants to learn in a way of its own."""
    if memory_type is not None:
        raise InvalidInput("memory_type is not offered. Keep text as it is written with infer=False.")
    if prompt is not None:
        raise InvalidInput(
            "A call cannot have a prompt of its own. Set EXTRACT_PROMPT, or pass one for all calls: "
            "Memory(instructions=Instructions(extract=…))."
        )


def scope(**given: str | None) -> dict[str, str]:
    """Return the agent, app and run that a memory belongs to, of those that are named."""
    scopes = {name: named(value) for name, value in given.items()}
    for name, value in scopes.items():
        if not isinstance(value, str | None) or (value is not None and not 0 < len(value.strip()) <= MAX_ID):
            raise InvalidInput(f"{name} is a text of at most {MAX_ID:,} characters.")
    return {name: storable(value) for name, value in scopes.items() if value is not None}


def moment(as_of: datetime | date | str) -> datetime:
    """Make a point in time from a time, a day or ISO text; a day means its end, and a time without a zone is UTC."""
    value: object = parsed_date(as_of) if isinstance(as_of, str) else as_of
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time.max, UTC)
    if not isinstance(value, datetime):
        raise InvalidInput(f"as_of is a datetime, a date or ISO text such as 2026-03-01T12:00Z, not {shown(as_of)}.")
    return _in_utc(value)


def _in_utc(value: datetime) -> datetime:
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError as error:
        raise InvalidInput("This time is outside the calendar.") from error


def _checked_message(message: Any, at: datetime, run_id: str | None) -> Said:
    if isinstance(message, Mapping):
        words = _words(message.get("content", ""))
        message = Said(message.get("role", ""), words, at, run_id=run_id, name=message.get("name"))
    if not isinstance(message, Said) or message.role not in ROLES:
        raise InvalidInput("A message is an object with a role (user, assistant or system) and content.")
    if not isinstance(message.at, datetime):
        raise InvalidInput("The time of a message is a datetime.")
    if not all(isinstance(each, str | None) for each in (message.message_id, message.run_id, message.name)):
        raise InvalidInput("The name, the message_id and the run_id of a message are text.")
    _in_utc(message.at)
    # Times in rows have an offset; a time without a zone counts as UTC.
    when = message.at if message.at.tzinfo else message.at.replace(tzinfo=UTC)
    run = message.run_id and storable(message.run_id)
    name = message.name and storable(message.name.strip())[:MAX_NAME]
    return replace(message, content=content(message.content), at=when, run_id=run, name=name or None)


def _as_json(extra: dict[str, Any]) -> dict[str, Any]:
    try:
        text = json.dumps(extra, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"metadata must be JSON: {error}.") from error
    except RecursionError as error:
        raise InvalidInput("metadata is nested too deeply.") from error
    if storable(text) != text or re.search(r"(?<!\\)(?:\\\\)*\\u0000", text):
        raise InvalidInput("metadata holds characters that no database can store.")
    return extra
