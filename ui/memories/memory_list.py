"""Draws the list of memories: search, filters, pages, deleting one or several; and the details of an open memory.

The details show where the memory comes from, its wording to edit, and every version it had.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any, NamedTuple
from uuid import UUID

import streamlit as st

from auth.guard import User
from memory import Result
from memory.errors import ModelError, NotFound
from memory.facts import IMPORTED
from memory.plain_text import storable
from memory.recall.rank import STANDING_TOKENS
from memory.upkeep.bulk_edit import MemoryPage, page_reading
from services import Reading, services
from ui import dates, elements, undo_bar
from ui.elements import plural
from ui.frame import show_error, show_errors
from ui.health import recall_checks

__all__ = ["LIST", "TABS", "AskedPage", "draw_memory", "draw_memory_list", "list_readings"]

TABS = "memories-tab"  # which tab of the page is open; the list is the first

LIST = "Memories"  # the name of its tab
PAGE_SIZE, MAX_FOUND, MAX_WORDS = 20, 100, 200
NEAR = 0.5  # of the best score
PAGE, FIND, KINDS, ALWAYS, SINCE, UNTIL, SEVERAL = (
    "memories-page",
    "memories-find",
    "memories-kinds",
    "memories-always",
    "memories-since",
    "memories-until",
    "memories-several",
)
OPEN, FORGOTTEN = "opened_memory", "forgotten_memory"
# The words for where a memory comes from, who changed it, and what was done.
SOURCES = {
    "person": "written by you",
    "import": "from an imported file",
    "merge": "merged from several",
}
ACTORS = {
    "person": "you",
    "model": "the model",
    "rules": "simple rules",
    "import": "an import",
    "tidy": "tidying up",
}
DONE = {
    "ADD": "Added",
    "UPDATE": "Changed",
    "DELETE": "Forgotten",
}
MARKED = {True: "Marked as always included", False: "No longer marked as always included"}
ALWAYS_HELP = (
    "Every reply is given this memory, whatever you ask. For what is always included and for your instructions there "
    f"is room for {STANDING_TOKENS} tokens, about {STANDING_TOKENS // 2} words; beyond that the newest come first."
)
NO_ROOM = (
    ":material/warning: There is no room for it at the moment: newer memories are always included, too. Replies get it "
    "where it fits the question."
)


class Asked(NamedTuple):
    """What the list is to show: the words in the search box, the filter for the memory layer, and the page number."""

    words: str
    filters: dict[str, Any]
    number: int

    def reading(self, user_id: str) -> Reading[MemoryPage]:
        """Read a page of the list, or the memories that say the words."""
        if not self.words:
            return page_reading(user_id=user_id, number=self.number, size=PAGE_SIZE, filters=self.filters)
        with_words = {**self.filters, "data": {"$icontains": self.words}}
        return page_reading(user_id=user_id, size=MAX_FOUND, filters=with_words)


class AskedPage(NamedTuple):
    """A page of the list that was read before the page was drawn, and what it answers."""

    asked: Asked
    page: MemoryPage


def list_readings(user: User) -> list[Reading[AskedPage]]:
    """Read what the list shows as the session stands, if the list is open."""
    if st.session_state.get(TABS) not in (None, LIST):
        return []
    asked = _asked()
    reading = asked.reading(user.id)
    return [Reading(reading.sql, lambda rows: AskedPage(asked, reading.make(rows)), reading.values)]


def draw_memory_list(user: User, read: AskedPage | None) -> bool:
    """Draw the search, the filter and what they find; return False if the person has no memories."""
    _draw_search()
    asked = _asked()
    words, filters, _ = asked
    page = read.page if read and read.asked == asked else services().read_together(user.id, asked.reading(user.id))[0]
    page, close = _search(user, words, filters, page) if words else (page, [])
    if not page.total and not words and not filters:
        _draw_empty()
        return False
    if not page.total:
        st.caption("No exact matches." if words else "No memories match the filter.")
    else:
        _draw_count(page, found=bool(words or filters))
        if st.session_state.get(SEVERAL):
            _draw_with_boxes(user, page.results)
        else:
            _draw_memories(user, page.results, f"page-{st.session_state.get(PAGE) or 1}")
    if close:
        st.caption("Similar memories")
        _draw_memories(user, close, "close")
    if not words:
        elements.draw_pages(PAGE, page.total, PAGE_SIZE)
    return True


def _draw_search() -> None:
    """Draw the search box and the filter."""
    row = st.container(horizontal=True, vertical_alignment="center", wrap=False)
    row.text_input(
        "Find",
        key=FIND,
        placeholder="Find a memory",
        label_visibility="collapsed",
        max_chars=MAX_WORDS,
        on_change=_go_to_first_page,
    )
    chosen = sum(bool(st.session_state.get(each)) for each in (KINDS, ALWAYS, SINCE, UNTIL))
    label = f"Filter ({chosen})" if chosen else "Filter"
    with row.popover(label, icon=":material/filter_list:", key="filter"):
        st.pills(
            "Kind",
            list(elements.KINDS),
            selection_mode="multi",
            format_func=elements.kind_name,
            key=KINDS,
            on_change=_go_to_first_page,
        )
        st.checkbox("Always included", key=ALWAYS, on_change=_go_to_first_page)
        st.date_input("Added since", value=None, key=SINCE, format="YYYY-MM-DD", on_change=_go_to_first_page)
        st.date_input("Added until", value=None, key=UNTIL, format="YYYY-MM-DD", on_change=_go_to_first_page)
        st.button("Clear filter", type="tertiary", icon=":material/filter_list_off:", on_click=_clear_filter)


def _asked() -> Asked:
    """Return what the search box, the filter and the page numbers ask for."""
    words = storable(str(st.session_state.get(FIND) or "").strip())[:MAX_WORDS]
    return Asked(words, _filters(), 1 if words else int(st.session_state.get(PAGE) or 1))


def _filters() -> dict[str, Any]:
    """Return a filter for the memory layer; days are days in the person's timezone."""
    kinds, always, since, until = (st.session_state.get(each) for each in (KINDS, ALWAYS, SINCE, UNTIL))
    conditions: list[dict[str, Any]] = []
    if kinds:
        of_kind: dict[str, Any] = {"kind": {"$in": list(kinds)}}
        # Rows that other programs wrote have no kind, and count as facts.
        conditions.append({"$or": [of_kind, {"kind": {"$exists": False}}]} if "fact" in kinds else of_kind)
    if always:
        conditions.append({"always_included": True})
    if since:
        conditions.append({"created_at": {"$gte": datetime.combine(since, time.min, dates.timezone())}})
    if until:
        conditions.append({"created_at": {"$lte": datetime.combine(until, time.max, dates.timezone())}})
    return {"$and": conditions} if conditions else {}


