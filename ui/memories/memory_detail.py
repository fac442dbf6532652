"""The details of one memory, opened in the list: where it comes from, a form to edit it, and every version it had."""

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

OPEN = "opened_memory"
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
    """Return whether the details of this memory are open."""
    return bool(st.session_state.get(OPEN) == memory_id)


def is_any_open() -> bool:
    """Return whether the details of any memory are open."""
    return bool(st.session_state.get(OPEN))


def toggle(memory_id: str) -> None:
    """Open the details of a memory, or close them."""
    st.session_state[OPEN] = None if is_open(memory_id) else memory_id


def draw_detail(user: User, memory: Result) -> None:
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
    if str(metadata.get("run_id") or "").startswith("chatgpt:"):
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
        asked = st.form_submit_button("Save", icon=":material/check:")
    if not asked or words.strip() == memory["memory"]:
        return
    with show_errors():
        memories = services().memory
        memories.update(memory["id"], words, user_id=user.id)
        last = memories.history(memory["id"], user_id=user.id)[-1]
        undo_bar.offer_undo(f"Changed: {elements.escape(words.strip())}", last["id"])
        st.rerun()


def _draw_history(user: User, memory: Result) -> None:
    st.markdown("**History**")
    for each in reversed(services().memory.history(memory["id"], user_id=user.id)):
        row = st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small")
        row.caption(_history_line(each), width="stretch")
        # To undo the first version is to forget the memory, which has a button of its memories.
        if each["event"] != "UPDATE":
            continue
        label, key = "Undo this change", f"icon-undo-{each['id']}"
        if row.button(label, key=key, icon=":material/undo:", type="tertiary"):
            with show_errors():
                services().memory.undo(each["id"], user_id=user.id)
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
