"""What a call of the API is: its path, what it takes and answers, and whose memories it is about.

A body that is too long, no JSON, or not of the form that its call takes is refused with one sentence. The memories are
always those of the key's own person: mem0's clients name a user in each call, and here that name may be left out, or be
the person's own id. Any other is refused in the same words, whether there is such a user or not. The key of an
application has users of its own, one for each call, who is named or is found by what the call is about.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NoReturn

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from auth.applications import OWNERS, Asked
from auth.errors import NotAllowed
from memory.errors import AppError, InvalidInput
from memory.plain_text import storable
from services import OpenKey, Services

__all__ = [
    "MAX_BODY",
    "SCOPES",
    "Arrived",
    "Call",
    "Form",
    "NotHere",
    "TooLong",
    "check_user",
    "own_filters",
    "read_body",
    "read_filters",
    "read_query",
    "scopes_of",
    "settled",
]

MAX_BODY = 1_000_000  # bytes
LONGEST_NAME = 60  # of a wrong field, in a sentence


class NotHere(AppError):
    """mem0 has this call or option; Keepsake does not."""


class TooLong(AppError):
    """A body has more bytes than any call needs."""


class Form(BaseModel):
    """The form of a body or of a query; a field that it does not know is refused, so that none is ignored."""

    model_config = {"extra": "forbid"}


@dataclass(frozen=True)
class Arrived:
    """A request whose key is right and whose body has the form that its call takes."""

    app: Services
    key: OpenKey
    url: str
    path: Mapping[str, str]
    body: Any = None
    query: Any = None

    @property
    def user_id(self) -> str:
        """Whom the key belongs to; no body decides that."""
        return self.key.user_id


@dataclass(frozen=True)
class Call:
    """One call of the API.

    `answer` returns what is sent as JSON, in the form `returns`; `writes` says that a key which only reads may not.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    summary: str
    answer: Callable[[Arrived], Any]
    writes: bool = False
    body: type[Form] | None = None
    query: type[Form] | None = None
    of: str = "mem0"  # or "Keepsake", or "OpenAI"
    returns: type[BaseModel] = field(kw_only=True)
    for_all: bool = False  # whether an application may make it without naming one of its users


