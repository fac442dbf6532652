"""Draws the list of memories: search, filters, pages, deleting one or several; and the details of an open memory.

The details show where the memory comes from, its wording to edit, and every version it had.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

import streamlit as st

from auth.guard import User
from memory import Result
from memory.errors import ModelError, NotFound
from memory.facts import IMPORTED
from memory.plain_text import storable
from memory.upkeep.bulk_edit import MemoryPage
from services import services
from ui import dates, elements, undo_bar
from ui.elements import plural
from ui.frame import show_error, show_errors
from ui.health import recall_checks

__all__ = ["draw_memory", "draw_memory_list", "is_search_or_memory_open"]

SIZE, MAX_FOUND, MAX_WORDS = 20, 100, 200
NEAR = 0.5  # of the best score
PAGE, FIND, KINDS, SINCE, UNTIL, SEVERAL = (
    "memories-page",
    "memories-find",
    "memories-kinds",
    "memories-since",
    "memories-until",
    "memories-several",
)
OPEN = "opened_memory"
# The words for where a memory comes from, who changed it, and what was done.
SOURCES = {
    "person": "written by you",
    "import": "from an imported file",
    "merge": "merged from several",
}
ACTORS = {
    "person": "you",
    "model": "the model",
    "rules": "plain rules",
    "import": "an import",
    "tidy": "tidying up",
}
DONE = {
    "ADD": "Kept",
    "UPDATE": "Changed",
    "DELETE": "Forgotten",
}


def is_search_or_memory_open() -> bool:
    """Return whether the list is searched, or a memory is open."""
    return bool(st.session_state.get(FIND) or st.session_state.get(OPEN))


def draw_memory_list(user: User) -> bool:
    """Draw the search, the filter and what they find; return False if the person has no memories."""
    words, filters = _draw_search()
    page, close = _search(user, words, filters) if words else (_current_page(user, filters), [])
    if not page.total and not words and not filters:
        _draw_empty()
        return False
    if not page.total:
        st.caption("None of them says that." if words else "None of them fits the filter.")
    else:
        _draw_count(page, found=bool(words or filters))
        if st.session_state.get(SEVERAL):
            _draw_with_boxes(user, page.results)
        else:
            _draw_memories(user, page.results)
    if close:
        st.caption("Close in meaning")
        _draw_memories(user, close)
    if not words:
        elements.draw_pages(PAGE, page.total, SIZE)
    return True


def _draw_search() -> tuple[str, dict[str, Any]]:
    """Draw the search box and the filter; return the words and the filter for the memory layer."""
    row = st.container(horizontal=True, vertical_alignment="center", wrap=False)
    words = row.text_input(
        "Find",
        key=FIND,
        placeholder="Find a memory",
        label_visibility="collapsed",
        max_chars=MAX_WORDS,
        on_change=_go_to_first_page,
    )
    kinds, since, until = (st.session_state.get(each) for each in (KINDS, SINCE, UNTIL))
    chosen = bool(kinds) + bool(since) + bool(until)
    label = f"Filter ({chosen})" if chosen else "Filter"
    with row.popover(label, icon=":material/filter_list:", key="filter"):
        kinds = st.pills(
            "Kind",
            list(elements.KINDS),
            selection_mode="multi",
            format_func=elements.kind_name,
            key=KINDS,
            on_change=_go_to_first_page,
        )
        since = st.date_input("Kept since", value=None, key=SINCE, format="YYYY-MM-DD", on_change=_go_to_first_page)
        until = st.date_input("Kept until", value=None, key=UNTIL, format="YYYY-MM-DD", on_change=_go_to_first_page)
        st.button(
            "Show all kinds and dates", type="tertiary", icon=":material/filter_list_off:", on_click=_clear_filter
        )
    return storable(words.strip())[:MAX_WORDS], _filters(kinds, since, until)


def _filters(kinds: Sequence[str], since: date | None, until: date | None) -> dict[str, Any]:
    """Return a filter for the memory layer; days are days in the person's timezone."""
    conditions: list[dict[str, Any]] = []
    if kinds:
        of_kind: dict[str, Any] = {"kind": {"$in": list(kinds)}}
        # Rows that other programs wrote have no kind, and count as facts.
        conditions.append({"$or": [of_kind, {"kind": {"$exists": False}}]} if "fact" in kinds else of_kind)
    if since:
        conditions.append({"created_at": {"$gte": datetime.combine(since, time.min, dates.timezone())}})
    if until:
        conditions.append({"created_at": {"$lte": datetime.combine(until, time.max, dates.timezone())}})
    return {"$and": conditions} if conditions else {}


def _go_to_first_page() -> None:
    st.session_state.pop(PAGE, None)


