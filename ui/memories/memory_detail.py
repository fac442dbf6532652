"""One memory, opened in its place in the list: where it comes from, its wording, and every version it had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import streamlit as st

from auth.guard import User
from memory import Result
from services import services
from ui import dates, elements, undo_bar
from ui.frame import show_errors
from ui.health import recall_checks

__all__ = ["draw_detail", "is_any_open", "is_open", "toggle"]

OPENED = "opened_memory"
# Where a memory comes from, who changed it, and what was done.
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


def is_open(memory_id: str) -> bool:
    """Whether this is the memory that is looked at."""
    return bool(st.session_state.get(OPENED) == memory_id)


def is_any_open() -> bool:
    """Whether any memory is looked at."""
    return bool(st.session_state.get(OPENED))


def toggle(memory_id: str) -> None:
    """Open it, or close it again."""
    st.session_state[OPENED] = None if is_open(memory_id) else memory_id


def draw_detail(user: User, memory: Result) -> None:
    """What is known about it, the box to say it better, and its history."""
    _origin(user, memory)
    _edit(user, memory)
    recall_checks.draw_pin_button(user, memory)
    with show_errors():
        _history(user, memory)


def _origin(user: User, memory: Result) -> None:
    known = memory["metadata"]
    if quote := known.get("quote"):
        st.markdown(f"> “{elements.escape(str(quote))}”".replace("\n", "\n> "))
    kept = memory["created_at"]
    told = {
        "Kind": elements.kind_name(known["kind"]) if known.get("kind") in elements.KINDS else None,
        "Kept": dates.date_of(kept) if kept else None,
        "Happened": dates.date_of(known["happened_at"]) if known.get("happened_at") else None,
        "Confirmed": dates.date_of(known["confirmed_at"]) if known.get("confirmed_at") else None,
        "Source": _source(known),
    }
    lines = (f"**{name}:** {elements.escape(value)}" for name, value in told.items() if value)
    st.markdown("  \n".join(lines))
    _way_back(user, memory)


def _source(known: Mapping[str, Any]) -> str | None:
    if str(known.get("run_id") or "").startswith("chatgpt:"):
        return "what you said to ChatGPT"
    return SOURCES.get(str(known.get("source")))


def _way_back(user: User, memory: Result) -> None:
    """To the message it came from, or at least to its chat; both may be gone by now."""
    run_id, message_id = _named(memory, "run_id"), _named(memory, "message_id")
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


def _named(memory: Result, key: str) -> str | None:
    """The name of a chat or a message here: what comes from elsewhere has names of other kinds."""
    name = memory["metadata"].get(key)
    try:
        return name if isinstance(name, str) and str(UUID(name)) == name else None
    except ValueError:
        return None


def _edit(user: User, memory: Result) -> None:
    # By its wording too: a box shows anew what an undo, or another tab, made of it.
    key = f"{memory['id']}-{memory['hash']}"
    with st.form(f"edit-{key}", border=False):
        words = st.text_area("What it says", value=memory["memory"], key=f"words-{key}")
        asked = st.form_submit_button("Save", icon=":material/check:")
    if not asked or words.strip() == memory["memory"]:
        return
    with show_errors():
        own = services().memory
        own.update(memory["id"], words, user_id=user.id)
        last = own.history(memory["id"], user_id=user.id)[-1]
        undo_bar.offer_undo(f"Changed: {elements.escape(words.strip())}", last["id"])
        st.rerun()


def _history(user: User, memory: Result) -> None:
    st.markdown("**History**")
    for each in reversed(services().memory.history(memory["id"], user_id=user.id)):
        row = st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small")
        row.caption(_told(each), width="stretch")
        # Taking back the first version is forgetting, which has a button of its own.
        if each["event"] != "UPDATE":
            continue
        label, key = "Undo this change", f"icon-undo-{each['id']}"
        if row.button(label, key=key, icon=":material/undo:", type="tertiary"):
            with show_errors():
                services().memory.undo(each["id"], user_id=user.id)
                undo_bar.withdraw_undo()
                st.rerun()


def _told(event: Mapping[str, Any]) -> str:
    said = event["new_memory"] if event["new_memory"] is not None else event["old_memory"]
    actor, change = str(event["actor"]), str(event["event"])
    who = ACTORS.get(actor) or elements.escape(actor)
    done = DONE.get(change, change)
    undone = " · taking a change back" if event["undoes"] else ""
    line = f"{dates.date_of(event['created_at'])} · {done} by {who}"
    return f"{line}{undone}  \n{elements.escape(str(said))}"
