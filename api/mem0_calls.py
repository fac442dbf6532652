"""The calls of mem0's own clients, answered from the person's memories in the form that these clients expect.

Each function answers one call. Whose memories it is about was decided by the key. What mem0's clients can call and
Keepsake does not have is listed at the end, and answered with a sentence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from api import answer_forms, bodies
from api.bodies import refuse_not_here
from api.calls import SCOPES, Arrived, Call, NotHere, check_user, own_filters, read_filters, scopes_of
from memory.erase import Receipt
from memory.errors import InvalidInput, NotFound
from memory.facts import Result

__all__ = ["MEM0_CALLS", "NOT_HERE", "shown"]

PAGE_SIZE, RESULTS, MOST_USERS = 100, 10, 1_000
GONE = "There is no such memory."
# mem0's Python client starts only if it is told of an organization and a project.
PROJECT = {"org_id": "keepsake", "project_id": "keepsake"}
KINDS_OF_ENTITY = {"agent": "agent_id", "app": "app_id", "run": "run_id"}


def shown(result: Result, fields: Sequence[str] = ()) -> dict[str, Any]:
    """Return a memory as mem0's server does; with `fields`, only these and its id."""
    memory = {name: value for name, value in result.items() if name != "score" or value is not None}
    return {name: value for name, value in memory.items() if name in {"id", *fields}} if fields else memory


def ping(call: Arrived) -> Any:
    """Say that the key is right. No email address is told: mem0's clients would send it to their telemetry."""
    whose = {"application": call.key.name} if call.key.application else {"user_id": call.user_id}
    return {"status": "ok", **PROJECT, **whose, "can_write": call.key.can_write}


def _told(call: Arrived, result: Result, fields: Sequence[str] = ()) -> dict[str, Any]:
    """Return a memory with the name that the application knows its user by."""
    memory = shown(result, fields)
    return memory | {"user_id": call.key.known_as} if "user_id" in memory else memory


# -- adding and finding --------------------------------------------------------------------------


def add(call: Arrived) -> Any:
    """Remember what is worth keeping of messages, or each message as it was said."""
    body: bodies.AddBody = call.body
    refuse_not_here(body)
    named = {**own_filters(call.key, body.filters), **scopes_of(body.model_dump())}
    check_user(call.key, body.user_id)
    if unknown := named.keys() - set(SCOPES):
        raise InvalidInput(f"The filters of an added memory are ids only, not {', '.join(sorted(unknown))}.")
    scope = scopes_of(named)
    said = [_message(each) for each in _listed(body.messages)]
    infer = body.infer is not False
    words = "\n".join(str(each.get("content")) for each in said)
    call.app.limits.may_remember(call.user_id, words, 1 if infer else len(said))
    call.app.note_user(call.key)
    return call.app.memory.add(
        said,
        user_id=call.user_id,
        infer=infer,
        metadata=body.metadata,
        at=_time(body.timestamp),
        expires=_day(body.expiration_date),
        **scope,
    )