def _go_to_first_page() -> None:
    st.session_state.pop(PAGE, None)


def _clear_filter() -> None:
    st.session_state[KINDS], st.session_state[ALWAYS] = [], False
    st.session_state[SINCE], st.session_state[UNTIL] = None, None
    _go_to_first_page()


def _search(user: User, words: str, filters: dict[str, Any], saying: MemoryPage) -> tuple[MemoryPage, list[Result]]:
    """Return the memories `saying` these words and those found by other words; and those that only mean the like."""
    says = {each["id"]: each for each in saying.results}
    try:
        alike = services().memory.search(
            words, user_id=user.id, limit=MAX_FOUND, filters=filters, recipe="facts", explain=True
        )["results"]
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
    st.markdown("No memories yet. Tell me something about yourself in a chat, and it will appear here.")
    if st.button("Go to chat", type="primary", icon=":material/chat:"):
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


def _draw_memories(user: User, results: Sequence[Result], part: str) -> None:
    """Draw a list. The memory that was forgotten last leaves its place empty: no other moves under the pointer."""
    event, place = st.session_state.get(FORGOTTEN) or (0, None)
    gone = place[1] if place and place[0] == part and undo_bar.can_undo(event) else None
    for number, memory in enumerate(results):
        if number == gone:
            _draw_forgotten()
        draw_memory(user, memory, (part, number))
    if gone == len(results):
        _draw_forgotten()


def _draw_forgotten() -> None:
    with st.container(border=True, key="just-forgotten"):
        st.caption("Forgotten. You can undo this below.")


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


def draw_memory(user: User, memory: Result, place: tuple[str, int] | None = None) -> None:
    """Draw a memory with its buttons, and its details if they are open; `place` is its list, and its number there."""
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
            _forget_memory(user, memory, place)
        if opened:
            _draw_details(user, memory)