def _clear_filter() -> None:
    st.session_state[KINDS], st.session_state[SINCE], st.session_state[UNTIL] = [], None, None
    _go_to_first_page()


def _current_page(user: User, filters: dict[str, Any]) -> MemoryPage:
    number = int(st.session_state.get(PAGE) or 1)
    return services().memory.bulk_edit.page(user_id=user.id, number=number, size=SIZE, filters=filters)


def _search(user: User, words: str, filters: dict[str, Any]) -> tuple[MemoryPage, list[Result]]:
    """Return the memories that say these words, and those that only mean something like them."""
    memory = services().memory
    with_words = {**filters, "data": {"$icontains": words}}
    says = {
        each["id"]: each for each in memory.bulk_edit.page(user_id=user.id, size=MAX_FOUND, filters=with_words).results
    }
    try:
        alike = memory.search(words, user_id=user.id, limit=MAX_FOUND, filters=filters, recipe="facts", explain=True)[
            "results"
        ]
    except ModelError as error:  # the search for words needs no model
        show_error(error)
        alike = []
    # The end of a long list resembles everything a little.
    near = [
        each for each in alike if (each["score"] or 0) >= NEAR * (alike[0]["score"] or 0) and each["id"] not in says
    ]
    says |= {each["id"]: each for each in near if each["parts"].get("words")}
    return MemoryPage(list(says.values()), len(says)), [each for each in near if each["id"] not in says]


def _draw_empty() -> None:
    st.markdown("Nothing yet. Tell me something about you in a chat, and it will stand here in your own words.")
    if st.button("Go to the chat", type="primary", icon=":material/chat:"):
        st.switch_page("pages/chat.py")


def _draw_count(page: MemoryPage, *, found: bool) -> None:
    row = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
    count = (
        plural(page.total, "1 memory found", "{number} memories found")
        if found
        else plural(page.total, "1 memory", "{number} memories")
    )
    row.caption(count, width="content")
    row.toggle("Select several", key=SEVERAL)


def _draw_memories(user: User, results: Sequence[Result]) -> None:
    for memory in results:
        draw_memory(user, memory)


def _draw_with_boxes(user: User, results: Sequence[Result]) -> None:
    """Draw the memories with boxes, and the button that forgets the ticked ones."""
    ids = [each["id"] for each in results]
    boxes = [f"pick-{each}" for each in ids]
    ticked = [each for each, box in zip(ids, boxes, strict=True) if st.session_state.get(box)]
    row = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
    row.button("Select all on this page", type="tertiary", on_click=elements.tick, args=(boxes, len(ticked) < len(ids)))
    label = plural(len(ticked), "Forget 1 memory", "Forget {number} memories")
    if row.button(label, key="forget-several", type="primary", icon=":material/delete:", disabled=not ticked):
        change = services().memory.bulk_edit.delete(ticked, user_id=user.id)
        if change.count:
            undo_bar.offer_undo(plural(change.count, "Forgotten: 1 memory", "Forgotten: {number} memories"), change.run)
        st.rerun()
    for memory in results:
        with st.container(border=True):
            row = st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small")
            row.checkbox(
                elements.escape(memory["memory"]), key=f"pick-{memory['id']}", label_visibility="collapsed", width=24
            )
            with row.container():
                elements.draw_memory_text(memory)


def draw_memory(user: User, memory: Result) -> None:
    """Draw a memory with its buttons, and its details if they are open."""
    opened = _is_open(memory["id"])
    with st.container(border=True):
        row = st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small")
        with row.container():
            elements.draw_memory_text(memory)
        label, icon = ("Close", "expand_less") if opened else ("Details", "expand_more")
        key = f"icon-details-{memory['id']}"
        buttons = row.container(horizontal=True, wrap=False, gap=None, width="content")
        icon, arguments = f":material/{icon}:", (memory["id"],)
        buttons.button(label, key=key, icon=icon, type="tertiary", on_click=_toggle_details, args=arguments)
        if buttons.button("Forget", key=f"icon-forget-{memory['id']}", icon=":material/delete:", type="tertiary"):
            _forget_memory(user, memory)
        if opened:
            _draw_details(user, memory)


def _forget_memory(user: User, memory: Result) -> None:
    memories = services().memory
    try:
        memories.delete(memory["id"], user_id=user.id)
        last = memories.history(memory["id"], user_id=user.id)[-1]
        undo_bar.offer_undo(f"Forgotten: {elements.escape(memory['memory'])}", last["id"])
        if _is_open(memory["id"]):
            _toggle_details(memory["id"])
    except NotFound:
        st.toast("It was forgotten already.")
    st.rerun()


def _is_open(memory_id: str) -> bool:
    """Return whether the details of this memory are open."""
    return bool(st.session_state.get(OPEN) == memory_id)