def _listed(messages: str | dict[str, Any] | list[dict[str, Any]]) -> list[dict[str, Any]]:
    if isinstance(messages, str):
        return [{"role": "user", "content": messages}]
    return [messages] if isinstance(messages, dict) else messages


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message whose content is text, also if it was sent in parts."""
    content = message.get("content")
    if isinstance(content, list):
        parts = [each.get("text") if isinstance(each, Mapping) else None for each in content]
        if not all(isinstance(each, str) for each in parts):
            raise NotHere("Only text can be remembered here, not pictures or files.")
        content = "\n".join(map(str, parts))
    return {**message, "content": content}


def _time(seconds: int | None) -> datetime | None:
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise InvalidInput("timestamp is a time in seconds since 1970.") from error


def _day(written: str | None) -> date | None:
    try:
        return None if written is None else date.fromisoformat(written)
    except ValueError as error:
        raise InvalidInput("expiration_date is a day such as 2027-01-31.") from error


def search(call: Arrived) -> Any:
    """Return the memories that answer a question, best first."""
    body: bodies.SearchBody = call.body
    refuse_not_here(body)
    found = call.app.memory.search(
        body.query,
        user_id=call.user_id,
        limit=body.top_k or body.limit or RESULTS,
        filters=_filters(call),
        recipe="everything" if body.episodes else "facts",
        as_of=body.as_of,
        explain=body.explain,
    )["results"]
    least = body.threshold
    kept = [each for each in found if least is None or (each["score"] or 0) >= least]
    return {"results": [_told(call, each, body.fields or ()) for each in kept]}


def listed(call: Arrived) -> Any:
    """Return one page of the memories, the newest first; with `as_of`, as they were then."""
    body: bodies.ListBody = call.body
    refuse_not_here(body)
    number = call.query.page or body.page or 1
    size = call.query.page_size or body.page_size or PAGE_SIZE
    filters = _filters(call)
    between = {"$gte": body.start_date, "$lte": body.end_date}
    if dates := {name: value for name, value in between.items() if value is not None}:
        filters = {"$and": [filters, {"created_at": dates}]}
    if body.as_of is not None:
        if number > 1:
            raise InvalidInput("With as_of there is one page: ask for up to 1,000 memories with page_size.")
        past = call.app.memory.get_all(user_id=call.user_id, limit=size, filters=filters, as_of=body.as_of)["results"]
        return _page(call, [_told(call, each) for each in past], len(past), 1, size)
    page = call.app.memory.bulk_edit.page(user_id=call.user_id, number=number, size=size, filters=filters)
    past_end = (number - 1) * size >= page.total
    return _page(call, [] if past_end else [_told(call, each) for each in page.results], page.total, number, size)


def _filters(call: Arrived) -> dict[str, Any]:
    check_user(call.key, call.body.user_id)
    return _both(own_filters(call.key, call.body.filters), scopes_of(call.body.model_dump()))


def _both(own: dict[str, Any], scopes: Mapping[str, str]) -> dict[str, Any]:
    """Return one filter: that of a call, and the agent, app or run that it names."""
    return {"$and": [own, scopes]} if own and scopes else own or dict(scopes)


def _page(call: Arrived, results: list[dict[str, Any]], total: int, number: int, size: int) -> dict[str, Any]:
    def at(page: int) -> str | None:
        wanted = 1 <= page <= -(-total // size)
        return f"{call.url}?page={page}&page_size={size}" if wanted and page != number else None

    return {"count": total, "next": at(number + 1), "previous": at(number - 1), "results": results}


# -- one memory ----------------------------------------------------------------------------------


def get(call: Arrived) -> Any:
    """Return one memory."""
    memory = call.app.memory.get(call.path["memory_id"], user_id=call.user_id)
    if memory is None:
        raise NotFound(GONE)
    return _told(call, memory)


def update(call: Arrived) -> Any:
    """Change what a memory says."""
    refuse_not_here(call.body)
    return _told(call, _update(call, call.path["memory_id"], call.body.text))


def _update(call: Arrived, memory_id: str, text: str | None) -> Result:
    if text is None:
        raise InvalidInput("text is missing: it is what the memory says from now on.")
    call.app.limits.may_remember(call.user_id, text, 0)
    return call.app.memory.update(memory_id, text, user_id=call.user_id)


def delete(call: Arrived) -> Any:
    """Delete one memory; undo brings it back."""
    call.app.memory.delete(call.path["memory_id"], user_id=call.user_id)
    return {"message": "Memory deleted successfully!"}


def history(call: Arrived) -> Any:
    """Return every version of a memory, the oldest first."""
    versions = call.app.memory.history(call.path["memory_id"], user_id=call.user_id)
    if not versions:
        raise NotFound(GONE)
    return [
        {**each, "user_id": call.key.known_as, "updated_at": each["created_at"], "input": _input(each)}
        for each in versions
    ]


def _input(version: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": version["quote"]}] if version["quote"] else []


# -- several memories ----------------------------------------------------------------------------


def delete_all(call: Arrived) -> Any:
    """Delete the memories of an agent, app or run, which can be undone; or erase everything of the person."""
    refuse_not_here(call.query)
    filters = read_filters(call.query.filters)
    own = own_filters(call.key, filters)
    check_user(call.key, call.query.user_id)
    scopes = scopes_of(call.query.model_dump())
    if own or scopes:
        return _delete_scope(call, _both(own, scopes))
    if call.query.user_id is None and "user_id" not in filters:
        raise InvalidInput("This erases every memory of the person. If that is meant, name them with user_id.")
    return _erase(call)


def _delete_scope(call: Arrived, filters: Mapping[str, Any]) -> dict[str, Any]:
    """Delete the memories that fit, at most a thousand at once, as one change."""
    found = call.app.memory.get_all(user_id=call.user_id, limit=1_000, filters=filters)["results"]
    change = call.app.memory.bulk_edit.delete([each["id"] for each in found], user_id=call.user_id)
    return {"message": "Memories deleted successfully!", "deleted": change.count, "run": change.run}


def _erase(call: Arrived) -> dict[str, Any]:
    receipt = call.app.erase_memories(call.user_id)
    return {"message": "Memories deleted successfully!", "proved": receipt.proved, **_counts(receipt)}


def _counts(receipt: Receipt) -> dict[str, Any]:
    """Return what was erased, and what an index outside of the database still has to remove, if anything."""
    return {"erased": receipt.erased} | ({"index_waits": receipt.index_waits} if receipt.index_waits else {})


def update_batch(call: Arrived) -> Any:
    """Change what several memories say; if one of them does not exist, none is changed."""
    for each in call.body.memories:
        refuse_not_here(each)
        if call.app.memory.get(each.memory_id, user_id=call.user_id) is None:
            raise NotFound(f"{GONE} Nothing was changed.")
    for each in call.body.memories:
        _update(call, each.memory_id, each.text)
    return {"message": f"Successfully updated {len(call.body.memories)} memories"}


def delete_batch(call: Arrived) -> Any:
    """Delete several memories as one change, which can be undone; those that do not exist are left out."""
    change = call.app.memory.bulk_edit.delete([each.memory_id for each in call.body.memories], user_id=call.user_id)
    return {"message": f"Successfully deleted {change.count} memories", "run": change.run}


# -- entities and feedback -----------------------------------------------------------------------


def entities(call: Arrived) -> Any:
    """Return whom there are memories of: the person, and the agents, apps and runs of other programs.

    With an application's key, its users; with a user_id, the agents, apps and runs of this one.
    """
    check_user(call.key, call.query.user_id)
    if call.key.application and call.key.user is None:
        return _users(call)
    everything = call.app.memory.bulk_edit.all(user_id=call.user_id)
    found: Counter[tuple[str, str]] = Counter()
    for each in everything:
        for kind, name in KINDS_OF_ENTITY.items():
            value = each["metadata"].get(name)
            # The run of a learned memory names a chat.
            if isinstance(value, str) and not (kind == "run" and "kind" in each["metadata"]):
                found[kind, value] += 1
    results = [_entity("user", call.key.known_as or "", len(everything))]
    results += [_entity(kind, name, number) for (kind, name), number in sorted(found.items())]
    return {"count": len(results), "next": None, "previous": None, "results": results}


def _users(call: Arrived) -> dict[str, Any]:
    number, size = call.query.page or 1, call.query.page_size or MOST_USERS
    users, total = call.app.applications.users(call.key.application, number, size)
    return _page(call, [_entity(each.kind, each.name, each.memories) for each in users], total, number, size)


def _entity(kind: str, name: str, number: int) -> dict[str, Any]:
    return {"id": name, "type": kind, "name": name, "total_memories": number}


def delete_entity(call: Arrived) -> Any:
    """Erase everything of the person, or delete the memories of an agent, app or run, which can be undone.

    With an application's key, erase the user, agent, app or run, and take them off the list.
    """
    if call.key.application:
        gone = call.app.delete_account(call.user_id)
        return {"message": "Entity deleted successfully!", "proved": gone.proved, **_counts(gone.memories)}
    kind, name = call.path["kind"], call.path["name"]
    if kind == "user":
        check_user(call.key, name)
        return _erase(call) | {"message": "Entity deleted successfully!"}
    if kind not in KINDS_OF_ENTITY:
        raise InvalidInput("The type of an entity is user, agent, app or run.")
    return _delete_scope(call, {KINDS_OF_ENTITY[kind]: name}) | {"message": "Entity deleted successfully!"}


def feedback(call: Arrived) -> Any:
    """Confirm a memory."""
    if call.body.feedback != "POSITIVE":
        raise NotHere("Feedback can confirm a memory here (POSITIVE). A wrong one can be updated or deleted.")
    change = call.app.memory.recheck.confirm([call.body.memory_id], user_id=call.user_id)
    if not change.count:
        raise NotFound(GONE)
    return {"id": call.body.memory_id, "feedback": "POSITIVE", "run": change.run}


def not_here(_call: Arrived) -> Any:
    """Say that mem0's platform has this, and Keepsake does not."""
    raise NotHere("Keepsake does not have this call of mem0's platform. /docs lists those that it has.")