def _forget_memory(user: User, memory: Result, place: tuple[str, int] | None) -> None:
    memories = services().memory
    try:
        memories.delete(memory["id"], user_id=user.id)
        last = memories.history(memory["id"], user_id=user.id)[-1]
        undo_bar.offer_undo(f"Forgotten: {elements.escape(memory['memory'])}", last["id"])
        st.session_state[FORGOTTEN] = (last["id"], place)
        if _is_open(memory["id"]):
            _toggle_details(memory["id"])
    except NotFound:
        st.toast("Already forgotten.")
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
    _draw_always(user, memory)
    _draw_edit_form(user, memory)
    recall_checks.draw_pin_button(user, memory)
    with show_errors():
        _draw_history(user, memory)


def _draw_origin(user: User, memory: Result) -> None:
    metadata = memory["metadata"]
    if quote := metadata.get("quote"):
        st.markdown(f"> “{elements.escape(str(quote))}”".replace("\n", "\n> "))
    kept, told = memory["created_at"], elements.told_at(memory)
    first = dates.date_of(kept) if kept else None
    latest = dates.date_of(told) if told else None
    details = {
        "Kind": elements.kind_name(metadata["kind"]) if metadata.get("kind") in elements.KINDS else None,
        "Told": latest,
        "About": dates.date_of(metadata["happened_at"]) if metadata.get("happened_at") else None,
        "First added": first if first != latest else None,
        "Confirmed": dates.date_of(metadata["confirmed_at"]) if metadata.get("confirmed_at") else None,
        "Source": _source_of(metadata),
    }
    lines = (f"**{name}:** {elements.escape(value)}" for name, value in details.items() if value)
    st.markdown("  \n".join(lines))
    _draw_open_chat_button(user, memory)


def _draw_always(user: User, memory: Result) -> None:
    """Draw the switch that gives a memory to every reply, and whether there is room for it."""
    included = memory.get("always_included", False)
    # What it is now is part of the key, so that the switch shows what an undo or another tab has changed.
    wanted = st.toggle("Always include", value=included, key=f"always-{memory['id']}-{included}", help=ALWAYS_HELP)
    with show_errors():
        always = services().memory.always
        if wanted != included:
            change = (always.include if wanted else always.exclude)([memory["id"]], user_id=user.id)
            if change.count:
                done = "Always included" if wanted else "No longer always included"
                undo_bar.offer_undo(f"{done}: {elements.escape(memory['memory'])}", change.run)
            st.rerun()
        if included and memory["id"] in always.without_room(user_id=user.id):
            st.caption(NO_ROOM)


def _source_of(metadata: Mapping[str, Any]) -> str | None:
    if str(metadata.get("run_id") or "").startswith(IMPORTED):
        return "your ChatGPT messages"
    return SOURCES.get(str(metadata.get("source")))


def _draw_open_chat_button(user: User, memory: Result) -> None:
    """Draw the button that opens the message that told what a memory says now, or else its chat."""
    run_id, message_id = _own_id(memory["metadata"], "run_id"), _own_id(memory["metadata"], "message_id")
    # What the person wrote has no message; the history has those of the versions before.
    if message_id is None and (run_id is None or memory["metadata"].get("source") == "person"):
        return
    label = "Show in chat" if message_id else "Open the chat"
    if st.button(label, key=f"chat-of-{memory['id']}", icon=":material/chat:"):
        _open_chat(user, run_id, message_id)


def _open_chat(user: User, run_id: str | None, message_id: str | None) -> None:
    """Open a chat at a message; both may be gone by now."""
    with show_errors():
        conversations = services().conversations
        found = conversations.message(user.id, message_id) if message_id else None
        chat = found.conversation_id if found else run_id
        if chat is None or not conversations.messages(user.id, chat, limit=1):
            st.toast("The chat it came from has been deleted.")
        else:
            at = {"message": found.id} if found else {}
            st.switch_page("pages/chat.py", query_params={"chat": chat, **at})


def _own_id(source: Mapping[str, Any], key: str) -> str | None:
    """Return the id of a chat or a message of this app; imported memories have ids of other kinds."""
    name = source.get(key)
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
        if message_id := version["event"] != "DELETE" and _own_id(version, "message_id"):
            label, key = "Show in chat", f"icon-source-{version['id']}"
            if row.button(label, key=key, icon=":material/north_east:", type="tertiary"):
                _open_chat(user, _own_id(version, "run_id"), message_id)
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
    done = DONE.get(change, change) if event["marked"] is None else MARKED[event["marked"]]
    undone = " · undoing a change" if event["undoes"] else ""
    line = f"{dates.date_of(event['created_at'])} · {done} by {who}"
    quote = event["quote"]
    quoted = f"  \n“{elements.escape(str(quote))}”" if quote and quote != said else ""
    return f"{line}{undone}  \n{elements.escape(str(said))}{quoted}"
