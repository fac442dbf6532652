"""One memory, opened in its place in the list: where it comes from, its wording, and every version it had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import streamlit as st

from auth.guard import User
from memory import Result
from services import services
from texts import text
from ui import elements, undo_bar
from ui.frame import trouble
from ui.health import recall_checks

__all__ = ["any_open", "draw", "is_open", "toggle"]

OPENED = "opened_memory"
SOURCES = ("person", "import", "merge")
ACTORS = ("person", "model", "rules", "import", "tidy")
DONE = ("ADD", "UPDATE", "DELETE")


def is_open(memory_id: str) -> bool:
    """Whether this is the memory that is looked at."""
    return bool(st.session_state.get(OPENED) == memory_id)


def any_open() -> bool:
    """Whether any memory is looked at."""
    return bool(st.session_state.get(OPENED))


def toggle(memory_id: str) -> None:
    """Open it, or close it again."""
    st.session_state[OPENED] = None if is_open(memory_id) else memory_id


def draw(user: User, memory: Result) -> None:
    """What is known about it, the box to say it better, and its history."""
    _origin(user, memory)
    _edit(user, memory)
    recall_checks.pin_button(user, memory)
    with trouble():
        _history(user, memory)


def _origin(user: User, memory: Result) -> None:
    known = memory["metadata"]
    if quote := known.get("quote"):
        st.markdown(f"> “{elements.plain(str(quote))}”".replace("\n", "\n> "))
    kept = memory["created_at"]
    told = {
        "kind": elements.kind_name(known["kind"]) if known.get("kind") in elements.KINDS else None,
        "kept": elements.date_of(kept) if kept else None,
        "happened": elements.date_of(known["happened_at"]) if known.get("happened_at") else None,
        "confirmed": elements.date_of(known["confirmed_at"]) if known.get("confirmed_at") else None,
        "source": _source(known),
    }
    lines = (f"**{text(f'memories.detail.{name}')}:** {elements.plain(value)}" for name, value in told.items() if value)
    st.markdown("  \n".join(lines))
    _way_back(user, memory)


def _source(known: Mapping[str, Any]) -> str | None:
    if str(known.get("run_id") or "").startswith("chatgpt:"):
        return text("memories.detail.sources.chatgpt")
    source = known.get("source")
    return text(f"memories.detail.sources.{source}") if source in SOURCES else None


def _way_back(user: User, memory: Result) -> None:
    """To the message it came from, or at least to its chat; both may be gone by now."""
    run_id, message_id = _named(memory, "run_id"), _named(memory, "message_id")
    if run_id is None:
        return
    label = text("memories.detail.open_message") if message_id else text("memories.detail.open_chat")
    if not st.button(label, key=f"chat-of-{memory['id']}", icon=":material/chat:"):
        return
    with trouble():
        conversations = services().conversations
        found = conversations.message(user.id, message_id) if message_id else None
        if message_id and found is not None and found.conversation_id == run_id:
            st.switch_page("pages/chat.py", query_params={"chat": run_id, "message": message_id})
        elif conversations.messages(user.id, run_id, limit=1):
            st.switch_page("pages/chat.py", query_params={"chat": run_id})
        else:
            st.toast(text("memories.detail.chat_gone"))


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
        words = st.text_area(text("memories.detail.words"), value=memory["memory"], key=f"words-{key}")
        asked = st.form_submit_button(text("memories.detail.save"), icon=":material/check:")
    if not asked or words.strip() == memory["memory"]:
        return
    with trouble():
        own = services().memory
        own.update(memory["id"], words, user_id=user.id)
        last = own.history(memory["id"], user_id=user.id)[-1]
        undo_bar.offer(text("memories.detail.changed", words=elements.plain(words.strip())), last["id"])
        st.rerun()


def _history(user: User, memory: Result) -> None:
    st.markdown(f"**{text('memories.detail.history')}**")
    for each in reversed(services().memory.history(memory["id"], user_id=user.id)):
        row = st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small")
        row.caption(_told(each), width="stretch")
        # Taking back the first version is forgetting, which has a button of its own.
        if each["event"] != "UPDATE":
            continue
        label, key = text("memories.detail.undo"), f"icon-undo-{each['id']}"
        if row.button(label, key=key, icon=":material/undo:", type="tertiary"):
            with trouble():
                services().memory.undo(each["id"], user_id=user.id)
                undo_bar.dismiss()
                st.rerun()


def _told(event: Mapping[str, Any]) -> str:
    said = event["new_memory"] if event["new_memory"] is not None else event["old_memory"]
    actor, change = str(event["actor"]), str(event["event"])
    who = text(f"memories.detail.actors.{actor}") if actor in ACTORS else elements.plain(actor)
    done = text(f"memories.detail.done.{change}") if change in DONE else change
    undone = text("memories.detail.undone") if event["undoes"] else ""
    line = text("memories.detail.told", day=elements.date_of(event["created_at"]), done=done, who=who)
    return f"{line}{undone}  \n{elements.plain(str(said))}"