async def read_body(request: Request, form: type[Form], most: int = MAX_BODY) -> Form:
    """Return the body of a request in the form that its call takes; it has at most so many bytes."""
    content = b""
    try:
        async for piece in request.stream():
            content += piece
            if len(content) > most:
                raise TooLong(f"A body has at most {most:,} bytes.")
    except ClientDisconnect as error:
        raise InvalidInput("The body ended early.") from error
    try:
        read = json.loads(content or b"{}", parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("The body is not JSON.") from error
    if not isinstance(read, dict):
        raise InvalidInput("The body is a JSON object.")
    return _checked(form, read, "the body")


def read_query(request: Request, form: type[Form]) -> Form:
    """Return the query of a request in the form that its call takes."""
    return _checked(form, dict(request.query_params), "the address")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _checked(form: type[Form], read: Mapping[str, Any], where: str) -> Form:
    try:
        return form.model_validate(read)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        name = storable(".".join(map(str, first["loc"])))[:LONGEST_NAME]
        if first["type"] == "extra_forbidden":
            raise InvalidInput(f"This call does not know {name!r} in {where}.") from error
        raise InvalidInput(f"{name!r} in {where}: {first['msg']}.") from error
    except RecursionError as error:
        raise InvalidInput(f"What is in {where} is nested too deeply.") from error


# -- whose memories -------------------------------------------------------------------------------


SCOPES = ("agent_id", "app_id", "run_id")
ANYBODY = "*"  # mem0's word for every user; a key has only one
JOINING = ("AND", "OR", "$and", "$or")
EXCLUDING = ("NOT", "$not")
MAX_DEPTH, MAX_TEXT = 8, 10_000
TWO_USERS = "A call is about one user, and this one names two."
SOMEBODY_ELSE = "This key acts for one person only. Leave user_id out, or give that person's own id."


def check_user(key: OpenKey, named: object) -> None:
    """Raise `NotAllowed` if a call names another user than the key's own person, or the user it is about."""
    if key.application:
        if named is not None and (not isinstance(named, str) or named.strip() != key.known_as):
            raise NotAllowed(TWO_USERS)
    elif named is not None and named not in (key.user_id, ANYBODY):
        raise NotAllowed(SOMEBODY_ELSE)


def own_filters(key: OpenKey, filters: Mapping[str, Any] | None, depth: int = 1) -> dict[str, Any]:
    """Return filters in the library's form, without the person's own id; any other user is refused."""
    if depth > MAX_DEPTH:
        raise InvalidInput(f"Filters are nested at most {MAX_DEPTH} deep.")
    own: dict[str, Any] = {}
    for name, value in (filters or {}).items():
        if name == "user_id":
            _check_condition(key, value)
        elif name in JOINING and isinstance(value, list):
            own[name] = [own_filters(key, each, depth + 1) if isinstance(each, Mapping) else each for each in value]
        elif name in EXCLUDING and "user_id" in json.dumps(value, default=str):
            raise InvalidInput("A filter cannot exclude a user: a key has only one.")
        elif name == "metadata" and isinstance(value, Mapping):
            own |= value  # the keys of a row stand beside each other here
        elif name in ("categories", "memory_ids"):
            raise NotHere(f"Keepsake has no filter on {name}.")
        else:
            own["data" if name == "keywords" else name] = value
    if "user_id" in own:
        raise NotAllowed(TWO_USERS if key.application else SOMEBODY_ELSE)
    return own


def _check_condition(key: OpenKey, value: object) -> None:
    """Check a condition on the user, which may be a value, or an operator with one or several."""
    if not isinstance(value, Mapping):
        check_user(key, value)
        return
    if not value or not set(map(str, value)) <= {"eq", "$eq", "in", "$in"}:
        raise InvalidInput("A filter on user_id is the id itself.")
    for each in value.values():
        for named in each if isinstance(each, list) else [each]:
            check_user(key, named)


def scopes_of(named: Mapping[str, Any]) -> dict[str, str]:
    """Return the agent, app and run that are named."""
    found = {name: named[name] for name in SCOPES if named.get(name) is not None}
    if not all(isinstance(each, str) for each in found.values()):
        raise InvalidInput(f"{', '.join(SCOPES)} are texts.")
    return found


def read_filters(written: str | None) -> dict[str, Any]:
    """Read filters out of an address: as JSON, or as Python writes a dictionary, which mem0's client sends."""
    if written is None:
        return {}
    if len(written) <= MAX_TEXT:
        for read in (json.loads, ast.literal_eval):
            try:
                filters = read(written)
            except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
                continue
            if isinstance(filters, dict) and all(isinstance(each, str) for each in filters):
                return filters
    raise InvalidInput('filters in the address is a JSON object, such as {"agent_id": "cook"}.')


# -- which user of an application -----------------------------------------------------------------


NOBODY_NAMED = "Say whom this is about: give user_id, or agent_id, app_id or run_id."
OF_ALL = ("AND", "$and")


def settled(call: Call, arrived: Arrived) -> Arrived:
    """Return the request with a key that acts as one user; raise `InvalidInput` if an application's names none.

    A call names the user, or else an agent, app or run, in its body, its address or its filters: such an agent owns
    what is kept without a user. mem0's calls about one memory name nobody: the memory itself says whose it is, and
    nobody outside the application is ever found.
    """
    if not arrived.key.application:
        return arrived
    key = _named_in_path(arrived) or _named(arrived) or _owner_of_what_is_named(arrived)
    if key is None:
        if call.for_all:
            return arrived
        raise InvalidInput(NOBODY_NAMED)
    arrived.app.limits.may_call(key.user_id)
    return replace(arrived, key=key)


def _named_in_path(arrived: Arrived) -> OpenKey | None:
    if "kind" not in arrived.path:
        return None
    if arrived.path["kind"] not in OWNERS:
        raise InvalidInput("The type of an entity is user, agent, app or run.")
    return arrived.key.named(arrived.path["kind"], arrived.path["name"])


def _named(arrived: Arrived) -> OpenKey | None:
    """Return the key as the first user, agent, app or run that is named; the calls refuse a second user."""
    filters = getattr(arrived.body, "filters", None) or read_filters(getattr(arrived.query, "filters", None))
    for kind, name in OWNERS.items():
        given = (getattr(each, name, None) for each in (arrived.body, arrived.query))
        for value in (*given, *_in_filters(filters, name)):
            if value is not None and (kind == "user" or value != ANYBODY):
                return arrived.key.named(kind, value)
    return None


def _in_filters(filters: Mapping[str, Any], name: str, depth: int = 1) -> Iterator[Any]:
    """Yield the values that a filter asks for under a name: a user anywhere, all others where every row has to fit."""
    joining = JOINING if name == "user_id" else OF_ALL
    for key, value in filters.items():
        if key == name:
            yield from _values(value)
        elif key in joining and isinstance(value, list) and depth < MAX_DEPTH:
            for each in value:
                if isinstance(each, Mapping):
                    yield from _in_filters(each, name, depth + 1)


def _values(condition: Any) -> Iterator[Any]:
    if not isinstance(condition, Mapping):
        yield condition
        return
    for operator, value in condition.items():
        if operator in ("eq", "$eq", "in", "$in"):
            yield from value if isinstance(value, list) else [value]


def _owner_of_what_is_named(arrived: Arrived) -> OpenKey | None:
    body = arrived.body
    asked: Asked = "memory"
    given = [arrived.path["memory_id"]] if "memory_id" in arrived.path else []
    if "question_id" in arrived.path:
        asked, given = "question", [arrived.path["question_id"]]
    elif hasattr(body, "memories"):
        given = [each.memory_id for each in body.memories]
    elif hasattr(body, "memory_id"):
        given = [body.memory_id]
    elif hasattr(body, "change"):
        asked, given = "run" if isinstance(body.change, str) else "event", [str(body.change)]
    return arrived.app.acting_for_owner(arrived.key, asked, given) if given else None