ONE = "/v1/memories/{memory_id}/"
MEM0_CALLS = (
    Call("GET", "/v1/ping/", "Try a key", ping, for_all=True, returns=answer_forms.KeyInfo),
    Call("POST", "/v3/memories/add/", "Add memories", add, True, bodies.AddBody, returns=answer_forms.AddedMemories),
    Call(
        "POST",
        "/v3/memories/search/",
        "Search memories",
        search,
        False,
        bodies.SearchBody,
        returns=answer_forms.FoundMemories,
    ),
    Call(
        "POST",
        "/v3/memories/",
        "List memories",
        listed,
        False,
        bodies.ListBody,
        bodies.PageQuery,
        returns=answer_forms.ListedMemories,
    ),
    Call("GET", ONE, "Get a memory", get, returns=answer_forms.KnownMemory),
    Call("PUT", ONE, "Change what a memory says", update, True, bodies.UpdateBody, returns=answer_forms.KnownMemory),
    Call("DELETE", ONE, "Delete a memory", delete, True, None, bodies.DeleteQuery, returns=answer_forms.DoneMessage),
    Call("GET", f"{ONE}history/", "Every version of a memory", history, returns=answer_forms.MemoryVersions),
    Call(
        "DELETE",
        "/v1/memories/",
        "Delete several memories, or erase all",
        delete_all,
        True,
        None,
        bodies.ScopeQuery,
        returns=answer_forms.DeletedMemories,
    ),
    Call(
        "PUT",
        "/v1/batch/",
        "Change what several memories say",
        update_batch,
        True,
        bodies.BatchTextsBody,
        returns=answer_forms.DoneMessage,
    ),
    Call(
        "DELETE",
        "/v1/batch/",
        "Delete several memories",
        delete_batch,
        True,
        bodies.BatchBody,
        returns=answer_forms.ChangedTogether,
    ),
    Call(
        "GET",
        "/v1/entities/",
        "Whom there are memories of",
        entities,
        query=bodies.EntitiesQuery,
        for_all=True,
        returns=answer_forms.EntityList,
    ),
    Call(
        "DELETE",
        "/v1/entities/{kind}/{name}/",
        "Delete the memories of one of them",
        delete_entity,
        True,
        returns=answer_forms.DeletedMemories,
    ),
    Call(
        "DELETE",
        "/v2/entities/{kind}/{name}/",
        "Delete the memories of one of them",
        delete_entity,
        True,
        returns=answer_forms.DeletedMemories,
    ),
    Call(
        "POST",
        "/v1/feedback/",
        "Confirm a memory",
        feedback,
        True,
        bodies.FeedbackBody,
        returns=answer_forms.ConfirmedMemory,
    ),
)
# What else mem0's clients call, by the beginning of its path.
NOT_HERE = (
    *("/v1/exports/", "/v1/summary/", "/v2/profiles/", "/v2/entities/user/", "/api/v1/orgs/", "/api/v1/webhooks/"),
    *("/v1/memories/", "/v2/memories/", "/v1/events/", "/v1/event/", "/v1/organizations/"),
)