def _toggle_details(memory_id: str) -> None:
    """Open the details of a memory, or close them."""
    st.session_state[OPEN] = None if _is_open(memory_id) else memory_id


def _draw_details(user: User, memory: Result) -> None:
    """Draw what is known about a memory, the form to edit it, and its history."""
    _draw_origin(user, memory)
    _draw_edit_form(user, memory)
    recall_checks.draw_pin_button(user, memory)
    with show_errors():
        _draw_history(user, memory)


def _draw_origin(user: User, memory: Result) -> None:
    metadata = memory["metadata"]
    if quote := metadata.get("quote"):
        st.markdown(f"> “{elements.escape(str(quote))}”".replace("\n", "\n> "))
    kept = memory["created_at"]
    details = {
        "Kind": elements.kind_name(metadata["kind"]) if metadata.get("kind") in elements.KINDS else None,
        "Kept": dates.date_of(kept) if kept else None,
        "Happened": dates.date_of(metadata["happened_at"]) if metadata.get("happened_at") else None,
        "Confirmed": dates.date_of(metadata["confirmed_at"]) if metadata.get("confirmed_at") else None,
        "Source": _source_of(metadata),
    }
    lines = (f"**{name}:** {elements.escape(value)}" for name, value in details.items() if value)
    st.markdown("  \n".join(lines))
    _draw_open_chat_button(user, memory)


def _source_of(metadata: Mapping[str, Any]) -> str | None:
    if str(metadata.get("run_id") or "").startswith(IMPORTED):
        return "what you said to ChatGPT"
    return SOURCES.get(str(metadata.get("source")))


def _draw_open_chat_button(user: User, memory: Result) -> None:
    """Draw the button that opens the message a memory came from, or its chat; both may be gone by now."""
    run_id, message_id = _own_id(memory, "run_id"), _own_id(memory, "message_id")
    if run_id is None:
        return
    label = "Open the message it came from" if message_id else "Open the chat"
    if not st.button(label, key=f"chat-of-{memory['id']}", icon=":material/chat:"):
        return
    with show_errors():
        conversations = services().conversations
        found = conversations.message(user.id, message_id) if message_id else None
        if message_id and found is not None and found.conversation_id == run_id:
            st.switch_page("pages/chat.py", query_params={"chat": run_id, "message": message_id})
        elif conversations.messages(user.id, run_id, limit=1):
            st.switch_page("pages/chat.py", query_params={"chat": run_id})
        else:
            st.toast("The chat it came from is no longer there.")


def _own_id(memory: Result, key: str) -> str | None:
    """Return the id of a chat or a message of this app; imported memories have ids of other kinds."""
    name = memory["metadata"].get(key)
    try:
        return name if isinstance(name, str) and str(UUID(name)) == name else None
    except ValueError:
        return None


def _draw_edit_form(user: User, memory: Result) -> None:
    # The hash in the key makes the field show what an undo or another tab has changed.
    key = f"{memory['id']}-{memory['hash']}"
    with st.form(f"edit-{key}", border=False):
        words = st.text_area("What it says", value=memory["memory"], key=f"words-{key}")
        submitted = st.form_submit_button("Save", icon=":material/check:")
    if not submitted or words.strip() == memory["memory"]:
        return
    with show_errors():
        memories = services().memory
        memories.update(memory["id"], words, user_id=user.id)
        last = memories.history(memory["id"], user_id=user.id)[-1]
        undo_bar.offer_undo(f"Changed: {elements.escape(words.strip())}", last["id"])
        st.rerun()


def _draw_history(user: User, memory: Result) -> None:
    st.markdown("**History**")
    for version in reversed(services().memory.history(memory["id"], user_id=user.id)):
        row = st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small")
        row.caption(_history_line(version), width="stretch")
        # Undoing the first version would forget the memory, for which there is a button already.
        if version["event"] != "UPDATE":
            continue
        label, key = "Undo this change", f"icon-undo-{version['id']}"
        if row.button(label, key=key, icon=":material/undo:", type="tertiary"):
            with show_errors():
                services().memory.undo(version["id"], user_id=user.id)
                undo_bar.withdraw_undo()
                st.rerun()


def _history_line(event: Mapping[str, Any]) -> str:
    said = event["new_memory"] if event["new_memory"] is not None else event["old_memory"]
    actor, change = str(event["actor"]), str(event["event"])
    who = ACTORS.get(actor) or elements.escape(actor)
    done = DONE.get(change, change)
    undone = " · taking a change back" if event["undoes"] else ""
    line = f"{dates.date_of(event['created_at'])} · {done} by {who}"
    return f"{line}{undone}  \n{elements.escape(str(said))}"
